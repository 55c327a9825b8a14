"""`standup report`, `summary`, `publish` and `diff` as people call them, on a folder log that is real."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from controlroom.domain.runs import Key
from tests.reports.holding import BANNER, Hall, at

MONDAY, TUESDAY = Key("round", dt.date(2031, 5, 5)), Key("round", dt.date(2031, 5, 6))


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    """Monday's standup was held, its status written when it began, and one thing decided in it."""
    hall = Hall(tmp_path, at("05 08:00"))
    hall.status("standup")
    hall.begin(MONDAY)
    hall.wait(minutes=2)
    hall.do("decision", MONDAY.minutes, "Bo", text="We print on Monday")
    hall.do("task", MONDAY.minutes, text="Ask the mill", owner="Cy", due="friday")
    hall.wait(minutes=10)
    hall.do("finish", MONDAY.run)
    return hall


def test_the_record_on_disk_is_what_is_reported(hall: Hall) -> None:
    """Days later, with other cards: the very text the room wrote; without a date, that of the last one."""
    written = hall.minutes(MONDAY)
    hall.wait(days=2)
    hall.do("status", "sprint-1/press", status="done")
    named = hall.call("standup", "report", "Week 1 Day 3")
    assert (named.returncode, named.stdout) == (0, written.text)
    assert hall.call("standup", "report").stdout == written.text
    assert hall.call("standup", "report", "2031-05-05", "--chat").stdout == written.chat
    document = hall.json("standup", "report", "2031-05-05")
    assert document["path"] == str(written.path.with_suffix(".json"))
    assert [one["text"] for one in document["decisions"]] == ["We print on Monday"]


def test_without_a_record_the_log_is_told(hall: Hall) -> None:
    """Nobody wrote minutes: what was said comes from the log, how things stood from the status file."""
    hall.wait(days=2)
    hall.do("status", "sprint-1/press", status="done")
    result = hall.call("standup", "report", "2031-05-05")
    assert result.returncode == 0
    assert result.stdout.startswith(f"{BANNER}\n\n# Morning Standup — Mon 2031-05-05 (W1D3)\n")
    assert "- We print on Monday — Bo, 09:02\n" in result.stdout
    assert "- In progress: Press (" in result.stdout
    assert not (hall.folder / "status/2031-05-05").exists()


def test_it_is_written_when_that_is_asked_for(hall: Hall) -> None:
    """With ``--write`` both files are there, and what was added since stands in them."""
    hall.wait(days=1)
    first = hall.call("standup", "report", "2031-05-05", "--write")
    folder = hall.folder / "status/2031-05-05"
    assert (first.returncode, (folder / "standup.md").read_text(encoding="utf-8")) == (0, first.stdout)
    hall.do("decision", MONDAY.minutes, text="Late words")
    assert "Late words" not in hall.call("standup", "report", "2031-05-05").stdout
    again = hall.call("standup", "report", "2031-05-05", "--write")
    assert "Late words — written down later, Ada" in again.stdout
    assert (folder / "standup.md").read_text(encoding="utf-8") == again.stdout
    assert sorted(file.name for file in folder.iterdir()) == ["standup.json", "standup.md"]


def test_a_day_without_one_says_so(hall: Hall) -> None:
    """Nothing was held that day: exit 1; of a ritual nobody declared, of no date: exit 2."""
    result = hall.call("standup", "report", "2031-05-04")
    assert (result.returncode, result.stdout) == (1, "no round was held on 2031-05-04\n")
    assert hall.call("standup", "report", "--ritual", "fair").returncode == 1
    for wrong in (("--ritual", "fare"), ("yesterday",), ("--chat", "--json")):
        assert hall.call("standup", "report", *wrong).returncode == 2


def test_a_log_that_cannot_be_read_is_no_empty_one(hall: Hall) -> None:
    """Whether there was a standup is not known: exit 3; a day with a record is still told."""
    text = hall.minutes(MONDAY).text
    (hall.folder / "log").rename(hall.folder / "away")
    hall.write("log", "no folder")
    unknown = hall.call("standup", "report", "2031-05-04")
    assert (unknown.returncode, unknown.stdout) == (
        3,
        "whether round was held on 2031-05-04 is not known\n",
    )
    known = hall.call("standup", "report", "2031-05-05")
    assert (known.returncode, known.stdout) == (0, text)
    assert "cannot be read" in known.stderr


def test_a_name_that_no_file_can_have_is_no_bug(hall: Hall) -> None:
    """The system's own words, for a status to compare with and for the day of a standup; never a crash."""
    long = "a" * 300
    for named in ((long,), ("2031-05-05-standup", long)):
        result = hall.call("diff", *named)
        assert result.returncode == 2
        assert "that status cannot be read" in result.stderr
        assert "File name too long" in result.stderr
    config = (hall.folder / "controlroom.toml").read_text(encoding="utf-8")
    hall.write("controlroom.toml", config.replace('dir = "status"', f'dir = "{long}"'))
    result = hall.call("standup", "report", "2031-05-04")
    assert result.returncode == 3
    assert "it is not known what was written that day" in result.stderr
    assert "is a bug" not in result.stderr


