"""Secrets are fetched where they are kept, when they are needed, and never shown."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import stat
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from controlroom.domain.secret import SecretRef
from controlroom.domain.text import clean

TIMEOUT = 5.0
"""Seconds a command has to print its secret."""

LIMIT = 65_536
"""Bytes; a secret is short, and a wrong path may name something endless."""

REDACTED = "•••"


class SecretUnavailable(Exception):
    """Why a secret could not be fetched, without any of its content."""


def resolve(
    ref: SecretRef,
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> str:
    """The secret `ref` names; files are relative to `folder`, in which a command runs too.

    Blocks for up to `timeout` seconds: call it outside an event loop. A trailing newline is not part of
    a secret. Raises SecretUnavailable.
    """
    if ref.literal is not None:
        return ref.literal
    if ref.env is not None:
        value = (os.environ if environ is None else environ).get(ref.env)
        if not value:
            raise SecretUnavailable(f"the environment variable {clean(ref.env)} is not set")
        return value
    if ref.file is not None:
        return _text(_file(folder, ref.file), f"the file {clean(ref.file)}")
    return _text(_output(ref.command or "", folder, environ, timeout), _called(ref.command or ""))


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced, as it is and as it stands in a URL."""
    from urllib.parse import quote

    forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""), quote(secret))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text


def program(command: str) -> str:
    """The program a command runs; empty where its quotes do not match."""
    try:
        return next(iter(shlex.split(command)), "")
    except ValueError:
        return ""


def _called(command: str) -> str:
    """The command's program alone: its arguments may hold what nobody should read."""
    return f"the command {clean(program(command)) or '(unreadable)'}"


def _text(raw: bytes, where: str) -> str:
    if len(raw) > LIMIT:
        raise SecretUnavailable(f"{where} gives more than {LIMIT} bytes")
    try:
        secret = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretUnavailable(f"{where} does not give UTF-8 text") from None
    secret = secret.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise SecretUnavailable(f"{where} is empty")
    return secret


def _file(folder: Path, name: str) -> bytes:
    try:
        path = folder / Path(name).expanduser()
        # Non-blocking, so that a named pipe is refused below instead of waited for.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SecretUnavailable(f"the file {clean(name)} is not a regular file")
            with os.fdopen(handle, "rb", closefd=False) as source:
                return source.read(LIMIT + 1)
        finally:
            os.close(handle)
    except (OSError, ValueError, RuntimeError) as problem:
        reason = getattr(problem, "strerror", None) or "not a path"
        raise SecretUnavailable(f"the file {clean(name)} cannot be read: {reason}") from None


def _output(command: str, folder: Path, environ: Mapping[str, str] | None, timeout: float) -> bytes:
    where = _called(command)
    try:
        words = shlex.split(command)
        if not words:
            raise SecretUnavailable(f"{where}: there is nothing to run")
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=None if environ is None else dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "the quotes do not match"
        raise SecretUnavailable(f"{where} cannot be run: {reason}") from None
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise SecretUnavailable(f"{where} did not answer within {timeout:g} s") from None
    finally:
        # The whole group: a grandchild that holds the pipe would outlive its parent.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdout is not None:
            process.stdout.close()
        process.wait()
    if process.returncode:
        raise SecretUnavailable(f"{where} failed with exit code {process.returncode}")
    return output
