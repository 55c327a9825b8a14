"""The report of a drill: banner first, foreign text as text, what is not known said to be so."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from controlroom.domain.drill import Begun, Drill, Hush, Steady, Symptom
from controlroom.domain.drill_watch import Stopwatch
from controlroom.domain.program import Program
from controlroom.domain.rituals import Ritual, Scenario
from controlroom.domain.runs import Capture, Key, Run
from controlroom.domain.services import Health
from controlroom.reports.drill import document, files, headline, length, markdown

READER = MarkdownIt("commonmark").enable("table")
T0 = dt.datetime(2031, 5, 9, 22, tzinfo=dt.UTC)
KEY = Key("drill", dt.date(2031, 5, 9))
RUN = Run(KEY, "Bo", T0, "Ada", finished_at=T0 + dt.timedelta(seconds=754))
DRILLS = (Ritual("drill", rotates=True), Ritual("storm", rotation=(Scenario(1, "Wind"),)))
PROGRAM = Program("harbour", start=dt.date(2031, 5, 5), zone="America/Los_Angeles", rituals=DRILLS)


def at(seconds: float) -> dt.datetime:
    return T0 + dt.timedelta(seconds=seconds)


DRILL = Drill(
    RUN,
    "Storm drill",
    Begun("Cache goes away", "Quay", ("cache",), steady={"cache": Steady(Health.UP, at(-9))}, taken_at=T0),
    at(754),
    T0,
    marked=False,
    watches=(
        Stopwatch(
            "cache",
            "Cache",
            Health.UP,
            Health.UP,
            broken_at=at(30),
            recovered_at=at(275),
            detection=30.2,
            recovery=245.4,
            rto=120,
            verdict="over",
            flaps=2,
        ),
    ),
    by="a room that was watching all the time",
)


def test_the_banner_comes_first_byte_for_byte() -> None:
    """In both forms, also one of several lines; without one the title does."""
    banner = "Synthetic *data*\n> only"
    made = files(DRILL, PROGRAM, banner)
    assert made["drill.md"].startswith(f"{banner}\n\n# Storm drill".encode())
    assert json.loads(made["drill.json"])["_banner"] == banner
    assert next(iter(json.loads(made["drill.json"]))) == "_banner"
    assert markdown(DRILL, PROGRAM, "").startswith("# Storm drill 2031-05-09: Cache goes away\n")


def test_times_are_the_programmes_and_lengths_are_plain() -> None:
    """Who drove, from when to when on the programme's clock, detection and recovery against the RTO."""
    text = markdown(DRILL, PROGRAM, "")
    assert "- **Driven by:** Ada, then Bo" in text
    assert "- **Ended:** 2031-05-09 15:12:34 PDT, after 12 min 34 s" in text
    assert "| Cache | up | 30 s | 4 min 05 s | OVER (RTO 2 min 00 s) | 2× | all the time |" in text
    assert "(Week 1)" in text
    assert length(3725.9) == "1 h 02 min 05 s"


@pytest.mark.parametrize(
    "nasty",
    ["a|b", "<img src=x>", "[x](http://evil)", "*bold*", "_it_", "a\\", "# a", "- a", "&lt;", "a\\|b"],
)
def test_foreign_text_stays_text(nasty: str) -> None:
    """Whatever somebody wrote is read as it was written, wherever it stands, and is no markup there."""
    symptom = Symptom(nasty, False, at(40), nasty, sign="no")
    note = Capture("n", "decision", nasty, nasty, at(50), owner=nasty)
    watch = replace(DRILL.watches[0], name=nasty, why=nasty)
    drill = replace(DRILL, run=replace(RUN, captures=(note,)), symptoms=(symptom,), watches=(watch,))
    drill = replace(drill, begun=replace(DRILL.begun, owner=nasty))
    found = [token for token in READER.parse(markdown(drill, PROGRAM, "")) if token.type == "inline"]
    pieces = [piece for token in found for piece in token.children or ()]
    said = ["".join(piece.content for piece in token.children or ()) for token in found]
    assert sum(one.count(nasty) for one in said) == 14
    kinds = {piece.type for piece in pieces if piece.content or piece.type.endswith("_open")}
    assert kinds <= {"text", "text_special", "strong_open"}
    tables = [token for token in READER.parse(markdown(drill, PROGRAM, "")) if token.type == "td_open"]
    assert len(tables) == 7


def test_metric_names_stay_as_they_are() -> None:
    """An underscore inside a word is no markup, and is not disfigured."""
    drill = replace(DRILL, symptoms=(Symptom("gap in redis_up", True, at(4), "Ada", sign="no"),))
    assert "No metric shows: gap in redis_up (drill Cache goes away, 2031-05-09)" in markdown(
        drill, PROGRAM, ""
    )


def test_what_was_not_measured_has_no_number() -> None:
    """Not measured is said in words and null in JSON; a drill without a baseline says that."""
    unseen = Stopwatch("cache", "Cache", Health.UNKNOWN, Health.UNKNOWN, rto=120, watched="not", why="nobody")
    drill = replace(DRILL, watches=(unseen,), begun=Begun("Flood"), unknown=("am could not be asked: x",))
    text = markdown(drill, PROGRAM, "")
    assert "| Cache | unknown | not measured | not measured |" in text
    assert "No baseline was taken." in text
    assert "- **Owner:** not declared" in text
    assert "- am could not be asked: x" in text
    (entry,) = document(drill, PROGRAM, "")["services"]
    assert [entry[name] for name in ("detection_s", "recovery_s", "running_s", "verdict")] == [None] * 4
    assert "not measured" in headline(drill)


def test_a_drill_that_is_on_is_not_over() -> None:
    """It says that it goes on, as of when, and that its silence lasts."""
    hush = Hush("am", "id", ('job="x"',), at(1800))
    on = replace(DRILL, run=replace(RUN, finished_at=None), begun=replace(DRILL.begun, hush=hush))
    text = markdown(on, PROGRAM, "")
    assert "it is still on; this is as of 2031-05-09 15:12:34 PDT" in text
    assert "at the end:" not in text
    assert document(on, PROGRAM, "")["on"] is True


def test_two_drills_of_a_day_do_not_overwrite_each_other() -> None:
    """The first that is declared is drill.md, any other has its name."""
    other = replace(DRILL, run=replace(RUN, key=Key("storm", KEY.date)))
    assert set(files(DRILL, PROGRAM, "")) == {"drill.md", "drill.json"}
    assert set(files(other, PROGRAM, "")) == {"drill-storm.md", "drill-storm.json"}
