"""Triage from the command line: real processes, real logs, several people at once."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from controlroom.lab import servers
from tests.conftest import Start
from tests.end_to_end.team import OPEN, WAITS, Person, Team, team

ENTRY_KEYS = {"rev", "id", "item", "kind", "args", "actor", "host", "at", "expect"}
NOON = "2031-05-06T12:00:00Z"


@pytest.fixture
def quay(tmp_path: Path) -> Team:
    """A programme with a log in a folder."""
    return team(tmp_path)


@pytest.fixture
def ada(quay: Team) -> Person:
    return quay.person("ada")


@pytest.fixture
def bo(quay: Team) -> Person:
    return quay.person("bo")


def test_a_blocker_from_its_opening_to_its_end(ada: Person, bo: Person) -> None:
    """Every verb is one action, in order, and the list shows what they came to."""
    id_ = ada.opened(*WAITS, "--item", "sprint-1/hoist", "--link", "https://wiki/rope")
    for verb in (
        ("acknowledge", id_),
        ("assign", id_, "--to", "Rui"),
        ("wait-on", id_, "--owning", "pumps", "--blocking", "Cranes & Rails"),
        ("note", id_, "asked the yard"),
        ("escalate", id_, "--eta", "2099-05-06T12:00:00Z"),
    ):
        assert bo.json("blocker", *verb)["status"] == "committed"
    seen = ada.blocker(id_)
    assert seen["state"] == "escalated"
    assert (seen["owner"], seen["owning_squad"], seen["blocking_squad"]) == ("Rui", "pumps", "cranes")
    assert (seen["item"], seen["links"]) == ("sprint-1/hoist", ["https://wiki/rope"])
    assert seen["next_update_due"] == "2099-05-06T12:00:00Z"
    for verb in (
        ("snooze", id_, "--until", "Morning round", "--why", "the yard answers tomorrow"),
        ("reopen", id_),
        ("resolve", id_, "--mitigation", "borrowed some"),
    ):
        assert ada.json("blocker", *verb)["status"] == "committed"
    log = ada.json("log")
    assert [action["rev"] for action in log["actions"]] == list(range(1, 10))
    assert [action["kind"] for action in log["actions"]] == [
        *("open", "acknowledge", "assign", "wait-on", "note", "escalate", "snooze", "reopen", "resolve"),
    ]
    seen = ada.blocker(id_)
    assert (seen["state"], seen["mitigation"]) == ("resolved", "borrowed some")
    assert seen["last_action"] == log["actions"][-1]["id"]
    assert (log["rev"], ada.json("blockers")["rev"]) == (9, 9)


def test_what_a_writing_command_prints(ada: Person) -> None:
    """The keys scripts rely on; text names the rev, the deed and its author."""
    result = ada.json(*OPEN, "--id", "a-1", "--by", "Ada")
    assert (result["status"], result["rev"], result["id"], result["current"]) == ("committed", 1, "a-1", None)
    assert set(result["action"]) == ENTRY_KEYS
    assert result["action"]["item"] == result["item"]
    assert (result["action"]["actor"], result["action"]["expect"]) == ("Ada", "")
    text = ada.call("blocker", "acknowledge", result["item"], "--by", "Ada")
    assert text.stdout == f"committed r2: {result['item']} acknowledged by Ada\n"
    assert text.stderr == ""
    assert ada.json("log")["actions"][0] == result["action"]


def test_the_author_is_the_login_name_unless_another_is_named(quay: Team, ada: Person) -> None:
    """--by beats [triage].by, which beats the login name."""
    id_ = ada.opened()
    quay.add('\n[triage]\nby = "the desk"\n')
    ada.json("blocker", "note", id_, "one")
    ada.json("blocker", "note", id_, "two", "--by", "Zoe")
    assert [action["actor"] for action in ada.log()] == ["ada", "the desk", "Zoe"]


def test_a_base_that_has_moved_is_a_conflict(ada: Person, bo: Person) -> None:
    """Exit 4 with what the other did; the action is not in the log, and waits for a decision."""
    id_ = ada.opened("--id", "first")
    bo.json("blocker", "assign", id_, "--to", "Rui", "--id", "second", "--seen", "first")
    lost = ada.json("blocker", "resolve", id_, "--id", "third", "--seen", "first", code=4)
    assert (lost["status"], lost["rev"]) == ("conflict", None)
    assert lost["current"] == ada.log()[-1]
    assert lost["current"]["id"] == "second"
    told = ada.call("blocker", "resolve", id_, "--seen", "first")
    assert (told.returncode, told.stdout) == (4, "")
    assert "bo" in told.stderr
    assert "--seen second" in told.stderr
    assert [action["id"] for action in ada.log()] == ["first", "second"]
    waiting = ada.json("outbox")
    assert waiting["queued"] == []
    assert "third" in [conflict["id"] for conflict in waiting["conflicts"]]
    assert waiting["conflicts"][0]["current"]["id"] == "second"
    assert bo.json("outbox") == {"queued": [], "conflicts": [], "trouble": None}


def test_a_conflict_is_decided(ada: Person, bo: Person) -> None:
    """`again` makes a new action over what stood in the way; `drop` forgets one."""
    id_ = ada.opened("--id", "first")
    bo.json("blocker", "assign", id_, "--to", "Rui", "--id", "second")
    for mine in ("third", "fourth"):
        ada.json("blocker", "assign", id_, "--to", "Ines", "--id", mine, "--seen", "first", code=4)
    assert ada.call("outbox", "drain").returncode == 4
    assert ada.json("outbox", "drop", "fourth")["id"] == "fourth"
    again = ada.json("outbox", "again", "third")
    assert (again["status"], again["action"]["args"]["supersedes"]) == ("committed", "second")
    assert ada.json("outbox", "drain") == {"queued": [], "conflicts": [], "trouble": None}
    assert ada.blocker(id_)["owner"] == "Ines"
    assert ada.call("outbox", "again", "third").returncode == 2


def test_the_same_id_with_another_base_is_the_decision(ada: Person, bo: Person) -> None:
    """Repeating a refused call with what is there now commits it, and its conflict is gone."""
    id_ = ada.opened("--id", "first")
    bo.json("blocker", "assign", id_, "--to", "Rui", "--id", "second")
    resolve = ("blocker", "resolve", id_, "--id", "third")
    assert ada.json(*resolve, "--seen", "first", code=4)["status"] == "conflict"
    assert ada.json(*resolve, "--seen", "first", code=4)["status"] == "conflict"
    assert ada.json(*resolve, "--seen", "second")["status"] == "committed"
    assert ada.json("outbox")["conflicts"] == []


def test_two_people_who_saw_the_same_cannot_both_win(ada: Person, bo: Person) -> None:
    """Of two actions with one base exactly one is committed, however they are timed."""
    id_ = ada.opened("--id", "first")
    base = "first"
    for turn in range(4):
        with ThreadPoolExecutor(2) as pool:
            calls = [
                pool.submit(
                    who.call,
                    *(
                        "blocker",
                        "assign",
                        id_,
                        "--to",
                        who.name,
                        "--seen",
                        base,
                        "--id",
                        f"{who.name}{turn}",
                    ),
                    "--json",
                )
                for who in (ada, bo)
            ]
        results = [json.loads(call.result().stdout) for call in calls]
        assert sorted(result["status"] for result in results) == ["committed", "conflict"]
        won, lost = sorted(results, key=lambda result: result["status"])
        assert lost["current"]["id"] == won["id"]
        base = won["id"]
    log = ada.log()
    assert [action["rev"] for action in log] == [1, 2, 3, 4, 5]
    assert [action["expect"] for action in log[1:]] == [action["id"] for action in log[:-1]]


@pytest.mark.parametrize(
    "verb",
    [("resolve",), ("acknowledge",), ("snooze", "--until", "standup"), ("undo",), ("note", "--", "-x")],
    ids=lambda verb: verb[0],
)
def test_a_repeated_call_is_written_once(ada: Person, verb: tuple[str, ...]) -> None:
    """The answer of the first time, although the blocker is another one by now."""
    id_ = ada.opened("--id", "first")
    ada.json("blocker", "note", id_, "to be taken back")
    call = ("blocker", verb[0], id_, "--id", "second", *verb[1:])
    first = json.loads(ada.call("--json", *call).stdout)
    assert first["status"] == "committed"
    ada.json("blocker", "note", id_, "something else happened")
    again = json.loads(ada.call("--json", *call).stdout)
    assert (again["status"], again["rev"], again["action"]) == ("committed", 3, first["action"])
    assert len(ada.log()) == 4


def test_ten_processes_with_one_id_open_one_blocker(ada: Person, bo: Person) -> None:
    """One rev and one item for all of them."""
    with ThreadPoolExecutor(10) as pool:
        calls = [
            pool.submit((ada, bo)[n % 2].call, *OPEN, "--by", "Ines", "--id", "once", "--json")
            for n in range(10)
        ]
    results = [json.loads(call.result().stdout) for call in calls]
    assert {(r["status"], r["rev"], r["item"]) for r in results} == {("committed", 1, results[0]["item"])}
    assert len(ada.log()) == 1


def test_an_id_means_one_deed(ada: Person) -> None:
    """Another deed under a used id is a conflict with the one that has it."""
    id_ = ada.opened("--id", "first")
    for call in (
        ("blocker", "note", id_, "hello"),
        (*OPEN[:3], "another summary", *OPEN[4:]),
        (*OPEN, "--by", "somebody else"),
    ):
        other = ada.json(*call, "--id", "first", code=4)
        assert (other["status"], other["current"]["rev"]) == ("conflict", 1)
    assert len(ada.log()) == 1
    assert ada.json("outbox")["conflicts"] == []


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (("open", "--owner", "Ines"), "summary"),
        (("open", "--summary", "No rope"), "owner"),
        (("open", "--summary", "No rope", "--owner", "Ines", "--owning", "cranes"), "blocking_squad"),
        (("open", *OPEN[2:], "--owning", "cranes", "--blocking", "Cranes & Rails"), "blocking_squad"),
        (("open", *OPEN[2:], "--eta", "tomorrow"), "eta"),
        (("assign", "ID"), "owner"),
        (("wait-on", "ID", "--blocking", "pumps"), "owning_squad"),
        (("escalate", "ID"), "next_update"),
        (("snooze", "ID"), "until"),
        (("snooze", "ID", "--until", "2001-01-01T00:00:00Z"), "until"),
        (("snooze", "ID", "--until", "no such ritual"), "until"),
        (("note", "ID", ""), "text"),
        (("reopen", "ID"), None),
        (("acknowledge", "b-0000000000"), "item"),
        (("acknowledge", ""), "item"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_refusal_names_the_argument(ada: Person, call: tuple[str, ...], field: str | None) -> None:
    """Exit 4, the field, the reason and the remedy; nothing is written anywhere."""
    id_ = ada.opened()
    result = ada.json("blocker", *(id_ if part == "ID" else part for part in call), code=4)
    assert (result["status"], result["field"], result["rev"]) == ("refused", field, None)
    assert result["reason"]
    assert len(ada.log()) == 1
    assert ada.json("outbox")["queued"] == []


def test_a_card_is_moved_and_moved_back(ada: Person) -> None:
    """`item set` makes one action a call; the card follows, and `undo` takes it back."""
    card = "sprint-1/bollards"

    def seen() -> Any:
        return next(
            item for item in json.loads(ada.call("snapshot", "--json").stdout)["items"] if item["id"] == card
        )

    assert ada.json("item", "set", card, "--status", "WIP")["action"]["args"]["status"] == "in_progress"
    assert (seen()["status"], seen()["said"]) == ("in_progress", "not_started")
    moved = ada.json("item", "set", card, "--owning", "cranes", "--blocking", "pumps")
    assert seen()["last_action"] == moved["id"]
    assert [edge["items"] for edge in ada.json("waiting")["edges"]] == [[card]]
    ada.json("item", "set", card, "--owner", "Nuno")
    for _ in range(3):
        ada.json("item", "undo", card)
    assert (seen()["status"], seen()["blocking_squad"]) == ("not_started", None)
    assert ada.json("item", "set", "sprint-9/none", "--status", "done", code=4)["field"] == "item"


def test_a_moved_card_is_moved_in_its_document_where_that_is_configured(quay: Team, ada: Person) -> None:
    """Never by default; with write_back = "always" that one cell follows."""
    before = (quay.folder / "backlog.md").read_text(encoding="utf-8")
    assert ada.json("item", "set", "sprint-1/hoist", "--status", "blocked")["document"] is None
    assert (quay.folder / "backlog.md").read_text(encoding="utf-8") == before
    config = (quay.folder / "controlroom.toml").read_text(encoding="utf-8")
    quay.write("controlroom.toml", config.replace("[documents]", '[documents]\nwrite_back = "always"'))
    moved = ada.json("item", "set", "sprint-1/bollards", "--status", "in progress")
    assert (moved["document"]["path"], moved["document"]["line"]) == ("backlog.md", 6)
    after = (quay.folder / "backlog.md").read_text(encoding="utf-8")
    assert after.splitlines()[:5] == before.splitlines()[:5]
    assert "In Progress" in after.splitlines()[5]


def test_who_waits_on_whom(ada: Person) -> None:
    """Edges, the circle in them, the longest chain, and what to unblock first."""
    ada.opened(*WAITS)
    ada.opened("--owning", "pumps", "--blocking", "yard")
    found = ada.json("waiting")
    assert [(edge["waiter"], edge["blocker"]) for edge in found["edges"]] == [
        ("cranes", "pumps"),
        ("pumps", "yard"),
    ]
    assert found["longest_chain"] == ["cranes", "pumps", "yard"]
    assert (found["cycles"], found["components"]) == ([], [])
    assert found["first"][0]["squad"] == "yard"
    assert set(found["first"][0]) >= {"squad", "frees_squads", "frees_items"}
    ada.opened("--owning", "yard", "--blocking", "cranes")
    assert ada.json("waiting")["cycles"] == [["cranes", "pumps", "yard"]]
    assert json.loads(ada.call("snapshot", "--json").stdout)["waiting"] == ada.json("waiting")


def test_lints_follow_the_log(ada: Person) -> None:
    """A squad nobody declared is one, until somebody says otherwise."""
    id_ = ada.opened("--owning", "cranes", "--blocking", "divers")

    def codes() -> list[str]:
        found = json.loads(ada.call("lint", "--json").stdout)["lints"]
        return [lint["code"] for lint in found if "divers" in lint["message"]]

    assert "X004" in codes()
    ada.json("blocker", "wait-on", id_, *WAITS)
    assert codes() == []


# -- the outbox -------------------------------------------------------------------------------------


def test_what_the_store_cannot_take_waits_and_is_delivered_later(quay: Team, ada: Person) -> None:
    """Exit 75, listed with its reason, shown as done to its author; drained in order when it heals."""
    id_ = ada.opened()
    log = quay.folder / "log"
    log.rename(quay.folder / "away")
    log.write_text("no folder", encoding="utf-8")
    queued = ada.json("blocker", "resolve", id_, "--id", "later", code=75)
    assert (queued["status"], queued["rev"]) == ("queued", None)
    assert queued["reason"]
    opened = ada.json(*OPEN, "--id", "new", code=75)
    acknowledged = ada.json("blocker", "acknowledge", opened["item"], code=75)
    again = ada.json("blocker", "resolve", id_, "--id", "later", code=75)
    assert again["action"] == queued["action"]
    waiting = ada.json("outbox")
    assert [entry["id"] for entry in waiting["queued"]] == ["later", "new", acknowledged["id"]]
    assert {"id", "item", "action", "reason", "since", "current"} <= set(waiting["queued"][0])
    assert ada.call("outbox", "drain").returncode == 75
    listed = ada.json("blockers", code=3)
    assert listed["rev"] is None
    assert [(b["id"], b["state"]) for b in listed["blockers"]] == [(opened["item"], "acknowledged")]
    assert listed["blockers"][0]["pending"] == ["open", "acknowledge"]
    shown = json.loads(ada.call("snapshot", "--json").stdout)
    assert shown["log"]["queued"] == 3
    assert [a["kind"] for a in shown["attention"]].count("queued") == 3
    log.unlink()
    (quay.folder / "away").rename(log)
    assert len(ada.json("outbox")["queued"]) == 3, "listing delivers nothing"
    drained = ada.json("outbox", "drain")
    assert (drained["queued"], drained["conflicts"]) == ([], [])
    assert [action["id"] for action in ada.log()][1:] == ["later", "new", acknowledged["id"]]
    assert ada.json("blocker", "resolve", id_, "--id", "later")["rev"] == 2


def test_a_redis_that_dies_and_comes_back(quay: Team, ada: Person, start: Start) -> None:
    """Queued while it is gone, soon and with its address; in its log afterwards."""
    redis = start(lambda folder: servers.redis(folder, "--appendonly", "yes", "--appendfsync", "always"))
    store = ("--store", f"redis://{redis.address}/0")
    id_ = ada.json(*OPEN, *store)["item"]
    redis.kill()
    began = time.monotonic()
    queued = ada.json("blocker", "resolve", id_, *store, code=75)
    assert time.monotonic() - began < 10
    assert queued["status"] == "queued"
    assert ada.call("log", *store).returncode == 3
    assert ada.call("blockers", *store).returncode == 3
    assert len(ada.json("outbox", *store)["queued"]) == 1
    assert ada.json("outbox")["queued"] == [], "another store has an outbox of its own"
    redis.restart()
    assert ada.json("outbox", "drain", *store)["queued"] == []
    assert [a["id"] for a in ada.json("log", *store)["actions"]][1:] == [queued["id"]]


def test_a_blocker_that_cannot_be_looked_up_is_taken_on_trust(quay: Team, ada: Person) -> None:
    """Queued with a warning; what needs to know the blocker is not recorded, or refused."""
    (quay.folder / "log").write_text("no folder", encoding="utf-8")
    done = ada.call("blocker", "resolve", "b-0123456789", "--json")
    assert done.returncode == 75
    assert "could not be checked" in done.stderr
    assert ada.json("blocker", "undo", "b-ffffffffff", code=3)["status"] == "not_recorded"
    assert ada.json("blocker", "escalate", "b-0123456789", code=4)["field"] == "next_update"
    assert ada.json("item", "set", "sprint-9/none", "--status", "done", code=4)["field"] == "item"


def test_nowhere_to_record_is_said_loudly(quay: Team, ada: Person) -> None:
    """Neither the store nor the outbox: exit 3, `not_recorded`."""
    ada.state.parent.mkdir(parents=True)
    ada.state.write_text("no folder", encoding="utf-8")
    (quay.folder / "log").write_text("no folder", encoding="utf-8")
    done = ada.call(*OPEN, "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["status"] == "not_recorded"
    assert "NOT RECORDED" in done.stderr


# -- the log ----------------------------------------------------------------------------------------


def test_the_log_by_rev_by_item_and_raw(quay: Team, ada: Person) -> None:
    """--since and --item choose; --raw gives the stored bytes."""
    one, two = ada.opened(), ada.opened()
    ada.json("blocker", "note", one, "über — 漢字")
    assert [action["rev"] for action in ada.json("log", "--since", "1")["actions"]] == [2, 3]
    found = ada.json("log", "--item", two)
    assert (found["rev"], [action["rev"] for action in found["actions"]]) == (3, [2])
    raw = ada.call("log", "--raw", "--since", "1").stdout
    files = sorted((quay.folder / "log").glob("0*.json"))[1:]
    assert raw == "".join(f"{file.read_text(encoding='utf-8')}\n" for file in files)
    assert ada.call("log").stdout.splitlines()[2].endswith("note by ada: über — 漢字")


def test_a_damaged_log_is_read_as_far_as_it_goes(quay: Team, ada: Person) -> None:
    """Exit 1 with the reason; what can be read is printed, what is done waits."""
    id_ = ada.opened()
    ada.json("blocker", "note", id_, "one")
    (quay.folder / "log" / "000000003.json").write_bytes(b"{torn")
    done = ada.call("log", "--json")
    assert done.returncode == 1
    assert "read-only" in done.stderr
    assert len(json.loads(done.stdout)["actions"]) == 2
    assert json.loads(done.stdout)["trouble"]
    assert ada.json("blocker", "note", id_, "two", code=75)["status"] == "queued"
    assert (quay.folder / "log" / "000000003.json").read_bytes() == b"{torn"


@contextmanager
def following(who: Person, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Callable[[], str]]]:
    """`log --follow` and a function that waits for its next line."""
    process = who.start("log", "--follow", *arguments, bufsize=1)

    def line() -> str:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 20)[0], "no line came"
        return process.stdout.readline()

    try:
        yield process, line
    finally:
        process.kill()
        process.communicate()


def test_following_tells_each_action_and_ends_with_130(quay: Team, ada: Person, bo: Person) -> None:
    """What is there, then what comes; a store that goes away is said and waited for."""
    quay.add("\n[store]\ninterval = 0.1\n")
    id_ = ada.opened()
    with following(ada) as (process, line):
        assert "opened by ada" in line()
        bo.json("blocker", "acknowledge", id_)
        assert "acknowledged by bo" in line()
        log = quay.folder / "log"
        log.rename(quay.folder / "away")
        log.write_text("no folder", encoding="utf-8")
        assert process.stderr is not None
        assert "cannot be read" in process.stderr.readline()
        log.unlink()
        (quay.folder / "away").rename(log)
        while "again" not in process.stderr.readline():
            pass
        bo.json("blocker", "resolve", id_)
        assert "resolved by bo" in line()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert "Traceback" not in process.stderr.read()


def test_following_as_json_is_an_object_a_line(quay: Team, ada: Person) -> None:
    """The entries of `log --json`, from the rev asked for."""
    ada.opened()
    ada.opened()
    with following(ada, "--json", "--since", "1") as (_, line):
        assert set(json.loads(line())) == ENTRY_KEYS


def test_following_ends_when_nobody_reads(quay: Team, ada: Person) -> None:
    """A closed pipe ends it without a word, even while nothing happens."""
    quay.add("\n[store]\ninterval = 0.1\n")
    ada.opened()
    with following(ada) as (process, line):
        assert line()
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        process.stdout = None


# -- copying ----------------------------------------------------------------------------------------


def test_a_log_is_copied_and_verified(quay: Team, ada: Person, start: Start) -> None:
    """To Redis and back into a folder: the same bytes; a log with other actions is not touched."""
    id_ = ada.opened()
    ada.json("blocker", "note", id_, "one")
    redis = f"redis://{start(servers.redis).address}/0"
    assert ada.json("store", "copy", "dir:log", redis)["actions"] == 2
    done = ada.json("store", "copy", redis, "dir:back")
    assert (done["actions"], done["already"], done["behind"]) == (2, 0, 0)
    stored = [sorted((quay.folder / name).glob("0*.json")) for name in ("log", "back")]
    assert [f.read_bytes() for f in stored[0]] == [f.read_bytes() for f in stored[1]]
    ada.json(*OPEN, "--store", "dir:other")
    assert ada.call("store", "copy", "dir:log", "dir:other").returncode == 4
    assert ada.call("store", "copy", "dir:log", "redis://127.0.0.1:1/0").returncode == 3
    nothing = ada.call("store", "copy", "dir:lgo", "dir:new")
    assert (nothing.returncode, "lgo holds no action" in nothing.stderr) == (0, True)


# -- escalation -------------------------------------------------------------------------------------


@contextmanager
def channel() -> Iterator[tuple[str, list[Any]]]:
    """A server that takes what a webhook takes, and what it was sent."""
    taken: list[Any] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_escalation_has_a_text_for_the_channel(quay: Team, ada: Person) -> None:
    """Printed and kept in the state folder; sent only with --post, to the configured webhook."""
    id_ = ada.opened(*WAITS)
    assert ada.call("blocker", "escalate", id_, "--eta", NOON, "--post").returncode == 2
    assert len(ada.log()) == 1
    with channel() as (url, taken):
        quay.write("hook", url)
        quay.add('\n[triage]\nchannel = "#quay"\nwebhook = { file = "hook" }\n')
        first = ada.json("blocker", "escalate", id_, "--eta", NOON)
        assert taken == []
        assert "No rope" in first["text"]
        assert Path(first["text_file"]).read_text(encoding="utf-8") == first["text"]
        assert first["posted"] is None
        second = ada.json("blocker", "escalate", id_, "--eta", "2031-05-06T13:00:00Z", "--post")
        assert second["posted"] is True
        assert len(taken) == 1
        assert "No rope" in taken[0]["text"]
    unsent = ada.call("blocker", "escalate", id_, "--eta", NOON, "--post", "--json")
    assert unsent.returncode == 3
    assert json.loads(unsent.stdout)["status"] == "committed"
    assert json.loads(unsent.stdout)["posted"] is False
    assert f"--id {json.loads(unsent.stdout)['id']} to post again" in unsent.stderr
    assert url not in unsent.stdout + unsent.stderr


# -- documents --------------------------------------------------------------------------------------


def test_a_move_that_is_taken_back_is_taken_back_in_its_document(quay: Team, ada: Person) -> None:
    """Where moves are always written back; a cell that somebody edited meanwhile is left alone."""
    config = (quay.folder / "controlroom.toml").read_text(encoding="utf-8")
    quay.write("controlroom.toml", config.replace('["*.md"]', '["*.md"]\nwrite_back = "always"'))
    board = quay.folder / "backlog.md"
    before = board.read_text(encoding="utf-8")
    moved = ada.json("item", "set", "sprint-1/bollards", "--status", "in progress")
    assert moved["document"]["before"] == "🟥 Not Started"
    assert ada.json("item", "undo", "sprint-1/bollards")["document"]["after"] == "🟥 Not Started"
    assert board.read_text(encoding="utf-8") == before
    ada.json("item", "set", "sprint-1/bollards", "--status", "done")
    edited = before.replace("🟥 Not Started", "🛑 Blocked")
    quay.write("backlog.md", edited)
    assert "document" not in ada.json("item", "undo", "sprint-1/bollards")
    assert board.read_text(encoding="utf-8") == edited


def test_a_status_is_changed_in_its_document(quay: Team, ada: Person) -> None:
    """That cell and no other byte; before and after are shown with their place."""
    before = (quay.folder / "backlog.md").read_bytes()
    done = ada.json("documents", "set-status", "backlog.md", "sprint-1/bollards", "done")
    assert (done["line"], done["before"], done["changed"]) == (6, "🟥 Not Started", True)
    after = (quay.folder / "backlog.md").read_bytes()
    assert before.splitlines()[:5] == after.splitlines()[:5]
    assert done["after"].encode() in after
    assert ada.json("documents", "set-status", "backlog.md", "sprint-1/bollards", "done")["changed"] is False
    for wrong in (("sprint-1/bollard", "done"), ("sprint-1/bollards", "purple")):
        assert ada.call("documents", "set-status", "backlog.md", *wrong).returncode == 2
    assert ada.call("documents", "set-status", "nowhere.md", "a/b", "done").returncode == 2
    (quay.folder / "backlog.md").chmod(0o444)
    assert ada.call("documents", "set-status", "backlog.md", "sprint-1/hoist", "done").returncode == 4


# -- manners ----------------------------------------------------------------------------------------

HOSTILE = [
    "line\nbreak",
    "\x1b[31mred\x1b]0;title\x07",
    "\u202egnirts",
    "x" * 100_000,
    "",
    "-leading",
    "--json",
    "\udcff\udcfe",
]


@pytest.mark.parametrize(
    "text", HOSTILE, ids=["newline", "escape", "rtl", "long", "empty", "dash", "option", "bytes"]
)
def test_hostile_text_in_every_argument(ada: Person, text: str) -> None:
    """Taken clean or refused with a line, never a traceback; output holds nothing a terminal obeys."""
    id_ = ada.opened()
    calls = [
        ("blocker", "open", f"--summary={text}", f"--owner={text}", f"--owning={text}", f"--blocking={text}"),
        ("blocker", "open", *OPEN[2:], f"--item={text}", f"--eta={text}", f"--link={text}"),
        ("blocker", "note", id_, f"--by={text}", f"--seen={text}", "--", text),
        ("blocker", "snooze", f"--until={text}", f"--id={text}", "--", text),
        ("item", "set", f"--status={text}", "--", text),
        ("log", f"--item={text}"),
        ("documents", "set-status", "--", text, text, text),
        ("store", "copy", "--", text, text),
    ]
    for call in calls:
        done = ada.call("--json", *call)
        assert done.returncode in (0, 2, 4), (call, done.stderr)
        assert "this is a bug" not in done.stderr
        for stream in (done.stdout, done.stderr):
            assert all(c in "\n\t" or ord(c) >= 0x20 for c in stream)
            assert not any(c in stream for c in "\x7f\x9b\u202e")
        if done.stdout:
            json.loads(done.stdout)
    for plain in (("log",), ("blockers",)):
        done = ada.call(*plain)
        assert all(c == "\n" or c.isprintable() for c in done.stdout), plain


def test_what_another_program_wrote_into_the_log_is_shown_clean(quay: Team, ada: Person) -> None:
    """Control characters, an unknown kind, fields nobody knows: history that obeys nobody."""
    evil = "\x1b[31m\u202e\x9b2J\nx"
    deeds = [
        {"kind": "open", "args": {"summary": evil, "owner": evil, "links": [evil], "text": [1]}},
        {"kind": "ponder", "args": {"deep": {"er": [evil]}}, "more": evil},
        {"kind": "snooze", "args": {"until": evil, "why": 7}},
    ]
    (quay.folder / "log").mkdir()
    for rev, deed in enumerate(deeds, 1):
        action = {"v": 1, "id": f"a{rev}", "item": evil, "actor": evil, "host": evil, "at": NOON, **deed}
        raw = json.dumps(action, ensure_ascii=False)
        (quay.folder / "log" / f"{rev:09}.json").write_text(raw, encoding="utf-8")
    for command in ("log", "blockers", "waiting", "lint", "snapshot"):
        for more in ((), ("--json",)):
            done = ada.call(command, *more)
            assert done.returncode in (0, 1), done.stderr
            for stream in (done.stdout, done.stderr):
                assert not any(c in stream for c in "\x1b\x9b\x7f\u202e")
            if more:
                json.loads(done.stdout)
    assert [action["kind"] for action in ada.log()] == ["open", "ponder", "snooze"]
    assert ada.log()[1]["args"] == {"deep": {"er": [evil]}}


def test_read_only_writes_nothing(quay: Team, ada: Person) -> None:
    """With --read-only every writing command is refused."""
    for call in (OPEN, ("outbox", "drain"), ("item", "set", "sprint-1/hoist", "--status", "done")):
        assert ada.call("--read-only", *call).returncode == 4
    assert not (quay.folder / "log").exists()
    assert not (ada.state / "outbox").exists()


def test_a_set_clock_is_the_time_of_the_action_and_is_said(ada: Person) -> None:
    """--at becomes `at`, with a line on stderr."""
    done = ada.call(*OPEN, "--at", "2031-05-06T07:30:00Z", "--json")
    assert json.loads(done.stdout)["action"]["at"] == "2031-05-06T07:30:00Z"
    assert "2031-05-06T07:30:00Z" in done.stderr


def test_looking_leaves_no_trace(quay: Team, ada: Person) -> None:
    """Reading commands make neither a log nor an outbox."""
    for call in (("blockers",), ("log",), ("waiting",), ("lint",), ("outbox",), ("snapshot",)):
        assert ada.call(*call).returncode in (0, 1)
    assert not (quay.folder / "log").exists()
    assert not (ada.state / "outbox").exists()


def test_watch_tells_what_others_did(quay: Team, ada: Person, bo: Person) -> None:
    """A blocker that another opened is a line with its author."""
    quay.add("\n[store]\ninterval = 0.1\n")
    process = ada.start("watch", bufsize=1)
    try:
        assert process.stdout is not None
        assert "store" in process.stdout.readline() + process.stdout.readline()
        id_ = bo.opened()
        told = ""
        while id_ not in told:
            assert select.select([process.stdout], [], [], 20)[0], "no line came"
            told = process.stdout.readline()
        assert "new → open: No rope · by bo" in told
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130


def test_a_full_pipe_or_none_is_no_error(ada: Person) -> None:
    """A reader that goes away early ends the command without a word."""
    ada.opened()
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "controlroom", "log"],
        cwd=ada.folder,
        env=ada.environ,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, b"")
