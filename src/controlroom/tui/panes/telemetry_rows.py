"""Rows of the telemetry pane: squads, the worst first, with their gaps, as many of them as there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from controlroom.domain.gates import delivered
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import UNKNOWN_CODES, Coverage, GapCode, SignalReading
from controlroom.tui import gate_words, present
from controlroom.tui.panes.base import words
from controlroom.tui.panes.benchmark_lines import Measured, measured, measured_row
from controlroom.tui.panes.benchmark_lines import by_squad as measured_by
from controlroom.tui.panes.gate_lines import by_squad
from controlroom.tui.panes.signal_lines import ONE_LINE_FROM, Entry
from controlroom.tui.panes.telemetry_lines import Quiet, SquadEntry
from controlroom.tui.rows import Row, Subject, View

FINE = (GapCode.OK, GapCode.NOT_DECLARED)
"""Codes that are no gap of a signal."""


class Block(NamedTuple):
    """A squad with its signals that are shown."""

    squad: SquadEntry
    entries: tuple[Entry, ...]
    measured: tuple[Measured, ...] = ()
    """Its benchmarks that are shown."""

    @property
    def quiet(self) -> bool:
        """Whether it needs nobody's eye: all is there, or nothing was promised."""
        coverage = self.squad.coverage
        settled = coverage is not None and coverage.verdict in ("PASS", "NOT_DECLARED")
        shown = self.entries or self.measured
        return settled and not shown and not (coverage is not None and coverage.waived)


_RANK = {"FAIL": 0, "UNKNOWN": 1, "PASS": 3, "NOT_DECLARED": 4}


def _order(snapshot: Snapshot) -> list[tuple[str, Coverage | None]]:
    """Squads with their coverage, the worst first; a squad that only signals name as well."""
    found: dict[str, Coverage | None] = {coverage.squad: coverage for coverage in snapshot.coverage}
    for squad in by_squad(snapshot.signals):
        found.setdefault(squad, None)
    for squad in measured_by(snapshot.benchmarks):
        found.setdefault(squad, None)
    return sorted(found.items(), key=lambda pair: _badness(pair[1]))


def _badness(coverage: Coverage | None) -> tuple[int, int]:
    if coverage is None:
        return 1, 0
    rank = 2 if gate_words.holding(coverage) else _RANK[coverage.verdict]
    return rank, coverage.pct or 0


def blocks(snapshot: Snapshot, view: View, now: datetime) -> Iterator[Block]:
    """Every squad with what is shown of its signals, the worst first."""
    whole = view.expanded or bool(view.filter.strip())
    for squad, coverage in _order(snapshot):
        readings = by_squad(snapshot.signals).get(squad, ())
        entries = _entries(squad, snapshot, view, now) if whole or any(map(_shown, readings)) else ()
        benchmarks = measured(snapshot, squad, whole=whole, labelled=bool(view.filter.strip()))
        if coverage is None and not readings and not benchmarks:
            continue
        yield Block(SquadEntry(squad, coverage, len(readings)), entries, benchmarks)


def _shown(reading: SignalReading) -> bool:
    return reading.code not in FINE


def _entries(squad: str, snapshot: Snapshot, view: View, now: datetime) -> tuple[Entry, ...]:
    """Gaps, the worst first; those that nothing is known of for one reason share an entry in a small pane."""
    filtered = bool(view.filter.strip())
    whole = view.expanded or filtered
    readings = by_squad(snapshot.signals).get(squad, ())
    shown = [r for r in readings if _shown(r) or (whole and r.code is GapCode.OK)]
    shown.sort(key=lambda r: _weight(snapshot, r, now))
    alike: dict[tuple[GapCode, str], int] = {}
    for reading in () if whole else shown:
        if reading.code in UNKNOWN_CODES:
            key = reading.code, reading.text
            alike[key] = alike.get(key, 0) + 1
    entries: list[Entry] = []
    for reading in shown:
        many = alike.get((reading.code, reading.text), 1)
        if many == 0:
            continue
        if many > 1:
            alike[reading.code, reading.text] = 0
        entries.append(Entry(squad, reading, many if many > 1 else 0, filtered, view.expanded))
    return tuple(entries)


