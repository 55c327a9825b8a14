"""config.example.toml is the manual: complete, commented, and it opens as it is."""

from __future__ import annotations

import datetime as dt
import re
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest

from controlroom.config import example
from controlroom.config.check import check
from controlroom.config.load import from_text
from controlroom.config.shape import File
from controlroom.config.spelling import issubclass_mapping, keys, parts
from controlroom.lab.command import SHARED, SLOW

TEXT = example.text()
PATH = Path("config.example.toml")
COMMENTED = re.compile(r"# (?=[a-z_.]+ = |\"[a-z.]+\" = )")
BLOCK = re.compile(r"# (?= {4}|[\]}])")


def blocks() -> Iterator[tuple[int, int]]:
    """First and last line (from 0) of every commented-out key."""
    lines = TEXT.splitlines()
    for first, line in enumerate(lines):
        if COMMENTED.match(line):
            last = first
            while last + 1 < len(lines) and BLOCK.match(lines[last + 1]):
                last += 1
            yield first, last


def uncommented(first: int, last: int) -> str:
    lines = TEXT.splitlines()
    lines[first : last + 1] = [line.removeprefix("# ") for line in lines[first : last + 1]]
    return "\n".join(lines)


def everything() -> dict[str, Any]:
    """The example with every commented-out key in use."""
    import tomllib

    lines = TEXT.splitlines()
    for first, last in blocks():
        lines[first : last + 1] = [line.removeprefix("# ") for line in lines[first : last + 1]]
    return tomllib.loads("\n".join(lines))


def tables(value: Any, hint: Any) -> Iterator[tuple[type, dict[str, Any]]]:
    """Every table in `value` with the class that describes it."""
    for part in parts(hint):
        if isinstance(part, type) and is_dataclass(part) and isinstance(value, dict):
            yield part, value
            for key, inner in keys(part).items():
                if key in value:
                    yield from tables(value[key], inner)
        elif typing.get_origin(part) is tuple and isinstance(value, list):
            for item in value:
                yield from tables(item, typing.get_args(part)[0])
        elif issubclass_mapping(typing.get_origin(part)) and isinstance(value, dict):
            for item in value.values():
                yield from tables(item, typing.get_args(part)[1])


def test_it_opens_as_it_is() -> None:
    """The example is a valid configuration without an error or a warning."""
    path = Path(__file__).parents[2] / PATH
    problems = check(path, environ={})
    assert (problems.errors, problems.warnings) == ((), ())


def test_every_key_is_in_it() -> None:
    """Each key of each section stands in the example, in use or commented out."""
    seen: dict[type, set[str]] = {}
    for table, value in tables(everything(), File):
        seen.setdefault(table, set()).update(value)
    described = {table for table, _ in tables(everything(), File)}
    missing = {table.__name__: sorted(set(keys(table)) - seen[table]) for table in described}
    assert {name: absent for name, absent in missing.items() if absent} == {}
    assert described >= {File, *_described(File)}


def _described(table: type) -> Iterator[type]:
    """Every class the configuration is made of."""
    yield table
    for hint in keys(table).values():
        for part in parts(hint):
            inner = typing.get_args(part)[0] if typing.get_origin(part) is tuple else part
            if isinstance(inner, type) and is_dataclass(inner):
                yield from _described(inner)


@pytest.mark.parametrize(("first", "last"), list(blocks()), ids=lambda line: f"line-{line + 1}")
def test_what_is_commented_out_is_valid_too(first: int, last: int) -> None:
    """Every commented-out key can be used where it stands."""
    from_text(uncommented(first, last), PATH, today=lambda _: dt.date(2025, 10, 8))


def test_every_key_is_explained_where_it_is_first_used() -> None:
    """The first time a key of a section appears, a comment stands beside it."""
    explained: set[tuple[str, str]] = set()
    bare: list[str] = []
    section = ""
    for number, line in enumerate(TEXT.splitlines(), 1):
        header = re.match(r"\[+([a-z_.]+)\]+", line)
        key = re.match(r"(?:# )?([a-z_.]+) = ", line)
        if header:
            section = header[1]
        elif key and (section, key[1]) not in explained:
            explained.add((section, key[1]))
            value = line[key.end() :]
            if not re.search(r'(?:["\]}\d\[]|true|false) +# ?\S', value):
                bare.append(f"{number}: {line}")
    assert bare == []


def test_its_programme_starts_on_its_weekday() -> None:
    """Whenever it is opened, Week 1 began within the last seven days, on a Saturday."""
    for days in range(14):
        today = dt.date(2025, 10, 1) + dt.timedelta(days)
        program = from_text(TEXT, PATH, today=lambda _, today=today: today).program  # type: ignore[misc]
        assert program.start is not None
        assert program.start.weekday() == 5
        assert 0 <= (today - program.start).days < 7
        assert program.note == "example programme"


def test_it_declares_a_programme_worth_looking_at() -> None:
    """Waves (one of design), sprints, squads with signals, milestones and rituals all have dates."""
    config = from_text(TEXT, PATH, today=lambda _: dt.date(2025, 10, 8))
    program = config.program
    assert len(program.waves) == 4
    assert [wave.design for wave in program.waves].count(True) == 1
    assert all(wave.start and wave.end for wave in program.waves)
    assert all(sprint.start for sprint in program.sprints)
    assert all(squad.signals and squad.focus and squad.owners for squad in program.squads)
    assert all(milestone.date for milestone in program.milestones)
    assert {ritual.id for ritual in program.rituals} == {
        "standup",
        "clinic",
        "integration_day",
        "chaos_drill",
    }


def test_the_lab_finds_its_services() -> None:
    """The services have the ids whose addresses the lab replaces; the rest needs no server of it."""
    config = from_text(TEXT, PATH)
    started = {"redis", "node-exporter", "redis-exporter", "alertmanager", "pushgateway", "prometheus"}
    started |= SLOW.keys() | SHARED.keys()
    by_itself = {"host", "names", "nightly", "certificate"}
    assert {service.id for service in config.services} == started | by_itself
