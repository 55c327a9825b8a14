"""`controlroom telemetry propose`, and changes of the configuration, as documents."""

from __future__ import annotations

from typing import Any

from controlroom.config.changes import ConfigEdit
from controlroom.domain.instants import maybe
from controlroom.domain.proposals import Draft, Proposal
from controlroom.headless.problems import FINE, UNREACHABLE


def as_json(draft: Draft) -> dict[str, Any]:
    """The document of `telemetry propose --json`."""
    return {
        "days": draft.days,
        "proposals": [entry(one) for one in draft.proposals],
        "left_out": {**draft.noise, "recorded": draft.recorded},
        "notes": list(draft.notes),
        "errors": dict(draft.errors),
    }


def entry(one: Proposal) -> dict[str, Any]:
    """One proposal. `squad` null: nobody's; `presence_pct` null: not known, or never there."""
    return {
        "squad": one.squad,
        "metric": one.metric,
        "job": one.job,
        "type": one.type,
        "labels": list(one.labels),
        "server": one.server,
        "state": one.state,
        "presence_pct": one.presence,
        "flaky": one.flaky,
        "new": one.new,
        "first_seen": maybe(one.first_seen),
        "last_seen": maybe(one.last_seen),
        "expect_activity": one.expect_activity,
        "from": one.source,
        "why": one.why,
        "near": list(one.near),
        "remarks": list(one.remarks),
    }


def summary(draft: Draft, where: str) -> str:
    """What a file with the draft holds, in a line per squad."""
    lines = [f"{where} written: proposals to review, promised by nobody yet"]
    for squad, proposals in draft.by_squad().items():
        there = sum(one.state == "there" for one in proposals)
        flaky = sum(one.flaky for one in proposals)
        never = sum(one.state in ("never", "fleeting") for one in proposals)
        said = [f"{there} there", *([f"{flaky} of them flaky"] if flaky else [])]
        said += [f"{never} not to be found"] if never else []
        lines.append(f"{squad or 'nobody’s'} {', '.join(said) if proposals else 'nothing new'}")
    return "\n".join(lines) + "\n"


def exit_code(draft: Draft, asked: int) -> int:
    """3 where a Prometheus could not be asked, or there was none to ask, else 0."""
    return UNREACHABLE if draft.errors or not asked else FINE


def edit_as_json(edit: ConfigEdit, *, written: bool) -> dict[str, Any]:
    """The document of `telemetry accept --json` and `alerts assign --json`."""
    return {"path": str(edit.path), "summary": edit.summary, "diff": edit.diff, "written": written}
