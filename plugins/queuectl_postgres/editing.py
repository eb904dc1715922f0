"""Editing: new values for jobs that wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queuectl import Edit, Job
from queuectl_postgres import orders
from queuectl_postgres.rows import command_columns, json_of
from queuectl_postgres.transaction import Transaction


def edit_jobs(tx: Transaction, seqs: Sequence[int], jobs: Sequence[Job], edit: Edit) -> None:
    """Replace what an edit names; the rest stays."""
    values: dict[str, Any] = {
        "seqs": list(seqs),
        "now": tx.now,
        "priority": edit.priority,
        "max_retries": edit.max_retries,
        "run_at": edit.run_at,
        "timeout": edit.timeout,
        "backoff": json_of(edit.backoff),
    }
    tx.link.run(orders.EDIT_JOB, values)
    tx.link.run(orders.EDIT_SPEC, values)
    if edit.command is not None:
        command, argv = command_columns(edit.command)
        tx.link.run(orders.SET_COMMAND, {**values, "command": command, "argv": argv})
    if edit.env is not None:
        tx.link.run(orders.SET_ENV, {**values, "env": json_of(edit.env)})
    if edit.tags is not None:
        _set_tags(tx, values, jobs, edit.tags)


def _set_tags(tx: Transaction, values: dict[str, Any], jobs: Sequence[Job], tags: Sequence[str]) -> None:
    old = [(tag, seq) for seq, job in zip(values["seqs"], jobs, strict=True) for tag in job.tags]
    if old:
        tx.link.run(orders.REMOVE_TAGS, [list(column) for column in zip(*old, strict=True)])
    tx.link.run(orders.SET_TAGS, {**values, "tags": json_of(tags)})
    tx.link.run(orders.ADD_TAGS, (list(tags), values["seqs"]))
