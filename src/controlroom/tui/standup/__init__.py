"""The standup in the room: its course, its bar, its panes, and the keys that move it on."""
