"""kind = "dns": whether a name has the answers it should have.

With `dns.server` that one name server is asked, by a message of our own. Without, the system is asked as
every program asks it, so its hosts file and its cache count, too; it only knows addresses, and other types
go to the name servers in resolv.conf. dnspython reads and writes the messages, `dns_wire` carries them.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.reversename
import dns.rrset
from dns.rdtypes.txtbase import TXTBase

from controlroom.domain.asks import DnsAsks
from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.domain.text import clean
from controlroom.net.threads import in_daemon
from controlroom.probes.address import host_and_port, split
from controlroom.probes.dial import Stage
from controlroom.probes.dns_wire import NO_NAME_SERVER, Asking
from controlroom.probes.names import Found
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.wording import foreign, trouble, verbatim

PORT = 53
PAYLOAD = 1232
"""Bytes of an answer over UDP that fit every network without being cut in pieces (DNS flag day 2020)."""

RESOLV_CONF = Path("/etc/resolv.conf")
SERVERS = 3
"""Name servers of resolv.conf that count, as resolv.conf(5) has it."""

_FAMILIES = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}
_RCODES = {
    "SERVFAIL": "name server fails (SERVFAIL)",
    "REFUSED": "name server refuses to answer (REFUSED)",
    "NOTIMP": "name server does not know such questions (NOTIMP)",
    "FORMERR": "name server does not understand the question (FORMERR)",
}


@dataclass(frozen=True, slots=True)
class _Question:
    """A question ready to be sent."""

    message: dns.message.Message
    wire: bytes


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back, in order."""

    records: tuple[str, ...]
    by: str
    raw: str


class DnsProbe:
    """Asks, each time anew; only the question is kept."""

    def __init__(self) -> None:
        self._questions: dict[str, tuple[Service, _Question]] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """Whether the answers are as expected; `detail` has them, and who gave them. Raises Trouble."""
        asks = service.dns or DnsAsks()
        name = split(service.url, ("dns",)).hostname or ""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        if asks.server is None and asks.type in _FAMILIES:
            answer = await _by_system(name, asks.type, context)
        else:
            answer = await self._by_server(name, service, asks, context)
        latency = loop.time() - asked
        if not answer.records:
            raise Trouble(f"no {asks.type} record for {clean(name, 60)}", raw=answer.raw)
        records = foreign(", ".join(answer.records), 110)
        missing = _missing(asks, answer.records)
        return answered(
            service,
            context,
            latency,
            f"{missing}: {records}" if missing else records,
            detail={"answers": records, "by": foreign(answer.by, 60)},
            health=Health.DOWN if missing else Health.UP,
            raw=answer.raw,
        )

    async def _by_server(self, name: str, service: Service, asks: DnsAsks, context: Context) -> _Answer:
        question = self._question(name, service, asks)
        asking = Asking(question.wire, context.names, context.deadline)
        server = asks.server or "the system's name server"
        try:
            async with asyncio.timeout(context.deadline) as limit:
                wire, by = await asking.ask(await _places(asks.server, context))
        except (OSError, UnicodeError) as error:
            raise asking.late(server) if limit.expired() else trouble(error, server) from None
        return _read(wire, by, name, question, asks)

    def _question(self, name: str, service: Service, asks: DnsAsks) -> _Question:
        known = self._questions.get(service.id)
        if known is not None and known[0] is service:
            return known[1]
        try:
            message = dns.message.make_query(_asked_for(name, asks), asks.type, use_edns=0, payload=PAYLOAD)
            question = _Question(message, message.to_wire())
        except (dns.exception.DNSException, UnicodeError):
            raise Trouble(f"not a host name: {clean(name, 60)}", Health.UNKNOWN) from None
        self._questions[service.id] = service, question
        return question

    def close(self) -> None:
        """Nothing is kept open."""


