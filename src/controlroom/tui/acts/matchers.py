"""What a silence would match, as it is typed: matchers as amtool writes them, and their reach. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from controlroom.domain.alerts import rank
from controlroom.domain.program import Program
from controlroom.domain.silences import Matcher, draft_matchers, holds_for, matching, parse_matcher, shown
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import Alert
from controlroom.tui import known_alerts, present
from controlroom.tui.acts.fields import Reading
from controlroom.tui.rows import Style, View

NAMED = 4
"""Names of alerts that a preview lists before it only counts."""

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_ONE = re.compile(
    rf'\s*,?\s*((?:[A-Za-z_:][\w:]*|{_QUOTED})\s*(?:=~|!~|!=|=)\s*(?:{_QUOTED}|[^\s,"]*))', re.ASCII
)


class Preview(NamedTuple):
    """What matchers would quiet now, among the alerts that are known."""

    alerts: tuple[Alert, ...]
    said: str
    """``matches 3 alerts: InstanceDown ×3``"""
    warnings: tuple[str, ...] = ()


def split(text: str) -> list[str]:
    """The matchers in `text`, apart by commas or blanks; braces around them may be left in.

    Raises ValueError for what is left over.
    """
    rest = text.strip()
    if rest.startswith("{") and rest.endswith("}"):
        rest = rest[1:-1]
    found: list[str] = []
    at = 0
    while (match := _ONE.match(rest, at)) is not None:
        found.append(match[1])
        at = match.end()
    left = rest[at:].strip(" ,\t")
    if left:
        raise ValueError(f'not understood: {left}; write alertname="Flood" job=~"locks|gates"')
    return found


def understood(text: str) -> tuple[Matcher, ...]:
    """The matchers that `text` writes. Raises ValueError in words fit for a message."""
    return tuple(parse_matcher(one) for one in split(text))


def written(matchers: Iterable[Matcher]) -> str:
    """Matchers as they are typed into one field."""
    return " ".join(map(shown, matchers))


def drafted(alerts: Sequence[Alert]) -> tuple[Matcher, ...]:
    """What to silence all of `alerts` with: what the drafts for each of them have in common."""
    drafts = [draft_matchers(alert) for alert in alerts]
    common = [one for one in drafts[0] if all(one in draft for draft in drafts[1:])] if drafts else []
    return tuple(common)


def preview(matchers: Sequence[Matcher], snapshot: Snapshot, servers: Iterable[str], view: View) -> Preview:
    """What `matchers` would quiet now in these Alertmanagers. Raises ValueError as `matching` does."""
    asked = tuple(servers)
    known = [alert for alert in snapshot.alerts if alert.server in asked]
    found = matching(matchers, known)
    warnings = list(_warnings(matchers, found, snapshot, asked))
    if not found:
        return Preview((), "matches nothing now", tuple(warnings))
    names = Counter(alert.name for alert in found)
    listed = [f"{name} ×{n}" if n > 1 else name for name, n in names.most_common(NAMED)]
    more = f" and {len(names) - NAMED} more names" if len(names) > NAMED else ""
    count = "1 alert" if len(found) == 1 else f"{len(found)} alerts"
    said = f"matches {count}: {', '.join(listed)}{more}"
    found = tuple(sorted(found, key=lambda alert: (alert.state == "suppressed", rank(alert.severity))))
    return Preview(found, present.hosts(said, view), tuple(warnings))


def _warnings(
    matchers: Sequence[Matcher], found: Sequence[Alert], snapshot: Snapshot, servers: Sequence[str]
) -> Iterable[str]:
    squads = list(dict.fromkeys(alert.squad for alert in found))
    if len(squads) > 1:
        yield f"matches alerts of {len(squads)} squads: {', '.join(_names(squads, snapshot.program))}"
    for dog in snapshot.watchdogs:
        if dog.server in servers and dog.labels and all(holds_for(one, dog.labels) for one in matchers):
            yield f"it would quiet {dog.name} too, the alert that must always fire"
    gone: Mapping[str, object] = known_alerts.as_of(snapshot)
    for server in servers:
        if server in gone:
            yield f"{server} does not answer: what it would match now is not known"


def _names(squads: Iterable[str | None], program: Program) -> list[str]:
    return [present.squad_name(program, squad) if squad else "unowned" for squad in squads]


def reading(text: str, snapshot: Snapshot, servers: Iterable[str], view: View) -> Reading:
    """What stands in the field, and what it would match now."""
    try:
        found = preview(understood(text), snapshot, servers, view) if text else None
    except ValueError as problem:
        return Reading(said=str(problem), style="warn", problem=str(problem))
    if found is None:
        return Reading({"matchers": ""})
    style: Style = "info" if found.alerts and not found.warnings else "warn"
    return Reading({"matchers": text}, " · ".join((found.said, *found.warnings)), style)
