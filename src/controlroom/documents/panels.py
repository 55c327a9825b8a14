"""The metrics that a Grafana dashboard reads: in its panels, its annotations and its variables.

Grafana puts variables into an expression as text, in any place (Grafana documentation, Variable syntax).
Where the definition holds values of one they are put in; what then is left stands for itself, and a name
that is made with it is no name anybody knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controlroom.domain.expressions import reads, words
from controlroom.domain.frozen import dataclass

PARTS = 500_000
"""Values in one definition that are looked at."""

TRIED = 40
"""Values of one variable that are put in."""

UNKNOWN = "grafana_variable_without_a_value"

Model = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a definition reads. `elsewhere`: library panels that it uses and does not hold."""

    metrics: frozenset[str]
    elsewhere: tuple[str, ...] = ()


def drawn(model: Model) -> Drawn:
    """Everything that the queries of `model` read. Raises ValueError where it is too large."""
    values, queries = _variables(model)
    found, elsewhere = _expressions(model)
    metrics: set[str] = set()
    for expression in dict.fromkeys([*found, *queries]):
        for text in _filled_in(expression, values):
            told = reads(text)
            # One that cannot be read is still one that mentions its metrics.
            metrics |= words(text) if told is None else told.metrics
    return Drawn(frozenset(name for name in metrics if UNKNOWN not in name), elsewhere)


_VARIABLE = re.compile(
    r"\$\{(?P<braced>[A-Za-z_]\w*)(?:[.:][^}]*)?\}|\[\[(?P<old>[A-Za-z_]\w*)(?::\w+)?\]\]|\$(?P<plain>[A-Za-z_]\w*)",
    re.ASCII,
)
_LOGS = re.compile(r"(?<![a-z])(?:loki|logs)(?![a-z])", re.IGNORECASE)
"""In the type or the name of a data source that is not asked in PromQL."""
_PART_OF_A_NAME = re.compile(r"[a-zA-Z0-9_:]+")
_LABEL_VALUES = re.compile(r"\s*label_values\((.*),[^,()]*\)\s*", re.DOTALL)
_QUERY_RESULT = re.compile(r"\s*query_result\((.*)\)\s*", re.DOTALL)


def _filled_in(expression: str, values: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """`expression` with the first values of its variables, then with every other value of each."""
    used = [found[1] or found[2] or found[3] for found in _VARIABLE.finditer(expression)]
    first = {name: values[name][0] for name in used if values.get(name)}
    yield _put(expression, first)
    for name in first:
        for value in values[name][1:TRIED]:
            yield _put(expression, {**first, name: value})


def _put(expression: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[2] or found[3], UNKNOWN), expression)


def _expressions(model: Model) -> tuple[list[str], tuple[str, ...]]:
    """Every query for a Prometheus, and the library panels that are kept elsewhere."""
    found: list[str] = []
    elsewhere: dict[str, None] = {}
    inside: Any = model.get("__elements")
    kept = _names(list(inside.values()) if isinstance(inside, dict) else inside)
    seen = set[int]()
    todo: list[tuple[Any, bool]] = [(model, True)]
    while todo:
        value, asked = todo.pop()
        if isinstance(value, dict | list):
            if id(value) in seen:  # YAML may name one value in many places, and in itself
                continue
            seen.add(id(value))
            if len(seen) > PARTS:
                raise ValueError(f"it has more than {PARTS:,} parts")
        if isinstance(value, list):
            todo.extend((one, asked) for one in value)
        elif isinstance(value, dict):
            asked = _of_prometheus(value, asked)
            expression = value.get("expr")
            if asked and isinstance(expression, str):
                found.append(expression)
            library = value.get("libraryPanel")
            if isinstance(library, dict) and "targets" not in value and not kept & _names([library]):
                elsewhere[str(library.get("name") or library.get("uid") or "without a name")] = None
            todo.extend((one, asked) for one in value.values())
    return found, tuple(elsewhere)


def _names(panels: Any) -> set[str]:
    """Names and uids of library panels."""
    every = panels if isinstance(panels, list) else []
    return {
        str(panel[key])
        for panel in every
        if isinstance(panel, dict)
        for key in ("uid", "name")
        if panel.get(key)
    }


def _of_prometheus(part: Model, before: bool) -> bool:
    """Whether what is asked in `part` is asked in PromQL: logs are asked for in a key of the same name."""
    source = part.get("datasource")
    if isinstance(source, dict):
        source = source.get("type") or source.get("uid")
    elif source is None and isinstance(part.get("spec"), dict):
        # The newer form says it in the group of a query, or in its kind.
        source = part.get("group") or part.get("kind")
        if not isinstance(source, str) or not (_LOGS.search(source) or source == "prometheus"):
            return before
    return not _LOGS.search(source) if isinstance(source, str) else before


def _variables(model: Model) -> tuple[Mapping[str, Sequence[str]], list[str]]:
    """The values of variables that may be part of a name, and the queries that find others."""
    templating = model.get("templating")
    listed = templating.get("list") if isinstance(templating, dict) else None
    newer = model.get("variables")
    values: dict[str, list[str]] = {}
    queries: list[str] = []
    for entry in [*(listed if isinstance(listed, list) else ()), *(newer if isinstance(newer, list) else ())]:
        if not isinstance(entry, dict):
            continue
        spec = entry.get("spec")
        variable = spec if isinstance(spec, dict) else entry
        query = _text(variable.get("query"))
        kind = str(variable.get("type") or entry.get("kind") or "")
        if kind.casefold().startswith("query"):
            queries.extend(_asked(query))
            written: list[str] = []
        else:
            written = [part.rpartition(" : ")[2].strip() for part in query.split(",")]
        name = variable.get("name")
        if isinstance(name, str):
            every = [*_chosen(variable.get("current")), *written, *_options(variable.get("options"))]
            values[name] = [v for v in dict.fromkeys(every) if _PART_OF_A_NAME.fullmatch(v)]
    return values, queries


def _asked(query: str) -> Iterator[str]:
    """The expression in a variable's query."""
    for form in (_LABEL_VALUES, _QUERY_RESULT):
        found = form.fullmatch(query)
        if found is not None:
            yield found[1]


def _text(query: Any) -> str:
    """A variable's query, which newer versions put into a table."""
    for _ in range(4):
        if isinstance(query, str):
            return query
        if not isinstance(query, dict):
            break
        query = next(
            (query[key] for key in ("query", "__legacyStringValue", "expr", "spec") if query.get(key)), ""
        )
    return ""


def _chosen(current: Any) -> list[str]:
    value = current.get("value") if isinstance(current, dict) else None
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _options(options: Any) -> list[str]:
    return [value for one in (options if isinstance(options, list) else ()) for value in _chosen(one)]