def system_servers(path: Path = RESOLV_CONF) -> Sequence[str]:
    """Addresses of the name servers in a resolv.conf; this machine's own where it names none."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    words = (line.split() for line in lines)
    named = [parts[1] for parts in words if len(parts) > 1 and parts[0] == "nameserver"]
    return named[:SERVERS] or ["127.0.0.1"]


async def _places(server: str | None, context: Context) -> list[Found]:
    if server is not None:
        return await context.names.addresses(*host_and_port(server, ("dns",), PORT))
    return [
        place
        for address in await in_daemon(system_servers)
        for place in await context.names.addresses(address, PORT)
    ]


async def _by_system(name: str, type_: str, context: Context) -> _Answer:
    stage = Stage()
    try:
        async with asyncio.timeout(context.deadline) as limit:
            found = await context.names.addresses(name, 0)
    except (OSError, UnicodeError) as error:
        raise stage.late(name, context.deadline) if limit.expired() else trouble(error, name) from None
    records = tuple(sorted(address[0] for family, address in found if family is _FAMILIES[type_]))
    return _Answer(records, "this system", "\n".join(f"{clean(name, 255)} {type_} {one}" for one in records))


def _asked_for(name: str, asks: DnsAsks) -> dns.name.Name:
    """The name in the question; the one of an address is made from it (RFC 1035, 3.5; RFC 3596, 2.5)."""
    if asks.type == "PTR":
        try:
            return dns.reversename.from_address(name)
        except dns.exception.SyntaxError:
            pass
    return dns.name.from_text(name)


def _read(wire: bytes, by: str, name: str, question: _Question, asks: DnsAsks) -> _Answer:
    """Raises Trouble where it is no answer to the question, or says that there is none."""
    try:
        message = dns.message.from_wire(wire, ignore_trailing=True)
        sections = [*message.answer, *message.authority]
        lines = [_rcode(message), *(line for rrset in sections for line in _lines(rrset))]
        wanted = dns.rdatatype.from_text(asks.type)
        records = tuple(
            sorted(
                _text(rdata, asks.type)
                for rrset in message.answer
                if rrset.rdtype == wanted
                for rdata in rrset
            )
        )
    except (dns.exception.DNSException, ValueError):
        raise Trouble(NO_NAME_SERVER) from None
    raw = verbatim("\n".join(lines))
    if message.question and message.question != question.message.question:
        raise Trouble("answers, but not what was asked")
    rcode = _rcode(message)
    if rcode == "NXDOMAIN":
        raise Trouble(f"no such name: {clean(name, 60)} (NXDOMAIN)", raw=raw)
    if rcode != "NOERROR":
        raise Trouble(_RCODES.get(rcode, f"name server answers {clean(rcode, 20)}"), raw=raw)
    return _Answer(records, by, raw)


def _rcode(message: dns.message.Message) -> str:
    return dns.rcode.to_text(message.rcode())


def _lines(rrset: dns.rrset.RRset) -> Iterator[str]:
    for rdata in rrset:
        yield f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"


def _text(rdata: dns.rdata.Rdata, type_: str) -> str:
    if isinstance(rdata, TXTBase):
        return clean(b"".join(rdata.strings).decode("utf-8", "replace"))
    return _plain(clean(rdata.to_text()), type_)


def _plain(answer: str, type_: str) -> str:
    """One spelling of an answer: addresses in their short form, names in lower case without the last dot."""
    if type_ in _FAMILIES:
        try:
            return str(ip_address(answer.strip()))
        except ValueError:
            return answer
    if type_ == "TXT":
        return answer
    return " ".join(word.removesuffix(".") or "." for word in answer.lower().split())


def _missing(asks: DnsAsks, records: Sequence[str]) -> str:
    """Which expected answers did not come, as half a sentence; of MX and SRV the host is enough."""
    words = {record.rpartition(" ")[2] for record in records} if asks.type in ("MX", "SRV") else set()
    missing = [one for one in asks.expect if _plain(one, asks.type) not in words.union(records)]
    if not missing:
        return ""
    return f"{foreign(', '.join(missing), 50)} {'is' if len(missing) == 1 else 'are'} not among the answers"
