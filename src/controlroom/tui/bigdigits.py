"""Large digits for what is read from across the room: a countdown, `NOW`.

`large` draws three lines of box characters, `huge` five lines of blocks; both have ASCII twins.
"""

from __future__ import annotations

LARGE_HEIGHT = 3
HUGE_HEIGHT = 5

_BOXES = {
    "0": ("╭─╮", "│ │", "╰─╯"),
    "1": ("╶╮ ", " │ ", "╶┴╴"),
    "2": ("╶─╮", "╭─╯", "╰─╴"),
    "3": ("╶─╮", "╶─┤", "╶─╯"),
    "4": ("╷ ╷", "╰─┤", "  ╵"),
    "5": ("╭─╴", "╰─╮", "╶─╯"),
    "6": ("╭─╴", "├─╮", "╰─╯"),
    "7": ("╶─╮", "  │", "  ╵"),
    "8": ("╭─╮", "├─┤", "╰─╯"),
    "9": ("╭─╮", "╰─┤", "╶─╯"),
    "N": ("╭─╮", "│ │", "╵ ╵"),
    "O": ("╭─╮", "│ │", "╰─╯"),
    "W": ("╷╷╷", "│││", "╰┴╯"),
    ":": ("   ", " : ", "   "),
    "?": ("╶─╮", " ╶╯", " ╵ "),
    " ": (" ", " ", " "),
}

_SEGMENTS = {
    "0": (" _ ", "| |", "|_|"),
    "1": ("   ", "  |", "  |"),
    "2": (" _ ", " _|", "|_ "),
    "3": (" _ ", " _|", " _|"),
    "4": ("   ", "|_|", "  |"),
    "5": (" _ ", "|_ ", " _|"),
    "6": (" _ ", "|_ ", "|_|"),
    "7": (" _ ", "  |", "  |"),
    "8": (" _ ", "|_|", "|_|"),
    "9": (" _ ", "|_|", " _|"),
    "N": ("   ", "|\\|", "| |"),
    "O": (" _ ", "| |", "|_|"),
    "W": ("   ", "| |", "|^|"),
    ":": ("   ", " . ", " . "),
    "?": (" _ ", " _|", " . "),
    " ": (" ", " ", " "),
}

_PIXELS = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    "N": ("###", "# #", "# #", "# #", "# #"),
    "O": ("###", "# #", "# #", "# #", "###"),
    "W": ("# #", "# #", "# #", "###", "# #"),
    ":": (" ", "#", " ", "#", " "),
    "?": ("###", "  #", " ##", "   ", " # "),
    " ": (" ", " ", " ", " ", " "),
}


def large(value: str, *, ascii_only: bool = False) -> tuple[str, str, str]:
    """`value` in three lines; a unit such as ``d``, ``h``, ``m`` stands small beside its number."""
    font = _SEGMENTS if ascii_only else _BOXES
    glyphs = [font.get(character, (" ", " ", character)) for character in value]
    top, middle, bottom = ("".join(glyph[line] for glyph in glyphs) for line in range(LARGE_HEIGHT))
    return top, middle, bottom


def huge(value: str, *, ascii_only: bool = False) -> tuple[str, ...]:
    """`value` in five lines, each pixel two cells wide."""
    block = "#" if ascii_only else "█"
    lines = []
    for line in range(HUGE_HEIGHT):
        parts = []
        for character in value:
            pixels = _PIXELS.get(character)
            if pixels is None:
                parts.append(f"{character} " if line == HUGE_HEIGHT - 1 else "  ")
            else:
                parts.append("".join((block if pixel == "#" else " ") * 2 for pixel in pixels[line]) + " ")
        lines.append(" ".join(parts).rstrip())
    return tuple(lines)
