"""The same questions to an API that is Prometheus's, of a server that is not: one node of VictoriaMetrics."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from controlroom.domain.telemetry import GapCode
from controlroom.lab import servers
from controlroom.lab.fetched import fetched
from controlroom.lab.servers import NotInstalled, Server
from tests.conftest import Start
from tests.sources.looking import (
    Found,
    exporter,
    exporting,
    poll,
    read,
    scraping,
    source,
    squads,
    told,
    watch,
)

VERSION = "1.122.0"
SLOWLY = 45.0
"""Seconds after which a test gives up; new series can be read here after some ten."""


def victoria(folder: Path, config: str) -> Server:
    """A VictoriaMetrics that scrapes by `config`, in Prometheus's own form. Raises NotInstalled."""
    program = fetched(f"victoria-metrics-{VERSION}", os.environ) / "victoria-metrics"
    if not os.access(program, os.X_OK):
        raise NotInstalled("victoria-metrics", "make servers")

    def arguments(port: int, where: Path) -> Sequence[str]:
        (where / "scrape.yml").write_text(config, encoding="utf-8")
        return [
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-storageDataPath={where / 'data'}",
            f"-promscrape.config={where / 'scrape.yml'}",
            "-retentionPeriod=30d",
            "-search.latencyOffset=1s",
        ]

    return servers.launch("victoria-metrics", str(program), arguments, servers.http_ok("/health"), folder)


async def test_the_same_gaps_are_named_on_another_server(start: Start) -> None:
    """Not scraped yet, there, partial, down, dropped, never seen, no target; then gone, and restarted."""
    ok, pending, down = GapCode.OK, GapCode.TARGET_PENDING, GapCode.TARGET_DOWN
    dies = start(exporter)
    with exporting("tide_level 1\ntide_ebb 1\n") as one, exporting("tide_ebb 1\n") as two:
        config = scraping(
            tide=[one.address, two.address], dies=[dies.address], dead=["127.0.0.1:1"], mute=[one.address]
        )
        config += '  metric_relabel_configs: [{source_labels: [__name__], regex: ".*", action: drop}]\n'
        server = start(lambda folder: victoria(folder, config))
        promised = {
            "there": ("tide_ebb", "tide", ok),
            "half": ("tide_level", "tide", GapCode.PARTIAL),
            "alive": ("tide_level", "dies", ok),
            "dead": ("tide_level", "dead", down),
            "mute": ("tide_level", "mute", GapCode.SCRAPE_EMPTY),
            "never": ("tide_ebbs", "tide", GapCode.NEVER_SEEN),
            "nowhere": ("tide_level", "tides", GapCode.NO_TARGET),
        }
        wanted = {squad: code for squad, (_, _, code) in promised.items()}
        signals = squads(**{squad: (name, job) for squad, (name, job, _) in promised.items()})
        metrics = source(server.url, signals)

        def all_there(look: Found) -> bool:
            return read(**wanted)(look) and look["never"].hint == "did you mean tide_ebb?"

        found = await watch(metrics, all_there, SLOWLY)
        # On a slow machine the first look may come after the first scrape.
        assert told(found, "there", "alive") <= {pending, ok}
        assert told(found, "dead") <= {pending, down}
        assert found[-1]["half"].text == f"on 1 of 2 up targets; not on {two.address}"
        error = "dial tcp4 127.0.0.1:1: connect: connection refused"
        assert found[-1]["dead"].text == f"target down: 127.0.0.1:1: {error}"
        assert found[-1]["nowhere"].hint == "did you mean job tide?"

        one.text = "tide_ebb 1\n"
        dies.kill()
        found = await watch(metrics, read(half=GapCode.DISAPPEARED, alive=down, there=ok), SLOWLY)
        assert told(found, "half") == {GapCode.PARTIAL, GapCode.DISAPPEARED}
        assert told(found, "alive") <= {ok, pending, down}

        one.text = "tide_level 1\ntide_ebb 1\n"
        dies.restart()
        await watch(metrics, read(**wanted), SLOWLY)
        server.kill()
        assert (await poll(metrics)).failure is not None
        await asyncio.to_thread(server.restart)
        found = await watch(metrics, read(**wanted), SLOWLY)
        assert told(found, "there", "alive") <= {pending, ok}
        assert told(found, "never") <= {pending, GapCode.NEVER_SEEN}
        await metrics.close()
