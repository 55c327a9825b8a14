"""Details of telemetry: a signal and why it is not there, a wave's exit gate and all that is owed for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from controlroom.domain.gates import beside, lapses_first, undecided
from controlroom.domain.telemetry import QUALITY_CODES, UNKNOWN_CODES, Coverage, GapCode, Gate, SignalReading
from controlroom.tui import gate_words, present, trends
from controlroom.tui.details.advice import ADVICE
from controlroom.tui.details.base import Sheet
from controlroom.tui.details.blockers import opened_about
from controlroom.tui.history import history
from controlroom.tui.lines import BLANK, column, fit_line, join, text
from controlroom.tui.panes.gate_lines import Owed, failing, holding_line, owed, wave_name
from controlroom.tui.panes.signal_lines import DATED
from controlroom.tui.panes.telemetry_lines import BAR, bar, coverage_words, percent
from controlroom.tui.rows import Line, Span, Style
from controlroom.tui.triage_words import on_this_clock
from controlroom.tui.width import cell_width

RULE_CODES = (GapCode.NO_RULE, GapCode.RULE_ERROR, GapCode.RULE_BLIND)

DELIVERED = QUALITY_CODES | {GapCode.OK}
"""Codes beside which every other gap in quality was looked for."""

STAND = 18
"""Cells of how a signal stands before a gate."""


def signal(sheet: Sheet, id_: str) -> bool:
    """A declared signal: what was found, by which query, whose it is, and what to do."""
    reading = gate_words.by_id(sheet.snapshot.signals).get(id_)
    if reading is None:
        return False
    sheet.title = reading.signal.title
    _found(sheet, reading)
    _promised(sheet, reading)
    _waiver(sheet, reading)
    opened_about(sheet, f"signal:{reading.id}")
    query = present.hosts(reading.query, sheet.view)
    sheet.each("Query", ((Span(query, "accent"),),) if query else ())
    sheet.each("Targets of the job", ((Span(present.hosts(t, sheet.view)),) for t in reading.targets))
    sheet.each("Exported names like it", ((Span(name, "accent"),) for name in reading.near))
    sheet.each("History", history(sheet.snapshot, f"signal:{reading.id}", sheet.now, sheet.view))
    sheet.next(*_advice(reading, sheet.view.key("signal.accept")))
    sheet.dashboard(reading.signal.dashboard)
    return True


def _found(sheet: Sheet, reading: SignalReading) -> None:
    """What the last look found."""
    look = present.gap_look(reading.code, sheet.snapshot.gate_rules.fail_codes)
    sheet.fact("state", text(Span(f"{look.glyph} {look.word}", look.style)))
    reason = on_this_clock(reading.text, sheet.snapshot.program, sheet.now)
    sheet.fact("reason", present.hosts(reason, sheet.view))
    sheet.fact("hint", present.hosts(reading.hint or "", sheet.view), "accent")
    if since := gate_words.lasting_since(sheet.snapshot, reading):
        sheet.fact("since", sheet.when(since, seconds=True) + gate_words.or_before(reading, since))
    sheet.fact("last seen", sheet.when(reading.last_seen, seconds=True) or _never(reading))
    sheet.fact("sample age", present.age(reading.sample_age) if reading.sample_age is not None else "")
    sheet.fact("series", "" if reading.series is None else str(reading.series))
    sheet.fact("also", ", ".join(code.value for code in reading.also), "warn")
    unchecked = ", ".join(code.value for code in reading.unchecked)
    sheet.fact("not checked", f"{unchecked}: could not be looked for" if unchecked else "", "unknown")


def _never(reading: SignalReading) -> str:
    """What stands for the instant it was last seen where there is none, as far as that is known."""
    return "never" if reading.code is GapCode.NEVER_SEEN else ""


def _promised(sheet: Sheet, reading: SignalReading) -> None:
    """What was promised of it, by whom, and what comes of it."""
    declared, snapshot = reading.signal, sheet.snapshot
    squad = next((s for s in snapshot.program.squads if s.id == declared.squad), None)
    owners = ", ".join(present.person(owner, sheet.view) for owner in (squad.owners if squad else ()))
    sheet.fact("squad", sheet.squad(declared.squad))
    sheet.fact("owner", owners)
    coverage = next((c for c in snapshot.coverage if c.squad == declared.squad), None)
    sheet.fact("coverage", coverage_words(coverage, sheet.now) if coverage else "")
    sheet.fact("trend", trends.told(trends.of_squad(snapshot.status, declared.squad)))
    if declared.required_for_exit:
        stand = gate_words.stand_of(snapshot, reading, sheet.now)
        sheet.fact("for the exit", text("required · ", *gate_words.stand_line(stand, snapshot, sheet.now)))
    else:
        sheet.fact("for the exit", "not required")
    sheet.fact("job", declared.job or ("" if declared.topic is not None else "any"))
    sheet.fact("counted by", declared.metric if declared.topic is not None else "")
    sheet.fact("type", declared.type)
    sheet.fact("labels", ", ".join(declared.labels))
    age = declared.max_age
    sheet.fact("its value", f"a time that lies back {present.age(age)} at most" if age is not None else "")
    sheet.fact("activity", "has to increase" if declared.expect_activity else "")
    _rule(sheet, reading)
    sheet.fact("dashboard", _dashboard(reading))
    if declared.metric:
        sheet.fact("server", _server(sheet, declared.server))


def _rule(sheet: Sheet, reading: SignalReading) -> None:
    """The alerting rule that must watch it, as far as the last look can tell."""
    name = reading.signal.alert
    if not name:
        return
    firing = [a for a in sheet.snapshot.alerts if a.name == name and a.state != "suppressed"]
    state, style = _rule_state(reading)
    fires = f" · fires {len(firing)}×" if len(firing) > 1 else " · fires" if firing else ""
    sheet.fact("alert", text(f"{name} ", Span(state, style), Span(fires, "warn")))


def _rule_state(reading: SignalReading) -> tuple[str, Style]:
    """What is known of the rule. A gap that is worse hides what is wrong with it."""
    wrong = next((code for code in (reading.code, *reading.also) if code in RULE_CODES), None)
    if wrong is not None:
        return wrong.value, "warn"
    if set(RULE_CODES).intersection(reading.unchecked):
        return "could not be looked at", "unknown"
    if reading.code in DELIVERED:
        return "watches it", "ok"
    return "not known: the signal itself comes first", "dim"


def _dashboard(reading: SignalReading) -> Line:
    wanted = reading.signal.dashboard
    if not wanted:
        return ()
    if GapCode.NO_DASHBOARD in (reading.code, *reading.also):
        return text(f"{wanted} ", Span("does not draw it", "warn"))
    if GapCode.NO_DASHBOARD in reading.unchecked:
        return text(f"{wanted} ", Span("could not be looked at", "unknown"))
    return text(f"{wanted} ", Span("draws it", "ok")) if reading.code in DELIVERED else (Span(wanted),)


def _server(sheet: Sheet, server: str | None) -> str:
    """The Prometheus that is asked, where there is a choice or it is in trouble."""
    sources = [s for s in sheet.snapshot.sources if s.kind == "metrics"]
    if server is not None:
        found = next((s for s in sources if s.id == f"metrics:{server}"), None)
    else:
        found = sources[0] if sources else None
    name = server or (found.title or found.id if found else "")
    if found is None or found.error is None:
        return name
    return f"{name}: unreachable: {present.hosts(found.error, sheet.view)}"


def _waiver(sheet: Sheet, reading: SignalReading) -> None:
    """Who said that a wave may exit without it, why and until when; also of one that is over."""
    waiver = gate_words.waivers_by_signal(sheet.snapshot.waivers).get(reading.id)
    if waiver is None:
        return
    over = waiver.until <= sheet.now
    who = present.person(waiver.who, sheet.view) or "somebody"
    ends = present.moment(waiver.until, sheet.now, sheet.snapshot.program.zone)
    ago = present.since(waiver.until, sheet.now)
    state = "over since" if over else "until"
    left = f"{ago} ago" if over else f"in {gate_words.left(waiver.until, sheet.now)}"
    style: Style = "dim" if over else "maintenance"
    sheet.fact("waived", text(f"by {who} ", Span(f"{state} {ends} · {left}", style)))
    sheet.fact("why", waiver.why)
    if waiver.pending:
        sheet.fact("", text(Span("⧗ queued: no gate counts it yet", "warn")))


def _advice(reading: SignalReading, takes: str) -> Iterator[str]:
    if reading.code is GapCode.OK and reading.unchecked:
        yield "nothing that is known: see why the rest could not be looked for"
    elif reading.signal.topic is not None and reading.code is GapCode.NEVER_SEEN:
        yield "create the topic, or correct its name in [[squads.topics]]"
    else:
        yield ADVICE.get(reading.code, "")
    if reading.near and reading.code not in UNKNOWN_CODES:
        named = reading.near[0] if len(reading.near) == 1 else "one of the names above"
        yield f"or press {takes} to take {named} into the squad's contract"


# The gate


def gate(sheet: Sheet, wave: str) -> bool:
    """Whether a wave may exit: every signal of every squad, and how it stands."""
    found = next((g for g in sheet.snapshot.gates if g.wave == wave), None)
    if found is None:
        return False
    sheet.title = f"{wave_name(sheet.snapshot.program, wave)} exit gate"
    held = gate_words.holding(found) and found.holds_at is not None
    sheet.fact("verdict", text(*gate_words.verdict_words(found), Span("" if held else percent(found))))
    if held and found.holds_at is not None:
        sheet.fact("", _holding(found.holds_at, found, sheet))
    sheet.fact("signals", _counted(found))
    sheet.fact("hold time", present.age(sheet.snapshot.gate_rules.hold))
    sheet.fact("fails also on", ", ".join(sheet.snapshot.gate_rules.fail_codes))
    sheet.fact("trend", trends.told(trends.of_wave(sheet.snapshot.status, wave)))
    for coverage in found.squads:
        _squad(sheet, coverage)
    sheet.next(*_steps(sheet, found))
    return True


def _holding(holds_at: datetime, found: Gate, sheet: Sheet) -> Line:
    return holding_line(holds_at, sheet.snapshot, sheet.now, lapses_first(found))


def _counted(found: Gate) -> str:
    """How the signals that are required stand, in numbers."""
    if not found.required:
        return ""
    known = "?" if undecided(found) else found.ok
    parts = [f"{known} of {found.required} required ones are there"]
    for many, said in (
        (failing(found), "missing"),
        (found.waived, "waived"),
        (found.unknown, "not known"),
        (found.holding, "not there for long enough"),
    ):
        parts += [f"{many} {said}"] if many else []
    return ", ".join(parts)


def _squad(sheet: Sheet, coverage: Coverage) -> None:
    """A squad's coverage, and below it each of its signals, the worst first."""
    if sheet.lines and sheet.lines[-1] != BLANK:
        sheet.lines.append(BLANK)
    name = column(sheet.squad(coverage.squad), 24, "strong")
    bars = fit_line(bar(coverage.ok, coverage.required), BAR + 1)
    sheet.say(name, " ", bars, coverage_words(coverage, sheet.now))
    order = list(present.STANDING)
    owing = sorted(
        owed(sheet.snapshot, coverage.squad, sheet.now), key=lambda one: order.index(one.stand.standing)
    )
    width = min(40, max((cell_width(one.title) for one in owing), default=0))
    for one in owing:
        sheet.say("  ", _owed(sheet, one, width))


