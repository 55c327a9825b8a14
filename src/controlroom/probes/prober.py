"""One door to all probes: ask any service, get a ProbeResult, whatever happens.

Kinds are loaded when the first service of theirs is asked, in a thread: a client library may take a third of
a second to import, and keys are answered meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.domain.health import Beat, ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.engine.ports import Clock
from controlroom.net.threads import in_daemon
from controlroom.probes import KINDS, REGISTRY, probe_for
from controlroom.probes.names import Names
from controlroom.probes.port import Context, Probe, Trouble
from controlroom.probes.request import secrets_of, written_in
from controlroom.probes.wording import redact, sentence, without_cut

if TYPE_CHECKING:
    import ssl

log = logging.getLogger(__name__)

SECRET_AGE = 60.0
"""Seconds a secret is kept."""

REFUSED_AGE = 10.0
"""Seconds until a secret that was refused is fetched anew; fetching may run a command."""


@dataclass(slots=True)
class _Secret:
    value: str
    fetched: float
    refused: bool = False


class Prober:
    """Asks services. Make one in the event loop that uses it; `close` lets go of everything at once."""

    def __init__(
        self,
        clock: Clock,
        resolve: Callable[[SecretRef], str],
        *,
        folder: Path | None = None,
        beats: Callable[[str], Awaitable[Beat | None]] | None = None,
    ) -> None:
        """`folder` is what relative paths are relative to; `beats` gives the last report of a heartbeat."""
        self._clock = clock
        self._resolve = resolve
        self._folder = folder or Path.cwd()
        self._beats = beats or _no_beats
        self._names = Names()
        self._probes: dict[str, Probe] = {}
        self._loading: dict[str, asyncio.Task[Probe]] = {}
        self._contexts: dict[float, Context] = {}
        self._secrets: dict[SecretRef, _Secret] = {}
        self._tls: dict[tuple[object, ...], ssl.SSLContext] = {}

    async def __call__(self, service: Service, deadline: float, /) -> ProbeResult:
        """How `service` is, known within `deadline` seconds. Raises nothing but CancelledError."""
        try:
            probe = self._probes.get(service.kind)
            context = self.context(deadline)
            if probe is None:
                probe, context = await self._first(service.kind, context)
            result = await probe(service, context)
        except Trouble as trouble:
            result = ProbeResult(
                service.id,
                self._clock(),
                trouble.health,
                sentence(trouble.reason),
                unreachable=trouble.unreachable,
                raw=trouble.raw,
            )
        except Exception as error:  # the one border where a probe's mistake becomes data
            log.exception("probe %s of %s", service.kind, service.id)
            reason = f"the probe failed: {type(error).__name__}"
            result = ProbeResult(service.id, self._clock(), Health.UNKNOWN, reason)
        return self._without_secrets(service, result)

    def close(self) -> None:
        """Close every connection; waits for nothing."""
        self._names.close()
        for task in self._loading.values():
            task.cancel()
        for probe in self._probes.values():
            probe.close()

    async def load(self, kind: str) -> Probe:
        """The probe of `kind`; its client library is imported when it is asked for first. Raises Trouble."""
        if kind not in KINDS:
            raise Trouble(f"no such kind of service: {kind}; there are {', '.join(KINDS)}", Health.UNKNOWN)
        task = self._loading.get(kind)
        if task is None:
            task = self._loading[kind] = asyncio.create_task(self._made(kind), name=f"load probe {kind}")
        try:
            return await asyncio.shield(task)
        except ImportError as missing:
            self._loading.pop(kind, None)  # it may be installed by the next time
            extra = REGISTRY[kind].extra
            line = f"pip install 'controlroom[{extra}]'" if extra else f"pip install {missing.name}"
            raise Trouble(f"not probed, {missing.name} is missing: {line}", Health.UNKNOWN) from None

    async def _first(self, kind: str, context: Context) -> tuple[Probe, Context]:
        """Load `kind` within the probe's own deadline; what is left of it is for the service."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with asyncio.timeout(context.deadline / 2):
                probe = await self.load(kind)
        except TimeoutError:
            raise Trouble(f"not probed yet: still loading {kind}", Health.UNKNOWN) from None
        return probe, replace(context, deadline=context.deadline - (loop.time() - asked))

    async def _made(self, kind: str) -> Probe:
        probe = self._probes[kind] = await in_daemon(probe_for, kind)
        return probe

    def context(self, deadline: float) -> Context:
        """What a probe may use when it has `deadline` seconds."""
        context = self._contexts.get(deadline)
        if context is None:
            context = Context(
                deadline,
                self._clock,
                self._secret,
                self._refused,
                self._names,
                self._tls_for,
                self._folder,
                self._beats,
            )
            self._contexts[deadline] = context
        return context

    async def _secret(self, ref: SecretRef) -> str:
        now = asyncio.get_running_loop().time()
        known = self._secrets.get(ref)
        if known is not None and now - known.fetched < (REFUSED_AGE if known.refused else SECRET_AGE):
            return known.value
        try:
            value = await in_daemon(self._fetch, ref)
        except Exception as error:
            # The message of a resolver names where the secret is kept, never what it is.
            raise Trouble(f"has no secret, {redact(str(error))}", Health.UNKNOWN) from None
        self._secrets[ref] = _Secret(value, now)
        return value

    def _fetch(self, ref: SecretRef) -> str:
        return self._resolve(ref)

    def _refused(self, ref: SecretRef) -> None:
        if ref in self._secrets:
            self._secrets[ref].refused = True

    async def _tls_for(self, service: Service) -> ssl.SSLContext:
        key = (service.ca, service.verify, service.cert, service.key, REGISTRY[service.kind].alpn)
        if key not in self._tls:
            # Reading the system's CA certificates takes long enough to be felt at the keyboard.
            self._tls[key] = await in_daemon(_tls, service, self._folder)
        return self._tls[key]

    def _without_secrets(self, service: Service, result: ProbeResult) -> ProbeResult:
        """Servers like to repeat what they were sent."""
        if not (
            service.token or service.password or service.headers or service.command or "@" in service.url
        ):
            return result
        secrets = [self._secrets[ref].value for ref in secrets_of(service) if ref in self._secrets]
        secrets += written_in(service)
        detail: Mapping[str, str] = {key: redact(value, secrets) for key, value in result.detail.items()}
        return replace(
            result,
            reason=redact(result.reason, secrets),
            detail=detail,
            raw=without_cut(redact(result.raw, secrets), secrets),
        )


