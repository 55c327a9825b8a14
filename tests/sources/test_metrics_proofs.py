"""Metrics that cards name as their proof and nobody promised, looked for on a real Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from controlroom.config.values import PrometheusServer
from controlroom.domain.board import Item
from controlroom.domain.claims import Claim, claims, sought
from controlroom.domain.program import Program
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import SignalsSeen, Snapshot, SourceStatus
from controlroom.domain.telemetry import GapCode
from controlroom.lab import servers
from controlroom.sources.metrics import MetricsSource
from tests.conftest import Start
from tests.net.wire import counting
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
    scraping,
)

Names = Callable[[], tuple[str, ...]]


def of(names: tuple[str, ...]) -> Names:
    """Cards that name these."""
    return lambda: names


def asking(
    url: str, signals: list[Signal], named: Names, clock: Callable[[], datetime] = now
) -> MetricsSource:
    """A source that is told what cards name."""
    return MetricsSource(PrometheusServer(url=url), signals, clock, no_secrets, proofs=named)


async def seen(metrics: MetricsSource) -> SignalsSeen:
    """What one look brought."""
    payload = (await poll(metrics)).payload
    assert isinstance(payload, SignalsSeen)
    return payload


async def test_a_proof_that_nobody_promised_is_observed_and_then_not(
    start: Start, prometheus: Prometheus
) -> None:
    """The card that names it is believed while it is there, and not when it is gone."""
    done = Item("s1/horn", "Horn", status="done", proof=("horn_total", "lamp_total"))
    room = Snapshot(Program("harbour"), items=(done,), sources=(SourceStatus("metrics:p", "metrics"),))

    with exporting("tide_level 3\nhorn_total 1\n") as exporter:
        server = start(lambda folder: prometheus(folder, scraping(tide=[exporter.address])))
        promised = Signal("tide_level", "tide", "river")
        metrics = asking(server.url, [promised], lambda: sought(room))

        async def claimed(done: Callable[[Claim], bool]) -> tuple[Claim, Claim]:
            """What is seen of both once the first is as awaited."""
            for _ in range(300):
                found = await seen(metrics)
                assert [reading.signal for reading in found.readings] == [promised]
                horn, lamp = claims(replace(room, proofs=found.proofs or ()), now())
                if done(horn):
                    return horn, lamp
                await asyncio.sleep(0.1)
            raise AssertionError(horn)

        horn, lamp = await claimed(lambda claim: claim.state == "observed")
        assert (horn.text, lamp.text) == ("observed", "claimed done, never observed")
        exporter.text = "tide_level 3\n"
        horn, _ = await claimed(lambda claim: claim.refuted)
        assert horn.since is not None
        assert horn.text.startswith("claimed done, not observed since ")
        server.stop()
        observation = await poll(metrics)
        assert observation.failure is not None
        await metrics.close()


async def test_proofs_cost_no_request_of_their_own(start: Start, prometheus: Prometheus) -> None:
    """Three hundred names are asked for with the signals, counted on the wire."""

    def make(folder: Path) -> servers.Server:
        history(folder, {f"m{i}_level": (('job="j",instance="a"', 600, 0),) for i in range(300)})
        return prometheus(folder, QUIET, KEEP)

    server = start(make)
    counts = []
    async with counting(server.address) as (url, counter):
        for number in (0, 300):
            names = tuple(f"m{i}_level" for i in range(number))
            before = counter.requests
            metrics = asking(url, [Signal("m0_level", "j", "river")], of(names), lambda: AT)
            found = await seen(metrics)
            await metrics.close()
            assert [reading.code for reading in found.readings] == [GapCode.OK]
            assert [reading.signal.metric for reading in found.proofs or ()] == list(names)
            assert {reading.code for reading in found.proofs or ()} <= {GapCode.OK}
            assert not any(reading.signal.required_for_exit for reading in found.proofs or ())
            counts.append(counter.requests - before)
    assert counts[0] == counts[1]
