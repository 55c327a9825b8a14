"""What the terminal frame asks of the room behind it, and what it is told at start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from controlroom.domain.snapshot import Snapshot

if TYPE_CHECKING:
    from controlroom.capturing import Pictures
    from controlroom.config.changes import Change, ConfigEdit
    from controlroom.domain.actions import Action, Outcome
    from controlroom.domain.board import Item, Status
    from controlroom.domain.documents import CellEdit
    from controlroom.domain.notice import Told
    from controlroom.domain.past import Moment
    from controlroom.domain.runs import Key
    from controlroom.domain.silences import SilenceDraft
    from controlroom.noticing import View
    from controlroom.reporting import Written


class Room(Protocol):
    """A running (or not yet running) engine with its latest Snapshot; composed in `wiring`."""

    @property
    def snapshot(self) -> Snapshot:
        """The latest: at first the restored room of an earlier run, or one in which nothing is known yet."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """Gives the present instant, UTC; may run ahead or behind where the person set it."""
        ...

    def subscribe(self, callback: Callable[[Snapshot], None]) -> None:
        """Call `callback`, which is quick and thread-safe, with every new Snapshot."""
        ...

    async def run(self) -> None:
        """Poll until cancelled. Called once, after the first paint.

        Imports of client libraries belong in a thread (`asyncio.to_thread`) inside: the keyboard is
        already listened to.
        """
        ...

    def poll_now(self, source: str | None = None) -> None:
        """Ask one source, or all of them, ahead of its time; returns at once."""
        ...

    async def close(self) -> None:
        """Let go of everything within a second; idempotent."""
        ...

    @property
    def desk(self) -> Desk:
        """Where actions are handed in."""
        ...

    @property
    def past(self) -> Past | None:
        """What was kept of what the room showed; None: nothing is kept of this room."""
        ...

    @property
    def reports(self) -> Reporting:
        """What writes documents of the room."""
        ...

    @property
    def noticing(self) -> Noticing | None:
        """What tells people outside the room; None where nothing is looked for that they could be told."""
        ...


class Past(Protocol):
    """Moments of the room's past. Every call returns within seconds and raises nothing."""

    trouble: str
    """Why nothing is kept at present; empty while all is well."""

    async def at(self, asked: datetime) -> Moment | str:
        """The newest moment at or before `asked`, or why there is none."""
        ...

    async def toward(self, shown: datetime, asked: datetime) -> Moment | str:
        """From the moment at `shown` the one nearest to `asked`: another one, or why there is none."""
        ...


class Desk(Protocol):
    """What the room does for whoever acts. Every call returns within seconds and raises nothing."""

    @property
    def by(self) -> str:
        """Name that actions are signed with."""
        ...

    @property
    def host(self) -> str:
        """This machine's name."""
        ...

    async def submit(self, actions: Sequence[Action]) -> Sequence[Outcome]:
        """Hand in `actions`, one after another; the snapshot shows them soon after."""
        ...

    async def settle(self, id_: str, how: Literal["drop", "again"]) -> Outcome | None:
        """Decide a conflict: forget the action, or hand in a new one that names what it supersedes.

        None where there is no such conflict (any more).
        """
        ...

    async def escalation_text(self, blocker: str) -> str:
        """What would be told the escalation channel about `blocker` as it is now; empty where it is gone."""
        ...

    async def preview(self, item: Item, status: Status) -> CellEdit | str:
        """The one cell of a document that would change with a card's status, or why none can be."""
        ...

    async def write(self, edit: CellEdit) -> str:
        """Change that cell; what went wrong in plain words, empty when it is written."""
        ...

    async def keep_text(self, name: str, text: str) -> Path | str:
        """Write a text for taking away to the user's state folder: its path, or why not."""
        ...

    async def edit_config(self, change: Change) -> ConfigEdit | str:
        """`change` as it would be written into controlroom.toml, or why it cannot be."""
        ...

    async def write_config(self, edit: ConfigEdit) -> str:
        """Write it and take it up: what went wrong, empty when the room runs on the new configuration."""
        ...

    async def keep_diff(self, edit: ConfigEdit) -> Path | str:
        """Write the diff to the user's state folder, to be applied by hand: its path, or why not."""
        ...

    async def silence(self, server: str, draft: SilenceDraft) -> str:
        """Set a silence in the Alertmanager `server`: what went wrong, empty when it is set."""
        ...

    async def hush(self, server: str, draft: SilenceDraft) -> tuple[str, str]:
        """Set a silence in the Alertmanager `server`: its id, and what went wrong, empty when it is set."""
        ...

    async def expire(self, server: str, silence: str) -> str:
        """End a silence by its id: what went wrong, empty when it has ended."""
        ...

    async def post(self, text: str) -> str:
        """Send `text` to the escalation channel's webhook; what went wrong, empty when it was taken."""
        ...


class Noticing(Protocol):
    """What people outside the room are told. Every call is quick."""

    trouble: str
    """Why notices are not kept on this machine."""

    def told(self) -> tuple[Told, ...]:
        """What was, will be and was not told, newest first."""
        ...

    def channels(self) -> tuple[View, ...]:
        """The channels as configured, with what is wrong with each."""
        ...

    def preview(self, told: Told, redact: bool = False) -> str:
        """Exactly what is sent, as text."""
        ...


class Reporting(Protocol):
    """What the room writes for people. Every call raises `controlroom.reporting.CannotWrite`."""

    async def minutes(self, key: Key) -> Written:
        """Write the minutes of that holding of a ritual, and give what they say and their text for a chat."""
        ...

    async def drill(self, key: Key) -> Written:
        """Write the report of that drill, and give what it says and its text for a chat."""
        ...

    async def evidence(self, date: date | None = None, *, pictures: Pictures | None = None) -> Written:
        """Capture the evidence of `date`, None is today, with the room as `pictures` draws it: its folder,
        what was captured and what could not be, and its text for a chat."""
        ...

    async def status(self, slot: str) -> Path:
        """Write the status file of today for `slot`: its path."""
        ...


class Options(NamedTuple):
    """How the person wants to see the room."""

    theme: str = "controlroom-dark"
    theme_folder: Path | None = None
    """The person's own themes; None is the usual folder."""
    keys: Mapping[str, str] = MappingProxyType({})
    """`[keys]`: action id → keys. What cannot be used is said on screen and left as it was."""
    viewer_zone: str = "UTC"
    ascii: bool = False
    redact: bool = False
    clock_set: bool = False
    """The clock was set with ``--at``: the header says so."""
    state_folder: Path | None = None
    """Where a crash report is written; None: nowhere."""
    base_folder: Path | None = None
    """What relative paths of runbooks and charters are relative to."""
    notices: tuple[str, ...] = ()
    """Shown once after the first paint, plain text."""
    read_only: bool = False
    """Every fact is shown and no action offered."""
    write_back: Literal["never", "ask", "always"] = "ask"
    """Whether a moved card is moved in its document too."""
    channel: str = ""
    """Where escalations are meant to go, such as ``#tiger-crew``."""
    webhook: bool = False
    """Whether an escalation can be posted there."""
    view: Literal["room", "oncall", "standup", "wall"] = "room"
    """The view it opens in."""
    bell: bool = False
    """Whether the terminal's bell rings in a view that is left alone with it."""
    follow: bool = False
    """It shows what the driver of the standup shows, and changes nothing."""
    page: float = 0.0
    """Seconds after which a view that has pages turns them by itself; 0: it does not."""
    past: Moment | None = None
    """The moment of the past that the room is opened at; it shows nothing else, and nothing can be done."""
