"""One document while it is being read: what is known beforehand, and what has been found so far."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import field

from controlroom.documents.dates import FoundLabel, dates_in, labels_in
from controlroom.documents.inline import plain, unmarked, verbatim
from controlroom.documents.outline import Entry, Row, Table
from controlroom.domain.calendar import CLOSE_OF_WEEK, CalendarRules, date_of, sprint_date
from controlroom.domain.documents import (
    DocumentCheck,
    DocumentChecklist,
    DocumentDependency,
    DocumentItem,
    DocumentKind,
    DocumentMilestone,
    DocumentNote,
    DocumentRitual,
    DocumentSprint,
    DocumentSquad,
    DocumentStep,
    DocumentWave,
)
from controlroom.domain.frozen import dataclass
from controlroom.domain.lints import Lint, Severity
from controlroom.domain.text import dashed

_SPRINT = re.compile(r"\b(sprint|iteration)s?[\s_#–—-]*0*([0-9]+(?:\.[0-9]+)?[a-z]?)(?![0-9])", re.IGNORECASE)
_ANY_START = dt.date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a card's status stands: a cell of a table's row, or a part of a list's entry."""

    line: int
    text: str
    """What was read as the status, as written."""
    table: Table | None = None
    row: Row | None = None
    column: int | None = None
    """Number of the cell; None in a table that has no column for it."""


@dataclass(slots=True)
class Page:
    """`start` is the programme's, from wherever it is known; a date without a year is one near `anchor`."""

    path: str
    kind: DocumentKind
    start: dt.date | None
    anchor: dt.date | None
    rules: CalendarRules
    squad_names: tuple[str, ...] = ()
    sprint_start: dt.date | None = None
    zone: str | None = None
    """What "all times are …" says for times without a zone of their own."""
    draft: bool = False
    """Only what is needed to know how to read it is wanted: a few cards are as good as all."""
    waves: list[DocumentWave] = field(default_factory=list)
    squads: list[DocumentSquad] = field(default_factory=list)
    dependencies: list[DocumentDependency] = field(default_factory=list)
    milestones: list[DocumentMilestone] = field(default_factory=list)
    rituals: list[DocumentRitual] = field(default_factory=list)
    steps: list[DocumentStep] = field(default_factory=list)
    items: list[DocumentItem] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)
    """Where the status of each of `items` stands."""
    checklists: dict[tuple[str, int], list[DocumentCheck]] = field(default_factory=dict)
    alignments: list[DocumentNote] = field(default_factory=list)
    gates: list[DocumentNote] = field(default_factory=list)
    risks: list[DocumentNote] = field(default_factory=list)
    blockers: list[DocumentNote] = field(default_factory=list)
    sprints: list[DocumentSprint] = field(default_factory=list)
    mission: list[str] = field(default_factory=list)
    unread: list[DocumentNote] = field(default_factory=list)
    prose: list[DocumentNote] = field(default_factory=list)
    lints: list[Lint] = field(default_factory=list)
    sprint_names: dict[str, str] = field(default_factory=dict)

    def lint(
        self, code: str, line: int, message: str, severity: Severity = "warning", subject: str | None = None
    ) -> None:
        self.lints.append(Lint(code, message, severity, self.path, line, subject=subject))

    def not_read(self, section: str, text: str, line: int) -> None:
        """Keep what stood where something was expected and could not be read."""
        if text.strip():
            self.unread.append(DocumentNote(plain(section), verbatim(text), line))

    def aside(self, section: str, text: str, line: int) -> None:
        """Keep what stood where nothing was expected."""
        if text.strip():
            self.prose.append(DocumentNote(plain(section), verbatim(text), line))

    def check(self, section: str, section_line: int, check: DocumentCheck) -> None:
        self.checklists.setdefault((plain(section), section_line), []).append(check)

    def all_checklists(self) -> tuple[DocumentChecklist, ...]:
        return tuple(
            DocumentChecklist(title, tuple(checks), line, self._day_named(title, line))
            for (title, line), checks in self.checklists.items()
        )

    def _day_named(self, title: str, line: int) -> dt.date | None:
        """The one day that a heading names, by its date or its label."""
        dates = {found.date for found in dates_in(title, self.anchor)}
        labels = labels_in(title)
        if len(dates) > 1 or len(labels) > 1:
            return None
        explicit = next(iter(dates), None)
        return self.date_of_label(labels[0], explicit, line) if labels else explicit

    def date_of_label(self, label: FoundLabel, explicit: dt.date | None, line: int) -> dt.date | None:
        """The date of a label: the one written beside it wins, and what does not fit becomes a lint.

        Without a programme start only the written date is known.
        """
        start = self.sprint_start if label.week == 0 and label.text.lower().startswith("d") else self.start
        try:
            date, flags = self._computed(label, start or _ANY_START)
        except ValueError as error:
            self.lint("C003", line, str(error), "error")
            return explicit
        if CLOSE_OF_WEEK in flags:
            meant = f"read as Week {label.week + 1} Day {self.rules.day_base}"
            self.lint("C003", line, f"{label.text}: {meant}, the close of week {label.week}")
        if start is None:
            return explicit
        if explicit is not None and explicit != date:
            self.lint(
                "C002", line, f"{label.text} is {date}, but {explicit} stands beside it; that date is used"
            )
        return explicit or date

    def near(self, label: FoundLabel) -> dt.date | None:
        """A day near the one that `label` means, for a date beside it that has no year."""
        try:
            return self._computed(label, self.start)[0] if self.start else self.anchor
        except ValueError:
            return self.anchor

    def _computed(self, label: FoundLabel, start: dt.date) -> tuple[dt.date, tuple[str, ...]]:
        if label.week == 0 and label.text.lower().startswith("d"):
            return sprint_date(self.rules, start, label.day), ()
        return date_of(self.rules, start, label.week, label.day)

    def sprint(self, text: str) -> tuple[str, str]:
        """Id and name of the sprint `text` speaks of, the same for every spelling."""
        text = plain(text)
        id_ = sprint_id(text) or dashed(text) or "sprint"
        return id_, self.sprint_names.setdefault(id_, text)

    def squads_in(self, text: str) -> tuple[str, ...]:
        """Known squads that `text` names in full, in its order."""
        return find_names(self.squad_names, text)


