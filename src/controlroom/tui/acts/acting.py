"""Acting from the keyboard: from a key over a form and a question to actions that are handed in."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from controlroom.domain.decide import Refusal
from controlroom.domain.holdings import records_of
from controlroom.domain.instants import render
from controlroom.domain.text import clean
from controlroom.tui.acts import elsewhere, verbs
from controlroom.tui.acts.fields import Field, Form, Frame
from controlroom.tui.acts.handing import LONG, Handing
from controlroom.tui.acts.memory import Memory
from controlroom.tui.acts.planning import Bench, Hand, Plan, Refused, opened, plan
from controlroom.tui.acts.prefill import draft
from controlroom.tui.acts.questions import before_acting, moves
from controlroom.tui.acts.targets import Target, target
from controlroom.tui.acts.verbs import VERBS, Verb
from controlroom.tui.rows import Subject
from controlroom.tui.screens.form import Fault, FormScreen
from controlroom.tui.triage_words import on_this_clock
from controlroom.tui.widgets.pane import Scene

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp

READ_ONLY = "read-only: this room shows everything and changes nothing"


class Acting:
    """What one person does in one room."""

    def __init__(self, app: RoomApp) -> None:
        self.app = app
        self._memory = Memory()
        self.handing = Handing(app, self._memory)

    def begin(self, name: str) -> None:
        """A key was pressed: do the action `name` to what is under the cursor, or to what is marked."""
        if self.app.options.read_only:
            self.app.say(READ_ONLY, "warn")
            return
        subjects = self.app.acting_on()
        other = elsewhere.begins(name, subjects)
        if isinstance(other, str):
            self.app.say(other, "warn")
            return
        if other is not None:
            other(self, subjects)
            return
        self.triage(VERBS[name], subjects)

    def triage(self, verb: Verb, subjects: Sequence[Subject]) -> None:
        """Do `verb` to `subjects`: ask for what it needs, and hand it in."""
        if verb.kind == "open":
            self._open(subjects[0] if subjects else None)
        elif len(subjects) > 1:
            self._many(verb, subjects)
        else:
            self._one(verb, subjects[0] if subjects else None)

    # One thing, or several

    def _one(self, verb: Verb, subject: Subject | None) -> None:
        snapshot = self._scene.snapshot
        found = target(snapshot, subject)
        why = verbs.misplaced(verb, snapshot, subject, found, self.app.key_of("blocker.new"))
        if found is None or why:
            self.app.say(why, "warn")
            return
        self._ask(verb, (found,), ())

    def _many(self, verb: Verb, subjects: Sequence[Subject]) -> None:
        snapshot = self._scene.snapshot
        found: list[Target] = []
        refused: list[Refused] = []
        for subject in subjects:
            one = target(snapshot, subject)
            why = verbs.misplaced(verb, snapshot, subject, one, self.app.key_of("blocker.new"))
            if one is None or why:
                title = one.title if one is not None else subject.id
                refused.append(Refused(title, Refusal("", why)))
            else:
                found.append(one)
        if not found:
            self.app.say(f"{refused[0].refusal.reason} (all {len(refused)} marked)", "warn")
            return
        self._ask(verb, tuple(found), tuple(refused))

    def _ask(self, verb: Verb, targets: tuple[Target, ...], refused: tuple[Refused, ...]) -> None:
        """Ask for what the verb needs; what would be refused whatever is typed is refused at once."""
        if verb.kind == "status":
            self._ask_where(verb, targets, refused)
            return
        asked = verbs.fields(verb, self._scene.snapshot, targets)
        if len(targets) == 1:
            tried = self._planned(verb, targets, self._likely(verb))
            refusal = tried.refused[0].refusal if tried.refused else None
            if refusal is not None and refusal.field not in {field.name for field in asked}:
                self._say_no(tried.refused[0])
                return
        if asked:
            self._fill_in(verb, targets, refused, asked)
        else:
            self._confirm(self._with(self._planned(verb, targets, {}), refused), None)

    def _ask_where(self, verb: Verb, targets: tuple[Target, ...], refused: tuple[Refused, ...]) -> None:
        """Where a card is moved: one letter."""

        def move(status: str | None) -> None:
            if status is not None:
                made = self._with(self._planned(verb, targets, {"status": status}), refused)
                self._confirm(made, None)

        self.app.push_screen(moves(targets), move)

    def _fill_in(
        self,
        verb: Verb,
        targets: tuple[Target, ...],
        refused: tuple[Refused, ...],
        asked: tuple[Field, ...],
        texts: Mapping[str, str] | None = None,
    ) -> None:
        made: list[Plan] = []

        def check(args: Mapping[str, Any]) -> Fault | None:
            planned = self._planned(verb, targets, args)
            if not planned.jobs:
                return self._fault(planned.refused[0].refusal)
            made[:] = [self._with(planned, refused)]
            return None

        about = (targets[0].title,) if len(targets) == 1 else (f"{len(targets)} marked",)
        title = verb.title or self.app.keymap.action(verb.action).label.capitalize()
        form = Form(title, asked, about, texts=texts or {})

        def again(typed: Mapping[str, str]) -> None:
            self._fill_in(verb, targets, refused, asked, typed)

        self.show_form(form, check, lambda typed: self._confirm(made[0], lambda: again(typed)), verb.save)

    def _open(self, subject: Subject | None, texts: Mapping[str, str] | None = None) -> None:
        """A new blocker, filled with what is known of what is under the cursor."""
        scene = self._scene
        known = draft(scene.snapshot, subject, scene.now)
        verb = VERBS["blocker.new"]
        made: list[Plan] = []

        def check(args: Mapping[str, Any]) -> Fault | None:
            given = {**args, "about": known.about} if known.about else dict(args)
            result = opened(verb, given, self._bench)
            if isinstance(result, Refusal):
                return self._fault(result)
            made[:] = [result]
            return None

        fields = verbs.opening(known.values, known.notes)
        empty = next((field.name for field in fields if not field.value), "")
        about = (f"from {clean(known.named)}",) if known.about else ()
        form = Form("New blocker", fields, about, empty, texts or {})
        self.show_form(
            form,
            check,
            lambda typed: self._confirm(made[0], lambda: self._open(subject, typed)),
            verb.save,
        )

    def show_form(
        self,
        form: Form,
        check: Callable[[Mapping[str, Any]], Fault | None],
        then: Callable[[Mapping[str, str]], None],
        save: str,
    ) -> None:
        """Ask for the fields of `form`; `then` is given what was typed, once `check` finds no fault."""
        screen = FormScreen(form, self.frame, check, save)

        def done(result: str | None) -> None:
            if result is not None:
                then(screen.texts)

        self.app.push_screen(screen, done)

    # Before it is handed in

    def _confirm(self, made: Plan, again: Callable[[], None] | None) -> None:
        """Ask where many things change, or where the clock was set; else hand it in."""
        scene = self._scene
        if not made.jobs:
            self._say_no(made.refused[0])
            return
        many = len(made.jobs) + len(made.refused) > 1
        clock_set = self.app.options.clock_set and not self.app.room_screen.consents
        if not (many or clock_set):
            self.handing.begin(made, again)
            return

        def answered(result: str | None) -> None:
            if result is not None:
                if clock_set:
                    self.app.room_screen.consented()
                self.handing.begin(made, again)
            elif again is not None:
                again()

        self.app.push_screen(before_acting(made, scene, clock_set=clock_set), answered)

    def _say_no(self, refused: Refused) -> None:
        """Why nothing is done; of what, where that is not what the cursor is on."""
        refusal = refused.refusal
        said = f"{refusal.reason}; {refusal.remedy}" if refusal.remedy else refusal.reason
        about = f"{clean(refused.title, 48)}: " if self.app.room_screen.marks else ""
        self.app.say(about + self._on_this_clock(said), "warn", LONG)

    def _fault(self, refusal: Refusal) -> Fault:
        return Fault(refusal.field, self._on_this_clock(refusal.reason), refusal.remedy)

    def _on_this_clock(self, said: str) -> str:
        scene = self._scene
        return on_this_clock(said, scene.snapshot.program, scene.now)

    # What is known

    @property
    def _scene(self) -> Scene:
        return self.app.room_screen.scene()

    @property
    def _bench(self) -> Bench:
        room = self.app.room
        hand = Hand(room.desk.by, room.desk.host, lambda: str(uuid.uuid4()))
        return Bench(self._scene.snapshot, room.clock(), hand)

    def frame(self) -> Frame:
        """What a form's fields are read in, at this moment."""
        scene = self._scene
        known = verbs.people(scene.snapshot, self.app.room.desk.by)
        return Frame(
            self.app.room.clock(),
            scene.snapshot.program,
            self.app.options.viewer_zone,
            known,
            records=records_of(scene.snapshot),
        )

    def _planned(self, verb: Verb, targets: Sequence[Target], args: Mapping[str, Any]) -> Plan:
        return plan(verb, targets, args, self._bench, self._memory.seen)

    def _likely(self, verb: Verb) -> Mapping[str, Any]:
        """Arguments that nothing is wrong with, to find out whether the verb makes sense at all."""
        soon = render(self.app.room.clock() + timedelta(hours=1))
        if verb.kind == "waive":
            return {"until": soon, "why": soon}
        likely = {"assign": "owner", "note": "text", "escalate": "next_update", "snooze": "until"}
        return {likely[verb.kind]: soon} if verb.kind in likely else {}

    def _with(self, made: Plan, refused: Sequence[Refused]) -> Plan:
        return made._replace(refused=(*made.refused, *refused))
