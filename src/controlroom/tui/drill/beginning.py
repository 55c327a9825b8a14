"""Beginning a drill: what is drilled, who will suffer, what is silenced and until when, asked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controlroom.domain import drill as drills
from controlroom.domain import health
from controlroom.domain.drill_silence import Quiet, Unfit, planned
from controlroom.domain.instants import duration
from controlroom.domain.rituals import Occurrence, Ritual, Scenario
from controlroom.domain.runs import Key, Run
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean, slug
from controlroom.tui import moments, present
from controlroom.tui.acts.acting import READ_ONLY
from controlroom.tui.acts.fields import Field, Form
from controlroom.tui.acts.handing import LONG
from controlroom.tui.drill import handing
from controlroom.tui.drill.lookout import posted
from controlroom.tui.drill.screen import DrillScreen
from controlroom.tui.lines import BLANK, join, text
from controlroom.tui.rows import Line, Span
from controlroom.tui.screens.ask import Answer, Ask, fact
from controlroom.tui.screens.form import Fault

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp

LISTED = 4
"""Alerts that the question lists before it only counts."""


def begin(app: RoomApp, occurrence: Occurrence, run: Run | None) -> None:
    """Begin the drill `occurrence`, or show the one that somebody began."""
    if run is not None:
        open_drill(app, run.key)
        return
    if app.options.read_only:
        app.say(READ_ONLY, "warn")
        return
    key = Key.of(occurrence)
    scenario = drills.turn(app.room.snapshot.program, occurrence.ritual, key.date)
    if scenario is None:
        _fill_in(app, occurrence.ritual, key, drills.undeclared(app.room.snapshot.program, key.date))
    else:
        _ask(app, occurrence.ritual, key, scenario)


def open_drill(app: RoomApp, key: Key) -> None:
    """Its stopwatches and symptoms over the room."""
    posted(app, key)
    app.push_screen(DrillScreen(key))


def _fill_in(app: RoomApp, ritual: Ritual, key: Key, why: str, told: Mapping[str, str] | None = None) -> None:
    """Ask what is drilled, and who will suffer."""
    made: list[Scenario] = []

    def check(args: Mapping[str, Any]) -> Fault | None:
        named = drills.named(ritual, str(args.get("scenario", "")))
        if not named.scenario:
            return Fault("scenario", "there are no words in it", "say what is drilled")
        wanted = [one for one in str(args.get("services", "")).replace(",", " ").split() if one]
        found = [_service(app.room.snapshot, one) for one in wanted]
        if None in found:
            missing = wanted[found.index(None)]
            return Fault("services", f"no service is called {clean(missing, 40)}", "name ids of services")
        services = tuple(one for one in found if one is not None)
        made[:] = [replace(named, services=services) if services else named]
        return None

    known = " ".join(state.service.id for state in app.room.snapshot.services)
    fields = (
        Field("scenario", "scenario", note="what is drilled"),
        Field("services", "services", note=clean(f"who will suffer: {known}", 200)),
    )
    form = Form(f"Begin {_meant(app, ritual, key)}", fields, (why,), texts=told or {})
    app.acting.show_form(form, check, lambda typed: _ask(app, ritual, key, made[0], typed), "go on")


def _meant(app: RoomApp, ritual: Ritual, key: Key) -> str:
    """The drill, and the day it is about where that is not today."""
    zone = ritual.zone or app.room.snapshot.program.zone
    title = present.hosts(clean(ritual.title or ritual.id, 40), app.room_screen.view)
    return title + present.of_day(key.date, app.room.clock(), zone)


def _service(snapshot: Snapshot, wanted: str) -> str | None:
    name = slug(wanted)
    states = (state.service for state in snapshot.services)
    return next((one.id for one in states if name in (slug(one.id), slug(one.name))), None)


def _ask(
    app: RoomApp, ritual: Ritual, key: Key, scenario: Scenario, typed: Mapping[str, str] | None = None
) -> None:
    """Show exactly what begins, and begin it where that is wanted."""
    snapshot, now = app.room.snapshot, app.room.clock()
    quiet = planned(scenario, ritual, snapshot, now, app.room.desk.by)
    answers = [Answer("b", "begin it, silence nothing", "loud")]
    if isinstance(quiet, Quiet) and not app.options.clock_set:
        at = present.moment(quiet.draft.ends_at, now, snapshot.program.zone)
        answers.insert(0, Answer("y", f"begin it, silence until {at} at most", "quiet"))
    elif quiet is None:
        answers = [Answer("y", "begin it", "loud")]
    answers += [Answer("e", "another scenario", "edit"), Answer("n", "not now", "leave")]
    lines = [*_what(app, scenario), *_hush_lines(app, quiet)]
    if app.options.clock_set:
        said = "the clock of this room is set: the log keeps its time, and nothing is silenced"
        lines.append(text(Span("▲ ", "warn"), Span(said)))

    def answered(result: str | None) -> None:
        if result == "edit":
            given = typed or {"scenario": scenario.scenario, "services": " ".join(scenario.services)}
            _fill_in(app, ritual, key, "name another scenario", given)
        elif result in ("quiet", "loud"):
            chosen = quiet if result == "quiet" and isinstance(quiet, Quiet) else None
            handing.work(app, _begin(app, ritual, key, scenario, chosen))

    title = f"Begin {_meant(app, ritual, key)}?"
    safe = "leave" if app.options.clock_set or isinstance(quiet, Unfit) else ""
    app.push_screen(Ask(title, lines, answers, safe=safe), answered)


def _what(app: RoomApp, scenario: Scenario) -> list[Line]:
    snapshot, now, view = app.room.snapshot, app.room.clock(), app.room_screen.view
    lines = [
        fact("scenario", clean(scenario.scenario, 200), "strong"),
        fact("owner", present.person(scenario.owner, view) or "not declared"),
    ]
    states = {state.service.id: state for state in snapshot.services}
    for number, service in enumerate(scenario.services):
        state = states.get(service)
        if state is None:
            lines.append(fact("" if number else "services", f"{service}: not probed", "unknown"))
            continue
        look = present.HEALTH[health.shown(state, now).health]
        lines.append(
            text(
                Span(f"{'' if number else 'services':<10}", "dim"),
                Span(f"{look.glyph} {look.word}", look.style),
                Span(f"  {state.service.name or service}"),
            )
        )
    if not scenario.services:
        lines.append(fact("services", "none: no stopwatch will run", "warn"))
    lines.append(fact("RTO", duration(scenario.rto) if scenario.rto else "not declared"))
    count = len(scenario.symptoms)
    said = f"{count} symptom{'' if count == 1 else 's'} to tick as they appear" if count else "no symptom"
    return [*lines, fact("expected", said)]


def _hush_lines(app: RoomApp, quiet: Quiet | Unfit | None) -> Sequence[Line]:
    snapshot, now, view = app.room.snapshot, app.room.clock(), app.room_screen.view
    if quiet is None:
        return (fact("silence", "none is declared: every alert is told"),)
    if isinstance(quiet, Unfit):
        said = f"{quiet.reason}; {quiet.remedy}"
        return (BLANK, text(Span("▲ ", "warn"), Span(f"nothing can be silenced: {said}")))
    until = moments.told(quiet.draft.ends_at, now, snapshot.program.zone, view.viewer_zone)
    matchers = " ".join(quiet.hush("").matchers)
    count = len(quiet.matches)
    matches = f"matches {'1 alert' if count == 1 else f'{count} alerts' if count else 'nothing'} now"
    lines: list[Line] = [
        fact("silence", present.hosts(matchers, view), "accent"),
        fact("", until),
        fact("", f"{quiet.server} does not answer: what it matches is not known", "warn")
        if quiet.unseen
        else fact("", f"{matches}, in {quiet.server}"),
    ]
    for alert in quiet.matches[:LISTED]:
        squad = present.squad_name(snapshot.program, alert.squad) if alert.squad else "unowned"
        lines.append(join((text(" " * 10, Span(clean(alert.name, 60))), (Span(squad, "dim"),))))
    if count > LISTED:
        lines.append(fact("", f"… {count - LISTED} more", "dim"))
    return lines


async def _begin(app: RoomApp, ritual: Ritual, key: Key, scenario: Scenario, quiet: Quiet | None) -> None:
    """Silence, then begin; what was silenced for a drill that does not begin is heard again at once."""
    opening = drills.opening(scenario, app.room.snapshot, app.room.clock(), None)
    if handing.decided(app, "begin", key.run, opening) is None:
        return
    hush = None
    if quiet is not None:
        id_, problem = await app.room.desk.hush(quiet.server, quiet.draft)
        if not id_:
            app.say(f"not begun, the silence is not set: {problem}", "down", LONG)
            _ask(app, ritual, key, scenario)
            return
        hush = quiet.hush(id_)
        opening = {**opening, "silence": drills.hush_args(hush)}
    action = handing.decided(app, "begin", key.run, opening)
    title = clean(ritual.title or ritual.id, 40)
    if action is not None and await handing.submit(app, action, f"{title} begun: {scenario.scenario}"):
        open_drill(app, key)
    elif hush is not None:
        await handing.expire(app, hush)
