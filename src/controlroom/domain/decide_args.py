"""What somebody asked, argument by argument: cleaned, resolved and normalised, or refused with a remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from controlroom.domain.board import Status
from controlroom.domain.fold_args import LINK_LIMIT, LINKS, NAME_LIMIT
from controlroom.domain.instants import parse, render
from controlroom.domain.program import Program
from controlroom.domain.text import clean, slug

if TYPE_CHECKING:
    from controlroom.domain.rituals import Records

ID_LIMIT = 200
_MUCH = 2_000
"""Names above which only those that begin alike are compared with a misspelt one."""


class No(Exception):
    """The rule that is broken: the argument to mend, why in plain words, what to do instead."""

    def __init__(self, field: str, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.field, self.reason, self.remedy = field, reason, remedy


def one_line(text: str, limit: int = 1_000_000) -> str:
    """`text` as it is recorded: cleaned, on one line, without space around it."""
    return clean(text, limit).strip()


def is_word(text: object) -> bool:
    """Whether `text` can be an id."""
    return isinstance(text, str) and bool(text.strip()) and text.isprintable() and len(text) <= ID_LIMIT


def close_to(name: str, known: Sequence[str]) -> str:
    """``did you mean …?`` with up to three of `known`; empty where none is near."""
    from difflib import get_close_matches

    wanted = name[:ID_LIMIT]
    begins = [one for one in known if one.startswith(wanted)][:3] if len(wanted) > 2 else []
    few = known if len(known) <= _MUCH else [one for one in known if one[:3] == wanted[:3]][:_MUCH]
    near = begins or get_close_matches(wanted, few, 3)
    return f"did you mean {' or '.join(near)}?" if near else ""


class Asked:
    """The arguments of an intent. Missing and empty is the same."""

    def __init__(self, args: Mapping[str, Any], program: Program, records: Records | None = None) -> None:
        """`records` tell which rituals were held already, so that the next one is the one after."""
        self._args = args
        self._program = program
        self._records = records

    def text(self, name: str, limit: int, missing: str = "", remedy: str = "") -> str:
        """An argument as one clean line. Refused where `missing` says why it must be there."""
        value = self._args.get(name)
        if value is None or value == "":
            value = ""
        elif not isinstance(value, str):
            raise No(name, f"{_said(name)} is no text", "write it as text")
        line = one_line(value) if len(value) <= 10 * limit else value
        if len(line) > limit:
            raise No(name, f"{_said(name)} is longer than {limit} characters ({len(line)})", "say it shorter")
        if missing and not line:
            raise No(name, missing, remedy)
        return line

    def instant(self, name: str) -> datetime | None:
        """An argument as an instant, UTC, or None where it is not given."""
        written = self.text(name, 100)
        if not written:
            return None
        try:
            return parse(written)
        except ValueError as problem:
            raise No(
                name, f"{_said(name)} {written}: {problem}", "write it as 2025-10-06T16:00:00Z"
            ) from None

    def squads(self, *, needed: bool) -> dict[str, str]:
        """Who waits and on whom, as ids: both and different ones, or neither where that is allowed.

        A name that nobody declared stays as written: a lint tells.
        """
        names = {name: self.text(name, NAME_LIMIT) for name in ("owning_squad", "blocking_squad")}
        if not needed and not any(names.values()):
            return {}
        owning, blocking = (self._squad(name) for name in names.values())
        if not owning:
            raise No("owning_squad", "say whose work is held up (X001)", "name the squad that waits")
        if not blocking:
            raise No("blocking_squad", "say whose delivery it waits on (X002)", "name the squad it waits on")
        if slug(owning) == slug(blocking):
            raise No("blocking_squad", f"{owning} cannot wait on itself (X003)", "name two different squads")
        return {"owning_squad": owning, "blocking_squad": blocking}

    def _squad(self, name: str) -> str:
        squad = self._program.squad(name) if name else None
        return squad.id if squad is not None else name

    def status(self, name: str) -> Status:
        """A card's column, in any spelling people use."""
        from controlroom.domain.status_text import read_status

        remedy = "one of not started, in progress, blocked, done"
        written = self.text(name, NAME_LIMIT, "it is not said where the card goes", remedy)
        status = read_status(written).status
        if status == "unknown":
            raise No(name, f'"{written}" is no status', remedy)
        return status

    def until(self, now: datetime) -> tuple[str, datetime]:
        """Until when something sleeps: the ritual's id (or empty), and the instant."""
        ritual, written = self.text("ritual", ID_LIMIT), self.text("until", ID_LIMIT)
        if ritual:
            return self._ritual("ritual", ritual, now)
        if not written:
            raise No("until", "it is not said until when", "give an instant, or a ritual")
        try:
            until = parse(written)
        except ValueError as problem:
            if not written[:4].isdigit():
                return self._ritual("until", written, now)
            raise No("until", f"until {written}: {problem}", "write it as 2025-10-06T16:00:00Z") from None
        if until <= now:
            raise No("until", f"{render(until)} is over already", "give a time that is still to come")
        return "", until

    def _ritual(self, field: str, name: str, now: datetime) -> tuple[str, datetime]:
        from controlroom.domain.rituals import agenda

        wanted = slug(name)
        rituals = self._program.rituals
        found = next((r for r in rituals if r.id == name), None) or next(
            (r for r in rituals if wanted and wanted in (slug(r.id), slug(r.title))), None
        )
        if found is None:
            remedy = close_to(wanted, [r.id for r in rituals]) or "give an instant, or the id of a ritual"
            raise No(field, f"no ritual is called {name}", remedy)
        coming = agenda(self._program, now, records=self._records).next
        following = next((o for o in coming if o.ritual.id == found.id), None)
        if following is None:
            raise No(field, f"{found.title or found.id} does not take place again", "give an instant")
        return found.id, following.start

    def links(self, name: str) -> list[str]:
        """URLs and paths, each once."""
        value = self._args.get(name)
        given = [value] if isinstance(value, str) else value or []
        if not isinstance(given, list | tuple):
            raise No(name, "links are no list", "give a list of texts")
        found = [Asked({name: one}, self._program).text(name, LINK_LIMIT) for one in given]
        found = list(dict.fromkeys(link for link in found if link))
        if len(found) > LINKS:
            raise No(name, f"more than {LINKS} links", "keep those that help")
        for link in found:
            if not _LINK.fullmatch(link):
                raise No(
                    name,
                    f"{clean(link, 80)} is neither a URL nor a path",
                    "such as https://… or docs/runbook.md",
                )
        return found


_LINK = re.compile(
    r"(?!(?:javascript|data|vbscript):)[a-z][a-z0-9+.-]*://[^\s/]\S*"
    r"|(?![a-z][a-z0-9+.-]*:)(?:\S*[./#]\S*|[^:]*/[^:]*)",
    re.IGNORECASE,
)


def _said(name: str) -> str:
    return {"eta": "the ETA", "until": "until"}.get(name, name.replace("_", " "))
