"""`controlroom rituals`: the documents scripts read, and the lines people read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from controlroom.domain.program import Program
from controlroom.domain.rituals import DateChange, ReadyGate, Ritual, Scenario
from controlroom.domain.runs import Key, Run
from controlroom.domain.snapshot import Snapshot
from controlroom.headless.rituals import as_json, as_text
from tests.tui import rooms

KOLKATA = "Asia/Kolkata"
PROGRAM = Program(
    id="harbour",
    title="Harbour",
    start=date(2025, 10, 4),
    zone="America/Los_Angeles",
    rituals=(
        Ritual("standup", "Standup", time=time(9), minutes=15),
        Ritual("clinic", "Clinic", ("mon", "thu"), time(11)),
        Ritual("integration", "Integration Day", ("wed",), all_day=True),
        Ritual("drill", "Chaos Drill", ("fri",), time(15), rotation=(Scenario(1, "Queue outage", "Ines"),)),
    ),
)


def at(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text).astimezone(UTC)


def pick(entry: dict[str, object], *keys: str) -> dict[str, object]:
    """Only these keys."""
    return {key: entry[key] for key in keys}


def test_half_a_minute_before_the_standup_it_counts_down() -> None:
    """Every key scripts rely on, each ritual's next in order of time."""
    found = as_json(PROGRAM, at("2025-10-06T15:59:30Z"), KOLKATA)
    assert pick(found, "now", "zone", "viewer_zone", "in_progress", "notices") == {
        "now": "2025-10-06T15:59:30Z",
        "zone": "America/Los_Angeles",
        "viewer_zone": KOLKATA,
        "in_progress": [],
        "notices": [],
    }
    keys = ("id", "title", "start", "countdown_s", "countdown", "scenario", "flags")
    assert pick(found["next"][0], *keys) == {
        "id": "standup",
        "title": "Standup",
        "start": "2025-10-06T16:00:00Z",
        "countdown_s": 30,
        "countdown": "00:30",
        "scenario": None,
        "flags": [],
    }
    assert [n["id"] for n in found["next"]] == ["standup", "clinic", "integration", "drill"]
    assert pick(found["next"][3], "countdown", "scenario") == {
        "countdown": "4d 06h 00m",
        "scenario": "Queue outage",
    }
    assert "occurrences" not in found
    json.dumps(found)


def test_at_nine_the_standup_is_on() -> None:
    """With its end and what is left; next is tomorrow's."""
    found = as_json(PROGRAM, at("2025-10-06T16:00:00Z"), KOLKATA)
    (standup,) = found["in_progress"]
    assert pick(standup, "id", "title", "start", "end", "remaining_s", "text") == {
        "id": "standup",
        "title": "Standup",
        "start": "2025-10-06T16:00:00Z",
        "end": "2025-10-06T16:15:00Z",
        "remaining_s": 900,
        "text": "15:00 left",
    }
    assert [n["start"] for n in found["next"] if n["id"] == "standup"] == ["2025-10-07T16:00:00Z"]


def test_what_has_no_duration_has_no_end() -> None:
    """End and rest are null, the text says why."""
    (clinic,) = as_json(PROGRAM, at("2025-10-06T18:05:00Z"), KOLKATA)["in_progress"]
    assert (clinic["end"], clinic["remaining_s"]) == (None, None)
    assert clinic["text"] == "started 5m ago, duration not declared"


def test_days_lists_local_dates_from_today() -> None:
    """Seven days hold each date once, what is already over today included."""
    found = as_json(PROGRAM, at("2025-10-06T20:00:00Z"), KOLKATA, days=7)["occurrences"]
    assert [o["id"] for o in found].count("standup") == 7
    assert pick(found[0], "id", "title", "start", "end", "scenario", "flags") == {
        "id": "standup",
        "title": "Standup",
        "start": "2025-10-06T16:00:00Z",
        "end": "2025-10-06T16:15:00Z",
        "scenario": None,
        "flags": [],
    }
    assert found[-1]["start"] == "2025-10-12T16:00:00Z"
    assert as_json(PROGRAM, at("2025-10-06T20:00:00Z"), KOLKATA, days=0)["occurrences"] == []
    with pytest.raises(ValueError, match="fewer"):
        as_json(PROGRAM, at("2025-10-06T20:00:00Z"), KOLKATA, days=10_000_000)


def test_notices_tell_of_clocks_and_of_what_is_called_off() -> None:
    """A cancelled clinic, the end of summer time, and a viewer without a real zone."""
    off = replace(PROGRAM.rituals[1], changes=(DateChange(date(2025, 11, 3), "offsite"),))
    program = replace(PROGRAM, rituals=(off,))
    notices = as_json(program, at("2025-10-30T19:00:00Z"), "+05:30")["notices"]
    assert len(notices) == 3
    assert notices[0] == "Clinic Mon 2025-11-03 11:00 PST: cancelled: offsite"
    assert "bare offset" in notices[1]
    assert "clocks go back 1h on Sun 2025-11-02" in notices[2]


