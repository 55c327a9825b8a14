"""The command that shows the room in browsers."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.commands.common import given
from controlroom.headless import output
from controlroom.headless.problems import FINE, INTERRUPTED, Unreachable, Usage

if TYPE_CHECKING:
    import socket

    from controlroom.commands.common import Given
    from controlroom.config.values import Config
    from controlroom.serving.server import Serving

    Say = Callable[[str, str], None]


def serve(options: Namespace) -> int:
    """Serve the room to browsers until SIGTERM or Ctrl-C."""
    asked = given(options)
    if asked.at is not None:
        raise Usage("what is served has no other clock", f"--at {options.at}", "leave --at out")
    config = asked.config(needed=not options.follow)
    from controlroom import serving, wiring
    from controlroom.domain.instants import render
    from controlroom.domain.text import clean
    from controlroom.headless.sweeping import run
    from controlroom.stores.port import Unavailable

    missing = serving.missing()
    if missing:
        raise Usage("a browser cannot be served", missing)
    followed = _followed(options.follow, config)
    store = _store(asked, config, followed)

    def say(word: str, text: str, secret: str = "") -> None:
        at, text = render(wiring.utc_now()), clean(text)
        if options.json:
            output.line({"at": at, "event": word, "text": text})
        else:
            output.text(f"{at} {word}: {text}{secret}")
            output.flush()

    with ExitStack() as stack:
        folder = _private_folder(stack)
        relay = folder / "room.sock"
        bound = stack.enter_context(_bound(config.serve.listen))
        served, address, made = _served(asked, config, bound, relay, store)

        def begun() -> None:
            _hand_out(address, made, folder, say, as_json=options.json)
            say(
                "read-only" if config.serve.read_only else "may act", f"up to {config.serve.sessions} screens"
            )

        telling = (
            _following(config, followed, relay, say) if followed is not None else _polling(config, relay, say)
        )
        try:
            return run(_until_told(served, bound, telling, begun))
        except Unavailable as problem:
            raise Unreachable("the room cannot be told", problem.reason, problem.remedy) from None


# Who comes in, and to what


def _served(
    asked: Given, config: Config, bound: socket.socket, relay: Path, store: str | None
) -> tuple[Serving, str, str]:
    """What is served at `bound`, its address, and the token that was made for it; empty: it has one."""
    from controlroom.config import secrets
    from controlroom.serving import entrance, screens
    from controlroom.serving.server import Serving

    wanted = config.serve
    host, port = wanted.listen.rpartition(":")[0], bound.getsockname()[1]
    if not entrance.is_loopback(host) and (wanted.token is None or not wanted.origins):
        remedy = "set [serve].token and [serve].origins, and put a proxy before it that does TLS"
        raise Usage("beyond this machine nobody is let in", f"[serve].listen {wanted.listen}", remedy)
    environ, made = screens.surroundings(os.environ), ""
    if wanted.token is None:
        token = made = entrance.made()
    else:
        try:
            token = secrets.resolve(wanted.token, config.folder)
        except secrets.SecretUnavailable as problem:
            raise Usage("the token cannot be had", f"[serve].token: {problem}", "make it available") from None
        if len(token) < entrance.SHORTEST:
            remedy = f"give it {entrance.SHORTEST} characters or more"
            raise Usage("the token is too short", "[serve].token", remedy)
        environ.pop(wanted.token.env or "", None)
    here = host if entrance.is_loopback(host) else ""
    address = f"http://{here}:{port}/" if here else wanted.origins[0]
    door = entrance.Entrance(host, port, wanted.origins, token)
    return Serving(door, _command(asked, config, relay, store), environ, wanted.sessions), address, made


def _command(asked: Given, config: Config, relay: Path, store: str | None) -> Callable[[str, str], list[str]]:
    """What a tab runs: the room, following this process. No secret is in it."""
    from controlroom.stores.relay import SOCKET

    fixed = [sys.executable, "-m", "controlroom", f"--follow={SOCKET}{relay}"]
    if config.path is not None:
        fixed.append(f"--config={config.path.absolute()}")
    if store is not None:
        fixed.append(f"--store={store}")
    if config.serve.read_only:
        fixed.append("--read-only")

    def command(view: str, zone: str) -> list[str]:
        zone = asked.options.tz or config.ui.viewer_zone or zone
        return [*fixed, f"--view={view}", *([f"--tz={zone}"] if zone else [])]

    return command


def _followed(url: str | None, config: Config) -> str | None:
    """What is followed; None: nothing, this process looks at the world itself. Raises Usage."""
    if not url:
        return None if config.store.url.startswith("dir:") else config.store.url
    from controlroom.config.rules import follow_problem

    problem = follow_problem(url)
    if problem is not None:
        raise Usage(problem[0], "--follow", problem[1])
    return url


def _store(asked: Given, config: Config, followed: str | None) -> str | None:
    """The log that tabs are to act on, where that is not the configured one. Raises Usage."""
    from controlroom.stores import redis_urls
    from controlroom.stores.relay import SOCKET

    named: str | None = asked.options.store
    if named is None and asked.options.follow and followed and not followed.startswith(SOCKET):
        named = followed
    if named is None or not redis_urls.is_redis(named) or redis_urls.parse(named).password is None:
        return named
    if config.serve.read_only:
        return None
    # What a process is called with can be read by everybody on the machine.
    remedy = "put it into [store].password"
    raise Usage("an address with a password cannot be handed to the tabs", "--store or --follow", remedy)


def _hand_out(address: str, token: str, folder: Path, say: Callable[..., None], *, as_json: bool) -> None:
    """Tell the address, with the token, if one was made, for nobody but the person who started this."""
    if not token:
        say("listens", address)
    elif sys.stdout.isatty() and not as_json:
        say("listens", address, f"#{token}")
    else:
        path = folder / "address"
        path.write_text(f"{address}#{token}\n", encoding="utf-8")
        say("listens", address)
        say("token", f"the address with the token is in {path}, which only this user can read")


def _private_folder(stack: ExitStack) -> Path:
    """A folder for the relay's socket, which goes with this process."""
    import tempfile

    runtime = os.environ.get("XDG_RUNTIME_DIR")
    within = runtime if runtime and Path(runtime).is_dir() else None
    folder = stack.enter_context(
        tempfile.TemporaryDirectory(prefix="controlroom-", dir=within, ignore_cleanup_errors=True)
    )
    return Path(folder)


