"""`controlroom snapshot`: the whole room at one instant, as JSON or as text to be read from top to bottom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from controlroom.domain import calendar, milestones
from controlroom.domain.board import COLUMNS, Item
from controlroom.domain.claims import Claim, by_item, claims
from controlroom.domain.freshness import freshness
from controlroom.domain.gates import undecided
from controlroom.domain.health import settle
from controlroom.domain.instants import duration, maybe, render
from controlroom.domain.needs import needs
from controlroom.domain.program import Milestone
from controlroom.domain.ranking import ranked
from controlroom.domain.relayed import Relayed
from controlroom.domain.selfcheck import Check
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.status import room_status
from controlroom.domain.telemetry import Coverage, GapCode
from controlroom.domain.text import clean
from controlroom.domain.waves import assess
from controlroom.domain.zones import both, local
from controlroom.headless import (
    alerts,
    benchmarks,
    blockers,
    gates,
    lint,
    outbox,
    rituals,
    services,
    telemetry,
    waiting,
)
from controlroom.headless import calendar as dates
from controlroom.headless.attention import attention

SCHEMA = "controlroom.snapshot"
VERSION = "1.0"


def as_json(
    snapshot: Snapshot, now: datetime, viewer_zone: str, generator: str = "controlroom"
) -> dict[str, Any]:
    """The document of `snapshot --json`. Every key is always there; what is not known is null or listed."""
    program = snapshot.program
    seen = room_status(snapshot, now)
    claimed = by_item(claims(snapshot, now))
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "generator": generator,
        "taken_at": render(now),
        "program": program.id,
        "title": program.title,
        "zone": program.zone,
        "note": program.note,
        "start": program.start.isoformat() if program.start else None,
        "position": _position(snapshot, now),
        "sources": [_source(source, now) for source in snapshot.sources],
        "relayed": None if snapshot.relayed is None else _relayed(snapshot.relayed),
        "self": services.checks_as_json(snapshot.self_checks),
        "services": services.as_json(snapshot.services, now, program.dependencies)["services"],
        "dependencies": services.needs_as_json(needs(snapshot, now)),
        "squads": seen["squads"],
        "waves": _waves_json(snapshot, now, seen["waves"]),
        "items": [
            {
                **entry,
                "path": item.path,
                "line": item.line,
                "last_action": item.last_action,
                "said": item.said,
                "pending": list(item.pending),
                "claims": [_claim(claim) for claim in claimed.get(item.id, ())],
            }
            for entry, item in zip(seen["items"], snapshot.items, strict=True)
        ],
        "steps": [{"text": step.epic, "status": step.status, "line": step.line} for step in snapshot.steps],
        "blockers": blockers.as_json(snapshot, now)["blockers"],
        "gaps": [telemetry.entry(gap) for gap in telemetry.gaps(snapshot)],
        "gates": [gates.gate_entry(gate) for gate in snapshot.gates],
        "alerts": alerts.as_json(snapshot)["alerts"],
        "benchmarks": benchmarks.as_json(snapshot)["benchmarks"],
        "milestones": seen["milestones"],
        "rituals": rituals.as_json(program, now, viewer_zone, snapshot=snapshot),
        "waiting": waiting.as_json(snapshot),
        "log": _log(snapshot),
        "lints": lint.as_json(snapshot.lints)["lints"],
        "unknowns": seen["unknowns"],
        "attention": [one._asdict() for one in attention(snapshot, now)],
    }


def _claim(claim: Claim) -> dict[str, Any]:
    """One proof of a card, and what is seen of it."""
    return {
        "proof": claim.proof,
        "kind": claim.kind,
        "state": claim.state,
        "since": maybe(claim.since),
        "since_or_before": claim.or_before,
        "text": claim.text,
        "why": claim.why,
        "query": claim.query,
    }


def _waves_json(
    snapshot: Snapshot, now: datetime, declared: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What is declared of each wave, and where the day of `now` stands in it."""
    computed = dates.as_json(snapshot.program, "today", now)["waves"]
    return [{**today, **wave} for today, wave in zip(computed, declared, strict=True)]


