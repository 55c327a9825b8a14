"""Reports of jobs as files: ``heartbeats/<id>.json`` in the log's folder, each there whole or not at all."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

from controlroom.domain.health import Beat
from controlroom.domain.text import dashed
from controlroom.stores import atomic, folder_files
from controlroom.stores.heartbeats import cleaned, decode, encode
from controlroom.stores.port import Unavailable

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
"""Ids that are names of files everywhere, also where upper and lower case are the same."""


class FolderHeartbeats:
    """Reports in the log's folder, which need not exist yet. Nothing is kept between two calls."""

    def __init__(self, log: Path) -> None:
        self._folder = log / "heartbeats"

    def write(self, id_: str, beat: Beat) -> Beat:
        """Store `beat`, on the disk when this returns. Raises Unavailable."""
        stored = cleaned(beat)
        try:
            folder_files.make_folder(self._folder)
            atomic.write(self._folder / file_name(id_), encode(id_, stored))
        except OSError as problem:
            raise _unavailable(problem, "written") from None
        return stored

    def read(self, id_: str) -> Beat | None:
        """The last report. Raises Unavailable."""
        try:
            folder = folder_files.open_folder(self._folder)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise _unavailable(problem, "read") from None
        try:
            raw = folder_files.read(folder, file_name(id_))
        except FileNotFoundError:
            return None
        except folder_files.Strange as strange:
            where = f"{self._folder.name}/{file_name(id_)}"
            raise Unavailable(f"{where}: {strange}".replace("an action", "a report"), "remove it") from None
        except OSError as problem:
            raise _unavailable(problem, "read") from None
        finally:
            os.close(folder)
        return decode(id_, raw)

    def close(self) -> None:
        """Nothing is open."""


def file_name(id_: str) -> str:
    """The file of the heartbeat `id_`: a plain id as it is, any other with a digest that makes it unique.

    >>> file_name("nightly-backup")
    'nightly-backup.json'
    >>> file_name("Nightly Backup")
    'nightly-backup~0af317e99d7d.json'
    """
    if _PLAIN.fullmatch(id_):
        return f"{id_}.json"
    digest = sha256(id_.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{dashed(id_)[:40]}~{digest}.json"


def _unavailable(problem: OSError, doing: str) -> Unavailable:
    told = folder_files.unavailable(problem, doing)
    return Unavailable(told.reason.replace("the log", "the report", 1), told.remedy)
