"""Changes to controlroom.toml, made in its text: what is not meant stays byte for byte.

Nothing is written before both versions have been read and differ in exactly what was asked for; `write`
then refuses where the file is no longer the one the change was made from.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from controlroom.config.changes import AcceptMetric, AssignAlerts, Change, ConfigEdit
from controlroom.config.literals import literal_secrets
from controlroom.config.places import Place
from controlroom.config.read import parse
from controlroom.config.shape import File
from controlroom.config.source import Unreadable, read_bytes
from controlroom.config.spans import Span, Spans, line_end, spans
from controlroom.config.values import LabelRule
from controlroom.domain.alerts import holds
from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean, slug

if TYPE_CHECKING:
    from controlroom.domain.board import Squad

T = TypeVar("T")

CONTEXT = 3
"""Lines around a change in its diff."""

_LINE = 300
"""Characters of one line in a diff."""

_BY_HAND = "change it by hand"
_AGAIN = "make the change again from the file as it is now"


class CannotEdit(Exception):
    """Why there is no such change, or why it was not written: `reason` and `remedy` in plain words."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(reason)


def propose(path: Path, change: Change, *, by: str, on: date) -> ConfigEdit:
    """`change` as it would be written into the file at `path`. Raises CannotEdit."""
    try:
        raw = read_bytes(path, str(path))
    except Unreadable as problem:
        raise CannotEdit(str(problem.error), problem.error.remedy) from None
    if isinstance(change, AcceptMetric):
        return accept_metric(raw, path, change, by=by, on=on)
    return assign_alerts(raw, path, change, by=by, on=on)


def accept_metric(raw: bytes, path: Path, change: AcceptMetric, *, by: str, on: date) -> ConfigEdit:
    """The file `raw` with another name for a promised metric, and a comment that says who accepted it.

    `by` is who, `on` the day. Raises CannotEdit.
    """
    source = _read(raw, path)
    number, squad = _squad(source, change.squad)
    place = _signal(source, number, squad, change)
    name = _fit(change.name, "the name of a metric")
    if any((signal.metric, signal.job) == (name, change.job) for signal in squad.signals):
        raise CannotEdit(
            f"{_called(squad)} promises {name} already", f"take {clean(change.metric)} out of its signals"
        )
    span = source.spans.values.get((*place, "metric")) or source.spans.values[place]
    said = f"was {clean(change.metric, 200)}; accepted {on.isoformat()} by {_signed(by)}"
    text = _spliced(
        source.text, [(span, _like(source.text[span.start : span.end], name)), _comment(source, span, said)]
    )
    index = int(place[-1])
    signals = _with(squad.signals, index, replace(squad.signals[index], metric=name))
    meant = replace(source.file, squads=_with(source.file.squads, number, replace(squad, signals=signals)))
    summary = f"{_called(squad)} promises {name} instead of {clean(change.metric, 200)}"
    return _edit(source, text, meant, summary)


def assign_alerts(raw: bytes, path: Path, change: AssignAlerts, *, by: str, on: date) -> ConfigEdit:
    """The file `raw` with one more rule, the last of its Alertmanager's, that says whose alerts are.

    `by` is who says so, `on` the day. Raises CannotEdit.
    """
    source = _read(raw, path)
    servers = source.file.alertmanagers
    number = next((n for n, server in enumerate(servers) if server.id == change.server), None)
    if number is None:
        reason = f"{source.name} has no Alertmanager {clean(change.server, 80)}"
        raise CannotEdit(reason, "add it as [[alertmanagers]]")
    server = servers[number]
    label, value = _fit(change.label, "a label"), _fit(change.value, "a label's value")
    squad = _owner(source, change.squad)
    _free(server.rules, LabelRule(label, value, squad))
    said = f"assigned {on.isoformat()} by {_signed(by)}"
    keys = [f"label = {_quoted(label)}", f"value = {_quoted(value)}", f"squad = {_quoted(squad)}"]
    text = _spliced(source.text, list(_rule(source, ("alertmanagers", number), keys, said)))
    rules = (*server.rules, LabelRule(label, value, squad))
    called = next((_called(one) for one in source.file.squads if one.id == squad), squad)
    meant = replace(source.file, alertmanagers=_with(servers, number, replace(server, rules=rules)))
    return _edit(source, text, meant, f"alerts with {label} = {value} belong to {called}")


