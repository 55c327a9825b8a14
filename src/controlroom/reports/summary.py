"""The executive summary of a programme week, from data only: every line names where it is from.

What counts is what was written down: the week's status files, the triage log, what documents list as risks.
Nothing is judged and nothing is guessed. Where something would have to be known and is not, that is a line of
its own, with the reason.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

from controlroom.domain import calendar, milestones, ranking, zones
from controlroom.domain.diff import diff
from controlroom.domain.fold_args import NAME_LIMIT
from controlroom.domain.fold_card import read as read_status
from controlroom.domain.frozen import dataclass
from controlroom.domain.program import Program
from controlroom.domain.rituals import between
from controlroom.domain.runs import CaptureKind
from controlroom.domain.snapshot import Change, Snapshot, StatusFile
from controlroom.domain.status import blockers as listed_in
from controlroom.domain.telemetry import UNKNOWN_CODES, GapCode
from controlroom.domain.text import clean
from controlroom.domain.triage import Blocker
from controlroom.domain.words import Names, deed
from controlroom.reports.happened import Deed, Past

NO_MITIGATION = "no mitigation recorded"

_AGAINST = re.compile(
    r"(?<=\S)\s*(?:→|->|=>|[—–;:.(])\s*(mitigat(?:e|ed|es|ing|ion|ions)\b.*)$", re.IGNORECASE
)

NAMED = 5
"""Signals, cards or days named in one line; the rest are counted."""

OPEN = "open blockers"
"""What the facts of open blockers are called."""

_GOOD = ("item_done", "signal_recovered")
_BAD = ("item_regression", "blocker_unlisted")
_MITIGATING = ("direct", "accept", "escalate", "assign", "resolve")
"""What people do about a blocker that is told as its mitigation."""


class Line(NamedTuple):
    """One fact and where it is from: files, ``log rev 12``, ``plan.md:7``."""

    text: str
    source: str
    kind: str = ""
    """What many such facts are called, as ``cards done``: of a long list only the first are told."""


@dataclass(frozen=True, slots=True)
class Risk:
    """Something that went wrong or may, and what was written down against it."""

    fact: Line
    mitigations: tuple[Line, ...] = ()


@dataclass(slots=True)
class Summary:
    """One programme week: local dates [start, end)."""

    week: int
    start: dt.date
    end: dt.date
    accomplishments: list[Line] = field(default_factory=list)
    risks: list[Risk] = field(default_factory=list)
    helped: list[Line] = field(default_factory=list)
    """Mitigations of what is no risk any more."""
    decided: list[Line] = field(default_factory=list)
    unknown: list[Line] = field(default_factory=list)
    nothing_done: Line = field(default_factory=lambda: Line(NO_MITIGATION, "log"))
    """What is said of a risk without a mitigation."""
    escalated: int = 0
    """How many of the open blockers are."""


class Read(NamedTuple):
    """The week's status files as they were read, oldest first, and what of the folder could not be."""

    files: tuple[StatusFile, ...] = ()
    unreadable: tuple[str, ...] = ()


def week_of(program: Program, week: int) -> tuple[dt.date, dt.date]:
    """The local dates [first, last) of a programme week. Raises ValueError where there is no such week."""
    if program.start is None:
        raise ValueError("the programme has no start, and so no weeks")
    return calendar.week_range(program.calendar, program.start, week, week)


def this_week(program: Program, now: dt.datetime) -> int:
    """The programme week at `now`. Raises ValueError without a start."""
    if program.start is None:
        raise ValueError("the programme has no start, and so no weeks")
    return calendar.position(program.calendar, program.start, zones.local(now, program.zone).date()).week


def summary(snapshot: Snapshot, read: Read, week: int, now: dt.datetime) -> Summary:
    """What is known of that week at `now`. Raises ValueError where there is no such week."""
    return _Week(snapshot, read, week, now).told()


