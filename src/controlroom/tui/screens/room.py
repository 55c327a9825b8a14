"""The room: header, panes, footer; what is shown, what is looked at, and what the keys do there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Input

from controlroom.domain.snapshot import Snapshot
from controlroom.tui.acts.targets import offers
from controlroom.tui.bars import LEAST, Tab, Tabs, footer, tabs
from controlroom.tui.keys import PANES, Action, Where
from controlroom.tui.layout import ROOM, STRIP, Arrangement, Box, Plan, arrange, mode
from controlroom.tui.lines import line_width
from controlroom.tui.past import Backwards
from controlroom.tui.present import ascii_line
from controlroom.tui.rows import Line, Span, Style, Subject, View
from controlroom.tui.screens.filtering import Filtering
from controlroom.tui.screens.keyed import Placed
from controlroom.tui.screens.marking import Marking
from controlroom.tui.views import VIEWS, Setting
from controlroom.tui.widgets.bar import Bar
from controlroom.tui.widgets.pane import PaneView, Scene, only_older
from controlroom.tui.wishes import Wishes

if TYPE_CHECKING:
    from controlroom.domain.past import Moment

NOTICE_SECONDS = 5
FILTER_LABEL = 9
"""Cells of ``filter /`` before the text field."""


class Frozen(NamedTuple):
    """The moment the screen is held at."""

    snapshot: Snapshot
    now: datetime
    moment: Moment | None = None
    """The moment of the past that it is."""


def _whole(now: datetime) -> datetime:
    """The second that clocks show: all that is said beside a clock is true at what it shows."""
    return now.replace(microsecond=0)


class RoomScreen(Backwards, Marking, Filtering, Screen[None], inherit_bindings=False):
    """All panes at once, or one of them."""

    WHERE: ClassVar[tuple[Where, ...]] = ("room", "list")
    ALLOW_SELECT = False
    AUTO_FOCUS = ""

    def __init__(
        self, snapshot: Snapshot, now: datetime, view: View, setting: Setting = VIEWS["room"]
    ) -> None:
        super().__init__()
        self.styles.set_rule("layout", Placed())
        self.view = view
        self.active = ""
        self.zoomed: str | None = None
        self.frozen: Frozen | None = None
        self._snapshot = snapshot
        self._now = _whole(now)
        self._wishes = Wishes()
        self._arrangement: Arrangement | None = None
        self._arranged_for: tuple[object, ...] = ()
        self._widths: dict[str, int] = {}
        self._widths_for: tuple[int, int, Plan] = (0, 0, ROOM)
        self.plan = ROOM
        """Which panes stand where; a view, or a ritual that comes near, has its own."""
        self._tabs = Tabs((), ())
        self._notice: Line = ()
        self._notice_until: datetime | None = None
        self._heedless = ""
        """The kind of what failed when time or data last asked for something; empty where nothing did."""
        self._returning: tuple[str, str | None] | None = None
        self._editing: Input | None = None
        self._footer_for: tuple[object, ...] = ()
        self._footer_actions: list[Action] = []
        self._footer_told: tuple[list[Action], int, Line] | None = None
        self._footer_line: Line = ()
        self.begin_in(setting)

    def compose(self) -> ComposeResult:
        """Three bars and the panes; none of them inside another."""
        app = self.room_app
        self._header, self._top, self._footer = Bar(id="header"), Bar(id="top"), Bar(id="footer")
        self.panes = {
            pane.id: self.make_pane(pane, number) for number, pane in enumerate(app.parts.panes, start=1)
        }
        self.panes.update(self.own_panes())
        first = self.setting.panes or ("blockers", "services")
        self.active = next((pane for pane in first if pane in self.panes), "")
        self.active = self.active or next(iter(self.panes))
        yield self._header
        yield self._top
        yield from self.panes.values()
        yield self._footer

    def scene(self) -> Scene:
        """What is shown now: the latest, or what the screen is held at."""
        if self.frozen is not None:
            return Scene(self.frozen.snapshot, self.view, self.frozen.now)
        return Scene(self.shown_snapshot, self.view, self._now)

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot, also while the screen is held."""
        return self._snapshot

    @property
    def subject(self) -> Subject | None:
        """What the cursor is on."""
        return self.pane.scroller.subject

    @property
    def acting_on(self) -> Subject | None:
        """What a key of triage is about."""
        return self.subject

    def receive(self, snapshot: Snapshot, now: datetime) -> None:
        """There is something new; that sources were only read again is shown with the next second."""
        before, self._snapshot, self._now = self._snapshot, snapshot, _whole(now)
        if self.frozen is None and not only_older(before, snapshot):
            self.prune(before, snapshot)
            self._show()
        self._take_heed()

    def tick(self) -> None:
        """A second has passed."""
        self._now = _whole(self.room_app.room.clock())
        self._take_heed()
        self._show()

    def _take_heed(self) -> None:
        """Do what time and data ask for; what fails there stops neither the clock nor what is shown."""
        before, self._heedless = self._heedless, ""
        try:
            self.heed()
        except Exception as error:
            self.room_app.note_failure("what time and data change", error)
            self._heedless = type(error).__name__
        if self._heedless != before:
            self._bars_footer()

    def say(self, text: str, style: Style = "text", seconds: float = NOTICE_SECONDS) -> None:
        """Say something in the footer for a while."""
        from datetime import timedelta

        self._notice = (Span(text, style),)
        self._notice_until = self.room_app.room.clock() + timedelta(seconds=seconds)
        self._bars()

    def clear_notice(self) -> None:
        """Say nothing any more."""
        self._notice = ()

    def has_room(self, text: str) -> bool:
        """Whether the footer can say all of `text`."""
        arrangement = self._arrangement
        width = arrangement.footer.width if arrangement is not None and arrangement.mode != "tiny" else 0
        return line_width((Span(text),)) <= width - LEAST

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
        if arrangement.bar is not None:
            boxes.update(self.place_bar(arrangement.bar))
        for bar in (self._header, self._top, self._footer):
            bar.place(boxes.get(bar.id or ""))
            bar.sync()
        return boxes

    def _arrange(self, width: int, height: int) -> bool:
        """Give every pane its box and show the scene in it; whether a box is another one."""
        scene = self.scene()
        self.leave_alone()
        wants = self._wants(width, height, scene)
        plan = self.standing
        asked = (width, height, wants, self.active, self.zoomed, plan)
        if self._arrangement is None or asked != self._arranged_for:
            self._arranged_for = asked
            arrangement = arrange(width, height, wants, self.active, self.zoomed, plan=plan)
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
        plan = self.standing
        if self._widths_for != (width, height, plan):
            # Widths do not depend on what the panes would like, only heights do.
            self._widths_for = (width, height, plan)
            nothing = dict.fromkeys(self.panes, 0)
            rough = arrange(width, height, nothing, self.active, plan=plan).panes
            self._widths = {name: box.width for name, box in rough.items()}
        one_line = STRIP if plan.strip else None
        wants = {
            name: 0 if name == one_line or name not in self._widths else self._measured(name, scene)
            for name in self.panes
        }
        return self._wishes.settle(wants, scene.now)

    def _measured(self, name: str, scene: Scene) -> int:
        return self.panes[name].measure(scene, self._widths[name])

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
            number = self.names.index(self.active)
            self._top.show(self._tabs.line, self._tabs.places[number])
        elif arrangement.strip is not None:
            strip = app.guarded(
                "strip", lambda: app.parts.strip(scene.snapshot, scene.now, scene.view, width - 2)
            )
            self._top.show((Span(" "), *strip))
        self.show_bar(width)
        self._bars_footer()

    def _bars_footer(self) -> None:
        """The footer: keys on the left, what is said on the right."""
        arrangement, app = self._arrangement, self.room_app
        if arrangement is None or arrangement.mode == "tiny":
            return
        if self._editing is not None:
            self._footer.show((Span(" filter ", "dim"), Span("/", "accent")))
        else:
            told = (self._offered(), arrangement.footer.width, self._said())
            if told != self._footer_told:
                self._footer_told = told
                line = footer(*told, plain=app.plain)
                self._footer_line = ascii_line(line) if app.plain else line
            self._footer.show(self._footer_line)

    def _offered(self) -> list[Action]:
        """The actions of the footer: first what makes sense on what is under the cursor."""
        app = self.room_app
        if self.past is not None:
            self._footer_for, self._footer_actions = ("past",), self.offered_there()
            return self._footer_actions
        if self.in_standup:
            self._footer_actions = self.standup.offered()
            self._footer_for = tuple(self._footer_actions)
            return self._footer_actions
        found = () if app.options.read_only else offers(self.scene().snapshot, self.subject)
        if self.marks:
            found = ("row.mark", *found)
        if found and (self._snapshot.outbox.queued or self._snapshot.outbox.conflicts):
            found = ("conflicts.show", *found)
        word = self.summons
        if (word, *found) != self._footer_for or not self._footer_actions:
            self._footer_for = (word, *found)
            first = [app.keymap.action(name)._replace(show_in_footer=True) for name in found]
            rest = app.room_actions
            if word:
                call = app.keymap.action("ritual.begin")._replace(label=word, show_in_footer=True)
                first, rest = [call, *first], [action for action in rest if action.id != call.id]
            self._footer_actions = [*first, *rest]
        return self._footer_actions

    def _moved(self) -> None:
        """The cursor is on another thing: other keys may make sense there."""
        before = self._footer_for
        self._offered()
        if self._footer_for != before:
            self._bars_footer()

    def _header_line(self, scene: Scene, width: int) -> Line:
        line = self.room_app.parts.header(
            scene.snapshot,
            scene.now,
            scene.view,
            width - 2,
            frozen=None if self.frozen is None or self.past is not None else self.frozen.now,
            clock_set=self.room_app.options.clock_set,
            past=None if self.past is None else self._now,
        )
        return (Span(" "), *line)

    def _tab_line(self, width: int) -> Tabs:
        names = {key.pane: key for key in PANES}
        entries = []
        for name in self.names:
            pane, key = self.panes[name], names.get(name)
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
        if self.past is not None:
            return self.said_there()
        if self.frozen is not None:
            seconds = max(0, int((self._now - self.frozen.now).total_seconds()))
            held = f"{seconds // 60}:{seconds % 60:02d}"
            key = self.room_app.key_of("screen.freeze")
            return (Span(f"held for {held}, {key} catches up", "warn"),)
        if failure := self.room_app.engine_failure:
            return (Span(f"the engine stopped: {failure}", "down"),)
        if self._heedless:
            return (Span(f"▲ the arrangement stands still: {self._heedless}", "degraded"),)
        return self._marks_line()

    def do_view_back(self) -> None:
        """One thing less: the past, the marks, the filter, the zoom, the focus on a squad."""
        if self.past is not None:
            self.do_past_now()
            return
        if self.marks:
            self._mark(())
        elif self.pane.since:
            self.do_changes_show()
        elif self.pane.filter:
            self.pane.set_filter("")
        elif self.zoomed is not None:
            self.do_pane_zoom()
            return
        elif self.view.focus_squad is not None and not self.in_standup:
            self.focus_on(None)
            return
        elif self.take_back():
            self._show(settled=False)
            return
        self._show()

    def on_row_list_chosen(self, event: PaneView.Chosen) -> None:
        """A click goes to the pane and row; a second one opens it."""
        event.stop()
        self._touched = True
        if isinstance(event.rows, PaneView) and event.rows.pane.id != self.active:
            self.go(event.rows.pane.id)
        if event.twice:
            self.do_detail_open()

    def on_bar_clicked(self, event: Bar.Clicked) -> None:
        """A click on a tab goes there; on the strip, to what changed."""
        event.stop()
        if event.bar is self._top and self._arrangement is not None:
            if self._arrangement.tabs is None:
                self.go(STRIP)
            elif (number := self._tabs.at(event.x)) is not None:
                self.go(self.names[number])

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

    def do_waiting_show(self) -> None:
        """Who waits on whom, and what to unblock first."""
        from controlroom.tui.screens.waiting import WaitingScreen

        self.room_app.push_screen(WaitingScreen())

    def do_conflicts_show(self) -> None:
        """One's own actions that wait, and those that met another's."""
        from controlroom.tui.screens.outbox import OutboxScreen

        if self.room_app.options.read_only:
            self.say("read-only: nothing was done here that could wait", "warn")
        else:
            self.room_app.push_screen(OutboxScreen())

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
        self._now = _whole(self.room_app.room.clock())
        self.frozen = None if self.frozen is not None else Frozen(self._snapshot, self._now)
        self._notice = ()
        self._show()

    def do_sources_poll(self) -> None:
        """Ask everything now."""
        self.room_app.room.poll_now(None)
        relayed = self._snapshot.relayed
        if relayed is None:
            self.say("asking every source now")
        elif relayed.lost:
            self.say("looking for the collector now")
        else:
            self.say("the collector asks: it tells as soon as something is new")
