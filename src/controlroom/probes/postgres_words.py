"""What PostgreSQL, and PgBouncer before it, answer instead of a session or rows, in plain words.

The SQLSTATE decides (documentation, Appendix A); words of the server are looked at only where one code means
several things, and are English only where the server speaks English.
"""

from __future__ import annotations

import re
from typing import Any

import asyncpg

from controlroom.domain.services import Health
from controlroom.probes.port import Trouble
from controlroom.probes.postgres_link import STRANGER
from controlroom.probes.postgres_where import Where
from controlroom.probes.wording import foreign, seconds, trouble, verbatim

ASYNCPG = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises."""

_TELLING = ("08", "0A", "25", "28", "3D", "3F", "42", "53", "54", "55", "57", "58", "F0", "XX")
"""Classes whose message is about the statement or the server; those of others may hold users' values."""

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_STOPPING = "shutting down"
_CRASHED = "in recovery after a crash"

_NOT_NOW = (
    ("starting up", "starting up", Health.DEGRADED),
    ("shutting down", _STOPPING, Health.DOWN),
    ("recovery mode", _CRASHED, Health.DEGRADED),
    ("not yet accepting", "starting up, not yet consistent", Health.DEGRADED),
    ("not accepting", "does not accept connections", Health.DEGRADED),
)
"""What 57P03 says. What has begun to stop lets nobody in any more, however long it waits for its last."""

_POOLER = (
    ("no such user", "no such user: {user}"),
    ('role "', "no such user: {user}"),
    ("no such database", "no such database: {database}"),
    ("does not exist", "no such database: {database}"),
    ("no more connections", "refuses: too many connections (max_client_conn)"),
    ("password authentication failed", "user name or password refused (28P01)"),
    ("authentication failed", "user name or password refused (28P01)"),
    ("query_wait_timeout", "PgBouncer has no connection to its server left"),
    ("login has been failing", "PgBouncer cannot log in to its server"),
    ("cannot connect to server", "PgBouncer cannot connect to its server"),
    ("connect failed", "PgBouncer cannot connect to its server"),
)
"""PgBouncer has one code for all of it, 08P01."""


def trouble_of(error: BaseException, where: Where, with_password: bool) -> Trouble:
    """`error`, raised while connecting or asking, as a Trouble; DEGRADED where it only says "not yet"."""
    if isinstance(error, Trouble):
        return error
    said = _server_error(error)
    if said is not None:
        return _refusal(said, where, with_password)
    if isinstance(error, asyncpg.PostgresConnectionError):  # asyncpg's own: it stands for the end of a socket
        cause = error.__cause__
        return trouble(cause, where.host) if cause else Trouble("closed the connection without an answer")
    if isinstance(error, asyncpg.InterfaceError):
        return _interface(error)
    if isinstance(error, asyncpg.InternalClientError) and "authentication:" in str(error):
        return Trouble("logging in fails: what it answers is not understood")
    if isinstance(error, ASYNCPG):
        return Trouble(STRANGER)
    return trouble(error, where.host)


def failure(error: BaseException, deadline: float) -> Trouble | None:
    """Why the configured statement did not succeed, None where `error` is not about it.

    `deadline` is how many seconds the whole probe has. UNKNOWN is what the statement itself is to blame for.
    """
    said = _server_error(error)
    if said is None:
        return None
    code = _code(said)
    if code in ("25006", "42601"):
        return Trouble(f"postgres.query cannot be run: {_words(said)}", Health.UNKNOWN, raw=_raw(said))
    if code == "57014":
        return Trouble(f"the query takes too long, {seconds(deadline)} at most (57014)", raw=_raw(said))
    if code == "42501":
        return Trouble(f"this user may not do that: {_words(said)}", raw=_raw(said))
    return Trouble(_words(said), raw=_raw(said))


def may_not_see(error: BaseException) -> str | None:
    """Why there are no facts, where the server refuses the question for them but does answer."""
    said = _server_error(error)
    return _words(said) if said is not None and _code(said)[:2] in ("42", "0A", "25") else None


def is_about_login(error: BaseException) -> bool:
    """Another password might do."""
    said = _server_error(error)
    return said is not None and (_code(said)[:2] == "28" or "authentication failed" in (said.message or ""))


