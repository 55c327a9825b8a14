"""Evidence in its folder: complete or not there, never overwritten, and every change of it is noticed."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from controlroom.stores.evidence_folder import (
    MANIFEST,
    SEAL,
    NoEvidence,
    captures,
    keep,
    newest,
    verify,
)

FILES = {"raw/one.json": b"{}", "raw/two.body": bytes(range(256)), "gate.json": b"[]\n"}


def manifest(files: dict[str, bytes]) -> bytes:
    entries = [
        {"path": name, "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()
    ]
    return json.dumps({"entries": [*entries, {"path": None, "sha256": None, "error": "refused"}]}).encode()


def kept(day: Path, files: dict[str, bytes] = FILES) -> Path:
    return keep(day, files, manifest(files))


def test_what_was_kept_verifies(tmp_path: Path) -> None:
    """Every file is there as it was given, and the seal is what `sha256sum` writes."""
    folder = kept(tmp_path / "2025-10-08")
    assert folder == tmp_path / "2025-10-08" / "evidence"
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert (folder / SEAL).read_text() == f"{digest}  manifest.json\n"
    found = verify(folder)
    assert found.ok
    assert found.files == 3


def test_a_second_capture_leaves_the_first_alone(tmp_path: Path) -> None:
    """Another one of the day has a number; what people put there by hand is no capture and stays."""
    day = tmp_path / "2025-10-08"
    first = kept(day)
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    (day / "evidence-2").mkdir()
    (day / "evidence-2" / "photo.png").write_bytes(b"by hand")
    (day / "evidence-3").mkdir()
    assert kept(day) == day / "evidence-4"
    assert captures(tmp_path, "2025-10-08") == [first, day / "evidence-4"]
    assert newest(tmp_path) == day / "evidence-4"
    assert list((day / "evidence-3").iterdir()) == []
    assert {path: path.read_bytes() for path in before} == before
    assert (day / "evidence-2" / "photo.png").read_bytes() == b"by hand"
    assert not list(day.glob(".*"))


def test_two_captures_at_once_are_two(tmp_path: Path) -> None:
    """Whoever is quicker has the first place; neither loses or mixes anything."""
    day, made = tmp_path / "2025-10-08", list[Path]()
    threads = [threading.Thread(target=lambda: made.append(kept(day))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8
    assert all(verify(folder).ok for folder in made)


def test_a_capture_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """Where a file cannot be written there is no folder that looks like evidence, nor a rest of one."""
    with pytest.raises(OSError, match="too long"):
        keep(tmp_path / "2025-10-08", {"good": b"1", "x" * 300: b"2"}, b"{}")
    assert list((tmp_path / "2025-10-08").iterdir()) == []


def _byte(folder: Path) -> None:
    path = folder / "raw" / "two.body"
    raw = bytearray(path.read_bytes())
    raw[200] ^= 1
    path.write_bytes(raw)


def _link(folder: Path) -> None:
    there = folder / "raw" / "two.body"
    there.rename(folder.parent / "elsewhere")
    there.symlink_to(folder.parent / "elsewhere")


def _both(folder: Path) -> None:
    made = json.loads((folder / MANIFEST).read_bytes())
    made["entries"][1]["sha256"] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(made))


@pytest.mark.parametrize(
    ("change", "where", "names"),
    [
        (_byte, "changed", ("raw/two.body",)),
        (_link, "changed", ("raw/two.body",)),
        (lambda folder: (folder / "gate.json").unlink(), "missing", ("gate.json",)),
        (lambda folder: (folder / "raw" / "more").write_text("x"), "extra", ("raw/more",)),
        (lambda folder: (folder / ".hidden").write_text("x"), "extra", (".hidden",)),
        (lambda folder: (folder / "link").symlink_to("/etc"), "extra", ("link",)),
        (_both, "changed", ("raw/two.body",)),
    ],
    ids=["byte", "link", "missing", "extra", "hidden", "linked", "manifest"],
)
def test_every_change_is_noticed_and_named(
    tmp_path: Path, change: Callable[[Path], object], where: str, names: tuple[str, ...]
) -> None:
    """One byte, a link in place of a file, a file too few or too many: found, with its name."""
    folder = kept(tmp_path / "2025-10-08")
    change(folder)
    found = verify(folder)
    assert not found.ok
    assert getattr(found, where) == names


def test_a_manifest_that_was_changed_is_noticed(tmp_path: Path) -> None:
    """Its own digest stands beside it; without that nobody can tell, which is said."""
    folder = kept(tmp_path / "2025-10-08")
    (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes() + b"\n")
    assert "manifest.json was changed" in verify(folder).manifest
    (folder / SEAL).unlink()
    assert "manifest.sha256 is missing" in verify(folder).manifest


def test_a_manifest_leads_nowhere_else(tmp_path: Path) -> None:
    """A name outside of the folder is no file of it: it is missing, and nothing there is read."""
    (tmp_path / "2025-10-08").mkdir()
    (tmp_path / "2025-10-08" / "secret").write_bytes(b"s")
    folder = kept(tmp_path / "2025-10-08")
    raw = manifest({**FILES, "../secret": b"s", "/etc/hostname": b""})
    (folder / MANIFEST).write_bytes(raw)
    (folder / SEAL).write_text(hashlib.sha256(raw).hexdigest())
    assert verify(folder).missing == ("../secret", "/etc/hostname")


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"entries": 1}', b'{"entries": [{}]}', b"[" * 99_999])
def test_what_is_no_manifest_is_never_fine(tmp_path: Path, raw: bytes) -> None:
    """Whatever lies in its place: it does not verify."""
    folder = kept(tmp_path / "2025-10-08")
    (folder / MANIFEST).write_bytes(raw)
    assert not verify(folder).ok
    (folder / SEAL).write_text(f"{hashlib.sha256(raw).hexdigest()}  manifest.json")
    assert verify(folder).manifest == "it is no manifest of evidence"


def test_a_folder_without_a_manifest_is_no_evidence(tmp_path: Path) -> None:
    """It is said in words, also where a pipe lies in its place."""
    with pytest.raises(NoEvidence, match="no such file"):
        verify(tmp_path)
    os.mkfifo(tmp_path / MANIFEST)
    with pytest.raises(NoEvidence, match="no regular file"):
        verify(tmp_path)
    assert newest(tmp_path / "none") is None
