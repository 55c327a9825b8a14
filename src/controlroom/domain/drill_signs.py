"""Whether anything the room watches showed a symptom that a person saw.

The rule is plain, so that anybody can check it: a symptom was shown when its words name a service (its id,
name or kind), an alert or a promised metric, and that one showed something wrong during the drill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from controlroom.domain.drill_watch import RANK, Sight
from controlroom.domain.telemetry import UNKNOWN_CODES, GapCode, SignalReading
from controlroom.domain.text import clean, slug

if TYPE_CHECKING:
    from controlroom.domain.snapshot import Snapshot

Sign = Literal["", "yes", "no", "not known"]


class Fired(Protocol):
    """What is asked of an alert."""

    @property
    def name(self) -> str: ...
    @property
    def starts_at(self) -> datetime | None: ...


class Observed(NamedTuple):
    """Something that showed that all was not well."""

    names: tuple[str, ...]
    """What it goes by, as slugs."""
    text: str


def observed(
    snapshot: Snapshot,
    seen: Mapping[str, Sight],
    alarms: Iterable[Fired],
    span: tuple[datetime, datetime],
) -> tuple[Observed, ...]:
    """All that was not well between the ends of `span`: services, alerts, promised metrics."""
    return (
        *_services(seen, span),
        *(
            Observed((slug(one.name),), clean(f"alert {one.name} firing since {_clock(one.starts_at)}", 200))
            for one in alarms
        ),
        *_signals(snapshot.signals, span),
    )


def _services(seen: Mapping[str, Sight], span: tuple[datetime, datetime]) -> Iterator[Observed]:
    for sight in seen.values():
        for change in sight.transitions:
            if span[0] < change.at <= span[1] and RANK.get(change.after, 0) > RANK.get(change.before, 0):
                why = f" ({change.reason})" if change.reason else ""
                said = f"probe {sight.service} {change.after} at {_clock(change.at)}{why}"
                yield Observed(_called(sight), clean(said, 200))
                break


def _called(sight: Sight) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(slug, (sight.service, sight.name, sight.kind)))))


def _signals(readings: Sequence[SignalReading], span: tuple[datetime, datetime]) -> Iterator[Observed]:
    """Metrics that went missing, or came back, in that time."""
    for reading in readings:
        since = reading.since
        if since is None or reading.or_before or not span[0] < since <= span[1]:
            continue
        names = (slug(reading.signal.topic or reading.signal.metric),)
        if reading.code is GapCode.OK:
            yield Observed(names, clean(f"gap in {reading.id} until {_clock(since)}", 200))
        elif reading.code not in UNKNOWN_CODES:
            yield Observed(names, clean(f"gap in {reading.id}: {reading.code} since {_clock(since)}", 200))


def _clock(at: datetime | None) -> str:
    return "?" if at is None else f"{at.astimezone(UTC):%H:%M:%SZ}"


def shown_by(words: str, signs: Iterable[Observed]) -> tuple[str, ...]:
    """What of `signs` bears a name that `words` has."""
    signs = tuple(signs)
    named = _named(words, {name for one in signs for name in one.names})
    return tuple(dict.fromkeys(one.text for one in signs if named & set(one.names)))


def names_of(words: str, snapshot: Snapshot, seen: Mapping[str, Sight]) -> tuple[str, ...]:
    """Ids of the services that `words` name, among all that the room knows of."""
    called = {id_: _called(sight) for id_, sight in seen.items()}
    metrics = {slug(reading.signal.metric) for reading in snapshot.signals if reading.signal.metric}
    named = _named(words, {name for names in called.values() for name in names} | metrics)
    return tuple(id_ for id_, names in called.items() if named & set(names))


def _named(words: str, names: Iterable[str]) -> set[str]:
    """Which of `names` (slugs) are in `words`; a longer one takes its words from a shorter one."""
    rest, found = f"_{slug(words)}_", set()
    for name in sorted(filter(None, names), key=lambda one: (-len(one), one)):
        if f"_{name}_" in rest:
            found.add(name)
            rest = rest.replace(f"_{name}_", "__")
    return found


def unanswered(snapshot: Snapshot) -> tuple[str, ...]:
    """Sources of probes, metrics and alerts that could not be asked: what they would show is not known."""
    return tuple(
        clean(f"{source.title or source.id} could not be asked: {source.error}", 200)
        for source in snapshot.sources
        if source.kind in ("services", "metrics", "alerts") and source.error
    )
