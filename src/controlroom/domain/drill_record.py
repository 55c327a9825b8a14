"""The record of a drill: what was measured goes into the action that ends it, and is read from there.

So every report of it says the same, whoever makes it and whenever. What people say of it (symptoms,
decisions) stands in the log for itself; only what the room saw of a symptom is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast, get_args

from controlroom.domain.drill import (
    LISTED,
    Alarm,
    Drill,
    Raised,
    Symptom,
    begun,
    line,
    lines,
    moment,
    number,
    symptoms,
    table,
    watch,
)
from controlroom.domain.drill_signs import Sign
from controlroom.domain.drill_watch import Bound, Stopwatch, Verdict
from controlroom.domain.fold_args import LINE_LIMIT, NAME_LIMIT
from controlroom.domain.health import Transition
from controlroom.domain.instants import maybe
from controlroom.domain.runs import Run
from controlroom.domain.services import Health
from controlroom.domain.text import clean

if TYPE_CHECKING:
    from controlroom.domain.snapshot import Snapshot

MEASURED = "measured"
"""Name of the argument of ``finish`` that holds the record."""

STEPS = 50
"""Transitions of one service that are kept."""


def closing(drill: Drill, hush_end: str = "") -> dict[str, Any]:
    """The arguments of the action that ends `drill`; `hush_end` says what became of its silence."""
    return {
        MEASURED: {
            "by": drill.by,
            "injected_at": _precise(drill.injected_at) if drill.marked else None,
            "services": [stopwatch_entry(one) for one in drill.watches],
            "symptoms": [
                {"text": one.text, "sign": one.sign, "shown": list(one.shown), "why": one.why}
                for one in drill.symptoms
                if one.sign
            ],
            "alerts": [alarm_entry(one) for one in drill.alarms],
            "blockers": [raised_entry(one) for one in drill.raised],
            "unknown": list(drill.unknown),
        },
        "silence": hush_end,
    }


def stopwatch_entry(one: Stopwatch) -> dict[str, Any]:
    """A stopwatch as JSON; lengths in seconds, null where nothing was measured."""
    return {
        "id": one.service,
        "name": one.name,
        "before": str(one.before),
        "after": str(one.now),
        "broken_at": _precise(one.broken_at),
        "detection_s": _seconds(one.detection),
        "detection_bound": one.detection_bound or None,
        "recovered_at": _precise(one.recovered_at),
        "recovery_s": _seconds(one.recovery),
        "recovery_bound": one.recovery_bound or None,
        "running_s": _seconds(one.running),
        "rto_s": one.rto,
        "verdict": one.verdict or None,
        "flaps": one.flaps,
        "watched": one.watched,
        "why": one.why or None,
        "transitions": [
            {
                "at": _precise(change.at),
                "from": str(change.before),
                "to": str(change.after),
                "reason": change.reason,
            }
            for change in one.steps[:STEPS]
        ],
    }


def alarm_entry(one: Alarm) -> dict[str, Any]:
    """An alert as JSON."""
    return {
        "id": one.fingerprint,
        "name": one.name,
        "severity": one.severity or None,
        "squad": one.squad,
        "starts_at": maybe(one.starts_at),
        "silenced": one.silenced,
        "server": one.server,
    }


def raised_entry(one: Raised) -> dict[str, Any]:
    """A blocker as JSON."""
    return {"id": one.id, "summary": one.summary, "owner": one.owner, "opened_at": maybe(one.opened_at)}


def _precise(at: datetime | None) -> str | None:
    """Instants that were measured are kept to the millisecond."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(length: float | None) -> float | None:
    return None if length is None else round(length, 3)


