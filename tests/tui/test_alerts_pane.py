"""The alerts pane: families, silences, dead-man's switches, and Alertmanagers that do not answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controlroom.domain.alerts import Watchdog
from controlroom.domain.silences import Matcher, Silence
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert
from controlroom.domain.triage import Blocker
from controlroom.tui.lines import as_text
from controlroom.tui.panes import alerts
from controlroom.tui.rows import DrawContext, Subject, View
from tests.tui.rooms import NOW, ago, changed, drawn, row_with, view

MAIN = SourceStatus("alerts:am", "alerts", "am", 10, NOW - timedelta(seconds=3))
SECOND = replace(MAIN, id="alerts:am2", title="am2")
DOWN = replace(SECOND, read_at=ago(4), error="connection refused", error_since=ago(3))


def down(name: str, number: int, minutes: float, **more: Any) -> Alert:
    """One instance of a family."""
    labels = {"alertname": name, "instance": f"quay-{number}:9100", "job": "node"}
    made = {"severity": "critical", "summary": "does not answer", "squad": "quay", "server": "am"}
    return Alert(f"{name}{number}", name, starts_at=ago(minutes), labels=labels, **{**made, **more})


FAMILY = tuple(down("InstanceDown", n, 41 - n) for n in range(5))
DISK = Alert("disk", "DiskFull", "warning", "disk 91 % full", starts_at=ago(300), server="am")
FAR = Alert("far", "FarAway", "warning", "over there", starts_at=ago(30), squad="cranes", server="am2")
QUIET = Silence(
    "s1", (Matcher("alertname", "InstanceDown"),), ago(60), ago(-121), "Ada", "crane is mended", server="am"
)
BRIEF = Silence("s2", (Matcher("job", "tide|ebb", True),), ago(60), ago(-12), "Ines", "", server="am")


def room(*found: Alert, sources: tuple[SourceStatus, ...] = (MAIN,), **parts: Any) -> Snapshot:
    """A room with these alerts."""
    return changed(alerts=found, sources=sources, **{"blockers": (), **parts})


def low(width: int = 118, **more: Any) -> View:
    """A pane without room for more than it must show."""
    return view(width, assigns="A", **more)


def heading(of: Snapshot) -> str:
    """What stands after the title."""
    return alerts.PANE.heading(DrawContext(of, view(), NOW, 118, 20)).count


def line(said: str, part: str) -> str:
    return next(one for one in said.splitlines() if part in one)


def test_a_family_is_one_line_with_its_number_and_its_oldest() -> None:
    """Five instances of one alert and squad take one line: the worst severity, the oldest age."""
    said = drawn(alerts.PANE, room(*FAMILY, DISK), seen=low())
    assert len(said.splitlines()) == 2
    first = line(said, "InstanceDown")
    for part in ("Quay & Berths", "✖ critical", "InstanceDown ×5", "oldest 41m", "does not answer"):
        assert part in first
    assert row_with(alerts.PANE, "family:quay|InstanceDown", room(*FAMILY)).subject == Subject(
        "family", "quay|InstanceDown"
    )


def test_zoomed_every_alert_of_a_family_has_a_line_below_it() -> None:
    """Each says what tells it from the others, and its own age."""
    said = drawn(alerts.PANE, room(*FAMILY), seen=low(expanded=True)).splitlines()
    assert len(said) == 6
    assert "InstanceDown ×5" in said[0]
    assert "quay-3:9100" in said[4]
    assert "38m" in said[4]
    assert "does not answer" not in said[4]


def test_filtered_every_alert_stands_for_itself() -> None:
    """A filter finds one instance by its host, with the squad and the name on its own line."""
    rows = alerts.PANE.rows(room(*FAMILY), low(filter="quay-3"))
    (found,) = [row for row in rows if "quay-3" in row.text]
    assert found.subject == Subject("alert", "InstanceDown3")
    said = drawn(alerts.PANE, room(*FAMILY), seen=low(filter="quay-3"))
    assert "Quay & Berths" in line(said, "quay-3")
    assert "InstanceDown" in line(said, "quay-3")


def test_the_same_name_of_two_squads_is_two_families() -> None:
    """Nobody's alerts are counted among another squad's."""
    said = drawn(alerts.PANE, room(*FAMILY[:3], replace(FAMILY[3], squad="cranes")), seen=low())
    assert "×3" in line(said, "Quay & Berths")
    assert "×" not in line(said, "Cranes")


def test_what_nobody_owns_says_so_and_what_to_do() -> None:
    """The unowned bucket names the key, unless nothing may be changed here."""
    assert "A gives it to a squad" in line(drawn(alerts.PANE, room(DISK), seen=low()), "unowned")
    assert "A gives it to a squad" in drawn(alerts.PANE, room(DISK), seen=low(52))
    assert "gives it" not in drawn(alerts.PANE, room(DISK), seen=view())


def test_a_silenced_alert_is_dim_and_says_until_when_by_whom_and_why() -> None:
    """It is listed after what fires, and counted apart from it."""
    quiet = replace(FAMILY[0], state="suppressed", silenced_by=("s1",))
    of = room(quiet, DISK, silences=(QUIET,))
    said = drawn(alerts.PANE, of, seen=low())
    assert "silenced until 11:00 by Ada: crane is mended" in line(said, "InstanceDown")
    assert said.splitlines().index(line(said, "DiskFull")) == 0
    row = row_with(alerts.PANE, "alert:am:InstanceDown0", of)
    spans = alerts.PANE.draw(row, DrawContext(of, view(), NOW, 118, 0))[0]
    assert {s.style for s in spans if "InstanceDown" in s.text or "critical" in s.text} == {"dim"}
    assert "◌" in as_text((spans,))
    assert heading(of) == "1 · 1 silenced"


def test_a_family_that_is_silenced_in_part_counts_them() -> None:
    """Two of five are quiet: the family still fires."""
    some = [replace(a, state="suppressed", silenced_by=("s1",)) for a in FAMILY[:2]]
    said = drawn(alerts.PANE, room(*some, *FAMILY[2:], silences=(QUIET,)), seen=low())
    assert "✖ critical" in line(said, "×5")
    assert "2 silenced" in line(said, "×5")
    assert "oldest 39m" in line(said, "×5")


def test_an_inhibited_alert_is_not_called_silenced() -> None:
    """Suppressed without a silence: another alert inhibits it, and nobody set anything."""
    said = drawn(alerts.PANE, room(replace(DISK, state="suppressed")), seen=low())
    assert "inhibited by another alert" in said
    assert "silenced" not in said


def test_silences_that_end_within_the_hour_are_one_line() -> None:
    """Soonest first, each with the time it has left; a longer one is not among them."""
    second = replace(QUIET, id="s3", ends_at=ago(-40))
    of = room(DISK, silences=(QUIET, BRIEF, second))
    said = drawn(alerts.PANE, of, seen=low())
    assert '2 silences end soon: job=~"tide|ebb" in 12m, InstanceDown in 40m' in said
    assert row_with(alerts.PANE, "ending", of).subject == Subject("silence", "soon")
    assert "end soon" not in drawn(alerts.PANE, room(DISK, silences=(QUIET,)), seen=low())
    later = drawn(alerts.PANE, of, NOW + timedelta(minutes=13), replace(low(), minute=NOW))
    assert "tide|ebb" in later
    assert "ago" not in line(later, "end soon")


def test_a_silence_set_within_this_minute_may_end_soon() -> None:
    """Rows are listed by the whole minute, and Alertmanager's clock may be ahead: it says that it began."""
    fresh = replace(BRIEF, starts_at=NOW + timedelta(seconds=20))
    assert "1 silence ends soon" in drawn(alerts.PANE, room(silences=(fresh,)), seen=low())
    planned = replace(fresh, starts_at=ago(-2), state="pending")
    assert "ends soon" not in drawn(alerts.PANE, room(silences=(planned,)), seen=low())


