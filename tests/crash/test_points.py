"""A process is killed before each operation on its files, one after the other: the store is sound, nothing is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from queuectl_sqlite.storage import SqliteStorage
from tests.crash.faults.interposing import Interposer, recorded
from tests.crash.faults.scenes import COPY, STORE
from tests.crash.faults.staging import Players, is_note, is_sound, notes, reset, set_stage


@pytest.mark.parametrize("scene", ["create", "enqueue", "work", "take_over"])
def test_a_process_that_is_killed_loses_nothing(
    interposer: Interposer, players: Players, quick_path: Path, scene: str
) -> None:
    """At every write, sync, creation and removal of a scene: what was acknowledged is there, and nothing is amiss."""
    for _ in killed_at_each_point(interposer, players, quick_path, scene):
        is_sound(interposer.root, notes(interposer.root))


def test_a_backup_that_is_killed_has_no_name_or_is_whole(
    interposer: Interposer, players: Players, quick_path: Path
) -> None:
    """Nobody takes half a copy for one, and the store is as it was."""
    whole = 0
    for _ in killed_at_each_point(interposer, players, quick_path, "copy"):
        if os.path.lexists(interposer.root / COPY):
            assert counts(interposer.root / COPY) == counts(interposer.root / STORE)
            whole += 1
        is_sound(interposer.root, notes(interposer.root))
    assert whole


def counts(path: Path) -> object:
    """Return how many jobs a store has, which has no fault."""
    with closing(SqliteStorage(path)) as storage:
        assert list(storage.check()) == []
        return storage.counts()


def killed_at_each_point(interposer: Interposer, players: Players, quick_path: Path, scene: str) -> Iterator[int]:
    """Play a scene again and again, killed before its first operation, its second, and so on to its last."""
    root, stage, log = interposer.root, quick_path / "stage", quick_path / "log"
    stage.mkdir(mode=0o700)
    set_stage(scene, stage)
    reset(root, stage)
    assert players.play(scene, log=log) == 0
    points = sum(not is_note(operation) for operation in recorded(log))
    assert points >= 30
    for point in range(1, points + 1):
        reset(root, stage)
        assert players.play(scene, at=point) == -signal.SIGKILL
        yield point
