"""Probes: one file per kind of service, one line in the registry each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controlroom.probes.port import Probe

_REGISTRY = {
    "http": "HttpProbe",
    "tcp": "TcpProbe",
    "redis": "RedisProbe",
    "prometheus": "PrometheusProbe",
    "alertmanager": "AlertmanagerProbe",
}
"""Kind → the class in the module of the kind's name."""

KINDS: tuple[str, ...] = tuple(_REGISTRY)
"""What `kind` may be in `[[services]]`."""


def probe_for(kind: str) -> Probe:
    """A new probe of `kind`; imports its module, and with it the client library, only now.

    Raises KeyError for a kind that is not in `KINDS`.
    """
    from importlib import import_module

    name = _REGISTRY[kind]
    probe: Probe = getattr(import_module(f"controlroom.probes.{kind}"), name)()
    return probe
