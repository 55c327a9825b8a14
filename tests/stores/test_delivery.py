"""From the outbox into a folder: nothing lost, nothing twice, nothing claimed that is not so."""

from __future__ import annotations

import collections
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from controlroom.domain.actions import Entry
from controlroom.stores.delivery import Delivery
from controlroom.stores.folder_log import FolderLog
from controlroom.stores.outbox import Outbox
from tests.stores.acting import (
    NOW,
    act,
    disk,
    entries,
    fill,
    folder_delivery,
    hurt,
    ids,
    remount,
    stopped,
    submitting,
)


def waiting(delivery: Delivery) -> list[str]:
    """Ids of what waits to be delivered."""
    return [outcome.action.id for outcome in delivery.pending().queued]


def conflicts(delivery: Delivery) -> list[str]:
    """Ids of what waits for a decision."""
    return [outcome.action.id for outcome in delivery.pending().conflicts]


def test_committed_means_it_is_in_the_log(tmp_path: Path) -> None:
    """What was called committed stands at that rev; nothing of it waits any more."""
    delivery = folder_delivery(tmp_path)
    for rev in (1, 2, 3):
        action = act(f"a{rev}", expect=f"a{rev - 1}" if rev > 1 else "")
        outcome = delivery.submit(action)
        assert (outcome.status, outcome.rev, outcome.action) == ("committed", rev, action)
    assert entries(delivery.log) == [
        Entry(rev, act(f"a{rev}", expect=f"a{rev - 1}" if rev > 1 else "")) for rev in (1, 2, 3)
    ]
    assert (delivery.pending().queued, delivery.pending().conflicts, delivery.pending().trouble) == (
        (),
        (),
        "",
    )


def test_who_was_slower_is_told_who_was_quicker(tmp_path: Path) -> None:
    """A conflict names what the other did, its action is not in the log, and it waits for a decision."""
    ana, bo = folder_delivery(tmp_path), folder_delivery(tmp_path, "bo")
    ana.submit(act("a", expect=""))
    won = bo.submit(act("b", expect="a", who="bo"))
    lost = ana.submit(act("c", expect="a"))
    assert won.status == "committed"
    assert (lost.status, lost.rev) == ("conflict", None)
    assert lost.current == Entry(2, act("b", expect="a", who="bo"))
    assert "bo" in lost.reason
    assert ids(ana.log) == ["a", "b"]
    seen = folder_delivery(tmp_path).pending()
    assert [(o.action, o.current) for o in seen.conflicts] == [(act("c", expect="a"), lost.current)]
    assert seen.queued == ()


def test_an_id_is_written_once(tmp_path: Path) -> None:
    """The same id and deed again, by anybody at any time later: committed at its rev, not written again."""
    ana = folder_delivery(tmp_path)
    first = ana.submit(act("a", expect=""))
    ana.submit(act("b", expect="a"))
    for delivery in (ana, folder_delivery(tmp_path), folder_delivery(tmp_path, "elsewhere")):
        again = delivery.submit(replace(act("a", expect="nonsense"), host="another"))
        assert (again.status, again.rev) == ("committed", first.rev)
        assert delivery.pending().queued == delivery.pending().conflicts == ()
    assert ids(ana.log) == ["a", "b"]


def test_a_used_id_is_no_licence_for_another_deed(tmp_path: Path) -> None:
    """Another deed under an id that is taken: a conflict with what has it. A replay of that still works."""
    ana = folder_delivery(tmp_path)
    ana.submit(act("a"))
    other = ana.submit(act("a", owner="somebody else"))
    assert (other.status, other.current) == ("conflict", Entry(1, act("a")))
    assert ana.submit(act("a")).status == "committed"
    assert [o.action.args for o in ana.pending().conflicts] == [{"owner": "somebody else"}]
    assert ids(ana.log) == ["a"]


