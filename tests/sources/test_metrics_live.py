"""Declared signals while things break: targets, how they are scraped, Prometheus, and what is before it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from controlroom import wiring
from controlroom.config.load import load
from controlroom.config.values import PrometheusServer
from controlroom.domain.secret import SecretRef
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import SignalsSeen, Snapshot
from controlroom.domain.telemetry import GapCode
from controlroom.lab.servers import Server
from controlroom.sources.metrics import MetricsSource
from tests import faults
from tests.conftest import Start
from tests.probes.web_servers import HASHED, nginx
from tests.sources.looking import (
    ARRIVING,
    AT,
    KEEP,
    LEVEL,
    PATIENCE,
    QUIET,
    Done,
    Found,
    Prometheus,
    by_squad,
    exporter,
    exporting,
    history,
    now,
    once,
    poll,
    read,
    scraping,
    source,
    squads,
    told,
    watch,
)

LEVELS = ("tide_level", "tide")
AWAY = ARRIVING | {GapCode.SOURCE_DOWN, GapCode.UNKNOWN}
"""What it may read as while its Prometheus goes and comes back."""


def reload(server: Server, config: str) -> None:
    """Give a running Prometheus another configuration; it has read it when this returns."""
    (server.folder / "prometheus.yml").write_text(config, encoding="utf-8")
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/-/reload", method="POST"), timeout=5).close()


# -- targets ---------------------------------------------------------------------------------------


async def test_targets_that_die_hang_and_come_back(start: Start, prometheus: Prometheus) -> None:
    """Killed and stopped targets are down with their last error, then pending, then there; never gone."""
    dies, hangs = start(exporter), start(exporter)
    with exporting(LEVEL) as one, exporting("tide_other 1\n") as other:
        config = scraping(dies=[dies.address], hangs=[hangs.address], half=[one.address, other.address])
        # Its first scrape comes at some moment within its interval.
        config += (
            f"- job_name: late\n  scrape_interval: 9h\n  static_configs: [{{targets: ['{one.address}']}}]\n"
        )
        server = start(lambda folder: prometheus(folder, config))
        signals = squads(**{job: ("tide_level", job) for job in ("dies", "hangs", "half", "late")})
        metrics = source(server.url, signals)

        there = read(dies=GapCode.OK, hangs=GapCode.OK, half=GapCode.PARTIAL)
        looks = await watch(metrics, there)
        assert told(looks, "dies", "hangs") == ARRIVING
        assert told(looks, "half") <= ARRIVING | {GapCode.PARTIAL}
        assert looks[-1]["half"].text == f"on 1 of 2 up targets; not on {other.address}"
        assert set(looks[-1]["half"].targets) == {f"{one.address}: up", f"{other.address}: up"}

        dies.kill()
        hangs.pause()
        looks = await watch(
            metrics,
            lambda found: (
                read(dies=GapCode.TARGET_DOWN, hangs=GapCode.TARGET_DOWN)(found)
                and "connection refused" in found["dies"].text
                and "deadline exceeded" in found["hangs"].text
            ),
        )
        assert told(looks, "dies", "hangs") <= ARRIVING | {GapCode.TARGET_DOWN}
        assert looks[-1]["dies"].text.startswith(f"target down: {dies.address}: ")
        assert looks[-1]["hangs"].targets[0].startswith(f"{hangs.address}: ")
        last = looks[-1]["dies"].last_seen
        assert last is not None
        assert last > now() - timedelta(seconds=PATIENCE + 10)

        dies.restart()
        hangs.resume()
        looks = await watch(metrics, there)
        assert told(looks, "dies", "hangs") <= ARRIVING | {GapCode.TARGET_DOWN}
        assert told(looks, "late") == {GapCode.TARGET_PENDING}
        assert looks[-1]["late"].text == f"{one.address} has not been scraped yet"
        await metrics.close()


async def test_relabelled_away_and_taken_out(start: Start, prometheus: Prometheus) -> None:
    """All samples dropped, one metric dropped, the job renamed: each reads as what it is, and no other."""
    with exporting(LEVEL + "tide_ebb 1\n") as target:

        def config(all_of: str, some: str, renamed: str) -> str:
            dropping = (
                "\n  metric_relabel_configs: [{{source_labels: [__name__], regex: '{}', action: drop}}]\n"
            )
            mute, one, last = (
                f"- job_name: {job}\n  static_configs: [{{targets: ['{target.address}']}}]"
                for job in ("mute", "one", renamed)
            )
            jobs = mute + dropping.format(all_of) + one + dropping.format(some) + last
            return f"global: {{scrape_interval: 1s}}\nscrape_configs:\n{jobs}\n"

        # Without an end mark, the samples of a job taken out stay in sight for as long as it looks back.
        begun, short = config("none", "none", "ebbing"), "--query.lookback-delta=4s"
        server = start(lambda folder: prometheus(folder, begun, short))
        signals = squads(
            mute=("tide_level", "mute"),
            ebb=("tide_ebb", "one"),
            wave=("tide_wave", "one"),
            moved=("tide_level", "ebbing"),
        )
        metrics = source(server.url, signals)
        ok, never = GapCode.OK, GapCode.NEVER_SEEN
        looks = await watch(metrics, read(mute=ok, ebb=ok, wave=never, moved=ok))
        assert told(looks, "mute", "ebb", "moved") == ARRIVING
        assert told(looks, "wave") == {GapCode.TARGET_PENDING, never}

        reload(server, config(".*", "tide_(ebb|wave)", "ebbings"))
        empty, gone, nowhere = GapCode.SCRAPE_EMPTY, GapCode.DISAPPEARED, GapCode.NO_TARGET
        looks = await watch(metrics, read(mute=empty, ebb=gone, wave=never, moved=nowhere))
        assert told(looks, "mute") <= ARRIVING | {empty}
        assert told(looks, "ebb") <= ARRIVING | {gone}
        assert told(looks, "wave") <= {GapCode.TARGET_PENDING, never}
        assert told(looks, "moved") <= ARRIVING | {nowhere}
        found = looks[-1]
        assert found["mute"].text == "all 2 samples of job mute are dropped by metric_relabel_configs"
        last = found["ebb"].last_seen
        assert last is not None
        assert now() - last < timedelta(seconds=PATIENCE + 10)
        assert found["moved"].hint == "did you mean job ebbings?"
        await metrics.close()


# -- Prometheus itself -----------------------------------------------------------------------------


class Watched:
    """All that a running room has shown."""

    def __init__(self, room: wiring.Room) -> None:
        self.looks: list[Found] = []
        self.snapshot: Snapshot = room.snapshot
        self._changed = asyncio.Event()
        room.subscribe(self._see)

    def _see(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.looks.append(by_squad(snapshot.signals))
        self._changed.set()

    async def until(self, done: Done) -> list[Found]:
        """What it shows from now on, up to where `done` is true."""
        begun = len(self.looks)
        try:
            async with asyncio.timeout(PATIENCE):
                while not (self.looks[begun:] and done(self.looks[-1])):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError({s: (r.code, r.text) for s, r in self.looks[-1].items()}) from None
        return self.looks[begun:]


@asynccontextmanager
async def room(
    folder: Path, signals: Sequence[Signal], *, clock: Callable[[], datetime] = now, **urls: str
) -> AsyncIterator[Watched]:
    """A room that looks at the servers `urls`, by id, as often as it may; running."""
    lines = []
    for name, url in urls.items():
        lines += ["[[prometheus]]", f'id = "{name}"', f'url = "{url}"', "interval = 0.3", "timeout = 1", ""]
    for signal in signals:
        lines += ["[[squads]]", f'id = "{signal.squad}"', f'name = "{signal.squad}"', "[[squads.signals]]"]
        lines += [f'metric = "{signal.metric}"']
        lines += [f'job = "{signal.job}"'] if signal.job else []
        lines += [f'server = "{signal.server}"'] if signal.server else []
    path = folder / "controlroom.toml"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    built = wiring.build(load(str(path)), clock=clock, sources=["metrics"])
    watched = Watched(built)
    running = asyncio.create_task(built.run())
    try:
        yield watched
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


RECORDED = """\
groups:
- name: tide
  interval: 1s
  rules: [{record: tide_rate, expr: tide_level * 2, labels: {job: derived}}]
