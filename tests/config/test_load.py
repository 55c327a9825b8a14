"""What a controlroom.toml means: dates, ids, short forms, defaults, and which file it is."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from controlroom.config.errors import ConfigErrors
from controlroom.config.load import find, from_text, load
from controlroom.config.values import Config
from controlroom.domain.rituals import Scenario
from controlroom.domain.secret import SecretRef

WEDNESDAY = dt.date(2025, 10, 8)


def read(text: str) -> Config:
    return from_text(text, Path("controlroom.toml"), today=lambda _: WEDNESDAY)


def test_nothing_is_invented_for_an_empty_file() -> None:
    """An empty configuration is valid and declares no service, squad, wave or ritual."""
    config = read("")
    assert (config.services, config.prometheus, config.alertmanagers) == ((), (), ())
    program = config.program
    assert (program.waves, program.squads, program.rituals, program.milestones) == ((), (), (), ())
    assert program.start is None


def test_documents_alone_make_a_configuration() -> None:
    """A file with only document paths loads, everything else at its default."""
    config = read('[documents]\npaths = ["docs/*.md"]\n')
    assert config.documents.paths == ("docs/*.md",)
    assert config.store.url == "dir:log"
    assert config.polling.services == 5.0


def test_the_store_and_triage() -> None:
    """Durations may be words, a secret is a reference, and what is left out has its default."""
    config = read(
        "[store]\nurl='rediss://h:1/2'\ninterval='250ms'\ntimeout=3\nusername='u'\npassword={env='P'}\n"
        "ca='a b.pem'\ncert='c.pem'\nkey='k.pem'\n"
        "[triage]\nby='Noor'\nchannel='#cellar'\nwebhook={file='hook'}\n"
        "[documents]\nwrite_back='always'\n"
    )
    store, triage = config.store, config.triage
    assert (store.url, store.interval, store.timeout, store.username) == ("rediss://h:1/2", 0.25, 3.0, "u")
    assert (store.password, store.ca, store.cert, store.key) == (
        SecretRef(env="P"),
        "a b.pem",
        "c.pem",
        "k.pem",
    )
    assert (triage.by, triage.channel, triage.webhook) == ("Noor", "#cellar", SecretRef(file="hook"))
    assert config.documents.write_back == "always"
    bare = read("[triage]\nchannel=''\n")
    assert (bare.store.url, bare.store.interval, bare.store.timeout) == ("dir:log", 1.0, 2.0)
    assert (bare.triage.by, bare.triage.channel, bare.triage.webhook) == (None, "", None)
    assert bare.documents.write_back == "ask"


def test_a_written_secret_is_kept_as_one() -> None:
    """A password or webhook written into the file works, and no representation shows it."""
    config = read("[store]\nurl='redis://h'\npassword='hunter2'\n[triage]\nwebhook='https://h/hunter2'\n")
    assert config.store.password == SecretRef(literal="hunter2")
    assert config.triage.webhook == SecretRef(literal="https://h/hunter2")
    assert "hunter2" not in repr((config.store, config.triage))


@pytest.mark.parametrize("start", ["2025-10-04", '"2025-10-04"', '"latest saturday"', '"Latest Saturday"'])
def test_the_start_may_be_a_date_a_text_or_the_latest_weekday(start: str) -> None:
    """All spellings give the same Saturday on the Wednesday after it."""
    assert read(f"[program]\nstart = {start}\n").program.start == dt.date(2025, 10, 4)


def test_the_latest_weekday_may_be_today() -> None:
    """On that weekday itself, the latest one is today."""
    assert read('[program]\nstart = "latest wednesday"\n').program.start == WEDNESDAY


def test_today_is_asked_in_the_programmes_zone(tmp_path: Path) -> None:
    """The zone handed to `today` is the programme's, and nobody is asked where the start is a date."""
    asked: list[str] = []

    def today(zone: str) -> dt.date:
        asked.append(zone)
        return WEDNESDAY

    path = tmp_path / "controlroom.toml"
    path.write_text('[program]\nzone = "Asia/Tokyo"\nstart = "latest monday"\n')
    load(path, environ={}, today=today)
    path.write_text('[program]\nzone = "Asia/Tokyo"\nstart = 2025-10-06\n')
    load(path, environ={}, today=today)
    assert asked == ["Asia/Tokyo"]


