"""Checklists: the boxes of one holding of a ritual, and who ticked them.

A box is declared with the ritual, or listed for it by a document: a checklist whose heading bears the
ritual's title. One whose heading names a day is meant for that day's holding only; one in a status report,
which speaks of a day too, for the first holding from that day on; any other for every holding.

Nothing ticks itself: a box is done because a person says so, or because its document does. What was left
unticked at a holding is carried over to the next one until it is ticked there.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from controlroom.domain import claims, rituals
from controlroom.domain.claims import Claim
from controlroom.domain.frozen import dataclass
from controlroom.domain.holdings import records_of
from controlroom.domain.program import Program
from controlroom.domain.remember import remember
from controlroom.domain.rituals import Occurrence, ReadyGate, Ritual
from controlroom.domain.runs import BOX, Box, Key, Run, key_of, run_of
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import slug
from controlroom.domain.zones import local

if TYPE_CHECKING:
    from controlroom.domain.documents import Document, DocumentReading

EARLIER = 120
"""Holdings of a ritual that are looked back on."""

_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_CODE = re.compile(r"`+([^`]{1,200})`+")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PASSED_OVER = frozenset(
    (
        *("checklist", "checklists", "check", "list", "lists", "daily", "weekly", "monthly"),
        *("the", "a", "an", "for", "of", "our", "every", "each"),
        *_DAYS,
        *(day[:3] for day in _DAYS),
    )
)
"""Words of a title that do not tell one ritual from another."""


@dataclass(frozen=True, slots=True)
class CheckBox:
    """One box of the checklist of one holding."""

    key: Key
    words: str
    """As written."""
    done: bool = False
    by: str = ""
    """Who ticked it last, or took the tick from it; empty: nobody, though its document may."""
    at: dt.datetime | None = None
    evidence: str = ""
    why: str = ""
    path: str | None = None
    line: int | None = None
    """Where a document lists it; None: the configuration does."""
    carried_from: dt.date | None = None
    """Date of the first holding since which it has been left unticked."""
    last_action: str | None = None
    pending: bool = False
    listed: bool = True
    """False for one that was ticked and that nobody lists any more."""

    @property
    def item(self) -> str:
        """What the triage log calls it."""
        return self.key.box(self.words)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A box as it is written, and for which days it is meant: a day, from a day on, or always."""

    words: str
    path: str | None = None
    line: int | None = None
    done: bool = False
    on: dt.date | None = None
    since: dt.date | None = None


def boxes(snapshot: Snapshot, key: Key) -> tuple[CheckBox, ...]:
    """The boxes of that holding: those carried over, oldest first, then the others in their order."""
    ritual = ritual_of(snapshot.program, key.ritual)
    if ritual is None:
        return ()
    listed = _all_listed(snapshot.program, snapshot.documents).get(ritual.id, ())
    ticked = _ticked(snapshot.boxes)
    carried: dict[str, tuple[_Listed, dt.date]] = {}
    for date in _held(snapshot.runs, snapshot.boxes).get(ritual.id, ()):
        if date < key.date:
            carried = _left(Key(ritual.id, date), _meant(listed, ritual, date), ticked, carried)
    own = _meant(listed, ritual, key.date)
    found = [
        replace(_box(key, own.get(name, one), ticked), carried_from=since)
        for name, (one, since) in sorted(carried.items(), key=lambda entry: entry[1][1])
    ]
    found += [_box(key, one, ticked) for name, one in own.items() if name not in carried]
    known = {one.item for one in found} | {key.box(gate.text) for gate in ritual.gates}
    rest = (box for box in snapshot.boxes if box.key == key and box.item not in known)
    return (*found, *(_forgotten(box) for box in rest))


def has_boxes(snapshot: Snapshot, ritual: Ritual) -> bool:
    """Whether anything is declared or listed for `ritual`, or left to be ticked by a person before it."""
    listed = _all_listed(snapshot.program, snapshot.documents).get(ritual.id, ())
    return bool(listed) or any(manual(gate) for gate in ritual.gates)


def manual(gate: ReadyGate) -> bool:
    """Whether a person ticks it: it names nothing that could be looked at."""
    return gate.service is None and gate.signal is None and gate.item is None


