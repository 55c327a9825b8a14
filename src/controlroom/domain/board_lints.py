"""Lints of the board: what is wrong with cards and blockers, each with the place to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from controlroom.domain import waiting
from controlroom.domain.board import Item
from controlroom.domain.lints import Lint, Severity
from controlroom.domain.program import Program
from controlroom.domain.status_text import read_status
from controlroom.domain.text import clean, slug
from controlroom.domain.triage import Blocker

CROSS_SQUAD = "cross_squad"

Squads = frozenset[str]
"""Ids of the declared squads."""


def lints(program: Program, items: Sequence[Item], blockers: Sequence[Blocker]) -> tuple[Lint, ...]:
    """Every finding about `items` and `blockers`, items first, in their order."""
    squads = frozenset(squad.id for squad in program.squads)
    open_blockers = [blocker for blocker in blockers if blocker.state != "resolved"]
    held = {blocker.item: blocker for blocker in open_blockers if blocker.item}
    found: list[Lint] = []
    first: dict[str, Item] = {}
    for item in items:
        found += _item(squads, item, held.get(item.id))
        if first.setdefault(item.id, item) is not item:
            where = _where(first[item.id])
            found.append(_of(item, "X010", f"the id {item.id} is also that of the card at {where}", "error"))
    for blocker in open_blockers:
        found += _blocker(squads, blocker)
    return (*found, *_cycles(items, open_blockers))


def _of(item: Item, code: str, message: str, severity: Severity = "warning") -> Lint:
    pointer = None if item.path else f"/items/{item.id.replace('~', '~0').replace('/', '~1')}"
    return Lint(code, clean(message), severity, item.path, item.line, pointer, item.id)


def _where(item: Item) -> str:
    return f"{item.path}:{item.line}" if item.path else item.epic


def _item(squads: Squads, item: Item, held_by: Blocker | None) -> Iterator[Lint]:
    yield from _crossing(squads, item)
    if item.status_text:
        said = _said(item.status_text)
        if "X008" in said:
            yield _of(item, "X008", f'glyph and word disagree in "{item.status_text}": the word counts')
        if "X009" in said:
            yield _of(item, "X009", f'a broken character (U+FFFD) in "{item.status_text}": the word counts')
    if item.status == "done" and held_by is not None:
        message = (
            f"{item.epic} is done, and {held_by.summary} still holds it up: resolve it or reopen the card"
        )
        yield _of(item, "X011", message, "error")
    if item.status == "in_progress" and not _single(item):
        owners = " and ".join(item.owners) or "nobody"
        yield _of(item, "X012", f"{item.epic} is in progress without a single owner: {owners}; name one")


@lru_cache(maxsize=4096)
def _said(status_text: str) -> tuple[str, ...]:
    return read_status(status_text).lints


def _single(item: Item) -> bool:
    return len(item.owners) == 1 and not slug(item.owners[0]).startswith("all_")


def _crossing(squads: Squads, item: Item) -> Iterator[Lint]:
    """X001–X004: a dependency across squads names two squads that exist and differ."""
    if CROSS_SQUAD in map(slug, item.tags):
        if not item.owning_squad:
            yield _of(item, "X001", f"{item.epic} is tagged cross-squad: say whose work it holds up", "error")
        if not item.blocking_squad:
            yield _of(
                item, "X002", f"{item.epic} is tagged cross-squad: say whose delivery it waits on", "error"
            )
    if item.owning_squad and item.owning_squad == item.blocking_squad:
        yield _of(item, "X003", f"{item.epic}: {item.owning_squad} cannot wait on itself", "error")
    for squad in _unknown(squads, item.squad, item.owning_squad, item.blocking_squad):
        yield _of(item, "X004", f"{item.epic} names the squad {squad}, which is not declared", "error")
    if item.squad is None and squads:
        owner = f"the owner {item.owner}" if item.owner else "no owner"
        message = (
            f"{item.epic} is in lane Unassigned: {owner} tells no squad; add the owner to a squad's owners"
        )
        yield _of(item, "X004", message)


def _unknown(squads: Squads, *named: str | None) -> list[str]:
    """Without declared squads no name can be called unknown."""
    return sorted({squad for squad in named if squad and squad not in squads}) if squads else []


def _blocker(squads: Squads, blocker: Blocker) -> Iterator[Lint]:
    def found(code: str, message: str) -> Lint:
        id_ = blocker.id.replace("~", "~0").replace("/", "~1")
        in_file = bool(blocker.source and blocker.line)
        return Lint(
            code,
            clean(message),
            "error" if code in ("X003", "X004") else "warning",
            blocker.source,
            blocker.line,
            None if in_file else f"/blockers/{id_}",
            blocker.id,
        )

    if not blocker.owner:
        yield found("X005", f"{blocker.summary} has no owner: say who drives it")
    if blocker.owning_squad and blocker.owning_squad == blocker.blocking_squad:
        yield found("X003", f"{blocker.summary}: {blocker.owning_squad} cannot wait on itself")
    for squad in _unknown(squads, blocker.owning_squad, blocker.blocking_squad):
        yield found("X004", f"{blocker.summary} names the squad {squad}, which is not declared")


def _cycles(items: Sequence[Item], blockers: Sequence[Blocker]) -> Iterator[Lint]:
    """X014 for squads: each waits on the next, and the last on the first. No card can be named."""
    for cycle in waiting.cycles(waiting.edges(items, blockers)):
        text = " → ".join((*cycle, cycle[0]))
        yield Lint(
            "X014", f"squads wait on each other: {text}", "warning", pointer=f"/waiting/{'+'.join(cycle)}"
        )
