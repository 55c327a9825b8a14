"""One reason per signal, root cause first, and never an absence where something is only unread."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlroom.domain.evidence import Evidence, Near, Presence, Target
from controlroom.domain.gaps import absent, classify, short
from controlroom.domain.signals import Signal
from controlroom.domain.telemetry import GapCode, SignalReading

NOW = datetime(2025, 10, 6, 16, tzinfo=UTC)
SIGNAL = Signal("tides_total", "sea", "river")
UP = Target("a:1", "up", interval=15.0)
DOWN = Target("b:1", "down", "connection refused", 15.0)
PENDING = Target("c:1", "unknown")


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def there(series: int = 1, instances: int | None = 1, age: float = 5) -> dict[str, dict[str, Presence]]:
    return {"tides_total": {"sea": Presence(series, instances, ago(age))}}


HEALTHY = Evidence(targets={"sea": (UP,)}, up={"sea": (1, 1)}, present=there())
GONE = replace(HEALTHY, present={})


def judge(evidence: Evidence, signal: Signal = SIGNAL) -> SignalReading:
    (reading,) = classify([signal], evidence, NOW)
    return reading


CASES: list[tuple[str, Evidence, GapCode]] = [
    ("all is well", HEALTHY, GapCode.OK),
    (
        "nothing scrapes the job",
        replace(GONE, targets={"lake": (UP,)}, up={"lake": (1, 1)}),
        GapCode.NO_TARGET,
    ),
    ("pushed without a target", replace(HEALTHY, targets={}, up={}), GapCode.OK),
    (
        "its target was taken out a while ago",
        replace(HEALTHY, targets={"lake": (UP,)}, present=there(age=90)),
        GapCode.NO_TARGET,
    ),
    ("its target was taken out just now", replace(HEALTHY, targets={"lake": (UP,)}), GapCode.OK),
    (
        "written by others, and they stopped",
        replace(HEALTHY, targets={"lake": (UP,)}, up={}, present=there(age=90)),
        GapCode.STALE,
    ),
    (
        "its only target is down",
        replace(GONE, targets={"sea": (DOWN,)}, up={"sea": (1, 0)}),
        GapCode.TARGET_DOWN,
    ),
    ("down, samples not yet stale", replace(HEALTHY, targets={"sea": (DOWN,)}), GapCode.TARGET_DOWN),
    ("absent, and one of two down", replace(GONE, targets={"sea": (UP, DOWN)}), GapCode.TARGET_DOWN),
    ("present, and one of two down", replace(HEALTHY, targets={"sea": (UP, DOWN)}), GapCode.PARTIAL),
    ("not scraped yet", replace(GONE, targets={"sea": (PENDING,)}, up={}), GapCode.TARGET_PENDING),
    (
        "back from a restart, old sample in sight",
        replace(HEALTHY, targets={"sea": (PENDING,)}, present=there(age=200)),
        GapCode.TARGET_PENDING,
    ),
    (
        "back from a short restart, its sample still fresh",
        replace(HEALTHY, targets={"sea": (PENDING,)}, restarted=ago(3)),
        GapCode.TARGET_PENDING,
    ),
    (
        "back from a restart, one of two not scraped since",
        replace(HEALTHY, targets={"sea": (UP, PENDING)}, present=there(2, 2, age=1), restarted=ago(3)),
        GapCode.TARGET_PENDING,
    ),
    (
        "back from a restart, targets not listed yet",
        replace(HEALTHY, targets={}, awaited=("sea",), restarted=ago(3)),
        GapCode.TARGET_PENDING,
    ),
    (
        "written by others, and nothing came since a restart",
        replace(HEALTHY, targets={"lake": (UP,)}, up={}, restarted=ago(3)),
        GapCode.UNKNOWN,
    ),
    (
        "scraped since a restart",
        replace(HEALTHY, present=there(age=1), restarted=ago(3)),
        GapCode.OK,
    ),
    (
        "a target was added just now",
        replace(HEALTHY, targets={"sea": (UP, PENDING)}),
        GapCode.OK,
    ),
    ("scraped, samples not stored yet", replace(GONE, up={}), GapCode.TARGET_PENDING),
    ("up again, samples not stored yet", replace(GONE, up={"sea": (1, 0)}), GapCode.TARGET_PENDING),
    ("relabelling drops it", replace(GONE, scraped={"sea": (40.0, 0.0)}), GapCode.SCRAPE_EMPTY),
    ("never seen", replace(GONE, scraped={"sea": (40.0, 40.0)}), GapCode.NEVER_SEEN),
    ("disappeared", replace(GONE, last_seen={"tides_total": {"sea": ago(7200)}}), GapCode.DISAPPEARED),
    (
        "last seen in another job",
        replace(GONE, last_seen={"tides_total": {"lake": ago(9)}}),
        GapCode.NEVER_SEEN,
    ),
    (
        "on one of two",
        replace(HEALTHY, targets={"sea": (UP, replace(UP, instance="b:1"))}, up={"sea": (2, 2)}),
        GapCode.PARTIAL,
    ),
    (
        "the second has just come up",
        replace(HEALTHY, targets={"sea": (UP, replace(UP, instance="b:1"))}, up={"sea": (2, 1)}),
        GapCode.OK,
    ),
    (
        "a recording rule has no instances",
        replace(HEALTHY, targets={"sea": (UP, UP)}, up={"sea": (2, 2)}, present=there(instances=None)),
        GapCode.OK,
    ),
    ("exactly at the limit", replace(HEALTHY, present=there(age=60)), GapCode.OK),
    ("a second over the limit", replace(HEALTHY, present=there(age=61)), GapCode.STALE),
    (
        "slow scrapes have patience",
        replace(HEALTHY, targets={"sea": (replace(UP, interval=60.0),)}, present=there(age=239)),
        GapCode.OK,
    ),
    ("presence unread", replace(GONE, unread={"present": "timed out"}), GapCode.UNKNOWN),
    ("past unread", replace(GONE, unread={"past": "timed out"}), GapCode.UNKNOWN),
    (
        "past unread, but remembered",
        replace(GONE, unread={"past": "x"}, last_seen={"tides_total": {"sea": ago(90)}}),
        GapCode.DISAPPEARED,
    ),
    (
        "age unread",
        replace(HEALTHY, present={"tides_total": {"sea": Presence(1, 1)}}, unread={"newest": "timed out"}),
        GapCode.UNKNOWN,
    ),
    ("targets unknown is not no target", replace(GONE, targets=None, up={}), GapCode.NEVER_SEEN),
    (
        "down even where presence is unread",
        replace(GONE, targets={"sea": (DOWN,)}, unread={"present": "timed out"}),
        GapCode.TARGET_DOWN,
    ),
    (
        "no target needs a known absence",
        replace(GONE, targets={}, up={}, unread={"present": "timed out"}),
        GapCode.UNKNOWN,
    ),
    (
        "configured, not listed yet",
        replace(GONE, targets={}, up={}, awaited=("sea",)),
        GapCode.TARGET_PENDING,
    ),
    ("nothing is listed yet", replace(GONE, targets={}, up={}, awaited=("lake",)), GapCode.UNKNOWN),
    (
        "others are listed, it is not configured",
        replace(GONE, targets={"lake": (UP,)}, up={}, awaited=("lake",)),
        GapCode.NO_TARGET,
    ),
    ("nothing is configured", replace(GONE, targets={}, up={}, awaited=()), GapCode.NO_TARGET),
    (
        "there when it stopped, not back yet",
        replace(
            GONE,
            last_seen={"tides_total": {"sea": ago(900)}},
            restarted=ago(30),
            stopped=ago(800),
        ),
        GapCode.UNKNOWN,
    ),
    (
        "gone long before it stopped",
        replace(
            GONE,
            last_seen={"tides_total": {"sea": ago(9000)}},
            restarted=ago(30),
            stopped=ago(800),
        ),
        GapCode.DISAPPEARED,
    ),
    (
        "seen before it started on an empty disk",
        replace(GONE, last_seen={"tides_total": {"sea": ago(40)}}, restarted=ago(30)),
        GapCode.UNKNOWN,
    ),
    (
        "seen and gone since it started",
        replace(GONE, last_seen={"tides_total": {"sea": ago(10)}}, restarted=ago(30)),
        GapCode.DISAPPEARED,
    ),
]


@pytest.mark.parametrize(("evidence", "code"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_first_cause_that_explains_it_is_the_reason(evidence: Evidence, code: GapCode) -> None:
    """Each state of the world has one code, and every gap says why, what next and how to see it."""
    reading = judge(evidence)
    assert reading.code is code, reading.text
    assert reading.query
    assert reading.text
    if code is not GapCode.OK:
        assert reading.hint or "age" in reading.text


def test_a_gap_carries_its_facts() -> None:
    """The reason is in the target's own words; the reading tells when it was last seen, and its targets."""
    evidence = replace(
        GONE, targets={"sea": (UP, DOWN)}, last_seen={"tides_total": {"sea": ago(90)}}, up={"sea": (2, 1)}
    )
    reading = judge(evidence)
    assert reading.text == "1 of 2 targets down: b:1: connection refused"
    assert reading.last_seen == ago(90)
    assert reading.targets == ("b:1: connection refused", "a:1: up")
    assert (reading.series, reading.sample_age) == (0, None)
    assert reading.query == 'up{job="sea"}'


