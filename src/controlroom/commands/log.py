"""Commands about the triage log itself: reading it, following it, copying it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from controlroom.commands.common import given
from controlroom.headless import log as shown
from controlroom.headless import output
from controlroom.headless.problems import (
    ATTENTION,
    FINE,
    REFUSED,
    UNREACHABLE,
    Unreachable,
    Usage,
    complain,
    say,
)

if TYPE_CHECKING:
    from controlroom.config.values import Config
    from controlroom.domain.actions import Entry
    from controlroom.stores.port import Log, Page, Unavailable


def log(options: Namespace) -> int:
    """Who did what, when."""
    asked = given(options)
    config = asked.config()
    if options.since < 0:
        raise Usage("revs count from 1", f"--since {options.since}", "0 is the beginning")
    if options.raw and options.json:
        raise Usage("two formats at once", "--raw --json", "choose one")
    from controlroom.stores.port import Unavailable

    store = _configured(config)
    try:
        if options.follow:
            return _follow(options, store, config.store.interval)
        return _raw(options, store) if options.raw else _list(options, store)
    except Unavailable as problem:
        _unreachable(problem)
        if options.json and not options.follow:
            output.document(shown.as_json((), None, {"store": store.url, "error": problem.reason}))
        return UNREACHABLE
    finally:
        store.close()


def _configured(config: Config) -> Log:
    """The log that the configuration names; it is opened when it is first read."""
    from controlroom import acting

    return acting.LateLog(acting.store_name(config), lambda: acting.open_store(config, config.store.url))


def _unreachable(problem: Unavailable) -> None:
    complain("the triage log cannot be read", problem.reason, problem.remedy)


def _list(options: Namespace, store: Log) -> int:
    # From the beginning, although only some is shown: what an undo takes back may lie before it.
    page = store.read(0)
    telling = shown.Telling()
    telling.know(page.entries)
    entries = [entry for entry in page.entries if entry.rev > options.since and _wanted(options, entry)]
    if options.json:
        about = {"store": store.url, "durability": page.durability, "trouble": page.trouble or None}
        output.document(shown.as_json(entries, page.head, about))
    else:
        output.text(shown.as_text(entries, telling))
    return _sound(page)


def _wanted(options: Namespace, entry: Entry) -> bool:
    return options.item is None or entry.action.item == options.item


def _sound(page: Page) -> int:
    """1 with its reason on stderr where the log can be read but not be written."""
    if page.trouble:
        complain("the triage log is read-only", page.trouble, "nothing of it was changed")
        return ATTENTION
    return FINE


def _raw(options: Namespace, store: Log) -> int:
    for _, raw in _stored(options, store, options.since):
        output.raw(raw)
    return _sound(store.read(0))


def _stored(options: Namespace, store: Log, after: int) -> Iterator[tuple[int, bytes]]:
    """Rev and bytes behind `after`; with ``--item`` only those that can be read and are about it."""
    from controlroom.domain.actions import UnreadableAction, decode

    for rev, raw in store.raw(after):
        try:
            if options.item is None or decode(raw).item == options.item:
                yield rev, raw
        except UnreadableAction:
            continue


def _follow(options: Namespace, store: Log, interval: float) -> int:
    """What is there, then every new action as it comes; a store that goes away is waited for."""
    import time

    from controlroom.stores.port import Unavailable

    following = _Following(options, store)
    away = ""
    while True:
        try:
            following.step()
        except Unavailable as problem:
            if problem.reason != away:
                away = problem.reason
                _unreachable(problem)
                say("controlroom: waiting for it")
        else:
            if away:
                away = ""
                say("controlroom: the triage log can be read again")
        if output.abandoned():
            raise BrokenPipeError
        time.sleep(interval)


class _Following:
    """A place in the log, and the way there."""

    def __init__(self, options: Namespace, store: Log) -> None:
        self._options, self._store = options, store
        self._after: int = 0
        self._telling = shown.Telling()
        self._told: set[str] = set()
        self._trouble = ""

    def step(self) -> None:
        """Tell what is new. Raises Unavailable."""
        page = self._store.read(self._after)
        if page.from_start and self._after:
            say(f"controlroom: the triage log begins anew: it holds {page.head} actions")
        new = [e for e in page.entries if not (page.from_start and e.action.id in self._told)]
        self._told.update(entry.action.id for entry in new)
        self._after = page.entries[-1].rev if page.entries else page.head if page.from_start else self._after
        if page.trouble != self._trouble:
            self._trouble = page.trouble
            _sound(page)
        shown_now = [e for e in new if e.rev > self._options.since and _wanted(self._options, e)]
        self._telling.know(new)
        self._print(shown_now)

    def _print(self, entries: Sequence[Entry]) -> None:
        if self._options.raw:
            raw = dict(self._store.raw(entries[0].rev - 1)) if entries else {}
            for entry in entries:
                output.raw(raw[entry.rev])
        for entry in () if self._options.raw else entries:
            if self._options.json:
                from controlroom.headless.actions import maybe_entry

                output.line(maybe_entry(entry) or {})
            else:
                output.text(self._telling.line(entry))
        output.flush()


def store_copy(options: Namespace) -> int:
    """A log into another store, byte for byte, verified by reading both again."""
    from controlroom.stores import copying

    asked = given(options)
    config = asked.config(needed=False)
    source, target = (_named(config, url) for url in (options.source, options.target))
    progress = _Progress()
    try:
        copied = copying.copy(source, target, progress)
    except copying.NotCopied as problem:
        from controlroom.stores.port import Unavailable

        complain("the log is not copied", problem.reason, problem.remedy)
        return UNREACHABLE if isinstance(problem.__context__, Unavailable) else REFUSED
    finally:
        progress.end()
        source.close()
        target.close()
    if not copied.actions:
        complain("nothing was copied", f"{source.url} holds no action", "check what it is called")
    if copied.behind:
        remedy = "copy again once nobody writes there any more"
        complain("the source has got more meanwhile", f"{copied.behind} actions", remedy)
    asked.print(
        lambda: (
            f"{copied.actions} actions of {source.url} are in {target.url}, {copied.already} of them before; "
            f"both hold the same bytes (sha256 {copied.sha256})"
        ),
        lambda: {
            "from": source.url,
            "to": target.url,
            "actions": copied.actions,
            "already": copied.already,
            "sha256": copied.sha256,
            "behind": copied.behind,
        },
    )
    return ATTENTION if copied.behind else FINE


def _named(config: Config, url: str) -> Log:
    from controlroom import acting
    from controlroom.config.rules import store_problem
    from controlroom.stores.port import Unavailable

    problem = store_problem(url)
    if problem is not None:
        raise Usage(problem[0], "store copy", problem[1])
    try:
        return acting.open_store(config, url)
    except Unavailable as wrong:
        raise Unreachable(wrong.reason, "", wrong.remedy) from None


class _Progress:
    """A line on stderr every second or so while a long log is copied."""

    def __init__(self) -> None:
        self._said = self._clock()
        self._rev = 0

    def _clock(self) -> float:
        import time

        return time.monotonic()

    def __call__(self, rev: int) -> None:
        self._rev = rev
        if self._clock() - self._said >= 1:
            self._said = self._clock()
            say(f"controlroom: {rev} actions copied")

    def end(self) -> None:
        """The last line, if anything was copied at all."""
        if self._rev:
            say(f"controlroom: {self._rev} actions copied")
