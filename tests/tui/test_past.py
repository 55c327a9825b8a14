"""Looking back in the room: everything moves together, nothing can be done, and now is one key away."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from controlroom import last_known, wiring
from controlroom.config.load import load
from controlroom.config.values import Past as Settings
from controlroom.domain.past import Moment
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.remembering import Remembering
from controlroom.stores.ring import Ring
from controlroom.tui.app import RoomApp
from controlroom.tui.keys import ACTIONS, CHANGING
from controlroom.tui.port import Options

from .furnished import environ_of, furnish
from .looking import Seat, seat
from .rooms import NOW, ROOM, SERVICES
from .still import Still
from .terminal import program

KEPT = Settings()


def then(seconds: float, **parts: Any) -> Snapshot:
    """The room so many seconds before `NOW`, when its only blocker was called after them."""
    at = NOW - timedelta(seconds=seconds)
    parts.setdefault("blockers", (Blocker("b", f"Trouble {seconds:g}", opened_at=at),))
    sources = tuple(replace(source, read_at=at) for source in ROOM.sources)
    up = tuple(replace(state, health=Health.UP, reason="", since=at, probed_at=at) for state in SERVICES)
    return replace(ROOM, taken_at=at, sources=sources, services=up, **parts)


def kept(path: Path, *seconds: float) -> None:
    """A past with a moment so many seconds ago each, oldest first."""
    ring = Ring(path, 10 * 86_400, 64)
    for ago in seconds:
        assert ring.add(then(ago))
    ring.close()


@asynccontextmanager
async def looking_back(tmp_path: Path, *seconds: float, **options: Any) -> AsyncIterator[Seat]:
    """A room at `NOW` with a past of moments so many seconds ago."""
    path = tmp_path / "past.sqlite"
    kept(path, *seconds)
    room = Still()
    room.past = Remembering(path, lambda: KEPT)
    async with seat(room, **options) as at:
        yield at


async def until(at: Seat, seen: str | Callable[[str], bool], seconds: float = 10.0) -> str:
    """Until the screen shows it; gives what is seen then."""
    end = time.monotonic() + seconds
    while not (seen in at.screen if isinstance(seen, str) else seen(at.screen)):
        assert time.monotonic() < end, f"not seen: {seen!r}\n{at.screen}"
        await at.pilot.pause(0.01)
    return at.screen


def badge(screen: str) -> str:
    """What the header says of the past; empty in the present."""
    first = screen.splitlines()[0]
    return first.split("ago")[0] + "ago" if " PAST " in first else ""


async def test_every_pane_header_and_detail_show_the_same_moment(tmp_path: Path) -> None:
    """One press: header, panes, strip and the detail over them are of that instant, with the ages of then."""
    async with looking_back(tmp_path, 600, 61, 12, 4) as at:
        assert "Topics missing" in at.screen
        await at.press("[")
        screen = await until(at, "Trouble 12")
        assert badge(screen).split() == ["PAST", "08:59:18", "·", "12s", "ago"]
        assert "08:59:18 CET" in screen.splitlines()[0]
        assert "Topics missing" not in screen
        assert "got 08:59:18" in screen
        assert "connection refused" not in screen
        await at.press("enter")
        detail = await until(at, "opened")
        assert "Trouble 12" in detail
        assert "Standup in 00:42" in detail.splitlines()[0] or "00:42" in screen


async def test_presses_go_farther_while_somebody_keeps_pressing(tmp_path: Path) -> None:
    """Ten seconds a press; then a minute, ten minutes, an hour; and ten seconds again after a pause."""
    async with looking_back(tmp_path, *range(15_000, 0, -5)) as at:
        ago: list[float] = []

        async def press(key: str, later: float) -> None:
            before = at.screen.splitlines()[0]
            at.room.now += timedelta(seconds=later)
            await at.press(key)
            await until(at, lambda screen: badge(screen) != "" and screen.splitlines()[0] != before)
            past = at.app.room_screen.past
            assert past is not None
            ago.append((NOW - past.at).total_seconds())

        for _ in range(12):
            await press("[", 0.5)
        steps = [round(late - early) for early, late in pairwise(ago)]
        assert steps == [10, 10, 60, 60, 60, 600, 600, 600, 3600, 3600, 3600]
        assert " 1h 00m a press" in at.screen
        await press("]", 5)
        assert ago[-2] - ago[-1] == 10


async def test_the_footer_says_how_far_the_next_press_goes(tmp_path: Path) -> None:
    """Once nobody keeps pressing, the footer is back at ten seconds a press, as the keys are."""
    async with looking_back(tmp_path, *range(600, 0, -5)) as at:
        for _ in range(6):
            at.room.now += timedelta(seconds=0.5)
            await at.press("[")
        await until(at, " 1m a press")
        at.room.now += timedelta(seconds=5)
        at.app.on_tick()
        await until(at, " 10s a press")


async def test_now_is_one_key_away(tmp_path: Path) -> None:
    """Esc comes back from anywhere, and so does the way forward at its end; filter and zoom stay."""
    async with looking_back(tmp_path, 600, 61, 12) as at:
        await at.press("z", "[")
        assert badge(await until(at, "Trouble 12"))
        await at.press("escape")
        screen = await until(at, "back to now")
        assert badge(screen) == ""
        assert at.app.room_screen.zoomed == "blockers"
        await at.press("[")
        await until(at, "Trouble 12")
        await at.press("]")
        await until(at, "back to now")
        assert "Topics missing" in at.screen


class Slow(Remembering):
    """A past on a disk that takes its time: it answers once `go` is set."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, lambda: KEPT)
        self.go = asyncio.Event()
        self.answered = asyncio.Event()

    async def toward(self, shown: datetime, asked: datetime) -> Moment | str:
        """Later."""
        await self.go.wait()
        try:
            return await super().toward(shown, asked)
        finally:
            self.answered.set()


