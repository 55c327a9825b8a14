"""What people ask becomes an action, or the rule it breaks with the field to mend."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.domain import fold
from controlroom.domain.actions import KINDS, Action, Entry, Kind, Outcome, decode, encode
from controlroom.domain.board import Item, Squad
from controlroom.domain.decide import Intent, Refusal, decide, new_blocker_id
from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Program
from controlroom.domain.rituals import Ritual
from controlroom.domain.runs import Key, Run
from controlroom.domain.snapshot import OutboxSeen, Snapshot

NOW = datetime(2025, 10, 6, 16, 0, 0, 250_000, tzinfo=UTC)
PROGRAM = Program(
    zone="America/Los_Angeles",
    squads=(Squad("quay", "Quay & Sea", aliases=("Harbour",)), Squad("cranes", "Cranes")),
    rituals=(
        Ritual("clinic", "Help Clinic", ("mon", "thu"), time(11)),
        Ritual("standup", "Standup", time=time(9)),
        Ritual("retro", "Retro"),
    ),
)
CARD = Item("s-1/crane", "Crane", owner="Io", status="in_progress", status_text="🟧 In Progress")
FULL: dict[str, Any] = {"summary": "Berth closed", "owner": "Ines"}


def room(*done: Action, **more: Any) -> Snapshot:
    """A room in which `done` is the whole log."""
    ledger = Ledger().after([Entry(rev, one) for rev, one in enumerate(done, 1)])
    known = {"items": (CARD,), "declared_items": (CARD,), **more}
    items = fold.items(known["items"], ledger, ())
    blockers = fold.blockers((), ledger, (), NOW)
    return Snapshot(PROGRAM, ledger=ledger, **{**known, "items": items, "blockers": blockers})


def done(id_: str, kind: str, item: str = "b-1", by: str = "ada", **args: Any) -> Action:
    return Action(id_, item, kind, args, by, "desk", NOW.replace(microsecond=0), None)


OPENED = done("a1", "open", **FULL)


def ask(
    snapshot: Snapshot, kind: Kind, item: str = "b-1", by: str = "ada", seen: str | None = None, **args: Any
) -> Action | Refusal:
    args = {name.rstrip("_"): value for name, value in args.items()}
    return decide(snapshot, Intent(kind, item, args, by, "desk", "new", seen), NOW)


def granted(*given_: Any, **args: Any) -> Action:
    """The action; a refusal fails the test with its reason."""
    found = ask(*given_, **args)
    assert isinstance(found, Action), found
    return found


def refused(*given_: Any, **args: Any) -> Refusal:
    found = ask(*given_, **args)
    assert isinstance(found, Refusal), found
    assert found.reason
    return found


def test_a_blocker_is_opened() -> None:
    """Names become ids, instants UTC, texts one clean line; what was not said is not there."""
    found = granted(
        room(),
        "open",
        "",
        summary=" Berth\nclosed \x1b[31m",
        owner="Ines",
        owning_squad="harbour",
        blocking_squad="CRANES",
        item_="s-1/crane",
        eta="2025-10-06T11:30:00-07:00",
        opened_at="2025-10-06T09:10:00+02:00",
        links=["https://example.org/x", "docs/run book.md", "https://example.org/x"],
        text="",
        about=None,
    )
    assert found == Action(
        "new",
        new_blocker_id("new"),
        "open",
        {
            "summary": "Berth closed [31m",
            "owner": "Ines",
            "owning_squad": "quay",
            "blocking_squad": "cranes",
            "item": "s-1/crane",
            "eta": "2025-10-06T18:30:00Z",
            "opened_at": "2025-10-06T07:10:00Z",
            "links": ["https://example.org/x", "docs/run book.md"],
        },
        "ada",
        "desk",
        datetime(2025, 10, 6, 16, tzinfo=UTC),
        "",
    )


def test_a_blockers_id_is_made_of_its_actions() -> None:
    """The same for every repetition, another for another action."""
    assert new_blocker_id("the-one") == new_blocker_id("the-one") != new_blocker_id("the-other")
    assert len(new_blocker_id("x")) == 12
    assert new_blocker_id("x").startswith("b-")


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ({"summary": ""}, "summary"),
        ({"summary": " \x07\n "}, "summary"),
        ({"summary": None}, "summary"),
        ({"summary": 7}, "summary"),
        ({"summary": "x" * 301}, "summary"),
        ({"owner": ""}, "owner"),
        ({"owning_squad": "quay"}, "blocking_squad"),
        ({"blocking_squad": "quay"}, "owning_squad"),
        ({"owning_squad": "quay", "blocking_squad": "Harbour"}, "blocking_squad"),
        ({"owning_squad": "Nowhere Else", "blocking_squad": "nowhere-else"}, "blocking_squad"),
        ({"item_": "s-1/crate"}, "item"),
        ({"eta": "tomorrow"}, "eta"),
        ({"eta": "2025-10-06T11:30:00"}, "eta"),
        ({"opened_at": "2025-10-06T16:02:00Z"}, "opened_at"),
        ({"links": ["see the wiki"]}, "links"),
        ({"links": ["javascript://x%0aalert(1)"]}, "links"),
        ({"links": 7}, "links"),
        ({"links": [f"a/{n}" for n in range(21)]}, "links"),
    ],
)
def test_a_blocker_that_is_not_opened(args: dict[str, Any], field: str) -> None:
    """Each rule names the field to mend, and nothing else is looked at."""
    assert refused(room(), "open", "", **{**FULL, **args}).field == field


def test_near_names_are_offered() -> None:
    """A misspelt card, blocker or ritual gets a suggestion."""
    assert "s-1/crane" in refused(room(), "open", "", **FULL, item_="s-1/crate").remedy
    blocker = new_blocker_id("new")
    opened = room(replace(OPENED, item=blocker))
    assert blocker in refused(opened, "resolve", blocker[:6]).remedy
    assert "clinic" in refused(room(OPENED), "snooze", ritual="klinic").remedy


def test_a_name_nobody_declared_is_taken_as_it_is() -> None:
    """A lint tells of it; people must be able to write down what is so."""
    found = granted(room(), "open", "", **FULL, owning_squad="Pilots", blocking_squad="quay")
    assert (found.args["owning_squad"], found.args["blocking_squad"]) == ("Pilots", "quay")


def test_where_no_document_was_read_any_card_will_do() -> None:
    """Nobody can say that there is none; a blocker nobody knows is refused all the same."""
    nothing = Snapshot(PROGRAM, ledger=Ledger())
    assert granted(nothing, "open", "", **FULL, item_="s-9/any").args["item"] == "s-9/any"
    assert granted(nothing, "status", "s-9/any", status="done").args == {"status": "done"}
    assert granted(nothing, "assign", "s-9/any", owner="Lin").item == "s-9/any"
    assert refused(nothing, "assign", "b-0123456789", owner="Lin").field == "item"
    assert refused(nothing, "resolve", "s-9/any").field == "item"
    assert "not been read" in refused(Snapshot(PROGRAM), "resolve", "b-1").reason


@pytest.mark.parametrize(
    ("kind", "item", "args"),
    [
        ("resolve", "s-1/crane", {}),
        ("escalate", "s-1/crane", {"next_update": "2025-10-06T17:00:00Z"}),
        ("status", "b-1", {"status": "done"}),
        ("note", "b-2", {"text": "x"}),
        ("assign", "s-1/none", {"owner": "Lin"}),
        ("note", "", {"text": "x"}),
        ("note", "\x1b", {"text": "x"}),
        ("note", "step/1", {"text": "x"}),
    ],
)
def test_verbs_and_things_that_do_not_fit(kind: Kind, item: str, args: dict[str, Any]) -> None:
    """A verb on what does not take it, and on what nobody knows."""
    step = Item("step/1", "Sign")
    assert refused(room(OPENED, steps=(step,)), kind, item, **args).field == "item"


def test_who_and_which_action_must_be_said() -> None:
    """Without a name or an id of its own there is no action."""
    assert refused(room(OPENED), "acknowledge", by=" ").field == "by"
    assert isinstance(decide(room(OPENED), Intent("acknowledge", "b-1", {}, "ada"), NOW), Refusal)
    unknown = decide(room(OPENED), Intent("frobnicate", "b-1", {}, "ada", id="x"), NOW)  # type: ignore[arg-type]
    assert isinstance(unknown, Refusal)


def test_what_its_author_saw_goes_with_it() -> None:
    """Except with what never conflicts; opening always expects nothing."""
    snapshot = room(OPENED)
    assert granted(snapshot, "assign", seen="a1", owner="Lin").expect == "a1"
    assert granted(snapshot, "assign", owner="Lin").expect is None
    assert granted(snapshot, "note", seen="a1", text="x").expect is None
    assert granted(snapshot, "acknowledge", seen="a1").expect is None
    assert granted(snapshot, "status", "s-1/crane", seen="", status="done").expect == ""
    assert granted(snapshot, "open", "", seen="a1", **FULL).expect == ""


def test_an_escalation_needs_summary_owner_and_next_update() -> None:
    """The field that is missing is named."""
    assert refused(room(OPENED), "escalate").field == "next_update"
    assert refused(room(OPENED), "escalate", next_update="soon").field == "next_update"
    ownerless = room(done("a1", "open", summary="Berth closed"))
    assert refused(ownerless, "escalate", next_update="2025-10-06T17:00:00Z").field == "owner"
    nameless = room(OPENED)
    nameless = replace(nameless, blockers=(replace(nameless.blockers[0], summary=""),))
    assert refused(nameless, "escalate", next_update="2025-10-06T17:00:00Z").field == "summary"
    found = granted(room(OPENED), "escalate", next_update="2025-10-06T10:00:00-07:00")
    assert found.args == {"next_update": "2025-10-06T17:00:00Z"}


def test_what_is_so_already_says_who_and_when() -> None:
    """Resolving the resolved, acknowledging it, putting it off; reopening what is open."""
    resolved = room(OPENED, done("a2", "resolve", by="bo"))
    for kind, args in (
        ("resolve", {}),
        ("acknowledge", {}),
        ("escalate", {"next_update": "2025-10-06T17:00:00Z"}),
        ("snooze", {"until": "2025-10-06T17:00:00Z"}),
    ):
        reason = refused(resolved, kind, **args).reason
        assert "bo at 2025-10-06T16:00:00Z" in reason, kind
    assert granted(resolved, "reopen", why="again").args == {"why": "again"}
    assert "ada at 2025-10-06T16:00:00Z" in refused(room(OPENED), "reopen").reason
    assert (
        granted(room(OPENED, done("a2", "snooze", until="2025-10-06T17:00:00Z")), "reopen").kind == "reopen"
    )


def test_whoever_saw_an_earlier_state_is_answered_by_the_log() -> None:
    """Two resolve at once: the second gets an action, and the conflict names the first."""
    resolved = room(OPENED, done("a2", "resolve", by="bo"))
    assert granted(resolved, "resolve", seen="a1").expect == "a1"
    assert granted(resolved, "snooze", seen="a1", until="2025-10-06T17:00:00Z").expect == "a1"
    assert refused(resolved, "resolve", seen="a2")
    assert refused(resolved, "acknowledge", seen="a1")


def test_a_ritual_that_was_held_early_is_not_the_next() -> None:
    """What is put off until the clinic after today's was held before its hour returns at the one after it."""
    key = Key("clinic", date(2025, 10, 6))
    held = Run(key, "Ada", NOW - timedelta(minutes=20), finished_at=NOW - timedelta(minutes=5))
    thursday = "2025-10-09T18:00:00Z"
    assert granted(room(OPENED, runs=(held,)), "snooze", ritual="clinic").args["until"] == thursday
    still_on = replace(held, finished_at=None)
    monday = granted(room(OPENED, runs=(still_on,)), "snooze", ritual="clinic").args["until"]
    assert monday == "2025-10-06T18:00:00Z"