def test_people_read_what_is_on_what_is_next_and_when_for_them() -> None:
    """Both zones, countdowns under one another, the scenario and who leads it."""
    text = as_text(PROGRAM, at("2025-10-08T16:05:00Z"), KOLKATA, days=1)
    assert text == (
        "Harbour · Wed 2025-10-08 09:05 PDT · Wed 21:35 IST · W1D5\n"
        "\n"
        "In progress\n"
        "  Integration Day  all day, 14h 55m left   until Thu 00:00 PDT · Thu 12:30 IST\n"
        "  Standup          10:00 left   until Wed 09:15 PDT · Wed 21:45 IST\n"
        "\n"
        "Next\n"
        "     23h 55m  Standup          Thu 2025-10-09 09:00 PDT · Thu 21:30 IST\n"
        "  1d 01h 55m  Clinic           Thu 2025-10-09 11:00 PDT · Thu 23:30 IST\n"
        "  2d 05h 55m  Chaos Drill      Fri 2025-10-10 15:00 PDT · Sat 03:30 IST (+1d)"
        " · Queue outage (Ines)\n"
        "  6d 14h 55m  Integration Day  Wed 2025-10-15 00:00 PDT · Wed 12:30 IST (all day)\n"
        "\n"
        "Today\n"
        "  Wed 2025-10-08 00:00 PDT · Wed 12:30 IST (all day)  Integration Day\n"
        "  Wed 2025-10-08 09:00 PDT · Wed 21:30 IST  Standup\n"
    )


def test_a_programme_without_rituals_says_what_to_add() -> None:
    """Empty is explained, never blank."""
    text = as_text(replace(PROGRAM, rituals=()), at("2025-10-08T16:05:00Z"), KOLKATA, days=2)
    assert "add [[rituals]]" in text
    assert "nothing" in text


def test_no_control_character_reaches_the_terminal() -> None:
    """Titles and reasons are other people's text."""
    evil = Ritual(
        "r", "a\x1b[31mb\nc", time=time(9), changes=(DateChange(date(2025, 10, 9), "x\x1b]0;y\x07"),)
    )
    text = as_text(replace(PROGRAM, rituals=(evil,)), at("2025-10-08T16:05:00Z"), KOLKATA, days=3)
    assert all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("now", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:00:00+00:00"])
def test_an_instant_at_the_edge_of_the_calendar_is_refused(now: str) -> None:
    """As a message, not as an arithmetic error."""
    for form in (as_json, as_text):
        with pytest.raises(ValueError, match="another instant"):
            form(PROGRAM, datetime.fromisoformat(now), KOLKATA, days=3)


def looked() -> Snapshot:
    """A room in which a standup waits for Redis, for Kafka and for a tick."""
    gates = (ReadyGate("Redis answers", "redis"), ReadyGate(service="kafka"), ReadyGate("Looked at actions"))
    ritual = replace(rooms.PROGRAM.rituals[0], gates=gates, agenda=("Changes", "Blockers first"))
    program = replace(rooms.PROGRAM, rituals=(ritual, *rooms.PROGRAM.rituals[1:]))
    put_off = replace(
        rooms.BLOCKERS[0],
        state="snoozed",
        snoozed_until=rooms.NOW + timedelta(seconds=30),
        snooze_ritual="standup",
        snoozed_by="Ines",
        snooze_why="waits for the vendor",
    )
    return rooms.changed(program=program, blockers=(put_off,))


def test_readiness_and_what_comes_back_are_told_where_somebody_looked() -> None:
    """Gate by gate, unknown apart from missing; without a look nothing is claimed."""
    room = looked()
    said = as_json(room.program, rooms.NOW, "UTC", snapshot=room)
    first = said["next"][0]
    assert first["agenda"] == ["Changes", "Blockers first"]
    assert first["readiness"]["green"] == 1
    assert [gate["state"] for gate in first["readiness"]["gates"]] == ["there", "missing", "unknown"]
    assert first["readiness"]["gates"][1]["why"].startswith("DOWN: connection refused")
    assert first["returns"] == [
        {"id": "b1", "summary": "Schema undecided", "by": "Ines", "why": "waits for the vendor"}
    ]
    assert said["next"][1]["readiness"] is None
    unseen = as_json(room.program, rooms.NOW, "UTC")["next"][0]
    assert unseen["readiness"] is None
    assert unseen["returns"] is None
    text = as_text(room.program, rooms.NOW, "UTC", snapshot=room)
    assert "Daily Standup: 1 of 3 gates green · missing: kafka · not known: Looked at actions" in text
    assert "Daily Standup: Schema undecided, put off by Ines: waits for the vendor" in text
    assert "gates green" not in as_text(room.program, rooms.NOW, "UTC")


def test_what_was_held_today_and_who_drives_is_told() -> None:
    """One that was held early is not in progress any more; a run that is on names its driver."""
    key = Key("standup", date(2026, 3, 4))
    now = rooms.NOW + timedelta(minutes=9)
    run = Run(key, "Ada", rooms.NOW + timedelta(seconds=30))
    room = rooms.changed(runs=(run,))
    on = next(one for one in as_json(room.program, now, "UTC", snapshot=room)["in_progress"] if one["run"])
    assert on["run"] == {"driver": "Ada", "began_at": "2026-03-04T08:00:00Z"}
    assert "Daily Standup: Ada drives, 08:30" in as_text(room.program, now, "UTC", snapshot=room)
    over = rooms.changed(runs=(replace(run, finished_at=now),))
    said = as_json(over.program, now, "UTC", snapshot=over)
    assert "standup" not in [one["id"] for one in said["in_progress"]]
    assert [(one["id"], one["record"]) for one in said["earlier"]] == [("standup", "held")]
    assert "Earlier today\n  Daily Standup: held" in as_text(over.program, now, "UTC", snapshot=over)
