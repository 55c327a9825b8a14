"""Minutes of a standup: they need no editing, claim nothing that was not seen, and stay as they were."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from controlroom.domain.runs import Key
from controlroom.reporting import CannotWrite
from controlroom.reports import minutes
from tests.reports.holding import BACKLOG, BANNER, CONFIG, Hall, at

MONDAY, TUESDAY = Key("round", dt.date(2031, 5, 5)), Key("round", dt.date(2031, 5, 6))
READER = MarkdownIt("commonmark").enable("table")


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    """Monday 07:00 UTC, an hour before the standup; last night's status is there."""
    hall = Hall(tmp_path, at("05 02:00"))
    hall.status()
    hall.now = at("05 07:00")
    return hall


def held(hall: Hall, key: Key, *during: Callable[[], object], minutes: float = 14) -> None:
    """Hold the standup of that day from 08:00 UTC, with what happens in it, a minute after the other."""
    hall.now = dt.datetime.combine(key.date, dt.time(8), dt.UTC)
    hall.status("standup")
    hall.begin(key)
    for happens in during:
        hall.wait(minutes=1)
        happens()
    hall.wait(minutes=minutes - len(during))
    hall.do("finish", key.run)


def record(hall: Hall, key: Key, stem: str = "standup") -> Any:
    return json.loads((hall.folder / f"status/{key.date}/{stem}.json").read_bytes())


def section(text: str, title: str) -> list[str]:
    """The lines of a section, without the empty ones."""
    after = text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return [line for line in after.splitlines() if line]


def headings(text: str) -> list[str]:
    """What a reader of Markdown takes for headings."""
    tokens = READER.parse(text)
    return [tokens[n + 1].content for n, token in enumerate(tokens) if token.type == "heading_open"]


def test_a_standup_reads_as_it_was_held(hall: Hall) -> None:
    """Who drove it and when, each part's time against its plan, who did not report, what comes next."""

    def go(to: str) -> Callable[[], object]:
        return lambda: hall.do("enter", MONDAY.run, to=to)

    def handed() -> None:
        hall.do("skip", MONDAY.run, segment="squad:type")
        hall.do("hand-over", MONDAY.run, to="Bo")

    hall.now = at("05 08:00")
    hall.status("standup")
    hall.begin(MONDAY)
    for seconds, happens in ((40, go("blockers")), (230, go("squad:ink")), (60, handed)):
        hall.wait(seconds=seconds)
        happens()
    hall.wait(seconds=600)
    hall.do("finish", MONDAY.run, "Bo")
    written = hall.minutes(MONDAY)
    lines = written.text.splitlines()
    assert written.path == hall.folder / "status/2031-05-05/standup.md"
    assert written.text == written.path.read_text(encoding="utf-8")
    assert lines[:3] == [BANNER, "", "# Morning Standup — Mon 2031-05-05 (W1D3)"]
    assert lines[4:10] == [
        "- Programme: The Press",
        "- Held: 09:00–09:15 WEST",
        "- Driver: Ada, then Bo (handed over, 09:05)",
        "- Time: 15:30 of 15:00 planned, over by 00:30",
        "- Attendance: not recorded",
        "- Not reported: Type, Binding",
    ]
    assert section(written.text, "Time")[2:7] == [
        "| Changes | 00:45 | 00:40 |  |",
        "| Blockers | 03:30 | 03:50 | +00:20 |",
        "| Ink & Paper | 02:00 | 11:00 | +09:00 |",
        "| Type | 02:00 | skipped |  |",
        "| Binding | 02:00 | not reached |  |",
    ]
    assert section(written.text, "Next") == ["- Morning Standup: Tue 2031-05-06 09:00 WEST"] + [
        line for line in section(written.text, "Next") if "Fair" in line
    ]
    assert section(written.text, "Decisions") == ["None recorded."]


def test_what_was_held_before_its_time_does_not_come_next(hall: Hall) -> None:
    """A ritual that was over when the standup ended is not announced; one held later still is, whenever the
    minutes are made."""
    fair = Key("fair", dt.date(2031, 5, 7))
    hall.now = at("06 07:00")
    held(hall, TUESDAY)
    before = section(hall.minutes(TUESDAY).text, "Next")
    assert before[0] == "- Fair: Wed 2031-05-07 00:00 WEST (all day)"
    hall.wait(minutes=1)
    hall.do("begin", fair.run)
    hall.do("finish", fair.run)
    assert section(hall.minutes(TUESDAY).text, "Next") == before
    hall.now = at("06 06:00")
    hall.do("begin", Key("fair", dt.date(2031, 5, 14)).run)
    hall.do("finish", Key("fair", dt.date(2031, 5, 14)).run)
    hall.now = at("13 07:00")
    later = Key("round", dt.date(2031, 5, 13))
    held(hall, later)
    assert "05-14 00:00" not in "".join(section(hall.minutes(later).text, "Next"))


