"""Jobs that do harm: to their worker, to the disk, to the files of the queue. All other jobs go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.place import PATIENCE, Place, until
from queuectl import State

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc"),
    pytest.mark.timeout(600),  # very many processes: they take long where others want the processors too
]

SUPERVISOR = "read -r _ _ _ supervisor _ </proc/$PPID/stat"
"""Lets a job find its worker's parent."""

GAVE_UP = "gave up after 3 runs that their worker did not survive"


class TestKillers:
    """Jobs that kill what runs them."""

    def test_who_kills_its_worker_takes_no_other_job_along(self, place: Place) -> None:
        """What ran beside it each time completes, what waited too; the worker is started three times anew, no more."""
        beside = {f"beside-{number}": "sleep 0.5" for number in range(3)}
        place.enqueue(**beside, killer="sleep 0.1; kill -9 -$PPID; sleep 60", waiting="true")
        assert place.drain("--concurrency", "4") == 0
        assert place.states(*beside, "waiting") == ["completed"] * 4
        killer = place.job("killer")
        assert (killer.state, killer.error, killer.attempts) == (State.DEAD, GAVE_UP, 0)
        assert place.results("killer") == ["lost"] * 3
        assert all(place.results(id)[-1] == "completed" for id in beside)
        assert place.log().count("a worker died, starting another") == 3
        assert place.processes() == []

    def test_who_kills_the_supervisor_too_is_given_up_as_well(self, place: Place) -> None:
        """Each start ends it and goes on; after the third nothing stands in the way of the others."""
        place.enqueue(killer=f"{SUPERVISOR}; kill -9 $supervisor $PPID; sleep 60", other="true")
        assert [place.drain() for _ in range(4)] == [-signal.SIGKILL] * 3 + [0]
        assert place.results("killer") == ["lost"] * 3
        assert (place.job("killer").error, place.states("other")) == (GAVE_UP, ["completed"])
        assert os.listdir(place.home / "run") == []

    def test_who_kills_its_group_kills_itself(self, place: Place) -> None:
        """Its worker is not in there: the run is charged as any that a signal ended."""
        place.enqueue(group="kill -9 0; sleep 60", other="true")
        assert place.drain() == 0
        found = place.job("group")
        assert (found.state, found.signal, found.attempts) == (State.DEAD, signal.SIGKILL, 1)
        assert place.states("other") == ["completed"]
        assert "a worker died" not in place.log()


STORM = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for number in range(200):
    if os.fork() == 0:
        if number % 4 == 1 and os.fork():
            os._exit(0)
        if number % 4 == 2:
            os.setpgid(0, 0)
        if number == 200 - 2:
            until = time.monotonic() + 40
            while os.fork() == 0 and time.monotonic() < until:
                pass
            os._exit(0)
        if number >= 200 - 1:
            os.setsid()
        time.sleep(40)
        os._exit(0)
