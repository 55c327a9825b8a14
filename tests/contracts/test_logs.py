"""One suite for every kind of log, on the real thing: a new kind adds one line to `LOGS_TRIED`."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom.domain.actions import Action, Entry, encode
from controlroom.lab import redis_servers, servers
from controlroom.stores.logs import Settings, open_log
from controlroom.stores.port import Committed, Log, Missing, Moved, ReadOnly, Taken
from tests.conftest import Start

NOW = datetime(2031, 5, 6, 9, 30, tzinfo=UTC)

WRITER_WITHIN = 2.0
"""Seconds in which somebody else must be able to write, whatever became of another writer."""


@dataclass
class Place:
    """A fresh, empty log of one kind, how to get at it, and what strangers can do to it."""

    url: str
    folder: Path
    """What a relative path in `url` is relative to."""
    settings: Settings
    plant: Callable[[int, bytes], None]
    """Puts bytes at the very next rev without asking the log's code."""
    wipe: Callable[[], None]
    """Empties the log."""
    opened: list[Log] = field(default_factory=list)

    def client(self) -> Log:
        """A client of its own: as another terminal would have it."""
        self.opened.append(open_log(self.url, self.folder, self.settings))
        return self.opened[-1]

    def process(self, task: str, *arguments: object) -> subprocess.Popen[str]:
        """A process of its own that does `task` (see `PROCESS`) once it is sent a line."""
        given = json.dumps([self.url, str(self.folder), dataclasses.asdict(self.settings), *arguments])
        return subprocess.Popen(
            [sys.executable, "-c", PROCESS, task, given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@dataclass(frozen=True)
class Tried:
    """A kind of log, and how a fresh one is made."""

    kind: str
    make: Callable[[Path, Start], Place]


def in_a_folder(tmp_path: Path, start: Start) -> Place:
    """A log in a folder that does not exist yet."""
    del start
    log = tmp_path / "programme" / "log"

    def plant(rev: int, raw: bytes) -> None:
        log.mkdir(parents=True, exist_ok=True)
        (log / f"{rev:09d}.json").write_bytes(raw)

    def wipe() -> None:
        for path in log.iterdir():
            path.unlink()

    return Place("dir:log", log.parent, Settings(), plant, wipe)


def in_redis(*options: str) -> Callable[[Path, Start], Place]:
    """A log in a Redis of its own."""

    def make(tmp_path: Path, start: Start) -> Place:
        server = start(lambda folder: servers.redis(folder, *options))

        def plant(rev: int, raw: bytes) -> None:
            redis_servers.ask(server.port, "XADD", "{controlroom}:log", f"{rev}-0", "a", raw)

        def wipe() -> None:
            redis_servers.ask(server.port, "FLUSHALL")

        return Place(f"redis://{server.address}/0", tmp_path, Settings(), plant, wipe)

    return make


LOGS_TRIED = (
    Tried("folder", in_a_folder),
    Tried("redis", in_redis()),
    Tried("redis with a file", in_redis("--appendonly", "yes", "--appendfsync", "always")),
)

PROCESS = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from controlroom.domain.actions import Action
from controlroom.stores.logs import Settings, open_log
from controlroom.stores.port import Committed

task, (url, folder, settings, name, count) = sys.argv[1], json.loads(sys.argv[2])
log = open_log(url, Path(folder), Settings(**settings))

def told(id, rev):
    print(json.dumps([id, rev]), flush=True)

def add(number, item, expect=None, id=None):
    id = id or f"{name}-{number}"
    args = {"owner": f"{name} {number}"}
    action = Action(id, item, "assign", args, name, "host", datetime.now(UTC), expect)
    verdict = log.append(action)
    if isinstance(verdict, Committed):
        told(id, verdict.entry.rev)
    return verdict

print("ready", flush=True)
sys.stdin.readline()
if task == "add":
    for number in range(count):
        add(number, f"item-{number % 3}")
elif task == "compare":
    page, last = log.read(), {}
    for number in range(count):
        while True:
            verdict = add(number, "item", last.get("item", ""))
            if isinstance(verdict, Committed):
                last["item"] = verdict.entry.action.id
                break
            last["item"] = verdict.current.action.id
elif task == "same":
    for number in range(count):
        action = Action(f"shared-{number}", "item", "note", {"text": "one"}, "all")
        told("shared", log.append(action).entry.rev)
"""
"""A stranger's program: it knows only the public way to a log, and says what it was acknowledged."""


@pytest.fixture(params=LOGS_TRIED, ids=lambda tried: tried.kind)
def place(request: pytest.FixtureRequest, tmp_path: Path, start: Start) -> Iterator[Place]:
    """A fresh log of each kind."""
    made: Place = request.param.make(tmp_path, start)
    yield made
    for log in made.opened:
        log.close()


def action(id_: str, item: str = "b-1", expect: str | None = None, **keys: Any) -> Action:
    return Action(id_, item, **{"kind": "assign", "args": {"owner": id_}, "actor": "ada", "at": NOW, **keys},
                  expect=expect)  # fmt: skip


def added(log: Log, *actions: Action) -> list[Entry]:
    """The entries that `actions` became; all of them must be committed, and new."""
    verdicts = [log.append(each) for each in actions]
    assert [type(v) for v in verdicts] == [Committed] * len(actions)
    assert not any(v.replay for v in verdicts if isinstance(v, Committed))
    return [v.entry for v in verdicts if isinstance(v, Committed)]


def everything(log: Log) -> list[tuple[int, bytes]]:
    return list(log.raw())


def finish(processes: Sequence[subprocess.Popen[str]]) -> list[tuple[str, int]]:
    """Let processes that wait run at once; what they were acknowledged: id and rev, in no order."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said: list[tuple[str, int]] = []
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        said += [(id_, rev) for id_, rev in map(json.loads, output.splitlines())]
    return said


# What is written


def test_an_empty_log_is_read_as_empty(place: Place) -> None:
    """Nobody has done anything yet: that is no error, and looking writes nothing."""
    page = place.client().read()
    assert (page.entries, page.head, page.trouble, page.from_start) == ((), 0, "", False)
    assert everything(place.client()) == []


def test_revs_are_one_to_n(place: Place) -> None:
    """Each action gets the next rev, without holes, whoever writes it."""
    one, other = place.client(), place.client()
    entries = [
        added(log, action(f"a-{n}"))[0] for n, log in enumerate([one, one, other, one, other, other], 1)
    ]
    assert [entry.rev for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert list(place.client().read().entries) == entries


def test_what_was_said_is_what_is_read(place: Place) -> None:
    """Text of any script, line feeds, lists and numbers come back as they went in; `at` to the second."""
    args = {
        "text": "naïve – 等待\n\tЖди ✅ \x00 \u2028",
        "links": ["a", "b"],
        "n": 10**17,
        "deep": {"x": None},
    }
    given = action("a", args=args, actor="Ἀ", host="h", at=NOW + timedelta(microseconds=7), expect="")
    returned = added(place.client(), given)[0].action
    assert returned == place.client().read().entries[0].action == replace(given, at=NOW)


def test_a_large_note_is_kept(place: Place) -> None:
    """A note may be long: a hundred thousand characters are."""
    given = action("a", kind="note", args={"text": "é" * 100_000})
    added(place.client(), given)
    assert place.client().read().entries[0].action == given


def test_what_could_not_be_read_again_is_not_written(place: Place) -> None:
    """No item, NaN, half a character: the caller's mistake, and nothing changes."""
    log = place.client()
    added(log, action("a"))
    for bad in (action("b", item=""), action("c", args={"x": float("nan")}), action("d", actor="\ud83d")):
        with pytest.raises(ValueError, match=r"."):
            log.append(bad)
    assert [entry.action.id for entry in place.client().read().entries] == ["a"]


def test_a_write_is_seen_by_others_at_their_next_look(place: Place) -> None:
    """A reader that has just looked sees what another one wrote right after."""
    reader, writer = place.client(), place.client()
    for n in range(1, 20):
        assert reader.read(n - 1).entries == ()
        entry = added(writer, action(f"a-{n}"))[0]
        page = reader.read(n - 1)
        assert (page.entries, page.head) == ((entry,), n)


def test_one_reads_ones_own_writes(place: Place) -> None:
    """What a client was acknowledged, its next look holds."""
    log = place.client()
    for n in range(1, 10):
        entry = added(log, action(f"a-{n}"))[0]
        assert log.read(n - 1).entries == (entry,)


# What is compared


def test_of_two_with_the_same_base_one_commits(place: Place) -> None:
    """The other is told the truth: what the first did, and at which rev; it is not in the log."""
    one, other = place.client(), place.client()
    base = added(one, action("base"))[0]
    other.read()
    first = added(one, action("first", expect=base.action.id))[0]
    assert other.append(action("second", expect=base.action.id)) == Moved(first)
    assert [entry.action.id for entry in place.client().read().entries] == ["base", "first"]


def test_only_the_own_item_moves(place: Place) -> None:
    """What happened to another blocker in the meantime is no conflict."""
    log = place.client()
    base = added(log, action("base", "b-1"))[0]
    added(log, action("other", "b-2"))
    added(log, action("next", "b-1", expect=base.action.id))


def test_nothing_expected_commits_only_first(place: Place) -> None:
    """``""`` is the expectation that nobody has touched the item."""
    log = place.client()
    first = added(log, action("a", expect=""))[0]
    assert log.append(action("b", expect="")) == Moved(first)


def test_no_expectation_always_commits(place: Place) -> None:
    """None is somebody who does not care."""
    log = place.client()
    added(log, action("a"), action("b"), action("c"))


def test_an_expectation_of_something_unknown_is_moved(place: Place) -> None:
    """With the item's last action where it has one, and with nothing where it has none."""
    log = place.client()
    assert log.append(action("a", expect="who")) == Moved(None)
    first = added(log, action("b"))[0]
    assert log.append(action("c", expect="who")) == Moved(first)
    assert log.append(action("d", "b-2", expect="b")) == Moved(None)


def test_only_a_resubmission_is_told_what_is_missing(place: Place) -> None:
    """What it followed was lost: that is not the same as somebody else's move."""
    log = place.client()
    first, second = added(log, action("a"), action("b"))
    assert log.append(action("c", expect="lost"), resubmitted=True) == Missing()
    assert log.append(action("c", expect="a"), resubmitted=True) == Moved(second)
    assert log.append(action("c", expect=""), resubmitted=True) == Moved(second)
    again = log.append(action("a"), resubmitted=True)
    assert again == Committed(first, replay=True)
    assert log.append(action("c", expect="b"), resubmitted=True) == Committed(
        Entry(3, action("c", expect="b"))
    )


# What is repeated


def test_a_repetition_is_acknowledged_at_its_rev(place: Place) -> None:
    """The same id and deed, from anywhere and at any time, is in the log once; the item may have moved on."""
    log = place.client()
    entry = added(log, action("a", expect=""))[0]
    added(log, action("b", expect="a"))
    later = replace(entry.action, at=NOW + timedelta(days=3), host="elsewhere", expect="b")
    for client in (log, place.client()):
        for repeated in (entry.action, later):
            assert client.append(repeated) == Committed(entry, replay=True)
    assert place.client().read().head == 2


def test_an_id_with_another_deed_is_taken(place: Place) -> None:
    """It is neither committed nor acknowledged: the answer is what stands under that id."""
    log = place.client()
    entry = added(log, action("a"))[0]
    changes: list[dict[str, Any]] = [
        {"item": "b-2"},
        {"kind": "note"},
        {"args": {"owner": "x"}},
        {"actor": "x"},
    ]
    for change in changes:
        assert log.append(replace(entry.action, **change)) == Taken(entry)
    assert place.client().read().head == 1


# What is read


def test_reading_goes_on_behind_a_rev(place: Place) -> None:
    """Entries behind the rev that is known, in order; none at the head."""
    log = place.client()
    entries = added(log, *(action(f"a-{n}") for n in range(6)))
    for client in (log, place.client()):
        for after in range(7):
            page = client.read(after)
            assert (page.entries, page.head, page.from_start) == (tuple(entries[after:]), 6, False)
        assert [rev for rev, _ in client.raw(4)] == [5, 6]


def test_a_shorter_log_is_read_from_its_start(place: Place) -> None:
    """Somebody replaced the log: its readers learn all it has, once, and go on from there."""
    reader = place.client()
    added(place.client(), *(action(f"a-{n}") for n in range(4)))
    assert reader.read().head == 4
    place.wipe()
    entries = tuple(added(place.client(), action("new-1"), action("new-2")))
    for client in (reader, place.client()):
        page = client.read(4)
        assert (page.entries, page.head, page.from_start) == (entries, 2, True)
        assert not client.read(2).from_start
    assert added(reader, action("new-3", expect="new-2"))[0].rev == 3


def test_the_same_log_has_the_same_name(place: Place) -> None:
    """For every client, and without secrets."""
    one, other = place.client(), place.client()
    assert one.url == other.url != ""
    assert place.settings.password is None or place.settings.password not in one.url


def test_closing_twice_is_fine(place: Place) -> None:
    """Before the first use, after it, and again."""
    place.client().close()
    log = place.client()
    added(log, action("a"))
    log.close()
    log.close()
    assert place.client().read().head == 1


# Bytes


def test_bytes_are_kept(place: Place) -> None:
    """Copied bytes stay as they are, spacing, order and unknown fields too, and are compared like all."""
    raws = [
        b'{"v":1,"id":"a","item":"i","kind":"note","at":"2031-05-06T09:30:00+02:00","mood":{"x":[1,2]}}',
        b'{ "kind" : "assign", "item":"i", "id":"b", "at":"2031-05-06T09:30:00Z", "v":1, "args":{"n":1.50} }',
        b'{"v":1,"id":"c","item":"i","kind":"juggle","at":"2031-05-06T09:30:00Z","expect":"b"}',
    ]
    log = place.client()
    for rev, raw in enumerate(raws, 1):
        log.put(rev, raw)
    assert everything(log) == everything(place.client()) == list(enumerate(raws, 1))
    assert [entry.action.kind for entry in place.client().read().entries] == ["note", "assign", "juggle"]
    last = place.client().read().entries[-1]
    assert place.client().append(action("d", "i", expect="b")) == Moved(last)
    assert added(log, action("d", "i", expect="c"))[0].rev == 4


def test_an_appended_action_is_stored_as_it_is_encoded(place: Place) -> None:
    """So the bytes of a log are those of every copy of it."""
    given = action("a", args={"b": 1, "a": "é"}, expect="")
    added(place.client(), given)
    assert everything(place.client()) == [(1, encode(given))]


def test_bytes_go_only_to_the_next_rev(place: Place) -> None:
    """Neither over what is there, nor behind a gap; what is no action, or there already, goes nowhere."""
    log = place.client()
    log.put(1, encode(action("a")))
    before = everything(log)
    for rev, raw in [
        (1, action("b")),
        (3, action("b")),
        (0, action("b")),
        (-1, action("b")),
        (2, action("a")),
    ]:
        with pytest.raises(ValueError, match=r"."):
            log.put(rev, encode(raw))
    with pytest.raises(ValueError, match=r"."):
        log.put(2, b"not an action")
    assert everything(place.client()) == before
    log.put(2, encode(action("b")))


@pytest.mark.parametrize(
    ("foreign", "words"),
    [
        (b'{"v":2,"id":"x","item":"i","kind":"note","at":"2031-05-06T09:30:00Z"}', "newer"),
        (b'{"v":1,"id":"x","it', "not JSON"),
    ],
    ids=["newer", "broken"],
)
def test_what_cannot_be_understood_is_left_alone(place: Place, foreign: bytes, words: str) -> None:
    """A newer or broken action: the rest is read, nothing is written, and the bytes stay as they are."""
    client = place.client()
    entries = tuple(added(client, action("a"), action("b")))
    place.plant(3, foreign)
    before = everything(place.client())
    assert before[2] == (3, foreign)
    for log in (client, place.client()):
        page = log.read()
        assert page.entries == entries
        assert words in page.trouble
        with pytest.raises(ReadOnly) as caught:
            log.append(action("c"))
        assert caught.value.reason
        assert caught.value.remedy
        with pytest.raises(ReadOnly):
            log.put(4, encode(action("c")))
        assert log.read().entries == entries
    assert everything(place.client()) == before


# Many at once


def test_threads_lose_nothing(place: Place) -> None:
    """Thirty threads, half of them on one client: every action once, acknowledged where it is."""
    shared = place.client()
    clients = [shared if n % 2 else place.client() for n in range(30)]
    barrier = threading.Barrier(len(clients))

    def work(number: int) -> list[Entry]:
        barrier.wait()
        return added(clients[number], *(action(f"{number}-{n}", f"b-{n}") for n in range(4)))

    with ThreadPoolExecutor(len(clients)) as pool:
        said = [entry for entries in pool.map(work, range(len(clients))) for entry in entries]
    said.sort(key=lambda entry: entry.rev)
    assert said == list(place.client().read().entries) == list(shared.read().entries)
    assert [entry.rev for entry in said] == list(range(1, 121))


def test_of_many_threads_with_the_same_base_one_commits(place: Place) -> None:
    """Again and again; all the others are told who it was."""
    clients = [place.client() for _ in range(20)]
    barrier = threading.Barrier(len(clients))
    with ThreadPoolExecutor(len(clients)) as pool:
        base = ""
        for turn in range(3):

            def work(number: int, turn: int = turn, base: str = base) -> Committed | Moved:
                barrier.wait()
                verdict = clients[number].append(action(f"{turn}-{number}", expect=base))
                assert isinstance(verdict, Committed | Moved)
                return verdict

            verdicts = list(pool.map(work, range(len(clients))))
            winner = [v.entry for v in verdicts if isinstance(v, Committed)]
            assert len(winner) == 1
            assert all(v == Moved(winner[0]) for v in verdicts if isinstance(v, Moved))
            base = winner[0].action.id
    assert place.client().read().head == 3


def test_processes_lose_nothing(place: Place) -> None:
    """Four processes write at once: what each was acknowledged is there, at that rev, and nothing else is."""
    said = finish([place.process("add", f"p{n}", 15) for n in range(4)])
    log = {entry.action.id: entry.rev for entry in place.client().read().entries}
    assert dict(said) == log
    assert sorted(log.values()) == list(range(1, 61))
    for n in range(4):
        own = [rev for id_, rev in said if id_.startswith(f"p{n}-")]
        assert own == sorted(own)


def test_processes_overwrite_nothing(place: Place) -> None:
    """Four processes, each on what it saw last: every action follows the one it expected."""
    said = finish([place.process("compare", f"p{n}", 8) for n in range(4)])
    entries = place.client().read().entries
    assert dict(said) == {entry.action.id: entry.rev for entry in entries}
    ids = ["", *(entry.action.id for entry in entries)]
    assert [entry.action.expect for entry in entries] == ids[:-1]
    assert len(entries) == 32


def test_processes_repeat_nothing(place: Place) -> None:
    """Four processes hand in the same actions at once: each is there once, and all are told where."""
    said = finish([place.process("same", f"p{n}", 10) for n in range(4)])
    entries = place.client().read().entries
    assert [entry.action.id for entry in entries] == [f"shared-{n}" for n in range(10)]
    assert sorted(rev for _, rev in said) == sorted([*range(1, 11)] * 4)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_writer_that_is_no_more_holds_nobody_up(place: Place, fault: signal.Signals) -> None:
    """Killed or stopped while it writes, anywhere: what it was told is true, and others go on at once."""
    for turn in range(4):
        process = place.process("add", f"t{turn}", 10_000)
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.stdin.write("go\n")
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(3 + turn)]
        process.send_signal(fault)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        began = time.monotonic()
        own = added(place.client(), action(f"mine-{turn}"))[0]
        assert time.monotonic() - began < WRITER_WITHIN
        process.kill()
        lines += process.communicate(timeout=10)[0].splitlines()
        log = {entry.action.id: entry.rev for entry in place.client().read().entries}
        with contextlib.suppress(json.JSONDecodeError):  # the last line may be half a line
            for line in lines:
                id_, rev = json.loads(line)
                assert log[id_] == rev
        assert log[f"mine-{turn}"] == own.rev
        assert sorted(log.values()) == list(range(1, len(log) + 1))
