"""Presets: answers as products document them, or as real ones give them, and what is made of each."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from controlroom.config.places import Findings, spelled
from controlroom.config.service_rules import service as check
from controlroom.domain.asks import HttpAsks
from controlroom.domain.services import Health, Rule, Service
from controlroom.lab import servers
from controlroom.lab.ports import reserved
from controlroom.probes import REGISTRY
from controlroom.probes.judgement import Verdict, judge
from controlroom.probes.presets import PRESETS
from controlroom.probes.prober import Prober
from controlroom.probes.readings import READINGS
from controlroom.probes.wire import Answer
from tests import faults
from tests.conftest import Start
from tests.probes.test_http import Recorder
from tests.probes.web_servers import answers

U, DEG, D, N = Health.UP, Health.DEGRADED, Health.DOWN, Health.UNKNOWN


def read(preset: str, body: object, status: int = 200, **keys: object) -> Verdict:
    """What `preset` makes of an answer; `headers` among the keys are the answer's."""
    raw = body if isinstance(body, str) else json.dumps(body)
    headers = keys.pop("headers", {})
    phrase = {502: "Bad Gateway", 404: "Not Found", 403: "Forbidden"}.get(status, "")
    answer = Answer(status, phrase, headers, raw.encode())  # type: ignore[arg-type]
    service = Service("s", "http", http=HttpAsks(preset), **keys)  # type: ignore[arg-type]
    return judge(service, answer, READINGS.get(preset), product=PRESETS[preset].product)


READY = {
    "ok": True,
    "components": {
        "memory": {"http": True},
        "memory_circuit_open": False,
        "wm_items": 12,
        "api_version": "v1",
        "outbox": {"pending": 0, "last_pending_created_at": None},
        "milvus": {"search_latency_p95_seconds": None, "segment_load": 0.2},
    },
    "namespace": "sandbox",
    "trace_id": "140352",
    "predictor_provider": "mahal",
    "embedder": {"provider": "tiny", "dim": 256},
    "stub_counts": {},
    "opa_ok": False,
    "opa_required": False,
    "memory_ok": True,
    "memory_degraded": False,
    "memory_circuit_open": False,
    "kafka_ok": True,
    "postgres_ok": True,
    "predictor_ok": True,
    "embedder_ok": True,
    "integrator_health": True,
    "segmentation_health": True,
    "ready": True,
    "memory_items": 42,
}
PARTS = {name: {"ok": True} for name in ("postgres", "kafka", "embedder", "predictor")}
LATER = {"status": "ok", "postgres_ok": True, "kafka_ok": True, "components": PARTS}
FULL = {
    "status": "healthy",
    "version": "1.0.0",
    "infrastructure": {
        "postgresql": {"name": "PostgreSQL", "status": "healthy", "details": {"active_connections": 3}},
        "keycloak": {"name": "Keycloak", "status": "not_configured", "error": None},
        "milvus": {"name": "Milvus", "status": "healthy"},
    },
    "internal_services": {"embedder": {"name": "Embedder", "status": "healthy"}},
}


