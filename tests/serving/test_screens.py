"""A screen is a real process on a real terminal, which never outlives its page."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys

import pytest

from controlroom.serving import screens
from controlroom.serving.screens import Screen
from tests.serving.chromium import so
from tests.serving.served import is_gone


async def running(program: str, columns: int = 80, lines: int = 24) -> Screen:
    return await screens.opened([sys.executable, "-c", program], {"PATH": os.environ["PATH"]}, columns, lines)


async def drawn(screen: Screen, words: bytes) -> bytes:
    came = b""
    async with asyncio.timeout(15):
        while words not in came:
            more = await screen.read()
            assert more, came
            came += more
    return came


async def typed_for_ever(screen: Screen) -> None:
    while True:
        await screen.type(b"x" * 4096)


async def test_it_draws_and_is_typed_to() -> None:
    """What the process writes is read, what is typed reaches it, and its end is the end of what is drawn."""
    screen = await running("print(input('name? ')[::-1])")
    await drawn(screen, b"name? ")
    await screen.type(b"quay\n")
    await drawn(screen, b"yauq")
    while await screen.read():
        pass
    assert await screen.end() == 0


async def test_it_is_told_its_size_within_limits() -> None:
    """It begins in the size of the page, is told of another one, and of none that is absurd."""
    program = (
        "import os, signal\n"
        "say = lambda word: os.write(1, b'%s %d %d.' % (word, *os.get_terminal_size()))\n"
        "signal.signal(signal.SIGWINCH, lambda *_: say(b'now'))\n"
        "say(b'size')\n"
        "while True: signal.pause()"
    )
    screen = await running(program, 101, 31)
    await drawn(screen, b"size 101 31.")
    screen.resize(64, 50)
    await drawn(screen, b"now 64 50.")
    screen.resize(9_999_999, 0)
    await drawn(screen, b"now 400 6.")
    assert await screen.end() == -signal.SIGHUP


@pytest.mark.parametrize("stopped", [False, True], ids=["deaf", "stopped"])
async def test_it_ends_whatever_it_does(stopped: bool) -> None:
    """One that ignores that its page is gone, or was stopped, is ended all the same."""
    program = (
        "import signal\n"
        "for one in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT): signal.signal(one, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()"
    )
    screen = await running(program)
    await drawn(screen, b"ready")
    if stopped:
        os.kill(screen.process, signal.SIGSTOP)
    assert await screen.end() == -signal.SIGKILL
    assert is_gone(screen.process)


async def test_one_that_stands_still_is_found_out() -> None:
    """It lives while it runs for a moment every second; stopped it soon does not, woken it does again."""
    screen = await running("import time\nprint('ready', flush=True)\nwhile True: time.sleep(0.2)")
    await drawn(screen, b"ready")
    assert screen.lives()
    os.kill(screen.process, signal.SIGSTOP)
    await so(lambda: not screen.lives(), 3 * screens.FROZEN)
    os.kill(screen.process, signal.SIGCONT)
    await so(screen.lives, 3.0)
    await screen.end()


async def test_one_that_takes_nothing_does_not_hold_up_its_page() -> None:
    """Typing to a process that reads nothing gives up, and however much it was, it was never kept in full."""
    screen = await running("import time, tty\ntty.setraw(0)\nprint('ready', flush=True)\ntime.sleep(99)")
    await drawn(screen, b"ready")
    with pytest.raises(TimeoutError):
        await typed_for_ever(screen)
    await screen.end()


async def test_its_memory_has_a_limit() -> None:
    """No process may use up the machine, whatever is typed to it."""
    screen = await running("input()")
    assert resource.prlimit(screen.process, resource.RLIMIT_AS)[1] == screens.MEMORY
    await screen.end()


def test_it_sees_a_browser_and_nothing_of_the_servers_terminal() -> None:
    """Its terminal has colours and UTF-8 whatever the server runs in, and no display of the server's."""
    found = screens.surroundings(
        {"TERM": "dumb", "NO_COLOR": "1", "LC_ALL": "C", "DISPLAY": ":0", "TMUX": "x", "HOME": "/h"}
    )
    assert (found["TERM"], found["HOME"], found["LC_CTYPE"]) == ("xterm-256color", "/h", "C.UTF-8")
    assert not {"NO_COLOR", "LC_ALL", "DISPLAY", "TMUX"} & found.keys()
