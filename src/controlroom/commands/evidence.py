"""Commands about evidence: keeping what a day shows, and saying whether it is still what was kept."""

from __future__ import annotations

import datetime as dt
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controlroom.commands.common import Given, given, say_failures
from controlroom.headless.problems import ATTENTION, FINE, UNREACHABLE, Unreachable, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controlroom.capturing import Pictures
    from controlroom.config.values import Config
    from controlroom.domain.snapshot import Snapshot
    from controlroom.stores.evidence_folder import Verified


def evidence_capture(options: Namespace) -> int:
    """What is to be seen now: raw answers, the room, tests, pictures."""
    from controlroom import acting, capturing
    from controlroom.headless.sweeping import run
    from controlroom.reports import evidence as report

    asked = given(options)
    config = asked.config()
    status = _status(config)
    date = _date(options.date) if options.date else None
    seen = asked.sweep(config)
    say_failures(seen)
    _known(options.ritual, seen)
    wanted = capturing.Wanted(
        date or capturing.today(seen, asked.now()),
        options.ritual,
        options.junit or (),
        _pictures(asked, config),
        acting.who(config),
        acting.host(),
    )
    try:
        done = run(capturing.capture(config, seen, asked.now, status, wanted))
    except OSError as problem:
        where = f"{problem.filename or status}: {problem.strerror or type(problem).__name__}"
        raise Unreachable(
            "the evidence cannot be written", where, "check [status].dir and its rights"
        ) from None
    made = done.manifest
    asked.print(lambda: report.text(made, str(done.folder)), lambda: {"path": str(done.folder), **made})
    if made["attention"]:
        return ATTENTION
    return UNREACHABLE if made["unreachable"] else FINE


def _pictures(asked: Given, config: Config) -> Pictures | None:
    if not config.evidence.screens:
        return None
    from controlroom.tui import pictures
    from controlroom.tui.port import Options

    ui = config.ui
    seen_as = Options(
        theme=ui.theme,
        viewer_zone=asked.viewer_zone(config),
        ascii=ui.ascii,
        redact=ui.redact,
        clock_set=asked.at is not None,
    )

    async def drawn(snapshot: Snapshot, now: dt.datetime) -> Mapping[str, bytes]:
        return await pictures.draw(snapshot, now, seen_as)

    return drawn


def _known(ritual: str | None, seen: Snapshot) -> None:
    """Raises Usage for a ritual that there is not."""
    from controlroom.domain.decide_args import close_to

    known = [one.id for one in seen.program.rituals]
    if ritual is not None and ritual not in known:
        raise Usage("no ritual is called so", f"--ritual {ritual}", close_to(ritual, known))


def _status(config: Config) -> Path:
    if not config.status.dir:
        raise Usage("no status folder is configured", "[status].dir", 'add one, such as dir = "status"')
    return config.folder / config.status.dir


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Usage("no date", text, "write it as 2025-10-08") from None


def evidence_verify(options: Namespace) -> int:
    """Whether what was kept is still what was kept."""
    from controlroom.stores import evidence_folder

    asked = given(options)
    try:
        folders = _meant(options.what, asked)
        found = [evidence_folder.verify(folder) for folder in folders]
    except evidence_folder.NoEvidence as problem:
        raise Usage("that is no evidence", str(problem), "name a day, or the folder of a capture") from None
    except OSError as problem:
        where = f"{problem.filename}: {problem.strerror}"
        raise Unreachable("the evidence cannot be read", where, "check [status].dir and its rights") from None
    asked.print(
        lambda: "".join(map(_as_text, found)),
        lambda: {"ok": all(one.ok for one in found), "captures": [_as_json(one) for one in found]},
    )
    return FINE if all(one.ok for one in found) else ATTENTION


def _meant(what: str | None, asked: Given) -> list[Path]:
    """The captures that are meant: a folder, all of a day, or the newest there is. Raises Usage, OSError."""
    from controlroom.stores import evidence_folder

    if what is not None and Path(what).is_dir():
        return [Path(what)]
    status = _status(asked.config())
    if what is None:
        newest = evidence_folder.newest(status)
        if newest is None:
            raise Usage("there is no evidence yet", str(status), "controlroom evidence capture keeps some")
        return [newest]
    found = evidence_folder.captures(status, _date(what).isoformat())
    if not found:
        raise Usage(
            "there is no evidence of that day", f"{what} in {status}", "name another day, or a folder"
        )
    return found


def _as_text(one: Verified) -> str:
    lines = [f"{one.folder}: {one.manifest}"] if one.manifest else []
    for word, names in (
        ("changed", one.changed),
        ("missing", one.missing),
        ("not in the manifest", one.extra),
    ):
        lines += [f"{one.folder}: {word}: {name}" for name in names]
    if not lines:
        lines = [f"{one.folder}: all {one.files} files are as they were captured"]
    return "\n".join(lines) + "\n"


def _as_json(one: Verified) -> dict[str, Any]:
    return {
        "folder": str(one.folder),
        "ok": one.ok,
        "files": one.files,
        "changed": list(one.changed),
        "missing": list(one.missing),
        "extra": list(one.extra),
        "manifest": one.manifest or None,
    }
