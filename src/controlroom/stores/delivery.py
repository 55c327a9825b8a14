"""Every action goes into the outbox first, then into the log, and nothing is said before it is so."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from datetime import datetime

from controlroom.domain.actions import Action, Outcome, decode, encode, same_deed
from controlroom.domain.snapshot import OutboxSeen
from controlroom.domain.text import clean
from controlroom.stores.outbox import KEEP, Era, NotRecorded, Outbox
from controlroom.stores.outbox_files import Waiting
from controlroom.stores.port import Committed, Log, Missing, Moved, Page, Taken, Unavailable, Verdict

PATIENCE = 20.0
"""Seconds to wait for a call of another thread to end; each has limits of its own far below."""

DELIVER_FOR = 2.0
"""Seconds that a look, or a new action, spends on what else waits; the rest follows with the next look."""

LONGEST = 1 << 20
"""Bytes of an action; no log takes more."""

RESTORED_WITHIN = 20.0
"""Seconds that a lost action waits for those of others which stood before it; then it goes first."""

PRUNE_EVERY = 3600.0
"""Seconds."""

DECIDE = "decide it in the room, or with controlroom outbox"
UNDECIDED = "whose conflict is to be decided"


class Delivery:
    """Hands the actions in `outbox` to `log`. Thread-safe; a call lasts as long as the log's limits allow."""

    def __init__(self, log: Log, outbox: Outbox) -> None:
        self.log = log
        self.outbox = outbox
        self._lock = threading.Lock()
        self._head = 0
        self._highest: int | None = None
        self._era: Era | None = None
        self._epoch: str | None = None
        self._replaced = False
        self._stuck: Unavailable | None = None
        self._said: dict[str, str] = {}
        self._seen = OutboxSeen()
        self._pruned = -PRUNE_EVERY

    def submit(self, action: Action) -> Outcome:
        """Keep `action`, then deliver what waits, in order, it included.

        Repeating a call with the same id does it once. A deed under an id that another one has is a conflict.
        """
        try:
            raw = encode(action)
            if len(raw) > LONGEST:
                raise ValueError(f"it is longer than {LONGEST >> 20} MiB")
            action = decode(raw)  # as everybody will read it: a tuple becomes a list
        except (ValueError, TypeError, RecursionError) as problem:
            return Outcome("not_recorded", action, reason=f"it cannot be written down: {clean(problem, 200)}")
        known = self.outbox.find(action.id, "queued", "lost", "conflict", deed=action)
        if known is None or known.place == "conflict":
            try:
                known = self.outbox.put(action, instead=known)
            except NotRecorded as problem:
                return self._unrecorded(action, problem)
        return self._deliver(known)

    def drain(self) -> tuple[Outcome, ...]:
        """Deliver what waits; what became of each. Stops at the first that the store does not take."""
        with self._turn() as mine:
            if not mine:
                return self.pending().queued
            try:
                self._look_for_loss()
            except Unavailable as problem:
                self._stuck = problem
                return self.pending().queued
            outcomes = self._drain()
            self._prune()
        return tuple(outcomes.values())

    def pending(self) -> OutboxSeen:
        """What is not in the log, by what was tried last. Does not touch the log."""
        queued, conflicts = self.outbox.waiting(), self.outbox.listed("conflict")
        undone = {waiting.action.id for waiting in queued}
        replaced = {waiting.instead for waiting in queued}
        decide: list[Waiting] = []
        for one in conflicts:
            shown = any(one.action.id == d.action.id and same_deed(one.action, d.action) for d in decide)
            if not shown and one.name not in replaced and one.action.id not in undone:
                decide.append(one)
        stuck, lost = {one.action.id for one in decide}, _lost(queued)
        seen = OutboxSeen(
            tuple(self._queued(waiting, self._held(waiting, undone, stuck, lost)) for waiting in queued),
            tuple(map(_conflict, decide)),
            self.outbox.trouble(),
        )
        if seen != self._seen:
            self._seen = seen
        return self._seen

    def drop(self, id_: str) -> Outcome | None:
        """Forget the conflict of the action `id_`, or what the store lost.

        ``not_recorded``, as it is nowhere then; None where there is no such one. It stays a ``conflict``
        where its file cannot be removed.
        """
        found = self.outbox.find(id_, "queued", "lost", "conflict")
        if found is None or (found.place != "conflict" and not self._follows_what_is_lost(found)):
            return None
        gone = self.outbox.settle(found.action) if found.place == "conflict" else self.outbox.give_up(found)
        if gone:
            return Outcome("not_recorded", found.action, current=found.current, reason="dropped")
        reason = "it cannot be removed from the outbox: mend the rights of its folder"
        return replace(_conflict(found), reason=reason, remedy=str(self.outbox.folder))

    def again(self, id_: str, now: datetime, new_id: str, by: str, host: str) -> Outcome | None:
        """Hand in a conflicting action anew, over what stood in its way.

        None where there is no such conflict. Who decided saw what is recorded with the conflict; whatever
        came after that is a conflict again.
        """
        conflict = self.outbox.find(id_, "conflict")
        if conflict is None or self.outbox.find(id_, "queued") is not None:
            return None
        action = _superseding(conflict, now, new_id, by, host)
        try:
            new = self.outbox.put(decode(encode(action)), instead=conflict)
        except NotRecorded as problem:
            return self._unrecorded(action, problem)
        self.outbox.settle(conflict.action)
        return self._deliver(new)

    def look(self, after: int) -> tuple[Page, OutboxSeen]:
        """Deliver what waits, then read what is behind rev `after`. Raises Unavailable."""
        with self._turn() as mine:
            if not mine:
                raise Unavailable("the store is still busy with an earlier call")
            try:
                page = self._look(after)
            except Unavailable as problem:
                self._stuck = problem
                raise
        return page, self.pending()

    def close(self) -> None:
        """Let go of the log's connections; quick."""
        self.log.close()

    # -- under the lock ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def _turn(self) -> Iterator[bool]:
        """One call at a time speaks to the log; False when the one before does not end."""
        mine = self._lock.acquire(timeout=PATIENCE)
        try:
            yield mine
        finally:
            if mine:
                self._lock.release()

    def _follows_what_is_lost(self, one: Waiting) -> bool:
        era = self.outbox.era()
        return one.place == "lost" or (era is not None and _maybe_lost(one, era))

    def _look(self, after: int) -> Page:
        page = self._read(after)
        if self.outbox.waiting():
            outcomes = self._drain(DELIVER_FOR)
            if any(outcome.status == "committed" for outcome in outcomes.values()):
                page = self._read(after)
        if self._replaced and after > 0:
            # By now it may be as long again as it was, and hold something else.
            page = replace(self._read(0), from_start=True)
        self._replaced = False
        self._prune()
        return page

    def _read(self, after: int) -> Page:
        """A page; and what was lost, if anything was, is taken out to be handed in again."""
        if self._highest is None:
            self._era = self.outbox.era()
            self._highest = max((sent.number for sent in self.outbox.listed("sent")), default=0)
        try:
            page = self.log.read(after)
        except ValueError as problem:
            raise Unavailable(clean(problem, 200), "mend [store].url") from None
        self._stuck = None
        self._head = page.head
        self._replaced = self._replaced or page.from_start
        if page.epoch:
            self._notice(page)
        self._highest = max(self._highest, page.head)
        return page

    def _look_for_loss(self) -> None:
        if self.outbox.era() is not None:
            self._read(self._head)

    def _notice(self, page: Page) -> None:
        """Compare with what was known of the store. A loss somebody else has noticed is his to mend."""
        era = self.outbox.era()
        self._replaced = self._replaced or self._epoch not in (None, page.epoch)
        if era != self._era:
            self._replaced = True
            self._highest = page.head
            self._era = era
        shorter = page.head < (self._highest or 0)
        # Where a server tells nothing of itself, each process has a name of its own for the same time.
        known = page.epoch in (self._epoch, era.epoch if era is not None else None)
        self._epoch = page.epoch
        if era is not None and era.settled and known and not shorter:
            return
        if era is None and not self.outbox.listed("sent"):
            self._era = Era(page.epoch)
            self.outbox.remember(self._era)
            return
        # Told first, so that whoever commits something meanwhile notices and hands it in again himself.
        losses = 1 if era is None else era.losses + 1
        self.outbox.remember(Era(page.epoch, losses, settled=False))
        if self.outbox.lose_all():
            self.outbox.remember(Era(page.epoch, losses))
        self._era = self.outbox.era()
        self._highest = page.head
        self._found_again()

    def _found_again(self) -> None:
        """What is in the log after all need not be handed in again: one look is quicker than many writes."""
        there = {entry.action.id: entry for entry in self.log.read(0).entries}
        for lost in self.outbox.listed("lost"):
            entry = there.get(lost.action.id)
            if entry is not None and same_deed(entry.action, lost.action):
                self.outbox.delivered(lost, entry.rev)

    def _deliver(self, mine: Waiting) -> Outcome:
        """Deliver everything that waits; what became of `mine`."""
        with self._turn() as turn:
            if not turn:
                return self._queued(mine, "the store is still busy with an earlier call")
            outcomes = self._drain(DELIVER_FOR, mine.name)
            if mine.name in outcomes:
                return outcomes[mine.name]
            try:
                return self._elsewhere(mine, None)
            except Unavailable as problem:
                self._stuck = problem
                return self._queued(mine)
            except ValueError as problem:
                return self._queued(mine, clean(problem, 200))

    def _drain(self, within: float = float("inf"), mine: str = "") -> dict[str, Outcome]:
        """Hand in what waits, in order, for `within` seconds, and the file `mine` whatever the time.

        File name → what became of the action.
        """
        until = time.monotonic() + within
        outcomes: dict[str, Outcome] = {}
        waiting = self.outbox.waiting()
        progress = True
        while waiting and progress:
            progress = False
            undone = {one.action.id for one in waiting}
            conflicts = {one.action.id for one in self.outbox.listed("conflict")}
            lost = _lost(waiting)
            rest: list[Waiting] = []
            for place, one in enumerate(waiting):
                held = self._held(one, undone, conflicts, lost)
                if held:
                    outcome = self._queued(one, held)
                elif time.monotonic() > until and one.name != mine:
                    outcome = self._queued(one, "its turn comes with the next look")
                else:
                    try:
                        outcome = self._hand_in(one)
                    except ValueError as problem:  # nothing that will ever be stored; others must not wait
                        self._said[one.name] = clean(problem, 200)
                        outcome = self._queued(one)
                    except Unavailable as problem:
                        self._stuck = problem
                        left = [*rest, *waiting[place:]]
                        return outcomes | {
                            w.name: self._queued(w, self._held(w, undone, conflicts, lost)) for w in left
                        }
                outcomes[one.name] = outcome
                if outcome.status == "queued":
                    rest.append(one)
                    continue
                progress = True
                undone.discard(one.action.id)
                if outcome.status == "conflict":
                    conflicts.add(one.action.id)
            waiting = rest
        return outcomes

    def _held(self, one: Waiting, undone: Set[str], conflicts: Set[str], lost: Mapping[str, str]) -> str:
        """Why it must not be handed in yet; empty when it may be.

        `lost`: item → the last action on it that the store lost. What was put before the loss was noticed
        follows it, too, although nothing waited then.
        """
        if one.place == "lost" and self._head < one.number - 1 and _within(one.since, RESTORED_WITHIN):
            return f"the store lost it; it waits for what stood before it, up to rev {one.number - 1}"
        own = one.action.id
        if one.behind and one.behind != own:
            if one.behind in undone:
                return f"it waits behind the action {clean(one.behind, 80)} on the same item"
            if one.behind in conflicts:
                return f"it waits behind the action {clean(one.behind, 80)}, {UNDECIDED}"
        before = lost.get(one.action.item, own) if one.place == "queued" else own
        if before != own and before in undone:
            return f"it waits behind the action {clean(before, 80)} on the same item, which the store lost"
        return ""

    def _hand_in(self, one: Waiting) -> Outcome:
        """Put one action to the log, and to the folder that it belongs to then. Raises Unavailable."""
        name = one.name
        while True:
            era = self.outbox.era()
            verdict = self._append(one, era)
            if not isinstance(verdict, Committed):
                return self._not_taken(one, name, verdict)
            rev = verdict.entry.rev
            self._head = max(self._head, rev)
            if self._highest is not None:
                self._highest = max(self._highest, rev)
            one = self.outbox.delivered(one, rev)
            now = self.outbox.era()
            if era is None or now is None or now.name == era.name:
                self._said.pop(name, None)
                return Outcome("committed", verdict.entry.action, rev)
            # The store lost its end while this was under way, and what was sent has been looked through
            # without it: only asking again tells whether it is still there.
            one = self.outbox.lose(one)

    def _append(self, one: Waiting, era: Era | None) -> Verdict:
        again = era is not None and _maybe_lost(one, era)
        verdict = self.log.append(one.action, resubmitted=again)
        self._stuck = None
        if isinstance(verdict, Moved) and era is not None and not again and one.action.expect:
            # What it expects may be gone rather than overtaken.
            self._read(self._head)
            now = self.outbox.era()
            if now is not None and now.name != era.name:
                verdict = self.log.append(one.action, resubmitted=True)
        return verdict

    def _not_taken(self, one: Waiting, name: str, verdict: Moved | Taken | Missing) -> Outcome:
        if isinstance(verdict, Missing):
            expected = clean(one.action.expect or "", 80)
            self._said[name] = (
                f"the store does not hold the action {expected}, which it follows: it may have lost it"
            )
            return self._queued(one)
        if not self.outbox.has(one):
            return self._elsewhere(one, verdict)
        taken = isinstance(verdict, Taken)
        current = verdict.entry if isinstance(verdict, Taken) else verdict.current
        conflict = replace(one, why="taken" if taken else "moved", current=current)
        self.outbox.conflicted(one, conflict.why, current)
        self._said[name] = _conflict(conflict).reason
        return _conflict(conflict)

    def _elsewhere(self, one: Waiting, verdict: Moved | Taken | None) -> Outcome:
        """Another process took it out of the folder: what became of it there. Raises Unavailable."""
        for place in ("sent", "conflict"):
            found = self.outbox.find(one.action.id, place, deed=one.action)
            if found is not None:
                if found.place == "conflict":
                    return _conflict(found)
                return Outcome("committed", self._stored(found), found.number)
        waits = self.outbox.find(one.action.id, "queued", "lost", deed=one.action)
        if waits is not None:
            return self._queued(waits)
        asked = verdict or self.log.append(one.action)
        if isinstance(asked, Committed):
            return Outcome("committed", asked.entry.action, asked.entry.rev)
        if isinstance(asked, Missing):
            return self._queued(one)
        why = "taken" if isinstance(asked, Taken) else "moved"
        return _conflict(
            replace(one, why=why, current=asked.entry if isinstance(asked, Taken) else asked.current)
        )

    def _stored(self, sent: Waiting) -> Action:
        """What the log has under its id: of several who handed in the same, the first stands there."""
        with contextlib.suppress(Unavailable):
            for entry in self.log.read(sent.number - 1).entries:
                if entry.action.id == sent.action.id:
                    return entry.action
        return sent.action

    def _unrecorded(self, action: Action, problem: NotRecorded) -> Outcome:
        """It could not be kept: ``not_recorded``, unless it is a repetition of what is in the log already."""
        with self._turn() as mine, contextlib.suppress(Unavailable, ValueError):
            for entry in self.log.read(0).entries if mine else ():
                if entry.action.id == action.id and same_deed(entry.action, action):
                    return Outcome("committed", entry.action, entry.rev)
        return Outcome("not_recorded", action, reason=problem.reason, remedy=problem.remedy)

    def _queued(self, one: Waiting, reason: str = "") -> Outcome:
        if reason:
            remedy = DECIDE if reason.endswith(UNDECIDED) else ""
            return Outcome("queued", one.action, reason=reason, remedy=remedy)
        said = self._said.get(one.name, "")
        if self._stuck is not None:
            return Outcome("queued", one.action, reason=self._stuck.reason, remedy=self._stuck.remedy)
        return Outcome(
            "queued", one.action, reason=said or "it was not handed in yet", remedy=DECIDE if said else ""
        )

    def _prune(self) -> None:
        if time.monotonic() - self._pruned >= PRUNE_EVERY and self._stuck is None:
            self._pruned = time.monotonic()
            self.outbox.prune()


