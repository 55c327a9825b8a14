"""One's own actions that are not in the log: what waits and why, and what met another's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.events import Key

from controlroom.domain.actions import Outcome
from controlroom.domain.snapshot import OutboxSeen
from controlroom.tui import present
from controlroom.tui.keys import event_key
from controlroom.tui.lines import text, wrap
from controlroom.tui.rows import Line, Row, Span, Subject
from controlroom.tui.screens.dialog import Dialog, TextList
from controlroom.tui.widgets.pane import Scene

if TYPE_CHECKING:
    from controlroom.tui.acts.handing import Handing

KEYS = {"a": "again", "d": "drop", "l": "look"}
"""What these keys do here, before whatever they mean in the room."""


class OutboxScreen(Dialog):
    """The outbox, live. Enter asks what becomes of a conflict, or shows the thing an action is about."""

    def __init__(self) -> None:
        super().__init__()
        self._told: tuple[object, ...] = ()
        self._lines = TextList((Span("Outbox", "title"),))

    def make_list(self) -> TextList:
        """An empty list; `fill` puts the actions in."""
        return self._lines

    @property
    def _scene(self) -> Scene:
        room = self.room_app.room_screen
        return room.scene()._replace(snapshot=room.latest, now=self.room_app.room.clock())

    @property
    def _handing(self) -> Handing:
        return self.room_app.acting.handing

    def fill(self, width: int) -> int:
        """The actions as they are now, in lines of this width."""
        scene = self._scene
        outbox = scene.snapshot.outbox
        told = (outbox, scene.snapshot.blockers, scene.snapshot.items, width, scene.now.replace(second=0))
        if self._told != told:
            self._told = told
            self._lines.scroller.replace(list(_rows(outbox, scene, width)))
            conflicts, queued = len(outbox.conflicts), len(outbox.queued)
            title = text(
                Span("Outbox", "title"),
                Span(f"  {queued} waiting", "warn" if queued else "dim"),
                Span(f"  {conflicts} in conflict", "down" if conflicts else "dim"),
            )
            self._lines.retitle(title, self._hint(bool(conflicts), bool(queued)))
            self._lines.redraw()
        return super().fill(width)

    def _hint(self, conflicts: bool, queued: bool) -> Line:
        spans: list[Span] = []
        deciding = (("a", "apply anyway"), ("d", "drop")) if conflicts else ()
        keys = (*deciding, *((("l", "look"),) if conflicts or queued else ()))
        for key, does in keys:
            spans += [Span(key, "accent"), Span(f" {does}  ", "dim")]
        return (*spans, *self.hint("dialog.close"))

    def tick(self) -> None:
        """What was delivered goes, what met another's comes."""
        self.resized()

    def action_for(self, event: Key) -> str | None:
        """Three letters mean something of their own here."""
        own = KEYS.get(event_key(event.key, event.character))
        return f"outbox.{own}" if own else super().action_for(event)

    def _chosen(self) -> tuple[Outcome | None, bool]:
        """The action under the cursor, and whether it is a conflict."""
        row = self._lines.scroller.row
        kind, _, id_ = (row.key if row is not None else "").partition(":")
        outbox = self._scene.snapshot.outbox
        among = outbox.conflicts if kind == "conflict" else outbox.queued
        return next((o for o in among if o.action.id == id_), None), kind == "conflict"

    def do_detail_open(self) -> None:
        """Decide a conflict; look at what a waiting action is about."""
        found, conflict = self._chosen()
        if found is not None and conflict:
            self._handing.ask_conflict(found)
        else:
            self.do_outbox_look()

    def do_outbox_look(self) -> None:
        """The detail of the blocker or card."""
        found, _ = self._chosen()
        if found is None:
            self.room_app.say("nothing to look at here")
        else:
            self._handing.look(found.action.item)

    def do_outbox_again(self) -> None:
        """Apply it anyway."""
        found, conflict = self._chosen()
        if found is None or not conflict:
            self.room_app.say("only a conflict can be applied anyway: what waits is delivered by itself")
        else:
            self._handing.settle(found.action.id, "again")

    def do_outbox_drop(self) -> None:
        """Forget it, after asking."""
        from controlroom.tui.acts.questions import conflict_lines
        from controlroom.tui.screens.ask import Answer, Ask

        found, conflict = self._chosen()
        if found is None or not conflict:
            self.room_app.say("only a conflict can be dropped: undo what waits")
            return
        id_ = found.action.id
        answers = (Answer("y", "drop mine for good", "drop"), Answer("n", "keep it here", "keep"))

        def answered(result: str | None) -> None:
            if result == "drop":
                self._handing.settle(id_, "drop")

        lines = conflict_lines(found, self._scene)
        self.room_app.push_screen(Ask("Drop yours?", lines, answers, safe="keep", style="warn"), answered)


def _rows(outbox: OutboxSeen, scene: Scene, width: int) -> Iterator[Row]:
    """Conflicts first: they wait for a person."""
    from controlroom.tui.acts.questions import deed, their_words, title_of

    def lines(*parts: Line) -> list[Line]:
        return [piece for part in parts for piece in wrap(part, width, 10)]

    def row(kind: str, outcome: Outcome, made: list[Line]) -> Row:
        item = outcome.action.item
        card = any(found.id == item for found in scene.snapshot.items)
        subject = Subject("item" if card else "blocker", item)
        return Row(key=f"{kind}:{outcome.action.id}", height=len(made), subject=subject, data=made)

    if outbox.trouble:
        made = lines(text(Span("▲ ", "down"), Span(outbox.trouble, "down")))
        yield Row(key="trouble", height=len(made), selectable=False, data=made)
    for outcome in outbox.conflicts:
        made = lines(
            text(Span("▲ ", "warn"), Span(title_of(outcome.action.item, scene.snapshot), "strong")),
            text(Span("  theirs  ", "dim"), Span(their_words(outcome.current, scene), "warn")),
            text(
                Span("  yours   ", "dim"),
                Span(deed(outcome.action, scene)),
                Span(f" · {_age(outcome, scene)}", "dim"),
            ),
        )
        yield row("conflict", outcome, made)
    for outcome in outbox.queued:
        why = outcome.reason or "on its way"
        made = lines(
            text(
                Span("◌ ", "warn"),
                Span(title_of(outcome.action.item, scene.snapshot), "strong"),
                Span(f"  {deed(outcome.action, scene)}"),
            ),
            text(Span("  waits   ", "dim"), Span(f"{_age(outcome, scene)}: {why}", "dim")),
        )
        yield row("queued", outcome, made)
    if not (outbox.conflicts or outbox.queued or outbox.trouble):
        said = (Span("Everything you did is in the log.", "dim"),)
        yield Row(key="empty", selectable=False, data=[said])


def _age(outcome: Outcome, scene: Scene) -> str:
    at = outcome.action.at
    when = present.moment(at, scene.now, scene.snapshot.program.zone)
    return f"since {when}, {present.since(at, scene.now)}"
