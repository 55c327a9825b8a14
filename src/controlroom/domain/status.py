"""The room as a status document (`controlroom.status` 1.0), and what such a document says again.

A status document holds what was true, not how it was measured: no latencies and no ages, so that the same
room gives the same document. Sections are remembered by identity, which makes asking again cheap.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from controlroom.domain import milestones
from controlroom.domain.benchmarks import BenchmarkReading
from controlroom.domain.board import COLUMNS, Item, Sprint, Squad
from controlroom.domain.documents import DocumentReading
from controlroom.domain.health import ServiceState
from controlroom.domain.instants import maybe, parse, render
from controlroom.domain.lints import Lint
from controlroom.domain.program import Milestone, Program
from controlroom.domain.remember import remember
from controlroom.domain.rituals import Ritual
from controlroom.domain.runs import CaptureKind, Run
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot, SourceStatus, StatusFile, StatusSeen
from controlroom.domain.telemetry import UNKNOWN_CODES, Alert, Coverage, GapCode, Gate, SignalReading
from controlroom.domain.text import clean
from controlroom.domain.triage import Blocker, BlockerState
from controlroom.domain.waves import assess
from controlroom.domain.zones import local

SCHEMA = "controlroom.status"
VERSION = "1.0"
NIGHTLY = "nightly"
SLOTS = (NIGHTLY, "standup", "integration", "eod")
"""Moments of a day that have a status of their own; the nightly one's file is just ``<date>.json``."""

Section = Mapping[str, Any]


def room_status(
    snapshot: Snapshot,
    now: dt.datetime,
    *,
    for_date: dt.date | None = None,
    slot: str = NIGHTLY,
    inputs: Sequence[Mapping[str, str]] = (),
    generator: str = "controlroom",
    since: dt.datetime | None = None,
) -> dict[str, Any]:
    """The whole document. `for_date` None is the programme's own date at `now`; instants are RFC 3339.

    Decisions and action items are those of the day, and with `since` also whatever was written down from
    then on: compared with an older document, nothing decided in between is lost.
    """
    program = snapshot.program
    today = for_date or local(now, program.zone).date()
    decisions, tasks = _captured(snapshot.runs, program.zone, today, since)
    return {
        "_banner": program.banner,
        "schema": SCHEMA,
        "version": VERSION,
        "program": program.id,
        "tz": program.zone,
        "for_date": today.isoformat(),
        "slot": slot,
        "as_of": render(now),
        "generator": generator,
        "inputs": list(inputs),
        "squads": _squads(program.squads, snapshot.items, snapshot.coverage),
        "waves": _waves(program, today),
        "sprints": _sprints(program.sprints),
        "items": _items(snapshot.items),
        "blockers": _blockers(snapshot.blockers),
        "dependencies": _dependencies(program),
        "services": _services(snapshot.services),
        "signals": _signals(snapshot.signals),
        "gates": _gates(snapshot.gates),
        "alerts": _alerts(snapshot.alerts),
        "benchmarks": _benchmarks(snapshot.benchmarks),
        "milestones": _milestones(program.milestones, today),
        "rituals": _rituals(program.rituals, program.zone),
        "decisions": decisions,
        "actions": tasks,
        "risks": _risks(snapshot.documents),
        "lints": _lints(snapshot.lints),
        "unknowns": [
            *_unknowns(program, snapshot.sources, snapshot.services, snapshot.signals, snapshot.status),
            *_unread(snapshot.benchmarks),
        ],
        "parallel_sprint_status": _feed(
            program.squads, snapshot.items, snapshot.blockers, snapshot.signals, snapshot.coverage
        ),
    }


@remember
def _squads(
    squads: tuple[Squad, ...], items: tuple[Item, ...], coverage: tuple[Coverage, ...]
) -> list[Section]:
    counts = _counts(items)
    covered = {part.squad: part for part in coverage}
    return [
        {
            "id": squad.id,
            "name": squad.name or squad.id,
            "charter": squad.charter,
            "focus": dict(squad.focus),
            "items": counts.get(squad.id, dict.fromkeys((*COLUMNS, "unknown"), 0)),
            "coverage": coverage_entry(covered[squad.id]) if squad.id in covered else None,
        }
        for squad in squads
    ]


def _counts(items: Sequence[Item]) -> dict[str | None, dict[str, int]]:
    counts: dict[str | None, dict[str, int]] = {}
    for item in items:
        mine = counts.setdefault(item.squad, dict.fromkeys((*COLUMNS, "unknown"), 0))
        mine[item.status] += 1
    return counts


def coverage_entry(coverage: Coverage) -> Section:
    """One squad before the gate, as every document of ours has it."""
    return {
        "squad": coverage.squad,
        "ok": coverage.ok,
        "required": coverage.required,
        "pct": coverage.pct,
        "verdict": coverage.verdict,
        "waived": coverage.waived,
        "unknown": coverage.unknown,
    }


