"""Runs: one holding of a ritual, from its beginning to its end, as the triage log tells it.

Every key pressed in a ritual is an action in the log. So every terminal shows the same run, one that comes
late or comes back has all of it, and a crash in the middle loses nothing: the run is simply still on.

Three kinds of item belong to the holding of `ritual` on the local date `date`:

- ``ritual:<ritual>/<date>``: its course, moved on by whoever drives it,
- ``minutes:<ritual>/<date>``: what was decided and said, by anybody,
- ``box:<ritual>/<date>/<box>``: one box of its checklist, ticked by anybody.

Whatever stands in the log, folding it raises nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

from controlroom.domain.actions import Action
from controlroom.domain.fold_args import LINE_LIMIT, NAME_LIMIT, acted, effective, text
from controlroom.domain.frozen import dataclass
from controlroom.domain.ledger import Ledger
from controlroom.domain.remember import remember
from controlroom.domain.rituals import Occurrence, Record, Records, SegmentKind
from controlroom.domain.text import clean, slug

RUN = "ritual:"
MINUTES = "minutes:"
BOX = "box:"
"""What the log calls a run, what was said in it, and a box of its checklist."""

SEGMENT_KINDS: tuple[SegmentKind, ...] = get_args(SegmentKind)

CaptureKind = Literal["decision", "task", "note", "park"]
"""What is written down: a decision, an action item, a note, and what is put off to another meeting."""
CAPTURE_KINDS: tuple[CaptureKind, ...] = get_args(CaptureKind)

DRIVING = frozenset({"enter", "pause", "continue", "extend", "skip", "hand-over", "finish"})
"""What only the driver does."""

SEGMENTS = 500
"""Parts of one run at most; what a log says beyond that is not read."""


class Key(NamedTuple):
    """Which holding of which ritual: its id, and the local date that its rule gives it."""

    ritual: str
    date: dt.date

    @classmethod
    def of(cls, occurrence: Occurrence) -> Key:
        """The holding that `occurrence` is."""
        return cls(occurrence.ritual.id, occurrence.local_date)

    @property
    def run(self) -> str:
        """The item of its course."""
        return f"{RUN}{self.ritual}/{self.date.isoformat()}"

    @property
    def minutes(self) -> str:
        """The item of what was said in it."""
        return f"{MINUTES}{self.ritual}/{self.date.isoformat()}"

    def box(self, words: str) -> str:
        """The item of the box of its checklist that says `words`."""
        return f"{BOX}{self.ritual}/{self.date.isoformat()}/{_name(words)}"


NAMED = 80
"""Characters of a box's name."""


@lru_cache(maxsize=4096)
def _name(words: str) -> str:
    """The slug of `words`; of long ones, and of those that have none, a part with a digest that tells
    them apart."""
    name = slug(words)
    if name and len(name) <= NAMED:
        return name
    from hashlib import sha256

    digest = sha256(words.encode("utf-8", "replace")).hexdigest()[:10]
    return f"{name[: NAMED - 11]}_{digest}" if name else f"box_{digest}"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a run with its planned length in seconds. The time of squads is shared among them."""

    id: str
    kind: SegmentKind
    budget: float
    squad: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """Time spent in a segment without a break; `end` None: it is spent now."""

    segment: str
    start: dt.datetime
    end: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """Something that was written down, verbatim, in the segment that was on."""

    id: str
    """Of the action."""
    kind: CaptureKind
    text: str
    by: str
    at: dt.datetime
    owner: str | None = None
    due: str | None = None
    """An action item's: who does it, until when, as written."""
    segment: str | None = None
    squad: str | None = None
    about: str | None = None
    """Id of the blocker or card it was written on."""
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One holding of a ritual. `began_at` and `finished_at` are of whoever drove it then, UTC."""

    key: Key
    driver: str
    began_at: dt.datetime
    begun_by: str = ""
    host: str = ""
    """Machine of the driver, as far as known."""
    segments: tuple[Segment, ...] = ()
    place: int = 0
    """Number of the segment that is on."""
    visits: tuple[Visit, ...] = ()
    paused_at: dt.datetime | None = None
    extended: Mapping[str, float] = field(default_factory=dict)
    """Segment → seconds added to it."""
    skipped: tuple[str, ...] = ()
    """Segments that were passed over: their squads have not reported."""
    finished_at: dt.datetime | None = None
    captures: tuple[Capture, ...] = ()
    """In the order of the log."""
    opening: Mapping[str, Any] = field(default_factory=dict)
    closing: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of its first and its last action as they were written: whoever reads one cleans it."""
    last_action: str | None = None
    """Id of the last action on its course."""
    pending: tuple[str, ...] = ()
    """Kinds of this person's actions on its course that wait in the outbox."""

    @property
    def id(self) -> str:
        """Its item in the log."""
        return self.key.run

    @property
    def on(self) -> bool:
        """Begun and not finished."""
        return self.finished_at is None

    @property
    def segment(self) -> Segment | None:
        """The one that is on; None where the run has none."""
        return self.segments[self.place] if self.place < len(self.segments) else None