def test_a_status_folder_that_cannot_be_read_is_no_empty_one(hall: Hall) -> None:
    """Neither `diff` nor the summary says that there is no status file where nobody could look."""
    (hall.folder / "status").rename(hall.folder / "away")
    hall.write("status", "no folder")
    changes = hall.call("diff")
    assert changes.returncode == 3
    assert "whether there is a status file is not known: " in changes.stdout
    hall.wait(days=7)
    summary = hall.call("summary", "--week", "1", "--print").stdout
    assert "A status file cannot be read: the status folder: not a directory" in summary
    assert "No status file of this week that could be read" in summary


def test_a_record_that_is_broken_is_told_and_left(hall: Hall) -> None:
    """The log is told instead, with the file and the line that is wrong; nothing overwrites it."""
    path = hall.minutes(MONDAY).path.with_suffix(".json")
    path.write_text("{\n]", encoding="utf-8")
    result = hall.call("standup", "report", "2031-05-05")
    assert (result.returncode, "We print on Monday" in result.stdout) == (0, True)
    assert "standup.json line 2" in result.stderr
    assert hall.call("standup", "report", "2031-05-05", "--write").returncode == 4
    assert path.read_text(encoding="utf-8") == "{\n]"


def test_the_summary_is_of_the_week_that_ended_last(hall: Hall) -> None:
    """Without a week the one before this; in the first week there is none, and a later one has not begun."""
    early = hall.call("summary")
    assert (early.returncode, "no week of the programme has ended yet" in early.stderr) == (2, True)
    assert hall.call("summary", "--week", "2").returncode == 2
    assert hall.call("summary", "--week", "0").returncode == 2
    hall.now = at("12 08:00")
    document = hall.json("summary")
    assert (document["week"], document["start"], document["end"]) == (1, "2031-05-03", "2031-05-10")
    assert document["outcome"] == "written"
    assert Path(document["path"]).read_text(encoding="utf-8").endswith(document["text"])
    assert [one["source"] for one in document["decisions"]] == ["log rev 2", "log rev 3"]


def test_printing_writes_nothing(hall: Hall) -> None:
    """``--print`` gives the section of the week that is still on, says so, and leaves the folder alone."""
    result = hall.call("summary", "--week", "1", "--print")
    assert result.returncode == 0
    assert result.stdout.startswith(f"{BANNER}\n\n<!-- week 1 -->\n## Week 1: 2031-05-03 to 2031-05-09\n")
    assert "- The week is not over: it ends on 2031-05-10 (`calendar`)\n" in result.stdout
    assert not (hall.folder / "status/README.md").exists()


def test_a_status_has_the_decisions_of_its_day(hall: Hall) -> None:
    """With who and when; what people wrote into the file stays beside them, what was taken back does not."""
    hall.wait(hours=8)
    assert hall.call("publish", "--slot", "eod").returncode == 0
    path = hall.folder / "status/2031-05-05-eod.json"
    data = json.loads(path.read_bytes())
    (decision,) = data["decisions"]
    assert decision == {
        "id": "deed-2",
        "text": "We print on Monday",
        "by": "Bo",
        "at": "2031-05-05T08:02:00Z",
        "ritual": "round",
        "squad": None,
        "owner": None,
        "due": None,
        "source": "log",
    }
    assert [(one["text"], one["owner"], one["due"]) for one in data["actions"]] == [
        ("Ask the mill", "Cy", "friday")
    ]
    own = {"id": "d1", "text": "Buy a second press", "by": "Odile"}
    path.write_text(json.dumps({**data, "decisions": [own, decision]}), encoding="utf-8")
    hall.do("undo", MONDAY.minutes, "Bo")
    assert hall.call("publish", "--slot", "eod").returncode == 0
    assert json.loads(path.read_bytes())["decisions"] == [own]


def test_what_the_log_said_stays_while_it_cannot_be_read(hall: Hall) -> None:
    """A status published while the log is away keeps the decisions an earlier one had."""
    assert hall.call("publish").returncode in (0, 3)
    (hall.folder / "log").rename(hall.folder / "away")
    hall.write("log", "no folder")
    hall.wait(minutes=1)
    hall.call("publish")
    data = json.loads((hall.folder / "status/2031-05-05.json").read_bytes())
    assert [one["text"] for one in data["decisions"]] == ["We print on Monday"]


def test_each_slot_is_a_file_of_its_own(hall: Hall) -> None:
    """Standup, Integration Day and end of day, each with its name, and the banner first in its own key."""
    for slot in ("integration", "eod"):
        assert hall.call("publish", "--slot", slot).returncode == 0
        data = json.loads((hall.folder / f"status/2031-05-05-{slot}.json").read_bytes())
        assert (data["slot"], data["_banner"]) == (slot, BANNER)


def test_diff_tells_what_was_decided_since(hall: Hall) -> None:
    """On the next morning the decisions of the last standup are among the changes since it began."""
    hall.now = at("06 07:59")
    changes = hall.json("diff")["changes"]
    assert [(one["category"], one["text"]) for one in changes if one["category"] == "decision"] == [
        ("decision", "We print on Monday")
    ]
