"""DNS as name servers really speak it, and as they should not: real packets, strict deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.asks import DnsAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health, Service
from controlroom.lab import servers
from controlroom.probes.dns import PAYLOAD, DnsProbe, _Question, _read, system_servers
from controlroom.probes.dns_wire import LIMIT, STRANGERS
from controlroom.probes.port import Trouble
from controlroom.probes.prober import Prober
from tests import faults
from tests.conftest import Start

Reply = Callable[[bytes], Iterable[bytes]]
"""Packets that answer one packet."""


KIND = "dns"


async def ask(
    prober: Prober, server: str | None, name: str = "room.test", deadline: float = 1.0, **asks: Any
) -> ProbeResult:
    """One question."""
    given_ = DnsAsks(server=server, **asks)
    started = time.monotonic()
    result = await prober(Service("it", "dns", url=name, dns=given_), deadline)
    assert time.monotonic() - started < deadline + 1
    assert 0 < len(result.reason) <= 120
    assert result.reason.isprintable()
    return result


@contextlib.contextmanager
def packets(reply: Reply, tcp: faults.Handler | None = None) -> Iterator[str]:
    """A UDP port that answers by `reply`, and a TCP port of the same number that is served by `tcp`."""
    with contextlib.ExitStack() as stack:
        host, _, port = stack.enter_context(faults.scripted(tcp or faults.closes)).partition(":")
        plug = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        plug.bind((host, int(port)))
        over = threading.Event()

        def serve() -> None:
            while True:
                asked, back = plug.recvfrom(65_535)
                if over.is_set():
                    return
                for packet in reply(asked):
                    plug.sendto(packet, back)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"{host}:{port}"
        finally:
            over.set()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", plug.getsockname())
            thread.join(5)


def answer(asked: bytes, *records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    """A right answer: the name asked for has `records`, each ``A 10.0.0.1`` or the like."""
    message = dns.message.make_response(dns.message.from_wire(asked))
    message.set_rcode(rcode)
    for record in records:
        type_, _, data = record.partition(" ")
        message.answer.append(dns.rrset.from_text(message.question[0].name, 60, "IN", type_, data))
    return message.to_wire()


RECORDS = (
    "--host-record=room.test,10.0.0.1",
    "--host-record=pair.test,10.0.0.2,fd00::2",
    "--address=/many.test/10.0.0.3",
    "--txt-record=text.test,v=spf1 -all",
    "--mx-host=room.test,mail.room.test,10",
    "--srv-host=_sip._tcp.room.test,sip.room.test,5060,1,2",
    "--cname=www.room.test,room.test",
    "--caa-record=room.test,0,issue,ca.example",
    "--ptr-record=9.0.0.10.in-addr.arpa,printer.test",
)


@pytest.mark.parametrize(
    ("name", "type_", "expected"),
    [
        ("room.test", "A", (("10.0.0.1",), "10.0.0.1")),
        ("ROOM.test.", "A", ((), "10.0.0.1")),
        ("pair.test", "AAAA", (("FD00:0::2",), "fd00::2")),
        ("www.room.test", "A", ((), "10.0.0.1")),
        ("www.room.test", "CNAME", (("Room.Test.",), "room.test")),
        ("text.test", "TXT", (("v=spf1 -all",), "v=spf1 -all")),
        ("room.test", "MX", (("10 mail.room.test",), "10 mail.room.test")),
        ("room.test", "MX", (("mail.room.test.",), "10 mail.room.test")),
        ("_sip._tcp.room.test", "SRV", (("sip.room.test",), "1 2 5060 sip.room.test")),
        ("room.test", "CAA", (('0 issue "ca.example"',), '0 issue "ca.example"')),
        ("10.0.0.9", "PTR", (("printer.test",), "printer.test")),
        ("9.0.0.10.in-addr.arpa", "PTR", ((), "printer.test")),
    ],
)
async def test_answers_of_a_real_name_server(
    prober: Prober, start: Start, name: str, type_: str, expected: tuple[tuple[str, ...], str]
) -> None:
    """Every type is read, and compared as names and addresses are, not as text is."""
    expect, answers = expected
    server = start(lambda folder: servers.dnsmasq(folder, *RECORDS))
    result = await ask(prober, server.address, name, type=type_, expect=expect)
    assert (result.health, result.reason) == (Health.UP, answers)
    assert list(result.detail.items()) == [("answers", answers), ("by", "127.0.0.1")]
    assert result.raw.startswith("NOERROR\n")
    assert result.latency


@pytest.mark.parametrize(
    ("name", "asks", "reason"),
    [
        ("none.test", {}, "no such name: none.test (NXDOMAIN)"),
        ("room.test", {"type": "AAAA"}, "no AAAA record for room.test"),
        ("example.org", {}, "name server refuses to answer (REFUSED)"),
        ("room.test", {"expect": ("10.0.0.9",)}, "10.0.0.9 is not among the answers: 10.0.0.1"),
        (
            "room.test",
            {"expect": ("10.0.0.8", "10.0.0.1", "10.0.0.9")},
            "10.0.0.8, 10.0.0.9 are not among the answers: 10.0.0.1",
        ),
    ],
)
async def test_what_is_wrong_with_an_answer(
    prober: Prober, start: Start, name: str, asks: dict[str, Any], reason: str
) -> None:
    """No such name, no such type, a refusal, and other answers than expected: DOWN, each in its words."""
    server = start(lambda folder: servers.dnsmasq(folder, *RECORDS))
    result = await ask(prober, server.address, name, **asks)
    assert (result.health, result.reason) == (Health.DOWN, reason)
    assert result.raw
    assert not result.unreachable


@pytest.mark.parametrize(
    ("rcode", "words"),
    [
        (dns.rcode.SERVFAIL, "name server fails (SERVFAIL)"),
        (dns.rcode.NOTIMP, "name server does not know such questions (NOTIMP)"),
        (dns.rcode.FORMERR, "name server does not understand the question (FORMERR)"),
        (dns.rcode.NOTAUTH, "name server answers NOTAUTH"),
    ],
)
async def test_refusals_read_as_such(prober: Prober, rcode: dns.rcode.Rcode, words: str) -> None:
    """What a name server says instead of an answer."""
    with packets(lambda asked: [answer(asked, rcode=rcode)]) as address:
        result = await ask(prober, address)
    assert (result.health, result.reason) == (Health.DOWN, words)


async def test_a_stopped_server_is_silence_and_a_killed_one_refuses(prober: Prober, start: Start) -> None:
    """SIGSTOP, SIGCONT, SIGKILL, a start: each look says how it is now."""
    server = start(lambda folder: servers.dnsmasq(folder, *RECORDS))
    assert (await ask(prober, server.address)).health is Health.UP
    server.pause()
    stopped = await ask(prober, server.address, deadline=0.3)
    assert (stopped.health, stopped.reason) == (Health.DOWN, "no answer within 0.3 s")
    assert stopped.unreachable
    server.resume()
    assert (await ask(prober, server.address)).health is Health.UP
    server.kill()
    killed = await ask(prober, server.address)
    assert (killed.health, killed.reason, killed.unreachable) == (Health.DOWN, "connection refused", False)
    server.restart()
    assert (await ask(prober, server.address)).health is Health.UP


async def test_a_long_answer_comes_over_tcp(prober: Prober, start: Start) -> None:
    """A name with more addresses than fit a packet has all of them, from a real server."""
    many = [f"--host-record=many.test,10.1.{n // 250}.{n % 250 + 1}" for n in range(400)]
    server = start(lambda folder: servers.dnsmasq(folder, *many, "--edns-packet-max=1232"))
    result = await ask(prober, server.address, "many.test", expect=("10.1.1.1",))
    assert result.health is Health.UP
    assert result.raw.count("many.test. A 10.1.") > 30


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (faults.closes, "closed the connection without an answer"),
        (faults.resets, "connection reset"),
        (faults.drips(b"\x20\x00" + b"x" * 50), "connected, but no answer within 0.5 s"),
        (faults.floods(b"\xff\xff"), f"answers with more than {LIMIT // 1024} KiB"),
        (faults.says(b"\x00\x20" + b"x" * 32), "answers, but not what was asked"),
        (faults.says(b"\x00\x00"), "answers, but not what was asked"),
    ],
    ids=["closes", "resets", "drips", "floods", "other", "empty"],
)
async def test_faults_on_the_way_over_tcp(prober: Prober, handler: faults.Handler, words: str) -> None:
    """That UDP worked is said, and what is wrong with the rest; the deadline holds."""

    def cut(asked: bytes) -> list[bytes]:
        message = dns.message.from_wire(answer(asked))
        message.flags |= dns.flags.TC
        return [message.to_wire()]

    with packets(cut, handler) as address:
        result = await ask(prober, address, deadline=0.5)
    assert result.health is Health.DOWN
    assert words in result.reason
    assert not result.unreachable


def other_id(packet: bytes) -> bytes:
    """The same packet as an answer to another question."""
    return bytes([packet[0] ^ 1]) + packet[1:]


async def test_silence_ends_at_the_deadline(prober: Prober) -> None:
    """A port that takes packets and says nothing: no claim of a connection is made."""
    with packets(lambda asked: []) as address:
        result = await ask(prober, address, deadline=0.3)
    assert (result.health, result.reason) == (Health.DOWN, "no answer within 0.3 s")
    assert result.unreachable


async def test_one_lost_packet_is_asked_for_again(prober: Prober) -> None:
    """A network may lose packets: the question is sent three times within the deadline."""
    heard: list[bytes] = []

    def reply(asked: bytes) -> list[bytes]:
        heard.append(asked)
        return [answer(asked, "A 10.0.0.1")] if len(heard) == 3 else []

    with packets(reply) as address:
        result = await ask(prober, address, deadline=3.0)
    assert result.health is Health.UP
    assert len(set(heard)) == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (lambda asked: [b"hello\r\n"], "answers, but is not a name server"),
        (lambda asked: [asked], "answers, but is not a name server"),
        (lambda asked: [asked[:2] + b"\x80\x00" + b"\xff" * 40], "answers, but is not a name server"),
        (lambda asked: [asked[:2] + b"\x81\x80" + b"\x00\x01" * 4 + b"\xc0\x0c"], "is not a name server"),
        (lambda asked: [other_id(answer(asked, "A 10.0.0.1"))], "answers, but not what was asked"),
        (
            lambda asked: [other_id(answer(asked, "A 10.0.0.1"))] * (STRANGERS + 5),
            "answers, but not what was asked",
        ),
        (lambda asked: [asked[:2] + b"\x81\x80" + b"\x00" * (LIMIT + 1)], "answers with more than 16 KiB"),
    ],
    ids=["text", "echo", "binary", "pointer", "other id", "flood", "huge"],
)
async def test_what_is_no_answer_is_called_that(prober: Prober, reply: Reply, words: str) -> None:
    """Garbage, an echo, answers to other questions, a flood of them: in words, and in time."""
    with packets(reply) as address:
        result = await ask(prober, address, deadline=0.5)
    assert result.health is Health.DOWN
    assert words in result.reason
    assert not result.unreachable


async def test_a_flood_does_not_hold_up_the_room(prober: Prober) -> None:
    """Packets that never stop coming are given up on, and others are served meanwhile."""

    def reply(asked: bytes) -> Iterator[bytes]:
        yield from [other_id(asked)] * 5_000

    with packets(reply) as address:
        started = time.monotonic()
        result = await ask(prober, address, deadline=5.0)
    assert result.reason == "answers, but not what was asked"
    assert time.monotonic() - started < 2


async def test_the_right_answer_among_others_counts(prober: Prober) -> None:
    """A late answer to an older question does no harm."""
    right = "A 10.0.0.1"
    with packets(lambda asked: [other_id(answer(asked, "A 10.0.0.9")), answer(asked, right)]) as address:
        result = await ask(prober, address)
    assert (result.health, result.reason) == (Health.UP, "10.0.0.1")


async def test_an_answer_to_another_name_does_not_count(prober: Prober) -> None:
    """The right id alone does not make an answer right."""

    def reply(asked: bytes) -> list[bytes]:
        query = dns.message.make_query("evil.test", "A", id=int.from_bytes(asked[:2], "big"))
        return [answer(query.to_wire(), "A 10.6.6.6")]

    with packets(reply) as address:
        result = await ask(prober, address)
    assert (result.health, result.reason) == (Health.DOWN, "answers, but not what was asked")


async def test_every_question_has_an_id_of_its_own(prober: Prober) -> None:
    """Ids cannot be foreseen by whoever would like to answer in the server's place."""
    ids: set[bytes] = set()

    def reply(asked: bytes) -> list[bytes]:
        ids.add(asked[:2])
        return [answer(asked, "A 10.0.0.1")]

    with packets(reply) as address:
        for _ in range(20):
            await ask(prober, address)
    assert len(ids) > 15


