"""Required alerting rules and dashboards, judged with a real Prometheus that evaluates the rules."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from controlroom.config.values import PrometheusServer
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import SignalsSeen
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.lab import servers
from controlroom.net import prometheus as api
from controlroom.net.fetch import Api, FetchError
from controlroom.net.oversight import told
from controlroom.sources.dashboards import DashboardFiles
from controlroom.sources.metrics import MetricsSource
from tests.conftest import Start
from tests.net.wire import answer, counting, saying
from tests.probes.web_servers import nginx
from tests.sources.looking import (
    AT,
    KEEP,
    QUIET,
    Prometheus,
    exporting,
    history,
    no_secrets,
    now,
    poll,
    source,
)

METRICS = """
tide_level{site="a",gate="1"} 1
tide_level{site="a",gate="2"} 2
tide_depth{site="a",gate="1"} 1
tide_depth{site="a",gate="2"} 2
"""

RULES = {
    "TideHigh": "tide_level > 30",
    "TideFails": "tide_level / on (site) tide_depth > 30",
    "TideBlind": "tide_level > 30 and on (site) ebb_level > 30",
    "TideEither": "tide_level > 30 and on (site) (ebb_level or tide_depth)",
    "TideUnless": "tide_level > 30 unless on (site) maintenance == 1",
    "TideGone": "absent(tide_level)",
    "TideOther": "up == 7",
    "TidePattern": '{__name__=~"tide_.+"} > 30',
    "TideRecorded": "site:tide_level:max > 30",
    "TideUnrecorded": "tide_level > 30 and on (site) site:tide_level:min > 30",
}
RECORDED = "  - {record: 'site:tide_level:max', expr: max by (site) (tide_level)}\n"


def rule_file(folder: Path, rules: Mapping[str, str], more: str = "") -> Path:
    """A file of one group of alerting rules, evaluated every second."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"  - {{alert: {name}, expr: {json.dumps(text)}}}\n" for name, text in rules.items()]
    path = folder / "rules.yml"
    path.write_text(f"groups:\n- name: tides\n  interval: 1s\n  rules:\n{more}{''.join(lines)}")
    return path


def configured(address: str) -> str:
    return (
        "global: {scrape_interval: 1s}\nrule_files: [rules.yml]\nscrape_configs:\n"
        f"- {{job_name: tide, static_configs: [{{targets: ['{address}']}}]}}\n"
    )


def watched(*alerts: str, dashboard: str | None = None) -> list[Signal]:
    """The same metric, each time with another alert; squads keep them apart."""
    return [Signal("tide_level", "tide", alert, alert=alert, dashboard=dashboard) for alert in alerts]


async def look(metrics: MetricsSource) -> dict[str, SignalReading]:
    payload = (await poll(metrics)).payload
    assert isinstance(payload, SignalsSeen)
    return {reading.signal.squad: reading for reading in payload.readings}


async def until(
    metrics: MetricsSource, done: Callable[[dict[str, SignalReading]], bool]
) -> list[dict[str, SignalReading]]:
    """All looks until `done` says of one that it shows what was waited for."""
    looks = []
    give_up = time.monotonic() + 40
    while time.monotonic() < give_up:
        looks.append(await look(metrics))
        if done(looks[-1]):
            return looks
        await asyncio.sleep(0.2)
    raise AssertionError({name: (r.code, r.text, r.unchecked) for name, r in looks[-1].items()})


WANTED = {
    "TideHigh": GapCode.OK,
    "TideFails": GapCode.RULE_ERROR,
    "TideEither": GapCode.OK,
    "TideUnless": GapCode.OK,
    "TideGone": GapCode.OK,
    "TideOther": GapCode.RULE_BLIND,
    "TidePattern": GapCode.OK,
    "TideRecorded": GapCode.OK,
    "TidesHigh": GapCode.NO_RULE,
    "Moonshine": GapCode.NO_RULE,
}


