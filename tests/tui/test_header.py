"""The line over everything, and the strip under it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from controlroom.domain.actions import Action, Entry, Outcome
from controlroom.domain.runs import Key, Run
from controlroom.domain.selfcheck import Check
from controlroom.domain.services import Health
from controlroom.domain.snapshot import LogSeen, OutboxSeen, Snapshot, SourceStatus, StatusSeen
from controlroom.tui.header import header, strip
from controlroom.tui.lines import as_text, line_width
from tests.tui.rooms import EMPTY, NOW, ROOM, ago, changed, view


def told(width: int = 200, **more: object) -> str:
    room = more.pop("room", ROOM)
    now = more.pop("now", NOW)
    seen = more.pop("seen", view())
    return as_text((header(room, now, seen, width, **more),))  # type: ignore[arg-type]


def test_a_wide_header_says_everything() -> None:
    """Programme, note, its clock with zone, week, wave day, services, next ritual on both clocks."""
    for part in (
        "Harbour programme",
        "example programme",
        "Wed 2026-03-04 08:59:30 CET",
        "W1D3",
        "Wave One day 3/14",
        "● 10 up",
        "▲ 1 degraded",
        "✖ 1 down",
        "? 0",
        "Daily Standup in 00:30",
        "13:30 IST",
        "Integration Day today",
    ):
        assert part in told()


def test_at_eighty_columns_what_matters_most_is_left() -> None:
    """Clock, week and day, service counts and the countdown survive."""
    line = told(80)
    for part in ("harbour", "08:59:30", "W1D3", "✖ 1", "Standup 00:30"):
        assert part in line


def test_the_date_goes_before_the_age_of_what_is_restored() -> None:
    """What was kept from the last visit says how old it is, also where the line is full."""
    line = told(140, room=changed(restored=True, program=replace(ROOM.program, note="")))
    assert "restored 1s ago" in line
    assert "2026-03-04" not in line


def test_short_names_are_names_where_ids_are_no_shorter() -> None:
    """``Lighthouse`` and ``Wave A`` stay; an id takes their place only where it saves room."""
    wave = replace(ROOM.program.waves[1], id="wave_a", name="Wave A")
    program = replace(ROOM.program, id="example", title="Lighthouse", waves=(wave,))
    line = told(100, room=changed(program=program))
    assert "Lighthouse" in line
    assert "Wave A 3/14" in line
    assert "harbour" in told(80)


@pytest.mark.parametrize("width", range(20, 240, 7))
def test_the_header_never_overruns_its_width(width: int) -> None:
    """It sheds parts until it fits, and crops when nothing is left to shed."""
    assert line_width(header(ROOM, NOW, view(), width)) <= width


def test_on_the_hour_the_ritual_is_now() -> None:
    """At 09:00:00 the countdown gives way to NOW, for as long as the ritual lasts."""
    start = NOW + timedelta(seconds=30)
    assert "Daily Standup NOW" in told(now=start)
    assert "Daily Standup NOW" in told(now=start + timedelta(minutes=14))
    assert "NOW" not in told(now=start + timedelta(minutes=15))


def held(finished: timedelta | None = None, **more: object) -> Snapshot:
    """Today's standup, which Ada began on time."""
    start = NOW + timedelta(seconds=30)
    ended = None if finished is None else start + finished
    run = Run(Key("standup", date(2026, 3, 4)), "Ada", start, finished_at=ended)
    return changed(runs=(replace(run, **more),))  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [100, 120, 200])
def test_while_it_is_driven_the_header_says_who_drives_and_for_how_long(width: int) -> None:
    """Not only that it is NOW; also when it takes longer than it was meant to."""
    start = NOW + timedelta(seconds=30)
    assert "Standup · Ada drives 03:12" in told(width, room=held(), now=start + timedelta(seconds=192))
    assert "Standup · Ada drives 19:00" in told(width, room=held(), now=start + timedelta(minutes=19))
    assert "Ada" not in told(width, room=held(), now=start, seen=view(redact=True))


def test_a_paused_run_says_so_and_eighty_columns_keep_its_time() -> None:
    """The time goes on; who drives is left out before the time is."""
    start = NOW + timedelta(seconds=30)
    now = start + timedelta(seconds=192)
    assert "03:12 paused" in told(room=held(paused_at=start), now=now)
    assert "Standup" in told(80, room=held(), now=now)
    assert "03:12" in told(80, room=held(), now=now)


