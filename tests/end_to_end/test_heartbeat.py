"""A job reports in from the command line, and the room knows: real processes, real stores."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from controlroom.lab import redis_servers, servers
from tests import faults
from tests.conftest import Start
from tests.end_to_end.team import Person
from tests.stores.acting import disk, remount

CONFIG = """\
[program]
id = "quay"
start = 2031-05-03
zone = "Europe/Lisbon"

[store]
url = "{store}"
timeout = 1.0

[[services]]
id = "nightly-backup"
name = "Nightly backup"
kind = "heartbeat"
heartbeat.every = "1d"

[[services]]
id = "tide-tables"
kind = "heartbeat"

[[services]]
id = "by-file"
kind = "heartbeat"
heartbeat.file = "done"

[[services]]
id = "crane"
name = "Crane"
kind = "tcp"
url = "127.0.0.1:9"

[[services]]
id = "twin-1"
name = "Twin"
kind = "heartbeat"

[[services]]
id = "twin-2"
name = "Twin"
kind = "heartbeat"
"""


def job(folder: Path, store: str = "dir:log") -> Person:
    """Whoever runs the job, with a programme in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "controlroom.toml").write_text(CONFIG.format(store=store), encoding="utf-8")
    return Person("cron", folder)


def call(who: Person, *arguments: str) -> tuple[int, str, str]:
    """Exit code and both outputs."""
    process = who.start("heartbeat", *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def health(who: Person, id_: str = "nightly-backup") -> dict[str, Any]:
    """How `controlroom services` shows it."""
    services = who.json("services", code=1)["services"]
    return next(service for service in services if service["id"] == id_)


def test_a_job_reports_in_and_the_room_knows(tmp_path: Path) -> None:
    """Never heard of, then up with its message, then down by its own word; by id and by name."""
    who = job(tmp_path)
    assert (health(who)["state"], health(who)["reason"]) == ("unknown", "never reported in")
    code, out, err = call(who, "nightly-backup", "--message", "12 tables, 3 GB")
    assert (code, err) == (0, "")
    assert out.startswith("Nightly backup: reported in at 20")
    assert out.endswith(": 12 tables, 3 GB\n")
    seen = health(who)
    assert (seen["state"], seen["reason"]) == ("up", "reported in: 12 tables, 3 GB")
    assert seen["detail"]["by"] == os.uname().nodename[:80]
    code, out, _ = call(who, "nightly BACKUP", "--fail", "--message", "disk full")
    assert code == 0
    assert out.startswith("Nightly backup: reported failure at 20")
    seen = health(who)
    assert (seen["state"], seen["reason"]) == ("down", "reported failure: disk full")
    assert health(who, "tide-tables")["state"] == "unknown"


def test_the_report_as_json(tmp_path: Path) -> None:
    """Id, store, instant, outcome, message and host."""
    said = job(tmp_path).json("heartbeat", "tide-tables", "--fail")
    assert said["at"].endswith("Z")
    assert said["host"]
    del said["at"], said["host"]
    assert said == {
        "id": "tide-tables",
        "name": "tide-tables",
        "store": f"dir:{tmp_path / 'log'}",
        "recorded": True,
        "ok": False,
        "message": None,
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nightly-bakup",), 'did you mean "nightly-backup"?'),
        (("zzz",), "the heartbeats are nightly-backup, tide-tables"),
        (("",), "the heartbeats are"),
        (("crane",), "this service is probed as tcp"),
        (("Twin",), "give its id: twin-1 or twin-2"),
        (("by-file",), "write to done instead"),
        ((), "NAME"),
        (("tide-tables", "--at", "2031-05-06T07:30:00Z"), "a job reports in when it does"),
    ],
)
def test_who_may_report(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """Exit 2, what is wrong and what would be right; nothing is written."""
    who = job(tmp_path)
    code, out, err = call(who, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert not (tmp_path / "log").exists()


def test_a_room_without_heartbeats_says_how_to_add_one(tmp_path: Path) -> None:
    """Exit 2."""
    who = job(tmp_path)
    (tmp_path / "controlroom.toml").write_text('[program]\nid = "quay"\n', encoding="utf-8")
    code, _, err = call(who, "nightly")
    assert code == 2
    assert 'kind = "heartbeat"' in err


def test_read_only_changes_nothing(tmp_path: Path) -> None:
    """Exit 4, as every command that changes something."""
    who = job(tmp_path)
    process = who.start("--read-only", "heartbeat", "tide-tables")
    process.communicate(timeout=60)
    assert process.returncode == 4
    assert not (tmp_path / "log").exists()


def test_reports_in_redis_bear_the_servers_time(tmp_path: Path, start: Start) -> None:
    """A job on another machine, with a folder of its own, is seen by the room; the log is left alone."""
    server = start(servers.redis)
    store = f"redis://{server.address}/0"
    here, there = job(tmp_path / "room", store), job(tmp_path / "job", store)
    assert call(there, "tide-tables", "--message", "spring tide")[0] == 0
    assert health(here, "tide-tables")["reason"] == "reported in: spring tide"
    assert redis_servers.ask(server.port, "KEYS", "*").split() == ["*1", "$24", "{controlroom}:heartbeats"]


def test_a_store_that_cannot_be_reached_is_said_and_nothing_is_queued(tmp_path: Path, start: Start) -> None:
    """Exit 3 with what and remedy, in time; a store that comes back has no late report in it."""
    with faults.refused() as address:
        code, out, err = call(job(tmp_path / "a", f"redis://{address}"), "tide-tables")
    assert (code, out) == (3, "")
    assert "connection refused" in err
    assert "nothing is queued" in err
    server = start(servers.redis)
    who = job(tmp_path / "b", f"redis://{server.address}")
    server.pause()
    began = time.monotonic()
    said = who.json("heartbeat", "tide-tables", code=3)
    assert time.monotonic() - began < 20
    assert said["recorded"] is False
    assert "no answer within 1 s" in said["error"]
    server.resume()
    assert health(who, "tide-tables")["reason"] == "never reported in"
    assert not list((tmp_path / "b" / "homes").rglob("*.json"))


def test_a_read_only_store_is_said(tmp_path: Path) -> None:
    """Exit 3; the last report stays what it was."""
    with disk(tmp_path / "disk") as where:
        who = job(where)
        assert call(who, "tide-tables", "--message", "before")[0] == 0
        remount(where, "ro")
        code, _, err = call(who, "tide-tables")
        assert code == 3
        assert "its file system is mounted read-only" in err
        assert "mount it writable" in err
        assert health(who, "tide-tables")["reason"] == "reported in: before"


def test_a_hostile_message_is_harmless(tmp_path: Path) -> None:
    """Escape sequences, line feeds and bytes that are no text reach neither the terminal nor the room."""
    who = job(tmp_path)
    code, out, _ = call(who, "tide-tables", "--message", "a\x1b[31m\nb\udcff\u202e")
    assert code == 0
    assert "\x1b" not in out
    assert out.count("\n") == 1
    assert health(who, "tide-tables")["reason"] == "reported in: a[31m b\ufffd"
