"""Evidence of a day from real servers: as they answered, beside what the room saw, whatever is missing."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controlroom import capturing, wiring
from controlroom.config.load import load
from controlroom.domain.snapshot import Snapshot
from controlroom.lab import servers
from controlroom.stores.evidence_folder import verify
from controlroom.tui import pictures
from controlroom.tui.port import Options
from tests.conftest import Start
from tests.faults import refused
from tests.net.alertmanagers import firing, send
from tests.net.wire import answer, request, saying, serving

BANNER = "⚠️ real servers only"
PROMETHEUS = """
scrape_configs:
  - job_name: self
    scrape_interval: 1s
    static_configs: [{targets: ["127.0.0.1:{port}"]}]
"""
HEAD = f"""
[program]
id = "harbour"
start = 2025-10-04
zone = "Europe/Berlin"
banner = "{BANNER}"
[status]
dir = "status"
[[rituals]]
id = "tide"
title = "Tide Day"
all_day = true
checklist = ["Open the sluice"]
"""
SIGNALS = """
[[squads]]
id = "quay"
[[squads.signals]]
metric = "up"
[[squads.signals]]
metric = "prometheus_build_info"
[[squads.signals]]
metric = "not_asked_for"
required_for_exit = false
"""
DATE = dt.date(2026, 3, 4)


async def taken(folder: Path, config: str, **wanted: Any) -> capturing.Capture:
    """A capture of what `config` names, after one look at it."""
    (folder / "controlroom.toml").write_text(HEAD + config, encoding="utf-8")
    environ = {"HOME": str(folder), "LOGNAME": "ines"}
    read = load(folder / "controlroom.toml", environ=environ)
    room = wiring.build(read, environ=environ)
    seen = await room.sweep(10)
    made = capturing.Wanted(DATE, **{"by": "ines", "host": "quay-1", **wanted})
    return await capturing.capture(read, seen, wiring.utc_now, folder / "status", made)


def entries(done: capturing.Capture) -> dict[str, Mapping[str, Any]]:
    """Entries by the file's name, or by their source where there is none."""
    return {entry["path"] or entry["source"]: entry for entry in done.manifest["entries"]}


def document(done: capturing.Capture, name: str) -> Any:
    return json.loads((done.folder / name).read_bytes())


async def test_everybody_is_asked_and_every_answer_is_kept(tmp_path: Path, start: Start) -> None:
    """A Prometheus's required signals in one pair of queries, its alerts and rules; an Alertmanager's alerts
    and silences; the body of an HTTP service byte for byte; and the room beside them. All of it verifies."""
    prometheus = start(lambda folder: servers.prometheus(folder, PROMETHEUS))
    manager = start(servers.alertmanager)
    send(manager, firing("Flood", job="tide"))
    body = b'{"status": "ok", "odd": "\x1b[31m"}'
    async with saying(answer(body)) as url:
        done = await taken(
            tmp_path,
            SIGNALS
            + f'[[prometheus]]\nurl = "{prometheus.url}"\n[[alertmanagers]]\nurl = "{manager.url}"\n'
            + f'[[services]]\nid = "desk"\nkind = "http"\nurl = "{url}/health?key=k1&x=1"\n',
        )
    assert verify(done.folder).ok
    found = entries(done)
    assert set(found) == {
        "raw/prometheus-1-prometheus-presence-1.json",
        "raw/prometheus-1-prometheus-samples-1.json",
        "raw/prometheus-1-prometheus-alerts.json",
        "raw/prometheus-1-prometheus-rules.json",
        "raw/alertmanager-1-alertmanager-alerts.json",
        "raw/alertmanager-1-alertmanager-silences.json",
        "raw/service-1-desk.json",
        "services.json",
        "gate.json",
        "topics.json",
        "checklist.json",
    }
    assert done.manifest["unreachable"] == []
    assert done.manifest["_banner"] == BANNER
    samples = found["raw/prometheus-1-prometheus-samples-1.json"]
    assert samples["request"]["form"]["query"] == '{__name__=~"up|up_count|prometheus_build_info"}'
    assert samples["request"]["url"] == f"{prometheus.url}/api/v1/query"
    assert samples["status"] == 200
    assert document(done, samples["path"])["status"] == "success"
    assert document(done, "raw/alertmanager-1-alertmanager-alerts.json")[0]["labels"]["job"] == "tide"
    assert (done.folder / "raw/service-1-desk.json").read_bytes() == body
    assert found["raw/service-1-desk.json"]["request"] == {
        "method": "GET",
        "url": f"{url}/health?key=•••&x=1",
    }
    assert document(done, "services.json")["services"][0]["state"] == "up"
    assert [one["code"] for one in document(done, "gate.json")["signals"]][2] != "OK"
    boxes = document(done, "checklist.json")
    assert boxes["_banner"] == BANNER
    assert boxes["checklists"][0]["boxes"][0]["text"] == "Open the sluice"
    assert boxes["checklists"][0]["boxes"][0]["done"] is False


