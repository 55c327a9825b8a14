"""The key table: one source for keyboard, footer, help, palette and README; `[keys]` checked at start."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from controlroom.tui import keys
from controlroom.tui.app import RoomApp
from controlroom.tui.keys import ACTIONS, FORBIDDEN, check, event_key, markdown_table, normal, resolve, shown
from controlroom.tui.screens.dialog import Dialog
from controlroom.tui.screens.room import RoomScreen


def test_every_action_is_said_once_and_done_somewhere() -> None:
    """Ids are unique noun.verb pairs, described, and each has a method that does it."""
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    for action in ACTIONS:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", action.id)
        assert action.label
        assert action.description
        assert not action.description.endswith(".")
        method = "do_" + action.id.replace(".", "_")
        pane = action.id.removeprefix("pane.") in {key.pane for key in keys.PANES}
        assert pane or any(hasattr(where, method) for where in (RoomScreen, RoomApp, Dialog)), action.id


def test_no_key_means_two_things() -> None:
    """Two actions that can be done in the same place share no key."""
    for one, other in combinations(ACTIONS, 2):
        if keys.overlap(one.where, other.where):
            assert not set(one.keys) & set(other.keys), (one.id, other.id)


def test_keys_are_ones_that_every_terminal_sends() -> None:
    """The table uses each key's one spelling, and none of the forbidden ones."""
    for action in ACTIONS:
        for key in action.keys:
            assert normal(key) == key
            assert key not in FORBIDDEN


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Ctrl+P", "ctrl+p"),
        ("G", "G"),
        ("shift+g", "G"),
        ("Esc", "escape"),
        ("PgUp", None),
        ("pageup", "pageup"),
        (" ", "space"),
        ("?", "?"),
        ("comma", ","),
        ("ctrl++", "ctrl++"),
        ("+", "+"),
        ("F5", "f5"),
        ("shift+tab", "shift+tab"),
        ("hyper+x", None),
        ("", None),
        ("\x07", None),
        ("ü", "ü"),
    ],
)
def test_a_key_has_one_spelling(written: str, meant: str | None) -> None:
    """What people write becomes the table's spelling; what no terminal sends becomes None."""
    assert normal(written) == meant


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"pane.zom": "x"}, "did you mean 'pane.zoom'?"),
        ({"pane.zoom": "ctrl+a"}, "ctrl+a cannot be used"),
        ({"pane.zoom": "ctrl+i"}, "same for tab"),
        ({"pane.zoom": "nokey"}, "no terminal sends a key called 'nokey'"),
        ({"app.quit": ""}, "cannot be left without a key"),
        ({"help.show": " , "}, "cannot be left without a key"),
        ({"pane.zoom": "f"}, "f already means squad.focus"),
        ({"pane.zoom": "k"}, "k already means cursor.up"),
        ({"app.quit": "Q,ctrl+z"}, "ctrl+z cannot be used"),
    ],
)
def test_a_bad_entry_is_said_and_changes_nothing(entry: dict[str, str], said: str) -> None:
    """An entry that cannot be used is reported with its action, and every action keeps its keys."""
    (problem,) = check(entry)
    assert said in str(problem)
    assert problem.action == next(iter(entry))
    assert problem.remedy
    assert resolve(entry).actions == ACTIONS


def test_good_entries_replace_the_keys() -> None:
    """Several keys, a comma, an unbound action, and two actions that change places."""
    keymap = resolve(
        {
            "pane.zoom": "f",
            "squad.focus": "z, F6",
            "zones.cycle": "comma",
            "lints.show": "",
            "help.show": "f1",
        }
    )
    assert keymap.problems == ()
    assert keymap.action("pane.zoom").keys == ("f",)
    assert keymap.action("squad.focus").keys == ("z", "f6")
    assert keymap.action("zones.cycle").keys == (",",)
    assert keymap.action("lints.show").keys == ()
    assert keymap.lookup("room")["f1"] == "help.show"
    assert "?" not in keymap.lookup("room")


def test_one_bad_entry_does_not_cost_the_others() -> None:
    """The good entries count although another one is refused."""
    keymap = resolve({"pane.zoom": "Z", "squad.focus": "ctrl+q"})
    assert keymap.action("pane.zoom").keys == ("Z",)
    assert keymap.action("squad.focus").keys == ("f",)
    assert len(keymap.problems) == 1


@pytest.mark.parametrize(
    ("name", "character", "key"),
    [
        ("question_mark", "?", "?"),
        ("G", "G", "G"),
        ("upper_g", "G", "G"),
        ("space", " ", "space"),
        ("ctrl+p", "\x10", "ctrl+p"),
        ("enter", "\r", "enter"),
        ("alt+x", "x", "alt+x"),
        ("up", None, "up"),
    ],
)
def test_events_are_found_in_the_table(name: str, character: str | None, key: str) -> None:
    """What the terminal library calls a key is looked up as people write it."""
    assert event_key(name, character) == key


def test_the_readme_table_has_every_action() -> None:
    """One row per action with its keys, its id and what it does."""
    table = markdown_table()
    for action in ACTIONS:
        (row,) = [line for line in table.splitlines() if f"| `{action.id}` |" in line]
        assert action.description in row
        for key in action.keys:
            assert f"`{shown(key)}`" in row


def test_plain_key_names_are_ascii() -> None:
    """Where only ASCII can be drawn, arrows are written out."""
    assert all(shown(key, plain=True).isascii() for action in ACTIONS for key in action.keys)
