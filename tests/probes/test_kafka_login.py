"""Kafka that asks who is there: passwords by PLAIN and SCRAM, TLS, and what a user may not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from aiokafka.protocol.admin import SaslAuthenticateResponse_v0, SaslHandShakeResponse_v0

from controlroom.domain.asks import KafkaAsks
from controlroom.domain.health import ProbeResult
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.lab import kafka
from controlroom.lab.servers import Server
from controlroom.probes.kafka import KafkaProbe
from controlroom.probes.port import Trouble
from controlroom.probes.prober import Prober
from tests import faults
from tests.probes.kafka_servers import MODULE, answers, create, look, shared, versions

SECRETS = {"RIGHT": "correct horse", "WRONG": "battery staple", "BOSS": "any"}
RIGHT, WRONG = SecretRef(env="RIGHT"), SecretRef(env="WRONG")
USERS = {"room": SECRETS["RIGHT"], "boss": SECRETS["BOSS"]}
LOGS_IN = versions(k3=(1, 5), k17=(0, 1), k36=(0, 0))


@MODULE
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A broker that takes PLAIN only, and lets nobody but the boss see anything."""
    rules = (
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS;User:boss",
    )
    folder = tmp_path_factory.mktemp("plain")
    with shared(lambda where: kafka.with_passwords(where, USERS, *rules), folder) as made:
        yield made


@MODULE
def scram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A broker that takes PLAIN and SCRAM."""
    mechanisms = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
    folder = tmp_path_factory.mktemp("scram")
    with shared(lambda where: kafka.with_passwords(where, USERS, mechanisms=mechanisms), folder) as made:
        yield made


KIND = "kafka"


async def ask(prober: Prober, url: str, asks: KafkaAsks | None = None, /, **keys: object) -> ProbeResult:
    """One look; no password may be in what it says."""
    result = await look(prober, url, asks, **keys)
    assert not any(secret in str(result) for secret in SECRETS.values())
    return result


@pytest.mark.parametrize(
    ("keys", "health", "reason"),
    [
        ({"username": "room", "password": RIGHT}, Health.UP, "1 broker, 0 partitions in step"),
        ({"username": "room", "password": WRONG}, Health.DOWN, "user name or password refused (PLAIN)"),
        ({"username": "nobody", "password": RIGHT}, Health.DOWN, "user name or password refused (PLAIN)"),
        ({}, Health.DOWN, "asks for a user name and password (SASL PLAIN)"),
        ({"username": "room"}, Health.UNKNOWN, "a user name without a password is configured"),
        ({"password": RIGHT}, Health.UNKNOWN, "a password without a user name is configured"),
    ],
)
async def test_passwords_by_plain(
    prober: Prober, plain: Server, keys: dict[str, object], health: Health, reason: str
) -> None:
    """A missing, a wrong and a half configured password are three different things to mend."""
    result = await ask(prober, plain.address, **keys)
    assert (result.health, result.reason) == (health, reason)


@pytest.mark.parametrize(
    ("password", "health", "reason"),
    [
        (RIGHT, Health.UP, "1 broker, 0 partitions in step"),
        (WRONG, Health.DOWN, "user name or password refused (SCRAM-SHA-512)"),
    ],
)
async def test_the_strongest_mechanism_is_used(
    prober: Prober, scram: Server, password: SecretRef, health: Health, reason: str
) -> None:
    """Where SCRAM is offered, the password is proven and not shown, not even after it was refused."""
    result = await ask(prober, scram.address, username="room", password=password)
    assert (result.health, result.reason) == (health, reason)


async def test_credentials_in_the_url_work_and_are_not_shown(prober: Prober, plain: Server) -> None:
    """User name and password of the url are used, decoded."""
    right = await ask(prober, f"kafka://room:correct%20horse@{plain.address}")
    wrong = await ask(prober, f"kafka://room:battery%20staple@{plain.address}")
    assert right.health is Health.UP
    assert (wrong.health, wrong.reason) == (Health.DOWN, "user name or password refused (PLAIN)")


async def test_a_password_nobody_asked_for(prober: Prober, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A broker without passwords refuses to hear one; the reason says which side to mend."""
    with shared(kafka.kafka, tmp_path_factory.mktemp("open")) as server:
        result = await ask(prober, server.address, username="room", password=RIGHT)
    assert (result.health, result.reason) == (Health.DOWN, "asks for no password, but one is configured")


async def test_a_refused_password_is_fetched_anew(prober: Prober, plain: Server) -> None:
    """A password that was changed is used without starting anew: the refused one is forgotten."""
    forgotten: list[SecretRef] = []
    context = replace(prober.context(10.0), forget=forgotten.append)
    probe = KafkaProbe()
    with pytest.raises(Trouble, match="refused"):
        await probe(Service("it", "kafka", url=plain.address, username="room", password=WRONG), context)
    assert forgotten == [WRONG]
    await probe(Service("it", "kafka", url=plain.address, username="room", password=RIGHT), context)
    assert forgotten == [WRONG]
    probe.close()


