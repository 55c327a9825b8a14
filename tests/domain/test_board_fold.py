"""The room's board: documents, status files, log and outbox in one snapshot, whichever comes first."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from controlroom.domain.actions import Action, Entry, Outcome
from controlroom.domain.board import Item, Squad
from controlroom.domain.documents import Document, DocumentItem, DocumentNote, DocumentReading
from controlroom.domain.program import Program
from controlroom.domain.reduce import Setup, compare, reduce
from controlroom.domain.snapshot import (
    DocumentsSeen,
    Failure,
    LogSeen,
    Observation,
    OutboxSeen,
    Payload,
    Snapshot,
    SourceStatus,
    StatusFile,
    StatusSeen,
)
from controlroom.domain.status import blockers as listed_in
from controlroom.domain.status import room_status
from controlroom.domain.triage import Blocker

T0 = datetime(2031, 5, 6, 8, tzinfo=UTC)
PROGRAM = Program("press", squads=(Squad("ink"), Squad("type")))
SETUP = Setup(PROGRAM, {})
SOURCES = tuple(SourceStatus(kind, kind) for kind in ("documents", "status", "store"))
EMPTY = Snapshot(PROGRAM, sources=SOURCES)
FULL = {"summary": "No paper", "owner": "Odile"}


def seen(snapshot: Snapshot, payload: Payload | None, minute: int = 0, source: str = "") -> Snapshot:
    kinds: dict[type, Any] = {DocumentsSeen: "documents", StatusSeen: "status"}
    kind = kinds.get(type(payload), "store")
    id_ = source or ("outbox" if isinstance(payload, OutboxSeen) else kind)
    at = T0 + timedelta(minutes=minute)
    failure = Failure("it is away") if payload is None else None
    return compare(SETUP, reduce(SETUP, snapshot, Observation(id_, kind, at, payload, failure)), at)


def action(id_: str, kind: str, item: str = "b-1", by: str = "ada", **args: Any) -> Action:
    return Action(id_, item, kind, args, by, "desk", T0)


def log(*actions: Action, after: int = 0, from_start: bool = False) -> LogSeen:
    entries = tuple(Entry(rev, one) for rev, one in enumerate(actions, after + 1))
    return LogSeen(entries, after + len(actions), from_start=from_start)


def document(
    *, status: str = "🟧 In Progress", blockers: tuple[str, ...] = (), epics: str = "ab"
) -> DocumentsSeen:
    items = tuple(
        DocumentItem(
            f"s-1/{epic}", "s-1", epic, "", "Odile", ("Odile",), "in_progress" if "🟧" in status else "done",
            None, status, place, squad="ink",
        )
        for place, epic in enumerate(epics, 1)
    )  # fmt: skip
    report = Document(
        "2031-05-05.md",
        "status",
        as_of=date(2031, 5, 5),
        blockers=tuple(DocumentNote(name, "", 4) for name in blockers),
    )
    return DocumentsSeen(
        (
            DocumentReading("plan.md", Document("plan.md", "backlog", items=items)),
            DocumentReading("2031-05-05.md", report),
        )
    )


def status_file(snapshot: Snapshot) -> StatusSeen:
    data = json.loads(json.dumps(room_status(snapshot, T0)))
    return StatusSeen((StatusFile("2031-05-06.json", "2031-05-06", "nightly", T0, data),))


OPENED = action("a1", "open", **FULL)
MOVED = action("m1", "status", "s-1/a", status="done", was="🟧 In Progress")


def test_the_log_becomes_a_ledger_and_the_board_its_fold() -> None:
    """Entries follow what is known; a look that brings nothing changes nothing."""
    one = seen(EMPTY, log(OPENED))
    assert one.ledger is not None
    assert (one.ledger.rev, one.blockers[0].id, one.log and one.log.entries) == (1, "b-1", ())
    two = seen(one, log(action("a2", "resolve"), after=1))
    assert two.blockers[0].state == "resolved"
    again = seen(two, LogSeen((), 2))
    assert (again.ledger, again.blockers, again.lints) == (two.ledger, two.blockers, two.lints)
    assert again.blockers is two.blockers
    overlapping = seen(two, log(OPENED, action("a2", "resolve"), action("a3", "reopen")))
    assert overlapping.ledger is not None
    assert [e.rev for e in overlapping.ledger.of("b-1")] == [1, 2, 3]


def test_a_log_that_begins_anew_replaces_what_was_known() -> None:
    """A restarted store with less in it: what it does not have is gone; the same again is the same object."""
    two = seen(EMPTY, log(OPENED, action("a2", "open", "b-2", **FULL)))
    less = seen(two, log(OPENED, from_start=True))
    assert [b.id for b in less.blockers] == ["b-1"]
    assert seen(less, log(OPENED, from_start=True)).ledger is less.ledger
    assert seen(less, log(from_start=True)).blockers == ()


def test_a_store_that_is_away_keeps_everything_and_says_so() -> None:
    """And one that can be read but not written warns."""
    known = seen(EMPTY, log(OPENED))
    away = seen(known, None)
    source = away.source("store")
    assert (away.blockers, away.ledger) == (known.blockers, known.ledger)
    assert source is not None
    assert source.error == "it is away"
    odd = seen(away, LogSeen((), 1, trouble="number 3 is missing"))
    source = odd.source("store")
    assert source is not None
    assert (source.error, source.warnings) == (None, ("number 3 is missing",))
    assert odd.log is not None
    assert odd.log.trouble == "number 3 is missing"


def test_cards_and_log_in_either_order() -> None:
    """Moved as the log says, whichever was read first; the declared card stays beside it."""
    first = seen(seen(EMPTY, document()), log(MOVED))
    second = seen(seen(EMPTY, log(MOVED)), document())
    assert first.items == second.items
    assert [i.status for i in first.items] == ["done", "in_progress"]
    assert [i.status for i in first.declared_items] == ["in_progress", "in_progress"]
    assert first.items[1] is first.declared_items[1]
    written = seen(first, document(status="🟩 Done"))
    assert (written.items[0].said, written.items[0].since) == (None, T0)


def test_reading_a_document_again_keeps_the_cards_that_did_not_change() -> None:
    """New readings with one new card: the others are the same objects."""
    one = seen(EMPTY, document(epics="ab"))
    two = seen(one, document(epics="abc"))
    assert two.items[0] is one.items[0]
    assert two.items[1] is one.items[1]
    assert seen(two, document(epics="abc")).items is two.items


def test_the_outbox_is_laid_over_and_lifted_again() -> None:
    """Queued deeds show at once and are marked; conflicting ones do not; once committed the mark goes."""
    known = seen(EMPTY, log(OPENED))
    queued = Outcome("queued", action("q1", "assign", owner="Lin"), reason="the store is away")
    met = Outcome("conflict", action("q2", "resolve"))
    waiting = seen(known, OutboxSeen((queued,), (met,)))
    assert (waiting.blockers[0].owner, waiting.blockers[0].pending) == ("Lin", ("assign",))
    both = seen(waiting, log(queued.action, after=1))
    assert (both.blockers[0].owner, both.blockers[0].pending) == ("Lin", ())
    dropped = seen(waiting, OutboxSeen())
    assert dropped.blockers[0].owner == "Odile"
    assert seen(dropped, OutboxSeen()).blockers is dropped.blockers


def test_a_snooze_ends_and_a_lint_appears_by_the_clock_alone() -> None:
    """Without any news, the room at a later instant says so."""
    asleep = seen(EMPTY, log(OPENED, action("a2", "snooze", until="2031-05-06T08:30:00Z")))
    assert asleep.blockers[0].state == "snoozed"
    assert compare(SETUP, asleep, T0 + timedelta(minutes=29)).blockers is asleep.blockers
    later = compare(SETUP, asleep, T0 + timedelta(minutes=30))
    assert later.blockers[0].state == "open"
    assert [lint.code for lint in later.lints] == []
    assert [lint.code for lint in compare(SETUP, later, T0 + timedelta(minutes=241)).lints] == ["X007"]


def test_saying_who_waits_removes_the_lints() -> None:
    """X001 and X002 on a cross-squad card are gone once both squads are named in the room."""
    plan = document().readings[0]
    assert plan.document is not None
    tagged = replace(plan.document, items=(replace(plan.document.items[0], tags=("cross-squad",)),))
    before = seen(EMPTY, DocumentsSeen((replace(plan, document=tagged),)))
    assert [lint.code for lint in before.lints] == ["X001", "X002"]
    named = action("w", "wait-on", "s-1/a", owning_squad="ink", blocking_squad="type", was=">")
    after = seen(before, log(named))
    assert after.lints == ()


# Status files


def test_what_a_status_file_says_of_the_logs_own_is_nothing_new() -> None:
    """A blocker the log opened and took back stays gone, although yesterday's file lists it."""
    exported = status_file(seen(EMPTY, log(OPENED)))
    gone = seen(seen(EMPTY, log(OPENED, action("a2", "undo", undoes="a1"))), exported)
    assert gone.blockers == ()
    alive = seen(seen(EMPTY, exported), log(OPENED, action("a2", "assign", owner="Lin")))
    assert [(b.id, b.owner, b.source) for b in alive.blockers] == [("b-1", "Lin", None)]


