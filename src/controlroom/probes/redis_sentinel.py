"""A Redis behind Sentinel: the sentinels say which server is the master, and that one is asked itself.

Fields and replies are those of the Sentinel API (documentation of Redis, "High availability with Sentinel").
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ProbeResult
from controlroom.domain.services import Health
from controlroom.probes.port import Trouble, answered
from controlroom.probes.redis_address import Place, shown
from controlroom.probes.redis_failover import fitting, in_failover, told
from controlroom.probes.redis_link import Reply, packed
from controlroom.probes.redis_links import Case, Links, Question
from controlroom.probes.redis_node import NOTHING_MORE, QUESTION, Seen, Verdict, judge
from controlroom.probes.redis_words import Refusal, refused
from controlroom.probes.wording import foreign, seconds, sentence, verbatim

PATIENCE = 0.5
"""Share of the deadline that sentinels have together once one has answered; the rest is the master's."""


@dataclass(frozen=True, slots=True)
class View:
    """What one sentinel thinks of the master."""

    master: Place
    flags: frozenset[str]
    epoch: int
    """The larger, the newer."""
    sentinels: int
    """That it knows, itself included."""
    replicas: int
    quorum: int
    usable: int
    """Sentinels that it can count on, itself included."""
    objection: str
    """Why they could not agree on another master; empty where they could."""
    failover: str
    """State of the failover that it leads; empty where there is none."""


async def look_by_sentinel(links: Links, case: Case, seen: Seen) -> ProbeResult:
    """How the master that the sentinels name is, and whether they could name another. Raises Trouble."""
    service, context = case.service, case.context
    loop = asyncio.get_running_loop()
    asked = loop.time()
    look = _Look(links, case)
    said, first = await look.views()
    views = {place: view for place, view in said.items() if isinstance(view, View)}
    newest = max(views.values(), key=lambda view: view.epoch)
    links.only(service, (*case.where.places, newest.master))
    notes = list(_notes(said, views))
    detail = _detail(newest, views)
    began = loop.time()
    try:
        verdict = await look.master(newest, seen)
    except Trouble as trouble:
        if trouble.health is Health.UNKNOWN:
            raise
        return _unserved(case, newest, views, notes, trouble)
    latency = first - asked + loop.time() - began
    if verdict.health is Health.UP:
        findings = [*notes, *await look.missing(newest, verdict)]
    else:
        findings = [*f"master {shown(newest.master)}: {verdict.reason}".split("; "), *notes]
    detail |= {key: value for key, value in verdict.detail.items() if key != "role"}
    if _moving(views):
        findings.remove(notes[0])
        reason = fitting((notes[0], *findings))
    else:
        reason = "; ".join(findings) or verdict.reason
    return answered(
        service,
        context,
        latency,
        reason,
        detail=detail,
        health=Health.DEGRADED if findings else verdict.health,
        raw=seen.raw(reason, asked, lambda: _readable(views, verdict.info.readable)),
    )


