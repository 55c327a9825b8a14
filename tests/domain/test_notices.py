"""What is news, what is not, what two rooms call it, and how it reads."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain import notice as values
from controlroom.domain.actions import Action, Entry
from controlroom.domain.alerts import Watchdog
from controlroom.domain.benchmarks import BenchmarkReading, Result
from controlroom.domain.board import Squad
from controlroom.domain.health import ServiceState
from controlroom.domain.ledger import Ledger
from controlroom.domain.notice import Notice, Told, as_json, from_dict, key, safe, spans, text, to_dict
from controlroom.domain.notice_kind import NoticeKind
from controlroom.domain.notices import Wording, known, notices, standing, summary_written, unknowing
from controlroom.domain.program import Program
from controlroom.domain.rituals import Ritual
from controlroom.domain.runs import Capture, Key, Run
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Coverage, GapCode, Gate, SignalReading
from controlroom.domain.triage import Blocker

NOW = dt.datetime(2026, 3, 4, 8, 0, tzinfo=dt.UTC)
"""Wed 09:00 in Berlin."""

PROGRAM = Program(
    "harbour",
    "Harbour programme",
    zone="Europe/Berlin",
    banner="NOT MEDICAL ADVICE",
    squads=(Squad("quay", "Quay & Berths"), Squad("cranes", "Cranes")),
    rituals=(Ritual("clinic", "Crane Clinic"),),
)


def after(seconds: float) -> dt.datetime:
    """An instant that long after NOW."""
    return NOW + dt.timedelta(seconds=seconds)


def room(**parts: Any) -> Snapshot:
    """A room that has read its log and is asked for nothing else."""
    parts.setdefault("taken_at", NOW)
    parts.setdefault("ledger", Ledger())
    parts.setdefault("sources", (SourceStatus("store", "store", read_at=NOW),))
    return Snapshot(PROGRAM, **parts)


def service(health: Health, since: float = 0, id_: str = "kafka", **more: Any) -> ServiceState:
    """A service probed just now."""
    own = {name: more.pop(name) for name in ("depends_on", "runbook", "squads", "owner") if name in more}
    what = Service(id_, "tcp", id_.title(), "10.0.0.1:9092", **own)
    more.setdefault("probed_at", after(since))
    return ServiceState(what, health, after(since), more.pop("reason", "connection refused"), **more)


def told(steps: Iterable[tuple[Snapshot, float]]) -> list[Notice]:
    """What a room that begins with the first of `steps` tells."""
    found: list[Notice] = []
    before: Snapshot | None = None
    for snapshot, seconds in steps:
        now = after(seconds)
        before = unknowing(snapshot) if before is None else before
        found += notices(before, snapshot, now)
        before = known(before, snapshot, now)
    return found


def services(*healths: tuple[Health, dict[str, Any]]) -> list[str]:
    """Titles told where one service goes through these states, ten seconds apart."""
    steps = [
        (room(services=(service(health, n * 10, **more),)), n * 10 + 1)
        for n, (health, more) in enumerate(healths)
    ]
    return [notice.title for notice in told(steps)]


UP, DOWN, DEGRADED, UNKNOWN = Health.UP, Health.DOWN, Health.DEGRADED, Health.UNKNOWN


@pytest.mark.parametrize(
    ("healths", "titles"),
    [
        ([UP, DOWN, UP], ["Kafka is DOWN", "Kafka is up again after 10s DOWN"]),
        ([UP, DEGRADED, UP], ["Kafka is degraded", "Kafka is up again after 10s degraded"]),
        (
            [UP, DOWN, DEGRADED],
            ["Kafka is DOWN", "Kafka answers again, degraded, after 10s DOWN"],
        ),
        ([DOWN, DOWN], []),
        ([UNKNOWN, DOWN], []),
        ([UP, UNKNOWN, UP], []),
        ([UP, UNKNOWN], []),
        ([UP, UNKNOWN, DOWN], ["Kafka is DOWN"]),
        ([DOWN, UNKNOWN, UP], ["Kafka is up again after 20s DOWN"]),
    ],
)
def test_services(healths: list[Health], titles: list[str]) -> None:
    """Changes are told with how long it lasted; unknown is no outage, and first readings are no news."""
    assert services(*((health, {}) for health in healths)) == titles


@pytest.mark.parametrize("more", [{"caused_by": "redis"}, {"verified": False, "failures": 2}])
def test_what_something_else_explains_is_not_told(more: dict[str, Any]) -> None:
    """A service that is down because of another, or of this machine, is told neither then nor afterwards."""
    assert services((UP, {}), (DOWN, more), (UP, {})) == []
    assert services((UP, {}), (DOWN, more), (DOWN, {})) == ["Kafka is DOWN"]


def test_what_may_be_explained_waits() -> None:
    """A dependent waits for as long as its dependency may take to be found down, any other does not."""
    redis = service(UP, id_="redis", interval=10)
    for needs, hold in (((), 0.0), (("redis",), 22.0)):
        (notice,) = told(
            [
                (room(services=(service(UP, depends_on=needs), redis)), 1),
                (room(services=(service(DOWN, 10, depends_on=needs), redis)), 11),
            ]
        )
        assert notice.hold == hold


@pytest.mark.parametrize(
    ("more", "stands"),
    [
        ({}, "so"),
        ({"health": UP}, "over"),
        ({"caused_by": "redis"}, "explained"),
        ({"verified": False}, "in doubt"),
        ({"health": UNKNOWN}, "so"),
    ],
)
def test_how_an_outage_stands_later(more: dict[str, Any], stands: str) -> None:
    """Before it is told it is looked at again: over, explained, in doubt, or still so."""
    states = [room(services=(service(health, n),)) for n, health in enumerate((UP, DOWN))]
    (notice,) = told([(states[0], 1), (states[1], 2)])
    later = replace(service(DOWN, 1), **more)
    assert standing(notice, room(services=(later,)), after(5)) == stands


def reading(code: GapCode, metric: str = "lifts_total", since: float = 0) -> SignalReading:
    """A signal of the cranes."""
    return SignalReading(Signal(metric, "crane", "cranes"), code, "target down", since=after(since))


def signals(*codes: GapCode) -> list[str]:
    """Titles told where one signal goes through these codes, a minute apart."""
    steps = [(room(signals=(reading(code, since=n * 60),)), n * 60 + 5) for n, code in enumerate(codes)]
    return [notice.title for notice in told(steps)]


@pytest.mark.parametrize(
    ("codes", "titles"),
    [
        (
            ["OK", "TARGET_DOWN", "OK"],
            ["Cranes lost lifts_total", "Cranes delivers lifts_total again after 1m"],
        ),
        (["OK", "SOURCE_DOWN", "OK"], []),
        (["OK", "SOURCE_DOWN", "DISAPPEARED"], ["Cranes lost lifts_total"]),
        (["DISAPPEARED", "UNKNOWN", "DISAPPEARED"], []),
        (["UNKNOWN", "DISAPPEARED"], []),
        (["OK", "WRONG_TYPE"], []),
        (["OK", "TARGET_PENDING", "OK"], []),
    ],
)
def test_signals(codes: list[str], titles: list[str]) -> None:
    """Lost and back are told; a server that cannot be asked says nothing about the metric."""
    assert signals(*map(GapCode, codes)) == titles


def test_what_is_lost_together_is_one_notice() -> None:
    """A target that goes down takes its signals with it: one notice names some and counts the rest."""
    names = [f"metric_{n}" for n in range(8)]
    (notice,) = told(
        [
            (room(signals=tuple(reading(GapCode.OK, name) for name in names)), 0),
            (room(signals=tuple(reading(GapCode.TARGET_DOWN, name, 9) for name in names)), 10),
        ]
    )
    assert notice.title == "Cranes lost metric_0, metric_1, metric_2, metric_3, metric_4 and 3 more"


def gates(*verdicts: Any) -> list[str]:
    """Titles told where one gate goes through these verdicts."""
    parts = (Coverage("cranes", 1, 2, 50, "FAIL"),)
    steps = [
        (room(gates=(Gate("one", verdict, 1, 2, 50, parts),)), n * 10.0) for n, verdict in enumerate(verdicts)
    ]
    return [notice.title for notice in told(steps)]


def test_gates() -> None:
    """Another verdict is told, however long it was not known; the first one is none."""
    assert gates("UNKNOWN", "FAIL", "FAIL") == []
    assert gates("FAIL", "UNKNOWN", "PASS") == ["the gate of one says PASS, it said FAIL"]
    assert gates("PASS", "UNKNOWN", "PASS") == []


def act(kind: str, id_: str, seconds: float = 5, item: str = "b1", **args: Any) -> Action:
    """Something Ada did."""
    return Action(id_, item, kind, args, "Ada", "desk", after(seconds))


def logged(*actions: Action) -> Ledger:
    """The log with these."""
    return Ledger().after([Entry(n, action) for n, action in enumerate(actions, start=1)])


BLOCKER = Blocker(
    "b1",
    "No test data",
    owner="Ines",
    owning_squad="customs",
    blocking_squad="quay",
    opened_at=NOW,
    last_action="x",
)


def done(action: Action, earlier: tuple[Action, ...] = (), **more: Any) -> tuple[Notice, ...]:
    """What is told where `action` is new in the log and the blocker is then as `more` says."""
    wording = Wording(lambda *_: "Escalation: No test data\nOwner: Ines\n", lambda *_: "")
    before = room(ledger=logged(*earlier), blockers=(BLOCKER,) if earlier else ())
    now = room(ledger=logged(*earlier, action), blockers=(replace(BLOCKER, **more),))
    return notices(before, now, after(6), wording)


def test_what_people_do() -> None:
    """Opened, resolved and escalated are told by the action's id; a note is not."""
    opened = act("open", "a1")
    (one,) = done(opened)
    assert (one.kind, one.id, one.title) == (
        "blocker",
        "blocker:b1/opened@a1",
        "blocker opened: No test data",
    )
    assert "customs waits on Quay & Berths" in one.text
    (two,) = done(act("resolve", "a2", 60), (opened,), state="resolved", mitigation="made some")
    assert two.title == "blocker resolved after 1m: No test data"
    assert "What helped: made some" in two.text
    (three,) = done(act("escalate", "a3"), (opened,), state="escalated", next_update_due=after(3600))
    assert (three.kind, three.text) == ("escalation", "Owner: Ines")
    assert three.todo == "the next update is due Wed 2026-03-04 10:00 CET"
    assert done(act("note", "a4"), (opened,)) == ()