def test_zoomed_every_silence_has_a_row_to_end_it_by() -> None:
    """Also one that silences nothing at present."""
    of = room(silences=(QUIET,))
    row = row_with(alerts.PANE, "silence:am:s1", of, low(expanded=True))
    assert row.subject == Subject("silence", "s1")
    assert "InstanceDown  until 11:00 by Ada: crane is mended" in drawn(
        alerts.PANE, of, seen=low(expanded=True)
    )


def test_a_silence_that_began_a_moment_ago_is_not_still_to_come() -> None:
    """Alertmanager's clock may be a second ahead of what is shown."""
    fresh = replace(QUIET, starts_at=NOW + timedelta(milliseconds=400))
    assert "not begun" not in drawn(alerts.PANE, room(silences=(fresh,)), seen=low(expanded=True))
    planned = replace(QUIET, starts_at=ago(-30), state="pending")
    assert "not begun yet" in drawn(alerts.PANE, room(silences=(planned,)), seen=low(expanded=True))


def test_a_watchdog_that_does_not_fire_is_the_first_line_in_red() -> None:
    """Before the worst alert; with when it was last seen."""
    of = room(*FAMILY, watchdogs=(Watchdog("am", "Watchdog", firing=False, seen_at=ago(20)),))
    first = drawn(alerts.PANE, of, seen=low()).splitlines()[0]
    assert "Watchdog of am does not fire: alerts may not arrive" in first
    assert "last seen 08:39" in first
    spans = alerts.PANE.draw(row_with(alerts.PANE, "watchdog:am", of), DrawContext(of, view(), NOW, 118, 0))[
        0
    ]
    assert spans[0].style == "down"


