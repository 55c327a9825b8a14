"""Renew the generated parts of README.md: the key table, from the one table of actions."""

from __future__ import annotations

import re
from pathlib import Path

from controlroom.tui.keys import markdown_table

README = Path(__file__).resolve().parent.parent / "README.md"


def renewed(text: str) -> str:
    """`text` with its key table as it is now."""
    table = f"<!-- keys -->\n{markdown_table()}<!-- /keys -->"
    return re.sub(r"<!-- keys -->.*?<!-- /keys -->", lambda _: table, text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
