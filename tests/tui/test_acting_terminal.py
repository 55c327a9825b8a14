"""Acting on a real terminal: bursts of keys, escape sequences, sizes, and what reaches the clipboard."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .furnished import Person, furnish
from .terminal import HERE, Terminal, program

WORKING = str(HERE / "furnished.py")


@contextmanager
def room(
    tmp_path: Path, *words: str, by: str = "Ines", size: tuple[int, int] = (120, 40)
) -> Iterator[Terminal]:
    """The working room on a terminal, once it has read its documents and its log."""
    folder = str(tmp_path / "harbour")
    with program([WORKING, folder, by, *words], size=size) as terminal:
        terminal.wait("dir:log" if size[0] > 100 else "4 block")
        yield terminal


def log(tmp_path: Path) -> list[dict[str, object]]:
    """What the log folder holds, in order."""
    return [json.loads(path.read_text()) for path in sorted((tmp_path / "harbour" / "log").glob("0*.json"))]


def logged(terminal: Terminal, tmp_path: Path, count: int) -> list[dict[str, object]]:
    """The log, once it holds so many actions."""
    terminal.wait(lambda _: len(log(tmp_path)) >= count)
    return log(tmp_path)


async def test_a_new_blocker_from_a_failed_service(tmp_path: Path) -> None:
    """n on a refused service, 80×24: a missing owner is said at its field; with one it is in the log."""
    furnish(tmp_path / "harbour")
    with room(tmp_path, size=(80, 24)) as terminal:
        terminal.press("6")
        terminal.wait("refused")
        terminal.press("n")
        terminal.wait("from service kafka")
        terminal.press("\n")
        terminal.wait("needs an owner")
        terminal.wait("▎owner")
        terminal.press("Ada\n")
        (action,) = logged(terminal, tmp_path, 1)
        assert action["kind"] == "open"
        assert action["actor"] == "Ines"
        terminal.press("4")
        terminal.wait("kafka DOWN")


async def test_keys_typed_in_one_breath_are_not_lost(tmp_path: Path) -> None:
    """A burst that opens a form, fills it and saves it does what each key would have done."""
    furnish(tmp_path / "harbour")
    id_ = await Person(tmp_path / "harbour", "Ada").opens("Topics missing")
    with room(tmp_path) as terminal:
        terminal.wait("Topics missing")
        terminal.press("xmade the topic\rv")
        action = logged(terminal, tmp_path, 2)[-1]
        assert (action["kind"], action["item"]) == ("resolve", id_)
        assert action["args"] == {"mitigation": "made the topic"}


async def test_escalating_copies_the_text(tmp_path: Path) -> None:
    """Without a next update it is refused; with one exactly the text shown goes to the clipboard."""
    furnish(tmp_path / "harbour")
    await Person(tmp_path / "harbour", "Ada").opens(
        "Topics missing", owning_squad="cranes", blocking_squad="quay"
    )
    with room(tmp_path) as terminal:
        terminal.wait("Topics missing")
        terminal.press("e\r")
        terminal.wait("needs the time of the next update")
        terminal.press("+2h\r")
        terminal.wait("copied to the clipboard")
        sent = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", terminal.raw)
        assert sent is not None
        text = base64.b64decode(sent[1]).decode()
        assert "Topics missing" in text
        for line in filter(None, map(str.strip, text.splitlines())):
            terminal.wait(line[:60])
        terminal.press("\r")
        terminal.wait("escalated")
        assert logged(terminal, tmp_path, 2)[-1]["kind"] == "escalate"


async def test_snoozing_to_a_ritual_by_its_letter(tmp_path: Path) -> None:
    """s, the letter that is shown, Enter, Enter."""
    furnish(tmp_path / "harbour")
    await Person(tmp_path / "harbour", "Ada").opens("Topics missing")
    with room(tmp_path, size=(60, 16)) as terminal:
        terminal.wait("Topics missing")
        terminal.press("s")
        terminal.wait(lambda text: re.search(r"[a-z]  Storm Drill", text) is not None)
        letter = re.search(r"([a-z])  Storm Drill", terminal.text)
        assert letter is not None
        terminal.press(f"{letter[1]}\r\r")
        action = logged(terminal, tmp_path, 2)[-1]
        assert action["kind"] == "snooze"
        assert action["args"] == {"ritual": "drill", "until": "2026-03-06T14:00:00Z"}


async def test_resolving_many(tmp_path: Path) -> None:
    """Marked rows are resolved after the list of them was shown and y was pressed."""
    furnish(tmp_path / "harbour")
    ada = Person(tmp_path / "harbour", "Ada")
    for title in ("Topics missing", "Fog on the quay"):
        await ada.opens(title)
    with room(tmp_path) as terminal:
        terminal.wait("Fog on the quay")
        terminal.press("vjv")
        terminal.wait("2 marked")
        terminal.press("x\r")
        terminal.wait("This will happen")
        terminal.press("y")
        terminal.wait("2 resolved")
        assert [action["kind"] for action in log(tmp_path)[2:]] == ["resolve", "resolve"]


async def test_two_rooms_meet_in_a_conflict(tmp_path: Path) -> None:
    """Two people at two terminals: the second one is told who did what, and drops hers."""
    furnish(tmp_path / "harbour")
    await Person(tmp_path / "harbour", "Ada").opens("Topics missing")
    with room(tmp_path) as ines, room(tmp_path, by="Tomas") as tomas:
        for terminal in (ines, tomas):
            terminal.wait("Topics missing")
        ines.press(" ")
        ines.wait("FROZEN")
        tomas.press("Ame\r")
        logged(tomas, tmp_path, 2)
        ines.press("x\r")
        ines.wait("Somebody else was first")
        ines.wait("Tomas on ")
        ines.wait("assigned to me")
        ines.press("d")
        ines.wait("dropped")
        assert [action["kind"] for action in log(tmp_path)] == ["open", "assign"]
        ines.press(" ")
        ines.wait("· me")


async def test_moving_a_card_asks_about_its_document(tmp_path: Path) -> None:
    """m d on a card: file:line, before and after; y writes it."""
    furnish(tmp_path / "harbour")
    board = tmp_path / "harbour" / "board.md"
    before = board.read_text()
    with room(tmp_path) as terminal:
        terminal.wait("Load planner")
        terminal.press("3jh")
        terminal.press("lmd")
        terminal.wait("Write it into the document?")
        terminal.wait("board.md:")
        terminal.wait("→")
        assert board.read_text() == before
        terminal.press("y")
        terminal.wait("now says")
        assert board.read_text() != before


async def test_a_read_only_room_writes_nothing(tmp_path: Path) -> None:
    """The keys say so; nothing is written anywhere."""
    furnish(tmp_path / "harbour")
    await Person(tmp_path / "harbour", "Ada").opens("Topics missing")
    with room(tmp_path, "read-only") as terminal:
        terminal.wait("Topics missing")
        assert "resolve" not in terminal.text.splitlines()[-1]
        for key in "axn":
            terminal.press(key)
            terminal.wait("read-only")
        assert len(log(tmp_path)) == 1


async def test_resizing_keeps_what_was_typed(tmp_path: Path) -> None:
    """From wide to 60×16 and tiny and back, with snapshots coming in: the text and the field are there."""
    furnish(tmp_path / "harbour")
    ada = Person(tmp_path / "harbour", "Ada")
    await ada.opens("Topics missing")
    with room(tmp_path) as terminal:
        terminal.wait("Topics missing")
        terminal.press("n")
        terminal.wait("New blocker")
        terminal.press("Rope too short\tBoatswain")
        terminal.wait("Boatswain")
        terminal.resize(60, 16)
        terminal.wait(lambda text: "Boatswain" in text and "Waves" not in text)
        await ada.opens("Fog on the quay")
        terminal.resize(40, 8)
        terminal.read(0.3)
        terminal.resize(120, 40)
        terminal.wait(lambda text: "Boatswain" in text and "Rope too short" in text and "Waves" in text)
        terminal.press("\x1b")
        terminal.wait("Esc again leaves")
        terminal.press("!")
        terminal.wait("Boatswain!")
        terminal.press("\x1b")
        terminal.wait("Esc again leaves")
        terminal.press("\x1b")
        terminal.wait(lambda text: "New blocker" not in text and "Fog on the quay" in text)
        assert len(log(tmp_path)) == 2


async def test_pasting_and_the_mouse(tmp_path: Path) -> None:
    """A bracketed paste of several lines is one clean line; clicks choose a field and save."""
    furnish(tmp_path / "harbour")
    await Person(tmp_path / "harbour", "Ada").opens("Topics missing")
    with room(tmp_path) as terminal:
        terminal.wait("Topics missing")
        terminal.press("N")
        terminal.wait("[ save ]")
        terminal.press("\x1b[200~one\r\ntwo\x07three\x1b[201~")
        terminal.wait("one twothree")
        terminal.wait("[ save ]")
        y = next(n for n, line in enumerate(terminal.text.splitlines()) if "[ save ]" in line)
        x = terminal.text.splitlines()[y].index("[ save ]") + 3
        terminal.press(f"\x1b[<0;{x};{y + 1}M\x1b[<0;{x};{y + 1}m")
        action = logged(terminal, tmp_path, 2)[-1]
        assert action["args"] == {"text": "one twothree"}
