"""The options of a job as type checkers know them: the JSON fields beside the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, TypedDict


class JobOptions(TypedDict, total=False):
    """What `Queue.enqueue` takes by name; None is as if it was left out.

    Durations are seconds or texts such as `90s`, moments ISO 8601 or datetimes.
    """

    id: str | None
    queue: str | None
    priority: int | None
    run_at: str | datetime | None
    delay: float | str | None
    timeout: float | str | None
    max_retries: int | None
    cwd: str | PathLike[str] | None
    env: Mapping[str, str] | None
    tags: Sequence[str] | None
    backoff: str | Mapping[str, Any] | None
    options: Mapping[str, Any] | None
