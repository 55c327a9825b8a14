"""The board as the fold of documents and log: exact, cheap to ask for again, and not to be upset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.domain import fold
from controlroom.domain.actions import KINDS, Action, Entry
from controlroom.domain.board import Item
from controlroom.domain.instants import parse
from controlroom.domain.ledger import Ledger
from controlroom.domain.triage import Blocker, sla

T0 = datetime(2031, 5, 6, 8, tzinfo=UTC)
OPEN: dict[str, Any] = {"summary": "No paper", "owner": "Odile"}


def action(id_: str, kind: str, /, item: str = "b", by: str = "ada", minute: int = 0, **args: Any) -> Action:
    named = {name.rstrip("_"): value for name, value in args.items()}
    return Action(id_, item, kind, named, by, "desk", T0 + timedelta(minutes=minute))


def ledger(*actions: Action) -> Ledger:
    return Ledger().after([Entry(rev, one) for rev, one in enumerate(actions, 1)])


def only(*actions: Action, declared: Iterable[Blocker] = (), now: datetime = T0) -> Blocker:
    (found,) = fold.blockers(tuple(declared), ledger(*actions), (), now)
    return found


OPENED = action("a1", "open", **OPEN)


def test_opened_with_everything() -> None:
    """Every argument of `open` is a field, and the log says who and when."""
    found = only(
        action(
            "a1",
            "open",
            **OPEN,
            item_="s-1/a",
            owning_squad="ink",
            blocking_squad="type",
            eta="2031-05-06T10:00:00+02:00",
            opened_at="2031-05-06T07:00:00Z",
            links=["https://example.org/1", "docs/run.md"],
            text="The mill is closed",
            about="service:mill",
        )
    )
    assert found == Blocker(
        "b",
        "No paper",
        item="s-1/a",
        owner="Odile",
        owning_squad="ink",
        blocking_squad="type",
        opened_at=T0 - timedelta(hours=1),
        first_seen=T0,
        eta=T0,
        text="The mill is closed",
        about="service:mill",
        links=("https://example.org/1", "docs/run.md"),
        last_action="a1",
        opened_by="ada",
    )


def test_without_an_opening_time_it_was_opened_when_it_was_written_down() -> None:
    """The author's clock counts."""
    assert only(action("a1", "open", minute=7, **OPEN)).opened_at == T0 + timedelta(minutes=7)


def test_the_four_hours_are_wall_clock_across_the_end_of_summer_time() -> None:
    """Opened at 00:30-07:00 in the night the clocks go back: breach from 03:30:01-08:00, four hours later."""
    held = only(action("a1", "open", **OPEN, opened_at="2025-11-02T00:30:00-07:00"))
    assert sla(held, parse("2025-11-02T02:29:59-08:00")) == "ok"
    assert sla(held, parse("2025-11-02T02:30:00-08:00")) == "due_soon"
    assert sla(held, parse("2025-11-02T03:30:00-08:00")) == "due_soon"
    assert sla(held, parse("2025-11-02T03:30:01-08:00")) == "breach"


def test_the_night_shift() -> None:
    """Down since 02:10: due soon at 06:10:00, in breach one second later."""
    held = only(action("a1", "open", **OPEN, opened_at="2025-10-06T02:10:00-07:00"))
    assert sla(held, parse("2025-10-06T06:10:00-07:00")) == "due_soon"
    assert sla(held, parse("2025-10-06T06:10:01-07:00")) == "breach"


