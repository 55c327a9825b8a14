"""The next ritual in large digits, changes since the last one, and lints."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Program
from controlroom.domain.rituals import DateChange, ReadyGate, Ritual, Scenario
from controlroom.domain.runs import Box, Key, Run
from controlroom.domain.snapshot import SourceStatus, StatusSeen
from controlroom.tui.bigdigits import large
from controlroom.tui.detail import describe
from controlroom.tui.lines import as_text
from controlroom.tui.panes import changes, lints, ritual
from controlroom.tui.rows import DrawContext, Subject
from tests.tui.rooms import BLOCKERS, EMPTY, NOW, PROGRAM, ROOM, ago, changed, drawn, row_with, view

PANE = ritual.PANE


def title(now: datetime) -> str:
    return PANE.heading(DrawContext(ROOM, view(), now, 60, 12)).title


def test_the_countdown_is_large_and_ticks() -> None:
    """Thirty seconds before nine it reads 00:30, a second later 00:29, without new rows."""
    row = row_with(PANE, "digits:0")
    assert row.ticks
    for seconds, expected in ((0, "00:30"), (1, "00:29")):
        ctx = DrawContext(ROOM, view(), NOW + timedelta(seconds=seconds), 118, 0)
        assert as_text(PANE.draw(row, ctx)) == "\n".join(part.rstrip() for part in large(expected))


def test_at_the_hour_it_reads_now_for_a_minute() -> None:
    """Then the next ritual takes the digits, and this one its line above them with the time left."""
    start = NOW + timedelta(seconds=30)
    assert title(NOW) == "Next: Daily Standup"
    assert title(start) == "Now: Daily Standup"
    minute = view(60)
    later = replace(minute, minute=start + timedelta(minutes=2))
    said = drawn(PANE, now=start + timedelta(minutes=2), seen=later)
    assert "Daily Standup · 13:00 left" in said


def test_both_zones_agenda_and_what_follows() -> None:
    """The viewer's time, counts from the room, the scenario of the drill."""
    said = drawn(PANE)
    assert "Wed 09:00 CET · Wed 13:30 IST" in said
    assert "agenda   4 blockers, 2 gaps, 3 squads" in said
    assert "Storm Drill Fri Mar 6 15:00 · in 2d 06h 00m · Kafka away" in said
    assert "Integration Day · all day" in said


def test_a_change_of_offset_is_announced_in_full() -> None:
    """A long notice takes as many lines as it needs."""
    now = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)
    seen = replace(view(48), minute=now)
    said = " ".join(drawn(PANE, replace(ROOM, taken_at=now), now, seen).split())
    assert "clocks go forward 1h on Sun 2026-03-29" in said
    assert "Daily Standup 13:30 → 12:30 IST" in said


def test_a_low_pane_has_no_large_digits() -> None:
    """Three lines of digits would push out everything else."""
    assert row_with(PANE, "digits:0", seen=view(40, 5)).height == 1
    assert row_with(PANE, "digits:0", seen=view(100, 30, expanded=True)).height == 6


def test_no_rituals_names_the_key() -> None:
    """An empty pane helps."""
    assert not PANE.rows(EMPTY, view())
    assert "[[rituals]]" in as_text((PANE.empty(EMPTY),))


def test_a_wrong_viewer_zone_leaves_the_programme_s_times() -> None:
    """The pane is drawn all the same."""
    seen = replace(view(), viewer_zone="Nowhere/Land")
    assert "Daily Standup" in PANE.heading(DrawContext(ROOM, seen, NOW, 60, 12)).title
    assert "agenda" in drawn(PANE, seen=seen)


def test_changes_are_one_line_in_a_low_pane_and_a_list_when_zoomed() -> None:
    """The strip counts, the list names, with the baseline and why it was chosen."""
    assert len(drawn(changes.PANE, seen=view(118, 1)).splitlines()) == 1
    said = drawn(changes.PANE, seen=view(118, 30, expanded=True))
    for part in (
        "nightly",
        "at or before the standup",
        "Done",
        "Hook sensor: in progress → done",
        "Blockers opened",
    ):
        assert part in said


def test_no_baseline_is_not_no_change() -> None:
    """It says what is missing."""
    assert "no baseline: no status file yet" in drawn(
        changes.PANE, changed(baseline=None, changes=(), status=StatusSeen(()))
    )
    assert "nothing changed" in drawn(changes.PANE, changed(changes=()))


def test_lints_are_errors_first_with_their_place() -> None:
    """Code, severity in words, file and line."""
    said = drawn(lints.PANE).splitlines()
    assert said[0].startswith("✖ X010  error")
    assert "backlog.md:30" in said[0]
    assert said[1].startswith("▲ X008  warning")


def test_panes_are_in_the_order_of_their_numbers() -> None:
    """1 to 8, as the keys say."""
    from controlroom.tui.keys import PANES as NUMBERED
    from controlroom.tui.panes import PANES

    assert [pane.id for pane in PANES] == [number[0] for number in NUMBERED]
    assert PROGRAM.id == "harbour"


