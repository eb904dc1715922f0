"""The environment of a job: the worker's, less what is private to it, plus what the job is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from queuectl.config import Config
from queuectl.config.load import read_config
from queuectl.errors import QueuectlError
from queuectl.model.lease import Claim

_PRIVATE = ("QUEUECTL_STORAGE__", "QUEUECTL_LEASE")


def base_environment(environ: Mapping[str, str], *, file: Path | None, data: Path) -> dict[str, str]:
    """Return what all jobs of a worker get.

    A job may run in another directory: what leads to the same store is made absolute.
    """
    base = {name: value for name, value in environ.items() if not name.startswith(_PRIVATE)}
    if base.get("QUEUECTL_HOME"):
        base["QUEUECTL_HOME"] = str(data)
    if file is not None:
        base["QUEUECTL_CONFIG"] = os.path.abspath(file)  # links stay as they were written
    return base


def reaches_same_store(config: Config, environ: Mapping[str, str]) -> bool:
    """Whether `queuectl` in a job finds the store that its worker was given, as far as can be told beforehand."""
    base = base_environment(environ, file=config.file, data=config.data)
    if not config.overrides and base.keys() >= environ.keys() - {"QUEUECTL_LEASE"}:
        return True
    try:
        found = read_config(environ=base, cwd=config.places.cwd, registry=config.registry)
        return _store(found) == _store(config)
    except QueuectlError:  # such as a file that has just been changed
        return False


def _store(config: Config) -> tuple[object, ...]:
    return config.storage.found.name, config.storage.settings, config.data


def job_environment(base: Mapping[str, str], claim: Claim) -> dict[str, str]:
    """Return the whole environment of one run."""
    return {
        **base,
        **claim.job.env,
        "QUEUECTL_JOB_ID": claim.job.id,
        "QUEUECTL_ATTEMPT": str(claim.number),
        "QUEUECTL_QUEUE": claim.job.queue,
        "QUEUECTL_LEASE": lease_mark(claim.lease.worker, claim.lease.token),
    }


def lease_mark(worker: str, token: int) -> str:
    """Return the text by which a run's processes are found, wherever they went: their `QUEUECTL_LEASE`."""
    return f"{worker}.{token}"
