"""Signals drafted for squads from what they wrote and what Prometheus has: proposals, never promises.

Whose a metric is, is only said where somebody or something says it: a charter or another of the squad's
documents names it, its series carry the label `squad` or `team`, its job is called as the squad or as one of
its services is. Everything else is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Literal

from controlroom.domain.board import Squad
from controlroom.domain.frozen import dataclass
from controlroom.domain.program import Program
from controlroom.domain.services import Service
from controlroom.domain.survey import LIVELY, Exported, MetricType, Survey
from controlroom.domain.text import slug

JOBS = 4
"""Jobs of one metric that are proposed one by one; in more of them it is proposed for any."""


@dataclass(frozen=True, slots=True)
class Named:
    """A metric that a squad's document names."""

    metric: str
    path: str
    """The document."""
    type: MetricType | None = None
    labels: tuple[str, ...] = ()


State = Literal["there", "fleeting", "never", "unasked"]
"""Whether Prometheus has it: it does; only for moments or longer ago; never; nobody could be asked."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One signal that a squad may want to promise."""

    squad: str | None
    """Id; None is nobody's."""
    metric: str
    job: str | None = None
    type: MetricType | None = None
    labels: tuple[str, ...] = ()
    server: str | None = None
    """Id of the Prometheus that has it, where it is not the first."""
    source: Literal["prometheus", "charter"] = "prometheus"
    state: State = "there"
    why: str = ""
    """Why it is this squad's."""
    over: float = 0.0
    """Seconds of the past that were there to be looked at."""
    presence: float | None = None
    """Per cent of the time looked at; None: not known."""
    flaky: bool = False
    new: bool = False
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    lively: float | None = None
    near: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def expect_activity(self) -> bool:
        """A counter that grew in nearly every half hour of the last day."""
        return self.lively is not None and self.lively >= LIVELY and not self.flaky


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that is proposed."""

    squads: tuple[Squad, ...]
    """Those that were asked about, in order."""
    proposals: tuple[Proposal, ...]
    noise: Mapping[str, int] = field(default_factory=dict)
    """Beginning of names that are left aside → how many."""
    recorded: int = 0
    notes: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    """Id of a Prometheus → why it could not be asked."""
    days: int = 7

    def by_squad(self) -> Mapping[str | None, tuple[Proposal, ...]]:
        """What is proposed by squad, in order; under None what is nobody's."""
        found: dict[str | None, list[Proposal]] = {squad.id: [] for squad in self.squads}
        for one in self.proposals:
            found.setdefault(one.squad, []).append(one)
        return {squad: tuple(proposals) for squad, proposals in found.items()}


def draft(
    program: Program,
    services: Sequence[Service],
    named: Mapping[str | None, Sequence[Named]],
    surveys: Sequence[Survey],
    *,
    wanted: Sequence[Squad],
    first: str | None,
    days: int,
) -> Draft:
    """What may be promised beside what is.

    `named` is squad id → what its documents name (None: named, but nothing says by whom); `surveys` what each
    Prometheus held, `first` the id of the one that a signal without `server` means. Only squads of `wanted`
    are drafted for; what is nobody's is told where all of them are.
    """
    told = [_Searched(survey) for survey in surveys if not survey.error]
    everyone = len(wanted) == len(program.squads)
    ids = {squad.id for squad in wanted}
    taken = _declared(program.squads)
    proposals = [
        one
        for squad in wanted
        for what in named.get(squad.id, ())
        for one in _of_document(squad, what, told, first)
        if not taken.has(one.metric, one.job)
    ]
    claimed = {what.metric for squad, said in named.items() if squad is not None for what in said}
    mentioned = {what.metric: what for what in named.get(None, ()) if what.metric not in claimed}
    seen: set[tuple[str, str | None, str | None]] = set()
    for searched in told:
        survey = searched.survey
        for exported in survey.exported:
            key = (exported.metric, exported.job, exported.owner)
            if exported.metric in claimed or key in seen or taken.has(exported.metric, exported.job):
                continue
            seen.add(key)
            owner, why = _owner(exported, program, services)
            if owner is None and exported.metric in mentioned:
                why = f"named in {mentioned[exported.metric].path}"
            if owner in ids or (owner is None and everyone):
                proposals.append(replace(_proposal(exported, survey, first), squad=owner, why=why))
    there = {metric for metric, _, _ in seen}
    for what in mentioned.values() if everyone else ():
        if what.metric not in there and not taken.has(what.metric, None):
            proposals += _of_document(None, what, told, first)
    return Draft(
        tuple(wanted),
        tuple(proposals),
        _summed(one.survey.noise for one in told),
        sum(one.survey.recorded for one in told),
        tuple(note for one in told for note in one.survey.notes),
        {survey.server: survey.error for survey in surveys if survey.error},
        days,
    )


@dataclass(frozen=True, slots=True)
class _Declared:
    """What is promised already, by whomever."""

    anywhere: frozenset[str]
    """For any job."""
    within: frozenset[tuple[str, str]]
    names: frozenset[str]

    def has(self, metric: str, job: str | None) -> bool:
        """Whether a signal of the metric is promised for the job; None: for any job at all."""
        names = _spellings(metric)
        if any(name in self.anywhere for name in names):
            return True
        if job is None:
            return not self.names.isdisjoint(names)
        return any((name, job) in self.within for name in names)


