"""Milestones: a day label or a date, and what is reached by then."""

from __future__ import annotations

import datetime as dt
import re

from controlroom.documents.dates import (
    FoundDate,
    FoundLabel,
    dates_in,
    labels_in,
    range_in,
    sprint_day_in,
    weeks_in,
)
from controlroom.documents.inline import keyed, plain, unmarked
from controlroom.documents.outline import Entry, Section
from controlroom.documents.page import Page, below, joined
from controlroom.domain.documents import DocumentMilestone

_WEEKDAY = re.compile(
    r"\b(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\b\.?"
    r"|\b(?:by|on|due|at|date|end of)\b",
    re.IGNORECASE,
)
_EDGES = " \t,;:/·()[]{}–—-→>|@."


def read_milestone(page: Page, entry: Entry, section: Section) -> bool:
    """Take `entry` for a milestone if it says when; False where it does not."""
    cut = keyed(entry.text)
    head, rest = (cut.key, cut.text) if cut.key else (unmarked(entry.text), "")
    when = when_in(page, head)
    if when is None and rest:
        when = when_in(page, rest)
        head, rest = (f"{head}: {rest}", "") if when else (head, rest)
    if when is None:
        return False
    name = without_when(page, head)
    text = f"{name}: {rest}" if name and rest else name or rest
    add(page, when, joined([text, *below(entry)]), entry.line, group(section))
    return True


def read_heading(page: Page, section: Section, texts: list[str]) -> bool:
    """Take a heading such as ``Day 3 (Oct 21)`` for a milestone, and what follows it for its text."""
    title = plain(section.title)
    when = when_in(page, title)
    if when is None or (when[1] is None and labels_in(title) == [] and sprint_day_in(title) is None):
        return False
    if range_in(title, page.anchor) or weeks_in(title):
        return False
    text = joined([without_when(page, title), *texts])
    parent = section.parents[-1] if len(section.parents) > 1 else ""
    add(page, when, text, section.line, plain(parent))
    return True


When = tuple[FoundLabel | str | None, dt.date | None]
"""A label (or a week without a day, verbatim), and the date written beside it."""


def when_in(page: Page, text: str) -> When | None:
    label = next(iter(labels_in(text)), None)
    near = page.anchor if label is None else page.near(label)
    date: FoundDate | None = next(iter(dates_in(text, near)), None)
    ranged = range_in(text, page.anchor)
    if label is None and page.kind == "sprint":
        label = sprint_day_in(text)
    if label is not None:
        return label, date.date if date and not ranged else None
    if (weeks := weeks_in(text)) is not None:
        weeks_text = f"Week {weeks[0]}" if weeks[0] == weeks[1] else f"Weeks {weeks[0]}–{weeks[1]}"
        return weeks_text, date.date if date and not ranged else None
    if ranged:
        return text[ranged[2] : ranged[3]], None
    return (None, date.date) if date else None


def add(page: Page, when: When, text: str, line: int, section: str) -> None:
    """Put down a milestone, its date computed from the label where none is written."""
    label, date = when
    if isinstance(label, FoundLabel):
        date = page.date_of_label(label, date, line)
    name = label.text if isinstance(label, FoundLabel) else label
    page.milestones.append(DocumentMilestone(name, date, text, line, section))


def without_when(page: Page, text: str) -> str:
    """What `text` says beside the label, the date and their weekday."""
    spans = [(f.begin, f.end) for f in labels_in(text)] + [
        (f.begin, f.end) for f in dates_in(text, page.anchor)
    ]
    if page.kind == "sprint" and (day := sprint_day_in(text)):
        spans.append((day.begin, day.end))
    ranged = range_in(text, page.anchor)
    if ranged:
        spans.append((ranged[2], ranged[3]))
    kept = list(text)
    for begin, end in spans:
        kept[begin:end] = "\0" * (end - begin)
    rest = "".join(kept)
    if weeks_in(rest.replace("\0", " ")):
        rest = re.sub(r"\b(?:weeks?|wk)\s*[0-9]+(?:\s*[–—-]\s*[0-9]+)?", "", rest, flags=re.IGNORECASE)
    words = _WEEKDAY.sub(" ", rest.replace("\0", " ")).strip(_EDGES)
    if not any(c.isalnum() for c in words):
        return ""
    rest = re.sub(
        r"[(\[]?\s*(?:\b[A-Za-z]{3,9}\b\.?,?\s*)?\0[\s\0,;/·–—→-]*(?:\(\s*\0+[\s\0]*\))?\s*[)\]]?", " ", rest
    )
    return re.sub(r"\s+", " ", rest.replace("\0", " ")).strip(_EDGES)


def group(section: Section) -> str:
    """The subheading a milestone stands under; empty right below the milestones' own heading."""
    return plain(section.title) if section.parents else ""
