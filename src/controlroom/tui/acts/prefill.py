"""A new blocker, as far as what is under the cursor tells: nothing is guessed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import GONE_CODES, Alert, SignalReading
from controlroom.domain.text import clean
from controlroom.tui import moments, present
from controlroom.tui.gate_words import lasting_since
from controlroom.tui.known_alerts import family_of
from controlroom.tui.rows import Subject
from controlroom.tui.triage_words import on_this_clock

LINK_LABELS = ("runbook_url", "runbook", "dashboard_url", "dashboard")
"""Annotations of an alert that lead somewhere."""


class Draft(NamedTuple):
    """What is known already. `values` by field, as they would be typed; `notes` say where one comes from."""

    values: Mapping[str, str] = {}
    notes: Mapping[str, str] = {}
    about: str = ""
    """What the blocker is opened from, such as ``service:kafka``."""
    named: str = ""
    """The same as people call it: ``service Kafka``."""


def draft(snapshot: Snapshot, subject: Subject | None, now: datetime) -> Draft:
    """The new blocker's fields for `subject`; an empty form for what says nothing about one."""
    made = _DRAFTS.get(subject.kind) if subject is not None else None
    if made is None or subject is None:
        return Draft({"opened_at": "now"})
    return made(snapshot, subject.id, now) or Draft({"opened_at": "now"})


def _service(snapshot: Snapshot, id_: str, now: datetime) -> Draft | None:
    state = next((s for s in snapshot.services if s.service.id == id_), None)
    if state is None:
        return None
    service = state.service
    failing = state.health in (Health.DOWN, Health.DEGRADED)
    word = present.HEALTH[state.health].word
    said = f"{service.name or service.id} {word}" + (f": {state.reason}" if state.reason else "")
    values = {
        "summary": clean(said),
        "owning_squad": _name(snapshot, next(iter(service.squads), None)),
        "blocking_squad": _name(snapshot, service.owner),
        "links": service.runbook or "",
    }
    made = _dated(snapshot, values, state.since if failing else None, f"service:{id_}")
    return made._replace(named=f"service {service.name or service.id}")


def _signal(snapshot: Snapshot, id_: str, now: datetime) -> Draft | None:
    reading = next((r for r in snapshot.signals if r.id == id_), None)
    if reading is None:
        return None
    signal = reading.signal
    squad = _name(snapshot, signal.squad or None)
    reason = on_this_clock(reading.text, snapshot.program, now)
    said = f"{signal.title or squad} {reading.code.value}" + (f": {reason}" if reason else "")
    values = {
        "summary": clean(said),
        # A signal that is missing holds up its own squad's exit; whom that waits on, nobody can tell.
        "owning_squad": squad,
        "text": clean(" · ".join(_facts(reading))),
        "links": signal.dashboard if signal.dashboard and "://" in signal.dashboard else "",
    }
    since = lasting_since(snapshot, reading) or (reading.last_seen if reading.code in GONE_CODES else None)
    return _dated(snapshot, values, since, f"signal:{id_}")._replace(named=f"signal {signal.title or squad}")


def _facts(reading: SignalReading) -> Iterator[str]:
    """What whoever takes it on would look for first."""
    if reading.signal.job:
        yield f"job {reading.signal.job}"
    if reading.hint:
        yield reading.hint
    yield from reading.targets[:1]
    if reading.query:
        yield f"query: {reading.query}"


def _alert(snapshot: Snapshot, id_: str, now: datetime) -> Draft | None:
    alert = next((a for a in snapshot.alerts if a.fingerprint == id_), None)
    return None if alert is None else _alerted(snapshot, alert, alert.name)


def _family(snapshot: Snapshot, id_: str, now: datetime) -> Draft | None:
    family = family_of(snapshot, Subject("family", id_))
    if family is None:
        return None
    # The oldest of those that fire stands for all of them.
    return _alerted(snapshot, family.alerts[0], f"{family.name} ×{len(family.alerts)}")


def _alerted(snapshot: Snapshot, alert: Alert, title: str) -> Draft:
    said = f"{title}: {alert.summary}" if alert.summary else title
    links = [alert.annotations[label] for label in LINK_LABELS if alert.annotations.get(label)]
    values = {
        "summary": clean(said),
        "blocking_squad": _name(snapshot, alert.squad),
        "links": " ".join(dict.fromkeys(links)),
    }
    about = f"alert:{alert.fingerprint}"
    return _dated(snapshot, values, alert.starts_at, about)._replace(named=f"alert {title}")


def _benchmark(snapshot: Snapshot, id_: str, now: datetime) -> Draft | None:
    reading = next((one for one in snapshot.benchmarks if one.id == id_), None)
    if reading is None:
        return None
    said = on_this_clock(reading.text, snapshot.program, now)
    source = reading.last.source.partition(" · ")[0] if reading.last is not None else reading.where
    values = {
        "summary": clean(f"{reading.name} {reading.verdict}: {said}"),
        # Its numbers tell who measured it, not who made it slow.
        "owning_squad": _name(snapshot, reading.squad),
        "text": clean(f"from {source}" if reading.server is None else f"query: {reading.where}"),
    }
    made = _dated(snapshot, values, reading.since, f"benchmark:{id_}")
    return made._replace(named=f"benchmark {reading.name}")


def _card(snapshot: Snapshot, id_: str, now: datetime) -> Draft | None:
    item = next((i for i in (*snapshot.items, *snapshot.steps) if i.id == id_), None)
    if item is None:
        return None
    values = {
        "item": item.id,
        "owning_squad": _name(snapshot, item.owning_squad or item.squad),
        "blocking_squad": _name(snapshot, item.blocking_squad),
        "opened_at": "now",
    }
    return Draft(values, {"item": clean(item.epic)}, "")


def _dated(snapshot: Snapshot, values: Mapping[str, str], since: datetime | None, about: str) -> Draft:
    """With the instant it was observed, where there is one."""
    if since is None:
        return Draft({**values, "opened_at": "now"}, {}, about)
    at = moments.written(since, snapshot.program.zone)
    return Draft({**values, "opened_at": at}, {"opened_at": "observed"}, about)


def _name(snapshot: Snapshot, squad: str | None) -> str:
    return present.squad_name(snapshot.program, squad) if squad else ""


_DRAFTS: Mapping[str, Callable[[Snapshot, str, datetime], Draft | None]] = {
    "service": _service,
    "signal": _signal,
    "benchmark": _benchmark,
    "alert": _alert,
    "family": _family,
    "item": _card,
}