def test_what_was_taken_back_is_not_told() -> None:
    """An escalation that was undone before anybody looked is none."""
    opened, escalated = act("open", "a1"), act("escalate", "a2")
    before = room(ledger=logged(opened), blockers=(BLOCKER,))
    undo = act("undo", "a3", undoes="a2")
    assert notices(before, room(ledger=logged(opened, escalated, undo), blockers=(BLOCKER,)), after(9)) == ()


def test_a_log_that_is_read_for_the_first_time_tells_nothing() -> None:
    """Nor does one that could not be read for long, but for what is escalated."""
    both = logged(act("open", "a1"), act("escalate", "a2"))
    seen = room(ledger=both, blockers=(replace(BLOCKER, state="escalated"),))
    assert notices(room(ledger=None), seen, after(9)) == ()
    assert [n.kind for n in notices(room(), seen, after(2000))] == ["escalation"]


def test_a_restored_room_tells_nothing() -> None:
    """What an earlier run knew is no news."""
    before = room(services=(service(UP),))
    assert notices(before, room(services=(service(DOWN, 5),), restored=True), after(6)) == ()


def test_a_breach_by_the_clock() -> None:
    """Told once four hours are over, with the instant they were; not of a blocker found older than that."""
    old = room(blockers=(BLOCKER,), taken_at=after(14_400))
    (notice,) = notices(old, replace(old, taken_at=after(14_401)), after(14_401))
    assert (notice.kind, notice.at, notice.severity) == ("breach", after(14_400), "critical")
    (again,) = notices(old, replace(old, version=9), after(14_402))
    assert again.id == notice.id
    assert notices(room(taken_at=after(14_400)), old, after(14_401)) == ()
    assert notices(old, replace(old, blockers=(replace(BLOCKER, state="resolved"),)), after(14_401)) == ()


