"""What `[[services]]`, `[[maintenance]]` and `[self_check]` may say, and what is said of the rest."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from controlroom.config.load import from_text
from controlroom.config.read import parse
from controlroom.domain.services import Service
from controlroom.probes import KINDS, REGISTRY
from controlroom.probes.port import Trouble
from controlroom.probes.postgres_where import where_is

PATH = Path("controlroom.toml")


def service(text: str) -> Service:
    """The only service of a configuration that is right."""
    return from_text(f"[[services]]\n{text}\n", PATH).services[0]


def wrong(text: str) -> list[tuple[str, str, str]]:
    """Key, message and remedy of all that is wrong with a configuration."""
    _, errors = parse(text.encode(), "controlroom.toml")
    return [(error.key, error.message, error.remedy) for error in errors]


def wrong_service(text: str) -> list[tuple[str, str, str]]:
    """The same of one service."""
    return wrong(f"[[services]]\nid = 's'\n{text}\n")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if REGISTRY[kind].url and kind != "promql"])
def test_the_example_address_of_every_kind_is_right(kind: str) -> None:
    """What an error tells people to write is accepted."""
    assert service(f"kind = '{kind}'\nurl = '{REGISTRY[kind].url}'").url == REGISTRY[kind].url


ADDRESSES = [
    ("kafka", "one:9092,two:9092,three", True),
    ("kafka", "kafka+ssl://one:9092,two", True),
    ("kafka", "http://one:9092", False),
    ("kafka", "one:9092,:9093", False),
    ("redis", "redis+sentinel://a:26379,b/board", True),
    ("redis", "rediss+cluster://[::1]:6379,b:6380", True),
    ("redis", "redis://a:99999", False),
    ("postgres", "postgresql://room@db/app?sslmode=disable", True),
    ("postgres", "mysql://db/app", False),
    ("temporal", "temporal+tls://t:7233", True),
    ("grpc", "no-port", False),
    ("tcp", "no-port", False),
    ("tls", "example.org", True),
    ("dns", "example.org", True),
    ("http", "example.org/health", False),
    ("http", "https://example.org/health", True),
    ("pushgateway", "ftp://p:9091", False),
]


@pytest.mark.parametrize(("kind", "url", "right"), ADDRESSES)
def test_an_address_fits_its_kind(kind: str, url: str, right: bool) -> None:
    """Schemes, several hosts, ports that exist and ports that are needed."""
    found = wrong_service(f"kind = '{kind}'\nurl = '{url}'")
    assert (found == []) is right, found
    assert right or found[0][0] == "services[0].url"
    assert right or url not in found[0][1] + found[0][2], "an address may hold a password"


ASKS = {
    "redis": 'redis.role = "replica"\nredis.lag = "10s"\nredis.memory = 0.8\nredis.replicas = 1',
    "kafka": 'kafka.topics = { "a.b" = 6, c = 0 }\nkafka.traffic = ["a.b"]\nkafka.quiet = "5m"\n'
    "kafka.groups = { billing = 100 }\nkafka.brokers = 3",
    "postgres": 'postgres.query = "SELECT 1 FROM t"\npostgres.lag = "1m"\npostgres.transaction = "10m"',
    "temporal": 'temporal.namespace = "orders"\ntemporal.task_queues = ["q"]',
    "grpc": 'grpc.service = "orders.v1"',
    "tls": "tls.warn_days = 30\ntls.down_days = 7",
    "dns": 'dns.type = "MX"\ndns.server = "10.0.0.1"\ndns.expect = ["10 mail.example.org."]',
}


@pytest.mark.parametrize("kind", ASKS)
def test_a_kind_is_asked_in_a_table_of_its_name(kind: str) -> None:
    """Durations may be words; the values arrive as they are meant."""
    found = service(f"kind = '{kind}'\nurl = '{REGISTRY[kind].url}'\n{ASKS[kind]}")
    assert getattr(found, kind) is not None
    if found.kafka:
        assert (found.kafka.topics, found.kafka.quiet) == ({"a.b": 6, "c": 0}, 300.0)


def test_kinds_without_an_address_need_none() -> None:
    """A command says what it runs, a heartbeat how often its job reports."""
    assert service('kind = "command"\ncommand.run = ["./check", "/var"]').command
    beat = service('kind = "heartbeat"\nid = "nightly"\nheartbeat.every = "1d"\nheartbeat.grace = "2h"')
    assert beat.heartbeat
    assert (beat.heartbeat.every, beat.heartbeat.grace) == (86_400.0, 7200.0)


@pytest.mark.parametrize(
    "query",
    [
        *(f"sslmode={mode}" for mode in ("disable", "require", "verify-ca", "verify-full", "")),
        *(f"sslmode={mode}" for mode in ("allow", "prefer", "bogus", "REQUIRE", "%70refer")),
        "sslmode=prefer&sslmode=require",
        "application_name=x&sslmode=require&sslmode=s3cret",
        "sslmode=bogus&sslmode=",
        "connect_timeout=3",
    ],
)
@pytest.mark.parametrize("scheme", ["postgres://", ""])
def test_modes_of_tls_are_those_the_probe_knows(scheme: str, query: str) -> None:
    """What would be UNKNOWN for ever is found before anything is asked; the url is not repeated."""
    url = f"{scheme}room:s3cret@db:5432/app?{query}"
    try:
        where_is(Service("s", "postgres", url=url))
        right = True
    except Trouble:
        right = False
    found = wrong_service(f"kind = 'postgres'\nurl = '{url}'")
    assert (found == []) is right, found
    for key, message, remedy in found:
        assert key == "services[0].url"
        assert all(mode in remedy for mode in ("disable", "require", "verify-ca", "verify-full"))
        assert not any(word in message + remedy for word in ("s3cret", "prefer", "allow", "bogus", "db:"))


WRONG = {
    "an unknown kind": ('kind = "kafak"\nurl = "h:1"', "kind", 'did you mean "kafka"?'),
    "the table of another kind": (
        "kind='tcp'\nurl='h:1'\nkafka.brokers=1",
        "kafka",
        'make it kind = "kafka"',
    ),
    "an unknown key of a kind": ("kind='kafka'\nurl='h:1'\nkafka.topic={}", "kafka.topic", '"topics"'),
    "a command that says nothing": ("kind='command'", "command.run", "command.run ="),
    "a command with an address": ("kind='command'\nurl='h:1'\ncommand.run=['x']", "url", "take it out"),
    "an expression that is missing": ("kind='promql'\nurl='http://h'", "promql.query", "promql.query ="),
    "a threshold that is none": (
        "kind='promql'\nurl='http://h'\npromql.query='up'\npromql.down='many'",
        "promql.down",
        '"> 0.8"',
    ),
    "days the wrong way round": (
        "kind='tls'\nurl='h'\ntls.warn_days=3\ntls.down_days=9",
        "tls.down_days",
        "smaller",
    ),
    "a share beyond all of it": ("kind='redis'\nurl='h'\nredis.memory=90", "redis.memory", "0.01 and 1"),
    "a name server at no port": (
        "kind='dns'\nurl='h'\ndns.server='10.0.0.2:x'",
        "dns.server",
        '"10.0.0.2:5353"',
    ),
    "a span too long": (
        "kind='kafka'\nurl='h:1'\nkafka.quiet='9000h'",
        "kafka.quiet",
        "between 1 and 31622400",
    ),
    "a status that is none": ("kind='http'\nurl='http://h'\nstatus=[9]", "status[0]", "100 and 599"),
    "a name of no variable": (
        "kind='command'\ncommand.run=['x']\ncommand.env={ 'A-B'='c' }",
        "command.env.A-B",
        "underscores",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_service_cannot_mean_is_said_with_its_remedy(case: str) -> None:
    """One error at the key, with what to write instead."""
    text, key, remedy = WRONG[case]
    found = wrong_service(text)
    assert [(k, remedy in r) for k, _, r in found] == [(f"services[0].{key}", True)], found


TWO = """
[[services]]
id = "redis"
kind = "tcp"
url = "h:1"
group = "data"
[[services]]
id = "web"
kind = "tcp"
url = "h:2"
"""


def test_maintenance_reaches_the_services_and_groups_it_names() -> None:
    """By name, by group, or all; in the programme's zone where it names none."""
    config = from_text(
        '[program]\nzone = "Europe/Berlin"\n'
        + TWO
        + '[[maintenance]]\ntext="Patching"\ngroups="data"\ndays="sun"\ntime="02:00"\nnth=1\n'
        + '[[maintenance]]\nservices=["web"]\nzone="UTC"\n'
        + "start=2025-10-06T09:00:00\nend=2025-10-06T10:00:00\n"
        + '[[maintenance]]\ndays="daily"\ntime="04:30"\nminutes=5\n',
        PATH,
    )
    redis, web = config.services
    assert [(w.days, w.time, w.nth, w.zone) for w in redis.maintenance] == [
        (("sun",), time(2, 0), (1,), "Europe/Berlin"),
        ("daily", time(4, 30), (), "Europe/Berlin"),
    ]
    assert [w.zone for w in web.maintenance] == ["UTC", "Europe/Berlin"]


