"""`controlroom alerts`: what Alertmanager says is wrong, by squad."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlroom.domain.alerts import grouped
from controlroom.domain.instants import duration, maybe
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import Alert
from controlroom.headless.problems import ATTENTION, FINE, UNREACHABLE


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The document of `alerts --json`. An empty list with an error beside it means unknown, not none."""
    return {
        "alerts": [entry(alert) for group in grouped(snapshot.alerts).values() for alert in group],
        "sources": [
            {"id": s.id, "error": s.error, "remedy": s.remedy or None, "read_at": maybe(s.read_at)}
            for s in snapshot.sources
            if s.kind == "alerts"
        ],
    }


def entry(alert: Alert) -> dict[str, Any]:
    """One alert, as it stands in `alerts --json` and in `snapshot --json`; `squad` null is unowned."""
    return {
        "id": alert.fingerprint,
        "name": alert.name,
        "severity": alert.severity,
        "summary": alert.summary,
        "state": alert.state,
        "starts_at": maybe(alert.starts_at),
        "squad": alert.squad,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "generator": alert.generator or None,
        "server": alert.server,
        "silenced_by": list(alert.silenced_by),
    }


def as_text(snapshot: Snapshot, now: datetime) -> str:
    """A heading per squad and a line per alert; what could not be read is said, never taken for quiet."""
    sources = [source for source in snapshot.sources if source.kind == "alerts"]
    lines = []
    for squad, group in grouped(snapshot.alerts).items():
        lines.append(squad or "unowned")
        lines += [f"  {line(alert, now)}" for alert in group]
    for source in sources:
        if source.error:
            lines.append(f"{source.title or source.id}: unknown: {source.error}")
        elif source.read_at is None:
            lines.append(f"{source.title or source.id}: unknown: has not answered")
        lines += [f"{source.title or source.id}: {warning}" for warning in source.warnings]
    if not lines:
        lines = ["no alerts" if sources else "no Alertmanager is configured: add [[alertmanagers]]"]
    return "\n".join(lines) + "\n"


def line(alert: Alert, now: datetime) -> str:
    """``critical KafkaDown for 3m · broker 2 is gone``, with its state where that is not active."""
    words = [alert.severity, alert.name]
    if alert.starts_at is not None:
        words.append(f"for {duration((now - alert.starts_at).total_seconds())}")
    if alert.state != "active":
        words.append(f"({alert.state})")
    head = " ".join(word for word in words if word)
    return f"{head} · {alert.summary}" if alert.summary else head


def exit_code(snapshot: Snapshot) -> int:
    """1 for an active alert, else 3 while an Alertmanager cannot be asked, else 0."""
    if any(alert.state == "active" for alert in snapshot.alerts):
        return ATTENTION
    sources = [source for source in snapshot.sources if source.kind == "alerts"]
    return UNREACHABLE if any(s.error or s.read_at is None for s in sources) else FINE
