"""kind = "tcp": whether something accepts connections at host:port."""

from __future__ import annotations

import asyncio

from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Service
from controlroom.probes.address import host_and_port
from controlroom.probes.dial import Stage, dial
from controlroom.probes.port import Context, answered
from controlroom.probes.wording import trouble


class TcpProbe:
    """Connects and hangs up."""

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How long connecting took. Raises Trouble where it fails."""
        host, port = host_and_port(service.url, ("tcp",))
        loop = asyncio.get_running_loop()
        asked = loop.time()
        stage = Stage()
        try:
            async with asyncio.timeout(context.deadline) as limit:
                transport, _ = await dial(
                    asyncio.Protocol,
                    host,
                    port,
                    names=context.names,
                    stage=stage,
                    within=context.deadline,
                )
        except (OSError, UnicodeError) as error:
            raise stage.late(host, context.deadline) if limit.expired() else trouble(error, host) from None
        latency = loop.time() - asked
        transport.abort()
        return answered(service, context, latency, "accepts connections")

    def close(self) -> None:
        """Nothing is kept."""
