"""Commands about this person's actions that are not in the log yet."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from controlroom.commands.common import Given, given
from controlroom.commands.handing_in import say_set_clock, writable
from controlroom.headless import actions, output
from controlroom.headless import outbox as shown
from controlroom.headless.problems import FINE, QUEUED, REFUSED, UNREACHABLE, Usage, complain

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.domain.snapshot import OutboxSeen
    from controlroom.stores.delivery import Delivery

_LIST = "controlroom outbox lists what waits"


def outbox(options: Namespace) -> int:
    """What waits, as it is; nothing is tried."""
    asked = given(options)
    return _show(asked, _delivery(asked.config()).pending())


def outbox_drain(options: Namespace) -> int:
    """Deliver what waits: 0 when nothing is left, 75 while something waits, 4 while there are conflicts."""
    asked = given(options)
    writable(asked)
    delivery = _delivery(asked.config())
    try:
        delivery.drain()
        seen = delivery.pending()
    finally:
        delivery.close()
    code = _show(asked, seen)
    if seen.queued:
        first = seen.queued[0]
        complain(f"{shown.left(seen)}: not all is delivered", first.reason, first.remedy)
        return code or QUEUED
    return code or (REFUSED if seen.conflicts else FINE)


def outbox_drop(options: Namespace) -> int:
    """Forget a conflicting action."""
    asked = given(options)
    writable(asked)
    delivery = _delivery(asked.config())
    dropped = delivery.drop(options.action_id)
    if dropped is None:
        raise _no_conflict(options.action_id, delivery.pending())
    if asked.options.json:
        output.document(actions.result(dropped))
    if dropped.status != "not_recorded":
        complain("it could not be dropped", dropped.reason, dropped.remedy)
        return UNREACHABLE
    if not asked.options.json:
        output.text(f"dropped: {actions.said(dropped.action)}")
    return FINE


def outbox_again(options: Namespace) -> int:
    """Hand a conflicting action in anew, over what stood in its way."""
    from controlroom import acting
    from controlroom.commands.triage import tell_outcome

    asked = given(options)
    writable(asked)
    config = asked.config()
    delivery = _delivery(config)
    now = asked.now().replace(microsecond=0)
    by = acting.who(config, options.by)
    try:
        outcome = delivery.again(options.action_id, now, acting.new_id(), by, acting.host())
        if outcome is None:
            raise _no_conflict(options.action_id, delivery.pending())
    finally:
        delivery.close()
    say_set_clock(asked, outcome.action)
    return tell_outcome(asked, outcome)


def _delivery(config: Config) -> Delivery:
    from controlroom.acting import make_delivery

    return make_delivery(config)


def _no_conflict(id_: str, seen: OutboxSeen) -> Usage:
    if any(outcome.action.id == id_ for outcome in seen.queued):
        remedy = "it may be in the log already; controlroom outbox drain delivers it"
        return Usage("it waits for the store, not for a decision", id_, remedy)
    return Usage("there is no such conflict", id_, _LIST)


def _show(asked: Given, seen: OutboxSeen) -> int:
    """Print it; 3 where the outbox itself cannot be used."""
    asked.print(lambda: shown.as_text(seen), lambda: shown.as_json(seen))
    if seen.trouble:
        complain("the outbox cannot be used", seen.trouble)
        return UNREACHABLE
    return FINE
