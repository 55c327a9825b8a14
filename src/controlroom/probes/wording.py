"""What went wrong, in plain words: errors of the system, of TLS and of names, and the servers' own."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterable

from controlroom.domain.services import Health
from controlroom.domain.text import clean
from controlroom.probes.port import REASON_LIMIT, Trouble

HIDDEN = "•••"

RAW_LIMIT = 2_000
"""Characters of an answer that are kept to be read."""

RAW_LINES = 40

_HERE = {
    errno.EMFILE: "too many files open here: raise `ulimit -n`",
    errno.ENFILE: "too many files open on this machine",
    errno.EADDRNOTAVAIL: "no free port left on this machine",
    errno.ENOBUFS: "no network buffers left on this machine",
    errno.EACCES: "this machine forbids the connection",
    errno.EPERM: "this machine forbids the connection",
}
"""Errors that say nothing about the service."""

_ON_THE_WAY = {
    errno.ENETUNREACH: "network unreachable",
    errno.ENETDOWN: "network down",
    errno.EHOSTUNREACH: "no route to the host",
    errno.EHOSTDOWN: "host down",
    errno.ETIMEDOUT: "connection timed out",
}
"""Errors below the service."""

_CERTIFICATE = {
    9: "certificate not valid yet",
    10: "certificate has expired",
    18: "self-signed certificate, not trusted",
    19: "certificate of an unknown CA",
    20: "certificate of an unknown CA",
    21: "certificate of an unknown CA",
    23: "certificate has been revoked",
}
"""OpenSSL's X509_V_ERR_* numbers."""

_TLS = (
    ("WRONG_VERSION_NUMBER", "answers, but does not speak TLS"),
    ("HTTP_REQUEST", "answers, but does not speak TLS"),
    ("RECORD_LAYER_FAILURE", "answers, but does not speak TLS"),
    ("PACKET_LENGTH_TOO_LONG", "answers, but does not speak TLS"),
    ("UNSUPPORTED_PROTOCOL", "no TLS version in common"),
    ("PROTOCOL_VERSION", "no TLS version in common"),
    ("CERTIFICATE_REQUIRED", "asks for a client certificate"),
    ("ALERT_BAD_CERTIFICATE", "asks for another client certificate, or for one"),
    ("ALERT_UNKNOWN_CA", "client certificate of a CA it does not know"),
    ("ALERT_CERTIFICATE_EXPIRED", "client certificate has expired"),
    ("ALERT_CERTIFICATE_REVOKED", "client certificate has been revoked"),
    ("ALERT_CERTIFICATE_UNKNOWN", "client certificate not accepted"),
    ("HANDSHAKE_FAILURE", "refuses the TLS handshake"),
    ("NO_SHARED_CIPHER", "no TLS cipher in common"),
    ("UNRECOGNIZED_NAME", "has no certificate for this host name"),
    ("NO_APPLICATION_PROTOCOL", "speaks TLS, but not HTTP/2"),
    ("UNEXPECTED_EOF", "closed the connection during the TLS handshake"),
)

_SECRETS = re.compile(
    r"(?P<url>://[^/\s@]+@)"
    r"|(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"
    r"|(?P<key>\b(?:[\w-]*password|passwd|pwd|[\w-]*secret|[\w-]*token|api[_-]?key|access[_-]?key)"
    r"[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&}]+",
    re.IGNORECASE,
)

_MARKS = ("://", "bearer", "basic", "pass", "pwd", "secret", "token", "key")
"""What every match of `_SECRETS` holds: most texts hold none of it, and a look costs a tenth of a search."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without `secrets`, and without what looks like one: URL credentials, tokens, passwords."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    folded = text.casefold()
    return _SECRETS.sub(_hide, text) if any(mark in folded for mark in _MARKS) else text


def without_cut(text: str, secrets: Iterable[str]) -> str:
    """`text`, an answer that may have been cut anywhere, without the beginning of a secret at its end."""
    for secret in secrets:
        for length in range(len(secret) - 1, 2, -1):
            if text.endswith(secret[:length]):
                return text[:-length] + HIDDEN
    return text


def _hide(match: re.Match[str]) -> str:
    if match["url"]:
        return f"://{HIDDEN}@"
    return f"{match['scheme'] or match['key']}{HIDDEN}"


def foreign(text: object, limit: int = 80) -> str:
    """Another system's words as a short clause of ours: one clean line, secrets hidden, no final stop."""
    return " ".join(clean(redact(clean(text, 2_000)), limit).split()).rstrip(". ")


def verbatim(answer: bytes | str, limit: int = RAW_LIMIT) -> str:
    """The beginning of an answer for people to read: its lines, each cleaned, what looks secret hidden.

    Secrets of the configuration are hidden afterwards by whoever knows them. Costs too much to be made of
    every answer: make it of one that differs from the last.
    """
    text = answer[: 4 * limit].decode("utf-8", "replace") if isinstance(answer, bytes) else answer[:limit]
    lines = redact(text[:limit]).splitlines()[:RAW_LINES]
    return "\n".join(clean(line.replace("\t", "    "), limit) for line in lines).rstrip()


def sentence(reason: str) -> str:
    """A reason as it may be shown: clean, and no longer than a reason is."""
    return clean(reason, REASON_LIMIT)


def seconds(span: float) -> str:
    """``2 s``, ``0.5 s``: two digits, so that the time spent on loading a library does not show."""
    return f"{span:.2g} s" if span < 10 else f"{span:.0f} s"


def trouble(error: BaseException, host: str) -> Trouble:
    """`error`, raised while connecting to `host` or talking to it, as a Trouble."""
    import ssl

    if isinstance(error, Trouble):
        return error
    if isinstance(error, ssl.SSLError):
        return Trouble(_tls(error, host))
    if isinstance(error, socket.gaierror):
        return _name(error, host)
    if isinstance(error, UnicodeError):
        return Trouble(f"not a host name: {clean(host, 60)}", Health.UNKNOWN)
    if isinstance(error, ConnectionRefusedError):
        return Trouble("connection refused")
    if isinstance(error, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)):
        return Trouble("connection reset")
    if isinstance(error, OSError):
        return _system(error)
    return Trouble(f"the probe failed: {type(error).__name__}", Health.UNKNOWN)


def _system(error: OSError) -> Trouble:
    number = error.errno or 0
    if number in _HERE:
        return Trouble(_HERE[number], Health.UNKNOWN)
    if number in _ON_THE_WAY:
        return Trouble(_ON_THE_WAY[number], unreachable=True)
    return Trouble(foreign(error.strerror or str(error) or type(error).__name__))


def _name(error: socket.gaierror, host: str) -> Trouble:
    if error.errno == socket.EAI_AGAIN:
        return Trouble(f"no name server answers for {clean(host, 60)}", unreachable=True)
    if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
        return Trouble(f"no such host name: {clean(host, 60)}")
    return Trouble(f"host name {clean(host, 60)} not found: {foreign(error.strerror)}", unreachable=True)


def _tls(error: object, host: str) -> str:
    code = getattr(error, "verify_code", 0)
    if code in (62, 64):
        return f"certificate is not for {clean(host, 60)}"
    if code in _CERTIFICATE:
        return _CERTIFICATE[code]
    if code:
        return f"certificate not accepted: {foreign(getattr(error, 'verify_message', ''), 60)}"
    name = str(getattr(error, "reason", None) or error)
    for part, words in _TLS:
        if part in name.upper().replace(" ", "_"):
            return words
    return f"TLS failed: {foreign(name.replace('_', ' ').lower(), 60)}"
