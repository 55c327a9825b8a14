"""Names that annotations use and nothing else does, made real for whoever reads annotations.

Values name one another's classes in annotations only, and import them for the type checker only: a
command that needs no services and no signals does not pay for their classes. A validator reads them.
"""

from __future__ import annotations

NAMED = (
    *("config.shape", "config.values"),
    *("domain.asks", "domain.board", "domain.calendar", "domain.gate_rules", "domain.maintenance"),
    *(
        "domain.program",
        "domain.rituals",
        "domain.secret",
        "domain.services",
        "domain.signals",
        "domain.waves",
    ),
)
"""The modules whose classes annotations of the configuration name."""


def resolve() -> None:
    """Make every class that an annotation of the configuration names known where it is named."""
    from importlib import import_module

    modules = [import_module(f"controlroom.{name}") for name in NAMED]
    classes = {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    }
    for module in modules:
        for name, value in classes.items():
            vars(module).setdefault(name, value)
