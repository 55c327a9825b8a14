"""From what somebody wants to an action, or to why not (domain rules, Squads, items, blockers)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from controlroom.domain import decide_runs
from controlroom.domain.actions import KINDS, NEVER_CONFLICT, Action, Kind
from controlroom.domain.board import Item
from controlroom.domain.decide_args import Asked, No, close_to, is_word
from controlroom.domain.fold_args import (
    LINE_LIMIT,
    NAME_LIMIT,
    SUMMARY_LIMIT,
    acted,
    effective,
)
from controlroom.domain.fold_card import SAID, said_status
from controlroom.domain.frozen import dataclass
from controlroom.domain.holdings import records_of
from controlroom.domain.instants import render
from controlroom.domain.runs import DRIVING
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import SignalReading
from controlroom.domain.text import clean
from controlroom.domain.triage import Blocker
from controlroom.domain.waivers import PREFIX, counting

ON_CARDS = frozenset({"assign", "wait-on", "note", "status", "undo"})
"""Kinds that a card takes; a blocker takes every kind but ``status``."""

ON_RITUALS = frozenset().union(*decide_runs.KINDS_OF.values()) - {"note", "undo"}
"""Kinds that make sense in the holding of a ritual only."""

ON_SIGNALS = frozenset({"waive", "unwaive", "undo"})
"""Kinds that a signal takes; the first two make sense on nothing else."""

CLOCKS_APART = 60
"""Seconds that something may have been opened ahead of the author's clock."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants to do. `args` by kind, all text, instants as RFC 3339:

    open: summary, owner, owning_squad, blocking_squad, item (the card it holds up), eta, opened_at, links
    (a list), text, about · assign: owner · wait-on: owning_squad, blocking_squad · escalate: next_update ·
    snooze: until (an instant) or ritual (its id), why · resolve: mitigation · reopen: why · note: text ·
    status: status (any spelling people use) · waive: why, until (an instant) or ritual (its id) ·
    unwaive: why · direct: text · accept: why · undo: nothing · acknowledge: nothing. In a ritual, begin:
    segments and whatever else it begins with · enter: to · extend: segment, seconds · skip: segment ·
    hand-over: to · finish: whatever it ends with · decision, task, note, park: text, owner, due, segment,
    squad, about · tick, untick: evidence, why · pause, continue, take-over: nothing. All but the first
    named of a kind may be missing or empty, as far as the rules allow.
    """

    kind: Kind
    item: str
    """Id of the blocker or card, ``signal:`` and a reading id, or an item of `runs`; empty for ``open``,
    which makes an id."""
    args: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    host: str = ""
    id: str = ""
    """The action's own id, unique for ever."""
    seen: str | None = None
    """Id of the last action on the item that its author saw, ``""`` for none; None: does not care."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an intent is no action. `field` is the argument to mend, empty where none would help."""

    field: str
    reason: str
    remedy: str = ""


def decide(snapshot: Snapshot, intent: Intent, now: datetime) -> Action | Refusal:
    """The action that `intent` becomes in the room as it is, or the rule it breaks. Pure.

    What the thing's state forbids is only refused to an author who saw that state (or does not care): one
    who saw an earlier one gets the action, and the log answers with what another did since.
    """
    try:
        return _decided(snapshot, intent, now)
    except No as no:
        return Refusal(no.field, no.reason, no.remedy)


def new_blocker_id(action_id: str) -> str:
    """Id of the blocker that the action `action_id` opens: the same for every repetition of it."""
    from hashlib import sha256

    return f"b-{sha256(action_id.encode('utf-8', 'replace')).hexdigest()[:10]}"


@dataclass(frozen=True, slots=True)
class _Case:
    """What is asked, of what, and in which room."""

    snapshot: Snapshot
    intent: Intent
    now: datetime
    asked: Asked
    blocker: Blocker | None = None
    card: Item | None = None
    """Both None for a card that no document was read to know, for ``open``, and for a signal."""
    signal: SignalReading | None = None

    @property
    def current(self) -> bool:
        """Whether the author saw the thing as it is, or does not care."""
        thing = self.blocker or self.card
        seen = self.intent.seen
        if self.signal is not None:
            history = self.history()
            return seen is None or seen == (history[-1].id if history else "")
        return seen is None or thing is None or seen == (thing.last_action or "")

    def history(self) -> list[Action]:
        """Everything done about it, what this person has queued included."""
        item, ledger = self.intent.item, self.snapshot.ledger
        history = ledger.of(item) if ledger is not None else ()
        known = {entry.action.id for entry in history}
        queued = (outcome.action for outcome in self.snapshot.outbox.queued)
        return acted(history, (a for a in queued if a.item == item and a.id not in known))


