"""The standup on real terminals: the worked script, a follower, handing over, a crash in the middle."""

from __future__ import annotations

import base64
import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from controlroom.domain.instants import parse

from .at_standup import BANNER, NOW, Facilitator, furnish
from .terminal import HERE, Terminal, program

STANDUP = str(HERE / "at_standup.py")


@contextmanager
def sits(
    tmp_path: Path, *words: str, by: str = "Ines", size: tuple[int, int] = (160, 45)
) -> Iterator[Terminal]:
    """Somebody's terminal on the programme, once it has read the log."""
    with program([STANDUP, str(tmp_path / "harbour"), by, *words], size=size) as terminal:
        terminal.wait("dir:log" if size[0] > 100 else "W1D3")
        yield terminal


def log(tmp_path: Path) -> list[dict[str, Any]]:
    """What the log folder holds, in order."""
    folder = tmp_path / "harbour" / "log"
    return [json.loads(path.read_text()) for path in sorted(folder.glob("0*.json"))]


def logged(terminal: Terminal, tmp_path: Path, kind: str, count: int = 1) -> dict[str, Any]:
    """The newest action of that kind, once there are so many."""

    def found() -> list[dict[str, Any]]:
        return [action for action in log(tmp_path) if action["kind"] == kind]

    terminal.wait(lambda _: len(found()) >= count)
    return found()[-1]


def sees(terminal: Terminal, words: str | Callable[[str], bool], *beside: Terminal) -> None:
    """Wait until the terminal shows it, while those beside it go on painting."""

    def shown(text: str) -> bool:
        assert all(other.read(0) for other in beside), beside[0].text
        return words in text if isinstance(words, str) else words(text)

    terminal.wait(shown)


def line(terminal: Terminal, number: int = 1) -> str:
    """One line of the screen; the second is the standup's own."""
    return terminal.text.splitlines()[number]


async def test_the_worked_script(tmp_path: Path) -> None:
    """From the countdown to the minutes by the keys of the script, each seen, and the log has all of it."""
    folder = furnish(tmp_path / "harbour")
    ada = Facilitator(folder, "Ada", NOW - timedelta(hours=2))
    await ada.opens("Topics missing", owning_squad="cranes", blocking_squad="quay")
    with sits(tmp_path) as ines:
        assert re.search(r"Mon 2025-10-06 08:59:3\d PDT", line(ines, 0))
        assert "W1D3" in line(ines, 0)
        ines.wait(lambda text: re.search(r"Standup in 00:[012]\d · 21:30 IST", text) is not None)
        ines.wait("Topics missing")
        ines.press("S")
        ines.wait(lambda text: re.search(r"1/11 Changes  00:0\d of 00:45", text) is not None)
        begun = logged(ines, tmp_path, "begin")
        assert (begun["item"], begun["actor"]) == ("ritual:standup/2025-10-06", "Ines")
        published = json.loads((folder / "status" / "2025-10-06-standup.json").read_text(encoding="utf-8"))
        assert parse(published["as_of"]) <= parse(begun["at"])
        ines.press("n")
        ines.wait(lambda text: "2/11 Blockers" in text and "Topics missing" in text)
        ines.press("n")
        ines.wait(lambda text: re.search(r"3/11 Cranes  00:0\d of 01:00", text) is not None)
        ines.wait("Load planner")
        assert "only Cranes" in line(ines, 0)
        ines.press("mi")
        moved = logged(ines, tmp_path, "status")
        assert (moved["item"], moved["args"]["status"]) == ("sprint-1/load-planner", "in_progress")
        assert moved["actor"] == "Ines"
        assert moved["at"].startswith("2025-10-06T1")
        ines.press("DBerth 3 first\r")
        decided = logged(ines, tmp_path, "decision")
        assert decided["item"] == "minutes:standup/2025-10-06"
        assert (decided["args"]["text"], decided["args"]["squad"]) == ("Berth 3 first", "cranes")
        ines.wait(lambda text: re.search(r"\d\d:\d\d Berth 3 first", text) is not None)
        ines.press("F")
        ines.wait("5 of 6 squads have not reported")
        ines.press("y")
        ines.wait(lambda text: "written to" in text and "2025-10-06/standup.md" in text)
        minutes = folder / "status" / "2025-10-06" / "standup.md"
        text = minutes.read_text(encoding="utf-8")
        assert text.splitlines()[0] == BANNER
        assert "Berth 3 first" in text
        sent = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", ines.raw)
        assert sent is not None
        assert "Berth 3 first" in base64.b64decode(sent[1]).decode()
        ines.press("\x1b")
        ines.wait(lambda text: "written to" not in text and "8 Next" in text)
        assert logged(ines, tmp_path, "finish")["actor"] == "Ines"


async def test_the_header_says_now(tmp_path: Path) -> None:
    """At nine o'clock it says so, whether or not anybody has begun."""
    furnish(tmp_path / "harbour")
    with sits(tmp_path, "later=27") as ines:
        ines.wait("Standup NOW")


async def test_a_follower_sees_the_drivers_part_and_changes_nothing(tmp_path: Path) -> None:
    """A second terminal goes along by itself; its keys move nothing, and it ends with the driver."""
    furnish(tmp_path / "harbour")
    with sits(tmp_path) as ines, sits(tmp_path, "follow", by="Tomas") as tomas:
        ines.press("S")
        sees(tomas, "1/11 Changes", ines)
        sees(tomas, "Ines drives", ines)
        ines.press("nn")
        sees(tomas, "3/11 Cranes", ines)
        assert "only Cranes" in line(tomas, 0)
        tomas.press("n D F k+")
        sees(tomas, "read-only", ines)
        assert "next" not in line(tomas, -1)
        assert {action["actor"] for action in log(tmp_path)} == {"Ines"}
        ines.press(" ")
        sees(tomas, "PAUSED", ines)
        ines.press("Fy")
        sees(tomas, "Ines finished it", ines)
        sees(tomas, lambda text: "11 Cranes" not in text, ines)
        assert {action["actor"] for action in log(tmp_path)} == {"Ines"}


