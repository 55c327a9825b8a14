"""The wall's numbers: how many of what, in digits that are read from the door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from controlroom.domain import ranking
from controlroom.domain.holdings import log_read
from controlroom.domain.ranking import Hurt
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot, SourceKind
from controlroom.tui import relayline
from controlroom.tui.bigdigits import HUGE_HEIGHT, LARGE_HEIGHT, huge, large
from controlroom.tui.known_services import tally
from controlroom.tui.lines import BLANK, text
from controlroom.tui.panes.base import BasePane
from controlroom.tui.panes.telemetry import gap_count
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, View
from controlroom.tui.width import cell_width, fit

GAP = 3
"""Cells between two numbers at least."""


class Number(NamedTuple):
    """A number and what it counts; None: nobody knows."""

    label: str
    value: int | None
    style: Style


class NumbersPane(BasePane):
    """`numbers`."""

    id = "numbers"
    title = "How many"
    kinds = ("services", "metrics")

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.program,)

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        tall = HUGE_HEIGHT if not view.height or view.height > HUGE_HEIGHT else LARGE_HEIGHT
        return [Row(key="numbers", height=tall + 1, data=tall, selectable=False, ticks=True)]

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        counted = numbers(ctx.snapshot, ctx.now)
        for draw in (huge, large) if row.data == HUGE_HEIGHT else (large,):
            drawn = [draw(_said(one), ascii_only=ctx.view.ascii) for one in counted]
            widths = [
                max(cell_width(one.label), *map(cell_width, lines)) + GAP
                for one, lines in zip(counted, drawn, strict=True)
            ]
            if sum(widths) - GAP <= ctx.width:
                return _beside(counted, drawn, widths)
        return (text(*(Span(f"{_said(one)} {one.label}   ", one.style) for one in counted)), BLANK)


_KINDS: tuple[SourceKind, ...] = ("services", "metrics", "alerts")


def numbers(snapshot: Snapshot, now: datetime) -> list[Number]:
    """What a wall counts; what no source has told of yet is not known."""
    health = tally(snapshot.services, now)
    hurt = [ranking.hurt(blocker, now) for blocker in snapshot.blockers]
    going = sum(one not in (Hurt.RESOLVED, Hurt.SNOOZED) for one in hurt)
    heard = relayline.lost_since(snapshot) is None
    listed = heard and (bool(going) or log_read(snapshot) is True)
    gaps, unknown = gap_count(snapshot.signals)
    firing = sum(alert.state != "suppressed" for alert in snapshot.alerts)
    asked, measured, told = (heard and _told(snapshot, kind) for kind in _KINDS)
    found = [
        _number("down", health[Health.DOWN] if asked else None, "down"),
        _number("degraded", health[Health.DEGRADED] if asked else None, "degraded"),
        _number("breach", hurt.count(Hurt.BREACH) if listed else None, "down"),
        _number("blockers", going if listed else None, "warn"),
        _number("gaps", gaps if measured else None, "down"),
        _number("alerts", firing if told else None, "warn"),
    ]
    not_known = health[Health.UNKNOWN] + (unknown if measured else 0)
    return [*found, _number("not known", not_known, "unknown")] if not_known else found


def _number(label: str, value: int | None, style: Style) -> Number:
    """Nothing is dim, and so is nothing known."""
    return Number(label, value, "unknown" if value is None else style if value else "dim")


def _told(snapshot: Snapshot, kind: SourceKind) -> bool:
    """Whether every source of a kind has told something that still holds."""
    sources = [source for source in snapshot.sources if source.kind == kind]
    return bool(sources) and all(source.read_at is not None and source.error is None for source in sources)


def _said(number: Number) -> str:
    return "?" if number.value is None else str(number.value)


def _beside(counted: Sequence[Number], drawn: Sequence[Sequence[str]], widths: Sequence[int]) -> list[Line]:
    """The numbers beside each other, each over its label."""
    lines: list[Line] = []
    for height in range(len(drawn[0])):
        lines.append(
            tuple(
                Span(fit(digits[height], width), one.style)
                for one, digits, width in zip(counted, drawn, widths, strict=True)
            )
        )
    labels = (Span(fit(one.label, width), "dim") for one, width in zip(counted, widths, strict=True))
    return [*lines, tuple(labels)]


PANE = NumbersPane()