"""
"""No target has this job: its series come back when rules are evaluated again."""


async def test_an_outage_of_prometheus_is_never_an_absence(
    tmp_path: Path, start: Start, prometheus: Prometheus
) -> None:
    """Stopped, killed, started again with its data and without: unknown meanwhile, then what it was before.

    On an empty disk what was there is not gone, and what was never seen names what is held now.
    """
    with exporting(LEVEL) as target:
        # It looks back so shortly that samples from before an outage are out of sight when it is back.
        short = "--query.lookback-delta=3s"
        (tmp_path / "rules.yml").write_text(RECORDED, encoding="utf-8")
        config = f"rule_files: [{tmp_path / 'rules.yml'}]\n" + scraping(tide=[target.address])
        server = start(lambda folder: prometheus(folder, config, short))
        signals = squads(
            level=("tide_level", "tide"),
            anywhere=("tide_level", None),
            derived=("tide_rate", "derived"),
            never=("no_such", "tide"),
        )
        ok, never = GapCode.OK, GapCode.NEVER_SEEN
        there = read(level=ok, anywhere=ok, derived=ok, never=never)
        async with room(tmp_path, signals, it=server.url) as seen:
            looks = await seen.until(there)
            assert told(looks, "level") <= AWAY
            assert told(looks, "never") <= AWAY - {ok} | {never}

            down = GapCode.SOURCE_DOWN
            away = read(level=down, anywhere=down, derived=down, never=down)
            server.pause()
            looks = await seen.until(away)
            assert "did not answer within 1 s" in looks[-1]["level"].text
            server.resume()
            looks += await seen.until(there)
            server.kill()
            looks += await seen.until(away)
            assert "refuses connections" in looks[-1]["never"].text
            assert looks[-1]["level"].last_seen is not None
            await asyncio.to_thread(server.restart)
            looks += await seen.until(there)

            server.kill()
            looks += await seen.until(away)
            shutil.rmtree(server.folder / "prometheus-data")
            await asyncio.to_thread(server.restart)
            looks += await seen.until(there)
            assert told(looks, "level", "anywhere", "derived") <= AWAY
            assert told(looks, "never") <= AWAY - {ok} | {never}
        metrics = source(server.url, signals)
        text = (await once(metrics))["never"].text
        await metrics.close()
        assert text.startswith("never seen in the ")
        assert text.endswith("s of data this Prometheus holds")


async def test_of_two_servers_one_may_be_away(tmp_path: Path, start: Start, prometheus: Prometheus) -> None:
    """Only what the dead one was to tell is unknown; the other's signals read as ever."""

    def make(folder: Path) -> Server:
        history(folder, {"up": FLOOD, "tide_level": FLOOD})
        return prometheus(folder, QUIET, KEEP)

    one, two = start(make), start(make)
    signals = [
        *squads(first=("tide_level", "tide"), absent=("tide_levels", "tide")),
        replace(Signal("tide_level", "tide", "second"), server="two"),
        replace(Signal("tide_levels", "tide", "missing"), server="two"),
    ]
    ok, never, down = GapCode.OK, GapCode.NEVER_SEEN, GapCode.SOURCE_DOWN
    async with room(tmp_path, signals, clock=lambda: AT, one=one.url, two=two.url) as seen:
        await seen.until(read(first=ok, absent=never, second=ok, missing=never))
        two.kill()
        looks = await seen.until(read(first=ok, absent=never, second=down, missing=down))
        assert told(looks, "first", "absent") == {ok, never}
        assert [bool(status.error) for status in seen.snapshot.sources] == [False, True]


