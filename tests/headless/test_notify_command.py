"""`controlroom notify` says what waits and what failed; `notify test` sends one message."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controlroom.config.load import load
from controlroom.domain.notice import Notice, State, Told, exact
from controlroom.noticing import outbox_of
from tests.telling import SECRET, channel, environ_of, free_port, furnish, hooked

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


async def run(folder: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command as Ines runs it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "controlroom", "--config", str(folder / "controlroom.toml"), *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environ_of(folder, "Ines"),
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    assert SECRET not in out.decode() + err.decode()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration without a channel."""
    furnish(tmp_path / "harbour", free_port())
    return tmp_path / "harbour"


def keep(folder: Path, name: str, state: State, **more: Any) -> None:
    """Put a notice into Ines's outbox."""
    environ = environ_of(folder, "Ines")
    outbox = outbox_of(load(folder / "controlroom.toml", environ=environ), environ)
    assert outbox is not None
    marks = exact(f"blocker:{name}", "opened", name)
    notice = Notice(marks[0], "blocker", f"blocker:{name}", "opened", f"{name} opened", NOW, marks=marks)
    told = Told("crew", notice, NOW, **more)
    outbox.put(told)
    if state != "waiting":
        outbox.end(replace(told, state=state, ended_at=NOW))


async def test_what_waits_and_what_was_told(folder: Path) -> None:
    """Channels and notices, as text and as JSON; 1 once something was given up."""
    channel(folder, "crew", "http://127.0.0.1:1", more='events = ["blocker"]')
    code, out, _ = await run(folder, "notify")
    assert (code, out.splitlines()) == (
        0,
        ["channel crew (slack): blocker", "nothing waits, and nothing was told in the last day"],
    )
    keep(folder, "b1", "waiting", attempts=2, why="refused", due=NOW + dt.timedelta(hours=1))
    keep(folder, "b2", "sent")
    code, out, _ = await run(folder, "notify")
    assert code == 0
    assert "waits" in out.splitlines()[1]
    assert "b1 opened: refused, tried 2x, next attempt in " in out
    keep(folder, "b3", "given_up", why="given up after a day")
    code, out, _ = await run(folder, "--json", "notify")
    assert code == 1
    found = json.loads(out)
    assert found["channels"] == [
        {"id": "crew", "kind": "slack", "events": ["blocker"], "squads": [], "webhook": True}
    ]
    titles = {name: [one["title"] for one in found[name]] for name in ("waiting", "sent", "given_up")}
    assert titles == {"waiting": ["b1 opened"], "sent": ["b2 opened"], "given_up": ["b3 opened"]}


async def test_a_test_is_sent(folder: Path) -> None:
    """One message that says what it is, from whom; 0."""
    async with hooked() as slack, hooked() as other:
        channel(folder, "crew", slack.url)
        channel(folder, "log", other.url, "webhook")
        code, out, _ = await run(folder, "notify", "test", "crew")
        assert (code, out) == (0, "sent to crew: a test of the channel crew\n")
        code, out, _ = await run(folder, "--json", "notify", "test", "log")
        assert (code, json.loads(out)["status"]) == (0, "sent")
    assert "Sent by Ines: nothing has happened." in slack.texts[0]
    assert (other.bodies[0]["_banner"], other.bodies[0]["kind"]) == ("NOT MEDICAL ADVICE", "test")


async def test_a_test_that_is_not_taken(folder: Path) -> None:
    """3, why, and what to do; a missing secret as well."""
    async with hooked("404 Not Found") as hook:
        channel(folder, "crew", hook.url)
        code, out, err = await run(folder, "notify", "test", "crew")
    assert (code, out) == (3, "")
    assert "refuses the text (404)" in err
    assert "mend the webhook of [[notify]] crew" in err
    (folder / "crew.hook").unlink()
    code, _, err = await run(folder, "notify", "test", "crew")
    assert code == 3
    assert "crew.hook cannot be read" in err


async def test_a_test_that_is_refused(folder: Path) -> None:
    """Read-only sends nothing: 4. An unknown channel and one without a webhook: 2, with what there is."""
    async with hooked() as hook:
        channel(folder, "crew", hook.url)
        with (folder / "controlroom.toml").open("a") as file:
            file.write('[[notify]]\nid = "nowhere"\n')
        assert (await run(folder, "--read-only", "notify", "test", "crew"))[0] == 4
        code, _, err = await run(folder, "notify", "test", "crow")
        assert (code, "there are: crew, nowhere" in err) == (2, True)
        code, _, err = await run(folder, "notify", "test", "nowhere")
        assert (code, "has no webhook" in err) == (2, True)
    assert hook.bodies == []
