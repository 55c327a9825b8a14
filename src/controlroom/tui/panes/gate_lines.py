"""Exit gates: a line per wave that says whether it may exit, and if not, what keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from controlroom.domain.gates import Stand, lapses_first, required_of, undecided
from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import Coverage, Gate, SignalReading, reading_id
from controlroom.tui import gate_words, present, trends
from controlroom.tui.lines import line_width, text
from controlroom.tui.memo import by_identity
from controlroom.tui.panes.telemetry_lines import Part, fitted, percent
from controlroom.tui.rows import DrawContext, Line, Span, View

NAMED = 2
"""Waived signals that are named on a gate's line; the rest are counted."""


class Owed(NamedTuple):
    """One signal that a squad owes for the exit, and how it stands before the gate."""

    title: str
    reading: SignalReading | None
    """None: nobody has looked for it."""
    stand: Stand


@by_identity(keep=2)
def by_squad(signals: tuple[SignalReading, ...]) -> dict[str, tuple[SignalReading, ...]]:
    """Squad id → its signals, as declared."""
    found: dict[str, list[SignalReading]] = {}
    for reading in signals:
        found.setdefault(reading.signal.squad, []).append(reading)
    return {squad: tuple(readings) for squad, readings in found.items()}


def owed(snapshot: Snapshot, squad: str, now: datetime) -> Iterator[Owed]:
    """Everything that `squad` owes for the exit, as declared."""
    known = by_squad(snapshot.signals).get(squad, ())
    for reading in known:
        if reading.signal.required_for_exit:
            yield Owed(reading.signal.title, reading, gate_words.stand_of(snapshot, reading, now))
    read = {reading.id for reading in known}
    declared = next((s for s in snapshot.program.squads if s.id == squad), None)
    for signal in required_of(declared) if declared is not None else ():
        if reading_id(signal) not in read:
            yield Owed(signal.title, None, Stand("unknown"))


def failing(part: Coverage | Gate) -> int:
    """Signals that count and are known not to be there, without a waiver."""
    return max(0, part.required - part.ok - part.waived - part.unknown)


def wave_name(program: Program, wave: str) -> str:
    """What a wave is called."""
    return next((w.name or w.id for w in program.waves if w.id == wave), wave)


def gate_line(gate: Gate, ctx: DrawContext) -> Line:
    """``Wave A gate ✖ FAIL 83 %  squads at 100 %: 4 of 6 · identity policy_x DISAPPEARED +2``."""
    head = text(
        Span(f"{wave_name(ctx.snapshot.program, gate.wave)} gate ", "dim"),
        *gate_words.verdict_words(gate),
        Span("" if gate_words.holding(gate) else percent(gate), "strong"),
    )
    full = sum(1 for part in gate.squads if part.required and part.ok >= part.required)
    counted = f"squads at 100 %: {full} of {len(gate.squads)}"
    parts = (
        Part("full", (Span(counted, "dim"),) if gate.required and not undecided(gate) else ()),
        *(Part("why", line) for line in _why(gate, ctx)),
        Part("trend", trends.spark(trends.of_wave(ctx.snapshot.status, gate.wave))),
    )
    return text(*head, "  ", *fitted(parts, ("trend", "full"), ctx.width - line_width(head) - 2))


def _why(gate: Gate, ctx: DrawContext) -> Iterator[Line]:
    """What the verdict rests on, what matters most first."""
    silent = [part.squad for part in gate.squads if not part.required]
    if gate.verdict == "FAIL":
        yield _first_failing(gate, ctx)
        if silent:
            yield (Span(_silent(silent, ctx.snapshot.program), "warn"),)
    elif gate_words.holding(gate) and gate.holds_at is not None:
        yield holding_line(gate.holds_at, ctx.snapshot, ctx.now, lapses_first(gate))
    elif gate.why:
        yield (Span(gate.why, "unknown"),)
    elif gate.verdict == "UNKNOWN":
        yield (Span(f"{gate.unknown} of {gate.required} signals are not known", "unknown"),)
    if gate.waived:
        yield _waived(gate, ctx)


def holding_line(
    holds_at: datetime, snapshot: Snapshot, now: datetime, lapses_at: datetime | None = None
) -> Line:
    """``holding, passes 14:05 if nothing happens``, or that a waiver ends before."""
    if lapses_at is not None:
        ends = present.moment(lapses_at, now, snapshot.program.zone)
        return (Span(f"holding, but a waiver ends {ends}, before it passes", "warn"),)
    when = present.moment(holds_at, now, snapshot.program.zone) if holds_at > now else "now"
    return (Span(f"holding, passes {when} if nothing happens", "accent"),)


def _first_failing(gate: Gate, ctx: DrawContext) -> Line:
    """A signal that keeps the wave in, of the squad that lacks most, and how many more do."""
    program, more = ctx.snapshot.program, failing(gate) - 1
    for part in sorted(filter(failing, gate.squads), key=lambda part: part.pct or 0):
        for title, reading, stand in owed(ctx.snapshot, part.squad, ctx.now):
            if stand.standing == "failing" and reading is not None:
                look = present.gap_look(reading.code, ctx.snapshot.gate_rules.fail_codes)
                name = present.squad_short(program, part.squad, 16)
                return text(
                    Span(f"{name} ", "dim"),
                    Span(title, "strong"),
                    Span(f" {look.word}", look.style),
                    Span(f" +{more}" if more > 0 else "", "strong"),
                )
    return (Span(f"{more + 1} signals fail", "down"),) if more >= 0 else ()


def _silent(squads: list[str], program: Program) -> str:
    named = present.squad_name(program, squads[0])
    return f"{named} declares nothing" if len(squads) == 1 else f"{len(squads)} squads declare nothing"


def _waived(gate: Gate, ctx: DrawContext) -> Line:
    """``waived: policy_x until Fri 15:00 by Ada``."""
    named: list[str] = []
    for part in gate.squads:
        for title, reading, stand in owed(ctx.snapshot, part.squad, ctx.now) if part.waived else ():
            if reading is not None and stand.standing in ("waived", "waived holding"):
                named.append(f"{title} {_by_whom(reading, ctx.snapshot, ctx.now, ctx.view)}")
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return (Span(f"waived: {', '.join(named[:NAMED])}{more}", "maintenance"),) if named else ()


def _by_whom(reading: SignalReading, snapshot: Snapshot, now: datetime, view: View) -> str:
    waiver = gate_words.counting(snapshot, reading.id, now)
    if waiver is None:
        return ""
    who = present.person(waiver.who, view)
    until = gate_words.until_words(waiver.until, now, snapshot.program.zone)
    return f"until {until}{f' by {who}' if who else ''}"
