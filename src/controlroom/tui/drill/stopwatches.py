"""The stopwatch of a service in a drill, as it is shown."""

from __future__ import annotations

from collections.abc import Iterator

from controlroom.domain.drill import Drill
from controlroom.domain.drill_watch import Stopwatch
from controlroom.tui import present
from controlroom.tui.lines import column, join, text, wrap
from controlroom.tui.rows import Line, Span, Style
from controlroom.tui.width import cell_width

NAME = 18
"""Cells of a service's name at most."""


def clocked(seconds: float) -> str:
    """``04:12``, ``1:04:12``."""
    whole = max(0, int(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def lines_of(watch: Stopwatch, drill: Drill, width: int) -> list[Line]:
    """One service: what it is, its stopwatch, and how that stands to the RTO."""
    look = present.HEALTH[watch.now]
    names = [cell_width(one.name) for one in drill.watches]
    head = text(
        Span(f"{look.glyph} ", look.style),
        column(watch.name, min(NAME, max(names))),
        Span(" "),
        column(look.word, 9, look.style),
    )
    lines = list(wrap(text(head, *join(timed(watch, on=drill.run.on))), width, 4))
    return lines + ([*wrap((Span(f"    {watch.why}", "warn"),), width, 4)] if watch.why else [])


def timed(watch: Stopwatch, *, on: bool) -> Iterator[Line]:
    """What the stopwatch says, piece by piece; `on`: the drill is."""
    rto = f"of {clocked(watch.rto)}" if watch.rto else ""
    if watch.broken_at is None:
        if watch.watched == "all":
            yield (Span("steady" if on else "never broken", "dim"),)
        else:
            yield (Span("not measured", "unknown"),)
        if rto:
            yield (Span(f"RTO {clocked(watch.rto or 0)}", "dim"),)
        return
    bound = f"{watch.recovery_bound} " if watch.recovery_bound else ""
    if watch.recovered_at is None:
        style: Style = "breach" if watch.verdict == "over" else "down"
        yield text(Span(f"broken {bound}{clocked(watch.running or 0)}", style), Span(f" {rto}", "dim"))
        if watch.verdict == "over":
            yield (Span("OVER the RTO", "breach"),)
    else:
        yield text(Span(f"recovered in {bound}{clocked(watch.recovery or 0)}", "ok"), Span(f" {rto}", "dim"))
        verdicts: dict[str, Span] = {
            "within": Span("within", "ok"),
            "over": Span("OVER the RTO", "breach"),
            "not known": Span("not known whether within", "unknown"),
        }
        if watch.verdict in verdicts:
            yield (verdicts[watch.verdict],)
    if watch.detection is not None:
        early = f"{watch.detection_bound} " if watch.detection_bound else ""
        yield text(Span("seen after ", "dim"), Span(f"{early}{clocked(watch.detection)}"))
    if watch.flaps:
        yield (Span(f"broke again {watch.flaps}×", "warn"),)
