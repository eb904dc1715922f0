"""Following what a job writes, over all its runs, until it is in a final state."""

from __future__ import annotations

import time

from queuectl.commands import output
from queuectl.commands.frame import Session
from queuectl.commands.reading import Printer, copy, open_running, print_ended, print_ended_errors
from queuectl.engine.reading import OutputReader
from queuectl.errors import NotFoundError
from queuectl.model.attempt import Output
from queuectl.model.job import FINAL, Job, State

PAUSE = 0.1
"""Seconds between two looks."""


def follow(session: Session, job: Job, attempt: int | None, printer: Printer) -> None:
    """Print what a job writes as it comes, beginning with its present or last run; with `attempt` that run alone."""
    running = job.state is State.PROCESSING
    last = job.runs + (job.state not in FINAL)
    if attempt is not None and attempt > last:
        raise NotFoundError(f"job {job.id!r} has no attempt {attempt}")
    first = attempt or (job.runs + 1 if running else max(job.runs, 1))
    _Follower(session, job.id, printer, first, only=attempt is not None).run()


class _Follower:
    """Prints one run after the other."""

    def __init__(self, session: Session, id: str, printer: Printer, number: int, *, only: bool) -> None:
        self._session = session
        self._id = id
        self._printer = printer
        self._number = number
        self._only = only
        self._readers: list[OutputReader] | None = None
        self._told: set[str] = set()

    def run(self) -> None:
        try:
            while self._goes_on():
                time.sleep(PAUSE)
        finally:
            self._close()

    def _goes_on(self) -> bool:
        """Print what there is now; whether more may come."""
        job = self._session.queue().get(self._id)
        while job.runs >= self._number:
            self._finish()
            if self._only:
                return False
            self._number += 1
        if job.state in FINAL:
            if job.runs == 0:
                self._tell(f"job {job.id} is {job.state.value} and has not run: no output")
            return False
        if job.state is State.PROCESSING:
            self._look(job)
        elif job.runs == 0:
            self._tell(f"job {job.id} is {job.state.value}: waiting for it to run")
        return True

    def _look(self, job: Job) -> None:
        if self._readers is None:
            self._readers = open_running(self._session, job)
            if self._readers is not None:
                self._introduce()
            elif job.started_at is not None:
                self._tell(f"run {self._number} goes on at another host: its output is shown when it ends")
        self._copy()

    def _copy(self) -> None:
        for reader, write in zip(self._readers or (), (self._printer.out, self._printer.error), strict=False):
            copy(self._session, reader, write)
        output.flush()

    def _finish(self) -> None:
        """Print the rest of a run that has ended: from its open file, even if it is removed, or from the store."""
        if self._readers is not None:
            self._copy()
            if len(self._readers) == 1:  # what is kept apart came after we looked
                print_ended_errors(self._session, self._stored(), self._printer)
            self._printer.end()
            self._close()
            return
        self._introduce()
        print_ended(self._session, self._stored(), self._printer)

    def _stored(self) -> Output:
        try:
            return self._session.queue().output(self._id, self._number)
        except NotFoundError:
            self._session.queue().get(self._id)  # raises when the job itself is gone
            return Output()

    def _introduce(self) -> None:
        if self._number > 1 and not self._only:
            self._tell(f"run {self._number}:")

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            output.message(self._session, text)

    def _close(self) -> None:
        for reader in self._readers or ():
            reader.close()
        self._readers = None
