"""Names that annotations use and nothing else does, made real for whoever reads annotations.

Values name one another's classes in annotations only, and import them for the type checker only: a
command that needs no services and no signals does not pay for their classes. A validator reads them.
"""

from __future__ import annotations


def resolve() -> None:
    """Make every class that an annotation of the configuration names known where it is named."""
    from controlroom.config import shape, values
    from controlroom.domain import (
        asks,
        board,
        calendar,
        gate_rules,
        maintenance,
        program,
        rituals,
        secret,
        services,
        signals,
        waves,
    )

    domain = (
        asks,
        board,
        calendar,
        gate_rules,
        maintenance,
        program,
        rituals,
        secret,
        services,
        signals,
        waves,
    )
    modules = (shape, values, *domain)
    classes = {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    }
    for module in modules:
        for name, value in classes.items():
            vars(module).setdefault(name, value)
