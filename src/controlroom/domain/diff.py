"""What changed between two status documents, in the order a standup wants to hear it.

What was unknown and now is known did not change: it is listed apart. A section that either document
lacks says nothing about change.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from controlroom.domain import milestones
from controlroom.domain.board import COLUMNS
from controlroom.domain.program import Milestone, Program
from controlroom.domain.remember import remember
from controlroom.domain.rituals import STARTED_FOR, Occurrence, Ritual, occurrences
from controlroom.domain.runs import Run
from controlroom.domain.snapshot import Baseline, Change, StatusFile
from controlroom.domain.telemetry import UNKNOWN_CODES
from controlroom.domain.text import clean, slug
from controlroom.domain.zones import label, local

CATEGORIES = (
    "blocker_opened",
    "blocker_escalated",
    "blocker_resolved",
    "blocker_unlisted",
    "item_done",
    "item_regression",
    "item_moved",
    "item_added",
    "item_removed",
    "owner_changed",
    "date_slipped",
    "signal_failing",
    "signal_recovered",
    "benchmark_regressed",
    "benchmark_recovered",
    "gate_changed",
    "service_changed",
    "wave_verdict",
    "milestone_passed",
    "decision",
)
"""Every category of a change, in the order they are told."""

NOW_KNOWN = "now_known"

Document = Mapping[str, Any]
Entry = Mapping[str, Any]
Names = Mapping[str, str]
"""Squad id → its name; whoever is not in it is called by its id."""
_ORDER = {category: place for place, category in enumerate(CATEGORIES)}
_LOOK_BACK = dt.timedelta(days=31)
"""How far back the last standup is looked for."""


def diff(before: Document, after: Document) -> tuple[Change, ...]:
    """Every change from `before` to `after`; empty means that nothing changed."""
    found = (change for change in _all(before, after) if change.category != NOW_KNOWN)
    return tuple(sorted(found, key=lambda change: _ORDER[change.category]))


def now_known(before: Document, after: Document) -> tuple[Change, ...]:
    """What `before` did not know and `after` does."""
    return tuple(change for change in _all(before, after) if change.category == NOW_KNOWN)


def _all(before: Document, after: Document) -> Iterator[Change]:
    squads = _squads(before.get("squads"), after.get("squads"))
    for name, compare in _SECTIONS.items():
        old, new = before.get(name), after.get(name)
        if isinstance(old, list) and isinstance(new, list):
            yield from compare(old, new, squads)
    old, new = before.get("milestones"), after.get("milestones")
    if isinstance(old, list) and isinstance(new, list):
        yield from _milestones(old, new, _text(before.get("for_date")), _text(after.get("for_date")))


@remember
def _squads(old: object, new: object) -> dict[str, str]:
    """Squad id → what people call it, as the newer document says, else the older one."""
    entries = [_by_id(found) for found in (old, new) if isinstance(found, list)]
    return {
        id_: name for found in entries for id_, entry in found.items() if (name := _text(entry.get("name")))
    }


def _text(value: object) -> str:
    """A value of a foreign document as one clean piece of text; nothing is the empty text."""
    return "" if value is None else clean(value, 300)


def _by_id(entries: Sequence[Any], *keys: str) -> dict[str, Entry]:
    """Entries by the first of `keys` that is given (``id`` by default); what has none cannot be compared."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if isinstance(entry, Mapping):
            id_ = next((_text(entry[key]) for key in keys or ("id",) if entry.get(key)), "")
            if id_:
                found.setdefault(id_, entry)
    return found


def _pairs(old: Sequence[Any], new: Sequence[Any], *keys: str) -> Iterator[tuple[str, Entry, Entry]]:
    before = _by_id(old, *keys)
    for id_, entry in _by_id(new, *keys).items():
        if id_ in before and before[id_] is not entry:
            yield id_, before[id_], entry


def _words(value: str) -> str:
    return value.replace("_", " ") or "none"


