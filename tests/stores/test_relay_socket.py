"""The relay on this machine: whoever is the same user hears all, and nobody waits for the slow."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.lab import servers
from controlroom.stores import relay, relay_socket
from controlroom.stores.relay import BODY, Follower, open_follower, open_publisher
from controlroom.stores.relay_socket import SocketFollower, SocketPublisher
from tests.conftest import Start
from tests.stores.redis_logs import PATIENT, refusal, within
from tests.stores.relaying import Collector, Screen, lead
from tests.stores.test_ring import differing

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the socket is; its name is short enough for one."""
    return tmp_path / "room"


@pytest.fixture
def publisher(path: Path) -> Iterator[SocketPublisher]:
    """One that listens there."""
    made = SocketPublisher(path)
    yield made
    made.close()


@contextlib.contextmanager
def following(path: Path, count: int) -> Iterator[list[Screen]]:
    """So many screens, which have joined."""
    followers: list[Follower] = [open_follower(f"unix-relay:{path}", PATIENT) for _ in range(count)]
    try:
        screens = [Screen(follower) for follower in followers]
        for screen in screens:
            screen.look()
        yield screens
    finally:
        for follower in followers:
            follower.close()


def test_twenty_screens_hear_what_is_told(path: Path, publisher: SocketPublisher) -> None:
    """Early or late, each has the whole room, and then each frame at once; the file is the user's alone."""
    assert path.stat().st_mode & 0o777 == 0o600
    collector = Collector(publisher)
    with following(path, 10) as early:
        assert {len(screen.heard.frames) for screen in early} == {0}
        for _ in range(3):
            collector.tell()
        collector.word()
        collector.word()
        with following(path, 10) as late:
            assert {len(screen.heard.frames) for screen in late} == {4}
            assert publisher.screens == 20
            threading.Timer(0.2, collector.tell).start()
            for screen in (*early, *late):
                with within(0.3):
                    while screen.version != 4:
                        assert screen.look(5).frames
                assert screen.shown is not None
                assert differing(screen.shown, collector.shown) == []
                assert screen.heard.ahead == 0.0


def test_a_screen_that_stands_still_holds_nobody_up(path: Path, publisher: SocketPublisher) -> None:
    """What it did not take gives way to the next full frame: it wakes up to the room as it is."""
    collector = Collector(publisher)
    collector.tell()
    with following(path, 2) as (quick, slow):
        for number in range(400):
            if number % 20 == 0:
                collector.teller.again()
            frame = collector.frame()
            padded = frame._replace(body=frame.body + bytes(20_000))  # zlib ends before it
            with within(0.2):
                publisher.tell(padded)
            collector.word()
        quick.until(collector.shown)
        waiting = list(publisher._screens.values())
        assert max(len(screen.waiting) for screen in waiting) <= 21
        slow.until(collector.shown)
        assert slow.shown is not None
        assert differing(slow.shown, collector.shown) == []


def test_words_do_not_pile_up(path: Path, publisher: SocketPublisher) -> None:
    """Of those that nothing is new a late joiner hears the last one only."""
    collector = Collector(publisher)
    collector.tell()
    for _ in range(100):
        collector.word()
    with following(path, 1) as (screen,):
        assert [frame.body == b"" for frame in screen.heard.frames] == [False, True]


def test_a_frame_that_builds_on_nothing_is_refused(path: Path, publisher: SocketPublisher) -> None:
    """What was passed over elsewhere is noticed here, too: the next one has to be full."""
    collector = Collector(publisher)
    assert "anew by itself" in refusal(collector.word).remedy
    collector.tell()
    collector.frame()
    assert "not told here" in refusal(collector.tell).reason
    collector.tell()
    with following(path, 1) as (screen,):
        assert screen.version == collector.seq
    frame = collector.frame()._replace(body=bytes(BODY + 1))
    assert "MiB" in refusal(lambda: publisher.tell(frame)).reason


