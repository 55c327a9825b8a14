"""What a collector is and spends, as series."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from controlroom import __version__
from controlroom.exporting.cost import LIMITS, Cost
from controlroom.exporting.family import Family, Sample

DURATIONS = "controlroom_poll_duration_seconds"
DURATIONS_TEXT = "How long polls of a source took, whether they failed or not."
DURATIONS_LABELS = ("source", "kind")


def durations(cost: Cost) -> Iterator[tuple[tuple[str, ...], list[tuple[str, float]], float]]:
    """Labels, how many polls took no longer than each limit, and the seconds of all, for every source."""
    for polls in cost.polls:
        within = accumulate(polls.counts)
        limits = (*(f"{limit:g}" for limit in LIMITS), "+Inf")
        yield (polls.source, polls.kind), list(zip(limits, within, strict=True)), polls.seconds


def _version(_: Cost) -> Iterator[Sample]:
    yield (__version__,), 1


def _leads(cost: Cost) -> Iterator[Sample]:
    yield (), None if cost.leads is None else float(cost.leads)


def _term(cost: Cost) -> Iterator[Sample]:
    yield (), cost.term


def _collectors(cost: Cost) -> Iterator[Sample]:
    yield (), cost.collectors


def _failed(cost: Cost) -> Iterator[Sample]:
    return (((polls.source, polls.kind), polls.failed) for polls in cost.polls)


def _probe_results(cost: Cost) -> Iterator[Sample]:
    yield (), cost.probe_results


def _frames(cost: Cost) -> Iterator[Sample]:
    return (((frames.kind,), frames.frames) for frames in cost.told)


def _bytes(cost: Cost) -> Iterator[Sample]:
    return (((frames.kind,), frames.bytes) for frames in cost.told)


def _refused(cost: Cost) -> Iterator[Sample]:
    yield (), cost.refused


def _untold(cost: Cost) -> Iterator[Sample]:
    yield (), cost.untold


OWN: tuple[Family[Cost], ...] = (
    Family("controlroom_build_info", ("version",), "What is running.", _version),
    Family(
        "controlroom_collector_leads",
        (),
        "1: this collector leads, 0: it stands by; absent where there is only one.",
        _leads,
    ),
    Family("controlroom_collector_term", (), "Term of the lease under which it leads.", _term),
    Family("controlroom_collectors", (), "Collectors that are there, this one among them.", _collectors),
    Family(
        "controlroom_poll_failures_total",
        ("source", "kind"),
        "Polls of a source that failed or were given up.",
        _failed,
    ),
    Family(
        "controlroom_probe_results_total",
        (),
        "Answers of services that came, and failures to answer.",
        _probe_results,
    ),
    Family(
        "controlroom_frames_told_total",
        ("frame",),
        "Frames that were told to the screens: the room in full, what differs, or that nothing is new.",
        _frames,
    ),
    Family("controlroom_frames_told_bytes_total", ("frame",), "Their bodies.", _bytes),
    Family(
        "controlroom_frames_refused_total",
        (),
        "Frames that were not told as the lease was another's.",
        _refused,
    ),
    Family(
        "controlroom_frames_untold_total",
        (),
        "Frames that could not be told as the relay could not be reached.",
        _untold,
    ),
)
