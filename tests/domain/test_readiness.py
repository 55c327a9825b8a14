"""What is to be there when a ritual begins, and what the log tells of the day's rituals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from controlroom.domain.holdings import (
    agenda_at,
    carried_to,
    driven,
    earlier_today,
    lasted,
    records_of,
    returning,
)
from controlroom.domain.ledger import Ledger
from controlroom.domain.readiness import Readiness, readiness
from controlroom.domain.rituals import Occurrence, ReadyGate, Ritual
from controlroom.domain.runs import Box, Key, Run
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import GapCode
from tests.tui.rooms import BLOCKERS, NOW, PROGRAM, SERVICES, SIGNALS, ago, changed, service

DAY = date(2026, 3, 4)
KEY = Key("standup", DAY)
LOOKED = "Last week's actions were looked at"
NO_LOG = Ledger(0, {})
"""A log that was read, and is empty."""
STORE = SourceStatus("store", "store", "dir:log", 1, NOW)


def occurrence(*gates: ReadyGate) -> Occurrence:
    ritual = Ritual("standup", "Daily Standup", time=time(9), minutes=15, gates=gates)
    return Occurrence(ritual, DAY, NOW + timedelta(seconds=30), NOW + timedelta(seconds=930))


def judged(gate: ReadyGate, room: Snapshot | None = None, now: datetime = NOW) -> tuple[str, str]:
    (found,) = readiness(occurrence(gate), changed() if room is None else room, now).gates
    return found.state, found.why


def test_where_nothing_is_declared_nothing_is_claimed() -> None:
    """No gates: no words, and neither ready nor not."""
    found = readiness(occurrence(), changed(), NOW)
    assert found == Readiness()
    assert found.words == ""
    assert found.ready is None


def test_what_is_missing_and_what_is_not_known_are_named_apart() -> None:
    """Three of five are green only when three are known to be."""
    gates = (
        ReadyGate("Redis answers", "redis"),
        ReadyGate("Kafka answers", "kafka"),
        ReadyGate("Bookings are counted", signal="berths_booked_total"),
        ReadyGate(item="i4"),
        ReadyGate(LOOKED),
    )
    found = readiness(occurrence(*gates), changed(), NOW)
    assert found.words == f"3 of 5 gates green · missing: Kafka answers · not known: {LOOKED}"
    assert found.ready is False
    assert readiness(occurrence(*gates[:1]), changed(), NOW).words == "1 of 1 gate green"


def test_only_a_service_that_is_up_is_there() -> None:
    """Degraded and down are missing with their reason; one that was not asked lately is not known."""
    assert judged(ReadyGate(service="redis"))[0] == "there"
    assert judged(ReadyGate(service="kafka")) == ("missing", "DOWN: connection refused 127.0.0.1:9092")
    assert judged(ReadyGate(service="gateway"))[0] == "missing"
    assert judged(ReadyGate(service="redis"), now=NOW + timedelta(minutes=5))[0] == "unknown"
    assert judged(ReadyGate(service="nobody")) == ("unknown", "there is no service nobody")


def test_a_failure_in_doubt_is_not_known() -> None:
    """While this machine itself may be cut off, nothing is missing for sure."""
    unsure = tuple(replace(state, verified=False) for state in SERVICES)
    assert judged(ReadyGate(service="kafka"), changed(services=unsure))[0] == "unknown"


def test_planned_work_is_not_readiness() -> None:
    """A service in maintenance is not there."""
    room = changed(services=(service("redis", Health.MAINTENANCE, "moves house"),))
    assert judged(ReadyGate(service="redis"), room) == ("missing", "maintenance: moves house")


def test_a_signal_is_there_when_every_squad_that_promised_it_delivers_it() -> None:
    """One gap is enough; a server that does not answer says nothing; nobody's promise is not known."""
    gate = ReadyGate(signal="berths_booked_total")
    ok = SIGNALS[0]
    other = replace(ok, signal=replace(ok.signal, squad="cranes"), code=GapCode.STALE)
    assert judged(gate)[0] == "there"
    assert judged(gate, changed(signals=(ok, other))) == ("missing", "cranes STALE")
    gone = replace(ok, code=GapCode.SOURCE_DOWN)
    assert judged(gate, changed(signals=(gone,)))[0] == "unknown"
    assert judged(ReadyGate(signal="nobody_total")) == ("unknown", "nobody promised nobody_total")


def test_what_was_measured_long_ago_is_not_known() -> None:
    """A Prometheus that stopped answering leaves no green behind."""
    gate = ReadyGate(signal="berths_booked_total")
    assert judged(gate, now=NOW + timedelta(minutes=5)) == ("unknown", "last looked at 5m ago")
    for source in (
        SourceStatus("metrics:prom", "metrics", "Prometheus", 15),
        SourceStatus("metrics:prom", "metrics", "Prometheus", 15, NOW, error="refused"),
    ):
        assert judged(gate, changed(sources=(source,)))[0] == "unknown"


