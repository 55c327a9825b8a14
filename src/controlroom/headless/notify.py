"""`controlroom notify`: the channels, what waits to be told, what was told in the last day, what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from controlroom.config.values import Channel
from controlroom.domain.instants import duration, maybe, render
from controlroom.domain.notice import State, Told
from controlroom.headless.problems import ATTENTION, FINE

_WORDS: dict[State, str] = {
    "waiting": "waits",
    "sent": "sent",
    "elsewhere": "told by another room",
    "counted": "counted",
    "not_told": "not told",
    "given_up": "given up",
}


def as_json(channels: Sequence[Channel], kept: Iterable[Told], trouble: str) -> dict[str, Any]:
    """The document of `notify --json`: ``channels``, ``notices`` by what became of them, ``trouble``."""
    kept = tuple(kept)
    return {
        "channels": [
            {
                "id": one.id,
                "kind": one.kind,
                "events": list(one.events),
                "squads": list(one.squads),
                "webhook": one.webhook is not None,
            }
            for one in channels
        ],
        "waiting": [_entry(one) for one in kept if one.state == "waiting"],
        "sent": [_entry(one) for one in kept if one.state in ("sent", "elsewhere")],
        "not_told": [_entry(one) for one in kept if one.state in ("counted", "not_told")],
        "given_up": [_entry(one) for one in kept if one.state == "given_up"],
        "trouble": trouble or None,
    }


def _entry(told: Told) -> dict[str, Any]:
    notice = told.notice
    return {
        "id": notice.id,
        "channel": told.channel,
        "kind": notice.kind,
        "severity": notice.severity,
        "title": notice.title,
        "at": render(notice.at),
        "state": told.state,
        "why": told.why or None,
        "attempts": told.attempts,
        "next_attempt": maybe(told.due),
        "ended_at": maybe(told.ended_at),
    }


def as_text(channels: Sequence[Channel], kept: Iterable[Told], trouble: str, now: datetime) -> str:
    """A line per channel and a line per notice, what waits first."""
    lines = []
    for one in channels:
        events = ", ".join(one.events) or "everything"
        squads = f" of {', '.join(one.squads)}" if one.squads else ""
        nowhere = "" if one.webhook is not None else ": nothing is sent, it has no webhook"
        lines.append(f"channel {one.id} ({one.kind}): {events}{squads}{nowhere}")
    if not channels:
        lines.append("nobody is told anything: add [[notify]] to the configuration")
    kept = tuple(kept)
    for told in kept:
        why = f": {told.why}" if told.why else ""
        tried = f", tried {told.attempts}x" if told.attempts else ""
        due = ""
        if told.state == "waiting" and told.due is not None and told.due > now:
            due = f", next attempt in {duration((told.due - now).total_seconds())}"
        title = f"{render(told.notice.at)} {told.channel} {told.notice.title}"
        lines.append(f"{_WORDS[told.state]:<8} {title}{why}{tried}{due}")
    if channels and not kept:
        lines.append("nothing waits, and nothing was told in the last day")
    lines += [f"trouble  {trouble}"] if trouble else []
    return "\n".join(lines) + "\n"


def exit_code(kept: Iterable[Told], trouble: str) -> int:
    """1 when something was given up, or cannot be read."""
    return ATTENTION if trouble or any(told.state == "given_up" for told in kept) else FINE
