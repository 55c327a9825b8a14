"""Which log a URL means."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path

from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean
from controlroom.stores.port import Log

_SECRET_WORDS = ("pass", "secret", "token", "auth", "key", "cred")
"""A parameter of a URL with one of these in its name is not shown."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a log needs besides its URL. Secrets are resolved, paths absolute."""

    timeout: float = 2.0
    """Seconds one exchange with a server may take."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    """PEM file of the authority that signed the server's certificate."""
    cert: str | None = None
    key: str | None = None


def open_log(url: str, folder: Path, settings: Settings) -> Log:
    """The log at `url`: ``dir:log`` (relative to `folder`) or ``redis://…``. Nothing is connected to yet.

    Raises ValueError for a URL of no known kind; the message does not repeat it.
    """
    if url.startswith("dir:"):
        from controlroom.stores.folder_log import FolderLog

        return FolderLog(folder_of(url, folder))
    from controlroom.stores.redis_urls import is_redis

    if is_redis(url):
        from controlroom.stores.redis_log import RedisLog

        return RedisLog(url, settings)
    raise ValueError('the store\'s kind is not known: write "dir:log", or "redis://host:6379/0" for a team')


def folder_of(url: str, folder: Path) -> Path:
    """The folder that a ``dir:`` URL means, relative to `folder`; ``~/`` is the user's own.

    Raises ValueError where it names none.
    """
    text = url.removeprefix("dir:").removeprefix("//")
    if not text.strip() or "\0" in text:
        raise ValueError('the store\'s folder is missing: write "dir:log"')
    if not text.startswith("~/"):
        return folder / text
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(
            "the store's folder begins with ~, and there is no home folder: write its path"
        ) from None


def shown(url: str) -> str:
    """`url` without secrets, fit for a screen, and one text for all spellings of a URL that is right.

    Of one that is wrong, whatever may be a password or a token is left out.

    >>> shown("redis://room:pearl@cache")
    'redis://cache:6379/0?prefix=controlroom'
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme == "dir":
        return clean(url)
    from controlroom.stores.redis_urls import parse

    try:
        return clean(parse(url).shown)
    except ValueError:
        pass
    end = _end_of_authority(rest)
    if "@" in rest[end:]:  # a password with a slash of its own, perhaps: nothing before it can be trusted
        rest = rest.rpartition("@")[2]
        end = _end_of_authority(rest)
    hosts = rest[:end].rpartition("@")[2]
    path, _, query = rest[end:].partition("#")[0].partition("?")
    kept = "&".join(pair for pair in query.split("&") if pair and not _secret(pair))
    return clean(f"{scheme}://{hosts}{path}{kept and f'?{kept}'}")


def _end_of_authority(rest: str) -> int:
    return min((rest.index(mark) for mark in "/?#" if mark in rest), default=len(rest))


def _secret(pair: str) -> bool:
    name = pair.partition("=")[0].casefold()
    return any(word in name for word in _SECRET_WORDS)
