"""What each key of a standup does to it, and which of them are for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from controlroom.domain.runs import Run, Segment
from controlroom.tui.standup import begins, capture, course

if TYPE_CHECKING:
    from controlroom.tui.standup.mode import Mode

STEP = 30
"""Seconds that one key adds to a part."""


def driver_keys(run: Run) -> tuple[list[str], list[str]]:
    """What is needed in every standup, and what may be; the likeliest first."""
    last = course.following(run) is None
    squad = run.segment is not None and run.segment.kind == "squad"
    needed = [
        "standup.finish" if last else "standup.next",
        *(("standup.skip",) if squad else ()),
        *("standup.pause", "standup.decision", "standup.task"),
        *(() if last else ("standup.finish",)),
    ]
    return needed, [
        "standup.extend",
        *(("standup.previous",) if run.place else ()),
        "standup.blocker",
        "standup.note",
        "standup.park",
        "standup.hand_over",
    ]


def guest_keys() -> list[str]:
    """What is offered to whoever does not drive."""
    return [
        *("standup.decision", "standup.task", "standup.note", "standup.park", "standup.blocker"),
        "standup.hand_over",
    ]


def _next(mode: Mode, run: Run) -> None:
    """The next part; blockers that need a decision are not passed."""
    to = course.following(run)
    if to is None:
        mode.app.say(f"this is the last part: {mode.app.key_of('standup.finish')} finishes", "warn")
    elif not mode.stopped(run, course.passes_blockers(run, to)):
        mode.move("enter", to=to.id)


def _previous(mode: Mode, run: Run) -> None:
    """The part before."""
    to = course.before(run)
    if to is None:
        mode.app.say("this is the first part", "warn")
    else:
        mode.move("enter", to=to.id)


def _pause(mode: Mode, run: Run) -> None:
    """Stop the clock, or let it go on."""
    mode.move("continue" if run.paused_at else "pause")


def _extend(mode: Mode, run: Run) -> None:
    """More time for this part."""
    if run.segment is not None:
        mode.move("extend", segment=run.segment.id, seconds=STEP)


def _skip(mode: Mode, run: Run) -> None:
    """Pass this squad over, and go on."""
    segment, to = run.segment, course.following(run)
    if segment is None or segment.kind != "squad":
        key = mode.app.key_of("standup.next")
        mode.app.say(f"only a squad is passed over: {key} goes to the next part", "warn")
    elif to is None or not mode.stopped(run, course.passes_blockers(run, to)):
        mode.consented_first(lambda: _pass_over(mode, segment, to))


def _pass_over(mode: Mode, segment: Segment, to: Segment | None) -> None:
    if mode.move("skip", segment=segment.id) and to is not None:
        mode.move("enter", to=to.id)


OF_DRIVER = frozenset({"next", "previous", "pause", "extend", "skip", "finish"})
"""What only the driver does."""

DOES: Mapping[str, Callable[[Mode, Run], None]] = {
    "next": _next,
    "previous": _previous,
    "pause": _pause,
    "extend": _extend,
    "skip": _skip,
    "blocker": lambda mode, run: mode.app.acting.begin("blocker.new"),
    "decision": lambda mode, run: capture.ask(mode, run, "decision"),
    "task": lambda mode, run: capture.ask(mode, run, "task"),
    "note": lambda mode, run: capture.ask(mode, run, "note"),
    "park": lambda mode, run: capture.ask(mode, run, "park"),
    "hand_over": capture.hand_over,
    "finish": begins.finish,
}
"""By the verb of the key's action."""
