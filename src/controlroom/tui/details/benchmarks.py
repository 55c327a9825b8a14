"""Details of a benchmark: its numbers as a chart, the rule they were judged by, where they come from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

from controlroom.domain.benchmarks import BenchmarkReading, Result, amounts, number, percent, rule_words
from controlroom.domain.instants import duration
from controlroom.tui import present
from controlroom.tui.details.base import Sheet
from controlroom.tui.details.blockers import opened_about
from controlroom.tui.history import history
from controlroom.tui.lines import column, text
from controlroom.tui.panes.benchmark_lines import LOOKS
from controlroom.tui.rows import Line, Span, Style
from controlroom.tui.triage_words import on_this_clock
from controlroom.tui.width import cell_width

BARS = 28
"""Cells of the longest bar."""

SHOWN = 14
"""Results that are drawn, the latest; a fortnight of nights."""

ADVICE = {
    "regression": "find what changed since the last good result; {new} opens a blocker from it",
    "young": "nothing: it is compared once there are enough results before it",
    "old": "see whether the nightly job still runs: no result has come for too long",
    "unknown": "mend what is said above: until then nothing is known of it",
    "better": "nothing: it is better than it was",
    "ok": "nothing: it is as it was",
}


def benchmark(sheet: Sheet, id_: str) -> bool:
    """A declared benchmark: how it stands, since when, its results, and what to do."""
    reading = next((one for one in sheet.snapshot.benchmarks if one.id == id_), None)
    if reading is None:
        return False
    sheet.title = reading.name
    look = LOOKS[reading.verdict]
    sheet.fact("state", text(Span(f"{look.glyph} {look.word}", look.style)))
    said = on_this_clock(reading.text, sheet.snapshot.program, sheet.now)
    sheet.fact("reason", present.hosts(said, sheet.view))
    sheet.fact("since", sheet.when(reading.since))
    sheet.fact("measured", sheet.when(reading.last.at) if reading.last is not None else "never")
    sheet.fact("squad", sheet.squad(reading.squad))
    sheet.each(_heading(reading), _chart(sheet, reading))
    sheet.each("Left out", ((Span(present.hosts(one, sheet.view), "warn"),) for one in reading.skipped))
    opened_about(sheet, f"benchmark:{reading.id}")
    sheet.section("How it is judged")
    sheet.fact("rule", rule_words(reading))
    sheet.fact("too old after", duration(reading.rule.max_age))
    _source(sheet, reading)
    sheet.each("History", history(sheet.snapshot, f"benchmark:{reading.id}", sheet.now, sheet.view))
    sheet.next(ADVICE[reading.verdict].format(new=sheet.view.key("blocker.new")))
    return True


def _source(sheet: Sheet, reading: BenchmarkReading) -> None:
    """Where the last result stands, and how its time is known."""
    if reading.server is not None:
        sheet.fact("asked for", "its value at the last whole hour, and at the same time of each day before")
        sheet.fact("server", reading.server)
        sheet.each("Query", ((Span(present.hosts(reading.where, sheet.view), "accent"),),))
        return
    sheet.fact("files", reading.where)
    if reading.last is not None:
        place, _, dated = reading.last.source.partition(" · ")
        sheet.fact("last result", text(place, Span(f"  {dated}", "dim")))
        sheet.link(place, place)


def _heading(reading: BenchmarkReading) -> str:
    more = len(reading.results) - SHOWN
    return "Results, the newest below" + (f"; {more} older ones are not shown" if more > 0 else "")


def _chart(sheet: Sheet, reading: BenchmarkReading) -> Iterator[Line]:
    """A line each: when, how much, a bar from nothing to the largest; the median below them."""
    shown = list(islice(reversed(reading.results), SHOWN))[::-1]
    if not shown:
        return
    values = [one.value for one in shown]
    if reading.median is not None:
        values.append(reading.median)
    said = amounts(values, reading.unit)
    zone = sheet.snapshot.program.zone
    when = [present.moment(one.at, sheet.now, zone) for one in shown]
    wide = max(map(cell_width, [*when, "median"]))
    broad = max(map(cell_width, said))
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    for one, at, amount in zip(shown, when, said, strict=False):
        yield text(
            column(at, wide, "dim"),
            "  ",
            column(amount, broad, "text", "right"),
            "  ",
            Span(_bar(one.value, largest), _style(one, reading)),
        )
    if reading.median is not None:
        yield text(
            column("median", wide, "dim"),
            "  ",
            column(said[-1], broad, "text", "right"),
            "  ",
            Span(_bar(reading.median, largest, "░"), "dim"),
            Span(f"  usually within {_usual(reading)}" if reading.usual else "", "dim"),
        )


def _usual(reading: BenchmarkReading) -> str:
    assert reading.median is not None
    assert reading.usual is not None
    if not reading.median:
        return f"{number(reading.usual)} {reading.unit}".rstrip()
    return percent(reading.usual / abs(reading.median))


def _bar(value: float, largest: float, block: str = "█") -> str:
    """A bar as long as the value is large, of one cell at least unless it is nothing; none for no number."""
    if not largest or not math.isfinite(value):
        return ""
    return block * max(1 if value else 0, round(abs(value) / largest * BARS))


def _style(result: Result, reading: BenchmarkReading) -> Style:
    if reading.since is not None and result.at >= reading.since:
        return "down"
    return "accent"
