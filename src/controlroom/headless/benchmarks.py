"""`controlroom benchmarks`: what was measured last, beside its own history, and by which rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlroom.domain.benchmarks import UNSURE, BenchmarkReading, rule_words
from controlroom.domain.instants import maybe, render
from controlroom.domain.snapshot import Snapshot
from controlroom.headless.problems import ATTENTION, FINE, UNREACHABLE

NONE = "none declared: add [[benchmarks]]"


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The document of `benchmarks --json`."""
    return {"benchmarks": [entry(reading) for reading in snapshot.benchmarks]}


def entry(reading: BenchmarkReading) -> dict[str, Any]:
    """One benchmark, as it stands there and in `snapshot --json`."""
    last, rule = reading.last, reading.rule
    return {
        "id": reading.id,
        "name": reading.name,
        "squad": reading.squad,
        "unit": reading.unit,
        "better": reading.better,
        "verdict": reading.verdict,
        "value": None if last is None else last.value,
        "at": None if last is None else render(last.at),
        "median": reading.median,
        "usual": reading.usual,
        "change": reading.change,
        "since": maybe(reading.since),
        "text": reading.text,
        "error": reading.error or None,
        "where": reading.where,
        "server": reading.server,
        "rule": {
            "tolerance": rule.tolerance,
            "window": rule.window,
            "least": rule.least,
            "max_age_s": rule.max_age,
        },
        "skipped": list(reading.skipped),
        "results": [
            {"value": one.value, "at": render(one.at), "source": one.source} for one in reading.results
        ],
    }


def lines(snapshot: Snapshot) -> Iterator[str]:
    """A line for each, and below it what could not be read of it."""
    for reading in snapshot.benchmarks:
        yield line(reading)
        yield from (f"  left out: {text}" for text in reading.skipped)


def line(reading: BenchmarkReading) -> str:
    """``regression Replaying a day (policy): 4.2 s, 31 % worse than …, since 2026-03-04T02:00:00Z``."""
    squad = f" ({reading.squad})" if reading.squad else ""
    since = f", since {render(reading.since)}" if reading.since else ""
    return f"{reading.verdict} {reading.name}{squad}: {reading.text}{since}"


def as_text(snapshot: Snapshot) -> str:
    """Every benchmark with its rule and where its results come from."""
    told = []
    for reading in snapshot.benchmarks:
        told.append(line(reading))
        told += [f"  left out: {text}" for text in reading.skipped]
        if reading.verdict == "regression":
            told.append(f"  {rule_words(reading)}")
        last = reading.last
        source = last.source if last is not None and reading.server is None else reading.where
        told.append(f"  {source or reading.where}")
    return "\n".join(told or [NONE]) + "\n"


def exit_code(snapshot: Snapshot) -> int:
    """1 for a regression, else 3 where one cannot be read or is too old to say anything of today, else 0."""
    verdicts = {reading.verdict for reading in snapshot.benchmarks}
    if "regression" in verdicts:
        return ATTENTION
    source = snapshot.source("benchmarks")
    failed = source is not None and (source.error is not None or source.read_at is None)
    return UNREACHABLE if failed or verdicts & UNSURE else FINE
