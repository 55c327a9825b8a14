"""The questions that are asked around an action: what will happen, what became of it, what another did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from controlroom.domain import words, zones
from controlroom.domain.actions import Action, Entry, Outcome
from controlroom.domain.documents import CellEdit
from controlroom.domain.instants import render
from controlroom.domain.snapshot import Snapshot
from controlroom.tui import present
from controlroom.tui.acts.planning import Plan
from controlroom.tui.acts.targets import Target, subject_of, target
from controlroom.tui.acts.verbs import MOVES
from controlroom.tui.lines import BLANK, text
from controlroom.tui.rows import Line, Span
from controlroom.tui.screens.ask import Answer, Ask, fact
from controlroom.tui.triage_words import names, on_this_clock
from controlroom.tui.widgets.pane import Scene

LATER = Answer("", "decide later: it stays in the outbox", "later", "dim")


def deed(action: Action, scene: Scene) -> str:
    """What an action does, in words, with names as this screen says them."""
    snapshot = scene.snapshot
    called = names(snapshot.program, scene.view, scene.now)
    return words.deed(action, called, undone(action, snapshot))


def undone(action: Action, snapshot: Snapshot) -> Action | None:
    """What an undo takes back, where it is known."""
    wanted = action.args.get("undoes")
    if wanted is None:
        return None
    history = snapshot.ledger.of(action.item) if snapshot.ledger is not None else ()
    known = (*(entry.action for entry in history), *(outcome.action for outcome in snapshot.outbox.queued))
    return next((done for done in known if done.id == wanted), None)


def title_of(item: str, snapshot: Snapshot) -> str:
    """What an item is called: a blocker's summary, a card's epic, a signal's metric, else its id."""
    found = target(snapshot, subject_of(snapshot, item))
    return found.title if found is not None else item


def moves(targets: Sequence[Target]) -> Ask:
    """Where a card can be moved, each place with its letter."""
    now = {t.item.status for t in targets if t.item is not None}
    answers = []
    for letter, status, label in MOVES:
        here = now == {status}
        look = present.STATUS[status]
        answers.append(
            Answer(
                letter,
                f"{look.glyph} {label}{'  (it is there now)' if here else ''}",
                status,
                "dim" if here else "text",
            )
        )
    title = targets[0].title if len(targets) == 1 else f"{len(targets)} cards"
    first = next((status for _, status, _ in MOVES if now != {status}), "")
    return Ask("Move", ((Span(title, "strong"),),), answers, safe=first)


def before_acting(plan: Plan, scene: Scene, *, clock_set: bool) -> Ask:
    """Exactly what is going to happen, to each."""
    lines: list[Line] = []
    for job in plan.jobs:
        said = ", ".join(deed(action, scene) for action in job.actions)
        lines.append(text(Span("✓ ", "ok"), Span(job.target.title, "strong"), Span("  "), Span(said)))
    for refused in plan.refused:
        why = on_this_clock(refused.refusal.reason, scene.snapshot.program, scene.now)
        lines.append(
            text(Span("✖ ", "down"), Span(refused.title), Span("  not done: ", "dim"), Span(why, "warn"))
        )
    if clock_set:
        at = plan.actions[0].at
        lines += [BLANK, *_clock_lines(at, scene)]
    count = len(plan.jobs)
    label = "write it with that time" if clock_set else f"do it: {count} thing{'s' if count != 1 else ''}"
    title = "The clock is set" if clock_set else "This will happen"
    return Ask(title, lines, (Answer("y", label, "yes"),), safe="" if not clock_set else "none")


def _clock_lines(at: datetime, scene: Scene) -> list[Line]:
    zone = scene.snapshot.program.zone
    return [
        text(
            Span("▲ ", "warn"),
            Span("The clock of this room is set. The log would say for ever that this was done"),
        ),
        text("  ", Span(f"{zones.label(at, zone, dated=True)}  ({render(at)})", "strong")),
    ]


def conflict(outcome: Outcome, scene: Scene) -> Ask:
    """Somebody else acted first: who, what, when; and what to do about one's own action."""
    return Ask(
        "Somebody else was first",
        conflict_lines(outcome, scene),
        (
            Answer("a", "apply mine anyway, after theirs", "again"),
            Answer("d", "drop mine", "drop"),
            Answer("l", "look at it as it is now", "look"),
            LATER,
        ),
        safe="look",
        style="warn",
    )


