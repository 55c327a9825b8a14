"""A log is copied byte for byte, verified, resumed, and never merged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from controlroom.domain.actions import Action, encode
from controlroom.lab import servers
from controlroom.stores.copying import Copied, NotCopied, copy
from controlroom.stores.folder_log import FolderLog
from controlroom.stores.logs import Settings
from controlroom.stores.port import Log
from controlroom.stores.redis_log import RedisLog
from tests.faults import refused
from tests.stores.acting import act, disk, fill

Start = Callable[[Callable[[Path], servers.Server]], servers.Server]

FOREIGN = (
    b'{ "v":1, "id":"planted", "item":"b-9", "kind":"dance", "mood":"\\u2603", "args":{"n":[1,2.50,null]},'
    b' "at":"2031-05-06T10:00:00+02:00" }'
)
"""Spelled as nobody here would, with a kind and a field that this program does not know."""


def filled(folder: Path, count: int) -> FolderLog:
    """A log with `count` actions, one of them foreign."""
    log = FolderLog(folder)
    for rev in range(1, count + 1):
        log.put(rev, FOREIGN if rev == 2 else encode(act(f"a{rev}", f"b-{rev % 3}")))
    return log


def raw(log: Log) -> list[bytes]:
    """All it stores."""
    return [stored for _, stored in log.raw()]


def sum_of(log: Log) -> str:
    """As ``log --raw | sha256sum`` would say."""
    return hashlib.sha256(b"".join(stored + b"\n" for stored in raw(log))).hexdigest()


def test_every_byte_there_and_back(start: Start, tmp_path: Path) -> None:
    """From a folder to Redis and on to a folder: the same bytes, foreign ones and unknown fields too."""
    server = start(servers.redis)
    first = filled(tmp_path / "log", 25)
    middle = RedisLog(f"redis://{server.address}/0", Settings(timeout=4.0))
    last = FolderLog(tmp_path / "back")
    told: list[int] = []
    there = copy(first, middle, told.append)
    assert told == list(range(1, 26))
    back = copy(middle, last, told.append)
    assert there == back == Copied(25, 0, sum_of(first), 0)
    assert raw(last) == raw(first)
    assert FOREIGN in raw(last)
    assert last.append(act("more", expect=None)).__class__.__name__ == "Committed"


def test_an_empty_log_is_copied_too(tmp_path: Path) -> None:
    """Nothing to copy is no failure."""
    copied = copy(FolderLog(tmp_path / "a"), FolderLog(tmp_path / "b"), print)
    assert copied == Copied(0, 0, hashlib.sha256().hexdigest(), 0)


def test_it_carries_on_where_it_was_interrupted(tmp_path: Path) -> None:
    """Interrupted in the middle, the same call copies the rest only; once more, nothing."""
    source, target = filled(tmp_path / "a", 12), FolderLog(tmp_path / "b")

    def interrupt(rev: int) -> None:
        if rev == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(source, target, interrupt)
    assert raw(target) == raw(source)[:7]
    told: list[int] = []
    assert copy(source, target, told.append) == Copied(12, 7, sum_of(source), 0)
    assert told == [8, 9, 10, 11, 12]
    assert copy(source, target, told.append).already == 12
    assert told == [8, 9, 10, 11, 12]


@pytest.mark.parametrize("what", ["another action", "other bytes", "one more", "itself"])
def test_two_logs_are_never_merged(tmp_path: Path, what: str) -> None:
    """A target that holds anything but a beginning of the source is refused, with the place, untouched."""
    source = filled(tmp_path / "a", 3)
    target = FolderLog(tmp_path / "b")
    target.put(1, encode(act("a1", "b-1")))
    if what == "another action":
        target.put(2, encode(act("stranger")))
    elif what == "other bytes":
        target.put(2, FOREIGN.replace(b", ", b","))
    elif what == "one more":
        for rev, stored in list(source.raw())[1:]:
            target.put(rev, stored)
        target.put(4, encode(act("later")))
    else:
        target = FolderLog(tmp_path / "a")
    before = raw(target)
    with pytest.raises(NotCopied) as problem:
        copy(source, target, print)
    if what != "itself":
        assert ("rev 4" if what == "one more" else "rev 2") in problem.value.reason
        assert target.url in problem.value.reason
    assert problem.value.remedy
    assert raw(target) == before
    assert len(raw(source)) == 3


def test_what_is_written_meanwhile_is_copied(tmp_path: Path) -> None:
    """Somebody goes on writing to the source: that is copied as well, or counted."""
    source, target = filled(tmp_path / "a", 5), FolderLog(tmp_path / "b")
    writer = FolderLog(tmp_path / "a")

    def write_until_ten(rev: int) -> None:
        if rev < 10:
            writer.append(act(f"late{rev}"))

    copied = copy(source, target, write_until_ten)
    assert copied.actions == len(raw(target))
    assert copied.actions >= 10
    assert raw(source)[: copied.actions] == raw(target)
    assert len(raw(source)) == copied.actions + copied.behind

    def write_always(rev: int) -> None:
        writer.append(act(f"always{rev}"))

    other = FolderLog(tmp_path / "c")
    busy = copy(source, other, write_always)
    assert raw(other) == raw(source)[: busy.actions]
    assert busy.behind == len(raw(source)) - busy.actions > 0


def test_somebody_else_who_writes_to_the_target_is_noticed(tmp_path: Path) -> None:
    """Their action takes a rev that was to be copied: the copy ends there and says so."""
    source, target = filled(tmp_path / "a", 5), FolderLog(tmp_path / "b")
    stranger = FolderLog(tmp_path / "b")

    def meddle(rev: int) -> None:
        if rev == 3:
            stranger.append(act("stranger"))

    with pytest.raises(NotCopied, match="rev 4") as problem:
        copy(source, target, meddle)
    assert target.url in problem.value.reason
    late = FolderLog(tmp_path / "c")

    def after_the_last(rev: int) -> None:
        if rev == 5:
            FolderLog(tmp_path / "c").append(act("stranger"))

    with pytest.raises(NotCopied, match="somebody else"):
        copy(source, late, after_the_last)


def test_a_hole_in_the_source_is_not_copied_over(tmp_path: Path) -> None:
    """Nothing is closed up or left out: it is said which rev is missing."""
    source = filled(tmp_path / "a", 5)
    (tmp_path / "a" / "000000003.json").unlink()
    target = FolderLog(tmp_path / "b")
    with pytest.raises(NotCopied, match="rev 3 is missing"):
        copy(source, target, print)
    assert len(raw(target)) == 2


def test_it_says_which_of_the_two_cannot_be_used(tmp_path: Path) -> None:
    """Unreachable, full: the message names the store and the rev, and what is copied so far stays good."""
    source = filled(tmp_path / "a", 60)
    with refused() as address:
        gone = RedisLog(f"redis://{address}/0", Settings(timeout=0.5))
        for one, other in ((source, gone), (gone, source)):
            with pytest.raises(NotCopied) as problem:
                copy(one, other, print)
            assert gone.url in problem.value.reason
    with disk(tmp_path / "small", "128k") as small:
        target = FolderLog(small / "log")
        copy(filled(tmp_path / "few", 2), FolderLog(small / "few"), print)
        filler = fill(small)
        with pytest.raises(NotCopied, match="space") as problem:
            copy(source, target, print)
        assert target.url in problem.value.reason
        filler.unlink()
    with disk(tmp_path / "tiny", "128k") as tiny:
        target = FolderLog(tiny / "log")
        with pytest.raises(NotCopied, match="writing rev"):
            copy(source, target, print)
        assert raw(target) == raw(source)[: len(raw(target))]


def test_what_comes_back_is_compared_with_what_went_in(tmp_path: Path) -> None:
    """A target that gives back other bytes, or fewer, is found out."""
    source = filled(tmp_path / "a", 5)

    def spoil(rev: int) -> None:
        if rev == 5:
            file = tmp_path / "b" / "000000004.json"
            file.write_bytes(file.read_bytes().replace(b"quay", b"quai"))

    with pytest.raises(NotCopied, match="other bytes at rev 4"):
        copy(source, FolderLog(tmp_path / "b"), spoil)

    def lose(rev: int) -> None:
        if rev == 5:
            (tmp_path / "c" / "000000005.json").unlink()

    with pytest.raises(NotCopied, match="4 actions of 5"):
        copy(source, FolderLog(tmp_path / "c"), lose)


@pytest.mark.parametrize(("stored", "says"), [(b'{"v":1', "not JSON"), (b'{"v":7}', "newer")])
def test_what_cannot_be_read_ends_the_copy_with_its_place(tmp_path: Path, stored: bytes, says: str) -> None:
    """A broken or newer action in the source is not carried into another log, and is not passed over."""
    source, target = filled(tmp_path / "a", 5), FolderLog(tmp_path / "b")
    (tmp_path / "a" / "000000004.json").write_bytes(stored)
    with pytest.raises(NotCopied, match=says) as problem:
        copy(FolderLog(tmp_path / "a"), target, print)
    assert "rev 4" in problem.value.reason
    assert source.url in problem.value.reason
    assert len(raw(target)) == 3


def test_an_action_is_what_the_source_says(tmp_path: Path) -> None:
    """What is read from the copy is what was read from the original."""
    source, target = filled(tmp_path / "a", 4), FolderLog(tmp_path / "b")
    copy(source, target, print)
    assert target.read().entries == source.read().entries
    assert isinstance(target.read().entries[0].action, Action)
