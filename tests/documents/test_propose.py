"""The configuration drafted from documents."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controlroom.config.load import from_text
from controlroom.documents.draft_squads import same_file
from controlroom.documents.propose import Proposal, propose
from controlroom.documents.read import read, read_all
from controlroom.documents.toml import Toml, written
from controlroom.domain.documents import Document


@pytest.fixture(scope="module")
def proposal(harbour: Mapping[str, Document]) -> Proposal:
    """What `init` would write for the harbour."""
    return propose(list(harbour.values()), paths=["*.md", "crews/*.md"])


def test_it_loads_again(proposal: Proposal, tmp_path: Path) -> None:
    """The draft is a valid configuration that says what the documents say."""
    config = from_text(proposal.toml_text, tmp_path / "controlroom.toml")
    program = config.program
    assert (program.start, program.zone) == (dt.date(2026, 3, 2), "Europe/Berlin")
    assert program.banner == "Real boats, real tides. Nothing is rehearsed on paper."
    assert [wave.id for wave in program.waves] == ["drawing_wave", "wave_a", "wave_b", "wave_c", "wave_d"]
    assert program.waves[1].squads == ("ferry_booking", "tide_weather", "port_gate")
    assert [sprint.id for sprint in program.sprints] == ["sprint-3", "sprint-2"]
    assert [d.owner for d in program.dependencies] == ["port_gate", "tide_weather"]
    assert config.documents.paths == ("*.md", "crews/*.md")
    assert config.services == ()


def test_a_charter_is_linked_through_the_schedule(proposal: Proposal) -> None:
    """A charter with another name belongs to the squad that links to it; its name becomes an alias."""
    data = tomllib.loads(proposal.toml_text)
    tides = next(squad for squad in data["squads"] if squad["id"] == "tide_weather")
    assert tides["aliases"] == ["Tides and Weather"]
    assert tides["charter"] == "crews/tides.md"
    assert tides["signals"] == [
        {"metric": "tide_level_meters", "type": "gauge", "required_for_exit": True},
        {"metric": "tide_feed_lag_seconds", "labels": ["station", "source"], "required_for_exit": True},
    ]


def test_owners_come_only_from_cells_that_name_the_squad(proposal: Proposal) -> None:
    """Otto stands beside his squad's name on the board; nobody else does, so nobody else is claimed."""
    data = tomllib.loads(proposal.toml_text)
    assert {s["id"]: s.get("owners") for s in data["squads"]} == {
        "ferry_booking": None,
        "tide_weather": ["Otto"],
        "port_gate": None,
        "crew_rota": None,
    }


def test_one_slot_is_one_ritual(proposal: Proposal) -> None:
    """Two documents that name the same days and time mean one ritual; both titles are kept."""
    data = tomllib.loads(proposal.toml_text)
    standup = next(r for r in data["rituals"] if r["id"] == "daily_quayside_standup")
    assert (standup["time"], standup["minutes"]) == ("08:45", 15)
    assert "# also called Quayside Standup" in proposal.toml_text
    assert len(data["rituals"]) == 6


def test_notes_say_what_came_from_where_and_what_could_not_be_read(proposal: Proposal) -> None:
    """Every table has a note with path and line; unread text and absent sections are named."""
    notes = proposal.notes
    assert "plan.md:9 → [[waves]] wave_a" in notes
    assert "plan.md:40 could not be read (Wave B): When the fog lifts" in notes
    assert any(note.startswith("not in the documents: [[services]]") for note in notes)
    assert notes[-1].startswith("nothing was invented")


def test_nothing_is_invented_from_nothing(tmp_path: Path) -> None:
    """Documents that say nothing give a configuration in which everything is commented out."""
    text = propose([read("# Notes\n\nTea at four.\n", "notes.md")]).toml_text
    config = from_text(text, tmp_path / "controlroom.toml")
    assert config.program.start is None
    assert config.program.waves == ()
    assert config.program.rituals == ()


def test_a_person_of_two_squads_is_nobodys(tmp_path: Path) -> None:
    """An owner named with two squads is left out, and a note says so."""
    plan = read("# Schedule\n| Squad | Charter |\n|-|-|\n| Gate | x.md |\n| Crew | y.md |\n", "schedule.md")
    board = read(
        "# Backlog\n| Epic | Owner | Status |\n|-|-|-|\n| A | Gate (Mara) | wip |\n"
        "| B | Crew (Mara) | wip |\n",
        "backlog.md",
    )
    proposal = propose([plan, board])
    assert "owners" not in proposal.toml_text
    assert any(note.startswith("Mara is named with several squads") for note in proposal.notes)


