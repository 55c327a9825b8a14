"""Several collectors are one: one leads, the others are ready, whatever happens to it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from pathlib import Path

from controlroom.domain.snapshot import Snapshot
from controlroom.lab import servers
from controlroom.stores.frames import Hearer
from tests.chaos.network import cable
from tests.collecting.processes import LEASE, Collector, Screen, collecting, comes, furnish, probed, screen
from tests.conftest import Start
from tests.telling import channel, hooked, until

TAKEOVER = 3 * LEASE
"""Seconds within which another one leads."""

WATCHDOG = 30.0
"""Seconds after which the unit in examples takes it for dead."""


def room(heard: Screen) -> Snapshot | None:
    """The room as a screen shows it that heard all of this."""
    hearer, shown = Hearer(), None
    for _, frame in heard.frames:
        shown = hearer.hear(frame) or shown
    return shown


async def test_one_polls_for_all(tmp_path: Path, start: Start) -> None:
    """Of three collectors one asks the services, and the others nobody: they are asked by one room."""
    store = f"redis://{start(servers.redis).address}/0"
    async with probed() as kafka:
        config = furnish(tmp_path, kafka.port, store)
        async with collecting(config) as one:
            await one.says("leads")
            async with collecting(config, "two") as two, collecting(config, "three") as three:
                for other in (two, three):
                    await other.says("stands by")
                    await other.becomes_ready()
                before = kafka.came
                await until(lambda: kafka.came > before + 10)
                told = await one.ready()
                assert (told["role"], told["leader"], len(told["collectors"])) == ("leads", one.name, 3)
                assert [(await other.ready())["leader"] for other in (two, three)] == [one.name] * 2
                assert [await other.probed() for other in (two, three)] == [0, 0]
                came = kafka.came
                assert abs(await one.probed() - came) <= 3


async def test_after_a_kill_another_leads(tmp_path: Path, start: Start) -> None:
    """kill -9: within three leases screens hear the next one, which knows since when things are so."""
    store = f"redis://{start(servers.redis).address}/0"
    async with probed() as kafka:
        config = furnish(tmp_path, kafka.port, store)
        with screen(store) as heard:
            async with collecting(config) as one, collecting(config, "two") as two:
                leader, other = await first_of(one, two)
                await seen(heard, "up")
                await kafka.down()
                await seen(heard, "down")
                before = room(heard)
                leader.signal(signal.SIGKILL)
                killed = time.monotonic()
                at = await comes(lambda: len(heard.terms()) == 2)
                assert at - killed < TAKEOVER
                await other.says("leads")
                await other.becomes_ready()
                await until(lambda: len(heard.frames) > 20)
        after = room(heard)
        assert before is not None
        assert after is not None
        assert after.services[0].since == before.services[0].since
        assert after.services[0].transitions == before.services[0].transitions
        assert heard.terms() == sorted(heard.terms())


async def first_of(one: Collector, two: Collector) -> tuple[Collector, Collector]:
    """The one that leads, and the other, once both do their part."""
    await until(lambda: one.heard("leads") or two.heard("leads"))
    leader, other = (one, two) if one.heard("leads") else (two, one)
    await leader.becomes_ready()
    await other.becomes_ready()
    return leader, other


async def seen(heard: Screen, how: str) -> None:
    """Return when everybody who follows has heard that the service is so."""
    await until(lambda: known(heard) == how)
    told = len(heard.frames)
    await until(lambda: len(heard.frames) > told + 2)


def known(heard: Screen) -> str:
    """How the service is, as a screen shows it."""
    shown = room(heard)
    return str(shown.services[0].health) if shown is not None and shown.services else ""


async def test_a_stopped_leader_that_wakes_acts_no_more(tmp_path: Path, start: Start) -> None:
    """SIGSTOP: another leads within three leases; SIGCONT: the first tells, polls and posts nothing more."""
    store = f"redis://{start(servers.redis).address}/0"
    async with probed() as kafka, hooked() as hook:
        config = furnish(tmp_path, kafka.port, store)
        channel(tmp_path, "crew", hook.url)
        with screen(store) as heard:
            async with collecting(config) as one, collecting(config, "two") as two:
                leader, other = await first_of(one, two)
                await seen(heard, "up")
                leader.signal(signal.SIGSTOP)
                stopped = time.monotonic()
                await comes(lambda: len(heard.terms()) == 2)
                assert heard.first(heard.terms()[1]) - stopped < TAKEOVER
                await kafka.down()
                await until(lambda: hook.bodies)
                leader.signal(signal.SIGCONT)
                await leader.says("leads no more")
                polled = await leader.probed()
                await leader.becomes_ready()
                assert (await leader.ready())["leader"] == other.name
                await kafka.up()
                await until(lambda: len(hook.bodies) == 2)
                assert await leader.probed() == polled
                assert len(leader.heard("leads")) == 1
    assert heard.terms() == sorted(heard.terms())
    assert len(heard.terms()) == 2
    assert [frame.term for _, frame in heard.frames] == sorted(frame.term for _, frame in heard.frames)
    assert [text[0] for text in hook.texts] == ["✖", "✓"]


async def test_a_leader_that_is_cut_off_ends_before_another_begins(tmp_path: Path, start: Start) -> None:
    """Partition: who cannot reach Redis stops polling in time, says why, and stands by once it is healed."""
    server = start(servers.redis)
    store = f"redis://{server.address}/0"
    with cable("127.0.0.1", server.port) as wire, screen(store) as heard:
        async with probed() as kafka:
            far = furnish(tmp_path, kafka.port, f"redis://127.0.0.1:{wire.port}/0", name="far")
            near = furnish(tmp_path, kafka.port, store)
            async with collecting(far) as cut:
                await cut.says("leads")
                async with collecting(near, "two") as other:
                    await other.becomes_ready()
                    wire.pull()
                    pulled = time.monotonic()
                    await until(lambda: len(heard.terms()) == 2)
                    assert heard.first(heard.terms()[1]) - pulled < TAKEOVER
                    await cut.says("leads no more")
                    polled = await cut.probed()
                    told = await cut.ready()
                    assert (told["ready"], told["role"]) == (False, "stands by")
                    assert any("the lease cannot be asked for" in problem for problem in told["problems"])
                    before = kafka.came
                    await until(lambda: kafka.came > before + 5)
                    assert await cut.probed() == polled
                    assert (await cut.get("/healthz"))[0] == 200
                    wire.put_back()
                    await cut.becomes_ready()
                    assert (await cut.ready())["leader"] == other.name
    assert [frame.term for _, frame in heard.frames] == sorted(frame.term for _, frame in heard.frames)
    ended = cut.heard("leads no more")[0].at
    assert ended < heard.first(heard.terms()[1])


async def test_it_hands_over_when_it_is_told_to_end(tmp_path: Path, start: Start) -> None:
    """SIGTERM: it ends cleanly, and the next one leads long before the lease would have been over."""
    store = f"redis://{start(servers.redis).address}/0"
    lease = 4.0
    async with probed() as kafka:
        config = furnish(tmp_path, kafka.port, store, lease=lease)
        async with collecting(config) as one, collecting(config, "two") as two:
            leader, other = await first_of(one, two)
            leader.signal(signal.SIGTERM)
            ended = time.monotonic()
            assert await leader.ends() == 0
            assert leader.heard("leads no more")[0].text == "handed over"
            assert (await other.says("leads")).at - ended < lease / 2
            await other.becomes_ready()
            while (await other.ready())["collectors"] != [other.name]:
                assert time.monotonic() < ended + lease, "the one that has left still counts"
                await asyncio.sleep(0.05)
            other.signal(signal.SIGINT)
            assert await other.ends() == 130
            assert (leader.errors, other.errors) == (b"", b"")


async def test_one_that_stands_by_goes_unnoticed(tmp_path: Path, start: Start) -> None:
    """SIGTERM to it changes nothing for anybody."""
    store = f"redis://{start(servers.redis).address}/0"
    async with probed() as kafka:
        config = furnish(tmp_path, kafka.port, store)
        with screen(store) as heard:
            async with collecting(config) as one, collecting(config, "two") as two:
                leader, other = await first_of(one, two)
                other.signal(signal.SIGTERM)
                assert await other.ends() == 0
                told = len(heard.frames)
                await until(lambda: len(heard.frames) > told + 5)
                assert (await leader.ready())["ready"]
        assert len(heard.terms()) == 1


async def test_a_redis_that_restarts_empty_is_told_the_room_again(tmp_path: Path, start: Start) -> None:
    """While it is away nobody leads, and that is said; then one does, and knows what it knew."""
    server = start(servers.redis)
    store = f"redis://{server.address}/0"
    async with probed() as kafka:
        config = furnish(tmp_path, kafka.port, store)
        with screen(store) as heard:
            async with collecting(config) as one:
                await one.becomes_ready()
                await seen(heard, "up")
                await kafka.down()
                await seen(heard, "down")
                before = room(heard)
                server.kill()
                await one.says("leads no more")
                assert not (await one.ready())["ready"]
                server.restart()
                await one.says("leads", 2)
                await one.becomes_ready()
                await until(lambda: len(heard.terms()) == 2)
                after = room(heard)
    assert before is not None
    assert after is not None
    assert after.services[0].since == before.services[0].since
    assert heard.terms() == sorted(heard.terms())


async def test_a_redis_that_hangs_holds_up_nobody(tmp_path: Path, start: Start) -> None:
    """SIGSTOP to it: the leader ends in time, lives on, says why; SIGCONT: it leads again and goes on."""
    server = start(servers.redis)
    store = f"redis://{server.address}/0"
    async with probed() as kafka:
        config = furnish(tmp_path, kafka.port, store)
        with screen(store) as heard:
            async with collecting(config) as one:
                await one.becomes_ready()
                await seen(heard, "up")
                server.pause()
                paused = time.monotonic()
                assert (await one.says("leads no more")).at - paused < LEASE + 0.5
                polled = await one.probed()
                assert (await one.get("/healthz"))[0] == 200
                while not any(
                    "the lease cannot be asked for" in why for why in (await one.ready())["problems"]
                ):
                    assert time.monotonic() - paused < 10
                assert await one.probed() == polled
                server.resume()
                await one.says("leads", 2)
                await one.becomes_ready()
                await until(lambda: len(heard.terms()) == 2)


async def test_what_happens_is_told_once(tmp_path: Path, start: Start) -> None:
    """Of two collectors that see the same only the leader posts; the next one posts what comes after that."""
    store = f"redis://{start(servers.redis).address}/0"
    async with probed() as kafka, hooked() as hook, hooked() as next_hook:
        configs = [furnish(tmp_path / name, kafka.port, store) for name in ("a", "b")]
        for config, posted in zip(configs, (hook, next_hook), strict=True):
            channel(config.parent, "crew", posted.url)
        with screen(store) as heard:
            async with collecting(configs[0]) as one:
                await one.becomes_ready()
                async with collecting(configs[1], "two") as two:
                    await two.becomes_ready()
                    await seen(heard, "up")
                    await kafka.down()
                    await until(lambda: hook.bodies)
                    await seen(heard, "down")
                    assert next_hook.bodies == []
                    one.signal(signal.SIGKILL)
                    await two.says("leads")
                    await kafka.up()
                    await until(lambda: next_hook.bodies)
                    before = kafka.came
                    await until(lambda: kafka.came > before + 5)
    assert [text[0] for text in hook.texts] == ["✖"]
    assert [text[0] for text in next_hook.texts] == ["✓"]


async def test_who_stands_by_posts_nothing_and_has_found_all(tmp_path: Path, start: Start) -> None:
    """What a leader saw and did not post, the next one posts; but not before it leads."""
    store = f"redis://{start(servers.redis).address}/0"
    async with probed() as kafka, hooked() as hook:
        configs = [furnish(tmp_path / name, kafka.port, store) for name in ("a", "b")]
        channel(configs[1].parent, "crew", hook.url)
        with screen(store) as heard:
            async with collecting(configs[0]) as one:
                await one.becomes_ready()
                async with collecting(configs[1], "two") as two:
                    await two.becomes_ready()
                    await seen(heard, "up")
                    await kafka.down()
                    await seen(heard, "down")
                    told = len(heard.frames)
                    await until(lambda: len(heard.frames) > told + 10)
                    assert hook.bodies == []
                    one.signal(signal.SIGKILL)
                    await two.says("leads")
                    await until(lambda: hook.bodies)
    assert [text[0] for text in hook.texts] == ["✖"]


async def test_a_folder_has_one_collector_and_no_viewers(tmp_path: Path) -> None:
    """Without a Redis it says so, leads at once, and does everything else."""
    async with probed() as kafka:
        config = furnish(tmp_path, kafka.port)
        async with collecting(config) as one:
            await one.says("leads")
            assert "no screen can follow" in one.heard("alone")[0].text
            await one.becomes_ready()
            told = await one.ready()
            assert (told["role"], told["term"], told["collectors"]) == ("leads", None, [one.name])
            assert "controlroom_service_state" in (await one.get("/metrics"))[1]
            one.signal(signal.SIGTERM)
            assert await one.ends() == 0


async def test_it_may_listen_nowhere(tmp_path: Path) -> None:
    """Without an address there are no pages, and everything else is as usual."""
    config = furnish(tmp_path, 1)
    text = config.read_text(encoding="utf-8").replace("127.0.0.1:0", "")
    config.write_text(text, encoding="utf-8")
    async with collecting(config) as one:
        await one.says("leads")
        one.signal(signal.SIGTERM)
        assert await one.ends() == 0
    assert one.heard("listens") == []


async def test_no_collector_loads_a_screen(tmp_path: Path) -> None:
    """It costs what polling costs: neither Textual nor Rich is imported."""
    async with collecting(furnish(tmp_path, 1), environ={"PYTHONPROFILEIMPORTTIME": "1"}) as one:
        await one.becomes_ready()
        assert (await one.get("/metrics"))[0] == 200
        one.signal(signal.SIGTERM)
        assert await one.ends() == 0
    names = {line.rpartition("|")[2].strip() for line in one.errors.decode().splitlines()}
    assert "controlroom.collecting.collector" in names
    assert {name.partition(".")[0] for name in names} & {"textual", "rich"} == set()


async def test_nothing_it_says_holds_a_secret(tmp_path: Path, start: Start) -> None:
    """The password of the store is in no line, no page and no complaint, also when it is wrong."""
    server = start(lambda folder: servers.redis(folder, "--requirepass", "pearl"))
    async with probed() as kafka:
        right = furnish(tmp_path, kafka.port, f"redis://:pearl@{server.address}/0")
        wrong = furnish(tmp_path, kafka.port, f"redis://:oyster@{server.address}/0", name="wrong")
        said = ""
        async with collecting(right) as one, collecting(wrong, "two") as two:
            await one.becomes_ready()
            await until(lambda: any("password" in line.text.lower() for line in two.heard("stands by")))
            for each in (one, two):
                pages = [await each.get(page) for page in ("/readyz", "/healthz", "/metrics")]
                said += f"{each.lines}{pages}"
        said += f"{one.errors!r}{two.errors!r}"
    assert "pearl" not in said
    assert "oyster" not in said


async def test_what_cannot_work_is_said_at_once(tmp_path: Path) -> None:
    """An address that is taken, and a status without a folder, end it with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = furnish(tmp_path, 1)
        text = config.read_text(encoding="utf-8").replace("127.0.0.1:0", address)
        config.write_text(text, encoding="utf-8")
        async with collecting(config) as one:
            assert await one.ends() == 2
    assert f"[collect].listen {address}: address already in use" in one.errors.decode()
    config = furnish(tmp_path, 1, collect='publish = ["23:55"]')
    async with collecting(config) as one:
        assert await one.ends() == 2
    assert "no status folder is configured" in one.errors.decode()


