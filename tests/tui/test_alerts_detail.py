"""Details of alerts, families, silences and dead-man's switches, and what they say to do next."""

from __future__ import annotations

from dataclasses import replace

from controlroom.domain.alerts import Watchdog
from controlroom.domain.snapshot import Snapshot
from controlroom.tui.detail import Detail, describe
from controlroom.tui.panes import alerts
from controlroom.tui.rows import Subject
from tests.tui.rooms import NOW, ago, drawn, view
from tests.tui.test_alerts_pane import BRIEF, DISK, DOWN, FAMILY, FAR, MAIN, QUIET, low, room

ONE = Subject("alert", "InstanceDown0")
ALL = Subject("family", "quay|InstanceDown")


def told(of: Snapshot, subject: Subject, **more: object) -> Detail:
    """The detail, seen by somebody who may act."""
    seen = replace(view(assigns="A"), **more)  # type: ignore[arg-type]
    return describe(of, subject, NOW, seen)


def test_an_alert_tells_everything_and_what_to_do() -> None:
    """Severity, owner with the reason, siblings, labels, runbook first, where it comes from, next step."""
    first = replace(
        FAMILY[0],
        because="the rule job = node",
        generator="http://prom.test/graph?g0.expr=up",
        annotations={"runbook_url": "https://runbooks.test/down", "summary": "does not answer"},
    )
    found = told(room(first, *FAMILY[1:]), ONE)
    for part in (
        "✖ critical",
        "firing",
        "Quay & Berths  by the rule job = node",
        "Others of this name (4)",
        "quay-4:9100",
        "job  node",
        "follow its runbook",
        "M silences it",
    ):
        assert part in found.plain
    assert [link.label for link in found.links] == ["runbook", "where it comes from"]


def test_an_unowned_alert_says_why_and_how_to_give_it_to_a_squad() -> None:
    """No label, or one that names nobody: each is its own reason."""
    found = told(room(DISK), Subject("alert", "disk"))
    assert "unowned: it has no squad or team label, and no rule maps it" in found.plain
    assert "A writes a rule for [[alertmanagers.rules]]" in found.plain
    odd = replace(DISK, labels={"team": "nobody"})
    assert (
        "no squad is called as its label says (team = nobody)"
        in told(room(odd), Subject("alert", "disk")).plain
    )


def test_read_only_says_no_key_that_acts() -> None:
    """The facts stay, the actions are not spoken of."""
    quiet = replace(FAMILY[0], state="suppressed", silenced_by=("s1",))
    of = room(DISK, quiet, *FAMILY[1:], silences=(QUIET, BRIEF))
    subjects = (Subject("alert", "disk"), ONE, ALL, Subject("silence", "soon"), Subject("silence", "s1"))
    for subject in subjects:
        said = told(of, subject, assigns="").plain
        for offer in ("M silences", "M ends", "A writes", "n opens"):
            assert offer not in said


def test_a_silenced_alert_names_who_why_until_and_for_what() -> None:
    """All of the silence stands in the detail; one whose author is not known is still said."""
    quiet = replace(FAMILY[0], state="suppressed", silenced_by=("s1",))
    said = told(room(quiet, silences=(QUIET,)), ONE).plain
    for part in (
        "silenced",
        "crane is mended",
        "Ada",
        "11:00 · in 2h",
        'alertname="InstanceDown"',
        "1 matches",
    ):
        assert part in said
    assert "M ends its silence" in said
    assert "s1: who set it is not known here" in told(room(quiet), ONE).plain


def test_a_family_lists_its_alerts_and_what_they_share() -> None:
    """Worst first, what fires before what is quiet; labels that differ are not shared ones."""
    quiet = replace(FAMILY[0], state="suppressed", silenced_by=("s1",))
    found = told(room(quiet, *FAMILY[1:], silences=(QUIET,)), ALL)
    assert found.title == "InstanceDown ×5"
    assert "4 firing · 1 silenced" in found.plain
    lines = found.plain.splitlines()
    alerts = [line for line in lines if "quay-" in line]
    assert "quay-0" in alerts[-1]
    assert "silenced until 11:00 by Ada" in alerts[-1]
    shared = found.plain[found.plain.index("Labels they share") :]
    assert "job  node" in shared
    assert "instance" not in shared