PIECES = (
    "# Schedule", "\n", "\n## Waves\n", "\n- **Wave A (Weeks 1–2: ", "2026-03-02 → 2026-03-16",
    ")**: ",
    "Gate, Crew", "✅ Active.", "\n## Milestones\n", "\n1. **", "Week 1 Day 3", "Week 4 Day 9", "** – ",
    "text", "\n## Rituals\n",
    "\n- **Clinic (Mon/Thu 11:00 ", "PT", "UTC+05:30", ")**", "Fri", "15 min", "all day", "'",
    "(Week 1 x, Week 2 y)", "\n## Dependencies\n- Bus: run by Gate", "Sprint 3", "\\", '"', "\t",
    "\n| Squad | Charter | Focus |\n|-|-|-|\n", "\n| Gate | [c](x.md) | f |", "\n| Crew | | \" |",
    "\n# Squad Charter — Gate\n## Mission\nx", "\n- `gate_total{a,b}` counter",
    "\n| Sprint | Epic | Owner | Status |\n|-|-|-|-|\n", "\n| Sprint 1 | E | Gate (Mara) | wip |",
)  # fmt: skip


@example(texts=["\n1. **)**: Fri"], paths=("schedule.md", "charter.md", "backlog.md"))
@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), max_size=3),
    st.sampled_from([("schedule.md", "charter.md", "backlog.md"), ("a.md", "b.md", "Sprint-3.md")]),
)
def test_whatever_is_proposed_loads_again(texts: list[str], paths: tuple[str, ...]) -> None:
    """A draft is a valid configuration, whatever the documents say and however they contradict."""
    documents = read_all(list(zip(paths, texts, strict=False)))
    from_text(propose(documents).toml_text, Path("controlroom.toml"))


@pytest.mark.parametrize(
    ("link", "path", "same"),
    [
        ("squads/a.md", "docs/squads/a.md", True),
        ("./squads/a.md#top", "squads/a.md", True),
        ("../squads/a.md", "/repo/docs/squads/a.md", True),
        ("a.md", "squads/ba.md", False),
        ("", "a.md", False),
    ],
)
def test_links_lead_to_files(link: str, path: str, same: bool) -> None:
    """A relative link and a path are the same file when one ends in the other."""
    assert same_file(link, path) is same


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.recursive(TEXTS | st.integers() | st.booleans() | st.dates(), lambda v: st.lists(v, max_size=4)))
def test_values_are_read_back_from_toml(value: object) -> None:
    """Any text, number, date or list survives being written, control characters and quotes included."""
    if not isinstance(value, int) or abs(value) < 2**63:
        assert tomllib.loads(f"x = {written(value)}")["x"] == value  # type: ignore[arg-type]


def test_a_key_that_is_off_stays_a_comment() -> None:
    """A value of several lines is commented out whole."""
    toml = Toml()
    toml.key("paths", ["x" * 60, "y" * 60], "why", off=True)
    assert tomllib.loads(toml.text()) == {}


SYSTEMS = """# Wave schedule

## Dependencies

- **Event bus**: Kafka, run by Harbour Ops.
- **Store / Cache**: Postgres and Redis.
- **Somabrain**: thinks.
- **Weather feed**: somebody else's.
"""


def test_systems_that_dependencies_name_become_services_to_complete(tmp_path: Path) -> None:
    """Without the comment signs they are services of the right kinds, wired to their dependencies."""
    text = propose([read(SYSTEMS, "schedule.md")]).toml_text
    assert from_text(text, tmp_path / "controlroom.toml").services == ()
    keys = r"(id|kind|url|services|kafka\.topics|http\.preset) ="
    meant = rf"^# (?=\[\[(services|prometheus|alertmanagers)\]\]|{keys})"
    live = re.sub(meant, "", text, flags=re.MULTILINE).replace('["…"]', "[]").replace("…", "events")
    config = from_text(live, tmp_path / "controlroom.toml")
    kinds = {service.id: service.kind for service in config.services}
    assert kinds == {"kafka": "kafka", "redis": "redis", "postgres": "postgres", "somabrain": "http"}
    watched = [dependency.services for dependency in config.program.dependencies]
    assert watched == [("kafka",), ("redis", "postgres"), ("somabrain",), ()]
