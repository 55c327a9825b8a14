"""What is asked for at a standup: what was decided and said, who drives, what becomes of a blocker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from controlroom.domain.actions import Action, Kind
from controlroom.domain.carry import Carried
from controlroom.domain.decide import Refusal
from controlroom.domain.runs import CaptureKind, Run
from controlroom.domain.text import clean
from controlroom.domain.triage import Blocker
from controlroom.tui import present
from controlroom.tui.acts.fields import Field, Form
from controlroom.tui.acts.targets import target
from controlroom.tui.acts.verbs import VERBS
from controlroom.tui.lines import BLANK, text
from controlroom.tui.panes.blockers import waits
from controlroom.tui.rows import Line, Span, Subject
from controlroom.tui.screens.ask import Answer, Ask, fact
from controlroom.tui.screens.form import Fault
from controlroom.tui.standup import words
from controlroom.tui.standup.course import drives

if TYPE_CHECKING:
    from controlroom.tui.standup.mode import Mode

FIELDS: Mapping[CaptureKind, tuple[Field, ...]] = {
    "decision": (Field("text", "decision"),),
    "task": (
        Field("text", "what"),
        Field("owner", "who", "person", note="who does it"),
        Field("due", "until", note="as it is said: Thursday, 10-08; may stay empty"),
    ),
    "note": (Field("text", "note"),),
    "park": (Field("text", "topic", note="what is talked about another time"),),
}

TRIES = 5
"""How often taking over is tried again where only the clock of the standup moved on meanwhile."""


def ask(mode: Mode, run: Run, kind: CaptureKind) -> None:
    """Ask for the words, and hand them in with the part and the squad that was on."""
    segment, about = run.segment, _about(mode)
    context = {
        "segment": segment.id if segment is not None else "",
        "squad": (segment.squad if segment is not None else None) or "",
        "about": about[0] if about is not None else "",
    }
    title = words.CAPTURES[kind][0]
    if segment is not None:
        title = f"{title} · {clean(words.called(segment, mode.snapshot.program), 40)}"
    form = Form(title, FIELDS[kind], (f"on {clean(about[1], 80)}",) if about is not None else ())
    _asked(mode, form, kind, run.key.minutes, context, said=True)


def _about(mode: Mode) -> tuple[str, str] | None:
    """Id and title of the blocker or card that the cursor is on."""
    subject = mode.screen.subject
    found = target(mode.snapshot, subject) if subject is not None else None
    if (
        found is None
        or found.kind not in ("blocker", "item")
        or subject is None
        or subject.kind != found.kind
    ):
        return None
    return found.id, found.title


def _asked(
    mode: Mode,
    form: Form,
    kind: Kind,
    item: str,
    more: Mapping[str, Any],
    *,
    save: str = "save",
    said: bool = False,
    then: Callable[[Action], None] | None = None,
) -> None:
    """Show `form`; what is typed becomes an action on `item`, checked as it will be when it is handed in."""
    given: list[Mapping[str, Any]] = []

    def check(args: Mapping[str, Any]) -> Fault | None:
        made = mode.made(kind, item, {**more, **args})
        if isinstance(made, Refusal):
            return Fault(made.field, made.reason, made.remedy)
        given[:] = [{**more, **args}]
        return None

    def done(_: Mapping[str, str]) -> None:
        mode.send(kind, item, given[0], said=said, then=then)

    mode.app.acting.show_form(form, check, done, save)


# Who drives


def hand_over(mode: Mode, run: Run) -> None:
    """Let another drive; where another does, take over."""
    if drives(run, mode.by):
        field = Field("to", "who drives", "person", note="whose terminal moves the standup on")
        form = Form("Hand the standup over", (field,))
        _asked(mode, form, "hand-over", run.key.run, {}, save="hand over", said=True)
        return
    who = present.person(run.driver, mode.screen.view) or "somebody"

    def answered(result: str | None) -> None:
        if result == "take":
            mode.consented_first(lambda: _take(mode, run))

    lines: list[Line] = [
        (Span(f"{who} drives the standup", "strong"), Span(f" on {run.host}" if run.host else "", "dim")),
        (Span("Whoever takes over moves it on from here; everybody sees who drives.", "dim"),),
    ]
    answers = (Answer("t", "take over", "take"), Answer("n", "leave it as it is", "leave"))
    mode.app.push_screen(Ask("Take over?", lines, answers, safe="leave"), answered)


def _take(mode: Mode, run: Run) -> None:
    mode.app.run_worker(_taking(mode, run), group="standup", exit_on_error=False)


async def _taking(mode: Mode, run: Run) -> None:
    """Take over from the driver that was seen; from nobody else."""
    for _ in range(TRIES):
        now = mode.run
        if now is None or not now.on:
            mode.app.say("there is nothing to take over: the standup is over", "warn")
            return
        if now.driver != run.driver:
            mode.app.say(f"{present.person(now.driver, mode.screen.view)} drives by now", "warn")
            return
        made = mode.made("take-over", run.key.run, {}, seen=now.last_action or "")
        if isinstance(made, Refusal):
            mode.refuse(made)
            return
        outcome = await mode.out.deliver(made)
        if outcome.status != "conflict":
            return
        # The driver moved on in this moment: what was seen is seen anew.
        await mode.out.drop(outcome)
    mode.app.say("not taken over: the standup moves on all the time; try again", "warn")


# Blockers that need a decision


def decide_on(mode: Mode, stuck: Sequence[Blocker], carried: Mapping[str, Carried]) -> None:
    """What becomes of the first of the blockers that cannot be passed."""
    blocker, found = stuck[0], carried[stuck[0].id]
    program, view = mode.snapshot.program, mode.screen.view
    lines: list[Line] = [
        (Span(blocker.summary or blocker.id, "strong"),),
        text(
            Span(f"↻ {words.streak(found)}", "breach"),
            Span("  it cannot be passed without a decision", "dim"),
        ),
        BLANK,
        fact("owner", present.person(blocker.owner, view) or "nobody", width=8),
    ]
    if who := waits(blocker, program):
        lines.append(text(Span(f"{'waits':<8}", "dim"), *who))
    if len(stuck) > 1:
        lines.append(fact("then", f"{len(stuck) - 1} more like it", width=8))
    answers = (
        Answer("d", "direct: say who does what", "direct"),
        Answer("o", "give it another owner", "assign"),
        Answer("e", "escalate it", "escalate"),
        Answer("a", "accept it: say why it may stay", "accept"),
    )

    def answered(result: str | None) -> None:
        if result is not None:
            _decide(mode, blocker, result)

    mode.app.push_screen(Ask("It stands here again", lines, answers, style="warn"), answered)


_ASKS: Mapping[str, tuple[Kind, str, Field, str]] = {
    "direct": ("direct", "Direct", Field("text", "who does what"), "direct"),
    "assign": ("assign", "Another owner", Field("owner", "owner", "person"), "assign"),
    "accept": ("accept", "Accept", Field("why", "why it may stay"), "accept"),
}


def _decide(mode: Mode, blocker: Blocker, how: str) -> None:
    if how == "escalate":
        mode.app.acting.triage(VERBS["blocker.escalate"], (Subject("blocker", blocker.id),))
        return
    kind, title, field, save = _ASKS[how]
    now = present.person(blocker.owner, mode.screen.view)
    if how == "assign" and now:
        field = Field(field.name, field.label, field.kind, note=f"now {now}")
    form = Form(title, (field,), (clean(blocker.summary or blocker.id, 80),))

    def decided(action: Action) -> None:
        mode.out.decided.add(action.item)

    _asked(mode, form, kind, blocker.id, {}, save=save, said=True, then=decided)
