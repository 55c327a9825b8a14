"""What a standup on the screen goes by: which is on, which is due, what it may not pass, how it is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from controlroom.domain.actions import Action, Entry, Outcome
from controlroom.domain.board import Squad
from controlroom.domain.carry import Carried
from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Program
from controlroom.domain.rituals import DateChange, Occurrence, Ritual
from controlroom.domain.runs import Key, Run, runs
from controlroom.domain.snapshot import OutboxSeen, Snapshot, StatusFile
from controlroom.domain.standup import plan
from controlroom.domain.triage import Blocker
from controlroom.tui.layout import arrange
from controlroom.tui.lines import as_text, line_width
from controlroom.tui.panes.blockers import PANE
from controlroom.tui.rows import DrawContext, View
from controlroom.tui.standup import course, words
from controlroom.tui.standup.carryover import CarriedPane
from controlroom.tui.standup.layout import MINUTES, PARTS
from controlroom.tui.standup.minutes import MinutesPane

AT = datetime(2031, 5, 6, 9, tzinfo=UTC)
KEY = Key("standup", date(2031, 5, 6))
STANDUP = Ritual("standup", "Standup", time=time(9), minutes=15)
SQUADS = ("cranes", "quay", "tugs")
PROGRAM = Program("harbour", zone="UTC", squads=tuple(map(Squad, SQUADS)), rituals=(STANDUP,))


def at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


Deed = tuple[float, str, dict[str, Any]]


def entries(*deeds: Deed, key: Key = KEY, by: str = "Ada") -> list[Action]:
    """A run's actions: begun at 0, then `deeds`."""
    parts = [{"kind": one.kind, "budget": one.budget, "squad": one.squad} for one in plan(STANDUP, SQUADS)]
    told = [(0.0, "begin", {"segments": parts}), *deeds]
    return [
        Action(f"{key.date}-{n}", key.run, kind, args, by, "", at(s) + (_day(key) - AT))
        for n, (s, kind, args) in enumerate(told)
    ]


def _day(key: Key) -> datetime:
    return datetime.combine(key.date, time(9), UTC)


def ledger(*actions: Action) -> Ledger:
    return Ledger().after([Entry(n, action) for n, action in enumerate(actions, 1)])


def run(*deeds: Deed) -> Run:
    (found,) = runs(ledger(*entries(*deeds)), ())
    return found


def goes(seconds: float, to: str) -> Deed:
    return seconds, "enter", {"to": to}


def room(*actions: Action, blockers: tuple[Blocker, ...] = ()) -> Snapshot:
    known = ledger(*actions)
    return Snapshot(PROGRAM, ledger=known, runs=runs(known, ()), blockers=blockers, taken_at=AT)


def test_a_forgotten_standup_is_not_the_one_that_is_on() -> None:
    """The one that began last and is not over; a day later nobody is thrown into it."""
    on = run(goes(30, "blockers"))
    assert course.current((on,), at(600)) is on
    assert course.current((on,), at(24 * 3600)) is None
    assert course.current((run((60, "finish", {})),), at(600)) is None


def due(now: datetime, *known: Run, ritual: Ritual = STANDUP) -> Occurrence | None:
    return course.due(replace(PROGRAM, rituals=(ritual,)), {"standup"}, known, now)


def test_todays_standup_is_the_one_that_is_begun() -> None:
    """In progress, still to come today, or missed today; never tomorrow's, nor one that was held."""
    for now in (at(-7 * 3600), at(-30), at(60), at(5 * 3600)):
        found = due(now)
        assert found is not None
        assert Key.of(found) == KEY
    assert due(at(7200), run((60, "finish", {}))) is None
    on = run()
    assert (found := due(at(7200), on)) is not None
    assert Key.of(found) == KEY
    cancelled = replace(STANDUP, changes=(DateChange(KEY.date, "holiday"),))
    assert due(AT, ritual=cancelled) is None


def test_a_moved_standup_is_todays_under_the_date_of_its_rule() -> None:
    """One moved from tomorrow to today is begun today, and is tomorrow's holding."""
    moved = replace(STANDUP, changes=(DateChange(date(2031, 5, 7), "", KEY.date, time(16)),))
    held = run((60, "finish", {}))
    found = due(at(3600), held, ritual=moved)
    assert found is not None
    assert Key.of(found) == Key("standup", date(2031, 5, 7))


def test_the_squads_in_pain_come_first() -> None:
    """With order = pain an open blocker counts, one in breach more, one that is put off nothing."""
    ritual = replace(STANDUP, order="pain")
    blockers = (
        Blocker("b1", "x", owning_squad="quay", opened_at=at(-60)),
        Blocker("b2", "x", owning_squad="tugs", opened_at=at(-5 * 3600)),
        Blocker("b3", "x", owning_squad="cranes", opened_at=at(-60), state="resolved"),
    )
    snapshot = Snapshot(replace(PROGRAM, rituals=(ritual,)), blockers=blockers)
    (occurrence,) = (due(AT, ritual=ritual),)
    assert occurrence is not None
    walked = [part["squad"] for part in course.segments(snapshot, occurrence, AT) if part["kind"] == "squad"]
    assert walked == ["tugs", "quay", "cranes"]


