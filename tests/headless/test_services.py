"""`services` without a screen: the shape scripts rely on, and text that says what is wrong first."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controlroom.domain.causes import explain
from controlroom.domain.health import ProbeResult, ServiceState, advance, initial
from controlroom.domain.maintenance import Window
from controlroom.domain.program import Dependency
from controlroom.domain.selfcheck import Check
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


def test_scripts_learn_whether_it_is_this_machine() -> None:
    """Why services are unverified stands beside them."""
    cut = Check("route", False, "no default route")
    assert shown.as_json(ROOM, NOW, (), (cut,))["self"] == [
        {"name": "route", "ok": False, "text": "no default route"}
    ]


def test_none_configured_says_how_to_add_one() -> None:
    """Empty is not the same as well."""
    assert "[[services]]" in shown.as_text([], NOW)
    assert shown.as_json([], NOW) == {"services": [], "self": []}


def test_whom_a_service_reaches_is_followed_to_the_end() -> None:
    """Squads, milestones, services and dependencies of whatever needs it, nearest first."""
    redis = Service("redis", "redis", squads=("ops",), milestones=("m1",))
    api = Service("api", "http", squads=("web",), depends_on=("redis",), milestones=("m2",))
    shop = Service("shop", "http", squads=("sales", "web"), depends_on=("api",))
    states = [state(service, (Health.UP, "ok")) for service in (redis, api, shop)]
    entry = shown.as_json(states, NOW, (Dependency("Cache", services=("redis",)),))["services"][0]
    assert entry["affects"] == {
        "squads": ["ops", "web", "sales"],
        "milestones": ["m1", "m2"],
        "services": ["api", "shop"],
        "dependencies": ["Cache"],
    }


def test_the_last_hour_is_twelve_words() -> None:
    """Oldest first, null while nothing was known; the answer itself is in no document."""
    ended = T0 + timedelta(minutes=31)
    past = (
        ProbeResult("redis", T0, Health.UP, "PONG"),
        ProbeResult("redis", T0 + timedelta(minutes=21), Health.DOWN, "refused", raw="-LOADING secret"),
    )
    found = initial(Service("redis", "redis", down_after=1), 1800.0)
    for result in past:
        found = advance(found, result)
    document = shown.as_json([found], ended)
    entry = document["services"][0]
    assert entry["history"] == [None] * 5 + ["up"] * 5 + ["down"] * 2
    assert entry["answered_at"] == "2025-10-06T16:21:00Z"
    assert "LOADING" not in json.dumps(document)


def test_flapping_and_planned_work_are_said() -> None:
    """As a flag and a window in the document, as words in the text; planned work alone is fine."""
    window = Window("Patching", start=T0, end=T0 + timedelta(hours=1), zone="UTC")
    busy = replace(state(Service("bus", "tcp", maintenance=(window,)), (Health.DOWN, "refused")), flaps=3)
    calm = state(REDIS, (Health.UP, "PONG"))
    first, second = shown.as_json([busy, calm], NOW)["services"]
    assert (first["state"], first["flapping"], second["flapping"]) == ("maintenance", True, False)
    assert first["maintenance"] == {"text": "Patching", "until": "2025-10-06T17:00:00Z"}
    assert second["maintenance"] is None
    text = shown.as_text([busy, calm], NOW)
    assert "MAINTENANCE        bus    Patching until Mon 17:00 UTC; down: refused" in text
    assert "flapped 3 times in the last hour" in text
    assert shown.exit_code([busy], NOW) == 0


def test_groups_are_headed_and_the_one_with_the_worst_is_first() -> None:
    """Those without a group come under a name of their own, last among equals."""
    states = [
        state(Service("mail", "http"), (Health.UP, "ok")),
        state(Service("web", "http", group="edge"), (Health.UP, "ok")),
        state(Service("redis", "redis", group="data"), (Health.UP, "PONG")),
        state(Service("kafka", "kafka", group="data"), (Health.DOWN, "refused")),
    ]
    lines = shown.as_text(states, NOW).splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["data", "edge", "other", "1 down, 3 up"]
    assert "kafka" in lines[1]


def test_a_doubt_comes_before_everything_and_failures_in_it_are_unknown() -> None:
    """Which check fails, and no failure counted as an outage."""
    doubted = replace(state(REDIS, (Health.DOWN, "no route to host")), verified=False)
    text = shown.as_text([doubted], NOW, [Check("route", False, "no default route")])
    assert text.startswith("is it me: no default route\nUNVERIFIED 8s")
    assert text.endswith("\n1 unknown\n")
