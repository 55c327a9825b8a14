"""PostgreSQL as teams run it: with users, with TLS, with a replica, with few connections, behind PgBouncer.

Its programs are not in PATH and refuse to run as root; then they run as the user `postgres`. What is done to
a server is done to all its processes: with only its postmaster stopped it still answers over what is open.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from controlroom.lab.servers import READY_WITHIN, NotInstalled, NotReady, Server, find, launch

SUPERUSER = "postgres"
"""Name of the role that may do everything, of its database, and of the system's user for root."""

PREFIX = "controlroom-postgres-"

_FRESH = 60.0
"""Seconds a folder is left alone whoever holds it: it is being made."""

_PROTOCOL = 0x0003_0000
"""3.0, as every server since 7.4 speaks it."""

_IPC_RMID = 0


@dataclass
class Postgres(Server):
    """A running PostgreSQL. `pause`, `resume` and `kill` are for every process of it."""

    data: Path = field(default_factory=Path)
    """Its cluster of databases."""

    def sql(self, text: str, database: str = SUPERUSER) -> str:
        """What psql prints for `text`, run by the superuser: values separated by bars, without headings.

        Raises RuntimeError with the server's message.
        """
        where = f"host=127.0.0.1 port={self.port} user={SUPERUSER} dbname={database}"
        command = [program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", where]
        done = subprocess.run([*command, "-c", text], capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()

    def pause(self) -> None:
        """SIGSTOP to each process; all have stopped when this returns."""
        super().pause()  # the postmaster first: then there are no new ones
        others = _processes(self.data)
        for pid in others:
            _signal(pid, signal.SIGSTOP)
        _until(lambda: all(_state(pid) in "TtZX" for pid in others), f"{self.name} does not stop")

    def resume(self) -> None:
        """SIGCONT to each process."""
        for pid in _processes(self.data):
            _signal(pid, signal.SIGCONT)
        super().resume()

    def kill(self) -> None:
        """SIGKILL to each process, and wait until all are gone; nothing is in the way of a new start."""
        if self.process.poll() is None:
            super().pause()
        # A postmaster that was killed leaves processes behind, which hold on to the cluster for a moment.
        others = _processes(self.data)
        for pid in others:
            _signal(pid, signal.SIGKILL)
        super().kill()
        _until(lambda: all(_state(pid) in "ZX" for pid in others), f"{self.name} does not end")
        _tidy(self.data)

    def restart(self) -> None:
        """Start it anew on the same port and data; returns when it is ready."""
        self.kill()
        super().restart()

    def stop(self) -> None:
        """End it at once, whoever is connected."""
        if self.process.poll() is None:
            self.resume()
            self.process.send_signal(signal.SIGQUIT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
        self.kill()
        self._stack.close()


def postgres(
    folder: Path,
    *settings: str,
    users: Mapping[str, str] | None = None,
    hba: Sequence[str] = (),
    tls: tuple[Path, Path] | None = None,
    ca: Path | None = None,
    name: str = "postgres",
) -> Postgres:
    """A PostgreSQL whose superuser needs no password.

    `settings` are lines of postgresql.conf (``max_connections=5``), `users` are names and passwords (SCRAM),
    `hba` are lines of pg_hba.conf that come first. With `tls`, a certificate and its key, it speaks TLS with
    whoever asks for it; `ca` is what client certificates are checked against. Raises NotInstalled, NotReady.
    """

    def fill(data: Path) -> None:
        _run(find("cp"), "-a", str(_template()), str(data))
        lines = [
            *hba,
            f"host all {SUPERUSER} 127.0.0.1/32 trust",
            f"host replication {SUPERUSER} 127.0.0.1/32 trust",
            "host all all 127.0.0.1/32 scram-sha-256",
        ]
        _write(data / "pg_hba.conf", "\n".join(lines) + "\n")
        config = [*settings]
        for file, source in zip(("server.crt", "server.key"), tls or (), strict=False):
            _write(data / file, source.read_text(encoding="utf-8"))
        if tls:
            config.append("ssl=on")
        if ca:
            _write(data / "root.crt", ca.read_text(encoding="utf-8"))
            config.append("ssl_ca_file=root.crt")
        _write(data / "postgresql.auto.conf", "".join(f"{_quoted(setting)}\n" for setting in config))

    def ready(server: Postgres) -> None:
        for user, password in (users or {}).items():
            secret = password.replace("'", "''")
            server.sql(f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{secret}'")

    return _started(folder, name, fill, ready)


def replica(folder: Path, of: Postgres, *settings: str, name: str = "replica") -> Postgres:
    """A PostgreSQL that follows `of` and answers queries; it streams when this returns."""

    def fill(data: Path) -> None:
        where = f"host=127.0.0.1 port={of.port} user={SUPERUSER} application_name={name}"
        _run(program("pg_basebackup"), "-D", str(data), "-d", where, "-R", "-X", "stream", "-c", "fast", "-N")
        with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as config:
            config.writelines(f"{_quoted(setting)}\n" for setting in settings)

    return _started(folder, name, fill, await_stream)


def await_stream(server: Postgres) -> None:
    """Returns when `server` streams from its primary. Raises NotReady."""
    query = "SELECT status FROM pg_stat_wal_receiver"
    _until(lambda: server.sql(query) == "streaming", f"{server.name} does not stream")


def await_replay(server: Postgres, position: str) -> None:
    """Returns when the replica has replayed up to `position`, a `pg_current_wal_lsn()`. Raises NotReady."""
    query = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
    _until(lambda: server.sql(query) == "t", f"{server.name} does not replay")


def bouncer(folder: Path, to: Postgres, *settings: str, name: str = "pgbouncer") -> Server:
    """A PgBouncer that lends connections to `to` for one transaction each; it believes every name."""
    words = _unprivileged(find("pgbouncer"))
    with ExitStack() as stack:
        home = stack.enter_context(_home())

        def arguments(port: int, _: Path) -> Sequence[str]:
            lines = [
                "[databases]",
                f"* = host=127.0.0.1 port={to.port} user={SUPERUSER}",
                "[pgbouncer]",
                f"listen_port = {port}",
                "listen_addr = 127.0.0.1",
                "unix_socket_dir =",
                "auth_type = any",
                "pool_mode = transaction",
                *settings,
            ]
            _write(home / "pgbouncer.ini", "\n".join(lines) + "\n")
            return [*words[1:], str(home / "pgbouncer.ini")]

        server = launch(name, words[0], arguments, _answers, folder)
        server._stack.enter_context(stack.pop_all())
    return server


@contextmanager
def occupied(server: Server, number: int) -> Iterator[None]:
    """`number` connections to `server` that are open and do nothing."""
    with ExitStack() as stack:
        for _ in range(number):
            plug = stack.enter_context(_greeted(server.port))
            said = b""
            while not said.endswith(b"Z\0\0\0\5I"):
                more = plug.recv(65_536)
                if not more:
                    raise NotReady(f"{server.name} lets nobody in: {said!r}")
                said += more
        yield


@contextmanager
def crowded(folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL all of whose connections are taken."""
    server = postgres(folder, "max_connections=4", "superuser_reserved_connections=0")
    with occupied(server, 4):
        yield server


def program(name: str) -> str:
    """Where the newest installed PostgreSQL keeps `name`. Raises NotInstalled."""
    found = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    best = max(found, key=lambda path: float(path.parts[-3]), default=None)
    path = str(best) if best else shutil.which(name)
    if path is None:
        raise NotInstalled("postgres")
    return path


def _started(
    folder: Path, name: str, fill: Callable[[Path], None], then: Callable[[Postgres], None]
) -> Postgres:
    """A server on the data that `fill` makes; `then` is what must be done before it is handed over."""
    words = _unprivileged(program("postgres"))
    with ExitStack() as stack:
        data = stack.enter_context(_home()) / "data"
        fill(data)

        def arguments(port: int, _: Path) -> Sequence[str]:
            # -F: what is written need not outlive the machine.
            return [*words[1:], "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F"]

        plain = launch(name, words[0], arguments, _answers, folder)
        server = Postgres(
            name, plain.command, plain.port, folder, plain.process, _answers, plain._stack, data=data
        )
        server._stack.enter_context(stack.pop_all())
    with ExitStack() as failed:
        failed.callback(server.stop)
        then(server)
        failed.pop_all()
    return server


@cache
def _template() -> Path:
    """A new cluster that others are copied from, in a fifth of the time; gone with the process."""
    stack = ExitStack()
    atexit.register(stack.close)
    data = stack.enter_context(_home()) / "template"
    _run(
        program("initdb"), "-D", str(data), "-U", SUPERUSER, "--auth=trust", "-E", "UTF8", "--locale=C", "-N"
    )
    return data


@contextmanager
def _home() -> Iterator[Path]:
    """A folder for what a server writes; the user whom root becomes may not pass through root's own."""
    _sweep_abandoned()
    home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_place())).resolve()
    held = os.open(home, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        if os.geteuid() == 0:
            shutil.chown(home, SUPERUSER, SUPERUSER)
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
        os.close(held)


def _place() -> Path:
    """Where such folders are: the usual place, unless only root may pass through it."""
    usual = Path(tempfile.gettempdir()).resolve()
    closed = any(not folder.stat().st_mode & 0o001 for folder in (usual, *usual.parents))
    return Path("/tmp") if os.geteuid() == 0 and closed else usual  # noqa: S108 - the folder in it is its own


def _sweep_abandoned() -> None:
    """Remove folders whose process was killed: nobody holds their lock any more."""
    for home in _place().glob(f"{PREFIX}*"):
        with suppress(OSError):
            held = os.open(home, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - home.stat().st_mtime > _FRESH:
                    _tidy(home / "data")
                    shutil.rmtree(home, ignore_errors=True)
            finally:
                os.close(held)


def _unprivileged(path: str) -> Sequence[str]:
    """The command that runs `path` as somebody who is not root; it dies with its parent, as all do."""
    if os.geteuid() != 0:
        return [path]
    user = [f"--reuid={SUPERUSER}", f"--regid={SUPERUSER}", "--clear-groups", "--pdeathsig=KILL"]
    return [find("setpriv"), *user, path]


def _run(path: str, *arguments: str) -> None:
    command = [*_unprivileged(path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd="/")
    if done.returncode:
        raise NotReady(f"{path}: {done.stderr[-1500:]}")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(path, SUPERUSER, SUPERUSER)


def _quoted(setting: str) -> str:
    key, _, value = setting.partition("=")
    return "{} = '{}'".format(key.strip(), value.strip().replace("'", "''"))


def _greeted(port: int) -> socket.socket:
    """A connection on which the superuser has said who he is; raises OSError."""
    who = b"user\0%b\0database\0%b\0\0" % (SUPERUSER.encode(), SUPERUSER.encode())
    plug = socket.create_connection(("127.0.0.1", port), 5)
    plug.sendall(struct.pack("!ii", 8 + len(who), _PROTOCOL) + who)
    return plug


def _answers(port: int) -> bool:
    """It asks for a password, lets one in or refuses; 57P03 is what it says while it starts up."""
    with suppress(OSError), _greeted(port) as plug:
        said = plug.recv(4096)
        return said[:1] == b"R" or (said[:1] == b"E" and b"C57P03\0" not in said)
    return False


def _processes(data: Path) -> Sequence[int]:
    """Every process of the server with that data, the postmaster among them: it is where they all work."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                if (process / "cwd").readlink() == data:
                    found.append(int(process.name))
    return found


def _state(pid: int) -> str:
    """The letter of a process's state, ``X`` when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _tidy(data: Path) -> None:
    """Remove what a killed server leaves: its pid file, and the shared memory that marks data as in use."""
    file = data / "postmaster.pid"
    with suppress(OSError):
        if found := re.search(r"^ *\d+ +(\d+) *$", file.read_text(encoding="utf-8"), re.MULTILINE):
            ctypes.CDLL(None).shmctl(int(found[1]), _IPC_RMID, None)
        file.unlink()


def _until(true: Callable[[], bool], otherwise: str) -> None:
    give_up = time.monotonic() + READY_WITHIN
    while time.monotonic() < give_up:
        with suppress(RuntimeError):  # psql finds a server that is not ready yet
            if true():
                return
        time.sleep(0.01)
    raise NotReady(otherwise)
