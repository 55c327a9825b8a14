"""What the tests of probes have in common: a prober of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import pytest

from controlroom.probes.prober import Prober


@pytest.fixture
async def prober(request: pytest.FixtureRequest) -> AsyncIterator[Prober]:
    """A prober that knows the module's `SECRETS` by name; the client library of its `KIND` is loaded."""
    secrets: Mapping[str, str] = getattr(request.module, "SECRETS", {})
    made = Prober(lambda: datetime.now(UTC), lambda ref: secrets.get(ref.env or "", ""))
    kind: str | None = getattr(request.module, "KIND", None)
    if kind is not None:
        await made.load(kind)
    yield made
    made.close()
