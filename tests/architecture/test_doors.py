"""The doors between the rooms: which part may import which, read from the source, lazy imports included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import controlroom

SOURCE = Path(controlroom.__file__).parent

ROOMS = frozenset(
    {
        *("domain", "config", "engine", "net", "probes", "sources", "stores", "documents"),
        *("reports", "headless", "tui", "lab", "cli", "commands"),
        *("wiring", "beginning", "acting", "desk", "last_known", "watching"),
        *("reporting", "noticing", "remembering", "capturing"),
        *("following", "collecting", "exporting", "serving"),
    }
)
CLIENTS = frozenset(
    {
        *(
            "aiohttp",
            "asyncpg",
            "aiokafka",
            "dns",
            "h2",
            "httpx",
            "markdown_it",
            "jinja2",
            "platformdirs",
            "prometheus_api_client",
            "prometheus_client",
        ),
        *(
            "pydantic",
            "rapidfuzz",
            "re2",
            "redis",
            "requests",
            "rich",
            "textual",
            "textual_serve",
            "tomlkit",
            "urllib3",
            "yaml",
        ),
    }
)

MAY_USE = {
    "domain": {"domain"},
    "config": {"config", "domain", "stores", "probes", "tui.keys"},
    "engine": {"engine", "domain"},
    "net": {"net", "domain", "config", "engine.ports"},
    "documents": {"documents", "domain"},
    "stores": {"stores", "domain"},
    "probes": {"probes", "net", "domain", "engine.ports", "config"},
    "sources": {"sources", "probes", "stores", "documents", "net", "domain", "engine.ports", "config"},
    "reports": {"reports", "domain", "engine", "wiring", "config"},
    "headless": {"headless", "reports", "domain", "engine", "wiring", "config"},
    "lab": {"lab", "config", "domain", "cli"},
    "tui": {"tui", "domain", "engine", "config"},
    "last_known": {"config", "domain", "stores"},
    "watching": {"config", "domain", "engine.ports", "net", "stores"},
    "beginning": {"config", "domain", "engine.ports", "probes", "stores"},
    "acting": ROOMS - {"tui", "headless", "cli", "commands", "lab", "wiring", "watching", "desk"},
    "reporting": ROOMS - {"tui", "headless", "cli", "commands", "lab", "wiring", "watching", "desk"},
    "capturing": ROOMS - {"tui", "headless", "cli", "commands", "lab", "wiring", "watching", "desk"},
    "noticing": ROOMS - {"tui", "headless", "cli", "commands", "lab", "wiring", "watching", "desk"},
    "remembering": {"config", "domain", "engine.ports", "net", "stores"},
    "following": ROOMS - {"tui", "headless", "cli", "commands", "lab", "wiring", "watching", "collecting"},
    "exporting": {"exporting", "domain", "config"},
    "collecting": ROOMS - {"tui", "cli", "commands", "lab", "serving"},
    "serving": {"serving", "domain", "config", "stores"},
    "desk": ROOMS - {"tui", "headless", "cli", "commands", "lab", "wiring", "watching"},
    "wiring": ROOMS - {"tui", "headless", "cli", "commands", "lab"},
    "commands": ROOMS,
    "cli": ROOMS,
}
"""Room → rooms, or single modules of rooms, it may import."""

CLIENTS_OF = {
    "domain": {"re2"},
    "config": {"pydantic", "rapidfuzz"},
    "net": {"aiohttp", "httpx", "prometheus_api_client", "rapidfuzz", "requests", "urllib3"},
    "documents": {"markdown_it", "yaml"},
    "lab": {"tomlkit"},
    "stores": {"pydantic", "redis"},
    "probes": {"aiokafka", "asyncpg", "dns", "h2", "redis"},
    "exporting": {"prometheus_client"},
    "serving": {"aiohttp", "textual_serve"},
    "tui": {"textual", "rich"},
}
"""Room → foreign libraries it may import; all others none."""


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem in ROOMS)


def room_of(path: Path) -> str:
    inside = path.relative_to(SOURCE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything the module imports at run time, inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            name = node.module or ""
            if name == "controlroom":
                yield from ((node.lineno, f"controlroom.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, name


def named(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_goes_only_through_its_rooms_doors(path: Path) -> None:
    """No module imports a room, or a client library, that its own room has no door to."""
    room = room_of(path)
    wrong = []
    for line, name in imports(path):
        first, *rest = name.split(".")
        if first == "controlroom":
            doors = {".".join(rest[:1]), ".".join(rest[:2])}
            if rest and rest[0] in ROOMS and not doors & MAY_USE[room]:
                wrong.append(f"{named(path)}:{line} imports {name}")
        elif first in CLIENTS and first not in CLIENTS_OF.get(room, set()):
            wrong.append(f"{named(path)}:{line} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("path", sorted((SOURCE / "domain").glob("*.py")), ids=named)
def test_the_domain_is_pure(path: Path) -> None:
    """It imports no event loop and no I/O, and never asks what time it is."""
    forbidden = {"asyncio", "threading", "subprocess", "socket", "urllib.request", "time", "random", "os"}
    assert {name for _, name in imports(path)} & forbidden == set()
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    assert called & {"now", "utcnow", "today", "open", "print", "input", "read_text", "write_text"} == set()


@pytest.mark.parametrize("path", sorted((SOURCE / "sources").glob("*.py")), ids=named)
def test_sources_know_nothing_of_one_another(path: Path) -> None:
    """A source is one file; what two of them need lies elsewhere."""
    others = {name for _, name in imports(path) if name.startswith("controlroom.sources.")}
    assert others == set()


def test_every_room_is_known_here() -> None:
    """A new room gets its doors before it gets modules."""
    assert {room_of(path) for path in modules()} <= set(MAY_USE)
    folders = {
        path.name for path in SOURCE.iterdir() if path.is_dir() and path.name not in ("__pycache__", "themes")
    }
    assert folders <= set(MAY_USE)
