"""The line over everything: whose programme, when, which wave, how the services are, what is next.

Parts that matter least are shortened first and then left out, until the line fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from controlroom.domain import calendar, rituals, zones
from controlroom.domain.frozen import dataclass
from controlroom.domain.holdings import agenda_at, driven, lasted
from controlroom.domain.program import Program
from controlroom.domain.rituals import Occurrence
from controlroom.domain.runs import Run
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.tui import present, relayline, storeline
from controlroom.tui.changes import since_words, summary
from controlroom.tui.known_services import tally
from controlroom.tui.lines import join, line_width, text
from controlroom.tui.panes.base import finish
from controlroom.tui.panes.waves import assessed
from controlroom.tui.rows import Line, Span, Style, View
from controlroom.tui.width import cell_width, crop

WIDE_GAP, GAP = Span("   "), Span("  ")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the header: its forms from the fullest to the shortest (an empty one: left out)."""

    name: str
    forms: tuple[Line, ...]
    right: bool = False

    def leaving(self) -> Part:
        """The same part, which may be left out."""
        return replace(self, forms=(*self.forms, ()))


SHED = (
    *("store", "next", "title", "wave", "clock", "services", "trouble", "note", "next", "note", "unsent"),
    "skew",
    *("log trouble", "wave", "durability", "services", "next", "title", "clock", "wave", "log trouble"),
    *("clock", "place", "store", "skew", "unsent", "trouble"),
)
"""Names of parts in the order in which they become shorter by one form, as often as they are named.

What was done here and is not in the log, and that the log is out of reach or loses things, becomes shorter
but never leaves.
"""

SHED_UNHEARD = (
    *("store", "next", "title", "wave", "clock", "services", "trouble", "note", "next", "note", "unsent"),
    *("skew", "why", "wave", "durability", "services", "next", "title", "clock", "wave", "log trouble"),
    *("store", "next", "place", "services", "clock", "next", "why", "log trouble", "durability", "unsent"),
    *("skew", "clock", "next", "why", "trouble"),
)
"""The same while nothing can be heard: why not says more than how services were, and what comes next."""


def header(
    snapshot: Snapshot,
    now: datetime,
    view: View,
    width: int,
    *,
    frozen: datetime | None = None,
    clock_set: bool = False,
    past: datetime | None = None,
) -> Line:
    """The header at `now`, in at most `width` cells. `frozen`: the instant the screen is held at.

    `past`: what time it really is, where `now` is a moment that was kept.
    """
    parts = [
        Part("badges", (_badges(snapshot, frozen, clock_set, now, past),)),
        Part("why", relayline.why(snapshot, now, view)),
        Part("view", ((Span(view.occasion, "accent"),) if view.occasion else (),)),
        Part("title", _title(snapshot.program)),
        Part("note", _note(snapshot.program)),
        Part("clock", _clock(snapshot.program, now)),
        Part("place", _place(snapshot.program, now)),
        Part("wave", _waves(snapshot.program, now)),
        Part("focus", _focus(snapshot.program, view)),
        Part("skew", relayline.skew(snapshot), right=True),
        Part("unsent", storeline.unsent(snapshot, view), right=True),
        Part("log trouble", storeline.trouble(snapshot, now, view), right=True),
        Part("durability", storeline.durability(snapshot), right=True),
        Part("store", storeline.store(snapshot, view), right=True),
        Part("trouble", _trouble(snapshot, now, view), right=True),
        Part("services", _services(snapshot, now), right=True),
        Part("next", _next(snapshot, now, view), right=True),
    ]
    if snapshot.relayed is not None and snapshot.relayed.lost:
        parts = [part.leaving() if part.name in ("services", "next", "clock") else part for part in parts]
        line = _assembled(parts, width, SHED_UNHEARD)
    else:
        line = _assembled(parts, width, SHED)
    return finish((line,), width, 1, ascii_only=view.ascii)[0]


def _assembled(parts: Sequence[Part], width: int, shed: Sequence[str]) -> Line:
    level = dict.fromkeys((part.name for part in parts), 0)
    line = _laid_out(parts, level, width)
    for name in shed:
        if line_width(line) <= width:
            break
        level[name] += 1
        line = _laid_out(parts, level, width)
    return line


def _laid_out(parts: Sequence[Part], level: dict[str, int], width: int) -> Line:
    def form(part: Part) -> Line:
        at = level[part.name]
        return part.forms[min(at, len(part.forms) - 1)] if part.forms else ()

    gap = WIDE_GAP if width >= 120 else GAP
    left = join((form(part) for part in parts if not part.right), gap)
    right = join((form(part) for part in parts if part.right), gap)
    if not right:
        return left
    blank = width - line_width(left) - line_width(right)
    return text(*left, " " * max(2, blank), *right)


