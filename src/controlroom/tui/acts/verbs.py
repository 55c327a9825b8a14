"""What can be done, to what, and what is asked for first. Pure: no screen, no store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from controlroom.domain.actions import Kind
from controlroom.domain.board import Item, Status
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.tui import present
from controlroom.tui.acts.fields import Field
from controlroom.tui.acts.targets import OFFERS, Target, TargetKind, what
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import Subject


class Verb(NamedTuple):
    """One thing to do. `on`: what it makes sense on."""

    action: str
    """Its id in the key table."""
    kind: Kind
    on: frozenset[TargetKind]
    do: str
    """As in "cannot … this"."""
    done: str
    """As in "3 …, 1 queued"."""
    save: str = "save"
    """What saving its form is called."""
    title: str = ""
    """What its form is called, where that is not what the key does."""


_BOTH: frozenset[TargetKind] = frozenset({"blocker", "item"})
_BLOCKER: frozenset[TargetKind] = frozenset({"blocker"})
_CARD: frozenset[TargetKind] = frozenset({"item"})
_SIGNAL: frozenset[TargetKind] = frozenset({"signal"})
_BOX: frozenset[TargetKind] = frozenset({"box"})

VERBS: Mapping[str, Verb] = {
    verb.action: verb
    for verb in (
        Verb("blocker.new", "open", frozenset(), "open", "opened", "open it"),
        Verb("blocker.acknowledge", "acknowledge", _BLOCKER, "acknowledge", "acknowledged"),
        Verb("blocker.assign", "assign", _BOTH, "assign", "assigned", "assign"),
        Verb("blocker.wait_on", "wait-on", _BOTH, "put a wait on", "who waits is said"),
        Verb("blocker.escalate", "escalate", _BLOCKER, "escalate", "escalated", "escalate"),
        Verb("blocker.snooze", "snooze", _BLOCKER, "snooze", "snoozed", "snooze"),
        Verb("blocker.resolve", "resolve", _BLOCKER, "resolve", "resolved", "resolve"),
        Verb("blocker.reopen", "reopen", _BLOCKER, "reopen", "reopened", "reopen"),
        Verb("blocker.note", "note", _BOTH, "add a note to", "noted"),
        Verb("card.move", "status", _CARD, "move", "moved"),
        Verb("signal.waive", "waive", _SIGNAL, "waive", "waived", "waive it"),
        Verb("action.undo", "undo", _BOTH | _SIGNAL | _BOX, "take back anything on", "taken back"),
    )
}

TICK = Verb("box.tick", "tick", _BOX, "tick", "ticked", "tick it", "Tick")
UNTICK = Verb(
    "box.tick", "untick", _BOX, "take the tick from", "no longer ticked", "take it back", "Take the tick back"
)
"""What the key that ticks does to boxes, and to those that are ticked."""

UNWAIVE = Verb(
    "signal.waive", "unwaive", _SIGNAL, "end the waiver of", "no longer waived", "end it", "End the waiver"
)
"""What the key that waives does to a signal that is waived, once that is asked for."""

TIMES = "45m, 17:30, fri 09:00"
"""Times as they may be typed, for a field that is empty."""

MOVES: tuple[tuple[str, Status, str], ...] = (
    ("t", "not_started", "to do"),
    ("i", "in_progress", "in progress"),
    ("b", "blocked", "blocked"),
    ("d", "done", "done"),
)
"""Where a card can be moved: letter, status, what it is called."""


def misplaced(verb: Verb, snapshot: Snapshot, subject: Subject | None, found: Target | None, new: str) -> str:
    """Why `verb` makes no sense on what is under the cursor, in a few words; empty where it does.

    `new` is the key that opens a blocker.
    """
    if subject is None:
        return f"nothing here to {verb.do}"
    if found is None:
        gone = subject.kind in ("blocker", "item", "signal")
        if gone and any(step.id == subject.id for step in snapshot.steps):
            return "a step of the programme: its document says how far it is"
        if gone:
            return f"cannot {verb.do} it: it is no longer there"
        hint = f"; {new} opens a blocker from it" if subject.kind in OFFERS else ""
        return f"cannot {verb.do} {what(subject)}{hint}"
    if found.kind not in verb.on:
        if "signal" in (found.kind, *verb.on) and not verb.on >= _BOTH:
            only = "" if found.kind == "signal" else ", only a signal"
            hint = "" if verb.kind == "waive" else f"; {new} opens a blocker from it"
            return f"cannot {verb.do} {what(subject)}{only}{hint}"
        if "box" in (found.kind, *verb.on):
            only = "" if found.kind == "box" else ", only a box of a checklist"
            return f"cannot {verb.do} {what(subject)}{only}"
        if found.kind == "item":
            return f"cannot {verb.do} a card, only a blocker; {new} opens one from it"
        return f"cannot {verb.do} a blocker, only a card"
    return ""


def fields(verb: Verb, snapshot: Snapshot, targets: tuple[Target, ...]) -> tuple[Field, ...]:
    """What is asked for before `verb` is done to `targets`; nothing for what needs nothing."""
    one = targets[0] if len(targets) == 1 else None
    blocker = one.blocker if one else None
    thing = blocker or (one.item if one else None)
    match verb.kind:
        case "assign":
            now = thing.owner if thing else ""
            return (Field("owner", "owner", "person", note=f"now {now}" if now else ""),)
        case "wait-on":
            item = one.item if one else None
            owning = (thing.owning_squad if thing else None) or (item.squad if item else None)
            blocking = thing.blocking_squad if thing else None
            return (
                Field("owning_squad", "who waits", "squad", _squad(snapshot, owning)),
                Field("blocking_squad", "waits on", "squad", _squad(snapshot, blocking)),
            )
        case "escalate":
            asked = Field(
                "next_update", "next update", "instant", note=f"when the channel hears more: {TIMES}"
            )
            missing = any(t.blocker is not None and not t.blocker.owner for t in targets)
            owner = Field("owner", "owner", "person", note="it has none yet")
            return (owner, asked) if missing else (asked,)
        case "snooze":
            return (
                Field("until", "until", "until", note="a time, or a ritual by its letter"),
                Field("why", "why"),
            )
        case "resolve":
            return (Field("mitigation", "what helped", note="may stay empty"),)
        case "tick":
            note = "a path, a link, a number: what shows it; may stay empty"
            return (Field("evidence", "evidence", note=note),)
        case "reopen" | "unwaive" | "untick":
            return (Field("why", "why", note="may stay empty"),)
        case "waive":
            return (
                Field("until", "until", "until", note="a length, a time, or a ritual by its letter"),
                Field("why", "why", note="why the wave may exit without it"),
            )
        case "note":
            return (Field("text", "note"),)
    return ()


def opening(values: Mapping[str, str], notes: Mapping[str, str]) -> tuple[Field, ...]:
    """The fields of a new blocker, filled with what is known."""

    def made(name: str, label: str, kind: str = "text", note: str = "") -> Field:
        return Field(name, label, kind, values.get(name, ""), notes.get(name, note))  # type: ignore[arg-type]

    return (
        made("summary", "what blocks"),
        made("owner", "owner", "person", "who sees to it"),
        made("owning_squad", "who waits", "squad"),
        made("blocking_squad", "waits on", "squad"),
        made("opened_at", "since", "past"),
        made("eta", "eta", "instant", TIMES),
        made("item", "card", "text", "id of the card it holds up"),
        made("links", "links", "links"),
        made("text", "more"),
    )


def _squad(snapshot: Snapshot, squad: str | None) -> str:
    return present.squad_name(snapshot.program, squad) if squad else ""


@by_identity(keep=2)
def _owners(items: tuple[Item, ...], blockers: tuple[Blocker, ...]) -> tuple[str, ...]:
    names: Counter[str] = Counter()
    for item in items:
        names.update(name for name in item.owners if name)
    names.update(blocker.owner for blocker in blockers if blocker.owner)
    return tuple(name for name, _ in names.most_common(200))


def people(snapshot: Snapshot, by: str) -> tuple[str, ...]:
    """Who may be meant: whoever acts here, then those who own most."""
    return tuple(dict.fromkeys((by, *_owners(snapshot.items, snapshot.blockers))))
