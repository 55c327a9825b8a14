"""Benchmarks in the room: below their squad's signals, in its lane, in detail, and as a blocker."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom.domain.benchmarks import BenchmarkReading, Result, judge
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import GapCode
from controlroom.domain.triage import Blocker
from controlroom.tui.acts.prefill import draft
from controlroom.tui.acts.targets import offers, what
from controlroom.tui.detail import describe
from controlroom.tui.lines import as_text
from controlroom.tui.panes import squads, telemetry
from controlroom.tui.rows import DrawContext, Subject
from controlroom.tui.width import cell_width
from tests.tui.furnished import BOARD, CONFIG
from tests.tui.promised import promised, room, styled
from tests.tui.rooms import EMPTY, NOW, ROOM, ago, changed, drawn, row_with, view
from tests.tui.working import working

STEADY = (3.2, 3.1, 3.3, 3.2, 3.2, 3.15, 3.25)
NUMBERS = "4.2 s, 31 % worse than the median 3.2 s of 7 (usually within 4.7 %)"


def measured(id_: str, squad: str | None, *values: float, hours: float = 6, **more: Any) -> BenchmarkReading:
    """A benchmark with a result a night, the newest some `hours` old."""
    last = NOW - timedelta(hours=hours)
    results = tuple(
        Result(value, last - timedelta(days=len(values) - number), f"bench/{id_}.json:{number} · dated by at")
        for number, value in enumerate(values, 1)
    )
    known = BenchmarkReading(
        id_, id_.title(), squad, "s", results=results, where=f"bench/{id_}*.json at /p95"
    )
    return judge(replace(known, **more), NOW)


WORSE = measured("replay", "quay", *STEADY, 4.2)
FINE = measured("loads", "cranes", *STEADY, 3.2)
YOUNG = measured("stamps", "customs", 3.0)
OLD = measured("papers", "customs", *STEADY, 3.2, hours=50)
AWAY = measured("tides", "quay", *STEADY, error="http://tide.test:9090 refuses connections")
ALL = (FINE, YOUNG, WORSE, OLD, AWAY)


def line(said: str, part: str) -> str:
    return next(one for one in said.splitlines() if part in one)


# The pane


def test_what_is_not_well_stands_below_its_squads_gaps() -> None:
    """After the signals, the worst first, with its numbers and since when; what is well takes no line."""
    said = drawn(telemetry.PANE, changed(benchmarks=ALL), seen=view(170))
    parts = ("\nQuay", "NEVER_SEEN", "REGRESSION", "UNKNOWN", "\nCustoms", "OLD", "young")
    order = [said.index(part) for part in parts]
    assert order == sorted(order)
    assert line(said, "REGRESSION") == f"  ✖ REGRESSION     Replay  since 02:59  {NUMBERS}"
    assert "? UNKNOWN        Tides  http://tide.test:9090 refuses connections" in said
    assert "? OLD            Papers  3.2 s, measured Mon Mar 2 06:59: nothing new" in said
    assert "◐ young          Stamps  3 s, no results before it, of the 3 that it takes" in said
    assert "Loads" not in said


def test_what_is_well_is_seen_when_zoomed_or_looked_for() -> None:
    """Quiet green; a filter finds it by its name, and says whose it is."""
    shown = changed(benchmarks=ALL)
    zoomed = drawn(telemetry.PANE, shown, seen=view(170, expanded=True))
    assert "● ok             Loads  3.2 s, the same as the median 3.2 s of 7" in zoomed
    assert "Cranes        ● ok             Loads" in drawn(
        telemetry.PANE, shown, seen=view(170, filter="loads")
    )


def test_a_squad_with_a_regression_is_not_folded_away() -> None:
    """However low the pane: its line and the benchmark's are there, quiet squads share one."""
    parts = [promised(squad, f"{squad}_total", since=ago(600)) for squad in ("quay", "cranes", "customs")]
    shown = replace(room(*parts), benchmarks=(WORSE, FINE))
    said = drawn(telemetry.PANE, shown, seen=view(118, 4))
    assert "✓ 2 squads at 100 %" in said
    assert "✖ REGRESSION" in said


def test_what_a_file_could_not_tell_is_not_quiet() -> None:
    """A benchmark that is well by the files that could be read says that some could not."""
    partly = replace(FINE, skipped=("bench/x.json: line 1: empty",))
    assert "● ok             Loads  ▲ 1 left out  3.2 s" in drawn(
        telemetry.PANE, changed(benchmarks=(partly,))
    )


def test_the_heading_counts_regressions() -> None:
    """Beside the gaps, and where nothing was promised by itself; those of the squad in focus."""

    def count(snapshot: Snapshot, **seen: Any) -> tuple[str, str]:
        heading = telemetry.PANE.heading(DrawContext(snapshot, view(**seen), NOW, 118, 20))
        return heading.count, heading.count_style

    shown = changed(benchmarks=(*ALL, replace(WORSE, id="again", squad="cranes")))
    assert count(shown) == ("2 · 2 regressions", "warn")
    assert count(shown, focus_squad="quay") == ("1 · 1 regression", "warn")
    assert count(replace(EMPTY, benchmarks=(WORSE,))) == ("1 regression", "warn")
    assert count(replace(EMPTY, benchmarks=(FINE,))) == ("", "dim")