def benchmark(verdict: Any, since: float | None = None) -> BenchmarkReading:
    """A measured latency."""
    results = (Result(12.0, after(0)),)
    began = None if since is None else after(since)
    return BenchmarkReading("p99", "Lift p99", "cranes", "ms", results=results, verdict=verdict, since=began)


def test_benchmarks() -> None:
    """One that got worse is told, of the last day also by a room that begins; so is its end."""

    def titles(*readings: BenchmarkReading, at: float = 60) -> list[str]:
        return [n.title for n in told((room(benchmarks=(one,)), at + n) for n, one in enumerate(readings))]

    assert titles(benchmark("ok"), benchmark("regression", 0)) == ["Lift p99 got worse"]
    assert titles(benchmark("regression", 0)) == ["Lift p99 got worse"]
    assert titles(benchmark("regression", -90_000)) == []
    assert titles(benchmark("unknown"), benchmark("ok")) == []
    assert titles(benchmark("regression", -90_000), benchmark("old"), benchmark("ok")) == [
        "Lift p99 is no regression any more"
    ]


def test_watchdogs() -> None:
    """A dead-man's switch that stops, and comes back; a server that cannot be asked says nothing."""
    source = SourceStatus("alerts:am", "alerts", read_at=NOW)
    up, gone = (Watchdog("am", "Watchdog", firing) for firing in (True, False))
    seen = [room(watchdogs=(dog,), sources=(source,)) for dog in (up, gone, up)]
    assert [(n.became, n.severity) for n in told((one, n) for n, one in enumerate(seen))] == [
        ("missing", "critical"),
        ("back", "good"),
    ]
    away = room(watchdogs=(gone,), sources=(replace(source, error="refused"),))
    assert told([(seen[0], 0), (away, 1)]) == []