def test_partial_names_the_instances_that_lack_it() -> None:
    """A metric that is missing on one instance says on which."""
    evidence = replace(
        HEALTHY,
        targets={"sea": (UP, replace(UP, instance="b:1"))},
        up={"sea": (2, 2)},
        absent_on={("tides_total", "sea"): ("b:1",)},
    )
    reading = judge(evidence)
    assert reading.text == "on 1 of 2 up targets; not on b:1"
    assert reading.query == 'up{job="sea"} == 1 unless on (job, instance) tides_total{job="sea"}'
    assert short(evidence) == [("tides_total", "sea")]


@pytest.mark.parametrize(
    ("evidence", "hint"),
    [
        (
            replace(GONE, near={("tides_total", "sea"): (Near("tide_total", ("sea",)),)}),
            "did you mean tide_total?",
        ),
        (replace(GONE, present={"tides_total": {"lake": Presence(1)}}), "it is there in job lake"),
        (replace(GONE, scraped={"sea": (0.0, 0.0)}), "a:1 answers, but gives no metrics at all"),
        (
            Evidence(targets={"see": (UP,)}, up={"see": (1, 1)}, near_jobs={"sea": ("see",)}),
            "did you mean job see?",
        ),
    ],
)
def test_a_hint_points_to_what_may_be_meant(evidence: Evidence, hint: str) -> None:
    """A misspelt metric, one in another job, an empty target and a misspelt job each get their own hint."""
    assert judge(evidence).hint == hint


