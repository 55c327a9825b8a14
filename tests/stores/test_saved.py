"""Saved values come back as they were, or are refused; reading one never does anything else."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import pickle
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields, make_dataclass, replace
from pathlib import Path, PosixPath
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.config.values import Past
from controlroom.domain.actions import Action, Entry
from controlroom.domain.board import Item, Squad
from controlroom.domain.documents import Document, DocumentReading
from controlroom.domain.health import ProbeResult, ServiceState, Transition
from controlroom.domain.program import Program
from controlroom.domain.runs import Key, Run
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.domain.signals import Signal
from controlroom.domain.snapshot import Snapshot, StatusFile, StatusSeen
from controlroom.domain.telemetry import GapCode, SignalReading
from controlroom.domain.triage import Blocker
from controlroom.stores import saved

NOW = dt.datetime(2025, 10, 6, 16, 0, tzinfo=dt.UTC)


def room(items: int = 3) -> Snapshot:
    """A room with something of every kind."""
    service = Service("redis", "redis", headers={"a": "b", "c": SecretRef(env="X")}, squads=("ops",))
    signal = Signal("up", "node", "ops")
    return Snapshot(
        Program(start=dt.date(2025, 10, 4), squads=(Squad("ops", focus={"A": "b"}, signals=(signal,)),)),
        taken_at=NOW,
        services=(
            ServiceState(
                service,
                Health.DOWN,
                since=NOW,
                transitions=(Transition(NOW, Health.UP, Health.DOWN, "refused"),),
                detail=MappingProxyType({"version": "7"}),
            ),
        ),
        signals=(SignalReading(signal, GapCode.NEVER_SEEN, last_seen=NOW),),
        documents=(DocumentReading("a.md", Document("a.md", "backlog"), modified_at=NOW),),
        items=tuple(Item(f"i{n}", f"Epic {n} é✅", since=NOW, owners=("a", "b")) for n in range(items)),
        blockers=tuple(Blocker(f"b{n}", "waits", opened_at=NOW) for n in range(items)),
        status=StatusSeen((StatusFile("s", "2025-10-06", "", NOW, {"n": [1, 2.5, None, {"x": True}]}),)),
        first_seen={"i0": NOW},
    )


def same(one: Any, other: Any) -> bool:
    """Whether two snapshots, which compare by identity, hold equal parts."""
    return all(
        getattr(one, f.name) == getattr(other, f.name) for f in fields(one) if f.name not in ("program",)
    ) and all(getattr(one.program, f.name) == getattr(other.program, f.name) for f in fields(Program))


def test_a_whole_room_comes_back() -> None:
    """Frozen slotted dataclasses, mappings, enums, dates and instants survive, and stay frozen."""
    before = room()
    after = saved.load(saved.dump(before))
    assert isinstance(after, Snapshot)
    assert same(before, after)
    assert after.services[0].health is Health.DOWN
    assert after.taken_at is not None
    assert after.taken_at.tzinfo is dt.UTC
    with pytest.raises(AttributeError):
        after.version = 2  # type: ignore[misc]


def test_named_tuples_come_back() -> None:
    """A run that is on, with its key, and an entry of the log are what they were."""
    run = Run(Key("standup", dt.date(2025, 10, 6)), "Ines", NOW)
    entry = Entry(7, Action("a7", "blk-1", "note", {"text": "x"}, "Ines", "host", NOW))
    after = saved.load(saved.dump((run, entry)))
    assert after == (run, entry)
    assert isinstance(after, tuple)
    assert [type(after[0].key), type(after[1])] == [Key, Entry]
    body = saved.dump(entry)[len(saved.MAGIC) + 4 :].replace(b"\x8c\x03rev", b"\x8c\x03raw")
    with pytest.raises(saved.UnreadableSaved, match="not what it was"):
        saved.load(saved.MAGIC + zlib.crc32(body).to_bytes(4, "big") + body)


def test_shared_parts_stay_shared() -> None:
    """What was one object is one object again: panes compare parts by identity."""
    before = room()
    after = saved.load(saved.dump(before))
    assert isinstance(after, Snapshot)
    assert after.signals[0].signal is after.program.squads[0].signals[0]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(PLAIN, st.datetimes(timezones=st.just(dt.UTC)), st.dates(), st.times(), st.timedeltas())
def test_plain_values_come_back(value: object, at: object, day: object, clock: object, span: object) -> None:
    """Builtins, dates, times, instants, durations, sets and paths are all admitted."""
    before = {"value": value, "rest": (at, day, clock, span, frozenset({1}), {2}, Path("a/b"))}
    assert saved.load(saved.dump(before)) == before


class Payload:
    """What an attacker would have unpickled: a call of anything."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.reduced = (call, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


