"""Footer, tabs, cells, clipboard: the small texts of the frame."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from rich.cells import cell_len

from controlroom.tui import takeaway
from controlroom.tui.app import ascii_locale, few_colors, unsuitable
from controlroom.tui.bars import Tab, footer, tabs
from controlroom.tui.keys import ACTIONS, resolve
from controlroom.tui.lines import as_text, line_width
from controlroom.tui.rows import Span
from controlroom.tui.widgets.cells import settle


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_footer_fits_and_always_names_help_and_quit(width: int) -> None:
    """However narrow, the way out and the way to every key are there; nothing is cut in the middle."""
    text = as_text([footer(ACTIONS, width, (Span("copied Kafka topics"),))])
    assert cell_len(text) <= width
    assert "? keys" in text
    assert "q quit" in text
    assert text.endswith("copied Kafka topics")


def test_the_footer_shows_the_keys_as_they_are() -> None:
    """A remapped action shows its new key; one without a key is left out."""
    actions = resolve({"pane.zoom": "Z", "filter.edit": ""}).actions
    text = as_text([footer(actions, 200)])
    assert "Z zoom" in text
    assert "filter" not in text


@pytest.mark.parametrize("width", [60, 72, 80, 99, 120])
def test_tabs_fit_and_know_where_they_are(width: int) -> None:
    """All panes are in the line at any width; a click at a tab's place finds it."""
    names = ("since", "waves", "squads", "blockers", "gaps", "services", "alerts", "next")
    entries = [Tab(name, n, name, name[:4], "12", "down") for n, name in enumerate(names, start=1)]
    made = tabs(entries, "gaps", width)
    assert line_width(made.line) <= width
    assert len(made.places) == len(entries)
    text = as_text([made.line])
    for number, (start, end) in enumerate(made.places):
        assert str(number + 1) in text[start:end]
        assert made.at(start) == number
        assert made.at(end - 1) == number
    assert made.at(width + 5) is None


@pytest.mark.parametrize(
    "text",
    [
        "👩\u200d🚀 crew",
        "⚠\ufe0f care",
        "🇺🇸 flag",
        "1\ufe0f\u20e3",
        "👍🏽 tone",
        "e\u0301te\u0301",
        "漢字",
        "नमस्ते",
        "plain",
    ],
)
def test_settled_text_is_as_wide_as_before(text: str) -> None:
    """Sequences that terminals draw in different widths become simple ones of the same width."""
    done = settle(text)
    assert cell_len(done) == cell_len(text)
    assert not {"\u200d", "\ufe0f", "🏽"} & set(done)


def test_joined_letters_are_not_lost() -> None:
    """A joiner between letters disappears, the letters stay."""
    assert settle("a\u200db") == "ab"


@pytest.mark.parametrize(
    ("environ", "begins", "times"),
    [
        ({"TERM": "xterm"}, "\x1b]52;c;", 1),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0"}, "\x1b]52;c;", 2),
        ({"TERM": "screen", "STY": "1.x"}, "\x1bP\x1b]52;c;", 1),
    ],
)
def test_the_clipboard_sequence_fits_the_terminal(environ: dict[str, str], begins: str, times: int) -> None:
    """Plain, inside tmux (plain and passed through), inside GNU screen (in pieces)."""
    sequence = takeaway.osc52("grüße\n", environ)
    assert sequence.startswith(begins)
    assert sequence.count(base64.b64encode("grüße\n".encode()).decode()) == times


def test_a_long_text_is_cut_and_says_so() -> None:
    """More than terminals take is cut between characters, never inside one."""
    text, cut = takeaway.fitting("ü" * 60_000)
    assert cut
    assert set(text) == {"ü"}
    assert len(text.encode()) <= takeaway.COPY_LIMIT
    assert takeaway.fitting("short") == ("short", False)


@pytest.mark.parametrize(
    ("link", "web"),
    [
        ("https://runbooks.test/kafka", True),
        ("http://[::1]:9090/graph", True),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
        ("docs/runbook.md:12", False),
        ("https://", False),
        ("http://[bad", False),
        ("", False),
    ],
)
def test_only_web_pages_go_to_a_browser(link: str, web: bool) -> None:
    """http and https with a host; everything else is shown."""
    assert takeaway.is_web(link) == web


def test_a_browser_is_not_opened_on_top_of_the_room() -> None:
    """Over ssh, or without a display, a text browser would draw over the screen."""
    assert not takeaway.has_browser({"SSH_CONNECTION": "x", "DISPLAY": ":0"}, "linux")
    assert not takeaway.has_browser({}, "linux")
    assert takeaway.has_browser({"DISPLAY": ":0"}, "linux")
    assert takeaway.has_browser({}, "darwin")


@pytest.mark.parametrize(
    ("environ", "few"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, False),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, True),
        ({"TERM": "linux"}, True),
        ({"TERM": "screen"}, True),
    ],
)
def test_few_colours_are_recognised(environ: dict[str, str], few: bool) -> None:
    """Sixteen colours and NO_COLOR use the terminal's own; 256 and more a theme's."""
    assert few_colors(environ) == few


def test_without_a_terminal_there_is_no_room(tmp_path: Path) -> None:
    """The reason is given where a stream is no terminal (as under this test runner)."""
    assert unsuitable({"TERM": "xterm"}) is not None


@pytest.mark.parametrize(
    ("environ", "plain"),
    [
        ({}, False),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "C.UTF-8", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, False),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "POSIX"}, True),
        ({"LANG": "C", "LC_ALL": "en_US.UTF-8"}, False),
    ],
)
def test_a_c_locale_asks_for_ascii(environ: dict[str, str], plain: bool) -> None:
    """LANG=C is honoured though Python itself goes on in UTF-8; without a locale nothing is asked for."""
    assert ascii_locale(environ) == plain
