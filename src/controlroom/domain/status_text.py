"""What people write into a status cell and an owner cell (domain rules, Squads, items, blockers)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from controlroom.domain.board import Status
from controlroom.domain.frozen import dataclass
from controlroom.domain.waves import DeclaredState

GLYPHS: Mapping[str, Status] = {
    **dict.fromkeys("🟥🔴⬜", "not_started"),
    **dict.fromkeys("🟧🟨🟡⏳", "in_progress"),
    **dict.fromkeys("🟩🟢✅", "done"),
    **dict.fromkeys("🛑⛔", "blocked"),
}
"""What a glyph means where it stands alone."""

BROKEN = "\ufffd"
"""U+FFFD: what is left of an emoji that some editor cut in half."""

_NOT = r"(?<!not )(?<!not yet )(?<!n't )"
_WORDS: tuple[tuple[Status, re.Pattern[str]], ...] = (
    ("not_started", re.compile(r"\bnot[\s_-]*started\b|\bto-?do\b|^\W*to do\b|\bplanned\b", re.IGNORECASE)),
    ("in_progress", re.compile(r"\bin[\s_-]*progress\b|\bwip\b", re.IGNORECASE)),
    ("blocked", re.compile(_NOT + r"\bblocked\b|\bwaiting[\s_-]+on\b", re.IGNORECASE)),
    ("done", re.compile(_NOT + r"\b(?:completed?|done|merged)\b", re.IGNORECASE)),
)
_BOXES: tuple[tuple[Status, re.Pattern[str]], ...] = (
    ("not_started", re.compile(r"\[ \]")),
    ("done", re.compile(r"\[[xX]\]")),
)
_GLYPH = re.compile(f"[{''.join(GLYPHS)}{BROKEN}][\ufe0e\ufe0f]?")
_BEFORE_WORD = re.compile(r"^\W+")
_PERCENT = re.compile(r"(?<![0-9.,])([0-9]{1,3})(?:[.,][0-9]+)?\s*%")


@dataclass(frozen=True, slots=True)
class StatusText:
    """A status cell, read. `progress` is 0–100 where a percentage is given; `lints` are X008, X009."""

    status: Status
    progress: int | None = None
    lints: tuple[str, ...] = ()


def read_status(text: str) -> StatusText:
    """The status a cell declares: words beat a percentage, which beats a glyph.

    Of several words the first counts, since what follows is a remark ("Blocked: 80 % done"). X008 says
    that word and glyph disagree, X009 that the text holds U+FFFD.
    """
    percent = _percent(text)
    word = _first(_WORDS, text) or _first(_BOXES, text)
    glyph = next((GLYPHS[character] for character in text if character in GLYPHS), None)
    progress = percent[0] if percent else None
    if word is not None:
        status, at = word
        if status == "done" and percent is not None and percent[0] < 100 and percent[1] < at:
            status = _of_percent(percent[0])
    elif percent is not None:
        status = _of_percent(percent[0])
    else:
        status = glyph or "unknown"
    lints = ("X008",) if word and glyph and glyph != status else ()
    return StatusText(status, progress, (*lints, "X009") if BROKEN in text else lints)


MarkKind = Literal["glyph", "word", "box", "percent"]


class Mark(NamedTuple):
    """A part of a text that says a status, and where it stands there."""

    kind: MarkKind
    status: Status
    start: int
    end: int


def marks_in(text: str) -> tuple[Mark, ...]:
    """Everything in `text` that `read_status` looks at, in its order; a broken glyph is ``unknown``."""
    found = [
        Mark("glyph", GLYPHS.get(glyph[0][0], "unknown"), *glyph.span()) for glyph in _GLYPH.finditer(text)
    ]
    for status, pattern in _WORDS:
        for match in pattern.finditer(text):
            before = len(match[0]) - len(_BEFORE_WORD.sub("", match[0]))
            found.append(Mark("word", status, match.start() + before, match.end()))
    for status, pattern in _BOXES:
        found += [Mark("box", status, *match.span()) for match in pattern.finditer(text)]
    for match in _PERCENT.finditer(text):
        if int(match[1]) <= 100:
            found.append(Mark("percent", _of_percent(int(match[1])), *match.span()))
    return tuple(sorted(found, key=lambda mark: (mark.start, mark.end)))


def _first(patterns: tuple[tuple[Status, re.Pattern[str]], ...], text: str) -> tuple[Status, int] | None:
    found = [(match.start(), status) for status, pattern in patterns if (match := pattern.search(text))]
    if not found:
        return None
    at, status = min(found)
    return status, at


def _percent(text: str) -> tuple[int, int] | None:
    """The first percentage up to 100, and where it stands."""
    found = ((int(match[1]), match.start()) for match in _PERCENT.finditer(text))
    return next((pair for pair in found if pair[0] <= 100), None)


def _of_percent(percent: int) -> Status:
    if percent == 0:
        return "not_started"
    return "done" if percent == 100 else "in_progress"


_DECLARED: tuple[tuple[DeclaredState, re.Pattern[str]], ...] = (
    (
        "approved_early",
        re.compile(r"\bearly\b.{0,40}\b(?:approved|authori[sz]ed|green-?lit)\b|\bapproved\b.{0,40}\bearly\b"),
    ),
    ("planned", re.compile(r"\b(?:planned|not[\s_-]*started|to-?do|upcoming|scheduled)\b")),
    ("done", re.compile(_NOT + r"\b(?:done|completed?|finished|closed)\b")),
    ("active", re.compile(_NOT + r"\b(?:active|in[\s_-]*progress|running|under\s?way|ongoing|wip)\b")),
)


def read_declared(text: str) -> DeclaredState | None:
    """The state people declared for a wave; None where the words cannot be read.

    A glyph alone declares nothing: documents put ✅ in front of goals as well.
    """
    lowered = text.casefold()
    for state, pattern in _DECLARED[:1]:
        if pattern.search(lowered):
            return state
    found = [(m.start(), state) for state, pattern in _DECLARED[1:] if (m := pattern.search(lowered))]
    if not found:
        return None
    state = min(found)[1]
    percent = _percent(lowered)
    if state == "done" and percent is not None and percent[0] < 100 and percent[1] < min(found)[0]:
        return "active" if percent[0] else "planned"
    return state


_NOBODY = frozenset({"", "tbd", "tba", "tbc", "n/a", "na", "none", "unassigned", "open", "nobody", "unknown"})
_EVERYBODY = re.compile(
    r"^(?:all|every|everyone|everybody|whole|various|multiple|shared|cross)\b", re.IGNORECASE
)
_ROLE = re.compile(
    r"\b(?:leads?|owner|engineer|squad|team|crew|pod|guild|partner|liaison|anchor|manager|ops|qa|sre|pm"
    r"|architect|developer|designer|analyst|service|director|head|coordinator|captain|wrangler|acting)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:\w+\s+)?leads?|owners?|dri|coordinat(?:ion|ors?)|contacts?|poc)\s*[:=]\s*",
    re.IGNORECASE,
)
_DECORATION = "".join(GLYPHS) + "\ufe0f\u200d*_`~"
_OUTER_LIMIT = 2_000


def read_owners(text: str) -> tuple[str, ...]:
    """The people (else the squads) an owner cell names, each once, in its order.

    ``Role (Name)`` and ``Squad (Lead: Name)`` name a person, ``Name (Role)`` too; ``A + B`` names two.
    A cell that says nobody ("TBD", "—") names none; "All Squads" stays as it is written.
    """
    owners: list[str] = []
    for part in _parts(_undecorated(text)):
        for name in _names(part):
            if name.casefold() not in _NOBODY and any(c.isalnum() for c in name) and name not in owners:
                owners.append(name)
    return tuple(owners)


def single_owner(owners: tuple[str, ...]) -> bool:
    """Whether exactly one person or squad answers for it; "All Squads" is nobody in particular."""
    return len(owners) == 1 and not _EVERYBODY.match(owners[0])


def _undecorated(text: str) -> str:
    text = re.sub(r"\[([^\[\]]{0,200})\]\([^()\s]{0,500}\)", r"\1", text[:_OUTER_LIMIT])
    return "".join(" " if c in _DECORATION and c != "_" else c for c in text).strip().strip("_").strip()


def _parts(text: str) -> list[str]:
    """`text` cut at ``+ , ; |``, at a spaced ``/``, and at ``&``/``and`` between two ``Role (Name)``."""
    parts: list[str] = []
    depth, begin = 0, 0
    for match in re.finditer(r"[()]|[+,;|]|\s/\s|\s(?:&|and)\s", text):
        mark = match[0].strip()
        before = text[begin : match.start()]
        if mark == "(":
            depth += 1
        elif mark == ")":
            depth = max(0, depth - 1)
        elif depth == 0 and (mark not in {"&", "and"} or before.rstrip().endswith(")")):
            parts.append(before)
            begin = match.end()
    parts.append(text[begin:])
    return [part.strip() for part in parts if part.strip()]


def _names(part: str) -> list[str]:
    """Who one part names: what stands in its last parentheses, unless that is the role."""
    part = _LEAD.sub("", part).strip()
    found = re.fullmatch(r"(?P<outer>[^()]*)\((?P<inner>[^()]*)\)[\s.]*", part)
    if found is None:
        return _slashed(part)
    outer, inner = found["outer"].strip(), found["inner"].strip()
    if _LEAD.match(inner):
        return [name for p in _parts(_LEAD.sub("", inner)) for name in _slashed(p)]
    if not outer:
        return [name for p in _parts(inner) for name in _slashed(p)]
    return _slashed(outer) if _is_role(outer, inner) else [n for p in _parts(inner) for n in _slashed(p)]


def _is_role(outer: str, inner: str) -> bool:
    """Whether `inner` describes the person `outer`, as in ``Ada (Policy & Orchestration)``."""
    if not any(c.isalpha() for c in inner) or any(c.isdigit() for c in inner):
        return True
    if _ROLE.search(outer):
        return False
    return bool(_ROLE.search(inner)) or (len(outer.split()) == 1 < len(inner.split()))


def _slashed(text: str) -> list[str]:
    """``Ada/Kai`` are two people; ``UI/UX`` is one thing."""
    names = text.split("/")
    if len(names) > 1 and all(re.fullmatch(r"[A-Z][a-z]+", name) for name in names):
        return names
    return [text.strip(" .")] if text.strip(" .") else []
