"""Frames: what is told is what is heard, in few bytes, and what was not heard is never guessed."""

from __future__ import annotations

import os
import pickle
import random
import zlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.past import BEGAN, day, first
from controlroom.domain.health import ServiceState
from controlroom.domain.secret import SecretRef
from controlroom.domain.services import Health, Service
from controlroom.domain.snapshot import Snapshot
from controlroom.stores import ring_parts, saved, telling
from controlroom.stores.frames import HEAD, Hearer, Missed, Teller
from controlroom.stores.relay import BODY, Frame
from tests.stores.test_ring import CHANGES, at, differing, room


class Line:
    """A teller and a hearer, and the number of the frame that was told last."""

    def __init__(self, term: int = 1, by: str = "press-1") -> None:
        self.teller = Teller()
        self.hearer = Hearer()
        self.term, self.by, self.seq = term, by, 0

    def frame(self, snapshot: Snapshot) -> Frame:
        """What is told of `snapshot`, which differs from the one before."""
        told = self.teller.frame(snapshot)
        assert told is not None
        self.seq += 1
        return self.framed(*told)

    def framed(self, full: bool, body: bytes) -> Frame:
        """A frame with the number that is due."""
        return Frame(self.term, self.seq, full, BEGAN, self.by, body)

    def heard(self, snapshot: Snapshot) -> Snapshot:
        """What is heard of `snapshot`."""
        heard = self.hearer.hear(self.frame(snapshot))
        assert heard is not None
        return heard


def large(cards: int = 10_000, services: int = 1_000) -> Snapshot:
    """A room of a large programme."""
    states = tuple(
        ServiceState(
            Service(f"s{n}", "http", url=f"http://10.0.{n // 250}.{n % 250}:9000/health", group=f"g{n % 20}"),
            Health.UP,
            BEGAN,
            "",
            raw='{"status": "ok"}',
        )
        for n in range(services)
    )
    return replace(first(cards), services=states)


def probed(state: ServiceState, seconds: float, chance: random.Random) -> ServiceState:
    """The same answer once more."""
    answered = at(seconds) - timedelta(microseconds=chance.randrange(200_000))
    return replace(
        state,
        latency=chance.uniform(0.001, 0.02),
        probed_at=answered,
        answered_at=answered,
        successes=state.successes + 1,
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(CHANGES, st.booleans(), st.booleans()), max_size=8))
def test_any_sequence_of_snapshots_is_heard_as_it_was_told(
    changes: list[tuple[dict[str, Any], bool, bool]],
) -> None:
    """Whatever changes, in full or not, also for one that joins late."""
    line = Line()
    shown = room(0)
    since: list[Frame] = []
    for number, (parts, again, restored) in enumerate(changes):
        shown = replace(shown, version=number, taken_at=at(number), restored=restored, **parts)
        if again:
            line.teller.again()
        told = line.teller.frame(shown)
        if told is None:
            continue
        line.seq += 1
        since = [line.framed(*told)] if told[0] else [*since, line.framed(*told)]
        late = Hearer()
        for heard in (line.hearer.hear(since[-1]), [late.hear(frame) for frame in since][-1]):
            assert heard is not None
            assert differing(heard, shown) == []
            assert (heard.version, heard.taken_at, heard.restored) == (number, at(number), restored)


def test_frames_are_small() -> None:
    """With a thousand services and ten thousand cards: what changed is told, not what there is."""
    chance = random.Random(4)
    line, shown = Line(), large()
    whole = line.frame(shown)
    assert line.hearer.hear(whole) is not None
    assert whole.full
    assert len(whole.body) < 250_000

    def size(**parts: Any) -> int:
        nonlocal shown
        shown = replace(shown, taken_at=at(5), **parts)
        frame = line.frame(shown)
        assert not frame.full
        heard = line.hearer.hear(frame)
        assert heard is not None
        assert differing(heard, shown) == []
        return len(frame.body)

    def with_service(**values: Any) -> tuple[ServiceState, ...]:
        return (*shown.services[:7], replace(shown.services[7], **values), *shown.services[8:])

    assert size(services=tuple(probed(state, 5, chance) for state in shown.services)) < 25_000
    assert size(services=with_service(probed_at=at(5), successes=9)) < 200
    assert size(services=with_service(health=Health.DOWN, since=at(5), reason="refused")) < 600
    assert size(items=(*shown.items[:5], replace(shown.items[5], status="done"), *shown.items[6:])) < 300
    again = [replace(item) for item in shown.items]
    assert size(items=(replace(again[3], id="new#1"), *again)) < 1_000
    assert line.teller.frame(replace(shown, items=tuple(replace(item) for item in shown.items))) is None


def test_what_joining_takes_is_bounded() -> None:
    """All that is told after a full frame is never much more than that frame, or than so many small ones."""
    teller = Teller()
    stretches: list[list[int]] = []
    for shown in day(3_000):
        told = teller.frame(shown)
        if told is None:
            continue
        if told[0]:
            stretches.append([])
        stretches[-1].append(len(told[1]))
    assert len(stretches) > 3
    for stretch in stretches:
        assert len(stretch) <= telling.LONGEST
        few, last = stretch[1 : telling.STRETCH], stretch[-1]
        assert sum(stretch[1:]) <= max(stretch[0], sum(few)) + last


