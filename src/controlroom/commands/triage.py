"""Commands that act on blockers and cards."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from controlroom.commands.common import Given, given
from controlroom.commands.handing_in import Handed, hand_in, look
from controlroom.domain.actions import Action, Kind, Outcome
from controlroom.headless import actions, output
from controlroom.headless.problems import QUEUED, UNREACHABLE, Usage, complain, say

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.wiring import Room


def blocker(options: Namespace) -> int:
    """One verb on a blocker; `open` makes one."""
    asked = given(options)
    config = asked.config()
    verb: Kind = options.verb
    if verb == "escalate":
        return _escalate(asked, config)
    item = "" if verb == "open" else options.item
    return tell(asked, hand_in(asked, config, verb, item, _args(options)))


def item(options: Namespace) -> int:
    """One verb on a card."""
    asked = given(options)
    config = asked.config()
    kind: Kind = options.verb if options.verb != "set" else _change(options)
    handed = hand_in(asked, config, kind, options.item, _args(options))
    became = handed.became
    if kind in ("status", "undo") and isinstance(became, Outcome) and became.status == "committed":
        document = _written_back(config, handed, became.action)
        if kind == "status" or document is not None:
            return tell(asked, handed, document=document)
    return tell(asked, handed)


def _written_back(config: Config, handed: Handed, action: Action) -> Mapping[str, Any] | None:
    """The cell of its document that was moved with the card, where the configuration asks for that always.

    A move that is taken back is taken back there, too, unless the cell says something else by now.
    """
    from controlroom.headless.sweeping import run

    desk = handed.room.desk
    card = next((card for card in handed.seen.declared_items if card.id == action.item), None)
    if config.documents.write_back != "always" or card is None:
        return None
    status: Any = action.args.get("status")
    if action.kind == "undo":
        move = _undone(handed, action)
        if move is None or move.kind != "status" or move.args.get("status") != card.status:
            return None
        status = move.args.get("was")
        if not isinstance(status, str) or status == card.status_text:
            return None
    edit = run(desk.preview(card, status))
    problem = edit if isinstance(edit, str) else run(desk.write(edit))
    if isinstance(edit, str) or problem:
        complain("its document is as it was", problem)
        return None
    say(f"controlroom: {edit.path}:{edit.line}: {edit.before} → {edit.after}")
    return {"path": edit.path, "line": edit.line, "before": edit.before, "after": edit.after}


def _change(options: Namespace) -> Kind:
    """Which of the changes `item set` makes: one a call, since each is an action of its own."""
    squads = options.owning is not None or options.blocking is not None
    changes: dict[Kind, bool] = {
        "status": options.status is not None,
        "assign": options.owner is not None,
        "wait-on": squads,
    }
    asked_for = [kind for kind, given_ in changes.items() if given_]
    if len(asked_for) != 1:
        what = "several changes at once" if asked_for else "nothing to set"
        raise Usage(what, "item set", "give one of --status, --owner, and --owning with --blocking")
    return asked_for[0]


def _args(options: Namespace) -> Mapping[str, Any]:
    """The options of a verb as the arguments of its action; None where one was not given."""
    match options.verb:
        case "open":
            return {
                "summary": options.summary,
                "owner": options.owner,
                **_squads(options),
                "item": options.card,
                "eta": options.eta,
                "opened_at": options.opened_at,
                "links": options.link,
                "text": options.text,
                "about": options.about,
            }
        case "assign":
            return {"owner": options.to}
        case "set":
            return {**_squads(options), "owner": options.owner, "status": options.status}
        case "wait-on":
            return _squads(options)
        case "escalate":
            return {"next_update": options.eta}
        case "snooze":
            return {"until": options.until, "why": options.why}
        case "resolve":
            return {"mitigation": options.mitigation}
        case "reopen":
            return {"why": options.why}
        case "note":
            return {"text": options.text}
    return {}


def _squads(options: Namespace) -> Mapping[str, Any]:
    return {"owning_squad": options.owning, "blocking_squad": options.blocking}


def tell(asked: Given, handed: Handed, **more: Any) -> int:
    """Print what became of an action; its exit code. `more` joins the JSON document."""
    became = handed.became
    if not isinstance(became, Outcome):
        item = "" if handed.intent.kind == "open" else handed.intent.item
        if asked.options.json:
            output.document({**actions.refusal(became, handed.intent.id, item), **more})
        complain(became.reason, _option(handed.intent.kind, became.field) or item, became.remedy)
        return actions.EXIT["refused"]
    return tell_outcome(asked, became, _undone(handed, became.action), **more)


def _option(kind: Kind, field: str) -> str:
    """What an argument is called on the command line."""
    if kind == "assign" and field == "owner":
        return "--to, --owner"
    if kind == "note" and field == "text":
        return "TEXT"
    return _OPTIONS.get(field, f"--{field.replace('_', '-')}" if field else "")


_OPTIONS: Mapping[str, str] = {
    "item": "ID",
    "next_update": "--eta",
    "owning_squad": "--owning",
    "blocking_squad": "--blocking",
    "links": "--link",
    "ritual": "--until",
}


def tell_outcome(asked: Given, became: Outcome, undone: Action | None = None, **more: Any) -> int:
    """Print what became of an action that was handed in; its exit code."""
    if asked.options.json:
        output.document({**actions.result(became), **more})
    elif became.status in ("committed", "queued"):
        output.text(actions.outcome_line(became, undone))
    _explain(became)
    return actions.EXIT[became.status]


def _undone(handed: Handed, action: Action) -> Action | None:
    """What an undo took back."""
    ledger = handed.seen.ledger
    history = ledger.of(action.item) if ledger is not None else ()
    undoes = action.args.get("undoes")
    return next((entry.action for entry in history if entry.action.id == undoes), None)


def _explain_conflict(became: Outcome) -> None:
    """What the other did, who, when; and how to go on."""
    action, current = became.action, became.current
    if (current is not None and current.action.id == action.id) or (current is None and not action.expect):
        said = "" if current is None else actions.line(current.action, current.rev)
        complain(became.reason or "this id belongs to another action", said, "give another --id, or none")
        return
    seen = "''" if current is None else current.action.id
    complain(
        actions.outcome_line(became),
        "",
        f"look at it, then repeat with --seen {seen}, or without --seen; if it waits in the outbox: "
        f"controlroom outbox again {action.id}, or drop {action.id}",
    )


def _explain(became: Outcome) -> None:
    """On stderr: why it is not simply committed, and what to do about it."""
    if became.status == "conflict":
        _explain_conflict(became)
    elif became.status == "queued":
        remedy = became.remedy or "controlroom outbox shows it, controlroom outbox drain delivers it"
        complain("it waits in the outbox", became.reason, remedy)
    elif became.status == "not_recorded":
        complain("IT IS NOT RECORDED", became.reason or actions.said(became.action), became.remedy)
    elif became.reason:
        complain("it is committed", became.reason, became.remedy)


def _escalate(asked: Given, config: Config) -> int:
    """Escalate, then show, keep and, when asked to, post what the channel is told."""
    options = asked.options
    if options.post and config.triage.webhook is None:
        remedy = 'add [triage].webhook, such as { env = "ESCALATION_WEBHOOK" }, or leave out --post'
        raise Usage("there is no webhook to post to", "--post", remedy)
    handed = hand_in(asked, config, "escalate", options.item, _args(options))
    became = handed.became
    if not isinstance(became, Outcome) or became.status not in ("committed", "queued"):
        return tell(asked, handed)
    room, text = _channel_text(asked, config, became.action.item)
    file = _kept(room, became, text)
    posted = _posted(room, became, text) if options.post else None
    code = tell(asked, handed, text=text or None, text_file=file, posted=posted)
    if not options.json and text:
        output.text(f"\n{text}")
    return UNREACHABLE if posted is False and code != QUEUED else code


def _channel_text(asked: Given, config: Config, item: str) -> tuple[Room, str]:
    """What the channel is told about the blocker as it is after the action; empty where that is not known."""
    from controlroom.reports import escalation

    room, seen = look(asked, config)
    found = next((one for one in seen.blockers if one.id == item), None)
    if found is None:
        complain("there is no text for the channel", item, "it cannot be read what the blocker is about")
        return room, ""
    return room, escalation.text(found, seen, asked.now(), config.triage.channel)


def _kept(room: Room, became: Outcome, text: str) -> str | None:
    """Path of the file with the text, in the user's state folder."""
    from controlroom.domain.text import dashed
    from controlroom.headless.sweeping import run

    if not text:
        return None
    name = dashed(became.action.item)[:80] or "blocker"
    kept = run(room.desk.keep_text(f"{name}-{dashed(became.action.id)[:40]}", text))
    if isinstance(kept, str):
        complain("the text for the channel cannot be kept in a file", kept)
        return None
    say(f"controlroom: the text for the channel is in {kept}")
    return str(kept)


def _posted(room: Room, became: Outcome, text: str) -> bool:
    """Whether the webhook took the text. What is only queued is not told to anybody yet."""
    from controlroom.headless.sweeping import run

    if became.status != "committed" or not text:
        remedy = f"repeat it with --id {became.action.id} once it is"
        complain("nothing is posted", "the escalation is not committed yet", remedy)
        return False
    problem = run(room.desk.post(text))
    if problem:
        remedy = f"the escalation itself is committed; repeat it with --id {became.action.id} to post again"
        complain("the text could not be posted", problem, remedy)
    return not problem
