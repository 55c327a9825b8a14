"""Posts a text to a Slack-compatible webhook, or any JSON to another: one request, one deadline, once.

The URL is a secret, as whoever has it may post: no message holds any part of it.
"""

from __future__ import annotations

import asyncio
import errno
import json
import re
import socket
import ssl
from urllib.parse import urlsplit

import httpx

from controlroom import __version__
from controlroom.domain.text import clean
from controlroom.net.fetch import causes
from controlroom.net.threads import in_daemon

BODY_LIMIT = 4_096
"""Bytes of the answer that are read: Slack says ``ok``, or what is wrong in a word."""

_WORD = re.compile(rb"[a-z]{2,24}(?:_[a-z]{1,24}){0,4}\s*")


WHERE = "[triage].webhook"
"""What messages call the reference that an escalation is posted by."""


class NotPosted(Exception):
    """Why the text was not taken, or is not known to have been; in plain words, without the URL.

    `later`: seconds after which the server wants to be asked again. `refused`: it was read and not wanted, so
    that the same text would be refused again.
    """

    def __init__(
        self, reason: str, remedy: str = "", *, later: float | None = None, refused: bool = False
    ) -> None:
        self.reason, self.remedy = reason, remedy
        self.later, self.refused = later, refused
        super().__init__(reason)


async def post(url: str, text: str, timeout: float) -> None:  # noqa: ASYNC109 - one limit for all of it
    """Hand `text` to the webhook at `url` within `timeout` seconds. Raises NotPosted.

    It is sent once: after NotPosted for want of an answer it may have arrived all the same.
    """
    await send(url, body(text), timeout)


async def send(url: str, content: bytes, timeout: float, where: str = WHERE) -> None:  # noqa: ASYNC109
    """Hand `content`, JSON, to the webhook at `url`, which messages call `where`; all else as `post`."""
    try:
        await _send(url, content, timeout)
    except NotPosted as problem:
        remedy = problem.remedy.replace(WHERE, where)
        raise NotPosted(problem.reason, remedy, later=problem.later, refused=problem.refused) from None


async def _send(url: str, content: bytes, timeout: float) -> None:  # noqa: ASYNC109
    _check(url)
    try:
        async with asyncio.timeout(timeout):
            status, answer, later = await _exchange(url, content)
    except TimeoutError:
        reason = f"the webhook did not answer within {timeout:g} s; the text may have arrived"
        raise NotPosted(reason, "look at the channel before you post again") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, OSError, ValueError) as problem:
        raise NotPosted(*_explained(problem)) from None
    if not 200 <= status < 300:
        # An answer may repeat the address it came to; one word that is no part of it cannot.
        word = answer.decode().strip() if _WORD.fullmatch(answer) else ""
        again = float(min(int(later[:6]), 86_400)) if later.isascii() and later.isdecimal() else None
        refused = 400 <= status < 500 and status not in {408, 425, 429}
        told = _refused(status, "" if word in url else word, later)
        raise NotPosted(*told, later=again, refused=refused)


def body(text: str) -> bytes:
    """The JSON that is sent: `text` with the three characters escaped that Slack reads as markup."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps({"text": escaped}, ensure_ascii=False).encode("utf-8", "replace")


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise NotPosted("the webhook is no http:// or https:// address", "mend [triage].webhook")


async def _exchange(url: str, content: bytes) -> tuple[int, bytes, str]:
    """Status, the beginning of the answer, and what it says about trying again."""
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Accept-Encoding": "identity",
        "User-Agent": f"controlroom/{__version__}",
    }
    async with httpx.AsyncClient(
        verify=await in_daemon(_trust, url),
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - one deadline stands over the whole exchange
    ) as client:
        request = client.build_request("POST", url, content=content, headers=headers)
        response = await client.send(request, stream=True)
        try:
            later = clean(response.headers.get("retry-after", ""), 40)
            if 200 <= response.status_code < 300:
                return response.status_code, b"", later  # taken; what else it says changes nothing
            return response.status_code, await _beginning(response), later
        finally:
            await response.aclose()


async def _beginning(response: httpx.Response) -> bytes:
    received = bytearray()
    async for chunk in response.aiter_raw():
        received += chunk
        if len(received) > BODY_LIMIT:
            break
    return bytes(received[:BODY_LIMIT])


def _trust(url: str) -> ssl.SSLContext:
    if url[:6].casefold() != "https:":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ssl.create_default_context()


def _refused(status: int, word: str, later: str) -> tuple[str, str]:
    said = f": {word.replace('_', ' ')}" if word else ""
    reason = f"the webhook refuses the text ({status}{said})"
    if 300 <= status < 400:
        return f"the webhook redirects ({status}), which is not followed", "mend [triage].webhook"
    if status == 429:
        wait = f" in {later} s" if later.isdecimal() else " later"
        return "the webhook takes no more texts for now (429)", f"post it again{wait}"
    if status in {401, 403, 404, 410}:
        return reason, "make a new webhook for the channel and mend [triage].webhook"
    if status >= 500:
        return f"the webhook is in trouble ({status}{said})", "post it again later, or paste the text"
    return reason, "paste the text into the channel"


def _explained(problem: Exception) -> tuple[str, str]:
    """Reason and remedy for a failed exchange, from the most telling of its causes."""
    for cause in causes(problem):
        if isinstance(cause, ssl.SSLCertVerificationError):
            said = clean(cause.verify_message or "it does not verify", 120)
            return f"the webhook's certificate is refused: {said}", "see whether it is the right server"
        if isinstance(cause, ssl.SSLError):
            return "the webhook does not speak TLS as expected", "see whether it should be http or https"
        if isinstance(cause, socket.gaierror):
            return "the webhook's name is not known", "mend [triage].webhook, or the DNS"
        if isinstance(cause, ConnectionRefusedError):
            return "the webhook refuses connections", "see whether its server runs"
        if isinstance(cause, OSError) and cause.errno is not None:
            words = clean(cause.strerror or errno.errorcode.get(cause.errno, "network error"), 120)
            return f"the webhook cannot be reached: {words.lower()}", "see whether you are online"
    if isinstance(problem, httpx.UnsupportedProtocol | httpx.InvalidURL | ValueError):
        return "the webhook is no http:// or https:// address", "mend [triage].webhook"
    reason = "the webhook does not speak HTTP, or broke off; the text may have arrived"
    return reason, "look at the channel before you post again"
