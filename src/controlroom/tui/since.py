"""What changed of the things of one pane since the baseline: its own rows, each with what it was before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from controlroom.domain.snapshot import Change, Snapshot
from controlroom.domain.text import clean
from controlroom.tui import relayline
from controlroom.tui.changes import category_title, kind, since_words
from controlroom.tui.lines import text
from controlroom.tui.panes.base import finish, heading_row, words
from controlroom.tui.rows import DrawContext, Heading, Line, Pane, Row, Span, Subject, SubjectKind, View

INDENT = "    "


class Place(NamedTuple):
    """Where a category is shown: the pane, and what its things are there."""

    pane: str
    subject: SubjectKind


PLACES: Mapping[str, Place] = {
    "blocker_opened": Place("blockers", "blocker"),
    "blocker_escalated": Place("blockers", "blocker"),
    "blocker_resolved": Place("blockers", "blocker"),
    "blocker_unlisted": Place("blockers", "blocker"),
    "item_done": Place("squads", "item"),
    "item_regression": Place("squads", "item"),
    "item_moved": Place("squads", "item"),
    "item_added": Place("squads", "item"),
    "item_removed": Place("squads", "item"),
    "signal_failing": Place("telemetry", "signal"),
    "signal_recovered": Place("telemetry", "signal"),
    "benchmark_regressed": Place("telemetry", "benchmark"),
    "benchmark_recovered": Place("telemetry", "benchmark"),
    "gate_changed": Place("telemetry", "gate"),
    "service_changed": Place("services", "service"),
    "wave_verdict": Place("waves", "wave"),
    "milestone_passed": Place("waves", "milestone"),
    "decision": Place("ritual", "change"),
    "alert_fires": Place("alerts", "alert"),
    "alert_over": Place("alerts", "alert"),
    "ritual_held": Place("ritual", "ritual"),
}
"""Owners and dates change of several kinds of things: what they are of is looked up."""


class Told(NamedTuple):
    """A row of the pane (None: it has none for it) and the changes under it."""

    row: Row | None
    changes: tuple[Change, ...]


class Since:
    """A pane that shows only what changed of what `pane` shows."""

    def __init__(self, pane: Pane) -> None:
        self.pane = pane
        self.id = pane.id

    def heading(self, ctx: DrawContext) -> Heading:
        """How many changes, and since when."""
        count = len(changes_of(self.id, ctx.snapshot))
        edge = relayline.edge(ctx) or since_words(ctx.snapshot, ctx.now)
        edge = finish((edge,), ctx.width, 1, ascii_only=ctx.view.ascii)[0]
        title = self.pane.heading(ctx).title
        return Heading(f"{title}: changed", str(count) if count else "", "dim", edge)

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        """What the pane reads, and the changes."""
        parts = (snapshot.changes, snapshot.baseline, snapshot.items, snapshot.blockers, snapshot.program)
        return (*self.pane.depends(snapshot), *parts, snapshot.alerts, snapshot.runs)

    def rows(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        """The rows of things that changed with the headings over them; then changes of what has no row."""
        found: dict[Subject, tuple[Change, ...]] = {}
        for subject, change in changes_of(self.id, snapshot):
            found[subject] = (*found.get(subject, ()), change)
        rows = list(_kept(self.pane.rows(snapshot, replace(view, expanded=True)), found))
        shown = {row.subject for row in rows}
        rest = [one for subject, told in found.items() if subject not in shown for one in told]
        return [*rows, *_listed(rest, self.id, snapshot)]

    def draw(self, row: Row, ctx: DrawContext) -> Sequence[Line]:
        """The pane's own lines, then what changed."""
        if not isinstance(row.data, Told):
            if row.key.startswith("heading:since:"):
                return finish(((Span(row.data, "title"),),), ctx.width, 1, ascii_only=ctx.view.ascii)
            return self.pane.draw(row, ctx)
        own = () if row.data.row is None else self.pane.draw(row.data.row, ctx)
        indent = "  " if row.data.row is None else INDENT
        lines = [_line(change, indent) for change in row.data.changes]
        return finish((*own, *lines), ctx.width, row.height, ascii_only=ctx.view.ascii)

    def empty(self, snapshot: Snapshot) -> Line:
        """That nothing of this changed, or why that cannot be said."""
        if snapshot.baseline is None:
            return since_words(snapshot, snapshot.taken_at) if snapshot.taken_at else ()
        if self.id == "alerts" and _listed_then(snapshot) is None:
            return (Span("not known: the baseline has no alerts", "unknown"), Span("  d: back", "dim"))
        return (Span("nothing changed  d: back", "dim"),)