# -- what stands before it -------------------------------------------------------------------------

FLOOD = (('job="tide",instance="a"', 1200, 0),)


def before(server: Server, directives: str) -> Callable[[Path], Server]:
    """Makes an nginx before `server`, with more directives."""
    return lambda folder: nginx(folder, f"{directives}\nlocation / {{ proxy_pass {server.url}; }}")


LESS = {
    "targets": "/api/v1/targets",
    "metadata": "/api/v1/metadata",
    "rules": "/api/v1/rules",
    "status": "/api/v1/status/",
    "names": "/api/v1/label/",
}
"""Parts of the API that other products lack or do not give to everybody."""


async def test_an_api_that_lacks_parts_tells_the_same(start: Start, prometheus: Prometheus) -> None:
    """Without targets, metadata, rules, status or names the same gaps are named; `up` tells of targets."""
    with exporting(LEVEL + "tide_ebb 1\n") as one, exporting("tide_ebb 1\n") as two:
        dead = "127.0.0.1:1"
        config = scraping(tide=[one.address, two.address], dead=[dead], mute=[one.address])
        config += '  metric_relabel_configs: [{source_labels: [__name__], regex: ".*", action: drop}]\n'
        server = start(lambda folder: prometheus(folder, config))
        signals = squads(
            there=("tide_ebb", "tide"),
            half=("tide_level", "tide"),
            down=("tide_level", "dead"),
            mute=("tide_level", "mute"),
            never=("tide_ebbs", "tide"),
            nowhere=("tide_level", "tides"),
        )
        metrics = source(server.url, signals)
        codes = {
            "there": GapCode.OK,
            "half": GapCode.PARTIAL,
            "down": GapCode.TARGET_DOWN,
            "mute": GapCode.SCRAPE_EMPTY,
            "never": GapCode.NEVER_SEEN,
            "nowhere": GapCode.NO_TARGET,
        }
        # Targets are scraped one after another: the last may come a second after the first.
        await watch(metrics, lambda found: read(**codes)(found) and found["never"].hint is not None)
        await metrics.close()
        for status in (404, 403):
            for lacking in [*LESS.items(), ("all", "/api/v1/(targets|metadata|rules|status|label)")]:
                refusing = f"location ~ ^{lacking[1]} {{ return {status}; }}"
                metrics = source(start(before(server, refusing)).url, signals)
                payload = (await poll(metrics)).payload
                await metrics.close()
                assert isinstance(payload, SignalsSeen), lacking
                found = by_squad(payload.readings)
                assert {squad: reading.code for squad, reading in found.items()} == codes, lacking
                assert found["half"].text == f"on 1 of 2 up targets; not on {two.address}"
                assert found["down"].targets[0].startswith(f"{dead}: ")
                assert found["nowhere"].hint == "did you mean job tide?"
                if lacking[0] in ("targets", "all"):
                    assert any("targets are read from up" in warning for warning in payload.warnings)
                if lacking[0] not in ("names", "all"):
                    assert found["never"].hint == "did you mean tide_ebb?"


