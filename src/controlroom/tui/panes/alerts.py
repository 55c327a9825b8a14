"""Alerts by squad, worst first; what no rule gives to a squad is unowned, not left out.

Only an Alertmanager that answers may say that there is nothing: of one that does not, what it said before is
shown as of then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controlroom.domain.alerts import Family, Watchdog, watchdog_trouble
from controlroom.domain.frozen import dataclass
from controlroom.domain.program import Program
from controlroom.domain.silences import Silence, once
from controlroom.domain.snapshot import Snapshot, SourceStatus
from controlroom.domain.telemetry import Alert
from controlroom.domain.text import clean
from controlroom.tui import known_alerts, present
from controlroom.tui.known_alerts import glyph_of, style_of
from controlroom.tui.lines import column, join, line_width, text, wrap
from controlroom.tui.panes.base import BasePane, concerns, distinct, words
from controlroom.tui.rows import DrawContext, Line, Row, Span, Style, Subject, View
from controlroom.tui.triage_words import opened_mark
from controlroom.tui.width import cell_width, crop

TWO_LINES_BELOW = 72
"""Narrower than this, a squad has a line of its own over its alerts."""

SPARE = 4
"""Cells that a length of time may grow by while it is told."""

SEVERITY = 9
"""Cells of a severity's word."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A family in one line, or one alert of it."""

    family: Family
    alert: Alert | None
    """None is the whole family."""
    head: bool
    """It names the squad."""
    member: bool = False
    """It stands below its family, and says only what tells it from the others."""
    hint: str = ""
    """What can be done about a family that is nobody's."""

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """What the line speaks of."""
        return self.family.alerts if self.alert is None else (self.alert,)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A dead-man's switch that does not fire, and what that means."""

    dog: Watchdog
    said: str


@dataclass(frozen=True, slots=True)
class Ending:
    """Silences that end within the hour, soonest first."""

    silences: tuple[Silence, ...]


class AlertsPane(BasePane):
    """`alerts`."""

    id = "alerts"
    title = "Alerts"
    kinds = ("alerts",)
    nothing = "no alerts firing"

    def count(self, ctx: DrawContext) -> tuple[str, Style]:
        """How many fire, as far as anybody can tell: ``3``, ``3+?`` while one of several is blind."""
        found = known_alerts.counts(ctx.snapshot, ctx.view.focus_squad)
        gone = len(known_alerts.blind(ctx.snapshot))
        if gone and gone == len(known_alerts.alertmanagers(ctx.snapshot)):
            return "?", "unknown"
        number = f"{found.firing}+?" if gone else str(found.firing) if ctx.snapshot.alerts else ""
        silenced = f" · {found.silenced} silenced" if found.silenced else ""
        style: Style = "unknown" if gone else "warn" if found.firing else "dim"
        return f"{number}{silenced}", style

    def depends(self, snapshot: Snapshot) -> tuple[object, ...]:
        # Of the sources only whether each answers changes the rows; a new reading does not.
        answering = [
            part
            for source in known_alerts.alertmanagers(snapshot)
            for part in (source.error, source.read_at is None, source.warnings)
        ]
        return snapshot.alerts, snapshot.silences, snapshot.watchdogs, snapshot.program, *answering

    def listed(self, snapshot: Snapshot, view: View) -> Sequence[Row]:
        rows = [_trouble_row(dog, said, view) for dog, said in watchdog_trouble(snapshot)]
        rows += [_blind_row(source, snapshot, view) for source in _speechless(snapshot)]
        rows += _doubtful_rows(snapshot)
        rows += (found := _alert_rows(snapshot, view))
        soon = known_alerts.ending(snapshot.silences, present.present_moment(snapshot, view))
        if soon:
            said = words("silences end soon", *(known_alerts.silence_name(one, view) for one in soon))
            subject = Subject("silence", known_alerts.SOON)
            rows.append(Row(key="ending", subject=subject, text=said, data=Ending(soon), ticks=True))
        if view.expanded or view.filter.strip():
            rows += [_silence_row(one, view) for one in once(snapshot.silences) if one.state != "expired"]
        if view.expanded:
            rows += _watch_rows(snapshot, quiet=not snapshot.alerts and not known_alerts.blind(snapshot))
        if not found and view.focus_squad is not None and snapshot.alerts:
            name = present.squad_name(snapshot.program, view.focus_squad)
            rows.append(Row(key="none", selectable=False, data=f"no alerts of {name}"))
        return rows

    def lines(self, row: Row, ctx: DrawContext) -> Iterable[Line]:
        match row.data:
            case Entry():
                return _entry_lines(row.data, ctx)
            case Trouble():
                return _wrapped(_trouble_line(row.data, ctx), row, ctx)
            case SourceStatus():
                return _wrapped(_blind_line(row.data, ctx), row, ctx)
            case (str(said),):
                return (text(Span("▲ ", "warn"), Span(present.hosts(said, ctx.view), "warn")),)
            case Ending():
                return (_ending_line(row.data.silences, ctx),)
            case Silence():
                return (_silence_line(row.data, ctx),)
        return ((Span(str(row.data), "dim"),),)

    def empty(self, snapshot: Snapshot) -> Line:
        """Only an Alertmanager that answered may say that there are no alerts."""
        if not known_alerts.alertmanagers(snapshot):
            return (Span("no Alertmanager declared: add [[alertmanagers]]", "dim"),)
        return super().empty(snapshot)