@remember
def _waves(program: Program, today: dt.date) -> list[Section]:
    assessed = assess(
        program.waves, today, rules=program.calendar, start=program.start, sprints=program.sprints
    )
    return [
        {
            "id": status.wave.id,
            "name": status.wave.name or status.wave.id,
            "start": _date(status.wave.start),
            "end": _date(status.wave.end),
            "weeks": list(status.wave.weeks) if status.wave.weeks else None,
            "squads": list(status.wave.squads),
            "sprints": list(status.wave.sprints),
            "declared": {"text": status.wave.declared.text, "state": status.wave.declared.state}
            if status.wave.declared
            else None,
            "phase": status.phase,
            "outcome": status.outcome,
            "verdict": status.verdict,
        }
        for status in assessed
    ]


def _date(date: dt.date | None) -> str | None:
    return None if date is None else date.isoformat()


@remember
def _sprints(sprints: tuple[Sprint, ...]) -> list[Section]:
    return [
        {
            "id": sprint.id,
            "name": sprint.name or sprint.id,
            "start": _date(sprint.start),
            "end": _date(sprint.end),
            "wave": sprint.wave,
            "squads": list(sprint.squads),
        }
        for sprint in sprints
    ]


@remember
def _items(items: tuple[Item, ...]) -> list[Section]:
    return [
        {
            "id": item.id,
            "squad": item.squad,
            "sprint": item.sprint,
            "wave": item.wave,
            "epic": item.epic,
            "tasks": item.tasks,
            "owner": item.owner,
            "owners": list(item.owners),
            "status": item.status,
            "status_text": item.status_text,
            "progress": item.progress,
            "since": maybe(item.since),
            "first_seen": maybe(item.first_seen),
            "updated": maybe(item.updated),
            "due": _date(item.due),
            "tags": list(item.tags),
            "owning_squad": item.owning_squad,
            "blocking_squad": item.blocking_squad,
            "links": list(item.links),
            "proof": list(item.proof),
            "said": item.said,
            "last_action": item.last_action,
        }
        for item in items
    ]


@remember
def _blockers(blockers: tuple[Blocker, ...]) -> list[Section]:
    return [
        {
            "id": blocker.id,
            "item": blocker.item,
            "summary": blocker.summary,
            "text": blocker.text,
            "owner": blocker.owner,
            "owning_squad": blocker.owning_squad,
            "blocking_squad": blocker.blocking_squad,
            "state": blocker.state,
            "opened_at": maybe(blocker.opened_at),
            "first_seen": maybe(blocker.first_seen),
            "eta": maybe(blocker.eta),
            "next_update_due": maybe(blocker.next_update_due),
            "snoozed_until": maybe(blocker.snoozed_until),
            "mitigation": blocker.mitigation,
            "links": list(blocker.links),
            "source": blocker.source,
            "line": blocker.line,
            "about": blocker.about,
            "opened_by": blocker.opened_by,
            "acknowledged_by": blocker.acknowledged_by,
            "escalated_at": maybe(blocker.escalated_at),
            "resolved_at": maybe(blocker.resolved_at),
            "awake": blocker.awake,
            "snoozed_by": blocker.snoozed_by,
            "snooze_why": blocker.snooze_why,
            "snooze_ritual": blocker.snooze_ritual,
            "last_action": blocker.last_action,
        }
        for blocker in blockers
    ]


@remember
def _dependencies(program: Program) -> list[Section]:
    return [
        {
            "name": dependency.name,
            "text": dependency.text,
            "owner": dependency.owner,
            "services": list(dependency.services),
        }
        for dependency in program.dependencies
    ]


@remember
def _services(services: tuple[ServiceState, ...]) -> list[Section]:
    return [
        {
            "id": state.service.id,
            "kind": state.service.kind,
            "name": state.service.name or state.service.id,
            "state": str(state.health),
            "since": maybe(state.since),
            "error": state.reason or None if state.health is not Health.UP else None,
            "caused_by": state.caused_by,
            "verified": state.verified,
            "squads": list(state.service.squads),
        }
        for state in services
    ]


@remember
def _signals(signals: tuple[SignalReading, ...]) -> list[Section]:
    return [
        {
            "id": reading.id,
            "squad": reading.signal.squad,
            "metric": reading.signal.metric,
            "job": reading.signal.job,
            "topic": reading.signal.topic,
            "required": reading.signal.required_for_exit,
            "code": str(reading.code),
            "text": reading.text,
            "last_seen": None if reading.code is GapCode.OK else maybe(reading.last_seen),
        }
        for reading in signals
    ]


