"""Where a run's output goes: straight into a file, whose last bytes are stored when the run has ended.

Most runs write nothing. To make a file for each of them and to remove it takes as long as to write down how it ended,
and longer where others change files at the same time. So a runner gives a file that stayed empty, a blank, to its next
run, unless anybody could write to it yet, or read of it what is not theirs. A blank is named after the run for which it
was made, so that no name is changed either; the run that has it gives it a name of its own once there is something to
see: when it has written, or lasts.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from queuectl.engine.files import create_output, read_tail
from queuectl.engine.opened import is_open_elsewhere, reopening
from queuectl.model.attempt import OUTPUT_TAIL, Output


def spool_path(logs: Path, worker: str, token: int, suffix: str = "out") -> Path:
    """Return where the output of a run lies while it runs; named after its lease, never after a job."""
    return Path(_place(logs, worker, token, suffix))


def _place(logs: Path, worker: str, token: int, suffix: str) -> str:
    """Return the same as a string: to make a path of it takes longer than much of what a run takes besides."""
    return f"{logs}{os.sep}{worker}-{token}.{suffix}"


@dataclass(slots=True)
class SpoolFile:
    """An unbuffered file that only appends.

    It was `lent` once somebody asked for its descriptor: nobody can tell how many processes have that by now. It was
    made for the run with `token`.
    """

    path: str | Path
    descriptor: int
    token: int = 0
    opened: os.stat_result = field(init=False, repr=False, compare=False)
    lent: bool = field(default=False, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.opened = os.fstat(self.descriptor)

    def write(self, data: bytes, /) -> int:
        """Append all of the bytes."""
        left = memoryview(data)
        while left:
            left = left[os.write(self.descriptor, left) :]
        return len(data)

    def fileno(self) -> int:
        """Return the descriptor, for a child to inherit."""
        self.lent = True
        return self.descriptor

    def reopening(self) -> str | None:
        """Return the path by which a child opens the file by itself; None where that cannot be done."""
        return reopening(self.descriptor, self.opened.st_dev)


def still_open(file: SpoolFile) -> os.stat_result | None:
    """Return how the file is now; None where somebody has closed the descriptor, whose number may be another's."""
    try:
        found = os.fstat(file.descriptor)
    except OSError:
        return None
    return found if os.path.samestat(found, file.opened) else None


def close(file: SpoolFile) -> int | None:
    """Close a file, and return its size; None where an executor has closed it: a run is no failure because of that."""
    found = still_open(file)
    if found is None:
        return None
    with contextlib.suppress(OSError):  # a network's disk may tell now what it could not write
        os.close(file.descriptor)
    return found.st_size


def is_free(blank: SpoolFile) -> bool:
    """Whether the next run may have a file to which nothing was written: nobody else has it, and it was not changed.

    From when it is called a blank nobody opens it by its name; so whoever has it open is seen here.
    """
    return not is_open_elsewhere(blank.descriptor) and _is_blank(blank, os.fstat(blank.descriptor))


def _is_blank(file: SpoolFile, found: os.stat_result) -> bool:
    """Whether a file is as it was when it was made."""
    made = file.opened
    return not (found.st_size or found.st_blocks) and (found.st_mode, found.st_nlink) == (made.st_mode, made.st_nlink)


def drop(file: SpoolFile) -> None:
    """Remove a file that no run is to have any more."""
    _remove(str(file.path))
    with contextlib.suppress(OSError):  # somebody closed what was not theirs
        os.close(file.descriptor)