def _bound(listen: str) -> socket.socket:
    """A socket at the address to listen at. Raises Usage."""
    import socket

    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    try:
        family, *_, where = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(where)
            bound.setblocking(False)
        except BaseException:
            bound.close()
            raise
    except OSError as problem:
        why = (problem.strerror or "there is no such address").lower()
        raise Usage(
            "it cannot listen", f"[serve].listen {listen}: {why}", "give it another address"
        ) from None
    return bound


# Where the room comes from


@asynccontextmanager
async def _following(config: Config, url: str, relay: Path, say: Say) -> AsyncIterator[None]:
    """The room that a collector tells at `url`, passed on to all tabs."""
    from controlroom.acting import open_follower
    from controlroom.net.threads import in_daemon
    from controlroom.serving.relaying import Relaying

    relaying = Relaying(lambda: open_follower(config, url), relay, say)
    relaying.begin()
    try:
        yield
    finally:
        await in_daemon(relaying.close)


@asynccontextmanager
async def _polling(config: Config, relay: Path, say: Say) -> AsyncIterator[None]:
    """The room as this process sees it, which polls once for all tabs. Raises Unavailable."""
    import asyncio

    from controlroom import acting, last_known, wiring
    from controlroom.collecting.lead import Alone, Lead
    from controlroom.collecting.telling import Telling
    from controlroom.exporting.cost import Meter
    from controlroom.stores.port import Unavailable
    from controlroom.stores.relay_socket import SocketPublisher

    try:
        publisher = SocketPublisher(relay)
    except OSError as problem:
        raise Unavailable(f"{relay}: {problem.strerror}", "make room for it") from None
    room = wiring.build(
        config,
        restored=last_known.recall(config, os.environ),
        journal=last_known.journal_path(config, os.environ),
        telling="this room is read-only" if config.serve.read_only else "",
        past=last_known.past_path(config, os.environ),
    )
    name, lead = f"{acting.host()}-{os.getpid()}", Lead()
    held = Alone().take(name)
    assert held is not None
    lead.take(held)
    telling = Telling(publisher, lead, name, room.clock, every=config.collect.every, meter=Meter())
    telling.see(room.snapshot)
    room.subscribe(telling.see)
    say("polls", "once for all tabs: the store is a folder, which nothing else can follow")
    work = asyncio.gather(room.run(), telling.run())
    waiting = asyncio.current_task()
    assert waiting is not None

    def give_up(_: asyncio.Future[tuple[None, None]]) -> None:
        waiting.cancel()

    work.add_done_callback(give_up)
    try:
        yield
    finally:
        failed = work.done()
        work.remove_done_callback(give_up)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        publisher.close()
        last_known.keep(config, room.snapshot, os.environ)
        if failed:
            await work


async def _until_told(
    served: Serving,
    bound: socket.socket,
    telling: AbstractAsyncContextManager[None],
    begun: Callable[[], None],
) -> int:
    """Serve until a signal says that it is enough; `begun` is called as soon as somebody can come."""
    import asyncio
    import signal

    from controlroom.net.supervised import Supervisor
    from controlroom.serving.server import Server

    stop, loop, code = asyncio.Event(), asyncio.get_running_loop(), FINE

    def end(number: signal.Signals) -> None:
        nonlocal code
        code = INTERRUPTED if number == signal.SIGINT else FINE
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    supervisor, server = Supervisor(os.environ), Server(served)
    async with telling:
        try:
            await server.listen(bound)
            begun()
            supervisor.tell("READY=1")
            await stop.wait()
        finally:
            supervisor.tell("STOPPING=1")
            await server.close()
    return code
