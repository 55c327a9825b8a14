"""What may be done in the holding of a ritual, and by whom (domain rules, The standup)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from controlroom.domain.decide_args import Asked, No, close_to
from controlroom.domain.fold_args import LINE_LIMIT, NAME_LIMIT
from controlroom.domain.runs import (
    BOX,
    CAPTURE_KINDS,
    DRIVING,
    MINUTES,
    RUN,
    SEGMENT_KINDS,
    Key,
    Run,
    key_of,
    run_of,
    same_person,
)
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean

if TYPE_CHECKING:
    from controlroom.domain.decide import Intent

ON_RUNS = DRIVING | {"begin", "take-over", "undo"}
"""Kinds that the course of a run takes."""

ON_MINUTES = frozenset((*CAPTURE_KINDS, "undo"))
ON_BOXES = frozenset({"tick", "untick", "undo"})

KINDS_OF: Mapping[str, frozenset[str]] = {RUN: ON_RUNS, MINUTES: ON_MINUTES, BOX: ON_BOXES}
"""Prefix of an item → the kinds it takes."""


class Doing(NamedTuple):
    """What is asked of which run, by whom."""

    snapshot: Snapshot
    kind: str
    key: Key
    asked: Asked
    args: Mapping[str, Any]
    by: str
    now: datetime
    run: Run | None


def prefix_of(item: str) -> str | None:
    """The prefix that makes `item` belong to the holding of a ritual; None for any other item."""
    return next((prefix for prefix in KINDS_OF if item.startswith(prefix)), None)


def decided(doing: Doing) -> dict[str, Any]:
    """The arguments of the action, for every kind but ``undo``. Raises No."""
    known = [ritual.id for ritual in doing.snapshot.program.rituals]
    if doing.key.ritual not in known:
        near = close_to(doing.key.ritual, known)
        raise No("item", f"no ritual is called {clean(doing.key.ritual, 80)}", near)
    if doing.kind in DRIVING:
        _drives(doing)
    return _RULES[doing.kind](doing)


def doing(snapshot: Snapshot, intent: Intent, asked: Asked, by: str, now: datetime) -> Doing:
    """What `intent` asks of which run. Raises No for an item that names none."""
    key = key_of(intent.item)
    if key is None:
        wanted = clean(intent.item, 200)
        raise No("item", f"{wanted} is no holding of a ritual", "such as ritual:standup/2025-10-06")
    return Doing(snapshot, intent.kind, key, asked, intent.args, by, now, run_of(snapshot.runs, key))


def _drives(doing: Doing) -> None:
    run = doing.run
    if run is None:
        raise No("", "it has not begun", "begin it first")
    if not run.on:
        raise No("", "it is over", "undo its end to go on with it")
    if not same_person(doing.by, run.driver):
        raise No("", f"{run.driver} drives it", "ask for it to be handed over, or take it over")


def _begin(doing: Doing) -> dict[str, Any]:
    run = doing.run
    if run is not None:
        said = f"{run.driver} drives it" if run.on else "it has been held"
        raise No("", said, "follow it" if run.on else "undo its end to go on with it")
    segments = doing.args.get("segments")
    if segments is not None and not _are_segments(segments):
        raise No("segments", "the parts of the ritual cannot be read", "leave them out")
    return {**{name: value for name, value in doing.args.items() if value}, "segments": segments or []}


def _are_segments(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict)
        and one.get("kind") in SEGMENT_KINDS
        and isinstance(one.get("budget"), int | float)
        for one in value
    )


def _enter(doing: Doing) -> dict[str, Any]:
    return {"to": _segment(doing, "to")}


def _segment(doing: Doing, name: str) -> str:
    to = doing.asked.text(name, NAME_LIMIT * 2, "it is not said which part is meant", "name one")
    segments = doing.run.segments if doing.run is not None else ()
    if all(segment.id != to for segment in segments):
        raise No(name, f"it has no part {to}", close_to(to, [segment.id for segment in segments]))
    return to


def _extend(doing: Doing) -> dict[str, Any]:
    seconds = doing.args.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 3600:
        raise No("seconds", "it is not said by how much", "give 1 to 3600 seconds")
    return {"segment": _segment(doing, "segment"), "seconds": seconds}


def _skip(doing: Doing) -> dict[str, Any]:
    return {"segment": _segment(doing, "segment")}


def _hand_over(doing: Doing) -> dict[str, Any]:
    return {"to": doing.asked.text("to", NAME_LIMIT, "it is not said who is to drive", "name one person")}


def _take_over(doing: Doing) -> dict[str, Any]:
    run = doing.run
    if run is None or not run.on:
        raise No("", "it is not on", "begin it first")
    return {}


def _nothing(doing: Doing) -> dict[str, Any]:
    return {}


def _finish(doing: Doing) -> dict[str, Any]:
    return {name: value for name, value in doing.args.items() if value}


def _capture(doing: Doing) -> dict[str, Any]:
    """Anybody may write down what was said, also after the end: minutes are completed then."""
    asked = doing.asked
    found = {"text": asked.text("text", LINE_LIMIT, "there are no words in it", "write what was said")}
    for name in ("owner", "due", "squad"):
        found[name] = asked.text(name, NAME_LIMIT)
    for name in ("segment", "about"):
        found[name] = asked.text(name, NAME_LIMIT * 2)
    return found


def _tick(doing: Doing) -> dict[str, Any]:
    return {"evidence": doing.asked.text("evidence", LINE_LIMIT), "why": doing.asked.text("why", LINE_LIMIT)}


_RULES: Mapping[str, Callable[[Doing], dict[str, Any]]] = {
    "begin": _begin,
    "enter": _enter,
    "pause": _nothing,
    "continue": _nothing,
    "extend": _extend,
    "skip": _skip,
    "hand-over": _hand_over,
    "take-over": _take_over,
    "finish": _finish,
    **dict.fromkeys(CAPTURE_KINDS, _capture),
    "tick": _tick,
    "untick": _tick,
}
