"""Drills: stopwatches that say only what was watched, symptoms and what showed them, the record."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.actions import Action, Entry
from controlroom.domain.drill import Hush, begun, expected, key_for, named, opening, turn, undeclared, watch
from controlroom.domain.drill_record import closing, recorded
from controlroom.domain.drill_silence import Quiet, Unfit, planned
from controlroom.domain.drill_watch import Sight, Stopwatch, looked, stopwatch
from controlroom.domain.health import ServiceState, Transition
from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Program
from controlroom.domain.rituals import DateChange, Ritual, Scenario
from controlroom.domain.runs import Key, Run, boxes, runs
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert, GapCode, SignalReading
from controlroom.domain.triage import Blocker
from controlroom.domain.watched import Watched

UP, DEGRADED, DOWN, UNKNOWN = Health.UP, Health.DEGRADED, Health.DOWN, Health.UNKNOWN
T0 = dt.datetime(2031, 5, 9, 15, tzinfo=dt.UTC)
KEY = Key("drill", T0.date())


def at(seconds: float) -> dt.datetime:
    return T0 + dt.timedelta(seconds=seconds)


def story(*steps: tuple[float, Health], first: Health = UNKNOWN) -> tuple[Transition, ...]:
    """Transitions at these seconds, each from what the one before led to."""
    found, before = [], first
    for seconds, after in steps:
        found.append(Transition(at(seconds), before, after, "why"))
        before = after
    return tuple(found)


def timed(
    *steps: tuple[float, Health],
    end: float = 600,
    until: float | None = None,
    steady: Health = UP,
    injected: float | None = None,
    rto: float | None = 120,
) -> Stopwatch:
    """The stopwatch of a service with this story, heard of last at `until` (else at the end)."""
    sight = Sight("cache", "Cache", "redis", story(*steps), at(end if until is None else until))
    mark = None if injected is None else at(injected)
    return stopwatch(sight, steady, (T0, at(end)), mark, rto)


WATCHED = (-60.0, UP)
"""The room was watching before the drill began."""


def test_a_service_that_breaks_and_is_well_again_is_timed() -> None:
    """Detection counts from the beginning, recovery from when it was seen broken; both exactly."""
    watch = timed(WATCHED, (30, DOWN), (95.5, UP))
    assert (watch.detection, watch.recovery, watch.verdict, watch.watched) == (30, 65.5, "within", "all")
    assert (watch.detection_bound, watch.recovery_bound, watch.why) == ("", "", "")


def test_what_was_found_in_the_second_it_began_was_watched() -> None:
    """A drill's beginning is a whole second; a room that found the service up within it watched it all."""
    assert timed((0.6, UP), (30, DOWN), (90, UP)).watched == "all"
    assert timed((1.2, UP), (30, DOWN), (90, UP)).watched == "partly"
    assert timed(WATCHED, (0.6, DOWN), (90, UP)).detection == 0.6


def test_a_marked_fault_is_what_both_times_count_from() -> None:
    """Where somebody said when the fault was in, the time until it was seen belongs to the outage."""
    watch = timed(WATCHED, (70, DOWN), (175, UP), injected=50)
    assert (watch.detection, watch.recovery, watch.verdict) == (20, 125, "over")
    early = timed(WATCHED, (30, DOWN), (60, UP), injected=50)
    assert (early.detection, early.recovery) == (None, 30)
    assert "before the fault was said to be in" in early.why


@pytest.mark.parametrize(
    ("steps", "rto", "verdict"),
    [
        (((30, DOWN), (150, UP)), 120, "within"),
        (((30, DOWN), (150.1, UP)), 120, "over"),
        (((500, DOWN),), 120, "running"),
        (((30, DOWN),), 120, "over"),
        (((30, DOWN), (60, UP)), None, ""),
        ((), 120, ""),
    ],
)
def test_a_recovery_stands_to_its_rto(steps: Any, rto: float | None, verdict: str) -> None:
    """Exactly the RTO is within; broken for longer is over although it goes on; without one none is said."""
    assert timed(WATCHED, *steps, rto=rto).verdict == verdict


