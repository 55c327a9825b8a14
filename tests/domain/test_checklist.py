"""Boxes of a ritual's holding: which there are, what became of them, and what is carried over."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from controlroom.domain import checklist
from controlroom.domain.documents import (
    Document,
    DocumentCheck,
    DocumentChecklist,
    DocumentKind,
    DocumentReading,
)
from controlroom.domain.health import ServiceState
from controlroom.domain.program import Program
from controlroom.domain.rituals import DateChange, ReadyGate, Ritual
from controlroom.domain.runs import Box, Key, Run
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import GapCode, SignalReading

WED = dt.date(2025, 10, 8)
NEXT = WED + dt.timedelta(days=7)
AFTER = NEXT + dt.timedelta(days=7)
NOON = dt.datetime(2025, 10, 8, 19, tzinfo=dt.UTC)
"""12:00 in Los Angeles."""

DAY = Ritual(
    "integration", "Weekly Integration Day", ("wed",), all_day=True, checklist=("Deploy it", "Look at it")
)
STANDUP = Ritual("standup", "Standup", time=dt.time(9), minutes=15, checklist=("Say hello",))


def reading(
    *lists: DocumentChecklist, kind: DocumentKind = "handbook", as_of: dt.date | None = None
) -> DocumentReading:
    return DocumentReading("docs/a.md", Document("docs/a.md", kind, as_of=as_of, checklists=lists))


def listed(section: str, *texts: str, date: dt.date | None = None, done: bool = False) -> DocumentChecklist:
    checks = tuple(DocumentCheck(done, text, 10 + n) for n, text in enumerate(texts))
    return DocumentChecklist(section, checks, 9, date)


def room(*readings: DocumentReading, rituals: tuple[Ritual, ...] = (STANDUP, DAY), **more: Any) -> Snapshot:
    program = Program(zone="America/Los_Angeles", start=dt.date(2025, 10, 4), rituals=rituals)
    return Snapshot(program, documents=readings, **more)


def ticked(date: dt.date, words: str, *, done: bool = True, by: str = "Ada") -> Box:
    key = Key("integration", date)
    item = key.box(words)
    return Box(item, key, item.rpartition("/")[2], done, by, NOON, "photo.png" if done else "")


def held(date: dt.date) -> Run:
    return Run(Key("integration", date), "Ada", NOON, finished_at=NOON)


def words(snapshot: Snapshot, date: dt.date) -> list[tuple[str, dt.date | None]]:
    return [(one.words, one.carried_from) for one in checklist.boxes(snapshot, Key("integration", date))]


def test_boxes_are_those_declared_and_those_documents_list_for_the_ritual() -> None:
    """A heading that bears the ritual's title lists boxes for it, with its place; another does not."""
    snapshot = room(
        reading(
            listed("Integration Day (Wednesday) Checklist", "Run smoke", "deploy it"),
            listed("Standup Checklist", "Coffee"),
            listed("Release Checklist", "Tag it"),
            listed("Checklist", "Anything"),
        )
    )
    found = checklist.boxes(snapshot, Key("integration", WED))
    assert [(one.words, one.path, one.line) for one in found] == [
        ("Deploy it", None, None),
        ("Look at it", None, None),
        ("Run smoke", "docs/a.md", 10),
    ]


def test_a_list_of_one_day_is_meant_for_that_day() -> None:
    """A dated list belongs to its date, its ticks count there; an undated one to every holding, and its
    ticks, which name no day, count nowhere."""
    bare = replace(DAY, checklist=())
    snapshot = room(
        reading(
            listed("Integration Day Checklist (Oct 8)", "Flow validated", date=WED, done=True),
            listed("Integration Day Checklist", "Deploy", done=True),
        ),
        rituals=(bare,),
    )
    first = checklist.boxes(snapshot, Key("integration", WED))
    assert [(one.words, one.done, one.by) for one in first] == [
        ("Flow validated", True, ""),
        ("Deploy", False, ""),
    ]
    assert [one.words for one in checklist.boxes(snapshot, Key("integration", NEXT))] == ["Deploy"]


