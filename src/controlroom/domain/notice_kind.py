"""What people outside the room can be told of; apart, as every configuration reads it."""

from __future__ import annotations

from typing import Literal

NoticeKind = Literal[
    "service",
    "signal",
    "gate",
    "blocker",
    "escalation",
    "breach",
    "regression",
    "ritual",
    "summary",
    "watchdog",
]
"""What people can be told of: a service that changes, a signal lost or back, a verdict, a blocker opened or
resolved, one escalated, one over its time, a benchmark that got worse, a ritual's end, a weekly summary, a
dead-man's switch."""
