"""Evidence of a day: what was asked and answered, what the room saw, and what tests said, as documents.

Raw answers are kept as they came. What is made here begins with the programme's banner.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from controlroom import __version__
from controlroom.domain import checklist
from controlroom.domain.frozen import dataclass
from controlroom.domain.gates import undecided
from controlroom.domain.health import ServiceState, TopicTraffic, settle
from controlroom.domain.instants import maybe, render
from controlroom.domain.junit import JUnit, summed
from controlroom.domain.runs import Key
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.status import coverage_entry
from controlroom.domain.telemetry import SignalReading

SCHEMA = "controlroom.evidence"
VERSION = "1.0"
GENERATOR = f"controlroom {__version__}"

FAILED = 20
"""Tests that did not pass which are named; more are counted."""

Kind = Literal["prometheus", "alertmanager", "service", "request", "room", "junit", "screen"]
"""``service``: the body of an HTTP service. ``room``: what the room saw, made into a document."""

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of evidence, or why there is none."""

    kind: Kind
    source: str
    """Whom it is from: an id of the configuration, a URL, a file."""
    at: dt.datetime
    """When it was there, or was given up; UTC."""
    path: str | None = None
    """Its file, relative to the manifest; None where there is nothing to keep."""
    content: bytes = b""
    request: Mapping[str, Any] | None = None
    """Method, URL and form, without secrets; None for what was not asked for over HTTP."""
    status: int | None = None
    content_type: str = ""
    error: str | None = None


def manifest(
    entries: Sequence[Entry],
    snapshot: Snapshot,
    *,
    date: dt.date,
    ritual: str | None,
    began: dt.datetime,
    ended: dt.datetime,
    by: str,
    host: str,
    tests: Sequence[JUnit],
) -> dict[str, Any]:
    """What there is, each piece with its digest, and what could not be had."""
    return {
        "_banner": snapshot.program.banner,
        "schema": SCHEMA,
        "version": VERSION,
        "generator": GENERATOR,
        "program": snapshot.program.id,
        "tz": snapshot.program.zone,
        "for_date": date.isoformat(),
        "ritual": ritual,
        "began_at": render(began),
        "ended_at": render(ended),
        "by": by,
        "host": host,
        "tests": summed(tests) if tests else None,
        "attention": list(attention(snapshot, tests)),
        "unreachable": list(unreachable(entries)),
        "entries": [_entry(one) for one in entries],
    }


def _entry(one: Entry) -> Document:
    kept = one.path is not None
    return {
        "path": one.path,
        "sha256": hashlib.sha256(one.content).hexdigest() if kept else None,
        "bytes": len(one.content) if kept else None,
        "kind": one.kind,
        "source": one.source,
        "request": None if one.request is None else dict(one.request),
        "status": one.status,
        "content_type": one.content_type or None,
        "at": render(one.at),
        "error": one.error,
    }


def unreachable(entries: Iterable[Entry]) -> tuple[str, ...]:
    """What could not be had, and why: a line for each source and reason."""
    counted = Counter(f"{one.source}: {one.error}" for one in entries if one.error)
    return tuple(line if count == 1 else f"{line} ({count} times)" for line, count in counted.items())


def attention(snapshot: Snapshot, tests: Sequence[JUnit]) -> tuple[str, ...]:
    """What somebody has to look at: gates that fail, tests that did not pass, or of which none ran."""
    lines = []
    for gate in snapshot.gates:
        if gate.verdict == "FAIL":
            ok = "?" if undecided(gate) else gate.ok
            known = f"{ok}/{gate.required} signals" if gate.required else gate.why
            lines.append(f"gate {gate.wave} FAIL: {known}")
    for one in tests:
        if one.bad or one.unlisted:
            lines.append(f"{one.name}: {_failures(one)}")
        elif not one.good:
            lines.append(f"{one.name}: no test passed, {one.skipped} skipped")
    return tuple(lines)


def _failures(one: JUnit) -> str:
    named = ", ".join(case.id for case in one.bad[:FAILED])
    more = f" and {len(one.bad) - FAILED} more" if len(one.bad) > FAILED else ""
    lost = f"{one.unlisted} counted and not listed" if one.unlisted else ""
    count = f"{len(one.bad)} of {one.tests} did not pass: {named}{more}" if one.bad else ""
    return ", ".join(part for part in (count, lost) if part)


# What the room saw


def _headed(snapshot: Snapshot, now: dt.datetime, **sections: Any) -> Document:
    return {
        "_banner": snapshot.program.banner,
        "as_of": render(now),
        "taken_at": maybe(snapshot.taken_at),
        "sources": [
            {"id": one.id, "read_at": maybe(one.read_at), "error": one.error} for one in snapshot.sources
        ],
        **sections,
    }


def services(snapshot: Snapshot, now: dt.datetime) -> Document:
    """Every service as it was last polled, with the beginning of what it said."""
    return _headed(snapshot, now, services=[_service(one) for one in settle(snapshot.services, now)])


def _service(state: ServiceState) -> Document:
    return {
        "id": state.service.id,
        "kind": state.service.kind,
        "state": str(state.health),
        "since": maybe(state.since),
        "reason": state.reason,
        "latency_ms": None if state.latency is None else round(state.latency * 1000, 3),
        "probed_at": maybe(state.probed_at),
        "failures": state.failures,
        "verified": state.verified,
        "caused_by": state.caused_by,
        "detail": dict(state.detail),
        "answer": state.raw or None,
        "answered_at": maybe(state.answered_at),
    }


