"""`cancel` stops what waits and what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Program


def test_waiting_jobs_are_cancelled(queuectl: Program) -> None:
    """At once; they do not run."""
    first, second = queuectl.enqueue("touch ran", {"command": "touch ran", "delay": "1h"})
    assert queuectl("cancel", first, second, code=0).rows == [["cancelled", id, "cancelled"] for id in (first, second)]
    queuectl.work()
    assert not (queuectl.cwd / "ran").exists()


def test_a_running_job_is_ended(queuectl: Program, eventually: Callable[[Callable[[], object]], None]) -> None:
    """It is told that this takes a moment, and the job ends as cancelled."""
    (id,) = queuectl.enqueue("touch began; sleep 300")
    queuectl.start("worker", "start", "--drain")
    eventually((queuectl.cwd / "began").exists)
    assert queuectl("cancel", id, code=0).rows == [["cancelling", id, "processing"]]
    queuectl("wait", id, "--timeout", "30", code=143)
    assert queuectl("show", id, "--json", code=0).json["state"] == "cancelled"


def test_what_has_ended_is_refused_and_nothing_changes(queuectl: Program) -> None:
    """Exit code 4, for the waiting one beside it too."""
    (dead,) = queuectl.dead("exit 1")
    (waiting,) = queuectl.enqueue("true")
    assert dead in queuectl("cancel", waiting, dead, code=4).err
    assert queuectl("show", waiting, "--json", code=0).json["state"] == "pending"


def test_whole_ids_are_needed(queuectl: Program) -> None:
    """The candidates are listed with exit code 3."""
    (id,) = queuectl.enqueue("true")
    assert id in queuectl("cancel", id[:-1], code=3).err
    assert queuectl("cancel", "none", "--json", code=3).error["code"] == "not-found"
    assert queuectl("show", id, "--json", code=0).json["state"] == "pending"
    queuectl("cancel", code=2)


def test_json_and_quiet(queuectl: Program) -> None:
    """The jobs as they are now, or their ids."""
    first, second = queuectl.enqueue("true", "true")
    (job,) = queuectl("cancel", first, "--json", code=0).json
    assert (job["id"], job["state"]) == (first, "cancelled")
    assert queuectl("cancel", second, "-q", code=0).out == f"{second}\n"
