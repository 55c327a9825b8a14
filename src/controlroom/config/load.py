"""From a controlroom.toml to a Config; what was validated before is remembered.

The memory holds the file's bytes beside the value they made, so nothing but the same bytes, read by the
same version of this program, is ever answered from it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom import __version__
from controlroom.config.build import Today, config, today_by_clock
from controlroom.config.folders import cache_folder, config_folder
from controlroom.config.shape import File
from controlroom.config.source import Unreadable, read_bytes
from controlroom.config.values import Config
from controlroom.domain.frozen import dataclass
from controlroom.stores import saved

if TYPE_CHECKING:
    from controlroom.config.errors import ConfigError

NAME = "controlroom.toml"
VARIABLE = "CONTROLROOM_CONFIG"

KEPT = 32
"""Configurations remembered at most; the oldest are forgotten."""


def find(explicit: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration to use: `explicit`, `$CONTROLROOM_CONFIG`, ./controlroom.toml, the user's.

    What is named explicitly is returned whether it exists or not; None where there is none at all.
    """
    named = explicit if explicit is not None else environ.get(VARIABLE) or None
    if named is not None:
        return Path(named)
    folder = config_folder(environ)
    places = [Path(NAME), *([folder / NAME] if folder else [])]
    return next((place for place in places if place.is_file()), None)


def load(
    path: str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    today: Today = today_by_clock,
) -> Config:
    """The configuration in `path` (None: wherever `find` finds one, else the built-in defaults).

    `today` gives the local date in a zone, for a start such as ``latest saturday``. Raises ConfigErrors
    with everything that is wrong.
    """
    environ = os.environ if environ is None else environ
    place = find(path, environ)
    if place is None:
        return config(File(), None, today)
    seen = examine(place, environ)
    if seen.errors:
        from controlroom.config.errors import ConfigErrors

        raise ConfigErrors(seen.errors)
    return config(seen.file, place.absolute(), today)


@dataclass(frozen=True, slots=True)
class Examined:
    """A file's bytes, what they say as far as it is right, and what is wrong."""

    raw: bytes
    file: File
    errors: tuple[ConfigError, ...] = ()


def examine(place: Path, environ: Mapping[str, str]) -> Examined:
    """Read and validate `place`, from memory where the same bytes were validated before."""
    try:
        raw = read_bytes(place, str(place))
    except Unreadable as problem:
        return Examined(b"", File(), (problem.error,))
    memory = _memory(place, environ)
    file = _remembered(memory, raw)
    if file is not None:
        return Examined(raw, file)
    from controlroom.config.read import parse

    file, errors = parse(raw, str(place))
    if not errors:
        _remember(memory, raw, file)
    return Examined(raw, file, errors)


def from_text(text: str, path: Path, *, today: Today = today_by_clock) -> Config:
    """As `load`, of a configuration that is not, or not yet, in the file `path`."""
    from controlroom.config.read import parse

    file, errors = parse(text.encode("utf-8"), str(path))
    if errors:
        from controlroom.config.errors import ConfigErrors

        raise ConfigErrors(errors)
    return config(file, path.absolute(), today)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A file's bytes, who read them, and what they said."""

    raw: bytes
    reader: str
    file: File


def _memory(place: Path, environ: Mapping[str, str]) -> Path | None:
    folder = cache_folder(environ)
    if folder is None:
        return None
    # The bytes decide whether it is the same configuration; the name only keeps files apart.
    return folder / "configurations" / f"{zlib.crc32(os.fsencode(place.absolute())):08x}.saved"


def _remembered(memory: Path | None, raw: bytes) -> File | None:
    if memory is None:
        return None
    try:
        found = saved.read(memory)
    except saved.UnreadableSaved:
        return None
    if isinstance(found, Remembered) and found.raw == raw and found.reader == reader():
        return found.file
    return None


def _remember(memory: Path | None, raw: bytes, file: File) -> None:
    """Keep it for the next time, unless a secret is written in it; failing to is no error."""
    from controlroom.config.literals import literal_secrets

    if memory is None or any(literal_secrets(file)):
        return
    with contextlib.suppress(OSError):
        saved.write(memory, Remembered(raw, reader(), file))
        others = sorted(memory.parent.glob("*.saved"), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in others[KEPT:]:
            old.unlink(missing_ok=True)


def reader(rooms: Sequence[str] = ("config", "domain", "probes", "stores")) -> str:
    """This program's version and the state of every module of the `rooms` that say what a file means."""
    package = Path(__file__).parents[1]
    seen = [__version__, sys.version]
    for folder in rooms:
        with contextlib.suppress(OSError), os.scandir(package / folder) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                if entry.name.endswith(".py"):
                    about = entry.stat()
                    seen.append(f"{entry.name} {about.st_size} {about.st_mtime_ns}")
    return "\n".join(seen)
