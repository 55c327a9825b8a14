"""The alerting rule and the dashboard that are promised with a signal: there, right, or not to be judged."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlroom.domain import oversight
from controlroom.domain.evidence import AlertRule, Dashboard, Evidence, Part, Presence, Target
from controlroom.domain.gaps import classify
from controlroom.domain.look import look_at
from controlroom.domain.signals import Signal
from controlroom.domain.telemetry import GapCode, SignalReading

NOW = datetime(2025, 10, 6, 16, tzinfo=UTC)
SIGNAL = Signal("tide_level", "sea", "river", alert="TideHigh")
THERE = Evidence(
    targets={"sea": (Target("a:1", "up", interval=15.0),)},
    up={"sea": (1, 1)},
    present={"tide_level": {"sea": Presence(1, 1, NOW - timedelta(seconds=5))}},
    heard={"tide_level": True, "moon": True, "ebb": False, "job:ebb:max": False},
)
RULE = AlertRule("TideHigh", "tides", "ok", "", "tide_level > 3", ("tide_level",), (), (("tide_level",),))


def judge(signal: Signal, evidence: Evidence) -> SignalReading:
    (reading,) = classify([signal], evidence, NOW)
    return reading


def unchecked(signal: Signal, evidence: Evidence) -> set[GapCode]:
    return set(oversight.unchecked(look_at(signal, evidence, NOW)))


def ruled(*rules: AlertRule, evidence: Evidence = THERE) -> Evidence:
    return replace(evidence, rules={"TideHigh": rules} if rules else {})


def unread(part: Part, evidence: Evidence = THERE) -> Evidence:
    return replace(evidence, unread={part: "the server answers 404"})


# -- the rule --------------------------------------------------------------------------------------


def test_a_rule_that_watches_it_is_all_that_is_asked() -> None:
    """Present, healthy, and reading what is there."""
    assert judge(SIGNAL, ruled(RULE)).code is GapCode.OK
    assert unchecked(SIGNAL, ruled(RULE)) == set()


def test_no_rule_of_that_name() -> None:
    """The nearest name is offered, or else what to add."""
    reading = judge(SIGNAL, ruled())
    assert (reading.code, reading.text) == (GapCode.NO_RULE, "no alerting rule is called TideHigh")
    assert reading.hint == "add an alerting rule called TideHigh over tide_level"
    assert reading.query == 'ALERTS{alertname="TideHigh"}'
    near = replace(ruled(), near_rules={"TideHigh": ("TidesHigh",)})
    assert judge(SIGNAL, near).hint == "did you mean TidesHigh?"


def test_rules_that_cannot_be_read_are_no_absence() -> None:
    """None of the three codes is said, and all three are known to be open."""
    assert judge(SIGNAL, unread("rules")).code is GapCode.OK
    open_ = {GapCode.NO_RULE, GapCode.RULE_ERROR, GapCode.RULE_BLIND}
    assert unchecked(SIGNAL, unread("rules")) == open_
    assert unchecked(replace(SIGNAL, alert=None), unread("rules")) == set()


def test_a_rule_known_in_part_of_an_answer_is_judged() -> None:
    """Where some rules are missing from the answer, those in it still count."""
    found = replace(ruled(replace(RULE, health="err", error="boom")), unread={"rules": "one ruler is away"})
    assert judge(SIGNAL, found).code is GapCode.RULE_ERROR


def test_a_rule_that_fails() -> None:
    """With the server's own reason, and the expression to try."""
    reading = judge(SIGNAL, ruled(RULE, replace(RULE, health="err", error="many-to-many", group="two")))
    assert reading.code is GapCode.RULE_ERROR
    assert reading.text == "rule TideHigh fails (group two): many-to-many"
    assert reading.query == "tide_level > 3"


def test_a_rule_that_was_never_evaluated_may_still_fail() -> None:
    """Just loaded, its health is open, which is not said to be well."""
    assert judge(SIGNAL, ruled(replace(RULE, health="unknown"))).code is GapCode.OK
    assert unchecked(SIGNAL, ruled(replace(RULE, health="unknown"))) == {GapCode.RULE_ERROR}


def test_a_rule_over_something_else() -> None:
    """The right name over another metric watches nothing of this one."""
    other = replace(RULE, query="moon > 1", metrics=("moon",), needs=(("moon",),))
    reading = judge(SIGNAL, ruled(other))
    assert (reading.code, reading.text) == (GapCode.RULE_BLIND, "rule TideHigh does not read tide_level")
    assert reading.query == "moon > 1"
    assert judge(SIGNAL, ruled(other, RULE)).code is GapCode.OK


