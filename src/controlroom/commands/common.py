"""What every command shares: the common options, read, and how failures of sources are told."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from controlroom.headless import output
from controlroom.headless.problems import ATTENTION, FINE, UNREACHABLE, Unreachable, Usage, complain

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.domain.past import Moment
    from controlroom.domain.snapshot import Snapshot, SourceKind


FIRST_YEAR, LAST_YEAR = 2, 9990
"""Years in which there is room to look back and ahead."""


class Given:
    """The common options, read. `at` is the instant to pretend, UTC; None is the machine's clock."""

    def __init__(self, options: Namespace, at: datetime | None) -> None:
        self.options = options
        self.at = at

    def now(self) -> datetime:
        """The instant everything is computed for."""
        return self.at or datetime.now(UTC)

    def today(self, zone: str) -> date:
        """The local date in `zone`."""
        from zoneinfo import ZoneInfo

        return self.now().astimezone(ZoneInfo(zone)).date()

    def config(self, *, needed: bool = True) -> Config:
        """The configuration; `needed` refuses to go on with built-in defaults. Raises ConfigErrors, Usage."""
        from dataclasses import replace

        from controlroom.config.load import load

        config = load(self.options.config, today=self.today)
        if needed and config.path is None:
            raise Usage(
                "there is no configuration",
                "./controlroom.toml",
                "write one with controlroom init DOCS…, name one with --config, or try controlroom lab",
            )
        if self.options.store:
            from controlroom.config.rules import store_problem

            problem = store_problem(self.options.store)
            if problem is not None:
                raise Usage(problem[0], "--store", problem[1])
            config = replace(config, store=replace(config.store, url=self.options.store))
        return config

    def viewer_zone(self, config: Config) -> str:
        """The zone times are shown in beside the programme's. Raises Usage."""
        from controlroom.config.viewer import viewer_zone_name
        from controlroom.domain import zones

        zone: str | None = self.options.tz
        if zone is None:
            return config.ui.viewer_zone or viewer_zone_name(os.environ).name
        try:
            zones.get(zone)
        except ValueError as problem:
            raise Usage(str(problem), f"--tz {zone}") from None
        return zone

    def sweep(self, config: Config, *kinds: SourceKind) -> Snapshot:
        """One look at the sources of these kinds, at all of them without any."""
        from controlroom.headless.sweeping import sweep

        journal = None
        if self.at is None:  # at another time nothing that is kept is about now
            from controlroom.last_known import journal_path

            journal = journal_path(config, os.environ)
        return sweep(config, self.now, frozenset(kinds) or None, journal)

    def print(self, text: Callable[[], str], document: Callable[[], dict[str, Any]]) -> None:
        """The document with ``--json``, else the text."""
        if self.options.json:
            output.document(document())
        else:
            output.text(text())


def moment_of(asked: Given, config: Config, text: str) -> tuple[Moment, str]:
    """The moment that was kept at or before the time `text` means, and from when until when nothing was.

    Raises Usage, Unreachable.
    """
    from controlroom.domain import zones
    from controlroom.domain.past import Moment
    from controlroom.headless.sweeping import run
    from controlroom.last_known import past_path
    from controlroom.remembering import Remembering
    from controlroom.tui import moments

    where = f"--past {text}"
    if asked.at is not None:
        raise Usage("two clocks at once", f"--at and {where}", "choose one")
    now = asked.now()
    try:
        at = moments.understand(text, now, config.program.zone, asked.viewer_zone(config), past=True).at
    except moments.NotUnderstood as problem:
        raise Usage(str(problem), where, "write it as 2025-10-06T16:00:00Z, 08:47 or 20m") from None
    if at > now:
        raise Usage("that is still to come", where, "give an instant that has been")
    path = past_path(config, os.environ)
    if path is None:
        raise Unreachable("nothing of the past is kept", where, "set HOME, or XDG_STATE_HOME")
    kept = Remembering(path, lambda: config.past)
    found = run(kept.at(at))
    run(kept.close())
    if not isinstance(found, Moment):
        raise Unreachable(found, where, "the room keeps it while it is open, for [past].keep")
    gap = found.gap(at)
    if gap is None:
        return found, ""
    began, until = (None if end is None else zones.label(end, config.program.zone) for end in gap)
    return found, f"nothing was kept since {began}" + (f" until {until}" if until else "")


def given(options: Namespace) -> Given:
    """The common options of a command line. Raises Usage."""
    if options.at is None:
        return Given(options, None)
    from controlroom.domain import instants

    try:
        at = instants.parse(options.at)
    except ValueError as problem:
        raise Usage(str(problem), f"--at {options.at}", "write it as 2025-10-06T16:00:00Z") from None
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        remedy = f"give an instant of the years {FIRST_YEAR} to {LAST_YEAR}"
        raise Usage("too near the edge of the calendar", f"--at {options.at}", remedy)
    return Given(options, at)


def say_failures(seen: Snapshot) -> None:
    """What could not be read, and what reads but cannot be written, on stderr."""
    for source in seen.sources:
        if source.error:
            complain(f"{source.title or source.id} cannot be read", source.error, source.remedy)
    if seen.log is not None and seen.log.trouble:
        complain("the triage log is read-only", seen.log.trouble)
    if seen.outbox.trouble:
        complain("the outbox cannot be used", seen.outbox.trouble, "until then nothing can be recorded")


def answered(seen: Snapshot, code: int) -> int:
    """`code`, or 3 where nothing is known to be wrong but a source could not be read.

    1 where all is read and fine, but nothing could be written to the triage log.
    """
    from controlroom.headless.attention import failing

    if code == FINE and seen.log is not None and seen.log.trouble:
        return ATTENTION
    return UNREACHABLE if code == FINE and failing(seen) else code
