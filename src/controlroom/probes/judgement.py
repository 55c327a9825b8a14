"""What an HTTP answer says about a service: its status, its words, its checks, and configured rules.

Services answer 200 with ``{"status": "degraded"}``, plain ``OK``, nested ``checks``, or 503 with
``not_ready``. What is not understood is judged by its status alone, and said to be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

from controlroom.domain.frozen import dataclass
from controlroom.domain.services import Health, Rule, Service
from controlroom.probes.refusals import again, refusal
from controlroom.probes.wire import Answer
from controlroom.probes.wording import foreign

STATUS_ONLY = "status code only"

_UP = """ok okay healthy ready up pass passed passing green alive live running serving available operational
    online success true good"""
_DEGRADED = """degraded warn warning starting not_ready notready unready yellow partial initializing
    initialising loading draining stopping recovering"""
_DOWN = """error fail failed failing failure down unhealthy critical red fatal unavailable out_of_service
    offline dead not_serving stopped false"""

WORDS: Mapping[str, Health] = {
    word: health
    for health, words in ((Health.UP, _UP), (Health.DEGRADED, _DEGRADED), (Health.DOWN, _DOWN))
    for word in words.split()
}
"""Words of health, lower case, joined by underscores."""

_WORD_KEYS = ("status", "state", "health", "overall", "overall_status", "result", "outcome", "condition")
_TRUTH_KEYS = {"healthy": Health.DOWN, "ok": Health.DOWN, "up": Health.DOWN, "alive": Health.DOWN}
_TRUTH_KEYS |= {"ready": Health.DEGRADED, "available": Health.DOWN, "live": Health.DOWN}
_PART_KEYS = (
    "checks",
    "components",
    "dependencies",
    "services",
    "entries",
    "details",
    "probes",
    "subsystems",
)
_WRAPPERS = ("health", "data", "status", "result", "response", "service")
_MESSAGES = ("message", "error", "reason", "description", "detail", "output", "err", "errors")
_DEPTH = 5
_PARTS = 200
_NAMED = 4
_RANK = {Health.UP: 0, Health.DEGRADED: 1, Health.DOWN: 2}
_PLAIN = 64
"""Characters of a plain text that may still be a word of health."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means."""

    health: Health
    reason: str
    version: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Worth showing, cleaned, the most telling first."""


Reading = Callable[[Answer, Any], Verdict | None]
"""What a known product means by an answer and its JSON (`NOTHING` where it is none); None when the answer is
not one of that product's."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What a body says of itself: the word and where it stood, the parts that are not well, a message."""

    health: Health | None = None
    word: str = ""
    path: str = ""
    unwell: tuple[tuple[str, Health], ...] = ()
    message: str = ""
    version: str = ""


def judge(service: Service, answer: Answer, reading: Reading | None = None, *, product: str = "") -> Verdict:
    """How `service` is, by its answer; latency is judged elsewhere. `reading` knows the `product` it is."""
    data = _parsed(answer.body)
    if reading is not None and not answer.flaw and answer.status != 403 and not refusal(service, answer):
        read = reading(answer, data)
        if read is not None:
            verdict = _worst(read, _by_rules(service.rules, data, answer.flaw))
            return Verdict(verdict.health, verdict.reason, read.version, read.facts)
        if 200 <= answer.status < 300:
            return Verdict(Health.DOWN, f"answers, but is not {product}")
    said = _said(answer.body, data)
    if _fine(service, answer.status):
        verdict = _worst(_by_body(service, answer, said), _by_rules(service.rules, data, answer.flaw))
    else:
        verdict = _by_status(service, answer, said)
    return Verdict(verdict.health, verdict.reason, said.version)


def _fine(service: Service, status: int) -> bool:
    return status in service.status if service.status else 200 <= status < 300


