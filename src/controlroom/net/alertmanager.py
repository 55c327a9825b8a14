"""The HTTP API v2 of Alertmanager: what it lists, and setting and ending a silence.

Its own description is `api/v2/openapi.yaml` in its repository.
"""

from __future__ import annotations

import json
import re
from typing import Any

from controlroom.domain.silences import SilenceDraft
from controlroom.domain.text import clean
from controlroom.net.fetch import Answer, Api, FetchError, Unreachable, Unusable

ALERTS = "/api/v2/alerts"
SILENCES = "/api/v2/silences"


class NotTaken(FetchError):
    """Alertmanager understood what it was asked to do, and says why it does not do it."""


class NoSilence(NotTaken):
    """There is no such silence, or it has ended already."""


async def listed(api: Api, path: str) -> list[Any]:
    """The list at `path`, its entries as they come. Raises FetchError."""
    answer = await api.get(path)
    entries = _read(api, answer)
    if answer.status != 200 or not isinstance(entries, list):
        raise _not_alertmanager(api, answer)
    return entries


async def silence(api: Api, draft: SilenceDraft) -> str:
    """Set the silence `draft`, and return its id. Raises NotTaken, and other FetchErrors.

    It is sent once: after Unreachable it may be set all the same, and the remedy says so.
    """
    body = {
        "matchers": [
            {"name": one.name, "value": one.value, "isRegex": one.regex, "isEqual": one.equal}
            for one in draft.matchers
        ],
        "startsAt": draft.starts_at.isoformat(),
        "endsAt": draft.ends_at.isoformat(),
        "createdBy": draft.by,
        "comment": draft.comment,
    }
    try:
        answer = await api.once("POST", SILENCES, json.dumps(body).encode())
    except Unreachable as lost:
        raise _doubtful(lost, "see whether it is set before you set it again") from None
    said = _read(api, answer)
    if answer.status == 400:
        reason = f"{api.shown} does not take the silence: {_words(said)}"
        raise NotTaken(reason, "correct the matchers or the times")
    id_ = said.get("silenceID") if isinstance(said, dict) else None
    if answer.status != 200 or not isinstance(id_, str) or not id_:
        raise _not_alertmanager(api, answer)
    return clean(id_, 80)


async def expire(api: Api, id_: str) -> None:
    """End the silence `id_`. Raises NoSilence where there is none to end, and FetchError."""
    path = f"/api/v2/silence/{id_}"
    shown = clean(id_, 80)
    unknown = NoSilence(f"{api.shown} knows no silence {shown}", "take an id that controlroom alerts shows")
    if re.fullmatch(r"[\w-]{1,80}", id_, re.ASCII) is None:
        raise unknown
    # Ending one that has ended is answered like ending one that had not.
    answer = await api.get(path)
    if answer.status in (404, 422):
        raise unknown
    said = _read(api, answer)
    status = said.get("status") if isinstance(said, dict) else None
    if answer.status != 200 or not isinstance(status, dict):
        raise _not_alertmanager(api, answer)
    if status.get("state") == "expired":
        raise NoSilence(f"the silence {shown} has ended already", "nothing is left to do")
    try:
        answer = await api.once("DELETE", path)
    except Unreachable as lost:
        raise _doubtful(lost, "see whether it has ended all the same") from None
    if answer.status == 404:
        raise unknown
    if answer.status != 200:
        reason = f"{api.shown} does not end the silence: {_words(_read(api, answer))}"
        raise NotTaken(reason, "see whether it is still there")


def _doubtful(lost: Unreachable, remedy: str) -> Unreachable:
    return Unreachable(lost.reason, "; ".join(part for part in (lost.remedy, remedy) if part))


def _read(api: Api, answer: Answer) -> Any:
    """The JSON of `answer`; None where it is none. Raises Unusable while the server starts or stops."""
    if answer.status == 503:
        raise Unusable(f"{api.shown} is not ready (503)", "wait until it has started")
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def _words(said: Any) -> str:
    """What the server says is wrong: a text, or an object with a message."""
    message = said.get("message") if isinstance(said, dict) else said
    return clean(message, 300) if isinstance(message, str) and message else "it gives no reason"


def _not_alertmanager(api: Api, answer: Answer) -> Unusable:
    kind = answer.content_type.partition(";")[0] or "no content type"
    return Unusable(
        f"{api.shown} answers, but is not Alertmanager with API v2 ({answer.status}, {kind})",
        "set url to an Alertmanager, its path prefix included",
    )
