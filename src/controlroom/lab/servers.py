"""Starts real servers: one `Server` per process, ready when it has answered in its own protocol.

Children die with their parent (`PR_SET_PDEATHSIG`), so even a killed room leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from controlroom.lab.ports import reserved

PACKAGES: Mapping[str, str] = {
    "redis-server": "redis-server",
    "redis-sentinel": "redis-sentinel",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "prometheus-redis-exporter": "prometheus-redis-exporter",
    "prometheus-pushgateway": "prometheus-pushgateway",
    "nginx": "nginx-light",
    "etcd": "etcd-server",
    "nats-server": "nats-server",
    "postgres": "postgresql",
    "pgbouncer": "pgbouncer",
    "dnsmasq": "dnsmasq-base",
    "strace": "strace",
}
"""Program → Debian package."""

READY_WITHIN = 20.0
"""Seconds a server has to answer; machines are slow sometimes."""

_PR_SET_PDEATHSIG = 1


class NotInstalled(Exception):
    """A program is not on this machine; `remedy` is the one line that installs it."""

    def __init__(self, program: str, remedy: str = "") -> None:
        self.program = program
        self.remedy = remedy or f"sudo apt-get install -y {PACKAGES.get(program, program)}"
        super().__init__(f"{program} is not installed: {self.remedy}")


class NotReady(Exception):
    """A server did not come up; the message ends with the tail of its log."""


def find(program: str) -> str:
    """Path of `program`; raises NotInstalled."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin:/usr/local/bin")
    if path is None:
        raise NotInstalled(program)
    return path


