"""The ledger: what outlives a worker, and who may look at it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from queuectl.engine import ledger
from queuectl.engine.ledger import SLOT_SIZE, Entry, Ledger
from queuectl.model.outcome import Outcome

ENTRY = Entry("job", 1, 1, "starting", 100.0, 1_700_000_000.0)

ELSEWHERE = """
import sys
from pathlib import Path
from queuectl.engine import ledger
from queuectl.engine.ledger import Entry, Ledger

book = Ledger(Path(sys.argv[1]), "other", slots=2, boot="boot")
book.note(book.take_slot(), Entry("job", 7, 1, "running", 100.0, 0.0, handle="pid 7"))
print(ledger.is_alive(Path(sys.argv[1]), "w"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The directory of the ledgers."""
    return tmp_path / "run"


@pytest.fixture
def book(run: Path) -> Iterator[Ledger]:
    """A ledger of this process."""
    book = Ledger(run, "w", slots=2, boot="boot")
    yield book
    book.close()


@pytest.fixture
def other(book: Ledger, run: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has a ledger too; its first line is what it thinks of ours."""
    call = [sys.executable, "-c", ELSEWHERE, str(run)]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def entries(run: Path, name: str = "w") -> dict[int, Entry]:
    """Return what stands in a ledger."""
    record = ledger.read(run, name)
    assert record is not None
    return dict(record.entries)


class TestWriting:
    """What is noted is there to be read."""

    def test_an_entry_is_read_as_it_was_noted(self, book: Ledger, run: Path) -> None:
        """Until its slot is cleared."""
        noted = replace(ENTRY, phase="ended", handle="pid 7", ended=101.0, outcome={"exit_code": 3}, released=True)
        slot = book.take_slot()
        book.note(slot, noted)
        record = ledger.read(run, "w")
        assert record is not None
        assert (record.pid, record.boot, record.entries) == (os.getpid(), "boot", {1: noted})
        assert noted.result() == Outcome(exit_code=3)
        book.clear(slot)
        assert entries(run) == {}

    def test_a_later_note_takes_the_place_of_the_former(self, book: Ledger, run: Path) -> None:
        """A shorter one too."""
        slot = book.take_slot()
        book.note(slot, replace(ENTRY, handle="x" * 400))
        book.note(slot, ENTRY)
        assert entries(run) == {1: ENTRY}

    def test_nothing_is_written_beyond_what_was_preallocated(self, book: Ledger, run: Path) -> None:
        """So that it can be written on a full disk."""
        size = (run / "w").stat().st_size
        for token in (1, 2):
            book.note(book.take_slot(), replace(ENTRY, token=token, handle="x" * 400, outcome={"error": "é" * 4000}))
        assert (run / "w").stat().st_size == size == 3 * SLOT_SIZE
        assert (run / "w").stat().st_blocks * 512 >= size

    def test_it_grows_when_all_slots_are_taken(self, book: Ledger, run: Path) -> None:
        """None is given out twice."""
        slots = [book.take_slot() for _ in range(20)]
        assert len(set(slots)) == 20
        for token, slot in enumerate(slots):
            book.note(slot, replace(ENTRY, token=token))
        assert len(entries(run)) == 20

    @pytest.mark.parametrize("error", ["x" * 10_000, "\x01" * 10_000, "\N{PILE OF POO}" * 3000])
    def test_a_long_error_is_cut(self, book: Ledger, run: Path, error: str) -> None:
        """It is the only part without a bound."""
        job = "\x01" * 128
        book.note(book.take_slot(), replace(ENTRY, job=job, phase="ended", outcome={"error": error}))
        (entry,) = entries(run).values()
        assert entry.job == job
        assert error.startswith(str((entry.outcome or {})["error"]))

    def test_what_does_not_fit_is_refused(self, book: Ledger, run: Path) -> None:
        """And leaves the neighbours as they are."""
        first, second = book.take_slot(), book.take_slot()
        book.note(second, replace(ENTRY, token=2))
        with pytest.raises(ValueError, match="does not fit"):
            book.note(first, replace(ENTRY, handle="x" * SLOT_SIZE))
        assert list(entries(run)) == [2]

    def test_half_a_write_is_no_entry(self, book: Ledger, run: Path) -> None:
        """A sum tells; so it does of a file that was cut."""
        book.note(book.take_slot(), ENTRY)
        content = (run / "w").read_bytes()
        (run / "cut").write_bytes(content[: SLOT_SIZE + 40])
        (run / "torn").write_bytes(content.replace(b"starting", b"startin\0"))
        (run / "empty").touch()
        assert (entries(run, "cut"), entries(run, "torn"), ledger.read(run, "empty")) == ({}, {}, None)

    def test_it_is_private_and_new(self, book: Ledger, run: Path) -> None:
        """Nobody else reads it, and none is written over."""
        assert (run / "w").stat().st_mode & 0o777 == 0o600
        assert run.stat().st_mode & 0o777 == 0o700
        (run / ".x").touch()
        with pytest.raises(FileExistsError):
            Ledger(run, "x", slots=1, boot="boot")


class TestLocking:
    """The kernel tells who lives."""

    def test_the_living_are_alive(self, other: subprocess.Popen[str], run: Path) -> None:
        """Also this process to itself, which must not open its own ledger to see."""
        assert ledger.is_alive(run, "other")
        assert ledger.is_alive(run, "w")
        assert ledger.others(run) == ["other"]
        with ledger.hold_dead(run, "other") as held:
            assert not held
        with ledger.hold_dead(run, "w") as held:
            assert not held

    def test_who_holds_a_lock_is_told(self, other: subprocess.Popen[str], run: Path) -> None:
        """By the kernel; nothing is told of this process, of nobody, and of who is gone."""
        assert ledger.holder(run, "other") == other.pid
        assert (ledger.holder(run, "w"), ledger.holder(run, "nobody")) == (None, None)
        other.kill()
        other.wait()
        assert ledger.holder(run, "other") is None

    def test_who_was_killed_is_dead_and_can_be_read(self, other: subprocess.Popen[str], run: Path) -> None:
        """By one at a time."""
        other.kill()
        other.wait()
        assert ledger.is_alive(run, "other") is False
        assert entries(run, "other")[7].handle == "pid 7"
        with ledger.hold_dead(run, "other") as held:
            assert held
            assert ledger.others(run) == []
            assert entries(run, "other")[7].handle == "pid 7"
            with ledger.hold_dead(run, "other") as again:
                assert not again
        assert ledger.others(run) == ["other"]

    def test_our_lock_outlives_whatever_is_asked(self, other: subprocess.Popen[str], run: Path) -> None:
        """To close any descriptor of the file would drop it."""
        ledger.is_alive(run, "w")
        ledger.read(run, "w")
        ledger.others(run)
        with ledger.hold_dead(run, "w"):
            pass
        told = subprocess.run(
            [sys.executable, "-c", ELSEWHERE.replace('"other"', '"third"'), str(run)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout == "True\n"

    def test_of_a_process_without_a_ledger_nothing_is_known(self, run: Path) -> None:
        """It may be on another host."""
        assert ledger.is_alive(run, "nobody") is None
        assert ledger.read(run, "nobody") is None
        assert ledger.others(run) == []
        with ledger.hold_dead(run, "nobody") as held:
            assert not held

    def test_who_leaves_takes_its_ledger_along_or_not(self, book: Ledger, run: Path) -> None:
        """As it says; to close it again does nothing."""
        second = Ledger(run, "second", slots=1, boot="boot")
        second.close(unlink=False)
        second.close()
        assert ledger.is_alive(run, "second") is False
        book.close()
        assert sorted(os.listdir(run)) == ["second"]

    def test_what_cannot_be_made_leaves_nothing(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Such as on a full disk."""

        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(ledger, "_preallocate", full)
        with pytest.raises(OSError, match="No space"):
            Ledger(run, "x", slots=1, boot="boot")
        assert os.listdir(run) == []


class TestRestoring:
    """A ledger that is gone, because somebody removed it or the whole directory."""

    def test_it_is_back_as_it_was(self, book: Ledger, run: Path) -> None:
        """Locked, for others to see, and for what is still to be noted."""
        slot = book.take_slot()
        book.note(slot, ENTRY)
        shutil.rmtree(run)
        assert asked_elsewhere(run) == "None"
        assert book.restore()
        assert entries(run) == {1: ENTRY}
        assert asked_elsewhere(run) == str(os.getpid())
        book.note(slot, replace(ENTRY, token=2))
        assert entries(run) == {2: replace(ENTRY, token=2)}
        assert (run.stat().st_mode & 0o777, os.listdir(run)) == (0o700, ["w"])

    def test_one_that_is_there_stays(self, book: Ledger, run: Path) -> None:
        """As long as it is the very file."""
        found = (run / "w").stat()
        assert not book.restore()
        assert os.path.samestat((run / "w").stat(), found)
        content = (run / "w").read_bytes()
        (run / "w").unlink()
        (run / "w").write_bytes(content)
        assert book.restore()
        assert asked_elsewhere(run) == str(os.getpid())

    def test_descriptors_do_not_add_up(self, book: Ledger, run: Path) -> None:
        """The former file is given back."""
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            (run / "w").unlink()
            assert book.restore()
        assert len(os.listdir("/proc/self/fd")) == before
        book.close()
        assert os.listdir(run) == []

    def test_what_cannot_be_put_back_leaves_the_old_one(
        self, book: Ledger, run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The next try finds it."""
        (run / "w").unlink()
        with monkeypatch.context() as patch:
            patch.setattr(ledger, "_preallocate", raise_full)
            with pytest.raises(OSError, match="No space"):
                book.restore()
        assert os.listdir(run) == []
        book.note(book.take_slot(), ENTRY)
        assert book.restore()
        assert entries(run) == {1: ENTRY}


def raise_full(*_: object) -> None:
    """Be a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def asked_elsewhere(run: Path) -> str:
    """Return what another process is told of who holds the lock of our ledger."""
    call = (
        "import sys, pathlib; from queuectl.engine import ledger; print(ledger.holder(pathlib.Path(sys.argv[1]), 'w'))"
    )
    return subprocess.run(
        [sys.executable, "-c", call, str(run)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_where_space_cannot_be_set_aside_it_is_written(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some systems have no call for it."""
    monkeypatch.delattr(os, "posix_fallocate")
    book = Ledger(run, "w", slots=2, boot="boot")
    assert (run / "w").stat().st_size == 3 * SLOT_SIZE
    book.close()


def test_the_age_of_a_run_is_right_after_a_reboot() -> None:
    """Then the monotonic clock began anew, and that of the wall has to do."""
    entry = replace(ENTRY, started=time.monotonic() - 5.0, wall=time.time() - 500.0)
    assert ledger.age(entry, same_boot=True) == pytest.approx(5.0, abs=1.0)
    assert ledger.age(entry, same_boot=False) == pytest.approx(500.0, abs=1.0)
    assert ledger.age(replace(entry, wall=time.time() + 60.0), same_boot=False) == 0.0
