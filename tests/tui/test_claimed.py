"""Done cards and their proofs, as they are seen on the board and in a card's detail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controlroom.domain.services import Health
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.tui import claimed
from controlroom.tui.detail import describe
from controlroom.tui.panes import squads
from controlroom.tui.rows import Subject
from tests.tui.rooms import NOW, ROOM, ago, card, changed, drawn, view

PANE = squads.PANE


def room(code: GapCode, **parts: object) -> Snapshot:
    """The room; Cranes claim to be done with something that names a metric."""
    reading = SignalReading(
        Signal("hooks_total", squad="cranes"),
        code,
        "gone from tide",
        ago(75),
        query='hooks_total{job="tide"}',
        since=ago(75) if code is GapCode.OK else None,
    )
    done = (
        card("hook", "Hook sensor", "cranes", "done", "Ada", since=ago(60), proof=("hooks_total",)),
        card("plain", "Loads", "quay", "done", "Ada", since=ago(60)),
    )
    return changed(items=done, signals=(reading,), **parts)


def line_of(epic: str, snapshot: Snapshot, width: int = 160) -> str:
    """The line of the board on which a card stands."""
    return next(line for line in drawn(PANE, snapshot, seen=view(width)).splitlines() if epic in line)


def test_a_done_card_whose_proof_is_not_there_says_so() -> None:
    """In words where there is room, by a mark where there is not; its name is never lost for it."""
    gone = room(GapCode.DISAPPEARED)
    assert "✓ 1  Hook sensor claimed ✖ not observed" in line_of("Hook", gone, 260)
    tight = drawn(PANE, replace(gone, program=replace(gone.program, squads=())), seen=view(160))
    assert "Hook se… ✖ claimed" in tight
    assert "✖" in line_of("Hook", gone, 92)
    assert "✖" in next(
        line for line in drawn(PANE, gone, seen=view(60, filter="hook")).splitlines() if "Hook" in line
    )


def test_the_words_stand_below_where_a_lane_is_high_enough() -> None:
    """Two lines for its squad's focus are two lines for the card."""
    gone = room(GapCode.DISAPPEARED)
    here = card("now", "Now", "cranes", "blocked", "Ada", blocking_squad="quay", since=ago(1))
    said = drawn(PANE, replace(gone, items=(*gone.items, here)), seen=view(160)).splitlines()
    at = next(number for number, line in enumerate(said) if "✓ 1  Hook sensor" in line)
    assert said[at + 1].endswith("     ✖ not observed")


@pytest.mark.parametrize(
    ("code", "mark"), [(GapCode.OK, "Hook sensor ✓"), (GapCode.UNKNOWN, "Hook sensor ?")]
)
def test_what_is_observed_is_quiet_and_what_is_unknown_stays_so(code: GapCode, mark: str) -> None:
    """A small mark after the name, and no word of doubt."""
    line = line_of("Hook", room(code), 200)
    assert mark in line
    assert "claimed" not in line


def test_cards_without_a_proof_look_as_before() -> None:
    """Nothing is said of what names none."""
    assert line_of("Loads", room(GapCode.DISAPPEARED)).rstrip().endswith("✓ 1  Loads")


def test_an_open_card_claims_nothing_yet() -> None:
    """Its proof may be missing for as long as it is open."""
    gone = room(GapCode.DISAPPEARED)
    begun = replace(gone, items=(replace(gone.items[0], status="in_progress"),))
    assert "✖" not in line_of("Hook", begun)
    there = replace(begun, signals=room(GapCode.OK).signals)
    assert "✓" not in line_of("Hook", there, 60)


def test_claimed_cards_that_are_not_shown_are_counted() -> None:
    """The done column shows the latest one; those behind it are not forgotten."""
    gone = room(GapCode.DISAPPEARED)
    hidden = [replace(gone.items[0], id=f"h{n}", epic=f"Old {n}", since=ago(600)) for n in range(2)]
    later = card("new", "New", "cranes", "done", "Ada", since=ago(1))
    open_ = card("now", "Now", "cranes", "in_progress", "Ada", since=ago(1))
    said = drawn(PANE, replace(gone, items=(*hidden, later, open_)))
    assert "✓ 3 ✖ 2  New" in said


def test_the_board_is_drawn_anew_when_a_proof_changes() -> None:
    """What the pane depends on changes with what is seen of a proof, and not without it."""
    gone = room(GapCode.DISAPPEARED)
    same = replace(gone, version=9, services=tuple(replace(s, latency=0.5) for s in gone.services))
    assert PANE.depends(gone)[-1] is PANE.depends(same)[-1]
    named = replace(gone.items[0], proof=(gone.services[0].service.id,))
    up, down = (
        replace(gone, items=(named,), services=(replace(gone.services[0], health=health),))
        for health in (Health.UP, Health.DOWN)
    )
    assert PANE.depends(up)[-1] != PANE.depends(down)[-1]
    assert claimed.seen(ROOM) == ()


def test_the_detail_of_a_card_lists_its_proofs() -> None:
    """What it is, how it stands, since when, why, and the query that shows it."""
    gone = room(GapCode.DISAPPEARED)
    both = replace(gone, items=(replace(gone.items[0], proof=("hooks_total", "test_hooks")),))
    found = describe(both, Subject("item", "hook"), NOW, view())
    said = found.plain
    assert "Claimed done, but not all of it is observed" in said
    assert "✖ not observed · hooks_total · metric · since" in said
    assert "gone from tide" in said
    assert 'hooks_total{job="tide"}' in said
    assert "? unknown · test_hooks · test · no test results are read yet" in said
    there = describe(room(GapCode.OK), Subject("item", "hook"), NOW, view())
    assert "What proves it" in there.plain
    assert "✓ observed · hooks_total · metric · since" in there.plain


def test_foreign_proofs_are_text() -> None:
    """Markup and control characters in a name reach no terminal."""
    named = replace(room(GapCode.OK).items[0], proof=("[bold]x[/]\x1b[31m", "\u202ey"))
    odd = replace(room(GapCode.OK), items=(named,))
    found = describe(odd, Subject("item", "hook"), NOW, view())
    assert "[bold]x[/]" in found.plain
    assert "\x1b" not in found.plain
    assert "\u202e" not in found.plain
    drawn(PANE, odd)
