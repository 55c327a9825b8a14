"""controlroom.toml as one value: a field for every section, in the order the example shows them.

What depends on the day or on the file's place is not in it, so it can be remembered between runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from controlroom.config.values import (
    AlertmanagerServer,
    Benchmark,
    Channel,
    Collect,
    Dashboards,
    Documents,
    Evidence,
    Past,
    Polling,
    ProgramKeys,
    PrometheusServer,
    Proof,
    SelfCheck,
    Serve,
    StatusFolder,
    Store,
    Triage,
    Ui,
)
from controlroom.domain.calendar import CalendarRules
from controlroom.domain.frozen import dataclass
from controlroom.domain.gate_rules import GateRules

if TYPE_CHECKING:
    from controlroom.domain.board import Sprint, Squad
    from controlroom.domain.maintenance import Window
    from controlroom.domain.program import Dependency, Milestone
    from controlroom.domain.rituals import Ritual
    from controlroom.domain.services import Service
    from controlroom.domain.waves import Wave


@dataclass(frozen=True, slots=True)
class File:
    """A validated controlroom.toml."""

    program: ProgramKeys = field(default_factory=ProgramKeys)
    calendar: CalendarRules = field(default_factory=CalendarRules)
    waves: tuple[Wave, ...] = ()
    sprints: tuple[Sprint, ...] = ()
    squads: tuple[Squad, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    rituals: tuple[Ritual, ...] = ()
    services: tuple[Service, ...] = ()
    maintenance: tuple[Window, ...] = ()
    self_check: SelfCheck = field(default_factory=SelfCheck)
    prometheus: tuple[PrometheusServer, ...] = ()
    alertmanagers: tuple[AlertmanagerServer, ...] = ()
    gate: GateRules = field(default_factory=GateRules)
    dashboards: Dashboards = field(default_factory=Dashboards)
    proofs: tuple[Proof, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    notify: tuple[Channel, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    past: Past = field(default_factory=Past)
    collect: Collect = field(default_factory=Collect)
    serve: Serve = field(default_factory=Serve)
    documents: Documents = field(default_factory=Documents)
    status: StatusFolder = field(default_factory=StatusFolder)
    store: Store = field(default_factory=Store)
    triage: Triage = field(default_factory=Triage)
    polling: Polling = field(default_factory=Polling)
    ui: Ui = field(default_factory=Ui)
    keys: Mapping[str, str] = field(default_factory=dict)


FILLED_IN: Mapping[str, frozenset[str]] = {
    "Signal": frozenset({"squad", "topic", "quiet"}),
    "Topic": frozenset({"squad"}),
    "Declared": frozenset({"source", "as_of"}),
    "SecretRef": frozenset({"literal"}),
    "Service": frozenset({"maintenance"}),
    "KafkaAsks": frozenset({"watch"}),
}
"""Fields that are no keys: the program computes them."""
