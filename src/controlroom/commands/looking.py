"""Commands that look at the room, or at one part of it."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from controlroom import __version__
from controlroom.commands.common import answered, given, moment_of, say_failures
from controlroom.headless.problems import FINE, INTERRUPTED, UNREACHABLE, Usage, complain

if TYPE_CHECKING:
    from controlroom.domain.snapshot import SourceKind


def snapshot(options: Namespace) -> int:
    """One sweep of everything."""
    from controlroom.headless import attention
    from controlroom.headless import snapshot as shown

    asked = given(options)
    config = asked.config()
    zone = asked.viewer_zone(config)
    if options.plain and options.json:
        raise Usage("two formats at once", "--plain --json", "choose one")
    made_by = f"controlroom {__version__}"
    if options.past is not None:
        from controlroom.headless import past

        (then, gap), here = moment_of(asked, config, options.past), asked.now()
        if gap:
            complain(gap)
        asked.print(lambda: past.as_plain(then, here, zone), lambda: past.as_json(then, here, zone, made_by))
        return attention.exit_code(then.snapshot, attention.attention(then.snapshot, then.at))
    seen = asked.sweep(config)
    now = asked.now()
    if options.json:  # the text says itself what could not be read
        say_failures(seen)
    asked.print(lambda: shown.as_plain(seen, now, zone), lambda: shown.as_json(seen, now, zone, made_by))
    return attention.exit_code(seen, attention.attention(seen, now))


def watch(options: Namespace) -> int:
    """A line per change, until interrupted."""
    from controlroom import wiring
    from controlroom.headless.sweeping import run
    from controlroom.headless.watch import follow

    asked = given(options)
    config = asked.config()
    clock = wiring.utc_now if asked.at is None else wiring.clock_set(asked.at)
    run(follow(wiring.build(config, clock=clock), json=options.json))
    return INTERRUPTED


def services(options: Namespace) -> int:
    """Health of the services."""
    from controlroom.domain.needs import needs
    from controlroom.headless import services as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), "services", "self")
    now = asked.now()
    say_failures(seen)
    asked.print(
        lambda: shown.as_text(seen.services, now, seen.self_checks, needs(seen, now)),
        lambda: shown.as_json(seen.services, now, seen.program.dependencies, seen.self_checks),
    )
    return answered(seen, shown.exit_code(seen.services, now))


def blockers(options: Namespace) -> int:
    """What holds work up."""
    from controlroom.headless import blockers as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), *_BOARD)
    now = asked.now()
    say_failures(seen)
    asked.print(
        lambda: shown.as_text(seen, now, resolved=options.all),
        lambda: shown.as_json(seen, now),
    )
    if seen.ledger is None:
        return UNREACHABLE
    return answered(seen, shown.exit_code(seen, now))


def waiting(options: Namespace) -> int:
    """Who waits on whom."""
    from controlroom.headless import waiting as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), *_BOARD)
    say_failures(seen)
    asked.print(lambda: shown.as_text(seen, asked.now()), lambda: shown.as_json(seen))
    return answered(seen, FINE)


_BOARD: tuple[SourceKind, SourceKind, SourceKind] = ("documents", "status", "store")
"""What says which cards and blockers there are, and what became of them."""


def lint(options: Namespace) -> int:
    """What is wrong with what people wrote."""
    from controlroom.headless import lint as shown

    asked = given(options)
    config = asked.config()
    seen = asked.sweep(config, *_BOARD)
    if any(item.proof for item in seen.items):  # whether what a card claims is there, only these know
        seen = asked.sweep(config, *_BOARD, "metrics", "services")
    say_failures(seen)
    asked.print(lambda: shown.as_text(seen.lints), lambda: shown.as_json(seen.lints))
    return answered(seen, shown.exit_code(seen.lints))
