"""The relay on this machine: a unix socket that sends the room to whoever connects, if it is the same user.

Nothing is ever asked there. Who connects gets a greeting, with the number of frames that are told already,
then these, the newest full one first, and then each as it is told. A frame is `_HEAD` and what that counts.
A screen that is slow, or stands still, holds nobody up: what it did not take yet gives way to the next full
frame, and of the frames in which nothing is new only the last waits for it.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import selectors
import socket
import stat
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from controlroom.domain.text import clean
from controlroom.stores.port import Unavailable
from controlroom.stores.relay import BODY, SCREENS, SOCKET, Frame, Heard
from controlroom.stores.telling import instant, micros

if TYPE_CHECKING:
    from controlroom.stores.lease import Held

PATIENCE = 2.0
"""Seconds that a screen waits for the greeting, and for the rest of what has begun to come."""

AGAIN = 0.2
"""Seconds until a connection is accepted again where this process has too many files open."""

ADDRESS = 107
"""Bytes that a unix socket's address has room for."""

NAME = 200
"""Characters a collector's name may have."""

MOST = 100_000
"""Frames of a greeting at most."""

_GREETING = struct.Struct(">16sI")
_MAGIC = b"controlroom rel1"
_HEAD = struct.Struct(">QQ?qddHI")
"""Term, number, full, when it was told in microseconds since 1970, how far this machine's clock is ahead of
the collector's (not a number: unknown), how wrong that may be, the lengths of its name and of the body."""


class _Waiting(NamedTuple):
    """A frame as it is sent."""

    content: bytes
    full: bool
    empty: bool


class _Screen:
    """One that listens, and what is still to be sent to it."""

    def __init__(self, plug: socket.socket) -> None:
        self.plug = plug
        self.begun = memoryview(b"")
        """The rest of what is being sent."""
        self.waiting: deque[_Waiting] = deque()

    def add(self, frame: _Waiting) -> None:
        """Send `frame` in its turn, and not what it makes needless."""
        if frame.full:
            self.waiting.clear()
        elif self.waiting and self.waiting[-1].empty:
            self.waiting.pop()
        self.waiting.append(frame)

    def send(self) -> bool:
        """As much as it takes now; whether something is left. Raises OSError."""
        while self.begun or self.waiting:
            if not self.begun:
                self.begun = memoryview(self.waiting.popleft().content)
            try:
                self.begun = self.begun[self.plug.send(self.begun) :]
            except BlockingIOError:
                return True
        return False


