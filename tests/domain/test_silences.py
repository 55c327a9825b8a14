"""What a silence would match, which end soon, and how a matcher is written and read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.domain.silences import (
    LONGEST,
    Matcher,
    Silence,
    SilenceDraft,
    draft_matchers,
    draft_problem,
    expiring,
    holds_for,
    matching,
    once,
    parse_matcher,
    problem,
    shown,
    silence_of,
    state_at,
)
from controlroom.domain.telemetry import Alert

AT = datetime(2025, 10, 6, 16, tzinfo=UTC)
FLOOD = Alert("1", "Flood", labels={"alertname": "Flood", "job": "locks", "severity": "critical"})
EBB = Alert("2", "Ebb", labels={"alertname": "Ebb", "job": "pier"})


def ending(id_: str, minutes: float, **more: Any) -> Silence:
    begun = AT - timedelta(hours=1)
    return replace(Silence(id_, (Matcher("a", "b"),), begun, AT + timedelta(minutes=minutes)), **more)


@pytest.mark.parametrize(
    ("matcher", "holds"),
    [
        (Matcher("job", "locks"), True),
        (Matcher("job", "lock"), False),
        (Matcher("job", "locks", equal=False), False),
        (Matcher("job", "pier", equal=False), True),
        (Matcher("job", "lock", regex=True), False),
        (Matcher("job", "l.*", regex=True), True),
        (Matcher("job", "lock|s", regex=True), False),
        (Matcher("job", "l.*", regex=True, equal=False), False),
        (Matcher("zone", ""), True),
        (Matcher("zone", "", equal=False), False),
        (Matcher("zone", "north", equal=False), True),
        (Matcher("zone", ".*", regex=True), True),
        (Matcher("zone", ".+", regex=True), False),
        (Matcher("zone", ".+", regex=True, equal=False), True),
    ],
)
def test_a_matcher_holds_as_in_alertmanager(matcher: Matcher, holds: bool) -> None:
    """Expressions match the whole value, and a label that is missing is the empty string."""
    assert holds_for(matcher, FLOOD.labels) is holds


def test_a_silence_matches_where_every_matcher_holds() -> None:
    """All of them for one alert; no matcher at all matches nothing."""
    assert matching([Matcher("job", ".*", regex=True), Matcher("alertname", "Ebb")], [FLOOD, EBB]) == (EBB,)
    assert matching([Matcher("severity", "critical", equal=False)], [FLOOD, EBB]) == (EBB,)
    assert matching([], [FLOOD, EBB]) == ()


@pytest.mark.parametrize(
    ("matchers", "words"),
    [
        ((), "it would match everything"),
        ((Matcher("job", ".*", regex=True),), "it would match everything"),
        ((Matcher("job", ""), Matcher("zone", "x", equal=False)), "it would match everything"),
        ((Matcher("alertname", ".+", regex=True),), "whatever has alertname"),
        ((Matcher("alertname", "", equal=False), Matcher("job", ".+", regex=True)), "alertname and job"),
        ((Matcher("job", "(", regex=True),), 'job=~"("'),
        ((Matcher("", "x"),), "no label"),
    ],
)
def test_a_silence_of_everything_is_refused(matchers: tuple[Matcher, ...], words: str) -> None:
    """One matcher must refuse the empty value, and they must tell anything from anything."""
    assert words in problem(matchers)


def test_a_silence_of_something_is_not_refused() -> None:
    """A value, an expression of some, or one wide matcher beside a narrow one."""
    assert not problem([Matcher("job", "locks")])
    assert not problem([Matcher("job", "l.*", regex=True)])
    assert not problem([Matcher("job", "locks"), Matcher("zone", ".*", regex=True)])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, ""),
        ({"comment": " "}, "comment"),
        ({"by": ""}, "by"),
        ({"matchers": ()}, "matchers"),
        ({"ends_at": AT}, "ends_at"),
        ({"ends_at": AT - timedelta(seconds=1)}, "ends_at"),
        ({"starts_at": AT + timedelta(hours=3)}, "ends_at"),
        ({"ends_at": AT + LONGEST}, ""),
        ({"ends_at": AT + LONGEST + timedelta(seconds=1)}, "ends_at"),
    ],
)
def test_a_draft_says_what_it_lacks(changes: dict[str, object], field: str) -> None:
    """A reason, a name, matchers, and an end that is ahead and not too far."""
    draft = SilenceDraft((Matcher("job", "locks"),), AT, AT + timedelta(hours=2), "Ada", "new pump")
    wrong = draft_problem(replace(draft, **changes), AT)  # type: ignore[arg-type]
    assert (wrong[0] if wrong else "") == field
    assert wrong is None or all(wrong)


def test_a_silence_is_drafted_from_what_is_wrong_and_where() -> None:
    """Name, squad, job and instance and not the severity; all labels where an alert has none of these."""
    labels = {**FLOOD.labels, "instance": "a:1", "squad": "river", "zone": "north", "team": ""}
    drafted = draft_matchers(replace(FLOOD, labels=labels))
    assert [shown(one) for one in drafted] == [
        'alertname="Flood"',
        'squad="river"',
        'job="locks"',
        'instance="a:1"',
    ]
    assert draft_matchers(replace(FLOOD, labels={"z": "1", "a": "2"})) == (
        Matcher("a", "2"),
        Matcher("z", "1"),
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(["alertname", "job", "zone", "x"]), st.text(min_size=1, max_size=9)),
        min_size=1,
        max_size=4,
    )
)
def test_a_drafted_silence_matches_its_alert(pairs: list[tuple[str, str]]) -> None:
    """Whatever its labels are."""
    alert = replace(FLOOD, labels=dict(pairs))
    drafted = draft_matchers(alert)
    assert matching(drafted, [alert]) == (alert,)
    assert not problem(drafted)


def test_silences_that_end_soon_come_soonest_first() -> None:
    """Only active ones, by the clock and not by what was said when they were read; each once."""
    silences = [
        ending("later", 59),
        ending("soon", 5),
        ending("over", 0),
        ending("far", 61),
        ending("soon", 5, server="other"),
        ending("said-over", 5, state="expired"),
        replace(ending("pending", 9, state="pending"), starts_at=AT + timedelta(minutes=1)),
        replace(ending("begun", 9, state="pending"), starts_at=AT - timedelta(minutes=1)),
        Silence("endless", (), None, None),
    ]
    assert [one.id for one in expiring(silences, AT)] == ["soon", "begun", "later"]
    assert [one.id for one in expiring(silences, AT, within=300)] == ["soon"]
    assert [one.id for one in once(silences)].count("soon") == 1
    assert state_at(ending("x", 1), AT + timedelta(minutes=1)) == "expired"


def test_the_silences_of_an_alert_are_those_alertmanager_names() -> None:
    """The one that lasts longest first."""
    silences = [ending("a", 5), ending("b", 50), ending("c", 7)]
    quiet = replace(FLOOD, silenced_by=("b", "a", "gone"))
    assert [one.id for one in silence_of(quiet, silences)] == ["b", "a"]
    assert silence_of(FLOOD, silences) == ()


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ("job=locks", Matcher("job", "locks")),
        (' job = "locks" ', Matcher("job", "locks")),
        ("job!=locks", Matcher("job", "locks", equal=False)),
        ('alertname=~"a.*"', Matcher("alertname", "a.*", regex=True)),
        ("alertname!~a|b", Matcher("alertname", "a|b", regex=True, equal=False)),
        ("zone=", Matcher("zone", "")),
        ('zone="a \\"b\\" \\\\ c\\nd"', Matcher("zone", 'a "b" \\ c\nd')),
        ("job==~x", Matcher("job", "=~x")),
        ("path=a=b", Matcher("path", "a=b")),
        ('"odd label"=x', Matcher("odd label", "x")),
    ],
)
def test_a_matcher_is_read_as_amtool_reads_it(text: str, matcher: Matcher) -> None:
    """Quotes may be left out where nothing needs them; escapes are those of amtool."""
    assert parse_matcher(text) == matcher


@pytest.mark.parametrize("text", ["", "job", "=x", '""=x', 'a="b', 'a=b"c', "a=~(", "1a=b", "a=~(?=x)"])
def test_what_is_no_matcher_is_refused_in_words(text: str) -> None:
    """With a reason, and no matcher that means something else."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        parse_matcher(text)


@given(st.builds(Matcher, st.text(min_size=1), st.text(), st.just(False), st.booleans()))
def test_a_matcher_reads_back_as_it_is_shown(matcher: Matcher) -> None:
    """Any label, any value."""
    assert parse_matcher(shown(matcher)) == matcher
