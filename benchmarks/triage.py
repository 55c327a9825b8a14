"""The triage log and the board: an append, a load, and ten thousand cards and blockers against a hundred."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.room import Figure, Trial, _room, configuration, first_paint, keys, ratio
from benchmarks.terminal import Terminal, median, percentile
from controlroom.domain.actions import Action, encode
from controlroom.domain.instants import parse
from controlroom.stores.folder_log import FolderLog

AT = parse("2026-03-02T08:00:00Z")
BLOCKERS = b"4"
"""The key of the pane that has a row per blocker."""


def run(*, quick: bool = False) -> list[Figure]:
    """All figures. `quick` takes fewer samples."""
    return [*_log(quick=quick), *_board(quick=quick)]


def opening(number: int) -> Action:
    """A blocker being opened."""
    args = {"summary": f"Trouble {number}", "owner": "Ines", "owning_squad": "squad", "item": ""}
    return Action(f"open-{number}", f"b-{number:010x}", "open", args, "ines", "bench", AT, "")


def note(number: int, blocker: int) -> Action:
    """A note on a blocker."""
    return Action(f"note-{number}", f"b-{blocker:010x}", "note", {"text": f"said {number}"}, "bo", "b", AT)


def plant(folder: Path, actions: Iterator[Action], after: int = 0) -> None:
    """Write `actions` as the files of a log, without asking for durability."""
    folder.mkdir(parents=True, exist_ok=True)
    for rev, action in enumerate(actions, after + 1):
        temporary = folder / ".planting"
        temporary.write_bytes(encode(action))
        temporary.rename(folder / f"{rev:09d}.json")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _log(*, quick: bool) -> Iterator[Figure]:
    appends, loaded = (40, 10_000) if quick else (200, 100_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = FolderLog(folder / "log")
        size = len(encode(opening(1)))
        pairs = [
            (
                _seconds(partial(_synced, folder / f"file-{n}", size)),
                _seconds(partial(log.append, opening(n))),
            )
            for n in range(appends)
        ]
        floor, value = (median([pair[side] for pair in pairs]) * 1e3 for side in (0, 1))
        yield ratio("append to the log, one fsync'd file", floor, value, "ms", 2)
        plant(folder / "large", (note(n, n % 5000) for n in range(loaded)))
        rounds = [(_seconds(lambda: _read(folder / "large")), _load(folder / "large")) for _ in range(3)]
        floor, value = median([a for a, _ in rounds]), median([b for _, b in rounds])
        yield ratio(f"load {loaded:,} actions, reading the files", floor, value, "s", 2)


def _synced(path: Path, size: int) -> None:
    with path.open("wb") as target:
        target.write(b"x" * size)
        target.flush()
        os.fsync(target.fileno())


def _read(folder: Path) -> int:
    return sum(len(Path(entry.path).read_bytes()) for entry in os.scandir(folder))


def _load(folder: Path) -> float:
    log = FolderLog(folder)
    return _seconds(lambda: log.read(0))


def _board(*, quick: bool) -> Iterator[Figure]:
    presses, rounds, refreshes = (60, 3, 5) if quick else (250, 9, 20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trials = {count: _trial(folder / str(count), count) for count in (100, 1_000, 10_000)}
        for trial in trials.values():
            with trial.open() as terminal:  # leaves a validated configuration and a last known room behind
                terminal.run_for(8)
                terminal.press(b"q")
                terminal.run_for(3)
        paints: dict[int, list[float]] = {count: [] for count in trials}
        for _ in range(rounds):
            for count, trial in trials.items():
                paints[count].append(first_paint(trial))
        floor = median(paints[100])
        for count in (1_000, 10_000):
            yield ratio(f"first paint, {count:,} blockers, 100", floor, median(paints[count]), "s", 1.5)
        for pane, what in ((b"3", "cards"), (BLOCKERS, "blockers")):
            taken = {count: keys(trial, presses, 10, pane) for count, trial in trials.items()}
            for per_cent in (50, 99):
                floor = percentile(taken[100], per_cent) * 1e3
                for count in (1_000, 10_000):
                    value = percentile(taken[count], per_cent) * 1e3
                    yield ratio(f"key to paint p{per_cent}, {count:,} {what}, 100", floor, value, "ms", 1.5)
        costs = {
            count: refresh(trial, folder / str(count), count, refreshes) for count, trial in trials.items()
        }
        for count in (1_000, 10_000):
            yield ratio(f"refresh, 1 % of {count:,} changed, 100", costs[100], costs[count], "ms", 1.5)


def _trial(folder: Path, count: int) -> Trial:
    folder.mkdir()
    config = configuration(folder, (), count)
    plant(folder / "log", (opening(n) for n in range(count)))
    return Trial(_room(config), folder / "home")


def refresh(trial: Trial, folder: Path, count: int, times: int) -> float:
    """Milliseconds of CPU that the room spends on a look that finds a hundredth of its blockers changed."""
    with trial.open() as terminal:
        terminal.run_for(10)
        terminal.press(BLOCKERS)
        terminal.run_for(3)
        quiet = _spent(terminal, times)
        head = sum(1 for _ in (folder / "log").glob("[0-9]*.json"))
        before = terminal.cpu()
        for number in range(times):
            actions = [note(number * count + n, n) for n in range(max(1, count // 100))]
            plant(folder / "log", iter(actions), head)
            head += len(actions)
            terminal.run_for(1.5)
        return (terminal.cpu() - before - quiet) / times * 1e3


def _spent(terminal: Terminal, times: int) -> float:
    """Seconds of CPU in the same time with nothing to find."""
    before = terminal.cpu()
    terminal.run_for(1.5 * times)
    return terminal.cpu() - before
