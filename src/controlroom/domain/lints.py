"""What is wrong with what people wrote, each with the place to mend it."""

from __future__ import annotations

from typing import Literal

from controlroom.domain.frozen import dataclass

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Lint:
    """One finding. `path` and `line` (1-based) point into a text file, `pointer` (RFC 6901) into JSON."""

    code: str
    message: str
    severity: Severity = "warning"
    path: str | None = None
    line: int | None = None
    pointer: str | None = None
    subject: str | None = None
    """Id of the item, wave or ritual it speaks of, where there is one."""
