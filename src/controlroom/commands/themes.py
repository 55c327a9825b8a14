"""Commands about themes of the room."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from controlroom.headless import output
from controlroom.headless.problems import FINE, complain


def themes_list(options: Namespace) -> int:
    """The themes there are."""
    from controlroom.headless import themes as shown

    found = shown.available()
    if options.json:
        output.document(shown.list_json(found))
    else:
        output.text(shown.list_text(found))
        for problem in found.failed:
            complain(str(problem))
    return FINE


def themes_check(options: Namespace) -> int:
    """Whether theme files can be used, and read by everybody."""
    from controlroom.headless import themes as shown

    checked = shown.check([Path(file) for file in options.files])
    if options.json:
        output.document(shown.check_json(checked))
    else:
        output.text(shown.check_text(checked))
    for line in shown.problems(checked):
        complain(line)
    return shown.exit_code(checked)