async def test_what_cannot_be_reached_is_an_entry_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A refused Prometheus, an address that is none and a test file that is not there each say why; what
    does answer is kept."""
    with refused() as nobody:
        async with saying(answer(b"hi", kind="text/plain")) as url:
            done = await taken(
                tmp_path,
                SIGNALS
                + f'[[prometheus]]\nurl = "http://{nobody}"\n'
                + f'[evidence]\nrequests = ["{url}/a?b=c", "nonsense"]\njunit = ["results/*.xml"]\n',
                junit=("gone.xml",),
            )
    found = entries(done)
    assert (done.folder / "raw/request-1.txt").read_bytes() == b"hi"
    assert "refuses connections" in found["prometheus"]["error"]
    assert found["prometheus"]["path"] is None
    assert found["prometheus"]["sha256"] is None
    assert found["prometheus"]["request"]["url"].startswith(f"http://{nobody}/api/v1/")
    assert "no address" in found["nonsense"]["error"]
    assert found["gone.xml"]["error"] == "there is no such file"
    assert found["results/*.xml"]["error"] == "no file is called so"
    assert any("(4 times)" in line for line in done.manifest["unreachable"])
    assert verify(done.folder).ok


async def test_what_hangs_or_never_ends_holds_nobody_up(tmp_path: Path) -> None:
    """An answer that drips, one without end and one that is packed: the first two are errors within their
    deadline, the third is kept unpacked."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    packed = answer(gzip.compress(b"a room"), kind="text/plain", extra="Content-Encoding: gzip\r\n")
    began = asyncio.get_running_loop().time()
    async with serving(drip) as slow, serving(endless) as long, saying(packed) as small:
        asked = f'requests = ["{slow}/", "{long}/", "{small}/"]'
        done = await taken(tmp_path, f"[polling]\ntimeout = 0.5\n[evidence]\n{asked}\n")
    found = entries(done)
    assert asyncio.get_running_loop().time() - began < 15
    assert "did not answer within 1 s" in found[f"{slow}/"]["error"]
    assert found[f"{long}/"]["error"].startswith(long)
    assert (done.folder / "raw/request-3.txt").read_bytes() == b"a room"


async def test_no_secret_is_written_down(tmp_path: Path) -> None:
    """Neither a header's, nor a URL's user, password or token, is anywhere in what is kept."""
    heard = asyncio.Queue[bytes]()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await request(reader))
        writer.write(answer(b"{}"))

    (tmp_path / "token").write_text("hunter2", encoding="utf-8")
    async with serving(script) as url:
        there = url.removeprefix("http://")
        done = await taken(
            tmp_path,
            f'[[alertmanagers]]\nurl = "http://ada:hunter2@{there}/am"\n'
            f'[[services]]\nid = "desk"\nkind = "http"\nurl = "{url}/"\ntoken = {{ file = "token" }}\n'
            f'[evidence]\nrequests = ["http://ada:hunter2@{there}/x?access_token=hunter2&page=3"]\n',
        )
    said = b""
    while not heard.empty():
        said += heard.get_nowait()
    assert b"Bearer hunter2" in said
    assert b"GET /x?access_token=hunter2&page=3 " in said
    for path in done.folder.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path
    assert entries(done)["raw/request-1.json"]["request"]["url"] == f"{url}/x?access_token=•••&page=3"


