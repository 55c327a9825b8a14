"""Names that Prometheus knows, for "did you mean": looked up with `prometheus_api_client`.

This is off the hot path, once in a while and only when something is missing. The library is synchronous,
retries by default and sets no limits, so it gets a session of its own that does.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import requests
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from rapidfuzz import fuzz, process
from urllib3 import Retry
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from controlroom.domain.promql import alternatives
from controlroom.domain.text import clean
from controlroom.net.fetch import BODY_LIMIT, FetchError

NAMES_KEPT = 50_000

JOBS_MATCHED = 50
"""Jobs named in a lookup; for more of them the names of all jobs are fetched."""

NEAR = 3
CUTOFF = 75.0
"""Near names for a missing one, and how alike they must be, of 100."""


class _BoundedSession(requests.Session):
    """Reads an answer within `limit` bytes and `patience` seconds; follows no redirect.

    An answer that drips its *headers* can still hold it; its thread is a daemon, and there is only one.
    """

    def __init__(self, patience: float, limit: int) -> None:
        super().__init__()
        self.trust_env = False
        self._patience, self._limit = patience, limit

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        until = time.monotonic() + self._patience
        response = super().send(request, **{**kwargs, "stream": True, "allow_redirects": False})
        body = bytearray()
        try:
            while chunk := response.raw.read1(65_536, decode_content=False):
                body += chunk
                if len(body) > self._limit or time.monotonic() > until:
                    raise FetchError("the list of names is too long or too slow")
        finally:
            response.close()
        response._content = bytes(body)
        return response


class NameLookup:
    """Looks names up at one server, one request at a time."""

    def __init__(self, url: str, *, timeout: float, ca: str | None = None, verify: bool = True) -> None:
        self._url, self._timeout = url, timeout
        self._verify: bool | str = (ca or True) if verify else False
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
        if not isinstance(found, list):
            raise FetchError("the list of names has another form")
        return [clean(name, 200) for name in found[:NAMES_KEPT] if isinstance(name, str)]

    def _fetch(self, params: dict[str, str], authorization: str | None) -> object:
        if self._verify is False:
            # It would be printed over the room; that nothing is verified was an explicit choice.
            warnings.simplefilter("ignore", InsecureRequestWarning)
        with _BoundedSession(self._timeout, BODY_LIMIT) as session:
            session.verify = self._verify
            session.headers["Accept-Encoding"] = "identity"
            client = PrometheusConnect(
                self._url,
                headers={"Authorization": authorization} if authorization else {},
                retry=Retry(total=0, redirect=False),
                session=session,
                timeout=self._timeout,  # type: ignore[arg-type]  # requests takes fractions
            )
            try:
                return client.get_label_values("__name__", params)
            except PrometheusApiClientException:
                raise FetchError("the list of names was refused") from None
            except (requests.RequestException, HTTPError, OSError):
                raise FetchError("the list of names could not be fetched") from None
            except (ValueError, TypeError, KeyError, RecursionError):
                raise FetchError("the list of names has another form") from None


def near(name: str, names: Sequence[str]) -> tuple[str, ...]:
    """Those of `names` that are almost `name`, nearest first."""
    best = process.extract(name, names, scorer=fuzz.ratio, score_cutoff=CUTOFF, limit=NEAR + 1)
    return tuple(found for found, _, _ in best if found and found != name)[:NEAR]
