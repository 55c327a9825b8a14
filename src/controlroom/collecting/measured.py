"""Sources whose polls are counted where they are made, also where they are shared among collectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from controlroom.sources.shards import Divisible

if TYPE_CHECKING:
    from controlroom.domain.services import Service
    from controlroom.domain.snapshot import SourceKind
    from controlroom.engine.ports import Emit, Source
    from controlroom.exporting.cost import Meter


def measured(sources: Sequence[Source], meter: Meter) -> list[Source]:
    """`sources` as they are, each counted by `meter`; what could be divided still can be."""
    return [
        _Divisible(source, meter) if isinstance(source, Divisible) else meter.watched([source])[0]
        for source in sources
    ]


class _Divisible:
    """A source that may leave some of its services to others; what it asks itself is counted."""

    def __init__(self, own: Divisible, meter: Meter) -> None:
        self.id: str = own.id
        self.kind: SourceKind = own.kind
        self.title: str = own.title
        self.interval: float = own.interval
        self.deadline: float = own.deadline
        self._own = own
        (self._watched,) = meter.watched([own])

    @property
    def mine(self) -> Callable[[str], bool] | None:
        """Whether a service, by its id, is asked here."""
        return self._own.mine

    @mine.setter
    def mine(self, mine: Callable[[str], bool] | None) -> None:
        self._own.mine = mine

    @property
    def services(self) -> Sequence[Service]:
        """All of them."""
        return self._own.services

    async def poll(self, emit: Emit) -> None:
        """One poll of it."""
        await self._watched.poll(emit)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._watched.close()
