"""Publishing the status JSON: what is written, what is kept, what is refused."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from controlroom.domain.board import Item, Squad
from controlroom.domain.documents import Document, DocumentReading
from controlroom.domain.health import ServiceState
from controlroom.domain.program import Milestone, Program
from controlroom.domain.services import Health, Service
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.triage import Blocker
from controlroom.domain.waves import Wave
from controlroom.reports.status import Published, document, publish
from controlroom.stores.status_folder import StatusFolder, read

NOW = dt.datetime(2031, 5, 6, 2, 30, tzinfo=dt.UTC)
TODAY = dt.date(2031, 5, 6)

PROGRAM = Program(
    id="press",
    start=dt.date(2031, 5, 3),
    zone="Europe/Lisbon",
    banner="Only real ink.",
    squads=(Squad("ink", "Ink & Paper"), Squad("type", "Type")),
    waves=(Wave("a", "Wave A", dt.date(2031, 5, 3), dt.date(2031, 5, 17), squads=("ink",)),),
    milestones=(Milestone("m1", "First sheet", date=dt.date(2031, 5, 6)),),
)

KEYS = {
    *("_banner", "schema", "version", "program", "tz", "for_date", "slot", "as_of", "generator", "inputs"),
    *("squads", "waves", "sprints", "items", "blockers", "dependencies", "services", "signals", "gates"),
    *("alerts", "milestones", "rituals", "decisions", "actions", "risks", "lints", "unknowns"),
}


def room(**parts: Any) -> Snapshot:
    return Snapshot(
        program=PROGRAM,
        items=(
            Item("sprint-1/press", "Press", squad="ink", status="done"),
            Item("sprint-1/ink", "Ink", squad="ink", status="in_progress", first_seen=NOW),
        ),
        blockers=(Blocker("b1", "No paper", owning_squad="type", blocking_squad="ink", opened_at=NOW),),
        services=(ServiceState(Service("queue", "tcp"), Health.DOWN, NOW, "refused", latency=0.0123),),
        sources=(SourceStatus("alerts:main", "alerts", "main", error="no answer within 5 s"),),
        **parts,
    )


def published(
    snapshot: Snapshot, folder: Path, now: dt.datetime = NOW, *, force: bool = False, fixed: bool = False
) -> Published:
    made = document(snapshot, now, folder)
    name = f"{made['for_date']}.json"
    return publish(made, StatusFolder(folder / "status"), name, today=TODAY, force=force, fixed=fixed)


def test_every_section_is_there(tmp_path: Path) -> None:
    """The document has each key of the format, the banner as its own, and reads back as a status."""
    done = published(room(), tmp_path)
    data = json.loads(done.path.read_bytes())
    assert set(data) >= KEYS
    assert (data["_banner"], data["schema"], data["version"]) == (
        "Only real ink.",
        "controlroom.status",
        "1.0",
    )
    assert (data["program"], data["tz"], data["for_date"]) == ("press", "Europe/Lisbon", "2031-05-06")
    assert read(done.path).as_of == NOW


def test_what_could_not_be_read_is_listed_as_unknown(tmp_path: Path) -> None:
    """A source that failed stands among the unknowns with its reason: an empty list is not quiet."""
    unknowns = document(room(), NOW, tmp_path)["unknowns"]
    assert unknowns == [{"kind": "source", "id": "alerts:main", "text": "no answer within 5 s"}]


def test_the_feed_is_a_view_per_squad(tmp_path: Path) -> None:
    """One object per squad, computed from the cards, blockers and signals of the same document."""
    feed = document(room(), NOW, tmp_path)["parallel_sprint_status"]
    assert feed == [
        {
            "squad": "ink",
            "status": "in_progress",
            "progress": 50,
            "blockers": 0,
            "gaps": 0,
            "gate": "NOT_DECLARED",
        },
        {
            "squad": "type",
            "status": "unknown",
            "progress": None,
            "blockers": 1,
            "gaps": 0,
            "gate": "NOT_DECLARED",
        },
    ]


def test_inputs_are_the_documents_with_their_hashes(tmp_path: Path) -> None:
    """Paths are relative to the configuration, and each has the hash of the bytes that were read."""
    (tmp_path / "plan.md").write_text("# Plan\n", encoding="utf-8")
    readings = tuple(
        DocumentReading(path, Document(path, "schedule")) for path in ("plan.md", str(tmp_path / "gone.md"))
    )
    inputs = document(room(documents=readings), NOW, tmp_path)["inputs"]
    digest = hashlib.sha256(b"# Plan\n").hexdigest()
    assert inputs == [{"path": "gone.md", "sha256": None}, {"path": "plan.md", "sha256": digest}]


def test_the_same_room_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    """Published again later, with other latencies and times of looking: the same bytes."""
    first = published(room(), tmp_path)
    raw = first.path.read_bytes()
    later = replace(
        room(), services=(ServiceState(Service("queue", "tcp"), Health.DOWN, NOW, "refused", latency=0.5),)
    )
    second = published(later, tmp_path, NOW + dt.timedelta(hours=3))
    assert (first.outcome, second.outcome) == ("written", "unchanged")
    assert first.path.read_bytes() == raw


def test_an_instant_that_is_given_counts(tmp_path: Path) -> None:
    """With a fixed instant the same inputs give the same bytes, and another instant another file."""
    first = published(room(), tmp_path, fixed=True)
    raw = first.path.read_bytes()
    assert published(room(), tmp_path, fixed=True).path.read_bytes() == raw
    assert published(room(), tmp_path, NOW + dt.timedelta(hours=1), fixed=True).outcome == "written"
    assert first.path.read_bytes() != raw


def test_a_change_of_today_is_written(tmp_path: Path) -> None:
    """Another state of the room is another file."""
    published(room(), tmp_path)
    assert published(replace(room(), items=()), tmp_path).outcome == "written"


def test_a_past_day_is_not_overwritten_without_force(tmp_path: Path) -> None:
    """Its bytes stay, unless it is forced."""
    yesterday = NOW - dt.timedelta(days=1)
    first = published(room(), tmp_path, yesterday)
    raw = first.path.read_bytes()
    changed = replace(room(), items=())
    assert published(changed, tmp_path, yesterday).outcome == "refused"
    assert first.path.read_bytes() == raw
    assert published(changed, tmp_path, yesterday, force=True).outcome == "written"
    assert first.path.read_bytes() != raw


def test_what_is_no_status_is_not_overwritten(tmp_path: Path) -> None:
    """A file somebody else keeps under that name is theirs."""
    (tmp_path / "status").mkdir()
    theirs = tmp_path / "status" / "2031-05-06.json"
    theirs.write_text("{broken", encoding="utf-8")
    assert published(room(), tmp_path).outcome == "refused"
    assert theirs.read_text(encoding="utf-8") == "{broken"


def test_what_people_recorded_is_kept(tmp_path: Path) -> None:
    """Decisions written into the file, and keys of other tools, survive the next publishing."""
    path = published(room(), tmp_path).path
    data = json.loads(path.read_bytes())
    decision = {"id": "d1", "text": "Buy a second press", "by": "Odile"}
    path.write_text(json.dumps({**data, "decisions": [decision], "x_weather": "rain"}), encoding="utf-8")
    published(replace(room(), items=()), tmp_path)
    again = json.loads(path.read_bytes())
    assert (again["decisions"], again["x_weather"], again["items"]) == ([decision], "rain", [])
