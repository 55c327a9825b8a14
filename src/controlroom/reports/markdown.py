"""Foreign text in Markdown: it reads as it was written, and nothing in it becomes part of the document.

Only what would change how a document is built or read is escaped (CommonMark 0.31, GFM tables), so that the
file stays good to read as it is. Code spans stay: what people write between backticks can do no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from controlroom.domain.text import clean

LINE = 2_000
"""Longest text of one entry, in characters."""

_SPECIAL = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|\\(?=[!-/:-@\[-`{-~]|$)"  # a backslash that would escape what follows it, here or after the text
    r"|`"
    r"|\*(?=\S)|(?<=\S)\*"  # emphasis begins and ends at a word
    r"|(?<![^\W_])_|_(?![^\W_])"
    r"|~(?=~)|(?<=~)~"
    r"|<(?=[A-Za-z/!?])"  # a tag, a comment, an address
    r"|&(?=#?\w+;)"
    r"|(?<=\])[(\[]"  # a link
)
_BLOCK = re.compile(
    r"(?:#{1,6}(?=\s|$)|[-+*](?=\s|$)|>|=+\s*$|(?:-\s*)+$|-{3,}|~{3,}|\[[ xX]\]|\[[^\]]*\]:|(?:_\s*){3,}$)"
)
"""What means something only at the beginning of a line."""

_NUMBER = re.compile(r"([0-9]{1,9})([.)])(?=\s|$)")
_CALL = re.compile(r"(?<![\w@])@(?=(?:channel|here|everyone|group|all|room|team)\b)", re.IGNORECASE)


def inline(written: object) -> str:
    """`written` on one line of a paragraph or list item, also at its beginning."""
    escaped = _SPECIAL.sub(_escape, clean(written, LINE).strip())
    escaped = _NUMBER.sub(r"\1\\\2", escaped, count=1) if _NUMBER.match(escaped) else escaped
    return f"\\{escaped}" if _BLOCK.match(escaped) or escaped.startswith("```") else escaped


def _escape(found: re.Match[str]) -> str:
    return found[0] if found["code"] else f"\\{found[0]}"


def code(written: object) -> str:
    """`written`, such as the name of a file, between as many backticks as it needs."""
    text = clean(written, LINE).strip()
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {text} {ticks}" if longest else f"{ticks}{text}{ticks}" if text else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; every cell is Markdown already, and no bar in one ends it."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def plain(written: object, limit: int = LINE) -> str:
    """`written` on one line of a chat's text, which mentions nobody but by name."""
    return _CALL.sub("@ ", clean(written, limit).strip())