@pytest.mark.parametrize(
    ("body", "health", "reason"),
    [
        (READY, U, "ready"),
        (READY | {"ready": False, "kafka_ok": False}, D, "not ready: kafka"),
        (
            READY | {"ready": False, "kafka_ok": False, "postgres_ok": False, "integrator_health": False},
            D,
            "not ready: kafka, postgres",
        ),
        (READY | {"ready": False, "memory_circuit_open": True}, D, "not ready: memory circuit open"),
        (READY | {"ready": False}, DEG, "not ready"),
        (READY | {"memory_ok": False}, DEG, "ready, but: memory"),
        (READY | {"integrator_health": False}, DEG, "ready, but: integrator"),
        (READY | {"opa_required": True}, D, "not ok: opa"),
        (READY | {"memory_degraded": True}, DEG, "ready, but: memory degraded"),
        (READY | {"predictor_provider": "stub"}, DEG, "ready, but: stub predictor"),
        (
            READY | {"stub_counts": {"predictor": 3, "recall": 0}},
            DEG,
            "ready, but: stub predictor",
        ),
        (READY | {"alerts": ["entropy high"]}, DEG, "ready, but: alert entropy high"),
        (READY | {"ok": False}, D, "not ok"),
        (
            {"ok": True, "ready": True, "components": {"memory": {"http": False}, "api_version": "v1"}},
            DEG,
            "ready, but: memory",
        ),
        (LATER, U, "ok"),
        (
            LATER | {"status": "degraded", "kafka_ok": False, "components": PARTS | {"kafka": {"ok": False}}},
            D,
            "not ok: kafka",
        ),
        (LATER | {"components": PARTS | {"milvus": {"ok": False}}}, DEG, "ok, but: milvus"),
        (LATER | {"status": "degraded"}, DEG, "degraded"),
        (FULL, U, "healthy"),
        (
            FULL | {"infrastructure": {"postgresql": {"name": "PostgreSQL", "status": "unhealthy"}}},
            D,
            "not ok: postgresql",
        ),
        (
            FULL | {"internal_services": {"embedder": {"name": "Embedder", "status": "degraded"}}},
            DEG,
            "healthy, but: embedder",
        ),
        ({"welcome": "to another API"}, D, "answers, but is not SomaBrain"),
        ("OK", D, "answers, but is not SomaBrain"),
    ],
)
def test_somabrain_names_what_it_cannot_do_without(body: object, health: Health, reason: str) -> None:
    """A critical part that fails is DOWN by its name, another DEGRADED; 200 alone says nothing."""
    verdict = read("somabrain", body)
    assert (verdict.health, verdict.reason) == (health, reason)


def test_somabrain_shows_its_facts() -> None:
    """How much it remembers, with what it predicts, which version."""
    assert read("somabrain", READY).facts == {"memories": "42", "predictor": "mahal", "version": "v1"}


CLUSTER = {
    "cluster_name": "it",
    "status": "green",
    "timed_out": False,
    "number_of_nodes": 3,
    "unassigned_shards": 0,
    "initializing_shards": 0,
}
NO_MASTER = {"error": {"type": "master_not_discovered_exception", "reason": None}, "status": 503}
VAULT = {"initialized": True, "sealed": False, "standby": False, "version": "1.15.2", "cluster_name": "v"}
ALARMS = {
    "status": "failed",
    "reason": "There are alarms in effect in the cluster",
    "alarms": [{"node": "rabbit@one", "resource": "disk"}, {"node": "rabbit@two", "resource": "memory"}],
}
CHECKS = "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[+]shutdown ok\nreadyz check failed\n"
MINIO = {"server": "MinIO", "x-minio-write-quorum": "3"}


@pytest.mark.parametrize(
    ("preset", "status", "body", "health", "reason"),
    [
        ("grafana", 200, {"commit": "abc", "database": "ok", "version": "10.2.0"}, U, "ok"),
        ("grafana", 503, {"database": "failing", "version": "10.2.0"}, D, "its database: failing"),
        ("elasticsearch", 200, CLUSTER, U, "green"),
        (
            "elasticsearch",
            200,
            CLUSTER | {"status": "yellow", "unassigned_shards": 1, "initializing_shards": 4},
            DEG,
            "yellow: 1 shard unassigned, 4 shards initializing",
        ),
        (
            "opensearch",
            200,
            CLUSTER | {"status": "red", "unassigned_shards": 7},
            D,
            "red: 7 shards unassigned",
        ),
        ("elasticsearch", 503, NO_MASTER, D, "master not discovered exception"),
        ("vault", 200, VAULT, U, "active"),
        ("vault", 429, VAULT | {"standby": True}, U, "standby"),
        ("vault", 200, VAULT | {"standby": True}, U, "standby"),
        ("vault", 472, VAULT, U, "standby of a disaster recovery cluster"),
        ("vault", 473, VAULT | {"standby": True, "performance_standby": True}, U, "performance standby"),
        ("vault", 501, VAULT | {"initialized": False, "sealed": True}, D, "not initialized"),
        ("vault", 503, VAULT | {"sealed": True}, D, "sealed"),
        ("vault", 200, VAULT | {"sealed": True}, D, "sealed"),
        ("etcd", 200, {"health": "true"}, U, "healthy"),
        ("etcd", 200, {"health": "true", "reason": ""}, U, "healthy"),
        ("etcd", 503, {"health": "false"}, D, "not healthy, no leader or an alarm"),
        ("etcd", 503, {"health": "false", "reason": "ALARM NOSPACE"}, D, "not healthy: ALARM NOSPACE"),
        ("consul", 200, '"10.1.10.12:8300"', U, "leader 10.1.10.12:8300"),
        ("consul", 200, '""', D, "no cluster leader"),
        ("consul", 500, "No cluster leader", D, "no cluster leader"),
        ("rabbitmq", 200, {"status": "ok"}, U, "no alarms"),
        ("rabbitmq", 503, ALARMS, DEG, "publishers wait, alarm: disk on rabbit@one, memory on rabbit@two"),
        ("kubernetes", 200, "[+]ping ok\n[+]etcd ok\nreadyz check passed\n", U, "ready"),
        ("kubernetes", 500, CHECKS, D, "not ready: etcd"),
        ("spring", 200, {"status": "UP", "components": {"db": {"status": "UP"}}}, U, "UP"),
        ("spring", 503, {"status": "DOWN", "components": {"db": {"status": "DOWN"}}}, D, "HTTP 503 DOWN: db"),
        ("keycloak", 200, {"status": "UP", "checks": []}, U, "UP"),
        ("nats", 200, {"status": "ok"}, U, "ok"),
        (
            "nats",
            503,
            {"status": "unavailable", "status_code": 503, "error": "JetStream is not current"},
            D,
            "HTTP 503 JetStream is not current",
        ),
    ],
)
def test_documented_answers(preset: str, status: int, body: object, health: Health, reason: str) -> None:
    """What the documentation of each product says it answers, and what an operator reads of it."""
    verdict = read(preset, body, status)
    assert (verdict.health, verdict.reason) == (health, reason)


