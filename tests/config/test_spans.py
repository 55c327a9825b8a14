"""Every value of a TOML text is found to the character."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from controlroom.config.places import Place
from controlroom.config.spans import line_end, spans

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
ODD = '''\
a . "b" = [ [ 1, 2 ], [], [ "]" , \'\'\'[ \'\' ]\'\'\' ], # [3]
  { x = 1, y.z = "}" } ]
"quoted \\"key\\"" = """one""two"""""   # x
'k' = 1979-05-27 07:32:00.5
k2 = 1979-05-27T07:32:00Z
k3 = +1_000.5e-3
long = """\\
  [[no]]
  a = 1 # "
  """
literal = \'\'\'
[no]
\'\'\'
[ t . u ]
a=true#x
[[l]]
[[l.m]]
n = 1
[[l.m]]
n = 2
[[l]]
m = [{n = 3}, {n = 4}]
[t.v]
a = inf
'''


def value_at(data: Any, place: Place) -> Any:
    for step in place:
        data = data[step]
    return data


def leaves(data: Any, place: Place = ()) -> list[Place]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [leaf for key, value in inner for leaf in leaves(value, (*place, key))] or [place]


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("text", [ODD, EXAMPLE.read_text(encoding="utf-8")], ids=["odd", "example"])
def test_what_stands_at_a_span_is_the_value_there(text: str, newline: str) -> None:
    """Each span alone reads as the value the whole text has at its place, and no value is without one."""
    text = text.replace("\n", newline)
    data, found = tomllib.loads(text), spans(text)
    for place, span in found.values.items():
        alone = tomllib.loads(f"x = {text[span.start : span.end]}")["x"]
        assert alone == value_at(data, place), place
    assert {leaf for leaf in leaves(data) if value_at(data, leaf) not in ({}, [])} <= set(found.values)
    for place, span in found.headers.items():
        assert text[span.start] == "["
        assert text[span.end - 1] == "]"
        assert isinstance(value_at(data, place), dict)


def test_a_line_ends_where_a_remark_may_stand() -> None:
    """Behind a remark that is there, before the line break, and never inside a long string."""
    text = 'a = 1 # x\r\nb = ["""p\n# q""", "#"]\nc = 2'
    assert line_end(text, 5).commented
    assert text[: line_end(text, 5).at].endswith("# x")
    ended = line_end(text, text.index("["))
    assert not ended.commented
    assert text[: ended.at].endswith('"#"]')
    assert line_end(text, len(text)).at == len(text)
