"""Configuration and documents together: who wins, and what is said when they differ."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from controlroom.domain.board import Squad
from controlroom.domain.documents import (
    Document,
    DocumentItem,
    DocumentMilestone,
    DocumentNote,
    DocumentReading,
    DocumentRitual,
    DocumentSquad,
    DocumentWave,
)
from controlroom.domain.merge import Declared, merge
from controlroom.domain.program import Milestone, Program
from controlroom.domain.rituals import Ritual
from controlroom.domain.waves import Declared as Said
from controlroom.domain.waves import Wave

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
START = date(2026, 3, 7)


def merged(program: Program, *documents: Document) -> Declared:
    return merge(program, [DocumentReading(document.path, document) for document in documents], NOW)


def wave(**changes: object) -> DocumentWave:
    values: dict[str, object] = {
        "id": "wave_1",
        "name": "Wave 1",
        "weeks": (1, 2),
        "start": START,
        "end": date(2026, 3, 21),
        "squads": ("Harbour",),
        "declared": Said("✅ Active", "active"),
        "line": 7,
    }
    return DocumentWave(**{**values, **changes})  # type: ignore[arg-type]


def item(**changes: object) -> DocumentItem:
    values: dict[str, object] = {
        "id": "sprint-1/crane",
        "sprint_id": "sprint-1",
        "sprint": "Sprint-1 — Quay",
        "epic": "Crane",
        "tasks": "",
        "owner": "Lead (Io)",
        "owners": ("Io",),
        "status": "in_progress",
        "progress": None,
        "status_text": "In Progress",
        "line": 9,
    }
    return DocumentItem(**{**values, **changes})  # type: ignore[arg-type]


def test_a_programme_without_configuration_is_what_its_documents_say() -> None:
    """Documents alone give start, waves, squads and items, each with its origin."""
    schedule = Document(
        "schedule.md",
        "schedule",
        start=START,
        waves=(wave(),),
        squads=(DocumentSquad("Harbour & Sea", "squads/harbour.md", {"Focus": "cranes"}, "load", 12),),
    )
    found = merged(Program(), schedule, Document("backlog.md", "backlog", items=(item(),)))
    assert found.program.start == START
    assert [w.id for w in found.program.waves] == ["wave_1"]
    assert found.program.squads[0].id == "harbour_sea"
    assert found.program.origins["squad/harbour_sea"].line == 12
    assert [(i.id, i.squad, i.sprint) for i in found.items] == [("sprint-1/crane", None, "sprint-1")]


def test_documents_speak_for_the_state_and_configuration_for_the_dates() -> None:
    """The declared state follows the document; a different date is a lint and the configuration's stays."""
    program = Program(
        start=START,
        waves=(Wave("wave_1", "Wave 1", start=date(2026, 3, 8), declared=Said("planned", "planned")),),
    )
    found = merged(program, Document("schedule.md", "schedule", waves=(wave(),)))
    (one,) = found.program.waves
    assert one.start == date(2026, 3, 8)
    assert one.end == date(2026, 3, 21)
    assert one.declared is not None
    assert (one.declared.state, one.declared.source) == ("active", "schedule.md:7")
    assert [(lint.code, lint.line) for lint in found.lints] == [("M001", 7)]


def test_an_owner_gives_the_squad_only_when_the_map_says_so() -> None:
    """The whole owner text or one unambiguous name finds the squad; two squads' names find none."""
    program = Program(squads=(Squad("harbour", owners=("Lead (Io)",)), Squad("sea", owners=("Bo", "Al"))))
    items = (
        item(),
        item(id="sprint-1/net", owner="Bo", owners=("Bo",)),
        item(id="sprint-1/rope", owner="Al + Io", owners=("Al", "Lead (Io)")),
        item(id="sprint-1/buoy", owner="Zed", owners=("Zed",)),
        item(id="sprint-1/quay", owner="Zed", owners=("Zed",), squad="Sea"),
    )
    found = merged(program, Document("b.md", "backlog", items=items))
    assert [i.squad for i in found.items] == ["harbour", "sea", None, None, "sea"]


