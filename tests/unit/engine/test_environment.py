"""The environment of a job leads to the store of its worker, and keeps what is private to that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from queuectl.config import load_config
from queuectl.engine.environment import base_environment, job_environment, lease_mark, reaches_same_store
from queuectl.model.lease import Claim, Lease
from queuectl.testing import make_job


def test_what_is_private_to_a_worker_stays_with_it() -> None:
    """Where the store is may hold a password; the lease is that of the job that started the worker, if one did."""
    environ = {"A": "b", "QUEUECTL_STORAGE__DSN": "secret", "QUEUECTL_LEASE": "w.1", "QUEUECTL_WORKER__COUNT": "2"}
    base = base_environment(environ, file=None, data=Path("/data"))
    assert base == {"A": "b", "QUEUECTL_WORKER__COUNT": "2"}


def test_what_leads_to_the_store_is_absolute(work: Path) -> None:
    """A job may run in another directory."""
    base = base_environment({"QUEUECTL_HOME": "home"}, file=Path("queuectl.yaml"), data=work / "home")
    assert base == {"QUEUECTL_HOME": str(work / "home"), "QUEUECTL_CONFIG": str(work / "queuectl.yaml")}


def test_a_job_is_told_what_it_is() -> None:
    """Over all that it was given: its own environment wins over its worker's, but not over that."""
    job = make_job(id="a", queue="mail", env={"A": "job", "QUEUECTL_ATTEMPT": "7"})
    claim = Claim(job=job, lease=(lease := Lease("a", 5, "w")), number=2, origin=lease)
    assert job_environment({"A": "worker", "B": "worker"}, claim) == {
        "A": "job",
        "B": "worker",
        "QUEUECTL_JOB_ID": "a",
        "QUEUECTL_ATTEMPT": "2",
        "QUEUECTL_QUEUE": "mail",
        "QUEUECTL_LEASE": lease_mark("w", 5),
    }


@pytest.mark.parametrize(
    ("overrides", "variables", "same"),
    [
        ((), {}, True),
        (("worker.concurrency=3",), {}, True),
        (("storage.path=other.db",), {}, False),
        (("storage.path={file}",), {}, True),
        ((), {"QUEUECTL_STORAGE__PATH": "other.db"}, False),
        ((), {"QUEUECTL_STORAGE__PATH": "{file}"}, True),
        ((), {"QUEUECTL_LEASE": "w.1"}, True),
    ],
)
def test_a_store_that_jobs_do_not_find_is_known(
    work: Path, tmp_path: Path, overrides: tuple[str, ...], variables: Mapping[str, str], same: bool
) -> None:
    """Where --set or the environment name one that the configuration file does not."""
    (work / "queuectl.yaml").write_text("storage: {path: jobs.db}")
    file = str(work / "jobs.db")
    environ = {"QUEUECTL_HOME": str(tmp_path / "home")}
    environ |= {name: value.format(file=file) for name, value in variables.items()}
    config = load_config(overrides=[text.format(file=file) for text in overrides], environ=environ, cwd=work)
    assert reaches_same_store(config, environ) is same


def test_a_file_that_was_spoilt_meanwhile_leads_nowhere(work: Path, tmp_path: Path) -> None:
    """That is no error of the worker's, which has read it already."""
    environ = {"QUEUECTL_HOME": str(tmp_path / "home")}
    (work / "queuectl.yaml").write_text("worker: {count: 2}")
    config = load_config(overrides=["storage.path=other.db"], environ=environ, cwd=work)
    (work / "queuectl.yaml").write_text("{")
    assert not reaches_same_store(config, environ)
