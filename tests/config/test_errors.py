"""Everything that is wrong with a configuration is said at once, with file, key, line and remedy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.config.errors import ConfigError, ConfigErrors
from controlroom.config.load import from_text, load
from controlroom.config.shape import File
from controlroom.config.spelling import keys


def errors(text: str) -> tuple[ConfigError, ...]:
    try:
        from_text(text, Path("controlroom.toml"))
    except ConfigErrors as caught:
        return caught.errors
    return ()


CASES: dict[str, tuple[str, str, int | None, str, str]] = {
    # what: (file, key, line, in the message, in the remedy)
    "an unknown section": ("[progam]\n", "progam", 1, "unknown key", "program"),
    "an unknown key": ("[program]\nzoen = 'UTC'\n", "program.zoen", 2, "unknown key", "zone"),
    "a key of another section": ("[ui]\nbanner = 'x'\n", "ui.banner", 2, "unknown key", "[program]"),
    "an unknown key deep down": (
        "[[squads]]\nname='a'\n[[squads.signals]]\nmetric='m'\n[[squads.signals]]\nmetrik='m'\nmetric='n'\n",
        "squads[0].signals[1].metrik",
        6,
        "unknown key",
        '"metric"',
    ),
    "a wrong type": ("[polling]\nat_once = 'ten'\n", "polling.at_once", 2, "a whole number", "at_once = 3"),
    "a choice": ("[calendar]\nday_rule = 'workday'\n", "calendar.day_rule", 2, "'workdays'", "workdays"),
    "a table for a list": ("[services]\nkind='x'\n", "services", 1, "a list of tables", "[[services]]"),
    "a list for a table": ("[[program]]\nid='x'\n", "program", 1, "must be a table", "[program]"),
    "text for a list": ("[[waves]]\nname='a'\nsquads='b'\n", "waves[0].squads", 3, "a list", "brackets"),
    "neither name nor id": ("[[squads]]\nfocus='a'\n", "squads[0].id", 1, "missing", "name"),
    "an empty name": ("[[squads]]\nname=' '\n", "squads[0].name", 2, "empty", "leave the key out"),
    "no kind": ("[[services]]\nid='a'\nurl='b'\n", "services[0].kind", 1, "missing", "http"),
    "an unknown kind": (
        "[[services]]\nkind='htpp'\nurl='http://h'\n",
        "services[0].kind",
        2,
        'no service kind "htpp"',
        "http",
    ),
    "no address": ("[[services]]\nkind='http'\n", "services[0].url", 1, "missing", "url ="),
    "no scheme": ("[[services]]\nkind='http'\nurl='h:80'\n", "services[0].url", 3, "http://", "url ="),
    "no port": ("[[services]]\nkind='tcp'\nurl='h'\n", "services[0].url", 3, "port", "url ="),
    "a port too high": ("[[services]]\nkind='tcp'\nurl='h:99999'\n", "services[0].url", 3, "port", "url ="),
    "a broken address": ("[[prometheus]]\nurl='http://[::'\n", "prometheus[0].url", 2, "host", "url ="),
    "a wave that ends first": (
        "[[waves]]\nname='a'\nstart=2025-10-05\nend=2025-10-04\n",
        "waves[0].end",
        4,
        "before",
        "after",
    ),
    "weeks backwards": ("[[waves]]\nname='a'\nweeks=[3,1]\n", "waves[0].weeks", 3, "before", "[1, 3]"),
    "weeks of three": ("[[waves]]\nname='a'\nweeks=[1,2,3]\n", "waves[0].weeks", 3, "list of 2", ""),
    "an unknown zone": (
        "[program]\nzone='Amerika/New_York'\n",
        "program.zone",
        2,
        "no time zone",
        "America/New_York",
    ),
    "an abbreviated zone": (
        "[program]\nzone='PT'\n",
        "program.zone",
        2,
        "no time zone",
        "America/Los_Angeles",
    ),
    "a zone outside": ("[program]\nzone='../../etc/passwd'\n", "program.zone", 2, "no time zone", ""),
    "a start in words": ("[program]\nstart='soon'\n", "program.start", 2, "no date", "latest saturday"),
    "a weekday": ("[[rituals]]\ntitle='a'\ndays=['mon','wen']\n", "rituals[0].days[1]", 3, "weekday", "wed"),
    "a time": ("[[rituals]]\ntitle='a'\ntime='25:00'\n", "rituals[0].time", 3, "time of day", "09:00"),
    "all day at nine": (
        "[[rituals]]\ntitle='a'\nall_day=true\ntime='09:00'\n",
        "rituals[0].time",
        4,
        "all day",
        "leave out",
    ),
    "a ritual on no day": ("[[rituals]]\ntitle='a'\ndays=[]\n", "rituals[0].days", 3, "no day", "daily"),
    "a day no week has": (
        "[[milestones]]\nlabel='Week 2 Day 9'\ntext='a'\n",
        "milestones[0].label",
        2,
        "Day 9",
        "write",
    ),
    "a milestone without a date": ("[[milestones]]\ntext='a'\n", "milestones[0]", 1, "no date", "label"),
    "a duration": ("[polling]\nservices='5 parsecs'\n", "polling.services", 2, "duration", '"5s"'),
    "no time at all": ("[polling]\nservices=0\n", "polling.services", 2, "out of range", "0.05"),
    "not a number": ("[polling]\nservices=nan\n", "polling.services", 2, "out of range", "0.05"),
    "two of an id": (
        "[[services]]\nkind='tcp'\nurl='h:1'\n[[services]]\nkind='tcp'\nurl='h:2'\n",
        "services[1].id",
        4,
        "services[0]",
        "another id",
    ),
    "two squads of a name": (
        "[[squads]]\nname='Infra'\n[[squads]]\nname='Ops'\naliases=['infra']\n",
        "squads[1].aliases[0]",
        5,
        "infra",
        "one squad",
    ),
    "a circle": (
        "[[services]]\nid='a'\nkind='tcp'\nurl='h:1'\ndepends_on=['b']\n"
        "[[services]]\nid='b'\nkind='tcp'\nurl='h:2'\ndepends_on=['a']\n",
        "services[1].depends_on",
        10,
        "a → b → a",
        "take one",
    ),
    "two references": (
        "[[prometheus]]\nurl='http://h'\ntoken={env='A',file='b'}\n",
        "prometheus[0].token",
        3,
        "token",
        "env",
    ),
    "a secret that is a number": (
        "[[prometheus]]\nurl='http://h'\ntoken=5\n",
        "prometheus[0].token",
        3,
        "secret",
        "env",
    ),
    "a rule that asks nothing": (
        "[[services]]\nkind='http'\nurl='http://h'\nrules=[{path='a'}]\n",
        "services[0].rules[0]",
        4,
        "nothing",
        "equals",
    ),
    "a header's name": (
        "[[services]]\nkind='http'\nurl='http://h'\nheaders={'a b'='c'}\n",
        "services[0].headers.a b",
        4,
        "header name",
        "",
    ),
    "a Sentinel store without its master": (
        "[store]\nurl='redis+sentinel://a:1,b:2'\n",
        "store.url",
        2,
        "names the master",
        "redis+sentinel://one:26379,two:26379/mymaster",
    ),
    "a store with several hosts": ("[store]\nurl='redis://a,b'\n", "store.url", 2, "hosts", "redis://host"),
    "a cluster's database": (
        "[store]\nurl='redis+cluster://a:1/3'\n",
        "store.url",
        2,
        "database 0 only",
        "redis+cluster://one",
    ),
    "a store's port": ("[store]\nurl='rediss://h:99999/0'\n", "store.url", 2, "port", "rediss://host:6379/0"),
    "a store without a folder": ("[store]\nurl='dir:'\n", "store.url", 2, "folder", "dir:log"),
    "a password of the store twice": (
        "[store]\nurl='redis://:a@h'\npassword={env='P'}\n",
        "store.url",
        2,
        "beside [store].password",
        "take it out",
    ),
    "a store never asked": ("[store]\ninterval='0s'\n", "store.interval", 2, "out of range", "0.05"),
    "a store without time": ("[store]\ntimeout=0\n", "store.timeout", 2, "out of range", "0.001"),
    "a store's duration": ("[store]\ntimeout='soon'\n", "store.timeout", 2, "duration", '"5s"'),
    "a store's password that is a number": ("[store]\npassword=5\n", "store.password", 2, "secret", "env"),
    "a webhook that is a number": ("[triage]\nwebhook=5\n", "triage.webhook", 2, "secret", "env"),
    "a webhook that is no address": ("[triage]\nwebhook='h'\n", "triage.webhook", 2, "http://", "http"),
    "nobody who acts": ("[triage]\nby=' '\n", "triage.by", 2, "empty", "leave the key out"),
    "a misspelled key of triage": ("[triage]\nchanel='#a'\n", "triage.chanel", 2, "unknown", "channel"),
    "a triage key in the store": ("[store]\nwebhook='x'\n", "store.webhook", 2, "unknown", "[triage]"),
    "no way to write back": ("[documents]\nwrite_back='aks'\n", "documents.write_back", 2, "'ask'", "ask"),
    "frames too rare": ("[collect]\nevery='4s'\n", "collect.every", 2, "out of range", "0.05 and 3"),
    "a lease too short": ("[collect]\nlease='200ms'\n", "collect.lease", 2, "out of range", "1 and 300"),
    "no time of the day": ("[collect]\npublish='24:00'\n", "collect.publish[0]", 2, "no time of", "23:55"),
    "no address to listen at": ("[collect]\nlisten='9460'\n", "collect.listen", 2, "no address", "127.0.0"),
    "nowhere to serve": ("[serve]\nlisten='here:70000'\n", "serve.listen", 2, "no address", "127.0.0.1"),
    "tabs beyond the relay": ("[serve]\nsessions=257\n", "serve.sessions", 2, "out of range", "1 and 256"),
    "the usual port": (
        "[serve]\norigins='https://a:443'\n",
        "serve.origins[0]",
        2,
        "usual port",
        "https://a",
    ),
    "no mere origin": ("[serve]\norigins='https://a/b'\n", "serve.origins[0]", 2, "no origin", "https"),
    "a store": ("[store]\nurl='rediss//h'\n", "store.url", 2, "store", "rediss"),
    "control characters in a path": (
        '[documents]\npaths=["a\\u001b.md"]\n',
        "documents.paths[0]",
        2,
        "control characters",
        "",
    ),
    "a syntax error": ("[program]\nid = \n", "", 2, "this is not TOML", ""),
    "a key twice": ("[program]\nid = 'a'\nid = 'b'\n", "", 3, "this is not TOML", ""),
    "a text without an end": ('a = """b\nc', "", 2, "this is not TOML", ""),
    "a huge number": (f"a = {'9' * 5000}\n", "", None, "digits", ""),
    "deep lists": (f"a = {'[' * 50_000}", "", None, "too deeply", ""),
    "deep keys": (f"keys.{'a.' * 300}b = 1", "", None, "too deeply", ""),
    "very deep keys": (f"{'a.' * 200_000}b = 1", "", 1, "too deeply", ""),
}


