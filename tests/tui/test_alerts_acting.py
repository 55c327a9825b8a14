"""Silencing, ending silences and giving alerts to squads, from the room, at a real Alertmanager."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom.config.folders import state_folder
from controlroom.domain.alerts import Watchdog
from controlroom.domain.silences import Matcher
from controlroom.lab import servers
from controlroom.tui.acts import matchers
from controlroom.tui.acts.elsewhere import begins
from controlroom.tui.rows import Subject
from tests.conftest import Start
from tests.net.alertmanagers import ask, now, send
from tests.net.alertmanagers import post as posted

from .furnished import environ_of, furnish
from .rooms import view
from .test_alerts_pane import DISK, DOWN, FAMILY, FAR, MAIN, room
from .working import Worker, working

# What is typed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ('alertname="Flood" job=locks', (Matcher("alertname", "Flood"), Matcher("job", "locks"))),
        (
            '{alertname="Flood, or, ebb",job!~"a|b"}',
            (Matcher("alertname", "Flood, or, ebb"), Matcher("job", "a|b", True, False)),
        ),
        ("job=~a.* , team!=sea", (Matcher("job", "a.*", True), Matcher("team", "sea", False, False))),
        ('note="said \\"no\\""', (Matcher("note", 'said "no"'),)),
        ("", ()),
    ],
)
def test_matchers_are_read_as_amtool_writes_them(typed: str, meant: tuple[Matcher, ...]) -> None:
    """Apart by blanks or commas, quotes where they are needed; what is written is read back the same."""
    assert matchers.understood(typed) == meant
    assert matchers.understood(matchers.written(meant)) == meant


@pytest.mark.parametrize("typed", ["Flood", 'job="open', "job", 'a=b ) c="d"', 'job=~"("'])
def test_what_is_no_matcher_says_why(typed: str) -> None:
    """A fault for the field, in words; nothing is guessed."""
    with pytest.raises(ValueError, match=r"\w"):
        matchers.understood(typed)
    assert matchers.reading(typed, room(), ("am",), view()).problem


def test_a_family_is_drafted_by_what_its_alerts_share() -> None:
    """The name and the job stay, the instances go; one alert alone keeps its own."""
    assert matchers.drafted(FAMILY) == (Matcher("alertname", "InstanceDown"), Matcher("job", "node"))
    assert Matcher("instance", "quay-0:9100") in matchers.drafted(FAMILY[:1])


def test_a_preview_counts_names_and_squads() -> None:
    """What would be quiet now: by name, and whose, where it is more than one squad's."""
    of = room(*FAMILY, replace(FAMILY[4], fingerprint="other", squad="cranes"))
    seen = matchers.preview((Matcher("alertname", "InstanceDown"),), of, ("am",), view())
    assert seen.said == "matches 6 alerts: InstanceDown ×6"
    assert seen.warnings == ("matches alerts of 2 squads: Quay & Berths, Cranes",)
    assert matchers.preview((Matcher("job", "none"),), of, ("am",), view()).said == "matches nothing now"
    assert not matchers.preview((Matcher("alertname", "InstanceDown"),), of, ("am2",), view()).alerts


def test_a_preview_warns_of_the_watchdog_and_of_what_cannot_be_known() -> None:
    """Silencing the alert that must always fire, and a server that does not answer, are said."""
    dog = Watchdog("am", "Watchdog", firing=True, labels={"alertname": "Watchdog", "severity": "none"})
    of = room(DISK, watchdogs=(dog,))
    (warning,) = matchers.preview((Matcher("alertname", ".+", True),), of, ("am",), view()).warnings
    assert "would quiet Watchdog too" in warning
    of = room(FAR, sources=(MAIN, DOWN))
    (warning,) = matchers.preview((Matcher("alertname", "FarAway"),), of, ("am2",), view()).warnings
    assert "am2 does not answer" in warning


def test_a_key_means_what_the_kind_of_thing_lets_it() -> None:
    """A silences nothing, M assigns nothing; what neither knows is refused in words."""
    alert, card = Subject("alert", "f1"), Subject("item", "i1")
    assert callable(begins("alert.silence", (alert,)))
    assert callable(begins("blocker.assign", (alert,)))
    assert begins("blocker.assign", (card,)) is None
    assert begins("alert.silence", (card,)) == "cannot silence a card"
    assert begins("alert.silence", ()) == "nothing here to silence"
    assert begins("alert.silence", (alert, card)) == "cannot silence an alert"


# At a real Alertmanager


