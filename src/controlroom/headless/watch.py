"""`controlroom watch`: what changed from one snapshot to the next, a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from controlroom.domain.instants import render
from controlroom.domain.selfcheck import failing
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.headless import actions, gates, output
from controlroom.headless.services import UNVERIFIED

if TYPE_CHECKING:
    from controlroom.domain.alerts import Watchdog
    from controlroom.domain.telemetry import Gate
    from controlroom.domain.waivers import Waiver
    from controlroom.wiring import Room

T = TypeVar("T")


class Event(NamedTuple):
    """One thing that is not what it was."""

    at: datetime
    kind: str
    id: str
    before: str | None
    after: str | None
    text: str


def events(before: Snapshot, after: Snapshot, at: datetime) -> tuple[Event, ...]:
    """Everything that differs between two snapshots; parts that are the same objects cost nothing.

    Cards and gates that a first reading of the documents brings are not news; services, blockers,
    waivers and alerts found at the beginning are.
    """
    pairs: tuple[tuple[str, Iterable[Any], Iterable[Any], _Id, _State, _Text], ...] = (
        ("source", before.sources, after.sources, lambda s: s.id, _source, lambda s: s.error or ""),
        (
            "self",
            failing(before.self_checks),
            failing(after.self_checks),
            lambda c: c.name,
            lambda c: "failing",
            lambda c: c.text,
        ),
        ("service", before.services, after.services, lambda s: s.service.id, _health, _reason),
        ("signal", before.signals, after.signals, lambda r: r.id, lambda r: str(r.code), lambda r: r.text),
        ("gate", before.gates, after.gates, lambda g: g.wave, gates.verdict, _gate),
        ("waiver", before.waivers, after.waivers, lambda w: w.signal, _waiver, lambda w: f"{w.who}: {w.why}"),
        (
            "benchmark",
            before.benchmarks,
            after.benchmarks,
            lambda b: b.id,
            lambda b: b.verdict,
            lambda b: f"{b.name}: {b.text}",
        ),
        ("alert", before.alerts, after.alerts, lambda a: a.fingerprint, lambda a: a.state, _alert),
        ("watchdog", before.watchdogs, after.watchdogs, lambda d: d.server, _watchdog, lambda d: d.name),
        ("item", before.items, after.items, lambda i: i.id, lambda i: i.status, lambda i: i.epic),
        ("blocker", before.blockers, after.blockers, lambda b: b.id, lambda b: b.state, _blocker(after)),
        ("queued", before.outbox.queued, after.outbox.queued, _action_id, lambda o: "waiting", _deed),
        ("conflict", before.outbox.conflicts, after.outbox.conflicts, _action_id, lambda o: "waiting", _deed),
    )
    quiet = set() if before.documents else {"item"}
    if any(source.kind == "documents" and source.read_at is None for source in before.sources):
        quiet.add("gate")
    return tuple(
        Event(at, kind, id_, was, now, text)
        for kind, old, new, identity, state, text_of in pairs
        if old is not new and kind not in quiet
        for id_, was, now, text in _differences(old, new, identity, state, text_of)
    )


_Id = Callable[[Any], str]
_State = Callable[[Any], str]
_Text = Callable[[Any], str]


def _blocker(snapshot: Snapshot) -> _Text:
    """What it is, and who acted on it last."""

    def text(blocker: Any) -> str:
        history = snapshot.ledger.of(blocker.id) if snapshot.ledger is not None else ()
        by = f"by {history[-1].action.actor}" if history and not blocker.pending else ""
        return " · ".join(part for part in (blocker.summary, by) if part)

    return text


def _action_id(outcome: Any) -> str:
    return str(outcome.action.id)


def _deed(outcome: Any) -> str:
    told = actions.said(outcome.action)
    if outcome.status != "conflict":
        return told
    return f"not {told}; {actions.in_the_way(outcome.current)}"


def _source(source: SourceStatus) -> str:
    if source.error:
        return "failing"
    return "waiting" if source.read_at is None else "answering"


def _health(state: Any) -> str:
    return str(state.health)


def _reason(state: Any) -> str:
    cause = f"caused by {state.caused_by}" if state.caused_by else ""
    doubt = "" if state.verified else UNVERIFIED
    return " · ".join(part for part in (state.reason, cause, doubt) if part)


def _gate(gate: Gate) -> str:
    return gate.why or (gates.fraction(gate) if gate.required else "")


def _waiver(waiver: Waiver) -> str:
    return "queued" if waiver.pending else f"until {render(waiver.until)}"


def _watchdog(dog: Watchdog) -> str:
    if not dog.firing:
        return "missing"
    return "silenced" if dog.silenced else "firing"


def _alert(alert: Any) -> str:
    return " · ".join(part for part in (alert.name, alert.squad or "unowned", alert.summary) if part)


def _differences(
    old: Iterable[T], new: Iterable[T], identity: _Id, state: _State, text: _Text
) -> Iterator[tuple[str, str | None, str | None, str]]:
    known: Mapping[str, T] = {identity(one): one for one in old}
    seen = {identity(one): one for one in new}
    for id_, one in seen.items():
        was = state(known[id_]) if id_ in known else None
        if was != state(one):
            yield id_, was, state(one), text(one)
    for id_, one in known.items():
        if id_ not in seen:
            yield id_, state(one), None, text(one)


def as_line(event: Event) -> str:
    """``2025-10-06T16:00:00Z service redis up → down: refused``"""
    said = f"{render(event.at)} {event.kind} {event.id} {event.before or 'new'} → {event.after or 'gone'}"
    return f"{said}: {event.text}" if event.text else said


def as_json(event: Event) -> dict[str, Any]:
    """The same as a JSON object."""
    return {
        "at": render(event.at),
        "kind": event.kind,
        "id": event.id,
        "from": event.before,
        "to": event.after,
        "text": event.text,
    }


async def follow(room: Room, *, json: bool) -> None:
    """Print every change of `room`, a line each, until cancelled. Raises what ends the room or stdout."""
    import asyncio

    lines: asyncio.Queue[Event] = asyncio.Queue()
    before = room.snapshot

    def seen(snapshot: Snapshot) -> None:
        nonlocal before
        for event in events(before, snapshot, room.clock()):
            lines.put_nowait(event)
        before = snapshot

    room.subscribe(seen)
    running = asyncio.create_task(room.run(), name="room")
    try:
        while True:
            printing = asyncio.create_task(lines.get(), name="next line")
            await asyncio.wait({running, printing}, return_when=asyncio.FIRST_COMPLETED)
            if not printing.done():
                printing.cancel()
                return await running
            _print(printing.result(), json)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _print(event: Event, json: bool) -> None:
    if json:
        output.line(as_json(event))
    else:
        output.text(as_line(event))
        output.flush()
