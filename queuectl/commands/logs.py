"""`queuectl logs`."""

from __future__ import annotations

import click

from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.output import message
from queuectl.commands.reading import Printer, print_ended, print_running
from queuectl.errors import NotFoundError
from queuectl.model.job import Job, State

EXAMPLES = """
queuectl logs 06b3
queuectl logs 06b3 -f
queuectl logs 06b3k9x2m41qa --attempt 1
queuectl logs 06b3k9x2m41qa --raw > output.bin
"""


@define("logs", examples=EXAMPLES)
@click.argument("id", metavar="ID")
@click.option("--follow", "-f", is_flag=True, help="Go on as it writes, until the job is completed, dead or cancelled.")
@click.option("--attempt", type=click.IntRange(min=1), metavar="N", help="Of this run; by default of the last one.")
@click.option("--raw", is_flag=True, help="Write the bytes as they are, to a terminal too.")
def command(session: Session, id: str, follow: bool, attempt: int | None, raw: bool) -> None:
    """Print what a job wrote. The first characters of its id will do.

    Of the run that is going on, if there is one on this host, else of the last that has ended: the whole of it where
    its file is kept, else the last 64 KiB. What was kept apart as standard error goes to standard error. A pipe gets
    the bytes as they are; on a terminal control characters are shown escaped.
    """
    queue = session.queue()
    job = queue.find(id)
    printer = Printer(session, raw)
    if follow:
        from queuectl.commands.following import follow as follow_job

        follow_job(session, job, attempt, printer)
    elif attempt is not None:
        _print_attempt(session, job, attempt, printer)
    elif job.state is not State.PROCESSING or not print_running(session, job, printer):
        _print_last(session, job, printer)


def _print_attempt(session: Session, job: Job, number: int, printer: Printer) -> None:
    queue = session.queue()
    numbers = [ended.number for ended in queue.attempts(job.id)]
    if number in numbers:
        print_ended(session, queue.output(job.id, number), printer)
    elif not _is_running(job, number) or not print_running(session, job, printer):
        there = f"it has {', '.join(map(str, numbers))}" if numbers else "none has ended yet"
        raise NotFoundError(f"job {job.id!r} has no attempt {number}", hint=there)


def _is_running(job: Job, number: int) -> bool:
    return job.state is State.PROCESSING and job.runs + 1 == number


def _print_last(session: Session, job: Job, printer: Printer) -> None:
    queue = session.queue()
    attempts = queue.attempts(job.id)
    if attempts:
        if job.state is State.PROCESSING:
            message(session, f"run {job.runs + 1} cannot be read from here; this is run {attempts[-1].number}:")
        print_ended(session, queue.output(job.id, attempts[-1].number), printer)
    elif job.state is State.PROCESSING:
        message(session, f"job {job.id} runs on another host, or has not started yet: nothing to show so far")
    else:
        message(session, f"job {job.id} is {job.state.value} and has not run: no output")