def test_what_each_verb_does() -> None:
    """One after another on one blocker, each leaving what it should."""
    deeds = [OPENED]
    steps: list[tuple[Action, dict[str, Any]]] = [
        (action("a2", "acknowledge", by="bo"), {"state": "acknowledged", "acknowledged_by": "bo"}),
        (action("a3", "acknowledge", by="cy"), {"state": "acknowledged", "acknowledged_by": "bo"}),
        (action("a4", "assign", owner="Tarik"), {"owner": "Tarik", "state": "acknowledged"}),
        (
            action("a5", "wait-on", owning_squad="ink", blocking_squad="type"),
            {"owning_squad": "ink", "blocking_squad": "type"},
        ),
        (action("a6", "note", text="called them"), {"state": "acknowledged", "last_action": "a6"}),
        (
            action("a7", "escalate", minute=5, next_update="2031-05-06T09:00:00Z"),
            {
                "state": "escalated",
                "escalated_at": T0 + timedelta(minutes=5),
                "next_update_due": T0 + timedelta(hours=1),
                "acknowledged_by": "bo",
            },
        ),
        (
            action("a8", "snooze", until="2031-05-06T12:00:00Z", why="mill opens", ritual="clinic"),
            {
                "state": "snoozed",
                "awake": "escalated",
                "snoozed_until": T0 + timedelta(hours=4),
                "snoozed_by": "ada",
                "snooze_why": "mill opens",
                "snooze_ritual": "clinic",
            },
        ),
        (
            action("a9", "resolve", minute=9, mitigation="borrowed some"),
            {
                "state": "resolved",
                "resolved_at": T0 + timedelta(minutes=9),
                "mitigation": "borrowed some",
                "next_update_due": None,
                "snoozed_until": None,
                "snoozed_by": None,
            },
        ),
        (
            action("a10", "reopen"),
            {
                "state": "open",
                "acknowledged_by": None,
                "escalated_at": None,
                "resolved_at": None,
                "mitigation": None,
                "opened_at": T0,
                "owner": "Tarik",
            },
        ),
    ]
    for deed, expected in steps:
        deeds.append(deed)
        found = only(*deeds)
        assert {name: getattr(found, name) for name in expected} == expected, deed.kind
        assert found.last_action == deed.id


def test_an_acknowledgement_overturns_nothing() -> None:
    """It never conflicts, so it leaves a resolution, an escalation and a snooze as they are."""
    ack = action("a9", "acknowledge", by="bo")
    resolved = only(OPENED, action("a2", "resolve"), ack)
    assert (resolved.state, resolved.acknowledged_by, resolved.last_action) == ("resolved", None, "a9")
    assert (
        only(OPENED, action("a2", "escalate", next_update="2031-05-06T09:00:00Z"), ack).state == "escalated"
    )
    asleep = only(OPENED, action("a2", "snooze", until="2031-05-06T09:00:00Z"), ack)
    assert (asleep.state, asleep.awake, asleep.acknowledged_by) == ("snoozed", "acknowledged", "bo")


def test_a_snooze_ends_by_itself() -> None:
    """At its instant it is awake in the state it had, and still tells who put it off and why."""
    log = ledger(
        OPENED, action("a2", "acknowledge"), action("a3", "snooze", until="2031-05-06T09:00:00Z", why="lunch")
    )
    end = T0 + timedelta(hours=1)
    (asleep,) = fold.blockers((), log, (), end - timedelta(seconds=1))
    (awake,) = fold.blockers((), log, (), end)
    assert (asleep.state, awake.state, awake.snooze_why) == ("snoozed", "acknowledged", "lunch")
    assert fold.blockers((), log, (), end + timedelta(days=1))[0] is awake
    assert fold.blockers((), log, (), T0)[0] is asleep


def test_a_snooze_again_remembers_the_state_before_the_first() -> None:
    """Also when the first had ended by then."""
    found = only(
        OPENED,
        action("a2", "escalate", next_update="2031-05-06T09:00:00Z"),
        action("a3", "snooze", until="2031-05-06T09:00:00Z"),
        action("a4", "snooze", until="2031-05-06T10:00:00Z", minute=90),
    )
    assert (found.state, found.awake) == ("snoozed", "escalated")


@pytest.mark.parametrize(
    "nonsense",
    [
        action("x", "frobnicate", to=7),
        action("x", "assign", owner=7),
        action("x", "assign"),
        action("x", "snooze", until="tomorrow"),
        action("x", "snooze", ritual="clinic"),
        action("x", "open", summary="Another"),
        action("x", "undo", undoes="never"),
        action("x", "undo", undoes=["a1"]),
        action("x", "status", status="done"),
    ],
)
def test_nonsense_is_history_without_effect(nonsense: Action) -> None:
    """The blocker is as before; only its last action is another."""
    assert only(OPENED, nonsense) == replace(only(OPENED), last_action="x")


def test_an_opening_without_a_summary_opens_nothing() -> None:
    """And so there is nothing that others could be about."""
    log = ledger(
        action("a1", "open", owner="Odile"), action("a2", "escalate"), action("a3", "note", item="c")
    )
    assert fold.blockers((), log, (), T0) == ()