def slowly(at: Seat, tmp_path: Path) -> Slow:
    """From now on the past of this room is slow."""
    slow = at.room.past = Slow(tmp_path / "past.sqlite")
    return slow


async def test_whoever_came_back_is_not_taken_to_the_past_by_a_late_answer(tmp_path: Path) -> None:
    """A press that is still being answered when somebody comes back to now shows nothing any more."""
    async with looking_back(tmp_path, 600, 61, 12) as at:
        await at.press("[")
        await until(at, "Trouble 12")
        slow = slowly(at, tmp_path)
        await at.press("[", "escape")
        await until(at, "back to now")
        slow.go.set()
        await slow.answered.wait()
        await at.pilot.pause()
        assert badge(at.screen) == ""
        await at.press("[")
        assert badge(await until(at, "Trouble 12"))


async def test_what_was_opened_meanwhile_is_not_put_into_the_past(tmp_path: Path) -> None:
    """A form opened while a press is being answered stays about now: the past is not shown under it."""
    async with looking_back(tmp_path, 600, 61, 12) as at:
        slow = slowly(at, tmp_path)
        await at.press("[", "n")
        assert "New blocker" in at.screen
        slow.go.set()
        await slow.answered.wait()
        await until(at, "the past is not shown")
        assert at.app.room_screen.past is None
        assert "New blocker" in at.screen


async def test_the_past_does_not_move_while_new_things_arrive(tmp_path: Path) -> None:
    """What arrives is shown once one comes back, and only how long ago it was grows meanwhile."""
    async with looking_back(tmp_path, 61, 12) as at:
        await at.press("[")
        before = await until(at, "Trouble 12")
        at.room.now += timedelta(seconds=30)
        at.room.show(replace(ROOM, taken_at=at.room.now, blockers=(Blocker("n", "Brand new"),)))
        screen = await at.later()
        assert badge(screen).split()[-2:] == ["42s", "ago"]
        assert screen.splitlines()[1:-1] == before.splitlines()[1:-1]
        await at.press("escape")
        assert "Brand new" in await until(at, "back to now")