def test_weeks_and_labels_become_dates() -> None:
    """Waves, sprints and milestones given in weeks have dates once the start is known; ends are exclusive."""
    program = read(
        """
        [program]
        start = 2025-10-04
        [[waves]]
        name = "Wave A"
        weeks = [1, 2]
        [[sprints]]
        name = "Sprint 2"
        weeks = [2, 2]
        [[milestones]]
        label = "Week 3 Day 4"
        text = "Cut over"
        """
    ).program
    assert (program.waves[0].start, program.waves[0].end) == (dt.date(2025, 10, 4), dt.date(2025, 10, 18))
    assert (program.sprints[0].start, program.sprints[0].end) == (
        dt.date(2025, 10, 11),
        dt.date(2025, 10, 18),
    )
    assert program.milestones[0].date == dt.date(2025, 10, 21)


def test_a_written_date_wins_over_a_label() -> None:
    """A milestone keeps the date it gives, whatever its label says."""
    text = '[program]\nstart = 2025-10-04\n[[milestones]]\nlabel = "W1D3"\ndate = 2025-10-09\ntext = "x"\n'
    assert read(text).program.milestones[0].date == dt.date(2025, 10, 9)


def test_ids_are_made_of_names() -> None:
    """Where no id is given, it is made of name, title or kind; a sprint's number is its identity."""
    config = read(
        """
        [[squads]]
        name = "Policy & Orchestration"
        [[waves]]
        name = "Wave A"
        [[sprints]]
        name = "Sprint-2 — Hardening"
        [[rituals]]
        title = "Integration Day"
        [[services]]
        kind = "redis"
        url = "redis://127.0.0.1"
        [[milestones]]
        date = 2025-10-08
        text = "Open"
        """
    )
    program = config.program
    assert program.squads[0].id == "policy_orchestration"
    assert program.waves[0].id == "wave_a"
    assert program.sprints[0].id == "sprint-2"
    assert program.rituals[0].id == "integration_day"
    assert config.services[0].id == "redis"
    assert program.milestones[0].id == "2025_10_08_open"


def test_names_and_aliases_mean_the_squad() -> None:
    """Wherever a squad, wave, sprint or milestone is named, the value holds its id."""
    config = read(
        """
        [[squads]]
        id = "infra"
        name = "Infra & Ops"
        aliases = ["Infrastructure"]
        [[waves]]
        name = "Wave A"
        squads = ["Infrastructure", "infra & ops"]
        sprints = ["Sprint-1: begin"]
        [[sprints]]
        name = "Sprint 1"
        wave = "Wave A"
        [[services]]
        kind = "tcp"
        url = "127.0.0.1:1"
        owner = "Infra & Ops"
        squads = ["Infrastructure"]
        [[alertmanagers]]
        url = "http://127.0.0.1:9093"
        [[alertmanagers.rules]]
        label = "job"
        value = "node"
        squad = "Infrastructure"
        """
    )
    program = config.program
    assert program.waves[0].squads == ("infra",)
    assert program.waves[0].sprints == ("sprint-1",)
    assert program.sprints[0].wave == "wave_a"
    assert config.services[0].owner == "infra"
    assert config.services[0].squads == ("infra",)
    assert config.alertmanagers[0].rules[0].squad == "infra"


def test_declared_text_is_kept_and_read() -> None:
    """A declared text stays verbatim, its state is read or given, and its source is the file."""
    waves = read(
        """
        [[waves]]
        name = "A"
        declared = "✅ Active"
        [[waves]]
        name = "B"
        declared = { text = "go", state = "approved_early" }
        [[waves]]
        name = "C"
        declared = "who knows"
        """
    ).program.waves
    declared = [wave.declared for wave in waves]
    assert [(d.text, d.state) for d in declared if d] == [
        ("✅ Active", "active"),
        ("go", "approved_early"),
        ("who knows", None),
    ]
    assert all(d and d.source and d.source.endswith("controlroom.toml") for d in declared)


def test_squads_signals_know_their_squad() -> None:
    """A signal carries the squad that lists it, counts for the exit by default, and may be just a name."""
    squads = read(
        """
        [[squads]]
        name = "Insight"
        focus = "Gaps"
        signals = ["up"]
        [[squads]]
        name = "Platform"
        focus = { "Wave A" = "Hosts" }
        [[squads.signals]]
        metric = "node_load1"
        required_for_exit = false
        """
    ).program.squads
    assert [(s.metric, s.squad, s.required_for_exit) for q in squads for s in q.signals] == [
        ("up", "insight", True),
        ("node_load1", "platform", False),
    ]
    assert squads[0].focus == {"focus": "Gaps"}
    assert squads[1].focus == {"Wave A": "Hosts"}