def three_times(*more: Action, **fields: Any) -> tuple[Snapshot, Run]:
    """A blocker that was there at two standups before this one, with what was done about it."""
    blocker = Blocker("b-1", "Fog", opened_at=AT - timedelta(days=3), last_action="o", **fields)
    days = [Key("standup", KEY.date - timedelta(days=n)) for n in (2, 1)]
    before = [action for key in days for action in entries((60, "finish", {}), key=key)]
    snapshot = room(*before, *more, *entries(goes(45, "blockers")), blockers=(blocker,))
    return snapshot, snapshot.runs[-1]


def test_the_third_unchanged_time_forces_a_decision() -> None:
    """Unchanged at three standups it is in the way; a note or a look is no decision, a direction is one."""
    snapshot, on = three_times()
    assert [one.id for one in course.forced(snapshot, on, at(60))] == ["b-1"]
    for kind, free in (("note", False), ("acknowledge", False), ("direct", True), ("assign", True)):
        deed = Action("d", "b-1", kind, {}, "Ada", "", at(50))
        snapshot, on = three_times(deed)
        assert (not course.forced(snapshot, on, at(60))) is free, kind


def test_what_waits_in_the_outbox_is_a_decision_and_what_is_put_off_needs_none() -> None:
    """A queued decision passes it, a queued note does not; a snoozed blocker is not in the way."""
    assert not course.forced(*three_times(pending=("accept",)), at(60))
    assert course.forced(*three_times(pending=("note",)), at(60))
    asleep = three_times(state="snoozed", snoozed_until=at(3600))
    assert not course.forced(*asleep, at(60))


def test_only_leaving_the_blockers_behind_passes_them() -> None:
    """Going there and back passes nothing; going beyond, or ending before they were talked about, does."""
    on = run()
    parts = {one.id: one for one in on.segments}
    assert not course.passes_blockers(on, parts["blockers"])
    assert course.passes_blockers(on, parts["squad:cranes"])
    assert course.passes_blockers(on, None)
    beyond = run(goes(45, "squad:cranes"))
    assert not course.passes_blockers(beyond, parts["telemetry"])
    assert not course.passes_blockers(beyond, parts["changes"])
    assert not course.passes_blockers(beyond, None)


def test_unheard_squads_are_those_skipped_or_never_come_to() -> None:
    """A squad that was passed over or not reached has not reported; those still to come are counted."""
    on = run(goes(45, "squad:cranes"), (50, "skip", {"segment": "squad:cranes"}), goes(51, "squad:quay"))
    assert course.unheard(on) == ("cranes", "tugs")
    assert course.squads_left(on) == 1


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Carried(3, 3, None), "3rd time, unchanged"),
        (Carried(2, 1, AT), "2nd time, changed since the last"),
        (Carried(12, 4, AT), "12th time, unchanged for 4"),
        (Carried(21, 0, AT), "21st time, decided today"),
    ],
)
def test_a_streak_in_words(found: Carried, said: str) -> None:
    """How often it was there, and since when nothing changed."""
    assert words.streak(found) == said


def said(on: Run, seconds: float, width: int = 150, by: str = "Ada", *, follows: bool = False) -> str:
    seat = words.Seat(by, View(), follows)
    return as_text([words.bar(on, PROGRAM, at(seconds), seat, width)])


def test_the_bar_says_how_it_stands() -> None:
    """Which part, its clock, what is left, who drives; over time by how much; that it is paused."""
    on = run(goes(45, "blockers"))
    assert said(on, 86) == "2/8 Blockers  00:41 of 03:30 · 13:34 left in all · 3 squads left · you drive"
    assert "Ada drives" in said(on, 86, by="Tomas")
    assert "you follow" in said(on, 86, follows=True)
    assert "03:44 of 03:30 +00:14" in said(on, 45 + 210 + 14)
    paused = run(goes(45, "blockers"), (60, "pause", {}))
    assert "00:15 of 03:30 · PAUSED" in said(paused, 600)
    assert "over in all" in said(on, 3600)


def test_amber_at_four_fifths_and_red_over() -> None:
    """The clock's colour is that of its rule, and over time it says so in figures too."""
    on = run()
    seat = words.Seat("Ada", View())

    def style(seconds: float) -> str:
        line = words.bar(on, PROGRAM, at(seconds), seat, 150)
        return next(span.style for span in line if ":" in span.text)

    assert [style(s) for s in (35, 36, 45, 46)] == ["strong", "warn", "warn", "breach"]


@pytest.mark.parametrize("width", [24, 40, 58, 78, 100, 160])
def test_the_bar_keeps_its_clock_however_narrow(width: int) -> None:
    """It never is wider than it may be, and part and clock are the last to go."""
    on = run(goes(45, "squad:cranes"))
    line = words.bar(on, PROGRAM, at(86), words.Seat("Ada", View()), width)
    assert line_width(line) <= width
    assert as_text([line]).startswith("3/8 cranes  00:41")


