"""YAML as plain values: mappings, lists, texts and None. Nothing else is made of it, whatever it asks for.

Built from PyYAML's events, as its loaders call themselves for every level of nesting: libyaml's then ends the
whole process over a file of brackets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEPTH = 200
EVENTS = 500_000
"""Levels, and events, of one file."""


def documents(text: str) -> Iterator[Any]:
    """Every document of `text`. An alias is the very object it names. Raises ValueError, free of content."""
    import yaml

    # libyaml's parser where PyYAML was built with it: ten times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    building = _Building()
    try:
        for number, event in enumerate(yaml.parse(text, Loader=loader)):
            if number > EVENTS:
                raise ValueError(f"it has more than {EVENTS:,} parts")
            if isinstance(event, yaml.DocumentStartEvent):
                building = _Building()
            elif isinstance(event, yaml.DocumentEndEvent):
                yield building.root
            elif isinstance(event, yaml.AliasEvent):
                building.add(building.anchors.get(event.anchor))
            elif isinstance(event, yaml.ScalarEvent):
                empty = event.implicit[0] and event.value in ("", "~", "null", "Null", "NULL")
                building.add(None if empty else event.value, event.anchor)
            elif isinstance(event, yaml.MappingStartEvent):
                building.open({}, event.anchor)
            elif isinstance(event, yaml.SequenceStartEvent):
                building.open([], event.anchor)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                building.close()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        raise ValueError(f"line {mark.line + 1 if mark else 1}: is no YAML") from None
    except yaml.YAMLError:
        raise ValueError("holds characters that YAML does not allow") from None


class _Building:
    """One document while it is read."""

    def __init__(self) -> None:
        self.root: Any = None
        self.anchors: dict[str, Any] = {}
        self._open: list[tuple[dict[str, Any] | list[Any], list[Any]]] = []
        """Each container with, for a mapping, the key that waits for its value."""

    def add(self, value: Any, anchor: str | None = None) -> None:
        if anchor:
            self.anchors[anchor] = value
        if not self._open:
            self.root = value
            return
        container, waiting = self._open[-1]
        if isinstance(container, list):
            container.append(value)
        elif not waiting:
            waiting.append(value)
        else:
            key = waiting.pop()
            if key == "<<" and isinstance(value, dict):
                container.update({k: v for k, v in value.items() if k not in container})
            elif isinstance(key, str):
                container[key] = value

    def open(self, container: dict[str, Any] | list[Any], anchor: str | None) -> None:
        if len(self._open) >= DEPTH:
            raise ValueError(f"it is nested more than {DEPTH} levels deep")
        self.add(container, anchor)
        self._open.append((container, []))

    def close(self) -> None:
        self._open.pop()
