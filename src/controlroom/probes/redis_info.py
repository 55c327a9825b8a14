"""What INFO says: a field at a time, looked up where it stands, for few of two hundred are ever needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controlroom.probes.redis_link import Reply
from controlroom.probes.wording import foreign, verbatim

WORTH_READING = (
    *("redis_version", "redis_mode", "uptime_in_seconds"),
    *("role", "master_host", "master_port", "master_link_status", "master_link_down_since_seconds"),
    *("master_last_io_seconds_ago", "master_sync_in_progress", "slave_repl_offset", "slave_priority"),
    *("connected_slaves", "slave0", "slave1", "slave2", "master_failover_state", "master_repl_offset"),
    *("loading", "loading_loaded_perc", "loading_eta_seconds"),
    *("connected_clients", "maxclients", "blocked_clients", "rejected_connections"),
    *("used_memory_human", "used_memory_peak_human", "maxmemory_human", "maxmemory_policy"),
    *("evicted_keys", "instantaneous_ops_per_sec"),
    *("rdb_bgsave_in_progress", "rdb_last_bgsave_status", "rdb_changes_since_last_save"),
    *("aof_enabled", "aof_last_bgrewrite_status", "aof_last_write_status"),
)
"""Fields for people to read, none of which says what is stored."""

REPLICAS = 1000
"""Replicas of one master that are looked at."""

_UNITS = ("B", "KB", "MB", "GB", "TB")


class Info:
    """Sections of INFO; sections that were refused hold nothing."""

    __slots__ = ("_text", "version")

    def __init__(self, sections: Iterable[Reply], server: Reply = None) -> None:
        """`server` is the section of that name: it may be older than the others."""
        text = b"\n".join([b"", *(one for one in (*sections, server) if type(one) is bytes)])
        self._text = text.decode("utf-8", "replace")
        version = self.get("redis_version")
        self.version = version if version.replace(".", "").isdecimal() else foreign(version, 30)

    def get(self, name: str) -> str:
        """The value of the field; empty where there is none."""
        key = f"\n{name}:"
        start = self._text.find(key)
        if start < 0:
            return ""
        start += len(key)
        end = self._text.find("\r", start)
        return self._text[start : end if end >= 0 else None]

    def number(self, name: str) -> int | None:
        """The value of the field where it is a whole number that is not negative."""
        value = self.get(name)
        return int(value) if value.isdecimal() and value.isascii() and len(value) < 19 else None

    def share(self, name: str) -> float | None:
        """The value of the field where it is a percentage."""
        value = self.get(name).rstrip("%")
        plain = value.replace(".", "", 1)
        return float(value) if plain.isdecimal() and plain.isascii() and len(value) < 10 else None

    def replicas(self) -> Iterator[dict[str, str]]:
        """What stands in slave0, slave1 and so on, which follow one another."""
        at = 0
        for number in range(REPLICAS):
            key = f"\nslave{number}:"
            at = self._text.find(key, at)
            if at < 0:
                return
            line = self._text[at + len(key) : self._text.find("\r", at)]
            yield dict(pair.partition("=")[::2] for pair in line.split(","))

    def readable(self) -> str:
        """The lines that are worth reading."""
        lines = ((name, self.get(name)) for name in WORTH_READING)
        return verbatim("\n".join(f"{name}: {value}" for name, value in lines if value))


def size(count: int) -> str:
    """``941 KB``, ``1.5 GB``, in steps of 1,024 as Redis counts."""
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError
