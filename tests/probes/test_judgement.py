"""What HTTP answers mean: a table of what services really say, and hostile bodies."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.services import Health, Rule, Service
from controlroom.probes.judgement import WORDS, at, judge
from controlroom.probes.wire import Answer

U, DEG, D = Health.UP, Health.DEGRADED, Health.DOWN
UNFOLLOWED = ", not followed"


def answer(body: object, status: int = 200, phrase: str = "", **headers: str) -> Answer:
    """An answer with `body`, JSON unless it is text already."""
    raw = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, phrase, headers, raw.encode())


def judged(said: Answer, **keys: object) -> tuple[Health, str]:
    """Health and reason for a service with `keys`."""
    verdict = judge(Service("s", "http", **keys), said)  # type: ignore[arg-type]
    return verdict.health, verdict.reason


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("OK", (U, "OK")),
        ("ok\n", (U, "ok")),
        ("Healthy", (U, "Healthy")),
        ("status: ok", (U, "status: ok")),
        ("Degraded: consumer lag", (DEG, "Degraded: consumer lag")),
        ("unhealthy", (D, "unhealthy")),
        ("", (U, "status code only")),
        ("welcome to the front page", (U, "status code only")),
        ("<html><body>down</body></html>", (U, "status code only")),
        ("{not json", (U, "status code only")),
        ([1, 2], (U, "status code only")),
        (42, (U, "status code only")),
        ({"status": "ok"}, (U, "ok")),
        ({"status": "UP"}, (U, "UP")),
        ({"status": "pass"}, (U, "pass")),
        ({"status": "degraded"}, (DEG, "degraded")),
        ({"status": "not ready"}, (DEG, "not ready")),
        ({"status": "warn"}, (DEG, "warn")),
        ({"status": "starting"}, (DEG, "starting")),
        ({"status": "fail", "message": "disk full"}, (D, "fail: disk full")),
        ({"status": "error"}, (D, "error")),
        ({"status": "Unhealthy"}, (D, "Unhealthy")),
        ({"status": 200, "health": "green"}, (U, "green")),
        ({"healthy": True}, (U, "healthy")),
        ({"healthy": False}, (D, "not healthy")),
        ({"ready": False}, (DEG, "not ready")),
        ({"data": {"status": "degraded"}}, (DEG, "degraded")),
        ({"health": {"status": "down"}}, (D, "down")),
        ({"status": "ok", "checks": {"kafka": True, "redis": "ok"}}, (U, "ok")),
        ({"checks": {"kafka": False, "redis": True}}, (DEG, "not ok: kafka")),
        ({"status": "degraded", "checks": {"kafka": False, "redis": True}}, (DEG, "degraded: kafka")),
        ({"status": "ok", "checks": {"kafka": False}}, (DEG, "says ok, but not: kafka")),
        (
            {"status": "DOWN", "components": {"db": {"status": "DOWN"}, "disk": {"status": "UP"}}},
            (D, "DOWN: db"),
        ),
        ({"status": "DOWN", "checks": [{"name": "topics", "status": "DOWN"}]}, (D, "DOWN: topics")),
        (
            {"status": "warn", "checks": {"db:time": [{"status": "pass"}, {"status": "warn"}]}},
            (DEG, "warn: db:time"),
        ),
        ({"status": "fail", "checks": {str(n): False for n in range(6)}}, (D, "fail: 0, 1, 2, 3 and 2 more")),
        (
            {"status": "ok", "dependencies": {"a": {"checks": {"b": {"healthy": False}}}}},
            (DEG, "says ok, but not: a"),
        ),
        ({"uptime": 12, "checks": "all"}, (U, "status code only")),
    ],
)
def test_bodies_of_answers_that_are_fine_by_their_status(body: object, expected: tuple[Health, str]) -> None:
    """A 200 is judged by its words and checks; what is not understood says so."""
    assert judged(answer(body)) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer({"status": "not_ready"}, 503), (DEG, "HTTP 503 not_ready")),
        (answer("not ready", 503), (DEG, "HTTP 503 not ready")),
        (answer({"status": "not_ready", "checks": {"db": False}}, 503), (DEG, "HTTP 503 not_ready: db")),
        (answer({"status": "down"}, 503), (D, "HTTP 503 down")),
        (answer({"status": "up"}, 503), (D, "HTTP 503 up")),
        (answer("database is gone", 500), (D, "HTTP 500 database is gone")),
        (answer("", 404, "Not Found"), (D, "HTTP 404 Not Found")),
        (answer("404 page not found\n", 404, "Not Found"), (D, "HTTP 404 page not found")),
        (answer({"message": "Forbidden"}, 403, "Forbidden"), (D, "HTTP 403 Forbidden")),
        (answer("<h1>Bad Gateway</h1>", 502, "Bad Gateway"), (D, "HTTP 502 Bad Gateway")),
        (answer({"status": "degraded"}, 500), (D, "HTTP 500 degraded")),
        (
            answer("", 302, "Found", location="https://me:secret@login.example/?token=abc"),
            (D, f"HTTP 302: redirects to login.example{UNFOLLOWED}"),
        ),
        (
            answer("", 301, location="/login"),
            (D, f"HTTP 301: redirects to /login on the same host{UNFOLLOWED}"),
        ),
        (
            answer("", 301, location="http://["),
            (D, f"HTTP 301: redirects to an unreadable address{UNFOLLOWED}"),
        ),
    ],
)
def test_answers_that_are_not_fine(said: Answer, expected: tuple[Health, str]) -> None:
    """Another status is DOWN, in the server's own words; only 503 may be a service that is not ready yet."""
    assert judged(said) == expected