def test_a_watchdog_that_fires_is_quiet() -> None:
    """Nothing in a low pane; where there is room, one dim line that makes silence mean something."""
    of = room(watchdogs=(Watchdog("am", "Watchdog", firing=True),))
    assert not alerts.PANE.rows(of, low())
    assert drawn(alerts.PANE, of, seen=low(expanded=True)) == "no alerts firing · Watchdog fires"
    with_alert = replace(of, alerts=(DISK,))
    assert "no alerts firing" not in drawn(alerts.PANE, with_alert, seen=low(expanded=True))


def test_a_silenced_watchdog_is_a_warning() -> None:
    """It fires, but whoever waits for it hears nothing."""
    of = room(watchdogs=(Watchdog("am", "Watchdog", firing=True, silenced=True),))
    assert "▲ Watchdog of am is silenced" in drawn(alerts.PANE, of, seen=low())


def test_silences_that_could_not_be_read_are_said() -> None:
    """A warning of an Alertmanager that answers stands in the pane."""
    of = room(DISK, sources=(replace(MAIN, warnings=("its silences cannot be read: 500",)),))
    assert "▲ am: its silences cannot be read: 500" in drawn(alerts.PANE, of, seen=low())


@pytest.mark.parametrize("known", [(), (FAR,)])
def test_one_of_two_that_is_down_tells_both_truths(known: tuple[Alert, ...]) -> None:
    """What the other says is said; of the one that is down, what it said before is marked as of then."""
    of = room(DISK, *known, sources=(MAIN, DOWN))
    said = drawn(alerts.PANE, of, seen=low())
    assert said.splitlines()[0].startswith("? alerts of am2 unknown 3m: connection refused")
    assert "as of" not in line(said, "DiskFull")
    assert "▲ warning" in line(said, "DiskFull")
    assert heading(of) == "1+?"
    if known:
        assert "26m as of 08:55" in line(said, "FarAway")
        assert "? warning" in line(said, "FarAway")
        assert "1 below as of 08:55" in said.splitlines()[0]


def test_blind_it_never_says_that_nothing_fires() -> None:
    """Down, not asked yet, or one of two: ``no alerts firing`` is never said, whatever the width."""
    never = replace(SECOND, read_at=None)
    lost = replace(DOWN, read_at=None)
    for sources in ((DOWN,), (lost,), (MAIN, DOWN), (MAIN, never), (MAIN, lost)):
        dogs = (Watchdog("am", "Watchdog", firing=True), Watchdog("am2", "Watchdog", firing=True))
        of = room(sources=sources, watchdogs=dogs)
        for width in (36, 60, 118):
            for expanded in (False, True):
                said = drawn(alerts.PANE, of, seen=low(width, expanded=expanded))
                assert "no alerts" not in said
                assert "? alerts" in said
        assert "?" in heading(of)


def test_a_watchdog_of_one_that_is_down_is_unknown_not_silent() -> None:
    """It is not said to fire, and not said to have stopped."""
    of = room(sources=(MAIN, DOWN), watchdogs=(Watchdog("am2", "Watchdog", firing=False),))
    assert "Watchdog" not in drawn(alerts.PANE, of, seen=low(expanded=True))
    fires = replace(of, watchdogs=(Watchdog("am2", "Watchdog", firing=True),))
    assert "Watchdog" not in drawn(alerts.PANE, fires, seen=low(expanded=True))


