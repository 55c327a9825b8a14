"""Names that Prometheus knows, for "did you mean": looked up with `prometheus_api_client`.

This is off the hot path, once in a while and only when something is missing, and within the limits of
`bounded.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from rapidfuzz import fuzz, process

from controlroom.domain.promql import alternatives
from controlroom.domain.text import clean
from controlroom.net.bounded import Client
from controlroom.net.fetch import FetchError

NAMES_KEPT = 50_000

JOBS_MATCHED = 50
"""Jobs named in a lookup; for more of them the names of all jobs are fetched."""

NEAR = 3
CUTOFF = 75.0
"""Near names for a missing one, and how alike they must be, of 100."""


class NameLookup:
    """Looks names up at one server, one request at a time."""

    def __init__(self, url: str, *, timeout: float, ca: str | None = None, verify: bool = True) -> None:
        self._url, self._timeout = url, timeout
        self._ca, self._verify = ca, verify
        self._busy = threading.Lock()

    def names(
        self,
        missing: Sequence[tuple[str, str | None]],
        since: datetime,
        until: datetime,
        authorization: str | None = None,
    ) -> list[str]:
        """Metrics there were between two instants; blocks for about the timeout at most.

        Only those of the jobs concerned, where every (metric, job) of `missing` declares one.
        `authorization` is the header's value. Raises FetchError.
        """
        if not self._busy.acquire(blocking=False):
            raise FetchError("an earlier lookup has not come back yet")
        try:
            params = {"start": f"{since.timestamp():.3f}", "end": f"{until.timestamp():.3f}"}
            jobs = sorted({job for _, job in missing if job is not None})
            if len(jobs) <= JOBS_MATCHED and all(job is not None for _, job in missing):
                params["match[]"] = "{job=~" + alternatives(jobs) + "}"
            found = self._fetch(params, authorization)
        finally:
            self._busy.release()
        return [clean(name, 200) for name in found[:NAMES_KEPT]]

    def _fetch(self, params: dict[str, str], authorization: str | None) -> list[str]:
        with Client(
            self._url, timeout=self._timeout, ca=self._ca, verify=self._verify, authorization=authorization
        ) as client:
            return client.label_values("__name__", params, "the list of names")


def near(name: str, names: Sequence[str]) -> tuple[str, ...]:
    """Those of `names` that are almost `name`, nearest first."""
    best = process.extract(name, names, scorer=fuzz.ratio, score_cutoff=CUTOFF, limit=NEAR + 1)
    return tuple(found for found, _, _ in best if found and found != name)[:NEAR]
