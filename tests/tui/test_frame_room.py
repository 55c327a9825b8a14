"""The room as a person sees it and works it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from textual.widgets import Input
from textual.widgets._toast import Toast

from controlroom.domain.runs import Key
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.tui.drill.screen import DrillScreen
from controlroom.tui.keys import CHANGING
from controlroom.tui.parts import usual
from controlroom.tui.rows import DrawContext, Heading, Line, Pane, Row, Span, Subject, View
from controlroom.tui.screens.ask import Answer, Ask
from controlroom.tui.screens.detail import DetailScreen
from controlroom.tui.screens.dialog import Dialog
from controlroom.tui.screens.help import HelpScreen
from controlroom.tui.screens.lints import LintsScreen
from controlroom.tui.screens.notices import NoticesScreen
from controlroom.tui.screens.outbox import OutboxScreen
from controlroom.tui.screens.picker import Choice, Picker
from controlroom.tui.screens.waiting import WaitingScreen

from .looking import seat
from .rooms import BLOCKERS, NOW, ROOM, SERVICES, ago, changed
from .still import Still

PANES = ("Waves", "Squads", "Blockers", "Telemetry gaps", "Services", "Alerts", "Next")


@pytest.mark.parametrize("size", [(200, 50), (120, 40), (110, 36)])
async def test_all_panes_are_seen_at_once(size: tuple[int, int]) -> None:
    """Wide and medium: every pane, what changed as a line, and the keys."""
    async with seat(size=size) as at:
        for title in PANES:
            assert f" {title}" in at.screen
        assert at.screen.splitlines()[1].startswith(" since")
        assert "? keys" in at.screen.splitlines()[-1]


async def test_narrow_shows_one_pane_and_all_tabs() -> None:
    """80×24: the tab line names every pane, number keys and Tab go there."""
    async with seat(size=(80, 24)) as at:
        assert "Topics missing" in at.screen
        assert "Waves" not in at.screen
        tabs = at.screen.splitlines()[1]
        assert [n for n in "12345678" if f"{n} " in tabs] == list("12345678")
        for key, title in zip("2345678", PANES, strict=True):
            assert f"{key} {title}" in await at.press(key)
        assert "1 Since last standup" in await at.press("tab")
        assert "8 Next" in await at.press("shift+tab")
        assert "7 Alerts" in await at.press("left")


async def test_too_small_says_so_and_comes_back() -> None:
    """Below 60×16 there is a plain message; larger again, the room is as it was."""
    async with seat() as at:
        await at.press("j")
        await at.pilot.resize_terminal(40, 10)
        await at.pilot.pause()
        assert "60×16" in at.screen
        await at.pilot.resize_terminal(160, 48)
        await at.pilot.pause()
        assert "Crane licence" in at.cursor


async def test_the_engine_begins_after_the_first_paint_and_polls_on_demand() -> None:
    """One engine, one listener; r asks every source."""
    async with seat() as at:
        assert at.room.ran == 1
        await at.press("r")
        assert at.room.polled == [None]
        assert "asking every source now" in at.screen


async def test_what_the_engine_dies_of_is_said() -> None:
    """A dead engine leaves the room standing, with the kind of error in the footer."""

    class Dying(Still):
        async def run(self) -> None:
            raise ZeroDivisionError("not shown")

    async with seat(Dying()) as at:
        assert "the engine stopped: ZeroDivisionError" in await at.later()
        assert "Topics missing" in at.screen


async def test_a_snapshot_replaces_what_is_shown_and_the_cursor_stays() -> None:
    """New blockers come in above; the cursor is still on the same one."""
    async with seat() as at:
        await at.press("j", "j", "j")
        assert "Schema undecided" in at.cursor
        worse = Blocker("b0", "Quay flooded", None, "Ada", "quay", "cranes", "open", ago(600))
        at.room.show(changed(blockers=(worse, *reversed(BLOCKERS))))
        await at.pilot.pause()
        assert "Quay flooded" in at.screen
        assert "Schema undecided" in at.cursor


async def test_the_same_again_paints_nothing() -> None:
    """A snapshot that says the same, a second that changes nothing in a pane: no line is painted anew."""
    async with seat() as at:
        pane = at.app.room_screen.panes["services"]
        before = list(pane._painted)
        at.room.show(replace(ROOM, version=2))
        await at.later()
        assert all(old is new for old, new in zip(before, pane._painted, strict=True))


async def test_time_passes_in_the_header_only_where_it_shows() -> None:
    """A second later the clock and the countdown are other ones; ages are told by the clock, not counted."""
    async with seat() as at:
        assert "08:59:30" in at.screen
        at.room.now = NOW + timedelta(seconds=1)
        assert "08:59:31" in await at.later()
        at.room.now = NOW + timedelta(minutes=30)
        assert "4h 31m" in await at.later()


async def test_a_clock_that_was_set_is_framed() -> None:
    """With --at the header says that the clock was set."""
    async with seat(clock_set=True) as at:
        assert "CLOCK SET" in at.screen.splitlines()[0]


async def test_freezing_holds_everything_and_resuming_catches_up() -> None:
    """Space: neither time nor data move, and how long is said; again: the latest is there."""
    async with seat() as at:
        assert "FROZEN 08:59:30" in await at.press("space")
        at.room.now = NOW + timedelta(seconds=75)
        at.room.show(changed(blockers=()))
        screen = await at.later()
        assert "Topics missing" in screen
        assert "FROZEN 08:59:30" in screen
        assert "held for 1:15" in screen
        screen = await at.press("space")
        assert "Topics missing" not in screen
        assert "FROZEN" not in screen
        assert "09:00:45" in screen


async def test_zoom_gives_the_pane_the_room() -> None:
    """z shows one pane, Tab another one as large, z or Esc all of them again."""
    async with seat() as at:
        screen = await at.press("z")
        assert "Blockers" in screen
        assert "Squads" not in screen
        assert "Telemetry gaps" in await at.press("tab")
        screen = await at.press("escape")
        assert all(title in screen for title in PANES)


async def test_what_changed_is_shown_and_left_again() -> None:
    """d on everything that changed goes back to the pane that one came from."""
    async with seat() as at:
        await at.press("6")
        assert "Mooring: in progress → done" in await at.press("1")
        screen = await at.press("d")
        assert "Mooring" not in screen
        assert at.app.room_screen.active == "services"


async def test_arrows_go_to_the_pane_beside_and_among_cards() -> None:
    """Right and left move between panes at the same height, and between the cards of a lane."""
    async with seat() as at:
        room = at.app.room_screen
        await at.press("right")
        assert room.active == "telemetry"
        await at.press("l", "h", "h")
        assert room.active == "blockers"
        await at.press("3")
        first = room.subject
        await at.press("l")
        assert room.active == "squads"
        assert room.subject != first


async def test_filtering_while_typing() -> None:
    """/ filters as one types; Enter keeps it, Esc shows everything; the pane says what is hidden."""
    async with seat() as at:
        await at.press("/")
        screen = await at.type("crane lic")
        assert "Crane licence" in screen
        assert "Topics missing" not in screen
        screen = await at.press("enter")
        assert "/crane lic" in screen
        assert "4 hidden" in screen
        assert not at.app.room_screen.query(Input)
        assert "Topics missing" in await at.press("escape")


async def test_filters_know_squads_and_not() -> None:
    """@squad and !not; keys that mean something elsewhere are only letters while one types."""
    async with seat() as at:
        await at.press("/")
        screen = await at.type("@customs !schema q")
        assert "nothing matches" in screen
        screen = await at.press("backspace", "enter")
        assert "No test data" in screen
        shown = at.app.room_screen.panes["blockers"].scroller.rows
        assert [row.key for row in shown] == ["blocker:b5", "blocker:b3"]


async def test_a_filter_survives_new_data_resizing_and_other_panes() -> None:
    """The filter belongs to its pane until it is taken back."""
    async with seat() as at:
        await at.press("/")
        await at.type("licence")
        await at.press("enter", "tab", "4")
        at.room.show(
            replace(ROOM, blockers=(*BLOCKERS, replace(BLOCKERS[0], id="b9", summary="Other licence")))
        )
        await at.pilot.pause()
        await at.pilot.resize_terminal(80, 24)
        await at.pilot.pause()
        assert "Other licence" in at.screen
        assert "Topics missing" not in at.screen


async def test_focus_on_a_squad_is_everywhere() -> None:
    """f on a row of several squads asks which; one squad is shown in all panes until f again."""
    async with seat() as at:
        assert "Show only" in await at.press("f")
        screen = await at.press("enter")
        assert "only Cranes" in screen.splitlines()[0]
        assert "Schema undecided" not in screen
        assert "tide_height_metres" not in screen
        screen = await at.press("f")
        assert "only Cranes" not in screen
        assert "Schema undecided" in screen


async def test_in_a_choice_keys_of_triage_do_nothing() -> None:
    """The beginning of a name typed there opens no form; the lower edge says what Enter does."""
    async with seat() as at:
        screen = await at.press("f", "n", "x", "A")
        assert "Show only" in screen
        assert "New blocker" not in screen
        assert "Enter choose" in screen
        assert "press q to leave" in await at.press("ctrl+c")


async def test_zones_go_round() -> None:
    """t shows the viewer's, the programme's and UTC times, one after the other."""
    async with seat() as at:
        assert "IST" in at.screen.splitlines()[0]
        assert "times in Europe/Berlin" in await at.press("t")
        assert "times in UTC" in await at.press("t")
        assert "IST" in (await at.press("t")).splitlines()[0]


async def test_the_detail_stays_true_while_it_is_open() -> None:
    """Enter tells everything about a blocker; a minute later its age is another one; Esc goes back."""
    async with seat() as at:
        screen = await at.press("enter")
        assert "breach after" in screen
        assert "4h 01m" in screen
        at.room.now = NOW + timedelta(minutes=5)
        assert "4h 06m" in await at.later()
        at.room.show(changed(blockers=()))
        await at.pilot.pause()
        assert "No longer there" in at.screen
        assert "No longer there" not in await at.press("escape")


async def test_the_room_goes_on_behind_a_dialog() -> None:
    """The clock behind a detail moves on."""
    async with seat(size=(160, 48)) as at:
        await at.press("enter")
        at.room.now = NOW + timedelta(seconds=7)
        assert "08:59:37" in await at.later()


async def test_the_room_goes_on_behind_two_dialogs() -> None:
    """The clock behind the keys over a choice moves on, too."""
    async with seat(size=(160, 48)) as at:
        await at.press("f", "?")
        at.room.now = NOW + timedelta(seconds=7)
        assert "08:59:37" in await at.later()


DIALOGS: Mapping[str, Callable[[], Dialog]] = {
    "detail": lambda: DetailScreen(Subject("blocker", "b1")),
    "drill": lambda: DrillScreen(Key("drill", date(2026, 3, 4))),
    "help": HelpScreen,
    "lints": LintsScreen,
    "notices": NoticesScreen,
    "outbox": OutboxScreen,
    "picker": lambda: Picker("Which", [Choice("a", "One"), Choice("b", "Other")]),
    "question": lambda: Ask("Sure?", (), (Answer("y", "yes", "yes"),)),
    "waiting": WaitingScreen,
}


@pytest.mark.parametrize("name", DIALOGS)
async def test_a_dialog_bears_a_second_and_keys_before_it_is_drawn(name: str) -> None:
    """What happens between the key that opens it and its first drawing does not take the room down."""
    async with seat() as at:
        made = DIALOGS[name]()
        at.app.push_screen(made)
        at.app.on_tick()
        for action in ("cursor.down", "cursor.page_up", "subject.copy"):
            made.act(action)
        assert made.acting_on is None or isinstance(made.acting_on, Subject)
        await at.pilot.pause()
        assert made.is_current
        await at.press("escape")
        assert at.app.room_screen.is_current


async def test_keys_typed_while_a_dialog_closes_are_not_lost() -> None:
    """Esc and the next key in one breath: the key is for the room."""
    async with seat() as at:
        await at.press("enter")
        await at.pilot.press("escape", "z")
        await at.pilot.pause()
        assert "Squads" not in at.screen
        assert "Blockers" in at.screen


async def test_help_shows_the_keys_as_they_are() -> None:
    """? lists every action with the configured keys, scrolls, and ? closes it."""
    async with seat(keys={"pane.zoom": "Z"}, size=(120, 60)) as at:
        screen = await at.press("?")
        (line,) = [line for line in screen.splitlines() if "pane.zoom" in line]
        assert " Z " in line
        await at.press("G")
        assert "app.quit" in at.screen
        assert "pane.zoom" not in await at.press("?")
        assert "Squads" not in await at.press("Z")


async def test_help_has_no_heading_without_a_key() -> None:
    """Where nothing may be changed, ? names no group of what changes something."""
    async with seat(size=(120, 100)) as at:
        assert "│ Triage " in await at.press("?")
    async with seat(read_only=True, size=(120, 100)) as at:
        screen = await at.press("?")
        assert "app.quit" in screen
        assert not [group for group in CHANGING if f"│ {group} " in screen]


async def test_bad_keys_are_said_and_ignored() -> None:
    """An entry of [keys] that cannot be used is shown once, and the default works."""
    async with seat(keys={"pane.zom": "Z"}) as at:
        said = [str(toast.render()) for toast in at.app.screen.query(Toast)]
        assert any("did you mean 'pane.zoom'" in text for text in said)
        assert "Squads" not in await at.press("z")


async def test_the_palette_does_any_action() -> None:
    """Ctrl-P finds an action by its words; Enter does it."""
    async with seat() as at:
        await at.press("ctrl+p")
        await at.type("whole room")
        await at.pilot.pause(0.3)
        await at.press("enter")
        await at.pilot.pause(0.1)
        assert at.app.room_screen.zoomed == "blockers"


async def test_the_palette_goes_to_squads_and_themes() -> None:
    """Squads by name, themes by title, both only when searched for."""
    async with seat() as at:
        await at.press("ctrl+p")
        await at.type("only customs")
        await at.pilot.pause(0.3)
        await at.press("enter")
        await at.pilot.pause(0.1)
        assert at.app.room_screen.view.focus_squad == "customs"
        await at.press("ctrl+p")
        await at.type("theme: light")
        await at.pilot.pause(0.3)
        await at.press("enter")
        await at.pilot.pause(0.1)
        assert at.app.theme == "controlroom-light"


async def test_themes_change_every_line() -> None:
    """Another theme paints everything anew, with its own colours."""
    async with seat(environ={"COLORTERM": "truecolor"}) as at:
        pane = at.app.room_screen.panes["services"]
        before = pane._painted[1][0].style
        at.app.use_theme("controlroom-light")
        await at.pilot.pause()
        assert pane._painted[1][0].style != before


async def test_an_unknown_theme_falls_back(tmp_path: Path) -> None:
    """A theme that is not there, or broken, is said; the room opens in the default one."""
    (tmp_path / "mine.toml").write_text("name = 1")
    async with seat(theme="mine", theme_folder=tmp_path) as at:
        said = " ".join(str(toast.render()) for toast in at.app.screen.query(Toast))
        assert "mine.toml" in said
        assert at.app.theme == "controlroom-dark"
        assert "Topics missing" in at.screen


async def test_links_are_opened_or_copied() -> None:
    """o on a service without a browser copies its runbook; on something without links it says so."""
    async with seat() as at:
        await at.press("6")
        screen = await at.press("o")
        assert "runbooks.test/kafka" in screen
        await at.press("escape", "2")
        assert "no link here" in await at.press("o")


async def test_lints_are_listed_with_their_place() -> None:
    """L lists what is wrong, right tells more, Esc twice is back."""
    async with seat() as at:
        screen = await at.press("L")
        assert "X010" in screen
        assert "backlog.md:30" in screen
        assert "another id" in await at.press("right")
        await at.press("escape")
        assert "X010" not in await at.press("escape")


async def test_leaving() -> None:
    """q ends with 0; Ctrl-C says how, and a second one ends with 130."""
    async with seat() as at:
        await at.press("q")
        assert at.app.return_code == 0
    async with seat() as at:
        assert "press q to leave" in await at.press("ctrl+c")
        await at.pilot.press("ctrl+c")
        assert at.app.return_code == 130


async def test_the_mouse_works() -> None:
    """A click moves the cursor, a second one opens, the wheel scrolls without moving it, tabs are clicked."""
    async with seat(size=(160, 48)) as at:
        blockers = at.app.room_screen.panes["blockers"]
        await at.pilot.click(blockers, offset=(10, 7))
        assert "Schema undecided" in at.cursor
        services = at.app.room_screen.panes["services"]
        await at.pilot.click(services, offset=(6, 1))
        assert at.app.room_screen.active == "services"
        await at.pilot.click(services, offset=(6, 1))
        await at.pilot.pause()
        assert "connection refused" in at.screen
        assert at.app.screen is not at.app.room_screen
    async with seat(size=(80, 24)) as at:
        tabs = at.screen.splitlines()[1]
        await at.pilot.click(at.app.room_screen.query_one("#top"), offset=(tabs.index("squads"), 0))
        assert "3 Squads" in at.screen


def written_reports(folder: Path) -> list[str]:
    """The text of every crash report."""
    return [path.read_text() for path in folder.glob("crash-*.txt")]


class Failing:
    """A pane that raises where it is told to."""

    id = "services"

    def __init__(self, inside: str, real: Pane) -> None:
        self.inside = inside
        self.real = real

    def _maybe(self, where: str) -> None:
        if where == self.inside:
            secret = "hunter2"
            raise KeyError(secret)

    def heading(self, ctx: DrawContext) -> Heading:
        self._maybe("heading")
        return self.real.heading(ctx)

    def rows(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        self._maybe("rows")
        return [] if self.inside == "empty" else self.real.rows(snapshot, view)

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        self._maybe("depends")
        return self.real.depends(snapshot)

    def draw(self, row: Row, ctx: DrawContext) -> Sequence[Line]:
        self._maybe("draw")
        return self.real.draw(row, ctx)

    def empty(self, snapshot: Snapshot) -> Line:
        self._maybe("empty")
        return self.real.empty(snapshot)


@pytest.mark.parametrize("inside", ["heading", "rows", "depends", "draw", "empty"])
async def test_a_failing_pane_hurts_nobody(inside: str, tmp_path: Path) -> None:
    """The pane names the kind of error, the others are there, the report has the stack and no value."""
    parts = usual()
    panes = tuple(Failing(inside, pane) if pane.id == "services" else pane for pane in parts.panes)
    async with seat(parts=parts._replace(panes=panes), state_folder=tmp_path) as at:
        screen = await at.later()
        assert "KeyError" in screen
        assert "Topics missing" in screen
        assert "hunter2" not in screen
        await at.press("6", "j", "z", "enter", "escape", "y", "f", "escape")
    reports = written_reports(tmp_path)
    assert reports
    assert all("hunter2" not in report for report in reports)
    assert all("KeyError" in report for report in reports), reports


async def test_a_failing_header_or_detail_hurts_nobody() -> None:
    """What cannot be said is named, the room lives on."""

    def fail(*_args: object, **_more: object) -> Line:
        raise RuntimeError

    parts = usual()._replace(header=fail, strip=fail, describe=fail)  # type: ignore[arg-type]
    async with seat(parts=parts) as at:
        assert at.screen.startswith(" ▲ header cannot be shown: RuntimeError") or "RuntimeError" in at.screen
        assert "the detail cannot be shown: RuntimeError" in await at.press("enter")
        assert "Topics missing" in await at.press("escape")


async def test_what_fails_as_time_passes_does_not_stop_the_clock(tmp_path: Path) -> None:
    """A view that cannot heed what is new says so while that lasts; the clock goes on, the report has it."""
    hurt = changed(services=(*SERVICES, None), version=2)
    async with seat(view="oncall", bell=True, state_folder=tmp_path) as at:
        at.room.show(hurt)
        for _ in range(2):
            at.room.now += timedelta(seconds=10)
            screen = await at.later()
            assert at.app.room_screen.scene().now == at.room.now
            assert "the arrangement stands still: AttributeError" in screen
        at.room.show(replace(ROOM, version=3))
        assert "stands still" not in await at.later()
    assert any("what time and data change" in report for report in written_reports(tmp_path))


HOSTILE = (
    "[/foo]",
    "[@click=app.quit]press[/]",
    "[type=x, v={'a[0]'}]",
    "漢字かな交じり文のとても長い題名がここにあります",
    "👩\u200d🚀👨\u200d👩\u200d👧 crew 🇺🇸 ⚠\ufe0f",
    "e\u0301\u0302\u0303 marks a\u20dd",
    "مرحبا بالعالم",
    "שלום עולם",
    "\ufffd broken",
    "$x ${y} {z} %s \\n",
    "a" * 500,
)


@pytest.mark.parametrize("size", [(160, 48), (120, 40), (80, 24)])
async def test_foreign_text_is_only_text(size: tuple[int, int]) -> None:
    """Markup, wide and joined characters, right-to-left text: nothing is interpreted or pushed aside."""
    blockers = tuple(
        replace(BLOCKERS[0], id=f"h{n}", summary=text, owner=text[:9]) for n, text in enumerate(HOSTILE)
    )
    async with seat(Still(changed(blockers=blockers)), size=size) as at:
        await at.press("4", "z")
        assert "[/foo]" in at.screen
        assert "[@click=app.quit]press[/]" in at.screen
        for strip in at.app.screen._compositor.render_strips():
            assert strip.cell_length == size[0]
        for _ in HOSTILE:
            assert "\x1b" not in await at.press("enter")
            await at.press("y", "escape", "j")
        assert at.app.return_code is None


@pytest.mark.parametrize("plain", [True, False])
async def test_ascii_draws_no_other_glyphs(plain: bool) -> None:
    """With `ascii` frames, marks, thumbs and key names are ASCII; without it they are not."""
    async with seat(ascii=plain, size=(160, 48)) as at:
        assert at.screen.splitlines()[2].isascii() == plain
        assert "│" not in at.screen if plain else "│" in at.screen


async def test_ascii_notices_and_titles_are_cropped_in_ascii() -> None:
    """What does not fit a narrow pane or its edges ends in a mark that the terminal can draw."""
    async with seat(Still(changed(services=(), alerts=(), sources=())), size=(100, 30), ascii=True) as at:
        assert "~" in at.screen
        assert "…" not in at.screen
        await at.press("/")
        assert "…" not in await at.type("w" * 60)


async def test_ten_thousand_rows_are_drawn_as_quickly_as_a_hundred() -> None:
    """Only rows on screen are drawn, wherever the cursor is."""
    many = tuple(replace(BLOCKERS[0], id=f"m{n}", summary=f"Number {n}") for n in range(10_000))
    drawn: list[str] = []
    parts = usual()

    class Counting(Failing):
        id = "blockers"

        def draw(self, row: Row, ctx: DrawContext) -> Sequence[Line]:
            drawn.append(row.key)
            return super().draw(row, ctx)

    panes = tuple(Counting("", pane) if pane.id == "blockers" else pane for pane in parts.panes)
    async with seat(Still(changed(blockers=many)), parts=parts._replace(panes=panes)) as at:
        await at.press("G")
        assert "Number" in at.cursor
        assert "10000/10000" in at.screen
        assert len(set(drawn)) < 100


async def test_a_row_that_lies_about_its_height_is_kept_in_it() -> None:
    """More lines than promised are cut, fewer filled: the rows below stay where they are."""

    class Lying(Failing):
        id = "alerts"

        def rows(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
            return [Row("one", height=2), Row("two", height=1), Row("three", height=0)]

        def draw(self, row: Row, ctx: DrawContext) -> Sequence[Line]:
            return [(Span(f"{row.key} line {n}"),) for n in range(0 if row.key == "one" else 5)]

    parts = usual()
    panes = tuple(Lying("", pane) if pane.id == "alerts" else pane for pane in parts.panes)
    async with seat(parts=parts._replace(panes=panes)) as at:
        screen = await at.press("7", "z")
        assert "two line 0" in screen
        assert "three line 0" in screen
        assert "line 1" not in screen
