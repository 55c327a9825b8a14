"""kind = "grpc": the standard health protocol of a gRPC server, or of one service within it."""

from __future__ import annotations

import asyncio

from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.probes.grpc_call import Calls
from controlroom.probes.grpc_health import NOT_SERVING, SERVICE_UNKNOWN, SERVING, check, state_name, state_of
from controlroom.probes.grpc_status import NOT_FOUND, OK, UNIMPLEMENTED, Reply, raw, refusal
from controlroom.probes.grpc_wire import Call
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.wording import foreign, verbatim


@dataclass(frozen=True, slots=True)
class _Known:
    """What a service said last, and what it means: most say the same thing every time."""

    service: Service
    call: Call
    reply: Reply | None = None
    health: Health = Health.UNKNOWN
    reason: str = ""
    detail: dict[str, str] | None = None
    raw: str = ""


class GrpcProbe:
    """Asks for the health of the server, or of the service in it that `grpc.service` names."""

    def __init__(self) -> None:
        self._calls = Calls("grpc", "grpcs")
        self._known: dict[str, _Known] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How `service` is, as it says itself. Raises Trouble."""
        known = self._known.get(service.id)
        name = service.grpc.service if service.grpc else ""
        if known is None or known.service is not service:
            known = _Known(service, check(name))
        loop = asyncio.get_running_loop()
        asked = loop.time()
        (reply,) = await self._calls.ask(service, context, (known.call,))
        latency = loop.time() - asked
        if known.reply != reply:
            known = self._known[service.id] = _judged(service, known.call, reply, foreign(name, 60))
        return answered(
            service,
            context,
            latency,
            known.reason,
            detail=known.detail,
            health=known.health,
            raw=known.raw,
        )

    def close(self) -> None:
        """Close every connection."""
        self._calls.close()


def _judged(service: Service, call: Call, reply: Reply, name: str) -> _Known:
    """What `reply` means. Raises Trouble for a refusal."""
    if reply.code == UNIMPLEMENTED:
        return _Known(
            service,
            call,
            reply,
            Health.DEGRADED,
            "speaks gRPC, but has no health service",
            {"status": reply.name},
            raw(reply),
        )
    if reply.code == NOT_FOUND:
        raise Trouble(_unknown(name), raw=raw(reply))
    if reply.code != OK:
        raise refusal(reply, service)
    state = state_of(reply)
    if state == SERVICE_UNKNOWN:
        raise Trouble(_unknown(name), raw=raw(reply))
    said = state_name(state)
    what = f"{name} is " if name else ""
    if state == SERVING:
        health, reason = Health.UP, f"{what}serving"
    elif state == NOT_SERVING:
        health, reason = Health.DOWN, f"{what}not serving"
    else:
        health, reason = Health.DEGRADED, f"does not know how {name or 'it'} is ({said})"
    detail = {"status": said} | ({"service": name} if name else {})
    return _Known(service, call, reply, health, reason, detail, verbatim(f"status: {said}"))


def _unknown(name: str) -> str:
    return f"knows no service {name}" if name else "says nothing of the server as a whole (NOT_FOUND)"
