"""The keys that act, on the app: each begins one verb on what is under the cursor. Loads nothing before."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from controlroom.tui.acts.targets import offers
from controlroom.tui.rows import Subject
from controlroom.tui.screens.keyed import Keyed

if TYPE_CHECKING:
    from controlroom.tui.acts.acting import Acting
    from controlroom.tui.app import RoomApp


class Triaging:
    """What the app can do to blockers and cards; mixed into it."""

    @cached_property
    def acting(self) -> Acting:
        """Forms, questions and what follows are many modules; none is needed before the first action."""
        from controlroom.tui.acts.acting import Acting

        return Acting(self._app)

    @property
    def _app(self) -> RoomApp:
        return cast("RoomApp", self)

    def acting_on(self) -> tuple[Subject, ...]:
        """What a verb is about: in the room what is marked, anywhere else what is under the cursor."""
        app = self._app
        if app.screen is app.room_screen and app.room_screen.marks:
            return app.room_screen.marks
        found = app.screen.acting_on if isinstance(app.screen, Keyed) else None
        return () if found is None else (found,)

    def offers(self, subject: Subject | None) -> tuple[str, ...]:
        """Ids of the actions that make sense on `subject`; none where nothing may be changed."""
        app = self._app
        fixed = app.options.read_only or app.room_screen.past is not None
        return () if fixed else offers(app.room_screen.scene().snapshot, subject)

    def do_blocker_new(self) -> None:
        """A new blocker."""
        self.acting.begin("blocker.new")

    def do_blocker_acknowledge(self) -> None:
        """Seen."""
        self.acting.begin("blocker.acknowledge")

    def do_blocker_assign(self) -> None:
        """An owner."""
        self.acting.begin("blocker.assign")

    def do_blocker_wait_on(self) -> None:
        """Who waits on whom."""
        self.acting.begin("blocker.wait_on")

    def do_blocker_escalate(self) -> None:
        """To the escalation channel."""
        self.acting.begin("blocker.escalate")

    def do_blocker_snooze(self) -> None:
        """Until later."""
        self.acting.begin("blocker.snooze")

    def do_blocker_resolve(self) -> None:
        """Over."""
        self.acting.begin("blocker.resolve")

    def do_blocker_reopen(self) -> None:
        """Not over."""
        self.acting.begin("blocker.reopen")

    def do_blocker_note(self) -> None:
        """A note."""
        self.acting.begin("blocker.note")

    def do_alert_silence(self) -> None:
        """Nobody is told for a while, or is again."""
        self.acting.begin("alert.silence")

    def do_signal_accept(self) -> None:
        """The name that was meant, into the contract."""
        self.acting.begin("signal.accept")

    def do_signal_waive(self) -> None:
        """Excused before the gate for a while, or no longer."""
        self.acting.begin("signal.waive")

    def do_evidence_capture(self) -> None:
        """What the day shows, kept."""
        from controlroom.tui.acts.capturing import capture

        capture(self._app)

    def do_box_tick(self) -> None:
        """Done, or not done after all."""
        self.acting.begin("box.tick")

    def do_card_move(self) -> None:
        """Another column."""
        self.acting.begin("card.move")

    def do_action_undo(self) -> None:
        """The last own action, taken back."""
        self.acting.begin("action.undo")