def conflict_lines(outcome: Outcome, scene: Scene) -> tuple[Line, ...]:
    """Mine and theirs, below what they are about."""
    action = outcome.action
    return (
        (Span(title_of(action.item, scene.snapshot), "strong"),),
        BLANK,
        fact("theirs", their_words(outcome.current, scene), "warn"),
        fact("yours", f"{deed(action, scene)}; not in the log", "text"),
    )


def their_words(entry: Entry | None, scene: Scene) -> str:
    """``Ada resolved: …, 08:57 (2m ago), r43``."""
    if entry is None:
        return "what you saw is not in the log any more"
    action = entry.action
    who = present.person(action.actor, scene.view) or "somebody"
    host = f" on {action.host}" if action.host and not scene.view.redact else ""
    when = present.moment(action.at, scene.now, scene.snapshot.program.zone)
    old = present.since(action.at, scene.now)
    return f"{who}{host}: {deed(action, scene)} · {when}, {old} ago · r{entry.rev}"


def not_recorded(failed: Sequence[Outcome], scene: Scene, *, again: bool) -> Ask:
    """Nothing was written anywhere: loudly, with what would be lost."""
    first = failed[0]
    lines: list[Line] = [
        (Span("Nothing was recorded, neither in the log nor in the outbox.", "strong"),),
        fact("why", first.reason or "unknown", "down"),
    ]
    if first.remedy:
        lines.append(fact("remedy", first.remedy))
    lines.append(BLANK)
    for outcome in failed:
        lines.append(
            text(
                Span(f"{title_of(outcome.action.item, scene.snapshot)}: ", "dim"), deed(outcome.action, scene)
            )
        )
    answers = [Answer("", "I have seen it", "seen"), Answer("y", "copy this text", "copy")]
    if again:
        answers.append(Answer("e", "edit it again", "edit"))
    return Ask("NOT RECORDED", lines, answers, style="badge-breach")


def as_plain(failed: Sequence[Outcome], scene: Scene) -> str:
    """What was not recorded, for the clipboard."""
    return (
        "\n".join(f"{title_of(o.action.item, scene.snapshot)}: {deed(o.action, scene)}" for o in failed)
        + "\n"
    )


def write_back(edits: Sequence[CellEdit], kept: Sequence[str]) -> Ask:
    """The cells of documents that would change, and the reasons for those that cannot."""
    lines: list[Line] = []
    for edit in edits:
        lines.append((Span(f"{edit.path}:{edit.line}", "strong"),))
        lines.append(
            text("  ", Span(edit.before or "(empty)", "dim"), Span("  →  ", "accent"), Span(edit.after))
        )
    lines += [text(Span("▲ ", "warn"), Span(why, "dim")) for why in kept]
    cells = "that cell" if len(edits) == 1 else f"these {len(edits)} cells"
    return Ask(
        "Write it into the document?",
        lines,
        (
            Answer("y", f"write {cells}; nothing else in the file changes", "write"),
            Answer("n", "leave the document as it is", "leave"),
        ),
        safe="leave",
    )


def escalation(told: str, kept: Path | str, *, channel: str, webhook: bool, cut: bool, late: bool) -> Ask:
    """The text for the channel, where it lies now, and whether to post exactly that."""
    copied = "copied to the clipboard" + (", cut off where it is too long" if cut else "")
    lines: list[Line] = [text(Span("✓ ", "ok"), Span(copied))]
    if isinstance(kept, Path):
        lines.append(text(Span("✓ ", "ok"), Span("written to "), Span(str(kept), "strong")))
    else:
        lines.append(text(Span("▲ ", "warn"), Span(f"not written: {kept}")))
    if late:
        why = "the room has not read the escalation back: the text may lack it"
        lines.append(text(Span("▲ ", "warn"), Span(why)))
    lines.append(BLANK)
    lines += [(Span(line),) if line else BLANK for line in told.splitlines()]
    answers = [Answer("", "close", "close"), Answer("y", "copy it again", "copy")]
    if webhook:
        answers.append(Answer("p", f"post exactly this text to {channel or 'the webhook'}", "post"))
    return Ask(f"Escalated: text for {channel or 'the channel'}", lines, answers)
