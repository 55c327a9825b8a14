"""An HTTP answer as people read it: its status, the headers that matter, the beginning of its body."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from controlroom.probes.wording import foreign, verbatim

if TYPE_CHECKING:
    from controlroom.probes.wire import Answer

HEADERS = ("content-type", "server", "retry-after", "location")
"""No cookies, which are secrets, and no date: an answer that is the same again is not taken apart again."""

_LOOKED_AT = 512
"""Bytes of a body by which text is told from anything else."""


def shown(answer: Answer) -> str:
    """`answer` in lines; a body that is no text is only counted."""
    lines = [f"HTTP {answer.status} {answer.phrase}".rstrip()]
    for name in HEADERS:
        value = answer.headers.get(name)
        if value:
            lines.append(f"{name}: {whither(value) if name == 'location' else foreign(value)}")
    head = "\n".join(lines)
    if answer.flaw:
        return verbatim(f"{head}\n\n({answer.flaw})")
    if b"\0" in answer.body[:_LOOKED_AT]:
        return verbatim(f"{head}\n\n({len(answer.body)} bytes that are no text)")
    return verbatim(f"{head}\n\n".encode() + answer.body)


def whither(target: str) -> str:
    """Where a redirect leads: the host, or this one's path; nothing that could hold a secret."""
    try:
        where = urlsplit(target)
        host = where.hostname
    except ValueError:
        return "an unreadable address"
    return foreign(host, 60) if host else foreign(where.path, 40) + " on the same host"
