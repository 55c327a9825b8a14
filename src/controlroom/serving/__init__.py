"""The room in a browser.

Every tab is a process of its own on a terminal of its own, as if somebody had opened the room there; the page
is a terminal that draws it. The processes follow this one over a socket on this machine, and this one follows
the collector, or polls itself: one look at the world, however many tabs there are.

Whoever gets in can press keys, so who gets in is decided by `entrance` alone, before anything else happens.
"""

from __future__ import annotations

EXTRA = "serve"
"""Name of the optional dependencies that this room needs."""


def missing() -> str:
    """What is missing and the line that installs it; empty where all is there."""
    try:
        import aiohttp
        import textual_serve  # noqa: F401
    except ImportError as error:
        return f"{error.name} is missing: pip install 'controlroom[{EXTRA}]'"
    del aiohttp
    return ""