def _by_status(service: Service, answer: Answer, said: _Said) -> Verdict:
    code = answer.status
    message = said.message.removeprefix(f"{code} ")  # Go says "404 page not found"
    message = "" if message.lower() == answer.phrase.lower() else message
    if refused := refusal(service, answer):
        return Verdict(Health.DOWN, refused + (f": {message}" if code == 401 and message else ""))
    words = message or said.word or foreign(answer.phrase, 40)
    parts = names(said.unwell)
    reason = f"HTTP {code}" + (f" {words}" if words else "") + (f": {parts}" if parts else "")
    later = again(answer)
    # 503 is how a service says "not now": whether that is starting up or being down, only its body tells.
    starting = code == 503 and said.health is Health.DEGRADED
    return Verdict(Health.DEGRADED if starting else Health.DOWN, f"{reason}, {later}" if later else reason)


def _by_body(service: Service, answer: Answer, said: _Said) -> Verdict:
    if answer.flaw:
        return Verdict(Health.UP, f"{STATUS_ONLY}: {answer.flaw}")
    if service.status and not 200 <= answer.status < 300:
        return Verdict(Health.UP, f"HTTP {answer.status}, as configured")
    health = said.health
    if said.path and any(rule.path == said.path for rule in service.rules):
        health = Health.UP  # a rule about this very word knows better than the general vocabulary
    parts = names(said.unwell)
    if health in (Health.DEGRADED, Health.DOWN):
        why = parts or said.message
        return Verdict(health, said.word + (f": {why}" if why else ""))
    if parts:
        return Verdict(
            Health.DEGRADED, f"says {said.word}, but not: {parts}" if said.word else f"not ok: {parts}"
        )
    return Verdict(Health.UP, said.word if health else STATUS_ONLY)


def _by_rules(rules: tuple[Rule, ...], data: object, flaw: str) -> Verdict:
    verdict = Verdict(Health.UP, "")
    for rule in rules:
        broken = _broken(rule, data, flaw)
        if broken and _RANK.get(rule.otherwise, 2) > _RANK.get(verdict.health, 0):
            verdict = Verdict(rule.otherwise, broken)
    return verdict


def _worst(body: Verdict, rules: Verdict) -> Verdict:
    return rules if _RANK.get(rules.health, 2) > _RANK[body.health] else body


def _broken(rule: Rule, data: object, flaw: str) -> str:
    """Why `data` does not satisfy `rule`; empty when it does."""
    path = foreign(rule.path, 40)
    if data is NOTHING:
        return f"{path}: {flaw or 'the body is no JSON'}"
    value = at(data, rule.path)
    if value is NOTHING:
        return f"{path} is missing"
    if rule.equals and _text(value) not in rule.equals:
        return f"{path} is {foreign(_text(value), 30)}, not {foreign(' or '.join(rule.equals), 30)}"
    if rule.below is None and rule.above is None:
        return ""
    number = _number(value)
    if number is None:
        return f"{path} is no number: {foreign(_text(value), 30)}"
    if rule.below is not None and not number < rule.below:
        return f"{path} is {number:g}, not below {rule.below:g}"
    if rule.above is not None and not number > rule.above:
        return f"{path} is {number:g}, not above {rule.above:g}"
    return ""


NOTHING: Any = object()
"""There is no JSON, or no such place in it; None is a value."""


def at(data: object, path: str) -> object:
    """The value at `path` (``a.b.0.c``) in `data`; keys with dots in them are found too."""
    if not path:
        return data
    if isinstance(data, dict):
        if path in data:
            return data[path]
        key, _, rest = path.partition(".")
        while rest:
            if key in data and (found := at(data[key], rest)) is not NOTHING:
                return found
            more, _, rest = rest.partition(".")
            key = f"{key}.{more}"
    elif isinstance(data, list):
        key, _, rest = path.partition(".")
        if key.isascii() and key.isdecimal() and len(key) < 9 and int(key) < len(data):
            return at(data[int(key)], rest)
    return NOTHING


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _parsed(body: bytes) -> object:
    """The body as JSON, `NOTHING` when it is none."""
    if body[:1] not in (b"{", b"[", b'"') and body.lstrip()[:1] not in (b"{", b"[", b'"'):
        return NOTHING
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # deep nesting raises the latter
        return NOTHING


