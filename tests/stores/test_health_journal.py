"""The journal of transitions: what is appended is there after any end, and damage costs a line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlroom.domain.health import ProbeResult, ServiceState, Transition, advance, initial
from controlroom.domain.services import Health, Service
from controlroom.stores.health_journal import LIMIT, WATCHING_EVERY, Journal, read, watching_within

T0 = datetime(2025, 10, 6, 16, 0, 0, 123456, tzinfo=UTC)
U, D = Health.UP, Health.DOWN


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal will be."""
    return tmp_path / "deep" / "journal.jsonl"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """An open journal."""
    made = Journal(path)
    made.open()
    yield made
    made.close()


def lived(name: str, *healths: Health) -> ServiceState:
    """A state after a result every five seconds."""
    state = initial(Service(name, "http", down_after=1), 5.0)
    for number, health in enumerate(healths):
        at = T0 + timedelta(seconds=5 * number)
        state = advance(state, ProbeResult(name, at, health, f"{health}, «says» {name}"))
    return state


def kept(journal: Journal, *states: ServiceState, at: float = 0) -> None:
    """Everything new in `states`, written."""
    journal.append(journal.news(states, T0 + timedelta(seconds=at)))


def test_what_was_kept_is_read_again_to_the_microsecond(journal: Journal, path: Path) -> None:
    """Transitions by service with instant, direction and reason, and when the room last watched."""
    states = lived("a", U, D, U), lived("b", D)
    kept(journal, *states, at=10)
    watched = read(path)
    assert watched.transitions == {"a": states[0].transitions, "b": states[1].transitions}
    assert watched.until == T0 + timedelta(seconds=10)


def test_whoever_has_ended_watches_no_longer(journal: Journal, path: Path) -> None:
    """Silence counts as watching while a room writes the journal, and not a second longer; asking twice, or
    where there was never one, changes nothing."""
    kept(journal, lived("a", U))
    assert [watching_within(path) for _ in range(2)] == [WATCHING_EVERY] * 2
    journal.close()
    assert watching_within(path) == 0.0
    assert watching_within(path.with_name("other.jsonl")) == 0.0
    assert not path.with_name("other.lock").exists()


def test_only_what_is_new_is_written(journal: Journal, path: Path) -> None:
    """A state that was seen before adds nothing; a mark now and then says that somebody watches."""
    state = lived("a", U)
    kept(journal, state)
    size = path.stat().st_size
    later = replace(state, probed_at=T0 + timedelta(seconds=WATCHING_EVERY - 2))
    kept(journal, later, at=WATCHING_EVERY - 1)
    assert path.stat().st_size == size
    kept(journal, later, at=WATCHING_EVERY)
    assert read(path).until == later.probed_at
    kept(journal, lived("a", U, D), at=WATCHING_EVERY)
    assert [t.after for t in read(path).transitions["a"]] == [U, D]


def test_a_journal_goes_on_where_the_last_one_ended(journal: Journal, path: Path) -> None:
    """What is known is not written a second time."""
    kept(journal, lived("a", U))
    journal.close()
    again = Journal(path)
    assert [t.after for t in again.open().transitions["a"]] == [U]
    kept(again, lived("a", U, D), at=5)
    again.close()
    assert [t.after for t in read(path).transitions["a"]] == [U, D]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b'{"t":"2025-10-06T16:0',
        b"\x00\xff\xfe\n",
        b"null\n[]\n17\n",
        b'{"t":"2025-10-06T16:00:00Z","s":"a","b":"up","a":"gone","r":""}\n',
        b'{"t":"yesterday"}\n',
        b'{"t":1,"s":2,"b":3}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_damage_costs_the_line_and_nothing_else(journal: Journal, path: Path, damage: bytes) -> None:
    """A torn or foreign line is passed over."""
    kept(journal, lived("a", U, D))
    with path.open("ab") as file:
        file.write(damage)
    assert [t.after for t in read(path).transitions["a"]] == [U, D]


def test_a_room_that_has_heard_of_nothing_yet_says_nothing(journal: Journal, path: Path) -> None:
    """A room that has only begun does not say that somebody watched until now."""
    state = lived("a", U)
    kept(journal, state, at=5)
    journal.close()
    again = Journal(path)
    until = again.open().until
    kept(again, state, at=600)
    again.close()
    assert read(path).until == until == T0


