"""Values of this program kept in a file of its own, such as the last known room.

A pickle, for speed: ten thousand items come back in a fraction of the time JSON takes. A restricted
one: reading it makes dataclasses, named tuples and enums of controlroom, dates, paths and builtins, and
nothing else, and only where all of them still have the fields they were saved with. Whatever is odd about a
file makes it unreadable, and whoever reads it then does without.
"""

from __future__ import annotations

import datetime as dt
import enum
import gc
import io
import os
import pathlib
import pickle
import stat
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from operator import attrgetter, methodcaller
from types import MappingProxyType
from typing import Any

from controlroom.stores import atomic

PACKAGE = "controlroom"
ROOM = f"{PACKAGE}.domain"
"""Where all that a room consists of is defined; importing it does nothing else."""

MAGIC = b"controlroom saved 1\n"
LIMIT = 1 << 28
"""Bytes; a room with ten thousand items takes about two million."""

_PLAIN: Mapping[tuple[str, str], type] = {
    ("datetime", "date"): dt.date,
    ("datetime", "datetime"): dt.datetime,
    ("datetime", "time"): dt.time,
    ("datetime", "timedelta"): dt.timedelta,
    ("datetime", "timezone"): dt.timezone,
    ("pathlib", "PosixPath"): pathlib.PosixPath,
    ("pathlib", "PurePosixPath"): pathlib.PurePosixPath,
    ("builtins", "dict"): dict,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
}


class UnreadableSaved(Exception):
    """Why a saved value cannot be had back: damaged, foreign, from another version, not there."""


def dump(value: object) -> bytes:
    """`value` as bytes for `load`. Raises TypeError where it holds a value of any other kind."""
    shapes: dict[str, tuple[str, ...]] = {}
    body = io.BytesIO()
    pickler = pickle.Pickler(body, protocol=5)
    pickler.dispatch_table = _Reducers(shapes)
    try:
        pickler.dump(value)
    except (pickle.PicklingError, AttributeError, RecursionError) as problem:
        raise TypeError(f"cannot be saved: {problem}") from None
    head = pickle.dumps(shapes, protocol=5)
    content = len(head).to_bytes(4, "big") + head + body.getvalue()
    return MAGIC + zlib.crc32(content).to_bytes(4, "big") + content


def load(raw: bytes, within: str = PACKAGE) -> object:
    """The value `dump` made `raw` of. Raises UnreadableSaved.

    Modules of the package `within` are imported where `raw` names them: `ROOM` for what others told.
    """
    view = memoryview(raw)
    start = len(MAGIC) + 4
    if raw[: len(MAGIC)] != MAGIC or len(raw) < start + 4:
        raise UnreadableSaved("not a saved value of this version")
    if zlib.crc32(view[start:]).to_bytes(4, "big") != raw[len(MAGIC) : start]:
        raise UnreadableSaved("damaged")
    split = start + 4 + int.from_bytes(view[start : start + 4], "big")
    collecting = gc.isenabled()
    gc.disable()  # a quarter of the time otherwise, spent on looking for garbage in what is being made
    try:
        shapes = _Restricted(io.BytesIO(view[start + 4 : split]), {}, within).load()
        if not isinstance(shapes, dict):
            raise UnreadableSaved("its shapes are not a table")
        return _Restricted(io.BytesIO(view[split:]), shapes, within).load()
    except UnreadableSaved:
        raise
    except Exception as problem:  # a pickle of anything at all may raise anything at all
        raise UnreadableSaved(f"cannot be read: {type(problem).__name__}") from None
    finally:
        if collecting:
            gc.enable()


def write(path: pathlib.Path, value: object) -> None:
    """Keep `value` at `path`: whole and on disk, or not at all. Mode 0600, folders made 0700.

    Raises OSError, and TypeError as `dump` does.
    """
    content = dump(value)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic.write(path, content, 0o600)


