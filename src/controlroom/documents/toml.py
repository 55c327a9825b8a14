"""Writes TOML a line at a time, with comments where they belong."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence

Value = str | int | bool | dt.date | Sequence["Value"] | Mapping[str, "Value"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
WIDTH = 100
"""Longest array that is written on one line, in characters."""


class Toml:
    """Lines of a TOML file in the making. Empty values are left out: what is not known is not a key."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def text(self) -> str:
        """The file, with a final newline."""
        return "\n".join(self._lines).strip("\n") + "\n"

    def blank(self) -> None:
        self._lines.append("")

    def comment(self, *lines: str) -> None:
        self._lines.extend(f"# {line}".rstrip() for line in lines)

    def table(self, name: str, comment: str = "", *, off: bool = False) -> None:
        """Opens ``[name]``; an array of tables is named ``[[name]]`` in full. `off` writes a comment."""
        self.blank()
        opened = name if name.startswith("[") else f"[{name}]"
        self._lines.append(_remarked(f"# {opened}" if off else opened, comment))

    def key(self, name: str, value: Value | None, comment: str = "", *, off: bool = False) -> None:
        """``name = value``; `off` writes it as a comment."""
        if value is None or value == "" or (isinstance(value, Sequence | Mapping) and not value):
            return
        for number, line in enumerate(_remarked(f"{key(name)} = {written(value)}", comment).split("\n")):
            self._lines.append(f"# {line}" if off or (number and off) else line)


def _remarked(line: str, comment: str) -> str:
    return f"{line:<35} # {comment}" if comment else line


def key(name: str) -> str:
    """`name` as a key, quoted where it has to be."""
    return name if _BARE.fullmatch(name) else quoted(name)


def quoted(text: str) -> str:
    """`text` as a basic string."""
    # JSON escapes all that TOML wants escaped, but for DEL; surrogates cannot stand in UTF-8 at all.
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")


def written(value: Value) -> str:
    """`value` as TOML; a long array gets a line per element."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key(name)} = {written(inner)}" for name, inner in value.items()) + " }"
    parts = [written(inner) for inner in value]
    line = f"[{', '.join(parts)}]"
    return line if len(line) <= WIDTH else "[\n" + "".join(f"    {part},\n" for part in parts) + "]"
