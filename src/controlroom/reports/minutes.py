"""The minutes of a ritual as a document (`controlroom.minutes` 1.0): what was decided, and how it stood.

Two kinds of things are in it. What people did, the triage log tells again at any time. What the room saw
(cards, gaps, gates) is known while it is on, and soon after; later only an earlier record of it, or the
status file that was written when it began, can tell. Where neither is there, the document says that it was
not recorded. Nothing in it depends on anything but its arguments.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from controlroom import __version__
from controlroom.domain import calendar, standup, zones
from controlroom.domain.board import Squad
from controlroom.domain.diff import baseline, diff, is_standup, now_known
from controlroom.domain.fold_args import NAME_LIMIT, acted, effective, text
from controlroom.domain.fold_card import read as read_status
from controlroom.domain.instants import duration, maybe, parse, render
from controlroom.domain.program import Program
from controlroom.domain.rituals import Occurrence, Ritual, agenda, occurrences
from controlroom.domain.runs import Capture, CaptureKind, Key, Run, Segment, records
from controlroom.domain.snapshot import Change, Snapshot, StatusFile
from controlroom.domain.status import room_status
from controlroom.domain.telemetry import UNKNOWN_CODES, GapCode
from controlroom.domain.text import clean, slug
from controlroom.domain.words import Names, deed
from controlroom.reports.happened import Deed, Past
from controlroom.reports.minutes_text import chat, markdown

__all__ = ["SCHEMA", "VERSION", "chat", "document", "file_stem", "markdown", "witnessed"]

SCHEMA = "controlroom.minutes"
VERSION = "1.0"
GENERATOR = f"controlroom {__version__}"

STANDUP = "standup"
"""Stem of the files of the programme's standup, whatever its id."""

WITNESSED = dt.timedelta(minutes=10)
"""How long after its end what the room sees still is how it stood."""

OPENING = dt.timedelta(minutes=5)
"""How long before the beginning the status file of a standup may have been written."""

NOT_SEEN = "not recorded"

Part = dict[str, Any]
Status = Mapping[str, Any]


def file_stem(program: Program, ritual: str) -> str:
    """Name of the minutes' files without ``.md``: the standup's, else the ritual's own."""
    first = next((one.id for one in program.rituals if is_standup(one)), None)
    own = slug(ritual)[:80] or "ritual"
    return STANDUP if ritual == first else f"ritual_{own}" if own in (STANDUP, "drill", "evidence") else own


def witnessed(run: Run, now: dt.datetime) -> bool:
    """Whether a room that looks at `now` still sees things as they stood at the end of `run`."""
    return run.finished_at is None or now - run.finished_at <= WITNESSED


def document(
    snapshot: Snapshot,
    run: Run,
    now: dt.datetime,
    *,
    seen: bool = True,
    recorded: Status | None = None,
) -> Part:
    """The whole document; instants are RFC 3339, lengths whole seconds.

    `seen`: whether `snapshot` shows the room as it stood at the end. `recorded` is an earlier document of the
    same run: what the room saw then stays, once the run is over.
    """
    program, past = snapshot.program, Past(snapshot)
    ritual = _ritual(program, run.key)
    end = run.finished_at or now
    made = {
        "_banner": program.banner,
        "schema": SCHEMA,
        "version": VERSION,
        "generator": GENERATOR,
        "program": program.id,
        "program_title": program.title or program.id,
        "tz": program.zone,
        "ritual": run.key.ritual,
        "title": ritual.title or ritual.id,
        "date": run.key.date.isoformat(),
        "label": _label(program, run.key.date),
        "begun_at": render(run.began_at),
        "finished_at": maybe(run.finished_at),
        "as_of": render(end),
        **_course(snapshot, run, ritual, end),
        "attendance": NOT_SEEN,
        "blockers": _blockers(snapshot, past, run, end),
        "squads": _squads(program, past, run, end),
        "not_reported": [_squad(program, one) for one in standup.not_reported(run)],
        "decisions": _captures(program, run, "decision"),
        "actions": _captures(program, run, "task"),
        "notes": _captures(program, run, "note"),
        "parked": _captures(program, run, "park"),
        **_next(snapshot, run, end),
    }
    if recorded is not None and _same_end(recorded, made):
        return {**made, "since": recorded.get("since"), "room": recorded.get("room")}
    opening = _opening(snapshot, run, end)
    state = room_status(snapshot, end) if seen else (opening.data if opening is not None else None)
    origin = "room" if seen else opening.path.rpartition("/")[2] if opening is not None else ""
    return {
        **made,
        "since": _since(snapshot, run, opening, state if seen else None),
        "room": _room(program, state, origin),
    }


