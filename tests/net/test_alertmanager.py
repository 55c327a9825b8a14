"""Silences of a real Alertmanager: what the preview says is what it does, and what it refuses is said."""

from __future__ import annotations

import asyncio
import time
import urllib.error
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.config.values import AlertmanagerServer
from controlroom.domain.secret import SecretRef
from controlroom.domain.silences import Matcher, matching, parse_matcher, problem, shown
from controlroom.domain.telemetry import Alert
from controlroom.lab import servers
from controlroom.net import alertmanager
from controlroom.net.alertmanager import NoSilence, NotTaken
from controlroom.net.fetch import Api, FetchError, Unreachable, Unusable
from tests.conftest import Start
from tests.net.alertmanagers import api, ask, draft, firing, send
from tests.net.wire import answer, request, saying, serving

EBB = Matcher("alertname", "Ebb")

ALERTS = (
    firing("Ebb", squad="river", job="locks", instance="a:1"),
    firing("Ebb", squad="river", job="locks", instance="b:1", severity="critical"),
    firing("Ebb", squad="sea", job="pier", severity="warning"),
    firing("Flood", job="locks", zone="Nord-Süd", text='says "no" \\ yes\nor so'),
    firing("flood", job="Locks"),
    firing("HighLatency99", job="gate.1", instance="10.0.0.1:9100", severity="critical"),
)

PIECES = st.sampled_from(
    [
        *(
            "Ebb",
            "flood",
            "locks",
            "a",
            "b",
            ":1",
            "critical",
            "river",
            "sea",
            "Süd",
            "ü",
            "-",
            "_",
            "é",
            "\\n",
        ),
        *(
            ".",
            ".*",
            ".+",
            "?",
            "*",
            "+",
            "|",
            "(",
            ")",
            "(?:",
            "(?i)",
            "(?s)",
            "(?i:",
            "(?=",
            "[a-e]",
            "[^a-e]",
        ),
        *(
            "[",
            "]",
            "^",
            "$",
            "\\d",
            "\\w",
            "\\W",
            "\\s",
            "\\b",
            "\\.",
            "\\pL",
            "\\p{Lu}",
            "{2}",
            "{,3}",
            "{1,2}",
        ),
        *("[[:alpha:]]", "\\Q", "\\E", "\\x41", "\\z", "\\Z", "\\1", '"', "\\\\", "\n", ""),
    ]
)
LABELS = st.sampled_from(["alertname", "squad", "job", "instance", "severity", "zone", "text", "nothing"])
VALUES = st.sampled_from(sorted({v for one in ALERTS for v in one["labels"].values()} | {""}))  # type: ignore[attr-defined]
MATCHERS = st.one_of(
    st.builds(Matcher, LABELS, VALUES, st.just(False), st.booleans()),
    st.builds(Matcher, LABELS, st.lists(PIECES, max_size=5).map("".join), st.just(True), st.booleans()),
)


def known(server: servers.Server) -> list[Alert]:
    """The alerts it tells of, as the room knows them, but for their text, which is not cleaned here."""
    return [
        Alert(one["fingerprint"], one["labels"]["alertname"], labels=one["labels"])
        for one in ask(server, "alerts")
    ]


def filtered(server: servers.Server, matchers: list[Matcher]) -> set[str] | None:
    """Fingerprints of what the server itself finds; None where it refuses the matchers."""
    try:
        found = ask(server, "alerts", filter=[shown(matcher) for matcher in matchers])
    except urllib.error.HTTPError as refused:
        if refused.code != 400:
            raise
        return None
    return {one["fingerprint"] for one in found}


def test_the_preview_is_alertmanagers_own_filter(start: Start) -> None:
    """For any matchers, the alerts that match are those that it finds with them, or both refuse them."""
    server = start(servers.alertmanager)
    send(server, *ALERTS)
    alerts = known(server)
    assert len(alerts) == len(ALERTS)

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(MATCHERS, min_size=1, max_size=3))
    def same(matchers: list[Matcher]) -> None:
        expected = filtered(server, matchers)
        if expected is None:
            with pytest.raises(ValueError, match=r"\w"):
                matching(matchers, alerts)
            return
        assert {alert.fingerprint for alert in matching(matchers, alerts)} == expected
        assert [parse_matcher(shown(matcher)) for matcher in matchers] == matchers

    same()


