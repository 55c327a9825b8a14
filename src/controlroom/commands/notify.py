"""Commands about what people outside the room are told."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from controlroom.commands.common import given
from controlroom.commands.handing_in import writable
from controlroom.headless import notify as shown
from controlroom.headless import output
from controlroom.headless.problems import FINE, Unreachable, Usage

if TYPE_CHECKING:
    from datetime import datetime

    from controlroom.config.values import Channel, Config
    from controlroom.domain.notice import Notice


def notify(options: Namespace) -> int:
    """Channels, what waits, what was told in the last day, what was given up; nothing is tried."""
    from controlroom.noticing import outbox_of

    asked = given(options)
    config = asked.config()
    outbox = outbox_of(config, os.environ)
    kept = outbox.read() if outbox is not None else ()
    trouble = outbox.trouble if outbox is not None else "there is no home folder to keep notices in"
    asked.print(
        lambda: shown.as_text(config.notify, kept, trouble, asked.now()),
        lambda: shown.as_json(config.notify, kept, trouble),
    )
    return shown.exit_code(kept, trouble if config.notify else "")


def notify_test(options: Namespace) -> int:
    """Send one message that says it is a trial; 3 where it is not taken."""
    from controlroom.headless.sweeping import run
    from controlroom.net.notify import Undelivered, deliver

    asked = given(options)
    config = asked.config()
    writable(asked)
    channel = _channel(config, options.channel)
    notice = trial(config, channel, asked.now())
    try:
        run(deliver(channel, notice, config))
    except Undelivered as problem:
        raise Unreachable(f"{channel.id} was not told", str(problem), "nothing waits: try again") from None
    if options.json:
        output.document({"channel": channel.id, "status": "sent", "id": notice.id})
    else:
        output.text(f"sent to {channel.id}: {notice.title}")
    return FINE


def trial(config: Config, channel: Channel, now: datetime) -> Notice:
    """The notice of a trial."""
    from controlroom import acting
    from controlroom.domain.instants import render
    from controlroom.domain.notice import Notice, exact

    mark = exact(f"test:{channel.id}", "sent", f"{render(now)}-{acting.new_id()[:8]}")
    by = acting.who(config)
    return Notice(
        mark[0],
        "test",
        f"test:{channel.id}",
        "sent",
        f"a test of the channel {channel.id}",
        now.replace(microsecond=0),
        text=f"Sent by {by}: nothing has happened.",
        marks=mark,
        people=(by,),
    )


def _channel(config: Config, id_: str) -> Channel:
    """The channel with that id and a webhook. Raises Usage."""
    found = next((one for one in config.notify if one.id == id_), None)
    if found is None:
        known = ", ".join(one.id for one in config.notify)
        remedy = f"there are: {known}" if known else "add [[notify]] to the configuration"
        raise Usage("there is no such channel", id_, remedy)
    if found.webhook is None:
        raise Usage("the channel has no webhook", id_, 'add webhook = { env = "SLACK_WEBHOOK" } to it')
    return found
