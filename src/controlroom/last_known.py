"""The room as it was when a configuration was last open, for the first paint of the next time."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from controlroom.config.values import Config
from controlroom.domain.snapshot import OutboxSeen, Snapshot, SourceKind


def recall(config: Config, environ: Mapping[str, str]) -> Snapshot | None:
    """The room as it was when this configuration was last open, or None: never a reason to fail."""
    from controlroom.stores import saved

    path = _saved_path(config, environ)
    if path is None:
        return None
    try:
        value = saved.read(path)
    except saved.UnreadableSaved:
        return None
    return value if isinstance(value, Snapshot) and value.program.id == config.program.id else None


def keep(config: Config, snapshot: Snapshot, environ: Mapping[str, str]) -> None:
    """Keep `snapshot` for `recall`. A room that no source has answered yet leaves the older one."""
    from controlroom.stores import saved

    path = _saved_path(config, environ)
    if path is None or snapshot.taken_at is None or snapshot.restored:
        return
    with contextlib.suppress(OSError, TypeError):
        saved.write(path, _worth_keeping(snapshot))


LARGE = 2_000
"""Cards and blockers above which a room begins without them: reading them would delay the first paint."""


def _worth_keeping(snapshot: Snapshot) -> Snapshot:
    """What documents, status files and the log say is read again at once; only what it led to is kept."""
    kept = replace(
        snapshot,
        documents=(),
        status=None,
        baseline=None,
        changes=(),
        declared_items=(),
        kept_blockers=(),
        kept_items=(),
        ledger=None,
        log=None,
        outbox=OutboxSeen(),
    )
    if len(snapshot.items) + len(snapshot.blockers) <= LARGE:
        return kept
    return replace(
        kept,
        items=(),
        blockers=(),
        declared_blockers=(),
        lints=(),
        document_lints=(),
        sources=tuple(
            replace(source, read_at=None, as_of=None) if source.kind in _BOARD else source
            for source in snapshot.sources
        ),
    )


_BOARD: frozenset[SourceKind] = frozenset(("documents", "status", "store"))
"""Sources of cards and blockers."""


def journal_path(config: Config, environ: Mapping[str, str]) -> Path | None:
    """Where transitions of this configuration's services are kept; None where there is no place."""
    from controlroom.config import folders

    folder = folders.state_folder(environ)
    return folder / "health" / f"{_name(config.path)}.jsonl" if folder and config.path else None


def past_path(config: Config, environ: Mapping[str, str]) -> Path | None:
    """Where what this configuration's room showed is kept; None where there is no place."""
    from controlroom.config import folders

    folder = folders.state_folder(environ)
    return folder / "past" / f"{_name(config.path)}.sqlite" if folder and config.path else None


def followed_path(url: str, environ: Mapping[str, str]) -> Path | None:
    """Where what was told at `url` is kept; None where there is no place, or it is another process's to."""
    from controlroom.config import folders
    from controlroom.stores.logs import shown
    from controlroom.stores.relay import SOCKET

    folder = folders.state_folder(environ)
    if folder is None or url.startswith(SOCKET):
        return None
    return folder / "past" / f"{hashlib.sha256(f'follow {shown(url)}'.encode()).hexdigest()[:24]}.sqlite"


def _saved_path(config: Config, environ: Mapping[str, str]) -> Path | None:
    from controlroom.config import folders

    folder = folders.cache_folder(environ)
    return folder / "rooms" / f"{_name(config.path)}.saved" if folder and config.path else None


def _name(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:24]
