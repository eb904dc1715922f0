"""Events, and a log to write them to."""

from __future__ import annotations

from typing import Any

import pytest

from queuectl import Job, State


class Lines:
    """A logger that keeps what it is told: the level, the message and the fields."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str, dict[str, Any]]] = []

    def info(self, event: str, /, **fields: Any) -> None:
        """Keep a line."""
        self.kept.append(("info", event, fields))

    def warning(self, event: str, /, **fields: Any) -> None:
        """Keep a line."""
        self.kept.append(("warning", event, fields))

    def error(self, event: str, /, **fields: Any) -> None:
        """Keep a line."""
        self.kept.append(("error", event, fields))


@pytest.fixture
def lines() -> Lines:
    """Return an empty log."""
    return Lines()


@pytest.fixture
def job() -> Job:
    """Return a job that failed and will be retried four seconds after the event."""
    return Job(
        id="a1",
        command="curl https://user:secret@example.org",
        state=State.FAILED,
        queue="mail",
        priority=0,
        attempts=2,
        max_retries=3,
        created_at=0.0,
        updated_at=0.0,
        exit_code=22,
        error="exit code 22",
        next_retry_at=1767323049.678,
    )
