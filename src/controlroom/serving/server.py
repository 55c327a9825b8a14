"""The server of the room in a browser.

The page and the protocol of its socket are those of textual-serve: JSON lists from the page, bytes to draw
and JSON lists back. Its server is not used: it asks nobody who they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from aiohttp import WSCloseCode, WSMsgType, web

from controlroom.domain import zones
from controlroom.serving import pages, screens
from controlroom.serving.entrance import Entrance

log = logging.getLogger(__name__)

MESSAGE = 1 << 16
"""Bytes of one message of a page at most, such as a text that is pasted."""

PACE = 1 << 16
"""Bytes a second that one page may send; what is more has to wait."""

MESSAGES = 400
"""Messages a second that one page may send; dragging a mouse makes some hundred."""

HEARTBEAT = 10.0
"""Seconds between two looks at whether the browser is still there; half of it to answer."""

ROOM_SOON = 4.0
"""Seconds to wait for a screen that is just ending, as when a page is loaded again."""

WRONG = 0.5
"""Seconds that a wrong token takes; they are judged one after another."""

WAITING = 16
"""Tokens that wait to be judged at most."""

BODY = 4096
"""Bytes of a request at most."""

LEFT, ENDED, FULL, ODD = 4000, 4001, 4002, 4003
"""Why a screen's socket was closed: it was left, it ended otherwise, all are in use, nonsense was sent."""

Command = Callable[[str, str], Sequence[str]]
"""What to run for a view, in a time zone; an empty one is not known."""


class Serving(NamedTuple):
    """What is served, and to how many."""

    entrance: Entrance
    command: Command
    environ: Mapping[str, str]
    sessions: int


