"""Chaos drills in the room: beginning one, its stopwatches and symptoms, its end."""
