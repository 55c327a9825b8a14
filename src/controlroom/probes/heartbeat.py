"""kind = "heartbeat": whether a job has reported in when it should have: to the store, or by a file's age."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from controlroom.domain.asks import HeartbeatAsks
from controlroom.domain.health import Beat, ProbeResult
from controlroom.domain.instants import duration, render
from controlroom.domain.services import Health, Service
from controlroom.domain.text import clean
from controlroom.net.threads import in_daemon
from controlroom.probes.port import Context, Trouble, answered
from controlroom.probes.wording import foreign, seconds, verbatim

AHEAD = 60.0
"""Seconds two machines' clocks may differ without anybody being told."""


class HeartbeatProbe:
    """Looks for the last report; keeps nothing but what still looks at a file system that hangs."""

    def __init__(self) -> None:
        self._looking: dict[str, asyncio.Task[Beat | None]] = {}

    async def __call__(self, service: Service, context: Context) -> ProbeResult:
        """Whether the last report is there, in time and good. Raises Trouble where that is not known."""
        asks = service.heartbeat or HeartbeatAsks()
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with asyncio.timeout(context.deadline) as limit:
                beat = await self._last(service, asks, context)
        except OSError as error:
            span = seconds(context.deadline)
            where = foreign(asks.file, 60) if asks.file is not None else "the store of reports"
            words = f"no answer within {span}" if limit.expired() else (error.strerror or "not read").lower()
            raise Trouble(f"{where}: {foreign(words)}", Health.UNKNOWN) from None
        if beat is None:
            where = f": there is no {foreign(asks.file, 60)}" if asks.file is not None else ""
            raise Trouble(f"never reported in{where}", Health.UNKNOWN)
        health, reason = judged(beat, asks, context.clock())
        return answered(
            service,
            context,
            loop.time() - asked,
            reason,
            detail=_detail(beat, asks),
            health=health,
            raw=_raw(beat),
        )

    def _last(self, service: Service, asks: HeartbeatAsks, context: Context) -> Awaitable[Beat | None]:
        if asks.file is None:
            return context.beats(service.id)
        task = self._looking.get(service.id)
        if task is None or task.done():
            task = self._looking[service.id] = asyncio.create_task(
                in_daemon(_written, context.folder, asks.file), name=f"look at {service.id}"
            )
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # A file system that hangs holds one thread for each file, however often it is asked.
        return asyncio.shield(task)

    def close(self) -> None:
        """Give up on files that are being looked at; the threads end by themselves."""
        for task in self._looking.values():
            task.cancel()


def _written(folder: Path, file: str) -> Beat | None:
    """When the file was written last, as a report; None where there is none. Raises OSError."""
    try:
        about = (folder / Path(file).expanduser()).stat()
    except (FileNotFoundError, ValueError, RuntimeError):  # no file has a NUL, or a home that is not known
        return None
    return Beat(datetime.fromtimestamp(about.st_mtime, UTC))


def judged(beat: Beat, asks: HeartbeatAsks, now: datetime) -> tuple[Health, str]:
    """How the last report stands at `now`, and why. A failure counts however old it is."""
    age = (now - beat.at).total_seconds()
    if not beat.ok:
        return Health.DOWN, f"reported failure: {foreign(beat.message, 95) or 'without a word why'}"
    if age < -AHEAD:
        return (
            Health.DEGRADED,
            f"clocks differ: {_whose(beat, asks)} is {duration(-age)} ahead of this machine's",
        )
    if age > asks.every + asks.grace:
        return Health.DOWN, f"last report {duration(age)} ago, due every {_span(asks.every)}"
    if age > asks.every:
        return Health.DEGRADED, f"late by {duration(age - asks.every)}, due every {_span(asks.every)}"
    said = foreign(beat.message, 100)
    return Health.UP, f"reported in: {said}" if said else "reported in"


def _whose(beat: Beat, asks: HeartbeatAsks) -> str:
    """Whose clock the report bears: of the file's system, or of the store where it has one."""
    if asks.file is not None:
        return f"that of {foreign(asks.file, 40)}"
    return f"that of {foreign(beat.host, 40) or 'the job'}, or of the store,"


def _span(length: float) -> str:
    """``1h``, ``1h 30m``, ``1d``: a planned length is often a round one."""
    return duration(length).replace(" 00h", "").replace(" 00m", "")


def _detail(beat: Beat, asks: HeartbeatAsks) -> Mapping[str, str]:
    shown = {
        "last report": render(beat.at),
        "due every": _span(asks.every),
        "by": foreign(beat.host, 60),
    }
    return {key: value for key, value in shown.items() if value}


def _raw(beat: Beat) -> str:
    said = {"at": render(beat.at), "ok": "yes" if beat.ok else "no", "by": beat.host, "message": beat.message}
    return verbatim("\n".join(f"{key}: {clean(value)}" for key, value in said.items() if value))
