"""Lines of one benchmark below its squad's signals: what it measures, how it stands, the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controlroom.domain.benchmarks import BenchmarkReading, Verdict
from controlroom.domain.frozen import dataclass
from controlroom.domain.snapshot import Snapshot
from controlroom.tui import present
from controlroom.tui.lines import column, line_width, text
from controlroom.tui.memo import by_identity
from controlroom.tui.panes.base import words
from controlroom.tui.panes.signal_lines import CODE, INDENT, ONE_LINE_FROM
from controlroom.tui.panes.telemetry_lines import Part, fitted, label
from controlroom.tui.rows import DrawContext, Line, Row, Span, Subject, View
from controlroom.tui.triage_words import on_this_clock, opened_mark

LOOKS: Mapping[Verdict, present.Look] = {
    "regression": present.Look("✖", "REGRESSION", "down"),
    "unknown": present.Look("?", "UNKNOWN", "unknown"),
    "old": present.Look("?", "OLD", "unknown"),
    "young": present.Look("◐", "young", "dim"),
    "better": present.Look("●", "better", "ok"),
    "ok": present.Look("●", "ok", "ok"),
}
"""Worst first."""

_RANK = {verdict: place for place, verdict in enumerate(LOOKS)}


@dataclass(frozen=True, slots=True)
class Measured:
    """A benchmark as a row shows it."""

    reading: BenchmarkReading
    labelled: bool = False
    """It says whose it is, as its squad's line may be filtered out."""

    def height(self, *, tall: bool) -> int:
        """Lines it takes; what is well or too young needs no second."""
        return 2 if tall and not self.reading.quiet and self.reading.verdict != "young" else 1


@by_identity(keep=2)
def by_squad(readings: tuple[BenchmarkReading, ...]) -> dict[str, tuple[BenchmarkReading, ...]]:
    """Squad → its benchmarks, the worst first; those of nobody under the empty name."""
    found: dict[str, list[BenchmarkReading]] = {}
    for reading in sorted(readings, key=lambda one: _RANK[one.verdict]):
        found.setdefault(reading.squad or "", []).append(reading)
    return {squad: tuple(theirs) for squad, theirs in found.items()}


@by_identity(keep=2)
def regressions(readings: tuple[BenchmarkReading, ...]) -> dict[str, int]:
    """Squad → how many of its benchmarks are regressions."""
    found: dict[str, int] = {}
    for reading in readings:
        if reading.verdict == "regression":
            found[reading.squad or ""] = found.get(reading.squad or "", 0) + 1
    return found


def regression_count(snapshot: Snapshot, squad: str | None = None) -> int:
    """How many regressions there are; those of `squad` alone where one is given."""
    counts = regressions(snapshot.benchmarks)
    return sum(counts.values()) if squad is None else counts.get(squad, 0)


def all_quiet(snapshot: Snapshot, view: View) -> bool:
    """Whether no benchmark is to be shown."""
    return not (view.expanded or view.filter.strip()) and all(one.quiet for one in snapshot.benchmarks)


def measured(snapshot: Snapshot, squad: str, *, whole: bool, labelled: bool) -> tuple[Measured, ...]:
    """The benchmarks of `squad` that are shown; `whole`: those too that are well."""
    theirs = by_squad(snapshot.benchmarks).get(squad, ())
    return tuple(Measured(reading, labelled) for reading in theirs if whole or not reading.quiet)


def measured_row(entry: Measured, snapshot: Snapshot, *, tall: bool) -> Row:
    """Its row."""
    reading = entry.reading
    name = present.squad_name(snapshot.program, reading.squad) if reading.squad else ""
    return Row(
        key=f"benchmark:{reading.id}",
        height=entry.height(tall=tall),
        subject=Subject("benchmark", reading.id),
        squads=(reading.squad,) if reading.squad else (),
        text=words(name, "benchmark", reading.name, reading.verdict, reading.text),
        data=entry,
    )


def measured_lines(entry: Measured, height: int, ctx: DrawContext) -> Sequence[Line]:
    """A benchmark in one line, or in two: what it is, then the numbers."""
    reading = entry.reading
    look = LOOKS[reading.verdict]
    prefix = text(label(reading.squad or "", ctx), " ") if entry.labelled else (Span(INDENT),)
    width = ctx.width - line_width(prefix)
    quiet = reading.quiet or reading.verdict == "young"
    padded = width >= ONE_LINE_FROM - 8
    word = column(look.word, CODE, look.style) if padded else Span(f"{look.word} ", look.style)
    head = text(Span(f"{look.glyph} ", look.style), word, Span(reading.name, "text" if quiet else "strong"))
    mark = Part("blocker", opened_mark(ctx.snapshot, f"benchmark:{reading.id}", ctx.now))
    said, left_out = (
        Part("reason", (Span(spoken(reading, ctx), "dim"),)),
        Part("left out", _left_out(reading)),
    )
    began = Part("began", _since(reading, ctx))
    if height == 1:
        parts = (Part("head", head), mark, left_out, began, said)
        return (text(*prefix, *fitted(parts, ("began", "left out", "reason"), width, Span("  "))),)
    above = fitted((Part("head", head), mark), ("blocker",), width, Span("  "))
    under = INDENT + INDENT
    below = fitted((said, began, left_out), ("began", "left out"), ctx.width - len(under))
    return text(*prefix, *above), text(under, *below)


def spoken(reading: BenchmarkReading, ctx: DrawContext) -> str:
    """What is said of it, times on the clock of the room."""
    return present.hosts(on_this_clock(reading.text, ctx.snapshot.program, ctx.now), ctx.view)


def _since(reading: BenchmarkReading, ctx: DrawContext) -> Line:
    if reading.since is None:
        return ()
    return (Span(f"since {present.moment(reading.since, ctx.now, ctx.snapshot.program.zone)}", "dim"),)


def _left_out(reading: BenchmarkReading) -> Line:
    return (Span(f"▲ {len(reading.skipped)} left out", "warn"),) if reading.skipped else ()
