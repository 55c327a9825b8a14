"""d on a pane: what of its own things changed since the baseline, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from controlroom.domain.diff import CATEGORIES
from controlroom.domain.runs import Key, Run
from controlroom.domain.snapshot import Change, Snapshot, StatusSeen
from controlroom.tui.lines import as_text
from controlroom.tui.panes import PANES
from controlroom.tui.rows import DrawContext, Pane
from controlroom.tui.since import PLACES, Since, changes_of

from .looking import seat
from .rooms import BASELINE, NOW, ROOM, ago, changed, drawn, view
from .still import Still

BY_ID = {pane.id: pane for pane in PANES}
CHANGES = (
    Change("blocker_opened", "b1", "opened: Schema undecided", None, "open"),
    Change("blocker_resolved", "b4", "resolved: Old story", "open", "resolved"),
    Change("item_done", "i4", "Hook sensor: in progress → done", "in_progress", "done"),
    Change("item_removed", "i9", "removed: Mooring, was in progress", "in_progress", None),
    Change("owner_changed", "b2", "owner of Topics missing: Tomas → Ada", "Tomas", "Ada"),
    Change("owner_changed", "i1", "owner of Berth booking: Ines → Tomas", "Ines", "Tomas"),
    Change("date_slipped", "two", "Wave Two end slipped: 2026-03-20 → 2026-03-23"),
    Change("signal_failing", "quay/tide_height_metres/harbour", "quay tide_height_metres: NEVER_SEEN", "OK"),
    Change("gate_changed", "quay", "coverage quay 2/2 → 1/2", "2/2", "1/2"),
    Change("gate_changed", "one", "gate of one: PASS → FAIL", "PASS", "FAIL"),
    Change(
        "benchmark_regressed", "mooring", "Mooring (quay): 30 % slower than 7 before it", "ok", "regression"
    ),
    Change("service_changed", "kafka", "kafka: up → down · refused", "up", "down"),
    Change("wave_verdict", "one", "Wave One: planned → active", "planned", "active"),
    Change("milestone_passed", "m2", "Kick-off: passed, nothing recorded"),
    Change("decision", "d1", "Ship on Friday"),
)
ROOM_SINCE = changed(changes=CHANGES)


def since(pane: str, room: Snapshot = ROOM_SINCE, width: int = 100) -> str:
    """What the pane shows of what changed."""
    return drawn(Since(BY_ID[pane]), room, seen=view(width))


def test_every_change_is_shown_in_one_pane() -> None:
    """Every category has its place, and each of these changes is told once among all panes."""
    assert set(PLACES) >= set(CATEGORIES) - {"owner_changed", "date_slipped"}
    told = [change for pane in BY_ID for _, change in changes_of(pane, ROOM_SINCE)]
    assert sorted(told, key=lambda c: c.text) == sorted(CHANGES, key=lambda c: c.text)


@pytest.mark.parametrize(
    ("pane", "there", "not_there"),
    [
        ("blockers", ("Schema undecided", "owner of Topics missing: Tomas → Ada"), ("Crane licence",)),
        ("squads", ("Hook sensor: in progress → done", "removed: Mooring"), ("Tide table", "Schema")),
        ("services", ("kafka   DOWN 3m", "kafka: up → down"), ("redis", "gateway", "berth")),
        ("telemetry", ("tide_height_metres: NEVER_SEEN", "coverage quay 2/2 → 1/2"), ("lifts_total\n",)),
        ("waves", ("Wave One: planned → active", "Kick-off: passed", "end slipped"), ("Crane dry run",)),
        ("ritual", ("Ship on Friday",), ("agenda",)),
    ],
)
def test_a_pane_shows_its_own_changes_only(
    pane: str, there: tuple[str, ...], not_there: tuple[str, ...]
) -> None:
    """Its rows with what they were before; what did not change is hidden, what is gone is listed."""
    said = since(pane)
    for part in there:
        assert part in said
    for part in not_there:
        assert part not in said


def test_the_row_of_a_thing_stands_over_what_it_was() -> None:
    """The pane's own row, as it is now, then the change."""
    lines = since("services").splitlines()
    at = next(n for n, line in enumerate(lines) if "kafka: up → down" in line)
    assert "connection refused" in lines[at - 2] or "connection refused" in lines[at - 1]


