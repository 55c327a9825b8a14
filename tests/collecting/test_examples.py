"""What `examples/` says of collectors can be used as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from controlroom.cli import parser

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "examples" / "controlroom-collect.service"
CONTAINER = ROOT / "examples" / "Containerfile"


def test_the_unit_is_one(tmp_path: Path) -> None:
    """systemd finds nothing wrong with it, and little that the process could do beyond its task."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here: sudo apt-get install -y systemd")
    command = Path(sys.executable).with_name("controlroom")
    text = UNIT.read_text(encoding="utf-8").replace("/opt/controlroom/bin/controlroom", str(command))
    assert str(command) in text
    unit = tmp_path / UNIT.name
    unit.write_text(text, encoding="utf-8")
    for arguments in (("verify", "--man=no"), ("security", "--offline=yes", "--threshold=30")):
        done = subprocess.run(
            ["systemd-analyze", *arguments, str(unit)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""


@pytest.mark.parametrize("path", [UNIT, CONTAINER], ids=lambda path: path.name)
def test_the_command_is_one(path: Path) -> None:
    """What is started is a command of the program, with options that it has."""
    text = path.read_text(encoding="utf-8")
    if path == UNIT:
        line = re.search(r"^ExecStart=\S+/controlroom (.*)$", text, re.MULTILINE)
        assert line is not None
        words = line[1].split()
    else:
        words = re.findall(
            r'"([^"]*)"', "".join(re.findall(r"^(?:ENTRYPOINT|CMD) (.*)$", text, re.MULTILINE))
        )[1:]
    assert parser(words).parse_args(words).run == "collect"


def test_the_container_is_made_of_what_is_there() -> None:
    """Every file that is copied into it is in the repository, and what the build reads is copied."""
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINER.read_text(encoding="utf-8"), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert {name for name in names if not (ROOT / name).exists()} == set()
    built = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.findall(r'^"?([\w./]+)"? = "controlroom/', built, re.MULTILINE)
    assert {"src", "pyproject.toml", "README.md", "requirements.lock", *needed} <= names
