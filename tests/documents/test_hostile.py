"""Input that nobody should write, and somebody will."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.documents.outline import CHARACTERS_LIMIT, outline
from controlroom.documents.propose import propose
from controlroom.documents.read import read, read_all
from controlroom.domain.documents import Document
from controlroom.headless.document_shapes import as_json

PIECES = (
    "# ", "## ", "- ", "1. ", "**", "`", "|", "\n", "\n\n", "\t", "[x] ", "[ ] ", "Week 1 Day 3",
    "Weeks 1–2", "2026-03-02", " → ", " — ", ": ", "✅", "🟥", "\ufffd", "In Progress", "Wave A", "Sprint-2",
    "Milestones", "Rituals", "Timeline", "(Mon/Thu 11:00 PT)", "daily", "Ada", "(", ")", "<br>", "\n---\n",
    "Oct 8", "Feb 30", "\n| --- | --- |\n", "\n| Squad | Charter | Focus |\n", "> ", "<!--", "\n```\n", "~~",
    "\n| Sprint | Epic | Owner | Status |\n", "_", "\\", "&amp;", "Blockers", "Risks", "Mission", "Charter",
    "\x1b[31m", "\u202e", "\x00",
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=80).map("".join),
    st.sampled_from(
        ["a.md", "status/2026-03-04.md", "Sprint-3.md", "charter.md", "schedule.md", "backlog.md"]
    ),
)
def test_any_text_can_be_read_shown_and_proposed_from(text: str, path: str) -> None:
    """Whatever is in a file, reading it never raises, and what comes of it is clean JSON with real lines."""
    document = read(text, path)
    shown = json.dumps(as_json([document]), ensure_ascii=False, allow_nan=False)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    count = len(outline(text).lines)
    assert all(1 <= line <= count for line in _lines(as_json([document])))
    propose([document])


def _lines(value: object) -> list[int]:
    if isinstance(value, dict):
        own = [value["line"]] if isinstance(value.get("line"), int) else []
        return own + [line for inner in value.values() for line in _lines(inner)]
    return [line for inner in value for line in _lines(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    "text",
    [
        ">" * 50_000,
        "- " * 20_000 + "x",
        "\n".join("  " * depth + f"- level {depth}" for depth in range(400)),
        "[" * 50_000,
        "**a " * 20_000,
        "`" * 20_000 + " x " * 100,
        "| a " * 3_000 + "|\n" + "|---" * 3_000 + "|\n",
        "## Timeline\n- **Wave A (" + "Weeks 1–2 " * 10_000 + ")**: x",
        "## Milestones\n- " + "2026-03-02 → " * 10_000,
        "## Rituals\n- **" + "Mon/" * 10_000 + " 09:00**",
        "| Epic | Owner | Status |\n|-|-|-|\n|x|" + "A (B) + " * 10_000 + "|" + "not " * 10_000 + "|",
        "|\n" * 20_000,
        "---\n" * 10_000,
        "<!--" * 10_000,
        "- " + "[a](b) " * 10_000,
        "&amp;" * 20_000,
        "\\" * 50_000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    """Text made to be slow is read in a few seconds at most, however it is nested or repeated."""
    began = time.perf_counter()
    read(text, "x.md")
    assert time.perf_counter() - began < 10


def test_what_is_nested_too_deeply_is_kept() -> None:
    """Depth has a limit; what lies below it is listed, not lost."""
    text = "# x\n" + "\n".join("  " * depth + f"- level {depth}" for depth in range(200))
    shown = json.dumps(as_json([read(text, "x.md")]))
    assert all(f"level {depth}" in shown for depth in (0, 40, 100, 199))


def test_a_text_that_is_too_long_is_refused_with_its_path() -> None:
    """More than the limit is an error that names the file and what to do."""
    with pytest.raises(ValueError, match=r"long\.md: .*split the document"):
        read_all([("long.md", "x" * (CHARACTERS_LIMIT + 1))])


@pytest.mark.parametrize("change", ["\r\n", "\r", "bom"])
def test_line_endings_and_marks_change_nothing(
    harbour_files: list[tuple[str, str]], harbour: Mapping[str, Document], banner: str, change: str
) -> None:
    """Windows and old Mac line endings and a byte order mark are read as if they were not there."""
    altered = [
        (path, "\ufeff" + text if change == "bom" else text.replace("\n", change))
        for path, text in harbour_files
    ]
    again = {document.path: document for document in read_all(altered, banner=banner)}
    assert as_json(again.values()) == as_json(harbour.values())


def test_nothing_is_dropped(harbour_files: list[tuple[str, str]], harbour: Mapping[str, Document]) -> None:
    """Every entry of a list and every row of a table is somewhere in what was read, by its line."""
    for path, text in harbour_files:
        shown = json.dumps(as_json([harbour[path]]), ensure_ascii=False)
        seen = set(_lines(as_json([harbour[path]])))
        for number, line in enumerate(text.split("\n"), 1):
            top_level = line.startswith(("- ", "| ", "1.", "2.", "3.", "4.")) and "---" not in line
            header_or_above = "Squad" in line[:9] or "Sprint |" in line or line.startswith("| | | W")
            silent = "None other" in line
            if top_level and not header_or_above and not silent:
                # What heads a nested list goes before each of its entries.
                assert number in seen or line.strip("-* ") in shown, f"{path}:{number} {line}"


def test_the_same_text_gives_the_same_reading(harbour_files: list[tuple[str, str]]) -> None:
    """Reading is a function of the text: twice is once."""
    assert read_all(harbour_files) == read_all(harbour_files)


def test_ten_thousand_cards_are_read_within_seconds() -> None:
    """A board of ten thousand rows is no burden."""
    rows = "".join(
        f"| Sprint-{n % 9} | Epic {n} | `metric_{n}_total` | Lead (A{n}) | 🟧 In Progress |\n"
        for n in range(10_000)
    )
    text = f"# Backlog\n\n| Sprint | Epic | Tasks | Owner | Status |\n|-|-|-|-|-|\n{rows}"
    began = time.perf_counter()
    assert len(read(text, "backlog.md").items) == 10_000
    assert time.perf_counter() - began < 15