GATES = (
    ReadyGate("Redis answers", "redis"),
    ReadyGate("Kafka answers", "kafka"),
    ReadyGate("Last week's actions were looked at"),
)
STANDUP = Ritual(
    "standup",
    "Daily Standup",
    time=time(9),
    minutes=15,
    gates=GATES,
    agenda=("Changes", "Blockers first"),
)


def programme(*more: Ritual, **parts: Any) -> Program:
    """The harbour's programme with other rituals."""
    return replace(PROGRAM, rituals=(replace(STANDUP, **parts), *more))


def test_readiness_is_said_before_it_begins() -> None:
    """How many are green, what is missing and what is not known; each with its reason where there is room."""
    room = changed(program=programme())
    said = " ".join(drawn(PANE, room).split())
    assert "ready 1 of 3 gates green · missing: Kafka answers · not known: Last week's actions" in said
    whole = drawn(PANE, room, seen=view(118, 30, expanded=True))
    assert "✓ there Redis answers" in whole
    assert "✖ missing Kafka answers · DOWN: connection refused" in whole
    assert "? not known Last week's actions were looked at" in whole
    assert "ready" not in drawn(PANE)


def test_a_tick_is_a_row_of_its_own_to_be_ticked() -> None:
    """Enter and c on it are about its box; who ticked it is said, unless names are hidden."""
    item = Key("standup", date(2026, 3, 4)).box(GATES[2].text)
    key = Key("standup", date(2026, 3, 4))
    box = Box(item, key, item.rpartition("/")[2], True, "Ines", ago(5))
    room = changed(program=programme(), boxes=(box,))
    seen = view(118, 30, expanded=True)
    (row,) = (row for row in PANE.rows(room, seen) if row.subject == Subject("box", item))
    assert row.selectable
    assert "✓ there Last week's actions were looked at · Ines" in drawn(PANE, room, seen=seen)
    assert "Ines" not in drawn(PANE, room, seen=replace(seen, redact=True))


def test_what_comes_back_is_on_the_agenda() -> None:
    """What is declared, what there is, and each blocker put off to this ritual with who and why."""
    put_off = replace(
        BLOCKERS[0],
        state="snoozed",
        snoozed_until=NOW + timedelta(seconds=30),
        snooze_ritual="standup",
        snoozed_by="Ines",
        snooze_why="waits for the vendor",
    )
    said = drawn(PANE, changed(program=programme(), blockers=(put_off, *BLOCKERS[1:])))
    assert "agenda   Changes, Blockers first · 4 blockers, 2 gaps, 3 squads" in said
    assert "returns  ◌ Schema undecided, put off by Ines: waits for the vendor" in said


def test_what_was_carried_over_is_counted() -> None:
    """Blockers that stood there at the last one already."""
    last = Run(Key("standup", date(2026, 3, 3)), "Ada", ago(24 * 60), finished_at=ago(24 * 60 - 9))
    old = replace(BLOCKERS[0], opened_at=ago(2000))
    room = changed(program=programme(), runs=(last,), blockers=(old,), ledger=Ledger())
    assert "1 carried over" in drawn(PANE, room)
    assert "carried over" not in drawn(PANE, changed(program=programme(), blockers=(old,), ledger=Ledger()))


def test_who_drives_what_is_on_and_for_how_long() -> None:
    """Also when it was begun early, or its own time is long over."""
    run = Run(Key("standup", date(2026, 3, 4)), "Ada", NOW - timedelta(seconds=192))
    room = changed(program=programme(), runs=(run,))
    assert "now      Daily Standup · Ada drives, 03:12" in drawn(PANE, room)
    later = NOW + timedelta(minutes=5)
    seen = replace(view(), minute=later.replace(second=0))
    assert "Ada drives, 08:12 · 10:30 left" in drawn(PANE, room, later, seen)
    late = NOW + timedelta(minutes=30)
    seen = replace(view(), minute=late.replace(second=0))
    assert "Daily Standup · Ada drives, 33:12" in drawn(PANE, room, late, seen)


def test_earlier_rituals_of_the_day_say_whether_they_were_held() -> None:
    """Held, no record, records unreadable; nothing where the log was not read."""
    now = NOW + timedelta(hours=4)
    seen = replace(view(), minute=now.replace(second=0))
    run = Run(Key("standup", date(2026, 3, 4)), "Ada", NOW, finished_at=NOW + timedelta(minutes=9))
    program = programme()
    store = SourceStatus("store", "store", "dir:log", 1, now)
    for parts, words in (
        ({"runs": (run,), "ledger": Ledger()}, "Daily Standup · held"),
        ({"ledger": Ledger()}, "Daily Standup · no record"),
        ({"sources": (replace(store, error="refused"),)}, "Daily Standup · records unreadable"),
    ):
        assert f"earlier  {words}" in drawn(PANE, changed(program=program, **parts), now, seen)
    assert "earlier" not in drawn(PANE, changed(program=program), now, seen)


