"""Chaos drills: what one begins with, and what the room saw of it (domain rules, Chaos drill).

A drill is a run of a rotating ritual. It begins with a baseline; then each service that is expected to suffer
has a stopwatch, which only reads the transitions that were seen. Every tick is a person's:

- a symptom is a box of the run, ``box:<ritual>/<date>/<symptom>``; one that nobody expected is a box whose
  ``why`` has its words, as no list has them;
- that the fault is in is a note of the run about ``injected``; without one, time counts from the beginning.

What nobody watched is not measured, and never 0.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from controlroom.domain.calendar import position
from controlroom.domain.drill_signs import Observed, Sign, names_of, observed, shown_by, unanswered
from controlroom.domain.drill_watch import Sight, Stopwatch, sights, stopwatch
from controlroom.domain.fold_args import LINE_LIMIT, NAME_LIMIT, acted, effective
from controlroom.domain.frozen import dataclass
from controlroom.domain.health import shown as as_shown
from controlroom.domain.instants import maybe, parse
from controlroom.domain.rituals import Ritual, Scenario, between
from controlroom.domain.runs import Box, Key, Run
from controlroom.domain.services import Health
from controlroom.domain.text import clean, slug
from controlroom.domain.zones import local

if TYPE_CHECKING:
    from controlroom.domain.program import Program
    from controlroom.domain.snapshot import Snapshot

INJECTED = "injected"
"""What the note is about that says that the fault is in."""

SHOWS = "the room shows "
"""How the evidence of a tick begins that the room itself gave."""

HOUR = 3600.0
"""Seconds a silence lasts for a drill whose ritual declares no length."""

LISTED = 100
"""Services, symptoms and the like of one drill at most; what a log says beyond that is not read."""


@dataclass(frozen=True, slots=True)
class Hush:
    """The silence that was set for a drill."""

    server: str
    id: str
    matchers: tuple[str, ...] = ()
    """As amtool writes them."""
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Steady:
    """How a service was when the drill began."""

    health: Health
    since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """What a drill began with, as its first action says. All of it is cleaned."""

    scenario: str = ""
    owner: str | None = None
    services: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    rto: float | None = None
    """Seconds."""
    steady: Mapping[str, Steady] = field(default_factory=dict)
    """By service; one that was not looked at is not among them."""
    gates: Mapping[str, str] = field(default_factory=dict)
    """Wave → verdict."""
    blockers: tuple[str, ...] = ()
    """Ids of those that were open already, as far as they are listed."""
    taken_at: dt.datetime | None = None
    """When that was seen; None: there is no baseline."""
    hush: Hush | None = None
    blockers_open: int | None = None
    """How many were open already; None: nobody wrote it down."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something people see, or expected to. `seen_at` None: nobody said that it is to be seen."""

    text: str
    expected: bool
    seen_at: dt.datetime | None = None
    by: str = ""
    evidence: str = ""
    sign: Sign = ""
    """Whether anything that the room watches showed it, too."""
    shown: tuple[str, ...] = ()
    """What did."""
    why: str = ""
    """Why that is not known."""
    item: str = ""
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alert that fired during a drill."""

    fingerprint: str
    name: str
    severity: str = ""
    squad: str | None = None
    starts_at: dt.datetime | None = None
    silenced: bool = False
    server: str = ""


@dataclass(frozen=True, slots=True)
class Raised:
    """A blocker that was opened during a drill."""

    id: str
    summary: str
    owner: str | None = None
    opened_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill as far as it has come at `end`, which is the present while it is on."""

    run: Run
    title: str
    begun: Begun
    end: dt.datetime
    injected_at: dt.datetime
    marked: bool
    """Somebody said when the fault was in; else it is taken for the beginning."""
    watches: tuple[Stopwatch, ...] = ()
    symptoms: tuple[Symptom, ...] = ()
    """Those expected, in their order, then the others."""
    alarms: tuple[Alarm, ...] = ()
    raised: tuple[Raised, ...] = ()
    by: str = ""
    """What measured it, in words."""
    unknown: tuple[str, ...] = ()
    """What could not be seen, and why."""
    hush_end: str = ""
    """What became of the silence."""

    @property
    def unnoticed(self) -> tuple[Symptom, ...]:
        """Symptoms that were seen and that nothing the room watches showed."""
        return tuple(one for one in self.symptoms if one.seen_at and one.sign == "no")


