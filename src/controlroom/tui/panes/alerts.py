"""Alerts by squad, worst first; what no rule gives to a squad is unowned, not left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controlroom.domain.program import Program
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert
from controlroom.tui import present
from controlroom.tui.lines import column, join, text
from controlroom.tui.panes.base import BasePane, concerns, distinct, words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.triage_words import opened_mark

SEVERITY = {"critical": 0, "page": 0, "error": 1, "high": 1, "warning": 2, "warn": 2, "info": 4, "none": 5}
UNRANKED = 3


class AlertsPane(BasePane):
    """`alerts`."""

    id = "alerts"
    title = "Alerts"
    kinds = ("alerts",)
    nothing = "no alerts firing"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        if _blind(ctx.snapshot):
            return "?", "unknown"
        firing = sum(1 for alert in ctx.snapshot.alerts if alert.state != "suppressed")
        return (str(firing) if ctx.snapshot.alerts else ""), "warn" if firing else "dim"

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        # Of the sources only whether one is blind changes the rows; a new reading does not.
        blind = _blind(snapshot)
        return snapshot.alerts, snapshot.program, blind.error if blind else None

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        rows: list[Row] = []
        blind = _blind(snapshot)
        if blind is not None:
            rows.append(
                Row(
                    key="blind",
                    subject=Subject("source", blind.id),
                    text=words("unknown", blind.title or blind.id),
                    data=blind,
                    heading=True,
                )
            )
        by_squad: dict[str, list[Alert]] = {}
        for alert in snapshot.alerts:
            if concerns((alert.squad,), view):
                by_squad.setdefault(alert.squad or "", []).append(alert)
        ranked = sorted(by_squad.items(), key=lambda pair: (min(map(_rank, pair[1])), not pair[0]))
        for squad, alerts in ranked:
            alerts.sort(key=_rank)
            rows += [
                _row(alert, squad, first=i == 0, program=snapshot.program) for i, alert in enumerate(alerts)
            ]
        return rows

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        if isinstance(row.data, SourceStatus):
            return (_blind_line(row.data, ctx),)
        alert, first = row.data
        return (_alert_line(alert, first, ctx),)

    def empty(self, snapshot: Snapshot) -> Line:
        """Only an Alertmanager that answered may say that there are no alerts."""
        if snapshot.source("alerts") is None:
            return (Span("no Alertmanager declared: add [[alertmanagers]]", "dim"),)
        return super().empty(snapshot)


def _blind(snapshot: Snapshot) -> SourceStatus | None:
    """An Alertmanager that does not answer: whatever it knows is unknown."""
    return next((s for s in snapshot.sources if s.kind == "alerts" and s.error is not None), None)


def _rank(alert: Alert) -> tuple[bool, int, float]:
    began = alert.starts_at.timestamp() if alert.starts_at else 0.0
    return alert.state == "suppressed", SEVERITY.get(alert.severity.lower(), UNRANKED), began


def severity_style(alert: Alert) -> Style:
    """What a severity means on screen; silenced alerts are quiet."""
    if alert.state == "suppressed":
        return "dim"
    rank = SEVERITY.get(alert.severity.lower(), UNRANKED)
    return "down" if rank <= 1 else "warn" if rank <= UNRANKED else "info"


def _row(alert: Alert, squad: str, *, first: bool, program: Program) -> Row:
    name = present.squad_name(program, squad) if squad else "unowned"
    return Row(
        key=f"alert:{alert.server}:{alert.fingerprint}",
        subject=Subject("alert", alert.fingerprint),
        squads=distinct(alert.squad),
        text=words(alert.name, alert.severity, alert.summary, alert.state, name, *alert.labels.values()),
        data=(alert, first),
    )


def _blind_line(source: SourceStatus, ctx: DrawContext) -> Line:
    lasted = "" if source.error_since is None else f" for {present.since(source.error_since, ctx.now)}"
    known = len(ctx.snapshot.alerts)
    older = f"; the {known} below are what it said before" if known else ""
    return text(
        Span(f"? alerts unknown{lasted}: ", "unknown"),
        Span(present.hosts(source.error or "", ctx.view)),
        Span(older, "dim"),
    )


def _alert_line(alert: Alert, first: bool, ctx: DrawContext) -> Line:
    style = severity_style(alert)
    name = max(7, min(22, ctx.width // 4))
    squad = present.squad_short(ctx.snapshot.program, alert.squad, name) if alert.squad else "unowned"
    owner_style: Style = "strong" if alert.squad else "warn"
    glyph = {"down": "✖", "warn": "▲", "dim": "◌"}.get(style, "·")
    severity = alert.severity or "no severity"
    since = present.since(alert.starts_at, ctx.now) if alert.starts_at else "since ?"
    return text(
        column(squad if first else "", name, owner_style),
        " ",
        Span(f"{glyph} ", style),
        column(severity, 9, style),
        " ",
        Span(alert.name, "dim" if style == "dim" else "strong"),
        Span(f"  {since}  ", "dim"),
        *join(
            (
                (Span("silenced", "dim"),) if alert.state == "suppressed" else (),
                opened_mark(ctx.snapshot, f"alert:{alert.fingerprint}", ctx.now),
                (Span(present.hosts(alert.summary, ctx.view), "text"),) if alert.summary else (),
                text(Span(present.hosts(alert.labels.get("instance", ""), ctx.view), "dim")),
            )
        ),
    )


PANE = AlertsPane()