def test_what_is_unchanged_is_the_same_object() -> None:
    """From one frame to the next, over a full one, and over one of another leader: panes go by identity."""
    line, shown = Line(), room(0)
    before = line.heard(shown)
    shown = replace(shown, taken_at=at(1), alerts=())
    for how in ("differs", "full", "another"):
        other = how == "another"
        if other:
            line.teller, line.term, line.by, line.seq = Teller(), 2, "press-2", 0
        if how == "full":
            line.teller.again()
        changed = (replace(shown.services[0], probed_at=shown.taken_at, reason=how), *shown.services[1:])
        shown = replace(shown, services=changed)
        after = line.heard(shown)
        assert differing(after, shown) == []
        same = [name for name in ring_parts.PARTS if getattr(after, name) is getattr(before, name)]
        if how == "differs":
            assert set(ring_parts.PARTS) - set(same) == {"services", "alerts"}
        elif other:  # what is a single thing, and no tuple of them, is another one
            assert {"program", "items", "signals", "sources", "blockers", "coverage"} <= set(same)
        else:
            assert set(ring_parts.PARTS) - set(same) == {"services"}
        assert [a is b for a, b in zip(before.services, after.services, strict=True)].count(False) == 1
        before = after


def test_a_hole_is_noticed_and_only_a_full_frame_heals_it() -> None:
    """A frame that did not come is missed by the next one, and by the next word that nothing is new."""
    line = Line()
    line.heard(room(0))
    told = [line.frame(room(second, restored=bool(second % 2))) for second in range(1, 5)]
    word = line.framed(False, b"")
    assert line.hearer.hear(told[0]) is not None
    with pytest.raises(Missed):
        line.hearer.hear(told[2])
    with pytest.raises(Missed):  # also the one that was missed: what it builds on is not certain any more
        line.hearer.hear(told[1])
    line.teller.again()
    full = line.frame(room(9))
    assert line.hearer.hear(full) is not None
    line.frame(room(10, restored=True))
    with pytest.raises(Missed):
        line.hearer.hear(line.framed(False, b""))
    with pytest.raises(Missed):
        Hearer().hear(word)
    with pytest.raises(Missed):
        Hearer().hear(told[0])


def test_what_was_heard_before_is_nothing_new() -> None:
    """Whoever joins again hears some of it twice, and does not go back."""
    line = Line()
    frames = [line.frame(room(second, restored=bool(second % 2))) for second in range(4)]
    assert [line.hearer.hear(frame) is None for frame in frames] == [False] * 4
    assert [line.hearer.hear(frame) for frame in frames] == [None] * 4
    assert line.hearer.hear(line.framed(False, b"")) is None
    assert line.hearer.hear(line.frame(room(9))) is not None


def resembled(whole: Frame) -> bytes:
    """What the frames after a full one are packed with."""
    raw = telling.unpack(whole.body)[1]
    return raw[:HEAD] + raw[max(HEAD, len(raw) - telling.WINDOW + HEAD) :]


def test_a_new_teller_is_not_taken_for_the_old_one() -> None:
    """Its numbers mean other things, though it has the old one's name, term and number."""
    line = Line()
    line.heard(room(0))
    line.heard(room(1, restored=True))
    line.teller, other = Teller(), line.teller
    fresh = room(2, alerts=())
    full = line.teller.frame(fresh)
    assert full is not None
    line.seq = 1  # it begins to count anew
    heard = line.hearer.hear(line.framed(*full))
    assert heard is not None
    assert differing(heard, fresh) == []
    line.seq = 2
    told = other.frame(room(3))
    assert told is not None
    with pytest.raises(saved.UnreadableSaved, match="damaged"):
        line.hearer.hear(line.framed(*told))
    line = Line()
    whole, frame = line.frame(room(0)), line.frame(room(1, alerts=()))
    line.hearer.hear(whole)
    like = resembled(whole)
    _, *rest = telling.unpack(frame.body, like)[0]
    with pytest.raises(saved.UnreadableSaved, match="somebody else"):
        line.hearer.hear(frame._replace(body=telling.pack((b"stranger", *rest), like)[0]))


def test_a_delta_of_another_leader_needs_its_full_frame() -> None:
    """Numbers go on by chance, the term or the name does not: that is a hole."""
    for term, by in ((2, "press-1"), (1, "press-2")):
        line = Line()
        line.heard(room(0))
        frame = line.frame(room(1, restored=True))
        with pytest.raises(Missed):
            line.hearer.hear(frame._replace(term=term, by=by))


def resealed(content: bytes, old: bytes, new: bytes) -> bytes:
    """A full body as another version would have told it: every `old` in it is `new`."""
    raw = zlib.decompress(content)
    start = len(saved.MAGIC) + 4
    inner = raw[start:].replace(old, new)
    return zlib.compress(saved.MAGIC + zlib.crc32(inner).to_bytes(4, "big") + inner)