def _decided(snapshot: Snapshot, intent: Intent, now: datetime) -> Action:
    if intent.kind not in KINDS:
        raise No("", f"nothing is known of the deed {clean(intent.kind, 40)}", f"one of {', '.join(KINDS)}")
    by = clean(intent.by, NAME_LIMIT).strip()
    if not by:
        raise No("by", "it is not said who does this", "give a name: [triage].by, or --by")
    if not is_word(intent.id):
        raise No(
            "id", "an action needs an id of its own", "give 1 to 200 printable characters, such as a UUID"
        )
    asked = Asked(intent.args, snapshot.program, records_of(snapshot))
    expect: str | None
    if intent.kind == "open":
        item, expect = new_blocker_id(intent.id), ""
        args = _open(_Case(snapshot, intent, now, asked))
    else:
        item, expect = intent.item, None if intent.kind in NEVER_CONFLICT else intent.seen
        if is_word(item) and (prefix := decide_runs.prefix_of(item)) is not None:
            holding = _Case(snapshot, intent, now, asked)
            args = _ritual(holding, prefix, by)
            if intent.kind == "begin":  # after a beginning that was taken back, too
                expect = next((action.id for action in reversed(holding.history())), "")
        else:
            case = _case(snapshot, intent, now, asked)
            args = _RULES[intent.kind](case)
    at = now.astimezone(UTC).replace(microsecond=0)
    kept = {name: value for name, value in args.items() if value or name == "was"}
    return Action(intent.id, item, intent.kind, kept, by, clean(intent.host, NAME_LIMIT).strip(), at, expect)


def _case(snapshot: Snapshot, intent: Intent, now: datetime, asked: Asked) -> _Case:
    """The blocker, card or signal it is about."""
    wanted = intent.item
    if not is_word(wanted):
        raise No("item", "it is not said which blocker or card this is about", "give its id")
    if wanted.startswith(PREFIX):
        return _Case(snapshot, intent, now, asked, signal=_signal(snapshot, intent))
    if intent.kind in ON_RITUALS:
        raise No("item", f"{clean(wanted, 200)} is no holding of a ritual", "it is done in a ritual only")
    if intent.kind in ("waive", "unwaive"):
        raise No("item", f"{clean(wanted, 200)} is no signal", "only a promised signal can be waived")
    blocker = next((one for one in snapshot.blockers if one.id == wanted), None)
    if blocker is not None:
        if intent.kind == "status":
            raise No(
                "item", f"{wanted} is a blocker, only cards are moved", "acknowledge, escalate or resolve it"
            )
        return _Case(snapshot, intent, now, asked, blocker=blocker)
    card = next((one for one in snapshot.items if one.id == wanted), None)
    if card is not None and intent.kind not in ON_CARDS:
        raise No("item", f"{wanted} is a card, not a blocker", "open a blocker on it first")
    case = _Case(snapshot, intent, now, asked, card=card)
    if card is None and not (intent.kind == "undo" and case.history()):
        _unknown(snapshot, intent)
    return case


def _ritual(case: _Case, prefix: str, by: str) -> dict[str, Any]:
    """The arguments of what is done in the holding of a ritual. Raises No."""
    intent = case.intent
    if intent.kind not in decide_runs.KINDS_OF[prefix]:
        raise No("item", f"{clean(intent.item, 200)} is part of a ritual", f"{intent.kind} is not done there")
    if intent.kind == "undo":
        return _undo(case)
    return decide_runs.decided(decide_runs.doing(case.snapshot, intent, case.asked, by, case.now))


def _signal(snapshot: Snapshot, intent: Intent) -> SignalReading:
    """The declared signal that is meant. Raises No."""
    wanted = intent.item.removeprefix(PREFIX)
    if intent.kind not in ON_SIGNALS:
        raise No("item", f"{clean(wanted, 200)} is a signal", "open a blocker on it, or waive it")
    found = next((one for one in snapshot.signals if one.id == wanted), None)
    if found is None:
        near = close_to(wanted, [one.id for one in snapshot.signals])
        raise No("item", f"no signal is called {clean(wanted, 200)}", near)
    return found