def test_rituals_in_the_ways_people_write_them() -> None:
    """Days and times are understood in several spellings; a rotation implies that it rotates."""
    rituals = read(
        """
        [[rituals]]
        title = "a"
        days = "Daily"
        time = 09:00:00
        [[rituals]]
        title = "b"
        days = ["Thursday", "mon"]
        time = "9:30"
        [[rituals]]
        title = "c"
        days = "Mon/Thu"
        rotation = { 1 = "Kafka outage", 2 = { scenario = "Redis failover", owner = "Noor" } }
        changes = [{ date = 2025-10-09, to_time = "08:15" }]
        """
    ).program.rituals
    assert [r.days for r in rituals] == ["daily", ("mon", "thu"), ("mon", "thu")]
    assert [r.time for r in rituals] == [dt.time(9), dt.time(9, 30), None]
    assert rituals[2].rotation == (Scenario(1, "Kafka outage"), Scenario(2, "Redis failover", "Noor"))
    assert [r.rotates for r in rituals] == [False, False, True]
    assert rituals[2].changes[0].to_time == dt.time(8, 15)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ('"5s"', 5.0), ('"250ms"', 0.25), ('"2m"', 120.0), ('"1h 30m"', 5400.0)],
)
def test_durations(written: str, seconds: float) -> None:
    """Durations are numbers of seconds or text with units, wherever one is expected."""
    text = f"[polling]\nservices = {written}\n[documents]\ninterval = {written}\n[[prometheus]]\nurl = 'http://h'\n"
    config = read(text + f"interval = {written}\n")
    assert config.polling.services == config.documents.interval == config.prometheus[0].interval == seconds


def test_keys_may_be_quoted_or_dotted() -> None:
    """`[keys]` takes action ids with and without quotes, keys as text or list, and no keys at all."""
    keys = read('[keys]\npane.zoom = "z"\n"screen.freeze" = ["f", "F"]\nlints.show = ""\n').keys
    assert keys == {"pane.zoom": "z", "screen.freeze": "f,F", "lints.show": ""}


def test_secrets_are_references() -> None:
    """Passwords, tokens and header values name where they are kept; a literal one is kept out of repr."""
    text = """
        [[services]]
        kind = "http"
        url = "http://127.0.0.1"
        username = "u"
        password = { env = "P" }
        headers = { "X-Key" = { file = "k" }, "X-Plain" = "v" }
        [[prometheus]]
        url = "http://127.0.0.1"
        token = "hunter2"
        """
    config = read(text)
    assert config.services[0].password == SecretRef(env="P")
    assert config.services[0].headers == {"X-Key": SecretRef(file="k"), "X-Plain": "v"}
    assert config.prometheus[0].token == SecretRef(literal="hunter2")
    assert "hunter2" not in repr(config)


def test_text_is_cleaned_and_the_banner_is_not() -> None:
    """Escape sequences leave names and notes; the banner stays byte for byte."""
    text = '[program]\ntitle = "a\\u001b[31mb"\nbanner = "x\\u001by\\n"\n[[squads]]\nname = "S\\u202eq"\n'
    program = read(text).program
    assert program.title == "a[31mb"
    assert program.banner == "x\x1by\n"
    assert program.squads[0].name == "Sq"


def test_the_files_that_are_looked_for_in_order(tmp_path: Path) -> None:
    """`--config` beats the variable, which beats ./controlroom.toml, which beats the user's folder."""
    home = tmp_path / "home"
    (home / ".config/controlroom").mkdir(parents=True)
    (home / ".config/controlroom/controlroom.toml").touch()
    environ = {"HOME": str(home), "CONTROLROOM_CONFIG": "/named/by/variable.toml"}
    assert find("given.toml", environ) == Path("given.toml")
    assert find(None, environ) == Path("/named/by/variable.toml")
    del environ["CONTROLROOM_CONFIG"]
    assert find(None, environ) == home / ".config/controlroom/controlroom.toml"
    assert find(None, {"XDG_CONFIG_HOME": str(home / ".config")}) == find(None, environ)
    assert find(None, {}) is None


def test_no_file_at_all_means_the_defaults() -> None:
    """Without any configuration the built-in defaults hold, and say that they come from no file."""
    config = load(None, environ={})
    assert config.path is None
    assert config.services == ()


def test_the_path_is_absolute(tmp_path: Path) -> None:
    """A configuration knows its folder wherever the program goes later."""
    (tmp_path / "controlroom.toml").write_text("")
    config = load(tmp_path / "controlroom.toml", environ={})
    assert config.path == tmp_path / "controlroom.toml"
    assert config.folder == tmp_path


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    """A configuration named explicitly is not silently replaced by another."""
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path / "missing.toml", environ={})
    assert "no such configuration" in caught.value.errors[0].message


def test_milestones_with_the_same_words_stay_apart() -> None:
    """An id that is made of label and text is made unique, and is never an error by itself."""
    text = "[[milestones]]\nlabel = 'W1D3'\ntext = 'Demo'\n" * 2
    assert [m.id for m in read(text).program.milestones] == ["w1d3_demo", "w1d3_demo_2"]
