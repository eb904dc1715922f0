"""A backoff that breaks costs no job its retry: the documented default decides, and the log says so."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.cli.isolation.telling import logged

if TYPE_CHECKING:
    from tests.cli.isolation.conftest import Site

BACKOFF = """
import sys
from dataclasses import dataclass
from queuectl import Provider, hookimpl

@dataclass(frozen=True, kw_only=True)
class Faulty:
    def delay(self, failure):
        match failure.job.id:
            case "raises":
                raise RuntimeError("one\\ntwo")
            case "exits":
                sys.exit(0)
        return {
            "nan": float("nan"),
            "negative": -1,
            "text": "30",
            "bool": True,
            "infinite": float("inf"),
            "sound": 1000,
            "endless": 10**400,
        }.get(failure.job.id)

@hookimpl
def queuectl_backoffs():
    yield Provider("faulty", Faulty)
"""

SAYS = {
    "raises": "raised RuntimeError: one",
    "exits": "raised SystemExit: 0",
    "nan": "returned nan where seconds were expected",
    "negative": "returned -1 where seconds were expected",
    "text": "returned '30' where seconds were expected",
    "bool": "returned True where seconds were expected",
    "infinite": "returned inf where seconds were expected",
}
TEN_YEARS = 10 * 366 * 86400.0


def wait_of(job: Any) -> float:
    """How many seconds a failed job waits from the moment when it failed."""
    failed, due = (datetime.fromisoformat(job[name]) for name in ("updated_at", "next_retry_at"))
    return round((due - failed).total_seconds(), 2)


def test_where_a_backoff_breaks_the_default_decides(
    site: Site, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """Given a backoff that raises or returns nonsense, when jobs fail, then they wait 2, 4, 8 s, and it is named."""
    site.install("faulty", BACKOFF)
    site.configure("backoff: faulty\n")
    site.program.enqueue(*({"id": id, "command": "exit 3"} for id in (*SAYS, "sound", "endless", "gives-up")))
    worker = site.program.start("worker", "start")
    eventually(lambda: all(job["attempts"] for job in site.jobs().values()))
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=180)
    jobs = site.jobs()
    told = {line["job"]: line for line in logged(err.decode(), "faulty")}
    assert {id: line["what"] for id, line in told.items()} == SAYS
    assert {line["event"] for line in told.values()} == {"backoff broken, the default decides"}
    assert jobs.pop("gives-up")["state"] == "dead"
    waits = {id: wait_of(job) for id, job in jobs.items()}
    assert (waits.pop("sound"), waits.pop("endless")) == (1000, TEN_YEARS)
    assert waits == {id: 2 ** jobs[id]["attempts"] for id in SAYS}


def test_a_job_whose_backoff_is_no_more_waits_as_by_default(
    site: Site, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """Given a job with a backoff that was uninstalled meanwhile, when it fails, then the log says so, and it waits."""
    site.install("faulty", BACKOFF)
    (job,) = site.program.enqueue({"command": "exit 3", "backoff": "faulty"})
    (site.folder / "queuectl_faulty-1.2.3.dist-info" / "entry_points.txt").unlink()
    worker = site.program.start("worker", "start")
    eventually(lambda: site.jobs()[job]["attempts"])
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=180)
    failed = site.jobs()[job]
    assert wait_of(failed) == 2 ** failed["attempts"]
    assert '"error": "backoff.plugin: no backoff \'faulty\' is installed"' in err.decode()