PASSWORD, TOKEN = "right", "tide-and-time"
LOGINS = {
    "basic": {"username": "ada", "password": SecretRef(env="password")},
    "bearer": {"token": SecretRef(env="token")},
}


def secret(reference: SecretRef) -> str:
    return {"password": PASSWORD, "token": TOKEN, "wrong": "wrong"}[reference.env or ""]


@pytest.mark.parametrize("login", ["basic", "bearer"])
async def test_a_login_and_an_authority_of_ones_own(
    tmp_path: Path, start: Start, prometheus: Prometheus, login: str
) -> None:
    """Every request, the lookup of names too, carries the login and trusts that authority; no other does."""

    def make(folder: Path) -> Server:
        history(folder, {"up": FLOOD, "tide_level": FLOOD})
        return prometheus(folder, QUIET, KEEP)

    server = start(make)
    authority, other = faults.authority(tmp_path / "ca"), faults.authority(tmp_path / "other")
    certificate, key = authority.server()
    (tmp_path / "users").write_text(HASHED + "\n", encoding="utf-8")
    doors = {
        "basic": f"auth_basic it; auth_basic_user_file {tmp_path / 'users'};",
        "bearer": f'if ($http_authorization != "Bearer {TOKEN}") {{ return 401; }}',
    }
    directives = f"ssl_certificate {certificate}; ssl_certificate_key {key}; {doors[login]}"
    directives += f" location / {{ proxy_pass {server.url}; }}"
    proxy = start(lambda folder: nginx(folder, directives, listen=" ssl"))
    url = proxy.url.replace("http:", "https:")
    signals = squads(there=("tide_level", "tide"), never=("tide_levels", "tide"))

    async def asked(at: PrometheusServer) -> Found | str:
        metrics = MetricsSource(at, signals, lambda: AT, secret)
        observation = await poll(metrics)
        await metrics.close()
        if isinstance(observation.payload, SignalsSeen):
            return by_squad(observation.payload.readings)
        assert observation.failure is not None
        return observation.failure.reason

    right = PrometheusServer(url=url, ca=str(authority.path))
    if login == "basic":
        right = replace(right, username="ada", password=SecretRef(env="password"))
        wrong = replace(right, password=SecretRef(env="wrong"))
    else:
        right = replace(right, token=SecretRef(env="token"))
        wrong = replace(right, token=SecretRef(env="wrong"))
    found = await asked(right)
    assert not isinstance(found, str), found
    assert (found["there"].code, found["never"].code) == (GapCode.OK, GapCode.NEVER_SEEN)
    assert found["never"].hint == "did you mean tide_level?"
    assert "refuses the login (401)" in str(await asked(wrong))
    assert "certificate" in str(await asked(replace(right, ca=str(other.path))))


