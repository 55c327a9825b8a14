"""What a section, a table column and a document are about, judged by their words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal, TypeVar

from controlroom.documents.dates import dates_in
from controlroom.documents.inline import plain
from controlroom.documents.outline import Outline, Section
from controlroom.documents.page import Page
from controlroom.domain.documents import DocumentKind

Role = Literal[
    "waves",
    "squads",
    "dependencies",
    "milestones",
    "rituals",
    "steps",
    "checklist",
    "alignments",
    "gates",
    "risks",
    "blockers",
    "mission",
    "sprints",
    "board",
]

T = TypeVar("T", bound=str)


def _rules(pairs: Sequence[tuple[T, str]]) -> tuple[tuple[T, re.Pattern[str]], ...]:
    return tuple((meaning, re.compile(words, re.IGNORECASE)) for meaning, words in pairs)


# The first that fits decides, so what is specific comes first.
_ROLES: tuple[tuple[Role, re.Pattern[str]], ...] = _rules(
    (
        ("checklist", r"\bcheck-?\s?lists?\b"),
        ("blockers", r"\bblock(?:er|ed|ing)s?\b|\bimpediments?\b|\bobstacles?\b"),
        ("risks", r"\brisks?\b|\bhazards?\b"),
        ("alignments", r"\balign(?:ment|ed|s)?\b|\bwave (?:role|participation|involvement|contribution)s?\b"),
        ("milestones", r"\bmile-?stones?\b|\bkey dates\b|\bcheckpoints?\b"),
        ("dependencies", r"\bdependenc|\bdepends? on\b|\bprerequisites?\b|\brel(?:y|ies) on\b|\bwe need\b"),
        (
            "rituals",
            r"\britual|\brhythm|\bcadences?\b|\bceremon|\bmeetings?\b|\brecurring\b|\btouch-?points?\b",
        ),
        (
            "steps",
            r"\bnext\b.{0,40}\b(?:steps?|actions?|moves|up)\b|\bnext (?:priorities|week)\b|\baction items?\b"
            r"|\bactions\b|\bto-?dos?\b|\bimplementation steps\b|\bup next\b|^\W*next\W*$|\bwhat.?s next\b",
        ),
        (
            "gates",
            r"\b(?:quality|exit|release|telemetry|sprint) gates?\b|\bgates\W*$"
            r"|\b(?:exit|acceptance) criteria\b|\bdefinition of done\b",
        ),
        ("mission", r"\bmission\b|\bpurpose\b|\bvision\b|\bwhy we exist\b"),
        (
            "waves",
            r"\btime-?lines?\b|\broad-?map\b|\bwaves\b|\bwave (?:over|calendar|plan|sched)|\bphases\b"
            r"|\bschedule\b",
        ),
        ("checklist", r"\bdeliverables?\b|\bpreparations?\b|\breadiness\b|\bprep\b"),
        (
            "squads",
            r"\bsquads\b|\bteams\b|\bcommitments?\b|\bcrews\b|\bcharters\b"
            r"|\b(?:squad|team|crew) (?:assignments?|roster|list|line-?up)\b|\bwho does what\b",
        ),
        ("sprints", r"\bsprints\b|\bdashboards?\b"),
        ("board", r"\bbacklog\b|\bexecution grid\b|\bboard\b|\bwork items\b"),
    )
)
_CHARTER_GATES = re.compile(
    r"\btelemetry\b|\bquality\b|\bsignals?\b|\bobservability\b|\bmetrics\b", re.IGNORECASE
)


def role_of(section: Section, kind: DocumentKind) -> Role | None:
    """What a section is about; its heading decides, else the headings around it, innermost first."""
    for title in (section.title, *reversed(section.parents)):
        role = _role(plain(title), kind)
        if role is not None:
            return role
    return None


def _role(title: str, kind: DocumentKind) -> Role | None:
    for role, pattern in _ROLES:
        if pattern.search(title):
            return "alignments" if role == "waves" and kind == "charter" else role
    if kind == "charter":
        if _CHARTER_GATES.search(title):
            return "gates"
        if re.fullmatch(r"waves?", title, re.IGNORECASE):
            return "alignments"
    return None


Column = Literal[
    "sprint",
    "squad",
    "sprint_or_squad",
    "epic",
    "tasks",
    "owner",
    "status",
    "progress",
    "id",
    "tags",
    "owning",
    "blocking",
    "due",
    "charter",
    "signals",
    "focus",
    "risk",
    "blocker",
    "dependency",
    "milestone",
    "ritual",
    "wave",
    "weeks",
    "dates",
    "begin",
    "finish",
    "time",
    "days",
    "zone",
    "minutes",
    "text",
    "step",
    "label",
    "proof",
]

_COLUMNS: tuple[tuple[Column, re.Pattern[str]], ...] = _rules(
    (
        ("sprint_or_squad", r"\b(?:squad|team|crew)\b.*\bsprint\b|\bsprint\b.*\b(?:squad|team|crew)\b"),
        ("proof", r"^\W*(?:proofs?|evidence|(?:verified|proven) by)\b"),
        ("owning", r"\bowning\b|\bowner (?:squad|team)\b|\bheld up\b|\bwaiting (?:squad|team)\b|\bwaiter\b"),
        ("blocking", r"\bblocking\b|\bblocked by\b|\bwaits? (?:on|for)\b|\bwaiting (?:on|for)\b"),
        ("focus", r"\bfocus\b|\bcommitments?\b|\bwaves? [a-z0-9](?:/[a-z0-9])*\b(?!.*\bsquads?\b)"),
        ("signals", r"\bsignals?\b|\btelemetry\b|\bmetrics?\b"),
        ("charter", r"\bcharters?\b"),
        ("risk", r"\brisks?\b"),
        ("blocker", r"\bblockers?\b|\bimpediments?\b"),
        ("dependency", r"\bdependenc(?:y|ies)\b|\bdepends on\b"),
        ("milestone", r"\bmilestones?\b|\bcheckpoint\b"),
        ("ritual", r"\britual\b|\bceremony\b|\bmeeting\b|\bevent\b"),
        ("due", r"\bdue\b|\btarget\b|\bdeadline\b|\beta\b|\bneeded by\b"),
        ("begin", r"^(?:start|begins?|from|opens|kick-?off)(?:s|ing)?(?: date| on)?$"),
        ("finish", r"^(?:end|finish|until|to|closes?)(?:s|ing)?(?: date| on)?$"),
        ("label", r"\bweek\s*/\s*day\b|\bday label\b|\blabel\b"),
        ("weeks", r"^weeks?\b"),
        ("days", r"^(?:week-?)?days?(?: of (?:the )?week)?$|\bfrequency\b|\bcadence\b|\brecurrence\b"),
        ("minutes", r"\bduration\b|\blength\b|\bminutes?\b|\btime-?box\b"),
        ("zone", r"\bzone\b|\btz\b"),
        ("time", r"^(?:start )?times?\b|^when\b|\bslot\b"),
        ("dates", r"\bdates?\b|\bwindow\b"),
        ("status", r"\bstatus\b|\bstate\b|\brag\b"),
        ("progress", r"\bprogress\b|\bcompletion\b|%|\bpercent\b"),
        ("owner", r"\bowners?\b|\bassignee|\bassigned\b|\bdri\b|\bresponsible\b|\bwho\b|\bleads?\b|\bpoc\b"),
        (
            "epic",
            r"\bepics?\b|\bfeatures?\b|\bstory\b|\bitem\b|\bdeliverables?\b|\binitiative\b|\bwork ?item\b",
        ),
        ("epic", r"^(?:title|name|topic|work)$"),
        (
            "tasks",
            r"\btasks?\b|\bdetails?\b|\bdescription\b|\bscope\b|\bnotes?\b|\bsummary\b|\bcompletions?\b",
        ),
        ("tags", r"\btags?\b|\blabels\b"),
        ("id", r"^(?:#|ids?|keys?|refs?|no\.?|tickets?)$"),
        ("step", r"^(?:steps?|actions?)$"),
        ("sprint", r"\bsprints?\b|\biteration\b|\bstream\b"),
        ("squad", r"\bsquads?\b|\bteams?\b|\bcrews?\b|\blanes?\b"),
        ("wave", r"\bwaves?\b|\bphase\b"),
        ("text", r"\bgoal\b|\boutcome\b|\bmeaning\b|\btext\b|\bwhat\b"),
    )
)


def columns_of(header: Sequence[str]) -> tuple[Column | None, ...]:
    """What each column of a table holds; None for one that no rule knows."""
    return tuple(
        next((column for column, pattern in _COLUMNS if pattern.search(plain(cell))), None) for cell in header
    )


TableRole = Literal["items", "squads", "milestones", "rituals", "waves", "notes", "steps", "unknown"]


def table_role(columns: Sequence[Column | None], section: Role | None, kind: DocumentKind) -> TableRole:
    """What the rows of a table with `columns` are, in a section about `section`."""
    have = {column for column in columns if column}
    first = columns[0] if columns else None
    about_squads = "squad" in have and have & {"signals", "focus"} and not have & {"epic", "sprint"}
    if "charter" in have or (about_squads and not (kind == "status" and "status" in have)):
        return "squads"
    if first in {"risk", "blocker", "dependency"} or section in {
        "risks",
        "blockers",
        "dependencies",
        "gates",
    }:
        return "notes"
    if "milestone" in have or section == "milestones":
        return "milestones"
    if ("ritual" in have or section == "rituals") and have & {"time", "days", "dates"}:
        return "rituals"
    if (first == "wave" or (section == "waves" and "wave" in have)) and have & {
        "weeks",
        "dates",
        "begin",
        "finish",
    }:
        return "waves"
    named = have & {"epic", "tasks"}
    if "epic" in have or (
        have & {"status", "progress"} and (named or have & {"sprint", "sprint_or_squad", "squad"})
    ):
        return "items"
    if "step" in have and have & {"status", "progress"}:
        return "steps"
    if section == "squads" and "squad" in have:
        return "squads"
    return "unknown"


_TITLE_KINDS: tuple[tuple[DocumentKind, re.Pattern[str]], ...] = _rules(
    (
        ("charter", r"\bcharter\b"),
        ("backlog", r"\bbacklog\b|\bexecution grid\b|\bkanban\b"),
        ("schedule", r"\bschedule\b|\bwave plan\b|\broad-?map\b|\bmaster plan\b|\btime-?line\b"),
        (
            "handbook",
            r"\bcommand[\s_-]cent(?:er|re)\b|\bhand-?book\b|\bplay-?book\b|\bguide\b|\bmanual\b|\brun-?book\b|\boperating\b",
        ),
        ("status", r"\bstatus\b|\breport\b|\bsnapshot\b|\bprogress\b"),
    )
)
_SPRINT_TITLE = re.compile(r"^\W*(?:sprint|iteration)[\s_#-]*[0-9]+", re.IGNORECASE)


def title_kind(outline: Outline, path: str) -> DocumentKind:
    """The kind a document's title, headings and file name speak of; "unknown" where they do not."""
    name = PurePosixPath(path.replace("\\", "/"))
    votes: dict[DocumentKind, int] = {}

    def vote(text: str, weight: int) -> None:
        for kind, pattern in _TITLE_KINDS:
            if pattern.search(text):
                votes[kind] = votes.get(kind, 0) + weight

    title = plain(outline.title)
    vote(title, 4)
    vote(name.stem.replace("_", " "), 2)
    dated = bool(dates_in(title, None))
    if "status" in votes and dated:
        votes["status"] += 3
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", name.name):
        votes["status"] = votes.get("status", 0) + 3
    if _SPRINT_TITLE.search(title) or _SPRINT_TITLE.search(name.stem):
        votes["sprint"] = 5
    titles = {
        role
        for section in outline.sections
        if section.level > 1
        for role in [_role(section.title, "unknown")]
    }
    if "mission" in titles:
        votes["charter"] = votes.get("charter", 0) + 3
    if "alignments" in titles:
        votes["charter"] = votes.get("charter", 0) + 2
    best = max(votes.items(), key=lambda pair: pair[1], default=("unknown", 0))
    return best[0] if best[1] >= 3 else "unknown"


