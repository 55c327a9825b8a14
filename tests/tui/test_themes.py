"""Themes: complete, readable by everybody, and harmless when they are not."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from controlroom.config import themes
from controlroom.headless import themes as commands
from controlroom.tui.rows import Style
from controlroom.tui.widgets.ink import SURFACES, colored, nearest, sixteen

PACKAGED = themes.folders(Path("/nonexistent"))[0]
FILES = sorted(PACKAGED.glob("*.toml"))


def written(folder: Path, old: str = "", new: str = "") -> Path:
    """The dark theme, copied with one change."""
    text = (PACKAGED / "controlroom-dark.toml").read_text(encoding="utf-8")
    text = text.replace("controlroom-dark", "mine")
    assert old in text
    path = folder / "mine.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_the_packaged_themes_are_there() -> None:
    """A dark, a light and a high-contrast theme, each in a file of its name."""
    assert {path.stem for path in FILES} >= {
        "controlroom-dark",
        "controlroom-light",
        "controlroom-high-contrast",
    }
    loaded = themes.load((PACKAGED,))
    assert loaded.failed == ()
    assert set(loaded.loaded) == {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_packaged_themes_can_be_read_by_everybody(path: Path) -> None:
    """Every text of every packaged theme has 4.5:1 or more on pane, header and cursor row."""
    (checked,) = commands.check([path])
    assert checked.problems == ()
    assert checked.exit_code == 0


def test_high_contrast_means_seven() -> None:
    """The high-contrast theme has 7:1 everywhere (WCAG 2.2, 1.4.6)."""
    theme, _ = themes.read(PACKAGED / "controlroom-high-contrast.toml")
    assert theme is not None
    for ink in theme.styles.values():
        for surface in ("background", "panel", "cursor"):
            assert themes.contrast(ink.color, ink.background or theme.surface[surface]) >= 7


def test_every_meaning_has_an_ink() -> None:
    """The names a theme must give are the names panes use, on every surface and with sixteen colours."""
    assert set(themes.STYLES) == set(get_args(Style))
    theme, _ = themes.read(FILES[0])
    assert theme is not None
    for inks in (colored(theme), colored(theme, indexed=True), sixteen()):
        for style in get_args(Style):
            for surface in SURFACES:
                assert inks.get(style, surface) is not None
        assert inks.get("no such meaning") == inks.get("text")


def test_contrast_is_that_of_the_standard() -> None:
    """Black on white is 21:1, a colour on itself 1:1, and #767676 on white just passes."""
    assert themes.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert themes.contrast("#123456", "#123456") == pytest.approx(1)
    assert 4.5 < themes.contrast("#767676", "#ffffff") < 4.6


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ('up = "#7ddc9a"', 'up = "green"', "styles.up", "is no colour"),
        ('up = "#7ddc9a"\n', "", "styles.up", "is missing"),
        ('up = "#7ddc9a"', 'upp = "#7ddc9a"', "styles.upp", "means nothing"),
        ('background = "#0d1117"\n', "", "surface.background", "is missing"),
        ("dark = true", 'dark = "yes"', "dark", "is not true or false"),
        ('name = "mine"', 'name = "My Theme"', "name", "no name"),
        ("bold = true", "bold = 1", "styles.strong.bold", "is not true or false"),
        ("bold = true", "blink = true", "styles.strong.blink", "means nothing"),
        ("[styles]", "[styles", "", "is not TOML"),
        ("[styles]", "[colours]", "colours", "is not a key"),
    ],
)
def test_a_bad_theme_says_file_key_and_remedy(
    tmp_path: Path, old: str, new: str, key: str, said: str
) -> None:
    """Whatever is wrong is named with its place; the other themes are still there."""
    path = written(tmp_path, old, new)
    loaded = themes.load((PACKAGED, tmp_path))
    assert "mine" not in loaded.loaded
    assert "controlroom-dark" in loaded.loaded
    problem = next(p for p in loaded.failed if p.key == key)
    assert problem.path == path
    assert said in problem.message
    assert problem.remedy
    (checked,) = commands.check([path])
    assert checked.exit_code == 2


def test_a_faint_theme_is_usable_and_reported(tmp_path: Path) -> None:
    """Too little contrast is found on the surface where it is, and rounds down."""
    path = written(tmp_path, 'dim = "#8d98a8"', 'dim = "#444c56"')
    (checked,) = commands.check([path])
    assert checked.exit_code == 1
    assert checked.theme is not None
    assert {problem.key for problem in checked.problems} == {"styles.dim"}
    assert all(problem.contrast for problem in checked.problems)
    lines = map(str, commands.problems([checked]))
    assert any("surface.cursor" in line and "4.5:1 is needed" in line for line in lines)
    assert commands.exit_code(commands.check([FILES[0], path])) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", b"name = 1", b"[[" * 100_000, b"surface = 3\nstyles = []"])
def test_garbage_is_a_problem_not_a_crash(tmp_path: Path, content: bytes) -> None:
    """Bytes that are no theme are reported; so is a file that is not there."""
    path = tmp_path / "garbage.toml"
    path.write_bytes(content)
    for tried in (path, tmp_path / "nothing.toml"):
        theme, problems = themes.read(tried)
        assert theme is None
        assert problems


def test_escapes_in_a_theme_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """A title or a key with control characters is cleaned before anybody prints it."""
    path = written(tmp_path, 'title = "Dark"', 'title = "\\u001b]0;owned\\u0007"')
    theme, _ = themes.read(path)
    assert theme is not None
    assert "\x1b" not in theme.title
    bad = written(tmp_path, "[styles]", '"\\u001b[2J" = 1\n[styles]')
    _, problems = themes.read(bad)
    assert all("\x1b" not in str(problem) for problem in problems)


def test_ones_own_theme_replaces_the_packaged_one(tmp_path: Path) -> None:
    """A theme of the same name in the person's folder wins; `find` reads only the file it needs."""
    path = written(tmp_path)
    own = tmp_path / "controlroom-dark.toml"
    path.rename(own)
    own.write_text(own.read_text().replace('name = "mine"', 'name = "controlroom-dark"'))
    theme, problems = themes.find("controlroom-dark", (PACKAGED, tmp_path))
    assert problems == ()
    assert theme is not None
    assert theme.path == own
    assert themes.load((PACKAGED, tmp_path)).loaded["controlroom-dark"].path == own


def test_the_lists_say_the_same() -> None:
    """Text and JSON of the commands name every theme once."""
    available = commands.available(Path("/nonexistent"))
    text = commands.list_text(available)
    data = commands.list_json(available)
    named = [theme["name"] for theme in data["themes"]]  # type: ignore[attr-defined]
    assert [line.split()[0] for line in text.splitlines()] == named
    checked = commands.check(FILES)
    assert len(commands.check_text(checked).splitlines()) == len(FILES)
    files = commands.check_json(checked)["files"]
    assert all(file["ok"] for file in files)  # type: ignore[attr-defined]


@pytest.mark.parametrize("color", ["#0d1117", "#151b23", "#2a323d"])
def test_dark_surfaces_stay_grey_with_256_colours(color: str) -> None:
    """A quiet surface is the nearest grey, not black, navy or teal."""
    assert (nearest(color).number or 0) >= 232
