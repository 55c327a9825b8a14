"""Commands about the squads' Markdown documents."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.commands.common import Given, given
from controlroom.headless.problems import FINE, USAGE, Refused, Usage, complain

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.domain.documents import DocumentReading


def documents_read(options: Namespace) -> int:
    """What the documents say."""
    from controlroom.headless import document_shapes
    from controlroom.headless import documents as shown

    asked = given(options)
    readings = read_documents(options.files, asked.config(needed=False), asked)
    found = [reading.document for reading in readings if reading.document is not None]
    for reading in readings:
        if reading.error is not None:
            complain("a document cannot be read", reading.error)
    asked.print(lambda: shown.as_text(found), lambda: document_shapes.as_json(found))
    return FINE if len(found) == len(readings) else USAGE


def documents_set_status(options: Namespace) -> int:
    """One cell of one document: the status of one card, in the file's own style."""
    from controlroom.documents import write
    from controlroom.domain.status_text import read_status
    from controlroom.stores import documents_file

    asked = given(options)
    if options.read_only:
        raise Refused("nothing is changed here", "--read-only", "call it without that option")
    status = read_status(options.status).status
    if status == "unknown":
        remedy = "write not started, in progress, blocked or done"
        raise Usage("that is no status", options.status, remedy)
    path = Path(options.file)
    try:
        edit = write.propose(path.read_bytes(), options.file, options.item, options.status)
    except OSError as problem:
        raise Usage("the document cannot be read", f"{path}: {problem.strerror}") from None
    except write.SaysSoAlready as problem:
        reason = problem.reason
        already = {"path": options.file, "item": options.item, "status": status, "changed": False}
        asked.print(lambda: reason, lambda: already)
        return FINE
    except write.CannotWrite as problem:
        raise Usage("the status cannot be changed", problem.reason, problem.remedy) from None
    try:
        documents_file.replace(path, edit.digest, lambda raw: write.rewritten(raw, edit))
    except (documents_file.CannotReplace, write.CannotWrite) as problem:
        raise Refused("nothing was changed", problem.reason, problem.remedy) from None
    asked.print(
        lambda: f"{options.file}:{edit.line}: {edit.before} → {edit.after}",
        lambda: {
            "path": options.file,
            "line": edit.line,
            "item": options.item,
            "status": status,
            "before": edit.before,
            "after": edit.after,
            "changed": True,
        },
    )
    return FINE


def read_documents(names: Sequence[str], config: Config, asked: Given) -> Sequence[DocumentReading]:
    """Each file, and all Markdown below each folder, as the room would read it in company of the others."""
    import glob

    from controlroom.domain.snapshot import DocumentsSeen, Observation
    from controlroom.headless.sweeping import run
    from controlroom.sources.documents import DocumentsSource

    files: list[str] = []
    for name in names:
        below = sorted(Path(name).rglob("*.md")) if Path(name).is_dir() else []
        files += map(str, below) if below else [name]
    source = DocumentsSource(
        [glob.escape(file) if Path(file).exists() else file for file in files],
        Path(),
        start=config.program.start,
        banner=config.program.banner if config.documents.banner_required else "",
        interval=1.0,
        clock=asked.now,
        rules=config.program.calendar,
    )
    seen: list[Observation] = []
    run(source.poll(seen.append))
    payload = seen[-1].payload
    return payload.readings if isinstance(payload, DocumentsSeen) else ()
