"""Commands that begin something: the room, its configuration, the lab."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.commands.common import given
from controlroom.headless import output
from controlroom.headless.problems import FINE, Refused, Usage

if TYPE_CHECKING:
    from controlroom.commands.common import Given
    from controlroom.config.values import Config
    from controlroom.tui.port import Options


def room(options: Namespace) -> int:
    """The room itself, in the terminal."""
    import sys

    driven = options.follow is True  # without a URL: the driver of the standup
    if options.past is not None and (driven or options.view == "standup"):
        given_too = "--follow" if driven else "--view standup"
        remedy = "leave one of them out; standup report DATE has what was said at one that was held"
        raise Usage("no standup is held in the past", f"{given_too} and --past", remedy)
    for stream, name in ((sys.stdin, "stdin"), (sys.stdout, "stdout")):
        if stream is None or not stream.isatty():
            raise Usage("the room needs a terminal", f"{name} is none", "try: controlroom snapshot --plain")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise Usage("the room needs a terminal", "TERM=dumb", "try: controlroom snapshot --plain")
    if options.json:
        raise Usage("the room has no JSON", "--json", "try: controlroom snapshot --json")
    asked = given(options)
    if isinstance(options.follow, str):
        return _follow(asked, options.follow)
    config = asked.config()
    from controlroom import last_known, wiring
    from controlroom.tui.app import run

    seen_as = _seen_as(asked, config)
    if driven:
        seen_as = seen_as._replace(read_only=True, view="standup", follow=True)
    if options.past is not None:
        from controlroom.commands.common import moment_of

        then, gap = moment_of(asked, config, options.past)
        shown = "this room shows the past"
        opened = wiring.build(config, past=last_known.past_path(config, os.environ), telling=shown)
        opened.still = True
        seen_as = seen_as._replace(past=then, read_only=True)
        return run(opened, seen_as._replace(notices=(gap,) if gap else ()))
    if asked.at is not None:  # a room at another time has nothing to do with the one kept last
        shown = "the clock of this room is set"
        return run(wiring.build(config, clock=wiring.clock_set(asked.at), telling=shown), seen_as)
    opened = wiring.build(
        config,
        restored=last_known.recall(config, os.environ),
        journal=last_known.journal_path(config, os.environ),
        telling="this room is read-only" if seen_as.read_only or seen_as.view == "wall" else "",
        past=last_known.past_path(config, os.environ),
    )
    try:
        return run(opened, seen_as)
    finally:
        last_known.keep(config, opened.snapshot, os.environ)


def _seen_as(asked: Given, config: Config) -> Options:
    """How the person wants to see the room."""
    from controlroom.config.folders import state_folder
    from controlroom.tui.port import Options

    return Options(
        theme=config.ui.theme,
        keys=config.keys,
        viewer_zone=asked.viewer_zone(config),
        ascii=config.ui.ascii,
        redact=config.ui.redact,
        clock_set=asked.at is not None,
        state_folder=state_folder(os.environ),
        base_folder=config.folder,
        read_only=asked.options.read_only,
        write_back=config.documents.write_back,
        channel=config.triage.channel,
        webhook=config.triage.webhook is not None,
        view=asked.options.view,
        bell=config.ui.bell,
        page=config.ui.page,
    )


def _follow(asked: Given, url: str) -> int:
    """The room that a collector tells at `url`, as this screen's own configuration, if any, wants it seen."""
    from controlroom.config.rules import follow_problem

    problem = follow_problem(url)
    if problem is not None:
        raise Usage(problem[0], "--follow", problem[1])
    for clock in ("at", "past"):
        if getattr(asked.options, clock) is not None:
            raise Usage("two clocks at once", f"--follow and --{clock}", "the collector's clock counts")
    config = asked.config(needed=False)
    from controlroom import following, last_known
    from controlroom.tui.app import run

    past = last_known.followed_path(url, os.environ)
    room = following.build(config, url, store=asked.options.store, past=past)
    seen_as = _seen_as(asked, config)
    if config.path is None:
        # Whose documents these are is not known here: what the collector names lies on its machine.
        seen_as = seen_as._replace(base_folder=None, write_back="never")
    if not room.logged and not seen_as.read_only:
        notice = "read-only: name the triage log with --store, or a configuration with --config"
        seen_as = seen_as._replace(read_only=True, notices=(notice,))
    return run(room, seen_as)


def init(options: Namespace) -> int:
    """A complete configuration from the squads' documents; notes on stderr say what came from where."""
    import glob
    from dataclasses import replace

    from controlroom.commands.documents import read_documents
    from controlroom.config.values import Config
    from controlroom.documents.propose import propose
    from controlroom.headless.problems import say
    from controlroom.stores import atomic

    target = Path(options.output or options.config or "controlroom.toml")
    if target.exists() and not options.force:
        raise Refused("there is a configuration already", str(target), "overwrite it with --force")
    readings = read_documents(options.documents, Config(), given(options))
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