open("stormy", "w").close()
time.sleep(40)
"""
"""Children, orphans, such as left the group, one that left the session, and a chain of which each link starts the next
and ends; none of them hears SIGTERM."""


class TestForks:
    """A job that forks without end, and what is left of it when it is ended: nothing but what left its session."""

    @pytest.fixture
    def storm(self, place: Place) -> list[str]:
        """The command of such a job."""
        (place.root / "storm.py").write_text(STORM)
        return [sys.executable, "-IS", "storm.py"]

    def until_over(self, place: Place) -> None:
        """Hold that nothing is left but one that left the session, well before the others would end by themselves.

        What was killed may take a moment to be gone.
        """
        until(lambda: self.is_over(place), patience=15.0)

    def is_over(self, place: Place) -> bool:
        """Whether nothing is left but one that left the session, which it leads now."""
        left = [pid for pid in place.processes() if b"storm.py" in command_line(pid)]
        return [os.getsid(pid) for pid in left] == left and len(left) == 1

    def test_when_it_is_cancelled(self, place: Place, storm: list[str]) -> None:
        """The job is cancelled soon, and the next one runs."""
        place.enqueue(storm=storm)
        place.start()
        until((place.root / "stormy").exists)
        assert place.run("cancel", "storm").returncode == 0
        place.wait("storm")
        self.until_over(place)
        place.enqueue(other="true")
        place.wait("other")
        assert place.states("storm", "other") == ["cancelled", "completed"]

    def test_when_its_time_is_up(self, place: Place, storm: list[str]) -> None:
        """The job is dead, which says why."""
        place.enqueue(storm={"command": storm, "timeout": 5})
        place.start("--set", "executor.kill-after=0.2s")
        place.wait("storm")
        self.until_over(place)
        assert (place.root / "stormy").exists()
        assert place.job("storm").error == "timed out after 5s"

    def test_when_its_worker_dies(self, place: Place, storm: list[str]) -> None:
        """Also what left the session is ended, before the job runs again."""
        look = f"{sys.executable} -IS storm.py & wait"
        place.enqueue(storm=f"test -e stormy && {{ pgrep -f storm.py | grep -vx $$ >left; exit 0; }}; {look}")
        place.start()
        until((place.root / "stormy").exists)
        (worker,) = place.workers()
        os.kill(worker.pid, signal.SIGKILL)
        place.wait("storm")
        assert place.results("storm") == ["lost", "completed"]
        own = {str(pid) for pid in place.processes()}
        assert own.isdisjoint((place.root / "left").read_text().split())


def command_line(pid: int) -> bytes:
    """Return the command line of a process, nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class TestFiles:
    """Jobs that lay hands on the files of the queue."""

    def test_who_removes_them_harms_only_itself(self, place: Place) -> None:
        """The outputs, the ledgers, what workers are woken by, and its own directory: the next jobs run as ever."""
        directory = place.root / "directory"
        directory.mkdir()
        remove = "rm -r $QUEUECTL_HOME/logs $QUEUECTL_HOME/run $QUEUECTL_HOME/*-wake; rmdir $PWD; echo done"
        supervisor = place.start()
        place.enqueue(remover={"command": remove, "cwd": str(directory)})
        place.wait("remover")
        assert not directory.exists()
        place.enqueue(gone={"command": "true", "cwd": str(directory)}, other="echo hello")
        place.wait("gone", "other")
        assert place.states("remover", "gone", "other") == ["completed", "dead", "completed"]
        assert place.job("gone").error == f"cannot change to directory {directory}: No such file or directory"
        assert place.run("logs", "other").stdout == "hello\n"
        until(lambda: len(list((place.home / "run").glob("*"))) == 2)
        stopped = place.run("worker", "stop")
        assert (stopped.returncode, stopped.stderr) == (0, "stopped\n")
        assert supervisor.wait(PATIENCE) == 0
        assert place.processes() == []
        assert os.listdir(place.home / "run") == []

    def test_who_opens_the_directory_to_everybody_is_noticed(self, place: Place) -> None:
        """Nothing is stored in such a place, and it is said what mends it; what runs goes on."""
        place.start()
        place.enqueue(opener="chmod 777 $QUEUECTL_HOME; sleep 0.1; echo done", waiting="touch gone-on")
        until((place.root / "gone-on").exists)
        refused = place.run("enqueue", "true")
        assert refused.returncode == 78
        assert refused.stderr == (
            f"error: {place.home}: everybody may write the data directory\nhint: chmod o-w {place.home}\n"
        )
        place.home.chmod(0o700)
        assert place.run("wait", "opener", "waiting").returncode == 0
        assert place.run("worker", "stop").returncode == 0
        assert place.states("opener", "waiting") == ["completed"] * 2


