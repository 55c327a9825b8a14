"""A wave schedule: waves, squads, dependencies, milestones, rituals, steps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest

from controlroom.documents.read import read, read_all
from controlroom.domain.documents import Document

Harbour = Mapping[str, Document]


def test_its_kind_title_banner_and_start(harbour: Harbour) -> None:
    """A schedule is known as one, and its first day is read from its own words."""
    plan = harbour["plan.md"]
    assert (plan.kind, plan.title, plan.banner) == ("schedule", "Harbour Timetable — Weeks 1–6", True)
    assert plan.start == dt.date(2026, 3, 2)


def test_waves_have_weeks_dates_and_lines(harbour: Harbour) -> None:
    """Dates are as written; weeks without dates follow from the start; both ends are half-open."""
    waves = {wave.id: wave for wave in harbour["plan.md"].waves}
    assert [w.line for w in waves.values()] == [8, 9, 10, 11, 12]
    a, c = waves["wave_a"], waves["wave_c"]
    assert (a.weeks, a.start, a.end) == ((1, 2), dt.date(2026, 3, 2), dt.date(2026, 3, 16))
    assert (c.name, c.start, c.end) == ("Wave C Outlook", dt.date(2026, 3, 30), dt.date(2026, 4, 13))


def test_a_design_wave_is_open_ended(harbour: Harbour) -> None:
    """A wave one sprint ahead of the others has no weeks of its own."""
    wave = harbour["plan.md"].waves[0]
    assert (wave.id, wave.design, wave.weeks, wave.start) == ("drawing_wave", True, None, None)


def test_declared_states_stay_verbatim(harbour: Harbour) -> None:
    """What people declare is kept word for word, with a state only where it can be read."""
    declared = {wave.id: wave.declared for wave in harbour["plan.md"].waves}
    said = {id_: (d.text, d.state) for id_, d in declared.items() if d}
    assert said == {
        "wave_a": ("✅ Active.", "active"),
        "wave_b": ("✅ Early start approved.", "approved_early"),
        "wave_d": ("🟨 Casting off in May.", None),
    }


def test_squads_of_a_wave_are_those_it_names(harbour: Harbour) -> None:
    """Squads are recognised in a list and in a sentence, and nothing else is taken for one."""
    squads = {wave.id: wave.squads for wave in harbour["plan.md"].waves}
    assert squads["wave_a"] == ("Ferry Booking", "Tide & Weather", "Port Gate")
    assert squads["wave_b"] == ("Crew Rota", "Port Gate")
    assert squads["wave_c"] == ()


def test_squads_with_a_focus_for_each_wave(harbour: Harbour) -> None:
    """Each focus column is kept by its header; an empty first cell adds to the squad above."""
    squads = {squad.name: squad for squad in harbour["plan.md"].squads}
    assert list(squads) == ["Ferry Booking", "Tide & Weather", "Port Gate", "Crew Rota"]
    booking = squads["Ferry Booking"]
    assert booking.charter == "crews/ferry_booking.md"
    assert booking.focus == {"Wave A Focus": "Seat maps | holds; Waiting lists", "Wave B Focus": "Refunds"}
    assert booking.signals == "`ferry_seats_held_total` on the wall; and the queue beside it"
    assert squads["Crew Rota"].charter == "crews/rota.md"
    assert squads["Port Gate"].charter is None
    assert squads["Port Gate"].extra == {"Charter": "pending", "Skipper": "Mara"}


def test_dependencies_name_the_one_squad_that_runs_them(harbour: Harbour) -> None:
    """The owner of a dependency is the squad said to run it, found among the squads that exist."""
    found = [(d.name, d.owner) for d in harbour["plan.md"].dependencies]
    assert found == [("Message bus", "Port Gate"), ("Postgres", "Tide & Weather")]


def test_milestones_under_subheadings(harbour: Harbour) -> None:
    """Labels become dates, a written date wins over its label, the subheading is remembered."""
    found = [(m.label, m.date and m.date.isoformat(), m.section) for m in harbour["plan.md"].milestones]
    assert found == [
        ("Week 1 Day 3", "2026-03-04", "Wave A"),
        ("Week 2 Day 6", "2026-03-13", "Wave A"),
        ("Week 3 Day 8", "2026-03-23", "Wave B"),
        (None, "2026-03-26", "Wave B"),
        ("Week 4 Day 9", None, "Wave B"),
    ]
    assert harbour["plan.md"].milestones[0].text == "Level feed seen by Ferry Booking; first seat sold."


def test_calendar_lints_point_at_their_line(harbour: Harbour) -> None:
    """A wrong weekday, a date that is not its label's, Day 8 and Day 9 are all reported."""
    found = [(lint.code, lint.line, lint.severity) for lint in harbour["plan.md"].lints]
    assert found == [
        ("C002", 35, "warning"),
        ("C003", 37, "warning"),
        ("C001", 38, "warning"),
        ("C003", 39, "error"),
    ]


