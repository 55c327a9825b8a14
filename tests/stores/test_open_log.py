"""Which log a URL means, and how it is shown: never with a secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlroom.stores.folder_log import FolderLog
from controlroom.stores.logs import Settings, folder_of, open_log, shown


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("dir:log", "/base/log"),
        ("dir:./a/../log", "/base/a/../log"),
        ("dir:/var/log", "/var/log"),
        ("dir:///var/log", "/var/log"),
        ("dir:~x", "/base/~x"),
        ("dir:a b#c?d", "/base/a b#c?d"),
    ],
)
def test_a_folder_is_relative_to_the_configuration(url: str, path: str) -> None:
    """Unless it says otherwise; every character of it is a character of the path."""
    assert folder_of(url, Path("/base")) == Path(path)
    assert isinstance(open_log(url, Path("/base"), Settings()), FolderLog)


def test_a_folder_may_be_in_the_users_own() -> None:
    """As shells write it."""
    assert folder_of("dir:~/log", Path("/base")) == Path.home() / "log"


@pytest.mark.parametrize(
    "url", ["", "log", "dir", "dir:", "dir: ", "dir://", "dir:a\0b", "http://x:pearl@y", "DIR:x"]
)
def test_what_is_no_log_is_refused_without_repeating_it(url: str) -> None:
    """With what to write instead."""
    with pytest.raises(ValueError, match='write "dir:log"') as caught:
        open_log(url, Path("/base"), Settings())
    assert "pearl" not in str(caught.value)


def test_the_same_log_is_shown_as_the_log_names_itself() -> None:
    """One text for all spellings."""
    for url in ("redis://room:pearl@Cache", "rediss://cache:7000/2?prefix=x", "redis+sentinel://a,b/m"):
        assert shown(url) == open_log(url, Path("/base"), Settings(password="pearl")).url


@pytest.mark.parametrize(
    "url",
    [
        "redis://room:pearl@cache:6379/0",
        "redis://:pearl@cache",
        "redis://room:pe/pearl@cache/0",
        "redis://room:pe?pearl@cache/0",
        "redis://room:pe#pearl@cache/0",
        "redis://room:p@pearl@cache",
        "redis://pearl@cache:nonsense",
        "redis://room:pearl@[cache",
        "http://room:pearl@cache",
        "redis://cache/0?password=pearl",
        "redis://cache/0?db=x&access_token=pearl",
        "redis://cache/0#pearl",
        "bad://cache/0?AUTH=pearl&x=y",
    ],
)
def test_no_secret_is_shown(url: str) -> None:
    """Well written or not."""
    assert "pearl" not in shown(url)
    assert "cache" in shown(url) or "@" not in url


def test_what_is_shown_is_fit_for_a_screen() -> None:
    """A URL is foreign text."""
    assert shown("dir:a\x1b[2Jb\n").isprintable()
    assert shown("nonsense://a\x1b[2Jb\n").isprintable()


def test_settings_do_not_print_their_password() -> None:
    """In a log or a crash report."""
    assert "pearl" not in repr(Settings(password="pearl"))


def test_a_folder_needs_no_client_library() -> None:
    """Who keeps the log in a folder never loads Redis's."""
    code = "import sys; from pathlib import Path; from controlroom.stores.logs import *\n"
    code += "open_log('dir:x', Path('/tmp'), Settings()); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert {
        name for name in done.stdout.split() if name.startswith(("redis", "pydantic", "asyncio"))
    } == set()
    assert "controlroom.stores.redis_urls" not in done.stdout
