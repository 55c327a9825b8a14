"""Where jobs report in: the last report of each heartbeat, beside the triage log and in the same store.

Only the last report counts, and each replaces the one before. Nothing is queued anywhere: a report that is
delivered late would say that a job ran when it did not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from controlroom.domain.health import Beat
from controlroom.domain.instants import parse, render
from controlroom.domain.text import clean
from controlroom.stores.port import Unavailable

if TYPE_CHECKING:
    from controlroom.stores.logs import Settings

FORM = 1
"""Of the stored report; one of a greater form is not read."""

MESSAGE = 500
"""Characters of a report's message that are kept."""

HOST = 80


class Heartbeats(Protocol):
    """The last reports. Calls block, each with a limit of its own; any number of threads may call."""

    def write(self, id_: str, beat: Beat) -> Beat:
        """Make `beat` the last report of the heartbeat `id_`; the report as it is stored.

        Its instant is the server's where the store has a clock of its own. Raises Unavailable.
        """
        ...

    def read(self, id_: str) -> Beat | None:
        """The last report of the heartbeat `id_`, None where there never was one. Raises Unavailable."""
        ...

    def close(self) -> None:
        """Let go of connections; idempotent, quick."""
        ...


def open_heartbeats(url: str, folder: Path, settings: Settings) -> Heartbeats:
    """The reports beside the log at `url`, as `logs.open_log` takes it. Nothing is connected to yet.

    Raises ValueError for a URL of no known kind; the message does not repeat it.
    """
    if url.startswith("dir:"):
        from controlroom.stores.heartbeats_folder import FolderHeartbeats
        from controlroom.stores.logs import folder_of

        return FolderHeartbeats(folder_of(url, folder))
    from controlroom.stores.redis_urls import is_redis

    if is_redis(url):
        from controlroom.stores.heartbeats_redis import RedisHeartbeats

        return RedisHeartbeats(url, settings)
    raise ValueError('the store\'s kind is not known: write "dir:log", or "redis://host:6379/0" for a team')


def cleaned(beat: Beat) -> Beat:
    """`beat` to the second, with texts that are harmless lines of bounded length."""
    return Beat(beat.at.replace(microsecond=0), beat.ok, clean(beat.message, MESSAGE), clean(beat.host, HOST))


def encode(id_: str, beat: Beat) -> bytes:
    """The stored form: a JSON object."""
    import json

    said = {
        "form": FORM,
        "id": id_,
        "at": render(beat.at),
        "ok": beat.ok,
        "message": beat.message,
        "host": beat.host,
    }
    return json.dumps(said, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def decode(id_: str, raw: bytes) -> Beat:
    """The report of `id_` in `raw`. Raises Unavailable where it is none: somebody else wrote it."""
    try:
        said = _object(raw)
        if said["form"] > FORM:
            raise Unavailable(
                f"the report of {clean(id_, 60)} is in a newer form", "update controlroom on this machine"
            )
        at, ok, message, host = (said[key] for key in ("at", "ok", "message", "host"))
        if said["id"] != id_ or not isinstance(ok, bool):
            raise ValueError
        return cleaned(Beat(parse(at), ok, str(message), str(host)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unavailable(
            f"the report of {clean(id_, 60)} is damaged", "let the job report once more: that replaces it"
        ) from None


def _object(raw: bytes) -> dict[str, Any]:
    import json

    said = json.loads(raw)
    if not isinstance(said, dict):
        raise TypeError
    return said
