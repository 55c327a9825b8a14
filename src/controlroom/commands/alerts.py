"""`controlroom alerts`: what Alertmanager says is wrong; silencing some of it; and saying whose it is.

A change is shown first: only ``--yes`` or ``--write`` makes it, and whatever these refuse is refused without
them too.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from controlroom.commands.common import Given, given, say_failures
from controlroom.commands.handing_in import utf8, writable
from controlroom.headless import output
from controlroom.headless.problems import FINE, Refused, Unreachable, Usage, complain, say

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from controlroom.config.values import AlertmanagerServer, Config
    from controlroom.domain.silences import Matcher, Silence, SilenceDraft
    from controlroom.domain.snapshot import Snapshot
    from controlroom.net.fetch import Api

T = TypeVar("T")

_OPTIONS = {"matchers": "MATCHER", "comment": "--why", "by": "--by", "ends_at": "--for, --until"}
"""What the fields of a draft are called on the command line."""


def alerts(options: Namespace) -> int:
    """Alerts by squad, the silences, the dead-man's switches."""
    from controlroom.headless import alerts as shown

    asked = given(options)
    seen = asked.sweep(asked.config(), "alerts")
    say_failures(seen)
    asked.print(lambda: shown.as_text(seen, asked.now()), lambda: shown.as_json(seen))
    return shown.exit_code(seen)


def alerts_silence(options: Namespace) -> int:
    """What a silence would match; with ``--yes``, that silence."""
    from controlroom.domain.silences import fits, matching
    from controlroom.headless import silences as shown
    from controlroom.net import alertmanager

    asked = given(options)
    writable(asked)
    config = asked.config()
    server = _server(config, options.server)
    draft = _draft(asked, config)
    seen = _look(asked, config, [server])
    found = matching(draft.matchers, seen.alerts)
    quieted = [dog for dog in seen.watchdogs if dog.firing and fits(draft.matchers, dog.labels)]
    for dog in quieted:
        complain("it silences the dead-man's switch as well", dog.name, "narrow its matchers")
    id_ = None
    if options.yes:
        id_ = _done(config, server, lambda api: alertmanager.silence(api, draft))
    if options.json:
        output.document(shown.draft_as_json(draft, found, server.id, id_, quieted))
    elif id_ is None:
        output.text(shown.draft_as_text(draft, found, asked.now()))
        say("controlroom: nothing is set: repeat it with --yes")
    else:
        output.text(f"{id_}\n")
        say(f"controlroom: {shown.reach(draft, found)}")
    return FINE


def alerts_expire(options: Namespace) -> int:
    """What a silence silences; with ``--yes``, it ends."""
    from controlroom.headless import silences as shown
    from controlroom.net import alertmanager

    asked = given(options)
    writable(asked)
    config = asked.config()
    servers = [_server(config, options.server)] if options.server else list(config.alertmanagers)
    if not servers:
        raise _no_server()
    id_ = utf8(options.silence)
    seen = asked.sweep(_only(config, servers), "alerts")
    silence = _found(seen, id_)
    server = next(one for one in servers if one.id == silence.server)
    held = [alert for alert in seen.alerts if silence.id in alert.silenced_by]
    if options.yes:
        _done(config, server, lambda api: alertmanager.expire(api, silence.id))
    if options.json:
        state = {"state": "expired"} if options.yes else {}
        output.document({"ended": options.yes, **shown.entry(silence, held), **state})
    else:
        output.text(shown.ending_as_text(silence, held, asked.now(), ended=options.yes))
        if not options.yes:
            say("controlroom: nothing has ended: repeat it with --yes")
    return FINE


def alerts_assign(options: Namespace) -> int:
    """The rule that gives alerts to a squad, as a change of the configuration; ``--write`` makes it."""
    from controlroom import acting
    from controlroom.config import edit
    from controlroom.config.changes import AssignAlerts
    from controlroom.headless.proposals import edit_as_json

    asked = given(options)
    writable(asked)
    config = asked.config()
    server = _server(config, options.server)
    label = _matcher(utf8(options.rule))
    if label.regex or not label.equal:
        remedy = "write label=value; a rule with match is written by hand"
        raise Usage("a rule is a label and its value", options.rule, remedy)
    assert config.path is not None  # there is no configuration without a file here
    by = acting.who(config, utf8(options.by or "") or None)
    change = AssignAlerts(server.id, label.name, label.value, utf8(options.squad))
    try:
        made = edit.propose(config.path, change, by=by, on=asked.today(config.program.zone))
        if options.write:
            edit.write(made)
    except edit.CannotEdit as problem:
        raise Refused(problem.reason, "", problem.remedy) from None
    if options.json:
        output.document(edit_as_json(made, written=options.write))
    else:
        output.text(made.diff if made.diff.endswith("\n") else f"{made.diff}\n")
        say(f"controlroom: {made.summary}")
        if not options.write:
            say("controlroom: nothing is written: repeat it with --write")
    return FINE


