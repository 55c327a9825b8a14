"""A change of controlroom.toml, to be read before it is made: what it does, in which file, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.domain.text import clean
from controlroom.tui import present
from controlroom.tui.lines import BLANK, text
from controlroom.tui.rows import Line, Span, Style, View
from controlroom.tui.screens.ask import Answer, Ask

if TYPE_CHECKING:
    from controlroom.config.changes import Change, ConfigEdit
    from controlroom.tui.app import RoomApp

LONG = 12.0
"""Seconds that what became of it stays to be read."""

WRITE = Answer("w", "write it: nothing else in the file changes", "write")
KEEP = Answer("k", "keep the diff as a file to review; the configuration stays as it is", "keep")


class ConfigDiff(Ask):
    """Gives ``write`` or ``keep``; None where it was left, which is all that a read-only room offers."""

    def __init__(self, edit: ConfigEdit, view: View, *, read_only: bool = False) -> None:
        answers = () if read_only else (WRITE, KEEP)
        super().__init__("Change the configuration", told(edit, view), answers)


def told(edit: ConfigEdit, view: View) -> list[Line]:
    """What the change does, the file's path, and the diff in colours that its signs say as well."""
    path = edit.path.name if view.redact else str(edit.path)
    return [
        (Span(present.hosts(clean(edit.summary), view), "strong"),),
        (Span(clean(path), "dim"),),
        BLANK,
        *(diff_line(line, view) for line in edit.diff.splitlines()),
    ]


def diff_line(line: str, view: View) -> Line:
    """One line of a unified diff; hosts are hidden where the screen is shared with strangers."""
    if line.startswith(("---", "+++")):
        return (Span(clean(Path(line[4:]).name if view.redact else line), "dim"),)
    style: Style = {"+": "ok", "-": "down", "@": "accent"}.get(line[:1], "dim")  # type: ignore[assignment]
    return text(Span(present.hosts(clean(line), view), style))


def offer(app: RoomApp, change: Change) -> None:
    """Show what `change` would write, and write it or keep it as a file where that is answered."""
    app.run_worker(_offer(app, change), group="acting", exit_on_error=False)


async def _offer(app: RoomApp, change: Change) -> None:
    try:
        edit = await app.room.desk.edit_config(change)
    except Exception as error:
        app.note_failure("changing the configuration", error)
        edit = f"the room failed: {type(error).__name__}"
    if isinstance(edit, str):
        app.say(f"the configuration stays as it is: {edit}", "warn", LONG)
        return
    show(app, edit)


def show(app: RoomApp, edit: ConfigEdit) -> None:
    """Show `edit`; afterwards say what became of it."""

    def answered(result: str | None) -> None:
        if result is not None:
            app.run_worker(_do(app, edit, write=result == "write"), group="acting", exit_on_error=False)

    view = app.room_screen.scene().view
    app.push_screen(ConfigDiff(edit, view, read_only=app.options.read_only), answered)


async def _do(app: RoomApp, edit: ConfigEdit, *, write: bool) -> None:
    try:
        if write:
            _written(app, edit, await app.room.desk.write_config(edit))
        else:
            _kept(app, await app.room.desk.keep_diff(edit))
    except Exception as error:
        # The desk raises nothing; should it, nobody may believe that it was written.
        app.note_failure("writing the configuration", error)
        app.say(
            f"it is not sure that it was written: {type(error).__name__}: look at {edit.path}", "down", LONG
        )


def _written(app: RoomApp, edit: ConfigEdit, problem: str) -> None:
    if problem:
        app.say(f"{edit.path.name}: {problem}", "down", LONG)
    else:
        app.say(f"written to {edit.path.name}: {clean(edit.summary)}", seconds=LONG)


def _kept(app: RoomApp, kept: Path | str) -> None:
    if isinstance(kept, Path):
        app.copy_text(str(kept))
        app.say(f"the diff is in {kept} (its path is copied)", seconds=LONG)
    else:
        app.say(f"the diff was not kept: {kept}", "down", LONG)
