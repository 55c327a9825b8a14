"""The room as a Textual app: it shows Snapshots that it is given, and never polls by itself."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from rich.console import RenderableType
from rich.text import Text
from textual import work
from textual.app import App
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from controlroom.config import themes as theme_files
from controlroom.config.themes import ThemeFile
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean
from controlroom.tui import leaving, takeaway
from controlroom.tui.keys import Action, Where, offered, resolve
from controlroom.tui.lean import lean
from controlroom.tui.lines import as_text
from controlroom.tui.parts import Parts, usual
from controlroom.tui.port import Options, Room
from controlroom.tui.rows import Line, Span, Style, Subject, View
from controlroom.tui.screens.keyed import Keyed
from controlroom.tui.screens.room import NOTICE_SECONDS, RoomScreen
from controlroom.tui.telling import Telling
from controlroom.tui.themes import textual_theme
from controlroom.tui.triaging import Triaging
from controlroom.tui.viewing import Viewing
from controlroom.tui.views import VIEWS
from controlroom.tui.widgets.ink import Inks, colored, sixteen

if TYPE_CHECKING:
    from controlroom.tui.details.base import Detail

ASKED_TWICE_WITHIN = 2.0
"""Seconds in which a second Ctrl-C leaves."""

FIRST_DATA = 5.0
"""Seconds after the first paint by which the sources are imported and have brought most of what stays."""


class Received(Message):
    """A new Snapshot; one that is still waiting is replaced by it."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        """Only the latest counts."""
        return isinstance(message, Received)


class RoomApp(Viewing, Telling, Triaging, App[int], inherit_bindings=False):
    """One room on one terminal."""

    TITLE = "controlroom"
    CSS_PATH = Path(__file__).parent / "screens" / "room.tcss"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(
        self,
        room: Room,
        options: Options,
        parts: Parts | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.room = room
        self.options = options
        self.parts = usual() if parts is None else parts
        self.keymap = resolve(options.keys)
        self.offered = offered(self.keymap.actions, read_only=options.read_only)
        """The actions that help, palette and footer speak of."""
        self.room_actions = [a for a in self.offered if a.where != "dialog"]
        self.engine_failure = ""
        self.arrived = asyncio.Event()
        """Set when the next snapshot is here."""
        self.inks: Inks = sixteen()
        self.plain = options.ascii or not _unicode_terminal()
        self.problems: list[str] = [*options.notices, *map(str, self.keymap.problems)]
        self.on_leave: Callable[[int], None] | None = None
        self._lookups: dict[tuple[Where, ...], Mapping[str, str]] = {}
        self._noted: set[tuple[str, str]] = set()
        self._interrupted: datetime | None = None
        self._notified = False
        self._few_colors = few_colors(environ)
        # The terminal's own colours must stay what they are, and not become the nearest to a theme's.
        super().__init__(ansi_color=True if self._few_colors else None)
        self._begin_with_theme(options.theme)

    # Starting

    def get_default_screen(self) -> Screen[None]:
        """The room is the first screen: there is no empty one before it."""
        options = self.options
        setting = VIEWS[options.view]
        self.restrict(read_only=setting.read_only)
        view = View(
            viewer_zone=options.viewer_zone,
            ascii=self.plain,
            redact=options.redact,
            assigns=self.assigns,
            key=self.key_of,
        )
        self.room_screen = RoomScreen(self.room.snapshot, self.room.clock(), view, setting)
        if options.past is not None:
            self.room_screen.begin_in_past(options.past)
        return self.room_screen

    def on_mount(self) -> None:
        """Whatever takes time begins after the first paint."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        # What start-up made stays for good: collecting it again and again would only cost pauses.
        gc.freeze()
        gc.enable()
        self.set_timer(FIRST_DATA, gc.freeze)
        self.room.subscribe(self.receive)
        self._run_engine()
        self._schedule_tick()
        for problem in self.problems:
            self.notify(problem, severity="warning", timeout=12, markup=False)

    @work(group="engine", exit_on_error=False, description="polls every source until the room is left")
    async def _run_engine(self) -> None:
        await self.room.run()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """The engine may only end when the room does."""
        if event.worker.group == "engine" and event.state is WorkerState.ERROR:
            error = event.worker.error
            self.engine_failure = type(error).__name__
            if isinstance(error, Exception):
                self.note_failure("engine", error)
            self.room_screen.tick()

    # Snapshots and time

    def receive(self, snapshot: Snapshot) -> None:
        """Show `snapshot` as soon as the keyboard lets; from any thread."""
        self.post_message(Received(snapshot))

    def on_received(self, event: Received) -> None:
        """Hand it to the room and to what lies over it, and wake whoever waits for something to be shown."""
        self.room_screen.receive(event.snapshot, self.room.clock())
        self._tick_dialogs()
        self.acting.handing.arrived(event.snapshot)
        arrived, self.arrived = self.arrived, asyncio.Event()
        arrived.set()

    def _schedule_tick(self) -> None:
        """Wake right after the next full second of the room's clock."""
        self.set_timer(1.002 - self.room.clock().microsecond / 1_000_000, self._tick)

    def _tick(self) -> None:
        self._schedule_tick()
        if self._driver is not None and not self.is_headless and leaving.terminal_lost():
            self.leave(129)
        else:
            self.on_tick()

    def on_tick(self) -> None:
        """A second has passed: show what time changes."""
        self.room_screen.tick()
        self._tick_dialogs()

    def _tick_dialogs(self) -> None:
        for screen in self.screen_stack[1:]:
            if isinstance(screen, Keyed):
                screen.tick()
        for covered in self.screen_stack[1:-1]:
            # A dialog under another keeps its picture of the room until it is told to draw it again.
            covered.refresh()

    # Keys and actions

    def lookup(self, where: tuple[Where, ...]) -> Mapping[str, str]:
        """Key → action id for a place."""
        if where not in self._lookups:
            self._lookups[where] = self.keymap.lookup(*where)
        return self._lookups[where]

    def key_of(self, name: str) -> str:
        """The key of an action, to be named in a sentence: the one that the footer names."""
        return self.keymap.text(name, plain=self.plain)

    def act(self, name: str) -> None:
        """Do an action from anywhere; one of the room or of a standup closes what lies over it."""
        action: Action = self.keymap.action(name)
        if action.where in ("room", "standup"):
            while len(self.screen_stack) > 1 and self.screen is not self.room_screen:
                self.pop_screen()
            self.room_screen.act(name)
        elif isinstance(self.screen, Keyed):
            self.screen.act(name)

    def do_app_quit(self) -> None:
        """Leave."""
        self.leave(0)

    def do_app_interrupt(self) -> None:
        """Ctrl-C: the first says how to leave, the second does."""
        now = datetime.now(UTC)
        before, self._interrupted = self._interrupted, now
        if before is not None and (now - before).total_seconds() < ASKED_TWICE_WITHIN:
            self.leave(130)
        else:
            self.room_screen.say(f"press {self.key_of('app.quit')} to leave, or Ctrl-C again")

    def leave(self, code: int) -> None:
        """End the app; whoever watches over leaving sees to it that it happens."""
        if self.on_leave is not None:
            self.on_leave(code)
        else:
            self.exit(code, return_code=code)

    def do_help_show(self) -> None:
        """Every key; again: back."""
        from controlroom.tui.screens.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.screen.close()
        else:
            self.push_screen(HelpScreen())

    def do_palette_show(self) -> None:
        """Any action by name."""
        from textual.command import CommandPalette

        from controlroom.tui.palette import Actions

        if not CommandPalette.is_open(cast("App[object]", self)):
            self.push_screen(CommandPalette(providers=[Actions], placeholder="What to do?"))

    def do_theme_choose(self) -> None:
        """Choose a theme from a list."""
        from controlroom.tui.screens.picker import Choice, Picker

        choices = [Choice(name, title, name) for name, title in self.theme_names()]
        self.push_screen(
            Picker("Theme", choices, self.theme), lambda name: None if name is None else self.use_theme(name)
        )

    # Details, clipboard, links

    def describe(self, subject: Subject) -> Detail:
        """Everything about `subject` in the scene that is shown; a failure is told, not raised."""
        scene = self.room_screen.scene()
        try:
            return self.parts.describe(scene.snapshot, subject, scene.now, scene.view)
        except Exception as error:
            self.note_failure(f"detail of {subject.kind}", error)
            from controlroom.tui.details.base import Detail

            said = (Span(f"▲ the detail cannot be shown: {type(error).__name__}", "degraded"),)
            return Detail(clean(subject.id), (said,))

    def open_detail(self, subject: Subject) -> None:
        """Show everything about `subject`."""
        from controlroom.tui.screens.detail import DetailScreen

        self.push_screen(DetailScreen(subject))

    @property
    def few_colors(self) -> bool:
        """Whether surfaces cannot be told apart by their colour."""
        return self._few_colors

    def say(self, text: str, style: Style = "text", seconds: float = NOTICE_SECONDS) -> None:
        """A short notice: in the footer, or over what hides it. One that warns is never cut off."""
        if self._notified:
            # The one before has had its time: several would cover the room, or contradict each other.
            self.clear_notifications()
        in_footer = style == "text" or self.room_screen.has_room(text)
        self._notified = self.screen is not self.room_screen or not in_footer
        self.room_screen.say("" if self._notified else text, style, seconds)
        if self._notified:
            worse: Literal["information", "warning"] = "information" if style == "text" else "warning"
            self.notify(text, timeout=seconds, severity=worse, markup=False)

    def copy_subject(self, subject: Subject | None) -> None:
        """Its detail to the clipboard of the person's terminal."""
        if subject is None:
            self.say("nothing to copy here")
            return
        detail = self.describe(subject)
        cut = self.copy_text(detail.plain or f"{detail.title}\n{as_text(detail.lines)}\n")
        self.say(f"copied {clean(detail.title, 40)}{', cut off where it is too long' if cut else ''}")

    def copy_text(self, text: str) -> bool:
        """A text to the clipboard of the person's terminal; whether it had to be cut off."""
        fitting, cut = takeaway.fitting(text)
        if self._driver is not None:
            self._driver.write(takeaway.osc52(fitting, os.environ))
        return cut

    def open_subject(self, subject: Subject | None) -> None:
        """Its link; one of them is chosen where there are several."""
        links = () if subject is None else self.describe(subject).links
        if not links:
            self.say("no link here")
        elif len(links) == 1:
            self.open_link(links[0].target)
        else:
            from controlroom.tui.screens.picker import Choice, Picker

            choices = [Choice(link.target, link.label, link.target) for link in links]
            self.push_screen(
                Picker("Open", choices), lambda target: None if target is None else self.open_link(target)
            )

    def open_link(self, target: str) -> None:
        """A page in the browser where there is one; anything else is shown and copied."""
        if takeaway.is_web(target) and (takeaway.has_browser(os.environ) or self.is_web):
            self.open_url(target)
            self.say(f"opened {clean(target, 80)}")
            return
        place = target if takeaway.is_web(target) else str(self._absolute(target))
        self.copy_text(place)
        self.say(f"copied {clean(place, 200)}")

    def _absolute(self, target: str) -> Path:
        base = self.options.base_folder
        return Path(target) if base is None else base / target

    def choose_squad(
        self, first: Sequence[str], then: Callable[[str | None], None], title: str = "Show only"
    ) -> None:
        """Ask for a squad, those in `first` at the top."""
        from controlroom.tui.screens.picker import Choice, Picker

        program = self.room_screen.scene().snapshot.program
        order = {squad: place for place, squad in enumerate(first)}
        squads = sorted(program.squads, key=lambda squad: order.get(squad.id, len(order)))
        if not squads:
            self.say("no squads declared: add [[squads]]")
            return
        choices = [Choice(squad.id, squad.name or squad.id, squad.id) for squad in squads]
        self.push_screen(Picker(title, choices), lambda squad: None if squad is None else then(squad))

    # Themes

    def _begin_with_theme(self, name: str) -> None:
        """Take the theme before the stylesheet is parsed, so that it is parsed once."""
        theme, problems = theme_files.find(name, self._theme_folders())
        self.problems += map(str, problems)
        if theme is None:
            self.problems.append(f"[ui].theme: there is no theme {clean(name, 40)!r}; using controlroom-dark")
            theme, _ = theme_files.find("controlroom-dark", theme_files.folders(Path(os.devnull)))
        if theme is not None:
            self._take_theme(theme)
            self.set_reactive(App.theme, theme.name)
            self.stylesheet.set_variables(self.get_css_variables())

    def _take_theme(self, theme: ThemeFile) -> None:
        """Inks for the widgets, a Textual theme for the rest."""
        indexed = self.console.color_system == "256"
        self.inks = sixteen() if self._few_colors else colored(theme, indexed=indexed)
        self.register_theme(textual_theme(theme, ansi=self._few_colors))

    def _theme_folders(self) -> tuple[Path, ...]:
        return theme_files.folders(self.options.theme_folder)

    def theme_names(self) -> list[tuple[str, str]]:
        """Name and title of every theme that can be used."""
        loaded = theme_files.load(self._theme_folders()).loaded
        return [(theme.name, theme.title) for theme in loaded.values()]

    def use_theme(self, name: str) -> None:
        """Show the room in another theme, or say what is wrong with it."""
        theme, problems = theme_files.find(name, self._theme_folders())
        if theme is None:
            self.notify("; ".join(map(str, problems)) or f"no theme {name!r}", markup=False)
            return
        self._take_theme(theme)
        if self.theme == name:
            self.refresh_css(animate=False)
        self.theme = name

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Send an update to the terminal, without what has not changed."""
        super()._display(screen, cast("RenderableType | None", lean(renderable)))

    # Failing

    def guarded(self, where: str, draw: Callable[[], Line]) -> Line:
        """What `draw` gives, or a line that says that it failed."""
        try:
            return draw()
        except Exception as error:
            self.note_failure(where, error)
            return (Span(f"▲ {where} cannot be shown: {type(error).__name__}", "degraded"),)

    def note_failure(self, where: str, error: Exception) -> None:
        """Keep where and how something failed, once per place and kind."""
        key = (where, type(error).__name__)
        if key not in self._noted:
            self._noted.add(key)
            self._write_report(where, error)

    def _write_report(self, where: str, error: Exception) -> Path | None:
        from controlroom.tui import crash

        return crash.write(self.options.state_folder, where, error, datetime.now(UTC))

    def _handle_exception(self, error: Exception) -> None:
        """The end of the room: one line for the person, a report without values for whoever mends it.

        Textual's own would print every local variable of the stack.
        """
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
            path = self._write_report("the room", error)
            where = f"; the report is in {path}" if path is not None else ""
            self.panic(Text(f"controlroom: the room failed: {type(error).__name__}{where}"))
        self._close_messages_no_wait()


def _unicode_terminal() -> bool:
    encoding = getattr(sys.__stdout__, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "").startswith("utf")


def ascii_locale(environ: Mapping[str, str]) -> bool:
    """Whether the person's locale is C or POSIX, which Python hides behind UTF-8 of its own.

    For `LANG=C` alone Python sets `LC_CTYPE` to ``C.UTF-8`` before anybody can look.
    """
    plain = ("C", "POSIX")
    if everything := environ.get("LC_ALL"):
        return everything in plain
    return environ.get("LC_CTYPE") in (None, "", *plain, "C.UTF-8", "C.utf8") and environ.get("LANG") in plain


def few_colors(environ: Mapping[str, str]) -> bool:
    """Whether a theme's colours cannot be shown: none are wanted, or the terminal has sixteen."""
    if "NO_COLOR" in environ:
        return True
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return False
    return environ.get("TERM", "").strip().lower().rpartition("-")[2] not in ("256color", "kitty")