def test_benchmarks_are_shown_where_no_signal_is_declared() -> None:
    """One of nobody stands under no squad; while all are well, the pane says what it can show."""
    nobody = replace(WORSE, squad=None)
    said = drawn(telemetry.PANE, replace(EMPTY, benchmarks=(nobody,)))
    assert said.startswith("no squad")
    assert "REGRESSION" in said
    assert telemetry.PANE.rows(replace(EMPTY, benchmarks=(FINE,)), view()) == []


def test_with_a_squad_in_focus_only_its_own() -> None:
    """As with signals."""
    said = drawn(telemetry.PANE, changed(benchmarks=ALL), seen=view(170, focus_squad="customs"))
    assert "Papers" in said
    assert "Replay" not in said


@pytest.mark.parametrize(("width", "height"), [(36, 0), (44, 30), (58, 14), (78, 20), (98, 0), (196, 40)])
def test_at_every_width_the_name_and_the_verdict_are_read(width: int, height: int) -> None:
    """Where there is room for two lines the numbers are below; no line is too long."""
    said = drawn(telemetry.PANE, changed(benchmarks=ALL), seen=view(width, height))
    assert "✖ REGRESSION" in said
    assert "Replay" in said
    if width >= 58:
        assert "4.2 s, 31 % worse than" in said
    assert all(cell_width(one) <= width for one in said.splitlines())


def test_names_and_reasons_of_files_are_text_and_nothing_else() -> None:
    """Markup, escapes and overlong names are shown as they are, or not at all."""
    odd = replace(WORSE, name="[red]\x1b[31m日本語" + "x" * 300, text="[b]\x1b]52;c;\x07")
    said = drawn(telemetry.PANE, changed(benchmarks=(odd,)))
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[red]" in said


def test_hosts_are_hidden_while_the_screen_is_shared() -> None:
    """In the pane and in the detail."""
    shown, seen = changed(benchmarks=ALL), view(170, redact=True)
    assert "tide.test" not in drawn(telemetry.PANE, shown, seen=seen)
    assert "tide.test" not in describe(shown, Subject("benchmark", "tides"), NOW, seen).plain


def test_a_blocker_opened_from_it_is_marked() -> None:
    """So that nobody opens a second one."""
    opened = Blocker("b9", "Slow", opened_at=ago(3), about="benchmark:replay")
    spans = styled(replace(changed(benchmarks=ALL), blockers=(opened,)), "REGRESSION", view(170))
    assert "■ blocker 3m" in as_text((spans,))


# The lane


def test_the_lane_of_a_squad_counts_its_regressions() -> None:
    """Beside its gaps; in words as long as there is room for them."""
    shown = changed(benchmarks=(WORSE, replace(WORSE, id="b"), FINE), signals=(), items=(), blockers=())
    assert "✖ 2 regressions" in drawn(squads.PANE, shown)
    calm = changed(benchmarks=(FINE, YOUNG, OLD, AWAY), signals=(), items=(), blockers=())
    assert "regression" not in drawn(squads.PANE, calm)
    busy = drawn(squads.PANE, changed(benchmarks=(WORSE,)), seen=view(118))
    assert "✖ 1" in busy


# The detail


def detail(id_: str, shown: Snapshot | None = None, **seen: Any) -> str:
    return describe(shown or changed(benchmarks=ALL), Subject("benchmark", id_), NOW, view(**seen)).plain


def test_the_detail_draws_every_number_with_its_date() -> None:
    """A bar each, from nothing to the largest, the median below; the rule, the place, what to do."""
    said = detail("replay")
    for part in (
        "state         ✖ REGRESSION",
        f"reason        {NUMBERS}",
        "since         02:59 · 6h 00m ago",
        "squad         Quay & Berths",
        f"  Wed Feb 25 02:59   3.2 s  {'█' * 21}\n",
        f"  02:59              4.2 s  {'█' * 28}\n",
        f"  median             3.2 s  {'░' * 21}  usually within 4.7 %",
        "rule          a regression is higher than the median of the 7 results before it by more than 10 %",
        "files         bench/replay*.json at /p95",
        "last result   bench/replay.json:8  dated by at",
        "n opens a blocker",
    ):
        assert part in said
    links = describe(changed(benchmarks=ALL), Subject("benchmark", "replay"), NOW, view()).links
    assert [link.target for link in links] == ["bench/replay.json:8"]


def test_without_glyphs_the_chart_is_of_plain_characters() -> None:
    """Every line of it is ASCII."""
    said = detail("replay", ascii=True)
    assert said.isascii()
    assert "#" * 28 in said
    assert "." * 21 in said


def test_of_many_results_the_last_fortnight_is_drawn() -> None:
    """And it is said how many are older."""
    many = measured("many", "quay", *[3.0] * 20)
    said = detail("many", changed(benchmarks=(many,)))
    assert "Results, the newest below; 6 older ones are not shown" in said
    assert said.count("█" * 28) == 14


