"""Lines of one promised signal: what it is, why it is not there, since when, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.domain.frozen import dataclass
from controlroom.domain.telemetry import UNKNOWN_CODES, GapCode, SignalReading
from controlroom.tui import gate_words, present
from controlroom.tui.lines import column, line_width, text
from controlroom.tui.panes.telemetry_lines import Part, fitted, label
from controlroom.tui.rows import DrawContext, Line, Span, Style
from controlroom.tui.triage_words import on_this_clock, opened_mark, queued_mark

CODE = max(map(len, GapCode)) + 1
"""Cells of a gap's code, and what parts it from the name, where codes stand below each other."""

ONE_LINE_FROM = 100
"""Narrower than this, a gap's reason and next step have a line of their own where there is room."""

CODE_ABOVE_FROM = 56
"""Narrower than this, a gap of two lines has its code on the second: the name needs the first."""

INDENT = "  "

MARKS = frozenset({"queued", "blocker"})
"""Parts that stand beside a signal's name."""

DATED = frozenset({GapCode.NEVER_SEEN, GapCode.DISAPPEARED})
"""Codes whose reason says since when."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One signal of a squad."""

    squad: str
    reading: SignalReading
    alike: int = 0
    """How many signals of the squad share this reading's unknown state; 0: it stands for itself."""
    labelled: bool = False
    """It says whose it is, as its squad's line may be filtered out."""
    standing: bool = False
    """It says how it stands before the gate, whatever that is."""

    def height(self, *, tall: bool) -> int:
        """Lines it takes. What is well, or not known for the same reason as much else, needs no second."""
        loud = self.reading.code is not GapCode.OK and (
            self.standing or self.reading.code not in UNKNOWN_CODES
        )
        return 2 if tall and loud and not self.alike else 1


def entry_lines(entry: Entry, height: int, ctx: DrawContext) -> Sequence[Line]:
    """A signal in one line, or in two: what it is, then why and what to do."""
    if entry.alike:
        return (text(*_prefix(entry, ctx), *_alike(entry, ctx)),)
    parts = _Parts(entry, ctx)
    prefix = _prefix(entry, ctx)
    width = ctx.width - line_width(prefix)
    if height == 1:
        return (text(*prefix, *parts.one_line(width)),)
    under = INDENT + INDENT
    below = parts.below(ctx.width - len(under), code=ctx.width < CODE_ABOVE_FROM)
    return text(*prefix, *parts.above(width, code=ctx.width >= CODE_ABOVE_FROM)), text(under, *below)


def _prefix(entry: Entry, ctx: DrawContext) -> Line:
    return text(label(entry.squad, ctx), " ") if entry.labelled else (Span(INDENT),)


def _alike(entry: Entry, ctx: DrawContext) -> Line:
    look = present.gap_look(entry.reading.code)
    reason = present.hosts(entry.reading.text, ctx.view)
    return text(
        Span(f"{look.glyph} {entry.alike} signals {look.word}", look.style), Span(f"  {reason}", "dim")
    )


