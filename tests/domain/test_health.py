"""The state machine of services: what a run of results may make of a state."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.causes import blind, explain, host_of
from controlroom.domain.health import (
    NOT_PROBED,
    TRANSITIONS_AT_MOST,
    TRANSITIONS_KEPT,
    ProbeResult,
    ServiceState,
    Transition,
    advance,
    initial,
    settle,
    shown,
)
from controlroom.domain.maintenance import Window
from controlroom.domain.services import Health, Service
from controlroom.domain.watched import Watched, lasting, resumed

T0 = datetime(2025, 10, 6, 16, 0, tzinfo=UTC)
U, DEG, D, N = Health.UP, Health.DEGRADED, Health.DOWN, Health.UNKNOWN


def result(health: Health, second: float = 0, service: str = "s", **keys: object) -> ProbeResult:
    """A result `second` seconds after the start."""
    at = T0 + timedelta(seconds=second)
    return ProbeResult(service, at, health, f"{health} it is", **keys)  # type: ignore[arg-type]


def after(*healths: Health, service: Service | None = None) -> ServiceState:
    """The state after a result every five seconds."""
    state = initial(service or Service("s", "http"), 5.0)
    for number, health in enumerate(healths):
        state = advance(state, result(health, 5 * number))
    return state


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((), N),
        ((U,), U),
        ((DEG,), DEG),
        ((D,), D),
        ((U, D), U),
        ((U, D, D), D),
        ((U, D, U, D), U),
        ((DEG, D), DEG),
        ((DEG, D, D), D),
        ((D, U), U),
        ((D, DEG), DEG),
        ((U, DEG, U), U),
        ((U, N, N, N), U),
        ((D, N, N, N), D),
        ((U, D, N, D), D),
    ],
)
def test_two_failures_make_it_down_and_one_answer_brings_it_back(
    seen: tuple[Health, ...], expected: Health
) -> None:
    """The defaults: DOWN after two consecutive failures, UP after one success, no data is no recovery."""
    assert after(*seen).health is expected


def test_thresholds_are_the_services_own() -> None:
    """`down_after` and `up_after` count consecutive results."""
    slow = Service("s", "http", down_after=3, up_after=2)
    assert after(U, D, D, service=slow).health is U
    assert after(U, D, D, D, service=slow).health is D
    assert after(U, D, D, D, U, service=slow).health is D
    assert after(U, D, D, D, U, D, U, service=slow).health is D
    assert after(U, D, D, D, U, U, service=slow).health is U


def test_a_failure_is_visible_before_it_counts() -> None:
    """The first failure of an UP service shows in its reason, and how many it takes."""
    assert after(U, D).reason == "down it is (1 of 2)"
    assert after(U, D, D).reason == "down it is"
    slow = Service("s", "http", up_after=2)
    assert after(D, U, service=slow).reason == "answers again (1 of 2)"


def test_why_a_probe_could_not_be_made_is_kept() -> None:
    """An UNKNOWN result renews nothing; its reason is there when the state has grown stale."""
    state = after(U, N)
    assert state.probed_at == T0
    assert state.detail[NOT_PROBED] == "unknown it is"
    later = shown(state, T0 + timedelta(minutes=1))
    assert later.health is N
    assert later.reason == "not probed for 1m, was up: unknown it is"
    assert after(N).reason == "unknown it is"


def test_a_result_of_another_service_is_refused() -> None:
    """Mixing services up is a mistake, not a state."""
    with pytest.raises(ValueError, match="other"):
        advance(initial(Service("s", "http"), 5.0), result(U, service="other"))


def test_unknown_after_three_intervals_and_not_before() -> None:
    """A state is shown until three intervals have passed since its last answer."""
    state = after(U)
    assert shown(state, T0 + timedelta(seconds=15)) is state
    stale = shown(state, T0 + timedelta(seconds=15.1))
    assert stale.health is N
    assert stale.since == T0 + timedelta(seconds=15)
    assert "was up" in stale.reason
    assert shown(initial(Service("s", "http"), 5.0), T0).health is N


def test_a_probe_that_may_take_long_is_not_stale_meanwhile() -> None:
    """A service whose timeout is longer than its interval has the timeout as its pace."""
    state = after(U, service=Service("s", "http", interval=1.0, timeout=10.0))
    assert shown(state, T0 + timedelta(seconds=25)).health is U


def test_flaps_are_the_transitions_of_the_last_hour() -> None:
    """Becoming known is none; what is older than an hour is none any more."""
    assert after(U).flaps == 0
    assert after(U, D, D, U, D, D).flaps == 3
    state = advance(after(U, D, D, U), result(U, 3600 + 11))
    assert state.flaps == 1
    assert advance(state, result(U, 7300)).flaps == 0


def test_silence_is_kept_as_a_transition_of_its_own() -> None:
    """What was not probed for too long was unknown meanwhile, and no hysteresis reaches across the gap."""
    state = advance(after(U, U), result(D, 3600))
    assert [(t.before, t.after) for t in state.transitions] == [(N, U), (U, N), (N, D)]
    silence = state.transitions[1]
    assert silence.at == T0 + timedelta(seconds=5 + 15)
    assert silence.reason == "not probed for 59m"
    assert (state.health, state.flaps) == (D, 0)


def test_an_hour_of_flapping_is_kept_whole_and_older_changes_to_twenty() -> None:
    """The last hour's transitions are all there; without them the newest twenty are."""
    state = after(*[U, D, D] * 30)
    assert len(state.transitions) == 60
    assert state.flaps == 59
    later = advance(advance(state, result(U, 9000)), result(DEG, 9005))
    assert len(later.transitions) == TRANSITIONS_KEPT


