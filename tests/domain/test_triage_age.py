"""How old a blocker is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controlroom.domain.triage import Blocker, age, sla

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_a_resolved_blocker_ages_no_more() -> None:
    """Its age, and with it the SLA, is that of the moment it was resolved."""
    over = Blocker(
        "b-1",
        "Fog",
        state="resolved",
        opened_at=NOON,
        resolved_at=NOON + timedelta(hours=1),
    )
    assert age(over, NOON + timedelta(days=3)) == 3600
    assert sla(over, NOON + timedelta(days=3)) == "ok"
