"""What runs is in no document, but what it is called often is: examples to complete, commented out."""

from __future__ import annotations

import re
from typing import NamedTuple

from controlroom.documents.draft import Draft, heading


class System(NamedTuple):
    """A system people name, and how a service of it is written."""

    pattern: re.Pattern[str]
    id: str
    kind: str
    url: str
    more: str = ""


def _system(pattern: str, id_: str, kind: str, url: str, more: str = "") -> System:
    return System(re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), id_, kind, url, more)


SYSTEMS = (
    _system("kafka", "kafka", "kafka", "127.0.0.1:9092", 'kafka.topics = { "…" = 1 }'),
    _system("redis|valkey", "redis", "redis", "redis://127.0.0.1:6379"),
    _system(
        "postgres(?:ql)?", "postgres", "postgres", "postgres://room@127.0.0.1:5432/app?sslmode=verify-full"
    ),
    _system("temporal", "temporal", "temporal", "127.0.0.1:7233", 'temporal.task_queues = ["…"]'),
    _system("soma ?brain", "somabrain", "http", "http://127.0.0.1:9696", 'http.preset = "somabrain"'),
    _system("alert ?manager", "alertmanager", "alertmanager", "http://127.0.0.1:9093"),
    _system("push ?gateway", "pushgateway", "pushgateway", "http://127.0.0.1:9091"),
    _system("prometheus|telemetry stack", "prometheus", "prometheus", "http://127.0.0.1:9090"),
    _system("grafana", "grafana", "http", "http://127.0.0.1:3000", 'http.preset = "grafana"'),
)


def systems_in(text: str) -> list[System]:
    """The systems that `text` names, in the order of `SYSTEMS`."""
    return [system for system in SYSTEMS if system.pattern.search(text)]


def services(draft: Draft) -> None:
    """A commented `[[services]]` for each system the schedule's dependencies name; the telemetry servers."""
    named = " ".join(
        f"{one.name} {one.text}"
        for document in draft.documents
        if document.kind == "schedule"
        for one in document.dependencies
    )
    found = systems_in(named) or systems_in("redis")
    heading(draft, "What runs, and how to ask it how it is. No document says where: uncomment what is right.")
    for system in found:
        draft.toml.comment(
            "[[services]]",
            f'id = "{system.id}"',
            f'kind = "{system.kind}"',
            f'url = "{system.url}"',
            *([system.more] if system.more else []),
            "",
        )
    draft.toml.comment(
        "[[prometheus]]",
        'id = "prometheus"',
        'url = "http://127.0.0.1:9090"     # where the squads\' signals are read',
        "",
        "[[alertmanagers]]",
        'id = "alertmanager"',
        'url = "http://127.0.0.1:9093"',
    )
    draft.missing("[[services]], [[prometheus]] and [[alertmanagers]]")