SUNDAY = Window("Patching", days=("mon",), time=time(9, 0), minutes=60, zone="America/Los_Angeles")
"""T0 is a Monday, 09:00 in Los Angeles."""


def test_planned_work_reads_maintenance_and_says_what_the_probes_find() -> None:
    """While the window is open neither DOWN nor silence is shown as such; afterwards the truth is."""
    planned = Service("s", "http", maintenance=(SUNDAY,))
    state = after(U, D, D, service=planned)
    open_ = shown(state, T0 + timedelta(seconds=12))
    assert (open_.health, open_.since) == (Health.MAINTENANCE, T0)
    assert open_.reason == "Patching until Mon 10:00 PDT; down: down it is"
    assert state.flaps == 0
    for second in range(15, 3601, 5):
        state = advance(state, result(D, second))
    closed = shown(state, T0 + timedelta(hours=1))
    assert (closed.health, closed.since) == (D, T0 + timedelta(seconds=10))


def test_what_this_machine_cannot_judge_is_unverified_unless_it_is_local() -> None:
    """With the self-check failing, only failures beyond this machine are in doubt."""
    states = tuple(
        ServiceState(Service(name, "http", url=f"http://{name}/"), health=D, failures=2, probed_at=T0)
        for name in ("far.example", "127.0.0.1")
    )
    assert [s.verified for s in explain(states, cut_off=True)] == [False, True]
    assert [s.verified for s in explain(states)] == [True, True]


def test_unchanged_parts_are_the_same_objects() -> None:
    """Whoever compares by identity sees that nothing changed."""
    one = advance(initial(Service("s", "http"), 5.0), result(U, detail={"version": "1"}))
    two = advance(one, result(U, 5, detail={"version": "1"}))
    assert two.detail is one.detail
    assert two.transitions is one.transitions
    assert two.since is one.since
    states = (two,)
    assert explain(states)[0] is two
    assert settle(states, T0 + timedelta(seconds=6)) is states


@st.composite
def histories(draw: st.DrawFn) -> tuple[Service, list[Health], list[ServiceState]]:
    """A service with thresholds of its own, any run of results, and the state after each."""
    service = Service(
        "s", "http", down_after=draw(st.integers(1, 4)), up_after=draw(st.integers(1, 4)), interval=5.0
    )
    seen = draw(st.lists(st.sampled_from([U, DEG, D, N]), max_size=80))
    states = [initial(service, 5.0)]
    for number, health in enumerate(seen):
        states.append(advance(states[-1], result(health, 5 * number)))
    return service, seen, states


def silent_before(state: ServiceState, now: datetime) -> bool:
    """Whether nothing was heard for more than three intervals."""
    return state.probed_at is not None and (now - state.probed_at).total_seconds() > 3 * state.interval


