"""Looking back: the whole screen as it was at a moment that was kept, framed PAST, nothing to do there.

A press goes back ten seconds. Who keeps pressing goes farther at a time: a minute, ten minutes, an hour.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from controlroom.tui import present
from controlroom.tui.keys import ACTIONS, CHANGING, Action, Where, shown
from controlroom.tui.layout import Plan
from controlroom.tui.rows import Line, Span
from controlroom.tui.standup.standing import StandingUp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controlroom.domain.past import Moment
    from controlroom.tui.port import Past
    from controlroom.tui.screens.room import RoomScreen

STEPS = (
    (timedelta(seconds=1.5), timedelta(seconds=10)),
    (timedelta(seconds=3), timedelta(minutes=1)),
    (timedelta(seconds=4.5), timedelta(minutes=10)),
)
"""For how long somebody has kept pressing, and how far a press goes until then."""

FARTHEST = timedelta(hours=1)
"""How far a press goes after that."""

TOGETHER = timedelta(seconds=1)
"""Presses closer than this belong together."""

NOT_THERE = frozenset(
    {
        *("sources.poll", "screen.freeze", "notices.show"),
        *(action.id for action in ACTIONS if action.group in CHANGING),
    }
)
"""What cannot be done in the past: whatever changes something, and what means or shows the present only."""

LONG = 12.0


class Backwards(StandingUp):
    """The part of the room's screen that looks back. What it shows then is held, as a frozen screen is."""

    _pressing: tuple[datetime, datetime] | None = None
    """Since when somebody keeps pressing, and when they last did."""
    _looking = False
    _look_number = 0
    """Counts what was asked for: an answer to what nobody waits for any more shows nothing."""
    _again: int = 0
    """The way somebody pressed to while the last press was still being answered."""
    _trouble = ""

    @property
    def past(self) -> Moment | None:
        """The moment that is shown; None: the present is."""
        return None if self.frozen is None else self.frozen.moment

    def begin_in_past(self, moment: Moment) -> None:
        """Take the moment that the room is opened at, before anything is shown."""
        self._hold(moment)

    # What the past keeps from happening

    def refuses(self, action: str) -> bool:
        """Whether `action` cannot be done because the past is shown; says so."""
        if self.past is None or action not in NOT_THERE:
            return False
        self.room_app.say(f"this is the past: {self._way_back()}", "warn")
        return True

    def _way_back(self) -> str:
        if self._opened_there:
            return "nothing can be done here"
        keys = (
            self.room_app.keymap.action("view.back").keys or self.room_app.keymap.action("past.forward").keys
        )
        return f"{shown(keys[0], plain=self.room_app.plain)} comes back" if keys else "nothing changes it"

    @property
    def _opened_there(self) -> bool:
        """Whether the room was opened in the past, and has no present."""
        return self.room_app.options.past is not None

    @property
    def in_standup(self) -> bool:
        """The past has none: it shows the room."""
        return self.past is None and super().in_standup

    @property
    def where(self) -> tuple[Where, ...]:
        """The keys of a standup are for the present."""
        return super().where if self.past is None else super(StandingUp, self).where

    @property
    def standing(self) -> Plan:
        """The panes stand as in the view, not as in a standup that goes on meanwhile."""
        return super().standing if self.past is None else super(StandingUp, self).standing

    @property
    def names(self) -> list[str]:
        """The panes of the view."""
        return super().names if self.past is None else super(StandingUp, self).names

    def heed(self) -> None:
        """Nothing that is new moves the past; that it is not kept is said once."""
        if self.past is None:
            super().heed()
        else:
            super(StandingUp, self).heed()
        trouble = "" if self._kept is None else self._kept.trouble
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble:
                self.room_app.say(trouble, "warn", LONG)

    def offered_there(self) -> list[Action]:
        """The actions of the footer while the past is shown."""
        app = self.room_app
        ways = [app.keymap.action("past.back"), app.keymap.action("past.forward")]
        if not self._opened_there:
            ways.append(app.keymap.action("view.back")._replace(label="now"))
        first = [action._replace(show_in_footer=True) for action in ways]
        return [*first, *(action for action in app.room_actions if action.id not in NOT_THERE)]

    def said_there(self) -> Line:
        """What the footer says on its right while the past is shown."""
        pressing = self._pressing
        kept_up = pressing is not None and self.room_app.room.clock() - pressing[1] <= TOGETHER
        step = present.age((self._far() if kept_up else STEPS[0][1]).total_seconds())
        return (Span(" PAST ", "badge-warn"), Span(f" {step} a press, held: more", "warn"))

    # Going there

    def do_past_back(self) -> None:
        """A moment earlier."""
        self._press(-1)

    def do_past_forward(self) -> None:
        """A moment later, or now."""
        if self.past is None:
            self.say("this is now: nothing comes after it yet")
        else:
            self._press(1)

    def do_past_now(self) -> None:
        """Show what is now."""
        if self.past is None:
            return
        if self._opened_there:
            self.say("this room was opened in the past: it shows nothing else", "warn")
            return
        self.frozen = None
        self._pressing = None
        self._forget_look()
        self._return()
        self.say("back to now")

    def do_past_go(self) -> None:
        """Ask for a time, and go there."""
        from controlroom.domain.instants import parse
        from controlroom.tui.acts.fields import Field, Form, Frame
        from controlroom.tui.screens.form import Fault, FormScreen

        app = self.room_app
        if self._kept is None:
            self._nothing()
            return
        asked: list[datetime] = []

        def check(args: Mapping[str, Any]) -> Fault | None:
            if not args.get("at"):
                return Fault("at", "say when: 08:47, 20m ago, yesterday 17:30")
            at = parse(str(args["at"]))
            if at > app.room.clock():
                return Fault("at", "that is still to come")
            asked[:] = [at]
            return None

        def frame() -> Frame:
            program = self._screen.scene().snapshot.program
            return Frame(app.room.clock(), program, app.options.viewer_zone)

        form = Form("Show the room as it was", (Field("at", "at", "past"),))

        def done(result: str | None) -> None:
            if result is not None and asked and self._kept is not None:
                self._look(self._kept.at(asked[0]), asked[0])

        app.push_screen(FormScreen(form, frame, check, "go there"), done)

    @property
    def _screen(self) -> RoomScreen:
        return cast("RoomScreen", self)

    @property
    def _kept(self) -> Past | None:
        return self.room_app.room.past

    def _nothing(self) -> None:
        why = "a room whose clock is set has none" if self.room_app.options.clock_set else "none is kept here"
        self.say(f"there is no past to look at: {why}", "warn")

    def _press(self, way: int) -> None:
        """Go one press back or on, or remember that somebody wants to while the last one is answered."""
        kept = self._kept
        if kept is None:
            self._nothing()
            return
        now = self.room_app.room.clock()
        pressing = self._pressing
        together = pressing is not None and abs(now - pressing[1]) <= TOGETHER
        self._pressing = (pressing[0], now) if pressing is not None and together else (now, now)
        if self._looking:
            self._again = way
            return
        here = self.frozen.now if self.frozen is not None else now
        at = self.past.at if self.past is not None else here
        asked = at + way * self._far()
        if asked >= now and not self._opened_there:
            self.do_past_now()
        else:
            self._look(kept.toward(at, asked), asked, way)

    def _far(self) -> timedelta:
        if self._pressing is None:
            return STEPS[0][1]
        began, last = self._pressing
        return next((step for until, step in STEPS if last - began < until), FARTHEST)

    def _look(self, found: Awaitable[Moment | str], asked: datetime, way: int = 0) -> None:
        self._forget_look()
        self._looking = True
        shown = self._shown(found, asked, way, self._look_number)
        self.room_app.run_worker(shown, group="past", exit_on_error=False)

    def _forget_look(self) -> None:
        """Nobody waits for the answer any more."""
        self._look_number += 1
        self._looking, self._again = False, 0

    async def _shown(self, found: Awaitable[Moment | str], asked: datetime, way: int, number: int) -> None:
        try:
            moment = await found
        except Exception as error:
            # Whatever is wrong with what was kept, the room goes on.
            self.room_app.note_failure("looking back", error)
            moment = f"the past cannot be shown: {type(error).__name__}"
        if number != self._look_number:
            return
        again = self._again
        self._forget_look()
        if self.room_app.screen is not self._screen:
            # Whatever was opened meanwhile is about the present, and may change something.
            self.room_app.say("the past is not shown: something else was opened", "warn")
            return
        if not isinstance(moment, str):
            self._go(moment, asked)
        elif way > 0 and not self._opened_there:
            self.do_past_now()
        else:
            self.say(moment, "warn")
        if again and self.past is not None:
            self._press(again)

    def _go(self, moment: Moment, asked: datetime) -> None:
        self._hold(moment)
        self._return()
        gap = moment.gap(asked)
        if gap is not None:
            self.say(_gap_words(gap, moment, self._now), "warn", LONG)

    def _hold(self, moment: Moment) -> None:
        from controlroom.tui.screens.room import Frozen

        self.frozen = Frozen(moment.snapshot, moment.at.replace(microsecond=0), moment)

    def _return(self) -> None:
        self._screen.clear_notice()
        self._show(settled=False)
        self.room_app.on_tick()


def _gap_words(gap: tuple[datetime, datetime | None], moment: Moment, now: datetime) -> str:
    zone = moment.snapshot.program.zone
    began = present.moment(gap[0], now, zone, seconds=True)
    if gap[1] is None:
        return f"nothing was kept since {began}"
    return f"nothing was kept between {began} and {present.moment(gap[1], now, zone, seconds=True)}"
