"""`retry` runs again what has ended or waits for another try."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Program


def test_a_dead_job_runs_again(queuectl: Program) -> None:
    """From the start: with no attempts used, and its error gone."""
    flag = queuectl.cwd / "flag"
    (id,) = queuectl.dead("test -e flag")
    assert queuectl("retry", id, code=0).rows == [["retried", id, "pending"]]
    job = queuectl("show", id, "--json", code=0).json
    assert (job["state"], job["attempts"], job["exit_code"], len(job["attempts_log"])) == ("pending", 0, None, 1)
    flag.touch()
    queuectl.work()
    assert queuectl("show", id, "--json", code=0).json["state"] == "completed"


def test_a_completed_and_a_cancelled_job_run_again(queuectl: Program) -> None:
    """Several at once, a line each; `-q` prints ids, `--json` the jobs."""
    done, stopped = queuectl.enqueue("true", {"command": "true", "queue": "other"})
    queuectl("cancel", stopped, code=0)
    queuectl.work()
    assert queuectl("retry", done, stopped, done, "-q", code=0).out.split() == [done, stopped]
    queuectl.work()
    jobs = queuectl("retry", stopped, done, "--json", code=0).json
    assert [(job["id"], job["state"]) for job in jobs] == [(stopped, "pending"), (done, "pending")]


def test_a_waiting_job_is_refused_and_nothing_changes(queuectl: Program) -> None:
    """Exit code 4, for the dead one beside it too."""
    (dead,) = queuectl.dead("exit 1")
    (waiting,) = queuectl.enqueue("true")
    ran = queuectl("retry", dead, waiting, code=4)
    assert waiting in ran.err and "pending" in ran.err and ran.out == ""
    assert queuectl("show", dead, "--json", code=0).json["state"] == "dead"


def test_a_running_job_is_refused(queuectl: Program, eventually: Callable[[Callable[[], object]], None]) -> None:
    """Exit code 4, and it runs on."""
    (id,) = queuectl.enqueue("until test -e go; do sleep 0.02; done")
    queuectl.start("worker", "start", "--drain")
    eventually(lambda: queuectl("status", "--json", code=0).json["jobs"]["processing"])
    assert "processing" in queuectl("retry", id, code=4).err
    (queuectl.cwd / "go").touch()
    assert queuectl("wait", id, code=0).out == ""


def test_whole_ids_are_needed(queuectl: Program) -> None:
    """The candidates are listed with exit code 3."""
    (id,) = queuectl.dead("exit 1")
    assert id in queuectl("retry", id[:-1], code=3).err
    assert "no job 'none'" in queuectl("retry", "none", code=3).err
    assert queuectl("show", id, "--json", code=0).json["state"] == "dead"
    queuectl("retry", code=2)


def test_people_read_a_sentence(queuectl: Program) -> None:
    """What was done, to which job, and its state."""
    (id,) = queuectl.dead("exit 1")
    assert queuectl.on_terminal("retry", id, code=0).out == f"retried {id}: pending\n"
