"""What is promised when things are killed: real workers, real signals, real commands."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import waiting

PATIENCE = 120.0
"""Seconds after which a condition that does not come true fails the test."""

until = partial(waiting.until, patience=PATIENCE)


class House:
    """A data directory of its own, and the processes that were started over it."""

    def __init__(self, home: Path, work: Path) -> None:
        self.home = home
        self.work = work
        self.started: list[subprocess.Popen[bytes]] = []
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("QUEUECTL_")}
        self.env["QUEUECTL_HOME"] = str(home)

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "queuectl", *arguments],
            env=self.env,
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    def enqueue(self, command: str, **fields: Any) -> str:
        """Enqueue one job, and return its id."""
        return self.run("-q", "enqueue", json.dumps({"command": command, **fields})).strip()

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start workers, and return when they work."""
        with (self.work / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "queuectl", "worker", "start", *arguments],
                env=self.env,
                cwd=self.work,
                stderr=log,
            )
        self.started.append(process)
        return process

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that does not end at once."""
        process = subprocess.Popen(
            [sys.executable, "-m", "queuectl", *arguments], env=self.env, cwd=self.work, stderr=subprocess.DEVNULL
        )
        self.started.append(process)
        return process

    def go(self) -> None:
        """Let a job of `UNTIL_GO` end."""
        (self.work / "go").touch()

    def log(self) -> str:
        """Return what workers and supervisors logged."""
        return (self.work / "log").read_text()

    def job(self, id: str) -> dict[str, Any]:
        """Return a job as JSON, with its attempts."""
        job: dict[str, Any] = json.loads(self.run("show", id, "--json"))
        return job

    def workers(self) -> list[dict[str, Any]]:
        """Return the workers that live."""
        workers: list[dict[str, Any]] = json.loads(self.run("worker", "list", "--json"))
        return workers

    def worker(self) -> int:
        """Return the pid of the one worker that lives, as soon as there is one."""
        until(lambda: len(self.workers()) == 1)
        pid: int = self.workers()[0]["pid"]
        return pid

    def lines(self, name: str = "marks") -> list[str]:
        """Return what jobs wrote into a file."""
        path = self.work / name
        return path.read_text().split() if path.exists() else []

    def close(self) -> None:
        """End whatever is left."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        until(lambda: not carriers(self.home, kill=True))


def carriers(home: Path, *, kill: bool = False) -> list[int]:
    """Return the living processes, workers and jobs, whose environment names this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            carries = f"QUEUECTL_HOME={home}\0".encode() in (entry / "environ").read_bytes()
        except OSError:
            continue
        if carries:
            found.append(int(entry.name))
            if kill:
                os.kill(int(entry.name), signal.SIGKILL)
    return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Return a house, and see that nothing of it is left running."""
    house = House(tmp_path / "home", tmp_path)
    try:
        yield house
    finally:
        house.close()


UNTIL_GO = "echo start >>marks; while ! test -e go; do sleep 0.02; done"
FOREVER = "echo start >>marks; sleep 60"


