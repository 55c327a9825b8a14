"""The dashboards of the repository, for whoever judges whether a metric is drawn."""

from __future__ import annotations

import asyncio
import glob
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path, PurePath

from controlroom.config.patterns import LIMIT, matching
from controlroom.documents import files
from controlroom.documents.dashboards import SIZE_LIMIT, SUFFIXES, dashboards
from controlroom.domain.evidence import Dashboard
from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean
from controlroom.engine.ports import Clock
from controlroom.net.threads import in_daemon

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _File:
    """What is known of one file between two looks."""

    stamp: files.Stamp | None = None
    found: tuple[Dashboard, ...] = ()


class DashboardFiles:
    """`[dashboards]`: called, it gives what there is now; only files that changed are read again."""

    def __init__(self, paths: Sequence[str], folder: Path, clock: Clock) -> None:
        """`paths` are files and globs (``**`` too), relative to `folder`."""
        self._paths, self._folder, self._clock = tuple(paths), folder, clock
        self._files: dict[str, _File] = {}
        self._seen: tuple[Dashboard, ...] = ()
        self._looking: asyncio.Task[tuple[Dashboard, ...]] | None = None

    async def __call__(self) -> tuple[Dashboard, ...]:
        """The dashboards, in the order of the paths; the very same value while nothing changes.

        Looked for in a thread, as a folder may be on a slow disk: once, for however many wait for it.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(in_daemon(self._look), name="dashboards")
        return await asyncio.shield(self._looking)

    def _look(self) -> tuple[Dashboard, ...]:
        now = self._clock()
        found = {name: file for name, file in self._all(now) if file is not None}
        self._files = found
        seen = tuple(dashboard for file in found.values() for dashboard in file.found)
        if seen != self._seen:
            self._seen = seen
        return self._seen

    def _all(self, now: datetime) -> Iterator[tuple[str, _File | None]]:
        for name, matches in matching(self._paths, self._folder):
            if matches == 0:
                yield name, _said(name, "no file matches")
            elif matches > 1:
                yield name, _said(name, f"matches {matches:,} files, {LIMIT:,} are read", unknown=True)
            else:
                yield name, self._looked_at(name, now)

    def _looked_at(self, name: str, now: datetime) -> _File | None:
        """What is in the file, on trouble with the reason; None for what a pattern takes in by chance."""
        named = name in self._paths or not any(map(glob.has_magic, self._paths))
        if PurePath(name).suffix.casefold() not in SUFFIXES and not (self._folder / name).is_dir():
            return _said(name, "is neither JSON nor YAML", unknown=True) if named else None
        before = self._files.get(name, _File())
        try:
            stamp, raw = files.changed(self._folder / name, before.stamp, now, SIZE_LIMIT)
        except files.StillChanging:
            return before if before.stamp else _said(name, "is being written", unknown=True)
        except files.IsFolder:
            shown = f"is a folder; name its files, such as {name.rstrip('/')}/*.json"
            return _said(name, shown, unknown=True) if named else None
        except files.Missing as problem:
            return _said(name, str(problem))
        except files.Unreadable as problem:
            return _said(name, str(problem), unknown=True)
        return before if raw is None else _File(stamp, _read(name, raw))


def _read(name: str, raw: bytes) -> tuple[Dashboard, ...]:
    try:
        return dashboards(raw, name)
    except Exception as problem:  # one file must not take the others with it
        log.exception("dashboard %s", clean(name))
        return _said(name, f"internal error: {type(problem).__name__}", unknown=True).found


def _said(name: str, why: str, *, unknown: bool = False) -> _File:
    return _File(found=(Dashboard(clean(name, 300), error=clean(why, 200), unknown=unknown),))
