"""What went wrong with a Redis server, in plain words: its errors, the network's, TLS's.

AuthenticationError is a kind of ConnectionError in redis-py, its TimeoutError is not the builtin one, and a
connection's error hides the system's own, which is in its context.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl

import redis  # noqa: F401 - whole, before its parts: two threads that each begin with another part collide
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    InvalidResponse,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as LinkError
from redis.exceptions import TimeoutError as LinkLate

from controlroom.domain.text import clean
from controlroom.stores.port import Unavailable

HIDDEN = "•••"

_ERRNO = {
    errno.ENETUNREACH: "network unreachable",
    errno.ENETDOWN: "network down",
    errno.EHOSTUNREACH: "no route to the host",
    errno.EHOSTDOWN: "host down",
    errno.ETIMEDOUT: "connection timed out",
    errno.ENOENT: "no such socket",
    errno.EACCES: "this machine forbids the connection",
    errno.EPERM: "this machine forbids the connection",
    errno.EMFILE: "too many files open here",
    errno.ENFILE: "too many files open on this machine",
    errno.EADDRNOTAVAIL: "no free port left on this machine",
}

_CERTIFICATE = {
    9: ("its certificate is not valid yet", "check the clocks"),
    10: ("its certificate has expired", "renew the server's certificate"),
    18: ("its certificate is self-signed, not trusted", "set [store].ca to that certificate"),
    19: ("its certificate is of an unknown CA", "set [store].ca to the authority's PEM file"),
    20: ("its certificate is of an unknown CA", "set [store].ca to the authority's PEM file"),
    21: ("its certificate is of an unknown CA", "set [store].ca to the authority's PEM file"),
    23: ("its certificate has been revoked", "renew the server's certificate"),
    62: ("its certificate is for another name", "write the name the certificate has in [store].url"),
    64: ("its certificate is for another address", "write the name the certificate has in [store].url"),
}
"""OpenSSL's X509_V_ERR_* numbers."""

_NO_TLS = ("does not speak TLS", "check that this port speaks TLS, or write redis:// without the second s")
_CLIENT_CERTIFICATE = ("asks for a client certificate", "set [store].cert and [store].key")
_HUNG_UP = (
    "closed the connection when TLS began",
    "check that this port speaks TLS, and whether it asks for a client certificate",
)
_TLS = (
    ("WRONG_VERSION_NUMBER", *_NO_TLS),
    ("RECORD_LAYER_FAILURE", *_NO_TLS),
    ("PACKET_LENGTH_TOO_LONG", *_NO_TLS),
    ("HTTP_REQUEST", *_NO_TLS),
    ("CERTIFICATE_REQUIRED", *_CLIENT_CERTIFICATE),
    ("UNKNOWN_CA", "does not accept this client certificate", "check [store].cert and [store].key"),
    ("BAD_CERTIFICATE", "does not accept this client certificate", "check [store].cert and [store].key"),
    ("UNEXPECTED_EOF", *_HUNG_UP),
    ("EOF OCCURRED", *_HUNG_UP),
    ("PROTOCOL_VERSION", "has no TLS version in common with this machine", ""),
    ("UNSUPPORTED_PROTOCOL", "has no TLS version in common with this machine", ""),
    ("HANDSHAKE_FAILURE", "refuses the TLS handshake", ""),
)

_WAIT = "wait: it is tried again by itself"
_REPLIES = (
    (
        "READONLY",
        "is a replica and takes no writes",
        "point [store].url at the master, or wait for the failover",
    ),
    ("LOADING", "is loading its data into memory", _WAIT),
    ("MASTERDOWN", "is a replica without its master", _WAIT),
    ("CLUSTERDOWN", "says the cluster is down", "mend the cluster: some of its slots have no master"),
    ("TRYAGAIN", "is moving this slot to another node", _WAIT),
    ("CROSSSLOT", "puts the log's keys in different slots", "choose another ?prefix= in [store].url"),
    ("OOM", "has no memory left for another action", "raise maxmemory on the server"),
    (
        "MISCONF",
        "cannot write to its disk and takes no writes",
        "free disk space on the server, then look at its log",
    ),
    ("NOREPLICAS", "has too few replicas and takes no writes", "bring its replicas back"),
    ("BUSY", "is busy with a script", _WAIT),
    ("WRONGPASS", "refuses user name or password (WRONGPASS)", "check [store].username and [store].password"),
    ("NOAUTH", "asks for a password (NOAUTH)", "set [store].password, and [store].username for an ACL user"),
    ("UNKILLABLE", "is busy with a script", _WAIT),
)
_TEXTS = (
    ("invalid username-password", "WRONGPASS"),
    ("invalid password", "WRONGPASS"),
    ("authentication required", "NOAUTH"),
    ("invalid username or password", "WRONGPASS"),
    ("dataset in memory", "LOADING"),
    ("used memory > 'maxmemory'", "OOM"),
)
"""Words of errors whose code redis-py keeps to itself."""

_COMMAND = re.compile(r"'([a-z|]+)' command")


class Flood(ValueError):
    """An answer is longer than any of Redis would be; the message says so."""


def seconds(span: float) -> str:
    """``2 s``, ``0.5 s``."""
    return f"{span:.2g} s" if span < 10 else f"{span:.0f} s"