WINDOWS = {
    "no time at all": ("text='x'", "maintenance[0]", "start and end"),
    "both ways at once": (
        "days='daily'\ntime='02:00'\nstart=2025-10-06T09:00:00Z\nend=2025-10-06T10:00:00Z",
        "maintenance[0]",
        "or start and end",
    ),
    "no end": ("start=2025-10-06T09:00:00Z", "maintenance[0].end", "has both"),
    "an end before its start": (
        "start=2025-10-06T09:00:00Z\nend=2025-10-06T08:00:00Z",
        "maintenance[0].end",
        "after its start",
    ),
    "one offset of two": (
        "start=2025-10-06T09:00:00Z\nend=2025-10-06T10:00:00",
        "maintenance[0].end",
        "alike",
    ),
    "no time of day": ("days=['sun']", "maintenance[0].time", "02:00"),
    "no day": ("time='02:00'", "maintenance[0].days", "daily"),
    "no such Sunday": ("days='sun'\ntime='02:00'\nnth=6", "maintenance[0].nth[0]", "-1 for the last"),
    "a zone that is none": ("days='sun'\ntime='02:00'\nzone='PDT'", "maintenance[0].zone", "Los_Angeles"),
    "a group without services": (
        "days='sun'\ntime='02:00'\ngroups=['date']",
        "maintenance[0].groups[0]",
        'did you mean "data"?',
    ),
    "too long": ("days='sun'\ntime='02:00'\nminutes=20000", "maintenance[0].minutes", "10080"),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_a_window_that_cannot_be_is_said_with_its_remedy(case: str) -> None:
    """One error at the key, with what to write instead."""
    text, key, remedy = WINDOWS[case]
    found = wrong(f"{TWO}[[maintenance]]\n{text}\n")
    assert [(k, remedy in r) for k, _, r in found] == [(key, True)], found


def test_the_targets_of_the_self_check_are_addresses() -> None:
    """``host:port`` or a web address; the error is at the one that is neither."""
    right = '[self_check]\ntargets = ["10.0.0.1:443", "https://example.org", "tcp://h:1"]\ninterval = "30s"\n'
    assert from_text(right, PATH).self_check.interval == 30.0
    found = wrong('[self_check]\ntargets = ["10.0.0.1:443", "ftp://x", "h"]\n')
    assert [key for key, _, _ in found] == ["self_check.targets[1]", "self_check.targets[2]"]
