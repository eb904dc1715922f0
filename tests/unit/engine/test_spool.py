"""The spool: a run's output goes into files, and its last bytes into the storage."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from queuectl.engine import spool as spooling
from queuectl.engine.spool import Spool, SpoolFile, collect, discard, drop, is_free, spool_path, unveil
from queuectl.model.attempt import OUTPUT_TAIL, Output

LONG = b"x" * OUTPUT_TAIL + b"the end"


def test_what_is_written_is_collected(tmp_path: Path) -> None:
    """By the worker that closes it, or by whoever deals with a dead one's."""
    spool = Spool(tmp_path, "w", 7)
    assert spool.output.write(b"hel") == 3
    os.write(spool.output.fileno(), b"lo")
    assert spool.close() == collect(tmp_path, "w", 7) == Output(tail=b"hello", size=5)
    assert os.listdir(tmp_path) == ["w-7.out"]


def test_a_directory_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    """Else one job that removes it would have all that follow fail."""
    logs = tmp_path / "logs"
    spool = Spool(logs, "w", 7)
    assert logs.stat().st_mode & 0o777 == 0o700
    spool.output.write(b"hello")
    (logs / "w-7.out").unlink()
    logs.rmdir()
    spool.errors.write(b"no")
    assert spool.close() == Output(error_tail=b"no", error_size=2)


def test_standard_error_has_a_file_once_it_is_asked_for(tmp_path: Path) -> None:
    """Even an empty one tells that it was kept apart."""
    spool = Spool(tmp_path, "w", 7)
    assert spool.errors is spool.errors
    assert spool.close() == Output(error_tail=b"", error_size=0)
    assert sorted(os.listdir(tmp_path)) == ["w-7.err", "w-7.out"]


def test_of_a_long_output_the_end_is_stored_and_the_file_kept(tmp_path: Path) -> None:
    """Of either stream by itself."""
    spool = Spool(tmp_path, "w", 7)
    spool.output.write(LONG)
    spool.errors.write(b"short")
    output = spool.close()
    assert (output.tail, output.size, output.path) == (LONG[7:], len(LONG), str(spool_path(tmp_path, "w", 7)))
    assert (output.error_tail, output.error_size, output.error_path) == (b"short", 5, None)
    discard(tmp_path, "w", 7, output)
    assert os.listdir(tmp_path) == ["w-7.out"]
    discard(tmp_path, "w", 7, None)
    assert os.listdir(tmp_path) == []


def test_long_errors_are_kept_too(tmp_path: Path) -> None:
    """And the short output is not."""
    spool = Spool(tmp_path, "w", 7)
    spool.errors.write(LONG)
    output = spool.close()
    assert output.error_path == str(spool_path(tmp_path, "w", 7, "err"))
    discard(tmp_path, "w", 7, output)
    assert os.listdir(tmp_path) == ["w-7.err"]


def test_nothing_of_a_run_is_nothing(tmp_path: Path) -> None:
    """A dead worker may have made no file."""
    assert collect(tmp_path, "w", 7) == Output()
    discard(tmp_path, "w", 7, None)


