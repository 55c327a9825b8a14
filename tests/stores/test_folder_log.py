"""The log in a folder: strange files, faults at every system call, full disks, nothing lost, nothing torn."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from controlroom.domain.actions import Action, encode
from controlroom.stores import folder_files
from controlroom.stores.folder_log import FolderLog
from controlroom.stores.port import Committed, Page, ReadOnly, Unavailable
from tests import tracing

NOW = datetime(2031, 5, 6, 9, 30, tzinfo=UTC)


def action(id_: str, item: str = "b-1", expect: str | None = None) -> Action:
    return Action(id_, item, "assign", {"owner": id_}, "ada", "host", NOW, expect)


def add(log: FolderLog, *ids: str) -> None:
    for id_ in ids:
        verdict = log.append(action(id_))
        assert isinstance(verdict, Committed)
        assert not verdict.replay


def ids(page: Page) -> list[str]:
    return [entry.action.id for entry in page.entries]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file's bytes by name; a hidden one's too."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def refusal(log: FolderLog) -> ReadOnly:
    """Why nothing can be appended; the folder is as it was afterwards."""
    with pytest.raises(ReadOnly) as caught:
        log.append(action("refused"))
    assert caught.value.remedy
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log of three actions: a, b, c."""
    add(FolderLog(tmp_path / "log"), "a", "b", "c")
    return tmp_path / "log"


# Files


def test_an_action_is_one_file_of_one_line(folder: Path) -> None:
    """Nine digits, the encoded bytes exactly, and nothing else stays behind."""
    assert contents(folder) == {
        f"00000000{n}.json": encode(action(id_)) for n, id_ in enumerate(["a", "b", "c"], 1)
    }


def test_looking_writes_nothing(tmp_path: Path, folder: Path) -> None:
    """Neither a folder that is not there, nor anything in one that is."""
    FolderLog(tmp_path / "none").read()
    assert not (tmp_path / "none").exists()
    before = folder.stat().st_mtime_ns
    log = FolderLog(folder)
    log.read()
    list(log.raw())
    assert folder.stat().st_mtime_ns == before


def test_a_refused_action_makes_no_folder(tmp_path: Path) -> None:
    """What expects an action that never was leaves nothing."""
    FolderLog(tmp_path / "none").append(action("x", expect="who"))
    assert not (tmp_path / "none").exists()


def test_foreign_files_are_ignored(folder: Path) -> None:
    """Names that are not quite a number's, hidden files, folders: not read, not touched."""
    names = ["README.md", ".gitignore", "4.json", "0000000004.json", "000000000.json", "000000004.json.bak"]
    names += ["00000004.json", "٠٠٠٠٠٠٠٠٤.json", "+00000004.json", ".action-1-ab.part", "000000004.JSON"]
    for name in names:
        (folder / name).write_bytes(b"foreign")
    (folder / "notes").mkdir()
    before = contents(folder)
    log = FolderLog(folder)
    page = log.read()
    assert (ids(page), page.trouble) == (["a", "b", "c"], "")
    add(log, "d")
    assert contents(folder) == before | {"000000004.json": encode(action("d"))}


def test_the_log_has_one_name(tmp_path: Path, folder: Path) -> None:
    """However it is reached: the real path, fit for a screen."""
    (tmp_path / "link").symlink_to(folder)
    one = FolderLog(tmp_path / "link")
    assert one.url == FolderLog(folder / ".." / "log").url == f"dir:{folder.resolve()}"
    add(one, "d")
    assert ids(FolderLog(folder).read()) == ["a", "b", "c", "d"]
    assert FolderLog(Path(os.fsdecode(b"/x\xff\x1b[2J"))).url.isprintable()


def symlink(path: Path) -> None:
    (path.parent.parent / "elsewhere").write_bytes(encode(action("elsewhere")))
    path.symlink_to(path.parent.parent / "elsewhere")


