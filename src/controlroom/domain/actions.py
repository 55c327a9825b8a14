"""Actions: what people did, one immutable value each, and how one is written down.

An action names the item it is about, what was done, and `expect`: the id of the last action its author had
seen on that item (``""`` for none at all, None for somebody who does not care). The store gives each a `rev`,
1, 2, 3, … without holes, when it commits it. The bytes written never change afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Literal, NamedTuple, get_args

from controlroom.domain.frozen import dataclass
from controlroom.domain.instants import parse, render

FORMAT = 1
"""The version of the written form; a greater one was written by a newer program."""

Kind = Literal[
    "open",
    "acknowledge",
    "assign",
    "wait-on",
    "escalate",
    "snooze",
    "resolve",
    "reopen",
    "note",
    "status",
    "undo",
    "waive",
    "unwaive",
    "direct",
    "accept",
    "begin",
    "enter",
    "pause",
    "continue",
    "extend",
    "skip",
    "hand-over",
    "take-over",
    "finish",
    "decision",
    "task",
    "park",
    "tick",
    "untick",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

NEVER_CONFLICT = frozenset(
    {
        *("acknowledge", "note", "decision", "task", "park"),
        *("enter", "pause", "continue", "extend", "skip", "hand-over", "finish"),
    }
)
"""Kinds that are true whatever else happened to the item; they carry no `expect`.

Those that move a ritual on count only where their author drives it, and name where they lead.
"""


DEPTH_LIMIT = 64
"""Objects and lists inside one another that an action may have."""


NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""The instant of an action that was given none."""


class UnreadableAction(ValueError):
    """Stored bytes are not an action; the message says why, in plain words."""


class NewerAction(UnreadableAction):
    """Stored bytes were written by a newer program."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing somebody did. `kind` may be one this program does not know; then it changes nothing here."""

    id: str
    item: str
    """Id of the blocker or card; ``signal:`` and a reading id for a signal; see `runs` for rituals."""
    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)
    """By kind, see `triage`; instants are RFC 3339 text."""
    actor: str = ""
    host: str = ""
    at: datetime = NEVER
    """When the author did it, by the author's clock, UTC, whole seconds."""
    expect: str | None = None
    v: int = FORMAT


class Entry(NamedTuple):
    """A committed action at its place in the log."""

    rev: int
    action: Action


OutcomeStatus = Literal["committed", "conflict", "queued", "not_recorded"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one submitted action.

    ``committed``: in the log at `rev`. ``conflict``: not in the log; `current` is what stands in its way, the
    item's last action. ``queued``: durably in the outbox, `reason` says why not further. ``not_recorded``:
    nowhere, `reason` says why.
    """

    status: OutcomeStatus
    action: Action
    rev: int | None = None
    current: Entry | None = None
    reason: str = ""
    remedy: str = ""


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _refuse(text)


_BOM = b"\xef\xbb\xbf"
_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_RENDERED = "--T::Z"
"""Every third character, from the fifth, of an instant as `render` writes it."""


def encode(action: Action) -> bytes:
    """`action` as one line of JSON, without a line feed.

    Raises ValueError or TypeError for what could not be read again: NaN, half a character, an object.
    """
    value: dict[str, Any] = {
        "v": action.v,
        "id": action.id,
        "item": action.item,
        "kind": action.kind,
        "args": dict(action.args),
        "actor": action.actor,
        "host": action.host,
        "at": render(action.at),
    }
    if action.expect is not None:
        value["expect"] = action.expect
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def decode(raw: bytes) -> Action:
    """The action in stored bytes; fields this program does not know are left alone, in the bytes.

    Half a character (a lone surrogate), which no terminal and no file takes, reads as U+FFFD; of a name
    given twice the last counts. Raises UnreadableAction, and NewerAction for a form that a newer program
    wrote.
    """
    value = _parsed(raw)
    if type(value) is not dict:
        raise UnreadableAction("not a JSON object")
    get = value.get
    version = get("v")
    if type(version) is not int or version < 1:
        raise UnreadableAction('"v" is missing')
    if version > FORMAT:
        raise NewerAction(f"written by a newer controlroom (form {version}, this one knows {FORMAT})")
    args, expect = get("args", {}), get("expect")
    id_, item, kind = get("id", ""), get("item", ""), get("kind", "")
    actor, host, at = get("actor", ""), get("host", ""), get("at", "")
    if not (type(id_) is type(item) is type(kind) is type(actor) is type(host) is type(at) is str):
        raise UnreadableAction("a text is missing or of another type")
    if not (id_ and item and kind):
        raise UnreadableAction('"id", "item" or "kind" is missing')
    if type(args) is not dict or not (expect is None or type(expect) is str):
        raise UnreadableAction('"args" or "expect" is of another type')
    try:
        return Action(id_, item, kind, args, actor, host, _instant(at), expect, version)
    except ValueError as problem:
        raise UnreadableAction(f'"at": {problem}') from None


def _parsed(raw: bytes) -> object:
    """The JSON value in `raw`: UTF-8, finite numbers, whole characters, of bounded depth."""
    try:
        text = raw.removeprefix(_BOM).decode().strip(" \t\r\n")
        value, end = _DECODER.raw_decode(text)
        if end != len(text):
            raise UnreadableAction("not JSON: something follows the object")
    except RecursionError:
        raise UnreadableAction("nested too deeply") from None
    except UnreadableAction:
        raise
    except ValueError:
        raise UnreadableAction("not JSON") from None
    # Whether Python itself gives up depends on how deep its caller stands; everybody must read the same.
    if raw.count(b"{") + raw.count(b"[") > DEPTH_LIMIT and _deeper(value, DEPTH_LIMIT):
        raise UnreadableAction("nested too deeply")
    return _whole(value) if "\\u" in text else value


def _deeper(value: object, limit: int) -> bool:
    """Whether more than `limit` objects and lists are inside one another."""
    level = [value]
    for _ in range(limit):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
    return bool(level)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _whole(value: Any) -> Any:
    """`value` with U+FFFD for every half of a character in its texts."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(inner) for name, inner in value.items()}
    return value


def _instant(text: str) -> datetime:
    # What `render` writes is read at a fifth of the price; all else is `parse`'s to judge.
    if text[4::3] == _RENDERED:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    return parse(text)


def same_deed(one: Action, other: Action) -> bool:
    """Whether two actions of one id say the same: a repetition, not another deed under a used id.

    When and where it was repeated, and what its author had seen by then, do not matter.
    """
    return (one.item, one.kind, one.args, one.actor) == (other.item, other.kind, other.args, other.actor)
