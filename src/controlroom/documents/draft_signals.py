"""Signals as TOML to review: which metrics the squads' documents name, and what is proposed beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from controlroom.documents.draft_squads import promised, same_file
from controlroom.documents.toml import Toml, quoted
from controlroom.domain.board import Item, Squad
from controlroom.domain.documents import Document
from controlroom.domain.instants import duration, render
from controlroom.domain.program import Program
from controlroom.domain.proposals import Draft, Named, Proposal
from controlroom.domain.survey import MetricType
from controlroom.domain.text import clean


def named(
    program: Program, documents: Iterable[Document], items: Iterable[Item]
) -> dict[str | None, tuple[Named, ...]]:
    """Squad id → the metrics its charter, its row and its cards name; None: named, but not by whom.

    `program` and `items` are merged with the same `documents`.
    """
    found: dict[str | None, dict[str, Named]] = {}
    cards = list(items)
    for document in documents:
        owned = dict(_owners(program, document, cards))
        charter = _squad_of(program, document)
        said = promised(document) if charter is not None else {}
        for metric in document.metrics:
            squad = charter.id if charter is not None else owned.get(metric)
            fields = said.get(metric, {})
            labels = cast(Sequence[str], fields.get("labels", ()))
            kind = cast(MetricType | None, fields.get("type"))
            found.setdefault(squad, {}).setdefault(
                metric, Named(metric, clean(document.path), kind, tuple(labels))
            )
    return {squad: tuple(metrics.values()) for squad, metrics in found.items()}


def _squad_of(program: Program, document: Document) -> Squad | None:
    """The squad a document as a whole is of: a charter's."""
    if document.kind != "charter":
        return None
    linked = [squad for squad in program.squads if squad.charter and same_file(squad.charter, document.path)]
    return linked[0] if len(linked) == 1 else program.squad(document.squad or "")


def _owners(program: Program, document: Document, items: Iterable[Item]) -> Iterator[tuple[str, str]]:
    """Metrics in the row of a squad, or in a card that is one squad's, with that squad's id."""
    texts = [
        (squad.id, f"{row.signals} {' '.join(row.focus.values())}")
        for row in document.squads
        if (squad := program.squad(row.name)) is not None
    ]
    texts += [
        (item.squad, f"{item.epic} {item.tasks} {item.status_text}")
        for item in items
        if item.squad is not None and item.path == document.path
    ]
    for metric in document.metrics:
        owners = {squad for squad, text in texts if f"`{metric}" in text}
        if len(owners) == 1:
            yield metric, owners.pop()


# -- as TOML ----------------------------------------------------------------------------------------


def as_toml(draft: Draft, in_file: Iterable[str] = ()) -> str:
    """The draft as text that reads as a configuration; `in_file` are squads that the configuration has."""
    toml, known = Toml(), set(in_file)
    toml.comment(
        "Drafted by `controlroom telemetry propose`: proposals to review, promised by nobody yet.",
        "Take what you mean to deliver into controlroom.toml, and leave the rest.",
    )
    for server, error in draft.errors.items():
        toml.comment(f"{clean(server)} could not be asked: {clean(error)}")
    toml.comment(*(f"Not found out: {clean(note)}" for note in draft.notes))
    by_squad = draft.by_squad()
    for squad in draft.squads:
        _squad(toml, squad, by_squad[squad.id], draft.days, squad.id in known)
    nobodys = by_squad.get(None)
    if nobodys:
        toml.blank()
        toml.comment(
            "Nobody's: nothing says whose these are. Promise what is yours below your squad.",
        )
        toml.comment(*(_line(one, draft.days) for one in nobodys))
    _left_out(toml, draft)
    return toml.text()


def _squad(toml: Toml, squad: Squad, proposals: Sequence[Proposal], days: int, known: bool) -> None:
    there = [one for one in proposals if one.state in ("there", "unasked")]
    if not there:
        toml.blank()
        toml.comment(f"{squad.name or squad.id}: nothing to propose beside what is promised already.")
    else:
        toml.table("[[squads]]")
        toml.key("id", squad.id)
        if known:
            toml.comment("It is in the configuration: put what follows there, at the end of this squad.")
        else:
            toml.key("name", squad.name if squad.name != squad.id else None)
    for one in there:
        toml.table("[[squads.signals]]")
        toml.comment(*_said(one, days))
        toml.key("metric", one.metric)
        toml.key("job", one.job)
        toml.key("type", one.type)
        toml.key("labels", one.labels)
        toml.key("server", one.server)
        _conditions(toml, one)
    for one in proposals:
        if one.state not in ("there", "unasked"):
            toml.blank()
            toml.comment(*_said(one, days), "[[squads.signals]]", f"metric = {quoted(one.metric)}")


def _conditions(toml: Toml, one: Proposal) -> None:
    """What the gate may ask of it."""
    if one.expect_activity:
        toml.key("expect_activity", True)
    elif one.lively:
        grew = f"grew in {_per_cent(100 * one.lively)} of the last day's half hours"
        toml.key("expect_activity", True, grew, off=True)
    elif one.lively is not None and one.lively <= 0:
        toml.key("expect_activity", True, "did not grow on the last day", off=True)
    if one.flaky:
        # Required is what a signal is that does not say so.
        toml.key("required_for_exit", False)
        toml.key("required_for_exit", True, "once it is there all the time", off=True)
    else:
        toml.key("required_for_exit", True)


def _said(one: Proposal, days: int) -> list[str]:
    """Where it comes from, and what is to be known before it is promised."""
    return [clean(text) for text in (one.why, _presence(one, _looked_back(one, days)), *one.remarks) if text]


def _looked_back(one: Proposal, days: int) -> str:
    """``7 d``, or how much of that there was to look at."""
    return f"{days} d" if not one.over or one.over >= 0.98 * 86_400 * days else duration(one.over)


def _presence(one: Proposal, span: str) -> str:
    if one.state == "never":
        near = f"; did you mean {' or '.join(one.near)}?" if one.near else ""
        return f"never seen in {span}{near}"
    if one.state == "fleeting":
        return f"there only for moments, or longer ago than {span}"
    if one.state == "unasked":
        return "not looked up: Prometheus could not be asked"
    if one.flaky:
        last = f"; last seen {render(one.last_seen)}" if one.last_seen is not None else ""
        return f"flaky: there {_per_cent(one.presence or 0)} of {span}{last}"
    if one.new and one.first_seen is not None:
        return f"new: there since {render(one.first_seen)}"
    return ""


def _per_cent(value: float) -> str:
    """``61 %``; never rounded up to all of it, nor down to nothing."""
    return "under 1 %" if 0 <= value < 1 else f"{int(value)} %"


def _line(one: Proposal, days: int) -> str:
    """One of nobody's, on a line."""
    fields: Mapping[str, str | None] = {
        "metric": one.metric,
        "job": one.job,
        "type": one.type,
        "server": one.server,
    }
    keys = ", ".join(f"{name} = {quoted(value)}" for name, value in fields.items() if value)
    said = "; ".join(_said(one, days))
    return f"{{ {keys} }}" + (f"  # {said}" if said else "")


def _left_out(toml: Toml, draft: Draft) -> None:
    parts = [f"{beginning}* ({count})" for beginning, count in sorted(draft.noise.items())]
    parts += [f"{draft.recorded} that recording rules make"] if draft.recorded else []
    if parts:
        toml.blank()
        toml.comment(f"Left out, as every program has them: {', '.join(parts)}.")