def test_a_snooze_ends_at_an_instant_or_a_ritual() -> None:
    """A ritual by id or title, its next time strictly after now; an instant still to come."""
    snapshot = room(OPENED)
    clinic = {"until": "2025-10-06T18:00:00Z", "ritual": "clinic"}
    assert granted(snapshot, "snooze", ritual="clinic").args == clinic
    assert granted(snapshot, "snooze", ritual="HELP clinic", why="ask").args == {**clinic, "why": "ask"}
    assert granted(snapshot, "snooze", until="help clinic").args == clinic
    # at 09:00 sharp the standup of today is no longer ahead
    assert granted(snapshot, "snooze", ritual="standup").args["until"] == "2025-10-07T16:00:00Z"
    assert granted(snapshot, "snooze", until="2025-10-06T09:30:00-07:00").args == {
        "until": "2025-10-06T16:30:00Z"
    }
    assert refused(snapshot, "snooze").field == "until"
    sharp = Intent("snooze", "b-1", {"until": "2025-10-06T16:00:00Z"}, "ada", "desk", "new")
    assert isinstance(decide(snapshot, sharp, NOW.replace(microsecond=0)), Refusal)
    assert refused(snapshot, "snooze", until="2025-13-06T16:00:00Z").field == "until"
    assert refused(snapshot, "snooze", ritual="retro").field == "ritual"
    assert refused(snapshot, "snooze", ritual="karaoke").field == "ritual"