def left(found: Iterable[CheckBox]) -> tuple[CheckBox, ...]:
    """Those that are not done."""
    return tuple(box for box in found if not box.done)


def words_of(snapshot: Snapshot, item: str) -> str | None:
    """What the box that the log calls `item` says, on a checklist or as a gate of its ritual; None where
    nobody has such a box and none was ticked."""
    key = key_of(item)
    ritual = ritual_of(snapshot.program, key.ritual) if key is not None and item.startswith(BOX) else None
    if key is None or ritual is None:
        return None
    named = [gate.text for gate in ritual.gates] + [box.words for box in boxes(snapshot, key)]
    return next((words for words in named if key.box(words) == item), None)


def ritual_of(program: Program, id_: str) -> Ritual | None:
    """The ritual with that id."""
    return next((ritual for ritual in program.rituals if ritual.id == id_), None)


def holding(snapshot: Snapshot, ritual: str, now: dt.datetime) -> Occurrence | None:
    """The occurrence whose boxes are ticked at `now`: the one whose run is on, the one in progress, one that
    ended so lately that its record is not due yet, else the next; None where there is none."""
    program = snapshot.program
    found = ritual_of(program, ritual)
    if found is None:
        return None
    today = local(now, program.zone).date()
    around = [
        one
        for one in rituals.occurrences(
            found,
            today - dt.timedelta(days=2),
            today + dt.timedelta(days=1),
            program.zone,
            program.holidays,
            start=program.start,
            rules=program.calendar,
        )
        if not one.cancelled
    ]
    for one in around:
        run = run_of(snapshot.runs, Key(ritual, one.local_date))
        if run is not None and run.on:
            return one
    begun = [one for one in around if one.start <= now or _ended(one, snapshot.runs) is not None]
    for one in reversed(begun):
        ended = _ended(one, snapshot.runs) or one.end or one.start + rituals.STARTED_FOR
        if now - ended < rituals.RECORD_DUE:
            return one
    coming = rituals.agenda(program, now, records=records_of(snapshot)).next
    return next((one for one in coming if one.ritual.id == ritual), begun[-1] if begun else None)


def _ended(occurrence: Occurrence, runs: Sequence[Run]) -> dt.datetime | None:
    """When it was held to its end, which may be before its time; None where it was not."""
    run = run_of(runs, Key.of(occurrence))
    return run.finished_at if run is not None else None


def on_date(snapshot: Snapshot, date: dt.date) -> tuple[Key, ...]:
    """The holdings that take place on that date and have boxes, in the order of configuration."""
    found = []
    for ritual in snapshot.program.rituals:
        changes = {change.date: change for change in ritual.changes}
        own = changes.get(date)
        stays = own is None or own.to_date == date or (own.to_date is None and own.to_time is not None)
        days = [date] if rituals.falls_on(ritual, date) and stays else []
        days += [change.date for change in ritual.changes if change.to_date == date and change.date != date]
        found += [key for day in days if boxes(snapshot, key := Key(ritual.id, day))]
    return tuple(found)


def beside(snapshot: Snapshot, box: CheckBox, now: dt.datetime) -> tuple[Claim, ...]:
    """What the room sees of the things that the box names in back-ticks. It ticks nothing."""
    return claims.seen(snapshot, dict.fromkeys(_CODE.findall(box.words)), now)


# Which boxes there are


@remember
def _all_listed(
    program: Program, documents: tuple[DocumentReading, ...]
) -> Mapping[str, tuple[_Listed, ...]]:
    """Ritual → every box that is declared or listed for it."""
    found: dict[str, list[_Listed]] = {
        r.id: [_Listed(words) for words in r.checklist] for r in program.rituals
    }
    cores = [(core, r.id) for r in program.rituals if (core := _core(r.title or r.id))]
    for reading in documents:
        for named, one in _of_document(reading.document, reading.path, cores):
            found[named].append(one)
    return {ritual: tuple(listed) for ritual, listed in found.items()}


