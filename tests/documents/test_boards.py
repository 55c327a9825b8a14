"""Backlogs, sprint files and status reports: cards, checklists, blockers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from controlroom.documents.read import read
from controlroom.domain.documents import Document

Harbour = Mapping[str, Document]


def test_cards_of_a_backlog(harbour: Harbour) -> None:
    """Every row is a card with its line; a cell that means "as above" takes the sprint from there."""
    board = harbour["board.md"]
    assert board.kind == "backlog"
    assert [(item.id, item.line) for item in board.items] == [
        ("sprint-2/seat-map", 13),
        ("sprint-2/level-feed", 14),
        ("sprint-2/gate-motor", 15),
        ("sprint-2/buoys", 16),
        ("sprint-3/lamps", 17),
        ("sprint-3/seat-map", 18),
        ("sprint-3/seat-map", 20),
    ]


def test_spellings_of_one_sprint_are_one_sprint(harbour: Harbour) -> None:
    """A sprint is known by its number and shown as it is first written."""
    names = {item.sprint_id: item.sprint for item in harbour["board.md"].items}
    assert names == {"sprint-2": "Sprint-2 — Quay Core", "sprint-3": "Sprint-3: Night Boats"}
    assert len({item.sprint for item in harbour["board.md"].items}) == 2


def test_status_progress_and_owners_of_cards(harbour: Harbour) -> None:
    """Status text stays verbatim beside what it means; owners are people."""
    said = [(i.status, i.progress, i.status_text, i.owners) for i in harbour["board.md"].items]
    assert said == [
        ("in_progress", None, "🟧 In Progress", ("Ines",)),
        ("not_started", None, "🟥 Not Started", ("Otto",)),
        ("in_progress", 60, "🟨 60%", ("Mara", "Jon")),
        ("done", None, "[x]", ()),
        ("in_progress", None, "🟩 in progress", ("All Squads",)),
        ("done", None, "\ufffd Complete", ("Jon",)),
        ("in_progress", 40, "🟢 40% complete", ("Jon",)),
    ]


def test_bars_inside_cells(harbour: Harbour) -> None:
    """An escaped bar, or one in back-ticks, belongs to its cell."""
    tasks = {item.epic: item.tasks for item in harbour["board.md"].items}
    assert tasks["Level Feed"] == "`tide.levels` every minute, `a|b` split"
    assert tasks["Gate Motor"] == "hinges | bolts"


def test_lints_of_a_board(harbour: Harbour) -> None:
    """Disagreement, broken characters, several owners and duplicates are reported with their line."""
    assert [(lint.code, lint.line) for lint in harbour["board.md"].lints] == [
        ("X012", 15),
        ("X008", 17),
        ("X012", 17),
        ("X009", 18),
        ("X008", 20),
        ("X010", 20),
    ]


def test_names_of_metrics_and_topics(harbour: Harbour) -> None:
    """Back-ticked metric names and topics are gathered; paths, variables and functions are not."""
    assert harbour["board.md"].metrics == ("ferry_seats_sold_total",)
    assert harbour["board.md"].topics == ("tide.levels", "gate.opened")
    assert harbour["crews/tides.md"].metrics == ("tide_level_meters", "tide_feed_lag_seconds")
    assert harbour["crews/tides.md"].topics == ("tide.levels",)


def test_renamed_and_extra_columns() -> None:
    """Columns are known by what their header means; one that no rule knows stays with the card."""
    text = (
        "# Work\n| Key | Iteration | Team | Feature | Assignee | State | % done | Due | Owning squad"
        " | Blocked by | Tags | Estimate |\n|-|-|-|-|-|-|-|-|-|-|-|-|\n"
        "| AB-7 | Iteration 4 | Port Gate | [Hinge](x.md) | Mara | wip | 35% | Mar 20 | Port Gate | Crew Rota"
        " | cross-squad, iron | 5 pts |\n"
    )
    (item,) = read(text, "work.md", start=dt.date(2026, 3, 2)).items
    assert (item.id, item.sprint_id, item.squad, item.epic) == ("AB-7", "iteration-4", "Port Gate", "Hinge")
    assert (item.status, item.progress, item.due) == ("in_progress", 35, dt.date(2026, 3, 20))
    assert (item.owning_squad, item.blocking_squad) == ("Port Gate", "Crew Rota")
    assert item.tags == ("cross-squad", "iron")
    assert item.extra == {"Estimate": "5 pts"}


def test_the_sprint_of_a_table_below_its_heading() -> None:
    """Without a column for it, the sprint is the heading's."""
    text = "# Backlog\n\n## Sprint 7 — Fog\n| Item | Status |\n|-|-|\n| Horn | done |\n"
    (item,) = read(text, "backlog.md").items
    assert (item.id, item.status) == ("sprint-7/horn", "done")


