"""What the room is arranged for: the view that was chosen, a ritual that comes near, what changed since."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from controlroom.domain.runs import Key
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.tui.layout import Plan, mode
from controlroom.tui.rows import Pane, View
from controlroom.tui.screens.marking import Marking
from controlroom.tui.views import VIEWS, Setting, ViewName, plan_for, showing
from controlroom.tui.widgets.pane import PaneView

if TYPE_CHECKING:
    from controlroom.tui.screens.room import Frozen


class Occasions(Marking):
    """The part of the room's screen that knows views."""

    setting: Setting
    plan: Plan
    view: View
    frozen: Frozen | None
    _now: datetime
    _snapshot: Snapshot
    _editing: object
    _near: tuple[Key, Plan] | None = None
    """Which holding of a ritual the panes are arranged for, and how."""
    _dismissed: Key | None = None
    """The holding whose arrangement the person did not want."""
    _touched = False
    """Somebody has pressed a key or the mouse since the room was opened, or since its page was turned."""
    _turned_at: datetime | None = None
    """When a page was last turned."""
    _down: frozenset[str] = frozenset()
    """Services that are known to be down by themselves."""

    # The view that was chosen

    @property
    def names(self) -> list[str]:
        """The panes of this view in the order of its tabs, and the one the cursor is in."""
        shown = [name for name in self.setting.panes or self.panes if name in self.panes]
        return shown if self.active in shown or not self.active else [*shown, self.active]

    @property
    def standing(self) -> Plan:
        """Which panes stand where now: as planned, with the one the cursor is in."""
        return showing(self.plan, self.active)

    def begin_in(self, setting: Setting) -> None:
        """Take the view that the room is opened in, before anything is shown."""
        self.setting, self.plan = setting, setting.plan
        self.view = replace(self.view, occasion=setting.word)
        self._down = self._failing()

    def own_panes(self) -> dict[str, PaneView]:
        """The panes that only this view has, newly made."""
        return {pane.id: self.make_pane(pane, 0) for pane in _own(self.setting)}

    def make_pane(self, pane: Pane, number: int) -> PaneView:
        """A pane of the screen."""
        app = self.room_app
        return PaneView(pane, number, app.parts.compile_filter, app.note_failure)

    def enter(self, name: ViewName) -> None:
        """Show the room in another view; the cursor stays in its pane where the view has it."""
        setting, before = VIEWS[name], self.setting
        self.room_app.restrict(read_only=setting.read_only)
        for pane in _own(before):
            self.panes.pop(pane.id).remove()
        self.begin_in(setting)
        self.view = replace(self.view, assigns=self.room_app.assigns, page=0)
        self._near, self.zoomed, self._returning = None, None, None
        self._turned_at = self._now
        for id_, made in self.own_panes().items():
            self.panes[id_] = made
            cast("Screen[None]", self).mount(made)
        if self.active not in (setting.panes or self.panes):
            self.active = next(iter(setting.panes or self.panes))
        if setting.read_only:
            self._mark(())
        self.lay_out()
        self._show(settled=False)

    # What time and data change

    def heed(self) -> None:
        """Something is new, or a second has passed: a page turns, the bell rings, a ritual comes near."""
        if self.frozen is None:
            self._come_near()
            self._turn_by_itself()
        if self.setting.rings and self.room_app.options.bell:
            from controlroom.tui.bell import heard

            self._down, new = heard(self._down, self._snapshot.services, self._now)
            if new:
                self.room_app.bell()

    def _failing(self) -> frozenset[str]:
        """What is known to be down already, also from an earlier run: the bell does not ring for it."""
        services = self._snapshot.services
        return frozenset(s.service.id for s in services if s.health is Health.DOWN and s.caused_by is None)

    def _turn_by_itself(self) -> None:
        every = self.room_app.options.page
        if not self.setting.pages or not every:
            return
        waited = None if self._turned_at is None else (self._now - self._turned_at).total_seconds()
        # A clock that was set back must not hold a page for hours.
        if waited is None or not 0 <= waited < every:
            self._touched = False
            self.turn(1 if waited is not None else 0)

    def turn(self, step: int) -> None:
        """Turn the pages of a view that has pages."""
        self._turned_at = self._now
        if step:
            self.view = replace(self.view, page=self.view.page + step)
            self._show()

    def do_cursor_page_up(self) -> None:
        """A page up; where the view has pages, the page before."""
        if self.setting.pages:
            self.turn(-1)
        else:
            super().do_cursor_page_up()

    def do_cursor_page_down(self) -> None:
        """A page down; where the view has pages, the next one."""
        if self.setting.pages:
            self.turn(1)
        else:
            super().do_cursor_page_down()

    # A ritual that comes near

    def _come_near(self) -> None:
        """Arrange the panes for a ritual that starts soon or is on, and as before once it is over."""
        if self.setting.id != "room" or not any(r.layout for r in self._snapshot.program.rituals):
            return
        from controlroom.tui import nearing

        occurrence = nearing.near(self._snapshot.program, self._snapshot.runs, self._now)
        wanted = None if occurrence is None else Key.of(occurrence)
        if (wanted if wanted != self._dismissed else None) == (self._near and self._near[0]):
            return
        if not self._hands_off():
            return
        if self._near is not None:
            self._go_back()
        if occurrence is None or wanted is None or wanted == self._dismissed:
            self._show(settled=False)
            return
        if self.plan is self.setting.plan:
            layout = [pane for pane in occurrence.ritual.layout if pane in self.panes]
            self.plan = plan_for(layout)
            self._near = wanted, self.plan
            title = occurrence.ritual.title or occurrence.ritual.id
            self.say(f"arranged for {title}; {self.room_app.key_of('view.back')}: all panes", seconds=10)
            self._show(settled=False)

    def _hands_off(self) -> bool:
        """Nobody is in the middle of anything that another arrangement would disturb."""
        screen = cast("Screen[None]", self)
        quiet = self.zoomed is None and not self.marks and self._editing is None
        looking = any(pane.filter or pane.since for pane in self.panes.values())
        roomy = mode(screen.size.width, screen.size.height) in ("wide", "medium")
        return quiet and not looking and self.room_app.screen is screen and (roomy or self._near is not None)

    def _go_back(self) -> None:
        """As the view has it, unless something else arranged the panes since."""
        if self._near is not None and self.plan is self._near[1]:
            self.plan = self.setting.plan
        self._near = None

    def take_back(self) -> bool:
        """Take back the arrangement for a ritual, for as long as that lasts; whether there was one."""
        if self._near is None:
            return False
        self._dismissed = self._near[0]
        self._go_back()
        return True

    # What changed since

    def do_changes_show(self) -> None:
        """What changed of the things of this pane, and the pane again; where all of it is shown, back."""
        if self.active == "changes":
            super().do_changes_show()
            return
        self.pane.set_since(not self.pane.since)
        self._show(settled=False)

    def leave_alone(self) -> None:
        """What nobody works on shows the worst first, and a pane without the cursor all of it."""
        for name, pane in self.panes.items():
            pane.alone = not self._touched
            if name != self.active:
                pane.set_since(False)

    def act(self, action: str) -> None:
        """Somebody is there: from now on the cursor stays on its row."""
        self._touched = True
        super().act(action)


def _own(setting: Setting) -> tuple[Pane, ...]:
    """The panes that only this view has."""
    if setting.id != "wall":
        return ()
    from controlroom.tui.panes import numbers, worst

    return worst.PANE, numbers.PANE
