"""What SomaBrain means by its answers (github.com/somatechlat/somabrain).

`GET /health` (somabrain/routers/health.py) answers 200 whatever is wrong, with ``ok: true`` always: its own
word is `ready`, which it derives from memory, its circuit breaker, predictor, embedder, Kafka and PostgreSQL.
Without those it does not do its job. The rest it can be without for a while: services it hands work to
(`integrator_health`, `segmentation_health`), OPA unless `opa_required`, whatever else stands in `components`.
The later `GET /api/health/` (somabrain/api/endpoints/health.py) has a `status` and `components`, and no
`ready`; `GET /api/health/full` (system_health.py) has `infrastructure` and `internal_services` instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controlroom.domain.services import Health
from controlroom.probes.judgement import WORDS, Verdict, names, unwell
from controlroom.probes.wire import Answer
from controlroom.probes.wording import foreign

CRITICAL = ("memory", "predictor", "embedder", "kafka", "postgres")
"""Parts `ready` is derived from, as `…_ok`, and as keys of `components`."""

_ALSO_CRITICAL = frozenset({*CRITICAL, "postgresql"})
_HANDED_ON = ("integrator", "segmentation")
_OWN = frozenset({"ready", "components", "memory_ok", "kafka_ok", "postgres_ok", "infrastructure"})
_STUBS = ("stub", "baseline")
_MEMORY = ("http", "ok", "healthy")

Parts = Iterator[tuple[str, Health]]


def somabrain(answer: Answer, data: Any) -> Verdict | None:
    """A critical part that fails is DOWN, another DEGRADED, each by its name; then what it says of itself."""
    if not isinstance(data, dict) or not _OWN & data.keys() or answer.status not in (200, 503):
        return None
    found = [*_critical(data), *_optional(data)]
    down = [(name, health) for name, health in found if health is Health.DOWN]
    facts = _facts(data)
    ready = data.get("ready")
    if down:
        lead = "not ready: " if ready is False else "not ok: "
        return Verdict(Health.DOWN, lead + names(down), facts=facts)
    word = WORDS.get(str(data.get("status")).lower(), Health.UP)
    if data.get("ok") is False or word is Health.DOWN or (answer.status == 503 and ready is not False):
        said = foreign(data["status"], 30) if word is Health.DOWN else "not ok"
        return Verdict(Health.DOWN, _with(said, found), facts=facts)
    if ready is False:
        return Verdict(Health.DEGRADED, _with("not ready", found), facts=facts)
    if found or word is Health.DEGRADED:
        said = "ready" if ready else foreign(data.get("status") or "ok", 30)
        return Verdict(Health.DEGRADED, _with(said, found, ", but: "), facts=facts)
    return Verdict(Health.UP, "ready" if ready else foreign(data.get("status") or "ok", 30), facts=facts)


def _with(said: str, found: list[tuple[str, Health]], joint: str = ": ") -> str:
    return said + (joint + names(found) if found else "")


def _critical(data: Mapping[str, Any]) -> Parts:
    """Critical parts that fail; where it says that it is ready all the same, they are not missed."""
    health = Health.DEGRADED if data.get("ready") is True else Health.DOWN
    components = _table(data, "components")
    for name in CRITICAL:
        if data.get(f"{name}_ok", True) is False:
            yield name, health
    memory = components.get("memory")
    if "memory_ok" not in data and isinstance(memory, dict):
        said = [memory[key] for key in _MEMORY if isinstance(memory.get(key), bool)]
        if said and not any(said):
            yield "memory", health
    if data.get("memory_circuit_open") is True or components.get("memory_circuit_open") is True:
        yield "memory circuit open", health
    for name, how in _parts(data):
        if name in _ALSO_CRITICAL and how is Health.DOWN and name != "memory":
            yield name, health
    if data.get("opa_required") is True and data.get("opa_ok") is False:
        yield "opa", Health.DOWN


def _optional(data: Mapping[str, Any]) -> Parts:
    """What else is worth knowing: other parts that fail, stubs in the place of real ones, its own alerts."""
    for name in _HANDED_ON:
        if data.get(f"{name}_health") is False:
            yield name, Health.DEGRADED
    for name, how in _parts(data):
        if name not in _ALSO_CRITICAL or how is Health.DEGRADED:
            yield name, Health.DEGRADED
    if data.get("memory_degraded") is True:
        yield "memory degraded", Health.DEGRADED
    provider = data.get("predictor_provider")
    if provider in _STUBS:
        yield f"{provider} predictor", Health.DEGRADED
    for name, count in _table(data, "stub_counts").items():
        if isinstance(count, int) and count > 0:
            yield f"stub {foreign(name, 30)}", Health.DEGRADED
    alerts = data.get("alerts")
    for alert in alerts[:10] if isinstance(alerts, list) else []:
        yield f"alert {foreign(alert, 40)}", Health.DEGRADED


def _parts(data: Mapping[str, Any]) -> Parts:
    """Parts that are not well, from whichever table they stand in."""
    for key in ("components", "infrastructure", "internal_services"):
        table = {
            name: part
            for name, part in _table(data, key).items()
            if not (key == "components" and (name == "memory" or isinstance(part, bool)))
            and not (isinstance(part, dict) and part.get("status") == "not_configured")
        }
        yield from unwell({"components": table})


def _facts(data: Mapping[str, Any]) -> dict[str, str]:
    version = _table(data, "components").get("api_version", data.get("version"))
    shown = {
        "memories": data.get("memory_items"),
        "predictor": data.get("predictor_provider"),
        "version": version,
    }
    return {key: foreign(value, 30) for key, value in shown.items() if isinstance(value, (str, int))}


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = data.get(key)
    return table if isinstance(table, dict) else {}
