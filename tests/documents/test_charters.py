"""Charters and handbooks."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from controlroom.documents.read import read
from controlroom.domain.documents import Document

Harbour = Mapping[str, Document]


def test_a_charter(harbour: Harbour) -> None:
    """Mission, alignments, boxes, dependencies, gates and risks of a squad."""
    charter = harbour["crews/tides.md"]
    assert (charter.kind, charter.squad) == ("charter", "Tides and Weather")
    assert charter.mission == "Know the water before it arrives."
    assert [note.name for note in charter.alignments] == ["Wave A (Weeks 1–2)", "Wave B (Weeks 2–4)"]
    assert charter.waves == ()
    assert [d.name for d in charter.dependencies] == ["Message bus reachable", "Postgres"]
    assert [note.line for note in charter.gates] == [22, 23]
    assert [note.name for note in charter.risks] == ["Sensors drift", "Fog"]


def test_nested_boxes_and_wrapped_lines(harbour: Harbour) -> None:
    """A box below a box is its own; a wrapped line belongs to the box above it."""
    (boxes,) = harbour["crews/tides.md"].checklists
    assert [(check.done, check.text, check.line) for check in boxes.items] == [
        (True, "Level feed on `tide.levels`", 12),
        (False, "with gaps marked", 13),
        (False, "Calibration sheet in the drawer", 14),
    ]


def test_a_document_without_the_banner_is_flagged(harbour: Harbour) -> None:
    """D001 at its first line, and `banner` says no."""
    charter = harbour["crews/tides.md"]
    assert not charter.banner
    assert [(lint.code, lint.line) for lint in charter.lints] == [("D001", 1)]


@pytest.mark.parametrize(
    ("title", "squad"),
    [
        ("Squad Charter — Port Gate", "Port Gate"),
        ("Port Gate Squad Charter", "Port Gate"),
        ("Charter: Port Gate", "Port Gate"),
        ("Port Gate — Charter", "Port Gate"),
        ("🚢 Team Charter - Port Gate", "Port Gate"),
        ("Charter for the Port Gate team", "Port Gate"),
        ("Research & Development Charter", "Research & Development"),
    ],
)
def test_the_squad_of_a_charter(title: str, squad: str) -> None:
    """The squad is what the title says beside the words for a charter."""
    assert read(f"# {title}\n\n## Mission\nSail.\n", "x.md").squad == squad


def test_a_handbook(harbour: Harbour) -> None:
    """A daily rhythm's rituals are daily unless they say otherwise; an ordered checklist is one."""
    handbook = harbour["bridge.md"]
    assert handbook.kind == "handbook"
    assert [(r.name, r.days, r.time, r.minutes) for r in handbook.rituals] == [
        ("Tide Pulse", "daily", "08:15", 10),
        ("Quayside Standup", "daily", "08:45", 15),
        ("Contract Clinic", ("tue", "fri"), "10:30", None),
        ("Evening Log", "daily", "17:00", None),
    ]
    (checklist,) = handbook.checklists
    assert checklist.section == "Docking Day (Wednesday) Checklist"
    assert [(check.done, check.line) for check in checklist.items] == [(False, 13), (False, 14), (False, 16)]
    assert "`pytest tests/soundings`" in checklist.items[1].text


def test_a_ritual_whose_days_nobody_declares_is_not_made_daily() -> None:
    """Without days in the entry or a heading, the ritual has none and says so."""
    document = read("# Guide\n## Meetings\n- **09:00 PT — Sync**\n", "guide.md")
    assert [ritual.days for ritual in document.rituals] == [()]
    assert [note.name for note in document.unread] == ["days not declared"]


def test_risks_as_captions_with_fields() -> None:
    """A bold line with Risk and Mitigation below it is one risk."""
    text = "# Sprint 3\n## Risks\n**Late motor**\n- Risk: shipping\n- Mitigation: order early\n"
    (risk,) = read(text, "sprint-3.md").risks
    assert (risk.name, risk.text, risk.line) == ("Late motor", "Risk: shipping; Mitigation: order early", 3)


def test_an_empty_list_of_blockers_has_none() -> None:
    """ "None" is not a blocker."""
    text = "# Status 2026-03-04\n## Blockers\n- None\n- **Bolts**: late\n"
    assert [note.name for note in read(text, "status.md").blockers] == ["Bolts"]


def test_a_banner_may_be_a_heading() -> None:
    """A banner that Markdown takes for a heading is there when it comes first, and nowhere else."""
    banner = "# Real tides only"
    assert read(f"{banner}\n\n# Squad Charter — Sluices\n", "sluices.md", banner=banner).banner
    late = read(f"# Squad Charter — Sluices\n\n{banner}\n", "sluices.md", banner=banner)
    assert [lint.code for lint in late.lints] == ["D001"]