def test_one_slot_is_one_ritual() -> None:
    """Two documents that name the same days and time mean one ritual; a different title is a lint."""
    said = DocumentRitual("Morning Round (15 min)", "daily", "09:00", None, False, 15, {}, 4)
    drill = DocumentRitual("Drill", ("fri",), "15:00", None, False, None, {1: "flood", 2: "fire"}, 5)
    program = Program(rituals=(Ritual("standup", "Standup", "daily", time(9)),))
    found = merged(
        program,
        Document("a.md", "schedule", rituals=(said, drill)),
        Document("b.md", "handbook", rituals=(drill,)),
    )
    assert [(r.id, r.minutes, len(r.rotation), r.rotates) for r in found.program.rituals] == [
        ("standup", 15, 0, False),
        ("drill", None, 2, True),
    ]
    assert [lint.subject for lint in found.lints] == ["title of one slot"]


def test_a_charter_is_linked_through_the_schedule() -> None:
    """A charter whose squad is named differently belongs to the squad whose row links to its file."""
    schedule = Document(
        "docs/schedule.md", "schedule", squads=(DocumentSquad("Sea", "squads/sea.md", {}, "", 3),)
    )
    charter = Document("docs/squads/sea.md", "charter", squad="Seafaring & Nets")
    (squad,) = merged(Program(), schedule, charter).program.squads
    assert (squad.id, squad.aliases) == ("sea", ("Seafaring & Nets",))
    assert squad.charter == charter.path


def test_milestones_get_their_date_from_their_label() -> None:
    """A label becomes a date once the start is known, and the same milestone is not listed twice."""
    program = Program(start=START, milestones=(Milestone("m", "Open", label="Week 2 Day 1"),))
    same = DocumentMilestone("Week 2 Day 1", date(2026, 3, 14), "Open", 3)
    other = DocumentMilestone("Week 1 Day 3", date(2026, 3, 9), "Test", 4)
    found = merged(program, Document("s.md", "schedule", milestones=(same, other)))
    assert [(m.text, m.date) for m in found.program.milestones] == [
        ("Test", date(2026, 3, 9)),
        ("Open", date(2026, 3, 14)),
    ]


def test_only_the_newest_report_lists_blockers_and_their_age_is_a_lower_bound() -> None:
    """Blockers come from the newest status report; they are at least as old as the end of its day."""
    old = Document("2026-03-07.md", "status", as_of=START, blockers=(DocumentNote("Ice", "thick", 3),))
    new = Document(
        "2026-03-08.md", "status", as_of=date(2026, 3, 8), blockers=(DocumentNote("Fog", "dense", 5),)
    )
    (blocker,) = merged(Program(zone="Europe/Paris"), old, new).blockers
    assert (blocker.id, blocker.summary, blocker.line) == ("2026_03_08/fog", "Fog", 5)
    assert blocker.opened_at is None
    assert blocker.first_seen == datetime(2026, 3, 8, 23, tzinfo=UTC)


def test_the_same_item_in_two_documents_is_shown_once_and_said() -> None:
    """The first document's card is shown, the second is a lint with both places."""
    found = merged(
        Program(),
        Document("a.md", "backlog", items=(item(),)),
        Document("b.md", "sprint", items=(item(line=2),)),
    )
    assert len(found.items) == 1
    assert [(lint.code, lint.path, lint.line) for lint in found.lints] == [("X010", "b.md", 2)]


def test_a_role_beside_a_name_tells_the_squad() -> None:
    """``Role (Name)`` belongs to the squad that lists the role or the person; when they disagree, to none."""
    squads = (Squad("quay", owners=("Crane Lead",)), Squad("yard", owners=("Bo",)))
    cards = (
        item(id="a", owner="Crane Lead (Io)", owners=("Io",)),
        item(id="b", owner="Lead (Bo)", owners=("Bo",)),
        item(id="c", owner="Crane Lead (Bo)", owners=("Bo",)),
        item(id="d", owner="Lead (Io)", owners=("Io",)),
    )
    found = merged(Program(squads=squads), Document("b.md", "backlog", items=cards)).items
    assert [card.squad for card in found] == ["quay", "yard", None, None]


def test_proofs_of_documents_and_configuration_join() -> None:
    """A card has both, each once, its own first; a proof of a card that nobody lists is told."""
    backlog = Document(
        "backlog.md",
        "backlog",
        items=(item(proof=("crane_total",)), item(id="sprint-1/quay", epic="Quay", line=10)),
    )
    proofs = {"sprint-1/crane": ("redis", "crane_total"), "sprint-9/none": ("x",)}
    found = merge(Program(), [DocumentReading("backlog.md", backlog)], NOW, proofs)
    assert [one.proof for one in found.items] == [("crane_total", "redis"), ()]
    assert [(lint.code, lint.subject) for lint in found.lints] == [("X017", "sprint-9/none")]
    assert merge(Program(), [], NOW, proofs).lints == ()
