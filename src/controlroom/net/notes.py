"""What went wrong during one look at a server: a part that failed takes nothing else away."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from controlroom.domain.evidence import Part
from controlroom.net.fetch import FetchError
from controlroom.net.prometheus import Labels, Vector

T = TypeVar("T")


@dataclass(slots=True)
class Notes:
    """What went wrong on the way."""

    unread: dict[Part, str] = field(default_factory=dict)
    """Parts that could not be read, and why."""
    warnings: dict[str, None] = field(default_factory=dict)
    """What people should know, each once, in order."""

    def warn(self, *texts: str) -> None:
        """Remember warnings."""
        self.warnings.update(dict.fromkeys(texts))

    def rows(self, part: Part, answer: Vector | FetchError | None) -> Sequence[tuple[Labels, float]]:
        """The rows of an answer; none of one that failed, which is noted as unread."""
        if isinstance(answer, FetchError):
            self.unread[part] = answer.reason
            return ()
        if answer is None:
            return ()
        self.warn(*answer.warnings)
        return answer.rows


async def nothing() -> None:
    """Stands among questions for one that need not be asked."""


async def outcome(awaited: Awaitable[T]) -> T | FetchError:
    """What `awaited` gives, or why it gives nothing."""
    try:
        return await awaited
    except FetchError as problem:
        return problem
