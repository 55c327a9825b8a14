"""What a Redis server says of itself, and what that means for what was written there.

Whether a write has reached the disk is known for certain only from WAITAOF (7.2 and later, with the
append-only file on). Everything else is what the server's settings promise, in a few words.
"""

from __future__ import annotations

from collections.abc import Mapping

from controlroom.domain.frozen import dataclass

REPLICA_LAG = 3
"""Seconds of silence after which a replica is not waited for; they speak every second."""

UNKNOWN = "durability unknown"


@dataclass(frozen=True, slots=True)
class Facts:
    """From INFO, and from CONFIG GET where that is allowed."""

    known: bool = False
    """False: INFO is not allowed, and nothing below means anything."""
    epoch: str = ""
    """Another one after every restart and every failover."""
    role: str = ""
    """``master`` or ``slave``."""
    version: tuple[int, int] = (0, 0)
    aof: bool = False
    """The append-only file is on."""
    aof_failing: bool = False
    """Its last write failed."""
    fsync: str = ""
    """``always``, ``everysec``, ``no``; empty where CONFIG is not allowed."""
    snapshots: bool = False
    """Snapshots are made from time to time."""
    evicts: bool = False
    """When memory is short, the server throws any key away."""
    replicas: int = 0
    """Connected, caught up, and heard of lately."""


def read(info: str | None, config: Mapping[str, str]) -> Facts:
    """Facts from the text of INFO (None: refused) and from what CONFIG GET gave."""
    if info is None:
        return Facts()
    lines = (line.partition(":") for line in info.splitlines() if not line.startswith("#"))
    said = {key: value.strip() for key, colon, value in lines if colon}
    replicas = [value for key, value in said.items() if key[:5] == "slave" and key[5:].isdecimal()]
    limited = said.get("maxmemory", "0") != "0"
    return Facts(
        known="run_id" in said,
        epoch=f"{said.get('master_replid', '')}:{said.get('run_id', '')}",
        role=said.get("role", ""),
        version=_version(said.get("redis_version", "")),
        aof=said.get("aof_enabled") == "1",
        aof_failing=said.get("aof_last_write_status", "ok") != "ok",
        fsync=config.get("appendfsync", ""),
        snapshots=bool(config.get("save", "").strip()),
        evicts=limited and said.get("maxmemory_policy", "").startswith("allkeys"),
        replicas=sum(map(_keeps_up, replicas)),
    )


def disk_confirms(facts: Facts) -> bool:
    """Whether WAITAOF is worth asking: it is there, and an append-only file that is flushed by itself.

    Where INFO is not allowed, only asking tells.
    """
    if not facts.known:
        return True
    return facts.aof and facts.fsync != "no" and facts.version >= (7, 2)


def durability(facts: Facts, confirmed: bool | None = None) -> str:
    """What becomes of an action that was committed there, in a few words.

    `confirmed`: WAITAOF has said yes on this server (True), is refused or unknown there (False), or was not
    asked yet (None).
    """
    if not facts.known:
        return "durable" if confirmed else UNKNOWN
    if facts.evicts:
        return "not durable (keys may be evicted)"
    if not facts.aof:
        return "not durable (snapshots only)" if facts.snapshots else "not durable"
    if facts.aof_failing:
        return "not durable (append-only file fails)"
    if facts.fsync == "no":
        return "not durable at once (appendfsync no)"
    if facts.fsync == "always" or (disk_confirms(facts) and confirmed is not False):
        return "durable"
    return "durable within 1 s" if facts.fsync == "everysec" else "durable, delay unknown"


def lacks(refusal: str) -> bool:
    """Whether WAIT or WAITAOF was refused for good: unknown there, not allowed, nothing to wait for."""
    words = refusal.lower()
    return any(part in words for part in ("unknown command", "no permission", "appendonly is disabled"))


def _keeps_up(replica: str) -> bool:
    """From ``ip=…,port=…,state=online,offset=…,lag=…``, seconds since it was last heard of."""
    parts = dict(part.partition("=")[::2] for part in replica.split(","))
    lag = parts.get("lag", "")
    return parts.get("state") == "online" and lag.isdecimal() and int(lag) <= REPLICA_LAG


def _version(text: str) -> tuple[int, int]:
    numbers = [int(part) for part in text.split(".")[:2] if part.isascii() and part.isdecimal()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)
