"""The documents' source on real files that appear, change, break and vanish."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from pathlib import Path

import pytest

from controlroom.domain.documents import DocumentReading
from controlroom.domain.snapshot import DocumentsSeen, Observation
from controlroom.sources.documents import SIZE_LIMIT, DocumentsSource

NOW = dt.datetime(2026, 3, 4, 8, tzinfo=dt.UTC)
PLAN = "# Schedule\n\nThe programme starts on 2026-03-02.\n\n| Squad | Charter |\n|-|-|\n| Gate | x.md |\n"
BOARD = "# Backlog\n\n| Sprint | Epic | Owner | Status |\n|-|-|-|-|\n| Sprint 1 | Horn | Mara | wip |\n"
DATES = "# Dates\n\n## Milestones\n- **Week 2 Day 5** – rehearsal\n"


def source(folder: Path, *paths: str, banner: str = "", start: dt.date | None = None) -> DocumentsSource:
    return DocumentsSource(
        paths or ("*.md",), folder, start=start, banner=banner, interval=2.0, clock=lambda: NOW
    )


async def look(documents: DocumentsSource) -> DocumentsSeen:
    seen: list[Observation] = []
    await documents.poll(seen.append)
    (one,) = seen
    assert one.complete
    assert isinstance(one.payload, DocumentsSeen)
    return one.payload


async def one(documents: DocumentsSource) -> DocumentReading:
    (reading,) = (await look(documents)).readings
    return reading


def put(path: Path, text: str | bytes, *, age: float = 60) -> None:
    """Write a file whose time of change lies `age` seconds before NOW."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(path, (NOW.timestamp() - age,) * 2)


async def test_files_and_globs_are_read_with_their_paths_as_given(tmp_path: Path) -> None:
    """Each file once, relative to the folder, in the order of the patterns."""
    put(tmp_path / "plan.md", PLAN)
    put(tmp_path / "deep" / "er" / "board.md", BOARD)
    put(tmp_path / "notes.txt", "not asked for")
    seen = await look(source(tmp_path, "plan.md", "**/*.md"))
    assert [reading.path for reading in seen.readings] == ["plan.md", "deep/er/board.md"]
    assert all(reading.error is None and reading.read_at == NOW for reading in seen.readings)


async def test_one_documents_start_serves_the_others(tmp_path: Path) -> None:
    """The schedule's first day dates the labels of another file, also when it appears later."""
    put(tmp_path / "dates.md", DATES)
    documents = source(tmp_path)
    before = await one(documents)
    assert before.document is not None
    assert before.document.milestones[0].date is None
    put(tmp_path / "plan.md", PLAN)
    after = {reading.path: reading.document for reading in (await look(documents)).readings}
    assert after["dates.md"] is not None
    assert after["dates.md"].milestones[0].date == dt.date(2026, 3, 13)


async def test_nothing_changed_is_the_very_same_value(tmp_path: Path) -> None:
    """Two looks at unchanged files bring the same object, so nobody has work to do."""
    put(tmp_path / "board.md", BOARD)
    put(tmp_path / "plan.md", PLAN)
    documents = source(tmp_path)
    assert await look(documents) is await look(documents)


async def test_a_file_touched_without_a_change_keeps_its_reading(tmp_path: Path) -> None:
    """The same bytes with a new time of change are not a new document."""
    put(tmp_path / "board.md", BOARD)
    documents = source(tmp_path)
    before = await one(documents)
    put(tmp_path / "board.md", BOARD, age=30)
    assert (await one(documents)) is before


async def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    """A change shows at the next look; the other document stays the same object."""
    put(tmp_path / "board.md", BOARD)
    put(tmp_path / "plan.md", PLAN)
    documents = source(tmp_path)
    board, plan = (await look(documents)).readings
    put(tmp_path / "board.md", BOARD.replace("wip", "done"), age=30)
    again, same = (await look(documents)).readings
    assert same is plan
    assert again is not board
    assert again.document is not None
    assert again.document.items[0].status == "done"