def test_cards_of_no_squad_are_counted_where_squads_are_told(hall: Hall) -> None:
    """Once, with the number, from the room as from the status file of then; where there is none, nothing."""
    held(hall, MONDAY)
    assert "no squad" not in hall.minutes(MONDAY).text
    row = "| | Spare {0} | Nobody | 🟧 In Progress |\n"
    hall.write("backlog.md", BACKLOG.replace("\n## Risks", f"{row.format(1)}{row.format(2)}\n## Risks"))
    hall.now = at("06 07:00")
    held(hall, TUESDAY)
    written = hall.minutes(TUESDAY)
    told = "2 cards belong to no squad: how they stand is not told here."
    assert section(written.text, "Squads")[0] == told
    assert written.text.count("belong to no squad") == 1
    assert record(hall, TUESDAY)["room"]["no_squad"] == 2
    for path in (written.path, written.path.with_suffix(".json")):
        path.unlink()
    hall.wait(hours=5)
    assert told in section(hall.minutes(TUESDAY).text, "Squads")


def test_what_was_written_down_is_there_verbatim_with_who_and_when(hall: Hall) -> None:
    """Decisions, action items, notes and parked topics; those written down after the end are told apart."""
    said = [
        lambda: hall.do("decision", MONDAY.minutes, "Bo", text="We print on Monday", squad="ink"),
        lambda: hall.do("task", MONDAY.minutes, text="Ask the mill", owner="Cy", due="friday"),
        lambda: hall.do("note", MONDAY.minutes, text="Kiln is cold"),
        lambda: hall.do("park", MONDAY.minutes, "Di", text="Names of founts"),
    ]
    held(hall, MONDAY, *said)
    hall.wait(minutes=1)
    hall.do("decision", MONDAY.minutes, "Cy", text="And on Tuesday")
    text = hall.minutes(MONDAY).text
    assert section(text, "Decisions") == [
        "- We print on Monday — Ink & Paper, Bo, 09:01",
        "- And on Tuesday — written down later, Cy, Mon 2031-05-05 09:15 WEST",
    ]
    assert section(text, "Action items")[2:] == ["| Cy | Ask the mill | friday | Ada, 09:02 |"]
    assert section(text, "Notes") == ["- Kiln is cold — Ada, 09:03"]
    assert section(text, "Parked") == ["- Names of founts — Di, 09:04"]


HOSTILE = (
    "# x",
    "| a | b |",
    "- y\n## z",
    "1. one",
    "> quoted",
    "<script>alert(1)</script>",
    "<!-- notes -->",
    "[here](http://bad.example)",
    "~~~",
    "\u202e*evil*\x1b[31m",
)


@pytest.mark.parametrize("kind", ["decision", "task", "note", "park"])
def test_no_text_breaks_the_document(hall: Hall, kind: Any) -> None:
    """Whatever is captured, the document is built as with a harmless word, and nothing in it is HTML."""
    held(hall, MONDAY, *[lambda one=text: hall.do(kind, MONDAY.minutes, text=one) for text in HOSTILE])
    hostile = hall.minutes(MONDAY).text
    made = record(hall, MONDAY)
    for key in ("decisions", "actions", "notes", "parked"):
        made[key] = [{**one, "text": "x"} for one in made[key]]
    calm = minutes.markdown(made)
    assert headings(hostile) == headings(calm)
    kinds = [token.type for token in READER.parse(hostile)]
    assert kinds == [token.type for token in READER.parse(calm)]
    assert not {"html_block", "fence", "blockquote_open"} & set(kinds)
    assert calm.count("x —") + calm.count("| x |") == len(HOSTILE)


