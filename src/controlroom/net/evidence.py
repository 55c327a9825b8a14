"""Gathers the evidence about any number of signals in a constant number of requests.

A look takes at most fourteen, however many squads, signals and jobs there are. Together: what is there now,
the targets, what the server says of itself (its retention; its version once per start), its rules where some
are promised. Then, pinned to the same instant: the newest samples of what is there, what it holds and for how
long it has been there; the types, where some are promised; the past of what is not there, and names like it;
`up`, where the API has no targets. Last, the details of what is wrong, and the past of topics. What is asked
about missing metrics holds for a minute while the same ones are missing, and so do types. A request that
fails takes away its own part only; one for several parts that is refused is put again part by part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta

from controlroom.domain import promql
from controlroom.domain.evidence import Evidence, Target
from controlroom.domain.frozen import dataclass
from controlroom.domain.gaps import absent, short
from controlroom.domain.gate_rules import HOLD
from controlroom.domain.look import series_names
from controlroom.domain.signals import Signal
from controlroom.engine.ports import Clock
from controlroom.net import prometheus, rows
from controlroom.net.fetch import Api, FetchError
from controlroom.net.notes import Notes, nothing, outcome
from controlroom.net.oversight import Oversight, watched
from controlroom.net.prometheus import QueryRefused, Runtime, Vector
from controlroom.net.quality import Quality
from controlroom.net.threads import in_daemon

KEPT = 60.0
"""Seconds for which an answer about missing metrics holds while the same ones are missing."""

RESTART_GRACE = 120.0
"""Seconds after its start in which a server may lack what it had before it stopped."""

SETTLING = 15.0
"""Seconds after it read its configuration in which a server may not list all targets; it takes five."""

CLOCK_SET = 60.0
"""Seconds between the room's clock and the machine's from which another time is looked at on purpose."""

SKEW = 2.5
"""Seconds between the server's clock and ours that are no more than rounding and delay."""

LISTED = 200
"""Things that are asked for by name once something is wrong with them."""

