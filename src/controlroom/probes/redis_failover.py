"""A master that does not answer, or is being replaced, in words that fit into a reason."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.domain.text import clean
from controlroom.probes.port import REASON_LIMIT, Trouble
from controlroom.probes.redis_address import Place, shown
from controlroom.probes.wording import sentence


def in_failover(master: Place, trouble: Trouble, notes: Sequence[str]) -> str:
    """What is said of a master that is being replaced, and as many whole `notes` as there is room for.

    A reason that names the host does so once; of a host whose name is too long, its beginning is shown.
    """
    if clean(master[0], 60) in trouble.reason.split():
        return fitting((f"failover in progress: {trouble.reason}", *notes))
    before, after = "failover in progress: master ", told(trouble)
    room = REASON_LIMIT - len(before) - len(after) - len(f":{master[1]}") - 2 * (":" in master[0])
    return fitting((f"{before}{shown(master, min(max(room, 20), 60))}{after}", *notes))


def told(trouble: Trouble) -> str:
    """What is wrong with a master, as it follows its address."""
    return " refuses the connection" if trouble.reason == "connection refused" else f": {trouble.reason}"


def fitting(clauses: Sequence[str]) -> str:
    """The first of `clauses`, and as many of the others as fit into a reason with it."""
    reason = sentence(clauses[0])
    for clause in clauses[1:]:
        if len(reason) + len("; ") + len(clause) > REASON_LIMIT:
            break
        reason = f"{reason}; {clause}"
    return reason