def _owed(sheet: Sheet, one: Owed, width: int) -> Line:
    """``✖ failing  policy_x  DISAPPEARED · last seen 13:40``."""
    look = present.STANDING[one.stand.standing]
    head = text(
        Span(f"{look.glyph} {look.word:<{STAND - 2}}", look.style),
        column(one.title, width),
        "  ",
    )
    return text(*head, *join(_stood(sheet, one)))


def _stood(sheet: Sheet, one: Owed) -> Iterator[Line]:
    """Why it stands as it does."""
    snapshot, reading, stand = sheet.snapshot, one.reading, one.stand
    if stand.holds_at is not None:
        until = present.moment(stand.holds_at, sheet.now, snapshot.program.zone)
        bars = gate_words.hold_bar(stand.holds_at, sheet.now, snapshot.gate_rules.hold)
        said = f" passes {until}, in {gate_words.left(stand.holds_at, sheet.now)}"
        if ends := lapses_first(stand):
            said = f" ends {present.moment(ends, sheet.now, snapshot.program.zone)}, before it passes"
        yield text(*bars, Span(said, "dim"))
    if reading is None:
        yield (Span("nobody has looked for it", "dim"),)
        return
    waiver = gate_words.counting(snapshot, reading.id, sheet.now)
    if waiver is not None:
        yield (Span(gate_words.waived_words(waiver, snapshot, sheet.now, sheet.view), "maintenance"),)
    if reading.code is not GapCode.OK:
        code = present.gap_look(reading.code, snapshot.gate_rules.fail_codes)
        yield (Span(code.word, "dim" if waiver is not None else code.style),)
        since = "" if reading.code in DATED else gate_words.lasting_words(snapshot, reading, sheet.now)
        yield (Span(since),) if since else ()
        reason = on_this_clock(reading.text, snapshot.program, sheet.now)
        yield (Span(present.hosts(reason, sheet.view), "dim"),) if reason else ()
    also, unread = beside(reading, snapshot.gate_rules)
    yield (Span(f"also {', '.join(also)}", "dim" if waiver is not None else "down"),) if also else ()
    yield (Span(f"{', '.join(unread)} could not be looked for", "unknown"),) if unread else ()


def _steps(sheet: Sheet, found: Gate) -> Iterator[str]:
    waive = sheet.view.key("signal.waive")
    silent = [sheet.squad(c.squad) for c in found.squads if not c.required]
    if silent:
        yield f"declare what {', '.join(silent)} will deliver: [[squads.signals]]"
    if failing(found):
        yield f"close what reads failing, or waive it: {waive} on the signal, with a reason and a time"
    if found.unknown:
        yield "find out what is not known: nothing passes that nobody could look at"
    if gate_words.holding(found):
        late = lapses_first(found)
        yield (
            "wait: nothing else is in the way" if late is None else f"waive for longer: {waive} on the signal"
        )
