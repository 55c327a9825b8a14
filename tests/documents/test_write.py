"""A status written back changes that one cell and no other byte, in the style of the file."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.documents.read import Known, read
from controlroom.documents.write import CannotWrite, SaysSoAlready, digest, propose, rewritten
from controlroom.domain.board import COLUMNS
from controlroom.domain.documents import CellEdit, Document
from controlroom.domain.status_text import read_status

BOARD = """Legend:
- 🟥 Not Started
- 🟧 In Progress
- 🟩 Complete

# Orchard Backlog

| Sprint | Epic | Tasks | Owner | Status |
| --- | --- | --- | --- | --- |
| Sprint-1 — Roots | Drains | `a|b` split | Lead (Ada) | 🟧 In Progress |
| | Wells | pump \\| pipe | Kai | 🟥 Not Started |
"""


def written(text: str, item: str, status: str, seen: str | None = None) -> tuple[CellEdit, str]:
    """The edit of `item` in a document called orchard.md, and the document with it."""
    raw = text.encode("utf-8", "surrogateescape")
    edit = propose(raw, "orchard.md", item, status, expected_status_text=seen)
    return edit, rewritten(raw, edit).decode("utf-8", "surrogateescape")


def table(*states: str, column: str = "Status") -> str:
    """A backlog with a card a, b, c, … for each of `states`."""
    rows = [f"| {chr(97 + n)} | {state} |" for n, state in enumerate(states)]
    return "\n".join(["# Backlog", "", f"| Epic | {column} |", "|-|-|", *rows, ""])


def cell(status: str, own: str, *others: str, column: str = "Status") -> str:
    """What the first card's cell says after it was given `status`."""
    return written(table(own, *others, column=column), "a", status)[0].after


def without(document: Document, number: int) -> Document:
    """`document` without the status of one card, and without what is remarked about it."""
    items = list(document.items)
    items[number] = replace(items[number], status="unknown", status_text="", progress=None)
    line = items[number].line
    lints = tuple(x for x in document.lints if x.line != line or x.code not in {"X008", "X009", "X012"})
    return replace(document, items=tuple(items), lints=lints)


def test_only_the_cell_changes() -> None:
    """All but the cell stays, and the edit says what stood there, where, and in which file."""
    edit, after = written(BOARD, "sprint-1/wells", "done")
    assert after == BOARD.replace("Kai | 🟥 Not Started", "Kai | 🟩 Complete")
    assert (edit.path, edit.line, edit.before, edit.after) == (
        "orchard.md",
        11,
        "🟥 Not Started",
        "🟩 Complete",
    )
    assert edit.digest == digest(BOARD.encode())


def test_bars_inside_cells_are_no_borders() -> None:
    """A bar in code and an escaped one do not move the cell that is written."""
    assert "`a|b` split | Lead (Ada) | 🟩 Complete |" in written(BOARD, "sprint-1/drains", "done")[1]
    assert "pump \\| pipe | Kai | 🟧 In Progress |" in written(BOARD, "sprint-1/wells", "in_progress")[1]


