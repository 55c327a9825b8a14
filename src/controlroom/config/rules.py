"""What types cannot say: ids are unique, ranges begin before they end, zones and addresses exist as such.

All of it follows from the file alone, so a configuration that passed once is not asked again.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from controlroom.config import service_rules
from controlroom.config.dates import read_start
from controlroom.config.normal import START
from controlroom.config.places import Findings, Place
from controlroom.config.service_rules import LONGEST, SHORTEST, YEAR, Kinds, address, between
from controlroom.config.shape import File
from controlroom.config.spelling import did_you_mean
from controlroom.config.values import LabelRule
from controlroom.domain.calendar import date_of, parse_label
from controlroom.domain.maintenance import LONGEST as LONGEST_WINDOW
from controlroom.domain.maintenance import Window
from controlroom.domain.rituals import Ritual
from controlroom.domain.services import Service
from controlroom.domain.text import slug

WEEK_LIMIT = 5_200
PANES = ("changes", "waves", "squads", "blockers", "telemetry", "services", "alerts", "ritual")
"""The room's panes, by the names that `layout` knows them by."""
STORES = (
    *("dir", "redis", "rediss", "redis+unix"),
    *("redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"),
)
_STORE_EXAMPLES = {
    "redis+unix": "redis+unix:///run/redis.sock",
    "redis+sentinel": "redis+sentinel://one:26379,two:26379/mymaster",
    "rediss+sentinel": "rediss+sentinel://one:26379,two:26379/mymaster",
    "redis+cluster": "redis+cluster://one:6379,two:6379",
    "rediss+cluster": "rediss+cluster://one:6379,two:6379",
    "rediss": "rediss://host:6379/0",
}
_ABBREVIATIONS = {
    "pt": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "mt": "America/Denver",
    "ct": "America/Chicago",
    "et": "America/New_York",
    "edt": "America/New_York",
    "bst": "Europe/London",
    "cest": "Europe/Paris",
    "ist": "Asia/Kolkata",
    "jst": "Asia/Tokyo",
}


def check(file: File, found: Findings, kinds: Kinds) -> None:
    """Add what is wrong with `file`; `kinds` are the services the program can probe."""
    _unique(file, found)
    _program(file, found)
    _ranges(file, found)
    _milestones(file, found)
    for number, ritual in enumerate(file.rituals):
        _ritual(ritual, ("rituals", number), found)
    for number, service in enumerate(file.services):
        service_rules.service(service, ("services", number), found, kinds)
    for number, window in enumerate(file.maintenance):
        _window(window, ("maintenance", number), file, found)
    _cycles(file.services, found)
    _targets(file, found, kinds)
    _servers(file, found, kinds)
    _promises(file, found)
    _results(file, found)
    _pace(file, found)
    _many_screens(file, found)
    _store(file, found, kinds)