def test_a_standup_that_was_ended_early_is_not_now() -> None:
    """After its end the next one is counted down to, though the quarter of an hour is not over."""
    now = NOW + timedelta(minutes=9)
    assert "Daily Standup NOW" in told(now=now)
    line = told(room=held(timedelta(minutes=8)), now=now)
    assert "NOW" not in line
    assert "Daily Standup in 23h 51m" in line


def test_a_standup_that_was_held_before_its_time_is_not_counted_down_to() -> None:
    """Begun and ended before the hour: what is counted down to is not the one that was held."""
    now = NOW - timedelta(minutes=2)
    run = Run(Key("standup", date(2026, 3, 4)), "Ada", now - timedelta(minutes=8), finished_at=now)
    assert "Daily Standup in 02:30" in told(now=now)
    assert "Daily Standup in 1d 00h 02m" in told(room=changed(runs=(run,)), now=now)


def test_a_view_is_named_in_the_header() -> None:
    """On-call at any width; the room itself has no word."""
    for width in (60, 80, 200):
        assert told(width, seen=replace(view(), occasion="on-call")).startswith("on-call")
    assert "room" not in told()


def test_a_frozen_screen_and_a_set_clock_are_framed() -> None:
    """Neither can be mistaken for the live room."""
    line = told(80, frozen=NOW, clock_set=True)
    assert "FROZEN 08:59:30" in line
    assert "CLOCK SET" in line


def test_services_that_stopped_answering_are_unknown() -> None:
    """A count of what is up is a claim about now, not about the last answer."""
    line = told(now=NOW + timedelta(minutes=5))
    assert "● 0 up" in line
    assert "? 12 unknown" in line


def test_while_this_machine_fails_the_header_asks_whether_it_is_me() -> None:
    """Which check fails, and failures counted as what they are then: unknown."""
    checks = (Check("route", False, "no default route"), Check("dns", False, "kafka.test has no address"))
    unsure = tuple(replace(state, verified=state.health is Health.UP) for state in ROOM.services)
    room = changed(services=unsure, self_checks=checks)
    line = told(240, room=room)
    assert "? is it me: no default route, kafka.test has no address" in line
    assert "✖ 0" in line
    assert "? 2 unknown" in line
    assert "? is it me" in told(80, room=room)
    assert "BLIND" not in line
    assert "kafka.test" not in told(240, room=room, seen=view(redact=True))
    fine = changed(self_checks=(Check("route", True, "by eth0"), Check("dns", None, "no name to look up")))
    assert "is it me" not in told(room=fine)


def test_trouble_with_the_sources_is_said() -> None:
    """Blind, restored and unreachable are in the header, as they make the rest uncertain."""
    unsure = tuple(replace(state, verified=False) for state in ROOM.services)
    assert "BLIND" in told(room=changed(services=unsure))
    assert "restored" in told(room=changed(restored=True))
    failed = tuple(
        replace(s, error="refused", error_since=NOW) if s.kind == "alerts" else s for s in ROOM.sources
    )
    assert "Alertmanager unreachable" in told(room=changed(sources=failed))


STORE = SourceStatus("store", "store", "dir:log", 1, NOW)
ENTRY = Entry(7, Action("a7", "b1", "assign", {"owner": "Ada"}, "Ada", "host", NOW))
QUEUED = Outcome("queued", ENTRY.action)
CONFLICT = Outcome("conflict", ENTRY.action, current=ENTRY)


def stored(store: SourceStatus = STORE, **parts: object) -> Snapshot:
    """The room with a triage log at r42."""
    parts.setdefault("log", LogSeen((), 42))
    return changed(sources=(*ROOM.sources, store), **parts)


def test_the_log_says_where_how_far_and_how_safe() -> None:
    """In full where there is room, briefly where not, nothing more when all is well."""
    assert "dir:log r42, durable" in told(240, room=stored())
    assert "log r42" in told(80, room=stored())
    assert "durable" not in told(80, room=stored())
    assert "log r0" in told(80, room=stored(log=LogSeen((), 0)))
    assert "log not read yet" in told(room=stored(log=None))