# Which drill it is


def is_drill(ritual: Ritual) -> bool:
    """A ritual that does something else every programme week."""
    return ritual.rotates or bool(ritual.rotation)


def key_for(program: Program, ritual: Ritual, now: dt.datetime) -> Key:
    """The holding that a drill begun at `now` is: that of today, wherever it was moved from."""
    today = local(now, ritual.zone or program.zone).date()
    around = between(program, now - dt.timedelta(days=2), now + dt.timedelta(days=2))
    for occurrence in around:
        if occurrence.ritual.id != ritual.id or occurrence.cancelled:
            continue
        if local(occurrence.start, ritual.zone or program.zone).date() == today:
            return Key.of(occurrence)
    return Key(ritual.id, today)


def week_of(program: Program, date: dt.date) -> int | None:
    """Its programme week; None where the programme has no start."""
    return None if program.start is None else position(program.calendar, program.start, date).week


def turn(program: Program, ritual: Ritual, date: dt.date) -> Scenario | None:
    """What the rotation has for the programme week of `date`; None: nothing is declared for it."""
    week = week_of(program, date)
    return next((one for one in ritual.rotation if one.week == week), None)


def undeclared(program: Program, date: dt.date) -> str:
    """Why no scenario is known for `date`."""
    week = week_of(program, date)
    return "the programme has no start" if week is None else f"scenario not declared for Week {week}"


def named(ritual: Ritual, text: str) -> Scenario:
    """The scenario that `text` names: one of the rotation, with all it says, or a new one."""
    known = next((one for one in ritual.rotation if slug(one.scenario) == slug(text)), None)
    return known or Scenario(0, clean(text, NAME_LIMIT * 2).strip())


def silenced_for(ritual: Ritual) -> dt.timedelta:
    """How long a silence lasts at most, whatever becomes of the room."""
    return dt.timedelta(seconds=ritual.minutes * 60 if ritual.minutes else HOUR)


def opening(
    scenario: Scenario, snapshot: Snapshot, now: dt.datetime, hush: Hush | None, *, once: bool = False
) -> dict[str, Any]:
    """The arguments of the action that begins a drill of `scenario` in the room as it is.

    `once`: the room has looked a moment ago and does not go on; what it found has not grown old.
    """
    states = [
        as_shown(state, (state.probed_at if once else None) or now)
        for state in snapshot.services
        if state.service.id in scenario.services
    ]
    blockers = [blocker.id for blocker in snapshot.blockers if blocker.state != "resolved"]
    baseline = {
        "taken_at": maybe(now),
        "services": {
            state.service.id: {"health": str(state.health), "since": maybe(state.since)} for state in states
        },
        "gates": {gate.wave: gate.verdict for gate in snapshot.gates},
        "blockers": blockers[:LISTED],
        "blockers_open": len(blockers),
    }
    args: dict[str, Any] = {
        "scenario": scenario.scenario,
        "owner": scenario.owner,
        "services": list(scenario.services),
        "symptoms": list(scenario.symptoms),
        "rto": scenario.rto,
        "baseline": baseline,
        "silence": hush_args(hush),
    }
    return {name: value for name, value in args.items() if value}


def hush_args(hush: Hush | None) -> dict[str, Any] | None:
    """A silence as it is written down."""
    if hush is None:
        return None
    matchers = list(hush.matchers)
    return {"server": hush.server, "id": hush.id, "matchers": matchers, "until": maybe(hush.until)}


# What stands in the log, whoever wrote it


def line(value: object, limit: int = NAME_LIMIT * 2) -> str:
    """A text of the log, cleaned; empty where it is none."""
    return clean(value, limit).strip() if isinstance(value, str) else ""


def lines(value: object, limit: int = NAME_LIMIT * 2) -> tuple[str, ...]:
    """A list of texts of the log, each once, without the empty ones."""
    listed = value[:LISTED] if isinstance(value, list | tuple) else ()
    return tuple(dict.fromkeys(filter(None, (line(one, limit) for one in listed))))