def link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.parent.parent / "nowhere")


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as plug, contextlib.chdir(path.parent):
        plug.bind(path.name)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (symlink, "a symbolic link"),
        (link_to_nowhere, "a symbolic link"),
        (Path.mkdir, "a folder"),
        (os.mkfifo, "not a regular file"),
        (listening, "not a regular file"),
        (huge, "larger than 1 MiB"),
        (Path.touch, "not JSON"),
        (lambda path: path.write_bytes(encode(action("d"))[:40]), "not JSON"),
        (lambda path: path.write_bytes(b"[]"), "not a JSON object"),
        (lambda path: path.write_bytes(encode(action("d")).replace(b'"v":1', b'"v":9')), "newer controlroom"),
    ],
    ids=["link", "dangling", "folder", "fifo", "socket", "huge", "empty", "torn", "other", "newer"],
)
@pytest.mark.parametrize("last", [True, False], ids=["last", "inside"])
def test_a_strange_file_stops_writers_not_readers(
    folder: Path, make: Callable[[Path], object], words: str, *, last: bool
) -> None:
    """It is named at once, everything else is read, nothing is written or followed, and nothing hangs."""
    path = folder / f"00000000{4 if last else 2}.json"
    others = ["a", "b", "c"] if last else ["a", "c"]
    old = FolderLog(folder)
    if last:
        old.read()
    else:
        path.unlink()
    make(path)
    before = {p.name: p.lstat().st_mtime_ns for p in folder.iterdir()}
    for log in (old, FolderLog(folder)):
        began = time.monotonic()
        page = log.read()
        assert (ids(page), page.head) == (others, 4 if last else 3)
        assert f"{path.name} in the log: " in page.trouble
        assert words in page.trouble
        assert words in refusal(log).reason
        assert log.append(action("a")) == Committed(page.entries[0], replay=True)
        assert time.monotonic() - began < 1.0
    assert {p.name: p.lstat().st_mtime_ns for p in folder.iterdir()} == before
    assert not (folder.parent / "nowhere").exists()


def test_stored_bytes_come_as_they_are(folder: Path) -> None:
    """Readable or not; what has no bytes is an error that names it."""
    (folder / "000000002.json").write_bytes(b"\xffnot ours\n")
    raws = list(FolderLog(folder).raw())
    assert raws == [(1, encode(action("a"))), (2, b"\xffnot ours\n"), (3, encode(action("c")))]
    (folder / "000000004.json").mkdir()
    with pytest.raises(Unavailable, match=r"000000004\.json: a folder"):
        list(FolderLog(folder).raw(2))


def test_a_hole_is_found_and_mended(folder: Path) -> None:
    """Who reads anew, and who had read it all: the number is named, nothing is written until it is back."""
    old = FolderLog(folder)
    old.read()
    kept = (folder / "000000002.json").read_bytes()
    (folder / "000000002.json").unlink()
    new = FolderLog(folder)
    page = new.read()
    assert (ids(page), page.head) == (["a", "c"], 3)
    assert ids(new.read(1)) == ["c"]
    give_up = time.monotonic() + 5
    while not old.read(3).trouble:
        assert time.monotonic() < give_up
    for log in (old, new):
        assert "000000002.json in the log is missing" in log.read().trouble
        assert "000000002.json" in refusal(log).reason
    assert sorted(contents(folder)) == ["000000001.json", "000000003.json"]
    (folder / "000000002.json").write_bytes(kept)
    page = new.read(3)
    assert (ids(page), page.trouble, page.from_start) == (["a", "b", "c"], "", True)
    add(new, "d")
    add(old, "e")


def test_what_is_written_meanwhile_is_no_hole(folder: Path) -> None:
    """Who reads it all while others write sees a beginning of the log, never one with a gap."""
    writers = [
        threading.Thread(target=add, args=(FolderLog(folder), *map(str, range(n, 400, 2)))) for n in (0, 1)
    ]
    for writer in writers:
        writer.start()
    kept, pages = FolderLog(folder), []
    while any(writer.is_alive() for writer in writers):
        pages += [FolderLog(folder).read(), kept.read()]
    assert {page.trouble for page in pages} == {""}
    for page in pages:
        assert [entry.rev for entry in page.entries] == [*range(1, page.head + 1)]
    assert kept.read().head == 403


def test_numbers_beyond_nine_digits_sort_as_numbers(folder: Path) -> None:
    """They are numbers behind a hole, and the greatest is the head."""
    for rev in (999_999_999, 1_000_000_000, 12_000_000_000):
        (folder / f"{rev}.json").write_bytes(encode(action(f"r{rev}")))
    page = FolderLog(folder).read()
    assert ids(page)[3:] == ["r999999999", "r1000000000", "r12000000000"]
    assert page.head == 12_000_000_000
    assert "000000004.json in the log is missing" in page.trouble


