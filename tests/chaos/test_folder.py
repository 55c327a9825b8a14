"""The folder store under everything that happens to processes and disks, seen from the command line alone."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from controlroom.lab import servers
from tests.chaos import promises
from tests.chaos.people import Call, Fault, Person, Team, opened, together

DURABLE = (
    *("fsync", "fdatasync", "link", "linkat", "rename", "renameat", "renameat2"),
    *("unlink", "unlinkat", "mkdir", "mkdirat"),
)
"""System calls that change what survives."""

KILL = "signal=SIGKILL"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "programme")


@pytest.fixture
def traced() -> str:
    """Path of strace, where this machine lets it look into processes."""
    try:
        program = servers.find("strace")
    except servers.NotInstalled as missing:
        if os.environ.get("CONTROLROOM_REQUIRE_SERVERS") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    tried = subprocess.run([program, "-qq", "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("this machine lets nobody trace processes")
    return program


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_people_at_once_lose_nothing_and_overwrite_nothing(team: Team) -> None:
    """Racing people, clocks days apart, with and without having looked: the log holds what was answered."""
    people = [team.person(name) for name in ("ada", "bo", "cy", "di")]
    first = opened(people[0], "Kafka topics missing")
    blocker = first.answer["item"] if first.answer else ""
    watcher = _Watcher(team.folder / "log")
    clocks = ("2026-03-01T00:00:00Z", "2026-03-09T00:00:00Z", "2026-03-04T08:00:00Z", "2027-01-01T00:00:00Z")

    def work(person: Person, clock: str, seed: int) -> None:
        dice = random.Random(seed)
        opened(person, f"trouble of {person.name}")
        for step in range(4):
            known = {b["id"]: b for b in person.ask("blockers")["blockers"]}
            seen = ("--seen", known[blocker]["last_action"]) if dice.random() < 0.7 else ()
            verb = dice.choice(
                (("assign", blocker, "--to", f"{person.name}{step}"), ("note", blocker, f"try {step}"))
            )
            person.act("blocker", *verb, *seen, "--at", clock)

    with watcher:
        together(
            [lambda p=p, c=c, n=n: work(p, c, n) for n, (p, c) in enumerate(zip(people, clocks, strict=True))]
        )
    assert watcher.broken == []
    assert {call.status for call in team.calls} <= {"committed", "conflict"}
    promises.check(team, people[0], homes=people)


class _Watcher:
    """Looks at every published file again and again: each must parse, at every instant."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> _Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            for file in self.folder.glob("[0-9]*.json"):
                try:
                    json.loads(file.read_bytes())
                except ValueError:
                    self.broken.append(file.name)
            time.sleep(0.002)  # so that the writers get the disk too; nothing waits for this


def test_of_two_with_the_same_base_one_is_told_the_other(team: Team) -> None:
    """Both saw the same; one commits, the other learns who did what, and exits 4."""
    ada, bo = team.person("ada"), team.person("bo")
    first = opened(ada, "Crane stuck")
    assert first.answer is not None
    blocker, seen = first.answer["item"], first.answer["id"]
    calls: list[Call] = together(
        [
            lambda: ada.act("blocker", "assign", blocker, "--to", "Ada", "--seen", seen),
            lambda: bo.act("blocker", "resolve", blocker, "--seen", seen),
        ]
    )
    won, lost = sorted(calls, key=lambda call: call.code)
    assert (won.status, lost.status) == ("committed", "conflict")
    assert lost.answer is not None
    assert (lost.answer["current"]["id"], lost.answer["current"]["actor"]) == (won.id, won.person)
    promises.check(team, ada, homes=(ada, bo))


def test_one_id_from_ten_processes_is_written_once(team: Team) -> None:
    """Repeating a call with the same id writes once and answers every time with the same rev."""
    ada = team.person("ada")
    calls = together([lambda: ada.act("blocker", "open", *OPEN, id_="the-one") for _ in range(8)])
    answers = {(c.status, c.answer["rev"], c.answer["item"]) for c in calls if c.answer}
    assert len(answers) == 1
    assert answers.pop()[:2] == ("committed", 1)
    other = ada.act("blocker", "open", "--summary", "Another", *OPEN[2:], id_="the-one")
    assert (other.status, other.code) == ("conflict", 4)
    team.calls.remove(other)  # its id is in the log, with the deed of the others
    promises.check(team, ada, homes=(ada,))


OPEN = ("--summary", "Berth closed", "--owner", "Ines", "--owning", "quay", "--blocking", "cranes")