def test_a_blocker_opened_from_one_of_a_family_is_seen_on_its_line() -> None:
    """Whoever looks at the family sees that somebody is at it."""
    opened = Blocker(
        "b", "quay is down", None, "Ada", "quay", "quay", "open", ago(2), about="alert:InstanceDown2"
    )
    assert "■ blocker 2m" in drawn(alerts.PANE, room(*FAMILY, blockers=(opened,)), seen=low())


def test_the_heading_counts_the_squad_in_focus() -> None:
    """As many as the pane shows; silenced ones of others are not among them."""
    of = room(*FAMILY, DISK, replace(FAR, server="am"), replace(FAR, fingerprint="q", state="suppressed"))
    focused = DrawContext(of, view(focus_squad="quay"), NOW, 118, 20)
    assert alerts.PANE.heading(focused).count == "5"


def test_a_squad_in_focus_without_alerts_does_not_speak_for_the_others() -> None:
    """The switch fires, and nothing of this squad does; that nothing fires at all is not said."""
    fires = Watchdog("am", "Watchdog", firing=True)
    seen = low(expanded=True, focus_squad="customs")
    assert "no alerts firing" not in drawn(alerts.PANE, room(DISK, watchdogs=(fires,)), seen=seen)
    assert "no alerts firing" in drawn(alerts.PANE, room(watchdogs=(fires,)), seen=seen)


def test_one_squad_in_focus_without_alerts_says_whose() -> None:
    """That others have alerts is not hidden behind a general all-clear."""
    said = drawn(alerts.PANE, room(DISK), seen=low(focus_squad="customs"))
    assert said == "no alerts of Customs"


def test_narrow_the_squad_stands_over_its_alerts() -> None:
    """Each line keeps glyph, word, name and age at the width of a third of a screen."""
    said = drawn(alerts.PANE, room(*FAMILY, DISK), seen=low(36)).splitlines()
    assert said[0] == "Quay & Berths"
    assert said[1].startswith("  ✖ critical InstanceDown ×5")
    assert said[2].startswith("unowned  A gives it")


@pytest.mark.parametrize("width", [20, 36, 58, 80, 116, 196])
@pytest.mark.parametrize("more", [{}, {"ascii": True}, {"redact": True}, {"expanded": True}, {"filter": "x"}])
def test_hostile_text_stays_text_in_every_form(width: int, more: dict[str, Any]) -> None:
    """Long names, markup, wide letters and escapes: rows keep their width and height, ages stay visible."""
    name = "[bold]\x1b[31m水\u202ex" + "very" * 60
    hostile = [
        replace(
            a,
            name=name,
            severity="[red]\x1b[2J" * 9,
            summary=name * 3,
            labels={"alertname": name, name: name},
        )
        for a in FAMILY
    ]
    silences = (replace(QUIET, comment=name, by=name), replace(BRIEF, matchers=(Matcher(name, name),)))
    dogs = (Watchdog("am", name, firing=False),)
    sources = (MAIN, replace(DOWN, error=name))
    of = room(*hostile, silences=silences, watchdogs=dogs, sources=sources)
    said = drawn(alerts.PANE, of, seen=low(width, **more))
    assert "\x1b" not in said
    assert "\u202e" not in said
    if width > 100 and not more:
        assert "41m" in said
    if more.get("ascii"):
        assert not set(said) & set("✖▲◌…×·")


def test_redacted_alerts_name_no_host_and_no_person() -> None:
    """Instances, reasons, and who silenced it, are hidden; what is wrong is not."""
    quiet = replace(FAMILY[0], state="suppressed", silenced_by=("s1",))
    where = replace(BRIEF, matchers=(Matcher("instance", "quay-9:9100"),))
    sources = (MAIN, replace(DOWN, error="http://am2.test:9093 refuses"))
    of = room(quiet, DISK, silences=(QUIET, where), sources=sources)
    said = drawn(alerts.PANE, of, seen=low(redact=True, expanded=True))
    for secret in ("quay-0", "Ada", "am2.test", "quay-9"):
        assert secret not in said
    assert "silenced until 11:00" in said


def test_ten_thousand_alerts_are_families() -> None:
    """Rows are as many as there are families, and the heading counts without looking again."""
    of = room(*(down("Flood", n, 5, squad=None) for n in range(10_000)))
    assert len(alerts.PANE.rows(of, low())) == 1
    assert heading(of) == "10000"