def _same_end(recorded: Status, made: Status) -> bool:
    """Whether `recorded` tells of the same run, over by then, and of the room as it was seen."""
    room = recorded.get("room")
    same = all(recorded.get(key) == made[key] for key in ("schema", "ritual", "date", "begun_at"))
    over = made["finished_at"] is not None and recorded.get("finished_at") == made["finished_at"]
    return same and over and isinstance(room, Mapping) and room.get("from") == "room"


def _ritual(program: Program, key: Key) -> Ritual:
    return next((one for one in program.rituals if one.id == key.ritual), Ritual(key.ritual))


def _label(program: Program, date: dt.date) -> str | None:
    return calendar.position(program.calendar, program.start, date).label if program.start else None


def _squad(program: Program, name: str | None) -> Part:
    known = program.squad(name) if name else None
    return {"id": name, "name": (known.name or known.id) if known else name}


def _course(snapshot: Snapshot, run: Run, ritual: Ritual, end: dt.datetime) -> Part:
    """Who drove it, and planned against actual time, of the whole and part by part."""
    used = standup.spent(run, end)
    whole = (end - run.began_at).total_seconds()
    planned = sum(one.budget for one in run.segments) or (ritual.minutes or 0) * 60 or None
    taken = sum(used.values()) if run.segments else whole
    extended = sum(run.extended.values())
    return {
        "drivers": _drivers(snapshot, run),
        "planned_s": None if planned is None else round(planned),
        "extended_s": round(extended),
        "actual_s": round(taken),
        "over_s": None if planned is None else max(0, round(taken) - round(planned)),
        "paused_s": max(0, round(whole - taken)),
        "segments": [_segment(snapshot.program, run, one, used.get(one.id)) for one in run.segments],
    }


def _segment(program: Program, run: Run, segment: Segment, used: float | None) -> Part:
    planned, more = round(segment.budget), round(run.extended.get(segment.id, 0.0))
    actual = None if used is None else round(used)
    return {
        "id": segment.id,
        "kind": segment.kind,
        "squad": _squad(program, segment.squad) if segment.squad else None,
        "planned_s": planned,
        "extended_s": more,
        "actual_s": actual,
        "over_s": max(0, (actual or 0) - planned - more),
        "skipped": segment.id in run.skipped,
    }


def _drivers(snapshot: Snapshot, run: Run) -> list[Part]:
    """Whoever drove it, in turn, since when and how it came to them."""
    history = snapshot.ledger.of(run.id) if snapshot.ledger is not None else ()
    known = {entry.action.id for entry in history}
    queued = [o.action for o in snapshot.outbox.queued if o.action.item == run.id]
    found: list[Part] = [{"who": run.begun_by, "at": render(run.began_at), "how": "began"}]
    for action in effective(acted(history, (one for one in queued if one.id not in known))):
        who, how = "", ""
        if action.kind == "hand-over":
            who, how = text(action, "to", NAME_LIMIT) or "", "handed over"
        elif action.kind == "take-over":
            who, how = clean(action.actor, NAME_LIMIT).strip(), "took over"
        in_time = run.finished_at is None or action.at <= run.finished_at
        if who and in_time and who.casefold() != found[-1]["who"].casefold():
            found.append({"who": who, "at": render(action.at), "how": how})
    return found


def _captures(program: Program, run: Run, kind: CaptureKind) -> list[Part]:
    return [_capture(program, one, run) for one in run.captures if one.kind == kind]


