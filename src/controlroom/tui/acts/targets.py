"""What is under the cursor, as somebody who acts sees it. Cheap: the footer asks with every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from controlroom.domain.board import Item
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import UNKNOWN_CODES, GapCode
from controlroom.domain.triage import Blocker
from controlroom.tui.gate_words import by_id
from controlroom.tui.known_alerts import alerts_of
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import Subject

TargetKind = Literal["blocker", "item", "signal", "box"]


class Target(NamedTuple):
    """Something that can be acted on, as it is shown."""

    kind: TargetKind
    id: str
    """What the triage log calls it."""
    title: str
    last_action: str | None = None
    """Id of the last action on it that is seen."""
    blocker: Blocker | None = None
    item: Item | None = None

    @property
    def subject(self) -> Subject:
        """What a row says that it is about."""
        return Subject(self.kind, self.id.removeprefix(SIGNAL) if self.kind == "signal" else self.id)


_ARTICLES: Mapping[str, str] = {
    "item": "a card",
    "alert": "an alert",
    "family": "alerts",
    "signal": "a signal",
    "benchmark": "a benchmark",
    "lint": "a finding",
    "edge": "who waits on whom",
    "box": "a box of a checklist",
}

SIGNAL = "signal:"
"""Before a signal's reading id it makes what the triage log calls it."""

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
    "benchmark": ("blocker.new",),
    "gap": ("signal.waive", "blocker.new"),
    "renamed": ("signal.accept", "blocker.new"),
    "misnamed": ("signal.accept", "signal.waive", "blocker.new"),
    "alert": ("alert.silence", "blocker.new"),
    "family": ("alert.silence", "blocker.new"),
    "unowned": ("alert.silence", "blocker.assign", "blocker.new"),
    "silence": ("alert.silence",),
    "box": ("box.tick",),
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
    if subject.kind == "signal":
        return _signal(snapshot, subject.id)
    if subject.kind == "box":
        return _box(snapshot, subject.id)
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


def _signal(snapshot: Snapshot, id_: str) -> Target | None:
    reading = by_id(snapshot.signals).get(id_)
    if reading is None:
        return None
    item = f"{SIGNAL}{id_}"
    queued = [one.action.id for one in snapshot.outbox.queued if one.action.item == item]
    known = snapshot.ledger.last(item) if snapshot.ledger is not None else None
    return Target("signal", item, reading.signal.title, queued[-1] if queued else known)


BOX = "box:"
"""What the triage log calls a box of a checklist begins with it (`runs.BOX`)."""


def _box(snapshot: Snapshot, item: str) -> Target | None:
    from controlroom.domain import checklist  # a room is shown without it

    words = checklist.words_of(snapshot, item)
    if words is None:
        return None
    queued = [one.action.id for one in snapshot.outbox.queued if one.action.item == item]
    known = snapshot.ledger.last(item) if snapshot.ledger is not None else None
    return Target("box", item, words, queued[-1] if queued else known)


def subject_of(snapshot: Snapshot, item: str) -> Subject:
    """What the triage log calls `item`: a signal, a box of a checklist, a card, else a blocker."""
    if item.startswith(BOX):
        return Subject("box", item)
    if item.startswith(SIGNAL):
        return Subject("signal", item.removeprefix(SIGNAL))
    return Subject("item" if item in _items(snapshot.items) else "blocker", item)


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
    if subject.kind == "signal":
        return OFFERS[_kind_of_signal(snapshot, subject.id)]
    if subject.kind in ("lint", "change"):
        found_ = target(snapshot, subject)
        return () if found_ is None else OFFERS[found_.kind]
    if subject.kind == "ritual":
        from controlroom.domain import checklist

        ritual = checklist.ritual_of(snapshot.program, subject.id)
        return ("box.tick",) if ritual is not None and checklist.has_boxes(snapshot, ritual) else ()
    if subject.kind in ("alert", "family"):
        alerts = alerts_of(snapshot, subject)
        return OFFERS["unowned" if alerts and alerts[0].squad is None else "alert"]
    return OFFERS.get(subject.kind, ())


def _kind_of_signal(snapshot: Snapshot, id_: str) -> str:
    """Which of `OFFERS` is meant: what is delivered, or not owed, needs no excuse."""
    reading = by_id(snapshot.signals).get(id_)
    if reading is None:
        return "signal"
    if reading.near and reading.code not in UNKNOWN_CODES:
        return "misnamed" if reading.signal.required_for_exit else "renamed"
    waived = any(waiver.signal == id_ for waiver in snapshot.waivers)
    owed = reading.signal.required_for_exit and (reading.code is not GapCode.OK or waived)
    return "gap" if owed else "signal"
