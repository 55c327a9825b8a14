"""Exit gates: how much of what they promised squads deliver, and whether a wave may exit on it.

A required signal passes once it has been delivered, or waived, for the hold time without a break. What is not
known never passes, waived or not (domain rules, Telemetry gaps).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from controlroom.domain.frozen import dataclass
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.telemetry import (
    QUALITY_CODES,
    UNDECIDED_CODES,
    Coverage,
    GapCode,
    Gate,
    SignalReading,
    Verdict,
    reading_id,
)
from controlroom.domain.text import slug

if TYPE_CHECKING:
    from controlroom.domain.board import Squad
    from controlroom.domain.signals import Signal
    from controlroom.domain.waivers import Waiver
    from controlroom.domain.waves import Wave

Standing = Literal["passing", "holding", "waived", "waived holding", "failing", "unknown"]
"""How one required signal stands before the gate."""


@dataclass(frozen=True, slots=True)
class Stand:
    """One required signal before the gate. `holds_at`: when it passes, if nothing happens until then.

    `lapses_at`: when the waiver ends without which it would not stand so.
    """

    standing: Standing
    holds_at: datetime | None = None
    lapses_at: datetime | None = None


def delivered(reading: SignalReading, rules: GateRules) -> bool | None:
    """Whether `reading` counts as delivered; None while nobody can say."""
    code = reading.code
    if code in UNDECIDED_CODES:
        return None
    if code != "OK" and code not in QUALITY_CODES:
        return False
    # One gap in quality is told; another one beside it may be the one that fails.
    if any(found in rules.fail_codes for found in (code, *reading.also)):
        return False
    # What would fail it and could not be looked for leaves it undecided.
    return None if any(unchecked in rules.fail_codes for unchecked in reading.unchecked) else True


def beside(reading: SignalReading, rules: GateRules) -> tuple[tuple[GapCode, ...], tuple[GapCode, ...]]:
    """What decides beside the code that `reading` tells: further gaps that fail a gate, and those that would
    fail it and could not be looked for."""
    if delivered(reading, rules) is None:
        return (), tuple(code for code in reading.unchecked if code in rules.fail_codes)
    told = reading.code in rules.fail_codes
    return (() if told else tuple(code for code in reading.also if code in rules.fail_codes)), ()


def stand(reading: SignalReading | None, waiver: Waiver | None, rules: GateRules, now: datetime) -> Stand:
    """How a required signal stands at `now`. `reading` None: nobody has looked for it."""
    given = delivered(reading, rules) if reading is not None else None
    if reading is None or given is None:
        return Stand("unknown")
    excused = waiver is not None and waiver.at <= now < waiver.until
    if not given and not excused:
        return Stand("failing")
    since = reading.since if given else None
    lapses_at = None
    if excused and waiver is not None and (since is None or waiver.at < since):
        alone = since + timedelta(seconds=rules.hold) if since is not None else None
        since, lapses_at = waiver.at, waiver.until if alone is None or waiver.until < alone else None
    holds_at = (since or now) + timedelta(seconds=rules.hold)
    if now < holds_at:
        return Stand("holding" if given else "waived holding", holds_at, lapses_at)
    return Stand("passing" if given else "waived", lapses_at=lapses_at)


def promised(squad: Squad) -> Iterator[Signal]:
    """Everything `squad` promised, topics among it, each once."""
    every = (*squad.signals, *(topic.signal for topic in squad.topics))
    yield from {reading_id(signal): signal for signal in every}.values()


def required_of(squad: Squad) -> Iterator[Signal]:
    """What of it `squad` owes for the exit."""
    return (signal for signal in promised(squad) if signal.required_for_exit)


def coverage(
    squads: Iterable[Squad],
    readings: Iterable[SignalReading],
    rules: GateRules,
    now: datetime,
    waivers: Mapping[str, Waiver] | None = None,
) -> tuple[Coverage, ...]:
    """One Coverage per squad, in their order, of the signals required for exit.

    A signal nobody has read is unknown, never absent. `waivers` are those that count, by reading id.
    """
    known = {reading.id: reading for reading in readings}
    return tuple(_coverage(squad, known, rules, now, waivers or {}) for squad in squads)


def _coverage(
    squad: Squad,
    known: Mapping[str, SignalReading],
    rules: GateRules,
    now: datetime,
    waivers: Mapping[str, Waiver],
) -> Coverage:
    ids = [reading_id(signal) for signal in required_of(squad)]
    stands = [stand(known.get(id_), waivers.get(id_), rules, now) for id_ in ids]
    count: dict[Standing, int] = {}
    for one in stands:
        count[one.standing] = count.get(one.standing, 0) + 1
    ok = count.get("passing", 0) + count.get("holding", 0)
    waived = count.get("waived", 0) + count.get("waived holding", 0)
    holding = count.get("holding", 0) + count.get("waived holding", 0)
    unknown, failing = count.get("unknown", 0), count.get("failing", 0)
    verdict: Verdict = "FAIL" if failing else "UNKNOWN" if unknown or holding else "PASS"
    return Coverage(
        squad.id,
        ok,
        len(ids),
        percent(ok, len(ids)),
        verdict if ids else "NOT_DECLARED",
        waived,
        unknown,
        holding,
        max((one.holds_at for one in stands if one.holds_at), default=None),
        min((one.lapses_at for one in stands if one.lapses_at), default=None),
    )


def percent(ok: int, required: int) -> int | None:
    """``floor(100 · ok / required)``; None where nothing is required, as that is no percentage."""
    return 100 * ok // required if required else None


def undecided(part: Coverage | Gate) -> bool:
    """Whether a signal that counts is not known, so that nobody can say how many are there."""
    return part.unknown > 0


def lapses_first(part: Coverage | Gate | Stand) -> datetime | None:
    """When a waiver ends that it rests on, where that is before its hold time is over: it will not pass."""
    if part.lapses_at is None or part.holds_at is None or part.lapses_at >= part.holds_at:
        return None
    return part.lapses_at


def gate(
    wave: Wave,
    coverage: Sequence[Coverage],
    squad_of: Callable[[str], str | None] | None = None,
    unread: str = "",
) -> Gate:
    """Whether `wave` may exit: every one of its squads delivers every signal it owes.

    A document may list a wave's squads under any of their names: `squad_of` gives the id for a name.

    A wave that lists no squads is judged by every squad that declares a required signal. Where nothing at
    all is required the gate is NOT_DECLARED; where some squads owe signals and another of the wave has
    declared none, that one fails it, as its dashboards would stay empty.

    `unread` is what is wrong with a document that has never been read: it may list squads of a wave that
    lists none, which then does not pass.
    """
    by_squad = {part.squad: part for part in coverage}
    if wave.squads:
        known = squad_of or slug
        squads = (squad if squad in by_squad else known(squad) or squad for squad in wave.squads)
        parts = tuple(
            by_squad.get(squad, Coverage(squad, 0, 0, None, "NOT_DECLARED"))
            for squad in dict.fromkeys(squads)
        )
    else:
        parts = tuple(part for part in coverage if part.required)
    ok, required = sum(part.ok for part in parts), sum(part.required for part in parts)
    verdicts = {part.verdict for part in parts}
    verdict: Verdict
    if not required:
        verdict = "NOT_DECLARED"
    elif verdicts & {"FAIL", "NOT_DECLARED"}:
        verdict = "FAIL"
    else:
        verdict = "UNKNOWN" if "UNKNOWN" in verdicts else "PASS"
    why = unread if verdict == "PASS" and not wave.squads else ""
    return Gate(
        wave.id,
        "UNKNOWN" if why else verdict,
        ok,
        required,
        percent(ok, required),
        parts,
        sum(part.waived for part in parts),
        sum(part.unknown for part in parts),
        sum(part.holding for part in parts),
        max((part.holds_at for part in parts if part.holds_at), default=None),
        why,
        min((part.lapses_at for part in parts if part.lapses_at), default=None),
    )
