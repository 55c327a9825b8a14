"""What in the room needs somebody's attention, worst first, and the exit code that follows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from controlroom.domain.alerts import watchdog_trouble
from controlroom.domain.benchmarks import UNSURE
from controlroom.domain.claims import claims
from controlroom.domain.health import settle
from controlroom.domain.instants import duration
from controlroom.domain.selfcheck import failing as failing_checks
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.status import known_gap
from controlroom.domain.telemetry import GapCode
from controlroom.domain.triage import age, sla
from controlroom.domain.worst import told
from controlroom.headless import actions, gates
from controlroom.headless.problems import ATTENTION, FINE, UNREACHABLE

Severity = Literal["critical", "error", "warning"]
SEVERITIES: tuple[Severity, ...] = ("critical", "error", "warning")


class Attention(NamedTuple):
    """One thing that needs attention; `kind` and `id` say which."""

    kind: str
    id: str
    text: str
    severity: Severity


def attention(snapshot: Snapshot, now: datetime) -> tuple[Attention, ...]:
    """Everything that needs attention at `now`, by severity, in the order of the room within one."""
    found = (
        *_relayed(snapshot, now),
        *_itself(snapshot),
        *_services(snapshot, now),
        *_blockers(snapshot, now),
        *_undelivered(snapshot),
        *_watchdogs(snapshot),
        *_alerts(snapshot),
        *_gates(snapshot),
        *_gaps(snapshot),
        *_benchmarks(snapshot),
        *_claims(snapshot, now),
        *_lints(snapshot),
        *_sources(snapshot),
    )
    return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))


def exit_code(snapshot: Snapshot, found: tuple[Attention, ...]) -> int:
    """1 when anything known is wrong, else 3 when a source cannot be read, else 0."""
    if any(one.kind != "source" for one in found):
        return ATTENTION
    return UNREACHABLE if found or failing(snapshot) else FINE


def failing(snapshot: Snapshot) -> bool:
    """Whether a configured source could not be read."""
    return any(source.error or source.read_at is None for source in snapshot.sources)


def _relayed(snapshot: Snapshot, now: datetime) -> Iterator[Attention]:
    """That all of it is old, where it was told by a collector that cannot be heard."""
    relayed = snapshot.relayed
    if relayed is not None and relayed.lost:
        old = "" if relayed.old_since is None else f" {duration((now - relayed.old_since).total_seconds())}"
        said = "waiting for a collector" if relayed.unheard else f"STALE{old}"
        yield Attention("relayed", relayed.where, f"{said}: {relayed.reason}".rstrip(": "), "error")


def _itself(snapshot: Snapshot) -> Iterator[Attention]:
    """What this machine finds wrong with itself: it puts in doubt what it says of everything else."""
    for check in failing_checks(snapshot.self_checks):
        yield Attention("self", check.name, f"is it me: {check.text}", "error")


def _services(snapshot: Snapshot, now: datetime) -> Iterator[Attention]:
    severities: dict[Health, Severity] = {
        Health.DOWN: "critical",
        Health.DEGRADED: "warning",
        Health.UNKNOWN: "warning",
    }
    asked = any(s.kind == "services" and s.read_at and not s.error for s in snapshot.sources)
    for state in settle(snapshot.services, now) if asked else ():
        severity = severities.get(told(state))
        if severity is None:
            continue
        parts = [f"{state.service.name or state.service.id} {str(state.health).upper()}"]
        if state.since is not None:
            parts[0] += f" {duration((now - state.since).total_seconds())}"
        parts += [state.reason] if state.reason else []
        if state.caused_by:
            parts.append(f"caused by {state.caused_by}")
            severity = "error" if severity == "critical" else severity
        if not state.verified:
            parts.append("unverified")
        yield Attention("service", state.service.id, " · ".join(parts), severity)


def _blockers(snapshot: Snapshot, now: datetime) -> Iterator[Attention]:
    for blocker in snapshot.blockers:
        standing = sla(blocker, now)
        if blocker.state == "resolved" or standing not in ("breach", "due_soon"):
            continue
        old = duration(age(blocker, now) or 0.0)
        word = "BREACH" if standing == "breach" else "due soon"
        severity: Severity = "critical" if standing == "breach" else "warning"
        yield Attention("blocker", blocker.id, f"{blocker.summary} open for {old}, {word}", severity)


def _undelivered(snapshot: Snapshot) -> Iterator[Attention]:
    """What this person did and nobody else sees: it met another's action, or it waits for the store."""
    for outcome in snapshot.outbox.conflicts:
        text = f"not {actions.said(outcome.action)}; {actions.in_the_way(outcome.current)}"
        yield Attention("conflict", outcome.action.id, text, "error")
    for outcome in snapshot.outbox.queued:
        why = f" ({outcome.reason})" if outcome.reason else ""
        text = f"waits in the outbox: {actions.said(outcome.action)}{why}"
        yield Attention("queued", outcome.action.id, text, "warning")
    for trouble in (snapshot.log.trouble if snapshot.log else "", snapshot.outbox.trouble):
        if trouble:
            yield Attention("log", "store", trouble, "error")


