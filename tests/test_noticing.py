"""Rooms tell real webhooks what happens: once, in time, and again where that failed."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controlroom import wiring
from controlroom.config.load import load
from controlroom.domain.notice import Notice, Severity, exact
from controlroom.domain.runs import Key, Run
from controlroom.domain.triage import Blocker
from controlroom.lab import servers
from tests.conftest import Start
from tests.telling import (
    SECRET,
    Watch,
    became,
    build,
    channel,
    environ_of,
    free_port,
    furnish,
    hooked,
    listening,
    state_of,
    telling,
    until,
)

HERE = Path(__file__).parent


def notice(name: str, became: str = "down", severity: Severity = "critical", **more: object) -> Notice:
    """A notice made by hand."""
    at = dt.datetime.now(dt.UTC).replace(microsecond=0)
    marks = exact(f"thing:{name}", became, f"{name}-{became}")
    made = Notice(
        marks[0], "ritual", f"thing:{name}", became, f"{name} is {became}", at, severity, marks=marks
    )
    return replace(made, **more)  # type: ignore[arg-type]


def states(room: wiring.Room) -> dict[str, str]:
    """Title → state."""
    return {title: state for title, state, _ in became(room)}


async def test_an_outage_and_its_end_are_told(tmp_path: Path) -> None:
    """Slack gets a text with the programme's time and what to do, a webhook the whole notice as JSON."""
    folder = tmp_path / "harbour"
    async with hooked() as slack, hooked() as other, listening() as kafka:
        furnish(folder, kafka.port)
        channel(folder, "crew", slack.url)
        channel(folder, "log", other.url, "webhook")
        async with telling(folder) as room:
            await kafka.down()
            await until(lambda: slack.bodies and other.bodies)
            await kafka.up()
            await until(lambda: len(slack.bodies) == 2 and len(other.bodies) == 2)
            await until(lambda: set(states(room).values()) == {"sent"})
    down, up = slack.texts
    assert down.startswith("✖ Harbour programme: Kafka is DOWN · ")
    assert "CET" in down or "CEST" in down
    assert "Squads that need it: Cranes" in down
    assert down.endswith("Next: see https://runbooks.test/kafka")
    assert up.startswith("✓ Harbour programme: Kafka is up again after ")
    first = other.bodies[0]
    assert list(first)[:3] == ["_banner", "schema", "version"]
    assert (first["_banner"], first["schema"]) == ("NOT MEDICAL ADVICE", "controlroom.notice")
    assert (first["kind"], first["became"], first["squads"]) == ("service", "down", ["cranes"])
    kept = b"".join(path.read_bytes() for path in state_of(folder, "Ines").rglob("*.json"))
    assert b"Kafka is DOWN" in kept
    assert SECRET.encode() not in kept


async def test_a_service_that_is_down_at_the_beginning_is_no_news(tmp_path: Path) -> None:
    """The first reading tells nothing; its recovery is the first news."""
    folder = tmp_path / "harbour"
    async with hooked() as hook, listening() as kafka:
        await kafka.down()
        furnish(folder, kafka.port)
        channel(folder, "crew", hook.url)
        async with telling(folder):
            await kafka.up()
            await until(lambda: hook.bodies)
    assert "Kafka is up again" in hook.texts[0]


def test_thousands_of_blockers_hold_up_no_room(tmp_path: Path) -> None:
    """Then the end of a standup is told without the text that takes so long to make."""
    furnish(tmp_path, free_port())
    noticing = build(tmp_path, "Ines").noticing
    assert noticing is not None
    few = noticing.snapshot()
    many = replace(few, blockers=tuple(Blocker(f"b-{number}", "No ink") for number in range(2_001)))
    now = wiring.utc_now()
    run = Run(Key("standup", now.date()), "Ines", now)
    assert noticing._chat(run, few, now)
    assert not noticing._chat(run, many, now)


