"""Partitions as Kafka's protocol has them: below their topics, in what is asked and in what is answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from aiokafka.protocol.types import CompactArray, CompactString, TaggedFields

Partition = tuple[str, int]

TAGS = ("tags", TaggedFields)
"""What ends every part of a message in the flexible versions (KIP-482)."""

Row = tuple[Any, ...]
"""What is asked or told of one partition, its number first where it is asked."""


def below_topics(rows: Iterable[tuple[str, Row]]) -> list[tuple[str, list[Row]]]:
    """`rows`, each with its topic, as a question lists them: every topic once."""
    topics: defaultdict[str, list[Row]] = defaultdict(list)
    for topic, row in rows:
        topics[topic].append(row)
    return list(topics.items())


def rows(topics: Any) -> Iterator[tuple[str, Row]]:
    """Every partition that an answer lists, with its topic."""
    for topic, partitions, *_ in topics:
        for row in partitions:
            yield str(topic), row


def topics_field(*row: tuple[str, Any]) -> tuple[str, Any]:
    """The field of a flexible message that lists topics, below each its partitions with the fields `row`."""
    partitions = CompactArray(*row, TAGS)
    return "topics", CompactArray(("topic", CompactString()), ("partitions", partitions), TAGS)
