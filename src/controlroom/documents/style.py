"""How a file writes its states, and what another state would be in the same style.

Where the same column writes that state already, it is written so again; else with the glyph and the word
that the file has for it, put together like the column's other cells; else in plain words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from unicodedata import category

from controlroom.domain.board import Status
from controlroom.domain.frozen import dataclass
from controlroom.domain.status_text import BROKEN, Mark, marks_in, read_status

LENGTH_LIMIT = 400
"""Characters of a cell in which its state is looked for."""

_JOIN = re.compile(r"[\s*_~`:=–—-]*")
_PERCENT_END = re.compile(r"\s*(?:$|[^\w\s])")
_TAIL = re.compile(r"\s+(?:by|on|for)\b[^.;,()\[\]<>|–—`]*")
_AFTER_ON = re.compile(r"[^.;,()\[\]<>|–—`]*")
_WRAPS = ("**", "__", "~~", "`", "*", "_")
_LOOSE = re.compile(r"[\s:=–—-]+(?=(?:\*\*|__|~~|[*_`])*$)|(?<=\*\*)[\s:=–—-]+(?=\w)")
_NO_TEXT = re.compile(
    r"[\W_]*|\W*(?:tb[adc]|n/?a|none|unknown|unset|status|state|open|nil)\W*|(?:[\w'’-]+\W{0,2}){1,3}",
    re.IGNORECASE,
)
_JOINED = re.compile(r"(?:not|in)([\s_-]*)(?:started|progress)", re.IGNORECASE)
_LED_IN = re.compile(r"^[\w\s*]{1,60}:\s+")
_PARTED = re.compile(r"[,;·•|/\n]|\s{3,}")

_DEFAULT: Mapping[Status, str] = {
    "not_started": "Not Started",
    "in_progress": "In Progress",
    "blocked": "Blocked",
    "done": "Done",
}
_FAMILIES: tuple[tuple[str, Mapping[Status, str]], ...] = (
    ("🟥🟧🟨🟩", {"not_started": "🟥", "in_progress": "🟧", "blocked": "🛑", "done": "🟩"}),
    ("🔴🟡🟢", {"not_started": "🔴", "in_progress": "🟡", "blocked": "⛔", "done": "🟢"}),
    ("", {"not_started": "⬜", "in_progress": "⏳", "blocked": "⛔", "done": "✅"}),
)

Form = tuple[bool, bool, bool]
"""Whether a state is written with a known glyph, with a word, and as a box."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """The part `start` to `end` of a cell that says its state; up to `tail` it says on whom it waits."""

    text: str
    start: int
    end: int
    tail: int
    marks: tuple[Mark, ...]

    @property
    def said(self) -> str:
        return self.text[self.start : self.end]

    @property
    def percent(self) -> str:
        """Its percentage as written, such as ``60 %``; "" without one."""
        return next((self.text[m.start : m.end] for m in self.marks if m.kind == "percent"), "")

    @property
    def form(self) -> Form:
        kinds = {m.kind for m in self.marks if m.kind != "glyph" or _known(self.text, m)}
        return "glyph" in kinds, "word" in kinds, "box" in kinds


def wordings(
    cell: str, status: Status, percent: int | None, column: Sequence[str], file: Sequence[str]
) -> Iterator[str]:
    """What `cell` may say instead so that it reads as `status`, best first; what is no state stays in it.

    `column` are the other cells of its column, `file` what else writes states in the file, its legend too.
    """
    own = phrase_in(cell)
    before, after = _around(cell, own)
    progress = _kept_percent(own, status, percent, column)
    seen = set()
    # Where a number has no place beside the words, the words are what counts.
    for number in (progress,) if percent is not None else (progress, ""):
        for said in _sayings(own, status, column, file):
            text = before + _with_percent(said, number, own) + after
            read = read_status(text)
            if read.status == status and not read.lints and text not in seen:
                seen.add(text)
                yield text


def legend(texts: Iterable[str]) -> Iterator[str]:
    """``🟩 Complete`` for every such explanation of a glyph in `texts`."""
    for text in texts:
        for part in _PARTED.split(text):
            phrase = phrase_in(_LED_IN.sub("", part).strip(" \t*_`-.:"))
            if phrase and phrase.start == 0 and phrase.form == (True, True, False) and not phrase.percent:
                glyph, word = (
                    next(phrase.text[m.start : m.end] for m in phrase.marks if m.kind == kind)
                    for kind in ("glyph", "word")
                )
                yield f"{glyph} {word}"


@lru_cache(maxsize=4096)
def phrase_in(text: str) -> Phrase | None:
    """Where `text` says its state; None where it says none."""
    marks = _all_marks(text)
    anchor = _anchor(marks)
    if anchor is None:
        return None
    first = last = marks.index(anchor)
    while first > 0 and _belongs(text, marks[first - 1], marks[first], left=True):
        first -= 1
    while last + 1 < len(marks) and _belongs(text, marks[last + 1], marks[last], left=False):
        last += 1
    if not _remarks(text, marks):
        first, last = 0, len(marks) - 1
    inside = tuple(marks[first : last + 1])
    start, end = _balanced(text, inside[0].start, max(m.end for m in inside))
    return Phrase(text, start, end, _tail(text, anchor, end), inside)


def _known(text: str, glyph: Mark) -> bool:
    """Whether a glyph has a meaning, or had one before it was broken."""
    return glyph.status != "unknown" or text[glyph.start] == BROKEN


def _all_marks(text: str) -> list[Mark]:
    """As `marks_in`, and glyphs that mean nothing to the reader; of two that overlap the first."""
    text = text[:LENGTH_LIMIT]
    marks = list(marks_in(text))
    known = {m.start for m in marks}
    for at, character in enumerate(text):
        if at not in known and category(character) == "So":
            marks.append(Mark("glyph", "unknown", at, at + 1 + text.startswith("\ufe0f", at + 1)))
    apart: list[Mark] = []
    for mark in sorted(marks, key=lambda m: (m.start, -m.end)):
        if not apart or mark.start >= apart[-1].end:
            apart.append(mark)
    return apart


def _anchor(marks: Sequence[Mark]) -> Mark | None:
    """The mark that decides what the text is read as."""
    for kind in ("word", "box", "percent", "glyph"):
        for mark in marks:
            if mark.kind == kind and (kind != "glyph" or mark.status != "unknown"):
                return mark
    return None


def _belongs(text: str, mark: Mark, to: Mark, *, left: bool) -> bool:
    """Whether `mark` beside `to` is part of the same statement."""
    gap = text[mark.end : to.start] if left else text[to.end : mark.start]
    if mark.kind == "word":
        return False
    if mark.kind == "percent":
        if not left and gap.strip().endswith("(") and text[mark.end :].lstrip().startswith(")"):
            gap = gap.rstrip()[:-1]
        elif not left and not _PERCENT_END.match(text, mark.end):
            return False
        elif left and gap.strip() == "(":
            gap = ""
    if mark.kind == "glyph" and mark.status == "unknown" and not left and text[mark.start] != BROKEN:
        return False
    return bool(_JOIN.fullmatch(gap))


def _remarks(text: str, marks: Sequence[Mark]) -> bool:
    """Whether anything but states stands in `text`."""
    rest, at = "", 0
    for mark in marks:
        rest += text[at : mark.start] + " "
        at = max(at, mark.end)
    return any(c.isalnum() for c in rest + text[at:])


def _balanced(text: str, start: int, end: int) -> tuple[int, int]:
    """`start` and `end` moved over emphasis and parentheses, so that none is cut in two."""
    moved = True
    while moved:
        moved = False
        for wrap in _WRAPS:
            size = len(wrap)
            before = text[max(0, start - size) : start] == wrap
            behind = text[end : end + size] == wrap
            if before and behind:
                start, end, moved = start - size, end + size, True
            elif behind and text[start:end].count(wrap) % 2:
                end, moved = end + size, True
            elif before and text[start:end].count(wrap) % 2:
                start, moved = start - size, True
            if moved:
                break
        inside = text[start:end]
        closing = re.match(r"\s*\)", text[end:])
        if inside.count("(") > inside.count(")") and closing:
            end, moved = end + closing.end(), True
        elif inside.count(")") > inside.count("(") and text[:start].rstrip().endswith("("):
            start, moved = len(text[:start].rstrip()) - 1, True
    return start, end


def _tail(text: str, anchor: Mark, end: int) -> int:
    """Where "blocked by …" and "waiting on …" end: on whom it waits is part of that state."""
    if anchor.kind != "word" or anchor.status != "blocked":
        return end
    waits = text[anchor.start : anchor.end].casefold().startswith("waiting")
    found = (_AFTER_ON if waits else _TAIL).match(text, end)
    return end + len(found[0].rstrip()) if found else end


def _around(cell: str, own: Phrase | None) -> tuple[str, str]:
    """What stays before and after the state. A short cell without one says one that is not known here."""
    if own is not None:
        return cell[: own.start], cell[own.tail :]
    if not cell.strip() or (_NO_TEXT.fullmatch(cell.strip()) and not any(c.isdigit() for c in cell)):
        return "", ""
    return "", f" — {cell.lstrip(BROKEN).strip()}"


def _kept_percent(own: Phrase | None, status: Status, percent: int | None, column: Sequence[str]) -> str:
    """The percentage to write: the one asked for, or the cell's own while the work goes on."""
    written = [p.percent for p in map(phrase_in, column) if p and p.percent]
    if percent is not None:
        space = " " if any(" " in one for one in written) else ""
        return f"{percent}{space}%"
    if own is None or not own.percent or status not in {"in_progress", "blocked"}:
        return ""
    return own.percent if read_status(own.percent).status == "in_progress" else ""


