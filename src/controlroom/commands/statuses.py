"""Commands about the status JSON of a day: writing it, comparing it."""

from __future__ import annotations

from argparse import Namespace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.commands.common import Given, answered, given, say_failures
from controlroom.headless.problems import FINE, UNREACHABLE, Refused, Usage, complain

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.domain.snapshot import StatusSeen
    from controlroom.headless.diff import Side
    from controlroom.stores.status_folder import StatusFolder


def diff(options: Namespace) -> int:
    """What changed since the last standup, or between two status files or dates."""
    from controlroom.headless import diff as shown

    asked = given(options)
    if options.after is None:
        before, after, why, code = _since(options, asked)
    else:
        before, after, why, code = (
            _named(options.before, asked),
            _named(options.after, asked),
            "as named on the command line",
            FINE,
        )
    asked.print(lambda: shown.as_text(before, after, why), lambda: shown.as_json(before, after, why))
    return code


def _since(options: Namespace, asked: Given) -> tuple[Side | None, Side, str, int]:
    """From a status that is named, or from that of the last standup, to the room as it is now."""
    from controlroom.domain.diff import baseline
    from controlroom.domain.instants import parse
    from controlroom.domain.status import room_status
    from controlroom.headless.diff import Side

    named = _named(options.before, asked) if options.before else None
    seen = asked.sweep(asked.config())
    say_failures(seen)
    now = asked.now()
    if named is not None:
        after = Side("now", room_status(seen, now, since=parse(named.document["as_of"])))
        return named, after, "as named on the command line", answered(seen, FINE)
    chosen = baseline(seen.status.files if seen.status else (), seen.program, now, seen.runs)
    if chosen is None:
        after = Side("now", room_status(seen, now))
        folder = seen.source("status")
        why = "no status file yet; controlroom publish writes one"
        if folder is not None and folder.error:
            why = f"whether there is a status file is not known: {folder.error}"
        return None, after, why, answered(seen, FINE)
    after = Side("now", room_status(seen, now, since=chosen.file.as_of))
    return Side(chosen.file.path, chosen.file.data), after, chosen.why, answered(seen, FINE)


def _named(name: str, asked: Given) -> Side:
    """A status file by its path, or by its date (and slot) in the status folder. Raises Usage."""
    import re

    from controlroom.headless.diff import Side
    from controlroom.stores import status_folder

    path = Path(name)
    try:
        if not path.is_file() and re.fullmatch(r"\d{4}-\d\d-\d\d(-[a-z0-9_-]+)?", name):
            folder = status_folder_of(asked.config())
            path = folder.path(f"{name}.json")
            if not path.is_file():
                same_day = [file for file in _look(folder).files if file.for_date == name]
                if not same_day:
                    raise Usage("there is no status of that day", f"{name} in {folder.folder}", "name a file")
                path = Path(same_day[-1].path)
        file = status_folder.read(path)
    except OSError as problem:
        where = f"{problem.filename}: {problem.strerror}"
        raise Usage("that status cannot be read", where, "name a status file or a date") from None
    except status_folder.Unreadable as problem:
        raise Usage("that status cannot be read", str(problem), "name a status file or a date") from None
    return Side(file.path, file.data)


def status_folder_of(config: Config) -> StatusFolder:
    from controlroom.stores.status_folder import StatusFolder

    if not config.status.dir:
        raise Usage("no status folder is configured", "[status].dir", 'add one, such as dir = "status"')
    return StatusFolder(config.folder / config.status.dir, keep=None)


def _look(folder: StatusFolder) -> StatusSeen:
    try:
        return folder.look()
    except OSError as problem:
        raise Usage("the status folder cannot be read", f"{folder.folder}: {problem.strerror}") from None


def publish(options: Namespace) -> int:
    """The status JSON of the day."""
    from controlroom.domain.zones import local
    from controlroom.reports import status as report
    from controlroom.stores.status_folder import file_name

    asked = given(options)
    config = asked.config()
    folder = status_folder_of(config)
    today = local(asked.now(), config.program.zone).date()
    for_date = today
    if options.date is not None:
        try:
            for_date = date.fromisoformat(options.date)
        except ValueError:
            raise Usage("no date", f"--date {options.date}", "write it as 2025-10-06") from None
    seen = asked.sweep(config)
    say_failures(seen)
    made = report.document(seen, asked.now(), config.folder, for_date=for_date, slot=options.slot)
    try:
        done = report.publish(
            made,
            folder,
            file_name(for_date.isoformat(), options.slot),
            today=today,
            force=options.force,
            fixed=asked.at is not None,
        )
    except OSError as problem:
        where = f"{problem.filename or folder.folder}: {problem.strerror}"
        complain("the status cannot be written", where, "check [status].dir and the rights of the folder")
        return UNREACHABLE
    if done.outcome == "refused":
        raise Refused("the file says something else", str(done.path), "overwrite it with --force")
    asked.print(
        lambda: f"{done.path} {done.outcome}",
        lambda: {
            "path": str(done.path),
            "outcome": done.outcome,
            "for_date": made["for_date"],
            "slot": made["slot"],
            "as_of": done.document["as_of"],
        },
    )
    return FINE
