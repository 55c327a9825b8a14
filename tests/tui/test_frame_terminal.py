"""The room on a real terminal: how it comes, how it goes, and what it leaves behind."""

from __future__ import annotations

import base64
import re
import signal
import stat
import termios
from pathlib import Path

import pytest

from .terminal import HERE, Terminal, program

STILL = str(HERE / "still.py")
LEFT = ("\x1b[?1049l", "\x1b[?25h", "\x1b[?1003l", "\x1b[?2004l")
"""What a program has to send so that the shell finds its own screen, cursor, mouse and paste."""


def whole(terminal: Terminal) -> bool:
    """Whether the terminal is as it was before."""
    text = terminal.raw.decode(errors="replace")
    return (
        all(sequence in text for sequence in LEFT) and termios.tcgetattr(terminal.handle) == terminal.before
    )


def test_the_room_is_drawn_and_q_leaves_it(tmp_path: Path) -> None:
    """The first screen has every pane; q ends with exit code 0 and gives the terminal back."""
    with program([STILL, "plain", str(tmp_path)]) as terminal:
        for pane in ("Waves", "Squads", "Blockers", "Telemetry gaps", "Services", "Alerts", "Next"):
            terminal.wait(pane)
        terminal.press("q")
        assert terminal.ended()[0] == 0
        assert whole(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_within_three_seconds(number: signal.Signals, tmp_path: Path) -> None:
    """SIGTERM, SIGHUP and SIGINT end the room quickly, with the shell's exit code, terminal whole."""
    with program([STILL, "plain", str(tmp_path)]) as terminal:
        terminal.wait("Blockers")
        terminal.signal(number)
        code, seconds = terminal.ended()
        assert code == 128 + number
        assert seconds < 3
        assert whole(terminal)


@pytest.mark.parametrize("how", ["signal", "key"])
def test_a_thread_that_hangs_does_not_hold_it(how: str, tmp_path: Path) -> None:
    """Leaving does not wait for a system call that never returns; the terminal is put right all the same."""
    with program([STILL, "hang", str(tmp_path)]) as terminal:
        terminal.wait("Blockers")
        if how == "signal":
            terminal.signal(signal.SIGTERM)
        else:
            terminal.press("q")
        code, seconds = terminal.ended()
        assert code == (143 if how == "signal" else 0)
        assert seconds < 3
        assert whole(terminal)


@pytest.mark.parametrize("session", [True, False])
def test_a_lost_terminal_ends_it(session: bool, tmp_path: Path) -> None:
    """When the terminal goes away the process is gone within three seconds, with or without SIGHUP."""
    with program([STILL, "plain", str(tmp_path)], session=session) as terminal:
        terminal.wait("Blockers")
        terminal.hang_up()
        _, seconds = terminal.ended()
        assert seconds < 3


def test_a_terminal_that_takes_no_output_does_not_hold_it(tmp_path: Path) -> None:
    """With the output stopped (a stalled ssh) SIGTERM still ends the process within three seconds."""
    with program([STILL, "plain", str(tmp_path)]) as terminal:
        terminal.wait("Blockers")
        terminal.deaf = True
        for _ in range(120):
            # Each of these repaints most of the screen; a pty holds a few screens at most.
            terminal.press("zz")
            terminal.read(0.02)
        terminal.signal(signal.SIGTERM)
        _, seconds = terminal.ended()
        assert seconds < 3


def test_a_crash_leaves_one_line_and_a_report_without_values(tmp_path: Path) -> None:
    """A failure nothing guards ends the room with exit code 1, the terminal whole, and no local variable."""
    with program([STILL, "crash", str(tmp_path / "state")]) as terminal:
        terminal.wait("Blockers")
        terminal.press("r")
        assert terminal.ended()[0] == 1
        assert whole(terminal)
        said = terminal.raw.decode(errors="replace").rpartition("\x1b[?1049l")[2]
    lines = [line for line in re.sub(r"\x1b\[[0-9;?]*\w", "", said).splitlines() if line.strip()]
    assert lines[0].startswith("controlroom: the room failed: ValueError")
    (report,) = (tmp_path / "state").glob("crash-*.txt")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert "do_sources_poll" in report.read_text()
    assert "hunter2" not in report.read_text() + terminal.raw.decode(errors="replace")


@pytest.mark.parametrize("tmux", [False, True])
def test_copying_reaches_the_clipboard(tmux: bool, tmp_path: Path) -> None:
    """y sends the subject's text as OSC 52, inside tmux also as a passthrough sequence."""
    with program(
        [STILL, "plain", str(tmp_path)], environ={"TMUX": "/tmp/t,1,0"} if tmux else None
    ) as terminal:
        terminal.wait("Topics missing")
        terminal.press("y")
        terminal.wait("copied Topics missing")
        sent = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", terminal.raw)
        assert sent is not None
        assert base64.b64decode(sent[1]).decode().startswith("Topics missing")
        assert (b"\x1bPtmux;\x1b\x1b]52;c;" in terminal.raw) == tmux


def test_nothing_but_the_clock_is_sent_while_nothing_happens(tmp_path: Path) -> None:
    """An idle room sends each second only cells that changed: well under two kilobytes, no full paint."""
    with program([STILL, "plain", str(tmp_path)], size=(200, 50)) as terminal:
        terminal.wait("08:59:32")
        before = len(terminal.raw)
        terminal.wait("08:59:35")
        assert len(terminal.raw) - before < 3 * 3000
        assert b"Telemetry gaps" not in terminal.raw[before:]


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "xterm", "COLORTERM": ""}])
def test_without_colours_the_words_are_there(environ: dict[str, str], tmp_path: Path) -> None:
    """NO_COLOR and sixteen colours draw the same words, with the cursor's row reversed and no true colour."""
    with program([STILL, "plain", str(tmp_path)], environ=environ) as terminal:
        terminal.wait("BREACH")
        terminal.wait("DOWN")
        assert b"38;2;" not in terminal.raw
        row = next(y for y, line in enumerate(terminal.screen.display) if "Topics missing" in line)
        column = terminal.screen.display[row].index("Topics")
        assert terminal.screen.buffer[row][column].reverse


def test_resizing_keeps_the_cursor(tmp_path: Path) -> None:
    """Wide, narrow, tiny and wide again: the cursor is still on its row."""
    with program([STILL, "plain", str(tmp_path)]) as terminal:
        terminal.wait("Topics missing")
        terminal.press("jjj")
        terminal.wait(lambda text: "▎ 20m" in text)
        terminal.resize(80, 24)
        terminal.wait(lambda text: "▎ 20m" in text and "Waves" not in text)
        terminal.resize(50, 10)
        terminal.wait("60×16")
        terminal.resize(200, 50)
        terminal.wait(lambda text: "▎ 20m" in text and "Waves" in text)
        terminal.press("q")
        assert terminal.ended()[0] == 0