# What is listed


def _speechless(snapshot: Snapshot) -> list[SourceStatus]:
    """The Alertmanagers that nothing is known from now; while none has answered yet, the pane is loading."""
    gone = known_alerts.blind(snapshot)
    asked = any(s.read_at or s.error for s in known_alerts.alertmanagers(snapshot))
    return [s for s in gone if s.error is not None or (asked and not snapshot.restored)]


def _trouble_row(dog: Watchdog, said: str, view: View) -> Row:
    return Row(
        key=f"watchdog:{dog.server}",
        height=2 if 0 < view.width < cell_width(said) + 2 else 1,
        subject=Subject("watchdog", dog.server),
        text=words(said),
        data=Trouble(dog, said),
    )


def _doubtful_rows(snapshot: Snapshot) -> list[Row]:
    """Dead-man's switches that nobody hears, and what of an Alertmanager's answer could not be read."""
    gone = known_alerts.as_of(snapshot)
    rows = []
    for dog in snapshot.watchdogs:
        if dog.firing and dog.silenced and dog.server not in gone:
            said = f"{dog.name} of {dog.server} is silenced: whoever waits for it hears nothing"
            subject = Subject("watchdog", dog.server)
            rows.append(Row(key=f"quiet:{dog.server}", subject=subject, text=words(said), data=(said,)))
    for source in known_alerts.alertmanagers(snapshot):
        for number, warning in enumerate(source.warnings if source.error is None else ()):
            said = f"{source.title or source.id}: {warning}"
            subject = Subject("source", source.id)
            rows.append(
                Row(key=f"warn:{source.id}:{number}", subject=subject, text=words(said), data=(said,))
            )
    return rows


def _blind_row(source: SourceStatus, snapshot: Snapshot, view: View) -> Row:
    moment = present.present_moment(snapshot, view)
    line = _blind_line(source, DrawContext(snapshot, view, moment, view.width, view.height))
    return Row(
        key=f"blind:{source.id}",
        height=2 if 0 < view.width < line_width(line) + SPARE else 1,
        subject=Subject("source", source.id),
        text=words("unknown", source.title or source.id),
        data=source,
    )


def _watch_rows(snapshot: Snapshot, *, quiet: bool) -> list[Row]:
    """That dead-man's switches fire, and so that nothing firing means what it says."""
    gone = known_alerts.as_of(snapshot)
    firing = [dog for dog in snapshot.watchdogs if dog.firing and dog.server not in gone]
    if not firing:
        return []
    several = len(known_alerts.alertmanagers(snapshot)) > 1
    names = [f"{dog.name} of {dog.server}" if several else dog.name for dog in firing]
    said = f"{', '.join(names)} {'fires' if len(names) == 1 else 'fire'}"
    return [
        Row(
            key="watching",
            subject=Subject("watchdog", firing[0].server),
            text=words(said, "watchdog"),
            data=f"no alerts firing · {said}" if quiet else said,
        )
    ]


def _alert_rows(snapshot: Snapshot, view: View) -> list[Row]:
    by_squad: dict[str | None, list[Family]] = {}
    for family in known_alerts.all_families(snapshot.alerts):
        if concerns((family.squad,), view):
            by_squad.setdefault(family.squad, []).append(family)
    rows: list[Row] = []
    filtered = bool(view.filter.strip())
    for squad, found in by_squad.items():
        hint = f"{view.assigns} gives it to a squad" if squad is None and view.assigns else ""
        for number, family in enumerate(found):
            head = number == 0 or filtered
            whole = Entry(family, None, head, hint=hint if head else "")
            if len(family.alerts) == 1:
                entries = [Entry(family, family.alerts[0], head, hint=whole.hint)]
            elif filtered:
                entries = [Entry(family, alert, head=True, hint=hint) for alert in family.alerts]
            else:
                members = [Entry(family, alert, head=False, member=True) for alert in family.alerts]
                entries = [whole, *(members if view.expanded else ())]
            rows += [_row(entry, snapshot.program, view) for entry in entries]
    return rows


