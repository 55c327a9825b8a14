"""What is kept from one snapshot to the next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from controlroom.tui.memo import Kept


def test_every_thread_keeps_its_own() -> None:
    """A picture that is drawn in a thread does not come between two snapshots of the room."""
    kept: Kept[list[str]] = Kept(list)
    kept.use(lambda mine: mine.append("room"))
    with ThreadPoolExecutor(1) as beside:
        assert beside.submit(kept.use, lambda mine: [*mine]).result() == []
    assert kept.use(lambda mine: [*mine]) == ["room"]


def test_half_a_change_does_not_stay() -> None:
    """What failed on the way is made anew, and the failure is told."""
    kept: Kept[list[str]] = Kept(list)

    def fails(mine: list[str]) -> None:
        mine.append("half")
        raise ValueError("half a change")

    with pytest.raises(ValueError, match="half a change"):
        kept.use(fails)
    assert kept.use(lambda mine: [*mine]) == []
