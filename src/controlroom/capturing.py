"""Takes evidence: asks everybody for what they say now, and keeps it as it came beside what the room saw.

What does not answer is an entry with its error, and the rest goes on. Everything has its limits: bytes of a
body and of all of them, seconds of a request and of the whole. No header is written down, and of a URL no
password.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import glob
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from controlroom.config.values import AlertmanagerServer, Config, PrometheusServer
from controlroom.domain import checklist, promql
from controlroom.domain.frozen import dataclass
from controlroom.domain.junit import JUnit
from controlroom.domain.look import series_names
from controlroom.domain.numbers import dumped
from controlroom.domain.runs import Key
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean, slug
from controlroom.domain.zones import local
from controlroom.reports import evidence
from controlroom.reports.evidence import Entry, Kind

if TYPE_CHECKING:
    from controlroom.domain.secret import SecretRef
    from controlroom.domain.services import Service
    from controlroom.engine.ports import Clock
    from controlroom.net.raw import Taker
    from controlroom.probes.prober import Prober

WITHIN = 60.0
"""Seconds for all requests together."""

AT_ONCE = 6
TOTAL = 128 * 1024 * 1024
"""Bytes of all bodies together, and of all JUnit files."""

JUNIT_FILES = 200

Pictures = Callable[[Snapshot, dt.datetime], Awaitable[Mapping[str, bytes]]]
"""Draws the room: name of a picture → SVG."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be captured. `ritual` None: every holding of that date that has boxes."""

    date: dt.date
    ritual: str | None = None
    junit: Sequence[str] = ()
    """Files beside those that the configuration names."""
    pictures: Pictures | None = None
    by: str = ""
    host: str = ""


class Capture(NamedTuple):
    """What was captured, and where it lies."""

    folder: Path
    manifest: Mapping[str, Any]


class _Received(NamedTuple):
    status: int
    body: bytes
    content_type: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    """Something to ask for; `name` is that of its file without its suffix."""

    kind: Kind
    source: str
    name: str
    told: Mapping[str, Any]
    """The request as it may be written down."""
    ask: Callable[[], Awaitable[_Received]] = field(repr=False)


async def capture(config: Config, snapshot: Snapshot, clock: Clock, status: Path, wanted: Wanted) -> Capture:
    """Take the evidence of `wanted.date` and keep it below `status`, the status folder. Raises OSError."""
    from controlroom.net.threads import in_daemon
    from controlroom.stores import evidence_folder

    began = clock()
    entries = await _raw(config, clock)
    entries += _seen(snapshot, began, wanted)
    results, files = await in_daemon(_tests, config, clock, wanted.junit)
    entries += files
    if results:
        entries.append(_made("junit.json", evidence.tests(snapshot, results), began))
    if wanted.pictures is not None and config.evidence.screens:
        entries += await _screens(snapshot, clock, wanted.pictures)
    made = evidence.manifest(
        entries,
        snapshot,
        date=wanted.date,
        ritual=wanted.ritual,
        began=began,
        ended=clock(),
        by=wanted.by,
        host=wanted.host,
        tests=results,
    )
    kept = {entry.path: entry.content for entry in entries if entry.path is not None}
    day = status / wanted.date.isoformat()
    return Capture(await in_daemon(evidence_folder.keep, day, kept, dumped(made)), made)


def today(snapshot: Snapshot, now: dt.datetime) -> dt.date:
    """The programme's own date at `now`."""
    return local(now, snapshot.program.zone).date()


# What others say


async def _raw(config: Config, clock: Clock) -> list[Entry]:
    """Every answer as it came."""
    from controlroom.probes.prober import Prober

    async with contextlib.AsyncExitStack() as stack:
        resolve = _resolver(config)
        prober = Prober(clock, resolve, folder=config.folder)
        stack.callback(prober.close)
        requests = [
            *_prometheus(config, clock, stack),
            *_alertmanagers(config, stack),
            *_services(config, prober),
            *_addresses(config, stack),
        ]
        return await _asked(requests, clock)


async def _asked(requests: Sequence[_Request], clock: Clock) -> list[Entry]:
    turn = asyncio.Semaphore(AT_ONCE)
    taken = 0

    async def one(request: _Request) -> Entry:
        nonlocal taken
        async with turn:
            if taken > TOTAL:
                return _failed(
                    request, clock(), f"not asked: there are {TOTAL >> 20} MiB of evidence already"
                )
            try:
                received = await request.ask()
            except Exception as problem:  # whatever fails takes away its own entry only
                return _failed(request, clock(), _why(problem))
            taken += len(received.body)
            return _received(request, received, clock())

    tasks = [asyncio.create_task(one(request)) for request in requests]
    if not tasks:
        return []
    _, late = await asyncio.wait(tasks, timeout=WITHIN)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    late_words = f"no answer within the {WITHIN:g} s that the whole capture has"
    return [
        _failed(request, clock(), late_words) if task in late else task.result()
        for request, task in zip(requests, tasks, strict=True)
    ]