def test_cards_beside_each_other_are_told_one_by_one() -> None:
    """Lanes hold several cards in a row: each change has a row of its own."""
    wide = since("squads", width=160)
    for part in (
        "Hook sensor: in progress → done",
        "owner of Berth booking: Ines → Tomas",
        "removed: Mooring",
    ):
        assert wide.count(part) == 1


def empty(pane: str, room: Snapshot) -> str:
    return as_text((Since(BY_ID[pane]).empty(room),))


def test_no_baseline_and_no_change_are_told_apart() -> None:
    """Nothing to compare with is no calm."""
    assert "nothing changed" in empty("blockers", changed(changes=()))
    assert "no baseline" in empty("blockers", changed(baseline=None, changes=(), status=StatusSeen(())))


def test_alerts_are_compared_where_the_baseline_has_them() -> None:
    """New ones, and those that fire no longer; one without alerts, or a silent source, claims nothing."""
    assert "not known: the baseline has no alerts" in empty("alerts", ROOM)
    then = {"alerts": [{"id": "f2", "name": "DiskFull", "state": "active"}, {"id": "f9", "name": "Fog"}]}
    file = replace(BASELINE.file, data=then)
    room = changed(baseline=replace(BASELINE, file=file), changes=())
    said = since("alerts", room)
    assert "fires: KafkaAway" in said
    assert "fires no longer, or is silenced: Fog" in said
    assert "DiskFull" not in said
    sources = tuple(replace(s, error="refused") if s.kind == "alerts" else s for s in ROOM.sources)
    assert changes_of("alerts", replace(room, sources=sources)) == ()


def test_what_was_held_since_is_told_with_the_rituals() -> None:
    """A run that ended after the baseline, by its ritual's title and date."""
    run = Run(Key("standup", date(2026, 3, 4)), "Ada", ago(30), finished_at=ago(20))
    assert "held: Daily Standup of 2026-03-04" in since("ritual", changed(runs=(run,)))
    before = replace(run, finished_at=BASELINE.file.as_of - timedelta(hours=1))
    assert changes_of("ritual", changed(runs=(before,), changes=())) == ()


@pytest.mark.parametrize("pane", list(PANES), ids=lambda pane: pane.id)
@pytest.mark.parametrize("width", [24, 40, 76, 200])
def test_every_pane_keeps_its_promises(pane: Pane, width: int) -> None:
    """Rows as high as they say and no wider than the pane, each with a key of its own."""
    shown = Since(pane)
    drawn(shown, ROOM_SINCE, seen=view(width, 12))
    keys = [row.key for row in shown.rows(ROOM_SINCE, view(width, 12))]
    assert len(keys) == len(set(keys))
    heading = shown.heading(DrawContext(ROOM_SINCE, view(width), NOW, width, 12))
    assert "changed" in heading.title
    assert "since Tue Mar 3 22:00"[: width - 2] in as_text((heading.freshness,)) or width < 30


@pytest.mark.parametrize("size", [(160, 48), (80, 24)])
async def test_d_shows_what_changed_here_and_d_or_esc_goes_back(size: tuple[int, int]) -> None:
    """On any pane, at any size; the cursor is on its row again."""
    async with seat(Still(ROOM_SINCE), size=size) as at:
        await at.press("6")
        before = at.cursor
        for back in ("d", "escape"):
            screen = await at.press("d")
            assert "Services: changed" in screen
            assert "kafka: up → down" in screen
            assert "gateway" not in screen
            screen = await at.press(back)
            assert "Services: changed" not in screen
            assert "gateway" in screen
            assert at.cursor == before


async def test_a_pane_that_is_left_shows_all_of_it_again() -> None:
    """What is down and not new must not stay hidden."""
    async with seat(Still(ROOM_SINCE), size=(160, 48)) as at:
        await at.press("6", "d")
        screen = await at.press("tab")
        assert "Services: changed" not in screen
        assert "gateway" in screen


async def test_a_refresh_leaves_what_changed_on_the_screen() -> None:
    """A new snapshot changes what is shown, not that it is what changed."""
    async with seat(Still(ROOM_SINCE), size=(160, 48)) as at:
        await at.press("6", "d")
        more = (*CHANGES, Change("service_changed", "gateway", "gateway: up → degraded", "up", "degraded"))
        at.room.show(replace(ROOM_SINCE, version=2, changes=more))
        screen = await at.later()
        assert "Services: changed" in screen
        assert "gateway: up → degraded" in screen