def _die_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Server:
    """A running server. `kill`, `pause` and `resume` make real faults; `restart` starts it anew."""

    name: str
    command: Sequence[str]
    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    ready: Callable[[int], bool]
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)

    @property
    def address(self) -> str:
        """``127.0.0.1:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://{self.address}"

    @property
    def log(self) -> Path:
        """Its output."""
        return self.folder / f"{self.name}.log"

    def pause(self) -> None:
        """SIGSTOP: it holds its connections and answers nothing; it has stopped when this returns."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start the same command on the same port and folder; returns when it is ready."""
        if self.process.poll() is None:
            self.kill()
        self.process = _spawn(self.command, self.log)
        _await_ready(self)

    def hold(self, resources: ExitStack) -> None:
        """Keep `resources`, such as another port of its own, until it is stopped."""
        self._stack.push(resources)

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL after two seconds."""
        with contextlib.suppress(ProcessLookupError):
            self.resume()
            self.process.terminate()
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.kill()
        self._stack.close()


def _spawn(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads hold locks prctl could need
        )


def _await_ready(server: Server) -> None:
    give_up = time.monotonic() + READY_WITHIN
    while time.monotonic() < give_up:
        if server.process.poll() is not None:
            break
        if server.ready(server.port):
            return
        time.sleep(0.02)
    tail = server.log.read_text(errors="replace")[-1500:]
    with contextlib.suppress(ProcessLookupError):
        server.process.kill()
    raise NotReady(f"{server.name} did not answer on port {server.port}:\n{tail}")


def launch(
    name: str,
    program: str,
    arguments: Callable[[int, Path], Sequence[str]],
    ready: Callable[[int], bool],
    folder: Path,
) -> Server:
    """Start `program` with `arguments(port, folder)` on a port of its own; returns when it is ready.

    Raises NotInstalled, or NotReady with the tail of its log.
    """
    path = find(program)
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    with ExitStack() as stack:
        port = stack.enter_context(reserved())
        command = [path, *arguments(port, folder)]
        server = Server(name, command, port, folder, _spawn(command, folder / f"{name}.log"), ready)
        with ExitStack() as interrupted:
            interrupted.callback(server.process.kill)
            _await_ready(server)
            interrupted.pop_all()
        server._stack = stack.pop_all()
    return server


def http_ok(path: str) -> Callable[[int], bool]:
    """Ready when `path` answers 200."""

    def check(port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return check


def _redis_ready(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


def redis(folder: Path, *extra: str, name: str = "redis") -> Server:
    """A Redis without persistence unless `extra` arguments say otherwise."""
    return launch(
        name,
        "redis-server",
        lambda port, where: [
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(where),
            *extra,
        ],
        _redis_ready,
        folder,
    )


def prometheus(
    folder: Path, config: str, *extra: str, name: str = "prometheus", program: str = "prometheus"
) -> Server:
    """A Prometheus with `config` (YAML text; `{port}` in it becomes its own port).

    `program` is another build of it, if it is not to be the system's own.
    """

    def arguments(port: int, where: Path) -> Sequence[str]:
        (where / f"{name}.yml").write_text(config.replace("{port}", str(port)), encoding="utf-8")
        return [
            f"--config.file={where / f'{name}.yml'}",
            f"--storage.tsdb.path={where / f'{name}-data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--rules.alert.resend-delay=1s",
            "--web.enable-lifecycle",
            *extra,
        ]

    return launch(name, program, arguments, http_ok("/-/ready"), folder)


def alertmanager(folder: Path, config: str | None = None, *, name: str = "alertmanager") -> Server:
    """An Alertmanager of its own, without a cluster."""
    text = config or "route: {receiver: none, group_wait: 0s}\nreceivers: [{name: none}]\n"

    def arguments(port: int, where: Path) -> Sequence[str]:
        (where / f"{name}.yml").write_text(text, encoding="utf-8")
        return [
            f"--config.file={where / f'{name}.yml'}",
            f"--storage.path={where / f'{name}-data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]

    return launch(name, "prometheus-alertmanager", arguments, http_ok("/-/ready"), folder)


def pushgateway(folder: Path, *extra: str, name: str = "pushgateway") -> Server:
    """A Pushgateway that keeps what is pushed in memory; left alone, Debian's writes the machine's file."""
    return launch(
        name,
        "prometheus-pushgateway",
        lambda port, _: [f"--web.listen-address=127.0.0.1:{port}", "--persistence.file=", *extra],
        http_ok("/-/ready"),
        folder,
    )


def node_exporter(folder: Path, *, name: str = "node-exporter") -> Server:
    """The machine's own figures."""
    return launch(
        name,
        "prometheus-node-exporter",
        lambda port, _: [f"--web.listen-address=127.0.0.1:{port}"],
        http_ok("/metrics"),
        folder,
    )


def redis_exporter(folder: Path, redis_address: str, *, name: str = "redis-exporter") -> Server:
    """Figures of the Redis at `redis_address`."""
    return launch(
        name,
        "prometheus-redis-exporter",
        lambda port, _: [f"-web.listen-address=127.0.0.1:{port}", f"-redis.addr=redis://{redis_address}"],
        http_ok("/metrics"),
        folder,
    )


def dnsmasq(folder: Path, *records: str, name: str = "dnsmasq") -> Server:
    """A name server, over UDP and TCP on one port, that knows `records` and nothing else.

    `records` are its arguments, such as ``--host-record=room.test,10.0.0.1``. It knows all of ``.test``:
    whatever no record names there does not exist; questions about anything else it refuses.
    """
    return launch(
        name,
        "dnsmasq",
        lambda port, _: [
            *("--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=-", "--pid-file="),
            *("--no-resolv", "--no-poll", "--no-hosts", "--local=/test/"),
            *(f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces"),
            *records,
        ],
        _answers_questions,
        folder,
    )


def _answers_questions(port: int) -> bool:
    """Ready when it answers one over UDP, with a refusal or not, and takes connections."""
    root = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + b"\x00\x00\x02\x00\x01"
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
            plug.settimeout(1)
            plug.connect(("127.0.0.1", port))
            plug.send(root)
            answer = plug.recv(512)
        with socket.create_connection(("127.0.0.1", port), 1):
            return answer[:2] == root[:2]
    except OSError:
        return False
