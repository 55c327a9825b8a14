"""Rituals: what recurs, on which days, at what time (domain rules, Rituals)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from controlroom.documents.inline import keyed, plain, unmarked
from controlroom.documents.outline import Entry, Section
from controlroom.documents.page import Page, below, joined
from controlroom.documents.times import Slot, days_in, duration_in, only_slot, slot_in, without_slot, zone_in
from controlroom.domain.documents import DocumentRitual

_SCENARIO = re.compile(
    r"\b(?:week|wk)s?\s*([0-9]{1,3})(?:\s*[–-]\s*([0-9]{1,3}))?(?!\s*,?\s*day\b)\s*[:=–—-]?\s*([^,;()\n.]+)",
    re.IGNORECASE,
)
_ROTATES = re.compile(r"\brotat|\bscenario|\balternat|\btheme|\bdrill", re.IGNORECASE)
_PAREN = re.compile(r"\(([^()]*)\)")
_HEAD = 120
"""Characters at the beginning of a text where its time is looked for."""
_FIELDS = re.compile(
    r"^(?:when|time|times|frequency|cadence|duration|length|days?|schedule|zone|time ?zone|slot|starts?)$",
    re.IGNORECASE,
)
_EDGES = " \t—–-:·|,;@/"


def read_ritual(page: Page, entry: Entry, section: Section, *, sure: bool) -> bool:
    """Take `entry` for a ritual. `sure` where the section is about rituals, so that a time or a day is
    enough; elsewhere it must be a bold entry that names both, or nothing but when it is."""
    cut = keyed(entry.text)
    if not sure and not cut.bold:
        return False
    key, text = cut.key, cut.text
    if not key:
        key, text = unmarked(entry.text), ""
    if only_slot(key) and text:
        inner = keyed(text)
        name, text = (inner.key, inner.text) if inner.key else (text, "")
        key = f"{key} — {name}"
    slot = slot_in(key)
    if not (slot.time or slot.days) or (sure and not slot.time):
        slot = _completed(slot, slot_in(text[:_HEAD]), whole=only_slot(_first(text)), sure=sure)
    if slot.irregular or not (slot.time or slot.days):
        return False
    if not sure and not (slot.days and (slot.time or only_slot(_first(cut.text)) or _says_days(key))):
        return False
    children = below(entry)
    _add(page, section, _title(key), slot, (joined([text, *children]), entry.line))
    return True


def read_heading(page: Page, section: Section, fields: Mapping[str, str], texts: list[str]) -> bool:
    """Take a heading for a ritual when fields below it (Time, Frequency, Duration) say when it is."""
    said = {name: value for name, value in fields.items() if _FIELDS.match(name)}
    slot = slot_in("; ".join([plain(section.title), *said.values()]))
    if not said or slot.irregular or not (slot.time or slot.days):
        return False
    length = next(
        (duration_in(value) for name, value in said.items() if name in {"duration", "length"}), None
    )
    slot = replace(slot, minutes=length or slot.minutes)
    _add(page, section, _title(plain(section.title)), slot, (joined(texts), section.line))
    return True


def add_row(page: Page, section: Section, cells: Mapping[str, str], headers: str, line: int) -> bool:
    """Put down a ritual of a table; `headers` may name the zone, as in "Time (PT)"."""
    when = "; ".join(cells.get(column, "") for column in ("days", "time", "dates"))
    slot = slot_in(when)
    if slot.irregular or not (slot.time or slot.days):
        return False
    zone = slot.zone or zone_in(cells.get("zone", "")) or zone_in(headers)
    bare = cells.get("minutes", "").strip()
    minutes = duration_in(bare) or (int(bare) if bare.isdecimal() and len(bare) < 4 else None) or slot.minutes
    text = joined([cells.get("text", ""), cells.get("tasks", ""), cells.get("focus", "")])
    _add(page, section, cells["ritual"], replace(slot, zone=zone, minutes=minutes), (text, line))
    return True


def _completed(slot: Slot, other: Slot, *, whole: bool, sure: bool) -> Slot:
    """`slot` of the key with what only the text says; in doubt only where the text begins with it."""
    if not (sure or whole):
        return slot
    return Slot(
        days=slot.days or (other.days if other.time or whole else ()),
        time=slot.time or other.time,
        zone=slot.zone or other.zone,
        minutes=slot.minutes or (other.minutes if other.time and not slot.time else None),
        all_day=slot.all_day or other.all_day,
        irregular=slot.irregular or other.irregular,
    )


def _first(text: str) -> str:
    return re.split(r"(?<=[.;!])\s|\s[–—-]\s|\s\(", text, maxsplit=1)[0]


def _says_days(key: str) -> bool:
    """Whether parentheses in the key give the weekdays, as in ``Integration Day (Wed)``."""
    return any(days_in(found[1]) for found in _PAREN.finditer(key))


def _add(page: Page, section: Section, name: str, slot: Slot, said: tuple[str, int]) -> None:
    text, line = said
    days = slot.days or _days_of(section)
    if not days:
        page.not_read("days not declared", f"{name}: {text}" if text else name, line)
    page.rituals.append(
        DocumentRitual(
            name=name,
            days=days,
            time=slot.time,
            zone=slot.zone or (page.zone if slot.time else None),
            all_day=slot.time is None and (slot.all_day or (bool(days) and days != "daily")),
            minutes=slot.minutes,
            scenarios=scenarios(text),
            line=line,
            text=text,
        )
    )


def _days_of(section: Section) -> tuple[str, ...] | Literal["daily"]:
    return next(
        (days for title in (section.title, *reversed(section.parents)) if (days := days_in(title))), ()
    )


def _title(key: str) -> str:
    """The key without when it is, and without remarks in parentheses after it."""
    name = without_slot(_PAREN.sub(" ", key)).strip(_EDGES)
    name = re.sub(r"\s*\b(?:at|on|every|from)\s*$|^\s*(?:at|on)\b\s*", "", name, flags=re.IGNORECASE)
    return re.sub(r"\s+", " ", name).strip(_EDGES) or key


def scenarios(text: str) -> dict[int, str]:
    """What a rotating ritual does, by programme week: ``(Week 1 broker outage, Week 2 failover)``."""
    matches = list(_SCENARIO.finditer(text))
    if len(matches) < 2 and not _ROTATES.search(text):
        return {}
    found: dict[int, str] = {}
    for one in matches:
        first, last = int(one[1]), int(one[2] or one[1])
        said = one[3].strip(_EDGES)
        if said and first <= last <= first + 60:
            for week in range(first, last + 1):
                found.setdefault(week, said)
    return found
