"""Silences of Alertmanager: what one would match, which end soon, and how a matcher is written.

The rules are Alertmanager's own ("Alerting > Silences" and "Matchers" of its documentation): every matcher
must hold, a label that is missing is the empty string, a regular expression (RE2) must match the whole value,
and at least one matcher of a silence must refuse the empty string.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from controlroom.domain.frozen import dataclass

if TYPE_CHECKING:
    from controlroom.domain.re2 import Pattern
    from controlroom.domain.telemetry import Alert

DRAFTED = ("alertname", "squad", "team", "cluster", "namespace", "service", "job", "instance")
"""Labels a silence is drafted from: what is wrong, and where. Others, such as the severity, may change."""

LONGEST = timedelta(days=30)
"""A silence that lasts longer is forgotten by whoever set it."""

SOON = 3600.0
"""Seconds before its end from which a silence is worth a thought."""

State = Literal["active", "pending", "expired"]


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a silence: the label `name` equals `value`, or matches it as a whole (RE2)."""

    name: str
    value: str
    regex: bool = False
    equal: bool = True
    """False turns the condition round."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence of Alertmanager: alerts for which every matcher holds notify nobody while it lasts."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime | None
    ends_at: datetime | None
    by: str = ""
    comment: str = ""
    state: State = "active"
    """As Alertmanager last said; `state_at` knows what became of it since."""
    server: str = ""


@dataclass(frozen=True, slots=True)
class SilenceDraft:
    """A silence that somebody wants to set."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    by: str
    comment: str


