"""A validated file and today's date become the configuration the program works with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from controlroom.config.dates import latest, read_start
from controlroom.config.shape import File
from controlroom.config.values import Config
from controlroom.domain.calendar import CalendarRules, date_of, parse_label, week_range
from controlroom.domain.program import Milestone, Program

if TYPE_CHECKING:
    from controlroom.domain.board import Sprint
    from controlroom.domain.services import Service
    from controlroom.domain.waves import Wave

Part = TypeVar("Part", "Wave", "Sprint")

Today = Callable[[str], dt.date]
"""Today's local date in the IANA zone of that name; asked only where the file says ``latest …``."""


def today_by_clock(zone: str) -> dt.date:
    """Today as the machine's clock has it."""
    from zoneinfo import ZoneInfo

    return dt.datetime.now(ZoneInfo(zone)).date()


def config(file: File, path: Path | None, today: Today = today_by_clock) -> Config:
    """`file`, read from `path`, with every date computed that the programme's start allows."""
    said = file.program
    start = read_start(said.start) if said.start else None
    if isinstance(start, int):
        start = latest(start, today(said.zone))
    source = str(path) if path else None
    program = Program(
        id=said.id,
        title=said.title,
        start=start,
        zone=said.zone,
        banner=said.banner,
        note=said.note,
        calendar=file.calendar,
        holidays=said.holidays,
        waves=tuple(_wave(wave, file.calendar, start, source) for wave in file.waves),
        sprints=tuple(_dated(sprint, file.calendar, start) for sprint in file.sprints),
        squads=file.squads,
        dependencies=file.dependencies,
        milestones=tuple(_milestone(m, file.calendar, start) for m in file.milestones),
        rituals=file.rituals,
    )
    return Config(
        program=program,
        services=tuple(_service(service, file) for service in file.services),
        self_check=file.self_check,
        prometheus=file.prometheus,
        alertmanagers=file.alertmanagers,
        gate=file.gate,
        dashboards=file.dashboards,
        proofs=file.proofs,
        benchmarks=file.benchmarks,
        notify=file.notify,
        evidence=file.evidence,
        past=file.past,
        collect=file.collect,
        serve=file.serve,
        documents=file.documents,
        status=file.status,
        store=file.store,
        triage=file.triage,
        polling=file.polling,
        ui=file.ui,
        keys=file.keys,
        path=path,
    )


def _service(service: Service, file: File) -> Service:
    """With the maintenance that concerns it, in the programme's zone where none is written."""
    if not file.maintenance:
        return service
    from controlroom.domain.maintenance import settled

    windows = [w for w in file.maintenance if w.concerns(service.id, service.group)]
    return replace(service, maintenance=tuple(settled(w, file.program.zone) for w in windows))


def _wave(wave: Wave, rules: CalendarRules, start: dt.date | None, source: str | None) -> Wave:
    """With its dates, and the file as the source of what it declares."""
    if wave.declared is not None and source is not None:
        wave = replace(wave, declared=replace(wave.declared, source=source))
    return _dated(wave, rules, start)


def _dated(part: Part, rules: CalendarRules, start: dt.date | None) -> Part:
    """With the dates of its weeks, unless dates are written: they win."""
    if part.weeks is None or start is None or (part.start and part.end):
        return part
    try:
        first, after = week_range(rules, start, *part.weeks)
    except ValueError:
        return part
    first, after = part.start or first, part.end or after
    return replace(part, start=first, end=after) if first < after else part


def _milestone(milestone: Milestone, rules: CalendarRules, start: dt.date | None) -> Milestone:
    """With the date of its label, unless a date is written: that wins."""
    label = parse_label(milestone.label) if milestone.label else None
    if milestone.date is not None or label is None or start is None:
        return milestone
    try:
        return replace(milestone, date=date_of(rules, start, *label)[0])
    except ValueError:
        return milestone