@remember
def _gates(gates: tuple[Gate, ...]) -> list[Section]:
    return [
        {
            "wave": gate.wave,
            "verdict": gate.verdict,
            "ok": gate.ok,
            "required": gate.required,
            "pct": gate.pct,
            "unknown": gate.unknown,
            "squads": [coverage_entry(part) for part in gate.squads],
        }
        for gate in gates
    ]


@remember
def _alerts(alerts: tuple[Alert, ...]) -> list[Section]:
    return [
        {
            "id": alert.fingerprint,
            "name": alert.name,
            "severity": alert.severity,
            "summary": alert.summary,
            "state": alert.state,
            "starts_at": maybe(alert.starts_at),
            "squad": alert.squad,
            "server": alert.server,
        }
        for alert in sorted(alerts, key=lambda alert: (alert.name, alert.server, alert.fingerprint))
    ]


@remember
def _benchmarks(readings: tuple[BenchmarkReading, ...]) -> list[Section]:
    return [
        {
            "id": reading.id,
            "name": reading.name,
            "squad": reading.squad,
            "unit": reading.unit,
            "better": reading.better,
            "verdict": reading.verdict,
            "value": None if reading.last is None else reading.last.value,
            "at": None if reading.last is None else render(reading.last.at),
            "source": None if reading.last is None else reading.last.source,
            "median": reading.median,
            "change": reading.change,
            "since": maybe(reading.since),
            "text": reading.text,
            "skipped": list(reading.skipped),
        }
        for reading in readings
    ]


@remember
def _milestones(declared: tuple[Milestone, ...], today: dt.date) -> list[Section]:
    return [
        {
            "id": milestone.id,
            "label": milestone.label,
            "date": _date(milestone.date),
            "text": milestone.text,
            "state": milestones.status(milestone, today).state,
            "recorded_by": milestone.recorded_by,
        }
        for milestone in declared
    ]


@remember
def _rituals(rituals: tuple[Ritual, ...], zone: str) -> list[Section]:
    return [
        {
            "id": ritual.id,
            "title": ritual.title or ritual.id,
            "days": ritual.days if isinstance(ritual.days, str) else list(ritual.days),
            "time": ritual.time.strftime("%H:%M") if ritual.time else None,
            "zone": ritual.zone or zone,
            "all_day": ritual.all_day,
            "minutes": ritual.minutes,
        }
        for ritual in rituals
    ]


FROM_LOG = "log"
"""What an entry of `decisions` and `actions` names as its source where the room wrote it there."""


@remember
def _captured(
    runs: tuple[Run, ...], zone: str, today: dt.date, since: dt.datetime | None
) -> tuple[list[Section], list[Section]]:
    """Decisions and action items of the local date `today`, and those from `since` on, oldest first."""

    def of(kind: CaptureKind) -> list[Section]:
        return [
            {
                "id": capture.id,
                "text": capture.text,
                "by": capture.by,
                "at": render(capture.at),
                "ritual": run.key.ritual,
                "squad": capture.squad,
                "owner": capture.owner,
                "due": capture.due,
                "source": FROM_LOG,
            }
            for run in runs
            for capture in run.captures
            if capture.kind == kind
            and (
                local(capture.at, zone).date() == today
                or (since is not None and capture.at.replace(microsecond=0) >= since)
            )
        ]

    return of("decision"), of("task")


@remember
def _risks(readings: tuple[DocumentReading, ...]) -> list[Section]:
    return [
        {"name": risk.name, "text": risk.text, "source": reading.path, "line": risk.line}
        for reading in readings
        if reading.document is not None
        for risk in reading.document.risks
    ]


@remember
def _lints(lints: tuple[Lint, ...]) -> list[Section]:
    return [
        {
            "code": lint.code,
            "severity": lint.severity,
            "path": lint.path,
            "line": lint.line,
            "pointer": lint.pointer,
            "message": lint.message,
        }
        for lint in lints
    ]


@remember
def _unknowns(
    program: Program,
    sources: tuple[SourceStatus, ...],
    services: tuple[ServiceState, ...],
    signals: tuple[SignalReading, ...],
    seen: StatusSeen | None,
) -> list[Section]:
    """Everything the room was asked to show and cannot vouch for, each with its reason."""
    found = []
    if program.start is None:
        found.append(("program", program.id, "the programme's start is not declared"))
    found += [("source", source.id, source.error) for source in sources if source.error]
    found += [("source", s.id, "has not answered yet") for s in sources if not s.error and s.read_at is None]
    found += [("service", s.service.id, s.reason) for s in services if s.health is Health.UNKNOWN]
    found += [("signal", r.id, r.text or str(r.code)) for r in signals if r.code in UNKNOWN_CODES]
    found += [("status", text.split(" ")[0].rstrip(":"), text) for text in (seen.unreadable if seen else ())]
    return [{"kind": kind, "id": id_, "text": text} for kind, id_, text in found]


