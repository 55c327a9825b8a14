"""A triage log from one store to another, byte for byte, verified by reading both again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from controlroom.domain.actions import NewerAction, UnreadableAction, decode
from controlroom.domain.frozen import dataclass
from controlroom.stores.port import Log, Unavailable

ROUNDS = 5
"""How often what was written meanwhile is fetched before it is only reported."""


class NotCopied(Exception):
    """A copy was refused or did not come to its end; the message says where. The source is untouched.

    What is in the target by then is a prefix of the source, so the same call carries on from there.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Copied:
    """Both hold the same `actions` actions."""

    actions: int
    already: int
    """How many of them the target had before."""
    sha256: str
    """Of all stored bytes, a line feed after each; what ``log --raw | sha256sum`` gives."""
    behind: int = 0
    """Actions that the source got while it was copied and that the target does not have."""


def copy(source: Log, target: Log, progress: Callable[[int], None] = lambda rev: None) -> Copied:
    """Copy every action of `source` to `target`, which is empty or holds a beginning of the same.

    `progress` is told every rev that was copied. Raises NotCopied.
    """
    if source.url == target.url:
        raise NotCopied(f"{source.url} cannot be copied to itself", "name another store to copy to")
    already = _common(source, target)
    done = already
    for _ in range(ROUNDS):
        before = done
        done = _carry(source, target, done, progress)
        if done == before:
            break
    sha256 = _verified(source, target, done)
    behind = sum(1 for _ in _raw(source, done))
    return Copied(done, already, sha256, behind)


def _common(source: Log, target: Log) -> int:
    """How many actions the target holds; each of them is that of the source."""
    theirs = _raw(source, 0)
    count = 0
    for rev, raw in _raw(target, 0):
        if next(theirs, None) != (rev, raw):
            raise NotCopied(
                f"{target.url} holds an action at rev {rev} that {source.url} does not hold there",
                "copy to an empty store: two logs cannot be merged",
            )
        count = rev
    return count


def _carry(source: Log, target: Log, done: int, progress: Callable[[int], None]) -> int:
    """Copy what is behind `done`; the last rev that was."""
    for rev, raw in _raw(source, done):
        try:
            decode(raw)
        except UnreadableAction as problem:
            newer = isinstance(problem, NewerAction)
            remedy = "update controlroom on this machine" if newer else "restore it, then copy again"
            raise NotCopied(f"{source.url}: rev {rev} cannot be read: {problem}", remedy) from None
        try:
            target.put(rev, raw)
        except Unavailable as problem:
            raise NotCopied(f"{target.url}, writing rev {rev}: {problem.reason}", problem.remedy) from None
        except ValueError as problem:
            raise NotCopied(
                f"{target.url}, writing rev {rev}: {problem}", "let nobody write there while it is copied to"
            ) from None
        done = rev
        progress(rev)
    return done


def _verified(source: Log, target: Log, count: int) -> str:
    """sha256 of both, which hold the same first `count` actions, and the target nothing else."""
    sums = [hashlib.sha256(), hashlib.sha256()]
    theirs = _raw(source, 0)
    last = 0
    for rev, raw in _raw(target, 0):
        if rev > count:
            raise NotCopied(
                f"{target.url} got an action at rev {rev} from somebody else while it was copied to"
            )
        original = next(theirs, None)
        if original is None or original[0] != rev:
            raise NotCopied(f"{source.url} does not hold rev {rev} any more")
        sums[0].update(original[1] + b"\n")
        sums[1].update(raw + b"\n")
        if sums[0].digest() != sums[1].digest():
            raise NotCopied(f"{target.url} gives back other bytes at rev {rev} than {source.url} holds")
        last = rev
    if last != count:
        raise NotCopied(
            f"{target.url} gives back {last} actions of {count}", "copy again; what is there is kept"
        )
    return sums[0].hexdigest()


def _raw(log: Log, after: int) -> Iterator[tuple[int, bytes]]:
    """Rev and bytes behind `after`, without holes. Raises NotCopied with the place."""
    expected = after + 1
    try:
        for rev, raw in log.raw(after):
            if rev != expected:
                raise NotCopied(
                    f"{log.url}: rev {expected} is missing, rev {rev} is there", "restore it, then copy again"
                )
            yield rev, raw
            expected += 1
    except Unavailable as problem:
        where = f"{log.url}, reading rev {expected}"
        raise NotCopied(f"{where}: {problem.reason}", problem.remedy) from None