def test_all_is_written_in_however_many_pieces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The system may take a part."""
    taken: list[bytes] = []

    def write(_: int, data: memoryview) -> int:
        taken.append(bytes(data[:2]))
        return min(2, len(data))

    monkeypatch.setattr(os, "write", write)
    assert SpoolFile(tmp_path, 0).write(b"hello") == 5
    assert taken == [b"he", b"ll", b"o"]


def test_what_an_executor_closed_is_not_closed_again(tmp_path: Path) -> None:
    """Else its run would have no end, and would be given back and run again for ever."""
    spool = Spool(tmp_path, "w", 1)
    spool.output.write(b"hello")
    os.close(spool.output.fileno())
    os.close(spool.errors.fileno())
    assert spool.close() == Output(tail=b"hello", size=5, error_tail=b"", error_size=0)


def test_nobody_elses_file_is_closed(tmp_path: Path) -> None:
    """Given an executor that closed the output, when another file has its number since, then that stays open."""
    spool = Spool(tmp_path, "w", 1)
    os.close(spool.output.fileno())
    other = os.open(tmp_path / "other", os.O_CREAT | os.O_RDWR)
    try:
        assert other == spool.output.fileno()
        spool.close()
        os.fstat(other)
    finally:
        os.close(other)


class TestBlanks:
    """A file to which nothing was written is the next run's."""

    @pytest.fixture
    def blank(self, tmp_path: Path) -> SpoolFile:
        """The file of a run that wrote nothing."""
        spool = Spool(tmp_path, "w", 1)
        assert spool.close() == Output()
        assert spool.blank is not None
        assert is_free(spool.blank)
        return spool.blank

    def test_it_keeps_its_name_while_nothing_is_written(self, tmp_path: Path, blank: SpoolFile) -> None:
        """So that a run that writes nothing changes no directory."""
        for token in (2, 3):
            spool = Spool(tmp_path, "w", token, blank)
            assert (spool.close(), spool.blank, blank.token) == (Output(), blank, 1)
            assert os.listdir(tmp_path) == ["w-1.blank"]

    def test_the_first_that_writes_names_it(self, tmp_path: Path, blank: SpoolFile) -> None:
        """And it is nobody's after that one."""
        spool = Spool(tmp_path, "w", 2, blank)
        spool.output.write(b"hello")
        assert (spool.close(), spool.blank) == (Output(tail=b"hello", size=5), None)
        assert os.listdir(tmp_path) == ["w-2.out"]

    def test_a_run_that_lasts_names_it(self, tmp_path: Path, blank: SpoolFile) -> None:
        """Whoever looks for what it writes finds it; once it is closed, it is too late."""
        spool = Spool(tmp_path, "w", 2, blank)
        spool.show()
        assert os.listdir(tmp_path) == ["w-2.out"]
        assert (spool.close(), spool.blank) == (Output(), None)
        short = Spool(tmp_path, "w", 3)
        short.close()
        short.show()
        assert sorted(os.listdir(tmp_path)) == ["w-2.out", "w-3.blank"]

    @pytest.mark.parametrize("use", ["its descriptor was asked for", "it was written", "errors were kept apart"])
    def test_of_which_runs_there_is_none(self, tmp_path: Path, use: str) -> None:
        """Nobody knows how many have a descriptor that was once lent."""
        spool = Spool(tmp_path, "w", 1)
        if use.startswith("its"):
            spool.output.fileno()
        elif use.startswith("it was"):
            spool.output.write(b"x")
        else:
            spool.errors.write(b"x")
        spool.close()
        assert spool.blank is None

    @pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_APPEND])
    def test_who_has_it_open_keeps_it(self, blank: SpoolFile, flags: int) -> None:
        """A command's background would write into the next run's output, and a reader would read that."""
        other = os.open(blank.path, flags)
        assert not is_free(blank)
        os.close(other)
        assert is_free(blank)

    @pytest.mark.parametrize(
        "change",
        [
            lambda path: path.write_bytes(b"late"),
            lambda path: path.chmod(0o644),
            lambda path: path.with_name("elsewhere").hardlink_to(path),
            lambda path: path.unlink(),
        ],
        ids=["written", "opened to others", "linked", "removed"],
    )
    def test_what_was_changed_meanwhile_is_not_free(self, blank: SpoolFile, change: Callable[[Path], object]) -> None:
        """By a command's background that has ended since, or by who cleans up."""
        change(Path(blank.path))
        assert not is_free(blank)

    def test_where_it_can_get_no_name_it_is_given_up(self, tmp_path: Path) -> None:
        """What the run did stays done."""
        spool = Spool(tmp_path, "w", 1)
        os.unlink(spool.output.path)
        assert (spool.close(), spool.blank) == (Output(), None)

    def test_what_is_not_used_leaves_nothing(self, tmp_path: Path) -> None:
        """Neither a file nor a descriptor."""
        before = len(os.listdir("/dev/fd"))
        spool = Spool(tmp_path, "w", 1)
        spool.close()
        assert spool.blank is not None
        drop(spool.blank)
        assert (os.listdir(tmp_path), len(os.listdir("/dev/fd"))) == ([], before)

    def test_a_dead_workers_is_found(self, tmp_path: Path, blank: SpoolFile) -> None:
        """By the token that its ledger names, or under its own name where it had that already."""
        os.write(blank.descriptor, b"hello")
        for _ in range(2):
            unveil(tmp_path, "w", 2, 1)
            assert collect(tmp_path, "w", 2).tail == b"hello"
        unveil(tmp_path, "w", 3, 9)
        assert collect(tmp_path, "w", 3) == Output()


def test_output_that_cannot_be_read_costs_no_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command did stays done."""
    spool = Spool(tmp_path, "w", 1)

    def fail(*_: object) -> Output:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(spooling, "collect", fail)
    assert spool.close() == Output()
