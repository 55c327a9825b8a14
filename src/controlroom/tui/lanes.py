"""The board as lanes: which card stands in which lane and column, in what order.

A lane per squad, then the programme's own steps, then what no rule gives to a squad.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, timedelta

from controlroom.domain.board import COLUMNS, Item, Squad, Status
from controlroom.domain.frozen import dataclass
from controlroom.domain.program import Program
from controlroom.domain.telemetry import UNKNOWN_CODES, GapCode, SignalReading
from controlroom.domain.triage import Blocker
from controlroom.tui.memo import by_identity

PROGRAMME = "programme"
UNASSIGNED = "unassigned"

DONE_STAYS = timedelta(days=7)
"""A card stays this long in the done column; its count stays for good."""


@dataclass(frozen=True, slots=True)
class Card:
    """An item on the board. `blocker` is the oldest open blocker on it."""

    item: Item
    column: Status
    blocker: Blocker | None = None
    text: str = ""
    squads: tuple[str, ...] = ()

    @property
    def waits_on(self) -> str | None:
        """Squad whose delivery it waits for, while it waits."""
        if self.column == "done":
            return None
        return self.item.blocking_squad or (self.blocker.blocking_squad if self.blocker else None)


@dataclass(frozen=True, slots=True)
class Hold:
    """An open blocker in a lane, where no card stands for it."""

    blocker: Blocker
    text: str = ""
    squads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane. `cards` by column, each in the order it is shown; `done` counts also those that left."""

    id: str
    name: str
    squad: Squad | None = None
    focus: str = ""
    cards: Mapping[Status, tuple[Card, ...]] = field(default_factory=dict)
    done: int = 0
    blockers: int = 0
    gaps: int = 0
    regressions: int = 0
    """Its benchmarks that got worse."""
    waiting: int = 0
    """Its cards and blockers that wait on other squads; a card and the blocker on it count once."""
    holding: Mapping[str, int] = field(default_factory=dict)
    """Squads that wait on this one → how many of their cards and blockers do."""
    loose: tuple[Hold, ...] = ()
    """Its open blockers that stand on no card, the oldest first."""

    @property
    def total(self) -> int:
        """Cards on the board and those that left it done."""
        return self.done + sum(len(self.cards.get(column, ())) for column in COLUMNS if column != "done")


def oldest(blockers: Iterable[Blocker]) -> Blocker | None:
    """Of the open blockers on one card the one that stands for them; by id where ages are equal."""
    return min(blockers, key=opened, default=None)


def opened(blocker: Blocker) -> tuple[float, str]:
    """By what blockers are sorted, the oldest first; one that nobody knows the age of comes last."""
    return (blocker.opened_at.timestamp() if blocker.opened_at else float("inf")), blocker.id


@by_identity(keep=2)
def gap_counts(signals: tuple[SignalReading, ...]) -> dict[str, int]:
    """Squad id → signals that are known not to be there."""
    counts: dict[str, int] = {}
    for reading in signals:
        if reading.code not in UNKNOWN_CODES and reading.code not in (GapCode.OK, GapCode.NOT_DECLARED):
            counts[reading.signal.squad] = counts.get(reading.signal.squad, 0) + 1
    return counts


def make_card(item: Item, blocker: Blocker | None, names: Mapping[str, str]) -> Card:
    """The card of `item`, which stands as blocked while there is a `blocker` on it."""
    blocked = item.status == "blocked" or (blocker is not None and item.status != "done")
    waits = item.blocking_squad or (blocker.blocking_squad if blocker else None)
    squads = tuple(dict.fromkeys([s for s in (item.squad, item.owning_squad, waits) if s]))
    called = " ".join([*item.tags, *[names.get(squad, squad) for squad in squads]])
    text = f"{item.epic} {item.owner} {item.tasks} {item.id} {item.status_text} {called}"
    return Card(item, "blocked" if blocked else item.status, blocker, text.lower(), squads)


def make_hold(blocker: Blocker, names: Mapping[str, str]) -> Hold:
    """The entry of a blocker that no card stands for."""
    squads = tuple(dict.fromkeys(s for s in (blocker.owning_squad, blocker.blocking_squad) if s))
    said = (blocker.summary, blocker.owner, blocker.id, blocker.text, *(names.get(s, s) for s in squads))
    return Hold(blocker, " ".join(part for part in said if part).lower(), squads)


def empty_lanes(program: Program) -> Iterable[Lane]:
    """Every lane in order, without its cards."""
    for squad in program.squads:
        yield Lane(squad.id, squad.name or squad.id, squad, " · ".join(dict.fromkeys(squad.focus.values())))
    yield Lane(PROGRAMME, "Programme steps")
    yield Lane(UNASSIGNED, "Unassigned")


def column_of(card: Card) -> Status:
    """The column it stands in; what cannot be read stands where nothing has begun."""
    return card.column if card.column in COLUMNS else "not_started"


def place_in(card: Card) -> float:
    """By what a card is sorted within its column: the longest first, of done ones the latest.

    What has not begun keeps the order of its document; what has no time comes last.
    """
    column = column_of(card)
    if column == "not_started":
        return 0.0
    blocker, item = card.blocker, card.item
    at = (blocker.opened_at if blocker else None) or item.since or item.updated or item.first_seen
    if at is None:
        return float("inf")
    return -at.timestamp() if column == "done" else at.timestamp()


def stays(card: Card, now: datetime) -> bool:
    """Whether a done card is still on the board."""
    at = card.item.since or card.item.updated
    return at is None or now - at <= DONE_STAYS
