"""Details of what the schedule depends on, and of the sources behind the room."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from controlroom.domain import health
from controlroom.domain.program import Dependency
from controlroom.domain.relayed import Relayed
from controlroom.domain.selfcheck import Check
from controlroom.domain.text import slug
from controlroom.tui import present, relayline
from controlroom.tui.details.base import Sheet
from controlroom.tui.details.blockers import blocker_line, limited
from controlroom.tui.known_services import by_id
from controlroom.tui.lines import column, join, text
from controlroom.tui.panes.need_lines import need_look, need_of, waiting
from controlroom.tui.panes.service_lines import lasted, look
from controlroom.tui.rows import Line, Span, Style
from controlroom.tui.width import cell_width

PROBES: Sequence[tuple[str, str]] = (
    ("redis|valkey|sentinel", 'kind = "redis", url = "redis://HOST:6379"'),
    ("kafka|kraft|redpanda", 'kind = "kafka", url = "HOST:9092"'),
    (
        "postgres|postgresql|pgbouncer|timescale",
        'kind = "postgres", url = "postgres://USER@HOST:5432/DATABASE"',
    ),
    ("temporal", 'kind = "temporal", url = "HOST:7233"'),
    ("alertmanager", 'kind = "alertmanager", url = "http://HOST:9093"'),
    ("pushgateway", 'kind = "pushgateway", url = "http://HOST:9091"'),
    ("prometheus", 'kind = "prometheus", url = "http://HOST:9090"'),
    (
        "somabrain|grafana|elasticsearch|opensearch|vault|keycloak|etcd|consul|rabbitmq|minio|nats|kubernetes",
        'kind = "http", url = "http://HOST:PORT", http.preset = "{}"',
    ),
    ("spring", 'kind = "http", url = "http://HOST:PORT", http.preset = "spring"'),
    ("grpc", 'kind = "grpc", url = "HOST:PORT"'),
    ("certificate|tls", 'kind = "tls", url = "HOST:443"'),
    ("dns", 'kind = "dns", url = "NAME"'),
    ("backup|cron|job|nightly", 'kind = "heartbeat"'),
    ("api|http|header|contract|gateway|web", 'kind = "http", url = "http://HOST:PORT/health"'),
)
"""Words in what the schedule calls a thing → the `[[services]]` entry that would watch it, surest first."""

ANY_PROBE = 'kind = "tcp", url = "HOST:PORT"'


def dependency(sheet: Sheet, name: str) -> bool:
    """What the schedule says every squad depends on: how it is, who answers for it, and all that waits."""
    program = sheet.snapshot.program
    found = next((d for d in program.dependencies if d.name == name), None)
    if found is None:
        return False
    sheet.title = found.name
    need = need_of(found, sheet.snapshot, sheet.now)
    seen, worst = need_look(need), need.worst
    state = seen.word if worst is None else lasted(worst, seen, sheet.now)
    sheet.fact("state", text(Span(f"{seen.glyph} {state}", seen.style)))
    if worst is not None:
        sheet.fact("since", sheet.when(worst.since, seconds=True))
        sheet.fact("reason", present.hosts(worst.reason, sheet.view))
    sheet.fact("declared", found.text)
    sheet.fact(
        "owner", sheet.squad(found.owner) or text(Span("nobody: add owner to [[dependencies]]", "warn"))
    )
    sheet.fact("what waits", waiting(need) or "nothing is known to")
    watched = [*(state.service.id for state in need.watched), *need.missing]
    sheet.each("Watched by", _services(sheet, watched))
    sheet.each("Squads that wait", ((Span(sheet.squad(squad)),) for squad in need.squads))
    sheet.each("Services that need it", limited(_services(sheet, need.services), tuple))
    sheet.each("Blockers that wait", limited(need.blockers, lambda one: blocker_line(sheet, one)))
    sheet.origin(f"dependency/{slug(found.name)}")
    if not found.services:
        sheet.next(
            f"declare a probe: [[services]] {fitting(found)}",
            f'then add services = ["…"], its id, to [[dependencies]] {found.name}',
        )
    return True


def fitting(dependency: Dependency) -> str:
    """The `[[services]]` entry that would watch it, as far as its name and text tell."""
    for said in (dependency.name, dependency.text):
        words = set(re.findall(r"[a-z0-9]+", said.lower()))
        for names, entry in PROBES:
            known = next((name for name in names.split("|") if name in words), None)
            if known is not None:
                return entry.format(known)
    return ANY_PROBE


def _services(sheet: Sheet, ids: Sequence[str]) -> list[Line]:
    """A line for each: its state, since when, and why."""
    states = by_id(sheet.snapshot.services)
    names = {i: states[i].service.name or i if i in states else i for i in ids}
    width = min(32, max((cell_width(name) for name in names.values()), default=0))
    lines: list[Line] = []
    for id_ in ids:
        name = column(names[id_], width)
        if id_ not in states:
            lines.append(text(Span("? ", "unknown"), name, Span("  is not among [[services]]", "unknown")))
            continue
        shown = health.shown(states[id_], sheet.now)
        seen = look(shown)
        state = column(lasted(shown, seen, sheet.now), 16, seen.style)
        cause = (Span(f"caused by {shown.caused_by}", "degraded"),) if shown.caused_by else ()
        reason = (Span(present.hosts(shown.reason, sheet.view)),) if shown.reason else ()
        lines.append(text(Span(f"{seen.glyph} ", seen.style), name, "  ", state, " ", *join((cause, reason))))
    return lines


def source(sheet: Sheet, id_: str) -> bool:
    """Where a part of the room comes from, and how that is doing."""
    if id_ == relayline.ID and sheet.snapshot.relayed is not None:
        _relay(sheet, sheet.snapshot.relayed)
        return True
    found = next((s for s in sheet.snapshot.sources if s.id == id_), None)
    itself = id_ == "self" or (found is not None and found.kind == "self")
    if found is None and not (itself and sheet.snapshot.self_checks):
        return False
    sheet.title = "this machine" if itself else id_
    if found is not None:
        sheet.title = found.title or sheet.title
        sheet.fact("kind", found.kind)
        sheet.fact("looked at", f"every {found.interval:g} s")
        sheet.fact("last read", sheet.when(found.read_at, seconds=True) or "never")
        sheet.fact("data from", sheet.when(found.as_of))
        sheet.fact("error", present.hosts(found.error or "", sheet.view), "down")
        sheet.fact("since", sheet.when(found.error_since, seconds=True) if found.error else "")
    if itself:
        _checks(sheet)
    if found is not None:
        sheet.each("Warnings", ((Span(warning, "warn"),) for warning in found.warnings))
        if found.error:
            sheet.next(found.remedy, f"ask again now with {sheet.view.key('sources.poll')}")
    return True


def _relay(sheet: Sheet, relayed: Relayed) -> None:
    """Who tells this screen what it shows, and since when not."""
    sheet.title = "what this screen follows"
    sheet.fact("where", present.hosts(relayed.where, sheet.view))
    sheet.fact("collector", relayed.collector or "not heard yet")
    sheet.fact("not heard since", sheet.when(relayed.old_since, seconds=True), "down")
    sheet.fact("because", present.hosts(relayed.reason, sheet.view), "down")
    if relayed.skew is not None:
        ahead = f"{abs(relayed.skew):.1f} s {'ahead of' if relayed.skew > 0 else 'behind'} the collector's"
        sheet.fact("this clock", f"{ahead}, give or take {relayed.uncertain:.1f} s")
    if relayed.lost:
        sheet.next("see whether a collector runs, and reaches the same server", "look again now with r")


def _checks(sheet: Sheet) -> None:
    """What this machine finds of itself, and whose failures are in doubt for it."""
    checks = sheet.snapshot.self_checks
    sheet.each("Is it me?", (_check(sheet, check) for check in checks))
    unsure = [state.service.id for state in sheet.snapshot.services if not state.verified]
    sheet.each("Failures that are not verified", limited(_services(sheet, unsure), tuple))
    if any(check.ok is False for check in checks):
        sheet.next("mend this first: until then, failures of services elsewhere are not believed")


def _check(sheet: Sheet, check: Check) -> Line:
    glyph, style = _FOUND[check.ok]
    said = present.hosts(check.text, sheet.view)
    return text(
        Span(f"{glyph} ", style),
        Span(f"{check.name:<12}", "dim"),
        Span(said, style if check.ok is False else "text"),
    )


_FOUND: Mapping[bool | None, tuple[str, Style]] = {
    True: ("✓", "ok"),
    False: ("✖", "down"),
    None: ("?", "unknown"),
}
