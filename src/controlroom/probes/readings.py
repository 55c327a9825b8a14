"""What known products mean by their answers: one function each, from its documentation (see `presets`).

A reading gets an answer that is neither a redirect nor a refusal of credentials. It returns None for what its
product would never say; such an answer is then judged like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from controlroom.domain.services import Health
from controlroom.probes.judgement import Reading, Verdict, names
from controlroom.probes.somabrain import somabrain
from controlroom.probes.wire import Answer
from controlroom.probes.wording import foreign

UP, DEGRADED, DOWN = Health.UP, Health.DEGRADED, Health.DOWN

_COLOURS = {"green": UP, "yellow": DEGRADED, "red": DOWN}

_VAULT = {
    429: (UP, "standby"),
    472: (UP, "standby of a disaster recovery cluster"),
    473: (UP, "performance standby"),
    474: (DEGRADED, "standby that cannot reach the active node"),
    501: (DOWN, "not initialized"),
    503: (DOWN, "sealed"),
    530: (DOWN, "removed from its cluster"),
}
"""Vault HTTP API, /sys/health: "Parameters" and the default status codes; 200 is active and unsealed."""

_CHECK = re.compile(r"^\[([+-])\](\S+) ?(.*)$", re.MULTILINE)
"""A line of ``/readyz?verbose``: ``[-]etcd failed: reason withheld``."""


def grafana(_: Answer, data: Any) -> Verdict | None:
    """``{"database": "ok", "version": …}``; a database that fails comes with 503."""
    if not isinstance(data, dict) or not isinstance(data.get("database"), str):
        return None
    word = foreign(data["database"], 30)
    if word == "ok":
        return Verdict(UP, "ok", _version(data.get("version")))
    return Verdict(DOWN, f"its database: {word}", _version(data.get("version")))


def elasticsearch(_: Answer, data: Any) -> Verdict | None:
    """Green, yellow (some replicas have no node) or red (some data has none), and how many shards."""
    if not isinstance(data, dict):
        return None
    colour = data.get("status")
    error = data.get("error")
    if isinstance(error, dict) and isinstance(error.get("type"), str):
        return Verdict(DOWN, foreign(error["type"], 60).replace("_", " "))
    if "cluster_name" not in data or not isinstance(colour, str) or colour not in _COLOURS:
        return None
    nodes = data.get("number_of_nodes")
    counts = [
        f"{_count(data.get(f'{state}_shards'), 'shard')} {state}"
        for state in ("unassigned", "initializing")
        if _whole(data.get(f"{state}_shards"))
    ]
    why = f": {', '.join(counts)}" if counts and colour != "green" else ""
    facts = {"nodes": str(nodes)} if _whole(nodes) else {}
    return Verdict(_COLOURS[colour], colour + why, facts=facts)


def vault(answer: Answer, data: Any) -> Verdict | None:
    """The status code is the answer; a body of its own shows that it is Vault, or OpenBao, which says it."""
    if not isinstance(data, dict) or not isinstance(data.get("sealed"), bool):
        return None
    health, words = _VAULT.get(answer.status, (UP, "active"))
    if answer.status == 200:
        if not data.get("initialized", True):
            health, words = DOWN, "not initialized"
        elif data["sealed"]:
            health, words = DOWN, "sealed"
        elif data.get("standby"):
            words = "performance standby" if data.get("performance_standby") else "standby"
    elif answer.status not in _VAULT:
        return None
    return Verdict(health, words, _version(data.get("version")))


def etcd(_: Answer, data: Any) -> Verdict | None:
    """``{"health": "true"}``; false where it has no leader or an alarm, since 3.5 with its reason."""
    if not isinstance(data, dict) or str(data.get("health")).lower() not in ("true", "false"):
        return None
    if str(data["health"]).lower() == "true":
        return Verdict(UP, "healthy")
    reason = data.get("reason")
    why = f": {foreign(reason, 80)}" if isinstance(reason, str) and reason else ", no leader or an alarm"
    return Verdict(DOWN, f"not healthy{why}")


def consul(answer: Answer, data: Any) -> Verdict | None:
    """The address of the leader as a JSON text; empty without one."""
    if answer.status == 500 and b"No cluster leader" in answer.body:
        return Verdict(DOWN, "no cluster leader")
    if not isinstance(data, str):
        return None
    return Verdict(UP, f"leader {foreign(data, 60)}") if data else Verdict(DOWN, "no cluster leader")


def rabbitmq(_: Answer, data: Any) -> Verdict | None:
    """200 without alarms, 503 with those that stop publishers anywhere in the cluster."""
    if not isinstance(data, dict) or data.get("status") not in ("ok", "failed"):
        return None
    if data["status"] == "ok":
        return Verdict(UP, "no alarms")
    alarms = data.get("alarms")
    found = [
        (f"{foreign(alarm.get('resource', '?'), 30)} on {foreign(alarm.get('node', '?'), 40)}", DEGRADED)
        for alarm in (alarms if isinstance(alarms, list) else [])[:20]
        if isinstance(alarm, dict)
    ]
    if not found:
        return Verdict(DEGRADED, f"alarm: {foreign(data.get('reason', 'unnamed'), 80)}")
    return Verdict(DEGRADED, f"publishers wait, alarm: {names(found)}")


def minio(answer: Answer, _: Any) -> Verdict | None:
    """No body: the status says whether a write would find its quorum, headers how large that is."""
    own = {name for name in answer.headers if name.startswith("x-minio-")}
    if not own and "minio" not in answer.headers.get("server", "").lower():
        return None
    quorum = foreign(answer.headers.get("x-minio-write-quorum", ""), 10)
    facts = {"write quorum": quorum} if quorum else {}
    if answer.status == 503:
        return Verdict(DOWN, "no quorum to write", facts=facts)
    if answer.status == 412:
        return Verdict(DEGRADED, "would lose its quorum without this node", facts=facts)
    return Verdict(UP, "has its quorum to write", facts=facts) if answer.status == 200 else None


def kubernetes(answer: Answer, _: Any) -> Verdict | None:
    """One line for each check, ``[+]ping ok``, and whether it passed as a whole."""
    checks = _CHECK.findall(answer.body[:20_000].decode("utf-8", "replace"))
    if not checks:
        return None
    bad = [(foreign(name, 40), DOWN) for sign, name, _ in checks if sign == "-"]
    facts = {"checks": f"{len(checks) - len(bad)} of {len(checks)}"}
    if bad:
        return Verdict(DOWN, f"not ready: {names(bad)}", facts=facts)
    return Verdict(UP, "ready", facts=facts) if answer.status == 200 else None


READINGS: Mapping[str, Reading] = {
    "somabrain": somabrain,
    "grafana": grafana,
    "elasticsearch": elasticsearch,
    "opensearch": elasticsearch,
    "vault": vault,
    "etcd": etcd,
    "consul": consul,
    "rabbitmq": rabbitmq,
    "minio": minio,
    "kubernetes": kubernetes,
}
"""Preset → how its answers are read; the others speak the words every service uses."""


def _version(value: object) -> str:
    return foreign(value, 30) if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _count(value: object, noun: str) -> str:
    return f"{_whole(value)} {noun}" + ("" if value == 1 else "s")
