"""The end of a drill: what will be recorded, the silence that ends with it, and the report that is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from controlroom.domain.drill import Drill
from controlroom.domain.drill_record import closing
from controlroom.domain.drill_watch import Stopwatch
from controlroom.domain.runs import Key, Run, same_person
from controlroom.domain.text import clean
from controlroom.tui import present
from controlroom.tui.acts.handing import LONG
from controlroom.tui.drill import handing
from controlroom.tui.drill.lookout import now_seen
from controlroom.tui.drill.stopwatches import timed
from controlroom.tui.lines import BLANK, as_text, text
from controlroom.tui.rows import Line, Span, Style
from controlroom.tui.screens.ask import Answer, Ask, fact

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp


def plain(drill: Drill) -> str:
    """How it goes, as text."""
    lines = [f"{drill.title} {drill.run.key.date}: {drill.begun.scenario}", *map(_in_words, drill.watches)]
    for one in drill.symptoms:
        sign = {"no": ", no metric shows it", "not known": ", not known whether a metric shows it"}
        lines.append(f"{'[x]' if one.seen_at else '[ ]'} {one.text}{sign.get(one.sign, '')}")
    return "\n".join(lines) + "\n"


def _in_words(watch: Stopwatch) -> str:
    return f"{watch.name}: {', '.join(as_text((line,)) for line in timed(watch, on=True))}"


def ask(app: RoomApp, run: Run) -> None:
    """Show what will be recorded, and end it where that is wanted."""
    if not run.on:
        app.say(f"it is over: {app.key_of('minutes.write')} writes its report again")
        return
    drill, view = now_seen(app, run), app.room_screen.view
    mine = same_person(run.driver, app.room.desk.by)
    lines: list[Line] = []
    for watch in drill.watches:
        style: Style = "warn" if watch.broken_at is None or watch.recovered_at is None else "text"
        lines.append((Span(_in_words(watch), style),))
    unseen = sum(1 for one in drill.symptoms if one.seen_at is None)
    seen = len(drill.symptoms) - unseen
    lines.append(fact("symptoms", f"{seen} seen, {unseen} not seen, {len(drill.unnoticed)} no metric shows"))
    if drill.begun.hush is not None:
        lines.append(fact("silence", "it ends with the drill: its alerts are told again"))
    else:
        lines.append(fact("silence", "there is none"))
    if app.options.clock_set:
        lines += [
            BLANK,
            text(Span("▲ ", "warn"), Span("the clock of this room is set: the log keeps its time")),
        ]
    driver = clean(present.person(run.driver, view), 40)
    label = "end it and write the report" if mine else f"take it over from {driver} and end it"
    answers = (Answer("y", label, "end"), Answer("n", "not yet", "leave"))

    def answered(result: str | None) -> None:
        if result == "end":
            handing.work(app, _end(app, run, mine=mine))

    safe = "" if mine and not app.options.clock_set else "leave"
    app.push_screen(Ask(f"End {clean(drill.title, 40)}?", lines, answers, safe=safe), answered)


async def _end(app: RoomApp, run: Run, *, mine: bool) -> None:
    snapshot = app.room.snapshot
    if not mine:
        taken = handing.decided(app, "take-over", run.id, {})
        if taken is None or not await handing.submit(app, taken, "taken over"):
            return
        snapshot = app.room.snapshot
        run = replace(run, driver=app.room.desk.by)
        others = [one for one in snapshot.runs if one.key != run.key]
        snapshot = replace(snapshot, runs=(*others, run))
    drill = now_seen(app, run)
    if handing.decided(app, "finish", run.id, closing(drill), snapshot) is None:
        return
    hush = drill.begun.hush
    hush_end = "" if hush is None else await handing.expire(app, hush)
    action = handing.decided(app, "finish", run.id, closing(drill, hush_end), snapshot)
    if action is not None and await handing.submit(app, action, f"{drill.title} is over"):
        await write(app, run.key)


async def write(app: RoomApp, key: Key) -> None:
    """Write the report, and show where it is and what it says in a line."""
    try:
        written = await app.room.reports.drill(key)
    except Exception as problem:
        reason = getattr(problem, "reason", None)
        if reason is None:
            app.note_failure("writing the report of a drill", problem)
        remedy = getattr(problem, "remedy", "")
        said = "; ".join(filter(None, (reason or type(problem).__name__, remedy)))
        again = app.key_of("minutes.write")
        app.say(f"the report is not written: {clean(said, 200)}; {again} tries again", "down", LONG)
        return
    lines: list[Line] = [
        text(Span("✓ ", "ok"), Span("written to "), Span(str(written.path), "strong")),
        BLANK,
        (Span(written.chat),),
    ]
    answers = (Answer("", "close", "close"), Answer("y", "copy this for a chat", "copy"))

    def answered(result: str | None) -> None:
        if result == "copy":
            app.copy_text(written.chat)
            app.say("copied how the drill went")

    app.push_screen(Ask("The report of the drill", lines, answers), answered)