def unsuitable(environ: Mapping[str, str]) -> str | None:
    """Why the room cannot be shown here, or None."""
    for name, stream in (("stdin", sys.__stdin__), ("stdout", sys.__stdout__), ("stderr", sys.__stderr__)):
        if stream is None or stream.closed or not stream.isatty():
            return f"{name} is no terminal"
    if environ.get("TERM", "dumb") in ("", "dumb"):
        return "this terminal (TERM) cannot draw a screen"
    return None


def run(room: Room, options: Options) -> int:
    """Show the room until it is left; gives the exit code. Raises nothing, leaves the terminal whole."""
    problem = unsuitable(os.environ)
    if problem is not None:
        print(f"controlroom: no room without a terminal: {problem}", file=sys.stderr)  # noqa: T201
        print("use `controlroom snapshot --plain` or `controlroom watch` instead", file=sys.stderr)  # noqa: T201
        return 2
    app = RoomApp(room, options._replace(ascii=options.ascii or ascii_locale(os.environ)))
    end = leaving.Leaving()
    with end.signals():
        asyncio.run(_show(app, room, end))
    end.done()
    return end.code if end.code is not None else app.return_code or 0


async def _show(app: RoomApp, room: Room, end: leaving.Leaving) -> None:
    """Run the app on this loop and close the room behind it."""
    loop = asyncio.get_running_loop()
    app.on_leave = end.begin
    end.ask(lambda code: loop.call_soon_threadsafe(app.exit, code, code))
    try:
        await app.run_async()
    finally:
        if end.code is None:
            # It ended by itself, which is a failure: closing must not take forever either.
            end.begin(app.return_code or 0)
        await room.close()
