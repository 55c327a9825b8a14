"""A text is posted once, in time, as Slack wants it; what goes wrong is said without the address."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.net.webhook import NotPosted, body, post
from tests import faults
from tests.net.wire import answer, request, saying, serving

SECRET = "T024BE7LH/B01/XbQ9correcthorse"


@pytest.fixture
def environment() -> Iterator[MutableMapping[str, str]]:
    """The environment of this process, put back afterwards."""
    before = dict(os.environ)
    yield os.environ
    os.environ.clear()
    os.environ.update(before)


def problem(url: str, timeout: float = 2.0) -> NotPosted:
    """Why nothing could be posted to `url`; no part of its path is in the message."""
    with pytest.raises(NotPosted) as caught:
        asyncio.run(post(url, "hello", timeout))
    told = f"{caught.value} {caught.value.reason} {caught.value.remedy}"
    assert not any(part in told for part in ("127.0.0.1", "T024", "correcthorse", "hunter2", "hello"))
    assert caught.value.__cause__ is None or caught.value.__suppress_context__
    return caught.value


async def posted(text: str, *answers: bytes) -> list[bytes]:
    """The requests that arrive when `text` is posted to a server that gives `answers`."""
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request(reader))
        writer.write(answers[0])

    async with serving(script) as url:
        await post(f"{url}/services/{SECRET}", text, 2.0)
    return seen


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "204 No Content"])
def test_the_text_arrives(status: str) -> None:
    """One request, to the path of the webhook, with the text as JSON."""
    (seen,) = asyncio.run(posted("Ünïcode & <!channel>\nline two 🟥", answer(b"ok", status)))
    head, _, content = seen.partition(b"\r\n\r\n")
    assert head.startswith(f"POST /services/{SECRET} HTTP/1.1".encode())
    assert b"content-type: application/json" in head.lower()
    assert json.loads(content) == {"text": "Ünïcode &amp; &lt;!channel&gt;\nline two 🟥"}


@given(st.text())
def test_nothing_in_a_text_is_markup(text: str) -> None:
    """No text calls a channel, and each can be had back from what is sent."""
    sent = json.loads(body(text))["text"]
    assert "<" not in sent
    assert ">" not in sent
    again = sent.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert again == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        ("400 Bad Request", b"invalid_payload", "(400: invalid payload)"),
        ("403 Forbidden", b"action_prohibited", "(403: action prohibited)"),
        ("404 Not Found", b"no_service", "(404: no service)"),
        ("410 Gone", SECRET.encode(), "(410)"),
        ("404 Not Found", b"correcthorse", "(404)"),
        ("500 Internal Server Error", b"<html>rollup_error</html>", "in trouble (500)"),
        ("429 Too Many Requests", b"", "no more texts"),
        ("302 Found", b"", "redirects (302)"),
    ],
)
def test_what_the_server_refuses(status: str, said: bytes, reason: str) -> None:
    """The code is said, and Slack's own word; a page, or an echo of the address, is not."""

    async def go() -> str:
        async with saying(
            answer(said, status, extra="Retry-After: 30\r\nLocation: http://127.0.0.1:1/\r\n")
        ) as url:
            return await asyncio.to_thread(lambda: str(problem(f"{url}/services/{SECRET}")))

    assert reason in asyncio.run(go())


def test_a_refusal_is_not_repeated() -> None:
    """A text is sent once, whatever the answer: nobody is told twice."""
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request(reader))
        writer.close()

    async def go() -> None:
        async with serving(script) as url:
            with pytest.raises(NotPosted, match="may have arrived"):
                await post(url, "hello", 2.0)

    asyncio.run(go())
    assert len(seen) == 1


def test_nobody_listens() -> None:
    """A refused connection is said as such."""
    with faults.refused() as address:
        assert "refuses connections" in problem(f"http://{address}/{SECRET}").reason


@pytest.mark.parametrize("fault", ["hole", "silent", "drip", "flood"])
def test_every_way_to_hang_ends_in_time(fault: str) -> None:
    """Black hole, silence, an answer that drips or never ends: the limit holds for all of it."""
    makers: dict[str, Callable[[], AbstractContextManager[str]]] = {
        "hole": faults.black_hole,
        "silent": faults.silent,
        "drip": lambda: faults.scripted(faults.drips(b"HTTP/1.1 500 Oh\r\nX: ")),
        "flood": lambda: faults.scripted(faults.floods(b"HTTP/1.1 500 Oh\r\n\r\n")),
    }
    with makers[fault]() as address:
        began = time.monotonic()
        reason = problem(f"http://{address}/{SECRET}", timeout=0.5).reason
        assert time.monotonic() - began < 2
        assert ("in trouble (500)" if fault == "flood" else "within 0.5 s") in reason


def test_a_long_answer_to_a_text_that_was_taken_is_not_read() -> None:
    """Two hundred is enough: what follows it changes nothing."""
    with faults.scripted(faults.floods(b"HTTP/1.1 200 OK\r\n\r\n")) as address:
        asyncio.run(post(f"http://{address}/{SECRET}", "hello", 2.0))


@pytest.mark.parametrize("fault", [faults.resets, faults.closes, faults.greets(b"SSH-2.0-x\r\n")])
def test_what_does_not_speak_http(fault: faults.Handler) -> None:
    """A reset, a hang-up and another protocol are said in plain words."""
    with faults.scripted(fault) as address:
        assert "webhook" in problem(f"http://{address}/{SECRET}").reason


def test_certificates(tmp_path: Path) -> None:
    """A certificate nobody vouches for is refused, before anything of the text is sent."""
    got: list[bytes] = []

    def handler(plug: object) -> None:
        got.append(b"accepted")

    authority = faults.authority(tmp_path / "ca")
    with faults.scripted(faults.over_tls(authority.server(), handler)) as address:
        assert "certificate is refused" in problem(f"https://{address}/{SECRET}").reason
    assert got == []
    with faults.scripted(faults.greets(b"plain")) as address:
        assert "TLS" in problem(f"https://{address}/{SECRET}").reason


def test_a_trusted_certificate(tmp_path: Path, environment: MutableMapping[str, str]) -> None:
    """A server whose authority the machine trusts gets the text over TLS."""
    authority = faults.authority(tmp_path / "ca")
    environment["SSL_CERT_FILE"] = str(authority.path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server())

    async def go() -> bytes:
        seen: list[bytes] = []

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await request(reader))
            writer.write(answer(b"ok"))

        async with serving(script, context) as url:
            await post(f"{url}/{SECRET}", "hello", 2.0)
        return seen[0]

    assert b'{"text": "hello"}' in asyncio.run(go())


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks", "ftp://h/x", "http://", "https:///x", "http://[::", "http://h:99999/x"),
        *("http://h h/x", "http://h/\nX: y", f"{SECRET}://x"),
    ],
)
def test_what_is_no_address(url: str) -> None:
    """A secret that is no address is refused at once, and not repeated."""
    assert "no http://" in problem(url).reason


def test_an_unknown_name() -> None:
    """A host that nobody knows is said without its name, which is part of the secret."""
    told = problem("http://hunter2.invalid/x", timeout=5).reason
    assert "not known" in told or "did not answer" in told or "cannot be reached" in told


def test_it_can_be_cancelled() -> None:
    """Leaving the room does not wait for a webhook."""

    async def go(address: str) -> None:
        task = asyncio.create_task(post(f"http://{address}/", "hello", 30.0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with faults.silent() as address:
        asyncio.run(asyncio.wait_for(go(address), 2))
