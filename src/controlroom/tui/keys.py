"""The one table of actions: it feeds the footer, the help, the palette, the README and the keyboard.

Keys are written as a person types them: ``?``, ``G``, ``space``, ``ctrl+p``. No Textual here, so that
``config check`` and the tests read the same table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

Where = Literal["everywhere", "room", "list", "dialog", "standup"]
"""``room``: the panes. ``dialog``: whatever lies over them. ``list``: wherever a cursor moves. ``standup``:
the panes while a standup is on, whose keys then come before all others there."""


class Action(NamedTuple):
    """Something a key does. An action without keys is reached through the palette."""

    id: str
    """``noun.verb``; `[keys]` in the configuration names actions by it."""
    keys: tuple[str, ...]
    label: str
    """One or two words, for the footer."""
    description: str
    """A sentence without its full stop, for help, palette and README."""
    group: str
    where: Where = "room"
    show_in_footer: bool = False


class KeyProblem(NamedTuple):
    """An entry of `[keys]` that cannot be used; the action keeps its own keys."""

    action: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"[keys] {self.action}: {self.message}; {self.remedy}"


class PaneKey(NamedTuple):
    """A pane's number key: what it is called in tabs, where there is room and where not, and what it does."""

    pane: str
    label: str
    short: str
    description: str


PANES: tuple[PaneKey, ...] = (
    PaneKey("changes", "since", "since", "Go to what changed since the last standup"),
    PaneKey("waves", "waves", "waves", "Go to the waves and milestones"),
    PaneKey("squads", "squads", "squads", "Go to the squads' lanes"),
    PaneKey("blockers", "blockers", "block", "Go to the blockers"),
    PaneKey("telemetry", "gaps", "gaps", "Go to telemetry gaps and the exit gate"),
    PaneKey("services", "services", "serv", "Go to the services"),
    PaneKey("alerts", "alerts", "alerts", "Go to the alerts"),
    PaneKey("ritual", "next", "next", "Go to the next ritual"),
)
"""The order is that of the numbers."""

_PANES = tuple(
    Action(f"pane.{key.pane}", (str(number),), key.label, key.description, "Panes")
    for number, key in enumerate(PANES, start=1)
)

