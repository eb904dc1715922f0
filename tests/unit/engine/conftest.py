"""A home of one's own, and a queue in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl.config import Config, load_config
from queuectl.engine.queue import Queue
from queuectl.testing import MemoryStorage


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def config(work: Path, tmp_path: Path) -> Config:
    """The defaults, with the data in a home of this test's own."""
    return load_config(environ={"QUEUECTL_HOME": str(tmp_path / "home")}, cwd=work)


@pytest.fixture(params=["sqlite", "memory"])
def queue(request: pytest.FixtureRequest, config: Config) -> Iterator[Queue]:
    """A queue in either storage, empty."""
    with Queue(config) as queue:
        if request.param == "memory":
            queue._storage = MemoryStorage()
        yield queue
