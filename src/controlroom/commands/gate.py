"""`controlroom gate`: whether waves may exit, and excusing a signal before the gate."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from controlroom.commands.common import Given, given, say_failures
from controlroom.headless.problems import Usage, complain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlroom.config.values import Config
    from controlroom.domain.snapshot import Snapshot, SourceKind
    from controlroom.domain.telemetry import Gate


ANY_JOB = "*"
"""What `--job` calls a promise for any job, as the id of its reading does."""


def gate(options: Namespace) -> int:
    """Exit gates of the waves, or of one of them."""
    from controlroom.headless import gates as shown

    asked = given(options)
    config = asked.config()
    seen = asked.sweep(config, *kinds(config), "store")
    now = asked.now()
    judged = None if options.wave is None else _wanted(seen, options.wave)
    say_failures(seen)
    for reason in shown.unread(seen):
        complain("a document cannot be read", reason)
    asked.print(
        lambda: shown.as_text(seen, config.gate, now, judged),
        lambda: shown.as_json(seen, config.gate, now, judged),
    )
    return shown.exit_code(seen, judged)


def kinds(config: Config) -> tuple[SourceKind, ...]:
    """What tells of signals: documents too, as they may be what declares the squads and the waves."""
    from controlroom.domain.topics import watched

    if watched(config.program.squads):
        return "metrics", "documents", "services"
    return "metrics", "documents"


def _wanted(seen: Snapshot, wave: str) -> Sequence[Gate]:
    """The gate of `wave`. Raises Usage."""
    from controlroom.domain.decide_args import close_to
    from controlroom.domain.text import slug

    names = {gate.wave: gate for gate in seen.gates}
    called = {slug(one.name): one.id for one in seen.program.waves if one.id in names}
    found = names.get(wave) or names.get(called.get(slug(wave), ""))
    if found is None:
        remedy = close_to(wave, list(names)) or "controlroom gate lists every wave"
        raise Usage("there is no such wave with a gate", f"--wave {wave}", remedy)
    return (found,)


def gate_waivers(options: Namespace) -> int:
    """Every waiver that was given."""
    from controlroom.headless import gates as shown
    from controlroom.headless.problems import FINE, UNREACHABLE

    asked = given(options)
    seen = asked.sweep(asked.config(), "store")
    now = asked.now()
    say_failures(seen)
    asked.print(
        lambda: shown.waivers_as_text(seen, now),
        lambda: {"waivers": [shown.waiver_entry(waiver, now) for waiver in seen.waivers]},
    )
    return UNREACHABLE if seen.ledger is None else FINE


def gate_waive(options: Namespace) -> int:
    """Excuse a signal before the gate, or end that."""
    from controlroom.commands.handing_in import hand_in
    from controlroom.commands.triage import tell

    asked = given(options)
    config = asked.config()
    item = _item(asked, config)
    args = {"why": options.why}
    if options.verb == "waive":
        args["until"] = options.until
    return tell(asked, hand_in(asked, config, options.verb, item, args))


def _item(asked: Given, config: Config) -> str:
    """What the log calls the signal that is meant. Raises Usage."""
    from controlroom.domain.decide_args import close_to
    from controlroom.domain.gates import promised
    from controlroom.domain.telemetry import reading_id
    from controlroom.domain.waivers import item_id

    options = asked.options
    squad = config.program.squad(options.squad)
    if squad is None:
        names = [one.id for one in config.program.squads]
        raise Usage("there is no such squad", options.squad, close_to(options.squad, names))
    every = list(promised(squad))
    meant = [
        signal
        for signal in every
        if options.signal in (signal.metric, signal.topic, signal.title)
        and options.job in (None, signal.job or ANY_JOB)
    ]
    if not meant and options.job is not None:
        jobs = [s.job or ANY_JOB for s in every if options.signal in (s.metric, s.topic, s.title)]
        if jobs:
            remedy = f"it is promised for {', '.join(jobs)}"
            raise Usage(f"{squad.id} has not promised it for this job", f"--job {options.job}", remedy)
    if not meant:
        remedy = close_to(options.signal, [s.topic or s.metric for s in every])
        remedy = remedy or f"controlroom telemetry lists what {squad.id} has promised"
        raise Usage(f"{squad.id} has promised no such signal", options.signal, remedy)
    if len(meant) > 1:
        remedy = f"add --job, one of {', '.join(signal.job or ANY_JOB for signal in meant)}"
        raise Usage("several signals have this name", options.signal, remedy)
    return item_id(reading_id(meant[0]))
