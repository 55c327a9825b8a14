"""Foreign text in Markdown reads as it was written, wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from controlroom.domain.text import clean
from controlroom.reports.markdown import code, inline, plain, table

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PIECES = (*"ab1 .)#-+*_`~<>|[]()!&;\\=:/@\"'\n", "amp", "http://", "\u202e", "é")
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")


def shown(tokens: Sequence[Token]) -> str:
    """What a reader sees of a line; anything but text and code is named."""
    kinds = {"text", "code_inline"}
    return "".join(one.content if one.type in kinds else f"<{one.type}>" for one in tokens)


def without_ticks(text: str) -> str:
    """`text` as it is read: of a code span, the code."""

    def span(found: re.Match[str]) -> str:
        inner = found[2]
        return inner[1:-1] if inner[0] == inner[-1] == " " and inner.strip() else inner

    return CODE.sub(span, text)


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_any_text_reads_as_it_was_written(text: str) -> None:
    """In a list item and in a cell, it is no heading, list, table, tag, link or emphasis."""
    wanted = clean(text).strip()
    if not wanted:
        return
    tokens = READER.parse(f"- {inline(text)}\n\n" + "\n".join(table(["head"], [[inline(text)]])))
    kinds = [token.type for token in tokens]
    assert kinds[:4] == ["bullet_list_open", "list_item_open", "paragraph_open", "inline"]
    assert kinds.count("td_open") == 1
    assert len(kinds) == 23
    item = next(token for token in tokens if token.type == "inline")
    assert shown(item.children or []) == without_ticks(wanted)


@pytest.mark.parametrize(
    "text", ["policy_engine is at 80 %", "Buy paper, now.", "`policy.decisions` has traffic", "2 * 3 < 7"]
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    """The file is read as it is, too: what changes nothing is not escaped."""
    assert inline(text) == text


@given(st.text(alphabet="ab` |", min_size=1, max_size=8).filter(str.strip))
def test_a_name_stands_between_as_many_backticks_as_it_needs(text: str) -> None:
    """A file's name with backticks in it is one code span with that name."""
    (paragraph,) = (token for token in READER.parse(f"x {code(text)}") if token.type == "inline")
    spans = [token.content for token in paragraph.children or [] if token.type == "code_inline"]
    assert [" ".join(span.split()) for span in spans] == [" ".join(text.split())]


def test_a_chat_is_not_called_together() -> None:
    """What somebody wrote mentions a person, never a whole channel."""
    assert plain("@channel ask @ada\nnow") == "@ channel ask @ada now"