def test_blockers_tell_what_they_have_been_through(hall: Hall) -> None:
    """A carried one has its standups, its unchanged streak and what was decided; others what became."""
    paper = hall.do("open", summary="No paper", owner="Odile", owning_squad="type", blocking_squad="ink")
    held(hall, MONDAY)
    opened: list[str] = []
    held(
        hall,
        TUESDAY,
        lambda: hall.do("direct", paper, text="Odile buys paper"),
        lambda: opened.append(hall.do("open", by="Bo", summary="Kiln cold", owner="Ines")),
        lambda: hall.do("escalate", opened[0], next_update="2031-05-06T12:00:00Z"),
        lambda: hall.do("resolve", opened[0], mitigation="Coal came"),
    )
    text = hall.minutes(TUESDAY).text
    assert section(text, "Blockers") == [
        "### Carried over",
        "- No paper — owner Odile; Type waits on Ink & Paper; at 2 standups now, unchanged at 2. "
        "Here: directed: Odile buys paper (Ada, 09:01)",
        "### Opened in it",
        "- Kiln cold — owner Ines (Bo, 09:02)",
        "### Escalated in it",
        "- Kiln cold — owner Ines (Ada, 09:03)",
        "### Resolved in it",
        "- Kiln cold — owner Ines; Coal came (Ada, 09:04)",
    ]
    assert section(text, "Decisions") == ["- No paper: directed: Odile buys paper — Ada, 09:01"]
    carried = record(hall, TUESDAY)["blockers"]["carried"]
    assert [(one["id"], one["standups"], one["forced"]) for one in carried] == [(paper, 2, False)]


def test_a_third_appearance_was_forced(hall: Hall) -> None:
    """What nobody changed for three standups is told so, and what was done in this one does not hide it."""
    paper = hall.do("open", summary="No paper", owner="Odile")
    held(hall, MONDAY)
    held(hall, TUESDAY)
    key = Key("round", dt.date(2031, 5, 7))
    held(hall, key, lambda: hall.do("assign", paper, owner="Ines"))
    (line,) = section(hall.minutes(key).text, "Blockers")[1:]
    assert "at 3 standups now, unchanged at 3. Here: assigned to Ines (Ada, 09:01)" in line
    assert record(hall, key)["blockers"]["carried"][0]["forced"] is True


def test_changes_are_those_since_the_last_standup_began(hall: Hall) -> None:
    """From the status of its beginning to that of this one's, with what was decided in between."""
    held(hall, MONDAY, lambda: hall.do("decision", MONDAY.minutes, text="We print"))
    hall.wait(hours=4)
    hall.do("status", "sprint-1/press", status="done")
    move = [lambda: hall.do("status", "sprint-1/ink-mill", "Tarik", status="in_progress")]
    held(hall, TUESDAY, *move)
    text = hall.minutes(TUESDAY).text
    assert section(text, "Changes since the last standup") == [
        "From `2031-05-05-standup.json` to its beginning: "
        "the newest status at or before the standup held Mon 2031-05-05 09:00 WEST.",
        "- Press (Ink & Paper): in progress → done",
        "- decided: We print",
    ]
    ink = text.split("### Ink & Paper", 1)[1].split("###", 1)[0]
    assert "- Done since the last standup: Press\n" in ink
    assert "- Moved in it: Ink Mill: not started → in progress (Tarik, 09:01)\n" in ink
    assert "- In progress: Ink Mill (Miller (Tarik), 13m)\n" in ink


def test_the_first_standup_is_compared_with_the_status_before_it(hall: Hall) -> None:
    """Never with its own: what was moved since last night is told, and why that one was chosen."""
    hall.do("status", "sprint-1/press", status="done")
    held(hall, MONDAY)
    basis, change = section(hall.minutes(MONDAY).text, "Changes since the last standup")
    assert basis.startswith(
        "From `2031-05-05.json` to its beginning: the previous status: none is as old as "
    )
    assert change == "- Press (Ink & Paper): in progress → done"


def test_the_same_gives_the_same_bytes(hall: Hall) -> None:
    """Written again by another room, minutes later: not a byte differs, in either file."""
    held(hall, MONDAY, lambda: hall.do("decision", MONDAY.minutes, text="We print"))
    first = hall.minutes(MONDAY)
    files = sorted(first.path.parent.iterdir())
    before = [file.read_bytes() for file in files]
    hall.wait(minutes=5)
    hall.minutes(MONDAY)
    hall.wait(days=3)
    hall.do("status", "sprint-1/press", status="done")
    hall.minutes(MONDAY)
    assert [file.name for file in files] == ["standup.json", "standup.md"]
    assert sorted(first.path.parent.iterdir()) == files
    assert [file.read_bytes() for file in files] == before


