"""`controlroom gate`: whether waves may exit, on which signals, and who excused what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from controlroom.domain.gate_fold import unread_documents
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.gates import Stand, beside, lapses_first, required_of, stand, undecided
from controlroom.domain.instants import duration, maybe, render
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot, SourceKind
from controlroom.domain.telemetry import Coverage, Gate, SignalReading, reading_id
from controlroom.domain.waivers import Waiver, counting
from controlroom.headless.problems import ATTENTION, FINE, UNREACHABLE

JUDGED_BY: tuple[SourceKind, ...] = ("metrics", "documents", "services")
"""Sources without which a gate cannot be known to pass, where they are asked at all."""


class _Stood(NamedTuple):
    """One required signal, what was seen of it, how it stands, and who excused it."""

    signal: Signal
    reading: SignalReading | None
    standing: Stand
    waiver: Waiver | None


def fraction(part: Coverage | Gate) -> str:
    """``6/7 85%``; ``?/7`` while not all of it is known, as that is no number yet."""
    return f"?/{part.required}" if undecided(part) else f"{part.ok}/{part.required} {part.pct}%"


def verdict(part: Coverage | Gate) -> str:
    """``PASS``, ``PASS*`` where a waiver made it so, ``NOT DECLARED``."""
    return part.verdict.replace("_", " ") + ("*" if part.verdict == "PASS" and part.waived else "")


def coverage_line(part: Coverage, now: datetime) -> str:
    """``policy 85% (6/7, 1 waived) PASS*``, ``policy ?/7 UNKNOWN``, or that nothing is declared."""
    if part.pct is None:
        return f"{part.squad} not declared"
    waived = f" ({part.waived} waived)" if part.waived else ""
    return f"{part.squad} {fraction(part)}{waived} {verdict(part)}{holding(part, now)}"


def holding(part: Coverage | Gate, now: datetime) -> str:
    """Why the verdict waits although nothing is wrong: ``, holding: 2 signals pass in 7m``."""
    if not part.holding or part.verdict != "UNKNOWN" or part.holds_at is None:
        return ""
    if ends := lapses_first(part):
        left = duration(max(0.0, (ends - now).total_seconds()))
        return f", holding: a waiver ends in {left}, before it passes"
    left = duration(max(0.0, (part.holds_at - now).total_seconds()))
    signals = "1 signal passes" if part.holding == 1 else f"{part.holding} signals pass"
    return f", holding: {signals} in {left}"


def coverage_entry(part: Coverage) -> dict[str, Any]:
    """One squad's coverage; `pct` is null where nothing is required."""
    return {
        "squad": part.squad,
        "ok": part.ok,
        "required": part.required,
        "pct": part.pct,
        "verdict": part.verdict,
        "waived": part.waived,
        "unknown": part.unknown,
        "holding": part.holding,
        "holds_at": maybe(part.holds_at),
        "lapses_at": maybe(part.lapses_at),
    }


def gate_entry(gate: Gate) -> dict[str, Any]:
    """One gate, as it stands in `gate --json` and in `snapshot --json`."""
    return {
        "wave": gate.wave,
        "verdict": gate.verdict,
        "ok": gate.ok,
        "required": gate.required,
        "pct": gate.pct,
        "waived": gate.waived,
        "unknown": gate.unknown,
        "holding": gate.holding,
        "holds_at": maybe(gate.holds_at),
        "lapses_at": maybe(gate.lapses_at),
        "why": gate.why or None,
        "squads": [coverage_entry(part) for part in gate.squads],
    }


def waiver_entry(waiver: Waiver, now: datetime) -> dict[str, Any]:
    """One waiver, over or not."""
    state = "queued" if waiver.pending else "counts" if waiver.counts(now) else "over"
    return {
        "signal": waiver.signal,
        "who": waiver.who,
        "why": waiver.why,
        "at": render(waiver.at),
        "until": render(waiver.until),
        "state": state,
        "ending": waiver.ending,
        "id": waiver.action,
    }


def as_json(
    snapshot: Snapshot, rules: GateRules, now: datetime, gates: Sequence[Gate] | None = None
) -> dict[str, Any]:
    """The document of `gate --json`, of all gates or of some."""
    shown = snapshot.gates if gates is None else gates
    return {
        "gates": [gate_entry(gate) for gate in shown],
        "hold_s": rules.hold,
        "fail_codes": list(rules.fail_codes),
        "signals": [_signal(*one) for one in _stands(snapshot, rules, now, shown)],
        "waivers": [waiver_entry(waiver, now) for waiver in snapshot.waivers],
        "unread": list(unread_documents(snapshot)),
    }


