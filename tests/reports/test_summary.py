"""The weekly summary: data only, every line with its source, and nobody's notes touched."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pytest

from controlroom.domain.runs import Key
from controlroom.reports.summary import Line, Risk, Summary, split_risk
from controlroom.reports.summary_text import LISTED, NoPlace, placed, section
from tests.reports.holding import BACKLOG, BANNER, Hall, at

MONDAY = Key("round", dt.date(2031, 5, 5))


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    """The Monday after the first week, at 08:00 UTC; nothing has happened in it."""
    return Hall(tmp_path, at("12 08:00"))


def back(hall: Hall, text: str) -> None:
    hall.now = at(text)


def written(hall: Hall, *arguments: str) -> str:
    """Write the summary on the Monday after, and give the whole file."""
    hall.now = at("12 08:00")
    result = hall.call("summary", *arguments)
    assert result.returncode == 0, result.stderr
    return (hall.folder / "status/README.md").read_text(encoding="utf-8")


def part(text: str, title: str) -> list[str]:
    """The lines of a part of the first section."""
    return [line for line in text.split(f"### {title}\n", 1)[1].split("\n### ", 1)[0].split("\n") if line]


def a_week(hall: Hall) -> None:
    """A week in which a card was moved, another edited, blockers came and went, and something was decided."""
    back(hall, "04 02:00")
    hall.status()
    back(hall, "05 07:00")
    paper = hall.do("open", summary="No *paper*", owner="Odile", owning_squad="type", blocking_squad="ink")
    kiln = hall.do("open", by="Bo", summary="Kiln cold", owner="Ines")
    hall.do("direct", paper, text="Odile buys <paper>")
    hall.do("escalate", kiln, next_update="2031-05-05T12:00:00Z")
    back(hall, "05 08:00")
    hall.begin(MONDAY)
    hall.do("decision", MONDAY.minutes, text="We print | on Monday")
    hall.do("task", MONDAY.minutes, text="Ask the mill", owner="Cy", due="friday")
    hall.wait(minutes=9)
    hall.do("finish", MONDAY.run)
    back(hall, "06 10:00")
    hall.do("resolve", kiln, mitigation="Coal came")
    hall.do("status", "sprint-1/press", status="done")
    hall.write("backlog.md", BACKLOG.replace("🟥 Not Started", "🟩 Done"))
    back(hall, "09 02:00")
    hall.status()


def test_a_week_is_told_from_what_was_written_down(hall: Hall) -> None:
    """Done, held and met; open and listed; what was done about each; what was decided."""
    a_week(hall)
    text = written(hall)
    assert text.startswith(f"{BANNER}\n\n# The Press: weekly summaries\n\n<!-- week 1 -->\n## Week 1: ")
    assert part(text, "Accomplishments") == [
        "- Done: Press (Ink & Paper), moved by Ada (`log rev 10`)",
        "- Ink Mill (Ink & Paper): not started → done (`2031-05-04.json → 2031-05-09.json`)",
        "- Milestone 2031-05-07, Proofs read: met, recorded by Ines (`configuration`)",
        "- Blocker resolved: Kiln cold, by Ada (`log rev 9`)",
        "- Morning Standup: held once (`log`)",
    ]
    assert part(text, "Risks") == [
        "1. Blocker: No \\*paper\\* (Type waits on Ink & Paper), owner Odile, "
        "open since Mon 2031-05-05 08:00 WEST (`log rev 1`)",
        "2. Paper may come late (`backlog.md:10`)",
    ]
    assert part(text, "Mitigations") == [
        "- Risk 1: directed: Odile buys \\<paper>, by Ada (`log rev 3`)",
        "- Risk 2: no mitigation recorded (`log`)",
        "- Kiln cold, resolved: Coal came (`log rev 9`)",
    ]
    assert part(text, "Decisions and action items") == [
        "- Decision: We print | on Monday (Ada, 2031-05-05) (`log rev 6`)",
        "- Action item of Cy: Ask the mill (Ada, 2031-05-05; due friday) (`log rev 7`)",
    ]
    assert part(text, "Not known")[:3] == [
        "- Milestone 2031-05-06, First sheet: passed, nothing recorded (`configuration`)",
        "- Morning Standup: no record of 2031-05-03, 2031-05-04, 2031-05-06, 2031-05-07, 2031-05-08, "
        "and 1 more (`log`)",
        "- Fair: no record of 2031-05-07 (`log`)",
    ]


def test_a_long_week_is_still_for_reading(hall: Hall) -> None:
    """Of many of a kind the first are told, of open blockers those that hurt most, as the room ranks them;
    the others are counted, with where they are from and what lists all of them. JSON leaves nothing out."""
    back(hall, "05 07:00")
    rows = "".join(f"| Sprint-1 | Sheet {n} | Odile | 🟩 Done |\n" for n in range(30))
    hall.status()
    hall.write("backlog.md", BACKLOG.replace("\n## Risks", f"{rows}\n## Risks"))
    for number in range(LISTED + 4):
        hall.wait(minutes=1)
        item = hall.do("open", summary=f"Late {number:02}", owner="Ines")
        if number < 3:
            hall.do("resolve", item, mitigation="coal")
    back(hall, "05 06:00")  # a machine whose clock is behind
    hall.do("open", summary="The oldest", owner="Odile")
    back(hall, "09 08:00")
    hall.do("escalate", item, next_update="2031-05-09T12:00:00Z")
    hall.status()
    text = written(hall)
    risks = part(text, "Risks")
    command = "`controlroom summary --week 1 --print --json` lists all"
    assert risks[0] == (
        f"- 22 open blockers, 1 of them escalated; the 20 that hurt most are told here; {command} (`log`)"
    )
    assert risks[1].startswith("1. Blocker: The oldest,")
    assert risks[2].startswith("2. Blocker: Late 03,")
    assert sum("Blocker:" in line for line in risks) == LISTED
    assert part(text, "Mitigations")[20].startswith("- Risk 21: ")
    made = json.loads(hall.call("summary", "--json", "--print").stdout)
    assert sum("Blocker:" in risk["text"] for risk in made["risks"]) == 22
    assert all(line.endswith("`)") for line in text.splitlines() if line[:2] == "- " or line[:1].isdigit())
    assert written(hall) == text


def test_what_is_not_told_one_by_one_is_counted_by_what_it_is() -> None:
    """Behind the first of each kind stands how many more of it there are; risks are counted above them."""
    week = Summary(1, dt.date(2031, 5, 3), dt.date(2031, 5, 10))
    week.accomplishments += [Line(f"Done: {n}", f"log rev {n}", "cards done") for n in range(LISTED + 1)]
    week.accomplishments += [Line(f"Fair {n}: held once", "log") for n in range(LISTED + 2)]
    week.risks += [Risk(Line(f"Gate {n}", "a.json", "gates that fail")) for n in range(LISTED + 3)]
    text, all_ = section(week), "`controlroom summary --week 1 --print --json` lists all"
    told = part(text, "Accomplishments")
    assert len(told) == 2 * LISTED + 2
    assert told[-2:] == [
        f"- And 1 more of the cards done; {all_} (`log`)",
        f"- And 2 more of the others; {all_} (`log`)",
    ]
    risks = part(text, "Risks")
    assert risks[0] == f"- 23 gates that fail; the first 20 are told here; {all_} (`a.json`)"
    assert len(risks) == LISTED + 1


def test_every_line_names_its_source(hall: Hall) -> None:
    """No fact without the file, the line or the rev it is from."""
    a_week(hall)
    facts = [line for line in written(hall).splitlines() if re.match(r"- |\d+\. ", line)]
    assert len(facts) > 12
    assert [line for line in facts if not re.search(r"\(`[^`]+`\)$", line)] == []


def test_a_rerun_changes_no_byte(hall: Hall) -> None:
    """Made again a day later, after others have worked on: the same bytes, and said to be unchanged."""
    a_week(hall)
    first = written(hall)
    hall.now = at("13 08:00")
    hall.do("status", "sprint-1/fount-serif", status="done")
    hall.do("open", summary="A later one", owner="Bo")
    result = hall.call("summary", "--week", "1")
    assert (result.returncode, "unchanged: week 1" in result.stdout) == (0, True)
    assert (hall.folder / "status/README.md").read_text(encoding="utf-8") == first


def test_notes_and_other_weeks_stay_byte_for_byte(hall: Hall) -> None:
    """What people wrote below the line is theirs, whatever bytes it has; so is all else in the file."""
    a_week(hall)
    path = hall.folder / "status/README.md"
    written(hall, "--week", "1")
    own = b"\r\n  My notes \xff\r\n## Week 7 was fine\n<!-- week of rain -->\n\n\n"
    path.write_bytes(path.read_bytes() + own)
    hall.now = at("12 08:00")
    assert hall.call("summary", "--week", "2").returncode == 0
    both = path.read_bytes()
    assert both.count(b"\n<!-- week ") == 3
    hall.now = at("12 09:00")
    hall.do("open", summary="In week two", owner="Bo")
    hall.now = at("12 10:00")
    assert hall.call("summary", "--week", "2").returncode == 0
    one, _, two = path.read_bytes().partition(b"<!-- week 2 -->")
    assert both.startswith(one)
    assert own in one
    assert b"In week two" in two
    (hall.folder / "backlog.md").write_text(BACKLOG.replace("late", "never"), encoding="utf-8")
    for file in (hall.folder / "status").glob("*.json"):
        file.unlink()
    assert hall.call("summary", "--week", "1").returncode == 0
    again = path.read_bytes()
    assert b"Paper may come never" in again
    assert own in again
    assert again.endswith(b"<!-- week 2 -->" + two)


def test_a_section_without_its_line_is_not_overwritten(hall: Hall) -> None:
    """Where nobody can tell whose the text is, nothing is written and the remedy is said."""
    a_week(hall)
    path = hall.folder / "status/README.md"
    mine = written(hall).replace("<!-- notes -->", "my notes")
    path.write_text(mine, encoding="utf-8")
    result = hall.call("summary", "--week", "1")
    assert (result.returncode, "no line <!-- notes -->" in result.stderr) == (4, True)
    assert path.read_text(encoding="utf-8") == mine


def test_a_readme_that_is_there_keeps_its_words(hall: Hall) -> None:
    """The banner is put before them, the week after them."""
    hall.write("status/README.md", "# How we keep status\n\nBy hand.\n")
    text = written(hall)
    assert text.startswith(f"{BANNER}\n\n# How we keep status\n\nBy hand.\n\n<!-- week 1 -->\n")
    assert written(hall) == text


def test_what_could_not_be_read_is_not_known(hall: Hall) -> None:
    """A broken status file, a log that is gone, days without a status: each with its reason, exit 3."""
    back(hall, "04 02:00")
    hall.status()
    hall.write("status/2031-05-06.json", "{")
    hall.write("log", "no folder")
    hall.now = at("12 08:00")
    result = hall.call("summary", "--week", "1", "--print")
    assert result.returncode == 3
    lines = part(result.stdout, "Not known")
    assert any("2031-05-06.json line 1" in line for line in lines)
    assert any("the triage log could not be read: " in line for line in lines)
    assert any(line.startswith("- One status file only") for line in lines)
    assert any(line.startswith("- No status file of 2031-05-03, 2031-05-05, 2031-05-06") for line in lines)
    assert part(result.stdout, "Mitigations") == [
        "- Risk 1: whether anything was done is not known, as the log was not read (`log`)"
    ]
    assert not (hall.folder / "status/README.md").exists()


def test_gates_signals_and_services_are_those_of_the_last_file(hall: Hall) -> None:
    """What failed when the week's last status was written is a risk, what nobody could ask is not known."""
    back(hall, "09 02:00")
    path = hall.status()
    data = json.loads(path.read_bytes())
    data["gates"] = [{"wave": "a", "verdict": "FAIL", "ok": 1, "required": 3}]
    data["signals"] = [
        {"id": "ink/sheets/*", "squad": "ink", "metric": "sheets_total", "code": "STALE"},
        {"id": "type/x/*", "squad": "type", "metric": "x", "code": "SOURCE_DOWN"},
    ]
    data["services"] = [{"id": "queue", "state": "down", "error": "refused"}, {"id": "db", "state": "up"}]
    data["unknowns"] = [{"kind": "signal", "id": "type/x/*", "text": "no answer"}]
    path.write_text(json.dumps(data), encoding="utf-8")
    text = written(hall)
    assert part(text, "Risks")[:3] == [
        "1. Gate of Wave A: FAIL, 1 of 3 required signals delivered (`2031-05-09.json`)",
        "2. Telemetry of Ink & Paper: sheets_total STALE (`2031-05-09.json`)",
        "3. Service queue down: refused (`2031-05-09.json`)",
    ]
    assert "- Signal type/x: no answer (`2031-05-09.json`)" in part(text, "Not known")
    data["gates"][0]["unknown"] = 2
    path.write_text(json.dumps(data), encoding="utf-8")
    blind = "1. Gate of Wave A: FAIL, 2 of 3 signals are not known (`2031-05-09.json`)"
    assert part(written(hall), "Risks")[0] == blind
    data["gates"][0]["squads"] = [{"squad": "type", "verdict": "NOT_DECLARED"}, {"verdict": "UNKNOWN"}]
    data["unknowns"].append({"kind": "signal", "id": "type/y/*", "text": "no answer"})
    path.write_text(json.dumps(data), encoding="utf-8")
    text = written(hall)
    assert part(text, "Risks")[0] == blind.replace(
        " are not known", " are not known; nothing is declared by Type"
    )
    assert "- Signals type/x, type/y: no answer (`2031-05-09.json`)" in part(text, "Not known")


