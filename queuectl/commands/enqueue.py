"""`queuectl enqueue`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.giving import lay_over, read_given
from queuectl.commands.output import message, progress
from queuectl.commands.people import count
from queuectl.commands.stored import print_stored
from queuectl.commands.terminal import is_terminal
from queuectl.errors import UsageError

if TYPE_CHECKING:
    from queuectl.engine.storing import Stored

EXAMPLES = """
queuectl enqueue 'sleep 2 && echo done'
queuectl enqueue '{"command": "sleep 2", "priority": 5, "max_retries": 1}'
queuectl enqueue --delay 10m --queue mail --tag nightly 'make report'
queuectl enqueue -- convert "my photo.jpg" photo.png
queuectl enqueue @jobs.jsonl
generate-jobs | queuectl enqueue -q -
"""

BACKOFF_HINT = '--backoff \'{"plugin": "fixed", "delay": "5s"}\''


@define("enqueue", examples=EXAMPLES)
@click.argument("words", metavar="[JSON|TEXT|@FILE|-]", nargs=-1)
@click.option("--file", "files", multiple=True, metavar="FILE", help="Read jobs from this file; - is standard input.")
@click.option("--id", metavar="ID", help="The id of the job; refused while it is stored.")
@click.option("--queue", metavar="QUEUE", help="The queue.")
@click.option("--priority", type=int, metavar="N", help="Higher runs first.")
@click.option("--run-at", metavar="TIME", help="Not before this moment, as 2026-01-02T03:04:05Z.")
@click.option("--delay", metavar="S", help="Not before so many seconds have passed, or 5m, 1h30m.")
@click.option("--timeout", metavar="S", help="End a run that takes longer: seconds, or 90s, 5m.")
@click.option("--max-retries", type=int, metavar="N", help="How many runs may follow the first.")
@click.option("--backoff", metavar="NAME|JSON", help="How long to wait before a retry: a name, or a mapping as JSON.")
@click.option("--cwd", metavar="DIR", help="Where to run it; by default here.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="Set a variable for the job; repeatable.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag the job; repeatable.")
@click.option("--skip-existing", is_flag=True, help="Pass over jobs whose id is stored already.")
def command(
    session: Session,
    words: tuple[str, ...],
    files: tuple[str, ...],
    backoff: str | None,
    env: tuple[str, ...],
    tags: tuple[str, ...],
    skip_existing: bool,
    **fields: Any,
) -> None:
    """Store a command, or many, to be run in the background.

    A text is a command for the shell, unless it begins with { or [: then it is JSON. Words after -- are a program
    with its arguments and need no shell. A file, or - for standard input, holds a JSON object, an array of objects or
    an object a line. Flags win over the fields in the JSON; --env and --tag add to them.

    All jobs are checked first and stored together, or none is. What was stored is printed: a pipe gets what `list`
    prints, -q ids, --json an array.
    """
    literal = session.literal
    flags = {name: value for name, value in fields.items() if value is not None}
    if backoff is not None:
        flags["backoff"] = _backoff(backoff)
    with _without_looking_for_garbage():
        given = read_given(words[: len(words) - len(literal)], literal, files)
        given = lay_over(given, flags, dict(map(_variable, env)), tags)
        queue = session.queue()
        with progress(len(given), "checking") as bar:
            accepted = queue.accept(given, progress=bar.advance)
        stored = queue.store(accepted, skip_existing=skip_existing)
        print_stored(session, stored)
    if not given:
        message(session, "there were no jobs in it")
    if len(stored) < len(given):
        message(session, f"{count(len(given) - len(stored), 'job')} passed over: stored already")
    _say_how_to_run(session, stored)


@contextmanager
def _without_looking_for_garbage() -> Iterator[None]:
    """Keep Python from going through all the jobs time and again: they are many, and none is garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _backoff(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return text
    import msgspec

    try:
        return msgspec.json.decode(text.encode("utf-8", "surrogateescape"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"--backoff: no JSON: {error}", hint=BACKOFF_HINT) from None


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        # The text may be a secret, so it is not repeated.
        raise UsageError("--env: expected NAME=VALUE", hint="--env MODE=fast")
    return name, value


def _say_how_to_run(session: Session, stored: Stored) -> None:
    if session.quiet or session.json or not stored or not is_terminal(sys.stderr):
        return
    workers = session.queue().workers()
    served = {queue for worker in workers for queue in worker.queues or ()}
    waiting = sorted({new.queue for new in stored.new} - served)
    if not workers:
        message(session, "hint: no worker runs: queuectl worker start")
    elif waiting and all(worker.queues is not None for worker in workers):
        import shlex

        options = shlex.join(f"--queue={queue}" for queue in waiting)
        message(session, f"hint: no worker serves {', '.join(waiting)}: queuectl worker start {options}")