def _badges(
    snapshot: Snapshot, frozen: datetime | None, clock_set: bool, now: datetime, past: datetime | None
) -> Line:
    program = snapshot.program
    badges = [badge] if (badge := relayline.badge(snapshot, now)) else []
    if past is not None:
        when = present.moment(now, past, program.zone, seconds=True)
        badges.append((Span(f" PAST {when} · {present.since(now, past)} ago ", "badge-warn"),))
    if frozen is not None:
        badges.append((Span(f" FROZEN {present.clock(frozen, program.zone, seconds=True)} ", "badge-warn"),))
    if clock_set:
        badges.append((Span(" CLOCK SET ", "badge-warn"),))
    return join(badges, Span(" "))


def _title(program: Program) -> tuple[Line, ...]:
    full = program.title or program.id
    return (Span(crop(full, 48), "title"),), (Span(crop(_brief(full, program.id, 12), 16), "title"),), ()


def _brief(name: str, id_: str, room: int) -> str:
    """The name where it has room or is no longer than the id; else the id."""
    return name if name and cell_width(name) <= max(room, cell_width(id_)) else id_


def _note(program: Program) -> tuple[Line, ...]:
    if not program.note.strip():
        return ()
    return (Span(crop(program.note, 32), "warn"),), (Span(crop(program.note.split()[0], 8), "warn"),), ()


def _clock(program: Program, now: datetime) -> tuple[Line, ...]:
    there = present.local(now, program.zone)
    zone = zones.abbreviation(there)
    time = Span(f"{there:%H:%M:%S}", "strong")
    return (
        text(Span(f"{there:%a} {there.date().isoformat()} "), time, Span(f" {zone}", "dim")),
        text(Span(f"{there:%a} "), time, Span(f" {zone}", "dim")),
        text(time, Span(f" {zone}", "dim")),
        (time,),
    )


def _place(program: Program, now: datetime) -> tuple[Line, ...]:
    if program.start is None:
        return ()
    label = calendar.position(program.calendar, program.start, present.today(now, program)).label
    return (Span(label, "strong"),), ()


def _waves(program: Program, now: datetime) -> tuple[Line, ...]:
    today: date = present.today(now, program)
    active = [s for s in assessed(program, today).values() if s.phase == "active" and s.day is not None]
    if not active:
        return ()
    active.sort(key=lambda status: status.wave.design)  # the last ones are left out first
    full = [
        text(
            Span(f"{status.wave.name or status.wave.id} ", "dim"),
            Span(f"day {status.day}/{status.days or '?'}"),
        )
        for status in active
    ]
    short = [
        text(
            Span(f"{crop(_brief(status.wave.name, status.wave.id, 0), 8)} ", "dim"),
            Span(f"{status.day}/{status.days or '?'}"),
        )
        for status in active
    ]
    return join(full), join(short), join(short[:1]), ()


def _focus(program: Program, view: View) -> tuple[Line, ...]:
    if view.focus_squad is None:
        return ()
    return ((Span(f"only {present.squad_name(program, view.focus_squad)}", "accent"),),)


def _trouble(snapshot: Snapshot, now: datetime, view: View) -> tuple[Line, ...]:
    """What makes the rest of the screen less certain than it looks."""
    if snapshot.restored:
        read = [s.read_at for s in snapshot.sources if s.read_at]
        newest = max(read) if read else snapshot.taken_at
        return ((Span(f"restored {present.since(newest, now)} ago", "warn"),), (Span("restored", "warn"),))
    itself = ", ".join(check.text for check in snapshot.self_checks if check.ok is False)
    me, mine = ("me", "this machine's") if snapshot.relayed is None else ("the collector", "the collector's")
    if itself:
        said = present.hosts(f"? is it {me}: {itself}", view)
        return (Span(said, "unknown"),), (Span(f"? is it {me}", "unknown"),)
    if any(not state.verified for state in snapshot.services):
        return (Span(f"? BLIND: is it {mine} network?", "unknown"),), (Span("? BLIND", "unknown"),)
    failed = [s for s in snapshot.sources if s.error is not None and s.kind != "store"]
    if not failed:
        return ()
    if len(failed) == 1:
        word = "unreadable" if failed[0].kind in ("documents", "status") else "unreachable"
        full = f"? {failed[0].title or failed[0].id} {word}"
    else:
        full = f"? {len(failed)} sources unreachable"
    return (Span(present.hosts(full, view), "unknown"),), (Span(f"? {len(failed)} src", "unknown"),)