class SocketPublisher:
    """Listens at `path`, mode 0600, from the start; the file goes when it is closed. Any thread may call.

    Raises OSError where that cannot be: another one listens there, or something else lies there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._told: list[_Waiting] = []
        """The newest full frame and all since; of those in which nothing is new the last."""
        self._last: Frame | None = None
        self._screens: dict[socket.socket, _Screen] = {}
        self._closed = False
        self._listener = _listening(path)
        about = os.lstat(path)
        self._file = about.st_dev, about.st_ino
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        self._thread = threading.Thread(target=self._serve, name="relay on this machine", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What `open_follower` follows it by."""
        return f"{SOCKET}{self.path}"

    @property
    def screens(self) -> int:
        """How many are connected."""
        return len(self._screens)

    def tell(
        self, frame: Frame, held: Held | None = None, ahead: float | None = 0.0, uncertain: float = 0.0
    ) -> None:
        """Tell `frame` to everybody. No lease is asked for: whoever has the file leads.

        `ahead`: seconds that this machine's clock is ahead of the collector's, 0 where that is this process.
        Raises Unavailable where the one before it was not told here: the next one has to be full.
        """
        del held
        if len(frame.body) > BODY:
            raise Unavailable(f"the room takes more than {BODY >> 20} MiB to tell", "divide the programme")
        name = frame.by.encode()[: 4 * NAME]
        numbers = frame.term, frame.seq, frame.full, micros(frame.at)
        head = _HEAD.pack(
            *numbers, float("nan") if ahead is None else ahead, uncertain, len(name), len(frame.body)
        )
        told = _Waiting(b"".join((head, name, frame.body)), frame.full, not frame.body)
        with self._lock:
            if self._closed:
                raise Unavailable("nothing is told here any more", "start it anew")
            if not frame.full and not _goes_on(self._last, frame):
                raise Unavailable("what was told before was not told here", "the room is told anew by itself")
            self._last = frame
            if frame.full:
                self._told = []
            elif self._told[-1].empty:
                self._told.pop()
            self._told.append(told)
            for screen in self._screens.values():
                screen.add(told)
        self._rouse()

    def pass_on(self, heard: Heard) -> None:
        """Tell what was heard elsewhere, as it was told there. Raises Unavailable: join there again."""
        for frame in heard.frames:
            self.tell(frame, None, heard.ahead, heard.uncertain)

    def close(self) -> None:
        """Hang up, and listen no more; idempotent, quick."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._rouse()
        self._thread.join(PATIENCE)
        with contextlib.suppress(OSError):
            about = os.lstat(self.path)
            if (about.st_dev, about.st_ino) == self._file:
                self.path.unlink()

    def _rouse(self) -> None:
        with contextlib.suppress(OSError):  # full: it is going to wake up anyway
            self._wake.send(b".")

    # In the thread

    def _serve(self) -> None:
        with selectors.DefaultSelector() as ready, contextlib.ExitStack() as stack:
            for own in (self._wake, self._woken, self._listener):
                stack.callback(own.close)
            stack.callback(self._hang_up)
            ready.register(self._woken, selectors.EVENT_READ)
            ready.register(self._listener, selectors.EVENT_READ)
            resting = 0.0
            while not self._closed:
                left = None if not resting else max(0.0, resting - time.monotonic())
                happened = [(key.fileobj, events) for key, events in ready.select(left)]
                if resting and time.monotonic() >= resting:
                    resting = 0.0
                    ready.register(self._listener, selectors.EVENT_READ)
                for plug, events in happened:
                    if plug is self._woken:
                        self._woken.recv(4096)
                    elif plug is self._listener:
                        if not self._accept(ready):
                            ready.unregister(self._listener)
                            resting = time.monotonic() + AGAIN
                    elif events & selectors.EVENT_READ:
                        self._drop(ready, plug)  # nobody has anything to say here: it is the end
                self._send(ready)

    def _accept(self, ready: selectors.BaseSelector) -> bool:
        """Greet one more; False where this process can open nothing more."""
        try:
            plug, _ = self._listener.accept()
        except OSError as problem:
            return problem.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
        if len(self._screens) >= SCREENS or not _is_ours(plug):
            plug.close()
            return True
        plug.setblocking(False)
        screen = _Screen(plug)
        with self._lock:
            screen.begun = memoryview(_GREETING.pack(_MAGIC, len(self._told)))
            screen.waiting.extend(self._told)
            self._screens[plug] = screen
        ready.register(plug, selectors.EVENT_READ)
        return True

    def _send(self, ready: selectors.BaseSelector) -> None:
        for plug, screen in list(self._screens.items()):
            try:
                with self._lock:
                    left = screen.send()
            except OSError:
                self._drop(ready, plug)
                continue
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if left else 0)
            if ready.get_key(plug).events != events:
                ready.modify(plug, events)

    def _drop(self, ready: selectors.BaseSelector, plug: object) -> None:
        assert isinstance(plug, socket.socket)
        ready.unregister(plug)
        with self._lock:
            del self._screens[plug]
        plug.close()

    def _hang_up(self) -> None:
        with self._lock:
            plugs = list(self._screens)
            self._screens.clear()
        for plug in plugs:
            plug.close()


class SocketFollower:
    """Follows what is told at `path`. The room is believed only from a process of the same user."""

    def __init__(self, path: Path) -> None:
        self.where = f"{SOCKET}{clean(str(path), 200)}"
        self._path = path
        self._turn = threading.Lock()
        """Held by the one that hears."""
        self._lock = threading.Lock()
        self._closed = False
        self._plug: socket.socket | None = None
        self._came = bytearray()
        self._connections = 0
        self._count = 0
        self._aside: tuple[float | None, float] = None, 0.0

    def join(self) -> Heard:
        """The newest full frame and all that were told after it. Raises Unavailable."""
        with self._plainly():
            until = time.monotonic() + PATIENCE
            self._connect(until)
            magic, count = _GREETING.unpack(self._taken(_GREETING.size, until))
            if magic != _MAGIC or count > MOST:
                raise _Odd
            return self._heard([self._frame(until) for _ in range(count)])

    def hear(self, cursor: str, wait: float) -> Heard:
        """What was told after `cursor`, waiting up to `wait` seconds for it. Raises Unavailable."""
        if self._plug is None or cursor != self._cursor:
            return self.join()
        with self._plainly():
            frames: list[Frame] = []
            until = time.monotonic() + wait
            while self._came or self._readable(until if not frames else 0.0):
                frames.append(self._frame(time.monotonic() + PATIENCE))
            return self._heard(frames)

    def close(self) -> None:
        """Let go of the connection, also of one that waits in another thread; idempotent, quick."""
        with self._lock:
            self._closed = True
            if self._plug is not None:
                with contextlib.suppress(OSError):
                    self._plug.shutdown(socket.SHUT_RDWR)
        if self._turn.acquire(blocking=False):  # else whoever waits lets go of it now
            try:
                self._let_go()
            finally:
                self._turn.release()

    @property
    def _cursor(self) -> str:
        return f"{self._connections}-{self._count}"

    def _heard(self, frames: list[Frame]) -> Heard:
        self._count += len(frames)
        return Heard(frames, self._cursor, *self._aside)

    def _connect(self, until: float) -> None:
        self._let_go()
        plug = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with self._lock:
            if self._closed:
                plug.close()
                raise Unavailable("not followed any more", "follow it anew")
            self._plug = plug
        plug.settimeout(max(0.01, until - time.monotonic()))
        with _short(self._path) as address:
            plug.connect(address)
        if not _is_ours(plug):
            raise PermissionError
        self._connections += 1
        self._count = 0

    def _let_go(self) -> None:
        with self._lock:
            plug, self._plug = self._plug, None
        self._came.clear()
        self._aside = None, 0.0
        if plug is not None:
            plug.close()

    def _frame(self, until: float) -> Frame:
        head = self._taken(_HEAD.size, until)
        term, seq, full, at, ahead, uncertain, named, length = _HEAD.unpack(head)
        if named > 4 * NAME or length > BODY:
            raise _Odd
        by = self._taken(named, until).decode("utf-8")
        body = self._taken(length, until)
        self._aside = (None if math.isnan(ahead) else ahead), uncertain
        return Frame(term, seq, full, instant(at), clean(by, NAME), body)

    def _taken(self, length: int, until: float) -> bytes:
        """So many bytes. Raises OSError, EOFError."""
        came = self._came
        while len(came) < length:
            assert self._plug is not None
            self._plug.settimeout(max(0.001, until - time.monotonic()))
            if time.monotonic() > until:
                raise TimeoutError
            some = self._plug.recv(1 << 18)
            if not some:
                raise EOFError
            came += some
        taken = bytes(memoryview(came)[:length])
        del came[:length]
        return taken

    def _readable(self, until: float) -> bool:
        """Whether something comes before `until`, if only the end."""
        assert self._plug is not None
        poll = select.poll()
        poll.register(self._plug, select.POLLIN)
        return bool(poll.poll(max(0.0, until - time.monotonic()) * 1000))

    @contextlib.contextmanager
    def _plainly(self) -> Iterator[None]:
        """What goes wrong, as Unavailable; the connection is let go of then."""
        with self._turn:
            try:
                yield
            except (OSError, EOFError, _Odd, ValueError, OverflowError) as problem:
                self._let_go()
                raise _unavailable(problem, self.where) from None
            except BaseException:
                self._let_go()
                raise


class _Odd(Exception):
    """Something that no relay of this version says."""


def _unavailable(problem: Exception, where: str) -> Unavailable:
    if isinstance(problem, (FileNotFoundError, ConnectionRefusedError)):
        return Unavailable(f"{where}: nobody tells the room there", "start what told it again")
    if isinstance(problem, PermissionError):
        return Unavailable(f"{where}: belongs to somebody else", "follow as the user who tells the room")
    if isinstance(problem, (EOFError, ConnectionError)):
        return Unavailable(f"{where}: hung up", "start what told the room again")
    if isinstance(problem, TimeoutError):
        return Unavailable(f"{where}: does not answer in time", "see what the process there does")
    if isinstance(problem, OSError):
        return Unavailable(f"{where}: {problem.strerror or 'cannot be followed'}", "check the path")
    return Unavailable(f"{where}: answers, but not as a relay does", "check the path")


def _goes_on(last: Frame | None, frame: Frame) -> bool:
    """Whether `frame`, which is not full, comes right after `last`."""
    if last is None or (last.term, last.by) != (frame.term, frame.by):
        return False
    return frame.seq == last.seq + bool(frame.body)


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of `path` for which a socket's address has room, however deep its folder lies (Linux)."""
    if len(os.fsencode(path)) <= ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _listening(path: Path) -> socket.socket:
    """A socket that listens at `path`; one that was left behind there goes. Raises OSError."""
    plug = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        plug.setblocking(False)
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(os.lstat(path).st_mode) and _left_behind(path):
                path.unlink()
        with _short(path) as address:
            plug.bind(address)
        path.chmod(0o600)  # before anybody can connect: that takes `listen`
        plug.listen(128)
    except BaseException:
        plug.close()
        raise
    return plug


def _left_behind(path: Path) -> bool:
    """Whether nobody listens at the socket `path` any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plug:
        plug.settimeout(PATIENCE)
        try:
            with _short(path) as address:
                plug.connect(address)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _is_ours(plug: socket.socket) -> bool:
    """Whether the process at the other end is this user's."""
    if not hasattr(socket, "SO_PEERCRED"):  # elsewhere than on Linux the file's mode has to do
        return True
    about = plug.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", about)
    return bool(user == os.geteuid())