def test_a_blocker_only_a_file_lists_is_acted_on() -> None:
    """Every verb works; exported again with what was done, it does not do it twice, and undo still works."""
    listed = {
        "blockers": [{"id": "x/ice", "summary": "Ice", "mitigation": "salt"}],
        "schema": "controlroom.status",
    }
    told = StatusSeen((StatusFile("old.json", "2031-05-05", "nightly", T0, listed),))
    snoozed = action("a1", "snooze", "x/ice", until="2031-05-06T12:00:00Z")
    acted = seen(seen(EMPTY, told), log(snoozed))
    assert (acted.blockers[0].state, acted.blockers[0].source) == ("snoozed", "old.json")
    exported = status_file(acted)
    read_back = seen(acted, exported)
    assert read_back.blockers == acted.blockers
    undone = seen(read_back, log(action("a2", "undo", "x/ice", undoes="a1"), after=1))
    assert undone.blockers[0].state == "open"
    resolved = seen(undone, log(action("a3", "resolve", "x/ice"), after=2))
    over = seen(resolved, status_file(resolved))
    assert over.blockers[0].state == "resolved"
    assert seen(over, log(action("a4", "reopen", "x/ice"), after=3)).blockers[0].state == "open"


def test_everything_about_a_blocker_survives_being_written_down() -> None:
    """A status document holds all the log knows of it, except what waits in somebody's outbox."""
    full = Blocker(
        "b",
        "No paper",
        state="snoozed",
        awake="escalated",
        opened_at=T0,
        first_seen=T0,
        snoozed_until=T0,
        about="service:mill",
        source="x.md",
        opened_by="ada",
        acknowledged_by="bo",
        escalated_at=T0,
        resolved_at=T0,
        snoozed_by="cy",
        snooze_why="lunch",
        snooze_ritual="clinic",
        last_action="a9",
    )
    file = status_file(replace(EMPTY, blockers=(full,))).files[0]
    assert listed_in(file) == (full,)


