"""Foreign text is cleaned once, where it enters, and is plain text ever after."""

from __future__ import annotations

import unicodedata

LINE_LIMIT = 2_000
"""Longest text kept from one foreign field, in characters."""

COMBINING_LIMIT = 4
"""Combining marks kept on one base character; more are a rendering attack, not a language."""

_REPLACEMENT = "\ufffd"
_WHITESPACE = {"\t", "\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"}
_JOINERS = {"\u200d", "\u200c", "\ufe0f", "\ufe0e"}


def clean(text: object, limit: int = LINE_LIMIT, *, newlines: bool = False) -> str:
    """`text` as one harmless line: safe for a terminal, a table cell and a report.

    Control characters (C0, C1, ESC and so every escape sequence's introducer), bidi controls,
    private-use and unassigned characters are dropped; whitespace controls become a space (or stay a
    newline with `newlines`); runs of combining marks are capped; more than `limit` characters end in
    an ellipsis. Emoji joiners and variation selectors stay, as they carry meaning in status cells.
    """
    raw = text if isinstance(text, str) else str(text)
    if raw.isascii() and raw.isprintable() and len(raw) <= limit:
        return raw
    kept: list[str] = []
    marks = 0
    for character in raw[: limit * 4]:
        if character in _WHITESPACE:
            marks = 0
            kept.append("\n" if newlines and character == "\n" else " ")
        elif character in _JOINERS or character == _REPLACEMENT:
            kept.append(character)
        elif unicodedata.combining(character):
            marks += 1
            if marks <= COMBINING_LIMIT:
                kept.append(character)
        elif character.isprintable():
            marks = 0
            kept.append(character)
    result = "".join(kept)
    return result if len(result) <= limit else result[: limit - 1] + "…"


def slug(text: str) -> str:
    """`text` as an identifier: lower case, words joined by single underscores, ASCII where it can be.

    >>> slug("Policy & Orchestration")
    'policy_orchestration'
    """
    folded = unicodedata.normalize("NFKD", text).casefold()
    words = "".join(c if c.isalnum() else " " for c in folded if not unicodedata.combining(c)).split()
    return "_".join(words)


def dashed(text: str) -> str:
    """`text` as an identifier joined by dashes, as item ids are: ``Policy Engine`` → ``policy-engine``."""
    return slug(text).replace("_", "-")