def test_an_undated_list_of_a_status_report_is_for_the_next_holding() -> None:
    """A report speaks of its own day: its list is for the first holding from then on."""
    report = reading(
        listed("Integration Day", "Flow", done=True), kind="status", as_of=WED - dt.timedelta(days=3)
    )
    snapshot = room(report, rituals=(replace(DAY, checklist=()),))
    assert [one.done for one in checklist.boxes(snapshot, Key("integration", WED))] == [True]
    assert checklist.boxes(snapshot, Key("integration", NEXT)) == ()


def test_what_two_places_list_is_one_box() -> None:
    """Words that stand in the configuration and in a document are one box, done where either says so."""
    dated = reading(listed("Integration Day (Oct 8)", "LOOK at it", date=WED, done=True))
    snapshot = room(dated, runs=(held(WED),))
    assert [(one.words, one.done) for one in checklist.boxes(snapshot, Key("integration", WED))] == [
        ("Deploy it", False),
        ("LOOK at it", True),
    ]
    assert words(snapshot, NEXT) == [("Deploy it", WED), ("Look at it", None)]


def test_a_moved_holding_takes_the_list_of_its_new_date() -> None:
    """A list dated on the day that a holding was moved to is that holding's."""
    moved = replace(DAY, checklist=(), changes=(DateChange(WED, to_date=WED + dt.timedelta(days=1)),))
    snapshot = room(
        reading(listed("Integration Day (Oct 9)", "Flow", date=WED + dt.timedelta(days=1))), rituals=(moved,)
    )
    assert words(snapshot, WED) == [("Flow", None)]
    assert checklist.on_date(snapshot, WED) == ()
    assert checklist.on_date(snapshot, WED + dt.timedelta(days=1)) == (Key("integration", WED),)


def test_a_person_s_word_comes_before_the_document_s() -> None:
    """Who takes a tick back is believed, whatever the document says; the evidence stays with the tick."""
    dated = reading(listed("Integration Day (Oct 8)", "Flow", date=WED, done=True))
    taken = room(dated, boxes=(ticked(WED, "Flow", done=False), ticked(WED, "Deploy it")))
    found = {one.words: one for one in checklist.boxes(taken, Key("integration", WED))}
    assert (found["Flow"].done, found["Flow"].by) == (False, "Ada")
    assert (found["Deploy it"].done, found["Deploy it"].evidence) == (True, "photo.png")


def test_what_was_left_is_carried_over_from_the_first_time_it_was() -> None:
    """Boxes left at holdings stand first at the next ones, with the date of the first, until they are ticked;
    also those that only the first one's list had."""
    dated = reading(listed("Integration Day (Oct 8)", "Flow", date=WED))
    snapshot = room(
        dated, runs=(held(WED), held(NEXT)), boxes=(ticked(WED, "Deploy it"), ticked(NEXT, "Flow"))
    )
    assert words(snapshot, WED) == [("Deploy it", None), ("Look at it", None), ("Flow", None)]
    assert words(snapshot, NEXT) == [("Look at it", WED), ("Flow", WED), ("Deploy it", None)]
    assert words(snapshot, AFTER) == [("Look at it", WED), ("Deploy it", NEXT)]


def test_a_holding_that_nobody_held_carries_nothing() -> None:
    """Neither one that was begun and is on, nor one where a tick was only taken back, counts as held."""
    on = replace(held(WED), finished_at=None)
    snapshot = room(runs=(on,), boxes=(ticked(WED, "Deploy it", done=False),))
    assert words(snapshot, NEXT) == [("Deploy it", None), ("Look at it", None)]
    once = room(boxes=(ticked(WED, "Deploy it"),))
    assert words(once, NEXT) == [("Look at it", WED), ("Deploy it", None)]


