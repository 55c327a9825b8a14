"""Rituals: when they take place, what is on, what is next."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.program import Program
from controlroom.domain.rituals import (
    WEEKDAYS,
    DateChange,
    Occurrence,
    OccurrenceState,
    Record,
    Ritual,
    Scenario,
    agenda,
    between,
    countdown,
    describe,
    occurrences,
    state,
)

PACIFIC = "America/Los_Angeles"
START = date(2025, 10, 4)
STANDUP = Ritual("standup", "Standup", time=time(9), minutes=15)
CLINIC = Ritual("clinic", "Clinic", ("mon", "thu"), time(11))
INTEGRATION = Ritual("integration", "Integration Day", ("wed",), all_day=True)
DRILL = Ritual(
    "drill",
    "Chaos Drill",
    ("fri",),
    time(15),
    rotation=(Scenario(1, "Queue outage", "Ines"), Scenario(2, "Cache failover")),
)
PROGRAM = Program(id="harbour", start=START, zone=PACIFIC, rituals=(STANDUP, CLINIC, INTEGRATION, DRILL))


def utc(text: str) -> datetime:
    """An instant from RFC 3339 text."""
    return datetime.fromisoformat(text).astimezone(UTC)


def starts(found: tuple[Occurrence, ...]) -> list[str]:
    """Starts as text, in UTC."""
    return [o.start.strftime("%m-%dT%H:%M") for o in found]


def on(ritual: Ritual, day: date, **more: object) -> Occurrence:
    """The one occurrence of `ritual` on `day`."""
    (found,) = occurrences(ritual, day, day, PACIFIC, **more)  # type: ignore[arg-type]
    return found


def test_the_seed_set_fills_its_week() -> None:
    """Daily on seven days, clinics on Monday and Thursday, one whole Wednesday, one Friday drill."""
    week = between(PROGRAM, utc("2025-10-04T07:00:00Z"), utc("2025-10-11T07:00:00Z"))
    ids = [o.ritual.id for o in week]
    assert [ids.count(i) for i in ("standup", "clinic", "integration", "drill")] == [7, 2, 1, 1]
    assert [o.ritual.id for o in week if o.local_date == date(2025, 10, 8)] == ["integration", "standup"]
    assert week[-1].scenario == "Queue outage"
    assert week[-1].owner == "Ines"


@pytest.mark.parametrize(
    ("day", "scenario"),
    [
        (date(2025, 10, 3), "scenario not declared for Week 0"),
        (date(2025, 10, 10), "Queue outage"),
        (date(2025, 10, 17), "Cache failover"),
        (date(2025, 10, 24), "scenario not declared for Week 3"),
        (date(2025, 10, 31), "scenario not declared for Week 4"),
    ],
)
def test_scenarios_follow_the_programme_week_and_never_cycle(day: date, scenario: str) -> None:
    """A week without a scenario says so."""
    assert on(DRILL, day, start=START).scenario == scenario


def test_a_rotation_without_a_programme_start_is_not_guessed() -> None:
    """And a ritual that does not rotate has no scenario at all."""
    assert on(DRILL, date(2025, 10, 10)).scenario == "scenario unknown: the programme has no start"
    assert on(STANDUP, date(2025, 10, 10)).scenario is None
    rotates = Ritual("r", time=time(9), rotates=True)
    assert on(rotates, START, start=START).scenario == "scenario not declared for Week 1"


def test_a_local_time_keeps_its_wall_clock_over_the_end_of_summer_time() -> None:
    """09:00 stays 09:00: the two standups are 25 hours apart."""
    found = occurrences(STANDUP, date(2025, 11, 1), date(2025, 11, 2), PACIFIC)
    assert starts(found) == ["11-01T16:00", "11-02T17:00"]


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2025, 11, 2), 25), (date(2026, 3, 8), 23), (date(2026, 3, 9), 24)]
)
def test_a_whole_day_is_as_long_as_it_really_is(day: date, hours: int) -> None:
    """From local midnight to the next local midnight."""
    found = on(replace(INTEGRATION, days="daily"), day)
    assert found.end is not None
    assert found.end - found.start == timedelta(hours=hours)
    assert found.flags == ()


def test_a_day_that_a_zone_skipped_is_skipped_and_said() -> None:
    """Samoa had no 30 December 2011."""
    ritual = Ritual("all", all_day=True, zone="Pacific/Apia")
    before, missing, after = occurrences(ritual, date(2011, 12, 29), date(2011, 12, 31), PACIFIC)
    assert (before.cancelled, missing.cancelled, after.cancelled) == (False, True, False)
    assert missing.flags == ("skipped: 2011-12-30 does not exist in Pacific/Apia",)


EARLY = Ritual("early", "Early", time=time(2, 30), minutes=30)


def test_a_time_in_the_gap_is_shifted_and_flagged() -> None:
    """It keeps the offset before the gap: 02:30 becomes 03:30 on the clock."""
    found = on(EARLY, date(2026, 3, 8))
    assert found.start == utc("2026-03-08T10:30:00Z")
    assert found.flags == ("shifted: 02:30 does not exist on 2026-03-08",)
    assert not found.cancelled
    assert found.end == utc("2026-03-08T11:00:00Z")


def test_a_time_in_the_gap_is_skipped_where_that_is_the_policy() -> None:
    """It is not held, and says why; the days beside it are untouched."""
    skipping = replace(EARLY, gap="skip")
    before, missing, after = occurrences(skipping, date(2026, 3, 7), date(2026, 3, 9), PACIFIC)
    assert (before.cancelled, missing.cancelled, after.cancelled) == (False, True, False)
    assert missing.flags == ("skipped: 02:30 does not exist on 2026-03-08",)
    assert state(missing, missing.start) == "cancelled"


def test_a_time_that_happens_twice_means_the_first_and_is_flagged() -> None:
    """01:30 on the last day of summer time is 01:30 PDT."""
    found = on(replace(EARLY, time=time(1, 30)), date(2025, 11, 2))
    assert found.start == utc("2025-11-02T08:30:00Z")
    assert found.flags == ("ambiguous: 01:30 happens twice on 2025-11-02, the first is meant",)


def test_a_ritual_keeps_to_its_own_zone() -> None:
    """The programme's zone holds only where the ritual names none."""
    london = replace(STANDUP, zone="Europe/London")
    assert starts(occurrences(london, date(2025, 10, 6), date(2025, 10, 6), PACIFIC)) == ["10-06T08:00"]


