"""From states to what is seen: a glyph, a word and a style for each, ages, times, and freshness.

A state never shows as a colour alone, and every glyph has an ASCII twin of the same width, so columns
stay where they are when `ascii` is on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from controlroom.domain import zones
from controlroom.domain.board import Status
from controlroom.domain.freshness import Freshness, freshness
from controlroom.domain.gates import Standing
from controlroom.domain.program import Program
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot, SourceKind, SourceStatus
from controlroom.domain.telemetry import QUALITY_CODES, UNKNOWN_CODES, GapCode, Verdict
from controlroom.domain.text import slug
from controlroom.domain.triage import BlockerState, Sla
from controlroom.domain.waves import Phase
from controlroom.tui.lines import join, text
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import Line, Span, Style, View
from controlroom.tui.width import cell_width, crop


class Look(NamedTuple):
    """How a state is seen."""

    glyph: str
    word: str
    style: Style


HEALTH: Mapping[Health, Look] = {
    Health.DOWN: Look("✖", "DOWN", "down"),
    Health.DEGRADED: Look("▲", "degraded", "degraded"),
    Health.UNKNOWN: Look("?", "unknown", "unknown"),
    Health.MAINTENANCE: Look("◌", "maintenance", "maintenance"),
    Health.UP: Look("●", "up", "up"),
}
"""Worst first; services are listed in this order."""

STATUS: Mapping[Status, Look] = {
    "not_started": Look("○", "not started", "dim"),
    "in_progress": Look("◐", "in progress", "accent"),
    "blocked": Look("■", "blocked", "down"),
    "done": Look("✓", "done", "ok"),
    "unknown": Look("?", "unknown", "unknown"),
}

SLA: Mapping[Sla, Look] = {
    "breach": Look("■", "BREACH", "badge-breach"),
    "due_soon": Look("▲", "due soon", "badge-warn"),
    "ok": Look("·", "", "dim"),
    "unknown": Look("?", "", "unknown"),
}

TRIAGE: Mapping[BlockerState, Look] = {
    "escalated": Look("▲", "escalated", "warn"),
    "open": Look("■", "open", "text"),
    "acknowledged": Look("◐", "acknowledged", "accent"),
    "snoozed": Look("◌", "snoozed", "dim"),
    "resolved": Look("✓", "resolved", "ok"),
}

VERDICT: Mapping[Verdict, Look] = {
    "FAIL": Look("✖", "FAIL", "down"),
    "UNKNOWN": Look("?", "UNKNOWN", "unknown"),
    "NOT_DECLARED": Look("-", "not declared", "dim"),
    "PASS": Look("✓", "PASS", "ok"),
}

STANDING: Mapping[Standing, Look] = {
    "failing": Look("✖", "failing", "down"),
    "unknown": Look("?", "not known", "unknown"),
    "holding": Look("◐", "holding", "accent"),
    "waived holding": Look("◌", "waived, holding", "maintenance"),
    "waived": Look("◌", "waived", "maintenance"),
    "passing": Look("✓", "passing", "ok"),
}
"""How a required signal stands before the gate, worst first."""

PHASE: Mapping[Phase, Style] = {
    "active": "wave-active",
    "planned": "wave-planned",
    "ended": "wave-past",
    "unknown": "dim",
}


def gap_look(code: GapCode, fail_codes: Collection[str] = ()) -> Look:
    """How a signal's code is seen; the word is the code itself, as scripts print it.

    What a gate does not fail on warns: the signal is there (or will be soon), but not as it was promised.
    `fail_codes` are the gaps in quality that fail this programme's gates.
    """
    if code is GapCode.OK:
        return Look("●", "ok", "ok")
    if code in UNKNOWN_CODES:
        return Look("?", code.value, "unknown")
    if code is GapCode.NOT_DECLARED:
        return Look("-", "not declared", "dim")
    warns = code is GapCode.TARGET_PENDING or (code in QUALITY_CODES and code.value not in fail_codes)
    return Look("▲", code.value, "warn") if warns else Look("✖", code.value, "down")


_ASCII = str.maketrans(
    {
        **dict.fromkeys("▰█■▪", "#"),
        **dict.fromkeys("▱░◌", "."),
        **dict.fromkeys("━═", "="),
        **dict.fromkeys("─╌┄–—−·", "-"),
        **dict.fromkeys("│┃┊╎", "|"),
        **dict.fromkeys("✖×", "x"),
        **dict.fromkeys("→▸≥↷", ">"),
        "▾": "v",
        **dict.fromkeys("←◂≤↶", "<"),
        **dict.fromkeys("○◇", "o"),
        **dict.fromkeys("◐…", "~"),
        "●": "+",
        "▲": "!",
        "⧗": "%",
        "✓": "v",
        "◆": "*",
        "’": "'",
        **dict(zip("▁▂▃▄▅▆▇", "_.-=+oO", strict=True)),
    }
)


def ascii_text(value: str) -> str:
    """`value` with every glyph of ours replaced by an ASCII character of the same width."""
    return value if value.isascii() else value.translate(_ASCII)


def ascii_line(line: Line) -> Line:
    """`line` without any glyph of ours; foreign text keeps its own letters."""
    return tuple(Span(ascii_text(span.text), span.style) for span in line)


def age(seconds: float | None) -> str:
    """How long something lasts: ``12s``, ``3m``, ``4h 01m``, ``2d``; ``?`` where it is not known."""
    if seconds is None:
        return "?"
    if seconds < 0:
        return "0s" if seconds > -60 else f"in {age(-seconds)}"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d"


def since(instant: datetime | None, now: datetime) -> str:
    """The age of `instant` at `now`."""
    return age(None if instant is None else (now - instant).total_seconds())


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """The zone called `name`; UTC where there is none such (every time shown carries its zone's name)."""
    try:
        return zones.get(name)
    except ValueError:
        return UTC


def local(instant: datetime, zone_name: str) -> datetime:
    """`instant` in the zone; as it is at the ends of time, where no zone can be applied."""
    try:
        return instant.astimezone(zone(zone_name))
    except (OverflowError, ValueError):
        return instant


def clock(instant: datetime | None, zone_name: str, *, seconds: bool = False) -> str:
    """The time of day, such as ``08:57`` or ``08:57:04``."""
    if instant is None:
        return "?"
    there = local(instant, zone_name)
    return f"{there:%H:%M:%S}" if seconds else f"{there:%H:%M}"


def day_text(day: date, *, weekday: bool = True) -> str:
    """A date, such as ``Mon Oct 6``."""
    named = f"{day:%b} {day.day}"
    return f"{day:%a} {named}" if weekday else named


def moment(instant: datetime | None, now: datetime, zone_name: str, *, seconds: bool = False) -> str:
    """When, as briefly as is clear at `now`: ``08:57``, ``Sat Oct 4 22:10``, with the year if another."""
    if instant is None:
        return "?"
    there, here = local(instant, zone_name), local(now, zone_name)
    time = clock(instant, zone_name, seconds=seconds)
    if there.date() == here.date():
        return time
    year = "" if there.year == here.year else f" {there.year}"
    return f"{day_text(there.date())}{year} {time}"


def today(now: datetime, program: Program) -> date:
    """The programme's own date at `now`."""
    return local(now, program.zone).date()


def of_day(day: date, now: datetime, zone_name: str) -> str:
    """`` of Wed Oct 8``, to be said after the name of a ritual; empty where that is today in its zone."""
    here = local(now, zone_name).date()
    year = "" if day.year == here.year else f" {day.year}"
    return "" if day == here else f" of {day_text(day)}{year}"


def present_moment(snapshot: Snapshot, view: View) -> datetime:
    """The instant `rows` goes by: the view's minute, else when the snapshot was taken, else long ago."""
    return view.minute or snapshot.taken_at or LONG_AGO


@by_identity(keep=4)
def squad_names(program: Program) -> dict[str, str]:
    """Squad id → its name on screen."""
    return {squad.id: squad.name or squad.id for squad in program.squads}


@by_identity(keep=4)
def squad_index(program: Program) -> dict[str, str]:
    """Every spelling of a squad, as `slug` gives it → squad id."""
    index: dict[str, str] = {}
    for squad in program.squads:
        for name in (squad.id, squad.name, *squad.aliases):
            if name:
                index.setdefault(slug(name), squad.id)
    return index


def squad_name(program: Program, squad: str | None) -> str:
    """What a squad is called; an id that nobody declared stays as written."""
    if squad is None:
        return "?"
    return squad_names(program).get(squad) or squad or "?"


def squad_short(program: Program, squad: str | None, width: int) -> str:
    """What a squad is called in `width` cells: its name, else an alias or the name's beginning that fits."""
    name = squad_name(program, squad)
    if cell_width(name) <= width:
        return name
    declared = next((s for s in program.squads if s.id == squad), None)
    shorter = [*(declared.aliases if declared else ()), name.partition(" & ")[0]]
    fitting = [alias for alias in shorter if 1 < cell_width(alias) <= width]
    return max(fitting, key=cell_width) if fitting else crop(name, width)


def squad_id(program: Program, name: str | None) -> str | None:
    """The id of the squad that `name` (an id, a name, an alias) stands for; None where nobody declared it."""
    return squad_index(program).get(slug(name)) if name else None


def person(name: str | None, view: View) -> str:
    """A person's name, or bullets while the screen is shared with strangers (`redact`)."""
    return ("(hidden)" if name else "") if view.redact else (name or "")


@lru_cache(maxsize=1)
def _hosts() -> re.Pattern[str]:
    return re.compile(
        r"(?<=://)[^\s/]+|\[[0-9a-fA-F:]+\](?::\d+)?|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?"
        # The squads' own files are no hosts, although .md is a domain.
        r"|\b[\w-]+(?:\.[\w-]+)*\.(?!(?:md|toml|json|ya?ml|txt|log)\b)[A-Za-z]{2,}(?::\d+)?\b"
        r"|(?<![.\w-])[A-Za-z][\w-]*:\d{2,5}\b"
    )


def hosts(value: str, view: View) -> str:
    """`value` as it is, or with hosts and addresses hidden (`redact`)."""
    return _hosts().sub("(hidden)", value) if view.redact else value


LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""What `rows` goes by while nobody has said what time it is."""

_UNREAD: Mapping[SourceKind, str] = {"documents": "unreadable", "status": "unreadable"}
_ORDER = ("failed", "stale", "loading", "late", "fresh")


def _source_state(source: SourceStatus, now: datetime) -> str:
    if source.error is not None:
        return "failed"
    fresh = freshness(source.read_at, now, source.interval)
    if fresh is Freshness.NEVER:
        return "loading"
    return {Freshness.STALE: "stale", Freshness.LATE: "late"}.get(fresh, "fresh")


def freshness_line(snapshot: Snapshot, kinds: Iterable[SourceKind], now: datetime) -> Line:
    """What a pane's lower edge says of the sources behind it: the one that is worst off.

    ``src 08:57 · got 09:00:04`` · ``late 12s`` · ``STALE 41m`` · ``unreachable 30s, showing 08:59`` ·
    ``loading`` · ``restored 3m ago``; empty where nothing of that kind is configured. Times are the
    programme's.
    """
    wanted = set(kinds)
    sources = [s for s in snapshot.sources if s.kind in wanted]
    if not sources:
        return ()
    zone_name = snapshot.program.zone
    if snapshot.restored:
        read = [s.read_at for s in sources if s.read_at]
        newest = max(read) if read else snapshot.taken_at
        return (Span(f"restored {since(newest, now)} ago", "warn"),) if newest else (Span("loading", "dim"),)
    source = min(sources, key=lambda s: _ORDER.index(_source_state(s, now)))
    state = _source_state(source, now)
    name = f"{source.title or source.id} " if len(sources) > 1 and state != "fresh" else ""
    return text(Span(name, "dim"), *_edge(source, state, now, zone_name))


def _edge(source: SourceStatus, state: str, now: datetime, zone_name: str) -> Line:
    if state == "failed":
        word = _UNREAD.get(source.kind, "unreachable")
        lasted = f"{word} {since(source.error_since, now)}" if source.error_since else word
        shown = source.as_of or source.read_at
        if shown is None:
            return (Span(lasted, "down"),)
        return (Span(lasted, "down"), Span(f", showing {moment(shown, now, zone_name)}", "dim"))
    if state == "loading":
        return (Span("loading", "dim"),)
    if state == "stale":
        return (Span(f"STALE {since(source.read_at, now)}", "warn"),)
    if state == "late":
        return (Span(f"late {since(source.read_at, now)}", "warn"),)
    got = f"got {moment(source.read_at, now, zone_name, seconds=True)}"
    parts: list[Line] = []
    if source.as_of and source.read_at and abs(source.read_at - source.as_of) > timedelta(seconds=1):
        parts.append((Span(f"src {moment(source.as_of, now, zone_name)}", "dim"),))
    parts.append((Span(got, "dim"),))
    return join(parts)


def loading(snapshot: Snapshot, kind: SourceKind) -> Line | None:
    """What an empty pane says while its source has not answered, or why it cannot; None once it has."""
    sources = [s for s in snapshot.sources if s.kind == kind]
    failed = next((s for s in sources if s.error is not None and s.read_at is None), None)
    if failed is not None:
        word = _UNREAD.get(kind, "unreachable")
        return (Span(f"? {failed.title or failed.id} {word}: ", "unknown"), Span(failed.error or "", "text"))
    if sources and all(s.read_at is None for s in sources):
        return (Span(f"loading {sources[0].title or sources[0].id} …", "dim"),)
    return None
