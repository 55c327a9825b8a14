"""Waivers: a person's word that a wave may exit without a signal, for a reason and until a time.

They are actions in the triage log, on an item named after the signal, so that who, why and when are kept for
good. The last word on a signal counts, and a waiver of one's own can be taken back by undoing it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from controlroom.domain.actions import Action
from controlroom.domain.fold_args import LINE_LIMIT, acted, effective, instant, text
from controlroom.domain.frozen import dataclass
from controlroom.domain.ledger import Ledger
from controlroom.domain.remember import remember

PREFIX = "signal:"
"""What the log calls the signal with the reading id ``squad/metric/job``: ``signal:squad/metric/job``."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """An excuse for a signal that is not delivered: a gate may pass on it, and the percentage stays."""

    signal: str
    """Reading id of the signal."""
    who: str
    why: str
    at: datetime
    until: datetime
    """The first instant at which it no longer counts."""
    action: str = ""
    """Id of the action that gave it."""
    pending: bool = False
    """It waits in the outbox: nobody else sees it yet, and no gate counts it."""
    ending: bool = False
    """Its end waits in the outbox; until that is delivered it counts."""

    def counts(self, now: datetime) -> bool:
        """Whether a gate counts it at `now`: it is committed, has begun, and is not over."""
        return not self.pending and self.at <= now < self.until


def item_id(reading: str) -> str:
    """What the log calls the signal with that reading id."""
    return f"{PREFIX}{reading}"


@remember
def waivers(ledger: Ledger | None, queued: tuple[Action, ...]) -> tuple[Waiver, ...]:
    """The last waiver of every signal that has one, over or not, in the order of the log.

    One that waits in the outbox follows the one it is to replace.
    """
    found: list[Waiver | None] = []
    items: Mapping[str, Sequence[object]] = ledger.items if ledger is not None else {}
    waiting = {action.item for action in queued}
    names = [name for name in (*items, *waiting) if name.startswith(PREFIX)]
    for name in dict.fromkeys(names):
        history = ledger.of(name) if ledger is not None else ()
        known = {entry.action.id for entry in history}
        mine = [a for a in queued if a.item == name and a.id not in known]
        given = _last(name, effective(acted(history)))
        wanted = _last(name, effective(acted(history, mine)))
        if wanted != given:
            found.append(replace(given, ending=wanted is None) if given is not None else None)
            waits = wanted is not None and any(wanted.action == action.id for action in mine)
            found.append(replace(wanted, pending=True) if wanted is not None and waits else None)
        else:
            found.append(given)
    return tuple(waiver for waiver in found if waiver is not None)


def _last(name: str, actions: Iterable[Action]) -> Waiver | None:
    last: Waiver | None = None
    for action in actions:
        if action.kind == "unwaive":
            last = None
        elif action.kind == "waive" and (until := instant(action, "until")) is not None:
            why = text(action, "why", LINE_LIMIT) or ""
            signal = name.removeprefix(PREFIX)
            last = Waiver(signal, action.actor, why, action.at, until, action.id)
    return last


def counting(given: Iterable[Waiver], now: datetime) -> dict[str, Waiver]:
    """The waivers that count at `now`, by reading id."""
    return {one.signal: one for one in given if one.counts(now)}