def test_the_programme_week_of_a_drill_counts_its_own_date() -> None:
    """A drill that is moved into the next week keeps the scenario of its own."""
    moved = replace(DRILL, changes=(DateChange(date(2025, 10, 10), "venue", to_date=date(2025, 10, 13)),))
    found = on(moved, date(2025, 10, 13), start=START)
    assert found.scenario == "Queue outage"
    assert found.local_date == date(2025, 10, 10)
    assert found.start == utc("2025-10-13T22:00:00Z")
    assert found.flags == ("moved from 2025-10-10 15:00: venue",)
    assert occurrences(moved, date(2025, 10, 10), date(2025, 10, 10), PACIFIC) == ()


def test_a_single_occurrence_can_change_its_time_or_be_cancelled() -> None:
    """The reason is kept; a change of a date the rule does not name changes nothing."""
    changed = replace(
        CLINIC,
        changes=(
            DateChange(date(2025, 10, 6), to_time=time(14)),
            DateChange(date(2025, 10, 9), "offsite"),
            DateChange(date(2025, 10, 8), "not a clinic day"),
        ),
    )
    first, second = occurrences(changed, date(2025, 10, 4), date(2025, 10, 10), PACIFIC)
    assert first.start == utc("2025-10-06T21:00:00Z")
    assert first.flags == ("moved from 2025-10-06 11:00",)
    assert second.cancelled
    assert second.flags == ("cancelled: offsite",)


def test_holidays_cancel_only_rituals_that_keep_them() -> None:
    """An explicit change of that date wins over the holiday."""
    monday = date(2025, 10, 13)
    keeping = replace(STANDUP, holidays=True)
    (kept,) = occurrences(keeping, monday, monday, PACIFIC, [monday])
    (held,) = occurrences(STANDUP, monday, monday, PACIFIC, [monday])
    assert kept.cancelled
    assert kept.flags == ("cancelled: holiday",)
    assert not held.cancelled
    moved = replace(keeping, changes=(DateChange(monday, to_time=time(16)),))
    (later,) = occurrences(moved, monday, monday, PACIFIC, [monday])
    assert not later.cancelled