def _row(entry: Entry, program: Program, view: View) -> Row:
    family, alert = entry.family, entry.alert
    squad = present.squad_name(program, family.squad) if family.squad else "unowned"
    said = [squad, family.name]
    for one in entry.alerts:
        state = "silenced" if one.silenced_by else "inhibited" if one.state == "suppressed" else "firing"
        said += [one.severity, one.summary, one.state, state, *one.labels.values()]
    if alert is not None:
        key, subject = f"alert:{alert.server}:{alert.fingerprint}", Subject("alert", alert.fingerprint)
    else:
        key = f"family:{known_alerts.family_id(family)}"
        subject = Subject("family", known_alerts.family_id(family))
    return Row(
        key=key,
        height=2 if entry.head and 0 < view.width < TWO_LINES_BELOW else 1,
        subject=subject,
        squads=distinct(family.squad),
        text=words(*said),
        data=entry,
    )


def _silence_row(silence: Silence, view: View) -> Row:
    said = words("silence", known_alerts.silence_name(silence, view), silence.by, silence.comment)
    return Row(
        key=f"silence:{silence.server}:{silence.id}",
        subject=Subject("silence", silence.id),
        text=said,
        data=silence,
    )


# How it is told


def _wrapped(line: Line, row: Row, ctx: DrawContext) -> Iterable[Line]:
    """`line` over as many lines as its row has; what does not fit even there is cropped."""
    if row.height == 1:
        return (line,)
    first, *rest = wrap(line, ctx.width, 2)
    return first, tuple(span for part in rest for span in part)


def _trouble_line(trouble: Trouble, ctx: DrawContext) -> Line:
    seen = trouble.dog.seen_at
    last = f"  last seen {present.moment(seen, ctx.now, ctx.snapshot.program.zone)}" if seen else ""
    return text(Span(f"✖ {trouble.said}", "down"), Span(last, "dim"))


def _blind_line(source: SourceStatus, ctx: DrawContext) -> Line:
    """``? alerts of am2 unknown 3m: connection refused``."""
    several = len(known_alerts.alertmanagers(ctx.snapshot)) > 1
    of = f" of {source.title or source.id}" if several else ""
    if source.error is None:
        return text(Span(f"? alerts{of} unknown: ", "unknown"), Span("has not answered yet", "dim"))
    lasted = "" if source.error_since is None else f" {present.since(source.error_since, ctx.now)}"
    server = known_alerts.server_of(source)
    known = sum(1 for alert in ctx.snapshot.alerts if alert.server == server)
    then = source.as_of or source.read_at
    at = f" as of {present.moment(then, ctx.now, ctx.snapshot.program.zone)}" if then else ""
    return text(
        Span(f"? alerts{of} unknown{lasted}: ", "unknown"),
        Span(present.hosts(source.error, ctx.view)),
        Span(f"  {known} below{at}" if known else "", "dim"),
    )


def _ending_line(silences: Sequence[Silence], ctx: DrawContext) -> Line:
    """``2 silences end soon: KafkaAway in 12m, …``."""
    count = "1 silence ends" if len(silences) == 1 else f"{len(silences)} silences end"
    each = ", ".join(f"{known_alerts.silence_name(one, ctx.view)} {_to_go(one, ctx)}" for one in silences)
    return text(Span(f"◌ {count} soon: ", "warn"), Span(each), _as_known(silences, ctx))


def _as_known(silences: Sequence[Silence], ctx: DrawContext) -> Span:
    """As of when, where an Alertmanager that told of one of them does not answer now."""
    then = known_alerts.as_of(ctx.snapshot)
    at = [seen for one in silences if (seen := then.get(one.server)) is not None]
    zone = ctx.snapshot.program.zone
    return Span(f"  as of {present.moment(min(at), ctx.now, zone)}" if at else "", "unknown")


def _to_go(silence: Silence, ctx: DrawContext) -> str:
    if silence.ends_at is None or silence.ends_at <= ctx.now:
        return "now"
    return f"in {present.age((silence.ends_at - ctx.now).total_seconds())}"


def _silence_line(silence: Silence, ctx: DrawContext) -> Line:
    over = known_alerts.standing(silence, ctx.now)
    said = known_alerts.silence_words(silence, ctx.snapshot, ctx.now, ctx.view)
    return text(
        Span("◌ silence ", "dim"),
        Span(known_alerts.silence_name(silence, ctx.view)),
        Span(f"  {over}{'  ' if over else ''}{said}", "dim"),
        _as_known((silence,), ctx),
    )


