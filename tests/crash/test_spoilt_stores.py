"""Stores that are locked, read-only, gone, damaged or held by a reader: workers wait, or end and say why."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from benchmarks.place import PATIENCE, UNTIL_GO, Place, ended
from queuectl import Result, State, StorageRefusedError
from queuectl_sqlite.diagnosing import LONG_LOG
from tests.crash.faults.damage import (
    READS,
    WRITES,
    Logged,
    asked,
    cut_files,
    logged,
    spoilt_logs,
    spoilt_pages,
    store,
)
from tests.crash.faults.interposing import Interposer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")

UNTIL_GO_AND_END = f"{UNTIL_GO}; echo end >>marks"
UNTIL_LATER = "echo start >>marks; until test -e later; do sleep 0.02; done; echo end >>marks"
ANSWERS = "the storage answers again"
FEW = 12
"""Lines that are few, however long a trouble lasts."""


def is_clear(done: subprocess.CompletedProcess[str], *codes: int) -> bool:
    """Whether a command did what it was to, or ended with one of these codes and one line, with perhaps a hint."""
    if done.returncode == 0:
        return True
    first, *rest = done.stderr.splitlines()
    return done.returncode in codes and first.startswith("error: ") and [line[:6] for line in rest] in ([], ["hint: "])


class TestLocked:
    """Another process has the lock for longer than a lease."""

    def test_workers_wait_and_nobody_is_taken_for_dead(self, place: Place) -> None:
        """Commands that write end with 75; what ran, and what ended meanwhile, is settled once, by who ran it."""
        place.queue.enqueue(UNTIL_GO_AND_END, id="ends")
        place.queue.enqueue(UNTIL_LATER, id="lasts")
        place.start("--count", "2", "--set", "worker.lease=4s")
        place.until(lambda: len(place.marks()) == 2)
        with place.locked():
            writing = [place.call(*words) for words in (["enqueue", "true"], ["cancel", "lasts"], ["retry", "ends"])]
            place.go()
            for words in (["list"], ["status"], ["show", "ends"]):
                assert place.run(*words).returncode == 0
            for done in map(ended, writing):
                assert (done.returncode, is_clear(done, 75)) == (75, True), done.stderr
                assert "is busy" in done.stderr
            place.until(lambda: place.log().count("the storage does not answer") == 2)
            place.until(lambda: all(worker.expired for worker in place.workers()))
        place.until_completed("ends")
        place.until(lambda: not any(worker.expired for worker in place.workers()))
        (place.root / "later").touch()
        place.until_completed("lasts")
        assert (place.results("ends"), place.results("lasts")) == ([Result.COMPLETED], [Result.COMPLETED])
        assert sorted(place.marks()) == ["end", "end", "start", "start"]
        assert sum(place.queue.totals().values()) == 2
        assert "took over" not in place.log()
        assert ANSWERS in place.log()
        assert len(place.log().splitlines()) <= FEW


class TestReadOnly:
    """A file system on which nobody can write."""

    def test_workers_wait_until_it_can_be_written_again(
        self, place: Place, interposer_library: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What ended meanwhile is settled then; commands that read go on, the others say why they do not."""
        spoilt = place.root / "spoilt"
        interposer = Interposer(interposer_library, place.home).spoiling(spoilt, errno.EROFS)
        for name, value in interposer.env.items():
            monkeypatch.setenv(name, value)
        place.queue.enqueue(UNTIL_GO_AND_END, id="ends")
        place.queue.enqueue(UNTIL_LATER, id="lasts")
        place.start("--count", "2")
        place.until(lambda: len(place.marks()) == 2)
        spoilt.touch()
        place.go()
        place.until(lambda: "read-only" in place.log())
        for words in (["list"], ["status"], ["show", "ends"]):
            assert place.run(*words).returncode == 0
        refused = place.run("enqueue", "true")
        assert (refused.returncode, is_clear(refused, 1)) == (1, True), refused.stderr
        assert "read-only" in refused.stderr
        spoilt.unlink()
        place.until_completed("ends")
        (place.root / "later").touch()
        place.until_completed("lasts")
        assert (place.results("ends"), place.results("lasts")) == ([Result.COMPLETED], [Result.COMPLETED])
        assert sorted(place.marks()) == ["end", "end", "start", "start"]
        assert ANSWERS in place.log()
        assert len(place.log().splitlines()) <= FEW

    def test_one_that_was_mounted_so_can_be_read(self, place: Place) -> None:
        """In a mount namespace of its own: reading commands do, the others say that it is read-only."""
        disk = place.root / "disk"
        disk.mkdir()
        script = f"""
            mount -t tmpfs -o size=16m,mode=0700 none {disk} || exit 99
            export QUEUECTL_HOME={disk}/home
            queuectl() {{ {sys.executable} -m queuectl "$@"; }}
            queuectl enqueue -q --id kept true && queuectl worker start --drain 2>{place.root}/log || exit 98
            mount -o remount,ro {disk} || exit 99
            for verb in list status "show kept" "logs kept" "backup {place.root}/copy.db" \\
                    "enqueue true" "retry kept" "worker start"; do
                error=$(queuectl $verb 2>&1 >{place.root}/out)
                echo "$verb: $? $error" | head -n 1
            done
        """
        unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
        done = subprocess.run(
            [*unshare, "sh", "-c", script], capture_output=True, text=True, timeout=2 * PATIENCE, check=False
        )
        if done.returncode == 99 or done.stderr.startswith("unshare:"):
            pytest.skip("the system lets nobody mount here")
        lines = done.stdout.splitlines()[1:]  # without the id
        assert len(lines) == 8, done.stdout + done.stderr
        assert [line.split(": ")[1].split()[0] for line in lines[:5]] == ["0"] * 5, done.stdout
        for line in lines[5:]:
            assert ": 1 error: " in line, line
            assert "read-only" in line.lower(), line