def test_later_words_complete_them_and_what_the_room_saw_stays(hall: Hall) -> None:
    """A decision that is written down days later is added; cards and gaps stay as they stood."""
    held(hall, MONDAY)
    hall.minutes(MONDAY)
    room = record(hall, MONDAY)["room"]
    hall.wait(days=2)
    hall.do("status", "sprint-1/press", status="done")
    hall.do("decision", MONDAY.minutes, text="Forgotten until now")
    text = hall.minutes(MONDAY).text
    assert "Forgotten until now — written down later" in text
    assert record(hall, MONDAY)["room"] == room


def test_what_only_the_room_saw_is_not_recorded_without_it(hall: Hall) -> None:
    """Made from the log days later: from the status file of its beginning, and without that one, nothing."""
    held(hall, MONDAY, lambda: hall.do("decision", MONDAY.minutes, text="We print"))
    hall.wait(days=2)
    hall.do("status", "sprint-1/press", status="done")
    text = hall.minutes(MONDAY).text
    assert "Cards as of 09:00, from `2031-05-05-standup.json`." in text
    assert "- In progress: Press (" in text
    for file in (hall.folder / "status/2031-05-05").iterdir():
        file.unlink()
    (hall.folder / "status/2031-05-05-standup.json").unlink()
    text = hall.minutes(MONDAY).text
    assert "- We print — Ada, 09:01" in text
    assert "How the cards stood was not recorded." in text
    assert section(text, "Telemetry and gates") == ["Not recorded: nobody kept how they stood then."]
    assert section(text, "Changes since the last standup")[0].startswith("Not recorded: ")
    assert "In progress" not in text


def test_an_edited_text_is_kept_beside_the_new_one(hall: Hall) -> None:
    """Nobody's own words are overwritten: they stay in a file whose name says so."""
    held(hall, MONDAY)
    path = hall.minutes(MONDAY).path
    path.write_text("My own words", encoding="utf-8")
    text = hall.minutes(MONDAY).text
    assert path.read_text(encoding="utf-8") == text
    (kept,) = path.parent.glob("standup.edited-*.md")
    assert kept.read_text(encoding="utf-8") == "My own words"


def test_a_file_that_is_no_record_is_left_alone(hall: Hall) -> None:
    """What stands where the record belongs and is none is named, and nothing is written."""
    held(hall, MONDAY)
    folder = hall.folder / "status/2031-05-05"
    folder.mkdir()
    (folder / "standup.json").write_text('{"schema": "mine"', encoding="utf-8")
    with pytest.raises(CannotWrite, match=r"standup\.json line 1: .*nothing of it was changed"):
        hall.minutes(MONDAY)
    assert [file.name for file in folder.iterdir()] == ["standup.json"]


def test_a_room_does_not_read_what_it_wrote(hall: Hall) -> None:
    """Where a glob matches minutes and summary, too, no blocker of theirs is taken for another one."""
    hall.write("controlroom.toml", CONFIG.replace('"*.md"', '"**/*.md"'))
    hall.write("status/2031-05-04.md", BACKLOG)
    hall.do("open", summary="No paper", owner="Odile")
    held(hall, MONDAY)
    hall.minutes(MONDAY)
    assert hall.call("summary", "--week", "1").returncode == 0
    seen = hall.seen()
    assert [blocker.summary for blocker in seen.blockers] == ["No paper"]
    assert {reading.path for reading in seen.documents} == {"backlog.md", "status/2031-05-04.md"}


def test_nobody_began_it(hall: Hall) -> None:
    """There are no minutes of what was not begun."""
    with pytest.raises(CannotWrite, match="was not begun"):
        hall.minutes(MONDAY)


def test_another_ritual_has_its_own_name_and_no_walk(hall: Hall) -> None:
    """Minutes of a fair stand under its id, and say nothing of squads that nobody asked."""
    key = Key("fair", dt.date(2031, 5, 7))
    hall.now = at("07 08:00")
    hall.do("begin", key.run)
    hall.wait(hours=2)
    hall.do("decision", key.minutes, text="Come again")
    hall.do("finish", key.run)
    written = hall.minutes(key)
    assert written.path.name == "fair.md"
    assert "- Time: 120:00, no length declared\n" in written.text
    assert "- Come again — Ada, 11:00\n" in written.text
    assert "Not reported" not in written.text
    assert "## Squads" not in written.text


