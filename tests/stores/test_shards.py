"""What sharing collectors tell each other through a real Redis: with its true age, and nothing else."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from controlroom.domain.health import ProbeResult, TopicTraffic
from controlroom.domain.services import Health
from controlroom.lab import redis_servers, servers
from controlroom.lab.redis_servers import ask
from controlroom.stores import saved
from controlroom.stores.lease import Held, Lease, open_lease
from controlroom.stores.logs import Settings
from controlroom.stores.relay import Fenced
from controlroom.stores.shards import Shards, open_shards
from tests.conftest import Start
from tests.stores.redis_logs import refusal

LASTS = 1.0
MARK = "m1"
RESULTS = "{controlroom}:shards:results"
NEAR = timedelta(seconds=0.5)

Open = Callable[..., Shards]


def now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


@pytest.fixture(params=["alone", "cluster"])
def url(request: pytest.FixtureRequest, start: Start) -> str:
    """A fresh server; in a cluster the one that is named does not have the keys."""
    if request.param == "alone":
        return f"redis://{start(servers.redis).address}/0"
    nodes = [start(redis_servers.cluster_node) for _ in range(3)]
    redis_servers.join(nodes)
    owner = redis_servers.owner(nodes, RESULTS)
    return f"redis+cluster://{next(node for node in nodes if node is not owner).address}"


@pytest.fixture
def server(start: Start) -> servers.Server:
    """One server."""
    return start(servers.redis)


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens the exchange at a URL with a clock; all are closed at the end."""
    made: list[Shards] = []

    def go(url: str, clock: Callable[[], datetime] = now, settings: Settings | None = None) -> Shards:
        made.append(open_shards(url, settings or Settings(), LASTS, clock))
        return made[-1]

    yield go
    for shards in made:
        shards.close()


@pytest.fixture
def lead() -> Iterator[Callable[[str], Held]]:
    """Takes the lease at a URL, for ``chief``, for longer than a test."""
    made: list[Lease] = []

    def go(url: str) -> Held:
        brief, long = open_lease(url, Settings(), LASTS), open_lease(url, Settings(), 60.0)
        made.extend((brief, long))
        give_up = time.monotonic() + 40
        # A server that is new gives a lease only when one that it may have forgotten is over.
        while brief.take("chief") is None:
            assert time.monotonic() < give_up
            time.sleep(0.01)
        held = long.take("chief")
        assert held is not None
        return held

    yield go
    for lease in made:
        lease.close()


def found(service: str, at: datetime, health: Health = Health.UP, reason: str = "200") -> ProbeResult:
    """A result."""
    return ProbeResult(service, at, health, reason, 0.01, {"version": "7"})


def test_the_leader_hears_what_members_tell(url: str, opened: Open, lead: Callable[[str], Held]) -> None:
    """Once, in order, with who told it; and members hear who shares."""
    held = lead(url)
    chief, east, west = opened(url), opened(url), opened(url)
    first = chief.hear(held, MARK, "")
    assert (first.told, first.present, first.roster, first.more) == ([], (), (), False)
    assert east.tell("east", MARK, []) == ()
    at = now()
    east.tell("east", MARK, [found("vault", at), found("ledger", at, Health.DOWN, "refused")])
    west.tell("west", MARK, [found("press", at)])
    hearing = chief.hear(held, MARK, first.cursor)
    assert hearing.present == ("east", "west")
    assert [(told.by, [one.service for one in told.results]) for told in hearing.told] == [
        ("east", ["vault", "ledger"]),
        ("west", ["press"]),
    ]
    heard = hearing.told[0].results[1]
    assert (heard.health, heard.reason, heard.latency) == (Health.DOWN, "refused", 0.01)
    assert abs(heard.at - at) < NEAR
    assert heard.at <= at
    assert chief.hear(held, MARK, hearing.cursor).told == []
    chief.share(held, MARK, ["chief", "east"])
    assert west.tell("west", MARK, []) == ("chief", "east")
    assert chief.hear(held, MARK, hearing.cursor).roster == ("chief", "east")
    east.leave("east", MARK)
    assert chief.hear(held, MARK, hearing.cursor).present == ("west",)


