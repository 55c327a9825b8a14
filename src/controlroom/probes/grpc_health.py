"""The gRPC health protocol: ``grpc.health.v1.Health/Check`` (grpc.io, "Health checking")."""

from __future__ import annotations

from controlroom.probes.grpc_message import number_of, read, text
from controlroom.probes.grpc_status import Reply
from controlroom.probes.grpc_wire import Call
from controlroom.probes.port import Trouble

UNKNOWN, SERVING, NOT_SERVING, SERVICE_UNKNOWN = range(4)

STATES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
"""Names of the states, each in its place."""


def check(service: str) -> Call:
    """The call that asks for the health of `service`; the empty name is the server as a whole."""
    return Call("/grpc.health.v1.Health/Check", text(1, service))


def state_of(reply: Reply) -> int:
    """The state in a reply that is OK. Raises Trouble."""
    try:
        return number_of(read(reply.body), 1)
    except ValueError:
        raise Trouble("answers OK, but not as the health protocol does") from None


def state_name(state: int) -> str:
    """``SERVING``."""
    return STATES[state] if state < len(STATES) else f"state {state}"
