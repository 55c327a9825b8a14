"""Who may come in: the right name, the right origin, and the token, or the cookie that it was changed for.

A page of somewhere else must neither reach this server under a name of its own (`Host`) nor use the cookie
of somebody who is in (`Origin`). Both are compared whole, with everything that is known to be right.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

SHORTEST = 16
"""Characters of a token at least."""

LASTS = 7 * 86_400
"""Seconds for which a cookie is good: somebody on call logs in once a week."""


def made() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(32)


def is_loopback(host: str) -> bool:
    """Whether `host`, as in an address to listen at, is reached from this machine only."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def names(host: str, port: int) -> frozenset[str]:
    """What a browser on this machine calls a server that listens at `host`; empty beyond this machine."""
    if not is_loopback(host):
        return frozenset()
    called = {"localhost", f"[{host.strip('[]')}]" if ":" in host else host.casefold()}
    return frozenset(f"{name}:{port}" for name in called) | (called if port == 80 else frozenset())


class Entrance:
    """Judges requests to a server at `host` and `port` that is also known by `origins`."""

    def __init__(
        self,
        host: str,
        port: int,
        origins: Sequence[str],
        token: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        own = names(host, port)
        self.hosts = own | {urlsplit(origin).netloc.casefold() for origin in origins}
        self.origins = {f"http://{name}" for name in own} | {origin.casefold() for origin in origins}
        self._token, self._clock = token.encode(), clock
        # The cookies of two servers on one machine are sent to both.
        self._plain, self._sure = f"controlroom-{port}", "__Host-controlroom"

    def is_here(self, hosts: Sequence[str]) -> bool:
        """Whether the `Host` headers of a request name this server."""
        return len(hosts) == 1 and hosts[0].casefold() in self.hosts

    def is_ours(self, origins: Sequence[str]) -> bool:
        """Whether the `Origin` headers of a request say that a page of this server sent it."""
        return len(origins) == 1 and origins[0].casefold() in self.origins

    def opens(self, token: str) -> bool:
        """Whether `token` is the right one; how long that takes says nothing of it."""
        return _same(token.encode("utf-8", "replace"), self._token)

    def cookie_name(self, origin: str) -> str:
        """Of the cookie for pages of `origin`: where there is TLS, one that only this server can set."""
        return self._sure if origin.casefold().startswith("https:") else self._plain

    def cookie(self) -> str:
        """What the token is changed for: until when it is good, sealed with the token, which is not in it."""
        until = str(int(self._clock()) + LASTS)
        return f"{until}.{self._seal(until)}"

    def knows(self, cookies: dict[str, str]) -> bool:
        """Whether one of `cookies`, name → value, was given here and is still good."""
        return any(self._is_good(cookies.get(name, "")) for name in (self._sure, self._plain))

    def _is_good(self, cookie: str) -> bool:
        until, _, seal = cookie.partition(".")
        genuine = _same(seal.encode("utf-8", "replace"), self._seal(until).encode())
        return genuine and int(until) > self._clock()

    def _seal(self, until: str) -> str:
        words = f"controlroom cookie {until}".encode("utf-8", "replace")
        return hmac.new(self._token, words, hashlib.sha256).hexdigest()


def _same(one: bytes, other: bytes) -> bool:
    # Of digests, so that not even the length is told.
    return hmac.compare_digest(hashlib.sha256(one).digest(), hashlib.sha256(other).digest())
