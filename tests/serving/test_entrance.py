"""Who gets in: the whole name, the whole origin, the right token, a cookie that was given here."""

from __future__ import annotations

import pytest

from controlroom.serving.entrance import LASTS, Entrance, is_loopback, made

TOKEN = "pearl-of-the-harbour-17"


def entrance(host: str = "127.0.0.1", origins: tuple[str, ...] = (), now: float = 0.0) -> Entrance:
    return Entrance(host, 8460, origins, TOKEN, lambda: now)


@pytest.mark.parametrize(
    "hosts",
    [
        *([], [""], ["127.0.0.1"], ["127.0.0.1:8461"], ["evil.test:8460"], ["localhost.evil.test:8460"]),
        *(["127.0.0.1:8460", "evil.test"], ["localhost:8460."], ["x@localhost:8460"], ["[::1]:8460"]),
        *(["127.0.0.1:8460 "], ["127.0.0.1:08460"]),
    ],
)
def test_another_name_is_not_this_server(hosts: list[str]) -> None:
    """Only a `Host` that is wholly one of its names, and the only one, means this server."""
    assert not entrance().is_here(hosts)


def test_its_own_names_are_known() -> None:
    """A server on the loopback is called by its address or localhost, beyond it only as configured."""
    assert all(entrance().is_here([name]) for name in ("127.0.0.1:8460", "localhost:8460", "LOCALHOST:8460"))
    assert entrance("[::1]").is_here(["[::1]:8460"])
    far = entrance("0.0.0.0", ("https://room.example",))
    assert far.hosts == {"room.example"}
    assert far.origins == {"https://room.example"}


@pytest.mark.parametrize(
    "origins",
    [
        *([], [""], ["null"], ["http://127.0.0.1"], ["http://127.0.0.1:8461"], ["https://127.0.0.1:8460"]),
        *(["http://evil.test"], ["http://127.0.0.1:8460.evil.test"], ["http://127.0.0.1:8460/"]),
        ["http://127.0.0.1:8460", "http://127.0.0.1:8460"],
    ],
)
def test_another_origin_is_not_ours(origins: list[str]) -> None:
    """Only an `Origin` that is wholly one of its own, scheme and port included, is a page of this server."""
    assert not entrance().is_ours(origins)


def test_the_token_opens_and_nothing_else_does() -> None:
    """The token, whole and exact; neither a part of it nor more than it nor letters that are none."""
    here = entrance()
    assert here.opens(TOKEN)
    for other in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "\ud800", "ü" * 30):
        assert not here.opens(other)


def test_a_cookie_is_good_for_a_week_and_only_as_given() -> None:
    """It is good until its time and not longer, with nothing changed in it, and only under this token."""
    cookie = entrance(now=1000.0).cookie()
    name = "controlroom-8460"
    assert entrance(now=1000.0 + LASTS - 1).knows({name: cookie})
    assert not entrance(now=1000.0 + LASTS).knows({name: cookie})
    until, _, seal = cookie.partition(".")
    for forged in (
        "",
        ".",
        seal,
        f"{int(until) + 1}.{seal}",
        f"{until}.{seal[:-1]}",
        f"{until}.",
        TOKEN,
        "ü.ü",
    ):
        assert not entrance(now=1000.0).knows({name: forged})
    assert not Entrance("127.0.0.1", 8460, (), made(), lambda: 1000.0).knows({name: cookie})
    assert TOKEN not in cookie


def test_a_cookie_belongs_to_its_server() -> None:
    """A server on another port of the machine does not take it, and behind TLS its name keeps others off."""
    here = entrance(origins=("https://room.example",))
    assert not here.knows({"controlroom-8461": here.cookie()})
    assert here.cookie_name("https://room.example") == "__Host-controlroom"
    assert here.cookie_name("http://127.0.0.1:8460") == "controlroom-8460"


def test_the_loopback_is_known() -> None:
    """What is reached from this machine only."""
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "[::1]", "::1", "localhost")))
    assert not any(
        map(is_loopback, ("0.0.0.0", "[::]", "::", "10.0.0.1", "room.example", "", "127.0.0.1.test"))
    )