async def test_foreign_text_is_harmless(prober: Prober) -> None:
    """Escape sequences and markup in a TXT record are neither obeyed nor kept."""
    with packets(lambda asked: [answer(asked, 'TXT "\\027[31mred [bold]x[/]"')]) as address:
        result = await ask(prober, address, type="TXT")
    assert result.health is Health.UP
    assert "\x1b" not in result.reason + result.raw + str(result.detail)


async def test_cancelling_leaves_at_once_and_leaves_nothing(prober: Prober) -> None:
    """Whoever quits does not wait, and no socket stays."""
    before = len(list(Path("/proc/self/fd").iterdir()))  # noqa: ASYNC240
    with packets(lambda asked: []) as address:
        tasks = [asyncio.create_task(ask(prober, address, deadline=30.0)) for _ in range(5)]
        await asyncio.sleep(0.2)
        started = time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        assert time.monotonic() - started < 0.2
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1  # noqa: ASYNC240


@pytest.mark.parametrize("asks", [{}, {"type": "MX", "server": "127.0.0.1:1"}])
@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".test", "dns://", "http://h", ""])
async def test_names_that_cannot_be_asked_for(prober: Prober, name: str, asks: dict[str, Any]) -> None:
    """UNKNOWN: nothing is wrong with the service."""
    result = await ask(prober, asks.get("server"), name, **({"type": asks["type"]} if asks else {}))
    assert result.health is Health.UNKNOWN