class _Look:
    """One look: everybody has what is left of its time."""

    def __init__(self, links: Links, case: Case) -> None:
        self._links = links
        self._case = case
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + case.context.deadline

    @property
    def _left(self) -> float:
        return max(self._end - self._loop.time(), 0.001)

    async def views(self) -> tuple[Mapping[Place, View | Trouble], float]:
        """What each sentinel says, and when the first one did. Raises Trouble where none says anything."""
        places, deadline = self._case.where.places, self._case.context.deadline
        if len(places) == 1:
            return {places[0]: await self._view(places[0])}, self._loop.time()
        tasks = {place: asyncio.create_task(self._tried(place)) for place in places}
        waiting = set(tasks.values())
        first = 0.0
        try:
            while waiting:
                left = self._end - deadline * (1 - PATIENCE) - self._loop.time()
                done, waiting = await asyncio.wait(
                    waiting,
                    # Where none has answered yet, each of them has its own deadline.
                    timeout=max(left, 0.0) if first else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not done:
                    break
                if not first and any(isinstance(task.result(), View) for task in done):
                    first = self._loop.time()
        finally:
            for task in waiting:
                task.cancel()
            if waiting:
                await asyncio.gather(*waiting, return_exceptions=True)
        late = Trouble(f"no answer within {seconds(deadline * PATIENCE)}", unreachable=True)
        said = {place: task.result() if not task.cancelled() else late for place, task in tasks.items()}
        if not first:
            raise _none([(place, one) for place, one in said.items() if isinstance(one, Trouble)])
        return said, first

    async def _tried(self, place: Place) -> View | Trouble:
        try:
            return await self._view(place)
        except Trouble as trouble:
            return trouble

    async def _view(self, place: Place) -> View:
        master = self._case.where.master
        question = Question(
            packed("SENTINEL", "MASTER", master) + packed("SENTINEL", "CKQUORUM", master), 2, login=False
        )
        said = await self._links.ask(question, place, self._case, self._case.context.deadline)
        return _view(said.replies, master)

    async def master(self, newest: View, seen: Seen) -> Verdict:
        """How the master itself is. Raises Trouble."""
        said = await self._links.ask(QUESTION, newest.master, self._case, self._left)
        asks = self._case.service.redis or NOTHING_MORE
        return judge(said, replace(asks, role="master"), seen)

    async def missing(self, newest: View, verdict: Verdict) -> list[str]:
        """Replicas that Sentinel knows and that do not follow the master."""
        connected = verdict.info.number("connected_slaves")
        if connected is None or connected >= newest.replicas:
            return []
        where = self._case.where
        question = Question(packed("SENTINEL", "SLAVES", where.master), 1, login=False)
        gone: list[str] = []
        for place in where.places:
            try:
                said = await self._links.ask(question, place, self._case, self._left)
            except Trouble:
                continue
            gone = [_name(replica) for replica in _replicas(said.replies[0]) if _is_gone(replica)]
            break
        count = newest.replicas - connected
        names = f": {', '.join(gone)}" if gone else ""
        return [f"{count} of {newest.replicas} replica{'s' * (newest.replicas > 1)} missing{names}"]


def _view(replies: Sequence[Reply], name: str) -> View:
    """One sentinel's replies, taken apart. Raises Trouble."""
    said, agreed = replies
    if isinstance(said, Refusal):
        if "No such master" in said.text:
            raise Trouble(f"Sentinel knows no master {foreign(name, 60)}")
        if "unknown command" in said.text:
            raise Trouble("answers, but is no sentinel")
        raise refused(said)
    fields = _fields(said)
    place = fields.get("ip", ""), _number(fields.get("port"))
    if not (place[0] and place[1]):
        raise Trouble("answers, but is no sentinel")
    words = agreed.text if isinstance(agreed, Refusal) else _text(agreed)
    return View(
        place,
        frozenset(fields.get("flags", "").split(",")),
        _number(fields.get("config-epoch")),
        _number(fields.get("num-other-sentinels")) + 1,
        _number(fields.get("num-slaves")),
        _number(fields.get("quorum")),
        _number(words.partition(" ")[2].split(" ")[0]),
        foreign(words.removeprefix("NOQUORUM "), 60) if isinstance(agreed, Refusal) else "",
        fields.get("failover-state", ""),
    )


def _none(troubles: Sequence[tuple[Place, Trouble]]) -> Trouble:
    """What to say where no sentinel knows anything."""
    for _, trouble in troubles:
        if trouble.reason.startswith("Sentinel knows"):
            return trouble
    reasons = list(dict.fromkeys(trouble.reason for _, trouble in troubles))
    if len(reasons) > 1:
        reasons = [f"{shown(place)} {trouble.reason}" for place, trouble in troubles]
    health = min((trouble.health for _, trouble in troubles), key=(Health.DOWN, Health.UNKNOWN).index)
    lost = all(trouble.unreachable for _, trouble in troubles)
    return Trouble(f"no sentinel answers: {'; '.join(reasons)}", health, unreachable=lost)


def _notes(said: Mapping[Place, View | Trouble], views: Mapping[Place, View]) -> Iterator[str]:
    """What is wrong with the sentinels, or in their eyes, worst first."""
    leading = next((view for view in views.values() if _in_failover(view)), None)
    masters = {view.master for view in views.values()}
    if leading is not None:
        state = foreign(leading.failover.replace("_", " "), 30)
        yield f"failover in progress{f' ({state})' if state else ''}"
    elif len(masters) > 1:
        yield f"sentinels name different masters: {', '.join(sorted(map(shown, masters)))}"
    for flag, words in (("o_down", "agree that it is down"), ("s_down", "cannot reach it")):
        count = sum(flag in view.flags for view in views.values())
        if count:
            yield f"{count} of {len(said)} sentinels {words} ({flag})"
            break
    objecting = [place for place, view in views.items() if view.objection]
    if objecting:
        whose = "" if len(objecting) == len(views) else f" for {shown(objecting[0])}"
        yield f"no quorum{whose}: {views[objecting[0]].objection}"
    for place, one in said.items():
        if isinstance(one, Trouble):
            yield f"sentinel {shown(place)}: {one.reason}"
    lost = max(view.sentinels - view.usable for view in views.values())
    if not objecting and len(views) == len(said) and lost > 0:
        known = max(view.sentinels for view in views.values())
        yield f"{lost} of {known} sentinels not usable"


def _moving(views: Mapping[Place, View]) -> bool:
    """Another master is being made; the first of the notes says so."""
    return any(_in_failover(view) for view in views.values())


def _in_failover(view: View) -> bool:
    return "failover_in_progress" in view.flags or view.failover not in ("", "none", "no_failover")


def _unserved(
    case: Case, newest: View, views: Mapping[Place, View], notes: Sequence[str], trouble: Trouble
) -> ProbeResult:
    """Sentinels answer, their master does not: while they make another one the master, it is DEGRADED."""
    moving = _moving(views)
    if moving:
        reason = in_failover(newest.master, trouble, notes[1:])
    else:
        reason = sentence("; ".join((f"master {shown(newest.master)}{told(trouble)}", *notes)))
    return ProbeResult(
        case.service.id,
        case.context.clock(),
        Health.DEGRADED if moving else trouble.health,
        reason,
        detail=_detail(newest, views),
        raw=_readable(views, lambda: ""),
    )


def _detail(newest: View, views: Mapping[Place, View]) -> dict[str, str]:
    usable = min(view.usable for view in views.values())
    return {
        "master": shown(newest.master),
        "quorum": f"{newest.quorum}, {usable} of {newest.sentinels} sentinels usable",
        "replicas": str(newest.replicas),
    }


def _readable(views: Mapping[Place, View], rest: Callable[[], str]) -> str:
    lines = [
        f"sentinel {shown(place)}: master {shown(view.master)}, flags {','.join(sorted(view.flags))},"
        f" quorum {view.quorum}, {view.usable} of {view.sentinels} sentinels usable,"
        f" {view.replicas} replicas, epoch {view.epoch}"
        for place, view in views.items()
    ]
    return verbatim("\n".join([*lines, rest()]))


def _replicas(reply: Reply) -> Iterator[Mapping[str, str]]:
    if isinstance(reply, list):
        yield from (_fields(one) for one in reply)


def _is_gone(replica: Mapping[str, str]) -> bool:
    return bool({"s_down", "o_down", "disconnected"} & set(replica.get("flags", "").split(",")))


def _name(replica: Mapping[str, str]) -> str:
    return foreign(f"{replica.get('ip', '')}:{replica.get('port', '')}", 60)


def _fields(reply: Reply) -> Mapping[str, str]:
    if not isinstance(reply, list):
        return {}
    words = [_text(one) for one in reply]
    return dict(zip(words[::2], words[1::2], strict=False))


def _text(reply: Reply) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else ""


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else 0
