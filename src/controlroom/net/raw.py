"""Answers as they come, whatever they are: for evidence, not for reading.

The same bounded exchange as everywhere (`fetch`), but nothing of the answer is judged: a refusal, a redirect
and an error page are kept like any other answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import httpx

from controlroom.config.secrets import REDACTED, redact
from controlroom.domain.frozen import dataclass
from controlroom.domain.secret import SecretRef
from controlroom.domain.text import clean
from controlroom.net.fetch import Answer, Api, Endpoint, Resolve

LIMIT = 8 * 1024 * 1024
"""Bytes of one body; of a longer one nothing is kept, as a part of it would be no answer."""

_SECRET = re.compile(
    r"token|secret|pass|pwd|auth|sig|credential|session|cookie|(?:^|[^a-z])(?:key|code|pin)(?:$|[^a-z])"
    r"|api[-_.]?key|access[-_.]?key",
    re.IGNORECASE,
)
"""Names of query parameters whose values nobody is to read."""


@dataclass(frozen=True, slots=True)
class Address:
    """Somewhere to ask that is no configured server."""

    id: str
    url: str
    timeout: float = 5.0
    username: str | None = None
    password: SecretRef | None = None
    token: SecretRef | None = None
    ca: str | None = None
    verify: bool = True


class Target(NamedTuple):
    """An address in two parts: what an `Api` is made for, and what is asked of it."""

    base: str
    path: str


class Taker(Api):
    """An API of which every answer is taken as it is."""

    def __init__(self, endpoint: Endpoint, resolve: Resolve) -> None:
        super().__init__(endpoint, resolve, limit=LIMIT)

    def _refused(self, response: httpx.Response) -> None:
        """No answer is refused."""

    async def take(self, path: str, form: Mapping[str, str] | None = None) -> Answer:
        """The answer to a GET of `path`, or to `form` posted there. Raises FetchError where none came."""
        return await (self.get(path) if form is None else self.post(path, form))


def parted(url: str) -> Target:
    """`url` as a `Target`. One that is none stays in the base, and is refused when it is asked."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return Target(url, "")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return Target(urlunsplit((parts.scheme, parts.netloc, "", "", "")), path)


def without_secrets(url: str, secrets: Iterable[str] = ()) -> str:
    """`url` as it may be written down: without user and password, with the values of query parameters that
    hold a secret by their name, and `secrets` wherever they stand, blotted out."""
    try:
        parts = urlsplit(clean(url, 2_000))
        host = parts.netloc.rpartition("@")[2]
        asked = [_shown(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        return "an unreadable url"
    return redact(urlunsplit((parts.scheme, host, parts.path, "&".join(asked), "")), secrets)


def _shown(name: str, value: str) -> str:
    shown = REDACTED if _SECRET.search(name) else quote(value, safe="/:,;.{}[]()=~*@ ").replace(" ", "+")
    return f"{quote(name, safe='[]')}={shown}"
