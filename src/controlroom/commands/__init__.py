"""The commands, each a thin door: it reads its options, asks, prints, and returns an exit code.

A module is imported when one of its commands is called, and everything a command needs inside its function.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping

MODULES: Mapping[str, tuple[str, ...]] = {
    "opening": ("room", "init", "config_check", "lab"),
    "looking": (
        "snapshot",
        "watch",
        "services",
        "blockers",
        "waiting",
        "lint",
    ),
    "telemetry": ("telemetry", "telemetry_accept", "telemetry_propose"),
    "gate": ("gate", "gate_waivers", "gate_waive"),
    "alerts": ("alerts", "alerts_silence", "alerts_expire", "alerts_assign"),
    "documents": ("documents_read", "documents_set_status"),
    "dates": ("calendar", "rituals"),
    "statuses": ("diff", "publish"),
    "reports": ("standup_report", "summary"),
    "evidence": ("evidence_capture", "evidence_verify"),
    "drill": ("drill_begin", "drill_injected", "drill_symptom", "drill_finish", "drill_report"),
    "benchmarks": ("benchmarks",),
    "notify": ("notify", "notify_test"),
    "triage": ("blocker", "item"),
    "log": ("log", "store_copy"),
    "outbox": ("outbox", "outbox_drain", "outbox_drop", "outbox_again"),
    "heartbeat": ("heartbeat",),
    "collecting": ("collect",),
    "serving": ("serve",),
    "themes": ("themes_list", "themes_check"),
}
"""Module of this package → the commands in it."""


def find(run: str) -> Callable[[Namespace], int]:
    """The function that runs the command `run`."""
    from importlib import import_module

    module = next(name for name, commands in MODULES.items() if run in commands)
    command: Callable[[Namespace], int] = getattr(import_module(f"controlroom.commands.{module}"), run)
    return command