@pytest.mark.parametrize("size", [(200, 50), (120, 35), (80, 24), (60, 16)])
@pytest.mark.parametrize("colors", [True, False])
async def test_the_past_is_unmistakable(tmp_path: Path, size: tuple[int, int], colors: bool) -> None:
    """The word stands at both ends of the screen, at every size, with colours and without."""
    environ = {"COLORTERM": "truecolor"} if colors else {"NO_COLOR": "1"}
    async with looking_back(tmp_path, 61, 12, size=size, environ=environ) as at:
        await at.press("[")
        screen = await until(at, "PAST")
        lines = screen.splitlines()
        assert lines[0].strip().startswith("PAST 08:59:18 · 12s ago")
        assert "PAST" in lines[-1]
        assert size[0] < 80 or ("[ earlier" in lines[-1] and "Esc now" in lines[-1])


async def test_nothing_can_be_done_in_the_past(tmp_path: Path) -> None:
    """Every action that changes something is refused in words, from the room, a detail and the palette."""
    async with looking_back(tmp_path, 61, 12) as at:
        await at.press("[")
        await until(at, "Trouble 12")
        changing = [action for action in ACTIONS if action.group in CHANGING]
        for action in [
            *changing,
            at.app.keymap.action("sources.poll"),
            at.app.keymap.action("screen.freeze"),
            at.app.keymap.action("notices.show"),
        ]:
            at.app.room_screen.say("")
            at.app.room_screen.act(action.id)
            await at.pilot.pause()
            assert "this is the past: Esc comes back" in at.screen, action.id
            assert at.app.screen is at.app.room_screen, action.id
        assert at.room.polled == []
        await at.press("enter")
        await until(at, "opened")
        await at.press("a", "e", "x")
        assert len(at.app.screen_stack) == 2
        assert "ack" not in at.screen.splitlines()[-2]


async def test_looking_works_in_the_past(tmp_path: Path) -> None:
    """Filter, zoom, focus, zones, panes and details are about what was."""
    async with looking_back(tmp_path, 61, 12) as at:
        await at.press("[")
        await until(at, "Trouble 12")
        await at.press("6", "/")
        await at.type("kafka")
        await at.press("enter")
        assert "/kafka" in at.screen
        await at.press("z", "t", "z", "3")
        assert badge(at.screen)
        assert at.app.room_screen.active == "squads"


async def test_what_was_not_kept_is_told(tmp_path: Path) -> None:
    """The room was off: the moment before is shown with its own instant, and between which nothing is."""
    async with looking_back(tmp_path, 7200, 7199, 61, 12) as at:
        for number in range(2):
            at.room.now += timedelta(seconds=9)
            await at.press("[")
            await until(at, "Trouble 12" if not number else "Trouble 61")
        at.room.now += timedelta(seconds=9)
        await at.press("[")
        screen = await until(at, "Trouble 7199")
        assert badge(screen).split()[1] == "06:59:31"
        await until(at, "nothing was kept between 06:59:31 and 08:58:29")
        at.room.now += timedelta(seconds=9)
        await at.press("]")
        await until(at, "Trouble 61")
        await until(at, "nothing was kept between 06:59:31 and 08:58:29")


async def test_a_time_can_be_asked_for(tmp_path: Path) -> None:
    """As people write times: a clock's, or how long ago; what is to come is refused in the form."""
    async with looking_back(tmp_path, 3600, 900, 752, 61) as at:
        for text, seen in (("08:47", "Trouble 752"), ("20m ago", "Trouble 3600"), ("-2m", "Trouble 752")):
            at.app.act("past.go")
            await until(at, "Show the room as it was")
            await at.type(text)
            await at.press("enter")
            await until(at, seen)
        at.app.act("past.go")
        await until(at, "Show the room as it was")
        await at.type("+1h")
        await at.press("enter")
        assert "that is still to come" in at.screen
        await at.press("escape", "escape")
        at.app.act("past.go")
        await at.type("2 days ago")
        await at.press("enter")
        await until(at, "nothing is kept from then: the oldest is from 2026-03-04T06:59:30Z")


