"""What a standup says of itself: its parts, its clock, streaks, and the bar under the header. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import floor
from typing import NamedTuple

from controlroom.domain.carry import Carried
from controlroom.domain.program import Program
from controlroom.domain.rituals import SegmentKind
from controlroom.domain.runs import CaptureKind, Run, Segment
from controlroom.domain.standup import Clock, Tone, clock
from controlroom.domain.text import clean
from controlroom.tui import present
from controlroom.tui.lines import crop_line, join, line_width, text
from controlroom.tui.rows import Line, Span, Style, View
from controlroom.tui.standup.course import drives, squads_left
from controlroom.tui.width import crop

TITLES: Mapping[SegmentKind, str] = {
    "changes": "Changes",
    "blockers": "Blockers",
    "squad": "Squad",
    "telemetry": "Gaps and gate",
    "decisions": "Decisions",
    "buffer": "Buffer",
}

TONES: Mapping[Tone, Style] = {"ok": "strong", "amber": "warn", "over": "breach"}

CAPTURES: Mapping[CaptureKind, tuple[str, str]] = {
    "decision": ("Decision", "Decisions"),
    "task": ("Action item", "Action items"),
    "park": ("Parked", "Parked"),
    "note": ("Note", "Notes"),
}
"""What one is called, and several, in the order in which they are read back."""


class Seat(NamedTuple):
    """Who looks, and how."""

    by: str
    view: View
    follows: bool = False
    """Nothing can be done from here."""


def called(segment: Segment, program: Program) -> str:
    """The name of a part; a squad's is the squad's."""
    if segment.kind == "squad" and segment.squad:
        return present.squad_name(program, segment.squad)
    return TITLES[segment.kind]


def minutes(seconds: float) -> str:
    """``00:41``; floor, whatever the sign."""
    whole = floor(abs(seconds))
    return f"{whole // 60:02d}:{whole % 60:02d}"


def spent(found: Clock) -> Line:
    """``00:41 of 01:00``, and by how much it is over."""
    style = TONES[found.tone]
    over = f" +{minutes(found.left)}" if found.tone == "over" else ""
    return text(
        Span(minutes(found.spent), style),
        Span(" of ", "dim"),
        Span(minutes(found.budget), style),
        Span(over, style),
    )


def total(found: Clock) -> Line:
    """What is left of the whole."""
    if found.total_left < 0:
        return (Span(f"+{minutes(found.total_left)} over in all", "breach"),)
    return (Span(f"{minutes(found.total_left)} left in all"),)


def ordinal(count: int) -> str:
    """``3rd``."""
    ending = "th" if 10 <= count % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending}"


def streak(found: Carried) -> str:
    """``3rd time, unchanged``."""
    time = f"{ordinal(found.standups)} time"
    if found.unchanged == 0:
        return f"{time}, decided today"
    if found.unchanged >= found.standups:
        return f"{time}, unchanged"
    if found.unchanged == 1:
        return f"{time}, changed since the last"
    return f"{time}, unchanged for {found.unchanged}"


def bar(run: Run, program: Program, now: datetime, seat: Seat, width: int) -> Line:
    """Which part, its clock, what is left, who drives: in at most `width` cells, the clock always."""
    found = clock(run, now)
    if found is None:
        return (Span("the standup is over", "dim"),)
    place = f"{run.place + 1}/{len(run.segments)}"
    name = clean(called(found.segment, program), 48)
    line: Line = ()
    for form in range(6):
        line = _bar(run, found, (place, name), seat, form)
        if line_width(line) <= width:
            return line
    return crop_line(line, width)


def _bar(run: Run, found: Clock, named: tuple[str, str], seat: Seat, form: int) -> Line:
    """From the fullest form, 0, to the shortest, 5."""
    place, name = named
    left = squads_left(run)
    squads = "" if not left else f"{left} squad{'s' if left != 1 else ''} left" if form < 3 else f"{left} sq"
    (whole,) = total(found)
    whole = whole if form < 2 else Span(whole.text.replace(" in all", ""), whole.style)
    parts: Sequence[Line] = (
        text(
            Span(f"{place} ", "dim"), Span(name if form < 5 else crop(name, 12), "title"), "  ", *spent(found)
        ),
        (Span("PAUSED", "badge-warn"),) if found.paused else (),
        (Span(_queued(run), "warn"),) if run.pending else (),
        (whole,) if form < 5 else (),
        (Span(squads, "dim"),) if squads and form < 4 else (),
        (Span(_driver(run, seat, brief=form > 0)),) if form < 5 else (),
    )
    return join(part for part in parts if part)


def _driver(run: Run, seat: Seat, *, brief: bool) -> str:
    if drives(run, seat.by) and not seat.follows:
        return "you drive"
    who = present.person(run.driver, seat.view) or "somebody"
    host = f" on {run.host}" if run.host and not brief and not seat.view.redact else ""
    return f"{who} drives{host}" if not seat.follows or brief else f"{who} drives{host}, you follow"


def _queued(run: Run) -> str:
    return f"⧗ {len(run.pending)} queued"
