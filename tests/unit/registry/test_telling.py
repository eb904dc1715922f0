"""Values are told in a few words, and secrets are not told at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from queuectl.model.event import Event
from queuectl.model.job import Job, State
from queuectl.model.outcome import Outcome
from queuectl.registry.telling import told


@dataclass(frozen=True)
class Settings:
    """What a plugin may be told."""

    dsn: str = "postgres://ada:hunter2@db/jobs"
    password: str = "hunter2"
    pin: int = 7
    api_key: int = 1234
    headers: dict[str, str] = field(default_factory=lambda: {"Auth-Token": "hunter2", "Accept": "text"})
    nothing: None = None


class Mute:
    """Something that cannot even tell what it has."""

    __struct_fields__ = ("a",)

    @property
    def record(self) -> None:
        """Fail."""
        raise ValueError


JOB = Job(
    id="a",
    command="curl https://ada:hunter2@example.org",
    state=State.PROCESSING,
    queue="default",
    priority=0,
    attempts=0,
    max_retries=3,
    created_at=0.0,
    updated_at=0.0,
    env={"API_TOKEN": "hunter2", "LANG": "C"},
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (2, "2"),
        (0.1 + 0.2, "0.3"),
        ("a\nb", r"'a\nb'"),
        ("x" * 100, f"'{'x' * 80}…'"),
        (b"abc", "<3 bytes>"),
        (Path("/a"), "/a"),
        (State.DEAD, "'dead'"),
        ([1, 2, 3, 4, 5], "[1, 2, 3, … 2 more]"),
        ({"a": 1}, "{a: 1}"),
        (Outcome(exit_code=3), "Outcome(exit_code=3)"),
        (Event(id=1, name="job.dead", at=0.0), "Event(id=1, name='job.dead')"),
        (object(), "<object>"),
        (Mute(), "<Mute>"),
    ],
)
def test_a_value_is_told_in_a_few_words(value: object, text: str) -> None:
    """Whatever it is, and even when it fails at telling."""
    assert told(value) == text


def test_settings_are_told_without_their_secrets() -> None:
    """By the rules that hold wherever settings are shown: by name, also of numbers, and passwords within texts."""
    assert told(Settings()) == (
        "Settings(dsn='postgres://ada:***@db/jobs', password='***', pin=7, api_key=***, "
        "headers={Auth-Token: '***', Accept: 'text'})"
    )


def test_a_job_is_told_without_its_secrets() -> None:
    """By what tells it from others."""
    assert told(JOB) == (
        "Job(id='a', command='curl https://ada:***@example.org', queue='default', env={API_TOKEN: '***', LANG: 'C'})"
    )


def test_what_lies_deep_is_told_by_its_type() -> None:
    """A list of what holds others stays short."""
    nested: Any = [Event(id=1, name="job.dead", at=0.0, job=JOB)]
    assert told(nested) == "[Event(id=1, name='job.dead', job=<Job>)]"
