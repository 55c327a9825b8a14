"""The rule file and the dashboard in examples/ are built on exactly the series that /metrics tells."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlroom.documents.dashboards import dashboards
from controlroom.domain.expressions import reads
from controlroom.exporting.own import DURATIONS, DURATIONS_LABELS, OWN
from controlroom.exporting.room import ROOM as FAMILIES
from controlroom.exporting.room import SOURCES
from controlroom.exporting.series import TIME
from controlroom.lab import servers
from tests.conftest import Start
from tests.exporting.asking import DASHBOARD, RULES, api, ask, scraping, until
from tests.exporting.pages import read, text
from tests.sources.looking import Prometheus, exporting

CASES = Path(__file__).parent / "rules_test.yml"
HELD = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})?")
LABEL = re.compile(r'(\w+)="([^"]*)"')
SCRAPED = frozenset({"instance", "job"})
"""Labels that Prometheus puts on what it scrapes."""


def rules() -> list[Mapping[str, str]]:
    """Every rule of the example."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> Mapping[str, Any]:
    """The example's definition."""
    model: Mapping[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return model


def panels() -> list[Mapping[str, Any]]:
    """Its panels, without the headings."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Title and expression of every panel, as Grafana asks for all squads."""
    for panel in panels():
        for target in panel["targets"]:
            asked = target["expr"].replace("$squad", ".*").replace("$__rate_interval", "10s")
            assert "$" not in asked
            yield panel["title"], asked


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Prometheus' own checker; skips the test where it is not installed."""
    try:
        program = servers.find("promtool")
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_the_rules_are_rules() -> None:
    """promtool reads the file and finds every rule in it."""
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout


def test_the_rules_do_what_they_promise() -> None:
    """promtool runs them over made histories: each comes when it has to, and not before, and not for less."""
    tested = promtool("test", "rules", str(CASES))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def cases() -> list[Mapping[str, Any]]:
    """The histories that the rules are run over."""
    found: list[Mapping[str, Any]] = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
    return found


def test_every_alert_has_a_history_that_brings_it() -> None:
    """None of them is there untested; what a history brings beside what is expected fails it."""
    asked = [check for case in cases() for check in case["alert_rule_test"]]
    brought = {check["alertname"] for check in asked if check["exp_alerts"]}
    assert brought == {rule["alert"] for rule in rules()}


def test_the_histories_are_of_series_that_there_are() -> None:
    """Each has the labels that its family has, and states that a room has told: else they prove nothing."""
    page = read()
    families = {
        **{family.name: set(family.labels) for family in (*SOURCES, *FAMILIES)},
        **{family.name: set(family.labels) for family in OWN},
        TIME: set(),
        f"{DURATIONS}_bucket": {*DURATIONS_LABELS, "le"},
    }
    for case in cases():
        for held in (one["series"] for one in case["input_series"]):
            found = HELD.fullmatch(held)
            assert found is not None
            labels = dict(LABEL.findall(found["labels"] or ""))
            own = set(labels) - SCRAPED
            empty = {"owner", "group"} if found["name"] == "controlroom_service_info" else set[str]()
            assert own <= families[found["name"]] <= own | empty, held
            for label in own & {"state", "sla", "freshness"}:
                told = {dict(series)[label] for series in page[found["name"]]}
                assert labels[label] in told, held


def test_rules_and_dashboard_read_nothing_that_is_not_told() -> None:
    """Every metric of every expression stands on the page of a full room, by the product's own readers."""
    page = set(read())
    for rule in rules():
        told = reads(rule["expr"])
        assert told is not None, rule
        assert told.metrics
        assert set(told.metrics) <= page, rule["alert"]
    (one,) = dashboards(DASHBOARD.read_bytes(), DASHBOARD.name)
    assert (one.title, one.uid, one.error) == ("SomaSuite", "controlroom-somasuite", "")
    assert set(one.metrics) <= page


def test_unknown_is_no_0_on_the_dashboard() -> None:
    """A panel without a value says so, no line is drawn over a gap, and each says what it means."""
    for panel in panels():
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["noValue"] == "?", panel["title"]
        assert not defaults.get("custom", {}).get("spanNulls"), panel["title"]
        assert panel["description"], panel["title"]
    assert not [expression for _, expression in expressions() if "vector(0)" in expression]


def test_no_panel_lies_on_another() -> None:
    """Each has its place on the grid of 24 columns, and an id of its own."""
    taken = [(panel["id"], panel["gridPos"]) for panel in dashboard()["panels"]]
    assert len({id_ for id_, _ in taken}) == len(taken)
    for (_, a), (_, b) in combinations(taken, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or below, (a, b)
    assert all(place["x"] + place["w"] <= 24 for _, place in taken)


def test_every_expression_answers_on_a_real_prometheus(start: Start, prometheus: Prometheus) -> None:
    """One that scrapes a full room finds a series for every panel and evaluates every rule without a fault.

    What is wrong in that room comes as an alert with the right labels.
    """
    with exporting(text()) as exporter:
        server = start(lambda folder: prometheus(folder, scraping(exporter.address)))

        def silent() -> list[str]:
            return [title for title, expression in expressions() if not ask(server.url, expression)]

        until(lambda: not silent())
        until(lambda: all(rule["health"] == "ok" for rule in evaluated(server.url)))
        assert len(evaluated(server.url)) == len(rules())
        until(lambda: bool(alerts(server.url, "ControlroomBlockerBreach")))
        (breach,) = alerts(server.url, "ControlroomBlockerBreach")
        assert (breach["labels"]["squad"], breach["state"]) == ("cranes", "firing")
        (down,) = alerts(server.url, "ControlroomServiceDown")
        assert (down["labels"]["service"], down["state"]) == ("kafka", "pending")
        assert {one["labels"]["service"] for one in alerts(server.url, "ControlroomServiceUnknown")} == {
            *("ferry", "lock", "buoy"),
        }
        (target,) = api(server.url, "targets")["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")


def evaluated(url: str) -> list[Mapping[str, Any]]:
    """The rules as the server has them."""
    return [rule for group in api(url, "rules")["groups"] for rule in group["rules"]]


def alerts(url: str, name: str) -> list[Mapping[str, Any]]:
    """Alerts of that name, pending or firing."""
    return [one for one in api(url, "alerts")["alerts"] if one["labels"]["alertname"] == name]