def test_an_alert_of_a_blind_alertmanager_is_not_said_to_fire() -> None:
    """Known as of then, unknown now; and nothing is offered that cannot be done."""
    said = told(room(FAR, sources=(MAIN, DOWN)), Subject("alert", "far")).plain
    assert "? unknown; it was firing" in said
    assert "known as of" in said
    assert "connection refused" in said
    assert "bring Alertmanager back first" in said
    assert "M silences" not in said


def test_silences_that_end_soon_are_listed_with_who_and_why() -> None:
    """The line in the pane opens this; each has its number, by which it can be ended."""
    second = replace(QUIET, id="s3", ends_at=ago(-40))
    said = told(room(DISK, silences=(QUIET, BRIEF, second)), Subject("silence", "soon")).plain
    assert said.index('1  job=~"tide|ebb"') < said.index("2  InstanceDown")
    assert "Ines" in said
    assert "nobody wrote why" in said
    assert "in 2h" not in said


def test_a_silence_that_ends_within_the_minute_is_still_to_end() -> None:
    """Not ended no time ago: its last seconds are counted, in the pane and when it is opened."""
    last = replace(QUIET, ends_at=ago(-0.5))
    of = room(DISK, silences=(last,))
    said = told(of, Subject("silence", "s1")).plain
    assert "· in 30s" in said
    assert "ago" not in next(one for one in said.splitlines() if one.startswith("until"))
    assert "InstanceDown in 30s" in drawn(alerts.PANE, of, seen=low())


def test_what_a_silence_of_a_blind_alertmanager_matches_is_not_known() -> None:
    """Alerts that nobody can ask for are not counted as none."""
    far = replace(QUIET, server="am2")
    said = told(room(silences=(far,), sources=(MAIN, DOWN)), Subject("silence", "s1")).plain
    assert "known alerts  ? unknown: its Alertmanager does not answer" in said


def test_a_silence_that_silences_nothing_says_so() -> None:
    """It may be over what it was for."""
    assert "nothing is silenced by it now" in told(room(silences=(QUIET,)), Subject("silence", "s1")).plain
    assert "it has ended" in told(room(), Subject("silence", "s1")).plain


def test_a_watchdog_says_what_it_is_and_what_to_ask() -> None:
    """Firing, not firing, silenced, unknown: four different things."""
    dog = Watchdog("am", "Watchdog", firing=False, seen_at=ago(20))
    subject = Subject("watchdog", "am")
    said = told(room(watchdogs=(dog,)), subject).plain
    assert "✖ Watchdog of am does not fire" in said
    assert "08:39" in said
    assert "reaches this Alertmanager" in said
    fires = replace(dog, firing=True)
    assert "● fires, as it must" in told(room(watchdogs=(fires,)), subject).plain
    unread = replace(room(watchdogs=(dog,)), restored=True)
    assert "? unknown" in told(unread, subject).plain
    quiet = replace(fires, silenced=True)
    assert "does not hear it" in told(room(watchdogs=(quiet,)), subject).plain
    blind = replace(DOWN, id="alerts:am")
    assert "? unknown" in told(room(watchdogs=(fires,), sources=(blind,)), subject).plain


def test_redacted_details_hide_hosts_and_people() -> None:
    """Also in matchers, links and reasons."""
    quiet = replace(
        FAMILY[0],
        state="suppressed",
        silenced_by=("s1",),
        generator="http://prom.test/graph",
        because="the rule instance = quay-0:9100",
    )
    of = room(quiet, *FAMILY[1:], silences=(QUIET,))
    for subject in (ONE, ALL, Subject("silence", "s1")):
        said = told(of, subject, redact=True).plain
        for secret in ("quay-0", "prom.test", "Ada"):
            assert secret not in said


def test_what_no_longer_fires_is_said_to_be_gone() -> None:
    """An open detail stays true."""
    assert "does not fire any more" in told(room(), ONE).plain
    assert "none of them fires" in told(room(), ALL).plain