class TestKilledWorker:
    """SIGKILL of a worker in the middle of a job."""

    def test_its_job_runs_again_and_no_retry_is_used_up(self, house: House) -> None:
        """The run is recorded as lost, its command is gone before the next run starts, and attempts stay."""
        house.start()
        pid = house.worker()
        job = house.enqueue("echo start >>marks; test -e again && exit 0; touch again; exec sleep 60")
        until(house.lines)
        os.kill(pid, signal.SIGKILL)
        until(lambda: house.job(job)["state"] == "completed")
        found = house.job(job)
        assert found["attempts"] == 1
        assert [attempt["result"] for attempt in found["attempts_log"]] == ["lost", "completed"]
        assert [attempt["number"] for attempt in found["attempts_log"]] == [1, 2]

    def test_its_commands_never_run_beside_the_next_run(self, house: House) -> None:
        """The whole process group of the lost run is ended first, grandchildren that ignore SIGTERM too."""
        house.start()
        pid = house.worker()
        tell = "trap '' TERM; (while :; do echo $$ >>marks; sleep 0.02; done)"
        job = house.enqueue(
            f"test -e again && {{ cp marks before; sleep 0.3; cp marks after; exit 0; }}; touch again; {tell}"
        )
        until(house.lines)
        os.kill(pid, signal.SIGKILL)
        until(lambda: house.job(job)["state"] == "completed")
        assert house.lines("before") == house.lines("after")

    def test_another_supervisor_takes_over(self, house: House) -> None:
        """Even when worker and supervisor die at once."""
        first = house.start()
        pid = house.worker()
        job = house.enqueue("echo start >>marks; test -e again && exit 0; touch again; exec sleep 60")
        until(house.lines)
        second = house.start()
        until(lambda: len(house.workers()) == 2)
        first.kill()
        os.kill(pid, signal.SIGKILL)
        until(lambda: house.job(job)["state"] == "completed")
        second.terminate()
        assert second.wait(PATIENCE) == 0

    def test_the_next_start_takes_over(self, house: House) -> None:
        """When nobody was left on the host."""
        first = house.start()
        pid = house.worker()
        job = house.enqueue("echo start >>marks; test -e again && exit 0; touch again; exec sleep 60")
        until(house.lines)
        first.kill()
        os.kill(pid, signal.SIGKILL)
        first.wait()
        house.run("worker", "start", "--drain")
        assert house.job(job)["state"] == "completed"

    def test_a_job_that_kills_its_worker_is_given_up(self, house: House) -> None:
        """After three lost runs it is dead, with that reason, and no charged attempt."""
        job = house.enqueue("kill -9 $PPID; sleep 60")
        house.run("worker", "start", "--drain")
        found = house.job(job)
        assert found["state"] == "dead"
        assert found["attempts"] == 0
        assert "3 runs" in found["error"]
        assert [attempt["result"] for attempt in found["attempts_log"]] == ["lost"] * 3


class TestKilledSupervisor:
    """SIGKILL of the supervisor."""

    def test_its_workers_finish_and_leave(self, house: House) -> None:
        """They notice, let the running job end, and claim no more."""
        supervisor = house.start()
        house.worker()
        running = house.enqueue(UNTIL_GO)
        until(house.lines)
        waiting = house.enqueue("true")
        supervisor.kill()
        supervisor.wait()
        until(lambda: "the supervisor is gone" in house.log())
        house.go()
        until(lambda: not carriers(house.home))
        assert house.job(running)["state"] == "completed"
        assert house.job(waiting)["state"] == "pending"
        house.run("worker", "start", "--drain")
        assert house.job(waiting)["state"] == "completed"
        assert os.listdir(house.home / "run") == []


