"""What hurts most: the one order in which blockers are listed, everywhere, and the reasons in words.

Open ones come before snoozed ones, snoozed ones before resolved ones. Among the open ones, the first of
these that is true of a blocker places it:

1. in breach of the four hours: the longest over first
2. due soon: the nearest to its breach first
3. its promised update is overdue: the longest overdue first
4. escalated
5. nobody wrote when it was opened: it may be older than any
6. nobody has acknowledged it
7. the rest

From 4 on, what holds up most squads (directly and through each other) comes first, then the oldest. Snoozed
ones come in the order of their return, resolved ones the latest first. What is still equal goes by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Literal, NamedTuple

from controlroom.domain import waiting
from controlroom.domain.board import Item
from controlroom.domain.instants import duration
from controlroom.domain.program import Program
from controlroom.domain.triage import SLA_BREACH, SLA_DUE_SOON, Blocker, BlockerState
from controlroom.domain.words import PLAIN, Names, utc


class Hurt(IntEnum):
    """Where a blocker stands among the others, worst first."""

    BREACH = 1
    DUE_SOON = 2
    UPDATE_LATE = 3
    ESCALATED = 4
    AGE_UNKNOWN = 5
    UNSEEN = 6
    SEEN = 7
    SNOOZED = 8
    RESOLVED = 9


Rank = tuple[int, int, float, str]
"""`Hurt`, minus the squads held up, seconds, id: smaller hurts more."""

_FOREVER = float("inf")


def state_at(blocker: Blocker, now: datetime) -> BlockerState:
    """The blocker's state at `now`: a snooze that has ended is over."""
    until = blocker.snoozed_until
    if blocker.state == "snoozed" and until is not None and until <= now:
        return blocker.awake
    return blocker.state


def hurt(blocker: Blocker, now: datetime) -> Hurt:
    """The first thing that is true of `blocker` at `now`."""
    return _place(blocker, state_at(blocker, now), now.timestamp())


def _place(blocker: Blocker, state: BlockerState, now: float) -> Hurt:
    if state == "resolved":
        return Hurt.RESOLVED
    if state == "snoozed":
        return Hurt.SNOOZED
    opened, due = blocker.opened_at, blocker.next_update_due
    if opened is not None:
        seconds = now - opened.timestamp()
        if seconds >= SLA_DUE_SOON:
            return Hurt.BREACH if seconds > SLA_BREACH else Hurt.DUE_SOON
    if due is not None and due.timestamp() < now:
        return Hurt.UPDATE_LATE
    if state == "escalated":
        return Hurt.ESCALATED
    if opened is None:
        return Hurt.AGE_UNKNOWN
    return Hurt.UNSEEN if state == "open" else Hurt.SEEN


def rank(blocker: Blocker, now: datetime, held: Mapping[str, int]) -> Rank:
    """Where `blocker` is listed at `now`. `held`: squad → squads that wait when it does, see `held_up`."""
    place = _place(blocker, state_at(blocker, now), now.timestamp())
    if place is Hurt.SNOOZED:
        return place.value, 0, _seconds(blocker.snoozed_until), blocker.id
    if place is Hurt.RESOLVED:
        return place.value, 0, -_seconds(blocker.resolved_at, -_FOREVER), blocker.id
    if place is Hurt.UPDATE_LATE:
        return place.value, 0, _seconds(blocker.next_update_due), blocker.id
    waiting_squads = held.get(blocker.owning_squad or "", 0) if place >= Hurt.ESCALATED else 0
    return place.value, -waiting_squads, _seconds(blocker.opened_at or blocker.first_seen), blocker.id


def _seconds(instant: datetime | None, otherwise: float = _FOREVER) -> float:
    return otherwise if instant is None else instant.timestamp()


def moves_at(blocker: Blocker, now: datetime) -> float:
    """The next moment (seconds of the epoch, `now` included) at which it may stand elsewhere by itself."""
    present = now.timestamp()
    moments = [at.timestamp() for at in (blocker.next_update_due, blocker.snoozed_until) if at is not None]
    if blocker.opened_at is not None:
        opened = blocker.opened_at.timestamp()
        moments += (opened + SLA_DUE_SOON, opened + SLA_BREACH)
    return min((at for at in moments if at >= present), default=_FOREVER)