NearNames = Mapping[promql.Declared, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Missing:
    """What was asked about missing signals, and when."""

    signals: tuple[Signal, ...] = ()
    unscraped: tuple[str, ...] = ()
    at: datetime | None = None
    past: rows.Past | None = None
    names: NearNames | None = None
    jobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Examiner:
    """Asks one server, and remembers what spares asking again."""

    def __init__(self, api: Api, hold: float = HOLD) -> None:
        """`hold` is in seconds: how far it is looked back for how long something has been there."""
        self._api = api
        self._names = _Names(api)
        self._oversight = Oversight(api)
        self._quality = Quality(api, hold)
        self._ahead = timedelta()
        self._started: datetime | None = None
        self._version: str | None = None
        self._missing = _Missing()
        self._memory: rows.ByJob[datetime] = {}
        """The newest samples that have been read."""

    async def look(self, signals: Sequence[Signal], clock: Clock) -> tuple[Evidence, datetime]:
        """The evidence about `signals` and the instant it speaks of. Raises FetchError."""
        begun, notes = self._api.requests + self._names.requests, Notes()
        needed = await self._oversight.needed(signals)
        now = clock()
        # Somebody may look at another time than the present; its targets are then only known by `up`.
        present = abs((now - datetime.now(UTC)).total_seconds()) <= CLOCK_SET
        at = now + self._ahead if present else now
        names = _names_of(signals)
        presence = promql.presence(list(dict.fromkeys((*names, *needed))))
        found, targets, about, ruled = await asyncio.gather(
            outcome(prometheus.query(self._api, presence, at)),
            outcome(prometheus.targets(self._api)) if present else nothing(),
            outcome(self._about()),
            self._oversight.rules(signals),
        )
        if present and isinstance(found, Vector) and self._skewed(found, clock()):
            at = now + self._ahead
            found = await outcome(prometheus.query(self._api, presence, at))
        if isinstance(found, FetchError) and not isinstance(found, QueryRefused):
            raise found
        if isinstance(found, Vector) and (lacking := _lacking(found)):
            notes.unread["present"] = f"not found, but not all may be known: {lacking}"
        runtime = about if isinstance(about, Runtime) else Runtime()
        evidence = replace(
            rows.present(notes.rows("present", found)),
            retention=runtime.retention,
            window=_window(runtime.retention),
            restarted=runtime.started if present and _within(runtime.started, at, RESTART_GRACE) else None,
        )
        evidence = watched(evidence, ruled, needed, names, notes)
        if isinstance(targets, FetchError):
            notes.warn(f"targets are read from up: {targets.reason}")
        elif targets is not None:
            evidence = await self._settled(signals, evidence, targets, runtime, at)
        evidence = await self._deepen(signals, evidence, at, notes)
        past = self._missing.past
        if not (present or evidence.up or evidence.present) and past is not None and past.scraped:
            notes.unread["present"] = "this Prometheus scraped nothing at that time"
        if self._ahead:
            ahead = self._ahead.total_seconds()
            # Rounded, so that the jitter of the network is no news.
            rounded = max(5, round(abs(ahead) / 5) * 5)
            notes.warn(f"its clock is about {rounded} s {'ahead' if ahead > 0 else 'behind'}")
        evidence = replace(
            evidence,
            unread=notes.unread,
            version=self._version or "",
            warnings=tuple(notes.warnings),
            requests=self._api.requests + self._names.requests - begun,
        )
        return evidence, at

    async def _about(self) -> Runtime:
        """What the server says of itself; its version after each start."""
        runtime = await prometheus.runtime(self._api)
        if runtime.started != self._started or self._version is None:
            self._started, self._version = runtime.started, None
            self._version = await prometheus.version(self._api)
        return runtime

    async def _settled(
        self,
        signals: Sequence[Signal],
        evidence: Evidence,
        targets: Mapping[str, tuple[Target, ...]],
        runtime: Runtime,
        at: datetime,
    ) -> Evidence:
        """`evidence` with the targets, unless none is listed though some report: then `up` tells.

        A server lists no targets for its first five seconds, nor a new job's after a change of its
        configuration; which jobs are still to come is then read from that.
        """
        unlisted = not targets or any(s.job is not None and s.job not in targets for s in signals)
        if unlisted and _within(runtime.configured or runtime.started, at, SETTLING):
            jobs = await outcome(prometheus.configured_jobs(self._api))
            return replace(evidence, targets=targets, awaited=jobs if isinstance(jobs, tuple) else ())
        return evidence if not targets and evidence.up else replace(evidence, targets=targets)

    def _skewed(self, answer: Vector, received: datetime) -> bool:
        """Whether the question has to be put again, for the server's clock instead of ours."""
        if answer.date is None:
            return False
        # The header has whole seconds: half a one is the best guess of the rest.
        ahead = answer.date + timedelta(seconds=0.5) - received
        before = self._ahead
        self._ahead = ahead if abs(ahead.total_seconds()) > SKEW else timedelta()
        return abs((self._ahead - before).total_seconds()) > SKEW

    async def _deepen(
        self, signals: Sequence[Signal], evidence: Evidence, at: datetime, notes: Notes
    ) -> Evidence:
        """`evidence` with the ages of what is there, and the reasons for what is not."""
        there = list(evidence.present)
        missing = () if "present" in notes.unread else absent(signals, evidence)
        newest, up, known, found = await asyncio.gather(
            outcome(prometheus.query(self._api, promql.newest(there), at)) if there else nothing(),
            outcome(prometheus.query(self._api, promql.UP, at)) if evidence.targets is None else nothing(),
            self._about_missing(missing, evidence, at, notes),
            self._quality.examine(signals, evidence, at, notes),
        )
        aged = notes.rows("newest", newest)
        evidence = rows.aged(found, aged, None if "newest" in notes.unread else self._memory)
        if evidence.targets is None:
            evidence = replace(evidence, targets=rows.targets(notes.rows("targets", up)))
        past, near = known.past or rows.Past(), known.names or {}
        question = promql.detail(
            [(name, job) for name, job in _declared(missing) if name in past.seen][:LISTED],
            short(evidence)[:LISTED],
            sorted({name for names in near.values() for name in names})[:LISTED],
            int(evidence.window),
        )
        detail, evidence = await asyncio.gather(
            outcome(prometheus.query(self._api, question, at)) if question else nothing(),
            self._quality.topics_past(evidence, at, notes),
        )
        if isinstance(detail, FetchError):
            notes.warn(f"details could not be read: {detail.reason}")
        told = detail.rows if isinstance(detail, Vector) else ()
        self._remember(evidence)
        return replace(
            evidence,
            last_seen=rows.last_seen(past, told, self._memory, _names_of(missing), at),
            absent_on=rows.absent_on(told),
            near=rows.near(near, told),
            near_jobs=known.jobs,
            held_since=past.held_since,
            stopped=past.stopped,
        )

    async def _about_missing(
        self, missing: tuple[Signal, ...], evidence: Evidence, at: datetime, notes: Notes
    ) -> _Missing:
        kept, unscraped = self._missing, _unscraped(missing, evidence)
        same = (kept.signals, kept.unscraped) == (missing, unscraped)
        fresh = same and _within(kept.at, at, KEPT) and evidence.restarted is None
        if not missing:
            return _Missing()
        if fresh and kept.past is not None and kept.names is not None:
            return kept
        past, (names, jobs) = await asyncio.gather(
            outcome(self._past(missing, evidence, at, notes)),
            self._names.near(missing, evidence, at, notes),
        )
        if isinstance(past, FetchError):
            notes.unread["past"] = past.reason
        told = past if isinstance(past, rows.Past) else None
        self._missing = _Missing(missing, unscraped, at, told, names, jobs)
        return self._missing

    async def _past(
        self, missing: Sequence[Signal], evidence: Evidence, at: datetime, notes: Notes
    ) -> rows.Past:
        started = evidence.restarted.timestamp() if evidence.restarted else None
        question = promql.past(_declared(missing), int(evidence.window), started)
        answer = await prometheus.query(self._api, question, at)
        return rows.past(notes.rows("past", answer), at, evidence.window)

    def _remember(self, evidence: Evidence) -> None:
        for metric, jobs in evidence.present.items():
            for job, presence in jobs.items():
                if presence.newest is not None:
                    self._memory.setdefault(metric, {})[job] = presence.newest


class _Names:
    """Names like missing ones, looked up in a thread; without them a gap only lacks a hint."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.requests = 0
        self._lookup: object | None = None

    async def near(
        self, missing: Sequence[Signal], evidence: Evidence, at: datetime, notes: Notes
    ) -> tuple[NearNames | None, Mapping[str, tuple[str, ...]]]:
        """Names like each missing metric (None: not known), and jobs like each job without a target."""
        jobs = sorted({*(evidence.targets or ()), *evidence.up, *(evidence.awaited or ())})
        unknown = _unscraped(missing, evidence)
        asked = list(dict.fromkeys((s.metric, s.job) for s in missing if s.job not in unknown))
        like: Mapping[str, tuple[str, ...]] = {}
        try:
            async with asyncio.timeout(self._api.endpoint.timeout):
                like = await in_daemon(self._jobs, unknown, jobs) if unknown else {}
                if not asked:
                    return {}, like
                login = await self._api.authorization()
                self.requests += 1
                return await in_daemon(self._metrics, asked, at, login), like
        except TimeoutError:
            reason = "no answer in time"
        except FetchError as problem:
            reason = problem.reason
        notes.warn(f"names like the missing ones: {reason}")
        return None, like

    # Imported in threads, and once something is missing: `requests` takes a fifth of a second.

    def _jobs(self, unknown: Sequence[str], jobs: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        from controlroom.net.names import near

        return {job: near(job, jobs) for job in unknown[:LISTED]}

    def _metrics(self, asked: Sequence[promql.Declared], at: datetime, login: str | None) -> NearNames:
        from controlroom.net.names import NameLookup, near

        end = self._api.endpoint
        if not isinstance(self._lookup, NameLookup):
            self._lookup = NameLookup(
                self._api.address(""), timeout=end.timeout, ca=end.ca, verify=end.verify
            )
        names = self._lookup.names(asked, at - timedelta(hours=1), at, login)
        return {(metric, job): near(metric, names) for metric, job in asked[:LISTED]}


def _unscraped(missing: Sequence[Signal], evidence: Evidence) -> tuple[str, ...]:
    """Jobs of missing signals that nothing is scraped for."""
    jobs = {*(evidence.targets or ()), *evidence.up}
    return tuple(sorted({s.job for s in missing if s.job is not None and s.job not in jobs}))


def _names_of(signals: Sequence[Signal]) -> list[str]:
    return list(dict.fromkeys(name for signal in signals for name in series_names(signal)))


def _declared(signals: Sequence[Signal]) -> list[promql.Declared]:
    """Every name under which a signal may be found, with its job."""
    return list(dict.fromkeys((name, signal.job) for signal in signals for name in series_names(signal)))


def _lacking(answer: Vector) -> str:
    """Why there may be more than `answer` has: some store was not heard; empty where it has everything."""
    # Remarks on the question itself begin like this.
    return next((warning for warning in answer.warnings if not warning.startswith("PromQL ")), "")


def _window(retention: str) -> float:
    """Seconds of the past worth asking for: what is kept at all, a week at most."""
    kept = promql.seconds(retention.partition(" ")[0])
    return max(min(promql.WINDOW, kept or promql.WINDOW), promql.RECENT)


def _within(earlier: datetime | None, now: datetime, seconds: float) -> bool:
    return earlier is not None and 0 <= (now - earlier).total_seconds() <= seconds