@pytest.mark.parametrize(
    ("status", "own", "others", "after"),
    [
        # as the column writes it already
        ("done", "🟧 In Progress", ["🟩 Complete"], "🟩 Complete"),
        ("done", "🟨 60%", ["🟨 20%", "🟩 100%"], "🟩 100%"),
        ("in_progress", "todo", ["wip", "done", "wip", "In Progress"], "wip"),
        ("done", "**Todo**", ["**Merged**"], "**Merged**"),
        ("done", "🟧 In Progress", ["🟩 Complete – see the log"], "🟩 Complete"),
        ("in_progress", "✔️ Done", ["🚧 In Progress"], "🚧 In Progress"),
        # with the column's parts
        ("done", "🟧 In Progress", ["🟥 Not Started"], "🟩 Done"),
        ("blocked", "🟧 In Progress", [], "🛑 Blocked"),
        ("not_started", "🟡 In progress", ["🟢 Done"], "🔴 Not started"),
        ("done", "⏳", ["⬜"], "✅"),
        ("done", "IN PROGRESS 🟧", ["NOT STARTED 🟥"], "DONE 🟩"),
        ("not_started", "in-progress", ["done"], "not-started"),
        ("blocked", "`in_progress`", ["`not_started`"], "`blocked`"),
        ("done", "🟧 **In Progress**", [], "🟩 **Done**"),
        ("done", "\ufffd In Progress", ["🟡 In Progress"], "🟢 Done"),
        # boxes and numbers
        ("done", "[ ]", ["[ ]"], "[x]"),
        ("done", "[ ]", ["[X]"], "[X]"),
        ("not_started", "[x]", [], "[ ]"),
        ("in_progress", "[ ]", [], "In Progress"),
        ("done", "60 %", ["20 %"], "100 %"),
        ("not_started", "60%", [], "0%"),
        ("blocked", "60%", [], "Blocked 60%"),
        # a percentage belongs to work that goes on
        ("done", "🟨 In Progress (60%)", [], "🟩 Done"),
        ("blocked", "🟨 In Progress (60%)", [], "🛑 Blocked (60%)"),
        ("80%", "🟨 60%", ["🟨 20%"], "🟨 80%"),
        ("in_progress", "Done 100%", ["In Progress 20%"], "In Progress"),
        # what is no status stays
        ("done", "In Progress – see [the log](log.md)", ["Done"], "Done – see [the log](log.md)"),
        ("done", "In Progress (60% of trees)", ["Done"], "Done (60% of trees)"),
        ("in_progress", "Blocked by Ada, since May", ["In progress"], "In progress, since May"),
        ("in_progress", "waiting on Ada; [note](n.md)", ["WIP"], "WIP; [note](n.md)"),
        ("done", "see [plan](p.md)", ["Todo"], "Done — see [plan](p.md)"),
        # nothing to go by
        ("done", "", [], "Done"),
        ("in_progress", "TBD", [], "In Progress"),
        ("done", "in review", ["🟧 In Progress"], "🟩 Done"),
    ],
)
def test_the_style_of_the_file(status: str, own: str, others: list[str], after: str) -> None:
    """A state is written as the column writes it, else put together like its other cells."""
    assert cell(status, own, *others) == after


def test_a_legend_says_how_a_state_is_written() -> None:
    """What no cell shows yet, the file's own explanation of its signs does."""
    text = table("🟧 In Progress", "🟥 Not Started").replace("\n|", "\nSigns: 🟩 = merged, 🟥 = todo\n\n|", 1)
    assert written(text, "a", "done")[0].after == "🟩 merged"
    text = "# B\n\n- 🟢: Complete\n" + table("🟡 In Progress")[9:]
    assert written(text, "a", "done")[0].after == "🟢 Complete"


def test_a_table_follows_its_own_column_first() -> None:
    """Two tables of one file may differ and keep their styles; a table without one takes the other's."""
    text = "# Backlog\n\n## Sprint 1\n" + table("todo", "done")[11:] + "\n## Sprint 2\n"
    text += table("🟥 Not Started", "🟩 Complete")[11:]
    assert written(text, "sprint-1/a", "done")[0].after == "done"
    assert written(text, "sprint-2/a", "done")[0].after == "🟩 Complete"
    text = "# Backlog\n\n## Sprint 1\n" + table("")[11:] + "\n## Sprint 2\n" + table("🟩 Complete")[11:]
    assert written(text, "sprint-1/a", "done")[0].after == "🟩 Complete"


def test_a_column_of_its_own_for_the_percentage_is_left_alone() -> None:
    """The status is what is written; a number in another cell stays as it is."""
    text = "# Backlog\n| Epic | Status | % done |\n|-|-|-|\n| a | wip | 60% |\n"
    assert written(text, "a", "done")[1] == text.replace("wip", "done")


