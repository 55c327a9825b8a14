"""Asks a real Prometheus that scrapes a page of /metrics."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples"
RULES = EXAMPLES / "prometheus-rules.yml"
DASHBOARD = EXAMPLES / "grafana-dashboard.json"

WITHIN = 30.0
"""Seconds for two scrapes and an evaluation; machines are slow sometimes."""


def scraping(address: str) -> str:
    """A configuration that scrapes `address` every half second and evaluates the example's rules."""
    return f"""
global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}
rule_files: [{json.dumps(str(RULES))}]
scrape_configs:
  - job_name: controlroom
    static_configs: [{{targets: [{json.dumps(address)}]}}]
"""


def api(url: str, path: str, **parameters: str) -> Any:
    """The data of an answer of the API; one that is an error fails the test with its reason."""
    query = urllib.parse.urlencode(parameters)
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}", timeout=5) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{parameters}: {error.read().decode()}") from None


def ask(url: str, expression: str) -> list[tuple[Mapping[str, str], float]]:
    """What an expression says now: labels and value of each series."""
    found = api(url, "query", query=expression)["result"]
    return [(one["metric"], float(one["value"][1])) for one in found]


def until(so: Callable[[], bool]) -> None:
    """Until it is so."""
    end = time.monotonic() + WITHIN
    while not so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
