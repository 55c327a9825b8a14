"""The alerting rules that signals name, with the metrics they read, in one request.

What the rules need is looked for together with the signals, in the very question that tells what is there:
of the rules of the look before, as both are asked for at once. Only the first look asks for the rules first,
since a command may have no second one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace

from controlroom.domain.evidence import AlertRule, Dashboard, Evidence
from controlroom.domain.expressions import Reads, one_line, reads, selects
from controlroom.domain.frozen import dataclass
from controlroom.domain.signals import Signal
from controlroom.domain.text import clean
from controlroom.net import prometheus
from controlroom.net.fetch import Api, FetchError
from controlroom.net.notes import Notes, outcome
from controlroom.net.prometheus import LoadedRule

NEEDED = 1_000
"""Metrics of rules that are looked for; a rule that needs one beyond them is not judged by it."""

NAMED = 3
"""Dashboards that cannot be read which are named; the others are a number."""

ReadDashboards = Callable[[], Awaitable[tuple[Dashboard, ...]]]


@dataclass(frozen=True, slots=True)
class Told:
    """What the server says of the rules that were asked for. `partial`: why there may be more of them."""

    rules: Mapping[str, tuple[AlertRule, ...]] = field(default_factory=dict)
    near: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    partial: str = ""


class Oversight:
    """Asks one server for the rules that are promised, and remembers what they need."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._asked = False
        self._first: Told | FetchError | None = None
        self._needed: tuple[str, ...] = ()

    async def needed(self, signals: Iterable[Signal]) -> tuple[str, ...]:
        """Metrics to look for beside those of `signals`, as far as the rules are known."""
        alerts = promised(signals)
        if alerts and not self._asked:
            self._asked = True
            self._first = await outcome(self._ask(alerts))
        return self._needed

    async def rules(self, signals: Iterable[Signal]) -> Told | FetchError | None:
        """The rules that `signals` name, or why they cannot be read; None where they name none."""
        alerts = promised(signals)
        first, self._first = self._first, None
        if not alerts or first is not None:
            return first
        return await outcome(self._ask(alerts))

    async def _ask(self, alerts: Collection[str]) -> Told:
        loaded, warnings = await prometheus.rules(self._api)
        found = told(loaded, alerts, warnings)
        every = (rule for rules in found.rules.values() for rule in rules)
        self._needed = tuple(sorted({m for rule in every for some in rule.needs for m in some})[:NEEDED])
        return found


def promised(signals: Iterable[Signal]) -> frozenset[str]:
    """Names of the rules that must watch `signals`."""
    return frozenset(signal.alert for signal in signals if signal.alert)


def told(loaded: Sequence[LoadedRule], alerts: Collection[str], warnings: Sequence[str] = ()) -> Told:
    """What `loaded` rules say of those called one of `alerts`."""
    recorded: dict[str, list[LoadedRule]] = {}
    found: dict[str, list[AlertRule]] = {}
    for rule in loaded:
        if not rule.alerting:
            recorded.setdefault(rule.name, []).append(rule)
    for rule in loaded:
        if rule.alerting and rule.name in alerts:
            found.setdefault(rule.name, []).append(_judgeable(rule, recorded))
    missing = [name for name in alerts if name not in found]
    return Told(
        {name: tuple(rules) for name, rules in found.items()},
        _near(missing, {rule.name for rule in loaded if rule.alerting}) if missing else {},
        f"not all rules may be known: {warnings[0]}" if warnings else "",
    )


def _judgeable(rule: LoadedRule, recorded: Mapping[str, Sequence[LoadedRule]]) -> AlertRule:
    own = reads(rule.expression) if rule.promql else None
    query = clean(one_line(rule.expression))
    about = AlertRule(rule.name, rule.group, rule.health, rule.error, query, None)
    every = None if own is None else _through(own, recorded)
    if own is None or every is None:
        return about
    needs = sorted(tuple(sorted(some)) for some in own.needs)
    return replace(about, metrics=tuple(sorted(every.metrics)), patterns=every.patterns, needs=tuple(needs))


def _through(own: Reads, recorded: Mapping[str, Sequence[LoadedRule]]) -> Reads | None:
    """What is read by itself, and by the rules that record what is read; None where one cannot be read."""
    metrics, patterns = set[str](), dict.fromkeys(own.patterns)
    todo = [own]
    while todo:
        one = todo.pop()
        patterns |= dict.fromkeys(one.patterns)
        meant = {name for name in recorded if any(selects(pattern, [name]) for pattern in one.patterns)}
        for name in (one.metrics | meant) - metrics:
            metrics.add(name)
            for rule in recorded.get(name, ()):
                source = reads(rule.expression) if rule.promql else None
                if source is None:
                    return None
                todo.append(source)
    return Reads(frozenset(metrics), tuple(patterns))


def _near(missing: Iterable[str], names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Names of rules like those that no rule has."""
    from rapidfuzz import fuzz, process

    found = {}
    for name in missing:
        best = process.extract(name, names, scorer=fuzz.ratio, score_cutoff=75.0, limit=3)
        found[name] = tuple(near for near, _, _ in best if near)
    return {name: near for name, near in found.items() if near}


def watched(
    evidence: Evidence,
    answer: Told | FetchError | None,
    needed: Sequence[str],
    names: Collection[str],
    notes: Notes,
) -> Evidence:
    """`evidence` with the rules. It was asked for `names` and `needed`: only `names` are left in it."""
    if isinstance(answer, FetchError):
        notes.unread["rules"] = answer.reason
        notes.warn(f"alerting rules could not be read: {answer.reason}")
    elif answer is not None and answer.partial:
        notes.unread["rules"] = answer.partial
    known = answer if isinstance(answer, Told) else Told()
    there, whole = evidence.present, "present" not in notes.unread
    return replace(
        evidence,
        rules=known.rules,
        near_rules=known.near,
        heard={metric: metric in there for metric in needed if metric in there or whole},
        present={name: jobs for name, jobs in there.items() if name in names} if needed else there,
    )


async def drawn(read: ReadDashboards, patience: float) -> tuple[Dashboard, ...] | str:
    """The dashboards of the repository, or why they could not be read within `patience` seconds."""
    try:
        async with asyncio.timeout(patience):
            return await read()
    except TimeoutError:
        return f"the dashboards could not be read within {patience:g} s"
    except Exception as problem:  # they must not take the metrics with them
        return f"the dashboards could not be read: {type(problem).__name__}"


def with_dashboards(evidence: Evidence, found: tuple[Dashboard, ...] | str) -> Evidence:
    """`evidence` with the dashboards, and a warning about those that are not what they should be."""
    if isinstance(found, str):
        return replace(evidence, unread={**evidence.unread, "dashboards": found})
    wrong = [board for board in found if board.error]
    warnings = [f"dashboard {board.path}: {board.error}" for board in wrong[:NAMED]]
    if len(wrong) > NAMED:
        warnings.append(f"{len(wrong) - NAMED} more dashboards cannot be read")
    return replace(evidence, dashboards=found, warnings=(*evidence.warnings, *warnings))
