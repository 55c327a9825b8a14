"""What is asked for, prefilled, understood and planned before anything is handed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from controlroom.domain.actions import Action
from controlroom.domain.decide import Refusal
from controlroom.domain.runs import Key, Run, records
from controlroom.tui.acts import verbs
from controlroom.tui.acts.fields import Field, Frame, Reading, read, rituals
from controlroom.tui.acts.memory import Memory
from controlroom.tui.acts.planning import Bench, Hand, opened, plan
from controlroom.tui.acts.prefill import draft
from controlroom.tui.acts.targets import Target, offers, target
from controlroom.tui.acts.verbs import VERBS, misplaced
from controlroom.tui.keys import ACTIONS, TRIAGE
from controlroom.tui.rows import Subject

from .rooms import BLOCKERS, ITEMS, NOW, PROGRAM, ROOM, SERVICES, changed

FRAME = Frame(NOW, PROGRAM, "Asia/Kolkata", ("Ines", "Ada", "Tomas"))


def reading(kind: str, text: str) -> Reading:
    """What `text` means in a field of that kind."""
    return read(Field("x", "x", kind), text, FRAME)  # type: ignore[arg-type]


def bench() -> Bench:
    """The room, Ines, and ids in order."""
    numbers = count(1)
    return Bench(ROOM, NOW, Hand("Ines", "harbour-1", lambda: f"id-{next(numbers)}"))


def found(subject: str, id_: str) -> Target:
    """The blocker or card with that id."""
    made = target(ROOM, Subject(subject, id_))  # type: ignore[arg-type]
    assert made is not None
    return made


def test_every_verb_is_in_the_key_table() -> None:
    """Each verb has its key; whatever the footer offers can be done."""
    keys = {action.id for action in ACTIONS if action.group == TRIAGE}
    assert set(VERBS) <= keys
    for blocker in BLOCKERS:
        assert set(offers(ROOM, Subject("blocker", blocker.id))) <= set(VERBS)


def test_a_squad_is_chosen_by_the_beginning_of_any_of_its_names() -> None:
    """Typing narrows the choices; a whole name or alias is the squad; an unknown one is said to be."""
    assert [choice.text for choice in reading("squad", "").choices] == ["Quay & Berths", "Cranes", "Customs"]
    narrowed = reading("squad", "lift")
    assert [choice.text for choice in narrowed.choices] == ["Cranes"]
    assert narrowed.pick
    assert reading("squad", "Lifting").args == {"x": "cranes"}
    assert reading("squad", "quay & berths").args == {"x": "quay"}
    unknown = reading("squad", "tugs")
    assert unknown.args == {"x": "tugs"}
    assert "X004" in unknown.said


def test_until_means_the_ritual_after_one_that_was_held_early() -> None:
    """The field says the same instant that the action will have: not today's, which is over already."""
    known = next(one for one in rituals(FRAME) if one.title == "Daily Standup")
    run = Run(Key.of(known.next), "Ines", NOW, finished_at=NOW)
    frame = FRAME._replace(records=records([run], read=True))
    (after,) = (one for one in rituals(frame) if one.title == "Daily Standup")
    assert after.next.local_date == known.next.local_date + timedelta(days=1)
    assert "Thu 09:00 CET" in read(Field("x", "x", "until"), after.letter, frame).said


def test_until_takes_a_ritual_by_letter_or_name_or_a_time() -> None:
    """Each ritual has a letter of its own; a time is shown on both clocks."""
    letters = {known.title: known.letter for known in rituals(FRAME)}
    assert len(set(letters.values())) == len(letters) == 3
    for title, letter in letters.items():
        wanted = next(ritual.id for ritual in PROGRAM.rituals if ritual.title == title)
        assert reading("until", letter).args == {"ritual": wanted}
        assert reading("until", title.lower()).args == {"ritual": wanted}
    assert "Wed 09:00 CET" in reading("until", "s").said
    narrowed = reading("until", "storm dr")
    assert narrowed.pick
    assert [choice.text for choice in narrowed.choices] == ["Storm Drill"]
    instant = reading("until", "17:30")
    assert instant.args == {"x": "2026-03-04T16:30:00Z"}
    assert "Wed 17:30 CET · Wed 22:00 IST" in instant.said
    assert reading("until", "whenever").problem


