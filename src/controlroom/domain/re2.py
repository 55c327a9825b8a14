"""RE2, the regular expressions of Alertmanager's matchers and of PromQL: the library Google wrote for them.

Python's own `re` accepts what RE2 refuses (looking around, references back), reads ``\\d``, ``\\w`` and
``{,3}`` another way, and may take for ever over ``(a+)+b``, which somebody may be typing while the room
draws.
"""

from __future__ import annotations


class Pattern:
    """An expression that must match a whole value. Raises ValueError, in plain words, where it is none."""

    def __init__(self, text: str) -> None:
        # No room without silences and rules pays for it; it computes and does nothing else.
        import re2

        options = re2.Options()
        options.log_errors = False
        try:
            # As Alertmanager builds it: an expression that closes the group means here what it means there.
            self._compiled = re2.compile(f"^(?:{text})$", options)
        except re2.error as problem:
            said = problem.args[0].decode("utf-8", "replace") if problem.args else "it is too large"
            # What it quotes may be the whole of it, with the group around it that nobody wrote.
            raise ValueError(f"no regular expression: {said.partition(':')[0]}") from None
        except UnicodeEncodeError:
            raise ValueError("it holds half a character") from None

    def fits(self, value: str) -> bool:
        """Whether the whole of `value` matches."""
        return self._compiled.search(value.encode("utf-8", "replace").decode()) is not None