def moment(value: object) -> dt.datetime | None:
    """An instant of the log; None where it is none."""
    try:
        return parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def number(value: object) -> float | None:
    """A length of time of the log in seconds; None where it is none."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if usable and isinstance(value, int | float) else None


def table(value: object) -> Mapping[str, Any]:
    """An object of the log; empty where it is none."""
    return {str(name): inner for name, inner in value.items()} if isinstance(value, Mapping) else {}


def begun(run: Run) -> Begun:
    """What `run` began with."""
    args = run.opening
    baseline = table(args.get("baseline"))
    steady = {}
    for name, said in list(table(baseline.get("services")).items())[:LISTED]:
        health = table(said).get("health")
        if health in set(map(str, Health)):
            steady[line(name)] = Steady(Health(health), moment(table(said).get("since")))
    gates = {line(wave): line(verdict) for wave, verdict in table(baseline.get("gates")).items()}
    return Begun(
        line(args.get("scenario")),
        line(args.get("owner")) or None,
        lines(args.get("services")),
        lines(args.get("symptoms"), LINE_LIMIT),
        number(args.get("rto")) or None,
        steady,
        gates,
        lines(baseline.get("blockers")),
        moment(baseline.get("taken_at")),
        hush(table(args.get("silence"))),
        _count(baseline.get("blockers_open")),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1e9 else None


def hush(args: Mapping[str, Any]) -> Hush | None:
    """The silence that was written down; None where there was none."""
    id_ = line(args.get("id"))
    return (
        Hush(
            line(args.get("server")), id_, lines(args.get("matchers"), LINE_LIMIT), moment(args.get("until"))
        )
        if id_
        else None
    )


# What was seen


def watch(
    run: Run,
    snapshot: Snapshot,
    now: dt.datetime,
    *,
    seen: Mapping[str, Sight] | None = None,
    alarms: Iterable[Alarm] = (),
) -> Drill:
    """The drill of `run` as the room sees it at `now`.

    `seen` is what is known of services over time, where that is more than the snapshot has; `alarms` are
    alerts that somebody saw fire since it began and that may be over.
    """
    known = sights(snapshot.services) if seen is None else seen
    setup = begun(run)
    end = max(run.finished_at or now, run.began_at)
    marks = [note.at for note in run.captures if note.kind == "note" and note.about == INJECTED]
    injected = max(marks[-1], run.began_at) if marks else run.began_at
    watches = tuple(
        stopwatch(
            known.get(service, Sight(service)),
            setup.steady[service].health if service in setup.steady else Health.UNKNOWN,
            (run.began_at, end),
            injected if marks else None,
            setup.rto,
        )
        for service in setup.services
    )
    fired = _alarms(run, snapshot, end, alarms)
    look = _Look(snapshot, known, observed(snapshot, known, fired, (run.began_at, end)), watches)
    ritual = next((one for one in snapshot.program.rituals if one.id == run.key.ritual), None)
    return Drill(
        run,
        clean((ritual.title if ritual else "") or run.key.ritual, NAME_LIMIT),
        setup,
        end,
        injected,
        bool(marks),
        watches,
        tuple(_judged(one, look) for one in symptoms(run, snapshot, ritual)),
        fired,
        _raised(run, snapshot, end, setup),
        _measured_by(watches),
        unanswered(snapshot),
    )


def _measured_by(watches: Sequence[Stopwatch]) -> str:
    """What the times rest on."""
    if not watches:
        return "nothing: no service had a stopwatch"
    if all(one.watched == "all" for one in watches):
        return "a room that was watching all the time"
    if all(one.watched == "not" for one in watches):
        return "nobody: no room was watching, and no look found anything out"
    return "single looks: no room was watching all the time, so times are bounds or not known"


def _alarms(run: Run, snapshot: Snapshot, end: dt.datetime, also: Iterable[Alarm]) -> tuple[Alarm, ...]:
    found = {one.fingerprint: one for one in also}
    found.update((one.fingerprint, one) for one in firing(snapshot, run.began_at, end))
    return tuple(sorted(found.values(), key=lambda one: (one.starts_at or end, one.name, one.fingerprint)))


def firing(snapshot: Snapshot, since: dt.datetime, until: dt.datetime) -> tuple[Alarm, ...]:
    """Alerts that fire now and began to between `since` and `until`."""
    return tuple(
        Alarm(
            one.fingerprint,
            one.name,
            one.severity,
            one.squad,
            one.starts_at,
            one.state == "suppressed",
            one.server,
        )
        for one in snapshot.alerts
        if one.starts_at is not None and since <= one.starts_at <= until
    )


def _raised(run: Run, snapshot: Snapshot, end: dt.datetime, setup: Begun) -> tuple[Raised, ...]:
    return tuple(
        Raised(one.id, one.summary, one.owner, one.opened_at)
        for one in snapshot.blockers
        if one.opened_at is not None and run.began_at <= one.opened_at <= end and one.id not in setup.blockers
    )


def symptoms(run: Run, snapshot: Snapshot, ritual: Ritual | None) -> tuple[Symptom, ...]:
    """Those that were expected, in their order, then those that were only seen; when, and who says so."""
    boxes = {box.item: box for box in snapshot.boxes if box.key == run.key and box.done}
    found = []
    for words in begun(run).symptoms:
        item = run.key.box(words)
        found.append(_seen(Symptom(words, True, item=item), boxes.pop(item, None), snapshot))
    listed = {run.key.box(step) for step in ritual.checklist} if ritual else set()
    for item, box in boxes.items():
        # A box of the checklist is no symptom; one that says its own words is.
        if item not in listed and box.why and run.key.box(box.why) == item:
            found.append(_seen(Symptom(box.why, False, item=item), box, snapshot))
    return tuple(found)


def _seen(symptom: Symptom, box: Box | None, snapshot: Snapshot) -> Symptom:
    if box is None:
        return symptom
    by, at = _first_tick(snapshot, box)
    return replace(symptom, seen_at=at, by=by, evidence=box.evidence, pending=box.pending)


def _first_tick(snapshot: Snapshot, box: Box) -> tuple[str, dt.datetime]:
    """Who ticked it first, and when: to tick once more what is ticked says nothing new."""
    history = snapshot.ledger.of(box.item) if snapshot.ledger is not None else ()
    known = {entry.action.id for entry in history}
    queued = [
        o.action for o in snapshot.outbox.queued if o.action.item == box.item and o.action.id not in known
    ]
    first = None
    for action in effective(acted(history, queued)):
        if action.kind == "untick":
            first = None
        elif action.kind == "tick" and first is None:
            first = action
    return (box.by, box.at) if first is None else (clean(first.actor, NAME_LIMIT).strip(), first.at)


class _Look(NamedTuple):
    """All that a symptom is held against."""

    snapshot: Snapshot
    known: Mapping[str, Sight]
    signs: Sequence[Observed]
    watches: Sequence[Stopwatch]


def _judged(symptom: Symptom, look: _Look) -> Symptom:
    """Whether anything the room watches showed it; only asked of what was seen."""
    if symptom.seen_at is None:
        return symptom
    shown = list(shown_by(symptom.text, look.signs))
    if symptom.evidence.startswith(SHOWS):
        shown = [*symptom.evidence.removeprefix(SHOWS).split("; "), *shown]
    if shown:
        return replace(symptom, sign="yes", shown=tuple(dict.fromkeys(shown)))
    unseen = {one.service for one in look.watches if one.watched != "all"}
    meant = [name for name in names_of(symptom.text, look.snapshot, look.known) if name in unseen]
    blind = "; ".join(unanswered(look.snapshot))
    why = f"{', '.join(meant)} was not watched all the time" if meant else blind
    return replace(symptom, sign="not known" if why else "no", why=why)


def evidence(
    words: str, run: Run, snapshot: Snapshot, now: dt.datetime, seen: Mapping[str, Sight] | None = None
) -> str:
    """What the room shows at `now` of what `words` name, for the tick that says so; else empty."""
    seen = sights(snapshot.services) if seen is None else seen
    fired = firing(snapshot, run.began_at, now)
    shown = shown_by(words, observed(snapshot, seen, fired, (run.began_at, now)))
    return clean(SHOWS + "; ".join(shown), LINE_LIMIT) if shown else ""


def expected(run: Run, text: str) -> str | None:
    """The expected symptom that `text` names: all of it, or the beginning of one only."""
    listed, wanted = begun(run).symptoms, slug(text)
    whole = [one for one in listed if slug(one) == wanted]
    begins = [one for one in listed if wanted and slug(one).startswith(wanted)]
    found = whole or begins
    return found[0] if len(found) == 1 else None


def of(found: Iterable[Run], program: Program) -> tuple[Run, ...]:
    """Those runs that are drills, in the order in which they began."""
    drills = {ritual.id for ritual in program.rituals if is_drill(ritual)}
    return tuple(run for run in found if run.key.ritual in drills)
