"""Details of alerts: one of them, all of one name, a silence, a dead-man's switch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controlroom.domain.alerts import OWNER_LABELS, Family, rank, watchdog_trouble
from controlroom.domain.silences import Silence, matching, shown, silence_of
from controlroom.domain.snapshot import SourceStatus
from controlroom.domain.telemetry import Alert
from controlroom.domain.text import clean
from controlroom.tui import known_alerts, present
from controlroom.tui.details.base import Sheet
from controlroom.tui.details.blockers import limited, opened_about
from controlroom.tui.known_alerts import glyph_of, severity_style, style_of
from controlroom.tui.lines import column, join, text
from controlroom.tui.rows import Line, Span, Subject

LEADING = ("runbook", "dashboard")
"""Annotations whose name has one of these words lead somewhere; the first ones come first."""


def alert(sheet: Sheet, fingerprint: str) -> bool:
    """An alert with everything Alertmanager says of it."""
    found = known_alerts.by_fingerprint(sheet.snapshot.alerts).get(fingerprint)
    if found is None:
        return False
    sheet.title = found.name or fingerprint
    style = severity_style(found)
    sheet.fact("severity", text(Span(f"{glyph_of(style)} {found.severity or 'none given'}", style)))
    sheet.fact("state", _state(sheet, found))
    _as_of(sheet, (found,))
    sheet.fact("since", sheet.when(found.starts_at, seconds=True))
    _owner(sheet, found)
    sheet.fact("summary", present.hosts(found.summary, sheet.view))
    sheet.fact("from", found.server)
    opened_about(sheet, f"alert:{found.fingerprint}")
    _silences(sheet, (found,))
    for title, pairs in (("Labels", found.labels), ("Annotations", found.annotations)):
        sheet.each(
            title,
            (
                text(Span(f"{key}  ", "dim"), Span(present.hosts(value, sheet.view)))
                for key, value in sorted(pairs.items())
            ),
        )
    whole = known_alerts.family_of(sheet.snapshot, Subject("alert", fingerprint))
    if whole is not None and len(whole.alerts) > 1:
        others = [one for one in whole.alerts if one is not found]
        labels = known_alerts.telling(whole)
        sheet.each(f"Others of this name ({len(others)})", _each(sheet, others, labels))
    _links(sheet, (found,))
    _advice(sheet, (found,))
    return True


def family(sheet: Sheet, id_: str) -> bool:
    """All alerts of one name that belong to one squad."""
    found = known_alerts.family_of(sheet.snapshot, Subject("family", id_))
    if found is None:
        return False
    sheet.title = f"{found.name} ×{len(found.alerts)}"
    style = style_of(found.severity) if found.active else "dim"
    sheet.fact("severity", text(Span(f"{glyph_of(style)} {found.severity or 'none given'}", style)))
    sheet.fact("state", _states(found))
    _as_of(sheet, found.alerts)
    sheet.fact("oldest", sheet.when(found.since, seconds=True))
    _owner(sheet, found.alerts[0])
    summaries = dict.fromkeys(one.summary for one in found.alerts if one.summary)
    if len(summaries) == 1:
        sheet.fact("summary", present.hosts(next(iter(summaries)), sheet.view))
    sheet.fact("from", ", ".join(dict.fromkeys(one.server for one in found.alerts if one.server)))
    for one in found.alerts:
        opened_about(sheet, f"alert:{one.fingerprint}")
    labels = known_alerts.telling(found)
    sheet.each("Alerts", _each(sheet, found.alerts, labels))
    first = found.alerts[0]
    alike = sorted((name, value) for name, value in first.labels.items() if name not in labels)
    sheet.each(
        "Labels they share",
        (text(Span(f"{k}  ", "dim"), Span(present.hosts(v, sheet.view))) for k, v in alike),
    )
    _silences(sheet, found.alerts)
    _links(sheet, found.alerts)
    _advice(sheet, found.alerts)
    return True


def silence(sheet: Sheet, id_: str) -> bool:
    """A silence, or all that end soon."""
    silences = sheet.snapshot.silences
    if id_ == known_alerts.SOON:
        soon = known_alerts.ending(silences, sheet.now)
        sheet.title = "Silences that end soon"
        for number, one in enumerate(soon, start=1):
            sheet.section(f"{number}  {known_alerts.silence_name(one, sheet.view)}")
            _silence(sheet, one)
        if soon:
            ends = f"{sheet.view.key('alert.silence')} ends one of them, or sets it anew"
            still = "silence what still must be quiet for longer; the rest will be heard again"
            sheet.next(still, ends if sheet.view.assigns else "")
        return bool(soon)
    found = next((one for one in silences if one.id == id_), None)
    if found is None:
        return False
    sheet.title = f"Silence of {known_alerts.silence_name(found, sheet.view)}"
    _silence(sheet, found)
    quiet = [a for a in sheet.snapshot.alerts if found.id in a.silenced_by]
    sheet.each(f"Silences now ({len(quiet)})", _each(sheet, quiet, ("instance",), named=True))
    if not quiet and not known_alerts.standing(found, sheet.now):
        sheet.next("nothing is silenced by it now: end it, if what it was for is over")
    return True


def watchdog(sheet: Sheet, server: str) -> bool:
    """An alert that must always fire, and whether it does."""
    found = next((dog for dog in sheet.snapshot.watchdogs if dog.server == server), None)
    if found is None:
        return False
    sheet.title = f"{found.name} of {server}"
    trouble = next((said for dog, said in watchdog_trouble(sheet.snapshot) if dog is found), "")
    unknown = server in known_alerts.as_of(sheet.snapshot)
    if unknown:
        sheet.fact("state", "? unknown: its Alertmanager does not answer", "unknown")
    elif trouble:
        sheet.fact("state", f"✖ {trouble}", "down")
    elif not found.firing:
        sheet.fact("state", "? unknown: its Alertmanager has not answered yet", "unknown")
    else:
        sheet.fact("state", "● fires, as it must", "ok")
    if found.silenced:
        sheet.fact("silenced", "▲ whoever waits for it does not hear it", "warn")
    sheet.fact("since", sheet.when(found.since, seconds=True))
    sheet.fact("last seen", sheet.when(found.seen_at, seconds=True) or "never, by this room")
    sheet.fact("what it is", "a dead-man's switch: while it fires, alerts reach Alertmanager")
    sheet.each("Labels", (text(Span(f"{k}  ", "dim"), Span(v)) for k, v in sorted(found.labels.items())))
    if trouble and not unknown:
        sheet.next(
            "ask whether Prometheus evaluates its rules and reaches this Alertmanager",
            f"see that the rule {found.name} exists: an alert with expr = vector(1)",
            "until it fires, take no silence of alerts for good news",
        )
    return True


# What they have in common


def _state(sheet: Sheet, found: Alert) -> Line:
    if found.server in known_alerts.as_of(sheet.snapshot):
        was = "silenced" if found.state == "suppressed" else "firing"
        return (Span(f"? unknown; it was {was}", "unknown"),)
    if found.state != "suppressed":
        return (Span("firing" if found.state == "active" else found.state),)
    return (Span("silenced" if found.silenced_by else "inhibited by another alert", "dim"),)


def _states(found: Family) -> Line:
    return join(
        (
            (Span(f"{found.active} firing"),) if found.active else (),
            (Span(f"{found.silenced} silenced", "dim"),) if found.silenced else (),
        )
    )


def _as_of(sheet: Sheet, alerts: Sequence[Alert]) -> None:
    """That it may be over, where its Alertmanager does not answer."""
    for source in known_alerts.blind(sheet.snapshot):
        if any(one.server == known_alerts.server_of(source) for one in alerts):
            sheet.fact("known as of", _then(sheet, source), "unknown")


def _then(sheet: Sheet, source: SourceStatus) -> str:
    then = sheet.when(source.as_of or source.read_at, seconds=True) or "an earlier run"
    why = f": {present.hosts(source.error, sheet.view)}" if source.error else ""
    return f"? {then}; {source.title or source.id} does not answer{why}"


def _owner(sheet: Sheet, found: Alert) -> None:
    """Whose it is, and how that is known."""
    if found.squad:
        because = f"  by {present.hosts(clean(found.because), sheet.view)}" if found.because else ""
        sheet.fact("squad", text(Span(sheet.squad(found.squad)), Span(because, "dim")))
    else:
        sheet.fact("squad", text(Span(f"unowned: {_unowned_because(found)}", "warn")))


def _unowned_because(found: Alert) -> str:
    """Why nobody is known to see to it."""
    named = [f"{label} = {found.labels[label]}" for label in OWNER_LABELS if found.labels.get(label)]
    if named:
        return f"no squad is called as its label says ({', '.join(named)}), and no rule maps it"
    return "it has no squad or team label, and no rule maps it"


def _silences(sheet: Sheet, alerts: Sequence[Alert]) -> None:
    """Who silences it, why and until when."""
    known: dict[str, Silence] = {
        one.id: one for a in alerts for one in silence_of(a, sheet.snapshot.silences)
    }
    for one in known.values():
        sheet.section("Silenced")
        _silence(sheet, one)
    lost = sorted({id_ for a in alerts for id_ in a.silenced_by} - set(known))
    sheet.each("Silenced by", ((Span(f"{id_}: who set it is not known here", "dim"),) for id_ in lost))


def _silence(sheet: Sheet, one: Silence) -> None:
    """Who set it, why, until when, and for what."""
    sheet.fact("state", known_alerts.standing(one, sheet.now))
    sheet.fact("why", present.hosts(one.comment, sheet.view) or "nobody wrote why")
    sheet.fact("by", present.person(one.by, sheet.view) or "nobody is named")
    sheet.fact("until", _ends(sheet, one))
    sheet.fact("from", sheet.when(one.starts_at))
    sheet.fact("matches", present.hosts("  ".join(map(shown, one.matchers)), sheet.view), "accent")
    if one.server in known_alerts.as_of(sheet.snapshot):
        sheet.fact("known alerts", "? unknown: its Alertmanager does not answer", "unknown")
        return
    try:
        count = len(matching(one.matchers, sheet.snapshot.alerts))
    except ValueError:
        return
    sheet.fact("known alerts", f"{count} match" if count != 1 else "1 matches")


def _ends(sheet: Sheet, one: Silence) -> str:
    """Its end; also of one that ends within the minute it is still to come."""
    if one.ends_at is None or one.ends_at <= sheet.now:
        return sheet.when(one.ends_at)
    ends = present.moment(one.ends_at, sheet.now, sheet.snapshot.program.zone)
    return f"{ends} · in {present.age((one.ends_at - sheet.now).total_seconds())}"


def _each(
    sheet: Sheet, alerts: Sequence[Alert], labels: Iterable[str], *, named: bool = False
) -> Iterable[Line]:
    """A line for each: severity, what tells it from the others, since when, whether it is silenced."""
    names = tuple(labels)

    def told(one: Alert) -> Line:
        style = severity_style(one)
        quiet = known_alerts.muted((one,), sheet.snapshot, sheet.now, sheet.view)
        return text(
            Span(f"{glyph_of(style)} ", style),
            column(one.severity or "no severity", 11, style),
            *join(
                (
                    (Span(one.name, "strong"),) if named else (),
                    known_alerts.told_apart(one, names, sheet.view),
                    (Span(present.since(one.starts_at, sheet.now)),) if one.starts_at else (),
                    quiet if one.state == "suppressed" else (),
                )
            ),
        )

    return limited(sorted(alerts, key=lambda one: (one.state == "suppressed", rank(one.severity))), told)


def _links(sheet: Sheet, alerts: Sequence[Alert]) -> None:
    """Runbooks first, then whatever else leads somewhere."""
    found: list[tuple[str, str]] = []
    for one in alerts:
        for key, value in one.annotations.items():
            if value.startswith(("http://", "https://")):
                known = next((word for word in LEADING if word in key), key)
                found.append((known, value))
        if one.generator:
            found.append(("where it comes from", one.generator))
    order = (*LEADING, "where it comes from")
    found.sort(key=lambda link: order.index(link[0]) if link[0] in order else 1)
    for label, target in found[:12]:
        sheet.link(label, target)


def _advice(sheet: Sheet, alerts: Sequence[Alert]) -> None:
    """What to do next, in words."""
    first = alerts[0]
    runbook = any("runbook" in key for one in alerts for key in one.annotations)
    quiet = all(one.state == "suppressed" for one in alerts)
    gone = any(one.server in known_alerts.as_of(sheet.snapshot) for one in alerts)
    may = bool(sheet.view.assigns)
    opens, hush, new = map(sheet.view.key, ("link.open", "alert.silence", "blocker.new"))
    sheet.next(
        "bring Alertmanager back first: it may be over, or worse, by now" if gone else "",
        f"follow its runbook: {opens} opens it" if runbook and not quiet else "",
        f"look at the rule it comes from: {opens} opens it"
        if first.generator and not runbook and not quiet
        else "",
        f"it is quiet until then; {hush} ends its silence" if quiet and first.silenced_by and may else "",
        "the alert that inhibits it comes first" if quiet and not first.silenced_by else "",
        f"{hush} silences it while somebody sees to it; {new} opens a blocker"
        if may and not (quiet or gone)
        else "",
        "give it an owner: "
        + (f"{sheet.view.assigns} writes a rule for [[alertmanagers.rules]], or " if may else "")
        + "add a squad label to the alert"
        if first.squad is None
        else "",
    )