def test_recovery_is_when_it_stays_well() -> None:
    """A service that breaks again is not recovered by the first good answer; how often is counted."""
    watch = timed(WATCHED, (10, DOWN), (20, UP), (30, DEGRADED), (40, UP), (50, DOWN), (90, UP))
    assert (watch.flaps, watch.broken_at, watch.recovered_at) == (2, at(10), at(90))
    assert timed(WATCHED, (10, DOWN), (20, UP), (30, DOWN)).recovered_at is None


def test_degraded_is_broken_and_getting_better_is_not_well() -> None:
    """UP to DEGRADED breaks; from DOWN to DEGRADED nothing has recovered yet."""
    watch = timed(WATCHED, (10, DEGRADED), (20, DOWN), (30, DEGRADED))
    assert (watch.broken_at, watch.recovered_at, watch.flaps) == (at(10), None, 0)


def test_no_data_is_no_recovery() -> None:
    """A broken service that nobody can ask any more is still broken, as far as anybody knows."""
    watch = timed(WATCHED, (10, DOWN), (30, UNKNOWN))
    assert (watch.recovered_at, watch.watched) == (None, "partly")
    assert watch.now is UNKNOWN


def test_what_happened_unseen_is_only_bounded() -> None:
    """Found broken, or well, after nobody had watched: at most that late; nothing is said to be exact."""
    broken = timed(WATCHED, (10, UNKNOWN), (50, DOWN), (70, UP))
    assert (broken.detection, broken.detection_bound) == (50, "at most")
    assert (broken.recovery, broken.recovery_bound) == (60, "at most")
    well = timed(WATCHED, (10, DOWN), (30, UNKNOWN), (200, UP))
    assert (well.detection_bound, well.recovery, well.recovery_bound) == ("", 190, "at most")
    assert well.verdict == "not known"


def test_nobody_watching_is_not_measured() -> None:
    """Without a transition and without anybody who watched, nothing is said to have stayed well."""
    never = stopwatch(Sight("cache"), UP, (T0, at(600)), None, 120)
    assert (never.watched, never.broken_at, never.detection, never.recovery) == ("not", None, None, None)
    assert never.now is UNKNOWN
    gone = timed(WATCHED, until=-30)
    assert gone.watched == "not"
    left = timed(WATCHED, until=300)
    assert left.watched == "partly"
    assert timed(WATCHED).watched == "all"


def test_what_was_down_before_is_not_the_drills() -> None:
    """A service that was down already breaks only once it has been well; nothing is detected before."""
    watch = timed((-60, DOWN), (40, UP), steady=DOWN)
    assert (watch.broken_at, watch.detection, watch.recovery) == (None, None, None)
    assert watch.why == "it was down before the drill began"
    again = timed((-60, DOWN), (40, UP), (80, DOWN), (90, UP), steady=DOWN)
    assert (again.detection, again.recovery) == (80, 10)


def test_a_service_unknown_at_the_beginning_has_no_detection() -> None:
    """Nobody knows whether it was well: how soon it was seen is not measured, how long at least is."""
    watch = timed((20, DOWN), (200, UP), steady=UNKNOWN)
    assert (watch.detection, watch.recovery, watch.recovery_bound) == (None, 180, "at least")
    assert watch.verdict == "over"


def state(health: Health, seconds: float) -> ServiceState:
    return ServiceState(
        Service("cache", "redis", "Cache"), health, at(seconds), "PONG", probed_at=at(seconds), interval=1
    )


def test_a_look_beside_a_room_adds_only_what_the_room_had_not() -> None:
    """Found as the room had it: the room's story goes on to the look. Otherwise nobody saw it happen."""
    kept = story((-60, UP), (30, DOWN), (60, UP))
    same = looked([state(UP, 95)], Watched({"cache": kept}, at(90)), 30)["cache"]
    assert (same.transitions, same.until) == (kept, at(95))
    other = looked([state(DOWN, 95)], Watched({"cache": kept}, at(90)), 30)["cache"]
    assert [(t.at, t.after) for t in other.transitions[3:]] == [(at(90), UNKNOWN), (at(95), DOWN)]
    late = looked([state(UP, 900)], Watched({"cache": kept}, at(90)), 30)["cache"]
    assert [(t.at, t.after) for t in late.transitions[3:]] == [(at(90), UNKNOWN), (at(900), UP)]
    alone = looked([state(UP, 95)], None, 30)["cache"]
    assert [(t.before, t.after) for t in alone.transitions] == [(UNKNOWN, UP)]