def test_first_and_last_dates_are_inclusive() -> None:
    """From `starts_on` to `ends_on`, both held."""
    bounded = replace(STANDUP, starts_on=date(2025, 10, 6), ends_on=date(2025, 10, 8))
    found = occurrences(bounded, date(2025, 10, 1), date(2025, 10, 31), PACIFIC)
    assert [o.local_date.day for o in found] == [6, 7, 8]


def test_a_ritual_without_a_time_is_said_to_have_none() -> None:
    """No time is invented; one change with a time is an occurrence."""
    vague = Ritual("retro", "Retro", ("fri",))
    assert occurrences(vague, START, date(2025, 12, 1), PACIFIC) == ()
    said = agenda(replace(PROGRAM, rituals=(vague,)), utc("2025-10-06T16:00:00Z"))
    assert said.next == ()
    assert said.notices == ("Retro: no time declared",)
    set_once = replace(vague, changes=(DateChange(date(2025, 10, 10), to_time=time(10)),))
    assert on(set_once, date(2025, 10, 10)).start == utc("2025-10-10T17:00:00Z")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (86_400 + 900, "1d 00h 15m"),
        (86_400, "1d 00h 00m"),
        (86_399.9, "23h 59m"),
        (7 * 3600 + 45 * 60, "7h 45m"),
        (3600, "1h 00m"),
        (3599.99, "59:59"),
        (30, "00:30"),
        (1, "00:01"),
        (0.9, "NOW"),
        (0, "NOW"),
        (-5, "NOW"),
        (400 * 86_400 + 59, "400d 00h 00m"),
    ],
)
def test_a_countdown_is_floored_and_says_now_at_nothing(seconds: float, text: str) -> None:
    """Days above 24 h, hours above 1 h, else minutes and seconds."""
    assert countdown(seconds) == text


def test_the_standup_counts_down_and_then_is_on() -> None:
    """Half a minute before, at the start, at the end."""
    before = agenda(PROGRAM, utc("2025-10-06T15:59:30Z"))
    assert before.in_progress == ()
    assert [o.ritual.id for o in before.next] == ["standup", "clinic", "integration", "drill"]
    assert countdown((before.next[0].start - utc("2025-10-06T15:59:30Z")).total_seconds()) == "00:30"
    during = agenda(PROGRAM, utc("2025-10-06T16:00:00Z"))
    assert [o.ritual.id for o in during.in_progress] == ["standup"]
    assert [o.ritual.id for o in during.next] == ["clinic", "standup", "integration", "drill"]
    assert agenda(PROGRAM, utc("2025-10-06T16:14:59Z")).in_progress != ()
    assert agenda(PROGRAM, utc("2025-10-06T16:15:00Z")).in_progress == ()


def test_everything_in_progress_is_shown() -> None:
    """A whole day, a standup within it, and a clinic that started without a duration."""
    wednesday = agenda(PROGRAM, utc("2025-10-08T16:05:00Z"))
    assert [o.ritual.id for o in wednesday.in_progress] == ["integration", "standup"]
    clinic = agenda(PROGRAM, utc("2025-10-06T18:05:00Z")).in_progress
    assert [o.ritual.id for o in clinic] == ["clinic"]
    assert describe(clinic[0], utc("2025-10-06T18:05:00Z")) == "started 5m ago, duration not declared"
    assert agenda(PROGRAM, utc("2025-10-06T19:00:00Z")).in_progress == ()


def test_what_is_recorded_is_over() -> None:
    """A ritual without a duration is over as soon as the log says that it was held."""

    def recorded(ritual: str, date_: date) -> Record:
        return "held" if (ritual, date_) == ("clinic", date(2025, 10, 6)) else "none"

    assert agenda(PROGRAM, utc("2025-10-06T18:05:00Z"), records=recorded).in_progress == ()