class TestOutput:
    """Jobs whose output is out of the ordinary."""

    def test_bytes_that_are_no_text(self, place: Place) -> None:
        """They come back as they were, and nothing that shows them fails or sends them to a terminal."""
        write = "import sys; sys.stdout.buffer.write(b'\\0\\xff\\xfe\\x1b[2J' + b'x' * 300_000 + bytes(range(256)))"
        place.enqueue(bytes=[sys.executable, "-c", write])
        assert place.drain() == 0
        with (place.root / "raw").open("wb") as raw:
            assert place.begin("logs", "--raw", "bytes", stdout=raw.fileno()).wait(PATIENCE) == 0
        assert (place.root / "raw").read_bytes() == b"\0\xff\xfe\x1b[2J" + b"x" * 300_000 + bytes(range(256))
        shown = json.loads(place.run("logs", "--json", "bytes").stdout)
        assert shown["output"].startswith("\0\ufffd\ufffd\x1b[2J")
        for call in (["show", "bytes"], ["list"], ["logs", "bytes"], ["show", "bytes", "--json"]):
            done = place.run(*call)
            assert (done.returncode, done.stderr) == (0, "")

    def test_descriptors_that_are_closed_or_held(self, place: Place) -> None:
        """A job may close all that it has, and leave a daemon with its output behind: nobody waits for that."""
        daemon = "setsid -f sh -c 'while ! test -e go; do sleep 0.02; done; head -c 200000 /dev/zero; touch gone'"
        place.enqueue(closer="exec <&- >&- 2>&-; exit 3", daemon=f"echo here; {daemon}", other="true")
        assert place.drain() == 0
        assert place.job("closer").exit_code == 3
        assert place.states("daemon", "other") == ["completed"] * 2
        assert not (place.root / "gone").exists()
        (place.root / "go").touch()
        until((place.root / "gone").exists)
        assert place.run("logs", "daemon").stdout == "here\n"
        assert os.listdir(place.home / "logs") == []

    def test_what_stays_behind_writes_to_no_other_job(self, place: Place) -> None:
        """Given a job that wrote nothing and left a daemon with its output, what that writes is in no output."""
        daemon = "setsid -f sh -c 'while ! test -e go; do sleep 0.02; done; echo late; touch gone'"
        place.enqueue(
            first="true", silent=daemon, next="touch go; while ! test -e gone; do sleep 0.02; done; echo mine"
        )
        assert place.drain() == 0
        assert [place.run("logs", id).stdout for id in ("first", "silent", "next")] == ["", "", "mine\n"]
        assert os.listdir(place.home / "logs") == []


class TestLongCommands:
    """Commands of 200 KB and more."""

    def test_they_run_or_say_why_not(self, place: Place) -> None:
        """A text may be as long as all that the system takes, a word of a list not: it is named."""
        jobs = {
            "text": f"echo {'x' * 200_000} | wc -c",
            "list": ["printf", "%s", *(["x" * 1_000] * 200)],
            "word": ["echo", "x" * 200_000],
            "huge": f"echo {'x' * 5_000_000}",
            "other": "true",
        }
        lines = "\n".join(json.dumps({"id": id, "command": command, "max_retries": 0}) for id, command in jobs.items())
        (place.root / "jobs.jsonl").write_text(lines)
        assert place.run("enqueue", "--quiet", "--file", "jobs.jsonl").stdout.split() == [*jobs]
        assert place.drain() == 0
        assert place.states(*jobs) == ["completed", "completed", "dead", "dead", "completed"]
        assert place.run("logs", "text").stdout == "200001\n"
        assert len(place.run("logs", "--raw", "list").stdout) == 200_000
        word, huge = place.job("word"), place.job("huge")
        assert (word.exit_code, huge.exit_code) == (126, 126)
        assert word.error == "echo: a word of 200000 bytes is too long for this system: 131071 at most"
        assert huge.error == "/bin/sh: Argument list too long"


@pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0,
    reason="only root can mount a small disk",
)
class TestFullDisk:
    """Jobs that fill the disk on which the queue lies."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        """A place whose home is a small disk."""
        place = Place(tmp_path)
        place.home.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "none", str(place.home)], check=True)
        try:
            yield place
        finally:
            place.close()
            subprocess.run(["umount", "--lazy", str(place.home)], check=True)

    def test_with_output(self, place: Place) -> None:
        """Far less than `max-output` fits: one that writes without end fails, and leaves room for all the others."""
        others = {f"other-{number}": f"echo {'x' * 1000}" for number in range(20)}
        place.enqueue(flood="yes", **others)
        assert place.drain() == 0
        flood = place.job("flood")
        assert (flood.state, flood.exit_code) == (State.DEAD, 1)
        assert place.states(*others) == ["completed"] * 20
        disk = os.statvfs(place.home)
        assert disk.f_bavail > disk.f_blocks // 3

    def test_with_a_file(self, place: Place) -> None:
        """Workers wait until there is room again, and then settle what ended: nothing runs twice."""
        place.start("--concurrency", "2")
        place.enqueue(filler="echo run >>marks; cat /dev/zero >$QUEUECTL_HOME/file; true")
        until(lambda: "disk is full" in place.log())
        (place.home / "file").unlink()
        place.wait("filler")
        place.enqueue(other="true")
        place.wait("other")
        assert place.states("filler", "other") == ["completed"] * 2
        assert (place.root / "marks").read_text() == "run\n"
        assert "the storage answers again" in place.log()
