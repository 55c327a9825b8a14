"""The triage log as a source: what others did, and what of one's own is not there yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from controlroom.domain.snapshot import Failure, LogSeen, Observation, OutboxSeen, SourceKind
from controlroom.engine.ports import REASSURE, Clock, Emit
from controlroom.net.threads import in_daemon

if TYPE_CHECKING:
    from controlroom.stores.delivery import Delivery
    from controlroom.stores.port import Page


class LogSource:
    """Delivers what waits and reads what is new, every `interval` seconds.

    `make_delivery` is asked when first needed, in a thread; the desk shares what it gives. `timeout` is that
    of one exchange with the store; a look that found nothing new is told only when the last one told is
    `reassure` seconds old.
    """

    kind: SourceKind = "store"

    def __init__(
        self,
        make_delivery: Callable[[], Delivery] | Delivery,
        interval: float,
        clock: Clock,
        title: str = "",
        *,
        timeout: float = 2.0,
        reassure: float = REASSURE,
    ) -> None:
        self.id = "store"
        self.title = title or "store"
        self.interval = interval
        self.deadline = max(25.0, 6 * timeout + interval)
        self._make = make_delivery
        self._delivery: Delivery | None = None
        self._clock = clock
        self._rev = 0
        self._log: LogSeen | None = None
        self._whole = False
        self._reassure = reassure
        self._waiting: OutboxSeen | None = None
        self._told: float | None = None
        self._looking = asyncio.Lock()

    async def poll(self, emit: Emit) -> None:
        """One look. The outbox is reported first, and also when the store cannot be reached."""
        async with self._looking:
            # Had a poll been cancelled, nobody would know what it had read: the next one begins anew.
            after, whole, self._whole = (0, True, True) if self._whole else (self._rev, False, True)
            page, waiting, failure = await in_daemon(self._look, after)
            self._whole = whole and page is None
            at = self._clock()
            if waiting is not None and (waiting != self._waiting or not self._reassure):
                self._waiting = waiting
                emit(Observation("outbox", self.kind, at, payload=waiting, complete=False))
            if page is None:
                self._told = None
                emit(Observation(self.id, self.kind, at, failure=failure))
                return
            self._rev = page.head
            before, seen = self._log, self._seen(page, whole)
            now = asyncio.get_running_loop().time()
            if seen is before and self._told is not None and now - self._told < self._reassure:
                return
            self._told = now
            emit(Observation(self.id, self.kind, at, payload=seen))

    def _look(self, after: int) -> tuple[Page | None, OutboxSeen | None, Failure | None]:
        from controlroom.stores.port import Unavailable

        delivery: Delivery | None = None
        try:
            delivery = self._delivered()
            page, waiting = delivery.look(after)
        except Unavailable as problem:
            failure = Failure(problem.reason, problem.remedy)
            return None, None if delivery is None else delivery.pending(), failure
        except ValueError as problem:  # the store's URL
            return (
                None,
                None if delivery is None else delivery.pending(),
                Failure(str(problem), "mend [store].url"),
            )
        return page, waiting, None

    def _delivered(self) -> Delivery:
        if self._delivery is None:
            self._delivery = self._make() if callable(self._make) else self._make
        return self._delivery

    def _seen(self, page: Page, whole: bool) -> LogSeen:
        """The payload; the same object while nothing is new, so that nothing is done about it."""
        seen = LogSeen(page.entries, page.head, page.durability, page.trouble, page.from_start or whole)
        if seen.entries or seen.from_start or seen != self._log:
            self._log = seen
        return self._log or seen

    async def close(self) -> None:
        """Let go of the log's connections."""
        if self._delivery is not None:
            await in_daemon(self._delivery.close)