class TestGone:
    """The data directory was removed or renamed."""

    def test_workers_go_on_once_it_is_back(self, place: Place) -> None:
        """What ran ends once and is settled; one that is killed meanwhile is replaced, and begins no other store."""
        place.queue.enqueue(UNTIL_GO_AND_END, id="ends")
        place.queue.enqueue(UNTIL_LATER, id="lasts")
        place.start("--count", "2")
        place.until(lambda: len(place.marks()) == 2)
        killed = next(worker.pid for worker in place.workers() if worker.running == ("lasts",))
        away = place.root / "away"
        place.home.rename(away)
        place.go()
        os.kill(killed, signal.SIGKILL)
        place.until(lambda: "no worker is started until the store is back" in place.log())
        place.until(lambda: "the storage does not answer" in place.log())
        assert not place.home.exists()
        away.rename(place.home)
        (place.root / "later").touch()
        place.until_completed("ends", "lasts")
        assert place.results("ends") == [Result.COMPLETED]
        assert place.results("lasts") == [Result.LOST, Result.COMPLETED]
        assert place.marks().count("start") == 3

    def test_who_leaves_does_not_wait_for_it(self, place: Place) -> None:
        """Supervisor and workers end when they are told to; what ended is in the ledger, and settled by the next."""
        place.queue.enqueue(UNTIL_GO_AND_END, id="ends")
        supervisor = place.start("--count", "2")
        place.until(place.marks)
        away = place.root / "away"
        place.home.rename(away)
        place.until(lambda: "the storage does not answer" in place.log())
        supervisor.terminate()
        place.go()
        assert supervisor.wait(PATIENCE) == 0
        assert "leaving what ended in the ledger" in place.log()
        away.rename(place.home)
        assert place.drain() == 0
        place.until_completed("ends")
        assert place.results("ends") == [Result.COMPLETED]
        assert place.marks() == ["start", "end"]

    def test_nobody_is_left_behind_without_a_supervisor(self, place: Place) -> None:
        """A worker whose store was removed for good, and whose supervisor was killed, ends when its job has."""
        place.queue.enqueue(UNTIL_GO_AND_END, id="ends")
        supervisor = place.start("--drain")
        place.until(place.marks)
        place.queue.close()
        shutil.rmtree(place.home)
        supervisor.kill()
        place.go()
        place.until(lambda: not place.processes())
        assert not place.home.exists()

    def test_a_drain_ends(self, place: Place) -> None:
        """With 75, since nothing can be told of what is left to do."""
        place.queue.enqueue(UNTIL_GO_AND_END, id="ends")
        supervisor = place.start("--drain")
        place.until(place.marks)
        place.home.rename(place.root / "away")
        place.until(lambda: "the storage cannot be used any more" in place.log())
        place.go()
        assert supervisor.wait(PATIENCE) == 75
        assert not place.home.exists()


