"""What can be wrong with a configuration: each finding with file, key, line and remedy."""

from __future__ import annotations

from pathlib import Path

from controlroom.domain.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One reason why the room cannot be opened with this configuration, or cannot be trusted with it."""

    file: str
    key: str
    """Such as ``squads[2].signals[0].metric``, counted from 0; empty for the file as a whole."""
    line: int | None
    """1-based; None where no line can be named."""
    message: str
    remedy: str = ""

    @property
    def where(self) -> str:
        """``controlroom.toml:12: services[0].url``, as far as it is known."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}" if self.key else place

    def __str__(self) -> str:
        return f"{self.message}: {self.where}"


@dataclass(frozen=True, slots=True)
class ConfigWarning(ConfigError):
    """Something that works, and that whoever wrote it may want to know."""


class ConfigErrors(Exception):
    """Everything that is wrong with one configuration, at once, in the order of the file."""

    def __init__(self, errors: tuple[ConfigError, ...]) -> None:
        self.errors = errors
        super().__init__("\n".join(map(str, errors)))


@dataclass(frozen=True, slots=True)
class Problems:
    """What `check` found. `path` is None where there is no configuration file."""

    path: Path | None
    errors: tuple[ConfigError, ...] = ()
    warnings: tuple[ConfigWarning, ...] = ()