# Which drill it is

ROTATION = (
    Scenario(1, "Cache goes away", "Quay", ("cache",), ("cache is DOWN",), 300.0, ("job=cache",)),
    Scenario(2, "Flood"),
)
DRILL = Ritual("drill", "Storm drill", days=("fri",), time=dt.time(15), minutes=30, rotation=ROTATION)
PROGRAM = Program(start=dt.date(2031, 5, 5), zone="UTC", rituals=(DRILL,))


def test_a_week_without_a_scenario_has_none() -> None:
    """The rotation never goes round by itself; what is named by hand brings all the rotation says of it."""
    assert turn(PROGRAM, DRILL, dt.date(2031, 5, 9)) == ROTATION[0]
    assert turn(PROGRAM, DRILL, dt.date(2031, 5, 23)) is None
    assert undeclared(PROGRAM, dt.date(2031, 5, 23)) == "scenario not declared for Week 3"
    assert undeclared(Program(), dt.date(2031, 5, 23)) == "the programme has no start"
    assert named(DRILL, " cache GOES away") == ROTATION[0]
    assert named(DRILL, "Fire").services == ()


def test_a_moved_drill_keeps_its_own_date() -> None:
    """Held on Saturday instead of Friday, it is Friday's: its week and its record are those."""
    moved = DateChange(dt.date(2031, 5, 9), to_date=dt.date(2031, 5, 10))
    ritual = Ritual("drill", days=("fri",), time=dt.time(15), rotation=ROTATION, changes=(moved,))
    program = Program(start=PROGRAM.start, zone="UTC", rituals=(ritual,))
    assert key_for(program, ritual, at(86_400)) == Key("drill", dt.date(2031, 5, 9))
    assert key_for(program, ritual, at(3 * 86_400)) == Key("drill", dt.date(2031, 5, 12))


# A whole drill


def done(*deeds: tuple[float, str, str, str, dict[str, Any]]) -> Ledger:
    """Deeds as (seconds, actor, kind, item, args), committed in this order."""
    actions = [
        Action(f"a{number}", item, kind, args, actor, "desk", at(seconds))
        for number, (seconds, actor, kind, item, args) in enumerate(deeds)
    ]
    return Ledger().after([Entry(rev, action) for rev, action in enumerate(actions, 1)])


def room(*deeds: tuple[float, str, str, str, dict[str, Any]], **more: Any) -> Snapshot:
    ledger = done(*deeds)
    steps = story((-60, UP), (30, DOWN), (95, UP))
    cache = ServiceState(
        Service("cache", "redis", "Cache"), UP, at(95), probed_at=at(599), interval=5, transitions=steps
    )
    given: dict[str, Any] = {"services": (cache,), **more}
    return Snapshot(
        PROGRAM, taken_at=at(599), ledger=ledger, runs=runs(ledger, ()), boxes=boxes(ledger, ()), **given
    )


def begin(**more: Any) -> tuple[float, str, str, str, dict[str, Any]]:
    seen = Snapshot(PROGRAM, services=(state(UP, 0),))
    return (0, "Ada", "begin", KEY.run, {**opening(ROTATION[0], seen, T0, None, once=True), **more})


def only(snapshot: Snapshot) -> Run:
    (run,) = snapshot.runs
    return run