def _services(snapshot: Snapshot, now: datetime) -> tuple[Line, ...]:
    if not snapshot.services:
        return ()
    counts = tally(snapshot.services, now)
    old = snapshot.relayed is not None and snapshot.relayed.lost
    shown = [state for state in _ORDER if state is not Health.MAINTENANCE or counts[state]]

    def piece(state: Health, word: bool) -> Line:
        look, count = present.HEALTH[state], counts[state]
        style: Style = look.style if count and not (old and state is Health.UP) else "dim"
        said = f" {look.word.lower()}" if word and (count or state is Health.UP) else ""
        return (Span(f"{look.glyph} {count}{said}", style),)

    return (
        join((piece(state, True) for state in shown), Span("  ")),
        join((piece(state, False) for state in shown), Span(" ")),
        join((piece(state, False) for state in shown if counts[state]), Span(" ")),
    )


_ORDER = (Health.UP, Health.DEGRADED, Health.DOWN, Health.UNKNOWN, Health.MAINTENANCE)


def _next(snapshot: Snapshot, now: datetime, view: View) -> tuple[Line, ...]:
    """Who drives what is on, what is on, or what comes next with its countdown, on both clocks."""
    program, agenda = snapshot.program, agenda_at(snapshot, now)
    if runs := driven(snapshot, now):
        return _driven(runs, program, now, view)
    on = [o for o in agenda.in_progress if not o.ritual.all_day]
    day = [text(Span(title(o)), Span(" today", "accent")) for o in agenda.in_progress if o.ritual.all_day]
    day_short = [
        text(Span(short_title(o)), Span(" today", "accent")) for o in agenda.in_progress if o.ritual.all_day
    ]
    if on:
        now_ = [text(Span(title(o), "strong"), " ", Span("NOW", "warn")) for o in on]
        brief = text(Span(short_title(on[0]), "strong"), " ", Span("NOW", "warn"))
        return join((*day, *now_)), join((*day_short, *now_)), join((*day_short, brief)), brief
    if not agenda.next:
        return join(day), join(day_short)
    first = agenda.next[0]
    left = rituals.countdown((first.start - now).total_seconds())
    named = text(Span(title(first), "strong"), Span(" in ", "dim"), Span(left, "warn"))
    brief = text(Span(short_title(first), "strong"), " ", Span(left, "warn"))
    there = (Span(_there(first, program, view), "dim"),)
    return (
        join((*day, named, there)),
        join((*day_short, text(Span(short_title(first), "strong"), *named[1:]), there)),
        join((*day_short, brief)),
        brief,
    )


def _driven(runs: Sequence[Run], program: Program, now: datetime, view: View) -> tuple[Line, ...]:
    """Each run with its driver and how long it is on; then the latest alone, then without its driver."""

    def piece(run: Run, *, driver: bool = True) -> Line:
        ritual = next((one for one in program.rituals if one.id == run.key.ritual), None)
        name = (ritual.title if ritual is not None else "") or run.key.ritual
        who = f" · {crop(present.person(run.driver, view), 16)} drives" if driver and run.driver else ""
        word = " paused" if run.paused_at is not None else ""
        return text(Span(_end(name), "strong"), Span(who), " ", Span(lasted(run, now) + word, "warn"))

    # Who drives is what the room is about now: other parts become shorter first.
    latest = piece(runs[0])
    return join(map(piece, runs), Span("   ")), latest, latest, piece(runs[0], driver=False)


def _there(occurrence: Occurrence, program: Program, view: View) -> str:
    """The start on the viewer's clock, with its zone and the day where that is another one."""
    here = present.local(occurrence.start, program.zone)
    there = present.local(occurrence.start, view.viewer_zone)
    shift = (there.date() - here.date()).days
    return f"{there:%H:%M} {zones.abbreviation(there)}" + (f" ({shift:+d}d)" if shift else "")


def title(occurrence: Occurrence) -> str:
    """What a ritual is called."""
    return occurrence.ritual.title or occurrence.ritual.id


def short_title(occurrence: Occurrence) -> str:
    """The end of the title, two words where one says too little: ``Standup``, ``Integration Day``."""
    return _end(title(occurrence))


def _end(name: str) -> str:
    parts = name.split()
    if not parts:
        return name
    return crop(parts[-1] if len(parts[-1]) > 3 else " ".join(parts[-2:]), 16)


def strip(snapshot: Snapshot, now: datetime, view: View, width: int) -> Line:
    """One line on what changed since the last standup, and since when that is."""
    told = join((since_words(snapshot, now), summary(snapshot)), WIDE_GAP)
    line = relayline.waiting(snapshot.relayed, view) or told
    return finish((line,), width, 1, ascii_only=view.ascii)[0]
