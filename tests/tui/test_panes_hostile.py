"""Whatever a snapshot holds, panes draw it: straight, clean, and without falling over."""

from __future__ import annotations

import time
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.domain.board import Item, Sprint, Squad
from controlroom.domain.health import ServiceState, Transition
from controlroom.domain.lints import Lint
from controlroom.domain.maintenance import Window
from controlroom.domain.program import Dependency, Milestone, Program
from controlroom.domain.rituals import Ritual, Scenario
from controlroom.domain.selfcheck import Check
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Baseline, Change, Snapshot, SourceStatus, StatusFile, StatusSeen
from controlroom.domain.telemetry import Alert, Coverage, GapCode, Gate, SignalReading
from controlroom.domain.triage import Blocker
from controlroom.domain.waivers import Waiver
from controlroom.domain.waves import Declared, Wave
from controlroom.tui import filters
from controlroom.tui.detail import describe
from controlroom.tui.header import header, strip
from controlroom.tui.lines import line_width
from controlroom.tui.panes import PANES
from controlroom.tui.panes.lints import PANE as LINTS
from controlroom.tui.rows import DrawContext, Line, View
from tests.tui.rooms import BLOCKERS, NOW, ROOM, card, service, view

NASTY = (
    "",
    "\x1b[2J\x1b]0;owned\x07",
    "[/foo] [@click=app.quit]x",
    "a\nb\tc\rd",
    "\u202eevil\u2066",
    "日本語テキスト",
    "שלום עולם",
    "👩‍🚀🏴‍☠️🟩",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠",
    "\ufffd",
    "\u200d\u200d",
    "x" * 300,
    "\x9b31m",
    "\ud800",
)
TEXT = st.one_of(st.sampled_from(NASTY), st.text(max_size=12))
MAYBE = st.one_of(st.none(), TEXT)
SQUAD = st.one_of(st.sampled_from(("quay", "cranes", "ghosts", "")), TEXT)
WHEN = st.one_of(
    st.none(),
    st.datetimes(datetime(2026, 2, 1), datetime(2026, 4, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from((datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))),
)
DAY = st.one_of(
    st.none(),
    st.dates(date(2026, 2, 1), date(2026, 4, 1)),
    st.sampled_from((date(1, 1, 2), date(9999, 12, 30))),
)
SQUADS = st.lists(SQUAD, max_size=3).map(tuple)


def many(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=3).map(tuple)


ITEM = st.builds(
    Item,
    id=TEXT,
    epic=TEXT,
    squad=st.one_of(st.none(), SQUAD),
    owner=TEXT,
    owners=many(TEXT),
    status=st.sampled_from(("not_started", "in_progress", "blocked", "done", "unknown")),
    status_text=TEXT,
    since=WHEN,
    first_seen=WHEN,
    updated=WHEN,
    due=DAY,
    tags=many(TEXT),
    blocking_squad=st.one_of(st.none(), SQUAD),
    owning_squad=st.one_of(st.none(), SQUAD),
    path=MAYBE,
    line=st.one_of(st.none(), st.integers()),
)
BLOCKER = st.builds(
    Blocker,
    id=TEXT,
    summary=TEXT,
    item=MAYBE,
    owner=MAYBE,
    owning_squad=st.one_of(st.none(), SQUAD),
    blocking_squad=st.one_of(st.none(), SQUAD),
    state=st.sampled_from(("open", "acknowledged", "escalated", "snoozed", "resolved")),
    opened_at=WHEN,
    first_seen=WHEN,
    eta=WHEN,
    snoozed_until=WHEN,
    next_update_due=WHEN,
    source=MAYBE,
    line=st.one_of(st.none(), st.integers()),
)
SERVICE = st.builds(
    ServiceState,
    service=st.builds(
        Service,
        id=TEXT,
        kind=TEXT,
        name=TEXT,
        group=TEXT,
        url=TEXT,
        squads=SQUADS,
        milestones=many(TEXT),
        depends_on=many(TEXT),
        runbook=MAYBE,
        maintenance=many(st.builds(Window, text=TEXT, start=WHEN, end=WHEN, zone=st.just("Europe/Berlin"))),
    ),
    health=st.sampled_from(Health),
    since=WHEN,
    reason=TEXT,
    latency=st.one_of(st.none(), st.floats(0, 1e6)),
    probed_at=WHEN,
    flaps=st.integers(0, 50),
    transitions=many(
        st.builds(
            Transition,
            at=WHEN.filter(lambda when: when is not None),
            before=st.sampled_from(Health),
            after=st.sampled_from(Health),
            reason=TEXT,
        )
    ),
    detail=st.dictionaries(TEXT, TEXT, max_size=3),
    caused_by=MAYBE,
    verified=st.booleans(),
    raw=TEXT,
    answered_at=WHEN,
)
READING = st.builds(
    SignalReading,
    signal=st.builds(
        Signal,
        metric=TEXT,
        job=MAYBE,
        squad=SQUAD,
        required_for_exit=st.booleans(),
        alert=MAYBE,
        dashboard=MAYBE,
        topic=MAYBE,
    ),
    code=st.sampled_from(GapCode),
    text=TEXT,
    last_seen=WHEN,
    hint=MAYBE,
    query=TEXT,
    targets=many(TEXT),
    since=WHEN,
    near=many(TEXT),
    unchecked=many(st.sampled_from(GapCode)),
)
WAIVER = st.builds(
    Waiver,
    signal=READING.map(lambda reading: reading.id),
    who=TEXT,
    why=TEXT,
    at=WHEN.filter(lambda when: when is not None),
    until=WHEN.filter(lambda when: when is not None),
    pending=st.booleans(),
)
VERDICT = st.sampled_from(("PASS", "FAIL", "UNKNOWN", "NOT_DECLARED"))
COVERAGE = st.builds(
    Coverage,
    squad=SQUAD,
    ok=st.integers(0, 5),
    required=st.integers(0, 9),
    pct=st.one_of(st.none(), st.integers(0, 100)),
    verdict=VERDICT,
    waived=st.integers(0, 2),
    unknown=st.integers(0, 2),
    holding=st.integers(0, 2),
    holds_at=WHEN,
)
PROGRAMS = st.builds(
    Program,
    id=TEXT,
    title=TEXT,
    start=st.one_of(st.none(), st.dates(date(2026, 2, 1), date(2026, 4, 1))),
    zone=st.sampled_from(("UTC", "Europe/Berlin", "America/St_Johns")),
    note=TEXT,
    waves=many(
        st.builds(
            Wave,
            id=TEXT,
            name=TEXT,
            start=DAY,
            end=DAY,
            weeks=st.one_of(st.none(), st.tuples(st.integers(1, 9), st.integers(1, 9))),
            squads=SQUADS,
            declared=st.one_of(
                st.none(),
                st.builds(Declared, text=TEXT, state=st.sampled_from((None, "active", "planned", "done"))),
            ),
            design=st.booleans(),
        )
    ),
    sprints=many(st.builds(Sprint, id=TEXT, name=TEXT, start=DAY)),
    squads=st.lists(
        st.builds(
            Squad, id=SQUAD, name=TEXT, aliases=many(TEXT), focus=st.dictionaries(TEXT, TEXT, max_size=2)
        ),
        max_size=4,
        unique_by=lambda squad: squad.id,
    ).map(tuple),
    dependencies=many(
        st.builds(Dependency, name=TEXT, text=TEXT, owner=MAYBE, services=many(TEXT), squads=SQUADS)
    ),
    milestones=many(
        st.builds(Milestone, id=TEXT, text=TEXT, label=MAYBE, date=DAY, recorded=MAYBE, recorded_by=MAYBE)
    ),
    rituals=many(
        st.builds(
            Ritual,
            id=TEXT,
            title=TEXT,
            days=st.sampled_from(("daily", ("mon",), ("wed", "fri"), ())),
            time=st.one_of(st.none(), st.times()),
            all_day=st.booleans(),
            minutes=st.one_of(st.none(), st.integers(1, 600)),
            rotation=many(st.builds(Scenario, week=st.integers(-5, 60), scenario=TEXT, owner=MAYBE)),
            rotates=st.booleans(),
        )
    ),
)
SOURCE = st.builds(
    SourceStatus,
    id=TEXT,
    kind=st.sampled_from(("services", "metrics", "alerts", "documents", "status", "store", "self")),
    title=TEXT,
    read_at=WHEN,
    as_of=WHEN,
    error=MAYBE,
    error_since=WHEN,
    warnings=many(TEXT),
)
ROOMS = st.builds(
    Snapshot,
    program=PROGRAMS,
    taken_at=st.sampled_from((None, NOW)),
    sources=many(SOURCE),
    services=many(SERVICE),
    self_checks=many(
        st.builds(Check, st.sampled_from(("clock", "dns")), st.sampled_from((True, False, None)), TEXT)
    ),
    signals=many(READING),
    coverage=many(COVERAGE),
    gates=many(
        st.builds(
            Gate,
            wave=TEXT,
            verdict=VERDICT,
            ok=st.integers(0, 9),
            required=st.integers(0, 9),
            pct=st.none(),
            squads=many(COVERAGE),
            waived=st.integers(0, 2),
            unknown=st.integers(0, 2),
            holding=st.integers(0, 2),
            holds_at=WHEN,
        )
    ),
    waivers=many(WAIVER),
    alerts=many(
        st.builds(
            Alert,
            fingerprint=TEXT,
            name=TEXT,
            severity=TEXT,
            summary=TEXT,
            state=st.sampled_from(("active", "suppressed", "unprocessed")),
            starts_at=WHEN,
            squad=st.one_of(st.none(), SQUAD),
            labels=st.dictionaries(TEXT, TEXT, max_size=2),
        )
    ),
    items=st.lists(ITEM, max_size=8).map(tuple),
    steps=many(ITEM),
    blockers=st.lists(BLOCKER, max_size=5).map(tuple),
    lints=many(
        st.builds(
            Lint,
            code=TEXT,
            message=TEXT,
            severity=st.sampled_from(("error", "warning")),
            path=MAYBE,
            line=st.one_of(st.none(), st.integers()),
            subject=MAYBE,
        )
    ),
    status=st.one_of(st.none(), st.builds(StatusSeen, files=st.just(()), unreadable=many(TEXT))),
    baseline=st.one_of(
        st.none(),
        st.builds(
            Baseline,
            file=st.builds(
                StatusFile,
                path=TEXT,
                for_date=TEXT,
                slot=TEXT,
                as_of=WHEN.filter(lambda when: when is not None),
                data=st.just({}),
            ),
            why=TEXT,
        ),
    ),
    changes=many(
        st.builds(
            Change,
            category=st.one_of(TEXT, st.sampled_from(("item_done", "gate_changed"))),
            id=TEXT,
            text=TEXT,
        )
    ),
    restored=st.booleans(),
)
VIEWS = st.builds(
    View,
    viewer_zone=st.sampled_from(("UTC", "Asia/Kolkata", "Nowhere/Land", "+05:30")),
    focus_squad=st.sampled_from((None, None, "quay", "nobody")),
    ascii=st.booleans(),
    redact=st.booleans(),
    expanded=st.booleans(),
    width=st.sampled_from((0, 1, 7, 20, 30, 46, 60, 78, 100, 118, 200)),
    height=st.sampled_from((0, 1, 5, 12, 40)),
    filter=st.sampled_from(("", "", "@quay", "!x", "a")),
    minute=st.sampled_from((None, NOW.replace(second=0))),
)


def assert_clean(line: Line, width: int) -> None:
    """Nothing in `line` moves a terminal's cursor, and it fits."""
    for span in line:
        for character in span.text:
            assert unicodedata.category(character) not in ("Cc", "Cs")
            assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
    assert line_width(line) <= width


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(ROOMS, VIEWS)
def test_no_snapshot_makes_a_pane_fail(room: Snapshot, seen: View) -> None:
    """Every pane lists and draws anything: as high as it said, as wide as the pane, without controls."""
    width = seen.width or 90
    ctx = DrawContext(room, seen, NOW, width, seen.height or 20)
    for pane in (*PANES, LINTS):
        heading = pane.heading(ctx)
        assert_clean(heading.freshness, width)
        rows = pane.rows(room, seen)
        assert len({row.key for row in rows}) == len(rows)
        for row in rows:
            lines = pane.draw(row, ctx)
            assert len(lines) == row.height
            assert len(row.cells) == len(row.cell_spans)
            for line in lines:
                assert_clean(line, width)
        if not rows:
            assert pane.empty(room)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(ROOMS, VIEWS)
def test_no_snapshot_makes_header_or_detail_fail(room: Snapshot, seen: View) -> None:
    """The header fits any width; everything that can be opened opens, as clean text."""
    for width in (1, 20, 60, 80, 160):
        assert_clean(header(room, NOW, seen, width, frozen=NOW, clock_set=True), width)
        assert_clean(strip(room, NOW, seen, width), width)
    subjects = {
        subject
        for pane in (*PANES, LINTS)
        for row in pane.rows(room, replace(seen, expanded=True))
        for subject in (row.subject, *row.cells)
        if subject is not None
    }
    for subject in subjects:
        detail = describe(room, subject, NOW, seen)
        for line in detail.lines:
            assert_clean(line, 1_000_000)
        assert "\x1b" not in detail.plain
        assert "\x1b" not in detail.title


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.id)
def test_ascii_panes_use_no_glyph_of_ours(pane: Any) -> None:
    """With ASCII glyphs and ASCII data every character is ASCII."""
    program = replace(
        ROOM.program,
        waves=tuple(replace(wave, declared=None) for wave in ROOM.program.waves),
    )
    room = replace(ROOM, program=program, items=tuple(replace(i, status_text="") for i in ROOM.items))
    for seen in (view(ascii=True), view(46, ascii=True), view(expanded=True, ascii=True)):
        ctx = DrawContext(room, seen, NOW, seen.width, 0)
        text = "".join(s.text for row in pane.rows(room, seen) for line in pane.draw(row, ctx) for s in line)
        assert text.isascii()
        assert all(span.text.isascii() for span in pane.heading(ctx).freshness)