@dataclass(frozen=True, slots=True)
class Box:
    """One box of a checklist that somebody ticked, or took the tick from."""

    item: str
    key: Key
    name: str
    """The slug of its words."""
    done: bool
    by: str
    at: dt.datetime
    evidence: str = ""
    """What shows it: a path, a link, a number; empty where a person's word is all there is."""
    why: str = ""
    last_action: str | None = None
    pending: bool = False


def key_of(item: str) -> Key | None:
    """The holding that an item of one of the three kinds belongs to; None for any other item."""
    for prefix in (RUN, MINUTES, BOX):
        if item.startswith(prefix):
            ritual, _, rest = item.removeprefix(prefix).partition("/")
            try:
                date = dt.date.fromisoformat(rest[:10])
            except ValueError:
                return None
            whole = len(rest) == 10 if prefix != BOX else rest[10:11] == "/" and len(rest) > 11
            # Another spelling of the date would be an item that nobody looks for.
            plain = rest[:10] == date.isoformat()
            return Key(ritual, date) if ritual and whole and plain else None
    return None


def same_person(one: str, other: str) -> bool:
    """Whether two signatures mean one person, however they are spelt."""
    return bool(one.strip()) and one.strip().casefold() == other.strip().casefold()


@remember
def runs(ledger: Ledger | None, queued: tuple[Action, ...]) -> tuple[Run, ...]:
    """Every run the log and this person's `queued` actions tell of, in the order in which they began."""
    keys = (key_of(name) for name in _names(ledger, queued, RUN))
    found = (told(ledger, queued, key) for key in keys if key is not None)
    return tuple(sorted((run for run in found if run is not None), key=lambda run: run.began_at))


def told(ledger: Ledger | None, queued: Iterable[Action], key: Key) -> Run | None:
    """The run of that holding alone, with actions that are on their way; None where nobody began it."""
    waiting = tuple(queued)
    run = _folded(key, *_history(ledger, waiting, key.run))
    return run and replace(run, captures=_captures(*_history(ledger, waiting, key.minutes)))


@remember
def boxes(ledger: Ledger | None, queued: tuple[Action, ...]) -> tuple[Box, ...]:
    """Every box that somebody touched, as it is now, in the order of the log."""
    found = (
        _box(name, *_history(ledger, queued, name))
        for name in _names(ledger, queued, BOX)
        if key_of(name) is not None
    )
    return tuple(box for box in found if box is not None)


def _names(ledger: Ledger | None, queued: Iterable[Action], prefix: str) -> list[str]:
    items = ledger.items if ledger is not None else {}
    waiting = (action.item for action in queued)
    return list(dict.fromkeys(name for name in (*items, *waiting) if name.startswith(prefix)))


def _history(
    ledger: Ledger | None, queued: Iterable[Action], name: str
) -> tuple[list[Action], frozenset[str]]:
    """What counts of everything done about an item, and which of that still waits."""
    history = ledger.of(name) if ledger is not None else ()
    known = {entry.action.id for entry in history}
    mine = [action for action in queued if action.item == name and action.id not in known]
    return effective(acted(history, mine)), frozenset(action.id for action in mine)


def _folded(key: Key, actions: Sequence[Action], waiting: frozenset[str]) -> Run | None:
    run: Run | None = None
    for action in actions:
        if run is None:
            run = _begun(key, action) if action.kind == "begin" else None
        else:
            run = _went_on(run, action)
    if run is None:
        return None
    pending = tuple(action.kind for action in actions if action.id in waiting)
    return replace(run, last_action=actions[-1].id, pending=pending)


def _begun(key: Key, action: Action) -> Run:
    who = clean(action.actor, NAME_LIMIT).strip()
    segments = _segments(action.args.get("segments"))
    visits = (Visit(segments[0].id, action.at),) if segments else ()
    host = clean(action.host, NAME_LIMIT).strip()
    return Run(key, who, action.at, who, host, segments, visits=visits, opening=action.args)


def _segments(written: object) -> tuple[Segment, ...]:
    """The parts a run was begun with; what cannot be read is no part."""
    found: dict[str, Segment] = {}
    for entry in written[:SEGMENTS] if isinstance(written, list) else ():
        if not isinstance(entry, dict) or entry.get("kind") not in SEGMENT_KINDS:
            continue
        budget, squad = entry.get("budget"), entry.get("squad")
        if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 <= budget <= 86_400:
            continue
        named = clean(squad, NAME_LIMIT) if isinstance(squad, str) and squad else None
        id_ = segment_id(entry["kind"], named)
        found.setdefault(id_, Segment(id_, entry["kind"], float(budget), named))
    return tuple(found.values())


def segment_id(kind: SegmentKind, squad: str | None = None) -> str:
    """``blockers``, ``squad:policy``."""
    return f"{kind}:{squad}" if squad else kind


