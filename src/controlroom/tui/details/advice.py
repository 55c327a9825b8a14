"""What to do next about a gap, in words, for every code."""

from __future__ import annotations

from collections.abc import Mapping

from controlroom.domain.telemetry import GapCode

ADVICE: Mapping[GapCode, str] = {
    GapCode.OK: "nothing: it is delivered as promised",
    GapCode.UNKNOWN: "wait for the next look, or ask now with r: part of the answer is missing",
    GapCode.SOURCE_DOWN: "bring the server back first: nothing can be said of the signal itself",
    GapCode.NO_TARGET: "add the job to Prometheus' scrape configuration, or correct job = in the contract",
    GapCode.TARGET_DOWN: "bring the target back: the error is its last scrape's",
    GapCode.TARGET_PENDING: "wait for the first scrape: one scrape interval",
    GapCode.SCRAPE_EMPTY: "look at metric_relabel_configs: samples arrive and are dropped",
    GapCode.NEVER_SEEN: "expose the metric, or correct its name or job in [[squads.signals]]",
    GapCode.DISAPPEARED: "find out what was deployed, renamed or restarted when it was last seen",
    GapCode.PARTIAL: "find the instances that do not expose it: the query lists them",
    GapCode.NAN: "look at the code that sets it: the value is not a number",
    GapCode.INF: "look at the code that sets it: the value is infinite, such as a division by zero",
    GapCode.STALE: "look at whatever writes or pushes it: the server answers, but the sample is old",
    GapCode.FRESHNESS: "look at the job that writes this time: it has not run for too long",
    GapCode.WRONG_TYPE: "expose it with the declared type, or correct type = in the contract",
    GapCode.MISSING_LABEL: "expose the label, or correct labels = in the contract",
    GapCode.FLAT: "send it some real traffic, or drop expect_activity: nothing increased it",
    GapCode.TOPIC_SILENT: "ask whoever writes to the topic: nothing has arrived there for too long",
    GapCode.NO_RULE: "load an alerting rule of that name, or correct alert = in the contract",
    GapCode.RULE_ERROR: "mend the rule: the server cannot evaluate it, so it will never fire",
    GapCode.RULE_BLIND: "let the rule read this metric, and deliver all it reads: until then it stays quiet",
    GapCode.NO_DASHBOARD: "draw it: add it to a panel of a dashboard under [dashboards] paths",
    GapCode.NOT_DECLARED: "declare what the squad will deliver: [[squads.signals]]",
}
