"""Who watches a signal that is delivered: the alerting rule and the dashboard its squad promised with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import field
from pathlib import PurePosixPath

from controlroom.domain import promql
from controlroom.domain.evidence import AlertRule, Dashboard
from controlroom.domain.expressions import selects
from controlroom.domain.frozen import dataclass
from controlroom.domain.look import Look, Rule
from controlroom.domain.signals import Signal
from controlroom.domain.telemetry import GapCode, SignalReading

ANY = "any"
"""Whichever dashboard of the repository."""

_PARTS = ("_bucket", "_count", "_sum")
_LINK = re.compile(r"/d(?:-solo)?/([^/?#]+)")
_ABOUT_RULES = (GapCode.NO_RULE, GapCode.RULE_ERROR, GapCode.RULE_BLIND)


def family(signal: Signal) -> frozenset[str]:
    """The metric, with the series a histogram of its name consists of, and the other ones where it is one."""
    names = {signal.metric, *(signal.metric + part for part in _PARTS)}
    for part in _PARTS:
        base = signal.metric.removesuffix(part)
        if base != signal.metric and signal.type not in ("counter", "gauge"):
            names |= {base, *(base + other for other in _PARTS)}
    return frozenset(names)


def unchecked(look: Look) -> tuple[GapCode, ...]:
    """What of the rule and the dashboard could not be looked for."""
    found = [*_unchecked_rule(look)]
    if look.signal.dashboard and _meant(look).unknown:
        found.append(GapCode.NO_DASHBOARD)
    return tuple(found)


# -- the alerting rule -----------------------------------------------------------------------------


def _rules(look: Look) -> tuple[AlertRule, ...]:
    return look.evidence.rules.get(look.signal.alert or "", ())


def _watching(look: Look) -> list[AlertRule]:
    """The rules of the promised name that read the signal, or may."""
    names = family(look.signal)
    return [rule for rule in _rules(look) if _read_by(rule, names) is not False]


def _read_by(rule: AlertRule, names: frozenset[str]) -> bool | None:
    """Whether `rule` reads one of `names`; None where that could not be told."""
    if rule.metrics is None:
        return None
    told = [selects(pattern, names) for pattern in rule.patterns]
    if names & set(rule.metrics) or True in told:
        return True
    return None if None in told else False


def _no_rule(look: Look) -> SignalReading | None:
    alert = look.signal.alert
    if not alert or _rules(look) or "rules" in look.evidence.unread:
        return None
    near = look.evidence.near_rules.get(alert, ())
    hint = f"did you mean {near[0]}?" if near else f"add an alerting rule called {alert} over {look.name}"
    query = f"ALERTS{{alertname={promql.quoted(alert)}}}"
    return look.reading(GapCode.NO_RULE, f"no alerting rule is called {alert}", hint, query)


def _rule_error(look: Look) -> SignalReading | None:
    for rule in _watching(look) or _rules(look):
        if rule.health == "err":
            reason = rule.error or "the server does not say why"
            return look.reading(
                GapCode.RULE_ERROR,
                f"rule {rule.name} fails{_of_group(rule)}: {reason}",
                "mend its expression: run it by hand",
                rule.query,
            )
    return None


def _rule_blind(look: Look) -> SignalReading | None:
    rules, watching = _rules(look), _watching(look)
    if rules and not watching:
        return look.reading(
            GapCode.RULE_BLIND,
            f"rule {rules[0].name} does not read {look.signal.metric}",
            f"let it read {look.name}, or name the rule that does",
            rules[0].query,
        )
    for rule in watching:
        for needed in rule.needs:
            if _there(look, needed) is not False:
                continue
            which = f"{' or '.join(needed)}, which {'is' if len(needed) == 1 else 'are'} not there"
            recorded = ":" in needed[0]
            mend = f"see why {needed[0]} is not recorded" if recorded else f"deliver {needed[0]}"
            return look.reading(
                GapCode.RULE_BLIND,
                f"rule {rule.name} can never fire{_of_group(rule)}: it reads {which}",
                f"{mend}, or mend the rule",
                rule.query,
            )
    return None


def _there(look: Look, needed: Sequence[str]) -> bool | None:
    """Whether one of the metrics is there now; None where that is not known."""
    told = [look.evidence.heard.get(metric) for metric in needed]
    if True in told:
        return True
    # After a start of the server, what is recorded comes back rule by rule.
    return None if None in told or look.evidence.restarted is not None else False


def _unchecked_rule(look: Look) -> Iterator[GapCode]:
    if not look.signal.alert:
        return
    rules, watching = _rules(look), _watching(look)
    if not rules:
        yield from _ABOUT_RULES if "rules" in look.evidence.unread else ()
        return
    if any(rule.health == "unknown" for rule in watching or rules):
        yield GapCode.RULE_ERROR
    names = family(look.signal)
    for rule in watching:
        needs = (_there(look, needed) for needed in rule.needs)
        if _read_by(rule, names) is None or None in needs:
            yield GapCode.RULE_BLIND
            return


def _of_group(rule: AlertRule) -> str:
    return f" (group {rule.group})" if rule.group else ""


# -- the dashboard ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Meant:
    """The dashboards a signal may mean. `unknown`: what they read of it is not known."""

    link: bool = False
    """Whether it is an address that nobody can look into."""
    drawn: bool = False
    unknown: bool = False
    which: tuple[Dashboard, ...] = ()


@dataclass(slots=True)
class _Shelf:
    """The dashboards of one look, so arranged that hundreds of signals are found in them quickly."""

    boards: tuple[Dashboard, ...] = ()
    metrics: frozenset[str] = frozenset()
    unknown: bool = False
    by_name: dict[str, list[Dashboard]] = field(default_factory=dict)
    """Path, name of the file, title and uid, all in lower case."""
    kin: dict[str, tuple[int, Dashboard]] = field(default_factory=dict)
    """First word of a metric → the dashboard that reads most of those, and how many."""
    near: dict[str, Dashboard | None] = field(default_factory=dict)
    """What no dashboard is called → the one of almost that name."""

    def called(self, name: str) -> tuple[Dashboard, ...]:
        return tuple(self.by_name.get(name.casefold(), ()))

    def almost(self, name: str) -> Dashboard | None:
        if name not in self.near:
            from difflib import get_close_matches

            found = get_close_matches(name.casefold(), self.by_name, 1)
            self.near[name] = self.by_name[found[0]][0] if found else None
        return self.near[name]


def _shelf(boards: tuple[Dashboard, ...]) -> _Shelf:
    """`boards` arranged; while they are the very same, as they were arranged before."""
    if _shelves[0].boards is boards:
        return _shelves[0]
    metrics = frozenset[str]().union(*(board.metrics for board in boards))
    shelf = _Shelf(boards, metrics, any(board.unknown for board in boards))
    for board in boards:
        path = PurePosixPath(board.path)
        for name in {str(path), path.name, board.title, board.uid}:
            if name:
                shelf.by_name.setdefault(name.casefold(), []).append(board)
        count: dict[str, int] = {}
        for metric in board.metrics:
            count[_kin(metric)] = count.get(_kin(metric), 0) + 1
        for kin, number in count.items():
            if number > shelf.kin.get(kin, (0, board))[0]:
                shelf.kin[kin] = number, board
    _shelves[0] = shelf
    return shelf


_shelves = [_Shelf()]


def _kin(metric: str) -> str:
    return re.split("[_:]", metric, maxsplit=1)[0]


def _meant(look: Look) -> _Meant:
    wanted, boards = look.signal.dashboard or "", look.evidence.dashboards
    link = "://" in wanted
    uid = _LINK.search(wanted.partition("://")[2]) if link else None
    if link and (uid is None or boards is None):
        return _Meant(link=True)
    if boards is None or "dashboards" in look.evidence.unread:
        return _Meant(unknown=True)
    shelf, names = _shelf(boards), family(look.signal)
    if wanted.casefold() == ANY:
        drawn = not names.isdisjoint(shelf.metrics)
        return _Meant(drawn=drawn, unknown=shelf.unknown and not drawn, which=boards)
    if uid is not None:
        which = tuple(board for board in shelf.called(uid[1]) if board.uid == uid[1])
    else:
        which = shelf.called(str(PurePosixPath(wanted))) or shelf.called(wanted)
    drawn = any(not names.isdisjoint(board.metrics) for board in which)
    # One whose file cannot be read has no title or uid by which it could be found.
    blind = any(board.unknown for board in which) if which else shelf.unknown
    return _Meant(drawn=drawn, unknown=blind and not drawn, which=which)


def _no_dashboard(look: Look) -> SignalReading | None:
    wanted = look.signal.dashboard
    if not wanted:
        return None
    meant = _meant(look)
    if meant.link or meant.drawn or meant.unknown:
        return None
    metric, code = look.signal.metric, GapCode.NO_DASHBOARD
    add = f"add a panel with {look.name} to "
    shelf = _shelf(look.evidence.dashboards or ())
    if wanted.casefold() == ANY:
        _, board = shelf.kin.get(_kin(metric), (0, None))
        hint = add + (_name(board) if board else "one of them")
        return look.reading(code, f"no dashboard reads {metric}", hint)
    if not meant.which:
        near = shelf.almost(wanted)
        hint = f"did you mean {_name(near)}?" if near else "add it, or name another one"
        return look.reading(code, f"there is no dashboard {wanted}", hint)
    board = meant.which[0]
    if board.error:
        return look.reading(code, f"{board.path}: {board.error}", "name another file")
    return look.reading(code, f"dashboard {_name(board)} does not read {metric}", add + _name(board))


def _name(board: Dashboard) -> str:
    return board.title or board.path


RULES: Sequence[Rule] = (_no_rule, _rule_error, _rule_blind, _no_dashboard)
"""In this order: a rule that is not there cannot fail, and one that fails cannot be blind."""
