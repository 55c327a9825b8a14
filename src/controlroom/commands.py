"""The commands, each a thin door: it reads its options, asks, prints, and returns an exit code.

Everything is imported inside the function that needs it.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controlroom import __version__
from controlroom.headless import output
from controlroom.headless.problems import (
    FINE,
    INTERRUPTED,
    UNREACHABLE,
    USAGE,
    Refused,
    Usage,
    complain,
)

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.domain.documents import DocumentReading
    from controlroom.domain.program import Program
    from controlroom.domain.snapshot import Snapshot, SourceKind, StatusSeen
    from controlroom.headless.diff import Side
    from controlroom.stores.status_folder import StatusFolder


FIRST_YEAR, LAST_YEAR = 2, 9990
"""Years in which there is room to look back and ahead."""


class Given:
    """The common options, read. `at` is the instant to pretend, UTC; None is the machine's clock."""

    def __init__(self, options: Namespace, at: datetime | None) -> None:
        self.options = options
        self.at = at

    def now(self) -> datetime:
        """The instant everything is computed for."""
        return self.at or datetime.now(UTC)

    def today(self, zone: str) -> date:
        """The local date in `zone`."""
        from zoneinfo import ZoneInfo

        return self.now().astimezone(ZoneInfo(zone)).date()

    def config(self, *, needed: bool = True) -> Config:
        """The configuration; `needed` refuses to go on with built-in defaults. Raises ConfigErrors, Usage."""
        from dataclasses import replace

        from controlroom.config.load import load

        config = load(self.options.config, today=self.today)
        if needed and config.path is None:
            raise Usage(
                "there is no configuration",
                "./controlroom.toml",
                "write one with controlroom init DOCS…, name one with --config, or try controlroom lab",
            )
        if self.options.store:
            from controlroom.config.rules import store_problem

            problem = store_problem(self.options.store)
            if problem is not None:
                raise Usage(problem[0], "--store", problem[1])
            config = replace(config, store=replace(config.store, url=self.options.store))
        return config

    def viewer_zone(self, config: Config) -> str:
        """The zone times are shown in beside the programme's. Raises Usage."""
        from controlroom.config.viewer import viewer_zone_name
        from controlroom.domain import zones

        zone: str | None = self.options.tz
        if zone is None:
            return config.ui.viewer_zone or viewer_zone_name(os.environ).name
        try:
            zones.get(zone)
        except ValueError as problem:
            raise Usage(str(problem), f"--tz {zone}") from None
        return zone

    def sweep(self, config: Config, *kinds: SourceKind) -> Snapshot:
        """One look at the sources of these kinds, at all of them without any."""
        from controlroom.headless.sweeping import sweep

        return sweep(config, self.now, frozenset(kinds) or None)

    def print(self, text: Callable[[], str], document: Callable[[], dict[str, Any]]) -> None:
        """The document with ``--json``, else the text."""
        if self.options.json:
            output.document(document())
        else:
            output.text(text())


def given(options: Namespace) -> Given:
    """The common options of a command line. Raises Usage."""
    if options.at is None:
        return Given(options, None)
    from controlroom.domain import instants

    try:
        at = instants.parse(options.at)
    except ValueError as problem:
        raise Usage(str(problem), f"--at {options.at}", "write it as 2025-10-06T16:00:00Z") from None
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        remedy = f"give an instant of the years {FIRST_YEAR} to {LAST_YEAR}"
        raise Usage("too near the edge of the calendar", f"--at {options.at}", remedy)
    return Given(options, at)


def room(options: Namespace) -> int:
    """The room itself, in the terminal."""
    import sys

    for stream, name in ((sys.stdin, "stdin"), (sys.stdout, "stdout")):
        if stream is None or not stream.isatty():
            raise Usage("the room needs a terminal", f"{name} is none", "try: controlroom snapshot --plain")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise Usage("the room needs a terminal", "TERM=dumb", "try: controlroom snapshot --plain")
    if options.json:
        raise Usage("the room has no JSON", "--json", "try: controlroom snapshot --json")
    asked = given(options)
    config = asked.config()
    from controlroom import wiring
    from controlroom.config.folders import state_folder
    from controlroom.tui.app import run
    from controlroom.tui.port import Options

    seen_as = Options(
        theme=config.ui.theme,
        keys=config.keys,
        viewer_zone=asked.viewer_zone(config),
        ascii=config.ui.ascii,
        redact=config.ui.redact,
        clock_set=asked.at is not None,
        state_folder=state_folder(os.environ),
        base_folder=config.folder,
    )
    if asked.at is not None:  # a room at another time has nothing to do with the one kept last
        return run(wiring.build(config, clock=wiring.clock_set(asked.at)), seen_as)
    opened = wiring.build(config, restored=wiring.last_known(config, os.environ))
    try:
        return run(opened, seen_as)
    finally:
        wiring.keep(config, opened.snapshot, os.environ)


