"""What is worth telling people outside the room: news between two snapshots.

Nothing is told of what is not known: an outage is one only once a probe says so, and what was unknown in
between is compared with what was last known (`known`). What is caused by something else is told with it.
The first reading of anything is no news; only a benchmark that got worse within the last day is, as it is
measured at night, when nobody looks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, TypeVar

from controlroom.domain import health, zones
from controlroom.domain.actions import Action, Entry
from controlroom.domain.alerts import Watchdog, watchdog_trouble
from controlroom.domain.benchmarks import BenchmarkReading
from controlroom.domain.diff import is_standup
from controlroom.domain.fold_args import effective
from controlroom.domain.health import ServiceState
from controlroom.domain.instants import duration, render
from controlroom.domain.notice import Kind, Notice, Severity, exact, key, safe, spans
from controlroom.domain.ranking import state_at
from controlroom.domain.runs import RUN, Run
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import (
    QUALITY_CODES,
    UNDECIDED_CODES,
    GapCode,
    Gate,
    SignalReading,
)
from controlroom.domain.triage import SLA_BREACH, Blocker, age, sla
from controlroom.domain.worst import in_doubt


class Wording(NamedTuple):
    """Texts that are made elsewhere: of an escalation, and of a standup for a chat."""

    escalation: Callable[[Blocker, Snapshot, dt.datetime], str]
    chat: Callable[[Run, Snapshot, dt.datetime], str]


Standing = Literal["so", "over", "explained", "in doubt"]
"""How what a notice says stands by now. ``in doubt``: this machine may be what was cut off."""

BLIND = 900.0
"""Seconds without a look at the log after which what was done meanwhile is old."""

LATELY = 86_400.0
"""Seconds for which a benchmark that got worse is news even to a room that has just begun."""

NAMED = 5
"""Names in one line; the rest are counted."""

T = TypeVar("T")


def notices(
    before: Snapshot, after: Snapshot, now: dt.datetime, wording: Wording | None = None
) -> tuple[Notice, ...]:
    """What happened between two snapshots, oldest first. Parts that are the same objects cost nothing."""
    if after.restored:
        return ()
    found = [
        *_services(before, after, now),
        *_signals(before, after, now),
        *_gates(before, after, now),
        *_done(before, after, now, wording),
        *_declared(before, after, now),
        *_breaches(before, after, now),
        *_regressions(before, after, now),
        *_watchdogs(before, after, now),
    ]
    return tuple(sorted(found, key=lambda notice: notice.at))


def unknowing(snapshot: Snapshot) -> Snapshot:
    """`snapshot` as a room begins: nothing is known, so no first reading is news."""
    return replace(
        snapshot,
        services=tuple(ServiceState(state.service) for state in snapshot.services),
        signals=(),
        gates=(),
        blockers=(),
        documents=(),
        status=None,
        ledger=None,
        runs=(),
        watchdogs=(),
        benchmarks=(),
    )


def known(before: Snapshot, after: Snapshot, now: dt.datetime) -> Snapshot:
    """`after` as the next comparison begins from it: what is unknown in it stays as it was last known."""
    if after.restored:
        return before
    return replace(
        after,
        services=_kept(
            before.services, after.services, lambda s: s.service.id, lambda s: _effective(s, now) is None
        ),
        signals=_kept(before.signals, after.signals, lambda r: r.id, lambda r: r.code in UNDECIDED_CODES),
        gates=_kept(before.gates, after.gates, lambda g: g.wave, lambda g: g.verdict == "UNKNOWN"),
        benchmarks=_kept(
            before.benchmarks, after.benchmarks, lambda b: b.id, lambda b: b.verdict in ("old", "unknown")
        ),
    )


def standing(notice: Notice, snapshot: Snapshot, now: dt.datetime) -> Standing:
    """How what `notice` says stands in `snapshot`. What cannot be over, or is unknown now, is still so."""
    name = notice.subject.partition(":")[2]
    if notice.kind == "service":
        state = next((s for s in snapshot.services if s.service.id == name), None)
        return "over" if state is None else _service_stands(notice, state, now)
    if notice.kind == "signal":
        lost = {_signals_subject([r]): _lost(r) for r in snapshot.signals}
        if notice.subject in lost and lost[notice.subject] is not None:
            return "so" if lost[notice.subject] is (notice.became == "lost") else "over"
    if notice.kind == "gate":
        verdict = next((g.verdict for g in snapshot.gates if g.wave == name), "UNKNOWN")
        return "so" if verdict in ("UNKNOWN", notice.became) else "over"
    if notice.kind == "breach":
        resolved = any(b.id == name and b.state == "resolved" for b in snapshot.blockers)
        return "over" if resolved else "so"
    return "so"


def _service_stands(notice: Notice, state: ServiceState, now: dt.datetime) -> Standing:
    if in_doubt(state):
        return "in doubt"
    shown = health.shown(state, now)
    if shown.caused_by is not None and shown.health is not Health.UP:
        return "explained"
    if shown.health in (Health.UNKNOWN, Health.MAINTENANCE):
        return "so"
    return "so" if shown.health.value == notice.became else "over"


# Services


def _effective(state: ServiceState, now: dt.datetime) -> Health | None:
    """The health of a service that counts; None while it is unknown, planned, in doubt or explained."""
    if in_doubt(state) or state.caused_by is not None:
        return None
    found = health.shown(state, now).health
    return None if found in (Health.UNKNOWN, Health.MAINTENANCE) else found


def _services(before: Snapshot, after: Snapshot, now: dt.datetime) -> Iterator[Notice]:
    old = {state.service.id: state for state in before.services}
    for state in after.services:
        was = old.get(state.service.id)
        if was is None or was is state or in_doubt(was) or was.caused_by is not None:
            continue
        found = _effective(state, now)
        if found is not None and was.health is not Health.UNKNOWN and found is not was.health:
            yield _service(was, state, after, now)


_SEVERITY: Mapping[Health, Severity] = {
    Health.DOWN: "critical",
    Health.DEGRADED: "warning",
    Health.UP: "good",
}


def _service(was: ServiceState, state: ServiceState, snapshot: Snapshot, now: dt.datetime) -> Notice:
    service, at = state.service, state.since or now
    name = safe(service.name or service.id, 80)
    trouble = state.health is not Health.UP
    lasted = ""
    if was.health is not Health.UP and was.since is not None:
        lasted = duration((at - was.since).total_seconds())
    lines = [safe(state.reason)] if trouble and state.reason else []
    if trouble:
        waiting = [s.service for s in snapshot.services if service.id in s.service.depends_on]
        lines += [f"Depends on it: {_some(one.name or one.id for one in waiting)}"] if waiting else []
        lines += [f"Squads that need it: {_squads(service.squads, snapshot)}"] if service.squads else []
    ask = f"ask {_squads((service.owner,), snapshot)}, who run it" if service.owner else ""
    runbook = f"see {safe(service.runbook)}" if service.runbook else ""
    todo = runbook or ask or "look at it in the room: no runbook and no owner are declared"
    spread = max(15.0, health.pace(state) * (service.down_after + 1) + (service.timeout or 5.0))
    concerned = (*service.squads, *((service.owner,) if service.owner else ()))
    return _new(
        "service",
        f"service:{service.id}",
        state.health.value,
        _service_title(name, was.health, state.health, lasted),
        at,
        severity=_SEVERITY[state.health],
        text="\n".join(lines),
        todo=todo if trouble else "",
        squads=tuple(dict.fromkeys(concerned)),
        marks=spans(f"service:{service.id}", state.health.value, at, spread),
        hold=_hold(state, snapshot),
    )


def _service_title(name: str, was: Health, now: Health, lasted: str) -> str:
    after = f" after {lasted} {'DOWN' if was is Health.DOWN else 'degraded'}" if lasted else ""
    if now is Health.UP:
        return f"{name} is up again{after}"
    if now is Health.DEGRADED and was is Health.DOWN:
        return f"{name} answers again, degraded{after and f',{after}'}"
    return f"{name} is {'DOWN' if now is Health.DOWN else 'degraded'}"


def _hold(state: ServiceState, snapshot: Snapshot) -> float:
    """Seconds until it would be known whether another service, or this machine, is what is in trouble."""
    if state.health is Health.UP or not (state.service.depends_on or state.unreachable):
        return 0.0
    asked = [s for s in snapshot.services if s is state or s.service.id in state.service.depends_on]
    needed = (health.pace(s) * s.service.down_after + (s.service.timeout or 2.0) for s in asked)
    return min(120.0, max(needed, default=0.0))


# Signals


def _lost(reading: SignalReading) -> bool | None:
    """Whether a signal is not delivered; None while nobody can say."""
    if reading.code in UNDECIDED_CODES or reading.code is GapCode.NOT_DECLARED:
        return None
    return reading.code is not GapCode.OK and reading.code not in QUALITY_CODES


def _signals(before: Snapshot, after: Snapshot, now: dt.datetime) -> Iterator[Notice]:
    if before.signals is after.signals:
        return
    old = {reading.id: reading for reading in before.signals}
    groups: dict[tuple[str, bool, str], list[tuple[SignalReading, SignalReading]]] = {}
    for reading in after.signals:
        was = old.get(reading.id)
        if was is None or was is reading:
            continue
        lost, had = _lost(reading), _lost(was)
        if lost is not None and had is not None and lost is not had:
            # What was lost for one reason is one notice, however many signals a target carried.
            why = str(reading.code) if lost else ""
            groups.setdefault((reading.signal.squad, lost, why), []).append((was, reading))
    for (squad, lost, _), found in groups.items():
        yield _signal(squad, lost, found, after, now)


def _signal(
    squad: str,
    lost: bool,
    found: list[tuple[SignalReading, SignalReading]],
    snapshot: Snapshot,
    now: dt.datetime,
) -> Notice:
    was, first = found[0]
    readings = [reading for _, reading in found]
    at = min((r.since for r in readings if r.since is not None), default=now)
    names = _some(reading.signal.title for reading in readings)
    verb = "lost" if lost else "delivers"
    again = "" if lost else " again"
    if not lost and was.since is not None:
        again += f" after {duration((at - was.since).total_seconds())}"
    became = "lost" if lost else "back"
    subject = _signals_subject(readings)
    pace = max((s.interval for s in snapshot.sources if s.kind == "metrics"), default=15.0)
    why = " ".join(safe(part) for part in (str(first.code), first.text) if part)
    return _new(
        "signal",
        subject,
        became,
        f"{_squads((squad,), snapshot)} {verb} {names}{again}",
        at,
        severity="error" if lost else "good",
        text=why if lost else "",
        todo=safe(first.hint or "look at the squad's gaps in the room") if lost else "",
        squads=(squad,),
        marks=spans(subject, became, at, max(30.0, 3 * pace)),
    )


def _signals_subject(readings: Sequence[SignalReading]) -> str:
    if len(readings) == 1:
        return f"signal:{readings[0].id}"
    names = "\n".join(sorted(reading.id for reading in readings))
    return f"signals:{readings[0].signal.squad}/{key('', names)[:12]}"


# Gates


def _gates(before: Snapshot, after: Snapshot, now: dt.datetime) -> Iterator[Notice]:
    old = {gate.wave: gate for gate in before.gates}
    for gate in after.gates:
        was = old.get(gate.wave)
        if was is None or was.verdict == gate.verdict or "UNKNOWN" in (was.verdict, gate.verdict):
            continue
        yield _gate(was, gate, after, now)


def _gate(was: Gate, gate: Gate, snapshot: Snapshot, now: dt.datetime) -> Notice:
    wave = next((w.name for w in snapshot.program.waves if w.id == gate.wave), "") or gate.wave
    failing = [part.squad for part in gate.squads if part.verdict in ("FAIL", "NOT_DECLARED")]
    lines = [
        f"{gate.ok} of {gate.required} signals pass" + (f", {gate.waived} waived" if gate.waived else "")
    ]
    lines += [f"Missing from: {_squads(failing, snapshot)}"] if failing else []
    severity: Severity = "good" if gate.verdict == "PASS" else "error"
    said, then = (verdict.replace("_", " ") for verdict in (gate.verdict, was.verdict))
    return _new(
        "gate",
        f"gate:{gate.wave}",
        gate.verdict,
        f"the gate of {safe(wave, 80)} says {said}, it said {then}",
        now,
        severity=severity,
        text="\n".join(lines),
        todo="" if gate.verdict == "PASS" else "mend what is missing, or waive it with a reason",
        squads=tuple(part.squad for part in gate.squads),
        marks=spans(f"gate:{gate.wave}", gate.verdict, now, 60.0),
    )


# What people did


def _done(before: Snapshot, after: Snapshot, now: dt.datetime, wording: Wording | None) -> Iterator[Notice]:
    """What new entries of the log say, each told by the id of its action."""
    if before.ledger is None or after.ledger is None or before.ledger is after.ledger:
        return
    blind = _unread_for(before.source("store"), now) > BLIND
    blockers = {blocker.id: blocker for blocker in after.blockers}
    for item, history in after.ledger.items.items():
        if before.ledger.items.get(item) is history:
            continue
        counting = {action.id for action in effective(entry.action for entry in history)}
        for entry in history:
            # Of what was done while the log could not be read, only an escalation cannot wait.
            news = entry.rev > before.ledger.rev and (not blind or entry.action.kind == "escalate")
            if news and entry.action.id in counting:
                yield from _entry(entry, blockers.get(item), after, now, wording)


def _unread_for(source: SourceStatus | None, now: dt.datetime) -> float:
    return 0.0 if source is None or source.read_at is None else (now - source.read_at).total_seconds()


def _entry(
    entry: Entry, blocker: Blocker | None, snapshot: Snapshot, now: dt.datetime, wording: Wording | None
) -> Iterator[Notice]:
    """What a new entry says; `blocker` is the one that it is about, if it is about one."""
    action = entry.action
    if action.item.startswith(RUN):
        run = next((run for run in snapshot.runs if run.id == action.item), None)
        if (
            action.kind == "finish"
            and run is not None
            and run.finished_at is not None
            and run.closing == action.args
        ):
            yield _ritual(run, action, snapshot, wording)
        return
    if blocker is None:
        return
    state = state_at(blocker, now)
    if action.kind in ("open", "reopen") and state != "resolved":
        yield _opened(blocker, action, snapshot, now)
    elif action.kind == "resolve" and state == "resolved":
        yield _resolved(blocker, action.at, snapshot, action)
    elif action.kind == "escalate" and state == "escalated":
        yield _escalated(blocker, action, snapshot, now, wording)


def _opened(blocker: Blocker, action: Action | None, snapshot: Snapshot, now: dt.datetime) -> Notice:
    again = action is not None and action.kind == "reopen"
    at = action.at if action is not None else blocker.opened_at or now
    lines = [f"Owner: {safe(blocker.owner or '', 80) or 'nobody is named'}"]
    if sla(blocker, now) == "breach":
        lines.append(f"Open for {duration(age(blocker, now) or 0.0)}: over its 4 h")
    return _of_blocker(
        blocker,
        "blocker",
        "opened",
        f"blocker {'opened again' if again else 'opened'}: {safe(blocker.summary)}",
        at,
        snapshot=snapshot,
        severity="warning",
        lines=lines,
        todo="acknowledge it, or give it an owner",
        by=action,
        now=now,
    )


def _resolved(blocker: Blocker, at: dt.datetime, snapshot: Snapshot, action: Action | None = None) -> Notice:
    lines = [f"What helped: {safe(blocker.mitigation)}"] if blocker.mitigation else []
    lasted = f" after {duration((at - blocker.opened_at).total_seconds())}" if blocker.opened_at else ""
    return _of_blocker(
        blocker,
        "blocker",
        "resolved",
        f"blocker resolved{lasted}: {safe(blocker.summary)}",
        at,
        snapshot=snapshot,
        severity="good",
        lines=lines,
        by=action,
        now=at,
    )


def _escalated(
    blocker: Blocker, action: Action, snapshot: Snapshot, now: dt.datetime, wording: Wording | None
) -> Notice:
    told = "" if wording is None else wording.escalation(blocker, snapshot, now)
    due = blocker.next_update_due
    return _of_blocker(
        blocker,
        "escalation",
        "escalated",
        f"escalated: {safe(blocker.summary)}",
        action.at,
        snapshot=snapshot,
        severity="error",
        # Its first line says again what the title says.
        lines=told.splitlines()[1:] or [f"Owner: {safe(blocker.owner or '', 80) or 'nobody is named'}"],
        todo=f"the next update is due {zones.label(due, snapshot.program.zone, dated=True)}" if due else "",
        by=action,
        now=now,
    )


def _declared(before: Snapshot, after: Snapshot, now: dt.datetime) -> Iterator[Notice]:
    """Blockers that only documents and status files speak of."""
    unread = not before.documents and after.source("documents") is not None
    if before.blockers is after.blockers or unread or before.ledger is None or after.ledger is None:
        return
    if before.status is None and after.source("status") is not None:
        return
    old = {blocker.id: blocker for blocker in before.blockers}
    for blocker in after.blockers:
        was = old.get(blocker.id)
        if blocker.last_action is not None or blocker.pending or was is blocker:
            continue
        if was is None and blocker.state != "resolved":
            yield _opened(blocker, None, after, now)
        elif was is not None and was.state != "resolved" and blocker.state == "resolved":
            yield _resolved(blocker, blocker.resolved_at or now, after)


def _breaches(before: Snapshot, after: Snapshot, now: dt.datetime) -> Iterator[Notice]:
    """Blockers that have become older than four hours since the snapshot before."""
    if before.taken_at is None:
        return
    limit = dt.timedelta(seconds=SLA_BREACH)
    first, last = before.taken_at - limit, now - limit
    due = [one for one in after.blockers if one.opened_at is not None and first <= one.opened_at < last]
    old = {blocker.id: blocker for blocker in before.blockers} if due else {}
    for blocker in due:
        was = old.get(blocker.id)
        if was is None or blocker.state == "resolved" or blocker.opened_at is None:
            continue
        if sla(blocker, now) == "breach" and sla(was, before.taken_at) in ("ok", "due_soon"):
            at = blocker.opened_at + limit
            notice = _of_blocker(
                blocker,
                "breach",
                "breach",
                f"blocker over its 4 h: {safe(blocker.summary)}",
                at,
                snapshot=after,
                severity="critical",
                lines=[f"Owner: {safe(blocker.owner or '', 80) or 'nobody is named'}"],
                todo="escalate it, or say when it will be over",
                now=now,
            )
            yield replace(notice, id=(mark := exact(notice.subject, "breach", render(at)))[0], marks=mark)


def _of_blocker(
    blocker: Blocker,
    kind: Kind,
    became: str,
    title: str,
    at: dt.datetime,
    *,
    snapshot: Snapshot,
    severity: Severity,
    lines: Sequence[str],
    now: dt.datetime,
    todo: str = "",
    by: Action | None = None,
) -> Notice:
    subject = f"blocker:{blocker.id}"
    waits = []
    if kind != "escalation" and blocker.owning_squad and blocker.blocking_squad:
        pair = (_squads((squad,), snapshot) for squad in (blocker.owning_squad, blocker.blocking_squad))
        waits = [" waits on ".join(pair)]
    actor = safe(by.actor, 80) if by is not None else ""
    said = [f"By {actor}"] if actor and kind == "blocker" else []
    return _new(
        kind,
        subject,
        became,
        title,
        at,
        severity=severity,
        text="\n".join((*waits, *lines, *said)),
        todo=todo,
        squads=_ids((blocker.owning_squad, blocker.blocking_squad), snapshot),
        marks=exact(subject, became, by.id) if by is not None else spans(subject, became, now, 300.0),
        people=tuple(filter(None, (safe(blocker.owner or "", 80), actor))),
    )


def _ritual(run: Run, action: Action, snapshot: Snapshot, wording: Wording | None) -> Notice:
    ritual = next((one for one in snapshot.program.rituals if one.id == run.key.ritual), None)
    title = safe((ritual.title if ritual is not None else "") or run.key.ritual, 80)
    standup = ritual is not None and is_standup(ritual)
    chat = wording.chat(run, snapshot, action.at) if wording is not None and standup else ""
    lines = [safe(line) for line in chat.splitlines()[:40]]
    if not lines:
        for kind, called in (("decision", "Decided"), ("task", "To do"), ("park", "Parked")):
            lines += [
                f"{called}: {safe(one.text)}"
                + (
                    f" ({safe(one.owner, 80)}{f', {safe(one.due, 40)}' if one.due else ''})"
                    if one.owner
                    else ""
                )
                for one in run.captures
                if one.kind == kind
            ]
    lasted = duration((action.at - run.began_at).total_seconds())
    people = (run.driver, *(one.owner or "" for one in run.captures), *(one.by for one in run.captures))
    return _new(
        "ritual",
        run.id,
        "finished",
        f"{title} is over after {lasted}",
        action.at,
        text="\n".join(lines or ["Nothing was written down"]),
        marks=exact(run.id, "finished", action.id),
        people=tuple(dict.fromkeys(filter(None, people))),
    )


# Benchmarks, watchdogs, summaries


def _regressions(before: Snapshot, after: Snapshot, now: dt.datetime) -> Iterator[Notice]:
    if before.benchmarks is after.benchmarks:
        return
    old = {reading.id: reading for reading in before.benchmarks}
    for reading in after.benchmarks:
        was = old.get(reading.id)
        if was is reading or reading.verdict in ("old", "unknown"):
            continue
        known_before = was is not None and was.verdict not in ("old", "unknown")
        worse = reading.verdict == "regression"
        if worse and (not known_before or (was is not None and was.verdict != "regression")):
            began = reading.since or (reading.results[-1].at if reading.results else None)
            if began is not None and (known_before or (now - began).total_seconds() < LATELY):
                yield _regression(reading, began, after)
        elif was is not None and was.verdict == "regression" and reading.results and not worse:
            yield _regression(reading, reading.results[-1].at, after)


def _regression(reading: BenchmarkReading, at: dt.datetime, snapshot: Snapshot) -> Notice:
    worse = reading.verdict == "regression"
    name, subject = safe(reading.name or reading.id, 120), f"benchmark:{reading.id}"
    became = "regression" if worse else "recovered"
    whose = _squads((reading.squad,), snapshot) if reading.squad else ""
    return _new(
        "regression",
        subject,
        became,
        f"{name} got worse" if worse else f"{name} is no regression any more",
        at,
        severity="warning" if worse else "good",
        text=safe(reading.text, 600),
        todo=(f"{whose}: " if whose else "") + "see what changed before that run" if worse else "",
        squads=(reading.squad,) if reading.squad else (),
        marks=exact(subject, became, render(at)),
    )


def _watchdogs(before: Snapshot, after: Snapshot, now: dt.datetime) -> Iterator[Notice]:
    if before.watchdogs is after.watchdogs:
        return
    old = {dog.server: dog for dog in before.watchdogs}
    trouble = {dog.server: text for dog, text in watchdog_trouble(after)}
    for dog in after.watchdogs:
        was = old.get(dog.server)
        if was is None or was.firing is dog.firing or (not dog.firing and dog.server not in trouble):
            continue
        yield _watchdog(dog, trouble.get(dog.server, ""), now)


def _watchdog(dog: Watchdog, trouble: str, now: dt.datetime) -> Notice:
    subject, became = f"watchdog:{dog.server}", "back" if dog.firing else "missing"
    return _new(
        "watchdog",
        subject,
        became,
        f"{safe(dog.name, 80)} of {safe(dog.server, 80)} fires again" if dog.firing else safe(trouble),
        now,
        severity="good" if dog.firing else "critical",
        todo="" if dog.firing else "see whether Prometheus runs and reaches Alertmanager",
        marks=spans(subject, became, now, 60.0),
    )


def summary_written(week: str, digest: str, path: str, at: dt.datetime) -> Notice:
    """That the summary of a week was written; `digest` of its content makes each version one notice."""
    subject = f"summary:{week}"
    return _new(
        "summary",
        subject,
        "written",
        f"the summary of {safe(week, 80)} is written",
        at,
        text=safe(path),
        marks=exact(subject, "written", digest),
    )


def many_more(channel: str, counted: Sequence[Notice], now: dt.datetime) -> Notice:
    """What says how many notices a channel was not told because it had had enough in that hour."""
    kinds: dict[str, int] = {}
    for notice in counted:
        kinds[notice.kind] = kinds.get(notice.kind, 0) + 1
    worst = sorted(counted, key=lambda notice: _ORDER.index(notice.severity))
    lines = [", ".join(f"{count} {kind}" for kind, count in kinds.items())]
    lines += [f"- {notice.title}" for notice in worst[:NAMED]]
    subject = f"more:{channel}"
    return _new(
        "more",
        subject,
        "counted",
        f"{len(counted)} more in the last hour",
        now,
        severity="warning",
        text="\n".join(lines),
        todo="look at the room for all of them",
        marks=spans(subject, "counted", now, 900.0),
    )


_ORDER: tuple[Severity, ...] = ("critical", "error", "warning", "info", "good")


def _new(
    kind: Kind,
    subject: str,
    became: str,
    title: str,
    at: dt.datetime,
    *,
    marks: tuple[str, ...],
    severity: Severity = "info",
    text: str = "",
    todo: str = "",
    squads: tuple[str, ...] = (),
    hold: float = 0.0,
    people: tuple[str, ...] = (),
) -> Notice:
    return Notice(
        marks[0],
        kind,
        subject,
        became,
        title,
        at,
        severity,
        text,
        todo,
        squads,
        marks,
        hold,
        people,
    )


def _squads(names: Iterable[str | None], snapshot: Snapshot) -> str:
    """What people call these squads."""
    found = []
    for name in filter(None, names):
        squad = snapshot.program.squad(name)
        found.append((squad.name or squad.id) if squad is not None else name)
    return _some(found) or "a squad that nobody named"


def _ids(names: Iterable[str | None], snapshot: Snapshot) -> tuple[str, ...]:
    found = ((snapshot.program.squad(name), name) for name in names if name)
    return tuple(dict.fromkeys(squad.id if squad is not None else name for squad, name in found))


def _some(names: Iterable[str]) -> str:
    kept = [safe(name, 120) for name in names]
    more = f" and {len(kept) - NAMED} more" if len(kept) > NAMED else ""
    return ", ".join(kept[:NAMED]) + more


def _kept(
    before: Sequence[T], after: Sequence[T], identity: Callable[[T], str], unknown: Callable[[T], bool]
) -> tuple[T, ...]:
    if before is after or not any(map(unknown, after)):
        return tuple(after)
    old = {identity(one): one for one in before}
    return tuple(old.get(identity(one), one) if unknown(one) else one for one in after)