def test_ages_hold_whatever_the_clocks_say(
    server: servers.Server, opened: Open, lead: Callable[[str], Held]
) -> None:
    """A member an hour ahead and a leader a day behind: an answer that is 7 s old is 7 s old, never less."""
    url = f"redis://{server.address}"
    held = lead(url)

    def ahead() -> datetime:
        return now() + timedelta(hours=1)

    def behind() -> datetime:
        return now() - timedelta(days=1)

    chief, east = opened(url, behind), opened(url, ahead)
    cursor = chief.hear(held, MARK, "").cursor
    at = ahead() - timedelta(seconds=7)
    traffic = (
        TopicTraffic("orders", at, carried_since=at),
        TopicTraffic("bills", at, stamped=True, watched_since=at),
    )
    east.tell("east", MARK, [ProbeResult("kafka", at, Health.UP, traffic=traffic)])
    (told,) = chief.hear(held, MARK, cursor).told
    age = behind() - told.results[0].at
    assert timedelta(seconds=7) <= age < timedelta(seconds=7) + NEAR
    moving, stamped = told.results[0].traffic
    assert moving.moved_at == moving.carried_since == told.results[0].at
    assert stamped.moved_at == at
    assert stamped.watched_since == told.results[0].at


def test_nothing_is_later_than_now(server: servers.Server, opened: Open, lead: Callable[[str], Held]) -> None:
    """A member whose clock was set back since the answer came tells one that is new, not one from ahead."""
    url = f"redis://{server.address}"
    held = lead(url)
    chief, east = opened(url), opened(url)
    cursor = chief.hear(held, MARK, "").cursor
    east.tell("east", MARK, [found("vault", now() + timedelta(minutes=5))])
    (told,) = chief.hear(held, MARK, cursor).told
    assert told.results[0].at <= now()


def test_only_the_leader_says_who_shares(
    server: servers.Server, opened: Open, lead: Callable[[str], Held]
) -> None:
    """Whoever holds another lease, or none, neither hears nor says anything."""
    url = f"redis://{server.address}"
    held = lead(url)
    chief = opened(url)
    for other in (held._replace(term=held.term + 1), held._replace(holder="other")):
        with pytest.raises(Fenced):
            chief.share(other, MARK, ["other"])
        with pytest.raises(Fenced):
            chief.hear(other, MARK, "")
    chief.share(held, MARK, ["chief"])
    assert chief.tell("east", MARK, []) == ("chief",)
    ask(server.port, "DEL", "{controlroom}:lease")
    with pytest.raises(Fenced):
        chief.share(held, MARK, ["chief", "east"])
    assert chief.tell("east", MARK, []) == ("chief",)


def test_who_asks_other_things_does_not_share(
    server: servers.Server, opened: Open, lead: Callable[[str], Held]
) -> None:
    """Collectors of another configuration, or version, are nobody to this leader; nor is it to them."""
    url = f"redis://{server.address}"
    held = lead(url)
    chief = opened(url)
    chief.tell("east", "m2", [])
    chief.tell("west", MARK, [])
    assert chief.hear(held, MARK, "").present == ("west",)
    chief.share(held, MARK, ["chief", "west"])
    assert chief.tell("east", "m2", []) == ()


def test_who_says_nothing_is_there_no_more(
    server: servers.Server, opened: Open, lead: Callable[[str], Held]
) -> None:
    """Not before the time it may count upon is over, and soon after."""
    url = f"redis://{server.address}"
    held = lead(url)
    chief = opened(url)
    asked = time.monotonic()
    chief.tell("east", MARK, [])
    while chief.hear(held, MARK, "").present:
        assert time.monotonic() < asked + 3 * LASTS
        time.sleep(0.01)
    assert time.monotonic() - asked >= LASTS


def test_a_new_leader_begins_with_what_is_new(
    server: servers.Server, opened: Open, lead: Callable[[str], Held]
) -> None:
    """What was told before may have counted already, and a failure must not count twice."""
    url = f"redis://{server.address}"
    held = lead(url)
    chief = opened(url)
    chief.tell("east", MARK, [found("vault", now())])
    first = chief.hear(held, MARK, "")
    assert first.told == []
    chief.tell("east", MARK, [found("press", now())])
    assert [one.results[0].service for one in chief.hear(held, MARK, first.cursor).told] == ["press"]


def test_much_is_heard_in_parts_and_bounded(
    server: servers.Server, opened: Open, lead: Callable[[str], Held]
) -> None:
    """What a slow leader missed is gone from the front; the rest comes in order until there is no more."""
    url = f"redis://{server.address}"
    held = lead(url)
    chief = opened(url)
    cursor = chief.hear(held, MARK, "").cursor
    for number in range(230):
        chief.tell("east", MARK, [found(f"svc-{number}", now())])
    heard, more = [], True
    while more:
        hearing = chief.hear(held, MARK, cursor)
        heard += [told.results[0].service for told in hearing.told]
        cursor, more = hearing.cursor, hearing.more
    assert heard == [f"svc-{number}" for number in range(30, 230)]