async def test_a_channel_that_is_added_is_told_from_then_on(tmp_path: Path) -> None:
    """A room without channels looks for no news; one that is given a channel begins to."""
    folder = tmp_path / "harbour"
    async with hooked() as hook, listening() as kafka:
        furnish(folder, kafka.port)
        environ = environ_of(folder, "Ines")
        path = folder / "controlroom.toml"
        room = wiring.build(load(path, environ=environ), environ=environ, telling="")
        running = asyncio.create_task(room.run())
        try:
            await until(lambda: room.snapshot.services[0].health == "up")
            assert room._noticing is None
            channel(folder, "crew", hook.url)
            room.adopt(load(path, environ=environ))
            await until(lambda: room._noticing is not None and room._noticing.ready.is_set())
            await kafka.down()
            await until(lambda: hook.bodies)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await room.close()
    assert "Kafka is DOWN" in hook.texts[0]


async def test_two_rooms_tell_once(tmp_path: Path) -> None:
    """Two people's rooms on one folder see the same outage, each at its own moment; it is told once."""
    folder = tmp_path / "harbour"
    async with hooked() as hook, listening() as kafka:
        furnish(folder, kafka.port)
        channel(folder, "crew", hook.url)
        async with telling(folder, "Ines") as one, telling(folder, "Ada") as other:
            await kafka.down()
            await until(lambda: "waiting" not in {*states(one).values(), *states(other).values(), ""})
            await until(lambda: states(one) and states(other))
            await until(
                lambda: sorted((*states(one).values(), *states(other).values())) == ["elsewhere", "sent"]
            )
            await kafka.up()
            await until(lambda: len(states(one)) == 2 and len(states(other)) == 2)
            await until(lambda: "waiting" not in {*states(one).values(), *states(other).values()})
    assert len(hook.bodies) == 2


async def test_two_rooms_on_one_redis_tell_once(tmp_path: Path, start: Start) -> None:
    """The same with the team's Redis."""
    server = start(servers.redis)
    folder = tmp_path / "harbour"
    async with hooked() as hook, listening() as kafka:
        furnish(folder, kafka.port, f"redis://{server.address}/0")
        channel(folder, "crew", hook.url)
        async with telling(folder, "Ines") as one, telling(folder, "Ada") as other:
            await kafka.down()
            await until(lambda: states(one) and states(other))
            await until(
                lambda: sorted((*states(one).values(), *states(other).values())) == ["elsewhere", "sent"]
            )
    assert len(hook.bodies) == 1


async def test_an_outage_of_the_store_is_told_all_the_same(tmp_path: Path, start: Start) -> None:
    """Where the store cannot say who tells it, the room tells it, and says so."""
    server = start(servers.redis)
    folder = tmp_path / "harbour"
    async with hooked() as hook, listening() as kafka:
        furnish(folder, kafka.port, f"redis://{server.address}/0")
        channel(folder, "crew", hook.url)
        async with telling(folder) as room:
            server.stop()
            await kafka.down()
            await until(lambda: "sent" in states(room).values())
            assert "could not say who tells it" in became(room)[0][2]
    assert len(hook.bodies) == 1


@asynccontextmanager
async def quiet_room(
    folder: Path, url: str, more: str = "", clock: Callable[[], dt.datetime] = wiring.utc_now
) -> AsyncIterator[wiring.Room]:
    """A room whose service never changes, with one channel."""
    async with listening() as kafka:
        furnish(folder, kafka.port)
        channel(folder, "crew", url, more=more)
        async with telling(folder, clock=clock) as room:
            yield room


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("500 Internal Server Error", "in trouble (500)"),
        (None, "may have arrived"),
    ],
)
async def test_what_failed_is_tried_again(tmp_path: Path, answer: str | None, why: str) -> None:
    """A server in trouble, and one that is killed half-way: the notice waits, says why, and is told."""
    async with hooked(answer, "200 OK") as hook, quiet_room(tmp_path / "harbour", hook.url) as room:
        assert room.noticing is not None
        room.noticing.tell(notice("crane"))
        await until(lambda: any(why in reason for *_, reason in became(room)))
        assert states(room) == {"crane is down": "waiting"}
        await until(lambda: states(room) == {"crane is down": "sent"})
    assert len(hook.bodies) == 2