def read(path: pathlib.Path) -> object:
    """The value kept at `path`. Raises UnreadableSaved: also when there is none, when it is not a
    regular file of this user, or when others may write to it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as problem:
        raise UnreadableSaved(getattr(problem, "strerror", None) or "not a path") from None
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise UnreadableSaved("not a regular file")
        if about.st_uid != os.geteuid() or about.st_mode & 0o022:
            raise UnreadableSaved("belongs to somebody else, or others may write to it")
        if about.st_size > LIMIT:
            raise UnreadableSaved("too large")
        with os.fdopen(handle, "rb", closefd=False) as source:
            raw = source.read(LIMIT)
    except OSError as problem:
        raise UnreadableSaved(problem.strerror or "cannot be read") from None
    finally:
        os.close(handle)
    return load(raw)


Reducer = Callable[[Any], tuple[Any, ...]]


class _Reducers(dict[type, Reducer]):
    """How to take values apart: a dataclass becomes its class and its fields' values, in order.

    Faster both ways than the generic state of a frozen slotted dataclass, which goes field by field
    through `object.__setattr__` and computes the list of fields anew for every instance.
    """

    def __init__(self, shapes: dict[str, tuple[str, ...]]) -> None:
        super().__init__({MappingProxyType: _proxy})
        self.shapes = shapes

    def __missing__(self, kind: type) -> Reducer:
        if issubclass(kind, type):
            raise KeyError(kind)  # a class is saved by its name, and so is every enum's
        module, name = kind.__module__, kind.__qualname__
        if is_dataclass(kind) and _ours(module):
            names = _fields(kind)
            self.shapes[f"{module}:{name}"] = names
            return self.setdefault(kind, _taker(kind, names))
        if _is_named_tuple(kind) and _ours(module):
            self.shapes[f"{module}:{name}"] = kind._fields  # type: ignore[attr-defined]
            return self.setdefault(kind, lambda value: (kind, tuple(value)))
        if (issubclass(kind, enum.Enum) and _ours(module)) or (module, name) in _PLAIN:
            return self.setdefault(kind, methodcaller("__reduce_ex__", 5))
        raise TypeError(f"cannot be saved: a value of {module}.{name}")


class _Restricted(pickle.Unpickler):
    def __init__(self, source: io.BytesIO, shapes: Mapping[str, tuple[str, ...]], within: str) -> None:
        super().__init__(source)
        self.shapes, self.within = shapes, within

    def find_class(self, module: str, name: str) -> object:
        """What makes values of the class `module.name`, if it is one that a saved value may be made of.

        Not the class itself: what is read could give that another attribute, for the whole process.
        """
        found = _PLAIN.get((module, name)) or self._class(module, name)
        return type(found).__call__.__get__(found)

    def _class(self, module: str, name: str) -> type:
        if not module.startswith(f"{self.within}.") or not name.isidentifier():
            raise UnreadableSaved(f"{module}.{name} has no place in a saved value")
        __import__(module)
        found = getattr(sys.modules[module], name, None)
        # Defined there, not merely imported there: nothing is reached through somebody else's name.
        if isinstance(found, type) and found.__module__ == module:
            if issubclass(found, enum.Enum):
                return found
            shape = self.shapes.get(f"{module}:{name}")
            if is_dataclass(found) and shape == _fields(found):
                return found
            if _is_named_tuple(found) and shape == found._fields:  # type: ignore[attr-defined]
                return found
        raise UnreadableSaved(f"{module}.{name} is not what it was when this was saved")


def _ours(module: str) -> bool:
    return module.startswith(f"{PACKAGE}.")


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and isinstance(getattr(kind, "_fields", None), tuple)


def _fields(kind: Any) -> tuple[str, ...]:
    if any(not f.init or f.kw_only for f in fields(kind)):
        raise TypeError(f"cannot be saved: {kind.__qualname__} has fields its constructor does not take")
    return tuple(f.name for f in fields(kind))


def _taker(kind: type, names: tuple[str, ...]) -> Reducer:
    if len(names) == 0:
        return lambda _: (kind, ())
    get = attrgetter(*names)
    if len(names) == 1:
        return lambda value: (kind, (get(value),))
    return lambda value: (kind, get(value))


def _proxy(value: Any) -> tuple[Any, ...]:
    return dict, (dict(value),)
