"""The standup's part of the room's screen: its keys, each handed to the mode, which is only loaded then."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from controlroom.domain.snapshot import Snapshot
from controlroom.tui.keys import Where
from controlroom.tui.layout import Box, Plan
from controlroom.tui.present import ascii_line
from controlroom.tui.rows import Span
from controlroom.tui.screens.occasion import Occasions
from controlroom.tui.views import ViewName

if TYPE_CHECKING:
    from controlroom.tui.screens.room import RoomScreen
    from controlroom.tui.standup.mode import Mode


class StandingUp(Occasions):
    """What the room's screen does in a standup; before everything else that arranges it."""

    _mode: Mode | None = None

    @property
    def standup(self) -> Mode:
        """The mode, made when it is first needed."""
        if self._mode is None:
            from controlroom.tui.standup.mode import Mode

            self._mode = Mode(cast("RoomScreen", self))
        return self._mode

    @property
    def in_standup(self) -> bool:
        """Whether the screen shows the standup."""
        return self._mode is not None and self._mode.shown

    @property
    def summons(self) -> str:
        """What the footer offers before all else: the ritual that its key would begin or join about now.

        It is that under the cursor of the ritual pane, else any standup; empty where there is none. One that
        is on and no standup is ended by the key, or shown where it is a drill.
        """
        from controlroom.domain.diff import is_standup
        from controlroom.tui import holding, nearing
        from controlroom.tui.standup import course

        program, runs, subject = self._snapshot.program, self._snapshot.runs, self.pane.scroller.subject
        under = subject.id if subject is not None and subject.kind == "ritual" else None
        chosen = [one for one in program.rituals if one.id == under]
        ids = {one.id for one in chosen or program.rituals if chosen or is_standup(one)}
        on = course.current(runs, self._now)
        joins = on is not None and on.key.ritual in ids
        begins = not self.room_app.options.read_only and nearing.at_hand(program, ids, runs, self._now)
        if not (joins or begins):
            return ""
        if not chosen or is_standup(chosen[0]):
            return "standup"
        if not any(run.on and run.key.ritual == under for run in runs):
            return "begin"
        return "drill" if holding.kind_of(chosen[0]) == "drill" else "end"

    @property
    def consents(self) -> bool:
        """Whether the person has agreed that what is done here has the time of a clock that is set."""
        return self._mode is not None and self._mode.consents

    def consented(self) -> None:
        """The person agreed to it: at the standup that is shown, for all of it."""
        if self._mode is not None and self._mode.shown and self._mode.key is not None:
            self._mode.consented(self._mode.key)

    @property
    def shown_snapshot(self) -> Snapshot:
        """The newest, with what was done in the standup here and is still on its way to the log."""
        return self._snapshot if self._mode is None else self._mode.with_mine(self._snapshot)

    # What the standup arranges

    @property
    def where(self) -> tuple[Where, ...]:
        """Its keys come before all others while it is shown, and while it is being begun."""
        keyed = self._mode is not None and (self._mode.shown or self._mode.beginning)
        return (*super().where, "standup") if keyed else super().where

    @property
    def standing(self) -> Plan:
        """Its part's panes, with the one the cursor is in."""
        plan = self._mode.plan if self._mode is not None and self._mode.shown else None
        return super().standing if plan is None else plan

    @property
    def names(self) -> list[str]:
        """Its part's panes, and the one the cursor is in."""
        if self._mode is None or not self._mode.shown:
            return super().names
        return self._mode.names

    def show_anew(self) -> None:
        """Show the scene: the person changed what is shown."""
        self._show(settled=False)

    def place_bar(self, box: Box) -> dict[str, Box]:
        """Put the line under the header into its box."""
        bar = self._mode.bar_view if self._mode is not None else None
        if bar is None:
            return {}
        bar.place(box)
        bar.sync()
        return {bar.id or "": box}

    def show_bar(self, width: int) -> None:
        """Say in the line under the header how the standup stands."""
        mode = self._mode
        if mode is not None and mode.bar_view is not None:
            line = self.room_app.guarded("standup", lambda: mode.bar(width - 2))
            line = (Span(" "), *line)
            mode.bar_view.show(ascii_line(line) if self.room_app.plain else line)

    def heed(self) -> None:
        """Something is new, or a second has passed: a standup may be on, or be elsewhere by now."""
        super().heed()
        runs = self._snapshot.runs
        on = any(run.on and run.segments for run in runs)
        if on or self._mode is not None or self.setting.id == "standup":
            self.standup.heed()

    def enter(self, name: ViewName) -> None:
        """Show the room in another view; the standup's own shows what is on."""
        if self._mode is not None and self._mode.shown:
            self._mode.leave()
        super().enter(name)
        if name == "standup":
            self.standup.come_back()

    def take_back(self) -> bool:
        """Look around, or take back the arrangement for a ritual."""
        if self.in_standup:
            self.standup.leave()
            return True
        return super().take_back()

    def _hands_off(self) -> bool:
        """No ritual that comes near rearranges a standup."""
        return not self.in_standup and super()._hands_off()

    # Keys

    def do_ritual_begin(self) -> None:
        """Begin the standup or the ritual under the cursor, or join what is on; in it: look around."""
        self.standup.begin_or_join()

    def do_minutes_write(self) -> None:
        """Write the minutes of the standup, or what the ritual under the cursor leaves behind."""
        self.standup.write()

    def do_standup_next(self) -> None:
        """The next part."""
        self.standup.press("next")

    def do_standup_previous(self) -> None:
        """The part before."""
        self.standup.press("previous")

    def do_standup_pause(self) -> None:
        """Stop the clock, or go on."""
        self.standup.press("pause")

    def do_standup_extend(self) -> None:
        """Thirty seconds more."""
        self.standup.press("extend")

    def do_standup_skip(self) -> None:
        """Pass this squad over."""
        self.standup.press("skip")

    def do_standup_decision(self) -> None:
        """Write down a decision."""
        self.standup.press("decision")

    def do_standup_task(self) -> None:
        """Write down who does what."""
        self.standup.press("task")

    def do_standup_note(self) -> None:
        """Write down a note."""
        self.standup.press("note")

    def do_standup_park(self) -> None:
        """Put a topic off."""
        self.standup.press("park")

    def do_standup_blocker(self) -> None:
        """Open a blocker."""
        self.standup.press("blocker")

    def do_standup_hand_over(self) -> None:
        """Let another drive, or take over."""
        self.standup.press("hand_over")

    def do_standup_finish(self) -> None:
        """End it."""
        self.standup.press("finish")

    def do_action_undo(self) -> None:
        """In the minutes: take back what one wrote down last; elsewhere the last deed on what is there."""
        if self.in_standup and self.standup.take_back():
            return
        self.room_app.do_action_undo()