def test_a_drill_names_its_scenario_and_who_leads_it() -> None:
    """Of the programme week; a week without one says so, and none is made up."""
    drill = Ritual("drill", "Drill", ("fri",), time(15), rotation=(Scenario(1, "Fog", "Ada"),))
    first = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)
    said = [
        drawn(
            PANE,
            changed(program=replace(PROGRAM, rituals=(replace(drill, minutes=60),)), taken_at=at),
            at,
            replace(view(), minute=at),
        )
        for at in (first, first + timedelta(days=7))
    ]
    assert "scenario Fog · Ada" in said[0]
    assert "scenario not declared for Week 2" in said[1]


NIGHT = Ritual("night", "Night watch", time=time(2, 30), minutes=15)
EARLY = Ritual("early", "Early call", time=time(1, 30), minutes=15)
PUBLIC = (DateChange(date(2025, 10, 27), "public holiday"),)
EVENING = (DateChange(date(2025, 10, 28), "an early evening", date(2025, 10, 27), time(17)),)


@pytest.mark.parametrize(
    ("zone", "now", "rituals", "notices"),
    [
        (
            "America/Los_Angeles",
            datetime(2025, 10, 30, 15, 30, tzinfo=UTC),
            (replace(STANDUP, gates=()), EARLY),
            (
                "clocks go back 1h on Sun 2025-11-02 02:00 PDT (PDT → PST)",
                "Daily Standup 21:30 → 22:30 IST",
                "Early call Sun 2025-11-02 01:30 PDT: ambiguous: 01:30 happens twice",
            ),
        ),
        (
            "America/Los_Angeles",
            datetime(2026, 3, 7, 15, 30, tzinfo=UTC),
            (NIGHT, replace(NIGHT, id="skip", title="Skipped watch", gap="skip")),
            (
                "clocks go forward 1h on Sun 2026-03-08 02:00 PST (PST → PDT)",
                "Night watch Sun 2026-03-08 03:30 PDT: shifted: 02:30 does not exist on 2026-03-08",
                "skipped: 02:30 does not exist on 2026-03-08",
            ),
        ),
        (
            "Europe/Berlin",
            datetime(2025, 10, 24, 6, 30, tzinfo=UTC),
            (
                replace(STANDUP, gates=(), changes=(*PUBLIC, *EVENING)),
                Ritual("clinic", "Clinic", ("mon",), time(11), minutes=45, holidays=True),
            ),
            (
                "clocks go back 1h on Sun 2025-10-26 03:00 CEST (CEST → CET)",
                "Daily Standup 12:30 → 13:30 IST",
                "Daily Standup Mon 2025-10-27 09:00 CET: cancelled: public holiday",
                "Daily Standup Mon 2025-10-27 17:00 CET: moved from 2025-10-28 09:00: an early evening",
                "Clinic Mon 2025-10-27 11:00 CET: cancelled: holiday",
            ),
        ),
    ],
    ids=["us-autumn", "us-spring", "europe-autumn"],
)
@pytest.mark.parametrize("width", [30, 46, 110])
def test_notices_are_read_in_full_before_what_is_the_same_every_day(
    zone: str, now: datetime, rituals: tuple[Ritual, ...], notices: tuple[str, ...], width: int
) -> None:
    """Seen from Kolkata: every word of them at any width, above the agenda, and counted in the title."""
    program = replace(PROGRAM, zone=zone, rituals=rituals, holidays=(date(2025, 10, 27),))
    room = changed(program=program, taken_at=now)
    seen = replace(view(width), minute=now)
    said = " ".join(drawn(PANE, room, now, seen).split())
    for notice in notices:
        assert notice in said
        assert said.index(notice) < said.index("agenda")
    heading = PANE.heading(DrawContext(room, seen, now, width, 20))
    assert heading.count.split()[0].isdigit()
    assert heading.count_style == "warn"


@pytest.mark.parametrize("width", [24, 30, 36, 46])
def test_both_clocks_are_read_in_full(width: int) -> None:
    """Where they have no room beside their label they do without it, and take a second line at last."""
    now = datetime(2025, 11, 10, 18, 30, tzinfo=UTC)
    clinic = Ritual("clinic", "Clinic", ("mon",), time(11), minutes=45)
    program = replace(PROGRAM, zone="America/Los_Angeles", rituals=(clinic,))
    said = drawn(PANE, changed(program=program, taken_at=now), now, replace(view(width), minute=now))
    assert "Mon 11:00 PST · Tue 00:30 IST (+1d)" in " ".join(said.split())


def test_the_detail_of_a_ritual_says_the_same() -> None:
    """Who drives it, what is ready, what comes back, and what the records say of today."""
    run = Run(Key("standup", date(2026, 3, 4)), "Ada", NOW - timedelta(seconds=192))
    said = describe(
        changed(program=programme(), runs=(run,)), Subject("ritual", "standup"), NOW, view()
    ).plain
    assert "Ada drives, 03:12" in said
    assert "1 of 3 gates green · missing: Kafka answers" in said
    assert "✖ missing Kafka answers · DOWN: connection refused" in said
    later = NOW + timedelta(hours=4)
    over = describe(
        changed(program=programme(), ledger=Ledger()), Subject("ritual", "standup"), later, view()
    ).plain
    assert "no record" in over
