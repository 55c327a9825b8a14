"""What is gathered from documents while a configuration is drafted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from controlroom.documents.toml import Toml
from controlroom.domain.documents import Document
from controlroom.domain.text import clean


@dataclass(slots=True)
class Draft:
    """What is gathered before it is written."""

    documents: Sequence[Document]
    toml: Toml = field(default_factory=Toml)
    notes: list[str] = field(default_factory=list)
    zone: str | None = None
    start: dt.date | None = None

    def took(self, document: Document, line: int | None, what: str) -> None:
        """Note where something comes from."""
        place = f"{document.path}:{line}" if line else document.path
        self.notes.append(f"{place} → {clean(what)}")

    def missing(self, what: str) -> None:
        """Note what no document says."""
        self.notes.append(f"not in the documents: {what}; commented out")


def heading(draft: Draft, *lines: str) -> None:
    """A comment of its own, after an empty line."""
    draft.toml.blank()
    draft.toml.comment(*lines)


def is_zone(name: str | None) -> bool:
    """Whether a configuration accepts it: an offset such as ``UTC+05:30`` has no IANA name."""
    return name is not None and not name.startswith(("UTC+", "UTC-"))
