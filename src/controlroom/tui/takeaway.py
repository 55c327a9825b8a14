"""Taking things away from the screen: the clipboard of the person's own terminal, and links."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

COPY_LIMIT = 56_000
"""Bytes; base64 of more than about 75,000 characters is cut off by several terminals."""


def osc52(text: str, environ: Mapping[str, str]) -> str:
    """The terminal sequence that puts `text` on the clipboard, through tmux and screen too.

    Inside tmux it is sent twice: as tmux reads it (``set-clipboard on``) and passed through to the
    terminal around it (``allow-passthrough on``); which of the two works is a setting of tmux.
    """
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    plain = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX"):
        return plain + f"\x1bPtmux;\x1b{plain}\x1b\\"
    if environ.get("TERM", "").startswith("screen") and environ.get("STY"):
        # GNU screen passes on at most 768 bytes at a time.
        parts = [plain[i : i + 700] for i in range(0, len(plain), 700)]
        return "".join(f"\x1bP{part}\x1b\\" for part in parts)
    return plain


def fitting(text: str) -> tuple[str, bool]:
    """`text` as far as a clipboard sequence can carry it, and whether something was cut off."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= COPY_LIMIT:
        return text, False
    return raw[:COPY_LIMIT].decode("utf-8", "ignore"), True


def is_web(link: str) -> bool:
    """Whether a browser may be given `link`: http and https only, with a host."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def has_browser(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether opening a page opens a window here, and not a text browser on top of the room."""
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return False
    return platform in ("darwin", "win32") or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