def gate(snapshot: Snapshot, now: dt.datetime) -> Document:
    """The exit gates, and every promised signal with the query that shows it."""
    return _headed(
        snapshot,
        now,
        gates=[
            {
                "wave": one.wave,
                "verdict": one.verdict,
                "ok": one.ok,
                "required": one.required,
                "pct": one.pct,
                "waived": one.waived,
                "unknown": one.unknown,
                "why": one.why or None,
                "squads": [coverage_entry(part) for part in one.squads],
            }
            for one in snapshot.gates
        ],
        signals=[_signal(one) for one in snapshot.signals if one.signal.topic is None],
        waivers=[
            {"signal": one.signal, "who": one.who, "why": one.why, "until": render(one.until)}
            for one in snapshot.waivers
        ],
    )


def _signal(one: SignalReading) -> Document:
    return {
        "id": one.id,
        "squad": one.signal.squad,
        "metric": one.signal.metric or None,
        "topic": one.signal.topic,
        "job": one.signal.job,
        "required": one.signal.required_for_exit,
        "code": str(one.code),
        "text": one.text,
        "series": one.series,
        "last_seen": maybe(one.last_seen),
        "since": maybe(one.since),
        "query": one.query or None,
    }


def topics(snapshot: Snapshot, now: dt.datetime) -> Document:
    """The promised topics, whether they carry traffic, and what the clusters told of theirs."""
    return _headed(
        snapshot,
        now,
        topics=[_signal(one) for one in snapshot.signals if one.signal.topic is not None],
        traffic=[
            {"service": state.service.id, **_traffic(one)}
            for state in snapshot.services
            for one in state.traffic
        ],
    )


def _traffic(one: TopicTraffic) -> Document:
    return {
        "topic": one.topic,
        "moved_at": maybe(one.moved_at),
        "still_since": maybe(one.still_since),
        "watched_since": maybe(one.watched_since),
        "stamped": one.stamped,
        "missing": one.missing,
        "error": one.error or None,
    }


def checklists(snapshot: Snapshot, keys: Iterable[Key], now: dt.datetime) -> Document:
    """The boxes of those holdings, who ticked them with what evidence, and what the room saw beside them."""
    return _headed(
        snapshot,
        now,
        checklists=[
            {
                "ritual": key.ritual,
                "date": key.date.isoformat(),
                "boxes": [_box(snapshot, box, now) for box in checklist.boxes(snapshot, key)],
            }
            for key in keys
        ],
    )


def _box(snapshot: Snapshot, box: checklist.CheckBox, now: dt.datetime) -> Document:
    return {
        "item": box.item,
        "text": box.words,
        "done": box.done,
        "by": box.by or None,
        "at": maybe(box.at),
        "evidence": box.evidence or None,
        "why": box.why or None,
        "carried_from": box.carried_from.isoformat() if box.carried_from else None,
        "source": f"{box.path}:{box.line}" if box.path else None,
        "queued": box.pending,
        "observed": [
            {"name": seen.proof, "kind": seen.kind, "state": seen.state, "text": seen.text or seen.state}
            for seen in checklist.beside(snapshot, box, now)
        ],
    }


def tests(snapshot: Snapshot, found: Sequence[JUnit]) -> Document:
    """What the tests said, file by file, and which of them did not pass."""
    return {
        "_banner": snapshot.program.banner,
        "total": summed(found),
        "files": [
            {
                "name": one.name,
                **summed([one]),
                "at": maybe(one.at),
                "failed": [
                    {
                        "name": case.name,
                        "classname": case.classname or None,
                        "suite": case.suite or None,
                        "outcome": case.outcome,
                        "time": case.time,
                        "message": case.message,
                    }
                    for case in one.bad
                ],
            }
            for one in found
        ],
    }


# What is said of it


def text(made: Document, folder: str) -> str:
    """A capture in lines for a person, `folder` as it is called."""
    kept = [entry for entry in made["entries"] if entry["path"]]
    size = sum(entry["bytes"] for entry in kept)
    lines = [f"{folder}: {_count(len(kept), 'file')}, {size:,} bytes"]
    if made["tests"]:
        lines.append(f"tests: {tests_line(made['tests'])}")
    lines += [f"attention: {line}" for line in made["attention"]]
    lines += [f"not captured: {line}" for line in made["unreachable"]]
    return "\n".join(lines) + "\n"


def tests_line(total: Mapping[str, Any]) -> str:
    """``120 run: 117 passed, 2 failed, 1 skipped, 12.3 s``."""
    parts = [f"{total['passed']} passed"]
    names = (
        ("failures", "failed"),
        ("errors", "in error"),
        ("skipped", "skipped"),
        ("unlisted", "not listed"),
    )
    parts += [f"{total[name]} {word}" for name, word in names if total[name]]
    parts += [f"{total['time']:g} s"] if total["time"] is not None else []
    return f"{total['tests']} run: {', '.join(parts)}"


def chat(made: Document, folder: str) -> str:
    """A capture in one line."""
    kept = sum(1 for entry in made["entries"] if entry["path"])
    parts = [f"evidence of {made['for_date']}: {_count(kept, 'file')} in {folder}"]
    if made["tests"]:
        parts.append(f"tests {tests_line(made['tests'])}")
    if made["attention"]:
        parts.append(_count(len(made["attention"]), "thing") + " to look at")
    if made["unreachable"]:
        parts.append(f"not captured: {'; '.join(made['unreachable'])}")
    return " · ".join(parts)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
