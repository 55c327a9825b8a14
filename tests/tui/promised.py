"""Squads that promised signals, how these were found, and the gates that follow from it, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from controlroom.domain import gates, waivers
from controlroom.domain.actions import Action, Outcome
from controlroom.domain.board import Squad
from controlroom.domain.gate_rules import GateRules
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import OutboxSeen, Snapshot
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.domain.waivers import Waiver
from controlroom.tui.lines import as_text
from controlroom.tui.panes import telemetry
from controlroom.tui.rows import DrawContext, Line, View

from .rooms import NOW, ROOM, ago, view


def promised(
    squad: str, metric: str, code: GapCode = GapCode.OK, text: str = "", **more: Any
) -> SignalReading:
    """A signal as it was found, an hour after it began to read so; `of` are keys of the signal itself."""
    declared = {"job": "harbour", **more.pop("of", {})}
    more.setdefault("since", ago(60))
    return SignalReading(Signal(metric, squad=squad, **declared), code, text, **more)


def excuse(reading: SignalReading, until: datetime, at: datetime | None = None, **more: Any) -> Waiver:
    """Ada's waiver of it, half an hour old unless told otherwise."""
    more.setdefault("who", "Ada")
    more.setdefault("why", "drill first")
    return Waiver(reading.id, at=at or ago(30), until=until, action="w1", **more)


def room(
    *readings: SignalReading,
    excused: Sequence[Waiver] = (),
    rules: GateRules = GateRules(),  # noqa: B008 (a frozen value)
    now: datetime = NOW,
    silent: Sequence[str] = (),
    **parts: Any,
) -> Snapshot:
    """A room whose squads are those of `readings` and `silent`, in one wave, judged at `now`."""
    names = tuple(dict.fromkeys([*(r.signal.squad for r in readings), *silent]))
    known = {squad.id: squad for squad in ROOM.program.squads}
    squads = tuple(
        replace(
            known.get(name, Squad(name)),
            signals=tuple(r.signal for r in readings if r.signal.squad == name and r.signal.topic is None),
        )
        for name in names
    )
    waves = tuple(replace(wave, squads=names) for wave in ROOM.program.waves if wave.id == "one")
    counted = gates.coverage(squads, readings, rules, now, waivers.counting(excused, now))
    return replace(
        ROOM,
        program=replace(ROOM.program, squads=squads, waves=waves),
        signals=tuple(readings),
        coverage=counted,
        gates=tuple(gates.gate(wave, counted) for wave in waves),
        waivers=tuple(excused),
        gate_rules=rules,
        **parts,
    )


def queued(reading: SignalReading, kind: Any = "waive") -> OutboxSeen:
    """An outbox in which something done to it waits."""
    action = Action("q1", f"signal:{reading.id}", kind, {}, "Ines", "harbour-1", NOW, "")
    return OutboxSeen((Outcome("queued", action),))


def styled(snapshot: Snapshot, part: str, seen: View | None = None, now: datetime = NOW) -> Line:
    """The first line of the telemetry pane that says `part`, with its styles."""
    seen = seen or view()
    ctx = DrawContext(snapshot, seen, now, seen.width, seen.height)
    for row in telemetry.PANE.rows(snapshot, seen):
        for line in telemetry.PANE.draw(row, ctx):
            if part in as_text((line,)):
                return line
    raise AssertionError(f"no line says {part!r}")