def write(edit: ConfigEdit) -> None:
    """Put `edit` in the place of the file it was made from: whole or not at all, mode and links kept.

    Raises CannotEdit where the file has changed since, is gone, or may not be written. Blocks.
    """
    from controlroom.stores import documents_file

    content = edit.text.encode("utf-8")
    try:
        documents_file.replace(edit.path, edit.digest, lambda _: content)
    except documents_file.CannotReplace as problem:
        again = problem.reason.endswith((" meanwhile", " by somebody else"))
        raise CannotEdit(problem.reason, _AGAIN if again else problem.remedy) from None


# -- the file as it is ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that was read without errors."""

    path: Path
    digest: str
    text: str
    file: File
    spans: Spans

    @property
    def name(self) -> str:
        return clean(self.path.name, 200)

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"


def _read(raw: bytes, path: Path) -> _Source:
    file, errors = parse(raw, str(path))
    if errors:
        reason = f"{clean(path.name, 200)} has errors: {errors[0].message}"
        raise CannotEdit(reason, "controlroom config check names them all")
    text = raw.decode("utf-8")
    return _Source(path, hashlib.sha256(raw).hexdigest(), text, file, spans(text))


def _owner(source: _Source, name: str) -> str:
    """The id of the squad, or its name as it is where a document may declare it."""
    if source.file.documents.paths and not any(_is(squad, name) for squad in source.file.squads):
        return _fit(name, "a squad")
    return _squad(source, name)[1].id


def _called(squad: Squad) -> str:
    """What people call it."""
    return clean(squad.name or squad.id, 80)


def _squad(source: _Source, name: str) -> tuple[int, Squad]:
    squads = source.file.squads
    # An id means its squad even where another one is called so.
    named = [n for n, squad in enumerate(squads) if squad.id == name]
    named = named or [n for n, squad in enumerate(squads) if _is(squad, name)]
    if not named:
        reason = f"{source.name} has no squad {clean(name, 80)}: it is declared in a document, or nowhere"
        raise CannotEdit(reason, "add it as [[squads]], with its signals")
    return named[0], squads[named[0]]


def _is(squad: Squad, name: str) -> bool:
    wanted = slug(name)
    return squad.id == name or (bool(wanted) and wanted in map(slug, (squad.id, squad.name, *squad.aliases)))


def _signal(source: _Source, number: int, squad: Squad, change: AcceptMetric) -> Place:
    wanted = (change.metric, change.job)
    found = [n for n, signal in enumerate(squad.signals) if (signal.metric, signal.job) == wanted]
    what = f"{clean(change.metric, 200)}" + (f" of job {clean(change.job, 200)}" if change.job else "")
    if not found:
        raise CannotEdit(f"{_called(squad)} promises no {what} in {source.name}", _AGAIN)
    if len(found) > 1:
        raise CannotEdit(f"{_called(squad)} promises {what} {len(found)} times", _BY_HAND)
    return "squads", number, "signals", found[0]


def _free(rules: Sequence[LabelRule], wanted: LabelRule) -> None:
    """No rule before it says whose these alerts are: the first that fits counts."""
    for rule in rules:
        if not holds(rule, {wanted.label: wanted.value}):
            continue
        how = f"{rule.label} = {rule.value}" if rule.match is None else f"{rule.label} like {rule.match}"
        if rule.squad == wanted.squad:
            raise CannotEdit(f"a rule gives {how} to {rule.squad} already", "there is nothing to change")
        raise CannotEdit(f"a rule gives {how} to {rule.squad}, and the first counts", "change that rule")


# -- the text after the change ----------------------------------------------------------------------

Splice = tuple[Span, str]
"""What stands at a span is replaced; an empty span is a place to insert."""


def _spliced(text: str, splices: Sequence[Splice]) -> str:
    """`text` with all splices made; those at one place in the order given."""
    for span, new in sorted(splices, key=lambda splice: splice[0].start)[::-1]:
        text = text[: span.start] + new + text[span.end :]
    return text


def _comment(source: _Source, after: Span, said: str) -> Splice:
    """A comment on the line on which a value ends, behind what is remarked there already."""
    end = line_end(source.text, after.end)
    return Span(end.at, end.at), f"; {said}" if end.commented else f"  # {said}"


def _rule(source: _Source, server: Place, keys: Sequence[str], said: str) -> Iterator[Splice]:
    """The splices that add a rule to a server: a table of its own, or an element where they are a list."""
    rules = (*server, "rules")
    if rules in source.spans.values:
        yield from _element(source, rules, "{ " + ", ".join(keys) + " }", said)
        return
    if server in source.spans.values:
        raise CannotEdit(f"the Alertmanager is written on one line of {source.name}, without rules", _BY_HAND)
    last = source.spans.last(rules) or source.spans.last(server)
    if last is None:
        raise CannotEdit(f"{source.name} does not say where its rules belong", _BY_HAND)
    at = line_end(source.text, last.end).at
    lines = ["", "", "[[alertmanagers.rules]]", *keys[:-1], f"{keys[-1]}  # {said}"]
    yield Span(at, at), source.newline.join(lines)