async def test_every_rule_is_told_for_what_it_is(start: Start, prometheus: Prometheus) -> None:
    """Healthy, failing, over something else, not there; one that is taken out is missed at the next look."""
    with exporting(METRICS) as exporter:
        folders: list[Path] = []

        def make(folder: Path) -> servers.Server:
            folders.append(folder)
            rule_file(folder, RULES, RECORDED)
            return prometheus(folder, configured(exporter.address))

        server = start(make)
        metrics = source(server.url, watched(*WANTED))
        looks = await until(metrics, lambda found: {name: r.code for name, r in found.items()} == WANTED)
        # Until it could be told it was never told otherwise.
        early = {(name, reading.code) for look in looks for name, reading in look.items()}
        arriving = {GapCode.OK, GapCode.UNKNOWN, GapCode.TARGET_PENDING}
        assert {(name, code) for name, code in early if code not in arriving} <= set(WANTED.items())
        found = looks[-1]
        assert "many-to-many matching not allowed" in found["TideFails"].text
        assert found["TideFails"].query.replace(" ", "") == RULES["TideFails"].replace(" ", "")
        assert found["TideOther"].text == "rule TideOther does not read tide_level"
        assert found["TidesHigh"].hint == "did you mean TideHigh?"
        assert found["Moonshine"].hint == "add an alerting rule called Moonshine over tide_level"
        rule_file(folders[0], {name: text for name, text in RULES.items() if name != "TideHigh"}, RECORDED)
        reload = urllib.request.Request(f"{server.url}/-/reload", method="POST")
        await asyncio.to_thread(lambda: urllib.request.urlopen(reload, timeout=20).close())
        gone = await until(metrics, lambda found: found["TideHigh"].code is GapCode.NO_RULE)
        assert gone[-1]["TideGone"].code is GapCode.OK
        await metrics.close()


async def test_a_rule_that_reads_what_is_not_there(start: Start, prometheus: Prometheus) -> None:
    """At the very first look: blind by a metric or by a recorded series, and not where it does without."""

    def make(folder: Path) -> servers.Server:
        names = ("tide_level", "tide_depth", "site:tide_level:max")
        history(folder, dict.fromkeys(names, (('job="tide",instance="a"', 600, 0),)))
        rule_file(folder, RULES, RECORDED)
        return prometheus(folder, "rule_files: [rules.yml]\n", KEEP)

    blind = {
        "TideBlind": "rule TideBlind can never fire (group tides): it reads ebb_level, which is not there",
        "TideUnrecorded": "rule TideUnrecorded can never fire (group tides): it reads site:tide_level:min, "
        "which is not there",
    }
    fine = ["TideHigh", "TideEither", "TideUnless", "TideGone", "TidePattern", "TideRecorded"]
    metrics = source(start(make).url, watched(*blind, *fine), lambda: AT)
    found = await look(metrics)
    assert {name: found[name].text for name in blind} == blind
    assert {found[name].code for name in blind} == {GapCode.RULE_BLIND}
    assert {name: found[name].code for name in fine} == dict.fromkeys(fine, GapCode.OK)
    for name in blind:
        assert found[name].query.replace(" ", "") == RULES[name].replace(" ", "")
    await metrics.close()


async def test_the_rules_take_one_request_however_many_they_are(start: Start, prometheus: Prometheus) -> None:
    """Six rules and six hundred, each blind by a metric of its own, cost the same, and only one of it."""
    rules = {f"Alert{i}": f"tide_{i}_level > 30 and ebb_{i}_level > 30" for i in range(600)}

    def make(folder: Path) -> servers.Server:
        history(folder, {f"tide_{i}_level": (('job="tide",instance="a"', 600, 0),) for i in range(600)})
        rule_file(folder, rules)
        return prometheus(folder, "rule_files: [rules.yml]\n", KEEP)

    server = start(make)
    counts = []
    async with counting(server.address) as (url, counter):
        for number in (6, 600):
            names = list(rules)[:number]
            plain = [Signal(f"tide_{i}_level", "tide", name) for i, name in enumerate(names)]
            asked = [Signal(s.metric, "tide", s.squad, alert=s.squad) for s in plain]
            taken = []
            for signals in (plain, asked):
                metrics = source(url, signals, lambda: AT, timeout=20)
                before = counter.requests
                codes = {reading.code for reading in (await look(metrics)).values()}
                assert codes == {GapCode.OK if signals is plain else GapCode.RULE_BLIND}
                taken.append(counter.requests - before)
                await metrics.close()
            counts.append(taken)
    assert counts[0] == counts[1]
    assert counts[0][1] == counts[0][0] + 1


