"""Notices are kept until they are told, once each, whoever else uses the folder."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from controlroom.domain.notice import Notice, Told
from controlroom.stores.notice_outbox import NoticeOutbox

NOW = dt.datetime(2026, 3, 4, 8, 0, tzinfo=dt.UTC)


def waiting(name: str = "a", minutes: float = 0) -> Told:
    """A notice that waits."""
    at = NOW + dt.timedelta(minutes=minutes)
    return Told(
        "crew", Notice(name, "service", "service:kafka", "down", "Kafka is DOWN", at, marks=(name,)), at
    )


def test_what_is_put_is_there_until_it_ends(tmp_path: Path) -> None:
    """Put once, changed, ended: what waits comes first, oldest first; files are their owner's alone."""
    outbox, other = NoticeOutbox(tmp_path / "n"), NoticeOutbox(tmp_path / "n")
    assert outbox.read() == ()
    assert outbox.put(waiting("b", 1))
    assert outbox.put(waiting("a"))
    assert not other.put(waiting("a"))
    outbox.update(replace(waiting("b", 1), attempts=1, why="refused"))
    assert [(t.notice.id, t.attempts) for t in other.read()] == [("a", 0), ("b", 1)]
    ended = replace(waiting("a"), state="sent", ended_at=NOW)
    outbox.end(ended)
    assert other.sent(waiting("a"))
    assert not other.put(waiting("a"))
    assert [t.state for t in other.read()] == ["waiting", "sent"]
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "n").rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {(tmp_path / "n" / name).stat().st_mode & 0o777 for name in ("queued", "done")} == {0o700}


def test_what_another_room_told_stays_told(tmp_path: Path) -> None:
    """A room that comes later neither makes it wait again nor says that it was not told."""
    outbox = NoticeOutbox(tmp_path)
    outbox.put(waiting())
    outbox.end(replace(waiting(), state="sent", ended_at=NOW))
    outbox.end(replace(waiting(), state="elsewhere", ended_at=NOW))
    outbox.update(replace(waiting(), attempts=3))
    assert [(t.state, t.attempts) for t in outbox.read()] == [("sent", 0)]


def test_it_is_forgotten_after_a_day(tmp_path: Path) -> None:
    """What ended is kept for a day; what waits stays."""
    outbox = NoticeOutbox(tmp_path)
    for name in ("a", "b", "c"):
        outbox.put(waiting(name))
    outbox.end(replace(waiting("a"), state="sent", ended_at=NOW))
    outbox.end(replace(waiting("b"), state="given_up", ended_at=NOW + dt.timedelta(hours=2)))
    outbox.prune(NOW + dt.timedelta(hours=25))
    assert [(t.notice.id, t.state) for t in outbox.read()] == [("c", "waiting"), ("b", "given_up")]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"form": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_file_costs_only_itself(tmp_path: Path, content: bytes) -> None:
    """It is named, and the rest is read."""
    outbox = NoticeOutbox(tmp_path)
    outbox.put(waiting())
    (tmp_path / "queued" / "broken.json").write_bytes(content)
    (tmp_path / "queued" / "link.json").symlink_to("/dev/zero")
    assert [t.notice.id for t in outbox.read()] == ["a"]
    assert "queued/broken.json" in outbox.trouble
    assert "queued/link.json" in outbox.trouble


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Whoever puts something learns that it is not kept."""
    (tmp_path / "n").write_text("a file")
    with pytest.raises(OSError, match=r"n'?"):
        NoticeOutbox(tmp_path / "n").put(waiting())
