"""How states, ages and freshness are put into glyphs and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.tui import present
from controlroom.tui.lines import as_text
from controlroom.tui.rows import Span, View
from controlroom.tui.width import cell_width
from tests.tui.rooms import EMPTY, NOW, PROGRAM, ago


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "?"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3 * 60, "3m"),
        (3599, "59m"),
        (3600, "1h 00m"),
        (4 * 3600 + 60, "4h 01m"),
        (86399, "23h 59m"),
        (86400, "1d"),
        (2.5 * 86400, "2d"),
        (-5, "0s"),
        (-600, "in 10m"),
    ],
)
def test_ages_are_short_and_never_rounded_up(seconds: float | None, expected: str) -> None:
    """An age says at most how old something is, in one or two units."""
    assert present.age(seconds) == expected


LOOKS: tuple[Mapping[Any, present.Look], ...] = (
    present.HEALTH,
    present.STATUS,
    present.VERDICT,
    present.TRIAGE,
)


@pytest.mark.parametrize("looks", LOOKS)
def test_every_state_has_a_glyph_and_a_word_of_its_own(looks: Mapping[object, present.Look]) -> None:
    """Without colours states can still be told apart."""
    assert len({look.word for look in looks.values()}) == len(looks)
    assert all(look.glyph and look.word for look in looks.values())
    assert all(cell_width(look.glyph) == 1 for look in looks.values())


@pytest.mark.parametrize("looks", LOOKS)
def test_ascii_glyphs_are_ascii_and_differ_where_the_others_do(looks: Mapping[object, present.Look]) -> None:
    """The ASCII look says as much as the other one, in as many cells."""
    glyphs = {look.glyph for look in looks.values()}
    plain = {present.ascii_text(glyph) for glyph in glyphs}
    assert all(glyph.isascii() and len(glyph) == 1 for glyph in plain)
    assert len(plain) == len(glyphs)


def status(**parts: object) -> Snapshot:
    source = replace(SourceStatus("documents", "documents", "documents", 10.0), **parts)  # type: ignore[arg-type]
    return replace(EMPTY, sources=(source,))


def edge(room: Snapshot) -> str:
    return as_text((present.freshness_line(room, ("documents",), NOW),))


def test_fresh_data_says_when_it_is_from_and_when_it_was_fetched() -> None:
    """Both times are in the programme's zone, fetching to the second."""
    room = status(read_at=NOW - timedelta(seconds=1), as_of=ago(3))
    assert edge(room) == "src 08:56 · got 08:59:29"


def test_data_from_another_day_says_the_day() -> None:
    """A time without a date would look like today's."""
    room = status(read_at=NOW, as_of=NOW - timedelta(days=2))
    assert edge(room).startswith("src Mon Mar 2 08:59 ·")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, "loading"),
        ({"read_at": NOW - timedelta(seconds=10)}, "got 08:59:20"),
        ({"read_at": NOW - timedelta(seconds=25)}, "late 25s"),
        ({"read_at": ago(41)}, "STALE 41m"),
        ({"error": "gone", "error_since": NOW - timedelta(seconds=30)}, "unreadable 30s"),
        (
            {"error": "gone", "error_since": NOW - timedelta(seconds=30), "read_at": ago(0.5)},
            "unreadable 30s, showing 08:59",
        ),
    ],
)
def test_each_state_of_a_source_reads_differently(parts: dict[str, object], expected: str) -> None:
    """Loading, fresh, late, stale and failed are different things on screen."""
    assert edge(status(**parts)) == expected


def test_a_restored_room_says_how_old_it_is() -> None:
    """Data saved by an earlier run is never shown as fresh."""
    room = replace(status(read_at=ago(3)), restored=True)
    assert edge(room) == "restored 3m ago"


def test_the_worst_of_several_sources_is_named() -> None:
    """One Prometheus that fails is not hidden by another that answers."""
    room = replace(
        EMPTY,
        sources=(
            SourceStatus("a", "metrics", "first", 10, NOW),
            SourceStatus("b", "metrics", "second", 10, None, None, "refused", NOW - timedelta(seconds=30)),
        ),
    )
    assert as_text((present.freshness_line(room, ("metrics",), NOW),)) == "second unreachable 30s"


def test_a_source_that_is_not_configured_has_no_freshness() -> None:
    """Nothing is claimed of what is not there."""
    assert present.freshness_line(EMPTY, ("alerts",), NOW) == ()


def test_an_unknown_zone_is_utc() -> None:
    """A wrong zone name does not take the room down."""
    assert present.clock(datetime(2026, 1, 1, 12, tzinfo=UTC), "Nowhere/Nothing") == "12:00"


def test_squads_are_found_by_every_spelling() -> None:
    """Id, name and alias stand for the same squad."""
    for name in ("quay", "Quay & Berths", "QUAY"):
        assert present.squad_id(PROGRAM, name) == "quay"
    assert present.squad_id(PROGRAM, "nobody") is None


def test_short_names_are_aliases_before_they_are_cropped() -> None:
    """A narrow pane says the alias people use."""
    assert present.squad_short(PROGRAM, "quay", 20) == "Quay & Berths"
    assert present.squad_short(PROGRAM, "quay", 8) == "Quay"
    assert present.squad_short(PROGRAM, "customs", 5) == "Cust…"


@pytest.mark.parametrize(
    "said",
    [
        "refused 10.0.0.7:6379",
        "GET http://db.internal/health: 503",
        "redis.example.com timed out",
        "kafka:9092 refused",
        "[::1]:80 refused",
    ],
)
def test_hosts_are_hidden_while_the_screen_is_shared(said: str) -> None:
    """Redacting leaves the words and takes the addresses."""
    hidden = present.hosts(said, View(redact=True))
    assert "(hidden)" in hidden
    assert all(host not in hidden for host in ("10.0.0.7", "db.internal", "example.com", "kafka:9092", "::1"))
    assert present.hosts(said, View()) == said


def test_ascii_lines_keep_their_width_and_foreign_letters() -> None:
    """Only our own glyphs are replaced, one cell by one cell."""
    line = (Span("● ▰▱ … "), Span("日本"))
    plain = present.ascii_line(line)
    assert plain[0].text.isascii()
    assert plain[1].text == "日本"
    assert [cell_width(span.text) for span in plain] == [cell_width(span.text) for span in line]


def test_the_squads_own_files_are_no_hosts() -> None:
    """A runbook stays readable while hosts are hidden, also the one it stands on."""
    seen = View(redact=True)
    assert present.hosts("docs/squads/infra_ops.md:12", seen) == "docs/squads/infra_ops.md:12"
    assert "wiki" not in present.hosts("https://wiki.example/infra_ops.md", seen)
    assert present.hosts("db.example.org refuses", seen) == "(hidden) refuses"