def test_while_it_is_on_they_say_so(hall: Hall) -> None:
    """Minutes written before the end are of then, and the end makes them anew."""
    hall.now = at("05 08:00")
    hall.begin(MONDAY)
    hall.wait(minutes=3)
    assert "- Held: begun Mon 09:00 WEST, not finished as of 09:03\n" in hall.minutes(MONDAY).text
    hall.do("finish", MONDAY.run)
    assert "- Held: 09:00–09:03 WEST\n" in hall.minutes(MONDAY).text


def test_a_list_of_thousands_is_counted() -> None:
    """One line names what a person can read; the rest is a number, and stands in the JSON."""
    cards = [f"card {number}" for number in range(10_000)]
    document = {"squads": [{"id": "quay", "name": "Quay"}], "since": {"done": {"quay": cards}}}
    (line,) = (line for line in minutes.markdown(document).splitlines() if "Done since" in line)
    assert line.endswith("card 23; card 24; and 9975 more")


def test_a_chat_is_told_the_essence(hall: Hall) -> None:
    """A few plain lines: how long, what changed, decisions and who does what; no channel is called."""
    said = [
        lambda: hall.do("decision", MONDAY.minutes, text="@channel: we print"),
        lambda: hall.do("task", MONDAY.minutes, text="Ask the mill", owner="Cy", due="friday"),
    ]
    held(hall, MONDAY, *said)
    assert hall.minutes(MONDAY).chat.splitlines() == [
        "Morning Standup — Mon 2031-05-05 (W1D3): 09:00–09:14 WEST, driver Ada, 14:00 of 15:00 planned",
        "Since the last standup: nothing changed",
        "Blockers: 0 here for the first time, 0 carried over; in it 0 opened, 0 escalated, 0 resolved",
        "Decisions:",
        "- @ channel: we print",
        "Action items:",
        "- Cy: Ask the mill (due friday)",
        "Not reported: Ink & Paper, Type, Binding",
        "Next: Morning Standup Tue 2031-05-06 09:00 WEST",
    ]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


FULL = {
    "_banner": "b",
    "schema": minutes.SCHEMA,
    "version": "1.0",
    "tz": "Europe/Lisbon",
    "title": "Round",
    "date": "2031-05-05",
    "begun_at": "2031-05-05T08:00:00Z",
    "finished_at": "2031-05-05T08:14:00Z",
    "planned_s": 900,
    "actual_s": 840,
    "over_s": 3,
    "extended_s": 30,
    "drivers": [{"who": "Ada", "how": "took over", "at": "2031-05-05T08:00:00Z"}],
    "segments": [{"kind": "squad", "squad": {"id": "ink"}, "planned_s": 60, "actual_s": 70, "over_s": 10}],
    "squads": [{"id": "ink", "reported": False, "moves": [{"to": "done", "from": None, "epic": "x"}]}],
    "not_reported": [{"id": "ink"}],
    "decisions": [{"text": "x", "by": "Ada", "at": "2031-05-05T08:00:00Z"}],
    "actions": [{"text": "x", "owner": "Cy"}],
    "blockers": {
        "carried": [{"summary": "b", "standups": 3, "unchanged": 3, "decided": [{"kind": "direct"}]}],
        "resolved": [{"kind": "resolve", "mitigation": "m"}],
    },
    "since": {"from": "a", "changes": [{"text": "t", "category": "decision"}], "done": {"ink": ["x"]}},
    "room": {
        "from": "room",
        "cards": {"ink": {"blocked": [{"epic": "e", "progress": 3}]}},
        "no_squad": 2,
        "gates": [{"wave": "a", "required": 2, "squads": [{"squad": "ink", "verdict": "FAIL"}]}],
        "gaps": [{"squad": "ink", "metric": "m", "code": "STALE", "text": "old"}],
        "unasked": [{"text": "down"}],
        "signals": 2,
        "services": [{"id": "s", "state": "down", "error": "refused"}],
        "unknown": [{"kind": "source", "id": "s", "text": "why"}],
    },
    "next": {"title": "Fair", "label": "Wed", "flags": ["moved"]},
}
WRONG: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 1e300, "", "\u0000|\n# x", [], [1], {}, {"id": 3}, {"text": []}]
)


@given(st.sampled_from(list(places(FULL))[1:]), WRONG)
def test_a_record_that_somebody_edited_is_still_shown(path: tuple[Any, ...], wrong: Any) -> None:
    """Whatever stands anywhere in a record, its text and its chat are made, and the banner comes first."""
    document = copy.deepcopy(FULL)
    inside: Any = document
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = wrong
    text = minutes.markdown(document)
    assert text.startswith("b\n\n# ") or path == ("_banner",)
    assert minutes.chat(document)