def _signal(
    signal: Signal, reading: SignalReading | None, standing: Stand, waiver: Waiver | None
) -> dict[str, Any]:
    return {
        "id": reading_id(signal),
        "squad": signal.squad,
        "metric": signal.metric or None,
        "job": signal.job,
        "topic": signal.topic,
        "code": "UNKNOWN" if reading is None else reading.code.value,
        "text": "not asked yet" if reading is None else reading.text,
        "also": [] if reading is None else [code.value for code in reading.also],
        "unchecked": [] if reading is None else [code.value for code in reading.unchecked],
        "since": maybe(reading.since) if reading is not None else None,
        "since_or_before": reading is not None and reading.or_before,
        "standing": standing.standing,
        "holds_at": maybe(standing.holds_at),
        "lapses_at": maybe(standing.lapses_at),
        "waiver": waiver.action if waiver is not None else None,
    }


def _stands(snapshot: Snapshot, rules: GateRules, now: datetime, gates: Sequence[Gate]) -> Iterator[_Stood]:
    """Every required signal of the squads of `gates`, and how it stands."""
    squads = {part.squad for gate in gates for part in gate.squads}
    known = {reading.id: reading for reading in snapshot.signals}
    given = counting(snapshot.waivers, now)
    for squad in snapshot.program.squads:
        if squad.id in squads:
            for signal in required_of(squad):
                id_ = reading_id(signal)
                reading, waiver = known.get(id_), given.get(id_)
                yield _Stood(signal, reading, stand(reading, waiver, rules, now), waiver)


def as_text(snapshot: Snapshot, rules: GateRules, now: datetime, gates: Sequence[Gate] | None = None) -> str:
    """A line per wave, one per squad below it, and below that what keeps it from passing."""
    shown = snapshot.gates if gates is None else gates
    by_squad: dict[str, list[str]] = {}
    for one in _stands(snapshot, rules, now, shown):
        if one.standing.standing != "passing":
            by_squad.setdefault(one.signal.squad, []).append(f"    {_stand_line(one, rules, now)}")
    lines = []
    for gate in shown:
        count = f" {fraction(gate)}" if gate.pct is not None else ""
        why = f": {gate.why}" if gate.why else ""
        lines.append(f"{gate.wave} {verdict(gate)}{count}{holding(gate, now)}{why}")
        for part in gate.squads:
            lines += [f"  {coverage_line(part, now)}", *by_squad.get(part.squad, ())]
    return "\n".join(lines or ["no waves are declared: add [[waves]]"]) + "\n"


def _stand_line(one: _Stood, rules: GateRules, now: datetime) -> str:
    signal, reading, standing, waiver = one
    code = "UNKNOWN" if reading is None else reading.code.value
    where = f" (job {signal.job})" if signal.job else ""
    parts = [f"{code} {signal.title}{where}"]
    if reading is not None and reading.text and code != "OK":
        parts.append(reading.text)
    if reading is not None:
        also, unread = beside(reading, rules)
        parts += [f"also {code}" for code in also]
        parts += [f"{code} could not be looked for" for code in unread]
    if waiver is not None:
        why = f": {waiver.why}" if waiver.why else ""
        parts.append(f"waived until {render(waiver.until)} by {waiver.who}{why}")
    if ends := lapses_first(standing):
        parts.append(f"the waiver ends in {duration((ends - now).total_seconds())}, before it passes")
    elif standing.holds_at is not None:
        parts.append(f"passes in {duration((standing.holds_at - now).total_seconds())}")
    return " · ".join(parts)


def waivers_as_text(snapshot: Snapshot, now: datetime) -> str:
    """Every waiver that was given and not taken back, a line each."""
    lines = []
    for waiver in snapshot.waivers:
        entry = waiver_entry(waiver, now)
        said = {"counts": "counts", "over": "is over", "queued": "waits in the outbox"}[entry["state"]]
        lines.append(f"{waiver.signal} until {entry['until']} by {waiver.who}: {waiver.why} ({said})")
    unread = "the triage log has not been read" if snapshot.ledger is None else "no waivers"
    return "\n".join(lines or [unread]) + "\n"


def exit_code(snapshot: Snapshot, gates: Sequence[Gate] | None = None) -> int:
    """0 only when every gate passes and all it rests on could be read.

    1 when one is known to fail, or nothing is declared that could pass; else 3: nobody can say. So it is for
    all gates together (`gates` None) while a document is unread, which may declare further waves.
    """
    shown = snapshot.gates if gates is None else gates
    verdicts = {gate.verdict for gate in shown}
    if not shown or verdicts & {"FAIL", "NOT_DECLARED"}:
        return ATTENTION
    unread = gates is None and any(unread_documents(snapshot))
    return UNREACHABLE if "UNKNOWN" in verdicts or unread or _unread(snapshot) else FINE


def unread(snapshot: Snapshot) -> tuple[str, ...]:
    """What is wrong with each document of which nothing could be read."""
    read = any(source.kind == "documents" and source.read_at for source in snapshot.sources)
    return tuple(unread_documents(snapshot)) if read else ()  # a source that fails as a whole is told as such


def _unread(snapshot: Snapshot) -> bool:
    return any(
        source.error or source.read_at is None for source in snapshot.sources if source.kind in JUDGED_BY
    )