def config(*urls: str) -> str:
    """The Alertmanagers of the room, asked often."""
    return "".join(
        f'\n[[alertmanagers]]\nid = "{name}"\nurl = "{url}"\ninterval = 0.3\ntimeout = 2.0\n'
        for name, url in zip(("am", "am2"), urls, strict=False)
    )


def down(number: int, **labels: str) -> Mapping[str, object]:
    """One instance that does not answer."""
    return {
        "labels": {
            "alertname": "InstanceDown",
            "severity": "critical",
            "instance": f"quay-{number}:9100",
            "job": "node",
            "squad": "quay",
            **labels,
        },
        "annotations": {"summary": "does not answer"},
        "startsAt": (now() - timedelta(minutes=41)).isoformat(),
    }


DISKFULL: Mapping[str, object] = {"labels": {"alertname": "DiskFull", "severity": "warning", "job": "disk"}}


@asynccontextmanager
async def watching(tmp_path: Path, *found: servers.Server, **options: Any) -> AsyncIterator[Worker]:
    """The room on these Alertmanagers, in front of the alerts; its clock is the real one."""
    folder = tmp_path / "harbour"
    furnish(folder, config(*(server.url for server in found)))
    async with working(folder, clock=now, **options) as at:
        await at.press("7", "z")
        yield at


def silences(server: servers.Server) -> list[Any]:
    """Those that the server itself says are active."""
    return [one for one in ask(server, "silences") if one["status"]["state"] == "active"]


async def silenced(at: Worker, why: str) -> None:
    """Fill in the reason, and say yes."""
    await at.until("why nobody needs to hear")
    await at.type(why)
    await at.press("ctrl+j")
    await at.until("This will be silenced")
    await at.press("y")


async def test_a_family_is_silenced_and_heard_again(start: Start, tmp_path: Path) -> None:
    """M: prefilled, previewed, set; M again names who and why, and ends it."""
    server = start(servers.alertmanager)
    send(server, *(down(n) for n in range(3)), DISKFULL)
    async with watching(tmp_path, server) as at:
        await at.goto("InstanceDown ×3")
        await at.press("M")
        screen = await at.until("why nobody needs to hear")
        assert 'alertname="InstanceDown" squad="quay" job="node"' in screen
        await at.type("crane is mended")
        await at.press("ctrl+j")
        screen = await at.until("This will be silenced")
        assert "matches 3 alerts: InstanceDown ×3" in screen
        assert "✖ critical InstanceDown · quay-2:9100 · Quay & Berths" in screen
        assert "in 2h 00m" in screen or "in 1h 59m" in screen
        assert not silences(server)
        await at.press("y")
        await at.until("by Ines: crane is mended")
        await at.until(lambda: at.app.room_screen.panes["alerts"].heading.count == "1 · 3 silenced")
        (one,) = silences(server)
        assert (one["createdBy"], one["comment"]) == ("Ines", "crane is mended")
        assert len(ask(server, "alerts", silenced="false")) == 1

        await at.goto("InstanceDown ×3")
        await at.press("M")
        screen = await at.until("End this silence?")
        for part in ("Ines", "crane is mended", "3 alerts now", "it notifies again"):
            assert part in screen
        await at.press("enter")
        assert silences(server)
        await at.press("M", "y")
        await at.until("ended: the silence of InstanceDown")
        await at.until(lambda: at.app.room_screen.panes["alerts"].heading.count == "4")
        assert not silences(server)


async def test_the_form_says_what_it_would_match_while_it_is_typed(start: Start, tmp_path: Path) -> None:
    """Every key tells anew: fewer, nothing, more squads than one, and what is no matcher."""
    server = start(servers.alertmanager)
    send(server, *(down(n) for n in range(2)), down(7, squad="cranes"), DISKFULL)
    async with watching(tmp_path, server, size=(80, 24)) as at:
        await at.goto("InstanceDown ×2")
        await at.press("M", "shift+tab", "shift+tab")
        await at.until("matches 2 alerts: InstanceDown ×2")
        await at.press("ctrl+u")
        await at.type("alertname=InstanceDown")
        await at.until("matches alerts of 2 squads")
        await at.type(",job=x")
        await at.until("matches nothing now")
        await at.type(" and")
        screen = await at.until("not understood: and")
        await at.press("ctrl+j")
        assert "not understood: and" in await at.until("✖")
        assert "This will be" not in screen
        await at.press("escape", "escape")
        assert not silences(server)