def test_a_tuple_is_the_same_deed_as_a_list(tmp_path: Path) -> None:
    """What is written as JSON is compared as JSON: repeating a call from code is a repetition."""
    delivery = folder_delivery(tmp_path)
    action = replace(act("a"), args={"links": ("x", "y")})
    assert delivery.submit(action).status == "committed"
    assert delivery.submit(action).status == "committed"
    overtaken = delivery.submit(replace(act("b", expect=""), args={"links": ("x", "y")}))
    assert (overtaken.status, overtaken.action.args) == ("conflict", {"links": ["x", "y"]})
    assert delivery.pending().conflicts == (overtaken,)


@pytest.mark.parametrize(
    "args",
    [{"text": "\ud800"}, {"n": float("nan")}, {"x": object()}, {"text": "x" * (1 << 20)}],
    ids=["surrogate", "nan", "object", "long"],
)
def test_what_cannot_be_written_down_is_refused(tmp_path: Path, args: dict[str, object]) -> None:
    """Not recorded, at once; it must not stand in the way of anything later."""
    delivery = folder_delivery(tmp_path)
    outcome = delivery.submit(replace(act("a"), args=args))
    assert (outcome.status, outcome.reason != "") == ("not_recorded", True)
    assert delivery.submit(act("b")).status == "committed"
    assert ids(delivery.log) == ["b"]


def test_a_store_that_takes_nothing_lets_it_wait_in_order(tmp_path: Path) -> None:
    """Read-only or full: queued, with the reason; later delivered in the order it was done, by anybody."""
    with disk(tmp_path / "store") as store:
        log = FolderLog(store / "log")
        ana = Delivery(log, Outbox(tmp_path / "ana", log.url))
        ana.submit(act("a", expect=""))
        remount(store, "ro")
        outcome = ana.submit(act("b", expect="a"))
        assert outcome.status == "queued"
        assert "read-only" in outcome.reason
        assert ana.submit(act("c", expect="b")).status == "queued"
        assert ana.submit(act("x", "b-2", "")).status == "queued"
        assert [o.status for o in ana.drain()] == ["queued"] * 3
        remount(store, "rw")
        filler = fill(store)
        assert "space" in ana.submit(act("y", "b-3", "")).reason
        assert waiting(ana) == ["b", "c", "x", "y"]
        filler.unlink()
        log = FolderLog(store / "log")
        later = Delivery(log, Outbox(tmp_path / "ana", log.url))
        assert [o.status for o in later.drain()] == ["committed"] * 4
        assert ids(log) == ["a", "b", "c", "x", "y"]
        assert waiting(ana) == []


def test_what_follows_a_conflict_waits_and_the_rest_does_not(tmp_path: Path) -> None:
    """Behind a conflict on its item an action waits, named; other items and what is done later go on."""
    with disk(tmp_path / "store") as store:
        log = FolderLog(store / "log")
        ana = Delivery(log, Outbox(tmp_path / "ana", log.url))
        bo = Delivery(FolderLog(store / "log"), Outbox(tmp_path / "bo", log.url))
        ana.submit(act("a", expect=""))
        remount(store, "ro")
        ana.submit(act("b", expect="a"))
        ana.submit(act("c", expect="b"))
        ana.submit(act("elsewhere", "b-2", ""))
        remount(store, "rw")
        bo.submit(act("other", expect="a", who="bo"))
        outcomes = {o.action.id: o for o in ana.drain()}
        assert {id_: o.status for id_, o in outcomes.items()} == {
            "b": "conflict",
            "c": "queued",
            "elsewhere": "committed",
        }
        for said in (outcomes["c"], ana.pending().queued[0]):
            assert "action b" in said.reason
            assert "controlroom outbox" in said.remedy
        assert ana.drop("b") is not None
        assert [(o.action.id, o.status) for o in ana.drain()] == [("c", "conflict")]
        assert ana.submit(act("later", expect="other")).status == "committed"
        assert ids(log) == ["a", "elsewhere", "other", "later"] or ids(log)[-1] == "later"