async def test_a_refused_connection_is_tried_again(tmp_path: Path) -> None:
    """A webhook whose server is away gets the notice when it is back."""
    port = free_port()
    async with quiet_room(tmp_path / "harbour", f"http://127.0.0.1:{port}") as room, hooked() as hook:
        assert room.noticing is not None
        room.noticing.tell(notice("crane"))
        await until(lambda: any("refuses connections" in reason for *_, reason in became(room)))
        hook.close()
        await hook.listen(port)
        await until(lambda: states(room) == {"crane is down": "sent"})
    assert len(hook.bodies) == 1


async def test_a_channel_that_asks_to_wait_is_waited_for(tmp_path: Path) -> None:
    """429 with Retry-After: nothing at all is sent there before it is over."""
    async with hooked("429 Too Many Requests", "200 OK") as hook:
        hook.extra = "Retry-After: 4\r\n"
        async with quiet_room(tmp_path / "harbour", hook.url) as room:
            assert room.noticing is not None
            room.noticing.tell(notice("crane"))
            await until(lambda: hook.bodies)
            room.noticing.tell(notice("hook"))
            await until(lambda: len(hook.bodies) == 3)
    assert hook.at[1] - hook.at[0] >= 3.9
    assert [text.split(" · ")[0][2:] for text in hook.texts] == [
        *["Harbour programme: crane is down"] * 2,
        "Harbour programme: hook is down",
    ]


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """The address is a secret: it is posted to where it was configured, and nowhere else."""
    async with hooked() as elsewhere, hooked("302 Found") as hook:
        hook.extra = f"Location: {elsewhere.url}/x\r\n"
        async with quiet_room(tmp_path / "harbour", hook.url) as room:
            assert room.noticing is not None
            room.noticing.tell(notice("crane"))
            await until(lambda: any("redirects (302)" in reason for *_, reason in became(room)))
            assert "[[notify]] crew" in became(room)[0][2]
    assert elsewhere.bodies == []


async def test_what_is_refused_holds_up_nothing_else(tmp_path: Path) -> None:
    """A text the webhook does not take waits by itself; the next one is told."""
    async with hooked("400 Bad Request", "200 OK") as hook, quiet_room(tmp_path / "h", hook.url) as room:
        assert room.noticing is not None
        room.noticing.tell(notice("crane"))
        room.noticing.tell(notice("hook"))
        await until(lambda: states(room) == {"crane is down": "waiting", "hook is down": "sent"})


async def test_a_slow_channel_delays_no_other(tmp_path: Path) -> None:
    """One webhook never answers; the other channel is told at once, and the room goes on polling."""
    folder = tmp_path / "harbour"
    async with hooked("hang") as slow, hooked() as fast, listening() as kafka:
        furnish(folder, kafka.port)
        channel(folder, "slow", slow.url)
        channel(folder, "fast", fast.url)
        async with telling(folder) as room:
            await kafka.down()
            await until(lambda: slow.bodies and fast.bodies, 8)
            version = room.snapshot.version
            await until(lambda: room.snapshot.version > version + 3, 5)


@pytest.mark.parametrize("why", ["this room is read-only", "the clock of this room is set"])
async def test_a_room_that_only_looks_sends_nothing(tmp_path: Path, why: str) -> None:
    """Read-only, or at another time: what would be told is shown, and kept nowhere."""
    folder = tmp_path / "harbour"
    async with hooked() as hook, listening() as kafka:
        furnish(folder, kafka.port)
        channel(folder, "crew", hook.url)
        async with telling(folder, silent=why) as room:
            await kafka.down()
            await until(lambda: became(room))
            assert became(room) == [("Kafka is DOWN", "not_told", why)]
            await kafka.up()
            await until(lambda: len(became(room)) == 2)
    assert hook.bodies == []
    assert not state_of(folder, "Ines").exists()
    assert not (folder / "log" / "notices").exists()


