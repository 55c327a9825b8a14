"""Theme files: TOML that gives every meaning on the screen a colour. No Textual here.

A theme that cannot be used is reported with file, key and remedy, and costs only itself.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from controlroom.config.folders import config_folder
from controlroom.domain.text import clean

STYLES: tuple[str, ...] = (
    "text",
    "strong",
    "dim",
    "title",
    "accent",
    "up",
    "degraded",
    "down",
    "unknown",
    "maintenance",
    "ok",
    "warn",
    "breach",
    "info",
    "wave-past",
    "wave-active",
    "wave-planned",
    "wave-design",
    "today",
    "badge-breach",
    "badge-warn",
)
"""Every meaning a piece of text can have; a theme gives each a colour."""

SURFACES: tuple[str, ...] = ("background", "panel", "cursor", "frame", "frame-focus")
"""Behind the panes, behind header and footer, under the cursor; the lines around panes."""

TEXT_CONTRAST = 4.5
"""Least contrast of text on its background (WCAG 2.2, 1.4.3)."""

LINE_CONTRAST = 3.0
"""Least contrast of the frame that shows where the cursor is (WCAG 2.2, 1.4.11)."""

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_TOP = frozenset({"name", "title", "dark", "surface", "styles"})
_SPEC = frozenset({"color", "background", "bold"})


class Ink(NamedTuple):
    """How one meaning is written. `background` None is the surface it stands on."""

    color: str
    bold: bool = False
    background: str | None = None


class ThemeFile(NamedTuple):
    """A theme as its file says it; complete, with colours as ``#rrggbb``."""

    name: str
    title: str
    dark: bool
    surface: Mapping[str, str]
    styles: Mapping[str, Ink]
    path: Path | None = None


class ThemeProblem(NamedTuple):
    """What is wrong with a theme file. `contrast`: it can be used, but not everybody can read it."""

    path: Path
    key: str
    message: str
    remedy: str
    contrast: bool = False

    @property
    def where(self) -> str:
        """The file, and the key in it."""
        return f"{self.path}: {self.key}" if self.key else str(self.path)

    def __str__(self) -> str:
        return f"{self.where}: {self.message}; {self.remedy}"


class Themes(NamedTuple):
    """The themes of some folders: what could be loaded, by name, and what could not."""

    loaded: Mapping[str, ThemeFile] = MappingProxyType({})
    failed: tuple[ThemeProblem, ...] = ()


def folders(user: Path | None = None) -> tuple[Path, ...]:
    """Where themes are looked for: the packaged ones, then the person's own, which win.

    `user` is the person's theme folder; None is ``themes`` in the user's config folder, where there is one.
    """
    package = Path(__file__).resolve().parent.parent
    # In a wheel the themes lie in the package; in a checkout beside src.
    packaged = (package / "themes", package.parent.parent / "themes")
    found = next((folder for folder in packaged if folder.is_dir()), packaged[0])
    if user is None:
        config = config_folder(os.environ)
        user = None if config is None else config / "themes"
    return (found,) if user is None else (found, user)


def load(where: Iterable[Path]) -> Themes:
    """Every ``*.toml`` of the folders; a theme in a later folder replaces one of the same name."""
    loaded: dict[str, ThemeFile] = {}
    failed: list[ThemeProblem] = []
    for folder in where:
        try:
            paths = sorted(folder.glob("*.toml"))
        except OSError as error:
            failed.append(ThemeProblem(folder, "", f"cannot be listed: {error.strerror}", "check its rights"))
            continue
        for path in paths:
            theme, problems = read(path)
            failed += problems
            if theme is not None:
                loaded[theme.name] = theme
    return Themes(loaded, tuple(failed))


def find(name: str, where: Iterable[Path]) -> tuple[ThemeFile | None, tuple[ThemeProblem, ...]]:
    """The theme called `name`, looked for in its own file first, so that one file is read at start.

    The last folder wins, as in `load`.
    """
    reversed_folders = tuple(where)[::-1]
    problems: list[ThemeProblem] = []
    for folder in reversed_folders:
        path = folder / f"{name}.toml"
        if _NAME.fullmatch(name) and path.is_file():
            theme, found = read(path)
            problems += found
            if theme is not None and theme.name == name:
                return theme, tuple(problems)
    every = load(reversed_folders[::-1])
    return every.loaded.get(name), tuple(problems) or every.failed