@remember
def _unread(readings: tuple[BenchmarkReading, ...]) -> list[Section]:
    return [{"kind": "benchmark", "id": b.id, "text": b.text} for b in readings if b.verdict == "unknown"]


@remember
def _feed(
    squads: tuple[Squad, ...],
    items: tuple[Item, ...],
    blockers: tuple[Blocker, ...],
    signals: tuple[SignalReading, ...],
    coverage: tuple[Coverage, ...],
) -> list[Section]:
    """One object per squad, as dashboards read it: a view of the sections above, nothing of its own."""
    counts = _counts(items)
    verdicts = {part.squad: part.verdict for part in coverage}
    squad_of = {item.id: item.squad for item in items}
    held = [
        {blocker.owning_squad, squad_of.get(blocker.item or "")}
        for blocker in blockers
        if blocker.state != "resolved"
    ]
    gaps = [reading.signal.squad for reading in signals if known_gap(reading)]
    return [
        {
            "squad": squad.id,
            "status": _overall(counts.get(squad.id, {})),
            "progress": _progress(counts.get(squad.id, {})),
            "blockers": sum(squad.id in squads_held for squads_held in held),
            "gaps": gaps.count(squad.id),
            "gate": verdicts.get(squad.id, "NOT_DECLARED"),
        }
        for squad in squads
    ]


def known_gap(reading: SignalReading) -> bool:
    """Whether the signal is known not to be as promised; what could not be asked is unknown, not a gap."""
    return reading.code is not GapCode.OK and reading.code not in UNKNOWN_CODES


def _overall(counts: Mapping[str, int]) -> str:
    present = [status for status, count in counts.items() if count]
    for status in ("blocked", "in_progress"):
        if status in present:
            return status
    if len(present) == 1:
        return present[0]
    return "in_progress" if "done" in present and "not_started" in present else "unknown"


def _progress(counts: Mapping[str, int]) -> int | None:
    total = sum(counts.values())
    return 100 * counts["done"] // total if total else None


_STATES: tuple[BlockerState, ...] = ("open", "acknowledged", "escalated", "snoozed", "resolved")


def blockers(file: StatusFile) -> tuple[Blocker, ...]:
    """The blockers a status document lists, cleaned; an entry without an id is not one."""
    listed = file.data.get("blockers")
    entries = [e for e in listed if isinstance(e, Mapping)] if isinstance(listed, Sequence) else []
    return tuple(_blocker(entry, file) for entry in entries if isinstance(entry.get("id"), str))


def _blocker(entry: Mapping[str, Any], file: StatusFile) -> Blocker:
    links, line = entry.get("links"), entry.get("line")
    return Blocker(
        id=clean(entry["id"]),
        summary=_text(entry, "summary") or clean(entry["id"]),
        text=_text(entry, "text") or "",
        item=_text(entry, "item"),
        owner=_text(entry, "owner"),
        owning_squad=_text(entry, "owning_squad"),
        blocking_squad=_text(entry, "blocking_squad"),
        state=_state(entry, "state"),
        opened_at=_instant(entry, "opened_at"),
        first_seen=_instant(entry, "first_seen") or file.as_of,
        eta=_instant(entry, "eta"),
        next_update_due=_instant(entry, "next_update_due"),
        snoozed_until=_instant(entry, "snoozed_until"),
        mitigation=_text(entry, "mitigation"),
        links=tuple(clean(link) for link in links if isinstance(link, str))
        if isinstance(links, list)
        else (),
        source=_text(entry, "source") or file.path,
        line=line if isinstance(line, int) else None,
        about=_text(entry, "about"),
        opened_by=_text(entry, "opened_by"),
        acknowledged_by=_text(entry, "acknowledged_by"),
        escalated_at=_instant(entry, "escalated_at"),
        resolved_at=_instant(entry, "resolved_at"),
        awake=_state(entry, "awake"),
        snoozed_by=_text(entry, "snoozed_by"),
        snooze_why=_text(entry, "snooze_why"),
        snooze_ritual=_text(entry, "snooze_ritual"),
        last_action=_text(entry, "last_action"),
    )


def _state(entry: Mapping[str, Any], key: str) -> BlockerState:
    return next((known for known in _STATES if known == entry.get(key)), "open")


def _text(entry: Mapping[str, Any], key: str) -> str | None:
    value = entry.get(key)
    return clean(value) if isinstance(value, str) and value else None


def _instant(entry: Mapping[str, Any], key: str) -> dt.datetime | None:
    value = entry.get(key)
    try:
        return parse(value) if isinstance(value, str) else None
    except ValueError:
        return None