def test_rituals_and_their_scenarios(harbour: Harbour) -> None:
    """Days, time and zone of every ritual; a ritual with a weekday and no time takes the whole day."""
    rituals = {ritual.name: ritual for ritual in harbour["plan.md"].rituals}
    said = [(r.days, r.time, r.zone, r.all_day) for r in rituals.values()]
    assert said == [
        ("daily", "08:45", "Europe/Berlin", False),
        (("tue", "fri"), "10:30", "Europe/Berlin", False),
        (("wed",), None, None, True),
        (("thu",), "15:00", "Europe/Berlin", False),
    ]
    assert rituals["Storm Drill"].scenarios == {1: "bus outage", 2: "database failover"}
    assert list(rituals)[:2] == ["Daily Quayside Standup", "Drawing & Contract Clinic"]


def test_steps_and_their_states(harbour: Harbour) -> None:
    """A leading word is a step's state; a step without one is unknown, not assumed."""
    found = [(step.state, step.text) for step in harbour["plan.md"].steps]
    assert found == [
        ("done", "Charters written"),
        ("in_progress", "Nightly tide run"),
        ("not_started", "Paint the buoys"),
        ("unknown", "Ask the pilots"),
    ]


def test_what_is_not_understood_is_listed_verbatim(harbour: Harbour) -> None:
    """What stands among waves, milestones and rituals but is none is kept with its line."""
    found = [(note.line, note.text) for note in harbour["plan.md"].unread]
    assert found == [
        (13, "We shall see."),
        (15, "Low water is at noon on most days."),
        (40, "When the fog lifts"),
        (47, "**Retrospective (every other Friday 16:00 CET)**: tea."),
    ]


@pytest.mark.parametrize(
    ("bullet", "start", "end", "state"),
    [
        (
            "**Wave A** (Weeks 1-2: 2026-03-02 - 2026-03-16): X, Y. Active",
            "2026-03-02",
            "2026-03-16",
            "active",
        ),
        ("__Wave A (Weeks 1–2)__: X, Y (planned)", "2026-03-02", "2026-03-16", "planned"),
        ("Wave A (Weeks 1 to 2): X and Y — done", "2026-03-02", "2026-03-16", "done"),
        ("**Wave A:** Weeks 1-2, X, Y. Status: active", "2026-03-02", "2026-03-16", "active"),
        ("**Wave A (Mar 2 – Mar 16)** – X, Y", "2026-03-02", "2026-03-16", None),
        ("✅ **Wave A (2026-03-02 → 2026-03-16)**", "2026-03-02", "2026-03-16", None),
        ("**Wave A**: to be agreed", None, None, None),
    ],
)
def test_wave_bullets_in_other_hands(
    bullet: str, start: str | None, end: str | None, state: str | None
) -> None:
    """The same wave is read however its bullet is punctuated."""
    text = f"# Schedule\n\nThe cycle starts 2026-03-02.\n\n## Waves\n- {bullet}\n"
    (wave,) = read(text, "schedule.md").waves
    assert (wave.id, wave.start and wave.start.isoformat(), wave.end and wave.end.isoformat()) == (
        "wave_a",
        start,
        end,
    )
    assert (wave.declared.state if wave.declared else None) == state


