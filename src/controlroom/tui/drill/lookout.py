"""Alerts that this room saw fire while a drill is on: they may be over when the drill is."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from controlroom.domain.drill import Alarm, Drill, firing, watch
from controlroom.domain.runs import Key, Run
from controlroom.domain.snapshot import Snapshot

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp


class Lookout:
    """Remembers, from when somebody here begins or opens a drill."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._seen: dict[str, Alarm] = {}

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Those it saw."""
        return tuple(self._seen.values())

    def see(self, snapshot: Snapshot) -> None:
        """There is something new."""
        run = next((one for one in snapshot.runs if one.key == self._key), None)
        if run is not None and run.on and snapshot.taken_at is not None:
            self._seen.update((one.fingerprint, one) for one in _fired(run, snapshot))


def _fired(run: Run, snapshot: Snapshot) -> tuple[Alarm, ...]:
    assert snapshot.taken_at is not None
    return firing(snapshot, run.began_at, max(snapshot.taken_at, run.began_at))


_POSTED: WeakKeyDictionary[RoomApp, dict[Key, Lookout]] = WeakKeyDictionary()


def posted(app: RoomApp, key: Key) -> Lookout:
    """The lookout of this room for that drill; it stays when a dialog is closed."""
    mine = _POSTED.setdefault(app, {})
    if key not in mine:
        mine[key] = Lookout(key)
        app.room.subscribe(mine[key].see)
    return mine[key]


def now_seen(app: RoomApp, run: Run) -> Drill:
    """The drill as this room sees it now."""
    snapshot, now = app.room.snapshot, app.room.clock()
    return watch(run, snapshot, now, alarms=posted(app, run.key).alarms)
