"""Handing actions in, and what follows from what became of them. Keys stay quick: all of it in a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from controlroom.domain.actions import Action, Outcome
from controlroom.domain.board import Status
from controlroom.domain.documents import CellEdit
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.text import clean
from controlroom.tui.acts import questions
from controlroom.tui.acts.arriving import arrived
from controlroom.tui.acts.memory import Memory
from controlroom.tui.acts.planning import Job, Plan
from controlroom.tui.acts.targets import subject_of
from controlroom.tui.widgets.pane import Scene

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp

TITLE = 48
"""Characters of a thing's title in a notice."""

LONG = 12.0
"""Seconds a notice stays that says more than that all is well."""

SLOW = 0.4
"""Seconds after which it is said that the log takes its time."""

UNHURRIED = 0.8
"""The same for what the screen shows already while it is on its way."""

Again = Callable[[], None] | None
"""Opens the form again with what was typed."""


async def submit(app: RoomApp, actions: Sequence[Action], slow: float) -> Sequence[Outcome]:
    """Hand in `actions`: what became of each. After `slow` seconds it is said that the log takes its time."""
    late = "on its way: the log is slow to answer"
    waiting = asyncio.get_running_loop().call_later(slow, app.say, late, "warn", LONG)
    try:
        return await app.room.desk.submit(actions)
    except Exception as error:
        # The desk raises nothing; should it, nobody may believe that anything was recorded.
        app.note_failure("handing in an action", error)
        why = f"the room failed: {type(error).__name__}"
        return [Outcome("not_recorded", action, reason=why) for action in actions]
    finally:
        waiting.cancel()


def tell(app: RoomApp, outcome: Outcome, words: str, *, quiet: bool) -> None:
    """Say what became of the one action that does `words`; what a conflict means is not said here.

    `quiet`: where all is well the screen shows it, and nothing needs to be said.
    """
    if outcome.status == "committed" and not quiet:
        app.say(f"r{outcome.rev} {words}")
    elif outcome.status == "queued":
        why = f": {outcome.reason}" if outcome.reason else ""
        app.say(f"queued, will be delivered: {words}{why}", "warn", LONG)
    elif outcome.status == "not_recorded":
        scene = app.room_screen.scene()

        def answered(result: str | None) -> None:
            if result == "copy":
                app.copy_text(questions.as_plain([outcome], scene))

        app.push_screen(questions.not_recorded([outcome], scene, again=False), answered)


