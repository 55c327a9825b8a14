"""A Markdown text as sections of blocks, each with its line, as people really write them.

The banner (or anything else) may stand before the first heading, ``-## Heading`` is a heading, a short
caption above a list is one too, tables may lack their rule or be cut in two by an empty line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

from controlroom.documents.cells import Span, is_rule, row_spans, texts
from controlroom.domain.frozen import dataclass

CHARACTERS_LIMIT = 4 * 1024 * 1024
"""Largest text that is read, in characters (of a file: bytes)."""

NESTING_LIMIT = 60
"""Levels of lists and quotes that are followed; what lies deeper is kept as it stands."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list. `box` is None where there is no checkbox."""

    text: str
    line: int
    ordered: bool = False
    box: bool | None = None
    children: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, ordered or not."""

    entries: tuple[Entry, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of one table row, as many as the header has; `excess` are those beyond."""

    cells: tuple[str, ...]
    line: int
    raw: str = ""
    excess: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    """Where the cells that are written lie in `raw`, from bar to bar."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; every row has as many cells as the header."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    line: int
    head: Row | None = None
    """The header as it is written."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`detached`: a rule stands between it and what is above, as above a document's closing remarks."""

    text: str
    line: int
    detached: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """Code, fenced or indented; nothing in it is read."""

    text: str
    line: int


