"""`services` without a screen: the shape scripts rely on, and text that says what is wrong first."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from controlroom.domain.health import ProbeResult, ServiceState, advance, explain, initial
from controlroom.domain.services import Health, Service
from controlroom.headless import services as shown

T0 = datetime(2025, 10, 6, 16, 0, tzinfo=UTC)
NOW = T0 + timedelta(seconds=8)


def state(service: Service, *results: tuple[Health, str]) -> ServiceState:
    """The state after `results`, five seconds apart."""
    found = initial(service, 5.0)
    for number, (health, reason) in enumerate(results):
        at = T0 + timedelta(seconds=5 * number)
        found = advance(found, ProbeResult(service.id, at, health, reason, 0.0123, {"version": "7"}))
    return found


REDIS = Service("redis", "redis", squads=("infra_ops",))
API = Service("api", "http", name="API", depends_on=("redis",))
ROOM = explain(
    [
        state(API, (Health.DOWN, "HTTP 500")),
        state(REDIS, (Health.UP, "PONG"), (Health.UP, "PONG")),
        state(Service("fresh", "tcp")),
    ]
)


def test_the_shape_of_a_service() -> None:
    """Every key of the interface is there, instants in UTC, nothing that is not JSON."""
    document = json.loads(json.dumps(shown.as_json(ROOM, NOW), allow_nan=False))
    api, redis, fresh = document["services"]
    needed = {
        "id",
        "kind",
        "state",
        "since",
        "latency_ms",
        "error",
        "caused_by",
        "verified",
        "squads",
        "detail",
    }
    assert needed <= set(api)
    assert (api["id"], api["state"], api["error"], api["since"]) == (
        "api",
        "down",
        "HTTP 500",
        "2025-10-06T16:00:00Z",
    )
    assert (redis["state"], redis["error"], redis["latency_ms"]) == ("up", None, 12.3)
    assert (redis["squads"], redis["detail"]) == (["infra_ops"], {"version": "7"})
    assert (fresh["state"], fresh["since"], fresh["error"]) == ("unknown", None, "not probed yet")


def test_what_is_too_old_is_unknown_in_every_format() -> None:
    """The state is judged at the time it is shown."""
    later = T0 + timedelta(minutes=5)
    assert {entry["state"] for entry in shown.as_json(ROOM, later)["services"]} == {"unknown"}
    assert "3 unknown" in shown.as_text(ROOM, later)
    assert shown.exit_code(ROOM[1:2], NOW) == 0
    assert shown.exit_code(ROOM[1:2], later) == 1


def test_text_has_the_worst_first_and_counts() -> None:
    """One line per service, and how many there are in each state."""
    lines = shown.as_text(ROOM, NOW).splitlines()
    assert lines[0].startswith("DOWN 8s")
    assert "API" in lines[0]
    assert "HTTP 500" in lines[0]
    assert lines[1].startswith("UNKNOWN")
    assert lines[2].startswith("UP 8s")
    assert lines[3] == "1 down, 1 unknown, 1 up"


def test_causes_and_doubts_are_said() -> None:
    """Caused by, unverified and who is affected stand in the line."""
    down = explain([state(REDIS, (Health.DOWN, "connection refused")), state(API, (Health.DOWN, "HTTP 500"))])
    text = shown.as_text(down, NOW)
    assert "caused by redis" in text
    assert "affects infra_ops" in text
    assert shown.as_json(down, NOW)["services"][1]["caused_by"] == "redis"


def test_none_configured_says_how_to_add_one() -> None:
    """Empty is not the same as well."""
    assert "[[services]]" in shown.as_text([], NOW)
    assert shown.as_json([], NOW) == {"services": []}