class Spool:
    """The files of one run."""

    def __init__(self, logs: Path, worker: str, token: int, blank: SpoolFile | None = None) -> None:
        """Take a `blank` of an earlier run for the output, or create its file. Raises OSError when it cannot be had."""
        self._where = (logs, worker, token)
        self._lock = threading.Lock()
        self._closed = self._shown = False
        self.output = self._open("out") if blank is None else blank
        self._errors: SpoolFile | None = None
        self.blank: SpoolFile | None = None
        """Once closed: the file of the output, open yet, where the next run may have it; else None."""

    @property
    def errors(self) -> SpoolFile:
        """The file for standard error, made when it is first asked for."""
        if self._errors is None:
            self._errors = self._open("err")
        return self._errors

    def show(self) -> None:
        """Let the output be seen under the name of this run, which lasts. For any thread; too late, it does nothing."""
        with self._lock:
            if not self._closed:
                self._shown = True
                self._name("out")

    def close(self) -> Output:
        """Close the files and return what they hold; they stay until `discard`, but for what is `blank`."""
        with self._lock:
            self._closed = True
        if self._is_silent() and self._name("blank"):
            self.blank = self.output
            return Output()
        self._name("out")
        size = close(self.output)
        if self._errors is not None:
            close(self._errors)
        elif size == 0:
            return Output()
        try:
            return collect(*self._where)
        except OSError:  # no descriptor, or no sound disk: what the command did stays done
            return Output(error_tail=None if self._errors is None else b"")

    def _is_silent(self) -> bool:
        """Whether nothing was written, by a run that was short, to a file that can be given away."""
        if self._shown or self._errors is not None or self.output.lent:
            return False
        found = still_open(self.output)
        return found is not None and _is_blank(self.output, found)

    def _name(self, suffix: str) -> bool:
        """Name the file of the output after this run, or keep it a blank, whosever; whether that was to be done."""
        before = str(self.output.path)
        if before.endswith(f".{suffix}"):
            return True
        path = _place(*self._where, suffix)
        try:
            os.rename(before, path)
        except OSError:  # somebody has cleaned up
            return False
        self.output.path = path
        return True

    def _open(self, suffix: str) -> SpoolFile:
        path = _place(*self._where, suffix)
        try:
            return SpoolFile(path, create_output(path), self._where[2])
        except FileNotFoundError:  # some job, or somebody who cleans up, has removed the whole directory
            with contextlib.suppress(FileExistsError):
                os.mkdir(self._where[0], mode=0o700)
            return SpoolFile(path, create_output(path), self._where[2])


def unveil(logs: Path, worker: str, token: int, blank: int) -> None:
    """Give the output of a dead worker's run its own name; `blank` is the run for which its file was made."""
    path = _place(logs, worker, token, "out")
    if not os.path.lexists(path):
        with contextlib.suppress(FileNotFoundError):
            os.rename(_place(logs, worker, blank, "blank"), path)


def collect(logs: Path, worker: str, token: int) -> Output:
    """Return what a run wrote, from its files, whoever made them."""
    path, error_path = _place(logs, worker, token, "out"), _place(logs, worker, token, "err")
    tail, size = read_tail(path, OUTPUT_TAIL)
    if not os.path.exists(error_path):
        return Output(tail=tail, size=size, path=path if size > OUTPUT_TAIL else None)
    error_tail, error_size = read_tail(error_path, OUTPUT_TAIL)
    return Output(
        tail=tail,
        size=size,
        path=path if size > OUTPUT_TAIL else None,
        error_tail=error_tail,
        error_size=error_size,
        error_path=error_path if error_size > OUTPUT_TAIL else None,
    )


def discard_short(logs: Path, worker: str) -> None:
    """Remove what is left of a worker whose runs are settled, but files so long that the storage refers to them.

    To a blank it never does, whatever was written to it later, by somebody whom its run left behind.
    """
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(logs):
            if name.startswith(f"{worker}-"):
                path = os.path.join(logs, name)
                with contextlib.suppress(OSError):
                    if name.endswith(".blank") or os.lstat(path).st_size <= OUTPUT_TAIL:
                        os.unlink(path)


def discard(logs: Path, worker: str, token: int, kept: Output | None) -> None:
    """Remove the files of a run that the storage does not refer to; `kept` is what `Spool.close` returned, if known."""
    if not (kept and kept.path):
        _remove(_place(logs, worker, token, "out"))
    if kept is None or (kept.error_tail is not None and not kept.error_path):
        _remove(_place(logs, worker, token, "err"))


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