def _why(problem: Exception) -> str:
    """What went wrong, in the words of whoever knows; of anything else its kind, which holds no secret."""
    reason = getattr(problem, "reason", None)
    return clean(reason, 300) if isinstance(reason, str) and reason else f"failed: {type(problem).__name__}"


def _failed(request: _Request, at: dt.datetime, why: str) -> Entry:
    return Entry(request.kind, request.source, at, request=request.told, error=why)


def _received(request: _Request, received: _Received, at: dt.datetime) -> Entry:
    kept = received.error is None
    return Entry(
        request.kind,
        request.source,
        at,
        path=f"raw/{request.name}{_suffix(received.content_type)}" if kept else None,
        content=received.body if kept else b"",
        request=request.told,
        status=received.status,
        content_type=received.content_type,
        error=received.error,
    )


def _suffix(content_type: str) -> str:
    """Our own ending: nothing is named as a stranger wishes."""
    kind = content_type.partition(";")[0].strip().casefold()
    if kind == "application/json" or kind.endswith("+json"):
        return ".json"
    return ".txt" if kind == "text/plain" else ".body"


def _resolver(config: Config) -> Callable[[SecretRef], str]:
    from controlroom.config import secrets

    return lambda reference: secrets.resolve(reference, config.folder)


def _taker(
    server: PrometheusServer | AlertmanagerServer, config: Config, stack: contextlib.AsyncExitStack
) -> Taker:
    from controlroom.net.raw import Taker

    api = Taker(server, _resolver(config))
    stack.push_async_callback(api.close)
    return api


def _taking(api: Taker, kind: Kind, name: str, path: str, form: Mapping[str, str] | None = None) -> _Request:
    from controlroom.net.raw import without_secrets

    async def ask() -> _Received:
        answer = await api.take(path, form)
        return _Received(answer.status, answer.body, answer.content_type)

    told: dict[str, Any] = {
        "method": "GET" if form is None else "POST",
        "url": without_secrets(api.address(path)),
    }
    if form is not None:
        told["form"] = dict(form)
    return _Request(kind, api.endpoint.id, name, told, ask)


def _prometheus(config: Config, clock: Clock, stack: contextlib.AsyncExitStack) -> Iterator[_Request]:
    """The series of all required signals, two queries for each `promql.CHUNK` names; alerts and rules."""
    from controlroom.beginning import signals_of

    time = f"{clock().timestamp():.3f}"
    for number, server in enumerate(config.prometheus, start=1):
        api, stem = _taker(server, config, stack), _stem("prometheus", number, server.id)
        required = [s for s in signals_of(config, server) if s.required_for_exit and s.metric]
        names = list(dict.fromkeys(name for signal in required for name in series_names(signal)))
        chunks = [names[n : n + promql.CHUNK] for n in range(0, len(names), promql.CHUNK)]
        for place, chunk in enumerate(chunks, start=1):
            for what, query in (
                ("presence", promql.presence(chunk)),
                ("samples", f"{{__name__=~{promql.alternatives(chunk)}}}"),
            ):
                form = {"query": query, "time": time}
                yield _taking(api, "prometheus", f"{stem}-{what}-{place}", "/api/v1/query", form)
        for what in ("alerts", "rules"):
            yield _taking(api, "prometheus", f"{stem}-{what}", f"/api/v1/{what}")


def _alertmanagers(config: Config, stack: contextlib.AsyncExitStack) -> Iterator[_Request]:
    for number, server in enumerate(config.alertmanagers, start=1):
        api, stem = _taker(server, config, stack), _stem("alertmanager", number, server.id)
        for what in ("alerts", "silences"):
            yield _taking(api, "alertmanager", f"{stem}-{what}", f"/api/v2/{what}")


def _services(config: Config, prober: Prober) -> Iterator[_Request]:
    """The body of every HTTP service, asked for as its probe asks."""
    spoken = [service for service in config.services if service.kind == "http"]
    for number, service in enumerate(spoken, start=1):
        deadline = service.timeout or config.polling.timeout
        told = {"method": service.method.upper(), "url": _url(service)}
        ask = _probing(service, prober, deadline)
        yield _Request("service", service.id, _stem("service", number, service.id), told, ask)


def _probing(service: Service, prober: Prober, deadline: float) -> Callable[[], Awaitable[_Received]]:
    from controlroom.probes.http import HttpProbe

    async def ask() -> _Received:
        probe = cast(HttpProbe, await prober.load("http"))
        answer = await probe.answer(service, prober.context(deadline))
        kind = clean(answer.headers.get("content-type", ""), 80)
        return _Received(answer.status, answer.body, kind, answer.flaw or None)

    return ask