def test_a_card_is_there_when_it_is_done() -> None:
    """In progress is missing; a status nobody can read, or a card nobody has, is not known."""
    assert judged(ReadyGate(item="i4")) == ("there", "")
    assert judged(ReadyGate(item="i1")) == ("missing", "in progress")
    assert judged(ReadyGate(item="i6"))[0] == "unknown"
    assert judged(ReadyGate(item="i99"))[0] == "unknown"


def test_a_tick_belongs_to_one_holding() -> None:
    """Yesterday's tick is not today's; who ticked it and when is kept; taken back it is missing."""
    gate = ReadyGate(LOOKED)

    def box(day: date, *, done: bool = True) -> Snapshot:
        key = Key("standup", day)
        item = key.box(LOOKED)
        return changed(ledger=NO_LOG, boxes=(Box(item, key, item.rpartition("/")[2], done, "Ines", ago(5)),))

    (found,) = readiness(occurrence(gate), box(DAY), NOW).gates
    assert (found.state, found.by, found.at) == ("there", "Ines", ago(5))
    assert judged(gate, box(DAY - timedelta(days=1))) == ("missing", "nobody ticked it off")
    assert judged(gate, box(DAY, done=False)) == ("missing", "Ines took the tick back")
    assert judged(gate, changed(ledger=None)) == ("unknown", "the log has not been read")


def run(day: date = DAY, began: float = 3, finished: float | None = None) -> Run:
    return Run(
        Key("standup", day), "Ada", ago(began), finished_at=None if finished is None else ago(finished)
    )


def test_what_was_held_is_not_on_any_more() -> None:
    """A standup that ended after five minutes is over, though its quarter of an hour is not."""
    now = NOW + timedelta(minutes=6)
    on = [o.ritual.id for o in agenda_at(changed(), now).in_progress]
    assert "standup" in on
    over = changed(runs=(run(finished=-5),))
    assert "standup" not in [o.ritual.id for o in agenda_at(over, now).in_progress]
    assert [(one.occurrence.ritual.id, one.words) for one in earlier_today(over, now)] == [
        ("standup", "held")
    ]


@pytest.mark.parametrize(
    ("room", "words"),
    [
        ({"ledger": NO_LOG, "sources": (STORE,)}, "no record"),
        ({"ledger": NO_LOG, "sources": (replace(STORE, error="refused"),)}, "records unreadable"),
        ({"ledger": None}, "records not looked at"),
    ],
    ids=["none", "unreadable", "not-read"],
)
def test_no_record_is_only_said_of_a_log_that_was_read(room: dict[str, object], words: str) -> None:
    """A log out of reach leaves open whether it was held."""
    now = NOW + timedelta(hours=4)
    told = {one.occurrence.ritual.id: one.words for one in earlier_today(changed(**room), now)}
    assert told["standup"] == words


def test_a_run_is_on_until_somebody_ends_it_or_a_day_has_passed() -> None:
    """What was left on yesterday morning drives nothing today."""
    room = changed(runs=(run(),))
    assert [one.driver for one in driven(room, NOW)] == ["Ada"]
    assert driven(room, NOW + timedelta(hours=24)) == ()
    assert driven(changed(runs=(run(finished=1),)), NOW) == ()


def test_how_long_a_run_has_been_on() -> None:
    """Minutes and seconds; a driver's clock that runs ahead is no negative time."""
    assert lasted(run(began=3.2), NOW) == "03:12"
    assert lasted(run(began=-1), NOW) == "00:00"
    assert lasted(run(began=63), NOW) == "1h 03m"


def test_a_blocker_returns_at_the_ritual_it_was_put_off_to() -> None:
    """At the occurrence that was meant, not at another ritual or a week later, and not once resolved."""
    meant = occurrence()
    put_off = replace(
        BLOCKERS[0], state="snoozed", snoozed_until=meant.start, snooze_ritual="standup", snoozed_by="Ines"
    )
    room = changed(blockers=(put_off, *BLOCKERS[1:]))
    assert returning(room, meant) == (put_off,)
    assert returning(room, replace(meant, start=meant.start + timedelta(days=1))) == ()
    assert returning(changed(blockers=(replace(put_off, state="resolved"),)), meant) == ()
    assert returning(room, replace(meant, ritual=replace(meant.ritual, id="clinic"))) == ()


def test_carried_over_is_what_was_there_at_the_last_one() -> None:
    """Without an earlier holding nothing is; what was opened since is not either."""
    before = run(DAY - timedelta(days=1), began=24 * 60, finished=24 * 60 - 10)
    assert carried_to(changed(), occurrence()) == ()
    carried = carried_to(changed(runs=(before,), ledger=NO_LOG), occurrence())
    assert len(carried) == 1  # of those open, only the one without an opening time was seen before


def test_records_say_held_also_of_a_log_out_of_reach() -> None:
    """What was read before is still known."""
    room = changed(runs=(run(finished=1),), ledger=NO_LOG, sources=(replace(STORE, error="refused"),))
    assert records_of(room)("standup", DAY) == "held"
    assert records_of(room)("drill", DAY) == "unreadable"
    assert PROGRAM.rituals[0].id == KEY.ritual
