"""The programme's first day, where a document names it."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator

from controlroom.documents.dates import dates_in, labels_in
from controlroom.documents.inline import plain
from controlroom.documents.outline import Block, Entry, Listing, Outline, Paragraph
from controlroom.documents.page import Page
from controlroom.domain.calendar import date_of

_STARTS = re.compile(
    r"\b(?:start(?:s|ed|ing)?|begin(?:s|ning)?|began|kick(?:s|ed)?[\s-]?off|launch(?:es|ed)?|commenc\w+"
    r"|week\s*1(?:\s*day\s*1)?\s*(?:=|is|:))[^.;\n]{0,60}$",
    re.IGNORECASE,
)
_OF_A_PART = re.compile(r"\b(?i:wave|sprint|phase|iteration|stage|release)[\s_-]+[A-Z0-9]{1,3}\b(?!\s*=)")
_PROGRAMME = re.compile(r"\bprogram(?:me)?\b.{0,30}\b(?:start|begin|kick)", re.IGNORECASE)
_FRONT = ("start", "start_date", "program_start", "programme_start", "program start", "programme start")
_ANY_START = dt.date(2000, 1, 1)


def named_start(text: Outline, page: Page) -> dt.date | None:
    """The first day a schedule names: in its text ("window starting 2025-10-04"), else by a wave or a
    milestone that gives both a week and a date. `page` must have been read without a start."""
    if not (page.kind == "schedule" or page.waves):
        explicit = (date for date in _in_prose(text, _PROGRAMME) if date)
        return next(explicit, None) or _by_milestones(page)
    for key in _FRONT:
        for found in dates_in(text.front.get(key, ""), None):
            if found.date is not None and page.kind == "schedule":
                return found.date
    return next(_in_prose(text), None) or _by_waves(page) or _by_milestones(page)


def _in_prose(text: Outline, about: re.Pattern[str] | None = None) -> Iterator[dt.date]:
    for section in text.sections:
        for block in section.blocks:
            for raw in _texts(block):
                for sentence in re.split(r"(?<=[.;!?])\s+|\n", plain(raw)):
                    if about is None or about.search(sentence):
                        yield from _in_sentence(sentence)


def _in_sentence(sentence: str) -> Iterator[dt.date]:
    for found in dates_in(sentence, None):
        before = sentence[: found.begin]
        if found.date is not None and _STARTS.search(before) and not _OF_A_PART.search(before):
            yield found.date


def _texts(block: Block) -> Iterator[str]:
    """Paragraphs, and entries such as ``**Programme start:** 2026-03-02``."""
    if isinstance(block, Paragraph):
        yield block.text
    elif isinstance(block, Listing):
        for entry in block.entries:
            yield from _entry(entry)


def _entry(entry: Entry) -> Iterator[str]:
    yield entry.text


def _by_waves(page: Page) -> dt.date | None:
    """What most of the waves with weeks and dates agree on."""
    starts = Counter(
        wave.start - dt.timedelta(days=7 * (wave.weeks[0] - 1))
        for wave in page.waves
        if wave.start and wave.weeks
    )
    return starts.most_common(1)[0][0] if starts else None


def _by_milestones(page: Page) -> dt.date | None:
    starts: Counter[dt.date] = Counter()
    for milestone in page.milestones:
        labels = labels_in(milestone.label or "")
        if milestone.date is None or not labels:
            continue
        try:
            offset = date_of(page.rules, _ANY_START, labels[0].week, labels[0].day)[0] - _ANY_START
            starts[milestone.date - offset] += 1
        except (ValueError, OverflowError):
            continue
    return starts.most_common(1)[0][0] if starts else None
