"""The log of workers and supervisors: for people on a terminal, JSON for everything else."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from queuectl.secrets import masked


class _StandardError:
    """Writes to whatever standard error is at the moment: a progress bar takes its place while it is shown.

    A log that cannot be written (a full disk, a closed pipe) stops nothing.
    """

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return sys.stderr.write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def configure(*, debug: bool = False, color: bool = True, terminal: bool | None = None) -> None:
    """Set structlog up for this process; `terminal` is whether people read it, None to look at standard error."""
    if terminal is None:
        terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_console(color) if terminal else _json()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=_StandardError()),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )


def _without_secrets(logger: Any, method: str, fields: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Mask what a plugin's exception, say, tells of a secret: a log is read by others than the configuration is."""
    return {name: masked(name, value) if isinstance(value, str | dict) else value for name, value in fields.items()}


def _json() -> list[Any]:
    return [structlog.processors.format_exc_info, _without_secrets, structlog.processors.JSONRenderer(default=str)]


def _console(color: bool) -> list[Any]:
    return [
        _without_secrets,
        structlog.dev.ConsoleRenderer(colors=color, exception_formatter=structlog.dev.plain_traceback),
    ]