class Handing:
    """Gives plans to the desk, one after another, and tells what became of each action."""

    def __init__(self, app: RoomApp, memory: Memory) -> None:
        self._app = app
        self._memory = memory
        self._waiting: dict[str, Action] = {}

    def begin(self, plan: Plan, again: Again = None) -> None:
        """Hand in everything that is planned."""
        for job in plan.jobs:
            for action in job.actions:
                self._memory.acted(job.target, action)
        self._work(self._hand_in(plan, again))

    def settle(self, id_: str, how: Literal["drop", "again"]) -> None:
        """Decide a conflict."""
        self._work(self._settle(id_, how))

    def _work(self, story: object) -> None:
        self._app.run_worker(story, group="acting", exit_on_error=False)  # type: ignore[arg-type]

    # Handing in

    async def _hand_in(self, plan: Plan, again: Again) -> None:
        done: list[tuple[Job, Outcome]] = []
        going = list(plan.jobs)
        step = 0
        while going:
            outcomes = await submit(self._app, [job.actions[step] for job in going], SLOW)
            done += zip(going, outcomes, strict=True)
            step += 1
            going = [
                job
                for job, outcome in zip(going, outcomes, strict=True)
                if outcome.status in ("committed", "queued") and step < len(job.actions)
            ]
        for job, outcome in done:
            if outcome.status in ("conflict", "not_recorded"):
                self._memory.forget(job.target.id)
        self._told(plan, done, again)
        taken = [job for job in plan.jobs if any(_finished(job, found, outcome) for found, outcome in done)]
        self._app.room_screen.unmark(job.target.subject for job in taken)
        await self._follow(plan, taken)

    def _told(self, plan: Plan, done: Sequence[tuple[Job, Outcome]], again: Again) -> None:
        outcomes = [outcome for _, outcome in done]
        lost = [outcome for outcome in outcomes if outcome.status == "not_recorded"]
        self._waiting.update((o.action.id, o.action) for o in outcomes if o.status == "queued")
        if lost:
            self._cry(lost, again)
        elif len(plan.jobs) + len(plan.refused) == 1:
            self._tell_one(plan, outcomes[-1], again)
        else:
            self._tell_many(plan, outcomes)

    def _tell_one(self, plan: Plan, outcome: Outcome, again: Again) -> None:
        scene = self._scene
        title = clean(plan.jobs[0].target.title, TITLE) or outcome.action.item
        said = questions.deed(outcome.action, scene)
        match outcome.status:
            case "conflict":
                self.ask_conflict(outcome)
            case "not_recorded":
                self._cry([outcome], again)
            case _:
                tell(self._app, outcome, f"{said} · {title}", quiet=False)

    def _tell_many(self, plan: Plan, outcomes: Sequence[Outcome]) -> None:
        counts = {
            status: sum(o.status == status for o in outcomes)
            for status in ("committed", "queued", "conflict")
        }
        parts = [f"{counts['committed']} {plan.verb.done}"]
        if counts["queued"]:
            parts.append(f"{counts['queued']} queued")
        if counts["conflict"]:
            parts.append(
                f"{counts['conflict']} met another's: {self._app.key_of('conflicts.show')} shows them"
            )
        if plan.refused:
            parts.append(f"{len(plan.refused)} not done")
        trouble = len(parts) > 1
        self._app.say(" · ".join(parts), "warn" if trouble else "text", LONG if trouble else 5.0)

    # What waited

    def arrived(self, snapshot: Snapshot) -> None:
        """Say what became of actions that were said to be queued, as soon as the room knows."""
        if not self._waiting:
            return
        met = {outcome.action.id for outcome in snapshot.outbox.conflicts}
        queued = {outcome.action.id for outcome in snapshot.outbox.queued}
        history = snapshot.ledger.of if snapshot.ledger is not None else lambda item: ()
        revs = {
            entry.action.id: entry.rev
            for item in {action.item for action in self._waiting.values()}
            for entry in history(item)
        }
        gone = [id_ for id_ in self._waiting if id_ in met or (id_ in revs and id_ not in queued)]
        ended = [self._waiting.pop(id_) for id_ in gone]
        key = self._app.key_of("conflicts.show")
        if len(ended) == 1:
            title = clean(questions.title_of(ended[0].item, snapshot), TITLE)
            said = f"{questions.deed(ended[0], self._scene)} · {title}"
            if ended[0].id in met:
                self._app.say(f"{said} met another's: {key} decides", "warn", LONG)
            else:
                self._app.say(f"r{revs[ended[0].id]} delivered: {said}")
        elif ended:
            many = sum(action.id in met for action in ended)
            parts = [f"{len(ended) - many} delivered"] if many < len(ended) else []
            if many:
                parts.append(f"{many} met another's: {key} decides")
            self._app.say(" · ".join(parts), "warn" if many else "text", LONG if many else 5.0)

    # Conflicts, and what was lost

    def ask_conflict(self, outcome: Outcome) -> None:
        """Show what another did, and ask what becomes of one's own action."""

        def answered(result: str | None) -> None:
            if result == "again":
                self.settle(outcome.action.id, "again")
            elif result == "drop":
                self.settle(outcome.action.id, "drop")
            elif result == "look":
                self.look(outcome.action.item)

        self._app.push_screen(questions.conflict(outcome, self._scene), answered)

    def look(self, item: str) -> None:
        """The detail of a blocker, card or signal."""
        self._app.open_detail(subject_of(self._scene.snapshot, item))

    async def _settle(self, id_: str, how: Literal["drop", "again"]) -> None:
        try:
            outcome = await self._app.room.desk.settle(id_, how)
        except Exception as error:
            self._app.note_failure("deciding a conflict", error)
            self._app.say(f"nothing was decided: {type(error).__name__}", "down", LONG)
            return
        if outcome is None:
            self._app.say("there is no such conflict any more")
            return
        self._memory.forget(outcome.action.item)
        said = questions.deed(outcome.action, self._scene)
        title = clean(questions.title_of(outcome.action.item, self._scene.snapshot), TITLE)
        if how == "drop" and outcome.status == "conflict":
            self._app.say(f"not dropped: {outcome.reason} {outcome.remedy}", "down", LONG)
        elif how == "drop":
            self._app.say(f"dropped: {said} · {title}")
        elif outcome.status == "committed":
            self._app.say(f"r{outcome.rev} {said} · {title}")
        elif outcome.status == "conflict":
            self.ask_conflict(outcome)
        elif outcome.status == "queued":
            self._app.say(f"queued, will be delivered: {said} · {title}: {outcome.reason}", "warn", LONG)
        else:
            self._cry([outcome], None)

    def _cry(self, lost: Sequence[Outcome], again: Again) -> None:
        """Say loudly that nothing was recorded, until somebody has seen it."""
        scene = self._scene
        plain = questions.as_plain(lost, scene)

        def answered(result: str | None) -> None:
            if result == "copy":
                self._app.copy_text(plain)
                self._cry(lost, again)
            elif result == "edit" and again is not None:
                again()

        self._app.push_screen(questions.not_recorded(lost, scene, again=again is not None), answered)

    # What follows

    async def _follow(self, plan: Plan, taken: Sequence[Job]) -> None:
        if not taken:
            return
        if plan.verb.kind == "status" and self._app.options.write_back != "never":
            await self._write_back(taken)
        elif plan.verb.kind == "escalate":
            await self._escalated(taken)

    async def _write_back(self, jobs: Sequence[Job]) -> None:
        """Move the cards in their documents too, where that is wanted."""
        edits: list[tuple[Job, CellEdit]] = []
        kept: list[str] = []
        for job in jobs:
            found = await self._preview(job)
            if isinstance(found, CellEdit):
                edits.append((job, found))
            else:
                kept.append(f"{clean(job.target.title, TITLE)}: {found}")
        if not edits:
            self._app.say(f"moved here, not in the document: {kept[0]}", "warn", LONG)
            return
        if self._app.options.write_back == "always":
            await self._write(edits, kept)
            return

        def answered(result: str | None) -> None:
            if result == "write":
                self._work(self._write(edits, kept))
            else:
                self._app.say("the document stays as it is")

        self._app.push_screen(questions.write_back([edit for _, edit in edits], kept), answered)

    async def _preview(self, job: Job) -> CellEdit | str:
        item, status = job.target.item, job.actions[-1].args.get("status")
        if item is None or not isinstance(status, str):
            return "it is no card of a document"
        found: Status = status  # type: ignore[assignment]
        return await self._app.room.desk.preview(item, found)

    async def _write(self, edits: Sequence[tuple[Job, CellEdit]], kept: Sequence[str]) -> None:
        """Write what was shown. Each is looked at again, as the one before changed the same file."""
        wrong: list[str] = []
        written: list[CellEdit] = []
        for number, (job, shown) in enumerate(edits):
            edit: CellEdit | str = shown if number == 0 else await self._preview(job)
            if isinstance(edit, str):
                wrong.append(f"{shown.path}:{shown.line}: {edit}")
            elif (edit.path, edit.before, edit.after) != (shown.path, shown.before, shown.after):
                wrong.append(f"{shown.path}:{shown.line}: it reads otherwise now")
            elif problem := await self._app.room.desk.write(edit):
                wrong.append(f"{edit.path}:{edit.line}: {problem}")
            else:
                written.append(edit)
        wrong += kept
        said = [f"{edit.path}:{edit.line} now says {edit.after}" for edit in written[:1]]
        said += [f"and {len(written) - 1} more cells"] if len(written) > 1 else []
        said += (
            [f"not written: {wrong[0]}" + (f" and {len(wrong) - 1} more" if len(wrong) > 1 else "")]
            if wrong
            else []
        )
        self._app.say(" · ".join(said), "warn" if wrong else "text", LONG)

    async def _escalated(self, jobs: Sequence[Job]) -> None:
        """The text for the channel: on the clipboard, in a file, and posted where that is wanted."""
        desk = self._app.room.desk
        late = not await arrived(self._app, *(job.actions[-1] for job in jobs))
        texts = [told for job in jobs if (told := await desk.escalation_text(job.target.id))]
        if not texts:
            return
        told = "\n".join(text.rstrip("\n") + "\n" for text in texts)
        cut = self._app.copy_text(told)
        kept = await desk.keep_text(_file_name(jobs), told)
        options = self._app.options
        screen = questions.escalation(
            told, kept, channel=options.channel, webhook=options.webhook, cut=cut, late=late
        )

        def answered(result: str | None) -> None:
            if result == "copy":
                self._app.copy_text(told)
                self._app.say("copied the escalation")
            elif result == "post":
                self._work(self._post(told))

        self._app.push_screen(screen, answered)

    async def _post(self, told: str) -> None:
        problem = await self._app.room.desk.post(told)
        where = self._app.options.channel or "the webhook"
        if problem:
            self._app.say(f"not posted to {where}: {problem}", "down", LONG)
        else:
            self._app.say(f"posted to {where}")

    @property
    def _scene(self) -> Scene:
        return self._app.room_screen.scene()


def _taken(outcome: Outcome) -> bool:
    return outcome.status in ("committed", "queued")


def _finished(job: Job, found: Job, outcome: Outcome) -> bool:
    """Whether `outcome` is that of the last action of `job`, and a good one."""
    return found is job and outcome.action.id == job.actions[-1].id and _taken(outcome)


def _file_name(jobs: Sequence[Job]) -> str:
    """A name for the file of an escalation's text: when, and what about."""
    job = jobs[0]
    at = job.actions[-1].at.strftime("%Y%m%d-%H%M%S")
    id_ = "".join(c if c.isalnum() or c in "-_" else "-" for c in job.target.id)[:60]
    return f"{at}-{id_}" + (f"-and-{len(jobs) - 1}-more" if len(jobs) > 1 else "")
