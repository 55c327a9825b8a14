"""What is on its way from a standup to the log: handed in in the order of the keys, shown at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from controlroom.domain.actions import Action, Outcome
from controlroom.domain.board_fold import actions
from controlroom.domain.runs import Run, key_of, told
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean
from controlroom.domain.words import deed
from controlroom.tui.acts import questions
from controlroom.tui.acts.arriving import PATIENCE
from controlroom.tui.acts.handing import UNHURRIED, submit, tell
from controlroom.tui.triage_words import names

if TYPE_CHECKING:
    from controlroom.tui.standup.mode import Mode


class Outgoing:
    """This person's actions in standups that no snapshot shows yet."""

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._sent: dict[str, Action] = {}
        self._applied: tuple[Snapshot, tuple[str, ...], Snapshot] | None = None
        self._turn = asyncio.Lock()
        self.decided: set[str] = set()
        """Ids of blockers that a decision is on its way for."""

    # What is shown of it

    def applied(self, snapshot: Snapshot) -> Snapshot:
        """`snapshot` as if everything that was sent had arrived; itself where nothing is on its way."""
        if not self._sent:
            return snapshot
        ids = tuple(self._sent)
        known = self._applied
        if known is not None and known[0] is snapshot and known[1] == ids:
            return known[2]
        queued = actions(snapshot.outbox.queued)
        there = {action.id for action in queued}
        going = (*queued, *(action for action in self._sent.values() if action.id not in there))
        keys = {key for action in self._sent.values() if (key := key_of(action.item)) is not None}
        runs = [run for run in snapshot.runs if run.key not in keys]
        runs += [
            replace(run, pending=_waiting(run, queued))
            for key in keys
            if (run := told(snapshot.ledger, going, key)) is not None
        ]
        made = replace(snapshot, runs=tuple(sorted(runs, key=lambda run: run.began_at)))
        self._applied = snapshot, ids, made
        return made

    def settle(self, snapshot: Snapshot) -> None:
        """Forget what `snapshot` shows by itself."""
        if not self._sent:
            return
        shown = {action.id for action in actions(snapshot.outbox.queued)}
        for id_, action in list(self._sent.items()):
            history = snapshot.ledger.of(action.item) if snapshot.ledger is not None else ()
            if id_ in shown or any(entry.action.id == id_ for entry in reversed(history)):
                del self._sent[id_]
                self.decided.discard(action.item)

    # Handing in

    def send(self, action: Action, *, said: bool = False) -> None:
        """Hand `action` in after everything before it. `said`: the footer says that it is recorded."""
        self._sent[action.id] = action
        self._mode.app.run_worker(self.deliver(action, said=said), group="standup", exit_on_error=False)

    def keep(self, action: Action) -> None:
        """Show `action` from now on; whoever calls delivers it."""
        self._sent[action.id] = action

    async def deliver(self, action: Action, *, said: bool = False) -> Outcome:
        """Hand `action` in, and say what became of it where that is not what was meant."""
        self._sent[action.id] = action
        app = self._mode.app
        async with self._turn:
            (outcome,) = await submit(app, [action], UNHURRIED)
        self._tell(outcome, said=said)
        return outcome

    def _tell(self, outcome: Outcome, *, said: bool) -> None:
        app, action = self._mode.app, outcome.action
        if outcome.status in ("conflict", "not_recorded"):
            self._sent.pop(action.id, None)
            self.decided.discard(action.item)
            self._mode.screen.show_anew()
        if outcome.status == "conflict" and key_of(action.item) is None:
            app.acting.handing.ask_conflict(outcome)
        tell(app, outcome, self._words(action), quiet=not said)

    def _words(self, action: Action) -> str:
        screen, known = self._mode.screen, self._mode.snapshot
        called = names(known.program, screen.view, self._mode.now)
        return clean(deed(action, called, questions.undone(action, known)), 120)

    async def drop(self, outcome: Outcome) -> None:
        """Forget an action that met another's, and wait until the room knows what the other did."""
        app = self._mode.app
        await app.room.desk.settle(outcome.action.id, "drop")
        rev = outcome.current.rev if outcome.current is not None else 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while (ledger := app.room.snapshot.ledger) is None or ledger.rev < rev:
                    await app.arrived.wait()


def _waiting(run: Run, queued: Sequence[Action]) -> tuple[str, ...]:
    """Kinds of what waits in the outbox; what is only on its way is not told."""
    return tuple(action.kind for action in queued if action.item == run.id)
