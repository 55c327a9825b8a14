"""Benchmarks: numbers measured again and again, each compared with its own history.

The rule is one, and said wherever it is applied: the last result against the median of those before it. It
is a regression when it is worse by more than `tolerance` *and* by more than these usually differ among
themselves (three times their median absolute deviation): a noisy number may make larger steps than a steady
one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from controlroom.domain.frozen import dataclass
from controlroom.domain.instants import duration, render

Verdict = Literal["ok", "better", "regression", "young", "old", "unknown"]
"""``young``: too few results to compare with; ``old``: nothing new came; ``unknown``: it cannot be read."""

QUIET: frozenset[Verdict] = frozenset(("ok", "better"))
"""What needs nobody's eye."""

UNSURE: frozenset[Verdict] = frozenset(("old", "unknown"))
"""What says nothing of today."""

UNREAD = "not read yet"
LOOK_EVERY = 30.0
"""Seconds between two looks at the results of all benchmarks."""

SPREAD = 3.0
"""Times the median absolute deviation: what results usually keep within."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How much worse is a regression, and beside what; the keys of `[[benchmarks]]` of the same names."""

    tolerance: float = 0.1
    window: int = 7
    least: int = 3
    max_age: float = 93_600.0

    @property
    def kept(self) -> int:
        """How many results are needed to tell since when it has been a regression."""
        return 2 * self.window + 30


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement. `source` names its file and place, or its query."""

    value: float
    at: datetime
    source: str = ""


@dataclass(frozen=True, slots=True)
class BenchmarkReading:
    """A declared benchmark, its results, oldest first, and what the last one says beside those before it."""

    id: str
    name: str
    squad: str | None = None
    unit: str = ""
    better: Literal["lower", "higher"] = "lower"
    results: tuple[Result, ...] = ()
    verdict: Verdict = "unknown"
    median: float | None = None
    """Of the results before the last one that count; None: there are none."""
    change: float | None = None
    """By which share the last one is worse (above 0) or better (below 0) than `median`; None: that is 0."""
    text: str = ""
    """Why, in words, with the numbers that the rule was applied to."""
    since: datetime | None = None
    """When the first of the results in a row that are a regression was measured."""
    error: str = ""
    """Why it could not be read, and where."""
    rule: Rule = Rule()
    where: str = ""
    """What is asked: files and the place in them, or the query."""
    server: str | None = None
    """Id of the Prometheus that is asked; None for files."""
    usual: float | None = None
    """How far those before it usually are from `median`, in the unit."""
    skipped: tuple[str, ...] = ()
    """What was left out, and why: ``bench/2026-03-02.json: line 4: …``."""

    @property
    def last(self) -> Result | None:
        """The newest result."""
        return self.results[-1] if self.results else None

    @property
    def quiet(self) -> bool:
        """Whether it needs nobody's eye."""
        return self.verdict in QUIET and not self.skipped

    @property
    def declared(self) -> tuple[object, ...]:
        """What the configuration says of it: with another one of these it is another benchmark."""
        return self.name, self.squad, self.unit, self.better, self.rule, self.where, self.server


@dataclass(frozen=True, slots=True)
class _Compared:
    """One result beside those before it."""

    before: int
    median: float
    usual: float
    worse: float
    """How much worse, in the unit; below 0 it is better."""
    verdict: Literal["ok", "better", "regression"]


def judge(reading: BenchmarkReading, now: datetime) -> BenchmarkReading:
    """`reading` with what its results say at `now`; `error`, where there is one, says that nothing is known.

    Results may come in any order; those of one instant stay in theirs. What is dated after `now` does not
    count, and what is no finite number is nothing to compare with.
    """
    known = sorted((one for one in reading.results if one.at <= now), key=lambda one: one.at)
    later = len(reading.results) - len(known)
    skipped = reading.skipped
    if later:
        skipped = (*skipped, f"{later} {_plural(later, 'result')} dated after {render(now)}")
    known = known[-reading.rule.kept :]
    judged = replace(
        reading,
        results=tuple(known),
        skipped=skipped,
        verdict="unknown",
        median=None,
        usual=None,
        change=None,
        since=None,
    )
    if reading.error:
        return replace(judged, text=reading.error)
    if not known:
        return replace(judged, text="no result is dated before now" if later else "there is no result")
    last = known[-1]
    if not math.isfinite(last.value):
        said = "NaN" if math.isnan(last.value) else "infinite"
        return replace(judged, text=f"the last result is {said}, which is no number")
    compared = _compared(known, len(known) - 1, reading)
    if compared is not None:
        share = _share(compared.worse, compared.median)
        judged = replace(judged, median=compared.median, usual=compared.usual, change=share)
    if (now - last.at).total_seconds() > reading.rule.max_age:
        return replace(judged, verdict="old", text=_old(last, reading))
    if compared is None:
        return replace(judged, verdict="young", text=_young(known, reading))
    return replace(
        judged,
        verdict=compared.verdict,
        text=_told(last.value, compared, reading.unit),
        since=_since(known, reading) if compared.verdict == "regression" else None,
    )


