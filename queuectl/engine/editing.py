"""Editing: from JSON fields to the new values of a job that waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from typing import Any

from queuectl.config import Config
from queuectl.engine.intake import Intake
from queuectl.errors import UsageError
from queuectl.model.job import Job
from queuectl.model.query import Edit

EDITABLE = tuple(field.name for field in fields_of(Edit))
"""The fields of a job that may be replaced while it waits."""


def read_edit(config: Config, job: Job, given: Mapping[str, Any]) -> Edit:
    """Check new values as those of a new job are checked; a field that is None stays as it is. Raises UsageError."""
    changed = {name: value for name, value in given.items() if value is not None}
    for name in changed:
        if name not in EDITABLE:
            raise UsageError(f"{name} cannot be changed", hint=f"what can be: {' '.join(EDITABLE)}")
    if not changed:
        raise UsageError("nothing is to be changed", hint=f"what can be: {' '.join(EDITABLE)}")
    whole = {"command": job.command, "queue": job.queue, **changed}
    read = Intake(config).accept([("", whole)]).jobs[0]
    return Edit(**{name: getattr(read, name) for name in changed})
