"""The commented example configuration, from a checkout or from an installed package."""

from __future__ import annotations

from pathlib import Path

NAME = "config.example.toml"


def text() -> str:
    """The whole of config.example.toml; FileNotFoundError where the installation lacks it."""
    package = Path(__file__).resolve().parents[1]
    for place in (package / NAME, package.parents[1] / NAME):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise FileNotFoundError(f"{NAME} is neither beside the package nor in it: install controlroom again")
