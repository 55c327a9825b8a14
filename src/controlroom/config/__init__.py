"""controlroom.toml as one immutable value. Every error names file and key, with a remedy."""
