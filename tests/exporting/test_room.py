"""What /metrics tells of the room: the same as `snapshot --json`, and nothing that is not known."""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlroom import exporting
from controlroom.domain.board import Squad
from controlroom.domain.instants import parse
from controlroom.domain.maintenance import Window
from controlroom.domain.program import Program
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert, Coverage, GapCode, Gate, SignalReading
from controlroom.domain.triage import Blocker
from controlroom.exporting.cost import Cost
from controlroom.exporting.family import NOBODY
from controlroom.exporting.room import ROOM as FAMILIES
from controlroom.exporting.room import SOURCES
from controlroom.headless import gates
from controlroom.headless.alerts import watchdog_state
from controlroom.headless.snapshot import as_json
from controlroom.lab import servers
from tests.exporting.pages import ROOM, Page, of, read, text, unprobed, value
from tests.tui import rooms
from tests.tui.rooms import NOW, ago, card, service

LATER = NOW + timedelta(hours=1)


def changed(**parts: Any) -> Snapshot:
    """The room with other parts."""
    return replace(ROOM, **parts)


def failing(kind: str, room: Snapshot = ROOM) -> tuple[SourceStatus, ...]:
    """The sources, those of one kind failing for a moment."""
    gone = (replace(s, error="refused", error_since=NOW) if s.kind == kind else s for s in room.sources)
    return tuple(gone)


def silent(kind: str) -> tuple[SourceStatus, ...]:
    """The sources, those of one kind not heard of for an hour."""
    return tuple(replace(s, read_at=ago(60)) if s.kind == kind else s for s in ROOM.sources)


def is_one(page: Page, name: str, label: str, **labels: str) -> str | None:
    """The only state of a thing that is 1; None where it has none."""
    found = [dict(series) for series, one in page.get(name, {}).items() if one == 1]
    told = [series[label] for series in found if labels.items() <= series.items()]
    assert len(told) <= 1, f"{labels} is {told} at once"
    return told[0] if told else None


def seconds(instant: str | None) -> float | None:
    """An instant of the JSON as Prometheus has it."""
    return None if instant is None else parse(instant).timestamp()


def whole(number: float | None) -> float | None:
    """A time without its fraction, which the JSON does not tell."""
    return None if number is None else float(int(number))


PARITY = {
    "as it is": (ROOM, NOW),
    "an hour without a word": (ROOM, LATER),
    "an empty one": (rooms.EMPTY, NOW),
    "no metrics": (changed(sources=failing("metrics")), NOW),
    "all well": (
        changed(
            signals=rooms.SIGNALS[:1],
            coverage=(Coverage("quay", 1, 1, 100, "PASS"),),
            gates=(Gate("one", "PASS", 1, 1, 100, (Coverage("quay", 1, 1, 100, "PASS"),)),),
        ),
        NOW,
    ),
}


@pytest.fixture(params=list(PARITY.values()), ids=list(PARITY))
def both(request: pytest.FixtureRequest) -> tuple[Page, dict[str, Any], Snapshot, datetime]:
    """A room as the page and as `snapshot --json` tell of it."""
    room, now = request.param
    return read(room, now), as_json(room, now, "UTC"), room, now


Both = tuple[Page, dict[str, Any], Snapshot, datetime]


def test_sources_are_told_as_the_json_tells_them(both: Both) -> None:
    """Freshness, when it was read, whether it fails, its warnings: of every source, and of no other."""
    page, document, _, _ = both
    for source in document["sources"]:
        labels = {"source": source["id"], "kind": source["kind"]}
        assert is_one(page, "controlroom_source_freshness", "freshness", **labels) == source["freshness"]
        read_at = value(page, "controlroom_source_read_timestamp_seconds", **labels)
        assert whole(read_at) == seconds(source["read_at"])
        asked = source["read_at"] is not None or source["error"] is not None
        fails = float(source["error"] is not None) if asked else None
        assert value(page, "controlroom_source_failing", **labels) == fails
    assert len(page.get("controlroom_source_interval_seconds", {})) == len(document["sources"])


