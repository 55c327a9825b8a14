"""The pages: nothing in them comes from a request, and nothing in them is from elsewhere."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

VIEWS = {"": "room", "oncall": "oncall", "wall": "wall"}
"""Path of a page → the view it opens in."""

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>controlroom</title>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/room.css">
"""

ROOM = (
    _HEAD
    + """<link rel="preload" href="/static/font.ttf" as="font" type="font/ttf" crossorigin>
<link rel="stylesheet" href="/static/xterm.css">
<script src="/static/room.js"></script>
</head>
<body class="room">
<div id="terminal" class="textual-terminal" data-font-size="15"></div>
<div id="keys" role="toolbar" aria-label="keys"></div>
<div id="veil" role="alert" hidden>
<div class="card"><h1 id="what"></h1><p id="why"></p>
<button type="button" id="again">Open it again</button></div>
</div>
<noscript><div class="card"><p>The room needs JavaScript.</p></div></noscript>
</body>
</html>
"""
)
"""The terminal."""

ENTRANCE = (
    _HEAD
    + """<script src="/static/enter.js" defer></script>
</head>
<body class="entrance">
<form class="card" id="entrance" method="post" action="/enter">
<h1>controlroom</h1>
<label for="token">The token of this room</label>
<input id="token" name="token" type="password" autocomplete="current-password" maxlength="500" autofocus>
<button type="submit">Enter</button>
<p id="why" role="alert"></p>
</form>
</body>
</html>
"""
)
"""Where the token is asked for."""

STATIC = {
    "room.css": "text/css",
    "room.js": "text/javascript",
    "enter.js": "text/javascript",
    "xterm.css": "text/css",
    "textual.js": "text/javascript",
    "font.ttf": "font/ttf",
}
"""Name → content type of what pages need; nothing else is served."""

_THEIRS = {
    "xterm.css": "css/xterm.css",
    "textual.js": "js/textual.js",
    "font.ttf": "fonts/RobotoMono-VariableFont_wght.ttf",
}


def asset(name: str) -> bytes:
    """The content of one of `STATIC`. Blocks. Raises OSError."""
    theirs = _THEIRS.get(name)
    if theirs is not None:
        return (files("textual_serve") / "static").joinpath(*theirs.split("/")).read_bytes()
    return (Path(__file__).parent / "assets" / name).read_bytes()


def policy(host: str) -> str:
    """The content security policy of every page, for a server that was called `host`, a name of its own.

    Styles may be made by scripts, which is how the terminal colours its cells; scripts come from here only.
    """
    sockets = f"ws://{host} wss://{host}"  # not all browsers take these to be 'self'
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "font-src 'self'",
            "img-src 'self' data:",
            f"connect-src 'self' {sockets}",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


HEADERS = {
    "Server": "controlroom",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), clipboard-read=()",
    "Cache-Control": "no-store",
}
"""Of every answer."""
