"""The services pane: groups, planned work, doubts, the last hour, and what the schedule depends on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from controlroom.domain.health import ServiceState, Transition
from controlroom.domain.maintenance import Window
from controlroom.domain.program import Dependency
from controlroom.domain.selfcheck import Check
from controlroom.domain.services import Health, Service
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.tui import filters
from controlroom.tui.lines import as_text, line_width
from controlroom.tui.panes.services import PANE
from controlroom.tui.rows import DrawContext, View
from tests.tui.looking import seat
from tests.tui.rooms import BLOCKERS, NOW, PROGRAM, SOURCES, ago, changed, drawn, view
from tests.tui.still import Still

WINDOW = Window("Index is rebuilt", start=ago(30), end=ago(-90), zone="Europe/Berlin")
FAILS = (Check("clock", True, "runs evenly"), Check("route", False, "no default route"))


def state(id_: str, health: Health = Health.UP, reason: str = "", **more: object) -> ServiceState:
    """A service that answered two seconds ago; what belongs to the service is told by keyword."""
    own = {key: more.pop(key) for key in list(more) if key in Service.__dataclass_fields__}
    made = ServiceState(Service(id_, "http", **own), health, ago(3), reason)  # type: ignore[arg-type]
    return replace(made, **{"probed_at": NOW - timedelta(seconds=2), **more})  # type: ignore[arg-type]


GROUPED = (
    state("mail"),
    state("web", group="edge"),
    state("redis", Health.DOWN, "connection refused", group="data", owner="quay", squads=("cranes",)),
    state("search", group="data", maintenance=(WINDOW,)),
    state("kafka", group="data"),
    state(
        "api", Health.DOWN, "503", group="core", depends_on=("redis",), squads=("customs",), caused_by="redis"
    ),
)


def room(*services: ServiceState, **parts: object) -> Snapshot:
    """A room with these services and no dependencies."""
    parts.setdefault("program", replace(PROGRAM, dependencies=()))
    return changed(services=services or GROUPED, **parts)


def lines(seen: View | None = None, shown: Snapshot | None = None) -> list[str]:
    return drawn(PANE, shown or room(), seen=seen or view(118, 40)).splitlines()


def test_groups_stand_under_their_names_with_a_tally_the_worst_first() -> None:
    """Within a group the worst first; those without one come last, under a name of their own."""
    said = [" ".join(line.split()) for line in lines(view(118, 11)) if line]
    heads = [line for line in said if line[0] not in "✖▲?◌●"]
    assert heads == ["data ✖ 1 ◌ 1 ● 1", "core ✖ 1", "edge ● 1", "other ● 1"]
    assert [line.split()[1] for line in said[1:4]] == ["redis", "search", "kafka"]


def test_tallies_stand_below_each_other_and_below_the_states() -> None:
    """One column, whatever the names."""
    said = lines(view(118, 10))
    column = said[1].index("DOWN")
    assert {line.index(line.split()[1]) for line in said if line and line[0] not in "✖▲?◌●"} == {column}


def test_folding_is_a_matter_of_room() -> None:
    """All where all fits; then without what is up, then without what is calm, then without headings."""
    assert any(line.startswith("● kafka") for line in lines(view(118, 10)))
    calm = lines(view(118, 9))
    assert any(line.startswith("◌ search") for line in calm)
    assert "● 3 more up" in calm[-1]
    loud = lines(view(118, 5))
    assert loud[-1] == "● 3 more up · ◌ 1 maintenance"
    assert loud[0].startswith("data")
    flat = lines(view(118, 4))
    assert [line.split()[1] for line in flat] == ["redis", "api", "3"]


def test_services_without_groups_have_no_headings() -> None:
    """Nor a name for the absence of one."""
    plain = tuple(replace(s, service=replace(s.service, group="")) for s in GROUPED)
    assert "other" not in "\n".join(lines(shown=room(*plain)))


def test_planned_work_is_calm_and_says_until_when() -> None:
    """After what is unknown and before what is up; nothing red, whatever the probe found."""
    planned = state("search", Health.DOWN, "connection refused", maintenance=(WINDOW,))
    said = lines(shown=room(state("kafka"), planned, state("quiet", Health.UNKNOWN)))
    assert [line.split()[1] for line in said] == ["quiet", "search", "kafka"]
    assert "◌ search maintenance" in " ".join(said[1].split())
    assert "Index is rebuilt until Wed 10:29 CET; down: connection refused" in said[1]
    row = next(row for row in PANE.rows(room(planned), view()) if row.subject)
    styles = {span.style for span in PANE.draw(row, DrawContext(room(planned), view(), NOW, 118, 0))[0]}
    assert styles <= {"maintenance", "dim", "text"}


def test_never_asked_and_silent_read_differently() -> None:
    """Both unknown, in different words."""
    said = lines(shown=room(state("new", Health.UNKNOWN, "not probed yet", probed_at=None)))
    assert "not probed yet" in said[0]
    silent = drawn(PANE, room(state("old")), NOW + timedelta(minutes=4), view(118, 40))
    assert "not probed for 4m" in silent


def test_a_thousand_that_were_never_asked_are_one_line() -> None:
    """The first second of a big room is no wall of question marks."""
    new = tuple(state(f"s{n}", Health.UNKNOWN, "not probed yet", probed_at=None) for n in range(1000))
    assert lines(view(58, 12), room(*new)) == ["? 1000 unknown"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("data", "kafka redis search"),
        ("http", "api kafka mail redis search web"),
        ("refused", "redis"),
        ("quay", "redis"),
        ("cranes", "redis"),
        ("@customs", "api"),
        ("events", "kafka"),
        ("maintenance", "search"),
        ("edge !data", "web"),
    ],
)
def test_filter_words_reach_what_is_known_of_a_service(typed: str, kept: str) -> None:
    """Group, kind, reason, squad and owner by id and name, and the names of dependencies."""
    program = replace(PROGRAM, dependencies=(Dependency("Events", services=("kafka",)),))
    shown = room(program=program)
    matches = filters.compile(typed, program)
    rows = [row for row in PANE.rows(shown, view(filter=typed)) if row.selectable and matches(row)]
    found = [row.subject.id for row in rows if row.subject and row.subject.kind == "service"]
    assert sorted(found) == kept.split()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("!up", "service:backup dependency:0:archive dependency:2:ferry"),
        ("up", "service:startup service:kafka dependency:1:events"),
        ("down", "service:backup dependency:0:archive"),
        ("unknown", "dependency:2:ferry"),
        ("refused", "service:backup dependency:0:archive"),
        ("back", "service:backup dependency:0:archive"),
    ],
)
def test_a_word_for_a_state_means_the_state_and_no_part_of_another_word(typed: str, kept: str) -> None:
    """What is down stays with `!up` whatever it is called; a dependency is as its worst service is."""
    services = (
        state("backup", Health.DOWN, "upstream refused"),
        state("startup", reason="the way down is open"),
        state("kafka"),
    )
    needs = (
        Dependency("Archive", services=("kafka", "backup")),
        Dependency("Events", services=("kafka",)),
        Dependency("Ferry"),
    )
    program = replace(PROGRAM, dependencies=needs)
    matches = filters.compile(typed, program)
    rows = PANE.rows(room(*services, program=program), view(filter=typed))
    assert [row.key for row in rows if row.selectable and matches(row)] == kept.split()


def test_a_reason_stands_before_what_is_only_measured() -> None:
    """In a narrow pane the latency is what is cut off."""
    slow = state("kafka", Health.DEGRADED, "topic orders.created does not exist", latency=0.0049)
    (said,) = lines(view(58, 12), room(slow))
    assert "topic orders.created" in said
    assert "topic orders.created does not exist · 4.9 ms" in lines(view(118, 12), room(slow))[0]


def test_a_service_that_fails_names_everybody_it_reaches() -> None:
    """Squads behind what depends on it too; of many the first ones and how many more."""
    said = "\n".join(lines())
    assert "affects Cranes, Customs" in said
    crowd = tuple(state(f"d{n}", squads=(f"squad-{n}",), depends_on=("redis",)) for n in range(9))
    assert "affects Cranes, Customs, squad-0 +8" in "\n".join(lines(shown=room(*GROUPED, *crowd)))


def test_rows_line_up_and_end_in_their_last_hour() -> None:
    """At one place in every row, and nowhere in a narrow pane."""
    bad = (Transition(ago(600), Health.UNKNOWN, Health.UP), Transition(ago(11), Health.UP, Health.DOWN))
    shown = room(
        state("redis", Health.DOWN, "refused " * 40, transitions=bad), state("日本語", transitions=bad[:1])
    )
    for width, cells in ((100, 12), (130, 20), (180, 30)):
        first, second = lines(view(width, 40), shown)
        assert second.endswith("  " + "▁" * cells)
        assert set(first[-cells:]) == {"▁", "█"}
        assert first[-cells - 3 : -cells] == "…  "
        for row in PANE.rows(shown, view(width, 40)):
            assert line_width(PANE.draw(row, DrawContext(shown, view(width, 40), NOW, width, 40))[0]) == width
    assert "▁" not in "\n".join(lines(view(80, 40), shown))


def test_in_a_narrow_pane_a_reason_is_not_squeezed_out() -> None:
    """A row of two lines has it in the second where the first has no room."""
    long = state("harbour-gateway", Health.DOWN, "connection refused", squads=("cranes",))
    said = lines(view(31, 20), room(long))
    assert said[0] == "✖ harbour-gat… DOWN 3m"
    assert said[1].startswith("  connection refused · affects")


# Is it me?


def test_while_this_machine_fails_that_is_the_first_row() -> None:
    """Which check fails, and how many failures that puts in doubt; Enter tells the rest."""
    doubted = (replace(GROUPED[2], verified=False, failures=2), *GROUPED[3:5])
    shown = room(*doubted, self_checks=FAILS)
    for seen in (view(118, 40), view(58, 4), view(118, 40, expanded=True), view(118, filter="x")):
        first = PANE.rows(shown, seen)[0]
        assert (first.key, first.subject) == ("self", ("source", "self"))
    said = lines(shown=shown)
    assert said[0] == "? is it me: no default route · 1 failure unverified"
    assert any("? redis" in line and "unverified 3m" in line for line in said)
    assert "✖" not in "\n".join(said)


def test_a_room_of_dependencies_alone_asks_whether_it_is_me_too() -> None:
    """Before it says how services are added."""
    said = lines(shown=changed(services=(), self_checks=FAILS))
    assert said[0] == "? is it me: no default route"
    assert said[1] == "no services declared: add [[services]]"


def test_a_machine_that_is_fine_takes_no_line() -> None:
    """Nor does one of which something could not be judged."""
    fine = (Check("route", True, "by eth0"), Check("dns", None, "no name to look up"))
    assert "is it me" not in "\n".join(lines(shown=room(self_checks=fine)))


# What the schedule depends on

DEPENDENCIES = (
    Dependency("Events", "Between squads", "quay", ("kafka",), ("cranes", "customs")),
    Dependency("Cache", "", "quay", ("redis",)),
    Dependency("Weather feed"),
    Dependency("Tides", services=("tides",)),
)


def depending(**parts: object) -> Snapshot:
    """The room with dependencies."""
    return room(program=replace(PROGRAM, dependencies=DEPENDENCIES), **parts)


def test_dependencies_have_rows_of_their_own_where_there_is_room() -> None:
    """The worst first, each with its state, its owner and what waits; else all in one line."""
    said = lines(view(118, 40), depending(blockers=BLOCKERS))
    where = said.index("Critical dependencies")
    names = [line.split()[1] for line in said[where + 1 :]]
    assert names == ["Cache", "Weather", "Tides", "Events"]
    cache = said[where + 1]
    assert cache.startswith("✖ Cache")
    for part in (
        "DOWN 3m",
        "owner Quay & Berths",
        "2 squads, 1 service, 2 blockers wait",
        "connection refused",
    ):
        assert part in cache
    assert "no probe declared" in said[where + 2]
    assert "no such service" in said[where + 3]
    assert "up 3m" in said[where + 4]
    assert "2 squads, 2 blockers wait" in said[where + 4]
    low = lines(view(118, 10), depending())
    assert low[-1].startswith("needs  ✖ Cache DOWN")
    assert not any(line.startswith("Critical") for line in low)


def test_eight_lines_to_spare_are_enough_for_any_number_of_dependencies() -> None:
    """More than fit are scrolled to, not hidden."""
    many = tuple(Dependency(f"Thing {n}") for n in range(20))
    shown = room(program=replace(PROGRAM, dependencies=many))
    assert sum("Thing" in line for line in lines(view(118, 18), shown)) == 20
    assert sum("Thing" in line for line in lines(view(118, 14), shown)) == 1


def test_a_dependency_in_doubt_or_explained_is_not_red() -> None:
    """It looks as its worst service does."""
    doubted = tuple(replace(s, verified=False, caused_by=None) for s in GROUPED)
    assert "? Cache" in "\n".join(lines(shown=replace(depending(), services=doubted)))
    explained = tuple(replace(s, caused_by="mail") if s.service.id == "redis" else s for s in GROUPED)
    shown = replace(depending(), services=explained)
    row = next(r for r in PANE.rows(shown, view(118, 40)) if r.key.endswith("cache"))
    spans = PANE.draw(row, DrawContext(shown, view(118, 40), NOW, 118, 40))[0]
    assert "DOWN" in as_text((spans,))
    assert "down" not in {span.style for span in spans}


# In the room


def big(count: int) -> Snapshot:
    """A room with many services in groups, one in twenty of them down."""
    made = tuple(
        state(
            f"s{n:04}",
            Health.DOWN if n % 20 == 0 else Health.UP,
            "refused",
            group=f"g{n % 4}",
            failures=n % 20 == 0,
        )
        for n in range(count)
    )
    return room(*made, sources=(*SOURCES, SourceStatus("self", "self", "this machine", 10, NOW)))


async def test_the_cursor_steps_over_headings_and_stays_on_its_service() -> None:
    """Down once is one service further; a service that fails meanwhile does not take the cursor along."""
    async with seat(Still(room()), (120, 40)) as here:
        await here.press("6", "z", "j", "j", "j")
        assert "api" in here.cursor
        worse = tuple(
            replace(s, health=Health.DOWN, reason="gone") if s.service.id == "web" else s for s in GROUPED
        )
        here.room.show(replace(room(), services=worse))
        await here.later()
        assert "api" in here.cursor


async def test_enter_on_the_doubt_tells_the_checks() -> None:
    """The first row of the pane opens what this machine found of itself."""
    async with seat(Still(room(self_checks=FAILS)), (120, 40)) as here:
        await here.press("6", "z", "g")
        said = await here.press("enter")
        assert "this machine" in said
        assert "✖ route" in said


async def test_a_thousand_services_are_walked_and_filtered() -> None:
    """To the end and back, and to the one that is looked for, in every size."""
    for size in ((200, 50), (80, 24)):
        async with seat(Still(big(1000)), size) as here:
            await here.press("6", "z", "G")
            assert "s0999" in here.screen
            await here.press("g")
            assert "s0000" in here.cursor
            await here.press("slash")
            said = await here.type("s0777")
            assert "● s0777" in said
            assert "s0776" not in said
