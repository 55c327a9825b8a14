"""The standup as this terminal shows it: which part is on for whom, how it is arranged, what its keys do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from controlroom.domain.actions import Action, Kind
from controlroom.domain.decide import Intent, Refusal, decide
from controlroom.domain.runs import Key, Run, run_of, same_person
from controlroom.domain.snapshot import Snapshot
from controlroom.tui import present
from controlroom.tui.acts.acting import READ_ONLY
from controlroom.tui.acts.handing import LONG
from controlroom.tui.keys import Action as KeyAction
from controlroom.tui.layout import Plan
from controlroom.tui.rows import Line
from controlroom.tui.standup import begins, capture, course, doing, words
from controlroom.tui.standup.carryover import CarriedPane
from controlroom.tui.standup.handing import Outgoing
from controlroom.tui.standup.layout import MINUTES, PARTS
from controlroom.tui.standup.minutes import MinutesPane
from controlroom.tui.views import showing
from controlroom.tui.widgets.bar import Bar
from controlroom.tui.widgets.pane import PaneView

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp
    from controlroom.tui.screens.room import RoomScreen

LIKELY = 3
"""Keys of triage that come before those of the standup that are pressed less often."""


class Mode:
    """One person at one standup. Everything it shows is read from the log; it keeps only where they look."""

    def __init__(self, screen: RoomScreen) -> None:
        self.screen = screen
        self.key: Key | None = None
        """The holding that is shown, or was last."""
        self.shown = False
        self.beginning = False
        """A standup is being begun: keys wait until it is."""
        self.out = Outgoing(self)
        self._waiting: list[str] = []
        self._waits = False
        """It was said that no standup is on."""
        self._left: Key | None = None
        """The holding whose view the person left, to look around."""
        self._part: str = ""
        """Id of the part the screen is arranged for."""
        self._drivers: dict[Key, str] = {}
        self._ending: Key | None = None
        self._consent: Key | None = None
        """The holding that is written with the time of a clock that is set: the person has agreed to that."""
        self._dissent: Key | None = None
        """The holding that is not: the person was asked, and did not want it."""
        self._before: tuple[str, str | None, str | None] = ("", None, None)
        """Pane, zoom and squad that were shown before the standup."""
        self._bar: Bar | None = None
        self._minutes: PaneView | None = None

    # What is known

    @property
    def app(self) -> RoomApp:
        """The app."""
        return self.screen.room_app

    @property
    def by(self) -> str:
        """Who sits here."""
        return self.app.room.desk.by

    @property
    def now(self) -> datetime:
        """The present."""
        return self.app.room.clock()

    @property
    def snapshot(self) -> Snapshot:
        """The newest, with what is on its way."""
        return self.with_mine(self.screen.latest)

    def with_mine(self, snapshot: Snapshot) -> Snapshot:
        """`snapshot` with what was done here and is still on its way."""
        return self.out.applied(snapshot)

    @property
    def run(self) -> Run | None:
        """The standup that is shown."""
        return None if self.key is None else run_of(self.snapshot.runs, self.key)

    @property
    def follows(self) -> bool:
        """Nothing can be done from here."""
        return self.app.options.read_only

    @property
    def consents(self) -> bool:
        """Whether it was said that actions are written with the time of a clock that is set."""
        return self._consent is not None and self._consent == self.key and self.shown

    def consented(self, key: Key) -> None:
        """It was said, for this holding."""
        self._consent, self._dissent = key, None

    # What is shown

    def heed(self) -> None:
        """Time has passed, or there is a new snapshot: show what is on now."""
        snapshot = self.screen.latest
        self.out.settle(snapshot)
        mine = self._became_mine(snapshot)
        if not self.shown:
            self._open_by_itself(snapshot, mine)
            return
        run = self.run
        if run is None:
            self.leave()
            self.app.say("the standup was taken back", "warn", LONG)
        elif not run.on:
            self._over(run)
        else:
            self._arrange(run)
            if mine:
                self.app.say("you drive now", "warn", LONG)

    def _became_mine(self, snapshot: Snapshot) -> bool:
        """Whether the standup was just handed to this person."""
        run = course.current(self.with_mine(snapshot).runs, self.now)
        if run is None:
            return False
        was = self._drivers.get(run.key)
        self._drivers[run.key] = run.driver
        return was is not None and course.drives(run, self.by) and not same_person(was, run.driver)

    def _open_by_itself(self, snapshot: Snapshot, mine: bool) -> None:
        """Whoever drives comes back to it after a crash; whoever asked for the view sees it begin."""
        if snapshot.ledger is None or self.beginning:
            return
        run = course.current(self.snapshot.runs, self.now)
        if run is None and self.screen.setting.id == "standup" and not self._waits:
            self._waits = True
            begins_it = f"{self.app.key_of('ritual.begin')} begins today's"
            then = "it is shown as soon as one begins" if self.follows else begins_it
            self.app.say(f"no standup is on: {then}", "text", LONG)
        if run is None or (run.key == self._left and not mine):
            return
        drives = course.drives(run, self.by) and not self.follows
        if drives or self.screen.setting.id == "standup":
            self.open(run.key)
            if drives:
                self.app.say("you drive: the standup goes on where it was", "text", LONG)

    def open(self, key: Key) -> None:
        """Show that standup."""
        screen = self.screen
        if not self.shown:
            self._before = screen.active, screen.zoomed, screen.view.focus_squad
        self.key, self.shown, self._left, self._part = key, True, None, ""
        self._dissent = None
        screen.frozen = None
        self._furnish(key)
        run = self.run
        if run is not None:
            self._drivers.setdefault(key, run.driver)
            self._arrange(run)

    def leave(self) -> None:
        """Look around: the room as it was before, while the standup goes on."""
        if not self.shown:
            return
        screen = self.screen
        self.shown, self._left = False, self.key
        active, screen.zoomed, focus = self._before
        screen.view = replace(screen.view, focus_squad=focus)
        screen.panes.pop(MINUTES, None)
        screen.active = active if active in screen.panes else next(iter(screen.panes))
        for view in (self._minutes, self._bar):
            if view is not None:
                view.place(None)
        if "blockers" in screen.panes:
            screen.panes["blockers"].show_as(None)
        self._show()

    def come_back(self) -> None:
        """The person asks for the view: show what is on, also where they left it before."""
        self._left = None
        self.screen.heed()

    def _over(self, run: Run) -> None:
        """It ended; whoever ended it is shown its minutes."""
        mine = self._ending == run.key
        self.leave()
        if not mine and run.finished_at is not None:
            at = present.clock(run.finished_at, self.snapshot.program.zone)
            who = present.person(run.driver, self.screen.view) or "somebody"
            self.app.say(f"the standup is over: {who} finished it at {at}", "text", LONG)

    def _furnish(self, key: Key) -> None:
        """Its bar, the pane of its minutes, and the blockers with what they have been through."""
        screen = self.screen
        if self._bar is None or self._minutes is None:
            self._bar = Bar(id="standup-bar")
            self._minutes = screen.make_pane(MinutesPane(key), 0)
            screen.mount(self._bar, self._minutes)
        self._minutes.show_as(MinutesPane(key))
        screen.panes[MINUTES] = self._minutes
        if "blockers" in screen.panes:
            blockers = screen.panes["blockers"]
            blockers.set_since(False)
            blockers.show_as(None)
            blockers.show_as(CarriedPane(blockers.pane, key))

    def _arrange(self, run: Run) -> None:
        """Show the part that is on, where the screen shows another one; once nobody types a filter any more,
        which would go on in another pane."""
        segment = run.segment
        if segment is None or segment.id == self._part or self.screen.filtering:
            return
        self._part = segment.id
        screen = self.screen
        lead = PARTS[segment.kind].leads
        if lead in screen.panes:
            screen.active = lead
        screen.zoomed = None
        focus = segment.squad if segment.kind == "squad" else self._before[2]
        screen.view = replace(screen.view, focus_squad=focus)
        self._show()
        if segment.kind == "squad" and screen.active == lead:
            self._to_first_card()

    def _to_first_card(self) -> None:
        """The squad itself is known: the cursor goes to what can be moved."""
        scroller = self.screen.pane.scroller
        scroller.first()
        if scroller.subject is not None and scroller.subject.kind == "squad" and not scroller.sideways(1):
            scroller.move(1)
        self.screen.pane.sync()
        self.screen.show_anew()

    def _show(self) -> None:
        self.screen.lay_out()
        self.screen.show_anew()

    @property
    def plan(self) -> Plan | None:
        """Which panes stand where in this part, with the one the cursor is in."""
        run = self.run
        segment = run.segment if run is not None else None
        return None if segment is None else showing(PARTS[segment.kind].plan, self.screen.active)

    @property
    def names(self) -> list[str]:
        """The panes of this part, and the one the cursor is in."""
        plan, screen = self.plan, self.screen
        bands = plan.wide if plan is not None else ()
        shown = {pane for band in bands for column in band for pane in column.panes}
        return [name for name in screen.panes if name in shown or name == screen.active]

    def bar(self, width: int) -> Line:
        """The line under the header."""
        run, scene = self.run, self.screen.scene()
        seat = words.Seat(self.by, scene.view, self.follows)
        return () if run is None else words.bar(run, scene.snapshot.program, scene.now, seat, width)

    @property
    def bar_view(self) -> Bar | None:
        """The bar, while the standup is shown."""
        return self._bar if self.shown else None

    # What can be done

    def offered(self) -> list[KeyAction]:
        """The actions of the footer: exactly those that make sense for this person in this part."""
        run = self.run
        app = self.app
        names: list[str] = []
        more: list[str] = []
        labels = {"ritual.begin": "look around", "standup.extend": "30 s more"}
        if run is not None and not self.follows:
            drives = course.drives(run, self.by)
            names, more = doing.driver_keys(run) if drives else ([], doing.guest_keys())
            labels["standup.pause"] = "go on" if run.paused_at else "pause"
            if not drives:
                labels["standup.hand_over"] = "take over"
        triage = self._triage()
        names += [*triage[:LIKELY], *more, "ritual.begin", *triage[LIKELY:], "detail.open"]
        names += ["help.show", "app.quit"]
        return [
            app.keymap.action(name)._replace(show_in_footer=True, **_label(labels.get(name)))
            for name in names
        ]

    def _triage(self) -> list[str]:
        """What makes sense on what is under the cursor, by keys that do not mean something else now."""
        means = self.app.lookup(self.screen.where)
        offers = self.app.offers(self.screen.subject)
        return [
            name for name in offers if any(means.get(k) == name for k in self.app.keymap.action(name).keys)
        ]

    def press(self, name: str) -> None:
        """A key of the standup; while one is being begun it waits."""
        if self.beginning:
            self._waiting.append(name)
            return
        if self.follows:
            self.app.say(READ_ONLY, "warn")
            return
        run = self.run
        if not self.shown or run is None:
            key = self.app.key_of("ritual.begin")
            self.app.say(f"no standup is shown: {key} begins or joins it", "warn")
            return
        if name in doing.OF_DRIVER and not course.drives(run, self.by):
            key = self.app.key_of("standup.hand_over")
            who = present.person(run.driver, self.screen.view) or "somebody"
            self.app.say(f"{who} drives: {key} asks to take over", "warn")
            return
        doing.DOES[name](self, run)

    def stopped(self, run: Run, passing: bool) -> bool:
        """Whether blockers that need a decision are in the way; the first is gone to, and asked about."""
        stuck = course.forced(self.snapshot, run, self.now) if passing else ()
        stuck = tuple(blocker for blocker in stuck if blocker.id not in self.out.decided)
        if not stuck:
            return False
        at = next((place for place, one in enumerate(run.segments) if one.kind == "blockers"), None)
        goes = run.segments[at].id if at not in (None, run.place) and course.drives(run, self.by) else ""

        def go() -> None:
            if goes:
                self.move("enter", to=goes)
            if "blockers" in self.screen.panes:
                self.screen.active = "blockers"
                self._show()
                self.screen.pane.scroller.goto(f"blocker:{stuck[0].id}")
                self.screen.pane.sync()
            capture.decide_on(self, stuck, course.carries(self.snapshot, run))

        if goes:
            self.consented_first(go)
        else:
            go()
        return True

    def take_back(self) -> bool:
        """Take back what this person wrote down last, where the cursor is in the minutes."""
        if self.screen.active != MINUTES or self.key is None:
            return False
        if self.follows:
            self.app.say(READ_ONLY, "warn")
        else:
            self.send("undo", self.key.minutes, {}, said=True)
        return True

    # Handing in

    def move(self, kind: Kind, **args: Any) -> bool:
        """Move the standup on; whether that is on its way."""
        return self.key is not None and self.send(kind, self.key.run, args)

    def consented_first(self, then: Callable[[], None]) -> bool:
        """Do `then`, once the person has agreed to the time of a clock that is set; whether it was done.

        They are asked once for a holding. Whoever did not want it is only told so until they come back to it.
        """
        key = self.key
        if not self.app.options.clock_set or self.consents or key is None:
            then()
            return True
        if self._dissent == key:
            again = self.app.key_of("ritual.begin")
            said = "nothing is written: the clock of this room is set"
            self.app.say(f"{said}; {again} and {again} again asks once more", "warn")
            return False

        def answered(agreed: bool) -> None:
            if agreed:
                self.consented(key)
                then()
            else:
                self._dissent = key

        begins.ask_clock(self.app, self.now, answered)
        return False

    def send(
        self,
        kind: Kind,
        item: str,
        args: Mapping[str, Any],
        *,
        said: bool = False,
        then: Callable[[Action], None] | None = None,
    ) -> bool:
        """Decide and hand in one action; whether it is on its way already.

        `said`: the footer says what it did. `then` is told of the action.
        """
        sent: list[Action] = []

        def hand_in() -> None:
            made = self.made(kind, item, args, self._last_seen(item))
            if isinstance(made, Refusal):
                self.refuse(made)
                return
            sent.append(made)
            self.out.send(made, said=said)
            if then is not None:
                then(made)
            self.heed()
            self.screen.show_anew()

        self.consented_first(hand_in)
        return bool(sent)

    def _last_seen(self, item: str) -> str | None:
        """Of a blocker the last action that is shown; of a ritual it does not matter."""
        found = next((one for one in self.snapshot.blockers if one.id == item), None)
        return None if found is None else found.last_action or ""

    def made(
        self, kind: Kind, item: str, args: Mapping[str, Any], seen: str | None = None
    ) -> Action | Refusal:
        """The action, or why there is none."""
        from uuid import uuid4

        desk = self.app.room.desk
        intent = Intent(kind, item, args, desk.by, desk.host, str(uuid4()), seen)
        return decide(self.snapshot, intent, self.now)

    def refuse(self, refusal: Refusal) -> None:
        """Say why nothing was done."""
        said = f"{refusal.reason}; {refusal.remedy}" if refusal.remedy else refusal.reason
        self.app.say(said, "warn", LONG)

    # Beginning and ending

    def begin_or_join(self) -> None:
        """The key of rituals: begin, join, or look around."""
        if self.shown:
            self.leave()
        else:
            begins.begin_or_join(self)

    def begun(self, key: Key) -> None:
        """The standup was begun here: show it, and do what was typed meanwhile."""
        self.beginning = False
        waiting, self._waiting = self._waiting, []
        self.open(key)
        for name in waiting:
            self.press(name)

    def not_begun(self) -> None:
        """It was not begun: what was typed meanwhile is meant for nothing."""
        self.beginning, self._waiting = False, []

    def ends(self, key: Key) -> None:
        """This person ends it."""
        self._ending = key

    def write(self) -> None:
        """Write the minutes, or what else a ritual leaves behind."""
        begins.write(self)


def _label(label: str | None) -> dict[str, Any]:
    return {} if label is None else {"label": label}
