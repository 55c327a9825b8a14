"""`config check` says everything at once, what only a look at the world can tell included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controlroom.config.check import check
from controlroom.config.errors import Problems
from controlroom.headless import config as report


def problems(folder: Path, text: str, **environ: str) -> Problems:
    path = folder / "controlroom.toml"
    path.write_text(text, encoding="utf-8")
    return check(path, environ=environ)


ERRORS = {
    "a dashboard that is not there": ("[dashboards]\npaths='a.json'\n", "dashboards.paths[0]", "a.json"),
    "a document that is not there": ("[documents]\npaths=['a.md']\n", "documents.paths[0]", "a.md"),
    "certificates that are not there": (
        "[[prometheus]]\nurl='http://h'\nca='ca.pem'\n",
        "prometheus[0].ca",
        "ca.pem",
    ),
    "a secret file that is not there": (
        "[[prometheus]]\nurl='http://h'\ntoken={file='t'}\n",
        "prometheus[0].token",
        "No such file",
    ),
    "a command that is not there": (
        "[[prometheus]]\nurl='http://h'\ntoken={command='no-such-program x'}\n",
        "prometheus[0].token",
        "no-such-program",
    ),
    "an unknown squad": ("[[waves]]\nname='A'\nsquads=['Ops']\n", "waves[0].squads[0]", '"Ops"'),
    "an unknown sprint": ("[[waves]]\nname='A'\nsprints=['Sprint 9']\n", "waves[0].sprints[0]", '"Sprint 9"'),
    "an unknown wave": ("[[sprints]]\nname='Sprint 1'\nwave='B'\n", "sprints[0].wave", '"B"'),
    "an unknown service": (
        "[[services]]\nkind='tcp'\nurl='h:1'\ndepends_on=['redis']\n",
        "services[0].depends_on[0]",
        '"redis"',
    ),
    "an unknown Prometheus": (
        "[[squads]]\nname='A'\n[[squads.signals]]\nmetric='m'\nserver='other'\n",
        "squads[0].signals[0].server",
        '"other"',
    ),
    "an unknown owner of alerts": (
        "[[alertmanagers]]\nurl='http://h'\nrules=[{label='a',value='b',squad='C'}]\n",
        "alertmanagers[0].rules[0].squad",
        '"C"',
    ),
    "an unknown theme": ("[ui]\ntheme='controlroom-dork'\n", "ui.theme", "controlroom-dork"),
    "an unknown action": ("[keys]\npane.zum = 'z'\n", "keys.pane.zum", "no such action"),
    "a key with two meanings": ("[keys]\npane.zoom = 'f'\n", "keys.pane.zoom", "squad.focus"),
    "the store's certificates that are not there": (
        "[store]\nurl='rediss://h'\nca='ca.pem'\n",
        "store.ca",
        "ca.pem",
    ),
    "a service's key without its certificate": (
        "[[services]]\nkind='http'\nurl='http://h'\nkey='controlroom.toml'\n",
        "services[0].key",
        "without its certificate",
    ),
    "a certificate without its key": (
        "[store]\nurl='rediss://h'\ncert='controlroom.toml'\n",
        "store.cert",
        "without its key",
    ),
    "a key without its certificate": (
        "[store]\nurl='rediss://h'\nkey='controlroom.toml'\n",
        "store.key",
        "without its certificate",
    ),
    "a secret file of the store that is not there": (
        "[store]\nurl='redis://h'\npassword={file='p'}\n",
        "store.password",
        "No such file",
    ),
    "a command for the webhook that is not there": (
        "[triage]\nwebhook={command='no-such-program x'}\n",
        "triage.webhook",
        "no-such-program",
    ),
    "a file where a folder is meant": ("[status]\ndir='controlroom.toml'\n", "status.dir", "not a folder"),
}


@pytest.mark.parametrize("what", ERRORS)
def test_what_only_the_world_can_tell(tmp_path: Path, what: str) -> None:
    """Files, names and keys that lead nowhere are errors with key, line and remedy."""
    text, key, message = ERRORS[what]
    found = problems(tmp_path, text, HOME=str(tmp_path))
    (error,) = found.errors
    assert error.key == key
    assert error.line is not None
    assert message in error.message
    assert error.remedy
    assert found.warnings == ()


WARNINGS = {
    "a pattern without documents": ("[documents]\npaths=['*.md']\n", "documents.paths[0]", "no document"),
    "a pattern without dashboards": (
        "[dashboards]\npaths=['g/*.json']\n",
        "dashboards.paths[0]",
        "no dashboard",
    ),
    "a dashboard where none are configured": (
        "[[squads]]\nname='A'\n[[squads.signals]]\nmetric='m'\ndashboard='any'\n",
        "squads[0].signals[0].dashboard",
        "no dashboards",
    ),
    "a charter that is not there": ("[[squads]]\nname='A'\ncharter='a.md'\n", "squads[0].charter", "a.md"),
    "an unset variable": (
        "[[prometheus]]\nurl='http://h'\ntoken={env='T'}\n",
        "prometheus[0].token",
        "T is not set",
    ),
    "a password in an address": ("[store]\nurl='redis://u:hunter2@h'\n", "store.url", "a secret is written"),
    "a token in an address": (
        "[[prometheus]]\nurl='http://h?token=hunter2'\n",
        "prometheus[0].url",
        "a secret",
    ),
    "a token in an address of the evidence": (
        "[evidence]\nrequests=['http://h/a', 'http://h/b?token=hunter2']\n",
        "evidence.requests[1]",
        "a secret",
    ),
    "a literal password": (
        "[[services]]\nkind='redis'\nurl='redis://h'\npassword='hunter2'\n",
        "services[0].password",
        "a secret",
    ),
    "a literal header": (
        "[[services]]\nkind='http'\nurl='http://h'\nheaders={'X-Api-Key'='hunter2', Accept='a'}\n",
        "services[0].headers.X-Api-Key",
        "a secret",
    ),
    "a literal password of the store": (
        "[store]\nurl='redis://h'\npassword='hunter2'\n",
        "store.password",
        "a secret",
    ),
    "a literal webhook": ("[triage]\nwebhook='https://h/hunter2'\n", "triage.webhook", "a secret"),
    "an unset variable for the webhook": (
        "[triage]\nwebhook={env='HOOK'}\n",
        "triage.webhook",
        "HOOK is not set",
    ),
    "certificates that nobody asks for": ("[store]\nurl='redis://h'\nca='x'\n", "store.ca", "rediss://"),
    "a user of a folder": ("[store]\nusername='u'\n", "store.username", "redis://"),
    "a bare offset": ("[ui]\nviewer_zone='+05:30'\n", "ui.viewer_zone", "daylight"),
    "weeks without a start": ("[[waves]]\nname='A'\nweeks=[1,2]\n", "program.start", "no dates"),
}


@pytest.mark.parametrize("what", WARNINGS)
def test_what_works_and_is_worth_knowing(tmp_path: Path, what: str) -> None:
    """A warning is no error, has its place, and shows no secret."""
    text, key, message = WARNINGS[what]
    found = problems(tmp_path, text)
    assert found.errors == ()
    (warning,) = found.warnings
    assert warning.key == key
    assert message in warning.message
    assert "hunter2" not in report.as_text(found) + report.as_json(found)


def test_a_password_in_the_stores_address_has_a_place_of_its_own(tmp_path: Path) -> None:
    """The warning says where the password belongs, whatever kind of Redis it is."""
    for url in (
        "redis://:hunter2@h",
        "rediss+sentinel://u:hunter2@a,b/m",
        "redis+cluster://u:hunter2@a:1,b:2",
    ):
        (warning,) = problems(tmp_path, f"[store]\nurl='{url}'\n").warnings
        assert "[store].password = { env" in warning.remedy


def test_a_secret_in_an_address_of_the_evidence_is_sent_to_the_services(tmp_path: Path) -> None:
    """An address of the evidence takes no reference, so the remedy names what does."""
    (warning,) = problems(tmp_path, "[evidence]\nrequests=['http://u:hunter2@h/']\n").warnings
    assert "[[services]]" in warning.remedy
    assert "{ env" not in warning.remedy


def test_a_store_for_a_team_is_no_problem(tmp_path: Path) -> None:
    """Sentinel, TLS with certificates of its own, a user and references: nothing to remark."""
    for name in ("ca.pem", "room.pem", "room.key"):
        (tmp_path / name).touch()
    text = """
        [store]
        url = "rediss+sentinel://one:26379,two:26379/mymaster/2?prefix=orchard"
        username = "room"
        password = { env = "STORE" }
        ca = "ca.pem"
        cert = "room.pem"
        key = "room.key"
        [triage]
        by = "Noor"
        channel = "#cellar"
        webhook = { env = "HOOK" }
        """
    found = problems(tmp_path, text, STORE="x", HOOK="https://h/x", HOME=str(tmp_path))
    assert (found.errors, found.warnings) == ((), ())


def test_documents_may_declare_what_the_file_does_not(tmp_path: Path) -> None:
    """With documents, an unknown squad or wave is a warning; a service never comes from a document."""
    (tmp_path / "a.md").write_text("# A\n")
    text = "[documents]\npaths=['*.md']\n[[services]]\nkind='tcp'\nurl='h:1'\nowner='Ops'\ndepends_on=['x']\n"
    found = problems(tmp_path, text)
    assert [e.key for e in found.errors] == ["services[0].depends_on[0]"]
    assert [w.key for w in found.warnings] == ["services[0].owner"]


def test_what_is_there_is_no_problem(tmp_path: Path) -> None:
    """Files, folders, variables, commands and the user's own themes that exist are found."""
    (tmp_path / "docs/squads").mkdir(parents=True)
    (tmp_path / "docs/squads/a.md").touch()
    (tmp_path / "ca.pem").touch()
    (tmp_path / "s").write_text("x")
    own = tmp_path / ".config/controlroom/themes"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text("name = 'mine'\n")
    text = """
        [documents]
        paths = ["docs/**/*.md", "docs/squads/a.md"]
        [ui]
        theme = "mine"
        [[squads]]
        name = "A"
        charter = "docs/squads/a.md"
        [[services]]
        kind = "http"
        url = "http://h"
        ca = "ca.pem"
        username = "u"
        password = { file = "s" }
        headers = { "X-A" = { env = "E" }, "X-B" = { command = "sh -c true" }, Accept = "text/plain" }
        """
    found = problems(tmp_path, text, HOME=str(tmp_path), E="x", PATH="/usr/bin:/bin")
    assert (found.errors, found.warnings) == ((), ())


