"""Changes to controlroom.toml: exactly what was meant, everything else byte for byte, or not at all."""

from __future__ import annotations

import re
import stat
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.config import edit
from controlroom.config.changes import AcceptMetric, AssignAlerts, ConfigEdit
from controlroom.config.edit import CannotEdit, accept_metric, assign_alerts
from controlroom.config.load import load
from controlroom.config.read import parse

ON = date(2025, 10, 6)
PATH = Path("controlroom.toml")
HARBOUR = """\
# The harbour.
[program]
title = "Harbour"   # as painted on the wall

[[squads]]
name = "Tide Watch"
aliases = ["Tides"]

[[squads.signals]]
metric = "tide_level"
job = "tide"

[[squads.signals]]
job    =    'tide'
metric = 'tide_levle_total' # the one the gate asks for
labels = [
  "basin", # which one
]

[[waves]]
name = "A"

[[squads]]
name = "Locks"
signals = ["lock_opened", "lock_shut"]

[[alertmanagers]]
url = "http://127.0.0.1:9093"

[[alertmanagers.rules]]
label = "service"
value = "weir"
squad = "Locks"

[[prometheus]]
url = "http://127.0.0.1:9090"
"""
CHANGE = AcceptMetric("tide_watch", "tide_levle_total", "tide", "tide_level_total")
RULE = AssignAlerts("alertmanager", "team", "basin", "tide_watch")


def accepted(text: str | bytes, change: AcceptMetric = CHANGE, by: str = "Ada") -> ConfigEdit:
    raw = text.encode() if isinstance(text, str) else text
    return accept_metric(raw, PATH, change, by=by, on=ON)


def assigned(text: str, change: AssignAlerts = RULE, by: str = "Ada") -> ConfigEdit:
    return assign_alerts(text.encode(), PATH, change, by=by, on=ON)


# -- another name for a metric ----------------------------------------------------------------------


def test_the_name_changes_and_the_line_says_who_when_and_what_it_was() -> None:
    """One line differs: the new name in the quotes of the old, the remark that was there, and ours."""
    edited = accepted(HARBOUR)
    old = "metric = 'tide_levle_total' # the one the gate asks for\n"
    new = (
        "metric = 'tide_level_total' # the one the gate asks for"
        "; was tide_levle_total; accepted 2025-10-06 by Ada\n"
    )
    assert edited.text == HARBOUR.replace(old, new)
    assert edited.summary == "Tide Watch promises tide_level_total instead of tide_levle_total"
    assert edited.path == PATH


def test_the_diff_shows_the_change_with_a_few_lines_around() -> None:
    """It is a unified diff of one hunk that names the file."""
    lines = accepted(HARBOUR).diff.splitlines()
    assert lines[:2] == ["--- controlroom.toml", "+++ controlroom.toml (changed)"]
    assert sum(line.startswith("@@") for line in lines) == 1
    assert [line[0] for line in lines[3:]] == [" ", " ", " ", "-", "+", " ", " ", " "]


@pytest.mark.parametrize("name", ["tide_watch", "Tide Watch", "tides", "TIDE-WATCH"])
def test_a_squad_is_found_by_any_of_its_names(name: str) -> None:
    """As everywhere else in the file, its id, name or alias means it."""
    assert "'tide_level_total'" in accepted(HARBOUR, AcceptMetric(name, *_rest(CHANGE))).text


def _rest(change: AcceptMetric) -> tuple[str, str | None, str]:
    return change.metric, change.job, change.name