def _position(snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    program = snapshot.program
    if program.start is None:
        return {"week": None, "day": None, "label": None}
    place = calendar.position(program.calendar, program.start, local(now, program.zone).date())
    return {"week": place.week, "day": place.day, "label": place.label}


def _source(source: SourceStatus, now: datetime) -> dict[str, Any]:
    age = None if source.read_at is None else max(0, int((now - source.read_at).total_seconds()))
    return {
        "id": source.id,
        "kind": source.kind,
        "title": source.title,
        "freshness": str(freshness(source.read_at, now, source.interval)),
        "age_s": age,
        "read_at": maybe(source.read_at),
        "as_of": maybe(source.as_of),
        "error": source.error,
        "warnings": list(source.warnings),
    }


def _relayed(relayed: Relayed) -> dict[str, Any]:
    """How the room came to the screen that shows it, by that screen's clock."""
    return {
        "where": relayed.where,
        "collector": relayed.collector or None,
        "heard_at": maybe(relayed.heard_at),
        "lost": relayed.lost,
        "lost_since": maybe(relayed.lost_since),
        "reason": relayed.reason or None,
        "skew_s": None if relayed.skew is None else round(relayed.skew, 3),
        "uncertain_s": round(relayed.uncertain, 3),
    }


def _log(snapshot: Snapshot) -> dict[str, Any]:
    """The triage log, and how many of this person's actions are not in it. What is unknown is null."""
    source, log = snapshot.source("store"), snapshot.log
    return {
        "rev": None if snapshot.ledger is None else snapshot.ledger.rev,
        "store": None if source is None else source.title,
        "durability": None if log is None else log.durability,
        "queued": len(snapshot.outbox.queued),
        "conflicts": len(snapshot.outbox.conflicts),
        "trouble": (log.trouble if log is not None else "") or snapshot.outbox.trouble or None,
    }


def _log_lines(snapshot: Snapshot) -> Iterator[str]:
    said = _log(snapshot)
    if said["store"] is not None:
        rev = "revision unknown" if said["rev"] is None else f"revision {said['rev']}"
        parts = (said["store"], rev, said["durability"], said["trouble"])
        yield " · ".join(part for part in parts if part)
    if said["queued"] or said["conflicts"]:
        yield f"{outbox.left(snapshot.outbox)}: controlroom outbox"


def as_plain(snapshot: Snapshot, now: datetime, viewer_zone: str) -> str:
    """The same room as linear text: each section headed, ages beside what was read, unknowns in words."""
    sections: Sequence[tuple[str, Iterable[str], str]] = (
        ("Attention", (f"{a.severity}: {a.kind}: {a.text}" for a in attention(snapshot, now)), "nothing"),
        ("Since the last standup", _changes(snapshot), "no status to compare with: controlroom publish"),
        ("Waves", _waves(snapshot, now), "none declared: add [[waves]] or a wave schedule"),
        ("Squads", _squads(snapshot, now), "none declared: add [[squads]] or a wave schedule"),
        ("Blockers", _blockers(snapshot, now), "none listed"),
        ("Services", _services(snapshot, now), "none declared: add [[services]]"),
        ("Dependencies", _needs(snapshot, now), "none declared: add [[dependencies]] or a wave schedule"),
        ("Telemetry", _telemetry(snapshot, now), "no signal declared: add [[squads.signals]]"),
        ("Alerts", _alerts(snapshot, now), _no_alerts(snapshot)),
        ("Benchmarks", benchmarks.lines(snapshot), benchmarks.NONE),
        ("Milestones", _milestones(snapshot, now), "none declared: add [[milestones]] or a wave schedule"),
        ("Rituals", _rituals(snapshot, now, viewer_zone), "none declared: add [[rituals]]"),
        ("Lints", (f"{lint.place(one)}: {one.code} {one.message}" for one in snapshot.lints), "none"),
        ("Triage log", _log_lines(snapshot), "not read"),
        ("This machine", (_check(check) for check in snapshot.self_checks), "not looked at"),
        ("Sources", (_source_line(source, now) for source in snapshot.sources), "none configured"),
    )
    lines = [_headline(snapshot, now, viewer_zone)]
    for heading, body, empty in sections:
        lines += ["", heading, *([f"  {line}" for line in body] or [f"  {empty}"])]
    return "\n".join(lines) + "\n"


def _headline(snapshot: Snapshot, now: datetime, viewer_zone: str) -> str:
    program = snapshot.program
    place = _position(snapshot, now)
    return " · ".join(
        part
        for part in (
            clean(program.title or program.id),
            both(now, program.zone, viewer_zone, dated=True),
            place["label"] or "programme start not declared",
            clean(program.note),
        )
        if part
    )


def _no_alerts(snapshot: Snapshot) -> str:
    """What an empty list means: nothing there, or nobody who could tell."""
    sources = [source for source in snapshot.sources if source.kind == "alerts"]
    if not sources:
        return "not watched: add [[alertmanagers]]"
    answered = all(source.read_at and not source.error for source in sources)
    return "none" if answered else "unknown: the source cannot be read"


def _changes(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.baseline is not None:
        file = snapshot.baseline.file
        yield f"baseline {file.for_date} {file.slot}, as of {render(file.as_of)}: {snapshot.baseline.why}"
        yield from (change.text for change in snapshot.changes)
        if not snapshot.changes:
            yield "nothing changed"


def _waves(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    program = snapshot.program
    today = local(now, program.zone).date()
    for status in assess(
        program.waves, today, rules=program.calendar, start=program.start, sprints=program.sprints
    ):
        yield f"{clean(status.wave.name or status.wave.id)}: {' · '.join(dates.facts(status))}"


def _squads(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    claimed = by_item(claim for claim in claims(snapshot, now) if claim.refuted)
    lanes: dict[str | None, list[Item]] = {}
    for item in snapshot.items:
        lanes.setdefault(item.squad, []).append(item)
    covered = {coverage.squad: coverage for coverage in snapshot.coverage}
    for squad in snapshot.program.squads:
        part = covered.get(squad.id)
        signals = "signals not declared"
        if part is not None and part.required:
            count = "?" if undecided(part) else str(part.ok)
            signals = f"signals {count}/{part.required}{_judged(part, now)}"
        yield f"{squad.name or squad.id}: {_counts(lanes.get(squad.id, []))} · {signals}"
        yield from _cards(lanes.get(squad.id, []), claimed)
    known = {squad.id for squad in snapshot.program.squads}
    strays = [item for item in snapshot.items if item.squad not in known]
    if strays:
        yield f"Unassigned: {_counts(strays)}"
        yield from _cards(strays, claimed)


def _counts(items: Sequence[Item]) -> str:
    columns = (*COLUMNS, "unknown")
    counts = {column: sum(item.status == column for item in items) for column in columns}
    said = [f"{count} {column.replace('_', ' ')}" for column, count in counts.items() if count]
    return ", ".join(said) or "no cards"


def _cards(items: Iterable[Item], claimed: Mapping[str, Sequence[Claim]]) -> Iterator[str]:
    for item in items:
        yield from (f"  {item.epic}: {one.proof} {one.text}" for one in claimed.get(item.id, ()))
        if item.status != "done":
            percent = "" if item.progress is None else f" {item.progress} %"
            waits = f"waits on {item.blocking_squad}" if item.blocking_squad else ""
            parts = (item.owner or "owner not declared", waits)
            text = " · ".join(part for part in parts if part)
            yield f"  {item.epic}: {item.status.replace('_', ' ')}{percent} · {text}"


def _blockers(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    for blocker in ranked(snapshot.blockers, now, snapshot.items, snapshot.program):
        yield blockers.named(blocker, now)


def _services(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    yield from services.doubt(snapshot.self_checks)
    yield from services.by_state(settle(snapshot.services, now), now)


def _needs(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    for need in needs(snapshot, now):
        yield services.need_line(need, now)


def _telemetry(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    for gate in snapshot.gates:
        percent = "" if gate.pct is None else f", {gate.ok}/{gate.required} signals ({gate.pct} %)"
        if undecided(gate):
            percent = f", ?/{gate.required} signals"
        waived = f", {gate.waived} waived" if gate.waived else ""
        why = f": {gate.why}" if gate.why else ""
        held = gates.holding(gate, now)
        yield f"gate of {gate.wave}: {gates.verdict(gate)}{percent}{waived}{held}{why}"
    for reading in telemetry.gaps(snapshot):
        seen = reading.last_seen and f"last seen {_ago(reading.last_seen, now)}"
        name = f"{reading.signal.squad} {reading.signal.title}".rstrip()
        parts = (f"{name}: {reading.code.replace('_', ' ')}", reading.text, seen, reading.hint)
        yield " · ".join(part for part in parts if part)
    there = sum(reading.code is GapCode.OK for reading in snapshot.signals)
    if snapshot.signals:
        yield f"{there} of {len(snapshot.signals)} declared signals are as promised"


def _judged(part: Coverage, now: datetime) -> str:
    """`` (1 waived) PASS*``, `` UNKNOWN, holding: 1 signal passes in 7m``."""
    waived = f" ({part.waived} waived)" if part.waived else ""
    return f"{waived} {gates.verdict(part)}{gates.holding(part, now)}"


def _alerts(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    for alert in snapshot.alerts:
        yield f"{alert.squad or 'unowned'}: {alerts.line(alert, now)}"


def _milestones(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    today = local(now, snapshot.program.zone).date()
    for milestone in snapshot.program.milestones:
        yield f"{_when(milestone)}: {milestone.text} · {milestones.status(milestone, today).text}"


def _when(milestone: Milestone) -> str:
    date = milestone.date.isoformat() if milestone.date else "no date"
    return f"{date} ({milestone.label})" if milestone.label else date


def _rituals(snapshot: Snapshot, now: datetime, viewer_zone: str) -> Iterator[str]:
    said: Mapping[str, Any] = rituals.as_json(snapshot.program, now, viewer_zone, snapshot=snapshot)
    for one in said["in_progress"]:
        yield f"now: {one['title']} · {one['text']}"
    for one in said["next"]:
        extras = "".join(f" · {part}" for part in (one["scenario"], *one["flags"]) if part)
        yield f"in {one['countdown']}: {one['title']} · {one['local']}{extras}"
        if one["readiness"] is not None:
            yield f"{one['title']}: {one['readiness']['words']}"
    for one in said["earlier"]:
        yield f"earlier: {one['title']} · {one['text']}"
    yield from said["notices"]


def _check(check: Check) -> str:
    return f"{check.name}: {'' if check.ok else 'unknown: ' if check.ok is None else 'FAILS: '}{check.text}"


def _source_line(source: SourceStatus, now: datetime) -> str:
    name = f"{source.kind} {source.title or source.id}"
    age = "never read" if source.read_at is None else f"read {_ago(source.read_at, now)}"
    error = f" · cannot be read: {source.error}" if source.error else ""
    return f"{name}: {age}{error}" + "".join(f" · {warning}" for warning in source.warnings)


def _ago(instant: datetime, now: datetime) -> str:
    return f"{duration((now - instant).total_seconds())} ago"
