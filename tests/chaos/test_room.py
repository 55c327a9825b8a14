"""Two real rooms on two terminals against one store."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos import promises
from tests.chaos.people import Person, Team, opened
from tests.tui.terminal import Terminal, program

BLOCKERS = "4"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "programme")


@contextmanager
def room(person: Person, *arguments: str, size: tuple[int, int] = (160, 45)) -> Iterator[Terminal]:
    """The room of `person`, looking at the blockers."""
    with program(["-m", "controlroom", *arguments], size=size, environ=person.environment) as terminal:
        terminal.wait("Blockers")
        terminal.press(BLOCKERS)
        yield terminal


def both(one: Terminal, other: Terminal, seen: str, seconds: float = 20.0) -> float:
    """Seconds until `one` and `other` show `seen`; both are drawn all the while."""
    began = time.monotonic()
    while not (seen in one.text and seen in other.text):
        assert time.monotonic() - began < seconds, f"not seen: {seen!r}\n{one.text}\n{other.text}"
        one.read(0.02)
        other.read(0.02)
    return time.monotonic() - began


def test_two_rooms_show_the_same_within_two_polls(team: Team) -> None:
    """What one does with a key, the other shows; and the log says who it was."""
    ada, bo = team.person("ada"), team.person("bo")
    opened(ada, "Crane seven is stuck")
    with room(ada) as hers, room(bo) as his:
        both(hers, his, "Crane seven is stuck")
        hers.press("a")
        both(hers, his, "r2")
        his.press("N")
        his.wait("Note")
        his.press("spare part ordered\r")
        his.wait(lambda text: "r3" in text)
        both(hers, his, "r3")
    actions = ada.ask("log")["actions"]
    assert [(a["kind"], a["actor"]) for a in actions] == [
        ("open", "ada"),
        ("acknowledge", "ada"),
        ("note", "bo"),
    ]
    promises.numbered(ada.ask("log"))
    promises.as_folded(ada, actions)


def test_a_conflict_names_what_the_other_did(team: Team) -> None:
    """Acting on what somebody has moved meanwhile shows who did what, and changes nothing by itself."""
    ada, bo = team.person("ada"), team.person("bo")
    blocker = (opened(ada, "Pilots are missing").answer or {})["item"]
    with room(bo) as his:
        his.wait("Pilots are missing")
        his.press(" ")
        his.wait("held")
        ada.act("blocker", "resolve", blocker, "--mitigation", "two came back")
        his.press("A")
        his.wait("[ assign ]")
        his.press("Bo\r")
        his.wait("ada")
        his.wait("resolved")
        assert [a["kind"] for a in ada.ask("log")["actions"]] == ["open", "resolve"]
        assert len(bo.ask("outbox")["conflicts"]) == 1


def test_a_killed_room_loses_nothing(team: Team) -> None:
    """kill -9 right after a key: what it did is in the log, or in the outbox and delivered later, once."""
    ada = team.person("ada")
    blocker = (opened(ada, "Fog on the river").answer or {})["item"]
    with room(ada) as hers:
        hers.wait("Fog on the river")
        hers.press("a")
        hers.wait("r2")
        os.kill(hers.process, 9)
        hers.ended()
    ada.run("outbox", "drain")
    log = ada.ask("log")
    promises.numbered(log)
    promises.once(log["actions"])
    assert [a["item"] for a in log["actions"]] == [blocker, blocker]


def test_offline_is_shown_and_heals(team: Team) -> None:
    """With the store gone, keys still count: the header says how much waits, and later it is delivered."""
    ada = team.person("ada")
    opened(ada, "Gate three closed")
    log = team.folder / "log"
    with room(ada) as hers:
        hers.wait("Gate three closed")
        away = team.folder / "log-away"
        log.rename(away)
        log.write_text("in the way")
        hers.press("a")
        hers.wait("queued")
        log.unlink()
        away.rename(log)
        hers.wait("r2")
        hers.wait(lambda text: "queued" not in text)
    promises.numbered(ada.ask("log"))
