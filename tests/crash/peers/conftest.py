"""What these tests start from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import queuectl
from tests.crash.peers.place import Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Make a place for this test, and see that nothing of it goes on."""
    for name in os.environ:
        if name.startswith("QUEUECTL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("QUEUECTL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    place = Place(tmp_path, queuectl.open())
    try:
        yield place
    finally:
        place.close()
