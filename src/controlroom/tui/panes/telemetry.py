"""Telemetry: how many of a squad's signals are there, why the others are not, and the exit gate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import UNKNOWN_CODES, Coverage, GapCode, Gate, SignalReading, undecided
from controlroom.tui import present
from controlroom.tui.lines import column, join, line_width, text
from controlroom.tui.memo import by_identity
from controlroom.tui.panes.base import BasePane, blank_row, concerns, words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.triage_words import opened_mark
from controlroom.tui.width import cell_width

BAR = 6
"""Cells of a coverage bar."""

CODE = 13
"""Cells of a gap's code."""

TWO_LINES_BELOW = 72
"""Narrower than this, a squad has a line of its own over its gaps."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One signal, and on the first line of its squad the squad's coverage."""

    squad: str
    reading: SignalReading | None
    coverage: Coverage | None
    first: bool
    alike: int = 0
    """How many signals of the squad share this reading's unknown state."""


@by_identity(keep=2)
def by_squad(signals: tuple[SignalReading, ...]) -> dict[str, tuple[SignalReading, ...]]:
    """Squad id → its signals, as declared."""
    found: dict[str, list[SignalReading]] = {}
    for reading in signals:
        found.setdefault(reading.signal.squad, []).append(reading)
    return {squad: tuple(readings) for squad, readings in found.items()}


@by_identity(keep=2)
def gap_count(signals: tuple[SignalReading, ...]) -> tuple[int, int]:
    """Signals known not to be there, and signals nothing is known of."""
    unknown = sum(1 for reading in signals if reading.code in UNKNOWN_CODES)
    fine = sum(1 for reading in signals if reading.code in (GapCode.OK, GapCode.NOT_DECLARED))
    return len(signals) - unknown - fine, unknown


class TelemetryPane(BasePane):
    """`telemetry`."""

    id = "telemetry"
    title = "Telemetry gaps"
    kinds = ("metrics",)
    nothing = "nothing declared: add [[squads.signals]]"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        gaps, unknown = gap_count(ctx.snapshot.signals)
        if not ctx.snapshot.signals:
            return "", "dim"
        return (f"{gaps} · {unknown} unknown" if unknown else str(gaps)), "warn" if gaps else "dim"

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return snapshot.program, snapshot.signals, snapshot.coverage, snapshot.gates

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        if not snapshot.signals and not any(c.required for c in snapshot.coverage):
            return []
        rows: list[Row] = []
        whole = view.expanded or bool(view.filter.strip())
        for squad, coverage in _order(snapshot):
            if concerns((squad,), view):
                readings = by_squad(snapshot.signals).get(squad, ())
                narrow = 0 < view.width < TWO_LINES_BELOW
                for entry in _entries(squad, coverage, readings, whole):
                    rows.append(_entry_row(snapshot.program, entry, narrow))
        gates = [_gate_row(gate, snapshot.program) for gate in snapshot.gates if _gate_wanted(gate, view)]
        if rows and gates:
            rows.append(blank_row("gates"))
        return rows + gates

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        if isinstance(row.data, Entry):
            return _entry_lines(row.data, ctx)
        return (_gate_line(row.data, ctx),) if isinstance(row.data, Gate) else ()


_RANK = {"FAIL": 0, "UNKNOWN": 1, "PASS": 2, "NOT_DECLARED": 3}


def _order(snapshot: Snapshot) -> list[tuple[str, Coverage | None]]:
    """Squads with their coverage, those with known gaps first; a squad that only signals name as well."""
    found: dict[str, Coverage | None] = {coverage.squad: coverage for coverage in snapshot.coverage}
    for squad in by_squad(snapshot.signals):
        found.setdefault(squad, None)
    return sorted(found.items(), key=lambda pair: _RANK[pair[1].verdict] if pair[1] else 1)


def _entries(
    squad: str, coverage: Coverage | None, readings: Sequence[SignalReading], whole: bool
) -> list[Entry]:
    """Gaps, one to a line; signals that are all unknown for one reason share a line unless `whole`."""
    gaps = [r for r in readings if r.code not in (GapCode.OK, GapCode.NOT_DECLARED)]
    gaps.sort(key=lambda r: r.code in UNKNOWN_CODES)
    shown = [*gaps, *(r for r in readings if r.code is GapCode.OK)] if whole else gaps
    unknown = [r for r in gaps if r.code in UNKNOWN_CODES]
    entries: list[Entry] = []
    for reading in shown:
        alike = 0
        if not whole and len(unknown) > 1 and reading.code in UNKNOWN_CODES:
            if reading is not unknown[0]:
                continue
            alike = len(unknown)
        entries.append(Entry(squad, reading, coverage, not entries, alike))
    return entries or [Entry(squad, None, coverage, first=True)]


def _entry_row(program: Program, entry: Entry, narrow: bool) -> Row:
    reading = entry.reading
    name = present.squad_name(program, entry.squad)
    if reading is None:
        key, subject = f"squad:{entry.squad}", Subject("squad", entry.squad)
        said = words(name, "not declared" if entry.coverage and not entry.coverage.required else "ok")
    else:
        key, subject = f"signal:{reading.id}", Subject("signal", reading.id)
        said = words(
            name, reading.signal.metric, reading.signal.job, reading.code.value, reading.text, reading.hint
        )
    return Row(
        key=key,
        height=2 if narrow and entry.first and reading is not None else 1,
        subject=subject,
        squads=(entry.squad,) if entry.squad else (),
        text=said,
        data=entry,
    )


