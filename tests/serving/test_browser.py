"""The room in a real Chromium: it is drawn, it takes keys, it keeps others out, and it never looks newer."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from controlroom.lab import servers
from tests.collecting.processes import probed
from tests.conftest import Start
from tests.relaying import Collector
from tests.serving.chromium import Chromium, Page, chromium, so
from tests.serving.served import TOKEN, Served, command_of, furnish, is_gone, serving
from tests.test_following import noted, told

READY = "document.body.classList.contains('-first-byte')"
VEILED = "!document.getElementById('veil').hidden && document.getElementById('veil').innerText"
UNVEILED = "document.getElementById('veil').hidden"


async def entered(browser: Chromium, served: Served, path: str = "/", **how: object) -> Page:
    """A tab that came in with the token in its address."""
    page = await browser.page(**how)  # type: ignore[arg-type]
    await page.open(f"{served.origin}{path}#{TOKEN}")
    await page.until(READY)
    return page


def is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "about") or parts.hostname in ("127.0.0.1", "localhost")


async def test_the_room_is_drawn_and_takes_keys(tmp_path: Path) -> None:
    """The token in the address lets in and is gone from it; the room is drawn; keys and letters do things."""
    async with (
        probed() as kafka,
        serving(furnish(tmp_path, kafka.port), tmp_path) as served,
        chromium(tmp_path / "chromium") as browser,
    ):
        await served.says("listens")
        page = await entered(browser, served)
        await page.shows("Harbour programme")
        await page.shows("Kafka")
        assert await page.js("location.href") == f"{served.origin}/"
        assert await page.js("document.cookie") == ""
        before = await page.picture(tmp_path / "before.png")
        await page.press("?")
        await page.shows("Esc close")
        after = await page.picture(tmp_path / "after.png")
        assert before != after
        await page.press("Escape", 27, "\x1b")
        await so(lambda: "Esc close" not in page.drawn)
        assert all(map(is_local, page.requests)), page.requests
        assert not [line for line in page.complaints if "401" not in line and "Password" not in line]
        await page.press("q")
        assert "The room was left" in await page.until(VEILED)


async def test_a_typed_token_lets_in_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    """Who has no address with the token is asked for it; what is wrong is said, and shows nothing."""
    async with (
        serving(furnish(tmp_path), tmp_path) as served,
        chromium(tmp_path / "chromium") as browser,
    ):
        await served.says("listens")
        page = await browser.page()
        await page.open(f"{served.origin}/oncall")
        await page.until("document.getElementById('entrance')")
        await page.js("document.getElementById('token').focus()")
        await page.call("Input.insertText", text="wrong")
        await page.press("Enter", 13, "\r")
        await page.until("document.getElementById('why').innerText.includes('not the token')")
        assert served.screens() == set()
        await page.call("Input.insertText", text=TOKEN)
        await page.press("Enter", 13, "\r")
        await page.until(READY)
        await page.shows("on-call")
        assert await page.js("location.pathname") == "/oncall"


@asynccontextmanager
async def elsewhere() -> AsyncIterator[str]:
    """A page of another origin on the same machine."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>evil</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_page_of_elsewhere_gets_nothing(tmp_path: Path) -> None:
    """In a browser that is in, a page of another port can open no socket, read nothing and frame nothing."""
    async with (
        serving(furnish(tmp_path), tmp_path) as served,
        elsewhere() as evil,
        chromium(tmp_path / "chromium") as browser,
    ):
        await served.says("listens")
        own = await entered(browser, served)
        await own.shows("Harbour programme")
        before = served.screens()
        page = await browser.page()
        await page.open(f"{evil}/")
        await page.until("document.title === 'evil'")
        for host in (served.host, served.host.replace("127.0.0.1", "localhost")):
            told_of = await page.js(
                f"new Promise(done => {{ const s = new WebSocket('ws://{host}/ws/room/UTC?width=80&height=24');"
                " s.onopen = () => done('open'); s.onerror = () => done('refused'); })"
            )
            assert told_of == "refused"
            for mode in ("cors", "no-cors"):
                read = await page.js(
                    f"fetch('http://{host}/', {{mode: '{mode}', credentials: 'include'}})"
                    ".then(a => a.text()).then(t => t.length).catch(() => 0)"
                )
                assert read == 0
        framed = await page.js(
            "new Promise(done => { const f = document.createElement('iframe');"
            f" f.src = '{served.origin}/'; f.onload = () => {{"
            " try { done(f.contentDocument ? 'read' : 'none') } catch { done('none') } };"
            " document.body.append(f); })"
        )
        assert framed == "none"
        assert served.screens() == before