class Server:
    """Serves the room at an address from `listen` until `close`."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._runner: web.AppRunner | None = None
        self._assets: dict[str, bytes] = {}
        self._free = asyncio.Semaphore(serving.sessions)
        self._pages: set[web.WebSocketResponse] = set()
        self._judging = asyncio.Lock()
        self._waiting = 0
        self.screens: set[screens.Screen] = set()
        """Those that run."""

    async def listen(self, bound: socket.socket) -> None:
        """Serve at a socket that is bound already. Raises OSError."""
        self._assets = {name: await asyncio.to_thread(pages.asset, name) for name in pages.STATIC}
        app = web.Application(middlewares=[self._guarded], client_max_size=BODY)
        app.router.add_post("/enter", self._enter)
        app.router.add_get("/alive", self._alive)
        app.router.add_get("/static/{name}", self._static)
        app.router.add_get("/ws/{view}/{zone:.*}", self._socket)
        for path in pages.VIEWS:
            app.router.add_get(f"/{path}", self._page)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        self._runner = runner
        await web.SockSite(runner, bound, backlog=64).start()

    async def close(self) -> None:
        """Tell every page, and end every screen."""
        for page in list(self._pages):
            with contextlib.suppress(ConnectionError):
                await page.close(code=WSCloseCode.GOING_AWAY, message=b"the server was stopped")
        if self._runner is not None:
            await self._runner.cleanup()
        await asyncio.gather(*(screen.end() for screen in list(self.screens)), return_exceptions=True)

    # Who comes in

    @web.middleware
    async def _guarded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Judge the request before anything else, and give every answer its headers."""
        entrance = self._serving.entrance
        if not entrance.is_here(request.headers.getall("Host", [])):
            return _said(421, "this server has another name")
        origins = request.headers.getall("Origin", [])
        if origins and not entrance.is_ours(origins):
            return _said(403, "a page of somewhere else has nothing to do here")
        try:
            answer = await handler(request)
        except web.HTTPException as problem:
            answer = _said(problem.status, problem.reason.lower())
        except Exception:  # the border of a request: the others go on, and this one has its headers too
            log.exception("%s %s", request.method, request.path)
            answer = _said(500, "this is a bug of controlroom: its log says more")
        if not answer.prepared:
            answer.headers.update(pages.HEADERS | {"Content-Security-Policy": pages.policy(request.host)})
            if request.path.startswith("/static/") and answer.status == 200:
                answer.headers["Cache-Control"] = "private, max-age=600"
        return answer

    def _is_in(self, request: web.Request) -> bool:
        return self._serving.entrance.knows(dict(request.cookies))

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        """Change the token for a cookie."""
        entrance, origin = self._serving.entrance, request.headers.get("Origin", "")
        if not entrance.is_ours([origin]):
            return _said(403, "only a page of this server may send a token")
        if self._waiting >= WAITING:
            return _said(429, "too many are trying: wait a little")
        fields = await request.post()
        token = fields.get("token")
        self._waiting += 1
        try:
            async with self._judging:
                right = isinstance(token, str) and entrance.opens(token)
                if not right:
                    await asyncio.sleep(WRONG)
        finally:
            self._waiting -= 1
        if not right:
            return _said(403, "this is not the token")
        answer = web.Response(status=303, headers={"Location": "/"})
        secure = origin.startswith("https:")
        answer.set_cookie(
            entrance.cookie_name(origin),
            entrance.cookie(),
            httponly=True,
            samesite="Strict",
            secure=secure,
            path="/",
        )
        return answer

    # Pages

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if not self._is_in(request):
            return web.Response(status=401, text=pages.ENTRANCE, content_type="text/html")
        return web.Response(text=pages.ROOM, content_type="text/html")

    async def _alive(self, request: web.Request) -> web.StreamResponse:
        """Whether a page that lost its socket may try again."""
        return web.Response(status=204 if self._is_in(request) else 401)

    async def _static(self, request: web.Request) -> web.StreamResponse:
        body = self._assets.get(name := request.match_info["name"])
        if body is None:
            return _said(404, "not found")
        return web.Response(body=body, content_type=pages.STATIC[name])

    # Screens

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        """A screen, for as long as its page is there."""
        if not self._serving.entrance.is_ours(request.headers.getall("Origin", [])):
            return _said(403, "only a page of this server may open a screen")
        if not self._is_in(request):
            return _said(401, "the token is needed")
        view = request.match_info["view"]
        if view not in pages.VIEWS.values():
            return _said(404, "there is no such view")
        columns, lines = _number(request.query.get("width"), 80), _number(request.query.get("height"), 24)
        page = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MESSAGE, compress=False, timeout=2.0)
        await page.prepare(request)
        self._pages.add(page)
        try:
            command = self._serving.command(view, _zone(request.match_info["zone"]))
            await self._show(page, command, columns, lines)
        finally:
            self._pages.discard(page)
        return page

    async def _show(
        self, page: web.WebSocketResponse, command: Sequence[str], columns: int, lines: int
    ) -> None:
        try:
            async with asyncio.timeout(ROOM_SOON):
                await self._free.acquire()
        except TimeoutError:
            await _close(page, FULL, f"all {self._serving.sessions} screens are in use: close one of them")
            return
        screen = None
        try:
            screen = await screens.opened(command, self._serving.environ, columns, lines)
            self.screens.add(screen)
            code, reason = await self._joined(page, screen)
        except OSError as problem:
            log.warning("a screen cannot be opened: %s", problem)
            code, reason = ENDED, "the room cannot be opened on the machine that serves it"
        finally:
            # Not to be interrupted: whatever happens here, no process is left behind.
            await asyncio.shield(asyncio.ensure_future(self._ended(screen)))
        await _close(page, code, reason)

    async def _ended(self, screen: screens.Screen | None) -> None:
        try:
            if screen is not None:
                await screen.end()
                self.screens.discard(screen)
        finally:
            self._free.release()

    async def _joined(self, page: web.WebSocketResponse, screen: screens.Screen) -> tuple[int, str]:
        """Carry what is typed and what is drawn until one of the two ends: why it did."""
        typing = asyncio.create_task(_typed(page, screen), name="what is typed")
        drawing = asyncio.create_task(_drawn(page, screen), name="what is drawn")
        try:
            done, _ = await asyncio.wait({typing, drawing}, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for task in (typing, drawing):
                task.cancel()
            await asyncio.gather(typing, drawing, return_exceptions=True)


class _Odd(Exception):
    """A message that no page of this server sends."""


async def _typed(page: web.WebSocketResponse, screen: screens.Screen) -> tuple[int, str]:
    pace = _Pace(time.monotonic())
    try:
        async for message in page:
            if message.type is not WSMsgType.TEXT:
                raise _Odd
            await asyncio.sleep(pace.wait(len(message.data), time.monotonic()))
            await _take(page, screen, message.data)
    except _Odd:
        return ODD, "the page sent what is not understood"
    except TimeoutError:
        return ENDED, "the screen does not take what is typed"
    except OSError:
        return ENDED, "the screen has ended"
    return WSCloseCode.OK, ""


async def _take(page: web.WebSocketResponse, screen: screens.Screen, text: str) -> None:
    """Do what a message of the page says. Raises _Odd, TimeoutError, OSError."""
    try:
        kind, *rest = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise _Odd from None
    match kind, rest:
        case "stdin", [str(keys)]:
            await screen.type(keys.encode("utf-8", "replace"))
        case "resize", [{"width": int(columns), "height": int(lines)}]:
            screen.resize(columns, lines)
        case "ping", [str(word)]:
            # Not answered for a screen that stands still: its page says then that what it shows is old.
            if screen.lives():
                await page.send_str(json.dumps(["pong", word[:40]]))
        case (("focus" | "blur"), []):
            pass
        case _:
            raise _Odd


async def _drawn(page: web.WebSocketResponse, screen: screens.Screen) -> tuple[int, str]:
    try:
        while drawn := await screen.read():
            await page.send_bytes(drawn)
    except ConnectionError:
        return WSCloseCode.OK, ""
    code = await screen.left()
    return (LEFT, "") if code == 0 else (ENDED, f"the screen has ended (exit code {code})")


class _Pace:
    """How long what came has to wait, so that no page sends more than it may."""

    def __init__(self, now: float) -> None:
        self._until = now

    def wait(self, size: int, now: float) -> float:
        """Seconds to wait before a message of `size` is taken, which came at `now`."""
        # A second's worth may come at once.
        self._until = max(self._until, now - 1.0) + size / PACE + 1 / MESSAGES
        return max(0.0, self._until - now)


async def _close(page: web.WebSocketResponse, code: int, reason: str) -> None:
    with contextlib.suppress(ConnectionError):
        await page.close(code=code, message=reason.encode()[:120])


def _said(status: int, words: str) -> web.Response:
    answer = web.Response(status=status, text=f"{words}\n", headers=pages.HEADERS)
    answer.force_close()
    return answer


def _number(text: str | None, otherwise: int) -> int:
    return (
        int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 5 else otherwise
    )


def _zone(name: str) -> str:
    """`name` where it is a time zone's; else nothing."""
    try:
        zones.get(name)
    except ValueError:
        return ""
    return name