def _unknown(snapshot: Snapshot, intent: Intent) -> None:
    """Raises No unless it may be a card: while no document was read, nobody can say."""
    wanted = intent.item
    if any(step.id == wanted for step in snapshot.steps):
        raise No("item", f"{wanted} is a step of the schedule", "change it in its document")
    takes_cards = intent.kind in ON_CARDS
    if takes_cards and not snapshot.items and not _like_a_blocker(wanted):
        return
    ids = [blocker.id for blocker in snapshot.blockers] if intent.kind != "status" else []
    ids += [card.id for card in snapshot.items] if takes_cards else []
    what = "card" if intent.kind == "status" else "blocker or card" if takes_cards else "blocker"
    unread = "" if snapshot.ledger is not None else ", and the triage log has not been read"
    raise No("item", f"no {what} is called {clean(wanted, 200)}{unread}", close_to(wanted, ids))


def _like_a_blocker(id_: str) -> bool:
    return len(id_) == 12 and id_.startswith("b-") and all(c in "0123456789abcdef" for c in id_[2:])


def _open(case: _Case) -> dict[str, Any]:
    asked = case.asked
    summary = asked.text(
        "summary", SUMMARY_LIMIT, "a blocker needs a summary: what is in the way", "in a few words"
    )
    owner = asked.text("owner", NAME_LIMIT, "a blocker needs an owner: who drives it", "name one person")
    squads = asked.squads(needed=False)
    card = asked.text("item", 200)
    known = case.snapshot.items
    if card and known and all(card != one.id for one in (*known, *case.snapshot.steps)):
        remedy = close_to(card, [one.id for one in known])
        raise No("item", f"no card is called {card}", remedy or "leave it empty")
    opened_at = asked.instant("opened_at")
    if opened_at is not None and (opened_at - case.now).total_seconds() > CLOCKS_APART:
        raise No(
            "opened_at",
            "it cannot have been opened in the future",
            "give the time it began, or leave it empty",
        )
    eta = asked.instant("eta")
    return {
        "summary": summary,
        "owner": owner,
        **squads,
        "item": card,
        "eta": eta and render(eta),
        "opened_at": opened_at and render(opened_at),
        "links": asked.links("links"),
        "text": asked.text("text", LINE_LIMIT),
        "about": asked.text("about", 200),
    }


def _acknowledge(case: _Case) -> dict[str, Any]:
    blocker = case.blocker
    if blocker is not None and blocker.state == "resolved":
        raise No("", f"it is resolved already{_told(case, 'resolve')}", "reopen it if it is not over")
    return {}


def _assign(case: _Case) -> dict[str, Any]:
    owner = case.asked.text("owner", NAME_LIMIT, "it is not said who is to own it", "name one person")
    return {"owner": owner, **_was(case)}


def _wait_on(case: _Case) -> dict[str, Any]:
    return {**case.asked.squads(needed=True), **_was(case)}


def _escalate(case: _Case) -> dict[str, Any]:
    due = case.asked.instant("next_update")
    if due is None:
        raise No(
            "next_update", "an escalation needs the time of the next update", "say when you will tell more"
        )
    _unresolved(case)
    blocker = case.blocker
    if blocker is not None and case.current:
        if not blocker.summary.strip():
            raise No(
                "summary", "an escalation needs a summary, and this blocker has none", "open it anew with one"
            )
        if not (blocker.owner or "").strip():
            raise No("owner", "an escalation needs an owner, and nobody owns this blocker", "assign it first")
    return {"next_update": render(due)}


def _snooze(case: _Case) -> dict[str, Any]:
    ritual, until = case.asked.until(case.now)
    _unresolved(case)
    why = case.asked.text("why", LINE_LIMIT)
    return {"until": render(until), "ritual": ritual, "why": why}


def _unresolved(case: _Case) -> None:
    if case.blocker is not None and case.current and case.blocker.state == "resolved":
        raise No("", f"it is resolved{_told(case, 'resolve')}", "reopen it first if it is not over")


def _resolve(case: _Case) -> dict[str, Any]:
    mitigation = case.asked.text("mitigation", LINE_LIMIT)
    if case.blocker is not None and case.current and case.blocker.state == "resolved":
        raise No(
            "",
            f"it is resolved already{_told(case, 'resolve')}",
            "add a note, or reopen it if it is not over",
        )
    return {"mitigation": mitigation}


