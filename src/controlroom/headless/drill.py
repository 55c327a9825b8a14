"""A chaos drill in words and as JSON, as its commands print it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlroom.domain.drill import Begun, Drill, Hush, Symptom, hush_args
from controlroom.domain.drill_silence import Quiet
from controlroom.domain.instants import maybe, render
from controlroom.domain.runs import Key
from controlroom.headless.problems import ATTENTION, FINE
from controlroom.headless.silences import reach
from controlroom.reports.drill import detection, headline, length, recovery, verdict


def preview(quiet: Quiet) -> str:
    """``silences 2 alerts until 2031-05-06T10:00:00Z: job="redis" (in am)``."""
    if quiet.unseen:
        until, matchers = render(quiet.draft.ends_at), " ".join(quiet.hush("").matchers)
        return f"silences what cannot be seen now until {until}: {matchers} (in {quiet.server})"
    return f"silences {reach(quiet.draft, quiet.matches)} (in {quiet.server})"


def began(title: str, key: Key, setup: Begun, by: str) -> str:
    """What has begun, and what is watched and expected."""
    return "\n".join(_began(title, key, setup, by)) + "\n"


def _began(title: str, key: Key, setup: Begun, by: str) -> Iterator[str]:
    yield f"{title} {key.date.isoformat()} begun by {by}: {setup.scenario}"
    rto = f"RTO {length(setup.rto)}" if setup.rto else "no RTO declared"
    yield f"  owner {setup.owner or 'not declared'} · {rto}"
    for service in setup.services:
        steady = setup.steady.get(service)
        since = f" since {render(steady.since)}" if steady and steady.since else ""
        yield f"  stopwatch {service}: {steady.health if steady else 'not known'}{since}"
    for number, words in enumerate(setup.symptoms, 1):
        yield f"  expected {number}: {words}"
    yield f"  {hushed(setup.hush)}"


def hushed(hush: Hush | None) -> str:
    """The silence in a line."""
    if hush is None:
        return "no alert is silenced"
    until = render(hush.until) if hush.until else "?"
    return f"silenced in {hush.server} until {until}: {' '.join(hush.matchers)} · {hush.id}"


def began_as_json(title: str, key: Key, setup: Begun, quiet: Quiet | None) -> dict[str, Any]:
    """What the document of the action gains when a drill begins."""
    return {
        "drill": {
            "title": title,
            "ritual": key.ritual,
            "date": key.date.isoformat(),
            "scenario": setup.scenario,
            "owner": setup.owner,
            "services": list(setup.services),
            "symptoms": list(setup.symptoms),
            "rto_s": setup.rto,
            "baseline_at": maybe(setup.taken_at),
        },
        "silence": None
        if setup.hush is None
        else {
            **(hush_args(setup.hush) or {}),
            "matches": len(quiet.matches) if quiet and not quiet.unseen else None,
        },
    }


def ticked(symptom: Symptom) -> str:
    """One symptom that was said to be seen."""
    kind = "expected" if symptom.expected else "not expected"
    return f"symptom seen, {kind}: {symptom.text}" + (f" · {symptom.evidence}" if symptom.evidence else "")


def ended(drill: Drill) -> str:
    """How it went, in a few lines."""
    lines = [headline(drill)]
    for one in drill.watches:
        lines.append(f"  {one.name}: detected {detection(one)} · recovered {recovery(one)} · {verdict(one)}")
        lines += [f"    {one.why}"] if one.why else []
    lines += [f"  no metric showed: {one.text}" for one in drill.unnoticed]
    lines += [f"  silence: {drill.hush_end}"] if drill.hush_end else []
    return "\n".join(lines) + "\n"


def exit_code(drill: Drill) -> int:
    """1 where a service is broken, over its RTO, or showed nothing of what people saw."""
    broken = any(one.verdict == "over" or one.running is not None for one in drill.watches)
    return ATTENTION if broken or drill.unnoticed else FINE
