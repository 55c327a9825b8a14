"""The command line: what there is to call, and the one border where an exception becomes a message.

Nothing heavy is imported here: `controlroom calendar` answers in the time it takes to import a validator.
The commands themselves are in `commands`, each a thin door.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from controlroom import __version__
from controlroom.headless import output
from controlroom.headless.problems import (
    ATTENTION,
    FINE,
    INTERRUPTED,
    UNREACHABLE,
    USAGE,
    Problem,
    Usage,
    complain,
    say,
)

DEBUG = "CONTROLROOM_DEBUG"
"""Environment variable: a crash shows its traceback."""

QUICK = frozenset({"calendar", "config_check", "rituals", "themes_list", "themes_check", "room"})
"""Commands that end before there is any garbage worth collecting; the room collects after its first paint."""

Arguments = Callable[[argparse.ArgumentParser], None]

HEADLESS_HINT = "without a terminal: controlroom snapshot --plain"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. `arguments` None: those of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    output.prepare()
    collecting = gc.isenabled()
    # Looking for garbage among modules that are just being imported is a tenth of a quick command.
    gc.disable()
    try:
        code = _run(given)
        output.flush()
    except BrokenPipeError:
        return _quietly()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Problem as problem:
        complain(problem.what, problem.where, problem.remedy)
        return problem.code
    except Exception as error:  # the outermost border: whatever it is, people get a line, not a traceback
        return _failed(error)
    finally:
        if collecting:
            gc.enable()
    return code


def _run(given: list[str]) -> int:
    try:
        options = parser(given).parse_args(given)
    except SystemExit as leaving:  # --help and --version
        return leaving.code if isinstance(leaving.code, int) else FINE
    run: str = options.run
    from controlroom import commands

    if run not in QUICK:
        gc.enable()
    return commands.find(run)(options)


def _quietly() -> int:
    """Whoever read our output has gone; what is left of it goes nowhere, without a word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return FINE


def _failed(error: Exception) -> int:
    from controlroom.config.errors import ConfigErrors

    if isinstance(error, ConfigErrors):
        for problem in error.errors:
            complain(problem.message, problem.where, problem.remedy)
        return USAGE
    if isinstance(error, OSError) and error.filename is None and error.strerror:
        complain("cannot write", error.strerror.lower(), "check where the output goes")
        with contextlib.suppress(OSError, ValueError):  # or the interpreter tries again, and says it its way
            _quietly()
        return UNREACHABLE
    if os.environ.get(DEBUG):
        import traceback

        say("".join(traceback.format_exception(error)))
    complain(
        f"this is a bug of controlroom: {type(error).__name__}",
        _reported(error),
        f"please report it with that file; {DEBUG}=1 shows more",
    )
    return ATTENTION


def _reported(error: Exception) -> str:
    """Path of a report without values; empty where none could be written."""
    import tempfile
    from datetime import UTC, datetime
    from pathlib import Path

    from controlroom.config.folders import state_folder
    from controlroom.tui import crash

    now = datetime.now(UTC)
    for folder in (state_folder(os.environ), Path(tempfile.gettempdir())):
        where = crash.write(folder, "headless", error, now)
        if where is not None:
            return str(where)
    return ""


class _Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal. (The usual one imports `shutil` for it, once per argument declared.)"""

    def __init__(self, prog: str) -> None:
        try:
            columns = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size().columns
        except (OSError, ValueError):
            columns = 100
        super().__init__(prog, width=max(columns - 2, 40))


class _Parser(argparse.ArgumentParser):
    """Errors as every other command line problem: message, remedy, exit code 2."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, formatter_class=_Formatter)

    def error(self, message: str) -> NoReturn:
        choice = re.search(
            r"argument (.*?): invalid choice: '([^']*)' \(choose from (.*)\)", message, re.DOTALL
        )
        if choice is not None:
            name, word, listed = choice.groups()
            choices = [one.strip("' ") for one in listed.split(",")]
            if name == "COMMAND":
                choices = [command for command, *_ in COMMANDS]
            what = "unknown command" if name in ("COMMAND", "WHAT") else f"{name} cannot be"
            raise Usage(what, word, _did_you_mean(word, choices) or f"it is one of: {', '.join(choices)}")
        unknown = re.match(r"unrecognized arguments: (\S*)", message)
        if unknown is not None:
            known = [option for action in self._actions for option in action.option_strings]
            if unknown[1] in known:
                raise Usage("this option belongs before the command", unknown[1], self._help())
            raise Usage("unknown argument", unknown[1], _did_you_mean(unknown[1], known) or self._help())
        raise Usage(message, "", self._help())

    def _help(self) -> str:
        return f"{self.prog} --help shows how it is called"


def _did_you_mean(word: str, choices: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, choices, 1)
    return f"did you mean {near[0]}?" if near else ""