def holds_for(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    """Whether `matcher` holds for an alert with `labels`. Raises ValueError where `problem` has words."""
    value = labels.get(matcher.name, "")
    same = _pattern(matcher.value).fits(value) if matcher.regex else value == matcher.value
    return same is matcher.equal


def matching(matchers: Iterable[Matcher], alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Those of `alerts` that a silence with `matchers` would silence; none without matchers.

    Raises ValueError for a regular expression that cannot be read.
    """
    asked = tuple(matchers)
    for matcher in asked:
        if matcher.regex:
            _pattern(matcher.value)  # also where no alert gets as far as this matcher
    return tuple(alert for alert in alerts if fits(asked, alert.labels))


def fits(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether a silence with `matchers` would silence an alert with `labels`; raises as `matching` does."""
    return bool(matchers) and all(holds_for(matcher, labels) for matcher in matchers)


def problem(matchers: Sequence[Matcher]) -> str:
    """Why a silence cannot have these `matchers`, in plain words; empty where it can."""
    if not matchers:
        return "there is no matcher: it would match everything"
    for matcher in matchers:
        if not matcher.name:
            return "a matcher has no label"
        if matcher.regex:
            try:
                _pattern(matcher.value)
            except ValueError as why:
                return f"{shown(matcher)}: {why}"
    if all(holds_for(matcher, {}) for matcher in matchers):
        return "every matcher also fits the empty value: it would match everything"
    named = {matcher.name for matcher in matchers}
    if all(fits(matchers, dict.fromkeys(named, anything)) for anything in _ANYTHING):
        return f"it would match whatever has {' and '.join(sorted(named))}"
    return ""


def draft_problem(draft: SilenceDraft, now: datetime) -> tuple[str, str, str] | None:
    """Why `draft` cannot be set: the field that is wrong, the reason, the remedy; None where it can."""
    wrong = problem(draft.matchers)
    if wrong:
        return "matchers", wrong, 'name an alert and where it is, such as alertname="Flood" job="locks"'
    if not draft.comment.strip():
        return "comment", "a silence needs a reason", "say why nobody needs to hear of it"
    if not draft.by.strip():
        return "by", "nobody is named who sets it", "give a name"
    if draft.ends_at <= now:
        return "ends_at", "its end has passed", "choose a later one"
    if draft.ends_at <= draft.starts_at:
        return "ends_at", "it ends before it begins", "choose a later end"
    if draft.ends_at - max(draft.starts_at, now) > LONGEST:
        return (
            "ends_at",
            f"it lasts longer than {LONGEST.days} days",
            "choose an earlier end, and renew it then",
        )
    return None


def draft_matchers(alert: Alert) -> tuple[Matcher, ...]:
    """What to silence `alert` with: its name and where it is; all its labels where it has none of these."""
    labels = {name: value for name, value in alert.labels.items() if value}
    names = [name for name in DRAFTED if name in labels] or sorted(labels)
    return tuple(Matcher(name, labels[name]) for name in names)


def state_at(silence: Silence, now: datetime) -> State:
    """What `silence` is at `now`: it may have begun or ended since Alertmanager was asked."""
    if silence.state == "expired" or (silence.ends_at is not None and silence.ends_at <= now):
        return "expired"
    return "pending" if silence.starts_at is not None and silence.starts_at > now else "active"


def once(silences: Iterable[Silence]) -> tuple[Silence, ...]:
    """`silences` with one of each id: the members of an Alertmanager cluster all tell of the same."""
    kept: dict[str, Silence] = {}
    for silence in silences:
        kept.setdefault(silence.id, silence)
    return tuple(kept.values())


def expiring(silences: Iterable[Silence], now: datetime, within: float = SOON) -> tuple[Silence, ...]:
    """Active `silences` that end within `within` seconds, soonest first, each once."""
    limit = now + timedelta(seconds=within)
    ending = [
        (silence.ends_at, silence.id, silence)
        for silence in once(silences)
        if silence.ends_at is not None and silence.ends_at <= limit and state_at(silence, now) == "active"
    ]
    return tuple(silence for _, _, silence in sorted(ending, key=lambda one: one[:2]))


def silence_of(alert: Alert, silences: Iterable[Silence]) -> tuple[Silence, ...]:
    """Those of `silences` that silence `alert`, as Alertmanager says; the one that lasts longest first."""
    mine = [silence for silence in once(silences) if silence.id in alert.silenced_by]
    return tuple(sorted(mine, key=lambda s: -s.ends_at.timestamp() if s.ends_at else float("-inf")))


def shown(matcher: Matcher) -> str:
    """`matcher` as amtool writes it: ``alertname=~"Fl.*"``."""
    name = matcher.name if _NAME.fullmatch(matcher.name) else _quoted(matcher.name)
    operator = ("=~" if matcher.equal else "!~") if matcher.regex else ("=" if matcher.equal else "!=")
    return f"{name}{operator}{_quoted(matcher.value)}"


def parse_matcher(text: str) -> Matcher:
    """The matcher that `text` writes as amtool does, the quotes optional: ``job=locks``, ``job!~"a|b"``.

    Raises ValueError in words fit for a message, also for a regular expression that cannot be read.
    """
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError("a matcher is a label, one of = != =~ !~, and a value")
    name, operator, value = found.groups()
    matcher = Matcher(_unquoted(name), _unquoted(value), operator.endswith("~"), operator.startswith("="))
    if not matcher.name:
        raise ValueError("a matcher needs a label")
    if matcher.regex:
        _pattern(matcher.value)
    return matcher


_ANYTHING = ("a", "Zq7", "0", "\u00fc-/ .:")
"""Values that a matcher which tells anything apart does not all fit."""

_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*", re.ASCII)
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(
    rf"\s*([A-Za-z_:][A-Za-z0-9_:]*|{_QUOTED})\s*(=~|!~|!=|=)\s*(.*?)\s*", re.ASCII | re.DOTALL
)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _unquoted(text: str) -> str:
    """`text` without quotes and escapes. Raises ValueError for a quote that is not closed."""
    if text.startswith('"'):
        if len(text) < 2 or re.fullmatch(_QUOTED, text, re.DOTALL) is None:
            raise ValueError("a quote is not closed")
        text = text[1:-1]
    elif '"' in re.sub(r"\\.", "", text, flags=re.DOTALL):
        raise ValueError('a quote inside a value is written \\"')
    return re.sub(r"\\(.)", lambda pair: _ESCAPES.get(pair[1], pair[0]), text, flags=re.DOTALL)


@lru_cache(maxsize=256)
def _pattern(text: str) -> Pattern:
    from controlroom.domain.re2 import Pattern

    return Pattern(text)
