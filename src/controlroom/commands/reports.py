"""Commands that give what was written of the programme: minutes of a ritual, the summary of a week."""

from __future__ import annotations

import datetime as dt
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controlroom.commands.common import Given, answered, given, say_failures
from controlroom.headless.problems import (
    ATTENTION,
    FINE,
    UNREACHABLE,
    Refused,
    Unreachable,
    Usage,
    complain,
)

if TYPE_CHECKING:
    from pathlib import Path

    from controlroom.config.values import Config
    from controlroom.domain.program import Program
    from controlroom.domain.runs import Key, Run
    from controlroom.domain.snapshot import Snapshot
    from controlroom.reports.summary import Read


def standup_report(options: Namespace) -> int:
    """The minutes of a standup, or of another ritual: as recorded, else made from the log."""
    if options.chat and options.json:
        raise Usage("two formats at once", "--chat --json", "choose one")
    asked = given(options)
    config = asked.config()
    seen = asked.sweep(config, "documents", "status", "store")
    say_failures(seen)
    ids = _rituals(options.ritual, seen.program)
    day = _day(options.date, seen.program, asked) if options.date is not None else None
    key = _key(seen, ids, day, _folder(config))
    if key is None:
        return _none(asked, seen, ids, day)
    from controlroom.reports import minutes

    made, path = _recorded(config, seen, key)
    if made is None or options.write:
        made, path = _made(asked, config, seen, key, made)
    if made is None:
        return _none(asked, seen, ids, key.date)
    told = made
    asked.print(
        lambda: minutes.chat(told) if options.chat else minutes.markdown(told),
        lambda: {**told, "path": str(path) if path is not None else None},
    )
    return FINE


def _folder(config: Config) -> Path | None:
    return config.folder / config.status.dir if config.status.dir else None


def _rituals(named: str | None, program: Program) -> Sequence[str]:
    """Ids of the rituals that are meant: the one that is named, else the standups. Raises Usage."""
    from controlroom.domain.decide_args import close_to
    from controlroom.domain.diff import is_standup

    known = [ritual.id for ritual in program.rituals]
    if named is None:
        standups = [ritual.id for ritual in program.rituals if is_standup(ritual)]
        if not standups:
            raise Usage("no ritual is a standup", "[[rituals]]", "name one with --ritual")
        return standups
    if named not in known:
        near = close_to(named, known) or "controlroom rituals lists them"
        raise Usage("no ritual is called so", f"--ritual {named}", near)
    return [named]


def _day(text: str, program: Program, asked: Given) -> dt.date:
    from controlroom.domain.calendar import resolve

    try:
        return resolve(text, program.calendar, program.start, program.zone, asked.now())
    except ValueError as problem:
        raise Usage("no day", str(problem)) from None


def _key(seen: Snapshot, ids: Sequence[str], day: dt.date | None, folder: Path | None) -> Key | None:
    """Which holding is meant: of that day, or the last one. None where there is none.

    Raises Usage, Unreachable.
    """
    from controlroom.domain.runs import Key
    from controlroom.reports.minutes import file_stem

    begun = [run.key for run in seen.runs if run.key.ritual in ids and (day is None or run.key.date == day)]
    if day is None:
        return begun[-1] if begun else None
    if not begun and folder is not None:
        written = folder / day.isoformat()
        paths = {id_: written / f"{file_stem(seen.program, id_)}.json" for id_ in ids}
        try:
            begun = [Key(id_, day) for id_, path in paths.items() if path.is_file()]
        except OSError as problem:
            where = f"{problem.filename}: {problem.strerror}"
            remedy = "check [status].dir and the rights of the folder"
            raise Unreachable("it is not known what was written that day", where, remedy) from None
    if len(begun) > 1:
        named = ", ".join(key.ritual for key in begun)
        raise Usage("several were held that day", named, "name one with --ritual")
    return begun[0] if begun else None


def _none(asked: Given, seen: Snapshot, ids: Sequence[str], day: dt.date | None) -> int:
    """That there are no minutes, and whether anybody can know."""
    when = f"on {day.isoformat()}" if day is not None else "so far"
    named = " or ".join(ids)
    if seen.ledger is None:
        store = seen.source("store")
        why = (store.error if store is not None else None) or "it was not read"
        unknown = f"whether {named} was held {when} is not known"
        if asked.options.json:
            complain(unknown, why)
        asked.print(lambda: unknown, lambda: {"error": why})
        return UNREACHABLE
    none = f"no {named} was held {when}"
    if asked.options.json:
        complain("there are no minutes", none, "name another day, or a ritual with --ritual")
    asked.print(lambda: none, lambda: {"error": none})
    return ATTENTION


def _recorded(config: Config, seen: Snapshot, key: Key) -> tuple[dict[str, Any] | None, Path | None]:
    """The minutes on disk, and where; a record that cannot be read is told, and is none."""
    from controlroom.domain.instants import maybe
    from controlroom.reports import minutes
    from controlroom.stores import records

    folder = _folder(config)
    if folder is None:
        return None, None
    path = folder / key.date.isoformat() / f"{minutes.file_stem(seen.program, key.ritual)}.json"
    try:
        found = records.document(path, minutes.SCHEMA)
    except records.Unreadable as problem:
        complain("the record of it cannot be read", str(problem), "the log is told instead")
        return None, None
    run = _run(seen, key)
    if found is not None and run is not None and found.get("finished_at") != maybe(run.finished_at):
        return None, None  # written while it was on, or before it went on again
    return found, path if found is not None else None