@pytest.mark.parametrize("server", ["h:x", "http://h", "[::1", ":53"])
async def test_servers_that_cannot_be_asked(prober: Prober, server: str) -> None:
    """UNKNOWN where the configuration is wrong."""
    assert (await ask(prober, server)).health is Health.UNKNOWN


async def test_the_system_is_asked_where_no_server_is_named(prober: Prober) -> None:
    """Its hosts file counts; a name that is nowhere is named, and so is a type there is none of."""
    local = await ask(prober, None, "localhost", deadline=5.0, expect=("127.0.0.1",))
    assert (local.health, local.detail["by"]) == (Health.UP, "this system")
    other = await ask(prober, None, "localhost", deadline=5.0, expect=("10.0.0.9",))
    assert other.reason.startswith("10.0.0.9 is not among the answers: 127.0.0.1")
    none = await ask(prober, None, "127.0.0.1", deadline=5.0, type="AAAA")
    assert (none.health, none.reason) == (Health.DOWN, "no AAAA record for 127.0.0.1")
    nowhere = await ask(prober, None, "no-such.invalid", deadline=10.0)
    assert nowhere.health is Health.DOWN
    assert "no-such.invalid" in nowhere.reason


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nameserver 10.0.0.1\n", ["10.0.0.1"]),
        ("# x\n; y\nsearch a b\nnameserver\t10.0.0.1\nnameserver ::1 # z\n", ["10.0.0.1", "::1"]),
        ("nameserver 1.1.1.1\n" * 5, ["1.1.1.1"] * 3),
        ("nameserver\noptions ndots:2\n", ["127.0.0.1"]),
        ("\x00\xff", ["127.0.0.1"]),
    ],
)
def test_resolv_conf_is_read_as_its_manual_says(tmp_path: Path, text: str, found: list[str]) -> None:
    """Three name servers at most; this machine's own where there is none, or no file."""
    path = tmp_path / "resolv.conf"
    assert system_servers(path) == ["127.0.0.1"]
    path.write_text(text, encoding="latin-1")
    assert system_servers(path) == found


MESSAGE = dns.message.make_query("room.test", "A", use_edns=0, payload=PAYLOAD)
QUESTION = _Question(MESSAGE, MESSAGE.to_wire())
GOOD = answer(QUESTION.wire, "A 10.0.0.1", "TXT \"x\" 'y'", "MX 10 mail.test.", "SOA a. b. 1 2 3 4 5")


@given(st.data())
def test_no_answer_breaks_the_reader(data: st.DataObject) -> None:
    """Whatever bytes of a right answer are changed, cut off or doubled: an answer, or a reason."""
    raw = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    for type_ in ("A", "TXT", "SOA"):
        with contextlib.suppress(Trouble):
            found = _read(bytes(raw), "x", "room.test", QUESTION, DnsAsks(type_))
            assert all(record.isprintable() for record in found.records)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    """Behind a right header anything may come."""
    header = QUESTION.wire[:2] + b"\x81\x80\x00\x01\x00\x02\x00\x01\x00\x01"
    with contextlib.suppress(Trouble):
        _read(header + raw, "x", "room.test", QUESTION, DnsAsks())


def test_the_probe_keeps_nothing_open() -> None:
    """Closing it is always possible."""
    DnsProbe().close()
