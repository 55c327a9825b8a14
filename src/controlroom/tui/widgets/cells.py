"""Text that every terminal draws as wide as it is measured here.

Terminals disagree about emoji made of several characters (joined people, skin tones, flags, variation
selectors): some draw them as one, some as their parts, and every column after them shifts. Such a sequence
is reduced to its first character and blanks of the same width.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, split_graphemes

_SELECTORS = frozenset("\ufe0e\ufe0f\u200d\u200c")
_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_FLAGS = {0x1F1E6 + number: chr(ord("A") + number) for number in range(26)}
"""The letters that flags are made of; terminals differ in whether a pair of them is one character."""

_UNSURE = _SELECTORS | _TONES | frozenset(map(chr, _FLAGS))


def settle(text: str) -> str:
    """`text`, as wide as before, without sequences that terminals draw in different widths."""
    return text if text.isascii() else _settle(text)


@lru_cache(maxsize=4096)
def _settle(text: str) -> str:
    if _UNSURE.isdisjoint(text):
        return text
    lettered = text.translate(_FLAGS)
    return "".join(_one(lettered[start:end], cells) for start, end, cells in split_graphemes(lettered)[0])


def _one(grapheme: str, cells: int) -> str:
    if _UNSURE.isdisjoint(grapheme):
        return grapheme
    if cells < 2:
        # Joiners between letters: what they join stays, as it is text and no picture.
        return "".join(character for character in grapheme if character not in _UNSURE)
    return grapheme[0] + " " * (cells - cell_len(grapheme[0]))
