"""A configuration that was validated once is remembered, and never wrongly."""

from __future__ import annotations

import datetime as dt
import os
import pickle
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from controlroom.config import example
from controlroom.config.errors import ConfigErrors
from controlroom.config.load import KEPT, load
from controlroom.stores import saved

HEAVY = ("pydantic", "pydantic_core", "tomllib", "tomlkit", "httpx", "redis", "textual", "rapidfuzz")


def memories(home: Path) -> list[Path]:
    return sorted((home / ".cache/controlroom/configurations").glob("*"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "controlroom.toml"
    place.write_text(example.text(), encoding="utf-8")
    return place


def test_the_second_time_nothing_heavy_is_imported(path: Path, tmp_path: Path) -> None:
    """Loading and checking what was validated before imports no validator and no TOML reader."""
    environ = {"HOME": str(tmp_path)}
    first = load(path, environ=environ)
    script = (
        "import sys; from controlroom.config.load import load; from controlroom.config.check import check\n"
        f"path, environ = {str(path)!r}, {environ!r}\n"
        "config = load(path, environ=environ); problems = check(path, environ=environ)\n"
        "assert not problems.errors, problems\n"
        f"print(config.program.title, [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"{first.program.title} []\n"


def test_what_is_remembered_is_what_was_read(path: Path, tmp_path: Path) -> None:
    """The same value comes back, part by part, and the start is still that of the day."""
    environ = {"HOME": str(tmp_path)}
    first = load(path, environ=environ, today=lambda _: dt.date(2025, 10, 8))
    again = load(path, environ=environ, today=lambda _: dt.date(2025, 10, 8))
    later = load(path, environ=environ, today=lambda _: dt.date(2025, 10, 11))
    assert again is not first
    for name in (
        "services",
        "prometheus",
        "alertmanagers",
        "documents",
        "status",
        "store",
        "triage",
        "ui",
        "keys",
    ):
        assert getattr(again, name) == getattr(first, name)
    assert again.program.squads == first.program.squads
    assert again.program.waves == first.program.waves
    assert (first.program.start, later.program.start) == (dt.date(2025, 10, 4), dt.date(2025, 10, 11))


def test_a_changed_file_is_read_anew(path: Path, tmp_path: Path) -> None:
    """One changed byte counts, also when the file's time and size stay the same."""
    environ = {"HOME": str(tmp_path)}
    path.write_text("[program]\ntitle = 'a'\n")
    about = path.stat()
    assert load(path, environ=environ).program.title == "a"
    path.write_text("[program]\ntitle = 'b'\n")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert load(path, environ=environ).program.title == "b"


def test_errors_are_found_every_time(tmp_path: Path) -> None:
    """What is wrong is not remembered as right."""
    path = tmp_path / "controlroom.toml"
    path.write_text("[program]\nzone = 'Mars'\n")
    for _ in range(2):
        with pytest.raises(ConfigErrors):
            load(path, environ={"HOME": str(tmp_path)})
    assert memories(tmp_path) == []


def test_only_the_user_may_read_it(path: Path, tmp_path: Path) -> None:
    """The memory is a file of mode 0600 in folders of mode 0700."""
    load(path, environ={"HOME": str(tmp_path)})
    (memory,) = memories(tmp_path)
    assert memory.stat().st_mode & 0o777 == 0o600
    assert memory.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\x80\x05."])
def test_a_damaged_memory_is_replaced(path: Path, tmp_path: Path, damage: bytes) -> None:
    """Whatever stands in the cache, the configuration is right, and the cache is mended."""
    environ = {"HOME": str(tmp_path)}
    title = load(path, environ=environ).program.title
    (memory,) = memories(tmp_path)
    good = memory.read_bytes()
    memory.write_bytes(damage)
    assert load(path, environ=environ).program.title == title
    assert memory.read_bytes() == good


def test_a_memory_that_others_may_write_is_not_believed(path: Path, tmp_path: Path) -> None:
    """A file that somebody else could have changed is ignored and written anew."""
    environ = {"HOME": str(tmp_path)}
    load(path, environ=environ)
    (memory,) = memories(tmp_path)
    memory.chmod(0o666)
    load(path, environ=environ)
    assert memory.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cache", ["/proc/nowhere", "/dev/null"])
def test_a_cache_that_cannot_be_written_is_no_error(path: Path, cache: str) -> None:
    """Without a cache folder everything works, only slower."""
    assert load(path, environ={"XDG_CACHE_HOME": cache}).program.title
    assert load(path, environ={}).program.title


@pytest.mark.parametrize(
    "secret",
    [
        "[store]\nurl = 'redis://u:hunter2@h/0'",
        "[store]\nurl = 'redis://h'\npassword = 'hunter2'",
        "[triage]\nwebhook = 'https://h/hunter2'",
        "[[prometheus]]\nurl = 'http://h'\ntoken = 'hunter2'",
        "[[services]]\nkind='http'\nurl='http://h'\nheaders = { Authorization = 'hunter2' }",
        "[[services]]\nkind='http'\nurl='http://h/?api_key=hunter2'",
    ],
)
def test_written_secrets_are_not_copied(tmp_path: Path, secret: str) -> None:
    """A configuration with a secret written into it is never remembered."""
    path = tmp_path / "controlroom.toml"
    path.write_text(secret)
    load(path, environ={"HOME": str(tmp_path)})
    assert memories(tmp_path) == []


def test_the_cache_does_not_grow_without_end(tmp_path: Path) -> None:
    """Only the newest few configurations are kept."""
    for number in range(KEPT + 5):
        path = tmp_path / f"{number}.toml"
        path.write_text(f"[program]\ntitle = '{number}'\n")
        load(path, environ={"HOME": str(tmp_path)})
    assert len(memories(tmp_path)) == KEPT


def test_what_an_older_program_remembered_is_read_anew(path: Path, tmp_path: Path) -> None:
    """A memory whose values had other fields is of no use, and is replaced."""
    environ = {"HOME": str(tmp_path)}
    load(path, environ=environ)
    (memory,) = memories(tmp_path)
    good = memory.read_bytes()
    split = len(saved.MAGIC) + 4
    size = int.from_bytes(good[split : split + 4], "big")
    shapes = pickle.loads(good[split + 4 : split + 4 + size])
    shapes["controlroom.config.shape:File"] = shapes["controlroom.config.shape:File"][:-1]
    head = pickle.dumps(shapes, protocol=5)
    content = len(head).to_bytes(4, "big") + head + good[split + 4 + size :]
    memory.write_bytes(saved.MAGIC + zlib.crc32(content).to_bytes(4, "big") + content)
    assert load(path, environ=environ).triage.channel == "#control-room"
    assert memory.read_bytes() == good
