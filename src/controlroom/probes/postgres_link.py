"""A connection to PostgreSQL: opened by our own `dial`, spoken by asyncpg, guarded in between.

asyncpg's protocol and connection are used without its `connect`, which would look up names, read files and
variables of the environment and reach for the socket on its own, each with its own words for what fails.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import struct
from types import SimpleNamespace
from typing import Any

import asyncpg
from asyncpg.connection import Connection
from asyncpg.protocol import Protocol

from controlroom.domain.services import Service
from controlroom.probes.dial import Stage, dial
from controlroom.probes.port import Context, Trouble
from controlroom.probes.postgres_where import Where, context_for

REPLY_LIMIT = 1_048_576
"""Bytes of one probe's answers; the facts take about a thousand."""

FLOODED = f"answers with more than {REPLY_LIMIT // 1024} KiB"
STRANGER = "answers, but is not PostgreSQL"

_SSL_REQUEST = struct.pack("!ii", 8, 80_877_103)
_FIRST = b"REv"
"""An answer begins with Authentication, ErrorResponse or NegotiateProtocolVersion (documentation, 55.7)."""

_LONGEST_FIRST = 30_000
"""Bytes of the first message, as libpq has it."""

_KINDS = frozenset(b"RKSZENATtDC123sInvGHWdc")
"""First bytes of all that a server may say."""

_AUTHENTICATION, _DESCRIPTION = b"RT"

_NEXT = {0: (), 3: (0,), 5: (0,), 10: (11,), 11: (12,), 12: (0,)}
"""Step of a login → what may follow: 0 is being let in, 3 a password, 5 its MD5, 10 to 12 SCRAM."""

_FOREIGN = {2: "Kerberos", 6: "SCM credentials", 7: "GSSAPI", 9: "SSPI"}
"""First steps that lead where nobody here can follow."""

_STEPS = (0, 3, 5, 10, *_FOREIGN)

_TYPES = frozenset((16, 20, 23, 25, 701))
"""bool, int8, int4, text and float8: no other is asked for."""

_ROUNDS = re.compile(rb",i=\d{7}")
"""A million rounds of SCRAM or more would stop everything else for seconds."""

_CONFIG = SimpleNamespace(
    command_timeout=None,
    statement_cache_size=0,  # a pooler gives the next question to another server
    max_cached_statement_lifetime=0,
    max_cacheable_statement_size=0,
)


class Link:
    """One session; `close` ends it at once."""

    def __init__(self, service: Service, gate: Gate, session: Connection) -> None:
        self.service = service
        self.gate = gate
        self.session = session
        self.statement: asyncpg.prepared_stmt.PreparedStatement | None = None
        """The question for facts, where the server keeps it."""
        self.direct = False
        """The process that answers is the one that greeted: there is no pooler in between."""
        self.lost = False
        """It ended on the way, through no fault of the question."""
        self.until = 0.0
        """When it is to be made anew, by the loop's clock."""

    @property
    def version(self) -> str:
        """As the server gives it, such as ``15.4 (Debian 15.4-1)``."""
        return str(self.session.get_settings().server_version)

    @property
    def pid(self) -> int:
        """The process that serves this session, as the greeting said; a pooler invents one."""
        return int(self.session.get_server_pid())

    @property
    def alive(self) -> bool:
        """Nothing is known to have ended it."""
        return not self.session.is_closed()

    def close(self) -> None:
        """End it; waits for nothing."""
        self.session.terminate()


