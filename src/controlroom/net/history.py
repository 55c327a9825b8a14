"""The history of one number that a Prometheus holds: one value a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controlroom.domain.benchmarks import Result
from controlroom.net.fetch import Api, FetchError
from controlroom.net.prometheus import query, query_range

DAY = 86_400
HOUR = 3_600

POINTS = 1_000
"""Days that are asked for at most; a Prometheus gives 11,000 points of a series."""


class NoNumber(FetchError):
    """The server answers, but not with one number."""


async def daily(api: Api, expression: str, at: datetime, days: int) -> tuple[Result, ...]:
    """The value at the last whole hour before `at` and at the same time of each day before, oldest first.

    Whole hours, so that a day has one value however often it is asked for, and at nine in the morning that of
    the night is there. Where none of these is held yet, the value at `at` stands alone. One request or two,
    each with the instants it is for. Raises FetchError: NoNumber unless it is one series.
    """
    end = datetime.fromtimestamp(int(at.timestamp()) // HOUR * HOUR, UTC)
    start = end - timedelta(seconds=DAY) * (min(days, POINTS) - 1)
    found, _ = await query_range(api, expression, start, end, DAY)
    if len(found) > 1:
        raise _several(len(found))
    if found and found[0]:
        return tuple(Result(value, moment, expression) for moment, value in found[0])
    rows = (await query(api, expression, at)).rows
    if len(rows) > 1:
        raise _several(len(rows))
    if not rows:
        raise NoNumber(
            "the query gives no value, today or on any day before",
            "mend metric; one that is there for a while only needs last_over_time(…[1d])",
        )
    return (Result(rows[0][1], at, expression),)


def _several(count: int) -> NoNumber:
    return NoNumber(f"the query gives {count} series, where one is needed", "wrap it in max(…) or sum(…)")
