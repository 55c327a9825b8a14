"""Real web servers that want certificates or passwords, or have no connection left."""

from __future__ import annotations

import base64
import contextlib
import socket
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from controlroom.lab import servers
from controlroom.lab.servers import Server

_CONFIG = """
daemon off;
master_process off;
pid {where}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {where}/body;
    proxy_temp_path {where}/proxy;
    fastcgi_temp_path {where}/fastcgi;
    uwsgi_temp_path {where}/uwsgi;
    scgi_temp_path {where}/scgi;
    default_type text/plain;
    {http}
    server {{
        listen 127.0.0.1:{port}{listen};
        {server}
    }}
}}
"""


HASHED = "ada:$2b$04$controlroomtests12345uT/wUNxdb5q71qwTEmaF9.cfRNupE6Fm"
"""User and bcrypt hash of the password `right`."""


def nginx(folder: Path, server: str, *, http: str = "", listen: str = "", name: str = "nginx") -> Server:
    """nginx with the directives `server` in its one server, `http` around it, and `listen` options.

    It is one process: to stop or to kill it means all of it.
    """

    def arguments(port: int, where: Path) -> Sequence[str]:
        config = _CONFIG.format(where=where, http=http, port=port, listen=listen, server=server)
        (where / f"{name}.conf").write_text(config, encoding="utf-8")
        return ["-p", str(where), "-c", str(where / f"{name}.conf")]

    return servers.launch(name, "nginx", arguments, answers, folder)


def opens(port: int) -> bool:
    """It is ready for who knows the password; to others it says that it wants one long before."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/-/ready")
    request.add_header("Authorization", "Basic " + base64.b64encode(b"ada:right").decode())
    try:
        with urllib.request.urlopen(request, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def answers(port: int) -> bool:
    """Any answer will do: a server may want a password, or TLS."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as plug:
            plug.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return plug.recv(16).startswith(b"HTTP/1.")
    except OSError:
        return False


def locked(folder: Path) -> Server:
    """nginx that lets in only who knows the password."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "users").write_text(HASHED + "\n", encoding="utf-8")
    inside = f"auth_basic room; auth_basic_user_file {folder}/users; root {folder};"
    return nginx(folder, inside + " location = / { try_files /users =404; }")


def guarded(program: str, folder: Path, *arguments: str, more: str = "", name: str = "guarded") -> Server:
    """A `program` of the Prometheus family that lets in only who knows the password.

    `more` lines of its web configuration may ask for TLS and certificates.
    """
    folder.mkdir(parents=True, exist_ok=True)
    user, _, hashed = HASHED.partition(":")
    text = more or f"basic_auth_users: {{{user}: {hashed}}}\n"
    (folder / "web.yml").write_text(text, encoding="utf-8")
    return servers.launch(
        name,
        program,
        lambda port, where: [
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.config.file={where / 'web.yml'}",
            *arguments,
        ],
        answers if more else opens,
        folder,
    )


def guarded_prometheus(folder: Path) -> Server:
    """A Prometheus behind a password."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "it.yml").write_text("global: {}\n", encoding="utf-8")
    data = f"--storage.tsdb.path={folder / 'data'}"
    return guarded("prometheus", folder, f"--config.file={folder / 'it.yml'}", data)


def guarded_alertmanager(folder: Path) -> Server:
    """An Alertmanager behind a password."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "route: {receiver: none}\nreceivers: [{name: none}]\n"
    (folder / "it.yml").write_text(text, encoding="utf-8")
    data = f"--storage.path={folder / 'data'}"
    return guarded(
        "prometheus-alertmanager",
        folder,
        f"--config.file={folder / 'it.yml'}",
        data,
        "--cluster.listen-address=",
    )


def guarded_pushgateway(folder: Path) -> Server:
    """A Pushgateway behind a password."""
    return guarded("prometheus-pushgateway", folder, "--persistence.file=")


@contextlib.contextmanager
def crowded(folder: Path) -> Iterator[Server]:
    """A server that serves one connection at a time, and that one is taken."""
    blob = folder / "blob"
    folder.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(b"x" * 1_000_000)
    limits = "limit_conn_zone $server_port zone=all:32k;"
    directives = f"limit_conn all 1; root {folder}; limit_rate 1k; add_header Retry-After 7 always;"
    server = nginx(folder, directives, http=limits)
    with socket.create_connection(("127.0.0.1", server.port)) as plug:
        plug.sendall(b"GET /blob HTTP/1.1\r\nHost: it\r\n\r\n")
        plug.recv(64)
        yield server