Block = Listing | Table | Paragraph | Code


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what follows it up to the next one. Level 0 is what stands before the first."""

    title: str
    level: int
    line: int
    blocks: tuple[Block, ...] = ()
    parents: tuple[str, ...] = ()
    """Titles of the headings around it, outermost first; the document's own title is none of them."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A document as its sections."""

    sections: tuple[Section, ...]
    front: Mapping[str, str] = field(default_factory=dict)
    """``key: value`` lines between two ``---`` before the first heading."""
    lines: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The first heading, of any level."""
        return next((section.title for section in self.sections if section.level), "")

    @property
    def before(self) -> str:
        """What stands before the first heading, as one text; the front matter does not count."""
        end = next((section.line for section in self.sections if section.level), len(self.lines) + 1)
        return "\n".join(self.lines[: end - 1]).strip()


_NEWLINES = re.compile(r"\r\n?")
_STRAY = re.compile(r"^ {0,3}[-+*–—]\s?(?=#{2,6}\s)")
_TIGHT = re.compile(r"^( {0,3}#{2,6})(?=[^\s#])")
_FENCE = re.compile(r"^\s*(?:[-*+]\s+)?(`{3,}|~{3,})")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s")
_KEY = re.compile(r"^([A-Za-z][\w .-]{0,60}):(?:\s+(.*))?$")
_BOX = re.compile(r"^\[([ xX✓✔])\]\s+")
_BOLD_LINE = re.compile(r"^\*\*[^*\n]+\*\*:?$|^__[^_\n]+__:?$")
_PLAIN_LINE = re.compile(r"^[^.!?;:|`*\n]{1,60}:?$")
_LEVEL_OF_CAPTION = 7


def outline(text: str) -> Outline:
    """The sections of `text`. Any text has some: this never raises for what is in it.

    Raises ValueError, with the remedy, for a text longer than `CHARACTERS_LIMIT`.
    """
    if len(text) > CHARACTERS_LIMIT:
        raise ValueError(
            f"{len(text):,} characters, more than {CHARACTERS_LIMIT:,} are not read: split the document"
        )
    lines = _NEWLINES.sub("\n", text.removeprefix("\ufeff")).replace("\x00", "").split("\n")
    lines = list(_mended(lines))
    lines, front = _without_front(lines)
    return Outline(_sections(lines), front, tuple(lines))


def _mended(lines: Sequence[str]) -> Iterator[str]:
    """Headings that a stray dash or a missing space would hide, outside of code."""
    fence = ""
    for line in lines:
        if fence:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif found := _FENCE.match(line):
            fence = found[1]
        else:
            yield _TIGHT.sub(r"\1 ", _STRAY.sub("", line))
            continue
        yield line


def _without_front(lines: list[str]) -> tuple[list[str], dict[str, str]]:
    """Front matter may follow a banner. Its lines become empty ones, so that all others keep their number."""
    for number, line in enumerate(lines[:50]):
        if _HEADING.match(line):
            break
        if line.rstrip() != "---":
            continue
        end = next(
            (n for n in range(number + 1, min(number + 60, len(lines))) if lines[n].rstrip() == "---"), 0
        )
        body = lines[number + 1 : end] if end else []
        keys = [found for found in map(_KEY.match, body) if found]
        if keys and all(_KEY.match(b) or not b.strip() or b.startswith((" ", "\t", "- ", "#")) for b in body):
            front = {found[1].strip().casefold(): (found[2] or "").strip().strip("'\"") for found in keys}
            return [*lines[:number], *[""] * (end + 1 - number), *lines[end + 1 :]], front
    return lines, {}


def _sections(lines: Sequence[str]) -> tuple[Section, ...]:
    parser = MarkdownIt("commonmark", {"maxNesting": NESTING_LIMIT}).enable("table").disable("inline")
    tokens = parser.parse("\n".join(lines))
    builder = _Builder(lines)
    for token in tokens:
        builder.take(token)
    return builder.finish()


class _OpenEntry:
    """A list entry while its parts are still arriving."""

    def __init__(self, line: int, ordered: bool) -> None:
        self.line, self.ordered = line, ordered
        self.texts: list[str] = []
        self.children: list[Entry] = []

    def closed(self) -> Entry:
        text = "\n".join(self.texts)
        found = _BOX.match(text)
        box = None if found is None else found[1] != " "
        return Entry(
            text[found.end() :] if found else text, self.line, self.ordered, box, tuple(self.children)
        )


class _Builder:
    """Takes the parser's tokens one by one; holds no recursion, so depth cannot break it."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._done: list[Section] = []
        self._current = Section("", 0, 1)
        self._blocks: list[Block] = []
        self._open: list[_OpenEntry] = []
        self._ordered: list[bool] = []
        self._top: list[Entry] = []
        self._table: tuple[list[Row], int] | None = None
        self._heading: tuple[int, int] | None = None
        self._ruled = False
        self._seen = bytearray(len(lines) + 1)

    def take(self, token: Token) -> None:
        kind, line = token.type, (token.map or [0])[0] + 1
        if token.map and kind in {"inline", "fence", "code_block", "html_block", "table_open", "hr"}:
            self._seen[token.map[0] : token.map[1]] = b"\x01" * (token.map[1] - token.map[0])
        if kind in {"bullet_list_open", "ordered_list_open"}:
            self._ordered.append(kind == "ordered_list_open")
        elif kind in {"bullet_list_close", "ordered_list_close"}:
            self._ordered.pop()
            if not self._ordered and self._top:
                self._blocks.append(Listing(tuple(self._top), self._top[0].line))
                self._top = []
        elif kind == "list_item_open":
            self._open.append(_OpenEntry(line, self._ordered[-1]))
        elif kind == "list_item_close":
            entry = self._open.pop().closed()
            (self._open[-1].children if self._open else self._top).append(entry)
        elif kind == "heading_open":
            self._heading = (int(token.tag[1:]), line)
        elif kind == "heading_close":
            self._heading = None
        elif kind == "table_open":
            self._table = ([], line)
        elif kind == "tr_open" and self._table and token.map:
            self._table[0].append(_row(self._lines[token.map[0]], token.map[0] + 1))
        elif kind == "table_close":
            self._close_table()
        elif kind == "inline" and self._table is None:
            self._text(token.content, line)
        elif kind in {"fence", "code_block"}:
            self._add(Code(token.content.rstrip("\n"), line))
        elif kind == "hr" and not self._open:
            self._ruled = bool(self._blocks)
        elif kind == "html_block":
            self._html(token.content, line)

    def finish(self) -> tuple[Section, ...]:
        self._rest()
        self._close_section()
        return tuple(_with_parents(_with_captions(self._done)))

    def _text(self, content: str, line: int) -> None:
        if self._heading is not None and not self._open:
            self._close_section()
            self._ruled = False
            self._current = Section(content.strip().strip("#").strip(), self._heading[0], self._heading[1])
        elif self._open:
            self._open[-1].texts.append(content)
        elif piped := _piped(content, line, self._previous_table()):
            self._blocks[len(self._blocks) - piped[1] :] = [piped[0]]
        else:
            self._blocks.append(Paragraph(content, line, self._ruled))

    def _previous_table(self) -> Table | None:
        previous = self._blocks[-1] if self._blocks else None
        return previous if isinstance(previous, Table) else None

    def _add(self, block: Code) -> None:
        if self._open:
            self._open[-1].texts.append(block.text)
        else:
            self._blocks.append(block)

    def _html(self, content: str, line: int) -> None:
        visible = re.sub(r"<!--.*?(?:-->|\Z)", "", content, flags=re.DOTALL).strip()
        if re.sub(r"<[^<>]*>", "", visible).strip():
            self._text(visible, line) if self._heading is None else None

    def _close_table(self) -> None:
        assert self._table is not None
        rows, line = self._table
        self._table = None
        if rows:
            self._blocks.append(_table(rows, line))

    def _close_section(self) -> None:
        if self._current.level or self._blocks:
            self._done.append(replace(self._current, blocks=tuple(self._blocks)))
        self._blocks = []

    def _rest(self) -> None:
        """Lines the parser left out because they are nested too deep."""
        for number, line in enumerate(self._lines):
            if not self._seen[number] and any(c.isalnum() for c in line) and not _quiet(line):
                self._blocks.append(Paragraph(line.strip(), number + 1))


