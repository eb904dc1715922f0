"""A process is killed before each operation on its files, one after the other: the store is sound, nothing is lost."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.crash.faults.interposing import Interposer, recorded
from tests.crash.faults.staging import Players, is_note, is_sound, notes, reset, set_stage


@pytest.mark.parametrize("scene", ["create", "enqueue", "work", "take_over"])
def test_a_process_that_is_killed_loses_nothing(
    interposer: Interposer, players: Players, quick_path: Path, scene: str
) -> None:
    """At every write, sync, creation and removal of a scene: what was acknowledged is there, and nothing is amiss."""
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
        is_sound(root, notes(root))
