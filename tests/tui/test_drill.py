"""A drill in the room: real keys, a real Redis that is killed, a real Alertmanager, a real log."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom import wiring
from controlroom.lab import servers
from controlroom.lab.servers import Server
from tests.conftest import Start
from tests.net.alertmanagers import ask, firing, send

from .working import Worker, working

START = date(2026, 3, 2)
"""Of the programme."""

MORE = """
[status]
dir = "status"

[[services]]
id = "cache"
name = "Cache"
kind = "redis"
url = "redis://{cache}"
interval = 0.3
timeout = 1.5
{manager}
[[rituals]]
id = "chaos"
title = "Chaos drill"
days = "daily"
time = {time}
minutes = 30
[[rituals.rotation]]
week = {week}
scenario = "Cache goes away"
owner = "Quay"
services = ["cache"]
rto = "5m"
silence = {silence}
symptoms = ["Cache is down", "bookings fail"]
"""

MANAGER = """
[[alertmanagers]]
id = "am"
url = "{}"
interval = 0.5
"""


def more(cache: Server, manager: Server | None = None, *, week: int | None = None) -> str:
    """The configuration of a drill that is on now, silencing something where there is an Alertmanager."""
    now = wiring.utc_now()
    weeks = (now.date() - START).days // 7 + 1
    return MORE.format(
        cache=cache.address,
        manager=MANAGER.format(manager.url) if manager else "",
        time=(now - timedelta(minutes=2)).strftime("%H:%M:00"),
        week=week or weeks,
        silence='["job=cache"]' if manager else "[]",
    )


@asynccontextmanager
async def seated(folder: Path, text: str, by: str = "Ines", **options: Any) -> AsyncIterator[Worker]:
    """In front of a room whose cursor is on the drill; the machine's clock, as servers have no other."""
    text = text.replace("[[rituals]]", '[[rituals]]\nzone = "UTC"', 1)
    size = options.pop("size", (120, 40))
    async with working(folder, by, size, text, clock=wiring.utc_now, **options) as at:
        await at.until(lambda: state(at) == "up")
        await at.press("8", "z")
        await at.goto("Chaos drill")
        yield at


def state(at: Worker) -> str:
    return next(str(s.health) for s in at.working.snapshot.services if s.service.id == "cache")


@pytest.fixture
def cache(start: Start) -> Server:
    return start(servers.redis)


@pytest.fixture
def manager(start: Start) -> Server:
    server = start(servers.alertmanager)
    send(server, firing("CacheSlow", job="cache"))
    return server


async def test_a_drill_from_the_first_key_to_its_report(
    tmp_path: Path, cache: Server, manager: Server
) -> None:
    """What begins is shown first; stopwatches tick; people tick symptoms; the end writes what was seen."""
    async with seated(tmp_path / "desk", more(cache, manager)) as at:
        await at.until(lambda: any(one.name == "CacheSlow" for one in at.working.snapshot.alerts))
        await at.press("S")
        asked = await at.until("Begin Chaos drill?")
        assert "matches 1 alert now, in am" in asked
        assert 'job="cache"' in asked
        assert ask(manager, "silences") == []
        await at.press("y")
        await at.until("steady")
        (silence,) = ask(manager, "silences")
        assert silence["status"]["state"] == "active"
        begun = at.last()
        assert (begun.kind, begun.args["silence"]["id"]) == ("begin", silence["id"])

        cache.kill()
        await at.until("broken 00:")
        await at.press("1")
        await at.until("probe cache down at")
        await at.press("2")
        await at.until("no metric shows it")
        assert [kind for kind, _, _ in at.log()] == ["begin", "tick", "tick"]
        await at.press("+")
        await at.until("A symptom")
        await at.type("phones ring")
        await at.press("ctrl+j")
        await at.until("not expected")
        cache.restart()
        await at.until("recovered in 00:")

        await at.press("F")
        await at.until("End Chaos drill?")
        await at.press("y")
        await at.until("The report of the drill")
        assert ask(manager, "silences")[0]["status"]["state"] == "expired"
    (written,) = (tmp_path / "desk" / "status").rglob("drill.json")
    document = json.loads(written.read_text(encoding="utf-8"))
    (watch,) = document["services"]
    assert (watch["verdict"], watch["watched"]) == ("within", "all")
    assert [one["symptom"] for one in document["gaps"]] == ["bookings fail", "phones ring"]
    assert document["silence"]["end"] == "ended with the drill"


