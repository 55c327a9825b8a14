"""Text inside a block: bold keys, links, code, and the same text without its marks."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from unicodedata import category

from controlroom.domain.frozen import dataclass
from controlroom.domain.text import LINE_LIMIT, clean

_LINK = re.compile(
    r"!?\[((?:[^\[\]]|\[[^\[\]]{0,200}\]){0,500})\]\(\s*<?([^()\s<>]{0,1000})>?(?:\s+[^()]{0,200})?\)"
)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.{1,300}?)(?<!`)\1(?!`)", re.DOTALL)
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.{1,500}?)(?<=\S)\1", re.DOTALL)
_EMPHASIS = re.compile(r"(?<![\w*_\\])([*_])(?=[^\s*_])([^*_\n]{1,300}?)(?<=\S)\1(?![\w*_])")
_STRUCK = re.compile(r"~~(.{1,300}?)~~")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")

_OPENING, _CLOSING = "([{", ")]}"
_SEPARATOR = re.compile(r"\s*(?::(?=\s|$)|\s[–—-]{1,3}(?=\s|$)|\s?—\s?)\s*")
_TOKEN = re.compile(rf"[`(\[{{)\]}}]|{_SEPARATOR.pattern}")
_ARROW = re.compile(r"\s*(?:→|=>|->)\s*")
LENGTH_LIMIT = 3 * LINE_LIMIT
"""Characters of one text that are looked at: marks take room, and what is shown is cut anyway."""

KEY_LIMIT = 160
"""Longest text before a separator that is still a key, in characters."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """``**Key (more)**: text``. `key` is empty where there is none; `mark` is a glyph that led it."""

    key: str
    text: str
    mark: str = ""
    bold: bool = False


_MARKS = re.compile(r"[`*_~\[<\\&\ue000\ue001]")


def unmarked(text: str) -> str:
    """`text` on one line without emphasis, link targets and escapes; code keeps its back-ticks."""
    if len(text) > LENGTH_LIMIT:
        shown = unmarked(text[:LENGTH_LIMIT])
        return shown if shown.endswith("…") else shown + "…"
    if not _MARKS.search(text):
        return clean(" ".join(text.split()))
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found[0])
        return f"\ue000{len(held) - 1}\ue001"

    text = _CODE.sub(hold, text.replace("\ue000", "").replace("\ue001", ""))
    text = _LINK.sub(lambda found: found[1], _BREAK.sub(" ", text))
    text = _EMPHASIS.sub(r"\2", _STRONG.sub(r"\2", _STRUCK.sub(r"\1", text)))
    text = html.unescape(_ESCAPE.sub(r"\1", text))
    text = re.sub("\ue000([0-9]+)\ue001", lambda found: held[int(found[1])], text)
    return clean(" ".join(text.split()))


def plain(text: str) -> str:
    """As `unmarked`, without back-ticks either."""
    shown = unmarked(text)
    return " ".join(shown.replace("`", "").split()) if "`" in shown else shown


def verbatim(text: str) -> str:
    """`text` as it is written, on one line."""
    return clean(" ".join(text.split()))


def code_spans(text: str) -> list[str]:
    """What stands between back-ticks, in order."""
    return [found[2].strip() for found in _CODE.finditer(text)]


def without_links(text: str) -> str:
    """`text` without its links, labels included."""
    return _LINK.sub("", text)


def link_target(text: str) -> str | None:
    """Where the first link in `text` leads."""
    found = _LINK.search(text)
    return clean(found[2]) if found and found[2] else None


@lru_cache(maxsize=4096)
def keyed(text: str) -> Keyed:
    """`text` cut into its key and the rest.

    A bold (or italic) beginning is the key, with parentheses that follow it; else what stands before the
    first ``: `` or spaced dash outside of parentheses and code.
    """
    mark, text = _mark(text[:LENGTH_LIMIT].strip())
    found = re.match(r"(\*\*\*|\*\*|__|\*|_)(?=\S)(.{1,400}?)(?<=\S)\1(?![\w*])", text, re.DOTALL)
    if found and _is_key(found, text):
        key, rest = found[2], text[found.end() :]
        more = re.match(r"\s*\([^()]*\)", rest)
        if more and not key.rstrip().endswith((":", "—", "–")):
            key, rest = key + " " + more[0].strip(), rest[more.end() :]
        cut = _SEPARATOR.match(rest) or _ARROW.match(rest)
        rest = rest[cut.end() :] if cut else rest.lstrip(" .,")
        return Keyed(plain(key).rstrip(":–— ").strip(), unmarked(rest), mark, bold=True)
    parted = _cut(text)
    if parted is None:
        return Keyed("", unmarked(text), mark)
    return Keyed(plain(text[: parted[0]]), unmarked(text[parted[1] :]), mark)


def _is_key(found: re.Match[str], text: str) -> bool:
    """Bold always; italics only before a separator, since whole remarks are set in italics."""
    if len(found[2]) > 2 * KEY_LIMIT:
        return False
    colon = found[2].rstrip().endswith(":") or bool(_SEPARATOR.match(text, found.end()))
    return len(found[1]) > 1 or (colon and found.end() < len(text.rstrip()))


def _mark(text: str) -> tuple[str, str]:
    """A glyph (or what is left of a broken one) before anything else."""
    end = 0
    while end < len(text) and (text[end] in "\ufffd\ufe0f\u200d" or category(text[end]) in {"So", "Sk"}):
        end += 1
    mark = text[:end]
    return ("", text) if "`" in mark or "^" in mark else (mark, text[end:].lstrip())


def _cut(text: str) -> tuple[int, int] | None:
    """Where the first separator outside of parentheses and code begins and ends."""
    depth, code = 0, False
    for found in _TOKEN.finditer(text, 0, KEY_LIMIT):
        mark = found[0]
        if mark == "`":
            code = not code
        elif code:
            continue
        elif mark in _OPENING:
            depth += 1
        elif mark in _CLOSING:
            depth = max(0, depth - 1)
        elif depth == 0 and found.start():
            return found.span()
    return None
