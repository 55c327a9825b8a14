"""Back-ticked names that look like Prometheus metrics or Kafka topics, judged with the line they stand in."""

from __future__ import annotations

import re
from collections.abc import Iterable

from controlroom.documents.inline import code_spans, plain
from controlroom.documents.outline import Block, Code, Entry, Listing, Paragraph, Section, Table

_METRIC = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
_SUFFIX = re.compile(
    r"_(?:total|seconds|milliseconds|microseconds|ms|bytes|ratio|percent|count|sum|bucket|info|celsius|meters"
    r"|joules|volts|amperes|created|lag|size|depth|latency|duration|rate|errors|requests|gauge|histogram|up)$"
)
_NOT_METRIC = re.compile(
    r"^(?:test|get|set|create|update|delete|run|is|has|docs?|src|poll|fetch|send|read|write|load|parse|check)_|_(?:ids?|urls?|uri|keys?|paths?|files?|names?|at|by"
    r"|token|secret|password|dir|env|type|status|schema|table|service|worker|endpoint)$"
)
_ABOUT_METRICS = re.compile(
    r"\bmetrics?\b|\bcounters?\b|\bgauges?\b|\bhistograms?\b|\bsummar(?:y|ies)\b|\btelemetry\b|\bprometheus\b"
    r"|\bsignals?\b|\bobservab",
    re.IGNORECASE,
)
_IN_QUERY = re.compile(
    r"(?<![\w\"'.])([a-z][a-z0-9_:]*_(?:total|seconds|bytes|bucket|count|sum|ratio|info|ms))\b"
)
_TOPIC = re.compile(r"^[a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*)+$")
_FILE_OR_HOST = re.compile(
    r"\.(?:py|md|json|ya?ml|toml|txt|sh|tsx?|jsx?|mjs|html?|s?css|sql|lock|cfg|ini|conf|log|csv|svg|png|jpe?g|gif"
    r"|go|rs|java|kt|rb|xml|proto|ipynb|env|pdf|zip|gz|whl|com|org|net|io|dev|local|internal|svc|test|example"
    r"|localhost|ai|app|tf|hcl|avsc|parquet|db|rst|exe|bin|so|pem|crt|key)$"
)


def names_in(sections: Iterable[Section]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Metrics and topics, each once, in the order of the document."""
    metrics: dict[str, None] = {}
    topics: dict[str, None] = {}
    for section in sections:
        heading = plain(section.title)
        for text in _texts(section.blocks):
            for span in code_spans(text):
                metrics.update(dict.fromkeys(_metrics(span, text, heading)))
                if _TOPIC.match(span) and not _FILE_OR_HOST.search(span):
                    topics[span] = None
    return tuple(metrics), tuple(topics)


def _metrics(span: str, text: str, heading: str) -> list[str]:
    """The metric a span names, its labels cut off, or those a query in it reads."""
    name = re.sub(r"\s*\{[^{}]*\}$", "", span)
    if not _METRIC.match(name):
        return _IN_QUERY.findall(span) if "(" in span or "{" in span else []
    if "_" not in name.strip("_") or name.isupper() or (name != name.lower() and not _SUFFIX.search(name)):
        return []
    if _SUFFIX.search(name):
        return [name]
    if _NOT_METRIC.search(name) or not _ABOUT_METRICS.search(f"{heading} {text}"):
        return []
    return [name]


def _texts(blocks: Iterable[Block]) -> Iterable[str]:
    for block in blocks:
        if isinstance(block, Listing):
            for entry in block.entries:
                yield from _entry(entry)
        elif isinstance(block, Table):
            for row in block.rows:
                yield " | ".join(row.cells)
        elif isinstance(block, Paragraph) and not isinstance(block, Code):
            yield block.text


def _entry(entry: Entry) -> Iterable[str]:
    yield entry.text
    for child in entry.children:
        yield from _entry(child)
