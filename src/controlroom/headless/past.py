"""`controlroom snapshot --past`: the room as it was seen at a moment that was kept, and said to be past."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlroom.domain.instants import duration, maybe, render
from controlroom.domain.past import Moment
from controlroom.domain.zones import both
from controlroom.headless import snapshot


def as_json(moment: Moment, now: datetime, viewer_zone: str, generator: str) -> dict[str, Any]:
    """The document of `snapshot --json` at that moment; ``past`` says what was kept around it."""
    document = snapshot.as_json(moment.snapshot, moment.at, viewer_zone, generator)
    kept = {"at": render(moment.at), "before": maybe(moment.before), "after": maybe(moment.after)}
    return {**document, "past": {**kept, "age_s": int((now - moment.at).total_seconds())}}


def as_plain(moment: Moment, now: datetime, viewer_zone: str) -> str:
    """The text of `snapshot --plain` at that moment, after a line that says that it is past."""
    ago = duration((now - moment.at).total_seconds())
    when = both(moment.at, moment.snapshot.program.zone, viewer_zone, dated=True)
    body = snapshot.as_plain(moment.snapshot, moment.at, viewer_zone)
    return f"PAST: as it was seen {ago} ago, {when}\n{body}"