@pytest.mark.parametrize(
    "text",
    [
        "# Backlog\nEpic | Status\n-|-\na | todo\nb | wip\n",
        "# Backlog\n\n- Work:\n\n  | Epic | Status |\n  |-|-|\n  | a | todo |\n  | b | wip |\n",
        "# Backlog\n\n- | Epic | Status |\n  |-|-|\n  | a | todo |\n  | b | wip |\n",
        "# Backlog\n\n> | Epic | Status |\n> |-|-|\n> | a | todo |\n> | b | wip |\n",
        "# Backlog\n\n> > | Epic | Status |\n> > |-|-|\n> > | a | todo |\n",
        "# Backlog\n\n   | Epic | Status |\n   |-|-|\n   | a |\ttodo\t|  \n",
        "# Backlog\n\n| Epic | Status |\n| a | todo |\n",
        "# Backlog\n\n| Epic | Status |\n|-|-|\n| b | wip |\n\n| a | todo |\n",
        "# Backlog\n\n| Epic | Status | Note |\n|-|-|-|\n| a | todo | x | y |\n",
        "---\ntitle: x\n---\n# Backlog\n\n| Epic | Status |\n|-|-|\n| a | todo |",
    ],
    ids=[
        "bare",
        "in a list",
        "a list itself",
        "quoted",
        "twice",
        "tabs",
        "no rule",
        "cut",
        "excess",
        "front",
    ],
)
def test_tables_as_people_write_them(text: str) -> None:
    """Without outer bars, nested, quoted, cut in two or without a rule: the one word is found."""
    assert written(text, "a", "done")[1] == text.replace("todo", "done")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_line_ends_stay(end: str, last: str) -> None:
    """CRLF, LF or CR, mixed or not, and a file without a final newline keep every byte."""
    text = BOARD.replace("\n", end).rstrip() + (end if last else "")
    mixed = text.replace("Backlog" + end, "Backlog\r\n")
    for one in (text, mixed, "\ufeff" + mixed):
        assert written(one, "sprint-1/wells", "done")[1] == one.replace(
            "Kai | 🟥 Not Started", "Kai | 🟩 Complete"
        )


def test_bytes_that_are_no_text_stay() -> None:
    """Invalid UTF-8 and broken characters elsewhere in the file and in the row are kept as they are."""
    raw = (
        BOARD.encode()
        .replace(b"pump", b"p\xff\xfe\xed\xa0\x80mp")
        .replace(b"Orchard", b"Or\xc3chard \xef\xbf\xbd")
    )
    edit = propose(raw, "orchard.md", "sprint-1/wells", "done")
    assert rewritten(raw, edit) == raw.replace("Kai | 🟥 Not Started".encode(), "Kai | 🟩 Complete".encode())


def test_a_banner_of_two_thousand_lines_costs_nothing() -> None:
    """What stands before the table moves nothing."""
    text = "🟩 Café\n" * 2000 + BOARD
    edit, after = written(text, "sprint-1/wells", "done")
    assert (edit.line, after) == (2011, "🟩 Café\n" * 2000 + written(BOARD, "sprint-1/wells", "done")[1])


def lined_up(*rows: tuple[str, str]) -> str:
    return "# Backlog\n\n" + "".join(f"| {epic} | {status} |\n" for epic, status in rows)


def test_bars_stay_in_line_where_the_text_fits() -> None:
    """In a table whose bars stand in line a shorter text gets more space, a longer one less."""
    head = (("Epic", "Status        "), ("----", "--------------"))
    text = lined_up(*head, ("a   ", "🟥 Not Started"), ("b   ", "🟩 Done       "))
    assert written(text, "a", "done")[1] == text.replace("🟥 Not Started", "🟩 Done       ")
    assert written(text, "b", "not_started")[1] == text.replace("🟩 Done       ", "🟥 Not Started")


def test_a_table_may_count_its_letters() -> None:
    """Where an editor counted an emoji as one column, the bars stay where it put them."""
    states = ("🟥 Not Started", "🟩 Done".ljust(13))
    text = lined_up(
        ("Epic", "Status".ljust(13)), ("----", "-" * 13), ("a   ", states[0]), ("b   ", states[1])
    )
    assert written(text, "a", "done")[1] == text.replace(*states)


