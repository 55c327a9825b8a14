"""What is shown of a service, of what the schedule depends on, and of this machine."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from controlroom.domain.health import ServiceState, Transition
from controlroom.domain.maintenance import Window
from controlroom.domain.program import Dependency
from controlroom.domain.selfcheck import Check
from controlroom.domain.services import Health
from controlroom.domain.snapshot import SourceStatus
from controlroom.probes import KINDS
from controlroom.probes.presets import PRESETS
from controlroom.tui.detail import describe
from controlroom.tui.details.services import PIECE, breakable
from controlroom.tui.details.systems import ANY_PROBE, PROBES
from controlroom.tui.lines import line_width, wrap
from controlroom.tui.rows import Subject
from tests.tui.looking import seat
from tests.tui.rooms import NOW, PROGRAM, SOURCES, ago, changed, service, view
from tests.tui.still import Still


def told(state: ServiceState, *others: ServiceState, now: datetime = NOW, **more: object) -> str:
    """The detail of a service in a room with these services."""
    seen = view(**{k: more.pop(k) for k in ("ascii", "redact") if k in more})  # type: ignore[arg-type]
    room = changed(services=(state, *others), **more)
    return describe(room, Subject("service", state.service.id), now, seen).plain


def node(id_: str, health: Health = Health.UP, **own: object) -> ServiceState:
    """A service that answered just now."""
    made = service(id_, health, "refused" if health is Health.DOWN else "ok", 4)
    return replace(made, service=replace(made.service, **own))  # type: ignore[arg-type]


def test_a_service_tells_what_it_was_and_for_how_long() -> None:
    """Newest first, each with its length; the last hour in one line over its axis."""
    past = (
        Transition(ago(50), Health.UNKNOWN, Health.UP, "ok"),
        Transition(ago(10), Health.UP, Health.DOWN, "refused"),
        Transition(ago(4), Health.DOWN, Health.UP, "ok"),
    )
    said = told(replace(node("redis"), transitions=past))
    first, second, third = [line for line in said.splitlines() if "→" in line]
    assert "✖ DOWN → ● up" in first
    assert "for 4m so far" in first
    assert "for 6m " in second
    assert "for 40m " in third
    (axis,) = [line for line in said.splitlines() if line.endswith("now")]
    assert axis.startswith("  60 m ago")
    assert "▁ up  █ down  · nothing known" in said


def test_a_service_that_does_not_answer_has_no_answer_now() -> None:
    """When it was asked last and when it answered last are told in words of their own."""
    state = replace(node("api", Health.DOWN), probed_at=ago(0), raw="HTTP/1.1 200 OK", answered_at=ago(9))
    said = told(state)
    assert "last result   08:59:30 · 0s ago" in said
    assert said.lower().count("last answer") == 1
    assert "Last answer, as it came, 08:50:30" in said


def test_a_service_names_everything_it_reaches_with_its_state() -> None:
    """Its own squads apart from those behind it; milestones, dependencies, and who needs it."""
    redis = node("redis", Health.DOWN, squads=("cranes",), milestones=("m1",), owner="quay")
    api = replace(node("api", Health.DOWN, depends_on=("redis",), squads=("quay",)), caused_by="redis")
    web = node("web", depends_on=("api",), squads=("customs",), milestones=("m3",))
    program = replace(PROGRAM, dependencies=(Dependency("Cache", services=("redis",)),))
    said = told(redis, api, web, program=program)
    for line in (
        "run by        Quay & Berths",
        "affects       Cranes · through others Quay & Berths, Customs",
        "milestones    First berth booked, Crane dry run",
        "part of       Cache",
        "needed by     ✖ api DOWN 4m",
        "behind them   1 more service",
    ):
        assert line in said
    dependent = told(api, redis, web, program=program)
    assert "caused by     ✖ redis DOWN 4m · refused" in dependent
    assert "look at redis first" in dependent
    crowd = [node(f"n{n}", depends_on=("redis",)) for n in range(300)]
    assert "+292" in told(redis, *crowd)


def test_planned_work_is_told_on_both_clocks() -> None:
    """What is on and until when, and what comes within a day."""
    windows = (
        Window("Moved", start=ago(30), end=ago(-60), zone="UTC"),
        Window("Emptied", start=ago(-120), end=ago(-180), zone="UTC"),
    )
    said = told(node("redis", maintenance=windows))
    assert "◌ maintenance" in said
    assert "planned work  Moved · until Wed 09:59 CET · Wed 14:29 IST" in said
    assert "next work     Emptied · Wed 10:59 CET · Wed 15:29 IST, for 1h 00m · in 2h 00m" in said


def test_a_failure_in_doubt_says_which_check_of_this_machine_fails() -> None:
    """And when that was seen; without one, that nothing answers."""
    doubted = replace(node("redis", Health.DOWN), verified=False, failures=2)
    itself = SourceStatus("self", "self", "this machine", 10, NOW - timedelta(seconds=5))
    checks = (Check("clock", True, "runs evenly"), Check("route", False, "no default route"))
    said = told(doubted, self_checks=checks, sources=(*SOURCES, itself))
    assert "state         ? unverified 4m" in said
    assert "is it me      ✖ route no default route · seen 08:59:25 · 5s ago" in said
    assert "look at this machine first" in said
    assert "is it me      nothing on any other machine answers" in told(doubted)


ANSWER = '{"status":"degraded","checks":{"db":{"host":"db.harbour.test:5432","error":"' + "x" * 900 + '"}}}'


def test_the_last_answer_is_told_as_it_came_with_its_age() -> None:
    """In a section of its own, whole; hosts hidden where the screen is shared."""
    state = replace(node("api", Health.DEGRADED), raw=f"HTTP/1.1 200 OK\n{ANSWER}", answered_at=ago(1))
    said = told(state)
    assert "Last answer, as it came, 08:58:30 · 1m ago\n  HTTP/1.1 200 OK\n" in said
    assert ANSWER in said
    assert "db.harbour.test" not in told(state, redact=True)
    assert "Last answer" not in told(node("api"))


@pytest.mark.parametrize("width", [1, 20, 54, 108])
def test_an_answer_without_a_blank_is_wrapped_and_not_cropped(width: int) -> None:
    """Every character is to be seen, wide ones and joined ones too."""
    for raw in (ANSWER, "日本語" * 99, "👩‍🚀" * 40, "a b  c", "Z͑ͫ̓" * 40):
        lines = wrap(breakable(raw), max(width, 2 * PIECE))
        assert all(line_width(line) <= max(width, 2 * PIECE) for line in lines)
        assert "".join(span.text for line in lines for span in line) == raw


@pytest.mark.parametrize("raw", ["[/foo] [@click=app.quit]x", "\x1b[2J\x1b]0;owned\x07", "\u202eevil\u2066"])
def test_a_hostile_answer_is_harmless(raw: str) -> None:
    """No escape sequence, no bidi control, no markup that means anything."""
    said = told(replace(node(raw, group=raw), raw=raw, reason=raw, answered_at=ago(1)))
    assert all(character == "\n" or character.isprintable() for character in said)
    assert "[@click=app.quit]x" in said or "click" not in raw


async def test_a_document_in_one_long_word_is_seen_whole() -> None:
    """Its end is on the screen, below its beginning."""
    state = replace(node("redis", Health.DOWN), raw=ANSWER, answered_at=ago(1))
    async with seat(Still(changed(services=(state,))), (100, 60)) as here:
        said = await here.press("6", "enter")
        assert '{"status":"degraded"' in said
        assert 'x"}}}' in said


async def test_a_long_answer_is_scrolled_to_its_end() -> None:
    """On a small screen, in a room that is alive."""
    lines = "\n".join(f"line {n} of what it said" for n in range(60))
    state = replace(node("redis", Health.DOWN), raw=lines, answered_at=ago(1))
    async with seat(Still(changed(services=(state,))), (80, 24)) as here:
        said = await here.press("6", "enter")
        assert "line 59" not in said
        assert "line 59 of what it said" in await here.press("G") + await here.press("k", "k", "k", "k")


# What the schedule depends on, and this machine


def test_a_dependency_lists_everybody_who_waits_by_name() -> None:
    """The services that watch it, worst first, then squads, services and blockers."""
    redis = node("redis", Health.DOWN, squads=("cranes",))
    shown = changed(
        program=replace(
            PROGRAM, dependencies=(Dependency("Cache", "Hot data", "quay", ("kafka", "redis", "x")),)
        ),
        services=(node("kafka"), redis, node("api", depends_on=("redis",), squads=("customs",))),
    )
    said = describe(shown, Subject("dependency", "Cache"), NOW, view()).plain
    assert "state         ✖ DOWN 4m" in said
    assert "owner         Quay & Berths" in said
    assert "what waits    2 squads, 1 service, 2 blockers wait" in said
    watched = said[said.index("Watched by") : said.index("Squads that wait")].splitlines()
    assert [line.split()[1] for line in watched[1:4]] == ["redis", "kafka", "x"]
    for part in ("  Cranes\n", "  Customs\n", "● api", "Schema undecided", "Topics missing"):
        assert part in said


@pytest.mark.parametrize(
    ("name", "text", "entry"),
    [
        ("Kafka Availability", "", 'kind = "kafka"'),
        ("Redis / Postgres", "", 'kind = "redis"'),
        ("Orders", "A PostgreSQL of its own", 'kind = "postgres"'),
        ("Temporal", "", 'kind = "temporal"'),
        ("SomaBrain", "", 'http.preset = "somabrain"'),
        ("Telemetry stack", "Prometheus and its rules", 'kind = "prometheus"'),
        ("The good will of everybody", "", 'kind = "tcp"'),
    ],
)
def test_a_dependency_without_a_probe_says_which_kind_would_fit(name: str, text: str, entry: str) -> None:
    """By its name, else by what is said of it; where neither tells, the plainest there is."""
    shown = changed(program=replace(PROGRAM, dependencies=(Dependency(name, text),)))
    said = describe(shown, Subject("dependency", name), NOW, view()).plain
    assert "no probe declared" in said
    assert entry in said


def test_every_probe_that_is_proposed_is_one_there_is() -> None:
    """Kinds and presets of the registry."""
    for names, entry in (*PROBES, ("", ANY_PROBE)):
        for name in names.split("|"):
            made = tomllib.loads(entry.format(name).replace(", ", "\n"))
            assert made["kind"] in KINDS
            assert made.get("http", {}).get("preset", "grafana") in PRESETS


def test_this_machine_lists_its_checks_and_whose_failures_it_doubts() -> None:
    """With or without a source that answered; what could not be judged is neither fine nor failing."""
    checks = (
        Check("clock", True, "runs evenly"),
        Check("route", False, "no default route"),
        Check("dns", None, "no name to look up"),
    )
    doubted = replace(node("redis", Health.DOWN), verified=False)
    said = describe(
        changed(self_checks=checks, services=(doubted,)), Subject("source", "self"), NOW, view()
    ).plain
    for part in (
        "✓ clock       runs evenly",
        "✖ route       no default route",
        "? dns         no name to look up",
    ):
        assert part in said
    assert "? redis  unverified 4m" in said
    assert "mend this first" in said