def _server(config: Config, name: str | None) -> AlertmanagerServer:
    """The Alertmanager that is meant. Raises Usage."""
    from controlroom.domain.decide_args import close_to

    known = {server.id: server for server in config.alertmanagers}
    if not known:
        raise _no_server()
    if name is None:
        if len(known) > 1:
            remedy = f"add --server, one of {', '.join(known)}"
            raise Usage("there are several Alertmanagers", "--server", remedy)
        return config.alertmanagers[0]
    if name not in known:
        remedy = close_to(name, list(known)) or f"it is one of: {', '.join(known)}"
        raise Usage("there is no such Alertmanager", f"--server {name}", remedy)
    return known[name]


def _no_server() -> Usage:
    return Usage("no Alertmanager is configured", "", "add [[alertmanagers]]")


def _draft(asked: Given, config: Config) -> SilenceDraft:
    """The silence that is asked for. Raises Usage for what cannot be read, and Refused."""
    from controlroom import acting
    from controlroom.domain.silences import SilenceDraft, draft_problem
    from controlroom.domain.text import clean

    options, now = asked.options, asked.now()
    draft = SilenceDraft(
        tuple(_matcher(utf8(text)) for text in options.matchers),
        starts_at=now,
        ends_at=_end(options, now),
        by=acting.who(config, utf8(options.by or "") or None),
        comment=clean(utf8(options.why or ""), 1_000).strip(),
    )
    wrong = draft_problem(draft, now)
    if wrong is not None:
        field, reason, remedy = wrong
        raise Refused(reason, _OPTIONS[field], remedy)
    return draft


def _matcher(text: str) -> Matcher:
    from controlroom.domain.silences import parse_matcher

    try:
        return parse_matcher(text)
    except ValueError as problem:
        remedy = 'write it as alertname=Flood, job!=locks or instance=~"a.*|b.*"'
        raise Usage(str(problem), text, remedy) from None


def _end(options: Namespace, now: datetime) -> datetime:
    from controlroom.config.normal import seconds
    from controlroom.domain import instants

    if options.until is not None:
        try:
            return instants.parse(utf8(options.until))
        except ValueError as problem:
            raise Usage(
                str(problem), f"--until {options.until}", "write it as 2025-10-06T16:00:00Z"
            ) from None
    if options.lasting is None:
        raise Refused("a silence needs an end", _OPTIONS["ends_at"], "say how long, such as --for 2h")
    lasting = seconds(utf8(options.lasting))
    if lasting is None:
        raise Usage("this is no length of time", f"--for {options.lasting}", "write it as 2h, 45m or 1h 30m")
    try:
        return now + timedelta(seconds=lasting)
    except OverflowError:
        raise Refused(
            "its end is beyond the calendar", f"--for {options.lasting}", "make it shorter"
        ) from None


def _only(config: Config, servers: Sequence[AlertmanagerServer]) -> Config:
    from dataclasses import replace

    return replace(config, alertmanagers=tuple(servers))


def _look(asked: Given, config: Config, servers: Sequence[AlertmanagerServer]) -> Snapshot:
    """What these servers know. Raises Unreachable where one does not say."""
    seen = asked.sweep(_only(config, servers), "alerts")
    for source in seen.sources:
        if source.kind == "alerts" and (source.error or source.read_at is None):
            reason = source.error or "it has not answered"
            raise Unreachable(f"{source.title or source.id} cannot be asked", reason, source.remedy)
    return seen


def _found(seen: Snapshot, id_: str) -> Silence:
    """The silence with this id. Raises Unreachable where it may be one that nobody could tell of, Refused."""
    found = next((silence for silence in seen.silences if silence.id == id_), None)
    if found is not None:
        return found
    say_failures(seen)
    for source in seen.sources:
        if source.kind == "alerts" and (source.error or source.read_at is None or source.warnings):
            reason = source.error or next(iter(source.warnings), "it has not answered")
            raise Unreachable("it is not known whether there is such a silence", reason, source.remedy)
    remedy = "it may have ended already: controlroom alerts lists those that have not"
    raise Refused("there is no such silence", id_, remedy)


def _done(config: Config, server: AlertmanagerServer, ask: Callable[[Api], Coroutine[None, None, T]]) -> T:
    """What `ask` brings from the server. Raises Unreachable, and Refused where the server does not do it."""
    from controlroom.config import secrets
    from controlroom.headless.sweeping import run
    from controlroom.net import alertmanager, fetch

    async def exchange() -> T:
        api = fetch.Api(server, lambda reference: secrets.resolve(reference, config.folder))
        try:
            return await ask(api)
        finally:
            await api.close()

    try:
        return run(exchange())
    except alertmanager.NotTaken as problem:
        raise Refused(problem.reason, "", problem.remedy) from None
    except fetch.FetchError as problem:
        raise Unreachable(problem.reason, "", problem.remedy) from None
