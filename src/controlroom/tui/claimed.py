"""Cards that are claimed done, beside what is seen of their proofs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from controlroom.domain.board import Item
from controlroom.domain.snapshot import Snapshot
from controlroom.tui import present
from controlroom.tui.lines import line_width
from controlroom.tui.memo import by_identity
from controlroom.tui.rows import Line, Span, View

if TYPE_CHECKING:
    from controlroom.domain.claims import Claim

Standing = Literal["refuted", "proven", "unknown"]

LOOKS: Mapping[str, present.Look] = {
    "observed": present.Look("✓", "observed", "ok"),
    "not observed": present.Look("✖", "not observed", "warn"),
    "unknown": present.Look("?", "unknown", "unknown"),
}
"""How the state of a proof looks."""

_MARKS: Mapping[Standing, tuple[Line, ...]] = {
    "refuted": (
        (Span("claimed ", "dim"), Span("✖ not observed", "warn")),
        (Span("✖ not observed", "warn"),),
        (Span("✖ claimed", "warn"),),
        (Span("✖", "warn"),),
    ),
    "proven": ((Span("✓", "dim"),),),
    "unknown": ((Span("?", "unknown"),),),
}
"""What is said of a card that is claimed done, in fewer and fewer words."""


def of(snapshot: Snapshot, view: View) -> Mapping[str, tuple[Claim, ...]]:
    """Card → its proofs, as they are seen at the view's minute."""
    if not _named(snapshot.items):
        return {}
    return _of(snapshot, now=present.present_moment(snapshot, view))


@by_identity(keep=2)
def _named(items: tuple[Item, ...]) -> bool:
    return any(item.proof for item in items)


def seen(snapshot: Snapshot) -> tuple[Claim, ...]:
    """What is seen of every proof; the same object while nothing changed."""
    if not _named(snapshot.items):
        return ()
    from controlroom.domain.claims import claims  # a room without proofs does not pay for it

    return claims(snapshot, snapshot.taken_at or present.LONG_AGO)


@by_identity(keep=2)
def _of(snapshot: Snapshot, *, now: datetime) -> Mapping[str, tuple[Claim, ...]]:
    from controlroom.domain.claims import by_item, claims

    return by_item(claims(snapshot, now))


def standing(claims: tuple[Claim, ...]) -> Standing | None:
    """What the proofs of a done card say together; None where it names none or is not done."""
    if not claims or not claims[0].done:
        return None
    if any(claim.refuted for claim in claims):
        return "refuted"
    return "proven" if all(claim.state == "observed" for claim in claims) else "unknown"


def mark(claims: tuple[Claim, ...], room: int) -> Line:
    """``claimed ✖ not observed`` in at most `room` cells, a quiet ``✓`` where all is observed."""
    found = standing(claims)
    forms = _MARKS[found] if found is not None else ()
    return next((form for form in forms if line_width(form) <= room), forms[-1] if forms else ())