def test_carry_overs_come_first_with_their_streak() -> None:
    """The one that was there before is listed first with how often; a new one comes after a heading."""
    snapshot, _ = three_times()
    worse = Blocker("b-2", "Ice", opened_at=AT - timedelta(hours=5))
    snapshot = replace(snapshot, blockers=(worse, *snapshot.blockers))
    # It was there at the standup before as well, unless it is as new as this.
    pane = CarriedPane(PANE, KEY)
    rows = pane.rows(snapshot, View(width=90, height=30))
    ctx = DrawContext(snapshot, View(), AT, 90, 30)
    told = as_text([line for row in rows for line in pane.draw(row, ctx)])
    assert told.index("carried over: 1") < told.index("Fog") < told.index("since the last standup")
    assert told.index("since the last standup") < told.index("Ice")
    assert "3rd time, unchanged: it needs a decision" in told
    assert all(len(pane.draw(row, ctx)) == row.height for row in rows)
    assert [row.key for row in rows if row.selectable] == ["blocker:b-1", "blocker:b-2"]


def test_the_minutes_are_read_back_by_kind() -> None:
    """Not reported, decided on blockers, decisions, action items with who and until when, notes."""
    wrote = [
        Action("c1", KEY.minutes, "note", {"text": "a note"}, "Ada", "", at(60)),
        Action(
            "c2",
            KEY.minutes,
            "task",
            {"text": "oil it", "owner": "Tomas", "due": "Friday"},
            "Ada",
            "",
            at(61),
        ),
        Action("c3", KEY.minutes, "decision", {"text": "berth first"}, "Ines", "", at(62)),
        Action("d1", "b-1", "accept", {"why": "fog is fog"}, "Ada", "", at(63)),
    ]
    course_ = entries((50, "skip", {"segment": "squad:quay"}), goes(64, "buffer"))
    snapshot = room(*course_, *wrote, blockers=(Blocker("b-1", "Fog"),))
    pane = MinutesPane(KEY)
    ctx = DrawContext(snapshot, View(), AT, 80, 30)
    told = as_text(
        [line for row in pane.rows(snapshot, View(width=80, height=30)) for line in pane.draw(row, ctx)]
    )
    parts = ["Not reported", "quay", "Fog: accepted as it is: fog is fog", "Decisions", "berth first"]
    parts += ["Action items", "oil it · Tomas until Friday", "Notes", "a note"]
    places = [told.index(part) for part in parts]
    assert places == sorted(places)
    assert "queued" not in told


def test_what_waits_in_the_outbox_says_so_in_the_minutes() -> None:
    """A capture that is not in the log yet is marked."""
    wrote = Action("c1", KEY.minutes, "note", {"text": "a note"}, "Ada", "", at(60))
    known = ledger(*entries())
    outbox = OutboxSeen((Outcome("queued", wrote),))
    snapshot = Snapshot(PROGRAM, ledger=known, runs=runs(known, (wrote,)), outbox=outbox)
    pane = MinutesPane(KEY)
    ctx = DrawContext(snapshot, View(), AT, 80, 30)
    told = [as_text(pane.draw(row, ctx)) for row in pane.rows(snapshot, View(width=80))]
    assert "⧗ queued" in told[-1]


@pytest.mark.parametrize("kind", list(PARTS))
@pytest.mark.parametrize("size", [(200, 50), (120, 35), (100, 24), (80, 24), (60, 16)])
def test_every_part_fits_every_size(kind: Any, size: tuple[int, int]) -> None:
    """The bar keeps its line, the leading pane is shown, and nothing overlaps it or leaves the screen."""
    part = PARTS[kind]
    names = ("changes", "waves", "squads", "blockers", "telemetry", "services", "alerts", "ritual", MINUTES)
    found = arrange(*size, dict.fromkeys(names, 8), part.leads, plan=part.plan)
    assert found.bar is not None
    assert (found.bar.y, found.bar.height) == (1, 1)
    assert part.leads in found.panes
    for box in found.panes.values():
        assert box.y >= (3 if found.tabs is not None else 2)
        assert box.y + box.height <= size[1] - 1
        assert box.x + box.width <= size[0]


def test_what_a_standup_begins_with_is_not_its_own_baseline() -> None:
    """While it is on, changes are counted from the status before the one it published at its start."""
    from controlroom.domain.diff import baseline

    night = StatusFile("2031-05-05.json", "2031-05-05", "nightly", at(-9 * 3600), {})
    own = StatusFile("2031-05-06-standup.json", "2031-05-06", "standup", at(-1), {})
    on, over = run(), run((900, "finish", {}))
    assert (found := baseline((night, own), PROGRAM, at(60), (on,))) is not None
    assert found.file is night
    assert (found := baseline((night, own), PROGRAM, at(1000), (over,))) is not None
    assert found.file is own
    assert baseline((own,), PROGRAM, at(60), (on,)) is None
