"""The room's desk at a real Alertmanager: silences are set and ended, and what went wrong is said."""

from __future__ import annotations

from dataclasses import replace

from controlroom import wiring
from controlroom.config.values import AlertmanagerServer, Config
from controlroom.domain.program import Program
from controlroom.domain.silences import Matcher
from controlroom.lab import servers
from tests.conftest import Start
from tests.net.alertmanagers import draft


async def test_a_silence_is_set_and_ended_at_the_desk(start: Start) -> None:
    """Nothing is said where it was done; a second end, a wrong name, a server that is gone have reasons."""
    server = start(servers.alertmanager)
    config = Config(Program("harbour"), alertmanagers=(AlertmanagerServer("am", server.url),))
    room = wiring.build(config, environ={})
    wanted = draft(Matcher("alertname", "Flood"))
    assert await room.desk.silence("am", wanted) == ""
    (silence,) = (await room.sweep()).silences
    assert (silence.matchers, silence.by, silence.comment) == (wanted.matchers, "Ada", "work")
    refused = await room.desk.silence("am", replace(wanted, ends_at=wanted.starts_at))
    assert "does not take the silence" in refused
    assert await room.desk.expire("am", silence.id) == ""
    assert (await room.sweep()).silences == ()
    assert "has ended already" in await room.desk.expire("am", silence.id)
    assert await room.desk.expire("pm", silence.id) == "no Alertmanager is called pm"
    server.stop()
    assert "refuses connections" in await room.desk.silence("am", wanted)
