"""`controlroom lint`: what is wrong with what people wrote, each with the place to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from controlroom.domain.lints import Lint
from controlroom.headless.problems import ATTENTION, FINE


def as_json(lints: Iterable[Lint]) -> dict[str, Any]:
    """The document of `lint --json`."""
    return {"lints": [entry(lint) for lint in lints]}


def entry(lint: Lint) -> dict[str, Any]:
    """One finding, as it stands in `lint --json` and in `snapshot --json`."""
    return {
        "code": lint.code,
        "severity": lint.severity,
        "path": lint.path,
        "line": lint.line,
        "pointer": lint.pointer,
        "message": lint.message,
        "subject": lint.subject,
    }


def as_text(lints: Sequence[Lint]) -> str:
    """A line per finding, as compilers write them, and how many there are."""
    lines = [f"{place(lint)}: {lint.severity}: {lint.code} {lint.message}" for lint in lints]
    errors = sum(lint.severity == "error" for lint in lints)
    lines.append(
        f"{_count(errors, 'error')}, {_count(len(lints) - errors, 'warning')}" if lints else "no lints"
    )
    return "\n".join(lines) + "\n"


def place(lint: Lint) -> str:
    """``path:line``, or the path and the pointer into it, as far as they are known."""
    if lint.line is not None:
        return f"{lint.path or '-'}:{lint.line}"
    return f"{lint.path or ''}{'#' + lint.pointer if lint.pointer else ''}" or "-"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def exit_code(lints: Iterable[Lint]) -> int:
    """1 when there is an error among them; warnings alone are fine."""
    return ATTENTION if any(lint.severity == "error" for lint in lints) else FINE