class TestSignals:
    """What `worker start` does when it is told to stop."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
    def test_one_lets_running_jobs_finish(self, house: House, number: signal.Signals) -> None:
        """No new claims, the running job completes, exit 0, and nothing is left."""
        supervisor = house.start("--debug")
        house.worker()
        running, waiting = house.enqueue(UNTIL_GO), house.enqueue("true")
        until(house.lines)
        supervisor.send_signal(number)
        until(lambda: "no more claims" in house.log())
        house.go()
        assert supervisor.wait(PATIENCE) == 0
        assert house.job(running)["state"] == "completed"
        assert house.job(waiting)["state"] == "pending"
        assert os.listdir(house.home / "run") == []
        assert os.listdir(house.home / "logs") == []
        assert carriers(house.home) == []

    def test_a_second_one_gives_the_jobs_back(self, house: House) -> None:
        """The job is ended and pending again, uncharged; exit 0."""
        supervisor = house.start()
        house.worker()
        job = house.enqueue(FOREVER)
        until(house.lines)
        supervisor.terminate()
        until(lambda: "waiting for the running jobs" in house.log())
        supervisor.terminate()
        assert supervisor.wait(PATIENCE) == 0
        found = house.job(job)
        assert (found["state"], found["attempts"]) == ("pending", 0)
        assert [attempt["result"] for attempt in found["attempts_log"]] == ["released"]
        assert carriers(house.home) == []


class TestStop:
    """`worker stop`, from any terminal."""

    def test_it_waits_for_the_running_jobs(self, house: House) -> None:
        """Both supervisors end with 0, and so does the command."""
        supervisors = [house.start(), house.start("--count", "2")]
        until(lambda: len(house.workers()) == 3)
        job = house.enqueue(UNTIL_GO)
        until(house.lines)
        stop = house.begin("worker", "stop")
        until(lambda: "waiting for the running jobs" in house.log())
        assert stop.poll() is None
        house.go()
        assert stop.wait(PATIENCE) == 0
        assert [supervisor.wait(PATIENCE) for supervisor in supervisors] == [0, 0]
        assert house.job(job)["state"] == "completed"

    def test_force_gives_the_jobs_back(self, house: House) -> None:
        """They are ended, and pending."""
        supervisor = house.start()
        house.worker()
        job = house.enqueue(FOREVER)
        until(house.lines)
        house.run("worker", "stop", "--timeout", "0.2", code=1)
        house.run("worker", "stop", "--force")
        assert supervisor.wait(PATIENCE) == 0
        assert house.job(job)["state"] == "pending"

    def test_none_runs(self, house: House) -> None:
        """That is what was asked for: 0."""
        assert house.run("worker", "stop") == ""

    def test_a_detached_one(self, house: House) -> None:
        """It works when the command has answered, in a session of its own, and stops through the store."""
        house.run("worker", "start", "--detach")
        pid = house.worker()
        assert os.getsid(pid) != os.getsid(0)
        house.run("worker", "stop")
        until(lambda: not carriers(house.home))


class TestStoppedWorker:
    """SIGSTOP: a worker that lives, but does nothing until its lease has run out."""

    def test_it_is_ended_before_its_job_runs_elsewhere(self, house: House) -> None:
        """So is its command: it starts nothing more, and has no late result."""
        lease = ("--set", "worker.lease=4s")
        house.start(*lease)
        frozen = house.worker()
        job = house.enqueue("echo run >>marks; test -e again && exit 0; touch again; exec sleep 60")
        until(house.lines)
        os.kill(frozen, signal.SIGSTOP)
        house.start(*lease)
        until(lambda: house.job(job)["state"] == "completed")
        assert frozen not in carriers(house.home)
        assert [attempt["result"] for attempt in house.job(job)["attempts_log"]] == ["lost", "completed"]


@pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0,
    reason="only root can mount a small disk",
)
class TestFullDisk:
    """A disk that is full when a job ends."""

    @pytest.fixture
    def house(self, tmp_path: Path) -> Iterator[House]:
        """A house whose home is a small disk."""
        home = tmp_path / "home"
        home.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "none", str(home)], check=True)
        house = House(home, tmp_path)
        try:
            yield house
        finally:
            house.close()
            subprocess.run(["umount", "--lazy", str(home)], check=True)

    @pytest.fixture
    def job(self, house: House) -> str:
        """A job that ended, and its supervisor was told to stop, when nothing more could be written."""
        house.start()
        house.worker()
        job = house.enqueue(f"head -c 50000 /dev/zero; {UNTIL_GO}")
        until(house.lines)
        with (house.home / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        house.go()
        house.started[0].terminate()
        until(lambda: "stopping waits until what ended can be stored" in house.log())
        assert "disk is full" in house.log()
        return job

    def test_stopping_waits_for_room(self, house: House, job: str) -> None:
        """Once there is room the outcome is settled, and the exit code is 0."""
        (house.home / "ballast").unlink()
        assert house.started[0].wait(PATIENCE) == 0
        assert house.job(job)["state"] == "completed"

    def test_a_second_signal_leaves_the_outcome_to_the_next_worker(self, house: House, job: str) -> None:
        """It ends, says so, and the job is settled by the next one: it does not run again."""
        house.started[0].terminate()
        assert house.started[0].wait(PATIENCE) == 0
        assert "leaving what ended in the ledger" in house.log()
        (house.home / "ballast").unlink()
        house.run("worker", "start", "--drain")
        assert house.job(job)["state"] == "completed"
        assert house.lines() == ["start"]
        assert os.listdir(house.home / "run") == []
        assert os.listdir(house.home / "logs") == []


@pytest.mark.skipif(
    subprocess.run(["unshare", "-pf", "--mount-proc", "true"], capture_output=True, check=False).returncode != 0,
    reason="a process may not have a numbering of its own here: nothing can be process 1",
)
class TestProcessOne:
    """The supervisor as process 1 of a container."""

    def test_it_collects_the_orphans(self, house: House) -> None:
        """What a job leaves in the background becomes its child, and is no zombie when it ends."""
        job = house.enqueue(
            "(while ! test -e go; do sleep 0.02; done; read -r _ _ _ parent _ </proc/self/stat; echo $parent >>marks) &"
        )
        with (house.work / "log").open("ab") as log:
            call = ["unshare", "-pf", "--mount-proc", sys.executable, "-m", "queuectl", "worker", "start"]
            outside = subprocess.Popen(call, env=house.env, cwd=house.work, stderr=log)
        house.started.append(outside)
        until(lambda: house.job(job)["state"] == "completed")
        (supervisor,) = children(outside.pid)
        house.go()
        until(house.lines)
        assert house.lines() == ["1"]
        until(lambda: len(children(supervisor)) == 1)
        os.kill(supervisor, signal.SIGTERM)
        assert outside.wait(PATIENCE) == 0


def children(pid: int) -> list[int]:
    """Return the children of a process, zombies too."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if stat.read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(stat.parent.name))
    return found


