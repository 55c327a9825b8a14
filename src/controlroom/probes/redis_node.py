"""One Redis server: what it is asked, and what its answers make of it. Values and keys are never asked for.

The fields are those of INFO (documentation of Redis, "INFO").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from controlroom.domain.asks import RedisAsks
from controlroom.domain.frozen import dataclass
from controlroom.domain.services import Health
from controlroom.probes.port import Trouble
from controlroom.probes.redis_info import Info, size
from controlroom.probes.redis_link import packed
from controlroom.probes.redis_links import Question, Said
from controlroom.probes.redis_words import STATES, Refusal, refused
from controlroom.probes.wording import foreign

SECTIONS = ("replication", "persistence", "clients", "memory", "stats")
"""Those with fields that are looked up most come first."""

QUESTION = Question(
    # One INFO each: servers before 7.0 take only one section at a time.
    b"".join((packed("PING"), *(packed("INFO", section) for section in SECTIONS))),
    1 + len(SECTIONS),
    packed("INFO", "server"),
)

PING_PERIOD = 10
"""Seconds a master is silent that has nothing to say (`repl-ping-replica-period`)."""

ACK_PERIOD = 1
"""Seconds between two reports of a replica to its master; INFO counts whole ones."""

RAW_AGE = 60.0
"""Seconds; nearly every number in INFO differs from look to look, and few people look."""

NOTHING_MORE = RedisAsks()
"""What is asked of a service that says nothing of it."""

NEARLY_FULL = 0.9
"""Share of the memory above which writes will soon be refused."""

AGES = 10 * 365 * 86_400
"""Seconds: before 7.0 a link that never was is down since 1970."""


@dataclass(slots=True)
class Seen:
    """What one look leaves for the next."""

    rejected: int | None = None
    """Connections it had rejected."""
    reason: str | None = None
    made: float = 0.0
    """When the answer was made readable last."""

    def raw(self, reason: str, now: float, make: Callable[[], str]) -> str:
        """What `make` gives when `reason` is a new one, or after `RAW_AGE` seconds; else nothing."""
        if reason == self.reason and now - self.made < RAW_AGE:
            return ""
        self.reason, self.made = reason, now
        return make()


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a server is, and what is worth showing of it."""

    health: Health
    reason: str
    detail: dict[str, str]
    info: Info


def judge(said: Said, asks: RedisAsks, seen: Seen) -> Verdict:
    """What the replies to `QUESTION` make of a server. Raises Trouble where it is DOWN."""
    pong, *sections = said.replies
    info = Info(sections, said.opening)
    detail = facts(info)
    if isinstance(pong, Refusal):
        return _refusing(pong, info, detail)
    if pong != b"PONG":
        raise Trouble("answers, but is not Redis")
    findings = list(_findings(info, asks, seen))
    if findings:
        return Verdict(Health.DEGRADED, "; ".join(findings), detail, info)
    return Verdict(Health.UP, "PONG", detail, info)


def _refusing(pong: Refusal, info: Info, detail: dict[str, str]) -> Verdict:
    code = pong.code
    if code == "NOPERM":
        return Verdict(Health.UP, "answers, but this user may not PING", detail, info)
    if code == "LOADING":
        return Verdict(Health.DEGRADED, _loading(info, detail), detail, info)
    if code == "MASTERDOWN" and info.get("master_host"):
        reason = f"replica without its master {_master(info)}, does not serve old data"
        return Verdict(Health.DEGRADED, reason, detail, info)
    if code == "MISCONF":
        reason = next(_unsaved(info), "") or STATES[code][1]
        return Verdict(Health.DEGRADED, f"refuses writes: {reason}", detail, info)
    raise refused(pong)


def _loading(info: Info, detail: dict[str, str]) -> str:
    percent, left = info.share("loading_loaded_perc"), info.number("loading_eta_seconds")
    if left is not None:
        detail["ready in"] = f"{left} s"
    return STATES["LOADING"][1] + ("" if percent is None else f", {percent:.0f} %")


def _findings(info: Info, asks: RedisAsks, seen: Seen) -> Iterator[str]:
    """What is wrong with a server that answers, worst first."""
    role = info.get("role")
    if not role and (asks.role or asks.replicas or asks.lag is not None) and not info.get("redis_mode"):
        yield "answers, but this user may not ask for INFO: its role is not known"
    if role == "slave":
        yield from _as_replica(info, asks)
    elif role and asks.role == "replica":
        yield f"is a {foreign(role, 20)}, not a replica"
    if role == "master":
        yield from _as_master(info)
    yield from _unsaved(info)
    yield from _replicas(info, asks)
    yield from _full(info)
    yield from _rejected(info, seen)
    yield from _memory(info, asks)