def _arrow(before: str, after: str) -> str:
    return f"{_words(before)} → {_words(after)}"


def _name(entry: Entry, id_: str, squads: Names) -> str:
    """What people call it, with its squad."""
    named = _text(entry.get("summary") or entry.get("epic") or entry.get("name") or entry.get("text")) or id_
    squad = _text(entry.get("owning_squad") or entry.get("squad"))
    return f"{named} ({squads.get(squad, squad)})" if squad else named


def _open(entry: Entry) -> bool:
    return _text(entry.get("state")) != "resolved"


@remember
def _blockers(old: list[Any], new: list[Any], squads: Names) -> list[Change]:
    before, after = _by_id(old), _by_id(new)
    found: list[Change] = []
    for id_, entry in after.items():
        was, state = before.get(id_), _text(entry.get("state")) or "open"
        then = (_text(was.get("state")) or "open") if was is not None else None
        name = _name(entry, id_, squads)
        if _open(entry) and (was is None or not _open(was)):
            again = "" if was is None else " again"
            found.append(Change("blocker_opened", id_, f"opened{again}: {name}", then, state))
        if state == "escalated" and then != "escalated":
            found.append(Change("blocker_escalated", id_, f"escalated: {name}", then, state))
        if was is not None and _open(was) and not _open(entry):
            how = _text(entry.get("mitigation"))
            found.append(
                Change(
                    "blocker_resolved", id_, f"resolved: {name}" + (f" · {how}" if how else ""), then, state
                )
            )
        if was is not None:
            found += _slips(id_, name, was, entry, "eta")
    for id_, entry in before.items():
        if id_ not in after and _open(entry):
            text = f"no longer listed, no resolution recorded: {_name(entry, id_, squads)}"
            found.append(Change("blocker_unlisted", id_, text, _text(entry.get("state")) or "open", None))
    return found


def _slips(id_: str, name: str, was: Entry, now: Entry, date: str) -> list[Change]:
    """A new owner, and a `date` (or instant) that moved. A key that was not there was not known."""
    found: list[Change] = []
    old, new = _text(was.get("owner")), _text(now.get("owner"))
    if "owner" in was and "owner" in now and old != new:
        found.append(
            Change("owner_changed", id_, f"owner of {name}: {_arrow(old, new)}", old or None, new or None)
        )
    return found + _moved_date(id_, name, date, was.get(date), now.get(date))


def _moved_date(id_: str, name: str, what: str, was: object, now: object) -> list[Change]:
    old, new = _text(was), _text(now)
    if old == new or not new:
        return []
    if not old:
        return [Change(NOW_KNOWN, id_, f"{what} of {name}: {new}", None, new)]
    verb = "slipped" if new > old else "brought forward"
    return [Change("date_slipped", id_, f"{what} of {name} {verb}: {old} → {new}", old, new)]


_RANK = {"not_started": 0, "blocked": 1, "in_progress": 1, "done": 2}


def _status(entry: Entry) -> str | None:
    """One of the columns; None for unknown and for what is no status."""
    status = _text(entry.get("status"))
    return status if status in COLUMNS else None


@remember
def _items(old: list[Any], new: list[Any], squads: Names) -> list[Change]:
    before, after = _by_id(old), _by_id(new)
    found: list[Change] = []
    for id_, entry in after.items():
        name, was = _name(entry, id_, squads), before.get(id_)
        if was is None:
            status = _status(entry) or "unknown"
            found.append(Change("item_added", id_, f"added: {name}, {_words(status)}", None, status))
        elif was is not entry:
            found += _item(id_, name, was, entry)
    for id_, entry in before.items():
        if id_ not in after:
            status = _status(entry) or "unknown"
            text = f"removed: {_name(entry, id_, squads)}, was {_words(status)}"
            found.append(Change("item_removed", id_, text, status, None))
    return found


def _item(id_: str, name: str, was: Entry, now: Entry) -> list[Change]:
    return [*_moves(id_, name, was, now), *_slips(id_, name, was, now, "due")]


def _moves(id_: str, name: str, was: Entry, now: Entry) -> list[Change]:
    old, new = _status(was), _status(now)
    if old == new:
        return _progress(id_, name, was.get("progress"), now.get("progress"))
    if old is None:
        return [Change(NOW_KNOWN, id_, f"{name}: {_words(new or '')}", None, new)]
    text = f"{name}: {_arrow(old, new or 'unknown')}"
    if new == "done":
        category = "item_done"
    elif new is not None and _RANK[new] < _RANK[old]:
        category = "item_regression"
    else:
        category = "item_moved"
    return [Change(category, id_, text, old, new or "unknown")]


def _progress(id_: str, name: str, was: object, now: object) -> list[Change]:
    numbers = (int, float)
    if not isinstance(was, numbers) or not isinstance(now, numbers) or was == now:
        return []
    category = "item_regression" if now < was else "item_moved"
    return [Change(category, id_, f"{name}: {was} % → {now} %", f"{was} %", f"{now} %")]


def _reading_id(entry: Entry) -> str:
    parts = (_text(entry.get("squad")), _text(entry.get("metric")), _text(entry.get("job")) or "*")
    return _text(entry.get("id")) or "/".join(parts)


@remember
def _signals(old: list[Any], new: list[Any], squads: Names) -> list[Change]:
    before = {_reading_id(entry): entry for entry in old if isinstance(entry, Mapping)}
    found: list[Change] = []
    for entry in new:
        if not isinstance(entry, Mapping):
            continue
        id_ = _reading_id(entry)
        was, now = _code(before.get(id_)), _code(entry)
        squad = _text(entry.get("squad"))
        name = f"{squads.get(squad, squad)} {_text(entry.get('metric'))}".strip() or id_
        if now is None or was == now:
            continue
        if was is None:
            found.append(Change(NOW_KNOWN, id_, f"{name}: {now}", None, now))
        elif was == "OK":
            found.append(
                Change("signal_failing", id_, f"{name}: {now} {_text(entry.get('text'))}".strip(), was, now)
            )
        elif now == "OK":
            found.append(Change("signal_recovered", id_, f"{name}: recovered from {was}", was, now))
    return found


def _code(entry: Entry | None) -> str | None:
    code = _text(entry.get("code")) if entry else ""
    return None if not code or code in UNKNOWN_CODES else code


@remember
def _benchmarks(old: list[Any], new: list[Any], squads: Names) -> list[Change]:
    """New regressions, and what is as it was again; what says nothing of its day is not known."""
    before = _by_id(old)
    found: list[Change] = []
    for id_, entry in _by_id(new).items():
        was, now = _judged(before.get(id_)), _judged(entry)
        if now is None or was == now:
            continue
        name, text = _name(entry, id_, squads), _text(entry.get("text"))
        if was is None:
            found.append(Change(NOW_KNOWN, id_, f"{name}: {now}, {text}".rstrip(", "), None, now))
        elif now == "regression":
            found.append(Change("benchmark_regressed", id_, f"{name}: {text or now}", was, now))
        elif was == "regression" and now != "young":
            found.append(Change("benchmark_recovered", id_, f"{name}: {text or now}", was, now))
    return found


def _judged(entry: Entry | None) -> str | None:
    verdict = _text(entry.get("verdict")) if entry else ""
    return None if verdict in ("", "unknown", "old") else verdict


@remember
def _gates(old: list[Any], new: list[Any], squads: Names) -> list[Change]:
    found: list[Change] = []
    told: set[str] = set()
    for wave, was, now in _pairs(old, new, "wave", "id"):
        found += _verdict(wave, f"gate of {wave}", was, now)
        parts = was.get("squads"), now.get("squads")
        if isinstance(parts[0], list) and isinstance(parts[1], list):
            for squad, had, has in _pairs(parts[0], parts[1], "squad"):
                if squad not in told:
                    told.add(squad)
                    found += _covered(squad, squads.get(squad, squad), had, has)
    return found