def _went_on(run: Run, action: Action) -> Run:
    """`run` after one more action; what its author may not do, or what makes no sense, changes nothing."""
    if not run.on:
        return run
    at = max(action.at, _latest(run))
    if action.kind == "take-over":
        who, host = clean(action.actor, NAME_LIMIT).strip(), clean(action.host, NAME_LIMIT).strip()
        return replace(run, driver=who, host=host)
    if action.kind not in DRIVING or not same_person(action.actor, run.driver):
        return run
    match action.kind:
        case "enter":
            return _entered(run, text(action, "to", NAME_LIMIT * 2), at)
        case "pause":
            return run if run.paused_at else replace(_left(run, at), paused_at=at)
        case "continue":
            return replace(_arrived(run, at), paused_at=None) if run.paused_at else run
        case "extend":
            return _extended(run, action)
        case "skip":
            return _skipped(run, text(action, "segment", NAME_LIMIT * 2))
        case "hand-over":
            to = text(action, "to", NAME_LIMIT)
            return replace(run, driver=to, host="") if to else run
    return replace(_left(run, at), paused_at=None, finished_at=at, closing=action.args)


def _latest(run: Run) -> dt.datetime:
    """The last instant the run knows of: drivers' clocks may differ, and its time only goes forward."""
    last = run.visits[-1] if run.visits else None
    known = [run.began_at, run.paused_at]
    if last is not None:
        known += [last.start, last.end]
    return max(instant for instant in known if instant is not None)


def _left(run: Run, at: dt.datetime) -> Run:
    if not run.visits or run.visits[-1].end is not None:
        return run
    return replace(run, visits=(*run.visits[:-1], replace(run.visits[-1], end=at)))


def _arrived(run: Run, at: dt.datetime) -> Run:
    segment = run.segment
    return run if segment is None else replace(run, visits=(*run.visits, Visit(segment.id, at)))


def _entered(run: Run, to: str | None, at: dt.datetime) -> Run:
    place = next((n for n, segment in enumerate(run.segments) if segment.id == to), None)
    if place is None or place == run.place:
        return run
    skipped = tuple(one for one in run.skipped if one != to)  # who speaks after all has reported
    moved = replace(_left(run, at), place=place, skipped=skipped)
    return moved if run.paused_at else _arrived(moved, at)


def _extended(run: Run, action: Action) -> Run:
    seconds, segment = action.args.get("seconds"), text(action, "segment", NAME_LIMIT * 2)
    known = any(segment == one.id for one in run.segments)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not known or segment is None:
        return run
    if not -86_400 <= seconds <= 86_400:  # an integer of JSON may be larger than any float
        return run
    total = min(86_400.0, max(0.0, run.extended.get(segment, 0.0) + seconds))
    return replace(run, extended={**run.extended, segment: total})


def _skipped(run: Run, segment: str | None) -> Run:
    known = any(segment == one.id for one in run.segments)
    if segment is None or not known or segment in run.skipped:
        return run
    return replace(run, skipped=(*run.skipped, segment))


def _captures(actions: Sequence[Action], waiting: frozenset[str]) -> tuple[Capture, ...]:
    return tuple(
        Capture(
            action.id,
            action.kind,
            words,
            clean(action.actor, NAME_LIMIT).strip(),
            action.at,
            text(action, "owner", NAME_LIMIT),
            text(action, "due", NAME_LIMIT),
            text(action, "segment", NAME_LIMIT * 2),
            text(action, "squad", NAME_LIMIT),
            text(action, "about", NAME_LIMIT * 2),
            action.id in waiting,
        )
        for action in actions
        if action.kind in CAPTURE_KINDS and (words := text(action, "text", LINE_LIMIT))
    )


def _box(name: str, actions: Sequence[Action], waiting: frozenset[str]) -> Box | None:
    last = next((one for one in reversed(actions) if one.kind in ("tick", "untick")), None)
    key = key_of(name)
    if last is None or key is None:
        return None
    who, words = clean(last.actor, NAME_LIMIT).strip(), name.rpartition("/")[2]
    evidence, why = text(last, "evidence", LINE_LIMIT) or "", text(last, "why", LINE_LIMIT) or ""
    done = last.kind == "tick"
    return Box(name, key, words, done, who, last.at, evidence, why, actions[-1].id, last.id in waiting)


def run_of(found: Iterable[Run], key: Key) -> Run | None:
    """The run of that holding, or None where nobody began it."""
    return next((run for run in found if run.key == key), None)


def records(found: Iterable[Run], *, read: bool | None) -> Records:
    """What the log says of each holding; `read`: whether it could be read, None where nobody has tried."""
    known = {run.key for run in found if not run.on}

    def record(ritual: str, date: dt.date) -> Record | None:
        if Key(ritual, date) in known:
            return "held"
        return None if read is None else "none" if read else "unreadable"

    return record


def held(found: Iterable[Run]) -> tuple[Run, ...]:
    """The runs that are over, in the order in which they began."""
    return tuple(run for run in found if not run.on)
