"""The calendar file, read back by other people's programs and compared with the rituals themselves."""

from __future__ import annotations

import datetime as dt
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from dateutil import rrule  # type: ignore[import-untyped]
from dateutil.tz import tzical  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.domain.program import Program
from controlroom.domain.rituals import WEEKDAYS, DateChange, Ritual, Scenario, occurrences
from controlroom.reports.ics import omitted, render
from controlroom.reports.vtimezone import vtimezone

PACIFIC = "America/Los_Angeles"
START = date(2025, 10, 4)
RITUALS = (
    Ritual("standup", "Standup", time=time(9), minutes=15, agenda=("blockers; gaps, gate", "decisions")),
    Ritual("clinic", "Clinic", ("mon", "thu"), time(11)),
    Ritual("integration", "Integration Day", ("wed",), all_day=True),
    Ritual("drill", "Chaos Drill", ("fri",), time(15), rotation=(Scenario(1, "Queue outage", "Ines"),)),
)
PROGRAM = Program(id="harbour", title="Harbour", start=START, zone=PACIFIC, rituals=RITUALS)

Shown = tuple[str, datetime | date, str | None]
"""Ritual id, start, and the end of what has one."""


def offset_by_rules(lines: tuple[str, ...], last: datetime) -> list[tuple[datetime, timedelta]]:
    """Onsets (UTC) and the offsets they begin, as RFC 5545 reads a VTIMEZONE; by dateutil's recurrences."""
    parsed: Any = icalendar.Calendar.from_ical("\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""]))
    onsets = []
    for part in parsed.walk("VTIMEZONE")[0].subcomponents:
        begin, before, after = part["DTSTART"].dt, part["TZOFFSETFROM"].td, part["TZOFFSETTO"].td
        walls = [begin]
        if "RRULE" in part:
            rule = rrule.rrulestr(part["RRULE"].to_ical().decode(), dtstart=begin)
            walls = list(rule.between(begin, last.replace(tzinfo=None) + timedelta(days=2), inc=True))
        if "RDATE" in part:
            walls += [value.dt for value in part["RDATE"].dts]
        onsets += [((wall - before).replace(tzinfo=UTC), after) for wall in walls]
    return sorted(o for o in onsets if o[0] <= last)


@pytest.mark.parametrize(
    "name",
    [
        "Europe/London",
        PACIFIC,
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kolkata",
        "Africa/Cairo",
        "Asia/Jerusalem",
        "America/Nuuk",
        "America/Santiago",
        "Europe/Dublin",
        "Pacific/Chatham",
        "Etc/UTC",
    ],
)
@pytest.mark.parametrize("year", [2005, 2025])
def test_every_hour_of_many_years_has_the_offset_of_the_zone_database(name: str, year: int) -> None:
    """Looked at hour by hour for three years, and for the years 15 and 38 years on."""
    begin = datetime(year, 1, 1, tzinfo=UTC)
    onsets = offset_by_rules(vtimezone(name, year), begin + timedelta(days=366 * 40))
    for start, end in [(0, 3), (15, 16), (38, 39)]:
        agree(onsets, name, begin.replace(year=year + start), begin.replace(year=year + end))


@pytest.mark.parametrize("name", ["Europe/London", PACIFIC, "Asia/Jerusalem", "Australia/Lord_Howe"])
def test_yearly_rules_go_on_for_ever(name: str) -> None:
    """A zone that follows a rule is right far beyond the years that were looked at."""
    begin = datetime(2150, 1, 1, tzinfo=UTC)
    onsets = offset_by_rules(vtimezone(name, 2024), begin + timedelta(days=400))
    agree(onsets, name, begin, begin + timedelta(days=365))


@pytest.mark.parametrize("name", ["Europe/London", PACIFIC, "Australia/Lord_Howe", "Africa/Casablanca"])
def test_another_program_reads_the_same_wall_clock(name: str) -> None:
    """dateutil's own VTIMEZONE reader has the zone database's offset at every wall hour of two years."""
    read = tzical(io.StringIO("\r\n".join((*vtimezone(name, 2025), "")))).get()
    for hour in range(2 * 8760):
        wall = (datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hour)).astimezone(ZoneInfo(name))
        naive = wall.replace(tzinfo=None)
        assert naive.replace(tzinfo=read).utcoffset() == naive.replace(tzinfo=ZoneInfo(name)).utcoffset()