def zone_problem(name: str) -> str | None:
    """What to write instead of `name`, or None where it is a zone of the IANA database."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        usual = _ABBREVIATIONS.get(name.casefold())
        if usual:
            return f'write the IANA name, such as "{usual}"'
        return did_you_mean(name, available_timezones(), 'use a name such as "America/Los_Angeles" or "UTC"')
    return None


def _unique(file: File, found: Findings) -> None:
    things: Mapping[str, Iterable[Any]] = {
        name: getattr(file, name)
        for name in (
            *("waves", "sprints", "squads", "milestones", "rituals", "services", "prometheus"),
            *("benchmarks", "notify"),
        )
    } | {"alertmanagers": file.alertmanagers, "dependencies": file.dependencies}
    for section, entries in things.items():
        key = "name" if section == "dependencies" else "id"
        first: dict[str, int] = {}
        for number, entry in enumerate(entries):
            id_ = getattr(entry, key)
            if id_ in first:
                other = f"{section}[{first[id_]}]"
                found.add((section, number, key), f'"{id_}" is {other} already', f"give it another {key}")
            elif key == "id" and any(c.isspace() for c in id_):
                found.add((section, number, key), f'the id "{id_}" holds spaces', f'write "{slug(id_)}"')
            first.setdefault(id_, number)
    _squad_names(file, found)


def _squad_names(file: File, found: Findings) -> None:
    """A name that means two squads would put cards into the wrong lane."""
    known: dict[str, int] = {}
    for number, squad in enumerate(file.squads):
        place: Place = ("squads", number)
        named = [(squad.id, (*place, "id")), (squad.name, (*place, "name"))]
        named += [(alias, (*place, "aliases", n)) for n, alias in enumerate(squad.aliases)]
        for name, where in named:
            other = known.setdefault(slug(name), number) if slug(name) else number
            if other != number and not found.has((*place, "id")):
                message = f'"{name}" means {file.squads[other].id} as well'
                found.add(where, message, "let every name mean one squad")


def _program(file: File, found: Findings) -> None:
    program = file.program
    if program.start is not None and read_start(program.start) is None:
        found.add(("program", "start"), "start is no date", START)
    _zone(program.zone, ("program", "zone"), found)
    viewer = file.ui.viewer_zone
    if viewer is not None and not re.fullmatch(r"(UTC|GMT)?[+-]\d{1,2}(:?\d\d)?", viewer):
        _zone(viewer, ("ui", "viewer_zone"), found)


def _zone(name: str, place: Place, found: Findings) -> None:
    remedy = zone_problem(name)
    if remedy:
        found.add(place, f'there is no time zone "{name}"', remedy)


def _ranges(file: File, found: Findings) -> None:
    for number, wave in enumerate(file.waves):
        _range(wave.start, wave.end, ("waves", number, "end"), found)
        _weeks(wave.weeks, ("waves", number, "weeks"), found)
    for number, sprint in enumerate(file.sprints):
        _range(sprint.start, sprint.end, ("sprints", number, "end"), found)
        _weeks(sprint.weeks, ("sprints", number, "weeks"), found)


def _weeks(weeks: tuple[int, int] | None, place: Place, found: Findings) -> None:
    if weeks is None:
        return
    first, last = weeks
    if last < first:
        found.add(place, "the second week lies before the first", f"write weeks = [{last}, {first}]")
    elif first < 0 or last > WEEK_LIMIT:
        found.add(place, "weeks count from 1; 0 is the week before", "write weeks = [1, 2]")


def _range(start: dt.date | None, end: dt.date | None, place: Place, found: Findings) -> None:
    if start is not None and end is not None and end <= start:
        remedy = "an end is the first day after it"
        found.add(place, f"it ends ({end}) before it has begun ({start})", remedy)


def _milestones(file: File, found: Findings) -> None:
    for number, milestone in enumerate(file.milestones):
        if milestone.label is not None and milestone.date is None:
            place: Place = ("milestones", number, "label")
            label = parse_label(milestone.label)
            if label is None:
                found.add(place, "the label gives no date", 'write label = "Week 2 Day 3", or add a date')
            else:
                try:
                    date_of(file.calendar, dt.date(2001, 1, 1), *label)
                except ValueError as problem:
                    message, _, remedy = str(problem).partition("; ")
                    found.add(place, message, remedy)
        elif milestone.date is None:
            found.add(("milestones", number), "it has no date", 'add label = "Week 2 Day 3", or a date')
        if milestone.recorded not in (None, "met", "missed"):
            place = ("milestones", number, "recorded")
            found.add(place, "recorded is met or missed", 'write "met" or "missed", or leave it out')


def _ritual(ritual: Ritual, place: Place, found: Findings) -> None:
    if ritual.days == ():
        found.add((*place, "days"), "it is held on no day", 'write days = "daily" or ["mon", "thu"]')
    if ritual.all_day and ritual.time is not None:
        found.add((*place, "time"), "it lasts all day and has a time", "leave out time or all_day")
    if ritual.time is not None and ritual.time.tzinfo is not None:
        found.add((*place, "time"), "time holds an offset", 'write time = "09:00"; a zone has its own key')
    if ritual.minutes is not None and not 0 < ritual.minutes <= 10_080:
        found.add((*place, "minutes"), "minutes are 1 to 10080", "leave it out where no length is known")
    if ritual.zone is not None:
        _zone(ritual.zone, (*place, "zone"), found)
    if ritual.starts_on and ritual.ends_on and ritual.ends_on < ritual.starts_on:
        found.add((*place, "ends_on"), "it ends before it begins", "the last date counts too")
    _run(ritual, place, found)
    weeks = [scenario.week for scenario in ritual.rotation]
    for number, week in enumerate(weeks):
        if week in weeks[:number]:
            found.add((*place, "rotation", number), f"week {week} has a scenario already", "keep one of them")
    dates = [change.date for change in ritual.changes]
    for number, date in enumerate(dates):
        if date in dates[:number]:
            found.add((*place, "changes", number), f"{date} is changed already", "keep one of them")


def _run(ritual: Ritual, place: Place, found: Findings) -> None:
    """What belongs to holding it: its gates, its parts, the panes that are shown."""
    for number, gate in enumerate(ritual.gates):
        named = [name for name in ("service", "signal", "item") if getattr(gate, name) is not None]
        if len(named) > 1:
            message = f"a gate asks for one thing, not for {' and '.join(named)}"
            found.add((*place, "gates", number), message, "write a gate for each")
        elif not named and not gate.text:
            remedy = 'write text = "…" for a person to tick, or service, signal or item'
            found.add((*place, "gates", number), "it is not said what is to be there", remedy)
    kinds = [segment.kind for segment in ritual.segments]
    for number, segment in enumerate(ritual.segments):
        if segment.kind in kinds[:number]:
            found.add((*place, "segments", number), f"{segment.kind} is there already", "keep one of them")
        between(segment.seconds, 0, 86_400, (*place, "segments", number, "seconds"), found)
    between(ritual.near, 0, 86_400, (*place, "near"), found)
    for number, pane in enumerate(ritual.layout):
        if pane not in PANES:
            remedy = did_you_mean(pane, PANES, f"one of {', '.join(PANES)}")
            found.add((*place, "layout", number), f'there is no pane "{pane}"', remedy)
    for number, scenario in enumerate(ritual.rotation):
        if scenario.rto is not None:
            between(scenario.rto, 1, YEAR, (*place, "rotation", number, "rto"), found)


def _targets(file: File, found: Findings, kinds: Kinds) -> None:
    for number, target in enumerate(file.self_check.targets):
        kind = kinds["http"] if target.startswith(("http://", "https://")) else kinds["tcp"]
        address(target, kind, ("self_check", "targets", number), found)


def _window(window: Window, place: Place, file: File, found: Findings) -> None:
    """It is once or recurring, not both, and it ends."""
    once = window.start is not None or window.end is not None
    recurring = window.days != () or window.time is not None
    if once == recurring:
        remedy = 'write days = ["sun"], time = "02:00" and minutes = 90, or start and end'
        found.add(place, "it is not said when it is", remedy)
    elif once and (window.start is None or window.end is None):
        missing = "start" if window.start is None else "end"
        found.add((*place, missing), f"{missing} is missing", "a window that is held once has both")
    elif window.start is not None and window.end is not None:
        if (window.start.tzinfo is None) != (window.end.tzinfo is None):
            found.add((*place, "end"), "only one of start and end has an offset", "write both alike")
        elif window.end <= window.start:
            found.add((*place, "end"), "it ends before it has begun", "an end lies after its start")
    elif window.days == ():
        found.add((*place, "days"), "days are missing", 'write days = "daily" or ["sun"]')
    elif window.time is None:
        found.add((*place, "time"), "time is missing", 'write time = "02:00"')
    between(window.minutes, 1, LONGEST_WINDOW, (*place, "minutes"), found)
    for number, nth in enumerate(window.nth):
        if nth == 0 or not -5 <= nth <= 5:
            found.add(
                (*place, "nth", number), "there is no such weekday of a month", "1 to 5, or -1 for the last"
            )
    if window.zone is not None:
        _zone(window.zone, (*place, "zone"), found)
    groups = {service.group for service in file.services if service.group}
    for number, group in enumerate(window.groups):
        if group not in groups:
            remedy = did_you_mean(group, groups, "name a group of [[services]]")
            found.add((*place, "groups", number), f'no service is in the group "{group}"', remedy)


def _cycles(services: Sequence[Service], found: Findings) -> None:
    """Services that depend on each other: each circle once, at the one that closes it."""
    place = {service.id: number for number, service in reversed(list(enumerate(services)))}
    waits = {service.id: [d for d in service.depends_on if d in place] for service in services}
    done: set[str] = set()
    for begin, first in waits.items():
        trail: dict[str, Iterator[str]] = {} if begin in done else {begin: iter(first)}
        while trail:
            last = next(reversed(trail))
            following = next(trail[last], None)
            if following is None:
                done.add(last)
                del trail[last]
            elif following in trail:
                names = list(trail)
                circle = " → ".join([*names[names.index(following) :], following])
                where: Place = ("services", place[last], "depends_on")
                found.add(where, f"services depend on each other: {circle}", "take one of them out")
            elif following not in done:
                trail[following] = iter(waits[following])


def _servers(file: File, found: Findings, kinds: Kinds) -> None:
    for section in ("prometheus", "alertmanagers"):
        for number, server in enumerate(getattr(file, section)):
            place: Place = (section, number)
            if not server.url:
                found.add((*place, "url"), "url is missing", 'say where it is: url = "http://127.0.0.1:9090"')
            else:
                address(server.url, kinds["prometheus"], (*place, "url"), found)
            between(server.interval, SHORTEST, LONGEST, (*place, "interval"), found)
            between(server.timeout, 0.001, 3600, (*place, "timeout"), found)
            if server.token is not None and server.password is not None:
                found.add((*place, "token"), "both a token and a password", "keep what the server asks for")
            for n, rule in enumerate(getattr(server, "rules", ())):
                _label_rule(rule, (*place, "rules", n), found)


def _label_rule(rule: LabelRule, place: Place, found: Findings) -> None:
    """It says whose the alerts are, and either a value or an expression that can be read."""
    if not rule.squad:
        found.add((*place, "squad"), "it is not said whose the alerts are", 'write squad = "…"')
    if bool(rule.value) == (rule.match is not None):
        found.add(place, "a rule has a value or a match", 'write value = "node", or match = "node|redis"')
    if rule.match is not None:
        from controlroom.domain.re2 import Pattern

        try:
            Pattern(rule.match)
        except ValueError as problem:
            found.add((*place, "match"), f"it is {problem}", "correct it; RE2 has no look-around")


def _promises(file: File, found: Findings) -> None:
    """Signals and topics that squads promise, and when they count for a gate."""
    between(file.gate.hold, 0, 86_400, ("gate", "hold"), found)
    for number, squad in enumerate(file.squads):
        place: Place = ("squads", number)
        for n, signal in enumerate(squad.signals):
            if signal.max_age is not None:
                between(signal.max_age, 1, YEAR, (*place, "signals", n, "max_age"), found)
        for n, topic in enumerate(squad.topics):
            where: Place = (*place, "topics", n)
            between(topic.quiet, 1, YEAR, (*where, "quiet"), found)
            if topic.metric is not None and topic.service is not None:
                message = "both a service and a metric are to tell of it"
                found.add((*where, "metric"), message, "keep one of them")


def _results(file: File, found: Findings) -> None:
    """Benchmarks have one source each, and channels a pace."""
    for number, benchmark in enumerate(file.benchmarks):
        place: Place = ("benchmarks", number)
        if (benchmark.path is None) == (benchmark.metric is None):
            remedy = 'write path = "bench/*.json" with value = "/p95", or metric = "…"'
            found.add(place, "a benchmark has either a path or a metric", remedy)
        elif benchmark.path is not None and not benchmark.value:
            remedy = 'write value = "/p95" for JSON, or value = "test_replay" for a JUnit test case'
            found.add(place, "it is not said where the number stands in the file", remedy)
        between(benchmark.tolerance, 0, 10, (*place, "tolerance"), found)
        between(benchmark.window, 1, 1000, (*place, "window"), found)
        between(benchmark.least, 1, benchmark.window, (*place, "least"), found)
        between(benchmark.max_age, 1, YEAR, (*place, "max_age"), found)
    for number, channel in enumerate(file.notify):
        where: Place = ("notify", number)
        between(channel.quiet, 0, YEAR, (*where, "quiet"), found)
        between(channel.at_most, 1, 100_000, (*where, "at_most"), found)


def _pace(file: File, found: Findings) -> None:
    from controlroom.stores.relay import LOST_AFTER, SCREENS

    limits: Mapping[Place, Callable[[], float]] = {
        ("documents", "interval"): lambda: file.documents.interval,
        ("status", "interval"): lambda: file.status.interval,
        ("store", "interval"): lambda: file.store.interval,
        ("polling", "services"): lambda: file.polling.services,
        ("self_check", "interval"): lambda: file.self_check.interval,
    }
    for place, value in limits.items():
        between(value(), SHORTEST, LONGEST, place, found)
    between(file.self_check.timeout, 0.001, 3600, ("self_check", "timeout"), found)
    between(file.polling.timeout, 0.001, 3600, ("polling", "timeout"), found)
    between(file.store.timeout, 0.001, 3600, ("store", "timeout"), found)
    between(file.polling.at_once, 1, 1000, ("polling", "at_once"), found)
    between(file.past.keep, 0, YEAR, ("past", "keep"), found)
    between(file.past.every, SHORTEST, LONGEST, ("past", "every"), found)
    between(file.past.megabytes, 1, 1_000_000, ("past", "megabytes"), found)
    between(file.collect.lease, 1, 300, ("collect", "lease"), found)
    between(file.collect.every, SHORTEST, LOST_AFTER, ("collect", "every"), found)
    between(file.serve.sessions, 1, SCREENS, ("serve", "sessions"), found)
    between(file.ui.page, 0, LONGEST, ("ui", "page"), found)


def _many_screens(file: File, found: Findings) -> None:
    for section, listen in (("collect", file.collect.listen), ("serve", file.serve.listen)):
        host, _, port = listen.rpartition(":")
        valid = host and port.isascii() and port.isdigit() and int(port) <= 65_535
        if not valid and (listen or section == "serve"):
            found.add((section, "listen"), f"no address to listen at: {listen}", 'write "127.0.0.1:9460"')
    for number, time in enumerate(file.collect.publish):
        if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", time):
            found.add(("collect", "publish", number), f"no time of the day: {time}", 'write "23:55"')
    for number, origin in enumerate(file.serve.origins):
        if not re.fullmatch(r"https?://[^/\s@]+", origin):
            found.add(("serve", "origins", number), f"no origin: {origin}", 'write "https://room.example"')
        elif (origin.partition("://")[0], origin.rpartition(":")[2]) in (("https", "443"), ("http", "80")):
            problem = f"browsers leave the usual port out: {origin}"
            found.add(("serve", "origins", number), problem, f'write "{origin.rpartition(":")[0]}"')


def _store(file: File, found: Findings, kinds: Kinds) -> None:
    problem = store_problem(file.store.url)
    if problem is not None:
        found.add(("store", "url"), *problem)
    elif file.store.password is not None and _password_inside(file.store.url):
        found.add(("store", "url"), "the address holds a password beside [store].password", "take it out")
    webhook = file.triage.webhook
    if webhook is not None and webhook.literal is not None:
        address(webhook.literal, kinds["http"], ("triage", "webhook"), found)


def _password_inside(url: str) -> bool:
    from controlroom.stores import redis_urls

    return redis_urls.is_redis(url) and redis_urls.parse(url).password is not None


def follow_problem(url: str) -> tuple[str, str] | None:
    """What is wrong with what is to be followed, which may hold a password and is not repeated, and the
    remedy."""
    from controlroom.stores import redis_urls
    from controlroom.stores.relay import SOCKET

    if url.startswith(SOCKET):
        path = url.removeprefix(SOCKET)
        return None if path.startswith("/") else ("the socket's path is missing", f"write {SOCKET}/path")
    if not redis_urls.is_redis(url):
        return "what is followed is a Redis", "write it like redis://host:6379/0"
    problem = store_problem(url)
    if problem is None and _password_inside(url):
        remedy = (
            'name the address and password = { env = "NAME" } in [store] of a configuration, with --config'
        )
        return "the address holds a password, which others on this machine could read", remedy
    return problem


def store_problem(url: str) -> tuple[str, str] | None:
    """What is wrong with a store's URL, which may hold a password and is not repeated, and the remedy."""
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in STORES:
        remedy = did_you_mean(scheme, STORES, 'write "dir:log" for a folder, or "redis://host:6379/0"')
        return "the store's kind is not known", remedy
    if not rest.strip("/") and scheme == "dir":
        return "the store's folder is missing", 'write "dir:log"'
    if scheme == "dir":
        return None
    from controlroom.stores import redis_urls

    try:
        redis_urls.parse(url)
    except ValueError as problem:
        return str(problem), f'write it like "{_STORE_EXAMPLES.get(scheme, "redis://host:6379/0")}"'
    return None
