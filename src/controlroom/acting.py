"""Composition of what acts: who does, the store, and the outbox before it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.config.values import Config
from controlroom.domain.text import clean
from controlroom.stores.port import Log, Page, Unavailable, Verdict

if TYPE_CHECKING:
    from controlroom.domain.actions import Action
    from controlroom.domain.health import Beat
    from controlroom.stores.claims import Claims
    from controlroom.stores.delivery import Delivery
    from controlroom.stores.heartbeats import Heartbeats
    from controlroom.stores.logs import Settings
    from controlroom.stores.relay import Follower


def who(config: Config, override: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """The name actions are signed with: `override`, else ``[triage].by``, else the login name."""
    return clean(override or config.triage.by or _login(environ), 80)


def _login(environ: Mapping[str, str]) -> str:
    named = next(
        (environ[name] for name in ("LOGNAME", "USER", "LNAME", "USERNAME") if environ.get(name)), ""
    )
    if named:
        return named
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return f"uid {os.getuid()}"


def host() -> str:
    """This machine's name."""
    return clean(os.uname().nodename, 80)


def new_id() -> str:
    """An id for an action: never given before, by anybody."""
    import uuid

    return str(uuid.uuid4())


def make_delivery(config: Config, environ: Mapping[str, str] = os.environ) -> Delivery:
    """The configured log with this person's outbox before it. Opens nothing yet; raises nothing."""
    from controlroom.config.folders import state_folder
    from controlroom.stores.delivery import Delivery
    from controlroom.stores.outbox import Outbox

    log = LateLog(store_name(config), lambda: open_store(config, config.store.url))
    folder = state_folder(environ)
    return Delivery(log, Outbox(folder / "outbox" if folder else None, log.url))


def store_name(config: Config) -> str:
    """What tells the configured store from every other one; without secrets."""
    from controlroom.stores import logs

    url = config.store.url
    if not url.startswith("dir:"):
        return logs.shown(url)
    try:
        return f"dir:{logs.folder_of(url, config.folder).resolve()}"
    except (ValueError, OSError, RuntimeError):
        return url


def open_store(config: Config, url: str) -> Log:
    """The log at `url`, with the user, password and certificates of ``[store]``. Raises Unavailable."""
    from controlroom.stores import logs

    settings = store_settings(config)
    try:
        return logs.open_log(url, config.folder, settings)
    except ValueError as problem:
        raise Unavailable(f"[store].url: {problem}", "correct it") from None


def open_reports(config: Config) -> Heartbeats:
    """Where jobs report in: beside the configured log. Raises Unavailable."""
    from controlroom.stores.heartbeats import open_heartbeats

    settings = store_settings(config)
    try:
        return open_heartbeats(config.store.url, config.folder, settings)
    except ValueError as problem:
        raise Unavailable(f"[store].url: {problem}", "correct it") from None


def open_claims(config: Config, lease: float) -> Claims:
    """Which room of the team tells what: beside the configured log. Raises Unavailable."""
    from controlroom.stores.claims import open_claims

    settings = store_settings(config)
    try:
        return open_claims(config.store.url, config.folder, settings, lease)
    except ValueError as problem:
        raise Unavailable(f"[store].url: {problem}", "correct it") from None


def open_follower(config: Config, url: str) -> Follower:
    """What hears the collector that tells at `url`, with the user, password and certificates of ``[store]``.

    Raises Unavailable.
    """
    from controlroom.stores.relay import open_follower

    settings = store_settings(config)
    try:
        return open_follower(url, settings)
    except ValueError as problem:
        raise Unavailable(f"--follow: {problem}", "correct it") from None


def store_settings(config: Config) -> Settings:
    """User, password and certificates of ``[store]``, resolved. Raises Unavailable."""
    from controlroom.config import secrets
    from controlroom.stores import logs

    store = config.store
    try:
        password = secrets.resolve(store.password, config.folder) if store.password else None
    except secrets.SecretUnavailable as problem:
        raise Unavailable(f"[store].password: {problem}", "make it available, or correct the key") from None

    def file(name: str | None) -> str | None:
        return str(config.folder / Path(name).expanduser()) if name else None

    return logs.Settings(
        timeout=store.timeout,
        username=store.username,
        password=password,
        ca=file(store.ca),
        cert=file(store.cert),
        key=file(store.key),
    )


class Reports:
    """Reads the last reports of heartbeats, in a thread each; opened when the first is asked for."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._opened: Heartbeats | None = None
        self._opening = threading.Lock()
        self._asked: dict[str, asyncio.Task[Beat | None]] = {}

    async def last(self, service: str) -> Beat | None:
        """The last report of that heartbeat; None: never reported. Raises Trouble where it is not known."""
        from controlroom.domain.services import Health
        from controlroom.net.threads import in_daemon
        from controlroom.probes.port import Trouble

        task = self._asked.get(service)
        if task is None or task.done():
            task = self._asked[service] = asyncio.create_task(in_daemon(self._read, service))
            # Seen, also where everybody who asked has given up.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            # A store that hangs holds one thread for each heartbeat, however often it is asked.
            return await asyncio.shield(task)
        except Unavailable as problem:
            raise Trouble(f"reports cannot be read: {problem.reason}", Health.UNKNOWN) from None

    def _read(self, service: str) -> Beat | None:
        with self._opening:
            if self._opened is None:
                self._opened = open_reports(self._config)
        return self._opened.read(service)


class LateLog:
    """A log that is opened when it is first used, and again when that failed: its password may come later."""

    def __init__(self, url: str, opener: Callable[[], Log]) -> None:
        self.url = url
        self._opener = opener
        self._log: Log | None = None

    def _opened(self) -> Log:
        if self._log is None:
            self._log = self._opener()
        return self._log

    def read(self, after: int = 0) -> Page:
        """The entries behind `after`. Raises Unavailable."""
        return self._opened().read(after)

    def raw(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Rev and stored bytes behind `after`. Raises Unavailable."""
        return self._opened().raw(after)

    def append(self, action: Action, *, resubmitted: bool = False) -> Verdict:
        """Commit `action`. Raises Unavailable."""
        return self._opened().append(action, resubmitted=resubmitted)

    def put(self, rev: int, raw: bytes) -> None:
        """Write stored bytes of another log. Raises Unavailable, ValueError."""
        self._opened().put(rev, raw)

    def close(self) -> None:
        """Close it if it was opened."""
        if self._log is not None:
            self._log.close()