async def test_the_ends_are_told(tmp_path: Path) -> None:
    """Before the oldest there is nothing; after now neither; and a room without a past says so."""
    async with looking_back(tmp_path, 61, 12) as at:
        await at.press("]")
        assert "this is now" in at.screen
        for _ in range(3):
            at.room.now += timedelta(seconds=9)
            await at.press("[")
            await at.pilot.pause(0.1)
        await until(at, "this is as far back as it goes")
    async with seat() as at:
        assert "there is no past to look at" in await at.press("[")
    off = Still()
    off.past = Remembering(tmp_path / "none", lambda: Settings(keep=0))
    async with seat(off) as at:
        await at.press("[")
        await until(at, "[past].keep is 0")
    empty = Still()
    empty.past = Remembering(tmp_path / "none", lambda: KEPT)
    async with seat(empty) as at:
        await at.press("[")
        await until(at, "nothing of the past is kept yet")
    assert not (tmp_path / "none").exists()


async def test_a_room_opened_in_the_past_has_no_present(tmp_path: Path) -> None:
    """It begins at its moment, framed; both ways lead on in what was kept, and none to now."""
    path = tmp_path / "past.sqlite"
    kept(path, 61, 31, 12)
    past = Remembering(path, lambda: KEPT)
    moment = await past.at(NOW - timedelta(seconds=31))
    assert isinstance(moment, Moment)
    room = Still()
    room.past = past
    async with seat(room, past=moment, read_only=True) as at:
        assert badge(at.screen).split()[1] == "08:58:59"
        assert "Trouble 31" in at.screen
        await at.press("escape")
        assert "opened in the past" in at.screen
        await at.press("]")
        await until(at, "Trouble 12")
        at.room.now += timedelta(seconds=9)
        await at.press("]")
        await until(at, "this is the newest that is kept")
        await at.press("a")
        assert "this is the past: nothing can be done here" in at.screen


async def test_what_keeps_the_past_from_being_kept_is_said_once(tmp_path: Path) -> None:
    """A disk that will not have it costs the past and not the room."""
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    room = Still()
    keeping = Remembering(tmp_path / "file" / "past.sqlite", lambda: Settings(every=0.05))
    room.past = keeping
    async with seat(room) as at:
        keeping.see(ROOM)
        end = time.monotonic() + 10
        while not keeping.trouble:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        assert "the past is not kept" in await at.later()
        at.app.room_screen.say("")
        assert "the past is not kept" not in await at.later()
        began = time.monotonic()
        await keeping.close()
        assert time.monotonic() - began < 1


async def test_a_room_keeps_what_it_shows(tmp_path: Path) -> None:
    """A working room, closed: what it showed last is there, and nothing where it keeps nothing."""
    for keep, there in ((3600, True), (0, False)):
        folder = tmp_path / str(keep)
        furnish(folder, f"\n[past]\nkeep = {keep}\nevery = 0.1\n")
        environ = environ_of(folder, "Ines")
        config = load(folder / "controlroom.toml", environ=environ)
        path = folder / "past" / "room.sqlite"
        room = wiring.build(config, environ=environ, past=path)
        app = RoomApp(room, Options(), environ={})
        async with app.run_test(size=(120, 35)) as pilot:
            end = time.monotonic() + 20
            # The first moment may take its time, with what has to be imported for it; the last one may not.
            while room.snapshot.ledger is None or not room.snapshot.items or path.exists() is not there:
                assert time.monotonic() < end
                await pilot.pause(0.02)
            last = room.snapshot
        assert path.exists() is there
        if there:
            assert room.past is not None
            moment = await room.past.at(datetime.now(NOW.tzinfo))
            assert isinstance(moment, Moment)
            assert moment.snapshot.items == last.items
            await room.past.close()