def test_what_is_undone_never_was() -> None:
    """The action named goes, later ones stay; an undo is itself no target."""
    assigned, moved = action("a2", "assign", owner="Tarik"), action("a3", "assign", owner="Lin")
    assert only(OPENED, assigned, moved, action("a4", "undo", undoes="a3")).owner == "Tarik"
    assert only(OPENED, assigned, moved, action("a4", "undo", undoes="a2")).owner == "Lin"
    early = only(OPENED, action("a4", "undo", undoes="a2"), assigned)
    assert early.owner == "Tarik", "what comes later is not taken back beforehand"
    twice = only(OPENED, assigned, action("a4", "undo", undoes="a2"), action("a5", "undo", undoes="a4"))
    assert (twice.owner, twice.last_action) == ("Odile", "a5")


def test_an_opening_taken_back_leaves_nothing_unless_a_document_lists_it() -> None:
    """Then the document's is what there is."""
    undone = (OPENED, action("a2", "escalate"), action("a3", "undo", undoes="a1"))
    assert fold.blockers((), ledger(*undone), (), T0) == ()
    assert only(*undone, declared=[Blocker("b", "As written")]).summary == "As written"


def test_a_documents_blocker_takes_every_verb() -> None:
    """What was asked of it holds, whatever its document goes on saying."""
    listed = Blocker("b", "Ice", source="status.md", line=4, first_seen=T0)
    found = only(action("a1", "assign", owner="Lin"), action("a2", "resolve"), declared=[listed])
    assert found == replace(listed, owner="Lin", state="resolved", resolved_at=T0, last_action="a2")


def test_own_queued_actions_are_shown_already() -> None:
    """Laid over the log, marked, and the last action is the queued one; what the log has counts once."""
    log = ledger(OPENED)
    queued = (OPENED, action("q1", "assign", owner="Lin"), action("q2", "open", item="c", **OPEN))
    mine, new = fold.blockers((), log, queued, T0)
    assert (mine.owner, mine.pending, mine.last_action) == ("Lin", ("assign",), "q1")
    assert (new.id, new.pending) == ("c", ("open",))


def test_order_is_as_declared_and_then_as_opened() -> None:
    """Documents' first; notes on a card are no blocker."""
    log = ledger(
        action("1", "open", item="z", **OPEN),
        action("2", "note", item="s-1/a", text="x"),
        action("3", "open", item="y", **OPEN),
        action("4", "note", item="d", text="x"),
    )
    listed = (Blocker("d", "Ice"), Blocker("e", "Fog"))
    assert [b.id for b in fold.blockers(listed, log, (), T0)] == ["d", "e", "z", "y"]


# Cards

CARD = Item(
    "s-1/a",
    "Press",
    owner="Odile",
    owners=("Odile",),
    status="in_progress",
    status_text="🟧 WIP",
    progress=40,
)


def card(*actions: Action, declared: Item = CARD, queued: tuple[Action, ...] = ()) -> Item:
    (found,) = fold.items((declared,), ledger(*actions), queued)
    return found


def on_card(id_: str, kind: str, /, minute: int = 0, **args: Any) -> Action:
    return action(id_, kind, item="s-1/a", minute=minute, **args)


def test_a_card_moves() -> None:
    """Status, since when, and what the document still says; its percentage spoke of another status."""
    found = card(on_card("1", "status", minute=3, status="done", was="🟧 WIP"))
    assert found == replace(
        CARD,
        status="done",
        said="in_progress",
        since=T0 + timedelta(minutes=3),
        updated=T0 + timedelta(minutes=3),
        progress=None,
        last_action="1",
    )


def test_the_document_wins_when_its_cell_was_edited_since() -> None:
    """Another text in the cell is newer than the move; it stays history."""
    moved = on_card("1", "status", status="done", was="🟧 WIP")
    found = card(moved, declared=replace(CARD, status="blocked", status_text="🛑 Blocked"))
    assert (found.status, found.said, found.since, found.last_action) == ("blocked", None, None, "1")


def test_a_document_that_follows_keeps_since_when() -> None:
    """The move was written into the document: nothing differs, and since when is known."""
    moved = on_card("1", "status", minute=3, status="done", was="🟧 WIP")
    found = card(moved, declared=replace(CARD, status="done", status_text="🟩 Done"))
    assert (found.status, found.said, found.since) == ("done", None, T0 + timedelta(minutes=3))


