"""Actions and what became of them, as JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlroom.domain.actions import Action, Entry, Outcome
from controlroom.domain.decide import Refusal
from controlroom.domain.instants import render
from controlroom.domain.text import clean
from controlroom.domain.words import deed
from controlroom.headless.problems import FINE, QUEUED, REFUSED, UNREACHABLE

EXIT: Mapping[str, int] = {
    "committed": FINE,
    "conflict": REFUSED,
    "refused": REFUSED,
    "queued": QUEUED,
    "not_recorded": UNREACHABLE,
}
"""Exit code by what became of an action."""

_PAST = {
    "open": "opened",
    "acknowledge": "acknowledged",
    "assign": "assigned",
    "wait-on": "set",
    "escalate": "escalated",
    "snooze": "snoozed",
    "resolve": "resolved",
    "reopen": "reopened",
    "note": "note",
    "status": "moved",
    "undo": "taken back",
    "waive": "waived",
    "unwaive": "no longer waived",
    "direct": "directed",
    "accept": "accepted as it is",
    "begin": "begun",
    "enter": "moved on",
    "pause": "paused",
    "continue": "continued",
    "extend": "extended",
    "skip": "passed over",
    "hand-over": "handed over",
    "take-over": "taken over",
    "finish": "finished",
    "decision": "decision",
    "task": "action item",
    "park": "parked",
    "tick": "ticked",
    "untick": "no longer ticked",
}
_TOLD = {
    "undo": "took back",
    "begin": "began",
    "enter": "went to",
    "continue": "went on",
    "take-over": "took over",
}


def entry(action: Action, rev: int | None) -> dict[str, Any]:
    """One action, as it stands in `log --json`; `rev` is None for one that is not in the log."""
    return {
        "rev": rev,
        "id": action.id,
        "item": action.item,
        "kind": action.kind,
        "args": dict(action.args),
        "actor": action.actor,
        "host": action.host,
        "at": render(action.at),
        "expect": action.expect,
    }


def maybe_entry(committed: Entry | None) -> dict[str, Any] | None:
    """A committed action as in `log --json`, or None."""
    return None if committed is None else entry(committed.action, committed.rev)


def result(outcome: Outcome) -> dict[str, Any]:
    """What every writing command prints with ``--json``."""
    return {
        "status": outcome.status,
        "rev": outcome.rev,
        "id": outcome.action.id,
        "item": outcome.action.item,
        "action": entry(outcome.action, outcome.rev),
        "current": maybe_entry(outcome.current),
        "reason": outcome.reason or None,
        "remedy": outcome.remedy or None,
    }


def refusal(refused: Refusal, id_: str, item: str) -> dict[str, Any]:
    """The same for what became no action."""
    return {
        "status": "refused",
        "rev": None,
        "id": id_,
        "item": item or None,
        "action": None,
        "current": None,
        "field": refused.field or None,
        "reason": refused.reason,
        "remedy": refused.remedy or None,
    }


def said(action: Action, undone: Action | None = None) -> str:
    """``b-… assigned by Ada: to Bo``: one clean line. `undone` is what an undo took back, where known."""
    past = _PAST.get(action.kind, "did")
    told = deed(action, undone=undone)
    begins = _TOLD.get(action.kind, past)
    rest = told[len(begins) :].lstrip(":, ") if told.startswith(begins) else told
    who = f"{clean(action.item)} {past} by {clean(action.actor) or 'nobody named'}"
    return clean(f"{who}: {rest}" if rest else who)


def line(action: Action, rev: int | None, undone: Action | None = None) -> str:
    """``r42 2031-05-06T07:30:00Z b-… assigned by Ada: to Bo``, as `log` prints it."""
    place = "-" if rev is None else f"r{rev}"
    return f"{place} {render(action.at)} {said(action, undone)}"


def outcome_line(outcome: Outcome, undone: Action | None = None) -> str:
    """``committed r42: b-… acknowledged by Ada``; a conflict names what stands in its way."""
    told = said(outcome.action, undone)
    if outcome.status == "committed":
        return f"committed r{outcome.rev}: {told}"
    if outcome.status == "conflict":
        return f"conflict: not {told}; {in_the_way(outcome.current)}"
    return f"{outcome.status.replace('_', ' ')}: {told}"


def in_the_way(current: Entry | None) -> str:
    """What another did, who, and when."""
    if current is None:
        return "nothing is recorded on it that you could have seen"
    return f"since then: {line(current.action, current.rev)}"
