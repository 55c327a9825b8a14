"""What looks like a secret is hidden, in reasons and in answers as they came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.probes.wording import HIDDEN, redact, verbatim, without_cut

LEADS = (
    *("redis://ada:", "Bearer ", "basic ", "password=", '"passwd": "', "pwd: ", "client_secret='"),
    *("id-token=", "api_key=", "api-key: ", "APIKEY=", "access_key=", "ACCESS-KEY: ", "pa\u017f\u017fword="),
)
"""What stands before a secret; the last is what `re.IGNORECASE` takes for `password`, too."""


@pytest.mark.parametrize("lead", LEADS)
def test_a_secret_is_hidden_whatever_it_is_called(lead: str) -> None:
    """However it is written, in whichever case; the text around it stays."""
    end = "@db:6379/0" if "://" in lead else ", then more"
    for before in (lead, lead.upper()):
        shown = redact(f"it said {before}hunter2hunter2{end}")
        assert "hunter2" not in shown
        assert HIDDEN in shown
        assert shown.startswith("it said ")
        assert shown.endswith(end.rpartition("@")[2])


@given(st.lists(st.sampled_from([*LEADS, "hunter2hunter2", " ", "\n", "@", "{", "x"]), max_size=12))
def test_to_look_before_searching_changes_nothing(pieces: list[str]) -> None:
    """A text that holds none of the marks holds nothing to hide, and one that does is searched."""
    text = "".join(pieces)
    assert redact(text + "; token") == redact(text) + "; token"


def test_an_answer_to_be_read_is_lines_without_secrets() -> None:
    """Its lines stay lines, each clean; no more of them than anybody reads."""
    assert verbatim(b'a\x1b[2J\r\n\tb: "token=abcdef"\n\n') == f'a[2J\n    b: "token={HIDDEN}"'
    assert len(verbatim("line\n" * 99).splitlines()) == 40
    assert len(verbatim("x" * 9_999)) == 2_000


def test_the_beginning_of_a_secret_at_the_end_of_a_cut_answer_is_hidden() -> None:
    """An answer is cut where it is cut, also in the middle of what it must not say."""
    assert without_cut("you sent hunter2hun", ["hunter2hunter2"]) == f"you sent {HIDDEN}"
    assert without_cut("you sent nothing", ["hunter2hunter2", ""]) == "you sent nothing"
