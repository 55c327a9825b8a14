"""`/metrics`: the room and its own cost as Prometheus reads them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controlroom.domain.snapshot import Snapshot
    from controlroom.exporting.cost import Cost

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of Prometheus' text format, which every version and every relative of it reads."""

EXTRA = "collect"
"""Name of the optional dependencies that this room needs."""


def page(snapshot: Snapshot | None, now: datetime, cost: Cost) -> tuple[str, bytes]:
    """Content type and body of `/metrics` at `now` (UTC, the collector's clock).

    `snapshot` None: this process does not look at the world, it stands by; then only `cost` is told. Touches
    nothing but its arguments and what the kernel says of this process, so any thread may call it. Raises
    ImportError without the library, see `missing`.
    """
    from controlroom.exporting.series import text

    return CONTENT_TYPE, text(snapshot, now, cost)


def missing() -> str:
    """What is missing for `page` and the line that installs it; empty where all is there."""
    try:
        import prometheus_client  # noqa: F401
    except ImportError as error:
        return f"{error.name} is missing: pip install 'controlroom[{EXTRA}]'"
    return ""
