"""From meanings to terminal styles: the only place that knows colours.

A table for the whole app rather than component classes: those would be resolved by the stylesheet for
every widget and meaning, two hundred times before the first paint.
"""

from __future__ import annotations

from typing import Literal, get_args

from rich.color import Color
from rich.style import Style

from controlroom.config.themes import Ink as Written
from controlroom.config.themes import ThemeFile
from controlroom.tui.rows import Style as Meaning

Surface = Literal["background", "panel", "cursor"]
SURFACES: tuple[Surface, ...] = get_args(Surface)


class Inks:
    """Every meaning on every surface, and the lines around panes."""

    def __init__(
        self,
        table: dict[tuple[str, Surface], Style],
        frame: Style,
        frame_focus: Style,
        mark: Style,
    ) -> None:
        self._table = table
        self.frame = frame
        self.frame_focus = frame_focus
        self.mark = mark
        """The bar before the cursor's row."""

    def get(self, meaning: str, surface: Surface = "background") -> Style:
        """The style of a meaning; a name nobody knows is plain text."""
        return self._table.get((meaning, surface)) or self._table["text", surface]


def colored(theme: ThemeFile, *, indexed: bool = False) -> Inks:
    """The inks of a theme; `indexed`: the nearest of 256 colours."""
    parse = nearest if indexed else Color.parse
    behind = {surface: parse(theme.surface[surface]) for surface in SURFACES}

    def style(ink: Written, surface: Surface) -> Style:
        background = behind[surface] if ink.background is None else parse(ink.background)
        return Style(color=parse(ink.color), bgcolor=background, bold=ink.bold)

    base = behind["background"]
    return Inks(
        {(name, surface): style(ink, surface) for name, ink in theme.styles.items() for surface in SURFACES},
        frame=Style(color=parse(theme.surface["frame"]), bgcolor=base),
        frame_focus=Style(color=parse(theme.surface["frame-focus"]), bgcolor=base),
        mark=Style(color=parse(theme.surface["frame-focus"]), bgcolor=behind["cursor"]),
    )


def nearest(color: str) -> Color:
    """The colour of the 256 that is nearest to ``#rrggbb``.

    Rich takes the colour cube for whatever has a tint; a dark surface then becomes black or teal where
    one of the greys is much nearer.
    """
    wanted = Color.parse(color).get_truecolor()
    return Color.from_ansi(
        min(_PALETTE, key=lambda n: sum((a - b) ** 2 for a, b in zip(wanted, _PALETTE[n], strict=True)))
    )


_STEPS = (0, 95, 135, 175, 215, 255)
_PALETTE: dict[int, tuple[int, int, int]] = {
    **{
        16 + 36 * r + 6 * g + b: (_STEPS[r], _STEPS[g], _STEPS[b])
        for r in range(6)
        for g in range(6)
        for b in range(6)
    },
    **{232 + n: (8 + 10 * n, 8 + 10 * n, 8 + 10 * n) for n in range(24)},
}
"""xterm's colour cube and greys; the first sixteen are the person's own and could be anything."""

_SIXTEEN: dict[Meaning, Style] = {
    "text": Style(),
    "strong": Style(bold=True),
    "dim": Style(dim=True),
    "title": Style(bold=True),
    "accent": Style(color="cyan"),
    "up": Style(color="green"),
    "degraded": Style(color="yellow"),
    "down": Style(color="red", bold=True),
    "unknown": Style(color="magenta"),
    "maintenance": Style(color="cyan"),
    "ok": Style(color="green"),
    "warn": Style(color="yellow"),
    "breach": Style(color="red", bold=True),
    "info": Style(color="cyan"),
    "wave-past": Style(dim=True),
    "wave-active": Style(color="green"),
    "wave-planned": Style(color="cyan"),
    "wave-design": Style(color="magenta"),
    "today": Style(bold=True),
    "badge-breach": Style(color="white", bgcolor="red", bold=True),
    "badge-warn": Style(color="black", bgcolor="yellow", bold=True),
}


def sixteen() -> Inks:
    """The terminal's own colours and attributes, for sixteen colours and for none (``NO_COLOR``).

    A theme's colours would be rounded to the sixteen, and its surfaces all to black: what is under the
    cursor is reversed instead.
    """
    table: dict[tuple[str, Surface], Style] = {}
    for name, style in _SIXTEEN.items():
        table[name, "background"] = style
        table[name, "panel"] = style
        table[name, "cursor"] = Style(bold=style.bold, reverse=True)
    return Inks(
        table,
        frame=Style(dim=True),
        frame_focus=Style(color="cyan", bold=True),
        mark=Style(reverse=True),
    )