def test_a_file_that_grows_is_believed_when_it_is_whole(folder: Path) -> None:
    """Half-written by a foreign tool: trouble meanwhile, then an action like any other."""
    log = FolderLog(folder)
    log.read()
    whole = encode(action("d"))
    with (folder / "000000004.json").open("wb") as file:
        for byte in range(len(whole) - 1):
            file.write(whole[byte : byte + 1])
            if byte % 40 == 0:
                file.flush()
                assert ids(log.read()) == ["a", "b", "c"]
                assert log.read(3).trouble
        file.write(whole[-1:])
    page = log.read(4)
    assert (ids(page), page.trouble, page.from_start) == (["a", "b", "c", "d"], "", True)
    add(log, "e")


def test_a_log_replaced_by_another_of_the_same_length_is_read_anew(tmp_path: Path, folder: Path) -> None:
    """In place or as a whole folder: readers get all of the new one, and nothing of the old one stays."""
    add(FolderLog(tmp_path / "other"), "x", "y", "z", "u")
    reader = FolderLog(folder)
    reader.read()
    folder.rename(tmp_path / "away")
    (tmp_path / "other").rename(folder)
    page = reader.read(3)
    assert (ids(page), page.from_start) == (["x", "y", "z", "u"], True)
    assert not reader.read(4).from_start
    assert isinstance(reader.append(action("a")), Committed)


def test_a_folder_that_went_away_is_no_empty_log(tmp_path: Path, folder: Path) -> None:
    """Such as a network share: nothing begins anew in its place, and it goes on when it is back."""
    log = FolderLog(folder)
    log.read()
    folder.rename(tmp_path / "away")
    with pytest.raises(Unavailable, match="gone; it held 3 actions"):
        log.read(3)
    with pytest.raises(Unavailable, match="gone"):
        log.append(action("d"))
    assert not folder.exists()
    (tmp_path / "away").rename(folder)
    assert log.read(3).head == 3
    add(log, "d")


@pytest.mark.parametrize("inside", [False, True])
def test_a_path_through_a_file_is_said_so(tmp_path: Path, *, inside: bool) -> None:
    """The message says what is wrong, and what to do; it is no traceback."""
    (tmp_path / "file").write_text("x")
    log = FolderLog(tmp_path / "file" / "log" if inside else tmp_path / "file")
    for attempt in (log.read, lambda: log.append(action("a")), lambda: list(log.raw())):
        with pytest.raises(Unavailable, match="no folder") as caught:
            attempt()
        assert caught.value.remedy


def test_what_killed_writers_left_is_cleaned_up_after_a_day(folder: Path) -> None:
    """Only writers' temporary files, only old ones, only by a writer: everything else stays."""
    old = time.time() - 2 * folder_files.LEFT_BEHIND
    left = {name: folder / name for name in (".action-1-a.part", ".action-2-b.part", ".gitignore", ".nfs01")}
    for path in left.values():
        path.write_bytes(b"half")
        os.utime(path, (old, old))
    os.utime(left[".action-2-b.part"])
    (folder / ".action-3-c.part").mkdir()
    os.utime(folder / ".action-3-c.part", (old, old))
    FolderLog(folder).read()
    assert left[".action-1-a.part"].exists()
    add(FolderLog(folder), "d")
    assert {path.name for path in folder.iterdir() if path.name[0] == "."} == {
        ".action-2-b.part", ".action-3-c.part", ".gitignore", ".nfs01",
    }  # fmt: skip


def test_a_cleaner_does_not_stop_a_writer(folder: Path) -> None:
    """Somebody removes two of three temporary files at once: every action is committed once."""
    log, ended = FolderLog(folder), threading.Event()
    seen: dict[str, int] = {}

    def clean() -> None:
        while not ended.wait(0.0002):
            for path in folder.glob(".action-*"):
                if seen.setdefault(path.name, len(seen)) % 3:
                    path.unlink(missing_ok=True)

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    try:
        add(log, *(f"d{n}" for n in range(60)))
    finally:
        ended.set()
        cleaner.join()
    assert ids(FolderLog(folder).read())[3:] == [f"d{n}" for n in range(60)]


