"""The user's folders for configuration, cache and state, computed from the environment given.

By hand rather than with platformdirs: its import costs a fifth of a headless command's budget.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

NAME = "controlroom"

_MAC = {"XDG_CONFIG_HOME": "Library/Application Support", "XDG_CACHE_HOME": "Library/Caches"}
_XDG = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache", "XDG_STATE_HOME": ".local/state"}


def _folder(variable: str, environ: Mapping[str, str]) -> Path | None:
    given = environ.get(variable, "")
    if given.startswith("/"):  # the XDG specification wants relative paths ignored
        return Path(given) / NAME
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        return None
    usual = _MAC.get(variable, "Library/Application Support") if sys.platform == "darwin" else _XDG[variable]
    return Path(home) / usual / NAME


def config_folder(environ: Mapping[str, str]) -> Path | None:
    """Where the user's controlroom.toml and themes are; None where there is no home folder."""
    return _folder("XDG_CONFIG_HOME", environ)


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """What may be lost at any time: validated configurations, the last known room."""
    return _folder("XDG_CACHE_HOME", environ)


def state_folder(environ: Mapping[str, str]) -> Path | None:
    """What must not be lost: the outbox of actions that are not delivered yet."""
    return _folder("XDG_STATE_HOME", environ)
