"""Telemetry: how many of a squad's signals are there, why the others are not, and the exit gates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from controlroom.domain.remember import remember
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import UNKNOWN_CODES, Gate, SignalReading
from controlroom.tui import gate_words, present
from controlroom.tui.lines import join, text
from controlroom.tui.memo import by_identity
from controlroom.tui.panes.base import BasePane, blank_row, concerns, words
from controlroom.tui.panes.benchmark_lines import Measured, all_quiet, measured_lines, regression_count
from controlroom.tui.panes.gate_lines import gate_line, wave_name
from controlroom.tui.panes.signal_lines import Entry, entry_lines
from controlroom.tui.panes.telemetry_lines import Quiet, SquadEntry, quiet_line, squad_line
from controlroom.tui.panes.telemetry_rows import FINE, blocks, form_for, squad_rows
from controlroom.tui.panes.waves import assessed
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View


@by_identity(keep=2)
def gap_count(signals: tuple[SignalReading, ...]) -> tuple[int, int]:
    """Signals known not to be there, and signals nothing is known of."""
    unknown = sum(1 for reading in signals if reading.code in UNKNOWN_CODES)
    fine = sum(1 for reading in signals if reading.code in FINE)
    return len(signals) - unknown - fine, unknown


@by_identity(keep=2)
def _of(signals: tuple[SignalReading, ...], squad: str | None) -> tuple[SignalReading, ...]:
    """The signals of `squad`, of everybody where it is None."""
    return signals if squad is None else tuple(r for r in signals if r.signal.squad == squad)


def waived_count(snapshot: Snapshot, now: datetime, squad: str | None = None) -> int:
    """Gaps that a waiver excuses at `now`; of `squad` alone where one is given."""
    known = gate_words.by_id(snapshot.signals)
    return sum(
        1
        for waiver in snapshot.waivers
        if waiver.counts(now)
        and (reading := known.get(waiver.signal)) is not None
        and squad in (None, reading.signal.squad)
        and reading.code not in UNKNOWN_CODES
        and reading.code not in FINE
    )


class Trouble(NamedTuple):
    """What a Prometheus complains of, or why nothing can be known of what it has."""

    source: str
    title: str
    error: str
    since: datetime | None
    warnings: tuple[str, ...]


@remember
def troubles(sources: tuple[SourceStatus, ...]) -> tuple[Trouble, ...]:
    """Of the servers that metrics are asked of, those that fail or warn."""
    return tuple(
        Trouble(source.id, source.title or source.id, source.error or "", source.error_since, source.warnings)
        for source in sources
        if source.kind == "metrics" and (source.error or source.warnings)
    )


class TelemetryPane(BasePane):
    """`telemetry`."""

    id = "telemetry"
    title = "Telemetry gaps"
    kinds = ("metrics", "benchmarks")
    nothing = "nothing declared: add [[squads.signals]]"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        squad = ctx.view.focus_squad
        worse = regression_count(ctx.snapshot, squad)
        slow = [f"{worse} regression{'s' if worse != 1 else ''}"] if worse else []
        if not ctx.snapshot.signals:
            return "".join(slow), "warn" if worse else "dim"
        gaps, unknown = gap_count(_of(ctx.snapshot.signals, squad))
        waived = waived_count(ctx.snapshot, ctx.now, squad)
        said = [str(gaps - waived)]
        said += [f"{waived} waived"] if waived else []
        said += [f"{unknown} unknown"] if unknown else []
        return " · ".join(said + slow), "warn" if gaps > waived or worse else "dim"

    def edge(self, ctx: DrawContext) -> Line:
        """How old it is, and that a server had something to say besides."""
        warnings = sum(len(trouble.warnings) for trouble in troubles(ctx.snapshot.sources))
        said = f"▲ {warnings} warning{'s' if warnings != 1 else ''}" if warnings else ""
        return join(((Span(said, "warn"),) if said else (), super().edge(ctx)))

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (
            snapshot.program,
            snapshot.signals,
            snapshot.coverage,
            snapshot.gates,
            snapshot.waivers,
            snapshot.benchmarks,
            troubles(snapshot.sources),
        )

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        promised = snapshot.signals or any(c.required for c in snapshot.coverage)
        if not promised and (not snapshot.benchmarks or all_quiet(snapshot, view)):
            return []
        now = present.present_moment(snapshot, view)
        first = [_trouble_row(trouble) for trouble in troubles(snapshot.sources)]
        gates = _gate_rows(snapshot, view, now)
        shown = [block for block in blocks(snapshot, view, now) if concerns((block.squad.squad,), view)]
        used = len(first) + len(gates.before) + len(gates.after)
        form = form_for(shown, view, used)
        squads = list(squad_rows(shown, form, snapshot))
        lines = used + sum(row.height for row in squads)
        airy = (
            not view.height or view.expanded or lines + bool(gates.before) + bool(gates.after) <= view.height
        )
        return [
            *first,
            *gates.before,
            *([blank_row("squads")] if airy and gates.before and squads else []),
            *squads,
            *([blank_row("gates")] if airy and gates.after and (squads or gates.before) else []),
            *gates.after,
        ]

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        data = row.data
        if isinstance(data, Entry):
            return entry_lines(data, row.height, ctx)
        if isinstance(data, Measured):
            return measured_lines(data, row.height, ctx)
        if isinstance(data, SquadEntry):
            return (squad_line(data, ctx),)
        if isinstance(data, Quiet):
            return (quiet_line(data, ctx),)
        if isinstance(data, Trouble):
            return (trouble_line(data, ctx),)
        return (gate_line(data, ctx),) if isinstance(data, Gate) else ()


# What is above and below them


class GateRows(NamedTuple):
    """`before` the squads: waves that are on, or without dates; `after` them: to come, and over."""

    before: list[Row]
    after: list[Row]


def _gate_rows(snapshot: Snapshot, view: View, now: datetime) -> GateRows:
    program = snapshot.program
    phases = assessed(program, present.today(now, program))
    found = GateRows([], [])
    for gate in snapshot.gates:
        if concerns((coverage.squad for coverage in gate.squads), view, shared=True):
            phase = phases[gate.wave].phase if gate.wave in phases else "unknown"
            row = _gate_row(gate, snapshot)
            (found.after if phase in ("planned", "ended") else found.before).append(row)
    return found


def _gate_row(gate: Gate, snapshot: Snapshot) -> Row:
    return Row(
        key=f"gate:{gate.wave}",
        subject=Subject("gate", gate.wave),
        squads=tuple(coverage.squad for coverage in gate.squads),
        text=words(
            "gate",
            wave_name(snapshot.program, gate.wave),
            gate.verdict,
            present.VERDICT[gate.verdict].word,
            "holding" if gate_words.holding(gate) else "",
        ),
        data=gate,
        ticks=gate_words.holding(gate),
    )


def _trouble_row(trouble: Trouble) -> Row:
    said = trouble.error or " ".join(trouble.warnings)
    return Row(
        key=f"source:{trouble.source}",
        subject=Subject("source", trouble.source),
        text=words("source", trouble.title, "unreachable" if trouble.error else "warning", said),
        data=trouble,
    )


def trouble_line(trouble: Trouble, ctx: DrawContext) -> Line:
    """``? prom unreachable since 13:40: …``, or what it warns of."""
    if trouble.error:
        zone = ctx.snapshot.program.zone
        since = f" since {present.moment(trouble.since, ctx.now, zone)}" if trouble.since else ""
        said = f"? {trouble.title} unreachable{since}"
        return text(Span(said, "unknown"), Span(f"  {present.hosts(trouble.error, ctx.view)}"))
    more = f" and {len(trouble.warnings) - 1} more" if len(trouble.warnings) > 1 else ""
    warned = present.hosts(trouble.warnings[0], ctx.view)
    return text(Span(f"▲ {trouble.title} warns{more}", "warn"), Span(f"  {warned}"))


PANE = TelemetryPane()
