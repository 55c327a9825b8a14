"""Documents the room writes: status JSON, calendar files."""
