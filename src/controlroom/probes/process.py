"""A program run to its end, watched from a thread, so that nothing it does can hold up the room.

Why not asyncio's subprocesses: they start the program in the event loop, where a file system that hangs would
hold up every key; and `communicate` waits for whoever holds the pipe, which may be a grandchild that stays.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean

LIMIT = 65_536
"""Bytes that are kept of what it prints, of each of its two streams."""

TOO_MUCH = 64 * LIMIT
"""Bytes after which it is ended: it would print for ever."""

LOOK = 50
"""Milliseconds between two looks at a child, on systems that do not tell when it ends."""


class CannotRun(Exception):
    """Why a program cannot even be started, and what would mend that, in plain words."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of it. `code` is its exit code, or minus the number of the signal that killed it."""

    code: int
    out: bytes
    err: bytes
    flooded: bool
    """It was ended for printing more than `TOO_MUCH`."""


class Process:
    """One program. `run` blocks until it has ended; `stop` ends it, from any thread, at any time."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        """`argv[0]` is found on the PATH of `env`, or in `folder` where there is a slash in it."""
        self._argv, self._env, self._folder = argv, env, folder
        self._lock = threading.Lock()
        self._group: int | None = None
        self._stopped = False
        self._out, self._err = bytearray(), bytearray()
        self.over = threading.Event()
        """Set when nothing of it is left here."""

    @property
    def said(self) -> bytes:
        """What it has printed so far."""
        return bytes(self._out) + bytes(self._err)

    def run(self) -> Ended:
        """Start it, wait, and end what it leaves running in its process group. Raises CannotRun."""
        try:
            with self._started() as child:
                flooded = self._watch(child)
        finally:
            self.over.set()
        return Ended(child.returncode, bytes(self._out), bytes(self._err), flooded)

    def stop(self) -> None:
        """End it and all that it started; waits for nothing."""
        with self._lock:
            self._stopped = True
            self._kill()

    def _kill(self) -> None:
        if self._group is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, signal.SIGKILL)

    @contextlib.contextmanager
    def _started(self) -> Iterator[subprocess.Popen[bytes]]:
        """The running program; afterwards no process of its group is left, no zombie and no pipe."""
        name = clean(self._argv[0], 60)
        with _words(name):
            program = _found(self._argv[0], self._env, self._folder)
            if self._stopped:
                raise CannotRun("nobody waits for it any more")
            child = subprocess.Popen(
                self._argv,
                executable=program,
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        with self._lock:
            self._group = child.pid
            if self._stopped:
                self._kill()
        try:
            yield child
        finally:
            with self._lock:
                self._kill()
                self._group = None  # as soon as it is waited for, the number may be another's
            child.wait()
            for pipe in (child.stdout, child.stderr):
                if pipe is not None:
                    pipe.close()

    def _watch(self, child: subprocess.Popen[bytes]) -> bool:
        """Read what it prints until it has ended, or has printed too much: then True."""
        assert child.stdout is not None
        assert child.stderr is not None
        texts = {child.stdout.fileno(): self._out, child.stderr.fileno(): self._err}
        heard = 0
        with _exit_of(child.pid) as exited:
            poll = select.poll()
            if exited is not None:
                poll.register(exited, select.POLLIN)
            for pipe in texts:
                os.set_blocking(pipe, False)
                poll.register(pipe, select.POLLIN)
            while heard <= TOO_MUCH:
                ready = [descriptor for descriptor, _ in poll.poll(None if exited is not None else LOOK)]
                if exited in ready or (exited is None and child.poll() is not None):
                    break
                for pipe in ready:
                    read = _read(pipe, texts[pipe])
                    heard += max(read, 0)
                    if read == 0:
                        poll.unregister(pipe)
        with self._lock:
            self._kill()
        for pipe, text in texts.items():
            # What lies in the pipes still; somebody who left the group may go on printing, but not to us.
            while len(text) < LIMIT and _read(pipe, text) > 0:
                pass
        return heard > TOO_MUCH


def _read(pipe: int, text: bytearray) -> int:
    """Bytes read and added to `text` as far as they fit; 0 at the end, -1 where there are none now."""
    try:
        data = os.read(pipe, LIMIT)
    except BlockingIOError:
        return -1
    text += data[: LIMIT - len(text)]
    return len(data)


@contextlib.contextmanager
def _exit_of(pid: int) -> Iterator[int | None]:
    """A descriptor that is readable once the child has ended; None where the system has no such thing."""
    handle: int | None = None
    with contextlib.suppress(AttributeError, OSError):
        handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        if handle is not None:
            os.close(handle)


def _found(name: str, env: Mapping[str, str], folder: Path) -> str:
    """Path of the program, once it and the folder have been looked at.

    Starting a process holds up every thread until the program is loaded; a file system that hangs is met
    here first, where it holds up only this thread.
    """
    if not folder.is_dir():
        raise CannotRun("the configuration's folder is gone")
    program = shutil.which(name, path=env.get("PATH", os.defpath)) if "/" not in name else ""
    if program is None:
        raise CannotRun(f"{clean(name, 60)} is not on the PATH")
    path = Path(program) if program else folder / Path(name).expanduser()
    if stat.S_ISDIR(path.stat().st_mode):
        raise CannotRun(f"{clean(name, 60)} is a folder")
    if not os.access(path, os.X_OK):
        raise CannotRun(f"{clean(name, 40)} is not executable: chmod +x {clean(name, 40)}")
    with contextlib.suppress(PermissionError), path.open("rb") as start:
        start.read(1)
    return str(path)


_NOT_STARTED = {
    errno.ENOEXEC: "{} is no program: its first line should be #!/bin/sh or the like",
    errno.EACCES: "{} may not be run here: look at its permissions and its folder's",
    errno.ENOTDIR: "there is no {}: something on its path is no folder",
    errno.E2BIG: "the arguments of {} are too long",
    errno.EAGAIN: "no more processes may be started here: raise `ulimit -u`",
    errno.ENOMEM: "no memory is left to start {}",
    errno.EMFILE: "too many files open here: raise `ulimit -n`",
}


@contextlib.contextmanager
def _words(name: str) -> Iterator[None]:
    """What goes wrong inside as CannotRun."""
    try:
        yield
    except FileNotFoundError as error:
        there = error.filename is not None and Path(error.filename).exists()
        what = f"what runs {name} (see its first line) is missing" if there else f"there is no {name}"
        raise CannotRun(what) from None
    except OSError as error:
        words = _NOT_STARTED.get(error.errno or 0, "{}: " + clean(error.strerror or type(error).__name__, 50))
        raise CannotRun(words.format(name)) from None
    except (ValueError, RuntimeError):  # a NUL, a home that is not known
        raise CannotRun(f"{name}, an argument or a variable holds what the system does not take") from None