def _capture(program: Program, capture: Capture, run: Run) -> Part:
    late = run.finished_at is not None and capture.at > run.finished_at
    return {
        "id": capture.id,
        "text": capture.text,
        "by": capture.by,
        "at": render(capture.at),
        "squad": _squad(program, capture.squad) if capture.squad else None,
        "owner": capture.owner,
        "due": capture.due,
        "about": capture.about,
        "late": late,
        "pending": capture.pending,
    }


def _names(program: Program) -> Names:
    def squad(name: str) -> str:
        return str(_squad(program, name)["name"])

    return Names(squad=squad, instant=lambda at: zones.label(at, program.zone))


def _told(program: Program, one: Deed) -> Part:
    """An action in words, with who and when; `rev` None while it waits in the outbox."""
    return {
        "kind": one.action.kind,
        "text": deed(one.action, _names(program)),
        "by": clean(one.action.actor, NAME_LIMIT).strip(),
        "at": render(one.action.at),
        "rev": one.rev,
    }


def _blockers(snapshot: Snapshot, past: Past, run: Run, end: dt.datetime) -> Part:
    """Those that stood there when it began, with what was decided, and what became of others in it."""
    program = snapshot.program
    deeds = [one for one in past.deeds(run.began_at, end) if past.is_blocker(one.action.item)]
    began = [one.began_at for one in snapshot.runs if one.key.ritual == run.key.ritual]
    there = past.carried(run.began_at, [at for at in began if at <= run.began_at])

    def of(*kinds: str) -> list[Part]:
        return [
            {**_blocker(program, past, one.action.item, end), **_told(program, one)}
            for one in deeds
            if one.action.kind in kinds
        ]

    done_to: dict[str, list[Part]] = {}
    for one in deeds:
        done_to.setdefault(one.action.item, []).append(_told(program, one))
    said_of: dict[str | None, list[Part]] = {}
    for capture in run.captures:
        said_of.setdefault(capture.about, []).append(_capture(program, capture, run))
    stood = []
    for blocker, carried in there:
        done = done_to.get(blocker.id, [])
        stood.append(
            {
                **_blocker(program, past, blocker.id, end),
                "standups": carried.standups,
                "unchanged": carried.unchanged,
                "forced": carried.forced,
                "decided": [one for one in done if one["kind"] not in ("acknowledge", "note")],
                "noted": [one for one in done if one["kind"] == "note"],
                "said": said_of.get(blocker.id, []),
            }
        )
    return {
        "carried": [one for one in stood if one["standups"] > 1],
        "new": [one for one in stood if one["standups"] <= 1],
        "opened": of("open", "reopen"),
        "escalated": of("escalate"),
        "resolved": of("resolve"),
    }


def _blocker(program: Program, past: Past, id_: str, end: dt.datetime) -> Part:
    blocker = past.blocker(id_, end)
    if blocker is None:
        return {"id": id_, "summary": id_}
    return {
        "id": id_,
        "summary": blocker.summary,
        "owner": blocker.owner,
        "owning_squad": _squad(program, blocker.owning_squad) if blocker.owning_squad else None,
        "blocking_squad": _squad(program, blocker.blocking_squad) if blocker.blocking_squad else None,
        "state": blocker.state,
        "opened_at": maybe(blocker.opened_at),
        "next_update_due": maybe(blocker.next_update_due),
        "mitigation": blocker.mitigation,
    }


def _squads(program: Program, past: Past, run: Run, end: dt.datetime) -> list[Part]:
    """Each squad of the walk, in its order, with what was moved in the ritual."""
    away = standup.not_reported(run)
    moved: dict[str | None, list[Part]] = {}
    for one in past.deeds(run.began_at, end):
        card = past.card(one.action.item)
        if card is not None:
            moved.setdefault(card.squad, []).append(_move(program, past, one, card.epic))
    walked = [one.squad for one in run.segments if one.kind == "squad" and one.squad]
    visited = {visit.segment for visit in run.visits}
    found: list[Part] = [
        {
            **_squad(program, squad),
            "reported": squad not in away and f"squad:{squad}" in visited,
            "moves": moved.pop(squad, []),
        }
        for squad in walked
    ]
    rest = [{**_squad(program, squad), "reported": None, "moves": moves} for squad, moves in moved.items()]
    return found + rest


