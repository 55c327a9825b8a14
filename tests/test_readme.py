"""The README and CONTRIBUTING are held to what the program is."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from controlroom import cli
from controlroom.config import load
from controlroom.tui import keys

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def fenced(language: str, text: str = README) -> list[str]:
    return [
        block.replace("\n   ", "\n") for block in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    ]


def test_every_command_is_in_the_readme_and_every_command_there_exists() -> None:
    """The command table names exactly the commands that `--help` offers."""
    section = README.split("## Commands")[1].split("## Keys")[0]
    named = set(re.findall(r"^\| `controlroom ?([a-z]*)", section, re.MULTILINE)) - {""}
    assert named == {name for name, *_ in cli.COMMANDS}


def test_the_commands_shown_in_the_readme_can_be_called() -> None:
    """Every `controlroom …` line of an example is understood by the command line."""
    lines = [line.strip() for block in fenced("sh") for line in block.splitlines()]
    calls = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("controlroom")]
    assert calls
    for call in calls:
        assert cli.parser().parse_args(call).run


def test_the_key_table_is_the_one_the_room_uses() -> None:
    """The README's keys are generated from the table of actions and are up to date (make docs)."""
    table = README.split("<!-- keys -->\n")[1].split("<!-- /keys -->")[0]
    assert table == keys.markdown_table()


def test_keys_named_in_the_tour_mean_what_it_says() -> None:
    """Single keys in the tour are bound."""
    tour = README.split("## Five minutes")[1].split("## Configuration")[0]
    bound = [*keys.DEFAULT.lookup("room", "list"), *keys.DEFAULT.lookup("standup")]
    shown = {keys.shown(key) for key in bound}
    for key in re.findall(r"`([^\s`]|Enter|Space|Ctrl-\w)`", tour):
        if key not in "●▲✖?" or key == "?":
            assert key in shown, key


@pytest.mark.parametrize("example", fenced("toml"))
def test_the_configuration_shown_is_valid(example: str) -> None:
    """The README's configuration loads as it stands, and says something."""
    config = load.from_text(example, Path("controlroom.toml"), today=lambda zone: date(2026, 3, 9))
    assert config.program.squads or config.services or config.triage.by


def test_configuration_keys_named_in_the_text_exist() -> None:
    """Every `[section]` named in the README is one of the example's."""
    example = tomllib.loads((ROOT / "config.example.toml").read_text(encoding="utf-8"))
    named = set(re.findall(r"`\[+([a-z]+)(?:\.[a-z]+)*\]+`", README))
    assert named
    assert named <= set(example)


def targets(text: str) -> Iterator[str]:
    yield from re.findall(r"\bmake ([a-z]+)\b", text)


def test_make_targets_named_in_the_documents_exist() -> None:
    """README and CONTRIBUTING name no target the Makefile lacks."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set(targets(" ".join(re.findall(r"`[^`\n]+`", README + CONTRIBUTING))))
    named |= {t for block in fenced("sh", README + CONTRIBUTING) for t in targets(block)}
    assert {"run", "test"} <= named
    assert named <= known


def test_paths_named_in_the_documents_exist() -> None:
    """Files and folders the two documents point at are there."""
    pointed = set(
        re.findall(
            r"`((?:src|tests|themes|domain|engine|tui|config|panes|probes)/[\w./]*\w/?)`",
            README + CONTRIBUTING,
        )
    )
    assert pointed
    inside = ROOT / "src" / "controlroom"
    for path in pointed:
        assert any((base / path).exists() for base in (ROOT, inside, inside / "tui")), path
    for link in re.findall(r"\]\(([\w./]+)\)", README):
        assert (ROOT / link).exists(), link
