"""The board as lanes: which card stands in which lane and column, in what order.

A lane per squad, then the programme's own steps, then what no rule gives to a squad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controlroom.domain.board import COLUMNS, Item, Squad, Status
from controlroom.domain.program import Program
from controlroom.domain.telemetry import UNKNOWN_CODES, GapCode, SignalReading
from controlroom.domain.triage import Blocker
from controlroom.tui import present
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import Row

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

    @property
    def total(self) -> int:
        """Cards on the board and those that left it done."""
        return self.done + sum(len(self.cards.get(column, ())) for column in COLUMNS if column != "done")


@by_identity(keep=2)
def open_blockers(blockers: tuple[Blocker, ...]) -> dict[str, Blocker]:
    """Item id → its oldest open blocker."""
    found: dict[str, Blocker] = {}
    for blocker in blockers:
        if blocker.item is None or blocker.state == "resolved":
            continue
        known = found.get(blocker.item)
        if known is None or _opened(blocker) < _opened(known):
            found[blocker.item] = blocker
    return found


def _opened(blocker: Blocker) -> float:
    return blocker.opened_at.timestamp() if blocker.opened_at else float("inf")


@by_identity(keep=2)
def gap_counts(signals: tuple[SignalReading, ...]) -> dict[str, int]:
    """Squad id → signals that are known not to be there."""
    counts: dict[str, int] = {}
    for reading in signals:
        if reading.code not in UNKNOWN_CODES and reading.code not in (GapCode.OK, GapCode.NOT_DECLARED):
            counts[reading.signal.squad] = counts.get(reading.signal.squad, 0) + 1
    return counts


@by_identity(keep=2)
def blocker_counts(blockers: tuple[Blocker, ...]) -> dict[str, int]:
    """Squad id → open blockers that hold its work up."""
    counts: dict[str, int] = {}
    for blocker in blockers:
        if blocker.state != "resolved" and blocker.owning_squad:
            counts[blocker.owning_squad] = counts.get(blocker.owning_squad, 0) + 1
    return counts


_made: dict[int, tuple[object, Card]] = {}
"""Cards by the identity of their item, from the last board: what did not change is not made again."""


@by_identity(keep=4)
def cards(program: Program, items: tuple[Item, ...], blockers: tuple[Blocker, ...]) -> tuple[Card, ...]:
    """Every item as a card, in the order of the items."""
    blocking = open_blockers(blockers)
    names = present.squad_names(program)
    made = []
    for item in items:
        blocker = blocking.get(item.id)
        known = _made.get(id(item))
        if (
            known is None
            or known[0] is not names
            or known[1].item is not item
            or known[1].blocker is not blocker
        ):
            known = names, _card(item, blocker, names)
        made.append(known)
    # The programme's few steps must not drive out the cards of the squads.
    if len(items) > len(_made) // 2:
        _made.clear()
    _made.update((id(card.item), (names, card)) for names, card in made)
    return tuple(card for _, card in made)


def _card(item: Item, blocker: Blocker | None, names: Mapping[str, str]) -> Card:
    blocked = item.status == "blocked" or (blocker is not None and item.status != "done")
    waits = item.blocking_squad or (blocker.blocking_squad if blocker else None)
    squads = tuple(dict.fromkeys(s for s in (item.squad, item.owning_squad, waits) if s))
    said = (item.epic, item.owner, item.tasks, item.id, item.status_text, *item.tags)
    text = " ".join(part for part in (*said, *(names.get(squad, squad) for squad in squads)) if part)
    return Card(item, "blocked" if blocked else item.status, blocker, text.lower(), squads)


def lanes(
    program: Program,
    items: tuple[Item, ...],
    steps: tuple[Item, ...],
    blockers: tuple[Blocker, ...],
    signals: tuple[SignalReading, ...],
    *,
    keep: Callable[[Row], bool] | None = None,
    now: datetime,
) -> list[Lane]:
    """All lanes. With `keep` (a filter) only matching cards, and only lanes that match or have one."""
    by_lane: dict[str, list[Card]] = {squad.id: [] for squad in program.squads}
    known = set(by_lane)
    by_lane[PROGRAMME] = list(cards(program, steps, blockers))
    by_lane[UNASSIGNED] = []
    for card in cards(program, items, blockers):
        squad = card.item.squad
        by_lane[squad if squad in known and squad is not None else UNASSIGNED].append(card)
    blocked, gaps = blocker_counts(blockers), gap_counts(signals)
    made = []
    for id_, squad_, name in _names(program):
        here = by_lane[id_]
        lane_row = Row(key="", text=name.lower(), squads=(id_,) if squad_ else ())
        kept = here if keep is None else [c for c in here if keep(Row(key="", text=c.text, squads=c.squads))]
        wanted = bool(kept) or (squad_ is not None and (keep is None or keep(lane_row)))
        if wanted:
            lane = Lane(
                id_, name, squad_, _focus(squad_), blockers=blocked.get(id_, 0), gaps=gaps.get(id_, 0)
            )
            made.append(_filled(lane, kept, now))
    return made


def _names(program: Program) -> Iterable[tuple[str, Squad | None, str]]:
    for squad in program.squads:
        yield squad.id, squad, squad.name or squad.id
    yield PROGRAMME, None, "Programme steps"
    yield UNASSIGNED, None, "Unassigned"


def _focus(squad: Squad | None) -> str:
    return " · ".join(dict.fromkeys(squad.focus.values())) if squad else ""


def _filled(lane: Lane, here: Iterable[Card], now: datetime) -> Lane:
    columns: dict[Status, list[Card]] = {column: [] for column in COLUMNS}
    done = 0
    for card in here:
        if card.column != "done":
            columns[card.column if card.column in columns else "not_started"].append(card)
            continue
        done += 1
        at = card.item.since or card.item.updated
        if at is None or now - at <= DONE_STAYS:
            columns["done"].append(card)
    columns["in_progress"].sort(key=_began)
    columns["blocked"].sort(key=_began)
    columns["done"].sort(key=_began, reverse=True)
    return Lane(
        lane.id,
        lane.name,
        lane.squad,
        lane.focus,
        {column: tuple(found) for column, found in columns.items()},
        done,
        lane.blockers,
        lane.gaps,
    )


def _began(card: Card) -> float:
    """Seconds by which a column is sorted; a card whose time is not known comes last in any column."""
    blocker, item = card.blocker, card.item
    at = (blocker.opened_at if blocker else None) or item.since or item.updated or item.first_seen
    return at.timestamp() if at else (float("-inf") if card.column == "done" else float("inf"))
