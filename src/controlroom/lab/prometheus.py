"""A Prometheus 3 beside the one of the system's package, which on Debian 12 is a 2."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from controlroom.lab.fetched import fetched
from controlroom.lab.servers import NotInstalled

VERSION = "3.11.3"

REMEDY = "make servers"
"""Builds it, with Go."""


def program(environ: Mapping[str, str] = os.environ) -> Path:
    """Its program. Raises NotInstalled."""
    path = fetched(f"prometheus-{VERSION}", environ) / "prometheus"
    if not os.access(path, os.X_OK):
        raise NotInstalled(f"prometheus {VERSION}", REMEDY)
    return path
