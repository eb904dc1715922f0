"""`queuectl wait`."""

from __future__ import annotations

import click

from queuectl.commands.columns import ending
from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.output import message, print_jobs
from queuectl.errors import UsageError
from queuectl.model.job import Job, State

EXAMPLES = """
queuectl wait 06b3k9x2m41qa && echo done
queuectl wait 06b3k9x2m41qa --timeout 5m
queuectl wait $(queuectl enqueue -q @jobs.jsonl)
"""


@define("wait", examples=EXAMPLES)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--timeout", metavar="S", help="Wait at most so many seconds, or 90s, 5m; then exit with 124.")
def command(session: Session, ids: tuple[str, ...], timeout: str | None) -> int:
    """Wait until jobs are completed, dead or cancelled.

    For one job the exit code is the job's own, 128 and the number of the signal that ended it, or 1 if it has none.
    For several it is 0 if all are completed, else 1. 124 when the time ran out. The first characters of an id will do.
    """
    seconds = None if timeout is None else _seconds(timeout)
    queue = session.queue()
    whole = list(dict.fromkeys(queue.find(id).id for id in ids))
    jobs = queue.wait_many(whole, seconds)
    if session.json:
        print_jobs(session, jobs)
    for job in jobs:
        if job.state is not State.COMPLETED:
            why = ending(job)
            message(session, f"job {job.id} is {job.state.value}{f': {why}' if why not in ('', job.state) else ''}")
    return exit_code(jobs[0]) if len(jobs) == 1 else int(any(job.state is not State.COMPLETED for job in jobs))


def _seconds(timeout: str) -> float:
    from queuectl.engine.fields import read_delay

    try:
        return read_delay(timeout)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None


def exit_code(job: Job) -> int:
    """Return the code that stands for how a job ended, as a shell has it."""
    if job.state is State.COMPLETED:
        return 0
    if job.signal is not None:
        return 128 + job.signal
    return job.exit_code or 1
