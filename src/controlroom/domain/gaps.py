"""Why a declared signal is not there: one reason per signal, root cause first.

`classify` judges what one look at a Prometheus brought by `RULES`, of which the first that speaks decides.
A further kind of gap is one more rule in its place in that tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from controlroom.domain import oversight, promql, quality
from controlroom.domain.evidence import Evidence
from controlroom.domain.instants import duration, render
from controlroom.domain.look import BY_HAND, Look, Rule, look_at, of_job, series_names
from controlroom.domain.signals import Signal
from controlroom.domain.telemetry import QUALITY_CODES, GapCode, SignalReading

IDLE = 5.0
"""Seconds after its start in which a Prometheus scrapes nothing: what is seen then is from before."""


def absent(signals: Iterable[Signal], evidence: Evidence) -> tuple[Signal, ...]:
    """Those of `signals` of which nothing is there now."""
    present = evidence.present
    return tuple(
        signal
        for signal in signals
        if not any(of_job(present.get(name, {}), signal.job) for name in series_names(signal))
    )


def short(evidence: Evidence) -> list[tuple[str, str]]:
    """(metric, job) pairs that are on fewer instances than there are targets up."""
    targets = evidence.targets or {}
    answering = {job: sum(t.health == "up" for t in found) for job, found in targets.items()}
    return [
        (metric, job)
        for metric, jobs in evidence.present.items()
        for job, presence in jobs.items()
        if presence.instances is not None and presence.instances < answering.get(job, 0)
    ]


def classify(signals: Iterable[Signal], evidence: Evidence, now: datetime) -> tuple[SignalReading, ...]:
    """One reading per signal, in order; `now` is the instant the evidence speaks of."""
    return tuple(_judged(look_at(signal, evidence, now)) for signal in signals)


def _judged(look: Look) -> SignalReading:
    rules = iter(RULES)
    reading = next((found for rule in rules if (found := rule(look)) is not None), None)
    if reading is None:
        reading = _with_unchecked(look, quality.fine(look))
    elif reading.code in QUALITY_CODES:
        # One is told; a gate that is to fail on another one has to know of that as well.
        also = tuple(found.code for rule in rules if (found := rule(look)) is not None)
        reading = replace(_with_unchecked(look, reading), also=also)
    return quality.dated(look, reading)


def _with_unchecked(look: Look, reading: SignalReading) -> SignalReading:
    """`reading` of a signal that is delivered, with the gaps in quality that could not be looked for."""
    codes = tuple(code for ask in UNCHECKED for code in ask(look))
    return replace(reading, unchecked=codes) if codes else reading


def _fresh(look: Look) -> bool:
    newest = look.newest()
    return newest is not None and (look.now - newest).total_seconds() <= look.limit()


def _before_start(look: Look) -> bool:
    """Whether all there is of it is from before the server has just been started."""
    newest, started = look.newest(), look.evidence.restarted
    return newest is not None and started is not None and newest < started


def _awaited(look: Look) -> SignalReading | None:
    """The server has so newly been started or configured that it lists no targets for the job yet."""
    awaited, targets = look.evidence.awaited, look.evidence.targets or {}
    if not awaited or look.targets() or (_fresh(look) and not _before_start(look)):
        return None
    expected = [job for job in look.jobs if job in awaited]
    if expected:
        text = f"job {expected[0]} is configured, its targets are not listed yet"
        return look.reading(GapCode.TARGET_PENDING, text, "wait for its first scrape", _up_query(look.jobs))
    if targets:
        return None
    return look.reading(
        GapCode.UNKNOWN, "Prometheus has just started and lists no targets yet", "wait a minute"
    )


def _no_target(look: Look) -> SignalReading | None:
    """Nothing scrapes the declared job, and nobody pushes the metric under its name either."""
    job, evidence = look.signal.job, look.evidence
    if job is None or evidence.targets is None or "present" in evidence.unread:
        return None
    if evidence.targets.get(job) or _too_early(look):
        return None
    # What a target taken out has left can be read for five minutes, and its `up` with it.
    left = look.newest() is not None and not _fresh(look) and job in evidence.up
    if (look.found or job in evidence.up) and not left:
        return None
    near = evidence.near_jobs.get(job, ())
    hint = f"did you mean job {near[0]}?" if near else f"add a scrape job called {job} to Prometheus"
    return look.reading(
        GapCode.NO_TARGET, f"no target has job {job}", hint, f"up{{job={promql.quoted(job)}}}"
    )


def _target_down(look: Look) -> SignalReading | None:
    targets = look.targets()
    down = [target for target in targets if target.health == "down"]
    if not down or (look.found and len(down) < len(targets)):
        return None
    error = next((target.error for target in down if target.error), "it does not answer")
    count = f"{len(down)} of {len(targets)} targets down" if len(targets) > 1 else "target down"
    return look.reading(
        GapCode.TARGET_DOWN,
        f"{count}: {down[0].instance}: {error}",
        f"start {down[0].instance} or mend how it is scraped",
        _up_query(look.jobs),
    )


def _target_pending(look: Look) -> SignalReading | None:
    """Not scraped yet, or scraped so recently that its first samples are not readable yet.

    After a start of the server, what is there of a target that it has not scraped is from before it.
    """
    targets = look.targets()
    pending = [target for target in targets if target.health == "unknown"]
    anew = look.evidence.restarted is not None and bool(pending)
    if _fresh(look) and not anew:
        return None
    if not look.jobs and "present" not in look.evidence.unread:
        return _nowhere_yet(look)
    if anew or (pending and not (look.found and len(pending) < len(targets))):
        return look.reading(
            GapCode.TARGET_PENDING,
            f"{pending[0].instance} has not been scraped yet",
            "wait for its first scrape",
            _up_query(look.jobs),
        )
    if look.found or "present" in look.evidence.unread:
        return None
    answering = sum(target.health == "up" for target in targets)
    stored = sum(look.evidence.up.get(job, (0, 0))[1] for job in look.jobs)
    if answering > stored:
        return look.reading(
            GapCode.TARGET_PENDING,
            "a target has just begun to answer; its samples cannot be read yet",
            "wait for its next scrape",
            _up_query(look.jobs),
        )
    return None


def _nowhere_yet(look: Look) -> SignalReading | None:
    """It may come from any job, and after a start not every target has been scraped."""
    every = [target for targets in (look.evidence.targets or {}).values() for target in targets]
    pending = [target for target in every if target.health == "unknown"]
    if not pending or (look.evidence.restarted is None and len(pending) < len(every)):
        return None
    return look.reading(
        GapCode.TARGET_PENDING,
        f"{len(pending)} of {len(every)} targets have not been scraped yet",
        "wait for their first scrape",
        "up",
    )


def _unread(look: Look) -> SignalReading | None:
    """The part of the answer that would tell is missing; that is no absence."""
    reason = look.evidence.unread.get("present")
    return look.reading(GapCode.UNKNOWN, reason, BY_HAND) if reason and not look.found else None


def _scrape_empty(look: Look) -> SignalReading | None:
    if look.found or not look.jobs:
        return None
    given = [look.evidence.scraped.get(job, (0.0, 0.0)) for job in look.jobs]
    scraped, kept = sum(g[0] for g in given), sum(g[1] for g in given)
    if not scraped > 0 or kept > 0:
        return None
    job = look.jobs[0]
    return look.reading(
        GapCode.SCRAPE_EMPTY,
        (f"all {scraped:.0f} samples of job {job} are" if scraped > 1 else f"the only sample of job {job} is")
        + " dropped by metric_relabel_configs",
        f"mend metric_relabel_configs of job {job}",
        f"{promql.KEPT}{{job={promql.quoted(job)}}}",
    )


def _too_early(look: Look) -> bool:
    """The server came back so recently that what was there when it stopped may not be back yet."""
    evidence = look.evidence
    if evidence.restarted is None or not look.seen:
        return False
    if evidence.stopped is None:  # its disk is empty, or what is on it is too short to tell
        return max(look.seen.values()) < evidence.restarted + timedelta(seconds=IDLE)
    # The past is known on a grid: two steps cover its blur on both sides.
    return max(look.seen.values()).timestamp() >= evidence.stopped.timestamp() - 2 * promql.STEP


def _absent(look: Look) -> SignalReading | None:
    if look.found:
        return None
    if _too_early(look) and look.evidence.restarted is not None:
        since = render(look.evidence.restarted)
        return look.reading(
            GapCode.UNKNOWN, f"Prometheus started at {since}: too early to say", "wait a minute"
        )
    if look.seen:
        seen = max(look.seen.values())
        where = "" if look.signal.job else f" in job {max(look.seen, key=lambda job: look.seen[job])}"
        gone = look.reading(
            GapCode.DISAPPEARED,
            f"last seen {render(seen)}{where}",
            _where_else(look) or "ask what was deployed or renamed then",
            f"max_over_time(timestamp({look.selector()})[{_span(look)}:5m])",
        )
        return replace(gone, near=_near(look))
    if "past" in look.evidence.unread:
        text = f"not there now; whether it ever was: {look.evidence.unread['past']}"
        return look.reading(GapCode.UNKNOWN, text, BY_HAND)
    held = look.evidence.held_since
    if held is None:
        span = f"in the last {_span(look)}"
    else:
        span = f"in the {duration((look.now - held).total_seconds())} of data this Prometheus holds"
    never = look.reading(
        GapCode.NEVER_SEEN,
        f"never seen {span}",
        _where_else(look) or _silent_target(look) or "deploy what delivers it, or correct its name",
        f"last_over_time({look.selector()}[{_span(look)}])",
    )
    return replace(never, near=_near(look))


def _from_before(look: Look) -> SignalReading | None:
    """Nobody has seen what became of it while the server was away."""
    started = look.evidence.restarted
    if started is None or not _before_start(look):
        return None
    text = f"nothing newer than the start of Prometheus at {render(started)}: too early to say"
    return look.reading(GapCode.UNKNOWN, text, "wait a minute")


def _near(look: Look) -> tuple[str, ...]:
    found = look.evidence.near.get((look.signal.metric, look.signal.job), ())
    return tuple(near.metric for near in found)


def _where_else(look: Look) -> str | None:
    """Where something that may be meant is: the same name in another job, else almost the same name."""
    elsewhere = sorted(job for n in series_names(look.signal) for job in look.evidence.present.get(n, {}))
    if elsewhere:
        return f"it is there in job {elsewhere[0]}" if elsewhere[0] else "it is there without a job label"
    near = _near(look)
    return f"did you mean {near[0]}?" if near else None


def _silent_target(look: Look) -> str | None:
    answering = [t for t in look.targets() if t.health == "up"]
    scraped = [look.evidence.scraped.get(job) for job in look.jobs]
    silent = any(scraped) and all(given is None or given[0] == 0 for given in scraped)
    return f"{answering[0].instance} answers, but gives no metrics at all" if answering and silent else None


def _partial(look: Look) -> SignalReading | None:
    if look.signal.topic is not None:  # several clusters may be told of by targets of one job
        return None
    every = look.evidence.targets or {}
    for job, presence in sorted(look.found.items()):
        targets = every.get(job, ())
        if presence.instances is None or not targets:
            continue
        answering = sum(target.health == "up" for target in targets)
        # A target that has just come up has no samples yet: what is stored counts as well.
        expected = min(answering, look.evidence.up.get(job, (0, answering))[1])
        down = [target for target in targets if target.health == "down"]
        if presence.instances >= expected and not down:
            continue
        query = promql.missing_instances(look.name, job)
        if presence.instances < expected:
            absent = look.evidence.absent_on.get((look.name, job), ())
            where = f"; not on {_some(absent)}" if absent else ""
            text = f"on {presence.instances} of {expected} up targets{where}"
            return look.reading(GapCode.PARTIAL, text, "ask what is different there", query)
        error = f": {down[0].error}" if down[0].error else ""
        text = f"{len(down)} of {len(targets)} targets down: {down[0].instance}{error}"
        return look.reading(
            GapCode.PARTIAL, text, f"start {down[0].instance} or mend how it is scraped", _up_query((job,))
        )
    return None


def _stale(look: Look) -> SignalReading | None:
    newest, limit = look.newest(), look.limit()
    if newest is None:
        return None
    age = (look.now - newest).total_seconds()
    if age <= limit:
        return None
    old, most = duration(age), duration(limit)
    return look.reading(
        GapCode.STALE,
        f"newest sample is {old} old, more than {most}"
        if old != most
        else f"newest sample is over {most} old",
        "look at whatever writes it: it stopped without being seen to stop",
        f"time() - timestamp({look.selector()})",
    )


RULES: Sequence[Rule] = (
    _awaited,
    _no_target,
    _target_down,
    _target_pending,
    _unread,
    _scrape_empty,
    _absent,
    _from_before,
    *quality.TOPICS,
    _partial,
    *quality.BEFORE_AGE,
    _stale,
    *quality.RULES,
    *oversight.RULES,
)

UNCHECKED: Sequence[Callable[[Look], Iterable[GapCode]]] = (quality.unchecked, oversight.unchecked)
"""Which gaps in quality could not be looked for, by whoever looks for them."""


def _up_query(jobs: Sequence[str]) -> str:
    if len(jobs) == 1:
        return f"up{{job={promql.quoted(jobs[0])}}}"
    return f"up{{job=~{promql.alternatives(jobs)}}}"


def _span(look: Look) -> str:
    """The window as PromQL writes it."""
    window = look.evidence.window
    return f"{window / 86_400:.0f}d" if window >= 86_400 else f"{window / 3_600:.0f}h"


def _some(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
