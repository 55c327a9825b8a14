"""What is shown of one thing when it is opened."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlroom.domain.triage import Blocker
from controlroom.tui.detail import WRITERS, describe
from controlroom.tui.panes import PANES
from controlroom.tui.panes.lints import PANE as LINTS
from controlroom.tui.rows import Subject, View
from tests.tui.rooms import NOW, ROOM, ago, changed, drawn, view


def plain(kind: str, id_: str, **more: object) -> str:
    return describe(ROOM, Subject(kind, id_), NOW, view(**more)).plain  # type: ignore[arg-type]


def test_a_service_tells_its_story() -> None:
    """Since when, the server's own words, who is affected, history, runbook, what to do."""
    said = plain("service", "kafka")
    for part in ("DOWN 3m", "connection refused 127.0.0.1:9092", "Cranes", "● up → ✖ DOWN", "Topics missing"):
        assert part in said
    links = describe(ROOM, Subject("service", "kafka"), NOW, view()).links
    assert ("runbook", "https://runbooks.test/kafka") in links


def test_a_service_without_a_runbook_says_where_to_add_one() -> None:
    """The advice names the key."""
    assert "runbook = " in plain("service", "gateway")
    assert "look at kafka first" in plain("service", "gateway")


def test_a_signal_gives_the_exact_query() -> None:
    """The query, the targets and the hint are what an engineer copies next."""
    said = plain("signal", "quay/tide_height_metres/harbour")
    assert 'count by (__name__) ({__name__="tide_height_metres"})' in said
    assert "did you mean tide_height_meters?" in said
    assert "quay:9100: up" in said


def test_a_blocker_says_what_is_missing_and_where() -> None:
    """Nobody's name, no opening time: with file and line to write them."""
    said = plain("blocker", "b3")
    assert "nobody wrote when it was opened" in said
    assert "name an owner in a/status.md:9" in said
    assert "4h 01m BREACH" in plain("blocker", "b2")


def blocker(now: datetime = NOW, seen: View | None = None, **more: Any) -> str:
    """The detail of a blocker of Cranes that waits on Quay, opened 9 minutes ago unless told otherwise."""
    more.setdefault("opened_at", ago(9))
    one = Blocker("b", "Slow", None, "Ada", "cranes", "quay", **more)
    room = changed(blockers=(one, *ROOM.blockers))
    return describe(room, Subject("blocker", "b"), now, seen or view()).plain


def test_a_blocker_tells_its_clock_in_both_zones() -> None:
    """When it is due soon and when it is over, beside how long until then."""
    said = blocker(opened_at=ago(217))
    assert "due soon from Wed 08:22 CET · Wed 12:52 IST · 37m ago" in said
    assert "breach after  Wed 09:22 CET · Wed 13:52 IST · in 23m" in said
    assert "due soon in 23m" in said


def test_four_hours_are_instants_across_a_change_of_the_clock() -> None:
    """Where clocks go back in between, the wall shows three hours."""
    program = replace(ROOM.program, zone="America/Los_Angeles")
    one = Blocker("b", "Slow", opened_at=datetime.fromisoformat("2025-11-02T00:30:00-07:00"))
    room = changed(program=program, blockers=(one,))
    now = datetime.fromisoformat("2025-11-02T03:30:01-08:00")
    said = describe(room, Subject("blocker", "b"), now, view()).plain
    assert "breach after  Sun 03:30 PST" in said
    assert "BREACH by 1s" in said


def test_the_next_update_counts_down_and_then_up() -> None:
    """To the second before it, with the word after it."""
    due: dict[str, Any] = {"state": "escalated", "next_update_due": ago(-10)}
    assert "next update   in 10:00 · Wed 09:09 CET · Wed 13:39 IST" in blocker(**due)
    assert "in 09:59" in blocker(NOW + timedelta(seconds=1), **due)
    late = blocker(NOW + timedelta(minutes=12), **due)
    assert "overdue by 2m" in late
    assert "give the update that was promised" in late


def test_a_blocker_tells_who_waits() -> None:
    """The squad it holds up, those behind it and through whom, and their cards."""
    said = plain("blocker", "b2")
    for part in (
        "Cranes · 1 card or blocker",
        "Customs · through Cranes · 1 card or blocker",
        "Load planner",
    ):
        assert part in said
    assert "Who waits" not in plain("blocker", "b4")


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ("service:kafka", "service kafka ✖ DOWN 3m · connection refused 127.0.0.1:9092"),
        ("signal:cranes/lifts_total/harbour", "signal lifts_total ✖ TARGET_DOWN · target down"),
        ("alert:f1", "alert KafkaAway active Kafka does not answer"),
        ("service:gone", "service gone is not in the room now"),
        ("rumour", "rumour"),
    ],
)
def test_a_blocker_tells_how_what_it_was_opened_about_is_now(about: str, words: str) -> None:
    """The service, signal or alert in its present state; what is gone is said to be gone."""
    assert f"about         {words}" in blocker(about=about)


