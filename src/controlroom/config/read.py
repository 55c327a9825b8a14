"""Bytes of a controlroom.toml become a File, and everything that is wrong with them."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from controlroom.config.errors import ConfigError
from controlroom.config.places import Finding, Findings, line_of, lines, spelled
from controlroom.config.shape import File
from controlroom.config.source import Unreadable

DEPTH = 24
"""Tables in tables; the deepest key there is lies five deep."""

DOTS = 500
"""Dots before a value at most: TOML readers take quadratic time over them."""


def parse(raw: bytes, name: str) -> tuple[File, tuple[ConfigError, ...]]:
    """What `raw` says, and all that is wrong with it, in the order of the file.

    With errors, the File holds whatever was right. `name` is the file as errors show it.
    """
    from controlroom.config import names, normal, rules, spelling, validate
    from controlroom.probes import REGISTRY

    try:
        text, data = _toml(raw, name)
        found = Findings()
        plain = normal.normal(spelling.known(data, found), found)
        file = names.resolved(validate.validate(plain, found))
        rules.check(file, found, REGISTRY)
    except Unreadable as problem:
        return File(), (problem.error,)
    except RecursionError:
        return File(), (_too_deep(name),)
    return file, located(found.found, text, name)


def located(found: list[Finding], text: str, name: str) -> tuple[ConfigError, ...]:
    """Findings as errors with their lines, in the order of the file."""
    if not found:
        return ()
    known = lines(text)
    errors = (
        ConfigError(name, spelled(f.place), line_of(f.place, known), f.message, f.remedy) for f in found
    )
    return tuple(sorted(errors, key=lambda error: error.line or 0))


def _toml(raw: bytes, name: str) -> tuple[str, dict[str, Any]]:
    """Text and content, or Unreadable with the line and column."""
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise Unreadable(ConfigError(name, "", line, "this is not UTF-8", "save the file as UTF-8")) from None
    for number, line_text in enumerate(text.splitlines(), 1):
        if line_text.count(".") > DOTS and line_text.partition("=")[0].count(".") > DOTS:
            raise Unreadable(_too_deep(name, number))
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise Unreadable(_too_deep(name)) from None
    except ValueError as problem:
        raise Unreadable(_syntax(str(problem), text, name)) from None
    _check_depth(data, name)
    return text, data


def _syntax(message: str, text: str, name: str) -> ConfigError:
    at = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    line = int(at[1]) if at and at[1] else len(text.splitlines()) if at else None
    where = f" (column {at[2]})" if at and at[2] else " (at the end of the file)" if at else ""
    said = message[: at.start()] if at else message
    if "digits" in said:
        said = "a number has too many digits"
    said = said[:1].lower() + said[1:]
    return ConfigError(
        name, "", line, f"this is not TOML: {said}{where}", "mend the line; see https://toml.io"
    )


def _check_depth(data: dict[str, Any], name: str) -> None:
    """Without recursion, as that is what it protects."""
    level: list[Any] = [data]
    for _ in range(DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise Unreadable(_too_deep(name))


def _too_deep(name: str, line: int | None = None) -> ConfigError:
    return ConfigError(name, "", line, "tables or lists are nested too deeply", "no key lies that deep")
