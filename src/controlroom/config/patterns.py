"""The files that `[documents].paths` means: paths and patterns, relative to the configuration."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

LIMIT = 1_000
"""Files of one pattern; one that matches more is probably not meant."""


def matching(paths: Iterable[str], folder: Path) -> Iterator[tuple[str, int]]:
    """Every path once, as it is shown, with 1; a pattern that is not as meant stands for itself.

    It then comes with how many files it matches: none, or more than `LIMIT`, the first of which follow.
    """
    found: dict[str, int] = {}
    for written in paths:
        pattern = os.path.expanduser(written) if written.startswith("~/") else written  # noqa: PTH111
        if not glob.has_magic(pattern):
            found[pattern] = 1
            continue
        # Path.glob knows no absolute patterns.
        matches = sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207
        if not 0 < len(matches) <= LIMIT:
            found[pattern] = len(matches)
        found.update(dict.fromkeys(matches[:LIMIT], 1))
    yield from found.items()
