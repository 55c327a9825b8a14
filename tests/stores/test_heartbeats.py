"""One suite for every place where jobs report in, on the real thing."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlroom.domain.actions import Action
from controlroom.domain.health import Beat
from controlroom.lab import redis_servers, servers
from controlroom.stores.heartbeats import FORM, MESSAGE, Heartbeats, encode, open_heartbeats
from controlroom.stores.heartbeats_folder import file_name
from controlroom.stores.logs import Settings, open_log
from controlroom.stores.port import Unavailable
from tests import faults
from tests.conftest import Start
from tests.stores.acting import disk, remount
from tests.stores.redis_logs import BRIEF, PATIENT, refusal, within

THEN = datetime(2031, 5, 6, 9, 30, tzinfo=UTC)
KEY = "{controlroom}:heartbeats"


@dataclass
class Place:
    """A store of one kind, fresh, and how to get at it."""

    url: str
    folder: Path
    settings: Settings = PATIENT
    own_clock: bool = True
    """The store has a clock of its own."""

    def open(self) -> Heartbeats:
        """A client of its own."""
        return open_heartbeats(self.url, self.folder, self.settings)


def in_a_folder(tmp_path: Path, start: Start) -> Place:
    """The log's folder does not exist yet."""
    del start
    return Place("dir:log", tmp_path / "programme", own_clock=False)


def in_redis(tmp_path: Path, start: Start) -> Place:
    """A Redis alone."""
    return Place(f"redis://{start(servers.redis).address}/0", tmp_path)


def over_tls(tmp_path: Path, start: Start) -> Place:
    """A Redis that speaks TLS only."""
    authority = faults.authority(tmp_path / "ca")
    files = authority.server()
    server = start(lambda folder: redis_servers.over_tls(folder, *files, authority.path))
    return Place(f"rediss://{server.address}", tmp_path, replace(PATIENT, ca=str(authority.path)))


def behind_sentinel(tmp_path: Path, start: Start) -> Place:
    """The master that a sentinel names."""
    master = start(redis_servers.master)
    sentinel = start(lambda folder: redis_servers.sentinel(folder, master, quorum=1))
    return Place(f"redis+sentinel://{sentinel.address}/{redis_servers.MASTER}", tmp_path)


def in_a_cluster(tmp_path: Path, start: Start) -> Place:
    """Three masters; the one that is named does not have the key."""
    nodes = [start(redis_servers.cluster_node) for _ in range(3)]
    redis_servers.join(nodes)
    owner = redis_servers.owner(nodes, KEY)
    named = next(node for node in nodes if node is not owner)
    return Place(f"redis+cluster://{named.address}", tmp_path)


PLACES_TRIED = (in_a_folder, in_redis, over_tls, behind_sentinel, in_a_cluster)


@pytest.fixture(params=PLACES_TRIED, ids=lambda make: make.__name__)
def place(request: pytest.FixtureRequest, tmp_path: Path, start: Start) -> Place:
    """A fresh store of each kind."""
    make: Callable[[Path, Start], Place] = request.param
    return make(tmp_path, start)


@pytest.fixture
def beats(place: Place) -> Iterator[Heartbeats]:
    """A client of it."""
    opened = place.open()
    yield opened
    opened.close()


def test_nothing_was_reported_yet(beats: Heartbeats) -> None:
    """None, and nothing is made by looking."""
    assert beats.read("nightly") is None


def test_the_last_report_counts_for_everybody(place: Place, beats: Heartbeats) -> None:
    """What is written is read by another client, and replaced by the next; other heartbeats are untouched."""
    first = beats.write("nightly", Beat(THEN, False, "disk full", "db-1"))
    other = place.open()
    assert other.read("nightly") == first
    assert (first.ok, first.message, first.host) == (False, "disk full", "db-1")
    second = beats.write("nightly", Beat(THEN + timedelta(hours=1), True, "", "db-2"))
    assert other.read("nightly") == second
    assert second.ok
    assert beats.read("weekly") is None
    other.close()


def test_the_stores_clock_counts_where_it_has_one(place: Place, beats: Heartbeats) -> None:
    """Jobs on machines whose clocks are wrong are judged by one clock; in a folder, by the reporter's."""
    stored = beats.write("nightly", Beat(THEN.replace(microsecond=7)))
    if place.own_clock:
        assert abs(stored.at - datetime.now(UTC)) < timedelta(seconds=30)
    else:
        assert stored.at == THEN
    assert beats.read("nightly") == stored


ODD = [
    "Nightly",
    "nightly",
    "nightly backup",
    "../../etc/passwd",
    "a/b",
    ".hidden",
    "ключ",
    "x" * 300,
    "-n",
    "a\nb",
    "",
    "con",
]


def test_every_id_is_one_of_its_own(beats: Heartbeats) -> None:
    """However it is written: ids that differ in nothing but case are two heartbeats, too."""
    for number, id_ in enumerate(ODD):
        beats.write(id_, Beat(THEN, True, f"number {number}"))
    for number, id_ in enumerate(ODD):
        read = beats.read(id_)
        assert read is not None
        assert read.message == f"number {number}"