def test_numbers_without_a_bar_are_still_told() -> None:
    """Nothing, less than nothing, and what is no number."""
    odd = measured("odd", "quay", 0.0, -2.0, 4.0, float("nan"))
    said = detail("odd", changed(benchmarks=(odd,)))
    assert "the last result is NaN, which is no number" in said
    assert line(said, "-2 s").endswith("█" * 14)
    assert line(said, " 0 s").rstrip().endswith("0 s")
    assert line(said, "nan s").rstrip().endswith("nan s")
    nothing = measured("nothing", "quay", 0.0, 0.0, 0.0, 0.0)
    assert "the same as the median 0 s of 3" in detail("nothing", changed(benchmarks=(nothing,)))


def test_a_query_can_be_copied_whole_and_its_server_is_named() -> None:
    """On a line of its own, however long."""
    query = "max(" + "very_" * 40 + "long_seconds)"
    asked = replace(WORSE, server="prom", where=query)
    said = detail("replay", changed(benchmarks=(asked,)))
    assert query in [one.strip() for one in said.splitlines()]
    assert "server        prom" in said
    assert "at the last whole hour, and at the same time of each day before" in said


def test_a_squads_detail_lists_all_its_benchmarks() -> None:
    """The good ones too."""
    said = describe(changed(benchmarks=ALL), Subject("squad", "cranes"), NOW, view()).plain
    assert "● ok  Loads  3.2 s, the same as the median 3.2 s of 7" in said
    assert (
        f"✖ REGRESSION  Replay  {NUMBERS}"
        in describe(changed(benchmarks=ALL), Subject("squad", "quay"), NOW, view()).plain
    )


def test_one_that_is_gone_says_so() -> None:
    """Removed from the configuration while its detail is open."""
    assert "No longer there" in detail("replay", ROOM)


# Acting


def test_a_blocker_begins_with_what_is_known_of_it() -> None:
    """Numbers, squad, the file, and since when it was seen; whom it waits on nobody can tell."""
    shown = changed(benchmarks=ALL)
    made = draft(shown, Subject("benchmark", "replay"), NOW)
    assert made.values["summary"] == f"Replay regression: {NUMBERS}"
    assert made.values["owning_squad"] == "Quay & Berths"
    assert made.values["text"] == "from bench/replay.json:8"
    assert made.values["opened_at"].startswith("2026-03-04 02:59")
    assert "blocking_squad" not in made.values
    assert (made.about, made.named) == ("benchmark:replay", "benchmark Replay")
    assert draft(shown, Subject("benchmark", "loads"), NOW).values["opened_at"] == "now"
    subject = Subject("benchmark", "replay")
    assert offers(shown, subject) == ("blocker.new",)
    assert what(subject) == "a benchmark"
    assert row_with(telemetry.PANE, "benchmark:replay", shown).subject == subject


def test_a_blocker_says_how_its_benchmark_is_now() -> None:
    """Whoever looks at it later need not look for it."""
    opened = Blocker("b9", "Slow", opened_at=ago(3), about="benchmark:replay")
    shown = replace(changed(benchmarks=ALL), blockers=(opened,))
    said = describe(shown, Subject("blocker", "b9"), NOW, view()).plain
    assert f"about         benchmark Replay ✖ REGRESSION · {NUMBERS}" in said
    assert "■" not in detail("replay")
    assert "Blockers opened about it" in detail("replay", shown)


async def test_from_a_file_to_a_blocker_in_the_room(tmp_path: Path) -> None:
    """A real room at 80 × 24: the regression is read from its files, opened, and made a blocker."""
    (tmp_path / "bench").mkdir()
    for number, value in enumerate((*STEADY, 4.2)):
        day = NOW - timedelta(days=7 - number, hours=6)
        text = json.dumps({"at": day.isoformat(), "p95": value})
        (tmp_path / "bench" / f"{day:%Y-%m-%d}.json").write_text(text)
    more = '[[benchmarks]]\nname = "Replay"\nsquad = "quay"\npath = "bench/*.json"\nvalue = "/p95"\n'
    (tmp_path / "controlroom.toml").write_text(CONFIG + more)
    (tmp_path / "board.md").write_text(BOARD)
    async with working(tmp_path, size=(80, 24)) as at:
        await at.press("5")
        await at.until("✖ REGRESSION Replay")
        await at.press("j", "enter")
        await at.until("Results, the newest below")
        await at.until("█" * 28)
        await at.press("n")
        await at.until("from benchmark Replay")
        await at.press(*"Tomas", "ctrl+j")
        await at.until("say whose delivery it waits on")
        await at.press(*"Cranes", "ctrl+j")
        await at.until(lambda: any(b.about == "benchmark:replay" for b in at.working.snapshot.blockers))


def test_it_fails_as_a_gap_does() -> None:
    """The same signs mean the same: a signal that is not there and a regression look alike."""
    spans = styled(changed(benchmarks=ALL), "REGRESSION", view(170))
    gap = styled(room(promised("quay", "m_total", GapCode.NEVER_SEEN)), "NEVER_SEEN", view(170))
    assert next(s.style for s in spans if "✖" in s.text) == next(s.style for s in gap if "✖" in s.text)
