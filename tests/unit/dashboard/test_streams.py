"""The event stream says that something changed, within a second, and is silent otherwise."""

from __future__ import annotations

import http.client
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from queuectl import Action, Console, Query
from queuectl.engine.queue import Queue
from queuectl.testing.contract.steps import enqueue_and_claim, register

if TYPE_CHECKING:
    from tests.unit.dashboard.conftest import Site

SILENCE = 2.0
"""Seconds without an event: longer than any storage's pause between two looks."""


@contextmanager
def following(site: Site, path: str = "/stream") -> Iterator[http.client.HTTPResponse]:
    """Open a stream, and wait for its first event."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    connection.request("GET", path, headers=site.headers)
    stream = connection.getresponse()
    try:
        assert next_event(stream) == "hello"
        yield stream
    finally:
        connection.close()


def next_event(stream: http.client.HTTPResponse) -> str:
    """Return the name of the next event."""
    while True:
        line = stream.readline().decode()
        assert line, "the stream has ended"
        if line.startswith("event: "):
            return line.removeprefix("event: ").strip()


def test_a_change_by_another_process_is_told_within_a_second(site: Site) -> None:
    """Given a stream, when a job is enqueued elsewhere, then it says so; and says no more than that.

    Once out of a few times is enough, since this machine may be busy with other things.
    """
    took = []
    with Queue(site.console.config) as elsewhere, following(site) as stream:
        elsewhere.enqueue("true")
        assert next_event(stream) == "change"
        for number in range(5):
            begun, seen = time.monotonic(), site.watcher.version
            elsewhere.enqueue("true", id=f"secret-id-{number}")
            while site.watcher.version == seen:
                assert next_event(stream) == "change"
            took.append(time.monotonic() - begun)
            assert b"secret-id" not in stream.readline()
    assert min(took) < 1.0


def test_fifty_tabs_are_told(site: Site) -> None:
    """By one watcher."""
    streams = []
    with Queue(site.console.config) as elsewhere:
        for _ in range(50):
            connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
            connection.request("GET", "/stream", headers=site.headers)
            streams.append((connection, connection.getresponse()))
        assert [next_event(stream) for _, stream in streams] == ["hello"] * 50
        elsewhere.enqueue("true")
        assert [next_event(stream) for _, stream in streams] == ["change"] * 50
    assert sum(thread.name == "watcher" for thread in threading.enumerate()) == 1
    for connection, _ in streams:
        connection.close()


def test_many_changes_are_one_event(site: Site) -> None:
    """A busy queue makes no storm: at most four events a second."""
    with following(site) as stream, Queue(site.console.config) as elsewhere:
        begun = time.monotonic()
        for _ in range(200):
            elsewhere.enqueue("true")
        busy = time.monotonic() - begun
        events = [next_event(stream)]
        elsewhere.change(Action.CANCEL, Query())
        events.append(next_event(stream))
        assert site.watcher.version <= 2 + (busy + 3) / 0.25


def test_what_a_running_job_writes_is_told(site: Site) -> None:
    """Given the page of a job that runs, when it writes, then the stream says so, though the store has not changed."""
    from queuectl.engine.spool import spool_path

    storage = site.console._queue.storage
    register(storage, "w")
    claim = enqueue_and_claim(storage, "w", "a")
    path = spool_path(site.console.config.data / "logs", "w", claim.lease.token)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"one\n")
    with following(site, "/stream?job=a") as stream:
        with path.open("ab") as output:
            output.write(b"two\n")
        assert next_event(stream) == "change"
        assert "two" in site.get("/job?id=a").text


def test_nobody_is_told_anything_while_nothing_changes(site: Site) -> None:
    """Given a stream that is open, then it falls silent: whoever watches the store sees that it is as it was.

    Not at once: what was enqueued has to be told first, and a server may tidy up by itself.
    """
    site.console.enqueue({"command": "true"})
    with following(site):
        deadline = time.monotonic() + 60
        while True:
            before = site.watcher.version
            time.sleep(SILENCE)
            if site.watcher.version == before:
                break
            assert time.monotonic() < deadline


def test_a_dear_figure_is_looked_at_again_once_it_may_be(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a figure that took long, when something changes meanwhile, then pages are told once it is asked anew."""
    from queuectl_dashboard import desk as module
    from queuectl_dashboard.desk import Desk
    from queuectl_dashboard.watching import Watcher

    monkeypatch.setattr(module, "SLOW", math.inf)
    watcher = Watcher(site.console)  # that watches nothing: nobody else tells of changes
    desk = Desk(site.console, watcher)
    asked: list[int] = []

    def dear(console: Console) -> int:
        asked.append(len(asked))
        time.sleep(0.1)
        return asked[-1]

    assert desk._remembered("dear", dear) == 0
    watcher.tell()
    told = watcher.version
    assert desk._remembered("dear", dear) == 0
    deadline = time.monotonic() + 60
    while watcher.version == told:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert desk._remembered("dear", dear) == 1
    desk.close()


def test_what_took_long_once_is_not_old_for_long() -> None:
    """Given a figure that took seconds on a busy machine, then it is not shown for minutes in which all has changed."""
    from queuectl_dashboard.desk import OLDEST, _Figure

    assert _Figure(version=1, at=100.0, took=0.1, figure=None).until == 102.0
    assert _Figure(version=1, at=100.0, took=60.0, figure=None).until == 100.0 + OLDEST


def test_no_page_waits_for_a_slow_figure_but_the_first(site: Site) -> None:
    """Given a figure that took very long, once it is old, then it is shown as it was until the new one is there."""
    from queuectl_dashboard import desk as module
    from queuectl_dashboard.desk import Desk
    from queuectl_dashboard.watching import Watcher

    watcher = Watcher(site.console)  # that watches nothing: nobody else tells of changes
    desk = Desk(site.console, watcher)
    asked: list[int] = []
    may_end = threading.Event()
    may_end.set()

    def slow(console: Console) -> int:
        assert may_end.wait(120)
        time.sleep(module.SLOW * 1.2)
        asked.append(len(asked))
        return asked[-1]

    assert desk._remembered("slow", slow) == 0
    may_end.clear()
    time.sleep(desk._figures["slow"].took * module.DEAR)
    told = watcher.version
    assert desk._remembered("slow", slow) == desk._remembered("slow", slow) == 0
    may_end.set()
    deadline = time.monotonic() + 60
    while watcher.version == told:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert desk._remembered("slow", slow) == 1 and asked == [0, 1]
    desk.close()