async def test_what_tests_said_is_copied_and_summed(tmp_path: Path) -> None:
    """JUnit files of the configuration and of the command lie there as they were; which test failed, and that
    a file could not be read, is told."""
    results = tmp_path / "results"
    results.mkdir()
    one = b'<testsuite name="s"><testcase name="a" time="1"/>'
    one += b'<testcase name="b"><failure message="no"/></testcase>'
    (results / "smoke ../x.xml".replace("/", "_")).write_bytes(one + b"</testsuite>")
    (results / "z.xml").write_bytes(b"<!DOCTYPE x []><testsuite/>")
    (tmp_path / "more.xml").write_bytes(b'<testsuite><testcase name="c" time="2.5"/></testsuite>')
    done = await taken(
        tmp_path, '[evidence]\njunit = ["results/*.xml"]\n', junit=(str(tmp_path / "more.xml"),)
    )
    total = done.manifest["tests"]
    assert (total["tests"], total["passed"], total["failures"], total["time"]) == (3, 2, 1, 3.5)
    assert done.manifest["attention"] == ["results/smoke .._x.xml: 1 of 2 did not pass: b"]
    assert done.manifest["unreachable"] == [
        "results/z.xml: line 1: it declares a document type, which no JUnit file needs"
    ]
    names = sorted(path.name for path in (done.folder / "junit").iterdir())
    assert names == ["01-more.xml", "02-smoke_x.xml", "03-z.xml"]
    assert (done.folder / "junit" / "02-smoke_x.xml").read_bytes() == one + b"</testsuite>"
    assert document(done, "junit.json")["files"][1]["failed"][0]["message"] == "no"


async def test_no_second_passes_in_a_picture(tmp_path: Path) -> None:
    """At the very end of a second the room is drawn as well as at any other time."""

    async def drawn(snapshot: Snapshot, now: dt.datetime) -> Mapping[str, bytes]:
        return await pictures.draw(snapshot, now.replace(microsecond=999_999), Options())

    done = await taken(
        tmp_path, '[[services]]\nid = "redis"\nkind = "tcp"\nurl = "127.0.0.1:1"\n', pictures=drawn
    )
    assert len(list((done.folder / "screens").iterdir())) == 2


def test_files_of_tests_have_a_limit_together(tmp_path: Path) -> None:
    """Beyond so many bytes no further one is read, and how many those are is told."""
    (tmp_path / "controlroom.toml").write_text(HEAD + '[evidence]\njunit = ["*.xml"]\n', encoding="utf-8")
    for name in "abcd":
        (tmp_path / f"{name}.xml").write_bytes(b'<testsuite><testcase name="a"/></testsuite>')
    config = load(tmp_path / "controlroom.toml", environ={"HOME": str(tmp_path)})
    results, files = capturing._tests(config, wiring.utc_now, (), 50)
    assert [one.name for one in results] == ["a.xml", "b.xml"]
    assert [one.error for one in files] == [None, None, "2 more files were not looked at"]


async def test_the_room_is_drawn_at_two_sizes(tmp_path: Path) -> None:
    """The pictures show the room of that very snapshot; one that cannot be drawn is an entry, no failure."""

    async def drawn(snapshot: Snapshot, now: dt.datetime) -> Mapping[str, bytes]:
        return await pictures.draw(snapshot, now, Options())

    async def broken(snapshot: Snapshot, now: dt.datetime) -> Mapping[str, bytes]:
        raise RuntimeError("with a secret")

    service = '[[services]]\nid = "redis"\nkind = "tcp"\nurl = "127.0.0.1:1"\n'
    done = await taken(tmp_path, service, pictures=drawn)
    for size in ("200x50", "80x24"):
        picture = (done.folder / "screens" / f"room-{size}.svg").read_text(encoding="utf-8")
        assert picture.startswith("<svg")
        assert "harbour" in picture
    again = await taken(tmp_path, service, pictures=broken)
    assert again.folder.name == "evidence-2"
    assert entries(again)["the room"]["error"] == "cannot be drawn: RuntimeError"
