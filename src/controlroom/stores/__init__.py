"""What is kept on disk: status files, and the room as it was last seen."""