def _said(body: bytes, data: object) -> _Said:
    if isinstance(data, dict):
        return _of_mapping(data, "", 0)
    if data is NOTHING:
        return _of_text(body[: _PLAIN * 8].decode("utf-8", "replace"), len(body) <= _PLAIN * 8)
    return _of_text(data, True) if isinstance(data, str) else _Said()


def _of_text(text: str, whole: bool) -> _Said:
    """A plain ``OK``, ``status: ok`` or ``Degraded: disk nearly full``; else its first line is a message."""
    line = text.strip().partition("\n")[0].strip()
    if line.startswith("<") or not whole:
        return _Said()
    first, _, rest = line.partition(":")
    health = _word(line) or _word(first)
    if health is None and first.strip().lower() in _WORD_KEYS:
        health = _word(rest)
    words = foreign(line, 60)
    return _Said(health, words) if health else _Said(message=words)


def _of_mapping(data: Mapping[str, Any], path: str, depth: int) -> _Said:
    message = next((foreign(data[key]) for key in _MESSAGES if isinstance(data.get(key), str)), "")
    version = data.get("version")
    shown = foreign(version, 30) if isinstance(version, str) else ""
    parts = tuple(unwell(data, depth)) if depth < _DEPTH else ()
    for key in _WORD_KEYS:
        if (health := _word(data.get(key))) is not None:
            return _Said(health, foreign(_text(data[key]), 30), path + key, parts, message, shown)
    for key, otherwise in _TRUTH_KEYS.items():
        if isinstance(value := data.get(key), bool):
            word = key if value else f"not {key}"
            return _Said(Health.UP if value else otherwise, word, path + key, parts, message, shown)
    for key in _WRAPPERS if depth < _DEPTH else ():
        if isinstance(inner := data.get(key), dict):
            said = _of_mapping(inner, f"{path}{key}.", depth + 1)
            if said.health is not None or said.unwell:
                found = parts or said.unwell
                return _Said(said.health, said.word, said.path, found, message or said.message, shown)
    return _Said(None, "", "", parts, message, shown)


def unwell(data: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, Health]]:
    """The named parts of `data` that are not well, in its own order."""
    for container in _PART_KEYS:
        parts = data.get(container)
        if isinstance(parts, dict):
            named: list[tuple[str, Any]] = list(parts.items())[:_PARTS]
        elif isinstance(parts, list):
            named = [(_name(part), part) for part in parts[:_PARTS] if isinstance(part, dict)]
        else:
            continue
        for name, part in named:
            health = _part(part, depth + 1)
            if health in (Health.DEGRADED, Health.DOWN):
                yield foreign(name, 30), health


def _name(part: Mapping[str, Any]) -> str:
    found = next((part[key] for key in ("name", "id", "service", "component") if part.get(key)), "unnamed")
    return found if isinstance(found, str) else _text(found)


def _part(part: Any, depth: int) -> Health | None:
    """How one part is: a word, a truth value, an object with either, or a list of them (the worst counts)."""
    if isinstance(part, dict):
        said = _of_mapping(part, "", depth)
        found = [health for _, health in said.unwell] + ([said.health] if said.health else [])
    elif isinstance(part, list) and depth < _DEPTH:
        found = [health for item in part[:_PARTS] if (health := _part(item, depth + 1))]
    else:
        return _word(part)
    return max(found, key=_RANK.__getitem__, default=None)


def _word(value: object) -> Health | None:
    if isinstance(value, bool):
        return Health.UP if value else Health.DOWN
    if not isinstance(value, str) or len(value) > _PLAIN:
        return None
    return WORDS.get("_".join(value.replace("-", " ").replace("_", " ").strip(" .!\r\n\t").lower().split()))


def names(parts: Iterable[tuple[str, Health]]) -> str:
    """The names of `parts`, in their order; no more of them than a line holds."""
    found = list(dict.fromkeys(name for name, _ in parts))
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
