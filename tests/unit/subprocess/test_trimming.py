"""The middle of an output that has grown too long is dropped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queuectl_subprocess import kernel
from queuectl_subprocess.trimming import Trimmer

if TYPE_CHECKING:
    from tests.unit.subprocess.conftest import Bench

MIB = 2**20


@dataclass
class Disk:
    """What the system tells of a disk."""

    f_frsize: int
    f_bavail: int


def space(path: Path) -> int:
    """Return how many bytes a file takes on the disk."""
    return path.stat().st_blocks * 512


@pytest.fixture
def output(tmp_path: Path) -> Iterator[int]:
    """Return the descriptor of an output file that a worker made."""
    descriptor = os.open(tmp_path / "output", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    yield descriptor
    os.close(descriptor)


class TestTrimmer:
    """The first and the last half of the limit stay."""

    def test_short(self, output: int, tmp_path: Path) -> None:
        """An output up to the limit is left alone."""
        os.write(output, b"x" * MIB)
        Trimmer(output, MIB).trim()
        assert (tmp_path / "output").read_bytes() == b"x" * MIB

    def test_long(self, output: int, tmp_path: Path) -> None:
        """What stays keeps its place; the middle reads as zeros and takes no space."""
        os.write(output, b"a" * MIB + b"b" * 2 * MIB + b"c" * MIB)
        Trimmer(output, 2 * MIB).trim()
        path = tmp_path / "output"
        assert path.read_bytes() == b"a" * MIB + bytes(2 * MIB) + b"c" * MIB
        assert space(path) <= 2 * MIB + 64 * 1024

    def test_growing(self, output: int, tmp_path: Path) -> None:
        """The end moves on, the start stays, and whoever appends notices nothing."""
        trimmer = Trimmer(output, MIB)
        for letter in b"abcdef":
            os.write(output, bytes([letter]) * MIB)
            trimmer.trim()
        path = tmp_path / "output"
        half = MIB // 2
        assert path.read_bytes() == b"a" * half + bytes(5 * MIB) + b"f" * half
        assert space(path) <= MIB + 64 * 1024

    @pytest.mark.parametrize("limit", [0, 1, 1000, 5000])
    def test_small_limits(self, output: int, tmp_path: Path, limit: int) -> None:
        """The last 64 KiB are never dropped: the worker stores them."""
        os.write(output, b"x" * MIB)
        Trimmer(output, limit).trim()
        content = (tmp_path / "output").read_bytes()
        assert content[-64 * 1024 :] == b"x" * 64 * 1024
        assert content.count(b"x") <= 80 * 1024

    def test_little_room(self, output: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a disk with little room an output takes no more than it leaves, whatever its limit."""
        trimmer = Trimmer(output, 100 * MIB)
        path = tmp_path / "output"
        disk = 4 * MIB
        monkeypatch.setattr(os, "statvfs", lambda _: Disk(f_frsize=4096, f_bavail=(disk - space(path)) // 4096))
        os.write(output, b"a" * 3 * MIB)
        trimmer.trim()
        assert path.read_bytes() == b"a" * MIB + bytes(MIB) + b"a" * MIB
        os.write(output, b"b" * MIB)
        trimmer.trim()
        assert path.read_bytes() == b"a" * MIB + bytes(2 * MIB) + b"b" * MIB
        assert space(path) == 2 * MIB

    def test_less_and_less_room(self, output: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """When others fill the disk, more of the start goes too, but never the last 64 KiB."""
        trimmer = Trimmer(output, 100 * MIB)
        os.write(output, b"a" * 3 * MIB)
        for room in (3 * MIB, 2 * MIB, MIB, 0, 0, 0, 0, 0, 0, 0):
            monkeypatch.setattr(os, "statvfs", lambda _, room=room: Disk(f_frsize=4096, f_bavail=room // 4096))
            trimmer.trim()
        content = (tmp_path / "output").read_bytes()
        assert content[-64 * 1024 :] == b"a" * 64 * 1024
        assert len(content) == 3 * MIB
        assert content.count(b"a") < 200 * 1024

    def test_where_it_cannot_be_done(self, output: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file system without holes keeps it all."""
        monkeypatch.setattr(kernel, "punch_hole", lambda *_: False)
        os.write(output, b"x" * MIB)
        Trimmer(output, 1000).trim()
        assert (tmp_path / "output").read_bytes() == b"x" * MIB

    def test_no_regular_file(self) -> None:
        """There is nothing to drop in a device."""
        with Path("/dev/null").open("wb") as device:
            Trimmer(device.fileno(), 0).trim()


class TestRuns:
    """While a command runs, and when it has ended."""

    def test_a_command_that_has_ended(self, bench: Bench) -> None:
        """Also one too short for any look while it ran."""
        run = bench.run(
            "head -c 4000000 /dev/zero | tr '\\0' x; head -c 4000000 /dev/zero | tr '\\0' y >&2", split=True
        )
        assert run.written.count(b"x") == run.errors.count(b"y") == 4_000_000
        run = bench.run("head -c 4000000 /dev/zero | tr '\\0' x", max_output=MIB)
        assert len(run.written) == 4_000_000
        assert run.written.count(b"x") <= MIB + 64 * 1024

    def test_a_command_that_runs(self, bench: Bench) -> None:
        """The limit holds before it ends."""
        run = bench.start("head -c 8000000 /dev/zero | tr '\\0' x; echo; sleep 60", max_output=MIB)
        run.wrote(lines=1)
        path = Path(str(run.output.name))
        bench.until(lambda: space(path) <= MIB + 64 * 1024)
        assert run.outcome is None

    def test_a_command_that_is_killed(self, bench: Bench) -> None:
        """What it wrote right before that is dropped too."""
        loud = "trap '' TERM; echo; while :; do head -c 4000000 /dev/zero | tr '\\0' x; done"
        run = bench.run(loud, max_output=MIB, ready=1, timeout=0.3, kill_after=0.1)
        assert run.end().signal == 9
        assert run.written.count(b"x") <= MIB + 64 * 1024

    @pytest.mark.parametrize("leader", ["trap 'echo ended; exit' TERM", "trap 'echo asked; wait' TERM"])
    def test_a_command_that_is_given_time_to_end(self, bench: Bench, leader: str) -> None:
        """What its children write meanwhile is bounded too, whether it has ended by then or not."""
        loud = "trap '' TERM; echo; until test -e go; do sleep 0.01; done; head -c 8000000 /dev/zero | tr '\\0' x"
        command = f"({loud}; sleep 60) & {leader}; echo; wait"
        run = bench.start(command, max_output=MIB, ready=2, timeout=0.1, kill_after=60.0)
        run.wrote(lines=3)
        (bench.folder / "go").touch()
        path = Path(str(run.output.name))
        bench.until(lambda: path.stat().st_size > 8_000_000 and space(path) <= MIB + 64 * 1024)
        assert run.outcome is None

    def test_standard_error_kept_apart(self, bench: Bench) -> None:
        """Each of the two files has the limit."""
        run = bench.run("head -c 4000000 /dev/zero | tr '\\0' x >&2", max_output=MIB, split=True)
        assert run.errors.count(b"x") <= MIB + 64 * 1024
