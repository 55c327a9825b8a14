"""Beginning and ending: the standup, any other ritual, and the minutes of what was held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from controlroom.domain import rituals
from controlroom.domain.decide import Refusal
from controlroom.domain.diff import is_standup
from controlroom.domain.holdings import agenda_at
from controlroom.domain.instants import render
from controlroom.domain.program import Program
from controlroom.domain.rituals import Occurrence
from controlroom.domain.runs import Key, Run, run_of
from controlroom.domain.text import clean
from controlroom.domain.zones import label
from controlroom.tui import holding, present
from controlroom.tui.acts.acting import READ_ONLY
from controlroom.tui.acts.arriving import arrived
from controlroom.tui.acts.handing import LONG
from controlroom.tui.lines import BLANK, text
from controlroom.tui.rows import Line, Span
from controlroom.tui.screens.ask import Answer, Ask
from controlroom.tui.standup import course

if TYPE_CHECKING:
    from controlroom.reporting import Written
    from controlroom.tui.app import RoomApp
    from controlroom.tui.standup.mode import Mode

SLOT = "standup"
"""The status file that is published when a standup begins: what the next one is compared with."""

PUBLISHED_WITHIN = 3.0
"""Seconds that a standup waits for that file; it begins without it rather than late."""


def begin_or_join(mode: Mode) -> None:
    """The ritual under the cursor of the ritual pane; else the standup that is on, or that of today."""
    snapshot, now = mode.snapshot, mode.now
    program = snapshot.program
    chosen = _chosen(mode, program)
    if chosen is None or is_standup(chosen):
        on = course.current(snapshot.runs, now)
        if on is not None and (chosen is None or on.key.ritual == chosen.id):
            mode.open(on.key)
            return
    ids = {chosen.id} if chosen is not None else {one.id for one in program.rituals if is_standup(one)}
    if not ids:
        mode.app.say("no ritual is called a standup: add [[rituals]] with that title", "warn", LONG)
        return
    found = course.due(program, ids, snapshot.runs, now)
    if found is None:
        mode.app.say(_none_today(mode, ids), "warn", LONG)
        return
    kind = holding.kind_of(found.ritual)
    run = run_of(snapshot.runs, Key.of(found))
    if kind == "standup":
        begin(mode, found, run)
    else:
        holding.BEGINS.get(kind, _plainly)(mode.app, found, run)


def _chosen(mode: Mode, program: Program) -> rituals.Ritual | None:
    subject = mode.screen.subject if mode.screen.active == "ritual" else None
    if subject is None or subject.kind != "ritual":
        return None
    return next((one for one in program.rituals if one.id == subject.id), None)


def _none_today(mode: Mode, ids: set[str]) -> str:
    program = mode.snapshot.program
    runs = [run for run in mode.snapshot.runs if run.key.ritual in ids and run.finished_at is not None]
    coming = [one for one in agenda_at(mode.snapshot, mode.now).next if one.ritual.id in ids]
    then = f"; next {present.moment(coming[0].start, mode.now, program.zone)}" if coming else ""
    if runs:
        last = runs[-1]
        when = present.moment(last.began_at, mode.now, program.zone)
        return f"held already: {when}, {mode.app.key_of('minutes.write')} writes its minutes again{then}"
    return f"nothing to begin today{then}"


# Beginning a standup


def begin(mode: Mode, occurrence: Occurrence, run: Run | None) -> None:
    """Begin it, or join the run that is on. What is unusual is asked first."""
    key = Key.of(occurrence)
    if run is not None and run.on and run.segments:
        mode.open(key)
        return
    if mode.app.options.read_only:
        mode.app.say(READ_ONLY, "warn")
        return
    if mode.beginning:
        return
    odd = _odd(occurrence, mode.now, mode.snapshot.program)
    if not odd and not mode.app.options.clock_set:
        _start(mode, occurrence)
        return
    lines = [*odd, *([BLANK] if odd and mode.app.options.clock_set else [])]
    if mode.app.options.clock_set:
        lines += clock_lines(mode.now, mode.snapshot.program)

    def answered(result: str | None) -> None:
        if result == "begin":
            mode.consented(key)
            _start(mode, occurrence)

    title = f"Begin {_meant(mode, occurrence)}?"
    answers = (Answer("y", "begin it now", "begin"), Answer("n", "not now", "leave"))
    mode.app.push_screen(Ask(title, lines, answers, safe="leave"), answered)


def _meant(mode: Mode, occurrence: Occurrence) -> str:
    """The ritual, and the day it is about where that is not today."""
    ritual = occurrence.ritual
    zone = ritual.zone or mode.snapshot.program.zone
    return clean(ritual.title or ritual.id, 40) + present.of_day(occurrence.local_date, mode.now, zone)


def _odd(occurrence: Occurrence, now: datetime, program: Program) -> list[Line]:
    """What somebody who begins it now should know first."""
    when = label(occurrence.start, program.zone, dated=True)
    if occurrence.start - now > course.EARLY:
        left = rituals.countdown((occurrence.start - now).total_seconds())
        return [(Span(f"It starts {when}, in {left}.", "warn"),)]
    if rituals.state(occurrence, now) not in ("upcoming", "in_progress", "started"):
        return [(Span(f"It was to start {when} and is over by the calendar.", "warn"),)]
    return []


def clock_lines(at: datetime, program: Program) -> list[Line]:
    """What a clock that was set means for what is written."""
    return [
        text(
            Span("▲ ", "warn"),
            Span("The clock of this room is set. The log would say for ever that this was done from"),
        ),
        text("  ", Span(f"{label(at, program.zone, dated=True)}  ({render(at)}) on", "strong")),
    ]


def ask_clock(app: RoomApp, at: datetime, then: Callable[[bool], None]) -> None:
    """Ask whether what is done here is written with the time of a clock that is set; `then` is told."""

    def answered(result: str | None) -> None:
        then(result == "yes")

    lines = clock_lines(at, app.room_screen.latest.program)
    answers = (Answer("y", "write it with that time", "yes"), Answer("n", "leave it", "leave"))
    app.push_screen(Ask("The clock is set", lines, answers, safe="leave"), answered)


def _start(mode: Mode, occurrence: Occurrence) -> None:
    mode.beginning = True
    mode.app.run_worker(_beginning(mode, occurrence), group="standup", exit_on_error=False)


async def _beginning(mode: Mode, occurrence: Occurrence) -> None:
    """Publish what the next standup is compared with, which is as it was before this one, and begin."""
    key = Key.of(occurrence)
    try:
        await _publish(mode)
        parts = course.segments(mode.snapshot, occurrence, mode.now)
        made = mode.made("begin", key.run, {"segments": parts}, seen="")
        if isinstance(made, Refusal):
            mode.refuse(made)
            return
        mode.out.keep(made)
        mode.begun(key)
        outcome = await mode.out.deliver(made)
        if outcome.status == "conflict":
            await mode.out.drop(outcome)
            who = clean(outcome.current.action.actor, 40) if outcome.current is not None else "somebody"
            mode.app.say(f"{who} began it a moment before, and drives", "warn", LONG)
    finally:
        if mode.beginning:
            mode.not_begun()


async def _publish(mode: Mode) -> None:
    app = mode.app
    writing = asyncio.ensure_future(app.room.reports.status(SLOT))
    done, _ = await asyncio.wait({writing}, timeout=PUBLISHED_WITHIN)
    if not done:
        writing.add_done_callback(lambda late: late.cancelled() or late.exception())
        app.say("the status file is slow to write: the standup begins without it", "warn", LONG)
    elif (problem := writing.exception()) is not None:
        app.say(f"no status file: {why_not(mode, 'publishing a status', problem)}", "warn", LONG)


def why_not(mode: Mode, doing: str, problem: BaseException) -> str:
    """What kept a document from being written, in plain words."""
    if getattr(problem, "reason", None) is None and isinstance(problem, Exception):
        mode.app.note_failure(doing, problem)
        return type(problem).__name__
    return clean(str(problem), 300)


# Ending it


def finish(mode: Mode, run: Run) -> None:
    """End it, once it is asked about squads that nobody heard."""
    if mode.stopped(run, course.passes_blockers(run, None)):
        return
    missing = course.unheard(run)
    if not missing:
        _end(mode, run)
        return
    program = mode.snapshot.program
    names = [present.squad_name(program, squad) for squad in missing]
    have = "has" if len(names) == 1 else "have"
    lines: list[Line] = [
        (Span(f"{len(names)} of {_squads(run)} squads {have} not reported:", "warn"),),
        *((Span(f"  {name}"),) for name in names),
        (Span("The minutes will say so.", "dim"),),
    ]

    def answered(result: str | None) -> None:
        now = mode.run
        if result == "finish" and now is not None:
            _end(mode, now)

    answers = (Answer("y", "finish, and write the minutes", "finish"), Answer("n", "go on", "leave"))
    mode.app.push_screen(Ask("Finish the standup?", lines, answers, safe="leave"), answered)


def _squads(run: Run) -> int:
    return sum(one.kind == "squad" for one in run.segments)


def _end(mode: Mode, run: Run) -> None:
    mode.consented_first(lambda: _ending(mode, run.key))


def _ending(mode: Mode, key: Key) -> None:
    made = mode.made("finish", key.run, {})
    if isinstance(made, Refusal):
        mode.refuse(made)
        return

    async def end() -> None:
        outcome = await mode.out.deliver(made)
        if outcome.status in ("committed", "queued"):
            late = not await arrived(mode.app, made)
            await write_minutes(mode, key, late=late)

    mode.ends(key)
    mode.out.keep(made)
    mode.heed()
    mode.app.run_worker(end(), group="standup", exit_on_error=False)


# The minutes


def write(mode: Mode) -> None:
    """Write the minutes again: of what is shown, of the ritual under the cursor, or of the last one held."""
    if mode.app.options.read_only:
        mode.app.say(READ_ONLY, "warn")
        return
    snapshot = mode.snapshot
    chosen = _chosen(mode, snapshot.program)
    runs = [run for run in snapshot.runs if chosen is None or run.key.ritual == chosen.id]
    if mode.shown and mode.run is not None:
        runs = [mode.run]
    elif chosen is None:
        runs = [run for run in runs if run.segments] or runs
    if not runs:
        what = clean(chosen.title or chosen.id, 40) if chosen is not None else "no ritual"
        mode.app.say(f"{what} has not been held yet: there are no minutes", "warn")
        return
    run = runs[-1]
    ritual = next((one for one in snapshot.program.rituals if one.id == run.key.ritual), None)
    own = holding.WRITES.get(holding.kind_of(ritual)) if ritual is not None else None
    if own is not None:
        own(mode.app, run)
    else:
        mode.app.run_worker(write_minutes(mode, run.key), group="standup", exit_on_error=False)


async def write_minutes(mode: Mode, key: Key, *, late: bool = False) -> None:
    """Write the minutes, show them, and copy what is said of them in a chat."""
    try:
        written = await mode.app.room.reports.minutes(key)
    except Exception as problem:
        why = why_not(mode, "writing minutes", problem)
        again = mode.app.key_of("minutes.write")
        mode.app.say(f"the minutes are not written: {why}; {again} tries again", "down", LONG)
        return
    show(mode.app, written, late=late)


def show(app: RoomApp, written: Written, *, late: bool = False) -> None:
    """The minutes as they were written, where they lie, and that their short form is on the clipboard."""
    cut = app.copy_text(written.chat) if written.chat else False

    def answered(result: str | None) -> None:
        if result == "copy":
            app.copy_text(written.chat)
            app.say("copied the text for the chat")
        elif result == "path":
            app.copy_text(str(written.path))
            app.say(f"copied {clean(str(written.path), 200)}")

    lines: list[Line] = [
        text(Span("✓ ", "ok"), Span("written to "), Span(clean(str(written.path)), "strong"))
    ]
    if written.chat:
        more = ", cut off where it is too long" if cut else ""
        lines.append(text(Span("✓ ", "ok"), Span(f"the short text for the chat is copied{more}")))
    if late:
        why = "the room has not read the end back: they may lack the last thing that was done"
        lines.append(text(Span("▲ ", "warn"), Span(why)))
    lines.append(BLANK)
    lines += [(Span(clean(line)),) if line else BLANK for line in written.text.splitlines()]
    answers = [Answer("", "close", "close")]
    answers += [Answer("y", "chat text: copy it again", "copy")] if written.chat else []
    answers.append(Answer("p", "path: copy it", "path"))
    app.push_screen(Ask("Minutes", lines, answers), answered)


# Other rituals


def _plainly(app: RoomApp, occurrence: Occurrence, run: Run | None) -> None:
    """Begin a ritual that has no parts; one that is on is ended once that is meant."""
    mode, key = app.room_screen.standup, Key.of(occurrence)
    title = _meant(mode, occurrence)
    if app.options.read_only:
        app.say(READ_ONLY, "warn")
        return
    lines: Sequence[Line]
    if run is None:
        lines = _odd(occurrence, mode.now, mode.snapshot.program)
        verb, kind, label_ = f"Begin {title}?", "begin", "begin it now"
    else:
        who = present.person(run.driver, app.room_screen.view) or "somebody"
        since = present.moment(run.began_at, mode.now, mode.snapshot.program.zone)
        lines = [(Span(f"{title} is on since {since}; {who} leads it.", "strong"),)]
        verb, kind, label_ = f"End {title}?", "finish", "it is over"
        if not course.drives(run, mode.by):
            app.say(f"{title} is on since {since}; {who} leads it", "text", LONG)
            return
    if app.options.clock_set:
        lines = [*lines, *clock_lines(mode.now, mode.snapshot.program)]
    if kind == "begin" and not lines:
        _hand_in(mode, kind, key, {})
        return

    def answered(result: str | None) -> None:
        if result == "yes":
            _hand_in(mode, kind, key, {})

    answers = (Answer("y", label_, "yes"), Answer("n", "leave it", "leave"))
    app.push_screen(Ask(verb, lines, answers, safe="leave"), answered)


def _hand_in(mode: Mode, kind: Any, key: Key, args: dict[str, Any]) -> None:
    made = mode.made(kind, key.run, args, seen="" if kind == "begin" else None)
    if isinstance(made, Refusal):
        mode.refuse(made)
        return

    async def deliver() -> None:
        mode.out.keep(made)
        outcome = await mode.out.deliver(made, said=True)
        if outcome.status == "conflict":
            await mode.out.drop(outcome)
            mode.app.say("somebody began it a moment before", "warn", LONG)

    mode.app.run_worker(deliver(), group="standup", exit_on_error=False)
