"""A room to look at: an invented harbour programme with a little of everything, as values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from controlroom.domain.board import Item, Sprint, Squad, Status
from controlroom.domain.health import ServiceState, Transition
from controlroom.domain.lints import Lint
from controlroom.domain.program import Dependency, Milestone, Program
from controlroom.domain.rituals import Ritual, Scenario
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Baseline, Change, Snapshot, SourceStatus, StatusFile
from controlroom.domain.telemetry import Alert, Coverage, GapCode, Gate, SignalReading
from controlroom.domain.triage import Blocker
from controlroom.domain.waves import Declared, Wave
from controlroom.tui.lines import as_text, line_width
from controlroom.tui.rows import DrawContext, Line, Pane, Row, View

NOW = datetime(2026, 3, 4, 7, 59, 30, tzinfo=UTC)
"""Wed 2026-03-04 08:59:30 in Berlin, Week 1 Day 3 of the programme."""


def ago(minutes: float) -> datetime:
    """The instant that many minutes before `NOW`."""
    return NOW - timedelta(minutes=minutes)


SQUADS = (
    Squad("quay", "Quay & Berths", ("Quay",), focus={"Sprint 1": "berth booking"}, charter="squads/quay.md"),
    Squad("cranes", "Cranes", ("Lifting",), focus={"Sprint 1": "load planning"}),
    Squad("customs", "Customs", owners=("Ines",)),
)

PROGRAM = Program(
    id="harbour",
    title="Harbour programme",
    start=date(2026, 3, 2),
    zone="Europe/Berlin",
    note="example programme",
    squads=SQUADS,
    waves=(
        Wave("design", "Design", design=True),
        Wave("one", "Wave One", date(2026, 3, 2), date(2026, 3, 16), squads=("Quay",)),
        Wave(
            "two",
            "Wave Two",
            date(2026, 3, 9),
            date(2026, 3, 23),
            squads=("cranes",),
            declared=Declared("✅ Active", "active", source="plan.md:7"),
        ),
    ),
    sprints=(Sprint("sprint-2", "Sprint 2", date(2026, 3, 9)),),
    dependencies=(Dependency("Kafka", "Runs on the quay", "quay", ("kafka",)), Dependency("Weather feed")),
    milestones=(
        Milestone("m1", "First berth booked", "Week 1 Day 3", date(2026, 3, 4)),
        Milestone("m2", "Kick-off", "Week 1 Day 1", date(2026, 3, 2)),
        Milestone("m3", "Crane dry run", "Week 2 Day 1", date(2026, 3, 9)),
        Milestone("m4", "Papers signed", None, date(2026, 3, 3), recorded="met", recorded_by="Ines"),
    ),
    rituals=(
        Ritual("standup", "Daily Standup", time=time(9), minutes=15),
        Ritual("day", "Integration Day", ("wed",), all_day=True),
        Ritual(
            "drill", "Storm Drill", ("fri",), time(15), rotation=(Scenario(1, "Kafka away"),), rotates=True
        ),
    ),
)


def card(id_: str, epic: str, squad: str | None, status: Status, owner: str = "", **more: Any) -> Item:
    """An item of Sprint 1."""
    owners = (owner,) if owner else ()
    return Item(id_, epic, squad, "sprint-1", owner=owner, owners=owners, status=status, **more)


ITEMS = (
    card("i1", "Berth booking", "quay", "in_progress", "Tomas", since=ago(2900)),
    card("i2", "Tide table", "quay", "not_started", "Tomas"),
    card("i3", "Load planner", "cranes", "blocked", "Ada", blocking_squad="quay"),
    card("i4", "Hook sensor", "cranes", "done", "Ada", since=ago(60)),
    card("i5", "Paper trail", None, "not_started", "Nobody known"),
    card("i6", "Stamp", "customs", "unknown", status_text="🟪 pondering"),
)

BLOCKERS = (
    Blocker("b1", "Schema undecided", None, "Ines", "customs", "quay", "open", ago(20)),
    Blocker("b2", "Topics missing", "i3", "Ada", "cranes", "quay", "open", ago(241), eta=ago(-60)),
    Blocker(
        "b3",
        "No test data",
        None,
        None,
        "customs",
        "cranes",
        "open",
        None,
        ago(1500),
        source="a/status.md",
        line=9,
    ),
    Blocker("b4", "Old story", None, "Ada", "cranes", "quay", "resolved", ago(9000)),
    Blocker("b5", "Crane licence", None, "Ada", "cranes", "customs", "escalated", ago(100)),
)


def service(id_: str, health: Health, reason: str = "", minutes: float = 600, **more: Any) -> ServiceState:
    """A service answered for two seconds ago."""
    squads = more.pop("squads", ())
    return ServiceState(
        Service(
            id_,
            "http",
            url=f"http://{id_}.test:8080/health",
            squads=squads,
            runbook=more.pop("runbook", None),
        ),
        health,
        ago(minutes),
        reason,
        0.0021 if health is Health.UP else None,
        NOW - timedelta(seconds=2),
        **more,
    )


SERVICES = (
    service("redis", Health.UP, detail={"role": "master"}),
    service(
        "kafka",
        Health.DOWN,
        "connection refused 127.0.0.1:9092",
        3,
        squads=("cranes",),
        runbook="https://runbooks.test/kafka",
        transitions=(Transition(ago(3), Health.UP, Health.DOWN, "connection refused"),),
    ),
    service("gateway", Health.DEGRADED, "kafka: false", 3, caused_by="kafka"),
    *(service(f"berth-{n}", Health.UP) for n in range(9)),
)


def reading(squad: str, metric: str, code: GapCode, text: str = "", **more: Any) -> SignalReading:
    """A signal as it was found."""
    return SignalReading(Signal(metric, "harbour", squad), code, text, **more)


SIGNALS = (
    reading("quay", "berths_booked_total", GapCode.OK),
    reading(
        "quay",
        "tide_height_metres",
        GapCode.NEVER_SEEN,
        "never seen in 15d",
        hint="did you mean tide_height_meters?",
        query='count by (__name__) ({__name__="tide_height_metres"})',
        targets=("quay:9100: up",),
    ),
    reading("cranes", "lifts_total", GapCode.TARGET_DOWN, "target down", last_seen=ago(3)),
)

COVERAGE = (
    Coverage("quay", 1, 2, 50, "FAIL"),
    Coverage("cranes", 0, 1, 0, "FAIL"),
    Coverage("customs", 0, 0, None, "NOT_DECLARED"),
)

ALERTS = (
    Alert(
        "f1", "KafkaAway", "critical", "Kafka does not answer", starts_at=ago(3), squad="quay", server="am"
    ),
    Alert("f2", "DiskFull", "warning", "disk 91 % full", starts_at=ago(300), server="am"),
)

SOURCES = (
    SourceStatus("services", "services", "services", 5, NOW - timedelta(seconds=2)),
    SourceStatus("metrics:prom", "metrics", "Prometheus", 15, NOW - timedelta(seconds=4)),
    SourceStatus("alerts:am", "alerts", "Alertmanager", 10, NOW - timedelta(seconds=3)),
    SourceStatus("documents", "documents", "documents", 2, NOW - timedelta(seconds=1), ago(3)),
    SourceStatus("status", "status", "status folder", 5, NOW - timedelta(seconds=2)),
)

BASELINE = Baseline(
    StatusFile("status/2026-03-03.json", "2026-03-03", "nightly", datetime(2026, 3, 3, 21, tzinfo=UTC), {}),
    "the newest status at or before the standup",
)

CHANGES = (
    Change("blocker_opened", "b1", "opened: Schema undecided"),
    Change("item_done", "i4", "Hook sensor: in progress → done", "in_progress", "done"),
    Change("item_done", "i9", "Mooring: in progress → done", "in_progress", "done"),
    Change("gate_changed", "quay", "coverage quay 2/2 → 1/2"),
)

ROOM = Snapshot(
    PROGRAM,
    1,
    NOW,
    sources=SOURCES,
    services=SERVICES,
    signals=SIGNALS,
    coverage=COVERAGE,
    gates=(Gate("one", "FAIL", 1, 3, 33, COVERAGE),),
    alerts=ALERTS,
    items=ITEMS,
    steps=(
        Item("step/1", "Write the charter", status="done"),
        Item("step/2", "Wire the crane", status="in_progress"),
    ),
    blockers=BLOCKERS,
    lints=(
        Lint("X008", "glyph and word disagree", "warning", "docs/backlog.md", 12, subject="i3"),
        Lint("X010", "the id i1 is used twice", "error", "docs/backlog.md", 30, subject="i1"),
    ),
    baseline=BASELINE,
    changes=CHANGES,
)

EMPTY = Snapshot(Program(zone="Europe/Berlin"), taken_at=NOW)


def view(width: int = 118, height: int = 0, **more: Any) -> View:
    """A view at the present minute, seen from Kolkata."""
    return View(viewer_zone="Asia/Kolkata", width=width, height=height, minute=NOW.replace(second=0), **more)


def drawn(pane: Pane, room: Snapshot = ROOM, now: datetime = NOW, seen: View | None = None) -> str:
    """The pane as plain text; checks on the way that every row keeps its promises."""
    seen = seen or view()
    ctx = DrawContext(room, seen, now, seen.width, seen.height)
    lines: list[Line] = []
    for row in pane.rows(room, seen):
        made = pane.draw(row, ctx)
        assert len(made) == row.height
        assert all(line_width(line) <= seen.width for line in made)
        lines += made
    return as_text(lines)


def row_with(pane: Pane, key: str, room: Snapshot = ROOM, seen: View | None = None) -> Row:
    """The row with that key."""
    return next(row for row in pane.rows(room, seen or view()) if row.key == key)


def changed(**parts: Any) -> Snapshot:
    """The room with other parts."""
    return replace(ROOM, **parts)
