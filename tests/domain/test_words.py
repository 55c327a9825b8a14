"""What was done, in words, for every kind of action and for kinds nobody here knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from controlroom.domain.actions import KINDS, Action, Entry
from controlroom.domain.words import Names, deed, undone

AT = datetime(2031, 5, 6, 8, tzinfo=UTC)


def action(kind: str, /, id_: str = "a1", **args: Any) -> Action:
    return Action(id_, "b1", kind, args, "Ada", "host", AT)


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (
            action("open", summary="No ice", owner="Ada", owning_squad="quay", blocking_squad="cranes"),
            "opened: No ice, owner Ada, quay waits on cranes",
        ),
        (action("open", summary="No ice", item="i1"), "opened: No ice, on i1"),
        (action("acknowledge"), "acknowledged"),
        (action("assign", owner="Ada"), "assigned to Ada"),
        (action("assign", owner=""), "assigned to nobody"),
        (action("wait-on", owning_squad="quay", blocking_squad="cranes"), "quay waits on cranes"),
        (action("wait-on", owning_squad="quay"), "quay waits on ?"),
        (action("escalate", next_update="2031-05-06T17:30:00Z"), "escalated, next update 17:30Z"),
        (
            action("escalate", next_update="2031-05-07T01:30:00+02:00"),
            "escalated, next update 23:30Z",
        ),
        (action("escalate", next_update="soonish"), "escalated, next update soonish"),
        (
            action("snooze", ritual="standup", until="2031-05-07T16:00:00Z", why="vendor asleep"),
            "snoozed until standup 2031-05-07 16:00Z: vendor asleep",
        ),
        (action("snooze"), "snoozed"),
        (action("resolve", mitigation="restarted"), "resolved: restarted"),
        (action("resolve"), "resolved"),
        (action("reopen", why="came back"), "reopened: came back"),
        (action("note", text="asked the vendor"), "note: asked the vendor"),
        (action("status", status="in_progress", was="todo"), "moved to in progress"),
        (action("undo", undoes="a0"), "took back an earlier action"),
        (
            action("assign", owner="Ada", supersedes="a0"),
            "assigned to Ada (handed in again after a conflict)",
        ),
    ],
)
def test_every_kind_reads_as_a_deed(done: Action, words: str) -> None:
    """What was done and with what; what the action does not say is not said."""
    assert deed(done) == words


def test_an_undo_names_what_it_took_back() -> None:
    """Where that is known."""
    assert deed(action("undo", undoes="a0"), undone=action("assign", owner="Ada")) == (
        "took back: assigned to Ada"
    )


def test_an_unknown_kind_is_told_verbatim() -> None:
    """A newer program's deed is neither dropped nor guessed at."""
    assert deed(action("merge", into="b2", n=3)) == 'merge {"into": "b2", "n": 3}'


@pytest.mark.parametrize("kind", [*KINDS, "newer"])
@pytest.mark.parametrize(
    "value", ["\x1b]0;x\x07\x1b[2J", "[/b] \u202e evil", None, 3, ["a", {"b": None}], "x" * 100_000]
)
def test_words_are_harmless_whatever_was_written(kind: str, value: object) -> None:
    """Any JSON under any name gives one line without control characters."""
    names = ("summary", "owner", "owning_squad", "blocking_squad", "item", "until", "ritual", "why", "text")
    more = ("status", "mitigation", "next_update", "opened_at", "eta", "undoes")
    said = deed(Action("a1", "b1", kind, dict.fromkeys((*names, *more), value), "Ada", "host", AT))
    assert said
    assert said.isprintable()
    assert len(said) <= 2_000


def test_names_are_those_of_the_reader() -> None:
    """Squads, people, rituals and times are called as they are where the words are read."""
    names = Names(str.upper, lambda person: "(hidden)", str.title, str.upper, lambda at: f"{at:%a %H:%M}")
    told = deed(action("snooze", ritual="standup", until="2031-05-07T16:00:00Z"), names)
    assert told == "snoozed until Standup Wed 16:00"
    assert deed(action("assign", owner="Ada"), names) == "assigned to (hidden)"


def test_what_was_taken_back_is_known_by_its_undo() -> None:
    """Only an undo that names an action of this history takes anything back."""
    history = (
        Entry(1, action("assign", "a1", owner="Ada")),
        Entry(2, action("undo", "a2", undoes="a1")),
        Entry(3, action("undo", "a3", undoes="elsewhere")),
        Entry(4, action("undo", "a4", undoes=["a1"])),
    )
    assert {id_: by.id for id_, by in undone(history).items()} == {"a1": "a2"}