def test_a_symptom_is_seen_when_a_person_says_so() -> None:
    """Its time is that of the first tick that counts; a tick taken back is none; words of a box are kept."""
    tick = KEY.box("cache is DOWN")
    snapshot = room(
        begin(),
        (40, "Bo", "tick", tick, {}),
        (50, "Ada", "untick", tick, {}),
        (60, "Cy", "tick", tick, {}),
        (80, "Ada", "tick", tick, {}),
        (90, "Bo", "tick", KEY.box("Phones ring!"), {"why": "Phones ring!"}),
        (91, "Bo", "tick", KEY.box("a step of the checklist"), {"why": "it was done"}),
    )
    first, other = watch(only(snapshot), snapshot, at(600)).symptoms
    assert (first.seen_at, first.by, first.expected) == (at(60), "Cy", True)
    assert (other.text, other.seen_at, other.expected) == ("Phones ring!", at(90), False)


def symptom(words: str, snapshot: Snapshot) -> tuple[str, tuple[str, ...]]:
    found = watch(only(snapshot), snapshot, at(600)).symptoms[-1]
    assert found.text == words
    return found.sign, found.shown


def seen(words: str) -> tuple[float, str, str, str, dict[str, Any]]:
    return (60, "Ada", "tick", KEY.box(words), {"why": words})


def test_what_shows_a_symptom_bears_its_name() -> None:
    """A service that broke, an alert that fired, a metric that was gone, each by name; no other."""
    gone = SignalReading(Signal("cache_hits_total", squad="quay"), GapCode.DISAPPEARED, since=at(50))
    alert = Alert("f", "CacheGone", starts_at=at(40))
    old = Alert("g", "TideHigh", starts_at=at(-4000))
    for words, expected_, text in (
        ("Cache hangs", "yes", "probe cache down at 15:00:30Z"),
        ("no cache_hits_total any more", "yes", "DISAPPEARED since 15:00:50Z"),
        ("CacheGone is told to everybody", "yes", "alert CacheGone firing since 15:00:40Z"),
        ("TideHigh is told", "no", ""),
        ("caches are cold", "no", ""),
        ("the phone rings", "no", ""),
    ):
        snapshot = room(begin(), seen(words), signals=(gone,), alerts=(alert, old))
        sign, shown = symptom(words, snapshot)
        assert (sign, len(shown)) == (expected_, 1 if text else 0), words
        assert text in "".join(shown)


def test_what_nobody_could_see_is_not_called_unnoticed() -> None:
    """While an Alertmanager does not answer, or the service was not watched, nobody knows what it showed."""
    failing = (SourceStatus("alerts:am", "alerts", "am", error="refused"),)
    assert symptom("phones", room(begin(), seen("phones"), sources=failing))[0] == "not known"
    blind = ServiceState(Service("cache", "redis", "Cache"), UP, at(95), probed_at=at(95), interval=5)
    assert symptom("cache is odd", room(begin(), seen("cache is odd"), services=(blind,)))[0] == "not known"


def test_a_baseline_counts_more_blockers_than_it_lists() -> None:
    """However many are open, the action that begins a drill stays small and says how many there are."""
    blockers = tuple(Blocker(f"b-{number}", "No ink") for number in range(250))
    args = opening(ROTATION[0], Snapshot(PROGRAM, blockers=blockers), T0, None)
    setup = begun(Run(KEY, "Ada", T0, opening=args))
    assert (len(args["baseline"]["blockers"]), setup.blockers_open) == (100, 250)
    assert begun(Run(KEY, "Ada", T0, opening={"baseline": {}})).blockers_open is None


def test_an_expected_symptom_is_named_by_its_beginning() -> None:
    """All of it, or what only one of them begins with; anything else is another symptom."""
    run = only(room(begin(symptoms=["cache is DOWN", "cache is slow", "phones ring"])))
    assert expected(run, "Phones") == "phones ring"
    assert expected(run, "cache is") is None
    assert expected(run, "cache is down") == "cache is DOWN"
    assert expected(run, "ring") is None


