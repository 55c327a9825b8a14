"""Commands about themes of the room."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.headless import output
from controlroom.headless.problems import FINE, complain

if TYPE_CHECKING:
    from controlroom.config.themes import ThemeProblem


def themes_list(options: Namespace) -> int:
    """The themes there are."""
    from controlroom.headless import themes as shown

    found = shown.available()
    if options.json:
        output.document(shown.list_json(found))
    else:
        output.text(shown.list_text(found))
        _complain(found.failed)
    return FINE


def themes_check(options: Namespace) -> int:
    """Whether theme files can be used, and read by everybody."""
    from controlroom.headless import themes as shown

    checked = shown.check([Path(file) for file in options.files])
    if options.json:
        output.document(shown.check_json(checked))
    else:
        output.text(shown.check_text(checked))
    _complain(shown.problems(checked))
    return shown.exit_code(checked)


def _complain(problems: Sequence[ThemeProblem]) -> None:
    """Each with its file and key, and its remedy on a line of its own."""
    for problem in problems:
        complain(problem.message, problem.where, problem.remedy)