async def test_rules_that_cannot_be_asked_for_are_never_missing(start: Start, prometheus: Prometheus) -> None:
    """Behind a proxy without that part of the API the metrics are told, and the rules stay open."""

    def make(folder: Path) -> servers.Server:
        history(folder, {"tide_level": (('job="tide",instance="a"', 600, 0),)})
        return prometheus(folder, QUIET, KEEP)

    behind = start(make)
    inside = f"location / {{ proxy_pass http://{behind.address}; }} location /api/v1/rules {{ return 404; }}"
    front = start(lambda folder: nginx(folder, inside))
    metrics = source(front.url, [*watched("TideHigh"), Signal("tide_level", "tide", "free")], lambda: AT)
    seen = (await poll(metrics)).payload
    assert isinstance(seen, SignalsSeen)
    assert any("alerting rules could not be read" in warning for warning in seen.warnings)
    found = await look(metrics)
    assert {reading.code for reading in found.values()} == {GapCode.OK}
    open_ = {GapCode.NO_RULE, GapCode.RULE_ERROR, GapCode.RULE_BLIND}
    assert set(found["TideHigh"].unchecked) >= open_
    assert not open_ & set(found["free"].unchecked)
    direct = source(behind.url, watched("TideHigh"), lambda: AT)
    assert (await look(direct))["TideHigh"].code is GapCode.NO_RULE
    await metrics.close()
    await direct.close()


# -- servers of other kinds ------------------------------------------------------------------------


def groups(*rules: Mapping[str, object], **more: object) -> bytes:
    data = {"groups": [{"name": "tides", "file": "/x/tides.yml", "rules": list(rules)}]}
    return answer(json.dumps({"status": "success", "data": data, **more}).encode())


async def asked(body: bytes) -> tuple[Sequence[api.LoadedRule], Sequence[str]]:
    async with saying(body) as url:
        client = Api(PrometheusServer(url=url), no_secrets)
        try:
            return await api.rules(client)
        finally:
            await client.close()


async def test_rules_of_vmalert() -> None:
    """Its rules may be over logs; expressions of its own keep their comments to themselves."""
    high = {
        "type": "alerting",
        "name": "High",
        "health": "ok",
        "datasourceType": "prometheus",
        "query": "rollup_rate(tide[5m]) # of all\n  > 1 default 0",
    }
    logs = {**high, "name": "Logs", "query": "error | stats count()", "datasourceType": "vlogs"}
    found = told((await asked(groups(high, logs)))[0], ["High", "Logs"])
    (one,) = found.rules["High"]
    assert (one.metrics, one.needs, one.health) == (("tide",), (), "ok")
    assert one.query == "rollup_rate(tide[5m]) > 1 default 0"
    assert found.rules["Logs"][0].metrics is None


async def test_rules_of_thanos() -> None:
    """A warning means that some rulers were not heard: what is missing may be theirs."""
    rule = {"type": "alerting", "name": "High", "query": "tide > 1", "health": "unknown", "lastError": ""}
    loaded, warnings = await asked(groups(rule, warnings=["no such ruler"]))
    assert told(loaded, ["High"], warnings).partial == "not all rules may be known: no such ruler"
    assert told(loaded, ["High"]).rules["High"][0].health == "unknown"


async def test_what_a_rule_says_of_its_failure_is_free_of_secrets() -> None:
    """An address in an error loses its password and its query."""
    error = 'Post "https://u:hunter2@h:9/api?token=hunter2": dial\x1b[2J refused'
    rule = {"state": "inactive", "name": "High", "query": "tide > 1", "health": "err", "lastError": error}
    ((one,), _) = await asked(groups(rule))
    assert one.alerting
    assert one.error == 'Post "https://h:9/api": dial[2J refused'


@pytest.mark.parametrize(
    "data", [b"[]", b"{}", b'{"groups": 3}', b'{"groups": [3]}', b'{"groups": [{"rules": [3]}]}', b"null"]
)
async def test_answers_of_another_form_are_no_rules(data: bytes) -> None:
    """They are refused as what they are, rather than taken for a server without rules."""
    with pytest.raises(FetchError):
        await asked(answer(b'{"status": "success", "data": ' + data + b"}"))