def agree(onsets: list[tuple[datetime, timedelta]], name: str, first: datetime, last: datetime) -> None:
    """Assert that at every full hour of [first, last) the newest onset has the zone database's offset."""
    tz = ZoneInfo(name)
    index = 0
    at = first
    while at < last:
        while index + 1 < len(onsets) and onsets[index + 1][0] <= at:
            index += 1
        assert onsets[index][0] <= at
        assert onsets[index][1] == at.astimezone(tz).utcoffset(), at
        at += timedelta(hours=1)


def walls(prop: Any) -> list[datetime | date]:
    """The values of EXDATE, however many lines it has."""
    listed = prop if isinstance(prop, list) else [prop]
    return [value.dt for one in listed for value in one.dts]


def instant(value: datetime | date) -> datetime | date:
    """UTC for instants; dates stay dates."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def expand(text: str, last: date) -> set[tuple[str, datetime | date, str]]:
    """(UID without counter, start, title) of all repetitions, as a calendar program shows them."""
    parsed: Any = icalendar.Calendar.from_ical(text)
    found: dict[tuple[str, datetime | date], tuple[str, datetime | date, str]] = {}
    events = parsed.walk("VEVENT")
    for event in (e for e in events if "RECURRENCE-ID" not in e):
        uid, begin, title = str(event["UID"]), event["DTSTART"].dt, str(event["SUMMARY"])
        if "RRULE" not in event:
            found[uid, instant(begin)] = (uid, instant(begin), title)
            continue
        gone = {instant(v) for v in walls(event["EXDATE"])} if "EXDATE" in event else set()
        for start in repetitions(event, begin, last):
            if instant(start) not in gone:
                found[uid, instant(start)] = (uid, instant(start), title)
    for event in (e for e in events if "RECURRENCE-ID" in e):
        key = str(event["UID"]), instant(event["RECURRENCE-ID"].dt)
        assert key in found, f"an override of a repetition that does not exist: {key}"
        found[key] = (key[0], instant(event["DTSTART"].dt), str(event["SUMMARY"]))
    return {(uid.split("@")[0], start, title) for uid, start, title in found.values()}


def repetitions(event: Any, begin: datetime | date, last: date) -> list[datetime | date]:
    """Starts by the RRULE, in the event's own wall time."""
    text = event["RRULE"].to_ical().decode()
    until = re.search(r";UNTIL=(\w+)", text)
    text = re.sub(r";UNTIL=\w+", "", text)
    timed = isinstance(begin, datetime)
    naive = begin.replace(tzinfo=None) if isinstance(begin, datetime) else datetime.combine(begin, time())
    limit = datetime.combine(last, time.max)
    starts: list[datetime | date] = []
    for wall in rrule.rrulestr(text, dtstart=naive).between(naive, limit, inc=True):
        start = wall.replace(tzinfo=begin.tzinfo) if isinstance(begin, datetime) else wall.date()
        if until and timed and isinstance(start, datetime):
            assert until[1].endswith("Z"), "UNTIL is in UTC where DTSTART has a zone"
            end = datetime.strptime(until[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            if start.astimezone(UTC) > end:
                break
        elif until and not timed and start > datetime.strptime(until[1], "%Y%m%d").date():  # noqa: DTZ007
            break
        starts.append(start)
    return starts


def expected(program: Program, first: date, last: date) -> set[tuple[str, datetime | date, str]]:
    """What `occurrences` says, titled as the calendar titles it."""
    shown = set()
    for ritual in program.rituals:
        for o in occurrences(ritual, first, last, program.zone, program.holidays, start=program.start):
            title = ritual.title or ritual.id
            named = f"{title} — {o.scenario}" if o.scenario else title
            timed = any(c.date == o.local_date and c.to_time for c in ritual.changes)
            whole = ritual.all_day and not timed
            zone = ZoneInfo(ritual.zone or program.zone)
            start: datetime | date = o.start.astimezone(zone).date() if whole else o.start
            if not o.cancelled:
                shown.add((ritual.id, start, named))
    return shown


def plain(shown: set[tuple[str, datetime | date, str]]) -> set[tuple[str, datetime | date, str]]:
    """Without the date in the UID of what stands alone, and without the week in an undeclared scenario."""
    return {
        (
            re.sub(r"-\d{8}$", "", uid),
            start,
            re.sub(r"not declared.*", "not declared", title.replace("— scenario", "—")),
        )
        for uid, start, title in shown
    }


@pytest.mark.parametrize(("first", "days"), [(START, 28), (date(2025, 10, 25), 21), (date(2026, 3, 1), 14)])
def test_the_seed_set_reads_back_as_its_occurrences(first: date, days: int) -> None:
    """Expanded by other libraries, over both changes of the clocks."""
    last = first + timedelta(days=days - 1)
    text = render(PROGRAM, first, days)
    assert plain(expand(text, date(2027, 1, 1))) == plain(expected(PROGRAM, first, last))


def test_the_scenario_of_a_week_is_an_override() -> None:
    """Declared weeks have their title and owner, the rest say that none is declared."""
    titles = {
        title for uid, _, title in expand(render(PROGRAM, START, 28), date(2026, 1, 1)) if uid == "drill"
    }
    assert titles == {"Chaos Drill — Queue outage", "Chaos Drill — scenario not declared"}
    assert "Owner: Ines" in render(PROGRAM, START, 28)


def test_without_an_end_it_repeats_for_ever() -> None:
    """No UNTIL where neither the call nor the ritual ends; the ritual's own last date is kept."""
    ends = replace(RITUALS[1], ends_on=date(2025, 11, 30))
    text = render(replace(PROGRAM, rituals=(RITUALS[0], ends)), START)
    assert "RRULE:FREQ=DAILY\r\n" in text
    assert "UNTIL=20251127T190000Z" in text
    shown = plain(expand(text, date(2026, 4, 1)))
    assert shown == plain(expected(replace(PROGRAM, rituals=(RITUALS[0], ends)), START, date(2026, 4, 1)))


AWKWARD = Program(
    id="harbour",
    start=START,
    zone=PACIFIC,
    holidays=(date(2025, 11, 27),),
    rituals=(
        Ritual("early", "Early", time=time(2, 30), minutes=30),
        Ritual("skip", "Skip", time=time(2, 30), gap="skip"),
        Ritual("twice", "Twice", time=time(1, 30)),
        Ritual(
            "clinic",
            "Clinic",
            ("mon", "thu"),
            time(11),
            holidays=True,
            changes=(
                DateChange(date(2025, 10, 6), "offsite"),
                DateChange(date(2025, 10, 9), to_time=time(14)),
                DateChange(date(2025, 10, 13), to_date=date(2025, 10, 14)),
                DateChange(date(2025, 10, 2), "late", to_date=date(2025, 10, 5)),
                DateChange(date(2026, 4, 2), to_date=date(2026, 6, 1)),
            ),
        ),
        Ritual(
            "whole",
            "Whole day",
            ("wed",),
            all_day=True,
            changes=(
                DateChange(date(2025, 10, 8), to_date=date(2025, 10, 10)),
                DateChange(date(2025, 10, 15), to_time=time(10)),
                DateChange(date(2025, 10, 22)),
            ),
        ),
        Ritual("london", "London", time=time(9), zone="Europe/London", minutes=20),
        Ritual("plain", "Plain", time=time(9), zone="UTC", changes=(DateChange(date(2025, 10, 8)),)),
    ),
)


def test_moves_cancellations_holidays_and_gaps_read_back() -> None:
    """Each is where the room says it is, over both changes of the clocks."""
    last = START + timedelta(days=199)
    shown = plain(expand(render(AWKWARD, START, 200), date(2027, 1, 1)))
    assert shown == plain(expected(AWKWARD, START, last))


def test_a_repetition_that_does_not_exist_is_left_to_no_program() -> None:
    """RFC 5545 drops it: it is excluded from the rule and stands alone, at a time that exists."""
    text = render(replace(AWKWARD, rituals=AWKWARD.rituals[:1]), date(2026, 3, 7), 3)
    assert f"EXDATE;TZID={PACIFIC}:20260308T023000\r\n" in text
    assert "UID:early-20260308@harbour.controlroom\r\n" in text
    assert f"DTSTART;TZID={PACIFIC}:20260308T033000\r\n" in text


def test_the_text_is_the_same_every_time_and_ends_its_lines_as_it_must() -> None:
    """Byte for byte; CRLF; at most 75 octets a line; balanced components."""
    banner = "Nothing here is invented — " * 12 + "✓"
    title = "Häfen; und, \\mehr\nZeile"
    named = replace(RITUALS[0], title=title)
    program = replace(PROGRAM, banner=banner, title=title, rituals=(named, *RITUALS[1:]))
    text = render(program, START, 400)
    assert text == render(program, START, 400)
    lines = text.split("\r\n")
    assert lines[-1] == ""
    assert all("\n" not in line and "\r" not in line and len(line.encode()) <= 75 for line in lines)
    assert text.count("BEGIN:") == text.count("END:")
    parsed: Any = icalendar.Calendar.from_ical(text)
    assert str(parsed["X-WR-CALDESC"]) == banner
    assert "X-WR-CALNAME:Häfen\\; und\\, \\\\mehr\\nZeile\r\n" in text
    assert str(parsed.walk("VEVENT")[0]["SUMMARY"]) == title
    assert "blockers; gaps, gate" in str(parsed.walk("VEVENT")[0]["DESCRIPTION"])
    assert set(re.findall(r"DTSTAMP:(\w+)", text)) == {"20251004T000000Z"}


def test_whole_days_are_dates() -> None:
    """An Integration Day has no clock and needs no zone."""
    text = render(replace(PROGRAM, rituals=RITUALS[2:3]), START, 14)
    assert "DTSTART;VALUE=DATE:20251008\r\nDTEND;VALUE=DATE:20251009\r\n" in text
    assert "UNTIL=20251015\r\n" in text
    assert "VTIMEZONE" not in text


def test_hostile_names_cannot_add_lines() -> None:
    """What people wrote stays inside its value."""
    evil = Ritual("a\r\nEND:VCALENDAR", "x\r\nBEGIN:VALARM\x1b[2J", time=time(9))
    text = render(replace(PROGRAM, rituals=(evil,)), START, 3)
    assert "\r\nBEGIN:VALARM" not in text
    assert "\x1b" not in text
    assert text.count("END:VCALENDAR\r\n") == 1
    icalendar.Calendar.from_ical(text)


def test_what_has_no_time_is_left_out_and_named() -> None:
    """A calendar without events is still a calendar."""
    program = replace(PROGRAM, rituals=(Ritual("retro", "Retro", ("fri",)),))
    assert omitted(program) == ("Retro: no time declared, so it is not in the calendar",)
    assert omitted(PROGRAM) == ()
    parsed: Any = icalendar.Calendar.from_ical(render(program, START, 14))
    assert parsed.walk("VEVENT") == []
    assert parsed.walk("VTIMEZONE") != []


weekdays = st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(lambda s: tuple(sorted(s)))
days = st.integers(-5, 70).map(lambda i: START + timedelta(days=i))
changes = st.builds(
    DateChange,
    days,
    reason=st.sampled_from(["", "rain"]),
    to_date=st.one_of(st.none(), days),
    to_time=st.one_of(st.none(), st.just(time(2, 15)), st.just(time(16))),
)
rituals = st.builds(
    Ritual,
    st.just("r"),
    st.just("Ritual"),
    days=st.one_of(st.just("daily"), weekdays),
    time=st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30])),
    zone=st.sampled_from([None, "Europe/London", "Australia/Lord_Howe", "UTC"]),
    all_day=st.booleans(),
    minutes=st.one_of(st.none(), st.integers(1, 600)),
    starts_on=st.one_of(st.none(), days),
    ends_on=st.one_of(st.none(), days),
    rotation=st.sampled_from([(), (Scenario(1, "one"), Scenario(3, "three"))]),
    gap=st.sampled_from(["shift", "skip"]),
    changes=st.lists(changes, max_size=4, unique_by=lambda c: c.date).map(tuple),
    holidays=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(rituals, days, st.integers(1, 60))
def test_any_ritual_reads_back_as_its_occurrences(ritual: Ritual, first: date, count: int) -> None:
    """Rules, bounds, moves, holidays, rotations, gaps: all at once."""
    program = replace(PROGRAM, rituals=(ritual,), holidays=(START + timedelta(days=9),))
    last = first + timedelta(days=count - 1)
    shown = plain(expand(render(program, first, count), first + dt.timedelta(days=200)))
    assert shown == plain(expected(program, first, last))