# -- part of the answer ----------------------------------------------------------------------------


async def test_a_query_too_dear_takes_away_its_part_only(start: Start, prometheus: Prometheus) -> None:
    """Where Prometheus refuses to load the past, what is there reads as ever; what is not is unknown."""

    def make(folder: Path) -> Server:
        history(folder, {"up": FLOOD, "tide_level": FLOOD})
        return prometheus(folder, QUIET, KEEP, "--query.max-samples=40")

    metrics = source(
        start(make).url, squads(there=("tide_level", "tide"), gone=("tide_ebb", "tide")), lambda: AT
    )
    found = await once(metrics)
    await metrics.close()
    assert found["there"].code is GapCode.OK
    assert found["gone"].code is GapCode.UNKNOWN
    assert "too many samples" in found["gone"].text


async def test_a_proxy_that_refuses_long_requests_takes_away_their_part_only(
    start: Start, prometheus: Prometheus
) -> None:
    """A 503 for one question is not the end of the look, and no absence."""
    jobs = [f"tide-{'x' * 180}-{i}" for i in range(10)]
    spans = [(f'job="{job}",instance="a"', 1200, 0) for job in jobs]

    def make(folder: Path) -> Server:
        history(folder, {"up": spans, "tide_level": spans})
        return prometheus(folder, QUIET, KEEP)

    # The question about the past, and none about the present, names the jobs.
    refusing = 'if ($content_length ~ "^([3-9]|..)...$") { return 503; }'
    proxy = start(before(start(make), refusing))
    signals = squads(there=("tide_level", jobs[0]), **{f"gone{i}": ("tide_ebb", jobs[i]) for i in range(10)})
    metrics = source(proxy.url, signals, lambda: AT)
    found = await once(metrics)
    await metrics.close()
    assert found["there"].code is GapCode.OK
    for i in range(10):
        assert found[f"gone{i}"].code is GapCode.UNKNOWN
        assert "is not ready (503)" in found[f"gone{i}"].text


async def test_its_warnings_are_shown_beside_the_source(
    tmp_path: Path, start: Start, prometheus: Prometheus
) -> None:
    """What an API warns of, such as a store it could not reach, stands with its source; what is not found
    may be in there, and reads unknown."""

    def make(folder: Path) -> Server:
        history(folder, {"up": FLOOD, "tide_level": FLOOD})
        remote = 'remote_read: [{url: "http://127.0.0.1:1/read", read_recent: true}]\n'
        return prometheus(folder, QUIET + remote, KEEP)

    signals = squads(there=("tide_level", "tide"), gone=("tide_ebb", "tide"), lost=("tide_ebb", "sand"))
    async with room(tmp_path, signals, clock=lambda: AT, it=start(make).url) as seen:
        looks = await seen.until(read(there=GapCode.OK, gone=GapCode.UNKNOWN, lost=GapCode.UNKNOWN))
        (status,) = seen.snapshot.sources
    assert any("connection refused" in warning for warning in status.warnings)
    assert "connection refused" in looks[-1]["gone"].text
    assert told(looks, "gone", "lost") == {GapCode.UNKNOWN}
    assert status.error is None


async def test_names_of_a_newer_kind(start: Start, prometheus: Prometheus) -> None:
    """A name with dots, which Prometheus 3 takes, is found where it is and explained where it is not."""
    with exporting('{"tide.level"} 1\n{"tide.höhe", port="a b"} 1\n') as target:
        server = start(lambda folder: prometheus(folder, scraping(tide=[target.address])))
        signals = squads(there=("tide.level", "tide"), odd=("tide.höhe", None), never=("tide.levels", "tide"))
        metrics = source(server.url, signals)
        refused = read(there=GapCode.TARGET_DOWN, odd=GapCode.NEVER_SEEN, never=GapCode.TARGET_DOWN)
        taken = read(there=GapCode.OK, odd=GapCode.OK, never=GapCode.NEVER_SEEN)
        looks = await watch(metrics, lambda found: taken(found) or refused(found))
        if taken(looks[-1]):
            await watch(metrics, lambda found: found["never"].hint == "did you mean tide.level?")
        else:  # a Prometheus 2 takes no such names: the whole target is down
            assert "is not a valid start token" in looks[-1]["there"].text
        await metrics.close()
