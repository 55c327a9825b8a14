"""The shared store on a real Redis that is cut off, stopped, killed and restarted, from the command line."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from controlroom.lab import redis_servers, servers
from tests.chaos import promises
from tests.chaos.network import cable
from tests.chaos.people import Call, Person, Team, opened, together

Start = Callable[[Callable[[Path], servers.Server]], servers.Server]


def durable(folder: Path) -> servers.Server:
    """A Redis that has on disk what it acknowledged."""
    return servers.redis(folder, "--appendonly", "yes", "--appendfsync", "always")


def _team(folder: Path, port: int) -> Team:
    return Team(folder / "programme", store=f"redis://127.0.0.1:{port}/0")


def test_an_hour_of_triage_with_the_network_cut_twice(start: Start, tmp_path: Path) -> None:
    """A facilitator and two leads go on while the network is cut twice: the log holds what they did."""
    server = start(durable)
    with cable("127.0.0.1", server.port) as wire:
        team = _team(tmp_path, wire.port)
        people = [team.person(name) for name in ("facilitator", "quay lead", "crane lead")]
        shared = (opened(people[0], "Everybody's trouble").answer or {})["item"]

        def work(person: Person, seed: int) -> list[Call]:
            dice = random.Random(seed)
            mine = opened(person, f"trouble of {person.name}")
            about = (mine.answer or {})["item"]
            return [
                person.act("blocker", *_deed(dice, dice.choice((about, shared)), person.name))
                for _ in range(2)
            ]

        together([lambda p=p, n=n: work(p, n) for n, p in enumerate(people)])
        for cut in range(2):
            wire.pull()
            offline = together([lambda p=p, c=cut: _offline(p, shared, c) for p in people])
            assert {call.status for calls in offline for call in calls} == {"queued"}
            wire.put_back()
            together([lambda p=p: p.run("outbox", "drain") for p in people])
            promises.check(team, people[0], homes=people)
        together([lambda p=p, n=n: work(p, n + 10) for n, p in enumerate(people)])
        promises.check(team, people[1], homes=people)
        for person in people:
            waiting = person.ask("outbox")
            assert waiting["queued"] == []


def _deed(dice: random.Random, blocker: str, name: str) -> tuple[str, ...]:
    return dice.choice(
        (
            ("note", blocker, f"{name} was here"),
            ("assign", blocker, "--to", name),
            ("acknowledge", blocker),
            ("escalate", blocker, "--eta", "2026-03-05T10:00:00Z"),
        )
    )


def _offline(person: Person, shared: str, cut: int) -> list[Call]:
    return [
        opened(person, f"{person.name} alone {cut}"),
        person.act("blocker", "note", shared, f"{person.name} says, cut {cut}"),
    ]


def test_of_two_with_the_same_base_one_is_told_the_other(start: Start, tmp_path: Path) -> None:
    """Both saw the same; one commits, the other learns who did what, and exits 4."""
    server = start(durable)
    team = _team(tmp_path, server.port)
    ada, bo = team.person("ada"), team.person("bo")
    first = opened(ada, "Crane stuck")
    blocker = (first.answer or {})["item"]
    calls: list[Call] = together(
        [
            lambda: ada.act("blocker", "assign", blocker, "--to", "Ada", "--seen", first.id),
            lambda: bo.act("blocker", "resolve", blocker, "--seen", first.id),
        ]
    )
    won, lost = sorted(calls, key=lambda call: call.code)
    assert (won.status, lost.status) == ("committed", "conflict")
    assert (lost.answer or {})["current"]["id"] == won.id
    promises.check(team, ada, homes=(ada, bo))


def test_repeated_calls_are_written_once(start: Start, tmp_path: Path) -> None:
    """One id from several processes at once, and again later: one rev, the same answer."""
    server = start(durable)
    team = _team(tmp_path, server.port)
    ada = team.person("ada")
    words = ("--summary", "Fog", "--owner", "Ines", "--owning", "quay", "--blocking", "cranes")
    places = [team.person("ada", home=team.folder / "homes" / f"ada-{n}") for n in range(3)]
    calls = together([lambda p=p: p.act("blocker", "open", *words, id_="one") for p in places])
    calls.append(ada.act("blocker", "open", *words, id_="one"))
    assert {(call.status, (call.answer or {})["rev"]) for call in calls} == {("committed", 1)}
    blocker = (calls[0].answer or {})["item"]
    for number in range(3):  # a note follows nothing: only its id tells that it is there already
        id_ = f"note-{number}"
        together([lambda p=p, i=id_: p.act("blocker", "note", blocker, "again", id_=i) for p in places])
    log = ada.ask("log")
    promises.once(log["actions"])
    assert log["rev"] == 4


def test_killed_and_restarted_with_its_file(start: Start, tmp_path: Path) -> None:
    """kill -9 while people write; back with its append-only file, everything acknowledged is there."""
    server = start(durable)
    team = _team(tmp_path, server.port)
    people = [team.person(name) for name in ("ada", "bo", "cy")]
    opened(people[0], "first")

    def work(person: Person) -> None:
        for number in range(3):
            opened(person, f"{person.name} {number}")

    together([*(lambda p=p: work(p) for p in people), server.kill])
    assert {call.status for call in team.calls} <= {"committed", "queued"}
    server.restart()
    for person in people:
        assert person.run("outbox", "drain").code == 0
    promises.check(team, people[0], homes=people)
    assert people[0].ask("log")["rev"] == len(team.calls)


def test_restarted_empty(start: Start, tmp_path: Path) -> None:
    """It lost everything: what was acknowledged in the last day is handed in again, each thing once."""
    server = start(servers.redis)
    team = _team(tmp_path, server.port)
    ada, bo = team.person("ada"), team.person("bo")
    blocker = (opened(ada, "kept by those who wrote it").answer or {})["item"]
    bo.act("blocker", "assign", blocker, "--to", "Bo", "--seen", team.calls[-1].id)
    ada.act("blocker", "note", blocker, "on it")
    server.kill()
    server.restart()
    for _ in range(2):  # Bo's action waits for Ada's, which it follows
        bo.run("outbox", "drain")
        ada.run("outbox", "drain")
    bo.run("outbox", "drain")
    log = ada.ask("log")
    promises.numbered(log)
    promises.once(log["actions"])
    promises.each_expects_the_one_before(log["actions"])
    assert {action["id"] for action in log["actions"]} == {call.id for call in team.calls}
    promises.as_folded(ada, log["actions"])


def test_stopped_in_the_middle(start: Start, tmp_path: Path) -> None:
    """A hung server: the call ends in time, queued; woken, nothing is there twice."""
    server = start(durable)
    team = _team(tmp_path, server.port)
    ada = team.person("ada")
    usual = opened(ada, "before").seconds
    server.pause()
    try:
        call = opened(ada, "while it hangs")
    finally:
        server.resume()
    assert (call.status, call.code) == ("queued", 75)
    assert call.seconds < 2 * usual + 4 * 1.0, "a timeout of 1 s was asked for"
    assert ada.run("outbox", "drain").code == 0
    promises.check(team, ada, homes=(ada,))


def test_secrets_of_the_store_stay_secret(start: Start, tmp_path: Path) -> None:
    """A password in the URL appears in no output, whatever fails."""
    server = start(lambda folder: servers.redis(folder, "--requirepass", "s3cr3t-w0rd"))
    team = Team(tmp_path / "programme", store=f"redis://:s3cr3t-w0rd@127.0.0.1:{server.port}/0")
    ada = team.person("ada")
    assert opened(ada, "works").status == "committed"
    server.stop()
    call = opened(ada, "does not")
    assert call.status == "queued"
    said = [call.stderr, str(call.answer), str(ada.ask("outbox"))]
    for arguments in (("log",), ("blockers",), ("snapshot", "--plain"), ("config", "check"), ("outbox",)):
        done = subprocess.run(
            ada.command(*arguments), env=ada.environment, capture_output=True, text=True, check=False
        )
        said += [done.stdout, done.stderr]
    said += [file.read_text(errors="replace") for file in ada.home.rglob("*") if file.is_file()]
    assert not any("s3cr3t" in text for text in said)


def test_failed_over_by_sentinel(start: Start, tmp_path: Path) -> None:
    """The master dies with writes its replica never got: each is handed in again, once, or listed."""
    master = start(redis_servers.master)
    replica = start(lambda folder: redis_servers.replica(folder, master))
    redis_servers.await_replica(replica)
    sentinels = [
        start(lambda folder: redis_servers.sentinel(folder, master, quorum=2, down_after=1500))
        for _ in range(3)
    ]
    redis_servers.await_quorum(sentinels)
    where = ",".join(one.address for one in sentinels)
    team = Team(tmp_path / "programme", store=f"redis+sentinel://{where}/{redis_servers.MASTER}")
    ada, bo = team.person("ada"), team.person("bo")
    blocker = (opened(ada, "everybody has this").answer or {})["item"]
    replica.pause()
    redis_servers.ask(master.port, "CLIENT", "KILL", "TYPE", "replica")
    lost = [
        bo.act("blocker", "assign", blocker, "--to", "Bo", "--seen", team.calls[0].id),
        ada.act("blocker", "note", blocker, "called them"),
    ]
    assert {call.status for call in lost} == {"committed"}
    master.kill()
    replica.resume()
    while opened(ada, "after the failover").status != "committed":
        assert len(team.calls) < 60, "nobody took over"
    for person in (bo, ada, bo, ada):
        person.run("outbox", "drain")
    log = ada.ask("log")
    promises.numbered(log)
    promises.once(log["actions"])
    promises.each_expects_the_one_before(log["actions"])
    listed = {entry["id"] for person in (ada, bo) for entry in promises.waiting(person)}
    assert {call.id for call in team.calls} == {action["id"] for action in log["actions"]} | listed
    assert listed <= {lost[0].id}, "only what another's note overtook has to be decided"
    promises.as_folded(bo, log["actions"])
