"""Serving as a process: who is let in, what a page may send, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from tests.collecting.processes import probed
from tests.serving.chromium import so
from tests.serving.served import (
    TOKEN,
    closed,
    command_of,
    draws,
    environ_of,
    furnish,
    is_gone,
    serving,
    status,
    surroundings,
)


async def test_nobody_comes_in_by_another_name_or_from_elsewhere(tmp_path: Path) -> None:
    """Another `Host` or `Origin` is refused on every path, also with the right cookie, and so is none."""
    async with serving(furnish(tmp_path), tmp_path) as served:
        await served.says("listens")
        (name, value), *_ = (await served.cookie()).items()
        brought = {"Cookie": f"{name}={value}"}
        assert (await status(served, "/", **brought))[0] == 200
        for path in ("/", "/oncall", "/enter", "/alive", "/static/room.js", "/ws/room/UTC", "/nowhere"):
            method = "POST" if path == "/enter" else "GET"
            for host in ("evil.test", "127.0.0.1", "127.0.0.1:1", "", f"{served.host}.evil.test"):
                assert (await status(served, path, method, Host=host, **brought))[0] in (400, 421)
            for origin in ("null", "http://evil.test", "http://127.0.0.1:1", f"https://{served.host}", ""):
                assert (await status(served, path, method, Origin=origin, **brought))[0] == 403
        upgrade = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        }
        assert (await status(served, "/ws/room/UTC", **upgrade, **brought))[0] == 403
        assert served.screens() == set()


async def test_without_the_token_there_is_nothing_to_see(tmp_path: Path) -> None:
    """Without a cookie there is only the entrance; a wrong token brings none, and waits."""
    async with serving(furnish(tmp_path), tmp_path) as served:
        await served.says("listens")
        code, page = await status(served)
        assert code == 401
        assert "Harbour" not in page
        assert (await status(served, "/alive"))[0] == 401
        assert (await status(served, "/ws/room/UTC", Origin=served.origin))[0] == 401
        began = asyncio.get_running_loop().time()
        assert await served.cookie("wrong") == {}
        assert asyncio.get_running_loop().time() - began > 0.4
        assert (await status(served, f"/?token={TOKEN}"))[0] == 401
        assert (await status(served, "/alive", Cookie=f"controlroom={TOKEN}"))[0] == 401
        assert served.screens() == set()


async def test_every_answer_is_guarded(tmp_path: Path) -> None:
    """Pages, refusals and assets say that nothing of elsewhere belongs to them; no cookie is for scripts."""
    async with serving(furnish(tmp_path), tmp_path) as served:
        await served.says("listens")
        for path in ("/", "/static/textual.js", "/nowhere", "/static/../server.py"):
            answer = (await status(served, path))[1].lower()
            for header in (
                "x-content-type-options: nosniff",
                "x-frame-options: deny",
                "server: controlroom\r",
            ):
                assert header in answer, path
        page = (await status(served))[1]
        policy = next(line for line in page.split("\r\n") if line.startswith("Content-Security-Policy"))
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        async with aiohttp.ClientSession() as session:
            entered = await session.post(
                f"{served.origin}/enter", data={"token": TOKEN}, headers={"Origin": served.origin}
            )
            given = entered.history[0].headers["Set-Cookie"]
        assert "HttpOnly" in given
        assert "SameSite=Strict" in given


async def test_behind_a_proxy_the_origins_count_that_are_configured(tmp_path: Path) -> None:
    """The name and origin of a proxy are let in too, and the cookie is for TLS then."""
    config = furnish(tmp_path, origins=("https://room.example",))
    async with serving(config, tmp_path) as served:
        await served.says("listens")
        assert (await status(served, "/", Host="room.example"))[0] == 401
        assert (await status(served, "/", Host="room.example:8460"))[0] == 421
        told = {"Host": "room.example", "Content-Type": "application/x-www-form-urlencoded"}
        reader, writer = await asyncio.open_connection("127.0.0.1", int(served.host.rpartition(":")[2]))
        body = f"token={TOKEN}"
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(
            f"POST /enter HTTP/1.1\r\n{head}Origin: https://room.example\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        answer = (await reader.read()).decode()
        writer.close()
        assert answer.startswith("HTTP/1.1 303")
        assert "__Host-controlroom=" in answer
        assert "; Secure" in answer


async def test_the_token_is_nowhere(tmp_path: Path) -> None:
    """Not in what any process was called with, not in what a tab inherits, not in anything that is said."""
    async with serving(furnish(tmp_path), tmp_path) as served:
        await served.says("listens")
        async with served.tab(await served.cookie()) as socket:
            await draws(socket, b"Harbour")
            (screen,) = served.screens()
            for process in (served.process.pid, screen):
                assert TOKEN.encode() not in command_of(process)
            assert TOKEN.encode() not in environ_of(screen)
        served.process.terminate()
        assert await served.ends() == 0
    assert TOKEN not in json.dumps(served.lines) + served.errors.decode()
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file() and TOKEN in _read(path)]


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


async def test_a_token_that_was_made_is_only_for_who_started_it(tmp_path: Path) -> None:
    """Where no terminal shows it, the address with it is in a file of this user, which goes at the end."""
    async with serving(furnish(tmp_path, token=False), tmp_path) as served:
        path = Path((await served.says("token")).split(" is in ")[1].split(",")[0])
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        address, _, token = _read(path).strip().partition("#")
        assert address == served.url
        assert len(token) >= 40
        assert await served.cookie(token)
        assert token not in json.dumps(served.lines)
        served.process.terminate()
        assert await served.ends() == 0
        assert not path.parent.exists()


@pytest.mark.parametrize(
    ("changes", "environ", "words"),
    [
        ({"listen": "0.0.0.0:0", "token": False}, {}, "beyond this machine"),
        ({"listen": "0.0.0.0:0"}, {}, "beyond this machine"),
        ({}, {"ROOM_TOKEN": "short"}, "too short"),
        ({}, {"ROOM_TOKEN": ""}, "cannot be had"),
        ({"listen": "192.0.2.1:0", "origins": ("https://room.example",)}, {}, "cannot listen"),
    ],
    ids=["open", "no-origin", "short", "no-token", "no-address"],
)
def test_what_is_not_safe_is_not_begun(
    changes: dict[str, object], environ: dict[str, str], words: str, tmp_path: Path
) -> None:
    """Beyond this machine only with a token and an origin, and nowhere with a token that can be guessed."""
    config = furnish(tmp_path, **changes)  # type: ignore[arg-type]
    ended = subprocess.run(
        [sys.executable, "-m", "controlroom", "--config", str(config), "serve"],
        env=surroundings(tmp_path) | environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2, ended
    assert words in ended.stderr


async def test_a_tab_shows_the_room_and_takes_keys(tmp_path: Path) -> None:
    """The socket draws the room, keys reach it, and who leaves it is told so."""
    async with serving(furnish(tmp_path), tmp_path) as served:
        await served.says("listens")
        async with served.tab(await served.cookie()) as socket:
            await draws(socket, b"Harbour")
            await socket.send_str(json.dumps(["ping", "17"]))
            await draws_text(socket, '["pong", "17"]')
            await socket.send_str(json.dumps(["stdin", "q"]))
            assert (await closed(socket))[0] == 4000
        await so(lambda: served.screens() == set())


async def draws_text(socket: aiohttp.ClientWebSocketResponse, words: str) -> None:
    async with asyncio.timeout(10):
        while (await socket.receive()).data != words:
            pass


NONSENSE: tuple[str | bytes, ...] = (
    *("", "{", "17", "[]", '["stdin"]', '["stdin", 7]', '["quit"]', '["resize", {"width": "x"}]'),
    *('["stdin", "a", "b"]', "[" * 5000, '{"stdin": "q"}', b"\x00\x01", '["ping", "x", 1]'),
    '["deliver_chunk_request", {"key": "x"}]',
)


async def test_nonsense_ends_the_tab(tmp_path: Path) -> None:
    """A message that no page of ours sends ends the screen, one that is too long too, and only that one."""
    async with serving(furnish(tmp_path), tmp_path) as served:
        await served.says("listens")
        cookies = await served.cookie()
        for message in NONSENSE:
            async with served.tab(cookies) as socket:
                if isinstance(message, str):
                    await socket.send_str(message)
                else:
                    await socket.send_bytes(message)
                assert (await closed(socket))[0] == 4003, message
        async with served.tab(cookies) as socket:
            await socket.send_str(json.dumps(["stdin", "x" * 70_000]))
            assert (await closed(socket))[0] == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        await so(lambda: served.screens() == set())
        assert (await status(served, "/"))[0] == 401


async def test_a_flood_is_slowed_down(tmp_path: Path) -> None:
    """However fast a page sends, its screen gets so much a second and the others go on."""
    async with serving(furnish(tmp_path), tmp_path) as served:
        await served.says("listens")
        cookies = await served.cookie()
        async with served.tab(cookies) as socket, served.tab(cookies) as other:
            await draws(socket, b"Harbour")
            await draws(other, b"Harbour")

            async def flood() -> None:
                while True:
                    await socket.send_str(json.dumps(["stdin", "j" * 20_000]))

            flooding = asyncio.create_task(flood())
            try:
                for number in range(5):
                    await other.send_str(json.dumps(["ping", str(number)]))
                    await draws_text(other, f'["pong", "{number}"]')
            finally:
                flooding.cancel()


async def test_there_is_a_limit_to_tabs(tmp_path: Path) -> None:
    """One more than configured is told so in plain words, and comes in as soon as another one goes."""
    async with serving(furnish(tmp_path, sessions=2), tmp_path) as served:
        await served.says("listens")
        cookies = await served.cookie()
        async with served.tab(cookies) as first:
            await draws(first, b"Harbour")
            async with served.tab(cookies) as second:
                await draws(second, b"Harbour")
                async with served.tab(cookies) as third:
                    assert await closed(third) == (4002, "all 2 screens are in use: close one of them")
                assert len(served.screens()) == 2
            async with served.tab(cookies) as fourth:
                await draws(fourth, b"Harbour")


async def test_a_tab_that_goes_away_ends_its_process(tmp_path: Path) -> None:
    """Its process ends with the connection, however that breaks, also one that was stopped."""
    async with serving(furnish(tmp_path), tmp_path) as served:
        await served.says("listens")
        cookies = await served.cookie()
        for stopped in (False, True):
            async with served.tab(cookies) as socket:
                await draws(socket, b"Harbour")
                (screen,) = served.screens()
                if stopped:
                    os.kill(screen, signal.SIGSTOP)
                response = socket._response
                assert response.connection is not None
                assert response.connection.transport is not None
                response.connection.transport.abort()
            await so(partial(is_gone, screen), 10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_no_tab_outlives_the_server(number: signal.Signals, tmp_path: Path) -> None:
    """However the server ends, the processes of its tabs end, and asked to end it leaves nothing behind."""
    async with serving(furnish(tmp_path), tmp_path) as served:
        await served.says("listens")
        cookies = await served.cookie()
        async with served.tab(cookies) as socket, served.tab(cookies) as other:
            await draws(socket, b"Harbour")
            await draws(other, b"Harbour")
            screens = served.screens()
            assert len(screens) == 2
            served.process.send_signal(number)
            code = await served.ends()
        assert code == {signal.SIGTERM: 0, signal.SIGINT: 130}.get(number, -9)
        await so(lambda: all(map(is_gone, screens)), 10)
    if number is not signal.SIGKILL:
        assert list((tmp_path / "home").glob("controlroom-*")) == []
    assert served.errors == b""


async def test_tabs_look_only_unless_they_may_act(tmp_path: Path) -> None:
    """Read-only is the default, and it is the process itself that is; otherwise it acts on the same log."""
    for read_only in (True, False):
        folder = tmp_path / str(read_only)
        async with serving(furnish(folder, read_only=read_only), folder) as served:
            await served.says("listens")
            async with served.tab(await served.cookie()) as socket:
                await draws(socket, b"Harbour")
                (screen,) = served.screens()
                assert (b"--read-only" in command_of(screen)) is read_only


async def test_many_tabs_poll_once(tmp_path: Path) -> None:
    """With a folder as store the serving process asks the services, once for all tabs."""
    async with probed() as kafka, serving(furnish(tmp_path, kafka.port), tmp_path) as served:
        await served.says("listens")
        cookies = await served.cookie()
        async with served.tab(cookies) as first, served.tab(cookies) as second, served.tab(cookies) as third:
            for socket in (first, second, third):
                await draws(socket, b"Harbour")
            begun, came = asyncio.get_running_loop().time(), kafka.came
            await so(lambda: kafka.came >= came + 15)
            passed = asyncio.get_running_loop().time() - begun
            assert kafka.came - came <= passed / 0.2 + 2


def test_without_its_libraries_it_says_what_to_install(tmp_path: Path) -> None:
    """An installation without the extra names it, with the line that installs it."""
    block = tmp_path / "textual_serve.py"
    block.write_text("raise ImportError(name='textual_serve')\n", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "controlroom", "--config", str(furnish(tmp_path)), "serve"],
        env=surroundings(tmp_path) | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert "pip install 'controlroom[serve]'" in ended.stderr