def test_only_the_last_move_counts_and_saying_it_again_moves_nothing() -> None:
    """Since when is that of the first of equal moves."""
    moves = [
        on_card("1", "status", 1, status="done", was="🟧 WIP"),
        on_card("2", "status", 2, status="blocked", was="🟧 WIP"),
        on_card("3", "status", 3, status="Blocked!", was="🟧 WIP"),
    ]
    found = card(*moves)
    assert (found.status, found.since, found.updated) == (
        "blocked",
        T0 + timedelta(minutes=2),
        T0 + timedelta(minutes=3),
    )
    stale = [*moves[:2], on_card("3", "status", 3, status="done", was="🟥 something else")]
    assert card(*stale).status == "in_progress"


def test_owner_and_waiting_follow_the_same_rule() -> None:
    """Each as long as its own cell says what it said."""
    done = [
        on_card("1", "assign", owner="Lead (Tarik) + Lin", was="Odile"),
        on_card("2", "wait-on", owning_squad="ink", blocking_squad="type", was=">"),
    ]
    found = card(*done)
    assert (found.owner, found.owners) == ("Lead (Tarik) + Lin", ("Tarik", "Lin"))
    assert (found.owning_squad, found.blocking_squad) == ("ink", "type")
    edited = card(*done, declared=replace(CARD, owner="Ines", owners=("Ines",), blocking_squad="paper"))
    assert (edited.owner, edited.owning_squad, edited.blocking_squad) == ("Ines", None, "paper")


def test_who_did_not_look_at_the_document_speaks_for_good() -> None:
    """Without `was` a move holds whatever the document says."""
    found = card(on_card("1", "status", status="done"), declared=replace(CARD, status_text="anything"))
    assert found.status == "done"


def test_a_move_taken_back() -> None:
    """The document's status again."""
    found = card(on_card("1", "status", status="done", was="🟧 WIP"), on_card("2", "undo", undoes="1"))
    assert (found.status, found.said, found.progress, found.last_action) == ("in_progress", None, 40, "2")


def test_queued_moves_are_shown_and_marked() -> None:
    """And untouched cards are the same objects."""
    other = Item("s-1/b", "Fold")
    mine, same = fold.items((CARD, other), ledger(), (on_card("q", "status", status="done", was="🟧 WIP"),))
    assert (mine.status, mine.pending) == ("done", ("status",))
    assert same is other


def test_cards_of_one_id_are_all_shown() -> None:
    """A duplicate is a lint's business, not a reason to drop one."""
    twins = (CARD, replace(CARD, epic="Other"))
    assert fold.items(twins, ledger(), ()) == twins
    assert [i.status for i in fold.items(twins, ledger(on_card("1", "status", status="done")), ())] == [
        "done"
    ] * 2


# Whatever stands in the log

scraps = st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
scraps |= st.sampled_from(
    ["2031-05-06T09:00:00Z", "2031-05-06T09:00:00", "9999-12-31T23:59:59-23:59", "done", "a0", "a1"]
)
names = st.sampled_from(
    [
        *("summary", "owner", "owning_squad", "blocking_squad", "item", "eta", "opened_at", "links", "text"),
        *("about", "next_update", "until", "ritual", "why", "mitigation", "status", "undoes", "was"),
    ]
)
anything = st.dictionaries(names, scraps | st.lists(scraps, max_size=3), max_size=6)
deeds = st.tuples(st.sampled_from(["b", "c", "d", "s-1/a"]), st.sampled_from([*KINDS, "future"]), anything)
sensible = st.sampled_from(
    [
        ("open", OPEN),
        ("acknowledge", {}),
        ("assign", {"owner": "Lin"}),
        ("assign", {"owner": "Tarik"}),
        ("escalate", {"next_update": "2031-05-06T09:00:00Z"}),
        ("snooze", {"until": "2031-05-06T08:30:00Z"}),
        ("snooze", {"until": "2031-05-06T10:00:00Z"}),
        ("resolve", {}),
        ("reopen", {}),
        ("status", {"status": "done", "was": "🟧 WIP"}),
    ]
)
likely = st.tuples(st.sampled_from(["b", "c", "d", "s-1/a"]), sensible).map(lambda t: (t[0], *t[1]))
undos = st.tuples(st.sampled_from(["b", "c", "d", "s-1/a"]), st.integers(0, 8)).map(
    lambda t: (t[0], "undo", {"undoes": f"a{t[1]}"})
)
histories = st.lists(deeds | likely | undos, max_size=14)
LISTED = (Blocker("d", "Ice", first_seen=T0), Blocker("e", "Fog"))


