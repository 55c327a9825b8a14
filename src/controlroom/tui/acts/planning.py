"""From what was asked for to actions, for one thing or for many, with what is refused and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from controlroom.domain.actions import Action, Kind
from controlroom.domain.decide import Intent, Refusal, decide
from controlroom.domain.snapshot import Snapshot
from controlroom.tui.acts.targets import Target
from controlroom.tui.acts.verbs import Verb


class Hand(NamedTuple):
    """Who acts, and how actions of theirs are named."""

    by: str
    host: str
    new_id: Callable[[], str]


class Bench(NamedTuple):
    """What actions are made from: the room as it is shown, the present instant, UTC, and who acts."""

    snapshot: Snapshot
    now: datetime
    hand: Hand


class Job(NamedTuple):
    """What is done to one thing. A later action is only handed in when the one before it was taken."""

    target: Target
    actions: tuple[Action, ...]


class Refused(NamedTuple):
    """What is not done, and why."""

    title: str
    refusal: Refusal


class Plan(NamedTuple):
    """Everything that one press of a key is going to do."""

    verb: Verb
    jobs: tuple[Job, ...] = ()
    refused: tuple[Refused, ...] = ()

    @property
    def actions(self) -> tuple[Action, ...]:
        """All of them, in order."""
        return tuple(action for job in self.jobs for action in job.actions)


Seen = Callable[[Target], str]
"""Id of the last action on a thing that its author knows of; empty for none."""


def plan(verb: Verb, targets: Sequence[Target], args: Mapping[str, Any], bench: Bench, seen: Seen) -> Plan:
    """`verb` with these arguments on every one of `targets`."""
    jobs: list[Job] = []
    refused: list[Refused] = []
    for target in targets:
        made = _actions(verb, target, args, bench, seen(target))
        if isinstance(made, Refusal):
            refused.append(Refused(target.title, made))
        else:
            jobs.append(Job(target, made))
    return Plan(verb, tuple(jobs), tuple(refused))


def opened(verb: Verb, args: Mapping[str, Any], bench: Bench) -> Plan | Refusal:
    """A new blocker."""
    made = _decided(bench, "open", "", args, "")
    if isinstance(made, Refusal):
        return made
    target = Target("blocker", made.item, str(args.get("summary", "")), None)
    return Plan(verb, (Job(target, (made,)),))


def _decided(bench: Bench, kind: Kind, item: str, args: Mapping[str, Any], seen: str) -> Action | Refusal:
    hand = bench.hand
    intent = Intent(kind, item, args, hand.by, hand.host, hand.new_id(), seen)
    return decide(bench.snapshot, intent, bench.now)


def _actions(
    verb: Verb, target: Target, args: Mapping[str, Any], bench: Bench, seen: str
) -> tuple[Action, ...] | Refusal:
    if verb.kind != "escalate":
        action = _decided(bench, verb.kind, target.id, args, seen)
        return action if isinstance(action, Refusal) else (action,)
    rest = {name: value for name, value in args.items() if name != "owner"}
    owner = args.get("owner")
    if not owner or target.blocker is None or target.blocker.owner:
        action = _decided(bench, "escalate", target.id, rest, seen)
        return action if isinstance(action, Refusal) else (action,)
    # An escalation needs an owner: the one that was typed is assigned first, and known to what follows.
    assigned = _decided(bench, "assign", target.id, {"owner": owner}, seen)
    if isinstance(assigned, Refusal):
        return assigned
    known = tuple(
        replace(b, owner=str(owner), last_action=assigned.id) if b.id == target.id else b
        for b in bench.snapshot.blockers
    )
    after = bench._replace(snapshot=replace(bench.snapshot, blockers=known))
    escalated = _decided(after, "escalate", target.id, rest, assigned.id)
    return escalated if isinstance(escalated, Refusal) else (assigned, escalated)
