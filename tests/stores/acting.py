"""What tests of the outbox and of delivery share: actions, a small disk, processes with a fault in them."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from controlroom.domain.actions import Action, Entry
from controlroom.lab import servers
from controlroom.stores.delivery import Delivery
from controlroom.stores.folder_log import FolderLog
from controlroom.stores.outbox import Outbox
from controlroom.stores.port import Log

NOW = dt.datetime(2031, 5, 6, 8, tzinfo=dt.UTC)


def act(
    id_: str,
    item: str = "b-1",
    expect: str | None = None,
    *,
    kind: str = "assign",
    who: str = "ana",
    **args: str,
) -> Action:
    """An action; two of the same arguments are the same deed."""
    return Action(id_, item, kind, args or {"owner": f"Inês {id_}"}, who, "quay", NOW, expect)


def folder_delivery(base: Path, who: str = "ana") -> Delivery:
    """The delivery of one person into the log that all in `base` share."""
    log = FolderLog(base / "log")
    return Delivery(log, Outbox(base / who, log.url))


def ids(log: Log) -> list[str]:
    """What the log holds, in order."""
    return [entry.action.id for entry in log.read().entries]


def entries(log: Log) -> list[Entry]:
    """What the log holds."""
    return list(log.read().entries)


@contextlib.contextmanager
def disk(where: Path, size: str = "64k") -> Iterator[Path]:
    """A small file system of its own at `where`."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a small file system")
    where.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(where)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)


def remount(where: Path, how: str) -> None:
    """``ro`` or ``rw``."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(where)], check=True)


def fill(where: Path) -> Path:
    """Leave no room on the file system of `where`; remove the file that is given to make some."""
    filler = where / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as full:
        while True:
            full.write(b"x" * 1024)
    return filler


SUBMIT = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from pathlib import Path
from tests.stores.acting import act, folder_delivery
base, item, kind, ids = Path(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:]
delivery = folder_delivery(base)
for id_ in ids:
    outcome = delivery.submit(act(id_, item, kind=kind))
    print(id_, outcome.status, outcome.rev, outcome.reason, flush=True)
"""


def submitting(base: Path, *ids_: str, item: str = "b-1", kind: str = "note") -> list[str]:
    """The command line of a process that submits actions of these ids with `folder_delivery(base)`."""
    root = Path(__file__).parents[2]
    path = f"{root}:{root / 'src'}"
    return [sys.executable, "-B", "-c", SUBMIT, path, str(base), item, kind, *ids_]


def hurt(faults: Sequence[str], command: Sequence[str], trace: Path) -> subprocess.CompletedProcess[str]:
    """Run `command` with faults such as ``fsync:error=EIO:when=2`` at its system calls."""
    return subprocess.run(
        [*_traced(faults, trace), *command], capture_output=True, text=True, timeout=60, check=False
    )


def stopped(faults: Sequence[str], command: Sequence[str], trace: Path) -> subprocess.Popen[str]:
    """`command` under way in a process group of its own, with faults such as ``link:signal=SIGSTOP``."""
    return subprocess.Popen(
        [*_traced(faults, trace), *command], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def _traced(faults: Sequence[str], trace: Path) -> list[str]:
    try:
        strace = servers.find("strace")
    except servers.NotInstalled as missing:
        if os.environ.get("CONTROLROOM_REQUIRE_SERVERS") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    calls = ",".join(fault.partition(":")[0] for fault in faults)
    injected = [part for fault in faults for part in ("-e", f"inject={fault}")]
    return [strace, "-f", "-qq", "-o", str(trace), "-e", f"trace={calls}", *injected]
