"""What a person does about a gap: excuse it before the gate, end that, or take the name that was meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from controlroom.config.changes import AcceptMetric
from controlroom.domain.telemetry import UNKNOWN_CODES, GapCode, SignalReading
from controlroom.domain.text import clean
from controlroom.tui import gate_words, present
from controlroom.tui.acts.verbs import UNWAIVE, VERBS
from controlroom.tui.lines import BLANK
from controlroom.tui.rows import Line, Span, Subject
from controlroom.tui.screens import configdiff
from controlroom.tui.screens.ask import Answer, Ask, fact
from controlroom.tui.screens.picker import Choice, Picker
from controlroom.tui.widgets.pane import Scene

if TYPE_CHECKING:
    from controlroom.domain.waivers import Waiver
    from controlroom.tui.acts.acting import Acting


def waive(acting: Acting, subjects: Sequence[Subject]) -> None:
    """Excuse signals: until when and why. Of one that is excused already, ask whether to end that."""
    scene = acting.app.room_screen.scene()
    verb = VERBS["signal.waive"]
    waiver = gate_words.counting(scene.snapshot, subjects[0].id, scene.now) if len(subjects) == 1 else None
    if waiver is None:
        acting.triage(verb, subjects)
        return

    def answered(result: str | None) -> None:
        if result in ("end", "anew"):
            acting.triage(UNWAIVE if result == "end" else verb, subjects)

    acting.app.push_screen(ending(waiver, scene), answered)


def ending(waiver: Waiver, scene: Scene) -> Ask:
    """Whether a waiver is to end: whose it is, why it was given, and until when it would last."""
    snapshot, now = scene.snapshot, scene.now
    reading = gate_words.by_id(snapshot.signals).get(waiver.signal)
    zone = snapshot.program.zone
    given = f"{present.moment(waiver.at, now, zone)}, {present.since(waiver.at, now)} ago"
    until = f"{present.moment(waiver.until, now, zone)}, in {gate_words.left(waiver.until, now)}"
    who = present.person(clean(waiver.who), scene.view)
    lines: list[Line] = [
        (Span(reading.signal.title if reading is not None else waiver.signal, "strong"),),
        BLANK,
        fact("waived by", who or "somebody", "maintenance", width=11),
        fact("why", clean(waiver.why) or "nobody said", width=11),
        fact("given", given, width=11),
        fact("until", until, width=11),
    ]
    if reading is not None:
        look = present.gap_look(reading.code, snapshot.gate_rules.fail_codes)
        lines.append(fact("now", f"{look.glyph} {look.word}", look.style, width=11))
    return Ask(
        "It is waived",
        lines,
        (
            Answer("e", "end the waiver: the gate counts the signal again", "end"),
            Answer("a", "waive it anew, for another time or reason", "anew"),
            Answer("n", "leave it as it is", "leave"),
        ),
        safe="leave",
    )


def accept(acting: Acting, subjects: Sequence[Subject]) -> None:
    """Take an exported name into the contract: shows what would be written, or why there is none to take."""
    app = acting.app
    snapshot = app.room_screen.scene().snapshot
    reading = gate_words.by_id(snapshot.signals).get(subjects[0].id)
    if len(subjects) > 1:
        app.say("one name at a time: a contract is changed line by line", "warn")
    elif reading is None:
        app.say("cannot take a name for it: it is no longer there", "warn")
    elif not reading.near or reading.code in UNKNOWN_CODES:
        app.say(nothing_near(reading), "warn")
    elif len(reading.near) == 1:
        configdiff.offer(app, accepted(reading, reading.near[0]))
    else:
        _choose(acting, reading)


def _choose(acting: Acting, reading: SignalReading) -> None:
    def chosen(name: str | None) -> None:
        if name is not None:
            configdiff.offer(acting.app, accepted(reading, name))

    job = f"exported by job {reading.signal.job}" if reading.signal.job else "exported"
    choices = [Choice(name, clean(name), job) for name in reading.near]
    acting.app.push_screen(Picker(f"Instead of {reading.signal.title}", choices), chosen)


def accepted(reading: SignalReading, name: str) -> AcceptMetric:
    """The change that takes `name` for what `reading` looked for."""
    signal = reading.signal
    return AcceptMetric(signal.squad, signal.metric, signal.job, name)


def nothing_near(reading: SignalReading) -> str:
    """Why there is no name to take."""
    title, job = reading.signal.title, reading.signal.job
    if reading.code is GapCode.OK:
        return f"{title} is there under its own name"
    if reading.code in UNKNOWN_CODES:
        return f"nothing is known of what is exported: {reading.text or 'the server has not answered'}"
    if reading.signal.topic is not None:
        return f"{title} has no metric of its own to rename"
    if reading.code is GapCode.NO_TARGET:
        return f"no name can be taken: nothing is scraped under job {job}"
    where = f" by job {job}" if job else ""
    return f"nothing exported{where} is called almost like {title}"
