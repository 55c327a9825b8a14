"""Answers with which a web server says that it was asked wrongly, in the same words for every kind."""

from __future__ import annotations

from urllib.parse import urlsplit

from controlroom.domain.services import Service
from controlroom.probes.shown import whither
from controlroom.probes.wire import Answer

_TLS = "speaks TLS: write https:// instead of http://"

_SAYINGS = (
    (b"No required SSL certificate was sent", "HTTP 400: asks for a client certificate"),
    (b"The SSL certificate error", "HTTP 400: client certificate not accepted"),
    (b"The plain HTTP request was sent to HTTPS port", _TLS),
    (b"Client sent an HTTP request to an HTTPS server", _TLS),
    (b"speaking plain HTTP to an SSL-enabled server port", _TLS),
)
"""What nginx, Go's net/http and Apache say in the body of a 400; the status alone would explain nothing."""

_ASKS = {"basic": "asks for a password", "bearer": "asks for a token"}
_LONGEST = 86_400
"""Seconds of a Retry-After that are still worth repeating."""


def refusal(service: Service, answer: Answer) -> str:
    """Why `answer` says nothing of the service's health: elsewhere, credentials, TLS. Empty where it does."""
    if answer.status == 401:
        return f"HTTP 401: {_unauthorized(service, answer)}"
    if answer.status == 400:
        return next((words for saying, words in _SAYINGS if saying in answer.body), "")
    return redirect(answer)


def redirect(answer: Answer) -> str:
    """Where `answer` redirects to, in words; empty when it does not."""
    target = answer.headers.get("location")
    if not 300 <= answer.status < 400 or not target:
        return ""
    return f"HTTP {answer.status}: redirects to {whither(target)}, not followed"


def again(answer: Answer) -> str:
    """When a server that is too busy wants to be asked again (RFC 9110, Retry-After); empty where it says
    nothing."""
    wait = answer.headers.get("retry-after", "")
    if answer.status in (429, 503) and wait.isascii() and wait.isdecimal() and len(wait) < 6:
        return f"try again in {int(wait)} s" if int(wait) <= _LONGEST else ""
    return ""


def _unauthorized(service: Service, answer: Answer) -> str:
    if service.token is not None:
        return "token refused"
    if service.username or service.password is not None or _has_user(service.url):
        return "user name or password refused"
    if any(name.lower() == "authorization" for name in service.headers):
        return "credentials refused"
    scheme = answer.headers.get("www-authenticate", "").split(" ", 1)[0].lower()
    return _ASKS.get(scheme, "asks for credentials")


def _has_user(url: str) -> bool:
    try:
        return urlsplit(url).username is not None
    except ValueError:
        return False
