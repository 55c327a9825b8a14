"""The room as series: what is not known, or too old to say anything, has none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property

from controlroom.domain import benchmarks
from controlroom.domain.affected import affected, waiters
from controlroom.domain.alerts import distinct, rank
from controlroom.domain.board import COLUMNS
from controlroom.domain.freshness import Freshness, freshness
from controlroom.domain.gates import undecided
from controlroom.domain.health import ServiceState, pace, settle
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot, SourceKind, SourceStatus
from controlroom.domain.telemetry import UNKNOWN_CODES, Coverage, Gate, is_gap, undeclared
from controlroom.domain.triage import age, sla
from controlroom.domain.worst import told
from controlroom.exporting.family import NOBODY, Family, Sample, one_of

JUDGED_BY: frozenset[SourceKind] = frozenset(("metrics", "documents", "services"))
"""Sources without which a gate cannot be known to pass, where they are asked at all."""

BOARD: frozenset[SourceKind] = frozenset(("documents", "store", "status"))
"""Sources that tell of cards and blockers."""

SEVERITIES = ("critical", "error", "warning", "other", "info", "none")
"""What alerts are counted by: as many severities as there are words for them is too many."""

_BY_RANK = {0: "critical", 1: "error", 2: "warning", 3: "other", 4: "info", 5: "none"}
_VERDICTS = ("pass", "fail", "unknown", "not_declared")
_BLOCKER_STATES = ("open", "acknowledged", "escalated", "snoozed", "resolved")
_SLAS = ("ok", "due_soon", "breach", "unknown")
_BENCHMARKS = ("ok", "better", "regression", "young", "old", "unknown")
_WATCHDOGS = ("firing", "silenced", "missing", "unknown")


class Seen:
    """A snapshot at an instant, and what several families ask of it."""

    def __init__(self, snapshot: Snapshot, now: datetime) -> None:
        self.snapshot = snapshot
        self.now = now

    @cached_property
    def services(self) -> Sequence[ServiceState]:
        """As they may be shown."""
        return settle(self.snapshot.services, self.now)

    @cached_property
    def squads(self) -> tuple[str, ...]:
        """Every squad, and nobody."""
        return (*(squad.id for squad in self.snapshot.program.squads), NOBODY)

    def of(self, *kinds: SourceKind) -> Iterator[SourceStatus]:
        """The sources of these kinds."""
        return (source for source in self.snapshot.sources if source.kind in kinds)

    def current(self, source: SourceStatus) -> bool:
        """Whether what it said is not too old."""
        return self.freshness(source) in (Freshness.FRESH, Freshness.LATE)

    def freshness(self, source: SourceStatus) -> Freshness:
        """How old what it said is."""
        return freshness(source.read_at, self.now, source.interval)

    @cached_property
    def telemetry(self) -> bool:
        """Whether readings of signals are of today: a server that fails is told in each of them, one that is
        only silent is not."""
        silent = (source for source in self.of("metrics") if not source.error)
        return all(self.freshness(source) is not Freshness.STALE for source in silent)

    @cached_property
    def board(self) -> bool:
        """Whether cards and blockers are known: somebody tells of them, and everybody who does is current."""
        sources = tuple(self.of(*BOARD))
        return bool(sources) and all(map(self.current, sources))

    @cached_property
    def judged(self) -> bool:
        """Whether all that gates rest on could be read."""
        return all(source.read_at and not source.error for source in self.of(*JUDGED_BY))


def _at(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()


# Sources


def _read(seen: Seen) -> Iterator[Sample]:
    for source in seen.snapshot.sources:
        yield (source.id, source.kind), _at(source.read_at)


def _interval(seen: Seen) -> Iterator[Sample]:
    for source in seen.snapshot.sources:
        yield (source.id, source.kind), source.interval


def _failing(seen: Seen) -> Iterator[Sample]:
    for source in seen.snapshot.sources:
        silent = source.error is None and source.read_at is None
        yield (source.id, source.kind), None if silent else float(source.error is not None)


def _freshness(seen: Seen) -> Iterator[Sample]:
    for source in seen.snapshot.sources:
        found = seen.freshness(source)
        yield from one_of((source.id, source.kind), found.value, Freshness, unsure=())


def _warnings(seen: Seen) -> Iterator[Sample]:
    for source in seen.snapshot.sources:
        yield (source.id, source.kind), len(source.warnings) if source.read_at else None


# Services


def _service_info(seen: Seen) -> Iterator[Sample]:
    for state in seen.services:
        one = state.service
        yield (one.id, one.name or one.id, one.kind, one.group, one.owner), 1


def _service_state(seen: Seen) -> Iterator[Sample]:
    for state in seen.services:
        yield from one_of((state.service.id,), told(state).value, Health)


def _service_since(seen: Seen) -> Iterator[Sample]:
    for state in seen.services:
        yield (state.service.id,), _at(state.since)


def _service_probed(seen: Seen) -> Iterator[Sample]:
    for state in seen.services:
        yield (state.service.id,), _at(state.probed_at)


def _service_latency(seen: Seen) -> Iterator[Sample]:
    for state in seen.services:
        old = freshness(state.probed_at, seen.now, pace(state)) is Freshness.STALE
        yield (state.service.id,), None if old else state.latency


def _service_flaps(seen: Seen) -> Iterator[Sample]:
    for state in seen.services:
        yield (state.service.id,), None if state.health is Health.UNKNOWN else state.flaps


def _service_verified(seen: Seen) -> Iterator[Sample]:
    for state in seen.services:
        yield (state.service.id,), float(state.verified)


def _service_cause(seen: Seen) -> Iterator[Sample]:
    for state in seen.services:
        if state.caused_by is not None:
            yield (state.service.id, state.caused_by), 1


def _service_squads(seen: Seen) -> Iterator[Sample]:
    above = waiters(state.service for state in seen.services)
    for state in seen.services:
        for squad in affected(state.service, above, seen.snapshot.program.dependencies).squads:
            yield (state.service.id, squad), 1


def _self(seen: Seen) -> Iterator[Sample]:
    for check in seen.snapshot.self_checks:
        yield (check.name,), None if check.ok is None else float(check.ok)


# Squads, their cards and what holds them up


def _squad_info(seen: Seen) -> Iterator[Sample]:
    for squad in seen.snapshot.program.squads:
        yield (squad.id, squad.name or squad.id), 1


def _items(seen: Seen) -> Iterator[Sample]:
    if seen.board and any(seen.of("documents")):  # no one else has cards
        found = ((_known(seen, item.squad), item.status) for item in seen.snapshot.items)
        yield from _crossed(found, seen.squads, (*COLUMNS, "unknown"))


def _blockers(seen: Seen) -> Iterator[Sample]:
    if seen.board:
        squads = _held(seen)
        found = ((squads[blocker.id], blocker.state) for blocker in seen.snapshot.blockers)
        yield from _crossed(found, seen.squads, _BLOCKER_STATES)


def _blockers_by_age(seen: Seen) -> Iterator[Sample]:
    if seen.board:
        squads = _held(seen)
        pressing = (blocker for blocker in seen.snapshot.blockers if blocker.state != "resolved")
        found = ((squads[blocker.id], sla(blocker, seen.now)) for blocker in pressing)
        yield from _crossed(found, seen.squads, _SLAS)


def _blocking(seen: Seen) -> Iterator[Sample]:
    if seen.board:
        blockers = seen.snapshot.blockers
        count = Counter(_known(seen, one.blocking_squad) for one in blockers if one.state != "resolved")
        yield from (((squad,), count[squad]) for squad in seen.squads)


def _oldest_blocker(seen: Seen) -> Iterator[Sample]:
    if seen.board:
        squads, oldest = _held(seen), dict[str, float]()
        for blocker in seen.snapshot.blockers:
            old = age(blocker, seen.now) if blocker.state != "resolved" else None
            if old is not None:
                squad = squads[blocker.id]
                oldest[squad] = max(old, oldest.get(squad, old))
        yield from (((squad,), old) for squad, old in oldest.items())


def _held(seen: Seen) -> dict[str, str]:
    """Blocker → the squad that it holds up: the one that it names, else that of its card."""
    squad_of = {item.id: item.squad for item in seen.snapshot.items}
    return {
        blocker.id: _known(seen, blocker.owning_squad or squad_of.get(blocker.item or ""))
        for blocker in seen.snapshot.blockers
    }


def _known(seen: Seen, squad: str | None) -> str:
    """`squad` where it is one of the programme's; a name that people made up would be one more series."""
    return squad if squad in seen.squads else NOBODY