def _weight(snapshot: Snapshot, reading: SignalReading, now: datetime) -> int:
    """What keeps a squad from the exit comes first, what is well last."""
    if reading.code is GapCode.OK:
        return 5
    if reading.code in UNKNOWN_CODES:
        return 2
    if gate_words.counting(snapshot, reading.id, now) is not None:
        return 4
    if not reading.signal.required_for_exit:
        return 3
    return 0 if delivered(reading, snapshot.gate_rules) is False else 1


class Form(NamedTuple):
    """How much room there is. `tall`: a gap has two lines; `folded`: quiet squads share lines."""

    tall: bool
    folded: bool


def form_for(shown: Sequence[Block], view: View, used: int) -> Form:
    """The roomiest form that fits; in a pane that scrolls for its own sake, everything has its place."""
    narrow = 0 < view.width < ONE_LINE_FROM
    if not view.height or view.expanded or view.filter.strip():
        return Form(tall=narrow, folded=False)
    for form in (Form(tall=narrow, folded=False), Form(tall=False, folded=False)):
        if used + _high(shown, form) <= view.height:
            return form
    folded = Form(tall=narrow, folded=True)
    return folded if used + _high(shown, folded) <= view.height else Form(tall=False, folded=True)


def _high(shown: Sequence[Block], form: Form) -> int:
    """Lines of all blocks."""
    loud = [block for block in shown if not (form.folded and block.quiet)]
    folds = len({_declared(b) for b in shown if b.quiet}) if form.folded else 0
    signals = sum(e.height(tall=form.tall) for block in loud for e in block.entries)
    return folds + len(loud) + signals + sum(m.height(tall=form.tall) for b in loud for m in b.measured)


def _declared(block: Block) -> bool:
    return block.squad.coverage is not None and block.squad.coverage.required > 0


def squad_rows(shown: Sequence[Block], form: Form, snapshot: Snapshot) -> Iterator[Row]:
    """A row for each squad and each of its entries; quiet squads in one or two at the end, where folded."""
    quiet: dict[bool, list[str]] = {True: [], False: []}
    for block in shown:
        if form.folded and block.quiet:
            quiet[_declared(block)].append(block.squad.squad)
            continue
        yield _squad_row(block.squad, snapshot)
        for entry in block.entries:
            yield _entry_row(entry, snapshot, tall=form.tall)
        for one in block.measured:
            yield measured_row(one, snapshot, tall=form.tall)
    for declared, squads in quiet.items():
        if squads:
            yield _quiet_row(Quiet(tuple(squads), declared), snapshot)


def _squad_row(entry: SquadEntry, snapshot: Snapshot) -> Row:
    coverage = entry.coverage
    look = present.VERDICT[coverage.verdict].word if coverage is not None else ""
    holds = coverage is not None and gate_words.holding(coverage)
    return Row(
        key=f"squad:{entry.squad}",
        subject=Subject("squad", entry.squad) if entry.squad else None,
        squads=(entry.squad,) if entry.squad else (),
        text=words(present.squad_name(snapshot.program, entry.squad), look, "holding" if holds else ""),
        data=entry,
        ticks=holds,
    )


def _quiet_row(quiet: Quiet, snapshot: Snapshot) -> Row:
    names = (present.squad_name(snapshot.program, squad) for squad in quiet.squads)
    return Row(
        key=f"quiet:{quiet.declared}",
        squads=quiet.squads,
        text=words("ok" if quiet.declared else "not declared", *names),
        data=quiet,
    )


def _entry_row(entry: Entry, snapshot: Snapshot, *, tall: bool) -> Row:
    reading = entry.reading
    signal = reading.signal
    name = present.squad_name(snapshot.program, entry.squad)
    code = "ok" if reading.code is GapCode.OK else reading.code.value
    waived = gate_words.waivers_by_signal(snapshot.waivers).get(reading.id)
    return Row(
        key=f"signal:{reading.id}",
        height=entry.height(tall=tall),
        subject=Subject("signal", reading.id),
        squads=(entry.squad,) if entry.squad else (),
        text=words(
            name,
            signal.title,
            signal.job,
            code,
            reading.text,
            reading.hint,
            f"waived {waived.who} {waived.why}" if waived is not None else "",
        ),
        data=entry,
        ticks=entry.standing and signal.required_for_exit,
    )
