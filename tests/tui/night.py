"""A room on call, run as a program on the terminal it is given: its clock shows what stands in a file.

Arguments: the folder, who looks, the file with the instant.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from controlroom import wiring
from controlroom.config.load import load
from controlroom.tui.app import run
from controlroom.tui.port import Options

if __package__:
    from .furnished import environ_of
else:
    from furnished import environ_of  # type: ignore[import-not-found,no-redef]


def standing(path: Path) -> Callable[[], datetime]:
    """A clock that shows the instant in the file at `path`, until another one is written there."""
    return lambda: datetime.fromisoformat(path.read_text(encoding="utf-8"))


def main(folder: str, by: str, clock: str) -> int:
    """Show the room of `folder` on call to `by` on this terminal."""
    environ = environ_of(Path(folder), by)
    config = load(Path(folder) / "controlroom.toml", environ=environ)
    room = wiring.build(config, clock=standing(Path(clock)), environ=environ)
    return run(
        room,
        Options(viewer_zone="Asia/Kolkata", channel="#tide-crew", view="oncall", bell=config.ui.bell),
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
