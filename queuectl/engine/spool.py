"""Where a run's output goes: straight into a file, whose last bytes are stored when the run has ended."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from queuectl.engine.files import create_output, read_tail
from queuectl.model.attempt import OUTPUT_TAIL, Output


def spool_path(logs: Path, worker: str, token: int, suffix: str = "out") -> Path:
    """Return where the output of a run lies while it runs; named after its lease, never after a job."""
    return Path(_place(logs, worker, token, suffix))


def _place(logs: Path, worker: str, token: int, suffix: str) -> str:
    """Return the same as a string: to make a path of it takes longer than much of what a run takes besides."""
    return f"{logs}{os.sep}{worker}-{token}.{suffix}"


@dataclass(slots=True)
class SpoolFile:
    """An unbuffered file that only appends."""

    path: str | Path
    descriptor: int
    opened: os.stat_result = field(init=False, repr=False, compare=False)

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
        return self.descriptor


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


class Spool:
    """The files of one run."""

    def __init__(self, logs: Path, worker: str, token: int) -> None:
        """Create the file for the output. Raises OSError when it cannot be had."""
        self._where = (logs, worker, token)
        self.output = self._open("out")
        self._errors: SpoolFile | None = None

    @property
    def errors(self) -> SpoolFile:
        """The file for standard error, made when it is first asked for."""
        if self._errors is None:
            self._errors = self._open("err")
        return self._errors

    def close(self) -> Output:
        """Close the files and return what they hold; they stay until `discard`."""
        size = close(self.output)
        if self._errors is not None:
            close(self._errors)
        elif size == 0:
            return Output()
        try:
            return collect(*self._where)
        except OSError:  # no descriptor, or no sound disk: what the command did stays done
            return Output(error_tail=None if self._errors is None else b"")

    def _open(self, suffix: str) -> SpoolFile:
        path = _place(*self._where, suffix)
        try:
            return SpoolFile(path, create_output(path))
        except FileNotFoundError:  # some job, or somebody who cleans up, has removed the whole directory
            with contextlib.suppress(FileExistsError):
                os.mkdir(self._where[0], mode=0o700)
            return SpoolFile(path, create_output(path))


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


def discard_short(logs: Path, worker: str, token: int) -> None:
    """Remove what is left of a run that was settled, but files that are so long that the storage refers to them."""
    for suffix in ("out", "err"):
        path = _place(logs, worker, token, suffix)
        with contextlib.suppress(OSError):
            if os.lstat(path).st_size <= OUTPUT_TAIL:
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