def test_headless_looks_tell_nobody(tmp_path: Path) -> None:
    """A room built without being asked to tell has nothing that could."""
    folder = tmp_path / "harbour"
    furnish(folder, free_port())
    channel(folder, "crew", "http://127.0.0.1:1")
    room = wiring.build(build(folder, "Ines").config, environ=environ_of(folder, "Ines"))
    assert room.noticing is None


async def test_a_channel_hears_what_it_chose(tmp_path: Path) -> None:
    """Events, squads and the want of a webhook: each says why nobody was told."""
    folder = tmp_path / "harbour"
    async with hooked() as hook, listening() as kafka:
        furnish(folder, kafka.port)
        channel(folder, "gates", hook.url, more='events = ["gate"]')
        channel(folder, "quay", hook.url, more='squads = ["Quay & Berths"]')
        with (folder / "controlroom.toml").open("a") as file:
            file.write('[[notify]]\nid = "nowhere"\n')
        async with telling(folder) as room:
            await kafka.down()
            await until(lambda: len(became(room)) == 3)
            assert {reason for *_, reason in became(room)} == {
                "not chosen in its events",
                "not of its squads",
                "it has no webhook",
            }
    assert hook.bodies == []


async def test_the_same_thing_is_not_told_again_at_once(tmp_path: Path) -> None:
    """Within `quiet` the same thing waits; if it is over by then, neither it nor its end is told."""
    folder = tmp_path / "harbour"
    async with hooked() as hook, listening() as kafka:
        furnish(folder, kafka.port)
        channel(folder, "crew", hook.url, more="quiet = 60")
        async with telling(folder) as room:
            for _ in range(2):
                await kafka.down()
                await until(lambda: room.snapshot.services[0].health == "down")
                await until(lambda: len(hook.bodies) >= 1)
                await kafka.up()
                await until(lambda: room.snapshot.services[0].health == "up")
            await until(lambda: len(became(room)) == 4)
            await until(lambda: "waiting" not in {state for _, state, _ in became(room)})
            told = [(state, why) for _, state, why in became(room)]
    assert [state for state, _ in told] == ["sent", "sent", "not_told", "not_told"]
    assert told[2][1] == "over before it was told"
    assert told[3][1] == "nobody was told that it had begun"
    assert len(hook.bodies) == 2


async def test_what_goes_beyond_is_counted(tmp_path: Path) -> None:
    """No more than `at_most` an hour; the rest is counted, and one notice tells how many they were."""
    watch = Watch()
    async with (
        hooked() as hook,
        quiet_room(tmp_path / "harbour", hook.url, "at_most = 2", watch) as room,
    ):
        noticing = room.noticing
        assert noticing is not None
        for number in range(5):
            noticing.tell(notice(f"crane-{number}"))
        await until(lambda: sorted(states(room).values()) == ["counted"] * 3 + ["sent"] * 2)
        watch.ahead = dt.timedelta(hours=1, seconds=1)
        noticing.tell(notice("late"))
        await until(lambda: len(hook.bodies) == 4)
    assert "3 more in the last hour" in hook.texts[2]
    assert "crane-2 is down" in hook.texts[2]
    assert "late is down" in hook.texts[3]


async def test_what_is_counted_is_told_once_more_in_the_next_span(tmp_path: Path) -> None:
    """What goes beyond soon after such a notice is not lost: the next one counts it."""
    watch = Watch()
    # Well inside one of the spans of time that rooms agree on.
    watch.ahead = dt.timedelta(seconds=60 - watch().timestamp() % 1800)
    began = watch.ahead
    async with (
        hooked() as hook,
        quiet_room(tmp_path / "harbour", hook.url, "at_most = 2", watch) as room,
    ):
        noticing = room.noticing
        assert noticing is not None

        async def at(seconds: float, name: str, state: str) -> None:
            watch.ahead = began + dt.timedelta(seconds=seconds)
            noticing.tell(notice(name))
            await until(lambda: states(room).get(f"{name} is down") == state)

        await at(0, "first", "sent")
        await at(100, "second", "sent")
        await at(101, "third", "counted")
        await at(3650, "fourth", "counted")
        assert "1 more in the last hour" in hook.texts[2]
        await at(3750, "fifth", "sent")
        assert states(room)["fourth is down"] == "counted"
        await at(7600, "last", "sent")
        assert [text for text in hook.texts[3:] if "1 more in the last hour" in text and "fourth" in text]