def test_a_link_whose_answer_was_lost_is_a_link(folder: Path) -> None:
    """Asked again, a network file system says that there is a file: it is one's own."""
    descriptor = folder_files.open_folder(folder)
    try:
        draft, other = folder_files.Draft(descriptor, b"x"), folder_files.Draft(descriptor, b"y")
        (folder / "000000004.json").hardlink_to(next(p for p in folder.iterdir() if p.read_bytes() == b"x"))
        assert draft.link("000000004.json")
        assert not other.link("000000004.json")
        draft.discard()
        other.discard()
        assert draft.link("000000004.json")
    finally:
        os.close(descriptor)
    assert (folder / "000000004.json").read_bytes() == b"x"
    assert len(list(folder.iterdir())) == 4


def test_an_action_that_is_too_long_is_not_written(folder: Path) -> None:
    """What nobody could read again: the caller's mistake."""
    log = FolderLog(folder)
    with pytest.raises(ValueError, match="1 MiB"):
        log.append(Action("d", "b-1", "note", {"text": "x" * (1 << 20)}))
    add(log, "d")


# System calls

WRITER = (
    tracing.LET_ANYBODY_TRACE
    + """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from controlroom.domain.actions import Action
from controlroom.stores.logs import Settings, open_log
from controlroom.stores.port import ReadOnly, Unavailable

log = open_log("dir:" + sys.argv[1], Path("."), Settings())
if sys.argv[2:] == ["warm"]:
    log.read()
at = datetime(2031, 5, 6, 9, 30, tzinfo=UTC)
print("ready", flush=True)
for id in sys.stdin:
    id = id.strip()
    try:
        if id == "look":
            said = ["looked", log.read().head]
        else:
            verdict = log.append(Action(id, "b-1", "assign", {"owner": id}, "ada", "host", at))
            said = [type(verdict).__name__, verdict.entry.rev]
    except Unavailable as problem:
        said = [type(problem).__name__, problem.reason, problem.remedy, log.read().trouble]
    sys.stdout.write(json.dumps(said) + "\\n")
    sys.stdout.flush()
"""
)

DURABLE = ("mkdir", "openat", "write", "fsync", "fdatasync", "link", "unlink", "rename")
CALLS = "trace=%file,write,fsync,fdatasync,getdents64"


@dataclass
class Traced:
    """What a traced writer answered, a line per request, and the system calls it made for them."""

    said: list[list[Any]]
    calls: Sequence[tracing.Call]
    killed: bool


def traced(tmp_path: Path, folder: Path, *requests: str, inject: str = "", warm: bool = True) -> Traced:
    """Hand `requests` to a writer of its own under strace; `inject` a fault as strace's manual says."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), *(["warm"] if warm else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    output = tmp_path / "calls"
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        options = ["-e", CALLS, *(["-e", f"inject={inject}"] if inject else [])]
        with tracing.strace(process.pid, output, *options):
            said, _ = process.communicate("".join(f"{request}\n" for request in requests), timeout=30)
    finally:
        process.kill()
        process.wait()
    answers = [json.loads(line) for line in said.splitlines()]
    return Traced(answers, tracing.calls(output), process.returncode == -9)


def durable(trace: Traced) -> list[tracing.Call]:
    """Those calls that change something on a disk, and the answer."""
    return [
        call
        for call in trace.calls
        if call.name.startswith(DURABLE) and (call.name != "openat" or "O_CREAT" in call.arguments)
    ]


def test_nothing_is_acknowledged_before_it_is_on_the_disk(tmp_path: Path, folder: Path) -> None:
    """The file's bytes, then its name, then the folder, then the answer; two fsyncs, nothing followed."""
    trace = traced(tmp_path, folder, "d")
    assert trace.said == [["Committed", 4]]
    steps = durable(trace)
    assert [call.name for call in steps] == [
        "openat", "write", "fsync", "linkat", "fsync", "unlinkat", "write",
    ]  # fmt: skip
    create, _, bytes_synced, link, name_synced, _, answer = steps
    assert "O_EXCL|O_NOFOLLOW" in create.arguments
    assert ".action-" in bytes_synced.arguments
    assert '"000000004.json"' in link.arguments
    assert name_synced.arguments.endswith(f"{folder}>")
    assert "Committed" in answer.arguments


