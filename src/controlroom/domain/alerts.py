"""Alerts: whose they are, which of several copies counts, which belong together, and whether any arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from controlroom.domain.frozen import dataclass
from controlroom.domain.re2 import Pattern
from controlroom.domain.telemetry import Alert

if TYPE_CHECKING:
    from controlroom.domain.snapshot import Snapshot

OWNER_LABELS = ("squad", "team")
"""Labels that name the squad an alert belongs to, the first one that does."""

TELLING = (
    *OWNER_LABELS,
    *("service", "app", "application", "component", "job", "namespace", "deployment", "container"),
    *("alertname", "cluster", "instance", "pod"),
)
"""Labels that say whose an alert may be, the most telling first."""

NOT_TELLING = frozenset({"severity", "alertstate", "prometheus", "replica", "monitor", "env", "environment"})
"""Labels that say nothing about whose an alert is: of everybody's alerts many have them."""

_SEVERITIES = {"critical": 0, "page": 0, "error": 1, "high": 1, "warning": 2, "warn": 2, "info": 4, "none": 5}
_UNRANKED = 3


@dataclass(frozen=True, slots=True)
class Watchdog:
    """A dead-man's switch: it fires for as long as alerts arrive; without it no silence means anything."""

    server: str
    name: str
    firing: bool
    since: datetime | None = None
    """When the firing alert began; None while there is none."""
    seen_at: datetime | None = None
    """When it was last seen firing; None: never, by this room."""
    silenced: bool = False
    """It fires, and a silence or an inhibition keeps it from whoever waits for it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the firing alert: a silence that matches them would quiet the switch itself."""


@dataclass(frozen=True, slots=True)
class Family:
    """Alerts of one name that belong to one squad."""

    name: str
    squad: str | None
    """None is the unowned bucket."""
    severity: str
    """The worst among them, of the active ones where there are any."""
    alerts: tuple[Alert, ...]
    """Each once, active ones first, oldest first within."""
    active: int
    silenced: int
    """How many are suppressed: by a silence, or inhibited by another alert."""
    since: datetime | None
    """When the oldest began, of the active ones where there are any."""