async def test_a_service_manager_hears_how_it_is(tmp_path: Path) -> None:
    """systemd is told that it is ready, what it does, that it lives, and that it is about to end."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plug:
        plug.bind(str(path))
        plug.setblocking(False)
        config = furnish(tmp_path, 1)
        async with collecting(config, environ={"NOTIFY_SOCKET": str(path)}) as one:
            heard: list[str] = []

            def told(*lines: str) -> bool:
                try:
                    while True:
                        heard.extend(plug.recv(4096).decode().splitlines())
                except BlockingIOError:
                    return set(lines) <= set(heard)

            await until(lambda: told("READY=1", "STATUS=leads: term 1"))
            alive = heard.count("WATCHDOG=1")
            await until(lambda: told() and heard.count("WATCHDOG=1") > alive + 2)
            one.signal(signal.SIGTERM)
            assert await one.ends() == 0
            assert told("STOPPING=1")


async def test_a_long_lease_does_not_make_it_look_dead(tmp_path: Path) -> None:
    """With the longest lease there is it says as often that it lives as the unit in examples asks for."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plug:
        plug.bind(str(path))
        plug.setblocking(False)
        config = furnish(tmp_path, 1, lease=300)
        async with collecting(config, environ={"NOTIFY_SOCKET": str(path)}) as one:
            alive: list[float] = []

            def told() -> int:
                with contextlib.suppress(BlockingIOError):
                    while b"WATCHDOG=1" in plug.recv(4096):
                        alive.append(time.monotonic())
                return len(alive)

            await one.says("leads")
            await until(lambda: told() >= 2)
            assert alive[1] - alive[0] < WATCHDOG / 2
