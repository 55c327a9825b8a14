"""Whose an alert is, and which of several copies counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from controlroom.config.values import LabelRule
from controlroom.domain.alerts import distinct, grouped, owner
from controlroom.domain.board import Squad
from controlroom.domain.program import Program
from controlroom.domain.telemetry import Alert

PROGRAM = Program(squads=(Squad("river", "River & Weir", ("Weir",)), Squad("sea", "Sea")))
RULES = (LabelRule("service", "locks", "river"), LabelRule("service", "harbour", "Sea"))
AT = datetime(2025, 10, 6, 16, tzinfo=UTC)


def squad_of(name: str) -> str | None:
    squad = PROGRAM.squad(name)
    return squad.id if squad else None


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"squad": "river"}, "river"),
        ({"squad": "River & Weir"}, "river"),
        ({"team": "weir"}, "river"),
        ({"squad": "sea", "team": "weir"}, "sea"),
        ({"squad": "nobody", "team": "weir"}, "river"),
        ({"service": "locks"}, "river"),
        ({"service": "harbour"}, "sea"),
        ({"squad": "sea", "service": "locks"}, "sea"),
        ({"squad": "nobody"}, None),
        ({"squad": ""}, None),
        ({}, None),
    ],
)
def test_labels_name_the_squad_then_rules_then_nobody(labels: dict[str, str], expected: str | None) -> None:
    """The squad or team label counts first, in any spelling of the squad, then the rules; else unowned."""
    assert owner(labels, RULES, squad_of) == expected


def test_copies_of_an_alert_are_one() -> None:
    """Two Alertmanagers of a pair report the same alert once, active where either of them says so."""
    quiet = Alert("f1", "Ebb", state="suppressed", server="one")
    loud = replace(quiet, state="active", server="two")
    other = Alert("f2", "Flood")
    assert distinct([quiet, other, loud]) == (loud, other)
    assert distinct([loud, quiet]) == (loud,)


def test_groups_put_active_and_old_first_and_unowned_last() -> None:
    """Squads in order, the unowned bucket last, within each what fires longest first."""
    late = Alert("1", "Late", squad="sea", starts_at=AT)
    early = Alert("2", "Early", squad="sea", starts_at=AT.replace(hour=1))
    muted = replace(early, fingerprint="3", state="suppressed")
    stray = Alert("4", "Stray")
    assert list(grouped([stray, muted, late, early]).items()) == [
        ("sea", (early, late, muted)),
        (None, (stray,)),
    ]