SPELLINGS = {
    "short form": ('signals = ["a", "old", "b"]', 'signals = ["a", "new", "b"]  # {}'),
    "short form over lines": (
        'signals = [\n  "a", # one\n  "old",\n]',
        'signals = [\n  "a", # one\n  "new",  # {}\n]',
    ),
    "inline table": ('signals = [{ metric = "old" }]', 'signals = [{ metric = "new" }]  # {}'),
    "inline tables over lines": (
        'signals = [\n  { metric = "a" },\n  { type = "gauge", metric = "old" }, # mine\n]',
        'signals = [\n  { metric = "a" },\n  { type = "gauge", metric = "new" }, # mine; {}\n]',
    ),
    "a list inside": (
        'signals = [{ metric = "old", labels = [\n "x", # [\n ] }]',
        'signals = [{ metric = "new", labels = [  # {}\n "x", # [\n ] }]',
    ),
    "a long string inside": (
        'signals = [{ metric = "old", alert = """x\ny # no""" }]',
        'signals = [{ metric = "new", alert = """x\ny # no""" }]  # {}',
    ),
    "long quotes": ("signals = [\"\"\"old\"\"\", '''b''']", "signals = [\"new\", '''b''']  # {}"),
    "quoted keys": (
        "[['squads' . \"signals\"]]\n\"metric\"='old'#x",
        "[['squads' . \"signals\"]]\n\"metric\"='new'#x; {}",
    ),
    "written as escapes": ('signals = ["\\u006fld"]', 'signals = ["new"]  # {}'),
}


@pytest.mark.parametrize(("before", "after"), SPELLINGS.values(), ids=SPELLINGS)
def test_every_way_to_write_a_signal_is_understood(before: str, after: str) -> None:
    """Only the name changes, and the remark stands where TOML allows one."""
    text = f"[[squads]]\nname = 'A'\n{before}\n[[squads]]\nname = 'B'\nsignals = ['old']\n"
    edited = accepted(text, AcceptMetric("a", "old", None, "new"))
    assert edited.text == text.replace(before, after.replace("{}", "was old; accepted 2025-10-06 by Ada"))


@pytest.mark.parametrize(
    "make",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.rstrip("\n"),
        lambda text: text[: text.index("[[waves]]")].rstrip("\n"),
    ],
    ids=["crlf", "bom", "no final newline", "end of file"],
)
def test_line_ends_and_marks_stay(make: object) -> None:
    """Neither line ends nor a byte order mark nor a missing last line break are touched."""
    assert callable(make)
    before: str = make(HARBOUR)
    edited = accepted(before)
    remark = "; was tide_levle_total; accepted 2025-10-06 by Ada"
    assert edited.text.replace(remark, "").replace("tide_level_total", "tide_levle_total") == before


WRONG = {
    "no such squad": (AcceptMetric("weirs", "a", None, "b"), "declared in a document"),
    "no such signal": (AcceptMetric("locks", "lock_open", None, "b"), "promises no lock_open"),
    "another job": (AcceptMetric("locks", "lock_shut", "x", "b"), "promises no lock_shut of job x"),
    "promised already": (AcceptMetric("locks", "lock_shut", None, "lock_opened"), "promises lock_opened"),
    "an empty name": (AcceptMetric("locks", "lock_shut", None, " "), "cannot be the name of a metric"),
    "a name with an escape": (AcceptMetric("locks", "lock_shut", None, "a\x1b[2J"), "cannot be the name"),
    "half a character": (AcceptMetric("locks", "lock_shut", None, "a\ud800"), "cannot be"),
}


