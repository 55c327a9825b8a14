"""Silences in words and as JSON: those there are, one somebody wants to set, one that is to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from controlroom.domain.alerts import Watchdog
from controlroom.domain.instants import duration, maybe, render
from controlroom.domain.silences import Matcher, Silence, SilenceDraft, expiring, once, shown, state_at
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import Alert
from controlroom.headless import alerts


def entry(silence: Silence, held: Sequence[Alert]) -> dict[str, Any]:
    """One silence with the ids of the alerts that it silences now."""
    return {
        "id": silence.id,
        "server": silence.server,
        "state": silence.state,
        "matchers": [matcher_entry(matcher) for matcher in silence.matchers],
        "starts_at": maybe(silence.starts_at),
        "ends_at": maybe(silence.ends_at),
        "by": silence.by,
        "comment": silence.comment,
        "alerts": [alert.fingerprint for alert in held],
    }


def matcher_entry(matcher: Matcher) -> dict[str, Any]:
    """One condition, its parts and how amtool writes it."""
    return {
        "name": matcher.name,
        "value": matcher.value,
        "regex": matcher.regex,
        "equal": matcher.equal,
        "text": shown(matcher),
    }


def entries(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Every silence of `snapshot`, each once."""
    return [entry(silence, _held(silence, snapshot)) for silence in once(snapshot.silences)]


def lines(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    """A line per silence that has not ended: those that end soon first, said to, then the others."""
    soon = expiring(snapshot.silences, now)
    others = [one for one in once(snapshot.silences) if one not in soon and state_at(one, now) != "expired"]
    for silence in soon:
        yield f"{line(silence, _held(silence, snapshot), now)} · ends soon"
    for silence in others:
        yield line(silence, _held(silence, snapshot), now)


def line(silence: Silence, held: Sequence[Alert], now: datetime, *, ended: bool = False) -> str:
    """``ends in 12m · alertname="Flood" · Ada: the pump is new · 2 alerts · 4f0c…``."""
    when = "without an end"
    if ended:
        when = "ended"
    elif state_at(silence, now) == "pending" and silence.starts_at is not None:
        when = f"begins in {duration((silence.starts_at - now).total_seconds())}"
    elif silence.ends_at is not None:
        when = f"ends in {duration((silence.ends_at - now).total_seconds())}"
    who = ": ".join(part for part in (silence.by, silence.comment) if part)
    parts = (when, written(silence.matchers), who, _count(held), f"{silence.server} {silence.id}".strip())
    return " · ".join(part for part in parts if part)


def written(matchers: Sequence[Matcher]) -> str:
    """All conditions in one line, as amtool takes them."""
    return " ".join(shown(matcher) for matcher in matchers)


def draft_as_json(
    draft: SilenceDraft, found: Sequence[Alert], server: str, id_: str | None, quieted: Sequence[Watchdog]
) -> dict[str, Any]:
    """What `alerts silence --json` prints; `id` is null where nothing was set."""
    return {
        "set": id_ is not None,
        "id": id_,
        "server": server,
        "matchers": [matcher_entry(matcher) for matcher in draft.matchers],
        "starts_at": maybe(draft.starts_at),
        "ends_at": maybe(draft.ends_at),
        "by": draft.by,
        "comment": draft.comment,
        "matches": [alerts.entry(alert) for alert in found],
        "watchdogs": [dog.name for dog in quieted],
    }


def draft_as_text(draft: SilenceDraft, found: Sequence[Alert], now: datetime) -> str:
    """What the silence would do, and a line per alert that it would match."""
    said = [f"would silence {reach(draft, found)}"]
    return "\n".join([*said, *_alert_lines(found, now)]) + "\n"


def reach(draft: SilenceDraft, found: Sequence[Alert]) -> str:
    """``2 alerts until 2031-05-06T10:00:00Z: alertname="Flood"``."""
    return f"{_count(found)} until {render(draft.ends_at)}: {written(draft.matchers)}"


def ending_as_text(silence: Silence, held: Sequence[Alert], now: datetime, *, ended: bool) -> str:
    """The silence that ends or has ended, and the alerts that notify again."""
    head = line(silence, held, now, ended=ended) if ended else f"would end: {line(silence, held, now)}"
    return "\n".join([head, *_alert_lines(held, now)]) + "\n"


def _alert_lines(found: Sequence[Alert], now: datetime) -> Iterator[str]:
    for alert in found:
        yield f"  {alert.squad or 'unowned'}: {alerts.line(alert, now)}"


def _held(silence: Silence, snapshot: Snapshot) -> tuple[Alert, ...]:
    return tuple(alert for alert in snapshot.alerts if silence.id in alert.silenced_by)


def _count(found: Sequence[Alert]) -> str:
    return f"{len(found) or 'no'} alert{'' if len(found) == 1 else 's'}"
