"""The results of all benchmarks as a source: files with one result each, and numbers of a Prometheus."""

from __future__ import annotations

import asyncio
import glob
import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from controlroom.config.values import Benchmark, PrometheusServer
from controlroom.documents import files, results
from controlroom.domain.benchmarks import LOOK_EVERY, BenchmarkReading, Result, judge
from controlroom.domain.frozen import dataclass
from controlroom.domain.snapshot import BenchmarksSeen, Observation, SourceKind
from controlroom.domain.text import clean
from controlroom.engine.ports import Clock, Emit
from controlroom.net.fetch import Api, FetchError, Resolve
from controlroom.net.history import daily
from controlroom.net.threads import in_daemon
from controlroom.stores import strict_json

log = logging.getLogger(__name__)

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes of one file."""

FILES = 500
"""Files of one benchmark that are read: the last by name, as dates in names are in their order."""

AT_ONCE = 4
REQUESTS = 2
"""Benchmarks one server is asked for at the same time, and requests that one may take."""

SKIPS_TOLD = 20

Declared = tuple[Benchmark, BenchmarkReading]
"""A benchmark as it is configured, and what is known of it before anybody looked."""


@dataclass(frozen=True, slots=True)
class _File:
    """What is known of one file between two looks."""

    stamp: files.Stamp | None = None
    result: Result | None = None
    error: str = ""


class BenchmarksSource:
    """Looks at everything twice a minute; files that did not change are not read again."""

    kind: SourceKind = "benchmarks"

    def __init__(
        self,
        declared: Sequence[Declared],
        servers: Sequence[PrometheusServer],
        folder: Path,
        clock: Clock,
        resolve: Resolve,
        *,
        zone: str = "UTC",
    ) -> None:
        """Paths are relative to `folder`; a date without a time is one in `zone`."""
        self.id = self.title = "benchmarks"
        self.interval = LOOK_EVERY
        self._filed = [one for one in declared if one[0].path is not None]
        self._asked = [one for one in declared if one[0].path is None]
        self._apis = {server.id: Api(server, resolve) for server in servers}
        self._first = servers[0].id if servers else None
        self._gates = {id_: asyncio.Semaphore(AT_ONCE) for id_ in self._apis}
        longest = max((server.timeout for server in servers), default=0.0)
        turns = math.ceil(len(self._asked) / AT_ONCE)
        self.deadline = 30.0 + turns * REQUESTS * longest
        self._folder, self._clock, self._zone = folder, clock, zone
        self._files: dict[str, Mapping[str, _File]] = {}
        self._looking = asyncio.Lock()

    async def poll(self, emit: Emit) -> None:
        """Look at the files, then ask the servers; a benchmark that cannot be read costs only itself."""
        if self._filed or not self._asked:
            async with self._looking:
                readings = await in_daemon(self._look)
            self._emit(emit, readings, complete=not self._asked)
        if self._asked:
            self._emit(emit, await asyncio.gather(*map(self._ask, self._asked)), complete=True)

    async def close(self) -> None:
        """Let go of the connections."""
        for api in self._apis.values():
            await api.close()

    def _emit(self, emit: Emit, readings: Sequence[BenchmarkReading], *, complete: bool) -> None:
        now = self._clock()
        seen = BenchmarksSeen(tuple(judge(reading, now) for reading in readings))
        emit(Observation(self.id, self.kind, now, payload=seen, complete=complete))

    # -- numbers of a Prometheus ---------------------------------------------------------------------

    async def _ask(self, one: Declared) -> BenchmarkReading:
        benchmark, reading = one
        server = benchmark.server or self._first
        api = self._apis.get(server or "")
        if api is None or server is None:
            why = f"no Prometheus is called {server}" if server else "no Prometheus is configured"
            return replace(reading, error=why)
        try:
            async with self._gates[server]:
                found = await daily(api, benchmark.metric or "", self._clock(), reading.rule.kept)
        except FetchError as problem:
            said = (problem.reason, problem.remedy)
            return replace(reading, error="; ".join(part for part in said if part))
        return replace(reading, results=found)

    # -- files ---------------------------------------------------------------------------------------

    def _look(self) -> list[BenchmarkReading]:
        return [self._read(benchmark, reading) for benchmark, reading in self._filed]

    def _read(self, benchmark: Benchmark, reading: BenchmarkReading) -> BenchmarkReading:
        names, left_out = _matching(benchmark.path or "", self._folder)
        known = self._files.get(benchmark.id, {})
        now = self._clock()
        found = {name: self._looked_at(name, known.get(name, _File()), benchmark, now) for name in names}
        self._files[benchmark.id] = found
        measured = tuple(file.result for file in found.values() if file.result is not None)
        skipped = [f"{clean(name, 300)}: {file.error}" for name, file in found.items() if file.error]
        if not measured:
            shown = clean(benchmark.path, 300)
            why = f"{len(skipped)} files, none of which can be read; {skipped[0]}" if skipped[1:] else ""
            return replace(reading, error=why or next(iter(skipped), f"no file matches {shown}"))
        if len(skipped) > SKIPS_TOLD:
            skipped[SKIPS_TOLD:] = [f"and {len(skipped) - SKIPS_TOLD} more files that cannot be read"]
        if left_out:
            skipped.append(f"{left_out:,} more files match: the last {FILES} by name are read")
        return replace(reading, results=measured, skipped=tuple(skipped))

    def _looked_at(self, name: str, before: _File, benchmark: Benchmark, now: datetime) -> _File:
        """What is in the file, or why that is no result."""
        try:
            stamp, raw = files.changed(self._folder / name, before.stamp, now, SIZE_LIMIT)
        except files.StillChanging:
            return before if before.stamp else _File(error="is being written, the next look will read it")
        except files.Unreadable as problem:
            return _File(error=clean(problem, 200))
        if raw is None:
            return before
        try:
            return _File(stamp, _result(raw, benchmark.value, name, stamp, self._zone))
        except results.NoResult as problem:
            return _File(stamp, error=clean(problem, 300))
        except Exception as problem:  # one file must not take the others with it
            log.exception("benchmark %s", clean(name))
            return _File(stamp, error=f"internal error: {type(problem).__name__}")


def _matching(written: str, folder: Path) -> tuple[Sequence[str], int]:
    """The last of the files that a path or pattern means, by name, and how many more there are."""
    pattern = os.path.expanduser(written) if written.startswith("~/") else written  # noqa: PTH111
    if not glob.has_magic(pattern):
        return [pattern], 0
    # Path.glob knows no absolute patterns.
    found = sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207
    return found[-FILES:], max(0, len(found) - FILES)


def _result(raw: bytes, value: str, name: str, stamp: files.Stamp, zone: str) -> Result:
    """The result in `raw`. Raises NoResult."""
    modified = datetime.fromtimestamp(stamp[0] / 1e9, UTC)
    line = None
    if value.startswith("/"):
        try:
            measured = results.from_json(strict_json.loads(raw), value, name, modified, zone)
        except strict_json.BadJson as problem:
            raise results.NoResult(str(problem)) from None
        line = strict_json.line_of(raw, measured.path)
    else:
        measured = results.from_junit(raw, value, name, modified, zone)
    place = f"{clean(name, 300)}:{line}" if line else clean(name, 300)
    return Result(measured.value, measured.at, f"{place} · dated by {measured.dated_by}")