def late(stage: str, where: str, patience: float) -> Unavailable:
    """What to say when `patience` seconds are over at `stage`: name, connect, tls or answer."""
    span = seconds(patience)
    if stage == "name":
        return Unavailable(
            f"looking up {where} takes more than {span}", "check the network and its name servers"
        )
    if stage == "connect":
        return Unavailable(f"{where}: no connection within {span}", "check the network and the server")
    if stage == "tls":
        return Unavailable(f"{where}: connected, but TLS is not ready within {span}", _NO_TLS[1])
    return Unavailable(f"{where}: connected, but no answer within {span}", "check the server: it may hang")


def broken(
    error: BaseException, stage: str, where: str, patience: float, secrets: tuple[str, ...]
) -> Unavailable:
    """`error`, raised while connecting to `where` or talking to it, as Unavailable."""
    if isinstance(error, Unavailable):
        return error
    told = refusal(error, where, secrets) if isinstance(error, RedisError) else None
    if told is not None:
        return told
    cause: BaseException | None = error
    while isinstance(cause, RedisError) and (cause.__cause__ or cause.__context__) is not None:
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, TimeoutError):
        return _tls(cause, where)
    if isinstance(cause, (TimeoutError, LinkLate)):
        return late(stage, where, patience)
    if isinstance(cause, Flood):
        return Unavailable(f"{where}: {cause}", "check host and port in [store].url")
    if isinstance(cause, (InvalidResponse, ValueError, RecursionError)) and not isinstance(
        cause, UnicodeError
    ):
        return Unavailable(f"{where}: answers, but is not Redis", "check host and port in [store].url")
    if isinstance(cause, (socket.gaierror, UnicodeError)):
        return _name(cause, where)
    if isinstance(cause, ConnectionRefusedError):
        return Unavailable(f"{where}: connection refused", "start the server, or correct [store].url")
    if isinstance(cause, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)):
        return Unavailable(f"{where}: connection reset", "check the server: it may have been stopped")
    if isinstance(cause, OSError):
        words = _ERRNO.get(cause.errno or 0) or foreign(cause.strerror or type(cause).__name__, secrets)
        return Unavailable(f"{where}: {words}", "check the network and [store].url")
    if isinstance(cause, LinkError):
        return Unavailable(f"{where}: closed the connection", "check the server: it may have been stopped")
    return Unavailable(f"{where}: failed: {type(cause).__name__}", "check the server")


def refusal(error: RedisError, where: str, secrets: tuple[str, ...] = ()) -> Unavailable | None:
    """What the server itself said, as Unavailable; None where `error` is no answer of the server."""
    said = isinstance(error, (ResponseError, AuthenticationError, AuthorizationError, BusyLoadingError))
    if not said and getattr(error, "status_code", None) is None:
        return None
    text = foreign(error, secrets)
    code = getattr(error, "status_code", None) or text.partition(" ")[0]
    lowered = text.lower()
    code = next((name for words, name in _TEXTS if words in lowered), code)
    for name, words, remedy in _REPLIES:
        if code == name:
            return Unavailable(f"{where}: {words}", remedy)
    if code == "NOPERM" or "no permissions" in lowered or "acl failure" in lowered:
        return _not_allowed(lowered, where)
    if "without any password configured" in lowered or "no password is set" in lowered:
        return Unavailable(f"{where}: has no password, but one was sent", "remove [store].password")
    if "max number of clients" in lowered:
        return Unavailable(f"{where}: has too many clients", "close some, or raise maxclients on the server")
    if "protected mode" in lowered:
        return Unavailable(f"{where}: protected mode, only local clients", "give the server a password")
    return Unavailable(f"{where}: refuses: {text}", "see the server's log")


def _not_allowed(lowered: str, where: str) -> Unavailable:
    command = _COMMAND.search(lowered)
    if command:
        return Unavailable(
            f"{where}: this user may not {command[1].upper()} (NOPERM)",
            f"allow it: ACL SETUSER … +{command[1]}",
        )
    if "key" in lowered:
        return Unavailable(
            f"{where}: this user may not touch the log's keys (NOPERM)",
            "allow them: ACL SETUSER … ~{prefix}:*",
        )
    return Unavailable(
        f"{where}: this user is not allowed to (NOPERM)", "give the user the log's commands and keys"
    )


def foreign(text: object, secrets: tuple[str, ...], limit: int = 100) -> str:
    """The server's words as a short clause of ours: one clean line, secrets hidden, no final stop."""
    words = clean(text, 2_000)
    for secret in secrets:
        words = words.replace(secret, HIDDEN)
    return " ".join(clean(words, limit).split()).rstrip(". ")


def _name(error: BaseException, where: str) -> Unavailable:
    remedy = "check the host name in [store].url, and the network"
    number = error.errno if isinstance(error, socket.gaierror) else None
    if number == socket.EAI_AGAIN:
        return Unavailable(f"no name server answers for {where}", "check the network")
    if number in (None, socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
        return Unavailable(f"no such host name: {where}", remedy)
    return Unavailable(f"host name not found: {where}", remedy)


def _tls(error: ssl.SSLError, where: str) -> Unavailable:
    code = getattr(error, "verify_code", 0)
    if code:
        message = clean(getattr(error, "verify_message", ""), 60)
        words, remedy = _CERTIFICATE.get(code, (f"its certificate is not accepted: {message}", ""))
        return Unavailable(f"{where}: {words}", remedy)
    name = str(getattr(error, "reason", None) or error)
    for part, words, remedy in _TLS:
        if part in name.upper():
            return Unavailable(f"{where}: {words}", remedy)
    return Unavailable(
        f"{where}: TLS failed: {clean(name.replace('_', ' ').lower(), 60)}", "check the server"
    )
