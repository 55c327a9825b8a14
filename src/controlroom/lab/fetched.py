"""Where servers lie that no package of the system brings: `make servers` fetches them once, into a cache."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def fetched(name: str, environ: Mapping[str, str]) -> Path:
    """The folder of `name` (product and version, such as ``kafka-4.1.1``), there or not.

    It lies in `CONTROLROOM_SERVERS`, or else in ``controlroom/servers`` of the user's cache
    (`XDG_CACHE_HOME`, XDG Base Directory Specification).
    """
    if chosen := environ.get("CONTROLROOM_SERVERS"):
        return Path(chosen) / name
    cache = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(cache) / "controlroom" / "servers" / name