def _entry_lines(entry: Entry, ctx: DrawContext) -> Iterable[Line]:
    """An alert beside its squad; under it, a little indented, in a narrow pane."""
    program, squad = ctx.snapshot.program, entry.family.squad
    narrow = ctx.width < TWO_LINES_BELOW
    style: Style = "strong" if squad else "warn"
    if narrow:
        said = text("  ", *_said(entry, ctx, narrow=True))
        if not entry.head:
            return (said,)
        name = present.squad_short(program, squad, ctx.width) if squad else "unowned"
        return text(Span(name, style), Span(f"  {entry.hint}" if entry.hint else "", "accent")), said
    width = max(7, min(24, ctx.width // 5))
    name = present.squad_short(program, squad, width) if squad else "unowned"
    beside = text(column(name if entry.head else "", width, style), " ")
    return (text(*beside, *_said(entry, ctx, narrow=False)),)


def _said(entry: Entry, ctx: DrawContext, *, narrow: bool) -> Line:
    """Severity, name, how long, and what is known beside that."""
    family, alert = entry.family, entry.alert
    alerts = entry.alerts
    then = known_alerts.as_of(ctx.snapshot)
    past = all(one.server in then for one in alerts)
    silenced = all(one.state == "suppressed" for one in alerts)
    severity = family.severity if alert is None else alert.severity
    style: Style = "unknown" if past else "dim" if silenced else style_of(severity)
    word = severity or "no severity"
    quiet: Style = "dim" if silenced else "text" if past or entry.member else "strong"
    if entry.member and alert is not None:
        names = known_alerts.telling(family)
        title: Line = text("  ", *known_alerts.told_apart(alert, names, ctx.view))
        title = tuple(Span(span.text, "dim") for span in title) if silenced else title
    else:
        # However long a name is, how long it lasts and whether it is silenced must be seen beside it.
        name = crop(clean(family.name), max(12, ctx.width // 3))
        title = text(Span(name, quiet), Span(f" ×{len(alerts)}" if len(alerts) > 1 else "", quiet))
    return text(
        Span(f"{glyph_of(style)} ", style),
        Span(f"{crop(word, 12)} ", style) if narrow else column(word, SEVERITY + 1, style),
        *title,
        "  ",
        *join((_how_long(entry, ctx, past=past), *_beside(entry, ctx, silenced=silenced, narrow=narrow))),
    )


def _how_long(entry: Entry, ctx: DrawContext, *, past: bool) -> Line:
    """``3m``, ``oldest 41m``, or how long it had lasted when that was last known."""
    since = entry.family.since if entry.alert is None else entry.alert.starts_at
    oldest = "oldest " if len(entry.alerts) > 1 else ""
    if not past:
        return (Span(f"{oldest}{present.since(since, ctx.now)}" if since else "since ?"),)
    then = known_alerts.as_of(ctx.snapshot)
    at = min((seen for one in entry.alerts if (seen := then.get(one.server))), default=None)
    if at is None:
        return (Span("as of an earlier run", "unknown"),)
    lasted = f"{oldest}{present.since(since, at)} " if since else ""
    return (Span(f"{lasted}as of {present.moment(at, ctx.now, ctx.snapshot.program.zone)}", "unknown"),)


def _beside(entry: Entry, ctx: DrawContext, *, silenced: bool, narrow: bool) -> Iterable[Line]:
    """Silences, blockers, what it says, where it is, and what can be done."""
    family, alerts = entry.family, entry.alerts
    if entry.hint and not narrow:
        yield (Span(entry.hint, "accent"),)
    if silenced and not (entry.member and _alike(family)):
        yield known_alerts.muted(alerts, ctx.snapshot, ctx.now, ctx.view)
    elif entry.alert is None and family.silenced:
        yield (Span(f"{family.silenced} silenced", "dim"),)
    if not entry.member:
        marks = (opened_mark(ctx.snapshot, f"alert:{one.fingerprint}", ctx.now) for one in alerts)
        yield next((mark for mark in marks if mark), ())
    summaries = {one.summary for one in alerts}
    alike = len({one.summary for one in family.alerts}) == 1
    if len(summaries) == 1 and not (entry.member and alike):
        said = present.hosts(summaries.pop(), ctx.view)
        yield (Span(said, "dim" if silenced else "text"),) if said else ()
    if not entry.member and len(alerts) == 1:
        where = present.hosts(alerts[0].labels.get("instance", ""), ctx.view)
        yield (Span(where, "dim"),) if where else ()


def _alike(family: Family) -> bool:
    """Whether all alerts of it are silenced by the same, which its own line says already."""
    return not family.active and len({alert.silenced_by for alert in family.alerts}) == 1


PANE = AlertsPane()
