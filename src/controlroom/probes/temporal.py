"""kind = "temporal": a cluster's frontend, a namespace in it, and whether workers poll its task queues.

Everything is asked at once, on streams of one connection. Workflows, their inputs and their results are never
looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from controlroom.domain.asks import TemporalAsks
from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ProbeResult
from controlroom.domain.instants import duration
from controlroom.domain.services import Health, Service
from controlroom.probes import temporal_answers as answers
from controlroom.probes.grpc_call import Calls
from controlroom.probes.grpc_health import NOT_SERVING, SERVING, check, state_of
from controlroom.probes.grpc_status import NOT_FOUND, OK, UNIMPLEMENTED, Reply, raw, refusal
from controlroom.probes.grpc_wire import Call
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.temporal_answers import Pollers
from controlroom.probes.temporal_polls import SILENCE, Poll, age, seen
from controlroom.probes.wording import foreign, verbatim

FACTS_AGE = 30.0
"""Seconds that the server's version and a namespace that is well are taken as known."""

HEALTH = check(answers.FRONTEND)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What changes seldom. `until` is when it is asked for again, in seconds of the event loop."""

    version: str
    namespace: str
    deprecated: bool
    until: float


@dataclass(slots=True)
class _Known:
    """A service, and what was learnt of it."""

    service: Service
    facts: _Facts | None = None
    polls: dict[str, Poll] = field(default_factory=dict)
    shown: tuple[object, ...] = ()
    raw: str = ""


class TemporalProbe:
    """Keeps one connection for each service."""

    def __init__(self) -> None:
        self._calls = Calls("temporal", "temporal+tls", 7233)
        self._known: dict[str, _Known] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is; `detail` has its version, its namespace and who polls. Raises Trouble."""
        known = self._known.get(service.id)
        if known is None or known.service is not service:
            known = self._known[service.id] = _Known(service)
        asks = service.temporal or TemporalAsks()
        loop = asyncio.get_running_loop()
        asked = loop.time()
        facts, polled = await self._asked(known, asks, context, asked)
        now = loop.time()
        queues = _queues(service, asks, polled)
        for name, found in queues.items():
            known.polls[name] = seen(known.polls.get(name), found.newest, asked)
        clock = context.clock().timestamp()
        ages = {name: age(known.polls[name], clock, now) for name in queues}
        health, reason = _verdict(facts, queues, ages)
        return answered(
            service,
            context,
            now - asked,
            reason,
            detail=_detail(facts, queues, ages),
            health=health,
            raw=_raw(known, facts, queues),
        )

    async def _asked(
        self, known: _Known, asks: TemporalAsks, context: Context, asked: float
    ) -> tuple[_Facts, Sequence[Reply]]:
        """The facts, and the replies about task queues. Raises Trouble where it does not serve."""
        service, facts = known.service, known.facts
        if facts is not None and asked < facts.until:
            serving, replies = await self._ask(service, context, asks, ())
            if serving:
                return facts, replies[1:]
        known.facts = None
        now = asyncio.get_running_loop().time()
        left = replace(context, deadline=max(0.001, context.deadline - (now - asked)))
        about = (answers.SYSTEM, answers.namespace(asks.namespace))
        serving, replies = await self._ask(service, left, asks, about)
        facts = known.facts = _facts(service, asks.namespace, serving, replies[:3], now)
        return facts, replies[3:]

    async def _ask(
        self, service: Service, context: Context, asks: TemporalAsks, about: Sequence[Call]
    ) -> tuple[bool, list[Reply]]:
        """Whether the frontend says it serves, and the replies: to `about`, its health, each task queue."""
        queues = [call for name in asks.task_queues for call in answers.task_queue(name, asks.namespace)]
        # Temporal Cloud finds the namespace by this header where the call is not about one.
        extra = {"temporal-namespace": asks.namespace}
        replies = await self._calls.ask(service, context, [*about, HEALTH, *queues], extra)
        health = replies[len(about)]
        return health.code == OK and state_of(health) == SERVING, replies

    def close(self) -> None:
        """Close every connection."""
        self._calls.close()