@pytest.mark.parametrize("width", range(60, 241, 12))
def test_what_is_not_in_the_log_is_never_hidden(width: int) -> None:
    """Queued and conflicting actions are counted at every width, whatever else is wrong."""
    refused = replace(STORE, error="connection refused (redis.test:6379)", error_since=ago(3))
    log = LogSeen((), 42, "not durable (snapshots only)")
    for store in (STORE, refused):
        room = stored(store, log=log, outbox=OutboxSeen((QUEUED,) * 12, (CONFLICT,)))
        for line in (told(width, room=room), told(width, room=room, frozen=NOW, clock_set=True)):
            words = line.replace("⧗12", "12 queued").replace("✖1 ", "1 conflict ")
            assert "12 queued" in words
            assert "1 conflict" in words


def test_at_eighty_columns_counts_are_words() -> None:
    """``2 queued`` and ``1 conflict`` beside the log and the services."""
    line = told(80, room=stored(outbox=OutboxSeen((QUEUED, QUEUED), (CONFLICT,))))
    for part in ("2 queued", "1 conflict", "log r42", "✖ 1", "Standup 00:30"):
        assert part in line


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_log_that_may_lose_things_says_so(width: int) -> None:
    """At any width; with the reason where there is room."""
    room = stored(log=LogSeen((), 42, "not durable (snapshots only)"))
    assert "not durable" in told(width, room=room)
    assert "snapshots only" in told(240, room=room)
    assert "not durable" not in told(width, room=stored(log=LogSeen((), 42, "durable within 1 s")))


def test_a_log_out_of_reach_says_since_when_and_why() -> None:
    """And is not counted among the other sources a second time."""
    refused = replace(STORE, error="connection refused (redis.test:6379)", error_since=ago(3))
    line = told(room=stored(refused))
    assert "✖ log unreachable 3m: connection refused (redis.test:6379)" in line
    assert "store unreachable" not in line
    assert "log away" in told(60, room=stored(refused))
    assert "redis.test" not in told(room=stored(refused), seen=view(redact=True))


def test_a_log_that_cannot_be_written_says_why() -> None:
    """Read-only, and an outbox that cannot keep anything, which is worse."""
    room = stored(log=LogSeen((), 42, trouble="000000041.json is missing"))
    assert "log read-only: 000000041.json is missing" in told(room=room)
    assert "read-only" in told(60, room=room)
    full = stored(outbox=OutboxSeen(trouble="no space left on device"))
    assert "✖ nothing can be recorded: no space left on device" in told(room=full)
    assert "✖ outbox" in told(60, room=full)


def test_the_header_in_ascii_keeps_its_words() -> None:
    """Every mark has a twin of the same width."""
    line = told(200, room=stored(outbox=OutboxSeen((QUEUED,), (CONFLICT,))), seen=view(ascii=True))
    assert line.isascii()
    assert "1 queued" in line


def test_an_empty_room_has_a_header() -> None:
    """Without start, waves, rituals and services the clock and the name are still there."""
    assert told(room=EMPTY) == "programme   Wed 2026-03-04 08:59:30 CET"


def test_the_focused_squad_is_named() -> None:
    """A room that shows one squad only says so."""
    assert "only Quay & Berths" in told(seen=view(focus_squad="quay"))


def test_the_strip_counts_changes_by_category() -> None:
    """One line: since when, and how many of each; a single change of coverage in its own words."""
    line = as_text((strip(ROOM, NOW, view(), 160),))
    assert line.startswith("since Tue Mar 3 22:00, nightly")
    assert "+1 blocker" in line
    assert "✓ 2 done" in line
    assert "coverage quay 2/2 → 1/2" in line


def test_without_a_baseline_the_strip_says_why() -> None:
    """No status file is not "nothing changed"."""
    none = changed(baseline=None, changes=(), status=StatusSeen(()))
    reading = changed(baseline=None, changes=(), status=None)
    assert "reading the status folder" in as_text((strip(reading, NOW, view(), 160),))
    assert "no baseline: no status file yet" in as_text((strip(none, NOW, view(), 160),))
    broken = replace(none, status=StatusSeen((), ("2026-03-03.json line 3: not JSON",)))
    assert "1 status files unreadable" in as_text((strip(broken, NOW, view(), 160),))
    assert "nothing changed" in as_text((strip(changed(changes=()), NOW, view(), 160),))
