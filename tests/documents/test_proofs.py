"""What documents name as the proof of a card."""

from __future__ import annotations

import pytest

from controlroom.documents.proofs import MOST, proofs
from controlroom.documents.read import read


@pytest.mark.parametrize(
    "header", ["Proof", "Proofs", "Evidence", "Verified by", "**Proven by**", "Proof (metric)"]
)
def test_a_column_of_proofs(header: str) -> None:
    """Known by what its header means; it is no further column any more."""
    text = f"# Backlog\n| Epic | Status | {header} |\n|-|-|-|\n| Horn | done | `horn_total` |\n"
    (item,) = read(text, "backlog.md").items
    assert (item.proof, item.extra) == (("horn_total",), {})


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ("horn_total", ("horn_total",)),
        ("`horn_total`, `lamp_total`", ("horn_total", "lamp_total")),
        ("horn_total, lamp_total; buoy", ("horn_total", "lamp_total", "buoy")),
        ("horn_total and lamp_total", ("horn_total", "lamp_total")),
        ("horn_total<br>lamp_total", ("horn_total", "lamp_total")),
        ("see `horn_total` on the board", ("horn_total",)),
        ("topic `horn.blown`, service: `redis`", ("topic horn.blown", "service redis")),
        ("[a test](x.md)", ("a test",)),
        ("tests/test_horn.py::test_loud", ("tests/test_horn.py::test_loud",)),
        ("`horn_total`, `horn_total`", ("horn_total",)),
        ("", ()),
        ("—", ()),
        ("n/a", ()),
        ("TBD", ()),
    ],
)
def test_names_in_a_cell(cell: str, named: tuple[str, ...]) -> None:
    """Between commas, or in back-ticks where there are any; a dash is none."""
    assert proofs(cell) == named


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("loud (proof: `horn_total`)", ("horn_total",)),
        (
            "**Proof**: `horn_total`, topic `horn.blown` and `redis`; more `other`",
            ("horn_total", "topic horn.blown", "redis"),
        ),
        ("Evidence = `horn_total`. Then `other`", ("horn_total",)),
        ("verified by `test_horn.py::test_loud`", ("test_horn.py::test_loud",)),
        ("the proof is in the pudding", ()),
        ("proof: of course", ()),
        ("waterproof: `paint`", ()),
        ("`horn_total` is loud", ()),
    ],
)
def test_names_in_the_text_of_a_card(text: str, named: tuple[str, ...]) -> None:
    """Only what is in back-ticks right after the word: prose is never taken for a name."""
    assert proofs("", text) == named


def test_cards_of_every_shape() -> None:
    """In a table's notes, in an entry of a list and in what stands below it."""
    table = "# Backlog\n| Epic | Notes | Status |\n|-|-|-|\n| Horn | proof: `horn_total` | done |\n"
    (item,) = read(table, "backlog.md").items
    assert item.proof == ("horn_total",)
    entries = (
        "# Backlog\n\n## Sprint 7\n- [x] **Bell** — Owner: Mara — proof: `bell_total`\n"
        "  - evidence: service `deep`\n- [x] **Lamp** — Owner: Mara\n"
    )
    bell, lamp = read(entries, "backlog.md").items
    assert (bell.proof, lamp.proof) == (("bell_total", "service deep"), ())


def test_hostile_cells_stay_small() -> None:
    """Marks without an end, and thousands of names, cost nothing."""
    assert proofs("`" * 20_000) == proofs("`" * 20_000, "proof: " + "`" * 20_000)
    assert len(proofs(", ".join(f"m{n}" for n in range(5_000)))) == MOST
    assert "\x1b" not in "".join(proofs("\x1b[31mhorn_total\u202e, `\x1b[0mlamp_total`"))
    assert proofs("", "proof: " + "`a`, " * 5_000)[:1] == ("a",)