def _element(source: _Source, place: Place, new: str, said: str) -> Iterator[Splice]:
    """The splices that add an element at the end of a list, on a line of its own where each has one."""
    text, whole = source.text, source.spans.values[place]
    last = source.spans.last((*place, _length(source.spans, place) - 1))
    if last is None:
        yield Span(whole.start + 1, whole.start + 1), new
        yield _comment(source, whole, said)
        return
    after = _comma(text, last.end)
    begun = text.rfind("\n", 0, last.start) + 1
    indent = text[begun : last.start]
    alone = not indent.strip() and begun > whole.start and line_end(text, last.end).at < whole.end - 1
    if not alone:
        at = after if after is not None else last.end
        yield Span(at, at), (", " if after is None else " ") + new
        yield _comment(source, whole, said)
        return
    if after is None:
        yield Span(last.end, last.end), ","
    at = line_end(text, after if after is not None else last.end).at
    yield Span(at, at), f"{source.newline}{indent}{new},  # {said}"


def _length(found: Spans, place: Place) -> int:
    own = (key[len(place)] for key in found.values if len(key) > len(place) and key[: len(place)] == place)
    return 1 + max((step for step in own if isinstance(step, int)), default=-1)


def _comma(text: str, position: int) -> int | None:
    """The place right behind the comma that follows what ends at `position`; None where none does."""
    at = position
    while at < len(text):
        if text[at] == ",":
            return at + 1
        if text[at] == "#":
            at = text.find("\n", at)
            if at < 0:
                return None
        elif not text[at].isspace():
            return None
        at += 1
    return None


def _quoted(text: str) -> str:
    """`text` as a basic string."""
    # JSON escapes all that TOML wants escaped, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _like(old: str, new: str) -> str:
    """`new` in the quotes that `old` is written in, where it can be."""
    plain = old.startswith("'") and not old.startswith("'''") and "'" not in new and new.isprintable()
    return f"'{new}'" if plain else _quoted(new)


def _fit(text: str, what: str) -> str:
    """`text`, where a configuration can hold it as it is."""
    if not text.strip() or clean(text) != text:
        raise CannotEdit(
            f"{json.dumps(clean(text, 200), ensure_ascii=False)} cannot be {what} here", _BY_HAND
        )
    return text


def _signed(by: str) -> str:
    return clean(by, 80).strip() or "somebody"


# -- the change, proved and shown -------------------------------------------------------------------


def _edit(source: _Source, text: str, meant: File, summary: str) -> ConfigEdit:
    """The change, once it has been read and means exactly `meant`."""
    try:
        after, errors = parse(text.encode("utf-8"), str(source.path))
    except UnicodeEncodeError:
        raise CannotEdit("a name in it cannot be written as UTF-8", _BY_HAND) from None
    if errors:
        raise CannotEdit(f"with it the configuration would be wrong: {errors[0]}", errors[0].remedy)
    if after != meant:
        raise CannotEdit("written so, the change would mean something else", _BY_HAND)
    before = _shown(source.text, source.file, source.spans)
    return ConfigEdit(
        path=source.path,
        digest=source.digest,
        text=text,
        diff=_diff(before, _shown(text, after, spans(text)), source.name),
        summary=clean(summary, 500),
    )


def _shown(text: str, file: File, found: Spans) -> list[str]:
    """The lines of `text`, secrets that are written into it left out."""
    hidden: list[Splice] = []
    for secret in literal_secrets(file):
        place = secret
        while place and place not in found.values:
            place = place[:-1]
        if place:
            span = found.values[place]
            hidden.append((span, '"…"' + "\n" * text.count("\n", span.start, span.end)))
    return [clean(line.removesuffix("\r"), _LINE) for line in _spliced(text, hidden).split("\n")]


def _diff(before: Sequence[str], after: Sequence[str], name: str) -> str:
    lines = difflib.unified_diff(before, after, name, f"{name} (changed)", n=CONTEXT, lineterm="")
    return "\n".join(lines) + "\n"


def _with(things: Sequence[T], number: int, new: T) -> tuple[T, ...]:
    return (*things[:number], new, *things[number + 1 :])