BLIND = {
    "one that is not there": ((("ebb",), ("tide_level",)), "ebb, which is not there", "deliver ebb"),
    "a recorded one": ((("job:ebb:max",),), "job:ebb:max, which is not there", "see why job:ebb:max"),
    "neither of two": ((("ebb", "job:ebb:max"),), "ebb or job:ebb:max, which are not there", "deliver ebb"),
}


@pytest.mark.parametrize("what", BLIND)
def test_a_rule_that_can_never_fire(what: str) -> None:
    """It names what it misses."""
    needs, text, hint = BLIND[what]
    reading = judge(SIGNAL, ruled(replace(RULE, needs=needs)))
    assert reading.code is GapCode.RULE_BLIND
    assert reading.text == f"rule TideHigh can never fire (group tides): it reads {text}"
    assert reading.hint is not None
    assert reading.hint.startswith(hint)
    assert reading.query == "tide_level > 3"


def test_one_of_two_is_enough() -> None:
    """An expression that takes either metric is not blind while one is there."""
    assert judge(SIGNAL, ruled(replace(RULE, needs=(("ebb", "moon"),)))).code is GapCode.OK


def test_what_is_not_known_of_a_rule_stays_open() -> None:
    """Unreadable, in need of what was not asked for, or right after a start: neither blind nor well."""
    blind = {GapCode.RULE_BLIND}
    for rule in (replace(RULE, metrics=None, needs=()), replace(RULE, needs=(("new",),))):
        assert judge(SIGNAL, ruled(rule)).code is GapCode.OK
        assert unchecked(SIGNAL, ruled(rule)) == blind
    early = replace(ruled(replace(RULE, needs=(("ebb",),))), restarted=NOW - timedelta(seconds=30))
    assert judge(SIGNAL, early).code is GapCode.OK
    assert unchecked(SIGNAL, early) == blind


def test_a_rule_may_read_any_part_of_a_histogram() -> None:
    """Its buckets, its sum or its count, and a pattern that takes it in."""
    for metric in ("tide_level_bucket", "tide_level_sum", "tide_level_count"):
        assert judge(SIGNAL, ruled(replace(RULE, metrics=(metric,), needs=()))).code is GapCode.OK
    pattern = replace(RULE, metrics=(), patterns=("tide_.*",), needs=())
    assert judge(SIGNAL, ruled(pattern)).code is GapCode.OK
    assert judge(SIGNAL, ruled(replace(pattern, patterns=("moon_.*",)))).code is GapCode.RULE_BLIND
    parts = oversight.family(Signal("tide_count", type="histogram"))
    assert {"tide", "tide_bucket", "tide_sum"} < parts
    assert "tide" not in oversight.family(Signal("tide_count", type="counter"))


def test_a_metric_that_is_not_there_comes_first() -> None:
    """Nothing is said of a rule over what nobody delivers."""
    assert judge(SIGNAL, replace(ruled(), present={})).code is GapCode.NEVER_SEEN


# -- the dashboard ---------------------------------------------------------------------------------

TIDES = Dashboard("boards/tides.json", "Tides", "t1", frozenset({"tide_level", "tide_lag", "moon"}))
SHIPS = Dashboard("boards/ships.json", "Ships", "s1", frozenset({"ship_count", "moon"}))
BROKEN = Dashboard("boards/broken.json", error="line 3: is no JSON", unknown=True)
OTHER = Dashboard("boards/package.json", error="is no Grafana dashboard")


def drawn(wanted: str | None, *boards: Dashboard, metric: str = "tide_level") -> SignalReading:
    signal = Signal(metric, "sea", "river", dashboard=wanted)
    present = {metric: THERE.present["tide_level"]}
    return judge(signal, replace(THERE, present=present, dashboards=boards))


@pytest.mark.parametrize(
    "wanted",
    [
        *("any", "ANY", "boards/tides.json", "./boards/tides.json", "tides.json", "Tides", "tides", "t1"),
        *("https://g.example/d/t1/tides?orgId=1", "https://g.example/d/t1", "http://g/grafana/d-solo/t1/x"),
        "https://g.example/explore",
    ],
)
def test_a_dashboard_that_draws_it(wanted: str) -> None:
    """Named by its file, title, uid or address; an address that names none is a link and no more."""
    assert drawn(wanted, TIDES, SHIPS).code is GapCode.OK


