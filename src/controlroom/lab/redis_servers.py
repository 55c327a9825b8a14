"""Redis as teams run it: with TLS, with replicas, watched by Sentinel, as a cluster.

Every function gives one `servers.Server`; what makes a set of them one thing is asked for at the end:
`await_replica`, `await_quorum`, `join`, `follow`.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from controlroom.lab.ports import reserved
from controlroom.lab.servers import READY_WITHIN, NotReady, Server, launch, redis

MASTER = "board"
"""The name sentinels know the master by."""

SLOTS = 16_384


def ask(port: int, *words: str | bytes) -> str:
    """What the server on `port` answers to one command, as it stands in the protocol, up to 64 KiB.

    Raises OSError.
    """
    with socket.create_connection(("127.0.0.1", port), 5) as plug:
        parts = [word if isinstance(word, bytes) else word.encode() for word in words]
        bulk = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        plug.sendall(b"*%d\r\n%b" % (len(parts), bulk))
        return plug.recv(65_536).decode("utf-8", "replace")


def over_tls(folder: Path, certificate: Path, key: Path, ca: Path, *extra: str) -> Server:
    """A Redis that speaks TLS only; it asks for no client certificate unless `extra` says so."""
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(ca)]

    def arguments(port: int, where: Path) -> Sequence[str]:
        return [
            *("--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1"),
            *("--save", "", "--dir", str(where), "--tls-auth-clients", "no"),
            *files,
            *extra,
        ]

    return launch("redis-tls", "redis-server", arguments, _shakes_hands(certificate, key), folder)


def master(folder: Path, *extra: str) -> Server:
    """A Redis that feeds its replicas at once; by default it would wait some seconds for more of them."""
    return redis(folder, "--repl-diskless-sync-delay", "0", *extra, name="master")


def replica(folder: Path, of: Server, *extra: str) -> Server:
    """A Redis that follows another; give it to `await_replica`."""
    return redis(folder, "--replicaof", "127.0.0.1", str(of.port), *extra, name="replica")


def await_replica(server: Server) -> None:
    """Returns when `server` follows its master, and its master knows it. Raises NotReady."""

    def follows() -> bool:
        said = ask(server.port, "INFO", "replication")
        feeds = re.search(r"master_port:(\d+)", said)
        return (
            feeds is not None
            and "master_link_status:up" in said
            and f"port={server.port},state=online" in ask(int(feeds[1]), "INFO", "replication")
        )

    _until(follows, "the replica lags")


@contextmanager
def crowded(folder: Path) -> Iterator[Server]:
    """A Redis for one client, which it has."""
    server = redis(folder, "--maxclients", "1", name="crowded")
    occupants: list[socket.socket] = []

    def occupied() -> bool:
        # Whoever asked whether it is ready may not be gone yet.
        occupants.append(socket.create_connection(("127.0.0.1", server.port), 5))
        occupants[-1].sendall(b"PING\r\n")
        return occupants[-1].recv(64).startswith(b"+PONG")

    try:
        _until(occupied, "somebody else has the only connection")
        yield server
    finally:
        for occupant in occupants:
            occupant.close()


def sentinel(folder: Path, watched: Server, quorum: int = 2, down_after: int = 400, *extra: str) -> Server:
    """A sentinel that watches a master and calls it down after `down_after` milliseconds of silence.

    `extra` are further lines of its configuration.
    """

    def arguments(port: int, where: Path) -> Sequence[str]:
        # Sentinel keeps what it learns in its configuration, and refuses to run without one.
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f'dir "{where}"',
            f"sentinel monitor {MASTER} 127.0.0.1 {watched.port} {quorum}",
            f"sentinel down-after-milliseconds {MASTER} {down_after}",
            f"sentinel failover-timeout {MASTER} 1000",
            *extra,
        ]
        (where / "sentinel.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [str(where / "sentinel.conf")]

    return launch("sentinel", "redis-sentinel", arguments, _pongs, folder)


def sentinel_alone(folder: Path, *extra: str) -> Server:
    """A sentinel that watches a master of its own and calls nothing down soon; the master ends with it."""
    watched = redis(folder / "master", name="watched")
    try:
        one = sentinel(folder, watched, 1, 30_000, *extra)
    except BaseException:
        watched.stop()
        raise
    one._stack.callback(watched.stop)
    return one


def await_quorum(sentinels: Sequence[Server], replicas: int = 1) -> None:
    """Returns when every sentinel knows the others and the replicas. Raises NotReady."""

    def agreed() -> bool:
        for one in sentinels:
            known = ask(one.port, "INFO", "sentinel")
            if f"slaves={replicas},sentinels={len(sentinels)}" not in known:
                return False
            if not ask(one.port, "SENTINEL", "CKQUORUM", MASTER).startswith("+OK"):
                return False
        return True

    _until(agreed, "the sentinels have no quorum")


def cluster_node(folder: Path, *extra: str) -> Server:
    """A Redis that can be part of a cluster; give all of them to `join`."""
    with reserved() as bus:

        def arguments(port: int, where: Path) -> Sequence[str]:
            return [
                *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(where)),
                *("--cluster-enabled", "yes", "--cluster-port", str(bus)),
                *("--cluster-node-timeout", "2000", "--cluster-config-file", "nodes.conf"),
                *extra,
            ]

        return launch("node", "redis-server", arguments, _pongs, folder)


def join(nodes: Sequence[Server]) -> None:
    """Make `nodes` one cluster of masters that share the slots; returns when all agree. Raises NotReady."""
    share = -(-SLOTS // len(nodes))
    for number, node in enumerate(nodes):
        first, last = number * share, min((number + 1) * share, SLOTS) - 1
        ask(node.port, "CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
        ask(node.port, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        bus = node.command[list(node.command).index("--cluster-port") + 1]
        ask(nodes[0].port, "CLUSTER", "MEET", "127.0.0.1", str(node.port), bus)

    def agreed() -> bool:
        said = [ask(node.port, "CLUSTER", "INFO") for node in nodes]
        return all("cluster_state:ok" in one and f"cluster_size:{len(nodes)}" in one for one in said)

    _until(agreed, "the nodes do not agree")


def cluster_alone(folder: Path, *extra: str) -> Server:
    """A cluster of one node; started anew, it is ready when it serves its slots, two seconds later."""
    node = cluster_node(folder, *extra)
    try:
        join([node])
    except BaseException:
        node.stop()
        raise
    node.ready = _serves
    return node


def follow(node: Server, of: Server) -> None:
    """Make `node` part of the cluster of `of`, as its replica; returns when it is one. Raises NotReady."""
    bus = node.command[list(node.command).index("--cluster-port") + 1]
    ask(of.port, "CLUSTER", "MEET", "127.0.0.1", str(node.port), bus)
    name = ask(of.port, "CLUSTER", "MYID").splitlines()[1]
    _until(lambda: ask(node.port, "CLUSTER", "REPLICATE", name).startswith("+OK"), "it knows no such master")
    await_replica(node)


def owner(nodes: Sequence[Server], key: str) -> Server:
    """The node of a cluster that has `key`."""
    return next(node for node in nodes if not ask(node.port, "TYPE", key).startswith("-MOVED"))


def _pongs(port: int) -> bool:
    with suppress(OSError):
        return ask(port, "PING").startswith(("+PONG", "-NOAUTH"))
    return False


def _serves(port: int) -> bool:
    with suppress(OSError):
        return "cluster_state:ok" in ask(port, "CLUSTER", "INFO")
    return False


def _shakes_hands(certificate: Path, key: Path) -> Callable[[int], bool]:
    """Ready when TLS is; the server shows its own certificate, so any client certificate will do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(certificate, key)

    def ready(port: int) -> bool:
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 1) as plug,
            context.wrap_socket(plug) as wrapped,
        ):
            wrapped.sendall(b"PING\r\n")
            return wrapped.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        return False

    return ready


def _until(true: Callable[[], bool], otherwise: str) -> None:
    give_up = time.monotonic() + READY_WITHIN
    while time.monotonic() < give_up:
        with suppress(OSError):
            if true():
                return
        time.sleep(0.02)
    raise NotReady(otherwise)
