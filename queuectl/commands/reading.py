"""Printing what runs wrote: from what is stored, or from the files on this host."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from queuectl.commands import output
from queuectl.commands.escape import visible
from queuectl.commands.frame import Session
from queuectl.commands.people import size
from queuectl.commands.terminal import is_terminal
from queuectl.engine.reading import OutputReader
from queuectl.engine.spool import spool_path
from queuectl.model.attempt import Output
from queuectl.model.job import Job

Write = Callable[[bytes], None]


class Taker(Protocol):
    """Takes the bytes that a run wrote."""

    def out(self, data: bytes) -> None:
        """Take some of the output."""
        ...

    def error(self, data: bytes) -> None:
        """Take some of what was kept apart as standard error."""
        ...

    def end(self) -> None:
        """Make an end of it: no more comes for now."""
        ...


class Printer:
    """Takes the bytes that a run wrote; shows them escaped on a terminal, hands them on unchanged elsewhere."""

    def __init__(self, session: Session, raw: bool) -> None:
        self.session = session
        self._out = output.write_bytes if raw or not is_terminal(sys.stdout) else _Shown(output.write)
        self._error = _write_error if raw or not is_terminal(sys.stderr) else _Shown(_write_error_text)

    def out(self, data: bytes) -> None:
        """Print some of the output."""
        self._out(data)

    def error(self, data: bytes) -> None:
        """Print some of what was kept apart as standard error."""
        self._error(data)

    def end(self) -> None:
        """End what is shown with a line end, and let the reader have it."""
        for stream in (self._out, self._error):
            if isinstance(stream, _Shown):
                stream.end()
        output.flush()


class Collected:
    """Takes the bytes that a run wrote and keeps them, for a JSON document."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._error: bytearray | None = None

    def out(self, data: bytes) -> None:
        """Keep some of the output."""
        self._out += data

    def error(self, data: bytes) -> None:
        """Keep some of what was kept apart as standard error."""
        self._error = (self._error or bytearray()) + data

    def end(self) -> None:
        """Do nothing: there is no line to end."""

    def fields(self) -> dict[str, str | None]:
        """Return what came, as text: JSON has no bytes."""
        errors = None if self._error is None else self._error.decode(errors="replace")
        return {"output": self._out.decode(errors="replace"), "error_output": errors}


class _Shown:
    """Bytes as a terminal may show them; a character may come in two pieces."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ended = True

    def __call__(self, data: bytes) -> None:
        self._show(self._decoder.decode(data))

    def end(self) -> None:
        self._show(self._decoder.decode(b"", final=True))
        self._decoder.reset()
        if not self._ended:
            self._show("\n")

    def _show(self, text: str) -> None:
        if text:
            self._ended = text.endswith("\n")
            self._write("\n".join(map(_shown_line, text.split("\n"))))


def _shown_line(line: str) -> str:
    return "\t".join(map(visible, line.removesuffix("\r").split("\t")))


def copy(session: Session, reader: OutputReader, write: Write) -> None:
    """Print what there is by now; tell of what was dropped."""
    for piece in reader.pieces():
        if isinstance(piece, bytes):
            write(piece)
        else:
            output.flush()
            output.message(session, f"{size(piece)} in the middle were dropped: it grew too long")


def print_ended(session: Session, ended: Output, taker: Taker) -> None:
    """Print what a run that has ended wrote: the file if it was kept and is here, else the tail that is stored."""
    _print_stream(session, ended.tail, ended.size, ended.path, taker.out)
    print_ended_errors(session, ended, taker)


def print_ended_errors(session: Session, ended: Output, taker: Taker) -> None:
    """Print what was kept apart as standard error alone, if it was."""
    if ended.error_tail is not None:
        _print_stream(session, ended.error_tail, ended.error_size, ended.error_path, taker.error)
    taker.end()


def _print_stream(session: Session, tail: bytes, length: int, path: str | None, write: Write) -> None:
    reader = _opened(path)
    if reader is not None:
        with reader:
            copy(session, reader, write)
        return
    if len(tail) < length:
        where = _place_of(session, path) if path else ""
        output.message(session, f"the last {size(len(tail))} of {size(length)}{where}")
    write(tail)


def _place_of(session: Session, path: str) -> str:
    shared = session.config().worker.outputs
    if shared is None or shared not in Path(path).parents:
        return f"; the whole was kept in {path} on its worker's host"
    return f"; the whole was kept in {path}" + ("" if shared.is_dir() else f": there is no directory {shared} here")


def print_running(session: Session, job: Job, taker: Taker) -> bool:
    """Print what the present run has written so far; whether its file is on this host."""
    readers = open_running(session, job)
    if readers is None:
        return False
    for reader, write in zip(readers, (taker.out, taker.error), strict=False):
        with reader:
            copy(session, reader, write)
    taker.end()
    return True


def open_running(session: Session, job: Job) -> list[OutputReader] | None:
    """Open what the present run writes: the output, and what is kept apart, if it is; None when it is not here."""
    if job.worker is None:
        return None
    logs = session.config().logs
    out = _opened(str(spool_path(logs, job.worker, job.lease)))
    if out is None:
        return None
    errors = _opened(str(spool_path(logs, job.worker, job.lease, "err")))
    return [out] if errors is None else [out, errors]


def _opened(path: str | None) -> OutputReader | None:
    if path is None:
        return None
    try:
        return OutputReader(path)
    except OSError:
        return None


def _write_error(data: bytes) -> None:
    sys.stderr.flush()
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()


def _write_error_text(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
