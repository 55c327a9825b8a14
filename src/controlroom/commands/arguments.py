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
OUTBOX: Branches = (
    ("drain", "outbox_drain", "deliver what waits", lambda parser: None),
    ("drop", "outbox_drop", "forget an action that met another's", _conflict),
    ("again", "outbox_again", "hand an action in again, over what stood in its way", _again),
)
STORE: Branches = (("copy", "store_copy", "copy a log to another store, and verify the copy", _copy),)
