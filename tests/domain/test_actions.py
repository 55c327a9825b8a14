"""Actions as bytes: there and back, whatever strangers put in; what is no action is said to be none."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain import instants
from controlroom.domain.actions import (
    DEPTH_LIMIT,
    Action,
    NewerAction,
    UnreadableAction,
    decode,
    encode,
    same_deed,
)

NOW = dt.datetime(2031, 5, 6, 9, 30, tzinfo=dt.UTC)
MINIMAL: dict[str, Any] = {"v": 1, "id": "a", "item": "b-1", "kind": "note", "at": "2031-05-06T09:30:00Z"}

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)
ACTIONS = st.builds(
    Action,
    NAME,
    NAME,
    NAME,
    st.dictionaries(TEXT, VALUES),
    TEXT,
    TEXT,
    st.datetimes(timezones=st.just(dt.UTC)).map(lambda at: at.replace(microsecond=0)),
    st.none() | TEXT,
)


def raw(**keys: object) -> bytes:
    """A minimal action's bytes with `keys` changed; None leaves one out."""
    return json.dumps(
        {name: value for name, value in {**MINIMAL, **keys}.items() if value is not None}
    ).encode()


def problem(stored: bytes) -> str:
    with pytest.raises(UnreadableAction) as caught:
        decode(stored)
    return str(caught.value)


@given(ACTIONS)
def test_an_action_comes_back_as_it_was(action: Action) -> None:
    """Any text, any depth of arguments, any year; on one line."""
    stored = encode(action)
    assert decode(stored) == action
    assert encode(decode(stored)) == stored
    assert b"\n" not in stored


def test_the_written_form_is_fixed() -> None:
    """Other programs read it, and a log's copies are compared byte by byte."""
    action = Action("id", "b-1", "note", {"text": "é"}, "ada", "host", NOW, "", 1)
    head = '{"v":1,"id":"id","item":"b-1","kind":"note","args":{"text":"é"},"actor":"ada","host":"host",'
    assert encode(action).decode() == head + '"at":"2031-05-06T09:30:00Z","expect":""}'
    assert b"expect" not in encode(replace(action, expect=None))
    assert encode(replace(action, at=NOW.replace(microsecond=9))) == encode(action)


def test_what_may_be_missing_is_empty() -> None:
    """Older and smaller programs leave out what they have nothing for."""
    assert decode(raw()) == Action("a", "b-1", "note", at=NOW)


def test_unknown_fields_and_kinds_are_no_error() -> None:
    """A later program of the same form may add some; here they change nothing."""
    assert decode(raw(mood=[1, {"x": 2}], kind="juggle")) == Action("a", "b-1", "juggle", at=NOW)


@pytest.mark.parametrize("space", [b" \t\r\n", b"\n"])
def test_white_space_around_it_is_no_error(space: bytes) -> None:
    """Editors end a file with a line feed; some begin it with a mark of its encoding."""
    assert decode(space + raw() + space) == decode(b"\xef\xbb\xbf" + raw()) == decode(raw())


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"v": None}, '"v" is missing'),
        ({"v": 0}, '"v" is missing'),
        ({"v": True}, '"v" is missing'),
        ({"v": "1"}, '"v" is missing'),
        ({"v": 1.0}, '"v" is missing'),
        ({"id": None}, '"id", "item" or "kind" is missing'),
        ({"item": ""}, '"id", "item" or "kind" is missing'),
        ({"kind": None}, '"id", "item" or "kind" is missing'),
        ({"id": 7}, "of another type"),
        ({"item": ["b-1"]}, "of another type"),
        ({"kind": {}}, "of another type"),
        ({"actor": False}, "of another type"),
        ({"host": 1.5}, "of another type"),
        ({"at": 1_900_000_000}, "of another type"),
        ({"args": []}, "of another type"),
        ({"args": "x"}, "of another type"),
        ({"expect": 0}, "of another type"),
        ({"expect": False}, "of another type"),
        ({"at": None}, '"at": not an RFC 3339 instant'),
        ({"at": "2031-05-06T09:30:00"}, '"at": the time has no offset'),
        ({"at": "2031-02-30T09:30:00Z"}, '"at": no such date or time'),
        ({"at": "2031-05-06T24:30:00Z"}, '"at": no such date or time'),
        ({"at": "2031-W01-1T09:30:00Z"}, '"at": not an RFC 3339 instant'),
        ({"at": "٢٠٣١-05-06T09:30:00Z"}, '"at": not an RFC 3339 instant'),
        ({"at": "0001-01-01T00:00:00+14:00"}, '"at": no such date or time'),
    ],
)
def test_a_wrong_field_is_named(keys: dict[str, object], words: str) -> None:
    """A text that is a number, an instant without offset, arguments that are a list: no guessing."""
    assert words in problem(raw(**keys))