async def test_a_day_of_attempts_is_given_up(tmp_path: Path) -> None:
    """What nobody took in a day is given up, which is said with the last reason."""
    url = f"http://127.0.0.1:{free_port()}"
    watch = Watch()
    async with quiet_room(tmp_path / "harbour", url, clock=watch) as room:
        assert room.noticing is not None
        room.noticing.tell(notice("crane"))
        await until(lambda: any("refuses" in reason for *_, reason in became(room)))
        watch.ahead = dt.timedelta(days=1, seconds=1)
        await until(lambda: states(room) == {"crane is down": "given_up"})
        assert "given up after a day: the webhook refuses connections" in became(room)[0][2]


async def test_what_was_another_rooms_to_tell_does_not_wait_for_ever(tmp_path: Path) -> None:
    """A room that may not tell keeps what it finds for a day; after that it is neither told nor given up."""
    watch = Watch()
    async with hooked() as hook, quiet_room(tmp_path / "harbour", hook.url, clock=watch) as room:
        assert room.noticing is not None
        leads = False
        room.noticing.may_tell = lambda: leads
        room.noticing.tell(notice("crane"))
        await until(lambda: states(room) == {"crane is down": "waiting"})
        watch.ahead = dt.timedelta(days=1, seconds=1)
        await until(lambda: states(room) == {"crane is down": "not_told"})
        leads = True
        room.noticing.tell(notice("winch"))
        await until(lambda: states(room).get("winch is down") == "sent")
        assert not [text for text in hook.texts if "crane" in text]


async def test_what_another_service_explains_is_one_notice(tmp_path: Path) -> None:
    """A gateway that needs Kafka fails first: only Kafka is told, and only its recovery."""
    folder = tmp_path / "harbour"
    async with hooked() as hook, listening() as kafka, listening() as gateway:
        more = f"""
[[services]]
id = "gateway"
kind = "tcp"
url = "127.0.0.1:{gateway.port}"
depends_on = ["kafka"]
interval = 0.2
timeout = 0.5
"""
        furnish(folder, kafka.port, more=more)
        channel(folder, "crew", hook.url)
        async with telling(folder) as room:
            await gateway.down()
            await until(lambda: room.snapshot.services[1].health == "down")
            await kafka.down()
            await until(lambda: all(state.health == "down" for state in room.snapshot.services))
            await until(lambda: hook.bodies)
            await kafka.up()
            await gateway.up()
            await until(lambda: len(hook.bodies) == 2)
            await until(lambda: all(state.health == "up" for state in room.snapshot.services))
            await until(lambda: "waiting" not in states(room).values())
    assert "Kafka is DOWN" in hook.texts[0]
    assert "Depends on it: gateway" in hook.texts[0]
    assert "Kafka is up again" in hook.texts[1]


async def test_what_waits_outlives_the_room(tmp_path: Path) -> None:
    """A notice that nobody has tried to tell yet is told by the next room."""
    folder, watch = tmp_path / "harbour", Watch()
    async with hooked() as hook:
        async with quiet_room(folder, hook.url) as room:
            assert room.noticing is not None
            room.noticing.tell(notice("crane", hold=60.0))
            await until(lambda: list(state_of(folder, "Ines").glob("*/queued/*.json")))
        assert hook.bodies == []
        watch.ahead = dt.timedelta(seconds=61)
        async with telling(folder, clock=watch):
            await until(lambda: hook.bodies)
    assert "crane is down" in hook.texts[0]


