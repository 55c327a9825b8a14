"""The idle room: what nobody could see a change of is neither drawn nor painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from controlroom.domain.relayed import Relayed
from controlroom.domain.snapshot import Snapshot
from controlroom.tui.panes.squads import SquadsPane
from controlroom.tui.parts import usual
from controlroom.tui.rows import DrawContext, Line, Row
from controlroom.tui.screens.keyed import Keyed
from controlroom.tui.widgets.pane import AGES_WITHIN, only_older

from .looking import Seat, seat
from .rooms import ITEMS, NOW, ROOM, SERVICES, SOURCES, ago, changed
from .still import Still


def read_again(seconds: float, snapshot: Snapshot = ROOM) -> Snapshot:
    """The same room after every source was read once more, so much later."""
    at = NOW + timedelta(seconds=seconds)
    sources = tuple(replace(source, read_at=at) for source in snapshot.sources)
    return replace(snapshot, version=snapshot.version + 1, taken_at=at, sources=sources)


async def settled(at: Seat, snapshot: Snapshot) -> str:
    """What is seen once `snapshot` was received."""
    at.room.show(snapshot)
    await at.pilot.pause()
    return at.screen


def test_only_older_is_what_tells_nothing_new() -> None:
    """Later times of reading are nothing new; a part, a failure, a warning or a first reading is."""
    failed, *others = SOURCES
    assert only_older(ROOM, read_again(5))
    assert not only_older(ROOM, replace(read_again(5), services=(*SERVICES,)[1:]))
    assert not only_older(ROOM, changed(sources=(replace(failed, error="refused"), *others)))
    assert not only_older(ROOM, changed(sources=(replace(failed, warnings=("odd",)), *others)))
    assert not only_older(changed(sources=(replace(failed, read_at=None), *others)), ROOM)
    assert not only_older(ROOM, changed(restored=True))


def test_a_word_of_the_collector_is_nothing_new_and_its_silence_is() -> None:
    """On a screen that follows, only who tells, a loss, its reason and a clock that goes wrong are news."""
    heard = Relayed("redis", "one", heard_at=NOW, skew=0.1)
    room = changed(relayed=heard)
    later = NOW + timedelta(seconds=1)
    assert only_older(room, replace(read_again(1, room), relayed=replace(heard, heard_at=later, skew=0.2)))
    for news in (
        replace(heard, lost_since=later, reason="silent"),
        replace(heard, collector="another"),
        replace(heard, skew=9.0),
        None,
    ):
        assert not only_older(room, replace(room, relayed=news)), news


async def test_sources_that_were_only_read_again_wait_for_the_next_second() -> None:
    """Nothing is painted for them when they arrive; with the next second the edges say when that was."""
    async with seat() as at:
        painted = [pane._painted for pane in at.app.room_screen.panes.values()]
        at.room.now = NOW + timedelta(seconds=1)
        assert "got 08:59:31" not in await settled(at, read_again(1))
        assert all(
            old is pane._painted for old, pane in zip(painted, at.app.room_screen.panes.values(), strict=True)
        )
        assert "got 08:59:31" in await at.later()


async def test_what_is_new_is_shown_at_once() -> None:
    """A source that fails is seen as soon as it is known, without waiting for the clock."""
    failed, *others = SOURCES
    async with seat() as at:
        away = replace(failed, error="refused", error_since=NOW)
        assert "unreachable 0s" in await settled(at, changed(version=2, sources=(away, *others)))


async def test_ages_in_rows_that_do_not_tick_are_a_few_seconds_behind_at_most() -> None:
    """Cards are not drawn every second, nor because sources were read again; their ages still move."""
    drawn: list[str] = []

    class Counting(SquadsPane):
        def draw(self, row: Row, ctx: DrawContext) -> Sequence[Line]:
            drawn.append(row.key)
            return super().draw(row, ctx)

    young = changed(items=(replace(ITEMS[0], since=ago(0.2)), *ITEMS[1:]))
    parts = usual()
    panes = tuple(Counting() if pane.id == "squads" else pane for pane in parts.panes)
    async with seat(Still(young), parts=parts._replace(panes=panes)) as at:
        assert "12s" in at.screen
        drawn.clear()
        for second in range(1, int(AGES_WITHIN)):
            at.room.now = NOW + timedelta(seconds=second)
            await settled(at, read_again(second, young))
            await at.later()
        assert not drawn
        at.room.now = NOW + timedelta(seconds=AGES_WITHIN)
        assert "17s" in await at.later()


async def test_another_layout_is_laid_out_once() -> None:
    """Panes that get another box are not laid out, and so painted, a second time for it."""
    async with seat() as at:
        screen = at.app.room_screen
        laid_out: list[object] = []
        screen.screen_layout_refresh_signal.subscribe(screen, laid_out.append)
        await at.press("z")
        assert len(laid_out) == 1
        assert screen.pane.size == screen.pane.virtual_size


async def test_a_key_right_after_a_paint_waits_for_no_frame_of_textual_s() -> None:
    """Screens of the room are painted by a clock of their own, which Textual asks for by a private name."""
    async with seat() as at:
        await at.press("j", "enter")
        for screen in (at.app.room_screen, at.app.screen):
            assert isinstance(screen, Keyed)
            assert screen._painting is not None
