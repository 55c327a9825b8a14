"""Protobuf by hand against the library that everybody else uses, and against garbage."""

from __future__ import annotations

from contextlib import suppress

import pytest
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]
from grpc_health.v1 import health_pb2
from hypothesis import given
from hypothesis import strategies as st

from controlroom.probes import temporal_answers
from controlroom.probes.grpc_message import (
    FIELDS_LIMIT,
    message,
    message_of,
    number,
    number_of,
    pieces_of,
    read,
    text,
    text_of,
)
from controlroom.probes.temporal_answers import pollers, task_queue


@given(st.integers(0, 2**63 - 1), st.integers(0, 999_999_999))
def test_numbers_are_read_as_they_were_meant(seconds: int, nanos: int) -> None:
    """What the library writes is read, field by field, and the other way round."""
    stamp = Timestamp(seconds=seconds, nanos=nanos)
    fields = read(stamp.SerializeToString())
    assert (number_of(fields, 1), number_of(fields, 2)) == (seconds, nanos)
    assert Timestamp.FromString(number(1, seconds) + number(2, nanos)) == stamp


@given(st.text())
def test_texts_are_written_as_the_library_writes_them(name: str) -> None:
    """A health check's request is the same bytes, the empty name being no bytes at all."""
    try:
        expected = health_pb2.HealthCheckRequest(service=name).SerializeToString()
    except UnicodeEncodeError:  # half of a pair of surrogates is no text
        return
    assert text(1, name) == expected
    assert text_of(read(expected), 1) == name


def test_what_is_unknown_is_passed_over() -> None:
    """Fields of every wire type may stand around the one that is wanted; the last of a number counts."""
    data = b"\x09" + bytes(8) + b"\x15" + bytes(4) + number(3, 300) + number(3, 7) + message(4, number(1, 5))
    fields = read(data + message(3, b"of another type"))
    assert number_of(fields, 3) == 7
    assert number_of(message_of(fields, 4), 1) == 5
    assert (number_of(fields, 9), text_of(fields, 9), pieces_of(fields, 9)) == (0, "", [])
    assert message_of(fields, 9) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",
        b"\x08" + b"\xff" * 10 + b"\x01",
        b"\x0a\x05abc",
        b"\x0a" + b"\xff" * 9 + b"\x01",
        b"\x0b",
        b"\x00\x00",
        b"\x09\x00",
        number(1, 0) * (FIELDS_LIMIT + 1),
    ],
    ids=["cut off", "endless number", "cut text", "huge text", "group", "field 0", "cut fixed", "too many"],
)
def test_what_is_no_message_is_a_value_error(data: bytes) -> None:
    """Broken and hostile messages are refused, never guessed at."""
    with pytest.raises(ValueError):
        read(data)


@given(st.binary(max_size=200))
def test_garbage_raises_nothing_else(data: bytes) -> None:
    """Any bytes are a message or a ValueError, for each of the readers that are fed by servers."""
    for reader in (read, temporal_answers.version, temporal_answers.state, lambda body: pollers(body, body)):
        with suppress(ValueError):
            reader(data)


def test_pollers_are_counted_by_identity_and_the_newest_poll_is_found() -> None:
    """Workers of both kinds, their names sorted, and the youngest of their polls to the nanosecond."""

    def poller(name: str, seconds: int, nanos: int = 0) -> bytes:
        stamp = Timestamp(seconds=seconds, nanos=nanos).SerializeToString()
        return message(1, message(1, stamp) + text(2, name))

    found = pollers(poller("b", 5) + poller("a", 9, 500_000_000), poller("c", 7))
    assert (found.workflow, found.activity, found.newest) == (("a", "b"), ("c",), 9.5)
    assert pollers(b"", b"").newest == 0


def test_a_task_queue_is_asked_for_both_kinds_of_work() -> None:
    """Namespace, name and kind stand in the fields the public API gives them."""
    for call, kind in zip(task_queue("orders", "shop"), (1, 2), strict=True):
        fields = read(call.message)
        assert (call.method, text_of(fields, 1), number_of(fields, 3)) == ("DescribeTaskQueue", "shop", kind)
        assert text_of(message_of(fields, 2), 1) == "orders"