def test_who_waits_on_whom_is_two_different_squads() -> None:
    """X001, X002 and X003 by name, on a card as on a blocker; a card remembers what its document said."""
    snapshot = room(OPENED)
    for item in ("b-1", "s-1/crane"):
        no = [
            refused(snapshot, "wait-on", item, blocking_squad="quay"),
            refused(snapshot, "wait-on", item, owning_squad="quay"),
            refused(snapshot, "wait-on", item, owning_squad="quay", blocking_squad="quay"),
        ]
        assert [(r.field, r.reason[-5:-1]) for r in no] == [
            ("owning_squad", "X001"),
            ("blocking_squad", "X002"),
            ("blocking_squad", "X003"),
        ]
    both = {"owning_squad": "quay", "blocking_squad": "cranes"}
    assert granted(snapshot, "wait-on", **both).args == both
    assert granted(snapshot, "wait-on", "s-1/crane", **both).args == {**both, "was": ">"}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("in-progress", "in_progress"),
        ("WIP", "in_progress"),
        ("todo", "not_started"),
        ("✅", "done"),
        ("blocked", "blocked"),
    ],
)
def test_a_card_is_moved_in_any_spelling(said: str, status: str) -> None:
    """And the action says what its cell said."""
    found = granted(room(), "status", "s-1/crane", status=said)
    assert found.args == {"status": status, "was": "🟧 In Progress"}