def test_a_time_on_the_wrong_side_of_now_is_said() -> None:
    """What is to come has passed, what was is still to come: shown while it is typed."""
    assert "has passed" in reading("instant", "2026-03-04 08:00").said
    assert "still to come" in reading("past", "2026-03-04 23:00").said
    assert reading("instant", "").args == {"x": ""}


def test_owners_are_suggested_and_never_put_in_anybodys_mouth() -> None:
    """Typing narrows the people; what was typed stays what it is."""
    typed = reading("person", "a")
    assert [choice.text for choice in typed.choices] == ["Ada", "Tomas"]
    assert typed.args == {"x": "a"}
    assert not typed.pick


def test_hostile_text_is_cleaned() -> None:
    """Escape sequences and newlines do not get into an argument."""
    assert reading("text", "a\x1b[31mb\nc\u202ed").args == {"x": "a[31mb cd"}


def test_a_failed_service_fills_the_form() -> None:
    """Summary, the instant it failed, who waits on whom, its runbook, and where it comes from; no owner."""
    down = next(s for s in SERVICES if s.service.id == "kafka")
    owned = replace(down, service=replace(down.service, owner="quay"))
    made = draft(changed(services=(owned,)), Subject("service", "kafka"), NOW)
    assert made.values["summary"] == "kafka DOWN: connection refused 127.0.0.1:9092"
    assert made.values["opened_at"] == "2026-03-04 08:56:30+01:00"
    assert made.notes["opened_at"] == "observed"
    assert made.values["owning_squad"] == "Cranes"
    assert made.values["blocking_squad"] == "Quay & Berths"
    assert made.values["links"] == "https://runbooks.test/kafka"
    assert made.about == "service:kafka"
    assert "owner" not in made.values


def test_gap_alert_and_card_fill_what_they_know() -> None:
    """A gap names what is missing and whose it is, an alert since when, a card itself and its squad."""
    gap = draft(ROOM, Subject("signal", "cranes/lifts_total/harbour"), NOW)
    assert gap.values["summary"].startswith("lifts_total TARGET_DOWN")
    assert gap.values["owning_squad"] == "Cranes"
    assert "blocking_squad" not in gap.values
    assert gap.about == "signal:cranes/lifts_total/harbour"
    alert = draft(ROOM, Subject("alert", "f1"), NOW)
    assert alert.values["summary"] == "KafkaAway: Kafka does not answer"
    assert alert.notes["opened_at"] == "observed"
    card = draft(ROOM, Subject("item", "i3"), NOW)
    assert card.values["item"] == "i3"
    assert card.values["owning_squad"] == "Cranes"
    assert card.values["blocking_squad"] == "Quay & Berths"


@pytest.mark.parametrize("subject", [None, Subject("wave", "one"), Subject("service", "gone")])
def test_anything_else_gives_an_empty_form(subject: Subject | None) -> None:
    """What says nothing about a blocker fills nothing in."""
    made = draft(ROOM, subject, NOW)
    assert not any(value for name, value in made.values.items() if name != "opened_at")
    assert made.about == ""


@pytest.mark.parametrize(
    ("action", "subject", "said"),
    [
        ("blocker.resolve", None, "nothing here to resolve"),
        (
            "blocker.resolve",
            Subject("service", "kafka"),
            "cannot resolve a service; n opens a blocker from it",
        ),
        ("blocker.resolve", Subject("wave", "one"), "cannot resolve a wave"),
        ("blocker.escalate", Subject("item", "i1"), "cannot escalate a card, only a blocker"),
        ("card.move", Subject("blocker", "b1"), "cannot move a blocker, only a card"),
        ("card.move", Subject("item", "step/2"), "a step of the programme"),
        ("blocker.note", Subject("blocker", "b99"), "cannot add a note to it: it is no longer there"),
        ("blocker.note", Subject("item", "i1"), ""),
    ],
)
def test_a_key_that_makes_no_sense_says_so(action: str, subject: Subject | None, said: str) -> None:
    """A few words on what is under the cursor; nothing where the verb fits."""
    why = misplaced(VERBS[action], ROOM, subject, target(ROOM, subject), "n")
    assert why.startswith(said) if said else why == ""


