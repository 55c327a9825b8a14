"""`controlroom heartbeat`: a job says that it has run."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from controlroom.commands.common import Given, given
from controlroom.headless import output
from controlroom.headless.problems import FINE, UNREACHABLE, Refused, Usage, complain

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.domain.health import Beat
    from controlroom.domain.services import Service

PATIENCE = 5.0
"""Seconds more than `[store].timeout` that a file system may take; then it is taken to hang."""

NOT_QUEUED = "nothing is queued: a report that arrives late would say that the job ran when it did not"


def heartbeat(options: Namespace) -> int:
    """Report that a job has run, or has failed: 0 once it is in the store, 3 where it could not be."""
    asked = given(options)
    if options.read_only:
        raise Refused("nothing is changed here", "--read-only", "call it without that option")
    if asked.at is not None:
        raise Usage("a job reports in when it does", f"--at {options.at}", "leave it out")
    config = asked.config()
    service = _named(_text(options.name), config)
    from controlroom.stores.port import Unavailable

    try:
        stored = _write(config, service, not options.fail, _text(options.message or ""))
    except Unavailable as problem:
        complain("the job's report is not recorded", problem.reason, problem.remedy)
        complain(NOT_QUEUED)
        if options.json:
            output.document({**_about(service, config), "recorded": False, "error": problem.reason})
        return UNREACHABLE
    _tell(asked, config, service, stored)
    return FINE


def _text(argument: str) -> str:
    """An argument as text; bytes of it that are no UTF-8 become replacement characters."""
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _named(name: str, config: Config) -> Service:
    """The heartbeat that is called so, by its id or by its name. Raises Usage."""
    known = [service for service in config.services if service.kind == "heartbeat"]
    found = [service for service in known if service.id == name]
    found = found or [one for one in known if one.name and one.name.casefold() == name.casefold()]
    if len(found) > 1:
        ids = " or ".join(service.id for service in found)
        raise Usage("several heartbeats have this name", name, f"give its id: {ids}")
    if not found:
        raise _unknown(name, config, known)
    file = found[0].heartbeat.file if found[0].heartbeat else None
    if file is not None:
        remedy = f"write to {file} instead, or take heartbeat.file out"
        raise Usage("this heartbeat is judged by the age of a file", name, remedy)
    return found[0]


def _unknown(name: str, config: Config, known: list[Service]) -> Usage:
    other = next((one for one in config.services if name and name in (one.id, one.name)), None)
    if other is not None:
        remedy = "only services of kind heartbeat are reported to"
        return Usage(f"this service is probed as {other.kind}", name, remedy)
    if not known:
        remedy = f'add [[services]] with id = "{name}" and kind = "heartbeat"'
        return Usage("no heartbeat is configured", name, remedy)
    from controlroom.config.spelling import did_you_mean

    names = [text for service in known for text in (service.id, service.name) if text]
    otherwise = f"the heartbeats are {', '.join(service.id for service in known)}"
    return Usage("there is no such heartbeat", name, did_you_mean(name, names, otherwise))


def _write(config: Config, service: Service, ok: bool, message: str) -> Beat:
    """Store the report. Raises Unavailable, when the store hangs, too."""
    import asyncio
    from datetime import UTC, datetime

    from controlroom import acting
    from controlroom.domain.health import Beat
    from controlroom.headless.sweeping import run
    from controlroom.net.threads import in_daemon
    from controlroom.stores.port import Unavailable

    def write() -> Beat:
        reports = acting.open_reports(config)
        try:
            return reports.write(service.id, Beat(datetime.now(UTC), ok, message, acting.host()))
        finally:
            reports.close()

    async def in_time() -> Beat:
        return await asyncio.wait_for(in_daemon(write), config.store.timeout + PATIENCE)

    try:
        return run(in_time())
    except TimeoutError:
        span = config.store.timeout + PATIENCE
        raise Unavailable(f"the store gives no answer within {span:g} s", "look at its disk") from None


def _about(service: Service, config: Config) -> dict[str, Any]:
    from controlroom import acting

    return {"id": service.id, "name": service.name or service.id, "store": acting.store_name(config)}


def _tell(asked: Given, config: Config, service: Service, stored: Beat) -> None:
    from controlroom.domain.instants import render

    said = f": {stored.message}" if stored.message else ""
    word = "reported in" if stored.ok else "reported failure"
    asked.print(
        lambda: f"{service.name or service.id}: {word} at {render(stored.at)}{said}",
        lambda: {
            **_about(service, config),
            "recorded": True,
            "at": render(stored.at),
            "ok": stored.ok,
            "message": stored.message or None,
            "host": stored.host,
        },
    )