def test_texts_are_harmless_and_bounded(beats: Heartbeats) -> None:
    """Escape sequences and lines without an end do not come out of a store, even if they got in."""
    beats.write("nightly", Beat(THEN, True, "a\x1b[31mb\nc" + "x" * 9_000, "h\x00\u202e" * 200))
    read = beats.read("nightly")
    assert read is not None
    assert read.message.startswith("a[31mb cxxx")
    assert len(read.message) == MESSAGE
    assert read.message.isprintable()
    assert read.host.isprintable()
    assert len(read.host) <= 80


def test_the_log_is_not_disturbed(place: Place, beats: Heartbeats) -> None:
    """Reports lie beside the log: it stays what it is, and goes on."""
    log = open_log(place.url, place.folder, place.settings)
    for number in range(2):
        beats.write("nightly", Beat(THEN))
        log.append(Action(f"a-{number}", "x", "assign", {"owner": "me"}, "me", "here", THEN))
        page = log.read()
        assert page.head == number + 1
        assert page.trouble == ""
    log.close()
    assert beats.read("nightly") is not None


def test_many_report_at_the_same_time(place: Place) -> None:
    """Each report is whole: a reader sees one or the other, never half of one."""
    texts = {f"{letter * 400}" for letter in "abcd"}
    done = threading.Event()

    def report(text: str) -> None:
        client = place.open()
        for _ in range(15):
            client.write("nightly", Beat(THEN, True, text))
        client.close()

    writers = [threading.Thread(target=report, args=(text,)) for text in texts]
    reader = place.open()
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen = reader.read("nightly")
        assert seen is None or seen.message in texts
        done.wait(0.001)
    seen = reader.read("nightly")
    assert seen is not None
    assert seen.message in texts
    reader.close()


def test_after_close_nothing_is_left_open(place: Place) -> None:
    """Descriptors of ten clients are given back."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(10):
        client = place.open()
        client.write("nightly", Beat(THEN))
        client.read("nightly")
        client.close()
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


# A folder


def folder_of(tmp_path: Path, log: str = "dir:log") -> Heartbeats:
    """Reports in a folder."""
    return open_heartbeats(log, tmp_path, Settings())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        encode("other", Beat(THEN)),
        encode("nightly", Beat(THEN)).replace(b"2031", b"x"),
        encode("nightly", Beat(THEN)).replace(b"true", b'"true"'),
        encode("nightly", Beat(THEN)).replace(b'"form": 1', b'"form": "1"'),
    ],
)
def test_a_damaged_report_is_called_that(tmp_path: Path, raw: bytes) -> None:
    """Neither up nor down: what mends it is a new report, and that does."""
    beats = folder_of(tmp_path)
    beats.write("nightly", Beat(THEN))
    (tmp_path / "log" / "heartbeats" / "nightly.json").write_bytes(raw)
    assert refusal(lambda: beats.read("nightly")).reason == "the report of nightly is damaged"
    assert beats.write("nightly", Beat(THEN)) == beats.read("nightly")


def test_a_report_of_a_newer_version_is_not_guessed_at(tmp_path: Path) -> None:
    """The remedy is an update."""
    beats = folder_of(tmp_path)
    beats.write("nightly", Beat(THEN))
    path = tmp_path / "log" / "heartbeats" / "nightly.json"
    path.write_bytes(path.read_bytes().replace(b'"form": 1', f'"form": {FORM + 1}'.encode()))
    assert "newer form" in refusal(lambda: beats.read("nightly")).reason


def test_something_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A named pipe or a link in the place of a report is named, and never opened for long."""
    beats = folder_of(tmp_path)
    beats.write("other", Beat(THEN))
    folder = tmp_path / "log" / "heartbeats"
    os.mkfifo(folder / "pipe.json")
    (folder / "link.json").symlink_to(folder / "other.json")
    for name, words in (("pipe", "not a regular file"), ("link", "a symbolic link, not a report")):
        assert refusal(lambda name=name: beats.read(name)).reason == f"heartbeats/{name}.json: {words}"  # type: ignore[misc]


def test_a_folder_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    """A full and a read-only file system, and something in the way; nothing is left behind."""
    with disk(tmp_path / "disk") as where:
        beats = folder_of(where)
        beats.write("nightly", Beat(THEN))
        remount(where, "ro")
        assert refusal(lambda: beats.write("nightly", Beat(THEN))).reason == (
            "the report cannot be written: its file system is mounted read-only"
        )
        assert beats.read("nightly") == Beat(THEN)
        remount(where, "rw")
        assert [path.name for path in (where / "log" / "heartbeats").iterdir()] == ["nightly.json"]
    (tmp_path / "file").write_text("", encoding="utf-8")
    blocked = folder_of(tmp_path, "dir:file")
    for call in (lambda: blocked.write("nightly", Beat(THEN)), lambda: blocked.read("nightly")):
        assert "something on its path is no folder" in refusal(call).reason


