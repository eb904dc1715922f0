"""The notifier `feed` keeps the contract of notifiers, and writes what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from queuectl import Context, Notifier
from queuectl.testing import NotifierContract, make_event, make_job

from queuectl_example.feed import Feed, create


class TestContract(NotifierContract):
    """All that every notifier promises."""

    @pytest.fixture
    def notifier(self, tmp_path: Path) -> Notifier:
        """Return the notifier to test, made as queuectl makes it."""
        return create(Feed(), Context(data=tmp_path))


def test_an_event_is_a_line(tmp_path: Path) -> None:
    """Given two events, then the file has a line for each, in order, with what tells them apart."""
    feed = create(Feed(path=tmp_path / "feed"), Context(data=tmp_path))
    feed.notify(make_event("job.dead", id=7, job=make_job(id="a", exit_code=3), attempt=4))
    feed.notify(make_event("queue.drained", id=8, queue="mail"))
    dead, drained = map(json.loads, (tmp_path / "feed").read_text().splitlines())
    assert (dead["id"], dead["event"], dead["job"], dead["attempt"], dead["exit_code"]) == (7, "job.dead", "a", 4, 3)
    assert (drained["id"], drained["event"], drained["queue"]) == (8, "queue.drained", "mail")


def test_the_environment_of_a_job_stays_out_of_it(tmp_path: Path) -> None:
    """Given a job with a secret in its environment, then the feed does not spread it, and is its owner's alone."""
    create(Feed(), Context(data=tmp_path)).notify(make_event("job.dead", job=make_job(env={"TOKEN": "hush"})))
    feed = tmp_path / "events.jsonl"
    assert "hush" not in feed.read_text()
    assert feed.stat().st_mode & 0o077 == 0