def _reopen(case: _Case) -> dict[str, Any]:
    why = case.asked.text("why", LINE_LIMIT)
    blocker = case.blocker
    if blocker is not None and case.current and blocker.state not in ("resolved", "snoozed"):
        raise No("", f"it is open already{_told(case, 'open', 'reopen')}, and {blocker.state}", "add a note")
    return {"why": why}


def _note(case: _Case) -> dict[str, Any]:
    return {"text": case.asked.text("text", LINE_LIMIT, "a note needs words", "write what you want to keep")}


def _status(case: _Case) -> dict[str, Any]:
    return {"status": case.asked.status("status"), **_was(case)}


def _waive(case: _Case) -> dict[str, Any]:
    ritual, until = case.asked.until(case.now)
    why = case.asked.text("why", LINE_LIMIT, "a waiver needs a reason", "say why the wave may do without")
    if case.signal is not None and not case.signal.signal.required_for_exit:
        raise No("", "no gate asks for it: it is not required for the exit", "leave it as it is")
    return {"until": render(until), "ritual": ritual, "why": why}


def _unwaive(case: _Case) -> dict[str, Any]:
    why = case.asked.text("why", LINE_LIMIT)
    waived = case.signal is not None and case.signal.id in counting(case.snapshot.waivers, case.now)
    if case.current and not waived:
        unread = "" if case.snapshot.ledger is not None else "the triage log has not been read, and "
        raise No("", f"{unread}no waiver of it counts now", "waive it first")
    return {"why": why}


def _direct(case: _Case) -> dict[str, Any]:
    _unresolved(case)
    missing = "it is not said what is to be done"
    return {"text": case.asked.text("text", LINE_LIMIT, missing, "say who does what")}


def _accept(case: _Case) -> dict[str, Any]:
    _unresolved(case)
    missing = "accepting it needs a reason"
    return {"why": case.asked.text("why", LINE_LIMIT, missing, "say why it may stay")}


def _undo(case: _Case) -> dict[str, Any]:
    """The last own action that still counts, unless another's decision rests on it."""
    history = case.history()
    counting = effective(history)
    by = clean(case.intent.by, NAME_LIMIT).strip()
    place = next((n for n in reversed(range(len(counting))) if counting[n].actor == by), None)
    if place is None:
        unread = "" if case.snapshot.ledger is not None else "the triage log has not been read, and "
        raise No(
            "", f"{unread}nothing that {by} did here is left to take back", "undo takes back your own deeds"
        )
    if case.current:
        for later in counting[place + 1 :]:
            if later.kind not in NEVER_CONFLICT or later.kind in DRIVING:
                raise No(
                    "",
                    f"{_who(later)} did something after it: {later.kind}",
                    "do what you want to be true now, as a new action",
                )
    return {"undoes": counting[place].id}


_RULES: Mapping[str, Callable[[_Case], dict[str, Any]]] = {
    "acknowledge": _acknowledge,
    "assign": _assign,
    "wait-on": _wait_on,
    "escalate": _escalate,
    "snooze": _snooze,
    "resolve": _resolve,
    "reopen": _reopen,
    "note": _note,
    "status": _status,
    "undo": _undo,
    "waive": _waive,
    "unwaive": _unwaive,
    "direct": _direct,
    "accept": _accept,
}


def _was(case: _Case) -> dict[str, Any]:
    """What the card's document says, so that a later edit of it wins; nothing where that is not known."""
    card, kind = case.card, case.intent.kind
    if card is None:
        return {}
    declared = next((one for one in case.snapshot.declared_items if one.id == card.id), None)
    if declared is not None:
        return {"was": SAID[kind](declared)}
    if kind == "status":
        return {"was": said_status(card)}
    return {"was": SAID[kind](card)} if card.last_action is None else {}


def _told(case: _Case, *kinds: str) -> str:
    """By whom and when, as far as anybody wrote it down."""
    found = _last(effective(case.history()), kinds)
    if found is not None:
        return f", by {_who(found)}"
    source = case.blocker.source if case.blocker is not None else None
    return f", as {source} says" if source else ""


def _last(actions: Sequence[Action], kinds: Iterable[str]) -> Action | None:
    return next((action for action in reversed(actions) if action.kind in kinds), None)


def _who(action: Action) -> str:
    return f"{clean(action.actor, NAME_LIMIT) or 'somebody'} at {render(action.at)}"