def test_text_at_the_right_stays_there() -> None:
    """In a column that is set to the right the space before the text changes."""
    text = lined_up(
        ("Epic", "     Status"), ("----", "----------:"), ("a   ", "Not Started"), ("b   ", "       Done")
    )
    assert written(text, "a", "done")[1] == text.replace("Not Started", "       Done")


def test_a_text_that_is_too_long_is_written_all_the_same() -> None:
    """No text is cut for the sake of a bar."""
    text = lined_up(("Epic", "Status"), ("----", "------"), ("a   ", "Done  "), ("b   ", "Todo  "))
    assert "| a    | Blocked |\n" in written(text, "a", "blocked")[1]


@pytest.mark.parametrize(
    ("cell", "status", "after"),
    [
        ("[ ] Not started", "in_progress", "In progress"),
        ("[x] Done", "blocked", "Blocked"),
        ("🟥 [ ] Not started", "in_progress", "🟧 In progress"),
        ("[x] Done", "not_started", "[ ] Not Started"),
    ],
)
def test_a_box_beside_a_word_does_not_say_it_twice(cell: str, status: str, after: str) -> None:
    """A box has no form for work under way: then the word says it alone."""
    assert written(table(cell), "a", status)[0].after == after


def test_tables_without_order_get_no_space() -> None:
    """Where bars do not stand in line only the text changes."""
    text = table("🟥 Not Started", "🟩 Done")
    assert written(text, "a", "done")[1] == text.replace("🟥 Not Started", "🟩 Done")
    assert written("# B\n|Epic|Status|\n|-|-|\n|a|todo|\n", "a", "done")[1].endswith("|a|done|\n")
    assert written("# B\n|Epic|Status|\n|-|-|\n|a||\n", "a", "done")[1].endswith("|a| Done |\n")


@pytest.mark.parametrize(
    ("text", "item", "reason", "remedy"),
    [
        (table("todo"), "zz", "no card zz", "read"),
        (BOARD, "sprint-1/well", "no card", "did you mean sprint-1/wells?"),
        (table("todo") + "| a | done |\n", "a", "lines 5 and 6", "rename"),
        ("# Backlog\n| Epic | Owner |\n|-|-|\n| a | Ada |\n", "a", "no column for a status", "add one"),
        ("# Backlog\n| Epic | Status |\n|-|-|\n| a |\n", "a", "ends before its status", "add the cell"),
        ("# Backlog\n\0\n| Epic | Status |\n|-|-|\n| a | todo |\n", "a", "no UTF-8 text", "UTF-8"),
    ],
)
def test_what_cannot_be_written_is_refused_in_words(text: str, item: str, reason: str, remedy: str) -> None:
    """An unknown card, two of one name, no cell: why, and what to do."""
    with pytest.raises(CannotWrite) as caught:
        written(text, item, "done")
    assert reason in caught.value.reason
    assert remedy in caught.value.remedy


def test_no_status_is_refused() -> None:
    """Words that are no status are not written into anybody's file."""
    for status in ("", "unknown", "soon", "🎉"):
        with pytest.raises(CannotWrite, match="is no status"):
            written(BOARD, "sprint-1/wells", status)


@pytest.mark.parametrize("status", ["done", "Done", "completed", "✅", "[x]", "100%", "merged"])
def test_any_spelling_of_a_status_means_it(status: str) -> None:
    """However it is asked for, it is written as the file does."""
    assert written(BOARD, "sprint-1/wells", status)[0].after == "🟩 Complete"


def test_what_it_says_already_is_not_written_again() -> None:
    """There is nothing to change, and that is said."""
    with pytest.raises(SaysSoAlready, match="already"):
        written(BOARD, "sprint-1/wells", "not started")