@given(histories())
def test_any_run_of_results_keeps_the_promises(
    history: tuple[Service, list[Health], list[ServiceState]],
) -> None:
    """UP only on a success; DOWN only after enough failures; transitions alternate and date the state."""
    service, seen, states = history
    for number, health in enumerate(seen):
        before, state = states[number], states[number + 1]
        data = [h for h in seen[: number + 1] if h is not N]
        if silent_before(before, T0 + timedelta(seconds=5 * number)) and health is not N:
            assert state.transitions[-2:][0].after is N
            assert state.health is health
            continue  # nothing was known any more: the first result counts
        if state.health is U and before.health is not U:
            assert health is U
        if state.health is D and before.health in (U, DEG):
            assert len(data) >= service.down_after
            assert all(h is D for h in data[-service.down_after :])
        if before.health is D and state.health is not D:
            assert all(h is not D for h in data[-service.up_after :])
            assert len(data) > service.up_after
        if health is N:
            assert (state.health, state.since, state.probed_at) == (
                before.health,
                before.since,
                before.probed_at,
            )
        assert (state.health is N) == (not data)
        assert state.since == (state.transitions[-1].at if state.transitions else None)
        assert len(state.transitions) <= TRANSITIONS_AT_MOST
        assert not (state.failures and state.successes)
        assert state.flaps <= len(state.transitions)
        if state.transitions:
            assert state.transitions[-1].after is state.health
        for one, two in itertools.pairwise(state.transitions):
            assert one.after is two.before
            assert one.before is not one.after
            assert one.at < two.at


def room(**services: tuple[Health, tuple[str, ...]]) -> tuple[ServiceState, ...]:
    """Services by name, each with its health and what it depends on."""
    return tuple(
        ServiceState(Service(name, "http", depends_on=needs), health=health, probed_at=T0)
        for name, (health, needs) in services.items()
    )


def causes(states: tuple[ServiceState, ...]) -> dict[str, str | None]:
    """What each service is said to be caused by."""
    return {state.service.id: state.caused_by for state in explain(states)}


def test_a_down_dependency_explains_those_who_need_it() -> None:
    """DOWN and DEGRADED dependents are explained, UP ones need no excuse, a DEGRADED one is none."""
    states = room(
        redis=(D, ()),
        api=(D, ("redis",)),
        web=(DEG, ("api",)),
        job=(U, ("redis",)),
        half=(DEG, ()),
        other=(D, ("half",)),
    )
    assert causes(states) == {
        "redis": None,
        "api": "redis",
        "web": "redis",
        "job": None,
        "half": None,
        "other": None,
    }


def test_circles_do_not_excuse_one_another() -> None:
    """Two that need each other are both to be looked at; what waits on them is not; a root outside is."""
    assert causes(room(a=(D, ("b",)), b=(D, ("a",)), c=(D, ("a",)))) == {"a": None, "b": None, "c": "a"}
    assert causes(room(a=(D, ("b", "z")), b=(D, ("a",)), z=(D, ()))) == {"a": "z", "b": "z", "z": None}
    assert causes(room(a=(D, ("a", "nobody")))) == {"a": None}


def test_a_cause_goes_when_it_has_gone() -> None:
    """A dependency that is UP again explains nothing."""
    states = explain(room(redis=(D, ()), api=(D, ("redis",))))
    assert states[1].caused_by == "redis"
    up = (ServiceState(states[0].service, health=U), states[1])
    assert causes(up) == {"redis": None, "api": None}


NAMES = st.sampled_from([f"s{n}" for n in range(7)])


@given(
    st.dictionaries(
        NAMES, st.tuples(st.sampled_from([U, DEG, D]), st.lists(NAMES, max_size=4).map(tuple)), max_size=7
    )
)
def test_causes_hold_for_any_graph(services: dict[str, tuple[Health, tuple[str, ...]]]) -> None:
    """A cause is DOWN, is reached through what is DOWN, and is not itself explained; somebody is to blame."""
    states = room(**services)
    found = causes(states)
    for name, cause in found.items():
        if cause is None:
            continue
        assert services[name][0] in (D, DEG)
        assert services[cause][0] is D
        assert found[cause] is None
        reached, queue = set(), list(services[name][1])
        while queue:
            if (step := queue.pop()) in services and services[step][0] is D and step not in reached:
                reached.add(step)
                queue += services[step][1]
        assert cause in reached
    down = [name for name, (health, _) in services.items() if health is D]
    assert not down or any(found[name] is None for name in down)


def test_a_thousand_services_in_one_chain_are_explained_quickly() -> None:
    """A long chain costs no recursion and has one root."""
    chain = {f"s{n}": (D, (f"s{n + 1}",)) for n in range(5000)}
    found = causes(room(**chain))
    assert found["s0"] == "s4999"
    assert found["s4999"] is None


