"""What a server says of itself becomes what the header says about durability."""

from __future__ import annotations

import pytest

from controlroom.stores.redis_facts import disk_confirms, durability, lacks, read

BASE = "redis_version:{version}\r\nrun_id:aa\r\nrole:master\r\nmaster_replid:bb\r\naof_enabled:{aof}\r\n"


def info(version: str = "7.2.4", aof: int = 1, *more: str) -> str:
    """An INFO of such a server."""
    return BASE.format(version=version, aof=aof) + "\r\n".join(more)


@pytest.mark.parametrize(
    ("said", "config", "confirmed", "words", "asks"),
    [
        (info(), {"appendfsync": "everysec"}, None, "durable", True),
        (info(), {"appendfsync": "everysec"}, False, "durable within 1 s", True),
        (info(), {}, None, "durable", True),
        (info(), {}, False, "durable, delay unknown", True),
        (info(), {"appendfsync": "no"}, None, "not durable at once (appendfsync no)", False),
        (info("7.0.15"), {"appendfsync": "always"}, None, "durable", False),
        (info("7.0.15"), {"appendfsync": "everysec"}, None, "durable within 1 s", False),
        (info("7.0.15"), {}, None, "durable, delay unknown", False),
        (info("6.2"), {"appendfsync": "no"}, None, "not durable at once (appendfsync no)", False),
        (info("8.0.1", 0), {"save": "3600 1"}, None, "not durable (snapshots only)", False),
        (info("8.0.1", 0), {"save": ""}, None, "not durable", False),
        (info("8.0.1", 0), {}, None, "not durable", False),
        (
            info("7.0.1", 1, "aof_last_write_status:err"),
            {"appendfsync": "always"},
            None,
            "not durable (append-only file fails)",
            False,
        ),
        (
            info("7.2.0", 1, "maxmemory:1000", "maxmemory_policy:allkeys-lru"),
            {"appendfsync": "always"},
            None,
            "not durable (keys may be evicted)",
            True,
        ),
        (
            info("7.2.0", 1, "maxmemory:0", "maxmemory_policy:allkeys-lru"),
            {"appendfsync": "always"},
            None,
            "durable",
            True,
        ),
        (None, {}, None, "durability unknown", True),
        (None, {"appendfsync": "always"}, False, "durability unknown", True),
        (None, {}, True, "durable", True),
        ("nonsense", {}, None, "durability unknown", True),
    ],
)
def test_durability_is_what_the_server_can_promise(
    said: str | None, config: dict[str, str], confirmed: bool | None, words: str, asks: bool
) -> None:
    """Version, append-only file, its flushing and what was confirmed decide the words; unknown is unknown."""
    facts = read(said, config)
    assert durability(facts, confirmed) == words
    assert disk_confirms(facts) is asks


def test_only_replicas_that_keep_up_are_waited_for() -> None:
    """One that is still being fed, or has not been heard of for a while, does not hold up writing."""
    said = info(
        "7.0.15",
        0,
        "slave0:ip=10.0.0.1,port=1,state=online,offset=14,lag=1",
        "slave1:ip=10.0.0.2,port=1,state=send_bulk,offset=0,lag=0",
        "slave2:ip=10.0.0.3,port=1,state=online,offset=2,lag=40",
        "slave_repl_offset:14",
    )
    assert read(said, {}).replicas == 1


def test_an_epoch_names_history_and_process() -> None:
    """A restart changes one half, a failover the other."""
    assert read(info(), {}).epoch == "bb:aa"


@pytest.mark.parametrize(
    ("refusal", "for_good"),
    [
        ("unknown command 'WAITAOF', with args beginning with: '1' '0' '1000'", True),
        ("User room has no permissions to run the 'waitaof' command", True),
        ("WAITAOF cannot be used when numlocal is set but appendonly is disabled.", True),
        ("WAITAOF cannot be used with replica instances. Please also note that writes to replicas…", False),
        ("UNBLOCKED force unblock from blocking operation, instance state changed", False),
    ],
)
def test_a_server_that_was_demoted_meanwhile_confirms_nothing(refusal: str, for_good: bool) -> None:
    """No such command is one thing; no answer because it is a replica now must not count as safe."""
    assert lacks(refusal) is for_good
