"""The last known room: what the next first paint begins with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from controlroom import last_known, wiring
from controlroom.config.load import load
from controlroom.config.values import Config
from controlroom.domain.board import Item
from controlroom.domain.snapshot import Snapshot
from controlroom.domain.triage import Blocker

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def configured(folder: Path) -> tuple[Config, dict[str, str]]:
    """A configuration with documents, and an environment with a home of its own."""
    file = folder / "controlroom.toml"
    file.write_text('[program]\nid = "harbour"\n[documents]\npaths = ["backlog.md"]\n', encoding="utf-8")
    return load(str(file)), {"HOME": str(folder / "home")}


def seen(config: Config, cards: int) -> Snapshot:
    """A room whose sources have answered."""
    first = wiring.build(config).snapshot
    return replace(
        first,
        taken_at=NOON,
        items=tuple(Item(f"card-{n}", f"Card {n}") for n in range(cards)),
        blockers=(Blocker("b-1", "Crane stuck", last_action="a1"),),
        first_seen={"card-0:unknown": NOON},
        sources=tuple(replace(source, read_at=NOON) for source in first.sources),
    )


def test_a_room_begins_as_it_was_left(tmp_path: Path) -> None:
    """Cards and blockers come back with the time they were read, marked as restored."""
    config, environ = configured(tmp_path)
    last_known.keep(config, seen(config, 3), environ)
    snapshot = wiring.build(config, restored=last_known.recall(config, environ)).snapshot
    assert snapshot.restored
    assert [item.id for item in snapshot.items] == ["card-0", "card-1", "card-2"]
    assert [blocker.last_action for blocker in snapshot.blockers] == ["a1"]
    assert {source.read_at for source in snapshot.sources} == {NOON}


def test_a_large_room_begins_without_its_cards(tmp_path: Path) -> None:
    """Reading them back would delay the first paint: they are loading, and never shown as none."""
    config, environ = configured(tmp_path)
    last_known.keep(config, seen(config, last_known.LARGE), environ)
    snapshot = wiring.build(config, restored=last_known.recall(config, environ)).snapshot
    assert (snapshot.items, snapshot.blockers) == ((), ())
    assert {source.read_at for source in snapshot.sources} == {None}
    assert snapshot.first_seen == {"card-0:unknown": NOON}, "since when a card is known must not be lost"


def test_a_room_of_another_programme_is_not_taken(tmp_path: Path) -> None:
    """The same file may come to mean another programme: then nothing is restored."""
    config, environ = configured(tmp_path)
    last_known.keep(config, seen(config, 1), environ)
    assert config.path is not None
    config.path.write_text('[program]\nid = "quarry"\n', encoding="utf-8")
    assert last_known.recall(load(str(config.path)), environ) is None


def test_a_room_that_saw_nothing_leaves_the_older_one(tmp_path: Path) -> None:
    """Opened and left before any source answered, it has nothing better to keep."""
    config, environ = configured(tmp_path)
    last_known.keep(config, seen(config, 1), environ)
    last_known.keep(config, wiring.build(config).snapshot, environ)
    kept = last_known.recall(config, environ)
    assert kept is not None
    assert len(kept.items) == 1


def test_the_stores_title_holds_no_secret(tmp_path: Path) -> None:
    """Neither a password before the host nor one in a parameter reaches the header."""
    config, _ = configured(tmp_path)
    url = "redis://room:pearl@cache:6379/0?password=oyster&prefix=quay"
    snapshot = wiring.build(replace(config, store=replace(config.store, url=url))).snapshot
    store = snapshot.source("store")
    assert store is not None
    assert "cache:6379" in store.title
    assert "pearl" not in store.title
    assert "oyster" not in store.title