def bar(ok: int, required: int, width: int = BAR) -> Line:
    """``▰▰▱▱``: what is there of what is required; one cell each while they fit."""
    if required <= 0:
        return ()
    cells = min(width, required)
    full = min(cells, ok * cells // required)
    return text(Span("▰" * full, "ok"), Span("▱" * (cells - full), "down" if ok < required else "ok"))


def fraction(part: Coverage | Gate) -> str:
    """``2/3``; ``?/3`` while a signal that counts is not known, as that is no number yet."""
    return f"{'?' if undecided(part) else part.ok}/{part.required}"


def percent(part: Coverage | Gate) -> str:
    """`` 66 %``, `` ? %`` while that is not known, nothing where nothing is required."""
    return "" if part.pct is None else f" {'?' if undecided(part) else part.pct} %"


def coverage_words(coverage: Coverage) -> Line:
    """``2/3 66 % FAIL``; ``not declared`` where nothing is required, as that is not 100 %."""
    if not coverage.required:
        return (Span("not declared", "dim"),)
    look = present.VERDICT[coverage.verdict]
    waived = f", {coverage.waived} waived" if coverage.waived else ""
    return text(
        Span(f"{fraction(coverage)}{waived}", "strong"),
        Span(percent(coverage), "dim"),
        " ",
        Span(look.word + ("*" if coverage.waived else ""), look.style),
    )


def _entry_lines(entry: Entry, ctx: DrawContext) -> Iterable[Line]:
    """A gap beside its squad; under it, a little indented, in a narrow pane."""
    program = ctx.snapshot.program
    names = max((cell_width(n) for n in present.squad_names(program).values()), default=8)
    narrow = ctx.width < TWO_LINES_BELOW
    width = max(6, min(names, ctx.width - BAR - 18 if narrow else ctx.width // 4, 24))
    label = present.squad_short(program, entry.squad, width) if entry.squad else "no squad"
    style: Style = "strong" if entry.reading else "text"
    head = text(column(label if entry.first else "", width, style), " ", *_coverage(entry))
    if entry.reading is None:
        if entry.coverage is None or not entry.coverage.required:
            return (head,)
        return (text(*head, " ", *_verdict(entry.coverage)),)
    gap = _reading(entry, entry.reading, ctx)
    if not narrow:
        return (text(*head, " ", *gap),)
    under = text("  ", *gap)
    if not entry.first:
        return (under,)
    return text(*head, " ", *(_verdict(entry.coverage) if entry.coverage else ())), under


def _verdict(coverage: Coverage) -> Line:
    look = present.VERDICT[coverage.verdict]
    return (Span(f"{look.glyph} {look.word}{'*' if coverage.waived else ''}", look.style),)


def _coverage(entry: Entry) -> Line:
    """The squad's bar and numbers, as wide on every line."""
    width = BAR + 6
    if not entry.first:
        return (Span(" " * width),)
    if entry.coverage is None or not entry.coverage.required:
        return (column("not declared", width, "dim"),)
    bars = bar(entry.coverage.ok, entry.coverage.required)
    count = fraction(entry.coverage)
    blank = " " * max(0, BAR - line_width(bars))
    style: Style = "text" if entry.coverage.verdict != "FAIL" else "strong"
    return text(*bars, blank, column(count, 5, style, "right"), " ")


def _reading(entry: Entry, reading: SignalReading, ctx: DrawContext) -> Line:
    seen = present.gap_look(reading.code)
    if entry.alike:
        what = f"{entry.alike} signals {seen.word}"
        return text(Span("? ", seen.style), Span(what, seen.style), Span(f"  {reading.text}", "dim"))
    last = ""
    if reading.last_seen is not None and reading.code is not GapCode.OK:
        last = f"last seen {present.moment(reading.last_seen, ctx.now, ctx.snapshot.program.zone)}"
    return text(
        Span(f"{seen.glyph} ", seen.style),
        column(seen.word, CODE, seen.style) if reading.code is not GapCode.OK else Span(""),
        Span(reading.signal.metric, "strong" if reading.code is not GapCode.OK else "text"),
        Span(f" {reading.signal.job}" if reading.signal.job else "", "dim"),
        "  ",
        *join(
            (
                opened_mark(ctx.snapshot, f"signal:{reading.id}", ctx.now),
                (Span(present.hosts(reading.text, ctx.view), "dim"),) if reading.text else (),
                (Span(last, "dim"),) if last else (),
                (Span(reading.hint, "accent"),) if reading.hint else (),
            )
        ),
    )


def _gate_wanted(gate: Gate, view: View) -> bool:
    return concerns((coverage.squad for coverage in gate.squads), view, shared=True)


def _gate_row(gate: Gate, program: Program) -> Row:
    name = wave_name(program, gate.wave)
    return Row(
        key=f"gate:{gate.wave}",
        subject=Subject("gate", gate.wave),
        squads=tuple(coverage.squad for coverage in gate.squads),
        text=words("gate", name, gate.verdict, present.VERDICT[gate.verdict].word),
        data=gate,
    )


def wave_name(program: Program, wave: str) -> str:
    """What a wave is called."""
    return next((w.name or w.id for w in program.waves if w.id == wave), wave)


def _gate_line(gate: Gate, ctx: DrawContext) -> Line:
    look = present.VERDICT[gate.verdict]
    full = sum(1 for coverage in gate.squads if coverage.required and coverage.ok >= coverage.required)
    silent = sum(1 for coverage in gate.squads if not coverage.required)
    return text(
        Span(f"{wave_name(ctx.snapshot.program, gate.wave)} gate ", "dim"),
        Span(f"{look.glyph} {look.word}", look.style),
        *join(
            (
                (Span(percent(gate) or " ", "strong"),),
                (Span(f"squads at 100 %: {full} of {len(gate.squads)}", "dim"),) if gate.required else (),
                (Span(f"{silent} not declared", "dim"),) if silent and gate.required else (),
            ),
            Span("  "),
        ),
    )


PANE = TelemetryPane()
