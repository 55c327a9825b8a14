"""`controlroom themes list` and `themes check`: which themes there are, and whether they can be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from controlroom.config.themes import ThemeFile, ThemeProblem, Themes, folders, load, read, unreadable
from controlroom.domain.frozen import dataclass
from controlroom.domain.text import clean

FINE, ATTENTION, UNUSABLE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Checked:
    """One theme file after a check; `theme` None where it cannot be used at all."""

    path: Path
    theme: ThemeFile | None
    problems: tuple[ThemeProblem, ...]

    @property
    def exit_code(self) -> int:
        """0 fine, 1 it can be used but not everybody can read it, 2 it cannot be used."""
        if self.theme is None:
            return UNUSABLE
        return ATTENTION if self.problems else FINE


def available(user: Path | None = None) -> Themes:
    """The packaged themes and the person's own; `user` is their folder, None the usual one."""
    return load(folders(user))


def check(paths: Sequence[Path]) -> tuple[Checked, ...]:
    """Each file: whether it is a theme, and whether its text can be read on its backgrounds."""
    return tuple(_check(path) for path in paths)


def _check(path: Path) -> Checked:
    theme, problems = read(path)
    return Checked(path, theme, problems if theme is None else unreadable(theme))


def exit_code(checked: Sequence[Checked]) -> int:
    """The worst of them."""
    return max((one.exit_code for one in checked), default=FINE)


def list_text(themes: Themes) -> str:
    """One line per theme that can be used: name, dark or light, title, file."""
    rows = [
        (t.name, "dark" if t.dark else "light", t.title, clean(t.path or "")) for t in themes.loaded.values()
    ]
    width = max((len(name) for name, *_ in rows), default=0)
    return "".join(f"{name:<{width}}  {kind:<5}  {title}  {path}\n" for name, kind, title, path in rows)


def list_json(themes: Themes) -> dict[str, object]:
    """``{"themes": [{"name", "title", "dark", "path"}], "failed": […]}``"""
    return {
        "themes": [
            {"name": t.name, "title": t.title, "dark": t.dark, "path": str(t.path)}
            for t in themes.loaded.values()
        ],
        "failed": [_problem_json(problem) for problem in themes.failed],
    }


def check_text(checked: Sequence[Checked]) -> str:
    """One line per file that is fine; what is wrong with the others is for stderr (`problems`)."""
    return "".join(
        f"{clean(c.path)}: fine, {len(c.theme.styles)} styles at 4.5:1 or more\n"
        for c in checked
        if c.theme is not None and not c.problems
    )


def problems(checked: Sequence[Checked]) -> tuple[ThemeProblem, ...]:
    """Every finding, in the order of the files."""
    return tuple(problem for one in checked for problem in one.problems)


def check_json(checked: Sequence[Checked]) -> dict[str, object]:
    """``{"files": [{"path", "name", "ok", "problems": […]}]}``, problems as in `list_json`."""
    return {
        "files": [
            {
                "path": str(one.path),
                "name": None if one.theme is None else one.theme.name,
                "ok": one.exit_code == FINE,
                "problems": [_problem_json(problem) for problem in one.problems],
            }
            for one in checked
        ]
    }


def _problem_json(problem: ThemeProblem) -> dict[str, object]:
    return {
        "path": str(problem.path),
        "key": problem.key,
        "message": problem.message,
        "remedy": problem.remedy,
        "contrast": problem.contrast,
    }