class TestRunningJob:
    """Cancelling and time limits, on real commands."""

    def test_cancel_ends_it_whatever_it_ignores(self, house: House) -> None:
        """The job is cancelled though it ignores SIGTERM, and its group is gone."""
        house.start()
        house.worker()
        job = house.enqueue("trap '' TERM; echo start >>marks; while :; do sleep 0.05; done")
        until(house.lines)
        house.run("cancel", job)
        until(lambda: house.job(job)["state"] == "cancelled")
        house.run("wait", job, code=128 + signal.SIGKILL)

    def test_cancel_outweighs_a_polite_exit(self, house: House) -> None:
        """A command that answers SIGTERM with exit code 0 had not succeeded before: it is cancelled."""
        house.start()
        house.worker()
        job = house.enqueue("trap 'exit 0' TERM; echo start >>marks; while :; do sleep 0.05; done")
        until(house.lines)
        house.run("cancel", job)
        until(lambda: house.job(job)["state"] != "processing")
        assert house.job(job)["state"] == "cancelled"

    def test_a_timeout_ends_the_whole_group(self, house: House) -> None:
        """Grandchildren too; the attempt says that the time was up."""
        job = house.enqueue(
            "(trap '' TERM; while :; do echo x >>marks; sleep 0.02; done) & wait", timeout=1.5, max_retries=0
        )
        house.run("worker", "start", "--drain", "--set", "executor.kill-after=0.2s")
        found = house.job(job)
        assert found["state"] == "dead"
        assert found["error"] == "timed out after 1s500ms"
        written = house.lines()
        assert written
        assert carriers(house.home) == []
        assert house.lines() == written


class TestAcknowledged:
    """An enqueue that has answered."""

    def test_it_survives_a_kill(self, house: House) -> None:
        """Every id that was printed is stored, whenever the program was killed."""
        loop = (
            "import queuectl, sys\n"
            "with queuectl.open() as queue:\n"
            "    while True:\n"
            "        sys.stdout.write(queue.enqueue('true').id + '\\n')\n"
            "        sys.stdout.flush()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", loop], env=house.env, cwd=house.work, stdout=subprocess.PIPE
        ) as program:
            assert program.stdout is not None
            first = [program.stdout.readline().decode().strip() for _ in range(50)]
            program.kill()
            rest = program.stdout.read().decode().split("\n")[:-1]
        stored = {job["id"] for job in json.loads(house.run("list", "--json"))}
        assert {*first, *rest} <= stored
