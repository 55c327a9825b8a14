"""`controlroom telemetry`: what squads promised, other names for it, and what else they could promise."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.commands.common import given, say_failures
from controlroom.commands.gate import ANY_JOB
from controlroom.commands.handing_in import writable
from controlroom.headless import output
from controlroom.headless.problems import FINE, Refused, Usage, complain

if TYPE_CHECKING:
    from datetime import datetime

    from controlroom.config.values import Config, PrometheusServer
    from controlroom.domain.board import Squad
    from controlroom.domain.documents import DocumentReading
    from controlroom.domain.merge import Declared
    from controlroom.domain.proposals import Draft, Named
    from controlroom.domain.survey import Survey

LONGEST = 90
"""Days that `propose` looks back at most."""


def telemetry(options: Namespace) -> int:
    """Every declared signal and the coverage of each squad."""
    from controlroom.commands.gate import kinds
    from controlroom.headless import telemetry as shown

    asked = given(options)
    config = asked.config()
    # Waivers are in the log, and status files tell how coverage has grown.
    seen = asked.sweep(config, *kinds(config), "store", "status")
    say_failures(seen)
    asked.print(lambda: shown.as_text(seen, asked.now()), lambda: shown.as_json(seen))
    return shown.exit_code(seen)


# -- another name -----------------------------------------------------------------------------------


def telemetry_accept(options: Namespace) -> int:
    """Another name for a promised metric, as a difference to the configuration; written with ``--write``."""
    from controlroom import acting
    from controlroom.config import edit
    from controlroom.config.changes import AcceptMetric
    from controlroom.headless import proposals as shown

    asked = given(options)
    config = asked.config()
    if options.write:
        writable(asked)
    assert config.path is not None  # a configuration is needed, and it is from a file
    change = AcceptMetric(options.squad, options.metric, _job(config, options), options.name)
    try:
        edited = edit.propose(
            config.path,
            change,
            by=acting.who(config, options.by),
            on=asked.today(config.program.zone),
        )
    except edit.CannotEdit as problem:
        raise Usage("the name cannot be accepted", problem.reason, problem.remedy) from None
    if options.write:
        try:
            edit.write(edited)
        except edit.CannotEdit as problem:
            raise Refused("nothing was changed", problem.reason, problem.remedy) from None
    said = f"written: {edited.summary}" if options.write else "not written: add --write"
    asked.print(lambda: f"{edited.diff}{said}", lambda: shown.edit_as_json(edited, written=options.write))
    return FINE


def _job(config: Config, options: Namespace) -> str | None:
    """The job that is meant: the only one the metric is promised for. Raises Usage."""
    job: str | None = options.job
    squad = config.program.squad(options.squad)
    if squad is None or job is not None:
        return None if job == ANY_JOB else job
    jobs = [signal.job for signal in squad.signals if signal.metric == options.metric]
    if len(jobs) > 1:
        named = ", ".join(job or ANY_JOB for job in jobs)
        raise Usage("several signals have this name", options.metric, f"add --job, one of {named}")
    return jobs[0] if jobs else None


# -- proposals --------------------------------------------------------------------------------------


def telemetry_propose(options: Namespace) -> int:
    """Signals that squads could promise, as TOML to review."""
    from controlroom.documents import draft_signals
    from controlroom.domain.merge import merge
    from controlroom.domain.proposals import draft
    from controlroom.headless import proposals as shown

    asked = given(options)
    config = asked.config()
    if not 1 <= options.days <= LONGEST:
        raise Usage("that many days cannot be looked back on", f"--days {options.days}", f"1 to {LONGEST}")
    servers = _servers(config, options.server)
    target = _target(config, options)
    readings = _documents(config, asked.now)
    for reading in readings:
        if reading.error is not None:
            complain("a document cannot be read", reading.error)
    now = asked.now()
    declared = merge(config.program, readings, now)
    documents = [reading.document for reading in readings if reading.document is not None]
    named = draft_signals.named(declared.program, documents, declared.items)
    wanted = _squads(declared, options.squad)
    surveys = _surveys(config, servers, named, now, options.days)
    drafted = draft(
        declared.program,
        config.services,
        named,
        surveys,
        wanted=wanted,
        first=config.prometheus[0].id if config.prometheus else None,
        days=options.days,
    )
    _say(drafted, servers)
    text = draft_signals.as_toml(drafted, (squad.id for squad in config.program.squads))
    if target is not None:
        _write(target, text)
        asked.print(lambda: shown.summary(drafted, str(target)), lambda: shown.as_json(drafted))
    elif options.json:
        output.document(shown.as_json(drafted))
    else:
        output.file(text)
    return shown.exit_code(drafted, len(servers))


def _documents(config: Config, now: Callable[[], datetime]) -> Sequence[DocumentReading]:
    """The configured documents, read as the room reads them."""
    if not config.documents.paths:
        return ()
    from controlroom.domain.snapshot import DocumentsSeen, Observation
    from controlroom.headless.sweeping import run
    from controlroom.sources.documents import DocumentsSource

    source = DocumentsSource(
        config.documents.paths,
        config.folder,
        start=config.program.start,
        banner="",
        interval=config.documents.interval,
        clock=now,
        rules=config.program.calendar,
    )
    seen: list[Observation] = []
    run(source.poll(seen.append))
    payload = seen[-1].payload
    return payload.readings if isinstance(payload, DocumentsSeen) else ()


def _servers(config: Config, wanted: str | None) -> Sequence[PrometheusServer]:
    if wanted is None:
        return config.prometheus
    found = [server for server in config.prometheus if server.id == wanted]
    if not found:
        known = ", ".join(server.id for server in config.prometheus)
        remedy = f"it is one of: {known}" if known else "add [[prometheus]]"
        raise Usage("there is no such Prometheus", f"--server {wanted}", remedy)
    return found


def _squads(declared: Declared, names: Sequence[str] | None) -> Sequence[Squad]:
    from controlroom.domain.decide_args import close_to

    if not names:
        return declared.program.squads
    found: dict[str, Squad] = {}
    for name in names:
        squad = declared.program.squad(name)
        if squad is None:
            choices = [one.id for one in declared.program.squads]
            raise Usage("there is no such squad", name, close_to(name, choices))
        found[squad.id] = squad
    return tuple(found.values())


def _surveys(
    config: Config,
    servers: Sequence[PrometheusServer],
    named: dict[str | None, tuple[Named, ...]],
    at: datetime,
    days: int,
) -> list[Survey]:
    """What each server held. All of what documents name is looked for, so that every near name is known."""
    if not servers:
        return []
    import asyncio

    from controlroom.config import secrets
    from controlroom.headless.sweeping import run
    from controlroom.net.survey import survey

    metrics = {one.metric for said in named.values() for one in said}

    async def ask() -> list[Survey]:
        return await asyncio.gather(
            *(
                survey(server, lambda ref: secrets.resolve(ref, config.folder), metrics, at, days)
                for server in servers
            )
        )

    return run(ask())


def _say(drafted: Draft, servers: Sequence[PrometheusServer]) -> None:
    """On stderr, what is missing from the draft."""
    rest = "only what the documents name is proposed" if len(drafted.errors) == len(servers) else ""
    if not servers:
        complain("no Prometheus could be asked", "none is configured", f"add [[prometheus]]; {rest}")
    for server, error in drafted.errors.items():
        complain(f"{server} could not be asked", error, rest)
    for note in drafted.notes:
        complain("not found out", note)


def _target(config: Config, options: Namespace) -> Path | None:
    """The file to write, which is never the configuration. Raises Refused."""
    if options.output is None:
        return None
    target = Path(options.output)
    if config.path is not None and target.exists() and target.samefile(config.path):
        remedy = "name another file, and take over what you mean to promise"
        raise Refused("a draft is never written into the configuration", str(target), remedy)
    if target.exists() and not options.force:
        raise Refused("there is such a file already", str(target), "overwrite it with --force")
    return target


def _write(target: Path, text: str) -> None:
    from controlroom.stores import atomic

    try:
        atomic.write(target, text.encode())
    except OSError as problem:
        raise Usage("the draft cannot be written", f"{target}: {problem.strerror}") from None
