"""`controlroom services`: what runs, how it is, since when, and whom it reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from controlroom.domain import maintenance
from controlroom.domain.affected import Waiters, affected, waiters
from controlroom.domain.health import FLAPPING, ServiceState, shown
from controlroom.domain.history import strip
from controlroom.domain.instants import duration, maybe, render
from controlroom.domain.needs import Need
from controlroom.domain.program import Dependency
from controlroom.domain.selfcheck import Check, failing
from controlroom.domain.services import Health
from controlroom.domain.worst import UNGROUPED, WORST_FIRST, by_group, in_doubt, told
from controlroom.headless.problems import ATTENTION, FINE

CELLS = 12
"""Parts of the last hour, five minutes each."""

UNVERIFIED = "unverified: this machine itself may be cut off"


def as_json(
    states: Sequence[ServiceState],
    now: datetime,
    dependencies: Sequence[Dependency] = (),
    checks: Sequence[Check] = (),
) -> dict[str, Any]:
    """The document of `services --json`, in the order of the configuration. `dependencies` are those of the
    schedule; `checks` say why services may be unverified."""
    above = waiters(state.service for state in states)
    return {
        "services": [entry(state, now, above, dependencies) for state in states],
        "self": checks_as_json(checks),
    }


def entry(
    state: ServiceState, now: datetime, above: Waiters, dependencies: Sequence[Dependency] = ()
) -> dict[str, Any]:
    """One service, as it stands in `services --json` and in `snapshot --json`.

    `error` is why it is not up, or why a probe of it just failed; null when all is well. `history` is the
    worst of each five minutes of the last hour, oldest first; null where nothing was known yet.
    """
    past = strip(state, now, CELLS)
    state = shown(state, now)
    service = state.service
    wrong = state.health is not Health.UP or bool(state.failures)
    reach = affected(service, above, dependencies)
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
        "affects": {
            "squads": list(reach.squads),
            "milestones": list(reach.milestones),
            "services": list(reach.services),
            "dependencies": list(reach.dependencies),
        },
        "runbook": service.runbook,
        "maintenance": _window(state, now),
        "probed_at": maybe(state.probed_at),
        "answered_at": maybe(state.answered_at),
        "flaps": state.flaps,
        "flapping": state.flaps >= FLAPPING,
        "history": [None if part is None else part.value for part in past],
        "transitions": [
            {"at": maybe(t.at), "from": t.before.value, "to": t.after.value, "reason": t.reason}
            for t in state.transitions
        ],
        "detail": dict(state.detail),
    }


def _window(state: ServiceState, now: datetime) -> dict[str, Any] | None:
    """The planned work that is on."""
    windows = state.service.maintenance
    found = maintenance.current(windows, now) if windows else None
    return None if found is None else {"text": found.window.text, "until": render(found.end)}


def checks_as_json(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """What this machine found out about itself; `ok` null is what could not be judged."""
    return [{"name": check.name, "ok": check.ok, "text": check.text} for check in checks]


def needs_as_json(needs: Iterable[Need]) -> list[dict[str, Any]]:
    """What the schedule depends on and what waits for it; `state` null is without a probe."""
    return [
        {
            "name": need.dependency.name,
            "text": need.dependency.text,
            "owner": need.dependency.owner,
            "state": None if need.worst is None else told(need.worst).value,
            "services": list(need.dependency.services),
            "waiting": {
                "squads": list(need.squads),
                "services": list(need.services),
                "blockers": [blocker.id for blocker in need.blockers],
            },
        }
        for need in needs
    ]


def as_text(
    states: Sequence[ServiceState], now: datetime, checks: Sequence[Check] = (), needs: Sequence[Need] = ()
) -> str:
    """Whether it is this machine; a line per service, worst first within its group; what the schedule depends
    on; then how many there are in each state."""
    if not states:
        return "no services are configured: add [[services]]\n"
    ranked = [shown(state, now) for state in states]
    lines = [*doubt(checks), *by_state(ranked, now)]
    if needs:
        lines += ["", "depends on", *(f"  {need_line(need, now)}" for need in needs), ""]
    counts = [(sum(told(state) is health for state in ranked), health) for health in WORST_FIRST]
    lines.append(", ".join(f"{count} {health}" for count, health in counts if count))
    return "\n".join(lines) + "\n"


def by_state(states: Sequence[ServiceState], now: datetime) -> Iterator[str]:
    """A line for each of `states`, as they are shown; under the name of its group where there are groups."""
    width = max((len(state.service.name or state.service.id) for state in states), default=0)
    groups = by_group(states)
    headed = any(group.name for group in groups)
    for group in groups:
        if headed:
            yield group.name or UNGROUPED
        yield from (("  " if headed else "") + line(state, now, width) for state in group.states)


def doubt(checks: Sequence[Check]) -> Iterator[str]:
    """``is it me: no default route``; nothing while this machine is fine."""
    found = failing(checks)
    if found:
        yield f"is it me: {', '.join(check.text for check in found)}"


def line(state: ServiceState, now: datetime, width: int = 0) -> str:
    """``DOWN 3m  kafka  connection refused · caused by redis``, of a state as it is shown at `now`."""
    words = [state.reason] if state.reason else []
    if state.latency is not None:
        words.append(f"{state.latency * 1000:.1f} ms")
    if state.caused_by:
        words.append(f"caused by {state.caused_by}")
    if not state.verified:
        words.append(UNVERIFIED)
    if state.flaps >= FLAPPING:
        words.append(f"flapped {state.flaps} times in the last hour")
    if state.health not in (Health.UP, Health.MAINTENANCE) and state.service.squads:
        words.append(f"affects {', '.join(state.service.squads)}")
    name = state.service.name or state.service.id
    return f"{_head(state, now):<18} {name:<{width}}  {' · '.join(words)}".rstrip()


def _head(state: ServiceState, now: datetime) -> str:
    """``DOWN 3m``; of planned work only that it is on, as its reason says until when."""
    word = "UNVERIFIED" if in_doubt(state) else state.health.value.upper()
    if state.since is None or state.health is Health.MAINTENANCE:
        return word
    return f"{word} {duration((now - state.since).total_seconds())}"


def need_line(need: Need, now: datetime) -> str:
    """``DOWN 3m  Kafka  owner quay · connection refused · waiting: 2 squads (cranes, customs)``."""
    dependency, worst = need.dependency, need.worst
    no_probe = "no such service" if need.missing else "no probe declared"
    parts = [f"owner {dependency.owner}" if dependency.owner else "no owner"]
    if worst is not None and worst.health is not Health.UP and worst.reason:
        parts.append(f"{worst.service.name or worst.service.id}: {worst.reason}")
    waiting: Mapping[str, Sequence[str]] = {
        "squad": need.squads,
        "service": need.services,
        "blocker": [blocker.id for blocker in need.blockers],
    }
    counted = [_counted(name, ids) for name, ids in waiting.items() if ids]
    parts += [f"waiting: {', '.join(counted)}"] if counted else []
    parts += [dependency.text] if dependency.text else []
    head = _head(worst, now) if worst is not None else no_probe
    return f"{head:<18} {dependency.name}  {' · '.join(parts)}"


def _counted(name: str, ids: Sequence[str]) -> str:
    named = ", ".join(ids[:_NAMED]) + (", …" if len(ids) > _NAMED else "")
    return f"{len(ids)} {name}{'' if len(ids) == 1 else 's'} ({named})"


_NAMED = 5
"""Ids of one kind that are named where many wait."""


def exit_code(states: Sequence[ServiceState], now: datetime) -> int:
    """1 when a service is not known to be well, else 0. Maintenance is nothing to attend to."""
    fine = (Health.UP, Health.MAINTENANCE)
    return FINE if all(shown(state, now).health in fine for state in states) else ATTENTION