def test_another_version_is_told_apart() -> None:
    """One whose things have other fields cannot be read, and costs nothing but itself."""
    line = Line()
    frame = line.frame(room(0))
    with pytest.raises(saved.UnreadableSaved, match="not what it was"):
        line.hearer.hear(frame._replace(body=resealed(frame.body, b"probed_at", b"probed_by")))
    assert line.hearer.hear(frame) is not None


class Evil:
    """Unpickled as anything else would, it runs a command."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def sealed(inner: bytes) -> bytes:
    """A pickle as `saved` would have it, packed as a body."""
    head = pickle.dumps({}, protocol=5)
    content = len(head).to_bytes(4, "big") + head + inner
    return zlib.compress(saved.MAGIC + zlib.crc32(content).to_bytes(4, "big") + content)


def test_a_body_runs_nothing(tmp_path: Path) -> None:
    """A pickle that calls something is refused, as is one that names what is not part of a room."""
    path = tmp_path / "ran"
    for inner in (
        pickle.dumps(Evil(path), protocol=5),
        b"ccontrolroom.stores.saved\nos\n.",
        b"cos\nsystem\n.",
        b"ccontrolroom.__main__\nmain\n.",
    ):
        with pytest.raises(saved.UnreadableSaved):
            Hearer().hear(Frame(1, 1, True, BEGAN, "press-1", sealed(inner)))
    assert not path.exists()


def test_a_body_is_bounded() -> None:
    """One that is too large is not unpacked, and one that unpacks to too much is given up."""
    for body in (b"x" * (BODY + 1), zlib.compress(bytes(telling.LARGEST + 1))):
        with pytest.raises(saved.UnreadableSaved, match="too large"):
            Hearer().hear(Frame(1, 1, True, BEGAN, "press-1", body))


ODD = st.recursive(
    st.none() | st.integers() | st.binary(max_size=24) | st.text(max_size=4) | st.just(SecretRef(env="X")),
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_is_odd_is_unreadable(data: st.DataObject) -> None:
    """Cut, changed, or something else altogether: it is refused in one way, and a full frame heals it."""
    line = Line()
    whole = line.frame(room(0))
    line.hearer.hear(whole)
    frame = line.frame(room(1, alerts=()))
    like = resembled(whole)
    told = list(telling.unpack(frame.body, like)[0])
    how = data.draw(st.sampled_from(("cut", "flipped", "odd", "part")))
    if how == "cut":
        body = frame.body[: 1 + data.draw(st.integers(0, 9_999)) % (len(frame.body) - 1)]
    elif how == "flipped":
        where = data.draw(st.integers(0, 9_999)) % len(frame.body)
        body = bytes([*frame.body[:where], frame.body[where] ^ 0x55, *frame.body[where + 1 :]])
    elif how == "odd":
        body = telling.pack(data.draw(ODD), like)[0]
    else:
        told[data.draw(st.integers(4, 6))] = data.draw(ODD)
        body = telling.pack(tuple(told), like)[0]
    try:
        line.hearer.hear(frame._replace(body=body or b"x"))
    except saved.UnreadableSaved:  # perhaps in the midst of it: what it would build on is not there any more
        with pytest.raises(Missed):
            line.hearer.hear(frame)
        with pytest.raises(Missed):
            line.hearer.hear(line.frame(room(2, restored=True)))
    line.teller.again()
    assert differing(line.heard(room(3)), room(3)) == []


def test_what_cannot_be_told_is_said_and_the_next_one_is_full() -> None:
    """Something of another kind in the room: it is not told in part, and nothing is wrong afterwards."""
    line = Line()
    line.heard(room(0))
    with pytest.raises(TypeError, match="cannot be saved"):
        line.teller.frame(room(1, self_checks=(object(),)))
    told = line.teller.frame(room(2))
    assert told is not None
    assert told[0]
    line.seq += 1
    heard = line.hearer.hear(line.framed(*told))
    assert heard is not None
    assert differing(heard, room(2)) == []


def test_a_room_that_was_not_looked_at_yet_is_told() -> None:
    """Before the first look there is no instant it was taken at, and the programme is known all the same."""
    heard = Line().heard(replace(room(0), taken_at=None, restored=True))
    assert heard.taken_at is None
    assert heard.restored
    assert heard.program.id == "bench"


def test_nothing_new_is_no_frame() -> None:
    """The same room later on is not told again; that it was restored, or is so no more, is."""
    teller = Teller()
    assert teller.frame(room(0)) is not None
    shown = room(1)
    same = teller.frame(shown)
    assert same is None or not same[0]
    assert teller.frame(replace(shown, taken_at=at(2), version=9)) is None
    assert teller.frame(replace(shown, restored=True)) is not None
    assert teller.frame(replace(shown, restored=True, taken_at=at(3))) is None
    assert teller.frame(shown) is not None