def test_a_tick_whose_words_nobody_lists_any_more_is_kept() -> None:
    """A box whose line was rewritten stays with its tick; a gate that a person ticks is none of them."""
    gated = replace(DAY, gates=(ReadyGate("The pilot is there"),))
    snapshot = room(rituals=(gated,), boxes=(ticked(WED, "Old words"), ticked(WED, "The pilot is there")))
    last = checklist.boxes(snapshot, Key("integration", WED))[-1]
    assert (last.words, last.done, last.listed) == ("old words", True, False)
    assert len(checklist.boxes(snapshot, Key("integration", WED))) == 3
    item = Key("integration", WED).box("The pilot is there")
    assert checklist.words_of(snapshot, item) == "The pilot is there"
    assert checklist.words_of(snapshot, "box:nothing/2025-10-08/x") is None


def test_the_holding_is_the_one_on_then_the_last_for_a_while_then_the_next() -> None:
    """What is ticked belongs to what is in progress, then for two hours to that, then to the next."""
    snapshot = room()

    def date(ritual: str, at: dt.datetime, seen: Snapshot = snapshot) -> dt.date | None:
        found = checklist.holding(seen, ritual, at)
        return None if found is None else found.local_date

    assert date("integration", NOON) == WED
    assert date("integration", NOON + dt.timedelta(days=1)) == NEXT
    nine = dt.datetime(2025, 10, 8, 16, tzinfo=dt.UTC)
    assert date("standup", nine + dt.timedelta(minutes=5)) == WED
    assert date("standup", nine + dt.timedelta(hours=2)) == WED
    assert date("standup", nine + dt.timedelta(hours=2, minutes=15)) == WED + dt.timedelta(days=1)
    on = replace(snapshot, runs=(Run(Key("standup", WED), "Ada", nine),))
    assert date("standup", nine + dt.timedelta(hours=9), on) == WED
    assert date("nothing", NOON) is None


def test_boxes_of_a_ritual_that_was_held_early() -> None:
    """They are ticked for as long after its end as any other's, then those of the next time are."""
    eight = dt.datetime(2025, 10, 8, 15, tzinfo=dt.UTC)
    run = Run(Key("standup", WED), "Ada", eight - dt.timedelta(minutes=10), finished_at=eight)
    early = replace(room(), runs=(run,))
    for hours, day in ((0.5, WED), (1.5, WED), (2.5, WED + dt.timedelta(days=1))):
        found = checklist.holding(early, "standup", eight + dt.timedelta(hours=hours))
        assert found is not None
        assert found.local_date == day
    tomorrow = replace(early, runs=(replace(run, key=Key("standup", WED + dt.timedelta(days=1))),))
    found = checklist.holding(tomorrow, "standup", eight + dt.timedelta(hours=6))
    assert found is not None
    assert found.local_date == WED + dt.timedelta(days=2)


def test_what_a_box_names_is_looked_at_and_ticks_nothing() -> None:
    """Services, promised metrics and topics of documents in back-ticks say what is seen."""
    day = replace(DAY, checklist=("See `redis`, `lag_total`, `orders.new`, `make it` and `pulse`",))
    document = Document("docs/a.md", "handbook", topics=("orders.new",), metrics=("pulse",))
    snapshot = replace(
        room(DocumentReading("docs/a.md", document), rituals=(day,)),
        services=(ServiceState(Service("redis", "tcp"), Health.UP, probed_at=NOON),),
        signals=(SignalReading(Signal("lag_total", squad="a"), GapCode.NEVER_SEEN, "never"),),
    )
    (box,) = checklist.boxes(snapshot, Key("integration", WED))
    assert not box.done
    assert [(seen.proof, seen.kind, seen.state) for seen in checklist.beside(snapshot, box, NOON)] == [
        ("redis", "service", "observed"),
        ("lag_total", "metric", "not observed"),
        ("orders.new", "topic", "unknown"),
        ("pulse", "metric", "unknown"),
    ]
    assert "no squad promised the topic orders.new" in checklist.beside(snapshot, box, NOON)[2].text
    assert "no squad promised pulse" in checklist.beside(snapshot, box, NOON)[3].text
