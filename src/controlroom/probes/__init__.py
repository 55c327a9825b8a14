"""Probes: one file per kind of service, one line in the registry each."""
