"""Status cells, owner cells and declared states, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.board import COLUMNS
from controlroom.domain.status_text import (
    GLYPHS,
    read_declared,
    read_owners,
    read_status,
    single_owner,
)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("🟥 Not Started", "not_started"),
        ("not-started", "not_started"),
        ("NOT_STARTED", "not_started"),
        ("TODO", "not_started"),
        ("🟥 To do", "not_started"),
        ("Planned", "not_started"),
        ("[ ]", "not_started"),
        ("🟧 In Progress", "in_progress"),
        ("IN-PROGRESS", "in_progress"),
        ("wip", "in_progress"),
        ("**In progress**", "in_progress"),
        ("Blocked by the gate", "blocked"),
        ("waiting on bolts", "blocked"),
        ("complete", "done"),
        ("Completed", "done"),
        ("DONE", "done"),
        ("merged", "done"),
        ("[x]", "done"),
        ("[X]", "done"),
        ("🔴", "not_started"),
        ("⬜", "not_started"),
        ("🟨", "in_progress"),
        ("⏳", "in_progress"),
        ("🟢", "done"),
        ("✅", "done"),
        ("⛔", "blocked"),
        ("🛑", "blocked"),
        ("60%", "in_progress"),
        ("0 %", "not_started"),
        ("100%", "done"),
        ("40% complete", "in_progress"),
        ("0% done", "not_started"),
        ("100% complete", "done"),
        ("🟥 70%", "in_progress"),
        ("Blocked: 80% done", "blocked"),
        ("Done, was blocked", "done"),
        ("[x] in progress", "in_progress"),
        ("unblocked", "unknown"),
        ("incomplete", "unknown"),
        ("not done", "unknown"),
        ("launching soon", "unknown"),
        ("150%", "unknown"),
        ("🎉", "unknown"),
        ("", "unknown"),
    ],
)
def test_words_beat_a_percentage_which_beats_a_glyph(text: str, status: str) -> None:
    """A status cell means what its first word says, else its percentage, else its glyph."""
    assert read_status(text).status == status


@pytest.mark.parametrize(
    ("text", "progress"),
    [("60%", 60), ("In progress (35 %)", 35), ("12.5% done", 12), ("done", None), ("250%", None)],
)
def test_progress_is_only_what_is_written(text: str, progress: int | None) -> None:
    """A percentage up to 100 is the progress; nothing is computed from words."""
    assert read_status(text).progress == progress


@pytest.mark.parametrize(
    ("text", "lints"),
    [
        ("🟥 In Progress", ("X008",)),
        ("🟢 40% complete", ("X008",)),
        ("🟧 In Progress", ()),
        ("🟥 70%", ()),
        ("🎉 done", ()),
        ("\ufffd Complete", ("X009",)),
        ("\ufffd 🟥 Complete", ("X008", "X009")),
    ],
)
def test_disagreement_and_broken_characters_are_flagged(text: str, lints: tuple[str, ...]) -> None:
    """X008 where word and glyph differ, X009 where a character is broken; the word still counts."""
    assert read_status(text).lints == lints


@given(st.text())
def test_any_cell_has_a_status(text: str) -> None:
    """No text raises; the answer is one of the known states and progress stays within 0–100."""
    read = read_status(text)
    assert read.status in {*COLUMNS, "unknown"}
    assert read.progress is None or 0 <= read.progress <= 100
    assert ("X009" in read.lints) == ("\ufffd" in text)


@given(st.text(), st.sampled_from(["", " ", "\t", "  "]))
def test_space_around_a_cell_means_nothing(text: str, space: str) -> None:
    """Padding in a table cell never changes how it is read."""
    assert read_status(f"{space}{text}{space}") == read_status(text)


@given(st.sampled_from(sorted(GLYPHS)), st.sampled_from(["in progress", "done", "not started", "blocked"]))
def test_a_word_always_wins_over_its_glyph(glyph: str, word: str) -> None:
    """Whatever glyph stands in front, the word decides, and a lint says so where they differ."""
    read = read_status(f"{glyph} {word}")
    assert read.status == word.replace(" ", "_")
    assert ("X008" in read.lints) == (GLYPHS[glyph] != read.status)


@pytest.mark.parametrize(
    ("text", "owners"),
    [
        ("Policy Lead (Ada)", ("Ada",)),
        ("Tide & Weather Squad (Lead: Otto)", ("Otto",)),
        ("Ada (Policy & Orchestration), Kai (Execution Squad)", ("Ada", "Kai")),
        ("Ada (50%)", ("Ada",)),
        ("Infra & Ops", ("Infra & Ops",)),
        ("Infra & Ops + SRE", ("Infra & Ops", "SRE")),
        ("Research and Development", ("Research and Development",)),
        ("Gate Lead (Mara) and Feed Lead (Otto)", ("Mara", "Otto")),
        ("Gate Lead (Mara) & Feed Lead (Otto)", ("Mara", "Otto")),
        ("Ada, Ben; Cleo", ("Ada", "Ben", "Cleo")),
        ("Ada / Ben", ("Ada", "Ben")),
        ("Ada/Kai/Mira", ("Ada", "Kai", "Mira")),
        ("UI/UX Lead (Mira)", ("Mira",)),
        ("All Squads", ("All Squads",)),
        ("All Squads (Coordination: Ada + Kai)", ("Ada", "Kai")),
        ("Owner: Ada", ("Ada",)),
        ("**Ada**", ("Ada",)),
        ("[Ada](https://example.org/ada)", ("Ada",)),
        ("@ada", ("@ada",)),
        ("Ada + Ada", ("Ada",)),
        ("TBD", ()),
        ("n/a", ()),
        ("—", ()),
        ("", ()),
    ],
)
def test_owner_cells_name_people(text: str, owners: tuple[str, ...]) -> None:
    """Roles and squads around a name fall away; several names are several owners; nobody is nobody."""
    assert read_owners(text) == owners


@pytest.mark.parametrize(
    ("owners", "single"),
    [
        (("Ada",), True),
        (("Infra & Ops",), True),
        ((), False),
        (("Ada", "Kai"), False),
        (("All Squads",), False),
    ],
)
def test_one_owner_is_one_that_answers_for_it(owners: tuple[str, ...], single: bool) -> None:
    """Everybody is nobody in particular."""
    assert single_owner(owners) is single


@given(st.text())
def test_any_owner_cell_is_read(text: str) -> None:
    """No text raises; every owner has a letter or digit, and none is named twice."""
    owners = read_owners(text)
    assert len(set(owners)) == len(owners)
    assert all(any(c.isalnum() for c in owner) for owner in owners)


@given(st.lists(st.from_regex(r"[A-Z][a-z]{2,8}", fullmatch=True), min_size=1, unique=True))
def test_names_joined_by_plus_come_apart_again(names: list[str]) -> None:
    """Reading owners that were written with a plus sign gives them back, whoever they are."""
    nobody = {"Tbd", "Tba", "Tbc", "None", "Open", "Nobody", "Unknown", "Unassigned"}
    assert read_owners(" + ".join(names)) == tuple(n for n in names if n not in nobody)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("✅ Active.", "active"),
        ("in progress", "active"),
        ("✅ Early start approved.", "approved_early"),
        ("⏳ Approved to start early", "approved_early"),
        ("Planned", "planned"),
        ("not started", "planned"),
        ("✅ Done", "done"),
        ("complete", "done"),
        ("40% complete", "active"),
        ("not active", None),
        ("inactive", None),
        ("✅", None),
        ("🟨 Casting off in May.", None),
        ("", None),
    ],
)
def test_declared_states_are_read_from_words_only(text: str, state: str | None) -> None:
    """A wave's declared state needs words that can be read; ✅ alone or a wish declares nothing."""
    assert read_declared(text) == state


@given(st.text())
def test_any_declared_text_is_read(text: str) -> None:
    """No text raises."""
    assert read_declared(text) in {"active", "approved_early", "planned", "done", None}
