"""Apache Kafka (KRaft, without ZooKeeper): alone, with TLS, with passwords, as a cluster.

Its jars come from Maven Central through `make servers`. A node takes about 2 s until it is ready, its storage
formatted, and 200 MB of memory.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import struct
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from controlroom.lab.fetched import fetched
from controlroom.lab.ports import reserved
from controlroom.lab.servers import READY_WITHIN, NotInstalled, NotReady, Server, launch

VERSION = "4.1.1"

REMEDY = "make servers"

JAVA = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
"""A small and quick start matters here, not throughput."""

_SMALL = """\
num.network.threads=1
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=2097152
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=3000
controlled.shutdown.enable=false
"""

_METADATA = struct.pack(">ihhih", 14, 3, 1, 7, -1) + struct.pack(">i", 0)
"""A Metadata request, version 1, for no topic at all (Kafka protocol guide)."""

_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 7, -1)


def kafka(folder: Path, *properties: str, name: str = "kafka") -> Server:
    """One node, broker and controller, in plain text; `properties` (``key=value``) are added to its own."""
    return _node(folder, name, [*properties], "PLAINTEXT", _lists_a_broker(None))


def over_tls(folder: Path, certificate: Path, key: Path, ca: Path, *properties: str) -> Server:
    """One node that speaks TLS only, with PEM files; the key in PKCS #8, as Java reads it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    both = folder / "server.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    lines = [
        "ssl.keystore.type=PEM",
        f"ssl.keystore.location={both}",
        "ssl.truststore.type=PEM",
        f"ssl.truststore.location={ca}",
        "inter.broker.listener.name=SSL",
        *properties,
    ]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _node(folder, "kafka-tls", lines, "SSL", _lists_a_broker(context))


def with_passwords(
    folder: Path,
    users: Mapping[str, str],
    *properties: str,
    mechanisms: Sequence[str] = ("PLAIN",),
) -> Server:
    """One node that asks for one of `users` (name → password) by one of the SASL `mechanisms`."""
    listener = "listener.name.sasl_plaintext"
    known = " ".join(f'user_{user}="{password}"' for user, password in users.items())
    security = "org.apache.kafka.common.security"
    lines = [
        f"sasl.enabled.mechanisms={','.join(mechanisms)}",
        "inter.broker.listener.name=SASL_PLAINTEXT",
        f"sasl.mechanism.inter.broker.protocol={mechanisms[0]}",
        f"{listener}.plain.sasl.jaas.config={security}.plain.PlainLoginModule required {known};",
        *(
            f"{listener}.{one.lower()}.sasl.jaas.config={security}.scram.ScramLoginModule required;"
            for one in mechanisms
            if one.startswith("SCRAM")
        ),
        *properties,
    ]
    scram = [
        f"{one}=[name={user},password={password}]"
        for one in mechanisms
        if one.startswith("SCRAM")
        for user, password in users.items()
    ]
    return _node(folder, "kafka-sasl", lines, "SASL_PLAINTEXT", _greets, scram=scram)


@contextmanager
def crowded(folder: Path) -> Iterator[Server]:
    """A node all of whose connections are taken: Kafka lets others wait at the door, and says nothing."""
    server = kafka(folder, "listener.name.plaintext.max.connections=2")
    with ExitStack() as stack:
        stack.callback(server.stop)
        # Those that asked whether it is ready have hung up, which it may not have noticed yet.
        for _ in range(2):
            plug = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), READY_WITHIN))
            plug.sendall(_API_VERSIONS)
            plug.recv(4096)
        yield server


def cluster(folder: Path, size: int, controllers: int = 1) -> Sequence[Server]:
    """`size` brokers, the first `controllers` of them controllers, too; ready when all know one another.

    Raises NotInstalled, or NotReady.
    """
    with ExitStack() as stack, ExitStack() as ports:
        votes = [ports.enter_context(reserved()) for _ in range(controllers)]
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(votes, 1))
        identity = _identity()
        copies = min(size, 3)
        lines = [f"offsets.topic.replication.factor={copies}", f"default.replication.factor={copies}"]
        nodes: list[Server] = []
        # They wait for each other: all are started before any is waited for.
        for number in range(1, size + 1):
            vote = votes[number - 1] if number <= controllers else None
            node = _node(
                folder / str(number),
                f"kafka-{number}",
                lines,
                "PLAINTEXT",
                lambda _: True,
                number=number,
                controller=vote,
                voters=voters,
                identity=identity,
            )
            stack.callback(node.stop)
            node.ready = _lists_a_broker(None)
            nodes.append(node)
        _until(lambda: all(alive(node.port) == size for node in nodes), nodes)
        nodes[0].hold(ports.pop_all())
        stack.pop_all()
    return nodes