def _crossed(
    found: Iterable[tuple[str, str]], rows: Iterable[str], columns: Sequence[str]
) -> Iterator[Sample]:
    """How often each row is found with each column."""
    count = Counter(found)
    return (((row, column), count[row, column]) for row in rows for column in columns)


# Signals and gates


def _gaps(seen: Seen) -> Iterator[Sample]:
    if seen.telemetry:
        promised = filter(is_gap, seen.snapshot.signals)
        for reading in (*promised, *undeclared(seen.snapshot.program.squads)):
            signal = reading.signal
            yield (signal.squad, reading.id, signal.title, reading.code.value), 1


def _gap_counts(seen: Seen) -> Iterator[Sample]:
    if seen.telemetry:
        found, unknown, asked = Counter[str](), Counter[str](), Counter[str]()
        for reading in seen.snapshot.signals:
            squad = reading.signal.squad
            asked[squad] += 1
            unknown[squad] += reading.code in UNKNOWN_CODES
            found[squad] += is_gap(reading) and reading.code not in UNKNOWN_CODES
        for squad in asked:
            # None of those that could be asked: of the others nobody can say it.
            yield (squad,), None if unknown[squad] and not found[squad] else found[squad]


def _squad_required(seen: Seen) -> Iterator[Sample]:
    return (((part.squad,), part.required) for part in seen.snapshot.coverage if part.required)