def test_ten_thousand_cards_and_blockers_are_listed_once_and_drawn_by_the_screenful() -> None:
    """Asking again for what did not change, and drawing a screenful, does not depend on the size."""
    items = tuple(
        card(
            f"i{n}", f"Card {n}", ("quay", "cranes", "customs")[n % 3], ("not_started", "in_progress")[n % 2]
        )
        for n in range(10_000)
    )
    blockers = tuple(replace(BLOCKERS[1], id=f"b{n}", item=f"i{n}") for n in range(10_000))
    room = replace(
        ROOM, items=items, blockers=blockers, services=tuple(service(f"s{n}", Health.UP) for n in range(1000))
    )
    seen = view(118, 20)
    ctx = DrawContext(room, seen, NOW, 118, 20)
    for pane in PANES:
        rows = pane.rows(room, seen)
        started = time.process_time()
        assert len(pane.rows(room, seen)) == len(rows)
        for row in rows[:20]:
            pane.draw(row, ctx)
        pane.heading(ctx)
        assert time.process_time() - started < 0.25, pane.id


def test_the_filter_says_the_same_of_rows_the_pane_has_filtered() -> None:
    """What a pane leaves out itself and what the widget leaves out agree."""
    for typed in ("@quay", "!@quay", "card", "berth", "kafka !up"):
        match = filters.compile(typed, ROOM.program)
        for pane in PANES:
            mine = pane.rows(ROOM, view(filter=typed, expanded=True))
            for row in mine:
                if row.key.startswith("lane:") and row.subject is not None:
                    assert match(row), (typed, row.key)