def test_services_are_told_as_the_json_tells_them(both: Both) -> None:
    """State, since when, latency, flaps and cause; a failure in doubt is unknown, as on the screen."""
    page, document, _, _ = both
    for one in document["services"]:
        id_ = one["id"]
        doubtful = not one["verified"] and one["state"] in ("down", "degraded")
        state = "unknown" if doubtful else one["state"]
        assert is_one(page, "controlroom_service_state", "state", service=id_) == state
        since = value(page, "controlroom_service_since_timestamp_seconds", service=id_)
        assert whole(since) == seconds(one["since"])
        assert value(page, "controlroom_service_verified", service=id_) == float(one["verified"])
        if one["state"] != "unknown":
            latency = value(page, "controlroom_service_latency_seconds", service=id_)
            assert latency == (None if one["latency_ms"] is None else pytest.approx(one["latency_ms"] / 1000))
            assert value(page, "controlroom_service_flaps", service=id_) == one["flaps"]
        cause = of(page, "controlroom_service_caused_by", service=id_)
        assert list(cause) == ([one["caused_by"]] if one["caused_by"] else [])
        squads = of(page, "controlroom_service_affects", service=id_)
        assert sorted(squads) == sorted(one["affects"]["squads"])
    assert len(page.get("controlroom_service_info", {})) == len(document["services"])


def test_gaps_are_told_as_the_json_tells_them(both: Both) -> None:
    """Every gap with its code, and no other one."""
    page, document, _, _ = both
    told = {
        (labels["squad"], labels["title"], labels["code"])
        for labels in map(dict, page.get("controlroom_signal_gap", {}))
    }
    gaps = {(gap["squad"], gap["metric"] or "", gap["code"]) for gap in document["gaps"]}
    stale = any(s["freshness"] == "stale" and s["kind"] == "metrics" for s in document["sources"])
    assert told == (set() if stale else gaps)


def test_gates_are_told_as_the_json_tells_them(both: Both) -> None:
    """Verdict, required, delivered; it passes exactly where `controlroom gate` ends with 0."""
    page, document, room, _ = both
    stale = any(s["freshness"] == "stale" for s in document["sources"])
    for gate, seen in zip(document["gates"], room.gates, strict=True):
        state = is_one(page, "controlroom_gate_state", "state", wave=gate["wave"])
        sure = not stale and gates.exit_code(room, [seen]) == 0
        assert (state == "pass") == sure
        if not stale and gate["verdict"] != "PASS":
            assert state == gate["verdict"].lower()
        required = value(page, "controlroom_gate_signals_required", wave=gate["wave"])
        assert required == (gate["required"] or None)
        known = gate["required"] and not gate["unknown"] and not stale
        delivered = value(page, "controlroom_gate_signals_delivered", wave=gate["wave"])
        assert delivered == (gate["ok"] if known else None)
        ratio = value(page, "controlroom_gate_signals_delivered_ratio", wave=gate["wave"])
        assert (None if ratio is None else int(100 * ratio)) == (gate["pct"] if known else None)


def test_blockers_and_cards_are_told_as_the_json_tells_them(both: Both) -> None:
    """By squad and state, and by age; nothing at all while somebody who tells of them is silent."""
    page, document, room, _ = both
    squads = [squad.id for squad in room.program.squads]
    tellers = [s for s in document["sources"] if s["kind"] in ("documents", "store", "status")]
    if not tellers or any(s["freshness"] in ("stale", "never") for s in tellers):
        assert not {name for name in page if "blocker" in name or "items" in name}
        return

    def known(squad: str | None) -> str:
        return squad if squad in squads else NOBODY

    lanes = {item["id"]: item["squad"] for item in document["items"]}
    held = {b["id"]: known(b["owning_squad"] or lanes.get(b["item"])) for b in document["blockers"]}
    open_ = [b for b in document["blockers"] if b["state"] != "resolved"]
    assert counts(page, "controlroom_squad_blockers", "state") == Counter(
        (held[b["id"]], b["state"]) for b in document["blockers"]
    )
    assert counts(page, "controlroom_squad_blockers_by_age", "sla") == Counter(
        (held[b["id"]], b["sla"]) for b in open_
    )
    assert counts(page, "controlroom_squad_items", "status") == Counter(
        (known(item["squad"]), item["status"]) for item in document["items"]
    )
    for squad in (*squads, NOBODY):
        ages = [b["age_s"] for b in open_ if held[b["id"]] == squad and b["age_s"] is not None]
        oldest = value(page, "controlroom_squad_oldest_blocker_age_seconds", squad=squad)
        assert (None if oldest is None else int(oldest)) == max(ages, default=None)
        waiting = sum(known(b["blocking_squad"]) == squad for b in open_)
        assert value(page, "controlroom_squad_blocking", squad=squad) == waiting


