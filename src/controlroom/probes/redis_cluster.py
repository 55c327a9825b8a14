"""A Redis cluster: whether all slots are served, and which nodes are missing.

Fields are those of CLUSTER INFO and CLUSTER NODES (documentation of Redis, "Commands").
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health
from controlroom.probes.port import Trouble, answered
from controlroom.probes.redis_address import Place, shown
from controlroom.probes.redis_info import Info
from controlroom.probes.redis_link import packed
from controlroom.probes.redis_links import Case, Links, Question, Said
from controlroom.probes.redis_node import NOTHING_MORE, Seen
from controlroom.probes.redis_words import Refusal, refused
from controlroom.probes.wording import foreign, verbatim

SLOTS = 16_384

QUESTION = Question(
    packed("CLUSTER", "INFO") + packed("CLUSTER", "NODES"),
    2,
    packed("INFO", "server"),
)


@dataclass(frozen=True, slots=True)
class Node:
    """A line of CLUSTER NODES."""

    id: str
    address: str
    flags: frozenset[str]
    master: str
    """Id of the master that a replica follows."""
    slots: int

    @property
    def well(self) -> bool:
        """Nobody misses it."""
        return not self.flags & {"fail", "fail?"}


@dataclass(frozen=True, slots=True)
class Picture:
    """The cluster as one node sees it."""

    place: Place
    state: Info
    text: str
    """Of CLUSTER NODES."""
    version: str

    @property
    def up(self) -> bool:
        """The node serves what it has."""
        return self.state.get("cluster_state") == "ok"

    @property
    def uncovered(self) -> int:
        """Slots that nobody serves."""
        served = (self.state.number(f"cluster_slots_{state}") or 0 for state in ("ok", "pfail"))
        return max(SLOTS - sum(served), 0)

    def nodes(self) -> list[Node]:
        """All nodes it knows an address of."""
        return [node for line in self.text.splitlines() if (node := _node(line)) is not None]


async def look_at_cluster(links: Links, case: Case, seen: Seen) -> ProbeResult:
    """How the cluster is: as the first node that answers sees it. Raises Trouble.

    A node that calls the cluster down may be cut off from it, so others are asked as well.
    """
    service, context, places = case.service, case.context, case.where.places
    loop = asyncio.get_running_loop()
    asked = loop.time()
    end = asked + context.deadline
    left = context.deadline
    dead: list[tuple[Place, Trouble]] = []
    cut_off: list[Picture] = []
    for number, place in enumerate(places):
        try:
            said = await links.ask(QUESTION, place, case, left / (len(places) - number))
            picture = _picture(place, said)
        except Trouble as trouble:
            dead.append((place, trouble))
        else:
            if picture.up:
                break
            cut_off.append(picture)
        now = loop.time()
        asked, left = now, max(end - now, 0.001)
    else:
        if not cut_off:
            raise _none(dead)
        picture = cut_off[0]
    latency = loop.time() - asked
    wanted = (service.redis or NOTHING_MORE).replicas or 0
    findings = list(_findings(picture, wanted))
    if picture.up:
        findings += (f"node {shown(one.place)} calls the cluster down" for one in cut_off)
    findings += (f"node {shown(place)}: {trouble.reason}" for place, trouble in dead)
    reason = "; ".join(findings) or "cluster is ok"
    health = Health.UP if not findings else Health.DEGRADED if picture.up else Health.DOWN
    return answered(
        service,
        context,
        latency,
        reason,
        detail=_detail(picture),
        health=health,
        raw=seen.raw(reason, asked, lambda: _readable(picture)),
    )


def _picture(place: Place, said: Said) -> Picture:
    """The replies to `QUESTION`. Raises Trouble."""
    info, nodes = said.replies
    for reply in (info, nodes):
        if isinstance(reply, Refusal):
            if "cluster support disabled" in reply.text or "unknown command" in reply.text:
                raise Trouble("answers, but is no node of a cluster")
            raise refused(reply)
    state = Info([info])
    if not state.get("cluster_state") or not isinstance(nodes, bytes):
        raise Trouble("answers, but is not Redis")
    return Picture(place, state, nodes.decode("utf-8", "replace"), Info([], said.opening).version)


def _none(dead: Sequence[tuple[Place, Trouble]]) -> Trouble:
    """What to say where no node answers."""
    if len(dead) == 1:
        return dead[0][1]
    reasons = list(dict.fromkeys(trouble.reason for _, trouble in dead))
    if len(reasons) > 1:
        reasons = [f"{shown(place)} {trouble.reason}" for place, trouble in dead]
    health = min((trouble.health for _, trouble in dead), key=tuple(Health).index)
    lost = all(trouble.unreachable for _, trouble in dead)
    return Trouble(f"no node answers: {'; '.join(reasons)}", health, unreachable=lost)


def _findings(picture: Picture, wanted: int) -> Iterator[str]:
    """What is wrong with the cluster, worst first; `wanted` replicas each master should have."""
    # Most clusters are well most of the time: their nodes need not be told apart.
    nodes = picture.nodes() if wanted or not picture.up or "fail" in picture.text else []
    gap = f"{picture.uncovered} of {SLOTS} slots not covered"
    if not picture.up:
        yield f"cluster is down: {gap if picture.uncovered else _why(nodes)}"
    elif picture.uncovered:
        yield gap
    replicas: dict[str, list[Node]] = {}
    for node in nodes:
        replicas.setdefault(node.master, []).append(node)
    for node in nodes:
        if not node.well:
            yield _missed(node, [one for one in replicas.get(node.id, []) if one.well])
    for node in nodes:
        count = sum(one.well for one in replicas.get(node.id, []))
        if node.slots and count < wanted:
            yield f"master {node.address} has {count} of {wanted} replicas"


def _missed(node: Node, replicas: Sequence[Node]) -> str:
    sure = "has failed" if "fail" in node.flags else "does not answer (pfail)"
    kind = "replica" if "slave" in node.flags else "master" if node.slots else "node"
    words = f"{kind} {node.address} {sure}"
    if not node.slots:
        return words
    if replicas:
        return f"{words}, its replica {replicas[0].address} is to take over"
    return f"{words}, no replica to take over {node.slots} slots"


def _why(nodes: Sequence[Node]) -> str:
    """Why a node calls the cluster down although all slots are covered."""
    masters = [node for node in nodes if node.slots]
    well = sum(node.well for node in masters)
    if well <= len(masters) // 2:
        return f"only {well} of {len(masters)} masters reachable"
    return "its nodes do not agree yet, as after a start"


def _node(line: str) -> Node | None:
    """``ID ADDRESS FLAGS MASTER PING PONG EPOCH LINK SLOTS…``; None for what is none, or has no address."""
    parts = line.split(" ")
    if len(parts) < 8 or "noaddr" in parts[2]:
        return None
    slots = 0
    for part in parts[8:]:
        first, _, last = part.partition("-")
        if first.isdecimal() and first.isascii() and (not last or (last.isdecimal() and last.isascii())):
            slots += int((last or first)[:6]) - int(first[:6]) + 1
    address = foreign(parts[1].partition("@")[0], 60)
    return Node(parts[0], address, frozenset(parts[2].split(",")), parts[3], max(slots, 0))


def _detail(picture: Picture) -> dict[str, str]:
    info = picture.state
    shown_ = {
        "masters": f"{info.number('cluster_size') or 0} of {info.number('cluster_known_nodes') or 0} nodes",
        "slots": f"{SLOTS - picture.uncovered} of {SLOTS}",
        "version": picture.version,
        "asked": shown(picture.place),
    }
    return {key: value for key, value in shown_.items() if value}


def _readable(picture: Picture) -> str:
    names = ("state", "slots_assigned", "slots_ok", "slots_pfail", "slots_fail", "known_nodes", "size")
    lines = [f"cluster_{name}: {picture.state.get(f'cluster_{name}')}" for name in names]
    for line in picture.text.splitlines()[:30]:
        parts = line.split(" ")
        lines.append(" ".join((parts[1].partition("@")[0], *parts[2:3], *parts[7:12])) if parts[1:] else line)
    return verbatim("\n".join(lines))