def test_waves_and_milestones_below_a_grouping_entry() -> None:
    """An entry that only heads a nested list lets its entries through, and groups them."""
    text = (
        "# Plan\n## Waves\n- Running:\n\t- **Wave A (Weeks 1-2)**: Ferry, Gate\n"
        "- Later:\n\t- Wave B (Weeks 3–4)\n"
        "## Milestones\n- Spring\n  - **Week 1 Day 3** – opened\n"
    )
    document = read(text, "plan.md")
    assert [(wave.id, wave.weeks, wave.line) for wave in document.waves] == [
        ("wave_a", (1, 2), 4),
        ("wave_b", (3, 4), 6),
    ]
    assert [(m.text, m.section) for m in document.milestones] == [("opened", "Spring")]


def test_squads_in_a_list() -> None:
    """Squads may be bullets with a link to their charter."""
    text = "# Plan\n## Squads\n- **Gate** — [charter](crews/gate.md): hinges\n- **Crew** — rotas\n"
    found = [(s.name, s.charter, s.focus) for s in read(text, "plan.md").squads]
    assert found == [("Gate", "crews/gate.md", {"Squads": "hinges"}), ("Crew", None, {"Squads": "rotas"})]


def test_a_zone_for_all_times() -> None:
    """What a document says of all its times holds for those without a zone."""
    text = "# Guide\n\nAll times are in Central European Time.\n\n## Meetings\n- **Sync (Mon 10:00)**\n"
    assert [r.zone for r in read(text, "guide.md").rituals] == ["Europe/Berlin"]


def test_waves_as_headings_and_as_a_table() -> None:
    """Waves may be headings with text below, or rows with columns for weeks and dates."""
    headings = "# Plan\n\n## Timeline\n\n### Wave A (Weeks 1-2)\n- Squads: Ferry, Gate\n- Status: planned\n"
    table = (
        "# Plan\n\n## Waves\n| Wave | Weeks | Start | End | Squads | Status |\n|-|-|-|-|-|-|\n"
        "| Wave A | 1–2 | 2026-03-02 | 2026-03-16 | Ferry, Gate | planned |\n"
    )
    for text in (headings, table):
        (wave,) = read(text, "plan.md", start=dt.date(2026, 3, 2)).waves
        assert (wave.weeks, wave.start, wave.squads) == ((1, 2), dt.date(2026, 3, 2), ("Ferry", "Gate"))
        assert wave.declared is not None
        assert wave.declared.state == "planned"


def test_dates_that_contradict_their_weeks_are_flagged_and_kept() -> None:
    """The written range wins over the weeks beside it, and a lint says what they disagree on."""
    text = "# Plan\n## Waves\n- **Wave A (Weeks 1–2: 2026-03-02 → 2026-03-20)**: x\n"
    document = read(text, "plan.md", start=dt.date(2026, 3, 2))
    assert document.waves[0].end == dt.date(2026, 3, 20)
    assert [lint.code for lint in document.lints] == ["C002"]


@pytest.mark.parametrize(
    "text",
    [
        "# Plan\n\nThe window starts on **2026-03-02**.\n",
        "# Plan\n\n**Programme start:** 2026-03-02\n",
        "# Plan\n## Waves\n- **Wave B (Weeks 2–3: 2026-03-09 → 2026-03-23)**: x\n",
        "# Plan\n## Milestones\n- **2026-03-10 (Week 2 Day 2)** – x\n",
        "---\nstart: 2026-03-02\n---\n# Schedule\n",
    ],
)
def test_the_programme_start_is_found(text: str) -> None:
    """The first day is named in prose, in a field, or follows from a week beside a date."""
    assert read(text, "schedule.md").start == dt.date(2026, 3, 2)


def test_the_start_of_a_part_is_not_the_programmes() -> None:
    """A wave's or a sprint's start says nothing about the programme's."""
    text = "# Schedule\n\nWave B starts on 2026-03-09. Sprint 3 kicks off 2026-03-16.\n"
    assert read(text, "schedule.md").start is None


def test_one_documents_start_dates_the_labels_of_the_others() -> None:
    """Without its own start, a document's labels are dated by the schedule's; alone, they are not."""
    plan = "# Schedule\n\nWeek 1 starts 2026-03-02.\n"
    dates = "# Key dates\n\n## Milestones\n- **Week 2 Day 5** – rehearsal\n"
    assert read(dates, "dates.md").milestones[0].date is None
    together = read_all([("dates.md", dates), ("plan.md", plan)])
    assert together[0].milestones[0].date == dt.date(2026, 3, 13)


