"""Types are checked by pydantic, and what it finds is said in the words of the file.

Imported only for a configuration that was not validated before: pydantic alone costs more than the
rest of a headless command.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import typing
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from controlroom.config import hints
from controlroom.config.places import Findings, Place, spelled
from controlroom.config.shape import File
from controlroom.config.spelling import did_you_mean, keys, parts

STAND_IN = "?"
"""Takes the place of a required value that is missing or wrong, so that the rest can be looked at."""

ROUNDS = 20
"""Every round repairs all that is wrong at one level; the file is at most five levels deep."""

_EXPECTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a table",
    "mapping": "a table",
    "dataclass": "a table",
    "date": "a date",
    "time": "a time of day",
    "none": "",
}
_REMEDIES = {
    "text": 'put it in quotes: {}"…"',
    "a whole number": "write it without quotes and without a fraction: {}3",
    "a number": "write it without quotes: {}1.5",
    "true or false": "write {}true or {}false",
    "a list": 'put it in brackets: {}["…"]',
    "a table": 'write {}{ "…" = "…" }',
    "a date": "write {}2025-10-04",
    "a time of day": 'write {}"09:00"',
}
_NEEDED = {
    "id": "give it a name or an id",
    "kind": "say what it is, such as http, tcp or redis",
    "metric": "name the metric as Prometheus has it",
    "text": "say in a few words what is to happen",
    "name": "give it a name",
}
CHOOSE = "choose one of them"
REFERENCE = '{ env = "NAME" }, { file = "path" } or { command = "…" }'


def validate(data: Mapping[str, Any], found: Findings) -> File:
    """`data` as a File. What is wrong is found and replaced, so that other checks see the rest."""
    plain: Any = json.loads(json.dumps(data, default=_dated))
    stood_in: set[Place] = set()
    for _ in range(ROUNDS):
        try:
            return _adapter().validate_json(json.dumps(plain), strict=True)
        except ValidationError as failed:
            wrong = _by_place(plain, failed)
        for place, expected in wrong.items():
            _report(place, expected, plain, found)
        for place in wrong:
            if place in stood_in:
                _take_out(plain, place[:-1])
            elif _repair(plain, place):
                stood_in.add(place)
    raise AssertionError("a configuration that cannot be repaired")


@cache
def _adapter() -> TypeAdapter[File]:
    hints.resolve()
    return TypeAdapter(File)


def _dated(value: object) -> str:
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _by_place(plain: Any, failed: ValidationError) -> dict[Place, list[str]]:
    """What would have been right, by the place in the file; the arms of a union share one."""
    wrong: dict[Place, list[str]] = {}
    for error in failed.errors(include_url=False, include_input=False):
        place = _place(plain, error["loc"], error["type"])
        wrong.setdefault(place, []).append(_expected(error["type"], error.get("ctx", {}), error["msg"]))
    # The inner of two places is the more exact one; the outer is an arm that was not meant.
    return {p: w for p, w in wrong.items() if not any(q[: len(p)] == p and q != p for q in wrong)}


def _place(plain: Any, loc: tuple[str | int, ...], kind: str) -> Place:
    """`loc` without the names of types that pydantic puts between the keys."""
    place: Place = ()
    here = plain
    for number, step in enumerate(loc):
        if step in (here if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()):
            here = here[step]
        elif kind != "missing" or number != len(loc) - 1:
            continue
        place = (*place, step)
    return place


def _expected(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "missing":
        return "missing"
    if kind in ("literal_error", "enum"):
        return f"one of {context['expected']}"
    if kind in ("too_short", "too_long"):
        return f"a list of {context.get('max_length') or context.get('min_length')}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return _EXPECTED.get(kind.split("_", 1)[0], message[:1].lower() + message[1:])


def _report(place: Place, expected: list[str], plain: Any, found: Findings) -> None:
    name = spelled(place[-1:]) if place and isinstance(place[-1], str) else spelled(place[-2:])
    if "missing" in expected:
        found.add(place, f"{name} is missing", _NEEDED.get(str(name), f"add {name} = …"))
        return
    said = list(dict.fromkeys(text for text in expected if text))
    if _is_secret(place):
        kind = "text, or name where a secret is" if "headers" in place else "a reference to a secret"
        found.add(place, f"{name} must be {kind}", f"write {name} = {REFERENCE}")
        return
    problem = f"{name} must be {' or '.join(said)}"
    if len(said) == 1 and said[0].startswith("give "):
        found.add(place, f"{name} is not one reference", said[0])
    elif _is_table(place) is not None:
        found.add(place, f"{name} must be {_table_kind(place)}", _table_remedy(place))
    else:
        example = "" if isinstance(place[-1], int) else f"{name} = "
        remedies = [_REMEDIES[text].replace("{}", example) for text in said if text in _REMEDIES]
        found.add(place, problem, remedies[0] if remedies else _choice(plain, place, said))


def _choice(plain: Any, place: Place, said: list[str]) -> str:
    """Which of the words that may stand there is nearest to what does."""
    value = plain
    for step in place:
        value = value[step]
    choices = re.findall(r"'([^']+)'", " ".join(said))
    return did_you_mean(value, choices, CHOOSE) if isinstance(value, str) and choices else CHOOSE


def _is_secret(place: Place) -> bool:
    return len(place) > 1 and ("headers" in place[:-1] or place[-1] in ("password", "token", "webhook"))


def _hint(place: Place) -> Any:
    """The type that belongs at a place; None where free keys begin."""
    here: Any = File
    for step in place:
        options = parts(here)
        if isinstance(step, int):
            lists = [o for o in options if typing.get_origin(o) is tuple]
            here = typing.get_args(lists[0])[0] if lists else None
        else:
            tables = [o for o in options if isinstance(o, type) and is_dataclass(o)]
            here = keys(tables[0]).get(step) if tables else None
        if here is None:
            return None
    return here


def _is_table(place: Place) -> bool | None:
    """True for a list of tables, False for a table, None for anything else."""
    for option in parts(_hint(place)):
        if typing.get_origin(option) is tuple and is_dataclass(typing.get_args(option)[0]):
            return True
        if is_dataclass(option):
            return False
    return None


def _table_kind(place: Place) -> str:
    return "a list of tables" if _is_table(place) else "a table"


def _table_remedy(place: Place) -> str:
    header = ".".join(str(step) for step in place if isinstance(step, str))
    many = _is_table(place)
    if isinstance(place[-1], int) or many:
        return f"begin every one with a line [[{header}]]"
    return f"write it as a table: [{header}]" if len(place) == 1 else "write it as a table: { … }"


def _repair(plain: Any, place: Place) -> bool:
    """Take out what is wrong, so that its default holds; True where only a stand-in would do."""
    if not place:
        raise AssertionError("the file as a whole is a table")
    holder, last = plain, place[-1]
    for step in place[:-1]:
        if isinstance(holder, dict) and step not in holder:
            return False  # taken out together with something else that was wrong
        holder = holder[step]
    if isinstance(holder, dict) and last not in holder:
        holder[last] = STAND_IN
        return True
    if isinstance(holder, list) and _is_table(place) is False:
        holder[int(last)] = {}
    else:
        _take_out(plain, place)
    return False


def _take_out(plain: Any, place: Place) -> None:
    """Remove the key at a place, or the whole list around it."""
    while isinstance(place[-1], int):
        place = place[:-1]
    holder = plain
    for step in place[:-1]:
        if isinstance(holder, dict) and step not in holder:
            return
        holder = holder[step]
    holder.pop(place[-1], None)
