"""Servers that are built with Go: the scripts that bring them, and how they are missed."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from controlroom.lab import servers
from controlroom.lab.fetched import fetched
from controlroom.lab.prometheus import REMEDY, VERSION, program
from controlroom.lab.servers import NotInstalled
from tests.conftest import Start
from tests.lab.scripts import script, tools
from tests.sources import test_metrics_elsewhere as elsewhere

VERSIONS = {"prometheus": VERSION, "victoria-metrics": elsewhere.VERSION}


@pytest.mark.parametrize("name", VERSIONS)
@pytest.mark.parametrize(
    ("go", "words"),
    [("", "install Go 1.2"), ("echo go1.22.9", "or newer, and this is go1.22.9")],
    ids=["none", "old"],
)
def test_what_cannot_be_built_is_said_and_fails_nobody(
    tmp_path: Path, name: str, go: str, words: str
) -> None:
    """Without Go, or with one too old, the script says what to do, and fails only where all must be there."""
    path = tools(tmp_path / "bin", go)
    done = script(name, tmp_path / "cache", path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"{name} {VERSIONS[name]} is not there: ")
    assert words in done.stderr
    assert not (tmp_path / "cache").exists()
    strict = script(name, tmp_path / "cache", path, CONTROLROOM_REQUIRE_SERVERS="1")
    assert (strict.returncode, strict.stderr) == (1, done.stderr)


FETCHED = """\
if [ "$1" = env ]; then echo go1.26.1; exit; fi
if [ "$1" = mod ]; then printf '{\\n\\t"Version": "v1",\\n\\t"Dir": "/"\\n}\\n'; exit; fi
"""


@pytest.mark.parametrize(
    ("go", "words"),
    [
        ('[ "$1" = env ] && echo go1.26.1 && exit\necho no way to the proxy; exit 1', "no way to the proxy"),
        (FETCHED + "echo no space left >&2; exit 1", "no space left"),
    ],
    ids=["not fetched", "not built"],
)
def test_a_build_that_fails_leaves_nothing_half_done(tmp_path: Path, go: str, words: str) -> None:
    """The cache holds a whole program or none; the reason of the build is shown."""
    done = script("prometheus", tmp_path / "cache", tools(tmp_path / "bin", go))
    assert done.returncode == 0
    assert words in done.stderr
    assert "sh scripts/fetch-prometheus.sh" in done.stderr
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_what_is_built_is_put_in_its_place_once(tmp_path: Path) -> None:
    """The program lies where the lab looks for it; a second run does nothing, and needs nothing."""
    # The argument after -o names the program to be.
    make = 'while [ "$1" != -o ]; do shift; done\necho made >"$2"; [ -x "$2" ] || /bin/chmod +x "$2"'
    cache = tmp_path / "cache"
    done = script("prometheus", cache, tools(tmp_path / "bin", FETCHED + make))
    assert done.returncode == 0, done.stderr
    place = fetched(f"prometheus-{VERSION}", {"CONTROLROOM_SERVERS": str(cache)}) / "prometheus"
    assert program({"CONTROLROOM_SERVERS": str(cache)}) == place
    assert place.read_text(encoding="utf-8") == "made\n"
    assert [path for path in cache.rglob("*") if path.is_file()] == [place]
    again = script("prometheus", cache, tools(tmp_path / "none"), CONTROLROOM_REQUIRE_SERVERS="1")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_missing_program_is_named_with_the_line_that_brings_it(tmp_path: Path) -> None:
    """The lab looks where the script puts it, and names the script."""
    with pytest.raises(NotInstalled, match=f"prometheus {VERSION} is not installed: {REMEDY}"):
        program({"CONTROLROOM_SERVERS": str(tmp_path)})


def test_it_is_the_version_it_says(start: Start) -> None:
    """What was built tells its version, as a released one does."""
    server = start(lambda folder: servers.prometheus(folder, "global: {}\n", program=str(program())))
    with urllib.request.urlopen(f"{server.url}/api/v1/status/buildinfo", timeout=5) as answer:
        assert f'"version":"{VERSION}"' in answer.read().decode()
