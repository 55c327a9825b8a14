"""Whether a call asks once more for what an action of the same id did already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from controlroom.domain.actions import Action
from controlroom.domain.decide_args import one_line
from controlroom.domain.instants import parse, render
from controlroom.domain.status_text import read_status
from controlroom.domain.text import slug

if TYPE_CHECKING:
    from controlroom.domain.decide import Intent
    from controlroom.domain.program import Program
    from controlroom.domain.snapshot import Snapshot

_COMPUTED = frozenset({"was", "undoes", "supersedes"})
"""Arguments that an action has although nobody gave them."""


def same(intent: Intent, action: Action, seen: Snapshot) -> bool:
    """Whether `intent` asks for the deed of `action`. What was computed then does not matter now."""
    if (intent.kind, one_line(intent.by)) != (action.kind, action.actor):
        return False
    if intent.kind != "open" and intent.item != action.item:
        return False
    return _plain(intent.args, seen.program) == _plain(action.args, seen.program)


def _plain(args: Mapping[str, Any], program: Program) -> dict[str, Any]:
    """Arguments without the differences in spelling that mean nothing; empty ones are none."""
    plain = {name: _canonical(name, value, program) for name, value in args.items() if name not in _COMPUTED}
    until = plain.get("until", "")
    if plain.get("ritual"):
        plain |= {"ritual": _ritual(plain["ritual"], program), "until": ""}  # its next time follows from it
    elif until and not until[:4].isdigit():
        plain |= {"ritual": _ritual(until, program), "until": ""}
    return {name: value for name, value in plain.items() if value}


def _canonical(name: str, value: Any, program: Program) -> Any:
    if isinstance(value, list | tuple):
        return list(dict.fromkeys(one_line(one) for one in value))
    text = one_line(value)
    if name in ("owning_squad", "blocking_squad"):
        squad = program.squad(text) if text else None
        return squad.id if squad is not None else text
    if name == "status":
        return read_status(text).status
    if name in ("eta", "next_update", "until", "opened_at"):
        try:
            return render(parse(text))
        except ValueError:
            return text
    return text


def _ritual(name: str, program: Program) -> str:
    """Id of the ritual that is meant by its id or its title."""
    wanted = slug(name)
    found = (ritual.id for ritual in program.rituals if wanted in (slug(ritual.id), slug(ritual.title)))
    return next(found, name)
