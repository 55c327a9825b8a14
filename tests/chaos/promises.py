"""What must hold of the log and the answers, whatever happened: checked from outside, by its own fold.

It reads what the commands print and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.chaos.people import Call, Person, Team

FREE = {"note", "acknowledge"}
"""Kinds that never conflict."""


def check(team: Team, reader: Person, *, homes: Iterable[Person] = (), foreign: Sequence[str] = ()) -> None:
    """Everything at once, after the dust has settled. `homes`: whose outboxes may still hold something.

    `foreign` are ids that somebody else put into the log.
    """
    log = reader.ask("log")
    actions = log["actions"]
    numbered(log)
    once(actions)
    acknowledged(team.calls, actions)
    nothing_invented(team.calls, actions, foreign)
    each_expects_the_one_before(actions)
    conflicts_are_true(team.calls, actions)
    in_order_of_time(team.calls)
    as_folded(reader, actions)
    listed = [entry["id"] for person in homes for entry in waiting(person)]
    nothing_lost(team.calls, actions, listed)


def waiting(person: Person) -> list[dict[str, Any]]:
    """What the outbox of `person` lists."""
    outbox = person.ask("outbox")
    return [*outbox["queued"], *outbox["conflicts"]]


def numbered(log: Mapping[str, Any]) -> None:
    """Revs are exactly 1…N."""
    revs = [action["rev"] for action in log["actions"]]
    assert revs == list(range(1, len(revs) + 1))
    assert log["rev"] == len(revs)


def once(actions: Sequence[Mapping[str, Any]]) -> None:
    """No id stands there twice."""
    ids = [action["id"] for action in actions]
    assert len(ids) == len(set(ids)), sorted(id_ for id_ in set(ids) if ids.count(id_) > 1)


def acknowledged(calls: Iterable[Call], actions: Sequence[Mapping[str, Any]]) -> None:
    """What was called committed stands at that rev with that payload."""
    for call in calls:
        if call.status == "committed":
            assert call.answer is not None
            there = actions[call.answer["rev"] - 1]
            assert there["id"] == call.id, (call, there)
            said = {k: v for k, v in call.answer["action"].items() if k != "rev"}
            assert said == {k: v for k, v in there.items() if k != "rev"}
            assert call.code == 0


def nothing_invented(
    calls: Iterable[Call], actions: Sequence[Mapping[str, Any]], foreign: Sequence[str]
) -> None:
    """Every action is one that somebody asked for, and was not told it had not been done."""
    asked: dict[str, list[Call]] = {}
    for call in calls:
        asked.setdefault(call.id, []).append(call)
    for action in actions:
        if action["id"] in foreign:
            continue
        assert action["id"] in asked, action
        mine = asked[action["id"]]
        assert {call.person for call in mine} == {action["actor"]}
        assert not all(call.status in ("refused", "not_recorded", "conflict") for call in mine), (
            action,
            mine,
        )


def each_expects_the_one_before(actions: Iterable[Mapping[str, Any]]) -> None:
    """Who expected something found it: of two with the same base one committed."""
    last: dict[str, str] = {}
    for action in actions:
        if action.get("expect") is not None:
            assert action["expect"] == last.get(action["item"], ""), action
        last[action["item"]] = action["id"]


def conflicts_are_true(calls: Iterable[Call], actions: Sequence[Mapping[str, Any]]) -> None:
    """Who was told of a conflict is not in the log, and what was named is."""
    ids = {action["id"]: action for action in actions}
    committed = {call.id for call in calls if call.status == "committed"}
    for call in calls:
        if call.status != "conflict" or call.id in committed:
            continue
        assert call.code == 4
        assert call.id not in ids, call
        assert call.answer is not None
        current = call.answer["current"]
        if current is not None:
            assert ids[current["id"]]["rev"] == current["rev"]
            seen = call.arguments[call.arguments.index("--seen") + 1] if "--seen" in call.arguments else ""
            assert current["id"] != seen, call


def in_order_of_time(calls: Sequence[Call]) -> None:
    """Who was answered before another began stands before it."""
    began: dict[str, float] = {}
    answered: dict[str, Call] = {}
    for call in calls:  # a repetition may only confirm what an earlier call, killed since, had done
        began[call.id] = min(call.started, began.get(call.id, call.started))
        if call.status == "committed":
            answered.setdefault(call.id, call)
    for one in answered.values():
        for other in answered.values():
            if one.ended < began[other.id]:
                assert one.answer is not None
                assert other.answer is not None
                assert one.answer["rev"] < other.answer["rev"], (one, other)


def nothing_lost(calls: Iterable[Call], actions: Sequence[Mapping[str, Any]], waiting: Iterable[str]) -> None:
    """What was queued is in the log once, or listed as waiting."""
    ids, listed = {action["id"] for action in actions}, set(waiting)
    for call in calls:
        if call.status == "queued":
            assert call.code == 75
            assert call.id in ids or call.id in listed, call


def prefix(earlier: Sequence[bytes], later: Sequence[bytes]) -> None:
    """The log only ever grew, byte for byte."""
    assert list(later[: len(earlier)]) == list(earlier)
    for line in later:
        assert isinstance(json.loads(line), dict)


STATES = {"escalate": "escalated", "resolve": "resolved", "reopen": "open", "snooze": "snoozed"}


def folded(actions: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The blockers a reader of the log would expect: state, summary, owner and the last action."""
    found: dict[str, dict[str, Any]] = {}
    for action in actions:
        item, kind, args = action["item"], action["kind"], action["args"]
        if kind == "open" and item not in found:
            found[item] = {"summary": args["summary"], "owner": args.get("owner"), "state": "open"}
        if item in found:
            known = found[item]
            known["last_action"] = action["id"]
            if kind == "assign":
                known["owner"] = args["owner"]
            elif kind == "acknowledge":  # it overturns nothing
                known["state"] = "acknowledged" if known["state"] == "open" else known["state"]
            elif kind in STATES:
                known["state"] = STATES[kind]
    return found


def as_folded(reader: Person, actions: Sequence[Mapping[str, Any]]) -> None:
    """The blockers shown are what the log says."""
    shown = reader.ask("blockers")
    assert shown["rev"] == len(actions)
    mine = folded(actions)
    theirs = {
        blocker["id"]: {key: blocker[key] for key in ("summary", "owner", "state", "last_action")}
        for blocker in shown["blockers"]
        if blocker["last_action"] is not None
    }
    assert theirs == mine