def _common(*, top: bool) -> _Parser:
    """Options that every command takes, before its name or after it."""
    parser = _Parser(add_help=False)
    group = parser.add_argument_group("common options")

    def add(name: str, metavar: str | None, text: str) -> None:
        default = None if top else argparse.SUPPRESS
        if metavar:
            group.add_argument(name, metavar=metavar, default=default, help=text)
        else:
            group.add_argument(name, action="store_true", default=False if top else default, help=text)

    add("--config", "FILE", "configuration; else $CONTROLROOM_CONFIG, ./controlroom.toml, the user's")
    add("--store", "URL", "where the triage log is; overrides [store].url")
    add("--at", "INSTANT", "pretend it is this instant, such as 2025-10-06T16:00:00Z")
    add("--tz", "ZONE", "time zone of the viewer, such as Europe/Lisbon")
    add("--json", None, "one JSON document on stdout")
    return parser


def parser(given: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The command line; with the arguments `given`, only those of its commands that they can mean."""
    whole = _Parser(
        prog="controlroom",
        description="A terminal control room for programmes run by several squads at once. "
        "Without a command it opens the room.",
        epilog="Exit codes: 0 fine, 1 attention needed, 2 usage or configuration, 3 a source or the store is "
        "unreachable, 4 conflict or refused, 75 queued, 130 interrupted.",
        parents=[_common(top=True)],
    )
    whole.add_argument("--version", action="version", version=f"controlroom {__version__}")
    _room(whole)
    whole.set_defaults(run="room")
    commands = whole.add_subparsers(
        metavar="COMMAND", title="commands", parser_class=_Parser, prog="controlroom"
    )
    meant = None if given is None else _meant(given)
    for name, text, arguments in COMMANDS:
        if meant and name not in meant:
            continue
        if meant is not None and not meant:  # the room, help, or a mistake: names are all that is asked for
            commands.add_parser(name, help=text, add_help=False)
            continue
        description = text[:1].upper() + text[1:] + "."
        command = commands.add_parser(name, help=text, description=description, parents=[_common(top=False)])
        command.set_defaults(run=name)
        arguments(command)
    return whole


def _meant(given: Sequence[str]) -> set[str]:
    """Names of commands among the arguments: declaring the others takes longer than some commands run."""
    names = {name for name, *_ in COMMANDS}
    for argument in given:
        if argument in ("-h", "--help"):
            break
        if argument in names:
            return names.intersection(given)
    return set()


def _room(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--view", choices=["room", "oncall", "standup", "wall"], default="room", help="which view to open"
    )
    parser.add_argument("--read-only", action="store_true", help="hide every action that changes something")
    parser.add_argument(
        "--follow",
        nargs="?",
        const=True,
        default=False,
        metavar="URL",
        help="the room that a collector tells at URL, such as redis://host:6379/0; "
        "without URL: what the driver of the standup shows, changing nothing",
    )
    parser.add_argument("--past", metavar="INSTANT", help="the room as it was then, framed PAST")


def _nothing(parser: argparse.ArgumentParser) -> None:
    """A command without arguments of its own."""


def _branch(
    parser: argparse.ArgumentParser, *branches: tuple[str, str, str, Arguments], needed: bool = True
) -> None:
    """Words after the command: name, the function that runs it, help, arguments."""
    below = parser.add_subparsers(metavar="WHAT", required=needed, parser_class=_Parser)
    for name, run, text, arguments in branches:
        branch = below.add_parser(
            name,
            help=text,
            description=text[:1].upper() + text[1:] + ".",
            parents=[_common(top=False)],
        )
        branch.set_defaults(run=run, verb=name)
        arguments(branch)


def _init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("documents", nargs="*", metavar="DOCS", help="the squads' Markdown documents")
    parser.add_argument(
        "--output", metavar="FILE", help="where to write it; else --config, ./controlroom.toml"
    )
    parser.add_argument("--force", action="store_true", help="overwrite the file if it is there")


def _config(parser: argparse.ArgumentParser) -> None:
    _branch(parser, ("check", "config_check", "say every error with file, key and remedy", _nothing))


def _lab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="-- ARGS", help="what to run on them; else the room"
    )


def _snapshot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plain", action="store_true", help="linear text (the default without --json)")
    parser.add_argument("--past", metavar="INSTANT", help="the room as it was seen then, asking nobody")


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", metavar="URL", help="the room that a collector tells at URL")


def _documents(parser: argparse.ArgumentParser) -> None:
    def read(branch: argparse.ArgumentParser) -> None:
        branch.add_argument("files", nargs="+", metavar="FILE", help="Markdown documents")

    def set_status(branch: argparse.ArgumentParser) -> None:
        branch.add_argument("file", metavar="FILE", help="a Markdown document with a grid of cards")
        branch.add_argument("item", metavar="ITEM", help="the card's id, as documents read shows it")
        branch.add_argument("status", metavar="STATUS", help="not started, in progress, blocked or done")

    _branch(
        parser,
        ("read", "documents_read", "say what the documents say", read),
        ("set-status", "documents_set_status", "change the one cell with a card's status", set_status),
    )


def _calendar(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("when", nargs="+", metavar="WHEN", help='a date, an instant, or "Week 3 Day 4"')


def _rituals(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, metavar="N", help="list the occurrences of N days from today")
    parser.add_argument("--ics", metavar="FILE", help="write a calendar file (- is stdout)")


def _telemetry(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import TELEMETRY

    _branch(parser, *TELEMETRY, needed=False)


def _gate(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import GATE

    parser.add_argument("--wave", metavar="WAVE", help="only this wave's gate, by id or name")
    _branch(parser, *GATE, needed=False)


def _alerts(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import ALERTS

    _branch(parser, *ALERTS, needed=False)


def _blockers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=["list"], default="list", metavar="list")
    parser.add_argument("--all", action="store_true", help="resolved ones too (JSON always has them)")


def _blocker(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import BLOCKER

    _branch(parser, *BLOCKER)


def _item(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import ITEM

    _branch(parser, *ITEM)


def _log(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import log

    log(parser)


def _outbox(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import OUTBOX

    _branch(parser, *OUTBOX, needed=False)


def _store(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import STORE

    _branch(parser, *STORE)


def _heartbeat(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the heartbeat's id or name")
    parser.add_argument("--fail", action="store_true", help="the job has run and failed")
    parser.add_argument("--message", metavar="TEXT", help="a line about it, such as how much it did")


def _diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "before", nargs="?", metavar="FROM", help="status file or date; else the last standup"
    )
    parser.add_argument("after", nargs="?", metavar="TO", help="status file or date; else the room now")


def _publish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--slot", choices=["nightly", "standup", "integration", "eod"], default="nightly")
    parser.add_argument(
        "--date", metavar="DATE", help="the day it is for; else today in the programme's zone"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a past day's file")


def _summary(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--week", type=int, metavar="N", help="programme week; else the one before this")
    parser.add_argument("--print", action="store_true", dest="only_print", help="print it, write nothing")


def _standup(parser: argparse.ArgumentParser) -> None:
    def report(branch: argparse.ArgumentParser) -> None:
        branch.add_argument(
            "date", nargs="?", metavar="DATE", help="the day of the standup; else the last one"
        )
        branch.add_argument("--ritual", metavar="ID", help="which ritual, where several are standups")
        branch.add_argument("--chat", action="store_true", help="the short text for a chat")
        branch.add_argument("--write", action="store_true", help="write it into the status folder again")

    _branch(parser, ("report", "standup_report", "the minutes of a standup", report))


def _evidence(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import EVIDENCE

    _branch(parser, *EVIDENCE)


def _drill(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import DRILL

    _branch(parser, *DRILL)


def _notify(parser: argparse.ArgumentParser) -> None:
    from controlroom.commands.arguments import NOTIFY

    _branch(parser, *NOTIFY, needed=False)


def _themes(parser: argparse.ArgumentParser) -> None:
    def check(branch: argparse.ArgumentParser) -> None:
        branch.add_argument("files", nargs="+", metavar="FILE", help="theme files")

    _branch(
        parser,
        ("list", "themes_list", "list the themes there are", _nothing),
        ("check", "themes_check", "check that theme files can be used and read", check),
    )


COMMANDS: tuple[tuple[str, str, Arguments], ...] = (
    ("init", "write a controlroom.toml from the squads' documents", _init),
    ("config", "check the configuration", _config),
    ("lab", "open the room on real servers found on this machine", _lab),
    ("snapshot", "one sweep of everything", _snapshot),
    ("watch", "a line per change, until interrupted", _nothing),
    ("documents", "read the squads' documents, or change one status in them", _documents),
    ("calendar", "where a date, an instant or a label stands in the programme", _calendar),
    ("rituals", "rituals in progress and next", _rituals),
    ("services", "health of the services", _nothing),
    ("telemetry", "declared signals and their gaps; what could be declared", _telemetry),
    ("gate", "exit gates of the waves, and excusing a signal", _gate),
    ("alerts", "alerts by squad and what silences them; silence some, or say whose they are", _alerts),
    ("blockers", "what holds work up", _blockers),
    ("blocker", "open, escalate, resolve a blocker, and what else is done to one", _blocker),
    ("item", "move a card, or say whose it is", _item),
    ("waiting", "who waits on whom, and what to unblock first", _nothing),
    ("log", "the triage log: who did what, when", _log),
    ("outbox", "your actions that are not in the log yet", _outbox),
    ("store", "copy the triage log to another store", _store),
    ("heartbeat", "say that a job has run, for a service of kind heartbeat", _heartbeat),
    ("collect", "poll for everybody: tell the room to other screens, serve /metrics", _nothing),
    ("serve", "the room in a browser", _serve),
    ("lint", "what is wrong with what people wrote", _nothing),
    ("diff", "what changed since the last standup, or between two status files", _diff),
    ("publish", "write the status JSON of the day", _publish),
    ("standup", "the minutes of a standup", _standup),
    ("summary", "the weekly summary, from data only", _summary),
    ("evidence", "capture what an Integration Day shows, or verify what was captured", _evidence),
    ("drill", "begin, watch and end a chaos drill; its report", _drill),
    ("benchmarks", "what the benchmarks measured last, beside their own history", _nothing),
    ("notify", "who is told of what outside this room, and what waits to be told", _notify),
    ("themes", "themes of the room", _themes),
)
"""Name, help and arguments of every command; the function of the same name in `commands` runs it, or of each
word after it the one that is named there."""
