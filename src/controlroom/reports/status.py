"""The status JSON of a day: what the room knows, in a file that people and dashboards read."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from controlroom import __version__
from controlroom.domain.frozen import dataclass
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.status import FROM_LOG, NIGHTLY, room_status

GENERATOR = f"controlroom {__version__}"

PEOPLE_S_OWN = ("decisions", "actions")
"""Sections that people also record in the file itself: what they wrote there stays beside the log's."""

_MEASURED = frozenset({"as_of", "generator", "first_seen", "since", "last_seen"})
"""Keys that tell when the room looked, and not what it saw."""


class Files(Protocol):
    """Where status files are kept; what this module needs of the folder."""

    def existing(self, name: str) -> tuple[bytes, dict[str, Any] | None] | None:
        """Bytes of the file and its document (None where it is not one); None where there is no file."""

    def path(self, name: str) -> Path:
        """Where the file is, or would be."""

    def dump(self, document: Mapping[str, Any]) -> bytes:
        """The document as bytes."""

    def write(self, name: str, content: bytes) -> Path:
        """Make `content` the file, whole or not at all."""


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a status file."""

    path: Path
    outcome: Literal["written", "unchanged", "refused"]
    document: Mapping[str, Any]


def document(
    snapshot: Snapshot,
    now: dt.datetime,
    folder: Path,
    *,
    for_date: dt.date | None = None,
    slot: str = NIGHTLY,
) -> dict[str, Any]:
    """The room at `now` as a status document, with the documents it was made from.

    Paths are written relative to `folder`, that of the configuration: the file travels in a repository.
    A blocker's source stays as configured, so that a room knows the document that speaks for it.
    """
    relative = _relative_to(folder)
    made = room_status(snapshot, now, for_date=for_date, slot=slot, generator=GENERATOR)
    made["inputs"] = _inputs(snapshot, folder)
    for section, key in (("lints", "path"), ("risks", "source")):
        made[section] = [{**entry, key: relative(entry[key])} for entry in made[section]]
    return made


def _relative_to(folder: Path) -> Callable[[str | None], str | None]:
    root = folder.absolute()

    def relative(path: str | None) -> str | None:
        if path is None:
            return None
        try:
            return (root / path).relative_to(root).as_posix()
        except ValueError:
            return path

    return relative


def _inputs(snapshot: Snapshot, folder: Path) -> list[Mapping[str, str | None]]:
    relative = _relative_to(folder)
    inputs: list[Mapping[str, str | None]] = []
    for reading in snapshot.documents:
        try:
            digest = hashlib.sha256((folder / reading.path).read_bytes()).hexdigest()
        except OSError:
            digest = None
        inputs.append({"path": relative(reading.path), "sha256": digest})
    return sorted(inputs, key=lambda entry: str(entry["path"]))


def publish(
    made: Mapping[str, Any], files: Files, name: str, *, today: dt.date, force: bool, fixed: bool
) -> Published:
    """Write `made` to the file `name`, unless it says the same already.

    A file that differs only in when the room looked stays as it is; with `fixed` (the instant was given,
    not read off the clock) today's is written anew. Without `force` two things are refused: overwriting a
    past date's file that says something else, and overwriting what is no status document. What people
    recorded in the file, and keys this version does not know, are kept. Raises OSError.
    """
    there = files.existing(name)
    if there is None:
        return Published(files.write(name, files.dump(made)), "written", made)
    raw, before = there
    if before is not None:
        made = _kept(made, before)
    content = files.dump(made)
    past = made["for_date"] < today.isoformat()
    same = before is not None and _said(before) == _said(made)
    if raw == content or (same and not force and (past or not fixed)):
        return Published(files.path(name), "unchanged", before or made)
    if not force and (past or before is None):
        return Published(files.path(name), "refused", made)
    return Published(files.write(name, content), "written", made)


def _kept(made: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    unknown = {key: value for key, value in before.items() if key not in made}
    recorded = {
        key: _beside(made[key], before[key], keep=_log_unread(made))
        for key in PEOPLE_S_OWN
        if isinstance(before.get(key), list) and isinstance(made.get(key), list)
    }
    return {**made, **unknown, **recorded}


def _beside(ours: list[Any], there: list[Any], *, keep: bool) -> list[Any]:
    """What the log says, and then what people wrote. What an earlier one took from the log and the log says
    no more goes, unless the log could not be read (`keep`)."""

    def stays(entry: object) -> bool:
        if not isinstance(entry, Mapping):
            return entry not in ours
        id_ = entry.get("id")
        known = id_ is not None and any(id_ == one.get("id") for one in ours if isinstance(one, Mapping))
        return not known and (keep or entry.get("source") != FROM_LOG)

    return [*ours, *(entry for entry in there if stays(entry))]


def _log_unread(made: Mapping[str, Any]) -> bool:
    return any(
        entry.get("kind") == "source" and entry.get("id") == "store"
        for entry in made.get("unknowns", ())
        if isinstance(entry, Mapping)
    )


def _said(value: Any) -> Any:
    """`value` without what tells only when it was measured."""
    if isinstance(value, Mapping):
        return {key: _said(inner) for key, inner in value.items() if key not in _MEASURED}
    if isinstance(value, list):
        return [_said(inner) for inner in value]
    return value
