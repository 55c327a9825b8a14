"""What ``config check`` prints."""

from __future__ import annotations

import json

from controlroom.config.errors import ConfigError, Problems
from controlroom.domain.text import clean


def as_text(problems: Problems) -> str:
    """Every error, then every warning, each with its remedy; or one line that all is well."""
    lines: list[str] = []
    for word, found in (("error", problems.errors), ("warning", problems.warnings)):
        for problem in found:
            lines.append(f"{word}: {clean(problem.message)}: {clean(problem.where)}")
            if problem.remedy:
                lines.append(f"  {clean(problem.remedy)}")
    if problems.path is None:
        lines.append("no configuration file: the built-in defaults are used")
        lines.append("  write one with controlroom init, or name one with --config")
    elif not lines:
        lines.append(f"{clean(problems.path)}: fine")
    else:
        lines.append(f"{clean(problems.path)}: {_count(problems)}")
    return "\n".join(lines) + "\n"


def as_json(problems: Problems) -> str:
    """One JSON document: ``path``, ``errors`` and ``warnings``."""
    document = {
        "path": None if problems.path is None else str(problems.path),
        "errors": [_entry(problem) for problem in problems.errors],
        "warnings": [_entry(problem) for problem in problems.warnings],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def exit_code(problems: Problems) -> int:
    """2 where there is an error, else 0: a warning is no failure."""
    return 2 if problems.errors else 0


def _count(problems: Problems) -> str:
    counts = ((len(problems.errors), "error"), (len(problems.warnings), "warning"))
    return ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts if number)


def _entry(problem: ConfigError) -> dict[str, str | int | None]:
    return {
        "file": problem.file,
        "key": problem.key,
        "line": problem.line,
        "message": clean(problem.message),
        "remedy": clean(problem.remedy),
    }
