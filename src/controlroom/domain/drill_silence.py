"""The silence of a drill: what it would quiet, where, until when, or why it may not be set."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from controlroom.domain.drill import Hush, silenced_for
from controlroom.domain.frozen import dataclass
from controlroom.domain.rituals import Ritual, Scenario
from controlroom.domain.silences import SilenceDraft, draft_problem, fits, matching, parse_matcher, shown
from controlroom.domain.telemetry import Alert
from controlroom.domain.text import clean

if TYPE_CHECKING:
    from controlroom.domain.snapshot import Snapshot

SOURCE = "alerts:"
"""How the ids of sources begin that are Alertmanagers; its own id follows."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """What would be silenced."""

    server: str
    draft: SilenceDraft
    matches: tuple[Alert, ...] = ()
    """What fires now of that."""
    unseen: bool = False
    """What fires now is not known: its Alertmanager has not answered."""

    def hush(self, id_: str) -> Hush:
        """It, once it is set."""
        return Hush(self.server, id_, tuple(map(shown, self.draft.matchers)), self.draft.ends_at)


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a silence that was declared cannot be set."""

    reason: str
    remedy: str


def planned(
    scenario: Scenario, ritual: Ritual, snapshot: Snapshot, now: datetime, by: str
) -> Quiet | Unfit | None:
    """The silence that `scenario` declares; None where it declares none.

    Of several Alertmanagers it is the one that knows most of the alerts in question. It always ends: after
    the ritual's length, or an hour.
    """
    if not scenario.silence:
        return None
    try:
        matchers = tuple(map(parse_matcher, scenario.silence))
    except ValueError as why:
        return Unfit(f"its silence cannot be read: {why}", "correct silence in the ritual's rotation")
    servers = {one.id.removeprefix(SOURCE): one for one in snapshot.sources if one.kind == "alerts"}
    if not servers:
        return Unfit("there is no Alertmanager to silence anything in", "add [[alertmanagers]]")
    what = f"{ritual.title or ritual.id}: {scenario.scenario}"
    draft = SilenceDraft(matchers, now, now + silenced_for(ritual), by, clean(what, 300))
    wrong = draft_problem(draft, now)
    if wrong is not None:
        return Unfit(wrong[1], wrong[2])
    found = matching(matchers, snapshot.alerts)
    counts = {id_: sum(one.server == id_ for one in found) for id_ in servers}
    server = max(servers, key=lambda id_: counts[id_])
    for dog in snapshot.watchdogs:
        if dog.server == server and dog.labels and fits(matchers, dog.labels):
            return Unfit(
                f"it would silence {dog.name}, the alert that must always fire", "narrow its matchers"
            )
    source = servers[server]
    unseen = bool(source.error) or source.read_at is None
    return Quiet(server, draft, tuple(one for one in found if one.server == server), unseen)