def test_a_new_folder_is_on_the_disk_before_its_first_action(tmp_path: Path) -> None:
    """And so are the folders above it, even when somebody else made them and was killed."""
    log = tmp_path / "one" / "two" / "log"
    for made in (False, True):
        if made:
            (log := tmp_path / "three" / "log").mkdir(parents=True)
        trace = traced(tmp_path, log, "a")
        assert trace.said == [["Committed", 1]]
        names = [call.name for call in trace.calls]
        before = [c.arguments for c in trace.calls[: names.index("linkat")] if c.name == "fsync"]
        for parent in (log.parent, log.parent.parent):
            assert any(arguments.endswith(f"<{parent}>") for arguments in before)


def test_a_repetition_is_acknowledged_only_once_it_is_on_the_disk(tmp_path: Path, folder: Path) -> None:
    """Its writer may have been killed before its fsync; once is enough for one process."""
    for warm in (True, False):
        trace = traced(tmp_path, folder, "b", "b", warm=warm)
        assert trace.said == [["Committed", 2], ["Committed", 2]]
        steps = durable(trace)
        assert [call.name for call in steps] == ["fsync", "fsync", "write", "write"]
        assert steps[0].arguments.endswith("/000000002.json>")
        assert steps[1].arguments.endswith(f"{folder}>")


def test_ones_own_commit_makes_those_before_it_durable(tmp_path: Path, folder: Path) -> None:
    """So a repetition of what was written before it needs no fsync."""
    trace = traced(tmp_path, folder, "d", "b", "d")
    assert trace.said == [["Committed", 4], ["Committed", 2], ["Committed", 4]]
    assert [call.name for call in durable(trace)][-4:] == ["unlinkat", "write", "write", "write"]


def test_an_idle_look_opens_nothing(tmp_path: Path, folder: Path) -> None:
    """Two questions to the file system, however long the log is."""
    trace = traced(tmp_path, folder, *["look"] * 5)
    assert trace.said == [["looked", 3]] * 5
    assert [call.name for call in trace.calls if call.name in ("openat", "getdents64")] == []
    assert len([call for call in trace.calls if call.name != "write"]) == 10


@pytest.mark.parametrize("fresh", [False, True], ids=["log", "no-folder"])
def test_a_writer_killed_anywhere_leaves_a_sound_log(tmp_path: Path, *, fresh: bool) -> None:
    """At each call that changes the disk: the action is there once or not at all, the next goes at once."""

    def make(number: int) -> Path:
        log = tmp_path / str(number) / "log"
        if not fresh:
            add(FolderLog(log), "a", "b")
        return log

    steps = durable(traced(tmp_path, make(0), "killed"))
    assert len(steps) >= 7
    for number, step in enumerate(steps, 1):
        log = make(number)
        before = contents(log) if log.exists() else {}
        trace = traced(tmp_path, log, "killed", inject=f"{step.name}:signal=SIGKILL:when={step.nth}")
        assert trace.killed
        assert trace.said == []
        began = time.monotonic()
        add(FolderLog(log), "next")
        assert time.monotonic() - began < 2.0
        page = FolderLog(log).read()
        assert page.trouble == ""
        linked = number > [call.name for call in steps].index("linkat") + 1
        assert ids(page) == [*([] if fresh else ["a", "b"]), *(["killed"] if linked else []), "next"]
        after = contents(log)
        assert before.items() <= after.items()
        again = FolderLog(log).append(action("killed"))
        assert isinstance(again, Committed)
        assert again.replay == linked
        assert ids(FolderLog(log).read()).count("killed") == 1


