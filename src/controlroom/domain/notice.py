"""Notices: what people outside the room are told, as a chat's text and as JSON, and what became of each."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from controlroom.domain import zones
from controlroom.domain.frozen import dataclass
from controlroom.domain.instants import maybe, parse, render
from controlroom.domain.notice_kind import NoticeKind
from controlroom.domain.program import Program
from controlroom.domain.text import clean

Kind = Literal[NoticeKind, "more", "test"]
"""What a channel can choose (`[[notify]].events`), how many more there were, and a trial."""

Severity = Literal["critical", "error", "warning", "info", "good"]

State = Literal["waiting", "sent", "elsewhere", "counted", "not_told", "given_up"]
"""``elsewhere``: another room has told it. ``counted``: beyond what a channel takes in an hour, and not yet
in the notice that says how many those were. ``given_up``: a day of attempts failed."""

SCHEMA, VERSION = "controlroom.notice", "1.0"

TITLE, TEXT = 300, 6_000
"""Longest texts, in characters."""

_MARKS: Mapping[Severity, str] = {"critical": "✖", "error": "✖", "warning": "▲", "info": "·", "good": "✓"}
_CALL = re.compile(r"(?<![\w@])@(?=(?:channel|here|everyone|group|all|room|team)\b)", re.IGNORECASE)
_HOST = re.compile(
    r"(?<=://)[^\s/]+|\[[0-9a-fA-F:]+\](?::\d+)?|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?"
    r"|\b[\w-]+(?:\.[\w-]+)+:\d{2,5}\b|(?<![.\w-])[A-Za-z][\w-]*:\d{2,5}\b"
)
_HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened and that people are told of. Its texts are clean, and never markup."""

    id: str
    """The same in every room that sees it, and after a restart."""
    kind: Kind
    subject: str
    """What it is about: ``service:kafka``, ``blocker:b-7``."""
    became: str
    """What that is now: ``down``, ``escalated``."""
    title: str
    at: dt.datetime
    """When it happened, UTC."""
    severity: Severity = "info"
    text: str = ""
    """What else is known, in lines."""
    todo: str = ""
    """What to do."""
    squads: tuple[str, ...] = ()
    """Whom it concerns; none: everybody."""
    marks: tuple[str, ...] = ()
    """What it is claimed by: its id, or two overlapping spans of time where each room sees it for itself."""
    hold: float = 0.0
    """Seconds to wait whether it is over, or explained by something else, before anybody is told."""
    people: tuple[str, ...] = ()
    """Names in it, hidden where a screen is shared."""

    @property
    def thing(self) -> tuple[str, str, str]:
        """What makes two notices the same thing for `[[notify]].quiet`."""
        return self.kind, self.subject, self.became


@dataclass(frozen=True, slots=True)
class Told:
    """A notice for one channel, and what became of it."""

    channel: str
    notice: Notice
    put_at: dt.datetime
    state: State = "waiting"
    why: str = ""
    """Why it waits, or was not told."""
    attempts: int = 0
    due: dt.datetime | None = None
    """Not before this instant is it tried (again)."""
    ended_at: dt.datetime | None = None
    """When it was told, or given up."""

    @property
    def name(self) -> str:
        """What it is kept under: the same for the same notice and channel."""
        return key(self.channel, (self.notice.marks or (self.notice.id,))[0])