def test_a_command_is_not_run(tmp_path: Path) -> None:
    """Checking a configuration has no effect."""
    problems(tmp_path, "[[prometheus]]\nurl='http://h'\ntoken={command='touch ran'}\n", PATH="/usr/bin:/bin")
    assert not (tmp_path / "ran").exists()


def test_load_errors_and_others_come_together(tmp_path: Path) -> None:
    """A type error hides nothing that could be found in the rest of the file."""
    text = "[polling]\nat_once='x'\n[documents]\npaths=['missing.md']\n"
    text += "[ui]\ntheme='nope'\nviewer_zone='+02:00'\n"
    found = problems(tmp_path, text)
    assert [e.key for e in found.errors] == ["polling.at_once", "documents.paths[0]", "ui.theme"]
    assert [w.key for w in found.warnings] == ["ui.viewer_zone"]


def test_the_report_as_json(tmp_path: Path) -> None:
    """One document with path, errors and warnings; exit code 2 only for errors."""
    found = problems(tmp_path, "[program]\nzoen='UTC'\n[ui]\nviewer_zone='+02:00'\n")
    document = json.loads(report.as_json(found))
    assert set(document) == {"path", "errors", "warnings"}
    assert document["path"] == str(tmp_path / "controlroom.toml")
    (error,) = document["errors"]
    assert error == {
        "file": document["path"],
        "key": "program.zoen",
        "line": 2,
        "message": "unknown key 'zoen'",
        "remedy": 'did you mean "zone"?',
    }
    assert len(document["warnings"]) == 1
    assert report.exit_code(found) == 2
    assert report.exit_code(problems(tmp_path, "[ui]\nviewer_zone='+02:00'\n")) == 0


def test_the_report_as_text(tmp_path: Path) -> None:
    """Each problem has its place and, on a line of its own, its remedy; hostile names are harmless."""
    text = report.as_text(problems(tmp_path, '[program]\n"zo\\u001b[31mne" = 1\n'))
    assert "controlroom.toml:2: program.zo[31mne" in text
    assert "\x1b" not in text
    assert text.endswith("1 error\n")
    assert report.as_text(problems(tmp_path, "")).endswith("controlroom.toml: fine\n")
    assert "built-in defaults" in report.as_text(Problems(None))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """Naming a configuration that is not there is reported like anything else."""
    found = check(tmp_path / "none.toml", environ={})
    assert "no such configuration" in found.errors[0].message
