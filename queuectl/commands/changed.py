"""What is said of jobs that a command has changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from queuectl.commands.escape import tsv_field
from queuectl.commands.frame import Session
from queuectl.commands.output import print_jobs, write
from queuectl.commands.terminal import is_terminal
from queuectl.model.job import Job


def tell_changed(session: Session, jobs: Sequence[Job], done: Callable[[Job], str]) -> None:
    """Print a line a job: what was done to it, its id and its state now; under `--json` and `-q` what `list` prints."""
    if session.json or session.quiet:
        print_jobs(session, jobs)
        return
    people = is_terminal(sys.stdout)
    for job in jobs:
        id, state = tsv_field(job.id), job.state.value
        write(f"{done(job)} {id}: {state}\n" if people else f"{done(job)}\t{id}\t{state}\n")