def counts(page: Page, name: str, column: str) -> Counter[tuple[str, str]]:
    """What is counted, by squad and `column`; what is 0 compares as what is not counted."""
    return Counter(
        {
            (labels["squad"], labels[column]): int(number)
            for labels, number in ((dict(series), number) for series, number in page[name].items())
        }
    )


def test_alerts_and_benchmarks_are_told_as_the_json_tells_them(both: Both) -> None:
    """Active alerts by squad, the watchdog, the last results; a result that is old is none of today."""
    page, document, room, _ = both
    stale = {s["id"] for s in document["sources"] if s["freshness"] in ("stale", "never")}
    squads = {squad.id for squad in room.program.squads}
    active = Counter(
        a["squad"] if a["squad"] in squads else NOBODY
        for a in document["alerts"]
        if a["state"] != "suppressed" and f"alerts:{a['server']}" not in stale
    )
    told = Counter[str]()
    for series, number in page.get("controlroom_alerts", {}).items():
        labels = dict(series)
        told[labels["squad"]] += int(number) if labels["state"] == "active" else 0
    assert told == active
    for dog in room.watchdogs:
        known = "unknown" if f"alerts:{dog.server}" in stale else watchdog_state(dog, room)
        assert is_one(page, "controlroom_watchdog_state", "state", server=dog.server) == known
    for one in document["benchmarks"]:
        assert is_one(page, "controlroom_benchmark_state", "state", benchmark=one["id"]) == one["verdict"]
        result = one["value"] if one["verdict"] not in ("old", "unknown") else None
        assert value(page, "controlroom_benchmark_result", benchmark=one["id"]) == result


# What is not known


@pytest.mark.parametrize("id_", ["ferry", "lock", "buoy"])
def test_of_an_unknown_service_only_that_is_told(id_: str) -> None:
    """Never asked, in doubt, silent for half an hour: whoever asks whether it is down hears nothing."""
    page = read()
    assert of(page, "controlroom_service_state", service=id_) == {"unknown": 1.0}
    assert len(of(page, "controlroom_service_state", service="redis")) == len(Health)


def test_how_long_a_silent_service_took_is_not_told() -> None:
    """Its last answer is no answer of now, nor while planned work is on; nor what it did within the hour."""
    silent = replace(service("buoy", Health.UP, flaps=2), probed_at=ago(30))
    window = Window(start=ago(60), end=ago(-60), text="dredging")
    planned = replace(silent, service=replace(silent.service, id="pier", maintenance=(window,)))
    page = read(changed(services=(silent, planned, service("redis", Health.UP))))
    assert set(of(page, "controlroom_service_latency_seconds")) == {"redis"}
    assert "buoy" not in of(page, "controlroom_service_flaps")
    assert is_one(page, "controlroom_service_state", "state", service="pier") == "maintenance"


def test_what_was_never_asked_has_no_number() -> None:
    """No latency, no flaps, no time of a probe: none of them is 0."""
    page = read(changed(services=tuple(map(unprobed, ROOM.services))))
    names = ("latency_seconds", "flaps", "probed_timestamp_seconds", "since_timestamp_seconds")
    assert not {f"controlroom_service_{name}" for name in names} & set(page)


