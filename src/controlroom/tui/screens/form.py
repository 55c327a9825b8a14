"""A form over the room: labelled fields, what each is understood as, and why it cannot be saved yet.

Nothing typed is lost by a snapshot, a tick or another size: fields are widgets of their own, and only what
stands around them is told anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.events import Click, Key, Paste
from textual.widgets import Input

from controlroom.domain.text import clean
from controlroom.tui.acts.fields import Field, Form, Frame, Reading, read
from controlroom.tui.keys import Where
from controlroom.tui.layout import Box
from controlroom.tui.lines import column, line_width, text, wrap
from controlroom.tui.rows import Line, Row, Span
from controlroom.tui.screens.dialog import MARGIN, WIDEST, Dialog, TextList
from controlroom.tui.screens.keyed import INTERRUPT

LABEL = 13
"""Cells of a field's name."""

LEAST_ENTRY = 24
CHOICES = 6
"""Choices shown at once."""

NARROWED = frozenset({"squad", "person", "until"})
"""Kinds of fields that are chosen rather than written: typing replaces what stands there."""

LOW = 20
"""Fewer lines than this leave no room for what is only nice to see."""

BELOW = 3
"""Lines under the fields that are kept for what is said of one, so that the box rarely grows."""

KEYS = {
    "escape": "leave",
    "tab": "next",
    "shift+tab": "previous",
    "enter": "enter",
    "ctrl+enter": "save",
    "alt+enter": "save",
    "ctrl+j": "save",
    "up": "up",
    "down": "down",
    INTERRUPT: "interrupt",
}
"""What a form does with keys; all others are text.

Ctrl-J is the one that is told: every terminal and multiplexer sends it, and many send it for Ctrl-Enter.
"""

EDITING = {
    "left": "cursor_left",
    "right": "cursor_right",
    "ctrl+left": "cursor_left_word",
    "ctrl+right": "cursor_right_word",
    "home": "home",
    "ctrl+a": "home",
    "end": "end",
    "ctrl+e": "end",
    "backspace": "delete_left",
    "delete": "delete_right",
    "ctrl+d": "delete_right",
    "ctrl+w": "delete_left_word",
    "ctrl+u": "delete_left_all",
    "ctrl+k": "delete_right_all",
}
"""What the keys that edit do to a text field."""


class Fault(NamedTuple):
    """Why it was not saved. `field` empty: no field would mend it."""

    field: str
    reason: str
    remedy: str = ""


Check = Callable[[Mapping[str, Any]], Fault | None]
"""Is given the arguments of all fields; None where they may be saved."""


class Entry(Input):
    """One line of text. What is pasted becomes one line of it.

    Keys are the form's, which hands them to the field it is in: Textual moves the focus a little later than
    the key that asks for it, and whatever is typed in the same breath would go to the wrong field.
    """

    DEFAULT_CSS = """
    Entry {
        height: 1;
        border: none;
        padding: 0;
        background: $panel;
        color: $foreground;
        &:focus { border: none; background-tint: 0%; }
    }
    """

    def __init__(self, field: Field, value: str, form: FormScreen) -> None:
        super().__init__(value, id=f"field-{field.name}", compact=True, select_on_focus=False)
        self.field = field
        self.first = value
        self.cursor_blink = False
        self._form = form

    async def _on_key(self, event: Key) -> None:
        """All keys go to the form."""
        event.stop()
        event.prevent_default()
        self._form.on_key(event)

    def _on_paste(self, event: Paste) -> None:
        """So does what is pasted."""
        event.stop()
        event.prevent_default()
        self._form.on_paste(event)

    def put(self, text: str) -> None:
        """Put `text` where the cursor is, instead of what is selected."""
        self.replace(text, *self.selection)


