"""The board: what the documents say, with what people did laid over it.

A card's document is alive. An action on a card holds as long as the document still says what it said when
the action was taken (`args["was"]`); when somebody edits that cell later, the document is newer and wins.
What was asked of a blocker holds whatever its document says.

Whatever stands in the log, folding it raises nothing: an unknown kind and arguments that make no sense are
history without effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from controlroom.domain.actions import Action
from controlroom.domain.board import Item
from controlroom.domain.fold_blocker import folded as folded_blocker
from controlroom.domain.fold_card import folded as folded_card
from controlroom.domain.ledger import Ledger
from controlroom.domain.refold import ROOMS, Refold, same
from controlroom.domain.triage import Blocker

_BLOCKERS: Refold[Blocker] = Refold(folded_blocker, births=True)
_ITEMS: Refold[Item] = Refold(folded_card, births=False)


def blockers(
    declared: Sequence[Blocker], ledger: Ledger, queued: Sequence[Action], now: datetime
) -> tuple[Blocker, ...]:
    """Every blocker after its actions and this person's `queued` ones: declared first, then as opened.

    What did not change since the last call is the same object. A snooze that has ended by `now` is over: the
    blocker is in its `awake` state again and keeps who snoozed it, and why.
    """
    return _awake_at(_BLOCKERS(declared, ledger, queued), now)


def items(declared: Sequence[Item], ledger: Ledger, queued: Sequence[Action]) -> tuple[Item, ...]:
    """Every card after its actions and this person's `queued` ones; untouched ones are the same objects."""
    return _ITEMS(declared, ledger, queued)


class _Night(NamedTuple):
    """Blockers as folded, and what they are for every `now` in [since, until)."""

    folded: tuple[Blocker, ...]
    ends: tuple[datetime, ...]
    """When a snooze ends, in order."""
    since: datetime | None
    until: datetime | None
    result: tuple[Blocker, ...]


_nights: list[_Night] = []


def _awake_at(folded: tuple[Blocker, ...], now: datetime) -> tuple[Blocker, ...]:
    """`folded` with the snoozes that have ended by `now` over: cheap until the next one ends."""
    known = next((night for night in _nights if night.folded is folded), None)
    if known is not None and _holds(known, now):
        return known.result
    ends = known.ends if known is not None else _ends(folded)
    over = [end for end in ends if end <= now]
    result = tuple([_awoken(one) if _over(one, now) else one for one in folded]) if over else folded
    result = next((night.result for night in _nights if same(night.result, result)), result)
    until = ends[len(over)] if len(over) < len(ends) else None
    night = _Night(folded, ends, over[-1] if over else None, until, result)
    _nights[:] = [night, *(other for other in _nights if other is not known)][:ROOMS]
    return result


def _holds(night: _Night, now: datetime) -> bool:
    return (night.since is None or night.since <= now) and (night.until is None or now < night.until)


def _ends(folded: Iterable[Blocker]) -> tuple[datetime, ...]:
    return tuple(sorted(one.snoozed_until for one in folded if one.state == "snoozed" and one.snoozed_until))


def _over(blocker: Blocker, now: datetime) -> bool:
    return blocker.state == "snoozed" and blocker.snoozed_until is not None and blocker.snoozed_until <= now


@lru_cache(maxsize=4096)
def _awoken(blocker: Blocker) -> Blocker:
    return replace(blocker, state="open" if blocker.awake == "snoozed" else blocker.awake)
