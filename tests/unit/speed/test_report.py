"""What was measured, as a page tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.speed.contest import Budget, Contender, Contest, Result, Shared, hold
from benchmarks.speed.report import BEGIN, END, put_into


def _contest() -> Contest:
    return Contest(
        title="work",
        unit="jobs/s",
        contenders=[
            Contender("queuectl", lambda folder: 3000.0),
            Contender("xargs", lambda folder: 2000.0),
            Contender("other", lambda folder: 1.0, "other is not installed"),
        ],
        budget=Budget("xargs", 1.0),
    )


def test_a_page_gets_the_medians_with_their_ratios(tmp_path: Path) -> None:
    """They stand in the place of the earlier ones; the rest of the page stays as it is."""
    result = hold(_contest(), 3, tmp_path)
    page = put_into(f"before\n{BEGIN}\nold\n{END}\nafter\n", [result])
    assert page.startswith(f"before\n{BEGIN}\n")
    assert page.endswith(f"{END}\nafter\n")
    assert "| work | **3,000 jobs/s** | xargs 2,000 (1.50) |" in page
    assert "old" not in page


def test_a_page_without_a_place_for_them_is_left_alone() -> None:
    """It is said what is missing."""
    with pytest.raises(ValueError, match="figures"):
        put_into("a page", [])


def test_what_is_measured_once_may_be_looked_at_in_several_ways(tmp_path: Path) -> None:
    """Whoever looks first in a round measures; another way sees the same, in the same order."""
    measured = iter([[1.0, 5.0], [2.0, 6.0]])
    shared = Shared(lambda folder: next(measured))
    least, most = shared.seen_as(min), shared.seen_as(max)
    assert [least(tmp_path), least(tmp_path)] == [1.0, 2.0]
    assert [most(tmp_path), most(tmp_path)] == [5.0, 6.0]


def test_who_is_missing_takes_no_part(tmp_path: Path) -> None:
    """And it is said why."""
    result: Result = hold(_contest(), 1, tmp_path)
    assert result.missing == {"other": "other is not installed"}
    assert result.ratio == 1.5