def _squad_delivered(seen: Seen) -> Iterator[Sample]:
    return (((part.squad,), _delivered(seen, part)) for part in seen.snapshot.coverage)


def _squad_ratio(seen: Seen) -> Iterator[Sample]:
    return (((part.squad,), _ratio(seen, part)) for part in seen.snapshot.coverage)


def _squad_waived(seen: Seen) -> Iterator[Sample]:
    return (((part.squad,), part.waived) for part in _owing(seen))


def _squad_unknown(seen: Seen) -> Iterator[Sample]:
    return (((part.squad,), part.unknown) for part in _owing(seen))


def _owing(seen: Seen) -> Iterator[Coverage]:
    return (part for part in seen.snapshot.coverage if seen.telemetry and part.required)


def _squad_verdict(seen: Seen) -> Iterator[Sample]:
    for part in seen.snapshot.coverage:
        yield from one_of((part.squad,), _verdict(seen, part), _VERDICTS)


def _wave_info(seen: Seen) -> Iterator[Sample]:
    return (((wave.id, wave.name or wave.id), 1) for wave in seen.snapshot.program.waves)


def _gate_required(seen: Seen) -> Iterator[Sample]:
    return (((gate.wave,), gate.required) for gate in seen.snapshot.gates if gate.required)


def _gate_delivered(seen: Seen) -> Iterator[Sample]:
    return (((gate.wave,), _delivered(seen, gate)) for gate in seen.snapshot.gates)


def _gate_ratio(seen: Seen) -> Iterator[Sample]:
    return (((gate.wave,), _ratio(seen, gate)) for gate in seen.snapshot.gates)


