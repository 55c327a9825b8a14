"""Make docs/room.svg: the room on the real servers of this machine, moments after its Redis was stopped."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from controlroom import wiring
from controlroom.config import load
from controlroom.lab.command import Lab, open_lab, publish

SIZE = (160, 46)
SCRAPED = 14.0
"""Seconds until Prometheus has scraped everything and has been asked for it."""

TOLD = 13.0
"""Seconds after which everyone who watches the stopped server has said so."""

TARGET = Path(__file__).resolve().parent.parent / "docs" / "room.svg"


async def picture(lab: Lab) -> str:
    """The room's screen as SVG."""
    from controlroom.tui.app import RoomApp
    from controlroom.tui.port import Options

    config = load.load(lab.config, environ=os.environ)
    room = wiring.build(config)
    app = RoomApp(room, Options(viewer_zone="Asia/Kolkata", base_folder=config.folder))
    async with app.run_test(size=SIZE) as pilot:
        await asyncio.sleep(SCRAPED)
        await asyncio.to_thread(publish, lab.config)
        lab.servers["redis"].pause()
        await asyncio.sleep(TOLD)
        await pilot.press("6")
        await pilot.pause()
        return app.export_screenshot(title="controlroom lab")


def main() -> None:
    """Open the lab, take the picture, close it."""
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    with open_lab() as lab:
        TARGET.write_text(asyncio.run(picture(lab)), encoding="utf-8")
    print(TARGET)


if __name__ == "__main__":
    main()
