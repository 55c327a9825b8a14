"""Grafana dashboards of a repository: every form they are kept in, and whatever else lies among them."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import os
import textwrap
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlroom.documents.dashboards import SIZE_LIMIT, dashboards
from controlroom.domain.evidence import Dashboard
from controlroom.sources.dashboards import DashboardFiles

PROMETHEUS = {"type": "prometheus", "uid": "p1"}


def panel(*expressions: str, **more: Any) -> dict[str, Any]:
    return {"type": "timeseries", "targets": [{"expr": e, "refId": "A"} for e in expressions], **more}


def board(*expressions: str, title: str = "Tides", uid: object = "t1", **more: Any) -> dict[str, Any]:
    return {"title": title, "uid": uid, "schemaVersion": 39, "panels": [panel(*expressions)], **more}


def indented(text: str, by: int) -> str:
    return textwrap.indent(text, " " * by)


RATE = "sum by (site) (rate(tide_total[$__rate_interval]))"
BOARD = board(RATE)
OPERATOR = """
apiVersion: grafana.integreatly.org/v1beta1
kind: GrafanaDashboard
metadata: {name: tides}
spec:
  instanceSelector: {matchLabels: {dashboards: grafana}}
"""
NEWER = {
    "title": "Tides",
    "elements": {
        "panel-1": {
            "kind": "Panel",
            "spec": {
                "data": {
                    "kind": "QueryGroup",
                    "spec": {
                        "queries": [
                            {
                                "kind": "PanelQuery",
                                "spec": {
                                    "query": {
                                        "kind": "DataQuery",
                                        "group": "prometheus",
                                        "spec": {"expr": RATE},
                                    }
                                },
                            },
                            {"spec": {"query": {"kind": "loki", "spec": {"expr": "count(logged)"}}}},
                        ]
                    },
                }
            },
        }
    },
    "layout": {"kind": "GridLayout", "spec": {"items": []}},
    "variables": [
        {
            "kind": "QueryVariable",
            "spec": {
                "name": "site",
                "query": {"kind": "prometheus", "spec": {"query": "label_values(sites, site)"}},
            },
        }
    ],
}

FORMS: Mapping[str, tuple[str, str]] = {
    "bare": ("a.json", json.dumps(BOARD)),
    "with a byte order mark": ("a.json", "\ufeff" + json.dumps(BOARD)),
    "as the API answers": ("a.json", json.dumps({"meta": {"slug": "tides"}, "dashboard": BOARD})),
    "exported for others": (
        "a.json",
        json.dumps({"__inputs": [{"name": "DS_PROMETHEUS"}], **board(RATE, datasource="${DS_PROMETHEUS}")}),
    ),
    "in rows": ("a.json", json.dumps({"title": "Tides", "uid": "t1", "rows": [{"panels": [panel(RATE)]}]})),
    "in a collapsed row": (
        "a.json",
        json.dumps({**BOARD, "panels": [{"type": "row", "collapsed": True, "panels": [panel(RATE)]}]}),
    ),
    "many by name, as grafonnet gives them": ("a.json", json.dumps({"tides.json": BOARD})),
    "a list of them": ("a.json", json.dumps([BOARD])),
    "a mixin": ("a.json", json.dumps({"grafanaDashboards": {"tides.json": BOARD}})),
    "an operator's, with text": (
        "a.yaml",
        f"{OPERATOR}  json: |\n{indented(json.dumps(BOARD, indent=2), 4)}\n",
    ),
    "an operator's, folded": ("a.yml", f"{OPERATOR}  json: >\n{indented(json.dumps(BOARD, indent=2), 4)}\n"),
    "an operator's, compressed": (
        "a.yaml",
        f"{OPERATOR}  gzipJson: {base64.b64encode(gzip.compress(json.dumps(BOARD).encode())).decode()}\n",
    ),
    "a ConfigMap among other manifests": (
        "a.yaml",
        "kind: Deployment\nspec: {replicas: 1}\n---\napiVersion: v1\nkind: ConfigMap\ndata:\n"
        f"  notes.txt: hello\n  tides.json: |-\n{indented(json.dumps(BOARD), 4)}\n---\n",
    ),
    "a list of manifests": (
        "a.json",
        json.dumps(
            {"kind": "List", "items": [{"kind": "ConfigMap", "data": {"tides.json": json.dumps(BOARD)}}]}
        ),
    ),
    "grizzly's": (
        "a.yaml",
        "apiVersion: grizzly.grafana.com/v1alpha1\nkind: Dashboard\nmetadata: {name: t1}\n"
        f"spec:\n  title: Tides\n  panels:\n  - targets:\n    - expr: {RATE}\n",
    ),
    "of the newer schema": (
        "a.json",
        json.dumps({"kind": "Dashboard", "metadata": {"name": "t1"}, "spec": NEWER}),
    ),
    "of the newer schema, bare": ("a.json", json.dumps({**NEWER, "uid": "t1"})),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_it_is_kept_in(form: str) -> None:
    """Title, uid and metrics are those of the definition, wherever in the file that lies."""
    path, text = FORMS[form]
    (found,) = dashboards(text.encode(), path)
    more = {"sites"} if "newer" in form else set[str]()
    assert found == Dashboard(path, "Tides", "t1", frozenset({"tide_total"} | more))


def read(model: Mapping[str, Any]) -> frozenset[str]:
    (found,) = dashboards(json.dumps(model).encode(), "a.json")
    assert found.error == ""
    return found.metrics


EXPRESSIONS = {
    "rate(tide[$__rate_interval]) / $__range_s": {"tide"},
    "avg_over_time(tide[${window}:[[step]]])": {"tide"},
    "rate(tide{job=~'$job', site=~\"${site:regex}\", gate=~'[[gate]]'}[5m])": {"tide"},
    "topk($n, sum by ($group, ${other}) (tide)) > ${limit:raw}": {"tide"},
    "tide offset $ago or ebb": {"tide", "ebb"},
    "label_replace(tide, 'a', '$1', 'b', '(.*)')": {"tide"},
    "rate(${unknown}_total[5m]) + tide": {"tide"},
    "rate(${prefix}_total[5m])": {"sea_total", "lake_total"},
    "$metric{site='a'}": {"tide_level"},
    "{__name__='$metric'}": {"tide_level"},
    "[[old]] / tide": {"ebb", "tide"},
    "sum(rate(tide[5m])) $op 3": {"sum", "rate", "tide"},
}
VARIABLES = {
    "list": [
        {"name": "prefix", "type": "custom", "query": "Sea : sea, lake"},
        {"name": "metric", "type": "textbox", "current": {"value": "tide_level"}},
        {"name": "old", "type": "constant", "query": "ebb"},
        {"name": "job", "type": "query", "query": "", "current": {"value": ["$__all"]}},
    ]
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_variables_stand_anywhere(expression: str) -> None:
    """Values the definition holds are put in; a name made of others is left out; nothing else is lost."""
    assert read(board(expression, templating=VARIABLES)) == EXPRESSIONS[expression]


def test_queries_of_variables_and_annotations_count() -> None:
    """Where a value comes from is read as well as what is drawn."""
    queries: Sequence[Any] = [
        'label_values(tide_info{a="b,c"}, site)',
        {"query": "query_result(topk(3, tide_level))", "refId": "x"},
        "label_values(job)",
        "label_names()",
    ]
    model = board(
        templating={"list": [{"name": f"v{i}", "type": "query", "query": q} for i, q in enumerate(queries)]},
        annotations={"list": [{"datasource": PROMETHEUS, "expr": "changes(tide_deploys[5m]) > 0"}]},
    )
    assert read(model) == {"tide_info", "tide_level", "tide_deploys"}


def test_what_is_asked_of_logs_is_no_metric() -> None:
    """Loki's queries stand in a key of the same name; a panel may mix both."""
    logs = panel("count_over_time(tide_log[5m])", datasource={"type": "loki", "uid": "x"})
    mixed = panel("rate(tide[5m])", datasource={"uid": "-- Mixed --"})
    mixed["targets"].append({"expr": "rate(ebb_log[5m])", "datasource": {"type": "loki"}})
    assert read(board(panels=[logs, mixed])) == {"tide"}
    named = [panel("a_log", datasource="Loki"), panel("tide", datasource="Catalogs")]
    assert read(board(panels=named)) == {"tide"}


