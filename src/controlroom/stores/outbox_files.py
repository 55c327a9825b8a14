"""An action as a file of the outbox: its name, what stands in it, and how it gets there whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from controlroom.domain.actions import Action, Entry, UnreadableAction, decode, encode
from controlroom.domain.frozen import dataclass
from controlroom.stores import atomic

FORMAT = 1
"""The version of the envelope; a greater one was written by a newer program."""

LARGEST = 16 * 1024 * 1024
"""Bytes; nothing that a person did is longer."""

Place = Literal["queued", "lost", "conflict", "sent"]
"""The folders: not delivered yet; committed once and lost by the store; waits for a decision; committed."""

PLACES: tuple[Place, ...] = ("queued", "lost", "conflict", "sent")

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What a file system without hard links says."""

_NAME = re.compile(r"(\d{9,18})-([0-9a-f]{16})\.json", re.ASCII)


class Unreadable(ValueError):
    """A file is not what the outbox writes; the message says why, in plain words."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An action in the outbox."""

    place: Place
    name: str
    """Of its file; begins with `number`."""
    number: int
    """Its place in the order of what was done; in ``sent`` and ``lost`` its rev in the log."""
    action: Action
    behind: str | None = None
    """Id of the action on the same item that was waiting when this one was put."""
    era: str = ""
    """Which time of the store it was put in; empty where a store loses nothing, or was not seen yet."""
    instead: str | None = None
    """Name of the file of the conflict that this one decides."""
    why: str = ""
    """For a conflict: ``moved`` or ``taken``."""
    current: Entry | None = None
    """For a conflict: what stood in its way."""
    since: float = 0.0
    """When its file came to this folder, seconds since 1970 by this machine's clock."""


def name_of(number: int, action_id: str) -> str:
    """Name of the file of the action `action_id`."""
    return f"{number:09d}-{digest(action_id)}.json"


def digest(action_id: str) -> str:
    """What stands for an id in a file's name."""
    return hashlib.sha256(action_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def parse_name(name: str) -> tuple[int, str] | None:
    """Number and digest of the id in a file's name; None for a name the outbox does not give."""
    match = _NAME.fullmatch(name)
    return (int(match[1]), match[2]) if match else None


def to_bytes(waiting: Waiting) -> bytes:
    """The envelope: the exact text that goes to the log, and what else has to be known of it."""
    value: dict[str, Any] = {"outbox": FORMAT, "action": encode(waiting.action).decode()}
    for key in ("behind", "era", "instead", "why"):
        if getattr(waiting, key):
            value[key] = getattr(waiting, key)
    if waiting.current is not None:
        value["current"] = {
            "rev": waiting.current.rev,
            "action": encode(waiting.current.action).decode(),
        }
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def from_bytes(place: Place, name: str, raw: bytes, since: float) -> Waiting:
    """What stands in the file `name`. Raises Unreadable."""
    parsed = parse_name(name)
    if parsed is None:
        raise Unreadable("no file of the outbox")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise Unreadable("half written or broken") from None
    if type(value) is not dict or type(value.get("outbox")) is not int:
        raise Unreadable("no envelope of the outbox")
    if value["outbox"] > FORMAT:
        raise Unreadable("written by a newer controlroom")
    action = _action(value.get("action"))
    if digest(action.id) != parsed[1]:
        raise Unreadable("its name belongs to another action")
    return Waiting(
        place,
        name,
        parsed[0],
        action,
        _text(value, "behind"),
        _text(value, "era") or "",
        _text(value, "instead"),
        _text(value, "why") or "",
        _current(value.get("current")),
        since,
    )


def _action(text: object) -> Action:
    if type(text) is not str:
        raise Unreadable("it holds no action")
    try:
        return decode(text.encode())
    except UnicodeEncodeError:
        raise Unreadable("its action: not UTF-8") from None
    except UnreadableAction as problem:
        raise Unreadable(f"its action: {problem}") from None


def _text(value: Mapping[str, Any], key: str) -> str | None:
    found = value.get(key)
    if found is not None and type(found) is not str:
        raise Unreadable(f'"{key}" is no text')
    return found


def _current(value: object) -> Entry | None:
    if value is None:
        return None
    if not isinstance(value, dict) or type(value.get("rev")) is not int:
        raise Unreadable('"current" is of another type')
    return Entry(value["rev"], _action(value.get("action")))


class NotTakenBack(OSError):
    """A file could neither be made durable nor be taken away again."""


def create(path: Path, content: bytes) -> None:
    """Make a new file at `path`, durably, mode 0600.

    Its content is on the disk before it has its name, so nothing half written ever has one. Raises
    FileExistsError where there is one already, OSError where it cannot be made durable: then it is gone
    again, or, where not even that can be done, empty and so worth nothing. Raises NotTakenBack
    when neither was possible.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(temporary, flags, 0o600)
    named = False
    try:
        with open(handle, "wb", closefd=False) as target:
            target.write(content)
        os.fsync(handle)
        _link(temporary, path)
        named = True
        with contextlib.suppress(OSError):
            temporary.unlink()
        atomic.sync_folder(path.parent)
    except BaseException as problem:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if named and not _taken_back(path, handle) and isinstance(problem, OSError):
            raise NotTakenBack(problem.errno, problem.strerror) from problem
        raise
    finally:
        os.close(handle)


def _link(temporary: Path, path: Path) -> None:
    """Give the file its name unless another has it."""
    try:
        os.link(temporary, path)
    except OSError as problem:
        if problem.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.rename(path)


def _taken_back(path: Path, handle: int) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False  # somebody has taken it on: it was delivered, or is being decided
    except OSError:
        try:
            os.ftruncate(handle, 0)
        except OSError:
            return False
    return True
