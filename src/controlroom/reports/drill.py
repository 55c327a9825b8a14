"""The report of a chaos drill, for people (Markdown) and for programs (JSON).

It is made from the record alone: made again, it is the same, byte for byte. What was not measured is said to
be so, and never a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from controlroom.domain.drill import Drill, Symptom, hush_args, is_drill, week_of
from controlroom.domain.drill_record import alarm_entry, raised_entry, stopwatch_entry
from controlroom.domain.drill_watch import Stopwatch
from controlroom.domain.instants import maybe
from controlroom.domain.numbers import dumped
from controlroom.domain.program import Program
from controlroom.domain.runs import Capture, Key
from controlroom.domain.text import slug
from controlroom.domain.zones import abbreviation, local
from controlroom.reports.markdown import code, inline, table

SCHEMA = "controlroom.drill"
VERSION = "1.0"

LATER = ("decision", "task", "note", "park")


class Moment(NamedTuple):
    """A line of the timeline."""

    at: datetime
    said: str


def name(program: Program, key: Key) -> str:
    """What its files are called, without the ending: ``drill``; a second drill of a programme has its id."""
    drills = [ritual.id for ritual in program.rituals if is_drill(ritual)]
    return "drill" if drills[:1] in ([], [key.ritual]) else f"drill-{slug(key.ritual) or 'other'}"


def files(drill: Drill, program: Program, banner: str) -> dict[str, bytes]:
    """File name → content: the report in both forms."""
    stem = name(program, drill.run.key)
    return {
        f"{stem}.md": markdown(drill, program, banner).encode(),
        f"{stem}.json": dumped(document(drill, program, banner)),
    }


# In words


def length(seconds: float | None) -> str:
    """A length of time to the second: ``8 s``, ``4 min 05 s``, ``1 h 02 min 05 s``."""
    if seconds is None:
        return "not measured"
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes:02d} min {rest:02d} s"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _bounded(seconds: float | None, bound: str) -> str:
    return f"{bound} {length(seconds)}" if bound and seconds is not None else length(seconds)


def detection(one: Stopwatch) -> str:
    """How soon it was seen that the service broke."""
    if one.broken_at is None:
        return "never broken" if one.watched == "all" else "not measured"
    return _bounded(one.detection, one.detection_bound)


def recovery(one: Stopwatch) -> str:
    """How long the service was broken."""
    if one.broken_at is None:
        return "-" if one.watched == "all" else "not measured"
    if one.recovered_at is None:
        return f"not recovered after {_bounded(one.running, one.recovery_bound)}"
    return _bounded(one.recovery, one.recovery_bound)


def verdict(one: Stopwatch) -> str:
    """How its recovery stands to the RTO."""
    if one.rto is None:
        return "no RTO declared"
    if one.broken_at is None and one.watched != "all":
        return f"not measured (RTO {length(one.rto)})"
    said = {"within": "within", "over": "OVER", "running": "still running", "not known": "not known"}
    return f"{said.get(one.verdict, '-')} (RTO {length(one.rto)})"


def sign(one: Symptom) -> str:
    """Whether anything the room watches showed the symptom."""
    if one.sign == "yes":
        return "; ".join(one.shown)
    return "**no metric showed it**" if one.sign == "no" else f"not known: {one.why or 'nobody looked'}"


def offered(one: Symptom, drill: Drill) -> str:
    """The summary of the blocker that a symptom which no metric showed is worth."""
    return f"No metric shows: {one.text} (drill {drill.begun.scenario or drill.title}, {drill.run.key.date})"


def headline(drill: Drill) -> str:
    """How it went in a line, for a chat."""
    parts = []
    for one in drill.watches:
        said = f"{one.name}: seen after {detection(one)}, recovered in {recovery(one)}, {verdict(one)}"
        if one.broken_at is None or one.recovered_at is None:
            said = f"{one.name}: {detection(one) if one.broken_at is None else recovery(one)}"
        parts.append(said)
    seen = sum(1 for one in drill.symptoms if one.seen_at)
    parts.append(
        f"{seen} of {len(drill.symptoms)} symptoms seen, {len(drill.unnoticed)} that no metric showed"
    )
    return f"{drill.title} {drill.run.key.date}, {drill.begun.scenario or 'no scenario'}: " + " · ".join(
        parts
    )


def markdown(drill: Drill, program: Program, banner: str) -> str:
    """The report as Markdown, the banner first."""
    zone = program.zone
    body = [*([banner, ""] if banner else []), *_head(drill, program)]
    for title, made in (
        ("Baseline", _baseline(drill, program)),
        ("Detection and recovery", _watches(drill)),
        ("Symptoms", _symptoms(drill, zone)),
        ("What no metric showed", _unnoticed(drill)),
        ("Timeline", _timeline(drill, zone)),
        ("Alerts that fired", _alarms(drill, zone)),
        ("Silence", _silence(drill, zone)),
        ("Blockers opened", _blockers(drill)),
        ("Decisions and notes", _said(drill, zone)),
        ("Not known", _unknown(drill)),
    ):
        body += [f"## {title}", "", *made, ""]
    return "\n".join(body).rstrip("\n") + "\n"


def _head(drill: Drill, program: Program) -> Iterator[str]:
    run, week = drill.run, week_of(program, drill.run.key.date)
    where = f" (Week {week})" if week is not None else ""
    yield f"# {inline(drill.title)} {run.key.date}: {inline(drill.begun.scenario) or 'no scenario was named'}"
    yield ""
    yield f"- **Held for:** {run.key.date}{where}"
    yield f"- **Owner:** {inline(drill.begun.owner or '') or 'not declared'}"
    drove = dict.fromkeys((run.begun_by or run.driver, run.driver))
    yield f"- **Driven by:** {', then '.join(map(inline, drove))}"
    yield f"- **Began:** {_when(run.began_at, program.zone)}"
    if run.finished_at is not None:
        lasted = length((run.finished_at - run.began_at).total_seconds())
        yield f"- **Ended:** {_when(run.finished_at, program.zone)}, after {lasted}"
    else:
        yield f"- **Ended:** it is still on; this is as of {_when(drill.end, program.zone)}"
    if drill.marked:
        yield f"- **Fault in:** {_when(drill.injected_at, program.zone)}; times count from there"
    else:
        yield "- **Fault in:** nobody said when; detection counts from the beginning"
    yield f"- **Measured by:** {inline(drill.by) or 'not recorded'}"
    yield ""


def _baseline(drill: Drill, program: Program) -> Iterator[str]:
    begun = drill.begun
    if begun.taken_at is None:
        yield "No baseline was taken."
        return
    for service in begun.services:
        steady = begun.steady.get(service)
        since = f" since {_when(steady.since, program.zone)}" if steady and steady.since else ""
        yield f"- {inline(service)}: {steady.health if steady else 'not known'}{since}"
    gates = ", ".join(f"{inline(wave)} {said}" for wave, said in begun.gates.items())
    yield f"- exit gates: {gates or 'none'}"
    yield f"- blockers open: {'not known' if begun.blockers_open is None else begun.blockers_open}"


def _watches(drill: Drill) -> Iterator[str]:
    if not drill.watches:
        yield "No service had a stopwatch."
        return
    head = ("Service", "Before", "Detected after", "Recovery", "RTO", "Broke again", "Watched")
    rows = [
        (
            inline(one.name),
            str(one.before),
            detection(one),
            recovery(one),
            verdict(one),
            f"{one.flaps}×" if one.flaps else "no" if one.broken_at else "-",
            {"all": "all the time", "partly": "in part", "not": "no"}[one.watched],
        )
        for one in drill.watches
    ]
    yield from table(head, rows)
    yield ""
    start = "the fault" if drill.marked else "when the room saw the service break"
    yield f"Recovery counts from {start} to when the service was well again and stayed so."
    for one in drill.watches:
        if one.why:
            yield f"- {inline(one.name)}: {inline(one.why)}"


def _symptoms(drill: Drill, zone: str) -> Iterator[str]:
    if not drill.symptoms:
        yield "None was expected, and none was seen."
    for one in drill.symptoms:
        expected = "" if one.expected else " (not expected)"
        if one.seen_at is None:
            yield f"- [ ] {inline(one.text)}: expected, not seen"
            continue
        own = one.evidence if one.evidence and one.sign != "yes" else ""
        by = inline(one.by) or "nobody named"
        yield f"- [x] {inline(one.text)}{expected}: {_clock(one.seen_at, zone)} by {by}" + (
            f" · {inline(own)}" if own else ""
        )
        yield f"  - shown by: {sign(one) if one.sign == 'no' else inline(sign(one))}"


def _unnoticed(drill: Drill) -> Iterator[str]:
    if not drill.unnoticed:
        doubtful = sum(1 for one in drill.symptoms if one.sign == "not known")
        yield "Nothing that is known." if doubtful else "Nothing: every symptom that was seen was shown."
        if doubtful:
            yield f"Of {doubtful} symptom{'' if doubtful == 1 else 's'} nobody can say."
        return
    yield "Each of these is a gap. A blocker for it could say:"
    yield ""
    for one in drill.unnoticed:
        yield f"- {inline(offered(one, drill))}"


def timeline(drill: Drill) -> tuple[Moment, ...]:
    """All that happened, in order."""
    run = drill.run
    found = [Moment(run.began_at, f"begun by {run.begun_by or 'nobody named'}")]
    if drill.marked:
        found.append(Moment(drill.injected_at, "the fault is in"))
    for one in drill.watches:
        for step in one.steps:
            why = f": {step.reason}" if step.reason else ""
            found.append(Moment(step.at, f"{one.name} {step.before} → {step.after}{why}"))
    found += [
        Moment(one.seen_at, f"symptom: {one.text} ({one.by or 'nobody named'})")
        for one in drill.symptoms
        if one.seen_at
    ]
    found += [Moment(one.starts_at, f"alert {one.name} fires") for one in drill.alarms if one.starts_at]
    found += [Moment(one.opened_at, f"blocker: {one.summary}") for one in drill.raised if one.opened_at]
    found += [Moment(one.at, f"{one.kind}: {one.text} ({one.by})") for one in _captured(drill)]
    if run.finished_at is not None:
        found.append(Moment(run.finished_at, f"ended by {run.driver}"))
    return tuple(sorted(found, key=lambda one: one.at))


def _captured(drill: Drill) -> Sequence[Capture]:
    from controlroom.domain.drill import INJECTED

    return [one for one in drill.run.captures if one.kind in LATER and one.about != INJECTED]


def _timeline(drill: Drill, zone: str) -> Iterator[str]:
    for one in timeline(drill):
        yield f"- {_clock(one.at, zone)} {inline(one.said)}"


def _alarms(drill: Drill, zone: str) -> Iterator[str]:
    if not drill.alarms:
        yield "None that was seen."
    for one in drill.alarms:
        since = f"since {_clock(one.starts_at, zone)}" if one.starts_at else "since an unknown time"
        whose = one.squad or "unowned"
        yield f"- {inline(one.name)} {inline(one.severity)} {since}, {inline(whose)}".replace("  ", " ") + (
            ", silenced" if one.silenced else ""
        )


def _silence(drill: Drill, zone: str) -> Iterator[str]:
    hush = drill.begun.hush
    if hush is None:
        yield "No alert was silenced."
        return
    yield f"- {' '.join(map(code, hush.matchers))} in {inline(hush.server)}, {code(hush.id)}"
    yield f"- until {_when(hush.until, zone)} at the latest"
    if not drill.run.on:
        yield f"- at the end: {inline(drill.hush_end) or 'nothing was said about it'}"


def _blockers(drill: Drill) -> Iterator[str]:
    if not drill.raised:
        yield "None."
    for one in drill.raised:
        yield f"- {inline(one.summary)} ({code(one.id)}, {inline(one.owner or '') or 'no owner'})"


def _said(drill: Drill, zone: str) -> Iterator[str]:
    kept = _captured(drill)
    if not kept:
        yield "None was written down."
    for one in kept:
        to = ", ".join(part for part in (one.owner, one.due) if part)
        who = f"{inline(one.by)} {_clock(one.at, zone)}"
        yield f"- {one.kind}: {inline(one.text)}{f' ({inline(to)})' if to else ''}, {who}"


def _unknown(drill: Drill) -> Iterator[str]:
    yield from (f"- {inline(why)}" for why in drill.unknown)
    for one in drill.watches:
        if one.watched != "all":
            yield f"- {inline(one.name)} was {'not' if one.watched == 'not' else 'only in part'} watched"
    yield "- alerts that came and went while nobody looked are not among those above"


def _when(at: datetime | None, zone: str) -> str:
    if at is None:
        return "an unknown time"
    wall = local(at, zone)
    return f"{wall:%Y-%m-%d %H:%M:%S} {abbreviation(wall)}"


def _clock(at: datetime, zone: str) -> str:
    wall = local(at, zone)
    return f"{wall:%H:%M:%S} {abbreviation(wall)}"


# For programs


def document(drill: Drill, program: Program, banner: str) -> dict[str, Any]:
    """The report as JSON; instants UTC, lengths in seconds, null where nothing is known."""
    run, begun = drill.run, drill.begun
    return {
        "_banner": banner or None,
        "schema": SCHEMA,
        "version": VERSION,
        "program": program.id,
        "ritual": run.key.ritual,
        "for_date": run.key.date.isoformat(),
        "week": week_of(program, run.key.date),
        "scenario": begun.scenario or None,
        "owner": begun.owner,
        "driver": run.driver,
        "begun_by": run.begun_by,
        "began_at": maybe(run.began_at),
        "finished_at": maybe(run.finished_at),
        "as_of": maybe(drill.end),
        "on": run.on,
        "injected_at": _at(drill.injected_at) if drill.marked else None,
        "measured_by": drill.by or None,
        "baseline": {
            "taken_at": maybe(begun.taken_at),
            "services": {
                id_: {"health": str(one.health), "since": maybe(one.since)}
                for id_, one in begun.steady.items()
            },
            "gates": dict(begun.gates),
            "blockers": list(begun.blockers),
            "blockers_open": begun.blockers_open,
        },
        "services": [stopwatch_entry(one) for one in drill.watches],
        "symptoms": [_symptom_entry(one) for one in drill.symptoms],
        "gaps": [{"symptom": one.text, "blocker": offered(one, drill)} for one in drill.unnoticed],
        "alerts": [alarm_entry(one) for one in drill.alarms],
        "silence": None
        if begun.hush is None
        else {**(hush_args(begun.hush) or {}), "end": drill.hush_end or None},
        "blockers": [raised_entry(one) for one in drill.raised],
        "said": [_capture_entry(one) for one in _captured(drill)],
        "timeline": [{"at": _at(one.at), "text": one.said} for one in timeline(drill)],
        "unknowns": _unknowns(drill.unknown, drill.watches),
    }


def _at(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _symptom_entry(one: Symptom) -> dict[str, Any]:
    return {
        "text": one.text,
        "expected": one.expected,
        "seen_at": maybe(one.seen_at),
        "by": one.by or None,
        "evidence": one.evidence or None,
        "shown": {"yes": True, "no": False}.get(one.sign),
        "shown_by": list(one.shown),
        "why": one.why or None,
    }


def _capture_entry(one: Capture) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "text": one.text,
        "by": one.by,
        "at": maybe(one.at),
        "owner": one.owner,
        "due": one.due,
    }


def _unknowns(said: Iterable[str], watches: Iterable[Stopwatch]) -> list[dict[str, str]]:
    found = [{"kind": "source", "text": one} for one in said]
    return found + [
        {"kind": "service", "id": one.service, "text": one.why or "not watched all the time"}
        for one in watches
        if one.watched != "all"
    ]
