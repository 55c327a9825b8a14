"""Logging in to a Kafka broker with SASL: PLAIN (RFC 4616) or SCRAM (RFC 5802, RFC 7677).

Which of them is not configured: the broker says what it takes, and the strongest of that is used. Without
TLS, PLAIN shows the password to whoever listens; it is used there only where nothing else is offered.
"""

from __future__ import annotations

import re
from collections.abc import Container, Generator, Sequence
from typing import Any, NamedTuple

from aiokafka.conn import SaslPlainAuthenticator, ScramAuthenticator
from aiokafka.protocol.admin import SaslAuthenticateRequest, SaslHandShakeRequest

from controlroom.net.threads import in_daemon
from controlroom.probes.kafka_link import Link
from controlroom.probes.port import Trouble
from controlroom.probes.wording import foreign

MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
"""The strongest first."""

ROUNDS = 1_000_000
"""Iterations of a SCRAM hash that are done at a broker's bidding; they take a quarter of a second."""

UNKNOWN_MECHANISM, NOT_AUTHENTICATED = 33, 58
"""Error codes (Kafka protocol guide)."""

Steps = Generator[tuple[bytes, bool], bytes, None]


class Refused(Trouble):
    """The broker does not take the user name and password."""


class Offer(NamedTuple):
    """What a broker says to a mechanism: whether the login may go on with it, and what else it takes."""

    taken: bool
    mechanisms: Sequence[str]

    def best(self, but: Container[str]) -> str | None:
        """The strongest of its mechanisms that is spoken here, and is not among `but`."""
        return next((one for one in MECHANISMS if one in self.mechanisms and one not in but), None)


async def authenticate(link: Link, mechanism: str, user: str, password: str) -> None:
    """Make `link` one of `user`, after a handshake. Raises Refused, another Trouble, OSError."""
    steps = _steps(mechanism, user, password)
    said: bytes | None = None
    while True:
        try:
            token = await in_daemon(_next, steps, said)
        except (ValueError, KeyError, AssertionError, UnicodeError):
            raise Trouble(f"does not prove that it knows the password ({mechanism})") from None
        if token is None:
            return
        answer = await link.ask(SaslAuthenticateRequest(token))
        if answer.error_code == NOT_AUTHENTICATED:
            raise Refused(f"user name or password refused ({mechanism})")
        if answer.error_code:
            raise Refused(f"refuses the login: {foreign(answer.error_message, 80)}")
        said = answer.sasl_auth_bytes or b""


async def handshake(link: Link, mechanism: str) -> Offer:
    """Announce `mechanism`. Raises Trouble where the broker asks for nobody's password, OSError."""
    answer: Any = await link.ask(SaslHandShakeRequest(mechanism))
    if answer.error_code not in (0, UNKNOWN_MECHANISM):
        raise Trouble("asks for no password, but one is configured")
    offered = [foreign(one, 30) for one in answer.enabled_mechanisms or () if one]
    return Offer(not answer.error_code, offered)


def _steps(mechanism: str, user: str, password: str) -> Steps:
    made: Any
    if mechanism == "PLAIN":
        made = SaslPlainAuthenticator(loop=None, sasl_plain_username=user, sasl_plain_password=password)
        plain: Steps = made.authenticator_plain()
        return plain
    made = ScramAuthenticator(
        loop=None, sasl_plain_username=user, sasl_plain_password=password, sasl_mechanism=mechanism
    )
    scram: Steps = made.authenticator_scram()
    return scram


def _next(steps: Steps, said: bytes | None) -> bytes | None:
    """What is to be said after `said`; None at the end. Takes some milliseconds: SCRAM means to."""
    rounds = re.search(rb"(?:^|,)i=(\d+)", said or b"")
    if rounds is not None and int(rounds[1]) > ROUNDS:
        raise ValueError
    try:
        return (next(steps) if said is None else steps.send(said))[0]
    except StopIteration:
        return None