def _move(program: Program, past: Past, one: Deed, epic: str) -> Part:
    told = {**_told(program, one), "item": one.action.item, "epic": epic}
    if one.action.kind == "status":
        told |= {"from": past.status_before(one), "to": read_status(one.action.args.get("status"))}
    return told


def _opening(snapshot: Snapshot, run: Run, end: dt.datetime) -> StatusFile | None:
    """The status file that was written when it began."""
    files = snapshot.status.files if snapshot.status is not None else ()
    fitting = [f for f in files if f.slot == STANDUP and run.began_at - OPENING <= f.as_of <= end]
    ours = is_standup(_ritual(snapshot.program, run.key))
    return min(fitting, key=lambda f: abs(f.as_of - run.began_at), default=None) if ours else None


def _since(snapshot: Snapshot, run: Run, opening: StatusFile | None, state: Status | None) -> Part:
    """What had changed when it began; without a status file of then, when it ended (`state`)."""
    files = snapshot.status.files if snapshot.status is not None else ()
    earlier = [file for file in files if file is not opening]
    chosen = baseline(earlier, snapshot.program, run.began_at, snapshot.runs)
    after = opening.data if opening is not None else state
    name = chosen.file.path.rpartition("/")[2] if chosen is not None else None
    told: Part = {
        "from": name,
        "from_as_of": render(chosen.file.as_of) if chosen is not None else None,
        "why": chosen.why if chosen is not None else "there was no status file yet to compare with",
        "to": opening.path.rpartition("/")[2] if opening is not None else "room" if state else None,
        "to_as_of": after.get("as_of") if after is not None else None,
        "changes": None,
        "now_known": None,
        "done": None,
    }
    if chosen is None or after is None:
        return told
    # What was decided between the two is the log's to tell, whatever day's file it stands in.
    between = [
        {"id": capture.id, "text": capture.text}
        for other in snapshot.runs
        for capture in other.captures
        if capture.kind == "decision" and chosen.file.as_of <= capture.at < run.began_at
    ]
    mine = {capture.id for capture in run.captures}
    there = [one for one in _list(after, "decisions") if one.get("id") not in mine]
    known = {one.get("id") for one in there}
    after = {**after, "decisions": [*there, *(one for one in between if one["id"] not in known)]}
    told["changes"] = [_change(one) for one in diff(chosen.file.data, after)]
    told["now_known"] = [_change(one) for one in now_known(chosen.file.data, after)]
    told["done"] = _done(told["changes"], _list(after, "items"))
    return told


