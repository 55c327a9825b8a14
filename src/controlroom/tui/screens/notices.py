"""What people outside the room are told: the channels, and every notice with what became of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from controlroom.domain.instants import duration
from controlroom.domain.notice import State, Told, hidden
from controlroom.domain.text import clean
from controlroom.tui import present
from controlroom.tui.lines import text, wrap
from controlroom.tui.present import Look
from controlroom.tui.rows import Line, Row, Span
from controlroom.tui.screens.dialog import Dialog, TextList
from controlroom.tui.widgets.pane import Scene

if TYPE_CHECKING:
    from controlroom.noticing import View
    from controlroom.tui.port import Noticing

LOOKS: Mapping[State, Look] = {
    "waiting": Look("◌", "waits", "warn"),
    "sent": Look("✓", "sent", "ok"),
    "elsewhere": Look("✓", "told by another room", "ok"),
    "counted": Look("·", "counted", "dim"),
    "not_told": Look("-", "not told", "dim"),
    "given_up": Look("✖", "given up", "down"),
}

NOTHING = (
    "Nobody outside this room is told anything: add [[notify]] to the configuration.",
    "A channel without a webhook shows here what it would be told.",
)


class NoticesScreen(Dialog):
    """Channels and notices, newest first, live. Enter shows exactly what goes out."""

    def __init__(self) -> None:
        super().__init__()
        self._made: tuple[object, ...] = ()
        self._lines = TextList((Span("Notices", "title"),))

    def make_list(self) -> TextList:
        """An empty list; `fill` puts the notices in."""
        return self._lines

    @property
    def _noticing(self) -> Noticing | None:
        return self.room_app.room.noticing

    @property
    def _scene(self) -> Scene:
        room = self.room_app.room_screen
        return room.scene()._replace(snapshot=room.latest, now=self.room_app.room.clock())

    def fill(self, width: int) -> int:
        """The notices as they are now, in lines of this width."""
        scene, noticing = self._scene, self._noticing
        told = noticing.told() if noticing is not None else ()
        views = noticing.channels() if noticing is not None else ()
        trouble = noticing.trouble if noticing is not None else ""
        made = (told, views, trouble, width, scene.now.replace(microsecond=0))
        if self._made != made:
            self._made = made
            self._lines.scroller.replace(list(_rows(told, views, trouble, scene, width)))
            counts = [
                (sum(one.state == "waiting" for one in told), "waiting", "warn"),
                (sum(one.state == "given_up" for one in told), "given up", "down"),
            ]
            spans = (
                Span(f"  {n} {word}", "warn" if n and style == "warn" else "down" if n else "dim")
                for n, word, style in counts
            )
            self._lines.retitle(text(Span("Notices", "title"), *spans), self._keys(bool(told)))
            self._lines.redraw()
        return super().fill(width)

    def _keys(self, any_: bool) -> Line:
        close = self.hint("dialog.close")
        if not any_:
            return close
        return (Span(self.room_app.key_of("detail.open"), "accent"), Span(" what goes out  ", "dim"), *close)

    def tick(self) -> None:
        """What was told moves on."""
        self.resized()

    def do_detail_open(self) -> None:
        """Exactly what goes out."""
        row, noticing = self._lines.scroller.row, self._noticing
        found = None
        if row is not None and noticing is not None:
            found = next((one for one in noticing.told() if _key(one) == row.key), None)
        if found is None or noticing is None:
            self.room_app.say("no notice here")
            return
        redact = self._scene.view.redact
        self.room_app.push_screen(NoticeText(found, noticing.preview(found, redact), redact=redact))


class NoticeText(Dialog):
    """What a channel is sent, word for word."""

    def __init__(self, told: Told, sent: str, *, redact: bool) -> None:
        super().__init__()
        self._sent, self._redact = sent, redact
        self._width = 0
        self._lines = TextList((Span(f"Goes to {clean(told.channel, 60)}", "title"),))

    def make_list(self) -> TextList:
        """An empty list; `fill` puts the text in."""
        return self._lines

    def fill(self, width: int) -> int:
        """The text in lines of this width."""
        if self._width != width:
            self._width = width
            lines: list[Line] = []
            for written in self._sent.splitlines():
                blanks = len(written) - len(written.lstrip())
                lines += wrap((Span(written),), width, blanks) if written else ((),)
            if self._redact:
                lines += ((), (Span("Names and hosts are hidden here; the channel is sent them.", "dim"),))
            rows = [Row(key=str(n), selectable=False, data=(line,)) for n, line in enumerate(lines)]
            self._lines.scroller.replace(rows)
            self._lines.retitle(self._lines.title(), self.hint("subject.copy", "dialog.close"))
            self._lines.redraw()
        return super().fill(width)

    def do_subject_copy(self) -> None:
        """Copy it."""
        self.room_app.copy_text(self._sent)
        self.room_app.say("copied the notice")


def _key(told: Told) -> str:
    return f"{told.name}:{told.put_at.isoformat()}"


def _rows(
    told: tuple[Told, ...], views: tuple[View, ...], trouble: str, scene: Scene, width: int
) -> Iterator[Row]:
    if trouble:
        lines = wrap(text(Span("▲ ", "down"), Span(clean(trouble), "down")), width, 2)
        yield Row(key="trouble", height=len(lines), selectable=False, data=lines)
    for view in views:
        lines = wrap(_channel(view, told), width, 4)
        yield Row(key=f"channel:{view.id}", height=len(lines), selectable=False, data=lines)
    if not views:
        for number, said in enumerate(NOTHING):
            lines = wrap((Span(said, "dim"),), width)
            yield Row(key=f"none:{number}", height=len(lines), selectable=False, data=lines)
    elif not told:
        yield Row(
            key="empty", selectable=False, data=((), (Span("Nothing has happened yet.", "dim"),)), height=2
        )
    else:
        yield Row(key="blank", selectable=False, data=((),))
    paused = {view.id for view in views if view.trouble}
    for one in told:
        made = [piece for line in _lines(one, scene, paused) for piece in wrap(line, width, 4)]
        yield Row(key=_key(one), height=len(made), data=made)


def _channel(view: View, told: tuple[Told, ...]) -> Line:
    """``crew  slack  service, gate · 3 told in the last day``."""
    events = ", ".join(view.events) or "everything"
    squads = f" of {', '.join(view.squads)}" if view.squads else ""
    sent = sum(one.channel == view.id and one.state in ("sent", "elsewhere") for one in told)
    state = Span(f" · {sent} told in the last day", "dim")
    if view.sends:
        state = Span(f" · nothing is sent: {view.sends}", "warn")
    trouble = (Span(f" · {clean(view.trouble, 300)}", "down"),) if view.trouble else ()
    return text(
        Span(clean(view.id, 60), "strong"),
        Span(f"  {view.kind}  ", "dim"),
        Span(f"{events}{squads}"),
        state,
        *trouble,
    )


def _lines(one: Told, scene: Scene, paused: Collection[str]) -> tuple[Line, ...]:
    look = LOOKS[one.state]
    title = hidden(one.notice.title, one.notice) if scene.view.redact else one.notice.title
    when = present.moment(one.notice.at, scene.now, scene.snapshot.program.zone)
    first = text(
        Span(f"{look.glyph} ", look.style),
        Span(f"{when}  ", "dim"),
        Span(f"{clean(one.channel, 40)}  ", "dim"),
        Span(clean(title)),
    )
    return (
        first,
        text(Span("    "), Span(look.word, look.style), Span(_became(one, scene.now, paused), "dim")),
    )


def _became(one: Told, now: datetime, paused: Collection[str]) -> str:
    why = f": {clean(one.why, 300)}" if one.why else ""
    tried = f", tried {one.attempts} time{'' if one.attempts == 1 else 's'}" if one.attempts else ""
    if one.state == "waiting":
        left = (one.due - now).total_seconds() if one.due is not None else 0.0
        soon = f", next attempt in {duration(left)}" if left > 0 else ", about to be told"
        if one.due is None and one.channel in paused:
            soon = ": its channel cannot be reached"
        return f"{why}{tried}{soon}"
    again = tried if one.attempts > 1 else ""
    return f"{why}{again}" + (f", {present.since(one.ended_at, now)} ago" if one.ended_at is not None else "")