def _gate_verdict(seen: Seen) -> Iterator[Sample]:
    for gate in seen.snapshot.gates:
        yield from one_of((gate.wave,), _verdict(seen, gate), _VERDICTS)


def _delivered(seen: Seen, part: Coverage | Gate) -> float | None:
    return part.ok if part.required and seen.telemetry and not undecided(part) else None


def _ratio(seen: Seen, part: Coverage | Gate) -> float | None:
    delivered = _delivered(seen, part)
    return None if delivered is None else delivered / part.required


def _verdict(seen: Seen, part: Coverage | Gate) -> str:
    """What is known of it: nothing passes while something that it rests on could not be read."""
    if not seen.telemetry or (part.verdict == "PASS" and not seen.judged):
        return "unknown"
    return part.verdict.lower()


# Alerts


def _alerts(seen: Seen) -> Iterator[Sample]:
    answering = {source.id for source in seen.of("alerts") if seen.current(source)}
    alerts = [alert for alert in seen.snapshot.alerts if f"alerts:{alert.server}" in answering]
    count = Counter(
        (
            _known(seen, alert.squad),
            _BY_RANK[rank(alert.severity)],
            "suppressed" if alert.state == "suppressed" else "active",
        )
        for alert in distinct(alerts)
    )
    sources = tuple(seen.of("alerts"))
    whole = bool(sources) and len(answering) == len(sources)
    for squad in seen.squads:
        for severity in SEVERITIES:
            for state in ("active", "suppressed"):
                found = count[squad, severity, state]
                # That there is none takes everybody's answer.
                yield (squad, severity, state), found if found or whole else None


def _watchdogs(seen: Seen) -> Iterator[Sample]:
    answering = {source.id for source in seen.of("alerts") if seen.current(source) and not source.error}
    for dog in seen.snapshot.watchdogs:
        found = "silenced" if dog.silenced else "firing"
        if f"alerts:{dog.server}" not in answering:
            found = "unknown"
        elif not dog.firing:
            found = "missing"
        yield from one_of((dog.server,), found, _WATCHDOGS)


# Benchmarks


def _benchmark_info(seen: Seen) -> Iterator[Sample]:
    for one in seen.snapshot.benchmarks:
        yield (one.id, one.name, one.squad, one.unit, one.better), 1


def _benchmark_value(seen: Seen) -> Iterator[Sample]:
    for one in seen.snapshot.benchmarks:
        known = one.last is not None and one.verdict not in benchmarks.UNSURE
        yield (one.id,), one.last.value if known and one.last is not None else None


def _benchmark_median(seen: Seen) -> Iterator[Sample]:
    for one in seen.snapshot.benchmarks:
        yield (one.id,), None if one.verdict in benchmarks.UNSURE else one.median


def _benchmark_measured(seen: Seen) -> Iterator[Sample]:
    for one in seen.snapshot.benchmarks:
        yield (one.id,), None if one.last is None else _at(one.last.at)


def _benchmark_verdict(seen: Seen) -> Iterator[Sample]:
    for one in seen.snapshot.benchmarks:
        yield from one_of((one.id,), one.verdict, _BENCHMARKS)


# The programme, the log


def _program(seen: Seen) -> Iterator[Sample]:
    program = seen.snapshot.program
    yield (program.id, program.title, program.zone), 1


def _restored(seen: Seen) -> Iterator[Sample]:
    yield (), float(seen.snapshot.restored)


def _revision(seen: Seen) -> Iterator[Sample]:
    ledger = seen.snapshot.ledger
    known = ledger is not None and all(map(seen.current, seen.of("store")))
    yield (), ledger.rev if known and ledger is not None else None


def _lints(seen: Seen) -> Iterator[Sample]:
    sources = tuple(seen.of("documents"))
    if sources and all(map(seen.current, sources)):
        count = Counter(lint.severity for lint in seen.snapshot.lints)
        yield from (((severity,), count[severity]) for severity in ("error", "warning"))