def init(options: Namespace) -> int:
    """A complete configuration from the squads' documents; notes on stderr say what came from where."""
    import glob
    from dataclasses import replace

    from controlroom.config.values import Config
    from controlroom.documents.propose import propose
    from controlroom.headless.problems import say
    from controlroom.stores import atomic

    target = Path(options.output or options.config or "controlroom.toml")
    if target.exists() and not options.force:
        raise Refused("there is a configuration already", str(target), "overwrite it with --force")
    readings = _read_documents(options.documents, Config(), given(options))
    for reading in readings:
        if reading.document is None or reading.error is not None:
            raise Usage("a document cannot be read", str(reading.error), "nothing was written")
    found = [reading.document for reading in readings if reading.document]
    named = [replace(document, path=_from(target.parent, document.path)) for document in found]
    proposal = propose(named, paths=[glob.escape(document.path) for document in named])
    try:
        atomic.write(target, proposal.toml_text.encode())
    except OSError as problem:
        raise Usage("the configuration cannot be written", f"{target}: {problem.strerror}") from None
    for note in proposal.notes:
        say(note)
    asked = given(options)
    asked.print(
        lambda: f"{target} written: controlroom --config {target} config check says what is left to fill in",
        lambda: {"path": str(target), "notes": list(proposal.notes)},
    )
    return FINE


def _from(folder: Path, document: str) -> str:
    """`document` as a configuration in `folder` names it: relative unless far away."""
    there, here = Path(document).absolute(), folder.absolute()
    shared = os.path.commonpath((there, here))
    return str(there) if shared == there.anchor else os.path.relpath(there, here)


def config_check(options: Namespace) -> int:
    """Every error and warning of the configuration."""
    from controlroom.config.check import check
    from controlroom.headless import config as shown

    problems = check(options.config)
    output.text(shown.as_json(problems) if options.json else shown.as_text(problems))
    return shown.exit_code(problems)


def lab(options: Namespace) -> int:
    """The lab; what follows ``--`` runs on its servers."""
    from controlroom.lab.command import main

    rest = options.arguments[1:] if options.arguments[:1] == ["--"] else list(options.arguments)
    common = [
        part for name in ("at", "tz") if (value := getattr(options, name)) for part in (f"--{name}", value)
    ]
    return main([*common, *(["--json"] if options.json else []), *rest])


def snapshot(options: Namespace) -> int:
    """One sweep of everything."""
    from controlroom.headless import attention
    from controlroom.headless import snapshot as shown

    asked = given(options)
    config = asked.config()
    zone = asked.viewer_zone(config)
    seen = asked.sweep(config)
    now = asked.now()
    if options.plain and options.json:
        raise Usage("two formats at once", "--plain --json", "choose one")
    made_by = f"controlroom {__version__}"
    asked.print(lambda: shown.as_plain(seen, now, zone), lambda: shown.as_json(seen, now, zone, made_by))
    return attention.exit_code(seen, attention.attention(seen, now))


def watch(options: Namespace) -> int:
    """A line per change, until interrupted."""
    from controlroom import wiring
    from controlroom.headless.sweeping import run
    from controlroom.headless.watch import follow

    asked = given(options)
    config = asked.config()
    clock = wiring.utc_now if asked.at is None else wiring.clock_set(asked.at)
    run(follow(wiring.build(config, clock=clock), json=options.json))
    return INTERRUPTED


def documents_read(options: Namespace) -> int:
    """What the documents say."""
    from controlroom.headless import document_shapes
    from controlroom.headless import documents as shown

    asked = given(options)
    readings = _read_documents(options.files, asked.config(needed=False), asked)
    found = [reading.document for reading in readings if reading.document is not None]
    for reading in readings:
        if reading.error is not None:
            complain("a document cannot be read", reading.error)
    asked.print(lambda: shown.as_text(found), lambda: document_shapes.as_json(found))
    return FINE if len(found) == len(readings) else USAGE