@pytest.mark.parametrize(
    ("said", "risk", "against"),
    [
        ("Lag → Mitigate with an outbox.", "Lag", "Mitigate with an outbox."),
        ("Paper is late. Mitigation: buy early", "Paper is late", "Mitigation: buy early"),
        ("Drift (mitigated by pinning)", "Drift", "mitigated by pinning)"),
        ("A lag that nobody has mitigated yet", "A lag that nobody has mitigated yet", ""),
        ("Mitigate the lag", "Mitigate the lag", ""),
    ],
)
def test_what_a_document_says_against_its_risk_is_its_mitigation(said: str, risk: str, against: str) -> None:
    """Both as written; without such a clause there is none, whatever words stand in the risk."""
    assert split_risk(said) == (risk, against)


def test_a_documents_mitigation_is_told_with_its_line(hall: Hall) -> None:
    """Nothing is called unmitigated whose document names what is done about it."""
    hall.write(
        "backlog.md", BACKLOG.replace("Paper may come late", "Paper may come late → Mitigate by stock")
    )
    text = written(hall)
    assert part(text, "Risks") == ["1. Paper may come late (`backlog.md:10`)"]
    assert part(text, "Mitigations") == ["- Risk 1: Mitigate by stock (`backlog.md:10`)"]


def test_weeks_stand_in_order_whenever_they_are_made() -> None:
    """A week made late comes before the later ones; what stands before and after stays."""
    text = "<!-- week {0} -->\n{0}\n<!-- notes -->\n"
    file: bytes | None = None
    for week in (2, 4, 1, 3):
        file = placed(file, week, text.format(week), "", "Title")
    assert file is not None
    assert re.findall(rb"<!-- week (\d) -->", file) == [b"1", b"2", b"3", b"4"]
    assert file.startswith(b"# Title\n")
    assert placed(file, 3, text.format(3), "", "Title") == file


def test_the_line_of_notes_counts_only_by_itself() -> None:
    """A text that mentions it is no place for notes."""
    before = b"<!-- week 1 -->\nsaid `<!-- notes -->`\n"
    with pytest.raises(NoPlace):
        placed(before, 1, "x", "", "T")
