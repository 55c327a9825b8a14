"""What Temporal's frontend is asked, and what its answers hold.

Numbers of fields are those of the public API (github.com/temporalio/api, temporal/api/workflowservice/v1,
namespace/v1 and taskqueue/v1); the rest of each message is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.domain.frozen import dataclass
from controlroom.probes.grpc_message import (
    message,
    message_of,
    number,
    number_of,
    pieces_of,
    read,
    text,
    text_of,
)
from controlroom.probes.grpc_wire import Call

FRONTEND = "temporal.api.workflowservice.v1.WorkflowService"
"""The service, as its health is asked for and as its methods are named."""

REGISTERED, DEPRECATED, DELETED = 1, 2, 3

SYSTEM = Call(f"/{FRONTEND}/GetSystemInfo")
"""Asks what the server is; only Temporal knows it."""

_WORKFLOW, _ACTIVITY = 1, 2


def namespace(name: str) -> Call:
    """Asks for the state of a namespace."""
    return Call(f"/{FRONTEND}/DescribeNamespace", text(1, name))


def task_queue(name: str, of: str) -> Sequence[Call]:
    """Asks who polls the task queue `name` of namespace `of`: for workflows, and for activities."""
    queue = text(1, of) + message(2, text(1, name) + number(2, 1))
    return [
        Call(f"/{FRONTEND}/DescribeTaskQueue", queue + number(3, kind)) for kind in (_WORKFLOW, _ACTIVITY)
    ]


def version(body: bytes) -> str:
    """Of the server; empty where it says none. Raises ValueError."""
    return text_of(read(body), 1)


def state(body: bytes) -> int:
    """Of a namespace. Raises ValueError."""
    return number_of(message_of(read(body), 1), 2)


@dataclass(frozen=True, slots=True)
class Pollers:
    """Who polled a task queue; Temporal forgets a worker five minutes after its last poll."""

    workflow: tuple[str, ...]
    """Identities, as the workers give them, sorted."""
    activity: tuple[str, ...]
    newest: float
    """Seconds since 1970, by the server's clock, when the last poll began or ended; 0 where none did."""


def pollers(workflow: bytes, activity: bytes) -> Pollers:
    """The pollers in the two answers to `task_queue`. Raises ValueError."""
    names: list[tuple[str, ...]] = []
    newest = 0.0
    for body in (workflow, activity):
        found = [read(piece) for piece in pieces_of(read(body), 1)]
        names.append(tuple(sorted(text_of(one, 2) for one in found)))
        for one in found:
            at = message_of(one, 1)
            newest = max(newest, number_of(at, 1) + number_of(at, 2) / 1e9)
    return Pollers(names[0], names[1], newest)