def key(channel: str, mark: str) -> str:
    """A short name for `mark` on `channel`, of letters and digits only."""
    return hashlib.sha256(f"{channel}\0{mark}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def exact(subject: str, became: str, when: str) -> tuple[str, ...]:
    """The mark of something that has an instant, or an id, of its own."""
    return (f"{subject}/{became}@{when}",)


def spans(subject: str, became: str, at: dt.datetime, spread: float) -> tuple[str, ...]:
    """Marks of something that rooms see at moments up to `spread` seconds apart: those share one of them.

    Two grids of twice that width, one half a width behind the other.
    """
    width = max(2, int(2 * spread))
    seconds = int(at.timestamp())
    first = seconds // width * width
    second = (seconds + width // 2) // width * width - width // 2
    begins = (dt.datetime.fromtimestamp(begin, dt.UTC) for begin in (first, second))
    return tuple(f"{subject}/{became}@{render(begin)}+{width}" for begin in begins)


def safe(text: str, limit: int = TITLE) -> str:
    """Foreign text on one line that calls nobody and links nowhere, in Slack or in Markdown."""
    return _calm(clean(text, limit).strip())


def _calm(text: str) -> str:
    return _CALL.sub("@ ", text).replace("](", "] (").replace("`", "'")


def text(notice: Notice, program: Program, redact: bool = False) -> str:
    """What a chat is told: what, when by the programme's clock, what is known, what to do; no markup.

    `redact` hides names and hosts, for a screen that strangers see.
    """
    when = zones.label(notice.at, program.zone, dated=True)
    named = safe(program.title or program.id, 80)
    lines = [f"{_MARKS[notice.severity]} {named}: {notice.title} · {when}"]
    lines += notice.text.splitlines()
    lines += [f"Next: {notice.todo}"] if notice.todo else []
    told = _calm(clean("\n".join(lines), TEXT, newlines=True))
    return hidden(told, notice) if redact else told


def hidden(told: str, notice: Notice) -> str:
    """`told` without the names in `notice`, and without hosts."""
    for name in sorted(filter(None, notice.people), key=len, reverse=True):
        told = told.replace(name, _HIDDEN)
    return _HOST.sub(_HIDDEN, told)


def as_json(notice: Notice, program: Program) -> dict[str, Any]:
    """The whole notice, for a webhook that takes JSON; begins with the programme's banner, if it has one."""
    banner = {"_banner": program.banner} if program.banner else {}
    return {
        **banner,
        "schema": SCHEMA,
        "version": VERSION,
        "id": notice.id,
        "kind": notice.kind,
        "subject": notice.subject,
        "became": notice.became,
        "severity": notice.severity,
        "at": render(notice.at),
        "title": notice.title,
        "text": notice.text,
        "next": notice.todo,
        "squads": list(notice.squads),
        "program": {"id": program.id, "title": program.title, "zone": program.zone},
    }


# Keeping one


def to_dict(told: Told) -> dict[str, Any]:
    """The stored form."""
    notice = told.notice
    kept = {name: getattr(notice, name) for name in _TEXTS}
    return {
        "form": 1,
        "channel": told.channel,
        "put_at": render(told.put_at),
        "state": told.state,
        "why": told.why,
        "attempts": told.attempts,
        "due": maybe(told.due),
        "ended_at": maybe(told.ended_at),
        "notice": {
            **kept,
            "at": render(notice.at),
            "hold": notice.hold,
            **{name: list(getattr(notice, name)) for name in _LISTS},
        },
    }


_TEXTS = ("id", "kind", "subject", "became", "title", "severity", "text", "todo")
_LISTS = ("squads", "marks", "people")


def from_dict(value: Mapping[str, Any]) -> Told:
    """What `to_dict` made. Raises ValueError for anything else, also for what a newer program wrote."""
    try:
        if value["form"] != 1:
            raise ValueError("written by a newer controlroom")
        kept = value["notice"]
        texts: dict[str, Any] = {name: _text(kept[name]) for name in _TEXTS}
        lists: dict[str, Any] = {name: tuple(_text(one) for one in kept[name]) for name in _LISTS}
        known = texts["kind"] in get_args(Kind) and texts["severity"] in get_args(Severity)
        if not known or value["state"] not in get_args(State):
            raise ValueError("of a kind that is not known here")
        notice = Notice(**texts, **lists, at=parse(kept["at"]), hold=float(kept["hold"]))
        return Told(
            _text(value["channel"]),
            notice,
            parse(value["put_at"]),
            value["state"],
            _text(value["why"]),
            int(value["attempts"]),
            _maybe(value["due"]),
            _maybe(value["ended_at"]),
        )
    except (KeyError, TypeError, AttributeError, OverflowError):
        raise ValueError("no notice") from None


def _text(value: object) -> Any:
    if not isinstance(value, str):
        raise TypeError
    return value


def _maybe(value: object) -> dt.datetime | None:
    return None if value is None else parse(_text(value))