@pytest.mark.parametrize(
    "matchers",
    [
        ("alertname=Ebb",),
        ("alertname=Ebb", "instance=~a.*|b.*"),
        ("alertname=~(?i)flood", "job!=Locks"),
        ("job=locks", "severity!~crit.*"),
        ("zone=~.*Süd", "squad="),
        ("alertname=Nothing",),
    ],
)
async def test_what_the_preview_matches_is_what_is_silenced(start: Start, matchers: tuple[str, ...]) -> None:
    """Those alerts are suppressed by that silence, and no others."""
    server = start(servers.alertmanager)
    send(server, *ALERTS)
    asked = [parse_matcher(text) for text in matchers]
    previewed = {alert.fingerprint for alert in matching(asked, known(server))}
    id_ = await alertmanager.silence(api(server.url), draft(*asked))
    told = ask(server, "alerts")
    assert {one["fingerprint"] for one in told if id_ in one["status"]["silencedBy"]} == previewed


async def test_a_silence_is_set_as_it_was_drafted(start: Start) -> None:
    """Matchers, times, name and reason stand there under the id that is given back."""
    server = start(servers.alertmanager)
    asked = draft(EBB, Matcher("job", "l.*", regex=True), Matcher("zone", "x", equal=False), comment="Tür")
    id_ = await alertmanager.silence(api(server.url), asked)
    (one,) = ask(server, "silences")
    assert (one["id"], one["createdBy"], one["comment"]) == (id_, "Ada", "Tür")
    assert one["status"]["state"] == "active"
    assert one["endsAt"][:19] == asked.ends_at.isoformat()[:19]
    assert sorted((m["name"], m["value"], m["isRegex"], m["isEqual"]) for m in one["matchers"]) == [
        ("alertname", "Ebb", False, True),
        ("job", "l.*", True, True),
        ("zone", "x", False, False),
    ]


@pytest.mark.parametrize(
    ("matchers", "words"),
    [
        ([Matcher("job", "(", regex=True)], "error parsing regexp"),
        ([Matcher("job", ".*", regex=True)], "must not match the empty string"),
        ([Matcher("job", "(?=x)", regex=True)], "error parsing regexp"),
    ],
)
async def test_what_alertmanager_refuses_is_said_in_its_words(
    start: Start, matchers: list[Matcher], words: str
) -> None:
    """And nothing is set; the room would not have offered it either."""
    server = start(servers.alertmanager)
    with pytest.raises(NotTaken, match=words) as refused:
        await alertmanager.silence(api(server.url), draft(*matchers))
    assert refused.value.remedy
    assert problem(matchers)
    assert ask(server, "silences") == []


async def test_an_end_in_the_past_is_refused(start: Start) -> None:
    """By Alertmanager too."""
    server = start(servers.alertmanager)
    with pytest.raises(NotTaken, match="does not take the silence"):
        await alertmanager.silence(api(server.url), draft(EBB, lasting=timedelta(seconds=-5)))


async def test_a_silence_is_ended_once(start: Start) -> None:
    """It is expired then; a second time, and for an id that there is not, the reason is plain."""
    server = start(servers.alertmanager)
    asked = api(server.url)
    id_ = await alertmanager.silence(asked, draft(EBB))
    await alertmanager.expire(asked, id_)
    (one,) = ask(server, "silences")
    assert one["status"]["state"] == "expired"
    with pytest.raises(NoSilence, match="has ended already"):
        await alertmanager.expire(asked, id_)
    for unknown in ("00000000-0000-4000-8000-000000000000", "nonsense", "../silences?x=#"):
        with pytest.raises(NoSilence, match="knows no silence"):
            await alertmanager.expire(asked, unknown)
    await asked.close()


