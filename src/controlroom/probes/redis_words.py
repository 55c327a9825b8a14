"""What Redis says when it will not serve, in plain words."""

from __future__ import annotations

from controlroom.domain.frozen import dataclass
from controlroom.domain.services import Health
from controlroom.probes.port import Trouble
from controlroom.probes.wording import foreign

LOGIN_REFUSED = "user name or password refused (WRONGPASS)"
"""Another secret may be the remedy."""

_NOT_ASKED_FOR = "has no password, but one was sent"
"""The configuration here is wrong: nothing is known of the server."""

_WORDS = (
    ("WRONGPASS", LOGIN_REFUSED),
    ("INVALID USERNAME-PASSWORD", LOGIN_REFUSED),
    ("INVALID PASSWORD", LOGIN_REFUSED),
    ("NOAUTH", "asks for a password (NOAUTH)"),
    ("AUTHENTICATION REQUIRED", "asks for a password (NOAUTH)"),
    ("OPERATION NOT PERMITTED", "asks for a password (NOAUTH)"),
    ("WITHOUT ANY PASSWORD CONFIGURED", _NOT_ASKED_FOR),
    ("NO PASSWORD IS SET", _NOT_ASKED_FOR),
    ("PROTECTED MODE", "refuses: protected mode, only local clients"),
    ("MAX NUMBER OF CLIENTS", "refuses: too many clients"),
)
"""What is in the error, upper case → what it means; versions differ in their words, not in these."""

STATES = {
    "LOADING": (Health.DEGRADED, "loading its data into memory"),
    "MASTERDOWN": (Health.DEGRADED, "replica without its master, does not serve old data"),
    "MISCONF": (Health.DEGRADED, "refuses writes, it cannot save its data (MISCONF)"),
    "BUSY": (Health.DOWN, "blocked by a long script: everything else is refused (BUSY)"),
    "NOPERM": (Health.UNKNOWN, "this user has not the rights to ask how it is (NOPERM)"),
}
"""First word of the error of a server that knows who asks → what that makes of it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error reply: ``NOAUTH Authentication required.``"""

    text: str

    @property
    def code(self) -> str:
        """Its first word: ``NOAUTH``."""
        return self.text.partition(" ")[0]


def refused(refusal: Refusal) -> Trouble:
    """A server that answers with an error and nothing else."""
    if refusal.code in STATES:
        health, reason = STATES[refusal.code]
        return Trouble(reason, health)
    upper = refusal.text.upper()
    for part, words in _WORDS:
        if part in upper:
            return Trouble(words, Health.UNKNOWN if words is _NOT_ASKED_FOR else Health.DOWN)
    return Trouble(f"refuses: {foreign(refusal.text.removeprefix('ERR '), 90)}")
