"""Broken copies of the write path, to see that the tests beside this file catch each of them.

``python -m tests.chaos.mutants`` makes a copy of the package for each, runs the tests on it, and says which
of them failed. A mutant that survives is a promise nobody holds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import controlroom

PACKAGE = Path(controlroom.__file__).parent


@dataclass(frozen=True)
class Mutant:
    """One change that breaks a promise; `tests` (a -k expression) must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: str


MUTANTS = (
    Mutant(
        "rename over what is there instead of link",
        "stores/folder_files.py",
        "os.link(self._name, file_name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)",
        "os.rename(self._name, file_name, src_dir_fd=folder, dst_dir_fd=folder)",
        "folder and (people_at_once or ten_processes)",
    ),
    Mutant(
        "no comparison with what was seen",
        "stores/folder_log.py",
        'if action.expect is None or action.expect == (last.action.id if last else ""):',
        "if True:",
        "folder and (same_base or people_at_once)",
    ),
    Mutant(
        "no look at the id",
        "stores/folder_log.py",
        "held = self._by_id.get(action.id)",
        "held = None",
        "folder and (ten_processes or durable_system_call)",
    ),
    Mutant(
        "the action's file is not fsynced",
        "stores/folder_files.py",
        "            os.fsync(handle)\n            about",
        "            about",
        "folder and durable_first",
    ),
    Mutant(
        "answered before the folder is fsynced",
        "stores/folder_log.py",
        "            files.sync_folder(folder)\n        finally:\n            if draft",
        "            pass\n        finally:\n            if draft",
        "folder and durable_first",
    ),
    Mutant(
        "the outbox is not fsynced",
        "stores/outbox_files.py",
        "        os.fsync(handle)\n        _link",
        "        _link",
        "folder and durable_first",
    ),
    Mutant(
        "the file is made under its final name and then written",
        "stores/folder_files.py",
        "        os.link(self._name, file_name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)",
        "        made = os.open(file_name, _CREATE, 0o644, dir_fd=folder)\n"
        "            os.write(made, files_content(folder, self._name))\n"
        "            os.close(made)\n"
        "            self._inode = (os.stat(file_name, dir_fd=folder).st_dev,"
        " os.stat(file_name, dir_fd=folder).st_ino)",
        "folder and (durable_first or durable_system_call)",
    ),
    Mutant(
        "a hole is filled",
        "stores/folder_log.py",
        "        self._object(_missing(self._head + 1))\n",
        "        return\n",
        "folder and damaged",
    ),
    Mutant(
        "a queued action is forgotten once it was tried",
        "stores/delivery.py",
        "            return Outcome("
        '"queued", one.action, reason=self._stuck.reason, remedy=self._stuck.remedy)',
        "            self.outbox.delivered(one, 0)\n"
        '            return Outcome("queued", one.action, reason=self._stuck.reason)',
        "folder and (full_disk or read_only)",
    ),
    Mutant(
        "Redis: no comparison with what was seen",
        "stores/redis_script.py",
        "  if last ~= ARGV[7] then",
        "  if false then",
        "redis and (same_base or cut_twice)",
    ),
    Mutant(
        "Redis: no look at the id",
        "stores/redis_script.py",
        "local had = call('HGET', ids, id)",
        "local had = false",
        "redis and repeated",
    ),
    Mutant(
        "Redis: what was acknowledged is not handed in again",
        "stores/delivery.py",
        "        if self.outbox.lose_all():",
        "        if True:",
        "redis and restarted_empty",
    ),
)

READER = """

def files_content(folder: int, name: str) -> bytes:
    handle = os.open(name, os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(handle, LIMIT)
    finally:
        os.close(handle)
"""
"""What the torn mutant needs to copy a file by hand."""


def main(wanted: list[str]) -> int:
    """Try every mutant, or those whose name holds one of `wanted`; 1 when one survives."""
    survivors = 0
    for mutant in MUTANTS:
        if wanted and not any(word in mutant.name for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as name:
            source = Path(name)
            shutil.copytree(PACKAGE, source / "controlroom", ignore=shutil.ignore_patterns("__pycache__"))
            _change(source / "controlroom" / mutant.file, mutant)
            said = subprocess.run(
                [
                    *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"),
                    *("tests/chaos", "-k", mutant.tests),
                ],
                env=os.environ | {"CONTROLROOM_CHAOS_SOURCE": str(source)},
                capture_output=True,
                text=True,
                check=False,
            ).stdout
        caught = re.findall(r"^FAILED \S+::(\S+)", said, re.MULTILINE)
        survivors += not caught
        print(f"{'caught by ' + caught[0] if caught else 'SURVIVED'}: {mutant.name}", flush=True)  # noqa: T201
        if not caught:
            print(said[-600:], flush=True)  # noqa: T201
    return 1 if survivors else 0


def _change(path: Path, mutant: Mutant) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.name}: {mutant.file} has changed"
    text = text.replace(mutant.old, mutant.new)
    if "files_content" in mutant.new:
        text += READER
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
