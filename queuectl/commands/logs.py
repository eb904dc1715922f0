"""`queuectl logs`."""

from __future__ import annotations

import click

from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.output import message, print_json
from queuectl.commands.reading import Collected, Printer, Taker, print_ended, print_running
from queuectl.errors import NotFoundError, UsageError
from queuectl.model.job import Job, State

EXAMPLES = """
queuectl logs 06b3
queuectl logs 06b3 -f
queuectl logs 06b3k9x2m41qa --attempt 1
queuectl logs 06b3k9x2m41qa --raw > output.bin
queuectl logs 06b3k9x2m41qa --json | jq -r .output
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
    the bytes as they are; on a terminal control characters are shown escaped. --json prints an object with `id`,
    `attempt`, `output` and `error_output`, in which what is no UTF-8 is replaced.
    """
    if follow and session.json:
        raise UsageError(
            "--follow and --json exclude each other", hint=f"queuectl wait {id}; queuectl logs --json {id}"
        )
    job = session.queue().find(id)
    if session.json:
        collected = Collected()
        number = _print(session, job, attempt, collected)
        print_json({"id": job.id, "attempt": number, **collected.fields()})
    elif follow:
        from queuectl.commands.following import follow as follow_job

        follow_job(session, job, attempt, Printer(session, raw))
    else:
        _print(session, job, attempt, Printer(session, raw))


def _print(session: Session, job: Job, asked: int | None, taker: Taker) -> int | None:
    """Print what a run wrote, by default the present or the last one; return its number, None when there is none."""
    next_number = job.runs + 1
    if job.state is State.PROCESSING and asked in {None, next_number} and print_running(session, job, taker):
        return next_number
    queue = session.queue()
    numbers = [ended.number for ended in queue.attempts(job.id)]
    if asked is not None and asked not in numbers:
        there = f"it has {', '.join(map(str, numbers))}" if numbers else "none has ended yet"
        raise NotFoundError(f"job {job.id!r} has no attempt {asked}", hint=there)
    if not numbers:
        message(session, _nothing(job))
        return None
    number = asked or numbers[-1]
    if asked is None and job.state is State.PROCESSING and number < next_number:
        message(session, f"run {next_number} cannot be read from here; this is run {number}:")
    print_ended(session, queue.output(job.id, number), taker)
    return number


def _nothing(job: Job) -> str:
    if job.state is State.PROCESSING:
        return f"job {job.id} runs on another host, or has not started yet: nothing to show so far"
    return f"job {job.id} is {job.state.value} and has not run: no output"
