"""Lines of squads in the telemetry pane: how much of what they promised is there; and lines that fit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from controlroom.domain.frozen import dataclass
from controlroom.domain.gates import lapses_first, undecided
from controlroom.domain.telemetry import Coverage, Gate
from controlroom.tui import gate_words, present, trends
from controlroom.tui.lines import column, join, line_width, text
from controlroom.tui.rows import DrawContext, Line, Span, Style
from controlroom.tui.width import cell_width

BAR = 6
"""Cells of a coverage bar."""

SAID = frozenset({"since", "reason", "hint", "waived"})
"""Parts that can be understood from their beginning."""

READABLE = 24
"""Cells of a part worth beginning although it will be cut off."""


@dataclass(frozen=True, slots=True)
class SquadEntry:
    """A squad and how much of what it promised is there."""

    squad: str
    coverage: Coverage | None
    signals: int
    """Signals it declares, required or not."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Squads that need nobody's eye, together on one line."""

    squads: tuple[str, ...]
    declared: bool
    """They deliver everything they owe; else they have promised nothing."""


class Part(NamedTuple):
    """A piece of a line that can be left out where there is no room."""

    name: str
    line: Line


def fitted(parts: Sequence[Part], drops: Sequence[str], width: int, separator: Span | None = None) -> Line:
    """The parts beside each other in `width` cells; what does not fit is left out in the order of `drops`.

    Before a part of `SAID` is left out, the last one is cut off, where enough of it can still be read.
    """
    kept = [part for part in parts if part.line]
    for name in (*drops, ""):
        line = join((part.line for part in kept), separator)
        if line_width(line) <= width or (name in SAID and _readable(kept, line, width)):
            return line
        kept = [part for part in kept if part.name != name]
    return join((part.line for part in kept), separator)


def _readable(parts: Sequence[Part], line: Line, width: int) -> bool:
    """Whether enough is left of the last part where the line is cut off at `width`."""
    if not parts:
        return False
    whole = line_width(parts[-1].line)
    return parts[-1].name in SAID and width - line_width(line) + whole >= min(whole, READABLE)


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


def coverage_words(coverage: Coverage, now: datetime) -> Line:
    """``2/3 66 % ✖ FAIL``, ``85 % (6/7, 1 waived) ✓ PASS*``, ``3/3 100 % ◐ holding, passes in 7m``.

    ``not declared`` where nothing is required, as that is not 100 %.
    """
    return join((_numbers(coverage), _verdict(coverage, now)), Span(" "))


def _numbers(coverage: Coverage) -> Line:
    if not coverage.required:
        return ()
    if coverage.waived:
        waived = Span(f" ({fraction(coverage)}, {coverage.waived} waived)")
        return text(Span(percent(coverage).strip(), "strong"), waived)
    return text(Span(fraction(coverage), "strong"), Span(percent(coverage), "dim"))


def _verdict(coverage: Coverage, now: datetime) -> Line:
    if not coverage.required:
        return (Span("- not declared", "dim"),)
    if gate_words.holding(coverage) and coverage.holds_at is not None:
        return holding_words(coverage.holds_at, now, lapses_first(coverage))
    return gate_words.verdict_words(coverage)


def holding_words(holds_at: datetime, now: datetime, lapses_at: datetime | None = None) -> Line:
    """``◐ holding, passes in 7m``, or that a waiver ends before."""
    look = present.STANDING["holding"]
    soon = f"passes in {gate_words.left(holds_at, now)}" if holds_at > now else "passes now"
    if lapses_at is not None:
        soon = f"but a waiver ends in {gate_words.left(lapses_at, now)}"
    return text(Span(f"{look.glyph} {look.word}, {soon}", look.style))


def label_width(ctx: DrawContext) -> int:
    """Cells of squads' names."""
    names = max((cell_width(n) for n in present.squad_names(ctx.snapshot.program).values()), default=8)
    return max(6, min(names, ctx.width // 3, 24))


def label(squad: str, ctx: DrawContext) -> Span:
    """A squad's name, as wide on every line."""
    width = label_width(ctx)
    if not squad:
        return column("no squad", width, "strong")
    return column(present.squad_short(ctx.snapshot.program, squad, width), width, "strong")


def squad_line(entry: SquadEntry, ctx: DrawContext) -> Line:
    """A squad's bar, numbers, verdict and trend."""
    named = Part("name", (label(entry.squad, ctx),))
    coverage = entry.coverage
    if coverage is None or not coverage.required:
        said = (
            "nothing is required for the exit" if entry.signals else "- not declared" if entry.squad else ""
        )
        return fitted((named, Part("said", (Span(said, "dim"),))), (), ctx.width, Span(" "))
    bars = bar(coverage.ok, coverage.required)
    parts = (
        named,
        Part("bar", text(*bars, " " * (BAR - line_width(bars)))),
        Part("numbers", _columns(coverage)),
        Part("verdict", _verdict(coverage, ctx.now)),
        Part("trend", trends.spark(trends.of_squad(ctx.snapshot.status, entry.squad))),
    )
    return fitted(parts, ("trend", "bar", "numbers"), ctx.width, Span(" "))


def _columns(coverage: Coverage) -> Line:
    """The numbers, those of squads without a waiver below each other."""
    if coverage.waived:
        return _numbers(coverage)
    style: Style = "strong" if coverage.verdict == "FAIL" else "text"
    return text(
        column(fraction(coverage), 5, style, "right"), column(percent(coverage).strip(), 6, "dim", "right")
    )


def quiet_line(quiet: Quiet, ctx: DrawContext) -> Line:
    """``✓ 12 squads deliver everything: Quay, …``."""
    count = f"{len(quiet.squads)} squad{'s' if len(quiet.squads) != 1 else ''}"
    names = ", ".join(present.squad_name(ctx.snapshot.program, squad) for squad in quiet.squads)
    if quiet.declared:
        return text(Span("✓ ", "ok"), f"{count} at 100 %", Span(f"  {names}", "dim"))
    return text(Span(f"- {count} not declared", "dim"), Span(f"  {names}", "dim"))