# A restored room


def saved(snapshot: Snapshot) -> Snapshot:
    """What is kept of a room for its next run."""
    return replace(
        snapshot,
        documents=(),
        status=None,
        declared_items=(),
        ledger=None,
        log=None,
        outbox=OutboxSeen(),
        kept_blockers=(),
        kept_items=(),
        restored=True,
    )


def told() -> Snapshot:
    """A room with one blocker and one moved card of each origin."""
    listed = {"blockers": [{"id": "x/ice", "summary": "Ice"}]}
    file = StatusFile("old.json", "2031-05-05", "nightly", T0, listed)
    snapshot = seen(seen(EMPTY, document(blockers=("Fog",))), StatusSeen((file,)))
    return seen(snapshot, log(OPENED, MOVED, action("a2", "acknowledge", "2031_05_05/fog")))


def ids(snapshot: Snapshot) -> list[str]:
    return [blocker.id for blocker in snapshot.blockers]


def test_a_restored_room_keeps_what_only_others_can_tell() -> None:
    """Documents first: blockers of log and file, and the moved card, stay as they were last known."""
    before = told()
    everything = ["2031_05_05/fog", "x/ice", "b-1"]
    assert ids(before) == everything
    room = saved(before)
    assert ids(seen(room, OutboxSeen())) == everything
    assert seen(room, OutboxSeen()).restored
    read = seen(room, document(blockers=("Fog",)))
    assert ids(read) == everything
    assert [b.state for b in read.blockers] == ["acknowledged", "open", "open"]
    assert [i.status for i in read.items] == ["done", "in_progress"]
    edited = seen(room, document(status="🟩 Done", blockers=("Fog",)))
    assert (edited.items[0].status, edited.items[0].last_action) == ("done", None)
    reworded = seen(room, document(status="🟧 Nearly", blockers=("Fog",)))
    assert (reworded.items[0].status, reworded.items[0].last_action) == ("in_progress", None)


def test_once_the_log_is_read_it_alone_counts() -> None:
    """What it does not know is gone; what a file told stays until the file is read."""
    room = seen(saved(told()), log())
    assert ids(room) == ["2031_05_05/fog", "x/ice"]
    assert [b.state for b in room.blockers] == ["open", "open"]
    assert [i.status for i in room.items] == ["done", "in_progress"], "no document was read yet"
    assert ids(seen(room, StatusSeen(()))) == ["2031_05_05/fog"]
    assert [i.status for i in seen(room, document(blockers=("Fog",))).items] == ["in_progress"] * 2


def test_the_same_log_and_documents_again_give_the_same_room() -> None:
    """Whatever order they come in after a restart."""
    before = told()
    file = before.status
    assert file is not None
    news: list[Payload] = [
        document(blockers=("Fog",)),
        file,
        log(OPENED, MOVED, action("a2", "acknowledge", "2031_05_05/fog"), from_start=True),
        OutboxSeen(),
    ]
    for turn in range(4):
        room = saved(before)
        for payload in news[turn:] + news[:turn]:
            room = seen(room, payload)
        assert (room.blockers, room.items, room.lints) == (before.blockers, before.items, before.lints)


def test_deeds_that_wait_are_laid_over_a_restored_room() -> None:
    """And lifted when they are dropped, the log still unread."""
    queued = OutboxSeen((Outcome("queued", action("q", "assign", owner="Lin")),))
    room = seen(saved(told()), queued)
    assert room.blockers[-1].owner == "Lin"
    assert seen(room, OutboxSeen()).blockers[-1].owner == "Odile"
    assert seen(seen(room, document(blockers=("Fog",))), OutboxSeen()).blockers[-1].owner == "Odile"


def test_steps_and_other_lanes_are_untouched() -> None:
    """A card of the programme's own lane is no card of the board."""
    step = Item("step/1", "Sign")
    room = seen(replace(EMPTY, steps=(step,)), log(action("1", "status", "step/1", status="done")))
    assert room.steps == (step,)


# Blockers that report after report lists


def report(day: int, *names: str, path: str = "") -> DocumentReading:
    as_of = date(2031, 5, day)
    path = path or f"{as_of}.md"
    notes = tuple(DocumentNote(name, f"since {day}", day) for name in names)
    return DocumentReading(path, Document(path, "status", as_of=as_of, blockers=notes))


def test_a_blocker_listed_day_after_day_is_one_blocker() -> None:
    """Its id and its age are from the first report of an unbroken row; what was done about it holds."""
    first = seen(EMPTY, DocumentsSeen((report(3, "Fog"),)))
    acted = seen(first, log(action("1", "assign", "2031_05_03/fog", owner="Lin")))
    second = seen(acted, DocumentsSeen((report(3, "Fog"), report(4, "Ice", "Fog"))))
    assert [(b.id, b.owner, b.text) for b in second.blockers] == [
        ("2031_05_04/ice", None, "since 4"),
        ("2031_05_03/fog", "Lin", "since 4"),
    ]
    assert second.blockers[1].first_seen == datetime(2031, 5, 4, tzinfo=UTC)
    broken = seen(second, DocumentsSeen((report(3, "Fog"), report(4, "Ice"), report(5, "Fog"))))
    assert ids(broken) == ["2031_05_05/fog"]


def test_a_blocker_is_first_seen_when_somebody_really_first_knew_it() -> None:
    """A room that read of it in the afternoon, or the status file of that evening: not the midnight after it,
    even where documents are read anew or cannot be read at all the next day."""
    day, empty = datetime(2031, 5, 3, 14, tzinfo=UTC), replace(EMPTY, program=Program("p", zone="UTC"))
    setup = Setup(empty.program, {})

    def at(room: Snapshot, hours: int, *readings: DocumentReading) -> Snapshot:
        now = day + timedelta(hours=hours)
        return reduce(
            setup, room, Observation("documents", "documents", now, payload=DocumentsSeen(readings))
        )

    morning = at(empty, 0, report(2))
    assert at(empty, 0, report(3, "Fog")).blockers[0].first_seen is None
    afternoon = at(morning, 1, report(3, "Fog"))
    assert afternoon.blockers[0].first_seen == day + timedelta(hours=1)
    whole = report(3, "Fog")
    next_day = at(afternoon, 20, replace(whole, error="2031-05-03.md line 1: not UTF-8"))
    assert next_day.blockers[0].first_seen == day + timedelta(hours=1)
    late = at(empty, 20, whole)
    assert late.blockers[0].first_seen == datetime(2031, 5, 4, tzinfo=UTC)
    data = json.loads(json.dumps(room_status(afternoon, day + timedelta(hours=2))))
    file = StatusFile("2031-05-03.json", "2031-05-03", "nightly", day + timedelta(hours=2), data)
    told = seen(late, StatusSeen((file,)))
    assert told.blockers[0].first_seen == day + timedelta(hours=1)


def test_two_reports_of_one_day_both_count() -> None:
    """Two squads report the same day, and one name twice is two blockers."""
    both = seen(
        EMPTY, DocumentsSeen((report(3, "Fog", "Fog", path="ink.md"), report(3, "Ice", path="type.md")))
    )
    assert ids(both) == ["ink/fog", "ink/fog_2", "type/ice"]