def _of_document(
    document: Document | None, path: str, cores: Sequence[tuple[tuple[str, ...], str]]
) -> Iterator[tuple[str, _Listed]]:
    if document is None:
        return
    for checklist in document.checklists:
        said = _core(checklist.section)
        fitting = [(len(core), id_) for core, id_ in cores if _within(core, said)]
        if not fitting:
            continue
        most = max(length for length, _ in fitting)
        ritual = next(id_ for length, id_ in fitting if length == most)
        since = document.as_of if checklist.date is None and document.kind == "status" else None
        dated = checklist.date is not None or since is not None
        for check in checklist.items:
            # A tick on a list for every time does not say at which of them it was done.
            done = check.done and dated
            yield ritual, _Listed(check.text, path, check.line, done, checklist.date, since)


@lru_cache(maxsize=512)
def _core(title: str) -> tuple[str, ...]:
    """The words of a title that tell which ritual it is."""
    words = slug(_ASIDE.sub(" ", title)).split("_")
    return tuple(word for word in words if word and word not in _PASSED_OVER)


def _within(words: tuple[str, ...], said: tuple[str, ...]) -> bool:
    """Whether `words` stand in `said` next to one another."""
    return any(said[n : n + len(words)] == words for n in range(len(said) - len(words) + 1))


def _meant(listed: Sequence[_Listed], ritual: Ritual, date: dt.date) -> dict[str, _Listed]:
    """Those that are meant for the holding whose rule gives it `date`, by name, each once.

    Of several places that list the same, the one that says it is done is told of, else the first.
    """
    found: dict[str, _Listed] = {}
    for one in listed:
        if _fits(one, ritual, date):
            name = _name(one.words)
            known = found.setdefault(name, one)
            if one.done and not known.done:
                found[name] = one
    return found


def _fits(one: _Listed, ritual: Ritual, date: dt.date) -> bool:
    if one.on is not None:
        moved = next((change.to_date for change in ritual.changes if change.date == date), None)
        return one.on in (date, moved)
    return one.since is None or _first_from(ritual, one.since) == date


@lru_cache(maxsize=64)
def _first_from(ritual: Ritual, since: dt.date) -> dt.date | None:
    days = (since + dt.timedelta(days=n) for n in range(rituals.SEARCH_DAYS))
    return next((day for day in days if rituals.falls_on(ritual, day)), None)


# What became of them


@remember
def _ticked(found: tuple[Box, ...]) -> Mapping[str, Box]:
    return {box.item: box for box in found}


@remember
def _held(runs: tuple[Run, ...], ticked: tuple[Box, ...]) -> Mapping[str, tuple[dt.date, ...]]:
    """Ritual → dates of the holdings that were held, or in which something was ticked; the oldest first."""
    keys = {run.key for run in runs if not run.on} | {box.key for box in ticked if box.done}
    found: dict[str, list[dt.date]] = {}
    for key in sorted(keys):
        found.setdefault(key.ritual, []).append(key.date)
    return {ritual: tuple(dates[-EARLIER:]) for ritual, dates in found.items()}


def _left(
    key: Key,
    own: Mapping[str, _Listed],
    ticked: Mapping[str, Box],
    carried: Mapping[str, tuple[_Listed, dt.date]],
) -> dict[str, tuple[_Listed, dt.date]]:
    """What is carried on from the holding `key`: name → the box, and since which holding."""
    due = {name: (own.get(name, one), since) for name, (one, since) in carried.items()}
    due |= {name: (one, key.date) for name, one in own.items() if name not in carried}
    return {name: (one, since) for name, (one, since) in due.items() if not _box(key, one, ticked).done}


def _box(key: Key, one: _Listed, ticked: Mapping[str, Box]) -> CheckBox:
    box = ticked.get(key.box(one.words))
    if box is None:
        return CheckBox(key, one.words, one.done, path=one.path, line=one.line)
    return replace(_forgotten(box), words=one.words, path=one.path, line=one.line, listed=True)


def _forgotten(box: Box) -> CheckBox:
    """A box that only the log knows; its words are lost, its name is left."""
    return CheckBox(
        box.key,
        box.name.replace("_", " "),
        box.done,
        box.by,
        box.at,
        box.evidence,
        box.why,
        last_action=box.last_action,
        pending=box.pending,
        listed=False,
    )


def _name(words: str) -> str:
    return _ANY.box(words).rpartition("/")[2]


_ANY = Key("", dt.date.min)