def is_forgotten(error: BaseException) -> bool:
    """The server no longer knows a statement that it had prepared."""
    said = _server_error(error)
    return said is not None and _code(said) in ("26000", "0A000")


def _refusal(said: Any, where: Where, with_password: bool) -> Trouble:
    code, message, raw = _code(said), said.message or "", _raw(said)
    user, database = foreign(where.user, 30), foreign(where.database, 30)
    if code == "57P03":
        known = ((words, health) for part, words, health in _NOT_NOW if part in message)
        now, health = next(known, (_words(said), Health.DEGRADED))
        return Trouble(now, health, raw=raw)
    if code == "57P01":
        return Trouble(_STOPPING, raw=raw)
    if code == "57P02":
        return Trouble(_CRASHED, Health.DEGRADED, raw=raw)
    if code == "28P01":
        asks = "user name or password refused" if with_password else "asks for a password"
        return Trouble(f"{asks} (28P01)", raw=raw)
    if code == "28000":
        return Trouble(_not_let_in(message, user, database) or _words(said), raw=raw)
    if code == "3D000":
        return Trouble(f"no such database: {database} (3D000)", raw=raw)
    if code == "53300":
        whose = (
            " for this user" if "role" in message else " for this database" if "database" in message else ""
        )
        return Trouble(f"refuses: too many connections{whose} (53300)", raw=raw)
    if code == "42501":
        return Trouble(f"user {user} may not use database {database} (42501)", raw=raw)
    if code == "55000":
        return Trouble(f"database {database} takes no connections (55000)", raw=raw)
    if code == "08P01":
        return Trouble(_pooler(message, user, database) or _words(said), raw=raw)
    return Trouble(_words(said), raw=raw)


def _not_let_in(message: str, user: str, database: str) -> str:
    """What 28000 means; empty where it is not known."""
    plain = " without TLS" if "no encryption" in message or "SSL off" in message else ""
    if "no pg_hba.conf entry" in message:
        return f"pg_hba.conf has no entry for {user} at {database} from here{plain} (28000)"
    if "pg_hba.conf rejects" in message:
        return f"pg_hba.conf rejects {user} at {database} from here{plain} (28000)"
    if "valid client certificate" in message:
        return "asks for a client certificate (28000)"
    if "certificate authentication failed" in message:
        return f"the client certificate is not one for {user} (28000)"
    if "does not exist" in message:
        return f"no such user: {user} (28000)"
    if "not permitted to log in" in message:
        return f"user {user} may not log in (28000)"
    return ""


def _pooler(message: str, user: str, database: str) -> str:
    if "unsupported startup parameter" in message:
        name = foreign(message.rpartition(":")[2], 40)
        return f"refuses the startup parameter {name}: add it to ignore_startup_parameters of PgBouncer"
    words = next((words for part, words in _POOLER if part in message), "")
    return words.format(user=user, database=database)


def _interface(error: BaseException) -> Trouble:
    text = str(error)
    if "server signature" in text:
        return Trouble("does not prove that it knows the password (SCRAM)")
    if "unsupported" in text:
        name = foreign(text.rpartition(":")[2].strip(" '"), 40)
        return Trouble(f"asks for an unknown authentication: {name}")
    return Trouble("closed the connection without an answer" if "closed" in text else STRANGER)


def _server_error(error: BaseException) -> Any:
    """The server's own error in `error` or behind it; None where it said nothing."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, asyncpg.PostgresError) and getattr(seen, "severity", None):
            return seen
        seen = seen.__cause__
    return None


def _code(said: Any) -> str:
    return foreign(said.sqlstate or "", 5)


def _words(said: Any) -> str:
    """``42P01 relation "x" does not exist``."""
    code = _code(said)
    if code[:2] in _TELLING:
        return f"{code} {foreign(said.message or '', 90)}"  # its DETAIL may hold rows
    name = type(said).__name__.removesuffix("Error")
    return f"{code} {_WORDS.sub(' ', name).lower()}"


def _raw(said: Any) -> str:
    lines = {"severity": said.severity, "code": _code(said), "message": _words(said)[6:]}
    return verbatim("\n".join(f"{key}: {value}" for key, value in lines.items()))
