"""What the escalation channel is told: plain facts, the same for the same room, and nothing that shouts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.actions import Action, Entry, Outcome
from controlroom.domain.board import Item, Squad
from controlroom.domain.health import ServiceState
from controlroom.domain.ledger import Ledger
from controlroom.domain.program import Milestone, Program
from controlroom.domain.services import Health, Service
from controlroom.domain.snapshot import OutboxSeen, Snapshot
from controlroom.domain.triage import Blocker
from controlroom.reports.escalation import text

NOW = datetime(2031, 5, 6, 16, 12, tzinfo=UTC)
LISBON = "Europe/Lisbon"
PROGRAM = Program(
    title="Orchard",
    zone=LISBON,
    squads=(
        Squad("press", "Press & Vats", ("Vats",)),
        Squad("pickers", "Pickers"),
        Squad("carts", "Carts"),
        Squad("shop", "Shop"),
    ),
    milestones=(Milestone("m1", "First cider"),),
)
BLOCKER = Blocker(
    id="b-0123456789",
    summary="No apples arrive",
    item="sprint-1/press",
    owner="Ada",
    owning_squad="press",
    blocking_squad="pickers",
    state="escalated",
    opened_at=NOW - timedelta(hours=4, minutes=12),
    opened_by="Kai",
    escalated_at=NOW,
    next_update_due=NOW + timedelta(minutes=48),
    links=("https://orchard.example/1",),
)
ROOM = Snapshot(PROGRAM, items=(Item("sprint-1/press", "Press", "press"),), blockers=(BLOCKER,))


def note(number: int, said: str, kind: str = "note", **args: str) -> Entry:
    name = "mitigation" if kind == "resolve" else "text"
    at = NOW - timedelta(hours=4) + timedelta(minutes=number)
    args = args or {name: said}
    return Entry(number, Action(f"a{number}", BLOCKER.id, kind, args, "Kai", "h", at))


def noted(*entries: Entry, queued: tuple[Entry, ...] = ()) -> Snapshot:
    outbox = OutboxSeen(tuple(Outcome("queued", entry.action) for entry in queued))
    return replace(ROOM, ledger=Ledger().after(entries), outbox=outbox)


def lines(blocker: Blocker = BLOCKER, room: Snapshot = ROOM, channel: str = "") -> list[str]:
    return text(blocker, room, NOW, channel).splitlines()


def test_the_whole_text() -> None:
    """What, who waits on whom, owner, age, the four hours, the next update and links, each on its line."""
    assert text(BLOCKER, ROOM, NOW, "#cellar") == (
        "Escalation for #cellar: No apples arrive\n"
        "Programme: Orchard\n"
        "Holds up: Press (sprint-1/press)\n"
        "Who waits: Press & Vats waits on Pickers\n"
        "Owner: Ada\n"
        "Open since: Tue 2031-05-06 13:00 WEST (2031-05-06 12:00 UTC), 4h 12m ago by Kai\n"
        "State: escalated since Tue 2031-05-06 17:12 WEST (2031-05-06 16:12 UTC)\n"
        "SLA: BREACH, 12m over; the limit of 4 h is Tue 2031-05-06 17:00 WEST (2031-05-06 16:00 UTC)\n"
        "Next update: Tue 2031-05-06 18:00 WEST (2031-05-06 17:00 UTC), in 48m\n"
        "Link: https://orchard.example/1\n"
        "Id: b-0123456789\n"
    )


def test_the_four_hours_are_hours() -> None:
    """Across the night the clocks change, age and limit are counted in instants."""
    opened = datetime(2031, 10, 25, 23, 0, tzinfo=UTC)  # 00:00 summer time; at 02:00 it is 01:00 again
    program = replace(PROGRAM, title="")
    said = text(
        replace(BLOCKER, opened_at=opened), replace(ROOM, program=program), opened + timedelta(hours=4)
    )
    assert "Open since: Sun 2031-10-26 00:00 WEST (2031-10-25 23:00 UTC), 4h 00m ago" in said
    assert (
        "SLA: due soon, 0s left; the limit of 4 h is Sun 2031-10-26 03:00 WET (2031-10-26 03:00 UTC)" in said
    )


def test_what_nobody_declared_is_said_to_be_missing() -> None:
    """No owner, no squads, no time: said, never made up."""
    bare = Blocker("x", "", first_seen=NOW - timedelta(days=2))
    said = lines(bare)
    assert said[0] == "Escalation: no summary"
    assert "Who waits: nobody said which squad waits on which" in said
    assert "Owner: nobody is named" in said
    least = "Open since: nobody wrote when, at least since Sun 2031-05-04"
    assert any(line.startswith(least) for line in said)
    assert "State: not acknowledged" in said
    assert "SLA: unknown, as the four hours count from the opening" in said
    assert "Next update: no time is named" in said
    one_sided = replace(BLOCKER, blocking_squad=None)
    assert "Who waits: Press & Vats waits on a squad that nobody named" in lines(one_sided)


def test_states() -> None:
    """Acknowledged by whom, snoozed until when, over since when; an update that is late is overdue."""
    assert "State: acknowledged by Noor" in lines(
        replace(BLOCKER, state="acknowledged", acknowledged_by="Noor")
    )
    snoozed = replace(BLOCKER, state="snoozed", snoozed_until=NOW + timedelta(hours=1))
    assert any(line.startswith("State: snoozed until Tue 2031-05-06 18:12 WEST") for line in lines(snoozed))
    over = lines(replace(BLOCKER, state="resolved", resolved_at=NOW))
    assert any(line.startswith("State: resolved since") for line in over)
    assert not any(line.startswith("SLA") for line in over)
    late = lines(replace(BLOCKER, next_update_due=NOW - timedelta(minutes=5)))
    assert any(line.endswith("5m overdue") for line in late if line.startswith("Next update"))


def test_the_last_three_notes() -> None:
    """What was tried, who said it and when; older ones are counted, undone ones are gone."""
    room = noted(
        note(1, "called the farm"),
        note(2, "wrong"),
        note(3, "", "undo", undoes="a2"),
        note(4, "sent a cart"),
        note(5, "borrowed pears", "resolve"),
        note(6, "somebody else", "assign", owner="Noor"),
        queued=(note(7, "asked the neighbour"),),
    )
    said = lines(room=room)
    at = said.index("Tried and noted:")
    assert said[at + 1 : at + 5] == [
        "- 1 earlier",
        "- Tue 2031-05-06 13:16 WEST, Kai: sent a cart",
        "- Tue 2031-05-06 13:17 WEST, Kai: borrowed pears",
        "- Tue 2031-05-06 13:19 WEST, Kai: asked the neighbour",
    ]


def test_a_note_that_is_on_its_way_and_in_the_log_is_told_once() -> None:
    """What was committed a moment ago may still be in the outbox."""
    one = note(1, "called the farm")
    assert sum("called the farm" in line for line in lines(room=noted(one, queued=(one,)))) == 1


def test_who_waits_behind_it() -> None:
    """Squads that wait on the one that is held up, directly and through each other, nearest first."""
    room = replace(
        ROOM,
        items=(
            *ROOM.items,
            Item("i1", "Bottles", "shop", status="in_progress", owning_squad="shop", blocking_squad="carts"),
            Item("i2", "Wheels", "carts", status="in_progress", owning_squad="carts", blocking_squad="press"),
            Item("i3", "Old", "pickers", status="done", owning_squad="pickers", blocking_squad="press"),
        ),
    )
    assert "Held up behind it: Carts, Shop" in lines(room=room)


def test_what_it_was_opened_from() -> None:
    """A blocker about a service names its state, who needs it, what is at stake and the runbook."""
    service = Service(
        "well", "tcp", "Well", squads=("press",), milestones=("m1", "Harvest"), runbook="docs/well.md"
    )
    room = replace(ROOM, services=(ServiceState(service, Health.DOWN, reason="connection refused"),))
    said = lines(replace(BLOCKER, about="service:well"), room)
    assert "Service: Well is down, connection refused" in said
    assert "Squads that need it: Press & Vats" in said
    assert "Milestones at stake: First cider; Harvest" in said
    assert "Runbook: docs/well.md" in said


@pytest.mark.parametrize("call", ["@channel", "@here", "@Everyone", "x, @HERE!", "(@all)"])
def test_nobody_is_called_together(call: str) -> None:
    """What somebody wrote into a blocker does not wake a whole channel, wherever it stands."""
    blocker = replace(
        BLOCKER,
        summary=call,
        text=f"t {call}",
        owner=call,
        links=(call,),
        blocking_squad=call,
        opened_by=call,
    )
    told = text(blocker, noted(note(1, call)), NOW, call)
    assert "@ " in told
    assert not any(f"@{name}" in told.casefold() for name in ("channel", "here", "everyone", "all"))


def test_an_address_stays_one() -> None:
    """Only what calls a channel is taken apart: mail addresses and people are not."""
    said = lines(replace(BLOCKER, summary="ask kai@here.example or @noor"))[0]
    assert said == "Escalation: ask kai@here.example or @noor"


HOSTILE = st.text(max_size=40) | st.sampled_from(
    ["\x1b[31m", "a\nOwner: Eve", "\u202e", "\r\nb", "<!channel>"]
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_foreign_text_is_one_fact_on_one_line(summary: str, owner: str, said: str) -> None:
    """Nothing that was written makes a line of its own, or anything but text."""
    blocker = replace(BLOCKER, summary=summary, owner=owner, text=said, links=(said,))
    told = text(blocker, noted(note(1, said)), NOW, "#cellar")
    starts = (
        *("Escalation", "Programme", "What", "Holds up", "Who waits", "Owner", "Open since", "State", "SLA"),
        *("Next update", "Tried and noted", "- Tue", "Link", "Id"),
    )
    assert told.endswith("\n")
    assert all(line.startswith(starts) for line in told.removesuffix("\n").split("\n"))
    assert sum(line.startswith("Owner") for line in told.split("\n")) == 1
    assert all(c == "\n" or c.isprintable() or c in "\u200d\u200c\ufe0f\ufe0e" for c in told)


def test_it_is_the_same_every_time() -> None:
    """The same room at the same time is told in the same words, whatever the machine's zone is."""
    elsewhere = replace(BLOCKER, opened_at=BLOCKER.opened_at.astimezone(ZoneInfo("Asia/Kolkata")))  # type: ignore[union-attr]
    assert text(elsewhere, ROOM, NOW, "#c") == text(BLOCKER, ROOM, NOW, "#c")


def test_long_lists_are_counted() -> None:
    """More than a screen of links helps nobody: the rest are counted."""
    said = lines(replace(BLOCKER, links=tuple(f"l{n}" for n in range(20))))
    assert [line for line in said if line.startswith("Link")][-1] == "Link: and 12 more"