def changes_of(pane: str, snapshot: Snapshot) -> tuple[tuple[Subject, Change], ...]:
    """The changes of what stands in `pane`, each with its thing."""
    found = []
    more = _alerts(snapshot) if pane == "alerts" else _held(snapshot) if pane == "ritual" else ()
    for change in (*snapshot.changes, *more):
        place = PLACES.get(change.category) or _place(change.id, snapshot)
        if place.pane == pane:
            found.append((_subject(place, change, snapshot), change))
    return tuple(found)


def _listed_then(snapshot: Snapshot) -> Mapping[str, str] | None:
    """The alerts of the baseline, by id with their names; None where it does not tell of any."""
    entries = snapshot.baseline.file.data.get("alerts") if snapshot.baseline is not None else None
    if not isinstance(entries, list):
        return None
    told = (entry for entry in entries if isinstance(entry, Mapping) and entry.get("state") != "suppressed")
    return {str(entry.get("id")): clean(str(entry.get("name") or entry.get("id")), 120) for entry in told}


def _alerts(snapshot: Snapshot) -> Iterator[Change]:
    """Alerts that the baseline did not list, and those of it that fire no longer."""
    then, source = _listed_then(snapshot), snapshot.source("alerts")
    if then is None or source is None or source.read_at is None or source.error is not None:
        return
    firing = {alert.fingerprint: alert for alert in snapshot.alerts if alert.state != "suppressed"}
    for id_, alert in firing.items():
        if id_ not in then:
            why = f" · {alert.summary}" if alert.summary else ""
            yield Change("alert_fires", id_, f"fires: {alert.name}{why}", None, alert.state)
    for id_, name in then.items():
        if id_ not in firing:
            yield Change("alert_over", id_, f"fires no longer, or is silenced: {name}", "active", None)


def _held(snapshot: Snapshot) -> Iterator[Change]:
    """Rituals that were held since the baseline."""
    if snapshot.baseline is None:
        return
    titles = {ritual.id: ritual.title for ritual in snapshot.program.rituals}
    for run in snapshot.runs:
        if run.finished_at is not None and run.finished_at > snapshot.baseline.file.as_of:
            name = titles.get(run.key.ritual) or run.key.ritual
            yield Change("ritual_held", run.key.ritual, f"held: {name} of {run.key.date.isoformat()}")


def _place(id_: str, snapshot: Snapshot) -> Place:
    """Where the thing with that id is shown."""
    if any(blocker.id == id_ for blocker in snapshot.blockers):
        return Place("blockers", "blocker")
    if any(wave.id == id_ for wave in snapshot.program.waves):
        return Place("waves", "wave")
    return Place("squads", "item")


def _subject(place: Place, change: Change, snapshot: Snapshot) -> Subject:
    """A verdict is of a wave, a coverage of a squad."""
    if place.subject == "gate" and any(squad.id == change.id for squad in snapshot.program.squads):
        return Subject("squad", change.id)
    if place.subject == "change":
        return Subject("change", f"{change.category}:{change.id}")
    return Subject(place.subject, change.id)


def _kept(rows: Sequence[Row], found: Mapping[Subject, tuple[Change, ...]]) -> Iterator[Row]:
    """The rows of one thing that changed; a row of several things tells of none of them."""
    headings: list[Row] = []
    after_rows = False
    told: set[Subject] = set()
    for row in rows:
        if row.heading:
            headings = [row] if after_rows else [*headings, row]
            after_rows = False
            continue
        after_rows = True
        subject = row.subject
        if subject is None or subject not in found or subject in told or len(row.cells) > 1:
            continue
        told.add(subject)
        changes = found[subject]
        yield from headings
        headings = []
        said = f"{row.text} {' '.join(change.text for change in changes).lower()}"
        yield replace(row, height=row.height + len(changes), text=said, data=Told(row, changes))


def _listed(changes: Sequence[Change], pane: str, snapshot: Snapshot) -> Iterator[Row]:
    category = ""
    for change in changes:
        if change.category != category:
            category = change.category
            yield heading_row(f"since:{category}", category_title(category))
        place = PLACES.get(category) or _place(change.id, snapshot)
        yield Row(
            key=f"since:{pane}:{category}:{change.id}",
            subject=_subject(place, change, snapshot),
            text=words(change.text, category.replace("_", " "), change.id),
            data=Told(None, (change,)),
        )


def _line(change: Change, indent: str) -> Line:
    look = kind(change.category)
    return text(indent, Span(f"{look.glyph} ", look.style), Span(change.text))