@pytest.mark.parametrize(
    ("status", "health", "reason"),
    [
        (200, U, "has its quorum to write"),
        (412, DEG, "would lose its quorum without this node"),
        (503, D, "no quorum to write"),
    ],
)
def test_minio_answers_with_headers(status: int, health: Health, reason: str) -> None:
    """MinIO's answer has no body; without its headers it is not MinIO's."""
    verdict = read("minio", "", status, headers=MINIO)
    assert (verdict.health, verdict.reason, verdict.facts) == (health, reason, {"write quorum": "3"})
    assert read("minio", "", 200).reason == "answers, but is not MinIO"


@pytest.mark.parametrize("preset", READINGS)
def test_what_stands_before_a_product_is_not_taken_for_it(preset: str) -> None:
    """A gateway's own page, a login and a redirect are told as such; another 200 is not that product."""
    assert read(preset, "<h1>Bad Gateway</h1>", 502).reason == "HTTP 502 Bad Gateway"
    assert read(preset, "", 401).reason == "HTTP 401: asks for credentials"
    assert read(preset, "", 302, headers={"location": "https://sso/"}).reason.startswith(
        "HTTP 302: redirects"
    )
    verdict = read(preset, "<html>welcome</html>")
    assert (verdict.health, verdict.reason) == (D, f"answers, but is not {PRESETS[preset].product}")


def test_rules_of_ones_own_stand_beside_a_preset() -> None:
    """A rule that is broken counts where the product itself is content, and not where it says worse."""
    rules = (Rule("number_of_nodes", above=4, otherwise=DEG),)
    verdict = read("elasticsearch", CLUSTER, rules=rules)
    assert (verdict.health, verdict.reason) == (DEG, "number_of_nodes is 3, not above 4")
    assert read("elasticsearch", CLUSTER | {"status": "red"}, rules=rules).reason == "red"


@pytest.mark.parametrize(
    ("preset", "path", "asked"),
    [
        ("somabrain", "", b"/health"),
        ("somabrain", "/", b"/health"),
        ("somabrain", "/api/health/", b"/api/health/"),
        ("somabrain", "?deep=1", b"/?deep=1"),
        ("kubernetes", "", b"/readyz?verbose"),
        ("elasticsearch", "", b"/_cluster/health"),
    ],
)
async def test_a_base_url_is_completed(prober: Prober, preset: str, path: str, asked: bytes) -> None:
    """The preset adds its path to a url without one; what is written stays."""
    recorder = Recorder()
    with faults.scripted(recorder) as address:
        await prober(Service("it", "http", url=f"http://{address}{path}", http=HttpAsks(preset)), 1.0)
    assert recorder.requests[0].split(b" ")[1] == asked


