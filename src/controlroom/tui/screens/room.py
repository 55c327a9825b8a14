"""The room: header, panes, footer; what is shown, what is looked at, and what the keys do there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.events import Key
from textual.screen import Screen
from textual.widgets import Input

from controlroom.domain.snapshot import Snapshot
from controlroom.tui.bars import Tab, Tabs, footer, tabs
from controlroom.tui.keys import PANES, Where
from controlroom.tui.layout import STRIP, Arrangement, Box, arrange, mode
from controlroom.tui.rows import Line, Span, Style, Subject, View
from controlroom.tui.screens.keyed import Keyed, Placed
from controlroom.tui.widgets.bar import Bar
from controlroom.tui.widgets.pane import PaneView, Scene
from controlroom.tui.wishes import Wishes

NOTICE_SECONDS = 5
FILTER_LABEL = 9
"""Cells of ``filter /`` before the text field."""

EDITING = {"escape": "filter.cancel", "enter": "filter.keep", "tab": "filter.keep"}
MOVING_WHILE_EDITING = {"up": "cursor.up", "down": "cursor.down", "pageup": "cursor.page_up"}
MOVING_WHILE_EDITING["pagedown"] = "cursor.page_down"


class Frozen(NamedTuple):
    """The moment the screen is held at."""

    snapshot: Snapshot
    now: datetime


class RoomScreen(Keyed, Screen[None], inherit_bindings=False):
    """All panes at once, or one of them."""

    WHERE: ClassVar[tuple[Where, ...]] = ("room", "list")
    ALLOW_SELECT = False
    AUTO_FOCUS = ""

    def __init__(self, snapshot: Snapshot, now: datetime, view: View) -> None:
        super().__init__()
        self.styles.set_rule("layout", Placed())
        self.view = view
        self.active = ""
        self.zoomed: str | None = None
        self.frozen: Frozen | None = None
        self._snapshot = snapshot
        self._now = now
        self._wishes = Wishes()
        self._arrangement: Arrangement | None = None
        self._arranged_for: tuple[object, ...] = ()
        self._widths: dict[str, int] = {}
        self._widths_for = (0, 0)
        self._tabs = Tabs((), ())
        self._notice: Line = ()
        self._notice_until: datetime | None = None
        self._returning: tuple[str, str | None] | None = None
        self._editing: Input | None = None

    def compose(self) -> ComposeResult:
        """Three bars and the panes; none of them inside another."""
        app = self.room_app
        self._header, self._top, self._footer = Bar(id="header"), Bar(id="top"), Bar(id="footer")
        self.panes = {
            pane.id: PaneView(pane, number, app.parts.compile_filter, app.note_failure)
            for number, pane in enumerate(app.parts.panes, start=1)
        }
        self.active = next((pane for pane in ("blockers", "services") if pane in self.panes), "")
        self.active = self.active or next(iter(self.panes))
        yield self._header
        yield self._top
        yield from self.panes.values()
        yield self._footer

    def scene(self) -> Scene:
        """What is shown now: the latest, or what the screen is held at."""
        if self.frozen is not None:
            return Scene(self.frozen.snapshot, self.view, self.frozen.now)
        return Scene(self._snapshot, self.view, self._now)

    @property
    def pane(self) -> PaneView:
        """The pane the cursor is in."""
        return self.panes[self.active]

    @property
    def subject(self) -> Subject | None:
        """What the cursor is on."""
        return self.pane.scroller.subject

    def receive(self, snapshot: Snapshot, now: datetime) -> None:
        """There is something new."""
        self._snapshot, self._now = snapshot, now
        if self.frozen is None:
            self._show()

    def tick(self) -> None:
        """A second has passed."""
        self._now = self.room_app.room.clock()
        self._show()

    def say(self, text: str, style: Style = "text", seconds: float = NOTICE_SECONDS) -> None:
        """Say something in the footer for a while."""
        from datetime import timedelta

        self._notice = (Span(text, style),)
        self._notice_until = self.room_app.room.clock() + timedelta(seconds=seconds)
        self._bars()

    # What is where

    def places(self, width: int, height: int) -> dict[str, Box]:
        """Every widget's box at this size. Called by Textual when it lays out the screen."""
        self._arrange(width, height)
        assert self._arrangement is not None
        self._bars()
        arrangement = self._arrangement
        boxes = dict(arrangement.panes)
        if arrangement.strip is not None:
            boxes["top"] = boxes.pop(arrangement.strip)
        elif arrangement.tabs is not None:
            boxes["top"] = arrangement.tabs
        boxes["header"], boxes["footer"] = arrangement.header, arrangement.footer
        if arrangement.mode == "tiny":
            boxes["header"] = Box(0, 0, width, height)
            del boxes["footer"]
        elif self._editing is not None:
            x, y, wide, high = arrangement.footer
            boxes["footer"] = Box(x, y, FILTER_LABEL, high)
            boxes["filter"] = Box(x + FILTER_LABEL, y, wide - FILTER_LABEL, high)
        for bar in (self._header, self._top, self._footer):
            bar.place(boxes.get(bar.id or ""))
            bar.sync()
        return boxes

    def _arrange(self, width: int, height: int) -> bool:
        """Give every pane its box and show the scene in it; whether a box is another one."""
        scene = self.scene()
        wants = self._wants(width, height, scene)
        asked = (width, height, wants, self.active, self.zoomed)
        if self._arrangement is None or asked != self._arranged_for:
            self._arranged_for = asked
            arrangement = arrange(width, height, wants, self.active, self.zoomed)
        else:
            arrangement = self._arrangement
        changed = arrangement != self._arrangement
        self._arrangement = arrangement
        single = arrangement.mode == "single"
        for name, pane in self.panes.items():
            shown = None if name == arrangement.strip else arrangement.panes.get(name)
            pane.frame = "rule" if single else "box"
            pane.zoomed = self.zoomed == name
            pane.place(shown)
            pane.active = name == self.active
            pane.show(scene)
        return changed

    def _wants(self, width: int, height: int, scene: Scene) -> dict[str, int]:
        """Lines each pane would like; they only matter where several are shown."""
        kind = mode(width, height)
        if kind in ("single", "tiny") or self.zoomed is not None:
            return dict.fromkeys(self.panes, 0)
        if self._widths_for != (width, height):
            # Widths do not depend on what the panes would like, only heights do.
            self._widths_for = (width, height)
            rough = arrange(width, height, dict.fromkeys(self.panes, 0), self.active).panes
            self._widths = {name: box.width for name, box in rough.items()}
        wants = {
            name: 0 if name == STRIP else pane.measure(scene, self._widths[name])
            for name, pane in self.panes.items()
        }
        return self._wishes.settle(wants, scene.now)

    def _show(self, *, settled: bool = True) -> None:
        """Show the scene; lay out anew where a pane's box changed."""
        if not self.is_mounted or not self.size:
            return
        if not settled:
            self._wishes.forget()
        if self._arrange(self.size.width, self.size.height):
            self.lay_out()
        self._bars()

    def _bars(self) -> None:
        """Header, strip or tabs, and footer."""
        arrangement, app = self._arrangement, self.room_app
        if arrangement is None:
            return
        width = arrangement.header.width
        if arrangement.mode == "tiny":
            self._header.show(((Span("too small: 60×16 needed", "warn")),))
            return
        scene = self.scene()
        self._header.show(app.guarded("header", lambda: self._header_line(scene, width)))
        if arrangement.tabs is not None:
            self._tabs = self._tab_line(width)
            number = list(self.panes).index(self.active)
            self._top.show(self._tabs.line, self._tabs.places[number])
        elif arrangement.strip is not None:
            strip = app.guarded(
                "strip", lambda: app.parts.strip(scene.snapshot, scene.now, scene.view, width - 2)
            )
            self._top.show((Span(" "), *strip))
        if self._editing is not None:
            self._footer.show((Span(" filter ", "dim"), Span("/", "accent")))
        else:
            self._footer.show(footer(app.room_actions, width, self._said(), plain=app.plain))

    def _header_line(self, scene: Scene, width: int) -> Line:
        line = self.room_app.parts.header(
            scene.snapshot,
            scene.now,
            scene.view,
            width - 2,
            frozen=None if self.frozen is None else self.frozen.now,
            clock_set=self.room_app.options.clock_set,
        )
        return (Span(" "), *line)

    def _tab_line(self, width: int) -> Tabs:
        names = {key.pane: key for key in PANES}
        entries = []
        for name, pane in self.panes.items():
            key = names.get(name)
            label, short = (key.label, key.short) if key else (name, name[:5])
            # A count such as "4, 2 errors" begins with its number; what needs no eye has no room.
            count, style = pane.heading.count.split(" ")[0].rstrip(","), pane.heading.count_style
            entries.append(Tab(name, pane.number, label, short, "" if style == "dim" else count, style))
        return tabs(entries, self.active, width)

    def _said(self) -> Line:
        """What the footer says on its right: a notice, how long the screen is held, what failed."""
        if self._notice and self._notice_until is not None:
            left = (self._notice_until - self.room_app.room.clock()).total_seconds()
            # A clock that was set back must not keep a notice for hours.
            if 0 < left <= 60:
                return self._notice
            self._notice = ()
        if self.frozen is not None:
            seconds = max(0, int((self._now - self.frozen.now).total_seconds()))
            held = f"{seconds // 60}:{seconds % 60:02d}"
            return (Span(f"held for {held}, Space catches up", "warn"),)
        failure = self.room_app.engine_failure
        return (Span(f"the engine stopped: {failure}", "down"),) if failure else ()

    # Going about

    def go(self, name: str) -> None:
        """Put the cursor into a pane; one that is a strip or hidden is shown."""
        if name not in self.panes:
            return
        if self.zoomed is not None and self.zoomed != name:
            self.zoomed = name if name == STRIP else None
        self.active = name
        if name == STRIP and self._arrangement is not None and self._arrangement.tabs is None:
            self.zoomed = name
        self._show(settled=False)

    def act(self, action: str) -> None:
        """Number keys go to panes; everything else is a method."""
        noun, _, verb = action.partition(".")
        if noun == "pane" and verb in self.panes:
            self.go(verb)
        else:
            super().act(action)

    def _step(self, step: int) -> None:
        names = list(self.panes)
        if self.zoomed is None and self._arrangement is not None and self._arrangement.strip is not None:
            names.remove(self._arrangement.strip)
        place = names.index(self.active) if self.active in names else 0
        target = names[(place + step) % len(names)]
        if self.zoomed is not None:
            self.zoomed = target
        self.active = target
        self._show(settled=False)

    def do_pane_next(self) -> None:
        """The next pane."""
        self._step(1)

    def do_pane_previous(self) -> None:
        """The pane before."""
        self._step(-1)

    def do_pane_zoom(self) -> None:
        """The whole room for this pane, and back."""
        self.zoomed = None if self.zoomed is not None else self.active
        if self.zoomed is None and self.active == STRIP:
            self._leave_strip()
        self._show(settled=False)

    def do_changes_show(self) -> None:
        """Everything that changed, and back to where the person was."""
        if self.active == STRIP and self._returning is not None:
            self.active, self.zoomed = self._returning
            self._returning = None
            self._show(settled=False)
        elif STRIP in self.panes and self.active != STRIP:
            self._returning = self.active, self.zoomed
            self.go(STRIP)

    def _leave_strip(self) -> None:
        """A strip cannot hold the cursor: go back to where it was, or to the next pane."""
        names = [name for name in self.panes if name != STRIP]
        self.active, self._returning = (self._returning or (names[0] if names else STRIP, None))[0], None

    def do_view_back(self) -> None:
        """One thing less: the filter, the zoom, the focus on a squad."""
        if self.pane.filter:
            self.pane.set_filter("")
        elif self.zoomed is not None:
            self.do_pane_zoom()
            return
        elif self.view.focus_squad is not None:
            self.focus_on(None)
            return
        self._show()

    # Moving

    def do_cursor_up(self) -> None:
        """The row above."""
        self._move(lambda: self.pane.scroller.move(-1))

    def do_cursor_down(self) -> None:
        """The row below."""
        self._move(lambda: self.pane.scroller.move(1))

    def do_cursor_page_up(self) -> None:
        """A page up."""
        self._move(lambda: self.pane.scroller.page(-1))

    def do_cursor_page_down(self) -> None:
        """A page down."""
        self._move(lambda: self.pane.scroller.page(1))

    def do_cursor_first(self) -> None:
        """The first row."""
        self._move(self.pane.scroller.first)

    def do_cursor_last(self) -> None:
        """The last row."""
        self._move(self.pane.scroller.last)

    def do_cursor_left(self) -> None:
        """The card or the pane on the left."""
        self._sideways(-1)

    def do_cursor_right(self) -> None:
        """The card or the pane on the right."""
        self._sideways(1)

    def _move(self, step: Callable[[], None]) -> None:
        step()
        self.pane.sync()

    def _sideways(self, step: int) -> None:
        if self.pane.scroller.sideways(step):
            self.pane.sync()
            return
        neighbour = self._neighbour(step)
        if neighbour is not None:
            self.go(neighbour)

    def _neighbour(self, step: int) -> str | None:
        """The pane beside this one, at the height of its middle; a tab's neighbour is the next tab."""
        arrangement = self._arrangement
        if arrangement is None:
            return None
        if arrangement.tabs is not None:
            names = list(self.panes)
            place = names.index(self.active) + step
            return names[place] if 0 <= place < len(names) else None
        here = arrangement.panes.get(self.active)
        if here is None or self.zoomed is not None:
            return None
        edge = here.x + here.width if step > 0 else here.x
        beside = {
            name: box
            for name, box in arrangement.panes.items()
            if name != arrangement.strip and (box.x if step > 0 else box.x + box.width) == edge
        }
        middle = here.y + here.height // 2
        return next((n for n, box in beside.items() if box.y <= middle < box.y + box.height), None)

    def on_row_list_chosen(self, event: PaneView.Chosen) -> None:
        """A click goes to the pane and row; a second one opens it."""
        event.stop()
        if isinstance(event.rows, PaneView) and event.rows.pane.id != self.active:
            self.go(event.rows.pane.id)
        if event.twice:
            self.do_detail_open()

    def on_bar_clicked(self, event: Bar.Clicked) -> None:
        """A click on a tab goes there; on the strip, to what changed."""
        event.stop()
        if event.bar is self._top and self._arrangement is not None:
            if self._arrangement.tabs is None:
                self.do_changes_show()
            elif (number := self._tabs.at(event.x)) is not None:
                self.go(list(self.panes)[number])

    # Looking closer, taking away

    def do_detail_open(self) -> None:
        """Everything about what is under the cursor."""
        if self.subject is None:
            self.say("nothing to open here")
        else:
            self.room_app.open_detail(self.subject)

    def do_subject_copy(self) -> None:
        """Its text to the clipboard."""
        self.room_app.copy_subject(self.subject)

    def do_link_open(self) -> None:
        """Its runbook or link."""
        self.room_app.open_subject(self.subject)

    def do_lints_show(self) -> None:
        """What is wrong with what was written."""
        from controlroom.tui.screens.lints import LintsScreen

        self.room_app.push_screen(LintsScreen())

    # Choosing what is shown

    def do_squad_focus(self) -> None:
        """One squad everywhere, or everybody again."""
        if self.view.focus_squad is not None:
            self.focus_on(None)
            return
        row = self.pane.scroller.row
        squads = () if row is None else row.squads
        if len(squads) == 1:
            self.focus_on(squads[0])
        else:
            self.room_app.choose_squad(squads, self.focus_on)

    def focus_on(self, squad: str | None) -> None:
        """Show only what concerns `squad`; None shows everybody's."""
        self.view = replace(self.view, focus_squad=squad)
        self._show(settled=False)

    def do_zones_cycle(self) -> None:
        """The viewer's zone, the programme's, UTC."""
        app = self.room_app
        zones = tuple(dict.fromkeys((app.options.viewer_zone, self._snapshot.program.zone, "UTC")))
        place = zones.index(self.view.viewer_zone) if self.view.viewer_zone in zones else -1
        self.view = replace(self.view, viewer_zone=zones[(place + 1) % len(zones)])
        self._show()
        self.say(f"times in {self.view.viewer_zone}")

    def do_screen_freeze(self) -> None:
        """Hold the screen still, or catch up."""
        self._now = self.room_app.room.clock()
        self.frozen = None if self.frozen is not None else Frozen(self._snapshot, self._now)
        self._notice = ()
        self._show()

    def do_sources_poll(self) -> None:
        """Ask everything now."""
        self.room_app.room.poll_now(None)
        self.say("asking every source now")

    # Filtering

    async def do_filter_edit_now(self) -> None:
        """Open the text field in the footer's place."""
        if self._editing is None:
            self._editing = Input(self.pane.filter, id="filter", compact=True, select_on_focus=False)
            await self.mount(self._editing)
            self._editing.focus(scroll_visible=False)
            self._show()
            self.lay_out()

    def do_filter_edit(self) -> None:
        """Type a filter for this pane."""
        self.call_next(self.do_filter_edit_now)

    def action_for(self, event: Key) -> str | None:
        """While a filter is typed only a few keys mean something else than text."""
        if self._editing is None:
            return super().action_for(event)
        if event.key in EDITING:
            return EDITING[event.key]
        return MOVING_WHILE_EDITING.get(event.key)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        event.stop()
        self.pane.set_filter(event.value)

    def do_filter_keep(self) -> None:
        """Close the text field, keep the filter."""
        self._close_filter()

    def do_filter_cancel(self) -> None:
        """Close the text field, show everything."""
        self.pane.set_filter("")
        self._close_filter()

    def _close_filter(self) -> None:
        field, self._editing = self._editing, None
        if field is not None:
            field.remove()
            self.set_focus(None)
        self._show()
        self.lay_out()