def conflicting(base: Path) -> Delivery:
    """A delivery whose action ``mine`` is in conflict with ``other``."""
    ana = folder_delivery(base)
    ana.submit(act("base", expect=""))
    folder_delivery(base, "bo").submit(act("other", expect="base", who="bo"))
    assert ana.submit(act("mine", expect="base")).status == "conflict"
    return ana


def test_again_is_a_new_action_that_names_what_it_supersedes(tmp_path: Path) -> None:
    """Same item, kind and args, a new id; it expects what its author was shown; the conflict is gone."""
    ana = conflicting(tmp_path)
    outcome = ana.again("mine", NOW, "new", "eva", "pier")
    assert outcome is not None
    assert (outcome.status, outcome.rev) == ("committed", 3)
    made = entries(ana.log)[-1].action
    assert (made.id, made.actor, made.host, made.expect) == ("new", "eva", "pier", "other")
    assert made.args == {**act("mine").args, "supersedes": "other"}
    assert (made.item, made.kind) == ("b-1", "assign")
    assert conflicts(ana) == waiting(ana) == []
    assert ana.again("mine", NOW, "new2", "eva", "pier") is None
    assert ana.drop("mine") is None


def test_again_over_what_nobody_saw_is_a_conflict_again(tmp_path: Path) -> None:
    """Somebody moved the item after the conflict was shown: that is not silently overwritten."""
    ana = conflicting(tmp_path)
    folder_delivery(tmp_path, "bo").submit(act("third", expect="other", who="bo"))
    outcome = ana.again("mine", NOW, "new", "ana", "quay")
    assert outcome is not None
    assert outcome.status == "conflict"
    assert outcome.current is not None
    assert outcome.current.action.id == "third"
    assert conflicts(ana) == ["new"]
    assert ids(ana.log) == ["base", "other", "third"]
    final = ana.again("new", NOW, "newer", "ana", "quay")
    assert final is not None
    assert final.status == "committed"
    assert final.action.args["supersedes"] == "third"


def test_again_goes_before_what_waited_behind_the_conflict(tmp_path: Path) -> None:
    """The new action takes the old one's place; what followed the old one is asked about after it."""
    with disk(tmp_path / "store") as store:
        log = FolderLog(store / "log")
        ana = Delivery(log, Outbox(tmp_path / "ana", log.url))
        bo = Delivery(FolderLog(store / "log"), Outbox(tmp_path / "bo", log.url))
        ana.submit(act("a", expect=""))
        remount(store, "ro")
        ana.submit(act("b", expect="a"))
        ana.submit(act("c", kind="note", text="behind b"))
        remount(store, "rw")
        bo.submit(act("other", expect="a", who="bo"))
        ana.drain()
        assert (conflicts(ana), waiting(ana)) == (["b"], ["c"])
        outcome = ana.again("b", NOW, "b2", "ana", "quay")
        assert outcome is not None
        assert outcome.status == "committed"
        assert ids(log) == ["a", "other", "b2", "c"]


def test_a_killed_again_is_decided_once(tmp_path: Path) -> None:
    """Killed between keeping the new action and removing the conflict: one of them is left, not both."""
    ana = conflicting(tmp_path)
    conflict = ana.outbox.find("mine", "conflict")
    assert conflict is not None
    ana.outbox.put(replace(act("mine"), id="new", expect="other"), instead=conflict)
    later = folder_delivery(tmp_path)
    assert (waiting(later), conflicts(later)) == (["new"], [])
    later.drain()
    assert (waiting(later), conflicts(later)) == ([], [])
    assert ids(later.log) == ["base", "other", "new"]


