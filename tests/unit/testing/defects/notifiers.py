"""Notifiers with one defect each."""

from __future__ import annotations

import os
import threading
from typing import Any

from queuectl.model.event import Event


class Hangs:
    """Waits for an answer that never comes."""

    patience = 0.3

    def notify(self, event: Event) -> None:
        """Block for ever."""
        threading.Event().wait()


class WantsJobs:
    """Takes every event for one of a job."""

    def notify(self, event: Event) -> None:
        """Raise AttributeError where there is no job."""
        job: Any = event.job
        job.id.encode()


class KnowsTooFew:
    """Has a table of the events, and forgot one."""

    def notify(self, event: Event) -> None:
        """Raise KeyError for a job that was lost."""
        if event.name == "job.lost":
            raise KeyError(event.name)


class WritesAscii:
    """Sends plain text."""

    def notify(self, event: Event) -> None:
        """Raise UnicodeEncodeError for a command in another script."""
        if event.job is not None:
            str(event.job.command).encode("ascii")


class JoinsWords:
    """Puts a command into a sentence."""

    def notify(self, event: Event) -> None:
        """Raise TypeError for a command that is a list."""
        if event.job is not None:
            command: Any = event.job.command
            assert "ran " + command


class RefusesTwins:
    """Keeps events under their ids, which it takes to be new."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def notify(self, event: Event) -> None:
        """Raise ValueError when an event comes again."""
        if event.id in self._seen:
            raise ValueError(f"event {event.id} was told already")
        self._seen.add(event.id)


class StaysOnItsThread:
    """Keeps a connection that only its maker's thread may use."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def notify(self, event: Event) -> None:
        """Raise RuntimeError on any other thread."""
        if threading.get_ident() != self._thread:
            raise RuntimeError("objects created in a thread can only be used in that same thread")


class KeepsFiles:
    """Opens a file for each event, and closes none."""

    def __init__(self) -> None:
        self._files: list[int] = []

    def notify(self, event: Event) -> None:
        """Leave an open file."""
        self._files.append(os.open(os.devnull, os.O_WRONLY))

    def __del__(self) -> None:
        for file in self._files:
            os.close(file)


BROKEN = {
    Hangs: "test_it_comes_to_an_end",
    WantsJobs: "test_it_takes_events_without_a_job",
    KnowsTooFew: "test_it_takes_every_event_of_a_job",
    WritesAscii: "test_any_job_will_do",
    JoinsWords: "test_any_job_will_do",
    RefusesTwins: "test_an_event_may_come_again",
    StaysOnItsThread: "test_another_thread_may_call_it",
    KeepsFiles: "test_no_event_leaves_anything_behind",
}
"""Each with the one clause that it breaks."""