async def test_a_silence_needs_a_reason_an_end_and_somebody(start: Start, tmp_path: Path) -> None:
    """What is missing is said at its field, and nothing is set."""
    server = start(servers.alertmanager)
    send(server, DISKFULL)
    async with watching(tmp_path, server) as at:
        await at.goto("DiskFull")
        await at.press("M", "ctrl+j")
        await at.until("needs a reason")
        await at.type("bigger one comes")
        await at.press("shift+tab")
        await at.type("20m ago")
        await at.press("ctrl+j")
        await at.until("its end has passed")
        await at.press("ctrl+u")
        await at.type("d")
        await at.press("ctrl+j")
        screen = await at.until("This will be silenced")
        assert "Fri 15:00" in screen or "15:00 CE" in screen
        await at.press("e")
        await at.until("bigger one comes")
        await at.press("escape", "escape")
        assert not silences(server)


async def test_what_goes_wrong_leaves_the_form_filled(start: Start, tmp_path: Path) -> None:
    """The Alertmanager goes away before yes: why is said over the form, and nothing typed is lost."""
    server = start(servers.alertmanager)
    send(server, DISKFULL)
    async with watching(tmp_path, server) as at:
        await at.goto("DiskFull")
        await at.press("M")
        await at.type("bigger one comes")
        await at.press("ctrl+j")
        await at.until("This will be silenced")
        server.kill()
        await at.press("y")
        screen = await at.until("not silenced: ")
        assert "refuses connections" in screen
        assert "bigger one comes" in screen
        assert 'alertname="DiskFull"' in screen
        await at.until(lambda: any(s.error for s in at.working.snapshot.sources if s.kind == "alerts"))
        await at.press("ctrl+j")
        assert "does not answer: what it would match now is not known" in await at.until(
            "This will be silenced"
        )


async def test_an_alertmanager_that_dies_is_unknown_and_comes_back(start: Start, tmp_path: Path) -> None:
    """Killed: unknown with what it said before, marked; hung: the same; never that nothing fires."""
    server, other = start(servers.alertmanager), start(servers.alertmanager)
    send(server, DISKFULL)
    async with watching(tmp_path, server, other, size=(120, 40)) as at:
        await at.until("DiskFull")
        other.pause()
        screen = await at.until("? alerts of am2 unknown")
        assert "▲ warning" in screen
        other.resume()
        await at.until(lambda: "unknown" not in at.screen)
        server.kill()
        screen = await at.until("? alerts of am unknown")
        assert "refuses connections" in screen
        assert "1 below as of" in screen
        assert "? warning" in screen
        assert "no alerts" not in screen
        await at.press("enter")
        assert "no alerts" not in at.screen


async def test_silences_that_end_soon_are_ended_or_set_anew(start: Start, tmp_path: Path) -> None:
    """The line names them; Enter lists who and why, M asks which, and another can be set at once."""
    server = start(servers.alertmanager)
    send(server, DISKFULL, down(1))
    for name, minutes, by in (("DiskFull", 20, "Ada"), ("InstanceDown", 40, "Tomas")):
        body = {
            "matchers": [{"name": "alertname", "value": name, "isRegex": False, "isEqual": True}],
            "startsAt": now().isoformat(),
            "endsAt": (now() + timedelta(minutes=minutes)).isoformat(),
            "createdBy": by,
            "comment": f"{name} is known",
        }
        posted(f"{server.url}/api/v2/silences", body)
    async with watching(tmp_path, server) as at:
        await at.goto("2 silences end soon: DiskFull in ")
        await at.press("enter")
        screen = await at.until("Silences that end soon")
        assert "1  DiskFull" in screen
        assert "InstanceDown is known" in screen
        await at.press("M")
        screen = await at.until("End one of these silences?")
        assert "Tomas" in screen
        await at.press("2")
        await at.until("ended: the silence of InstanceDown")
        await at.until(lambda: len(silences(server)) == 1)
        await at.press("escape")
        await at.goto("▲ warning" if "▲ warning" in at.screen else "◌ warning")
        await at.press("M", "s")
        await silenced(at, "still")
        await at.until(lambda: len(silences(server)) == 2)


async def test_what_a_silence_keeps_quiet_is_unknown_while_nobody_can_ask(
    start: Start, tmp_path: Path
) -> None:
    """Whoever is about to end it is not told that it silences nothing."""
    server = start(servers.alertmanager)
    body = {
        "matchers": [{"name": "alertname", "value": "DiskFull", "isRegex": False, "isEqual": True}],
        "startsAt": now().isoformat(),
        "endsAt": (now() + timedelta(minutes=20)).isoformat(),
        "createdBy": "Ada",
        "comment": "it is known",
    }
    posted(f"{server.url}/api/v2/silences", body)
    async with watching(tmp_path, server) as at:
        await at.goto("1 silence ends soon: DiskFull in ")
        server.kill()
        await at.until("? alerts unknown")
        await at.goto("1 silence ends soon: DiskFull in ")
        await at.press("M")
        assert "? unknown: its Alertmanager does not answer" in await at.until("End this silence?")


