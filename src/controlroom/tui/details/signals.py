"""Details of telemetry: a signal and why it is not there, a wave's exit gate, an alert."""

from __future__ import annotations

from collections.abc import Mapping

from controlroom.domain.telemetry import Coverage, GapCode, undecided
from controlroom.tui import present
from controlroom.tui.details.base import Sheet
from controlroom.tui.details.blockers import opened_about
from controlroom.tui.lines import column, fit_line, text
from controlroom.tui.panes.alerts import severity_style
from controlroom.tui.panes.telemetry import BAR, bar, coverage_words, percent, wave_name
from controlroom.tui.rows import Line, Span

ADVICE: Mapping[GapCode, str] = {
    GapCode.SOURCE_DOWN: "bring Prometheus back first: nothing can be said of the signal itself",
    GapCode.UNKNOWN: "wait for the next look, or ask now with r",
    GapCode.NO_TARGET: "add the job to Prometheus' scrape configuration, or correct job =",
    GapCode.TARGET_DOWN: "bring the target back: the error is its last scrape's",
    GapCode.TARGET_PENDING: "wait for the first scrape",
    GapCode.SCRAPE_EMPTY: "look at metric_relabel_configs: samples arrive and are dropped",
    GapCode.NEVER_SEEN: "expose the metric, or correct its name in [[squads.signals]]",
    GapCode.DISAPPEARED: "find out what was deployed or restarted when it was last seen",
    GapCode.PARTIAL: "find the instances that do not expose it",
    GapCode.NAN: "look at the code that sets it: the value is not a number",
    GapCode.INF: "look at the code that sets it: the value is infinite",
    GapCode.STALE: "look at the target: it answers, but the sample is old",
    GapCode.FRESHNESS: "look at the job that writes this time: it has not run",
    GapCode.WRONG_TYPE: "expose it with the declared type, or correct type =",
    GapCode.MISSING_LABEL: "expose the label, or correct labels =",
    GapCode.FLAT: "send it some real traffic: nothing increased it",
}


def signal(sheet: Sheet, id_: str) -> bool:
    """A declared signal: what was found, by which query, and what to do."""
    reading = next((r for r in sheet.snapshot.signals if r.id == id_), None)
    if reading is None:
        return False
    declared, look = reading.signal, present.gap_look(reading.code)
    sheet.title = declared.metric
    sheet.fact("state", text(Span(f"{look.glyph} {look.word}", look.style)))
    sheet.fact("reason", present.hosts(reading.text, sheet.view))
    sheet.fact("hint", reading.hint, "accent")
    sheet.fact("last seen", sheet.when(reading.last_seen, seconds=True))
    sheet.fact("sample age", present.age(reading.sample_age) if reading.sample_age is not None else "")
    sheet.fact("series", "" if reading.series is None else str(reading.series))
    sheet.fact("squad", sheet.squad(declared.squad))
    sheet.fact("job", declared.job)
    sheet.fact("type", declared.type)
    sheet.fact("labels", ", ".join(declared.labels))
    sheet.fact("for the exit", "required" if declared.required_for_exit else "not required")
    sheet.fact("alert", declared.alert)
    sheet.fact("server", declared.server)
    opened_about(sheet, f"signal:{reading.id}")
    sheet.each("Query", ((Span(reading.query, "accent"),),) if reading.query else ())
    sheet.each("Targets of the job", ((Span(present.hosts(t, sheet.view)),) for t in reading.targets))
    sheet.next(ADVICE.get(reading.code, ""))
    sheet.link("dashboard", declared.dashboard)
    return True


def gate(sheet: Sheet, wave: str) -> bool:
    """Whether a wave may exit, squad by squad."""
    found = next((g for g in sheet.snapshot.gates if g.wave == wave), None)
    if found is None:
        return False
    sheet.title = f"{wave_name(sheet.snapshot.program, wave)} exit gate"
    look = present.VERDICT[found.verdict]
    sheet.fact("verdict", text(Span(f"{look.glyph} {look.word}", look.style), percent(found)))
    sheet.fact(
        "signals",
        f"{'?' if undecided(found) else found.ok} of {found.required} required ones are there"
        if found.required
        else "",
    )
    sheet.each("Squads", (_squad(sheet, coverage) for coverage in found.squads))
    silent = [sheet.squad(c.squad) for c in found.squads if not c.required]
    sheet.next(
        f"declare what {', '.join(silent)} will deliver: [[squads.signals]]" if silent else "",
        "close the gaps that read FAIL" if any(c.verdict == "FAIL" for c in found.squads) else "",
    )
    return True


def _squad(sheet: Sheet, coverage: Coverage) -> Line:
    name = column(sheet.squad(coverage.squad), 24, "strong")
    return text(name, " ", *fit_line(bar(coverage.ok, coverage.required), BAR + 1), *coverage_words(coverage))


def alert(sheet: Sheet, fingerprint: str) -> bool:
    """An alert with everything Alertmanager says of it."""
    found = next((a for a in sheet.snapshot.alerts if a.fingerprint == fingerprint), None)
    if found is None:
        return False
    sheet.title = found.name or fingerprint
    sheet.fact("severity", found.severity or "none given", severity_style(found))
    sheet.fact("state", "silenced" if found.state == "suppressed" else found.state)
    sheet.fact("since", sheet.when(found.starts_at, seconds=True))
    sheet.fact("squad", sheet.squad(found.squad) or text(Span("unowned: no rule maps it", "warn")))
    sheet.fact("summary", present.hosts(found.summary, sheet.view))
    sheet.fact("silenced by", ", ".join(found.silenced_by))
    sheet.fact("from", found.server)
    opened_about(sheet, f"alert:{found.fingerprint}")
    for title, pairs in (("Labels", found.labels), ("Annotations", found.annotations)):
        sheet.each(
            title,
            (
                text(Span(f"{key}  ", "dim"), Span(present.hosts(value, sheet.view)))
                for key, value in sorted(pairs.items())
            ),
        )
    for key, value in found.annotations.items():
        if value.startswith(("http://", "https://")):
            sheet.link("runbook" if "runbook" in key else key, value)
    sheet.link("where it comes from", found.generator)
    if found.squad is None:
        sheet.next("give it an owner: add a rule to [[alertmanagers.rules]], or a squad label to the alert")
    return True