@pytest.mark.parametrize(
    ("fault", "words", "there"),
    [
        ("openat:error=ENOSPC:when={create}", "no space is left", False),
        ("openat:error=EROFS:when={create}", "mounted read-only", False),
        ("openat:error=EACCES:when={create}", "the permission is missing", False),
        ("write:error=ENOSPC:when=1", "no space is left", False),
        ("write:error=EDQUOT:when=1", "the disk quota", False),
        ("write:error=EIO:when=1", "the disk reports an error", False),
        ("fsync:error=EIO:when=1", "the disk reports an error", False),
        ("fsync:error=ENOSPC:when=1", "no space is left", False),
        ("linkat:error=ENOSPC", "no space is left", False),
        ("linkat:error=EIO", "the disk reports an error", False),
        ("linkat:error=EACCES", "the permission is missing", False),
        ("linkat:error=ENOENT", "keeps removing", False),
        ("fsync:error=EIO:when=2", "the disk reports an error", True),
    ],
)
def test_an_error_of_the_disk_is_said_and_harms_nothing(
    tmp_path: Path, folder: Path, fault: str, words: str, *, there: bool
) -> None:
    """In plain words with a remedy; nothing is left behind, and trying again writes it once."""
    create = next(
        call for call in traced(tmp_path, folder, "c2").calls if "O_CREAT" in call.arguments
    )  # counts the reads before it
    before = contents(folder)
    trace = traced(tmp_path, folder, "d", inject=fault.format(create=create.nth))
    (kind, reason, remedy, trouble) = trace.said[0]
    assert kind == "Unavailable"
    assert words in reason
    assert reason.startswith("the log cannot be written: ")
    assert "Errno" not in reason
    assert remedy
    assert trouble == ""
    after = contents(folder)
    assert after == before | ({"000000005.json": encode(action("d"))} if there else {})
    verdict = FolderLog(folder).append(action("d"))
    assert isinstance(verdict, Committed)
    assert (verdict.entry.rev, verdict.replay) == (5, there)


@pytest.mark.parametrize("error", ["EPERM", "EOPNOTSUPP", "ENOSYS", "EMLINK"])
def test_a_file_system_without_hard_links_is_read_only(tmp_path: Path, folder: Path, error: str) -> None:
    """It is said so, by the write and by the looks after it, and there is no second way of writing."""
    before = contents(folder)
    trace = traced(tmp_path, folder, "d", "e", inject=f"linkat:error={error}")
    for kind, reason, remedy, trouble in trace.said:
        assert kind == "ReadOnly"
        assert "hard links" in reason
        assert "hard links" in trouble
        assert remedy
    assert contents(folder) == before


@pytest.mark.parametrize("fault", ["linkat:error=ENOENT:when=1", "unlinkat:error=EIO"])
def test_a_small_mishap_is_got_over(tmp_path: Path, folder: Path, fault: str) -> None:
    """A temporary file cleaned away by somebody, or one that cannot be removed: committed all the same."""
    assert traced(tmp_path, folder, "d", "e", inject=fault).said == [["Committed", 4], ["Committed", 5]]
    page = FolderLog(folder).read()
    assert (ids(page), page.trouble) == (["a", "b", "c", "d", "e"], "")


# Real disks


def mount(*arguments: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    result = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip(f"a file system cannot be mounted here: {result.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    where = tmp_path / "disk"
    where.mkdir()
    mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(where))
    yield where
    subprocess.run(["umount", "--lazy", str(where)], check=True)


def test_a_full_disk_loses_nothing(disk: Path) -> None:
    """Appending until it is full, and on when there is space again: all that was acknowledged is there."""
    log, told = FolderLog(disk / "log"), 0
    with contextlib.suppress(Unavailable):
        while told < 1000:
            add(log, f"a{told}")
            told += 1
    before = contents(disk / "log")
    for client in (log, FolderLog(disk / "log")):
        page = client.read()
        assert (ids(page), page.trouble) == ([f"a{n}" for n in range(told)], "")
        with pytest.raises(Unavailable, match="no space is left on its device"):
            client.append(action("more"))
    assert contents(disk / "log") == before
    subprocess.run(["mount", "-o", "remount,size=256k", str(disk)], check=True)
    add(log, "more")
    assert ids(FolderLog(disk / "log").read()) == [*(f"a{n}" for n in range(told)), "more"]


def test_a_read_only_disk_is_read(disk: Path) -> None:
    """Reading goes on, repetitions are acknowledged, writing says what is wrong."""
    add(FolderLog(disk / "log"), "a", "b")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    log = FolderLog(disk / "log")
    assert ids(log.read()) == ["a", "b"]
    assert isinstance(log.append(action("a")), Committed)
    with pytest.raises(Unavailable, match="mounted read-only") as caught:
        log.append(action("c"))
    assert caught.value.remedy
    with pytest.raises(Unavailable, match="mounted read-only"):
        FolderLog(disk / "new" / "log").append(action("c"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_read(folder: Path) -> None:
    """Reading goes on, writing says what is wrong."""
    folder.chmod(0o555)
    try:
        log = FolderLog(folder)
        assert ids(log.read()) == ["a", "b", "c"]
        with pytest.raises(Unavailable, match="the permission is missing"):
            log.append(action("d"))
    finally:
        folder.chmod(0o755)