def read(path: Path) -> tuple[ThemeFile | None, tuple[ThemeProblem, ...]]:
    """One theme file, or everything that is wrong with it."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return None, (ThemeProblem(path, "", f"cannot be read: {error.strerror}", "check that it is there"),)
    except UnicodeDecodeError:
        return None, (ThemeProblem(path, "", "is not UTF-8 text", "save it as UTF-8"),)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return None, (ThemeProblem(path, "", f"is not TOML: {error}", "mend that line"),)
    return parse(data, path)


def parse(data: Mapping[str, Any], path: Path) -> tuple[ThemeFile | None, tuple[ThemeProblem, ...]]:
    """The theme that `data` describes, or everything that is wrong with it."""
    problems = [
        ThemeProblem(
            path, clean(key, 40), "is not a key of a theme", f"the keys are {', '.join(sorted(_TOP))}"
        )
        for key in data.keys() - _TOP
    ]
    name = data.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        problems.append(ThemeProblem(path, "name", "is missing or no name", 'write one such as "my-theme"'))
    if not isinstance(data.get("dark", True), bool):
        problems.append(ThemeProblem(path, "dark", "is not true or false", "write true or false"))
    surface = {key: _color(path, f"surface.{key}", value, problems) for key, value in _table(data, "surface")}
    styles = {key: _ink(path, f"styles.{key}", value, problems) for key, value in _table(data, "styles")}
    _compare(path, "surface", SURFACES, surface, problems)
    _compare(path, "styles", STYLES, styles, problems)
    if problems:
        return None, tuple(problems)
    title = data.get("title")
    return ThemeFile(
        str(name),
        clean(title, 60) if isinstance(title, str) else str(name),
        data.get("dark", True),
        surface,
        styles,
        path,
    ), ()


def _table(data: Mapping[str, Any], key: str) -> Iterable[tuple[str, Any]]:
    table = data.get(key)
    return [(clean(name, 40), value) for name, value in table.items()] if isinstance(table, dict) else ()


def _compare(
    path: Path, table: str, wanted: tuple[str, ...], got: Mapping[str, object], problems: list[ThemeProblem]
) -> None:
    """Report what is missing and what nobody knows."""
    for key in wanted:
        if key not in got:
            problems.append(ThemeProblem(path, f"{table}.{key}", "is missing", 'give it a "#rrggbb" colour'))
    for key in got:
        if key not in wanted:
            problems.append(
                ThemeProblem(
                    path, f"{table}.{clean(key, 40)}", "means nothing", f"the names are {', '.join(wanted)}"
                )
            )


def _color(path: Path, key: str, value: object, problems: list[ThemeProblem]) -> str:
    if isinstance(value, str) and _COLOR.fullmatch(value):
        return value.lower()
    problems.append(
        ThemeProblem(path, key, f"{clean(repr(value), 40)} is no colour", 'write it as "#rrggbb"')
    )
    return "#000000"


def _ink(path: Path, key: str, value: object, problems: list[ThemeProblem]) -> Ink:
    if not isinstance(value, dict):
        return Ink(_color(path, key, value, problems))
    for unknown in value.keys() - _SPEC:
        problems.append(
            ThemeProblem(
                path,
                f"{key}.{clean(unknown, 40)}",
                "means nothing",
                f"the keys are {', '.join(sorted(_SPEC))}",
            )
        )
    if not isinstance(value.get("bold", False), bool):
        problems.append(ThemeProblem(path, f"{key}.bold", "is not true or false", "write true or false"))
    background = value.get("background")
    return Ink(
        _color(path, f"{key}.color", value.get("color"), problems),
        value.get("bold", False) is True,
        None if background is None else _color(path, f"{key}.background", background, problems),
    )


def luminance(color: str) -> float:
    """Relative luminance of ``#rrggbb``, 0 to 1 (WCAG 2.2, "relative luminance")."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def unreadable(theme: ThemeFile) -> tuple[ThemeProblem, ...]:
    """Text that stands out too little from what it stands on: pane, header and footer, cursor row."""
    path = theme.path or Path(theme.name)
    problems: list[ThemeProblem] = []
    for style, ink in theme.styles.items():
        behind = {"its background": ink.background} if ink.background else _behind(theme)
        for place, background in behind.items():
            ratio = contrast(ink.color, background)
            if ratio < TEXT_CONTRAST:
                problems.append(_faint(path, f"styles.{style}", f"{ink.color} on {place}", ratio))
    focus, background = theme.surface["frame-focus"], theme.surface["background"]
    ratio = contrast(focus, background)
    if ratio < LINE_CONTRAST:
        pair = f"{focus} on surface.background"
        problems.append(_faint(path, "surface.frame-focus", pair, ratio, LINE_CONTRAST))
    return tuple(problems)


def _behind(theme: ThemeFile) -> dict[str, str]:
    return {f"surface.{key}": theme.surface[key] for key in ("background", "panel", "cursor")}


def _faint(path: Path, key: str, pair: str, ratio: float, least: float = TEXT_CONTRAST) -> ThemeProblem:
    # Rounded down, so that 4.499 does not read as enough.
    shown = int(ratio * 100) / 100
    return ThemeProblem(
        path,
        key,
        f"{pair} has a contrast of {shown}:1",
        f"at least {least}:1 is needed to be read by everybody",
        contrast=True,
    )