@pytest.mark.parametrize("what", CASES)
def test_every_error_has_a_place_and_a_remedy(what: str) -> None:
    """Each mistake is exactly one error, at its key and line, in plain words, with what to write instead."""
    text, key, line, message, remedy = CASES[what]
    (error,) = errors(text)
    assert (error.file, error.key, error.line) == ("controlroom.toml", key, line)
    assert message in error.message
    assert remedy in error.remedy


def test_all_errors_at_once_in_the_order_of_the_file() -> None:
    """Spelling, types and rules are all reported in one go, whatever else is wrong."""
    text = "\n".join(
        [
            "[program]",
            "zone = 'Mars/Base'",
            "titel = 'x'",
            "[[services]]",
            "kind = 5",
            "[[services]]",
            "id = 'a'",
            "kind = 'tcp'",
            "url = 'nowhere'",
            "[[waves]]",
            "start = 'x'",
            "[polling]",
            "timeout = 'long'",
        ]
    )
    assert [error.key for error in errors(text)] == [
        "program.zone",
        "program.titel",
        "services[0].kind",
        "services[1].url",
        "waves[0].id",
        "waves[0].start",
        "polling.timeout",
    ]


def test_no_message_repeats_a_secret() -> None:
    """Neither the wrong value nor its neighbours are shown where a secret may stand."""
    text = """
        [[services]]
        kind = "http"
        url = "http://user:hunter2@[broken"
        password = ["hunter3"]
        token = 5
        headers = { Authorization = ["Bearer hunter4"], "X-B" = { env = "A", file = "hunter5" } }
        """
    found = errors(text)
    assert len(found) >= 4
    assert "hunter" not in str([(e.message, e.remedy, str(e)) for e in found])