class Gate(Protocol):  # type: ignore[misc]
    """asyncpg's protocol behind a guard: against other protocols, floods, and endless arithmetic."""

    def __init__(self, where: Where, password: str | None, loop: asyncio.AbstractEventLoop) -> None:
        self.connected: asyncio.Future[Any] = loop.create_future()
        self.connected.add_done_callback(_seen)
        self.heard = 0
        """Bytes that came since the last question."""
        self.flaw: Trouble | None = None
        """What was wrong with what came."""
        self.facts = True
        """It is the question for facts that is answered, with types that are known."""
        self._plug: asyncio.Transport | None = None
        self._rest = b""
        """The beginning of a message that is not all there yet."""
        self._begun = False
        self._login = -1
        """The last step of the login."""
        asked = SimpleNamespace(
            user=where.user,
            password=password,
            database=where.database,
            server_settings={"application_name": "controlroom"},
            krbsrvname=None,
            gsslib="gssapi",
        )
        super().__init__((where.host, where.port), self.connected, asked, asyncpg.Record, loop)

    def connection_made(self, transport: Any) -> None:
        """asyncio: there is a connection."""
        self._plug = transport
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came. asyncpg gets whole messages only: a length that is none stops it for ever."""
        if self.flaw is not None:
            return
        self.heard += len(data)
        self._rest += data
        try:
            whole = self._whole()
            if whole:
                messages, self._rest = self._rest[:whole], self._rest[whole:]
                super().data_received(messages)
        except Trouble as flaw:
            self._give_up(flaw)
        except Exception:  # whatever asyncpg stumbles over
            self._give_up(Trouble(STRANGER))

    def drop(self) -> None:
        """Close the connection at once."""
        if self._plug is not None:
            self._plug.abort()

    def _whole(self) -> int:
        """Bytes of the messages that are complete; raises Trouble at one that no server sends."""
        said, at = self._rest, 0
        while at < len(said):
            if said[at] not in (_KINDS if self._begun else _FIRST):
                raise Trouble(STRANGER)
            if len(said) - at < 5:
                break
            length = int.from_bytes(said[at + 1 : at + 5])
            if length < 4 or (not self._begun and length > _LONGEST_FIRST):
                raise Trouble(STRANGER)
            self._begun = True
            if length > REPLY_LIMIT:
                raise Trouble(FLOODED)
            if len(said) - at <= length:
                break
            self._look(said[at], said[at + 5 : at + 1 + length])
            at += 1 + length
        if self.heard > REPLY_LIMIT:
            raise Trouble(FLOODED)
        return at

    def _look(self, kind: int, body: bytes) -> None:
        """Raise Trouble at contents that would keep asyncpg busy for long."""
        if kind == _AUTHENTICATION:
            self._step(int.from_bytes(body[:4]), body)
        if kind == _DESCRIPTION and self.facts and not _expected(body):
            raise Trouble(STRANGER)

    def _step(self, code: int, body: bytes) -> None:
        """Raise Trouble where a login goes on as none does: asyncpg crashes at a second farewell of SCRAM."""
        if len(body) < 4 or code not in _NEXT.get(self._login, _STEPS):
            raise Trouble(STRANGER)
        if code in _FOREIGN:
            raise Trouble(f"asks for an unknown authentication: {_FOREIGN[code]}")
        if _ROUNDS.search(body):
            raise Trouble("asks for too much arithmetic before it lets anybody in (SCRAM)")
        self._login = code

    def _give_up(self, flaw: Trouble) -> None:
        self.flaw = flaw
        self.drop()


async def linked(service: Service, where: Where, context: Context, stage: Stage) -> Link:
    """A new session with `service`.

    Raises OSError (gaierror and SSLError among them), UnicodeError, Trouble, or what asyncpg makes of the
    server's refusal: PostgresError, InterfaceError, InternalClientError.
    """
    password = where.password
    if service.password is not None:
        password = await context.secret(service.password)
    tls = await context_for(where, service, context)
    gate = Gate(where, password, asyncio.get_running_loop())
    try:
        if tls is None:
            await dial(
                lambda: gate,
                where.host,
                where.port,
                names=context.names,
                stage=stage,
                within=context.deadline,
            )
        else:
            await _secured(gate, where, tls, context, stage)
        await _greeted(gate)
        return Link(service, gate, _session(gate, where))
    except BaseException as error:
        gate.drop()
        if gate.flaw is not None and isinstance(error, Exception):
            raise gate.flaw from None
        raise


async def _greeted(gate: Gate) -> None:
    try:
        await gate.connected
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        raise
    except Exception:  # an encoding that is none, text that cannot be decoded
        raise Trouble(STRANGER) from None


def _session(gate: Gate, where: Where) -> Connection:
    loop = asyncio.get_running_loop()
    try:
        session = Connection(gate, gate._plug, loop, (where.host, where.port), _CONFIG, None)
    except Exception:  # a version that is none, no version at all
        gate.abort()  # or what is half made would look for more of itself when it goes
        raise Trouble(STRANGER) from None
    gate.set_connection(session)
    return session


async def _secured(gate: Gate, where: Where, tls: ssl.SSLContext, context: Context, stage: Stage) -> None:
    """Connect `gate` over TLS, which is asked for in plain text first (documentation, 55.2.10)."""
    loop = asyncio.get_running_loop()
    transport, asks = await dial(
        _Asks, where.host, where.port, names=context.names, stage=stage, within=context.deadline
    )
    stage.at = "tls"
    try:
        transport.write(_SSL_REQUEST)
        await asks.answer
        secured = await loop.start_tls(transport, asks, tls, server_hostname=where.host)
        if secured is None:
            raise Trouble("closed the connection during the TLS handshake")
    except BaseException:
        transport.abort()
        raise
    stage.at = "answer"
    secured.set_protocol(gate)
    gate.connection_made(secured)


class _Asks(asyncio.Protocol):
    """Waits for the one byte that says whether TLS is spoken."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answer.add_done_callback(_seen)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came. More than one may have been slipped in by somebody in between."""
        if self.answer.done():
            return
        if data == b"S":
            self.answer.set_result(None)
        else:
            self.answer.set_exception(Trouble(_refused(data)))

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: the connection is gone."""
        if not self.answer.done():
            self.answer.set_exception(error or Trouble("closed the connection without an answer"))


def _refused(data: bytes) -> str:
    # An error that comes before TLS may be anybody's: none of its words is repeated (CVE-2024-10977).
    return "refuses before TLS begins" if data[:1] == b"E" else "answers, but does not speak TLS"


def _expected(body: bytes) -> bool:
    """Whether a RowDescription has only columns of types that are asked for."""
    columns, at = int.from_bytes(body[:2]), 2
    for _ in range(columns):
        at = body.find(b"\0", at) + 1
        if not at or int.from_bytes(body[at + 6 : at + 10]) not in _TYPES:
            return False
        at += 18
    return at == len(body)


def _seen(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