def _run(seen: Snapshot, key: Key) -> Run | None:
    from controlroom.domain.runs import run_of

    return run_of(seen.runs, key)


def _made(
    asked: Given, config: Config, seen: Snapshot, key: Key, recorded: dict[str, Any] | None
) -> tuple[dict[str, Any] | None, Path | None]:
    """The minutes made from the log, written where that was asked for. Raises Refused."""
    from controlroom.reporting import CannotWrite, write_minutes
    from controlroom.reports import minutes

    run = _run(seen, key)
    if run is None:
        if asked.options.write and recorded is not None:
            raise Refused("the log tells nothing of it", str(key.date), "the record was not changed")
        return recorded, None
    seen = _with_files(config, seen)
    if not asked.options.write:
        # Only a room that was open saw how things stood: what this look finds is of now.
        return minutes.document(seen, run, asked.now(), seen=False), None
    folder = _folder(config)
    if folder is None:
        raise Usage("no status folder is configured", "[status].dir", 'add one, such as dir = "status"')
    try:
        path = write_minutes(seen, key, asked.now(), folder, seen=False).path
    except CannotWrite as problem:
        raise Refused("the minutes are not written", problem.reason, problem.remedy) from None
    return minutes.document(seen, run, asked.now(), seen=False, recorded=recorded), path


def _with_files(config: Config, seen: Snapshot) -> Snapshot:
    """`seen` with every status file there is, however old: its day may lie far back."""
    from controlroom.stores.status_folder import StatusFolder

    folder = _folder(config)
    if folder is None:
        return seen
    try:
        return replace(seen, status=StatusFolder(folder, keep=None).look())
    except OSError:
        return seen  # said before


def summary(options: Namespace) -> int:
    """The summary of a programme week, written into the status folder's README.md."""
    from controlroom.commands.statuses import status_folder_of
    from controlroom.reports import summary as facts
    from controlroom.reports import summary_text as shown

    asked = given(options)
    config = asked.config()
    folder = status_folder_of(config).folder
    seen = asked.sweep(config, "documents", "status", "store")
    say_failures(seen)
    week = _week(options.week, seen.program, asked.now())
    made = facts.summary(seen, _read(folder, seen.program, week), week, asked.now())
    text = shown.section(made)
    path, outcome = folder / shown.FILE, "printed"
    if not options.only_print:
        outcome = _written(path, week, text, seen.program)
    banner = f"{seen.program.banner}\n\n" if seen.program.banner else ""
    asked.print(
        lambda: banner + text if options.only_print else f"{path} {outcome}: week {week}",
        lambda: {**shown.document(made), "path": str(path), "outcome": outcome, "text": text},
    )
    return answered(seen, FINE)


def _week(named: int | None, program: Program, now: dt.datetime) -> int:
    """The week that is named, else the one that ended last. Raises Usage."""
    from controlroom.reports.summary import this_week, week_of

    try:
        current = this_week(program, now)
        week = current - 1 if named is None else named
        week_of(program, week)
    except ValueError as problem:
        raise Usage("no such week", str(problem), "set [program].start, and name a week from 1") from None
    if named is None and week < 1:
        raise Usage("no week of the programme has ended yet", "--week", "name one, such as --week 1")
    if week < 1 or week > current:
        why = "weeks count from 1" if week < 1 else f"it is week {current} now"
        raise Usage("no such week", f"--week {week}", why)
    return week


def _read(folder: Path, program: Program, week: int) -> Read:
    """The status files of the days of that week."""
    from controlroom.reports.summary import Read, week_of
    from controlroom.stores import status_folder

    start, end = week_of(program, week)
    files, unreadable = [], []
    try:
        next(folder.iterdir(), None)  # `glob` takes a folder that nobody may read for an empty one
    except FileNotFoundError:
        pass
    except OSError as problem:
        return Read((), (f"the status folder: {(problem.strerror or type(problem).__name__).lower()}",))
    for number in range((end - start).days):
        date = (start + dt.timedelta(days=number)).isoformat()
        for path in sorted(folder.glob(f"{date}*.json")):
            try:
                file = status_folder.read(path)
            except status_folder.Unreadable as problem:
                unreadable.append(str(problem))
            else:
                files.append(file)
    return Read(tuple(files), tuple(unreadable))


def _written(path: Path, week: int, text: str, program: Program) -> str:
    """Put the section of the week into the file: ``written`` or ``unchanged``. Raises Refused."""
    from controlroom.reports import summary_text
    from controlroom.stores import atomic, records

    title = f"{program.title or program.id}: weekly summaries"
    try:
        before = records.raw(path)
        after = summary_text.placed(before, week, text, program.banner, title)
        if after == before:
            return "unchanged"
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, after)
    except summary_text.NoPlace as problem:
        raise Refused("the summary is not written", problem.reason, problem.remedy) from None
    except records.Unreadable as problem:
        raise Refused("the summary is not written", str(problem), "see to the file") from None
    except OSError as problem:
        where = f"{problem.filename or path}: {problem.strerror}"
        raise Refused("the summary is not written", where, "see to the rights and the space there") from None
    return "written"