def recorded(run: Run, snapshot: Snapshot) -> Drill | None:
    """The drill of `run` as it was recorded at its end; None where nothing was recorded."""
    measured = table(run.closing.get(MEASURED))
    if run.on or run.finished_at is None or not measured:
        return None
    ritual = next((one for one in snapshot.program.rituals if one.id == run.key.ritual), None)
    injected = moment(measured.get("injected_at"))
    judged = {line(one.get("text"), LINE_LIMIT): one for one in _tables(measured.get("symptoms"))}
    return Drill(
        run,
        clean((ritual.title if ritual else "") or run.key.ritual, NAME_LIMIT),
        begun(run),
        run.finished_at,
        injected or run.began_at,
        injected is not None,
        tuple(_stopwatch(one) for one in _tables(measured.get("services"))),
        tuple(_signed(one, judged.get(one.text)) for one in symptoms(run, snapshot, ritual)),
        tuple(_alarm(one) for one in _tables(measured.get("alerts"))),
        tuple(_raised(one) for one in _tables(measured.get("blockers"))),
        line(measured.get("by")),
        lines(measured.get("unknown"), LINE_LIMIT),
        line(run.closing.get("silence"), LINE_LIMIT),
    )


def of_run(run: Run, snapshot: Snapshot, now: datetime) -> Drill:
    """The drill as it was recorded, or as the room sees it at `now`."""
    return recorded(run, snapshot) or watch(run, snapshot, now)


def _tables(value: object) -> list[Mapping[str, Any]]:
    listed = value[:LISTED] if isinstance(value, list) else []
    return [table(one) for one in listed if isinstance(one, Mapping)]


def _signed(symptom: Symptom, said: Mapping[str, Any] | None) -> Symptom:
    """`symptom` with what the room was seen to show of it then."""
    if symptom.seen_at is None:
        return symptom
    if said is None:
        return replace(symptom, sign="not known", why="it was said after the end")
    sign = cast("Sign", _one_of(said.get("sign"), Sign, "not known"))
    return replace(
        symptom,
        sign=sign,
        shown=lines(said.get("shown"), LINE_LIMIT),
        why=line(said.get("why"), LINE_LIMIT),
    )


def _one_of(value: object, kind: object, other: str) -> str:
    return value if isinstance(value, str) and value in get_args(kind) else other


def _health(value: object) -> Health:
    return Health(value) if isinstance(value, str) and value in set(map(str, Health)) else Health.UNKNOWN


def _stopwatch(said: Mapping[str, Any]) -> Stopwatch:
    flaps = said.get("flaps")
    return Stopwatch(
        line(said.get("id")) or "?",
        line(said.get("name")) or line(said.get("id")) or "?",
        _health(said.get("before")),
        _health(said.get("after")),
        tuple(_step(one) for one in _tables(said.get("transitions")) if moment(one.get("at"))),
        moment(said.get("broken_at")),
        moment(said.get("recovered_at")),
        number(said.get("detection_s")),
        cast("Bound", _one_of(said.get("detection_bound"), Bound, "")),
        number(said.get("recovery_s")),
        cast("Bound", _one_of(said.get("recovery_bound"), Bound, "")),
        number(said.get("running_s")),
        number(said.get("rto_s")),
        cast("Verdict", _one_of(said.get("verdict"), Verdict, "")),
        flaps if isinstance(flaps, int) and 0 <= flaps < 1_000_000 else 0,
        "all" if said.get("watched") == "all" else "partly" if said.get("watched") == "partly" else "not",
        line(said.get("why"), LINE_LIMIT),
    )


def _step(said: Mapping[str, Any]) -> Transition:
    at = moment(said.get("at"))
    assert at is not None  # others are left out before
    return Transition(at, _health(said.get("from")), _health(said.get("to")), line(said.get("reason"), 200))


def _alarm(said: Mapping[str, Any]) -> Alarm:
    return Alarm(
        line(said.get("id")),
        line(said.get("name")) or "?",
        line(said.get("severity")),
        line(said.get("squad")) or None,
        moment(said.get("starts_at")),
        said.get("silenced") is True,
        line(said.get("server")),
    )


def _raised(said: Mapping[str, Any]) -> Raised:
    return Raised(
        line(said.get("id")),
        line(said.get("summary"), LINE_LIMIT),
        line(said.get("owner")) or None,
        moment(said.get("opened_at")),
    )
