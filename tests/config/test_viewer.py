"""The viewer's zone, from what machines really have."""

from __future__ import annotations

from pathlib import Path

import pytest

from controlroom.config.viewer import viewer_zone_name


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Asia/Kolkata", "Asia/Kolkata"),
        (":Europe/London", "Europe/London"),
        ("/usr/share/zoneinfo/America/New_York", "America/New_York"),
        ("", "UTC"),
        ("UTC", "UTC"),
    ],
)
def test_tz_names_the_zone(said: str, name: str, tmp_path: Path) -> None:
    """As the C library reads it; a path counts, empty is UTC."""
    assert viewer_zone_name({"TZ": said}, tmp_path) == (name, "")


def test_the_link_of_localtime_names_the_zone(tmp_path: Path) -> None:
    """Also where the link is relative or goes to the posix folder, and wherever it leads."""
    link = tmp_path / "localtime"
    for target in ("/usr/share/zoneinfo/Europe/Paris", "../usr/share/zoneinfo/posix/Europe/Paris"):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert viewer_zone_name({}, tmp_path) == ("Europe/Paris", "")


def test_the_timezone_file_names_the_zone_where_localtime_is_a_copy(tmp_path: Path) -> None:
    """A copied localtime has no name; the Debian file beside it does."""
    (tmp_path / "localtime").write_bytes(b"TZif2")
    (tmp_path / "timezone").write_text("Australia/Lord_Howe\n")
    assert viewer_zone_name({}, tmp_path) == ("Australia/Lord_Howe", "")


def test_a_machine_without_a_name_is_utc_and_says_so(tmp_path: Path) -> None:
    """Never silently: the note has the remedy."""
    name, note = viewer_zone_name({}, tmp_path)
    assert name == "UTC"
    assert "--tz" in note


@pytest.mark.parametrize("said", ["PST8PDT,M3.2.0,M11.1.0", "Mars/Olympus", "../../etc/passwd", "\x1b[31m"])
def test_a_tz_that_is_no_zone_falls_back_and_says_so(said: str, tmp_path: Path) -> None:
    """To the machine's own zone where it has one; no control character in the note."""
    (tmp_path / "timezone").write_text("Europe/Paris")
    name, note = viewer_zone_name({"TZ": said}, tmp_path)
    assert name == "Europe/Paris"
    assert "TZ=" in note
    assert note.isprintable()
