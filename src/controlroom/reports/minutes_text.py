"""The minutes as people read them: Markdown for the repository, and a few lines for a chat.

Both are made of a document alone. A document read back from disk may have been edited by anybody: whatever is
missing or of another kind reads as not recorded, and nothing raises.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controlroom.domain import zones
from controlroom.domain.instants import parse
from controlroom.domain.text import clean
from controlroom.reports.markdown import code, inline, plain, table

Entry = Mapping[str, Any]

LISTED = 25
"""Lines of one list at most; the rest are counted, and are in the JSON."""

IN_CHAT = 8
"""Decisions and action items told in a chat; the rest are counted."""

_PARTS = {
    "changes": "Changes",
    "blockers": "Blockers",
    "telemetry": "Telemetry and gate",
    "decisions": "Decisions read back",
    "buffer": "Buffer",
}
"""What the parts of a standup are called; those of squads by their names."""

_WHAT = {
    "blocker_opened": "opened",
    "blocker_escalated": "escalated",
    "blocker_resolved": "resolved",
    "item_done": "done",
    "item_regression": "moved back",
    "item_moved": "moved",
    "signal_failing": "signals lost",
    "signal_recovered": "signals back",
    "gate_changed": "gate changes",
    "service_changed": "service changes",
    "milestone_passed": "milestones passed",
    "decision": "decided",
}
"""Kinds of changes that a chat counts."""


def markdown(document: Entry) -> str:
    """The minutes, with the banner first, byte for byte, and a final newline."""
    told = _Told(document)
    sections = [
        told.head(),
        told.captured("Decisions", "decisions"),
        told.tasks(),
        told.blockers(),
        told.changes(),
        told.squads(),
        told.telemetry(),
        told.captured("Notes", "notes"),
        told.captured("Parked", "parked"),
        told.time(),
        told.next(),
        told.unknown(),
    ]
    banner = document.get("_banner")
    text = "\n\n".join("\n".join(lines) for lines in sections if lines)
    return (f"{banner}\n\n" if isinstance(banner, str) and banner else "") + text + "\n"


def chat(document: Entry) -> str:
    """The same in a few lines of plain text, with a final newline; nothing in it calls a channel together."""
    return "".join(f"{line}\n" for line in _Told(document).chat_lines())


def _text(value: object) -> str:
    return clean(value).strip() if isinstance(value, str | int | float) and value != "" else ""


def _entries(value: object) -> list[Entry]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _part(value: object) -> Entry:
    return value if isinstance(value, Mapping) else {}


def _at(value: object) -> dt.datetime | None:
    try:
        return parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _clock(seconds: object) -> str:
    """``03:30``; ``–`` where there is no number."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return "–"
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def _share(part: Entry) -> str:
    """``6/7``; ``?/7`` while a signal of it is not known, as nobody can say how many are there."""
    ok = "?" if part.get("unknown") else _text(part.get("ok"))
    return f"{ok}/{_text(part.get('required'))}"