class Rule(Protocol):
    """An alert whose label `label` equals `value`, or wholly matches `match`, belongs to `squad`."""

    @property
    def label(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def squad(self) -> str: ...
    @property
    def match(self) -> str | None: ...


def owned(
    labels: Mapping[str, str], rules: Iterable[Rule], squad_of: Callable[[str], str | None]
) -> tuple[str | None, str]:
    """The squad an alert with `labels` belongs to, or None for the unowned bucket; and what says so in words.

    A `squad` or `team` label that names a squad (`squad_of` gives its id for any of its names) counts
    first, then the first rule that matches. A name nobody knows is no owner.
    """
    for label in OWNER_LABELS:
        squad = squad_of(labels[label]) if labels.get(label) else None
        if squad is not None:
            return squad, f"its label {label} = {labels[label]}"
    for rule in rules:
        squad = squad_of(rule.squad) if holds(rule, labels) else None
        if squad is not None:
            how = f"= {rule.value}" if rule.match is None else f"matches {rule.match}"
            return squad, f"the rule {rule.label} {how}"
    return None, ""


def holds(rule: Rule, labels: Mapping[str, str]) -> bool:
    """Whether `rule` says whose an alert with `labels` is."""
    value = labels.get(rule.label)
    if value is None:
        return False
    if rule.match is None:
        return value == rule.value
    pattern = _pattern(rule.match)
    return pattern is not None and pattern.fits(value)


@lru_cache(maxsize=256)
def _pattern(text: str) -> Pattern | None:
    """A rule's expression; None where it is none, which the configuration's check says."""
    try:
        return Pattern(text)
    except ValueError:
        return None


def distinct(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """`alerts` with one of each fingerprint: an active copy rather than a silenced one, else the first.

    Whose it is tells the first copy with an owner: each Alertmanager has rules of its own.
    """
    kept: dict[str, Alert] = {}
    for alert in alerts:
        before = kept.get(alert.fingerprint)
        if before is None:
            kept[alert.fingerprint] = alert
            continue
        one, other = (alert, before) if before.state != "active" == alert.state else (before, alert)
        if one.squad is None and other.squad is not None:
            one = replace(one, squad=other.squad, because=other.because)
        kept[alert.fingerprint] = one
    return tuple(kept.values())


def grouped(alerts: Sequence[Alert]) -> dict[str | None, tuple[Alert, ...]]:
    """Alerts by squad, active ones first and oldest first within; the unowned bucket (None) last."""
    squads = sorted({alert.squad for alert in alerts if alert.squad is not None})
    groups: dict[str | None, tuple[Alert, ...]] = {}
    for squad in (*squads, None):
        own = tuple(sorted((alert for alert in alerts if alert.squad == squad), key=_order))
        if own:
            groups[squad] = own
    return groups


def families(alerts: Iterable[Alert]) -> tuple[Family, ...]:
    """`alerts` by squad and name: what fires first, then the worst, then the oldest; copies count once."""
    by_name: dict[tuple[str | None, str], list[Alert]] = {}
    for alert in distinct(alerts):
        by_name.setdefault((alert.squad, alert.name), []).append(alert)
    return tuple(sorted((_family(*key, found) for key, found in by_name.items()), key=_family_order))


def apart(family: Family) -> tuple[str, ...]:
    """Labels that tell the alerts of `family` from each other, the most telling first."""
    labels = {name for alert in family.alerts for name in alert.labels}
    differing = (name for name in labels if len({alert.labels.get(name) for alert in family.alerts}) > 1)
    return tuple(sorted(differing, key=_telling))


def rank(severity: str) -> int:
    """How bad a severity is, 0 the worst; one that nobody knows stands between a warning and a remark."""
    return _SEVERITIES.get(severity.casefold(), _UNRANKED)


def watchdog_trouble(snapshot: Snapshot) -> tuple[tuple[Watchdog, str], ...]:
    """Dead-man's switches that do not fire, each with the reason for an alarm in plain words.

    Only an Alertmanager that answers says so: while it cannot be asked its switch is unknown.
    """
    answering = {s.id for s in snapshot.sources if s.kind == "alerts" and s.error is None and s.read_at}
    if snapshot.restored:
        return ()
    return tuple(
        (dog, f"{dog.name} of {dog.server} does not fire: alerts may not arrive")
        for dog in snapshot.watchdogs
        if not dog.firing and f"alerts:{dog.server}" in answering
    )


def owner_rule_choices(alert: Alert) -> tuple[tuple[str, str], ...]:
    """Labels of `alert`, with their values, that a rule could know its squad by; the most telling first."""
    labels = (name for name, value in alert.labels.items() if value and name not in NOT_TELLING)
    return tuple((name, alert.labels[name]) for name in sorted(labels, key=_telling))


def _telling(label: str) -> tuple[int, str]:
    return (TELLING.index(label) if label in TELLING else len(TELLING)), label


def _order(alert: Alert) -> tuple[bool, float, str, str]:
    return alert.state == "suppressed", _began(alert.starts_at), alert.name, alert.fingerprint


def _family(squad: str | None, name: str, found: Sequence[Alert]) -> Family:
    alerts = tuple(sorted(found, key=_order))
    silenced = sum(1 for alert in alerts if alert.state == "suppressed")
    telling = alerts[: len(alerts) - silenced] or alerts
    return Family(
        name=name,
        squad=squad,
        severity=min((alert.severity for alert in telling), key=rank),
        alerts=alerts,
        active=len(alerts) - silenced,
        silenced=silenced,
        since=min((alert.starts_at for alert in telling), key=_began),
    )


def _family_order(family: Family) -> tuple[bool, int, float, str, str]:
    return not family.active, rank(family.severity), _began(family.since), family.squad or "", family.name


def _began(instant: datetime | None) -> float:
    return instant.timestamp() if instant else float("inf")