def _declared(squads: Iterable[Squad]) -> _Declared:
    signals = [signal for squad in squads for signal in squad.signals]
    return _Declared(
        frozenset(signal.metric for signal in signals if signal.job is None),
        frozenset((signal.metric, signal.job) for signal in signals if signal.job is not None),
        frozenset(signal.metric for signal in signals),
    )


def _spellings(metric: str) -> tuple[str, ...]:
    """A histogram may be promised by its own name or by that of one of its series."""
    return metric, f"{metric}_count", f"{metric}_sum", f"{metric}_bucket"


class _Searched:
    """A survey in which metrics are looked up."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.by_metric: dict[str, list[Exported]] = {}
        for exported in survey.exported:
            self.by_metric.setdefault(exported.metric, []).append(exported)


# -- what documents name ----------------------------------------------------------------------------


def _of_document(
    squad: Squad | None, what: Named, surveys: Sequence[_Searched], first: str | None
) -> Iterator[Proposal]:
    """A proposal for every job that has the metric, or one that says why there is none."""
    plain = Proposal(
        squad.id if squad else None,
        what.metric,
        type=what.type,
        labels=what.labels,
        source="charter",
        why=f"named in {what.path}",
    )
    for survey in surveys:
        found = survey.by_metric.get(what.metric, ())
        mine = [one for one in found if one.owner is None or _is(squad, one.owner)] or found
        if len({one.job for one in mine}) > JOBS:
            yield replace(
                plain,
                server=_server(survey.survey, first),
                remarks=(f"{len({one.job for one in mine})} jobs have it: name one",),
            )
            return
        if mine:
            yield from (_agreed(plain, _proposal(one, survey.survey, first)) for one in mine)
            return
    over = max((survey.survey.over for survey in surveys), default=0.0)
    if any(what.metric in survey.survey.unread for survey in surveys):
        yield replace(plain, remarks=("there, but for how long could not be asked",))
    elif any(what.metric in survey.survey.fleeting for survey in surveys):
        yield replace(plain, state="fleeting", over=over)
    elif surveys:
        near = dict.fromkeys(name for survey in surveys for name in survey.survey.near.get(what.metric, ()))
        yield replace(plain, state="never", near=tuple(near), over=over)
    else:
        yield replace(plain, state="unasked")


def _is(squad: Squad | None, name: str) -> bool:
    return squad is not None and slug(name) in map(slug, (squad.id, squad.name, *squad.aliases))


def _agreed(said: Proposal, found: Proposal) -> Proposal:
    """What is there, as far as the document does not say more."""
    remarks = []
    if said.type and found.type and said.type != found.type:
        remarks.append(f"the document says {said.type}")
    elif said.type == "histogram" and found.type is None:
        remarks.append("that it is a histogram cannot be seen")
    missing = [label for label in said.labels if label not in found.labels]
    if missing and not found.flaky:  # what is not there now has no labels to look at
        remarks.append(f"not every series has {', '.join(missing)}, or every target adds it")
    return replace(
        found,
        squad=said.squad,
        source="charter",
        why=said.why,
        type=found.type or said.type,
        labels=said.labels or found.labels,
        remarks=tuple(remarks),
    )


# -- what is scraped --------------------------------------------------------------------------------


def _proposal(exported: Exported, survey: Survey, first: str | None) -> Proposal:
    return Proposal(
        None,
        exported.metric,
        exported.job,
        exported.type,
        exported.labels,
        _server(survey, first),
        over=survey.over,
        presence=exported.presence,
        flaky=exported.flaky,
        new=exported.new,
        first_seen=exported.first_seen,
        last_seen=exported.last_seen,
        lively=exported.lively,
    )


def _server(survey: Survey, first: str | None) -> str | None:
    return None if survey.server == first else survey.server


def _owner(exported: Exported, program: Program, services: Sequence[Service]) -> tuple[str | None, str]:
    """Id of the squad a metric is by its label or its job, and what says so."""
    if exported.owner is not None:
        squad = program.squad(exported.owner)
        return (squad.id, f"its series say {exported.owner}") if squad is not None else (None, "")
    if exported.job is None:
        return None, ""
    squad = program.squad(exported.job)
    if squad is not None:
        return squad.id, f"job {exported.job} is called as the squad is"
    called = slug(exported.job)
    running = [service for service in services if called in (slug(service.id), slug(service.name))]
    owners = {owner for service in running if (owner := _runs(service, program)) is not None}
    if len(owners) == 1:
        return owners.pop(), f"job {exported.job} is called as its service is"
    return None, ""


def _runs(service: Service, program: Program) -> str | None:
    """The one squad a service is of: its owner, else the only one that is affected by it."""
    name = service.owner or (service.squads[0] if len(service.squads) == 1 else None)
    squad = program.squad(name) if name else None
    return squad.id if squad is not None else None


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    summed: dict[str, int] = {}
    for count in counts:
        for name, number in count.items():
            summed[name] = summed.get(name, 0) + number
    return summed
