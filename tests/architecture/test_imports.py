"""What a command loads: looked up in `sys.modules` of a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """
[program]
id = "press"
start = 2031-05-03
zone = "Europe/Lisbon"
[[waves]]
id = "a"
weeks = [1, 2]
[[rituals]]
id = "standup"
time = 09:00:00
[[rituals]]
id = "storm"
time = 15:00:00
rotation = [{ week = 1, scenario = "No ink" }]
[[benchmarks]]
id = "sheets"
path = "bench/*.json"
value = "/p95"
[[notify]]
id = "crew"
webhook = { env = "NOBODY_SET_IT" }
[evidence]
screens = false
[documents]
paths = ["*.md"]
[status]
dir = "status"
[[services]]
id = "nothing"
kind = "tcp"
url = "127.0.0.1:1"
"""

PROBE = """
import sys
from controlroom.cli import main
try:
    main(sys.argv[1:])
finally:
    print("\\n".join(sorted(sys.modules)), file=sys.stderr)
"""


def loaded(folder: Path, *arguments: str) -> set[str]:
    """Top-level names, and controlroom's modules, that the command leaves in `sys.modules`."""
    (folder / "controlroom.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "plan.md").write_text("# Wave schedule\n\n- **Wave A (Weeks 1-2)**: Ink.\n", encoding="utf-8")
    environ = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "TZ": "UTC"}
    result = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    names = set(result.stderr.splitlines())
    assert "controlroom.cli" in names, result.stderr
    return {name for name in names if name.startswith("controlroom.")} | {n.split(".")[0] for n in names}


@pytest.mark.parametrize(
    "arguments",
    [
        ("snapshot", "--json"),
        ("snapshot", "--plain"),
        ("snapshot", "--past", "20m"),
        ("services",),
        ("telemetry",),
        ("gate",),
        ("alerts",),
        ("lint",),
        ("blockers",),
        ("blocker", "open", "--summary", "No ink", "--owner", "Odile"),
        ("waiting",),
        ("log",),
        ("outbox", "drain"),
        ("rituals", "--days", "3"),
        ("calendar", "W1D3"),
        ("documents", "read", "plan.md"),
        ("diff",),
        ("publish",),
        ("standup", "report"),
        ("summary", "--week", "1", "--print", "--at", "2031-05-20T09:00:00Z"),
        ("evidence", "capture"),
        ("evidence", "verify"),
        ("drill", "begin", "--scenario", "No ink", "--by", "Odile"),
        ("drill", "report"),
        ("benchmarks",),
        ("notify",),
        ("notify", "test", "crew"),
        ("config", "check"),
        ("themes", "list"),
        ("init", "plan.md", "--output", "drafted.toml"),
    ],
    ids=" ".join,
)
def test_no_headless_command_loads_textual(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Scripts and CI do not pay for a screen."""
    assert loaded(tmp_path, *arguments) & {"textual", "rich"} == set()


@pytest.mark.parametrize(
    "arguments",
    [("calendar", "W1D3", "--json"), ("rituals", "--days", "3"), ("config", "check"), ("--version",)],
    ids=" ".join,
)
def test_quick_commands_load_no_library(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """`calendar`, `rituals` and `config check` answer in the time of a bare interpreter and a little."""
    loaded(tmp_path, "calendar", "today")  # the first look validates the configuration, reads the documents
    heavy = {
        "pydantic",
        "httpx",
        "aiohttp",
        "redis",
        "textual",
        "rich",
        "asyncio",
        "markdown_it",
        "logging",
        "ssl",
    }
    assert loaded(tmp_path, *arguments) & heavy == set()


def test_the_domain_costs_only_the_standard_library() -> None:
    """All of it, imported at once."""
    script = """
import importlib, pkgutil, sys
import controlroom.domain as domain
for module in pkgutil.iter_modules(domain.__path__):
    importlib.import_module(f"controlroom.domain.{module.name}")
print(sorted({name.split(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)))
"""
    result = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    foreign = {name for name in eval(result.stdout) if not name.startswith("_")}
    assert foreign - {"controlroom", "sitecustomize", "usercustomize"} == set()


FIRST_PAINT = """
import asyncio, sys
from controlroom import wiring
from controlroom.config.load import load
from controlroom.tui.app import RoomApp
from controlroom.tui.port import Options

class Watched(RoomApp):
    painted = ()

    def _begin(self):
        Watched.painted = sorted(sys.modules)
        super()._begin()

async def main():
    config = load("controlroom.toml", environ={})
    app = Watched(wiring.build(config, environ={}), Options())
    async with app.run_test(size=(200, 50)) as pilot:
        await pilot.pause()

asyncio.run(main())
print("\\n".join(Watched.painted))
"""

LATER = (
    *(f"tui.standup.{name}" for name in ("mode", "begins", "capture", "handing", "minutes", "carryover")),
    *("tui.drill", "tui.acts.acting", "tui.acts.ticking", "tui.acts.capturing", "tui.pictures", "tui.since"),
    *("tui.bell", "tui.screens.notices", "tui.screens.form", "tui.panes.worst", "tui.panes.numbers"),
    *("noticing", "remembering", "reporting", "capturing", "reports", "stores.ring", "sources"),
)
"""What only some rooms need, and none before somebody can see it."""


def test_a_room_is_seen_before_what_only_some_need_is_loaded(tmp_path: Path) -> None:
    """Standup, drill, notices, the past, evidence and all clients wait until the plain room is painted."""
    (tmp_path / "controlroom.toml").write_text(CONFIG, encoding="utf-8")
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TZ": "UTC"}
    result = subprocess.run(
        [sys.executable, "-c", FIRST_PAINT],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    seen = set(result.stdout.splitlines())
    assert "controlroom.tui.screens.room" in seen, result.stderr
    names = tuple(f"controlroom.{name}" for name in LATER)
    assert {name for name in seen if name in names or name.startswith(tuple(f"{n}." for n in names))} == set()
    assert seen & {"httpx", "aiohttp", "redis", "sqlite3"} == set()