def _as_replica(info: Info, asks: RedisAsks) -> Iterator[str]:
    if asks.role == "master":
        yield f"is a replica of {_master(info)}, not a master"
    if info.get("master_sync_in_progress") == "1":
        percent = info.share("master_sync_perc")
        yield "replica, copies the data of its master" + ("" if percent is None else f", {percent:.0f} %")
    elif info.get("master_link_status") == "down":
        since = info.number("master_link_down_since_seconds")
        span = f" for {since} s" if since is not None and 0 < since < AGES else ""
        yield f"replica, its link to the master {_master(info)} is down{span}"
    elif asks.lag is not None:
        silence = info.number("master_last_io_seconds_ago")
        if silence is not None and silence > max(asks.lag, PING_PERIOD):
            yield f"replica, has heard nothing from its master {_master(info)} for {silence} s"


def _as_master(info: Info) -> Iterator[str]:
    if info.get("min_slaves_good_slaves") == "0":
        yield "refuses writes: too few replicas in step (min-replicas-to-write)"
    state = info.get("master_failover_state")
    if state and state != "no-failover":
        yield f"failover in progress ({foreign(state, 30)})"


def _unsaved(info: Info) -> Iterator[str]:
    if info.get("aof_last_write_status") == "err":
        yield "the append-only file cannot be written"
    if info.get("rdb_last_bgsave_status") == "err":
        yield "the last snapshot to disk failed"
    if info.get("aof_last_bgrewrite_status") == "err":
        yield "the last rewrite of the append-only file failed"


def _replicas(info: Info, asks: RedisAsks) -> Iterator[str]:
    """Each `slaveN:ip=…,port=…,state=…,offset=…,lag=…` that is not in step, and whether enough are."""
    count = info.number("connected_slaves") or 0
    wanted = asks.replicas if info.get("role") == "master" else None
    if not count and not wanted:
        return
    late = [words for replica in info.replicas() if (words := _late(replica, asks.lag))]
    if wanted is not None and count - len(late) < wanted:
        yield "; ".join((f"{count - len(late)} of {wanted} replicas in step", *late))
    else:
        yield from late


def _late(replica: dict[str, str], lag: float | None) -> str:
    where = foreign(f"{replica.get('ip', '')}:{replica.get('port', '')}", 60)
    state = replica.get("state")
    if state != "online":
        return f"replica {where} is not in step yet ({foreign(state, 20)})"
    behind = replica.get("lag", "")
    if lag is not None and behind.isdecimal() and int(behind) > max(lag, ACK_PERIOD):
        return f"replica {where} is {foreign(behind, 12)} s behind"
    return ""


def _full(info: Info) -> Iterator[str]:
    """Replicas and the cluster's own connections count, too; servers before 6.2 may name no limit."""
    limit, clients = info.number("maxclients"), info.number("connected_clients")
    if not limit or clients is None:
        return
    count = clients + (info.number("connected_slaves") or 0) + (info.number("cluster_connections") or 0)
    if count >= limit:
        yield f"no client more gets in: {count} of {limit} connected"


def _rejected(info: Info, seen: Seen) -> Iterator[str]:
    now, before = info.number("rejected_connections"), seen.rejected
    if now is None:
        return
    seen.rejected = now
    if before is None:
        return
    # A counter that is smaller began anew: the server was started again, or its statistics were reset.
    grown = now - before if now >= before else now
    if grown:
        yield f"{grown} connection{'s' * (grown > 1)} rejected since the last look"


def _memory(info: Info, asks: RedisAsks) -> Iterator[str]:
    limit, used = info.number("maxmemory"), info.number("used_memory")
    if not limit or used is None:
        return
    share = (used - (info.number("mem_not_counted_for_evict") or 0)) / limit
    policy = info.get("maxmemory_policy")
    bound = asks.memory
    if policy != "noeviction":
        share = min(share, 1.0)  # a cache that evicts is never more than full
    elif bound is None:
        bound = NEARLY_FULL
    if bound is None or share <= bound:
        return
    words = f"memory {share * 100:.0f} % of {size(limit)}"
    if info.get("role") == "slave":
        yield words
    elif policy == "noeviction":
        yield f"{words}, noeviction: {'writes are' if share >= 1 else 'when full, writes will be'} refused"
    else:
        yield f"{words}, then {foreign(policy, 20)} evicts keys"


def facts(info: Info) -> dict[str, str]:
    """What is worth showing, the most telling first."""
    role = info.get("role")
    shown: dict[str, str] = {}
    if role == "slave":
        shown["role"] = "replica"
        link = info.get("master_link_status")
        shown["master"] = f"{_master(info)}, link {link if link in ('up', 'down') else foreign(link, 20)}"
    elif role or (role := info.get("redis_mode")):
        shown["role"] = role if role in ("master", "sentinel") else foreign(role, 20)
    replicas = info.get("connected_slaves")
    if replicas and replicas != "0":
        shown["replicas"] = foreign(replicas, 12)
    used, limit = info.number("used_memory"), info.number("maxmemory")
    if used is not None:
        shown["memory"] = f"{size(used)} of {size(limit)}" if limit else size(used)
    clients = info.number("connected_clients")
    if clients is not None:
        shown["clients"] = str(clients)
    if info.version:
        shown["version"] = info.version
    rejected = info.number("rejected_connections")
    if rejected:
        shown["rejected"] = str(rejected)
    return shown


def _master(info: Info) -> str:
    return foreign(f"{info.get('master_host')}:{info.get('master_port')}", 60)
