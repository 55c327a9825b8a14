"""The room's past on disk: what was kept comes back as it was seen, and the file stays small and whole."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.past import BEGAN, STEP, day, first
from controlroom.domain.actions import Action, Entry
from controlroom.domain.alerts import Watchdog
from controlroom.domain.board import Item
from controlroom.domain.health import ServiceState, TopicTraffic
from controlroom.domain.ledger import Ledger
from controlroom.domain.past import GAP, NoPast
from controlroom.domain.program import Program
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import (
    Baseline,
    LogSeen,
    OutboxSeen,
    Snapshot,
    SourceStatus,
    StatusFile,
    StatusSeen,
)
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.domain.triage import Blocker
from controlroom.stores import ring as writing
from controlroom.stores import ring_parts, telling
from controlroom.stores.ring import Ring
from controlroom.stores.ring_past import Past

DAY = 86_400.0


def differing(one: Snapshot, other: Snapshot) -> list[str]:
    """The parts in which two snapshots are not equal, of those that are kept."""
    found = []
    for name in ring_parts.PARTS:
        before, after = getattr(one, name), getattr(other, name)
        if name == "program":
            before, after = ([getattr(p, f.name) for f in fields(Program)] for p in (before, after))
        if name == "ledger" and before is not None and after is not None:
            before, after = ((ledger.rev, ledger.items) for ledger in (before, after))
        if before != after:
            found.append(name)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ring may be."""
    return tmp_path / "past" / "room.sqlite"


def at(seconds: float) -> datetime:
    """The instant so many seconds after the day began."""
    return BEGAN + timedelta(seconds=seconds)


def room(seconds: float, **parts: Any) -> Snapshot:
    """The benchmark's room so late in its day."""
    return replace(first(5), taken_at=at(seconds), **parts)


INSTANTS = st.integers(-(10**15), 10**15).map(lambda n: BEGAN + timedelta(microseconds=n)) | st.just(
    datetime(2026, 3, 4, 9, tzinfo=timezone(timedelta(hours=1)))
)
MAYBE = st.none() | INSTANTS
NUMBERS = st.none() | st.floats(allow_nan=False)
WORDS = st.text(max_size=6)
FEW = st.sampled_from(("a", "b", "c"))
SERVICES = st.builds(
    ServiceState,
    st.builds(Service, FEW, st.just("http"), headers=st.sampled_from(({}, {"k": SecretRef(env="X")}))),
    st.sampled_from(Health),
    MAYBE,
    WORDS,
    NUMBERS,
    MAYBE,
    failures=st.integers(0, 3),
    successes=st.integers(0, 10**9),
    detail=st.dictionaries(FEW, WORDS, max_size=2),
    raw=WORDS,
    answered_at=MAYBE,
    traffic=st.lists(st.builds(TopicTraffic, FEW, MAYBE), max_size=2).map(tuple),
)
READINGS = st.builds(SignalReading, st.builds(Signal, FEW), st.sampled_from(GapCode), WORDS, MAYBE, NUMBERS)
ENTRIES = st.builds(
    lambda n, item: Entry(n, Action(f"a{n}", item, "note", {"text": "x"}, "me", "here", at(n))),
    st.integers(1, 9),
    FEW,
)


def some(things: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """A few things, in any order, perhaps the same ones."""
    return st.lists(things, max_size=4).map(tuple)


CHANGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "services": some(SERVICES),
        "signals": some(READINGS),
        "sources": some(st.builds(SourceStatus, FEW, st.just("services"), read_at=MAYBE, as_of=MAYBE)),
        "watchdogs": some(st.builds(Watchdog, FEW, WORDS, st.booleans(), seen_at=MAYBE)),
        "items": some(st.builds(Item, FEW, WORDS, since=MAYBE)),
        "blockers": some(st.builds(Blocker, FEW, WORDS, opened_at=MAYBE)),
        "ledger": st.none()
        | st.builds(lambda rows: Ledger(len(rows)).after(rows), st.lists(ENTRIES, max_size=4)),
        "log": st.none() | st.builds(LogSeen, st.just(()), st.integers(0, 9)),
        "outbox": st.builds(OutboxSeen, trouble=WORDS),
        "status": st.none()
        | st.builds(
            StatusSeen,
            some(st.builds(StatusFile, FEW, FEW, FEW, INSTANTS, st.dictionaries(FEW, st.integers()))),
            some(WORDS),
        ),
        "baseline": st.none()
        | st.builds(Baseline, st.builds(StatusFile, FEW, FEW, FEW, INSTANTS, st.just({})), WORDS),
        "program": st.builds(Program, FEW, WORDS),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(CHANGES, min_size=1, max_size=8), restarts=st.sets(st.integers(0, 7)))