def test_a_ritual_that_ends() -> None:
    """Told with what was decided and who does what."""
    action = act("finish", "f1", 600, "ritual:clinic/2026-03-04")
    run = Run(
        Key("clinic", NOW.date()),
        "Ada",
        NOW,
        finished_at=after(600),
        captures=(
            Capture("c1", "decision", "Two cranes at night", "Ada", NOW),
            Capture("c2", "task", "Order rope", "Ada", NOW, "Tomas", "Friday"),
        ),
    )
    (notice,) = notices(room(), room(ledger=logged(action), runs=(run,)), after(601))
    assert notice.title == "Crane Clinic is over after 10m"
    assert notice.text == "Decided: Two cranes at night\nTo do: Order rope (Tomas, Friday)"


def test_a_summary_is_told_once_for_each_version() -> None:
    """The same content is the same notice, whenever it was written."""
    one, other = (summary_written("week 3", "abc", "status/x.md", after(n)) for n in (0, 99))
    assert one.id == other.id
    assert summary_written("week 3", "abd", "status/x.md", NOW).id != one.id


@given(st.integers(0, 10**7), st.floats(0, 1), st.floats(1, 300))
def test_rooms_that_look_at_different_moments_mean_one_event(at: int, share: float, spread: float) -> None:
    """Up to `spread` apart they share a mark; much further apart they do not."""
    spread = float(int(spread))
    one, other = (spans("service:kafka", "down", after(s), spread) for s in (at, at + share * spread))
    assert set(one) & set(other)
    assert not set(one) & set(spans("service:kafka", "down", after(at + 2 * spread + 2), spread))


def test_the_kinds_are_those_of_the_configuration() -> None:
    """Whatever can be chosen for a channel can be told, and two kinds more."""
    assert set(get_args(values.Kind)) == {*get_args(NoticeKind), "more", "test"}


HOSTILE = Notice(
    "x",
    "service",
    "service:kafka",
    "down",
    safe("[click](http://evil) <!channel> @channel\x1b[31m `rm`\nnext"),
    NOW,
    "critical",
    safe("@here 10.0.0.1:9092 says *no* to Ines"),
    people=("Ines",),
)


def test_the_text_of_a_chat() -> None:
    """What, when by the programme's clock, what to do; nothing in it calls, links, or moves a cursor."""
    said = text(replace(HOSTILE, todo="see https://runbooks.test/kafka"), PROGRAM)
    first, second, third = said.splitlines()
    assert first.startswith("✖ Harbour programme: [click] (http://evil) <!channel> @ channel")
    assert first.endswith("· Wed 2026-03-04 09:00 CET")
    assert second.startswith("@ here ")
    assert third == "Next: see https://runbooks.test/kafka"
    assert "\x1b" not in said
    assert "`" not in said


def test_the_text_for_strangers() -> None:
    """Names and hosts are hidden."""
    said = text(HOSTILE, PROGRAM, redact=True)
    assert "Ines" not in said
    assert "10.0.0.1" not in said
    assert "(hidden) says *no* to (hidden)" in said


def test_the_json_begins_with_the_banner() -> None:
    """Byte for byte, and can be read back."""
    made = as_json(HOSTILE, PROGRAM)
    assert next(iter(made.items())) == ("_banner", "NOT MEDICAL ADVICE")
    assert json.loads(json.dumps(made)) == made
    assert "_banner" not in as_json(HOSTILE, Program())


def test_it_can_be_kept_and_read_back() -> None:
    """All of it, to the second; what is damaged or newer is refused."""
    one = Told("crew", HOSTILE, NOW, "waiting", "refused", 2, after(9))
    assert from_dict(json.loads(json.dumps(to_dict(one)))) == one
    assert one.name == key("crew", "x")
    spoilt: list[Callable[[dict[str, Any]], Any]] = [
        lambda d: d.pop("channel"),
        lambda d: d.update(form=2),
        lambda d: d["notice"].update(kind="rumour"),
        lambda d: d.update(state="lost"),
        lambda d: d.update(put_at="yesterday"),
        lambda d: d["notice"].update(marks=[1]),
    ]
    for spoil in spoilt:
        value = to_dict(one)
        spoil(value)
        with pytest.raises(ValueError, match=r"\w"):
            from_dict(value)