@pytest.mark.parametrize(
    ("kind", "id_", "about"),
    [
        ("service", "kafka", "service:kafka"),
        ("signal", "quay/tide_height_metres/harbour", "signal:quay/tide_height_metres/harbour"),
        ("alert", "f1", "alert:f1"),
    ],
)
def test_what_a_blocker_was_opened_about_mentions_it(kind: Any, id_: str, about: str) -> None:
    """In its detail, and in its row; a resolved one is not mentioned."""
    for state, mentioned in (("open", True), ("resolved", False)):
        one = Blocker("b", "Slow", about=about, opened_at=ago(3), state=state)  # type: ignore[arg-type]
        room = changed(blockers=(one,))
        said = describe(room, Subject(kind, id_), NOW, view()).plain
        assert ("Blockers opened about it" in said) is mentioned
        rows = "".join(drawn(pane, room) for pane in PANES if pane.id in ("services", "telemetry", "alerts"))
        assert ("■ blocker 3m" in rows) is mentioned


def test_a_squad_lists_both_directions() -> None:
    """What holds it up, and whom it holds up, what hurts most first."""
    said = plain("squad", "cranes")
    assert said.index("Topics missing") < said.index("Crane licence") < said.index("Others wait for it")
    assert "holds up      Customs (1)" in said
    assert "held up       2 of its cards and blockers wait on others" in said


def test_a_wave_shows_declared_beside_computed() -> None:
    """The declared text verbatim, where it stands, and the disagreement."""
    said = plain("wave", "two")
    for part in ("opens in 5 d", "✅ Active", "EARLY", "plan.md:7"):
        assert part in said


def test_a_lint_says_how_to_mend_it() -> None:
    """A finding comes with its place and its fix."""
    said = plain("lint", "X010|docs/backlog.md|30||i1")
    assert "docs/backlog.md:30" in said
    assert "another id" in said


def test_an_unassigned_card_says_how_to_give_it_a_squad() -> None:
    """The remedy names the key and the owner as written."""
    assert 'add "Nobody known" to owners' in plain("item", "i5")


def test_a_squad_gathers_what_concerns_it() -> None:
    """Cards, blockers both ways, gaps, services."""
    said = plain("squad", "quay")
    for part in (
        "Berth booking",
        "Others wait for it",
        "Topics missing",
        "tide_height_metres",
        "berth booking",
    ):
        assert part in said


def test_a_squad_has_its_services_by_name() -> None:
    """As people call them; by id where they have no name."""
    redis, kafka, *rest = ROOM.services
    named = replace(redis, service=replace(redis.service, name="Cache", squads=("quay",)))
    bare = replace(kafka, service=replace(kafka.service, squads=("quay",)))
    said = describe(changed(services=(named, bare, *rest)), Subject("squad", "quay"), NOW, view()).plain
    assert "● Cache up" in said
    assert "✖ kafka DOWN" in said


def test_a_ritual_lists_its_next_times_on_both_clocks() -> None:
    """Programme and viewer zone side by side."""
    assert "Wed 2026-03-04 09:00 CET · Wed 13:30 IST" in plain("ritual", "standup")


def test_all_changes_are_listed_by_category() -> None:
    """The strip's own detail is the whole list with its baseline."""
    said = plain("change", "")
    assert "Hook sensor: in progress → done" in said
    assert "the newest status at or before the standup" in said


def test_names_and_hosts_are_hidden_when_redacted() -> None:
    """Sharing the screen shares neither people nor addresses, in text and in links shown."""
    assert "Ada" not in plain("item", "i3", redact=True)
    assert "127.0.0.1" not in plain("service", "kafka", redact=True)
    assert "kafka.test" not in plain("service", "kafka", redact=True)


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_what_is_gone_is_said_to_be_gone(kind: str) -> None:
    """A card that was renamed meanwhile opens a detail that says so."""
    assert "No longer there" in plain(kind, "there/is:no|such")


def test_every_row_of_every_pane_can_be_opened() -> None:
    """Enter on any row or cell finds what it is about."""
    for pane in (*PANES, LINTS):
        for row in pane.rows(ROOM, view(expanded=True)):
            for subject in {row.subject, *row.cells} - {None}:
                assert subject is not None
                assert "No longer there" not in describe(ROOM, subject, NOW, view()).plain


def test_ascii_details_have_no_glyph_of_ours() -> None:
    """A detail is as plain as the panes."""
    assert plain("service", "kafka", ascii=True).isascii()


def test_a_detail_is_plain_text_without_styles() -> None:
    """What is copied is the title and every line."""
    detail = describe(replace(ROOM), Subject("milestone", "m4"), NOW, view())
    assert detail.plain.startswith(f"{detail.title}\n")
    assert "met, recorded by Ines" in detail.plain