async def test_a_server_that_is_gone_or_hangs_is_said_in_time(start: Start) -> None:
    """Within the timeout; whoever asked is told to look before asking again."""
    server = start(servers.alertmanager)
    id_ = await alertmanager.silence(api(server.url), draft(EBB))
    server.pause()
    began = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer") as hung:
        await alertmanager.silence(api(server.url, 0.5), draft(EBB))
    assert "see whether it is set" in hung.value.remedy
    with pytest.raises(Unreachable, match="did not answer"):
        await alertmanager.expire(api(server.url, 0.5), id_)
    assert time.monotonic() - began < 20
    server.kill()
    with pytest.raises(Unreachable, match="refuses connections"):
        await alertmanager.silence(api(server.url), draft(EBB))
    with pytest.raises(Unreachable, match="refuses connections"):
        await alertmanager.expire(api(server.url), id_)


async def test_a_kept_connection_to_a_server_that_was_restarted_is_no_obstacle(start: Start) -> None:
    """A silence is set on a connection of its own."""
    server = start(servers.alertmanager)
    asked = api(server.url)
    assert await alertmanager.listed(asked, alertmanager.SILENCES) == []
    server.restart()
    id_ = await alertmanager.silence(asked, draft(EBB))
    assert [one["id"] for one in await alertmanager.listed(asked, alertmanager.SILENCES)] == [id_]
    await asked.close()


async def test_a_silence_is_sent_once() -> None:
    """When the connection breaks after it was sent, it is not sent again: it may be set already."""
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request(reader))

    async with serving(script) as url:
        with pytest.raises(Unreachable) as broken:
            await alertmanager.silence(api(url), draft(EBB))
    assert len(seen) == 1
    assert seen[0].startswith(b"POST /api/v2/silences ")
    assert "see whether it is set" in broken.value.remedy


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (answer(b"<html>", kind="text/html"), Unusable, "is not Alertmanager"),
        (answer(b'{"silenceID": 7}'), Unusable, "is not Alertmanager"),
        (answer(b"[" * 100_000), Unusable, "is not Alertmanager"),
        (answer(b"", "404 Not Found"), Unusable, "is not Alertmanager"),
        (answer(b"", "503 Service Unavailable"), Unusable, "is not ready"),
        (answer(b'"\x1b[31mno\\u202e"', "400 Bad Request"), NotTaken, "it gives no reason"),
        (answer(b'"\\u001b[31mno\\u202e"', "400 Bad Request"), NotTaken, r"silence: \[31mno$"),
        (answer(b'{"code": 1, "message": "too many"}', "400 Bad Request"), NotTaken, "too many"),
        (answer(b"", "302 Found", extra="Location: https://sso/\r\n"), Unusable, "redirects to"),
    ],
)
async def test_another_kind_of_answer_is_named(said: bytes, kind: type[FetchError], words: str) -> None:
    """No id is made up, and foreign words are cleaned."""
    async with saying(said) as url:
        with pytest.raises(kind, match=words):
            await alertmanager.silence(api(url), draft(EBB))


async def test_no_secret_is_ever_told() -> None:
    """A login that is refused, by a server that repeats it, stands in no message."""
    server = AlertmanagerServer(username="ada", password=SecretRef(env="AM"))

    def resolve(reference: SecretRef) -> str:
        assert reference == SecretRef(env="AM")
        return "hunter2-secret"

    said = answer(b'"hunter2-secret is wrong"', "401 Unauthorized")
    async with saying(said) as url:
        address = url.replace("http://", "http://ada:hunter2-secret@")
        for asked in (Api(AlertmanagerServer(url=url, password=server.password), resolve), api(address)):
            with pytest.raises(Unusable) as refused:
                await alertmanager.silence(asked, draft(EBB))
            assert "hunter2" not in refused.value.reason + refused.value.remedy
            with pytest.raises(Unusable) as refused:
                await alertmanager.expire(asked, "x")
            assert "hunter2" not in refused.value.reason + refused.value.remedy
            await asked.close()