@pytest.mark.parametrize(
    ("entry", "label", "date", "text"),
    [
        ("**Week 1 Day 3** – opened", "Week 1 Day 3", "2026-03-04", "opened"),
        ("**Mar 4 (Week 1 Day 3)** – opened", "Week 1 Day 3", "2026-03-04", "opened"),
        ("W1D3: opened", "W1D3", "2026-03-04", "opened"),
        ("Week 1, Day 3 — opened", "Week 1, Day 3", "2026-03-04", "opened"),
        ("**Opening (Week 1 Day 3)**: doors", "Week 1 Day 3", "2026-03-04", "Opening: doors"),
        ("**Opening**: Week 1 Day 3", "Week 1 Day 3", "2026-03-04", "Opening"),
        ("2026-03-04: opened", None, "2026-03-04", "opened"),
        ("Wed 4 March 2026 – opened", None, "2026-03-04", "opened"),
        ("[x] **Week 1 Day 3** – opened", "Week 1 Day 3", "2026-03-04", "opened"),
        ("**Week 3 (Mar 16-23)**: opened", "Week 3", None, "opened"),
    ],
)
def test_milestones_in_other_hands(entry: str, label: str | None, date: str | None, text: str) -> None:
    """Label, date and text of a milestone are told apart wherever they stand."""
    document = read(f"# Plan\n## Milestones\n- {entry}\n", "plan.md", start=dt.date(2026, 3, 2))
    (one,) = document.milestones
    assert (one.label, one.date and one.date.isoformat(), one.text) == (label, date, text)


def test_milestones_in_a_table_with_other_columns() -> None:
    """A table of milestones is read by its columns, whatever else it has."""
    text = (
        "# Plan\n## Key dates\n| # | Milestone | Week | Day | Owner |\n|-|-|-|-|-|\n"
        "| 1 | Doors open | 2 | 5 | Ines |\n"
    )
    (one,) = read(text, "plan.md", start=dt.date(2026, 3, 2)).milestones
    assert (one.label, one.date, one.text) == ("Week 2 Day 5", dt.date(2026, 3, 13), "Doors open")


def test_rituals_in_a_table_take_the_zone_from_the_header() -> None:
    """A zone in the header counts for every row."""
    text = (
        "# Guide\n## Meetings\n| Meeting | Day | Time (PT) | Length |\n|-|-|-|-|\n"
        "| Standup | Mon–Fri | 9:00 AM | 15 |\n| Retro | monthly | 10:00 | 60 |\n"
    )
    document = read(text, "guide.md")
    (one,) = document.rituals
    assert (one.name, one.days, one.time, one.zone, one.minutes) == (
        "Standup",
        ("mon", "tue", "wed", "thu", "fri"),
        "09:00",
        "America/Los_Angeles",
        15,
    )
    assert [note.line for note in document.unread] == [6]


def test_a_ritual_as_a_heading_with_fields() -> None:
    """A heading with Time, Frequency and Duration below it is a ritual."""
    text = (
        "# Ceremonies\n\n## Daily Standup\n**Time**: 9:30 AM ET  \n**Duration**: 15 minutes max\n\n"
        "- Yesterday\n- Today\n"
    )
    (one,) = read(text, "ceremonies.md").rituals
    assert (one.name, one.days, one.time, one.zone, one.minutes) == (
        "Daily Standup",
        "daily",
        "09:30",
        "America/New_York",
        15,
    )


def test_a_schedule_names_its_waves_as_it_likes() -> None:
    """A bold name with weeks of its own is a wave of a schedule under any heading; a sprint is none."""
    text = """# Orchard Programme Schedule

## At a glance
- **Grafting (Weeks 1–3: 2026-02-11 → 2026-03-04)**: Roots, Bark. 🟢 Running
- **Sprint 2 (Weeks 1–2)**: soil
- **Shaping (Week 0 & continuously +1 sprint)**: drafts.
"""
    waves = read(text, "plan.md").waves
    assert [(wave.name, wave.weeks) for wave in waves] == [("Grafting", (1, 3)), ("Shaping", None)]
