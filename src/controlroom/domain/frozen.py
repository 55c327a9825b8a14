"""Immutable values: the standard library's `dataclass`, quicker to define where it is frozen and has slots.

`dataclasses` compiles the text of six methods for each frozen class, about half a millisecond at every start.
A room has some two hundred such classes before its first paint, which made them the dearest part of it
(`make bench ARGS=room`). Here the text of one method is compiled, `__init__`; the others read the fields
through `operator.attrgetter`. A class behaves as the standard library's does: tests put the two side by side.
Values are compared as tuples of their fields, as the standard library does before Python 3.13: one NaN
that is in both makes no difference.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - type checkers know it by this name
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """Decorator: `dataclasses.dataclass`; with `frozen=True, slots=True` (and `eq`) quick to apply."""

        def decorated(cls: type) -> type:
            if _quick(cls, options):
                return _frozen(cls, eq=options.get("eq", True))
            return dataclasses.dataclass(cls, **options)

        return decorated if cls is None else decorated(cls)


def _quick(cls: type, options: dict[str, bool]) -> bool:
    """Left to the standard library: other options, inheritance among dataclasses, and odd classes."""
    return (
        options.get("frozen", False)
        and options.get("slots", False)
        and options.keys() <= {"frozen", "slots", "eq"}
        and not dataclasses.is_dataclass(cls)
        and bool(cls.__doc__)
        and not any("InitVar" in str(annotation) for annotation in cls.__annotations__.values())
        and not cls.__dict__.keys()
        & {"__init__", "__setattr__", "__delattr__", "__getstate__", "__setstate__"}
    )


def _frozen(cls: Any, *, eq: bool) -> type:
    written = set(cls.__dict__)
    if "__eq__" in written and cls.__dict__.get("__hash__") is None:
        written.discard("__hash__")  # what Python puts there itself beside an `__eq__`
    cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    fields = dataclasses.fields(cls)
    methods: dict[str, Callable[..., Any]] = {
        "__init__": _init(cls, fields),
        "__repr__": _repr,
        "__setattr__": _set,
        "__delattr__": _delete,
        "__getstate__": _get_state,
        "__setstate__": _set_state,
    }
    if eq:
        methods["__eq__"] = _equal(_reader([field.name for field in fields if field.compare]))
        hashed = [f.name for f in fields if (f.compare if f.hash is None else f.hash)]
        methods["__hash__"] = _hash(_reader(hashed))
    for name, method in methods.items():
        if name not in written:
            setattr(cls, name, method)
    made = cls.__dataclass_params__
    made.init = made.repr = made.frozen = True
    made.eq = eq
    return cls  # type: ignore[no-any-return]


FROM_FACTORY = object()
"""Stands in a signature for a default that is made anew for each value."""


def _init(cls: Any, fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    names: dict[str, Any] = {"FROM_FACTORY": FROM_FACTORY}
    order: dict[bool, list[str]] = {False: [], True: []}
    body = []
    for field in fields:
        name = field.name
        names[f"__set_{name}"] = getattr(cls, name).__set__
        made = field.default_factory is not dataclasses.MISSING
        names[f"__make_{name}" if made else f"__default_{name}"] = (
            field.default_factory if made else field.default
        )
        default = "FROM_FACTORY" if made else f"__default_{name}"
        given = made or field.default is not dataclasses.MISSING
        if field.init:
            order[bool(field.kw_only)].append(f"{name}={default}" if given else name)
            value = f"__make_{name}() if {name} is FROM_FACTORY else {name}" if made else name
        elif given:
            value = f"__make_{name}()" if made else default
        else:
            continue
        body.append(f"  __set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("  self.__post_init__()")
    parameters = ["self", *order[False], *(["*", *order[True]] if order[True] else [])]
    exec(f"def __init__({', '.join(parameters)}):\n" + ("\n".join(body) or "  pass"), names)  # noqa: S102
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {field.name: field.type for field in fields if field.init} | {"return": None}
    return init


def _reader(names: list[str]) -> Callable[[object], Any]:
    if len(names) < 2:  # an attrgetter of one name gives no tuple
        return lambda self: tuple(getattr(self, name) for name in names)
    return attrgetter(*names)


def _equal(read: Callable[[object], Any]) -> Callable[[object, object], Any]:
    def equal(self: object, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return read(self) == read(other)

    return equal


def _hash(read: Callable[[object], Any]) -> Callable[[object], int]:
    return lambda self: hash(read(self))


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (
        f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr
    )
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _fixed(self: Any, name: str) -> bool:
    return name in self.__dataclass_fields__ or "__dataclass_fields__" in type(self).__dict__


def _set(self: object, name: str, value: object) -> None:
    if _fixed(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _delete(self: object, name: str) -> None:
    if _fixed(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
