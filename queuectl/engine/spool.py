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
    return logs / f"{worker}-{token}.{suffix}"


@dataclass(slots=True)
class SpoolFile:
    """An unbuffered file that only appends."""

    path: Path
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


def still_open(file: SpoolFile) -> bool:
    """Return whether nobody has closed the descriptor, whose number may be another file's by now."""
    try:
        return os.path.samestat(os.fstat(file.descriptor), file.opened)
    except OSError:
        return False


def close(file: SpoolFile) -> None:
    """Close a file, unless an executor has done so: a run that is over is no failure because of that."""
    if still_open(file):
        with contextlib.suppress(OSError):  # a network's disk may tell now what it could not write
            os.close(file.descriptor)


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
        for file in (self.output, self._errors):
            if file is not None:
                close(file)
        try:
            return collect(*self._where)
        except OSError:  # no descriptor, or no sound disk: what the command did stays done
            return Output()

    def _open(self, suffix: str) -> SpoolFile:
        path = spool_path(*self._where, suffix)
        try:
            return SpoolFile(path, create_output(path))
        except FileNotFoundError:  # some job, or somebody who cleans up, has removed the whole directory
            with contextlib.suppress(FileExistsError):
                path.parent.mkdir(mode=0o700)
            return SpoolFile(path, create_output(path))


def collect(logs: Path, worker: str, token: int) -> Output:
    """Return what a run wrote, from its files, whoever made them."""
    path, error_path = spool_path(logs, worker, token), spool_path(logs, worker, token, "err")
    tail, size = read_tail(path, OUTPUT_TAIL)
    if not error_path.exists():
        return Output(tail=tail, size=size, path=str(path) if size > OUTPUT_TAIL else None)
    error_tail, error_size = read_tail(error_path, OUTPUT_TAIL)
    return Output(
        tail=tail,
        size=size,
        path=str(path) if size > OUTPUT_TAIL else None,
        error_tail=error_tail,
        error_size=error_size,
        error_path=str(error_path) if error_size > OUTPUT_TAIL else None,
    )


def discard_short(logs: Path, worker: str, token: int) -> None:
    """Remove what is left of a run that was settled, but files that are so long that the storage refers to them."""
    for suffix in ("out", "err"):
        path = spool_path(logs, worker, token, suffix)
        with contextlib.suppress(OSError):
            if path.lstat().st_size <= OUTPUT_TAIL:
                path.unlink()


def discard(logs: Path, worker: str, token: int, kept: Output | None) -> None:
    """Remove the files of a run that the storage does not refer to."""
    for suffix, path in (("out", kept and kept.path), ("err", kept and kept.error_path)):
        if not path:
            with contextlib.suppress(OSError):
                spool_path(logs, worker, token, suffix).unlink()
