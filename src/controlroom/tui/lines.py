"""Putting lines together: cropping, padding and wrapping what keeps its meaning (`Span`) with its text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from controlroom.tui.rows import Line, Span, Style
from controlroom.tui.width import cell_width, crop, fit

BLANK: Line = ()


def text(*parts: str | Span | Line) -> Line:
    """A line of strings (plain style), spans and other lines, without the empty ones."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, str):
            spans.append(Span(part))
        elif isinstance(part, Span):
            spans.append(part)
        else:
            spans.extend(part)
    return tuple(span for span in spans if span.text)


def line_width(line: Line) -> int:
    """Terminal cells that `line` takes."""
    width = 0
    for text, _ in line:  # of every line that is drawn, several times over
        width += len(text) if text.isascii() else cell_width(text)
    return width


def crop_line(line: Line, width: int) -> Line:
    """`line` in at most `width` cells; the span that does not fit ends in … and the rest is left out."""
    if line_width(line) <= width:
        return line
    kept: list[Span] = []
    left = width
    for span in line:
        cells = cell_width(span.text)
        if cells < left:
            kept.append(span)
            left -= cells
            continue
        # A span that ends exactly at the edge also ends in …, as something follows it.
        kept.append(Span(crop(span.text + " …", left), span.style))
        break
    return tuple(span for span in kept if span.text)


def fit_line(line: Line, width: int, align: Literal["left", "right"] = "left") -> Line:
    """`line` in exactly `width` cells, cropped or padded."""
    cropped = crop_line(line, width)
    missing = width - line_width(cropped)
    if missing <= 0:
        return cropped
    blank = Span(" " * missing)
    return (blank, *cropped) if align == "right" else (*cropped, blank)


def column(value: str, width: int, style: Style = "text", align: Literal["left", "right"] = "left") -> Span:
    """One cell of a table: `value` in exactly `width` cells."""
    return Span(fit(value, width, align), style)


def join(parts: Iterable[Line], separator: Span | None = None) -> Line:
    """The parts that have text, with ` · ` (dim) between them."""
    between = Span(" · ", "dim") if separator is None else separator
    joined: list[Span] = []
    for part in parts:
        if not part:
            continue
        if joined:
            joined.append(between)
        joined.extend(part)
    return tuple(joined)


def wrap(line: Line, width: int, indent: int = 0) -> tuple[Line, ...]:
    """`line` over as many lines of at most `width` cells as it needs, broken between words.

    Lines after the first begin with `indent` blanks. A word longer than a line is cropped.
    """
    if line_width(line) <= width:
        return (line,)
    room = max(1, width)
    indent = min(indent, room // 2)
    done: list[Line] = []
    now: list[Span] = []
    used = 0
    for given in _words(line):
        word = given.text
        if now and used + cell_width(word.rstrip()) > room:
            done.append(tuple(now))
            now, used = ([Span(" " * indent)] if indent else []), indent
            word = word.lstrip()
        if used + cell_width(word) > room:
            word = crop(word.rstrip(), room - used)
        if word:
            now.append(Span(word, given.style))
            used += cell_width(word)
    if now:
        done.append(tuple(now))
    return tuple(done)


def _words(line: Line) -> Iterable[Span]:
    """The words of a line with the blanks that follow them."""
    for span in line:
        pending = ""
        for character in span.text:
            if pending.endswith(" ") and character != " ":
                yield Span(pending, span.style)
                pending = ""
            pending += character
        if pending:
            yield Span(pending, span.style)


def as_text(lines: Sequence[Line]) -> str:
    """Lines without their styles, as they are copied and tested."""
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)
