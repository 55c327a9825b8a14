"""What the log tells of the holding of a ritual: who drives it, where it stands, what was said in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.actions import KINDS, Action, Entry, Outcome
from controlroom.domain.board import Squad
from controlroom.domain.decide import Intent, Refusal, decide
from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Program
from controlroom.domain.rituals import Ritual
from controlroom.domain.runs import Key, Run, boxes, key_of, records, runs
from controlroom.domain.snapshot import OutboxSeen, Snapshot

KEY = Key("standup", dt.date(2031, 5, 6))
AT = dt.datetime(2031, 5, 6, 9, tzinfo=dt.UTC)
PARTS = [
    {"kind": "changes", "budget": 45},
    {"kind": "squad", "budget": 60, "squad": "dunes"},
    {"kind": "squad", "budget": 60, "squad": "river"},
    {"kind": "buffer", "budget": 75},
]
PROGRAM = Program(squads=(Squad("river"), Squad("dunes")), rituals=(Ritual("standup"), Ritual("drill")))


def done(*deeds: tuple[Any, ...], item: str = KEY.run) -> list[Action]:
    """Deeds as (seconds, actor, kind, args) about `item`, the first of them the beginning of the run."""
    return [
        Action(f"{item}#{number}", item, kind, args, actor, "desk", AT + dt.timedelta(seconds=seconds))
        for number, (seconds, actor, kind, args) in enumerate(deeds)
    ]


BEGIN = (0, "Ada", "begin", {"segments": PARTS})


def ledger(actions: Sequence[Action]) -> Ledger:
    return Ledger().after([Entry(rev, action) for rev, action in enumerate(actions, 1)])


def only(*deeds: tuple[Any, ...]) -> Run:
    (run,) = runs(ledger(done(*deeds)), ())
    return run


def seconds(run: Run) -> list[tuple[str, float, float | None]]:
    return [
        (v.segment, (v.start - AT).total_seconds(), (v.end - AT).total_seconds() if v.end else None)
        for v in run.visits
    ]


def test_a_run_is_where_its_driver_took_it() -> None:
    """Begun at its first part; every step leaves one part and enters another at the time it was made."""
    run = only(BEGIN, (40, "Ada", "enter", {"to": "squad:dunes"}), (95, "Ada", "enter", {"to": "buffer"}))
    assert [one.id for one in run.segments] == ["changes", "squad:dunes", "squad:river", "buffer"]
    assert (run.driver, run.on, run.segment and run.segment.id) == ("Ada", True, "buffer")
    assert seconds(run) == [("changes", 0, 40), ("squad:dunes", 40, 95), ("buffer", 95, None)]


def test_a_pause_is_nobodys_time() -> None:
    """While it is paused no part takes time, and a step made then takes none before it goes on."""
    run = only(
        BEGIN,
        (10, "Ada", "pause", {}),
        (70, "Ada", "enter", {"to": "buffer"}),
        (100, "Ada", "continue", {}),
        (110, "Ada", "finish", {}),
    )
    assert seconds(run) == [("changes", 0, 10), ("buffer", 100, 110)]
    assert (run.on, run.paused_at) == (False, None)


def test_only_the_driver_moves_it() -> None:
    """What others send moves nothing, whoever they are; after a hand-over they do, and the first no more."""
    others = (20, "Bo", "enter", {"to": "buffer"})
    assert only(BEGIN, others).place == 0
    handed = only(
        BEGIN,
        (5, "Ada", "hand-over", {"to": "bo"}),
        others,
        (30, "Ada", "enter", {"to": "changes"}),
        (40, "Ada", "finish", {}),
    )
    assert (handed.driver, handed.place, handed.on) == ("bo", 3, True)


def test_a_lost_driver_can_be_replaced() -> None:
    """Whoever takes over drives from then on, with everything as it was."""
    run = only(BEGIN, (20, "Ada", "enter", {"to": "squad:river"}), (300, "Bo", "take-over", {}))
    assert (run.driver, run.begun_by, run.place) == ("Bo", "Ada", 2)
    assert seconds(run)[-1] == ("squad:river", 20, None)


def test_a_squad_that_speaks_after_all_has_reported() -> None:
    """A part that was skipped and then entered is no longer skipped."""
    skipped = (10, "Ada", "skip", {"segment": "squad:dunes"})
    assert only(BEGIN, skipped).skipped == ("squad:dunes",)
    assert only(BEGIN, skipped, (20, "Ada", "enter", {"to": "squad:dunes"})).skipped == ()


def test_time_only_goes_forward() -> None:
    """A driver whose clock is behind does not make parts of negative length."""
    run = only(BEGIN, (50, "Ada", "enter", {"to": "buffer"}), (20, "Ada", "enter", {"to": "changes"}))
    assert seconds(run) == [("changes", 0, 50), ("buffer", 50, 50), ("changes", 50, None)]


def test_an_undone_end_is_none() -> None:
    """Taking back the end lets the standup go on where it was."""
    actions = done(BEGIN, (10, "Ada", "finish", {}))
    undo = Action("u", KEY.run, "undo", {"undoes": actions[-1].id}, "Ada", "", AT)
    assert not runs(ledger(actions), ())[0].on
    assert runs(ledger([*actions, undo]), ())[0].on


def test_what_was_said_belongs_to_the_run_and_to_whoever_said_it() -> None:
    """Decisions, action items, notes and parked topics come from anybody, verbatim, in their order."""
    said = done(
        (5, "Bo", "decision", {"text": "keep the gate", "segment": "changes"}),
        (6, "Ada", "task", {"text": "ask infra", "owner": "Cy", "due": "friday"}),
        (7, "Bo", "note", {"text": ""}),
        item=KEY.minutes,
    )
    parked = Action("q", KEY.minutes, "park", {"text": "names"}, "Di", "", AT)
    (run,) = runs(ledger([*done(BEGIN), *said]), (parked,))
    assert [(c.kind, c.text, c.by, c.owner, c.pending) for c in run.captures] == [
        ("decision", "keep the gate", "Bo", None, False),
        ("task", "ask infra", "Ada", "Cy", False),
        ("park", "names", "Di", None, True),
    ]


def test_a_box_is_as_it_was_left_last() -> None:
    """Ticked with its evidence, or not ticked any more, with who and when."""
    item = KEY.box("Run smoke suite")
    assert item == "box:standup/2031-05-06/run_smoke_suite"
    ticked = done((1, "Ada", "tick", {"evidence": "smoke.xml"}), item=item)
    (box,) = boxes(ledger(ticked), ())
    assert (box.done, box.by, box.evidence, box.key) == (True, "Ada", "smoke.xml", KEY)
    untick = Action("x", item, "untick", {"why": "it failed"}, "Bo", "", AT)
    (box,) = boxes(ledger([*ticked, untick]), ())
    assert (box.done, box.by, box.why) == (False, "Bo", "it failed")


@pytest.mark.parametrize(
    "item",
    [
        "b-1",
        "ritual:",
        "ritual:standup",
        "ritual:/2031-05-06",
        "box:a/2031-05-06",
        "ritual:standup/2031-05-06/more",
        "minutes:a/2031-13-06",
        "ritual:standup/2031-W19-2",
    ],
)
def test_other_items_are_no_holdings(item: str) -> None:
    """Only a ritual and a date, and for a box its words, name a holding."""
    assert key_of(item) is None


def test_what_the_log_knows_is_held() -> None:
    """A finished run is held; others are not, as far as the log could be read at all."""
    found = runs(ledger(done(BEGIN, (10, "Ada", "finish", {}))), ())
    assert records(found, read=True)("standup", KEY.date) == "held"
    assert records(found, read=True)("drill", KEY.date) == "none"
    assert records((), read=False)("standup", KEY.date) == "unreadable"
    assert records((), read=None)("standup", KEY.date) is None
    assert records(runs(ledger(done(BEGIN)), ()), read=True)("standup", KEY.date) == "none"


def room(*actions: Action, queued: Sequence[Action] = ()) -> Snapshot:
    log = ledger(actions)
    outbox = OutboxSeen(tuple(Outcome("queued", action) for action in queued))
    found, ticked = runs(log, tuple(queued)), boxes(log, tuple(queued))
    return Snapshot(PROGRAM, ledger=log, outbox=outbox, runs=found, boxes=ticked)


def ask(seen: Snapshot, kind: Any, item: str = KEY.run, by: str = "Ada", **args: Any) -> Action | Refusal:
    return decide(seen, Intent(kind, item, args, by, "desk", "new", None), AT)


def test_two_who_begin_at_once_are_told_apart() -> None:
    """To begin asks that nobody has; who comes second is told who drives, or that it was held."""
    begun = ask(room(), "begin", segments=PARTS)
    assert isinstance(begun, Action)
    assert begun.expect == ""
    for more, reason in (((), "Ada drives it"), (((9, "Ada", "finish", {}),), "it has been held")):
        refusal = ask(room(*done(BEGIN, *more)), "begin", by="Bo", segments=PARTS)
        assert isinstance(refusal, Refusal)
        assert refusal.reason == reason


def test_what_was_begun_by_mistake_can_be_begun_again() -> None:
    """A new beginning follows the one that was taken back, so that the log takes it."""
    undo = (5, "Ada", "undo", {"undoes": f"{KEY.run}#0"})
    first, second = done(BEGIN, undo)
    for seen in (room(first, second), room(first, queued=(second,))):
        begun = ask(seen, "begin", by="Bo", segments=PARTS)
        assert isinstance(begun, Action)
        assert begun.expect == second.id


def test_nobody_takes_back_what_the_next_driver_rests_on() -> None:
    """A hand-over stays once the new driver has gone on; until then it can be taken back."""
    handed = (10, "Ada", "hand-over", {"to": "Bo"})
    assert isinstance(ask(room(*done(BEGIN, handed)), "undo"), Action)
    refusal = ask(room(*done(BEGIN, handed, (20, "Bo", "enter", {"to": "buffer"}))), "undo")
    assert isinstance(refusal, Refusal)
    assert refusal.reason.endswith("did something after it: enter")


def test_a_number_larger_than_any_float_extends_nothing() -> None:
    """JSON knows integers without end: one in the log harms nobody."""
    run = only(BEGIN, (9, "Ada", "extend", {"segment": "buffer", "seconds": 10**400}))
    assert run.extended == {}


@pytest.mark.parametrize(
    ("kind", "args", "by", "reason"),
    [
        ("enter", {"to": "buffer"}, "Bo", "Ada drives it"),
        ("enter", {"to": "bufer"}, "Ada", "it has no part bufer"),
        ("enter", {}, "Ada", "it is not said which part is meant"),
        ("extend", {"segment": "buffer"}, "Ada", "it is not said by how much"),
        ("hand-over", {}, "Ada", "it is not said who is to drive"),
        ("waive", {"why": "x"}, "Ada", "ritual:standup/2031-05-06 is part of a ritual"),
        ("decision", {"text": "x"}, "Ada", "ritual:standup/2031-05-06 is part of a ritual"),
    ],
)
def test_what_makes_no_sense_is_refused(kind: str, args: dict[str, Any], by: str, reason: str) -> None:
    """Only the driver moves a run, to parts it has; what belongs elsewhere is done there."""
    refusal = ask(room(*done(BEGIN)), kind, by=by, **args)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


def test_what_was_said_can_be_completed_afterwards() -> None:
    """Anybody may add to the minutes, also when the standup is over; empty words are refused."""
    seen = room(*done(BEGIN, (10, "Ada", "finish", {})))
    assert isinstance(ask(seen, "decision", KEY.minutes, "Bo", text="keep it"), Action)
    assert isinstance(ask(seen, "decision", KEY.minutes, "Bo", text=" "), Refusal)
    refusal = ask(seen, "enter", to="buffer")
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "it is over"


def test_a_ritual_nobody_declared_is_refused() -> None:
    """With the name that was probably meant."""
    refusal = ask(room(), "begin", "ritual:standip/2031-05-06")
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.remedy) == ("no ritual is called standip", "did you mean standup?")


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([e["kind"] for e in PARTS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(
        st.tuples(
            st.integers(-100, 1000),
            st.sampled_from(["Ada", "Bo", ""]),
            st.sampled_from([*KINDS, "unheard"]),
            st.dictionaries(
                st.sampled_from(["to", "segments", "seconds", "segment", "text", "undoes", "evidence"]),
                _VALUES | st.sampled_from(["buffer", "changes", "squad:dunes"]) | st.just(PARTS),
            ),
        ),
        max_size=12,
    )
)
def test_whatever_the_log_holds_is_folded(deeds: list[tuple[Any, ...]]) -> None:
    """Nothing raises, parts of a run follow one another in time, and at most one of them is on."""
    for run in runs(ledger(done(BEGIN, *deeds)), ()):
        ends = [visit.end for visit in run.visits[:-1]]
        assert None not in ends
        for before, after in zip(run.visits, run.visits[1:], strict=False):
            assert before.end is not None
            assert before.start <= before.end <= after.start
        assert run.on or all(visit.end is not None for visit in run.visits)
    boxes(ledger(done(*deeds, item=KEY.box("x"))), ())
