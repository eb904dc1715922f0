"""How commands print: data on standard output, everything else on standard error.

A terminal gets a table that fits it, a pipe gets the same records as tab-separated lines without a head, never cut, and
`--json` gets one JSON document.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from queuectl.commands.escape import tsv_field, visible
from queuectl.commands.frame import Session
from queuectl.commands.terminal import has_color, is_terminal, painted
from queuectl.errors import QueuectlError, UsageError

if TYPE_CHECKING:
    from queuectl.commands.progress import Progress
    from queuectl.model.job import Job

T = TypeVar("T")

CHUNK = 500
"""How many records of an array are written at once."""


class Column(Struct, frozen=True):
    """One field of a record.

    `exact` is what scripts get; None is an empty field. `shown` is what people get, by default the same; `style`
    names a colour for it. `rank` decides what a narrow terminal does without: the highest goes first, 0 stays. A
    column with a `least` width is shortened down to it before any goes. `people_only` ones exist on terminals alone.
    """

    title: str
    exact: Callable[[Any], object]
    shown: Callable[[Any], str] | None = None
    style: Callable[[Any], str] | None = None
    rank: int = 0
    least: int | None = None
    right: bool = False
    people_only: bool = False

    def text(self, record: object) -> str:
        """Return what people see."""
        if self.shown is not None:
            return visible(self.shown(record))
        value = self.exact(record)
        return "" if value is None else visible(str(value))

    def field(self, record: object) -> str:
        """Return what a script reads."""
        value = self.exact(record)
        return "" if value is None else tsv_field(str(value))


def print_records(
    session: Session, records: Iterable[T], columns: Sequence[Column], to_json: Callable[[T], object]
) -> None:
    """Print records as a table, as tab-separated lines, or under `--json` as one array.

    They are printed as they come; only a table needs all of them at once.
    """
    if session.json:
        _print_array(map(to_json, records))
    elif is_terminal(sys.stdout):
        from queuectl.commands.table import table_lines

        for line in table_lines(list(records), columns, color=has_color(sys.stdout, session.color)):
            write(line + "\n")
    else:
        fields = [column for column in columns if not column.people_only]
        for record in records:
            write("\t".join(column.field(record) for column in fields) + "\n")


def print_jobs(session: Session, jobs: Iterable[Job], columns: Sequence[Column] | None = None) -> None:
    """Print jobs; under `--quiet` their ids alone, one a line."""
    if session.quiet and not session.json:
        for job in jobs:
            write(visible(job.id) + "\n")
        return
    if columns is None:
        from queuectl.commands.columns import JOB

        columns = JOB
    print_records(session, jobs, columns, _job_to_json)


def _job_to_json(job: Job) -> object:
    if job.env or job.options or job.backoff is not None:  # where secrets may be
        from queuectl.engine.wire import shown_job

        return shown_job(job)
    from queuectl.engine.wire import job_to_dict

    return job_to_dict(job)


def print_json(value: object) -> None:
    """Print one JSON document: indented on a terminal, on one line elsewhere."""
    from queuectl.commands.encoding import to_json

    write_bytes(to_json(value, pretty=is_terminal(sys.stdout)) + b"\n")


def print_pairs(session: Session, pairs: Mapping[str, object]) -> None:
    """Print names with their values, a line each: aligned on a terminal, with one tab between elsewhere."""
    if not is_terminal(sys.stdout):
        for name, value in pairs.items():
            write(f"{name}\t{'' if value is None else tsv_field(str(value))}\n")
        return
    color = has_color(sys.stdout, session.color)
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        write(f"{painted(name.ljust(width), 'bold', color)}  {'-' if value is None else visible(str(value))}\n")


def message(session: Session, text: str) -> None:
    """Tell people something on standard error; nothing under `--quiet`. Never the place for data."""
    if not session.quiet and sys.stderr is not None:
        try:
            sys.stderr.write("\n".join(map(visible, text.splitlines())) + "\n")
            sys.stderr.flush()
        except OSError:
            return


def write(text: str) -> None:
    """Write a text to standard output.

    Raises QueuectlError when it is full, BrokenPipeError when its reader has gone.
    """
    _guarded(sys.stdout.write, text)


def write_bytes(data: bytes) -> None:
    """Write bytes to standard output as they are."""
    _guarded(sys.stdout.flush)
    _guarded(sys.stdout.buffer.write, data)


def flush() -> None:
    """Hand all that was written to the reader."""
    _guarded(sys.stdout.flush)


def require_answer(yes: bool) -> None:
    """Raise UsageError unless `--yes` was given or somebody is there to ask. For the start of a destructive command."""
    if not yes and not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError("this cannot be undone, and nobody is here to ask", hint="add --yes to go ahead")


def confirm(session: Session, question: str, yes: bool) -> None:
    """Ask before something is destroyed; return only if the answer is yes.

    With `yes` nothing is asked. Where nobody can answer, UsageError; an answer other than yes ends with exit code 1.
    """
    require_answer(yes)
    if yes:
        return
    sys.stderr.write(f"{visible(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        from click.exceptions import Exit

        message(session, "nothing was changed")
        raise Exit(1)


def progress(total: int | None, label: str) -> Progress:
    """Show how far long work has come: on standard error, on a terminal, and only once it has taken 200 ms."""
    import click

    from queuectl.commands.progress import Progress

    context = click.get_current_context(silent=True)
    session = context.find_object(Session) if context is not None else None
    return Progress(total, label, color=session.color if session is not None else None)


def _print_array(values: Iterable[object]) -> None:
    from queuectl.commands.encoding import to_json

    pretty = is_terminal(sys.stdout)
    encoded = (to_json(value, pretty=pretty) for value in values)
    before = b"["
    while chunk := list(islice(encoded, CHUNK)):
        write_bytes(before + b",\n".join(chunk))
        before = b",\n"
    write_bytes(b"[]\n" if before == b"[" else b"]\n")


def _guarded(call: Callable[..., object], *arguments: object) -> None:
    try:
        call(*arguments)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise QueuectlError(f"cannot write to standard output: {error.strerror}") from error
