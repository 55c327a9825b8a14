"""Waves: a name, weeks or dates, who takes part, and the state people declared."""

from __future__ import annotations

import datetime as dt
import re
from unicodedata import category

from controlroom.documents.dates import dates_in, range_in, weeks_in
from controlroom.documents.inline import KEY_LIMIT, Keyed, keyed, plain
from controlroom.documents.outline import Entry, Section
from controlroom.documents.page import Page, below, joined
from controlroom.domain.calendar import week_range
from controlroom.domain.documents import DocumentWave
from controlroom.domain.status_text import GLYPHS, read_declared
from controlroom.domain.text import slug
from controlroom.domain.waves import Declared

_WAVE = re.compile(r"\b(?:wave|phase|stage|increment|train)\b", re.IGNORECASE)
_LETTERED = re.compile(r"\b(wave|phase|stage|increment)[\s#-]+([a-z]|[0-9]{1,3}|[ivx]{1,5})\b", re.IGNORECASE)
_NAMED = re.compile(r"(?:wave|phase|stage|increment)\s+[\w-]+\s*(?:[(\[]|$)", re.IGNORECASE)
_SPANNED = re.compile(r"[^()]+\(\s*weeks?\b[^()]*\)\W*", re.IGNORECASE)
_NO_WAVE = re.compile(r"\b(?:sprint|milestone|demo|drill|review|release)s?\b", re.IGNORECASE)
_OPEN_ENDED = re.compile(
    r"\bcontinuous|\bongoing\b|\brolling\b|\+\s?[0-9]+\s+sprint|\bahead\b", re.IGNORECASE
)
_DESIGN = re.compile(r"\bdesign\b", re.IGNORECASE)
_AHEAD = re.compile(r"\bsprints? ahead\b|\+\s?[0-9]+\s+sprint", re.IGNORECASE)
_STATUS_KEY = re.compile(r"(?:^|[.;]\s+)(?:status|state|declared)\s*[:=]\s*", re.IGNORECASE)
_SQUADS_KEY = re.compile(r"(?:^|[.;]\s+)(?:squads?|teams?|crews?|who)\s*[:=]\s*", re.IGNORECASE)
_ALL_SQUADS = re.compile(r"\ball (?:of the )?(?:squads|teams)\b|\bevery (?:squad|team)\b", re.IGNORECASE)
_DECLARED_LIMIT = 120
_DECLARED_WORDS = 6


def read_wave(page: Page, entry: Entry) -> bool:
    """Take `entry` for a wave if it is called one or has weeks or a range of dates."""
    cut = _cut(entry.text)
    if not cut.key or len(cut.key) > KEY_LIMIT:
        return False
    if not cut.text and any(looks_like_wave(page, child.text) for child in entry.children):
        return False
    body = joined([cut.text, *below(entry)])
    if _timeless(page, cut.key, body) and not _WAVE.search(_name(cut.key)):
        return False
    page.waves.append(_wave(page, cut.key, body, entry.line))
    return True


def _cut(text: str) -> Keyed:
    """Key and rest; a short bullet that only names a wave, ``Wave C (Weeks 5–6)``, is all key."""
    cut = keyed(text)
    if cut.key or len(cut.text) > KEY_LIMIT or not _NAMED.match(cut.text):
        return cut
    return Keyed(cut.text, "", cut.mark)


def looks_like_wave(page: Page, text: str) -> bool:
    """Whether `text` stands for a wave outside of a section about waves: called one, with its time."""
    key = _cut(text).key
    return bool(_LETTERED.search(_name(key)) or re.search(r"\bwave\b", _name(key), re.IGNORECASE)) and not (
        _timeless(page, key, "")
    )


def spans_weeks(text: str) -> bool:
    """Whether `text` gives a bold name weeks of its own, ``**Grafting (Weeks 1–3)**``, as waves have."""
    cut = keyed(text)
    return cut.bold and bool(_SPANNED.fullmatch(cut.key)) and not _NO_WAVE.search(_name(cut.key))


def _timeless(page: Page, key: str, body: str) -> bool:
    head = body[:60]
    return not (weeks_in(key) or weeks_in(head) or range_in(key, page.anchor) or range_in(head, page.anchor))


def read_heading(page: Page, section: Section, texts: list[str]) -> bool:
    """Take a heading such as ``Wave A (Weeks 1–2)`` for a wave, and what follows it for its text."""
    title = plain(section.title)
    if not looks_like_wave(page, title + ": "):
        return False
    page.waves.append(_wave(page, title, joined(texts), section.line))
    return True


def add_row(page: Page, name: str, cells: dict[str, str], line: int) -> None:
    """Put down a wave of a table: its cells by what their columns hold."""
    weeks = cells.get("weeks", "")
    when = " ".join(
        filter(None, (f"Weeks {weeks}" if weeks[:1].isdigit() else weeks, cells.get("dates", "")))
    )
    if cells.get("begin") and cells.get("finish"):
        when += f" {cells['begin']} → {cells['finish']}"
    elif cells.get("begin"):
        when += f" from {cells['begin']}"
    squads = cells.get("squad", "")
    body = joined([f"Squads: {squads}" if squads else "", cells.get("focus", ""), cells.get("text", "")])
    wave = _wave(page, f"{name} ({when})" if when else name, body, line, cells.get("status", "") or None)
    page.waves.append(wave)


