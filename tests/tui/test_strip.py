"""A service's last hour in a few cells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from controlroom.domain.health import ServiceState, Transition
from controlroom.domain.maintenance import Window
from controlroom.domain.services import Health
from controlroom.tui import strip
from controlroom.tui.lines import as_text, line_width
from controlroom.tui.rows import Line
from controlroom.tui.width import cell_width
from tests.tui.rooms import NOW, ago, service


def was(*past: tuple[float, Health], **more: object) -> ServiceState:
    """A service that became each of these so many minutes ago."""
    changes, before = [], Health.UNKNOWN
    for minutes, after in past:
        changes.append(Transition(ago(minutes), before, after))
        before = after
    made = service("redis", before, minutes=past[-1][0] if past else 0, transitions=tuple(changes))
    return replace(made, **more)  # type: ignore[arg-type]


def drawn(state: ServiceState, count: int = 12, *, plain: bool = False) -> Line:
    return strip.hour(state, state.health, NOW, count, plain=plain)


def said(line: Line) -> str:
    return as_text((line,))


def test_every_state_has_a_height_or_a_letter_of_its_own() -> None:
    """It reads without colour, and in ASCII, cell by cell."""
    state = was((40, Health.UP), (30, Health.DEGRADED), (20, Health.DOWN), (10, Health.UNKNOWN))
    window = Window(start=ago(5), end=ago(-5), zone="UTC")
    planned = replace(state, service=replace(state.service, maintenance=(window,)))
    assert said(drawn(state)) == "····▁▁▄▄██??"
    assert said(drawn(state, plain=True)) == "....__==##??"
    assert said(drawn(planned)) == "····▁▁▄▄██?░"
    assert said(drawn(planned, plain=True)) == "....__==##?m"


def test_glyphs_take_one_cell_each_and_differ() -> None:
    """In both sets."""
    for glyphs in ({c.glyph for c in strip.CELLS.values()}, {c.plain for c in strip.CELLS.values()}):
        assert len(glyphs) == len(strip.CELLS)
        assert all(cell_width(glyph) == 1 for glyph in glyphs)


def test_an_hour_without_trouble_is_dim() -> None:
    """Only an hour in which something was wrong has colours."""
    assert {span.style for span in drawn(was((900, Health.UP)))} == {"dim"}
    assert {span.style for span in drawn(was())} == {"dim"}
    troubled = drawn(was((900, Health.UP), (20, Health.DOWN), (10, Health.UP)))
    assert [(span.text, span.style) for span in troubled] == [
        ("▁" * 8, "up"),
        ("█" * 2, "down"),
        ("▁" * 2, "up"),
    ]


def test_what_was_drawn_is_kept_until_it_changes() -> None:
    """Another answer alone draws nothing anew; a change, another minute or another width does."""
    state = was((900, Health.UP))
    first = drawn(state)
    assert drawn(replace(state, latency=0.5, probed_at=NOW)) is first
    changed = replace(state, transitions=(*state.transitions, Transition(ago(1), Health.UP, Health.DOWN)))
    assert said(drawn(changed)).endswith("▁█")
    assert said(drawn(replace(changed, health=Health.DOWN, verified=False))).endswith("▁?")
    later = NOW + timedelta(minutes=1)
    assert strip.hour(changed, Health.UP, later, 12, plain=False) is not drawn(changed)
    assert len(said(drawn(state, 30))) == 30


def test_silence_is_not_what_was_before_it() -> None:
    """A service that stopped answering reads unknown from then on."""
    silent = was((900, Health.UP), probed_at=ago(30.25))
    assert said(strip.hour(silent, Health.UNKNOWN, NOW, 12, plain=False)) == "▁▁▁▁▁▁??????"


def test_the_widest_strip_fits_the_smallest_screen_and_has_an_axis() -> None:
    """Indented, in a dialog on sixty columns; only states that occur are explained."""
    lines = strip.whole(was((900, Health.UP), (20, Health.DOWN)), NOW, plain=False)
    assert {line_width(line) for line in lines[:2]} == {strip.WHOLE}
    assert strip.WHOLE + 2 <= 60 - 4
    assert said(lines[1]).startswith("60 m ago")
    assert said(lines[1]).endswith("now")
    assert said(lines[2]) == "▁ up  █ down"


def test_a_wider_pane_has_a_finer_hour() -> None:
    """Parts of five, three or two minutes."""
    assert [strip.cells(width) for width in (90, 119, 120, 149, 150, 300)] == [12, 12, 20, 20, 30, 30]
