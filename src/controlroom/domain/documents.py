"""What one of the squads' documents says, with the line of everything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from controlroom.domain.board import Status
from controlroom.domain.frozen import dataclass
from controlroom.domain.lints import Lint
from controlroom.domain.waves import Declared

DocumentKind = Literal["schedule", "backlog", "charter", "status", "handbook", "sprint", "unknown"]


@dataclass(frozen=True, slots=True)
class DocumentWave:
    id: str
    name: str
    weeks: tuple[int, int] | None
    start: dt.date | None
    end: dt.date | None
    squads: tuple[str, ...]
    declared: Declared | None
    line: int
    design: bool = False
    text: str = ""
    """The bullet, verbatim."""


@dataclass(frozen=True, slots=True)
class DocumentSquad:
    name: str
    charter: str | None
    focus: Mapping[str, str]
    signals: str
    line: int
    extra: Mapping[str, str] = field(default_factory=dict)
    """What further columns say, verbatim, by their header."""
    owners: tuple[str, ...] = ()
    """People the document names as its lead or owner."""


@dataclass(frozen=True, slots=True)
class DocumentDependency:
    name: str
    text: str
    line: int
    owner: str | None = None
    """Name of the one squad the text says manages it; None where it names none or several."""


@dataclass(frozen=True, slots=True)
class DocumentMilestone:
    label: str | None
    date: dt.date | None
    text: str
    line: int
    section: str = ""


@dataclass(frozen=True, slots=True)
class DocumentRitual:
    """`days` is ``daily`` or weekdays; `zone` an IANA name; `scenarios` by programme week number."""

    name: str
    days: tuple[str, ...] | Literal["daily"]
    time: str | None
    zone: str | None
    all_day: bool
    minutes: int | None
    scenarios: Mapping[int, str]
    line: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class DocumentStep:
    state: Status
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class DocumentItem:
    id: str
    sprint: str | None
    epic: str
    tasks: str
    owner: str
    owners: tuple[str, ...]
    status: Status
    progress: int | None
    status_text: str
    line: int
    squad: str | None = None
    tags: tuple[str, ...] = ()
    owning_squad: str | None = None
    blocking_squad: str | None = None
    due: dt.date | None = None
    sprint_id: str | None = None
    """Such as ``sprint-2``, the same for every spelling; `sprint` is how the document first writes it."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """What further columns say, verbatim, by their header."""
    proof: tuple[str, ...] = ()
    """What it names as its proof, as written."""


@dataclass(frozen=True, slots=True)
class DocumentSprint:
    """A sprint as a document describes it; the range is half-open."""

    id: str
    name: str
    start: dt.date | None
    end: dt.date | None
    line: int
    wave: str | None = None
    squads: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class DocumentCheck:
    done: bool
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class DocumentChecklist:
    section: str
    items: tuple[DocumentCheck, ...]
    line: int = 0
    date: dt.date | None = None
    """The day its heading names; None: none, it is meant for every time."""


@dataclass(frozen=True, slots=True)
class DocumentNote:
    """A statement kept verbatim: a risk, blocker, gate, alignment, or what was not understood."""

    name: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """One document read by structure. Lines are 1-based; nothing is guessed, what is odd is a lint."""

    path: str
    kind: DocumentKind
    title: str = ""
    banner: bool = False
    start: dt.date | None = None
    """Programme start the document names, where it does."""
    as_of: dt.date | None = None
    """The date a status report speaks of."""
    squad: str | None = None
    """The squad a charter is about, as written."""
    mission: str = ""
    waves: tuple[DocumentWave, ...] = ()
    squads: tuple[DocumentSquad, ...] = ()
    dependencies: tuple[DocumentDependency, ...] = ()
    milestones: tuple[DocumentMilestone, ...] = ()
    rituals: tuple[DocumentRitual, ...] = ()
    steps: tuple[DocumentStep, ...] = ()
    items: tuple[DocumentItem, ...] = ()
    checklists: tuple[DocumentChecklist, ...] = ()
    alignments: tuple[DocumentNote, ...] = ()
    gates: tuple[DocumentNote, ...] = ()
    risks: tuple[DocumentNote, ...] = ()
    blockers: tuple[DocumentNote, ...] = ()
    metrics: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    unread: tuple[DocumentNote, ...] = ()
    """What stood in a place that is understood but could not itself be read; verbatim."""
    lints: tuple[Lint, ...] = ()
    sprints: tuple[DocumentSprint, ...] = ()
    prose: tuple[DocumentNote, ...] = ()
    """What stood in places no rule speaks of; verbatim, `name` is the heading."""
    banner_text: str = ""
    """The first paragraph before the first heading, verbatim."""


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """A document as last read well, and what is wrong with it now, if anything."""

    path: str
    document: Document | None = None
    modified_at: dt.datetime | None = None
    """The file's own time when it was last read well."""
    read_at: dt.datetime | None = None
    error: str | None = None
    """Why the newest version cannot be read, with its line; None when it can."""


@dataclass(frozen=True, slots=True)
class CellEdit:
    """One cell of one document to be rewritten: nothing else in the file changes."""

    path: str
    """As the configuration's documents are named."""
    line: int
    before: str
    """The cell's text as it stands."""
    after: str
    digest: str
    """SHA-256 of the whole file when the edit was made; another one by then refuses it."""
    start: int = 0
    end: int = 0
    """Bytes of the file that make place for `content`."""
    content: str = ""
    """`after`, with the space around it where that keeps a table's bars in line."""