class _Parts:
    """The pieces of one signal's line or lines."""

    def __init__(self, entry: Entry, ctx: DrawContext) -> None:
        self._ctx, self._snapshot = ctx, ctx.snapshot
        self._reading, self._entry = entry.reading, entry
        self._look = present.gap_look(entry.reading.code, ctx.snapshot.gate_rules.fail_codes)
        self._waiver = gate_words.counting(ctx.snapshot, entry.reading.id, ctx.now)
        self._quiet = self._waiver is not None or not entry.reading.signal.required_for_exit

    @property
    def _meant(self) -> bool:
        """Whether its next step is a name, which must be read to its end."""
        return bool(self._reading.near) or (self._reading.hint or "").startswith("did you mean")

    @property
    def _fine(self) -> bool:
        return self._reading.code is GapCode.OK

    def one_line(self, width: int) -> Line:
        """Everything, as far as there is room: the reason before a next step that anybody would guess."""
        head = text(*self._glyph(), *self._code(pad=width >= ONE_LINE_FROM - 8), *self._title())
        parts = (Part("head", head), Part("job", self._job()), *self._told())
        return fitted(parts, ("job", *self._drops(), "stand", "blocker"), width, Span("  "))

    def above(self, width: int, *, code: bool) -> Line:
        """What it is: the first of two lines."""
        head = text(*self._glyph(), *(self._code(pad=False) if code else ()), *self._title())
        marks = (part for part in self._told() if part.name in MARKS)
        parts = (Part("head", head), Part("job", self._job()), *marks)
        return fitted(parts, ("job", "blocker"), width, Span("  "))

    def below(self, width: int, *, code: bool) -> Line:
        """Why, since when and what to do: the second of two lines."""
        said = [part for part in self._told() if part.name not in MARKS]
        if not code:
            return fitted(said, (*self._drops(), "stand"), width)
        word = self._code(pad=False)
        return text(*word, *fitted(said, (*self._drops(), "stand"), width - line_width(word)))

    def _drops(self) -> tuple[str, ...]:
        """What is left out first where there is no room for all that is said of it."""
        if self._waiver is not None:
            return "hint", "meant", "reason", "since"
        return ("reason", "since") if self._meant else ("hint", "since")

    def _glyph(self) -> Line:
        if self._waiver is not None and not self._fine:
            return (Span(f"{present.STANDING['waived'].glyph} ", present.STANDING["waived"].style),)
        return (Span(f"{self._look.glyph} ", "dim" if self._quiet and not self._fine else self._look.style),)

    def _code(self, *, pad: bool) -> Line:
        if self._fine:
            return (column("ok", CODE, "dim"),) if pad else ()
        style: Style = "dim" if self._quiet else self._look.style
        return (column(self._look.word, CODE, style) if pad else Span(f"{self._look.word} ", style),)

    def _title(self) -> Line:
        style: Style = "dim" if self._quiet else "text" if self._fine else "strong"
        return (Span(self._reading.signal.title, style),)

    def _job(self) -> Line:
        return (Span(self._reading.signal.job, "dim"),) if self._reading.signal.job else ()

    def _told(self) -> tuple[Part, ...]:
        """What is said beside its name, in order."""
        reading, ctx = self._reading, self._ctx
        queued = gate_words.queued_on_signals(self._snapshot.outbox).get(reading.id, ())
        return (
            Part("queued", queued_mark(queued, brief=False)),
            Part("blocker", opened_mark(self._snapshot, f"signal:{reading.id}", ctx.now)),
            Part("waived", self._waived()),
            Part("stand", self._stand()),
            Part("since", self._since()),
            Part("reason", () if reading.code in DATED else self._reason()),
            Part("meant" if self._meant else "hint", self._hint()),
        )

    def _reason(self) -> Line:
        said = on_this_clock(self._reading.text, self._snapshot.program, self._ctx.now)
        return (Span(present.hosts(said, self._ctx.view), "dim"),) if said else ()

    def _waived(self) -> Line:
        if self._waiver is None:
            return ()
        words = gate_words.waived_words(self._waiver, self._snapshot, self._ctx.now, self._ctx.view)
        return (Span(words, "maintenance"),)

    def _stand(self) -> Line:
        """How it stands before the gate, unless its code or who waived it says so already."""
        if not self._entry.standing:
            return ()
        if not self._reading.signal.required_for_exit:
            return (Span("not required", "dim"),)
        found = gate_words.stand_of(self._snapshot, self._reading, self._ctx.now)
        said = found.standing == "waived" or (found.standing in ("failing", "unknown") and not self._fine)
        return () if said else gate_words.stand_line(found, self._snapshot, self._ctx.now)

    def _since(self) -> Line:
        if self._reading.code in DATED:
            return self._reason()
        said = gate_words.lasting_words(self._snapshot, self._reading, self._ctx.now)
        return (Span(said, "dim"),) if said else ()

    def _hint(self) -> Line:
        hint = self._reading.hint or ""
        if not hint or self._fine:
            return ()
        near = len(self._reading.near)
        key = self._ctx.view.key("signal.accept")
        takes = f" {key} takes it" if near == 1 else f" {key} takes one of {near}" if near else ""
        return text(Span(hint, "dim" if self._quiet else "accent"), Span(takes, "dim"))