def _node(
    folder: Path,
    name: str,
    lines: Sequence[str],
    protocol: str,
    ready: Callable[[int], bool],
    *,
    number: int = 1,
    controller: int | None = None,
    voters: str = "",
    identity: str = "",
    scram: Sequence[str] = (),
) -> Server:
    """Start one node; `controller` is its controller's port, where it has one, of those in `voters`."""
    classes = jars()

    def arguments(port: int, where: Path) -> Sequence[str]:
        vote = controller if voters else own
        roles = "broker,controller" if vote else "broker"
        listeners = f"{protocol}://127.0.0.1:{port}" + (f",CONTROLLER://127.0.0.1:{vote}" if vote else "")
        text = [
            f"process.roles={roles}",
            f"node.id={number}",
            f"controller.quorum.voters={voters or f'1@127.0.0.1:{vote}'}",
            f"listeners={listeners}",
            f"advertised.listeners={protocol}://127.0.0.1:{port}",
            "controller.listener.names=CONTROLLER",
            f"listener.security.protocol.map=CONTROLLER:PLAINTEXT,{protocol}:{protocol}",
            f"log.dirs={where / 'data'}",
            *(
                f"{topic}.{rule}=1"
                for topic in ("transaction.state.log", "share.coordinator.state.topic")
                for rule in ("replication.factor", "min.isr")
            ),
            *([] if voters else ["offsets.topic.replication.factor=1"]),
            _SMALL,
            *lines,
        ]
        file = where / "server.properties"
        file.write_text("\n".join(text) + "\n", encoding="utf-8")
        words = [*JAVA, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{classes}/*"]
        add = [word for one in scram for word in ("--add-scram", one)]
        _format([*words, "kafka.tools.StorageTool", "format"], file, [*add, "-t", identity or _identity()])
        return [*words, "kafka.Kafka", str(file)]

    # The controller's port is free again while a node is killed: it must stay ours until it is stopped.
    with ExitStack() as stack:
        own = 0 if voters else stack.enter_context(reserved())
        server = launch(name, "java", arguments, ready, folder)
        server.hold(stack.pop_all())
    return server


def jars() -> Path:
    """The folder of the jars; raises NotInstalled."""
    folder = fetched(f"kafka-{VERSION}", os.environ)
    if not folder.is_dir() or shutil.which("java") is None:
        raise NotInstalled("kafka", REMEDY)
    return folder


def _identity() -> str:
    """A new cluster id: a UUID as Kafka writes it, which may not begin with a dash."""
    return "k" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]


def _format(words: Sequence[str], file: Path, options: Sequence[str]) -> None:
    done = subprocess.run(
        ["java", *words, "-c", str(file), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=READY_WITHIN,
        check=False,
    )
    if done.returncode:
        raise NotReady(f"storage not formatted:\n{done.stdout.decode(errors='replace')[-1500:]}")


def _ask(port: int, request: bytes, context: ssl.SSLContext | None) -> bytes:
    """The first bytes of the answer: size, correlation id, what follows. Raises OSError."""
    with ExitStack() as stack:
        plug = stack.enter_context(socket.create_connection(("127.0.0.1", port), 1))
        if context is not None:
            plug = stack.enter_context(context.wrap_socket(plug))
        plug.sendall(request)
        return plug.recv(4096)


def alive(port: int, context: ssl.SSLContext | None = None) -> int:
    """How many brokers the one on `port` knows to be alive; 0 where it does not say."""
    with suppress(OSError, struct.error):
        size, mark, brokers = struct.unpack_from(">iii", _ask(port, _METADATA, context))
        return int(brokers) if mark == 7 and size > 8 else 0
    return 0


def _lists_a_broker(context: ssl.SSLContext | None) -> Callable[[int], bool]:
    """Ready when the metadata holds the broker itself: before that, the controller has not let it in."""
    return lambda port: alive(port, context) > 0


def _greets(port: int) -> bool:
    """Ready when ApiVersions is answered, which needs no password."""
    with suppress(OSError):
        return _ask(port, _API_VERSIONS, None)[4:8] == b"\0\0\0\7"
    return False


def _until(true: Callable[[], bool], nodes: Sequence[Server]) -> None:
    give_up = time.monotonic() + READY_WITHIN
    while time.monotonic() < give_up:
        if true():
            return
        time.sleep(0.05)
    tails = "\n".join(node.log.read_text(errors="replace")[-500:] for node in nodes)
    raise NotReady(f"the brokers do not find one another:\n{tails}")
