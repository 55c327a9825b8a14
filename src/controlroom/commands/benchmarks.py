"""`controlroom benchmarks`: what the benchmarks measured last, beside their own history."""

from __future__ import annotations

from argparse import Namespace

from controlroom.commands.common import given, say_failures


def benchmarks(options: Namespace) -> int:
    """Every declared benchmark: its last result, what it says, and why."""
    from controlroom.headless import benchmarks as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), "benchmarks")
    say_failures(seen)
    asked.print(lambda: shown.as_text(seen), lambda: shown.as_json(seen))
    return shown.exit_code(seen)
