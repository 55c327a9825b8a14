"""Sources turn a part of the world into Observations."""