def packed(content: bytes) -> bytes:
    """`content` as a body that is intact in every other respect."""
    head = pickle.dumps({}, protocol=5)
    whole = len(head).to_bytes(4, "big") + head + content
    return saved.MAGIC + zlib.crc32(whole).to_bytes(4, "big") + whole


def test_nothing_is_called_while_reading(tmp_path: Path) -> None:
    """A pickle that would run a command, open a file or evaluate text is refused and does nothing."""
    target = tmp_path / "touched"
    attacks = [
        Payload(os.system, f"touch {target}"),
        Payload(eval, f"open({str(target)!r}, 'w')"),
        Payload(open, str(target), "w"),
        Payload(getattr, Path, "touch"),
        Payload(saved.write, target, 1),
    ]
    for attack in attacks:
        for raw in (packed(pickle.dumps(attack)), packed(pickle.dumps([room().items, attack]))):
            with pytest.raises(saved.UnreadableSaved):
                saved.load(raw)
    assert not target.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("controlroom.stores.saved", "os.system"),
        ("controlroom.stores.saved", "os"),
        ("controlroom.stores.saved", "write"),
        ("controlroom.stores.saved", "UnreadableSaved"),
        ("controlroom.domain.snapshot", "Item"),
        ("controlroom.nowhere", "Item"),
        ("controlroomx", "Item"),
        ("builtins", "eval"),
        ("datetime", "sys"),
        ("pathlib", "Path.unlink"),
    ],
)
def test_only_known_classes_are_found(module: str, name: str) -> None:
    """Functions, modules, dotted names and what is merely imported somewhere are not reachable."""
    raw = b"\x80\x04\x8c" + bytes([len(module)]) + module.encode()
    raw += b"\x8c" + bytes([len(name)]) + name.encode() + b"\x93."
    with pytest.raises(saved.UnreadableSaved):
        saved.load(packed(raw))


def test_what_others_told_names_nothing_but_parts_of_a_room() -> None:
    """Nothing else is even imported for it, as one module runs the command when it is; one's own may."""
    raw = saved.dump((room(), Past(keep=1.0)))
    with pytest.raises(saved.UnreadableSaved, match="no place"):
        saved.load(raw, saved.ROOM)
    assert saved.load(raw) is not None
    with pytest.raises(saved.UnreadableSaved, match="no place"):
        saved.load(packed(b"ccontrolroom.__main__\nmain\n."), saved.ROOM)


@pytest.mark.parametrize("kind", [Health, ProbeResult, Entry, dt.date, PosixPath])
def test_a_class_stays_as_it_is(kind: type) -> None:
    """What is read makes values of a class; it gives the class itself no attribute."""
    named = f"c{kind.__module__}\n{kind.__qualname__}\n".encode()
    with contextlib.suppress(saved.UnreadableSaved):
        saved.load(packed(named + b"(N}\x8c\x07spoiledI1\nstb."))
    assert not hasattr(kind, "spoiled")


def test_foreign_values_are_not_saved() -> None:
    """What could not be read back is refused while it is written."""

    @dataclass(frozen=True)
    class Foreign:
        x: int = 0

    for value in (Foreign(), object(), lambda: 0, {"a": [Foreign()]}, iter([])):
        with pytest.raises(TypeError):
            saved.dump(value)