def test_a_configured_status_is_what_is_expected() -> None:
    """`status` replaces "any 2xx", both ways."""
    assert judged(answer({"status": "error"}, 401), status=(401,)) == (U, "HTTP 401, as configured")
    assert judged(answer("OK", 200, "OK"), status=(204,))[0] is D


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("queue.depth", below=100), (U, "ok")),
        (Rule("queue.depth", below=12), (D, "queue.depth is 12, not below 12")),
        (Rule("queue.depth", above=12, otherwise=DEG), (DEG, "queue.depth is 12, not above 12")),
        (Rule("nodes.1.role", equals=("follower",)), (U, "ok")),
        (Rule("nodes.0.role", equals=("follower", "x")), (D, "nodes.0.role is leader, not follower or x")),
        (Rule("nodes.7.role", equals=("follower",)), (D, "nodes.7.role is missing")),
        (Rule("open", equals=("true",)), (U, "ok")),
        (Rule("nothing", equals=("null",)), (U, "ok")),
        (Rule("status", below=3), (D, "status is no number: ok")),
        (Rule("a.dotted.key", equals=("1",)), (U, "ok")),
        (Rule("text", above=1), (U, "ok")),
    ],
)
def test_rules_read_the_body(rule: Rule, expected: tuple[Health, str]) -> None:
    """A JSON path, and what must stand there."""
    body = {
        "status": "ok",
        "queue": {"depth": 12},
        "nodes": [{"role": "leader"}, {"role": "follower"}],
        "open": True,
        "nothing": None,
        "a.dotted.key": 1,
        "text": "2.5",
    }
    assert judged(answer(body), rules=(rule,)) == expected


def test_a_rule_about_the_word_itself_overrules_the_vocabulary() -> None:
    """Who says that yellow is fine is believed; without such a rule it is not."""
    body = answer({"status": "yellow"})
    assert judged(body) == (DEG, "yellow")
    assert judged(body, rules=(Rule("status", equals=("green", "yellow")),)) == (U, "yellow")


def test_rules_without_a_body_to_read_are_broken() -> None:
    """A condition that cannot be checked is not met."""
    assert judged(answer("OK"), rules=(Rule("a", equals=("b",)),)) == (D, "a: the body is no JSON")
    large = Answer(200, "OK", {}, b"", "body over 256 KiB not read")
    assert judged(large, rules=(Rule("a", equals=("b",)),)) == (D, "a: body over 256 KiB not read")
    assert judged(large) == (U, "status code only: body over 256 KiB not read")


def test_secrets_and_control_characters_in_bodies_are_hidden() -> None:
    """The server's own words are cleaned, and what looks like a secret is not repeated."""
    said = {"status": "error", "message": "dial redis://app:hunter2@db:6379 \x1b[31mpassword=hunter2 \u202e"}
    reason = judged(answer(said))[1]
    assert "hunter2" not in reason
    assert "\x1b" not in reason
    assert "\u202e" not in reason


@pytest.mark.parametrize(
    "body",
    [
        "[" * 200_000,
        '{"a":' * 50_000,
        '{"status":' * 900 + "1" + "}" * 900,
        '{"checks":{"a":' * 400,
        '"' + "9" * 99_999,
        "1" * 10_000,
        "{" + '"status": ' + "9" * 9_999 + "}",
        '{"checks":{"a":' * 300 + "false" + "}}" * 300,
    ],
)
def test_bodies_made_to_break_a_reader_do_not(body: str) -> None:
    """Deep, long and endless bodies are judged by their status."""
    assert judged(answer(body))[0] in (U, DEG)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(sorted(WORDS)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["status", "checks", "health", "components", "name", "message", "data", "ok"])
            | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=30,
)


@given(JSON, st.sampled_from([200, 204, 301, 404, 500, 503]), st.text(max_size=12))
def test_any_json_is_judged(body: object, status: int, path: str) -> None:
    """Whatever a server says, there is a verdict with a printable reason, and never UP for a bad status."""
    health, reason = judged(answer(json.dumps(body), status), rules=(Rule(path, below=3),))
    assert reason
    assert reason.isprintable()
    if status >= 300:
        assert health is not U


@given(JSON, st.text())
def test_paths_never_raise(data: object, path: str) -> None:
    """Any path into any data finds something or nothing."""
    at(data, path)
