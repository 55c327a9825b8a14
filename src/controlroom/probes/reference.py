"""Whether something that always answers does: the reference target of the self-check, and its clock."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from controlroom.domain.frozen import dataclass
from controlroom.domain.services import Service
from controlroom.probes.port import Context, Trouble
from controlroom.probes.tcp import TcpProbe
from controlroom.probes.web import Web


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of asking a target. Refusing is an answer, too: the way to it works."""

    target: str
    works: bool
    text: str
    clock: datetime | None = None
    """Its clock, where it told it, to the second."""


async def reach(target: str, context: Context, web: Web) -> Reached:
    """Ask `target`, ``host:port`` or ``http(s)://…``, within `context.deadline`. Raises nothing."""
    try:
        if "://" in target and not target.startswith("tcp://"):
            answer = await web.ask(Service(f"self:{target}", "http", url=target, method="HEAD"), context)
            return Reached(target, True, "answers", _date(answer.headers.get("date", "")))
        await TcpProbe()(Service(f"self:{target}", "tcp", url=target), context)
    except Trouble as failed:
        # A refusal, a reset or a bad certificate was sent by somebody; a name that does not exist by nobody.
        lost = failed.unreachable or "no such host name" in failed.reason
        return Reached(target, not lost, failed.reason)
    return Reached(target, True, "accepts connections")


def _date(text: str) -> datetime | None:
    """An HTTP Date (RFC 9110 §5.6.7), or None."""
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None
