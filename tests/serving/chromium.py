"""A real Chromium without a window, told what to do over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pyte
import pytest

FLAGS = (
    *("--headless=new", "--remote-debugging-port=0", "--no-first-run", "--no-default-browser-check"),
    *("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--mute-audio"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps", "--hide-scrollbars"),
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--force-color-profile=srgb"),
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)


class Page:
    """A tab."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self.browser, self.session = browser, session
        self.requests: list[str] = []
        """Addresses that it asked for, also in vain."""
        self.complaints: list[str] = []
        """What its console says."""
        self.target = ""
        self.columns, self.lines = 0, 0
        """Of its terminal, as its socket was opened with."""
        self.screen = pyte.Screen(80, 24)
        """What its terminal was told to draw."""
        self._stream = pyte.ByteStream(self.screen)

    @property
    def drawn(self) -> str:
        """What its terminal was told to draw, as text."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    async def shows(self, words: str, seconds: float = 30.0) -> None:
        """Wait until its terminal was told to draw these words."""
        try:
            await so(lambda: words in self.drawn, seconds)
        except TimeoutError:
            raise AssertionError(f"not drawn: {words!r}\n{self.drawn}\n{await self.text()}") from None

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the tab for something of the protocol."""
        return await self.browser.call(method, self.session, **parameters)

    async def open(self, url: str) -> None:
        """Go to an address."""
        await self.call("Page.navigate", url=url)

    async def js(self, expression: str) -> Any:
        """What an expression gives."""
        found = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        return found["result"].get("value")

    async def until(self, expression: str, seconds: float = 30.0) -> Any:
        """Wait until an expression gives something true: what."""
        value = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not value:
                    with contextlib.suppress(RuntimeError):  # between two pages
                        value = await self.js(expression)
                    await asyncio.sleep(0.05)  # a page has no event for everything
        if not value:
            raise AssertionError(f"never so: {expression}\n{await self.text()}\n{self.complaints}")
        return value

    async def text(self) -> str:
        """What a person reads on it beside the terminal."""
        return str(await self.js("document.body ? document.body.innerText : ''"))

    async def press(self, key: str, code: int = 0, text: str = "") -> None:
        """Press and let go of a key."""
        given = {"key": key, "windowsVirtualKeyCode": code or ord(key.upper()[0])}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text or key, **given)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **given)

    async def picture(self, path: Path) -> bytes:
        """What it looks like, as PNG."""
        found = await self.call("Page.captureScreenshot", format="png")
        content = base64.b64decode(found["data"])
        await asyncio.to_thread(path.write_bytes, content)
        return content

    def saw(self, event: str, given: dict[str, Any]) -> None:
        """Remember what the tab reports."""
        if event == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])
        elif event == "Network.webSocketCreated":
            self.requests.append(given["url"])
            self._begin(given["url"])
        elif event == "Network.webSocketFrameReceived" and given["response"]["opcode"] == 2:
            self._stream.feed(base64.b64decode(given["response"]["payloadData"]))
        elif event == "Log.entryAdded":
            self.complaints.append(given["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(given["exceptionDetails"].get("exception", {}).get("description")))
        elif event == "Runtime.consoleAPICalled" and given["type"] in ("error", "warning", "assert"):
            self.complaints.append(str([one.get("value") for one in given["args"]]))

    def _begin(self, url: str) -> None:
        asked = parse_qs(urlsplit(url).query)
        if "width" in asked:
            self.columns, self.lines = int(asked["width"][0]), int(asked["height"][0])
            self.screen = pyte.Screen(self.columns, self.lines)
            self._stream = pyte.ByteStream(self.screen)


class Chromium:
    """A browser that runs."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}

    async def listen(self) -> None:
        """Take what it says."""
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                answer = self._answers.pop(told["id"], None)
                if answer is None or answer.done():
                    continue
                if "error" in told:
                    answer.set_exception(RuntimeError(told["error"]["message"]))
                else:
                    answer.set_result(told["result"])
            elif told.get("sessionId") in self._pages:
                self._pages[told["sessionId"]].saw(told["method"], told["params"])

    async def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Ask the browser for something of the protocol. Raises RuntimeError."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        named = {"sessionId": session} if session else {}
        await self._socket.send_json({"id": number, "method": method, "params": parameters, **named})
        async with asyncio.timeout(30):
            found: dict[str, Any] = await answer
        return found

    async def page(
        self, size: tuple[int, int] = (1280, 800), *, phone: bool = False, context: str | None = None
    ) -> Page:
        """A new tab; of a `context` of its own it shares no cookies with others."""
        within = {"browserContextId": context} if context else {}
        target = (await self.call("Target.createTarget", url="about:blank", **within))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self._pages[session] = Page(self, session)
        page.target = target
        for domain in ("Page", "Network", "Log", "Runtime"):
            await page.call(f"{domain}.enable")
        await page.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=0,
            mobile=phone,
        )
        if phone:
            await page.call("Emulation.setTouchEmulationEnabled", enabled=True)
        return page

    async def another(self) -> str:
        """A context that shares nothing with any other."""
        return str((await self.call("Target.createBrowserContext"))["browserContextId"])

    async def close(self, page: Page) -> None:
        """Close a tab."""
        await self.call("Target.closeTarget", targetId=page.target)


@asynccontextmanager
async def chromium(folder: Path, *more: str) -> AsyncIterator[Chromium]:
    """A browser with a profile of its own in `folder`; skips the test where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("CONTROLROOM_REQUIRE_SERVERS") == "1":
            pytest.fail("chromium is missing: apt install chromium")
        pytest.skip("chromium is missing: apt install chromium")
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(program, *FLAGS, f"--user-data-dir={folder}", *more, "about:blank"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
        start_new_session=True,
    )
    try:
        port, path = (await _written(folder / "DevToolsActivePort")).split("\n")[:2]
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket,
        ):
            browser = Chromium(socket)
            listening = asyncio.create_task(browser.listen())
            try:
                yield browser
            finally:
                listening.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _written(path: Path) -> str:
    """What a file says as soon as it is whole."""
    found: str = await so(lambda: path.exists() and path.read_text().count("\n") and path.read_text())
    return found


async def so(look: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What `look` gives as soon as that is something."""
    async with asyncio.timeout(seconds):
        while not (found := look()):  # noqa: ASYNC110 - other processes' files and children give no event
            await asyncio.sleep(0.03)
    return found
