"""What a probe is, and what it is given: the contract every kind keeps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from controlroom.domain.frozen import dataclass
from controlroom.domain.health import Beat, ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.domain.text import clean
from controlroom.engine.ports import Clock

if TYPE_CHECKING:
    import ssl

    from controlroom.probes.names import Names

REASON_LIMIT = 120
"""Characters of a reason; one line of a pane at its widest."""


class Trouble(Exception):
    """Why a probe has no good answer, in plain words without secrets; what else goes wrong is a bug.

    `health` UNKNOWN says that the probe itself could not be made (no secret, no free socket), so nothing
    is known of the service. `unreachable` says that nothing proves that the way to it works. `raw` is what
    it said, made by `wording.verbatim`.
    """

    def __init__(
        self, reason: str, health: Health = Health.DOWN, *, unreachable: bool = False, raw: str = ""
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.health = health
        self.unreachable = unreachable
        self.raw = raw


@dataclass(frozen=True, slots=True)
class Context:
    """What a probe may use. `deadline` is seconds for the whole of it, connecting included."""

    deadline: float
    clock: Clock
    secret: Callable[[SecretRef], Awaitable[str]]
    """The secret a reference names; raises Trouble. Kept for a minute, fetched outside the event loop."""
    forget: Callable[[SecretRef], None]
    """Fetch it anew next time: somebody refused it."""
    names: Names
    """Looks host names up."""
    tls: Callable[[Service], Awaitable[ssl.SSLContext]]
    """How to speak TLS with a service (its `ca`, `verify`, `cert` and `key`); raises Trouble.

    One context for all services with the same files: never change it.
    """
    folder: Path
    """What relative paths of the configuration are relative to."""
    beats: Callable[[str], Awaitable[Beat | None]]
    """The last report of the heartbeat with that id; raises Trouble where it cannot be known."""


class Probe(Protocol):
    """One kind of service. It is made once, holds its own connections, and probes any number at a time.

    A call ends within `context.deadline`, whatever the other side does: with a result, or with Trouble.
    When it is cancelled it leaves at once and waits for nothing.
    """

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """Ask `service` how it is."""
        ...

    def close(self) -> None:
        """Let go of every connection; waits for nothing."""
        ...


def answered(
    service: Service,
    context: Context,
    latency: float,
    reason: str,
    *,
    detail: Mapping[str, str] | None = None,
    health: Health = Health.UP,
    raw: str = "",
) -> ProbeResult:
    """The result of a probe that was answered after `latency` seconds; too slow an answer is DEGRADED.

    `raw` is what it said, made by `wording.verbatim`.
    """
    limit = service.latency_ms
    if health is Health.UP and limit is not None and latency * 1000 > limit:
        health, reason = Health.DEGRADED, f"slow: {latency * 1000:.0f} ms, limit {limit:g} ms"
    return ProbeResult(
        service.id, context.clock(), health, clean(reason, REASON_LIMIT), latency, detail or {}, raw=raw
    )
