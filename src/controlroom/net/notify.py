"""One notice to one channel: what is sent, by which reference, and why it was not taken."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING

from controlroom.domain import notice as values

if TYPE_CHECKING:
    from controlroom.config.values import Channel, Config
    from controlroom.domain.notice import Notice
    from controlroom.domain.program import Program

TIMEOUT = 10.0
"""Seconds that one attempt may take, once its address is known."""


class Undelivered(Exception):
    """Why a notice was not taken, in plain words without the address; see `webhook.NotPosted`."""

    def __init__(self, reason: str, *, later: float | None = None, refused: bool = False) -> None:
        self.later, self.refused = later, refused
        super().__init__(reason)


def shown(channel: Channel | None, notice: Notice, program: Program) -> str:
    """What `channel` is sent, as it is read there: the text of a chat, or the JSON."""
    if channel is None or channel.kind == "slack":
        return values.text(notice, program)
    return json.dumps(values.as_json(notice, program), ensure_ascii=False, indent=2) + "\n"


async def deliver(channel: Channel, notice: Notice, config: Config) -> None:
    """Send `notice` once. Its address is resolved now, and forgotten. Raises Undelivered."""
    from controlroom.config import secrets
    from controlroom.net.threads import in_daemon

    if channel.webhook is None:
        raise Undelivered("it has no webhook")
    # Its client takes a tenth of a second to import: in a thread, so that keys are answered.
    webhook = await in_daemon(import_module, "controlroom.net.webhook")
    text = shown(channel, notice, config.program)
    content = webhook.body(text) if channel.kind == "slack" else text.encode("utf-8", "replace")
    try:
        url = await in_daemon(secrets.resolve, channel.webhook, config.folder)
        await webhook.send(url, content, TIMEOUT, f"the webhook of [[notify]] {channel.id}")
    except secrets.SecretUnavailable as problem:
        raise Undelivered(str(problem)) from None
    except webhook.NotPosted as problem:
        said = f"{problem.reason}; {problem.remedy}" if problem.remedy else problem.reason
        raise Undelivered(said, later=problem.later, refused=problem.refused) from None
