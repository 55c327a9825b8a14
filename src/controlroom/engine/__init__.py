"""The engine: polls sources, folds what they bring into one Snapshot. No client library, no Textual."""