def test_a_room_that_nobody_read_counts_nothing() -> None:
    """With sources that never answered there is no 0 of anything, only that they never did."""
    never = tuple(replace(s, read_at=None) for s in ROOM.sources)
    blank = Snapshot(ROOM.program, sources=never)
    page = read(blank)
    told = {name for name in page if name not in OWN}
    assert told == {
        "controlroom_program_info",
        "controlroom_room_restored",
        "controlroom_source_freshness",
        "controlroom_source_interval_seconds",
        "controlroom_squad_info",
        "controlroom_wave_info",
        "controlroom_signal_gap",
    }
    assert is_one(page, "controlroom_source_freshness", "freshness", source="log", kind="store") == "never"
    assert {dict(labels)["code"] for labels in page["controlroom_signal_gap"]} == {"NOT_DECLARED"}


OWN = frozenset(read(None))


@pytest.mark.parametrize("kind", ["documents", "store", "status"])
def test_nothing_is_said_of_blockers_while_who_tells_of_them_is_silent(kind: str) -> None:
    """Neither 0 nor the last count that was heard."""
    page = read(changed(sources=silent(kind)))
    assert not {name for name in page if "blocker" in name or "items" in name or "blocking" in name}
    assert "controlroom_squad_blockers" in read(changed(sources=failing(kind)))


def test_without_documents_nobody_has_no_cards() -> None:
    """A room that only has a log knows of no blockers, but not that there are no cards."""
    page = read(replace(rooms.EMPTY, sources=tuple(s for s in ROOM.sources if s.kind == "store")))
    assert value(page, "controlroom_squad_blockers", squad=NOBODY, state="open") == 0
    assert "controlroom_squad_items" not in page


def test_no_gate_passes_on_what_cannot_be_read() -> None:
    """With a source that fails a gate that would pass is unknown; with all of them it passes."""
    fine = (Coverage("quay", 1, 1, 100, "PASS"),)
    room = changed(coverage=fine, gates=(Gate("one", "PASS", 1, 1, 100, fine),))
    assert of(read(room), "controlroom_gate_state", wave="one")["pass"] == 1  # type: ignore[index]
    for kind in ("metrics", "documents", "services"):
        page = read(replace(room, sources=failing(kind)))
        assert of(page, "controlroom_gate_state", wave="one") == {"unknown": 1.0}
        assert of(page, "controlroom_squad_gate_state", squad="quay") == {"unknown": 1.0}


def test_a_share_is_told_only_where_all_of_it_is_known() -> None:
    """One signal that nobody can say anything of, and there is no share, and no count of those there."""
    parts = (Coverage("quay", 1, 2, 50, "UNKNOWN", unknown=1), Coverage("cranes", 0, 0, None, "NOT_DECLARED"))
    page = read(changed(coverage=parts, gates=()))
    assert value(page, "controlroom_squad_signals_required", squad="quay") == 2
    assert value(page, "controlroom_squad_signals_unknown", squad="quay") == 1
    assert "controlroom_squad_signals_delivered" not in page
    assert "controlroom_squad_signals_delivered_ratio" not in page
    assert value(page, "controlroom_squad_signals_required", squad="cranes") is None


def test_gaps_are_counted_only_where_somebody_could_ask() -> None:
    """A squad of which nothing could be asked has no count; one that is as promised has 0."""
    readings = (
        SignalReading(Signal("a_total", squad="quay"), GapCode.OK),
        SignalReading(Signal("b_total", squad="cranes"), GapCode.SOURCE_DOWN),
        SignalReading(Signal("c_total", squad="customs"), GapCode.SOURCE_DOWN),
        SignalReading(Signal("d_total", squad="customs"), GapCode.NAN),
    )
    page = read(changed(signals=readings))
    assert of(page, "controlroom_squad_gaps") == {"quay": 0.0, "customs": 1.0}


def test_that_there_is_no_alert_takes_everybodys_answer() -> None:
    """Of two Alertmanagers one is silent: what the other knows is told, and no squad is said to have none."""
    other = SourceStatus("alerts:other", "alerts", "other", 10, ago(60))
    lost = Alert("f3", "Leak", "critical", squad="cranes", server="other")
    page = read(changed(sources=(*ROOM.sources, other), alerts=(*ROOM.alerts, lost)))
    assert set(page["controlroom_alerts"].values()) == {1.0}
    assert {dict(labels)["squad"] for labels in page["controlroom_alerts"]} == {"quay", NOBODY}
    assert 0.0 in read()["controlroom_alerts"].values()


