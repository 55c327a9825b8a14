"""The squads' Markdown, read by structure."""