def test_null_is_not_left_out() -> None:
    """Except for `expect`, whose absence it means."""
    for name in ("id", "item", "kind", "actor", "host", "at", "args", "v"):
        problem(json.dumps({**MINIMAL, name: None}).encode())
    assert decode(json.dumps({**MINIMAL, "expect": None}).encode()).expect is None


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b" ",
        b"\x00",
        b"nonsense",
        b"{",
        raw()[:-1],
        raw() + raw(),
        raw() + b",",
        raw().decode().encode("utf-16"),
        raw(actor="x").replace(b'"x"', b'"\xff"'),
        raw(actor="x").replace(b'"x"', b'"\xed\xa0\x80"'),
        raw(actor="x").replace(b'"x"', b'"\n"'),
        raw(actor="x").replace(b'"x"', b"'x'"),
        raw(args={"n": 1}).replace(b": 1}", b": NaN}"),
        raw(args={"n": 1}).replace(b": 1}", b": -Infinity}"),
        raw(args={"n": 1}).replace(b": 1}", b": 1e999}"),
        raw(args={"n": 1}).replace(b": 1}", b": " + b"9" * 100_000 + b"}"),
        raw(args={"n": 1}).replace(b": 1}", b": 01}"),
        b"\xef\xbb\xbf\xef\xbb\xbf" + raw(),
    ],
)
def test_what_is_no_json_is_no_action(stored: bytes) -> None:
    """Torn, doubled, in another encoding, with numbers that no JSON has: said in plain words."""
    assert problem(stored).startswith("not JSON")


@pytest.mark.parametrize("stored", [b"[]", b"null", b"1", b'"text"', b"[" + raw() + b"]"])
def test_an_action_is_an_object(stored: bytes) -> None:
    """Not a list, a text or a number."""
    assert problem(stored) == "not a JSON object"


def nested(depth: int, wrap: Callable[[object], object]) -> bytes:
    """An action of `depth` objects and lists, one inside the other."""
    value: object = 1
    for _ in range(depth - 2):
        value = wrap(value)
    return raw(args={"x": value})


@pytest.mark.parametrize(
    "wrap", [lambda inner: [inner, 2], lambda inner: {"x": inner}], ids=["list", "object"]
)
def test_depth_is_limited_alike_for_everybody(wrap: Callable[[object], object]) -> None:
    """However deep the reader's own stack is, so that a log is sound for all or for nobody."""
    deepest, too_deep = nested(DEPTH_LIMIT, wrap), nested(DEPTH_LIMIT + 1, wrap)

    def down(levels: int) -> None:
        if levels:
            down(levels - 1)
        else:
            decode(deepest)
            assert problem(too_deep) == "nested too deeply"

    down(0)
    down(sys.getrecursionlimit() // 2)
    assert problem(b"[" * 200_000) == "nested too deeply"
    assert decode(raw(args={"wide": [[]] * 1000})).args == {"wide": [[]] * 1000}


def test_half_a_character_reads_as_the_mark_for_it() -> None:
    """No terminal and no file takes a lone surrogate; a pair of them is a character."""
    stored = raw(args={"q": ["\ud83d", {"\udc00": "\ud83d\ude00"}]}, actor="a\udfff")
    action = decode(stored)
    assert action.args == {"q": ["\ufffd", {"\ufffd": "😀"}]}
    assert action.actor == "a\ufffd"
    encode(action)


def test_of_a_name_given_twice_the_last_counts() -> None:
    """As most readers of JSON have it."""
    assert decode(raw()[:-1] + b', "actor": "one", "actor": "two"}').actor == "two"


def test_big_whole_numbers_are_kept() -> None:
    """Beyond what a float holds."""
    assert decode(raw(args={"n": 10**40})).args == {"n": 10**40}


def test_a_newer_form_is_told_apart() -> None:
    """Whatever else it may hold: it is not broken, this program is old."""
    with pytest.raises(NewerAction, match="newer controlroom \\(form 2, this one knows 1\\)"):
        decode(raw(v=2, id=[1]))


@given(
    st.text(alphabet="0123456789-:TZtz.+W ", max_size=26)
    | st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}Z")
)
def test_instants_are_read_as_everywhere_else(text: str) -> None:
    """The quick way for what this program writes says the same as the rule."""
    expected: dt.datetime | str
    try:
        expected = instants.parse(text)
    except ValueError as refused:
        expected = f'"at": {refused}'
    if isinstance(expected, str):
        assert problem(raw(at=text)) == expected
    else:
        assert decode(raw(at=text)).at == expected
        assert decode(raw(at=text)).at.utcoffset() == dt.timedelta()


@given(
    st.binary(max_size=200)
    | st.builds(lambda at, junk: raw()[:at] + junk + raw()[at:], st.integers(0, 90), st.binary(max_size=6))
)
def test_no_bytes_do_anything_but_read_or_be_refused(stored: bytes) -> None:
    """Any bytes: an action that can be written again, or UnreadableAction."""
    with contextlib.suppress(UnreadableAction):
        action = decode(stored)
        assert decode(encode(action)) == replace(action, at=action.at.replace(microsecond=0))


@pytest.mark.parametrize("args", [{"x": float("nan")}, {"x": float("inf")}, {"x": "\ud800"}, {"x": object()}])
def test_what_could_not_be_read_is_not_written(args: dict[str, Any]) -> None:
    """Better no action than one that stops everybody."""
    with pytest.raises((ValueError, TypeError)):
        encode(Action("a", "b-1", "note", args, at=NOW))
    with pytest.raises(ValueError, match="time zone"):
        encode(Action("a", "b-1", "note", at=NOW.replace(tzinfo=None)))


def test_a_repetition_says_the_same() -> None:
    """Who did what to which item counts; when, where and after what does not."""
    one = Action("a", "b-1", "note", {"text": "x"}, "ada", "host", NOW, "z")
    assert same_deed(one, replace(one, host="other", at=NOW + dt.timedelta(days=1), expect=None))
    for change in ({"item": "b-2"}, {"kind": "assign"}, {"args": {"text": "y"}}, {"actor": "bob"}):
        assert not same_deed(one, replace(one, **change))