def test_what_is_heard_elsewhere_is_passed_on(start: Start, path: Path, publisher: SocketPublisher) -> None:
    """One process follows Redis for all screens here: they hear the same frames, and how the clocks go."""
    server = start(servers.redis)
    lead(server.port)
    url = f"redis://{server.address}"
    far, near = open_publisher(url, PATIENT), open_follower(url, PATIENT)
    collector = Collector(far, slow=40.0)
    collector.tell()
    heard = near.join()
    publisher.pass_on(heard)
    with following(path, 3) as screens:
        collector.tell()
        collector.word()
        publisher.pass_on(near.hear(heard.cursor, 5))
        for screen in screens:
            screen.until(collector.shown)
            assert screen.heard.ahead == pytest.approx(40, abs=0.5)
        publisher.pass_on(near.join())  # it joined again: nobody goes back
        collector.tell()
        publisher.pass_on(near.join())
        for screen in screens:
            screen.until(collector.shown)
    far.close()
    near.close()


def test_a_place_that_is_taken_is_left_alone(path: Path, publisher: SocketPublisher) -> None:
    """Another one that listens, and a file of any other kind; what was left behind is taken over."""
    with pytest.raises(OSError, match="in use"):
        SocketPublisher(path)
    Collector(publisher).tell()
    with following(path, 1) as (screen,):
        assert screen.version == 1
    other = path.with_name("file")
    other.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        SocketPublisher(other)
    assert other.read_text() == "mine"
    with pytest.raises(OSError, match="too long"):
        SocketPublisher(path.with_name("x" * 200))
    publisher.close()
    publisher.close()
    assert not path.exists()
    refusal(SocketFollower(path).join)