def _done(changes: Sequence[Part], items: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """By squad, what the cards are called that became done."""
    done = {one["id"] for one in changes if one["category"] == "item_done"}
    found: dict[str, list[Any]] = {}
    for one in items:
        if one.get("id") in done and isinstance(one.get("squad"), str):
            found.setdefault(one["squad"], []).append(one.get("epic") or one["id"])
    return found


def _change(change: Change) -> Part:
    return {"category": change.category, "id": change.id, "text": change.text}


def _list(status: Status, section: str) -> list[Mapping[str, Any]]:
    """The entries of a section that are objects; whatever else stands there is none."""
    found = status.get(section)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _room(program: Program, state: Status | None, origin: str) -> Part:
    """How cards, signals, gates and services stood, taken from a status document."""
    if state is None:
        return {"from": None, "as_of": None}
    signals = _list(state, "signals")
    waves = {wave.id: wave.name or wave.id for wave in program.waves}
    codes = {str(code) for code in UNKNOWN_CODES}
    gaps = [one for one in signals if one.get("code") not in (str(GapCode.OK), *codes)]
    unasked = [one for one in signals if one.get("code") in codes]
    squads = {squad.id for squad in program.squads}
    return {
        "from": origin,
        "as_of": state.get("as_of"),
        "cards": {squad.id: _cards(state, squad) for squad in program.squads},
        "no_squad": sum(one.get("squad") not in squads for one in _list(state, "items")),
        "gates": [{**one, "name": waves.get(str(one.get("wave")))} for one in _list(state, "gates")],
        "signals": len(signals),
        "gaps": [_picked(one, "squad", "metric", "topic", "code", "text") for one in gaps],
        "unasked": [_picked(one, "squad", "metric", "topic", "text") for one in unasked],
        "services": [
            _picked(one, "id", "name", "state", "error", "caused_by")
            for one in _list(state, "services")
            if one.get("state") != "up"
        ],
        "unknown": [
            _picked(one, "kind", "id", "text")
            for one in _list(state, "unknowns")
            if one.get("kind") in ("program", "source", "status")
        ],
    }


def _picked(entry: Mapping[str, Any], *keys: str) -> Part:
    return {key: entry.get(key) for key in keys}


def _cards(state: Status, squad: Squad) -> Part:
    """A squad's cards that are blocked, and those in progress with the oldest first."""
    mine = [one for one in _list(state, "items") if one.get("squad") == squad.id]
    held = {
        one.get("item") for one in _list(state, "blockers") if one.get("state") not in ("resolved", None)
    } - {None}
    blocked = [one for one in mine if one.get("status") == "blocked" or one.get("id") in held]
    going = [one for one in mine if one.get("status") == "in_progress" and one.get("id") not in held]
    going.sort(key=lambda one: str(one.get("since") or one.get("first_seen") or "9999"))
    as_of = state.get("as_of")
    return {
        "blocked": [_card(one, as_of) for one in blocked],
        "in_progress": [_card(one, as_of) for one in going],
        "listed": len(mine),
    }


def _card(entry: Mapping[str, Any], as_of: object) -> Part:
    return {**_picked(entry, "id", "epic", "owner", "progress"), "age": _age(entry, as_of)}


def _age(entry: Mapping[str, Any], as_of: object) -> str | None:
    """``3d 04h``; with ``≥`` where only the first time it was seen so is known."""
    since, seen = entry.get("since"), entry.get("first_seen")
    try:
        start, now = parse(str(since or seen)), parse(str(as_of))
    except ValueError:
        return None
    if not since and now - start < dt.timedelta(hours=1):
        return None  # first seen by the very room that tells it
    return f"{'' if since else '≥ '}{duration((now - start).total_seconds())}"


def _next(snapshot: Snapshot, run: Run, end: dt.datetime) -> Part:
    """What comes next of all rituals, and the next time of this one."""
    program = snapshot.program
    own = next(iter(_own(program, run, end)), None)
    # What was held after it was still to come then, whenever the minutes are made.
    over = [one for one in snapshot.runs if one.finished_at is not None and one.finished_at <= end]
    ahead = agenda(program, end, records=records(over, read=None)).next
    others = [one for one in ahead if one.ritual.id != run.key.ritual]
    coming = [*others, own] if own is not None else others
    first = min(coming, key=lambda one: one.start, default=None)
    return {"next": _occurrence(first, program), "next_of_this": _occurrence(own, program)}


def _own(program: Program, run: Run, end: dt.datetime) -> list[Occurrence]:
    """Later times of this ritual than the one that was held, though it began early."""
    ritual = _ritual(program, run.key)
    found = occurrences(
        ritual,
        run.key.date,
        run.key.date + dt.timedelta(days=62),
        program.zone,
        program.holidays,
        start=program.start,
        rules=program.calendar,
    )
    later = (one for one in found if one.local_date > run.key.date and one.start > end and not one.cancelled)
    return sorted(later, key=lambda one: one.start)


def _occurrence(one: Occurrence | None, program: Program) -> Part | None:
    if one is None:
        return None
    return {
        "id": one.ritual.id,
        "title": one.ritual.title or one.ritual.id,
        "start": render(one.start),
        "all_day": one.ritual.all_day,
        "label": zones.label(one.start, program.zone, dated=True),
        "scenario": one.scenario,
        "owner": one.owner,
        "flags": list(one.flags),
    }