async def test_a_summary_that_is_written(tmp_path: Path) -> None:
    """The section of a new week is told, what stood there at the beginning and people's notes are not."""
    folder = tmp_path / "harbour"
    section = b"<!-- week %d -->\n\n## Week %d\n\n- %s\n\n<!-- notes -->\n"
    status = folder / "status" / "README.md"
    async with hooked() as hook, listening() as kafka:
        furnish(folder, kafka.port, more='[status]\ndir = "status"\n')
        channel(folder, "crew", hook.url, more='events = ["summary"]')
        status.parent.mkdir()
        first = section % (2, 2, b"cranes")
        status.write_bytes(first)
        async with telling(folder):
            await asyncio.sleep(0)
            status.write_bytes(first + b"a note of ours\n" + section % (3, 3, b"ropes"))
            await until(lambda: hook.bodies)
            status.write_bytes(first + b"another note\n" + section % (4, 4, b"nets"))
            await until(lambda: len(hook.bodies) == 2)
    assert "the summary of week 3 is written" in hook.texts[0]
    assert "status/README.md" in hook.texts[0]
    assert "the summary of week 4 is written" in hook.texts[1]


async def process(folder: Path, lease: float = 1.0) -> asyncio.subprocess.Process:
    """A room in a process of its own, once it has looked around."""
    arguments = ("-m", "tests.telling", str(folder), "Ines", str(lease))
    environ = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    running = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, env=environ, cwd=HERE.parent
    )
    assert running.stdout is not None
    assert await asyncio.wait_for(running.stdout.readline(), 30) == b"ready\n"
    return running


async def kill(running: asyncio.subprocess.Process) -> None:
    """As the kernel does it when memory is short."""
    running.send_signal(signal.SIGKILL)
    await running.wait()


async def test_killed_while_it_tells(tmp_path: Path) -> None:
    """kill -9 while the webhook thinks: the next start of the room tells it again, at least once."""
    folder = tmp_path / "harbour"
    async with hooked("hang", "200 OK") as hook, listening() as kafka:
        furnish(folder, kafka.port)
        channel(folder, "crew", hook.url)
        running = await process(folder)
        await kafka.down()
        await until(lambda: hook.bodies)
        await kill(running)
        (queued,) = state_of(folder, "Ines").glob("*/queued/*.json")
        assert queued.stat().st_mode & 0o777 == 0o600
        assert json.loads(queued.read_text())["attempts"] == 1
        again = await process(folder)
        await until(lambda: len(hook.bodies) == 2)
        await until(lambda: list(state_of(folder, "Ines").glob("*/done/*.json")))
        await kill(again)
    assert hook.texts[0] == hook.texts[1]


async def test_killed_before_and_after_it_told(tmp_path: Path) -> None:
    """Killed while the webhook is away, and again once it is told: exactly once."""
    folder, port = tmp_path / "harbour", free_port()
    async with listening() as kafka, hooked() as hook:
        hook.close()
        furnish(folder, kafka.port)
        channel(folder, "crew", f"http://127.0.0.1:{port}")
        running = await process(folder)
        await kafka.down()
        await until(lambda: list(state_of(folder, "Ines").glob("*/queued/*.json")))
        await kill(running)
        await hook.listen(port)
        again = await process(folder)
        await until(lambda: list(state_of(folder, "Ines").glob("*/done/*.json")))
        await kill(again)
        third = await process(folder)
        await kafka.up()
        await until(lambda: len(hook.bodies) == 2)
        await kill(third)
    assert "Kafka is DOWN" in hook.texts[0]
    assert "Kafka is up again" in hook.texts[1]


async def test_another_room_takes_over_from_a_dead_one(tmp_path: Path) -> None:
    """A room is killed between its claim and the answer: one that saw the same tells it after the lease."""
    folder = tmp_path / "harbour"
    async with hooked("hang", "200 OK") as hook, listening() as kafka:
        furnish(folder, kafka.port)
        channel(folder, "crew", hook.url)
        running = await process(folder)
        async with telling(folder, "Ada") as room:
            assert room.noticing is not None
            room.noticing.lease = 1.0
            await kafka.down()
            await until(lambda: hook.bodies and became(room))
            await kill(running)
            await until(lambda: states(room) == {"Kafka is DOWN": "sent"}, 30)
    assert len(hook.bodies) == 2
