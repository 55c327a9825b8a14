"""What tests of the scripts that fetch servers share: running one, with nothing but the tools it needs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
TOOLS = ("sh", "sed", "sort", "head", "printf", "mktemp", "mkdir", "mv", "rm", "tail", "dirname", "cat")


def script(name: str, folder: Path, path: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs the script that fetches `name` with nothing but `path`, for the cache `folder`."""
    return subprocess.run(
        ["/bin/sh", str(SCRIPTS / f"fetch-{name}.sh")],
        env={"PATH": path, "HOME": str(folder), "CONTROLROOM_SERVERS": str(folder), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def tools(folder: Path, go: str = "") -> str:
    """A PATH with the scripts' tools, and with a Go that does what `go` says."""
    folder.mkdir()
    for name in TOOLS:
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    if go:
        (folder / "go").write_text(f"#!/bin/sh\n{go}\n", encoding="utf-8")
        (folder / "go").chmod(0o755)
    return str(folder)
