"""What is told to whom is on the screen: channels, what waits and why, and word for word what goes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from controlroom import wiring
from controlroom.config.load import load
from controlroom.domain.notice import Notice, exact
from controlroom.tui.app import RoomApp
from controlroom.tui.port import Options
from tests.telling import SECRET, free_port, hooked

from .furnished import NOW, environ_of, furnish
from .looking import seat
from .working import Worker


@asynccontextmanager
async def working(
    folder: Path, more: str = "", telling: str = "", size: tuple[int, int] = (120, 35), **options: Any
) -> AsyncIterator[Worker]:
    """A room with channels in front of Ines; its clock stands still."""
    path = furnish(folder, more)
    environ = environ_of(folder, "Ines")
    room = wiring.build(load(path, environ=environ), clock=lambda: NOW, environ=environ, telling=telling)
    app = RoomApp(room, Options(viewer_zone="Asia/Kolkata", **options), environ={"COLORTERM": "truecolor"})
    async with app.run_test(size=size, notifications=True) as pilot:
        at = Worker(app, room, pilot, folder)
        await at.until(lambda: room.snapshot.ledger is not None)
        yield at


def crew(folder: Path, url: str) -> str:
    """A channel whose address is kept in a file."""
    folder.mkdir(exist_ok=True)
    (folder / "hook").write_text(f"{url}/services/{SECRET}")
    return '\n[[notify]]\nid = "crew"\nwebhook = { file = "hook" }\n'


def notice(name: str, **more: Any) -> Notice:
    """A ritual that is over."""
    marks = exact(f"ritual:{name}", "finished", name)
    return Notice(
        marks[0], "ritual", f"ritual:{name}", "finished", f"{name} is over", NOW, marks=marks, **more
    )


async def test_what_was_told_and_what_goes_out(tmp_path: Path) -> None:
    """O lists the channel and what was sent; Enter shows that text as it was sent; nothing secret."""
    folder = tmp_path / "harbour"
    async with hooked() as hook, working(folder, crew(folder, hook.url)) as at:
        assert at.working.noticing is not None
        at.working.noticing.tell(notice("Clinic", text="Decided: two cranes [b]at night[/b]"))
        await at.press("O")
        await at.until("sent")
        screen = await at.until("1 told in the last day")
        assert "crew  slack  everything" in screen
        assert "Clinic is over" in screen
        await at.press("home", "enter")
        screen = await at.until("Goes to crew")
        assert "Decided: two cranes [b]at night[/b]" in screen
        sent = hook.texts[0].splitlines()
        assert all(line.split(" · ")[0] in screen for line in sent)
        assert SECRET not in screen
        await at.press("escape", "escape")
        assert "Goes to crew" not in at.screen


async def test_what_waits_says_why_and_until_when(tmp_path: Path) -> None:
    """A webhook that is away: the reason, how often it was tried, when next; the title counts it."""
    folder = tmp_path / "harbour"
    url = f"http://127.0.0.1:{free_port()}"
    async with working(folder, crew(folder, url), size=(80, 24)) as at:
        assert at.working.noticing is not None
        at.working.noticing.tell(notice("Clinic"))
        await at.press("O")
        await at.until("refuses")
        screen = await at.until("1 waiting")
        assert "tried 1 time, next attempt in 2s" in " ".join(screen.replace("│", " ").split())
        at.working.noticing.tell(notice("Drill"))
        await at.until("2 waiting")
        await at.press("end")
        screen = await at.until("Drill is over")
        assert "waits: its channel cannot be reached" in screen


async def test_a_room_that_only_looks_says_so(tmp_path: Path) -> None:
    """Read-only: the channel and every notice say why nothing is sent."""
    folder = tmp_path / "harbour"
    async with (
        hooked() as hook,
        working(folder, crew(folder, hook.url), "this room is read-only", read_only=True) as at,
    ):
        assert at.working.noticing is not None
        at.working.noticing.tell(notice("Clinic"))
        await at.press("O")
        screen = await at.until("not told: this room is read-only")
        assert "nothing is sent: this room is read-only" in screen
    assert hook.bodies == []


async def test_names_are_hidden_from_strangers(tmp_path: Path) -> None:
    """With `redact` neither the list nor the text shows a name or a host."""
    folder = tmp_path / "harbour"
    async with hooked() as hook, working(folder, crew(folder, hook.url), redact=True) as at:
        assert at.working.noticing is not None
        at.working.noticing.tell(notice("Tomas", text="10.0.0.1:9092 by Tomas", people=("Tomas",)))
        await at.press("O")
        await at.until("(hidden) is over")
        await at.press("home", "enter")
        screen = await at.until("Names and hosts are hidden here")
        assert "Tomas" not in screen
        assert "10.0.0.1" not in screen
        await at.until(lambda: bool(hook.bodies))
    assert "10.0.0.1:9092 by Tomas" in hook.texts[0]


async def test_without_a_channel_it_says_what_to_add() -> None:
    """A room that tells nobody says how it would."""
    async with seat() as at:
        await at.press("O")
        assert "add [[notify]] to the configuration" in at.screen
        await at.press("enter")
        assert "no notice here" in at.screen
