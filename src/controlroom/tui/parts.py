"""What fills the frame: the panes, and the pure functions that say what stands in header and detail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot
from controlroom.tui.rows import Line, Pane, Row, Subject, View

if TYPE_CHECKING:
    from controlroom.tui.details.base import Detail


class Header(Protocol):
    """The line over everything."""

    def __call__(
        self,
        snapshot: Snapshot,
        now: datetime,
        view: View,
        width: int,
        *,
        frozen: datetime | None = None,
        clock_set: bool = False,
        past: datetime | None = None,
    ) -> Line:
        """At most `width` cells."""
        ...


class Parts(NamedTuple):
    """One value, so that the frame can be looked at with other panes in it."""

    panes: tuple[Pane, ...]
    header: Header
    strip: Callable[[Snapshot, datetime, View, int], Line]
    describe: Callable[[Snapshot, Subject, datetime, View], Detail]
    compile_filter: Callable[[str, Program], Callable[[Row], bool]]


def usual() -> Parts:
    """The room's own panes."""
    from controlroom.tui.filters import compile as compile_filter
    from controlroom.tui.header import header, strip
    from controlroom.tui.panes import PANES

    return Parts(PANES, header, strip, _describe, compile_filter)


def _describe(snapshot: Snapshot, subject: Subject, now: datetime, view: View) -> Detail:
    # Details are many modules; none is needed before the first Enter.
    from controlroom.tui.detail import describe

    return describe(snapshot, subject, now, view)