@pytest.mark.parametrize("said", ["", None, "soon", 3, "x" * 500])
def test_what_is_no_status_is_refused(said: Any) -> None:
    """With the four there are."""
    assert refused(room(), "status", "s-1/crane", status=said).field == "status"


def test_what_the_document_said_is_the_documents_word() -> None:
    """Also on a card that was moved and reassigned before; an empty cell is remembered as empty."""
    moved = [
        done("a1", "status", "s-1/crane", status="done", was="🟧 In Progress"),
        done("a2", "assign", "s-1/crane", owner="Lin", was="Io"),
    ]
    assert granted(room(*moved), "assign", "s-1/crane", owner="Bo").args == {"owner": "Bo", "was": "Io"}
    assert granted(room(*moved), "status", "s-1/crane", status="todo").args["was"] == "🟧 In Progress"
    bare = replace(CARD, owner="", status_text="")
    plain = room(items=(bare,), declared_items=(bare,))
    assert granted(plain, "assign", "s-1/crane", owner="Bo").args["was"] == ""
    assert granted(plain, "status", "s-1/crane", status="done").args["was"] == "in_progress"
    restored = replace(room(*moved), declared_items=())
    assert "was" not in granted(restored, "assign", "s-1/crane", owner="Bo").args


def test_the_board_then_shows_what_was_asked() -> None:
    """Decided, committed and folded: each verb ends in what its author meant."""
    log = [replace(granted(room(), "open", "", **FULL), id="a1")]
    blocker = log[0].item
    for number, (kind, item, args) in enumerate(
        [
            ("wait-on", blocker, {"owning_squad": "Harbour", "blocking_squad": "Cranes"}),
            ("wait-on", "s-1/crane", {"owning_squad": "Harbour", "blocking_squad": "Cranes"}),
            ("assign", "s-1/crane", {"owner": "Lin"}),
            ("status", "s-1/crane", {"status": "blocked"}),
            ("escalate", blocker, {"next_update": "2025-10-06T17:00:00Z"}),
        ]
    ):
        log.append(replace(granted(room(*log), kind, item, **args), id=f"n{number}"))
    shown = room(*log)
    (held,), (card,) = shown.blockers, shown.items
    assert (held.state, held.owning_squad, held.blocking_squad) == ("escalated", "quay", "cranes")
    assert (card.status, card.said, card.owner, card.owning_squad) == (
        "blocked",
        "in_progress",
        "Lin",
        "quay",
    )


