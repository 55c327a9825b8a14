"""``host:port`` as services write it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from controlroom.domain.services import Health
from controlroom.domain.text import clean
from controlroom.probes.port import Trouble


def split(url: str, schemes: Sequence[str]) -> SplitResult:
    """`url` in parts; the first of `schemes` where it names none. Raises Trouble."""
    text = url.strip()
    try:
        where = urlsplit(text if "://" in text else f"{schemes[0]}://{text}")
    except ValueError:
        raise Trouble("the url cannot be read", Health.UNKNOWN) from None
    if where.scheme not in schemes:
        expected = " or ".join(f"{scheme}://" for scheme in schemes)
        raise Trouble(f"the url begins with {clean(where.scheme, 20)}://, not {expected}", Health.UNKNOWN)
    if not where.hostname:
        raise Trouble("the url names no host", Health.UNKNOWN)
    return where


def port_of(where: SplitResult, default: int | None) -> int:
    """The port in `where`, or `default`. Raises Trouble."""
    try:
        port = where.port or default
    except ValueError:
        raise Trouble("the url's port is no port", Health.UNKNOWN) from None
    if port is None:
        raise Trouble("the url names no port", Health.UNKNOWN)
    return port


def host_and_port(url: str, schemes: Sequence[str], default: int | None = None) -> tuple[str, int]:
    """Host and port of `url`. Raises Trouble."""
    where = split(url, schemes)
    return where.hostname or "", port_of(where, default)
