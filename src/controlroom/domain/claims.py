"""Claimed against observed: whether what a card names as its proof is really there.

A proof is a metric, the id of a service, a topic or a test id. What nobody could look at is unknown: it
neither proves a card nor refutes it (domain rules, Squads, items, blockers).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from controlroom.domain.board import Item
from controlroom.domain.frozen import dataclass
from controlroom.domain.health import ServiceState, settle
from controlroom.domain.instants import maybe, render
from controlroom.domain.lints import Lint
from controlroom.domain.remember import remember
from controlroom.domain.services import Health
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.telemetry import QUALITY_CODES, UNDECIDED_CODES, GapCode, SignalReading
from controlroom.domain.text import clean

if TYPE_CHECKING:
    from controlroom.domain.documents import Document
    from controlroom.domain.tested import Results

Kind = Literal["metric", "service", "topic", "test", "unknown name"]
State = Literal["observed", "not observed", "unknown"]

UNPROVEN = "X018"
"""Code of the lint: claimed done, and not observed."""

_THERE = QUALITY_CODES | {GapCode.OK, GapCode.PARTIAL}
"""Codes of a metric that is there, whatever else may be said of it."""

_WORD = re.compile(
    r"(metric|service|probe|kafka topic|topic|test)s?\s*:?\s+|(metric|service|probe|topic|test):", re.I
)
_METRIC = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(?:\{.*\})?", re.DOTALL)
_TEST = re.compile(r"::|(?:^|[/\\])test[_-]|\.(?:py|java|go|ts|js|rs|robot|feature)(?:$|[:#\s])|^test_")


@dataclass(frozen=True, slots=True)
class Claim:
    """One proof of one card, and what is seen of it."""

    item: str
    """Id of the card."""
    proof: str
    """As written."""
    kind: Kind
    state: State
    since: datetime | None = None
    """Since when it has been observed, or has not been; None: nobody knows."""
    text: str = ""
    """``observed``, ``claimed done, not observed since …``, ``… never observed``, or why it is not known."""
    why: str = ""
    """What whoever looked for it says."""
    query: str = ""
    """The exact PromQL that shows it, where it is a metric."""
    done: bool = False
    """Its card is claimed to be done."""
    or_before: bool = False
    """`since` is only as far back as anybody has looked: it may have been observed for longer."""

    @property
    def refuted(self) -> bool:
        """Claimed done, and known not to be there."""
        return self.done and self.state == "not observed"


def claims(snapshot: Snapshot, now: datetime) -> tuple[Claim, ...]:
    """Every proof of every card, in the order of the cards; the same object while nothing changed."""
    items = _with_proof(snapshot.items)
    if not items:
        return ()
    # Metrics nobody promised are looked for on the first server only.
    metrics = next((source for source in snapshot.sources if source.kind == "metrics"), None)
    silent = "no Prometheus is configured" if metrics is None else metrics.error
    services = tuple(settle(snapshot.services, now))
    return _claims(items, snapshot.signals, snapshot.proofs, services, silent, _results(snapshot))


def seen(snapshot: Snapshot, names: Iterable[str], now: datetime) -> tuple[Claim, ...]:
    """What is seen of each of `names` that is something the room can look at; its `item` is empty.

    That is a service, a promised metric or topic, and what a document calls a metric or a topic.
    """
    services = tuple(settle(snapshot.services, now))
    world = _World(snapshot.signals, snapshot.proofs, services, results=_results(snapshot))
    documents = [reading.document for reading in snapshot.documents if reading.document is not None]
    found = (world.look(name, documents) for name in names)
    return tuple(claim for claim in found if claim is not None)


def by_item(found: Iterable[Claim]) -> Mapping[str, tuple[Claim, ...]]:
    """Card → its proofs."""
    sorted_: dict[str, tuple[Claim, ...]] = {}
    for claim in found:
        sorted_[claim.item] = (*sorted_.get(claim.item, ()), claim)
    return sorted_


def sought(snapshot: Snapshot) -> tuple[str, ...]:
    """Metrics that cards name as their proof and no squad promised: somebody has to look for them."""
    world = _World(snapshot.signals, (), snapshot.services)
    named = (world.means(proof) for item in _with_proof(snapshot.items) for proof in item.proof)
    return tuple(
        dict.fromkeys(name for kind, name in named if kind == "metric" and name not in world.metrics)
    )


def sought_tests(snapshot: Snapshot) -> tuple[str, ...]:
    """Tests that cards name as their proof: somebody has to look them up in the results."""
    world = _World(snapshot.signals, (), snapshot.services)
    named = (world.means(proof) for item in _with_proof(snapshot.items) for proof in item.proof)
    return tuple(dict.fromkeys(name for kind, name in named if kind == "test"))


def _results(snapshot: Snapshot) -> Results | None:
    return snapshot.status.tests if snapshot.status is not None else None


def lints(snapshot: Snapshot, now: datetime) -> tuple[Lint, ...]:
    """X018 for each card that is claimed done while one of its proofs is known not to be there."""
    return _lints(_with_proof(snapshot.items), claims(snapshot, now))


@remember
def _lints(items: tuple[Item, ...], found: tuple[Claim, ...]) -> tuple[Lint, ...]:
    refuted = by_item(claim for claim in found if claim.refuted)
    return tuple(_lint(item, refuted[item.id]) for item in items if item.id in refuted)


def _lint(item: Item, refuted: Sequence[Claim]) -> Lint:
    named = ", ".join(f"{claim.proof} {claim.text.removeprefix('claimed done, ')}" for claim in refuted)
    pointer = None if item.path else f"/items/{item.id.replace('~', '~0').replace('/', '~1')}"
    message = clean(f"{item.epic} is claimed done: {named}")
    return Lint(UNPROVEN, message, "warning", item.path, item.line, pointer, item.id)


@remember
def _with_proof(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(item for item in items if item.proof)


@remember
def _claims(  # noqa: PLR0917 - what is remembered is compared argument by argument
    items: tuple[Item, ...],
    signals: tuple[SignalReading, ...],
    proofs: tuple[SignalReading, ...],
    services: tuple[ServiceState, ...],
    silent: str | None,
    results: Results | None,
) -> tuple[Claim, ...]:
    world = _World(signals, proofs, services, silent, results)
    return tuple(_claimed(claim, item) for item in items for claim in world.of(item))


def _claimed(claim: Claim, item: Item) -> Claim:
    """`claim` with what it says of its card."""
    claim = replace(claim, item=item.id, done=item.status == "done")
    if claim.state != "not observed":
        return claim
    said = claim.text or (
        "not observed" if claim.since is None else f"not observed since {render(claim.since)}"
    )
    return replace(claim, text=f"claimed done, {said}" if claim.done else said)


class _World:
    """Everything that can be a proof, by its name."""

    def __init__(
        self,
        signals: Sequence[SignalReading],
        proofs: Sequence[SignalReading],
        services: Sequence[ServiceState],
        silent: str | None = None,
        results: Results | None = None,
    ) -> None:
        self.services = {state.service.id: state for state in services}
        self.topics: dict[str, list[SignalReading]] = {}
        self.metrics: dict[str, list[SignalReading]] = {}
        for reading in signals:
            if reading.signal.topic is not None:
                self.topics.setdefault(reading.signal.topic, []).append(reading)
            elif reading.signal.metric:
                self.metrics.setdefault(reading.signal.metric, []).append(reading)
        self.undeclared = {reading.signal.metric: reading for reading in proofs}
        self.silent = silent
        self.results = results

    def of(self, item: Item) -> Iterator[Claim]:
        for proof in item.proof:
            kind, name = self.means(proof)
            yield replace(self._seen(kind, name), proof=proof)

    def means(self, proof: str) -> tuple[Kind, str]:
        """What a proof is, and its name; a word before it says so, else what there is of that name."""
        word, name = _spoken(proof)
        if word in ("service", "probe"):
            return "service", name
        if word == "topic":
            return "topic", name
        if word == "test":
            return "test", name
        if word is None:
            if name in self.services:
                return "service", name
            if name in self.topics:
                return "topic", name
        found = _METRIC.fullmatch(name)
        metric = found[1] if found else ""
        if metric in self.metrics or metric in self.undeclared or word == "metric":
            return "metric", metric or name
        if _TEST.search(name):
            return "test", name
        return ("metric", metric) if metric else ("unknown name", name)

    def look(self, name: str, documents: Sequence[Document]) -> Claim | None:
        """What is seen of what somebody only mentions; None where nobody says that it can be looked at."""
        kind, bare = self.means(name)
        if bare not in self.services and bare not in self.topics and bare not in self.metrics:
            if any(bare in document.topics for document in documents):
                kind = "topic"
            elif any(bare in document.metrics for document in documents):
                kind = "metric"
            else:
                return None
        claim = self._seen(kind, bare)
        if kind == "metric" and bare not in self.metrics and bare not in self.undeclared:
            claim = replace(claim, text=f"no squad promised {bare}: add it to [[squads.signals]]")
        said = claim.text or (
            "not observed" if claim.since is None else f"not observed since {render(claim.since)}"
        )
        return replace(claim, proof=bare, text=said)

    def _seen(self, kind: Kind, name: str) -> Claim:
        if kind == "service":
            return _service(self.services.get(name), name)
        if kind == "topic":
            missing = f"no squad promised the topic {name}: add it to [[squads.topics]]"
            return _read(kind, self.topics.get(name, ()), missing)
        if kind == "metric":
            return self._metric(name)
        if kind == "test":
            return _test(self.results, name)
        return Claim("", name, kind, "unknown", text=f"nothing here is called {name}")

    def _metric(self, name: str) -> Claim:
        if name in self.metrics:
            return _read("metric", self.metrics[name], "")
        if self.silent:
            return Claim("", name, "metric", "unknown", text=self.silent)
        found = self.undeclared.get(name)
        return _read("metric", () if found is None else (found,), "not looked for yet")


@lru_cache(maxsize=4096)
def _spoken(proof: str) -> tuple[str | None, str]:
    """The word before a name that says what it is, if there is one, and the name."""
    text = proof.strip().strip("`").strip()
    found = _WORD.match(text)
    if found is None or found.end() == len(text):
        return None, text
    word = (found[1] or found[2]).lower()
    return word.removeprefix("kafka "), text[found.end() :].strip().strip("`").strip()


def _service(state: ServiceState | None, name: str) -> Claim:
    if state is None:
        return Claim("", name, "service", "unknown", text=f"no service is called {name}")
    if state.health is Health.UP:
        return Claim("", name, "service", "observed", state.since, "observed", state.reason)
    if state.health in (Health.DEGRADED, Health.DOWN) and state.verified:
        return Claim("", name, "service", "not observed", state.since, why=f"{state.health}: {state.reason}")
    doubt = "" if state.verified else "unverified: this machine may be cut off; "
    return Claim("", name, "service", "unknown", text=f"{doubt}{state.reason}")


def _test(results: Results | None, name: str) -> Claim:
    """A test that passed whole is observed, one that failed is not; of any other nothing is known."""
    found = results.of(name) if results is not None else None
    if results is None or (found is None and not results.trouble):
        return Claim("", name, "test", "unknown", text="no test results are read yet")
    if results.trouble or found is None:
        return Claim("", name, "test", "unknown", text=results.trouble)
    if not results.folder:
        text = "no test results were captured yet: controlroom evidence capture keeps them"
        return Claim("", name, "test", "unknown", text=text)
    if found.at is None:
        text = f"not in the test results captured {maybe(results.at)} ({results.folder})"
        return Claim("", name, "test", "unknown", text=text)
    counts = ((found.bad, "failed"), (found.passed, "passed"), (found.skipped, "skipped"))
    said = ", ".join(f"{count} {word}" if found.tests > 1 else word for count, word in counts if count)
    of = (
        f"{said} in the results of {render(found.at)}{' or before' if found.or_before else ''} ({found.file})"
    )
    claim = Claim("", name, "test", "unknown", found.at, why=of, or_before=found.or_before)
    if found.several:
        text = f"several tests are called so, and disagree ({found.file}): name it with its file or class"
        return replace(claim, since=None, text=text)
    if found.bad:
        return replace(claim, state="not observed", text=of, why=f"{of}: {found.message}")
    if found.passed and not found.skipped:
        return replace(claim, state="observed", text="observed")
    return replace(claim, since=None, text=of)


def _read(kind: Kind, readings: Sequence[SignalReading], missing: str) -> Claim:
    """What the readings of one name say together: one that is there is enough."""
    there = [one for one in readings if one.code in _THERE]
    if there:
        dated = [(one.since, one.or_before) for one in there if one.since]
        since, or_before = min(dated, default=(None, False))
        best = min(there, key=lambda one: one.code is not GapCode.OK)
        return Claim("", "", kind, "observed", since, "observed", best.text, best.query, or_before=or_before)
    unknown = next((one for one in readings if one.code in UNDECIDED_CODES), None)
    if unknown is not None or not readings:
        text = missing if unknown is None else unknown.text or "not asked yet"
        return Claim("", "", kind, "unknown", text=text, query=unknown.query if unknown else "")
    seen = [one.last_seen for one in readings if one.last_seen]
    first = readings[0]
    never = not seen and all(one.code is GapCode.NEVER_SEEN for one in readings)
    text = "never observed" if never else ""
    return Claim("", "", kind, "not observed", max(seen, default=None), text, first.text, first.query)