def seen_at(url: str, health: Health, *, unreachable: bool = False) -> ServiceState:
    """A service at `url` after one result."""
    state = initial(Service(url, "http", url=url), 5.0)
    return advance(state, result(health, service=url, unreachable=unreachable))


def test_blind_only_when_nothing_answers_on_several_machines() -> None:
    """All out of reach on two machines: it may be us. Any sign of life, or one machine only: it is them."""
    kafka = seen_at("kafka.example:9092", D, unreachable=True)
    redis = seen_at("redis://redis.example:6379", D, unreachable=True)
    local = seen_at("http://127.0.0.1:8080/", U)
    assert blind([kafka, redis])
    assert blind([kafka, redis, local])
    assert not blind([kafka, kafka])
    assert not blind([kafka, redis, seen_at("http://web.example/", U)])
    assert not blind([kafka, redis, seen_at("http://web.example/", D)])
    assert not blind([local])
    assert not blind([])


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Web.example:8080/x", "web.example"),
        ("one:9092,two:9092", "one"),
        ("redis+sentinel://one,two:26379/board", "one"),
        ("redis://[::1]:6379", "::1"),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_the_host_of_a_service_is_one_name(url: str, host: str) -> None:
    """Of several the first, with or without ports: it is looked up, and told from this machine."""
    assert host_of(Service("s", "http", url=url)) == host


def test_what_fails_while_blind_is_unverified() -> None:
    """Failures read unverified while the room may be cut off, and verified again when it is not; what fails
    on this machine needs no network to be known."""
    kafka = seen_at("kafka.example:9092", D, unreachable=True)
    redis = seen_at("redis://redis.example:6379", D, unreachable=True)
    local = seen_at("http://127.0.0.1:8080/", U)
    broken = seen_at("http://127.0.0.1:8081/", D)
    states = explain([kafka, redis, local, broken])
    assert [state.verified for state in states] == [False, False, True, True]
    back = advance(states[1], result(U, 5, service=states[1].service.id))
    assert all(state.verified for state in explain([states[0], back, local]))


def watched(*changes: tuple[float, Health, Health], until: float) -> Watched:
    """What an earlier run kept of the service, at seconds."""
    kept = tuple(Transition(T0 + timedelta(seconds=s), b, a, f"{a} then") for s, b, a in changes)
    return Watched({"s": kept}, T0 + timedelta(seconds=until))


def test_an_earlier_run_is_taken_up_where_it_ended() -> None:
    """A restart within moments changes nothing: neither since when, nor what was before."""
    state = resumed(initial(Service("s", "http"), 5.0), watched((0, N, U), (60, U, D), until=100))
    assert (state.health, state.since, state.reason) == (D, T0 + timedelta(seconds=60), "down then")
    state = advance(state, result(D, 104))
    assert [t.after for t in state.transitions] == [U, D]
    assert state.since == T0 + timedelta(seconds=60)


def test_what_nobody_watched_is_unknown() -> None:
    """Closed overnight: unknown from the end of that run until the first answer, whatever it is."""
    state = resumed(initial(Service("s", "http"), 5.0), watched((0, N, U), until=100))
    assert shown(state, T0 + timedelta(seconds=8000)).health is N
    state = advance(state, result(U, 8000))
    assert [(t.at - T0).total_seconds() for t in state.transitions] == [0, 115, 8000]
    assert [t.after for t in state.transitions] == [U, N, U]


def test_what_is_known_better_by_now_stays() -> None:
    """A state probed after that run ended is not overwritten; a service it did not know neither."""
    fresh = after(U, D, D)
    assert resumed(fresh, watched((0, N, U), until=5)) is fresh
    assert resumed(fresh, Watched({}, T0)) is fresh
    older = after(U)
    assert resumed(older, watched((0, N, U), (5, U, D), until=7)).health is D


def test_a_single_look_says_since_when_a_room_that_watches_knows() -> None:
    """Only where the room saw the same, and was watching a moment ago."""
    seen = after(D)
    kept = watched((-600, N, U), (-300, U, D), until=-20)
    told = lasting(seen, kept, 30)
    assert (told.health, told.since) == (D, T0 - timedelta(seconds=300))
    assert lasting(seen, watched((-600, N, U), until=-20), 30) is seen
    assert lasting(seen, watched((-600, N, D), until=-60), 30) is seen
    assert lasting(seen, Watched({}), 30) is seen
