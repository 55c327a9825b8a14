"""`lint` and `blockers`: order, places, ages, exit codes."""

from __future__ import annotations

import datetime as dt

import pytest

from controlroom.domain.ledger import Ledger
from controlroom.domain.lints import Lint
from controlroom.domain.program import Program
from controlroom.domain.ranking import ranked
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker
from controlroom.headless import blockers, lint

NOW = dt.datetime(2031, 5, 6, 8, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("found", "place"),
    [
        (Lint("X", "m", path="plan.md", line=7), "plan.md:7"),
        (Lint("X", "m", path="a.json", pointer="/items/0"), "a.json#/items/0"),
        (Lint("X", "m", pointer="/items/0"), "#/items/0"),
        (Lint("X", "m"), "-"),
    ],
)
def test_the_place_to_mend_it(found: Lint, place: str) -> None:
    """File and line, else file and pointer, as far as they are known."""
    assert lint.place(found) == place


def test_lint_exit_codes() -> None:
    """Only an error asks for attention."""
    assert lint.exit_code([Lint("X008", "m")]) == 0
    assert lint.exit_code([Lint("X008", "m"), Lint("X010", "m", "error")]) == 1
    assert lint.as_text([Lint("X008", "m"), Lint("X010", "m", "error")]).endswith("1 error, 1 warning\n")


def test_what_hurts_most_comes_first() -> None:
    """Breaches by age, then what is due, then what has no opening time; resolved ones last."""
    listed = (
        Blocker("young", "a", opened_at=NOW - HOUR),
        Blocker("undated", "b", first_seen=NOW - 90 * HOUR),
        Blocker("over", "c", opened_at=NOW - 5 * HOUR),
        Blocker("done", "d", opened_at=NOW - 50 * HOUR, state="resolved"),
        Blocker("worst", "e", opened_at=NOW - 30 * HOUR),
        Blocker("due", "f", opened_at=NOW - 3 * HOUR),
    )
    order = [blocker.id for blocker in ranked(listed, NOW)]
    assert order == ["worst", "over", "due", "undated", "young", "done"]


@pytest.mark.parametrize(
    ("blocker", "text"),
    [
        (Blocker("b", "s", opened_at=NOW - 4 * HOUR), "4h 00m due soon"),
        (Blocker("b", "s", opened_at=NOW - 4 * HOUR - dt.timedelta(seconds=1)), "4h 00m BREACH"),
        (Blocker("b", "s", opened_at=NOW - 9 * HOUR, state="resolved"), "9h 00m"),
        (Blocker("b", "s", opened_at=NOW - HOUR), "1h 00m"),
        (Blocker("b", "s", first_seen=NOW - 26 * HOUR), "≥ 1d 02h"),
        (Blocker("b", "s"), "age ?"),
    ],
)
def test_ages(blocker: Blocker, text: str) -> None:
    """Exactly four hours is no breach; a lower bound says so; the unknown is a question mark."""
    assert blockers.age_text(blocker, NOW) == text


def test_the_shape_of_blockers() -> None:
    """The keys scripts rely on."""
    listed = (Blocker("b", "No paper", owning_squad="ink", blocking_squad="mill", opened_at=NOW - 5 * HOUR),)
    document = blockers.as_json(Snapshot(Program(), blockers=listed), NOW)
    (entry,) = document["blockers"]
    assert document["rev"] is None, "the log was not read"
    assert blockers.as_json(Snapshot(Program(), ledger=Ledger(7)), NOW)["rev"] == 7
    assert (entry["age_s"], entry["sla"], entry["state"], entry["last_action"]) == (
        18_000,
        "breach",
        "open",
        None,
    )
    assert (entry["owner"], entry["opened_at"]) == (None, "2031-05-06T03:00:00Z")
    assert blockers.exit_code(Snapshot(Program(), blockers=listed), NOW) == 1
