"""A stretch of dates on a row of cells: bars, ticks, and today's mark."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from controlroom.domain.frozen import dataclass
from controlroom.tui.rows import Line, Span, Style

BAR, RAIL, NOW = "━", "─", "┃"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Half-open dates [start, end) on `width` cells; whole cells per day where there is room for that."""

    start: date
    end: date
    width: int

    def column(self, day: date) -> int:
        """The cell where `day` begins; before and after the timeline, beyond its ends."""
        return (day - self.start).days * self.width // max(1, (self.end - self.start).days)

    def bar(self, begin: date, end: date, style: Style) -> list[tuple[int, int, Style]]:
        """The cells of [begin, end), at least one."""
        left = max(0, self.column(begin))
        right = min(self.width, max(self.column(end), left + 1))
        return [(left, right, style)] if left < self.width and right > 0 else []

    def draw(self, bars: Iterable[tuple[int, int, Style]], today: date, *, rail: Style = "dim") -> Line:
        """A row: a thin rail, the bars on it, and the mark of today over both."""
        cells: list[tuple[str, Style]] = [(RAIL, rail)] * self.width
        for left, right, style in bars:
            cells[left:right] = [(BAR, style)] * (right - left)
        if self.start <= today < self.end:
            cells[min(self.width - 1, self.column(today))] = (NOW, "today")
        elif cells:
            cells[-1 if today >= self.end else 0] = ("▸" if today >= self.end else "◂", "today")
        return _runs(cells)

    def scale(self) -> Line:
        """The first days of weeks, with the month where it changes; as many as fit."""
        row = [" "] * self.width
        free, month = 0, 0
        # A range of decades must not be walked week by week.
        weeks = max(1, (self.end - self.start).days // 7)
        step = max(1, weeks // max(1, self.width // 3))
        for week in range(0, weeks + 1, step):
            day = self.start + timedelta(days=7 * week)
            label = f"{day:%b} {day.day}" if day.month != month else str(day.day)
            at = self.column(day)
            if day < self.end and at >= free and at + len(label) <= self.width:
                row[at : at + len(label)] = label
                free, month = at + len(label) + 1, day.month
        return (Span("".join(row), "dim"),)


def fitted(start: date, end: date, room: int) -> Timeline:
    """A timeline of [start, end) in at most `room` cells, a whole number of cells per day if it can be."""
    days = max(1, (end - start).days)
    room = max(1, room)
    per_day = room // days
    return Timeline(start, end, min(days * per_day, room) if per_day else room)


def _runs(cells: list[tuple[str, Style]]) -> Line:
    """Neighbours of one style as one span."""
    spans: list[Span] = []
    for character, style in cells:
        if spans and spans[-1].style == style:
            spans[-1] = Span(spans[-1].text + character, style)
        else:
            spans.append(Span(character, style))
    return tuple(spans)
