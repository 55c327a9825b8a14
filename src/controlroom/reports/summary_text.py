"""The weekly summary in the status folder's ``README.md``: its text, and its place in the file.

A section begins at its own line, ``<!-- week 3 -->``, and ends where the next one begins. What people write
below the line ``<!-- notes -->`` in it is theirs: it is kept byte for byte, and so is everything outside the
section that is made anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from controlroom.reports.markdown import code, inline
from controlroom.reports.summary import OPEN, Line, Summary, some

FILE = "README.md"
"""Name of the file in the status folder."""

NOTES = "<!-- notes -->"

LISTED = 20
"""Facts of one kind that are told one by one; the rest are counted, and are in the JSON form."""

_WEEK = re.compile(rb"^<!-- week (-?[0-9]{1,6}) -->[ \t]*\r?$", re.MULTILINE)
_ORIGIN = re.compile(r" rev [0-9]+$|:[0-9]+$")
_NOTES = re.compile(rb"^<!-- notes -->[ \t]*\r?$", re.MULTILINE)


class NoPlace(Exception):
    """Why the section cannot be put into the file, and what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(f"{reason}; {remedy}")


def section(made: Summary) -> str:
    """The section of one week, from its own line to that of the notes, with a final newline."""
    last = made.end.toordinal() - 1
    told = _told(made)
    parts = [
        [f"<!-- week {made.week} -->"],
        [f"## Week {made.week}: {made.start.isoformat()} to {made.end.fromordinal(last).isoformat()}"],
        _listed("Accomplishments", _few(made.accomplishments, made.week), "None recorded."),
        [
            *("### Risks", ""),
            *_counted(made),
            *([f"{n}. {_line(risk.fact)}" for n, risk in enumerate(told.risks, 1)] or ["None recorded."]),
        ],
        _listed("Mitigations", _mitigations(told), "None recorded, as no risk is."),
        _listed("Decisions and action items", _few(made.decided, made.week), "None recorded."),
        _listed("Not known", made.unknown, "Nothing of what this summary is made from is missing."),
        [NOTES],
    ]
    return parts[0][0] + "\n" + "\n\n".join("\n".join(lines) for lines in parts[1:]) + "\n"


def _told(made: Summary) -> Summary:
    """`made` with the risks that are told one by one: the first of each kind, as they are ranked."""
    seen: Counter[str] = Counter()
    risks = []
    for risk in made.risks:
        seen[risk.fact.kind] += 1
        if seen[risk.fact.kind] <= LISTED:
            risks.append(risk)
    return replace(made, risks=risks, helped=_few(made.helped, made.week))


def _counted(made: Summary) -> Iterator[str]:
    """How many risks of each kind there are, where not all of them are told; then an empty line."""
    kinds: dict[str, list[Line]] = {}
    for risk in made.risks:
        kinds.setdefault(risk.fact.kind, []).append(risk.fact)
    cut = {kind: lines for kind, lines in kinds.items() if len(lines) > LISTED}
    for kind, lines in cut.items():
        escalated = f", {made.escalated:,} of them escalated" if kind == OPEN else ""
        first = f"the {LISTED} that hurt most" if kind == OPEN else f"the first {LISTED}"
        said = f"{len(lines):,} {kind or 'others'}{escalated}; {first} are told here; {_all(made.week)}"
        yield f"- {_line(Line(said, _origins(lines)))}"
    if cut:
        yield ""


def _few(lines: Sequence[Line], week: int) -> list[Line]:
    """The first of each kind; behind all of them how many more there are."""
    found, rest = [], dict[str, list[Line]]()
    seen: Counter[str] = Counter()
    for one in lines:
        seen[one.kind] += 1
        if seen[one.kind] <= LISTED:
            found.append(one)
        else:
            rest.setdefault(one.kind, []).append(one)
    for kind, lost in rest.items():
        found.append(Line(f"And {len(lost):,} more of the {kind or 'others'}; {_all(week)}", _origins(lost)))
    return found


def _all(week: int) -> str:
    return f"`controlroom summary --week {week} --print --json` lists all"


def _origins(lines: Iterable[Line]) -> str:
    """The log and the files that these lines are from, each once."""
    return some(list(dict.fromkeys(_ORIGIN.sub("", one.source) for one in lines)))


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