async def test_a_drill_is_everybodys_and_survives_the_room(tmp_path: Path, cache: Server) -> None:
    """Another room shows the same drill, ticks in it, marks the fault, and ends it by taking it over."""
    text = more(cache)
    async with seated(tmp_path / "desk", text) as at:
        await at.press("S")
        await at.until("Begin Chaos drill?")
        await at.press("y")
        await at.until("bookings fail")
    async with seated(tmp_path / "desk", text, by="Tomas", size=(80, 24)) as at:
        await at.press("8", "home")
        await at.until(lambda: at.screen.splitlines()[-1].startswith(" S drill  "))
        await at.press("S")
        shown = await at.until("driven by Ines")
        for word in ("Cache goes away", "1 ○ Cache is down", "2 ○ bookings fail", "tick", "finish"):
            assert word in shown
        await at.press("end", "c")
        await at.until("✓ bookings fail")
        await at.press("c")
        await at.until("○ bookings fail")
        await at.press("i")
        await at.until("fault in ")
        assert [(kind, by) for kind, _, by in at.log()] == [
            ("begin", "Ines"),
            ("tick", "Tomas"),
            ("untick", "Tomas"),
            ("note", "Tomas"),
        ]
        await at.press("F")
        await at.until("take it over from Ines and end it")
        await at.press("y")
        await at.until("The report of the drill")
        assert [kind for kind, _, _ in at.log()][-2:] == ["take-over", "finish"]


async def test_read_only_shows_all_and_changes_nothing(tmp_path: Path, cache: Server) -> None:
    """Every fact of a drill that is on; no key of it does anything, and none is offered."""
    text = more(cache)
    async with seated(tmp_path / "desk", text) as at:
        await at.press("S", "y")
        await at.until("bookings fail")
    async with seated(tmp_path / "desk", text, by="Tomas", read_only=True) as at:
        from controlroom.tui.drill.beginning import open_drill

        open_drill(at.app, at.working.snapshot.runs[0].key)
        shown = await at.until("driven by Ines")
        assert "F finish" not in shown
        await at.press("1", "c", "i", "+", "F", "w", "enter")
        assert "End Chaos drill?" not in at.screen
        assert "A symptom" not in at.screen
        assert [kind for kind, _, _ in at.log()] == ["begin"]


async def test_a_silence_that_cannot_be_set_begins_nothing(
    tmp_path: Path, cache: Server, manager: Server
) -> None:
    """The Alertmanager is gone: it is said, nothing is in the log, and it can be begun without."""
    async with seated(tmp_path / "desk", more(cache, manager)) as at:
        manager.kill()
        await at.press("S")
        await at.until("Begin Chaos drill?")
        await at.press("y")
        await at.until("not begun, the silence is not set")
        assert at.log() == []
        await at.until("Begin Chaos drill?")
        await at.press("b")
        await at.until("steady")
        assert "silence" not in at.last().args


async def test_a_week_without_a_scenario_asks_for_one(tmp_path: Path, cache: Server) -> None:
    """It says that none is declared; an unknown service is refused, one by its name is taken."""
    async with seated(tmp_path / "desk", more(cache, week=1)) as at:
        await at.press("S")
        await at.until("scenario not declared for Week")
        await at.type("Flood")
        await at.press("tab")
        await at.type("cash")
        await at.press("ctrl+j")
        await at.until("no service is called cash")
        await at.press("backspace", "backspace")
        await at.type("che")
        await at.press("ctrl+j")
        await at.until("Begin Chaos drill?")
        await at.press("y")
        await at.until("steady")
        assert at.last().args["services"] == ["cache"]