ACTIONS: tuple[Action, ...] = (
    *_PANES,
    Action("pane.next", ("tab",), "next pane", "Go to the next pane", "Panes"),
    Action("pane.previous", ("shift+tab",), "previous pane", "Go to the previous pane", "Panes"),
    Action("pane.zoom", ("z",), "zoom", "Give the pane the whole room, and back", "Panes", "room", True),
    Action("cursor.up", ("up", "k"), "up", "Move the cursor up", "Moving", "list"),
    Action("cursor.down", ("down", "j"), "down", "Move the cursor down", "Moving", "list"),
    Action("cursor.left", ("left", "h"), "left", "Move to the card or pane on the left", "Moving"),
    Action("cursor.right", ("right", "l"), "right", "Move to the card or pane on the right", "Moving"),
    Action("cursor.page_up", ("pageup",), "page up", "Move one page up", "Moving", "list"),
    Action("cursor.page_down", ("pagedown",), "page down", "Move one page down", "Moving", "list"),
    Action("cursor.first", ("home", "g"), "first", "Move to the first row", "Moving", "list"),
    Action("cursor.last", ("end", "G"), "last", "Move to the last row", "Moving", "list"),
    Action(
        "detail.open",
        ("enter",),
        "detail",
        "Show everything about what is under the cursor",
        "Looking closer",
        "list",
        True,
    ),
    Action(
        "filter.edit",
        ("/",),
        "filter",
        "Filter the pane: words, @squad, !not",
        "Looking closer",
        "room",
        True,
    ),
    Action(
        "squad.focus",
        ("f",),
        "focus squad",
        "Show one squad in every pane; again: everybody",
        "Looking closer",
        "room",
        True,
    ),
    Action(
        "changes.show",
        ("d",),
        "since standup",
        "Show what changed here since the last standup, and back",
        "Looking closer",
        "room",
        True,
    ),
    Action("lints.show", ("L",), "lints", "List what is wrong with what was written", "Looking closer"),
    Action(
        "waiting.show",
        ("W",),
        "who waits",
        "Show who waits on whom, and what to unblock first",
        "Looking closer",
    ),
    Action(
        "view.back",
        ("escape",),
        "back",
        "Take back the filter, then the zoom, then the squad focus",
        "Looking closer",
    ),
    Action(
        "zones.cycle",
        ("t",),
        "zones",
        "Times beside the programme's: yours, the programme's only, UTC",
        "The screen",
        "room",
        True,
    ),
    Action(
        "screen.freeze",
        ("space",),
        "freeze",
        "Hold the screen still, and catch up again",
        "The screen",
        "room",
        True,
    ),
    Action("sources.poll", ("r",), "poll now", "Ask every source now", "The screen", "room", True),
    Action(
        "subject.copy",
        ("y",),
        "copy",
        "Copy what is under the cursor (OSC 52: works over ssh and tmux)",
        "Taking away",
        "list",
        True,
    ),
    Action(
        "link.open",
        ("o",),
        "open link",
        "Open its runbook, charter or link; a path is shown",
        "Taking away",
        "list",
        True,
    ),
    Action("blocker.new", ("n",), "new", "Open a blocker from what is under the cursor", "Triage", "list"),
    Action("blocker.acknowledge", ("a",), "ack", "Say that you have seen it", "Triage", "list"),
    Action("blocker.assign", ("A",), "assign", "Give it an owner; alerts: a squad", "Triage", "list"),
    Action("blocker.wait_on", ("b",), "waits on", "Say which squad waits on which", "Triage", "list"),
    Action(
        "blocker.escalate", ("e",), "escalate", "Escalate it, with its text for the channel", "Triage", "list"
    ),
    Action("blocker.snooze", ("s",), "snooze", "Put it off until a time or a ritual", "Triage", "list"),
    Action("blocker.resolve", ("x",), "resolve", "Say that it is over, and what helped", "Triage", "list"),
    Action("blocker.reopen", ("X",), "reopen", "Say that it is not over after all", "Triage", "list"),
    Action("blocker.note", ("N",), "note", "Add a note to its history", "Triage", "list"),
    Action("card.move", ("m",), "move", "Move a card: to do, in progress, blocked or done", "Triage", "list"),
    Action("row.mark", ("v",), "mark", "Mark it, to act once on all that are marked", "Triage"),
    Action("action.undo", ("u",), "undo", "Take back your last action on it", "Triage", "list"),
    Action(
        "conflicts.show",
        ("C",),
        "outbox",
        "Show your actions that wait, and those that met another's",
        "Triage",
    ),
    Action(
        "signal.accept",
        ("=",),
        "accept name",
        "Take the exported name that was meant into the squad's contract",
        "Triage",
        "list",
    ),
    Action("signal.waive", ("E",), "waive", "Excuse a signal before the gate, or end that", "Triage", "list"),
    Action("alert.silence", ("M",), "silence", "Silence an alert, or end its silence", "Triage", "list"),
    Action(
        "ritual.begin",
        ("S",),
        "standup",
        "Begin the standup (or the ritual under the cursor), or follow the one that is on",
        "Rituals",
        "room",
        True,
    ),
    Action("box.tick", ("c",), "tick", "Tick a box of a checklist, or take the tick back", "Rituals", "list"),
    Action("minutes.write", ("w",), "minutes", "Write the minutes or the report of a ritual", "Rituals"),
    Action("evidence.capture", (), "evidence", "Capture the evidence of the day", "Rituals"),
    Action("standup.next", ("n",), "next", "Go to the next part", "Standup", "standup", True),
    Action("standup.previous", ("p",), "back", "Go back to the part before", "Standup", "standup", True),
    Action("standup.pause", ("space",), "pause", "Stop the clock, and go on", "Standup", "standup", True),
    Action(
        "standup.extend", ("+",), "+30 s", "Give this part thirty seconds more", "Standup", "standup", True
    ),
    Action("standup.decision", ("D",), "decision", "Write down a decision", "Standup", "standup", True),
    Action(
        "standup.task",
        ("A",),
        "action item",
        "Write down who does what until when",
        "Standup",
        "standup",
        True,
    ),
    Action("standup.note", ("N",), "note", "Write down a note", "Standup", "standup", True),
    Action("standup.park", ("P",), "park", "Put a topic off to another meeting", "Standup", "standup", True),
    Action("standup.blocker", ("B",), "blocker", "Open a blocker", "Standup", "standup", True),
    Action(
        "standup.skip", ("k",), "skip", "Pass a squad over: it has not reported", "Standup", "standup", True
    ),
    Action(
        "standup.hand_over",
        ("H",),
        "hand over",
        "Let another drive, or take over",
        "Standup",
        "standup",
        True,
    ),
    Action(
        "standup.finish",
        ("F",),
        "finish",
        "End the standup and write its minutes",
        "Standup",
        "standup",
        True,
    ),
    Action(
        "past.back",
        ("[",),
        "earlier",
        "Show the room as it was a moment ago, and further back",
        "Looking back",
    ),
    Action("past.forward", ("]",), "later", "Come back towards now", "Looking back"),
    Action("past.go", (), "go to a time", "Show the room as it was at a time", "Looking back"),
    Action(
        "notices.show", ("O",), "notices", "Show what is told to whom outside this room", "Looking closer"
    ),
    Action("view.choose", (), "view", "Choose a view: the room, on-call, the wall", "The screen"),
    Action("theme.choose", (), "theme", "Choose a theme", "The screen", "everywhere"),
    Action("help.show", ("?",), "keys", "Show every key", "Help and leaving", "everywhere", True),
    Action(
        "palette.show", ("ctrl+p",), "palette", "Find any action by name", "Help and leaving", "everywhere"
    ),
    Action(
        "dialog.close",
        ("escape", "q"),
        "close",
        "Close what lies over the room",
        "Help and leaving",
        "dialog",
    ),
    Action("app.quit", ("q",), "quit", "Leave the room", "Help and leaving", "room", True),
)

TRIAGE = "Triage"
CHANGING = frozenset({TRIAGE, "Rituals", "Standup"})
"""The groups whose actions change something."""


def offered(actions: Sequence[Action], *, read_only: bool) -> list[Action]:
    """The actions a person is told of: without those that change something where nothing may be changed."""
    return [action for action in actions if not (read_only and action.group in CHANGING)]


GROUPS: tuple[str, ...] = tuple(dict.fromkeys(action.group for action in ACTIONS))

ALWAYS_BOUND = frozenset({"app.quit", "help.show", "palette.show", "dialog.close"})
"""Without these a person is lost: they can be moved to other keys but not taken away."""

FORBIDDEN: Mapping[str, str] = MappingProxyType(
    {
        "ctrl+a": "terminal multiplexers take it",
        "ctrl+b": "terminal multiplexers take it",
        "ctrl+s": "it stops the output of some terminals",
        "ctrl+q": "it belongs to the flow control of some terminals",
        "ctrl+z": "it suspends programs",
        "ctrl+c": "it always leaves",
        "ctrl+i": "terminals send the same for tab",
        "ctrl+m": "terminals send the same for enter",
        "ctrl+j": "terminals send the same for enter",
        "ctrl+h": "terminals send the same for backspace",
        "ctrl+[": "terminals send the same for escape",
    }
)

NAMED: frozenset[str] = frozenset(
    (
        *("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete"),
        *("backspace", "enter", "escape", "tab", "space"),
        *(f"f{number}" for number in range(1, 13)),
    )
)
_SYNONYMS = {"esc": "escape", "return": "enter", "page_up": "pageup", "page_down": "pagedown", "comma": ","}
_MODIFIERS = ("ctrl", "alt", "shift")


def normal(key: str) -> str | None:
    """`key` in the one spelling the table uses, or None where no terminal sends such a key.

    >>> normal("Ctrl+P"), normal("G"), normal("Esc"), normal("shift+g")
    ('ctrl+p', 'G', 'escape', 'G')
    """
    if len(key) == 1:
        return "space" if key == " " else key if key.isprintable() else None
    *modifiers, name = key.split("+") if not key.endswith("+") else [*key[:-2].split("+"), "+"]
    held = [modifier.strip().lower() for modifier in modifiers]
    name = name.strip()
    if len(name) > 1:
        name = _SYNONYMS.get(name.lower(), name.lower())
    if any(modifier not in _MODIFIERS for modifier in held) or not (len(name) == 1 or name in NAMED):
        return None
    if held == ["shift"] and len(name) == 1:
        return name.upper() if name.isalpha() else None
    if "ctrl" in held and len(name) == 1:
        name = name.lower()
    return "+".join([*(m for m in _MODIFIERS if m in held), name])


def overlap(one: Where, other: Where) -> bool:
    """Whether a key may mean both at the same moment; what belongs to a standup comes before the rest."""
    if "standup" in (one, other):
        return one == other or "everywhere" in (one, other)
    return one == other or "everywhere" in (one, other) or "list" in (one, other)


class Keymap(NamedTuple):
    """The table as it stands after `[keys]`, and what could not be used of that."""

    actions: tuple[Action, ...]
    problems: tuple[KeyProblem, ...] = ()

    def action(self, name: str) -> Action:
        """The action whose id is `name`; KeyError where there is none."""
        for action in self.actions:
            if action.id == name:
                return action
        raise KeyError(name)

    def text(self, name: str, *, plain: bool = False) -> str:
        """The first key of an action as people read it, to be named in a sentence.

        Where `[keys]` took its keys away that of the palette, which finds every action.
        """
        keys = self.action(name).keys or self.action("palette.show").keys
        return shown(keys[0], plain=plain)

    def lookup(self, *where: Where) -> dict[str, str]:
        """Key → action id, for what can be done in these places."""
        here = [action for action in self.actions if action.where in ("everywhere", *where)]
        here.sort(key=lambda action: action.where == "standup")
        return {key: action.id for action in here for key in action.keys}