def _verdict(id_: str, name: str, was: Entry, now: Entry) -> list[Change]:
    old, new = _text(was.get("verdict")) or "UNKNOWN", _text(now.get("verdict")) or "UNKNOWN"
    if old == new:
        return []
    category = NOW_KNOWN if old == "UNKNOWN" else "gate_changed"
    return [Change(category, id_, f"{name}: {_arrow(old, new)}", old, new)]


def _covered(id_: str, squad: str, was: Entry, now: Entry) -> list[Change]:
    unknown = "UNKNOWN" in (_text(was.get("verdict")), _text(now.get("verdict")))
    old, new = (f"{_text(e.get('ok')) or '?'}/{_text(e.get('required')) or '?'}" for e in (was, now))
    if unknown or old == new:
        return []
    return [Change("gate_changed", id_, f"coverage {squad} {old} → {new}", old, new)]


@remember
def _services(old: list[Any], new: list[Any], _: Names) -> list[Change]:
    before, after = _by_id(old), _by_id(new)
    found: list[Change] = []
    for id_, entry in after.items():
        was, now = _state(before.get(id_)), _state(entry)
        if was == now:
            continue
        why = _text(entry.get("error"))
        text = f"{id_}: {was or 'unknown'} → {now or 'unknown'}" + (f" · {why}" if why else "")
        category = NOW_KNOWN if was is None else "service_changed"
        found.append(Change(category, id_, text, was, now or "unknown"))
    gone = (id_ for id_ in before if id_ not in after)
    return found + [
        Change("service_changed", id_, f"{id_}: no longer watched", _state(before[id_]), None) for id_ in gone
    ]


def _state(entry: Entry | None) -> str | None:
    state = _text(entry.get("state")) if entry else ""
    return None if state in ("", "unknown") else state


@remember
def _waves(old: list[Any], new: list[Any], _: Names) -> list[Change]:
    found: list[Change] = []
    for id_, was, now in _pairs(old, new):
        name = _text(now.get("name")) or id_
        before, after = _stand(was), _stand(now)
        if "phase" in was and "phase" in now and _undated(before) != _undated(after):
            category = NOW_KNOWN if "unknown" in (was["phase"], now["phase"]) else "wave_verdict"
            found.append(Change(category, id_, f"{name}: {before} → {after}", before, after))
        for key in ("start", "end"):
            found += _moved_date(id_, name, key, was.get(key), now.get(key))
    return found


def _stand(wave: Entry) -> str:
    """Phase, outcome and verdict of a wave as far as there are any: ``ended · late``."""
    parts = (_text(wave.get(key)) for key in ("phase", "outcome", "verdict"))
    return " · ".join(part for part in parts if part) or "unknown"


def _undated(verdict: str) -> str:
    """A verdict without its count of days, which changes by itself every night."""
    return re.sub(r"\d+", "n", verdict)


@remember
def _milestones(old: list[Any], new: list[Any], then: str, now: str) -> list[Change]:
    before = _by_id(old, "id", "text")
    found: list[Change] = []
    for id_, entry in _by_id(new, "id", "text").items():
        was = before.get(id_, {})
        name = _text(entry.get("text")) or id_
        if was:
            found += _moved_date(id_, name, "date", was.get("date"), entry.get("date"))
        old_state = _milestone_state(was or entry, then, recorded=bool(was))
        new_state = _milestone_state(entry, now, recorded=True)
        if old_state != new_state and new_state in ("passed", "met", "missed"):
            said = "passed, nothing recorded" if new_state == "passed" else new_state
            found.append(Change("milestone_passed", id_, f"{name}: {said}", old_state, new_state))
    return found


