"""`controlroom drill`: a chaos drill without a screen, from its baseline to its report.

Each command looks once. What happened between two looks only a room knows that was watching: its journal is
read, and where there is none, the report says what that leaves unknown.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controlroom.commands.common import Given, given, say_failures
from controlroom.commands.handing_in import ID_LIMIT, say_set_clock, utf8, writable
from controlroom.domain.actions import Action, Kind, Outcome
from controlroom.domain.decide import Intent, Refusal, decide
from controlroom.domain.frozen import dataclass
from controlroom.headless.problems import FINE, Refused, Unreachable, Usage, complain, say

if TYPE_CHECKING:
    from datetime import date

    from controlroom.config.values import Config
    from controlroom.domain.drill import Drill, Hush
    from controlroom.domain.drill_silence import Quiet
    from controlroom.domain.drill_watch import Sight
    from controlroom.domain.program import Program
    from controlroom.domain.rituals import Ritual, Scenario
    from controlroom.domain.runs import Key, Run
    from controlroom.domain.snapshot import Snapshot
    from controlroom.wiring import Room


@dataclass(frozen=True, slots=True)
class Scene:
    """A room that has looked once, and who asks."""

    asked: Given
    config: Config
    room: Room
    seen: Snapshot
    by: str


def drill_begin(options: Namespace) -> int:
    """Baseline, silence, stopwatches."""
    from controlroom.domain import drill as drills
    from controlroom.headless import drill as shown

    asked = given(options)
    writable(asked)
    own = _own_id(options)
    scene = _look(asked)
    ritual = _ritual(scene.seen.program, options.ritual)
    key = _key(scene, ritual)
    scenario = _scenario(scene, ritual, key.date)
    title = ritual.title or ritual.id
    if (done := _done_before(scene, own, "begin", key.run)) is not None:
        return _tell(asked, done, f"{title} {key.date.isoformat()} has been begun by {scene.by}")
    args = drills.opening(scenario, scene.seen, asked.now(), None, once=True)
    tried = _decided(scene, own, "begin", key.run, args)
    if not isinstance(tried, Action):
        return _refused(asked, own, key.run, tried)
    _remark(scene, ritual, key, scenario)
    quiet = _quiet(scene, ritual, scenario)
    hush = _silence(scene, quiet) if quiet is not None else None
    action = replace(tried, args={**args, "silence": drills.hush_args(hush)} if hush else args)
    outcome = _submit(scene, action)
    if hush is not None and outcome.status not in ("committed", "queued"):
        complain("the drill has not begun", "", f"its silence: {_expire(scene, hush)}")
    setup = drills.begun(_as_run(key, action))
    return _tell(
        asked,
        outcome,
        shown.began(title, key, setup, scene.by),
        **shown.began_as_json(title, key, setup, quiet),
    )


def drill_symptom(options: Namespace) -> int:
    """Somebody sees a symptom, one that was expected or another."""
    from controlroom.domain import drill as drills
    from controlroom.domain.text import clean
    from controlroom.headless import drill as shown

    asked = given(options)
    writable(asked)
    own = _own_id(options)
    said = clean(utf8(options.text)).strip()
    if not said:
        raise Usage("a symptom needs words", "TEXT", "say what is to be seen")
    scene = _look(asked)
    run = _run(scene)
    listed = drills.expected(run, said)
    words = listed or said
    if listed and listed != said:
        say(f"controlroom: taken for the expected one: {listed}")
    item = run.key.box(words)
    if (done := _done_before(scene, own, "tick", item)) is not None:
        return _tell(asked, done, f"symptom seen: {words}")
    symptom = drills.Symptom(words, listed is not None, item=item)
    known = next(
        (one for one in drills.watch(run, scene.seen, asked.now()).symptoms if one.item == item), None
    )
    if known is not None and known.seen_at is not None and options.seen is None:
        symptom = known
        say(f"controlroom: it is ticked already, by {known.by}")
        asked.print(lambda: shown.ticked(symptom), lambda: {"status": "unchanged", "item": item})
        return FINE
    evidence = drills.evidence(words, run, scene.seen, asked.now(), _sights(scene))
    args = {"evidence": evidence, "why": "" if listed else words}
    action = _decided(scene, own, "tick", item, args)
    if not isinstance(action, Action):
        return _refused(asked, own, item, action)
    return _tell(asked, _submit(scene, action), shown.ticked(replace(symptom, evidence=evidence)))


def drill_injected(options: Namespace) -> int:
    """The fault is in: from now on detection is counted."""
    from controlroom.domain.drill import INJECTED

    asked = given(options)
    writable(asked)
    own = _own_id(options)
    scene = _look(asked, "documents", "store")
    run = _run(scene)
    item = run.key.minutes
    if (done := _done_before(scene, own, "note", item)) is not None:
        return _tell(asked, done, "the fault is in")
    if not run.on:
        raise Refused("the drill is over", run.key.date.isoformat(), "its times are recorded")
    text = utf8(options.text or "") or "the fault is in"
    action = _decided(scene, own, "note", item, {"text": text, "about": INJECTED})
    if not isinstance(action, Action):
        return _refused(asked, own, item, action)
    return _tell(asked, _submit(scene, action), f"{text}: times count from now")


def drill_finish(options: Namespace) -> int:
    """Measure, end the silence, record, and write the report."""
    from controlroom.domain import drill as drills
    from controlroom.domain import drill_record
    from controlroom.headless import drill as shown

    asked = given(options)
    writable(asked)
    own = _own_id(options)
    scene = _look(asked)
    run = _run(scene)
    if (done := _done_before(scene, own, "finish", run.id)) is not None:
        return _tell(asked, done, "the drill is over")
    tried = _decided(scene, own, "finish", run.id, {})
    if not isinstance(tried, Action):
        return _refused(asked, own, run.id, tried)
    sights = _sights(scene)
    drill = drills.watch(run, scene.seen, asked.now(), seen=sights)
    hush = drill.begun.hush
    hush_end = "" if hush is None else _expire(scene, hush)
    action = replace(tried, args=drill_record.closing(drill, hush_end))
    outcome = _submit(scene, action)
    if outcome.status not in ("committed", "queued"):
        return _tell(asked, outcome, "")
    ended = replace(run, finished_at=action.at, closing=action.args)
    drill = drill_record.recorded(ended, scene.seen) or drill
    paths = _write(scene, drill)
    files = {"files": [str(path) for path in paths]}
    told = shown.ended(drill) + "".join(f"  {path}\n" for path in paths)
    return _tell(asked, outcome, told, **files, drill=_document(scene, drill))


def drill_report(options: Namespace) -> int:
    """How it went, or how it goes."""
    from controlroom.domain import drill as drills
    from controlroom.domain import drill_record
    from controlroom.headless import drill as shown
    from controlroom.reports import drill as report

    asked = given(options)
    if options.write:
        writable(asked)
    scene = _look(asked, "documents", "store")
    run = _run(scene)
    drill = drill_record.recorded(run, scene.seen)
    if drill is None:
        scene = _look(asked)
        run = _run(scene)
        drill = drills.watch(run, scene.seen, asked.now(), seen=_sights(scene))
    found = drill
    banner = scene.config.program.banner
    asked.print(lambda: report.markdown(found, scene.seen.program, banner), lambda: _document(scene, found))
    if options.write:
        for path in _write(scene, found, needed=True):
            say(f"controlroom: written to {path}")
    return shown.exit_code(found)


# Looking


def _look(asked: Given, *kinds: Any) -> Scene:
    """One look at these sources, at all of them without any."""
    from controlroom import acting, wiring
    from controlroom.headless.sweeping import WITHIN, run

    config = asked.config()
    room = wiring.build(config, clock=asked.now, sources=frozenset(kinds) or None)
    seen = run(room.sweep(WITHIN))
    say_failures(seen)
    by = acting.who(config, utf8(getattr(asked.options, "by", None) or "") or None)
    return Scene(asked, config, room, seen, by)


def _sights(scene: Scene) -> Mapping[str, Sight]:
    """What this look and the journal of a room beside it tell of the services."""
    from controlroom.domain.drill_watch import looked
    from controlroom.domain.watched import Watched
    from controlroom.last_known import journal_path
    from controlroom.stores import health_journal

    watched: Watched | None = None
    within = 0.0
    path = None if scene.asked.at is not None else journal_path(scene.config, os.environ)
    if path is not None:
        try:
            watched, within = health_journal.read(path), health_journal.watching_within(path)
        except OSError as problem:
            complain("what a room has seen cannot be read", f"{path}: {problem.strerror}")
    return looked(scene.seen.services, watched, within)


def _ritual(program: Program, wanted: str | None) -> Ritual:
    """The drill that is meant. Raises Usage."""
    from controlroom.domain.decide_args import close_to
    from controlroom.domain.drill import is_drill
    from controlroom.domain.text import slug

    known = [one for one in program.rituals if is_drill(one)]
    if wanted is None:
        if len(known) == 1:
            return known[0]
        ids = ", ".join(one.id for one in known)
        if known:
            raise Usage("there are several drills", "--ritual", f"it is one of: {ids}")
        raise Usage("no drill is declared", "", "add a [[rituals]] with a rotation")
    asked = slug(utf8(wanted))
    for one in known:
        if asked in (slug(one.id), slug(one.title)):
            return one
    names = [one.id for one in known]
    remedy = close_to(utf8(wanted), names) or f"it is one of: {', '.join(names)}"
    raise Usage("no drill is called so", f"--ritual {wanted}", remedy if names else "add a [[rituals]]")


def _key(scene: Scene, ritual: Ritual) -> Key:
    from controlroom.domain.drill import key_for
    from controlroom.domain.runs import Key

    day = _date(scene.asked.options.date)
    return key_for(scene.seen.program, ritual, scene.asked.now()) if day is None else Key(ritual.id, day)


def _date(written: str | None) -> date | None:
    from datetime import date

    if written is None:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise Usage("no date", f"--date {written}", "write it as 2025-10-10") from None


def _run(scene: Scene) -> Run:
    """The drill that is meant: the one that is on, else the last. Raises Refused, Unreachable.

    One that nobody ended is on for a day; after that it is meant only where its date is given.
    """
    from controlroom.domain.drill import of
    from controlroom.domain.holdings import driven

    options, seen = scene.asked.options, scene.seen
    day = _date(options.date)
    ritual = _ritual(seen.program, options.ritual).id if options.ritual else None
    found = [
        run
        for run in of(seen.runs, seen.program)
        if (ritual is None or run.key.ritual == ritual) and (day is None or run.key.date == day)
    ]
    if found:
        keys = {run.key for run in found}
        on = (run for run in driven(seen, scene.asked.now()) if run.key in keys)
        return next(on, found[-1])
    if seen.ledger is None:
        raise Unreachable("it is not known whether a drill is on", "the triage log cannot be read")
    raise Refused("no drill has begun", str(day or ""), "begin one with controlroom drill begin")


def _scenario(scene: Scene, ritual: Ritual, day: date) -> Scenario:
    """What is drilled, on which services. Raises Usage."""
    from controlroom.domain.drill import named, turn, undeclared

    options, program = scene.asked.options, scene.seen.program
    if options.scenario is not None:
        found: Scenario | None = named(ritual, utf8(options.scenario))
    else:
        found = turn(program, ritual, day)
    if found is None or not found.scenario:
        why = undeclared(program, day) if found is None else "the scenario has no words"
        raise Usage(why, "--scenario", "name one with --scenario")
    if options.service:
        found = replace(found, services=tuple(_service(scene.seen, one) for one in options.service))
    return found


def _service(seen: Snapshot, wanted: str) -> str:
    """Id of a service that is probed, by id or name. Raises Usage."""
    from controlroom.domain.decide_args import close_to
    from controlroom.domain.text import slug

    name = slug(utf8(wanted))
    for state in seen.services:
        if name in (slug(state.service.id), slug(state.service.name)):
            return state.service.id
    ids = [state.service.id for state in seen.services]
    remedy = close_to(utf8(wanted), ids) or f"it is one of: {', '.join(ids) or 'none'}"
    raise Usage("no service is called so", f"--service {wanted}", remedy)


def _remark(scene: Scene, ritual: Ritual, key: Key, scenario: Scenario) -> None:
    """What is unusual about it."""
    from controlroom.domain.rituals import falls_on

    if not falls_on(ritual, key.date):
        say(f"controlroom: {ritual.title or ritual.id} is not held on {key.date.isoformat()} by its rule")
    if not scenario.services:
        complain("no service has a stopwatch", scenario.scenario, "name those that suffer with --service")
    known = {state.service.id for state in scene.seen.services}
    for service in scenario.services:
        if service not in known:
            complain("a service of the scenario is not probed", service, "its times will not be measured")


# The silence


def _quiet(scene: Scene, ritual: Ritual, scenario: Scenario) -> Quiet | None:
    """The silence to set. Raises Refused for one that may not be set."""
    from controlroom.domain.drill_silence import Unfit, planned

    if scene.asked.options.no_silence:
        return None
    found = planned(scenario, ritual, scene.seen, scene.asked.now(), scene.by)
    if isinstance(found, Unfit):
        raise Refused(found.reason, scenario.scenario, f"{found.remedy}, or begin with --no-silence")
    if found is not None and scene.asked.at is not None:
        say("controlroom: nothing is silenced: --at sets the clock, and Alertmanager goes by its own")
        return None
    return found


def _silence(scene: Scene, quiet: Quiet) -> Hush:
    """Say what it would match, and set it. Raises Refused, Unreachable."""
    from controlroom.headless import drill as shown
    from controlroom.headless.sweeping import run

    say(f"controlroom: {shown.preview(quiet)}")
    id_, problem = run(scene.room.desk.hush(quiet.server, quiet.draft))
    if not id_:
        raise Unreachable("the silence cannot be set", problem, "begin with --no-silence, or mend that first")
    return quiet.hush(id_)


def _expire(scene: Scene, hush: Hush) -> str:
    """End the silence; what became of it."""
    from controlroom.domain.instants import render
    from controlroom.headless.sweeping import run

    if hush.until is not None and hush.until <= scene.asked.now():
        return "it had run out"
    problem = run(scene.room.desk.expire(hush.server, hush.id))
    if not problem:
        say(f"controlroom: the silence {hush.id} has ended")
        return "ended with the drill"
    until = render(hush.until) if hush.until else "an unknown time"
    complain("the silence may still be there", problem, f"it ends by itself at {until}")
    return f"not ended ({problem}); it lasts until {until}"


# Handing in


def _own_id(options: Namespace) -> str:
    from controlroom import acting

    id_: str | None = options.action_id
    if id_ is None:
        return acting.new_id()
    if not (id_.strip() and id_.isprintable() and len(id_) <= ID_LIMIT):
        raise Usage("an action's id is a short word", "--id", f"give 1 to {ID_LIMIT} characters")
    return id_


def _done_before(scene: Scene, id_: str, kind: Kind, item: str) -> Outcome | None:
    """What became of the action with this id, where there is one already."""
    from controlroom.domain.runs import same_person

    seen, found = scene.seen, None
    if seen.ledger is not None:
        entries = (entry for history in seen.ledger.items.values() for entry in history)
        entry = next((entry for entry in entries if entry.action.id == id_), None)
        found = None if entry is None else Outcome("committed", entry.action, entry.rev)
    for waiting in () if found else (*seen.outbox.queued, *seen.outbox.conflicts):
        if waiting.action.id == id_:
            found = scene.room.delivery.submit(waiting.action)
    if found is None:
        return None
    action = found.action
    if (action.kind, action.item) == (kind, item) and same_person(action.actor, scene.by):
        return found
    raise Refused("this id belongs to another action", f"--id {id_}", "leave out --id, or give another one")


def _decided(scene: Scene, id_: str, kind: Kind, item: str, args: Mapping[str, Any]) -> Action | Refusal:
    from controlroom import acting

    seen = getattr(scene.asked.options, "seen", None)
    intent = Intent(kind, item, args, scene.by, acting.host(), id_, None if seen is None else utf8(seen))
    return decide(scene.seen, intent, scene.asked.now())


def _submit(scene: Scene, action: Action) -> Outcome:
    say_set_clock(scene.asked, action)
    return scene.room.delivery.submit(action)


def _refused(asked: Given, id_: str, item: str, refused: Refusal) -> int:
    from controlroom.headless import actions, output

    if asked.options.json:
        output.document(actions.refusal(refused, id_, item))
    complain(refused.reason, item, refused.remedy)
    return actions.EXIT["refused"]


def _tell(asked: Given, outcome: Outcome, told: str, **more: Any) -> int:
    """Print what became of an action, with what it means; its exit code."""
    from controlroom.commands.triage import tell_outcome
    from controlroom.headless import actions, output

    if asked.options.json or outcome.status not in ("committed", "queued"):
        return tell_outcome(asked, outcome, **more)
    place = f"committed r{outcome.rev}" if outcome.status == "committed" else "queued"
    output.text(f"{place}: {told}")
    if outcome.status == "queued":
        remedy = outcome.remedy or "controlroom outbox drain delivers it"
        complain("it waits in the outbox", outcome.reason, remedy)
    return actions.EXIT[outcome.status]


# Writing


def _as_run(key: Key, action: Action) -> Run:
    from controlroom.domain.runs import Run

    return Run(key, action.actor, action.at, opening=action.args)


def _document(scene: Scene, drill: Drill) -> dict[str, Any]:
    from controlroom.reports import drill as report

    return report.document(drill, scene.seen.program, scene.config.program.banner)


def _write(scene: Scene, drill: Drill, *, needed: bool = False) -> Sequence[Any]:
    """Write the report; where it is, or nothing. Raises Refused where it is `needed` and cannot be."""
    from controlroom.headless.sweeping import run
    from controlroom.reporting import CannotWrite
    from controlroom.reports import drill as report

    made = report.files(drill, scene.seen.program, scene.config.program.banner)
    try:
        return run(scene.room.reports.keep(drill.run.key.date.isoformat(), made))
    except CannotWrite as problem:
        if needed:
            raise Refused("the report cannot be written", problem.reason, problem.remedy) from None
        complain("the report is not written", problem.reason, problem.remedy)
        return ()