class _Week:
    def __init__(self, snapshot: Snapshot, read: Read, week: int, now: dt.datetime) -> None:
        start, end = week_of(snapshot.program, week)
        zone = snapshot.program.zone
        self.snapshot, self.read, self.now = snapshot, read, now
        self.program, self.past = snapshot.program, Past(snapshot)
        self.first = zones.midnight(start, zone)
        over = zones.midnight(end, zone)
        self.over = now >= over
        self.last = min(over - dt.timedelta(microseconds=1), now)
        self.files = tuple(sorted((f for f in read.files if f.as_of <= now), key=lambda f: (f.as_of, f.path)))
        self.summary = Summary(week, start, end)
        self.deeds = self.past.deeds(self.first, self.last)

    def told(self) -> Summary:
        made = self.summary
        made.accomplishments += self._moved_to_done()
        self._compared()
        self._milestones()
        self._blockers()
        made.risks += self._stood()
        made.risks += self._from_documents()
        made.decided += [*self._captured("decision"), *self._captured("task")]
        self._rituals()
        made.unknown += self._not_known()
        if self.snapshot.ledger is None:
            made.nothing_done = Line("whether anything was done is not known, as the log was not read", "log")
        return made

    def _names(self) -> Names:
        zone = self.program.zone
        return Names(squad=self._squad, instant=lambda at: zones.label(at, zone, dated=True))

    def _squad(self, name: str) -> str:
        known = self.program.squad(name)
        return (known.name or known.id) if known else name

    def _moved_to_done(self) -> Iterator[Line]:
        """Cards whose last move of the week was to done, where no later status file says otherwise."""
        moves: dict[str, Deed] = {}
        for one in self.deeds:
            if one.action.kind == "status" and self.past.card(one.action.item) is not None:
                moves[one.action.item] = one
        last = self.files[-1] if self.files else None
        there = {one.get("id"): one for one in _entries(last, "items")} if last is not None else {}
        for item, one in moves.items():
            card = self.past.card(item)
            if card is None or read_status(one.action.args.get("status")) != "done":
                continue
            later = there.get(item) if last is not None and last.as_of >= one.action.at else None
            if later is None or later.get("status") == "done":
                squad = f" ({self._squad(card.squad)})" if card.squad else ""
                yield Line(f"Done: {card.epic}{squad}, moved by {_who(one)}", _rev(one), "cards done")

    def _compared(self) -> None:
        """What differs between the first and the last status file of the week."""
        if len(self.files) < 2:
            return
        first, last = self.files[0], self.files[-1]
        source = f"{_name(first)} → {_name(last)}"
        known = {one.action.item for one in self.deeds}
        told = {
            one.action.item
            for one in self.deeds
            if one.action.kind == "status" and read_status(one.action.args.get("status")) == "done"
        }
        for change in diff(first.data, last.data):
            line = Line(_sentence(change.text), source, "changes")
            if change.category in _GOOD and change.id not in told:
                self.summary.accomplishments.append(line)
            elif change.category in ("gate_changed", "service_changed"):
                if change.after in ("PASS", "up"):
                    self.summary.accomplishments.append(line)
            elif change.category == "blocker_resolved" and change.id not in known:
                self.summary.accomplishments.append(line)
            elif change.category in _BAD or _slipped(change):
                self.summary.risks.append(Risk(line))

    def _milestones(self) -> None:
        """Those dated in the week: met and missed as recorded; a date alone says nothing."""
        # Whatever day it is made, a date of a week that is over has gone by.
        day = self.summary.end if self.over else zones.local(self.now, self.program.zone).date()
        for one in self.program.milestones:
            if one.date is None or not self.summary.start <= one.date < self.summary.end:
                continue
            stands = milestones.status(one, day)
            origin = self.program.origins.get(f"milestone/{one.id}")
            source = _place(origin.path, origin.line) if origin is not None else "configuration"
            line = Line(
                f"Milestone {one.label or one.date.isoformat()}, {one.text.rstrip('.')}: {stands.text}",
                source,
            )
            if stands.state == "met":
                self.summary.accomplishments.append(line)
            elif stands.state == "missed":
                self.summary.risks.append(Risk(line))
            elif stands.state == "passed":
                self.summary.unknown.append(line)

    def _blockers(self) -> None:
        """Resolved in the week, and what was open when it ended."""
        resolved = {
            one.action.item: one
            for one in self.deeds
            if one.action.kind == "resolve" and self.past.is_blocker(one.action.item)
        }
        # Cards wait too, but as they do now: the week is told the same whenever it is.
        for blocker in ranking.ranked(self._at_the_end(), self.last, program=self.program):
            one = resolved.get(blocker.id)
            if blocker.state != "resolved":
                self.summary.risks.append(self._open(blocker))
                self.summary.escalated += blocker.state == "escalated"
            elif one is not None:
                text = f"Blocker resolved: {blocker.summary}{self._waits(blocker)}, by {_who(one)}"
                self.summary.accomplishments.append(Line(text, _rev(one), "blockers resolved"))
                helped = blocker.mitigation or NO_MITIGATION
                text = f"{blocker.summary}, resolved: {helped}"
                self.summary.helped.append(Line(text, _rev(one), "mitigations of what was resolved"))

    def _at_the_end(self) -> list[Blocker]:
        """Every blocker as it was at the end of the week, as far as log and status files tell.

        What only documents list is taken from the last status file: they speak of the present alone.
        """
        listed = {one.id: one for one in listed_in(self.files[-1])} if self.files else {}
        found = {one.id: one for one in self.past.blockers(self.last) if self.past.opened(one.id)}
        if not self.files and not self.over:
            found = {one.id: one for one in self.past.blockers(self.last)}
        for id_, blocker in listed.items():
            if id_ not in found:
                found[id_] = self.past.onto(blocker, self.files[-1].as_of, self.last)
        return list(found.values())

    def _open(self, blocker: Blocker) -> Risk:
        since = blocker.opened_at or blocker.first_seen
        dated = zones.label(since, self.program.zone, dated=True) if since is not None else ""
        least = "" if blocker.opened_at else "at least "
        when = f", open {least}since {dated}" if dated else ""
        owner = f", owner {blocker.owner}" if blocker.owner else ", no owner"
        state = f", {blocker.state}" if blocker.state != "open" else ""
        said = f"Blocker: {blocker.summary}{self._waits(blocker)}{owner}{state}{when}"
        fact = Line(said, self._opened(blocker), OPEN)
        done = [one for one in self.past.of(blocker.id, self.last) if one.action.kind in _MITIGATING]
        mitigations = [
            Line(f"{deed(one.action, self._names())}, by {_who(one)}", _rev(one))
            for one in done
            if one.action.kind != "resolve"
        ]
        return Risk(fact, tuple(mitigations))

    def _opened(self, blocker: Blocker) -> str:
        """Where a blocker is written down: the log, else the document, else the status file."""
        first = next(iter(self.past.of(blocker.id, self.last)), None)
        if first is not None and first.action.kind == "open":
            return _rev(first)
        last = _name(self.files[-1]) if self.files else ""
        return _place(blocker.source, blocker.line) if blocker.source else last

    def _waits(self, blocker: Blocker) -> str:
        waiter, on = blocker.owning_squad, blocker.blocking_squad
        if not waiter and not on:
            return ""
        nobody = "a squad not named"
        names = [self._squad(name) if name else nobody for name in (waiter, on)]
        return f" ({names[0]} waits on {names[1]})"

    def _stood(self) -> Iterator[Risk]:
        """Gates, signals and services as the last status file of the week has them."""
        if not self.files:
            return
        last, source = self.files[-1], _name(self.files[-1])
        waived = [one for one in self.deeds if one.action.kind == "waive"]
        waves = {wave.id: wave.name for wave in self.program.waves}
        for gate in _entries(last, "gates"):
            if gate.get("verdict") == "FAIL":
                share = f"{_text(gate.get('ok'))} of {_text(gate.get('required'))} required signals delivered"
                if gate.get("unknown"):
                    share = f"{_text(gate['unknown'])} of {_text(gate.get('required'))} signals are not known"
                bare = [
                    self._squad(_text(one.get("squad")))
                    for one in _parts(gate.get("squads"))
                    if one.get("verdict") == "NOT_DECLARED"
                ]
                share += f"; nothing is declared by {some(bare)}" if bare else ""
                wave = waves.get(_text(gate.get("wave"))) or _text(gate.get("wave"))
                yield Risk(Line(f"Gate of {wave}: FAIL, {share}", source, "gates that fail"))
        gaps: dict[str, list[Mapping[str, Any]]] = {}
        for one in _entries(last, "signals"):
            if one.get("code") not in (str(GapCode.OK), *map(str, UNKNOWN_CODES)):
                gaps.setdefault(_text(one.get("squad")), []).append(one)
        for squad, lost in gaps.items():
            named = some(
                [
                    f"{_text(one.get('metric') or one.get('topic')) or 'none declared'} "
                    f"{_text(one.get('code'))}"
                    for one in lost
                ]
            )
            excused = tuple(
                Line(f"{deed(one.action, self._names())}, by {_who(one)}", _rev(one))
                for one in waived
                if one.action.item.startswith(f"signal:{squad}/")
            )
            fact = Line(f"Telemetry of {self._squad(squad)}: {named}", source, "squads with gaps")
            yield Risk(fact, excused)
        for one in _entries(last, "services"):
            if one.get("state") in ("down", "degraded"):
                error = f": {_text(one.get('error'))}" if one.get("error") else ""
                said = f"Service {_text(one.get('id'))} {one['state']}{error}"
                yield Risk(Line(said, source, "services down or degraded"))

    def _from_documents(self) -> Iterator[Risk]:
        """Risks that documents listed then, as the last status file has them; else those they list now."""
        if self.files:
            entries = [
                (_text(one.get("name")), _text(one.get("text")), _text(one.get("source")), one.get("line"))
                for one in _entries(self.files[-1], "risks")
            ]
        else:
            entries = [
                (risk.name, risk.text, reading.path, risk.line)
                for reading in self.snapshot.documents
                if reading.document is not None
                for risk in reading.document.risks
            ]
        for name, text, path, line in entries:
            source = _place(path, line if isinstance(line, int) else None)
            said = text if not name or text.startswith(name) else f"{name}: {text}" if text else name
            risk, against = split_risk(said)
            fact = Line(risk, source, "risks that documents list")
            yield Risk(fact, (Line(against, source),) if against else ())

    def _captured(self, kind: CaptureKind) -> Iterator[Line]:
        revs = {one.action.id: one for one in self.deeds}
        for run in self.snapshot.runs:
            for one in run.captures:
                mine = revs.get(one.id)
                if one.kind != kind or mine is None:
                    continue
                day = zones.local(one.at, self.program.zone).date().isoformat()
                what = "Decision" if kind == "decision" else f"Action item of {one.owner or 'nobody named'}"
                due = f"; due {one.due or 'no date'}" if kind == "task" else ""
                many = "decisions" if kind == "decision" else "action items"
                yield Line(f"{what}: {one.text} ({one.by}, {day}{due})", _rev(mine), many)

    def _rituals(self) -> None:
        """How often each ritual was held, and of how many times there is no record."""
        if self.snapshot.ledger is None:
            return
        held = {run.key for run in self.snapshot.runs if not run.on}
        planned: dict[str, list[str]] = {}
        kept: dict[str, int] = {}
        titles: dict[str, str] = {}
        for one in between(self.program, self.first, self.last + dt.timedelta(microseconds=1)):
            if one.cancelled:
                continue
            id_ = one.ritual.id
            titles[id_] = one.ritual.title or id_
            if (id_, one.local_date) in held:
                kept[id_] = kept.get(id_, 0) + 1
            elif (one.end or one.start) <= self.last:
                planned.setdefault(id_, []).append(one.local_date.isoformat())
        for id_, number in kept.items():
            times = "once" if number == 1 else f"{number} times"
            self.summary.accomplishments.append(Line(f"{titles[id_]}: held {times}", "log"))
        for id_, days in planned.items():
            text = f"{titles[id_]}: no record of {some(days)}"
            self.summary.unknown.append(Line(text, "log"))

    def _not_known(self) -> Iterator[Line]:
        folder = self.snapshot.source("status")
        where = (folder.title if folder is not None else "") or "the status folder"
        if not self.over:
            yield Line(f"The week is not over: it ends on {self.summary.end.isoformat()}", "calendar")
        for text in self.read.unreadable:
            yield Line(f"A status file cannot be read: {text}", where)
        if not self.files:
            none = "No status file of this week"
            if self.read.unreadable:
                none += " that could be read"
            yield Line(f"{none}: cards, gates, signals and services then", where)
        elif len(self.files) == 1:
            yield Line(
                "One status file only: what changed in the week cannot be told from it", _name(self.files[0])
            )
        dates = {file.for_date for file in self.files}
        missing = [day for day in self._days() if day not in dates]
        if self.files and missing:
            yield Line(f"No status file of {some(missing)}", where)
        if self.snapshot.ledger is None:
            store = self.snapshot.source("store")
            why = (store.error if store is not None else None) or "it has not been read"
            yield Line(f"What people did: the triage log could not be read: {why}", "log")
        for reading in self.snapshot.documents:
            if reading.error:
                yield Line(f"A document cannot be read: {reading.error}", reading.path)
        if self.files:
            yield from self._unknown_then(self.files[-1])

    def _days(self) -> list[str]:
        last = min(self.summary.end, zones.local(self.now, self.program.zone).date() + dt.timedelta(days=1))
        count = (last - self.summary.start).days
        return [(self.summary.start + dt.timedelta(days=n)).isoformat() for n in range(count)]

    def _unknown_then(self, last: StatusFile) -> Iterator[Line]:
        """What the room could not vouch for when it wrote the last file, by kind and reason."""
        grouped: dict[tuple[str, str], list[str]] = {}
        for one in _entries(last, "unknowns"):
            grouped.setdefault((_text(one.get("kind")), _text(one.get("text"))), []).append(
                _text(one.get("id")).removesuffix("/*")
            )
        for (kind, why), ids in grouped.items():
            kinds = f"{kind}s" if len(ids) > 1 and not kind.endswith("s") else kind
            yield Line(f"{kinds.capitalize()} {some(ids)}: {why or 'no reason recorded'}", _name(last))
        cards = [one for one in _entries(last, "items") if one.get("status") == "unknown"]
        if cards:
            named = some([_text(one.get("epic") or one.get("id")) for one in cards])
            yield Line(f"Cards whose status cannot be read: {named}", _name(last))


def split_risk(said: str) -> tuple[str, str]:
    """A risk as a document states it, and what it says against it: ``Lag → Mitigate with an outbox``.

    The second is empty where it says nothing; a word in the middle of a sentence is none.
    """
    found = _AGAINST.search(said)
    return (said[: found.start()].strip(), found[1].strip()) if found else (said, "")


def _entries(file: StatusFile, section: str) -> list[Mapping[str, Any]]:
    return _parts(file.data.get(section))


def _parts(found: object) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _slipped(change: Change) -> bool:
    """Whether a date has moved back."""
    return change.category == "date_slipped" and (change.after or "") > (change.before or "")


def _text(value: object) -> str:
    return "" if value is None else clean(value, 300)


def some(names: Sequence[str]) -> str:
    """The first names in a line, and how many more there are."""
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *more])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _who(one: Deed) -> str:
    return clean(one.action.actor, NAME_LIMIT).strip() or "nobody named"


def _rev(one: Deed) -> str:
    return f"log rev {one.rev}" if one.rev is not None else "outbox, not in the log yet"


def _name(file: StatusFile) -> str:
    return file.path.rpartition("/")[2]


def _place(path: str | None, line: int | None) -> str:
    return f"{path or 'a document'}:{line}" if line else path or "a document"
