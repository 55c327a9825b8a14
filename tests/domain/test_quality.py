"""What a metric that is there may lack: one code each, the worse one first, none that was not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlroom.domain.evidence import Evidence, Near, Part, Presence, Target, TopicSeen, Values
from controlroom.domain.gaps import classify
from controlroom.domain.gate_rules import FailCode
from controlroom.domain.promql import Declared
from controlroom.domain.signals import Signal, Topic
from controlroom.domain.telemetry import QUALITY_CODES, GapCode, SignalReading

NOW = datetime(2025, 10, 6, 16, tzinfo=UTC)
SIGNAL = Signal("tides_total", "sea", "river")
UP = Target("a:1", "up", interval=15.0)
DOWN = Target("b:1", "down", "connection refused")


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


HERE = Evidence(
    targets={"sea": (UP,)},
    up={"sea": (1, 1)},
    present={"tides_total": {"sea": Presence(3, 1, ago(5))}},
    values={"tides_total": {"sea": Values(3, 3, 3)}},
    steady={"tides_total": {"sea": 600.0}},
)
STALE = replace(HERE, present={"tides_total": {"sea": Presence(3, 1, ago(300))}})
NAN = {"tides_total": {"sea": Values(3, 2, 2)}}
INF = {"tides_total": {"sea": Values(3, 3, 2)}}
OLD = {"tides_total": {"sea": ago(7200)}}
FLAT = {"tides_total": {"sea": 0.0}}
LACKING = {("tides_total", "gate"): {"sea": 2}}
GAUGE = {"tides_total": frozenset({"gauge"})}
COUNTER = {"tides_total": frozenset({"counter"})}

TIMED = replace(SIGNAL, max_age=3600.0)
TYPED = replace(SIGNAL, type="counter")
LABELLED = replace(SIGNAL, labels=("gate",))
BUSY = replace(SIGNAL, expect_activity=True)
ALL = replace(SIGNAL, type="counter", labels=("gate",), expect_activity=True, max_age=3600.0)


def judge(evidence: Evidence, signal: Signal = SIGNAL) -> SignalReading:
    (reading,) = classify([signal], evidence, NOW)
    return reading


WORST_FIRST: list[tuple[GapCode, Evidence]] = [
    (GapCode.PARTIAL, replace(HERE, targets={"sea": (UP, UP)}, up={"sea": (2, 2)})),
    (GapCode.NAN, replace(HERE, values=NAN)),
    (GapCode.INF, replace(HERE, values=INF)),
    (GapCode.STALE, STALE),
    (GapCode.FRESHNESS, replace(HERE, stamped=OLD)),
    (GapCode.WRONG_TYPE, replace(HERE, types=GAUGE)),
    (GapCode.MISSING_LABEL, replace(HERE, unlabelled=LACKING)),
    (GapCode.FLAT, replace(HERE, grown=FLAT)),
]


def both(worse: Evidence, less: Evidence) -> Evidence:
    """What is wrong in either of two."""
    changed = {
        name: getattr(worse, name)
        for name in Evidence.__dataclass_fields__
        if getattr(worse, name) != getattr(HERE, name)
    }
    return replace(less, **changed)


@pytest.mark.parametrize("place", range(len(WORST_FIRST)), ids=[code.value for code, _ in WORST_FIRST])
def test_the_worse_gap_is_told_and_the_lesser_ones_wait(place: int) -> None:
    """Each gap is named alone, and before every gap that comes after it in the order of causes."""
    code, evidence = WORST_FIRST[place]
    alone = judge(evidence, ALL)
    assert alone.code is code, alone.text
    assert alone.hint
    assert alone.query
    for lesser, other in WORST_FIRST[place + 1 :]:
        assert judge(both(evidence, other), ALL).code is code, lesser


def test_a_metric_with_both_is_not_a_number() -> None:
    """Where one series is infinite and another is NaN, NaN is told."""
    mixed = replace(HERE, values={"tides_total": {"sea": Values(3, 2, 1)}})
    assert judge(mixed).code is GapCode.NAN
    assert judge(mixed).text == "1 of 3 series is NaN"


def test_gaps_beside_the_one_that_is_told_are_kept() -> None:
    """A gate may be told to fail on a gap that another one stands before: that one is there as well."""
    every = replace(HERE, types=GAUGE, unlabelled=LACKING, grown=FLAT)
    reading = judge(every, ALL)
    assert (reading.code, reading.also) == (GapCode.WRONG_TYPE, (GapCode.MISSING_LABEL, GapCode.FLAT))
    assert judge(replace(every, values=NAN), ALL).also == ()


def test_nothing_is_a_gap_that_nobody_promised() -> None:
    """Type, labels, growth and age of a value are looked at only where the squad declares them."""
    every = replace(HERE, types=GAUGE, unlabelled=LACKING, grown=FLAT, stamped=OLD)
    assert (judge(every).code, judge(every).unchecked) == (GapCode.OK, ())


UNREAD: list[tuple[Part, Signal, GapCode, tuple[FailCode, ...]]] = [
    ("values", SIGNAL, GapCode.UNKNOWN, ()),
    ("freshness", TIMED, GapCode.UNKNOWN, ()),
    ("freshness", SIGNAL, GapCode.OK, ()),
    ("types", TYPED, GapCode.OK, ("WRONG_TYPE",)),
    ("types", SIGNAL, GapCode.OK, ()),
    ("labels", LABELLED, GapCode.OK, ("MISSING_LABEL",)),
    ("labels", SIGNAL, GapCode.OK, ()),
    ("growth", BUSY, GapCode.OK, ("FLAT",)),
    ("growth", SIGNAL, GapCode.OK, ()),
    ("topics", SIGNAL, GapCode.OK, ()),
]


@pytest.mark.parametrize(("part", "signal", "code", "unchecked"), UNREAD)
def test_what_could_not_be_read_is_unknown_or_unchecked(
    part: Part, signal: Signal, code: GapCode, unchecked: tuple[FailCode, ...]
) -> None:
    """Values and times decide whether it is delivered; the rest is only not looked for."""
    evidence = replace(HERE, values={} if part == "values" else HERE.values, unread={part: "timed out"})
    reading = judge(evidence, signal)
    assert (reading.code, reading.unchecked) == (code, unchecked)
    assert ("timed out" in reading.text) is (code is GapCode.UNKNOWN)


def test_a_known_gap_outweighs_what_is_unknown() -> None:
    """With the values unread an old sample or an old time still is what it is; a wrong type is no answer."""
    blind = replace(HERE, values={}, unread={"values": "timed out"})
    assert judge(both(blind, STALE)).code is GapCode.STALE
    assert judge(replace(blind, stamped=OLD), TIMED).code is GapCode.FRESHNESS
    assert judge(replace(blind, types=GAUGE), TYPED).code is GapCode.UNKNOWN
    ageless = replace(HERE, present={"tides_total": {"sea": Presence(3, 1)}}, unread={"newest": "timed out"})
    assert judge(ageless).code is GapCode.UNKNOWN
    assert judge(replace(ageless, values=NAN)).code is GapCode.NAN
    assert judge(replace(ageless, stamped=OLD), TIMED).code is GapCode.FRESHNESS


TYPES: list[tuple[str, str, dict[str, set[str]], bool | None]] = [
    ("tides_total", "counter", {"tides_total": {"counter"}}, True),
    ("tides_total", "counter", {"tides": {"counter"}}, True),
    ("tides_total", "gauge", {"tides": {"counter"}}, False),
    ("tides_total", "counter", {"tides": {"gauge"}}, None),
    ("tides_total", "counter", {}, None),
    ("tides", "counter", {"tides": {"gauge"}}, False),
    ("tides", "counter", {"tides": {"gauge", "counter"}}, True),
    ("tides_count", "counter", {"tides": {"histogram"}}, True),
    ("tides_count", "histogram", {"tides": {"histogram"}}, True),
    ("tides_count", "gauge", {"tides": {"summary"}}, False),
    ("tides_count", "gauge", {"tides": {"gauge"}}, None),
    ("tides_bucket", "counter", {"tides": {"histogram"}}, True),
    ("tides_bucket", "counter", {"tides": {"summary"}}, None),
    ("tides_info", "gauge", {"tides": {"info"}}, True),
    ("tides_info", "counter", {"tides": {"info"}}, False),
    ("tides_created", "gauge", {"tides": {"counter"}}, True),
    ("tides", "gauge", {"tides": {"stateset"}}, True),
    ("_total", "counter", {"": {"gauge"}}, None),
]


@pytest.mark.parametrize(("metric", "declared", "said", "right"), TYPES)
def test_a_type_is_wrong_where_another_one_is_said(
    metric: str, declared: str, said: dict[str, set[str]], right: bool | None
) -> None:
    """Series belong to their family under its name or its suffix; None is that nobody says."""
    evidence = replace(
        HERE,
        present={metric: {"sea": Presence(1, 1, ago(1))}},
        types={name: frozenset(types) for name, types in said.items()},
    )
    reading = judge(evidence, Signal(metric, "sea", "river", type=declared))  # type: ignore[arg-type]
    assert reading.code is (GapCode.WRONG_TYPE if right is False else GapCode.OK), reading.text
    assert reading.unchecked == ((GapCode.WRONG_TYPE,) if right is None else ())


def test_labels_that_cannot_be_asked_for_are_unchecked() -> None:
    """A label that not every server can be asked for is not known; parts of a histogram are no promise."""
    odd = replace(SIGNAL, labels=("tide gauge", "gate"))
    assert judge(replace(HERE, unlabelled=LACKING), odd).code is GapCode.MISSING_LABEL
    assert judge(HERE, odd).unchecked == (GapCode.MISSING_LABEL,)
    counted = Signal("wait", "sea", "river", "histogram", ("le",))
    evidence = replace(
        HERE,
        present={"wait_count": {"sea": Presence(1, 1, ago(1))}},
        unlabelled={("wait_count", "le"): {"sea": 1}},
        types={"wait": frozenset({"histogram"})},
    )
    assert judge(evidence, counted).code is GapCode.OK


def test_a_counter_is_flat_only_where_no_job_of_it_grows() -> None:
    """Promised from any job, one that grows is enough; one too young to say is not flat."""
    anywhere = replace(BUSY, job=None)
    two = {"sea": Presence(1, 1, ago(1)), "lake": Presence(1, 1, ago(1))}
    evidence = replace(HERE, targets=None, present={"tides_total": two})
    assert (
        judge(replace(evidence, grown={"tides_total": {"sea": 0.0, "lake": 2.0}}), anywhere).code
        is GapCode.OK
    )
    assert judge(replace(evidence, grown={"tides_total": {"sea": 0.0}}), anywhere).code is GapCode.FLAT
    assert judge(evidence, anywhere).code is GapCode.OK


# -- topics ----------------------------------------------------------------------------------------

TOPIC = Topic("orders", "river", metric="offset").signal
COUNTED = replace(HERE, present={"offset": {"sea": Presence(9, 1, ago(5))}}, values={}, steady={})
KEY = ("offset", "orders")


def traffic(seen: TopicSeen | None, **unread: str) -> Evidence:
    topics = {} if seen is None else {KEY: seen}
    return replace(COUNTED, topics=topics, unread={"topics": unread["topics"]} if unread else {})


TOPICS: list[tuple[str, Evidence, GapCode]] = [
    ("moves", traffic(TopicSeen(2, {1800: 7.0}, steady=600.0)), GapCode.OK),
    ("stands still", traffic(TopicSeen(2, {1800: 0.0})), GapCode.TOPIC_SILENT),
    ("moves for others", traffic(TopicSeen(2, {60: 7.0, 1800: 0.0})), GapCode.TOPIC_SILENT),
    ("too young", traffic(TopicSeen(2)), GapCode.UNKNOWN),
    ("no number", traffic(TopicSeen(2, {1800: float("nan")})), GapCode.NAN),
    ("never there", traffic(TopicSeen(0)), GapCode.NEVER_SEEN),
    ("was there", traffic(TopicSeen(0, last=ago(9000))), GapCode.DISAPPEARED),
    ("past unread", traffic(TopicSeen(0), topics="timed out"), GapCode.UNKNOWN),
    ("unread", traffic(None, topics="timed out"), GapCode.UNKNOWN),
    (
        "its exporter is down, another is not",
        replace(traffic(TopicSeen(0)), targets={"sea": (UP, DOWN)}),
        GapCode.TARGET_DOWN,
    ),
    (
        "another cluster's exporter is down",
        replace(traffic(TopicSeen(2, {1800: 7.0})), targets={"sea": (UP, DOWN)}, up={"sea": (2, 1)}),
        GapCode.OK,
    ),
    ("the metric is nowhere", replace(traffic(None), present={}), GapCode.NEVER_SEEN),
    ("all its exporters are down", replace(traffic(None), targets={"sea": (DOWN,)}), GapCode.TARGET_DOWN),
    (
        "another topic's count is no number",
        replace(traffic(TopicSeen(2, {1800: 7.0})), values={"offset": {"sea": Values(9, 8, 8)}}),
        GapCode.OK,
    ),
    ("values unread", replace(traffic(TopicSeen(2, {1800: 7.0})), unread={"values": "no"}), GapCode.OK),
]


@pytest.mark.parametrize(
    ("evidence", "code"), [case[1:] for case in TOPICS], ids=[case[0] for case in TOPICS]
)
def test_a_topic_is_judged_by_its_own_series(evidence: Evidence, code: GapCode) -> None:
    """What the metric as a whole is says little of one topic; its own series do."""
    reading = judge(evidence, TOPIC)
    assert reading.code is code, reading.text
    assert reading.query
    assert reading.hint or code is GapCode.OK


# -- since when, and names like it -----------------------------------------------------------------


def test_what_is_stored_dates_what_is_there_and_what_is_not() -> None:
    """As long as it was there without a hole; since its last sample, or since its time was too old."""
    assert judge(HERE).since == ago(600)
    assert judge(replace(HERE, steady={"tides_total": {"sea": 90.0}})).since == ago(90)
    assert judge(replace(HERE, steady={})).since is None
    anywhere, two = replace(SIGNAL, job=None), {"sea": Presence(1, 1, ago(1)), "lake": Presence(1, 1, ago(1))}
    wide = replace(HERE, targets=None, present={"tides_total": two})
    assert judge(wide, anywhere).since is None
    known = replace(wide, steady={"tides_total": {"sea": 600.0, "lake": 30.0}})
    assert judge(known, anywhere).since == ago(30)
    gone = replace(HERE, present={}, last_seen={"tides_total": {"sea": ago(7200)}})
    assert judge(gone).since == ago(7200)
    assert judge(STALE).since == ago(300)
    assert judge(replace(HERE, stamped=OLD), TIMED).since == ago(3600)
    assert judge(replace(HERE, values=NAN)).since is None
    assert judge(replace(HERE, types=GAUGE), TYPED).since == ago(600)
    assert judge(traffic(TopicSeen(2, {1800: 7.0}, steady=60.0)), TOPIC).since == ago(60)


def test_all_names_like_a_missing_one_go_with_it() -> None:
    """A reading of what is not there offers every near name, nearest first; of what is there, none."""
    names = (Near("tide_total", ("sea",)), Near("tides_totals", ("sea",)))
    like: Mapping[Declared, tuple[Near, ...]] = {("tides_total", "sea"): names}
    gone = replace(HERE, present={}, near=like)
    assert judge(gone).near == ("tide_total", "tides_totals")
    past = replace(gone, last_seen={"tides_total": {"sea": ago(7200)}})
    assert (judge(past).code, judge(past).near) == (GapCode.DISAPPEARED, ("tide_total", "tides_totals"))
    assert judge(replace(HERE, near=like)).near == ()


def test_a_gate_can_be_told_of_every_gap_that_only_warns() -> None:
    """The gaps in quality are those that a gate may be told to fail on."""
    assert {code.value for code in QUALITY_CODES} == set(FailCode.__args__)  # type: ignore[attr-defined]
