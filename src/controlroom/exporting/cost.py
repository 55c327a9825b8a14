"""What a collector spends: how long it polls, what it tells, whether it leads."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Literal

from controlroom.domain.frozen import dataclass
from controlroom.domain.snapshot import Observation, ServicesSeen

if TYPE_CHECKING:
    from controlroom.domain.snapshot import SourceKind
    from controlroom.engine.ports import Emit, Source

FrameKind = Literal["full", "delta", "quiet"]
"""``quiet``: nothing is new, the collector is there."""

LIMITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds that polls are counted by; the last count is of those that took longer than all."""


@dataclass(frozen=True, slots=True)
class Polls:
    """How one source was polled since the process began."""

    source: str
    kind: SourceKind
    counts: tuple[int, ...]
    """Polls within each of `LIMITS` and over the one before it, then those over the last."""
    seconds: float
    """All of them together."""
    failed: int


@dataclass(frozen=True, slots=True)
class Told:
    """Frames of one kind that were told since the process began."""

    kind: FrameKind
    frames: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a collector is and has spent so far. What is not known is None, and not told."""

    leads: bool | None = None
    """Whether it leads; None where there is no lease, as with a folder for a store."""
    term: int | None = None
    """Of the lease under which it leads."""
    collectors: int | None = None
    """How many are there, itself among them."""
    polls: tuple[Polls, ...] = ()
    probe_results: int = 0
    """Answers, or failures, of services that came."""
    told: tuple[Told, ...] = ()
    refused: int = 0
    """Frames that were not told as the lease was another's."""
    untold: int = 0
    """Frames that could not be told, as the relay could not be reached."""


class _Tally:
    """The polls of one source so far."""

    __slots__ = ("counts", "failed", "kind", "seconds")

    def __init__(self, kind: SourceKind) -> None:
        self.kind = kind
        self.counts = [0] * (len(LIMITS) + 1)
        self.seconds = 0.0
        self.failed = 0


class Meter:
    """Counts what a collector spends. Everything is called in its event loop."""

    def __init__(self) -> None:
        self._polls: dict[str, _Tally] = {}
        self._told: dict[FrameKind, list[int]] = {"full": [0, 0], "delta": [0, 0], "quiet": [0, 0]}
        self._probe_results = 0
        self.refused = 0
        """Frames that the lease refused; whoever tells them counts them here."""
        self.untold = 0
        """Frames that could not be told; likewise."""

    def watched(self, sources: Iterable[Source]) -> list[Source]:
        """`sources` as they are, each with its polls counted."""
        return [_Watched(source, self) for source in sources]

    def polled(self, source: str, kind: SourceKind, seconds: float, *, failed: bool) -> None:
        """One poll of `source` is over."""
        tally = self._polls.get(source)
        if tally is None:
            tally = self._polls[source] = _Tally(kind)
        tally.counts[bisect_left(LIMITS, seconds)] += 1
        tally.seconds += seconds
        tally.failed += failed

    def probed(self, results: int) -> None:
        """So many services answered, or failed to."""
        self._probe_results += results

    def told(self, full: bool, size: int) -> None:
        """A frame was told, with a body of `size` bytes; none is one that says that nothing is new."""
        kind: FrameKind = "full" if full else "delta" if size else "quiet"
        count = self._told[kind]
        count[0] += 1
        count[1] += size

    def cost(
        self,
        *,
        leads: bool | None = None,
        term: int | None = None,
        collectors: int | None = None,
    ) -> Cost:
        """All that was counted so far, and what the caller knows of the collector."""
        return Cost(
            leads=leads,
            term=term,
            collectors=collectors,
            polls=tuple(
                Polls(source, tally.kind, tuple(tally.counts), tally.seconds, tally.failed)
                for source, tally in self._polls.items()
            ),
            probe_results=self._probe_results,
            told=tuple(Told(kind, *count) for kind, count in self._told.items()),
            refused=self.refused,
            untold=self.untold,
        )


class _Watched:
    """A source whose polls are counted."""

    def __init__(self, source: Source, meter: Meter, clock: Callable[[], float] = monotonic) -> None:
        self._source = source
        self._meter = meter
        self._clock = clock
        self.id = source.id
        self.kind = source.kind
        self.title = source.title
        self.interval = source.interval
        self.deadline = source.deadline

    async def poll(self, emit: Emit) -> None:
        """One poll of it. One that is cancelled, as it hung, or raises, has failed."""
        failed = True
        said = False

        def hear(seen: Observation) -> None:
            nonlocal said
            said = said or seen.failure is not None
            if isinstance(seen.payload, ServicesSeen):
                self._meter.probed(len(seen.payload.results))
            emit(seen)

        began = self._clock()
        try:
            await self._source.poll(hear)
            failed = said
        finally:
            self._meter.polled(self.id, self.kind, self._clock() - began, failed=failed)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._source.close()
