"""What is under the cursor, as somebody who acts sees it. Cheap: the footer asks with every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from controlroom.domain.board import Item
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import Subject

TargetKind = Literal["blocker", "item"]


class Target(NamedTuple):
    """Something that can be acted on, as it is shown."""

    kind: TargetKind
    id: str
    title: str
    last_action: str | None = None
    """Id of the last action on it that is seen."""
    blocker: Blocker | None = None
    item: Item | None = None


_ARTICLES: Mapping[str, str] = {
    "item": "a card",
    "alert": "an alert",
    "signal": "a signal",
    "lint": "a finding",
    "edge": "who waits on whom",
}

OFFERS: Mapping[str, tuple[str, ...]] = {
    "blocker": (
        "blocker.acknowledge",
        "blocker.assign",
        "blocker.wait_on",
        "blocker.escalate",
        "blocker.snooze",
        "blocker.resolve",
        "blocker.note",
    ),
    "snoozed": (
        "blocker.reopen",
        "blocker.assign",
        "blocker.wait_on",
        "blocker.escalate",
        "blocker.snooze",
        "blocker.resolve",
        "blocker.note",
    ),
    "resolved": ("blocker.reopen", "blocker.note"),
    "item": ("card.move", "blocker.assign", "blocker.wait_on", "blocker.new", "blocker.note"),
    "service": ("blocker.new",),
    "signal": ("blocker.new",),
    "alert": ("blocker.new",),
}


@by_identity(keep=2)
def _blockers(blockers: tuple[Blocker, ...]) -> dict[str, Blocker]:
    return {blocker.id: blocker for blocker in blockers}


@by_identity(keep=2)
def _items(items: tuple[Item, ...]) -> dict[str, Item]:
    return {item.id: item for item in items}


def target(snapshot: Snapshot, subject: Subject | None) -> Target | None:
    """The blocker or card that `subject` is, or speaks of; None for anything else, or when it is gone."""
    if subject is None:
        return None
    if subject.kind == "lint":
        return _spoken_of(snapshot, subject.id)
    if subject.kind == "change":
        return _named(snapshot, subject.id.partition(":")[2])
    if subject.kind == "blocker":
        return _blocker(_blockers(snapshot.blockers).get(subject.id))
    if subject.kind == "item":
        return _item(_items(snapshot.items).get(subject.id))
    return None


def _spoken_of(snapshot: Snapshot, lint_id: str) -> Target | None:
    """What a finding is about: the last part of its id."""
    return _named(snapshot, lint_id.rpartition("|")[2])


def _named(snapshot: Snapshot, id_: str) -> Target | None:
    found = _blocker(_blockers(snapshot.blockers).get(id_))
    return found or _item(_items(snapshot.items).get(id_))


def _blocker(blocker: Blocker | None) -> Target | None:
    if blocker is None:
        return None
    title = blocker.summary or blocker.id
    return Target("blocker", blocker.id, title, blocker.last_action, blocker, None)


def _item(item: Item | None) -> Target | None:
    if item is None:
        return None
    return Target("item", item.id, item.epic or item.id, item.last_action, None, item)


def what(subject: Subject | None) -> str:
    """What somebody would call it: ``a service``."""
    if subject is None:
        return "nothing"
    return _ARTICLES.get(subject.kind, f"a {subject.kind}")


def offers(snapshot: Snapshot, subject: Subject | None) -> tuple[str, ...]:
    """Ids of the actions that make sense on `subject`, the likeliest first."""
    if subject is None:
        # Where there is nothing yet, something can be opened.
        return ("blocker.new",)
    if subject.kind == "blocker":
        found = _blockers(snapshot.blockers).get(subject.id)
        asleep = found is not None and found.state in ("snoozed", "resolved")
        return OFFERS[found.state if found is not None and asleep else "blocker"]
    if subject.kind in ("lint", "change"):
        found_ = target(snapshot, subject)
        return () if found_ is None else OFFERS[found_.kind]
    return OFFERS.get(subject.kind, ())