class TestLog:
    """Somebody took the log, or its index, for a leftover and removed it while workers had the store open."""

    @pytest.mark.parametrize("suffix", ["-wal", "-shm"])
    def test_workers_end_and_nothing_is_lost(self, place: Place, suffix: str) -> None:
        """They say so at once, write nothing that nobody else would see, and the next ones go on."""
        place.enqueue(ends=UNTIL_GO_AND_END, waits="echo waited >>marks")
        supervisor = place.start()
        place.until(place.marks)
        Path(f"{place.database}{suffix}").unlink()
        place.until(lambda: f"{suffix} was removed while it was open: it is a part of the store" in place.log())
        place.go()
        assert supervisor.wait(PATIENCE) == 78
        assert place.states("ends", "waits") == [State.PROCESSING, State.PENDING]
        assert place.drain() == 0
        assert (place.results("ends"), place.results("waits")) == ([Result.COMPLETED], [Result.COMPLETED])
        assert place.marks() == ["start", "end", "waited"]
        assert place.run("doctor", "--quiet").returncode == 0


class TestReader:
    """A reader stays, so that the log can be moved into the database, but not start anew."""

    def test_workers_go_on_doctor_says_it_and_the_log_is_short_again_afterwards(self, place: Place) -> None:
        """However long it has grown; nothing is lost."""
        log = Path(f"{place.database}-wal")
        large = 2 * 2**20
        place.queue.enqueue("true", id="first")
        with closing(apsw.Connection(str(place.database))) as reader:
            reader.execute("BEGIN; SELECT count(*) FROM job").fetchall()
            for number in range(LONG_LOG // large + 1):
                place.queue.enqueue("true #" + "x" * large, id=f"large-{number}", queue="unserved")
            place.start("--queue", "default")
            place.queue.enqueue("true", id="second")
            place.until_completed("first", "second")
            assert log.stat().st_size > LONG_LOG
            told = place.run("doctor")
            assert told.returncode == 0
            (line,) = [line for line in told.stdout.splitlines() if "somebody has been reading for long" in line]
            assert line.startswith("warning\tlog\t")
        for number in range(4):  # it is looked at anew when it has grown a little more
            place.queue.enqueue("true #" + "x" * large, id=f"later-{number}", queue="unserved")
        place.queue.enqueue("true", id="third")
        place.until_completed("third")
        assert log.stat().st_size < LONG_LOG / 4
        assert place.queue.totals()[State.COMPLETED] == 3
        assert place.run("doctor", "--quiet").returncode == 0


class TestDamage:
    """Bytes that are not what was written."""

    def test_workers_end_doctor_names_it_and_a_backup_mends_it(self, place: Place) -> None:
        """They neither try for ever nor are started again and again; every command says in one line what is wrong."""
        place.queue.enqueue(UNTIL_GO_AND_END, id="ends")
        for number in range(60):
            place.queue.enqueue("true", id=f"job-{number}")
        place.queue.backup("copy.db")
        supervisor = place.start("--count", "2")
        place.until(place.marks)
        place.until(lambda: place.queue.totals()[State.COMPLETED] == 60)
        place.queue.storage.close()
        with closing(apsw.Connection(str(place.database))) as db:
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            pages = [page for (page,) in db.execute("SELECT rootpage FROM sqlite_schema WHERE name LIKE 'job_%'")]
            damage_in_another_process(place.database, pages)
            # Who has read the pages knows them yet, until somebody else commits.
            db.execute("BEGIN IMMEDIATE; UPDATE counter SET seq = seq; COMMIT").fetchall()
        place.go()
        assert supervisor.wait(PATIENCE) == 78
        assert place.log().count("the storage cannot be used any more") >= 1
        assert "a worker died, starting another" not in place.log()
        assert len(place.log().splitlines()) <= FEW
        for words in (["list"], ["status"], ["show", "ends"], ["enqueue", "true"], ["dlq", "list"], ["worker", "list"]):
            done = place.run(*words)
            assert is_clear(done, 78), done.stderr
        told = place.run("doctor")
        assert told.returncode == 1
        assert "error\tstore\t" in told.stdout
        assert "put a backup in its place" in told.stdout
        for path in place.home.glob("jobs.db*"):
            if path.is_file():
                path.unlink()
        (place.root / "copy.db").rename(place.database)
        assert place.drain() == 0
        assert place.run("doctor", "--quiet").returncode == 0

    @pytest.mark.parametrize("seed", range(2))
    def test_a_bit_in_a_page(self, quick_path: Path, seed: int) -> None:
        """Each call answers, or says that the store is damaged; where one does the check sees it, or none would."""
        dice = random.Random(seed)
        content = store(quick_path / "jobs.db")
        sound = asked(quick_path / "jobs.db", READS)
        jobs = sound["list"]
        assert isinstance(jobs, list)
        assert (sound["check"], len(jobs)) == ([], 40)
        noticed = 0
        for what, spoilt in [*spoilt_pages(content, dice), *cut_files(content, dice)]:
            answers = asked(written(quick_path / "spoilt", spoilt), {**READS, **WRITES})
            errors = {name: answer for name, answer in answers.items() if isinstance(answer, Exception)}
            assert all(isinstance(error, StorageRefusedError) for error in errors.values()), (what, errors)
            if answers.get("check") == []:
                assert errors == {}, what
                listed = answers["list"]
                assert isinstance(listed, list)
                assert len(listed) == len(jobs), what
                assert answers["check again"] == [], what
            else:
                noticed += 1
        assert noticed > 100

    def test_a_log_is_read_as_far_as_it_is_sound(self, quick_path: Path) -> None:
        """Whatever befell it: the commits before that are there, none of those after, and all goes on from there."""
        dice = random.Random(7)
        before = logged(quick_path / "jobs.db", commits=4)
        assert len(before.commits) == 4
        for what, log, frames in spoilt_logs(before.log, dice):
            answers = asked(with_log(quick_path / "spoilt", before, log), {**READS, **WRITES})
            assert not [answer for answer in answers.values() if isinstance(answer, Exception)], (what, answers)
            listed = answers["list"]
            assert isinstance(listed, list)
            assert sorted(listed) == sorted(["first", *before.jobs(frames)]), what
            assert (answers["check"], answers["check again"]) == ([], []), what


def damage_in_another_process(path: Path, pages: list[int]) -> None:
    """Overwrite pages; not here, where closing the file would drop SQLite's locks."""
    script = (
        "import sys\n"
        "with open(sys.argv[1], 'r+b') as file:\n"
        "    for page in sys.argv[2:]:\n"
        "        file.seek((int(page) - 1) * 4096)\n"
        "        file.write(b'\\xff' * 4096)\n"
    )
    subprocess.run([sys.executable, "-c", script, path, *map(str, pages)], check=True)


def written(directory: Path, content: bytes) -> Path:
    """Write a database, alone in its directory."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    path = directory / "jobs.db"
    path.write_bytes(content)
    return path


def with_log(directory: Path, store: Logged, log: bytes) -> Path:
    """Write a database and its log, as a crash leaves them."""
    path = written(directory, store.file)
    path.with_name("jobs.db-wal").write_bytes(log)
    return path
