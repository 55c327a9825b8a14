"""What a screen says of the collector it follows, at every width and in every pane."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from controlroom.domain.relayed import Relayed
from controlroom.domain.selfcheck import Check
from controlroom.domain.snapshot import Snapshot
from controlroom.headless.attention import attention, exit_code
from controlroom.headless.snapshot import as_json
from controlroom.tui import relayline
from controlroom.tui.details.systems import source
from controlroom.tui.header import header, strip
from controlroom.tui.lines import as_text, line_width
from controlroom.tui.panes import numbers, worst
from controlroom.tui.parts import usual
from controlroom.tui.rows import DrawContext

from .rooms import EMPTY, NOW, ROOM, view

SKEW = 300.0
HEARD = NOW + timedelta(seconds=SKEW - 41)
"""41 seconds ago, by a clock that is five minutes ahead of the collector's."""

WELL = Relayed("redis://cache:6379/0", "quay-1", HEARD, skew=0.3)
LOST = replace(WELL, lost_since=HEARD, reason="cache:6379: connection refused", skew=SKEW)
WAITING = Relayed("redis://cache:6379/0")


def room(relayed: Relayed, base: Snapshot = ROOM) -> Snapshot:
    return replace(base, relayed=relayed)


def told(relayed: Relayed, width: int = 200, *, redact: bool = False, base: Snapshot = ROOM) -> str:
    line = header(room(relayed, base), NOW, replace(view(), redact=redact), width)
    assert line_width(line) <= width
    return as_text((line,))


def context(relayed: Relayed, now: datetime = NOW) -> DrawContext:
    return DrawContext(room(relayed), view(), now, 80, 20)


@pytest.mark.parametrize("width", range(58, 201, 7))
def test_stale_and_waiting_never_leave_the_header(width: int) -> None:
    """At every width it says that, since when, and as much of why as there is room for."""
    assert told(LOST, width).startswith(" STALE 41s ")
    assert "cache:6379" in told(LOST, width)
    assert told(WAITING, width).startswith(" WAITING ")
    assert "collector" in told(WAITING, width)
    assert "STALE" not in told(WELL, width)
    assert "this clock" not in told(WELL, width)


def test_a_wide_header_says_since_when_and_whose_clock() -> None:
    """The instant is the collector's, as every other on the screen; the other clock is said beside it."""
    line = told(LOST, 300)
    assert "not heard since 08:58:49: cache:6379: connection refused" in line
    assert "▲ this clock is 5m ahead of the collector's" in line
    assert "▲ this clock is 5m behind the collector's" in told(replace(WELL, skew=-SKEW))
    assert "for a collector at redis://cache:6379/0" in told(WAITING)


def test_a_difference_of_clocks_that_may_be_none_is_not_said() -> None:
    """Two seconds are worth saying, unless it is not sure that there are any."""
    assert "clock" not in told(replace(WELL, skew=1.9))
    assert "▲ this clock is 2s ahead" in told(replace(WELL, skew=2.1))
    assert "clock" not in told(replace(WELL, skew=2.1, uncertain=3.0))


def test_where_and_why_hide_hosts_on_a_shared_screen() -> None:
    """Redacted, neither the address that is followed nor the one that fails is shown."""
    assert "cache" not in told(LOST, redact=True)
    assert "cache" not in told(WAITING, redact=True)
    assert "cache" not in as_text((relayline.waiting(WAITING, replace(view(), redact=True)),))


def test_what_is_stale_is_not_green() -> None:
    """The count of services that are up keeps its number and loses its colour."""
    well = next(span for span in header(room(WELL), NOW, view(), 200) if span.text.startswith("● 10"))
    lost = next(span for span in header(room(LOST), NOW, view(), 200) if span.text.startswith("● 10"))
    assert (well.style, lost.style) == ("up", "dim")


@pytest.mark.parametrize("pane", usual().panes, ids=lambda pane: pane.id)
def test_every_pane_is_stale(pane: object) -> None:
    """Whatever its sources were like, its lower edge says since when nothing is heard."""
    heading = pane.heading(context(LOST))  # type: ignore[attr-defined]
    assert as_text((heading.freshness,)) == "STALE 41s"
    assert "STALE" not in as_text((pane.heading(context(WELL)).freshness,))  # type: ignore[attr-defined]


def test_the_wall_counts_nothing_it_does_not_hear_of() -> None:
    """Its numbers are not known, the first of its list is why, and nothing is said to be fine."""
    assert {number.value for number in numbers.numbers(room(LOST), NOW) if number.label != "not known"} == {
        None
    }
    seen = replace(view(), width=120, height=60)
    rows = worst.PANE.rows(room(LOST), seen)
    assert rows[0].subject is not None
    assert rows[0].subject.id == relayline.ID
    assert "fine" in [row.key for row in worst.PANE.rows(room(WELL), seen)]
    assert "fine" not in [row.key for row in rows]


def test_its_detail_says_what_is_followed() -> None:
    """Where, by whom it was told last, since when not and why, and how the clocks stand."""
    from controlroom.tui.details.base import Sheet

    sheet = Sheet(room(LOST), NOW, view())
    assert source(sheet, relayline.ID)
    said = as_text(sheet.lines)
    for part in ("redis://cache:6379/0", "quay-1", "08:58:49 · 41s ago", "refused", "300.0 s ahead of"):
        assert part in said


def test_what_the_machine_finds_of_itself_is_the_collectors() -> None:
    """A viewer is not the machine whose network is in doubt."""
    doubt = replace(ROOM, self_checks=(Check("route", False, "no default route"),))
    assert "? is it the collector: no default route" in told(WELL, 300, base=doubt)


def test_before_the_first_word_nothing_is_said_of_a_baseline() -> None:
    """The strip waits, too."""
    line = as_text((strip(room(WAITING, EMPTY), NOW, view(), 120),))
    assert line == "waiting for a collector at redis://cache:6379/0"
    assert as_text((strip(room(replace(WAITING, reason="refused"), EMPTY), NOW, view(), 120),)) == "? refused"


def test_scripts_are_told_the_same() -> None:
    """`relayed` of the JSON is null in a room that looks for itself; lost, it needs attention."""
    assert as_json(ROOM, NOW, "UTC")["relayed"] is None
    document = json.loads(json.dumps(as_json(room(LOST), NOW, "UTC"), allow_nan=False))
    assert document["relayed"] == {
        "where": "redis://cache:6379/0",
        "collector": "quay-1",
        "heard_at": "2026-03-04T08:03:49Z",
        "lost": True,
        "lost_since": "2026-03-04T08:03:49Z",
        "reason": "cache:6379: connection refused",
        "skew_s": 300.0,
        "uncertain_s": 0.0,
    }
    found = attention(room(LOST, EMPTY), NOW)
    assert [one.text for one in found if one.kind == "relayed"] == [
        "STALE 41s: cache:6379: connection refused"
    ]
    assert exit_code(room(LOST, EMPTY), found) == 1
    assert "waiting for a collector" in [o.text for o in attention(room(WAITING, EMPTY), NOW)]
    assert [one for one in attention(room(WELL, EMPTY), NOW) if one.kind == "relayed"] == []
