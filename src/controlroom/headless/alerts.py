"""`controlroom alerts`: what Alertmanager says is wrong, what is silenced, and whether any would arrive."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlroom.domain.alerts import Family, Watchdog, apart, families, grouped, watchdog_trouble
from controlroom.domain.instants import duration, maybe
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert
from controlroom.headless.problems import ATTENTION, FINE, UNREACHABLE

TOLD_APART = 2
"""Labels that are shown to tell an alert from others."""


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The document of `alerts --json`. An empty list with an error beside it means unknown, not none."""
    from controlroom.headless import silences

    return {
        "alerts": [entry(alert) for group in grouped(snapshot.alerts).values() for alert in group],
        "families": [family_entry(family) for family in families(snapshot.alerts)],
        "silences": silences.entries(snapshot),
        "watchdogs": [watchdog_entry(dog, snapshot) for dog in snapshot.watchdogs],
        "sources": [
            {
                "id": s.id,
                "error": s.error,
                "remedy": s.remedy or None,
                "read_at": maybe(s.read_at),
                "warnings": list(s.warnings),
            }
            for s in _sources(snapshot)
        ],
    }


def family_entry(family: Family) -> dict[str, Any]:
    """Alerts of one name and one squad; `alerts` are their ids, `squad` null is unowned."""
    return {
        "name": family.name,
        "squad": family.squad,
        "severity": family.severity,
        "active": family.active,
        "silenced": family.silenced,
        "since": maybe(family.since),
        "alerts": [alert.fingerprint for alert in family.alerts],
    }


def watchdog_entry(dog: Watchdog, snapshot: Snapshot) -> dict[str, Any]:
    """A dead-man's switch; `state` is firing, silenced, missing, or unknown while nobody can be asked."""
    return {
        "server": dog.server,
        "name": dog.name,
        "state": watchdog_state(dog, snapshot),
        "since": maybe(dog.since),
        "seen_at": maybe(dog.seen_at),
    }


def watchdog_state(dog: Watchdog, snapshot: Snapshot) -> str:
    """What is known of a dead-man's switch, in a word."""
    if any(one is dog for one, _ in watchdog_trouble(snapshot)):
        return "missing"
    source = next((s for s in _sources(snapshot) if s.id == f"alerts:{dog.server}"), None)
    if not dog.firing or source is None or _blind(source):
        return "unknown"
    return "silenced" if dog.silenced else "firing"


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
    from controlroom.headless import silences

    sources = _sources(snapshot)
    if not sources:
        return "no Alertmanager is configured: add [[alertmanagers]]\n"
    lines = []
    which = _which(snapshot)
    for squad, group in grouped(snapshot.alerts).items():
        lines.append(squad or "unowned")
        lines += [f"  {line(alert, now, which.get(alert.fingerprint, ''))}" for alert in group]
    if not lines and not any(map(_blind, sources)):
        lines.append("no alerts")
    for source in sources:
        if _blind(source):
            lines.append(f"{source.title or source.id}: unknown: {source.error or 'has not answered'}")
        lines += [f"{source.title or source.id}: {warning}" for warning in source.warnings]
    lines += _watchdog_lines(snapshot, now)
    quiet = list(silences.lines(snapshot, now))
    lines += ["silences", *(f"  {one}" for one in quiet)] if quiet else []
    return "\n".join(lines) + "\n"


def _watchdog_lines(snapshot: Snapshot, now: datetime) -> list[str]:
    """A line per dead-man's switch."""
    words = {
        "firing": "fires, as it must",
        "silenced": "fires, but is silenced: whoever waits for it hears nothing",
        "unknown": "unknown",
    }
    trouble = watchdog_trouble(snapshot)
    lines = []
    for dog in snapshot.watchdogs:
        text = next((text for one, text in trouble if one is dog), "")
        if not text:
            text = f"{dog.name} of {dog.server}: {words[watchdog_state(dog, snapshot)]}"
        elif dog.seen_at is not None:
            text += f"; last seen {duration((now - dog.seen_at).total_seconds())} ago"
        lines.append(text)
    return lines


def _which(snapshot: Snapshot) -> dict[str, str]:
    """Fingerprint → what tells an alert from the others of its name and squad, where there are any."""
    found = {}
    for family in families(snapshot.alerts):
        labels = apart(family)[:TOLD_APART]
        for alert in family.alerts:
            found[alert.fingerprint] = " ".join(alert.labels[name] for name in labels if name in alert.labels)
    return found


def line(alert: Alert, now: datetime, which: str = "") -> str:
    """``critical KafkaDown b:9092 for 3m · broker 2 is gone``, with its state where that is not active.

    `which` tells it from others of its name.
    """
    words = [alert.severity, alert.name, which]
    if alert.starts_at is not None:
        words.append(f"for {duration((now - alert.starts_at).total_seconds())}")
    if alert.state != "active":
        words.append(f"({alert.state})")
    head = " ".join(word for word in words if word)
    return f"{head} · {alert.summary}" if alert.summary else head


def exit_code(snapshot: Snapshot) -> int:
    """1 for an alert that fires or a switch that does not, else 3 where one cannot be asked, else 0."""
    if any(alert.state != "suppressed" for alert in snapshot.alerts) or watchdog_trouble(snapshot):
        return ATTENTION
    return UNREACHABLE if any(map(_blind, _sources(snapshot))) else FINE


def _sources(snapshot: Snapshot) -> list[SourceStatus]:
    return [source for source in snapshot.sources if source.kind == "alerts"]


def _blind(source: SourceStatus) -> bool:
    """Whether `source` cannot be asked: what it knows is unknown."""
    return bool(source.error) or source.read_at is None