@pytest.mark.parametrize(("change", "reason"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_accepted_says_why(change: AcceptMetric, reason: str) -> None:
    """The reason names the squad or the name, and there is something to do."""
    with pytest.raises(CannotEdit, match=reason) as caught:
        accepted(HARBOUR, change)
    assert caught.value.remedy


def test_a_signal_promised_twice_is_left_to_people() -> None:
    """Nobody can tell which of two is meant."""
    text = "[[squads]]\nname='A'\n" + "[[squads.signals]]\nmetric='m'\n" * 2
    with pytest.raises(CannotEdit, match="2 times"):
        accepted(text, AcceptMetric("a", "m", None, "n"))


@pytest.mark.parametrize("text", ["[[squads]\n", "[[squads]]\nname='A'\nsignal=['m']\n", b"\xff"])
def test_a_configuration_with_errors_is_not_changed(text: str | bytes) -> None:
    """What is wrong already is mended first."""
    with pytest.raises(CannotEdit, match="has errors"):
        accepted(text, AcceptMetric("a", "m", None, "n"))


@pytest.mark.parametrize("by", ["Ada\n[program]\nid = 'mine'", "\x1b]0;x\x07", "", "a" * 5_000, '"""', "#"])
def test_a_hostile_name_stays_in_the_remark(by: str) -> None:
    """Whoever accepts it adds no line and no control character, whatever they are called."""
    edited = accepted(HARBOUR, by=by)
    assert len(edited.text.splitlines()) == len(HARBOUR.splitlines())
    assert "\x1b" not in edited.text
    assert len(edited.text) - len(HARBOUR) < 200


def test_secrets_beside_the_change_are_not_shown() -> None:
    """Passwords that are written into the file are not in the diff, and stay in the file."""
    edited = assigned(
        "[[squads]]\nname = 'Tide Watch'\n[[alertmanagers]]\n"
        "url = 'http://ada:hunter2@127.0.0.1:9093'\npassword = \"hunter3\"\n"
    )
    assert "hunter2" in edited.text
    assert "hunter3" in edited.text
    assert "hunter" not in edited.diff
    assert 'password = "…"' in edited.diff


# -- whose alerts they are --------------------------------------------------------------------------


def test_a_rule_is_added_after_the_servers_last_one() -> None:
    """It is a table of its own with a remark; every other line stays."""
    edited = assigned(HARBOUR)
    before, after = HARBOUR.split('squad = "Locks"\n')
    rule = (
        "\n[[alertmanagers.rules]]\n"
        'label = "team"\n'
        'value = "basin"\n'
        'squad = "tide_watch"  # assigned 2025-10-06 by Ada\n'
    )
    assert edited.text == before + 'squad = "Locks"\n' + rule + after
    assert edited.summary == "alerts with team = basin belong to Tide Watch"


SERVERS = {
    "no rules": "url='http://h'\n",
    "a remark last": "url='http://h' # there\n",
    "an empty list": "url='http://h'\nrules = [ ] # none\n",
    "a list": "url='http://h'\nrules = [{label='l',value='v',squad='A'}]\n",
    "a list with a comma": "url='http://h'\nrules = [{label='l',value='v',squad='A'} , ]\n",
    "a list over lines": "url='http://h'\nrules = [\n  {label='l',value='v',squad='A'} # one\n]\n",
    "with a comma, over lines": "url='http://h'\nrules = [\n\t{label='l',match='v',squad='A'}\n\t, #2\n]\n",
    "closed on its line": "url='http://h'\nrules = [\n  {label='l',value='v',squad='A'}]\n",
    "a list of lists": "url='http://h'\nrules = [{label='l',match='v]',squad='A'}]\n",
}


@pytest.mark.parametrize("end", ["", "[ui]\nascii = true\n", "[[alertmanagers]]\nid='two'\nurl='http://i'\n"])
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_rule_finds_its_place_however_rules_are_written(server: str, end: str, newline: str) -> None:
    """The rule is its server's last one, and what stood there is there still, in order."""
    text = f"[[squads]]\nname='A'\n[[squads]]\nname='B'\n[[alertmanagers]]\n{server}{end}"
    before = text.replace("\n", newline)
    edited = assigned(before, AssignAlerts("alertmanager", "l", "w", "b"))
    file, errors = parse(edited.text.encode(), "x")
    assert errors == ()
    first = file.alertmanagers[0].rules[-1]
    assert (first.label, first.value, first.squad) == ("l", "w", "b")
    assert all(server.rules == () for server in file.alertmanagers[1:])
    assert "assigned 2025-10-06 by Ada" in edited.text
    assert is_subsequence(before, edited.text)
    assert set(re.findall(r"\r?\n", edited.text)) == {newline}
    assert "\r" not in edited.text.replace("\r\n", "")


def is_subsequence(before: str, after: str) -> bool:
    rest = iter(after)
    return all(character in rest for character in before)


REFUSED = {
    "the same": (AssignAlerts("alertmanager", "service", "weir", "Locks"), "to locks already"),
    "with another squad": (
        AssignAlerts("alertmanager", "service", "weir", "tides"),
        "to locks, and the first",
    ),
    "no such server": (AssignAlerts("other", "a", "b", "locks"), "no Alertmanager other"),
    "no such squad": (AssignAlerts("alertmanager", "a", "b", "weirs"), "no squad weirs"),
    "an empty value": (AssignAlerts("alertmanager", "a", "", "locks"), "cannot be a label's value"),
    "a control character": (AssignAlerts("alertmanager", "a\x07", "b", "locks"), "cannot be a label"),
}


@pytest.mark.parametrize(("change", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_assigned_says_why(change: AssignAlerts, reason: str) -> None:
    """Nothing is written that would have no effect, or that nobody could read."""
    with pytest.raises(CannotEdit, match=reason) as caught:
        assigned(HARBOUR, change)
    assert caught.value.remedy


def test_an_expression_that_fits_counts_as_the_rule_it_is() -> None:
    """A rule behind one that already takes these alerts would never be asked."""
    text = HARBOUR.replace('value = "weir"', 'match = "we.*"')
    with pytest.raises(CannotEdit, match=r"service like we\.\* to locks"):
        assigned(text, AssignAlerts("alertmanager", "service", "weir", "tides"))


def test_a_squad_that_only_a_document_declares_gets_its_alerts() -> None:
    """Where documents are read, they may be what declares it."""
    text = HARBOUR + "[documents]\npaths = ['x.md']\n"
    assert 'squad = "Weirs"' in assigned(text, AssignAlerts("alertmanager", "a", "b", "Weirs")).text


def test_a_server_on_one_line_is_left_to_people() -> None:
    """There is no place for a table of its own inside it."""
    with pytest.raises(CannotEdit, match="on one line") as caught:
        assigned("alertmanagers = [{url='http://h'}]\n[[squads]]\nname='Tide Watch'\n")
    assert "by hand" in caught.value.remedy


# -- any configuration ------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
NAMES = st.one_of(
    st.from_regex(r"[a-z_:][a-z0-9_:]{0,15}", fullmatch=True),
    WORDS,
    st.sampled_from(['a"b', "a'b", "a\\b", "a#b", "]", "}", "=", '"""', "'''", "a]]", "[[x]]", "a, b"]),
)
REMARKS = st.sampled_from(["", " # [[squads]]", " # \"'", "  #", "\t"])


def basic(text: str) -> str:
    return edit._quoted(text)


@st.composite
def configurations(draw: st.DrawFn) -> tuple[str, AcceptMetric]:
    """A configuration with signals written in many ways, and a change to one of them."""
    names = draw(st.lists(NAMES, min_size=2, max_size=8, unique=True))
    new, *promised = names
    target = draw(st.sampled_from(promised))
    parts = ['[program]\nid = \'x\'\nnote = """\n[[squads]]\nmetric = "no" # \\"\n"""\n']
    squads: list[list[str]] = [[], [], []]
    for name in promised:
        squads[draw(st.integers(0, 2))].append(name)
    owner = ""
    for number, signals in enumerate(squads):
        parts.append(f"[[squads]]{draw(REMARKS)}\nname = 'Squad {number}'{draw(REMARKS)}\n")
        style = draw(st.sampled_from(["tables", "inline", "lines", "short"]))
        if target in signals:
            owner = f"squad_{number}"
        if style == "tables":
            for name in signals:
                parts.append(f"[[squads.signals]]{draw(REMARKS)}\nmetric = {basic(name)}{draw(REMARKS)}\n")
                parts.append(draw(st.sampled_from(["", "type = 'gauge'\n", "\n# the next one\n\n"])))
        elif style == "inline":
            tables = ", ".join(f"{{ metric = {basic(name)} }}" for name in signals)
            parts.append(f"signals = [{tables}]{draw(REMARKS)}\n")
        elif style == "lines":
            inner = "".join(f"  {basic(name)},{draw(REMARKS)}\n" for name in signals)
            parts.append(f"signals = [{draw(REMARKS)}\n{inner}]{draw(REMARKS)}\n")
        else:
            parts.append(f"signals = [{', '.join(map(basic, signals))}]{draw(REMARKS)}\n")
        if draw(st.booleans()):
            parts.append(f"[[waves]]\nname = 'W{number}'\n")
    text = "".join(parts)
    text = draw(st.sampled_from([text, text.replace("\n", "\r\n"), "\ufeff" + text, text.rstrip("\n")]))
    return text, AcceptMetric(owner, target, None, new)


@settings(max_examples=150, deadline=None)
@given(configurations(), WORDS)
def test_in_any_configuration_every_other_byte_stays(generated: tuple[str, AcceptMetric], by: str) -> None:
    """One line changes, in it the name and the remark; taken back by hand, the file is what it was."""
    text, change = generated
    edited = accepted(text, change, by)
    before, after = text.encode().split(b"\n"), edited.text.encode().split(b"\n")
    assert len(before) == len(after)
    ((old, new),) = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    remark = f"was {change.metric}; accepted 2025-10-06 by {by}".encode()
    assert new.count(remark) == 1
    undone = new.replace(b"; " + remark, b"").replace(b"  # " + remark, b"")
    assert old in {
        undone.replace(basic(change.name).encode(), basic(change.metric).encode(), count) for count in (1, -1)
    } | {_last_replaced(undone, basic(change.name).encode(), basic(change.metric).encode())}
    file, errors = parse(edited.text.encode(), "x")
    assert errors == ()
    (squad,) = (squad for squad in file.squads if squad.id == change.squad)
    assert change.name in {signal.metric for signal in squad.signals}
    assert change.metric not in {signal.metric for signal in squad.signals}


def _last_replaced(text: bytes, old: bytes, new: bytes) -> bytes:
    head, found, tail = text.rpartition(old)
    return head + new + tail if found else text


# -- writing ----------------------------------------------------------------------------------------


def file(folder: Path, text: str = HARBOUR) -> Path:
    path = folder / "controlroom.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_it_is_written_with_its_mode_through_a_link(tmp_path: Path) -> None:
    """What a link leads to is changed, keeps its mode, and then says what was accepted."""
    real = tmp_path / "shared"
    real.mkdir()
    path = file(real)
    path.chmod(0o640)
    link = tmp_path / "controlroom.toml"
    link.symlink_to(path)
    edited = edit.propose(link, CHANGE, by="Ada", on=ON)
    edit.write(edited)
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == edited.text
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(p.name for p in real.iterdir()) == ["controlroom.toml"]
    (signal,) = (
        s for s in load(link, environ={}).program.squads[0].signals if s.metric == "tide_level_total"
    )
    assert signal.job == "tide"


def test_a_file_that_changed_since_is_not_overwritten(tmp_path: Path) -> None:
    """What somebody else wrote meanwhile stays."""
    path = file(tmp_path)
    edited = edit.propose(path, CHANGE, by="Ada", on=ON)
    path.write_text(HARBOUR + "# mine\n", encoding="utf-8")
    with pytest.raises(CannotEdit, match="has changed meanwhile") as caught:
        edit.write(edited)
    assert "again" in caught.value.remedy
    assert path.read_text(encoding="utf-8") == HARBOUR + "# mine\n"


def test_a_change_is_not_written_twice(tmp_path: Path) -> None:
    """The second time the file is another one."""
    edited = edit.propose(file(tmp_path), CHANGE, by="Ada", on=ON)
    edit.write(edited)
    with pytest.raises(CannotEdit, match="has changed"):
        edit.write(edited)


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    """Before the change is made, and before it is written."""
    path = file(tmp_path)
    edited = edit.propose(path, CHANGE, by="Ada", on=ON)
    path.unlink()
    with pytest.raises(CannotEdit, match="no such file"):
        edit.write(edited)
    with pytest.raises(CannotEdit, match="there is no such configuration"):
        edit.propose(path, CHANGE, by="Ada", on=ON)


def test_a_read_only_file_stays(tmp_path: Path) -> None:
    """Whoever took the permission away meant it, whoever runs this."""
    path = file(tmp_path)
    path.chmod(0o444)
    edited = edit.propose(path, CHANGE, by="Ada", on=ON)
    with pytest.raises(CannotEdit, match="read-only"):
        edit.write(edited)
    assert path.read_text(encoding="utf-8") == HARBOUR
    assert list(tmp_path.iterdir()) == [path]
