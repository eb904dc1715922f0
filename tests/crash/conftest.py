"""What the tests of crashes, of spoilt disks and of clocks share."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.place import Place
from tests.crash.faults import clocking
from tests.crash.faults.interposing import Interposer, compiled
from tests.crash.faults.staging import Players


@pytest.fixture(scope="session")
def interposer_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the interposer, once for each process of the test run."""
    return _wanted(compiled(tmp_path_factory.mktemp("interposer")), "spoilt disks")


@pytest.fixture(scope="session")
def clock_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile what sets clocks, once for each process of the test run."""
    return _wanted(compiled(tmp_path_factory.mktemp("clock"), clocking.SOURCE), "clocks that are set")


def _wanted(library: Path | None, subject: str) -> Path:
    if library is None:
        if "CI" in os.environ:
            pytest.fail(f"no C compiler here: the tests of {subject} would be left out")
        pytest.skip("no C compiler here: this is not tested")
    return library


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """Return a directory of this test's own, in memory where that can be had: thousands of syncs take a while."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        yield Path(directory)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Return a place of this test's own, in which this process is too, and see that nothing of it goes on."""
    for name in os.environ:
        if name.startswith("QUEUECTL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    place = Place(tmp_path)
    monkeypatch.setenv("QUEUECTL_HOME", str(place.home))
    try:
        yield place
    finally:
        place.close()


@pytest.fixture
def interposer(interposer_library: Path, quick_path: Path) -> Interposer:
    """Return an interposer over a directory of this test's own."""
    root = quick_path / "root"
    root.mkdir(mode=0o700)
    return Interposer(interposer_library, root)


@pytest.fixture
def players(interposer: Interposer) -> Iterator[Players]:
    """Return who plays scenes over that directory."""
    players = Players(interposer)
    yield players
    players.close()