def test_what_cannot_be_read_is_an_ordinary_error(tmp_path: Path) -> None:
    """A folder, a pipe, bytes that are no text, too many of them: each is one named error."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bytes").write_bytes(b"[program]\nid = '\xff'\n")
    (tmp_path / "large").write_bytes(b"#" * (1 << 20) + b"\n")
    expected = {
        tmp_path: "folder",
        tmp_path / "pipe": "not a regular file",
        tmp_path / "bytes": "UTF-8",
        tmp_path / "large": "larger than 1 MiB",
        tmp_path / "missing": "no such configuration",
        Path("nul\0byte"): "cannot be read",
    }
    for path, message in expected.items():
        with pytest.raises(ConfigErrors) as caught:
            load(path, environ={})
        (error,) = caught.value.errors
        assert message in error.message
        assert error.remedy


def test_a_file_that_fails_while_it_is_read() -> None:
    """An input/output error is an error with its reason; the kernel gives one for address 0."""
    with pytest.raises(ConfigErrors) as caught:
        load("/proc/self/mem", environ={})
    assert "Input/output error" in str(caught.value)


def test_a_byte_order_mark_is_no_error() -> None:
    """Editors that begin a file with a mark are forgiven."""
    assert errors("\ufeff[program]\nid = 'a'\n") == ()


LEAVES = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.text(max_size=12),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.sampled_from(["mon", "http", "5s", "Week 1 Day 3", "latest friday", "UTC", "http://h", "09:00"]),
)
SOME_KEYS = st.sampled_from(
    (
        *("id", "name", "weeks", "signals", "rules", "kind", "url", "title", "days", "time", "label", "text"),
        *("focus", "declared", "rotation", "headers", "password", "paths", "interval", "squads", "nonsense"),
        *("depends_on", "changes", "start", "end", "zone"),
    )
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SOME_KEYS, inner, max_size=4),
    max_leaves=12,
)
TABLES = st.dictionaries(SOME_KEYS, VALUES, max_size=5)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(keys(File))), TABLES | st.lists(TABLES, max_size=3) | LEAVES))
def test_whatever_stands_in_a_file_is_a_configuration_or_errors(data: dict[str, object]) -> None:
    """No combination of types raises anything but ConfigErrors, and every error has words and a key."""
    text = tomlkit.dumps(data)
    for error in errors(text):
        assert error.message
        assert error.key or "TOML" in error.message or "deep" in error.message


def test_a_long_chain_of_services_is_no_circle() -> None:
    """Thousands of services that depend on one another are looked through at once, in any order."""
    text = "".join(
        f"[[services]]\nid='s{n}'\nkind='tcp'\nurl='h:1'\ndepends_on=['s{n + 1}']\n" for n in range(5000)
    )
    assert errors(text + "[[services]]\nid='s5000'\nkind='tcp'\nurl='h:1'\n") == ()
    (error,) = errors(text + "[[services]]\nid='s5000'\nkind='tcp'\nurl='h:1'\ndepends_on=['s4999']\n")
    assert "s4999 → s5000 → s4999" in error.message
