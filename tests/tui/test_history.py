"""History in a detail: who did what and when, what was taken back, what is not in the log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controlroom.domain.actions import Action, Entry, Outcome
from controlroom.domain.ledger import Ledger
from controlroom.domain.snapshot import OutboxSeen, Snapshot
from controlroom.tui.detail import describe
from controlroom.tui.rows import Subject
from tests.tui.rooms import BLOCKERS, ITEMS, NOW, ROOM, ago, changed, view


def act(rev: int, kind: str, minutes: float, actor: str = "Ada", /, **args: Any) -> Entry:
    """An action that many minutes ago, with the id ``a<rev>``, on b2 unless `item` says otherwise."""
    item, host = args.pop("item", "b2"), args.pop("host", "quay")
    return Entry(rev, Action(f"a{rev}", item, kind, args, actor, host, ago(minutes)))


def told(*entries: Entry, outbox: OutboxSeen | None = None, subject: str = "b2", **seen: Any) -> list[str]:
    """The lines under ``History`` of a blocker (or card) of the room with that log."""
    room = changed(ledger=Ledger().after(entries), outbox=outbox or OutboxSeen())
    return section(room, "History", subject, **seen)


def section(room: Snapshot, title: str, subject: str = "b2", **seen: Any) -> list[str]:
    kind = "item" if subject.startswith("i") else "blocker"
    plain = describe(room, Subject(kind, subject), NOW, view(**seen)).plain.splitlines()  # type: ignore[arg-type]
    if title not in plain:
        return []
    after = plain[plain.index(title) + 1 :]
    return [line.strip() for line in after[: after.index("") if "" in after else len(after)]]


def test_a_line_says_when_who_and_what() -> None:
    """Oldest first; the time is the programme's, with its age."""
    lines = told(act(1, "open", 241, summary="Topics missing"), act(2, "assign", 60, "Tomas", owner="Ines"))
    assert lines == [
        "04:58 · 4h 01m ago  Ada    opened: Topics missing",
        "07:59 · 1h 00m ago  Tomas  assigned to Ines",
    ]


def test_a_host_is_told_where_it_changes() -> None:
    """One machine is not worth a word; several are."""
    one, two = act(1, "acknowledge", 9), act(2, "note", 8, text="x")
    assert "quay" not in " ".join(told(one, two))
    lines = told(
        one, two, act(3, "note", 7, host="berth", text="y"), act(4, "note", 6, host="berth", text="z")
    )
    assert [("on quay" in line, "on berth" in line) for line in lines] == [
        (True, False),
        (False, False),
        (False, True),
        (False, False),
    ]


def test_what_was_taken_back_stays_and_says_so() -> None:
    """The deed, by whom it was undone, and the undo with what it took back."""
    lines = told(act(1, "assign", 9, owner="Ines"), act(2, "undo", 8, "Tomas", undoes="a1"))
    assert "assigned to Ines  ↶ taken back by Tomas" in lines[0]
    assert "took back: assigned to Ines" in lines[1]


def test_notes_are_verbatim_line_by_line() -> None:
    """One line stands beside the name, several below it, each as it was written."""
    lines = told(act(1, "note", 9, text="short"), act(2, "note", 8, text="first\n  second [/b]\nthird"))
    assert lines[0].endswith("note: short")
    assert lines[1].endswith("note:")
    assert lines[2:] == ["first", "second [/b]", "third"]


def test_an_unknown_kind_is_told_verbatim() -> None:
    """A newer program's deed is shown as it stands in the log."""
    assert told(act(1, "merge", 9, into="b9"))[0].endswith('merge {"into": "b9"}')


def test_squads_rituals_and_times_are_called_as_on_screen() -> None:
    """Names for ids, the programme's zone for instants."""
    lines = told(
        act(1, "wait-on", 9, owning_squad="cranes", blocking_squad="quay"),
        act(2, "snooze", 8, ritual="standup", until="2026-03-05T08:00:00Z", why="vendor"),
        act(3, "escalate", 7, next_update="2026-03-04T17:30:00Z"),
    )
    assert lines[0].endswith("Cranes waits on Quay & Berths")
    assert lines[1].endswith("snoozed until Daily Standup Thu Mar 5 09:00: vendor")
    assert lines[2].endswith("escalated, next update 18:30")


