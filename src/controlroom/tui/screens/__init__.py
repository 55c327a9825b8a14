"""Screens: the room, and what opens above it."""
