"""Acting on alerts: silencing them, ending a silence, saying whose they are. Nothing of it is in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from controlroom.domain.alerts import owner_rule_choices
from controlroom.domain.instants import parse
from controlroom.domain.silences import Silence, SilenceDraft, draft_problem, shown, silence_of, state_at
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import Alert
from controlroom.domain.text import clean
from controlroom.tui import known_alerts, moments, present
from controlroom.tui.acts import matchers
from controlroom.tui.acts.fields import Field, Form, Frame, rituals
from controlroom.tui.acts.handing import LONG, SLOW
from controlroom.tui.lines import BLANK, join, text
from controlroom.tui.rows import Line, Span, Subject, View
from controlroom.tui.screens.ask import Answer, Ask, fact
from controlroom.tui.screens.form import Fault, FormScreen
from controlroom.tui.widgets.pane import Scene

if TYPE_CHECKING:
    from controlroom.tui.acts.acting import Acting

USUAL = "2h"
"""How long a silence lasts unless something else is typed."""

LISTED = 8
"""Alerts that a question lists before it only counts."""

GONE = "it is no longer there: it does not fire any more"

FIELDS = {"ends_at": "until"}
"""Fields of a draft that are called otherwise in the form."""


class Muted(NamedTuple):
    """A silence that can be ended: where, its id, and what is known of it."""

    server: str
    id: str
    silence: Silence | None


# Silencing


def silence(acting: Acting, subjects: Sequence[Subject]) -> None:
    """Silence what is under the cursor; where it is silenced already, offer to end that."""
    snapshot = _scene(acting).snapshot
    alerts = tuple(alert for subject in subjects for alert in known_alerts.alerts_of(snapshot, subject))
    if not alerts:
        acting.app.say(GONE, "warn")
        return
    muted = _muted(acting, alerts)
    if muted and all(alert.state == "suppressed" for alert in alerts):
        ask_end(acting, muted, alerts)
    else:
        _fill_in(acting, alerts)


def _muted(acting: Acting, alerts: Sequence[Alert]) -> tuple[Muted, ...]:
    """The silences of `alerts`, those that are known in detail first."""
    snapshot = _scene(acting).snapshot
    found: dict[str, Muted] = {}
    for alert in alerts:
        for one in silence_of(alert, snapshot.silences):
            found.setdefault(one.id, Muted(_where(snapshot, one), one.id, one))
    for alert in alerts:
        for id_ in alert.silenced_by:
            found.setdefault(id_, Muted(alert.server, id_, None))
    return tuple(found.values())


def _where(snapshot: Snapshot, one: Silence) -> str:
    """The Alertmanager to ask: of a cluster, whose members all know the silence, one that answers."""
    gone = known_alerts.as_of(snapshot)
    servers = [each.server for each in snapshot.silences if each.id == one.id]
    return next((server for server in servers if server not in gone), one.server)


def _fill_in(
    acting: Acting, alerts: Sequence[Alert], texts: Mapping[str, str] | None = None, wrong: str = ""
) -> None:
    """Ask what is silenced, until when and why. `wrong` is why it was not, the time before."""
    servers = tuple(dict.fromkeys(alert.server for alert in alerts))
    made: list[SilenceDraft] = []

    def frame() -> Frame:
        scene = _scene(acting)

        def told(typed: str) -> Any:
            return matchers.reading(typed, scene.snapshot, servers, scene.view)

        return acting.frame()._replace(live={"matchers": told})

    def check(args: Mapping[str, Any]) -> Fault | None:
        draft = _draft(args, frame())
        problem = draft_problem(draft, acting.app.room.clock())
        if problem is not None:
            return Fault(FIELDS.get(problem[0], problem[0]), problem[1], problem[2])
        made[:] = [draft]
        return None

    name = alerts[0].name + (f" ×{len(alerts)}" if len(alerts) > 1 else "")
    about = [f"not silenced: {wrong}"] if wrong else []
    already = sum(1 for alert in alerts if alert.state == "suppressed")
    about.append(f"{name}: {already} of {len(alerts)} silenced already" if already else name)
    fields = (
        Field("matchers", "matchers", "text", matchers.written(matchers.drafted(alerts))),
        Field("until", "until", "until", USUAL, "a length, a time, or a ritual by its letter"),
        Field("comment", "why", note="why nobody needs to hear of it"),
        Field("by", "by", "person", acting.app.room.desk.by),
    )
    form = Form("Silence", fields, tuple(about), "comment" if texts is None else "matchers", texts or {})
    screen = FormScreen(form, frame, check, "silence it")

    def done(result: str | None) -> None:
        if result is not None:
            _ask(acting, alerts, servers, made[0], screen.texts)

    acting.app.push_screen(screen, done)


def _draft(args: Mapping[str, Any], frame: Frame) -> SilenceDraft:
    """What was typed, as a silence. Its end is the present where none was typed: then it cannot be set."""
    end = frame.now
    if args.get("until"):
        end = parse(args["until"])
    elif args.get("ritual"):
        coming = {one.next.ritual.id: one.next.start for one in rituals(frame)}
        end = coming.get(args["ritual"], frame.now)
    found = matchers.understood(args.get("matchers", ""))
    return SilenceDraft(found, frame.now, end, args.get("by", "").strip(), args.get("comment", "").strip())


def _ask(
    acting: Acting,
    alerts: Sequence[Alert],
    servers: Sequence[str],
    draft: SilenceDraft,
    texts: Mapping[str, str],
) -> None:
    """Show exactly what will be silenced, and do it where that is wanted."""

    def answered(result: str | None) -> None:
        if result == "yes":
            _work(acting, _silence(acting, alerts, servers, draft, texts))
        else:
            _fill_in(acting, alerts, texts)

    acting.app.push_screen(before_silencing(acting, alerts, servers, draft), answered)


def before_silencing(
    acting: Acting, alerts: Sequence[Alert], servers: Sequence[str], draft: SilenceDraft
) -> Ask:
    """What a silence would match now, until when, and what is doubtful about it."""
    scene = _scene(acting)
    snapshot, view = scene.snapshot, scene.view
    seen = matchers.preview(draft.matchers, snapshot, servers, view)
    until = moments.told(draft.ends_at, scene.now, snapshot.program.zone, view.viewer_zone)
    lines: list[Line] = [
        fact("match", present.hosts(matchers.written(draft.matchers), view), "accent"),
        fact("until", until),
        fact("why", draft.comment),
        fact("by", present.person(draft.by, view)),
    ]
    if len(known_alerts.alertmanagers(snapshot)) > 1:
        lines.append(fact("in", ", ".join(servers)))
    lines += [BLANK, (Span(seen.said, "strong" if seen.alerts else "warn"),)]
    lines += [text("  ", *_alert_line(alert, scene)) for alert in seen.alerts[:LISTED]]
    if len(seen.alerts) > LISTED:
        lines.append((Span(f"  … {len(seen.alerts) - LISTED} more", "dim"),))
    missed = sum(1 for alert in alerts if alert not in seen.alerts)
    warnings = [*seen.warnings]
    if missed and seen.alerts:
        warnings.append(f"does not match {missed} of the {len(alerts)} it was begun on")
    if acting.app.options.clock_set:
        warnings.append("the clock of this room is set: Alertmanager goes by its own")
    lines += [text(Span("▲ ", "warn"), Span(why)) for why in warnings]
    at = present.moment(draft.ends_at, scene.now, snapshot.program.zone)
    answers = (Answer("y", f"silence until {at}", "yes"), Answer("e", "go back and edit it", "edit"))
    return Ask("This will be silenced", lines, answers, safe="edit" if warnings or not seen.alerts else "yes")


def _alert_line(alert: Alert, scene: Scene) -> Line:
    style = known_alerts.severity_style(alert)
    squad = present.squad_name(scene.snapshot.program, alert.squad) if alert.squad else "unowned"
    where = present.hosts(alert.labels.get("instance", ""), scene.view)
    return join(
        (
            text(
                Span(f"{known_alerts.glyph_of(style)} {alert.severity or 'no severity'} ", style), alert.name
            ),
            (Span(where),) if where else (),
            (Span(squad, "dim"),),
            (Span("silenced already", "dim"),) if alert.state == "suppressed" else (),
        )
    )


async def _silence(
    acting: Acting,
    alerts: Sequence[Alert],
    servers: Sequence[str],
    draft: SilenceDraft,
    texts: Mapping[str, str],
) -> None:
    """Set it wherever the alerts are known; what went wrong is told over the form, filled as it was."""
    desk = acting.app.room.desk
    wrong: dict[str, str] = {}
    for server in servers:
        problem = await _patiently(acting, server, desk.silence(server, draft))
        if problem:
            wrong[server] = f"{server}: {problem}" if len(servers) > 1 else problem
    if wrong:
        done = len(servers) - len(wrong)
        said = "; ".join(wrong.values()) + (f" (it is set in {done} of {len(servers)})" if done else "")
        acting.app.say(f"not silenced: {said}", "down", LONG)
        # Where it is set already it is not to be set again.
        _fill_in(acting, [alert for alert in alerts if alert.server in wrong], texts, said)
        return
    scene = _scene(acting)
    at = present.moment(draft.ends_at, scene.now, scene.snapshot.program.zone)
    acting.app.say(f"silenced until {at}: {present.hosts(matchers.written(draft.matchers), scene.view)}")


# Ending a silence


def end(acting: Acting, subjects: Sequence[Subject]) -> None:
    """End the silence under the cursor, or one of those that end soon."""
    scene = _scene(acting)
    known = scene.snapshot.silences
    if subjects[0].id == known_alerts.SOON:
        found: Sequence[Silence] = known_alerts.ending(known, scene.now)
    else:
        found = [s for s in known if s.id == subjects[0].id and state_at(s, scene.now) != "expired"]
    if not found:
        acting.app.say("it has ended already", "warn")
        return
    muted = tuple(Muted(_where(scene.snapshot, one), one.id, one) for one in found)
    ask_end(acting, muted, _quieted(scene, found))


def _quieted(scene: Scene, silences: Sequence[Silence]) -> tuple[Alert, ...]:
    ids = {one.id for one in silences}
    return tuple(alert for alert in scene.snapshot.alerts if ids & set(alert.silenced_by))


def ask_end(acting: Acting, muted: Sequence[Muted], alerts: Sequence[Alert]) -> None:
    """Name who silenced it and why, and offer to end that, or to set it anew for longer."""
    scene = _scene(acting)
    shown_ = muted[:9]
    lines: list[Line] = []
    answers: list[Answer] = []
    for number, one in enumerate(shown_, start=1):
        letter = "y" if len(muted) == 1 else str(number)
        lines += [*_silence_lines(one, scene, "" if len(muted) == 1 else letter), BLANK]
        answers.append(Answer(letter, f"end {_called(one, scene.view)}: it notifies again", f"end:{one.id}"))
    if len(muted) > len(shown_):
        lines.append((Span(f"and {len(muted) - len(shown_)} more silences", "dim"),))
    if alerts:
        answers.append(Answer("s", "silence it anew, for longer or for something else", "anew"))
    answers.append(Answer("n", "leave it as it is", "leave"))
    title = "End this silence?" if len(muted) == 1 else "End one of these silences?"

    def answered(result: str | None) -> None:
        kind, _, id_ = (result or "").partition(":")
        if kind == "end":
            _work(acting, _end(acting, next(one for one in muted if one.id == id_)))
        elif kind == "anew":
            _fill_in(acting, alerts)

    acting.app.push_screen(
        Ask(title, lines[:-1] if lines[-1:] == [BLANK] else lines, answers, safe="leave"), answered
    )


def _called(one: Muted, view: View) -> str:
    return clean(known_alerts.silence_name(one.silence, view), 48) if one.silence is not None else one.id


def _silence_lines(one: Muted, scene: Scene, letter: str) -> list[Line]:
    """Who set it, why, until when, for what, and how many alerts it keeps quiet."""
    silence, view, snapshot = one.silence, scene.view, scene.snapshot
    head: list[Line] = [
        text(Span(f"{letter}  " if letter else "", "accent"), Span(_called(one, view), "strong"))
    ]
    if silence is None:
        return [*head, (Span("who set it, and why, is not known here", "warn"),)]
    quiet = sum(1 for alert in snapshot.alerts if silence.id in alert.silenced_by)
    until = (
        moments.told(silence.ends_at, scene.now, snapshot.program.zone, view.viewer_zone)
        if silence.ends_at
        else "?"
    )
    return [
        *head,
        fact("by", present.person(silence.by, view) or "nobody is named"),
        fact("why", present.hosts(silence.comment, view) or "nobody wrote why"),
        fact("until", until),
        fact("match", present.hosts("  ".join(map(shown, silence.matchers)), view), "accent"),
        fact("silences", "? unknown: its Alertmanager does not answer", "unknown")
        if one.server in known_alerts.as_of(snapshot)
        else fact(
            "silences", "nothing now" if not quiet else "1 alert now" if quiet == 1 else f"{quiet} alerts now"
        ),
    ]


async def _end(acting: Acting, one: Muted) -> None:
    problem = await _patiently(acting, one.server, acting.app.room.desk.expire(one.server, one.id))
    if problem:
        acting.app.say(f"not ended: {problem}", "down", LONG)
    else:
        acting.app.say(f"ended: the silence of {_called(one, _scene(acting).view)}")


# Whose it is


def assign(acting: Acting, subjects: Sequence[Subject]) -> None:
    """Choose by which label these alerts are known, and the squad; show the rule before that."""
    scene = _scene(acting)
    alerts = known_alerts.alerts_of(scene.snapshot, subjects[0])
    if not alerts:
        acting.app.say(GONE, "warn")
        return
    first = alerts[0]
    if first.squad is not None:
        name = present.squad_name(scene.snapshot.program, first.squad)
        by = f" by {clean(first.because, 60)}" if first.because else ""
        acting.app.say(
            f"it belongs to {name}{by}, which counts first: change that where it is written", "warn", LONG
        )
        return
    choices = [
        (label, value)
        for label, value in owner_rule_choices(first)
        if all(alert.labels.get(label) == value for alert in alerts)
    ]
    if not choices:
        acting.app.say("it has no label that could say whose it is", "warn", LONG)
        return
    from controlroom.tui.screens.picker import Choice, Picker

    def chosen(key: str | None) -> None:
        if key is not None:
            label, value = choices[int(key)]
            _choose_squad(acting, first.server, label, value)

    listed = [
        Choice(str(n), f'{label} = "{clean(value, 48)}"', _reach(scene, first.server, label, value))
        for n, (label, value) in enumerate(choices)
    ]
    acting.app.push_screen(Picker("Whose are alerts with …", listed), chosen)


def _reach(scene: Scene, server: str, label: str, value: str) -> str:
    """``3 known alerts, 2 unowned``: what a rule of this label would take."""
    found = [a for a in scene.snapshot.alerts if a.server == server and a.labels.get(label) == value]
    unowned = sum(1 for alert in found if alert.squad is None)
    count = "1 known alert" if len(found) == 1 else f"{len(found)} known alerts"
    return f"{count}, {unowned} unowned" if unowned != len(found) else count


def _choose_squad(acting: Acting, server: str, label: str, value: str) -> None:
    from controlroom.config.changes import AssignAlerts
    from controlroom.tui.screens import configdiff

    def chosen(squad: str | None) -> None:
        if squad is not None:
            configdiff.offer(acting.app, AssignAlerts(server, label, value, squad))

    acting.app.choose_squad((), chosen, f'Alerts with {label} = "{clean(value, 40)}" belong to')


# What all of it needs


def _scene(acting: Acting) -> Scene:
    return acting.app.room_screen.scene()


def _work(acting: Acting, story: object) -> None:
    acting.app.run_worker(story, group="acting", exit_on_error=False)  # type: ignore[arg-type]


async def _patiently(acting: Acting, server: str, asked: Awaitable[str]) -> str:
    """What went wrong, empty where nothing did; says so where the answer takes longer than a key should."""
    going = asyncio.ensure_future(asked)
    try:
        done, _ = await asyncio.wait({going}, timeout=SLOW)
        if not done:
            acting.app.say(f"on its way: {server} is slow to answer", "warn", LONG)
        return await going
    except Exception as error:
        # The desk raises nothing; should it, nobody may believe that anything was done.
        acting.app.note_failure("asking Alertmanager", error)
        return f"the room failed: {type(error).__name__}"
    finally:
        going.cancel()
