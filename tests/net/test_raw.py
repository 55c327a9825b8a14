"""Answers as they come: kept whatever they are, and the addresses they came from without secrets."""

from __future__ import annotations

import pytest

from controlroom.domain.secret import SecretRef
from controlroom.net.fetch import FetchError
from controlroom.net.raw import LIMIT, Address, Taker, parted, without_secrets

from .wire import answer, saying


def no_secrets(reference: SecretRef) -> str:
    raise AssertionError(f"nothing asked for {reference}")


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "401 Unauthorized", "500 Oh", "503 Not Now"])
async def test_every_answer_is_taken_as_it_is(status: str) -> None:
    """A refusal, a redirect and an error page come with their status and every byte of their body."""
    body = bytes(range(256))
    async with saying(answer(body, status, "application/octet-stream")) as url:
        api = Taker(Address("it", url), no_secrets)
        got = await api.take("/x?a=1")
        await api.close()
    assert (got.status, got.body, got.content_type) == (
        int(status[:3]),
        body,
        "application/octet-stream",
    )


async def test_a_body_without_end_is_not_kept() -> None:
    """More than the limit is an error in words; nothing is cut off and called an answer."""
    async with saying(answer(b"x" * (LIMIT + 1))) as url:
        api = Taker(Address("it", url), no_secrets)
        with pytest.raises(FetchError, match="more than 8 MiB"):
            await api.take("/")
        await api.close()


def test_an_address_is_asked_with_its_own_path_and_question() -> None:
    """What is asked is exactly what was written, path and query."""
    assert parted("https://ada:pw@host:1/a/b?x=1&y=a+b") == ("https://ada:pw@host:1", "/a/b?x=1&y=a+b")
    assert parted("nonsense") == ("", "nonsense")
    assert parted("http://[bad") == ("http://[bad", "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://ada:hunter2@host:81/a?x=1", "http://host:81/a?x=1"),
        ("https://h/p?token=t&q=up%7Bjob%3D%22a%22%7D", "https://h/p?token=•••&q=up{job=%22a%22}"),
        ("https://h/p?X-Amz-Signature=s&api_key=k&my-key=k&PASSWORD=p&sid=1", None),
        ("https://h/p?a=1#token=abc", "https://h/p?a=1"),
        ("http://[bad", "an unreadable url"),
    ],
)
def test_an_address_is_written_down_without_secrets(url: str, shown: str | None) -> None:
    """No user, no password, no fragment, and no value of a parameter that holds a secret by its name."""
    said = without_secrets(url)
    if shown is not None:
        assert said == shown
    assert not any(secret in said for secret in ("hunter2", "=t&", "=s&", "=k", "=p&", "abc"))


def test_known_secrets_are_blotted_out_wherever_they_stand() -> None:
    """A secret in a path is gone too, as it is and as it stands in a URL."""
    assert without_secrets("http://h/hook/s3 cret/s3%20cret", ["s3 cret"]) == "http://h/hook/•••/•••"
