"""One look at a room finds the metrics that cards name as their proof, however many servers are asked."""

from __future__ import annotations

from pathlib import Path

from controlroom import wiring
from controlroom.config.load import load
from controlroom.domain.claims import claims
from controlroom.domain.program import Program
from controlroom.domain.reduce import Setup, reduce
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Observation, SignalsSeen, Snapshot
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.lab import servers
from tests.conftest import Start
from tests.sources.looking import AT, KEEP, QUIET, history

BACKLOG = """\
# Backlog

## Sprint 1

| ID | Epic | Status | Proof |
| --- | --- | --- | --- |
| horn | Fog horn | Done | `horn_level` |
| lamp | Lamp | Done | `lamp_level` |
"""

CONFIG = """\
[program]
id = "harbour"
start = 2025-10-04
[documents]
paths = ["backlog.md"]
[[prometheus]]
id = "near"
url = "{0}"
[[prometheus]]
id = "far"
url = "{0}"
"""


async def test_one_look_tells_what_cards_claim(tmp_path: Path, start: Start) -> None:
    """Documents are read before the metrics they name are looked for; what is there is observed at once."""

    def make(folder: Path) -> servers.Server:
        history(folder, {"horn_level": (('job="j",instance="a"', 600, 0),)})
        return servers.prometheus(folder, QUIET, KEEP)

    server = start(make)
    (tmp_path / "backlog.md").write_text(BACKLOG)
    path = tmp_path / "controlroom.toml"
    path.write_text(CONFIG.format(f"http://{server.address}"))
    environ = {"HOME": str(tmp_path)}
    room = wiring.build(load(path, environ=environ), clock=lambda: AT, environ=environ)
    seen = await room.sweep()
    assert [(claim.proof, claim.state) for claim in claims(seen, AT)] == [
        ("horn_level", "observed"),
        ("lamp_level", "not observed"),
    ]
    assert [lint.subject for lint in seen.lints if lint.code == "X018"] == ["lamp"]


def test_another_server_does_not_take_proofs_away() -> None:
    """Only the server that is asked for them says what became of them."""
    found = (SignalReading(Signal("horn_level", required_for_exit=False), GapCode.OK),)
    room, setup = Snapshot(Program()), Setup(Program(), {})
    for source, proofs in (("metrics:near", found), ("metrics:far", None)):
        payload = SignalsSeen((), proofs=proofs)
        room = reduce(setup, room, Observation(source, "metrics", AT, payload=payload))
    assert room.proofs == found
    gone = SignalsSeen((), proofs=())
    assert reduce(setup, room, Observation("metrics:near", "metrics", AT, payload=gone)).proofs == ()
