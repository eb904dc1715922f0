"""FakeRunContext: what an executor is given for one run, on files of a test's own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from queuectl.engine.cancelling import CancelFlag
from queuectl.engine.files import create_output
from queuectl.engine.spool import SpoolFile, close
from queuectl.model.job import Job
from queuectl.testing.making import make_job

_MAX_HANDLE = 400


class FakeRunContext:
    r"""A `RunContext` whose output is a file in `folder`, for one run of `job`.

    `deadline` is on the clock of `time.monotonic()`. `env` comes on top of the `PATH` and the variables that every job
    is given. What a test looks at: `written`, `error_written` and `handles`; what it does: `cancel`. Close it, or use
    it in a `with` statement.

        with FakeRunContext(tmp_path, job=job) as context:
            outcome = executor.execute(job, context)
            assert context.written == b"hello\n"
    """

    def __init__(
        self,
        folder: Path,
        *,
        job: Job | None = None,
        number: int = 1,
        deadline: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.number = number
        self.deadline = deadline
        self.handles: list[str] = []
        self.cancelled = CancelFlag()
        self._path = folder / f"run-{uuid.uuid4().hex}.out"
        self.output = _file(self._path)
        self._errors: SpoolFile | None = None
        self._closed = False
        self.env: Mapping[str, str] = _surroundings(job or make_job(), number) | dict(env or {})

    @property
    def error_output(self) -> SpoolFile:
        """A second file, which exists from the first use of this property."""
        if self._errors is None:
            self._errors = _file(self._path.with_suffix(".err"))
        return self._errors

    @property
    def written(self) -> bytes:
        """All that is in `output` so far."""
        return self._path.read_bytes()

    @property
    def error_written(self) -> bytes:
        """All that is in `error_output` so far."""
        path = self._path.with_suffix(".err")
        return path.read_bytes() if path.exists() else b""

    @property
    def lease(self) -> str:
        """What stands in the environment as `QUEUECTL_LEASE`: `end` must find the run by `lease:` and this."""
        return self.env["QUEUECTL_LEASE"]

    def record(self, handle: str) -> None:
        """Keep a handle in `handles`. Raises ValueError for one that a worker's ledger has no room for."""
        if not isinstance(handle, str):
            raise TypeError(f"a handle is a text, not {handle!r}")
        if len(handle.encode()) > _MAX_HANDLE:
            raise ValueError(f"a handle has at most {_MAX_HANDLE} bytes")
        self.handles.append(handle)

    def cancel(self) -> None:
        """Ask the run to end."""
        self.cancelled.set("cancel")

    def close(self) -> None:
        """Give the descriptors back; the files stay. To close it again does nothing."""
        if self._closed:
            return
        self._closed = True
        self.cancelled.close()
        for file in (self.output, self._errors):
            if file is not None:
                close(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _file(path: Path) -> SpoolFile:
    return SpoolFile(path, create_output(path))


def _surroundings(job: Job, number: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        **job.env,
        "QUEUECTL_JOB_ID": job.id,
        "QUEUECTL_ATTEMPT": str(number),
        "QUEUECTL_QUEUE": job.queue,
        "QUEUECTL_LEASE": f"{uuid.uuid4().hex}.1",
    }
