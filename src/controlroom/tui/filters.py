"""What is typed after `/`: words that must all be there, `@squad`, and `!` before what must not be.

``kafka @policy !resolved`` keeps the rows of the squad known as "policy" that speak of kafka and not of
resolved. A word for a state, as in ``!up``, is about the state of what has one: a service called "backup"
that is down stays. Quotes keep words together. A squad is found by its id, name or any alias, or by the
beginning of one while it is being typed; `@none` is what belongs to no squad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from controlroom.domain.program import Program
from controlroom.domain.services import Health
from controlroom.domain.text import slug
from controlroom.tui.present import squad_index
from controlroom.tui.rows import Row

Match = Callable[[Row], bool]

NO_SQUAD = "none"

STATES = frozenset({*Health, "unverified"})


def compile(text: str, program: Program) -> Match:  # noqa: A001
    """The filter typed as `text`; one that says nothing (yet) keeps every row."""
    tests = [test for word in _words(text) if (test := _test(word, program)) is not None]
    if not tests:
        return lambda row: True
    return lambda row: all(test(row) for test in tests)


def _words(text: str) -> Iterator[str]:
    """Words by blanks; a double quote keeps blanks until the next one (or the end, while typing)."""
    word, quoted = "", False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif character.isspace() and not quoted:
            if word:
                yield word
            word = ""
        else:
            word += character
    if word:
        yield word


def _test(word: str, program: Program) -> Match | None:
    if word.startswith("!"):
        inner = _test(word[1:], program)
        return None if inner is None else lambda row: not inner(row)
    if word.startswith("@"):
        return _squad_test(word[1:], program)
    wanted = word.lower()
    if wanted in STATES:
        return lambda row: wanted in (row.states or row.text)
    return (lambda row: wanted in row.text) if wanted else None


def _squad_test(name: str, program: Program) -> Match | None:
    wanted = slug(name)
    if not wanted:
        return None
    if wanted == NO_SQUAD:
        return lambda row: not row.squads
    index = squad_index(program)
    if wanted in index:
        ids = {index[wanted]}
    else:
        ids = {squad for spelling, squad in index.items() if spelling.startswith(wanted)}
        ids = ids or {squad for spelling, squad in index.items() if f"_{wanted}" in f"_{spelling}"}
    return lambda row: any(
        squad in ids or (squad not in index.values() and slug(squad).startswith(wanted))
        for squad in row.squads
    )