def test_undo_takes_back_the_last_own_deed() -> None:
    """Not another's, not what is undone already, not what another built upon."""
    one = [OPENED, done("a2", "assign", owner="Lin"), done("a3", "note", by="bo", text="x")]
    assert granted(room(*one), "undo").args == {"undoes": "a2"}
    assert granted(room(*one, done("a4", "undo", undoes="a2")), "undo").args == {"undoes": "a1"}
    assert granted(room(*one), "undo", by="bo").args == {"undoes": "a3"}
    assert refused(room(*one), "undo", by="cy").field == ""
    built = [*one, done("a4", "escalate", by="bo", next_update="2025-10-06T17:00:00Z")]
    assert "bo at" in refused(room(*built), "undo").reason
    assert granted(room(*built), "undo", seen="a3").expect == "a3"
    taken = [*built, done("a5", "undo", by="bo", undoes="a4")]
    assert granted(room(*taken), "undo").args == {"undoes": "a2"}
    gone = room(OPENED, done("a2", "undo", undoes="a1"))
    assert "nothing" in refused(gone, "undo").reason


def test_undo_sees_what_waits_in_the_outbox() -> None:
    """An own queued deed can be taken back; one that is in the log as well counts once."""
    queued = done("q1", "assign", owner="Lin")
    outbox = OutboxSeen(tuple(Outcome("queued", one) for one in (OPENED, queued)))
    snapshot = replace(room(OPENED), outbox=outbox)
    assert granted(snapshot, "undo").args == {"undoes": "q1"}
    built = room(OPENED, done("a2", "escalate", by="bo", next_update="2025-10-06T17:00:00Z"))
    assert "bo at" in refused(replace(built, outbox=OutboxSeen(outbox.queued[:1])), "undo").reason


def test_a_note_of_several_lines_is_kept_on_one() -> None:
    """And an empty or endless one is refused."""
    assert granted(room(OPENED), "note", text="one\ntwo").args == {"text": "one two"}
    assert refused(room(OPENED), "note", text=" ").field == "text"
    assert refused(room(OPENED), "note", text="é" * 2001).field == "text"
    assert refused(room(OPENED), "note", text="x" * 10_000_000).field == "text"


anything = st.dictionaries(
    st.sampled_from(
        [
            *("summary", "owner", "owning_squad", "blocking_squad", "item", "eta", "opened_at", "links"),
            *("text", "about", "next_update", "until", "ritual", "why", "mitigation", "status"),
        ]
    ),
    st.none() | st.integers() | st.text(max_size=40) | st.lists(st.text(max_size=10), max_size=3),
)


@settings(deadline=None)
@given(
    st.sampled_from(KINDS),
    st.sampled_from(["b-1", "s-1/crane", "nobody", ""]),
    anything,
    st.text(max_size=20),
    st.none() | st.sampled_from(["", "a1"]),
)
def test_whatever_is_asked_is_decided(
    kind: Kind, item: str, args: dict[str, Any], by: str, seen: str | None
) -> None:
    """An action that can be written down and read again, and that folds, or a refusal; never an exception."""
    snapshot = room(OPENED)
    found = decide(snapshot, Intent(kind, item, args, by, "desk", "new", seen), NOW)
    if isinstance(found, Action):
        assert decode(encode(found)) == found
        assert snapshot.ledger is not None
        fold.blockers((), snapshot.ledger.after([Entry(2, found)]), (), NOW + timedelta(days=1))
