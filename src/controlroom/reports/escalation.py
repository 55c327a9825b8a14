"""What the escalation channel is told about a blocker: plain text, every line a fact.

Nothing here is markup, and nothing that somebody wrote into a blocker calls a whole channel together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from controlroom.domain import waiting, zones
from controlroom.domain.actions import Action
from controlroom.domain.fold_args import acted, effective
from controlroom.domain.instants import duration
from controlroom.domain.ranking import state_at
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean
from controlroom.domain.triage import SLA_BREACH, Blocker, age, sla

NOTES = 3
"""Notes that are repeated, the latest ones."""

LISTED = 8
"""Squads, milestones or links named in one text; the rest are counted."""

LINE = 500
"""Longest text of one fact, in characters."""

_CALL = re.compile(r"(?<![\w@])@(?=(?:channel|here|everyone|group|all|room|team)\b)", re.IGNORECASE)


def text(blocker: Blocker, snapshot: Snapshot, now: datetime, channel: str = "") -> str:
    """What `channel` is told about `blocker` at `now`, with a final newline.

    Times are the programme's and UTC. Whatever nobody declared is said to be missing.
    """
    return "".join(f"{line}\n" for line in _lines(blocker, snapshot, now, channel))


def _lines(blocker: Blocker, snapshot: Snapshot, now: datetime, channel: str) -> Iterator[str]:
    program = snapshot.program
    to = f" for {_said(channel, 80)}" if channel else ""
    yield f"Escalation{to}: {_said(blocker.summary) or 'no summary'}"
    if program.title:
        yield f"Programme: {_said(program.title, 120)}"
    if blocker.text and blocker.text != blocker.summary:
        yield f"What: {_said(blocker.text)}"
    yield from _card(blocker, snapshot)
    yield f"Who waits: {_waits(blocker, snapshot)}"
    yield f"Owner: {_said(blocker.owner or '', 120) or 'nobody is named'}"
    yield from _clock(blocker, program.zone, now)
    yield f"Next update: {_due(blocker.next_update_due, program.zone, now) or 'no time is named'}"
    if blocker.eta is not None:
        yield f"ETA: {_due(blocker.eta, program.zone, now)}"
    yield from _affected(blocker, snapshot)
    yield from _tried(blocker, snapshot)
    yield from _links(blocker, snapshot)
    yield f"Id: {_said(blocker.id, 120)}"


def _said(written: str, limit: int = LINE) -> str:
    """Foreign text on one line, which mentions nobody but by name."""
    return _CALL.sub("@ ", clean(written, limit).strip())


def _card(blocker: Blocker, snapshot: Snapshot) -> Iterator[str]:
    if blocker.item is None:
        return
    card = next((item for item in snapshot.items if item.id == blocker.item), None)
    named = f"{_said(card.epic, 200)} ({_said(blocker.item, 120)})" if card else _said(blocker.item, 120)
    due = f", due {card.due.isoformat()}" if card and card.due else ""
    yield f"Holds up: {named}{due}"


def _waits(blocker: Blocker, snapshot: Snapshot) -> str:
    if not blocker.owning_squad and not blocker.blocking_squad:
        return "nobody said which squad waits on which"
    waiter, on = (_squad(name, snapshot) for name in (blocker.owning_squad, blocker.blocking_squad))
    return f"{waiter} waits on {on}"


def _squad(name: str | None, snapshot: Snapshot) -> str:
    if not name:
        return "a squad that nobody named"
    squad = snapshot.program.squad(name)
    return _said((squad.name or squad.id) if squad else name, 120)


def _clock(blocker: Blocker, zone: str, now: datetime) -> Iterator[str]:
    """Since when it is open, in which state, and where that stands against the four hours."""
    seconds = age(blocker, now)
    if blocker.opened_at is None or seconds is None:
        seen = blocker.first_seen
        bound = f", at least since {_at(seen, zone)}, {_ago(seen, now)}" if seen else ""
        yield f"Open since: nobody wrote when{bound}"
    else:
        by = f" by {_said(blocker.opened_by, 80)}" if blocker.opened_by else ""
        yield f"Open since: {_at(blocker.opened_at, zone)}, {_ago(blocker.opened_at, now)}{by}"
    yield f"State: {_state(blocker, zone, now)}"
    if state_at(blocker, now) == "resolved":
        return
    if blocker.opened_at is None or seconds is None:
        yield "SLA: unknown, as the four hours count from the opening"
        return
    limit = blocker.opened_at + timedelta(seconds=SLA_BREACH)
    over = seconds - SLA_BREACH
    standing = {"breach": "BREACH", "due_soon": "due soon"}.get(sla(blocker, now), "kept")
    left = f"{duration(over)} over" if over > 0 else f"{duration(-over)} left"
    yield f"SLA: {standing}, {left}; the limit of 4 h is {_at(limit, zone)}"


def _state(blocker: Blocker, zone: str, now: datetime) -> str:
    state = state_at(blocker, now)
    if state == "acknowledged" and blocker.acknowledged_by:
        return f"acknowledged by {_said(blocker.acknowledged_by, 80)}"
    at = {
        "escalated": blocker.escalated_at,
        "resolved": blocker.resolved_at,
        "snoozed": blocker.snoozed_until,
    }.get(state)
    if at is None:
        return "not acknowledged" if state == "open" else state
    return f"{state} {'until' if state == 'snoozed' else 'since'} {_at(at, zone)}"


def _at(instant: datetime, zone: str) -> str:
    """``Mon 2025-10-06 09:00 PDT (2025-10-06 16:00 UTC)``."""
    here = zones.label(instant, zone, dated=True)
    there = f"{zones.local(instant, 'UTC'):%Y-%m-%d %H:%M} UTC"
    return f"{here} ({there})" if not here.endswith(" UTC") else here


def _ago(instant: datetime, now: datetime) -> str:
    return f"{duration((now - instant).total_seconds())} ago"


def _due(instant: datetime | None, zone: str, now: datetime) -> str:
    if instant is None:
        return ""
    left = (instant - now).total_seconds()
    return f"{_at(instant, zone)}, " + (f"in {duration(left)}" if left >= 0 else f"{duration(-left)} overdue")


def _affected(blocker: Blocker, snapshot: Snapshot) -> Iterator[str]:
    """Squads that wait on the one that is held up, directly or not, and what a service holds up."""
    behind = _behind(blocker, snapshot)
    if behind:
        yield f"Held up behind it: {_some([_squad(name, snapshot) for name in behind])}"
    kind, _, about = (blocker.about or "").partition(":")
    state = next((s for s in snapshot.services if kind == "service" and s.service.id == about), None)
    if state is None:
        return
    why = f", {_said(state.reason, 200)}" if state.reason else ""
    yield f"Service: {_said(state.service.name or about, 120)} is {state.health.value}{why}"
    if state.service.squads:
        yield f"Squads that need it: {_some([_squad(name, snapshot) for name in state.service.squads])}"
    if state.service.milestones:
        known = {milestone.id: milestone.text for milestone in snapshot.program.milestones}
        named = [_said(known.get(name) or name, 200) for name in state.service.milestones]
        yield f"Milestones at stake: {_some(named, '; ')}"


def _behind(blocker: Blocker, snapshot: Snapshot) -> list[str]:
    """Ids of squads that wait on the held-up squad, nearest first."""
    held = blocker.owning_squad
    if not held:
        return []
    waiters: dict[str, list[str]] = {}
    for edge in waiting.edges(snapshot.items, snapshot.blockers):
        waiters.setdefault(edge.blocker, []).append(edge.waiter)
    found = [held]
    for squad in found:  # grows while it is walked: everybody behind somebody who waits
        found += [waiter for waiter in waiters.get(squad, ()) if waiter not in found]
    return [squad for squad in found[1:] if squad != blocker.blocking_squad]


def _some(names: list[str], between: str = ", ") -> str:
    more = [f"and {len(names) - LISTED} more"] if len(names) > LISTED else []
    return between.join([*names[:LISTED], *more])


def _tried(blocker: Blocker, snapshot: Snapshot) -> Iterator[str]:
    """The latest notes, and what helped for a while."""
    history = snapshot.ledger.of(blocker.id) if snapshot.ledger else ()
    known = {entry.action.id for entry in history}
    queued = [o.action for o in snapshot.outbox.queued if o.action.item == blocker.id]
    actions = effective(acted(history, (action for action in queued if action.id not in known)))
    notes = [(action, said) for action in actions if (said := _note(action))]
    if not notes:
        return
    yield "Tried and noted:"
    if len(notes) > NOTES:
        yield f"- {len(notes) - NOTES} earlier"
    for action, said in notes[-NOTES:]:
        who = _said(action.actor, 80) or "somebody"
        yield f"- {zones.label(action.at, snapshot.program.zone, dated=True)}, {who}: {said}"


def _note(action: Action) -> str:
    name = {"note": "text", "resolve": "mitigation"}.get(action.kind)
    written = action.args.get(name) if name else None
    return _said(written) if isinstance(written, str) else ""


def _links(blocker: Blocker, snapshot: Snapshot) -> Iterator[str]:
    for link in blocker.links[:LISTED]:
        yield f"Link: {_said(link)}"
    if len(blocker.links) > LISTED:
        yield f"Link: and {len(blocker.links) - LISTED} more"
    kind, _, about = (blocker.about or "").partition(":")
    for state in snapshot.services:
        runbook = state.service.runbook
        if kind == "service" and state.service.id == about and runbook and runbook not in blocker.links:
            yield f"Runbook: {_said(runbook)}"
    if blocker.source:
        yield f"Written in: {_said(blocker.source)}" + (f":{blocker.line}" if blocker.line else "")
