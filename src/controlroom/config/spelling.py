"""Keys that no section has are refused, at every level, with the key that was probably meant."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from controlroom.config import hints
from controlroom.config.places import Findings, Place
from controlroom.config.shape import FILLED_IN, File
from controlroom.domain.text import clean


def known(data: Mapping[str, Any], found: Findings) -> dict[str, Any]:
    """A copy of `data` with only the keys that mean something; every other is a finding."""
    copy = _walk(data, File, (), found)
    assert isinstance(copy, dict)
    return copy


@cache
def keys(table: type) -> Mapping[str, Any]:
    """The keys of one table of the configuration, and what each holds."""
    hints.resolve()
    annotated = typing.get_type_hints(table)
    filled_in = FILLED_IN.get(table.__name__, frozenset())
    return {f.name: annotated[f.name] for f in fields(table) if f.name not in filled_in}


def parts(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union, or the one type there is."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def did_you_mean(word: str, choices: Iterable[str], otherwise: str = "") -> str:
    """``did you mean "zone"?``, or `otherwise` where nothing is near."""
    from rapidfuzz import fuzz, process, utils

    near = process.extractOne(
        word[:80], list(choices), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=66
    )
    return f'did you mean "{near[0]}"?' if near else otherwise


def _walk(value: Any, hint: Any, place: Place, found: Findings) -> Any:
    for part in parts(hint):
        origin = typing.get_origin(part)
        if isinstance(value, dict) and isinstance(part, type) and is_dataclass(part):
            return _table(value, part, place, found)
        if isinstance(value, dict) and origin is not None and issubclass_mapping(origin):
            inner = typing.get_args(part)[1]
            return {name: _walk(item, inner, (*place, name), found) for name, item in value.items()}
        if isinstance(value, list) and origin is tuple:
            inner = typing.get_args(part)[0]
            return [_walk(item, inner, (*place, number), found) for number, item in enumerate(value)]
    return value


def issubclass_mapping(origin: Any) -> bool:
    """Whether a type's origin is a mapping of free keys, such as headers."""
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _table(value: Mapping[str, Any], table: type, place: Place, found: Findings) -> dict[str, Any]:
    allowed = keys(table)
    for name in value:
        if name not in allowed:
            found.add((*place, name), f"unknown key {clean(name, 80)!r}", _remedy(name, table))
    return {
        name: _walk(value[name], allowed[name], (*place, name), found) for name in value if name in allowed
    }


def _remedy(name: str, table: type) -> str:
    allowed = keys(table)
    choices = f"the keys here are {', '.join(sorted(allowed))}"
    near = did_you_mean(name, allowed)
    if near:
        return near
    homes = [section for section, hint in keys(File).items() if name in _section_keys(hint)]
    if homes:
        return f"it belongs to {' or '.join(f'[{home}]' for home in homes)}; {choices}"
    return choices


def _section_keys(hint: Any) -> Mapping[str, Any]:
    inner = (typing.get_args(hint) or (hint,))[0]
    return keys(inner) if is_dataclass(inner) and isinstance(inner, type) else {}
