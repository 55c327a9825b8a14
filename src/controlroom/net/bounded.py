"""`prometheus_api_client`, the agreed client, within limits: for what is off the hot path.

The library is synchronous, sets no timeout, retries three times with a growing pause, follows redirects, and
reads answers of any length. Here it gets a session of its own that does none of that, and its errors become
FetchErrors.

Where it cannot serve: it puts every query into the URL (for POST too), which proxies cut at a few thousand
characters, so queries must be kept shorter than `URL_LIMIT`; and it drops the warnings of an answer, and
the type of a result. What is asked all the time goes through `fetch.Api` instead (`prometheus.py`).
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any
from urllib.parse import quote

import requests
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from urllib3 import Retry
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from controlroom.domain.text import clean
from controlroom.net.fetch import BODY_LIMIT, FetchError

URL_LIMIT = 4_000
"""Characters of one query as it stands in a URL, escapes included."""


class Refused(FetchError):
    """The server understood the question and does not answer it; another question it may."""


class TooMuch(FetchError):
    """The answer is longer, or takes longer, than is waited for; a smaller question may be answered."""


class Client:
    """One server, asked one thing at a time. Every call blocks for about the timeout at most.

    An answer that drips its *headers* can hold it for longer: call it in a daemon thread.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        ca: str | None = None,
        verify: bool = True,
        authorization: str | None = None,
        limit: int = BODY_LIMIT,
    ) -> None:
        """`timeout` is seconds, `authorization` the header's value, `limit` bytes of one answer."""
        self.requests = 0
        """Requests begun so far."""
        if not verify:
            # It would be printed over the room; that nothing is verified was an explicit choice.
            warnings.simplefilter("ignore", InsecureRequestWarning)
        self._timeout = timeout
        self._session = _Session(timeout, limit)
        self._session.verify = (ca or True) if verify else False
        self._session.headers["Accept-Encoding"] = "identity"
        self._client = PrometheusConnect(
            url,
            headers={"Authorization": authorization} if authorization else {},
            retry=Retry(total=0, redirect=False),
            session=self._session,
            timeout=timeout,  # type: ignore[arg-type]  # requests takes fractions
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def label_values(self, label: str, params: Mapping[str, str], what: str) -> list[str]:
        """Values of `label`, uncleaned; `what` calls them in a reason. Raises FetchError."""
        found = self._ask(what, lambda: self._client.get_label_values(label, dict(params)))
        return self._texts(found, what)

    def label_names(self, params: Mapping[str, str], what: str) -> list[str]:
        """Names of labels, uncleaned. Raises FetchError."""
        return self._texts(self._ask(what, lambda: self._client.get_label_names(dict(params))), what)

    def types(self, what: str) -> Mapping[str, frozenset[str]]:
        """Metric → the types its targets expose it with. Raises FetchError."""
        found = self._ask(what, lambda: self._client.get_metric_metadata(""))
        said: dict[str, set[str]] = {}
        for entry in found if isinstance(found, list) else ():
            if isinstance(entry.get("metric_name"), str) and isinstance(entry.get("type"), str):
                said.setdefault(entry["metric_name"], set()).add(entry["type"])
        return {metric: frozenset(types) for metric, types in said.items()}

    def query(self, expression: str, at: datetime, what: str) -> list[tuple[Mapping[str, str], float]]:
        """Labels, cleaned, and value of each element of `expression` at `at`. Raises FetchError."""
        params = {"time": f"{at.timestamp():.3f}", "timeout": f"{self._timeout:g}s"}
        found = self._ask(what, lambda: self._client.custom_query(expression, params))
        try:
            return [
                ({clean(k, 200): clean(v, 500) for k, v in row["metric"].items()}, float(row["value"][1]))
                for row in found
            ]
        except (TypeError, KeyError, ValueError, AttributeError, IndexError):
            raise FetchError(f"{what} has another form") from None

    def _texts(self, found: object, what: str) -> list[str]:
        if not isinstance(found, list):
            raise FetchError(f"{what} has another form")
        return [text for text in found if isinstance(text, str)]

    def _ask(self, what: str, call: Callable[[], Any]) -> Any:
        self.requests += 1
        self._session.what = what
        try:
            return call()
        except PrometheusApiClientException:
            said = self._session.complaint()
            raise Refused(f"{what} was refused{f': {said}' if said else ''}") from None
        except requests.ReadTimeout:
            raise TooMuch(f"{what} did not come in time") from None
        except requests.JSONDecodeError:  # a RequestException as well
            raise FetchError(f"{what} has another form") from None
        except (requests.RequestException, HTTPError, OSError):
            raise FetchError(f"{what} could not be fetched") from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise FetchError(f"{what} has another form") from None


def url_length(expression: str) -> int:
    """Characters of `expression` in a URL."""
    return len(quote(expression, safe=""))


class _Session(requests.Session):
    """Reads an answer within `limit` bytes and `patience` seconds; follows no redirect."""

    def __init__(self, patience: float, limit: int) -> None:
        super().__init__()
        self.trust_env = False
        self.what = "the answer"
        self._patience, self._limit = patience, limit
        self._body = b""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        until = time.monotonic() + self._patience
        self._body = b""
        response = super().send(request, **{**kwargs, "stream": True, "allow_redirects": False})
        body = bytearray()
        try:
            while chunk := response.raw.read1(65_536, decode_content=False):
                body += chunk
                if len(body) > self._limit or time.monotonic() > until:
                    raise TooMuch(f"{self.what} is too long or too slow")
        finally:
            response.close()
        self._body = response._content = bytes(body)
        return response

    def complaint(self) -> str:
        """Why the last request was refused, in the server's words; empty where it gave no reason."""
        try:
            said = json.loads(self._body)
        except (ValueError, RecursionError):
            return ""
        return clean(said.get("error") or "", 300) if isinstance(said, dict) else ""