def _with_percent(said: str, percent: str, own: Phrase | None) -> str:
    if not percent:
        return said
    bracketed = own is not None and bool(own.percent) and f"({own.percent}" in own.said.replace("( ", "(")
    shown = f"({percent})" if bracketed else percent
    # A column of percentages says "in progress" by the number alone.
    return shown.strip("()") if not said else f"{said} {shown}"


def _sayings(own: Phrase | None, status: Status, column: Sequence[str], file: Sequence[str]) -> Iterator[str]:
    """The state itself, best first, without a percentage that is not its own."""
    beside = [p for p in map(phrase_in, column) if p]
    others = [p for p in map(phrase_in, file) if p]
    form = _form([*beside, *([own] if own else [])], own) or _form(others, None)
    yield from _examples(beside, status, lambda phrase: True, form)
    yield from _examples(others, status, lambda phrase: form in (None, _bare(phrase).form), form)
    templates = [
        p for p in ([own] if own else []) + beside + others if _bare(p).form == form and _tidy(_bare(p))
    ]
    known = [*beside, *([own] if own else []), *others]
    if form is not None and templates:
        yield _built(_bare(templates[0]), status, known)
    if not any(form or ()) and any(p.percent for p in [*beside, *([own] if own else [])]):
        yield from _by_number(status, known)
    yield _word(status, known)
    yield f"{_glyph(status, known)} {_word(status, known)}"


