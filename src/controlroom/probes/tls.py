"""kind = "tls": how long the certificate at host:port is still good, and whether it is to be trusted at all.

Every probe is a handshake of its own, so that what a load balancer shows next is seen, too. STARTTLS is not
spoken: the port must speak TLS from the first byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from controlroom.domain.asks import TlsAsks
from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ProbeResult
from controlroom.domain.instants import duration, render
from controlroom.domain.services import Health, Service
from controlroom.domain.text import clean
from controlroom.probes.address import host_and_port
from controlroom.probes.certificate import ENDLESS, Certificate, read
from controlroom.probes.dial import Stage, dial
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.wording import foreign, trouble, verbatim

if TYPE_CHECKING:
    import ssl

DAY = timedelta(days=1)
NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Shown:
    """A certificate as it came, what it says, and both as they are shown."""

    der: bytes
    version: str
    certificate: Certificate
    detail: Mapping[str, str]
    raw: str


class TlsProbe:
    """Shakes hands and hangs up; keeps what it read of the last certificate, and no connection."""

    def __init__(self) -> None:
        self._shown: dict[str, _Shown] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """How long the certificate is good; `detail` has its end, issuer, names and the TLS version.

        Raises Trouble where the handshake fails, and so where the certificate is not to be trusted.
        """
        host, port = host_and_port(service.url, ("tls",), 443)
        asks = service.tls or TlsAsks()
        name = asks.name or host
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
                    tls=await context.tls(service),
                    server_name=name,
                )
        except (OSError, ValueError) as error:
            late = limit.expired()
            raise stage.late(host, context.deadline) if late else _trouble(error, stage, host, name) from None
        latency = loop.time() - asked
        seen: ssl.SSLObject = transport.get_extra_info("ssl_object")
        der, version = seen.getpeercert(binary_form=True), seen.version() or "?"
        transport.abort()
        shown = self._read(service, der or b"", version)
        health, reason = _judged(shown.certificate, asks, context)
        return answered(service, context, latency, reason, detail=shown.detail, health=health, raw=shown.raw)

    def _read(self, service: Service, der: bytes, version: str) -> _Shown:
        shown = self._shown.get(service.id)
        if shown is None or shown.der != der or shown.version != version:
            try:
                certificate = read(der)
            except ValueError:
                raise Trouble("speaks TLS, but its certificate cannot be read") from None
            detail, raw = _detail(certificate, version), _raw(certificate, version)
            shown = self._shown[service.id] = _Shown(der, version, certificate, detail, raw)
        return shown

    def close(self) -> None:
        """No connection is kept."""


def _trouble(error: Exception, stage: Stage, host: str, name: str) -> Trouble:
    if stage.at == "tls" and isinstance(error, ConnectionResetError) and not error.errno:
        # asyncio's way of saying that the other side hung up; a reset by the network has its number.
        return Trouble("closed the connection during the TLS handshake")
    if isinstance(error, ValueError) and not isinstance(error, OSError):  # SSLCertVerificationError is both
        return Trouble(f"not a host name: {clean(name, 60)}", Health.UNKNOWN)
    return trouble(error, name if stage.at == "tls" else host)


def _judged(certificate: Certificate, asks: TlsAsks, context: Context) -> tuple[Health, str]:
    """Only where nothing is verified can it be one that has ended or has not begun."""
    now = context.clock()
    end = certificate.not_after
    if certificate.not_before > now:
        return Health.DOWN, f"certificate not valid yet, only from {render(certificate.not_before)}"
    if end <= now:
        return Health.DOWN, f"certificate has expired ({end:%Y-%m-%d})"
    if end == ENDLESS:
        return Health.UP, "certificate without an end"
    left = end - now
    if left < asks.down_days * DAY:
        return Health.DOWN, f"certificate ends in {_span(left)} ({end:%Y-%m-%d})"
    if left < asks.warn_days * DAY:
        return Health.DEGRADED, f"certificate ends in {_span(left)} ({end:%Y-%m-%d})"
    return Health.UP, f"certificate good for {_span(left)} ({end:%Y-%m-%d})"


def _span(left: timedelta) -> str:
    if left < DAY:
        return duration(left.total_seconds())
    return "1 day" if left.days == 1 else f"{left.days} days"


def _detail(certificate: Certificate, version: str) -> Mapping[str, str]:
    names = ", ".join(certificate.names[:NAMES_SHOWN])
    if len(certificate.names) > NAMES_SHOWN:
        names += f" and {len(certificate.names) - NAMES_SHOWN} more"
    shown = {
        "ends": f"{certificate.not_after:%Y-%m-%d}",
        "issuer": foreign(certificate.issued_by, 60),
        "TLS": version.removeprefix("TLSv"),
        "names": foreign(names, 120),
    }
    return {key: value for key, value in shown.items() if value}


def _raw(certificate: Certificate, version: str) -> str:
    lines = [
        f"subject: {certificate.subject}",
        f"issuer: {certificate.issuer}",
        f"valid from: {render(certificate.not_before)}",
        f"valid until: {render(certificate.not_after)}",
        f"spoken: {version}",
        f"names: {', '.join(certificate.names)}",
    ]
    return verbatim("\n".join(lines))
