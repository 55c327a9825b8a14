"""Waivers: who may give one, what the log makes of them, and when they no longer count."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from controlroom.domain.actions import Action, Entry
from controlroom.domain.board import Squad
from controlroom.domain.decide import Intent, Refusal, decide
from controlroom.domain.instants import render
from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Program
from controlroom.domain.rituals import Ritual
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.domain.waivers import Waiver, counting, waivers

NOW = datetime(2025, 10, 6, 16, tzinfo=UTC)
UNTIL = NOW + timedelta(days=2)
SIGNAL = Signal("tides_total", "sea", "river")
ASIDE = Signal("ebb_total", "sea", "river", required_for_exit=False)
ITEM = "signal:river/tides_total/sea"
PROGRAM = Program(
    zone="UTC", squads=(Squad("river", signals=(SIGNAL, ASIDE)),), rituals=(Ritual("standup", time=time(9)),)
)


def done(id_: str, kind: str, by: str = "ada", at: datetime = NOW, **args: Any) -> Action:
    return Action(id_, ITEM, kind, args, by, "desk", at)


def log(*actions: Action) -> Ledger:
    return Ledger().after([Entry(rev, one) for rev, one in enumerate(actions, 1)])


def room(*actions: Action) -> Snapshot:
    ledger = log(*actions)
    readings = tuple(SignalReading(signal, GapCode.NEVER_SEEN) for signal in (SIGNAL, ASIDE))
    return Snapshot(PROGRAM, ledger=ledger, signals=readings, waivers=waivers(ledger, ()))


def ask(
    snapshot: Snapshot, kind: Any, item: str = ITEM, seen: str | None = None, by: str = "ada", **args: str
) -> Action | Refusal:
    return decide(snapshot, Intent(kind, item, args, by, "desk", "new", seen), NOW)


WAIVED = done("w1", "waive", until=render(UNTIL), why="exported next week")


def test_a_waiver_needs_a_reason_and_an_end() -> None:
    """Who, why and until when: each missing part is named; a ritual is an end as well."""
    action = ask(room(), "waive", why="next week", until=render(UNTIL))
    assert isinstance(action, Action)
    assert (action.item, action.actor, action.args) == (
        ITEM, "ada", {"why": "next week", "until": render(UNTIL)},
    )  # fmt: skip
    unexplained = ask(room(), "waive", until=render(UNTIL))
    endless = ask(room(), "waive", why="x")
    past = ask(room(), "waive", why="x", until="2025-10-01T00:00:00Z")
    assert [r.field for r in (unexplained, endless, past) if isinstance(r, Refusal)] == [
        "why", "until", "until",
    ]  # fmt: skip
    held = ask(room(), "waive", why="x", until="standup")
    assert isinstance(held, Action)
    assert (held.args["ritual"], held.args["until"]) == ("standup", "2025-10-07T09:00:00Z")


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ("signal:river/ebb_total/sea", "waive"),  # no gate asks for it
        ("signal:river/tide_total/sea", "waive"),  # nobody promised it
        ("b-1", "waive"),
        (ITEM, "acknowledge"),
        (ITEM, "unwaive"),  # nothing to end
        (ITEM, "undo"),
    ],
)
def test_what_cannot_be_waived_is_refused_with_a_remedy(item: str, kind: str) -> None:
    """Only a promised signal that a gate asks for can be waived, and only a waiver can be ended."""
    refusal = ask(room(), kind, item, why="x", until=render(UNTIL))
    assert isinstance(refusal, Refusal)
    assert refusal.reason
    assert refusal.remedy


def test_the_last_word_on_a_signal_counts() -> None:
    """A second waiver replaces the first; ending it leaves none; whoever undoes the end restores it."""
    longer = done("w2", "waive", "bo", until=render(UNTIL + timedelta(days=1)), why="later still")
    (one,) = waivers(log(WAIVED, longer), ())
    assert (one.who, one.until, one.why) == ("bo", UNTIL + timedelta(days=1), "later still")
    ended = done("e1", "unwaive", "cy")
    assert waivers(log(WAIVED, longer, ended), ()) == ()
    (back,) = waivers(log(WAIVED, longer, ended, done("u1", "undo", "cy", undoes="e1")), ())
    assert back.who == "bo"


def test_an_undo_takes_back_ones_own_waiver() -> None:
    """Undo finds the waiver by its author; another person has nothing of their own to take back."""
    snapshot = room(WAIVED)
    mine = ask(snapshot, "undo")
    assert isinstance(mine, Action)
    assert mine.args == {"undoes": "w1"}
    assert waivers(log(WAIVED, mine), ()) == ()
    assert isinstance(ask(snapshot, "undo", by="bo"), Refusal)


def test_a_waiver_ends_by_the_clock() -> None:
    """It counts from when it was given until, not including, its end."""
    given = waivers(log(WAIVED), ())
    assert counting(given, NOW).keys() == {"river/tides_total/sea"}
    assert counting(given, UNTIL - timedelta(seconds=1))
    assert not counting(given, UNTIL)
    assert not counting(given, NOW - timedelta(seconds=1))


def test_a_waiver_in_the_outbox_counts_for_nobody() -> None:
    """It is shown to its author as waiting; no gate passes on what nobody else can see."""
    (waiting,) = waivers(log(), (WAIVED,))
    assert waiting == Waiver(
        "river/tides_total/sea", "ada", "exported next week", NOW, UNTIL, "w1", pending=True
    )
    assert not counting((waiting,), NOW)


def test_what_is_queued_changes_nothing_for_the_gate() -> None:
    """The committed waiver counts on while its renewal, or its end, waits in the outbox, and both show."""
    renewal = done("w2", "waive", "bo", until=render(UNTIL + timedelta(days=1)), why="later")
    first, second = waivers(log(WAIVED), (renewal,))
    assert (first.action, first.pending, second.action, second.pending) == ("w1", False, "w2", True)
    assert counting((first, second), NOW)["river/tides_total/sea"].action == "w1"
    (ending,) = waivers(log(WAIVED), (done("e1", "unwaive", "bo"),))
    assert ending.ending
    assert counting((ending,), NOW)


def test_whatever_the_log_holds_is_read() -> None:
    """A waiver without an end, or with one that is no time, is history without effect."""
    odd = (done("o1", "waive", why="x"), done("o2", "waive", until="soon"), done("o3", "waive", until=7))
    assert waivers(log(*odd), ()) == ()
    assert waivers(log(WAIVED, *odd), ())[0].action == "w1"


def test_an_end_decided_on_an_older_state_meets_the_newer_one() -> None:
    """Whoever ends a waiver that another gave anew meanwhile gets an action for the log to judge."""
    snapshot = room(WAIVED, done("e1", "unwaive", "bo"))
    stale = ask(snapshot, "unwaive", seen="w1")
    assert isinstance(stale, Action)
    assert stale.expect == "w1"
    assert isinstance(ask(snapshot, "unwaive", seen="e1"), Refusal)
