"""Which server holds the log: the one named, the master Sentinel names, the node that has the slot.

All of a log's keys share one slot, so one node of a cluster is all it needs: any node says which with MOVED.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterator, Sequence

import redis  # noqa: F401 - whole, before its parts: two threads that each begin with another part collide
from redis.exceptions import AskError, AuthenticationError, MovedError

from controlroom.stores.logs import Settings
from controlroom.stores.port import Unavailable
from controlroom.stores.redis_link import Command, Link, Reply, Terms
from controlroom.stores.redis_urls import Address

REDIRECTS = 5
"""Nodes of a cluster that are asked for one answer."""

IDLE = 4
"""Connections kept for their next use; threads that call at the same time have one each."""

Host = tuple[str, int]


class Routes:
    """Finds the log's server, and keeps connections to it. Any number of threads may use it at once."""

    def __init__(self, address: Address, settings: Settings) -> None:
        self._address, self._settings = address, settings
        self._lock = threading.Lock()
        self._idle: list[Link] = []
        self._first: Host | None = None
        """The sentinel that answered last, or the node that had the slot."""
        self._terms: Terms | None = None
        self._closed = False
        self.failures = 0
        """How often a connection was lost so far."""

    @contextlib.contextmanager
    def session(self, until: float) -> Iterator[Session]:
        """A connection for one caller, open by `until` (monotonic seconds). Raises Unavailable."""
        session = Session(self, self._kept() or self._opened(until))
        try:
            yield session
        except BaseException:
            session.link.close()
            self._forget()
            raise
        with self._lock:
            if not self._closed and len(self._idle) < IDLE:
                self._idle.append(session.link)
                return
        session.link.close()

    def close(self) -> None:
        """Let go of connections; idempotent. A later session opens one of its own."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for link in idle:
            link.close()

    def moved(self, host: Host, until: float) -> Link:
        """The node that has the slot; the next connection goes there at once."""
        link = self._link(host, until)
        with self._lock:
            self._first = host
        return link

    def asked(self, host: Host, until: float) -> Link:
        """The node that is about to get the slot."""
        return self._link(host, until)

    @property
    def cluster(self) -> bool:
        """Whether other nodes may be named."""
        return self._address.kind == "cluster"

    def _kept(self) -> Link | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                link = self._idle.pop()
            if link.idle_well():
                return link
            link.close()
            self._forget()

    def _forget(self) -> None:
        """Something went wrong: other connections may lead to the same server, which may not be the one."""
        with self._lock:
            self.failures += 1
            idle, self._idle = self._idle, []
            self._terms = None  # certificates may have been renewed
            if self._address.kind == "cluster":
                self._first = None
        for link in idle:
            link.close()

    def _opened(self, until: float) -> Link:
        address = self._address
        if address.kind == "socket":
            return Link("", 0, address.path, self._known(), until)
        if address.kind == "single":
            return self._link(address.hosts[0], until)
        if address.kind == "sentinel":
            return self._master(until)
        return self._node(until)

    def _link(self, host: Host, until: float) -> Link:
        return Link(*host, "", self._known(), until)

    def _known(self) -> Terms:
        if self._terms is None:
            self._terms = terms(self._address, self._settings)
        return self._terms

    def _in_turn(self, until: float) -> Iterator[tuple[Host, float]]:
        """Each host with its share of the time, the one that answered last first."""
        hosts = list(self._address.hosts)
        if self._first is not None:
            hosts = [self._first, *(host for host in hosts if host != self._first)]
        for number, host in enumerate(hosts):
            left = until - time.monotonic()
            if left > 0:
                # One part more than there are hosts: what was named must be reached in time, too.
                yield host, time.monotonic() + left / (len(hosts) - number + 1)

    def _node(self, until: float) -> Link:
        failed: list[Unavailable] = []
        for host, share in self._in_turn(until):
            try:
                link = self._link(host, share)
                link.ask([("PING",)], share)  # a process that hangs is connected to all the same
            except Unavailable as problem:
                failed.append(problem)
            else:
                return link
        raise _none("no node of the cluster answers", failed)

    def _master(self, until: float) -> Link:
        failed: list[Unavailable] = []
        for host, share in self._in_turn(until):
            try:
                named = self._named(host, share)
            except Unavailable as problem:
                failed.append(problem)
                continue
            self._first = host
            return self._named_master(named, until)
        raise _none("no sentinel answers", failed)

    def _named_master(self, host: Host, until: float) -> Link:
        try:
            link = self._link(host, until)
            (role,) = link.ask([("ROLE",)], until)
        except Unavailable as problem:
            raise Unavailable(
                f"the master that Sentinel names, {problem.reason}", "wait for the failover, or start it"
            ) from None
        if isinstance(role, list) and role and role[0] != b"master":
            link.close()
            raise Unavailable(
                f"{link.where}: Sentinel says master, but it is a replica", "wait for the failover"
            )
        return link

    def _named(self, host: Host, until: float) -> Host:
        """Where this sentinel says the master is. It gets the password only when it asks for one."""
        known = self._known()
        command: Command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._address.master)
        bare = Terms(known.patience, known.tls)
        answer: Reply = None
        for use in (bare, Terms(known.patience, known.tls, known.username, known.password)):
            link = Link(*host, "", use, until)
            (answer,) = link.ask([command], until)
            link.close()
            if not isinstance(answer, AuthenticationError) or known.password is None:
                break
        link.good(answer)
        if not (isinstance(answer, list) and len(answer) == 2):
            raise Unavailable(
                f"{link.where}: Sentinel knows no master {self._address.master}",
                "correct the master's name in [store].url",
            )
        return answer[0].decode("utf-8", "replace"), int(answer[1])


class Session:
    """One caller's connection; in a cluster it may change to another node while asking."""

    def __init__(self, routes: Routes, link: Link) -> None:
        self._routes = routes
        self.link = link

    def ask(self, commands: Sequence[Command], until: float) -> list[Reply]:
        """The replies to `commands`, from the server that has the log. Raises Unavailable."""
        replies = self.link.ask(commands, until)
        for _ in range(REDIRECTS):
            turn = next((reply for reply in replies if isinstance(reply, AskError)), None)
            if turn is None:
                return replies
            if not self._routes.cluster:
                raise Unavailable(
                    f"{self.link.where}: is part of a cluster", "write redis+cluster:// in [store].url"
                )
            host = (turn.host if turn.host not in ("", "?") else self.link.host, turn.port)
            self.link.close()
            if isinstance(turn, MovedError):
                self.link = self._routes.moved(host, until)
                replies = self.link.ask(commands, until)
            else:
                self.link = self._routes.asked(host, until)
                pairs = [part for command in commands for part in (("ASKING",), command)]
                replies = self.link.ask(pairs, until)[1::2]
        raise Unavailable(
            f"{self.link.where}: the nodes of the cluster send us in a circle", "mend the cluster"
        )


def terms(address: Address, settings: Settings) -> Terms:
    """How to talk to the servers at `address`. Raises Unavailable for certificate files of no use."""
    return Terms(
        patience=settings.timeout,
        tls=_context(settings) if address.tls else None,
        username=settings.username or address.username,
        password=settings.password or address.password,
        db=address.db,
    )


def _none(words: str, failed: Sequence[Unavailable]) -> Unavailable:
    if not failed:
        return Unavailable(f"{words} in time", "check the network")
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return Unavailable(f"{words}: {failed[0].reason}{more}", failed[0].remedy)


def _context(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except (OSError, ValueError):
        raise Unavailable("the CA file cannot be read", "check [store].ca: a PEM file") from None
    if settings.cert:
        try:
            # Without a passphrase given, OpenSSL would ask for one on the terminal.
            context.load_cert_chain(settings.cert, settings.key, password="")
        except (OSError, ValueError):
            raise Unavailable(
                "the client certificate or its key cannot be read",
                "check [store].cert and [store].key: PEM files, the key without a passphrase",
            ) from None
    return context