def test_a_histogram_is_drawn_by_its_buckets() -> None:
    """What Grafana shows of a histogram has another name than the metric."""
    heat = Dashboard("h.json", "Heat", "h", frozenset({"tide_seconds_bucket"}))
    assert drawn("any", heat, metric="tide_seconds").code is GapCode.OK


def test_no_dashboard_draws_it() -> None:
    """The hint names the one that draws most of its kin."""
    reading = drawn("any", TIDES, SHIPS, OTHER, metric="tide_speed")
    assert (reading.code, reading.text) == (GapCode.NO_DASHBOARD, "no dashboard reads tide_speed")
    assert reading.hint == "add a panel with tide_speed to Tides"
    assert drawn("any", SHIPS, metric="tide_speed").hint == "add a panel with tide_speed to one of them"
    assert drawn("any").code is GapCode.NO_DASHBOARD


def test_the_dashboard_named_does_not_draw_it() -> None:
    """It is not enough that another one does."""
    for wanted in ("Ships", "s1", "https://g.example/d/s1/ships"):
        reading = drawn(wanted, TIDES, SHIPS)
        assert (reading.code, reading.text) == (
            GapCode.NO_DASHBOARD,
            "dashboard Ships does not read tide_level",
        )
        assert reading.hint == "add a panel with tide_level to Ships"


def test_there_is_no_such_dashboard() -> None:
    """The nearest title, file or uid is offered."""
    reading = drawn("Tide", TIDES, SHIPS)
    assert (reading.code, reading.text) == (GapCode.NO_DASHBOARD, "there is no dashboard Tide")
    assert reading.hint == "did you mean Tides?"
    assert drawn("https://g.example/d/x9/other", TIDES).code is GapCode.NO_DASHBOARD
    assert drawn("boards/package.json", OTHER).text == "boards/package.json: is no Grafana dashboard"


def test_what_cannot_be_read_leaves_it_open() -> None:
    """A broken file may be the very one; one that is something else is not."""
    signal = Signal("tide_speed", "sea", "river", dashboard="any")
    open_ = {GapCode.NO_DASHBOARD}
    for wanted, boards in {
        "any": (TIDES, BROKEN),
        "Weirs": (TIDES, BROKEN),
        "boards/broken.json": (TIDES, BROKEN),
    }.items():
        evidence = replace(THERE, dashboards=boards)
        assert unchecked(replace(signal, dashboard=wanted), evidence) == open_
        assert drawn(wanted, *boards, metric="tide_speed").code is GapCode.OK
    assert unchecked(replace(signal, dashboard="Ships"), replace(THERE, dashboards=(SHIPS, BROKEN))) == set()
    assert unchecked(signal, replace(THERE, dashboards=(TIDES, OTHER))) == set()


def test_without_dashboards_only_a_link_is_fine() -> None:
    """Where none are configured a name cannot be looked up, and an address needs not be."""
    signal = Signal("tide_level", "sea", "river", dashboard="any")
    assert unchecked(signal, THERE) == {GapCode.NO_DASHBOARD}
    assert unchecked(replace(signal, dashboard="https://g.example/d/t1/tides"), THERE) == set()
    assert unchecked(signal, unread("dashboards")) == {GapCode.NO_DASHBOARD}


def test_the_rule_is_said_before_the_dashboard() -> None:
    """One gap per signal: who is not warned needs that first."""
    signal = replace(SIGNAL, dashboard="any")
    assert judge(signal, replace(ruled(), dashboards=())).code is GapCode.NO_RULE
    assert judge(signal, replace(ruled(RULE), dashboards=())).code is GapCode.NO_DASHBOARD


def test_hundreds_of_signals_among_hundreds_of_dashboards() -> None:
    """They are arranged once for a look, not once for a signal."""
    boards = tuple(
        Dashboard(f"{i}.json", f"Board {i}", f"u{i}", frozenset(f"m{i}_{j}" for j in range(50)))
        for i in range(500)
    )
    signals = [Signal(f"x{i}_a", None, "s", dashboard=("any", f"Bored {i}")[i % 2]) for i in range(600)]
    present = {signal.metric: THERE.present["tide_level"] for signal in signals}
    evidence = replace(THERE, present=present, dashboards=boards)
    classify(signals[:2], evidence, NOW)
    begun = time.perf_counter()
    readings = classify(signals[::2], evidence, NOW)
    assert {reading.code for reading in readings} == {GapCode.NO_DASHBOARD}
    assert time.perf_counter() - begun < 2