async def test_a_change_of_the_same_size_in_the_same_moment_is_seen(tmp_path: Path) -> None:
    """While a file is younger than its clock can tell apart, its bytes decide."""
    put(tmp_path / "board.md", BOARD, age=0)
    documents = source(tmp_path)
    await look(documents)
    path = tmp_path / "board.md"
    with path.open("r+b") as stream:
        stream.write(BOARD.replace("Horn", "Bell").encode())
    os.utime(path, (NOW.timestamp(),) * 2)
    reading = await one(documents)
    assert reading.document is not None
    assert reading.document.items[0].epic == "Bell"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"# Backlog\n\nfine\n\xff\n", "board.md line 4: byte 0xff is not UTF-8; save it as UTF-8"),
        (b"# Backlog\n\x00\n", "board.md line 2: holds a NUL byte, so it is no text"),
        ("# Backlog".encode("utf-16"), "board.md line 1: is UTF-16; save it as UTF-8"),
        (b"", "board.md: the file is empty"),
        (
            b"x" * (SIZE_LIMIT + 1),
            f"board.md: {SIZE_LIMIT + 1:,} bytes, more than {SIZE_LIMIT:,}; split the document",
        ),
    ],
)
async def test_a_broken_file_keeps_its_last_good_reading(tmp_path: Path, content: bytes, error: str) -> None:
    """What was read last stays, with the reason and the line; the mended file is read again."""
    put(tmp_path / "board.md", BOARD)
    documents = source(tmp_path)
    good = await one(documents)
    put(tmp_path / "board.md", content, age=30)
    broken = await one(documents)
    assert broken.document is good.document
    assert broken.read_at == good.read_at
    assert broken.error == error
    assert (await one(documents)) is broken
    put(tmp_path / "board.md", BOARD, age=20)
    mended = await one(documents)
    assert mended.error is None
    assert mended.document == good.document


async def test_a_file_that_was_never_readable_has_only_its_error(tmp_path: Path) -> None:
    """Nothing is made up for a file that was broken from the start."""
    put(tmp_path / "board.md", b"\xff")
    reading = await one(source(tmp_path))
    assert reading.document is None
    assert reading.error is not None


async def test_a_vanished_file_is_remembered(tmp_path: Path) -> None:
    """A file that a pattern no longer finds keeps its reading and says that it is gone."""
    put(tmp_path / "board.md", BOARD)
    documents = source(tmp_path)
    good = await one(documents)
    (tmp_path / "board.md").unlink()
    gone = {reading.path: reading for reading in (await look(documents)).readings}
    assert gone["board.md"].document is good.document
    assert gone["board.md"].error == "board.md: the file is gone"
    assert gone["*.md"].error == "*.md: no file matches"
    put(tmp_path / "board.md", BOARD)
    assert (await one(documents)).error is None


async def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file, an empty pattern and a folder each get a reading with the reason."""
    (tmp_path / "docs").mkdir()
    seen = await look(source(tmp_path, "missing.md", "*.none", "docs"))
    assert [reading.error for reading in seen.readings] == [
        "missing.md: there is no such file",
        "*.none: no file matches",
        "docs: is a folder; name its documents, such as docs/*.md",
    ]


async def test_a_pipe_in_place_of_a_document_holds_nothing_up(tmp_path: Path) -> None:
    """Opening something that is no file neither blocks nor reads from it."""
    os.mkfifo(tmp_path / "pipe.md")
    async with asyncio.timeout(5):
        reading = await one(source(tmp_path))
    assert reading.error == "pipe.md: is no regular file"


async def test_a_file_swapped_in_whole_is_read_at_once(tmp_path: Path) -> None:
    """A new file moved over the old one, as editors do, is seen by its inode."""
    put(tmp_path / "board.md", BOARD)
    documents = source(tmp_path)
    await look(documents)
    put(tmp_path / "new", BOARD.replace("Horn", "Bell"))
    (tmp_path / "new").rename(tmp_path / "board.md")
    reading = await one(documents)
    assert reading.document is not None
    assert reading.document.items[0].epic == "Bell"


async def test_a_file_that_grows_while_it_is_read_is_read_whole_in_the_end(tmp_path: Path) -> None:
    """With a writer at work all the time, only whole versions are ever believed."""
    path = tmp_path / "board.md"
    put(path, BOARD)
    documents = source(tmp_path)
    await look(documents)
    rows = [f"| Sprint 1 | Epic {n} | Mara | wip |\n" for n in range(300)]

    def write() -> None:
        with path.open("a") as stream:
            for row in rows:
                stream.write(row)
                stream.flush()

    writing = asyncio.get_running_loop().run_in_executor(None, write)
    while not writing.done():
        reading = await one(documents)
        assert reading.document is not None
        assert reading.document.unread == ()
    await writing
    reading = await one(documents)
    assert reading.document is not None
    assert len(reading.document.items) == 301


async def test_the_banner_and_the_configured_start_are_used(tmp_path: Path) -> None:
    """D001 where the banner is missing; the configured start wins over a document's own."""
    put(tmp_path / "dates.md", DATES)
    reading = await one(source(tmp_path, banner="Real boats", start=dt.date(2026, 1, 5)))
    assert reading.document is not None
    assert [lint.code for lint in reading.document.lints] == ["D001"]
    assert reading.document.milestones[0].date == dt.date(2026, 1, 16)
