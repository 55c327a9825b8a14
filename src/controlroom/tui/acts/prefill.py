"""A new blocker, as far as what is under the cursor tells: nothing is guessed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean
from controlroom.tui import moments, present
from controlroom.tui.rows import Subject

LINK_LABELS = ("runbook_url", "runbook", "dashboard_url", "dashboard")
"""Annotations of an alert that lead somewhere."""


class Draft(NamedTuple):
    """What is known already. `values` by field, as they would be typed; `notes` say where one comes from."""

    values: Mapping[str, str] = {}
    notes: Mapping[str, str] = {}
    about: str = ""
    """What the blocker is opened from, such as ``service:kafka``."""


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
    return _dated(snapshot, values, state.since if failing else None, f"service:{id_}")


def _signal(snapshot: Snapshot, id_: str, now: datetime) -> Draft | None:
    reading = next((r for r in snapshot.signals if r.id == id_), None)
    if reading is None:
        return None
    signal = reading.signal
    said = f"{signal.metric or signal.squad} {reading.code.value}" + (
        f": {reading.text}" if reading.text else ""
    )
    values = {"summary": clean(said), "blocking_squad": _name(snapshot, signal.squad or None)}
    return _dated(snapshot, values, reading.last_seen, f"signal:{id_}")


def _alert(snapshot: Snapshot, id_: str, now: datetime) -> Draft | None:
    alert = next((a for a in snapshot.alerts if a.fingerprint == id_), None)
    if alert is None:
        return None
    said = f"{alert.name}: {alert.summary}" if alert.summary else alert.name
    links = [alert.annotations[label] for label in LINK_LABELS if alert.annotations.get(label)]
    values = {
        "summary": clean(said),
        "blocking_squad": _name(snapshot, alert.squad),
        "links": " ".join(dict.fromkeys(links)),
    }
    return _dated(snapshot, values, alert.starts_at, f"alert:{id_}")


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
    "alert": _alert,
    "item": _card,
}