def test_the_room_of_an_earlier_run_is_not_told() -> None:
    """Until a source has answered there is nothing but the sources, and that it is so."""
    page = read(changed(restored=True))
    assert value(page, "controlroom_room_restored") == 1
    assert set(page) == OWN | {family.name for family in SOURCES}


def test_who_stands_by_tells_only_of_itself() -> None:
    """A collector that does not look at the world has no room to tell of."""
    assert not {family.name for family in (*FAMILIES, *SOURCES)} & set(read(None))
    assert value(read(None), "controlroom_collector_leads") == 1


# What it may cost, and what may not stand in it


def test_more_cards_blockers_and_alerts_make_no_more_series() -> None:
    """Their ids and texts, and squads that people made up, are no labels."""
    before = series(ROOM)
    many = changed(
        items=tuple(card(f"i{n}", f"Epic {n}", f"squad-{n}", "blocked") for n in range(500)),
        blockers=tuple(Blocker(f"b{n}", "x", owning_squad=f"s{n}", opened_at=NOW) for n in range(500)),
        alerts=tuple(Alert(f"f{n}", f"A{n}", f"sev{n}", squad=f"s{n}", server="am") for n in range(500)),
    )
    # The oldest blocker is one of nobody's, too.
    assert series(many) <= before + 1
    assert value(read(many), "controlroom_squad_blockers", squad=NOBODY, state="open") == 500


def series(room: Snapshot) -> int:
    """How many there are."""
    return sum(map(len, read(room).values()))


HOSTILE = (
    'a"} 1\ncontrolroom_up 1',
    "\x1b[31mred\x07",
    "back\\slash",
    "\u202eevil",
    "x" * 5_000,
    "\ud800 lone",
)


def test_hostile_texts_stay_one_clean_label() -> None:
    """Quotes, newlines, escapes, bidi controls, half characters, endless names: no line is broken or made."""
    squads = tuple(Squad(f"s{n}", name) for n, name in enumerate(HOSTILE))
    listed = tuple(
        replace(service(f"x{n}", Health.UP), service=Service(f"x{n}", "http", name, group=name, owner=name))
        for n, name in enumerate(HOSTILE)
    )
    page = read(changed(program=replace(ROOM.program, squads=squads, title=HOSTILE[0]), services=listed))
    assert "controlroom_up" not in page
    names = [dict(labels)["name"] for labels in page["controlroom_squad_info"]]
    assert len(names) == len(HOSTILE)
    assert all(name.isprintable() and len(name) <= 200 for name in names)


def test_what_is_declared_twice_is_told_once() -> None:
    """Two squads or waves of one id would make Prometheus drop the page's samples."""
    program = replace(ROOM.program, squads=(*rooms.SQUADS, rooms.SQUADS[0]), waves=ROOM.program.waves * 2)
    read(changed(program=program, coverage=rooms.COVERAGE * 2))


def test_no_address_and_no_reason_stands_in_it() -> None:
    """Where a service is, and what it said, may hold what nobody else is to know."""
    secret = Service("vault", "http", url="http://root:hunter2@vault.test/", runbook="https://hunter2.test")
    state = replace(service("vault", Health.DOWN, "hunter2 refused", raw="hunter2"), service=secret)
    shown = text(changed(services=(state,)))
    assert "hunter2" not in shown
    assert "vault.test" not in shown


@pytest.mark.parametrize("room", [ROOM, rooms.EMPTY, Snapshot(Program()), None])
def test_promtool_finds_nothing_to_say(room: Snapshot | None) -> None:
    """Names, units, help and format are as Prometheus' own checker wants them."""
    try:
        promtool = servers.find("promtool")
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=text(room),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_every_family_is_told_of_a_full_room() -> None:
    """None is promised that no room has, and none is told that nobody promised."""
    told = set(read()) - OWN
    assert told == {family.name for family in (*SOURCES, *FAMILIES)}


def test_the_page_says_what_it_is() -> None:
    """The type that every Prometheus reads, and text in UTF-8."""
    kind, body = exporting.page(ROOM, NOW, Cost())
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert body.decode("utf-8").endswith("\n")
