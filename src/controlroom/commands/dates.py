"""Commands about dates: where one stands in the programme, and its rituals."""

from __future__ import annotations

import os
from argparse import Namespace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.commands.common import Given, given, say_failures
from controlroom.headless import output
from controlroom.headless.problems import FINE, Usage, complain

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.domain.program import Program
    from controlroom.domain.snapshot import Snapshot, SourceKind


def calendar(options: Namespace) -> int:
    """Where a date, an instant or a label stands in the programme."""
    from controlroom.headless import calendar as shown

    asked = given(options)
    program = dated_program(asked.config(), asked)
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
    program = dated_program(config, asked)
    zone, now = asked.viewer_zone(config), asked.now()
    if options.days is not None and options.days < 0:
        raise Usage("days ahead cannot be negative", f"--days {options.days}")
    if options.ics is not None:
        return _calendar_file(options, program, now)
    seen = _looked(config, program, asked)
    try:
        asked.print(
            lambda: shown.as_text(program, now, zone, days=options.days, snapshot=seen),
            lambda: shown.as_json(program, now, zone, days=options.days, snapshot=seen),
        )
    except ValueError as problem:
        raise Usage(str(problem), "" if options.days is None else f"--days {options.days}") from None
    return FINE


def _looked(config: Config, program: Program, asked: Given) -> Snapshot | None:
    """A look at what the gates of rituals name, and at the log; None where no ritual has any."""
    gates = [gate for ritual in program.rituals for gate in ritual.gates]
    if not gates:
        return None
    kinds: list[SourceKind] = ["store"]
    kinds += ["services", "self"] if any(gate.service for gate in gates) else []
    kinds += ["metrics"] if any(gate.signal for gate in gates) else []
    kinds += ["documents", "status"] if any(gate.item for gate in gates) else []
    seen = asked.sweep(config, *kinds)
    say_failures(seen)
    return seen


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


def dated_program(config: Config, asked: Given) -> Program:
    """The programme with what the documents add, from memory while nothing of it has changed."""
    if not config.documents.paths:
        return config.program
    from controlroom.config import declared

    read = declared.look(config)
    known = declared.recall(config, read, os.environ)
    if known is not None:
        return known
    seen = asked.sweep(config, "documents")
    say_failures(seen)
    unread = [reading.error for reading in seen.documents if reading.error]
    for reason in unread:
        complain("a document cannot be read", reason)
    if seen.documents and not unread:
        declared.remember(config, read, seen.program, os.environ)
    return seen.program
