"""A PostgreSQL of one's own: whole in every fault, with its users, its replica and its pooler."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.lab import postgres, servers
from tests.conftest import Start

HOLD = """
import signal, sys
from pathlib import Path
from controlroom.lab import postgres
server = postgres.postgres(Path(sys.argv[1]))
print(server.process.pid, server.data, flush=True)
signal.pause()
"""

WHO = b"user\0postgres\0database\0postgres\0\0"


@contextlib.contextmanager
def session(server: servers.Server) -> Iterator[socket.socket]:
    """An open session of the superuser, spoken by hand."""
    with socket.create_connection(("127.0.0.1", server.port), 5) as plug:
        plug.sendall(struct.pack("!ii", 8 + len(WHO), 0x30000) + WHO)
        heard(plug)
        yield plug


def heard(plug: socket.socket) -> bytes:
    """What the server says until it waits for the next question."""
    said = b""
    while not said.endswith(b"Z\0\0\0\5I"):
        more = plug.recv(65_536)
        assert more, said
        said += more
    return said


def running(data: Path) -> set[int]:
    """Processes that work in `data`."""
    found = set()
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdecimal() and (process / "cwd").readlink() == data:
                found.add(int(process.name))
    return found


def shared() -> set[str]:
    """Ids of the pieces of System V shared memory on this machine."""
    lines = Path("/proc/sysvipc/shm").read_text(encoding="utf-8").splitlines()[1:]
    return {line.split()[1] for line in lines}


def test_it_answers_on_a_port_of_its_own(start: Start) -> None:
    """What is handed over has answered, and is not the machine's own server."""
    server = start(postgres.postgres)
    assert isinstance(server, postgres.Postgres)
    assert server.port != 5432
    assert server.sql("SELECT 1, 'a'") == "1|a"
    with pytest.raises(RuntimeError, match='relation "nothing" does not exist'):
        server.sql("SELECT * FROM nothing")


def test_settings_and_users_are_as_given(start: Start) -> None:
    """Lines of its configuration count; a user needs the password he was given, kept as SCRAM."""

    def make(folder: Path) -> servers.Server:
        return postgres.postgres(folder, "max_connections=7", users={"room": "it's"})

    server = start(make)
    assert isinstance(server, postgres.Postgres)
    assert server.sql("SHOW max_connections") == "7"
    assert server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'room'").startswith("SCRAM-SHA-256")


def test_a_paused_server_is_silent_on_what_is_open(start: Start) -> None:
    """SIGSTOP reaches the process of every session; SIGCONT wakes it to what was asked meanwhile."""
    server = start(postgres.postgres)
    with session(server) as plug:
        server.pause()
        plug.sendall(b"Q" + struct.pack("!i", 4 + 9) + b"SELECT 1\0")
        plug.settimeout(0.3)
        with pytest.raises(TimeoutError):
            plug.recv(1)
        server.resume()
        plug.settimeout(10)
        assert b"SELECT 1" in heard(plug)


def test_a_killed_server_leaves_no_process_and_comes_back_with_its_data(start: Start) -> None:
    """`kill` ends every process at once; `restart` gives the same port and the same rows."""
    server = start(postgres.postgres)
    assert isinstance(server, postgres.Postgres)
    server.sql("CREATE TABLE kept AS SELECT 42 AS answer")
    with session(server):
        server.kill()
        assert not running(server.data)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", server.port), 5):
        pass
    server.restart()
    assert server.sql("SELECT answer FROM kept") == "42"


def test_orphans_of_a_killed_postmaster_are_not_in_the_way(start: Start) -> None:
    """With its postmaster killed alone and the rest unable to notice, a restart still works."""
    server = start(postgres.postgres)
    assert isinstance(server, postgres.Postgres)
    with session(server):
        server.pause()
        server.process.kill()
        server.process.wait()
        assert running(server.data)
        server.restart()
    assert server.sql("SELECT 1") == "1"


def test_a_stopped_server_leaves_nothing(tmp_path: Path, start: Start) -> None:
    """No process, no folder of its own, no shared memory, though somebody was connected."""
    start(postgres.postgres)  # skips where there is none
    for fault in (lambda server: None, postgres.Postgres.kill, postgres.Postgres.pause):
        server = postgres.postgres(tmp_path / fault.__name__.strip("<>"))
        memory = (server.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[6].split()[1]
        assert memory in shared()
        with session(server):
            fault(server)
            server.stop()
        assert memory not in shared()
        assert not running(server.data)
        assert not server.data.parent.exists()


def test_it_dies_with_a_parent_that_was_killed_and_is_swept_up(start: Start, tmp_path: Path) -> None:
    """After kill -9 of the process that started it nothing runs; the next start removes its folder."""
    start(postgres.postgres)  # skips where there is none
    parent = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid, _, data = parent.stdout.readline().decode().strip().partition(" ")
    watched = []
    for process in running(Path(data)) | {int(pid)}:
        with contextlib.suppress(ProcessLookupError):  # a helper of the server may end any time
            watched.append(os.pidfd_open(process))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for process in watched:
        ended, _, _ = select.select([process], [], [], 10)
        os.close(process)
        assert ended
    os.utime(Path(data).parent, (0, 0))
    start(postgres.postgres)
    assert not Path(data).exists()


def test_a_replica_follows(start: Start) -> None:
    """It streams when it is handed over, is read-only, and shows what the primary wrote."""
    primary = start(postgres.postgres)
    assert isinstance(primary, postgres.Postgres)
    follower = start(lambda folder: postgres.replica(folder, primary))
    assert isinstance(follower, postgres.Postgres)
    primary.sql("CREATE TABLE written AS SELECT 42 AS answer")
    position = primary.sql("SELECT pg_current_wal_lsn()")
    postgres.await_replay(follower, position)
    assert follower.sql("SELECT answer FROM written") == "42"
    with pytest.raises(RuntimeError, match="read-only"):
        follower.sql("CREATE TABLE more ()")


def test_a_pooler_passes_questions_on(start: Start) -> None:
    """PgBouncer answers in the server's name."""
    server = start(postgres.postgres)
    assert isinstance(server, postgres.Postgres)
    pooler = start(lambda folder: postgres.bouncer(folder, server))
    with session(pooler) as plug:
        plug.sendall(b"Q" + struct.pack("!i", 4 + 9) + b"SELECT 1\0")
        assert b"SELECT 1" in heard(plug)


def test_occupied_connections_are_taken(start: Start) -> None:
    """When all are taken the next one is turned away."""
    server = start(
        lambda folder: postgres.postgres(folder, "max_connections=4", "superuser_reserved_connections=0")
    )
    assert isinstance(server, postgres.Postgres)
    with postgres.occupied(server, 4), pytest.raises(RuntimeError, match="too many clients"):
        server.sql("SELECT 1")


def test_a_missing_program_is_named_with_its_package() -> None:
    """The line installs what is missing."""
    with pytest.raises(servers.NotInstalled, match="sudo apt-get install -y postgresql"):
        postgres.program("no-such-program")


def test_a_server_that_does_not_start_says_why(start: Start, tmp_path: Path) -> None:
    """The error of a server that ends at once holds the tail of its log."""
    start(postgres.postgres)
    with pytest.raises(servers.NotReady, match="no_such_setting"):
        postgres.postgres(tmp_path, "no_such_setting=1")