def _url(service: Service) -> str:
    from controlroom.net.raw import without_secrets
    from controlroom.probes.http import address
    from controlroom.probes.port import Trouble

    try:
        return without_secrets(address(service))
    except Trouble:
        return without_secrets(service.url)


def _addresses(config: Config, stack: contextlib.AsyncExitStack) -> Iterator[_Request]:
    """`[evidence].requests`."""
    from controlroom.net.raw import Address, Taker, parted, without_secrets

    for number, url in enumerate(config.evidence.requests, start=1):
        base, path = parted(url)
        shown = without_secrets(url)
        api = Taker(Address(shown, base, config.polling.timeout * 2), _resolver(config))
        stack.push_async_callback(api.close)
        request = _taking(api, "request", f"request-{number}", path)
        yield replace(request, told={"method": "GET", "url": shown})


def _stem(kind: str, number: int, id_: str) -> str:
    """A file's name: what it is of, its number, and as much of its id as is a name anywhere."""
    plain = "".join(c for c in slug(id_) if c.isascii())[:40].strip("_")
    return f"{kind}-{number}-{plain}" if plain else f"{kind}-{number}"


# What the room saw


def _made(name: str, document: evidence.Document, at: dt.datetime) -> Entry:
    return Entry("room", "controlroom", at, path=name, content=dumped(document))


def _seen(snapshot: Snapshot, now: dt.datetime, wanted: Wanted) -> list[Entry]:
    keys: Sequence[Key] = checklist.on_date(snapshot, wanted.date)
    if wanted.ritual is not None:
        keys = (Key(wanted.ritual, wanted.date),)
    return [
        _made("services.json", evidence.services(snapshot, now), now),
        _made("gate.json", evidence.gate(snapshot, now), now),
        _made("topics.json", evidence.topics(snapshot, now), now),
        _made("checklist.json", evidence.checklists(snapshot, keys, now), now),
    ]


async def _screens(snapshot: Snapshot, clock: Clock, draw: Pictures) -> list[Entry]:
    now = clock()
    try:
        drawn = await draw(snapshot, now)
    except Exception as problem:  # a room that cannot be drawn is no reason to lose the rest
        return [Entry("screen", "the room", now, error=f"cannot be drawn: {type(problem).__name__}")]
    return [
        Entry("screen", "the room", now, f"screens/{name}", content, content_type="image/svg+xml")
        for name, content in drawn.items()
    ]


# What tests said


def _tests(
    config: Config, clock: Clock, more: Sequence[str], total: int = TOTAL
) -> tuple[list[JUnit], list[Entry]]:
    """The results that could be read, and an entry for every file, readable or not.

    After `JUNIT_FILES` files, or `total` bytes of them, the rest are counted.
    """
    found: list[tuple[str, Path | None]] = [(name, Path(name)) for name in more]
    for pattern in config.evidence.junit:
        # Path.glob knows no absolute patterns.
        paths = sorted(glob.glob(pattern, root_dir=config.folder, recursive=True))  # noqa: PTH207
        found += [(path, config.folder / path) for path in paths] or [(pattern, None)]
    results: list[JUnit] = []
    entries: list[Entry] = []
    taken = 0
    for number, (name, path) in enumerate(found[:JUNIT_FILES], start=1):
        if taken > total:
            break
        result, entry = _result(number, clean(name, 300), path, clock())
        taken += len(entry.content)
        results += [result] if result is not None else []
        entries.append(entry)
    if len(found) > len(entries):
        error = f"{len(found) - len(entries)} more files were not looked at"
        entries.append(Entry("junit", "JUnit files", clock(), error=error))
    return results, entries


def _result(number: int, name: str, path: Path | None, now: dt.datetime) -> tuple[JUnit | None, Entry]:
    from controlroom.documents import files, junit

    entry = Entry("junit", name, now)
    if path is None:
        return None, replace(entry, error="no file is called so")
    try:
        _, raw = files.changed(path, None, now, junit.SIZE_LIMIT)
    except files.Unreadable as problem:
        return None, replace(entry, error=str(problem))
    except files.StillChanging:
        return None, replace(entry, error="it is still being written")
    stem = "".join(c for c in slug(path.stem) if c.isascii())[:60].strip("_") or "results"
    entry = replace(entry, path=f"junit/{number:02d}-{stem}.xml", content=raw or b"")
    try:
        return junit.read(raw or b"", name), replace(entry, content_type="application/xml")
    except junit.UnreadableJUnit as problem:
        return None, replace(entry, error=str(problem))
