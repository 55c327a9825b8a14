"""Real servers found on this machine, started on loopback ports of their own."""
