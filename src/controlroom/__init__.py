"""controlroom: a terminal control room for programmes run by several squads at once."""

__version__ = "0.1.0"