def _read_documents(names: Sequence[str], config: Config, asked: Given) -> Sequence[DocumentReading]:
    """Each file, and all Markdown below each folder, as the room would read it in company of the others."""
    import glob

    from controlroom.domain.snapshot import DocumentsSeen, Observation
    from controlroom.headless.sweeping import run
    from controlroom.sources.documents import DocumentsSource

    files: list[str] = []
    for name in names:
        below = sorted(Path(name).rglob("*.md")) if Path(name).is_dir() else []
        files += map(str, below) if below else [name]
    source = DocumentsSource(
        [glob.escape(file) if Path(file).exists() else file for file in files],
        Path(),
        start=config.program.start,
        banner=config.program.banner if config.documents.banner_required else "",
        interval=1.0,
        clock=asked.now,
        rules=config.program.calendar,
    )
    seen: list[Observation] = []
    run(source.poll(seen.append))
    payload = seen[-1].payload
    return payload.readings if isinstance(payload, DocumentsSeen) else ()


def calendar(options: Namespace) -> int:
    """Where a date, an instant or a label stands in the programme."""
    from controlroom.headless import calendar as shown

    asked = given(options)
    program = _program(asked.config(), asked)
    when = " ".join(options.when)
    try:
        asked.print(
            lambda: shown.as_text(program, when, asked.now()),
            lambda: shown.as_json(program, when, asked.now()),
        )
    except ValueError as problem:
        raise Usage(str(problem)) from None
    return FINE


def rituals(options: Namespace) -> int:
    """Rituals in progress and next, those of the days ahead, and a calendar file of all of them."""
    from controlroom.headless import rituals as shown

    asked = given(options)
    config = asked.config()
    program = _program(config, asked)
    zone, now = asked.viewer_zone(config), asked.now()
    if options.days is not None and options.days < 0:
        raise Usage("days ahead cannot be negative", f"--days {options.days}")
    if options.ics is not None:
        return _calendar_file(options, program, now)
    try:
        asked.print(
            lambda: shown.as_text(program, now, zone, days=options.days),
            lambda: shown.as_json(program, now, zone, days=options.days),
        )
    except ValueError as problem:
        raise Usage(str(problem), "" if options.days is None else f"--days {options.days}") from None
    return FINE


def _calendar_file(options: Namespace, program: Program, now: datetime) -> int:
    """The rituals as a calendar file: from the programme's start on, or of ``--days`` days from today."""
    from controlroom.domain.zones import local
    from controlroom.reports import ics
    from controlroom.stores import atomic

    today = local(now, program.zone).date()
    first = today if options.days is not None else program.start or today
    text = ics.render(program, first, options.days)
    for what in ics.omitted(program):
        complain(what)
    if options.ics == "-":
        output.file(text)
        return FINE
    try:
        atomic.write(Path(options.ics), text.encode())
    except OSError as problem:
        raise Usage("the calendar file cannot be written", f"{options.ics}: {problem.strerror}") from None
    given(options).print(lambda: f"{options.ics} written", lambda: {"path": options.ics})
    return FINE


def _program(config: Config, asked: Given) -> Program:
    """The programme with what the documents add, from memory while nothing of it has changed."""
    if not config.documents.paths:
        return config.program
    from controlroom.config import declared

    read = declared.look(config)
    known = declared.recall(config, read, os.environ)
    if known is not None:
        return known
    seen = asked.sweep(config, "documents")
    _say_failures(seen)
    unread = [reading.error for reading in seen.documents if reading.error]
    for reason in unread:
        complain("a document cannot be read", reason)
    if seen.documents and not unread:
        declared.remember(config, read, seen.program, os.environ)
    return seen.program


def services(options: Namespace) -> int:
    """Health of the services."""
    from controlroom.headless import services as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), "services")
    now = asked.now()
    _say_failures(seen)
    asked.print(lambda: shown.as_text(seen.services, now), lambda: shown.as_json(seen.services, now))
    return _answered(seen, shown.exit_code(seen.services, now))


def telemetry(options: Namespace) -> int:
    """Every declared signal and the coverage of each squad."""
    from controlroom.headless import telemetry as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), *_telemetry_kinds)
    _say_failures(seen)
    asked.print(lambda: shown.as_text(seen, asked.now()), lambda: shown.as_json(seen))
    return shown.exit_code(seen)


