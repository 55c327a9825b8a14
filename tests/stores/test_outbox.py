"""The outbox keeps what a person did: durably, in order, for several processes at once, and loses nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from controlroom.domain.actions import Entry, encode
from controlroom.stores.outbox import KEEP, KEEP_AT_LEAST, Era, NotRecorded, Outbox
from controlroom.stores.outbox_files import name_of
from tests.stores.acting import act, disk, fill, hurt, remount

STORE = "dir:/srv/quay/log"


def files(outbox: Outbox, place: str) -> list[str]:
    """Names in one of its folders, temporary ones too."""
    assert outbox.folder is not None
    folder = outbox.folder / place
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_what_is_put_is_there_for_every_process(tmp_path: Path) -> None:
    """Put in order, read in order by another process; the file holds the very bytes that go to the log."""
    outbox = Outbox(tmp_path, STORE)
    first = act("one", text='“quoted” \u2028 "and" \\ escaped')
    outbox.put(first)
    outbox.put(act("two", "b-2"))
    assert [waiting.action for waiting in Outbox(tmp_path, STORE).waiting()] == [first, act("two", "b-2")]
    assert outbox.folder is not None
    stored = json.loads((outbox.folder / "queued" / name_of(1, "one")).read_bytes())
    assert stored["action"].encode() == encode(first)
    assert outbox.trouble() == ""


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Files are 0600 and folders 0700, the ones above included that had to be made; names are as agreed."""
    outbox = Outbox(tmp_path / "state" / "outbox", STORE)
    outbox.conflicted(outbox.put(act("one")), "moved", Entry(3, act("other")))
    outbox.delivered(outbox.put(act("two")), 7)
    outbox.put(act("three"))
    outbox.remember(Era("e"))
    found = list((tmp_path / "state").rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in [tmp_path / "state", *found] if path.is_dir()} == {0o700}
    names = [path.name for path in found if path.parent.name in ("queued", "sent", "conflict")]
    assert len(names) == 3
    assert all(re.fullmatch(r"\d{9,}-[0-9a-f]+\.json", name) for name in names)


def test_each_store_has_its_own(tmp_path: Path) -> None:
    """What is meant for one store is never delivered to another; the folder says which store it is for."""
    one, other = Outbox(tmp_path, STORE), Outbox(tmp_path, "redis://cache:6379/0")
    one.put(act("one"))
    assert other.waiting() == []
    assert one.folder is not None
    assert (one.folder / "store.txt").read_text(encoding="utf-8") == f"{STORE}\n"
    assert re.fullmatch(r"[0-9a-f]+", one.folder.name)


def test_an_action_remembers_what_waits_before_it_on_its_item(tmp_path: Path) -> None:
    """Behind the last that is not delivered on the same item; a conflict and another item do not count."""
    outbox = Outbox(tmp_path, STORE)
    first = outbox.put(act("one"))
    assert first.behind is None
    assert outbox.put(act("elsewhere", "b-2")).behind is None
    assert outbox.put(act("two")).behind == "one"
    third = outbox.put(act("three"))
    assert third.behind == "two"
    for waiting in outbox.waiting():
        outbox.conflicted(waiting, "moved", None)
    assert outbox.put(act("four")).behind is None