def _wave(page: Page, key: str, body: str, line: int, status: str | None = None) -> DocumentWave:
    name = _name(key)
    design = bool(_DESIGN.search(name) or _AHEAD.search(key))
    rest, declared = (body, status) if status is not None else split_declared(body)
    weeks = None if _OPEN_ENDED.search(key) else weeks_in(key) or weeks_in(body[:60])
    start, end = _range(page, key, body[:80], weeks, line)
    return DocumentWave(
        id=_id(page, name),
        name=name,
        weeks=weeks,
        start=start,
        end=end,
        squads=_squads(page, rest),
        declared=Declared(declared, read_declared(declared)) if declared else None,
        line=line,
        design=design,
        text=joined([key + ":" if body else key, body]),
    )


def _name(key: str) -> str:
    """The key without its parentheses, weeks and dates."""
    name = re.sub(r"\s*[(\[].*$", "", key)
    cut = re.split(
        r"\s*[:—–]\s*(?=\S*\s*(?:weeks?|wks?|[0-9]{4}|[A-Z][a-z]{2,8} [0-9]))|\s+-\s+", name, maxsplit=1
    )
    name = re.sub(r",?\s+(?:weeks?|wks?)\s*[0-9].*$", "", cut[0], flags=re.IGNORECASE)
    return name.strip(" :–—-,") or key.strip()


def _id(page: Page, name: str) -> str:
    found = _LETTERED.search(name)
    short = slug(f"{found[1]} {found[2]}") if found else slug(name)
    taken = {wave.id for wave in page.waves}
    return slug(name) if short in taken and slug(name) not in taken else short or "wave"


def _range(
    page: Page, key: str, head: str, weeks: tuple[int, int] | None, line: int
) -> tuple[dt.date | None, dt.date | None]:
    """[start, end): as it is written, else from the weeks; a difference between the two is a lint."""
    written = range_in(key, page.anchor) or range_in(head, page.anchor)
    computed = None
    if weeks is not None and page.start is not None:
        try:
            computed = week_range(page.rules, page.start, *weeks)
        except ValueError as error:
            page.lint("C003", line, str(error), "error")
    if written is not None and written[1] <= written[0]:
        page.not_read("dates of a wave that end before they begin", key, line)
        written = None
    if written is None:
        lone = dates_in(key, page.anchor)
        if computed is None and len(lone) == 1 and lone[0].date and not _OPEN_ENDED.search(key):
            return lone[0].date, None
        return computed or (None, None)
    if computed is not None and computed != written[:2]:
        said = f"{written[0]} → {written[1]}"
        page.lint(
            "C002",
            line,
            f"Weeks {weeks[0]}–{weeks[1]} are {computed[0]} → {computed[1]}, "  # type: ignore[index]
            f"but {said} stands beside them; those dates are used",
        )
    return written[0], written[1]


def split_declared(text: str) -> tuple[str, str]:
    """`text` without the state declared at its end, and that state verbatim; "" where there is none.

    The state begins at the last glyph, after ``Status:``, or is a short last sentence that can be read.
    """
    if keys := list(_STATUS_KEY.finditer(text)):
        rest, said = text[: keys[-1].start()], text[keys[-1].end() :]
        sentence = re.split(r"(?<=[.!])\s|;", said, maxsplit=1)[0]
        return joined([rest, said[len(sentence) :]]), sentence.strip()
    glyphs = [at for at, character in enumerate(text) if character in GLYPHS or category(character) == "So"]
    while glyphs and glyphs[-1] - 1 in glyphs:
        glyphs.pop()
    if glyphs:
        tail = text[glyphs[-1] :].strip()
        if len(tail) <= _DECLARED_LIMIT and (tail[0] in GLYPHS or any(c.isalpha() for c in tail)):
            return text[: glyphs[-1]].strip(), tail
    for pattern in (
        r"\(([^()]*)\)\.?\s*$",
        r"(?<=[.;!?])\s+([^.;!?]+)[.!]?\s*$",
        r"\s[–—-]\s+([^–—.]+)\.?\s*$",
        r"^(.*)$",
    ):
        found = re.search(pattern, text)
        if found and len(found[1].split()) <= _DECLARED_WORDS and read_declared(found[1]):
            return text[: found.start()].strip(), text[found.start() :].strip(" –—-")
    return text, ""


def _squads(page: Page, text: str) -> tuple[str, ...]:
    """Who takes part: the known squads it names, or a plain list where no squad is known yet."""
    listed = _SQUADS_KEY.search(text)
    if listed:
        text = re.split(r"(?<=[.!])\s|;\s", text[listed.end() :], maxsplit=1)[0]
    if page.squad_names:
        if _ALL_SQUADS.search(text):
            return page.squad_names
        found = page.squads_in(text)
        if found or not listed:
            return found
    parts = [part.strip(" .") for part in re.split(r",|;|\+", re.split(r"(?<=[.!])\s", text, maxsplit=1)[0])]
    parts = [re.sub(r"^and\s+", "", part) for part in parts if part]
    named = all(part[:1].isupper() and len(part.split()) <= 5 for part in parts)
    return tuple(parts) if named and (len(parts) > 1 or listed) else ()