def gate(options: Namespace) -> int:
    """Exit gates of the waves."""
    from controlroom.headless import telemetry as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), *_telemetry_kinds)
    _say_failures(seen)
    asked.print(lambda: shown.gates_as_text(seen.gates), lambda: shown.gates_as_json(seen))
    return shown.gates_exit_code(seen)


_telemetry_kinds: tuple[SourceKind, SourceKind] = ("metrics", "documents")
"""Documents too: they may be what declares the squads and the waves."""


def alerts(options: Namespace) -> int:
    """Active alerts by squad."""
    from controlroom.headless import alerts as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), "alerts")
    _say_failures(seen)
    asked.print(lambda: shown.as_text(seen, asked.now()), lambda: shown.as_json(seen))
    return shown.exit_code(seen)


def _answered(seen: Snapshot, code: int) -> int:
    """`code`, or 3 where nothing is known to be wrong but a source could not be read."""
    from controlroom.headless.attention import failing

    return UNREACHABLE if code == FINE and failing(seen) else code


def _say_failures(seen: Snapshot) -> None:
    for source in seen.sources:
        if source.error:
            complain(f"{source.title or source.id} cannot be read", source.error, source.remedy)


def blockers(options: Namespace) -> int:
    """What holds work up."""
    from controlroom.headless import blockers as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), "documents", "status")
    now = asked.now()
    _say_failures(seen)
    asked.print(lambda: shown.as_text(seen, now), lambda: shown.as_json(seen, now))
    return _answered(seen, shown.exit_code(seen, now))


def lint(options: Namespace) -> int:
    """What is wrong with what people wrote."""
    from controlroom.headless import lint as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), "documents", "status")
    _say_failures(seen)
    asked.print(lambda: shown.as_text(seen.lints), lambda: shown.as_json(seen.lints))
    return _answered(seen, shown.exit_code(seen.lints))


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
    from controlroom.domain.status import room_status
    from controlroom.headless.diff import Side

    named = _named(options.before, asked) if options.before else None
    seen = asked.sweep(asked.config())
    _say_failures(seen)
    now = asked.now()
    after = Side("now", room_status(seen, now))
    if named is not None:
        return named, after, "as named on the command line", _answered(seen, FINE)
    chosen = baseline(seen.status.files if seen.status else (), seen.program, now)
    if chosen is None:
        return None, after, "no status file yet; controlroom publish writes one", _answered(seen, FINE)
    return Side(chosen.file.path, chosen.file.data), after, chosen.why, _answered(seen, FINE)


def _named(name: str, asked: Given) -> Side:
    """A status file by its path, or by its date (and slot) in the status folder. Raises Usage."""
    import re

    from controlroom.headless.diff import Side
    from controlroom.stores import status_folder

    path = Path(name)
    if not path.is_file() and re.fullmatch(r"\d{4}-\d\d-\d\d(-[a-z0-9_-]+)?", name):
        folder = _status_folder(asked.config())
        path = folder.path(f"{name}.json")
        if not path.is_file():
            same_day = [file for file in _look(folder).files if file.for_date == name]
            if not same_day:
                raise Usage("there is no status of that day", f"{name} in {folder.folder}", "name a file")
            path = Path(same_day[-1].path)
    try:
        file = status_folder.read(path)
    except status_folder.Unreadable as problem:
        raise Usage("that status cannot be read", str(problem), "name a status file or a date") from None
    return Side(file.path, file.data)


def _status_folder(config: Config) -> StatusFolder:
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
    folder = _status_folder(config)
    today = local(asked.now(), config.program.zone).date()
    for_date = today
    if options.date is not None:
        try:
            for_date = date.fromisoformat(options.date)
        except ValueError:
            raise Usage("no date", f"--date {options.date}", "write it as 2025-10-06") from None
    seen = asked.sweep(config)
    _say_failures(seen)
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


def themes_list(options: Namespace) -> int:
    """The themes there are."""
    from controlroom.headless import themes as shown

    found = shown.available()
    if options.json:
        output.document(shown.list_json(found))
    else:
        output.text(shown.list_text(found))
        for problem in found.failed:
            complain(str(problem))
    return FINE


def themes_check(options: Namespace) -> int:
    """Whether theme files can be used, and read by everybody."""
    from controlroom.headless import themes as shown

    checked = shown.check([Path(file) for file in options.files])
    if options.json:
        output.document(shown.check_json(checked))
    else:
        output.text(shown.check_text(checked))
    for line in shown.problems(checked):
        complain(line)
    return shown.exit_code(checked)