def _durable_calls(team: Team, person: Person, names: Sequence[str]) -> list[tuple[str, int]]:
    """Every system call of these names in one clean writing call: its name and which of them it is."""
    trace = team.folder / "clean-trace"
    traced = ",".join(f"?{name}" for name in names)
    command = person.command("blocker", "open", *OPEN, "--id", "clean", "--by", person.name, "--json")
    subprocess.run(
        [servers.find("strace"), "-f", "-qq", "-o", str(trace), "-e", f"trace={traced}", *command],
        env=person.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    called = re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE)
    counted = collections.Counter(name for name in called if name in names)
    return [(name, when) for name, count in counted.items() for when in range(1, count + 1)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", [KILL, "error=EIO", "error=ENOSPC"])
def test_at_every_durable_system_call(team: Team, traced: str, what: str) -> None:
    """Killed there or refused there: nothing torn, nothing twice, nothing claimed, the next one succeeds."""
    ada, bo = team.person("ada"), team.person("bo")
    started = time.monotonic()
    places = _durable_calls(team, ada, (*DURABLE, "write") if what == KILL else DURABLE)
    usual = time.monotonic() - started
    assert len(places) >= 6, "an outbox and a log cannot be durable with fewer"
    before = bo.raw_log()
    for name, when in places:
        hit = ada.act("blocker", "open", *OPEN, fault=Fault(name, when, what))
        if what != KILL:
            assert hit.status in ("committed", "queued", "not_recorded"), (name, when, hit)
            assert hit.code == {"committed": 0, "queued": 75, "not_recorded": 3}[hit.status]
        asked = time.monotonic()
        following = opened(bo, f"after {name} {when}")
        assert following.status == "committed", (name, when, following)
        assert time.monotonic() - asked < 2 + 8 * usual, "somebody was waited for"
        if hit.status == "not_recorded":
            after = bo.raw_log()
            promises.prefix(before, after)
            assert hit.id.encode() not in b"".join(after), (name, when, "a refused write changed the log")
            before = after
    promises.prefix(before, bo.raw_log())
    drained = ada.run("outbox", "drain")
    assert drained.code == 0, drained.stderr
    promises.check(team, bo, homes=(ada, bo), foreign=("clean",))
    for call in team.calls:
        if call.status == "killed":  # a repetition of what was killed settles it
            again = ada.act("blocker", "open", *OPEN, id_=call.id)
            assert again.status == "committed"
    promises.check(team, bo, homes=(ada, bo), foreign=("clean",))


@pytest.mark.parametrize("name", ["link", "fsync", "unlink"])
def test_a_writer_that_is_stopped_blocks_nobody(team: Team, traced: str, name: str) -> None:
    """Suspended in the middle of a write and woken much later, it neither holds others up nor harms them."""
    ada, bo = team.person("ada"), team.person("bo")
    opened(bo, "first")
    id_ = team.new_id()
    command = ada.command("blocker", "open", *OPEN, "--id", id_, "--by", "ada", "--json")
    trace = ada.home / "stopped"
    environment = ada.environment
    place = 2 if name == "fsync" else 1
    writer = subprocess.Popen(
        Fault(name, place, "signal=SIGSTOP").around(command, trace),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stopped = _stopped_child(writer)
        for number in range(3):
            assert opened(bo, f"meanwhile {number}").status == "committed"
        os.kill(stopped, signal.SIGCONT)
        out, _ = writer.communicate(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(writer.pid, signal.SIGKILL)
    answer = json.loads(out)
    assert answer["status"] == "committed"
    assert ada.run("outbox", "drain").code == 0
    promises.check(team, bo, homes=(ada, bo), foreign=(id_,))
    assert [a["id"] for a in bo.ask("log")["actions"]].count(id_) == 1


def _stopped_child(tracer: subprocess.Popen[bytes]) -> int:
    """Id of the process under `tracer` once it is stopped by a signal."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and tracer.poll() is None:
        children = Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text().split()
        for child in map(int, children):
            with contextlib.suppress(OSError):
                if _stays_stopped(child):
                    return child
        time.sleep(0.02)
    raise AssertionError("the writer never stopped")


def _stays_stopped(process: int) -> bool:
    """Whether it stays stopped: a traced process also stops for an instant at every system call."""
    for _ in range(10):
        status = Path(f"/proc/{process}/status").read_text()
        if not re.search(r"^State:\s+[tT]", status, re.MULTILINE):
            return False
        time.sleep(0.02)
    return True


def test_a_full_disk_queues_and_heals(team: Team) -> None:
    """The store's disk is full: the action waits in the outbox, and says so; with room it is delivered."""
    ada, bo = team.person("ada"), team.person("bo")
    with small_disk(team.folder / "log", "64k"):
        assert opened(ada, "before").status == "committed"
        filler = team.folder / "log" / ".filler"
        with contextlib.suppress(OSError), filler.open("wb") as full:
            for _ in range(64):
                full.write(b"x" * 4096)
                full.flush()
        before = bo.raw_log()
        call = opened(ada, "while full")
        assert (call.status, call.code) == ("queued", 75)
        assert "space" in call.stderr
        assert bo.raw_log() == before
        assert [entry["id"] for entry in ada.ask("outbox")["queued"]] == [call.id]
        filler.unlink()
        assert ada.run("outbox", "drain").code == 0
        promises.check(team, bo, homes=(ada, bo))
        assert [a["id"] for a in bo.ask("log")["actions"]][-1] == call.id


def test_a_read_only_store_queues_and_heals(team: Team) -> None:
    """Nothing can be written there: it waits; nothing in the log changed; later it is delivered in order."""
    ada, bo = team.person("ada"), team.person("bo")
    with small_disk(team.folder / "log", "1m") as disk:
        first = opened(ada, "before")
        assert first.answer is not None
        blocker = first.answer["item"]
        before = bo.raw_log()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        calls = [
            ada.act("blocker", "assign", blocker, "--to", "Bo", "--seen", first.id),
            ada.act("blocker", "note", blocker, "called them"),
            ada.act("blocker", "resolve", blocker, "--mitigation", "restarted"),
        ]
        assert {(call.status, call.code) for call in calls} == {("queued", 75)}
        assert bo.raw_log() == before
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert ada.run("outbox", "drain").code == 0
        promises.check(team, bo, homes=(ada, bo))
        assert [a["id"] for a in bo.ask("log")["actions"]] == [first.id, *(call.id for call in calls)]


def test_without_a_place_for_the_outbox_nothing_is_claimed(team: Team) -> None:
    """Not even the outbox can be written: not recorded, exit 3, loudly, and the log is as it was."""
    ada, bo = team.person("ada"), team.person("bo")
    opened(bo, "before")
    before = bo.raw_log()
    with small_disk(ada.home, "64k") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        call = opened(ada, "nowhere")
        assert (call.status, call.code) == ("not_recorded", 3)
        assert "not recorded" in call.stderr.lower()
    assert bo.raw_log() == before
    promises.check(team, bo, homes=(bo,))


def test_a_refused_write_changes_nothing(team: Team) -> None:
    """Against a rule: exit 4 with the argument to mend, and not a byte more in the log."""
    ada = team.person("ada")
    blocker = (opened(ada, "Pilots missing").answer or {})["item"]
    before = ada.raw_log()
    for arguments in (
        ("wait-on", blocker, "--owning", "quay", "--blocking", "quay"),
        ("reopen", blocker),
        ("note", blocker, ""),
        ("undo", "b-0000000000"),
    ):
        call = ada.act("blocker", *arguments)
        assert (call.status, call.code) == ("refused", 4), (arguments, call)
    assert ada.raw_log() == before
    waiting = ada.ask("outbox")
    assert (waiting["queued"], waiting["conflicts"]) == ([], [])
    promises.check(team, ada, homes=(ada,))


def test_foreign_bytes_and_unknown_fields_stay(team: Team) -> None:
    """What another program wrote, in its own spelling and with more fields, is read and never rewritten."""
    ada = team.person("ada")
    folder = team.folder / "log"
    folder.mkdir()
    planted = (
        b'{ "v":1, "id":"planted", "item":"b-planted", "kind":"open", "mood":"\\u2603",'
        b' "args":{"summary":"Fog","owner":"Ines","colour":[1,2.50,null]}, "actor":"ines", "host":"h",'
        b' "at":"2026-03-02T07:00:00+01:00", "expect":"" }'
    )
    (folder / "000000001.json").write_bytes(planted)
    assert ada.act("blocker", "acknowledge", "b-planted").status == "committed"
    assert opened(ada, "another").status == "committed"
    assert ada.raw_log()[0] == planted
    promises.check(team, ada, homes=(ada,), foreign=("planted",))


@pytest.mark.parametrize("damage", ["hole", "torn", "newer"])
def test_a_damaged_log_is_read_only_and_left_alone(team: Team, damage: str) -> None:
    """A hole, a torn file, a newer form: what can be read is shown, nothing is written, and it is said."""
    ada = team.person("ada")
    for number in range(3):
        opened(ada, f"number {number}")
    folder = team.folder / "log"
    second = folder / "000000002.json"
    if damage == "hole":
        second.unlink()
    elif damage == "torn":
        second.write_bytes(second.read_bytes()[:40])
    else:
        second.write_bytes(second.read_bytes().replace(b'"v":1', b'"v":2', 1))
    bytes_before = {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
    call = opened(ada, "onto damage")
    assert (call.status, call.code) == ("queued", 75)
    assert "000000002" in call.stderr or "2" in call.stderr
    assert {file.name: file.read_bytes() for file in sorted(folder.iterdir())} == bytes_before
    shown = {blocker["summary"] for blocker in ada.ask("blockers")["blockers"]}
    assert "number 0" in shown


def test_two_homes_one_outbox(team: Team) -> None:
    """Many processes of one person share the outbox while the store comes and goes: once each, in order."""
    ada = team.person("ada")
    first = opened(ada, "shared")
    assert first.answer is not None
    with small_disk(team.folder / "elsewhere", "1m") as disk:
        shutil.copytree(team.folder / "log", disk / "log")
        text = team.config.read_text(encoding="utf-8")
        team.config.write_text(text.replace('"dir:log"', '"dir:elsewhere/log"'), encoding="utf-8")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        notes = [f"note {number}" for number in range(4)]
        for note in notes:
            assert ada.act("blocker", "note", first.answer["item"], note).status == "queued"
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        together([lambda: ada.run("outbox", "drain") for _ in range(4)])
        promises.check(team, ada, homes=(ada,))
        said = [a["args"]["text"] for a in ada.ask("log")["actions"] if a["kind"] == "note"]
        assert said == notes


def test_own_writes_are_read(team: Team) -> None:
    """Whoever was told ``committed`` sees it in the very next answer."""
    ada = team.person("ada")
    blocker = (opened(ada, "mine").answer or {})["item"]
    for number, verb in enumerate(
        (("acknowledge",), ("assign", "--to", "Bo"), ("escalate", "--eta", "2026-03-04T12:00:00Z"))
    ):
        call = ada.act("blocker", verb[0], blocker, *verb[1:])
        shown = ada.ask("blockers")
        assert shown["rev"] >= (call.answer or {})["rev"]
        assert next(b for b in shown["blockers"] if b["id"] == blocker)["last_action"] == call.id, number


def test_what_is_answered_was_made_durable_first(team: Team, traced: str) -> None:
    """Before ``committed`` is printed: outbox file, log file and both folders are on disk, in that order."""
    ada = team.person("ada")
    opened(ada, "the folders are there")
    trace = team.folder / "order"
    command = ada.command("blocker", "open", *OPEN, "--id", "watched", "--by", "ada", "--json")
    wanted = "?open,openat,write,?pwrite64,fsync,fdatasync,?link,linkat,?rename,renameat2,?renameat"
    done = subprocess.run(
        [traced, "-f", "-qq", "-y", "-s", "4096", "-o", str(trace), "-e", f"trace={wanted}", *command],
        env=ada.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["status"] == "committed"
    steps = trace.read_text(errors="replace").splitlines()
    answered = _first(steps, lambda step: "write(1<" in step and "committed" in step)
    log, state = str(team.folder / "log"), str(ada.home / "state")
    published = _first(steps, lambda step: re.search(r"link(at)?\(", step) and f"{log}" in step)
    assert published < answered
    kept = _first(steps, lambda step: re.search(r"(link|rename)\w*\(", step) and state in step)
    assert kept < published, "the outbox comes first"
    for folder, named in ((state, kept), (log, published)):
        written = _first(steps, lambda s, f=folder: "write(" in s and str(f) in s)  # type: ignore[misc]
        synced = [n for n, s in enumerate(steps) if "sync(" in s and folder in s and "= 0" in s]
        assert any(written < n < named for n in synced), f"{folder}: named before its content was on disk"
        assert any(named < n < answered for n in synced), f"{folder}: answered before its name was on disk"
    for step in steps:  # what has its final name is never opened for writing
        assert not (re.search(r"open(at)?\(", step) and re.search(r"/\d{9}\.json\", O_(WRONLY|RDWR)", step))


def _first(steps: Sequence[str], wanted: Callable[[str], object]) -> int:
    found = next((n for n, step in enumerate(steps) if wanted(step)), None)
    assert found is not None, "\n".join(steps)
    return found