def test_a_board_kept_as_a_list() -> None:
    """Entries with a box or a status below a sprint's heading are cards."""
    text = (
        "# Backlog\n\n## Sprint 7 — Fog\n- [x] **Horn** — Owner: Mara — loud\n"
        "- **Lamp** (Owner: Jon): 60%\n- Remember tea\n"
    )
    document = read(text, "backlog.md")
    assert [(i.id, i.status, i.progress, i.owners) for i in document.items] == [
        ("sprint-7/horn", "done", None, ("Mara",)),
        ("sprint-7/lamp", "in_progress", 60, ("Jon",)),
    ]


def test_a_table_without_its_rule_is_still_one() -> None:
    """Lines of cells without the rule below the header are read all the same."""
    text = "# Backlog\n\n| Sprint | Epic | Status |\n| Sprint 1 | Horn | done |\n"
    assert [item.id for item in read(text, "backlog.md").items] == ["sprint-1/horn"]


def test_cells_beyond_the_last_column_are_not_lost() -> None:
    """What a row holds too much is listed."""
    text = "# Backlog\n\n| Epic | Status |\n|-|-|\n| Horn | done | and brass |\n"
    document = read(text, "backlog.md")
    assert [note.text for note in document.unread] == ["and brass"]


def test_a_status_report(harbour: Harbour) -> None:
    """Dashboard rows, boxes, blockers and steps, with the day it speaks of."""
    report = harbour["2026-03-04.md"]
    assert (report.kind, report.as_of) == ("status", dt.date(2026, 3, 4))
    assert [(i.id, i.tasks) for i in report.items] == [
        ("sprint-2/quay-core", "seats, levels"),
        ("sprint-3/night-boats", "wicks"),
    ]
    assert [(lint.code, lint.line) for lint in report.lints] == [("X009", 9), ("C001", 23)]
    assert [(c.section, [i.done for i in c.items]) for c in report.checklists] == [
        ("Docking Day Checklist (Mar 4)", [True, False])
    ]
    assert [(note.name, note.line) for note in report.blockers] == [("Bolts", 16)]
    assert [(note.name, note.text) for note in report.risks] == [("Quay Core", "bolts are late")]
    assert len(report.steps) == 1


def test_a_sprints_own_file(harbour: Harbour) -> None:
    """Front matter after the banner dates the sprint, and its own days count from there."""
    document = harbour["sprint-3.md"]
    (sprint,) = document.sprints
    assert (document.kind, document.banner) == ("sprint", True)
    assert (sprint.id, sprint.start, sprint.end) == ("sprint-3", dt.date(2026, 3, 16), dt.date(2026, 3, 30))
    assert sprint.squads == ("Port Gate", "Crew Rota")
    assert [(m.label, m.date and m.date.isoformat()) for m in document.milestones] == [
        ("Day 3", "2026-03-19"),
        ("Day 14", "2026-03-31"),
    ]
    assert [(lint.code, lint.line) for lint in document.lints] == [("C002", 20)]
    assert [(c.section, [i.done for i in c.items]) for c in document.checklists] == [("Tasks", [False, True])]


def test_a_single_card_is_a_card() -> None:
    """One row is enough for a board, whatever the title says and whether or not it has a status yet."""
    for status in ("In Progress", ""):
        text = f"# Grid\n\n## Sprint 1\n\n| Epic | Status |\n|---|---|\n| Buoys | {status} |\n"
        document = read(text, "grid.md")
        assert (document.kind, [item.id for item in document.items]) == ("backlog", ["sprint-1/buoys"])


def test_ticks_before_goals_are_not_states(harbour: Harbour) -> None:
    """✅ in front of a goal records nothing: the milestone has only its date."""
    assert harbour["sprint-3.md"].milestones[0].text == "✅ Oil bought"
    assert harbour["sprint-3.md"].steps == ()
