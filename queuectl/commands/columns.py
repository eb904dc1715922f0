"""The columns in which jobs are listed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from queuectl.commands.output import Column
from queuectl.commands.people import ago, span, until
from queuectl.model.job import Command, Job, State

if TYPE_CHECKING:
    from queuectl.model.outcome import Outcome

STATE_STYLE = {
    State.PENDING: "",
    State.PROCESSING: "cyan",
    State.COMPLETED: "green",
    State.FAILED: "yellow",
    State.DEAD: "red",
    State.CANCELLED: "dim",
}


def command_text(command: Command) -> str:
    """Write a command on one line, as a shell would take it."""
    if isinstance(command, str):
        return command
    import shlex

    return shlex.join(command)


def ending(job: Job | Outcome) -> str:
    """Say how the last run ended: `exit 3`, `killed by SIGTERM`, or its error."""
    if job.error:
        return job.error
    if job.signal is not None:
        import signal

        try:
            return f"killed by {signal.Signals(job.signal).name}"
        except ValueError:
            return f"killed by signal {job.signal}"
    return "" if job.exit_code is None else f"exit {job.exit_code}"


def outlook(job: Job) -> str:
    """Say what people want to know besides the state: when it starts, since when it runs, how it ended."""
    if job.state is State.PROCESSING:
        running = f"for {span(time.time() - job.started_at)}" if job.started_at is not None else "starting"
        return f"{running}, to be cancelled" if job.cancel_requested else running
    if job.held:
        return "held"
    if job.state is State.PENDING:
        return until(job.run_at) if job.run_at is not None and job.run_at > time.time() else ""
    if job.state is State.FAILED:
        return f"{ending(job)}, again {until(job.next_retry_at)}"
    if job.state is State.COMPLETED and job.started_at is not None and job.finished_at is not None:
        return f"took {span(job.finished_at - job.started_at)}"
    return ending(job)


def _time(moment: float | None) -> str | None:
    from queuectl.engine.times import format_time

    return None if moment is None else format_time(moment)


def _tries(job: Job) -> str:
    return f"{job.attempts}/{job.max_retries + 1}"


def _state_style(job: Job) -> str:
    return STATE_STYLE[job.state]


ID = Column("ID", lambda job: job.id)
STATE = Column("STATE", lambda job: job.state.value, style=_state_style)
QUEUE = Column("QUEUE", lambda job: job.queue, rank=3)
TRIES = Column("TRIES", lambda job: job.attempts, _tries, rank=4, right=True)
CREATED = Column("CREATED", lambda job: _time(job.created_at), lambda job: ago(job.created_at), rank=2)
FINISHED = Column("DIED", lambda job: _time(job.finished_at), lambda job: ago(job.finished_at), rank=2)
OUTLOOK = Column("", lambda job: None, outlook, rank=1, least=16, people_only=True)
ENDING = Column("WHY", ending, rank=1, least=16)
COMMAND = Column("COMMAND", lambda job: command_text(job.command), least=24)

JOB = (ID, STATE, QUEUE, TRIES, CREATED, OUTLOOK, COMMAND)
"""What `list` shows; a pipe gets id, state, queue, attempts, created_at, command."""

DEAD = (ID, QUEUE, TRIES, FINISHED, ENDING, COMMAND)
"""What `dlq list` shows; a pipe gets id, queue, attempts, finished_at, the reason, command."""
