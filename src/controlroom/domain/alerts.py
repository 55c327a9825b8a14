"""Alerts: whose they are, and which of several copies counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from controlroom.domain.telemetry import Alert

OWNER_LABELS = ("squad", "team")
"""Labels that name the squad an alert belongs to, the first one that does."""


class Rule(Protocol):
    """An alert whose label `label` equals `value` belongs to `squad`."""

    @property
    def label(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def squad(self) -> str: ...


def owner(
    labels: Mapping[str, str], rules: Iterable[Rule], squad_of: Callable[[str], str | None]
) -> str | None:
    """Id of the squad an alert with `labels` belongs to; None is the unowned bucket.

    A `squad` or `team` label that names a squad (`squad_of` gives its id for any of its names) counts
    first, then the first rule that matches. A name nobody knows is no owner.
    """
    for label in OWNER_LABELS:
        squad = squad_of(labels[label]) if labels.get(label) else None
        if squad is not None:
            return squad
    matching = (rule for rule in rules if labels.get(rule.label) == rule.value)
    return next((squad for rule in matching if (squad := squad_of(rule.squad)) is not None), None)


def distinct(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """`alerts` with one of each fingerprint: an active copy rather than a silenced one, else the first."""
    kept: dict[str, Alert] = {}
    for alert in alerts:
        before = kept.get(alert.fingerprint)
        if before is None or (before.state != "active" and alert.state == "active"):
            kept[alert.fingerprint] = alert
    return tuple(kept.values())


def grouped(alerts: Sequence[Alert]) -> dict[str | None, tuple[Alert, ...]]:
    """Alerts by squad, active ones first and oldest first within; the unowned bucket (None) last."""
    squads = sorted({alert.squad for alert in alerts if alert.squad is not None})

    def order(alert: Alert) -> tuple[bool, float, str, str]:
        started = alert.starts_at.timestamp() if alert.starts_at else float("inf")
        return alert.state != "active", started, alert.name, alert.fingerprint

    groups: dict[str | None, tuple[Alert, ...]] = {}
    for squad in (*squads, None):
        own = tuple(sorted((alert for alert in alerts if alert.squad == squad), key=order))
        if own:
            groups[squad] = own
    return groups
