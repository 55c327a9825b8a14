"""The status folder: strict reading, a bad file costs only itself, files are there whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from controlroom.stores.status_folder import StatusFolder, Unreadable, file_name, read

MINIMAL: dict[str, Any] = {
    "schema": "controlroom.status",
    "version": "1.0",
    "for_date": "2031-05-06",
    "as_of": "2031-05-06T02:00:00+01:00",
}


def put(folder: Path, name: str = "2031-05-06.json", **keys: object) -> Path:
    path = folder / name
    path.write_text(json.dumps({**MINIMAL, **keys}, indent=1), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        read(path)
    return str(caught.value)


def test_a_minimal_file_is_read(tmp_path: Path) -> None:
    """What identifies a status is enough; the instant is in UTC, the slot the nightly one."""
    file = read(put(tmp_path))
    assert (file.for_date, file.slot) == ("2031-05-06", "nightly")
    assert file.as_of.isoformat() == "2031-05-06T01:00:00+00:00"


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    """Keys of later minor versions and of other tools survive, at every level."""
    data = read(put(tmp_path, version="1.9", weather="rain", items=[{"id": "a", "mood": 3}])).data
    assert (data["weather"], data["items"][0]["mood"]) == ("rain", 3)


def test_a_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    """Editors on some systems write one."""
    path = put(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(path).for_date == "2031-05-06"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"version": "2.0"}, "version 2.0 is not 1.x"),
        ({"version": 2}, "version 2 is not 1.x"),
        ({"schema": "something.else"}, "no status document"),
        ({"as_of": "2031-05-06T02:00:00"}, "line 5: /as_of: the time has no offset"),
        ({"as_of": 1_900_000_000}, "/as_of"),
        ({"for_date": "6 May 2031"}, "line 4: /for_date: no date"),
        ({"items": [{"id": "a", "since": "2031-05-06T02:00:00"}]}, "/items/0/since: the time has no offset"),
        ({"blockers": [{"summary": "no id"}]}, "/blockers/0/id: is missing"),
        ({"items": {"a": {}}}, "/items"),
    ],
)
def test_what_cannot_be_trusted_is_refused_with_the_place(
    tmp_path: Path, keys: dict[str, Any], words: str
) -> None:
    """Another major version, a naive instant, a missing identity: file, line and key are named."""
    message = refusal(put(tmp_path, **keys))
    assert message.startswith("2031-05-06.json")
    assert words in message


def test_an_id_twice_is_refused_where_it_stands(tmp_path: Path) -> None:
    """Two entries with one identity would be compared with each other at random."""
    assert 'the id "a" is given twice' in refusal(put(tmp_path, services=[{"id": "a"}, {"id": "a"}]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{\n"schema": "controlroom.status",\n"schema": 1}', 'line 3: the name "schema" is given twice'),
        ('{\n"a": {"b": 1,\n\n"b": 2}}', 'line 4: the name "b" is given twice'),
        ('{"a":\n NaN}', "line 2: NaN is no JSON number"),
        ('{"a":\n\n -Infinity}', "line 3: -Infinity is no JSON number"),
        ('{"a":\n 1e999}', "line 2: a number too large"),
        ('{"a": 1,\n', "line 2"),
        ('{"a": "\\ud800"}', "line 1: half a character"),
        ("[" * 100_000, "line 1: nested deeper than 64"),
        ("[" * 70 + "]" * 70, "line 1: nested deeper than 64"),
        ("[1, 2]", "not a JSON object"),
        ("", "line 1: empty"),
        ("7" * 5000, "too many digits"),
        ("\x00\x01", "line 1"),
    ],
)
def test_strict_json(tmp_path: Path, text: str, words: str) -> None:
    """Whatever the bytes are, the answer is a refusal with its line, and nothing worse."""
    path = tmp_path / "2031-05-06.json"
    path.write_text(text, encoding="utf-8")
    assert words in refusal(path)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a":\n "x\ty"}', "control character stands in a text, in column 4;"),
        ('{"a":\n "x}', "line 2: a text begins and does not end, in column 2;"),
        ('{"a":\n "\\q"}', "line 2: a backslash escapes nothing, in column 3;"),
        ('{"a":\n "\\u12"}', "line 2: \\u is not followed by a character's number, in column 4;"),
        ('{"a":\n none}', "line 2: a value is missing or is none, in column 2;"),
        ("{a: 1}", "line 1: a name in double quotes is missing, in column 2;"),
        ('{"a" 1}', "line 1: a name has no value, in column 6;"),
        ("[1 2]", "line 1: two values are not told apart, in column 4;"),
        ("{}\n{}", "line 2: something follows the end of the document, in column 1;"),
    ],
)
def test_what_is_no_json_says_what_and_where_and_what_to_do(tmp_path: Path, text: str, place: str) -> None:
    """A whole sentence with line and column, and a remedy behind it."""
    path = tmp_path / "2031-05-06.json"
    path.write_text(text, encoding="utf-8")
    _, found, remedy = refusal(path).partition(place)
    assert found
    assert len(remedy.split()) >= 3


def test_what_is_no_utf8_has_its_line(tmp_path: Path) -> None:
    """A file in another encoding is refused, not guessed."""
    path = tmp_path / "2031-05-06.json"
    path.write_bytes(b'{\n"a": "\xe9"}')
    assert "line 2: not UTF-8" in refusal(path)


def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    """What is no regular file is refused at once."""
    os.mkfifo(tmp_path / "2031-05-06.json")
    assert "not a regular file" in refusal(tmp_path / "2031-05-06.json")


def test_text_is_cleaned_when_read(tmp_path: Path) -> None:
    """An escape sequence in a foreign file never reaches whoever shows it."""
    file = read(put(tmp_path, items=[{"id": "a", "epic": "\x1b[2Jgone\u202e"}]))
    assert file.data["items"][0]["epic"] == "[2Jgone"


def test_a_bad_file_costs_only_itself(tmp_path: Path) -> None:
    """The others are read, oldest first; the bad one is named with its line."""
    put(tmp_path, "2031-05-07.json", for_date="2031-05-07", as_of="2031-05-07T01:00:00Z")
    put(tmp_path)
    (tmp_path / "2031-05-08.json").write_text("{\n\n oh", encoding="utf-8")
    seen = StatusFolder(tmp_path).look()
    assert [file.for_date for file in seen.files] == ["2031-05-06", "2031-05-07"]
    assert len(seen.unreadable) == 1
    assert seen.unreadable[0].startswith("2031-05-08.json line 3: ")
    (lint,) = seen.lints
    assert (lint.code, lint.path, lint.line) == ("E001", str(tmp_path / "2031-05-08.json"), 3)


def test_the_last_good_reading_stays(tmp_path: Path) -> None:
    """A file that is being written over by hand keeps what it said, and is named until it parses again."""
    path, folder = put(tmp_path), StatusFolder(tmp_path)
    good = folder.look()
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    half = folder.look()
    assert half.files == good.files
    assert len(half.unreadable) == 1
    put(tmp_path, program="press")
    again = folder.look()
    assert (again.unreadable, again.files[0].data["program"]) == ((), "press")


def test_nothing_new_is_the_same_object(tmp_path: Path) -> None:
    """Whoever compares by identity sees that nothing changed, also while files are too fresh to be sure."""
    put(tmp_path)
    folder = StatusFolder(tmp_path)
    assert folder.look() is folder.look()


def test_temporary_and_other_files_are_not_looked_at(tmp_path: Path) -> None:
    """Only ``*.json`` that are not hidden are status files."""
    for name in (".2031-05-06.json.12.part", ".2031-05-06.json", "README.md", "2031-05-06.json~"):
        (tmp_path / name).write_text("{", encoding="utf-8")
    seen = StatusFolder(tmp_path).look()
    assert (seen.files, seen.unreadable) == ((), ())


def test_a_folder_that_is_not_there_yet_is_empty_and_one_that_went_away_is_not(tmp_path: Path) -> None:
    """Before the first publishing there is nothing; a folder that vanishes is a failure."""
    folder = StatusFolder(tmp_path / "status")
    assert folder.look().files == ()
    (tmp_path / "status").mkdir()
    path = put(tmp_path / "status")
    assert len(folder.look().files) == 1
    path.unlink()
    (tmp_path / "status").rmdir()
    with pytest.raises(FileNotFoundError):
        folder.look()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("2031-05-06.json", 0),
        ("2031-05-06-standup.json", 0),
        ("2031-05-07.json", 1),
        ("monday.json", 1),
    ],
)
def test_a_wrong_name_is_a_lint(tmp_path: Path, name: str, found: int) -> None:
    """S001: the name says another date than the file."""
    put(tmp_path, name)
    lints = StatusFolder(tmp_path).look().lints
    assert [(lint.code, lint.path) for lint in lints] == [("S001", str(tmp_path / name))] * found


def test_only_the_newest_are_held(tmp_path: Path) -> None:
    """A folder of years does not fill the memory."""
    for day in range(1, 9):
        put(tmp_path, f"2031-05-0{day}.json", for_date=f"2031-05-0{day}", as_of=f"2031-05-0{day}T01:00:00Z")
    seen = StatusFolder(tmp_path, keep=3).look()
    assert [file.for_date for file in seen.files] == ["2031-05-06", "2031-05-07", "2031-05-08"]


def test_what_is_written_is_pretty_sorted_and_without_nan(tmp_path: Path) -> None:
    """Sorted keys with the banner first, a final newline, NaN as text; and it can be read again."""
    folder = StatusFolder(tmp_path)
    document = {**MINIMAL, "_banner": "Ω only real ink", "zeta": float("nan"), "alpha": [float("-inf")]}
    raw = folder.dump(document)
    assert raw.endswith(b"}\n")
    assert list(json.loads(raw)) == sorted(document)
    assert raw.splitlines()[1] == '  "_banner": "Ω only real ink",'.encode()
    data = read(folder.write(file_name("2031-05-06"), raw)).data
    assert (data["zeta"], data["alpha"]) == ("NaN", ["-Infinity"])


FULL = """
import resource, signal, sys
from pathlib import Path
from controlroom.stores.status_folder import StatusFolder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    StatusFolder(Path(sys.argv[1])).write("2031-05-06.json", b"x" * 100_000)
except OSError as problem:
    sys.exit(problem.strerror)