SOURCES: tuple[Family[Seen], ...] = (
    Family(
        "controlroom_program_info", ("program", "title", "zone"), "The programme that is shown.", _program
    ),
    Family(
        "controlroom_room_restored",
        (),
        "1: the room is that of an earlier run, no source has answered yet; then only sources are told.",
        _restored,
    ),
    Family(
        "controlroom_source_read_timestamp_seconds",
        ("source", "kind"),
        "When a source was last read, by the collector's clock; absent: never.",
        _read,
    ),
    Family(
        "controlroom_source_interval_seconds",
        ("source", "kind"),
        "How often a source is due; after two intervals it is late, after three stale.",
        _interval,
    ),
    Family(
        "controlroom_source_failing",
        ("source", "kind"),
        "1: the last poll failed; absent: there was none yet.",
        _failing,
    ),
    Family(
        "controlroom_source_freshness",
        ("source", "kind", "freshness"),
        "1 for what the age of a source's last reading says of it, 0 for the others.",
        _freshness,
    ),
    Family(
        "controlroom_source_warnings",
        ("source", "kind"),
        "Warnings that came with the last reading.",
        _warnings,
    ),
)
"""Told whenever there is a room."""

ROOM: tuple[Family[Seen], ...] = (
    Family(
        "controlroom_service_info",
        ("service", "name", "kind", "group", "owner"),
        "What is declared of a service.",
        _service_info,
    ),
    Family(
        "controlroom_service_state",
        ("service", "state"),
        "1 for the state of a service, 0 for the others; of an unknown one only state unknown is told.",
        _service_state,
    ),
    Family(
        "controlroom_service_since_timestamp_seconds",
        ("service",),
        "Since when a service has been in its state.",
        _service_since,
    ),
    Family(
        "controlroom_service_probed_timestamp_seconds",
        ("service",),
        "When a service last answered or failed to, by the collector's clock.",
        _service_probed,
    ),
    Family(
        "controlroom_service_latency_seconds",
        ("service",),
        "Time until the last answer; absent where there was none, or it is stale.",
        _service_latency,
    ),
    Family(
        "controlroom_service_flaps",
        ("service",),
        "Changes of state within an hour, planned work aside; absent while the state is unknown.",
        _service_flaps,
    ),
    Family(
        "controlroom_service_verified",
        ("service",),
        "0: the collector itself may be what is cut off from the service.",
        _service_verified,
    ),
    Family(
        "controlroom_service_caused_by",
        ("service", "cause"),
        "1: the service that it depends on explains its state.",
        _service_cause,
    ),
    Family(
        "controlroom_service_affects",
        ("service", "squad"),
        "1: the squad is affected when the service is not up, directly or through others.",
        _service_squads,
    ),
    Family(
        "controlroom_self_check_ok",
        ("check",),
        "0: the collector's own machine is in trouble; absent: it could not be judged.",
        _self,
    ),
    Family("controlroom_squad_info", ("squad", "name"), "What is declared of a squad.", _squad_info),
    Family(
        "controlroom_squad_items",
        ("squad", "status"),
        "Cards of a squad by status; absent while documents or log cannot be read.",
        _items,
    ),
    Family(
        "controlroom_squad_blockers",
        ("squad", "state"),
        "Blockers that hold a squad up, by state; absent while documents or log cannot be read.",
        _blockers,
    ),
    Family(
        "controlroom_squad_blockers_by_age",
        ("squad", "sla"),
        "Blockers that are not resolved and hold a squad up, by where they stand against the four hours.",
        _blockers_by_age,
    ),
    Family(
        "controlroom_squad_blocking",
        ("squad",),
        "Blockers that are not resolved and wait for this squad.",
        _blocking,
    ),
    Family(
        "controlroom_squad_oldest_blocker_age_seconds",
        ("squad",),
        "Age of the oldest blocker that is not resolved; absent: none whose age is known.",
        _oldest_blocker,
    ),
    Family(
        "controlroom_signal_gap",
        ("squad", "signal", "title", "code"),
        "1: a promised signal is not as promised, or nothing is known of it, and the code says why.",
        _gaps,
    ),
    Family(
        "controlroom_squad_gaps",
        ("squad",),
        "Promised signals that are known not to be as promised; absent where nothing was promised, and "
        "where none is known but some could not be asked for.",
        _gap_counts,
    ),
    Family(
        "controlroom_squad_signals_required",
        ("squad",),
        "Signals that a squad owes for the exit; absent: none is declared.",
        _squad_required,
    ),
    Family(
        "controlroom_squad_signals_delivered",
        ("squad",),
        "How many of them are there; absent while that of one is unknown.",
        _squad_delivered,
    ),
    Family(
        "controlroom_squad_signals_delivered_ratio",
        ("squad",),
        "Share of them that is there; absent while that of one is unknown.",
        _squad_ratio,
    ),
    Family(
        "controlroom_squad_signals_waived",
        ("squad",),
        "How many of them a waiver excuses.",
        _squad_waived,
    ),
    Family(
        "controlroom_squad_signals_unknown",
        ("squad",),
        "Of how many of them nobody can say whether they are there.",
        _squad_unknown,
    ),
    Family(
        "controlroom_squad_gate_state",
        ("squad", "state"),
        "1 for the verdict over a squad's signals, 0 for the others; only unknown while it is unknown.",
        _squad_verdict,
    ),
    Family("controlroom_wave_info", ("wave", "name"), "What is declared of a wave.", _wave_info),
    Family(
        "controlroom_gate_signals_required",
        ("wave",),
        "Signals that the squads of a wave owe for its exit; absent: none is declared.",
        _gate_required,
    ),
    Family(
        "controlroom_gate_signals_delivered",
        ("wave",),
        "How many of them are there; absent while that of one is unknown.",
        _gate_delivered,
    ),
    Family(
        "controlroom_gate_signals_delivered_ratio",
        ("wave",),
        "Share of them that is there; absent while that of one is unknown.",
        _gate_ratio,
    ),
    Family(
        "controlroom_gate_state",
        ("wave", "state"),
        "1 for the verdict over the exit of a wave, 0 for the others; only unknown while it is unknown.",
        _gate_verdict,
    ),
    Family(
        "controlroom_alerts",
        ("squad", "severity", "state"),
        "Alerts of Alertmanager; none is told as 0 only while every Alertmanager answers.",
        _alerts,
    ),
    Family(
        "controlroom_watchdog_state",
        ("server", "state"),
        "1 for the state of the alert that always fires; unknown while its Alertmanager does not answer.",
        _watchdogs,
    ),
    Family(
        "controlroom_benchmark_info",
        ("benchmark", "name", "squad", "unit", "better"),
        "What is declared of a benchmark.",
        _benchmark_info,
    ),
    Family(
        "controlroom_benchmark_result",
        ("benchmark",),
        "The last result, in the benchmark's unit; absent while it is too old or cannot be read.",
        _benchmark_value,
    ),
    Family(
        "controlroom_benchmark_median",
        ("benchmark",),
        "Median of the results before it that it is compared with.",
        _benchmark_median,
    ),
    Family(
        "controlroom_benchmark_measured_timestamp_seconds",
        ("benchmark",),
        "When the last result was measured.",
        _benchmark_measured,
    ),
    Family(
        "controlroom_benchmark_state",
        ("benchmark", "state"),
        "1 for what the last result says beside those before it; only unknown while it cannot be read.",
        _benchmark_verdict,
    ),
    Family("controlroom_lints", ("severity",), "What is wrong in the documents.", _lints),
    Family(
        "controlroom_log_revision",
        (),
        "Revision of the triage log; absent while it cannot be read.",
        _revision,
    ),
)
"""Told once a source has answered."""