def test_ties_are_in_the_order_of_configuration() -> None:
    """Two rituals at the same instant stay as they were declared."""
    twins = tuple(replace(STANDUP, id=i) for i in ("zebra", "ant", "mole"))
    found = agenda(replace(PROGRAM, rituals=twins), utc("2025-10-06T15:00:00Z"))
    assert [o.ritual.id for o in found.next] == ["zebra", "ant", "mole"]


def test_what_runs_over_midnight_or_for_days_is_still_on() -> None:
    """A long ritual is found however far back it began."""
    night = Ritual("night", time=time(23, 30), minutes=120)
    long = Ritual("long", days=("mon",), time=time(8), minutes=5 * 1440)
    plan = agenda(replace(PROGRAM, rituals=(night, long)), utc("2025-10-11T07:45:00Z"))
    assert [o.ritual.id for o in plan.in_progress] == ["long", "night"]


def test_a_cancelled_occurrence_is_not_next_but_is_announced() -> None:
    """The one after it is next; the notice gives date and reason, for seven days."""
    program = replace(
        PROGRAM, rituals=(replace(CLINIC, changes=(DateChange(date(2025, 10, 9), "offsite"),)),)
    )
    plan = agenda(program, utc("2025-10-06T20:00:00Z"))
    assert starts(plan.next) == ["10-13T18:00"]
    assert plan.notices == ("Clinic Thu 2025-10-09 11:00 PDT: cancelled: offsite",)
    assert agenda(program, utc("2025-10-01T20:00:00Z")).notices == ()
    assert agenda(program, utc("2025-10-09T20:00:00Z")).notices == ()


def test_rare_and_distant_rituals_find_their_next() -> None:
    """A year of holidays, a first date years ahead, a move far away, and one that is over."""
    now = utc("2025-10-06T16:00:00Z")
    fridays = [date(2025, 10, 10) + timedelta(days=7 * i) for i in range(50)]
    rare = Ritual("rare", days=("fri",), time=time(9), holidays=True)
    late = Ritual("late", time=time(9), starts_on=date(2031, 1, 1))
    away = Ritual(
        "away",
        days=("mon",),
        time=time(9),
        ends_on=date(2025, 10, 6),
        changes=(DateChange(date(2025, 10, 6), to_date=date(2026, 8, 3)),),
    )
    over = Ritual("over", time=time(9), ends_on=date(2025, 10, 5))
    first = Ritual("first", time=time(9), starts_on=date.min, ends_on=date.max)
    last = Ritual("last", time=time(9), starts_on=date.max)
    program = replace(PROGRAM, rituals=(rare, late, away, over, first, last), holidays=tuple(fridays))
    found = {o.ritual.id: o.start.date() for o in agenda(program, now).next}
    assert found == {
        "rare": date(2026, 9, 25),
        "late": date(2031, 1, 1),
        "away": date(2026, 8, 3),
        "first": date(2025, 10, 7),
    }


@pytest.mark.parametrize(
    ("minutes_after", "record", "expected"),
    [
        (-1, None, "upcoming"),
        (-1, "held", "upcoming"),
        (0, None, "in_progress"),
        (14, "held", "in_progress"),
        (15, "held", "held"),
        (15, "none", "ended"),
        (134, "none", "ended"),
        (135, "none", "no_record"),
        (15, "unreadable", "unknown"),
        (999, None, "unknown"),
    ],
)
def test_the_state_of_an_occurrence_follows_clock_and_records(
    minutes_after: int, record: Record | None, expected: OccurrenceState
) -> None:
    """Absence of a record is only said where records could be read, and after two hours."""
    standup = on(STANDUP, date(2025, 10, 6))
    assert state(standup, standup.start + timedelta(minutes=minutes_after), record) == expected


@pytest.mark.parametrize(
    ("minutes_after", "record", "expected"),
    [
        (0, None, "started"),
        (59, "none", "started"),
        (5, "held", "held"),
        (60, "none", "ended"),
        (60, None, "unknown"),
        (180, "none", "no_record"),
    ],
)
def test_without_a_duration_it_is_started_for_an_hour(
    minutes_after: int, record: Record | None, expected: OccurrenceState
) -> None:
    """No end is invented; a record ends it earlier."""
    clinic = on(CLINIC, date(2025, 10, 6))
    assert clinic.end is None
    assert state(clinic, clinic.start + timedelta(minutes=minutes_after), record) == expected


