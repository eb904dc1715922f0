"""A component that cannot be made keeps workers from starting; none is half made, and no job is lost by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.isolation.telling import named

if TYPE_CHECKING:
    from tests.cli.isolation.conftest import Site

PROVIDER = """
from dataclasses import dataclass
from queuectl import Provider, StorageBusyError, hookimpl

@dataclass(frozen=True, kw_only=True)
class Settings:
    pass

def create(settings, context):
    BODY

@hookimpl
def HOOK():
    yield Provider("broken", Settings, create)
"""

HOOKS = {
    "storage": "queuectl_storages",
    "executor": "queuectl_executors",
    "backoff": "queuectl_backoffs",
    "notifier": "queuectl_notifiers",
}
SELECTIONS = {
    "storage": "storage: broken\n",
    "executor": "executor: broken\n",
    "backoff": "queues: {mail: {backoff: broken}}\n",
    "notifier": "notifications: [broken]\n",
}


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        *((kind, "raise RuntimeError('one\\ntwo')", f"could not make its {kind}: RuntimeError: one") for kind in HOOKS),
        ("backoff", "raise SystemExit(0)", "could not make its backoff: SystemExit: 0"),
        ("notifier", "return None", "made None where a notifier was expected: it has no notify"),
    ],
)
def test_what_cannot_be_made_keeps_workers_from_starting(site: Site, kind: str, body: str, reason: str) -> None:
    """Given a plugin that is selected, when its `create` fails, then one line names it, and the code is 78."""
    site.install("broken", PROVIDER.replace("BODY", body).replace("HOOK", HOOKS[kind]))
    site.configure(SELECTIONS[kind])
    ran = site.program("worker", "start", "--count", "2", code=78)
    errors = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert errors == [f"error: {named('broken')} {reason}"]
    if kind != "storage":
        assert site.program("worker", "list", code=0).out == ""


def test_a_storage_that_is_busy_says_so_as_the_built_in_one_does(site: Site) -> None:
    """Given a storage whose `create` says that it is busy, when a job is stored, then the code is 75, with the name."""
    body = "raise StorageBusyError('the server is full', hint='wait')"
    site.install("broken", PROVIDER.replace("BODY", body).replace("HOOK", HOOKS["storage"]))
    site.configure(SELECTIONS["storage"])
    ran = site.program("enqueue", "true", code=75)
    assert ran.err == f"error: {named('broken')} could not make its storage: the server is full\nhint: wait\n"


def test_whoever_debugs_gets_the_traceback(site: Site) -> None:
    """Given a notifier that cannot be made, when a worker starts with --debug, then its author sees where it failed."""
    site.install("broken", PROVIDER.replace("BODY", "raise RuntimeError('no')").replace("HOOK", HOOKS["notifier"]))
    site.configure(SELECTIONS["notifier"])
    ran = site.program("worker", "start", "--debug", code=78)
    assert "queuectl_broken.py" in ran.err
    assert f"error: {named('broken')} could not make its notifier: RuntimeError: no\n" in ran.err


def test_jobs_outlast_an_executor_that_cannot_be_made(site: Site) -> None:
    """Given jobs and an executor that fails at its start, when it is mended, then they run."""
    broken = PROVIDER.replace("BODY", "raise OSError(24, 'Too many open files')").replace("HOOK", HOOKS["executor"])
    site.install("broken", broken)
    site.configure("queues: {mail: {executor: broken}}\n")
    (job,) = site.program.enqueue({"command": "true", "queue": "mail"})
    site.program("worker", "start", "--drain", code=78)
    assert (site.jobs()[job]["state"], site.jobs()[job]["attempts"]) == ("pending", 0)
    site.configure("")
    site.program.work()
    assert site.jobs()[job]["state"] == "completed"
