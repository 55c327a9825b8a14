"""Annotations of the configuration: what they name is known to whoever reads them."""

from __future__ import annotations

import subprocess
import sys

READ = """
import typing
from dataclasses import is_dataclass
from controlroom.config import hints
from controlroom.config.shape import File
hints.resolve()
seen, waiting = set(), [File]
while waiting:
    one = waiting.pop()
    if one in seen:
        continue
    seen.add(one)
    if is_dataclass(one):
        waiting += typing.get_type_hints(one).values()
    waiting += typing.get_args(one)
used = {one.__module__ for one in seen if is_dataclass(one)}
print(*sorted({f"controlroom.{name}" for name in hints.NAMED} ^ used))
"""


def test_the_modules_that_are_named_are_those_that_annotations_need() -> None:
    """From the shape of the file down every annotation is read; no module is missing or idle."""
    done = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == ""