"""


def test_a_disk_without_room_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """The kernel refuses the bytes: the file is what it was, and no temporary one stays behind."""
    raw = put(tmp_path).read_bytes()
    result = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, check=False)
    assert result.stderr == b"File too large\n"
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("2031-05-06.json", raw)]


WRITER = """
import sys
from pathlib import Path
from controlroom.stores.status_folder import StatusFolder
folder = StatusFolder(Path(sys.argv[1]))
base = {"schema": "controlroom.status", "version": "1.0", "for_date": "2031-05-06"}
base["as_of"] = "2031-05-06T02:00:00Z"
print("ready", flush=True)
for number in range(10**9):
    folder.write("2031-05-06.json", folder.dump({**base, "number": number, "fill": "x" * 200_000}))
"""


def test_every_published_file_parses_at_every_instant(tmp_path: Path) -> None:
    """Read while another process writes it over and over, and after that process is killed."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        path = tmp_path / "2031-05-06.json"
        seen: set[int] = set()
        give_up = time.monotonic() + 20
        while len(seen) < 20 and time.monotonic() < give_up:
            if path.exists():
                seen.add(read(path).data["number"])
        writer.send_signal(signal.SIGKILL)
    assert len(seen) == 20
    assert read(path).data["number"] >= max(seen)