def test_any_sequence_of_snapshots_comes_back_equal(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, Any]], restarts: set[int]
) -> None:
    """Whatever changes, comes and goes, and however often a room is opened: every moment is as it was."""
    path = tmp_path_factory.mktemp("ring") / "room.sqlite"
    ring, shown, before = Ring(path, DAY, 64), [], Snapshot(Program(), taken_at=at(0))
    for number, parts in enumerate(changes):
        before = replace(before, version=number, taken_at=at(number), **parts)
        shown.append(before)
        if ring.add(before) and number in restarts:
            ring.close()
            ring = Ring(path, DAY, 64)
    ring.close()
    past = Past(path)
    for expected in [*shown, *reversed(shown)]:
        assert expected.taken_at is not None
        found = past.at(expected.taken_at)
        assert differing(found.snapshot, expected) == []
        assert not found.snapshot.restored
    past.close()


def test_a_day_stays_small_and_opens_at_once(path: Path) -> None:
    """Twenty services, two hundred cards and fifty signals, a snapshot a second: under 30 MB a day.

    Any moment of it is had back from a bounded number of rows, and equal.
    """
    ring, shown = Ring(path, DAY, 256), []
    for second, snapshot in enumerate(day(1_800)):
        ring.add(snapshot)
        if second % 300 == 7:
            shown.append(snapshot)
    ring.close()
    assert path.stat().st_size * 48 < 30_000_000
    past = Past(path)
    for expected in shown:
        assert expected.taken_at is not None
        assert differing(past.at(expected.taken_at).snapshot, expected) == []
    with sqlite3.connect(path) as link:
        (longest,) = link.execute(
            "SELECT max(n) FROM (SELECT count(*) n FROM moments GROUP BY key)"
        ).fetchone()
    assert longest <= telling.LONGEST
    past.close()


def test_what_two_moments_share_are_the_same_objects(path: Path) -> None:
    """Panes compare by identity: a step through the past draws only what differs."""
    ring = Ring(path, DAY, 64)
    one = room(0)
    ring.add(one)
    ring.add(replace(one, taken_at=at(1), blockers=one.blockers[1:]))
    past = Past(path)
    late, early = past.at(at(1)).snapshot, past.at(at(0)).snapshot
    assert late.items is early.items
    assert late.services is early.services
    assert late.program is early.program
    assert late.blockers is not early.blockers
    ring.close()


def test_nothing_is_written_for_nothing_new(path: Path) -> None:
    """A snapshot of the same parts costs no row, until it is time to say that the room was there."""
    ring, one = Ring(path, DAY, 64), room(0)
    assert ring.add(one)
    assert not ring.add(replace(one, taken_at=at(1), version=9))
    assert ring.add(replace(one, taken_at=at(31), version=10))
    assert Past(path).at(at(29)).at == at(0)
    ring.close()


def test_the_nearest_moments_are_found_and_gaps_are_told(path: Path) -> None:
    """At or before a time; towards a time, at least one moment on; and between which nothing was kept."""
    ring, long = Ring(path, DAY, 64), GAP.total_seconds() + 100
    for seconds in (0, 1, 2, long, long + 1):
        ring.add(room(seconds, blockers=(Blocker("b", str(seconds)),)))
    ring.close()
    past = Past(path)
    assert past.at(at(1.5)).at == at(1)
    assert past.at(at(1.5)).gap(at(1.5)) is None
    assert (past.at(at(1)).before, past.at(at(1)).after) == (at(0), at(2))
    inside = past.at(at(long - 5))
    assert (inside.at, inside.gap(at(long - 5))) == (at(2), (at(2), at(long)))
    back = past.toward(at(long), at(long - 10))
    assert (back.at, back.gap(at(long - 10))) == (at(2), (at(2), at(long)))
    on = past.toward(at(2), at(12))
    assert (on.at, on.gap(at(12))) == (at(long), (at(2), at(long)))
    newest = past.at(at(9 * long))
    assert newest.gap(at(9 * long)) == (at(long + 1), None)
    assert past.toward(at(2), at(-60)).at == at(0)
    with pytest.raises(NoPast, match="as far back"):
        past.toward(at(0), at(-10))
    with pytest.raises(NoPast, match="newest"):
        past.toward(at(long + 1), at(long + 11))
    with pytest.raises(NoPast, match="nothing is kept from then"):
        past.at(at(-1))
    past.close()


def test_the_oldest_go_first(path: Path) -> None:
    """What is older than it is kept goes, with the things only it showed; all that is left is still whole."""
    ring, shown = Ring(path, 300.0, 64), []
    for snapshot in day(1_500):
        ring.add(snapshot)
        shown.append(snapshot)
    ring.close()
    past = Past(path)
    with sqlite3.connect(path) as link:
        (oldest,) = link.execute("SELECT min(at) FROM moments").fetchone()
    assert 300 <= 1_500 - (oldest / 1e6 - BEGAN.timestamp()) < 300 + 3 * 72
    for expected in shown[-250::25]:
        assert expected.taken_at is not None
        assert differing(past.at(expected.taken_at).snapshot, expected) == []
    past.close()


def test_a_thing_that_comes_back_is_there_again(path: Path) -> None:
    """What nothing shows is let go with the moments that did; shown anew later, it is written anew."""
    ring, base = Ring(path, 70.0, 64), room(0)
    blockers = {word: (Blocker("b", word),) for word in "ab"}
    for second in range(1_600):
        sources = tuple(replace(source, read_at=at(second)) for source in base.sources)
        shown = blockers["ab"[second // 200 % 2]]
        assert ring.add(replace(base, taken_at=at(second), sources=sources, blockers=shown))
    ring.close()
    past = Past(path)
    assert {past.at(at(n)).snapshot.blockers[0].summary for n in range(1_540, 1_600)} == {"b"}
    with sqlite3.connect(path) as link:
        (held,) = link.execute("SELECT count(*) FROM bodies").fetchone()
    assert held == 2, "of the room, and of the blocker that is shown"
    past.close()


def test_the_file_grows_no_larger_than_it_may(path: Path) -> None:
    """One megabyte holds the newest moments, and what was let go is given back to the disk."""
    ring = Ring(path, DAY, 1)
    sizes = []
    for number, snapshot in enumerate(day(4_000)):
        ring.add(snapshot)
        if number % 200 == 0:
            sizes.append(path.stat().st_size)
    ring.megabytes = 0.5
    for snapshot in day(400):
        assert snapshot.taken_at is not None
        ring.add(replace(snapshot, taken_at=snapshot.taken_at + timedelta(hours=2)))
    ring.close()
    assert max(sizes) <= 1_000_000 * writing.MARGIN
    assert path.stat().st_size <= 500_000 * writing.MARGIN + 4 * writing.SPARE * writing.PAGE
    assert Past(path).at(at(99_999)).snapshot.items


def test_a_room_larger_than_the_file_may_be_says_so(path: Path) -> None:
    """It is told in words, as a full disk is, and a larger file works again."""
    ring = Ring(path, DAY, 0.05)
    with pytest.raises(NoPast, match=r"\[past\]\.megabytes is too small"):
        ring.add(first(4_000))
    ring.megabytes = 64
    assert ring.add(first(4_000))
    ring.close()


WRITER = """
import sys
from pathlib import Path
from benchmarks.past import day
from controlroom.stores.ring import Ring
ring = Ring(Path(sys.argv[1]), 86400, 64)
for number, snapshot in enumerate(day(80_000)):
    ring.add(snapshot)
    print(number, flush=True)
"""


def test_whoever_is_killed_loses_no_moment_that_was_written(path: Path) -> None:
    """Killed in the middle of writing, with kill -9: all that was written is there, and it goes on."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_root()) as writer:
        assert writer.stdout is not None
        last = next(int(line) for line in writer.stdout if int(line) >= 700)
        os.kill(writer.pid, signal.SIGKILL)
        last = max([last, *(int(line) for line in writer.stdout if line.strip().isdigit())])
    ring, past = Ring(path, DAY, 64), Past(path)
    for number, expected in enumerate(day(last + 1)):
        assert expected.taken_at is not None
        if number % 100 == 0 or number == last:
            assert differing(past.at(expected.taken_at).snapshot, expected) == []
    assert ring.add(room(90_000))
    assert ring.notice == ""
    assert past.at(at(90_000)).at == at(90_000)
    ring.close()
    past.close()


def _root() -> Path:
    return Path(__file__).parents[2]


def test_one_room_writes_and_all_may_read(path: Path) -> None:
    """A second room keeps nothing while the first one does, and goes on as soon as it is closed."""
    one, other = Ring(path, DAY, 64), Ring(path, DAY, 64)
    assert one.add(room(0))
    assert not other.add(room(1))
    assert not other.mine
    one.close()
    assert other.mine
    assert other.add(room(2))
    past = Past(path)
    assert [past.at(at(n)).at for n in (0, 1, 2)] == [at(0), at(0), at(2)]
    other.close()
    past.close()


def test_an_unchanged_room_is_not_written_again_after_a_restart(path: Path) -> None:
    """What the file has already, it keeps: opened ten times it holds every thing once."""
    for number in range(10):
        ring = Ring(path, DAY, 64)
        assert ring.add(room(number))
        ring.close()
    with sqlite3.connect(path) as link:
        assert link.execute("SELECT count(*) FROM bodies").fetchone() == (1,)
        assert link.execute("SELECT count(*) FROM moments").fetchone() == (10,)


@pytest.mark.parametrize("how", ["noise", "another's", "torn", "a table is gone", "open to others"])
def test_a_file_that_is_not_understood_is_set_aside(path: Path, how: str) -> None:
    """Damaged or foreign: it lies beside under another name, that is told, and a new one is begun."""
    ring = Ring(path, DAY, 64)
    for snapshot in day(120):
        ring.add(snapshot)
    ring.close()
    whole = path.read_bytes()
    if how == "noise":
        path.write_bytes(b"this was never a database\n" * 400)
    elif how == "torn":
        path.write_bytes(whole[:8192] + os.urandom(8192) + whole[16_384 : len(whole) // 2])
    elif how == "open to others":
        path.chmod(0o666)
    else:
        with sqlite3.connect(path) as link:
            link.execute("DROP TABLE bodies" if how == "a table is gone" else "PRAGMA application_id = 7")
        link.close()
    spoilt = path.read_bytes()
    ring = Ring(path, DAY, 64)
    assert ring.add(room(500))
    assert "a new one begins" in ring.notice
    assert path.with_name("room.sqlite.damaged").read_bytes() == spoilt
    assert Past(path).at(at(500)).before is None
    ring.close()


def test_a_moment_of_another_version_costs_only_itself(path: Path) -> None:
    """What was kept when things had other fields cannot be shown, and what is kept from then on can."""
    ring = Ring(path, DAY, 64)
    ring.add(room(0))
    ring.close()
    with sqlite3.connect(path) as link:
        link.execute("UPDATE bodies SET things = ?", (b"\x78\x9c\x03\x00\x00\x00\x00\x01",))
    link.close()
    ring, past = Ring(path, DAY, 64), Past(path)
    with pytest.raises(NoPast, match="this moment cannot be read"):
        past.at(at(0))
    assert ring.add(room(1, items=(Item("new", "New"),)))
    assert ring.notice == ""
    ring.close()
    past.close()


def test_the_file_is_the_users_alone(path: Path) -> None:
    """Mode 0600, with all that lies beside it, in a folder of mode 0700; a link is not followed."""
    ring = Ring(path, DAY, 64)
    ring.add(room(0))
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    ring.close()
    path.replace(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(NoPast, match="not a regular file"):
        Past(path).at(at(0))


def test_nothing_there_is_no_failure_and_nothing_is_made(path: Path) -> None:
    """Whoever only looks makes no file."""
    with pytest.raises(NoPast, match="nothing of the past is kept yet"):
        Past(path).at(at(0))
    assert not path.parent.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In words, and without anything left behind."""
    tmp_path.chmod(0o500)
    with pytest.raises(NoPast):
        Ring(tmp_path / "past" / "room.sqlite", DAY, 64).add(room(0))


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    """The room's past may have nowhere to be; then that is said, and nothing raised beside it."""
    (tmp_path / "past").write_text("a file\n", encoding="utf-8")
    with pytest.raises(NoPast):
        Ring(tmp_path / "past" / "room.sqlite", DAY, 64).add(room(0))


def test_a_clock_that_was_set_back_loses_nothing(path: Path) -> None:
    """Two times an hour: both were seen, the later seen of the same instant is shown."""
    ring = Ring(path, DAY, 64)
    for seconds, text in ((0, "a"), (100, "b"), (50, "c"), (60, "d"), (100, "e")):
        ring.add(room(seconds, blockers=(Blocker("b", text),)))
    ring.close()
    past = Past(path)
    assert [past.at(at(n)).snapshot.blockers[0].summary for n in (0, 50, 60, 100)] == ["a", "c", "d", "e"]
    past.close()


def test_steps_go_through_every_moment(path: Path) -> None:
    """Forward and back by less than what lies between two moments, each is passed once."""
    ring = Ring(path, DAY, 64)
    for snapshot in day(200):
        ring.add(snapshot)
    ring.close()
    past, seen = Past(path), []
    moment = past.at(at(1_000))
    while True:
        seen.append(moment.at)
        try:
            moment = past.toward(moment.at, moment.at - STEP / 1_000)
        except NoPast:
            break
    again = [seen[-1]]
    while len(again) < len(seen):
        again.append(past.toward(again[-1], again[-1] + STEP / 1_000).at)
    assert again == seen[::-1]
    assert len(seen) > 150
    past.close()
