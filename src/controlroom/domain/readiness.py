"""Readiness: what is to be there when a ritual begins, and what of it is (domain rules, Rituals).

Only what is known to be there is green. What nobody can tell is unknown, and named apart from what is
missing. A ritual that declares nothing claims nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal

from controlroom.domain import health
from controlroom.domain.freshness import Freshness, freshness
from controlroom.domain.frozen import dataclass
from controlroom.domain.instants import duration
from controlroom.domain.rituals import Occurrence, ReadyGate
from controlroom.domain.runs import Key
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import UNDECIDED_CODES, GapCode, SignalReading
from controlroom.domain.text import clean
from controlroom.domain.worst import in_doubt

State = Literal["there", "missing", "unknown"]

LINE = 300
"""Characters of one reason."""


@dataclass(frozen=True, slots=True)
class ReadyState:
    """One gate as it stands."""

    text: str
    """As people call it."""
    state: State
    why: str = ""
    """Why it is missing or unknown; empty where it is there."""
    by: str | None = None
    at: dt.datetime | None = None
    """Who ticked it off and when, where a person did; else since when it is as it is, where that is known."""
    box: str | None = None
    """The item of the log under which a person ticks it off; None where the room sees by itself."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is to be there for one occurrence, in the order of its declaration."""

    gates: tuple[ReadyState, ...] = ()

    def named(self, state: State) -> tuple[str, ...]:
        """The gates in `state`, as people call them."""
        return tuple(gate.text for gate in self.gates if gate.state == state)

    @property
    def ready(self) -> bool | None:
        """Whether all of it is there; None where nothing is declared, or something is not known."""
        if not self.gates or (not self.named("missing") and self.named("unknown")):
            return None
        return not self.named("missing")

    @property
    def words(self) -> str:
        """``3 of 5 gates green · missing: … · not known: …``; empty where nothing is declared."""
        if not self.gates:
            return ""
        parts = [f"{len(self.named('there'))} of {len(self.gates)} gate{'s' * (len(self.gates) > 1)} green"]
        if missing := self.named("missing"):
            parts.append(f"missing: {', '.join(missing)}")
        if unknown := self.named("unknown"):
            parts.append(f"not known: {', '.join(unknown)}")
        return " · ".join(parts)


def readiness(occurrence: Occurrence, snapshot: Snapshot, now: dt.datetime) -> Readiness:
    """What of the gates of `occurrence` is there at `now`."""
    key = Key.of(occurrence)
    return Readiness(tuple(_judged(gate, key, snapshot, now) for gate in occurrence.ritual.gates))


def _judged(gate: ReadyGate, key: Key, snapshot: Snapshot, now: dt.datetime) -> ReadyState:
    if gate.service is not None:
        return _service(gate, gate.service, snapshot, now)
    if gate.signal is not None:
        return _signal(gate, gate.signal, snapshot, now)
    if gate.item is not None:
        return _item(gate, gate.item, snapshot)
    return _ticked(gate, key, snapshot)


def _service(gate: ReadyGate, id_: str, snapshot: Snapshot, now: dt.datetime) -> ReadyState:
    found = next((state for state in snapshot.services if state.service.id == id_), None)
    text = gate.text or (found.service.name if found is not None else "") or id_
    if found is None:
        return ReadyState(text, "unknown", f"there is no service {clean(id_, 80)}")
    state = health.shown(found, now)
    if state.health is Health.UP:
        return ReadyState(text, "there", at=state.since)
    if state.health is Health.UNKNOWN or in_doubt(state):
        return ReadyState(text, "unknown", clean(state.reason, LINE) or "not asked yet")
    said = str(state.health).lower() if state.health is not Health.DOWN else "DOWN"
    reason = f": {clean(state.reason, LINE)}" if state.reason else ""
    return ReadyState(text, "missing", said + reason, at=state.since)


def _signal(gate: ReadyGate, metric: str, snapshot: Snapshot, now: dt.datetime) -> ReadyState:
    """Delivered when every squad that promised it delivers it."""
    text = gate.text or metric
    readings = [one for one in snapshot.signals if metric in (one.signal.metric, one.signal.title, one.id)]
    if not readings:
        return ReadyState(text, "unknown", f"nobody promised {clean(metric, 80)}")
    if (old := _unread(readings, snapshot, now)) is not None:
        return ReadyState(text, "unknown", old)
    undecided = [one for one in readings if one.code in UNDECIDED_CODES]
    gaps = [one for one in readings if one.code is not GapCode.OK and one not in undecided]
    if gaps or undecided:
        why = ", ".join(f"{one.signal.squad} {one.code.value}" for one in gaps or undecided)
        return ReadyState(text, "missing" if gaps else "unknown", clean(why, LINE))
    sinces = [one.since for one in readings if one.since is not None]
    return ReadyState(text, "there", at=max(sinces) if len(sinces) == len(readings) else None)


def _unread(readings: Sequence[SignalReading], snapshot: Snapshot, now: dt.datetime) -> str | None:
    """Why what their servers said last says nothing of `now`; None where it does."""
    servers = [source for source in snapshot.sources if source.kind == "metrics"]
    asked = {f"metrics:{one.signal.server}" for one in readings if one.signal.server is not None}
    if any(one.signal.server is None and one.signal.metric for one in readings):
        asked |= {source.id for source in servers[:1]}
    for source in (one for one in servers if one.id in asked):
        if source.error is not None:
            return f"{clean(source.title or source.id, 80)} unreachable"
        how = freshness(source.read_at, now, source.interval)
        if how is Freshness.NEVER or source.read_at is None:
            return f"{clean(source.title or source.id, 80)} has not answered yet"
        if how is Freshness.STALE:
            return f"last looked at {duration((now - source.read_at).total_seconds())} ago"
    return None


_STATUS: Mapping[str, str] = {"not_started": "not started", "in_progress": "in progress"}


def _item(gate: ReadyGate, id_: str, snapshot: Snapshot) -> ReadyState:
    found = next((item for item in snapshot.items if item.id == id_), None)
    text = gate.text or (found.epic if found is not None else "") or id_
    if found is None:
        return ReadyState(text, "unknown", f"there is no card {clean(id_, 80)}")
    if found.status == "done":
        return ReadyState(text, "there", at=found.since)
    if found.status == "unknown":
        return ReadyState(text, "unknown", "its status cannot be read")
    return ReadyState(text, "missing", _STATUS.get(found.status, found.status))


def _ticked(gate: ReadyGate, key: Key, snapshot: Snapshot) -> ReadyState:
    item = key.box(gate.text)
    box = next((box for box in snapshot.boxes if box.item == item), None)
    if box is not None and box.done:
        return ReadyState(gate.text, "there", by=box.by, at=box.at, box=item)
    if box is None and snapshot.ledger is None:
        return ReadyState(gate.text, "unknown", "the log has not been read", box=item)
    if box is not None:
        return ReadyState(gate.text, "missing", f"{box.by} took the tick back", box.by, box.at, item)
    return ReadyState(gate.text, "missing", "nobody ticked it off", box=item)
