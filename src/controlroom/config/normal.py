"""What people write, made into what the values hold: ids, durations, weekdays, short forms.

Works on the parsed file, before types are checked; places stay what they were.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

from controlroom.config.places import Findings, Place
from controlroom.domain.rituals import WEEKDAYS
from controlroom.domain.text import clean, dashed, slug

Table = dict[str, Any]

VERBATIM = frozenset(
    (
        *("banner", "url", "file", "env", "command", "ca", "cert", "key", "paths", "dir"),
        *("password", "token", "webhook", "run", "query", "env"),
    )
)
"""Keys whose text is used, not shown: it stays byte for byte."""

MAY_BE_EMPTY = frozenset(
    (
        *("banner", "note", "reason", "section", "group", "signals_text", "equals", "focus", "headers"),
        "program.title",
        "triage.channel",
        "collect.listen",
    )
)

START = 'write start = 2025-10-04, or "latest saturday" for the most recent such day'

_PACES = (
    ("documents", "interval"),
    ("status", "interval"),
    ("store", "interval"),
    ("store", "timeout"),
    ("polling", "services"),
    ("polling", "timeout"),
    ("self_check", "interval"),
    ("self_check", "timeout"),
    ("gate", "hold"),
    ("past", "keep"),
    ("past", "every"),
    ("collect", "lease"),
    ("collect", "every"),
    ("ui", "page"),
)

_LISTS = (
    ("documents", "paths"),
    ("dashboards", "paths"),
    ("evidence", "junit"),
    ("evidence", "requests"),
    ("collect", "publish"),
    ("serve", "origins"),
)
"""Keys whose list may be a single text."""

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhd])\s*)+")
_TERM = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")
_ASKED_IN_SECONDS = {
    "redis": ("lag",),
    "kafka": ("quiet",),
    "postgres": ("lag", "transaction"),
    "heartbeat": ("every", "grace"),
}
"""Kind of service → its keys that are durations."""
_SPRINT = re.compile(r"\s*sprint[\s_–—-]*0*(\d{1,6})\b", re.IGNORECASE)
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_WEEKDAY_NAMES = {
    name: short
    for short, longer in zip(
        WEEKDAYS,
        ("monday", "tuesday tues", "wednesday", "thursday thur thurs", "friday", "saturday", "sunday"),
        strict=True,
    )
    for name in (short, *longer.split())
}
_DAILY = {"daily", "every day", "everyday"}


def normal(data: Table, found: Findings) -> Table:
    """`data` with every short form written out; what cannot be meant is a finding."""
    data = {name: _text(value, (name,), found) for name, value in data.items()}
    data["keys"] = _flat(data.get("keys", {}))
    _start(data.get("program"), found)
    for place, table in _tables(data, "waves"):
        _default_id(table, slug(str(table.get("name", ""))), place, found)
        _declared(table)
    for place, table in _tables(data, "sprints"):
        _default_id(table, sprint_id(str(table.get("name", ""))), place, found)
    for place, table in _tables(data, "squads"):
        _squad(table, place, found)
    taken = {str(table.get("id", "")) for _, table in _tables(data, "milestones")}
    for place, table in _tables(data, "milestones"):
        when = table.get("label") or table.get("date") or ""
        made = slug(f"{when} {table.get('text', '')}")[:80].strip("_")
        _default_id(table, _free(made, taken) if "id" not in table else "", place, found)
    for place, table in _tables(data, "rituals"):
        _ritual(table, place, found)
    for place, table in _tables(data, "services"):
        named = str(table.get("name", "")) or str(table.get("kind", ""))
        _default_id(table, slug(named), place, found)
        _service(table, place, found)
    for place, table in _tables(data, "maintenance"):
        _window(table, place, found)
    for section in ("prometheus", "alertmanagers"):
        for place, table in _tables(data, section):
            _server(table, place, found)
    for section, name in _PACES:
        _duration(data.get(section), name, (section,), found)
    for section in ("store", "triage"):
        if isinstance(data.get(section), dict):
            _secrets(data[section])
    for section, name in _LISTS:
        _list(data.get(section), name)
    for place, table in _tables(data, "benchmarks"):
        _default_id(table, slug(str(table.get("name", ""))), place, found)
        _duration(table, "max_age", place, found)
    for place, table in _tables(data, "notify"):
        _default_id(table, slug(str(table.get("kind", "slack"))), place, found)
        _secrets(table)
        _duration(table, "quiet", place, found)
        for name in ("events", "squads"):
            _list(table, name)
    for _, proof in _tables(data, "proofs"):
        if isinstance(proof.get("proof"), str):
            proof["proof"] = [proof["proof"]]
    return data


def _list(table: Any, name: str) -> None:
    """One text where a list of them may stand."""
    if isinstance(table, dict) and isinstance(table.get(name), str):
        table[name] = [table[name]]


def seconds(text: str) -> float | None:
    """``5s``, ``250ms``, ``1h 30m`` in seconds; None for anything else."""
    if not _DURATION.fullmatch(text.strip()):
        return None
    return sum(float(number) * SECONDS[unit] for number, unit in _TERM.findall(text))


def _tables(data: Any, section: str, place: Place = ()) -> Iterator[tuple[Place, Table]]:
    """The tables of a list of tables; what is something else is left for the type check."""
    entries = data.get(section)
    if isinstance(entries, list):
        for number, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield (*place, section, number), entry


def _text(value: Any, place: Place, found: Findings) -> Any:
    """Every text cleaned, since all of it may reach a terminal; empty names are findings."""
    if isinstance(value, dict):
        return {clean(k) if k else k: _text(v, (*place, k), found) for k, v in value.items()}
    if isinstance(value, list):
        return [_text(v, (*place, n), found) for n, v in enumerate(value)]
    if not isinstance(value, str) or place[0] == "keys":
        return value
    name = next(str(step) for step in reversed(place) if isinstance(step, str))
    may_be_empty = not MAY_BE_EMPTY.isdisjoint((*place, ".".join(map(str, place))))
    if not value.strip() and not may_be_empty:
        remedy = "leave the key out" if isinstance(place[-1], str) else "take it out of the list"
        found.add(place, f"{name} is empty", f"write what it is, or {remedy}")
    if name not in VERBATIM and "headers" not in place:
        return clean(value)
    if name != "banner" and _HARMFUL.search(value):
        found.add(place, f"{name} holds control characters", "write it without them")
    return value


def _start(program: Any, found: Findings) -> None:
    """A date or words; whether the words name a date is another question."""
    if isinstance(program, dict) and not isinstance(program.get("start", ""), str | dt.date):
        found.add(("program", "start"), "start is no date", START)
        del program["start"]


def _flat(table: Any) -> Any:
    """`[keys]` with dotted ids, whether they were quoted or read by TOML as tables in tables."""
    if not isinstance(table, dict):
        return table
    flat: Table = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{rest}": inner for rest, inner in _flat(value).items()}
        elif isinstance(value, list) and all(isinstance(key, str) for key in value):
            flat[name] = ",".join(value)
        else:
            flat[name] = value
    return flat


def _free(made: str, taken: set[str]) -> str:
    """`made`, with a number where something else is called that already."""
    free, number = made, 2
    while made and free in taken:
        free, number = f"{made}_{number}", number + 1
    taken.add(free)
    return free


def _default_id(table: Table, made: str, place: Place, found: Findings) -> None:
    """An id of the name where there is none; a stand-in where the name itself is wrong already."""
    if "id" not in table:
        wrong = any(found.has((*place, name)) for name in ("name", "title", "kind", "text", "label"))
        made = made or (f"?{place[-1]}" if wrong else "")
        if made:
            table["id"] = made


def sprint_id(name: str) -> str:
    """A sprint is known by its number, however its name is spelled."""
    number = _SPRINT.match(name)
    return f"sprint-{number[1]}" if number else dashed(name)


def _declared(table: Table) -> None:
    from controlroom.domain.status_text import read_declared

    declared = table.get("declared")
    if isinstance(declared, str):
        declared = table["declared"] = {"text": declared}
    if isinstance(declared, dict) and isinstance(declared.get("text"), str):
        declared.setdefault("state", read_declared(declared["text"]))


def _squad(table: Table, place: Place, found: Findings) -> None:
    _default_id(table, slug(str(table.get("name", ""))), place, found)
    if isinstance(table.get("focus"), str):
        table["focus"] = {"focus": table["focus"]}
    for name, key in (("signals", "metric"), ("topics", "topic")):
        if isinstance(table.get(name), list):
            table[name] = [{key: one} if isinstance(one, str) else one for one in table[name]]
        for inner, promised in _tables(table, name, place):
            promised["squad"] = str(table.get("id", ""))
            _duration(promised, "max_age" if name == "signals" else "quiet", inner, found)


def _ritual(table: Table, place: Place, found: Findings) -> None:
    _default_id(table, slug(str(table.get("title", ""))), place, found)
    if "days" in table:
        table["days"] = _days(table["days"], (*place, "days"), found)
    if isinstance(table.get("time"), str):
        table["time"] = _time(table["time"], (*place, "time"), found)
    rotation = table.get("rotation")
    if isinstance(rotation, dict) and all(str(week).isdecimal() for week in rotation):
        rotation = table["rotation"] = [
            {"week": int(week), **(said if isinstance(said, dict) else {"scenario": said})}
            for week, said in rotation.items()
        ]
    if rotation:
        table.setdefault("rotates", True)
    for inner, scenario in _tables(table, "rotation", place):
        _duration(scenario, "rto", inner, found)
        for name in ("services", "symptoms", "silence"):
            _list(scenario, name)
    for inner, segment in _tables(table, "segments", place):
        _duration(segment, "seconds", inner, found)
    _duration(table, "near", place, found)
    if isinstance(table.get("gates"), list):
        table["gates"] = [{"text": gate} if isinstance(gate, str) else gate for gate in table["gates"]]
    for inner, change in _tables(table, "changes", place):
        if isinstance(change.get("to_time"), str):
            change["to_time"] = _time(change["to_time"], (*inner, "to_time"), found)


def _window(table: Table, place: Place, found: Findings) -> None:
    if "days" in table:
        table["days"] = _days(table["days"], (*place, "days"), found)
    if isinstance(table.get("time"), str):
        table["time"] = _time(table["time"], (*place, "time"), found)
    if isinstance(table.get("nth"), int) and not isinstance(table["nth"], bool):
        table["nth"] = [table["nth"]]
    for name in ("services", "groups"):
        if isinstance(table.get(name), str):
            table[name] = [table[name]]


def _days(value: Any, place: Place, found: Findings) -> Any:
    """``daily``, or short weekdays in the order of the week, from a list or from ``Mon/Thu``."""
    words = re.split(r"[\s,/+&]+", value.strip()) if isinstance(value, str) else value
    if isinstance(value, str) and value.strip().casefold() in _DAILY:
        return "daily"
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return value
    from controlroom.config.spelling import did_you_mean

    for number, word in enumerate(words):
        if word.casefold() not in _WEEKDAY_NAMES:
            near = did_you_mean(word.casefold(), _WEEKDAY_NAMES, f'write "daily" or {", ".join(WEEKDAYS)}')
            at = (*place, number) if isinstance(value, list) else place
            found.add(at, f"{word!r} is no weekday", near)
    named = {_WEEKDAY_NAMES.get(word.casefold()) for word in words}
    return [day for day in WEEKDAYS if day in named]


def _time(text: str, place: Place, found: Findings) -> Any:
    clock = re.fullmatch(r"\s*(\d{1,2}):(\d{2})(?::(\d{2}))?\s*", text)
    if clock and int(clock[1]) < 24 and int(clock[2]) < 60 and int(clock[3] or 0) < 60:
        return f"{int(clock[1]):02d}:{clock[2]}:{clock[3] or '00'}"
    found.add(place, f"{text!r} is no time of day", 'write it as "09:00"; a zone has its own key')
    return None


def _service(table: Table, place: Place, found: Findings) -> None:
    for name in ("interval", "timeout"):
        _duration(table, name, place, found)
    for kind, names in _ASKED_IN_SECONDS.items():
        for name in names:
            _duration(table.get(kind), name, (*place, kind), found)
    _secrets(table)
    if isinstance(table.get("status"), int) and not isinstance(table["status"], bool):
        table["status"] = [table["status"]]
    for _, rule in _tables(table, "rules", place):
        if "equals" in rule:
            equals = rule["equals"] if isinstance(rule["equals"], list) else [rule["equals"]]
            rule["equals"] = [_scalar(value) for value in equals]


def _server(table: Table, place: Place, found: Findings) -> None:
    for name in ("interval", "timeout"):
        _duration(table, name, place, found)
    _secrets(table)


def _secrets(table: Table) -> None:
    for name in ("password", "token", "webhook"):
        if isinstance(table.get(name), str):
            table[name] = {"literal": table[name]}


def _scalar(value: Any) -> Any:
    """Numbers and truth as JSON spells them, since a rule compares text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _duration(table: Any, name: str, place: Place, found: Findings) -> None:
    if not isinstance(table, dict) or not isinstance(table.get(name), str):
        return
    length = seconds(table[name])
    if length is None:
        found.add((*place, name), f"{name} is no duration", 'write seconds, or "5s", "250ms", "2m"')
        del table[name]
    else:
        table[name] = length