def _quiet(line: str) -> bool:
    """Lines that mean nothing by themselves: a fence, a link definition."""
    return bool(_FENCE.match(line) or re.match(r"^\s*\[[^\]]+\]:\s", line))


def _row(line: str, number: int) -> Row:
    raw = line.strip()
    spans = tuple(row_spans(raw))
    return Row(tuple(texts(raw, spans)), number, raw, (), spans)


def _table(rows: Sequence[Row], line: int) -> Table:
    header = rows[0].cells
    return Table(header, tuple(_fitted(row, len(header)) for row in rows[1:]), line, rows[0])


def _fitted(row: Row, columns: int) -> Row:
    cells, spans = row.cells, row.spans
    if len(cells) > columns:
        by_code = tuple(row_spans(row.raw, respect_code=True))
        if len(by_code) == columns:
            cells, spans = tuple(texts(row.raw, by_code)), by_code
    padded = (*cells, *[""] * (columns - len(cells)))
    return replace(row, cells=padded[:columns], excess=cells[columns:], spans=spans)


def _piped(content: str, line: int, previous: Table | None) -> tuple[Table, bool] | None:
    """A table that lacks its rule, or `previous` with the rest that an empty line cut off (then True).

    None for anything else.
    """
    lines = content.split("\n")
    if not all(part.lstrip().startswith("|") and part.count("|") > 1 for part in lines):
        return None
    rows = [_row(part, line + n) for n, part in enumerate(lines) if not is_rule(part)]
    ruled = len(lines) > 1 and is_rule(lines[1])
    if previous is not None and not ruled:
        more = tuple(_fitted(row, len(previous.header)) for row in rows)
        return replace(previous, rows=previous.rows + more), True
    return (_table(rows, line), False) if len(rows) > 1 else None


def _with_captions(sections: Sequence[Section]) -> Iterator[Section]:
    """A bold line, or a short line just above a list, opens a section of its own below the heading."""
    for section in sections:
        if not section.level:
            yield section
            continue
        current, blocks = section, list[Block]()
        for number, block in enumerate(section.blocks):
            following = section.blocks[number + 1] if number + 1 < len(section.blocks) else None
            if isinstance(block, Paragraph) and _is_caption(section, block, following):
                yield replace(current, blocks=tuple(blocks))
                title = block.text.strip().strip("*_").rstrip(":").strip("*_ ")
                current, blocks = Section(title, _LEVEL_OF_CAPTION, block.line), []
            else:
                blocks.append(block)
        yield replace(current, blocks=tuple(blocks))


def _is_caption(section: Section, block: Paragraph, following: Block | None) -> bool:
    """A bold line counts anywhere; a plain one only where the document uses no headings but its title."""
    text = block.text.strip()
    close = isinstance(following, Listing | Table) and following.line - block.line <= 2
    return close and bool(_BOLD_LINE.match(text) or (section.level == 1 and _PLAIN_LINE.match(text)))


def _with_parents(sections: Iterable[Section]) -> Iterator[Section]:
    stack: list[Section] = []
    title: Section | None = None
    for section in sections:
        while stack and stack[-1].level >= section.level:
            stack.pop()
        title = title or (section if section.level == 1 else None)
        yield replace(section, parents=tuple(s.title for s in stack if s.level and s is not title))
        stack.append(section)
