"""What the footer and the tab line say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from controlroom.tui.keys import Action, shown
from controlroom.tui.lines import crop_line, line_width
from controlroom.tui.rows import Line, Span, Style

LEAST = 24
"""Cells of the footer that a notice leaves to the keys."""

KEPT = frozenset({"help.show", "app.quit"})
"""Actions that stay in the footer however narrow it is."""


def footer(actions: Sequence[Action], width: int, notice: Line = (), *, plain: bool = False) -> Line:
    """The keys that matter most, as many as fit, and on the right what there is to say."""
    notice = crop_line(notice, max(0, width - LEAST))
    room = width - 1 - (line_width(notice) + 2 if notice else 0)
    shown_actions = [action for action in actions if action.show_in_footer and action.keys]
    kept = [action for action in shown_actions if action.id in KEPT]
    reserved = sum(line_width(_hint(action, plain)) for action in kept)
    line: list[Span] = [Span(" ")]
    used = 1
    for action in shown_actions:
        hint = _hint(action, plain)
        needed = line_width(hint)
        if action in kept:
            reserved -= needed
        if used + needed + reserved > room:
            continue
        line += hint
        used += needed
    if notice:
        line += [Span(" " * max(1, width - used - line_width(notice) - 1)), *notice]
    return tuple(line)


def _hint(action: Action, plain: bool) -> Line:
    return (
        Span(shown(action.keys[0], plain=plain), "accent"),
        Span(f" {action.label}", "dim"),
        Span("  "),
    )


class Tab(NamedTuple):
    """A pane in the tab line."""

    id: str
    number: int
    label: str
    short: str
    amount: str
    amount_style: Style


class Tabs(NamedTuple):
    """The tab line, and for each tab its half-open range of cells."""

    line: Line
    places: tuple[tuple[int, int], ...]

    def at(self, x: int) -> int | None:
        """The tab at cell `x`."""
        return next((i for i, (start, end) in enumerate(self.places) if start <= x < end), None)


def tabs(entries: Sequence[Tab], active: str, width: int) -> Tabs:
    """All tabs in one line: names are shortened, then counts left out, then names, until they fit."""
    for form in ("full", "short", "bare", "number"):
        pieces = [_tab(entry, entry.id == active, form) for entry in entries]
        if sum(map(line_width, pieces)) <= width:
            break
    places: list[tuple[int, int]] = []
    at = 0
    for piece in pieces:
        places.append((at, at + line_width(piece)))
        at = places[-1][1]
    return Tabs(tuple(span for piece in pieces for span in piece), tuple(places))


def _tab(entry: Tab, active: bool, form: str) -> Line:
    label = entry.label if form == "full" else entry.short if active or form != "number" else ""
    count = Span(f" {entry.amount}" if entry.amount and form in ("full", "short") else "", entry.amount_style)
    number = f" {entry.number}" if entry.number else ""
    if active:
        return Span(f"{number} {label}", "title"), count, Span(" ")
    return Span(number, "accent"), Span(f" {label}" if label else "", "dim"), count, Span(" ")
