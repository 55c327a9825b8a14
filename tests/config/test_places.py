"""Errors point at the line on which a key or its table stands."""

from __future__ import annotations

from controlroom.config.places import Findings, line_of, lines, spelled

TEXT = '''\
title = "x"
[program]
banner = """
[not.a.table]
id = "neither \\""" a key
"""
note = \'\'\'one line\'\'\'
holidays = [ # [comment]
  2025-01-01, # "
  "2025-01-02]",
]
zone = "UTC" # [[not]]
[[squads]]
name = "a"
[[squads.signals]]
metric = "m"
[[squads]]
"name" = "b"
[[squads.signals]]
[[squads.signals]]
'job' . x = 1
[squads.focus]
"Wave A" = "y"
[keys]
pane.zoom = "z"
'''


def test_every_table_and_key_has_its_line() -> None:
    """Long strings, lists over several lines, comments and quoted keys do not mislead."""
    found = lines(TEXT)
    expected = {
        "title": 1,
        "program": 2,
        "program.banner": 3,
        "program.note": 7,
        "program.holidays": 8,
        "program.zone": 12,
        "squads": 13,
        "squads[0]": 13,
        "squads[0].name": 14,
        "squads[0].signals[0].metric": 16,
        "squads[1].name": 18,
        "squads[1].signals[0]": 19,
        "squads[1].signals[1]": 20,
        "squads[1].signals[1].job.x": 21,
        "squads[1].focus.Wave A": 23,
        "keys.pane.zoom": 25,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert not any("not" in key.split(".") for key in found)


def test_an_inner_key_has_the_line_of_what_is_around_it() -> None:
    """Where no line is known for a key itself, that of the nearest table or key is given."""
    found = lines(TEXT)
    assert line_of(("squads", 1, "signals", 0, "metric"), found) == 19
    assert line_of(("program", "holidays", 1), found) == 8
    assert line_of(("unheard", "of"), found) is None


def test_places_are_spelled_as_in_the_documentation() -> None:
    """Keys are joined by dots and lists counted from 0."""
    assert spelled(("squads", 2, "signals", 0, "metric")) == "squads[2].signals[0].metric"
    assert spelled(()) == ""


def test_what_follows_from_an_error_is_not_another_one() -> None:
    """One finding a place; nothing inside a place that is wrong is reported again."""
    found = Findings()
    found.add(("a", 0), "first")
    found.add(("a", 0), "again")
    found.add(("a", 0, "b"), "inside")
    found.add(("a", 1), "beside")
    assert [finding.message for finding in found.found] == ["first", "beside"]
