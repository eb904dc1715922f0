"""Words, figures, charts and filters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl import Attempt, Bucket, Group, Job, Outcome, QueueState, Result, State, UsageError
from queuectl_dashboard import words
from queuectl_dashboard.attention import alerts, filter_of
from queuectl_dashboard.charts import HEIGHT, chart_of, round_up
from queuectl_dashboard.figures import percentiles, waits_of
from queuectl_dashboard.filters import Filter


@given(st.text())
def test_nothing_that_acts_stays_in_a_text(text: str) -> None:
    """Whatever it holds: no control, no bidirectional, no unpaired surrogate character."""
    for written in (
        words.visible(text),
        words.line(text),
        words.short(text),
        words.output_text(text.encode("utf-8", "replace")),
    ):
        assert not any(
            (ord(character) < 32 and character not in "\t\n") or 0x7F <= ord(character) < 0xA0 for character in written
        )
        assert not set(written) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
        written.encode()
    assert "\n" not in words.line(text)


def test_colours_are_left_out_of_output_and_the_rest_is_shown() -> None:
    """A cursor that would move is seen as what it is."""
    assert words.output_text(b"\x1b[1;31mred\x1b[0m \x1b[2J \xff \r\n") == "red \\x1b[2J \ufffd \n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0ms"),
        (0.04, "40ms"),
        (7.3, "7.3s"),
        (9, "9s"),
        (59, "59s"),
        (312, "5m 12s"),
        (3600, "1h"),
        (7260, "2h 1m"),
        (90_000, "1d 1h"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    """The two largest units."""
    assert words.span(seconds) == text


def test_moments_are_told_by_their_distance() -> None:
    """Forth and back, and by the date when they are far."""
    assert words.distance(940, 1000) == "1m ago" and words.distance(1120, 1000) == "in 2m"
    assert words.distance(0, 10_000_000) == "1970-01-01"
    assert words.iso(0) == "1970-01-01T00:00:00.000Z" and words.iso(1e18).startswith("9999")


def test_numbers_take_little_room() -> None:
    """Where there is little."""
    assert [words.brief(count) for count in (950, 1000, 12_400, 1_200_000)] == ["950", "1k", "12.4k", "1.2M"]
    assert [words.size(count) for count in (512, 1536, 20 * 2**20)] == ["512 B", "1.5 KiB", "20 MiB"]


def test_percentiles_are_values_that_occurred() -> None:
    """By the nearest rank."""
    assert percentiles([]) == {}
    assert percentiles([3.0]) == {50: 3.0, 95: 3.0, 99: 3.0}
    assert percentiles([float(value) for value in range(1, 101)]) == {50: 50.0, 95: 95.0, 99: 99.0}


def test_an_attempt_waited_since_the_one_before_or_until_it_was_due() -> None:
    """Since it was stored, or was to run; a time to run that was set later counts for what came after it."""
    attempts = [
        Attempt(
            job="a",
            number=number,
            result=Result.FAILED,
            outcome=Outcome(exit_code=1),
            started_at=started_at,
            finished_at=finished_at,
            worker="w",
            host="here",
            worker_pid=1,
        )
        for number, (started_at, finished_at) in enumerate([(130.0, 140.0), (155.0, 160.0), (170.0, 180.0)], 1)
    ]
    assert waits_of(job(created_at=100.0), attempts) == [30.0, 15.0, 10.0]
    assert waits_of(job(created_at=100.0, run_at=150.0), attempts) == [30.0, 5.0, 10.0]
    assert waits_of(job(created_at=135.0), attempts)[0] == 0.0


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), max_size=40))
def test_no_bar_leaves_the_chart(counts: list[tuple[int, int]]) -> None:
    """Whatever was counted, the parts stand on each other and reach no higher than the top."""
    chart = chart_of([Bucket(start=0, completed=c, failed=f, run_time=0, wait_time=0) for c, f in counts])
    for bar in chart.bars:
        assert bar.failed_y >= -0.02
        assert bar.failed_y + bar.failed_height == pytest.approx(bar.completed_y, abs=0.03)
        assert bar.completed_y + bar.completed_height == pytest.approx(HEIGHT, abs=0.03)


@given(st.integers(0, 10**9))
def test_the_top_of_the_chart_is_near_and_even(count: int) -> None:
    """So that the line in the middle counts a whole number."""
    top = round_up(count)
    assert top >= count and top % 2 == 0 and top <= max(2, count * 2 + 2)


@given(
    st.builds(
        Filter,
        state=st.sampled_from(["", "dead", "pending,failed"]),
        queue=st.text(max_size=20),
        tag=st.text(max_size=20),
        text=st.text(max_size=20),
        grouped=st.just(value=True),
        error=st.none() | st.text(min_size=1, max_size=20),
        exit_code=st.none() | st.integers(-5, 300),
        signal=st.none() | st.integers(1, 64),
    )
)
def test_an_address_means_what_it_was_made_of(filter: Filter) -> None:
    """However odd the names in it."""
    from urllib.parse import parse_qsl, urlsplit

    try:
        address = filter.address()
    except UnicodeEncodeError:
        return
    assert Filter.read(dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))) == filter


def test_a_filter_that_is_too_long_is_refused() -> None:
    """Nobody looks for that."""
    with pytest.raises(UsageError):
        Filter.read({"text": "x" * 1001})


def job(**fields: object) -> Job:
    """A job that is dead."""
    values = {"id": "a", "command": "true", "state": State.DEAD, "queue": "q", "priority": 0, "attempts": 1}
    return Job(**{**values, "max_retries": 0, "created_at": 0.0, "updated_at": 0.0, **fields})  # type: ignore[arg-type]


def test_the_gravest_comes_first() -> None:
    """And a queue that is paused on purpose last."""
    queues = [QueueState(name="q", paused=True, counts={State.PENDING: 3})]
    groups = [Group(error=None, exit_code=3, signal=None, count=2, newest=job())]
    found = alerts(queues, [], groups)
    assert [alert.text for alert in found] == ["No worker runs", "2 jobs gave up", "q is paused"]
    assert [alert.grave for alert in found] == [True, True, False]
    assert found[1].detail == "exit 3" and found[1].fields["action"] == "retry"


def test_a_group_is_meant_exactly() -> None:
    """Also one without any reason."""
    group = Group(error=None, exit_code=None, signal=9, count=1, newest=job())
    query = filter_of(group).query
    assert query.grouped and (query.error, query.exit_code, query.signal) == (None, None, 9)
    assert query.states == frozenset({State.DEAD})


def test_an_outlook_says_what_comes_next() -> None:
    """For each state."""
    assert words.outlook(job(exit_code=3), 0) == "exit 3"
    assert words.outlook(job(state=State.FAILED, exit_code=1, next_retry_at=60.0), 0) == "exit 1, again in 1m"
    assert words.outlook(job(state=State.PENDING, run_at=60.0), 0) == "due in 1m"
    assert words.outlook(job(state=State.PENDING, held=True), 0) == "held"
    assert words.outlook(job(state=State.COMPLETED, started_at=1.0, finished_at=3.0), 0) == "took 2s"
    assert words.outlook(job(signal=9), 0) == "killed by SIGKILL" and words.outlook(job(signal=250), 0).endswith("250")


@pytest.mark.parametrize(
    ("completed", "failed", "told"), [(90, 9, False), (5, 10, True), (10, 10, True), (11, 10, False)]
)
def test_many_failing_runs_are_told_before_any_job_gives_up(completed: int, failed: int, told: bool) -> None:
    """When most of the last runs failed; a few may be chance."""
    lately = Bucket(start=0, completed=completed, failed=failed, run_time=0, wait_time=0)
    found = alerts([], [], [], lately)
    assert [alert.text for alert in found] == ([f"{failed} of {completed + failed} runs failed"] if told else [])
