"""A real room at a real Prometheus: what it answers is what `controlroom snapshot --json` prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from controlroom import wiring
from controlroom.config.load import load
from controlroom.domain.snapshot import Snapshot
from controlroom.lab import servers
from tests.conftest import Start
from tests.exporting.asking import ask, scraping, until
from tests.exporting.pages import text
from tests.sources.looking import Prometheus, exporting
from tests.telling import free_port

CONFIG = """
[program]
id = "harbour"
zone = "Europe/Berlin"

[[squads]]
id = "quay"
signals = [{{ metric = "controlroom_build_info", job = "controlroom" }}, {{ metric = "berths_total" }}]

[[squads]]
id = "cranes"

[[waves]]
id = "one"
squads = ["quay"]

[[services]]
id = "redis"
kind = "redis"
url = "redis://{redis}"
squads = ["quay"]
down_after = 1

[[services]]
id = "nobody"
kind = "tcp"
url = "127.0.0.1:{closed}"
squads = ["cranes"]

[[prometheus]]
url = "{prometheus}"
"""


async def test_a_real_room_reads_the_same_everywhere(
    start: Start, prometheus: Prometheus, tmp_path: Path
) -> None:
    """States, gaps and gates, while all is well, when a service is killed, and when nobody looks any more."""
    redis = start(servers.redis)
    with exporting(text(None)) as exporter:
        server = start(lambda folder: prometheus(folder, scraping(exporter.address)))
        until(lambda: bool(ask(server.url, "controlroom_build_info")))
        path = tmp_path / "controlroom.toml"
        path.write_text(
            CONFIG.format(redis=redis.address, closed=free_port(), prometheus=server.url), encoding="utf-8"
        )

        async def looked() -> Snapshot:
            room = wiring.build(load(path, environ={}), clock=wiring.utc_now, environ={})
            snapshot = await room.sweep(15.0)
            exporter.text = text(snapshot, wiring.utc_now())
            return snapshot

        def states() -> set[tuple[str, str]]:
            asked = ask(server.url, "controlroom_service_state == 1")
            return {(labels["service"], labels["state"]) for labels, _ in asked}

        await looked()
        until(lambda: states() == {("redis", "up"), ("nobody", "down")})
        told = printed(path)
        assert {(one["id"], one["state"]) for one in told["services"]} == states()
        gaps = {(gap["squad"], gap["metric"], gap["code"]) for gap in told["gaps"]}
        asked = ask(server.url, "controlroom_signal_gap")
        assert {(one["squad"], one.get("title"), one["code"]) for one, _ in asked} == gaps
        assert ("quay", "berths_total", "NEVER_SEEN") in gaps
        (gate,) = told["gates"]
        ((verdict, _),) = ask(server.url, "controlroom_gate_state == 1")
        assert (verdict["wave"], verdict["state"]) == (gate["wave"], gate["verdict"].lower())
        ((_, delivered),) = ask(server.url, "controlroom_gate_signals_delivered")
        ((_, required),) = ask(server.url, "controlroom_gate_signals_required")
        assert (delivered, required) == (gate["ok"], gate["required"]) == (1, 2)

        redis.kill()
        snapshot = await looked()
        until(lambda: states() == {("redis", "down"), ("nobody", "down")})
        affected = ask(server.url, "controlroom_service_affects")
        assert {(one["service"], one["squad"]) for one, _ in affected} == {
            ("redis", "quay"),
            ("nobody", "cranes"),
        }

        exporter.text = text(snapshot, wiring.utc_now() + timedelta(hours=1))
        until(lambda: states() == {("redis", "unknown"), ("nobody", "unknown")})
        assert ask(server.url, 'controlroom_service_state{state="down"}') == []
        assert ask(server.url, "controlroom_gate_signals_delivered") == []


def printed(path: Path) -> Any:
    """What the command prints of the same room, in a process of its own."""
    command = [sys.executable, "-m", "controlroom", "--config", str(path), "snapshot", "--json"]
    home = {"HOME": str(path.parent), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=home, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)
