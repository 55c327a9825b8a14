"""The room's desk: where actions are handed in, and everything else that reaches out of the room."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from controlroom.acting import host, new_id, who
from controlroom.config.values import Config

if TYPE_CHECKING:
    from controlroom.config.changes import Change, ConfigEdit
    from controlroom.domain.actions import Action, Outcome
    from controlroom.domain.board import Item, Status
    from controlroom.domain.documents import CellEdit
    from controlroom.domain.silences import SilenceDraft
    from controlroom.domain.snapshot import Snapshot
    from controlroom.engine.ports import Clock
    from controlroom.net.fetch import Api
    from controlroom.stores.delivery import Delivery


@dataclass(eq=False)
class Desk:
    """The room's desk. Actions go one after another, in the order of the keys; nothing blocks the loop."""

    config: Callable[[], Config]
    delivery: Callable[[], Delivery]
    snapshot: Callable[[], Snapshot]
    clock: Clock
    poll: Callable[[str], None]
    """Looks at a source ahead of its time."""
    adopt: Callable[[Config], None]
    """Makes the room run on another configuration."""
    environ: Mapping[str, str]

    def __post_init__(self) -> None:
        self._turn = asyncio.Lock()

    @property
    def by(self) -> str:
        """Name that actions are signed with."""
        return who(self.config(), None, self.environ)

    @property
    def host(self) -> str:
        """This machine's name."""
        return host()

    async def submit(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Hand in `actions`, one after another."""
        from controlroom.net.threads import in_daemon

        async with self._turn:
            delivery = self.delivery()
            outcomes = [await in_daemon(delivery.submit, action) for action in actions]
        self.poll("store")
        return outcomes

    async def settle(self, id_: str, how: Literal["drop", "again"]) -> Outcome | None:
        """Decide a conflict."""
        from controlroom.net.threads import in_daemon

        async with self._turn:
            delivery = self.delivery()
            if how == "drop":
                outcome = await in_daemon(delivery.drop, id_)
            else:
                outcome = await in_daemon(delivery.again, id_, self.clock(), new_id(), self.by, self.host)
        self.poll("store")
        return outcome

    async def escalation_text(self, blocker: str) -> str:
        """What would be told the escalation channel about `blocker` as it is now; empty where it is gone."""
        from controlroom.reports import escalation

        seen = self.snapshot()
        found = next((b for b in seen.blockers if b.id == blocker), None)
        return (
            "" if found is None else escalation.text(found, seen, self.clock(), self.config().triage.channel)
        )

    async def preview(self, item: Item, status: Status) -> CellEdit | str:
        """The cell that would change, or why none can be."""
        from controlroom.documents import write
        from controlroom.documents.read import Known, share

        path = item.path
        if path is None:
            return "no document lists this card"
        known = share([r.document for r in self.snapshot().documents if r.document is not None], Known())

        def propose() -> CellEdit:
            raw = (self.config().folder / path).read_bytes()
            said = item.status_text
            return write.propose(raw, path, item.id, status, expected_status_text=said, known=known)

        try:
            return await asyncio.to_thread(propose)
        except write.CannotWrite as problem:
            return problem.reason
        except OSError as problem:
            return _trouble(path, problem)

    async def write(self, edit: CellEdit) -> str:
        """Change that cell; empty when it is written."""
        from controlroom.documents import write
        from controlroom.stores import documents_file

        def change(raw: bytes) -> bytes:
            return write.rewritten(raw, edit)

        path = self.config().folder / edit.path
        try:
            await asyncio.to_thread(documents_file.replace, path, edit.digest, change)
        except (write.CannotWrite, documents_file.CannotReplace) as problem:
            return problem.reason
        self.poll("documents")
        return ""

    async def edit_config(self, change: Change) -> ConfigEdit | str:
        """`change` as it would be written, or why it cannot be."""
        from controlroom.config import edit

        config = self.config()
        if config.path is None:
            return "there is no configuration file: the room runs on what is built in"
        today = self._today(config.program.zone)
        try:
            return await asyncio.to_thread(edit.propose, config.path, change, by=self.by, on=today)
        except edit.CannotEdit as problem:
            return _said(problem.reason, problem.remedy)

    async def write_config(self, edit: ConfigEdit) -> str:
        """Write it, and make the room run on it."""
        from controlroom.config import edit as editing
        from controlroom.config.errors import ConfigErrors
        from controlroom.config.load import load

        def write() -> Config:
            editing.write(edit)
            return load(edit.path, environ=self.environ, today=self._today)

        try:
            config = await asyncio.to_thread(write)
        except editing.CannotEdit as problem:
            return _said(problem.reason, problem.remedy)
        except ConfigErrors as problem:  # somebody else wrote to it in this very moment
            return f"it is written, but the room stays on the older one: {problem.errors[0]}"
        self.adopt(config)
        return ""

    def _today(self, zone: str) -> date:
        """The local date in `zone`, by the room's clock."""
        from controlroom.domain.zones import local

        return local(self.clock(), zone).date()

    async def keep_diff(self, edit: ConfigEdit) -> Path | str:
        """Write the diff to the user's state folder."""
        name = f"{edit.path.stem}-{self.clock():%Y%m%dT%H%M%SZ}"
        return await self._keep("changes", f"{name}.diff", edit.diff.rstrip("\n") + "\n")

    async def silence(self, server: str, draft: SilenceDraft) -> str:
        """Set a silence."""
        from controlroom.net import alertmanager

        async def ask(api: Api) -> None:
            await alertmanager.silence(api, draft)

        return await self._alertmanager(server, ask)

    async def hush(self, server: str, draft: SilenceDraft) -> tuple[str, str]:
        """Set a silence: its id, and what went wrong, empty when it is set."""
        from controlroom.net import alertmanager

        ids: list[str] = []

        async def ask(api: Api) -> None:
            ids.append(await alertmanager.silence(api, draft))

        problem = await self._alertmanager(server, ask)
        return ids[0] if ids else "", problem

    async def expire(self, server: str, silence: str) -> str:
        """End a silence."""
        from controlroom.net import alertmanager

        return await self._alertmanager(server, lambda api: alertmanager.expire(api, silence))

    async def _alertmanager(self, server: str, ask: Callable[[Api], Awaitable[None]]) -> str:
        """Ask the Alertmanager with that id; what went wrong, empty when it did what was asked."""
        from controlroom.config import secrets
        from controlroom.net.fetch import Api, FetchError

        config = self.config()
        found = next((one for one in config.alertmanagers if one.id == server), None)
        if found is None:
            return f"no Alertmanager is called {server}"
        api = Api(found, lambda ref: secrets.resolve(ref, config.folder))
        try:
            await ask(api)
        except FetchError as problem:
            return _said(problem.reason, problem.remedy)
        finally:
            await api.close()
        self.poll(f"alerts:{server}")
        return ""

    async def keep_text(self, name: str, text: str) -> Path | str:
        """Write `text` to the user's state folder."""
        return await self._keep("escalations", f"{name}.txt", text)

    async def _keep(self, kind: str, name: str, text: str) -> Path | str:
        from controlroom.config.folders import state_folder
        from controlroom.stores import atomic

        folder = state_folder(self.environ)
        if folder is None:
            return "there is no home folder to write it to"
        path = folder / kind / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            await asyncio.to_thread(atomic.write, path, text.encode(), 0o600)
        except OSError as problem:
            return _trouble(path, problem)
        return path

    async def post(self, text: str) -> str:
        """Send `text` to the webhook; empty when it was taken."""
        from controlroom.config import secrets
        from controlroom.net import webhook

        reference = self.config().triage.webhook
        if reference is None:
            return "no webhook is configured: add [triage].webhook"
        try:
            url = await asyncio.to_thread(secrets.resolve, reference, self.config().folder)
            await webhook.post(url, text, self.config().polling.timeout * 2)
        except (secrets.SecretUnavailable, webhook.NotPosted) as problem:
            return str(problem)
        return ""


def _trouble(path: Path | str, problem: OSError) -> str:
    return f"{path}: {(problem.strerror or type(problem).__name__).lower()}"


def _said(reason: str, remedy: str) -> str:
    return f"{reason}; {remedy}" if remedy else reason
