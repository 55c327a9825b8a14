"""Choosing a view, on the app: what may be done follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from controlroom.tui.keys import offered, shown
from controlroom.tui.views import VIEWS, ViewName

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp


class Viewing:
    """What the app knows of views; mixed into it."""

    _unrestricted = False
    """Whether something may be changed where the view does not forbid it; set by the first `restrict`."""
    _restricted: bool | None = None

    @property
    def _viewed(self) -> RoomApp:
        return cast("RoomApp", self)

    def restrict(self, *, read_only: bool) -> None:
        """Offer what may be changed, or nothing; what was opened read-only stays so."""
        app = self._viewed
        if self._restricted is None:
            self._unrestricted = not app.options.read_only
        self._restricted = read_only
        app.options = app.options._replace(read_only=read_only or not self._unrestricted)
        app.offered = offered(app.keymap.actions, read_only=app.options.read_only)
        app.room_actions = [action for action in app.offered if action.where not in ("dialog", "standup")]

    @property
    def assigns(self) -> str:
        """The key that gives alerts to a squad, as people read it; empty where nothing may be changed."""
        app = self._viewed
        key = "" if app.options.read_only else next(iter(app.keymap.action("blocker.assign").keys), "")
        return shown(key, plain=app.plain) if key else ""

    def do_view_choose(self) -> None:
        """Choose a view from a list."""
        from controlroom.tui.screens.picker import Choice, Picker

        app = self._viewed
        choices = [Choice(setting.id, setting.title, setting.note) for setting in VIEWS.values()]
        app.push_screen(Picker("View", choices, app.room_screen.setting.id), self._chosen)

    def _chosen(self, name: str | None) -> None:
        if name is not None and name != self._viewed.room_screen.setting.id:
            self._viewed.room_screen.enter(cast("ViewName", name))