def test_library_panels() -> None:
    """One that an export carries is read; of one that is kept elsewhere nobody can tell what it draws."""
    library = {"name": "Gauge", "uid": "g1"}
    used = board(panels=[panel("tide"), {"type": "gauge", "libraryPanel": library}])
    inside = {**used, "__elements": {"g1": {**library, "kind": 1, "model": panel("ebb")}}}
    assert read(inside) == {"tide", "ebb"}
    (found,) = dashboards(json.dumps(used).encode(), "a.json")
    assert found.metrics == {"tide"}
    assert found.unknown
    assert found.error == "its library panel Gauge is kept elsewhere"


BROKEN: Mapping[str, tuple[str, bytes, str]] = {
    "cut off": ("a.json", b'{"title": "x",\n "hunter2', "line 2: is no JSON"),
    "empty": ("a.json", b" \n", "is empty"),
    "binary": ("a.json", b"\x00\xff\xfe", "line 1: is not UTF-8"),
    "deep": ("a.json", b"[" * 200_000, "is nested too deep"),
    "a giant number": ("a.json", b"[" + b"9" * 10_000 + b"]", "holds a number that is too long"),
    "no YAML": ("a.yaml", b"kind: Dashboard\nspec: ]hunter2\n", "line 2: is no YAML"),
    "a template": (
        "a.yaml",
        b"{{- if .Values.hunter2 }}\nkind: ConfigMap\n{{- end }}\n",
        "line 1: is no YAML",
    ),
    "deep YAML": ("a.yaml", b"[" * 200_000, "it is nested more than 200 levels deep"),
    "control characters": ("a.yaml", b"a: \x07hunter2", "holds characters that YAML does not allow"),
    "broken text in a manifest": (
        "a.yaml",
        b"kind: ConfigMap\ndata:\n  x.json: '{\"hunter2'\n",
        "its x.json is no JSON",
    ),
    "kept elsewhere": (
        "a.yaml",
        b"kind: GrafanaDashboard\nspec: {url: 'https://u:hunter2@h/d.json'}\n",
        "is kept elsewhere (url)",
    ),
    "no gzip": (
        "a.yaml",
        b"kind: GrafanaDashboard\nspec: {gzipJson: aGk=}\n",
        "its spec.gzipJson cannot be unpacked",
    ),
    "a bomb": (
        "a.yaml",
        b"kind: GrafanaDashboard\nspec: {gzipJson: "
        + base64.b64encode(gzip.compress(b" " * (SIZE_LIMIT + 9)))
        + b"}\n",
        f"its spec.gzipJson is cut off, or more than {SIZE_LIMIT:,} bytes",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_read_says_why(what: str) -> None:
    """With the place and not a word of the content, and as something of which nothing is known."""
    path, raw, why = BROKEN[what]
    (found,) = dashboards(raw, path)
    assert (found.error, found.unknown, found.metrics) == (why, True, frozenset())


def test_what_is_no_dashboard() -> None:
    """JSON of another kind is reported, and draws nothing; manifests of other kinds are passed over."""
    for text in ("{}", "[]", "3", '{"name": "package", "dependencies": {"a": "1"}}', '{"rows": [1]}'):
        assert dashboards(text.encode(), "a.json") == (Dashboard("a.json", error="is no Grafana dashboard"),)
    for text in ("", "kind: Deployment\nspec: {panels: 3}\n", "- a\n- b\n", "&a a: *a\n", "? [x]\n: y\n"):
        assert dashboards(text.encode(), "a.yaml") == ()


def test_yaml_that_names_itself_or_grows_without_end() -> None:
    """Aliases cost nothing and end somewhere."""
    laughs = "\n".join(
        f"  - &l{i} [{', '.join([f'*l{i - 1}'] * 9) if i else '{expr: tide}'}]" for i in range(40)
    )
    head = "kind: Dashboard\nspec:\n  panels: &all\n"
    (found,) = dashboards(f"{head}{laughs}\n  - *all\n".encode(), "a.yaml")
    assert found.metrics == {"tide"}


def test_foreign_text_is_cleaned() -> None:
    """Titles cannot move the cursor."""
    (found,) = dashboards(json.dumps(board("tide", title="T\x1b[2Jides\u202e", uid=7)).encode(), "a\x1b.json")
    assert (found.path, found.title, found.uid) == ("a.json", "T[2Jides", "")


# -- files -----------------------------------------------------------------------------------------


class Clock:
    """A time that is moved by hand, far enough from the files' that those count as settled."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) + timedelta(hours=1)

    def __call__(self) -> datetime:
        return self.now


def reader(folder: Path, *paths: str) -> DashboardFiles:
    return DashboardFiles(paths, folder, Clock())


def write(path: Path, *expressions: str, title: str = "Tides") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(board(*expressions, title=title)), encoding="utf-8")


async def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    """The very same value while nothing changes; a change, a new file and one that is gone show."""
    write(tmp_path / "g/a.json", "tide")
    write(tmp_path / "g/deep/b.json", "ebb")
    read = reader(tmp_path, "g/**/*.json")
    first = await read()
    assert [(b.path, set(b.metrics)) for b in first] == [("g/a.json", {"tide"}), ("g/deep/b.json", {"ebb"})]
    assert await read() is first
    write(tmp_path / "g/a.json", "tide", "moon")
    os.utime(tmp_path / "g/a.json", (1, 1))
    second = await read()
    assert second[0].metrics == {"tide", "moon"}
    assert second[1] is first[1]
    (tmp_path / "g/deep/b.json").unlink()
    write(tmp_path / "g/c.json", "moon", title="Moons")
    assert [board.title for board in await read()] == ["Tides", "Moons"]


async def test_whatever_lies_in_the_folder(tmp_path: Path) -> None:
    """Folders and other files that a pattern takes in are passed over; what cannot be read is told."""
    write(tmp_path / "g/a.json", "tide")
    (tmp_path / "g/sub.json").mkdir()
    (tmp_path / "g/README.md").write_text("# hi")
    (tmp_path / "g/big.json").write_bytes(b" " * (SIZE_LIMIT + 1))
    (tmp_path / "g/gone.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "g/loop.json").symlink_to(tmp_path / "g/loop.json")
    (tmp_path / "g/link.json").symlink_to(tmp_path / "g/a.json")
    os.mkfifo(tmp_path / "g/pipe.json")
    found = {board.path: board for board in await asyncio.wait_for(reader(tmp_path, "g/**")(), 20)}
    told = {path: (board.error, board.unknown) for path, board in found.items() if board.error}
    assert told == {
        "g/big.json": (f"{SIZE_LIMIT + 1:,} bytes, more than {SIZE_LIMIT:,}", True),
        "g/gone.json": ("there is no such file", False),
        "g/loop.json": ("too many levels of symbolic links", True),
        "g/pipe.json": ("is no regular file", True),
    }
    assert found["g/link.json"].metrics == found["g/a.json"].metrics == {"tide"}
    assert len(found) == 6


async def test_what_is_named_must_be_there(tmp_path: Path) -> None:
    """A path that leads nowhere, a folder and another kind of file are told; a pattern without files too."""
    (tmp_path / "g").mkdir()
    (tmp_path / "board.jsonnet").write_text("{}")
    found = await reader(tmp_path, "a.json", "g", "g/", "board.jsonnet", "x/*.json")()
    assert {board.path: (board.error, board.unknown) for board in found} == {
        "a.json": ("there is no such file", False),
        "g": ("is a folder; name its files, such as g/*.json", True),
        "g/": ("is a folder; name its files, such as g/*.json", True),
        "board.jsonnet": ("is neither JSON nor YAML", True),
        "x/*.json": ("no file matches", False),
    }


async def test_many_who_wait_share_one_look(tmp_path: Path) -> None:
    """Every Prometheus asks; the files are read once for all of them, and never on the event loop."""
    write(tmp_path / "a.json", "tide")
    clock = Clock()
    threads: list[int] = []

    def watched() -> datetime:
        threads.append(threading.get_ident())
        time.sleep(0.2)
        return clock()

    read = DashboardFiles(["a.json"], tmp_path, watched)
    found = await asyncio.gather(*(read() for _ in range(5)))
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()
    assert all(one is found[0] for one in found)
    waiting = asyncio.create_task(read())
    await asyncio.sleep(0)
    waiting.cancel()
    assert await read() is found[0]