def test_a_card_that_moved_meanwhile_is_refused() -> None:
    """A cell that no longer says what was seen is not overwritten."""
    assert written(BOARD, "sprint-1/wells", "done", seen="🟥 Not Started")
    with pytest.raises(CannotWrite, match="not '🟧 In Progress' any more"):
        written(BOARD, "sprint-1/wells", "done", seen="🟧 In Progress")


def test_an_edit_fits_only_the_file_it_was_made_for() -> None:
    """One changed byte anywhere refuses the edit, and says what to do."""
    raw = BOARD.encode()
    edit = propose(raw, "orchard.md", "sprint-1/wells", "done")
    with pytest.raises(CannotWrite, match="has changed") as caught:
        rewritten(raw + b" ", edit)
    assert "look at the card again" in caught.value.remedy
    with pytest.raises(CannotWrite, match="does not say"):
        rewritten(raw, replace(edit, start=edit.start + 1))


def test_an_edit_made_twice_is_refused() -> None:
    """The second time the file is another one."""
    raw = BOARD.encode()
    edit = propose(raw, "orchard.md", "sprint-1/wells", "done")
    with pytest.raises(CannotWrite):
        rewritten(rewritten(raw, edit), edit)


def test_ids_that_depend_on_other_documents() -> None:
    """A squad that another document declares changes what a card is called; with it the card is found."""
    text = "# Backlog\n| Squad / Sprint | Epic | Status |\n|-|-|-|\n| Pickers | Ladders | todo |\n"
    known = Known(squads=("Pickers",))
    edit = propose(text.encode(), "orchard.md", "ladders", "done", known=known)
    assert rewritten(text.encode(), edit).decode() == text.replace("todo", "done")


LIST = """# Backlog

## Sprint 7 — Fog
- [x] **Horn** — Owner: Mara — loud
- [ ] **Bell** — Owner: Jon
- **Lamp** (Owner: Jon): 60%
- [ ] **Rope** — **In Progress** — wet
  and long
- **Oil** — In Progress; the oil in progress
"""


@pytest.mark.parametrize(
    ("item", "status", "old", "new"),
    [
        ("horn", "todo", "[x] **Horn", "[ ] **Horn"),
        ("bell", "done", "[ ] **Bell", "[x] **Bell"),
        ("lamp", "done", "60%", "Done"),
        ("lamp", "blocked", "60%", "Blocked"),
        ("rope", "done", "**In Progress**", "**Done**"),
        ("oil", "blocked", "— In Progress;", "— Blocked;"),
    ],
)
def test_cards_of_a_list(item: str, status: str, old: str, new: str) -> None:
    """A box is ticked or a word exchanged, and nothing else in the list."""
    assert written(LIST, f"sprint-7/{item}", status)[1] == LIST.replace(old, new)


def test_a_box_cannot_say_everything() -> None:
    """A lone checkbox has no place for a third state; what to add is said."""
    with pytest.raises(CannotWrite, match="only a checkbox") as caught:
        written(LIST, "sprint-7/bell", "in progress")
    assert "In Progress" in caught.value.remedy


def test_the_same_document_but_for_that_status(harbour_files: list[tuple[str, str]]) -> None:
    """Every card of the harbour, to every status: read again, all else is the same, byte and meaning."""
    done = 0
    for path, text in harbour_files:
        before = read(text, path)
        for number, item in enumerate(before.items):
            for status in COLUMNS:
                try:
                    edit = propose(text.encode(), path, item.id, status)
                except SaysSoAlready:
                    continue
                except CannotWrite as problem:
                    if "rename" not in problem.remedy:
                        raise
                    continue
                after = rewritten(text.encode(), edit).decode()
                changed = read(after, path)
                assert changed.items[number].status == status
                assert without(changed, number) == without(before, number)
                assert text.replace(text.split("\n")[edit.line - 1], "") == after.replace(
                    after.split("\n")[edit.line - 1], ""
                )
                done += 1
    assert done > 20


PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "🟥",
                "🟧",
                "🟨",
                "🟩",
                "🟡",
                "✅",
                "🛑",
                "\ufffd",
                "🎉",
                "**",
                "`",
                "(",
                ")",
                " – ",
                ": ",
                ", ",
                "\\|",
            ),
            *("Not Started", "todo", "In Progress", "wip", "blocked by Ada", "Done", "complete", "merged"),
            *(
                "60%",
                "100 %",
                "0%",
                "[ ]",
                "[x]",
                "see [log](l.md)",
                "not",
                "café",
                "cross-squad",
                "<br>",
                "~~",
            ),
        ]
    ),
    max_size=5,
)
CELLS = st.builds(" ".join, PIECES) | st.text(
    st.characters(exclude_characters="\r\n\0|", codec="utf-8"), max_size=12
)


@settings(max_examples=150, deadline=None)
@given(
    cells=st.lists(CELLS, min_size=1, max_size=6),
    status=st.sampled_from(COLUMNS),
    end=st.sampled_from(["\n", "\r\n"]),
    wide=st.booleans(),
)
def test_any_cell_of_any_table(cells: list[str], status: str, end: str, wide: bool) -> None:
    """Whatever stands in a column, one cell changes or none, and the document reads the same but for it."""
    width = max(len(one) for one in cells) if wide else 0
    rows = [f"| epic {n} | {one.ljust(width)} | Ada |" for n, one in enumerate(cells)]
    text = end.join(["# Backlog", "", "| Epic | Status | Owner |", "|-|-|-|", *rows, "", "Done."])
    raw = text.encode()
    before = read(text, "b.md")
    if len(before.items) != len(cells):
        return
    try:
        edit = propose(raw, "b.md", "epic-0", status)
    except CannotWrite:
        return
    changed = rewritten(raw, edit)
    assert changed[: edit.start] == raw[: edit.start]
    assert changed[len(changed) - len(raw) + edit.end :] == raw[edit.end :]
    after = read(changed.decode(), "b.md")
    assert after.items[0].status == status
    assert "X008" not in [lint.code for lint in after.lints if lint.line == after.items[0].line]
    assert without(after, 0) == without(before, 0)


@settings(max_examples=150, deadline=None)
@given(
    cells=st.lists(
        st.sampled_from(["🟥 Not Started", "🟧 In Progress", "🟩 Complete", "🛑 Blocked"]), max_size=5
    ),
    status=st.sampled_from(COLUMNS),
)
def test_a_tidy_column_stays_tidy(cells: list[str], status: str) -> None:
    """A column of glyphs and words has nothing else in it afterwards."""
    text = table("🟧 In Progress" if status != "in_progress" else "🟥 Not Started", *cells)
    after = written(text, "a", status)[0].after
    glyph, _, word = after.partition(" ")
    assert read_status(glyph).status == read_status(word).status == status
    if status in {read_status(one).status for one in cells}:
        assert after in cells


def test_the_reader_finds_what_was_written(tmp_path: Path) -> None:
    """Through a file and back: what is on disk is what was proposed."""
    path = tmp_path / "orchard.md"
    path.write_bytes(BOARD.encode())
    edit = propose(path.read_bytes(), path.name, "sprint-1/drains", "blocked")
    path.write_bytes(rewritten(path.read_bytes(), edit))
    (drains, wells) = read(path.read_text(encoding="utf-8"), path.name).items
    assert (drains.status, drains.status_text, wells.status) == ("blocked", "🛑 Blocked", "not_started")


@pytest.mark.parametrize(
    "own", ["done " * 4000, "🟧 " * 4000, "( " * 4000 + "done", "**" * 4000 + "done", "60% " * 4000]
)
def test_a_cell_as_long_as_a_book(own: str) -> None:
    """Whatever is repeated in a cell, and in the cells around it, the answer is there in a moment."""
    began = time.process_time()
    with contextlib.suppress(CannotWrite):
        written(table(own, own, "🟥 Not Started"), "a", "blocked")
    assert time.process_time() - began < 5
