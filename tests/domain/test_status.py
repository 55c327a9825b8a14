"""The room as a status document: cheap to ask for again, and read back as what it was."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain import instants
from controlroom.domain.board import Item
from controlroom.domain.diff import diff
from controlroom.domain.health import ServiceState
from controlroom.domain.program import Program
from controlroom.domain.services import Health, Service
from controlroom.domain.snapshot import Snapshot, StatusFile
from controlroom.domain.status import blockers, room_status
from controlroom.domain.triage import Blocker

NOW = dt.datetime(2031, 5, 6, 8, tzinfo=dt.UTC)


def room() -> Snapshot:
    return Snapshot(
        Program("press", zone="Pacific/Auckland"),
        items=(Item("a", "Press", status="in_progress"),),
        services=(ServiceState(Service("queue", "tcp"), Health.UP, NOW, "", latency=0.01),),
    )


def test_unchanged_sections_are_the_same_objects() -> None:
    """A new snapshot that reuses its cards gives the very same section, whatever else moved."""
    one = room()
    first = room_status(one, NOW)
    second = room_status(replace(one, version=2, services=()), NOW + dt.timedelta(seconds=5))
    assert second["items"] is first["items"]
    assert second["services"] == []


def test_a_card_keeps_what_it_names_as_its_proof() -> None:
    """In the order it names them; a status of before, that has none, differs in nothing for it."""
    proven = replace(
        room(), items=(Item("a", "Press", status="in_progress", proof=("pages_total", "queue")),)
    )
    (entry,) = room_status(proven, NOW)["items"]
    assert entry["proof"] == ["pages_total", "queue"]
    before = json.loads(json.dumps(room_status(room(), NOW)))
    del before["items"][0]["proof"]
    assert diff(before, room_status(proven, NOW + dt.timedelta(days=1))) == ()


def test_latencies_are_no_news() -> None:
    """Services probed again with another latency give the very same section."""
    one = room()
    first = room_status(one, NOW)["services"]
    again = replace(one, services=(replace(one.services[0], latency=0.9, probed_at=NOW),))
    assert room_status(again, NOW)["services"] is first


def test_the_date_is_that_of_the_programme() -> None:
    """In Auckland it is tomorrow already."""
    assert room_status(room(), NOW + dt.timedelta(hours=5))["for_date"] == "2031-05-07"


def test_a_room_that_did_not_change_differs_in_nothing() -> None:
    """Written, read back and compared with itself a day later: no change."""
    before = json.loads(json.dumps(room_status(room(), NOW)))
    assert diff(before, room_status(room(), NOW + dt.timedelta(days=1))) == ()


def test_blockers_come_back_as_they_were() -> None:
    """A blocker that was written into a status is the same blocker when it is read."""
    known = Blocker(
        "b1",
        "No paper",
        item="a",
        owner="Odile",
        owning_squad="ink",
        blocking_squad="paper",
        state="escalated",
        opened_at=NOW,
        first_seen=NOW,
        eta=NOW,
        next_update_due=NOW,
        mitigation="borrowed some",
        text="The mill is closed",
        links=("https://example.org/1",),
        source="status.md",
        line=3,
    )
    written = room_status(replace(room(), blockers=(known,)), NOW)
    data = json.loads(json.dumps(written))
    assert blockers(StatusFile("x.json", "2031-05-06", "nightly", NOW, data)) == (known,)


def test_odd_blockers_of_others_are_read_as_far_as_they_go() -> None:
    """No id: not a blocker. No opening time: as old as the file at least."""
    data = {
        "blockers": [{"summary": "?"}, 7, {"id": "b", "opened_at": "yesterday", "links": "no", "state": 3}]
    }
    (read,) = blockers(StatusFile("x.json", "2031-05-06", "nightly", NOW, data))
    assert (read.id, read.opened_at, read.first_seen, read.links, read.state) == ("b", None, NOW, (), "open")


aware = st.integers(-62_135_000_000, 253_402_000_000).map(
    lambda seconds: dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds + 0.25)
)


@given(aware, st.integers(-14 * 60, 14 * 60))
def test_instants_survive_being_written(instant: dt.datetime, offset: int) -> None:
    """To the second, in any offset, over all the years there are."""
    zone = dt.timezone(dt.timedelta(minutes=offset))
    whole = instant.replace(microsecond=0)
    assert instants.parse(instants.render(instant)) == whole
    assert instants.parse(whole.astimezone(zone).isoformat()) == whole


def test_durations_keep_two_units() -> None:
    """Floored, never negative."""
    said = [instants.duration(seconds) for seconds in (-5, 59.9, 60, 3599, 14_461, 183_600)]
    assert said == ["0s", "59s", "1m", "59m", "4h 01m", "2d 03h"]
