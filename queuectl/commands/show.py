"""`queuectl show`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click

from queuectl.commands.columns import STATE_STYLE, command_text, ending, outlook
from queuectl.commands.escape import tsv_field
from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.output import Column, print_json, print_pairs, print_records, write
from queuectl.commands.people import ago, size, span, until
from queuectl.commands.terminal import is_terminal
from queuectl.engine.times import format_time
from queuectl.engine.wire import attempt_to_dict, shown_job
from queuectl.model.attempt import Attempt
from queuectl.model.job import Job, State

EXAMPLES = """
queuectl show 06b3
queuectl show 06b3k9x2m41qa --json
queuectl show 06b3k9x2m41qa --json | jq .attempts_log
"""


@define("show", examples=EXAMPLES)
@click.argument("id", metavar="ID")
def command(session: Session, id: str) -> None:
    """Show all that is known of a job. The first characters of its id will do.

    --json prints the job with its attempts as `attempts_log`; a pipe gets lines of a name, a tab and a value. Values of
    variables whose names look like secrets are masked.
    """
    print_job(session, session.queue().find(id))


def print_job(session: Session, job: Job) -> None:
    """Print a job with its attempts."""
    attempts = session.queue().attempts(job.id)
    if session.json:
        print_json({**shown_job(job), "attempts_log": [attempt_to_dict(attempt) for attempt in attempts]})
    elif session.quiet:
        write(tsv_field(job.id) + "\n")
    elif is_terminal(sys.stdout):
        _print_for_people(session, job, attempts)
    else:
        _print_for_scripts(session, job, attempts)


def _print_for_scripts(session: Session, job: Job, attempts: Sequence[Attempt]) -> None:
    pairs = {name: _exact(value) for name, value in shown_job(job).items()}
    pairs["command"] = command_text(job.command)
    pairs |= {f"attempts_log.{attempt.number}": _exact(attempt_to_dict(attempt)) for attempt in attempts}
    print_pairs(session, pairs)


def _exact(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    from queuectl.commands.encoding import to_json

    return to_json(value).decode()


def _print_for_people(session: Session, job: Job, attempts: Sequence[Attempt]) -> None:
    print_pairs(session, {name: value for name, value in _facts(job).items() if value is not None})
    if attempts:
        write("\n")
        print_records(session, attempts, ATTEMPT, attempt_to_dict)
        write(f"\nqueuectl logs {tsv_field(job.id)} prints what the last one wrote\n")


def _facts(job: Job) -> Mapping[str, str | None]:
    """Return what people want to know; None where there is nothing to tell."""
    more = outlook(job)
    fields = shown_job(job)
    return {
        "id": job.id,
        "state": f"{job.state.value} ({more})" if more else job.state.value,
        "command": command_text(job.command),
        "queue": job.queue + (f", priority {job.priority}" if job.priority else ""),
        "runs": f"{job.attempts} of at most {job.max_retries + 1}" + (f", {job.lost} lost" if job.lost else ""),
        "directory": job.cwd,
        "created": _moment(job.created_at),
        "due": _moment(job.run_at),
        "next try": _moment(job.next_retry_at),
        "started": _moment(job.started_at),
        "finished": _moment(job.finished_at),
        "timeout": None if job.timeout is None else span(job.timeout),
        "backoff": None if job.backoff is None else _text(fields["backoff"]),
        "options": _text(fields["options"]) if job.options else None,
        "tags": ", ".join(job.tags) or None,
        **{f"env {name}": value for name, value in fields["env"].items()},
        "ended": (ending(job) or None) if job.state is not State.PROCESSING else None,
        "worker": job.worker if job.state is State.PROCESSING else None,
    }


def _text(value: object) -> str:
    return str(_exact(value))


def _moment(moment: float | None) -> str | None:
    import time

    if moment is None:
        return None
    return f"{format_time(moment)} ({until(moment) if moment > time.time() else ago(moment)})"


def _ending(attempt: Attempt) -> str:
    return ending(attempt.outcome)


def _used(attempt: Attempt) -> str:
    outcome = attempt.outcome
    cpu = "" if outcome.cpu_time is None else f"{span(outcome.cpu_time)} CPU"
    memory = "" if outcome.peak_memory is None else size(outcome.peak_memory)
    return ", ".join(filter(None, (cpu, memory)))


def _result_style(attempt: Attempt) -> str:
    try:
        return STATE_STYLE[State(attempt.result.value)]
    except ValueError:
        return ""


ATTEMPT = (
    Column("RUN", lambda attempt: attempt.number, right=True),
    Column("RESULT", lambda attempt: attempt.result.value, style=_result_style),
    Column("HOW", _ending, rank=1, least=16),
    Column("STARTED", lambda attempt: None, lambda attempt: ago(attempt.started_at), rank=2),
    Column("TOOK", lambda attempt: None, lambda attempt: span(attempt.finished_at - attempt.started_at), rank=3),
    Column(
        "OUTPUT", lambda attempt: attempt.output_size, lambda attempt: size(attempt.output_size), rank=4, right=True
    ),
    Column("USED", lambda attempt: None, _used, rank=5),
    Column("WORKER", lambda attempt: attempt.host, lambda a: f"{a.host}:{a.worker_pid}", rank=6),
)
"""The attempts as people see them."""
