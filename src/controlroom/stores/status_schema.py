"""The persisted shape of `controlroom.status` 1.x: what is checked when a file is read.

Strict about what the room relies on (identities, instants, kinds of values), open to everything else:
unknown keys are kept, and a file of the same major version is read whatever its minor one adds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from controlroom.domain import instants
from controlroom.domain.status import NIGHTLY, SCHEMA

MAJOR = 1


def _instant(text: str) -> str:
    instants.parse(text)
    return text


def _date(text: str) -> str:
    try:
        if len(text) == 10 and dt.date.fromisoformat(text):
            return text
    except ValueError:
        pass
    raise ValueError("no date such as 2025-10-06")


def _version(text: str) -> str:
    if text.split(".", maxsplit=1)[0] != str(MAJOR):
        raise ValueError(f"version {text[:20]} is not {MAJOR}.x: read it with a controlroom that knows it")
    return text


def _unique(entries: Sequence[_Entry]) -> Sequence[_Entry]:
    seen: set[str] = set()
    for entry in entries:
        if entry.id is not None and entry.id in seen:
            raise ValueError(f'the id "{entry.id[:80]}" is given twice')
        seen.add(entry.id or "")
    return entries


Instant = Annotated[str, AfterValidator(_instant)]
DateText = Annotated[str, AfterValidator(_date)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", strict=True, hide_input_in_errors=True)


class _Entry(_Part):
    id: str | None = None


class _Named(_Entry):
    id: Annotated[str, Field(min_length=1)]


class ItemEntry(_Named):
    """A card."""

    status: str | None = None
    since: Instant | None = None
    first_seen: Instant | None = None
    updated: Instant | None = None
    due: DateText | None = None


class BlockerEntry(_Named):
    """Something that holds work up."""

    state: str | None = None
    opened_at: Instant | None = None
    first_seen: Instant | None = None
    eta: Instant | None = None
    next_update_due: Instant | None = None
    snoozed_until: Instant | None = None


class ServiceEntry(_Named):
    """A service and its state."""

    state: str | None = None
    since: Instant | None = None


class SignalEntry(_Entry):
    """A declared signal."""

    code: str | None = None
    last_seen: Instant | None = None


class GateEntry(_Entry):
    """A wave's exit gate."""

    wave: str | None = None
    verdict: str | None = None


class AlertEntry(_Entry):
    """An alert."""

    starts_at: Instant | None = None


class BenchmarkEntry(_Entry):
    """A benchmark, and what its last result says."""

    verdict: str | None = None
    at: Instant | None = None
    since: Instant | None = None


class DatedEntry(_Entry):
    """A wave, sprint or milestone."""

    start: DateText | None = None
    end: DateText | None = None
    date: DateText | None = None


class RecordEntry(_Entry):
    """A decision or an action, as people recorded it."""

    at: Instant | None = None


class Input(_Part):
    """A document the status was made from."""

    path: str
    sha256: str | None = None


_Free = Annotated[list[_Entry], AfterValidator(_unique)]
_Dated = Annotated[list[DatedEntry], AfterValidator(_unique)]
_Records = list[RecordEntry | str]


class StatusDocument(_Part):
    """A whole status file. Only what identifies it is required."""

    banner: str = Field(default="", alias="_banner")
    schema_: Literal["controlroom.status"] = Field(alias="schema")
    version: Annotated[str, AfterValidator(_version)]
    program: str | None = None
    tz: str | None = None
    for_date: DateText
    slot: str | None = NIGHTLY
    as_of: Instant
    generator: str | None = None
    inputs: list[Input] = []
    squads: _Free = []
    waves: _Dated = []
    sprints: _Dated = []
    items: Annotated[list[ItemEntry], AfterValidator(_unique)] = []
    blockers: Annotated[list[BlockerEntry], AfterValidator(_unique)] = []
    dependencies: _Free = []
    services: Annotated[list[ServiceEntry], AfterValidator(_unique)] = []
    signals: Annotated[list[SignalEntry], AfterValidator(_unique)] = []
    gates: Annotated[list[GateEntry], AfterValidator(_unique)] = []
    alerts: Annotated[list[AlertEntry], AfterValidator(_unique)] = []
    benchmarks: Annotated[list[BenchmarkEntry], AfterValidator(_unique)] = []
    milestones: _Dated = []
    rituals: _Free = []
    decisions: _Records = []
    actions: _Records = []
    risks: list[Any] = []
    lints: list[Any] = []
    unknowns: list[Any] = []

    @model_validator(mode="before")
    @classmethod
    def _major_first(cls, data: Any) -> Any:
        """A document of another kind or major version is refused for that, not for what follows from it."""
        if not isinstance(data, dict):
            raise ValueError("not a JSON object")
        if data.get("schema") != SCHEMA:
            raise ValueError(f'no status document: its "schema" is not "{SCHEMA}"')
        version = data.get("version")
        if isinstance(version, int | float) and not isinstance(version, bool):
            return {**data, "version": _version(str(version))}
        if isinstance(version, str):
            _version(version)
        return data


class Invalid(Exception):
    """The first thing that is wrong with a document, and the path to it."""

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(reason)


def check(data: Any) -> StatusDocument:
    """`data` as a status document. Raises Invalid."""
    try:
        return StatusDocument.model_validate(data)
    except ValidationError as problem:
        error = problem.errors(include_url=False, include_context=False, include_input=False)[0]
    place = tuple(_steps(error["loc"]))
    reason = error["msg"].removeprefix("Value error, ")
    reason = "is missing" if error["type"] == "missing" else reason[:1].lower() + reason[1:]
    raise Invalid(place, f"{_pointer(place)}: {reason}" if place else reason)


def _steps(location: tuple[str | int, ...]) -> Iterator[str | int]:
    """The path without pydantic's names of union members."""
    for step in location:
        if isinstance(step, int) or (step != "str" and (step[:1].islower() or step == "_banner")):
            yield step


def _pointer(place: tuple[str | int, ...]) -> str:
    return "/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in place)