async def test_twenty_tabs_and_no_more(tmp_path: Path) -> None:
    """Twenty tabs show the room, polled once; the twenty-first says why not, and comes in when one goes."""
    async with (
        probed() as kafka,
        serving(furnish(tmp_path, kafka.port), tmp_path) as served,
        chromium(tmp_path / "chromium") as browser,
    ):
        await served.says("listens")
        pages = [await entered(browser, served, size=(800, 500))]
        for _ in range(19):
            page = await browser.page((800, 500))
            await page.open(f"{served.origin}/")
            pages.append(page)
        for page in pages:
            await page.shows("1 up", 60)
        assert len(served.screens()) == 20
        loop = asyncio.get_running_loop()
        began, came = loop.time(), kafka.came
        more = await browser.page((800, 500))
        await more.open(f"{served.origin}/")
        assert "all 20 screens are in use" in await more.until(VEILED)
        await so(lambda: kafka.came >= came + 10)
        assert kafka.came - came <= (loop.time() - began) / 0.2 + 2
        await browser.close(pages[7])
        await so(lambda: len(served.screens()) == 19)
        await more.js("document.getElementById('again').click()")
        await more.shows("1 up", 60)


async def test_a_screen_that_stands_still_is_called_stale(tmp_path: Path) -> None:
    """Its process stopped, a page says STALE and since when; woken, it shows the present again."""
    async with (
        serving(furnish(tmp_path), tmp_path) as served,
        chromium(tmp_path / "chromium") as browser,
    ):
        await served.says("listens")
        page = await entered(browser, served)
        await page.shows("Harbour programme")
        (screen,) = served.screens()
        os.kill(screen, signal.SIGSTOP)
        seen = await page.until(VEILED, 15)
        assert "STALE" in seen
        assert "What is behind this is old" in seen
        os.kill(screen, signal.SIGCONT)
        await page.until(UNVEILED, 10)


async def test_a_server_that_is_gone_or_stands_still_leaves_no_screen_that_looks_new(tmp_path: Path) -> None:
    """The server stopped or killed, its pages say STALE; a new one at its place, they come back."""
    config = furnish(tmp_path)
    async with chromium(tmp_path / "chromium") as browser:
        async with serving(config, tmp_path) as served:
            await served.says("listens")
            page = await entered(browser, served)
            await page.shows("Harbour programme")
            served.process.send_signal(signal.SIGSTOP)
            assert "STALE" in await page.until(VEILED, 15)
            served.process.send_signal(signal.SIGCONT)
            await page.until(UNVEILED, 10)
            screens = served.screens()
            config.write_text(config.read_text().replace("127.0.0.1:0", served.host))
            served.process.kill()
            assert "STALE" in await page.until(VEILED, 5)
            await so(lambda: all(map(is_gone, screens)))
        page.screen.reset()
        async with serving(config, tmp_path) as again:
            await again.says("listens")
            await page.shows("Harbour programme")
            await page.until(UNVEILED)


async def test_with_a_redis_it_follows_and_polls_nothing(tmp_path: Path, start: Start) -> None:
    """With a Redis as store tabs show what a collector tells there; when it falls silent, they say STALE."""
    url = f"redis://{start(servers.redis).address}/0"
    collector = Collector(url)
    async with (
        probed() as kafka,
        serving(furnish(tmp_path, kafka.port, url), tmp_path) as served,
        chromium(tmp_path / "chromium") as browser,
    ):
        await served.says("follows")
        with collector.talking(noted(told(), "told by the collector")):
            page = await entered(browser, served)
            await so(lambda: served.screens() != set())
            await page.shows("told by the collector")
            assert "is silent" not in page.drawn
        await page.shows("is silent", 10)
        assert kafka.came == 0
        (screen,) = served.screens()
        assert url.encode() not in command_of(screen)
    collector.close()


@pytest.mark.parametrize("path", ["/", "/oncall"])
async def test_a_phone_has_keys_and_a_room_that_fits(path: str, tmp_path: Path) -> None:
    """On a screen as small as a phone's the room has the columns that it needs, and keys for fingers."""
    async with (
        probed() as kafka,
        serving(furnish(tmp_path, kafka.port), tmp_path) as served,
        chromium(tmp_path / "chromium", "--force-device-scale-factor=2") as browser,
    ):
        await served.says("listens")
        page = await entered(browser, served, path, size=(390, 844), phone=True)
        await so(lambda: page.columns >= 60)
        await so(
            lambda: ("too small" not in page.drawn and "Kafka" in page.drawn) or "Blockers" in page.drawn
        )
        assert await page.js("document.documentElement.scrollWidth") <= 390
        box = await page.js(
            "(() => { const b = [...document.querySelectorAll('#keys button')]"
            ".find(one => one.textContent === '?').getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        where = [{"x": box[0], "y": box[1]}]
        await page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=where)
        await page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        await page.shows("Esc close")