def sprint_id(text: str) -> str | None:
    """``sprint-2`` for any spelling of it in `text`; None where there is no number."""
    found = _SPRINT.search(text)
    return f"{found[1].lower()}-{found[2].lower()}" if found else None


def sprint_name(text: str) -> str:
    """What follows the number: ``Governance Core`` of ``Sprint-2 — Governance Core``."""
    text = plain(text)
    found = _SPRINT.search(text)
    rest = text[found.end() :] if found else text
    return re.sub(r"^[\s:–—\-|/.,]+|[\s:–—\-|/.,]+$", "", rest).strip("() ")


def find_names(names: Sequence[str], text: str) -> tuple[str, ...]:
    """Those of `names` that occur in `text` as whole words, `&` and "and" alike, in the order of the text."""
    found: dict[int, str] = {}
    taken = [False] * (len(text) + 1)
    for name in sorted(set(names), key=lambda n: (-len(n), n)):
        if not name.strip():
            continue
        words = [re.escape(w) for w in re.split(r"\s+(?:&|and)\s+|\s+", name.strip(), flags=re.IGNORECASE)]
        pattern = r"(?<!\w)" + r"\s*(?:&|\band\b|\s|/)\s*".join(words) + r"(?!\w)"
        for match in re.finditer(pattern, text, re.IGNORECASE):
            if not any(taken[match.start() : match.end()]):
                taken[match.start() : match.end()] = [True] * (match.end() - match.start())
                found[match.start()] = name
    return tuple(dict.fromkeys(found[at] for at in sorted(found)))


def whole(entry: Entry) -> str:
    """An entry with everything below it, as one text."""
    return joined([entry.text, *map(whole, entry.children)])


def below(entry: Entry) -> list[str]:
    """The texts of what stands below an entry."""
    return [unmarked(whole(child)) for child in entry.children]


def joined(parts: Iterable[str]) -> str:
    """Texts put after one another, cut apart by "; " where they do not end in punctuation themselves."""
    result = ""
    for part in (part.strip() for part in parts):
        if part:
            result += (
                part if not result else (" " if result.endswith((":", ".", ";", "!", "?")) else "; ") + part
            )
    return result
