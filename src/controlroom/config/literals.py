"""Secrets that somebody wrote into the configuration itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from controlroom.config.places import Place
from controlroom.config.shape import File
from controlroom.domain.secret import SecretRef

_SECRET_NAME = re.compile(
    r"authorization|cookie|api[_-]?key|apikey|token|secret|passw|credential|\bauth\b|signature", re.IGNORECASE
)


def literal_secrets(file: File) -> Iterator[Place]:
    """The places where a secret itself stands, as far as names and addresses give it away."""
    for section in ("services", "prometheus", "alertmanagers"):
        for number, thing in enumerate(getattr(file, section)):
            place: Place = (section, number)
            if in_address(thing.url):
                yield (*place, "url")
            for key in ("password", "token"):
                ref: SecretRef | None = getattr(thing, key)
                if ref is not None and ref.literal is not None:
                    yield (*place, key)
            for name, value in getattr(thing, "headers", {}).items():
                if isinstance(value, str) and _SECRET_NAME.search(name):
                    yield (*place, "headers", name)
            command = getattr(thing, "command", None)
            for name, value in command.env.items() if command else ():
                if isinstance(value, str) and _SECRET_NAME.search(name):
                    yield (*place, "command", "env", name)
    for number, address in enumerate(file.evidence.requests):
        if in_address(address):
            yield ("evidence", "requests", number)
    if in_address(file.store.url):
        yield ("store", "url")
    for place, ref in (
        (("store", "password"), file.store.password),
        (("triage", "webhook"), file.triage.webhook),
        *((("notify", number, "webhook"), one.webhook) for number, one in enumerate(file.notify)),
    ):
        if ref is not None and ref.literal is not None:
            yield place


def in_address(url: str) -> bool:
    """Whether an address holds a password, or a query parameter that is named like one."""
    try:
        parts = urlsplit(url)
        return bool(parts.password) or any(_SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query))
    except ValueError:
        return "@" in url  # not an address anybody can use, but perhaps one with a secret
