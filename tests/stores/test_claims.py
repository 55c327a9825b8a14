"""One room of a team tells a notice: who claims first, whatever dies in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controlroom.lab import servers
from controlroom.stores.claims import Claims, open_claims
from controlroom.stores.logs import Settings, open_log
from controlroom.stores.port import Unavailable
from tests.conftest import Start

LEASE = 0.5

Make = Callable[[], Claims]


@pytest.fixture(params=["folder", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Gives one more room's way to the same claims."""
    url = "dir:log"
    if request.param == "redis":
        start: Start = request.getfixturevalue("start")
        url = f"redis://{start(servers.redis).address}/0"
    made: list[Claims] = []

    def go() -> Claims:
        made.append(open_claims(url, tmp_path, Settings(), LEASE))
        return made[-1]

    yield go
    for claims in made:
        claims.close()


def test_who_claims_first_tells(make: Make) -> None:
    """One has it, the other waits; once it is told nobody tells it again."""
    one, other = make(), make()
    assert one.claim(["a1", "a2"], "one") == "mine"
    assert other.claim(["a1", "a2"], "other") == "held"
    assert other.claim(["a2", "b2"], "other") == "held"
    assert one.claim(["a1", "a2"], "one") == "mine"
    one.confirm(["a1", "a2"], "one")
    assert other.claim(["a1", "a2"], "other") == "told"
    assert one.claim(["a2", "c2"], "one") == "told"
    assert other.claim(["d1"], "other") == "mine"


def test_a_claim_of_a_dead_room_is_void(make: Make) -> None:
    """Nobody confirms or renews it for the lease: exactly one other takes over."""
    assert make().claim(["a1"], "dead") == "mine"
    one, other = make(), make()
    answers: list[str] = []
    end = time.monotonic() + 10
    while "mine" not in answers and time.monotonic() < end:
        answers = [one.claim(["a1"], "one"), other.claim(["a1"], "other")]
        time.sleep(0.02)
    assert sorted(answers) == ["held", "mine"]


def test_a_claim_that_is_renewed_stays(make: Make) -> None:
    """A room that goes on trying keeps it, for longer than the lease."""
    one, other = make(), make()
    end = time.monotonic() + 3 * LEASE
    while time.monotonic() < end:
        assert one.claim(["a1"], "one") == "mine"
        assert other.claim(["a1"], "other") == "held"
        time.sleep(0.05)


def test_of_many_at_once_one_gets_it(make: Make) -> None:
    """Twelve rooms claim at the same moment, with marks that overlap: one tells."""
    rooms = [make() for _ in range(12)]
    answers: list[str] = []
    barrier = threading.Barrier(len(rooms))

    def claim(number: int) -> None:
        barrier.wait()
        answers.append(rooms[number].claim(["a1" if number % 2 else "b1", "shared"], f"room-{number}"))

    threads = [threading.Thread(target=claim, args=(n,)) for n in range(len(rooms))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["held"] * 11 + ["mine"]


def test_who_loses_one_key_takes_no_other(make: Make) -> None:
    """A room that comes too late for its first key leaves the second to whoever gets all of its own."""
    one, late, other = make(), make(), make()
    assert one.claim(["a1"], "one") == "mine"
    assert late.claim(["a1", "shared"], "late") == "held"
    assert other.claim(["b1", "shared"], "other") == "mine"


def test_claims_are_nothing_to_the_log(tmp_path: Path) -> None:
    """The folder of claims lies in the log's: the log is as it was."""
    claims = open_claims("dir:log", tmp_path, Settings())
    claims.claim(["a1"], "one")
    claims.confirm(["a1"], "one")
    assert sorted(path.name for path in (tmp_path / "log" / "notices").iterdir()) == ["a1.1", "a1.told"]
    page = open_log("dir:log", tmp_path, Settings()).read()
    assert (page.head, page.trouble) == (0, "")


def test_a_store_that_cannot_say(tmp_path: Path) -> None:
    """A folder that cannot be made, a server that is away: why, in plain words."""
    (tmp_path / "log").write_text("a file")
    with pytest.raises(Unavailable, match="the claim cannot be written"):
        open_claims("dir:log", tmp_path, Settings()).claim(["a1"], "one")
    with pytest.raises(Unavailable, match="refused"):
        open_claims("redis://127.0.0.1:1/0", tmp_path, Settings()).claim(["a1"], "one")
    with pytest.raises(ValueError, match="kind"):
        open_claims("ftp://x", tmp_path, Settings())