def test_what_follows_a_torn_line_is_kept(journal: Journal, path: Path) -> None:
    """Who was killed within a line costs that line, and not the first one of the next room."""
    kept(journal, lived("a", U))
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"t":"2025-10-06T16:0')
    again = Journal(path)
    again.open()
    kept(again, lived("a", U, D), at=5)
    again.close()
    assert [t.after for t in read(path).transitions["a"]] == [U, D]


FULL = """
import resource, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from controlroom.domain.health import ProbeResult, advance, initial
from controlroom.domain.services import Health, Service
from controlroom.stores.health_journal import Journal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
at, state = datetime(2025, 10, 6, tzinfo=UTC), initial(Service("a", "http", down_after=1), 5.0)
journal = Journal(Path(sys.argv[1]))
journal.open()
for health in (Health.UP, Health.DOWN):
    at += timedelta(seconds=5)
    state = advance(state, ProbeResult("a", at, health, "x" * 90))
lines = journal.news([state], at)
resource.setrlimit(resource.RLIMIT_FSIZE, (len(lines) - 100, resource.RLIM_INFINITY))
try:
    journal.append(lines)
except OSError:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.append(lines)
    print("again")
"""


def test_a_full_disk_is_told_and_what_did_not_fit_is_written_later(path: Path) -> None:
    """A write that fits in part is a failure; the same lines, written again, are all there."""
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "again\n", done
    assert {t.after for t in read(path).transitions["a"]} == {U, D}


def test_text_of_servers_is_clean_when_it_comes_back(journal: Journal, path: Path) -> None:
    """Whoever can write into the file cannot write to the terminal."""
    evil = Transition(T0, U, D, "\x1b]0;pwned\x07" + "x" * 5000)
    kept(journal, replace(lived("a", U), transitions=(evil,)))
    reason = read(path).transitions["a"][0].reason
    assert reason.isprintable()
    assert len(reason) <= 200


def test_one_room_writes_and_the_others_read(journal: Journal, path: Path) -> None:
    """Two rooms of one configuration would write everything twice."""
    kept(journal, lived("a", U))
    other = Journal(path)
    assert [t.after for t in other.open().transitions["a"]] == [U]
    assert other.news([lived("a", U, D)], T0) == b""
    other.append(b"nothing of this\n")
    assert b"nothing" not in path.read_bytes()
    journal.close()
    other.close()
    assert other.open()
    assert other.news([lived("a", U, D)], T0)
    other.close()


def test_a_journal_that_grew_large_begins_anew_with_what_matters(path: Path) -> None:
    """It stays readable at once, and the newest transitions of every service are still there."""
    path.parent.mkdir()
    line = b'{"t":"2025-10-06T16:00:%02dZ","s":"old","b":"up","a":"down","r":"%s"}\n'
    with path.open("wb") as file:
        while file.tell() <= LIMIT:
            file.write(line % (file.tell() % 60, b"x" * 150))
        file.write(b'{"t":"2025-10-06T17:00:00Z","s":"new","b":"down","a":"up","r":"so"}\n')
    made = Journal(path)
    made.open()
    made.close()
    watched = read(path)
    assert path.stat().st_size < LIMIT / 100
    assert len(watched.transitions["old"]) == 20
    assert [t.after for t in watched.transitions["new"]] == [U]


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.stores.test_health_journal import *
made = Journal(Path(sys.argv[1])); made.open()
kept(made, lived("a", U, D))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_room_leaves_what_it_saw_and_no_lock(path: Path) -> None:
    """SIGKILL straight after a change: the change is there, and the next room may write."""
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=60)
    made = Journal(path)
    assert [t.after for t in made.open().transitions["a"]] == [U, D]
    assert made.news([lived("a", U, D, U)], T0)
    made.close()


def test_without_a_place_to_write_it_says_so(tmp_path: Path) -> None:
    """A file where the folder should be is an OSError, for whoever opens it to tell."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        Journal(tmp_path / "file" / "journal.jsonl").open()
