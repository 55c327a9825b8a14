"""From what somebody asks on the command line to what became of it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controlroom.commands.common import Given, say_failures
from controlroom.commands.repeated import same
from controlroom.domain.actions import NEVER_CONFLICT, Action, Entry, Kind, Outcome
from controlroom.domain.decide import Intent, Refusal, decide
from controlroom.domain.frozen import dataclass
from controlroom.domain.instants import render
from controlroom.domain.text import clean
from controlroom.domain.triage import Blocker
from controlroom.headless.problems import Refused, Usage, complain, say

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.domain.snapshot import Snapshot
    from controlroom.wiring import Room

ID_LIMIT = 200
"""Characters of an action's id."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What was asked, the room it was decided in, and what became of it."""

    intent: Intent
    room: Room
    seen: Snapshot
    became: Outcome | Refusal


def hand_in(asked: Given, config: Config, kind: Kind, item: str, args: Mapping[str, Any]) -> Handed:
    """Decide and submit one action; an argument that is None was not given.

    Raises Usage and Refused for what cannot be asked at all.
    """
    from controlroom import acting

    options = asked.options
    writable(asked)
    own_id = _own_id(options) or acting.new_id()
    room, seen = look(asked, config)
    say_failures(seen)
    intent = Intent(
        kind,
        utf8(item),
        {name: _utf8(value) for name, value in args.items() if value is not None},
        by=acting.who(config, utf8(options.by or "") or None),
        host=acting.host(),
        id=own_id,
        seen=None if options.seen is None else utf8(options.seen),
    )
    return Handed(intent, room, seen, _become(asked, intent, room, seen))


def writable(asked: Given) -> None:
    """Raises Refused with ``--read-only``."""
    if asked.options.read_only:
        raise Refused("nothing is changed here", "--read-only", "call it without that option")


def look(asked: Given, config: Config) -> tuple[Room, Snapshot]:
    """The sources that say what is known of blockers and cards, and the room that looked at them."""
    from controlroom import wiring
    from controlroom.headless.sweeping import WITHIN, run

    room = wiring.build(config, clock=asked.now, sources=("documents", "status", "store"))
    return room, run(room.sweep(WITHIN))


def utf8(text: str) -> str:
    """An argument as text; bytes of it that are no UTF-8 become replacement characters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _utf8(value: Any) -> Any:
    return [utf8(one) for one in value] if isinstance(value, list) else utf8(value)


def _own_id(options: Namespace) -> str | None:
    id_: str | None = options.action_id
    if id_ is not None and not (id_.strip() and id_.isprintable() and len(id_) <= ID_LIMIT):
        shown = "--id" if len(id_) > ID_LIMIT else f"--id {id_}"
        remedy = f"give 1 to {ID_LIMIT} characters, such as a UUID"
        raise Usage("an action's id is a short word", shown, remedy)
    return id_


def _become(asked: Given, intent: Intent, room: Room, seen: Snapshot) -> Outcome | Refusal:
    """A repetition gets the answer of the first time; anything else is decided in the room as it is."""
    committed = _entry(seen, intent.id)
    if committed is not None:
        return _repeated(intent, committed, seen)
    for waiting in (*seen.outbox.queued, *seen.outbox.conflicts):
        if waiting.action.id == intent.id:
            return _repeated_waiting(intent, waiting.action, room, seen)
    action = _decided(asked, intent, seen)
    if not isinstance(action, Action):
        return action
    say_set_clock(asked, action)
    return room.delivery.submit(action)


def say_set_clock(asked: Given, action: Action) -> None:
    """With ``--at``: that the action bears that time, and not the machine's."""
    if asked.at is not None:
        say(f"controlroom: recorded as done at {render(action.at)}, as --at says")


def _entry(seen: Snapshot, id_: str) -> Entry | None:
    """The action with this id, where the log has it."""
    if seen.ledger is None:
        return None
    entries = (entry for history in seen.ledger.items.values() for entry in history)
    return next((entry for entry in entries if entry.action.id == id_), None)


def _repeated(intent: Intent, committed: Entry, seen: Snapshot) -> Outcome:
    action = committed.action
    if same(intent, action, seen):
        return Outcome("committed", action, committed.rev)
    return Outcome("conflict", _asked(intent), current=committed, reason=_TAKEN, remedy=_OTHER_ID)


def _repeated_waiting(intent: Intent, waiting: Action, room: Room, seen: Snapshot) -> Outcome:
    """Handed in once more: what it is based on may be another action by now, what it does is not."""
    if same(intent, waiting, seen):
        return room.delivery.submit(replace(waiting, expect=_expected(intent)))
    return Outcome("conflict", _asked(intent), reason=_TAKEN, remedy=_OTHER_ID)


_TAKEN = "this id belongs to another action"
_OTHER_ID = "leave out --id, or give another one"


def _asked(intent: Intent) -> Action:
    """What was asked, as an action that was never made."""
    from datetime import UTC, datetime

    at = datetime.now(UTC).replace(microsecond=0)
    return Action(intent.id, intent.item, intent.kind, intent.args, intent.by, intent.host, at, intent.seen)


def _expected(intent: Intent) -> str | None:
    if intent.kind == "open":
        return ""
    return None if intent.kind in NEVER_CONFLICT else intent.seen


def _decided(asked: Given, intent: Intent, seen: Snapshot) -> Outcome | Action | Refusal:
    """The action to submit, or why there is none."""
    decided = decide(seen, intent, asked.now())
    if isinstance(decided, Action):
        return decided
    moved = _moved(intent, seen)
    if moved is not None and not decided.field:  # a wrong argument is wrong whatever others did
        return moved
    if seen.ledger is None and intent.kind != "open" and not _known(intent.item, seen):
        return _unchecked(asked, intent, seen, decided)
    return decided


def _moved(intent: Intent, seen: Snapshot) -> Outcome | None:
    """The conflict that stands before any refusal: others acted on it after what the author saw."""
    if intent.seen is None or intent.kind in NEVER_CONFLICT or seen.ledger is None:
        return None
    history = seen.ledger.of(intent.item)
    last = history[-1] if history else None
    if (last.action.id if last else "") == intent.seen:
        return None
    return Outcome("conflict", _asked(intent), current=last)


def _known(item: str, seen: Snapshot) -> bool:
    return any(b.id == item for b in seen.blockers) or any(card.id == item for card in seen.items)


def _unchecked(asked: Given, intent: Intent, seen: Snapshot, refused: Refusal) -> Outcome | Action | Refusal:
    """A deed on a blocker that only the store knows, while it cannot be asked: taken on trust."""
    if intent.kind == "status":
        return refused  # a card is known from its document
    if intent.kind == "undo":
        reason = f"{clean(intent.item)} is not known here, and neither is your last action on it"
        return Outcome(
            "not_recorded", _asked(intent), reason=reason, remedy="try again when the store answers"
        )
    stand_in = Blocker(
        intent.item,
        summary="?",
        owner="?",
        state="resolved" if intent.kind == "reopen" else "open",
    )
    decided = decide(replace(seen, blockers=(*seen.blockers, stand_in)), intent, asked.now())
    if isinstance(decided, Action):
        complain(
            "the blocker is not known here", intent.item, "it could not be checked: the store cannot be read"
        )
    return decided