def _few(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - LISTED
    return [*lines[:LISTED], f"- and {rest} more, listed in the JSON"] if rest > 0 else list(lines)


def _joined(named: Sequence[str]) -> str:
    """What is told in one line; the rest are counted."""
    rest = f"; and {len(named) - LISTED} more" if len(named) > LISTED else ""
    return "; ".join(named[:LISTED]) + rest


def _named(value: object) -> str:
    squad = _part(value)
    return _text(squad.get("name")) or _text(squad.get("id"))


class _Told:
    """One document, said section by section: the lines of each, none where there is nothing to say."""

    def __init__(self, document: Entry) -> None:
        self.document = document
        zone = _text(document.get("tz"))
        try:
            zones.get(zone)
        except ValueError:
            zone = "UTC"
        self.zone = zone or "UTC"
        self.room = _part(document.get("room"))
        self.since = _part(document.get("since"))

    def _when(self, value: object, *, dated: bool = False) -> str:
        """A time on the programme's clock: ``09:12``, or with the date and the zone."""
        at = _at(value)
        if at is None:
            return "at a time not recorded"
        return zones.label(at, self.zone, dated=True) if dated else f"{zones.local(at, self.zone):%H:%M}"

    def _signed(self, entry: Entry) -> str:
        """``Ada, 09:12``."""
        where = " (waits in the outbox)" if entry.get("pending") else ""
        late = "written down later, " if entry.get("late") else ""
        when = self._when(entry.get("at"), dated=bool(entry.get("late")))
        return f"{late}{inline(entry.get('by') or 'nobody named')}, {when}{where}"

    def title(self) -> str:
        date, label = _text(self.document.get("date")), _text(self.document.get("label"))
        try:
            day = f"{dt.date.fromisoformat(date):%a} {date}"
        except ValueError:
            day = date or "on a day not recorded"
        named = _text(self.document.get("title")) or "Ritual"
        return f"{named} — {day}" + (f" ({label})" if label else "")

    def span(self) -> str:
        """``09:00–09:14 PDT``."""
        begun, over = _at(self.document.get("begun_at")), _at(self.document.get("finished_at"))
        if begun is None:
            return "at times not recorded"
        if over is None:
            as_of = self._when(self.document.get("as_of"))
            return f"begun {zones.label(begun, self.zone)}, not finished as of {as_of}"
        first, last = zones.local(begun, self.zone), zones.local(over, self.zone)
        same = first.date() == last.date() and zones.abbreviation(first) == zones.abbreviation(last)
        if same:
            return f"{first:%H:%M}–{last:%H:%M} {zones.abbreviation(last)}"
        return f"{zones.label(begun, self.zone)} – {zones.label(over, self.zone)}"

    def took(self) -> str:
        """``14:10 of 15:00 planned``, with what it was over by."""
        planned, over = self.document.get("planned_s"), self.document.get("over_s")
        taken = _clock(self.document.get("actual_s"))
        said = f"{taken}, no length declared" if planned is None else f"{taken} of {_clock(planned)} planned"
        if isinstance(over, int) and over > 0:
            said += f", over by {_clock(over)}"
        for key, word in (("extended_s", "extended by"), ("paused_s", "and paused for")):
            if isinstance(self.document.get(key), int) and self.document[key] > 0:
                said += f", {word} {_clock(self.document[key])}"
        return said

    def drivers(self) -> str:
        found = []
        for one in _entries(self.document.get("drivers")):
            how = (
                ""
                if one.get("how") == "began"
                else f" ({_text(one.get('how'))}, {self._when(one.get('at'))})"
            )
            found.append((_text(one.get("who")) or "nobody named") + how)
        return ", then ".join(found) or "not recorded"

    def away(self) -> str:
        return ", ".join(_named(one) for one in _entries(self.document.get("not_reported")))

    def head(self) -> list[str]:
        walked = any(one.get("kind") == "squad" for one in _entries(self.document.get("segments")))
        away = self.away() or ("nobody, every squad reported" if walked else "")
        return [
            f"# {inline(self.title())}",
            "",
            f"- Programme: {inline(self.document.get('program_title') or 'not recorded')}",
            f"- Held: {self.span()}",
            f"- Driver: {inline(self.drivers())}",
            f"- Time: {self.took()}",
            f"- Attendance: {inline(self.document.get('attendance') or 'not recorded')}",
            *([f"- Not reported: {inline(away)}"] if away else []),
        ]

    def captured(self, title: str, key: str) -> list[str]:
        """Decisions, notes or parked topics, verbatim; decisions also where there are none."""
        entries = _entries(self.document.get(key))
        lines = [f"- {inline(one.get('text'))} — {self._about(one)}{self._signed(one)}" for one in entries]
        lines += self._on_blockers() if key == "decisions" else []
        if not lines:
            return ["## Decisions", "", "None recorded."] if key == "decisions" else []
        return [f"## {title}", "", *lines]

    def _on_blockers(self) -> list[str]:
        """What was decided of blockers that could not be passed otherwise."""
        found = _part(self.document.get("blockers"))
        return [
            f"- {inline(one.get('summary'))}: {inline(deed.get('text'))} — {self._signed(deed)}"
            for key in ("carried", "new")
            for one in _entries(found.get(key))
            for deed in _entries(one.get("decided"))
            if deed.get("kind") in ("direct", "accept")
        ]

    def _about(self, entry: Entry) -> str:
        squad, about = _named(entry.get("squad")), _text(entry.get("about"))
        return (f"{inline(squad)}, " if squad else "") + (f"on {code(about)}, " if about else "")

    def tasks(self) -> list[str]:
        entries = _entries(self.document.get("actions"))
        if not entries:
            return ["## Action items", "", "None recorded."]
        rows = [
            [
                inline(one.get("owner") or "nobody named"),
                inline(one.get("text")),
                inline(one.get("due") or "no date"),
                f"{self._about(one)}{self._signed(one)}",
            ]
            for one in entries
        ]
        return ["## Action items", "", *table(["Who", "What", "Due", "Recorded by"], rows)]

    def blockers(self) -> list[str]:
        found = _part(self.document.get("blockers"))
        parts = [
            ("Carried over", [self._carried(one) for one in _entries(found.get("carried"))]),
            ("Here for the first time", [self._carried(one) for one in _entries(found.get("new"))]),
            *(
                (title, [self._done(one) for one in _entries(found.get(key))])
                for title, key in (
                    ("Opened in it", "opened"),
                    ("Escalated in it", "escalated"),
                    ("Resolved in it", "resolved"),
                )
            ),
        ]
        lines = [line for title, told in parts if told for line in ("", f"### {title}", "", *_few(told))]
        return ["## Blockers", *(lines or ["", "None stood, and none was opened."])]

    def _who_waits(self, one: Entry) -> str:
        waiter, on = _named(one.get("owning_squad")), _named(one.get("blocking_squad"))
        waits = (
            f"{waiter or 'a squad not named'} waits on {on or 'a squad not named'}" if waiter or on else ""
        )
        owner = f"owner {_text(one.get('owner'))}" if _text(one.get("owner")) else "no owner"
        return "; ".join(inline(part) for part in (owner, waits) if part)

    def _carried(self, one: Entry) -> str:
        standups, unchanged = one.get("standups"), one.get("unchanged")
        streak = ""
        if isinstance(standups, int) and standups > 1:
            same = f", unchanged at {unchanged}" if isinstance(unchanged, int) and unchanged > 1 else ""
            streak = f"; at {standups} standups now{same}"
        decided = [f"{inline(d.get('text'))} ({self._signed(d)})" for d in _entries(one.get("decided"))]
        decided += [f"noted: {inline(d.get('text'))} ({self._signed(d)})" for d in _entries(one.get("said"))]
        decided += [f"{inline(d.get('text'))} ({self._signed(d)})" for d in _entries(one.get("noted"))]
        became = "; ".join(decided) or "nothing was decided on it"
        return f"- {inline(one.get('summary'))} — {self._who_waits(one)}{streak}. Here: {became}"

    def _done(self, one: Entry) -> str:
        more = ""
        if one.get("kind") == "escalate" and one.get("next_update_due"):
            more = f"; next update {self._when(one['next_update_due'], dated=True)}"
        elif one.get("kind") == "resolve":
            helped = _text(one.get("mitigation"))
            more = f"; {inline(helped)}" if helped else "; no mitigation recorded"
        elif one.get("kind") == "reopen":
            more = "; opened again"
        return f"- {inline(one.get('summary'))} — {self._who_waits(one)}{more} ({self._signed(one)})"

    def changes(self) -> list[str]:
        since, changes = self.since, self.since.get("changes")
        head = ["## Changes since the last standup", ""]
        why = inline(since.get("why") or "no reason recorded")
        if not isinstance(changes, list):
            return [*head, f"Not recorded: {why}."]
        until = {"room": "its end"}.get(_text(since.get("to")), "its beginning")
        told = [f"- {self._changed_to(one)}" for one in _entries(changes)]
        known = [f"- now known: {inline(one.get('text'))}" for one in _entries(since.get("now_known"))]
        basis = f"From {code(since.get('from'))} to {until}: {why}."
        return [*head, basis, "", *(_few(told) or ["Nothing changed."]), *_few(known)]

    def _changed_to(self, one: Entry) -> str:
        said = _text(one.get("text"))
        return inline(f"decided: {said}" if one.get("category") == "decision" else said)

    def squads(self) -> list[str]:
        entries = _entries(self.document.get("squads"))
        if not entries:
            return []
        lines = ["## Squads"]
        if not isinstance(self.room.get("cards"), Mapping):
            lines += ["", "How the cards stood was not recorded."]
        elif self.room.get("from") != "room":
            as_of = self._when(self.room.get("as_of"))
            lines += ["", f"Cards as of {as_of}, from {code(self.room.get('from'))}."]
        nobodys = self.room.get("no_squad")
        if isinstance(nobodys, int) and not isinstance(nobodys, bool) and nobodys > 0:
            belong = "1 card belongs" if nobodys == 1 else f"{nobodys} cards belong"
            lines += ["", f"{belong} to no squad: how they stand is not told here."]
        for one in entries:
            lines += ["", *self._squad(one)]
        return lines

    def _squad(self, one: Entry) -> Iterator[str]:
        away = " — not reported" if one.get("reported") is False else ""
        yield f"### {inline(_named(one) or 'Cards of no squad')}{away}"
        yield ""
        lines = [*self._moves(one), *self._stood(_text(one.get("id")))]
        yield from lines or ["- Nothing recorded"]

    def _moves(self, one: Entry) -> Iterator[str]:
        done = self._done_since(_text(one.get("id")))
        if done:
            yield f"- Done since the last standup: {_joined(done)}"
        for move in _entries(one.get("moves")):
            said = inline(move.get("text"))
            if move.get("to"):
                said = " → ".join(inline(str(part).replace("_", " ")) for part in _ends(move))
            yield f"- Moved in it: {inline(move.get('epic'))}: {said} ({self._signed(move)})"

    def _done_since(self, squad: str) -> list[str]:
        """Cards that were done when it began and had not been at the baseline."""
        cards = _part(self.since.get("done")).get(squad)
        return [inline(one) for one in cards if isinstance(one, str)] if isinstance(cards, list) else []

    def _stood(self, squad: str) -> Iterator[str]:
        cards = _part(_part(self.room.get("cards")).get(squad))
        for key, title in (("blocked", "Blocked"), ("in_progress", "In progress")):
            found = [self._card(card) for card in _entries(cards.get(key))]
            if found:
                yield f"- {title}: {_joined(found)}"
        gaps = [self._gap(gap) for gap in _entries(self.room.get("gaps")) if gap.get("squad") == squad]
        if gaps:
            yield f"- Telemetry gaps: {_joined(gaps)}"

    def _card(self, card: Entry) -> str:
        facts = [_text(card.get("owner")) or "no owner", _text(card.get("age"))]
        if isinstance(card.get("progress"), int):
            facts.append(f"{card['progress']} %")
        named = _text(card.get("epic")) or _text(card.get("id"))
        return f"{inline(named)} ({', '.join(inline(fact) for fact in facts if fact)})"

    def _gap(self, gap: Entry) -> str:
        topic = _text(gap.get("topic"))
        what = f"topic {topic}" if topic else _text(gap.get("metric")) or "no signal declared"
        why = _text(gap.get("text"))
        return f"{inline(what)} {code(gap.get('code'))}" + (f", {inline(why)}" if why else "")

    def telemetry(self) -> list[str]:
        if not self.document.get("segments") and not self.room.get("gates"):
            return []
        head = ["## Telemetry and gates", ""]
        if not self.room.get("from"):
            return [*head, "Not recorded: nobody kept how they stood then."]
        lines = [self._gate(one) for one in _entries(self.room.get("gates"))]
        squads = {_text(one.get("id")) for one in _entries(self.document.get("squads"))}
        gaps = [one for one in _entries(self.room.get("gaps")) if _text(one.get("squad")) not in squads]
        lines += _few([f"- {inline(one.get('squad'))}: {self._gap(one)}" for one in gaps])
        asked, count = self.room.get("signals"), len(_entries(self.room.get("gaps")))
        unasked = _entries(self.room.get("unasked"))
        if isinstance(asked, int) and asked:
            delivered = asked - count - len(unasked)
            lines.append(f"- Signals: {delivered} of {asked} delivered, {count} gaps, {len(unasked)} unknown")
        elif asked == 0:
            lines.append("- No signal is declared")
        for why, number in _grouped(unasked):
            lines.append(f"- Unknown: {number} {'signal' if number == 1 else 'signals'}, {inline(why)}")
        lines += _few([self._service(one) for one in _entries(self.room.get("services"))])
        return [*head, *(lines or ["Nothing is declared."])]

    def _gate(self, gate: Entry) -> str:
        verdict = _text(gate.get("verdict")).replace("_", " ") or "UNKNOWN"
        wave = _text(gate.get("name")) or _text(gate.get("wave"))
        said = f"- Gate of {inline(wave)}: {inline(verdict)}"
        if gate.get("required"):
            known = isinstance(gate.get("pct"), int) and not gate.get("unknown")
            said += f", {_share(gate)} signals" + (f", {gate['pct']} %" if known else "")
        names = {_text(one.get("id")): one.get("name") for one in _entries(self.document.get("squads"))}
        parts = [
            f"{inline(names.get(_text(one.get('squad'))) or one.get('squad'))}"
            f" {inline(_text(one.get('verdict')).replace('_', ' '))}"
            + (f" {_share(one)}" if one.get("required") else "")
            for one in _entries(gate.get("squads"))
            if one.get("verdict") != "PASS"
        ]
        return f"{said}; not passed: {', '.join(parts)}" if parts and gate.get("required") else said

    def _service(self, one: Entry) -> str:
        name = _text(one.get("name")) or _text(one.get("id"))
        caused = f", caused by {_text(one.get('caused_by'))}" if one.get("caused_by") else ""
        error = f": {_text(one.get('error'))}" if one.get("error") else ""
        return (
            f"- Service {inline(name)} {inline(_text(one.get('state')) or 'unknown')}{inline(caused + error)}"
        )

    def time(self) -> list[str]:
        entries = _entries(self.document.get("segments"))
        if not entries:
            return []
        rows = [self._row(one) for one in entries]
        doc = self.document
        planned, over = doc.get("planned_s"), doc.get("over_s")
        whole = ["Whole", _clock(planned), _clock(doc.get("actual_s")), f"+{_clock(over)}" if over else ""]
        return ["## Time", "", *table(["Part", "Planned", "Actual", "Over"], [*rows, whole])]

    def _row(self, one: Entry) -> list[str]:
        kind = _text(one.get("kind"))
        name = _named(one.get("squad")) if one.get("squad") else _PARTS.get(kind, kind)
        more = one.get("extended_s")
        planned = _clock(one.get("planned_s")) + (f" + {_clock(more)}" if more else "")
        actual = "skipped" if one.get("skipped") else "not reached"
        if isinstance(one.get("actual_s"), int) and not (one.get("skipped") and not one["actual_s"]):
            actual = _clock(one["actual_s"])
        return [inline(name), planned, actual, f"+{_clock(one.get('over_s'))}" if one.get("over_s") else ""]

    def next(self) -> list[str]:
        first, own = _part(self.document.get("next")), _part(self.document.get("next_of_this"))
        lines = [f"- {self._coming(one)}" for one in (first, own if own != first else {}) if one]
        return ["## Next", "", *(lines or ["No ritual is declared after this one."])]

    def _coming(self, one: Entry) -> str:
        day = " (all day)" if one.get("all_day") else ""
        parts = [f"{_text(one.get('title'))}: {_text(one.get('label'))}{day}", _text(one.get("scenario"))]
        parts += [_text(one.get("owner")) and f"owner {_text(one.get('owner'))}"]
        flags = one.get("flags")
        parts += [_text(flag) for flag in flags] if isinstance(flags, list) else []
        return inline(" · ".join(part for part in parts if part))

    def unknown(self) -> list[str]:
        entries = _entries(self.room.get("unknown"))
        lines = [
            f"- {inline(one.get('kind'))} {code(one.get('id'))}: {inline(one.get('text'))}" for one in entries
        ]
        return ["## Not known", "", *_few(lines)] if lines else []

    def chat_lines(self) -> Iterator[str]:
        yield plain(f"{self.title()}: {self.span()}, driver {self.drivers()}, {self.took()}")
        yield plain(self._changed())
        found = _part(self.document.get("blockers"))
        counts = ((len(_entries(found.get(key))), key) for key in ("opened", "escalated", "resolved"))
        carried = [one for one in _entries(found.get("carried")) if one.get("state") != "resolved"]
        parts = [f"{number} {key}" for number, key in counts]
        stood = f"{len(_entries(found.get('new')))} here for the first time, {len(carried)} carried over"
        yield f"Blockers: {stood}; in it {', '.join(parts)}"
        for title, key in (("Decisions", "decisions"), ("Action items", "actions"), ("Parked", "parked")):
            entries = _entries(self.document.get(key))
            if entries:
                yield f"{title}:"
                yield from (f"- {self._chat_entry(one)}" for one in entries[:IN_CHAT])
            if len(entries) > IN_CHAT:
                yield f"- and {len(entries) - IN_CHAT} more"
        if self.away():
            yield plain(f"Not reported: {self.away()}")
        coming = _part(self.document.get("next_of_this")) or _part(self.document.get("next"))
        if coming:
            yield plain(f"Next: {_text(coming.get('title'))} {_text(coming.get('label'))}")

    def _chat_entry(self, one: Entry) -> str:
        who = _text(one.get("owner"))
        due = f" (due {_text(one.get('due'))})" if one.get("due") else ""
        return plain(f"{f'{who}: ' if who else ''}{_text(one.get('text'))}{due}")

    def _changed(self) -> str:
        changes = self.since.get("changes")
        if not isinstance(changes, list):
            return "Since the last standup: not recorded"
        kinds = [_text(one.get("category")) for one in _entries(changes)]
        said = [f"{kinds.count(kind)} {word}" for kind, word in _WHAT.items() if kind in kinds]
        others = len([kind for kind in kinds if kind not in _WHAT])
        said += [f"{others} other changes" if others > 1 else "1 other change"] if others else []
        return f"Since the last standup: {', '.join(said) or 'nothing changed'}"


def _ends(move: Entry) -> list[str]:
    return [_text(move.get("from")) or "unknown", _text(move.get("to"))]


def _grouped(entries: Sequence[Entry]) -> list[tuple[str, int]]:
    """Reasons, and how many have each, in the order in which they come."""
    counts: dict[str, int] = {}
    for one in entries:
        why = _text(one.get("text")) or "no reason recorded"
        counts[why] = counts.get(why, 0) + 1
    return list(counts.items())
