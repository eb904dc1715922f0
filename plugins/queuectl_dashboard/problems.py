"""Errors as machines read them: RFC 9457, `application/problem+json`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from queuectl import (
    ConflictError,
    NotFoundError,
    QueuectlError,
    ReadOnlyError,
    StorageBusyError,
    StorageGoneError,
    UsageError,
)

STATUSES: tuple[tuple[type[QueuectlError], int], ...] = (
    (ReadOnlyError, 403),
    (UsageError, 400),
    (NotFoundError, 404),
    (ConflictError, 409),
    (StorageBusyError, 503),
    (StorageGoneError, 503),
)


def status_of(error: QueuectlError) -> int:
    """Return the status that tells of an error."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def problem(status: int, detail: str, **more: Any) -> Response:
    """Return an answer that says what is wrong."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")


def problem_of(error: QueuectlError) -> Response:
    """Return the answer that tells of an error of ours."""
    more = {name: value for name, value in (("hint", error.hint), ("details", list(error.details))) if value}
    answer = problem(status_of(error), error.message, code=error.code, **more)
    if isinstance(error, StorageBusyError):
        answer.headers["retry-after"] = "1"
    return answer
