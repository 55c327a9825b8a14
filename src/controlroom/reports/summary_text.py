"""The weekly summary in the status folder's ``README.md``: its text, and its place in the file.

A section begins at its own line, ``<!-- week 3 -->``, and ends where the next one begins. What people write
below the line ``<!-- notes -->`` in it is theirs: it is kept byte for byte, and so is everything outside the
section that is made anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from controlroom.reports.markdown import code, inline
from controlroom.reports.summary import Line, Summary

FILE = "README.md"
"""Name of the file in the status folder."""

NOTES = "<!-- notes -->"

_WEEK = re.compile(rb"^<!-- week (-?[0-9]{1,6}) -->[ \t]*\r?$", re.MULTILINE)
_NOTES = re.compile(rb"^<!-- notes -->[ \t]*\r?$", re.MULTILINE)


class NoPlace(Exception):
    """Why the section cannot be put into the file, and what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(f"{reason}; {remedy}")


def section(made: Summary) -> str:
    """The section of one week, from its own line to that of the notes, with a final newline."""
    last = made.end.toordinal() - 1
    parts = [
        [f"<!-- week {made.week} -->"],
        [f"## Week {made.week}: {made.start.isoformat()} to {made.end.fromordinal(last).isoformat()}"],
        _listed("Accomplishments", made.accomplishments, "None recorded."),
        [
            *("### Risks", ""),
            *([f"{n}. {_line(risk.fact)}" for n, risk in enumerate(made.risks, 1)] or ["None recorded."]),
        ],
        _listed("Mitigations", _mitigations(made), "None recorded, as no risk is."),
        _listed("Decisions and action items", made.decided, "None recorded."),
        _listed("Not known", made.unknown, "Nothing of what this summary is made from is missing."),
        [NOTES],
    ]
    return parts[0][0] + "\n" + "\n\n".join("\n".join(lines) for lines in parts[1:]) + "\n"


def _listed(title: str, lines: Iterable[Line], none: str) -> list[str]:
    return [f"### {title}", "", *([f"- {_line(one)}" for one in lines] or [none])]


def _line(one: Line) -> str:
    return f"{inline(one.text)} ({code(one.source)})"


def _mitigations(made: Summary) -> list[Line]:
    """For every risk, by its number, what was done; then what helped against what is none any more."""
    found = [
        one._replace(text=f"Risk {number}: {one.text}")
        for number, risk in enumerate(made.risks, 1)
        for one in (risk.mitigations or (made.nothing_done,))
    ]
    return [*found, *made.helped]


def document(made: Summary) -> dict[str, Any]:
    """The same as data: every list as texts with their sources."""

    def lines(found: Sequence[Line]) -> list[dict[str, str]]:
        return [{"text": one.text, "source": one.source} for one in found]

    return {
        "week": made.week,
        "start": made.start.isoformat(),
        "end": made.end.isoformat(),
        "accomplishments": lines(made.accomplishments),
        "risks": [
            {
                "text": risk.fact.text,
                "source": risk.fact.source,
                "mitigations": lines(risk.mitigations or (made.nothing_done,)),
            }
            for risk in made.risks
        ],
        "mitigations": lines(_mitigations(made)),
        "decisions": lines(made.decided),
        "unknown": lines(made.unknown),
    }


def placed(before: bytes | None, week: int, text: str, banner: str, title: str) -> bytes:
    """The whole file with `text` as the section of `week`; `before` is what is there, None where nothing is.

    The banner comes first. Raises NoPlace where a section has lost its line of notes: nobody could tell what
    in it is a person's.
    """
    made = text.encode()
    if before is None or not before.strip():
        head = f"{banner}\n\n# {inline(title)}\n" if banner else f"# {inline(title)}\n"
        return head.encode() + b"\n" + made
    starts = [(int(found[1]), found.start()) for found in _WEEK.finditer(before)]
    there = next((place for number, place in starts if number == week), None)
    if there is None:
        after = next((place for number, place in starts if number > week), len(before))
        whole = _before(before[:after]) + made + (b"\n" + before[after:] if before[after:] else b"")
    else:
        end = next((place for _, place in starts if place > there), len(before))
        whole = before[:there] + made + _kept(before[there:end], week) + before[end:]
    first = f"{banner}\n".encode()
    return whole if not banner or _banner_first(whole, banner) else first + b"\n" + whole


def _before(text: bytes) -> bytes:
    """`text` and an empty line, whatever it ended with."""
    return text + (b"" if text.endswith(b"\n\n") else b"\n" if text.endswith(b"\n") else b"\n\n")


def _kept(old: bytes, week: int) -> bytes:
    """What stands below the line of notes in the section `old`."""
    found = _NOTES.search(old)
    if found is None:
        raise NoPlace(
            f"the section of week {week} has no line {NOTES}",
            "put it back above what people wrote there: what stands above it is made anew",
        )
    return old[found.end() + 1 :]


def _banner_first(whole: bytes, banner: str) -> bool:
    wanted = banner.encode()
    return whole.removeprefix(b"\xef\xbb\xbf").startswith(wanted)


def digests(raw: bytes) -> dict[str, str]:
    """``week 3`` → a digest of what was made of it in the file; what people wrote below it does not count."""
    starts = list(_WEEK.finditer(raw))
    ends = [*(found.start() for found in starts[1:]), len(raw)]
    return {
        f"week {int(found[1])}": sha256(_NOTES.split(raw[found.start() : end], 1)[0]).hexdigest()[:16]
        for found, end in zip(starts, ends, strict=True)
    }