def _compared(results: Sequence[Result], place: int, reading: BenchmarkReading) -> _Compared | None:
    """The result at `place` beside those before it; None where these are too few."""
    past = [one.value for one in results[:place] if math.isfinite(one.value)][-reading.rule.window :]
    value = results[place].value
    if len(past) < reading.rule.least or not past or not math.isfinite(value):
        return None
    middle = median(past)
    usual = SPREAD * median([abs(one - middle) for one in past])
    worse = value - middle if reading.better == "lower" else middle - value
    limit = max(reading.rule.tolerance * abs(middle), usual)
    verdict: Literal["ok", "better", "regression"] = "ok"
    if _exceeds(worse, limit):
        verdict = "regression"
    elif _exceeds(-worse, limit):
        verdict = "better"
    return _Compared(len(past), middle, usual, worse, verdict)


def _exceeds(value: float, limit: float) -> bool:
    """Whether it is more, and not only by what binary fractions add: 1.1 is no more than 10 % above 1."""
    return value > limit and not math.isclose(value, limit, rel_tol=1e-9)


def _since(results: Sequence[Result], reading: BenchmarkReading) -> datetime:
    """When the first of the regressions in a row at the end was measured, each judged by its own past."""
    first = len(results) - 1
    for place in range(len(results) - 2, -1, -1):
        compared = _compared(results, place, reading)
        if compared is None or compared.verdict != "regression":
            break
        first = place
    return results[first].at


def median(values: Sequence[float]) -> float:
    """The middle of `values`, of which there is at least one; halfway between the two middle ones."""
    ordered = sorted(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    between = (low + high) / 2
    return between if math.isfinite(between) else low / 2 + high / 2


def _share(worse: float, middle: float) -> float | None:
    share = worse / abs(middle) if middle else math.inf
    return share if math.isfinite(share) else None


def carried(
    declared: Sequence[BenchmarkReading], known: Sequence[BenchmarkReading]
) -> tuple[BenchmarkReading, ...]:
    """`declared` with what was `known` of those that are declared as they were."""
    before = {reading.id: reading for reading in known}
    return tuple(
        before[one.id] if one.id in before and before[one.id].declared == one.declared else one
        for one in declared
    )


# In words


def _told(value: float, compared: _Compared, unit: str) -> str:
    """``4.2 s, 31 % worse than the median 3.2 s of 7 (usually within 6 %)``."""
    middle = compared.median
    said, beside = amounts((value, middle), unit)
    if value == middle:
        difference = "the same as"
    else:
        word = "worse" if compared.worse > 0 else "better"
        difference = f"{_relative(abs(compared.worse), middle, unit)} {word} than"
    usual = _relative(compared.usual, middle, unit)
    spread = f"usually within {usual}" if compared.usual else "usually the same"
    return f"{said}, {difference} the median {beside} of {compared.before} ({spread})"


def _relative(amount: float, middle: float, unit: str) -> str:
    """An amount as a share of the median; in the unit where that is 0."""
    share = _share(amount, middle)
    return amounts((amount,), unit)[0] if share is None else percent(share)


def _young(results: Sequence[Result], reading: BenchmarkReading) -> str:
    before = sum(math.isfinite(one.value) for one in results[:-1])
    value = amounts((results[-1].value,), reading.unit)[0]
    least = reading.rule.least
    return f"{value}, {before or 'no'} {_plural(before, 'result')} before it, of the {least} that it takes"


def _old(last: Result, reading: BenchmarkReading) -> str:
    value = amounts((last.value,), reading.unit)[0]
    usual = duration(reading.rule.max_age)
    return f"{value}, measured {render(last.at)}: nothing new for more than {usual}"


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


def percent(share: float) -> str:
    """A share as people write it: ``31 %``, ``0.4 %``."""
    value = abs(share) * 100
    if value >= 1e6:
        return f"{value:.2g} %"
    return f"{value:,.0f} %" if value >= 9.95 else f"{value:.2g} %"


_SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def amounts(values: Sequence[float], unit: str) -> list[str]:
    """The values with their unit, all in the same: seconds below one in milliseconds or less."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    factor, named = 1.0, unit
    if unit == "s" and 0 < largest < 1:
        factor, named = next((scale for scale in _SCALES if largest >= scale[0]), _SCALES[-1])
    return [f"{number(value / factor)} {named}".rstrip() for value in values]


def number(value: float) -> str:
    """A number with as many digits as matter: ``4.2``, ``0.031``, ``12,400``."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}".lstrip("-") if value == 0 else str(value)
    if not 1e-4 <= abs(value) < 1e15:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.3g}"


def rule_words(reading: BenchmarkReading) -> str:
    """The rule as it is applied to this benchmark, for whoever asks why."""
    rule = reading.rule
    worse = "higher" if reading.better == "lower" else "lower"
    return (
        f"a regression is {worse} than the median of the {rule.window} results before it by more than "
        f"{percent(rule.tolerance)}, and by more than three times their median deviation; "
        f"it takes {rule.least} of them"
    )