def _form(phrases: Sequence[Phrase], own: Phrase | None) -> Form | None:
    """The form most of them have; the cell's own where there are as many of each."""
    counts = Counter(_bare(phrase).form for phrase in phrases)
    if not counts:
        return None
    most = max(counts.values())
    best = [form for form, count in counts.items() if count == most]
    return _bare(own).form if own and _bare(own).form in best else best[0]


def _examples(
    phrases: Sequence[Phrase], status: Status, fits: Callable[[Phrase], bool], form: Form | None
) -> Iterator[str]:
    """How `status` is written already, the most usual first."""
    counts: Counter[str] = Counter()
    for phrase in phrases:
        read = read_status(phrase.said)
        bare = phrase if read.progress in {0, 100} else _bare(phrase)
        said = read_status(bare.said)
        says = read.status == said.status == status and not said.lints
        if says and fits(phrase) and _tidy(bare):
            counts[bare.said] += 1
    formed = {said: (one := phrase_in(said)) is not None and one.form == form for said in counts}
    yield from sorted(counts, key=lambda said: (not formed[said], -counts[said]))


def _tidy(phrase: Phrase) -> bool:
    """Whether others may be written like it. ``waiting on …`` says on whom, a bar would cut a row."""
    said, kinds = phrase.said, [mark.kind for mark in phrase.marks]
    odd = "waiting" in said.casefold() or "|" in said or "\n" in said
    return not odd and len(kinds) == len(set(kinds)) and said.count("(") == said.count(")")