def test_the_record_says_what_was_measured() -> None:
    """What goes into the last action is read back as it was, whatever the room shows by then."""
    mark = (5, "Ada", "note", KEY.minutes, {"text": "in", "about": "injected"})
    alert = Alert("f", "CacheGone", "critical", starts_at=at(40), state="suppressed")
    deeds: Any = (begin(), mark, (60, "Ada", "tick", KEY.box("cache is DOWN"), {}), seen("phones"))
    before = room(*deeds, alerts=(alert,))
    drill = watch(only(before), before, at(600))
    finish = (600.0, "Ada", "finish", KEY.run, closing(drill, "ended with the drill"))
    after = room(*deeds, finish, services=())
    again = recorded(only(after), after)
    assert again is not None
    assert (again.watches, again.alarms, again.injected_at) == (drill.watches, drill.alarms, at(5))
    assert [(one.text, one.sign, one.shown) for one in again.symptoms] == [
        (one.text, one.sign, one.shown) for one in drill.symptoms
    ]
    assert again.hush_end == "ended with the drill"
    later = room(*deeds, finish, (700, "Bo", "tick", KEY.box("late"), {"why": "late"}), services=())
    late = recorded(only(later), later)
    assert late is not None
    assert late.symptoms[-1].sign == "not known"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("scenario", "services", "symptoms", "rto", "baseline", "silence", "gates", "blockers", "id", "until")
MEASURED = (
    "services",
    "symptoms",
    "alerts",
    "blockers",
    "unknown",
    "by",
    "injected_at",
    "text",
    "transitions",
)


@given(
    st.dictionaries(st.sampled_from(KEYS), ANYTHING | st.dictionaries(st.sampled_from(KEYS), ANYTHING)),
    st.dictionaries(
        st.sampled_from(MEASURED),
        ANYTHING | st.lists(st.dictionaries(st.sampled_from((*MEASURED, "at", "flaps", "rto_s")), ANYTHING)),
    ),
)
def test_whatever_the_log_says_is_read(args: dict[str, Any], measured: dict[str, Any]) -> None:
    """Arguments of any shape make a drill with less in it, and raise nothing."""
    run = Run(KEY, "Ada", T0, "Ada", opening=args, finished_at=at(9), closing={"measured": measured})
    snapshot = Snapshot(PROGRAM, runs=(run,))
    begun(run)
    watch(run, snapshot, at(10))
    recorded(run, snapshot)


# Its silence

QUIET = Alert("f", "CacheSlow", labels={"job": "cache"}, server="two")
SERVERS = (
    SourceStatus("alerts:one", "alerts", "one", read_at=T0),
    SourceStatus("alerts:two", "alerts", "two", read_at=T0),
)


def test_a_silence_always_ends_and_is_set_where_it_matters() -> None:
    """After the ritual's length, or an hour; in the Alertmanager that knows the alerts."""
    snapshot = Snapshot(PROGRAM, sources=SERVERS, alerts=(QUIET,))
    quiet = planned(ROTATION[0], DRILL, snapshot, T0, "Ada")
    assert isinstance(quiet, Quiet)
    assert (quiet.server, quiet.draft.ends_at, quiet.matches) == ("two", at(1800), (QUIET,))
    assert quiet.hush("x") == Hush("two", "x", ('job="cache"',), at(1800))
    open_ended = Ritual("drill", rotation=ROTATION)
    other = planned(ROTATION[0], open_ended, snapshot, T0, "Ada")
    assert isinstance(other, Quiet)
    assert other.draft.ends_at == at(3600)
    assert planned(ROTATION[1], DRILL, snapshot, T0, "Ada") is None


@pytest.mark.parametrize("matchers", [("job=~.*",), ("job",), ("alertname=~(",), ("job=",)])
def test_a_silence_that_would_reach_too_far_is_not_planned(matchers: tuple[str, ...]) -> None:
    """One that matches everything, or cannot be read, is refused with the reason."""
    scenario = Scenario(1, "x", silence=matchers)
    assert isinstance(planned(scenario, DRILL, Snapshot(PROGRAM, sources=SERVERS), T0, "Ada"), Unfit)


def test_a_silence_without_an_alertmanager_is_not_planned() -> None:
    """It is said that there is none, rather than that nothing is silenced."""
    found = planned(ROTATION[0], DRILL, Snapshot(PROGRAM), T0, "Ada")
    assert isinstance(found, Unfit)
    assert "no Alertmanager" in found.reason