async def test_the_driver_hands_over_and_another_takes_over(tmp_path: Path) -> None:
    """H and a name: the other one's keys move it on from then; H there asks before it takes over."""
    furnish(tmp_path / "harbour")
    with sits(tmp_path) as ines, sits(tmp_path, "standup", by="Tomas") as tomas:
        ines.press("S")
        sees(tomas, "Ines drives", ines)
        tomas.press("n")
        sees(tomas, "H asks to take over", ines)
        ines.press("HTomas\r")
        sees(ines, lambda text: "Tomas drives" in line(ines), tomas)
        sees(tomas, lambda text: "you drive" in line(tomas), ines)
        tomas.press("n")
        sees(ines, "2/11 Blockers", tomas)
        ines.press("H")
        sees(ines, "Take over?", tomas)
        ines.press("t")
        sees(ines, lambda text: "you drive" in line(ines), tomas)
        sees(tomas, lambda text: "Ines drives" in line(tomas), ines)
        kinds = [(action["kind"], action["actor"]) for action in log(tmp_path)]
        assert kinds == [
            ("begin", "Ines"),
            ("hand-over", "Ines"),
            ("enter", "Tomas"),
            ("take-over", "Ines"),
        ]


async def test_a_crash_in_the_middle_resumes_where_it_was(tmp_path: Path) -> None:
    """The driver's room is killed; opened again it is in the same part at once, and goes on."""
    furnish(tmp_path / "harbour")
    with sits(tmp_path) as ines:
        ines.press("S")
        ines.wait("1/11 Changes")
        ines.press("nnn")
        ines.wait("4/11 Quay & Berths")
        ines.press("DBerth 3 first\r")
        logged(ines, tmp_path, "decision")
        ines.signal(signal.SIGKILL)
        assert ines.ended()[0] == -signal.SIGKILL
    with sits(tmp_path, "later=20") as ines:
        ines.wait("4/11 Quay & Berths")
        ines.wait("Berth 3 first")
        ines.wait(lambda text: re.search(r"4/11 Quay & Berths  00:[12345]\d of", text) is not None)
        ines.press("n")
        ines.wait("5/11 Customs")
        assert logged(ines, tmp_path, "enter", 4)["args"]["to"] == "squad:customs"


async def test_keys_typed_in_one_breath_act_in_order(tmp_path: Path) -> None:
    """Beginning and going on typed at once: each key does what it would have done alone, none is lost."""
    furnish(tmp_path / "harbour")
    with sits(tmp_path) as ines:
        ines.press("Snnnnnp")
        ines.wait("5/11 Customs")
        logged(ines, tmp_path, "enter", 6)
        went = [action["args"].get("to") for action in log(tmp_path)]
        assert went == [
            None,
            "blockers",
            "squad:cranes",
            "squad:quay",
            "squad:customs",
            "squad:pilots",
            "squad:customs",
        ]


async def test_a_small_terminal_holds_a_standup(tmp_path: Path) -> None:
    """80×24: one pane at a time, the bar stays, the footer names what is needed, the minutes are written."""
    folder = furnish(tmp_path / "harbour")
    with sits(tmp_path, size=(80, 24)) as ines:
        ines.press("S")
        ines.wait("1/11 Changes")
        for words in ("n next", "Space pause", "D decision", "F finish"):
            sees(ines, lambda _, words=words: words in line(ines, -1))  # type: ignore[misc]
        ines.press("n")
        ines.wait(lambda text: "2/11 Blockers" in line(ines) and "4 block" in line(ines, 2))
        ines.press("n")
        ines.wait(lambda text: "3/11 Cranes" in line(ines) and "Load planner" in text)
        ines.wait(lambda _: "k skip" in line(ines, -1))
        ines.press("5")
        ines.wait(lambda text: "3/11 Cranes" in line(ines) and "Load planner" not in text)
        ines.press("F")
        ines.wait("5 of 6 squads")
        ines.press("y")
        ines.wait("written to")
        assert (folder / "status" / "2025-10-06" / "standup.md").exists()


async def test_a_third_unchanged_time_is_not_passed_without_a_decision(tmp_path: Path) -> None:
    """n stays at a blocker that stood there twice before; once something is decided about it, n goes on."""
    folder = furnish(tmp_path / "harbour")
    ada = Facilitator(folder, "Ada", NOW - timedelta(days=3))
    id_ = await ada.opens("Topics missing", owning_squad="cranes", blocking_squad="quay")
    await ada.held(NOW - timedelta(days=2))
    await ada.held(NOW - timedelta(days=1))
    with sits(tmp_path) as ines:
        ines.wait("Topics missing")
        ines.press("Sn")
        ines.wait("3rd time, unchanged: it needs a decision")
        ines.press("n")
        ines.wait("It stands here again")
        assert "2/11 Blockers" in line(ines)
        ines.press("\x1b")
        ines.wait(lambda text: "It stands here again" not in text)
        ines.press("F")
        ines.wait("It stands here again")
        ines.press("d")
        ines.wait(lambda text: "say who does what" not in text and "who does what" in text)
        ines.press("\r")
        ines.wait("it is not said what is to be done")
        ines.press("Ada makes it today\r")
        directed = logged(ines, tmp_path, "direct")
        assert (directed["item"], directed["args"]["text"]) == (id_, "Ada makes it today")
        ines.press("n")
        ines.wait("3/11 Cranes")
        ines.wait("directed: Ada")
