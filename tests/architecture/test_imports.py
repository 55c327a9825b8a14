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
