"""The shape of a detail, and the sheet it is written on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import NamedTuple

from controlroom.domain import zones
from controlroom.domain.frozen import dataclass
from controlroom.domain.oversight import ANY
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean
from controlroom.tui import present
from controlroom.tui.lines import BLANK, as_text, text
from controlroom.tui.rows import Line, Span, Style, Subject, View

LABEL = 14
"""Cells of the names of facts."""


class Link(NamedTuple):
    """Something that can be opened: a URL, or a path with its line (``docs/backlog.md:12``)."""

    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything about one thing. Lines are as long as they are: whoever shows them wraps them."""

    title: str
    lines: tuple[Line, ...]
    links: tuple[Link, ...] = ()
    plain: str = ""
    """Title and lines without styles, for the clipboard."""
    spots: Mapping[int, Subject] = field(default_factory=dict)
    """Number of a line → the thing that it alone is about, and that can be acted on there."""


@dataclass(slots=True)
class Sheet:
    """A detail being written, at `now`."""

    snapshot: Snapshot
    now: datetime
    view: View
    title: str = ""
    lines: list[Line] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    spots: dict[int, Subject] = field(default_factory=dict)

    def fact(self, name: str, value: str | Line | None, style: Style = "text") -> None:
        """A named fact; without a value nothing is written."""
        if not value:
            return
        told = (Span(value, style),) if isinstance(value, str) else value
        self.lines.append(text(Span(f"{name:<{LABEL}}", "dim"), *told))

    def say(self, *parts: str | Span | Line) -> None:
        """A line of its own."""
        self.lines.append(text(*parts))

    def section(self, title: str) -> None:
        """A heading, apart from what is above it."""
        if self.lines:
            self.lines.append(BLANK)
        self.lines.append((Span(title, "title"),))

    def each(self, title: str, lines: Iterable[Line]) -> None:
        """A section, unless it is empty."""
        written = tuple(lines)
        if written:
            self.section(title)
            self.lines += [text("  ", *line) for line in written]

    def spot(self, subject: Subject, line: Line) -> None:
        """A line that is about something of its own."""
        self.spots[len(self.lines)] = subject
        self.lines.append(line)

    def next(self, *advice: str) -> None:
        """What to do next."""
        self.each("What to do next", ((Span(line),) for line in advice if line))

    def link(self, label: str, target: str | None) -> None:
        """Something to open."""
        if target and all(link.target != target for link in self.links):
            self.links.append(Link(clean(label), clean(target)))

    def dashboard(self, wanted: str | None) -> None:
        """The dashboard that must draw a signal; that any may is no address."""
        if wanted and wanted.casefold() != ANY:
            self.link("dashboard", wanted)

    def source(self, path: str | None, line: int | None) -> None:
        """Where it is written."""
        if path:
            where = f"{path}:{line}" if line else path
            self.fact("written in", where)
            self.link(where, where)

    def origin(self, key: str) -> None:
        """Where a document declares it (`Program.origins`); else the configuration does."""
        origin = self.snapshot.program.origins.get(key)
        if origin is not None:
            self.source(origin.path, origin.line)

    def when(self, instant: datetime | None, *, seconds: bool = False) -> str:
        """An instant in the programme's zone with its age; empty where it is not known."""
        if instant is None:
            return ""
        zone = self.snapshot.program.zone
        shown = present.moment(instant, self.now, zone, seconds=seconds)
        old = present.since(instant, self.now)
        return f"{shown} · {old}" if old.startswith("in ") else f"{shown} · {old} ago"

    def ago(self, instant: datetime) -> str:
        """``in 23m``, ``5m ago``."""
        old = present.since(instant, self.now)
        return old if old.startswith("in ") else f"{old} ago"

    def both(self, instant: datetime) -> str:
        """An instant on the programme's clock and on the viewer's, with their zones."""
        try:
            return zones.both(instant, self.snapshot.program.zone, self.view.viewer_zone)
        except (ValueError, OverflowError):
            return present.moment(instant, self.now, self.snapshot.program.zone)

    def squad(self, squad: str | None) -> str:
        """A squad's name; empty for none."""
        return present.squad_name(self.snapshot.program, squad) if squad else ""

    def squads(self, squads: Iterable[str]) -> str:
        """Squads by name."""
        return ", ".join(self.squad(squad) for squad in squads)

    def done(self) -> Detail:
        """The finished detail; every line is clean, and ASCII where that is wanted."""
        cleaned = [tuple(Span(clean(span.text), span.style) for span in line) for line in self.lines]
        if self.links:
            cleaned += [BLANK, (Span(f"Links  ({self.view.key('link.open')} opens)", "title"),)]
            for label, target in self.links:
                where = "" if label == target else f"  {present.hosts(target, self.view)}"
                cleaned.append(text("  ", Span(label, "accent"), Span(where, "dim")))
        if self.view.ascii:
            cleaned = [present.ascii_line(line) for line in cleaned]
        title = clean(self.title)
        plain = f"{title}\n\n{as_text(cleaned)}\n"
        return Detail(title, tuple(cleaned), tuple(self.links), plain, dict(self.spots))
