"""`controlroom services`: what runs, how it is, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from controlroom.domain.health import ServiceState, shown
from controlroom.domain.instants import duration, maybe
from controlroom.domain.services import Health
from controlroom.headless.problems import ATTENTION, FINE

WORST_FIRST = (Health.DOWN, Health.DEGRADED, Health.UNKNOWN, Health.MAINTENANCE, Health.UP)


def as_json(states: Sequence[ServiceState], now: datetime) -> dict[str, Any]:
    """The document of `services --json`, in the order of the configuration."""
    return {"services": [entry(state, now) for state in states]}


def entry(state: ServiceState, now: datetime) -> dict[str, Any]:
    """One service, as it stands in `services --json` and in `snapshot --json`.

    `error` is why it is not up, or why a probe of it just failed; null when all is well.
    """
    state = shown(state, now)
    service = state.service
    wrong = state.health is not Health.UP or bool(state.failures)
    return {
        "id": service.id,
        "name": service.name or service.id,
        "kind": service.kind,
        "group": service.group or None,
        "state": state.health.value,
        "since": maybe(state.since),
        "latency_ms": None if state.latency is None else round(state.latency * 1000, 3),
        "reason": state.reason,
        "error": state.reason if wrong and state.reason else None,
        "caused_by": state.caused_by,
        "verified": state.verified,
        "owner": service.owner,
        "squads": list(service.squads),
        "milestones": list(service.milestones),
        "depends_on": list(service.depends_on),
        "runbook": service.runbook,
        "probed_at": maybe(state.probed_at),
        "flaps": state.flaps,
        "transitions": [
            {"at": maybe(t.at), "from": t.before.value, "to": t.after.value, "reason": t.reason}
            for t in state.transitions
        ],
        "detail": dict(state.detail),
    }


def as_text(states: Sequence[ServiceState], now: datetime) -> str:
    """A line per service, worst first; then how many there are in each state."""
    if not states:
        return "no services are configured: add [[services]]\n"
    ranked = sorted((shown(state, now) for state in states), key=lambda s: WORST_FIRST.index(s.health))
    width = max(len(state.service.name or state.service.id) for state in ranked)
    lines = [line(state, now, width) for state in ranked]
    counts = [(sum(state.health is health for state in ranked), health) for health in WORST_FIRST]
    lines.append(", ".join(f"{count} {health}" for count, health in counts if count))
    return "\n".join(lines) + "\n"


def line(state: ServiceState, now: datetime, width: int = 0) -> str:
    """``DOWN 3m  kafka  connection refused · caused by redis``, of a state as it is shown at `now`."""
    age = "" if state.since is None else duration((now - state.since).total_seconds())
    words = [state.reason] if state.reason else []
    if state.latency is not None:
        words.append(f"{state.latency * 1000:.1f} ms")
    if state.caused_by:
        words.append(f"caused by {state.caused_by}")
    if not state.verified:
        words.append("unverified: this machine itself may be cut off")
    if state.health is not Health.UP and state.service.squads:
        words.append(f"affects {', '.join(state.service.squads)}")
    head = f"{state.health.value.upper()} {age}".rstrip()
    name = state.service.name or state.service.id
    return f"{head:<18} {name:<{width}}  {' · '.join(words)}".rstrip()


def exit_code(states: Sequence[ServiceState], now: datetime) -> int:
    """1 when a service is not known to be well, else 0. Maintenance is nothing to attend to."""
    fine = (Health.UP, Health.MAINTENANCE)
    return FINE if all(shown(state, now).health in fine for state in states) else ATTENTION
