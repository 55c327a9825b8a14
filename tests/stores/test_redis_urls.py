"""A log's URL means the same to everybody, shows no secret, and says what is wrong with it."""

from __future__ import annotations

import pytest

from controlroom.stores.redis_urls import parse


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://cache", "redis://cache:6379/0?prefix=controlroom"),
        ("REDIS://Cache:6379/", "redis://cache:6379/0?prefix=controlroom"),
        ("rediss://room:pearl@cache:6380/3?prefix=press", "rediss://cache:6380/3?prefix=press"),
        ("redis://:pearl@[::1]:7000/2", "redis://[::1]:7000/2?prefix=controlroom"),
        (
            "redis+sentinel://b,a:5000/board/1",
            "redis+sentinel://a:5000,b:26379/board/1?prefix=controlroom",
        ),
        ("rediss+sentinel://me:x@a/board", "rediss+sentinel://a:26379/board/0?prefix=controlroom"),
        ("redis+cluster://c:2,b:1,c:2", "redis+cluster://b:1,c:2/0?prefix=controlroom"),
        ("redis+unix:///run/a%20b.sock?db=4", "redis+unix:///run/a%20b.sock?prefix=controlroom&db=4"),
    ],
)
def test_a_url_has_one_spelling_without_secrets(url: str, shown: str) -> None:
    """Order, case, defaults and credentials do not show; the shown one means the same place."""
    address = parse(url)
    assert address.shown == shown
    assert parse(shown).shown == shown
    assert "pearl" not in repr(address)


def test_credentials_are_decoded() -> None:
    """Percent signs let a password hold what a URL cannot."""
    address = parse("redis://m%40x:p%2Fe%23a%3Arl@cache")
    assert (address.username, address.password) == ("m@x", "p/e#a:rl")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://", "host is missing"),
        ("redis://me:pearl@", "host is missing"),
        ("redis://me:pe/arl@cache", "%2F"),
        ("redis://me:pe#arl@cache", "%23"),
        ("redis://cache:pearl", "port"),
        ("redis://cache:0", "port"),
        ("redis://cache:65536", "port"),
        ("redis://[::1:pearl", "URL"),
        ("redis://me:pearl@a,b", "several hosts"),
        ("redis://cache/one", "database"),
        ("redis://cache/1/2", "more than its database"),
        ("redis+cluster://cache/1", "database 0 only"),
        ("redis+sentinel://cache", "names the master"),
        ("redis+unix://cache/run", "three slashes"),
        ("redis://cache?password=pearl", "only prefix"),
        ("redis://cache?prefix=a&prefix=b", "twice"),
        ("redis://cache?prefix={pearl}", "prefix is"),
        ("http://me:pearl@cache", "begins with"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(url: str, words: str) -> None:
    """The message names the part that is wrong, and never repeats what may be a secret."""
    with pytest.raises(ValueError) as raised:
        parse(url)
    assert words in str(raised.value)
    assert "pearl" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_all_keys_share_a_slot() -> None:
    """Everything of a log stands under one hash tag, which names it."""
    assert parse("redis://cache?prefix=press").keys == ("{press}:log", "{press}:heads", "{press}:ids")