def test_ones_own_queued_actions_come_last_with_the_reason() -> None:
    """Later than the log, marked, and saying why they still wait."""
    waits = Outcome("queued", act(0, "note", 1, text="calling").action, reason="the store is unreachable")
    lines = told(act(1, "acknowledge", 9), outbox=OutboxSeen((waits,)))
    assert lines[-1].endswith("note: calling  ⧗ queued, not in the log yet: the store is unreachable")


def test_a_conflict_names_what_the_other_did() -> None:
    """Whose action stands in the way, and what it was."""
    other = act(4, "assign", 5, "Tomas", owner="Tomas")
    mine = Outcome("conflict", act(0, "assign", 1, owner="Ines").action, current=other)
    lines = told(other, outbox=OutboxSeen((), (mine,)))
    assert "assigned to Ines  ✖ conflict: Tomas assigned to Tomas, 5m ago" in lines[-1]
    room = changed(ledger=Ledger().after((other,)), outbox=OutboxSeen((), (mine,)))
    assert any("(C)" in line for line in section(room, "What to do next"))


def test_redacted_history_names_neither_people_nor_machines() -> None:
    """Sharing the screen shares neither, in deeds either."""
    entries = (act(1, "assign", 9, "Ada", owner="Ines"), act(2, "note", 8, "Tomas", host="berth", text="hm"))
    said = "\n".join(told(*entries, redact=True))
    for name in ("Ada", "Ines", "Tomas", "quay", "berth"):
        assert name not in said
    assert "(hidden)" in said


def test_a_long_history_shows_its_end() -> None:
    """The latest are told, the others counted."""
    lines = told(*(act(n, "note", 1000 - n, text=f"note {n}") for n in range(1, 501)))
    assert lines[0] == "… 300 earlier ones"
    assert len(lines) == 201
    assert lines[-1].endswith("note 500")


def test_a_card_tells_its_history_and_what_its_document_says() -> None:
    """Where the log says otherwise, the document's own words for status, owner and squads."""
    written = next(item for item in ITEMS if item.id == "i2")
    moved = replace(written, status="in_progress", said="not_started", owner="Ines", owners=("Ines",))
    items = tuple(moved if item.id == "i2" else item for item in ITEMS)
    entry = act(1, "status", 9, item="i2", status="in_progress", was="not started")
    room = changed(items=items, declared_items=ITEMS, ledger=Ledger().after((entry,)))
    plain = describe(room, Subject("item", "i2"), NOW, view()).plain
    assert "document says ↷ status not started; owner Tomas" in plain
    assert section(room, "History", "i2")[0].endswith("Ada  moved to in progress")


def test_a_blocker_tells_what_its_document_says() -> None:
    """What was done here counts; what is written stays readable beside it."""
    declared = next(blocker for blocker in BLOCKERS if blocker.id == "b3")
    acted = replace(declared, owner="Ines", state="escalated", last_action="a1")
    blockers = tuple(acted if blocker.id == "b3" else blocker for blocker in BLOCKERS)
    room = changed(blockers=blockers, declared_blockers=BLOCKERS)
    plain = describe(room, Subject("blocker", "b3"), NOW, view()).plain
    assert "document says ↷ state open; owner nobody" in plain


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J\x1b]0;x\x07", "[/b][red]", "\u202eevil", "\n\n", "日本語" * 200, ""]
)
def test_a_hostile_log_is_harmless(hostile: str) -> None:
    """Whatever names, texts and kinds were written into it."""
    entries = (
        act(1, hostile or "x", 9, hostile, host=hostile, **{hostile or "k": hostile}),
        act(2, "note", -9_000_000, hostile, host=hostile + "2", text=hostile + "\n" + hostile),
        act(3, "undo", 9, hostile, undoes=hostile),
    )
    said = "\n".join(told(*entries))
    assert said.replace("\n", "").isprintable()
    assert not any(mark in said for mark in "\x1b\u202e")


def test_ascii_history_has_no_glyph_of_ours() -> None:
    """Marks have ASCII twins."""
    waits = Outcome("queued", act(0, "note", 1, text="calling").action)
    entries = (act(1, "assign", 9, owner="Ines"), act(2, "undo", 8, undoes="a1"))
    assert "\n".join(told(*entries, outbox=OutboxSeen((waits,)), ascii=True)).isascii()


def test_without_a_log_there_is_no_history() -> None:
    """Nothing is known, and nothing is said."""
    assert section(replace(ROOM, ledger=None), "History") == []
