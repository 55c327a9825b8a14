"""What is known of the alerts all together: families, who silenced what, and which Alertmanager is blind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from controlroom.domain.alerts import Family, apart, families, rank
from controlroom.domain.silences import Silence, expiring, shown, silence_of, state_at
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert
from controlroom.tui import present
from controlroom.tui.lines import join, text
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import Line, Span, Style, Subject, View

SOON = "soon"
"""Id of the subject that stands for all silences that end soon."""


class Counts(NamedTuple):
    """How many alerts of Alertmanagers that answer fire, and how many are silenced."""

    firing: int
    silenced: int


@by_identity(keep=2)
def all_families(alerts: tuple[Alert, ...]) -> tuple[Family, ...]:
    """Alerts by squad and name, what is worst first."""
    return families(alerts)


def family_id(family: Family) -> str:
    """What a family goes by as a subject."""
    return _id(family.squad, family.name)


def _id(squad: str | None, name: str) -> str:
    return f"{squad or ''}|{name}"


@by_identity(keep=2)
def by_fingerprint(alerts: tuple[Alert, ...]) -> Mapping[str, Alert]:
    """Fingerprint → the alert."""
    return {alert.fingerprint: alert for alert in alerts}


@by_identity(keep=2)
def _by_id(alerts: tuple[Alert, ...]) -> Mapping[str, Family]:
    return {family_id(family): family for family in all_families(alerts)}


def family_of(snapshot: Snapshot, subject: Subject) -> Family | None:
    """The family that `subject`, an alert or a family, belongs to or is."""
    if subject.kind == "family":
        return _by_id(snapshot.alerts).get(subject.id)
    alert = by_fingerprint(snapshot.alerts).get(subject.id)
    return None if alert is None else _by_id(snapshot.alerts).get(_id(alert.squad, alert.name))


def alerts_of(snapshot: Snapshot, subject: Subject) -> tuple[Alert, ...]:
    """The alerts that `subject`, an alert or a family, stands for; none where it is gone."""
    if subject.kind == "alert":
        alert = by_fingerprint(snapshot.alerts).get(subject.id)
        return () if alert is None else (alert,)
    found = family_of(snapshot, subject) if subject.kind == "family" else None
    return found.alerts if found is not None else ()


@by_identity(keep=2)
def _ours(sources: tuple[SourceStatus, ...]) -> tuple[SourceStatus, ...]:
    return tuple(source for source in sources if source.kind == "alerts")


def alertmanagers(snapshot: Snapshot) -> tuple[SourceStatus, ...]:
    """Every Alertmanager, as it is doing."""
    return _ours(snapshot.sources)


def server_of(source: SourceStatus) -> str:
    """The id by which alerts and silences name their Alertmanager."""
    return source.id.partition(":")[2]


def blind(snapshot: Snapshot) -> tuple[SourceStatus, ...]:
    """The Alertmanagers that do not answer, or have not yet: whatever they know now is unknown."""
    return tuple(s for s in alertmanagers(snapshot) if s.error is not None or s.read_at is None)


def as_of(snapshot: Snapshot) -> Mapping[str, datetime | None]:
    """The Alertmanagers whose alerts are only known as of an earlier instant, by id, with that instant."""
    return {server_of(source): source.as_of or source.read_at for source in blind(snapshot)}


@by_identity(keep=2)
def _counted(alerts: tuple[Alert, ...]) -> Mapping[str, Counts]:
    firing = Counter(alert.server for alert in alerts if alert.state != "suppressed")
    every = Counter(alert.server for alert in alerts)
    return {server: Counts(firing[server], every[server] - firing[server]) for server in every}


@by_identity(keep=2)
def _of(alerts: tuple[Alert, ...], squad: str | None) -> tuple[Alert, ...]:
    return alerts if squad is None else tuple(alert for alert in alerts if alert.squad == squad)


def counts(snapshot: Snapshot, squad: str | None = None) -> Counts:
    """Alerts of the Alertmanagers that answer, of `squad` where one is given; the others' are not known."""
    gone = as_of(snapshot)
    counted = _counted(_of(snapshot.alerts, squad))
    known = [each for server, each in counted.items() if server not in gone]
    return Counts(sum(each.firing for each in known), sum(each.silenced for each in known))


def severity_style(alert: Alert) -> Style:
    """What the severity of an alert means on screen; silenced alerts are quiet."""
    return "dim" if alert.state == "suppressed" else style_of(alert.severity)


def style_of(severity: str) -> Style:
    """What a severity means on screen."""
    bad = rank(severity)
    return "down" if bad <= 1 else "warn" if bad <= rank("") else "info"


def glyph_of(style: Style) -> str:
    """The sign of a severity, so that its colour is never alone."""
    return {"down": "✖", "warn": "▲", "dim": "◌", "unknown": "?"}.get(style, "·")


def silence_name(silence: Silence, view: View) -> str:
    """What a silence is called in a few words: the alert it is for, else its first condition."""
    named = next((m.value for m in silence.matchers if m.name == "alertname" and m.equal), "")
    return present.hosts(named or next(map(shown, silence.matchers), silence.id), view)


def muted(alerts: Sequence[Alert], snapshot: Snapshot, now: datetime, view: View) -> Line:
    """``silenced until 14:00 by Ada: why``, of alerts that are all suppressed."""
    if not any(alert.silenced_by for alert in alerts):
        return (Span("inhibited by another alert", "dim"),)
    lasting = [found[0] for alert in alerts if (found := silence_of(alert, snapshot.silences))]
    ending = [one for one in lasting if one.ends_at is not None]
    if not ending:
        return (Span("silenced", "dim"),)
    first = min(ending, key=lambda one: one.ends_at or now)
    return (Span(f"silenced {silence_words(first, snapshot, now, view)}", "dim"),)


def standing(silence: Silence, now: datetime) -> str:
    """``over`` or ``not begun yet``; empty where it silences.

    A second's difference between two clocks is no reason to doubt what Alertmanager says of its beginning.
    """
    if state_at(silence, now) == "expired":
        return "over"
    return "not begun yet" if silence.state == "pending" == state_at(silence, now) else ""


def ending(silences: Iterable[Silence], now: datetime) -> tuple[Silence, ...]:
    """Silences that end within the hour, soonest first.

    That one has begun is Alertmanager's to say: its clock may be ahead, and `now` may be a whole minute.
    """
    known = {one.id: one for one in silences}
    begun = (replace(one, starts_at=None) if one.state == "active" else one for one in known.values())
    return tuple(known[one.id] for one in expiring(begun, now))


def silence_words(silence: Silence, snapshot: Snapshot, now: datetime, view: View) -> str:
    """``until 14:00 by Ada: why``."""
    until = present.moment(silence.ends_at, now, snapshot.program.zone)
    by = present.person(silence.by, view)
    why = present.hosts(silence.comment, view)
    return f"until {until}" + (f" by {by}" if by else "") + (f": {why}" if why else "")


def telling(family: Family) -> tuple[str, ...]:
    """The labels in which the alerts of a family differ; the instance first, by which people know them.

    The severity is told of each alert anyway.
    """
    differ = [name for name in apart(family) if name != "severity"]
    return tuple(sorted(differ, key=lambda name: (name != "instance", name)))


def told_apart(alert: Alert, labels: Iterable[str], view: View) -> Line:
    """What tells an alert from the others of its family: the instance by its value, other labels by name."""
    parts = []
    for name in labels:
        value = present.hosts(alert.labels.get(name, ""), view)
        if value:
            parts.append(text(Span("" if name == "instance" else f"{name} ", "dim"), Span(value)))
    return join(parts)