def test_drop_forgets_a_conflict_and_nothing_else(tmp_path: Path) -> None:
    """Dropped: nowhere any more. What is not in conflict cannot be dropped."""
    ana = conflicting(tmp_path)
    assert ana.drop("other") is None
    assert ana.drop("unheard of") is None
    outcome = ana.drop("mine")
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("not_recorded", "dropped")
    assert conflicts(folder_delivery(tmp_path)) == []
    assert ids(ana.log) == ["base", "other"]


def test_repeating_a_conflicting_call_asks_again(tmp_path: Path) -> None:
    """Same id, still overtaken: a conflict, listed once. Expecting what is there now: committed."""
    ana = conflicting(tmp_path)
    assert ana.submit(act("mine", expect="base")).status == "conflict"
    assert conflicts(ana) == ["mine"]
    assert ana.submit(act("mine", expect="other")).status == "committed"
    assert conflicts(ana) == waiting(ana) == []


def test_a_repeated_conflict_and_what_is_behind_it_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Repeating the call of a conflict decides it, also when something waits behind it."""
    with disk(tmp_path / "store") as store:
        log = FolderLog(store / "log")
        ana = Delivery(log, Outbox(tmp_path / "ana", log.url))
        bo = Delivery(FolderLog(store / "log"), Outbox(tmp_path / "bo", log.url))
        ana.submit(act("a", expect=""))
        remount(store, "ro")
        ana.submit(act("b", expect="a"))
        ana.submit(act("c", kind="note", text="behind b"))
        remount(store, "rw")
        bo.submit(act("other", expect="a", who="bo"))
        ana.drain()
        assert ana.submit(act("b")).status == "committed"
        assert ids(log) == ["a", "other", "b", "c"]


def test_where_not_even_the_outbox_can_be_written_nothing_is_claimed(tmp_path: Path) -> None:
    """Not recorded, with a remedy; the log as it was. A repetition of what is there is still committed."""
    ana = folder_delivery(tmp_path)
    ana.submit(act("a"))
    homeless = Delivery(FolderLog(tmp_path / "log"), Outbox(None, ana.log.url))
    outcome = homeless.submit(act("b"))
    assert (outcome.status, outcome.rev) == ("not_recorded", None)
    assert outcome.remedy
    assert homeless.drain() == ()
    assert homeless.pending().trouble
    assert (homeless.submit(act("a")).status, homeless.submit(act("a")).rev) == ("committed", 1)
    assert ids(ana.log) == ["a"]


def test_a_file_it_cannot_read_stops_nobody(tmp_path: Path) -> None:
    """It is named in the trouble, stays, and what can be read is delivered."""
    ana = folder_delivery(tmp_path)
    ana.submit(act("a"))
    assert ana.outbox.folder is not None
    stranger = ana.outbox.folder / "queued" / "000000001-0123456789abcdef.json"
    stranger.write_bytes(b'{"outbox": 1, "act')
    assert ana.submit(act("b")).status == "committed"
    assert stranger.name in ana.pending().trouble
    assert stranger.exists()


def test_a_quiet_outbox_is_the_same_value(tmp_path: Path) -> None:
    """Nothing changed: whoever shows it can tell by identity."""
    ana = conflicting(tmp_path)
    first = ana.pending()
    assert ana.look(0)[1] is first
    assert ana.look(2)[1] is first
    ana.drop("mine")
    assert ana.pending() is not first


def test_a_look_reads_ones_own_writes(tmp_path: Path) -> None:
    """What waited and went in with this look is among its entries."""
    ana = folder_delivery(tmp_path)
    ana.outbox.put(act("a"))
    page, seen = ana.look(0)
    assert [entry.action.id for entry in page.entries] == ["a"]
    assert seen.queued == ()
    assert ana.look(page.head)[0].entries == ()


def durable_calls(base: Path) -> list[tuple[str, int]]:
    """Every durable system call of a clean submit, and how many of its name there were before it."""
    trace = base / "trace"
    names = "fsync,fdatasync,rename,renameat,link,linkat,unlink,unlinkat,mkdir,ftruncate,utimensat"
    done = hurt([f"{name}:delay_enter=0" for name in names.split(",")], submitting(base, "clean"), trace)
    assert "committed" in done.stdout, done.stderr
    found = re.findall(r"^\d+ +(\w+)\(", trace.read_text(encoding="utf-8"), re.MULTILINE)
    counted = collections.Counter(found)
    return [(name, when) for name, count in counted.items() for when in range(1, count + 1)]


def test_the_outbox_has_it_durably_before_the_log_does(tmp_path: Path) -> None:
    """Content on the disk, then its name, then the folder on the disk; only then the log's file."""
    folder_delivery(tmp_path).submit(act("before", kind="note"))
    calls = ("fsync", "link", "linkat", "rename")
    trace = tmp_path / "trace"
    hurt([f"{name}:delay_enter=0" for name in calls], submitting(tmp_path, "hit"), trace)
    order = re.findall(r"^\d+ +(\w+)\(", trace.read_text(encoding="utf-8"), re.MULTILINE)
    assert order[:3] == ["fsync", "link", "fsync"]
    assert order[3:] == ["fsync", "linkat", "fsync", "rename"]


