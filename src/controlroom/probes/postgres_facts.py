"""What is asked of a PostgreSQL in one question, and what its answer says of its health.

Everybody may ask it. What only `pg_monitor` may see of others is NULL for everybody else, and is then said
not to be visible instead of being counted as nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_type_hints

from controlroom.domain.asks import PostgresAsks
from controlroom.domain.instants import duration
from controlroom.probes.wording import foreign

_FACTS = """\
SELECT pg_is_in_recovery() AS replica,
  pg_backend_pid() AS pid,
  current_setting('default_transaction_read_only') = 'on' AS read_only,
  current_setting('max_connections')::int4 AS limit_all,
  current_setting('superuser_reserved_connections')::int4
    + coalesce(current_setting('reserved_connections', true), '0')::int4 AS reserved,
  sessions.used, sessions.hidden,
  senders.replicas, senders.streaming, senders.unseen,
  (SELECT coalesce(status, 'hidden') FROM pg_stat_wal_receiver LIMIT 1) AS stream,
  pg_last_wal_receive_lsn() IS NOT NULL AS streamed,
  coalesce(pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn(), false) AS behind,
  extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS age,
  CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END AS paused,
  %s
FROM (
  SELECT count(*) FILTER (WHERE backend_type = 'client backend'
      OR backend_type IS NULL AND datid IS NOT NULL) AS used,
    count(*) FILTER (WHERE backend_type IS NULL AND datid IS NOT NULL) AS hidden
  FROM pg_stat_activity
) AS sessions, (
  SELECT count(*) AS replicas,
    count(*) FILTER (WHERE state = 'streaming') AS streaming,
    count(*) FILTER (WHERE state IS NULL) AS unseen
  FROM pg_stat_replication AS sender
  WHERE application_name IS DISTINCT FROM 'pg_basebackup'
    AND NOT EXISTS (SELECT FROM pg_stat_get_activity(sender.pid) AS own WHERE own.datid <> 0)
) AS senders"""

NO_TRANSACTION = _FACTS % "0.0::float8 AS open_for, 0::int4 AS open_pid, '' AS open_state"
"""The question where nobody asks for long transactions."""

TRANSACTION = f"""\
{_FACTS % "coalesce(oldest.open_for, 0) AS open_for, oldest.open_pid, oldest.open_state"}
LEFT JOIN (
  SELECT extract(epoch FROM clock_timestamp() - xact_start)::float8 AS open_for,
    pid AS open_pid, state AS open_state
  FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
  ORDER BY xact_start LIMIT 1
) AS oldest ON true"""  # noqa: S608 - nothing of it comes from outside
"""The same with the transaction that is open longest; never what it does."""

HIDDEN = "not visible: GRANT pg_monitor"


class Facts(NamedTuple):
    """The answer; durations are seconds."""

    replica: bool
    pid: int
    """The process that answered."""
    read_only: bool
    """Transactions of this user are read-only unless they say otherwise."""
    limit_all: int
    reserved: int
    """Connections kept for superusers and other privileged users."""
    used: int
    hidden: int
    """Sessions of others of which this user sees nothing but that they are there."""
    replicas: int
    streaming: int
    unseen: int
    """Replicas whose state this user may not see."""
    stream: str | None
    """State of the stream from the primary; None where there is no such stream."""
    streamed: bool
    """There was one since the server started."""
    behind: bool
    """It has received what it has not replayed."""
    age: float | None
    """Since the last transaction that was replayed: it grows while the primary has nothing to do."""
    paused: bool
    open_for: float
    open_pid: int | None
    open_state: str | None

    @property
    def limit(self) -> int:
        """Connections there may be for ordinary users."""
        return max(0, self.limit_all - self.reserved)

    @property
    def left(self) -> int:
        """Connections still free for them."""
        return max(0, self.limit - self.used)

    @property
    def in_step(self) -> bool:
        """A replica that has replayed all that comes to it."""
        return self.replica and self.stream is not None and not self.behind


_TYPES = get_type_hints(Facts)


def facts_of(row: Any) -> Facts:
    """The facts in a row; raises LookupError or TypeError where it is not the answer to the question."""
    facts = Facts(*(row[name] for name in Facts._fields))
    for name, value in zip(Facts._fields, facts, strict=True):
        if not isinstance(value, _TYPES[name]):
            raise TypeError(name)
    return facts


def lag_of(facts: Facts, in_step: float | None) -> float | None:
    """Seconds a replica is behind its primary at most; None where it cannot be known.

    `in_step` is how many seconds ago it was last seen in step: it can be behind no longer than that, however
    long its primary had been idle before.
    """
    if not facts.replica or facts.in_step:
        return 0.0
    known = [span for span in (facts.age, in_step) if span is not None]
    return max(0.0, min(known)) if known else None


def problems(facts: Facts, asks: PostgresAsks, lag: float | None) -> Iterator[str]:
    """What the operator must know, the worst first."""
    role = "replica" if facts.replica else "primary"
    if asks.role is not None and asks.role != role:
        yield f"is a {role}, not a {asks.role}"
    if facts.replica:
        yield from _following(facts, asks, lag)
    elif asks.replicas is not None and facts.streaming + facts.unseen < asks.replicas:
        # What is not visible may be streaming: only that it is not there is held against anybody.
        found = f"{facts.replicas} of {asks.replicas} replicas connected"
        yield found if facts.unseen else f"{facts.streaming} of {asks.replicas} replicas streaming"
    if facts.left < asks.connections_left:
        yield f"{facts.left} of {facts.limit} connections left"
    if asks.transaction is not None and facts.open_for > asks.transaction:
        state = foreign(facts.open_state or "", 30)
        yield f"a transaction is open for {duration(facts.open_for)} (pid {facts.open_pid}, {state})"


def _following(facts: Facts, asks: PostgresAsks, lag: float | None) -> Iterator[str]:
    paused = ", its replay is paused" if facts.paused else ""
    broken = facts.stream is None and facts.streamed
    if asks.lag is not None and lag is not None and lag > asks.lag:
        broken_too = ", its stream from the primary is broken" if broken else ""
        yield f"replica, {duration(lag)} behind its primary{broken_too}{paused}"
    elif broken:
        yield f"replica, its stream from the primary is broken{paused}"


def detail_of(facts: Facts, asks: PostgresAsks, lag: float | None, version: str) -> Mapping[str, str]:
    """What is worth showing, the most telling first."""
    replica = facts.replica
    shown = {
        "role": "replica" if replica else "primary",
        "lag": _lag(facts, lag) if replica else "",
        "connections": f"{facts.used} of {facts.limit}",
        "replicas": "" if replica else _replicas(facts),
        "version": foreign(version.partition(" ")[0], 30),
        "stream": foreign(facts.stream or "none", 30) if replica and facts.stream != "hidden" else "",
        "replay": "paused" if facts.paused else "",
        "transactions": _transactions(facts, asks),
    }
    return {key: value for key, value in shown.items() if value}


def raw_of(facts: Facts, version: str) -> str:
    """The answer for people to read; what changes from one second to the next is left out."""
    lines = {
        "server_version": foreign(version, 60),
        "pg_is_in_recovery": facts.replica,
        "max_connections": facts.limit_all,
        "reserved connections": facts.reserved,
        "connections": facts.used,
        "pg_stat_replication": f"{facts.replicas}, {facts.streaming} streaming",
        "pg_stat_wal_receiver": foreign(facts.stream or "-", 30),
        "default_transaction_read_only": facts.read_only,
    }
    return "\n".join(f"{key}: {value}" for key, value in lines.items())


def _lag(facts: Facts, lag: float | None) -> str:
    if lag is None:
        return "not known"
    # Without a stream nobody knows what the primary has done since.
    return duration(lag) if facts.stream is not None or not lag else f"up to {duration(lag)}"


def _replicas(facts: Facts) -> str:
    if facts.unseen:
        return f"{facts.replicas}, their state is {HIDDEN}"
    return f"{facts.streaming} streaming" if facts.replicas else "none"


def _transactions(facts: Facts, asks: PostgresAsks) -> str:
    if asks.transaction is not None and facts.hidden:
        return f"those of others are {HIDDEN}"
    return "read-only" if facts.read_only and not facts.replica else ""
