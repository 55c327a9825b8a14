"""Actions in words and as JSON: the log, the outbox, what became of one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from controlroom.domain.actions import KINDS, Action, Entry, Outcome
from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Program
from controlroom.domain.snapshot import LogSeen, OutboxSeen, Snapshot, SourceStatus
from controlroom.domain.triage import Blocker
from controlroom.headless import actions, log, outbox, watch
from controlroom.headless.attention import attention
from controlroom.headless.snapshot import as_json, as_plain

NOW = dt.datetime(2031, 5, 6, 8, tzinfo=dt.UTC)
MINE = Action("a2", "b-1", "assign", {"owner": "Bo"}, "Ada", "desk", NOW, "a1")
THEIRS = Entry(7, Action("a9", "b-1", "resolve", {"mitigation": "found some"}, "Cy", "yard", NOW, "a1"))
QUEUED = Outcome("queued", MINE, reason="the store is gone")
CONFLICT = Outcome("conflict", MINE, current=THEIRS)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (MINE, "b-1 assigned by Ada: to Bo"),
        (replace(MINE, kind="acknowledge", args={}), "b-1 acknowledged by Ada"),
        (replace(MINE, kind="note", args={"text": "note: this"}), "b-1 note by Ada: note: this"),
        (replace(MINE, kind="status", args={"status": "in_progress"}), "b-1 moved by Ada: to in progress"),
        (
            replace(MINE, kind="wait-on", args={"owning_squad": "a", "blocking_squad": "b"}),
            "b-1 set by Ada: a waits on b",
        ),
        (replace(MINE, kind="resolve", args={}, actor=""), "b-1 resolved by nobody named"),
        (replace(MINE, kind="ponder", args={"on": "x"}), 'b-1 did by Ada: ponder {"on": "x"}'),
        (replace(MINE, item="b\x1b[31m", actor="A\u202eda", args={}), "b[31m assigned by Ada: to nobody"),
    ],
)
def test_a_deed_in_words(action: Action, words: str) -> None:
    """What, by whom, and with what; clean, whatever stands in the log."""
    assert actions.said(action) == words


def test_an_undo_names_what_it_took_back() -> None:
    """In the log's text, where the action it names was told before."""
    undo = replace(MINE, id="a3", kind="undo", args={"undoes": "a2"})
    text = log.as_text([Entry(1, MINE), Entry(2, undo)], log.Telling())
    assert text.splitlines() == [
        "r1 2031-05-06T08:00:00Z b-1 assigned by Ada: to Bo",
        "r2 2031-05-06T08:00:00Z b-1 taken back by Ada: assigned to Bo",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_words(kind: str) -> None:
    """None reads as one that this program does not know."""
    assert " did by " not in actions.said(replace(MINE, kind=kind))


def test_a_conflict_names_the_other() -> None:
    """What they did, who, when, at which rev."""
    text = actions.outcome_line(CONFLICT)
    assert text == (
        "conflict: not b-1 assigned by Ada: to Bo; "
        "since then: r7 2031-05-06T08:00:00Z b-1 resolved by Cy: found some"
    )


def test_the_outbox_as_json_and_as_text() -> None:
    """Ids, actions in the log's shape, reasons, and what stands in the way."""
    seen = OutboxSeen((QUEUED,), (CONFLICT,))
    document = outbox.as_json(seen)
    assert document["queued"][0]["reason"] == "the store is gone"
    assert document["queued"][0]["action"] == actions.entry(MINE, None)
    assert document["conflicts"][0]["current"] == actions.entry(THEIRS.action, 7)
    assert [line.split()[:2] for line in outbox.as_text(seen).splitlines()[:2]] == [
        ["queued", "a2"],
        ["conflict", "a2"],
    ]
    assert outbox.as_text(OutboxSeen()) == "nothing waits\n"
    assert outbox.as_text(OutboxSeen(trouble="not a directory")) == "it cannot be read what waits\n"


ROOM = Snapshot(
    Program(),
    blockers=(Blocker("b-1", "No paper", owner="Bo", pending=("assign",)),),
    sources=(SourceStatus("store", "store", "dir:log", read_at=NOW),),
    ledger=Ledger().after([THEIRS]),
    log=LogSeen((), 7, "not durable"),
    outbox=OutboxSeen((QUEUED,), (CONFLICT,)),
)


def test_the_snapshot_counts_what_is_not_delivered() -> None:
    """Store, rev, durability, and how many actions wait; each is attention too."""
    document = as_json(ROOM, NOW, "UTC")
    assert document["log"] == {
        "rev": 7,
        "store": "dir:log",
        "durability": "not durable",
        "queued": 1,
        "conflicts": 1,
        "trouble": None,
    }
    assert [(one["kind"], one["severity"]) for one in document["attention"]] == [
        ("conflict", "error"),
        ("queued", "warning"),
    ]
    text = as_plain(ROOM, NOW, "UTC")
    assert "dir:log · revision 7 · not durable\n  1 queued, 1 conflict" in text
    assert "not yet delivered: assign" in text


def test_a_log_that_cannot_be_written_is_attention() -> None:
    """With its reason; an unread log has no rev."""
    hurt = replace(ROOM, log=LogSeen((), 7, trouble="rev 8 is missing"), outbox=OutboxSeen())
    assert [(one.kind, one.text) for one in attention(hurt, NOW)] == [("log", "rev 8 is missing")]
    assert as_json(replace(ROOM, ledger=None, log=None), NOW, "UTC")["log"]["rev"] is None


def test_watch_tells_conflicts_and_what_the_log_brought() -> None:
    """A new conflict with what stands in its way; a blocker's new state with who did it."""
    before = replace(ROOM, outbox=OutboxSeen(), blockers=(Blocker("b-1", "No paper"),))
    resolved = replace(before, blockers=(Blocker("b-1", "No paper", state="resolved"),))
    after = replace(resolved, outbox=OutboxSeen((), (CONFLICT,)))
    lines = [watch.as_line(event) for event in watch.events(before, after, NOW)]
    assert lines == [
        "2031-05-06T08:00:00Z blocker b-1 open → resolved: No paper · by Cy",
        "2031-05-06T08:00:00Z conflict a2 new → waiting: not b-1 assigned by Ada: to Bo; "
        "since then: r7 2031-05-06T08:00:00Z b-1 resolved by Cy: found some",
    ]