@pytest.mark.parametrize(
    ("what", "fresh"),
    [("signal=SIGKILL", True), ("error=EIO", False), ("error=ENOSPC", False)],
    ids=["killed, the very first", "EIO", "ENOSPC"],
)
def test_at_every_durable_system_call(tmp_path: Path, what: str, fresh: bool) -> None:
    """Killed or refused there: what was said is true; after a drain it is in the log once, or was not put."""
    (tmp_path / "clean").mkdir()
    if not fresh:
        folder_delivery(tmp_path / "clean").submit(act("before", kind="note"))
    places = durable_calls(tmp_path / "clean")
    assert len(places) >= 6

    def try_one(place: tuple[str, int]) -> None:
        call, when = place
        base = tmp_path / f"{call}-{when}"
        base.mkdir()
        if not fresh:
            folder_delivery(base).submit(act("before", kind="note"))
        done = hurt([f"{call}:{what}:when={when}"], submitting(base, "hit"), base / "trace")
        said = done.stdout.split()[1] if done.stdout else "killed"
        assert ("killed" in (base / "trace").read_text("utf-8")) is ("KILL" in what), (place, done.stderr)
        later = folder_delivery(base)
        was_there = ids(later.log).count("hit")
        assert was_there == 1 or said != "committed", place
        listed = waiting(later)
        assert listed == ["hit"] or was_there or said in ("killed", "not_recorded"), place
        assert later.submit(act("next", "b-2", kind="note")).status == "committed"
        later.drain()
        there = ids(later.log).count("hit")
        assert there == (1 if was_there or listed else 0), (place, said)
        assert there == 0 or said != "not_recorded", place
        assert there == 1 or said in ("killed", "not_recorded"), place
        assert later.pending().queued == later.pending().conflicts == (), place
        assert later.pending().trouble == "" or what != "signal=SIGKILL", place
        assert later.submit(act("hit", kind="note")).status == "committed"
        assert ids(later.log).count("hit") == 1

    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(try_one, places):
            pass


def test_a_stopped_process_neither_blocks_nor_repeats(tmp_path: Path) -> None:
    """Stopped just before it commits: another one delivers its action, and when woken it says the same."""
    ana = folder_delivery(tmp_path)
    ana.submit(act("before"))
    writer = stopped(["linkat:signal=SIGSTOP:when=1"], submitting(tmp_path, "hit"), tmp_path / "trace")
    try:
        inner = paused(writer.pid, tmp_path / "trace")
        assert waiting(ana) == ["hit"]
        assert [(o.action.id, o.status) for o in ana.drain()] == [("hit", "committed")]
        assert ana.submit(act("after")).status == "committed"
        os.kill(inner, signal.SIGCONT)
        out, _ = writer.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(writer.pid, signal.SIGKILL)
    assert out.split()[:3] == ["hit", "committed", "2"]
    assert ids(ana.log) == ["before", "hit", "after"]
    assert waiting(ana) == conflicts(ana) == []


