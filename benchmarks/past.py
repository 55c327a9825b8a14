"""The room's past: the size of a day, the time to open and to step, and what recording costs."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.room import Figure, Trial, _room, above, configuration, idle, ratio, services
from benchmarks.terminal import median
from controlroom.domain.board import Item, Squad
from controlroom.domain.health import ServiceState, Transition
from controlroom.domain.program import Program
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot, SourceKind, SourceStatus
from controlroom.domain.telemetry import Alert, Coverage, GapCode, SignalReading
from controlroom.domain.triage import Blocker
from controlroom.stores.ring import Ring
from controlroom.stores.ring_past import Past

BEGAN = datetime(2026, 3, 4, tzinfo=UTC)
STEP = timedelta(seconds=1)
SIGNALS_EVERY, ALERTS_EVERY, SERVICES_EVERY = 15, 10, 5

SOURCES: tuple[tuple[str, SourceKind, int], ...] = (
    ("services", "services", 5),
    ("documents", "documents", 2),
    ("status", "status", 5),
    ("self", "self", 30),
    ("metrics:prom", "metrics", 15),
    ("alerts:am", "alerts", 10),
    ("store", "store", 5),
)


def first(cards: int = 200) -> Snapshot:
    """A programme with `cards` cards, 20 services and 50 signals, before anything has happened."""
    squads = tuple(
        Squad(f"squad-{n}", f"Squad {n}", signals=tuple(Signal(f"m_{n}_{k}_total", "job") for k in range(5)))
        for n in range(10)
    )
    items = tuple(
        Item(
            f"backlog.md#{n}",
            f"Work on part {n} of the programme",
            f"squad-{n % 10}",
            "sprint-1",
            tasks=f"Do the {n}th thing, and say what came of it",
            owner=f"Owner {n % 7}",
            owners=(f"Owner {n % 7}",),
            status="in_progress" if n % 3 else "not_started",
            path="backlog.md",
            line=n + 7,
        )
        for n in range(cards)
    )
    return Snapshot(
        Program("bench", "Benchmark", date(2026, 3, 2), squads=squads),
        taken_at=BEGAN,
        sources=tuple(SourceStatus(id_, kind, id_, float(every)) for id_, kind, every in SOURCES),
        services=tuple(
            ServiceState(
                Service(f"s{n}", "http", url=f"http://127.0.0.1:{9000 + n}/health"),
                Health.UP,
                BEGAN,
                "",
                raw='{"status": "ok"}',
            )
            for n in range(20)
        ),
        signals=tuple(
            SignalReading(
                replace(signal, squad=squad.id),
                GapCode.OK,
                "present",
                series=3,
                query=f"count({signal.metric})",
            )
            for squad in squads
            for signal in squad.signals
        ),
        coverage=tuple(Coverage(squad.id, 5, 5, 100, "PASS") for squad in squads),
        alerts=tuple(
            Alert(f"f{n}", f"Alert{n}", "warning", "something is up", starts_at=BEGAN) for n in range(5)
        ),
        items=items,
        blockers=tuple(Blocker(f"b{n}", f"Blocker {n}", opened_at=BEGAN) for n in range(10)),
    )


def day(seconds: int = 86_400, cards: int = 200) -> Iterator[Snapshot]:
    """A snapshot a second, as the sources bring it; every four minutes somebody or something changes."""
    chance = random.Random(7)
    room = first(cards)
    for second in range(seconds):
        now = BEGAN + second * STEP + timedelta(microseconds=chance.randrange(1_000_000))
        changed = tuple(
            replace(source, read_at=now)
            if second % int(source.interval) == number % int(source.interval)
            else source
            for number, source in enumerate(room.sources)
        )
        room = replace(room, version=second, taken_at=now, sources=changed)
        if second % SERVICES_EVERY == 0:
            room = replace(room, services=tuple(_probed(state, now, chance) for state in room.services))
        if second % SIGNALS_EVERY == 0:
            room = replace(room, signals=tuple(_sampled(one, now, chance) for one in room.signals))
        if second % 240 == 0:
            room = _acted(room, now, chance)
        yield room


def _probed(state: ServiceState, now: datetime, chance: random.Random) -> ServiceState:
    """An answer; every fifth service tells a number that is another one each time; few go down."""
    at = now - timedelta(microseconds=chance.randrange(200_000))
    detail = {"version": "7.2", "role": "master"}
    if int(state.service.id[1:]) % 5 == 0:
        detail["clients"] = str(chance.randrange(100, 140))
    state = replace(
        state,
        latency=chance.uniform(0.001, 0.02),
        probed_at=at,
        answered_at=at,
        successes=state.successes + 1,
        detail=state.detail if state.detail == detail else detail,
    )
    if chance.random() < 0.0005:
        health = Health.DOWN if state.health is Health.UP else Health.UP
        change = Transition(at, state.health, health, "connection refused")
        state = replace(state, health=health, since=at, transitions=(*state.transitions, change)[-20:])
    return state


def _sampled(one: SignalReading, now: datetime, chance: random.Random) -> SignalReading:
    age = chance.uniform(0, 15)
    return replace(one, last_seen=now - timedelta(seconds=age), sample_age=age)


def _acted(room: Snapshot, now: datetime, chance: random.Random) -> Snapshot:
    items, blockers = list(room.items), list(room.blockers)
    at = chance.randrange(len(items))
    items[at] = replace(items[at], status=chance.choice(("blocked", "in_progress", "done")), since=now)
    at = chance.randrange(len(blockers))
    blockers[at] = replace(
        blockers[at], owner=f"Owner {chance.randrange(9)}", last_action=f"a{chance.random()}"
    )
    return replace(room, items=tuple(items), blockers=tuple(blockers))


def recorded(path: Path, seconds: int, cards: int = 200) -> tuple[float, float]:
    """Keep so many seconds of a day at `path`: megabytes, and CPU seconds per snapshot."""
    ring = Ring(path, 2 * 86_400.0, 1_000)
    spent = 0.0
    for snapshot in day(seconds, cards):
        began = time.thread_time()
        ring.add(snapshot)
        spent += time.thread_time() - began
    ring.close()
    return path.stat().st_size / 1e6, spent / seconds


def shown(path: Path, seconds: int, tries: int) -> tuple[float, float]:
    """Seconds to open the past anywhere for the first time, and to go from a moment to one beside it."""
    chance = random.Random(3)
    opened, stepped = [], []
    for _ in range(tries):
        began = time.perf_counter()
        past = Past(path)
        moment = past.at(BEGAN + chance.randrange(seconds // 2, seconds) * STEP)
        opened.append(time.perf_counter() - began)
        began = time.perf_counter()
        past.toward(moment.at, moment.at - 10 * STEP)
        stepped.append(time.perf_counter() - began)
        past.close()
    return median(opened), median(stepped)


def run(*, quick: bool = False) -> Iterator[Figure]:
    """All figures of the past. `quick` keeps an hour of the day, and says what a day of such hours takes."""
    seconds, tries, still = (3_600, 9, 5.0) if quick else (86_400, 25, 20.0)
    with tempfile.TemporaryDirectory() as name, services(20) as ports:
        folder = Path(name)
        megabytes, each = recorded(folder / "day.sqlite", seconds)
        megabytes *= 86_400 / seconds
        yield Figure("a day of one-second snapshots", 0, megabytes, "MB", "<= 30", megabytes <= 30)
        yield Figure("keeping one of them, CPU", 0, each * 1e3, "ms", "<= 10", each <= 0.01)
        opened, stepped = shown(folder / "day.sqlite", seconds, tries)
        yield Figure("opening the past anywhere", 0, opened * 1e3, "ms", "<= 100", opened <= 0.1)
        yield Figure("a step in it", 0, stepped * 1e3, "ms", "<= 50", stepped <= 0.05)
        cpu = {}
        for keep in (0, 86_400):
            (folder / str(keep)).mkdir()
            config = configuration(folder / str(keep), ports, 200)
            config.write_text(f"{config.read_text()}\n[past]\nkeep = {keep}\n", encoding="utf-8")
            cpu[keep] = idle(Trial(_room(config), folder / f"{keep}-home"), still, 8)
        yield above("idle CPU with a past, over none", cpu[0][0], cpu[86_400][0], "%", 0.5)
        yield ratio("resident memory with a past", cpu[0][2], cpu[86_400][2], "MB", 1.25)
