"""What a card names as the proof that it is done: in a column of its own, or as ``proof: `name` ``."""

from __future__ import annotations

import re

from controlroom.documents.inline import LENGTH_LIMIT, plain, unmarked
from controlroom.domain.text import clean

MOST = 20
"""Proofs of one card that are kept."""

_KIND = r"(?:metric|service|probe|(?:kafka )?topic|test)s?"
_NAME = rf"(?:(?P<kind>{_KIND})[: ]*)?(?<!`)(?P<marks>`+)(?P<name>[^`]{{1,200}})(?P=marks)"
_NAMED = re.compile(_NAME, re.IGNORECASE)
_LIST = re.sub(r"\(\?P<(?:kind|marks|name)>", "(?:", _NAME.replace("(?P=marks)", "`+"))
_WORD = re.compile(r"\b(?:proofs?|proven by|evidence|verified by)\b", re.IGNORECASE)
_SAID = re.compile(
    rf"{_WORD.pattern}\s*[:=]?\s*"
    rf"(?P<list>{_LIST}(?:\s*(?:,|;|&|\+|and)?\s*{_LIST})*)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\s*[,;]\s*|\s+(?:and|\+|&)\s+|\s*<br\s*/?>\s*", re.IGNORECASE)
_NONE = frozenset({"", "none", "n/a", "na", "tbd", "todo", "?"})


def proofs(cell: str, *texts: str) -> tuple[str, ...]:
    """The names in the proof column's `cell`, then those that `texts` call a proof, each once.

    In a cell whatever stands between commas is a name, unless something is in back-ticks: then only that is.
    A word before it that says what it is stays with it: ``topic orders.created``.
    """
    cell = cell[:LENGTH_LIMIT]
    named = _ticked(cell) or [plain(part) for part in _BETWEEN.split(cell)]
    for text in texts:
        if "`" in text and _WORD.search(text):
            for found in _SAID.finditer(unmarked(text)):
                named += _ticked(found["list"])
    kept = (clean(name, 200) for name in named if name.strip("-–— ").casefold() not in _NONE)
    return tuple(dict.fromkeys(kept))[:MOST]


def _ticked(text: str) -> list[str]:
    return [" ".join(filter(None, (f["kind"], f["name"].strip()))) for f in _NAMED.finditer(text)]
