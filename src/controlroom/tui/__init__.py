"""The room in a terminal (Textual)."""