def paused(tracer: int, trace: Path) -> int:
    """Id of the process under `tracer`, once the signal in its faults has stopped it."""
    give_up = time.monotonic() + 40
    while time.monotonic() < give_up:
        if trace.exists() and "stopped by SIGSTOP" in trace.read_text(encoding="utf-8"):
            children = Path(f"/proc/{tracer}/task/{tracer}/children").read_text(encoding="ascii")
            return int(children.split()[0])
        time.sleep(0.02)
    raise AssertionError("it never stopped")


def test_processes_that_drain_one_outbox_at_once_make_no_conflict(tmp_path: Path) -> None:
    """A chain in which each expects the one before, delivered by five at once: in order, none overtaken."""
    ana = folder_delivery(tmp_path)
    chain = [act(f"c{n:02d}", expect=f"c{n - 1:02d}" if n else "") for n in range(30)]
    for action in chain:
        ana.outbox.put(action)
    others = [act(f"o{n}", f"b-{n}", "") for n in range(2, 12)]
    for action in others:
        ana.outbox.put(action)
    started = [
        subprocess.Popen(submitting(tmp_path, f"own-{n}", item=f"own-{n}"), stdout=subprocess.PIPE)
        for n in range(5)
    ]
    for process in started:
        out, _ = process.communicate(timeout=60)
        assert b"committed" in out
    ana.drain()
    there = ids(ana.log)
    assert len(there) == len(set(there)) == 45
    assert [id_ for id_ in there if id_.startswith("c")] == [action.id for action in chain]
    assert waiting(ana) == conflicts(ana) == []


def test_threads_share_one_delivery(tmp_path: Path) -> None:
    """Keys, looks and a drain at the same time: each action once, each answer true."""
    delivery = folder_delivery(tmp_path)
    stop = threading.Event()
    heads: list[int] = []

    def look() -> None:
        while not stop.is_set():
            heads.append(delivery.look(0)[0].head)
            delivery.drain()

    watcher = threading.Thread(target=look)
    watcher.start()
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda n: delivery.submit(act(f"t{n}", f"b-{n % 3}")), range(60)))
    stop.set()
    watcher.join()
    assert {outcome.status for outcome in outcomes} == {"committed"}
    assert sorted(outcome.rev or 0 for outcome in outcomes) == list(range(1, 61))
    assert heads == sorted(heads)
    assert waiting(delivery) == []


def test_two_processes_that_share_an_outbox_agree_about_a_conflict(tmp_path: Path) -> None:
    """Decided in one while the other still holds it: the other neither brings it back nor commits it."""
    one = conflicting(tmp_path)
    other = folder_delivery(tmp_path)
    stale = one.outbox.put(act("late", expect="base"))
    listed = other.outbox.waiting()
    assert [w.action.id for w in listed] == ["late"]
    one.drain()
    one.drop("late")
    outcome = other._hand_in(stale)  # what it would do with what it had listed before
    assert outcome.status == "conflict"
    assert conflicts(other) == ["mine"]
    assert "late" not in ids(other.log)


def test_of_the_same_deed_handed_in_twice_the_first_is_told(tmp_path: Path) -> None:
    """Whoever hands in later what another process delivers is told what stands in the log."""
    one, other = folder_delivery(tmp_path), folder_delivery(tmp_path)
    first = act("a", expect="")
    later = replace(first, at=first.at + timedelta(seconds=1))
    assert one.submit(first).action == first
    mine = other.outbox.put(later)
    other.look(0)
    assert not other.outbox.has(mine)
    told = one._deliver(mine)
    assert (told.status, told.rev, told.action) == ("committed", 1, first)