async def _no_beats(_: str) -> Beat | None:
    raise Trouble("nobody keeps reports here", Health.UNKNOWN)


def _tls(service: Service, folder: Path) -> ssl.SSLContext:
    import ssl

    ca = service.ca and str(folder / Path(service.ca).expanduser())
    try:
        context = ssl.create_default_context(cafile=ca)
    except FileNotFoundError:
        raise Trouble(f"no CA file at {service.ca}", Health.UNKNOWN) from None
    except OSError as error:
        words = "is no list of certificates" if isinstance(error, ssl.SSLError) else "cannot be read"
        raise Trouble(f"the CA file {words}: {service.ca}", Health.UNKNOWN) from None
    if not service.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if alpn := REGISTRY[service.kind].alpn:
        context.set_alpn_protocols(alpn)
    if service.cert:
        cert = folder / Path(service.cert).expanduser()
        key = folder / Path(service.key).expanduser() if service.key else None
        try:
            # A password would be asked for at the terminal; an empty one is refused instead.
            context.load_cert_chain(cert, key, password="")
        except FileNotFoundError:
            raise Trouble(f"no client certificate at {service.cert}, or no key", Health.UNKNOWN) from None
        except OSError as error:
            words = "and its key do not fit together" if isinstance(error, ssl.SSLError) else "cannot be read"
            raise Trouble(f"the client certificate {words}: {service.cert}", Health.UNKNOWN) from None
    return context
