"""What the room writes for people: minutes, status files, evidence, reports of drills.

The texts are made in `reports`; here they get their place in the status folder: ``<date>/standup.md`` and
the like, each whole or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from controlroom.config.values import Config

if TYPE_CHECKING:
    from datetime import date, datetime

    from controlroom.capturing import Pictures
    from controlroom.domain.runs import Key
    from controlroom.domain.snapshot import Snapshot
    from controlroom.engine.ports import Clock


class Written(NamedTuple):
    """A document that was written: where, what it says, and what would be said of it in a chat."""

    path: Path
    text: str
    chat: str = ""


class CannotWrite(Exception):
    """Why a document was not written, and what to do."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(f"{reason}; {remedy}" if remedy else reason)


@dataclass(eq=False)
class Reporting:
    """Writes what the room knows. Nothing blocks the loop."""

    config: Callable[[], Config]
    snapshot: Callable[[], Snapshot]
    clock: Clock

    def folder(self) -> Path:
        """The status folder. Raises CannotWrite."""
        config = self.config()
        if not config.status.dir:
            raise CannotWrite("no status folder is configured", 'add [status] with dir = "status"')
        return config.folder / config.status.dir

    async def keep(self, date: str, files: Mapping[str, bytes]) -> list[Path]:
        """Write `files` (name → content) under that date, in order. Raises CannotWrite."""
        return await asyncio.to_thread(_kept, self.folder() / date, files)

    async def minutes(self, key: Key) -> Written:
        """Write the minutes of that holding of a ritual as Markdown and JSON. Raises CannotWrite.

        What an earlier record says the room saw stays, once the ritual is over. A text that somebody edited
        is kept beside the new one.
        """
        snapshot, now, folder = self.snapshot(), self.clock(), self.folder()
        return await asyncio.to_thread(write_minutes, snapshot, key, now, folder, seen=not snapshot.restored)

    async def drill(self, key: Key) -> Written:
        """Write the report of that drill as Markdown and JSON. Raises CannotWrite."""
        from controlroom.domain.drill_record import of_run
        from controlroom.domain.runs import run_of
        from controlroom.reports import drill as report

        self.folder()  # before anything else is found wrong
        snapshot = self.snapshot()
        run = run_of(snapshot.runs, key)
        if run is None:
            raise CannotWrite(f"{key.ritual} of {key.date.isoformat()} was not begun", "begin it first")
        found = of_run(run, snapshot, self.clock())
        made = report.files(found, snapshot.program, self.config().program.banner)
        paths = await self.keep(key.date.isoformat(), made)
        first = next(iter(made))
        return Written(paths[0], made[first].decode(), report.headline(found))

    async def evidence(self, date: date | None = None, *, pictures: Pictures | None = None) -> Written:
        """Capture the evidence of `date`, None is today, with pictures where something draws them: its
        folder, what was captured and what could not be. Raises CannotWrite."""
        from controlroom import acting, capturing
        from controlroom.reports import evidence as report

        config, snapshot, folder = self.config(), self.snapshot(), self.folder()
        wanted = capturing.Wanted(
            date or capturing.today(snapshot, self.clock()),
            pictures=pictures,
            by=acting.who(config),
            host=acting.host(),
        )
        try:
            done = await capturing.capture(config, snapshot, self.clock, folder, wanted)
        except OSError as problem:
            raise _failed(folder, problem) from None
        shown = str(done.folder)
        return Written(done.folder, report.text(done.manifest, shown), report.chat(done.manifest, shown))

    async def status(self, slot: str) -> Path:
        """Write the status file of today for `slot`, ``nightly`` or another: its path. Raises CannotWrite."""
        folder = self.folder()
        return await asyncio.to_thread(
            _status, self.snapshot(), self.clock(), self.config().folder, folder, slot
        )


def _failed(folder: Path, problem: OSError) -> CannotWrite:
    reason = f"{problem.filename or folder}: {(problem.strerror or type(problem).__name__).lower()}"
    return CannotWrite(reason, "see to the rights and the space there")


def _kept(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write `files` to `folder`, in order. Raises CannotWrite."""
    from controlroom.stores import atomic

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            atomic.write(folder / name, content)
    except OSError as problem:
        raise _failed(folder, problem) from None
    return [folder / name for name in files]


def write_minutes(snapshot: Snapshot, key: Key, now: datetime, folder: Path, *, seen: bool) -> Written:
    """Write the minutes of `key` below the status `folder`. Raises CannotWrite.

    `seen`: whether `snapshot` is that of a room that was open, and so shows how things stood.
    """
    from controlroom.domain.numbers import dumped
    from controlroom.domain.runs import run_of
    from controlroom.reports import minutes
    from controlroom.stores import records

    folder = folder / key.date.isoformat()
    run = run_of(snapshot.runs, key)
    if run is None:
        raise CannotWrite(f"{key.ritual} of {key.date.isoformat()} was not begun", "begin it first")
    stem = minutes.file_stem(snapshot.program, key.ritual)
    try:
        recorded = records.document(folder / f"{stem}.json", minutes.SCHEMA)
        there = records.raw(folder / f"{stem}.md")
    except records.Unreadable as problem:
        raise CannotWrite(f"{folder}: {problem}", "move it away: nothing of it was changed") from None
    seen = seen and minutes.witnessed(run, now)
    made = minutes.document(snapshot, run, now, seen=seen, recorded=recorded)
    text = minutes.markdown(made)
    files = {f"{stem}.json": dumped(made), f"{stem}.md": text.encode()}
    edited = recorded is None or minutes.markdown(recorded).encode() != there
    if there is not None and edited and there != files[f"{stem}.md"]:
        files = {f"{stem}.edited-{sha256(there).hexdigest()[:8]}.md": there, **files}
    return Written(_kept(folder, files)[-1], text, minutes.chat(made))


def _status(snapshot: Snapshot, now: datetime, home: Path, folder: Path, slot: str) -> Path:
    """Write the status file of today to `folder`; `home` is the configuration's. Raises CannotWrite."""
    from controlroom.domain.zones import local
    from controlroom.reports import status
    from controlroom.stores.status_folder import StatusFolder, file_name

    today = local(now, snapshot.program.zone).date()
    made = status.document(snapshot, now, home, for_date=today, slot=slot)
    files, name = StatusFolder(folder), file_name(today.isoformat(), slot)
    try:
        done = status.publish(made, files, name, today=today, force=False, fixed=True)
    except OSError as problem:
        raise _failed(folder, problem) from None
    if done.outcome == "refused":
        raise CannotWrite(f"{done.path} is no status file", "move it away: nothing of it was changed")
    return done.path