def held_up(edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Squad → how many squads are held up when it is: itself and all that wait on it.

    An edge is (waiter, blocker).
    """
    behind: dict[str, set[str]] = {}
    squads: set[str] = set()
    for waiter, blocker in edges:
        behind.setdefault(blocker, set()).add(waiter)
        squads |= {waiter, blocker}
    return {squad: len(_behind(behind, squad)) for squad in squads}


def _behind(behind: Mapping[str, set[str]], squad: str) -> set[str]:
    seen, todo = {squad}, [squad]
    while todo:
        for waiter in behind.get(todo.pop(), ()):
            if waiter not in seen:
                seen.add(waiter)
                todo.append(waiter)
    return seen


def ranked(
    blockers: Sequence[Blocker],
    now: datetime,
    items: Sequence[Item] = (),
    program: Program | None = None,
) -> tuple[Blocker, ...]:
    """`blockers` with what hurts most at `now` first.

    Cards (`items`) and declared dependencies (of `program`, which also knows how squads are called) wait on
    squads too.
    """
    edges = waiting.edges(items, blockers, program)
    held = held_up((edge.waiter, edge.blocker) for edge in edges)
    return tuple(sorted(blockers, key=lambda blocker: rank(blocker, now, held)))


ReasonKind = Literal[
    "breach",
    "due_soon",
    "update_late",
    "update_due",
    "escalated",
    "age_unknown",
    "unseen",
    "seen",
    "waiting",
    "eta_late",
    "snoozed",
    "resolved",
]


class Reason(NamedTuple):
    """Why a blocker stands where it does, in words: ``by 1h 01m``; with its `kind` it makes a sentence."""

    kind: ReasonKind
    word: str
    """``BREACH``, ``due soon``, ``no update``."""
    text: str = ""
    """What belongs to the word: ``by 1h 01m``, ``in 23m``, ``since 12m``."""

    def __str__(self) -> str:
        return f"{self.word} {self.text}".strip()


def reasons(
    blocker: Blocker, now: datetime, held: Mapping[str, int], names: Names = PLAIN
) -> tuple[Reason, ...]:
    """Every reason that is true of `blocker` at `now`, the one that places it first."""
    state = state_at(blocker, now)
    if state == "resolved":
        return (_resolved(blocker, now),)
    if state == "snoozed":
        return (_snoozed(blocker, now, names),)
    found = [*_clock(blocker, now), *_update(blocker, now)]
    if state == "escalated":
        found.append(Reason("escalated", "escalated"))
    if blocker.opened_at is None:
        bound = blocker.first_seen
        least = f"at least {duration((now - bound).total_seconds())}" if bound is not None else ""
        found.append(Reason("age_unknown", "age unknown", least))
    if state == "open":
        found.append(Reason("unseen", "not acknowledged"))
    elif state == "acknowledged":
        by = blocker.acknowledged_by
        found.append(Reason("seen", "acknowledged", f"by {names.person(by)}" if by else ""))
    return (*_placing_first(found), *_also(blocker, now, held))


def _placing_first(found: list[Reason]) -> list[Reason]:
    """An update that is still ahead places nothing: it comes after what does."""
    return [*(r for r in found if r.kind != "update_due"), *(r for r in found if r.kind == "update_due")]


def _clock(blocker: Blocker, now: datetime) -> Iterable[Reason]:
    if blocker.opened_at is None:
        return
    seconds = (now - blocker.opened_at).total_seconds()
    if seconds > SLA_BREACH:
        yield Reason("breach", "BREACH", f"by {duration(seconds - SLA_BREACH)}")
    elif seconds >= SLA_DUE_SOON:
        yield Reason("due_soon", "due soon", f"in {duration(SLA_BREACH - seconds)}")


def _update(blocker: Blocker, now: datetime) -> Iterable[Reason]:
    due = blocker.next_update_due
    if due is None:
        return
    left = (due - now).total_seconds()
    if left < 0:
        yield Reason("update_late", "update overdue", f"by {duration(-left)}")
    else:
        yield Reason("update_due", "update", f"in {duration(left)}")


def _also(blocker: Blocker, now: datetime, held: Mapping[str, int]) -> Iterable[Reason]:
    squads = held.get(blocker.owning_squad or "", 0)
    if squads > 1:
        yield Reason("waiting", f"{squads} squads wait")
    if blocker.eta is not None and blocker.eta < now:
        yield Reason("eta_late", "eta passed", f"{duration((now - blocker.eta).total_seconds())} ago")


def _snoozed(blocker: Blocker, now: datetime, names: Names) -> Reason:
    until = blocker.snoozed_until
    when = "" if until is None else names.instant(until) if names.instant else utc(until, now)
    ritual = names.ritual(blocker.snooze_ritual) if blocker.snooze_ritual else ""
    returns = " ".join(part for part in (f"returns at {ritual}" if ritual else "returns", when) if part)
    parts = [returns if ritual or when else "until somebody wakes it"]
    if blocker.snoozed_by:
        parts.append(f"snoozed by {names.person(blocker.snoozed_by)}")
    said = ", ".join(parts)
    return Reason("snoozed", "snoozed", f"{said}: {blocker.snooze_why}" if blocker.snooze_why else said)


def _resolved(blocker: Blocker, now: datetime) -> Reason:
    at = blocker.resolved_at
    ago = "" if at is None else f"{duration((now - at).total_seconds())} ago"
    return Reason("resolved", "resolved", ": ".join(part for part in (ago, blocker.mitigation) if part))