async def test_a_preset_there_is_not_is_not_the_services_fault(prober: Prober) -> None:
    """UNKNOWN with its name, should the configuration not have been checked."""
    result = await prober(Service("it", "http", url="http://127.0.0.1:1", http=HttpAsks("grafna")), 1.0)
    assert (result.health, result.reason) == (N, "there is no preset grafna")


def findings(**keys: object) -> list[tuple[str, str, str]]:
    """Key, problem and remedy of what is wrong with a service with `keys`."""
    found = Findings()
    given = Service("it", "http", url="http://it", **keys)  # type: ignore[arg-type]
    check(given, ("services", 0), found, REGISTRY)
    return [(spelled(one.place), one.message, one.remedy) for one in found.found]


def test_the_configuration_knows_the_presets() -> None:
    """A misspelt preset is met with the one that was meant, status codes beside a preset with a choice."""
    assert findings(http=HttpAsks("grafana")) == []
    ((place, problem, remedy),) = findings(http=HttpAsks("grafna"))
    assert (place, problem) == ("services[0].http.preset", 'there is no preset "grafna"')
    assert remedy == 'did you mean "grafana"?'
    assert "somabrain" in findings(http=HttpAsks("xyzzy"))[0][2]
    assert findings(http=HttpAsks("vault"), status=(429,))[0][0] == "services[0].status"


def test_the_presets_are_cheap_to_look_at() -> None:
    """`config check` knows their names without an event loop, and every reading belongs to one."""
    code = "import sys, controlroom.probes.presets; print('asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert set(READINGS) <= set(PRESETS)


def etcd(folder: Path, peers: Sequence[int], number: int = 0) -> servers.Server:
    """The etcd with that `number` in a cluster whose members speak to each other on the ports `peers`.

    Before a majority is there none of them answers, so only the last is waited for.
    """
    own = f"http://127.0.0.1:{peers[number]}"
    members = ",".join(f"e{port}=http://127.0.0.1:{port}" for port in peers)

    def arguments(port: int, where: Path) -> Sequence[str]:
        return [
            *("--name", f"e{peers[number]}", "--data-dir", str(where / "data"), "--log-level", "error"),
            *("--listen-client-urls", f"http://127.0.0.1:{port}"),
            *("--advertise-client-urls", f"http://127.0.0.1:{port}"),
            *("--listen-peer-urls", own, "--initial-advertise-peer-urls", own),
            *("--initial-cluster", members, "--heartbeat-interval", "20", "--election-timeout", "200"),
        ]

    last = number == len(peers) - 1
    return servers.launch("etcd", "etcd", arguments, answers if last else lambda _: True, folder)


async def test_a_real_etcd_knows_whether_it_has_a_leader(prober: Prober, start: Start) -> None:
    """Two of two are healthy; when one is killed the other has nobody to agree with."""
    with ExitStack() as stack:
        peers = [stack.enter_context(reserved()) for _ in range(2)]
        first = start(lambda folder: etcd(folder, peers, 0))
        second = start(lambda folder: etcd(folder, peers, 1))
        service = Service("it", "http", url=second.url, http=HttpAsks("etcd"))
        async with asyncio.timeout(20):
            while (result := await prober(service, 2.0)).health is not U:
                pass
            assert result.reason == "healthy"
            assert '{"health":"true"}' in result.raw
            first.kill()
            while (result := await prober(service, 2.0)).health is not D or "healthy" not in result.reason:
                pass
        assert result.reason == "not healthy, no leader or an alarm"


async def test_a_real_nats_is_ok(prober: Prober, start: Start) -> None:
    """Its monitoring port says so."""
    server = start(
        lambda folder: servers.launch(
            "nats",
            "nats-server",
            lambda port, where: ["-a", "127.0.0.1", "-p", "-1", "-m", str(port), "-sd", str(where)],
            servers.http_ok("/healthz"),
            folder,
        )
    )
    result = await prober(Service("it", "http", url=server.url, http=HttpAsks("nats")), 2.0)
    assert (result.health, result.reason) == (U, "ok")