def _alerts(snapshot: Snapshot) -> Iterator[Attention]:
    for alert in snapshot.alerts:
        if alert.state == "suppressed":
            continue
        severity: Severity = "error" if alert.severity in ("critical", "page", "error") else "warning"
        owner = alert.squad or "unowned"
        summary = f" · {alert.summary}" if alert.summary else ""
        yield Attention("alert", alert.fingerprint, f"{alert.name} ({owner}){summary}", severity)


def _watchdogs(snapshot: Snapshot) -> Iterator[Attention]:
    for dog, text in watchdog_trouble(snapshot):
        yield Attention("watchdog", dog.server, text, "critical")


def _gates(snapshot: Snapshot) -> Iterator[Attention]:
    for gate in snapshot.gates:
        if gate.verdict == "FAIL":
            failing_squads = ", ".join(s.squad for s in gate.squads if s.verdict in ("FAIL", "NOT_DECLARED"))
            text = f"exit gate of {gate.wave} fails: {gates.fraction(gate)} signals"
            yield Attention(
                "gate", gate.wave, text + (f" · {failing_squads}" if failing_squads else ""), "error"
            )


def _gaps(snapshot: Snapshot) -> Iterator[Attention]:
    for reading in snapshot.signals:
        if known_gap(reading):
            text = f"{reading.signal.squad} {reading.signal.title}: {reading.code}"
            why = f" · {reading.text}" if reading.text else ""
            pending = reading.code is GapCode.TARGET_PENDING  # a first scrape may be all it needs
            yield Attention("gap", reading.id, text + why, "warning" if pending else "error")


def _benchmarks(snapshot: Snapshot) -> Iterator[Attention]:
    """Regressions; and as what cannot be read, those that say nothing of today."""
    source = snapshot.source("benchmarks")
    read = source is not None and source.read_at is not None and not source.error
    for reading in snapshot.benchmarks:
        text = f"{reading.name}: {reading.text}"
        if reading.verdict == "regression":
            owner = f" ({reading.squad})" if reading.squad else ""
            yield Attention("benchmark", reading.id, f"{reading.name}{owner}: {reading.text}", "error")
        elif reading.verdict in UNSURE and read:
            yield Attention("source", f"benchmark:{reading.id}", text, "warning")


def _claims(snapshot: Snapshot, now: datetime) -> Iterator[Attention]:
    """Cards that are claimed done while what proves it is known not to be there."""
    epics = {item.id: item.epic for item in snapshot.items if item.proof}
    for claim in claims(snapshot, now):
        if claim.refuted:
            text = f"{epics[claim.item]}: {claim.proof} {claim.text}"
            yield Attention("claim", claim.item, text, "warning")


def _lints(snapshot: Snapshot) -> Iterator[Attention]:
    for lint in snapshot.lints:
        if lint.severity == "error":
            place = ":".join(str(part) for part in (lint.path, lint.line) if part) or lint.pointer or ""
            text = f"{lint.code} {lint.message}" + (f" ({place})" if place else "")
            yield Attention("lint", lint.subject or place or lint.code, text, "error")


def _sources(snapshot: Snapshot) -> Iterator[Attention]:
    for source in snapshot.sources:
        if source.error:
            yield Attention("source", source.id, f"{source.title or source.id}: {source.error}", "error")
        elif source.read_at is None:
            yield Attention("source", source.id, f"{source.title or source.id}: has not answered", "error")