def _lost(waiting: Iterable[Waiting]) -> dict[str, str]:
    """Item → id of the last action on it among those that the store lost."""
    return {one.action.item: one.action.id for one in waiting if one.place == "lost"}


def _within(since: float, seconds: float) -> bool:
    """Whether `since` is less than `seconds` ago; an instant in the future is of another clock: no."""
    return 0 <= time.time() - since < seconds


def _maybe_lost(one: Waiting, era: Era) -> bool:
    """Whether what it follows may be missing because the store lost it. After a day nobody brings it back."""
    before = one.place == "lost" or (bool(one.era) and one.era != era.name)
    return before and time.time() - one.since < KEEP


def _deed(action: Action) -> str:
    return f"another action ({clean(action.kind, 40)} on {clean(action.item, 80)})"


def _conflict(one: Waiting) -> Outcome:
    """The outcome of a conflict, as it is recorded."""
    current = one.current
    if one.why == "taken" and current is not None:
        reason = f"its id belongs to {_deed(current.action)}, rev {current.rev}"
    elif current is not None:
        who = clean(current.action.actor, 80) or "somebody"
        reason = f"{who} was quicker: {clean(current.action.kind, 40)}, rev {current.rev}"
    else:
        reason = "the store holds nothing on it, although something was expected"
    return Outcome("conflict", one.action, None, current, reason, DECIDE)


def _superseding(conflict: Waiting, now: datetime, new_id: str, by: str, host: str) -> Action:
    """The same deed anew, over the last action on the item that its author was shown."""
    old, current = conflict.action, conflict.current
    over = old.expect
    if conflict.why != "taken":
        over = current.action.id if current is not None else ""
    args = {**old.args, "supersedes": over} if over else dict(old.args)
    return replace(old, id=new_id, args=args, actor=by, host=host, at=now, expect=over)
