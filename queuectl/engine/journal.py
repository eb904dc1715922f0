"""The log of workers and supervisors: for people on a terminal, JSON for everything else."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, TextIO

import structlog


class _Unbreakable:
    """Writes lines to a stream, and lets a log that cannot be written (a full disk, a closed pipe) stop nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def configure(*, debug: bool = False, color: bool | None = None, stream: TextIO | None = None) -> None:
    """Set structlog up for this process; `color` is what flags say, None to go by the terminal."""
    stream = sys.stderr if stream is None else stream
    terminal = stream.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_console(color) if terminal else _json()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=_Unbreakable(stream)),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )


def _json() -> list[Any]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]


def _console(color: bool | None) -> list[Any]:
    return [structlog.dev.ConsoleRenderer(colors=color is not False, exception_formatter=structlog.dev.plain_traceback)]
