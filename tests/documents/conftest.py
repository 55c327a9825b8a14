"""The documents of an invented harbour, read together as one programme's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from controlroom.documents.read import read_all
from controlroom.domain.documents import Document

FOLDER = Path(__file__).parent / "harbour"
BANNER = "Real boats, real tides. Nothing is rehearsed on paper."


def files() -> list[tuple[str, str]]:
    """Path and text of each document."""
    found = sorted(FOLDER.rglob("*.md"))
    return [(str(path.relative_to(FOLDER)), path.read_text(encoding="utf-8")) for path in found]


@pytest.fixture(scope="session")
def harbour() -> Mapping[str, Document]:
    """Each document by its path."""
    return {document.path: document for document in read_all(files(), banner=BANNER)}


@pytest.fixture(scope="session")
def harbour_files() -> list[tuple[str, str]]:
    """Path and text of each document, as they are on disk."""
    return files()


@pytest.fixture(scope="session")
def banner() -> str:
    """What every document should begin with."""
    return BANNER