def _facts(service: Service, namespace: str, serving: bool, replies: Sequence[Reply], now: float) -> _Facts:
    """What the replies about system, namespace and health say. Raises Trouble where it does not serve."""
    system, described, health = replies
    if system.code == UNIMPLEMENTED and not serving:
        raise Trouble("speaks gRPC, but is not Temporal", raw=raw(system))
    if health.code == OK and not serving:
        stopped = state_of(health) == NOT_SERVING
        raise Trouble("frontend is not serving" if stopped else "frontend does not know its own health")
    # What stands before a cluster may not know the health protocol; the other answers speak for it then.
    if health.code not in (OK, NOT_FOUND, UNIMPLEMENTED):
        raise refusal(health, service)
    if system.code not in (OK, UNIMPLEMENTED):
        raise refusal(system, service)
    named = foreign(namespace, 60)
    if described.code == NOT_FOUND:
        raise Trouble(f"no namespace {named}", raw=raw(described))
    if described.code != OK:
        raise refusal(described, service, f"namespace {named}")
    try:
        version, state = answers.version(system.body), answers.state(described.body)
    except ValueError:
        raise Trouble("answers OK, but not as Temporal does") from None
    if state == answers.DELETED:
        raise Trouble(f"namespace {named} is deleted")
    return _Facts(foreign(version, 30), named, state == answers.DEPRECATED, now + FACTS_AGE)


def _queues(service: Service, asks: TemporalAsks, replies: Sequence[Reply]) -> dict[str, Pollers]:
    """Task queue → who polls it. Raises Trouble."""
    found: dict[str, Pollers] = {}
    for number, name in enumerate(asks.task_queues):
        pair = replies[2 * number : 2 * number + 2]
        for reply in pair:
            if reply.code == NOT_FOUND:
                raise Trouble(f"no namespace {foreign(asks.namespace, 60)}", raw=raw(reply))
            if reply.code != OK:
                raise refusal(reply, service, f"task queue {foreign(name, 40)}")
        try:
            found[name] = answers.pollers(pair[0].body, pair[1].body)
        except ValueError:
            raise Trouble("answers OK, but not as Temporal does") from None
    return found


def _verdict(facts: _Facts, queues: Mapping[str, Pollers], ages: Mapping[str, float]) -> tuple[Health, str]:
    alone = [name for name, found in queues.items() if not found.newest]
    if alone:
        return Health.DEGRADED, f"no worker polls {_listed(alone)}"
    silent = [name for name in queues if ages[name] > SILENCE]
    if silent:
        longest = duration(max(ages[name] for name in silent))
        return Health.DEGRADED, f"no poll for {longest}, workers gone or full: {_listed(silent)}"
    if facts.deprecated:
        return Health.DEGRADED, f"namespace {facts.namespace} is deprecated"
    return Health.UP, "serving, all task queues polled" if queues else "serving"


def _listed(names: Sequence[str]) -> str:
    first = ", ".join(foreign(name, 30) for name in names[:2])
    return first if len(names) < 3 else f"{first} and {len(names) - 2} more"


def _detail(facts: _Facts, queues: Mapping[str, Pollers], ages: Mapping[str, float]) -> Mapping[str, str]:
    shown = {}
    if queues:
        shown["pollers"] = ", ".join(
            f"{foreign(name, 30)} {len({*found.workflow, *found.activity})}" for name, found in queues.items()
        )
    if facts.version:
        shown["version"] = facts.version
    shown["namespace"] = facts.namespace
    for name, found in queues.items():
        words = f"{len(found.workflow)} for workflows, {len(found.activity)} for activities"
        if found.newest:
            late = ages[name] > SILENCE
            words += f", last poll {duration(ages[name])} ago" if late else ", last poll within a minute"
        shown[f"queue {foreign(name, 40)}"] = words
    return shown


def _raw(known: _Known, facts: _Facts, queues: Mapping[str, Pollers]) -> str:
    """What was learnt, line by line; made anew when it has changed."""
    shown = (facts.version, facts.namespace, [(found.workflow, found.activity) for found in queues.values()])
    if known.shown != shown:
        lines = [f"server version: {facts.version}", f"namespace: {facts.namespace}"]
        for name, found in queues.items():
            lines.append(f"{name}, workflows: {', '.join(found.workflow) or 'nobody'}")
            lines.append(f"{name}, activities: {', '.join(found.activity) or 'nobody'}")
        known.shown, known.raw = shown, verbatim("\n".join(lines))
    return known.raw
