"""Events become lines of the log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from queuectl import EVENT_NAMES, Event, Job
from queuectl_log.notifier import LogNotifier

if TYPE_CHECKING:
    from tests.unit.log.conftest import Lines

AT = 1767323045.678


def test_a_failed_job(lines: Lines, job: Job) -> None:
    """The line tells which job and run it was, how it ended, and when it is tried again."""
    event = Event(id=7, name="job.failed", at=AT, job=job, attempt=2, worker="w1", queue="mail")
    LogNotifier(lines).notify(event)
    assert lines.kept == [
        (
            "warning",
            "job.failed",
            {
                "event_id": 7,
                "at": "2026-01-02T03:04:05.678Z",
                "job": "a1",
                "queue": "mail",
                "attempt": 2,
                "worker": "w1",
                "exit_code": 22,
                "error": "exit code 22",
                "retry_in": 4.0,
            },
        )
    ]


def test_the_command_is_not_logged(lines: Lines, job: Job) -> None:
    """It may hold a secret, and a log is read by others than the job is."""
    for name in sorted(EVENT_NAMES):
        LogNotifier(lines).notify(Event(id=1, name=name, at=AT, job=job))
    assert "secret" not in repr(lines.kept)


def test_the_past_is_not_told_anew(lines: Lines, job: Job) -> None:
    """A job that starts again shows nothing of how it ended before."""
    LogNotifier(lines).notify(Event(id=1, name="job.started", at=AT, job=job, attempt=3))
    ((_, _, fields),) = lines.kept
    assert not {"exit_code", "error", "retry_in"} & fields.keys()


def test_an_event_without_a_job(lines: Lines) -> None:
    """What is not known is not there."""
    LogNotifier(lines).notify(Event(id=9, name="worker.lost", at=AT, worker="w1"))
    assert lines.kept == [("error", "worker.lost", {"event_id": 9, "at": "2026-01-02T03:04:05.678Z", "worker": "w1"})]


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("job.dead", "error"),
        ("worker.lost", "error"),
        ("job.failed", "warning"),
        ("job.lost", "warning"),
        ("job.completed", "info"),
        ("queue.drained", "info"),
        ("something.new", "info"),
    ],
)
def test_levels(lines: Lines, job: Job, name: str, level: str) -> None:
    """Error asks for somebody, warning will be tried again, info went as it should."""
    LogNotifier(lines).notify(Event(id=1, name=name, at=AT, job=replace(job, error=None)))
    ((found, _, _),) = lines.kept
    assert found == level