def _milestone_state(entry: Entry, on: str, *, recorded: bool) -> str | None:
    """What `entry` says of itself, else what its date says on the date `on`."""
    state = _text(entry.get("state")) if recorded else ""
    if state:
        return state
    try:
        date, today = dt.date.fromisoformat(_text(entry.get("date"))), dt.date.fromisoformat(on)
    except ValueError:
        return None
    return milestones.status(Milestone("", "", date=date), today).state


@remember
def _decisions(old: list[Any], new: list[Any], _: Names) -> list[Change]:
    ids = _by_id(old)
    found: list[Change] = []
    for number, entry in enumerate(new):
        if isinstance(entry, Mapping):
            id_, text = _text(entry.get("id")), _text(entry.get("text") or entry.get("summary"))
        else:
            id_, text = "", _text(entry)
        if entry in old or (id_ and id_ in ids):
            continue
        found.append(Change("decision", id_ or str(number), text or id_, None, text or id_))
    return found


_SECTIONS: Mapping[str, Callable[[list[Any], list[Any], Names], list[Change]]] = {
    "blockers": _blockers,
    "items": _items,
    "signals": _signals,
    "benchmarks": _benchmarks,
    "gates": _gates,
    "services": _services,
    "waves": _waves,
    "decisions": _decisions,
}


def baseline(
    files: Sequence[StatusFile], program: Program, now: dt.datetime, runs: Sequence[Run] = ()
) -> Baseline | None:
    """What "since the last standup" is measured from at `now`, and why; None when there is no status yet.

    The newest status at or before the start of the last standup that was held (as `runs` tell), or, where
    none is recorded, of the last that is over by the calendar; else the previous status.
    """
    begun = {run.key.date.isoformat() for run in runs if run.on and run.segments}
    past = sorted(
        # What a standup that is on began with is for the next one.
        (
            file
            for file in files
            if file.as_of <= now and not (file.slot == "standup" and file.for_date in begun)
        ),
        key=lambda file: file.as_of,
    )
    if not past:
        return None
    start, what = _last_start(program, now, runs)
    if start is None:
        return Baseline(past[-1], "the previous status: no standup has taken place by the calendar")
    when = f"the standup {what} {label(start, program.zone, dated=True)}"
    earlier = [file for file in past if file.as_of <= start]
    if earlier:
        return Baseline(earlier[-1], f"the newest status at or before {when}")
    return Baseline(past[-1], f"the previous status: none is as old as {when}")


def _last_start(program: Program, now: dt.datetime, runs: Sequence[Run]) -> tuple[dt.datetime | None, str]:
    """When the last standup began, and how that is known."""
    ids = {ritual.id for ritual in program.rituals if is_standup(ritual)}
    held = [
        run.began_at
        for run in runs
        if run.key.ritual in ids and run.finished_at is not None and run.finished_at <= now
    ]
    if held:
        return max(held), "held"
    scheduled = last_standup(program, now)
    return (scheduled.start if scheduled is not None else None), "of"


def last_standup(program: Program, now: dt.datetime) -> Occurrence | None:
    """The newest occurrence of a standup that is over at `now` by the calendar, held or not."""
    today = local(now, program.zone).date()
    over = [
        occurrence
        for ritual in program.rituals
        if is_standup(ritual)
        for occurrence in occurrences(
            ritual,
            today - _LOOK_BACK,
            today + dt.timedelta(days=1),
            program.zone,
            program.holidays,
            start=program.start,
            rules=program.calendar,
        )
        if not occurrence.cancelled and (occurrence.end or occurrence.start + STARTED_FOR) <= now
    ]
    return max(over, key=lambda occurrence: occurrence.start, default=None)


def is_standup(ritual: Ritual) -> bool:
    """Whether the ritual is a standup, by its id or title."""
    return any("standup" in slug(text).replace("_", "") for text in (ritual.id, ritual.title))
