"""The finished room against a bare Textual app: first paint, keys, idle, memory."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.terminal import Terminal, median, percentile

BARE = (sys.executable, "-m", "benchmarks.bare")
DOWN, UP = b"\x1b[B", b"\x1b[A"
SETTLED = 30.0
"""Seconds after which a room is at rest: what came up since it was opened is no longer named one by one."""
SQUADS = b"3"
"""The key of the pane that has a row per card."""


@dataclass(frozen=True)
class Figure:
    """One line of the report: a figure, its floor, and the budget for their ratio or difference."""

    name: str
    floor: float
    value: float
    unit: str
    budget: str
    met: bool


def ratio(name: str, floor: float, value: float, unit: str, most: float) -> Figure:
    """A figure that may be at most `most` times its floor."""
    return Figure(name, floor, value, unit, f"<= {most:g} x", value <= most * floor)


def above(name: str, floor: float, value: float, unit: str, most: float) -> Figure:
    """A figure that may lie at most `most` above its floor."""
    return Figure(name, floor, value, unit, f"<= floor + {most:g}", value <= floor + most)


@contextmanager
def services(count: int) -> Iterator[Sequence[int]]:
    """A real HTTP server process on `count` loopback ports; yields the ports."""
    command = [sys.executable, "-m", "benchmarks.origins", str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield [int(port) for port in process.stdout.readline().split()]
        finally:
            process.kill()


def configuration(folder: Path, ports: Sequence[int], cards: int = 0) -> Path:
    """A programme with one squad, `cards` cards, and an HTTP service on each port."""
    path = folder / "controlroom.toml"
    lines = [
        '[program]\nid = "bench"\nstart = "latest saturday"\n',
        '[[squads]]\nid = "squad"\nname = "Squad"\n',
        '[documents]\npaths = ["backlog.md"]\n',
    ]
    lines += [
        f'[[services]]\nid = "s{n}"\nkind = "http"\nurl = "http://127.0.0.1:{port}/health"\n'
        for n, port in enumerate(ports)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    rows = "".join(
        f"| Sprint-1 | Squad | Card {n} | Work on {n} | Owner | In Progress |\n" for n in range(cards)
    )
    head = "| Sprint | Squad | Epic | Tasks | Owner | Status |\n| --- | --- | --- | --- | --- | --- |\n"
    (folder / "backlog.md").write_text(f"# Backlog\n\n## Grid\n\n{head}{rows}", encoding="utf-8")
    return path


@dataclass
class Trial:
    """A program to measure, in an environment of its own."""

    command: Sequence[str]
    home: Path

    def open(self) -> Terminal:
        xdg = {f"XDG_{name}_HOME": str(self.home / name.lower()) for name in ("CACHE", "STATE", "CONFIG")}
        return Terminal(self.command, env={"HOME": str(self.home), "PYTHONPATH": str(Path.cwd()), **xdg})


def first_paint(trial: Trial) -> float:
    """Seconds from exec to the first frame with something in it."""
    with trial.open() as terminal:
        painted = terminal.paint(20)
        assert painted is not None, "nothing was painted"
        return painted - terminal.started


def keys(trial: Trial, presses: int, warm_up: float, pane: bytes = SQUADS) -> list[float]:
    """Seconds from each of `presses` arrow keys to its frame, at a person's pace."""
    with trial.open() as terminal:
        terminal.run_for(warm_up)
        terminal.press(pane)
        terminal.run_for(1)
        taken = []
        for n in range(presses):
            key = UP if n // 4 % 2 else DOWN  # a key at the end of the list would change nothing
            terminal.run_for(random.uniform(0.03, 0.08))
            if (seconds := terminal.key_to_paint(key)) is not None:
                taken.append(seconds)
        return taken


def idle(trial: Trial, seconds: float, warm_up: float) -> tuple[float, float, float]:
    """Per cent of a core, terminal bytes a second, and resident MB while nobody does anything."""
    with trial.open() as terminal:
        terminal.run_for(warm_up)
        before = terminal.cpu()
        written = terminal.run_for(seconds)
        return (terminal.cpu() - before) / seconds * 100, written / seconds, terminal.rss()


def run(*, quick: bool = False) -> list[Figure]:
    """All figures of the room. `quick` takes fewer samples."""
    rounds, presses, still = (3, 60, 5.0) if quick else (9, 250, 20.0)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name, services(1000) as ports:
        folder = Path(name)
        (folder / "few").mkdir()
        (folder / "many").mkdir()
        bare = Trial(BARE, folder / "bare")
        few = Trial(_room(configuration(folder / "few", ports[:20], 200)), folder / "few-home")
        many = Trial(_room(configuration(folder / "many", ports, 10_000)), folder / "many-home")
        with few.open() as terminal:  # leaves a validated configuration and a last known room behind
            terminal.run_for(8)
            terminal.press(b"q")
            terminal.run_for(2)
        pairs = [(first_paint(bare), first_paint(few)) for _ in range(rounds)]
        floor, value = median([a for a, _ in pairs]), median([b for _, b in pairs])
        figures.append(ratio("first paint", floor, value, "s", 1.5))
        bare_keys, room_keys, busy_keys = (
            keys(bare, presses, 2),
            keys(few, presses, 8),
            keys(many, presses, 25),
        )
        for per_cent in (50, 99):
            floor, value = percentile(bare_keys, per_cent) * 1e3, percentile(room_keys, per_cent) * 1e3
            figures.append(ratio(f"key to paint, idle, p{per_cent}", floor, value, "ms", 3))
        floor, value = percentile(room_keys, 99) * 1e3, percentile(busy_keys, 99) * 1e3
        figures.append(ratio("key to paint p99, 1,000 services", floor, value, "ms", 2))
        figures.append(above("the same, above the idle room", floor, value, "ms", 16.7))
        bare_cpu, _, bare_rss = idle(bare, still, 3)
        room_cpu, room_bytes, room_rss = idle(few, still, SETTLED)
        busy_cpu, busy_bytes, busy_rss = idle(many, still, SETTLED)
        figures.append(above("idle CPU, 20 services", bare_cpu, room_cpu, "%", 1.0))
        figures.append(above("CPU, 1,000 services", room_cpu, busy_cpu, "%", 5.0))
        figures.append(Figure("terminal bytes/s, idle", 0, room_bytes, "B/s", "only what changed", True))
        figures.append(
            Figure("terminal bytes/s, 1,000 services", 0, busy_bytes, "B/s", "only what changed", True)
        )
        figures.append(ratio("resident memory, 20 services", bare_rss, room_rss, "MB", 3))
        figures.append(ratio("resident memory, 1,000 services, 10,000 cards", bare_rss, busy_rss, "MB", 6))
    return figures


def _room(config: Path) -> Sequence[str]:
    return (sys.executable, "-m", "controlroom", "--config", str(config))