async def test_a_slow_disk_costs_moments_and_no_time(tmp_path: Path) -> None:
    """Ten thousand snapshots handed over in one breath: the caller never waits, the newest is kept."""
    path = tmp_path / "past.sqlite"
    keeping = Remembering(path, lambda: Settings(every=0.05))
    began = time.perf_counter()
    for number in range(10_000):
        keeping.see(then(20_000 - number))
    handing = time.perf_counter() - began
    began = time.perf_counter()
    for number in range(10_000):
        then(20_000 - number)
    assert handing < 3 * (time.perf_counter() - began)
    await keeping.close()
    moment = await keeping.at(NOW)
    assert isinstance(moment, Moment)
    assert moment.at == NOW - timedelta(seconds=10_001)
    await keeping.close()


def test_the_command_opens_the_past_and_asks_nobody(tmp_path: Path) -> None:
    """`--past` on a terminal: framed PAST, no source is polled, nothing is written anywhere; q leaves."""
    asked = socket.create_server(("127.0.0.1", 0))
    asked.setblocking(False)
    url = f"127.0.0.1:{asked.getsockname()[1]}"
    more = f'\n[[services]]\nid = "quiet"\nkind = "tcp"\nurl = "{url}"\ninterval = 0.3\n'
    config, environ = _seen_before(tmp_path / "room", more)
    before = _files(tmp_path)
    arguments = ("-m", "controlroom", "--config", str(config), "--past", "5m")
    with program(arguments, environ=environ) as terminal:
        terminal.wait(" PAST ")
        terminal.wait("nothing was kept since")
        terminal.wait("Trouble 0")
        terminal.press("a")
        terminal.wait("this is the past")
        until = time.monotonic() + 4
        while time.monotonic() < until:  # in which a room that asks would have asked many times
            assert terminal.read()
        with asked, pytest.raises(BlockingIOError):
            asked.accept()
        terminal.press("q")
        assert terminal.ended()[0] == 0
    assert _files(tmp_path) == before


@pytest.mark.parametrize(
    ("view", "has", "lacks"),
    [
        ("oncall", ("6 Services", "4 Blockers", "Trouble 0"), ("2 Waves", "3 Squads")),
        ("wall", ("DiskFull", "Wave One"), ("2 Waves", "3 Squads", "4 Blockers")),
    ],
)
def test_the_command_opens_a_view_on_the_past(
    tmp_path: Path, view: str, has: tuple[str, ...], lacks: tuple[str, ...]
) -> None:
    """`--view` and `--past` together: that view and no other, as it was then, framed PAST."""
    config, environ = _seen_before(tmp_path / "room", "")
    arguments = ("-m", "controlroom", "--config", str(config), "--view", view, "--past", "5m")
    with program(arguments, environ=environ) as terminal:
        terminal.wait(" PAST ")
        for words in has:
            terminal.wait(words)
        assert not [words for words in lacks if words in terminal.text]
        terminal.press("a")
        terminal.wait("this is the past")
        terminal.press("q")
        assert terminal.ended()[0] == 0


def _seen_before(folder: Path, more: str) -> tuple[Path, dict[str, str]]:
    """A room whose newest moment is half an hour old: its configuration, and the person's environment."""
    path = furnish(folder, more)
    environ = environ_of(folder, "Ines")
    where = last_known.past_path(load(path, environ=environ), environ)
    assert where is not None
    ring = Ring(where, 864_000, 64)
    seen = replace(then(0), taken_at=datetime.now(NOW.tzinfo) - timedelta(minutes=30))
    assert ring.add(replace(seen, program=replace(seen.program, id="harbour")))
    ring.close()
    return path, environ


def _files(folder: Path) -> dict[str, bytes]:
    """What lies there, but for what may be lost at any time."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".cache" not in path.parts)
    return {str(path): path.read_bytes() for path in files}
