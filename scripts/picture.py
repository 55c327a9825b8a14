"""Make docs/room.svg: the room on the real servers of this machine, once everything has answered."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from controlroom import wiring
from controlroom.config import load
from controlroom.lab.command import open_lab

SIZE = (150, 46)
SCRAPED = 20.0
"""Seconds until Prometheus has scraped everything twice and has been asked again."""

TARGET = Path(__file__).resolve().parent.parent / "docs" / "room.svg"


async def picture(config_path: Path) -> str:
    """The room's screen as SVG."""
    from controlroom.tui.app import RoomApp
    from controlroom.tui.port import Options

    config = load.load(config_path, environ=os.environ)
    room = wiring.build(config)
    app = RoomApp(room, Options(viewer_zone="Asia/Kolkata", base_folder=config.folder))
    async with app.run_test(size=SIZE) as pilot:
        await asyncio.sleep(SCRAPED)
        await pilot.pause()
        return app.export_screenshot(title="controlroom lab")


def main() -> None:
    """Open the lab, take the picture, close it."""
    with open_lab() as lab:
        TARGET.write_text(asyncio.run(picture(lab.config)), encoding="utf-8")
    print(TARGET)


if __name__ == "__main__":
    main()
