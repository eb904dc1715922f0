"""Answers of the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.responses import Response


def json(value: Any, status: int = 200) -> Response:
    """Return a value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def items(found: Iterable[Any], next_cursor: str | None = None) -> Response:
    """Return a list, with the cursor that goes on after it."""
    return json({"items": list(found), "next_cursor": next_cursor})
