"""The status of the day is written at its times: once each, and later where nobody was there in time."""

from __future__ import annotations

import datetime as dt
import json
import math
import signal
from pathlib import Path
from typing import Any

import pytest

from controlroom import wiring
from controlroom.collecting.lead import Lead
from controlroom.collecting.nightly import LOOK, SOON, Nightly, last_due
from controlroom.config.load import load
from controlroom.domain.instants import parse, render
from controlroom.lab import servers
from controlroom.stores.lease import Held
from tests.collecting.processes import collecting, furnish, probed
from tests.conftest import Start
from tests.telling import Watch, until

STATUS = '[status]\ndir = "status"'


def document(path: Path) -> Any:
    """What the file says."""
    return json.loads(path.read_text(encoding="utf-8"))


def touched(path: Path) -> tuple[int, int]:
    """What differs where the file was written again."""
    about = path.stat()
    return about.st_ino, about.st_mtime_ns


def age(path: Path, by: dt.timedelta) -> None:
    """Make the file one that was written earlier."""
    made = document(path)
    made["as_of"] = render(parse(made["as_of"]) - by)
    path.write_text(json.dumps(made), encoding="utf-8")


def noon() -> str:
    """A zone in which it is between twelve and one o'clock now."""
    return f"Etc/GMT{wiring.utc_now().hour - 12:+d}"


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2031-05-03T03:59:59Z", None),
        ("2031-05-03T04:00:00Z", "2031-05-03T04:00:00Z"),
        ("2031-05-03T21:54:59Z", "2031-05-03T04:00:00Z"),
        ("2031-05-03T21:55:00Z", "2031-05-03T21:55:00Z"),
        ("2031-05-03T21:59:59Z", "2031-05-03T21:55:00Z"),
        ("2031-05-03T22:00:00Z", None),  # the next day has begun there
        ("2031-10-26T22:55:00Z", "2031-10-26T22:55:00Z"),  # clocks went back
        ("2031-03-30T21:55:00Z", "2031-03-30T21:55:00Z"),  # clocks went forward
    ],
)
def test_a_time_is_of_the_programmes_day(now: str, due: str | None) -> None:
    """Each time is due from its minute on the programme's clock until that day ends."""
    found = last_due(("23:55", "06:00"), dt.datetime.fromisoformat(now), "Europe/Berlin")
    assert found == (None if due is None else dt.datetime.fromisoformat(due))


async def test_each_time_is_written_once(tmp_path: Path) -> None:
    """Hour by hour over two days: at each time once, in between never, and never without the lead."""
    config = load(furnish(tmp_path, 1, zone=noon(), collect='publish = ["13:00", "20:00"]', more=STATUS))
    clock, lead = Watch(), Lead()
    said: list[tuple[str, str]] = []
    room = wiring.build(config, clock=clock, environ={})
    nightly = Nightly(config, lambda: room.snapshot, clock, lead, lambda *what: said.append(what))
    room.snapshot = await wiring.build(config, clock=clock, environ={}).sweep()
    written = []
    for hour in range(36):
        clock.ahead = dt.timedelta(hours=hour)
        lead.end()
        if hour != 32:  # in which it is due, and another one's to write
            lead.take(Held("one", 1, math.inf))
        for _ in range(3):
            assert await nightly.look() == LOOK
        written += [hour] * len(said)
        said.clear()
    assert written == [1, 8, 25, 33]
    names = sorted(path.name for path in (tmp_path / "status").iterdir())
    assert len(names) == 2


async def test_a_room_that_nobody_has_answered_is_not_written(tmp_path: Path) -> None:
    """What is due waits for the first answer of every source."""
    config = load(furnish(tmp_path, 1, zone=noon(), collect='publish = ["11:00"]', more=STATUS))
    clock, lead = Watch(), Lead()
    lead.take(Held("one", 1, math.inf))
    room = wiring.build(config, clock=clock, environ={})
    nightly = Nightly(config, lambda: room.snapshot, clock, lead, lambda *_: None)
    assert await nightly.look() == SOON
    assert not (tmp_path / "status").exists()
    room.snapshot = await wiring.build(config, clock=clock, environ={}).sweep()
    assert await nightly.look() == LOOK
    assert len(list((tmp_path / "status").iterdir())) == 1


async def test_a_collector_that_comes_late_writes_it(tmp_path: Path, start: Start) -> None:
    """It writes when it comes; who leads next leaves what is there, and renews what is too old."""
    store = f"redis://{start(servers.redis).address}/0"
    async with probed() as kafka:
        zone = noon()
        publish = 'publish = ["11:00", "23:00"]'
        config = furnish(tmp_path, kafka.port, store, zone=zone, collect=publish, more=STATUS)
        async with collecting(config) as one:
            path = Path((await one.says("published")).text)
            made = document(path)
            assert (made["slot"], path.name) == ("nightly", f"{made['for_date']}.json")
            assert [service["state"] for service in made["services"]] == ["up"]
            one.signal(signal.SIGTERM)
            assert await one.ends() == 0
        written = touched(path)
        async with collecting(config, "two") as two:
            await two.says("leads")
            await two.becomes_ready()
            before = kafka.came
            await until(lambda: kafka.came > before + 10)
            assert two.heard("published") == []
            two.signal(signal.SIGTERM)
            assert await two.ends() == 0
        assert touched(path) == written
        age(path, dt.timedelta(hours=3))
        async with collecting(config, "three") as three:
            await three.says("published")
        assert document(path)["as_of"] >= made["as_of"]


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, start: Start) -> None:
    """A file is where the folder should be: the reason is in its lines and in /readyz, and it goes on."""
    store = f"redis://{start(servers.redis).address}/0"
    (tmp_path / "status").write_text("no folder", encoding="utf-8")
    async with probed() as kafka:
        publish = 'publish = ["11:00"]'
        config = furnish(tmp_path, kafka.port, store, zone=noon(), collect=publish, more=STATUS)
        async with collecting(config) as one:
            said = (await one.says("trouble")).text
            assert "the status cannot be written" in said
            await until(lambda: kafka.came > 10)
            assert any("the status cannot be written" in why for why in (await one.ready())["problems"])