def final_kind(guess: DocumentKind, page: Page, dated: bool) -> DocumentKind:
    """`guess`, or what the document turned out to hold where its title says nothing.

    `dated` says whether its title or file name gives the day it speaks of.
    """
    if guess == "handbook" and page.waves and page.squads:
        return "schedule"
    if guess != "unknown":
        return guess
    name = PurePosixPath(page.path.replace("\\", "/")).stem.replace("_", " ")
    named = next((kind for kind, pattern in _TITLE_KINDS if pattern.search(name)), None)
    scores: dict[DocumentKind, int] = {
        "schedule": 3 * bool(page.waves) + 2 * bool(page.squads) + 2 * bool(page.milestones),
        "backlog": 4 * (sum(bool(item.status_text) for item in page.items) > 1),
        "charter": 2 * bool(page.alignments) + bool(page.gates) + bool(page.mission),
        "status": 2 * bool(page.blockers) + 2 * (dated and bool(page.blockers or page.steps)),
        "handbook": 2 * bool(page.rituals) + bool(page.checklists),
    }
    kind, score = max(scores.items(), key=lambda pair: pair[1])
    if score >= 2:
        return kind if score > 2 else named or kind
    if named is None and any(spot.column is not None or spot.text for spot in page.spots):
        return "backlog"  # a card is a card, also where it is the only one, and its status is to be written
    return named or "unknown"