def test_every_state_has_words() -> None:
    """What the room says of each."""
    standup = on(STANDUP, date(2025, 10, 6))
    whole = on(INTEGRATION, date(2025, 10, 8))
    begin, end = standup.start, standup.end or standup.start
    assert describe(standup, begin - timedelta(hours=2)) == "in 2h 00m"
    assert describe(standup, begin) == "15:00 left"
    assert describe(whole, utc("2025-10-08T16:00:00Z")) == "all day, 15h 00m left"
    assert describe(standup, end + timedelta(minutes=3), "none") == "ended 3m ago, not recorded yet"
    assert describe(standup, end + timedelta(hours=3), "none") == "no record"
    assert describe(standup, end, "held") == "held"
    assert describe(standup, end, "unreadable") == "records unreadable"
    assert describe(replace(standup, cancelled=True, flags=("cancelled: rain",)), end) == "cancelled: rain"


def test_between_takes_the_start_and_leaves_the_end() -> None:
    """Half open: a standup at the very end belongs to the next span."""
    program = replace(PROGRAM, rituals=(STANDUP,))
    found = between(program, utc("2025-10-06T16:00:00Z"), utc("2025-10-07T16:00:00Z"))
    assert starts(found) == ["10-06T16:00"]


zones_ = st.sampled_from([PACIFIC, "Europe/London", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"])
minute = st.builds(time, st.integers(0, 23), st.integers(0, 59))
weekdays = st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(lambda s: tuple(sorted(s)))
rituals = st.builds(
    Ritual,
    st.just("r"),
    days=st.one_of(st.just("daily"), weekdays),
    time=minute,
    zone=st.one_of(st.none(), zones_),
    minutes=st.one_of(st.none(), st.integers(1, 3000)),
    gap=st.sampled_from(["shift", "skip"]),
)


@given(rituals, st.dates(date(2024, 1, 1), date(2027, 1, 1)), st.integers(0, 40), zones_)
def test_occurrences_are_the_dates_of_the_rule_at_its_wall_time(
    ritual: Ritual, first: date, more: int, zone: str
) -> None:
    """One for each date the rule names, at that wall time wherever the clock shows it."""
    last = first + timedelta(days=more)
    found = occurrences(ritual, first, last, zone)
    days = [first + timedelta(days=i) for i in range(more + 1)]
    expected = [d for d in days if ritual.days == "daily" or WEEKDAYS[d.weekday()] in ritual.days]
    assert sorted(o.local_date for o in found) == expected
    for occurrence in found:
        wall = occurrence.start.astimezone(ZoneInfo(ritual.zone or zone))
        asked = datetime.combine(occurrence.local_date, ritual.time or time())
        exists = not any(f.startswith(("shifted", "skipped")) for f in occurrence.flags)
        assert (wall.replace(tzinfo=None) == asked) == exists
        assert wall.fold == 0
        assert occurrence.cancelled == (not exists and ritual.gap == "skip")
        assert occurrence.end is None or ritual.minutes is not None


@given(st.lists(rituals, min_size=1, max_size=3), st.integers(1_700_000_000, 1_830_000_000), zones_)
def test_the_agenda_agrees_with_all_occurrences(several: list[Ritual], seconds: int, zone: str) -> None:
    """Next is the smallest start after now that is held; on is whatever has begun and not ended."""
    now = datetime.fromtimestamp(seconds, UTC)
    program = Program(zone=zone, rituals=tuple(replace(r, id=str(i)) for i, r in enumerate(several)))
    plan = agenda(program, now)
    every = between(program, now - timedelta(days=6), now + timedelta(days=20))
    held = [o for o in every if not o.cancelled]
    hour = dt.timedelta(hours=1)
    assert list(plan.in_progress) == [o for o in held if o.start <= now < (o.end or o.start + hour)]
    following: dict[str, Occurrence] = {}
    for occurrence in held:
        if occurrence.start > now:
            following.setdefault(occurrence.ritual.id, occurrence)
    assert list(plan.next) == sorted(following.values(), key=lambda o: (o.start, int(o.ritual.id)))
