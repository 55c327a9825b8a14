"""The command palette: every action of the key table, every squad, every theme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from controlroom.tui.keys import shown
from controlroom.tui.present import squad_name

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp

NOT_LISTED = frozenset({"palette.show", "dialog.close"})


class Command(NamedTuple):
    """One entry; `note` is plain text."""

    text: str
    note: str
    run: Callable[[], object]
    discover: bool = True


def commands(app: RoomApp) -> Iterator[Command]:
    """All there is to do, in the order of the table."""
    for action in app.offered:
        if action.id not in NOT_LISTED:
            keys = "  ".join(shown(key, plain=app.plain) for key in action.keys)
            yield Command(action.description, f"{action.id}  {keys}", partial(app.act, action.id))
    program = app.room_screen.scene().snapshot.program
    for squad in program.squads:
        name = squad_name(program, squad.id)
        yield Command(f"Show only {name}", squad.id, partial(app.room_screen.focus_on, squad.id), False)
    for name, title in app.theme_names():
        yield Command(f"Theme: {title}", name, partial(app.use_theme, name), False)


class Actions(Provider):
    """Finds actions by any words of their description, id or keys."""

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for command in commands(cast("RoomApp", self.app)):
            if command.discover:
                yield DiscoveryHit(_entry(command), command.run, text=command.text)

    async def search(self, query: str) -> Hits:
        """What matches, the best first."""
        matcher = self.matcher(query)
        for command in commands(cast("RoomApp", self.app)):
            score = max(matcher.match(command.text), 0.8 * matcher.match(command.note))
            if score > 0:
                yield Hit(score, _entry(command), command.run, text=command.text)


def _entry(command: Command) -> Content:
    """Text and note; never markup, as squads' names come from outside."""
    return Content.assemble(command.text, "  ", (command.note, "dim not bold"))
