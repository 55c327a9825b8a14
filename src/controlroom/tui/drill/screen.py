"""A drill over the room: a stopwatch for each service, symptoms to tick, and the end.

It records nothing by itself: the stopwatches only show what was observed, and every tick is a person's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from textual.events import Key as Pressed

from controlroom.domain import drill as drills
from controlroom.domain.actions import Kind
from controlroom.domain.drill import Drill, Symptom
from controlroom.domain.drill_record import recorded
from controlroom.domain.instants import duration
from controlroom.domain.runs import Key, Run, run_of
from controlroom.domain.text import clean
from controlroom.tui import present
from controlroom.tui.acts.acting import READ_ONLY
from controlroom.tui.acts.fields import Field, Form
from controlroom.tui.drill import handing
from controlroom.tui.drill.lookout import now_seen
from controlroom.tui.drill.stopwatches import clocked, lines_of
from controlroom.tui.keys import event_key
from controlroom.tui.lines import BLANK, join, text, wrap
from controlroom.tui.rows import Line, Row, Span, Subject
from controlroom.tui.screens.dialog import Dialog, TextList

if TYPE_CHECKING:
    from controlroom.domain.snapshot import Snapshot

KEYS = {"+": "add", "i": "injected", "F": "finish"}
"""What these keys do here, before whatever they mean in the room; digits tick."""


class DrillScreen(Dialog):
    """The drill `key`, told anew every second."""

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key
        self._text = TextList((Span("Drill", "title"),))
        self._going: set[str] = set()
        """Items with an action on its way: a second press waits for it."""
        self._drill: Drill | None = None
        self._told: tuple[object, ...] = ()

    def make_list(self) -> TextList:
        """An empty list; `fill` puts the drill in."""
        return self._text

    @property
    def _snapshot(self) -> Snapshot:
        return self.room_app.room.snapshot

    @property
    def drill(self) -> Drill | None:
        """As it was recorded, or as the room sees it now; None where the log has it no more."""
        run = run_of(self._snapshot.runs, self.key)
        if run is None:
            return None
        return recorded(run, self._snapshot) or now_seen(self.room_app, run)

    def fill(self, width: int) -> int:
        """The drill as it is now, in rows of this width."""
        drill, now = self.drill, self.room_app.room.clock()
        told = (self._snapshot.version, now.replace(microsecond=0), width)
        if self._told != told:
            self._told, self._drill = told, drill
            rows = [Row("gone", selectable=False, data=((Span("it is not in the log any more", "warn"),),))]
            if drill is not None:
                rows = list(self._rows(drill, width))
            self._text.scroller.replace(rows)
            if self._text.scroller.index is None:
                self._text.scroller.first()
            self._text.retitle(self._headed(drill), self._hint(drill, width))
            self._text.redraw()
        return super().fill(width)

    def tick(self) -> None:
        """A second has passed, or something is new."""
        self._told = ()
        self.resized()

    # What is seen

    def _headed(self, drill: Drill | None) -> Line:
        if drill is None:
            return (Span("Drill", "title"),)
        lasted = clocked((drill.end - drill.run.began_at).total_seconds())
        state = Span(f"  on {lasted}", "accent") if drill.run.on else Span(f"  over, took {lasted}", "dim")
        return (Span(drill.title, "title"), state)

    def _hint(self, drill: Drill | None, width: int) -> Line:
        keys: list[tuple[str, str]] = []
        if drill is not None and not self.room_app.options.read_only:
            on = drill.run.on
            keys = [(self.room_app.key_of("box.tick"), "tick"), ("+", "symptom")]
            keys += [("i", "fault is in")] if on and not drill.marked else []
            keys.append(("F", "finish") if on else (self.room_app.key_of("minutes.write"), "report"))
        spans = [one for key, does in keys for one in (Span(key, "accent"), Span(f" {does}  ", "dim"))]
        running = drill is not None and drill.run.on
        close = Span(self.room_app.key_of("dialog.close"), "accent")
        return (*spans, close, Span(" close, it goes on" if running else " close", "dim"))

    def _rows(self, drill: Drill, width: int) -> Iterator[Row]:
        for number, line in enumerate(self._head(drill)):
            for piece, part in enumerate(wrap(line, width, 2)):
                yield Row(f"head:{number}:{piece}", selectable=False, data=(part,))
        yield Row("blank:1", selectable=False, data=(BLANK,))
        for watch in drill.watches:
            lines = lines_of(watch, drill, width)
            yield Row(f"service:{watch.service}", len(lines), Subject("service", watch.service), data=lines)
        if not drill.watches:
            yield Row("none", selectable=False, data=((Span("no service has a stopwatch", "warn"),),))
        yield Row("blank:2", selectable=False, data=(BLANK,))
        for number, symptom in enumerate(drill.symptoms, 1):
            lines = self._symptom_lines(number, symptom, drill, width)
            yield Row(f"symptom:{symptom.item}", len(lines), data=lines)
        if not drill.symptoms:
            yield Row("unseen", selectable=False, data=((Span("no symptom was expected", "dim"),),))

    def _head(self, drill: Drill) -> Iterator[Line]:
        view, now, zone = self.room_app.room_screen.view, drill.end, self._snapshot.program.zone
        begun = drill.begun
        owner = present.person(begun.owner, view)
        yield join(
            (
                (Span(present.hosts(begun.scenario, view) or "no scenario", "strong"),),
                text(Span("owner ", "dim"), Span(owner)) if owner else (),
                text(Span("driven by ", "dim"), Span(present.person(drill.run.driver, view))),
                (Span("queued", "warn"),) if drill.run.pending else (),
            )
        )
        began = present.clock(drill.run.began_at, zone, seconds=True)
        injected = present.clock(drill.injected_at, zone, seconds=True)
        mark = (
            Span(f"fault in {injected}")
            if drill.marked
            else Span("fault not marked: from the beginning", "dim")
        )
        yield join((text(Span("began ", "dim"), Span(began)), (mark,)))
        if begun.hush is not None:
            until = begun.hush.until
            left = (until - now).total_seconds() if until else 0.0
            state = f"until {present.moment(until, now, zone)}" + (
                f", {duration(left)} left" if left > 0 else ", run out"
            )
            said = state if drill.run.on else drill.hush_end or state
            matchers = present.hosts(" ".join(begun.hush.matchers), view)
            yield text(Span("silenced ", "dim"), Span(f"{matchers} "), Span(said, "dim"))
        yield from (text(Span("? ", "unknown"), Span(why)) for why in drill.unknown)

    def _symptom_lines(self, number: int, symptom: Symptom, drill: Drill, width: int) -> list[Line]:
        view, zone = self.room_app.room_screen.view, self._snapshot.program.zone
        digit = f"{number} " if number < 10 else "  "
        seen = symptom.seen_at is not None
        going = symptom.item in self._going or symptom.pending
        glyph = Span("◌ ", "warn") if going else Span("✓ ", "ok") if seen else Span("○ ", "dim")
        words = Span(present.hosts(symptom.text, view), "text" if seen or drill.run.on else "dim")
        note = ""
        if seen:
            who = present.person(symptom.by, view)
            note = f"{present.clock(symptom.seen_at, zone, seconds=True)} {who}".rstrip()
        parts = [(words,), (Span(note, "dim"),) if note else ()]
        parts += [(Span("not expected", "accent"),)] if not symptom.expected else []
        parts += [(Span("not seen", "dim"),)] if not seen and not drill.run.on else []
        lines = list(wrap(text(Span(digit, "accent"), glyph, *join(parts)), width, 4))
        if symptom.sign == "yes":
            said: Line = (Span("    " + present.hosts("; ".join(symptom.shown), view), "dim"),)
        elif symptom.sign == "no":
            said = (Span("    ▲ no metric shows it", "warn"),)
        elif symptom.sign:
            said = (Span(f"    ? not known whether a metric shows it: {symptom.why}", "unknown"),)
        else:
            return lines
        return [*lines, *wrap(said, width, 4)]

    # Keys

    def action_for(self, event: Pressed) -> str | None:
        """Digits tick; a few letters mean something of their own here."""
        key = event_key(event.key, event.character)
        if len(key) == 1 and key in "123456789":
            return f"drill.{key}"
        if key in KEYS:
            return f"drill.{KEYS[key]}"
        # It is a key of the room: no dialog but this one has something to write.
        writes = key in self.room_app.keymap.action("minutes.write").keys
        return "drill.write" if writes else super().action_for(event)

    def act(self, action: str) -> None:
        """An action of the drill, or whatever a dialog does."""
        room, _, name = action.partition(".")
        if room != "drill":
            super().act(action)
        elif self.room_app.options.read_only:
            self.room_app.say(READ_ONLY, "warn")
        elif name.isdecimal():
            self._tick_number(int(name))
        else:
            {"add": self._add, "injected": self._inject, "finish": self._finish, "write": self._write}[name]()

    def do_box_tick(self) -> None:
        """Tick the symptom under the cursor, or take the tick back."""
        row = self._text.scroller.row
        symptom = self._symptom(row.key if row is not None else "")
        if self.room_app.options.read_only:
            self.act("drill.read_only")
        elif symptom is None:
            self.room_app.say("put the cursor on a symptom, or press its digit")
        else:
            self._tick(symptom)

    def do_detail_open(self) -> None:
        """Tick a symptom; tell more about a service."""
        row = self._text.scroller.row
        if row is not None and row.subject is not None:
            self.room_app.open_detail(row.subject)
        elif row is not None and not self.room_app.options.read_only:
            self.do_box_tick()

    def do_minutes_write(self) -> None:
        """Write the report."""
        self.act("drill.write")

    def do_subject_copy(self) -> None:
        """Copy how it goes, in a line."""
        if self._drill is not None:
            from controlroom.tui.drill.ending import plain

            self.room_app.copy_text(plain(self._drill))
            self.room_app.say("copied how the drill goes")

    def _symptom(self, row: str) -> Symptom | None:
        item = row.removeprefix("symptom:")
        found = self._drill.symptoms if self._drill is not None else ()
        return next((one for one in found if one.item == item), None)

    def _tick_number(self, number: int) -> None:
        found = self._drill.symptoms if self._drill is not None else ()
        if number <= len(found):
            self._tick(found[number - 1])

    def _tick(self, symptom: Symptom) -> None:
        run = self._run()
        if run is None or symptom.item in self._going:
            return
        if symptom.seen_at is not None:
            self._hand_in("untick", symptom.item, {}, f"taken back: {symptom.text}")
            return
        self._see(symptom.text, run, expected=symptom.expected)

    def _see(self, words: str, run: Run, *, expected: bool) -> None:
        now = self.room_app.room.clock()
        args = {
            "evidence": drills.evidence(words, run, self._snapshot, now),
            "why": "" if expected else words,
        }
        self._hand_in("tick", run.key.box(words), args, f"symptom seen: {words}")

    def _hand_in(self, kind: Kind, item: str, args: dict[str, Any], said: str) -> None:
        action = handing.decided(self.room_app, kind, item, args)
        if action is None:
            return
        self._going.add(item)
        self.tick()

        async def story() -> None:
            try:
                await handing.submit(self.room_app, action, clean(said, 100), seen=True)
            finally:
                self._going.discard(item)
                if not self.closing:
                    self.tick()

        handing.work(self.room_app, story())

    def _add(self) -> None:
        """Ask for a symptom that nobody expected, or that is listed."""

        def then(typed: Any) -> None:
            words, run = clean(str(typed.get("symptom", ""))).strip(), self._run()
            if run is None or not words:
                return
            listed = drills.expected(run, words)
            item = run.key.box(listed or words)
            known = self._symptom(f"symptom:{item}")
            if known is not None and known.seen_at is not None:
                self.room_app.say("it is ticked already")
                return
            self._see(listed or words, run, expected=listed is not None)

        form = Form("A symptom", (Field("symptom", "symptom", note="what is to be seen"),))
        self.room_app.acting.show_form(form, _wordless, then, "tick it")

    def _inject(self) -> None:
        run = self._run()
        if run is None or not run.on:
            self.room_app.say("the drill is over: its times are recorded", "warn")
            return
        args = {"text": "the fault is in", "about": drills.INJECTED}
        self._hand_in("note", run.key.minutes, args, "the fault is in: times count from now")

    def _finish(self) -> None:
        from controlroom.tui.drill.ending import ask

        run = self._run()
        if run is not None:
            ask(self.room_app, run)

    def _write(self) -> None:
        from controlroom.tui.drill.ending import write

        run = self._run()
        if run is not None:
            handing.work(self.room_app, write(self.room_app, run.key))

    def _run(self) -> Run | None:
        return run_of(self._snapshot.runs, self.key)


def _wordless(args: Any) -> Any:
    from controlroom.tui.screens.form import Fault

    if str(args.get("symptom", "")).strip():
        return None
    return Fault("symptom", "there are no words in it", "say what is to be seen")