def _bare(phrase: Phrase) -> Phrase:
    """`phrase` without its percentage."""
    if not phrase.percent:
        return phrase
    at = phrase.said.find(phrase.percent)
    before, behind = phrase.said[:at], phrase.said[at + len(phrase.percent) :]
    if before.rstrip().endswith("(") and behind.lstrip().startswith(")"):
        before, behind = before.rstrip()[:-1], behind.lstrip()[1:]
    said = re.sub(r"\s{2,}", " ", f"{before} {behind}").strip(" \t:=–—-")
    said = _LOOSE.sub("", said)
    marks = tuple(_all_marks(said))
    return Phrase(said, 0, len(said), len(said), tuple(m for m in marks if m.kind != "percent"))


def _built(template: Phrase, status: Status, known: Sequence[Phrase]) -> str:
    """`template` with the glyph, the word or the box of `status` in place of its own."""
    said, at = "", template.start
    word, glyph = _word(status, known), _glyph(status, known)
    glyphs = [m for m in template.marks if m.kind == "glyph"]
    for mark in template.marks:
        said += template.text[at : mark.start]
        at = mark.end
        if mark.kind == "word":
            said += word
        elif mark.kind == "box":
            box = _box(status, known)
            if template.form[1] and box == word:  # no box says that, and the word stands there anyway
                at += len(template.text[at:]) - len(template.text[at:].lstrip())
            else:
                said += box
        elif mark.kind == "glyph" and mark is glyphs[0]:
            said += glyph if template.form[0] else ""
    return (said + template.text[at : template.end]).strip()


def _box(status: Status, known: Sequence[Phrase]) -> str:
    if status == "not_started":
        return "[ ]"
    capital = any("[X]" in phrase.said for phrase in known)
    return ("[X]" if capital else "[x]") if status == "done" else _word(status, known)


def _by_number(status: Status, known: Sequence[Phrase]) -> Iterator[str]:
    """A column of percentages: done is 100 %, not started 0 %; how far something is nobody invents."""
    space = " " if any(" " in phrase.percent for phrase in known) else ""
    if status in {"done", "not_started"}:
        yield f"{100 if status == 'done' else 0}{space}%"
    yield ""


def _glyph(status: Status, known: Sequence[Phrase]) -> str:
    """The file's glyph for `status`, else the one of the set the file uses."""
    used = [(m.status, p.text[m.start : m.end]) for p in known for m in p.marks if m.kind == "glyph"]
    own = Counter(glyph for meaning, glyph in used if meaning == status and glyph[0] != BROKEN)
    if own:
        return own.most_common(1)[0][0]
    counts = Counter(name for name, _ in _FAMILIES for _, glyph in used if glyph[0] in name)
    family = counts.most_common(1)[0][0] if counts else ""
    return dict(_FAMILIES)[family][status]


def _word(status: Status, known: Sequence[Phrase]) -> str:
    """The file's word for `status`, else the usual one spelled like the file's others."""
    used = [(p, p.text[m.start : m.end]) for p in known for m in p.marks if m.kind == "word"]
    own = Counter(
        word
        for phrase, word in used
        if read_status(phrase.said).status == read_status(word).status == status
        and not word.casefold().startswith("waiting")
    )
    if own:
        return own.most_common(1)[0][0]
    words = [word for _, word in used]
    usual = _DEFAULT[status]
    joins = Counter(found[1] for word in words if (found := _JOINED.search(word)))
    if joins:
        usual = usual.replace(" ", joins.most_common(1)[0][0])
    if words and all(word.isupper() for word in words):
        return usual.upper()
    if words and all(word.islower() for word in words):
        return usual.lower()
    several = [word.split() for word in words if len(word.split()) > 1]
    return usual.capitalize() if several and all(parts[1].islower() for parts in several) else usual