def test_it_goes_on_after_the_greatest_number(tmp_path: Path) -> None:
    """What is put later comes later, also past nine digits, and two at the same number in one order."""
    outbox = Outbox(tmp_path, STORE)
    outbox.put(act("first"))
    assert outbox.folder is not None
    queued = outbox.folder / "queued"
    (queued / name_of(1, "first")).rename(queued / name_of(999_999_999, "first"))
    outbox.put(act("second"))
    twin = queued / name_of(999_999_999, "twin")
    twin.write_bytes((queued / name_of(1_000_000_000, "second")).read_bytes().replace(b"second", b"twin"))
    orders = [[w.action.id for w in Outbox(tmp_path, STORE).waiting()] for _ in range(3)]
    assert orders[0][-1] == "second"
    assert sorted(orders[0]) == ["first", "second", "twin"]
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("notes.txt", b"buy rope", "no file of the outbox"),
        (name_of(2, "one"), b"", "half written"),
        (name_of(2, "one"), b'{"outbox": 1, "action": "{\\"v\\"', "half written"),
        (name_of(2, "one"), b"\0" * 300, "half written"),
        (name_of(2, "one"), b"[1]", "no envelope"),
        (name_of(2, "one"), b'{"outbox": 2, "action": 1}', "newer"),
        (name_of(2, "one"), b'{"outbox": 1, "action": "{\\"v\\": 9}"}', "newer"),
        (name_of(2, "one"), b'{"outbox": 1, "action": "\\ud800"}', "UTF-8"),
        (name_of(2, "other"), None, "another action"),
        ("\x1b[31m.json", b"{}", "no file of the outbox"),
        ("000000003-" + "9" * 40 + ".json", b"{}", "no file of the outbox"),
        (name_of(2, "one"), b"[" * 200_000, "half written"),
    ],
)
def test_what_it_cannot_read_is_named_and_left_alone(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    """Foreign, torn or newer: named with the reason, not touched, and in nobody's way."""
    outbox = Outbox(tmp_path, STORE)
    good = outbox.put(act("good"))
    assert outbox.folder is not None
    queued = outbox.folder / "queued"
    raw = (queued / good.name).read_bytes() if content is None else content
    (queued / name).write_bytes(raw)
    for reader in (outbox, Outbox(tmp_path, STORE)):
        assert [waiting.action.id for waiting in reader.waiting()] == ["good"]
        assert says in reader.trouble()
        assert name.removeprefix("\x1b") in reader.trouble()
        assert "\x1b" not in reader.trouble()
    outbox.put(act("more"))
    outbox.prune()
    assert (queued / name).read_bytes() == raw


def test_what_is_no_file_is_named_and_left_alone(tmp_path: Path) -> None:
    """A folder, a pipe, a link and a huge file under a name of the outbox neither hang nor stop it."""
    outbox = Outbox(tmp_path, STORE)
    good = outbox.put(act("good"))
    assert outbox.folder is not None
    queued = outbox.folder / "queued"
    (queued / name_of(2, "folder")).mkdir()
    os.mkfifo(queued / name_of(3, "pipe"))
    (queued / name_of(4, "link")).symlink_to(queued / good.name)
    with (queued / name_of(5, "huge")).open("wb") as huge:
        huge.truncate(1 << 40)
    assert [waiting.action.id for waiting in outbox.waiting()] == ["good"]
    assert "and 1 more" in outbox.trouble()


def test_without_room_nothing_is_kept_and_it_is_said(tmp_path: Path) -> None:
    """A full disk: not recorded, where and what to do; with room again nothing of it turns up."""
    with disk(tmp_path / "home") as home:
        outbox = Outbox(home / "outbox", STORE)
        kept = outbox.put(act("before"))
        filler = fill(home)
        with pytest.raises(NotRecorded) as problem:
            outbox.put(act("full", text="x" * 9000))
        assert str(home) in problem.value.reason
        assert "no space left" in problem.value.reason
        assert "free some space" in problem.value.remedy
        filler.unlink()
        assert files(outbox, "queued") == [kept.name]
        assert outbox.put(act("after")).number == 2


def test_where_nothing_can_be_written_it_is_said(tmp_path: Path) -> None:
    """Read-only, in the way, or no home at all: not recorded, with what would help."""
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(NotRecorded, match=r"not a directory|file exists"):
        Outbox(tmp_path / "taken", STORE).put(act("one"))
    with pytest.raises(NotRecorded, match="no home folder") as homeless:
        Outbox(None, STORE).put(act("one"))
    assert "XDG_STATE_HOME" in homeless.value.remedy
    assert "no home folder" in Outbox(None, STORE).trouble()
    with disk(tmp_path / "home") as home:
        outbox = Outbox(home, STORE)
        outbox.put(act("before"))
        remount(home, "ro")
        with pytest.raises(NotRecorded, match="read-only") as problem:
            outbox.put(act("one"))
        assert "XDG_STATE_HOME" in problem.value.remedy
        assert [waiting.action.id for waiting in outbox.waiting()] == ["before"]


PUT = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from pathlib import Path
from controlroom.stores.outbox import Outbox, NotRecorded
from tests.stores.acting import act
outbox = Outbox(Path(sys.argv[2]), "dir:/srv/quay/log")
for id_ in sys.argv[3:]:
    try:
        outbox.put(act(id_))
        print("put", id_, flush=True)
    except NotRecorded as problem:
        print("not", problem.reason, flush=True)
"""


def putting(folder: Path, *ids: str) -> list[str]:
    """The command line of a process that puts actions of these ids."""
    root = Path(__file__).parents[2]
    return [sys.executable, "-B", "-c", PUT, f"{root}:{root / 'src'}", str(folder), *ids]


@pytest.mark.parametrize(
    "faults",
    [
        ("fsync:error=EIO:when=1",),
        ("fsync:error=EIO:when=2",),
        ("link:error=EIO",),
        ("write:error=ENOSPC:when=1",),
        ("fsync:error=EIO:when=2", "unlink:error=EIO"),
        ("fsync:error=EIO:when=1+", "unlink:error=EROFS"),
    ],
    ids=str,
)
def test_what_is_not_durable_is_not_delivered_later(tmp_path: Path, faults: tuple[str, ...]) -> None:
    """Whatever fails, removing what was written included: not recorded means that nobody finds it."""
    outbox = Outbox(tmp_path / "outbox", STORE)
    outbox.put(act("before"))
    done = hurt(faults, putting(tmp_path / "outbox", "hit"), tmp_path / "trace")
    assert done.stdout.startswith("not "), (done.stdout, done.stderr)
    assert [waiting.action.id for waiting in Outbox(tmp_path / "outbox", STORE).waiting()] == ["before"]
    assert outbox.put(act("hit")).action.id == "hit"
    assert "hit" in [waiting.action.id for waiting in outbox.waiting()]


def test_what_can_neither_be_kept_nor_taken_back_is_said_to_be_in_doubt(tmp_path: Path) -> None:
    """Not durable, not to be removed, not to be emptied: a plain "not recorded" would be a lie."""
    Outbox(tmp_path / "outbox", STORE).put(act("before"))
    faults = ("fsync:error=EIO:when=2", "unlink:error=EIO", "ftruncate:error=EIO")
    done = hurt(faults, putting(tmp_path / "outbox", "hit"), tmp_path / "trace")
    assert done.stdout.startswith("not ")
    assert "may still be delivered" in done.stdout


def test_many_processes_put_at_once(tmp_path: Path) -> None:
    """Every action of every process is there once, each process's own in its order."""
    started = [
        subprocess.Popen(
            putting(tmp_path, *(f"p{process}-{number:02d}" for number in range(15))), stdout=subprocess.PIPE
        )
        for process in range(5)
    ]
    for process in started:
        out, _ = process.communicate(timeout=60)
        assert out.count(b"put") == 15
    outbox = Outbox(tmp_path, STORE)
    there = [waiting.action.id for waiting in outbox.waiting()]
    assert outbox.trouble() == ""
    assert len(there) == len(set(there)) == 75
    for process_number in range(5):
        mine = [id_ for id_ in there if id_.startswith(f"p{process_number}-")]
        assert mine == sorted(mine)


def test_a_killed_put_leaves_nothing_half(tmp_path: Path) -> None:
    """kill -9 at each of its system calls: it is there whole or not at all, and others go on."""
    for call in ("fsync", "link", "unlink"):
        for when in (1, 2):
            folder = tmp_path / f"{call}-{when}"
            Outbox(folder, STORE).put(act("before"))
            fault = f"{call}:signal=SIGKILL:when={when}"
            hurt([fault], putting(folder, "hit"), tmp_path / "trace")
            outbox = Outbox(folder, STORE)
            assert [w.action.id for w in outbox.waiting()] in (["before"], ["before", "hit"])
            assert outbox.trouble() == ""
            outbox.put(act("after"))
            assert [w.action.id for w in outbox.waiting()][-1] == "after"


def aged(outbox: Outbox, sent: str, seconds: float) -> None:
    """Make a file of ``sent`` that old."""
    assert outbox.folder is not None
    path = outbox.folder / "sent" / sent
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_what_was_committed_is_kept_for_a_day(tmp_path: Path) -> None:
    """Older than a day goes, unless it is among the latest; what is younger stays."""
    outbox = Outbox(tmp_path, STORE)
    sent = [outbox.delivered(outbox.put(act(f"a{n}")), n) for n in range(1, KEEP_AT_LEAST + 4)]
    for one in sent[:2]:
        aged(outbox, one.name, KEEP + 60)
    aged(outbox, sent[2].name, KEEP - 60)
    aged(outbox, sent[-1].name, KEEP + 60)
    outbox.prune()
    assert files(outbox, "sent") == [one.name for one in sent[2:]]


def test_a_clock_that_jumps_makes_nothing_old(tmp_path: Path) -> None:
    """Everything dated a week back, or a week ahead: nothing is a day older than the latest, nothing goes."""
    outbox = Outbox(tmp_path, STORE)
    sent = [outbox.delivered(outbox.put(act(f"a{n}")), n) for n in range(1, KEEP_AT_LEAST + 10)]
    for shift in (7 * KEEP, -7 * KEEP):
        for one in sent:
            aged(outbox, one.name, shift)
        outbox.prune()
        assert len(files(outbox, "sent")) == len(sent)


def test_leftovers_of_killed_processes_go_after_a_day(tmp_path: Path) -> None:
    """A temporary file of a put that was killed is removed, one that may be at work is not."""
    outbox = Outbox(tmp_path, STORE)
    outbox.put(act("one"))
    assert outbox.folder is not None
    old, young = (outbox.folder / "queued" / f".{name}.part" for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    outbox.prune()
    assert not old.exists()
    assert young.exists()


def test_what_cannot_be_written_as_a_conflict_stays_where_it_was(tmp_path: Path) -> None:
    """No room for the conflict's file: the action is still queued, not lost between the two."""
    with disk(tmp_path / "home") as home:
        outbox = Outbox(home, STORE)
        waiting = outbox.put(act("one", text="x" * 9000))
        filler = fill(home)
        outbox.conflicted(waiting, "moved", Entry(3, act("other")))
        assert [w.action.id for w in outbox.waiting()] == ["one"]
        assert outbox.listed("conflict") == []
        filler.unlink()
        outbox.conflicted(waiting, "moved", Entry(3, act("other")))
        assert outbox.waiting() == []
        assert outbox.listed("conflict")[0].current == Entry(3, act("other"))
