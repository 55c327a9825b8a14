"""Secrets are named, not written: a reference to where one is kept."""

from __future__ import annotations

from dataclasses import field

from controlroom.domain.frozen import dataclass


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Exactly one of three says where the secret is: an environment variable, a file, a command."""

    env: str | None = None
    file: str | None = None
    command: str | None = None
    literal: str | None = field(default=None, repr=False)
    """The secret itself, as somebody wrote it into the configuration against advice."""

    def __post_init__(self) -> None:
        if sum(x is not None for x in (self.env, self.file, self.command, self.literal)) != 1:
            raise ValueError("give exactly one of env, file or command")