def test_recorded_series_are_followed_to_what_they_are_made_of() -> None:
    """Over any number of rules, in rings too; one that cannot be read leaves it open."""
    rules = [
        api.LoadedRule("High", True, "g", "b:tide > 1", "ok"),
        api.LoadedRule("b:tide", False, "g", "max(a:tide) or b:tide", "ok"),
        api.LoadedRule("a:tide", False, "g", "rate(tide[5m]) + {__name__=~'moon_.*'}", "ok"),
        api.LoadedRule("All", True, "g", "{__name__=~'.:tide'} > 1", "ok"),
        api.LoadedRule("Odd", True, "g", "c:tide > 1", "ok"),
        api.LoadedRule("c:tide", False, "g", "tide |= 'x'", "ok"),
    ]
    found = told(rules[:4], ["High", "All"]).rules
    assert found["High"][0].metrics == ("a:tide", "b:tide", "tide")
    assert found["High"][0].patterns == ("moon_.*",)
    assert found["High"][0].needs == (("b:tide",),)
    assert set(found["All"][0].metrics or ()) == {"a:tide", "b:tide", "tide"}
    assert told(rules, ["Odd"]).rules["Odd"][0].metrics is None


# -- dashboards ------------------------------------------------------------------------------------


def drawing(path: Path, *expressions: str) -> None:
    model = {"title": "Tides", "uid": "t1", "panels": [{"targets": [{"expr": e} for e in expressions]}]}
    path.write_text(json.dumps(model), encoding="utf-8")


async def test_dashboards_of_the_repository(start: Start, tmp_path: Path) -> None:
    """A panel that is added shows at the next look; a file that breaks leaves it open and is named."""

    def make(folder: Path) -> servers.Server:
        history(folder, {"tide_level": (('job="tide",instance="a"', 600, 0),)})
        return servers.prometheus(folder, QUIET, KEEP)

    path = tmp_path / "tides.json"
    drawing(path, "moon_phase")
    metrics = MetricsSource(
        PrometheusServer(url=start(make).url),
        [
            Signal("tide_level", "tide", "any", dashboard="any"),
            Signal("tide_level", "tide", "named", dashboard="https://grafana.example/d/t1/tides"),
        ],
        lambda: AT,
        no_secrets,
        dashboards=DashboardFiles(["*.json"], tmp_path, now),
    )
    found = await look(metrics)
    assert {reading.code for reading in found.values()} == {GapCode.NO_DASHBOARD}
    assert found["named"].hint == "add a panel with tide_level to Tides"
    drawing(path, "moon_phase", "max(tide_level{site=~'$site'})")
    assert {reading.code for reading in (await look(metrics)).values()} == {GapCode.OK}
    path.write_text("{")
    payload = (await poll(metrics)).payload
    assert isinstance(payload, SignalsSeen)
    assert {reading.code for reading in payload.readings} == {GapCode.OK}
    assert all(GapCode.NO_DASHBOARD in reading.unchecked for reading in payload.readings)
    assert "dashboard tides.json: line 1: is no JSON" in payload.warnings
    await metrics.close()


async def test_dashboards_on_a_disk_that_hangs(start: Start, tmp_path: Path) -> None:
    """They are given up after the server's own timeout; the metrics are told all the same."""

    def make(folder: Path) -> servers.Server:
        history(folder, {"tide_level": (('job="tide",instance="a"', 600, 0),)})
        return servers.prometheus(folder, QUIET, KEEP)

    async def hangs() -> tuple[()]:
        await asyncio.Event().wait()
        return ()

    metrics = MetricsSource(
        PrometheusServer(url=start(make).url, timeout=1.0),
        [Signal("tide_level", "tide", "any", dashboard="any")],
        lambda: AT,
        no_secrets,
        dashboards=hangs,
    )
    found = await look(metrics)
    assert found["any"].code is GapCode.OK
    assert GapCode.NO_DASHBOARD in found["any"].unchecked
    await metrics.close()
