"""Arguments of the commands that act, declared when one of them is called."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable

Arguments = Callable[[ArgumentParser], None]
Branches = tuple[tuple[str, str, str, Arguments], ...]
"""Word after the command, the function that runs it, help, arguments."""


def _signed(parser: ArgumentParser) -> None:
    """What every action takes."""
    group = parser.add_argument_group("the action")
    group.add_argument("--by", metavar="NAME", help="who acts; else [triage].by, else the login name")
    group.add_argument(
        "--id", metavar="U", dest="action_id", help="the action's own id: repeated, it is written once"
    )
    seen = group.add_mutually_exclusive_group()
    seen.add_argument(
        "--seen", metavar="ACTION_ID", help="the last action on it that you saw: refuse when it has moved"
    )
    seen.add_argument("--any", action="store_true", help="whatever has happened to it (the default)")


def _verb(*more: Arguments) -> Arguments:
    """Arguments of a verb about something that is there: its id, then `more`."""

    def declare(parser: ArgumentParser) -> None:
        parser.add_argument("item", metavar="ID", help="the blocker's or the card's id")
        for arguments in more:
            arguments(parser)
        _signed(parser)

    return declare


def _squads(parser: ArgumentParser) -> None:
    parser.add_argument("--owning", metavar="SQUAD", help="the squad whose work is held up")
    parser.add_argument("--blocking", metavar="SQUAD", help="the squad whose delivery it waits on")


def _open(parser: ArgumentParser) -> None:
    parser.add_argument("--summary", metavar="TEXT", help="what holds work up, in a line")
    parser.add_argument("--owner", metavar="NAME", help="who sees to it")
    _squads(parser)
    parser.add_argument("--item", metavar="CARD", dest="card", help="id of the card that it holds up")
    parser.add_argument("--eta", metavar="INSTANT", help="when it should be over")
    parser.add_argument("--link", metavar="URL", action="append", help="where more is written; repeatable")
    parser.add_argument("--opened-at", metavar="INSTANT", help="since when it is there; else now")
    parser.add_argument("--text", metavar="TEXT", help="more than the summary says")
    parser.add_argument("--about", metavar="WHAT", help="what it was opened from, such as service:kafka")
    _signed(parser)


def _to(parser: ArgumentParser) -> None:
    parser.add_argument("--to", metavar="NAME", help="who sees to it from now on")


def _escalation(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--eta", "--next-update", metavar="INSTANT", dest="eta", help="when the next update is due"
    )
    parser.add_argument("--post", action="store_true", help="send the text to [triage].webhook as well")


def _snooze(parser: ArgumentParser) -> None:
    parser.add_argument("--until", metavar="INSTANT|RITUAL", help="an instant, or a ritual's next occurrence")
    _why(parser)


def _why(parser: ArgumentParser) -> None:
    parser.add_argument("--why", metavar="TEXT", help="the reason")


def _mitigation(parser: ArgumentParser) -> None:
    parser.add_argument("--mitigation", metavar="TEXT", help="what helped")


def _text(parser: ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", help="the note; put -- before it if it begins with -")


def _set(parser: ArgumentParser) -> None:
    parser.add_argument("--status", metavar="S", help="not started, in progress, blocked or done")
    parser.add_argument("--owner", metavar="NAME", help="who sees to it from now on")
    _squads(parser)


def _conflict(parser: ArgumentParser) -> None:
    parser.add_argument("action_id", metavar="ID", help="the action's id, as controlroom outbox shows it")


def _again(parser: ArgumentParser) -> None:
    _conflict(parser)
    parser.add_argument("--by", metavar="NAME", help="who acts; else [triage].by, else the login name")


def _copy(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="FROM", help="where the log is, such as dir:log")
    parser.add_argument("target", metavar="TO", help="where it shall be, such as redis://host:6379/0")


def log(parser: ArgumentParser) -> None:
    """Arguments of `log`."""
    parser.add_argument("--since", type=int, default=0, metavar="REV", help="only what came after this rev")
    parser.add_argument("--item", metavar="ID", help="only what is about this blocker or card")
    parser.add_argument("--follow", action="store_true", help="a line per new action, until interrupted")
    parser.add_argument("--raw", action="store_true", help="each action's stored bytes, a line each")


def _waiver(parser: ArgumentParser) -> None:
    parser.add_argument("squad", metavar="SQUAD", help="the squad that promised it")
    parser.add_argument("signal", metavar="METRIC", help="the metric or the topic")
    parser.add_argument(
        "--job", metavar="JOB", help="its job, where it is promised for several; * is any job"
    )


def _waive(parser: ArgumentParser) -> None:
    _waiver(parser)
    parser.add_argument("--until", metavar="INSTANT|RITUAL", help="when the excuse is over")
    _why(parser)
    _signed(parser)


def _unwaive(parser: ArgumentParser) -> None:
    _waiver(parser)
    _why(parser)
    _signed(parser)


def _manager(parser: ArgumentParser) -> None:
    parser.add_argument("--server", metavar="ID", help="the Alertmanager, where several are configured")


def _silence(parser: ArgumentParser) -> None:
    parser.add_argument(
        "matchers",
        nargs="+",
        metavar="MATCHER",
        help='as amtool writes it, such as alertname=Flood job=~"a|b"',
    )
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--for", metavar="DURATION", dest="lasting", help="how long, such as 2h or 45m")
    end.add_argument("--until", metavar="INSTANT", help="when it ends, such as 2025-10-06T16:00:00Z")
    _why(parser)
    parser.add_argument("--by", metavar="NAME", help="who sets it; else [triage].by, else the login name")
    _manager(parser)
    parser.add_argument(
        "--yes", action="store_true", help="set it; without this it only says what it matches"
    )


def _expire(parser: ArgumentParser) -> None:
    parser.add_argument("silence", metavar="ID", help="the silence's id, as controlroom alerts shows it")
    _manager(parser)
    parser.add_argument(
        "--yes", action="store_true", help="end it; without this it only says what it silences"
    )


def _assign(parser: ArgumentParser) -> None:
    parser.add_argument(
        "rule", metavar="LABEL=VALUE", help="what the alerts have in common, such as job=locks"
    )
    parser.add_argument("squad", metavar="SQUAD", help="the squad they belong to")
    parser.add_argument("--by", metavar="NAME", help="who says so; else [triage].by, else the login name")
    _manager(parser)
    parser.add_argument(
        "--write", action="store_true", help="write it; without this the change is only shown"
    )


def _accept(parser: ArgumentParser) -> None:
    parser.add_argument("squad", metavar="SQUAD", help="the squad that promised it")
    parser.add_argument("metric", metavar="METRIC", help="the metric as it is promised now")
    parser.add_argument("name", metavar="NAME", help="the metric as it is exported")
    parser.add_argument(
        "--job", metavar="JOB", help="its job, where it is promised for several; * is any job"
    )
    parser.add_argument("--by", metavar="NAME", help="who accepts it; else [triage].by, else the login name")
    parser.add_argument("--write", action="store_true", help="write it; else only the difference is shown")


def _propose(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--squad", metavar="SQUAD", nargs="+", action="extend", help="only for these squads; else for all"
    )
    parser.add_argument("--days", metavar="N", type=int, default=7, help="how far to look back (7)")
    parser.add_argument("--server", metavar="ID", help="only this [[prometheus]]; else all of them")
    parser.add_argument("--output", metavar="FILE", help="where to write the TOML; else stdout")
    parser.add_argument("--force", action="store_true", help="overwrite the file if it is there")


BLOCKER: Branches = (
    ("open", "blocker", "say that something holds work up", _open),
    ("acknowledge", "blocker", "say that you have seen it", _verb()),
    ("assign", "blocker", "give it an owner", _verb(_to)),
    ("wait-on", "blocker", "say which squad waits on which", _verb(_squads)),
    ("escalate", "blocker", "escalate it, with the text for the channel", _verb(_escalation)),
    ("snooze", "blocker", "put it off until an instant or a ritual", _verb(_snooze)),
    ("resolve", "blocker", "say that it is over, and what helped", _verb(_mitigation)),
    ("reopen", "blocker", "say that it is not over after all", _verb(_why)),
    ("note", "blocker", "add a note to its history", _verb(_text)),
    ("undo", "blocker", "take back your last action on it", _verb()),
)
ITEM: Branches = (
    ("set", "item", "move a card, give it an owner, or say whom it waits on", _verb(_set)),
    ("note", "item", "add a note to its history", _verb(_text)),
    ("undo", "item", "take back your last action on it", _verb()),
)
GATE: Branches = (
    ("waive", "gate_waive", "excuse a signal before the gate, for a reason and until a time", _waive),
    ("unwaive", "gate_waive", "end such an excuse", _unwaive),
    ("waivers", "gate_waivers", "list who excused what, why and until when", lambda parser: None),
)
ALERTS: Branches = (
    ("silence", "alerts_silence", "see what a silence would match, and set it", _silence),
    ("expire", "alerts_expire", "end a silence before its time", _expire),
    ("assign", "alerts_assign", "say whose alerts with a label are, in the configuration", _assign),
)
TELEMETRY: Branches = (
    ("accept", "telemetry_accept", "take a metric's exported name into the configuration", _accept),
    ("propose", "telemetry_propose", "draft signals from Prometheus and the documents", _propose),
)
OUTBOX: Branches = (
    ("drain", "outbox_drain", "deliver what waits", lambda parser: None),
    ("drop", "outbox_drop", "forget an action that met another's", _conflict),
    ("again", "outbox_again", "hand an action in again, over what stood in its way", _again),
)
STORE: Branches = (("copy", "store_copy", "copy a log to another store, and verify the copy", _copy),)


def _capture(parser: ArgumentParser) -> None:
    parser.add_argument("--date", metavar="DATE", help="the day it is kept under; else today")
    parser.add_argument(
        "--junit", metavar="FILE", action="append", help="a JUnit file of the smoke tests; repeatable"
    )
    parser.add_argument("--ritual", metavar="ID", help="the ritual whose checklist is kept with it")


def _verify(parser: ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", metavar="DATE|FOLDER", help="a day, or a folder; else the newest")


EVIDENCE: Branches = (
    ("capture", "evidence_capture", "keep what is to be seen now", _capture),
    ("verify", "evidence_verify", "say whether what was kept is still what was kept", _verify),
)


def _ritual(parser: ArgumentParser) -> None:
    parser.add_argument("--ritual", metavar="ID", help="which drill, where there are several")
    parser.add_argument("--date", metavar="DATE", help="the day it is held for; else today")


def _drilling(*more: Arguments) -> Arguments:
    def declare(parser: ArgumentParser) -> None:
        for arguments in more:
            arguments(parser)
        _ritual(parser)
        _signed(parser)

    return declare


def _beginning(parser: ArgumentParser) -> None:
    parser.add_argument("--scenario", metavar="TEXT", help="else that of the programme week")
    parser.add_argument("--service", metavar="ID", action="append", help="who will suffer; repeatable")
    parser.add_argument("--no-silence", action="store_true", help="silence no alert")


def _symptom(parser: ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", help="the symptom that is to be seen, as it is listed or new")


def _mark(parser: ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", metavar="TEXT", help="how it was put in")


def _reported(parser: ArgumentParser) -> None:
    _ritual(parser)
    parser.add_argument("--write", action="store_true", help="write it into the status folder")


DRILL: Branches = (
    ("begin", "drill_begin", "begin the drill: baseline, silence, stopwatches", _drilling(_beginning)),
    ("injected", "drill_injected", "say that the fault is in: times count from now", _drilling(_mark)),
    ("symptom", "drill_symptom", "say that a symptom is to be seen", _drilling(_symptom)),
    ("finish", "drill_finish", "end it and write its report", _drilling()),
    ("report", "drill_report", "how it went: detection, recovery, what no metric showed", _reported),
)


def _channel(parser: ArgumentParser) -> None:
    parser.add_argument("channel", metavar="CHANNEL", help="its id in [[notify]]")


NOTIFY: Branches = (("test", "notify_test", "tell a channel that it is heard", _channel),)