DEFAULT = Keymap(ACTIONS)


def resolve(overrides: Mapping[str, str], actions: Sequence[Action] = ACTIONS) -> Keymap:
    """`[keys]` laid over the table: action id → keys, comma separated (``""`` takes the keys away).

    An entry that cannot be used is reported and leaves its action as it was.
    """
    problems: list[KeyProblem] = []
    wanted: dict[str, tuple[str, ...]] = {}
    known = {action.id: action for action in actions}
    for name, text in overrides.items():
        problem = _unknown(name, known) or _unusable(name, text)
        if problem is not None:
            problems.append(problem)
        else:
            wanted[name] = tuple(key for part in _split(text) if (key := normal(part)) is not None)
    while clash := _clash([_with(action, wanted) for action in actions], wanted):
        problems.append(clash)
        del wanted[clash.action]
    return Keymap(tuple(_with(action, wanted) for action in actions), tuple(problems))


def check(overrides: Mapping[str, str]) -> tuple[KeyProblem, ...]:
    """What is wrong with `[keys]`, each with its remedy."""
    return resolve(overrides).problems


def _with(action: Action, wanted: Mapping[str, tuple[str, ...]]) -> Action:
    return action._replace(keys=wanted[action.id]) if action.id in wanted else action


def _split(text: str) -> list[str]:
    """The keys of one entry; a comma is written ``comma``, a blank ``space``."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _unknown(name: str, known: Iterable[str]) -> KeyProblem | None:
    if name in known:
        return None
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1)
    remedy = f"did you mean {near[0]!r}?" if near else "the README's key table lists every action"
    return KeyProblem(name, "there is no such action", remedy)


def _unusable(name: str, text: str) -> KeyProblem | None:
    parts = _split(text)
    if not parts and name in ALWAYS_BOUND:
        return KeyProblem(name, "cannot be left without a key", "give it another key instead")
    for part in parts:
        key = normal(part)
        if key is None:
            return KeyProblem(
                name,
                f"no terminal sends a key called {part!r}",
                "use a character, a name such as enter or f5, or ctrl+ or alt+ and a letter",
            )
        if key in FORBIDDEN:
            return KeyProblem(name, f"{key} cannot be used: {FORBIDDEN[key]}", "choose another key")
    return None


def _clash(actions: Sequence[Action], wanted: Mapping[str, tuple[str, ...]]) -> KeyProblem | None:
    """The first key that would mean two things at once because of an entry of `[keys]`."""
    for index, action in enumerate(actions):
        for other in actions[index + 1 :]:
            shared = set(action.keys) & set(other.keys)
            if not shared or not overlap(action.where, other.where):
                continue
            mine, theirs = (action, other) if action.id in wanted else (other, action)
            key = sorted(shared)[0]
            return KeyProblem(
                mine.id,
                f"{key} already means {theirs.id} ({theirs.description.lower()})",
                f"choose another key, or give {theirs.id} another one too",
            )
    return None


_SHOWN = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "home": "Home",
    "end": "End",
    "insert": "Ins",
    "delete": "Del",
    "backspace": "Backspace",
}
_ARROWS = {"↑": "Up", "↓": "Down", "←": "Left", "→": "Right"}


def shown(key: str, *, plain: bool = False) -> str:
    """A key as people read it: ``Ctrl-P``, ``Esc``, ``↑`` (``Up`` where `plain`)."""
    if key in _SHOWN:
        text = _SHOWN[key]
        return _ARROWS.get(text, text) if plain else text
    *modifiers, name = key.split("+") if len(key) > 1 else [key]
    if not modifiers:
        return name.upper() if len(name) > 1 else name
    last = _SHOWN.get(name, name.upper())
    return "-".join([*(m.capitalize() for m in modifiers), last])


def event_key(name: str, character: str | None) -> str:
    """What a terminal event is called in the table: the character it types, else the key's name."""
    if character and len(character) == 1 and character.isprintable() and character != " ":
        typed = name.lower() if "+" in name else ""
        return normal(name) or name if typed.startswith(("ctrl+", "alt+")) else character
    return name


def markdown_table(actions: Sequence[Action] = ACTIONS) -> str:
    """The table as Markdown, one row per action, for the README."""
    lines = ["| Keys | Action | Id |", "| --- | --- | --- |"]
    for group in GROUPS:
        lines += [
            f"| {_cells(action)} | {action.description} | `{action.id}` |"
            for action in actions
            if action.group == group
        ]
    return "\n".join(lines) + "\n"


def _cells(action: Action) -> str:
    if not action.keys:
        return "palette"
    return " ".join(f"`{shown(key)}`" for key in action.keys)
