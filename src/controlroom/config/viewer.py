"""The viewer's time zone, as the machine says it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo


class ViewerZone(NamedTuple):
    """An IANA zone and, where the machine does not name one, a note that says so."""

    name: str
    note: str = ""


def viewer_zone_name(environ: Mapping[str, str] = os.environ, etc: Path = Path("/etc")) -> ViewerZone:
    """The machine's zone: ``TZ``, else where ``/etc/localtime`` points, else ``/etc/timezone``, else UTC.

    A ``TZ`` that names no zone of the IANA database is not passed over silently: the note says it.
    """
    said = environ.get("TZ")
    note = ""
    if said is not None:
        name = _named(said.removeprefix(":")) if said else "UTC"
        if _exists(name):
            return ViewerZone(name)
        note = f"TZ={said!r} is no IANA zone; "
    for candidate in _from_files(etc):
        if _exists(candidate):
            return ViewerZone(candidate, f"{note}showing {candidate}" if note else "")
    remedy = "set [ui].viewer_zone or pass --tz"
    return ViewerZone("UTC", f"{note or 'this machine names no time zone; '}showing UTC: {remedy}")


def _from_files(etc: Path) -> list[str]:
    found: list[str] = []
    link = etc / "localtime"
    with suppress(OSError, RuntimeError):
        found += [_named(str(link.readlink())), _named(str(link.resolve()))]
    with suppress(OSError):
        text = (etc / "timezone").read_text(encoding="utf-8", errors="replace")
        found.append(text.split("\n", 1)[0].strip())
    return found


def _named(path: str) -> str:
    """The zone in a path such as ``/usr/share/zoneinfo/posix/Europe/London``."""
    name = path.rpartition("zoneinfo/")[2]
    return name.removeprefix("posix/").removeprefix("right/")


def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