def test_a_server_that_lost_all_is_heard_all_the_same(
    server: servers.Server, opened: Open, lead: Callable[[str], Held]
) -> None:
    """Also one whose clock is far behind that of the one before it: its numbers are lower."""
    url = f"redis://{server.address}"
    held = lead(url)
    chief = opened(url)
    chief.tell("east", MARK, [found("vault", now())])
    far = f"{int(time.time() * 1000) + 3_600_000}-0"
    hearing = chief.hear(held, MARK, far)
    assert [told.results[0].service for told in hearing.told] == ["vault"]


def test_foreign_text_comes_out_clean_and_rubbish_not_at_all(
    server: servers.Server, opened: Open, lead: Callable[[str], Held]
) -> None:
    """Whatever was written there: escape sequences, bombs, other values, halves of one; the rest is heard."""
    url = f"redis://{server.address}"
    held = lead(url)
    chief = opened(url)
    cursor = chief.hear(held, MARK, "").cursor
    good = found("vault", now())
    rude = ProbeResult(
        "a\x1b[31m",
        now(),
        Health.UP,
        "b\x1b]0;x\x07",
        float("nan"),
        {"c\n": "d\x9b"},
        raw="e\x1b[2J\nf",
        traffic=(TopicTraffic("g\u202e", error="h\x00"),),
    )

    def stored(value: object) -> bytes:
        return zlib.compress(saved.dump(value))

    bodies = [
        b"",
        b"\xff",
        zlib.compress(b"x" * 50_000_000),
        stored((good,))[:-9],
        stored(good),
        stored((1,)),
        stored((ProbeResult("x", datetime(2031, 1, 1), Health.UP),)),  # noqa: DTZ001
        stored((ProbeResult(7, now(), Health.UP),)),  # type: ignore[arg-type]
        stored((ProbeResult("x", now(), "up"),)),  # type: ignore[arg-type]
        stored((ProbeResult("x", now(), Health.UP, detail=3),)),  # type: ignore[arg-type]
        stored((ProbeResult("x", datetime.min.replace(tzinfo=UTC), Health.UP),)),
        stored((rude,)),
    ]
    for body in bodies:
        ask(server.port, "XADD", RESULTS, "*", "by", "east", "r", body)
    ask(server.port, "XADD", RESULTS, "*", "odd", "1")
    ask(server.port, "XADD", RESULTS, "*", "by", "\x1b[31m", "r", stored((good,)))
    chief.tell("east", MARK, [good])
    told = chief.hear(held, MARK, cursor).told
    texts = [
        text
        for one in told
        for result in one.results
        for text in (result.service, result.reason, *result.detail, *result.detail.values())
    ]
    assert all(text.isprintable() for text in texts), texts
    named = {result.service: result for one in told for result in one.results}
    assert set(named) <= {"vault", "a[31m", "7", "x"}
    assert named["vault"].reason == "200"
    dulled = named["a[31m"]
    assert (dulled.reason, dulled.latency, dulled.raw) == ("b]0;x", None, "e[2J\nf")
    assert (dulled.traffic[0].topic, dulled.traffic[0].error) == ("g", "h")


def test_the_rights_that_are_written_down_are_enough(server: servers.Server, opened: Open) -> None:
    """A user with the lease's and three more."""
    rights = (
        *("+eval", "+evalsha", "+info", "+time", "+get", "+set", "+del", "+hmget", "+hset"),
        *("+zadd", "+zrem", "+zrange", "+zremrangebyscore", "+xadd", "+xrange", "+xrevrange"),
    )
    ask(server.port, "ACL", "SETUSER", "lead", "on", ">pearl", "~{controlroom}:*", *rights)
    url, settings = f"redis://{server.address}", Settings(username="lead", password="pearl")
    lease = open_lease(url, settings, LASTS)
    while (held := lease.take("chief")) is None:
        time.sleep(0.01)
    shards = opened(url, settings=settings)
    cursor = shards.hear(held, MARK, "").cursor
    shards.tell("east", MARK, [found("vault", now())])
    assert len(shards.hear(held, MARK, cursor).told) == 1
    shards.share(held, MARK, ["chief"])
    shards.leave("east", MARK)
    lease.close()


def test_a_server_that_hangs_or_is_away(server: servers.Server, opened: Open) -> None:
    """Why nothing can be told, in plain words, within a third of the time a member counts as there."""
    shards = opened(f"redis://{server.address}")
    shards.tell("east", MARK, [])
    server.pause()
    began = time.monotonic()
    assert "no answer" in refusal(lambda: shards.tell("east", MARK, [found("vault", now())])).reason
    assert time.monotonic() - began < 0.5 * LASTS
    server.resume()
    server.kill()
    assert "refused" in refusal(lambda: shards.tell("east", MARK, [])).reason