TOLD = """
import sys, time
from pathlib import Path
from controlroom.stores.relay_socket import SocketPublisher
from tests.stores.relaying import Collector
collector = Collector(SocketPublisher(Path(sys.argv[1])))
while True:
    collector.tell()
    print(collector.seq, flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def telling(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that tells there, a frame for each line that it is given."""
    with subprocess.Popen(
        [sys.executable, "-c", TOLD, str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_a_socket_may_lie_deep(tmp_path: Path) -> None:
    """A folder with a longer name than a socket's address may have is no hindrance, nor what was left."""
    deep = tmp_path / ("deep-" * 30) / "relay"
    deep.parent.mkdir()
    for _ in range(2):
        with telling(deep) as process, following(deep, 1) as (screen,):
            assert screen.version == 1
            process.kill()


def test_a_process_that_is_killed_is_noticed_at_once(path: Path) -> None:
    """Its screens know while they wait; the next one takes the place, and they heal there."""
    with telling(path) as process, following(path, 1) as (screen,):
        assert screen.version == 1
        threading.Timer(0.2, process.kill).start()
        with within(0.2):
            assert "hung up" in refusal(lambda: screen.look(30)).reason
        process.wait()
        assert "nobody tells" in refusal(screen.look).reason
        assert path.exists()
        with telling(path):
            screen.look()
            assert [frame.full for frame in screen.heard.frames] == [True]


def test_a_process_that_stands_still_is_silent_not_wrong(path: Path) -> None:
    """SIGSTOP: nothing comes, and nothing hangs; who joins meanwhile is told that it does not answer."""
    with telling(path) as process, following(path, 1) as (screen,):
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        with within(0.2):
            assert screen.look(0.2).frames == []
        late = SocketFollower(path)
        with within(relay_socket.PATIENCE):
            assert "does not answer" in refusal(late.join).reason
        process.send_signal(signal.SIGCONT)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        while screen.version != 2:
            assert screen.look(5).frames


def test_closing_ends_a_wait(path: Path, publisher: SocketPublisher) -> None:
    """From another thread, at once; the publisher sees it go."""
    with following(path, 1) as (screen,):
        threading.Timer(0.2, screen.follower.close).start()
        with within(0.2):
            refusal(lambda: screen.look(30))
        assert "not followed any more" in refusal(screen.look).reason
    give_up = time.monotonic() + 5
    while publisher.screens:
        assert time.monotonic() < give_up
        time.sleep(0.01)  # the end of a connection gives the test no event


def test_who_talks_or_crowds_is_sent_away(path: Path, publisher: SocketPublisher) -> None:
    """Nothing is asked here: whoever says something is hung up on; so is one screen too many."""
    Collector(publisher).tell()
    with socket.socket(socket.AF_UNIX) as plug:
        plug.connect(str(path))
        plug.settimeout(5)
        plug.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            while plug.recv(65_536):
                pass
    with following(path, relay.SCREENS) as screens:
        one_more = SocketFollower(path)
        assert "hung up" in refusal(one_more.join).reason
        screens[0].follower.close()
        give_up = time.monotonic() + 5
        while publisher.screens == relay.SCREENS:
            assert time.monotonic() < give_up
            time.sleep(0.01)  # the end of a connection gives the test no event
        assert len(one_more.join().frames) == 1
        one_more.close()


FULL = """
import os, resource, sys
from pathlib import Path
from controlroom.stores.relay_socket import SocketPublisher
from tests.stores.relaying import Collector
collector = Collector(SocketPublisher(Path(sys.argv[1])))
collector.tell()
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 2, 4096))
print("ready", flush=True)
sys.stdin.readline()
"""


def ticks(process: subprocess.Popen[str]) -> int:
    """What it has used of the processor, in the system's ticks."""
    return sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def test_too_many_open_files_cost_no_time(path: Path) -> None:
    """Who cannot be accepted waits, the process that tells does not spin, and goes on later."""
    with subprocess.Popen(
        [sys.executable, "-c", FULL, str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        began = ticks(process)
        plugs = []
        for _ in range(6):
            plugs.append(socket.socket(socket.AF_UNIX))
            plugs[-1].connect(str(path))
        late = SocketFollower(path)
        refusal(late.join)  # it waits as long as it may
        assert ticks(process) - began < 0.5 * os.sysconf("SC_CLK_TCK")
        for plug in plugs:
            plug.close()
        assert len(late.join().frames) == 1
        late.close()
        process.kill()


def test_what_is_no_relay_is_told_apart(path: Path) -> None:
    """Something else that listens there, and sizes that cannot be: nothing of it is taken."""
    head = relay_socket._HEAD
    greeting = relay_socket._GREETING.pack(relay_socket._MAGIC, 1)
    says = (
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        relay_socket._GREETING.pack(relay_socket._MAGIC, relay_socket.MOST + 1),
        greeting + head.pack(1, 1, True, 0, 0.0, 0.0, 4, BODY + 1),
        greeting + head.pack(1, 1, True, 0, 0.0, 0.0, 60_000, 1),
        greeting + head.pack(1, 1, True, 2**62, 0.0, 0.0, 0, 1) + b"x",
        greeting + head.pack(1, 1, True, 0, 0.0, 0.0, 1, 1) + b"\xff\xff",
    )
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        for words in says:
            follower = SocketFollower(path)

            def answer(words: bytes = words) -> None:
                plug, _ = listener.accept()
                with plug:
                    plug.sendall(words)

            thread = threading.Thread(target=answer)
            thread.start()
            assert "not as a relay does" in refusal(follower.join).reason
            thread.join()
            follower.close()


STRANGER = """
import os, socket, sys
os.setuid(65534)
plug = socket.socket(socket.AF_UNIX)
if sys.argv[1] == "hears":
    plug.connect(sys.argv[2])
    plug.settimeout(5)
    print(len(plug.recv(1000)))
else:
    plug.bind(sys.argv[2])
    plug.listen()
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_stranger_neither_hears_nor_is_believed() -> None:
    """Though the file lets anybody in: the other end is asked whose it is, on both sides."""
    open_to_all = Path(tempfile.mkdtemp())  # pytest's own is closed to strangers
    open_to_all.chmod(0o777)
    try:
        publisher = SocketPublisher(open_to_all / "room")
        Collector(publisher).tell()
        publisher.path.chmod(0o666)
        arguments = [sys.executable, "-c", STRANGER]
        heard = subprocess.run(
            [*arguments, "hears", str(publisher.path)], capture_output=True, text=True, cwd="/", check=True
        )
        assert heard.stdout == "0\n"
        publisher.close()
        with subprocess.Popen(
            [*arguments, "tells", str(open_to_all / "other")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            assert "somebody else" in refusal(SocketFollower(open_to_all / "other").join).reason
            process.kill()
    finally:
        for left in open_to_all.iterdir():
            left.unlink()
        open_to_all.rmdir()
