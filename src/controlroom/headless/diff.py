"""`controlroom diff`: since the last standup, or between two status documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlroom.domain.diff import diff, now_known
from controlroom.domain.frozen import dataclass
from controlroom.domain.snapshot import Change


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two documents compared, and what to call it."""

    name: str
    document: Mapping[str, Any]


def as_json(before: Side | None, after: Side, why: str) -> dict[str, Any]:
    """The document of `diff --json`; `before` None when there is nothing yet to compare with."""
    changes = diff(before.document, after.document) if before else ()
    known = now_known(before.document, after.document) if before else ()
    return {
        "from": before.name if before else None,
        "to": after.name,
        "from_as_of": before.document.get("as_of") if before else None,
        "to_as_of": after.document.get("as_of"),
        "why": why,
        "changes": [_entry(change) for change in changes],
        "now_known": [_entry(change) for change in known],
    }


def _entry(change: Change) -> dict[str, Any]:
    return {
        "category": change.category,
        "id": change.id,
        "text": change.text,
        "from": change.before,
        "to": change.after,
    }


def as_text(before: Side | None, after: Side, why: str) -> str:
    """A line per change, worst news first; what was unknown before stands apart."""
    if before is None:
        return f"nothing to compare with: {why}\n"
    lines = [f"from {before.name} to {after.name}: {why}"]
    changes = diff(before.document, after.document)
    lines += [f"  {change.text}" for change in changes] or ["  nothing changed"]
    known = now_known(before.document, after.document)
    if known:
        lines += ["now known", *(f"  {change.text}" for change in known)]
    return "\n".join(lines) + "\n"