def actions_of(history: Iterable[tuple[str, str, Any]]) -> list[Action]:
    return [
        action(
            f"a{number}",
            kind,
            item=item,
            minute=number,
            **{f"{name}_": value for name, value in args.items()},
        )
        for number, (item, kind, args) in enumerate(history)
    ]


def anew(log: Ledger) -> Ledger:
    """The same ledger made of objects that nobody has seen."""
    return Ledger(log.rev, {item: (*history,) for item, history in log.items.items()})


@settings(deadline=None)
@given(histories, st.integers(0, 180))
def test_no_history_upsets_it(history: list[tuple[str, str, Any]], minute: int) -> None:
    """Any arguments of any kind: nothing is raised, and no id is shown twice."""
    log = ledger(*actions_of(history))
    now = T0 + timedelta(minutes=minute)
    found = fold.blockers(LISTED, log, (), now)
    assert len({b.id for b in found}) == len(found)
    assert [i.id for i in fold.items((CARD,), log, ())] == ["s-1/a"]


@settings(deadline=None)
@given(
    histories, st.lists(st.integers(0, 14), max_size=4), st.lists(st.integers(0, 180), min_size=5, max_size=5)
)
def test_bit_by_bit_is_the_same_as_at_once(
    history: list[tuple[str, str, Any]], cuts: list[int], minutes: list[int]
) -> None:
    """However the log arrives, and some of it queued first: what is shown is the fold of all of it."""
    done = actions_of(history)
    log = Ledger()
    places = sorted({0, *(cut for cut in cuts if cut < len(done)), len(done)})
    for begin, end, minute in zip(places, places[1:], minutes, strict=False):
        now = T0 + timedelta(minutes=minute)
        before = fold.blockers(LISTED, log, tuple(done[begin:end]), now)
        queued = fold.items((CARD,), log, tuple(done[begin:end]))
        log = log.after([Entry(rev + 1, done[rev]) for rev in range(begin, end)])
        shown, cards = fold.blockers(LISTED, log, (), now), fold.items((CARD,), log, ())
        assert fold.blockers(LISTED, log, (), now) is shown
        assert fold.blockers(LISTED, anew(log), (), now) == shown
        assert fold.items((CARD,), anew(log), ()) == cards
        # what was queued and is now committed looks the same, but for the mark
        assert {replace(b, pending=()) for b in before} == set(shown)
        assert tuple(replace(i, pending=()) for i in queued) == cards


@settings(deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_the_order_among_different_things_does_not_matter(
    history: list[tuple[str, str, Any]], chance: Any
) -> None:
    """Only the order within one thing's own history does."""
    done = actions_of(history)
    queues: dict[str, list[Action]] = {}
    for one in done:
        queues.setdefault(one.item, []).append(one)
    mixed = []
    while queues:
        item = chance.choice(sorted(queues))
        mixed.append(queues[item].pop(0))
        if not queues[item]:
            del queues[item]
    shown = [fold.blockers(LISTED, ledger(*each), (), T0) for each in (done, mixed)]
    assert {b.id: b for b in shown[0]} == {b.id: b for b in shown[1]}


def test_what_did_not_change_is_the_same_object() -> None:
    """One action on one of many: one new object; nothing new: the very same tuple; two rooms do not mix."""
    many = ledger(*(action(f"a{n}", "open", item=f"b-{n}", **OPEN) for n in range(50)))
    first = fold.blockers((), many, (), T0)
    other_room = fold.blockers((), ledger(OPENED), (), T0)
    after = many.after([Entry(51, action("x", "assign", item="b-7", owner="Lin"))])
    second = fold.blockers((), after, (), T0)
    assert [n for n in range(50) if first[n] is not second[n]] == [7]
    assert fold.blockers((), after, (), T0 + timedelta(hours=1)) is second
    assert fold.blockers((), anew(after), (), T0) is second
    assert [b.id for b in other_room] == ["b"]
    queued = fold.blockers((), after, (action("q", "note", item="b-8", text="x"),), T0)
    assert [n for n in range(50) if queued[n] is not second[n]] == [8]
