"""Panes: each a pure reading of the Snapshot into rows; none of them polls, none holds state."""
