"""A theme file as Textual and the widgets need it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from controlroom.config.themes import ThemeFile

if TYPE_CHECKING:
    from textual.theme import Theme


def textual_theme(theme: ThemeFile, *, ansi: bool = False) -> Theme:
    """What Textual's own widgets (palette, text field, notices) are coloured with.

    `ansi`: the terminal's own sixteen colours instead of the theme's.
    """
    from textual.theme import BUILTIN_THEMES, Theme

    if ansi:
        return replace(BUILTIN_THEMES["ansi-dark" if theme.dark else "ansi-light"], name=theme.name)
    ink = {name: style.color for name, style in theme.styles.items()}
    surface = theme.surface
    return Theme(
        name=theme.name,
        primary=ink["accent"],
        secondary=ink["info"],
        accent=ink["accent"],
        warning=ink["warn"],
        error=ink["down"],
        success=ink["ok"],
        foreground=ink["text"],
        background=surface["background"],
        surface=surface["panel"],
        panel=surface["panel"],
        boost=surface["cursor"],
        dark=theme.dark,
        variables={
            "block-cursor-foreground": ink["strong"],
            "block-cursor-background": surface["cursor"],
            "block-cursor-text-style": "bold",
            "block-cursor-blurred-foreground": ink["strong"],
            "block-cursor-blurred-background": surface["cursor"],
            "block-cursor-blurred-text-style": "bold",
            "border": surface["frame-focus"],
            "border-blurred": surface["frame"],
            "input-cursor-background": ink["text"],
            "input-cursor-foreground": surface["background"],
            "input-selection-background": surface["cursor"],
        },
    )
