"""The contract between panes, which say what is to be seen, and widgets, which draw it.

A pane is pure: `rows(snapshot, view)` lists what there is, cheaply, for any number of things;
`draw(row, ctx)` makes the text of one row, and is only called for rows on screen. Text is plain
`Span`s with a semantic style name; only the widgets know colours. No Textual here.

What a widget does beside drawing:
- it passes `View.width` and `View.height` (the pane's inner cells) and calls `rows` again when they change,
  as a pane may choose another form when narrow (lanes become a list) or low (no large digits);
- it passes the filter text as `View.filter` as well as applying `filters.compile(...)` to the rows: a pane
  that lays several things in one row (cards of a lane) leaves out the ones that do not match;
- it leaves `View.focus_squad` to the pane: `rows` leaves out what does not concern that squad;
- a row with `cells` is one line of several things: left and right move among those that are not None, the
  cursor marks `cell_spans[i]` instead of the whole row, Enter opens `cells[i]`;
- it passes `View.minute`, so that what depends on the time of day (the next ritual, an age that became a
  breach) is listed anew once a minute; within the minute it redraws rows with `ticks` every second, the
  others every few seconds (an age), and all of them when the snapshot tells anything new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from controlroom.domain.frozen import dataclass
from controlroom.domain.snapshot import Snapshot
from controlroom.tui.keys import DEFAULT

Style = Literal[
    "text",
    "strong",
    "dim",
    "title",
    "accent",
    "up",
    "degraded",
    "down",
    "unknown",
    "maintenance",
    "ok",
    "warn",
    "breach",
    "info",
    "wave-past",
    "wave-active",
    "wave-planned",
    "wave-design",
    "today",
    "badge-breach",
    "badge-warn",
]
"""What a piece of text means; themes give each a colour, and the text itself a word or glyph as well."""


class Span(NamedTuple):
    """A piece of cleaned text and what it means."""

    text: str
    style: Style = "text"


Line = tuple[Span, ...]
"""One terminal line; the widget crops it to the width with … and pads it."""

SubjectKind = Literal[
    "service",
    "item",
    "blocker",
    "signal",
    "benchmark",
    "alert",
    "family",
    "silence",
    "watchdog",
    "wave",
    "milestone",
    "squad",
    "ritual",
    "lint",
    "source",
    "document",
    "dependency",
    "gate",
    "change",
    "edge",
    "box",
]


class Subject(NamedTuple):
    """The thing a row is about; Enter opens its detail, `y` copies it, `f` focuses its squad."""

    kind: SubjectKind
    id: str


@dataclass(frozen=True, slots=True)
class Row:
    """One selectable row. `key` is stable across refreshes: the cursor stays on it."""

    key: str
    height: int = 1
    subject: Subject | None = None
    squads: tuple[str, ...] = ()
    """Ids of the squads it concerns, for `@squad` filters and the squad focus."""
    text: str = ""
    """What a filter looks through, lower case."""
    states: tuple[str, ...] = ()
    """The states it is in, such as ``down``: a filter's word for a state means these, and not `text`."""
    data: Any = None
    """The pane's own value, handed back to `draw`."""
    selectable: bool = True
    heading: bool = False
    """Names the rows up to the next heading; a filter keeps it when it keeps one of them."""
    cells: tuple[Subject | None, ...] = ()
    """Several things beside each other in this row, None where a column is empty; `subject` is the first."""
    cell_spans: tuple[tuple[int, int], ...] = ()
    """For each of `cells` its half-open range of terminal cells [from, to) at `View.width`."""
    ticks: bool = False
    """What it draws changes with every second (a countdown)."""


@dataclass(frozen=True, slots=True)
class View:
    """What the person chose to see; the same for all panes."""

    viewer_zone: str = "UTC"
    focus_squad: str | None = None
    ascii: bool = False
    redact: bool = False
    expanded: bool = False
    """The pane is zoomed or has room: show what quiet green otherwise hides."""
    width: int = 0
    """Inner width of the pane in cells; 0 where not known (a pane then takes its usual form)."""
    height: int = 0
    """Inner height of the pane in cells; 0 where not known."""
    filter: str = ""
    """The filter text of this pane, as typed."""
    enough: int = 0
    """Lines that are looked at: whether there are more matters, what they are does not. 0: all matter."""
    assigns: str = ""
    """Key that gives alerts to a squad, as people read it; empty where nothing may be changed."""
    minute: datetime | None = None
    """The present, UTC, floored to the minute; None: `rows` goes by `snapshot.taken_at`."""
    occasion: str = ""
    """What the header calls the view; empty in the room itself."""
    page: int = 0
    """Which page a view that has pages shows, counted on and on."""
    key: Callable[[str], str] = DEFAULT.text
    """Gives the key of an action, by the action's id, as people read it."""


@dataclass(frozen=True, slots=True)
class DrawContext:
    """What `draw` needs beside the row. `now` is UTC; `width` and `height` are the pane's inner cells."""

    snapshot: Snapshot
    view: View
    now: datetime
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Heading:
    """A pane's frame: title left, a count after it, freshness in the lower edge."""

    title: str
    count: str = ""
    count_style: Style = "dim"
    freshness: Line = ()


class Pane(Protocol):
    """What every pane offers. Functions of their arguments only; exceptions are shown as a notice."""

    id: str
    """Such as ``blockers``; also the id of its widget and of its ``pane.<id>`` action."""

    def heading(self, ctx: DrawContext) -> Heading:
        """Title, count and freshness; called every second, so it must be cheap."""
        ...

    def rows(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        """All rows in order. Called when the parts in `depends` changed identity or `view` changed."""
        ...

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        """The parts of the snapshot `rows` reads; compared by identity to decide whether to call it."""
        ...

    def draw(self, row: Row, ctx: DrawContext) -> Sequence[Line]:
        """Exactly `row.height` lines for one row at `ctx.width`."""
        ...

    def empty(self, snapshot: Snapshot) -> Line:
        """What to say when there are no rows: loading, nothing declared (which key to add), all well."""
        ...
