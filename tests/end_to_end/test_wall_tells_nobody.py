"""A wall screen shows what happens and tells nobody; an ordinary room beside it tells its channel."""

from __future__ import annotations

from pathlib import Path

from controlroom.tui.keys import DEFAULT
from tests.telling import channel, environ_of, furnish, hooked, listening, until
from tests.tui.terminal import program


async def test_a_wall_tells_nobody(tmp_path: Path) -> None:
    """Both see the same service fail: the room's webhook hears of it, the wall's hears nothing."""
    async with listening() as kafka, hooked() as unheard, hooked() as heard:
        commands = {}
        for name, hook in (("wall", unheard), ("room", heard)):
            folder = tmp_path / name / "harbour"
            config = furnish(folder, kafka.port)
            channel(folder, "crew", hook.url)
            view = ("--view", name)
            commands[name] = ("-m", "controlroom", "--config", str(config), *view), environ_of(folder, "Ines")
        with (
            program(commands["wall"][0], environ=commands["wall"][1]) as wall,
            program(commands["room"][0], environ=commands["room"][1]) as room,
        ):

            def both() -> bool:
                return wall.read(0) and room.read(0)

            await until(lambda: both() and "1 up" in wall.text and "● 1" in room.text, 30)
            await kafka.down()
            await until(lambda: both() and "DOWN" in wall.text and heard.texts, 40)
            wall.press(DEFAULT.text("notices.show"))
            await until(lambda: both() and "this room is read-only" in wall.text)
        assert any("Kafka" in text for text in heard.texts)
        assert unheard.texts == []