async def test_what_a_user_may_not_see_is_said(prober: Prober, plain: Server) -> None:
    """Without rights the cluster is still UP; what was asked for by name, and is hidden, is told."""
    boss = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "boss",
        "sasl_plain_password": SECRETS["BOSS"],
    }
    await create(plain.address, "hidden", login=boss)
    room = {"username": "room", "password": RIGHT}
    result = await ask(prober, plain.address, **room)
    assert result.health is Health.UP
    assert "controller" not in result.detail
    result = await ask(prober, plain.address, KafkaAsks(topics={"hidden": 1}, groups={"readers": 0}), **room)
    assert result.health is Health.DEGRADED
    assert result.reason == "not allowed to see topic hidden; group readers: not allowed to see it"
    result = await ask(prober, plain.address, KafkaAsks(watch={"hidden": 60.0}), **room)
    assert result.health is Health.UP
    assert [(one.error, one.missing) for one in result.traffic] == [
        ("not allowed to see topic hidden", False)
    ]


@pytest.mark.parametrize(
    ("offered", "replies", "reason"),
    [
        (
            (33, ["GSSAPI", "OAUTHBEARER"]),
            (),
            "no way to log in that is known here: it takes GSSAPI, OAUTHBEARER",
        ),
        ((33, []), (), "no way to log in that is known here: it takes nothing"),
        ((33, ["PLAIN"]), (), "no way to log in that is known here: it takes PLAIN"),
        ((0, ["PLAIN"]), ((58, "no", b""),), "user name or password refused (PLAIN)"),
        ((0, ["PLAIN"]), ((7, "not \x1b[31mtoday.", b""),), "refuses the login: not [31mtoday"),
        ((0, ["PLAIN"]), ((0, None, b"what?"),), "does not prove that it knows the password (PLAIN)"),
    ],
)
async def test_other_ways_to_be_refused(
    prober: Prober, offered: tuple[int, list[str]], replies: tuple[tuple[int, str, bytes], ...], reason: str
) -> None:
    """Mechanisms that are not spoken here, and brokers that say no in words of their own."""
    said = [SaslHandShakeResponse_v0(*offered).encode()]
    said += [SaslAuthenticateResponse_v0(*reply).encode() for reply in replies]
    with faults.scripted(answers(LOGS_IN, *said)) as address:
        result = await ask(prober, address, username="room", password=RIGHT)
    assert (result.health, result.reason) == (Health.DOWN, reason)


def echoed(request: bytes, rest: bytes) -> bytes:
    """SCRAM's first answer: the client's nonce made longer, and `rest`."""
    nonce = request.rpartition(b",r=")[2]
    encoded: bytes = SaslAuthenticateResponse_v0(0, None, b"r=" + nonce + b"x," + rest).encode()
    return encoded


@pytest.mark.parametrize(
    "rest", [b"s=c2FsdA==,i=2000000000", b"s=c2FsdA==", b"i=4096", b"s=c2FsdA==,i=many", b"\xff"]
)
async def test_a_broker_that_cannot_know_the_password(prober: Prober, rest: bytes) -> None:
    """SCRAM proves both sides: a broker that fails to, or wants an hour of hashing, gets no further."""
    handshake = SaslHandShakeResponse_v0(0, ["SCRAM-SHA-256"]).encode()
    script = answers(LOGS_IN, handshake, lambda request: echoed(request, rest))
    with faults.scripted(script) as address:
        result = await ask(prober, address, username="room", password=RIGHT)
    reason = "does not prove that it knows the password (SCRAM-SHA-256)"
    assert (result.health, result.reason) == (Health.DOWN, reason)


async def test_what_scram_hid_is_not_shown_afterwards(prober: Prober) -> None:
    """A broker that refuses SCRAM does not get the password in plain text instead, without TLS."""
    heard: list[bytes] = []

    def refuse(request: bytes) -> bytes:
        heard.append(request)
        encoded: bytes = SaslAuthenticateResponse_v0(58, "", b"").encode()
        return encoded

    both = SaslHandShakeResponse_v0(0, ["PLAIN", "SCRAM-SHA-256"]).encode()
    with faults.scripted(answers(LOGS_IN, both, refuse)) as address:
        result = await ask(prober, address, username="room", password=RIGHT)
    assert result.reason == "user name or password refused (SCRAM-SHA-256)"
    assert len(heard) == 1
    assert SECRETS["RIGHT"].encode() not in heard[0]


async def test_a_broker_that_never_settles_on_a_mechanism(prober: Prober) -> None:
    """Offers that contradict one another end after a few rounds."""
    either = SaslHandShakeResponse_v0(0, ["SCRAM-SHA-256", "SCRAM-SHA-512"]).encode()
    with faults.scripted(
        answers(LOGS_IN, either, SaslAuthenticateResponse_v0(58, "", b"").encode())
    ) as address:
        result = await ask(prober, address, username="room", password=RIGHT)
    assert (result.health, result.reason) == (Health.DOWN, "user name or password refused (SCRAM-SHA-512)")


async def test_a_real_kafka_over_tls(prober: Prober, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`kafka+ssl://` with the right CA is UP, with another it is described; without TLS the url is."""
    ca = faults.authority(tmp_path_factory.mktemp("ca"))
    folder = tmp_path_factory.mktemp("tls")
    with shared(lambda where: kafka.over_tls(where, *ca.server(), ca.path), folder) as server:
        for asks in (None, KafkaAsks(groups={"nobody": 0})):
            good = await ask(prober, f"kafka+ssl://{server.address}", asks, ca=str(ca.path))
            assert good.detail["brokers"] == "1"
        bad = await ask(prober, f"kafka+ssl://{server.address}")
        plain = await ask(prober, server.address)
    assert (bad.health, bad.reason) == (Health.DOWN, "certificate of an unknown CA")
    assert (plain.health, plain.reason) == (Health.DOWN, "answers, but in TLS: write kafka+ssl://")