def test_findings_and_changes_are_acted_on_through_what_they_speak_of() -> None:
    """A lint about a card is the card, a change of a blocker is the blocker."""
    lint = target(ROOM, Subject("lint", "X008|docs/backlog.md|12||i3"))
    assert lint is not None
    assert (lint.kind, lint.id) == ("item", "i3")
    change = target(ROOM, Subject("change", "blocker_opened:b1"))
    assert change is not None
    assert (change.kind, change.id) == ("blocker", "b1")
    assert offers(ROOM, Subject("lint", "C003|docs/plan.md|1||")) == ()


def test_one_form_many_actions() -> None:
    """Each marked thing gets an action of its own; what is refused is named with its reason."""
    targets = tuple(found("blocker", id_) for id_ in ("b1", "b4", "b5"))
    made = plan(VERBS["blocker.resolve"], targets, {"mitigation": "rain stopped"}, bench(), lambda _: "")
    assert [job.target.id for job in made.jobs] == ["b1", "b5"]
    assert len({action.id for action in made.actions}) == 2
    assert all(action.args["mitigation"] == "rain stopped" for action in made.actions)
    (refused,) = made.refused
    assert refused.title == "Old story"
    assert "resolved already" in refused.refusal.reason


def test_an_escalation_assigns_the_owner_it_was_given_first() -> None:
    """Without an owner there are two actions, the second follows the first; without any it is refused."""
    nobody = (found("blocker", "b3"),)
    update = {"next_update": "2026-03-04T10:00:00Z"}
    made = plan(VERBS["blocker.escalate"], nobody, {**update, "owner": "Ada"}, bench(), lambda _: "before")
    assigned, escalated = made.actions
    assert (assigned.kind, assigned.args["owner"], assigned.expect) == ("assign", "Ada", "before")
    assert (escalated.kind, escalated.expect) == ("escalate", assigned.id)
    refused = plan(VERBS["blocker.escalate"], nobody, {**update, "owner": ""}, bench(), lambda _: "")
    assert refused.refused[0].refusal.field == "owner"
    late = plan(VERBS["blocker.escalate"], nobody, {"owner": "Ada"}, bench(), lambda _: "")
    assert late.refused[0].refusal.field == "next_update"


def test_a_new_blocker_is_refused_by_the_field_that_is_missing() -> None:
    """The rule names the field, so that it can be focused."""
    made = opened(VERBS["blocker.new"], {"summary": "Fog", "owner": ""}, bench())
    assert isinstance(made, Refusal)
    assert made.field == "owner"


def test_own_actions_count_as_seen_until_somebody_elses_is_shown() -> None:
    """Two quick keys follow one another; what another did in between is not skipped."""
    memory = Memory()
    one = Target("blocker", "b1", "One", "seen-1")
    assert memory.seen(one) == "seen-1"
    memory.acted(one, Action("mine-1", "b1", "acknowledge"))
    assert memory.seen(one) == "mine-1"
    memory.acted(one, Action("mine-2", "b1", "resolve"))
    assert memory.seen(one) == "mine-2"
    shown = one._replace(last_action="mine-1")
    assert memory.seen(shown) == "mine-2"
    theirs = one._replace(last_action="theirs")
    assert memory.seen(theirs) == "theirs"
    memory.forget("b1")
    assert memory.seen(one) == "seen-1"
    untouched = Target("item", "i1", "Card")
    assert memory.seen(untouched) == ""


def test_people_are_listed_by_how_much_they_own() -> None:
    """Whoever acts comes first, then those who own most."""
    assert verbs.people(ROOM, "Zoe")[:2] == ("Zoe", "Ada")
    assert set(verbs.people(ROOM, "Zoe")) >= {owner for item in ITEMS for owner in item.owners}
