"""Forms and questions as they stand on the screen, in every size, with the keyboard and the mouse."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from controlroom.tui.acts.fields import Field, Form
from controlroom.tui.rows import Span
from controlroom.tui.screens.ask import Answer, Ask
from controlroom.tui.screens.form import FormScreen

from .looking import Seat, seat
from .rooms import BLOCKERS, ROOM, changed
from .still import Still


def form(at: Seat) -> FormScreen:
    """The form that is open."""
    assert isinstance(at.app.screen, FormScreen)
    return at.app.screen


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (160, 48)])
async def test_every_field_is_reached_and_seen(size: tuple[int, int]) -> None:
    """Tab goes through all fields and around; the one that is typed into is on the screen with its label."""
    async with seat(size=size) as at:
        await at.press("6", "n")
        names = [field.name for field in form(at)._fields]
        assert len(names) == 9
        for number in range(9):
            await at.press("tab")
            here = form(at)._fields[form(at)._at]
            await at.press("ctrl+u")
            screen = await at.type(f"q{number}")
            (line,) = [line for line in screen.splitlines() if f"q{number}" in line and "▎" in line]
            assert here.label in line
        assert form(at)._fields[form(at)._at].name == "owner"
        assert len(set(form(at).texts.values())) == 9


@pytest.mark.parametrize("size", [(60, 16), (120, 40)])
async def test_a_fault_is_seen_with_its_field(size: tuple[int, int]) -> None:
    """However small the screen: the reason stands there, and the cursor in the field it speaks of."""
    async with seat(size=size) as at:
        await at.press("6", "n", "end", "tab", "tab", "tab", "tab", "tab")
        screen = await at.press("ctrl+enter")
        assert "needs an owner" in screen
        assert any("▎owner" in line for line in screen.splitlines())
        screen = await at.type("Ada")
        assert "needs an owner" not in screen


async def test_a_time_is_understood_while_it_is_typed() -> None:
    """What cannot be a time says so, what can is shown on both clocks; the form does not save the former."""
    async with seat() as at:
        await at.press("s")
        assert "not understood" in await at.type("17:3x")
        assert "until: '17:3x' is not understood" in await at.press("ctrl+enter")
        screen = await at.press("backspace", "0")
        assert "Wed 17:30 CET · Wed 22:00 IST · in 8h 30m" in screen


async def test_nothing_typed_leaves_at_once_and_something_is_asked_for() -> None:
    """Esc on an untouched form is back in the room; with text it takes two."""
    async with seat() as at:
        await at.press("x")
        assert "what helped" not in await at.press("escape")
        await at.press("x")
        await at.type("sun")
        assert "Esc again leaves" in await at.press("escape")
        screen = await at.type("shine")
        assert "Esc again" not in screen
        assert "sunshine" in screen
        await at.press("escape")
        assert "sunshine" not in await at.press("escape")


async def test_snapshots_and_ticks_touch_no_field() -> None:
    """The room goes on behind the form; the text, the cursor in it and the choice stay."""
    async with seat() as at:
        await at.press("b")
        await at.type("cus")
        await at.press("left")
        at.room.show(changed(blockers=tuple(reversed(BLOCKERS))))
        await at.later()
        await at.type("x")
        assert form(at).texts["owning_squad"] == "cuxs"


async def test_choices_are_taken_by_key_and_by_click() -> None:
    """Down and Enter take one and stay; a click takes another; a click on a field goes there."""
    async with seat() as at:
        await at.press("b", "ctrl+u", "down", "down", "enter")
        assert form(at).texts["owning_squad"] == "Cranes"
        await at.press("tab", "ctrl+u")
        lines = at.screen.splitlines()
        y = next(n for n, line in enumerate(lines) if "Customs  customs" in line)
        await at.pilot.click(offset=(lines[y].index("Customs"), y))
        await at.pilot.pause()
        assert form(at).texts["blocking_squad"] == "Customs"
        y = next(n for n, line in enumerate(lines) if "who waits" in line)
        await at.pilot.click(offset=(lines[y].index("who waits"), y))
        await at.pilot.pause()
        assert form(at)._at == 0
        await at.pilot.click(f"#{form(at)._entries[1].id}")
        await at.pilot.pause()
        assert form(at)._at == 1


async def test_ascii_forms_are_ascii() -> None:
    """Where only ASCII can be drawn, forms and questions use nothing else."""
    async with seat(Still(replace(ROOM, steps=())), ascii=True, size=(60, 16)) as at:
        for keys in (("6", "n"), ("escape", "3", "down", "m"), ("escape", "4", "s")):
            screen = await at.press(*keys)
            boxed = [line[line.index("|") :] for line in screen.splitlines() if line.count("|") > 1]
            assert boxed
            assert all(line.isascii() for line in boxed), boxed


@pytest.mark.parametrize("text", ["[/foo]", "[@click=app.quit]x[/]", "漢字かな", "a\u0301" * 9, "w" * 400])
async def test_foreign_text_is_only_text(text: str) -> None:
    """Titles from outside are drawn as they are, in forms and in questions."""
    odd = tuple(replace(blocker, summary=text) for blocker in BLOCKERS)
    async with seat(Still(changed(blockers=odd))) as at:
        await at.press("x", "escape", "v", "j", "v", "a")
        assert "This will happen" in at.screen
        for strip in at.app.screen._compositor.render_strips():
            assert strip.cell_length == 160
        await at.press("escape", "escape", "escape")


async def test_a_long_question_is_read_from_its_beginning() -> None:
    """What does not fit scrolls; the answers are named in the edge and work all the same."""
    async with seat(size=(60, 16)) as at:
        given: list[str | None] = []
        lines = [(Span(f"line {n}"),) for n in range(40)]
        answers = (Answer("y", "do all of it", "yes"), Answer("n", "leave it", "no"))
        at.app.push_screen(Ask("Question", lines, answers), given.append)
        await at.pilot.pause()
        assert "line 0" in at.screen
        assert "y do" in at.screen
        assert "line 24" in await at.press("pagedown", "pagedown")
        await at.press("y")
        assert given == ["yes"]


async def test_keys_of_the_room_mean_nothing_to_a_question() -> None:
    """Letters that are no answer do nothing, a click beside it neither; Esc leaves it."""
    async with seat() as at:
        given: list[str | None] = []
        at.app.push_screen(Ask("Question", [], (Answer("y", "yes", "yes"),)), given.append)
        await at.pilot.pause()
        await at.press("a", "x", "n", "z", "1")
        await at.pilot.click(offset=(1, 1))
        assert "Question" in at.screen
        await at.press("escape")
        assert given == [None]


async def test_the_footer_says_what_can_be_done_to_what() -> None:
    """On a blocker, a card, a service: their own keys, after the standup that is near, even in 80 columns."""
    async with seat(size=(80, 24)) as at:
        assert at.screen.splitlines()[-1].startswith(
            " S standup  a ack  A assign  b waits on  e escalate  s snooze"
        )
        assert (await at.press("6")).splitlines()[-1].startswith(" S standup  n new")
        await at.press("3", "j")
        assert at.screen.splitlines()[-1].startswith(" S standup  m move  A assign  b waits on  n new")
        footer = (await at.press("8")).splitlines()[-1]
        assert "resolve" not in footer
        assert "q quit" in footer


async def test_a_form_of_any_fields_stands_in_any_size() -> None:
    """Many fields in a terminal that is far too small: no failure, and back again whole."""
    async with seat() as at:
        fields = tuple(Field(f"f{n}", f"field {n}") for n in range(30))
        frame = at.app.acting.frame
        at.app.push_screen(FormScreen(Form("Many", fields), frame, lambda args: None))
        await at.pilot.pause()
        for size in ((10, 3), (1, 1), (60, 16), (200, 60)):
            await at.pilot.resize_terminal(*size)
            await at.pilot.pause()
            await at.press("tab", "down")
        assert "field 29" in at.screen


def test_nothing_of_this_is_loaded_to_show_a_room() -> None:
    """Forms, questions and verbs are imported when the first key asks for them."""
    script = "import sys, controlroom.tui.app; print(*sys.modules, sep='\\n')"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(result.stdout.split())
    assert "controlroom.tui.triaging" in loaded
    late = {f"controlroom.tui.acts.{name}" for name in ("acting", "fields", "planning", "questions", "verbs")}
    late |= {f"controlroom.tui.screens.{name}" for name in ("ask", "form", "outbox")}
    late |= {"controlroom.tui.moments", "controlroom.domain.decide", "controlroom.domain.words"}
    assert late & loaded == set()