def test_another_version_of_a_class_is_refused() -> None:
    """A value saved when a class had other fields is not forced into the present ones."""
    raw = saved.dump(Signal("up"))
    body = raw[len(saved.MAGIC) + 4 :].replace(b"\x8c\x05squad", b"\x8c\x05squid")
    assert body != raw[len(saved.MAGIC) + 4 :]
    with pytest.raises(saved.UnreadableSaved, match="not what it was"):
        saved.load(saved.MAGIC + zlib.crc32(body).to_bytes(4, "big") + body)


def test_every_damaged_byte_is_noticed() -> None:
    """A flipped bit anywhere, a missing end or an added one makes a saved value unreadable."""
    raw = saved.dump(ProbeResult("redis", NOW, Health.UP))
    for at in range(len(raw)):
        with pytest.raises(saved.UnreadableSaved):
            saved.load(raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :])
        with pytest.raises(saved.UnreadableSaved):
            saved.load(raw[:at])
    with pytest.raises(saved.UnreadableSaved):
        saved.load(raw + b"x")


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_refused_in_one_way(content: bytes) -> None:
    """Whatever a file holds, reading it raises UnreadableSaved or gives a value."""
    for raw in (content, saved.MAGIC + content, packed(content)):
        try:
            saved.load(raw)
        except saved.UnreadableSaved:
            continue


def test_written_whole_for_the_user_alone(tmp_path: Path) -> None:
    """A file of mode 0600 in a new folder of mode 0700, nothing left beside it, read back equal."""
    path = tmp_path / "new" / "room.saved"
    saved.write(path, room())
    saved.write(path, room(5))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert same(saved.read(path), room(5))


def test_a_failed_write_leaves_the_old_value(tmp_path: Path) -> None:
    """A value that cannot be saved, or a place that cannot be written, changes nothing."""
    path = tmp_path / "room.saved"
    saved.write(path, "old")
    with pytest.raises(TypeError):
        saved.write(path, object())
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        saved.write(tmp_path / "folder", "x")
    with pytest.raises(OSError):
        saved.write(path / "below", "x")
    assert saved.read(path) == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "room.saved"]


def test_only_ones_own_regular_file_is_read(tmp_path: Path) -> None:
    """Links, pipes, folders, what others may write to and what is not there are all unreadable."""
    good = tmp_path / "good"
    saved.write(good, 1)
    (tmp_path / "link").symlink_to(good)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "writable").write_bytes(good.read_bytes())
    (tmp_path / "writable").chmod(0o662)
    for name in ("link", "pipe", ".", "writable", "missing", "nul\0"):
        with pytest.raises(saved.UnreadableSaved):
            saved.read(tmp_path / name)
    with pytest.raises(saved.UnreadableSaved):
        saved.read(Path("/proc/self/mem"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_somebody_elses_file_is_not_read(tmp_path: Path) -> None:
    """A file that belongs to another user is unreadable, whatever it holds."""
    path = tmp_path / "saved"
    saved.write(path, 1)
    os.chown(path, 12345, 12345)
    with pytest.raises(saved.UnreadableSaved, match="somebody else"):
        saved.read(path)


def test_it_beats_a_plain_pickle_for_ten_thousand_items() -> None:
    """Reading a large room takes no longer than pickle's own way, measured in the same run."""
    from time import perf_counter

    before = room(10_000)
    before = replace(before, services=tuple(replace(s, detail=dict(s.detail)) for s in before.services))
    raw, plain = saved.dump(before), pickle.dumps(before, protocol=5)

    def best(work: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            began = perf_counter()
            work()
            times.append(perf_counter() - began)
        return min(times)

    assert best(lambda: saved.load(raw)) < best(lambda: pickle.loads(plain))


def test_classes_made_elsewhere_are_refused_by_module() -> None:
    """A dataclass is admitted for the module that defines it, not for how it looks."""
    impostor = make_dataclass("Signal", [("metric", str)], frozen=True)
    with pytest.raises(TypeError):
        saved.dump(impostor("up"))
