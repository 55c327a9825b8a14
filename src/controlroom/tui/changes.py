"""What changed since the baseline, told briefly: one piece per category, in a standup's order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from controlroom.domain.snapshot import Change, Snapshot
from controlroom.tui import present
from controlroom.tui.lines import join, text
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import Line, Span, Style


class Kind(NamedTuple):
    """How a category is told: a glyph, words for one and for many (None: as the change itself says it)."""

    glyph: str
    one: str | None
    many: str
    style: Style


KINDS: Mapping[str, Kind] = {
    "blocker_opened": Kind("+", "blocker", "blockers", "down"),
    "blocker_escalated": Kind("▲", "escalated", "escalated", "warn"),
    "blocker_resolved": Kind("✓", "resolved", "resolved", "ok"),
    "blocker_unlisted": Kind("?", "no longer listed", "no longer listed", "unknown"),
    "item_done": Kind("✓", "done", "done", "ok"),
    "item_regression": Kind("▲", "moved back", "moved back", "warn"),
    "item_moved": Kind("→", "moved", "moved", "accent"),
    "item_added": Kind("+", "card", "cards", "text"),
    "item_removed": Kind("-", "card", "cards", "dim"),
    "owner_changed": Kind("·", "owner changed", "owners changed", "text"),
    "date_slipped": Kind("▲", "date moved", "dates moved", "warn"),
    "signal_failing": Kind("✖", "signal failing", "signals failing", "down"),
    "signal_recovered": Kind("✓", "signal recovered", "signals recovered", "ok"),
    "benchmark_regressed": Kind("✖", "regression", "regressions", "down"),
    "benchmark_recovered": Kind("✓", "benchmark recovered", "benchmarks recovered", "ok"),
    "gate_changed": Kind("▲", None, "coverage changes", "warn"),
    "service_changed": Kind("▲", None, "service changes", "warn"),
    "wave_verdict": Kind("·", None, "waves changed", "warn"),
    "milestone_passed": Kind("◇", None, "milestones passed", "warn"),
    "decision": Kind("·", "decision", "decisions", "text"),
    "alert_fires": Kind("✖", "alert fires", "alerts fire", "down"),
    "alert_over": Kind("✓", "alert over", "alerts over", "ok"),
    "ritual_held": Kind("✓", "held", "held", "ok"),
}

TITLES: Mapping[str, str] = {
    "blocker_opened": "Blockers opened",
    "blocker_escalated": "Blockers escalated",
    "blocker_resolved": "Blockers resolved",
    "blocker_unlisted": "Blockers no longer listed",
    "item_done": "Done",
    "item_regression": "Moved back",
    "item_moved": "Moved",
    "item_added": "Added",
    "item_removed": "Removed",
    "owner_changed": "Owners changed",
    "date_slipped": "Dates moved",
    "signal_failing": "Signals failing",
    "signal_recovered": "Signals recovered",
    "benchmark_regressed": "Regressions",
    "benchmark_recovered": "Benchmarks recovered",
    "gate_changed": "Gate and coverage",
    "service_changed": "Services",
    "wave_verdict": "Waves",
    "milestone_passed": "Milestones passed",
    "decision": "Decisions",
    "alert_fires": "Alerts that fire",
    "alert_over": "Alerts that are over",
    "ritual_held": "Held",
}


def kind(category: str) -> Kind:
    """How a category is told; one that is not known here is told by its own name."""
    words = category.replace("_", " ")
    return KINDS.get(category, Kind("·", words, words, "text"))


def category_title(category: str) -> str:
    """The heading over the changes of a category."""
    return TITLES.get(category, category.replace("_", " ").capitalize())


@by_identity(keep=2)
def grouped(changes: tuple[Change, ...]) -> dict[str, tuple[Change, ...]]:
    """Category → its changes; both in the order given."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.category, []).append(change)
    return {category: tuple(here) for category, here in found.items()}


def since_words(snapshot: Snapshot, now: datetime) -> Line:
    """``since Sat Oct 4 21:00, nightly``, or why there is nothing to compare with."""
    if snapshot.baseline is None:
        status, source = snapshot.status, snapshot.source("status")
        if status is None and source is None:
            return (Span("no baseline: no status folder declared, add [status].dir", "dim"),)
        if status is None and source is not None:
            if source.error is not None:
                return (Span("no baseline: the status folder cannot be read", "warn"),)
            return (Span("reading the status folder", "dim"),)
        if status is not None and status.unreadable:
            return (Span(f"no baseline: {len(status.unreadable)} status files unreadable", "warn"),)
        return (Span("no baseline: no status file yet, controlroom publish writes one", "dim"),)
    file = snapshot.baseline.file
    slot = f", {file.slot}" if file.slot else ""
    when = present.moment(file.as_of, now, snapshot.program.zone)
    day = _date(file.for_date)
    dated = f"{present.day_text(day)} " if day and day == present.today(file.as_of, snapshot.program) else ""
    shown = (
        when
        if dated and dated in when + " "
        else f"{dated}{present.clock(file.as_of, snapshot.program.zone)}"
    )
    return text(Span("since ", "dim"), Span(shown if dated else when), Span(slot, "dim"))


def _date(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def summary(snapshot: Snapshot) -> Line:
    """Every category that has changes, counted; ``nothing changed`` where none has."""
    if snapshot.baseline is None:
        return ()
    parts = [_told(category, here) for category, here in grouped(snapshot.changes).items()]
    return join(parts, Span("   ")) if parts else (Span("nothing changed", "dim"),)


def _told(category: str, here: tuple[Change, ...]) -> Line:
    told = kind(category)
    if len(here) == 1 and told.one is None:
        return (Span(f"{told.glyph} {here[0].text}", told.style),)
    joint = "" if told.glyph in "+-" else " "
    return (Span(f"{told.glyph}{joint}{len(here)} {told.one if len(here) == 1 else told.many}", told.style),)