async def test_an_unowned_alert_is_given_to_a_squad_by_a_rule(start: Start, tmp_path: Path) -> None:
    """A: label, squad, the diff; written, the room takes it up and the alert is theirs."""
    server = start(servers.alertmanager)
    send(server, DISKFULL)
    path = tmp_path / "harbour" / "controlroom.toml"
    async with watching(tmp_path, server) as at:
        await at.goto("DiskFull")
        assert "unowned" in at.cursor
        assert "A gives it to a squad" in at.cursor
        before = path.read_text()
        await at.press("A")
        screen = await at.until("Whose are alerts with")
        assert 'job = "disk"  1 known alert' in screen
        await at.press("enter")
        await at.until('Alerts with job = "disk" belong to')
        await at.press("down", "enter")
        screen = await at.until("Change the configuration")
        assert '+value = "disk"' in screen
        assert '+squad = "cranes"' in screen
        assert path.read_text() == before
        await at.press("escape")
        await at.press("A", "enter", "down", "enter")
        await at.until("Change the configuration")
        await at.press("w")
        await at.until("written to controlroom.toml")
        assert 'squad = "cranes"' in path.read_text().partition("[[alertmanagers.rules]]")[2]
        await at.until(lambda: at.working.snapshot.alerts[0].squad == "cranes")
        await at.until(lambda: "Cranes" in at.cursor)
        await at.press("A")
        await at.until("it belongs to Cranes by the rule job = disk")


async def test_the_diff_can_be_kept_to_be_reviewed(start: Start, tmp_path: Path) -> None:
    """k: a file in the state folder, its path said; the configuration stays as it is."""
    server = start(servers.alertmanager)
    send(server, DISKFULL)
    path = tmp_path / "harbour" / "controlroom.toml"
    async with watching(tmp_path, server) as at:
        before = path.read_text()
        await at.goto("DiskFull")
        await at.press("A", "enter", "enter")
        await at.until("Change the configuration")
        await at.press("k")
        await at.until("the diff is in")
        assert path.read_text() == before
        folder = state_folder(environ_of(tmp_path / "harbour", "Ines"))
        assert folder is not None
        (kept,) = folder.rglob("*.diff")
        assert '+value = "disk"' in kept.read_text()


async def test_a_configuration_that_changed_meanwhile_is_not_overwritten(
    start: Start, tmp_path: Path
) -> None:
    """Somebody else wrote to the file while the diff was read: nothing is written, and why is said."""
    server = start(servers.alertmanager)
    send(server, DISKFULL)
    path = tmp_path / "harbour" / "controlroom.toml"
    async with watching(tmp_path, server) as at:
        await at.goto("DiskFull")
        await at.press("A", "enter", "enter")
        await at.until("Change the configuration")
        path.write_text(path.read_text() + "\n# somebody else\n")
        await at.press("w")
        await at.until("controlroom.toml: ")
        assert path.read_text().endswith("# somebody else\n")
        assert "[[alertmanagers.rules]]" not in path.read_text()


async def test_an_alert_that_names_its_squad_is_not_given_to_another(start: Start, tmp_path: Path) -> None:
    """A rule would not count beside its label: that is said, and the footer does not offer it."""
    server = start(servers.alertmanager)
    send(server, down(1))
    async with watching(tmp_path, server) as at:
        await at.goto("InstanceDown")
        assert "A assign" not in at.screen
        assert "M silence" in at.screen
        assert "by its label squad = quay" in await at.press("A")


async def test_read_only_offers_nothing_and_does_nothing(start: Start, tmp_path: Path) -> None:
    """Every fact, no action: not in the rows, not in the footer, not by the keys."""
    server = start(servers.alertmanager)
    send(server, DISKFULL)
    async with watching(tmp_path, server, read_only=True) as at:
        await at.goto("DiskFull")
        assert "unowned" in at.cursor
        for said in ("gives it to", "M silence", "A assign"):
            assert said not in at.screen
        for key in ("M", "A"):
            assert "read-only" in await at.press(key)
        assert "M silence" not in await at.press("enter")
        assert not silences(server)
