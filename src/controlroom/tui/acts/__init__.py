"""Acting from the room: what can be done to what, what is asked for, and what became of it."""
