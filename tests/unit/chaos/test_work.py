"""The jobs of a storm are those that the seed says, and sound ones."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

import queuectl
from benchmarks.chaos.work import jobs

IDS = [f"job-{number}" for number in range(500)]


def test_the_same_seed_makes_the_same_jobs() -> None:
    """Whatever the enqueuer met."""
    assert jobs(Random(7), ["deed"], IDS) == jobs(Random(7), ["deed"], IDS)
    assert jobs(Random(7), ["deed"], IDS) != jobs(Random(8), ["deed"], IDS)


def test_all_kinds_come_and_can_be_enqueued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short ones, long ones, such as fail and such as do not end; those that do not end have a timeout."""
    monkeypatch.setenv("QUEUECTL_HOME", str(tmp_path / "home"))
    made = jobs(Random(7), ["deed"], IDS)
    with queuectl.open() as queue:
        stored = queue.enqueue_many(made)
    assert [job.id for job in stored] == IDS
    assert {tag for job in stored for tag in job.tags} == {
        *("quick", "short", "flaky", "hopeless", "long", "family", "stubborn", "polite", "endless", "delayed")
    }
    assert all(job.timeout is not None for job in stored if "endless" in job.tags)
