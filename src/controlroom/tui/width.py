"""How many terminal cells text takes, and making it take exactly as many as there are.

Measured with the same tables that the terminal library draws with, so columns stay straight with wide
characters, emoji and combining marks.
"""

from __future__ import annotations

from typing import Literal

from rich.cells import cell_len, split_graphemes

ELLIPSIS = "…"


def cell_width(text: str) -> int:
    """Terminal cells that `text` takes."""
    if text.isascii():
        return len(text)
    # With joiners the library's two measures differ; this is the one that text can be cut by.
    return split_graphemes(text)[1] if "\u200d" in text or "\ufe0f" in text else cell_len(text)


def crop(text: str, width: int) -> str:
    """`text` in at most `width` cells; what does not fit ends in …, never inside a character."""
    if width <= 0:
        return ""
    if cell_width(text) <= width:
        return text
    if text.isascii():
        return text[: width - 1].rstrip() + ELLIPSIS
    end = used = 0
    for _start, stop, cells in split_graphemes(text)[0]:
        if used + cells > width - 1:
            break
        end, used = stop, used + cells
    kept = text[:end].rstrip()
    # A joiner at the end would swallow the ellipsis; one that is alone has no width of its own.
    return kept.rstrip("\u200d\u200c\ufe0f\ufe0e") + ELLIPSIS if kept else ELLIPSIS


def fit(text: str, width: int, align: Literal["left", "right"] = "left") -> str:
    """`text` in exactly `width` cells, cropped or padded."""
    cropped = crop(text, width)
    blank = " " * (max(0, width) - cell_width(cropped))
    return blank + cropped if align == "right" else cropped + blank