class FormScreen(Dialog):
    """Gives ``saved`` once `check` lets it, None where it was left."""

    WHERE: ClassVar[tuple[Where, ...]] = ("dialog",)

    def __init__(self, form: Form, frame: Callable[[], Frame], check: Check, save: str = "save") -> None:
        super().__init__()
        self._form = form
        self._frame = frame
        self._check = check
        self._save = save
        self._fields = form.fields
        names = [field.name for field in self._fields]
        self._at = names.index(form.focus) if form.focus in names else 0
        self._fault: Fault | None = None
        self._leaving = False
        self._choice: int | None = None
        self._lines = TextList((Span(form.title, "title"),))
        self._shown: tuple[int, int] = (0, 0)
        self._room_size = (0, 0)
        self._most = 0
        self._entries = [
            Entry(field, form.texts.get(field.name, field.value), self) for field in self._fields
        ]

    def compose(self) -> ComposeResult:
        """The lines, and the entries over them."""
        yield from super().compose()
        yield from self._entries

    def make_list(self) -> TextList:
        """Everything but the entries."""
        return self._lines

    def on_mount(self) -> None:
        """Begin in the first field, or the one that matters."""
        self._focus(self._at, again=True)

    # What stands where

    def places(self, width: int, height: int) -> dict[str, Box]:
        """The box in the middle, an entry in each field that is seen."""
        self._room_size = (width, height)
        sides = MARGIN if width > 80 else 0
        wide = max(20, min(WIDEST, width - 2 * sides))
        most = max(3, height - (2 if height > 24 else 0) - 2)
        self._fill(wide - 4, most)
        high = min(most, max(len(self._lines.scroller.rows), self._most)) + 2
        self._most = high - 2
        box = Box((width - wide) // 2, max(0, (height - high) // 2), wide, high)
        self._lines.place(box)
        self._lines.sync()
        boxes = {self._lines.id or "": box}
        first, last = self._shown
        top = box.y + 1 + len(self._about(wide - 4))
        for number in range(first, last):
            entry = self._entries[number]
            boxes[entry.id or ""] = Box(
                box.x + 2 + LABEL + 1,
                top + number - first,
                self._entry_width(self._fields[number], wide - 4),
                1,
            )
        return boxes

    def _entry_width(self, field: Field, width: int) -> int:
        room = max(4, width - LABEL - 3)
        if field.kind in ("instant", "past", "until") and room >= LEAST_ENTRY + 34:
            return LEAST_ENTRY + 4
        return room

    def _about(self, width: int) -> list[Line]:
        lines: list[Line] = [
            piece for said in self._form.about for piece in wrap((Span(said, "dim"),), width)
        ]
        return lines[: max(0, self._room_size[1] - len(self._fields) - 6)]

    def _fill(self, width: int, most: int) -> None:
        """All lines, at most `most`: the fields around the present one, and what is said below them."""
        about = self._about(width)
        below = self._below(width)
        room = max(1, most - len(about) - 2)
        below = below[: max(1, room - min(len(self._fields), 2))]
        count = min(len(self._fields), room - len(below))
        first = max(0, min(self._at - count // 2, len(self._fields) - count))
        self._shown = (first, first + count)
        rows = [Row(key=f"about:{n}", selectable=False, data=(line,)) for n, line in enumerate(about)]
        for number in range(*self._shown):
            field = self._fields[number]
            rows.append(Row(key=f"field:{number}", data=(self._field_line(number, field, width),)))
        rows.append(Row(key="save", data=(self._save_line(),)))
        rows.append(Row(key="blank", selectable=False, data=((),)))
        rows += below
        self._lines.scroller.replace(rows)
        self._lines.scroller.goto(f"field:{self._at}")
        hidden = count < len(self._fields)
        place = Span(f"  field {self._at + 1} of {len(self._fields)}" if hidden else "", "dim")
        self._lines.retitle(text(Span(self._form.title, "title"), place), self._edge(width))
        self._lines.redraw()

    def _field_line(self, number: int, field: Field, width: int) -> Line:
        wrong = self._fault is not None and self._fault.field == field.name
        here = number == self._at
        label = column(field.label, LABEL, "down" if wrong else "strong" if here else "dim")
        entry = self._entry_width(field, width)
        left, right = ("[", "]") if self.room_app.plain or self.room_app.few_colors else (" ", " ")
        said, room = self._told(number), self._beside(number, width)
        beside = said if room > 0 and (not here or line_width(said) <= room) else ()
        return text(label, Span(left, "dim"), " " * entry, Span(right, "dim"), " ", *beside)

    def _told(self, number: int) -> Line:
        """How the field is understood, and what is remarked on it while it is as it was filled in."""
        field, entry, reading = self._fields[number], self._entries[number], self._reading(number)
        if not reading.said:
            return (Span(field.note, "dim"),) if field.note else ()
        remark = field.note if entry.first and entry.value == entry.first else ""
        return text(Span(f"{remark} · " if remark else "", "dim"), Span(reading.said, reading.style))

    def _beside(self, number: int, width: int) -> int:
        """Cells at the right of the entry."""
        return width - LABEL - 4 - self._entry_width(self._fields[number], width)

    def _save_line(self) -> Line:
        return text(" " * LABEL, Span(f"[ {self._save} ]", "accent"))

    def _edge(self, width: int) -> Line:
        spans: list[Span] = []
        choose = (("↓", "choose"),) if self._reading(self._at).choices else ()
        for key, does in (
            ("Enter", "next, save"),
            ("Esc", "leave"),
            *choose,
            ("Ctrl-J", self._save),
            ("Tab", "field"),
        ):
            if line_width(tuple(spans)) + len(key) + len(does) + 3 < width:
                spans += [Span(key, "accent"), Span(f" {does}  ", "dim")]
        return (*spans[:-1], Span(spans[-1].text.rstrip(), "dim")) if spans else ()

    def _below(self, width: int) -> list[Row]:
        """What is said of the present field: why not, how it is understood, what it could be."""
        lines: list[Line] = []
        if self._leaving:
            lines += wrap(
                (Span("Esc again leaves and forgets what was typed; any other key stays", "warn"),), width
            )
        elif self._fault is not None:
            lines += wrap((Span(f"✖ {self._fault.reason}", "down"),), width, 2)
            if self._fault.remedy:
                lines += wrap((Span(f"  {self._fault.remedy}", "dim"),), width, 2)
        reading, told = self._reading(self._at), self._told(self._at)
        fits = line_width(told) <= self._beside(self._at, width)
        if not fits and (reading.said or not (lines or reading.choices)):
            lines += wrap(told, width)
        rows = [Row(key=f"said:{n}", selectable=False, data=(line,)) for n, line in enumerate(lines)]
        rows += self._choice_rows(reading)
        rows += [
            Row(key=f"spare:{n}", selectable=False, data=((),)) for n in range(max(0, BELOW - len(rows)))
        ]
        return rows

    def _choice_rows(self, reading: Reading) -> list[Row]:
        marked = self._marked(reading)
        most = CHOICES if self._room_size[1] >= LOW else CHOICES // 2
        first = max(0, min((marked or 0) - most + 2, len(reading.choices) - most))
        rows = []
        for number, choice in list(enumerate(reading.choices))[first : first + most]:
            here = number == marked
            line = text(
                Span("▸ " if here else "  ", "accent"),
                Span(f"{choice.letter}  " if choice.letter else "", "accent"),
                Span(choice.text, "strong" if here else "text"),
                Span(f"  {choice.note}" if choice.note else "", "dim"),
            )
            rows.append(Row(key=f"choice:{number}", data=(line,)))
        left = len(reading.choices) - first - len(rows)
        if left > 0:
            rows.append(Row(key="more", selectable=False, data=((Span(f"  … {left} more", "dim"),),)))
        return rows

    def tick(self) -> None:
        """Time has passed: what is said of times is told anew, nothing else moves."""
        self._again()

    def _again(self) -> None:
        if self._room_size != (0, 0):
            before = self._lines.box, self._shown
            self.places(*self._room_size)
            if (self._lines.box, self._shown) != before:
                self.lay_out()

    # What is typed

    @property
    def texts(self) -> dict[str, str]:
        """What stands in the fields."""
        return {entry.field.name: entry.value for entry in self._entries}

    def _reading(self, number: int) -> Reading:
        return read(self._fields[number], self._entries[number].value, self._frame())

    def _marked(self, reading: Reading) -> int | None:
        """The choice that Enter would take."""
        if not reading.choices:
            return None
        if self._choice is not None:
            return min(self._choice, len(reading.choices) - 1)
        return 0 if reading.pick else None

    def on_input_changed(self, event: Input.Changed) -> None:
        """What stands in a field is understood anew."""
        event.stop()
        self._again()

    def on_paste(self, event: Paste) -> None:
        """Lines become one, and what would harm a terminal is left out."""
        event.stop()
        pasted = " ".join(clean(line).strip() for line in event.text.splitlines() if line.strip())
        if pasted and not self._dismissed:
            self._entry.put(pasted)
            self._edited()

    def on_key(self, event: Key) -> None:
        """Every key, in the order in which they were typed, whichever field Textual thinks has the focus."""
        if self._dismissed or not self.is_current:
            super().on_key(event)
            return
        event.stop()
        event.prevent_default()
        if self._leaving and event.key != "escape":
            # Whatever is pressed after Esc stays, unless it is Esc again.
            self._leaving = False
            self._again()
        if event.key in KEYS:
            self.act(f"form.{KEYS[event.key]}")
        elif event.key in EDITING:
            getattr(self._entry, f"action_{EDITING[event.key]}")()
            self._edited()
        elif event.is_printable and event.character:
            self._entry.put(event.character)
            self._edited()

    def _edited(self) -> None:
        """What was wrong with this field may be mended now, and other choices fit."""
        self._choice = None
        if self._fault is not None and self._fault.field in (self._fields[self._at].name, ""):
            self._fault = None

    @property
    def _entry(self) -> Entry:
        return self._entries[self._at]

    def do_form_interrupt(self) -> None:
        """Ctrl-C says how to leave the room, as everywhere."""
        self.room_app.do_app_interrupt()

    def do_form_leave(self) -> None:
        """Leave; what was typed is asked for once."""
        typed = any(entry.value != entry.first for entry in self._entries)
        if typed and not self._leaving:
            self._leaving = True
            self._again()
        else:
            self.close()

    def do_form_next(self) -> None:
        """The next field, the first after the last."""
        self._take()
        self._focus((self._at + 1) % len(self._fields))

    def do_form_previous(self) -> None:
        """The field before."""
        self._take()
        self._focus((self._at - 1) % len(self._fields))

    def do_form_up(self) -> None:
        """The choice, else the field above."""
        self._vertical(-1)

    def do_form_down(self) -> None:
        """The choice, else the field below."""
        self._vertical(1)

    def _vertical(self, step: int) -> None:
        reading = self._reading(self._at)
        marked = self._marked(reading)
        if reading.choices and not (step < 0 and marked in (None, 0)):
            self._choice = 0 if marked is None else min(marked + step, len(reading.choices) - 1)
            self._again()
        elif 0 <= self._at + step < len(self._fields):
            self._focus(self._at + step)

    def do_form_enter(self) -> None:
        """Take the choice, go on to the next field, save after the last."""
        if self._take():
            return
        if self._at + 1 < len(self._fields):
            self._focus(self._at + 1)
        else:
            self.do_form_save()

    def _take(self) -> bool:
        """Put the marked choice into the field; whether there was one."""
        reading = self._reading(self._at)
        marked = self._marked(reading)
        if marked is None:
            return False
        self._put(reading.choices[marked].text)
        return True

    def _put(self, value: str) -> None:
        self._entry.value = value
        self._entry.cursor_position = len(value)
        self._edited()

    def _focus(self, number: int, *, again: bool = False) -> None:
        """Go to a field; `again`: as if one came from elsewhere."""
        moved = again or number != self._at
        self._at = number
        self._choice = None
        self._again()
        entry = self._entries[number]
        entry.focus(scroll_visible=False)
        if moved and entry.field.kind in NARROWED:
            # What is typed next narrows the choices from the beginning.
            entry.select_all()

    def do_form_save(self) -> None:
        """Save, or say which field keeps it from being saved."""
        self._take()
        args: dict[str, Any] = {}
        for number, field in enumerate(self._fields):
            reading = self._reading(number)
            if reading.problem:
                self._refuse(Fault(field.name, f"{field.label}: {reading.problem}"))
                return
            args.update(reading.args)
        fault = self._check(args)
        if fault is None:
            self.close("saved")
        else:
            self._refuse(fault, replace=True)

    def _refuse(self, fault: Fault, *, replace: bool = False) -> None:
        """Go to the field that is wrong. `replace`: what was chosen there makes way for what is typed."""
        self._fault = fault
        names = [field.name for field in self._fields]
        self._focus(names.index(fault.field) if fault.field in names else self._at, again=replace)

    # The mouse

    def on_click(self, event: Click) -> None:
        """Beside the form nothing is to be pressed by accident."""
        event.prevent_default()

    def on_row_list_chosen(self, event: TextList.Chosen) -> None:
        """A click on a field, a choice or what saves."""
        event.stop()
        event.prevent_default()
        row = self._lines.scroller.row
        kind, _, number = (row.key if row is not None else "").partition(":")
        if kind == "save":
            self.do_form_save()
        elif kind == "field":
            self._focus(int(number))
        elif kind == "choice":
            self._choice = int(number)
            self._take()
            self._focus(self._at)

    def on_descendant_focus(self, event: object) -> None:
        """A click into an entry makes its field the present one."""
        for number, entry in enumerate(self._entries):
            if entry.has_focus and number != self._at:
                self._at = number
                self._choice = None
                self._again()