def test_never_seen_says_in_how_much_data() -> None:
    """The claim reaches as far as the data does."""
    assert judge(GONE).text == "never seen in the last 7d"
    held = replace(GONE, held_since=ago(7320))
    assert judge(held).text == "never seen in the 2h 02m of data this Prometheus holds"
    assert judge(replace(GONE, window=7200.0)).text == "never seen in the last 2h"


def test_a_signal_of_any_job_is_judged_where_it_was() -> None:
    """Without a declared job, the targets of the job it was last seen in explain its absence."""
    anywhere = replace(SIGNAL, job=None)
    seen = replace(GONE, last_seen={"tides_total": {"sea": ago(90)}})
    assert judge(replace(seen, targets={"sea": (DOWN,)}), anywhere).code is GapCode.TARGET_DOWN
    gone = judge(seen, anywhere)
    assert (gone.code, gone.text) == (GapCode.DISAPPEARED, "last seen 2025-10-06T15:58:30Z in job sea")
    assert judge(HEALTHY, anywhere).code is GapCode.OK
    fresh = replace(GONE, targets={"sea": (PENDING,)}, up={})
    assert judge(fresh, anywhere).code is GapCode.TARGET_PENDING


def test_a_histogram_is_found_by_its_count() -> None:
    """A histogram or summary has no series of its own name; its _count stands for it."""
    signal = Signal("tide_seconds", "sea", "river", type="histogram")
    evidence = replace(HEALTHY, present={"tide_seconds_count": {"sea": Presence(2, 1, ago(1))}})
    reading = judge(evidence, signal)
    assert (reading.code, reading.series) == (GapCode.OK, 2)
    assert reading.query == 'tide_seconds_count{job="sea"}'
    assert absent([signal, SIGNAL], evidence) == (SIGNAL,)
    assert judge(evidence, replace(signal, type="gauge")).code is GapCode.NEVER_SEEN


def test_many_targets_are_counted_not_listed() -> None:
    """A reading lists the worst targets and counts the rest."""
    many = tuple(replace(UP, instance=f"{i:03}") for i in range(50))
    reading = judge(replace(GONE, targets={"sea": (*many, DOWN)}))
    assert reading.targets[0] == "b:1: connection refused"
    assert reading.targets[-1] == "31 more"
    assert len(reading.targets) == 21


def test_thousands_of_signals_are_judged_at_once() -> None:
    """Readings come in the order of the signals, one each."""
    signals = [replace(SIGNAL, metric=f"m{i}") for i in range(3000)]
    readings = classify(signals, GONE, NOW)
    assert [r.signal for r in readings] == signals


@pytest.mark.parametrize(
    ("scraped", "said"),
    [
        (1.0, "the only sample of job sea is dropped by metric_relabel_configs"),
        (40.0, "all 40 samples of job sea are dropped by metric_relabel_configs"),
    ],
)
def test_what_relabelling_drops_is_told_for_one_sample_and_for_many(scraped: float, said: str) -> None:
    """One sample is not called all of them."""
    assert judge(replace(GONE, scraped={"sea": (scraped, 0.0)})).text == said


@pytest.mark.parametrize(
    ("age", "said"),
    [(100, "newest sample is over 1m old"), (300, "newest sample is 5m old, more than 1m")],
)
def test_an_old_sample_is_not_older_than_its_own_age(age: float, said: str) -> None:
    """Where both lengths of time read alike, only one of them is told."""
    assert judge(replace(HEALTHY, present=there(age=age))).text == said
