"""What somebody did, in words: one line for each action of the triage log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from controlroom.domain.instants import parse
from controlroom.domain.text import clean

if TYPE_CHECKING:
    from controlroom.domain.actions import Action, Entry

VERBATIM = 400
"""Characters of an action that this program does not know, as it stands in the log."""

Name = Callable[[str], str]
"""What an id is called where the words are read."""


def _itself(name: str) -> str:
    return name


class Names(NamedTuple):
    """How ids and instants are said. As it is: ids as they are, instants in UTC."""

    squad: Name = _itself
    person: Name = _itself
    ritual: Name = _itself
    item: Name = _itself
    instant: Callable[[datetime], str] | None = None


PLAIN = Names()


def deed(action: Action, names: Names = PLAIN, undone: Action | None = None) -> str:
    """What `action` says was done, one clean line: ``assigned to Ada``, ``escalated, next update 17:30Z``.

    `undone` is the action that an undo takes back, where it is known. An unknown kind reads as it stands in
    the log. Nothing is said that the action does not say: a missing argument is left out.
    """
    told = _TOLD.get(action.kind)
    said = _verbatim(action) if told is None else told(_Args(action, names, undone))
    again = " (handed in again after a conflict)" if action.args.get("supersedes") else ""
    return clean(said + again)


def undone(history: Sequence[Entry]) -> Mapping[str, Action]:
    """Of one item's history: id of an action that was taken back → the undo that did so."""
    known = {entry.action.id for entry in history}
    found: dict[str, Action] = {}
    for _, action in history:
        target = action.args.get("undoes")
        if action.kind == "undo" and isinstance(target, str) and target in known:
            found.setdefault(target, action)
    return found


class _Args:
    """An action's arguments as text, said by `names`; whatever is missing is empty."""

    def __init__(self, action: Action, names: Names, undone: Action | None) -> None:
        self.action, self.names, self.undone = action, names, undone

    def text(self, name: str) -> str:
        """An argument as it was written."""
        value = self.action.args.get(name)
        return "" if value is None else value if isinstance(value, str) else _json(value)

    def named(self, name: str, say: Name) -> str:
        """An argument that is an id, as it is called."""
        value = self.text(name)
        return say(value) if value else ""

    def instant(self, name: str) -> str:
        """An argument that is an instant; one that cannot be read as it was written."""
        value = self.text(name)
        if not value:
            return ""
        try:
            at = parse(value)
        except ValueError:
            return value
        say = self.names.instant
        return say(at) if say is not None else utc(at, self.action.at)

    def waits(self) -> str:
        """``cranes waits on quay``."""
        owning = self.named("owning_squad", self.names.squad)
        blocking = self.named("blocking_squad", self.names.squad)
        return f"{owning or '?'} waits on {blocking or '?'}" if owning or blocking else ""


def utc(at: datetime, near: datetime) -> str:
    """``17:30Z``, with its date where that is not the one of `near`."""
    at = at.astimezone(UTC)
    same = near.tzinfo is not None and near.astimezone(UTC).date() == at.date()
    return f"{at:%H:%M}Z" if same else f"{at.date().isoformat()} {at:%H:%M}Z"


def _json(value: Any) -> str:
    import json  # names alone are needed to show a room, JSON is not

    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _verbatim(action: Action) -> str:
    args = f" {_json(dict(action.args))}" if action.args else ""
    return clean(f"{action.kind}{args}", VERBATIM)


def _colon(said: str, more: str) -> str:
    return f"{said}: {more}" if more else said


def _listed(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _prefixed(prefix: str, value: str) -> str:
    return f"{prefix} {value}" if value else ""


def _open(args: _Args) -> str:
    return _listed(
        _colon("opened", args.text("summary")),
        _prefixed("owner", args.named("owner", args.names.person)),
        args.waits(),
        _prefixed("on", args.named("item", args.names.item)),
        _prefixed("since", args.instant("opened_at")),
        _prefixed("eta", args.instant("eta")),
    )


def _assign(args: _Args) -> str:
    owner = args.named("owner", args.names.person)
    return f"assigned to {owner}" if owner else "assigned to nobody"


def _escalate(args: _Args) -> str:
    return _listed("escalated", _prefixed("next update", args.instant("next_update")))


def _snooze(args: _Args) -> str:
    until = " ".join(
        part for part in (args.named("ritual", args.names.ritual), args.instant("until")) if part
    )
    return _colon(f"snoozed until {until}" if until else "snoozed", args.text("why"))


def _waive(args: _Args) -> str:
    until = " ".join(
        part for part in (args.named("ritual", args.names.ritual), args.instant("until")) if part
    )
    return _colon(f"waived until {until}" if until else "waived", args.text("why"))


def _status(args: _Args) -> str:
    status = args.text("status").replace("_", " ")
    return f"moved to {status}" if status else "moved"


def _undo(args: _Args) -> str:
    if args.undone is None:
        return "took back an earlier action"
    return f"took back: {deed(args.undone, args.names)}"


_TOLD: Mapping[str, Callable[[_Args], str]] = {
    "open": _open,
    "acknowledge": lambda args: "acknowledged",
    "assign": _assign,
    "wait-on": lambda args: args.waits() or "waits on nobody",
    "escalate": _escalate,
    "snooze": _snooze,
    "resolve": lambda args: _colon("resolved", args.text("mitigation")),
    "reopen": lambda args: _colon("reopened", args.text("why")),
    "note": lambda args: _colon("note", args.text("text")),
    "status": _status,
    "undo": _undo,
    "waive": _waive,
    "unwaive": lambda args: _colon("no longer waived", args.text("why")),
    "direct": lambda args: _colon("directed", args.text("text")),
    "accept": lambda args: _colon("accepted as it is", args.text("why")),
    "begin": lambda args: "began",
    "enter": lambda args: _colon("went to", args.text("to")),
    "pause": lambda args: "paused",
    "continue": lambda args: "went on",
    "extend": lambda args: _colon("extended", _listed(args.text("segment"), args.text("seconds"))),
    "skip": lambda args: _colon("passed over", args.text("segment")),
    "hand-over": lambda args: f"handed over to {args.named('to', args.names.person) or 'somebody'}",
    "take-over": lambda args: "took over",
    "finish": lambda args: "finished",
    "decision": lambda args: _colon("decision", args.text("text")),
    "task": lambda args: _listed(
        _colon("action item", args.text("text")),
        _prefixed("owner", args.named("owner", args.names.person)),
        _prefixed("until", args.text("due")),
    ),
    "park": lambda args: _colon("parked", args.text("text")),
    "tick": lambda args: _colon("ticked", args.text("evidence")),
    "untick": lambda args: _colon("no longer ticked", args.text("why")),
}