def test_plain_ids_are_names_of_files() -> None:
    """People find the file of a heartbeat."""
    assert file_name("nightly-backup_2") == "nightly-backup_2.json"
    assert file_name("Nightly Backup") == "nightly-backup~0af317e99d7d.json"
    assert len({file_name(id_) for id_ in ODD}) == len(ODD)
    assert all("/" not in file_name(id_) and len(file_name(id_).encode()) < 200 for id_ in ODD)


# Redis


def test_a_prefix_keeps_programmes_apart(tmp_path: Path, start: Start) -> None:
    """Two programmes on one server have reports of their own, each beside its log."""
    server = start(servers.redis)
    one, two = (
        open_heartbeats(f"redis://{server.address}?prefix={name}", tmp_path, PATIENT) for name in ("a", "b")
    )
    one.write("nightly", Beat(THEN))
    assert two.read("nightly") is None
    assert "{a}:heartbeats" in redis_servers.ask(server.port, "KEYS", "*")


def test_a_replica_takes_no_reports(tmp_path: Path, start: Start) -> None:
    """It can be read from; writing says what to do."""
    master = start(redis_servers.master)
    replica = start(lambda folder: redis_servers.replica(folder, master))
    redis_servers.await_replica(replica)
    beats = open_heartbeats(f"redis://{replica.address}", tmp_path, PATIENT)
    assert beats.read("nightly") is None
    refused = refusal(lambda: beats.write("nightly", Beat(THEN)))
    assert "is a replica and takes no writes" in refused.reason


def test_a_user_needs_three_commands(tmp_path: Path, start: Start) -> None:
    """TIME, HGET and HSET on the programme's keys; what is missing is named."""
    server = start(servers.redis)
    redis_servers.ask(
        server.port, "ACL", "SETUSER", "job", "on", ">oyster", "~{controlroom}:*", "+time", "+hget"
    )
    beats = open_heartbeats(f"redis://job:oyster@{server.address}", tmp_path, PATIENT)
    assert beats.read("nightly") is None
    refused = refusal(lambda: beats.write("nightly", Beat(THEN)))
    assert "HSET" in refused.reason
    redis_servers.ask(server.port, "ACL", "SETUSER", "job", "+hset")
    assert beats.write("nightly", Beat(THEN)) == beats.read("nightly")


def test_a_server_that_comes_and_goes(tmp_path: Path, start: Start) -> None:
    """Stopped: over in time. Killed: refused. Started anew: simply well, on the same client."""
    server = start(servers.redis)
    beats = open_heartbeats(f"redis://{server.address}", tmp_path, BRIEF)
    beats.write("nightly", Beat(THEN))
    server.pause()
    for call in (lambda: beats.write("nightly", Beat(THEN)), lambda: beats.read("nightly")):
        with within(BRIEF.timeout):
            assert "no answer within" in refusal(call).reason
    server.resume()
    server.kill()
    assert "connection refused" in refusal(lambda: beats.read("nightly")).reason
    server.restart()
    assert beats.read("nightly") is None
    beats.write("nightly", Beat(THEN))


@pytest.mark.parametrize(
    "reply", [b":1\r\n", b"*2\r\n$1\r\nx\r\n$1\r\ny\r\n$-1\r\n", b"*0\r\n$-1\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)
def test_what_is_no_redis_is_called_that(tmp_path: Path, reply: bytes) -> None:
    """Odd replies are told, not guessed at."""
    with faults.scripted(faults.says(reply * 4, keep=True)) as address:
        beats = open_heartbeats(f"redis://{address}", tmp_path, BRIEF)
        with within(2 * BRIEF.timeout):
            refused = refusal(lambda: beats.write("nightly", Beat(THEN)))
    assert "answers, but" in refused.reason or "no answer" in refused.reason


@pytest.mark.parametrize("url", ["http://x", "dir:", "redis://"])
def test_a_url_of_no_kind_is_refused(tmp_path: Path, url: str) -> None:
    """ValueError, at once, as for the log."""
    with pytest.raises(ValueError):
        open_heartbeats(url, tmp_path, Settings())


def test_a_look_is_cheap(tmp_path: Path, start: Start) -> None:
    """A thousand looks take some hundred milliseconds of this process, not seconds."""
    server = start(servers.redis)
    beats = open_heartbeats(f"redis://{server.address}", tmp_path, PATIENT)
    beats.write("nightly", Beat(THEN))
    before = time.process_time()
    for _ in range(1_000):
        beats.read("nightly")
    assert time.process_time() - before < 3


def test_unavailable_says_what_and_remedy(tmp_path: Path) -> None:
    """Nobody there at all."""
    with faults.refused() as address:
        beats = open_heartbeats(f"redis://{address}", tmp_path, PATIENT)
        with pytest.raises(Unavailable) as refused:
            beats.write("nightly", Beat(THEN))
    assert refused.value.reason == f"{address}: connection refused"
    assert refused.value.remedy
