"""Carry-overs: blockers that stood there at the last standup already (domain rules, Squads, items, blockers).

How often one was there follows from the log alone: from when the standups began, from when the blocker was
opened, and from when somebody last changed anything about it.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

from controlroom.domain.fold_args import acted, effective
from controlroom.domain.frozen import dataclass
from controlroom.domain.ledger import Ledger
from controlroom.domain.triage import Blocker

FORCED_FROM = 3
"""The appearance, unchanged, from which a blocker cannot be passed without a decision."""

NO_CHANGE = frozenset({"acknowledge", "note"})
"""Kinds of action that leave a blocker as it was."""


@dataclass(frozen=True, slots=True)
class Carried:
    """One open blocker at a standup."""

    standups: int
    """At how many it has been there, this one included."""
    unchanged: int
    """At how many in a row up to this one nothing about it had changed since it was last changed."""
    changed_at: dt.datetime | None
    """When somebody last did something about it; None: never, as far as the log tells."""

    @property
    def over(self) -> bool:
        """It was there at the standup before."""
        return self.standups > 1

    @property
    def forced(self) -> bool:
        """It cannot be passed: direct, give it to another, escalate or accept it."""
        return self.unchanged >= FORCED_FROM


def carried(
    blockers: Iterable[Blocker], ledger: Ledger | None, began: Sequence[dt.datetime]
) -> Mapping[str, Carried]:
    """By id, what each open blocker has been through; `began`: when the standups did, this one last."""
    found: dict[str, Carried] = {}
    times = sorted(began)
    for blocker in blockers:
        if blocker.state == "resolved":
            continue
        since = blocker.opened_at or blocker.first_seen
        first = len(times) if since is None else bisect_left(times, since)
        changed_at = _changed_at(blocker, ledger)
        same = first if changed_at is None else max(first, bisect_right(times, changed_at))
        found[blocker.id] = Carried(len(times) - first, len(times) - same, changed_at)
    return found


def _changed_at(blocker: Blocker, ledger: Ledger | None) -> dt.datetime | None:
    history = ledger.of(blocker.id) if ledger is not None else ()
    changes = (a.at for a in effective(acted(history)) if a.kind not in NO_CHANGE and a.kind != "open")
    return max(changes, default=None)
