"""One of the squads' files is changed whole or not at all, and only if it is the file that was read."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from controlroom.stores import documents_file
from controlroom.stores.documents_file import CannotReplace, replace

OLD, NEW = b"| a | todo |\r\n", b"| a | done |\r\n"


def digest(raw: bytes) -> str:
    return sha256(raw).hexdigest()


def to_new(raw: bytes) -> bytes:
    return raw.replace(b"todo", b"done")


def names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "board.md"
    place.write_bytes(OLD)
    return place


def refused(path: Path, make: Callable[[bytes], bytes] = to_new, raw: bytes = OLD) -> CannotReplace:
    with pytest.raises(CannotReplace) as caught:
        replace(path, digest(raw), make)
    return caught.value


def test_the_content_is_replaced(path: Path) -> None:
    """What `make` makes of it is there afterwards, and nothing else is in the folder."""
    replace(path, digest(OLD), to_new)
    assert path.read_bytes() == NEW
    assert names(path.parent) == ["board.md"]


def test_it_is_another_file_that_takes_its_place(path: Path) -> None:
    """Whoever has the old file open goes on reading the old content, to its end."""
    with path.open("rb") as reader:
        assert reader.read(4) == OLD[:4]
        replace(path, digest(OLD), to_new)
        assert reader.read() == OLD[4:]


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o664, 0o755])
def test_the_mode_stays(path: Path, mode: int) -> None:
    """Whoever could read or write it before can do so afterwards, whatever the umask."""
    path.chmod(mode)
    replace(path, digest(OLD), to_new)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(path: Path) -> None:
    """A file that belongs to somebody else still does."""
    os.chown(path, 65_534, 65_533)
    replace(path, digest(OLD), to_new)
    assert (path.stat().st_uid, path.stat().st_gid) == (65_534, 65_533)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_file_is_not_taken_from_its_owner() -> None:
    """Somebody who may write a file but cannot keep its owner is refused."""
    script = (
        "import os, sys, pathlib, hashlib; sys.path[:0] = sys.argv[2:]\n"
        "from controlroom.stores.documents_file import replace, CannotReplace\n"
        "path = pathlib.Path(sys.argv[1]); raw = path.read_bytes()\n"
        "os.setgroups([]); os.setgid(23456); os.setuid(23456)\n"
        "try: replace(path, hashlib.sha256(raw).hexdigest(), lambda r: r + b'x')\n"
        "except CannotReplace as problem: print(problem.reason)\n"
    )
    with tempfile.TemporaryDirectory() as shared:  # pytest's own folders let nobody else in
        folder = Path(shared)
        folder.chmod(0o777)
        path = folder / "board.md"
        path.write_bytes(OLD)
        path.chmod(0o666)
        os.chown(path, 12_345, 12_345)
        done = subprocess.run(
            [sys.executable, "-c", script, str(path), *sys.path], capture_output=True, text=True, check=False
        )
        assert "belongs to somebody else" in done.stdout, done.stderr
        assert path.read_bytes() == OLD
        assert names(folder) == ["board.md"]


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    """What a symbolic link leads to is changed, through several links too."""
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "one.md").symlink_to("../board.md")
    (folder / "two.md").symlink_to("one.md")
    replace(folder / "two.md", digest(OLD), to_new)
    assert (folder / "two.md").readlink() == Path("one.md")
    assert path.read_bytes() == NEW
    assert not path.is_symlink()


def test_another_content_is_refused(path: Path) -> None:
    """A file that moved underneath is left alone, and what to do is said."""
    path.write_bytes(OLD + b"more")
    problem = refused(path)
    assert "has changed" in problem.reason
    assert "nothing was written" in problem.remedy
    assert path.read_bytes() == OLD + b"more"


@pytest.mark.parametrize("how", ["in place", "by another file"])
def test_a_change_at_the_last_moment_is_seen(path: Path, how: str) -> None:
    """What an editor writes while the change is being made is not overwritten."""

    def meanwhile(raw: bytes) -> bytes:
        if how == "in place":
            path.write_bytes(b"mine")
        else:
            other = path.with_name("other")
            other.write_bytes(OLD)
            other.replace(path)
        return to_new(raw)

    assert "has changed" in refused(path, meanwhile).reason
    assert path.read_bytes() == (b"mine" if how == "in place" else OLD)
    assert names(path.parent) == ["board.md"]


def test_two_rooms_at_once_lose_nothing(path: Path) -> None:
    """Of many writers that saw the same file exactly one changes it; all others are told."""
    path.write_bytes(b"0")
    outcomes: list[str] = []
    ready = threading.Barrier(8)

    def write(name: bytes) -> None:
        ready.wait()
        try:
            replace(path, digest(b"0"), lambda raw: raw + name)
            outcomes.append(name.decode())
        except CannotReplace:
            outcomes.append("")

    threads = [threading.Thread(target=write, args=(f"{n}".encode(),)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = filter(None, outcomes)
    assert path.read_bytes() == b"0" + winner.encode()


def test_whoever_holds_it_is_waited_for_but_not_for_ever(path: Path) -> None:
    """A room that changes the same file is waited for some seconds, and then that is said."""
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        began = time.monotonic()
        assert "being changed by somebody else" in refused(path).reason
        assert documents_file.PATIENCE <= time.monotonic() - began < documents_file.PATIENCE + 2
    replace(path, digest(OLD), to_new)


def test_a_killed_writer_holds_nobody_up(path: Path) -> None:
    """After kill -9 in the middle of a change the file is whole, and the next writer succeeds at once."""
    script = (
        "import sys, time, pathlib, hashlib; sys.path[:0] = sys.argv[2:]\n"
        "from controlroom.stores.documents_file import replace\n"
        "path = pathlib.Path(sys.argv[1]); raw = path.read_bytes()\n"
        "def make(raw):\n    print('ready', flush=True); time.sleep(60)\n"
        "replace(path, hashlib.sha256(raw).hexdigest(), make)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path), *sys.path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.read_bytes() == OLD
    began = time.monotonic()
    replace(path, digest(OLD), to_new)
    assert time.monotonic() - began < 1
    assert path.read_bytes() == NEW


def test_what_make_raises_comes_through(path: Path) -> None:
    """A change that cannot be made leaves the file as it was."""

    def impossible(raw: bytes) -> bytes:
        raise LookupError(raw[:1])

    with pytest.raises(LookupError):
        replace(path, digest(OLD), impossible)
    assert path.read_bytes() == OLD


def test_no_change_writes_nothing(path: Path) -> None:
    """The same content is not written again: the file is the very same."""
    before = path.stat()
    replace(path, digest(OLD), lambda raw: raw)
    assert path.stat().st_ino == before.st_ino


def test_a_read_only_file_is_left_alone(path: Path) -> None:
    """Whoever took away the right to write meant it, even before root."""
    path.chmod(0o444)
    assert "read-only" in refused(path).reason
    assert path.read_bytes() == OLD


def test_a_file_with_two_names_is_left_alone(path: Path) -> None:
    """Replacing it would part the two names."""
    os.link(path, path.with_name("same.md"))
    assert "2 names" in refused(path).reason
    assert path.read_bytes() == OLD


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe, a loop of links and nothing at all are refused in words, and none hangs."""
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "loop.md").symlink_to("loop.md")
    assert "no regular file" in refused(tmp_path).reason
    assert "no regular file" in refused(tmp_path / "pipe.md").reason
    assert refused(tmp_path / "loop.md").reason
    assert "no such file" in refused(tmp_path / "none.md").reason


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """Without space for the new file the old one stays whole, and nothing half-written is left."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        path = disk / "board.md"
        path.write_bytes(OLD)
        problem = refused(path, lambda raw: raw * 100_000)
        assert "no space left" in problem.reason
        assert path.read_bytes() == OLD
        assert names(disk) == ["board.md"]
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert "read-only" in refused(path).reason
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_must_not_be_written(path: Path) -> None:
    """Without the right to make a new file in the folder it is refused in words."""
    path.parent.chmod(0o555)
    try:
        assert "permission denied" in refused(path).reason
    finally:
        path.parent.chmod(0o755)
