"""Secrets are fetched from where they are kept, and nothing of them is ever shown."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from controlroom.config.secrets import REDACTED, SecretUnavailable, redact, resolve
from controlroom.domain.secret import SecretRef


def test_from_the_environment(tmp_path: Path) -> None:
    """An environment variable's value is the secret."""
    assert resolve(SecretRef(env="S"), tmp_path, environ={"S": "hunter2"}) == "hunter2"


@pytest.mark.parametrize("content", ["hunter2", "hunter2\n", "hunter2\r\n"])
def test_from_a_file_beside_the_configuration(tmp_path: Path, content: str) -> None:
    """A relative path starts at the configuration's folder; a final newline is no part of the secret."""
    (tmp_path / "s").write_bytes(content.encode())
    assert resolve(SecretRef(file="s"), tmp_path) == "hunter2"
    assert resolve(SecretRef(file=str(tmp_path / "s")), Path("/")) == "hunter2"


def test_from_a_command(tmp_path: Path) -> None:
    """A command runs without a shell, in the configuration's folder, its quotes respected."""
    (tmp_path / "a b").write_text("hunter2\n")
    assert resolve(SecretRef(command="cat 'a b'"), tmp_path) == "hunter2"
    assert resolve(SecretRef(command="echo $HOME '$(id)'"), tmp_path) == "$HOME $(id)"


def test_a_literal_is_itself(tmp_path: Path) -> None:
    """What is written against advice works as well."""
    assert resolve(SecretRef(literal="hunter2"), tmp_path) == "hunter2"


def test_what_cannot_be_had_says_why_without_the_content(tmp_path: Path) -> None:
    """Every failure is one exception that names the place, and neither content nor arguments."""
    (tmp_path / "bytes").write_bytes(b"hunter2\xff")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "long").write_text("hunter2" * 10_000)
    os.mkfifo(tmp_path / "pipe")
    cases = {
        SecretRef(env="UNSET"): "UNSET is not set",
        SecretRef(file="missing"): "No such file",
        SecretRef(file="."): "not a regular file",
        SecretRef(file="pipe"): "not a regular file",
        SecretRef(file="bytes"): "UTF-8",
        SecretRef(file="empty"): "is empty",
        SecretRef(file="long"): "more than",
        SecretRef(file="a\0b"): "not a path",
        SecretRef(command="sh -c 'echo hunter2; exit 3'"): "exit code 3",
        SecretRef(command="sh -c 'echo hunter2 >&2; exit 1'"): "exit code 1",
        SecretRef(command="no-such-program-here hunter2"): "cannot be run",
        SecretRef(command="cat 'hunter2"): "quotes",
        SecretRef(command=" "): "nothing to run",
        SecretRef(command="true"): "is empty",
    }
    for ref, why in cases.items():
        with pytest.raises(SecretUnavailable) as caught:
            resolve(ref, tmp_path, environ={"PATH": os.environ["PATH"]})
        assert why in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    """After the deadline the whole process group is gone, a grandchild that holds the pipe included."""
    command = "sh -c 'sleep 1000 & echo $! > child; wait'"
    began = time.monotonic()
    with pytest.raises(SecretUnavailable, match="did not answer"):
        resolve(SecretRef(command=command), tmp_path, timeout=0.5)
    assert time.monotonic() - began < 5
    child = int((tmp_path / "child").read_text())
    stat = Path(f"/proc/{child}/stat")
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        os.sched_yield()


def test_redacting_leaves_nothing() -> None:
    """A secret is replaced as it is and as a URL spells it, the longer one of two first."""
    text = "user:p@ss/word at http://u:p%40ss%2Fword@h, also p@ss"
    assert (
        redact(text, ["p@ss", "p@ss/word", ""])
        == f"user:{REDACTED} at http://u:{REDACTED}@h, also {REDACTED}"
    )
