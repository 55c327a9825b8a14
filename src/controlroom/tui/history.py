"""What people did to one thing, as it is told in its detail: oldest first, one's own that wait at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from controlroom.domain.actions import Action, Outcome
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean
from controlroom.domain.words import Names, deed, undone
from controlroom.tui import present
from controlroom.tui.lines import text
from controlroom.tui.rows import Line, Span, View
from controlroom.tui.triage_words import QUEUED, names
from controlroom.tui.width import cell_width, fit

TOLD = 200
"""Actions told of one thing, the latest; the earlier ones are counted."""

WHO = 20
"""Most cells of a name, before what that person did."""

VERBATIM = {"note": "text", "resolve": "mitigation"}
"""Kinds whose own words are kept line by line."""


def history(snapshot: Snapshot, item: str, now: datetime, view: View) -> Iterator[Line]:
    """Every action on `item`: when, who and what, the machine where it changes; then what is not in the log.

    Times are the programme's. What was taken back stays, and says so.
    """
    entries = snapshot.ledger.of(item) if snapshot.ledger is not None else ()
    queued = [one for one in snapshot.outbox.queued if one.action.item == item]
    conflicts = [one for one in snapshot.outbox.conflicts if one.action.item == item]
    shown = entries[-TOLD:]
    told = [*(e.action for e in shown), *(o.action for o in (*queued, *conflicts))]
    book = _Book(snapshot, now, view, told)
    if len(entries) > len(shown):
        yield (Span(f"… {len(entries) - len(shown)} earlier ones", "dim"),)
    known = {entry.action.id: entry.action for entry in entries}
    back = undone(entries)
    before = ""
    for _, action in shown:
        said = deed(action, book.names, known.get(str(action.args.get("undoes"))))
        by = back.get(action.id)
        taken = f"taken back by {book.person(by)}" if by is not None else ""
        yield from book.told(action, said, taken, host=action.host if action.host != before else "")
        before = action.host
    for one in queued:
        yield from _queued(book, one, known.get(str(one.action.args.get("undoes"))))
    for one in conflicts:
        yield from _conflict(book, one)


class _Book:
    """What all lines of one history have in common."""

    def __init__(self, snapshot: Snapshot, now: datetime, view: View, actions: Sequence[Action]) -> None:
        self.names: Names = names(snapshot.program, view, now)
        self._zone, self._now, self._view = snapshot.program.zone, now, view
        self._hosts = len({action.host for action in actions}) > 1
        self._who = min(WHO, max((cell_width(self.person(action)) for action in actions), default=0))
        self._when = max((len(self.moment(action)) for action in actions), default=0)

    def person(self, action: Action) -> str:
        """Who did it."""
        return present.person(clean(action.actor, 80), self._view) or "somebody"

    def told(self, action: Action, said: str, taken: str = "", host: str = "") -> Iterator[Line]:
        """One action: its line, and its own words below it where they are several lines."""
        words = _own_words(action)
        if words:
            said = said.partition(":")[0] + ":"
        yield text(
            Span(f"{self.moment(action):<{self._when}}  ", "dim"),
            Span(f"{fit(self.person(action), self._who)}  ", "dim" if taken else "strong"),
            Span(said, "dim" if taken else "text"),
            Span(f"  ↶ {taken}" if taken else "", "warn"),
            self._on(host),
        )
        yield from (text("    ", Span(line, "dim" if taken else "text")) for line in words)

    def moment(self, action: Action) -> str:
        """When, and how long ago by its author's clock."""
        when = present.moment(action.at, self._now, self._zone)
        old = present.since(action.at, self._now)
        return f"{when} · {old}" if old.startswith("in ") else f"{when} · {old} ago"

    def _on(self, host: str) -> Span:
        """The machine, once there are several of them."""
        if not self._hosts or not host:
            return Span("")
        return Span(f"  on {'(hidden)' if self._view.redact else host}", "dim")


def _own_words(action: Action) -> Sequence[str]:
    """What somebody wrote in several lines, line by line; nothing where one line holds it."""
    value = action.args.get(VERBATIM.get(action.kind, ""))
    lines = clean(value, newlines=True).split("\n") if isinstance(value, str) else []
    return lines if len(lines) > 1 else ()


def _queued(book: _Book, outcome: Outcome, target: Action | None) -> Iterable[Line]:
    why = f", not in the log yet: {outcome.reason}" if outcome.reason else ", not in the log yet"
    first, *rest = book.told(outcome.action, deed(outcome.action, book.names, target))
    return (text(*first, Span(f"  {QUEUED} queued{why}", "warn")), *rest)


def _conflict(book: _Book, outcome: Outcome) -> Iterable[Line]:
    first, *rest = book.told(outcome.action, deed(outcome.action, book.names))
    current = outcome.current
    met = ""
    if current is not None:
        other = current.action
        ago = book.moment(other).rpartition(" · ")[2]
        met = f": {book.person(other)} {deed(other, book.names)}, {ago}"
    return (text(*first, Span(f"  ✖ conflict{met}", "down")), *rest)
